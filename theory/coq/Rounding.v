(** Rounding: what an IEEE operation of double precision may do, by Flocq; arithmetic on balls with float centres.

    `rnd` is rounding to nearest, ties to even, with 53 binary digits and least exponent -1074. It has no greatest number: a result that
    overflows is no number of the program, which then decides nothing. u = 2^-53. *)

From Coq Require Import Reals Lra Lia ZArith.
From Flocq Require Import Core Relative Plus_error.
Open Scope R_scope.

Definition fexp := FLT_exp (-1074) 53.
Definition rnd := round radix2 fexp ZnearestE.
Definition float (x : R) := generic_format radix2 fexp x.
Definition u := bpow radix2 (-53).
Definition least := bpow radix2 (-1075).

#[export] Instance positive_precision : Prec_gt_0 53 := eq_refl.

Lemma u_is : u = / 9007199254740992.
Proof. reflexivity. Qed.

Lemma u_pos : 0 < u.
Proof. apply bpow_gt_0. Qed.

Lemma least_pos : 0 < least.
Proof. apply bpow_gt_0. Qed.


Lemma half_ulp : / 2 * bpow radix2 (- (53) + 1) = u.
Proof. rewrite u_is; simpl; lra. Qed.

Lemma rnd_float x : float (rnd x).
Proof. apply generic_format_round; typeclasses eauto. Qed.

Lemma rnd_of_float x : float x -> rnd x = x.
Proof. intro F; apply round_generic; [typeclasses eauto | exact F]. Qed.

(** A sum of two floats never underflows. *)
Theorem rnd_plus x y : float x -> float y ->
  Rabs (rnd (x + y) - (x + y)) <= u * Rabs (rnd (x + y)) /\ Rabs (rnd (x + y) - (x + y)) <= u * Rabs (x + y).
