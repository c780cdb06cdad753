(** Rules: nats added to the scores of a set of keys, taken off again; what they move and what they cost.

    c are content scores over a finite type of visible keys. A rule is a set S of keys and a strength b, the row with it is
    [dialled c S b]; [block S] says that it has a key in and a key out. Several rules are a family S k, b k over a finite type K of rules,
    overlapping or not: they add [tilt S b] to the content.

    Against the informal statement: divergences are sums over all keys of p (ln p - ln a), where ln 0 = 0 makes a weight 0 add nothing;
    a distribution is any vector of weights >= 0 of sum 1. Statements in which Python numbers the keys 1..g and g + 1..n need no such
    numbering here. What Python takes from the lemma sums_swap is proved. The residues of floats are those of rounding to nearest,
    ties to even, in Flocq's format of 24 bits. *)

From Coq Require Import Reals Lra Psatz ZArith Lia.
From mathcomp Require Import all_ssreflect.
From Coquelicot Require Import Coquelicot.
From Flocq Require Import Core.
From Localist Require Import Sums Vectors Gradients concentration entropy dial.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

Section Definitions.
Variables (I K : finType).
Implicit Types (c T p a : I -> R) (S : {set I}).

(** KL divergence of p from a, nats. *)
Definition KL p a := \sum_j p j * (ln (p j) - ln (a j)).
(** kl(p || q) of two coins. *)
Definition kl (p q : R) := p * ln (p / q) + (1 - p) * ln ((1 - p) / (1 - q)).
Definition logit_of a S := ln (Sums.mass a S) - ln (outside a S).
(** What the rules add to a key's score; all rules, and all but one. *)
Definition tilt (S : K -> {set I}) (b : K -> R) (j : I) := \sum_k (if j \in S k then b k else 0).
Definition tilt_without (S : K -> {set I}) (b : K -> R) (k : K) (j : I) := \sum_(l | l != k) (if j \in S l then b l else 0).
Definition ruled c T (j : I) := c j + T j.
(** Rules injected into a row of weights: every weight times e^(what is added), normalised. *)
Definition reinjected a T (j : I) := a j * exp (T j) / \sum_i a i * exp (T i).
End Definitions.

Section One.
Variables (I : finType).
Implicit Types (c s T p a : I -> R) (S : {set I}).

Lemma mass_open c S : block S -> 0 < Sums.mass (softmax c) S < 1.
Proof. by move=> b; rewrite mass_of //; have := outside_open c b; lra. Qed.

Lemma complement c S : block S -> outside (softmax c) S = 1 - Sums.mass (softmax c) S.
Proof. by move=> b; rewrite mass_of //; ring. Qed.

Lemma total_rule c S b (i : I) : total (dialled c S b) / total c = 1 + Sums.mass (softmax c) S * (exp b - 1).
Proof.
  have pos := total_pos c i; rewrite mass_softmax (total_split _ S) weight_in weight_out.
  by have := total_split c S => eq; rewrite {2}eq in pos *; rewrite eq; field; lra.
Qed.

Lemma sum_added c S b a : \sum_j a j * (dialled c S b j - c j) = b * Sums.mass a S.
Proof.
  rewrite (sum_split S) /Sums.mass -sum_scale.
  have -> : \sum_(j in ~: S) a j * (dialled c S b j - c j) = 0.
    by apply: sum_zero => j; rewrite inE /dialled => /negbTE hj; rewrite hj; ring.
  by rewrite Rplus_0_r; apply: sum_eq => j hj; rewrite /dialled hj; ring.
Qed.

(** Divergence of one softmax from another: mean change of the scores minus ln of the ratio of the totals. *)
Lemma KL_rows s c (i : I) : KL (softmax s) (softmax c) = \sum_j softmax s j * (s j - c j) - ln (total s / total c).
Proof.
  have [_ one] := softmax_distribution s i; have p := total_pos s i; have q := total_pos c i.
  rewrite /KL ln_div // (sum_eq (g := fun j => softmax s j * (s j - c j) - (ln (total s) - ln (total c)) * softmax s j)) => [|j _].
    by rewrite sum_sub sum_scale one; ring.
  by rewrite !ln_softmax; ring.
Qed.

(** Divergence of any distribution from two rows differs by the mean change of the scores. *)
Lemma KL_split s c p : distribution p -> KL p (softmax c) = KL p (softmax s) + \sum_j p j * (s j - c j) - ln (total s / total c).
Proof.
  move=> d; have [i _] := distribution_inhabited d; case: d => _ one.
  have ps := total_pos s i; have pc := total_pos c i; rewrite ln_div // /KL -sum_add.
  rewrite [X in _ = _ - X](_ : _ = \sum_j p j * (ln (total s) - ln (total c))); last by rewrite sum_scale_right one; ring.
  by rewrite -sum_sub; apply: sum_eq => j _; rewrite !ln_softmax; ring.
Qed.

Lemma KL_entropy p a : KL p a = - entropy p - \sum_j p j * ln (a j).
Proof.
  rewrite /KL /entropy Ropp_involutive -sum_sub; apply: sum_eq => j _; ring.
Qed.

Lemma KL_ge0 p a : distribution p -> (forall j, 0 < a j) -> \sum_j a j <= 1 -> 0 <= KL p a.
Proof. by move=> d pos one; have := gibbs d pos one; rewrite KL_entropy; lra. Qed.

Lemma KL_zero p a : distribution p -> (forall j, 0 < a j) -> \sum_j a j <= 1 -> KL p a = 0 -> p =1 a.
Proof. by move=> d pos one; rewrite KL_entropy => zero; apply: (gibbs_eq d pos one); lra. Qed.

(** Twice what a weight p leaves against a: p (ln p - ln a) >= 2 p - 2 sqrt(p a). *)
Lemma hellinger_term (p a : R) : 0 <= p -> 0 < a -> 2 * p - 2 * (sqrt p * sqrt a) <= p * (ln p - ln a).
Proof.
  move=> [p0|<-] a0; last by rewrite sqrt_0; lra.
  have rp := sqrt_lt_R0 p p0; have ra := sqrt_lt_R0 a a0; have sp := sqrt_sqrt p ltac:(lra); have sa := sqrt_sqrt a ltac:(lra).
  have h := ln_tangent (div_pos ra rp); rewrite ln_div // in h.
  have -> : ln p = 2 * ln (sqrt p) by rewrite -{1}sp ln_mult //; ring.
  have -> : ln a = 2 * ln (sqrt a) by rewrite -{1}sa ln_mult //; ring.
  have := Rmult_le_compat_l (2 * p) _ _ ltac:(lra) h.
  have -> : 2 * p * (sqrt a / sqrt p - 1) = 2 * (sqrt p * sqrt a) - 2 * p by rewrite -{1 4}sp; field; lra.
  lra.
Qed.

Definition roots_apart p a := \sum_j (sqrt (p j) - sqrt (a j)) * (sqrt (p j) - sqrt (a j)).

Lemma hellinger p a : distribution p -> distribution a -> (forall j, 0 < a j) -> roots_apart p a <= KL p a.
Proof.
  move=> [p0 p1] [_ a1] pos; rewrite /roots_apart /KL.
  have zero : \sum_j (a j - p j) = 0 by rewrite sum_sub p1 a1; ring.
  have -> : \sum_j (sqrt (p j) - sqrt (a j)) * (sqrt (p j) - sqrt (a j)) = \sum_j (2 * p j - 2 * (sqrt (p j) * sqrt (a j))).
    apply: Rminus_diag_uniq; rewrite -sum_sub; apply: (etrans _ zero); apply: sum_eq => j _.
    have := sqrt_sqrt (p j) (p0 j); have := sqrt_sqrt (a j) (Rlt_le _ _ (pos j)); nra.
  by apply: sum_le => j _; apply: hellinger_term.
Qed.

End One.

(** * One rule *)

(** A rule of b nats raises the log-odds of its keys by exactly b. *)
Theorem logit (I : finType) (S : {set I}) (c : I -> R) (b : R) (rule : block S) :
  logit_of (softmax (dialled c S b)) S = logit_of (softmax c) S + b.
Proof. by have := dial.logit c 1 b rule; rewrite Rmult_1_l. Qed.

(** Mass of a rule's keys after the rule. *)
Theorem fidelity (I : finType) (S : {set I}) (c : I -> R) (b : R) (rule : block S) : let F0 := Sums.mass (softmax c) S in
  Sums.mass (softmax (dialled c S b)) S = F0 * exp b / (1 - F0 + F0 * exp b).
Proof.
  move=> F0; have := dial.fidelity c 1 b rule; rewrite Rmult_1_l /= complement // -/F0 => ->.
  by congr (_ / _); [ring | ring].
Qed.

(** Among a rule's keys, relative attention does not move. *)
Theorem conditionals (I : finType) (S : {set I}) (c : I -> R) (b : R) (j : I) (rule : block S) (inside : j \in S) :
  dial.given (dialled c S b) S j = dial.given c S j.
Proof. by have := dial.conditionals c 1 b rule inside; rewrite Rmult_1_l. Qed.

(** Among the other keys, relative attention does not move. *)
Theorem conditionals_outside (I : finType) (S : {set I}) (c : I -> R) (b : R) (j : I) (rule : block S) (outside : j \notin S) :
  dial.given (dialled c S b) (~: S) j = dial.given c (~: S) j.
Proof. by have := dial.conditionals_outside c 1 b rule outside; rewrite Rmult_1_l. Qed.

(** The one strength that gives a rule's keys a mass. *)
Theorem strength (I : finType) (S : {set I}) (c : I -> R) (b phi : R) (phi_positive : 0 < phi) (rule : block S) (target : phi < 1)
    (strength : let F0 := Sums.mass (softmax c) S in b = ln (phi / (1 - phi)) - ln (F0 / (1 - F0))) :
  Sums.mass (softmax (dialled c S b)) S = phi.
Proof.
  have := mass_open c rule; move: strength; rewrite /= fidelity //; set F0 := Sums.mass _ _ => -> h.
  rewrite exp_minus !exp_ln; try by apply: div_pos; lra.
  by field; repeat split; nra.
Qed.

(** No other strength does. *)
Theorem strength_unique (I : finType) (S : {set I}) (c : I -> R) (b b' : R) (rule : block S)
    (same : Sums.mass (softmax (dialled c S b)) S = Sums.mass (softmax (dialled c S b')) S) : b = b'.
Proof.
  have := logit c b rule; have := logit c b' rule; rewrite /logit_of !complement // same; lra.
Qed.

(** Divergence paid for a rule. *)
Theorem divergence (I : finType) (S : {set I}) (c : I -> R) (b : R) (rule : block S) : let row := softmax (dialled c S b) in
  KL row (softmax c) = Sums.mass row S * b - ln (1 + Sums.mass (softmax c) S * (exp b - 1)).
Proof. by move=> row; have [i _] := block_in rule; rewrite /row KL_rows // sum_added total_rule //; ring. Qed.

(** The same from the mass before and the strength. *)
Theorem divergence_of_strength (I : finType) (S : {set I}) (c : I -> R) (b : R) (rule : block S) : let F0 := Sums.mass (softmax c) S in
  KL (softmax (dialled c S b)) (softmax c) = F0 * exp b / (1 - F0 + F0 * exp b) * b - ln (1 + F0 * (exp b - 1)).
Proof. by move=> F0; rewrite divergence // fidelity. Qed.

(** It is the divergence of two coins. *)
Theorem divergence_binary (I : finType) (S : {set I}) (c : I -> R) (b : R) (rule : block S) : let row := softmax (dialled c S b) in
  KL row (softmax c) = kl (Sums.mass row S) (Sums.mass (softmax c) S).
Proof.
  move=> row; have h := mass_open c rule; have h' := mass_open (dialled c S b) rule; have law := logit c b rule.
  rewrite /row divergence // /kl !ln_div; try lra.
  move: law; rewrite /logit_of !complement // => law.
  have -> : 1 + Sums.mass (softmax c) S * (exp b - 1) = (1 - Sums.mass (softmax c) S) / (1 - Sums.mass (softmax (dialled c S b)) S).
    rewrite fidelity //; have e := exp_pos b; set F0 := Sums.mass _ _ in h *; field; repeat split; nra.
  rewrite ln_div; try lra.
  have -> : ln (Sums.mass (softmax (dialled c S b)) S) = ln (Sums.mass (softmax c) S) - ln (1 - Sums.mass (softmax c) S)
    + ln (1 - Sums.mass (softmax (dialled c S b)) S) + b by lra.
  ring.
Qed.

Lemma cap (F0 b : R) : 0 < F0 < 1 -> F0 * exp b / (1 - F0 + F0 * exp b) * b - ln (1 + F0 * (exp b - 1)) <= b ^ 2 / 8.
Proof.
  move=> h; pose f x := x ^ 2 / 8 - F0 * exp x / (1 - F0 + F0 * exp x) * x + ln (1 + F0 * (exp x - 1)).
  pose f' x := x * (1 / 2 - F0 * exp x / (1 - F0 + F0 * exp x)) ^ 2.
  have der x : is_derive f x (f' x).
    have e := exp_pos x; rewrite /f; auto_derive; first by repeat split; nra.
    by rewrite /f'; field; repeat split; nra.
  have f0 : f 0 = 0 by rewrite /f exp_0 (_ : 1 + F0 * (1 - 1) = 1) ?ln_1; field; lra.
  suff : 0 <= f b by rewrite /f; lra.
  have sq x : 0 <= (1 / 2 - F0 * exp x / (1 - F0 + F0 * exp x)) ^ 2 by apply: pow2_ge_0.
  case: (Rle_dec 0 b) => b0.
    rewrite -f0; apply: (@grows f f' 0 b b0) => [x _|x hx]; [exact: der | rewrite /f'; have := sq x; nra].
  rewrite -f0; pose g x := f (- x).
  have -> : f b = g (- b) by rewrite /g Ropp_involutive. have -> : f 0 = g 0 by rewrite /g Ropp_0.
  apply: (@grows g (fun x => - f' (- x)) 0 (- b)); first lra.
    move=> x _; rewrite /g; have := is_derive_comp f (fun x => - x) x _ _ (der (- x)) (is_derive_opp _ x 1 (is_derive_id x)).
    by rewrite /scal /= /mult /= /opp /= /one /= => d; apply: (is_derive_value d); ring.
  by move=> x hx; rewrite /f'; have := sq (- x); nra.
Qed.

(** No rule costs more than b^2/8 nats of divergence. *)
Theorem divergence_cap (I : finType) (S : {set I}) (c : I -> R) (b : R) (rule : block S) :
  KL (softmax (dialled c S b)) (softmax c) <= b ^ 2 / 8.
Proof. by rewrite divergence_of_strength //; apply: cap; exact: mass_open. Qed.

(** A rule moves the row's output by at most D tanh(|b|/4). *)
Theorem output (I J : finType) (S : {set I}) (c : I -> R) (v : I -> vector J) (b D : R) (rule : block S) (apart : values_apart v S D) :
  norm (vsub (dial.output (dialled c S b) v) (dial.output c v)) <= D * ((exp (Rabs b / 2) - 1) / (exp (Rabs b / 2) + 1)).
Proof.
  have := dial.continuity c b 0 Rlt_0_1 rule apart; rewrite !Rmult_1_l Rminus_0_r.
  have -> : dial.output (dialled c S 0) v = dial.output c v; last by [].
  by rewrite /dial.output /vmean; apply: vector_eq => j; apply: sum_eq => i _; rewrite (softmax_ext (dialled_0 c S)).
Qed.

(** * Several rules *)

Section Several.
Variables (I K : finType) (S : K -> {set I}).
Implicit Types (c T : I -> R) (b y : K -> R).

Lemma tilt_split b k j : tilt S b j = (if j \in S k then b k else 0) + tilt_without S b k j.
Proof. by rewrite /tilt (@sum_pick _ _ _ k). Qed.

Lemma ruled_split c b k : ruled c (tilt S b) =1 dialled (ruled c (tilt_without S b k)) (S k) (b k).
Proof. by move=> j; rewrite /ruled /dialled (tilt_split b k); case: (j \in S k); ring. Qed.

Lemma mass_ext (a a' : I -> R) G : a =1 a' -> Sums.mass a G = Sums.mass a' G.
Proof. by move=> h; apply: sum_eq => j _. Qed.

Lemma logit_ext (a a' : I -> R) G : a =1 a' -> logit_of a G = logit_of a' G.
Proof. by move=> h; rewrite /logit_of /outside (mass_ext G h) -/(Sums.mass a (~: G)) (mass_ext (~: G) h). Qed.

(** What keys carry under weights p, summed over keys, is what rules weigh, summed over rules. *)
Lemma sums_swap p b : \sum_j p j * tilt S b j = \sum_k b k * Sums.mass p (S k).
Proof.
  rewrite /tilt (sum_eq (g := fun j => \sum_k p j * (if j \in S k then b k else 0))) => [|j _]; last by rewrite sum_scale.
  rewrite exchange_big /=; apply: sum_eq => k _; rewrite /Sums.mass -sum_scale [RHS]big_mkcond /=; apply: sum_eq => j _.
  by case: (j \in S k); ring.
Qed.

End Several.

Lemma logit_weights (I : finType) (s : I -> R) (S : {set I}) : block S ->
  logit_of (softmax s) S = ln (weight s S) - ln (weight s (~: S)).
Proof.
  move=> b; have [p q] := weights_pos s b; have [i _] := block_in b; have t := total_pos s i.
  by rewrite /logit_of mass_softmax outside_softmax !ln_div //; ring.
Qed.

(** Leave-one-out law: a rule adds its strength to the log-odds that its keys have under all that is added besides, T. *)
Theorem leave_one_out (I : finType) (S : {set I}) (c T : I -> R) (b : R) (rule : block S) :
  logit_of (softmax (dialled (ruled c T) S b)) S = b + logit_of (softmax (ruled c T)) S.
Proof. by rewrite logit //; ring. Qed.

(** For a family of rules: under all others. *)
Theorem leave_one_out_of_rules (I K : finType) (S : K -> {set I}) (c : I -> R) (b : K -> R) (k : K) (rule : block (S k)) :
  logit_of (softmax (ruled c (tilt S b))) (S k) = b k + logit_of (softmax (ruled c (tilt_without S b k))) (S k).
Proof. by rewrite (logit_ext _ (softmax_ext (ruled_split S c b k))) leave_one_out. Qed.

Lemma weight_between (I : finType) (c T : I -> R) (S : {set I}) (low top : R) : (forall j, low <= T j <= top) ->
  exp low * weight c S <= weight (ruled c T) S <= exp top * weight c S.
Proof.
  move=> h; rewrite /weight -!sum_scale; split; apply: sum_le => j _; rewrite /ruled -exp_plus; apply: exp_le; have := h j; lra.
Qed.

(** What is added besides moves a rule's log-odds by at most its oscillation. *)
Theorem interaction (I : finType) (S : {set I}) (c T : I -> R) (b low top : R) (rule : block S) (others : forall j, low <= T j <= top) :
  Rabs (logit_of (softmax (dialled (ruled c T) S b)) S - logit_of (softmax c) S - b) <= top - low.
Proof.
  rewrite leave_one_out // !logit_weights //.
  have [p q] := weights_pos c rule; have [p' q'] := weights_pos (ruled c T) rule.
  have [lo hi] := weight_between c S others; have [lo' hi'] := weight_between c (~: S) others.
  have logs w x : 0 < w -> ln (exp x * w) = x + ln w by move=> h; rewrite ln_mult ?ln_exp //; exact: exp_pos.
  have pos x w : 0 < w -> 0 < exp x * w by move=> h; apply: Rmult_lt_0_compat (exp_pos _) h.
  have a1 := ln_le_mono (pos low _ p) lo; have a2 := ln_le_mono p' hi; have a3 := ln_le_mono (pos low _ q) lo'; have a4 := ln_le_mono q' hi'.
  rewrite !logs // in a1 a2 a3 a4; apply: Rabs_le; lra.
Qed.

(** For a family of rules. *)
Theorem interaction_of_rules (I K : finType) (S : K -> {set I}) (c : I -> R) (b : K -> R) (k : K) (low top : R) (rule : block (S k))
    (others : forall j, low <= tilt_without S b k j <= top) :
  Rabs (logit_of (softmax (ruled c (tilt S b))) (S k) - logit_of (softmax c) (S k) - b k) <= top - low.
Proof. by rewrite (logit_ext _ (softmax_ext (ruled_split S c b k))); apply: interaction. Qed.

(** It is attained by one other rule on the same keys. *)
Theorem interaction_attained (I : finType) (S : {set I}) (c : I -> R) (b x : R) (rule : block S) :
  let rules := fun=> S : {set I} in let strengths := fun l : bool => if l then b else x in
  Rabs (logit_of (softmax (ruled c (tilt rules strengths))) S - logit_of (softmax c) S - b) = Rabs x
  /\ forall i j, tilt_without rules strengths true i - tilt_without rules strengths true j <= Rabs x.
Proof.
  move=> rules strengths.
  have one j : tilt_without rules strengths true j = if j \in S then x else 0.
    rewrite /tilt_without /rules /strengths (big_pred1 false) //; by case.
  split.
    have ext : ruled c (tilt_without rules strengths true) =1 dialled c S x.
      by move=> j; rewrite /ruled one /dialled; case: (j \in S); rewrite /=; ring.
    have := leave_one_out_of_rules (S := rules) c strengths (k := true) rule.
    rewrite (logit_ext (rules true) (softmax_ext ext)) /rules logit // => ->; congr Rabs; rewrite /strengths; lra.
  move=> i j; rewrite !one; have := Rle_abs x; have := Rabs_pos x; have := Rle_abs (- x); rewrite Rabs_Ropp.
  by case: (i \in S); case: (j \in S); lra.
Qed.

(** What rules add differs between two keys by at most the sum of their absolute strengths. *)
Theorem oscillation (I K : finType) (S : K -> {set I}) (b : K -> R) (i j : I) : tilt S b i - tilt S b j <= \sum_k Rabs (b k).
Proof.
  rewrite /tilt -sum_sub; apply: sum_le => k _; have := Rle_abs (b k); have := Rabs_pos (b k).
  have := Rle_abs (- b k); rewrite Rabs_Ropp; by case: (i \in S k); case: (j \in S k); lra.
Qed.

Lemma alike_adds (I : finType) (S : {set I}) (c T : I -> R) (rule : block S) :
  weight (ruled c T) S * weight c (~: S) = weight (ruled c T) (~: S) * weight c S ->
  logit_of (softmax (ruled c T)) S = logit_of (softmax c) S.
Proof.
  move=> eq; have [p q] := weights_pos c rule; have [p' q'] := weights_pos (ruled c T) rule.
  have := f_equal ln eq; rewrite !logit_weights // !ln_mult //; lra.
Qed.

(** Shifts add where the other rules lift a rule's keys and the rest alike. *)
Theorem additive (I : finType) (S : {set I}) (c T : I -> R) (b : R) (rule : block S)
    (alike : weight (ruled c T) S * weight c (~: S) = weight (ruled c T) (~: S) * weight c S) :
  logit_of (softmax (dialled (ruled c T) S b)) S = logit_of (softmax c) S + b.
Proof. by rewrite leave_one_out // (alike_adds rule alike); ring. Qed.

(** And only there. *)
Theorem additive_only (I : finType) (S : {set I}) (c T : I -> R) (b : R) (rule : block S)
    (adds : logit_of (softmax (dialled (ruled c T) S b)) S = logit_of (softmax c) S + b) :
  weight (ruled c T) S * weight c (~: S) = weight (ruled c T) (~: S) * weight c S.
Proof.
  move: adds; rewrite leave_one_out // !logit_weights //.
  have [p q] := weights_pos c rule; have [p' q'] := weights_pos (ruled c T) rule => adds.
  by apply: ln_inv; try exact: Rmult_lt_0_compat; rewrite !ln_mult //; lra.
Qed.

Lemma weight_dialled_meet (I : finType) (c : I -> R) (A G : {set I}) (x : R) :
  weight (dialled c G x) A = exp x * weight c (A :&: G) + weight c (A :\: G).
Proof.
  rewrite /weight (bigID (mem G)) /= -sum_scale; congr (_ + _).
    rewrite [LHS](eq_bigl (fun j => j \in A :&: G)) => [|j]; last by rewrite inE.
    by apply: sum_eq => j; rewrite inE => /andP [_ hj]; rewrite /dialled hj exp_plus; ring.
  rewrite [LHS](eq_bigl (fun j => j \in A :\: G)) => [|j]; last by rewrite inE andbC.
  by apply: sum_eq => j; rewrite inE => /andP [/negbTE hj _]; rewrite /dialled hj.
Qed.

Lemma weight_meet (I : finType) (c : I -> R) (A G : {set I}) : weight c A = weight c (A :&: G) + weight c (A :\: G).
Proof.
  have := weight_dialled_meet c A G 0; rewrite exp_0 Rmult_1_l => <-.
  by apply: sum_eq => j _; rewrite dialled_0.
Qed.

(** Shifts add for two rules whose key sets are independent under the row. *)
Theorem independent (I : finType) (S G : {set I}) (c : I -> R) (b x : R) (rule : block S)
    (independent : let a := softmax c in Sums.mass a (S :&: G) = Sums.mass a S * Sums.mass a G) :
  logit_of (softmax (dialled (dialled c G x) S b)) S = logit_of (softmax c) S + b.
Proof.
  rewrite logit //; congr (_ + _).
  have ext : dialled c G x =1 ruled c (fun j => if j \in G then x else 0) by move=> j; rewrite /dialled /ruled; case: ifP => _; ring.
  rewrite (logit_ext S (softmax_ext ext)); apply: alike_adds => //.
  have w A : weight (ruled c (fun j => if j \in G then x else 0)) A = exp x * weight c (A :&: G) + weight c (A :\: G).
    by rewrite -weight_dialled_meet; apply: sum_eq => j _; rewrite ext.
  rewrite !w; have [i _] := block_in rule; have t := total_pos c i.
  move: independent; rewrite /= !mass_softmax => ind.
  have sS := weight_meet c S G; have sC := weight_meet c (~: S) G; have tot := total_split c S.
  have tG : weight c G = weight c (S :&: G) + weight c (~: S :&: G) by rewrite (weight_meet c G S) (setIC G) setDE (setIC G).
  have cross : weight c (S :&: G) * total c = weight c S * weight c G.
    have -> : weight c (S :&: G) = weight c (S :&: G) / total c * total c by field; lra.
    by rewrite ind; field; lra.
  rewrite tot tG sS sC in cross; rewrite sS sC.
  set A := weight c (S :&: G) in cross *; set B := weight c (S :\: G) in cross *.
  set C := weight c (~: S :&: G) in cross *; set D := weight c (~: S :\: G) in cross *.
  have eq : A * D = B * C by lra.
  have -> : (exp x * A + B) * (C + D) = exp x * A * C + exp x * (A * D) + B * C + B * D by ring.
  by rewrite -eq; have -> : (exp x * C + D) * (A + B) = exp x * A * C + exp x * (B * C) + A * D + B * D by [ring]; rewrite -eq.
Qed.

(** Weights (1/4, 1/4, 1/2), a rule of 1 nat on the first key and one of 2 nats on the second: what their log-odds become. *)
Definition three (k : bool) : {set option bool} := [set Some k].
Definition three_strengths (k : bool) : R := if k then 1 else 2.
Definition three_content (j : option bool) : R := if j is Some _ then 0 else ln 2.

Lemma three_sum (f : option bool -> R) : \sum_j f j = f (Some true) + f (Some false) + f None.
Proof.
  rewrite (bigD1 (Some true)) //= (bigD1 (Some false)) //= (bigD1 None) //= big1 ?Rplus_0_r; first by ring.
  by move=> [[]|] //=.
Qed.

Lemma three_weight (s : option bool -> R) k : weight s (three k) = exp (s (Some k)).
Proof. by rewrite /weight /three big_set1. Qed.

Lemma three_out (s : option bool -> R) k : weight s (~: three k) = exp (s (Some (~~ k))) + exp (s None).
Proof.
  have := total_split s (three k); rewrite three_weight /total three_sum; case: k => /=; lra.
Qed.

Lemma three_block k : block (three k).
Proof. by rewrite /block /three cards1 card_option card_bool. Qed.

Lemma three_tilt j : tilt three three_strengths j = (if j is Some k then three_strengths k else 0).
Proof.
  rewrite /tilt big_bool /three /three_strengths !inE.
  by case: j => [[]|] /=; rewrite ?eqxx /=; rewrite ?(_ : (Some true == Some false) = false) //=; ring.
Qed.

Lemma exp_1_2 : 2 < exp 1.
Proof. have := exp_ineq1 1 ltac:(lra); lra. Qed.

(** A rule of +1 nat can lower its own keys. *)
Theorem disjoint_lowered : let shift k := logit_of (softmax (ruled three_content (tilt three three_strengths))) (three k)
    - logit_of (softmax three_content) (three k) in
  shift true = 1 + ln 3 - ln (exp 2 + 2) /\ 1 + ln 3 - ln (exp 2 + 2) < 0.
Proof.
  move=> shift; have e := exp_1_2; have e2 : exp 2 = exp 1 * exp 1 by rewrite -exp_plus; congr exp; lra.
  split.
    rewrite /shift !logit_weights ?three_block // !three_weight !three_out /ruled !three_tilt /= /three_strengths !Rplus_0_l !Rplus_0_r exp_0 !exp_ln; try lra.
    rewrite !ln_exp ln_1 (_ : 1 + 2 = 3); [ring | lra].
  have <- : ln (exp 1 * 3) = 1 + ln 3 by rewrite ln_mult ?ln_exp //; [exact: exp_pos | lra].
  have := ln_increasing (exp 1 * 3) (exp 2 + 2) ltac:(nra) ltac:(rewrite e2; nra); lra.
Qed.

(** The stronger of the two rules falls short as well. *)
Theorem disjoint_short : let shift k := logit_of (softmax (ruled three_content (tilt three three_strengths))) (three k)
    - logit_of (softmax three_content) (three k) in
  shift false = 2 + ln 3 - ln (exp 1 + 2) /\ 2 + ln 3 - ln (exp 1 + 2) < 2.
Proof.
  move=> shift; have e := exp_1_2; split.
    rewrite /shift !logit_weights ?three_block // !three_weight !three_out /ruled !three_tilt /= /three_strengths !Rplus_0_l !Rplus_0_r exp_0 !exp_ln; try lra.
    rewrite !ln_exp ln_1 (_ : 1 + 2 = 3); [ring | lra].
  have := ln_increasing 3 (exp 1 + 2) ltac:(lra) ltac:(lra); lra.
Qed.

(** * Order, ejection, uniqueness *)

Lemma reinjected_softmax (I : finType) (s T : I -> R) (j : I) : reinjected (softmax s) T j = softmax (ruled s T) j.
Proof.
  have p := total_pos s j; have q := total_pos (ruled s T) j.
  have eq : \sum_i softmax s i * exp (T i) = total (ruled s T) / total s.
    rewrite /total /Rdiv -sum_scale_right; apply: sum_eq => i _; rewrite /softmax /ruled exp_plus /total; rewrite /Rdiv; ring.
  by rewrite /reinjected eq /softmax /ruled exp_plus -/(ruled s T); field; split; lra.
Qed.

(** Injecting one rule set and then another is injecting both: order does not matter. *)
Theorem composition (I : finType) (c T T' : I -> R) (j : I) :
  reinjected (softmax (ruled c T)) T' j = softmax (ruled c (fun i => T i + T' i)) j.
Proof. by rewrite reinjected_softmax; apply: softmax_ext => i; rewrite /ruled; ring. Qed.

Theorem order (I : finType) (c T T' : I -> R) (j : I) :
  reinjected (softmax (ruled c T)) T' j = reinjected (softmax (ruled c T')) T j.
Proof. by rewrite !reinjected_softmax; apply: softmax_ext => i; rewrite /ruled; ring. Qed.

(** Taking off what was added gives the row back, in real numbers. *)
Theorem ejection (I : finType) (c T : I -> R) (j : I) : reinjected (softmax (ruled c T)) (fun i => - T i) j = softmax c j.
Proof. by rewrite reinjected_softmax; apply: softmax_ext => i; rewrite /ruled; ring. Qed.

(** Two rule sets that give one row differ by one constant on every key. *)
Theorem same_row (I : finType) (c T T' : I -> R) (j : I) (same : softmax (ruled c T) j = softmax (ruled c T') j) :
  T j - T' j = ln (total (ruled c T)) - ln (total (ruled c T')).
Proof. by have := f_equal ln same; rewrite !ln_softmax /ruled; lra. Qed.

(** Rules that add one constant to every key change nothing. *)
Theorem shifted_row (I : finType) (c T T' : I -> R) (x : R) (j : I) (constant : forall i, T' i = T i + x) :
  softmax (ruled c T') j = softmax (ruled c T) j.
Proof.
  have p := total_pos (ruled c T) j; have e := exp_pos x.
  have eq : total (ruled c T') = exp x * total (ruled c T).
    by rewrite /total -sum_scale; apply: sum_eq => i _; rewrite /ruled constant -exp_plus; congr exp; ring.
  rewrite /softmax eq /ruled constant -/(ruled c T) (_ : c j + (T j + x) = x + (c j + T j)) ?exp_plus; last ring.
  by field; split; lra.
Qed.

(** Strengths are unique iff no combination of the key sets but the trivial one is constant over the row. *)
Theorem strengths_unique (I K : finType) (S : K -> {set I}) (c : I -> R) (i0 : I) :
  (forall b b', (forall j, softmax (ruled c (tilt S b)) j = softmax (ruled c (tilt S b')) j) -> forall k, b k = b' k)
  <-> (forall y x, (forall j, tilt S y j = x) -> forall k, y k = 0).
Proof.
  have lin b b' j : tilt S (fun k => b k - b' k) j = tilt S b j - tilt S b' j.
    by rewrite /tilt -sum_sub; apply: sum_eq => k _; case: (j \in S k); ring.
  split=> [unique y x flat k|free b b' same k].
    have zero : tilt S (fun=> 0) =1 fun=> 0 by move=> j; rewrite /tilt sum_zero // => l _; case: ifP.
    apply: (unique y (fun=> 0)) => j; apply: (@shifted_row _ c (tilt S (fun=> 0)) (tilt S y) x) => l; rewrite zero flat; ring.
  have := free (fun k => b k - b' k) (ln (total (ruled c (tilt S b))) - ln (total (ruled c (tilt S b')))) _ k.
  move=> h; have := h _; suff flat : forall j, tilt S (fun k => b k - b' k) j = ln (total (ruled c (tilt S b))) - ln (total (ruled c (tilt S b'))).
    by move=> /(_ flat); lra.
  by move=> j; rewrite lin; apply: same_row.
Qed.

(** * Projections *)

(** Divergence from the row splits at the row with the rule. *)
Theorem pythagoras (I : finType) (S : {set I}) (c p : I -> R) (b : R) (rule : block S) (weights : distribution p) :
  KL p (softmax c) = KL p (softmax (dialled c S b)) + b * Sums.mass p S - ln (1 + Sums.mass (softmax c) S * (exp b - 1)).
Proof. by have [i _] := block_in rule; rewrite (KL_split (dialled c S b) c weights) sum_added total_rule. Qed.

Lemma KL_softmax_ge0 (I : finType) (s p : I -> R) : distribution p -> 0 <= KL p (softmax s).
Proof.
  move=> d; have [i _] := distribution_inhabited d; have [_ one] := softmax_distribution s i.
  by apply: KL_ge0 => // [j|]; [exact: softmax_pos | lra].
Qed.

(** No distribution that gives the keys this mass is closer to the row than the rule's. *)
Theorem least_divergence (I : finType) (S : {set I}) (c p : I -> R) (b : R) (rule : block S) (weights : distribution p)
    (mass : Sums.mass p S = Sums.mass (softmax (dialled c S b)) S) :
  KL (softmax (dialled c S b)) (softmax c) <= KL p (softmax c).
Proof.
  rewrite (pythagoras c b rule weights) mass divergence //; have := KL_softmax_ge0 (dialled c S b) weights; lra.
Qed.

(** It is the only one. *)
Theorem least_divergence_unique (I : finType) (S : {set I}) (c p : I -> R) (b : R) (rule : block S) (weights : distribution p)
    (mass : Sums.mass p S = Sums.mass (softmax (dialled c S b)) S)
    (least : KL p (softmax c) <= KL (softmax (dialled c S b)) (softmax c)) : p =1 softmax (dialled c S b).
Proof.
  have [i _] := block_in rule; have [_ one] := softmax_distribution (dialled c S b) i.
  apply: KL_zero => // [j||]; [exact: softmax_pos | lra |].
  move: least; rewrite (pythagoras c b rule weights) mass divergence //; have := KL_softmax_ge0 (dialled c S b) weights; lra.
Qed.

(** A raising rule is also the cheapest way to at least this mass. *)
Theorem least_divergence_above (I : finType) (S : {set I}) (c p : I -> R) (b : R) (rule : block S) (weights : distribution p)
    (raising : 0 <= b) (mass : Sums.mass (softmax (dialled c S b)) S <= Sums.mass p S) :
  KL (softmax (dialled c S b)) (softmax c) <= KL p (softmax c).
Proof.
  rewrite (pythagoras c b rule weights) divergence //; have := KL_softmax_ge0 (dialled c S b) weights; nra.
Qed.

(** Every other distribution of that mass pays more, by the squared distance of the roots at least. *)
Theorem stability (I : finType) (S : {set I}) (c p : I -> R) (b : R) (rule : block S) (weights : distribution p)
    (mass : Sums.mass p S = Sums.mass (softmax (dialled c S b)) S) :
  KL (softmax (dialled c S b)) (softmax c) + roots_apart p (softmax (dialled c S b)) <= KL p (softmax c).
Proof.
  have [i _] := block_in rule.
  rewrite (pythagoras c b rule weights) mass divergence //.
  have := hellinger weights (softmax_distribution (dialled c S b) i) (softmax_pos (dialled c S b)); lra.
Qed.

(** The divergence that a mass costs: no distribution of mass q is closer to a row than kl(q || F_0). *)
Theorem least_divergence_of_mass (I : finType) (S : {set I}) (c p : I -> R) (rule : block S) (weights : distribution p)
    (open : 0 < Sums.mass p S < 1) : kl (Sums.mass p S) (Sums.mass (softmax c) S) <= KL p (softmax c).
Proof.
  set F0 := Sums.mass (softmax c) S; pose b := ln (Sums.mass p S / (1 - Sums.mass p S)) - ln (F0 / (1 - F0)).
  have hit : Sums.mass (softmax (dialled c S b)) S = Sums.mass p S by apply: strength => //; lra.
  by have := least_divergence rule weights (esym hit); rewrite divergence_binary // hit.
Qed.

Lemma mean_added (I : finType) (c T p : I -> R) : \sum_j p j * (ruled c T j - c j) = \sum_j p j * T j.
Proof. by apply: sum_eq => j _; rewrite /ruled; ring. Qed.

(** Divergence paid for all rules: sum of b_k F_k minus ln of the mean of e^tilt (the ratio of the totals). *)
Theorem divergence_several (I K : finType) (S : K -> {set I}) (c : I -> R) (b : K -> R) (i : I) : let row := softmax (ruled c (tilt S b)) in
  KL row (softmax c) = \sum_k b k * Sums.mass row (S k) - ln (total (ruled c (tilt S b)) / total c).
Proof. by move=> row; rewrite /row KL_rows // mean_added sums_swap. Qed.

(** The ratio of the totals is the mean of e^tilt under the row without rules. *)
Theorem partition (I K : finType) (S : K -> {set I}) (c : I -> R) (b : K -> R) (i : I) :
  total (ruled c (tilt S b)) / total c = \sum_j softmax c j * exp (tilt S b j).
Proof.
  rewrite /total /Rdiv -sum_scale_right; apply: sum_eq => j _; rewrite /softmax /ruled exp_plus /Rdiv /total; ring.
Qed.

(** The row with all rules is the cheapest distribution with these masses. *)
Theorem least_divergence_several (I K : finType) (S : K -> {set I}) (c p : I -> R) (b : K -> R) (weights : distribution p)
    (masses : \sum_k b k * Sums.mass (softmax (ruled c (tilt S b))) (S k) <= \sum_k b k * Sums.mass p (S k)) :
  KL (softmax (ruled c (tilt S b))) (softmax c) <= KL p (softmax c).
Proof.
  have [i _] := distribution_inhabited weights; rewrite divergence_several //.
  rewrite (KL_split (ruled c (tilt S b)) c weights) mean_added sums_swap.
  have := KL_softmax_ge0 (ruled c (tilt S b)) weights; lra.
Qed.

(** And the only one. *)
Theorem least_divergence_several_unique (I K : finType) (S : K -> {set I}) (c p : I -> R) (b : K -> R) (weights : distribution p)
    (masses : forall k, Sums.mass p (S k) = Sums.mass (softmax (ruled c (tilt S b))) (S k))
    (least : KL p (softmax c) <= KL (softmax (ruled c (tilt S b))) (softmax c)) : p =1 softmax (ruled c (tilt S b)).
Proof.
  have [i _] := distribution_inhabited weights; have [_ one] := softmax_distribution (ruled c (tilt S b)) i.
  apply: KL_zero => // [j||]; [exact: softmax_pos | lra |].
  move: least; rewrite divergence_several // (KL_split (ruled c (tilt S b)) c weights) mean_added sums_swap.
  have -> : \sum_k b k * Sums.mass p (S k) = \sum_k b k * Sums.mass (softmax (ruled c (tilt S b))) (S k).
    by apply: sum_eq => k _; rewrite masses.
  have := KL_softmax_ge0 (ruled c (tilt S b)) weights; lra.
Qed.

(** So masses determine the row: two sets of strengths with the same masses give one row. *)
Theorem masses_determine_row (I K : finType) (S : K -> {set I}) (c : I -> R) (b b' : K -> R) (i : I)
    (masses : forall k, Sums.mass (softmax (ruled c (tilt S b))) (S k) = Sums.mass (softmax (ruled c (tilt S b'))) (S k)) :
  softmax (ruled c (tilt S b)) =1 softmax (ruled c (tilt S b')).
Proof.
  have d := softmax_distribution (ruled c (tilt S b)) i; have d' := softmax_distribution (ruled c (tilt S b')) i.
  apply: least_divergence_several_unique => //; apply: least_divergence_several => //.
  by right; apply: sum_eq => k _; rewrite masses.
Qed.

(** * Which masses exist *)

(** What masses can weigh together: at most the greatest sum of weights on one key. *)
Theorem reach (I K : finType) (S : K -> {set I}) (y : K -> R) (p : I -> R) (G : {set I}) (top gap : R) (weights : distribution p)
    (carry : forall j, tilt S y j <= (if j \in G then top else top - gap)) :
  \sum_k y k * Sums.mass p (S k) <= top - gap * outside p G.
Proof.
  case: (weights) => p0 p1; rewrite -sums_swap.
  have -> : top - gap * outside p G = \sum_j p j * (if j \in G then top else top - gap).
    have inside : \sum_(j in G) p j * (if j \in G then top else top - gap) = Sums.mass p G * top.
      by rewrite /Sums.mass -sum_scale_right; apply: sum_eq => j ->.
    have out : \sum_(j in ~: G) p j * (if j \in G then top else top - gap) = outside p G * (top - gap).
      by rewrite /outside -sum_scale_right; apply: sum_eq_out => j /negbTE ->.
    by rewrite (sum_split G) inside out (mass_outside G weights); ring.
  by apply: sum_le => j _; apply: Rmult_le_compat_l.
Qed.

(** Certificate that targets exclude each other. *)
Theorem unreachable (I K : finType) (S : K -> {set I}) (y phi : K -> R) (p : I -> R) (top : R) (weights : distribution p)
    (carry : forall j, tilt S y j <= top) (certificate : top < \sum_k y k * phi k) :
  \sum_k y k * Sums.mass p (S k) < \sum_k y k * phi k.
Proof.
  have := reach (G := setT) (gap := 0) weights (S := S) (y := y) (top := top) _ => h.
  have : \sum_k y k * Sums.mass p (S k) <= top - 0 * outside p setT by apply: h => j; rewrite inE.
  lra.
Qed.

(** No finite strengths reach targets on the edge: a softmax leaves no key out. *)
Theorem unreachable_edge (I K : finType) (S : K -> {set I}) (y phi : K -> R) (s : I -> R) (i : I) (top : R)
    (carry : forall j, tilt S y j <= top) (certificate : top <= \sum_k y k * phi k) (some_key_carries_less : tilt S y i < top) :
  \sum_k y k * Sums.mass (softmax s) (S k) < \sum_k y k * phi k.
Proof.
  apply: Rlt_le_trans certificate.
  have d := softmax_distribution s i; rewrite -sums_swap; have [_ one] := d.
  have -> : top = \sum_j softmax s j * top by rewrite sum_scale_right one; ring.
  apply: (sum_lt (k := i)) => // [j _|]; have := softmax_pos s; move=> pos.
    by apply: Rmult_le_compat_l (carry j); have := pos j; lra.
  by apply: Rmult_lt_compat_l (pos i) some_key_carries_less.
Qed.

(** Two rules that exclude each other: disjoint keys, targets that sum to more than 1. *)
Theorem disjoint_targets (I : finType) (S G : {set I}) (p : I -> R) (phi psi : R) (weights : distribution p) (apart : [disjoint S & G])
    (certificate : 1 < phi + psi) : ~ (phi <= Sums.mass p S /\ psi <= Sums.mass p G).
Proof.
  move=> [hS hG]; have : Sums.mass p S + Sums.mass p G <= 1.
    have [p0 <-] := weights; rewrite (sum_split S) /Sums.mass; apply: Rplus_le_compat_l.
    rewrite [X in _ <= X](bigID (mem G)) /=.
    have -> : \sum_(j in G) p j = \sum_(j | (j \in ~: S) && (j \in G)) p j.
      apply: eq_bigl => j; rewrite in_setC; case hj : (j \in G); rewrite ?andbF ?andbT //; symmetry; apply/negP => hS'.
      by rewrite (disjointFr apart hS') in hj.
    have : 0 <= \sum_(j | (j \in ~: S) && (j \notin G)) p j by apply: sum_ge0 => j _; exact: p0.
    lra.
  lra.
Qed.

(** * In floating point *)

(** Rounding to nearest, ties to even, with 24 bits and the least exponent of float32. *)
Definition float32 := round radix2 (FLT_exp (-149) 24) ZnearestE.

Lemma float32_is (x : R) (e m : BinNums.Z) : bpow radix2 (e - 1) <= Rabs x < bpow radix2 e -> (-125 <= e)%Z ->
  Rabs (x * bpow radix2 (24 - e) - IZR m) < / 2 -> float32 x = IZR m * bpow radix2 (e - 24).
Proof.
  move=> size small near; rewrite /float32 /round /F2R /scaled_mantissa /cexp (mag_unique radix2 x e size) /=.
  have -> : FLT_exp (-149) 24 e = (e - 24)%Z by rewrite /FLT_exp Z.max_l; lia.
  have -> : (- (e - 24))%Z = (24 - e)%Z by lia.
  by rewrite (Znearest_imp _ _ m near).
Qed.

(** The float32 number nearest to 0.1. *)
Definition tenth := 13421773 / 2 ^ 27.

(** Subtracting a rule leaves a residue in float32: (0.1 + 100) - 100 = 0.0999985. *)
Theorem float_residue : float32 (float32 (tenth + 100) - 100) = 13107 / 2 ^ 17 /\ / 10 ^ 6 < tenth - 13107 / 2 ^ 17.
Proof.
  have eq : float32 (tenth + 100) = 13120307 / 2 ^ 17.
    rewrite (@float32_is _ 7 13120307) //; try lia; rewrite /tenth /bpow /= /Z.pow_pos /=; [by rewrite /Rdiv; congr (_ * _); lra | | ].
      rewrite Rabs_right; lra.
    apply: Rabs_def1; lra.
  split; last by rewrite /tenth; lra.
  rewrite eq (_ : 13120307 / 2 ^ 17 - 100 = 13107 / 2 ^ 17); last lra.
  rewrite (@float32_is _ (-3) 13421568) //; try lia; rewrite /bpow /= /Z.pow_pos /=; [lra | rewrite Rabs_right; lra | apply: Rabs_def1; lra].
Qed.

(** The greater the rule, the greater the residue: (0.1 + 10^6) - 10^6 = 0.125. *)
Theorem float_residue_large : float32 (float32 (tenth + 10 ^ 6) - 10 ^ 6) = 1 / 8 /\ / 50 < 1 / 8 - tenth.
Proof.
  have eq : float32 (tenth + 10 ^ 6) = 16000002 / 2 ^ 4.
    rewrite (@float32_is _ 20 16000002) //; try lia; rewrite /tenth /bpow /= /Z.pow_pos /=; [lra | rewrite Rabs_right; lra | apply: Rabs_def1; lra].
  split; last by rewrite /tenth; lra.
  rewrite eq (_ : 16000002 / 2 ^ 4 - 10 ^ 6 = 1 / 8); last lra.
  rewrite (@float32_is _ (-2) 8388608) //; try lia; rewrite /bpow /= /Z.pow_pos /=; [lra | rewrite Rabs_right; lra | apply: Rabs_def1; lra].
Qed.
