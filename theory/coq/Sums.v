(** Finite sums of reals, attention rows and their entropy.

    A row is a real vector [s] over a finite type of visible keys; a block is a set [G] of keys; sums are over the type or over a set.
    The softmax of any row is a positive distribution, Gibbs' inequality holds for any distribution (zeros allowed, since ln 0 = 0 in
    Coq and 0 ln 0 = 0 everywhere), and nothing is used of ln but ln x <= x - 1. *)

From Coq Require Import Reals Lra Psatz.
From mathcomp Require Import all_ssreflect.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

(** * Sums *)

Lemma Rplus_associative : associative Rplus. Proof. by move=> x y z; rewrite Rplus_assoc. Qed.
Lemma Rmult_associative : associative Rmult. Proof. by move=> x y z; rewrite Rmult_assoc. Qed.
Lemma Rmult_distributive_left : left_distributive Rmult Rplus. Proof. by move=> x y z; ring. Qed.
Lemma Rmult_distributive_right : right_distributive Rmult Rplus. Proof. by move=> x y z; ring. Qed.
Canonical Rplus_law := Monoid.Law Rplus_associative Rplus_0_l Rplus_0_r.
Canonical Rplus_comlaw := Monoid.ComLaw Rplus_comm.
Canonical Rmult_law := Monoid.Law Rmult_associative Rmult_1_l Rmult_1_r.
Canonical Rmult_comlaw := Monoid.ComLaw Rmult_comm.
Canonical Rmult_mullaw := Monoid.MulLaw Rmult_0_l Rmult_0_r.
Canonical Rplus_addlaw := Monoid.AddLaw Rmult_distributive_left Rmult_distributive_right.

