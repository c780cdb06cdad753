(** Anchors: what M pointers need in order to be told apart, in norm, dimensions, redundancy and entropy.

    Redundancy is about rows: the block G is the set of a pointer's anchors, the row is two-level or any distribution. The norm budget is
    about a finite type I of pointers with a unit (or shorter) vector [a i] and a query [q i] each, over any finite type of coordinates;
    the score of query i with anchor j is their dot product, and the row of query i is over all anchors. Coherence is about unit vectors.

    Against the informal statement: margins, coherences and fidelities are hypotheses on every pair (or every pointer), so no maximum is
    taken; M and D are the cardinals of the two types. The share of sign codes is a quotient of cardinals. A pointer is a channel from a
    finite type of blocks, uniformly distributed, to a finite type of values, each of which names a block. *)

From Coq Require Import Reals Lra Psatz.
From mathcomp Require Import all_ssreflect.
From Coquelicot Require Import Coquelicot.
From Localist Require Import Sums Vectors Codes concentration entropy.
From Localist Require Numbers.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

(** Anchors that give fidelity phi at margin t; the margin against m - 1 others that does. *)
Definition least_anchors (n phi t : R) := n * phi * exp (- t) / (1 - phi + phi * exp (- t)).
Definition need (m phi : R) := ln (m - 1) + ln (phi / (1 - phi)).
Definition best_budget (m phi : R) := (m - 1) / m * need m phi.
Definition fano_floor (m e : R) := ln m + e * ln e + (1 - e) * ln (1 - e) - e * ln (m - 1).

(** * Redundancy *)

Section TwoLevelRows.
Variables (I : finType).
Implicit Types (G : {set I}) (s : I -> R).

Lemma mass_two_level G s t : block G -> two_level s G t -> mass (softmax s) G = #G / Z (#I) (#G) t.
Proof.
  move=> b two; have [i _] := block_in b; have [g1 n1] := block_sizes b.
  rewrite (mass_outside _ (softmax_distribution s i)) ((outside_mass_equality b (two_level_leads two)).2 two).
  by rewrite E_complement.
Qed.

Lemma mass_open G s : block G -> 0 < mass (softmax s) G < 1.
Proof.
  move=> b; have [i _] := block_in b; rewrite (mass_outside _ (softmax_distribution s i)).
  have := outside_open s b; lra.
Qed.

End TwoLevelRows.

