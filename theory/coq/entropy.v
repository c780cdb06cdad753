(** Entropy of an attention row: a ceiling from a margin, a floor from a range, a pointer from a low entropy.

    Entropies are in nats. The dual form, the ceiling for a given outside mass and the pointer bounds hold for any distribution, zeros
    allowed; the others are about softmax rows.

    Against the informal statement: 0 ln 0 is 0 because Coq's ln 0 is 0, which is the value everybody means; the range and the margin are
    hypotheses on pairs of keys; Z, H* and psi are written for real n and g, and used at cardinals. *)

From Coq Require Import Reals Lra Psatz.
From mathcomp Require Import all_ssreflect.
From Coquelicot Require Import Coquelicot.
From Localist Require Import Sums concentration.
From Localist Require Numbers.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

Definition Z (n g t : R) := g + (n - g) * exp (- t).
(** Entropy of the two-level row of gap t: the ceiling. *)
Definition Hstar (n g t : R) := ln (Z n g t) + t * ((n - g) * exp (- t)) / Z n g t.
Definition binary (e : R) := - e * ln e - (1 - e) * ln (1 - e).
(** psi(R), the gap to ln n that a range R can open. *)
Definition ratio (r : R) := r / (1 - exp (- r)).
Definition psi (r : R) := ratio r - 1 - ln (ratio r).
(** r0(n, R), the real size at which the two-level entropy is least. *)
Definition least_size (n r : R) := n * exp (- r) * (r - 1 + exp (- r)) / (1 - exp (- r)) ^ 2.

(** * Scalars *)