Notation "\sum_ ( i 'in' A ) F" := (\big[Rplus/0%R]_(i in A) F%R) : R_scope.
Notation "\sum_ ( i | P ) F" := (\big[Rplus/0%R]_(i | P) F%R) : R_scope.
Notation "\sum_ ( i < n ) F" := (\big[Rplus/0%R]_(i < n) F%R) : R_scope.
Notation "\sum_ ( i : t ) F" := (\big[Rplus/0%R]_(i : t) F%R) (only parsing) : R_scope.
Notation "\sum_ i F" := (\big[Rplus/0%R]_i F%R) : R_scope.
Notation "'#' A" := (INR #|A|) (at level 9, A at level 9, format "'#' A") : R_scope.

Section Sums.
Variables (I : finType).
Implicit Types (P : pred I) (A B G : {set I}) (f g s : I -> R).

Lemma sum_eq P f g : (forall i, P i -> f i = g i) -> \sum_(i | P i) f i = \sum_(i | P i) g i.
Proof. by move=> h; apply: eq_bigr. Qed.

Lemma sum_le P f g : (forall i, P i -> f i <= g i) -> \sum_(i | P i) f i <= \sum_(i | P i) g i.
Proof. by move=> h; elim/big_ind2: _ => //; [lra | move=> x x' y y'; lra]. Qed.

Lemma sum_ge0 P f : (forall i, P i -> 0 <= f i) -> 0 <= \sum_(i | P i) f i.
Proof. by move=> h; elim/big_ind: _ => //; [lra | move=> x y; lra]. Qed.

Lemma sum_add P f g : \sum_(i | P i) (f i + g i) = \sum_(i | P i) f i + \sum_(i | P i) g i.
Proof. exact: big_split. Qed.

Lemma sum_scale P (c : R) f : \sum_(i | P i) (c * f i) = c * \sum_(i | P i) f i.
Proof. by rewrite big_distrr. Qed.

Lemma sum_scale_right P (c : R) f : \sum_(i | P i) (f i * c) = (\sum_(i | P i) f i) * c.
Proof. by rewrite big_distrl. Qed.

Lemma sum_opp P f : \sum_(i | P i) (- f i) = - (\sum_(i | P i) f i).
Proof. rewrite -[RHS]Rmult_1_l Ropp_mult_distr_r_reverse -Ropp_mult_distr_l_reverse -sum_scale; apply: sum_eq => i _; ring. Qed.

Lemma sum_sub P f g : \sum_(i | P i) (f i - g i) = \sum_(i | P i) f i - \sum_(i | P i) g i.
Proof. by rewrite /Rminus sum_add sum_opp. Qed.

Lemma sum_zero P f : (forall i, P i -> f i = 0) -> \sum_(i | P i) f i = 0.
Proof. by move=> h; rewrite (sum_eq h) big1. Qed.

Lemma sum_const A (c : R) : \sum_(i in A) c = #A * c.
Proof.
  rewrite big_const; elim: #|A| => [|k ih]; first by rewrite /=; lra.
  by rewrite iterS ih S_INR; lra.
Qed.

Lemma sum_const_all (c : R) : \sum_(i : I) c = #I * c.
Proof. by have := sum_const setT c; rewrite cardsT => <-; apply: eq_bigl => i; rewrite inE. Qed.

Lemma sum_split A f : \sum_i f i = \sum_(i in A) f i + \sum_(i in ~: A) f i.
Proof. rewrite (bigID (mem A)) /=; congr (_ + _); apply: eq_bigl => i; by rewrite inE. Qed.

Lemma sum_pick P f k : P k -> \sum_(i | P i) f i = f k + \sum_(i | P i && (i != k)) f i.
Proof. by move=> h; rewrite (bigD1 k). Qed.

Lemma term_le_sum P f k : P k -> (forall i, P i -> 0 <= f i) -> f k <= \sum_(i | P i) f i.
Proof.
  move=> h nonneg; rewrite (sum_pick f h).
  have : 0 <= \sum_(i | P i && (i != k)) f i by apply: sum_ge0 => i /andP [hi _]; exact: nonneg.
  lra.
Qed.

Lemma sum_gt0 P f k : P k -> (forall i, P i -> 0 < f i) -> 0 < \sum_(i | P i) f i.
Proof.
  move=> h pos; apply: Rlt_le_trans (pos k h) _; apply: term_le_sum => // i /pos; lra.
Qed.

(** Two sums that are equal although the terms are ordered have equal terms. *)
Lemma sum_le_eq P f g : (forall i, P i -> f i <= g i) -> \sum_(i | P i) f i = \sum_(i | P i) g i -> forall i, P i -> f i = g i.
Proof.
  move=> le eq k hk.
  have nonneg i : P i -> 0 <= g i - f i by move=> /le; lra.
  have := term_le_sum (f := fun i => g i - f i) hk nonneg.
  rewrite sum_sub eq => small; have := nonneg k hk; lra.
Qed.

Lemma sum_lt P f g k : P k -> (forall i, P i -> f i <= g i) -> f k < g k -> \sum_(i | P i) f i < \sum_(i | P i) g i.
Proof.
  move=> hk le lt; have := sum_le le; case => // eq.
  have := sum_le_eq le eq hk; lra.
Qed.

Lemma sum_in_all f : \sum_(i in [set: I]) f i = \sum_i f i.
Proof. by apply: eq_bigl => i; rewrite inE. Qed.

(** Ordered across two sets, ordered in the sums: #A sum_B f <= #B sum_A g. *)
Lemma sum_pairs A B f g : (forall i j, i \in A -> j \in B -> f j <= g i) -> #A * (\sum_(j in B) f j) <= #B * (\sum_(i in A) g i).
Proof.
  move=> le; rewrite -sum_const -sum_scale.
  apply: sum_le => i hi; rewrite -sum_const; apply: sum_le => j; exact: le.
Qed.

(** Equality in it makes every pair equal. *)
Lemma sum_pairs_eq A B f g : (forall i j, i \in A -> j \in B -> f j <= g i) ->
  #A * (\sum_(j in B) f j) = #B * (\sum_(i in A) g i) -> forall i j, i \in A -> j \in B -> f j = g i.
Proof.
  move=> le; rewrite -sum_const -sum_scale => eq i j hi hj.
  have outer k : k \in A -> \sum_(j in B) f j <= #B * g k by move=> hk; rewrite -sum_const; apply: sum_le => l; exact: le.
  have inner := sum_le_eq outer eq hi; rewrite -sum_const in inner.
  exact: (sum_le_eq (fun l => le i l hi) inner hj).
Qed.

Lemma card_pos A k : k \in A -> 1 <= #A.
Proof. by move=> h; apply: (le_INR 1); apply/leP; rewrite card_gt0; apply/set0Pn; exists k. Qed.

Lemma card_compl A : #(~: A) = #I - #A.
Proof. by rewrite -(cardsC A) plus_INR; lra. Qed.

Lemma sum_eq_out G f g : (forall i, i \notin G -> f i = g i) -> \sum_(i in ~: G) f i = \sum_(i in ~: G) g i.
Proof. by move=> h; apply: sum_eq => i; rewrite inE; exact: h. Qed.

Lemma sum_inside G f (c : R) : (forall i, i \in G -> f i = c) -> \sum_(i in G) f i = #G * c.
Proof. by move=> h; rewrite (sum_eq h) sum_const. Qed.

Lemma sum_outside G f (c : R) : (forall i, i \notin G -> f i = c) -> \sum_(i in ~: G) f i = (#I - #G) * c.
Proof. by move=> h; rewrite (sum_eq_out h) sum_const card_compl. Qed.

(** A sum over the whole type of terms that vanish in G. *)
Lemma sum_cut G f g : (forall i, i \in G -> f i = 0) -> (forall i, i \notin G -> f i = g i) -> \sum_i f i = \sum_(i in ~: G) g i.
Proof. by move=> zero same; rewrite (sum_split G) sum_zero // (sum_eq_out same) Rplus_0_l. Qed.

(** A greatest value is attained. *)
Lemma exists_max f (k : I) : exists top, forall i, f i <= f top.
Proof.
  suff [top [_ h]] : exists top, top \in k :: enum I /\ forall i, i \in k :: enum I -> f i <= f top.
    by exists top => i; apply: h; rewrite inE mem_enum orbT.
  elim: (enum I) => [|x l [top [ht h]]].
    by exists k; rewrite mem_head; split=> // i; rewrite inE => /eqP ->; lra.
  case: (Rle_dec (f x) (f top)) => c.
    exists top; split; first by move: ht; rewrite !inE => /orP [->|->]; rewrite ?orbT.
    move=> i; rewrite !inE => /or3P [/eqP ->|/eqP ->|hi] //; first by apply: h; rewrite mem_head.
    by apply: h; rewrite inE hi orbT.
  exists x; split; first by rewrite !inE eqxx orbT.
  have le i : i \in k :: l -> f i <= f x by move=> /h; lra.
  move=> i; rewrite !inE => /or3P [/eqP ->|/eqP ->|hi]; [by apply: le; rewrite mem_head | lra | by apply: le; rewrite inE hi orbT].
Qed.

End Sums.

(** * Exponential and logarithm *)

Lemma exp_tangent x : 1 + x <= exp x.
Proof. case: (Req_dec x 0) => [->|/exp_ineq1]; [rewrite exp_0|]; lra. Qed.

Lemma exp_le x y : x <= y -> exp x <= exp y.
Proof. case=> [/exp_increasing|->]; lra. Qed.

Lemma exp_le_inv x y : exp x <= exp y -> x <= y.
Proof. case=> [/exp_lt_inv|/exp_inv]; lra. Qed.

(** L0: ln x <= x - 1, with equality at 1 only. *)
Lemma ln_tangent x : 0 < x -> ln x <= x - 1.
Proof. move=> h; have := exp_tangent (ln x); rewrite exp_ln //; lra. Qed.

Lemma ln_tangent_strict x : 0 < x -> x <> 1 -> ln x < x - 1.
Proof.
  move=> h ne; have : ln x <> 0 by move=> eq; apply: ne; rewrite -(exp_ln x h) eq exp_0.
  by move=> /exp_ineq1; rewrite exp_ln //; lra.
Qed.

Lemma ln_le_mono x y : 0 < x -> x <= y -> ln x <= ln y.
Proof. by move=> h [/(ln_increasing _ _ h)|->]; lra. Qed.

Lemma ln_0 x : x <= 0 -> ln x = 0.
Proof. by move=> h; rewrite /ln; case: Rlt_dec => // pos; exfalso; lra. Qed.

Lemma ln_div x y : 0 < x -> 0 < y -> ln (x / y) = ln x - ln y.
Proof. move=> hx hy; have inv := Rinv_0_lt_compat y hy; rewrite /Rdiv ln_mult // ln_Rinv //; lra. Qed.

Lemma exp_minus x y : exp (x - y) = exp x / exp y.
Proof. by rewrite /Rminus exp_plus exp_Ropp. Qed.

(** Cross-multiplied comparison of fractions. *)
Lemma div_mult x d : d <> 0 -> x / d * d = x.
Proof. by move=> h; field. Qed.

Lemma div_le x y b d : 0 < b -> 0 < d -> x * d <= y * b -> x / b <= y / d.
Proof.
  move=> hb hd le; apply: (Rmult_le_reg_r (b * d)); first nra.
  have -> : x / b * (b * d) = x * d by field; lra.
  have -> : y / d * (b * d) = y * b by field; lra.
  exact: le.
Qed.

Lemma div_lt x y b d : 0 < b -> 0 < d -> x * d < y * b -> x / b < y / d.
Proof.
  move=> hb hd le; apply: (Rmult_lt_reg_r (b * d)); first nra.
  have -> : x / b * (b * d) = x * d by field; lra.
  have -> : y / d * (b * d) = y * b by field; lra.
  exact: le.
Qed.

Lemma div_le_inv x y b d : 0 < b -> 0 < d -> x / b <= y / d -> x * d <= y * b.
Proof.
  move=> hb hd le; have := Rmult_le_compat_r (b * d) _ _ ltac:(nra) le.
  have -> : x / b * (b * d) = x * d by field; lra.
  by have -> : y / d * (b * d) = y * b by field; lra.
Qed.

Lemma div_pos x y : 0 < x -> 0 < y -> 0 < x / y.
Proof. exact: Rdiv_lt_0_compat. Qed.

(** * Distributions and Gibbs' inequality *)

Section Distributions.
Variable (I : finType).
Implicit Types (a b s : I -> R) (G : {set I}).

Definition distribution a := (forall i, 0 <= a i) /\ \sum_i a i = 1.
Definition entropy a := - (\sum_i a i * ln (a i)).
Definition mass a G := \sum_(j in G) a j.
Definition outside a G := \sum_(j in ~: G) a j.

(** a ln b - a ln a <= b - a, also at a = 0. *)
Lemma gibbs_term (x y : R) : 0 <= x -> 0 < y -> x * ln y - x * ln x <= y - x.
Proof.
  move=> [hx|<-] hy; last by rewrite Rmult_0_l; lra.
  have := ln_tangent (div_pos hy hx); rewrite ln_div // => h.
  have -> : y - x = x * (y / x - 1) by field; lra.
  nra.
Qed.

Lemma gibbs_term_eq (x y : R) : 0 <= x -> 0 < y -> x * ln y - x * ln x = y - x -> x = y.
Proof.
  move=> [hx|<-] hy; last by rewrite Rmult_0_l; lra.
  move=> eq; case: (Req_dec (y / x) 1) => [one|ne].
    have -> : y = x * (y / x) by field; lra.
    by rewrite one; ring.
  have := ln_tangent_strict (div_pos hy hx) ne; rewrite ln_div // => h.
  have : y - x = x * (y / x - 1) by field; lra.
  nra.
Qed.

(** L1: entropy is at most the cross entropy against any positive vector of sum at most 1; equality iff it is the same vector. *)
Lemma gibbs a b : distribution a -> (forall i, 0 < b i) -> \sum_i b i <= 1 -> entropy a <= - (\sum_i a i * ln (b i)).
Proof.
  move=> [a0 a1] b0 b1.
  have : \sum_i (a i * ln (b i) - a i * ln (a i)) <= \sum_i (b i - a i) by apply: sum_le => i _; exact: gibbs_term.
  rewrite /entropy !sum_sub a1; lra.
Qed.

Lemma gibbs_eq a b : distribution a -> (forall i, 0 < b i) -> \sum_i b i <= 1 ->
  entropy a = - (\sum_i a i * ln (b i)) -> forall i, a i = b i.
Proof.
  move=> [a0 a1] b0 b1 eq i; apply: gibbs_term_eq => //.
  have le j (_ : true) : a j * ln (b j) - a j * ln (a j) <= b j - a j by exact: gibbs_term.
  apply: (sum_le_eq le) => //; rewrite !sum_sub a1; move: eq (sum_le le); rewrite /entropy !sum_sub a1; lra.
Qed.

Lemma entropy_eq a b : (forall i, a i = b i) -> entropy a = entropy b.
Proof. by move=> h; rewrite /entropy; congr (- _); apply: sum_eq => i _; rewrite h. Qed.

Lemma distribution_inhabited a : distribution a -> {i : I | 0 < a i}.
Proof.
  move=> [a0 a1]; case: (pickP (fun i => is_left (Rlt_dec 0 (a i)))) => [i|none].
    by case: Rlt_dec => //= pos _; exists i.
  exfalso; have : \sum_i a i <= \sum_(i : I) 0.
    by apply: sum_le => i _; have := none i; case: Rlt_dec => //= neg _; lra.
  by rewrite a1 sum_zero //; lra.
Qed.

Lemma distribution_le1 a i : distribution a -> a i <= 1.
Proof. by move=> [a0 a1]; rewrite -a1; apply: term_le_sum. Qed.

Lemma mass_outside a G : distribution a -> mass a G = 1 - outside a G.
Proof. by move=> [_ a1]; rewrite -a1 (sum_split G) /mass /outside; ring. Qed.

Lemma outside_ge0 a G : distribution a -> 0 <= outside a G.
Proof. by move=> [a0 _]; exact: sum_ge0. Qed.

Lemma mass_ge0 a G : distribution a -> 0 <= mass a G.
Proof. by move=> [a0 _]; exact: sum_ge0. Qed.

(** * Softmax of a row *)

Definition weight s G := \sum_(j in G) exp (s j).
Definition total s := \sum_j exp (s j).
Definition softmax s (j : I) := exp (s j) / total s.

Lemma total_split s G : total s = weight s G + weight s (~: G).
Proof. exact: sum_split. Qed.

Lemma total_pos s (k : I) : 0 < total s.
Proof. by apply: (@sum_gt0 _ _ _ k) => // i _; exact: exp_pos. Qed.

Lemma weight_pos s G k : k \in G -> 0 < weight s G.
Proof. by move=> h; apply: (sum_gt0 h) => i _; exact: exp_pos. Qed.

Lemma softmax_pos s j : 0 < softmax s j.
Proof. exact: div_pos (exp_pos _) (total_pos s j). Qed.

Lemma mass_softmax s G : mass (softmax s) G = weight s G / total s.
Proof. by rewrite /mass /softmax /Rdiv sum_scale_right. Qed.

Lemma outside_softmax s G : outside (softmax s) G = weight s (~: G) / total s.
Proof. exact: mass_softmax. Qed.

Lemma softmax_distribution s (k : I) : distribution (softmax s).
Proof.
  split=> [i|]; first by have := softmax_pos s i; lra.
  have := total_pos s k; rewrite /softmax /Rdiv sum_scale_right -/(total s) => h; field; lra.
Qed.

Lemma ln_softmax s j : ln (softmax s j) = s j - ln (total s).
Proof. by rewrite /softmax ln_div ?ln_exp //; [exact: exp_pos | exact: total_pos j]. Qed.

(** Entropy of a softmax: ln of the total minus the mean score. *)
Lemma entropy_softmax s (k : I) : entropy (softmax s) = ln (total s) - \sum_i softmax s i * s i.
Proof.
  have [_ one] := softmax_distribution s k.
  rewrite /entropy (sum_eq (g := fun i => softmax s i * s i - ln (total s) * softmax s i)) => [|i _]; last by rewrite ln_softmax; ring.
  by rewrite sum_sub sum_scale one; ring.
Qed.

(** * Blocks *)

(** 1 <= g <= n - 1: a key in the block and one outside. *)
Definition block G := (0 < #|G| < #|I|)%N.

Lemma block_in G : block G -> exists i, i \in G.
Proof. by case/andP => + _; rewrite card_gt0 => /set0Pn. Qed.

Lemma block_out G : block G -> exists j, j \in ~: G.
Proof.
  case/andP => _ lt; apply/set0Pn; rewrite -card_gt0.
  by have := cardsC G; rewrite -(ltn_add2l #|G|) addn0 => ->.
Qed.

Lemma block_sizes G : block G -> 1 <= #G /\ 1 <= #I - #G.
Proof. by move=> b; have [i hi] := block_in b; have [j hj] := block_out b; rewrite -card_compl; split; apply: card_pos; [exact: hi | exact: hj]. Qed.

(** The relation that Python states is this one. *)
Lemma block_is G : block G <-> (1 <= #G /\ #I - #G >= 1).
Proof.
  split=> [b|[lo hi]]; first by have := block_sizes b; lra.
  by apply/andP; split; apply/ltP; apply: INR_lt; [change (INR 0) with 0; lra | lra].
Qed.

(** Every score in the block beats every score outside by t. *)
Definition leads s G (t : R) := forall i j, i \in G -> j \notin G -> t <= s i - s j.
(** The two-level row: one score in the block, a score lower by t outside. *)
Definition two_level s G (t : R) := exists low, forall k, s k = if k \in G then low + t else low.

Lemma two_level_pairs s G t : block G -> (two_level s G t <-> forall i j, i \in G -> j \notin G -> s i - s j = t).
Proof.
  move=> b; split=> [[low eq] i j hi hj|eq]; first by rewrite !eq hi (negbTE hj); ring.
  have [i hi] := block_in b; have [j] := block_out b; rewrite inE => hj.
  exists (s j) => k; case: ifP => hk; first by have := eq k j hk hj; lra.
  have := eq i k hi (negbT hk); have := eq i j hi hj; lra.
Qed.

Lemma two_level_leads s G t : two_level s G t -> leads s G t.
Proof. by move=> [low eq] i j hi hj; rewrite !eq hi (negbTE hj); lra. Qed.

(** The two-level distribution of gap t: weights 1/Z in the block, e^-t/Z outside. *)
Definition level_score G (t : R) (k : I) : R := if k \in G then 0 else - t.

Lemma weight_level G t : weight (level_score G t) G = #G.
Proof. by rewrite /weight /level_score (sum_eq (g := fun=> 1)) ?sum_const ?Rmult_1_r // => i ->; exact: exp_0. Qed.

Lemma weight_level_out G t : weight (level_score G t) (~: G) = (#I - #G) * exp (- t).
Proof. by rewrite /weight /level_score -card_compl -sum_const; apply: sum_eq => i; rewrite inE => /negbTE ->. Qed.

Lemma total_level G t : total (level_score G t) = #G + (#I - #G) * exp (- t).
Proof. by rewrite (total_split _ G) weight_level weight_level_out. Qed.

Lemma level_two_level G t : two_level (level_score G t) G t.
Proof. by exists (- t) => k; rewrite /level_score; case: ifP; lra. Qed.

End Distributions.