(** Log-odds of a pointer with equal anchors. *)
Theorem logit (I : finType) (G : {set I}) (s : I -> R) (t : R) (equal_anchors : two_level s G t) (block : block G) :
  ln (mass (softmax s) G) - ln (outside (softmax s) G) = t + ln (#G / (#I - #G)).
Proof.
  have [i _] := block_in block; have [g1 n1] := block_sizes block; have e := exp_pos (- t).
  have z : 0 < Z (#I) (#G) t by rewrite /Z; nra.
  rewrite (mass_two_level block equal_anchors) ((outside_mass_equality block (two_level_leads equal_anchors)).2 equal_anchors).
  rewrite /E -/(Z (#I) (#G) t) !ln_div ?ln_mult ?ln_exp; try lra; nra.
Qed.

(** The margin that other numbers of anchors save at the same fidelity, n keys in all. *)
Theorem replace (I : finType) (G G' : {set I}) (s s' : I -> R) (t t' : R) (equal_anchors : two_level s G t)
    (equal_anchors' : two_level s' G' t') (block : block G) (block_more : Sums.block G')
    (same : mass (softmax s) G = mass (softmax s') G') :
  t - t' = ln (#G' / #G) + ln ((#I - #G) / (#I - #G')).
Proof.
  have [i _] := block_in block; have [g1 n1] := block_sizes block; have [g2 n2] := block_sizes block_more.
  have h := logit equal_anchors block; have h' := logit equal_anchors' block_more.
  have o := mass_outside G (softmax_distribution s i); have o' := mass_outside G' (softmax_distribution s' i).
  have same' : outside (softmax s) G = outside (softmax s') G' by lra.
  rewrite same same' in h; rewrite !ln_div in h h' *; lra.
Qed.

(** The same beside the same other keys: k times as many anchors are worth ln k. *)
Theorem add (I I' : finType) (G : {set I}) (G' : {set I'}) (s : I -> R) (s' : I' -> R) (t t' m : R)
    (equal_anchors : two_level s G t) (equal_anchors' : two_level s' G' t') (block : block G) (block' : Sums.block G')
    (others : #I - #G = m) (others' : #I' - #G' = m) (same : mass (softmax s) G = mass (softmax s') G') :
  t - t' = ln (#G' / #G).
Proof.
  have [i _] := block_in block; have [i' _] := block_in block'.
  have [g1 n1] := block_sizes block; have [g2 n2] := block_sizes block'.
  have h := logit equal_anchors block; have h' := logit equal_anchors' block'.
  have o := mass_outside G (softmax_distribution s i); have o' := mass_outside G' (softmax_distribution s' i').
  have same' : outside (softmax s) G = outside (softmax s') G' by lra.
  rewrite same same' others in h; rewrite others' in h'; rewrite !ln_div in h h' *; lra.
Qed.

(** At the same margin more anchors never lower the fidelity. *)
Theorem fidelity_rises (I : finType) (G G' : {set I}) (s s' : I -> R) (t : R) (equal_anchors : two_level s G t)
    (equal_anchors' : two_level s' G' t) (block : block G) (block_more : Sums.block G') (more : #G <= #G') :
  mass (softmax s) G <= mass (softmax s') G'.
Proof.
  have [g1 n1] := block_sizes block; have [g2 n2] := block_sizes block_more; have e := exp_pos (- t).
  rewrite (mass_two_level block equal_anchors) (mass_two_level block_more equal_anchors') /Z; apply: div_le; try nra.
  have : 0 <= #I * exp (- t) * (#G' - #G) by apply: Rmult_le_pos; [nra | lra].
  nra.
Qed.

Lemma least_anchors_denominator phi t : 0 < phi < 1 -> 0 < 1 - phi + phi * exp (- t).
Proof. by move=> h; have := exp_pos (- t); nra. Qed.

(** The number of anchors that gives a fidelity at a margin. *)
Theorem redundancy (I : finType) (G : {set I}) (s : I -> R) (t phi : R) (phi_positive : 0 < phi) (block : block G)
    (margin : leads s G t) (target : phi < 1) (enough : least_anchors (#I) phi t <= #G) :
  phi <= mass (softmax s) G.
Proof.
  have [g1 n1] := block_sizes block; have e := exp_pos (- t).
  have d := least_anchors_denominator t (conj phi_positive target).
  apply: Rle_trans (fidelity_floor block margin).
  have z : 0 < #G + (#I - #G) * exp (- t) by nra.
  apply: (Rmult_le_reg_r (#G + (#I - #G) * exp (- t))) => //; rewrite div_mult; last lra.
  have : #I * phi * exp (- t) <= #G * (1 - phi + phi * exp (- t)).
    have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ d) enough; rewrite /least_anchors div_mult //; lra.
  nra.
Qed.

(** Fewer miss it in the two-level row. *)
Theorem redundancy_exact (I : finType) (G : {set I}) (s : I -> R) (t phi : R) (phi_positive : 0 < phi)
    (equal_anchors : two_level s G t) (block : block G) (target : phi < 1) (too_few : #G < least_anchors (#I) phi t) :
  mass (softmax s) G < phi.
Proof.
  have [g1 n1] := block_sizes block; have e := exp_pos (- t).
  have d := least_anchors_denominator t (conj phi_positive target).
  rewrite (mass_two_level block equal_anchors) /Z.
  have z : 0 < #G + (#I - #G) * exp (- t) by nra.
  apply: (Rmult_lt_reg_r (#G + (#I - #G) * exp (- t))) => //; rewrite div_mult; last lra.
  have : #G * (1 - phi + phi * exp (- t)) < #I * phi * exp (- t).
    have := Rmult_lt_compat_r _ _ _ d too_few; rewrite /least_anchors div_mult //; lra.
  nra.
Qed.

(** Entropy of the two-level row from its fidelity. *)
Theorem entropy_at (I : finType) (G : {set I}) (s : I -> R) (t : R) (equal_anchors : two_level s G t) (block : block G) :
  entropy (softmax s) = ln (#G / mass (softmax s) G) + t * (1 - mass (softmax s) G).
Proof.
  have [i _] := block_in block; have [g1 n1] := block_sizes block; have e := exp_pos (- t).
  have z : 0 < Z (#I) (#G) t by rewrite /Z; nra.
  rewrite (entropy_two_level i equal_anchors) (mass_two_level block equal_anchors) /Hstar.
  have -> : #G / (#G / Z (#I) (#G) t) = Z (#I) (#G) t by field; lra.
  congr (_ + _); rewrite /Z in z *; field; lra.
Qed.

(** Whatever the redundancy, a margin t leaves at least ln n - psi(t). *)
Theorem entropy_least (I : finType) (G : {set I}) (s : I -> R) (t : R) (equal_anchors : two_level s G t) (block : block G)
    (lead : 0 < t) : ln (#I) - psi t <= entropy (softmax s).
Proof.
  have [i _] := block_in block; have [low eq] := equal_anchors.
  suff range k l : s k - s l <= t by have := gap i lead range; lra.
  by rewrite !eq; case: ifP; case: ifP; lra.
Qed.

Lemma sinh_above t : 0 < t -> 0 < exp t - exp (- t) - 2 * t.
Proof.
  move=> t0; pose f x := exp x - exp (- x) - 2 * x; pose f' x := exp x + exp (- x) - 2.
  have lim c : 0 <= c <= t -> derivable_pt_lim f c (f' c).
    by move=> _; apply/is_derive_Reals; rewrite /f /f'; auto_derive => //; ring.
  have [c [eq hc]] := MVT_cor2 f f' 0 t t0 lim.
  have f0 : f 0 = 0 by rewrite /f Ropp_0; lra.
  have a := exp_ineq1 c ltac:(lra); have b := exp_ineq1 (- c) ltac:(lra).
  have : 0 < f' c * (t - 0) by apply: Rmult_lt_0_compat; rewrite /f'; lra.
  rewrite -eq f0 /f; lra.
Qed.

(** The number of anchors that leaves the least entropy is below half of the keys. *)
Theorem least_size (n t : R) (n_positive : 0 < n) (lead : 0 < t) : entropy.least_size n t < n / 2.
Proof.
  have u := exp_below_1 lead; have e := exp_pos (- t); have h := sinh_above lead.
  have one : exp t * exp (- t) = 1 by rewrite -exp_plus Rplus_opp_r exp_0.
  have pos : 0 < (1 - exp (- t)) ^ 2 by apply: pow_lt; lra.
  rewrite /entropy.least_size; apply: (Rmult_lt_reg_r ((1 - exp (- t)) ^ 2)) => //; rewrite div_mult; last lra.
  have : 0 < exp (- t) * (exp t - exp (- t) - 2 * t) by apply: Rmult_lt_0_compat.
  nra.
Qed.

(** With a margin great for n, every further anchor costs entropy. *)
Theorem redundancy_costs (I : finType) (G G' : {set I}) (s s' : I -> R) (t : R) (equal_anchors : two_level s G t)
    (equal_anchors' : two_level s' G' t) (block : block G) (block_more : Sums.block G') (more : #G <= #G') (lead : 0 <= t)
    (one : 1 <= #G) (great : #I * exp (- t) * (t - 1 + exp (- t)) <= (1 - exp (- t)) ^ 2) :
  entropy (softmax s) <= entropy (softmax s').
Proof.
  have [i _] := block_in block; have [g1 n1] := block_sizes block.
  rewrite (entropy_two_level i equal_anchors) (entropy_two_level i equal_anchors').
  case: lead => [t0|t0]; last by rewrite -t0 !Hstar_0; lra.
  apply: size_rises => //; try lra.
  have u := exp_below_1 t0; have pos : 0 < (1 - exp (- t)) ^ 2 by apply: pow_lt; lra.
  rewrite /entropy.least_size; apply: (Rmult_le_reg_r ((1 - exp (- t)) ^ 2)) => //; rewrite div_mult; last lra.
  nra.
Qed.

(** ln z + k/z falls strictly up to k. *)
Lemma total_falls (x y k : R) : 0 < x -> x < y -> y <= k -> ln y + k / y < ln x + k / x.
Proof.
  move=> x0 xy yk; have r1 : 1 < y / x by apply: (Rmult_lt_reg_r x) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
  have l0 : 0 < ln (y / x) by rewrite -ln_1; apply: ln_increasing; lra.
  have := exp_ineq1 (ln (y / x)) ltac:(lra); rewrite exp_ln ?ln_div; try lra.
  have -> : y / x = 1 + (y - x) * (y / (x * y)) by field; lra.
  have : k / x - k / y = (y - x) * (k / (x * y)) by field; lra.
  have : y / (x * y) <= k / (x * y) by apply: Rmult_le_compat_r => //; left; apply: Rinv_0_lt_compat; nra.
  nra.
Qed.

(** Up to r0 anchors every further one saves entropy: only where r0 <= 1 can each of them cost some. *)
Theorem redundancy_saves (I : finType) (G G' : {set I}) (s s' : I -> R) (t : R) (equal_anchors : two_level s G t)
    (equal_anchors' : two_level s' G' t) (block : block G) (block_more : Sums.block G') (lead : 0 < t) (more : #G < #G')
    (few : (1 - exp (- t)) ^ 2 * #G' <= #I * exp (- t) * (t - 1 + exp (- t))) :
  entropy (softmax s') < entropy (softmax s).
Proof.
  have [i _] := block_in block; have [g1 n1] := block_sizes block; have [g2 n2] := block_sizes block_more.
  rewrite (entropy_two_level i equal_anchors) (entropy_two_level i equal_anchors').
  have u := exp_below_1 lead; have e := exp_pos (- t).
  have z : 0 < Z (#I) (#G) t by rewrite Z_split; nra.
  have z' : Z (#I) (#G) t < Z (#I) (#G') t by rewrite !Z_split; nra.
  rewrite !Hstar_turn //; last lra.
  apply: Rplus_lt_compat_r; apply: total_falls => //.
  rewrite /turn; apply: (Rmult_le_reg_r (1 - exp (- t))); first lra.
  by rewrite Z_split /Rdiv Rmult_assoc Rinv_l; [nra | lra].
Qed.

(** Of whole numbers of anchors r0 <= 1 is not necessary: n = 10, t = 3 has r0 > 1, and the second anchor costs entropy; from the second
    on r0 <= g, and so do all further ones. *)
Theorem redundancy_whole : 0 < Rmin (Hstar 10 2 3 - Hstar 10 1 3) (entropy.least_size 10 3 - 1).
Proof.
  have := Numbers.second_anchor; have := Numbers.least_size_of_ten; rewrite /Hstar /Z /entropy.least_size => a b.
  have e2 : 10 - 2 = 8 by lra.
  have e1 : 10 - 1 = 9 by lra.
  by apply: Rmin_glb_lt; rewrite ?e1 ?e2; lra.
Qed.

(** * Redundancy against entropy *)

(** At fixed fidelity F, [number] anchors give it at margin t; along them dH/dt = g/n - F. *)
Theorem exchange_rate (n F t g : R) (n_positive : 0 < n) (some_inside : 0 < F) (some_outside : F < 1) :
  let number t := n * F / (F + (1 - F) * exp t) in g = number t ->
  is_derive (fun t => ln (number t / F) + t * (1 - F)) t (g / n - F).
Proof.
  move=> number ->; have pos x : 0 < F + (1 - F) * exp x by have := exp_pos x; nra.
  have p := pos t; have e := exp_pos t; rewrite /number; auto_derive.
    split; first by apply: Rgt_not_eq.
    split=> //; apply: Rmult_lt_0_compat (Rinv_0_lt_compat _ some_inside).
    by apply: Rmult_lt_0_compat (Rinv_0_lt_compat _ p); nra.
  by field; repeat split; apply: Rgt_not_eq.
Qed.

(** One more anchor saves n/(g (n - g)) nats of margin. *)
Theorem saving_rate (n g : R) (block : 1 <= g /\ n - g >= 1) : is_derive (fun x => ln ((n - x) / x)) g (- n / (g * (n - g))).
Proof.
  case: block => g1 n1; auto_derive; last by field; lra.
  by split; [lra | split => //; apply: Rmult_lt_0_compat; [lra | apply: Rinv_0_lt_compat; lra]].
Qed.

(** The exchange rate bounds every exchange. *)
Theorem exchange (I : finType) (G G' : {set I}) (s s' : I -> R) (t t' : R) (equal_anchors : two_level s G t)
    (equal_anchors' : two_level s' G' t') (block : block G) (block_more : Sums.block G')
    (same : mass (softmax s) G = mass (softmax s') G') :
  entropy (softmax s') - entropy (softmax s) <= (#G / #I - mass (softmax s) G) * (t' - t).
Proof.
  have [g1 n1] := block_sizes block; have [g2 n2] := block_sizes block_more.
  have saved := replace equal_anchors equal_anchors' block block_more same; have open := mass_open s block.
  rewrite (entropy_at equal_anchors block) (entropy_at equal_anchors' block_more) -same.
  set F := mass _ _ in open *; rewrite !ln_div in saved *; try lra.
  have a := ln_tangent (x := #G' / #G) ltac:(apply: div_pos; lra).
  have b := ln_tangent (x := (#I - #G') / (#I - #G)) ltac:(apply: div_pos; lra).
  rewrite !ln_div in a b; try lra.
  set n := #I in saved a b n1 n2 *; set g := #G in saved a b g1 n1 *; set g' := #G' in saved a b g2 n2 *.
  have a' : g * (ln g' - ln g) <= g' - g.
    have := Rmult_le_compat_l g _ _ ltac:(lra) a; have -> : g * (g' / g - 1) = g' - g by field; lra.
    lra.
  have b' : (n - g) * (ln (n - g') - ln (n - g)) <= g - g'.
    have := Rmult_le_compat_l (n - g) _ _ ltac:(lra) b; have -> : (n - g) * ((n - g') / (n - g) - 1) = g - g' by field; lra.
    lra.
  have key : (n - g) * (t - t') - n * (ln g' - ln g) >= 0 by rewrite saved; nra.
  apply: (Rmult_le_reg_l n); first lra.
  have -> : n * ((g / n - F) * (t' - t)) = (g - n * F) * (t' - t) by field; lra.
  nra.
Qed.

(** Some anchor carries at least its share. *)
Theorem peak (I : finType) (G : {set I}) (a : I -> R) (rho : R) (some : (0 < #|G|)%N) (greatest : forall j, j \in G -> a j <= rho) :
  mass a G / #G <= rho.
Proof.
  have g1 : 1 <= #G by apply: (le_INR 1); apply/leP.
  apply: (Rmult_le_reg_r (#G)); first lra.
  rewrite div_mult; last lra.
  by rewrite Rmult_comm -sum_const; apply: sum_le.
Qed.

(** A weight of at most x has a surprisal of at least - ln x. *)
Lemma surprisal_floor (w x : R) : 0 <= w -> w <= x -> - (w * ln x) <= - (w * ln w).
Proof. by case=> [pos|<-] le; [have := ln_le_mono pos le; nra | rewrite !Rmult_0_l; lra]. Qed.

(** If no anchor carries much, entropy is high. *)
Theorem spread (I : finType) (G : {set I}) (a : I -> R) (rho : R) (is_distribution : distribution a)
    (some_outside : mass a G < 1) (greatest : forall j, j \in G -> a j <= rho) :
  - (1 - mass a G) * ln (1 - mass a G) - mass a G * ln rho <= entropy a.
Proof.
  have [a0 a1] := is_distribution; rewrite (mass_outside G is_distribution).
  have -> : 1 - (1 - outside a G) = outside a G by ring.
  have inner : \sum_(j in G) - (a j * ln rho) <= \sum_(j in G) - (a j * ln (a j)).
    by apply: sum_le => j hj; apply: surprisal_floor => //; exact: greatest.
  have outer : \sum_(j in ~: G) - (a j * ln (outside a G)) <= \sum_(j in ~: G) - (a j * ln (a j)).
    by apply: sum_le => j hj; apply: surprisal_floor => //; rewrite /outside; exact: term_le_sum.
  rewrite !sum_opp !sum_scale_right -/(mass a G) -/(outside a G) (mass_outside G is_distribution) in inner outer.
  by rewrite /entropy (sum_split G); lra.
Qed.

(** Robustness to the loss of an anchor forces entropy. *)
Theorem spread_simple (I : finType) (G : {set I}) (a : I -> R) (rho : R) (is_distribution : distribution a)
    (greatest : forall j, j \in G -> a j <= rho) : - mass a G * ln rho <= entropy a.
Proof.
  have [a0 a1] := is_distribution.
  have inner : \sum_(j in G) - (a j * ln rho) <= \sum_(j in G) - (a j * ln (a j)).
    by apply: sum_le => j hj; apply: surprisal_floor => //; exact: greatest.
  have outer : \sum_(j in ~: G) - (a j * ln 1) <= \sum_(j in ~: G) - (a j * ln (a j)).
    by apply: sum_le => j hj; apply: surprisal_floor => //; exact: distribution_le1.
  rewrite ln_1 !sum_opp !sum_scale_right -/(mass a G) in inner outer.
  by rewrite /entropy (sum_split G); lra.
Qed.

(** Sums over all keys but one. *)
Lemma sum_others (I : finType) (i : I) (f : I -> R) : \sum_(j | j != i) f j = (\sum_j f j) - f i.
Proof.
  have e : \sum_j f j = f i + \sum_(j | j != i) f j by rewrite (bigD1 i).
  by rewrite e; ring.
Qed.

Lemma count_others (I : finType) (i : I) (c : R) : \sum_(j | j != i) c = (#I - 1) * c.
Proof. by rewrite sum_others sum_const_all; ring. Qed.

(** Fidelity after the loss of one anchor. *)
Theorem loss (I : finType) (G : {set I}) (a : I -> R) (rho : R) (i : I) (is_distribution : distribution a) (anchor : i \in G)
    (lost : a i <= rho) (not_all : rho < 1) :
  (mass a G - rho) / (1 - rho) <= (\sum_(j | (j \in G) && (j != i)) a j) / (\sum_(j | j != i) a j).
Proof.
  have [a0 a1] := is_distribution.
  have inner : mass a G = a i + \sum_(j | (j \in G) && (j != i)) a j by rewrite /mass (bigD1 i).
  have -> : \sum_(j | (j \in G) && (j != i)) a j = mass a G - a i by lra.
  rewrite sum_others a1; apply: div_le; try lra.
  have : mass a G <= 1 by have := outside_ge0 G is_distribution; rewrite (mass_outside G is_distribution); lra.
  nra.
Qed.

(** * The norm budget *)

Section Systems.
Variables (I J : finType) (a q : I -> vector J) (kappa : R).

(** Scores of one query with all anchors. *)
Definition scores (i j : I) := dot (q i) (a j).

Lemma scores_vsum i : \sum_j scores i j = dot (q i) (vsum predT a).
Proof. by rewrite dot_sum_right. Qed.

Lemma sum_drops i : \sum_(j | j != i) (scores i i - scores i j) = #I * scores i i - \sum_j scores i j.
Proof. by rewrite sum_others sum_sub sum_const_all; ring. Qed.

Lemma others_le i (f g : I -> R) : (forall j, j != i -> f j <= g j) -> \sum_(j | j != i) f j <= \sum_(j | j != i) g j.
Proof. by move=> h; apply: sum_le. Qed.

End Systems.

Lemma some_anchor (I : finType) : 2 <= #I -> exists i : I, True.
Proof.
  move=> m2; case: (pickP (fun _ : I => true)) => [i _|none]; first by exists i.
  by move: m2; rewrite (eq_card0 none) /=; lra.
Qed.

(** Own score minus another's, mean over all pairs. *)
Theorem mean_margin (I J : finType) (a q : I -> vector J) (kappa : R) (several : 2 <= #I) (unit : forall i, norm (a i) <= 1)
    (short : forall i, norm (q i) <= kappa) :
  (\sum_i \sum_(j | j != i) (dot (q i) (a i) - dot (q i) (a j))) / (#I * (#I - 1)) <= kappa * #I / (#I - 1).
Proof.
  have [k _] := some_anchor several; have k0 : 0 <= kappa by have := short k; have := norm_ge0 (q k); lra.
  set M := #I in several *; pose S := vsum predT a; pose off i := vsub (vscale M (a i)) S.
  have drops i : \sum_(j | j != i) (dot (q i) (a i) - dot (q i) (a j)) = dot (q i) (off i).
    by rewrite (sum_drops a q i) scores_vsum /off dot_sub_right dot_scale_right.
  rewrite (sum_eq (g := fun i => dot (q i) (off i))) => [|i _]; last exact: drops.
  have square : \sum_i norm (off i) * norm (off i) <= M * (M * M).
    have each i : norm (off i) * norm (off i) = M * M * (norm (a i) * norm (a i)) - 2 * M * dot (a i) S + dot S S.
      by rewrite !norm_square /off dot_sub_left !dot_sub_right !dot_scale_left !dot_scale_right (dot_comm S (a i)); ring.
    rewrite (sum_eq (g := fun i => M * M * (norm (a i) * norm (a i)) - 2 * M * dot (a i) S + dot S S)) => [|i _]; last exact: each.
    rewrite sum_add sum_sub !sum_scale sum_const_all -/M -dot_sum_left -/S.
    have ones : \sum_i norm (a i) * norm (a i) <= M.
      have -> : M = \sum_(i : I) 1 by rewrite sum_const_all -/M; ring.
      by apply: sum_le => i _; have := unit i; have := norm_ge0 (a i); nra.
    have := dot_self_ge0 S; have := Rmult_le_compat_l (M * M) _ _ ltac:(nra) ones; nra.
  have bound : \sum_i dot (q i) (off i) <= kappa * (M * M).
    have each i : dot (q i) (off i) <= kappa * ((/ M) * (norm (off i) * norm (off i)) + M) / 2.
      have c := dot_le (q i) (off i); have s := short i; have o := norm_ge0 (off i).
      have h : norm (q i) * norm (off i) <= kappa * norm (off i) by apply: Rmult_le_compat_r.
      have mi : 0 < / M by apply: Rinv_0_lt_compat; lra.
      have sq : 2 * norm (off i) <= / M * (norm (off i) * norm (off i)) + M.
        have : 0 <= / M * ((norm (off i) - M) * (norm (off i) - M)) by apply: Rmult_le_pos; [lra | exact: Rle_0_sqr].
        have -> : / M * ((norm (off i) - M) * (norm (off i) - M)) = / M * (norm (off i) * norm (off i)) - 2 * norm (off i) + M by field; lra.
        lra.
      have := Rmult_le_compat_l kappa _ _ k0 sq; lra.
    have le : \sum_i dot (q i) (off i) <= \sum_i kappa * ((/ M) * (norm (off i) * norm (off i)) + M) / 2 by apply: sum_le.
    apply: Rle_trans le _; rewrite (sum_eq (g := fun i => kappa * / M / 2 * (norm (off i) * norm (off i)) + kappa * M / 2)) => [|i _]; last by field; lra.
    rewrite sum_add sum_scale sum_const_all -/M.
    have c : 0 <= kappa * / M / 2 by have := Rinv_0_lt_compat M ltac:(lra); nra.
    have := Rmult_le_compat_l _ _ _ c square.
    have -> : kappa * / M / 2 * (M * (M * M)) = kappa * (M * M) / 2 by field; lra.
    lra.
  apply: (Rmult_le_reg_r (M * (M - 1))); first nra.
  rewrite div_mult; last nra.
  have -> : kappa * M / (M - 1) * (M * (M - 1)) = kappa * (M * M) by field; lra.
  exact: bound.
Qed.

(** A margin at all M anchors. *)
Theorem margin_cap (I J : finType) (a q : I -> vector J) (kappa t : R) (several : 2 <= #I) (unit : forall i, norm (a i) <= 1)
    (short : forall i, norm (q i) <= kappa) (lead : forall i j, j != i -> t <= dot (q i) (a i) - dot (q i) (a j)) :
  t <= kappa * #I / (#I - 1).
Proof.
  apply: Rle_trans (mean_margin several unit short).
  apply: (Rmult_le_reg_r (#I * (#I - 1))); first nra.
  rewrite div_mult; last nra.
  have -> : t * (#I * (#I - 1)) = \sum_(i : I) ((#I - 1) * t) by rewrite sum_const_all; ring.
  by apply: sum_le => i _; rewrite -(count_others i); apply: others_le => j; exact: lead.
Qed.

Section OneAmongAll.
Variables (I : finType) (s : I -> R) (i : I).
Hypothesis (several : 2 <= #I).

Lemma one_block : block [set i].
Proof.
  have lt : INR 1 < #I by change (INR 1) with 1; lra.
  by rewrite /block cards1 /=; apply/ltP; exact: INR_lt.
Qed.

Lemma mass_one : mass (softmax s) [set i] = softmax s i.
Proof. by rewrite /mass big_set1. Qed.

Lemma outside_one : outside (softmax s) [set i] = 1 - softmax s i.
Proof. by have := mass_outside [set i] (softmax_distribution s i); rewrite mass_one; lra. Qed.

Lemma compl_one (f : I -> R) : \sum_(j in ~: [set i]) f j = \sum_(j | j != i) f j.
Proof. by apply: eq_bigl => j; rewrite !inE. Qed.

Lemma softmax_one_open : 0 < softmax s i < 1.
Proof. by have := mass_open s one_block; rewrite mass_one. Qed.

(** Jensen: what a fidelity says of the mean lead. *)
Lemma mean_lead_needed phi : 0 < phi -> phi <= softmax s i -> (#I - 1) * need (#I) phi <= \sum_(j | j != i) (s i - s j).
Proof.
  move=> p0 p; have open := softmax_one_open.
  have top k : k \in [set i] -> s k <= s i by rewrite inE => /eqP ->; lra.
  have := necessary_margin one_block top; rewrite mass_one outside_one compl_one cards1; change (INR 1) with 1 => h.
  have lo : ln (phi / (1 - phi)) <= ln (softmax s i) - ln (1 - softmax s i).
    rewrite -ln_div; try lra; apply: ln_le_mono; first by apply: div_pos; lra.
    by apply: div_le; nra.
  have m1 : 0 < #I - 1 by lra.
  have -> : \sum_(j | j != i) (s i - s j) = (#I - 1) * (s i - (\sum_(j | j != i) s j) / (#I - 1)).
    by rewrite sum_sub (count_others i); field; lra.
  have e : (#I - 1) / 1 = #I - 1 by field.
  by apply: (Rmult_le_compat_l (#I - 1)); [exact: Rlt_le | rewrite /need; rewrite e in h; lra].
Qed.

End OneAmongAll.

(** The norm budget: no queries shorter than kappa* are faithful at all M anchors. *)
Theorem norm_budget (I J : finType) (a q : I -> vector J) (kappa phi : R) (phi_positive : 0 < phi) (several : 2 <= #I)
    (unit : forall i, norm (a i) <= 1) (short : forall i, norm (q i) <= kappa) (target : phi < 1)
    (faithful : forall i, phi <= softmax (fun j => dot (q i) (a j)) i) :
  best_budget (#I) phi <= kappa.
Proof.
  have mean := mean_margin several unit short.
  have each i : (#I - 1) * need (#I) phi <= \sum_(j | j != i) (dot (q i) (a i) - dot (q i) (a j)).
    exact: (mean_lead_needed several phi_positive (faithful i)).
  have all : \sum_(i : I) ((#I - 1) * need (#I) phi) <= \sum_i \sum_(j | j != i) (dot (q i) (a i) - dot (q i) (a j)) by apply: sum_le.
  rewrite sum_const_all in all; set T := \sum_i _ in all mean; rewrite /best_budget.
  have le : #I * ((#I - 1) * need (#I) phi) <= kappa * #I * #I.
    apply: Rle_trans all _; have := Rmult_le_compat_r (#I * (#I - 1)) _ _ ltac:(nra) mean; rewrite div_mult; last nra.
    have -> : kappa * #I / (#I - 1) * (#I * (#I - 1)) = kappa * #I * #I by field; lra.
    by [].
  apply: (Rmult_le_reg_r (#I * #I)); first nra.
  have -> : (#I - 1) / #I * need (#I) phi * (#I * #I) = #I * ((#I - 1) * need (#I) phi) by field; lra.
  lra.
Qed.

(** The fidelity of a row whose other scores all lie x below its own. *)
Lemma softmax_even (I : finType) (s : I -> R) (i : I) (x : R) : (forall j, j != i -> s j = s i - x) ->
  softmax s i = 1 / (1 + (#I - 1) * exp (- x)).
Proof.
  move=> below; have e := exp_pos (s i); have pos := total_pos s i.
  have tot : total s = exp (s i) * (1 + (#I - 1) * exp (- x)).
    have rest : \sum_(j | j != i) exp (s j) = \sum_(j | j != i) (exp (s i) * exp (- x)).
      by apply: sum_eq => j hj; rewrite below // -exp_plus.
    have := sum_others i (fun j => exp (s j)); rewrite rest count_others -/(total s); lra.
  by rewrite /softmax tot; rewrite tot in pos; field; split; [nra | lra].
Qed.

(** Fidelity at every anchor of the simplex. *)
Theorem simplex (I J : finType) (a : I -> vector J) (kappa : R) (several : 2 <= #I) (unit : forall i, norm (a i) = 1)
    (cosines : forall i j, j != i -> dot (a i) (a j) = - (1 / (#I - 1))) (i : I) :
  softmax (fun j => dot (vscale kappa (a i)) (a j)) i = 1 / (1 + (#I - 1) * exp (- (kappa * #I / (#I - 1)))).
Proof.
  apply: softmax_even => j hj; rewrite !dot_scale_left cosines // -norm_square unit; field; lra.
Qed.

(** The simplex exists. *)
Theorem simplex_exists (I : finType) (several : 2 <= #I) : exists a : I -> vector I,
  (forall i, norm (a i) = 1) /\ forall i j, j != i -> dot (a i) (a j) = - (1 / (#I - 1)).
Proof.
  set M := #I in several *; pose r := sqrt (M / (M - 1)); pose v (i : I) : vector I := fun j => (if j == i then 1 else 0) - / M.
  have rr : r * r = M / (M - 1) by apply: sqrt_sqrt; left; apply: div_pos; lra.
  have one i (f : I -> R) : \sum_j (if j == i then 1 else 0) * f j = f i.
    by rewrite (bigD1 i) //= eqxx sum_zero => [|j /negbTE ->]; ring.
  have vv i j : dot (v i) (v j) = (if i == j then 1 else 0) - / M.
    rewrite /dot (sum_eq (g := fun k => (if k == i then 1 else 0) * ((if k == j then 1 else 0) - / M) - / M * ((if k == j then 1 else 0) * 1 - / M))).
      rewrite sum_sub one sum_scale sum_sub one sum_const_all -/M; field; lra.
    by move=> k _; rewrite /v; ring.
  exists (fun i => vscale r (v i)); split=> [i|i j ne].
    apply: norm_is; first lra.
    rewrite dot_scale_left dot_scale_right vv eqxx.
    have -> : r * (r * (1 - / M)) = r * r * (1 - / M) by ring.
    rewrite rr; field; lra.
  rewrite dot_scale_left dot_scale_right vv eq_sym (negbTE ne).
  have -> : r * (r * (0 - / M)) = - (r * r * / M) by ring.
  rewrite rr; field; lra.
Qed.

(** The simplex attains the norm budget. *)
Theorem simplex_attains (I J : finType) (a : I -> vector J) (kappa phi : R) (phi_positive : 0 < phi) (several : 2 <= #I)
    (unit : forall i, norm (a i) = 1) (cosines : forall i j, j != i -> dot (a i) (a j) = - (1 / (#I - 1)))
    (target : phi < 1) (budget : kappa = best_budget (#I) phi) (i : I) :
  softmax (fun j => dot (vscale kappa (a i)) (a j)) i = phi.
Proof.
  rewrite (simplex kappa several unit cosines) budget /best_budget.
  have -> : (#I - 1) / #I * need (#I) phi * #I / (#I - 1) = need (#I) phi by field; lra.
  have odds : 0 < phi / (1 - phi) by apply: div_pos; lra.
  rewrite /need exp_Ropp exp_plus !exp_ln //; try lra; field; lra.
Qed.

(** Queries along their anchors that are long enough for the coherence. *)
Theorem enough (I J : finType) (a : I -> vector J) (kappa mu phi : R) (phi_positive : 0 < phi) (kappa_nonnegative : 0 <= kappa)
    (several : 2 <= #I) (unit : forall i, norm (a i) = 1) (target : phi < 1) (below_1 : mu < 1)
    (coherent : forall i j, j != i -> dot (a i) (a j) <= mu) (budget : need (#I) phi / (1 - mu) <= kappa) (i : I) :
  phi <= softmax (fun j => dot (vscale kappa (a i)) (a j)) i.
Proof.
  rewrite -mass_one; apply: fidelity => //; first exact: one_block.
  move=> k j; rewrite !inE => /eqP -> hj; rewrite cards1 !dot_scale_left -norm_square unit.
  have -> : required (#I) (INR 1) phi = need (#I) phi by rewrite /required /need; congr (ln _ + _); change (INR 1) with 1; field.
  have := Rmult_le_compat_r (1 - mu) _ _ ltac:(lra) budget; rewrite div_mult; last lra.
  have := Rmult_le_compat_l _ _ _ kappa_nonnegative (coherent i j hj); nra.
Qed.

(** Anchors of coherence mu need at most M/((M - 1)(1 - mu)) times the norm of the best ones. *)
Theorem near_optimal (I J : finType) (a q : I -> vector J) (kappa mu phi : R) (phi_positive : 0 < phi) (several : 2 <= #I)
    (unit : forall i, norm (a i) <= 1) (short : forall i, norm (q i) <= kappa) (target : phi < 1)
    (faithful : forall i, phi <= softmax (fun j => dot (q i) (a j)) i) (below_1 : mu < 1) :
  need (#I) phi / (1 - mu) <= #I / ((#I - 1) * (1 - mu)) * kappa.
Proof.
  have best := norm_budget phi_positive several unit short target faithful; rewrite /best_budget in best.
  have c : 0 < #I / ((#I - 1) * (1 - mu)) by apply: div_pos; [lra | apply: Rmult_lt_0_compat; lra].
  have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ c) best.
  have -> : #I / ((#I - 1) * (1 - mu)) * ((#I - 1) / #I * need (#I) phi) = need (#I) phi / (1 - mu) by field; repeat split; lra.
  by [].
Qed.

(** The norm that one anchor needs, from below: by its distance from any weighted mean of the others. *)
Theorem budget_dual (I J : finType) (a : I -> vector J) (q : vector J) (w : I -> R) (i : I) (kappa phi : R)
    (phi_positive : 0 < phi) (weights : distribution w) (others : w i = 0) (short : norm q <= kappa) (target : phi < 1)
    (faithful : phi <= softmax (fun j => dot q (a j)) i) :
  entropy w + ln (phi / (1 - phi)) <= kappa * norm (vsub (a i) (vsum predT (fun j => vscale (w j) (a j)))).
Proof.
  have [w0 w1] := weights; pose s j := dot q (a j); pose S := \sum_(j | j != i) exp (s j).
  have rest f : \sum_j w j * f j = \sum_(j | j != i) w j * f j by rewrite (sum_others i) others; ring.
  have ones : \sum_(j | j != i) w j = 1 by rewrite (sum_others i) w1 others; ring.
  have [k hk] := distribution_inhabited weights.
  have ki : k != i by apply/eqP => e; rewrite e others in hk; lra.
  have Sp : 0 < S by apply: (@sum_gt0 _ (fun j => j != i) _ k) => // j _; exact: exp_pos.
  have gibbs : entropy w <= ln S - \sum_j w j * s j.
    have : \sum_(j | j != i) (w j * (s j - ln S) - w j * ln (w j)) <= \sum_(j | j != i) (exp (s j) / S - w j).
      apply: sum_le => j _; have := gibbs_term (w0 j) (div_pos (exp_pos (s j)) Sp).
      by rewrite ln_div ?ln_exp //; exact: exp_pos.
    rewrite !sum_sub ones /Rdiv sum_scale_right -/S Rinv_r; last lra.
    rewrite (sum_eq (g := fun j => w j * s j - ln S * w j)) => [|j _]; last ring.
    by rewrite sum_sub sum_scale ones /entropy !rest; lra.
  have odds : ln S <= s i - ln (phi / (1 - phi)).
    have tot : total s = exp (s i) + S by rewrite /total /S (sum_others i); ring.
    have e := exp_pos (s i); have : phi * (exp (s i) + S) <= exp (s i).
      have := Rmult_le_compat_r (exp (s i) + S) _ _ ltac:(lra) faithful; rewrite /softmax tot div_mult //; lra.
    move=> h; have : S <= exp (s i) * ((1 - phi) / phi).
      apply: (Rmult_le_reg_r phi) => //; have -> : exp (s i) * ((1 - phi) / phi) * phi = exp (s i) * (1 - phi) by field; lra.
      lra.
    move/(ln_le_mono Sp); rewrite ln_mult ?ln_exp //; last by apply: div_pos; lra.
    rewrite !ln_div; lra.
  have along : s i - \sum_j w j * s j = dot q (vsub (a i) (vsum predT (fun j => vscale (w j) (a j)))).
    by rewrite dot_sub_right dot_sum_right; congr (_ - _); apply: sum_eq => j _; rewrite dot_scale_right.
  have := dot_le q (vsub (a i) (vsum predT (fun j => vscale (w j) (a j)))); rewrite -along.
  have := norm_ge0 (vsub (a i) (vsum predT (fun j => vscale (w j) (a j)))); nra.
Qed.

(** Anchors that short queries tell apart lie apart. *)
Theorem separation (I J : finType) (a q : I -> vector J) (kappa t : R) (short : forall i, norm (q i) <= kappa)
    (lead : forall i j, j != i -> t <= dot (q i) (a i) - dot (q i) (a j)) (i j : I) (other : j != i) :
  t <= kappa * norm (vsub (a i) (a j)).
Proof.
  have := lead i j other; rewrite -dot_sub_right; have := dot_le (q i) (vsub (a i) (a j)).
  have := short i; have := norm_ge0 (vsub (a i) (a j)); nra.
Qed.

(** How many anchors D dimensions hold at a margin t. *)
Theorem packing (I J : finType) (a q : I -> vector J) (kappa t : R) (inhabited : 1 <= #I) (unit : forall i, norm (a i) <= 1)
    (short : forall i, norm (q i) <= kappa) (lead : 0 < t) (some_norm : 0 < kappa)
    (margin : forall i j, j != i -> t <= dot (q i) (a i) - dot (q i) (a j)) :
  ln (#I) <= #J * ln (1 + 2 * kappa / t).
Proof.
  have apart i j : i != j -> t / kappa <= norm (vsub (a i) (a j)).
    move=> ne; have h := separation short margin (i := i) (j := j); rewrite eq_sym in h; have := h ne => far.
    apply: (Rmult_le_reg_r kappa) => //; rewrite div_mult; lra.
  have := packed Rle_0_1 (div_pos lead some_norm) unit apart => le.
  have base : 1 + 2 * 1 / (t / kappa) = 1 + 2 * kappa / t by field; lra.
  rewrite base in le; have room : 0 < 2 * kappa / t by apply: div_pos; lra.
  have pos : 0 < 1 + 2 * kappa / t by lra.
  have := ln_le_mono (ltac:(lra) : 0 < #I) le.
  by rewrite -(Rpower_pow _ _ pos) /Rpower ln_exp.
Qed.

(** * Coherence *)

(** The one-sided coherence of M directions, in any dimension. *)
Theorem coherence (I J : finType) (a : I -> vector J) (mu : R) (several : 2 <= #I) (unit : forall i, norm (a i) = 1)
    (greatest : forall i j, j != i -> dot (a i) (a j) <= mu) : - (1 / (#I - 1)) <= mu.
Proof.
  have all : 0 <= \sum_i \sum_j dot (a i) (a j).
    have := dot_self_ge0 (vsum predT a); rewrite dot_sum_left; under eq_bigr do rewrite dot_sum_right; by [].
  have each i : \sum_j dot (a i) (a j) <= 1 + (#I - 1) * mu.
    have := sum_others i (fun j => dot (a i) (a j)); have := norm_square (a i); rewrite unit => own.
    have := others_le (greatest i); rewrite count_others; lra.
  have : \sum_i \sum_j dot (a i) (a j) <= \sum_(i : I) (1 + (#I - 1) * mu) by apply: sum_le.
  rewrite sum_const_all => le; apply: (Rmult_le_reg_r (#I * (#I - 1))); first nra.
  have -> : - (1 / (#I - 1)) * (#I * (#I - 1)) = - #I by field; lra.
  nra.
Qed.

Lemma norm_nonzero (J : finType) (v : vector J) : norm v = 1 -> 1 <= #J.
Proof.
  move=> one; case: (pickP (fun _ : J => true)) => [j _|none].
    by have := @card_pos J setT j (in_setT j); rewrite cardsT.
  have zero : dot v v = 0 by rewrite /dot big_pred0.
  by have := norm_square v; rewrite one zero; lra.
Qed.

Definition identity (J : finType) : vector (prod_finType J J) := fun p => if p.1 == p.2 then 1 else 0.

Lemma dot_identity_outer (J : finType) (u : vector J) : dot (outer u u) (@identity J) = dot u u.
Proof.
  rewrite dot_matrix; apply: sum_eq => i _.
  by rewrite (bigD1 i) //= /outer /identity /= eqxx big1 => [|j /negbTE ne]; rewrite ?ne /=; [ring | rewrite eq_sym ne; ring].
Qed.

Lemma dot_identity (J : finType) : dot (@identity J) (@identity J) = #J.
Proof.
  rewrite dot_matrix (sum_eq (g := fun=> 1)) ?sum_const_all; first ring.
  move=> i _; rewrite (bigD1 i) //= /identity /= eqxx big1 => [|j /negbTE ne]; first ring.
  by rewrite eq_sym ne; ring.
Qed.

(** The frame potential: M^2/D <= sum of squared cosines of all ordered pairs, (i, i) among them. *)
Lemma frame_potential (I J : finType) (a : I -> vector J) : (forall i, norm (a i) = 1) ->
  #I * #I <= (\sum_i \sum_j dot (a i) (a j) * dot (a i) (a j)) * #J.
Proof.
  move=> unit; pose F := vsum predT (fun i => outer (a i) (a i)).
  have fi : dot F (@identity J) = #I.
    rewrite dot_sum_left (sum_eq (g := fun=> 1)) ?sum_const_all; first ring.
    by move=> i _; rewrite dot_identity_outer -norm_square unit; ring.
  have ff : dot F F = \sum_i \sum_j dot (a i) (a j) * dot (a i) (a j).
    by rewrite dot_sum_left; apply: sum_eq => i _; rewrite dot_sum_right; apply: sum_eq => j _; rewrite dot_outer.
  by have := dot_square_le F (@identity J); rewrite fi ff dot_identity.
Qed.

(** More than D + 1 directions are not all obtuse. *)
Theorem coherence_many (I J : finType) (a : I -> vector J) (mu : R) (crowd : (#|J| + 2 <= #|I|)%N)
    (greatest : forall i j, j != i -> dot (a i) (a j) <= mu) : 0 <= mu.
Proof. exact: crowded greatest. Qed.

(** Coherence of many directions in D dimensions. *)
Theorem coherence_dimension (I J : finType) (a : I -> vector J) (mu : R) (three : 3 <= #I) (unit : forall i, norm (a i) = 1)
    (greatest : forall i j, j != i -> dot (a i) (a j) <= mu) : (#I - 2 * #J) / (#J * (#I - 2)) <= mu.
Proof.
  have [k _] := some_anchor (ltac:(lra) : 2 <= #I); have d1 := norm_nonzero (unit k).
  set M := #I in three *; set D := #J in d1 *.
  apply: (Rmult_le_reg_r (D * (M - 2))); first nra.
  rewrite div_mult; last nra.
  case: (Rle_or_lt mu 1) => [mu1|mu1]; last first.
    have x : 0 <= D * (M - 2) by apply: Rmult_le_pos; lra.
    have y : M <= D * M by nra.
    have := Rmult_le_compat_r _ _ _ x (Rlt_le _ _ mu1); lra.
  have frame := frame_potential unit; rewrite -/M -/D in frame.
  have all : 0 <= \sum_i \sum_j dot (a i) (a j).
    have := dot_self_ge0 (vsum predT a); rewrite dot_sum_left; under eq_bigr do rewrite dot_sum_right; by [].
  have own i : dot (a i) (a i) = 1 by rewrite -norm_square unit; ring.
  pose f x := x * x + (1 - mu) * x - mu.
  have each i : \sum_j f (dot (a i) (a j)) <= 2 * (1 - mu).
    have := sum_others i (fun j => f (dot (a i) (a j))); rewrite own.
    have : \sum_(j | j != i) f (dot (a i) (a j)) <= \sum_(j | j != i) 0.
      apply: others_le => j hj; have := greatest i j hj; have := dot_ge (a i) (a j); rewrite !unit /f => lo up.
      have : 0 <= (dot (a i) (a j) + 1) * (mu - dot (a i) (a j)) by apply: Rmult_le_pos; lra.
      nra.
    rewrite count_others /f; nra.
  have total : \sum_i \sum_j f (dot (a i) (a j)) <= M * (2 * (1 - mu)).
    by rewrite /M -sum_const_all; apply: sum_le.
  have split : \sum_i \sum_j f (dot (a i) (a j))
      = \sum_i \sum_j dot (a i) (a j) * dot (a i) (a j) + (1 - mu) * (\sum_i \sum_j dot (a i) (a j)) - M * M * mu.
    rewrite -sum_scale -sum_add (_ : M * M * mu = \sum_(i : I) (M * mu)); last by rewrite sum_const_all -/M; ring.
    rewrite -sum_sub; apply: sum_eq => i _; rewrite /f.
    by rewrite sum_sub sum_add sum_scale sum_const_all.
  rewrite split in total; set Q := \sum_i \sum_j dot (a i) (a j) * dot (a i) (a j) in frame total.
  set T := \sum_i \sum_j dot (a i) (a j) in all total.
  have : 0 <= (1 - mu) * T by apply: Rmult_le_pos; lra.
  have m0 : 0 < M by lra.
  move=> tail; have bound : Q <= M * (2 * (1 - mu)) + M * M * mu by lra.
  have := Rmult_le_compat_r D _ _ ltac:(lra) bound => h.
  apply: (Rmult_le_reg_l M) => //; lra.
Qed.

(** With queries along the anchors the margin is kappa (1 - mu): one-sided. *)
Theorem tied_margin (I J : finType) (a : I -> vector J) (kappa mu : R) (kappa_nonnegative : 0 <= kappa)
    (unit : forall i, norm (a i) = 1) (greatest : forall i j, j != i -> dot (a i) (a j) <= mu)
    (attained : exists i j, j != i /\ dot (a i) (a j) = mu) :
  (forall i j, j != i -> kappa * (1 - mu) <= dot (vscale kappa (a i)) (a i) - dot (vscale kappa (a i)) (a j)) /\
  exists i j, j != i /\ dot (vscale kappa (a i)) (a i) - dot (vscale kappa (a i)) (a j) = kappa * (1 - mu).
Proof.
  have own i : dot (a i) (a i) = 1 by rewrite -norm_square unit; ring.
  split=> [i j ne|]; first by rewrite !dot_scale_left own; have := greatest i j ne; nra.
  by have [i [j [ne eq]]] := attained; exists i, j; split=> //; rewrite !dot_scale_left own eq; ring.
Qed.

(** The margin of queries along their own anchors in D dimensions. *)
Theorem margin_dimension_cap (I J : finType) (a : I -> vector J) (kappa t : R) (kappa_nonnegative : 0 <= kappa)
    (three : 3 <= #I) (unit : forall i, norm (a i) = 1)
    (lead : forall i j, j != i -> t <= dot (vscale kappa (a i)) (a i) - dot (vscale kappa (a i)) (a j)) :
  t <= kappa * #I * (#J - 1) / (#J * (#I - 2)).
Proof.
  have [k _] := some_anchor (ltac:(lra) : 2 <= #I); have d1 := norm_nonzero (unit k).
  have own i : dot (a i) (a i) = 1 by rewrite -norm_square unit; ring.
  case: kappa_nonnegative => [pos|zero]; last first.
    have [l hl] : exists l, l != k.
      case: (pickP (fun l => l != k)) => [l hl|none]; first by exists l.
      have : \sum_(j | j != k) 1 = 0 by rewrite big_pred0.
      by rewrite count_others; lra.
    by have := lead k l hl; rewrite !dot_scale_left -zero !Rmult_0_l /Rdiv Rmult_0_l; lra.
  have mu i j : j != i -> dot (a i) (a j) <= 1 - t / kappa.
    move=> ne; have := lead i j ne; rewrite !dot_scale_left own => h.
    apply: (Rmult_le_reg_l kappa) => //; have -> : kappa * (1 - t / kappa) = kappa - t by field; lra.
    lra.
  have := coherence_dimension three unit mu => h.
  have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ pos) h.
  have -> : kappa * (1 - t / kappa) = kappa - t by field; lra.
  have -> : kappa * #I * (#J - 1) / (#J * (#I - 2)) = kappa - kappa * ((#I - 2 * #J) / (#J * (#I - 2))) by field; lra.
  lra.
Qed.

(** Welch: the greatest absolute cosine. *)
Theorem welch (I J : finType) (a : I -> vector J) (mu : R) (several : 2 <= #I) (as_many : #J <= #I)
    (unit : forall i, norm (a i) = 1) (greatest : forall i j, j != i -> Rabs (dot (a i) (a j)) <= mu) :
  sqrt ((#I - #J) / (#J * (#I - 1))) <= mu.
Proof.
  have [k _] := some_anchor several; have d1 := norm_nonzero (unit k).
  have own i : dot (a i) (a i) = 1 by rewrite -norm_square unit; ring.
  have frame := frame_potential unit.
  have [l hl] : exists l, l != k.
    case: (pickP (fun l => l != k)) => [l hl|none]; first by exists l.
    have : \sum_(j | j != k) 1 = 0 by rewrite big_pred0.
    by rewrite count_others; lra.
  have mu0 : 0 <= mu by have := greatest k l hl; have := Rabs_pos (dot (a k) (a l)); lra.
  have each i : \sum_j dot (a i) (a j) * dot (a i) (a j) <= 1 + (#I - 1) * (mu * mu).
    have := sum_others i (fun j => dot (a i) (a j) * dot (a i) (a j)); rewrite own.
    have : \sum_(j | j != i) dot (a i) (a j) * dot (a i) (a j) <= \sum_(j | j != i) mu * mu.
      by apply: others_le => j ne; have := le_abs (greatest i j ne) => [] [lo up]; nra.
    rewrite count_others; lra.
  have all : \sum_i \sum_j dot (a i) (a j) * dot (a i) (a j) <= #I * (1 + (#I - 1) * (mu * mu)).
    by rewrite -sum_const_all; apply: sum_le.
  rewrite -(sqrt_square mu) //; apply: sqrt_le_1_alt; apply: (Rmult_le_reg_r (#J * (#I - 1))); first nra.
  rewrite div_mult; last nra.
  have : #I * #I <= #I * (1 + (#I - 1) * (mu * mu)) * #J by nra.
  move=> h; apply: (Rmult_le_reg_l (#I)); first lra.
  nra.
Qed.

(** Welch's bound is none on the one-sided coherence: the two numbers. That the icosahedron's twelve directions have the coherence
    1 / sqrt 5 is not proved here; Python's tests enclose their cosines. *)
Theorem welch_is_wrong : 1 / sqrt 5 < sqrt ((12 - 3) / (3 * (12 - 1))).
Proof. by Numbers.enclose. Qed.

(** The share of sign codes in which some pair has cosine at least mu. *)
Definition bad_share (I J : finType) (mu : R) := #(@bad I J mu) / #(code I J).

Lemma code_positive (I J : finType) : 0 < #(code I J).
Proof. by apply: (lt_INR 0); apply/ltP; apply/card_gt0P; exists [ffun=> [ffun=> true]]. Qed.

Theorem sign_failure (I J : finType) (mu : R) (several : 2 <= #I) (not_obtuse : 0 <= mu) :
  bad_share I J mu <= #I * (#I - 1) / 2 * exp (- (#J * mu ^ 2 / 2)).
Proof.
  have pos := code_positive I J; rewrite /bad_share; apply: (Rmult_le_reg_r (#(code I J))) => //.
  rewrite div_mult; last lra.
  have := bad_codes I J not_obtuse; lra.
Qed.

(** 4 ln M/mu^2 dimensions are enough for most sign codes. *)
Theorem sign_code (I J : finType) (mu : R) (several : 2 <= #I) (acute : 0 < mu) (wide : 4 * ln (#I) / mu ^ 2 <= #J) :
  bad_share I J mu < 1 / 2.
Proof.
  have le := sign_failure J several (Rlt_le _ _ acute); apply: Rle_lt_trans le _.
  have m2 : 0 < mu ^ 2 by exact: pow_lt.
  have h : 2 * ln (#I) <= #J * mu ^ 2 / 2.
    have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ m2) wide; rewrite div_mult; lra.
  have e : exp (- (#J * mu ^ 2 / 2)) <= / #I * / #I.
    apply: Rle_trans (_ : exp (- ln (#I) + - ln (#I)) <= _); first by apply: exp_le; lra.
    by right; rewrite exp_plus exp_Ropp exp_ln //; lra.
  have c : 0 <= #I * (#I - 1) / 2 by nra.
  apply: Rle_lt_trans (Rmult_le_compat_l _ _ _ c e) _.
  have -> : #I * (#I - 1) / 2 * (/ #I * / #I) = 1 / 2 - / #I / 2 by field; lra.
  have := Rinv_0_lt_compat (#I) ltac:(lra); lra.
Qed.

(** Such a code exists, then. *)
Theorem sign_code_exists (I J : finType) (mu : R) (several : 2 <= #I) (acute : 0 < mu) (wide : 4 * ln (#I) / mu ^ 2 <= #J) :
  exists f : code I J, forall i j, j != i -> product f i j < mu * #J.
Proof.
  have lt := sign_code several acute wide; have pos := code_positive I J.
  case: (pickP (fun f : code I J => f \notin bad I J mu)) => [f|all].
    rewrite inE negb_exists => /forallP h; exists f => i j ne.
    have := h i; rewrite negb_exists => /forallP /(_ j); rewrite ne /= /atleast.
    by case: Rle_dec => //= gt _; lra.
  have whole : bad I J mu = [set: code I J] by apply/setP => f; rewrite in_setT; exact: negbFE (all f).
  have size : INR #|[set: code I J]| = #(code I J) by rewrite cardsT.
  have one : bad_share I J mu = 1 by rewrite /bad_share whole size /Rdiv Rinv_r; lra.
  by exfalso; lra.
Qed.

(** * Information *)

Section Channels.
Variables (B K : finType) (p : B -> K -> R) (name : K -> B).

(** Probability of a pointer value, of the pointer naming the block, and of an error; the mutual information. *)
Definition value (k : K) := (\sum_b p b k) / #B.
Definition right (b : B) := \sum_(k | name k == b) p b k.
Definition error := 1 - (\sum_b right b) / #B.
Definition information_of := \sum_b \sum_k p b k / #B * ln (p b k / value k).

Hypotheses (channel : forall b, distribution (p b)) (several : 2 <= #B).

Lemma fano_cells (e : R) : 0 < e < 1 -> ln (#B) + (1 - error) * ln (1 - e) + error * (ln e - ln (#B - 1)) <= information_of.
Proof.
  move=> open; have m2 := several; set M := #B in m2 *; have m0 : 0 < M by lra.
  pose w b k := if name k == b then 1 - e else e / (M - 1).
  have wpos b k : 0 < w b k by rewrite /w; case: ifP => _; [lra | apply: div_pos; lra].
  have p0 b k : 0 <= p b k by have [h _] := channel b.
  have v0 k : 0 <= value k by apply: Rmult_le_pos; [exact: sum_ge0 | left; exact: Rinv_0_lt_compat].
  have cell b k : p b k / M * ln M + p b k / M * ln (w b k) - value k * w b k + p b k / M <= p b k / M * ln (p b k / value k).
    have x0 : 0 <= p b k / M by apply: Rmult_le_pos; [exact: p0 | left; exact: Rinv_0_lt_compat].
    case: (p0 b k) => [pos|zero]; last first.
      have := Rmult_le_pos _ _ (v0 k) (Rlt_le _ _ (wpos b k)); rewrite -zero /Rdiv !Rmult_0_l; lra.
    have le : p b k <= \sum_c p c k by apply: (@term_le_sum _ xpredT (fun c => p c k) b).
    have vp : 0 < value k by apply: div_pos => //; lra.
    have x1 : 0 < p b k / M by exact: div_pos.
    have := gibbs_term x0 (Rmult_lt_0_compat _ _ vp (wpos b k)); rewrite ln_mult //.
    have -> : ln (p b k / value k) = ln M + ln (p b k / M) - ln (value k) by rewrite !ln_div //; lra.
    lra.
  have sums : \sum_b \sum_k (p b k / M * ln M + p b k / M * ln (w b k) - value k * w b k + p b k / M) <= information_of.
    by apply: sum_le => b _; apply: sum_le => k _; exact: cell.
  have ones b : \sum_k p b k = 1 by have [_ h] := channel b.
  have mass : \sum_b \sum_k p b k / M = 1.
    rewrite (sum_eq (g := fun=> / M)) => [|b _]; last by rewrite /Rdiv sum_scale_right ones Rmult_1_l.
    by rewrite sum_const_all -/M; field; lra.
  have wsum k : \sum_b w b k = 1.
    rewrite (bigD1 (name k)) //= /w eqxx (sum_eq (g := fun=> e / (M - 1))) => [|b]; last by rewrite eq_sym => /negbTE ->.
    by rewrite count_others -/M; field; lra.
  have vsum1 : \sum_k value k = 1.
    rewrite -mass exchange_big /=; apply: sum_eq => k _.
    by rewrite /value /Rdiv sum_scale_right.
  have vw : \sum_b \sum_k value k * w b k = 1.
    rewrite exchange_big /= -vsum1; apply: sum_eq => k _; rewrite sum_scale wsum; ring.
  have logs : \sum_b \sum_k p b k / M * ln (w b k) = (1 - error) * ln (1 - e) + error * (ln e - ln (M - 1)).
    have split b : \sum_k p b k / M * ln (w b k) = right b / M * ln (1 - e) + (1 - right b) / M * (ln e - ln (M - 1)).
      rewrite (bigID (fun k => name k == b)) /=.
      rewrite (sum_eq (g := fun k => / M * ln (1 - e) * p b k)) => [|k h]; last by rewrite /w h /Rdiv; ring.
      rewrite [X in _ + X](sum_eq (g := fun k => / M * (ln e - ln (M - 1)) * p b k)) => [|k h]; last first.
        by rewrite /w (negbTE h) ln_div; [rewrite /Rdiv; ring | lra | lra].
      rewrite !sum_scale -/(right b).
      have -> : \sum_(k | name k != b) p b k = 1 - right b.
        by have := ones b; rewrite (bigID (fun k => name k == b)) /= -/(right b); lra.
      by field; lra.
    rewrite (sum_eq (g := fun b => (ln (1 - e) - (ln e - ln (M - 1))) * / M * right b + (ln e - ln (M - 1)) / M)) => [|b _].
      by rewrite sum_add sum_scale sum_const_all -/M /error -/M; field; lra.
    by rewrite split; field; lra.
  have lnM : \sum_b \sum_k p b k / M * ln M = ln M.
    rewrite (sum_eq (g := fun b => ln M * (\sum_k p b k / M))) => [|b _]; last by rewrite -sum_scale; apply: sum_eq => k _; ring.
    by rewrite sum_scale mass; ring.
  have expand : \sum_b \sum_k (p b k / M * ln M + p b k / M * ln (w b k) - value k * w b k + p b k / M)
      = \sum_b \sum_k p b k / M * ln M + \sum_b \sum_k p b k / M * ln (w b k) - \sum_b \sum_k value k * w b k
        + \sum_b \sum_k p b k / M.
    by rewrite -sum_add -sum_sub -sum_add; apply: sum_eq => b _; rewrite -sum_add -sum_sub -sum_add.
  rewrite expand lnM logs vw mass in sums; lra.
Qed.

End Channels.

(** Information of a pointer, dual form: true for every eps. *)
Theorem fano_dual (B K : finType) (p : B -> K -> R) (name : K -> B) (e : R) (channel : forall b, distribution (p b))
    (several : 2 <= #B) (some : 0 < e) (not_all : e < 1) :
  ln (#B) + (1 - error p name) * ln (1 - e) + error p name * (ln e - ln (#B - 1)) <= information_of p.
Proof. exact: fano_cells. Qed.

(** Fano, with exactly the error. *)
Theorem fano (B K : finType) (p : B -> K -> R) (name : K -> B) (channel : forall b, distribution (p b)) (several : 2 <= #B)
    (some : 0 < error p name) (not_all : error p name < 1) :
  fano_floor (#B) (error p name) <= information_of p.
Proof. by have := fano_cells name channel several (conj some not_all); rewrite /fano_floor; lra. Qed.

(** Fano with a bound on the error: only up to the error of guessing. *)
Theorem fano_bound (B K : finType) (p : B -> K -> R) (name : K -> B) (e : R) (channel : forall b, distribution (p b))
    (several : 2 <= #B) (some : 0 < e) (not_all : e < 1) (cap : e <= (#B - 1) / #B) (error : error p name <= e) :
  fano_floor (#B) e <= information_of p.
Proof.
  have dual := fano_cells name channel several (conj some not_all); rewrite /fano_floor.
  have slope : ln e - ln (#B - 1) <= ln (1 - e).
    rewrite -ln_div; try lra; apply: ln_le_mono; first by apply: div_pos; lra.
    have := Rmult_le_compat_r (#B) _ _ ltac:(lra) cap; rewrite div_mult; last lra.
    move=> h; apply: (Rmult_le_reg_r (#B - 1)); first lra.
    rewrite div_mult; lra.
  have key x : x <= e -> ln (#B) + (1 - x) * ln (1 - e) + x * (ln e - ln (#B - 1)) <= information_of p ->
      ln (#B) + e * ln e + (1 - e) * ln (1 - e) - e * ln (#B - 1) <= information_of p.
    move=> xe; have : 0 <= (e - x) * (ln (1 - e) - (ln e - ln (#B - 1))) by apply: Rmult_le_pos; lra.
    lra.
  exact: key error dual.
Qed.

(** A pointer that is faithful at every block knows the block. *)
Theorem information (B K : finType) (p : B -> K -> R) (name : K -> B) (phi : R) (channel : forall b, distribution (p b))
    (phi_positive : 0 < phi) (several : 2 <= #B) (target : phi < 1) (cap : 1 - phi <= (#B - 1) / #B)
    (faithful : forall b, phi <= right p name b) :
  fano_floor (#B) (1 - phi) <= information_of p.
Proof.
  apply: (@fano_bound _ _ _ name _ channel several _ _ cap); try lra.
  have : \sum_(b : B) phi <= \sum_b right p name b by apply: sum_le.
  have inv : 0 < / #B by apply: Rinv_0_lt_compat; lra.
  rewrite sum_const_all /error => le; have := Rmult_le_compat_r (/ #B) _ _ (Rlt_le _ _ inv) le.
  have -> : #B * phi * / #B = phi by field; lra.
  rewrite /Rdiv; lra.
Qed.

(** Beyond the error of guessing, Fano's formula claims what is not there: here a third of a nat, of a pointer that knows nothing. *)
Theorem fano_needs_cap : 1 / 3 < fano_floor 2 (9 / 10).
Proof.
  rewrite /fano_floor; have -> : 2 - 1 = 1 by ring.
  by rewrite ln_1 Rmult_0_r Rminus_0_r; Numbers.enclose.
Qed.

Theorem fano_needs_cap_pointer : exists (p : bool -> bool -> R) (name : bool -> bool),
  [/\ forall b, distribution (p b), error p name <= 9 / 10 & information_of p = 0].
Proof.
  have two : INR #|{: bool}| = 2 by rewrite card_bool.
  have both (f : bool -> R) : \sum_b f b = f true + f false by rewrite big_bool.
  exists (fun _ _ => 1 / 2), id; split=> [b||].
  - by split=> [k|]; [lra | rewrite both; lra].
  - have half b : right (fun _ _ => 1 / 2) id b = 1 / 2 by rewrite /right /= big_pred1_eq.
    by rewrite /error two both !half; lra.
  have v k : value (fun (_ : bool) (_ : bool) => 1 / 2) k = 1 / 2 by rewrite /value two both; field.
  rewrite /information_of; apply: sum_zero => b _; apply: sum_zero => k _.
  by rewrite v two (_ : 1 / 2 / (1 / 2) = 1) ?ln_1; [ring | field].
Qed.