(** A function with a non-negative derivative grows. *)
Lemma grows (f f' : R -> R) (a b : R) : a <= b -> (forall c, a <= c <= b -> is_derive f c (f' c)) ->
  (forall c, a < c < b -> 0 <= f' c) -> f a <= f b.
Proof.
  move=> [ab|->] diff sign; last lra.
  have lim c : a <= c <= b -> derivable_pt_lim f c (f' c) by move=> /diff /is_derive_Reals.
  have [c [eq hc]] := MVT_cor2 f f' a b ab lim; have := sign c hc; nra.
Qed.

Lemma exp_chord_terms p x : exp (p * x) * (1 - p * x) <= 1 /\ exp (p * x) * (1 + x - p * x) <= exp x.
Proof.
  have e := exp_pos (p * x); split.
    have one : exp (p * x) * exp (- (p * x)) = 1 by rewrite -exp_plus Rplus_opp_r exp_0.
    by have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ e) (exp_tangent (- (p * x))); rewrite one; lra.
  have <- : exp (p * x) * exp (x - p * x) = exp x by rewrite -exp_plus; congr exp; ring.
  by apply: Rmult_le_compat_l; [lra | have := exp_tangent (x - p * x); lra].
Qed.

Lemma exp_chord p x : 0 <= p <= 1 -> exp (p * x) <= 1 - p + p * exp x.
Proof. move=> hp; have [a b] := exp_chord_terms p x; nra. Qed.

Lemma exp_chord_strict p x : 0 < p < 1 -> x <> 0 -> exp (p * x) < 1 - p + p * exp x.
Proof.
  move=> hp hx; have [_ b] := exp_chord_terms p x; have e := exp_pos (p * x).
  have : exp (p * x) * (1 - p * x) < 1; last nra.
  have one : exp (p * x) * exp (- (p * x)) = 1 by rewrite -exp_plus Rplus_opp_r exp_0.
  by have := Rmult_lt_compat_l _ _ _ e (exp_ineq1 (- (p * x)) ltac:(nra)); rewrite one; lra.
Qed.

Lemma ln_above x : 0 <= x -> x - x ^ 2 / 2 <= ln (1 + x).
Proof.
  move=> hx; suff : ln (1 + 0) - 0 + 0 ^ 2 / 2 <= ln (1 + x) - x + x ^ 2 / 2 by rewrite Rplus_0_r ln_1; lra.
  apply: (grows (f := fun z => ln (1 + z) - z + z ^ 2 / 2) (f' := fun z => z ^ 2 / (1 + z)) hx) => c hc.
    by auto_derive; [lra | field; lra].
  by apply: Rmult_le_pos; [exact: pow2_ge_0 | left; apply: Rinv_0_lt_compat; lra].
Qed.

Section TwoLevel.
Variables (n g : R).
Hypotheses (g_positive : 1 <= g) (out_positive : 1 <= n - g).

Lemma Z_positive t : 0 < Z n g t.
Proof. by rewrite /Z; have := odds_positive out_positive t; lra. Qed.

Lemma Hstar_E t : Hstar n g t = ln (Z n g t) + t * E n g t.
Proof. by have := Z_positive t; rewrite /Hstar /E /Z => z; field; lra. Qed.

Lemma Hstar_0 : Hstar n g 0 = ln n.
Proof. by rewrite /Hstar /Z Ropp_0 exp_0 Rmult_0_l /Rdiv Rmult_0_l Rplus_0_r; congr ln; ring. Qed.

(** The two-level row of gap t' against the two-level distribution of gap t. *)
Lemma Hstar_cross t t' : t <> t' -> Hstar n g t' < ln (Z n g t) + t * E n g t'.
Proof.
  move=> ne; rewrite Hstar_E; have z := Z_positive t; have z' := Z_positive t'.
  suff : exp (E n g t' * (t' - t)) < Z n g t / Z n g t'.
    move=> lt; have := ln_increasing _ _ (exp_pos _) lt; rewrite ln_exp ln_div //; lra.
  have -> : Z n g t / Z n g t' = 1 - E n g t' + E n g t' * exp (t' - t).
    have -> : exp (t' - t) = exp (- t) / exp (- t') by rewrite -exp_minus; congr exp; ring.
    by have := exp_pos (- t'); move: z'; rewrite /E /Z => z' e; field; lra.
  by apply: exp_chord_strict; [exact: E_open | lra].
Qed.

Lemma Hstar_decreasing t t' : 0 <= t -> t < t' -> Hstar n g t' < Hstar n g t.
Proof.
  move=> t0 lt; have := Hstar_cross (t := t) (t' := t') ltac:(lra); rewrite Hstar_E.
  have := E_decreasing g_positive out_positive lt; rewrite !Hstar_E; nra.
Qed.

Lemma Hstar_below_ln_n t : t <> 0 -> Hstar n g t < ln n.
Proof. move=> ne; have := Hstar_cross (t := 0) (t' := t) ltac:(lra); rewrite -Hstar_0 (Hstar_E 0); lra. Qed.

End TwoLevel.

(** * Rows *)

Section Rows.
Variables (I : finType).
Implicit Types (a b s : I -> R) (G : {set I}).

(** Entropy of a two-level row, for any set on top, the empty one and the whole type too. *)
Lemma entropy_two_level s G t (k : I) : two_level s G t -> entropy (softmax s) = Hstar (#I) (#G) t.
Proof.
  move=> [low eq]; have pos := total_pos s k; have [_ one] := softmax_distribution s k.
  have tot : total s = exp (low + t) * Z (#I) (#G) t.
    rewrite (total_split s G) /weight (sum_inside (c := exp (low + t))) => [|i hi]; last by rewrite eq hi.
    rewrite (sum_outside (c := exp low)) => [|i hi]; last by rewrite eq (negbTE hi).
    rewrite /Z exp_plus exp_Ropp; have := exp_pos t => h; field; lra.
  have zp : 0 < Z (#I) (#G) t by have := exp_pos (low + t); nra.
  rewrite (entropy_softmax s k) tot ln_mult ?ln_exp //; last exact: exp_pos.
  have -> : \sum_i softmax s i * s i = low + t - t * outside (softmax s) G.
    rewrite (sum_eq (g := fun i => (low + t) * softmax s i - t * (if i \in G then 0 else softmax s i))) => [|i _]; last first.
      by rewrite eq; case: ifP => _; ring.
    rewrite sum_sub !sum_scale one (sum_cut (G := G) (g := softmax s)) => [|i ->|i /negbTE ->] //.
    by rewrite /outside; ring.
  have -> : outside (softmax s) G = (#I - #G) * exp (- t) / Z (#I) (#G) t.
    rewrite outside_softmax tot /weight (sum_outside (c := exp low)) => [|i hi]; last by rewrite eq (negbTE hi).
    rewrite exp_plus exp_Ropp; have := exp_pos t; have := exp_pos low => h h'; field; lra.
  rewrite /Hstar; field; lra.
Qed.

Lemma level_distribution G t (k : I) : distribution (softmax (level_score G t)).
Proof. exact: softmax_distribution k. Qed.

(** Cross entropy against the two-level distribution. *)
Lemma cross_level a G t : distribution a ->
  - (\sum_i a i * ln (softmax (level_score G t) i)) = ln (Z (#I) (#G) t) + t * outside a G.
Proof.
  move=> [a0 a1]; rewrite /Z -total_level.
  rewrite (sum_eq (g := fun i => - (ln (total (level_score G t)) * a i + t * (if i \in G then 0 else a i)))) => [|i _]; last first.
    by rewrite ln_softmax /level_score; case: ifP => _; ring.
  rewrite sum_opp sum_add !sum_scale a1 (sum_cut (G := G) (g := a)) => [|i ->|i /negbTE ->] //.
  by rewrite /outside; ring.
Qed.

End Rows.

(** * Statements *)

(** The dual form: any distribution, any real t, any set with a key in it. *)
Theorem dual (I : finType) (G : {set I}) (a : I -> R) (t : R) (is_distribution : distribution a) (block : (0 < #|G|)%N) :
  entropy a <= ln (Z (#I) (#G) t) + t * outside a G.
Proof.
  have [k _] := distribution_inhabited is_distribution; have [_ one] := level_distribution G t k.
  rewrite -cross_level //; apply: gibbs => // [i|]; [exact: softmax_pos | lra].
Qed.

(** Equality in the dual form: the two-level distribution of gap t and no other. *)
Theorem dual_equality (I : finType) (G : {set I}) (a : I -> R) (t : R) (is_distribution : distribution a) :
  entropy a = ln (Z (#I) (#G) t) + t * outside a G <-> forall i, a i = softmax (level_score G t) i.
Proof.
  have [k _] := distribution_inhabited is_distribution; have [_ one] := level_distribution G t k.
  rewrite -cross_level //; split=> [eq|eq].
    by apply: gibbs_eq => // [i|]; [exact: softmax_pos | lra].
  by rewrite /entropy; congr (- _); apply: sum_eq => i _; rewrite eq.
Qed.

Lemma ceiling_dual (I : finType) (G : {set I}) (s : I -> R) (t : R) : block G -> leads s G t -> 0 <= t ->
  ln (Z (#I) (#G) t) + t * outside (softmax s) G <= Hstar (#I) (#G) t.
Proof.
  move=> b m t0; have [g1 n1] := block_sizes b; rewrite Hstar_E //.
  have := outside_mass b m; nra.
Qed.

(** The ceiling under a margin. *)
Theorem ceiling (I : finType) (G : {set I}) (s : I -> R) (t : R) (block : block G) (margin : leads s G t) (lead : 0 <= t) :
  entropy (softmax s) <= Hstar (#I) (#G) t.
Proof.
  have [k _] := block_in block; apply: Rle_trans (ceiling_dual block margin lead).
  by apply: dual; [exact: softmax_distribution k | case/andP: block].
Qed.

(** For t > 0 it is attained by the two-level row of gap exactly t and by no other row. *)
Theorem ceiling_equality (I : finType) (G : {set I}) (s : I -> R) (t : R) (block : block G) (margin : leads s G t) (lead : 0 < t) :
  entropy (softmax s) = Hstar (#I) (#G) t <-> two_level s G t.
Proof.
  have [k _] := block_in block; have [g1 n1] := block_sizes block; split=> [eq|two]; last exact: entropy_two_level k two.
  apply/(outside_mass_equality block margin); apply: Rle_antisym; first exact: outside_mass.
  have h := dual t (softmax_distribution s k) (proj1 (andP block)).
  by move: h; rewrite eq Hstar_E // => h; apply: (Rmult_le_reg_l t); lra.
Qed.

(** The greatest entropy for a given outside mass. *)
Theorem at_outside_mass (I : finType) (G : {set I}) (a : I -> R) (is_distribution : distribution a) (block : block G)
    (some_outside : 0 < outside a G) (some_inside : outside a G < 1) :
  entropy a <= binary (outside a G) + (1 - outside a G) * ln (#G) + outside a G * ln (#I - #G).
Proof.
  have [g1 n1] := block_sizes block; set e := outside a G in some_outside some_inside *.
  have [a0 a1] := is_distribution; pose b i := if i \in G then (1 - e) / #G else e / (#I - #G).
  have bp i : 0 < b i by rewrite /b; case: ifP => _; apply: div_pos; lra.
  have b1 : \sum_i b i <= 1.
    rewrite (sum_split G) (sum_inside (c := (1 - e) / #G)) => [|i hi]; last by rewrite /b hi.
    rewrite (sum_outside (c := e / (#I - #G))) => [|i hi]; last by rewrite /b (negbTE hi).
    by right; field; lra.
  apply: Rle_trans (gibbs is_distribution bp b1) _; right; rewrite (sum_split G).
  rewrite (sum_eq (g := fun i => a i * ln ((1 - e) / #G))) => [|i hi]; last by rewrite /b hi.
  rewrite (sum_eq_out (g := fun i => a i * ln (e / (#I - #G)))) => [|i hi]; last by rewrite /b (negbTE hi).
  rewrite !sum_scale_right -/(mass a G) (mass_outside _ is_distribution) -/(outside a G) -/e !ln_div; try lra.
  rewrite /binary; ring.
Qed.

(** It is the entropy of the distribution that is uniform in the block and uniform outside. *)
Theorem at_outside_mass_attained (I : finType) (G : {set I}) (e : R) (block : block G) (some_outside : 0 < e) (some_inside : e < 1) :
  exists a : I -> R, distribution a /\ outside a G = e /\ entropy a = binary e + (1 - e) * ln (#G) + e * ln (#I - #G).
Proof.
  have [g1 n1] := block_sizes block; pose b i := if i \in G then (1 - e) / #G else e / (#I - #G).
  have inside f : \sum_(i in G) f (b i) = #G * f ((1 - e) / #G).
    by apply: sum_inside => i hi; rewrite /b hi.
  have out f : \sum_(i in ~: G) f (b i) = (#I - #G) * f (e / (#I - #G)).
    by apply: sum_outside => i hi; rewrite /b (negbTE hi).
  exists b; split; [split|split].
  - by move=> i; rewrite /b; case: ifP => _; left; apply: div_pos; lra.
  - by rewrite (sum_split G) (inside (fun x => x)) (out (fun x => x)); field; lra.
  - by rewrite /outside (out (fun x => x)); field; lra.
  - rewrite /entropy (sum_split G) (inside (fun x => x * ln x)) (out (fun x => x * ln x)) !ln_div; try lra.
    by rewrite /binary; field; lra.
Qed.

(** The ceiling falls strictly in the margin. *)
Theorem ceiling_decreases (n g t increment : R) (block : 1 <= g /\ n - g >= 1) (lead : 0 <= t) (gain : 0 < increment) :
  Hstar n g (t + increment) < Hstar n g t.
Proof. by case: block => g1 n1; apply: Hstar_decreasing; lra. Qed.

Theorem ceiling_below_ln_n (n g t : R) (block : 1 <= g /\ n - g >= 1) (positive : 0 < t) : Hstar n g t < ln n.
Proof. by case: block => g1 n1; apply: Hstar_below_ln_n; lra. Qed.

Theorem ceiling_above_ln_g (n g t : R) (block : 1 <= g /\ n - g >= 1) (lead : 0 <= t) : ln g < Hstar n g t.
Proof.
  case: block => g1 n1; have n1' : 1 <= n - g by lra.
  have := E_open g1 n1' t; have o := odds_positive n1' t; rewrite Hstar_E // => e.
  have := ln_increasing g (Z n g t) ltac:(lra) ltac:(rewrite /Z; lra); nra.
Qed.

Lemma Hstar_rho (n g t : R) : 1 <= g -> 1 <= n - g -> Hstar n g t = ln g + ln (1 + rho n g t) + t * (rho n g t / (1 + rho n g t)).
Proof.
  move=> g1 n1; have r := rho_positive g1 n1 t; rewrite Hstar_E // E_rho //; congr (_ + _).
  by rewrite -ln_mult; try lra; congr ln; rewrite /Z /rho; field; lra.
Qed.

(** Entropy falls to ln g exponentially in the margin. *)
Theorem exponential (I : finType) (G : {set I}) (s : I -> R) (t : R) (block : block G) (margin : leads s G t) (lead : 0 <= t) :
  entropy (softmax s) <= ln (#G) + rho (#I) (#G) t * (1 + t).
Proof.
  have [g1 n1] := block_sizes block; apply: Rle_trans (ceiling block margin lead) _; rewrite Hstar_rho //.
  have r := rho_positive g1 n1 t; set x := rho _ _ _ in r *.
  have := ln_tangent (x := 1 + x) ltac:(lra); have : x / (1 + x) <= x.
    by apply: (Rmult_le_reg_r (1 + x)); [lra | rewrite /Rdiv Rmult_assoc Rinv_l; nra].
  nra.
Qed.

(** The two-level row falls no faster: the exponential form is exact to second order. *)
Theorem exponential_exact (I : finType) (G : {set I}) (s : I -> R) (t : R) (block : block G) (lead : 0 <= t) (two_level : two_level s G t) :
  ln (#G) + rho (#I) (#G) t * (1 + t) - rho (#I) (#G) t ^ 2 * (t + 1 / 2) <= entropy (softmax s).
Proof.
  have [k _] := block_in block; have [g1 n1] := block_sizes block; rewrite (entropy_two_level k two_level) Hstar_rho //.
  have r := rho_positive g1 n1 t; set x := rho _ _ _ in r *.
  have := ln_above (Rlt_le _ _ r); have : x - x ^ 2 <= x / (1 + x).
    by apply: (Rmult_le_reg_r (1 + x)); [lra | rewrite /Rdiv Rmult_assoc Rinv_l; nra].
  nra.
Qed.

(** As a function of Z the two-level entropy is ln Z + K / Z + constant, so it falls and then rises. *)
Definition turn (n t : R) := t * (n * exp (- t)) / (1 - exp (- t)).

Lemma exp_below_1 t : 0 < t -> exp (- t) < 1.
Proof. by move=> h; rewrite -exp_0; apply: exp_increasing; lra. Qed.

Lemma Z_split (n g t : R) : Z n g t = g * (1 - exp (- t)) + n * exp (- t).
Proof. rewrite /Z; ring. Qed.

Lemma Hstar_turn (n g t : R) : 0 < t -> 0 < Z n g t -> Hstar n g t = ln (Z n g t) + turn n t / Z n g t - t * exp (- t) / (1 - exp (- t)).
Proof.
  move=> /exp_below_1 u z; rewrite /Hstar /turn /Rminus Rplus_assoc; congr (_ + _).
  by move: z; rewrite /Z => z; field; lra.
Qed.

Lemma turn_positive n t : 0 < n -> 0 < t -> 0 < turn n t.
Proof. by move=> n0 t0; have := exp_below_1 t0; have := exp_pos (- t) => e u; apply: div_pos; [apply: Rmult_lt_0_compat; nra | lra]. Qed.

(** phi(z) = ln z + K / z falls up to K and rises from K on. *)
Lemma phi_falls k x y : 0 < x -> x <= y -> y <= k -> ln y + k / y <= ln x + k / x.
Proof.
  move=> x0 xy yk; have := ln_tangent (x := y / x) ltac:(apply: div_pos; lra); rewrite ln_div; try lra.
  have -> : y / x - 1 = (y - x) * (y / (x * y)) by field; lra.
  have : k / x - k / y = (y - x) * (k / (x * y)) by field; lra.
  have : y / (x * y) <= k / (x * y) by apply: Rmult_le_compat_r => //; left; apply: Rinv_0_lt_compat; nra.
  nra.
Qed.

Lemma phi_rises k x y : 0 < x -> x <= y -> k <= x -> ln x + k / x <= ln y + k / y.
Proof.
  move=> x0 xy kx; have := ln_tangent (x := x / y) ltac:(apply: div_pos; lra); rewrite ln_div; try lra.
  have -> : x / y - 1 = - ((y - x) * (x / (x * y))) by field; lra.
  have : k / x - k / y = (y - x) * (k / (x * y)) by field; lra.
  have : k / (x * y) <= x / (x * y) by apply: Rmult_le_compat_r => //; left; apply: Rinv_0_lt_compat; nra.
  nra.
Qed.

Lemma Z_monotone n g g' t : 0 < t -> g <= g' -> Z n g t <= Z n g' t.
Proof. by move=> /exp_below_1 u le; rewrite !Z_split; nra. Qed.

Lemma Hstar_between (n g g1 g2 t : R) : 0 < n -> 0 < g1 -> 0 <= t -> g1 <= g -> g <= g2 ->
  Hstar n g t <= Rmax (Hstar n g1 t) (Hstar n g2 t).
Proof.
  move=> n0 pos [t0|<-] le1 le2; last first.
    have flat x : Hstar n x 0 = ln n by rewrite /Hstar /Z Ropp_0 exp_0 Rmult_0_l /Rdiv Rmult_0_l Rplus_0_r; congr ln; ring.
    by rewrite !flat; exact: Rmax_l.
  have e := exp_pos (- t); have u := exp_below_1 t0.
  have z1 : 0 < Z n g1 t by rewrite Z_split; nra.
  have m1 := Z_monotone n t0 le1; have m2 := Z_monotone n t0 le2.
  rewrite !Hstar_turn; try lra; set k := turn n t.
  case: (Rle_dec k (Z n g t)) => c.
    by apply: (Rle_trans _ _ _ _ (Rmax_r _ _)); apply: Rplus_le_compat_r; apply: phi_rises => //; lra.
  by apply: (Rle_trans _ _ _ _ (Rmax_l _ _)); apply: Rplus_le_compat_r; apply: phi_falls => //; lra.
Qed.

(** Rows with blocks of different sizes: the worst size is the least or the greatest. *)
Theorem in_block_size (I : finType) (G : {set I}) (s : I -> R) (t g1 g2 : R) (g1_positive : 0 < g1) (block : block G)
    (margin : leads s G t) (lead : 0 <= t) (not_less : g1 <= #G) (not_more : #G <= g2) :
  entropy (softmax s) <= Rmax (Hstar (#I) g1 t) (Hstar (#I) g2 t).
Proof.
  have [g1' n1] := block_sizes block; apply: Rle_trans (ceiling block margin lead) _.
  by apply: Hstar_between; lra.
Qed.

(** Rows with different numbers of visible keys: the longest is the worst. *)
Theorem in_keys (I : finType) (G : {set I}) (s : I -> R) (t n2 : R) (block : block G)
    (margin : leads s G t) (lead : 0 <= t) (keys : #I <= n2) :
  entropy (softmax s) <= Hstar n2 (#G) t.
Proof.
  have [g1 n1] := block_sizes block; apply: Rle_trans (ceiling block margin lead) _.
  have z := Z_positive g1 n1 t; have e := exp_pos (- t).
  have n2' : 1 <= n2 - #G by lra.
  have z2 := Z_positive g1 n2' t; have le : Z (#I) (#G) t <= Z n2 (#G) t by rewrite /Z; nra.
  rewrite !Hstar_E //; have := ln_le_mono z le.
  suff : E (#I) (#G) t <= E n2 (#G) t by nra.
  have := E_complement g1 n1 t; have := E_complement g1 n2' t.
  have : #G / (#G + (n2 - #G) * exp (- t)) <= #G / (#G + (#I - #G) * exp (- t)).
    by apply: Rmult_le_compat_l; [lra | apply: Rinv_le_contravar; rewrite -/(Z _ _ _); [exact: z | exact: le]].
  lra.
Qed.

(** With a negative margin the ceiling is false: four equal scores have margin 0 >= -1 and entropy ln 4 > H*(4, 1, -1). *)
Theorem negative_margin : exists (G : {set 'I_4}) (s : 'I_4 -> R),
  block G /\ leads s G (- 1) /\ Hstar 4 1 (- 1) < entropy (softmax s) /\ entropy (softmax s) = ln 4 /\ #G = 1 /\ INR #|'I_4| = 4.
Proof.
  exists [set ord0], (fun=> 0); have b : block [set (ord0 : 'I_4)] by rewrite /block cards1 card_ord.
  have n4 : INR #|'I_4| = 4 by rewrite card_ord /=; ring.
  have g1 : INR #|[set (ord0 : 'I_4)]| = 1 by rewrite cards1.
  have two : two_level (fun=> 0) [set (ord0 : 'I_4)] 0 by exists 0 => k; case: ifP; lra.
  have h : entropy (softmax (fun _ : 'I_4 => 0)) = ln 4 by rewrite (entropy_two_level ord0 two) n4 g1 Hstar_0.
  split=> //; split; first by move=> i j _ _; lra.
  by rewrite h; split=> //; apply: Hstar_below_ln_n; lra.
Qed.

(** The exponential form alone can say less than ln n. *)
Theorem exponential_vacuous : ln 1024 < 1 + ln 15 + ln 64.
Proof. exact: Numbers.exponential_vacuous. Qed.

(** That is the exponential form at n = 1024, g = 64, t = ln 15, where the ceiling does say something. *)
Theorem exponential_vacuous_at : ln 1024 < ln 64 + rho 1024 64 (ln 15) * (1 + ln 15) /\ Hstar 1024 64 (ln 15) < ln 1024.
Proof.
  split; last by apply: Hstar_below_ln_n; try lra; have := ln_increasing 1 15 ltac:(lra) ltac:(lra); rewrite ln_1; lra.
  have -> : rho 1024 64 (ln 15) = 1 by rewrite /rho exp_Ropp exp_ln; lra.
  have := Numbers.exponential_vacuous; lra.
Qed.

(** The ceiling is not monotone in the block size: n = 100, t = 5, blocks of 1, 3 and 50. *)
Theorem not_monotone_in_block_size : Hstar 100 3 5 < Rmin (Hstar 100 1 5) (Hstar 100 50 5).
Proof.
  have := Numbers.block_sizes; rewrite /Hstar /Z.
  have -> : 100 - 3 = 97 by lra.
  have -> : 100 - 1 = 99 by lra.
  by have -> : 100 - 50 = 50 by lra.
Qed.

(** * Tiers *)

(** A gap for every key outside the block. *)
Theorem tiers (I : finType) (G : {set I}) (s : I -> R) (gap : I -> R) (block : block G)
    (gaps : forall i j, i \in G -> j \notin G -> gap j <= s i - s j) (lead : forall j, j \notin G -> 0 <= gap j) :
  entropy (softmax s) <= ln (#G) + (\sum_(j in ~: G) (1 + gap j) * exp (- gap j)) / #G.
Proof.
  have [k hk] := block_in block; have [g1 n1] := block_sizes block.
  pose b i := if i \in G then 0 else - gap i; have pos := total_pos b k.
  have [_ one] := softmax_distribution b k; have dist := softmax_distribution s k.
  have := gibbs dist (softmax_pos b) (Req_le _ _ one).
  have -> : - (\sum_i softmax s i * ln (softmax b i)) = ln (total b) + \sum_(j in ~: G) softmax s j * gap j.
    rewrite (sum_eq (g := fun i => - (ln (total b) * softmax s i + softmax s i * (if i \in G then 0 else gap i)))) => [|i _]; last first.
      by rewrite ln_softmax /b; case: ifP => _; ring.
    rewrite sum_opp sum_add sum_scale (proj2 dist) (sum_cut (G := G) (g := fun j => softmax s j * gap j)) => [|i ->|i /negbTE ->] //; ring.
  have tot : total b = #G * (1 + (\sum_(j in ~: G) exp (- gap j)) / #G).
    rewrite (total_split b G) /weight (sum_inside (c := 1)) => [|i hi]; last by rewrite /b hi exp_0.
    by rewrite (sum_eq_out (g := fun j => exp (- gap j))) => [|j hj]; [field; lra | rewrite /b (negbTE hj)].
  have nonneg : 0 <= \sum_(j in ~: G) exp (- gap j) by apply: sum_ge0 => j _; have := exp_pos (- gap j); lra.
  set S := \sum_(j in ~: G) exp (- gap j) in tot nonneg *.
  have small : 0 <= S / #G by apply: Rmult_le_pos => //; left; apply: Rinv_0_lt_compat; lra.
  have up : ln (total b) <= ln (#G) + S / #G.
    by rewrite tot ln_mult; try lra; have := ln_tangent (x := 1 + S / #G) ltac:(lra); lra.
  have each : \sum_(j in ~: G) softmax s j * gap j <= \sum_(j in ~: G) (gap j * exp (- gap j)) / #G.
    apply: sum_le => j; rewrite inE => hj; have l := lead j hj.
    suff : softmax s j <= exp (- gap j) / #G.
      by move=> h; have := Rmult_le_compat_r _ _ _ l h; rewrite /Rdiv; lra.
    rewrite /softmax; apply: div_le; [exact: total_pos k | lra |].
    have : #G * exp (s j) <= exp (- gap j) * weight s G.
      rewrite -sum_const /weight -sum_scale; apply: sum_le => i hi; rewrite -exp_plus; apply: exp_le.
      by have := gaps i j hi hj; lra.
    have := weight_pos s (G := ~: G) (k := j) ltac:(by rewrite inE).
    by rewrite (total_split s G); have := exp_pos (- gap j); nra.
  have -> : \sum_(j in ~: G) (1 + gap j) * exp (- gap j) = S + \sum_(j in ~: G) gap j * exp (- gap j).
    by rewrite /S -sum_add; apply: sum_eq => j _; ring.
  have eq : \sum_(j in ~: G) (gap j * exp (- gap j)) / #G = (\sum_(j in ~: G) gap j * exp (- gap j)) / #G.
    by rewrite /Rdiv sum_scale_right.
  rewrite eq in each; have -> x : (S + x) / #G = S / #G + x / #G by field; lra.
  lra.
Qed.

(** Attention on one tier T. *)
Theorem tier_mass (I : finType) (G T : {set I}) (s : I -> R) (t : R) (block : block G)
    (gap : forall i j, i \in G -> j \in T -> t <= s i - s j) :
  mass (softmax s) T <= #T * exp (- t) / #G.
Proof.
  have [k hk] := block_in block; have [g1 n1] := block_sizes block; have [j hj] := block_out block.
  rewrite mass_softmax; apply: div_le; [exact: total_pos k | lra |].
  have : #G * weight s T <= #T * (exp (- t) * weight s G).
    rewrite /weight -(sum_scale _ (exp (- t))); apply: sum_pairs => i l hi hl.
    by rewrite -exp_plus; apply: exp_le; have := gap i l hi hl; lra.
  rewrite (total_split s G); have := weight_pos s hj; have := exp_pos (- t); have := pos_INR #|T| => a b c.
  have : 0 <= #T * exp (- t) * weight s (~: G) by apply: Rmult_le_pos; [apply: Rmult_le_pos; lra | lra].
  lra.
Qed.

(** Three tiers of sizes 1, 50 and 1000 with claimed gaps 1/10 and 4: the row that saturates them has less entropy than an admissible one. *)
Theorem saturated_tiers : let z x y := 1 + 50 * exp (- x) + 1000 * exp (- y) in
  ln (z (/ 10) 4) + (50 * / 10 * exp (- / 10) + 1000 * 4 * exp (- (4))) / z (/ 10) 4
  < ln (z (19 / 5) 4) + (50 * (19 / 5) * exp (- (19 / 5)) + 1000 * 4 * exp (- (4))) / z (19 / 5) 4.
Proof. exact: Numbers.tiers. Qed.

(** * Floor *)

Lemma Z_least (n r : R) : 0 < r -> Z n (least_size n r) r = turn n r.
Proof. by move=> /exp_below_1 u; rewrite Z_split /least_size /turn; field; lra. Qed.

Lemma size_falls (n k k' r : R) : 0 < n -> 0 < r -> 0 <= k -> k <= k' -> k' <= least_size n r -> Hstar n k' r <= Hstar n k r.
Proof.
  move=> n0 r0 pos le1 le2; have u := exp_below_1 r0; have e := exp_pos (- r).
  have z : 0 < Z n k r by rewrite Z_split; nra.
  have m1 := Z_monotone n r0 le1; have m2 := Z_monotone n r0 le2; rewrite Z_least // in m2.
  rewrite !Hstar_turn; try lra; apply: Rplus_le_compat_r; apply: phi_falls; lra.
Qed.

Lemma size_rises (n k k' r : R) : 0 < n -> 0 < r -> 0 <= k -> k <= k' -> least_size n r <= k -> Hstar n k r <= Hstar n k' r.
Proof.
  move=> n0 r0 pos le1 le2; have u := exp_below_1 r0; have e := exp_pos (- r).
  have z : 0 < Z n k r by rewrite Z_split; nra.
  have m1 := Z_monotone n r0 le1; have m2 := Z_monotone n r0 le2; rewrite Z_least // in m2.
  rewrite !Hstar_turn; try lra; apply: Rplus_le_compat_r; apply: phi_rises; lra.
Qed.

(** The size of the high tier that leaves the least entropy: r0 rounded down or up. *)
Theorem floor_size (n r : R) (k0 k1 : nat) (n_positive : 0 < n) (positive : 0 < r)
    (not_above : INR k0 <= least_size n r) (next_above : least_size n r <= INR k0 + 1) :
  Rmin (Hstar n (INR k0) r) (Hstar n (INR k0 + 1) r) <= Hstar n (INR k1) r.
Proof.
  have p0 := pos_INR k0; have p1 := pos_INR k1.
  case: (leqP k1 k0) => [/leP /le_INR le|/leP /le_INR le].
    by apply: Rle_trans (Rmin_l _ _) _; apply: size_falls.
  by rewrite S_INR in le; apply: Rle_trans (Rmin_r _ _) _; apply: size_rises; lra.
Qed.

Section Floor.
Variables (I : finType).
Implicit Types (a b s : I -> R) (G : {set I}).

(** Entropy is concave. *)
Lemma entropy_concave a b c (p : R) : distribution a -> distribution b -> (forall i, 0 < c i) -> 0 <= p <= 1 ->
  (forall i, c i = (1 - p) * a i + p * b i) -> (1 - p) * entropy a + p * entropy b <= entropy c.
Proof.
  move=> da db cp hp eq; have c1 : \sum_i c i <= 1.
    by rewrite (sum_eq (g := fun i => (1 - p) * a i + p * b i)) // sum_add !sum_scale (proj2 da) (proj2 db); lra.
  have ga := gibbs da cp c1; have gb := gibbs db cp c1.
  have -> : entropy c = (1 - p) * - (\sum_i a i * ln (c i)) + p * - (\sum_i b i * ln (c i)).
    rewrite /entropy (sum_eq (g := fun i => (1 - p) * (a i * ln (c i)) + p * (b i * ln (c i)))) => [|i _]; last first.
      by rewrite {1}eq; ring.
    by rewrite sum_add !sum_scale; ring.
  nra.
Qed.

Definition put s (k : I) (x : R) (i : I) := if i == k then x else s i.

(** Moving one score moves the softmax along a segment, so an end of the segment has no more entropy. *)
Lemma move_one s k (lo hi : R) : lo <= s k <= hi ->
  entropy (softmax (put s k lo)) <= entropy (softmax s) \/ entropy (softmax (put s k hi)) <= entropy (softmax s).
Proof.
  move=> [[low|eq] high]; last first.
    by left; right; apply: entropy_eq => i; rewrite /softmax; congr (exp _ / _); rewrite ?/total;
       [rewrite /put; case: eqP => // -> | apply: sum_eq => j _; congr exp; rewrite /put; case: eqP => // ->].
  pose rest := \sum_(i | i != k) exp (s i).
  have rest0 : 0 <= rest by apply: sum_ge0 => i _; have := exp_pos (s i); lra.
  have tot x : total (put s k x) = exp x + rest.
    rewrite /total (sum_pick _ (k := k)) // /put eqxx /rest; congr (_ + _).
    by apply: sum_eq => i /andP [_ /negbTE ->].
  have tots : total s = exp (s k) + rest by rewrite /total (sum_pick _ (k := k)).
  have lt1 := exp_increasing _ _ low; have le2 := exp_le high; have e0 := exp_pos lo; have e1 := exp_pos (s k); have e2 := exp_pos hi.
  pose q := (exp (s k) - exp lo) / (exp hi - exp lo).
  have hq : 0 <= q <= 1.
    split; first by apply: Rmult_le_pos; [lra | left; apply: Rinv_0_lt_compat; lra].
    by apply: (Rmult_le_reg_r (exp hi - exp lo)); [lra | rewrite /q /Rdiv Rmult_assoc Rinv_l; lra].
  have hqe : exp (s k) = (1 - q) * exp lo + q * exp hi by rewrite /q; field; lra.
  pose p := q * (exp hi + rest) / (exp (s k) + rest).
  have hp : 0 <= p <= 1.
    split; first by apply: Rmult_le_pos; [nra | left; apply: Rinv_0_lt_compat; lra].
    apply: (Rmult_le_reg_r (exp (s k) + rest)); first lra.
    by rewrite /p /Rdiv Rmult_assoc Rinv_l; nra.
  have one : (1 - p) / (exp lo + rest) + p / (exp hi + rest) = 1 / (exp (s k) + rest).
    have -> : 1 - p = (1 - q) * (exp lo + rest) / (exp (s k) + rest).
      by rewrite /p; apply: (Rmult_eq_reg_r (exp (s k) + rest)); [field_simplify; [rewrite hqe; ring | lra | lra] | lra].
    by rewrite /p; field; lra.
  have top : (1 - p) * (exp lo / (exp lo + rest)) + p * (exp hi / (exp hi + rest)) = exp (s k) / (exp (s k) + rest).
    have -> : 1 - p = (1 - q) * (exp lo + rest) / (exp (s k) + rest).
      by rewrite /p; apply: (Rmult_eq_reg_r (exp (s k) + rest)); [field_simplify; [rewrite hqe; ring | lra | lra] | lra].
    by rewrite /p {3}hqe; field; lra.
  have := entropy_concave (c := softmax s) (softmax_distribution (put s k lo) k) (softmax_distribution (put s k hi) k) (softmax_pos s) hp.
  have mix i : softmax s i = (1 - p) * softmax (put s k lo) i + p * softmax (put s k hi) i.
    rewrite /softmax !tot tots /put; case: eqP => [->|_]; first by rewrite top.
    have -> : exp (s i) / (exp (s k) + rest) = exp (s i) * (1 / (exp (s k) + rest)) by field; lra.
    by rewrite -one; field; lra.
  move=> /(_ mix) le; case: (Rle_dec (entropy (softmax (put s k lo))) (entropy (softmax s))) => c; first by left.
  right; apply: Rnot_lt_le => d; case: hp => [[p0|p0] p1]; [nra | rewrite -p0 in le; lra].
Qed.

(** Sweeping the keys: some two-level row with gap r has no more entropy. *)
Lemma sweep s (lo r : R) (l : seq I) : 0 <= r -> (forall i, lo <= s i <= lo + r) -> (forall i, i \notin l -> s i = lo \/ s i = lo + r) ->
  exists s', (forall i, s' i = lo \/ s' i = lo + r) /\ entropy (softmax s') <= entropy (softmax s).
Proof.
  move=> r0; elim: l s => [|k l ih] s box ends; first by exists s; split=> [i|]; [exact: ends | lra].
  have step x : x = lo \/ x = lo + r -> entropy (softmax (put s k x)) <= entropy (softmax s) ->
      exists s', (forall i, s' i = lo \/ s' i = lo + r) /\ entropy (softmax s') <= entropy (softmax s).
    move=> hx le; have [i|i hi|s' [two le']] := ih (put s k x).
    - by rewrite /put; case: eqP => _; [case: hx => ->; lra | exact: box].
    - by rewrite /put; case: eqP => [_ //|/eqP ne]; apply: ends; rewrite inE negb_or ne.
    - by exists s'; split=> //; lra.
  by case: (move_one (box k)) => le; [apply: (step lo) | apply: (step (lo + r))] => //; [left | right].
Qed.

Lemma floor_two_level s (r : R) (k : I) : 0 < r -> (forall i j, s i - s j <= r) ->
  exists m : nat, Hstar (#I) (INR m) r <= entropy (softmax s).
Proof.
  move=> r0 range; have [low hl] := exists_max (fun i => - s i) k.
  have box i : s low <= s i <= s low + r by have := hl i; have := range i low; lra.
  have all i : i \notin enum I -> s i = s low \/ s i = s low + r by rewrite mem_enum.
  have [s' [two le]] := sweep (Rlt_le _ _ r0) box all.
  pose G := [set i | is_left (Req_EM_T (s' i) (s low + r))].
  have level : two_level s' G r.
    by exists (s low) => i; rewrite inE; case: Req_EM_T => //= ne; case: (two i).
  by exists #|G|; rewrite -(entropy_two_level k level).
Qed.

End Floor.

(** Entropy floor from the range of the scores. *)
Theorem floor (I : finType) (s : I -> R) (r : R) (k0 : nat) (k : I) (positive : 0 < r) (range : forall i j, s i - s j <= r)
    (not_above : INR k0 <= least_size (#I) r) (next_above : least_size (#I) r <= INR k0 + 1) :
  Rmin (Hstar (#I) (INR k0) r) (Hstar (#I) (INR k0 + 1) r) <= entropy (softmax s).
Proof.
  have [m h] := floor_two_level k positive range; apply: Rle_trans h; apply: floor_size => //.
  by have := @card_pos I setT k (in_setT k); rewrite cardsT; lra.
Qed.

(** Every two-level value is attained, so the floor is the least entropy for its range. *)
Theorem floor_attained (I : finType) (G : {set I}) (r : R) (k : I) (positive : 0 < r) : exists s : I -> R,
  (forall i j, s i - s j <= r) /\ entropy (softmax s) = Hstar (#I) (#G) r.
Proof.
  exists (level_score G r); split; last exact: entropy_two_level k (level_two_level G r).
  by move=> i j; rewrite /level_score; case: ifP => _; case: ifP => _; lra.
Qed.

(** * Gap to ln n, whatever n *)

Lemma ratio_above r : 0 < r -> 1 <= ratio r.
Proof.
  move=> r0; have u := exp_below_1 r0; have t := exp_tangent (- r).
  by apply: (Rmult_le_reg_r (1 - exp (- r))); [lra | rewrite /ratio /Rdiv Rmult_assoc Rinv_l; lra].
Qed.

(** x ln x lies below its chord. *)
Lemma information_chord (x m M : R) : 0 < m -> m < M -> m <= x <= M ->
  x * ln x <= ((M - x) * (m * ln m) + (x - m) * (M * ln M)) / (M - m).
Proof.
  move=> m0 mM hx; apply: (Rmult_le_reg_r (M - m)); first lra.
  rewrite div_mult; last lra.
  have gm := gibbs_term (x := m) (y := x) ltac:(lra) ltac:(lra); have gM := gibbs_term (x := M) (y := x) ltac:(lra) ltac:(lra).
  have a := Rmult_le_compat_l (M - x) _ _ ltac:(lra) gm; have b := Rmult_le_compat_l (x - m) _ _ ltac:(lra) gM.
  have : (M - x) * (x - m) + (x - m) * (x - M) = 0 by ring.
  lra.
Qed.

(** Scores within a range r: the entropy is at least ln n - psi(r). *)
Theorem gap (I : finType) (s : I -> R) (r : R) (k : I) (positive : 0 < r) (range : forall i j, s i - s j <= r) :
  ln (#I) - entropy (softmax s) <= psi r.
Proof.
  have n1 : 1 <= #I by have := @card_pos I setT k (in_setT k); rewrite cardsT.
  have [low hl] := exists_max (fun i => - s i) k; have pos := total_pos s k; have [_ one] := softmax_distribution s k.
  pose w i := #I * softmax s i; pose m := w low.
  have mp : 0 < m by apply: Rmult_lt_0_compat; [lra | exact: softmax_pos].
  have er : 1 < exp r by rewrite -exp_0; exact: exp_increasing.
  have box i : m <= w i <= m * exp r.
    have le1 : exp (s low) <= exp (s i) by apply: exp_le; have := hl i; lra.
    have le2 : exp (s i) <= exp (s low) * exp r by rewrite -exp_plus; apply: exp_le; have := range i low; lra.
    have inv : 0 < #I / total s by apply: div_pos; lra.
    have wi j : w j = #I / total s * exp (s j) by rewrite /w /softmax; field; lra.
    by rewrite /m !wi; split; nra.
  have mean : \sum_i w i = #I by rewrite /w sum_scale one; ring.
  have info : \sum_i w i * ln (w i) = #I * (ln (#I) - entropy (softmax s)).
    rewrite (sum_eq (g := fun i => #I * (ln (#I) * softmax s i + softmax s i * ln (softmax s i)))) => [|i _]; last first.
      by rewrite /w ln_mult; [ring | lra | exact: softmax_pos].
    by rewrite sum_scale sum_add sum_scale one /entropy; ring.
  pose M := m * exp r; have mM : m < M by rewrite /M; nra.
  have lM : ln M = ln m + r by rewrite /M ln_mult ?ln_exp //; exact: exp_pos.
  have chord : \sum_i w i * ln (w i) <= \sum_(i : I) ((M - w i) * (m * ln m) + (w i - m) * (M * ln M)) / (M - m).
    by apply: sum_le => i _; apply: information_chord => //; exact: box.
  have line : \sum_(i : I) ((M - w i) * (m * ln m) + (w i - m) * (M * ln M)) / (M - m)
      = #I * (((M - 1) * (m * ln m) + (1 - m) * (M * ln M)) / (M - m)).
    rewrite (sum_eq (g := fun i => (M * (m * ln m) - m * (M * ln M)) / (M - m) + (M * ln M - m * ln m) / (M - m) * w i)) => [|i _].
      by rewrite sum_add sum_scale mean sum_const_all; field; lra.
    by field; lra.
  have h : ln (#I) - entropy (softmax s) <= ((M - 1) * (m * ln m) + (1 - m) * (M * ln M)) / (M - m).
    by apply: (Rmult_le_reg_l (#I)); lra.
  have c : ((M - 1) * (m * ln m) + (1 - m) * (M * ln M)) / (M - m) = ln m + (1 - m) * ratio r.
    rewrite lM /ratio /M exp_Ropp; field; repeat split; nra.
  have rp := ratio_above positive; have := ln_tangent (x := m * ratio r) ltac:(nra).
  rewrite ln_mult; try lra; rewrite /psi; rewrite c in h; lra.
Qed.

Lemma psi_below_range r : 0 < r -> psi r <= r.
Proof.
  move=> r0; have c := ratio_above r0; have lc := ln_le_mono (x := 1) ltac:(lra) c; rewrite ln_1 in lc.
  suff : ratio r <= 1 + r by rewrite /psi; lra.
  have u := exp_below_1 r0; have e := exp_pos (- r); apply: (Rmult_le_reg_r (1 - exp (- r))); first lra.
  rewrite /ratio /Rdiv Rmult_assoc Rinv_l; last lra.
  have t := exp_tangent r; have : exp r * exp (- r) = 1 by rewrite -exp_plus Rplus_opp_r exp_0.
  nra.
Qed.

Lemma psi_square r : 0 < r -> psi r <= r ^ 2 / 8.
Proof.
  move=> r0; pose f x := x ^ 2 / 8 - psi x.
  pose f' x := ((x * (1 - exp (- x))) ^ 2 - 4 * (1 - exp (- x) - x * exp (- x)) * (x - 1 + exp (- x))) / (4 * x * (1 - exp (- x)) ^ 2).
  have step x : 0 < x -> x <= r -> f x <= f r.
    move=> x0 xr; apply: (grows (f' := f') xr) => c hc.
      have u := exp_below_1 (t := c) ltac:(lra); have e := exp_pos (- c).
      rewrite /f /psi /ratio /f'; auto_derive.
        by repeat split; try lra; apply: div_pos; lra.
      by field; repeat split; lra.
    have u := exp_below_1 (t := c) ltac:(lra); rewrite /f'; apply: Rmult_le_pos.
      by have := pow2_ge_0 ((1 - exp (- c) - c * exp (- c)) - (c - 1 + exp (- c))); nra.
    by left; apply: Rinv_0_lt_compat; apply: Rmult_lt_0_compat; [lra | apply: pow_lt; lra].
  case: (Rle_dec (psi r) (r ^ 2 / 8)) => // neg; exfalso.
  have d : 0 < psi r - r ^ 2 / 8 by lra.
  pose x := Rmin r ((psi r - r ^ 2 / 8) / 2).
  have x0 : 0 < x by apply: Rmin_glb_lt; lra.
  have := step x x0 (Rmin_l _ _); have := psi_below_range x0; have := Rmin_r r ((psi r - r ^ 2 / 8) / 2).
  rewrite -/x /f => h1 h2; have := pow2_ge_0 x; lra.
Qed.

(** The gap is at most quadratic and at most the range. *)
Theorem gap_simple (r : R) (positive : 0 < r) : psi r <= Rmin r (r ^ 2 / 8).
Proof. by apply: Rmin_glb; [exact: psi_below_range | exact: psi_square]. Qed.

(** * Pointers *)

(** Low entropy means that some key has much weight. *)
Theorem pointer (I : finType) (a : I -> R) (a_max : R) (is_distribution : distribution a) (greatest : forall i, a i <= a_max) :
  exp (- entropy a) <= a_max.
Proof.
  have [k hk] := distribution_inhabited is_distribution; have [a0 a1] := is_distribution.
  have pos : 0 < a_max by have := greatest k; lra.
  suff : - ln a_max <= entropy a by rewrite -[X in _ -> _ <= X](exp_ln a_max pos) => h; apply: exp_le; lra.
  rewrite /entropy -(Rmult_1_r (ln a_max)) -a1 -sum_scale; apply: Ropp_le_contravar; apply: sum_le => i _.
  case: (a0 i) => [ai|<-]; last by lra.
  by have := ln_le_mono ai (greatest i); nra.
Qed.

(** Equality holds for the uniform distribution on any number of keys, and the bound is a maximum: some key reaches it. *)
Theorem pointer_exists (I : finType) (a : I -> R) (is_distribution : distribution a) : exists k, exp (- entropy a) <= a k.
Proof.
  have [i _] := distribution_inhabited is_distribution; have [k h] := exists_max a i.
  by exists k; apply: pointer.
Qed.

Theorem pointer_attained (I : finType) (G : {set I}) (block : (0 < #|G|)%N) :
  let a i := if i \in G then / #G else 0 in distribution a /\ exp (- entropy a) = / #G.
Proof.
  move=> a; have g1 : 1 <= #G by move: block; rewrite card_gt0 => /set0Pn [i]; exact: card_pos.
  have gi : 0 < / #G by apply: Rinv_0_lt_compat; lra.
  have cut f : f 0 = 0 -> \sum_i f (a i) = #G * f (/ #G).
    move=> f0; rewrite (sum_split G) (sum_inside (c := f (/ #G))) => [|i hi]; last by rewrite /a hi.
    by rewrite (sum_outside (c := 0)) => [|i hi]; [ring | rewrite /a (negbTE hi)].
  split; first split=> [i|].
  - by rewrite /a; case: ifP => _; lra.
  - by rewrite (cut (fun x => x)) //; field; lra.
  rewrite /entropy (cut (fun x => x * ln x)); last by ring.
  rewrite ln_Rinv; last lra.
  have -> : - - (#G * (/ #G * - ln (#G))) = - ln (#G) by field; lra.
  by rewrite exp_Ropp exp_ln //; lra.
Qed.

(** A pointer bound that is sharper below ln 2. *)
Theorem pointer_half (I : finType) (a : I -> R) (a_max : R) (is_distribution : distribution a) (greatest : forall i, a i <= a_max) :
  1 - entropy a / (2 * ln 2) <= a_max.
Proof.
  have [i _] := distribution_inhabited is_distribution; have [k top] := exists_max a i; have [a0 a1] := is_distribution.
  have l2 : 0 < ln 2 by rewrite -ln_1; apply: ln_increasing; lra.
  suff : 2 * ln 2 * (1 - a k) <= entropy a.
    move=> h; apply: Rle_trans (greatest k); apply: (Rmult_le_reg_r (2 * ln 2)); first lra.
    by rewrite (_ : (1 - entropy a / (2 * ln 2)) * (2 * ln 2) = 2 * ln 2 - entropy a); [lra | field; lra].
  have p1 := distribution_le1 k is_distribution.
  have term (x y : R) : 0 <= x -> x <= y -> 0 < y -> x * - ln y <= - (x * ln x).
    by move=> [x0|<-] xy y0; [have := ln_le_mono x0 xy; nra | lra].
  have -> : entropy a = \sum_i - (a i * ln (a i)) by rewrite sum_opp.
  have pk : 0 < a k.
    have [j hj] := distribution_inhabited is_distribution; have := top j; lra.
  case: (Rle_dec (a k) (1 / 2)) => half.
    have -> : 2 * ln 2 * (1 - a k) = \sum_i a i * (2 * ln 2 * (1 - a k)) by rewrite sum_scale_right a1; ring.
    apply: sum_le => j _; apply: Rle_trans (term (a j) (a k) (a0 j) (top j) pk).
    apply: Rmult_le_compat_l; first exact: a0.
    have := ln_tangent (x := 2 * a k) ltac:(lra); rewrite ln_mult; try lra.
    have := ln_tangent (x := 2) ltac:(lra); nra.
  case: (Rle_dec 1 (a k)) => full.
    have -> : a k = 1 by lra.
    rewrite Rminus_diag_eq // Rmult_0_r; apply: sum_ge0 => j _.
    by have := term (a j) 1 (a0 j) (distribution_le1 j is_distribution) ltac:(lra); rewrite ln_1; lra.
  set q := 1 - a k; have hq : 0 < q < 1 / 2 by rewrite /q; lra.
  have rest : \sum_(j | true && (j != k)) a j = q by have := @sum_pick I xpredT a k isT; rewrite a1 /q; lra.
  have big : q * - ln q <= \sum_(j | true && (j != k)) - (a j * ln (a j)).
    rewrite -rest -sum_scale_right; apply: sum_le => j ne; apply: term; [exact: a0 | rewrite rest | lra].
    by rewrite -rest; apply: term_le_sum.
  rewrite (@sum_pick I xpredT _ k isT).
  have lq := ln_le_mono (x := 2 * q) ltac:(lra) (y := 1) ltac:(lra).
  have g1 := ln_tangent (x := 2 * q) ltac:(lra); have g2 := ln_tangent (x := 2 * (1 - q)) ltac:(lra).
  have l1q : ln (1 - q) <= 0 by have := ln_tangent (x := 1 - q) ltac:(lra); lra.
  rewrite !ln_mult in g1 g2; try lra.
  have ak : a k = 1 - q by rewrite /q; ring.
  rewrite ak; nra.
Qed.

(** Both pointer bounds at once. *)
Theorem pointer_best (I : finType) (a : I -> R) (a_max : R) (is_distribution : distribution a) (greatest : forall i, a i <= a_max) :
  Rmax (1 - entropy a / (2 * ln 2)) (exp (- entropy a)) <= a_max.
Proof. by apply: Rmax_lub; [exact: pointer_half | exact: pointer]. Qed.

(** Below ln 2 the second pointer bound is never the weaker one. *)
Theorem pointer_half_stronger (h : R) (h_nonnegative : 0 <= h) (low : h <= ln 2) : exp (- h) <= 1 - h / (2 * ln 2).
Proof.
  have l2 : 0 < ln 2 by rewrite -ln_1; apply: ln_increasing; lra.
  have p : 0 <= h / ln 2 <= 1.
    split; first by apply: Rmult_le_pos => //; left; exact: Rinv_0_lt_compat.
    by apply: (Rmult_le_reg_r (ln 2)) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
  have := exp_chord (- ln 2) p; rewrite exp_Ropp exp_ln; last lra.
  have -> : h / ln 2 * - ln 2 = - h by field; lra.
  have -> : h / (2 * ln 2) = h / ln 2 / 2 by field; lra.
  lra.
Qed.

(** Both pointer bounds are the same at h = ln 2. *)
Theorem pointer_half_meets : exp (- ln 2) = 1 - ln 2 / (2 * ln 2).
Proof.
  have l2 : 0 < ln 2 by rewrite -ln_1; apply: ln_increasing; lra.
  by rewrite exp_Ropp exp_ln; last lra; field; lra.
Qed.