Proof.
  intros Fx Fy.
  assert (U : u_ro radix2 53 = u) by (unfold u_ro; exact half_ulp).
  split.
  - destruct (FLT_plus_error_N_round_ex radix2 (-1074) 53 (fun z => negb (Z.even z)) x y Fx Fy) as [e [He E]].
    fold fexp in E; fold rnd in E. change (round radix2 fexp (Znearest (fun z => negb (Z.even z))) (x + y)) with (rnd (x + y)) in E.
    generalize dependent (rnd (x + y)); intros z E.
    replace (z - (x + y)) with (- e * z) by (rewrite E; ring).
    rewrite Rabs_mult, Rabs_Ropp. rewrite U in He. apply Rmult_le_compat_r; [apply Rabs_pos | exact He].
  - destruct (FLT_plus_error_N_ex radix2 (-1074) 53 (fun z => negb (Z.even z)) x y Fx Fy) as [e [He E]].
    change (round radix2 (FLT_exp (-1074) 53) (Znearest (fun z => negb (Z.even z))) (x + y)) with (rnd (x + y)) in E.
    replace (rnd (x + y) - (x + y)) with (e * (x + y)) by (rewrite E; ring).
    rewrite Rabs_mult. apply Rmult_le_compat_r; [apply Rabs_pos |].
    rewrite U in He. apply Rle_trans with (1 := He).
    pose proof u_pos. apply Rmult_le_reg_r with (1 + u); [lra |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. nra.
Qed.

(** Any other result is right to a relative u, or to half the least float. *)
Theorem rnd_any x : Rabs (rnd x - x) <= u * Rabs x + least /\ Rabs (rnd x - x) <= u * Rabs (rnd x) + least.
Proof.
  assert (U : u_ro radix2 53 = u) by (unfold u_ro; exact half_ulp).
  destruct (relative_error_N_FLT'_ex radix2 (-1074) 53 eq_refl (fun z => negb (Z.even z)) x) as [e [h [He [Hh [Z E]]]]].
  change (round radix2 (FLT_exp (-1074) 53) (Znearest (fun z => negb (Z.even z))) x) with (rnd x) in E.
  rewrite U in He. pose proof u_pos as Up.
  assert (Hh' : Rabs h <= least).
  { apply Rle_trans with (1 := Hh). unfold least. change (-1075)%Z with (-1 + -1074)%Z. rewrite bpow_plus.
    replace (bpow radix2 (-1)) with (/ 2) by reflexivity. apply Rle_refl. }
  assert (He' : Rabs e * (1 + u) <= u).
  { apply Rmult_le_reg_r with (/ (1 + u)); [apply Rinv_0_lt_compat; lra |]. rewrite Rmult_assoc, Rinv_r, Rmult_1_r by lra. exact He. }
  pose proof (Rabs_pos e). pose proof (Rabs_pos x). pose proof (Rabs_pos h).
  replace (rnd x - x) with (e * x + h) by (rewrite E; ring). split.
  - apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_mult. nra.
  - destruct (Rmult_integral _ _ Z) as [e0 | h0].
    + rewrite e0, Rmult_0_l, Rplus_0_l. pose proof (Rabs_pos (rnd x)). nra.
    + rewrite E, h0, !Rplus_0_r, !Rabs_mult. rewrite h0, Rabs_R0 in *. pose proof least_pos.
      apply Rle_trans with (u * (Rabs x * Rabs (1 + e))); [| lra].
      assert (1 - Rabs e <= Rabs (1 + e)).
      { replace 1 with (Rabs 1) at 1 by apply Rabs_R1. replace (Rabs e) with (Rabs (- e)) by apply Rabs_Ropp.
        replace (1 + e) with (1 - - e) by ring. apply Rabs_triang_inv. }
      apply Rle_trans with (Rabs x * (u * (1 - Rabs e))).
      * rewrite Rmult_comm. apply Rmult_le_compat_l; lra.
      * replace (u * (Rabs x * Rabs (1 + e))) with (Rabs x * (u * Rabs (1 + e))) by ring.
        apply Rmult_le_compat_l; [lra |]. apply Rmult_le_compat_l; lra.
Qed.

(** Balls: the true number a is no further than r from the float v. *)
Definition near (a v r : R) := Rabs (a - v) <= r.

Lemma near_pos a v r : near a v r -> 0 <= r.
Proof. intro H. apply Rle_trans with (2 := H). apply Rabs_pos. Qed.

Lemma near_round a v r e : near a v r -> Rabs (rnd v - v) <= e -> near a (rnd v) (r + e).
Proof.
  unfold near; intros H E. replace (a - rnd v) with ((a - v) + - (rnd v - v)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_Ropp. lra.
Qed.

Theorem ball_sum a b v w r s : float v -> float w -> near a v r -> near b w s ->
  near (a + b) (rnd (v + w)) (r + s + u * Rabs (rnd (v + w))).
Proof.
  intros Fv Fw A B. apply near_round; [| apply rnd_plus; assumption].
  unfold near in *. replace (a + b - (v + w)) with ((a - v) + (b - w)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). lra.
Qed.

Theorem ball_product a b v w r s : near a v r -> near b w s ->
  near (a * b) (rnd (v * w)) (Rabs v * s + Rabs w * r + r * s + (u * Rabs (rnd (v * w)) + least)).
Proof.
  intros A B. apply near_round; [| apply rnd_any].
  pose proof (near_pos _ _ _ A). pose proof (near_pos _ _ _ B). unfold near in *.
  replace (a * b - v * w) with ((a - v) * (b - w) + v * (b - w) + w * (a - v)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_mult.
  apply Rle_trans with (Rabs ((a - v) * (b - w)) + Rabs v * Rabs (b - w) + Rabs w * Rabs (a - v)).
  { rewrite <- !Rabs_mult. apply Rplus_le_compat_r. apply Rabs_triang. }
  rewrite Rabs_mult. pose proof (Rabs_pos v). pose proof (Rabs_pos w). pose proof (Rabs_pos (a - v)). pose proof (Rabs_pos (b - w)).
  assert (Rabs (a - v) * Rabs (b - w) <= r * s) by (apply Rmult_le_compat; assumption).
  assert (Rabs v * Rabs (b - w) <= Rabs v * s) by (apply Rmult_le_compat_l; assumption).
  assert (Rabs w * Rabs (a - v) <= Rabs w * r) by (apply Rmult_le_compat_l; assumption).
  lra.
Qed.

(** The radius of a quotient takes the rounded value where the exact one belongs; that costs a relative u of s, in the factor. *)
Theorem ball_quotient a b v w r s : near a v r -> near b w s -> s < Rabs w ->
  near (a / b) (rnd (v / w)) ((r + (Rabs (rnd (v / w)) * (1 + 2 * u) + 2 * least) * s) / (Rabs w - s) + (u * Rabs (rnd (v / w)) + least)).
Proof.
  intros A B S. set (q := rnd (v / w)).
  assert (Q : Rabs (v / w) <= Rabs q * (1 + 2 * u) + 2 * least).
  { destruct (rnd_any (v / w)) as [_ H]. fold q in H. pose proof (Rabs_triang_inv (v / w) q) as T.
    rewrite Rabs_minus_sym in T. pose proof (Rabs_pos q). pose proof u_pos. pose proof least_pos. nra. }
  pose proof (near_pos _ _ _ A) as R0. pose proof (near_pos _ _ _ B) as S0.
  assert (W : w <> 0) by (intro E; rewrite E, Rabs_R0 in S; lra).
  assert (Bb : Rabs w - s <= Rabs b).
  { unfold near in B. pose proof (Rabs_triang_inv w b) as T. rewrite Rabs_minus_sym in T. lra. }
  assert (Z : b <> 0) by (intro E; rewrite E, Rabs_R0 in Bb; lra).
  apply near_round; [| apply rnd_any]. unfold near in *.
  replace (a / b - v / w) with (((a - v) - v / w * (b - w)) / b) by (field; split; assumption).
  unfold Rdiv at 1. rewrite Rabs_mult, Rabs_inv.
  apply Rmult_le_compat; [apply Rabs_pos | apply Rlt_le, Rinv_0_lt_compat; lra | |].
  - apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_Ropp, Rabs_mult.
    apply Rplus_le_compat; [assumption |]. apply Rmult_le_compat; try apply Rabs_pos; assumption.
  - apply Rinv_le_contravar; lra.
Qed.

Theorem ball_max a b v w r s : near a v r -> near b w s -> near (Rmax a b) (Rmax v w) (Rmax r s).
Proof.
  unfold near; intros A B. pose proof (Rmax_l r s). pose proof (Rmax_r r s). apply Rabs_le.
  apply Rabs_le_inv in A. apply Rabs_le_inv in B.
  generalize dependent (Rmax r s); intros z Z1 Z2. unfold Rmax; split; destruct (Rle_dec a b), (Rle_dec v w); lra.
Qed.

Theorem ball_min a b v w r s : near a v r -> near b w s -> near (Rmin a b) (Rmin v w) (Rmax r s).
Proof.
  unfold near; intros A B. pose proof (Rmax_l r s). pose proof (Rmax_r r s). apply Rabs_le.
  apply Rabs_le_inv in A. apply Rabs_le_inv in B.
  generalize dependent (Rmax r s); intros z Z1 Z2. unfold Rmin; split; destruct (Rle_dec a b), (Rle_dec v w); lra.
Qed.

(** A comparison whose gap exceeds both radii is decided. *)
Theorem ball_less a b v w r s : near a v r -> near b w s -> r + s < w - v -> a < b.
Proof. unfold near; intros A B G. apply Rabs_le_inv in A. apply Rabs_le_inv in B. lra. Qed.

Lemma exp_moved t r : Rabs t <= r -> r < 1 -> Rabs (exp t - 1) <= r / (1 - r).
Proof.
  intros T R1. pose proof (Rabs_pos t). apply Rabs_le_inv in T.
  assert (L : forall z, 1 + z <= exp z).
  { intro z. destruct (Req_dec z 0) as [-> | N]; [rewrite exp_0; lra | apply Rlt_le, exp_ineq1; exact N]. }
  assert (r <= r / (1 - r)).
  { apply Rmult_le_reg_r with (1 - r); [lra |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. nra. }
  apply Rabs_le. split; [pose proof (L t); lra |].
  assert (exp t <= exp r) by (destruct T as [_ [T | ->]]; [apply Rlt_le, exp_increasing, T | apply Rle_refl]).
  assert (exp r <= / (1 - r)).
  { replace r with (- - r) at 1 by ring. rewrite exp_Ropp. apply Rinv_le_contravar; [lra | pose proof (L (- r)); lra]. }
  replace (r / (1 - r)) with (/ (1 - r) - 1) by (field; lra). lra.
Qed.

(** k: how far the exponential function is off, relatively. *)
Theorem ball_exponential a v r k E : near a v r -> r < 1 -> 0 <= k < 1 -> Rabs (E - exp v) <= k * exp v ->
  near (exp a) E (E * (r / (1 - r) + k) / (1 - k)).
Proof.
  unfold near; intros A R1 K HE. pose proof (exp_moved (a - v) r A R1) as M.
  pose proof (exp_pos v) as V. pose proof (Rle_trans _ _ _ (Rabs_pos _) A) as R0.
  replace (exp a - E) with (exp v * (exp (a - v) - 1) + - (E - exp v))
    by (replace a with (v + (a - v)) at 2 by ring; rewrite exp_plus; ring).
  apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_Ropp, Rabs_mult, (Rabs_pos_eq (exp v)) by lra.
  assert (G : exp v <= E / (1 - k)).
  { apply Rabs_le_inv in HE. apply Rmult_le_reg_r with (1 - k); [lra |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  assert (0 <= r / (1 - r)) by (apply Rmult_le_pos; [lra | apply Rlt_le, Rinv_0_lt_compat; lra]).
  apply Rle_trans with (exp v * (r / (1 - r) + k)).
  - rewrite Rmult_plus_distr_l. apply Rplus_le_compat; [apply Rmult_le_compat_l; lra | lra].
  - replace (E * (r / (1 - r) + k) / (1 - k)) with (E / (1 - k) * (r / (1 - r) + k)) by (unfold Rdiv; ring).
    apply Rmult_le_compat_r; lra.
Qed.

Lemma ln_moved q d : Rabs (q - 1) <= d -> d < 1 -> Rabs (ln q) <= d / (1 - d).
Proof.
  intros Q D. pose proof (Rle_trans _ _ _ (Rabs_pos _) Q). apply Rabs_le_inv in Q.
  assert (L : forall z, 0 < z -> ln z <= z - 1).
  { intros z Z. destruct (Req_dec z 1) as [-> | N]; [rewrite ln_1; lra |].
    assert (N' : ln z <> 0) by (intro E; apply N; rewrite <- (exp_ln z Z), E; apply exp_0).
    pose proof (exp_ineq1 (ln z) N') as I. rewrite exp_ln in I by exact Z. lra. }
  assert (d <= d / (1 - d)).
  { apply Rmult_le_reg_r with (1 - d); [lra |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. nra. }
  apply Rabs_le. split; [| pose proof (L q); lra].
  assert (I : ln (/ q) <= / q - 1) by (apply L, Rinv_0_lt_compat; lra).
  rewrite ln_Rinv in I by lra.
  assert (/ q <= / (1 - d)) by (apply Rinv_le_contravar; lra).
  replace (d / (1 - d)) with (/ (1 - d) - 1) by (field; lra). lra.
Qed.

(** y is anything that a library says; p is x e^-y as computed, right to a relative 6.5 u. *)
Theorem certified_logarithm a x r y p : near a x r -> r < x -> Rabs (p - x * exp (- y)) <= 13 / 2 * u * (x * exp (- y)) ->
  let defect := Rabs (p - 1) + 7 * u in defect <= / 1024 ->
  near (ln a) y (defect / (1 - defect) + r / (x - r)).
Proof.
  intros A RX P defect D. pose proof (near_pos _ _ _ A) as R0. unfold near in *.
  pose proof u_pos as U. assert (U' : u <= / 1024) by (rewrite u_is; lra).
  assert (X : 0 < x) by lra. set (q := x * exp (- y)) in *.
  assert (Q0 : 0 < q) by (apply Rmult_lt_0_compat; [exact X | apply exp_pos]).
  assert (Q : Rabs (q - 1) <= defect).
  { unfold defect in *. pose proof (Rabs_pos (p - 1)). apply Rabs_le_inv in P. assert (Pp : Rabs (p - 1) <= / 1024) by lra.
    apply Rabs_le_inv in Pp. assert (q <= 14 / 13) by nra.
    apply Rle_trans with (Rabs (p - 1) + Rabs (p - q)).
    - replace (q - 1) with ((p - 1) + - (p - q)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_Ropp. lra.
    - apply Rplus_le_compat_l. apply Rabs_le. nra. }
  assert (D0 : defect < 1) by lra.
  pose proof (ln_moved q defect Q D0) as L.
  assert (Lq : ln q = ln x - y) by (unfold q; rewrite ln_mult, ln_exp by (try exact X; apply exp_pos); ring).
  rewrite Lq in L.
  assert (M : Rabs (ln (a / x)) <= r / (x - r)).
  { replace (r / (x - r)) with ((r / x) / (1 - r / x)) by (field; lra). apply ln_moved.
    - replace (a / x - 1) with ((a - x) * / x) by (field; lra). rewrite Rabs_mult, (Rabs_pos_eq (/ x)) by (apply Rlt_le, Rinv_0_lt_compat; lra).
      apply Rmult_le_compat_r; [apply Rlt_le, Rinv_0_lt_compat; lra | exact A].
    - apply Rmult_lt_reg_r with x; [lra |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  assert (A0 : 0 < a) by (apply Rabs_le_inv in A; lra).
  unfold Rdiv in M at 1. rewrite ln_mult, ln_Rinv in M by (try lra; apply Rinv_0_lt_compat; lra).
  replace (ln a - y) with ((ln x - y) + (ln a + - ln x)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). lra.
Qed.

(** The product of `certified_logarithm` as it is computed: from e^-y for y >= 0, from the rounded 1/e^y for y < 0. *)
Theorem logarithm_product x y e i p : 0 < x ->
  (0 <= y /\ Rabs (i - exp (- y)) <= 4 * u * exp (- y)) \/ (y < 0 /\ Rabs (e - exp y) <= 4 * u * exp y /\ i = rnd (1 / e)) ->
  p = rnd (x * i) -> Rabs (p - 1) <= / 1024 -> Rabs (p - x * exp (- y)) <= 13 / 2 * u * (x * exp (- y)).
Proof.
  intros X I P P1. pose proof u_pos as U. pose proof least_pos as L0. assert (U' : u <= / 1000000) by (rewrite u_is; lra).
  assert (L : least <= u * / 1000000).
  { unfold least, u. change (-1075)%Z with (-53 + -1022)%Z. rewrite bpow_plus. apply Rmult_le_compat_l; [apply bpow_ge_0 |].
    apply Rle_trans with (bpow radix2 (-100)); [apply bpow_le; lia | simpl; lra]. }
  pose proof (exp_pos (- y)) as V. set (v := exp (- y)) in *.
  assert (J : Rabs (i - v) <= 51 / 10 * u * v).
  { destruct I as [[Y I] | [Y [E I]]].
    - apply Rle_trans with (1 := I). assert (0 <= u * v) by (apply Rmult_le_pos; lra). lra.
    - pose proof (exp_pos y) as W. assert (VW : v * exp y = 1) by (unfold v; rewrite <- exp_plus, Rplus_opp_l; apply exp_0).
      assert (V1 : 1 <= v) by (unfold v; rewrite <- exp_0; apply Rlt_le, exp_increasing; lra).
      set (z := exp y) in *. apply Rabs_le_inv in E as E'.
      assert (uz : u * z <= / 1000000 * z) by (apply Rmult_le_compat_r; lra).
      assert (e0 : 0 < e) by lra.
      assert (A : Rabs (1 / e - v) <= 401 / 100 * u * v).
      { replace (1 / e - v) with (- (v * (e - z) / e)).
        - rewrite Rabs_Ropp. unfold Rdiv. rewrite !Rabs_mult, Rabs_inv, (Rabs_pos_eq v), (Rabs_pos_eq e) by lra.
          apply Rmult_le_reg_r with e; [exact e0 |]. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
          apply Rle_trans with (v * (4 * u * z)); [apply Rmult_le_compat_l; lra |].
          assert (0 <= v * u) by (apply Rmult_le_pos; lra).
          assert (v * u * (4 * z) <= v * u * (401 / 100 * e)) by (apply Rmult_le_compat_l; lra). lra.
        - unfold Rdiv. rewrite Rmult_minus_distr_l, VW. field. lra. }
      destruct (rnd_any (1 / e)) as [B _]. rewrite <- I in B. apply Rabs_le_inv in A as A'.
      assert (uv : 0 <= u * v) by (apply Rmult_le_pos; lra). assert (uv' : u * (u * v) <= / 1000000 * (u * v)) by (apply Rmult_le_compat_r; lra).
      assert (C : Rabs (1 / e) <= v + 401 / 100 * u * v).
      { replace (1 / e) with (v + (1 / e - v)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). rewrite (Rabs_pos_eq v) by lra. lra. }
      assert (D : u * Rabs (1 / e) <= u * (v + 401 / 100 * u * v)) by (apply Rmult_le_compat_l; lra).
      assert (u * 1 <= u * v) by (apply Rmult_le_compat_l; lra).
      replace (i - v) with ((i - 1 / e) + (1 / e - v)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). lra. }
  set (q := x * v). assert (Q : 0 < q) by (apply Rmult_lt_0_compat; assumption).
  assert (XI : Rabs (x * i - q) <= 51 / 10 * u * q).
  { unfold q. rewrite <- Rmult_minus_distr_l, Rabs_mult, (Rabs_pos_eq x) by lra.
    apply Rle_trans with (x * (51 / 10 * u * v)); [apply Rmult_le_compat_l; lra | apply Req_le; ring]. }
  destruct (rnd_any (x * i)) as [R _]. rewrite <- P in R.
  assert (uq : 0 <= u * q) by (apply Rmult_le_pos; lra). assert (uq' : u * (u * q) <= / 1000000 * (u * q)) by (apply Rmult_le_compat_r; lra).
  assert (C : Rabs (x * i) <= q + 51 / 10 * u * q).
  { replace (x * i) with (q + (x * i - q)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). rewrite (Rabs_pos_eq q) by lra. lra. }
  assert (D : u * Rabs (x * i) <= u * (q + 51 / 10 * u * q)) by (apply Rmult_le_compat_l; lra).
  assert (T : Rabs (p - q) <= 611 / 100 * (u * q) + least).
  { replace (p - q) with ((p - x * i) + (x * i - q)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). lra. }
  apply Rabs_le_inv in P1. apply Rabs_le_inv in T as T'.
  assert (uqq : u * q <= / 1000000 * q) by (apply Rmult_le_compat_r; lra). assert (Q2 : / 2 <= q) by lra.
  assert (u * / 2 <= u * q) by (apply Rmult_le_compat_l; lra). lra.
Qed.
