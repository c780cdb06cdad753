(** Exponential: e^x for -708 <= x <= 0 as the screen computes it is right to 4 units of 2^-53.

    x = k ln 2 + r: k times the upper part of ln 2 is subtracted exactly, k times the lower part with at most two roundings; then the Taylor
    polynomial of degree 13 by Horner's rule, each step with one rounding (fused) or two; then the exponent is shifted by k, which is exact
    because the result is a normal number. What is left to paper: that k is the nearest integer to x / ln 2 up to the rounding of one
    product (|x - k ln 2| <= 0.34658, where half of ln 2 is 0.34657...), and the encoding of floats. *)

From Coq Require Import Reals Lra Lia ZArith List.
From Flocq Require Import Core.
From Localist Require Import Numbers Rounding.
Open Scope R_scope.

Definition upper := 47632711549 / 68719476736. (* 0x1.62e42fefap-1 *)
Definition lower := 8153543309409081 / 4951760157141521099596496896. (* 0x1.cf79abc9e3b39p-40 *)

(** c + a b and c - a b, fused or not. *)
Definition plus_product a b c z := z = rnd (a * b + c) \/ z = rnd (rnd (a * b) + c).
Definition minus_product a b c z := z = rnd (c - a * b) \/ z = rnd (c - rnd (a * b)).

Fixpoint horner (cs : list R) r y :=
  match cs with
  | nil => y = 0
  | c :: nil => y = c
  | c :: rest => exists z, horner rest r z /\ plus_product z r c y
  end.

Definition factorials : list Z := (1 :: 1 :: 2 :: 6 :: 24 :: 120 :: 720 :: 5040 :: 40320 :: 362880 :: 3628800 :: 39916800 :: 479001600 :: 6227020800 :: nil)%Z.
Definition coefficients := map (fun m => rnd (/ IZR m)) factorials.

Lemma least_small : least <= u * / 100000000000000000000.
Proof.
  unfold least, u. change (-1075)%Z with (-53 + -1022)%Z. rewrite bpow_plus. apply Rmult_le_compat_l; [apply bpow_ge_0 |].
  apply Rle_trans with (bpow radix2 (-100)); [apply bpow_le; lia | simpl; lra].
Qed.

Lemma u_small : u <= / 1000000000000000.
Proof. rewrite u_is. lra. Qed.

(** ** Horner's rule *)

(** e, e' and c' are errors in units of u; p is exact. *)
Lemma horner_step y p r c c0 z e P e' P' c' :
  Rabs (y - p) <= e * u -> Rabs p <= P -> Rabs r <= 34659 / 100000 -> float c -> Rabs (c - c0) <= c' * u ->
  plus_product y r c z -> 0 <= e -> 0 <= c' -> 0 <= c0 -> c0 + 34659 / 100000 * P <= P' ->
  let e1 := 34659 / 100000 * e + 34659 / 100000 * (P + e * / 1000000000000000) + / 100000000000000000000 + c' in
  e1 + P' + e1 * / 1000000000000000 + / 100000000000000000000 <= e' ->
  Rabs (z - (c0 + r * p)) <= e' * u /\ Rabs (c0 + r * p) <= P'.
Proof.
  intros Y Pp R Fc C Z E0 C0 Pc PP e1 E'. pose proof u_pos as U. pose proof u_small as U'. pose proof least_small as L. pose proof least_pos as L0.
  pose proof (Rabs_pos p) as P0. pose proof (Rabs_pos r) as R0.
  assert (Q : Rabs (c0 + r * p) <= P').
  { apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_mult, (Rabs_pos_eq c0) by exact Pc.
    assert (Rabs r * Rabs p <= 34659 / 100000 * P) by (apply Rmult_le_compat; assumption). lra. }
  split; [| exact Q].
  assert (YR : Rabs (y * r) <= 34659 / 100000 * (P + e * / 1000000000000000)).
  { rewrite Rabs_mult, Rmult_comm. apply Rmult_le_compat; try apply Rabs_pos; [exact R |].
    replace y with (p + (y - p)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
    assert (e * u <= e * / 1000000000000000) by (apply Rmult_le_compat_l; assumption). lra. }
  assert (S : forall t, Rabs (t - y * r) <= u * (34659 / 100000 * (P + e * / 1000000000000000)) + least -> Rabs (t + c - (c0 + r * p)) <= e1 * u).
  { intros t T. replace (t + c - (c0 + r * p)) with ((t - y * r) + (r * (y - p) + (c - c0))) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _). pose proof (Rabs_triang (r * (y - p)) (c - c0)) as T2. rewrite Rabs_mult in T2.
    assert (Rabs r * Rabs (y - p) <= 34659 / 100000 * (e * u)) by (apply Rmult_le_compat; try apply Rabs_pos; assumption).
    unfold e1. nra. }
  assert (F : forall s v, Rabs (s - (c0 + r * p)) <= e1 * u -> Rabs (v - s) <= u * Rabs s + least -> Rabs (v - (c0 + r * p)) <= e' * u).
  { intros s v Hs V. replace (v - (c0 + r * p)) with ((v - s) + (s - (c0 + r * p))) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _).
    assert (Rabs s <= P' + e1 * u).
    { replace s with ((c0 + r * p) + (s - (c0 + r * p))) by ring. apply Rle_trans with (1 := Rabs_triang _ _). lra. }
    assert (E1 : 0 <= e1) by (pose proof (Rabs_pos (s - (c0 + r * p))); nra).
    assert (u * Rabs s <= u * (P' + e1 * u)) by (apply Rmult_le_compat_l; lra).
    assert (u * (e1 * u) <= u * (e1 * / 1000000000000000)) by (apply Rmult_le_compat_l; [lra | apply Rmult_le_compat_l; assumption]).
    assert (u * (e1 + P' + e1 * / 1000000000000000 + / 100000000000000000000) <= u * e') by (apply Rmult_le_compat_l; lra). lra. }
  destruct Z as [-> | ->].
  - apply F with (s := y * r + c); [| apply rnd_any]. apply S. rewrite Rminus_eq_0, Rabs_R0. pose proof (Rabs_pos (y * r)). nra.
  - apply F with (s := rnd (y * r) + c).
    + apply S. destruct (rnd_any (y * r)) as [H _]. apply Rle_trans with (1 := H). apply Rplus_le_compat_r. apply Rmult_le_compat_l; lra.
    + pose proof (proj2 (rnd_plus (rnd (y * r)) c (rnd_float _) Fc)). lra.
Qed.

Lemma coefficient m : (1 <= m)%Z -> Rabs (rnd (/ IZR m) - / IZR m) <= (/ IZR m + / 100000000000000000000) * u.
Proof.
  intro M. apply IZR_le in M. destruct (rnd_any (/ IZR m)) as [H _]. apply Rle_trans with (1 := H).
  rewrite Rabs_pos_eq by (apply Rlt_le, Rinv_0_lt_compat; lra). pose proof least_small. lra.
Qed.

Lemma coefficient_exact m e : (0 <= e <= 100)%Z -> IZR m = bpow radix2 e -> rnd (/ IZR m) = / IZR m.
Proof.
  intros E M. apply rnd_of_float. rewrite M, <- bpow_opp. apply generic_format_bpow. unfold fexp, FLT_exp. lia.
Qed.

Lemma float_one : float 1.
Proof. apply (generic_format_bpow radix2 fexp 0). unfold fexp, FLT_exp. lia. Qed.

Lemma float_half : float (/ 2).
Proof. apply (generic_format_bpow radix2 fexp (-1)). unfold fexp, FLT_exp. lia. Qed.

Ltac near_coefficient m := apply Rle_trans with (1 := coefficient m ltac:(lia)); apply Rmult_le_compat_r; [apply Rlt_le, u_pos | lra].

Lemma horner_error r y : Rabs r <= 34659 / 100000 -> horner coefficients r y ->
  exists y1 p1, plus_product y1 r 1 y /\ Rabs (y1 - p1) <= (33103571214147 / 20000000000000) * u /\ Rabs p1 <= (119517807614797 / 100000000000000) /\ 1 + r * p1 = taylor_13 r.
Proof.
  intros R H. unfold coefficients, factorials in H. cbn [map horner] in H.
  destruct H as [y1 [H Z0]].
  destruct H as [y2 [H Z1]].
  destruct H as [y3 [H Z2]].
  destruct H as [y4 [H Z3]].
  destruct H as [y5 [H Z4]].
  destruct H as [y6 [H Z5]].
  destruct H as [y7 [H Z6]].
  destruct H as [y8 [H Z7]].
  destruct H as [y9 [H Z8]].
  destruct H as [y10 [H Z9]].
  destruct H as [y11 [H Z10]].
  destruct H as [y12 [H Z11]].
  destruct H as [y13 [H Z12]].
  assert (One : rnd (/ 1) = 1) by (rewrite (coefficient_exact 1 0) by (try lia; reflexivity); field).
  assert (Two : rnd (/ 2) = / 2) by (apply (coefficient_exact 2 1); [lia | reflexivity]).
  rewrite One in Z0, Z1. rewrite Two in Z2.
  assert (A13 : Rabs (y13 - / 6227020800) <= (803 / 5000000000000) * u) by (rewrite H; near_coefficient 6227020800%Z).
  assert (B13 : Rabs (/ 6227020800) <= (803 / 5000000000000)) by (rewrite Rabs_pos_eq; lra).
  destruct (horner_step y13 (/ 6227020800) r (rnd (/ 479001600)) (/ 479001600) y12 (803 / 5000000000000) (803 / 5000000000000) (86847 / 20000000000000) (107167 / 50000000000000)
    (1000001 / 479001600000000) A13 B13 R (rnd_float _) ltac:(near_coefficient 479001600%Z) Z12 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A12 B12].
  set (p12 := / 479001600 + r * / 6227020800) in *.
  destruct (horner_step y12 p12 r (rnd (/ 39916800)) (/ 39916800) y11 (86847 / 20000000000000) (107167 / 50000000000000) (2654749 / 50000000000000) (2579497 / 100000000000000)
    (1000001 / 39916800000000) A12 B12 R (rnd_float _) ltac:(near_coefficient 39916800%Z) Z11 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A11 B11].
  set (p11 := / 39916800 + r * p12) in *.
  destruct (horner_step y11 p11 r (rnd (/ 3628800)) (/ 3628800) y10 (2654749 / 50000000000000) (2579497 / 100000000000000) (29371471 / 50000000000000) (7112837 / 25000000000000)
    (1000001 / 3628800000000) A11 B11 R (rnd_float _) ltac:(near_coefficient 3628800%Z) Z10 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A10 B10].
  set (p10 := / 3628800 + r * p11) in *.
  destruct (horner_step y10 p10 r (rnd (/ 362880)) (/ 362880) y9 (29371471 / 50000000000000) (7112837 / 25000000000000) (295614141 / 50000000000000) (57086829 / 20000000000000)
    (1000001 / 362880000000) A10 B10 R (rnd_float _) ltac:(near_coefficient 362880%Z) Z9 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A9 B9].
  set (p9 := / 362880 + r * p10) in *.
  destruct (horner_step y9 p9 r (rnd (/ 40320)) (/ 40320) y8 (295614141 / 50000000000000) (57086829 / 20000000000000) (335193187 / 6250000000000) (2579087351 / 100000000000000)
    (1000001 / 40320000000) A9 B9 R (rnd_float _) ltac:(near_coefficient 40320%Z) Z8 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A8 B8].
  set (p8 := / 40320 + r * p9) in *.
  destruct (horner_step y8 p8 r (rnd (/ 5040)) (/ 5040) y7 (335193187 / 6250000000000) (2579087351 / 100000000000000) (21664562501 / 50000000000000) (20735155727 / 100000000000000)
    (1000001 / 5040000000) A8 B8 R (rnd_float _) ltac:(near_coefficient 5040%Z) Z7 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A7 B7].
  set (p7 := / 5040 + r * p8) in *.
  destruct (horner_step y7 p7 r (rnd (/ 720)) (/ 720) y6 (21664562501 / 50000000000000) (20735155727 / 100000000000000) (307168553349 / 100000000000000) (146075486513 / 100000000000000)
    (1000001 / 720000000) A7 B7 R (rnd_float _) ltac:(near_coefficient 720%Z) Z6 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A6 B6].
  set (p6 := / 720 + r * p7) in *.
  destruct (horner_step y6 p6 r (rnd (/ 120)) (/ 120) y5 (307168553349 / 100000000000000) (146075486513 / 100000000000000) (1874385654647 / 100000000000000) (220990409051 / 25000000000000)
    (1000001 / 120000000) A6 B6 R (rnd_float _) ltac:(near_coefficient 120%Z) Z5 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A5 B5].
  set (p5 := / 120 + r * p6) in *.
  destruct (horner_step y5 p5 r (rnd (/ 24)) (/ 24) y4 (1874385654647 / 100000000000000) (220990409051 / 25000000000000) (9595725351029 / 100000000000000) (4473038930159 / 100000000000000)
    (1000001 / 24000000) A5 B5 R (rnd_float _) ltac:(near_coefficient 24%Z) Z4 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A4 B4].
  set (p4 := / 24 + r * p5) in *.
  destruct (horner_step y4 p4 r (rnd (/ 6)) (/ 6) y3 (9595725351029 / 100000000000000) (4473038930159 / 100000000000000) (19879876787511 / 50000000000000) (18216977229471 / 100000000000000)
    (1000001 / 6000000) A4 B4 R (rnd_float _) ltac:(near_coefficient 6%Z) Z3 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A3 B3].
  set (p3 := / 6 + r * p4) in *.
  destruct (horner_step y3 p3 r (/ 2) (/ 2) y2 (19879876787511 / 50000000000000) (18216977229471 / 100000000000000) (76407977267493 / 100000000000000) (56313822137963 / 100000000000000)
    (0 / 1) A3 B3 R float_half ltac:(rewrite Rminus_eq_0, Rabs_R0; lra) Z2 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A2 B2].
  set (p2 := / 2 + r * p3) in *.
  destruct (horner_step y2 p2 r 1 (1) y1 (76407977267493 / 100000000000000) (56313822137963 / 100000000000000) (33103571214147 / 20000000000000) (119517807614797 / 100000000000000)
    (0 / 1) A2 B2 R float_one ltac:(rewrite Rminus_eq_0, Rabs_R0; lra) Z1 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra) ltac:(cbv zeta; lra)) as [A1 B1].
  set (p1 := 1 + r * p2) in *.
  exists y1, p1. split; [exact Z0 |]. split; [exact A1 |]. split; [exact B1 |]. reflexivity.
Qed.

(** ** Argument reduction *)

Lemma float_multiple x e : (-1074 <= e)%Z -> float x -> bpow radix2 (e + 52) <= Rabs x -> exists m, x = IZR m * bpow radix2 e.
Proof.
  intros E F X. pose proof F as F'. unfold float, generic_format in F'.
  assert (C : (e <= cexp radix2 fexp x)%Z).
  { unfold cexp, fexp, FLT_exp. assert (e + 53 <= mag radix2 x)%Z; [| lia].
    apply mag_ge_bpow. replace (e + 53 - 1)%Z with (e + 52)%Z by ring. exact X. }
  exists (Ztrunc (scaled_mantissa radix2 fexp x) * 2 ^ (cexp radix2 fexp x - e))%Z.
  rewrite F' at 1. unfold F2R. cbn [Fnum Fexp]. rewrite mult_IZR.
  change (2 ^ (cexp radix2 fexp x - e))%Z with (radix2 ^ (cexp radix2 fexp x - e))%Z. rewrite IZR_Zpower by lia.
  rewrite Rmult_assoc, <- bpow_plus. do 2 f_equal. ring.
Qed.

Lemma multiple_float m e : (-1074 <= e)%Z -> (Z.abs m < 2 ^ 53)%Z -> float (IZR m * bpow radix2 e).
Proof. intros E M. apply generic_format_FLT. exists (Float radix2 m e); [reflexivity | exact M | exact E]. Qed.

Lemma ln_2_bounds : 69314 / 100000 <= ln 2 <= 69315 / 100000 /\ Rabs (ln 2 - upper) <= 2 / 10 ^ 12.
Proof.
  pose proof ln_2_split as L. apply Rabs_le_inv in L. unfold upper. simpl in *. split; [split; lra | apply Rabs_le; lra].
Qed.

Section Reduction.
Variables (x : R) (k : Z) (h r : R).
Hypothesis Fx : float x.
Hypothesis X : -708 <= x <= 0.
Hypothesis near_k : Rabs (x - IZR k * ln 2) <= 34658 / 100000.
Hypothesis H : minus_product (IZR k) upper x h.
Hypothesis Hr : minus_product (IZR k) lower h r.

Lemma k_bounds : (-1021 <= k <= 0)%Z.
Proof.
  pose proof ln_2_bounds as [L _]. apply Rabs_le_inv in near_k.
  assert (A : -1022 < IZR k) by nra. assert (B : IZR k < 1) by nra. apply lt_IZR in A, B. lia.
Qed.

Lemma k_bounds_R : -1021 <= IZR k <= 0.
Proof. destruct k_bounds as [A B]. apply IZR_le in A, B. lra. Qed.

Lemma upper_multiple : IZR k * upper = IZR (k * 47632711549) * bpow radix2 (-36).
Proof. rewrite mult_IZR. unfold upper. simpl. lra. Qed.

Lemma upper_exact : h = x - IZR k * upper.
Proof.
  pose proof k_bounds as K. pose proof k_bounds_R as KR. pose proof ln_2_bounds as [L L'].
  assert (F : float (IZR k * upper)) by (rewrite upper_multiple; apply multiple_float; lia).
  assert (D : Rabs (x - IZR k * upper) < / 2).
  { replace (x - IZR k * upper) with ((x - IZR k * ln 2) + IZR k * (ln 2 - upper)) by ring.
    apply Rle_lt_trans with (1 := Rabs_triang _ _). rewrite Rabs_mult.
    assert (Rabs (IZR k) * Rabs (ln 2 - upper) <= 1021 * (2 / 10 ^ 12)).
    { apply Rmult_le_compat; try apply Rabs_pos; [apply Rabs_le; lra | exact L']. }
    simpl in *. lra. }
  assert (G : float (x - IZR k * upper)).
  { destruct (Z.eq_dec k 0) as [-> | N]; [rewrite Rmult_0_l, Rminus_0_r; exact Fx |].
    assert (KN : IZR k <= -1) by (apply IZR_le; lia).
    destruct (float_multiple x (-54)) as [m M]; [lia | exact Fx | |].
    { apply Rabs_le_inv in near_k. rewrite Rabs_left1 by lra. simpl. nra. }
    rewrite upper_multiple, M. replace (bpow radix2 (-36)) with (IZR (2 ^ 18) * bpow radix2 (-54)) by (simpl; lra).
    rewrite <- Rmult_assoc, <- mult_IZR, <- Rmult_minus_distr_r, <- minus_IZR. apply multiple_float; [lia |].
    rewrite upper_multiple, M in D. replace (bpow radix2 (-36)) with (IZR (2 ^ 18) * bpow radix2 (-54)) in D by (simpl; lra).
    rewrite <- Rmult_assoc, <- mult_IZR, <- Rmult_minus_distr_r, <- minus_IZR, Rabs_mult, (Rabs_pos_eq (bpow radix2 (-54))) in D by apply bpow_ge_0.
    apply lt_IZR. rewrite abs_IZR. simpl (bpow radix2 (-54)) in D. change (IZR (2 ^ 53)) with 9007199254740992. lra. }
  destruct H as [-> | ->]; [| rewrite (rnd_of_float (IZR k * upper)) by exact F]; apply rnd_of_float; exact G.
Qed.

Lemma float_h : float h.
Proof. destruct H as [-> | ->]; apply rnd_float. Qed.

Lemma reduced : Rabs (r - (x - IZR k * ln 2)) <= 35 / 100 * u.
Proof.
  pose proof k_bounds_R as KR. pose proof u_pos as U. pose proof u_small as U'. pose proof least_small as L. pose proof least_pos as L0.
  pose proof ln_2_split as S. fold upper lower in S. pose proof float_h as FH.
  assert (KS : Rabs (IZR k * (ln 2 - upper - lower)) <= 1021 * (2 / 10 ^ 28)).
  { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [apply Rabs_le; lra | exact S]. }
  assert (KL : Rabs (IZR k * lower) <= / 100000000).
  { rewrite Rabs_mult. apply Rle_trans with (1021 * lower); [| unfold lower; lra].
    apply Rmult_le_compat; try apply Rabs_pos; [apply Rabs_le; lra | rewrite Rabs_pos_eq; unfold lower; lra]. }
  assert (W : Rabs (h - IZR k * lower - (x - IZR k * ln 2)) <= 1021 * (2 / 10 ^ 28)).
  { rewrite upper_exact. replace (x - IZR k * upper - IZR k * lower - (x - IZR k * ln 2)) with (IZR k * (ln 2 - upper - lower)) by ring. exact KS. }
  assert (T : 1021 * (2 / 10 ^ 28) <= / 100000000 * u) by (rewrite u_is; simpl; lra).
  set (w := h - IZR k * lower) in *. set (t := x - IZR k * ln 2) in *.
  assert (Aw : Rabs w <= 34659 / 100000).
  { replace w with (t + (w - t)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). nra. }
  assert (E : Rabs (r - w) <= 348 / 1000 * u).
  { destruct Hr as [-> | ->].
    - fold w. destruct (rnd_any w) as [B _]. nra.
    - destruct (rnd_any (IZR k * lower)) as [B _]. set (q := rnd (IZR k * lower)) in *.
      assert (P : Rabs (rnd (h - q) - (h - q)) <= u * Rabs (h - q)).
      { apply (rnd_plus h (- q)); [exact FH | apply generic_format_opp, rnd_float]. }
      assert (Q : Rabs (h - q - w) <= / 1000000 * u).
      { replace (h - q - w) with (- (q - IZR k * lower)) by (unfold w; ring). rewrite Rabs_Ropp. nra. }
      assert (V : Rabs (h - q) <= 3466 / 10000).
      { replace (h - q) with (w + (h - q - w)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). nra. }
      replace (rnd (h - q) - w) with ((rnd (h - q) - (h - q)) + (h - q - w)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _). nra. }
  replace (r - t) with ((r - w) + (w - t)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). nra.
Qed.
End Reduction.

(** ** The whole function *)

Lemma last_step r y : Rabs r <= 34659 / 100000 -> horner coefficients r y -> Rabs (y - exp r) <= 26 / 10 * u * exp r.
Proof.
  intros R Hy. destruct (horner_error r y R Hy) as [y1 [p1 [Z [A [B T]]]]].
  pose proof u_pos as U. pose proof u_small as U'. pose proof least_small as L. pose proof least_pos as L0.
  apply Rabs_le_inv in R as R'. pose proof (taylor_remainder r R') as M. rewrite <- T in M.
  assert (X : 7 / 10 <= exp r).
  { pose proof exp_least. assert (exp (- (34659 / 100000)) <= exp r); [| lra].
    destruct R' as [[R' | R'] _]; [apply Rlt_le, exp_increasing, R' | rewrite R'; apply Rle_refl]. }
  assert (M' : / 144115188075855872 <= / 16 * u) by (rewrite u_is; lra).
  assert (YR : Rabs (y1 * r) <= 4143 / 10000).
  { rewrite Rabs_mult. apply Rle_trans with (11953 / 10000 * (34659 / 100000)); [| lra].
    apply Rmult_le_compat; try apply Rabs_pos; [| exact R].
    replace y1 with (p1 + (y1 - p1)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). nra. }
  assert (S : forall t, Rabs (t - y1 * r) <= u * (4143 / 10000) + least -> Rabs (t + 1 - (1 + r * p1)) <= 989 / 1000 * u).
  { intros t Ht. replace (t + 1 - (1 + r * p1)) with ((t - y1 * r) + r * (y1 - p1)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _). rewrite (Rabs_mult r).
    assert (Rabs r * Rabs (y1 - p1) <= 34659 / 100000 * (16553 / 10000 * u)).
    { apply Rmult_le_compat; try apply Rabs_pos; [exact R | nra]. }
    nra. }
  assert (F : forall s, Rabs (s - (1 + r * p1)) <= 989 / 1000 * u -> Rabs (y - s) <= u * Rabs s + least -> Rabs (y - exp r) <= 26 / 10 * u * exp r).
  { intros s Hs V. assert (D : Rabs (s - exp r) <= 1052 / 1000 * u).
    { replace (s - exp r) with ((s - (1 + r * p1)) + (1 + r * p1 - exp r)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). lra. }
    assert (As : Rabs s <= exp r + / 1000000).
    { replace s with (exp r + (s - exp r)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
      rewrite (Rabs_pos_eq (exp r)) by (apply Rlt_le, exp_pos). nra. }
    replace (y - exp r) with ((y - s) + (s - exp r)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). nra. }
  destruct Z as [-> | ->].
  - apply F with (s := y1 * r + 1); [| apply rnd_any]. apply S. rewrite Rminus_eq_0, Rabs_R0. nra.
  - apply F with (s := rnd (y1 * r) + 1).
    + apply S. destruct (rnd_any (y1 * r)) as [G _]. nra.
    + pose proof (proj2 (rnd_plus (rnd (y1 * r)) 1 (rnd_float _) float_one)). lra.
Qed.

Theorem exponential_function x k h r y : float x -> -708 <= x <= 0 -> Rabs (x - IZR k * ln 2) <= 34658 / 100000 ->
  minus_product (IZR k) upper x h -> minus_product (IZR k) lower h r -> horner coefficients r y ->
  Rabs (y * bpow radix2 k - exp x) <= 3 * u * exp x /\ bpow radix2 (-1022) <= y * bpow radix2 k.
Proof.
  intros Fx X K Hh Hr Hy. pose proof (k_bounds x k X K) as KB.
  pose proof (reduced x k h r Fx X K Hh Hr) as D. pose proof u_pos as U. pose proof u_small as U'.
  set (t := x - IZR k * ln 2) in *.
  assert (R : Rabs r <= 34659 / 100000).
  { replace r with (t + (r - t)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). nra. }
  pose proof (last_step r y R Hy) as Y. pose proof (exp_pos r) as Er. pose proof (exp_pos t) as Et.
  assert (T : Rabs (exp r - exp t) <= 36 / 100 * u * exp t).
  { replace (exp r - exp t) with (exp t * (exp (r - t) - 1)).
    - rewrite Rabs_mult, Rabs_pos_eq by lra. rewrite (Rmult_comm (36 / 100 * u)). apply Rmult_le_compat_l; [lra |].
      apply Rle_trans with (1 := exp_moved _ _ D ltac:(nra)).
      assert (P : 0 < 1 - 35 / 100 * u) by lra.
      apply Rmult_le_reg_r with (1 - 35 / 100 * u); [exact P |].
      replace (35 / 100 * u / (1 - 35 / 100 * u) * (1 - 35 / 100 * u)) with (35 / 100 * u) by (field; lra).
      assert (Sq : 0 <= u * (1 / 100 - 36 / 100 * (35 / 100 * u))) by (apply Rmult_le_pos; lra). lra.
    - replace r with (t + (r - t)) at 2 by ring. rewrite exp_plus. ring. }
  assert (V : Rabs (y - exp t) <= 3 * u * exp t).
  { replace (y - exp t) with ((y - exp r) + (exp r - exp t)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
    assert (A : exp r <= exp t * (1 + / 1000)).
    { apply Rabs_le_inv in T. assert (36 / 100 * u * exp t <= / 1000 * exp t) by (apply Rmult_le_compat_r; lra). lra. }
    assert (B : 26 / 10 * u * exp r <= 26 / 10 * u * (exp t * (1 + / 1000))) by (apply Rmult_le_compat_l; lra).
    assert (0 <= u * exp t) by (apply Rmult_le_pos; lra). lra. }
  assert (Ex : exp x = exp t * bpow radix2 k).
  { rewrite bpow_exp, <- exp_plus. f_equal. unfold t. simpl. ring. }
  pose proof (bpow_gt_0 radix2 k) as Bk. split.
  - rewrite Ex, <- Rmult_minus_distr_r, Rabs_mult, (Rabs_pos_eq (bpow radix2 k)), <- Rmult_assoc by lra. apply Rmult_le_compat_r; lra.
  - assert (/ 2 <= y).
    { apply Rabs_le_inv in Y. pose proof exp_least. apply Rabs_le_inv in R.
      assert (exp (- (34659 / 100000)) <= exp r).
      { destruct R as [[R | R] _]; [apply Rlt_le, exp_increasing, R | rewrite R; apply Rle_refl]. }
      nra. }
    replace (bpow radix2 (-1022)) with (/ 2 * bpow radix2 (-1021)) by (rewrite <- (bpow_plus radix2 (-1)); reflexivity).
    apply Rmult_le_compat; [lra | apply bpow_ge_0 | assumption | apply bpow_le; lia].
Qed.

(** ** The integer k, by either way of rounding to it *)

Definition log2e := 3248660424278399 / 2251799813685248. (* 1.4426950408889634 *)

Lemma inverse_ln_2 : Rabs (log2e * ln 2 - 1) <= / 10 ^ 15.
Proof. pose proof ln_2_split as L. apply Rabs_le_inv in L. apply Rabs_le. unfold log2e. simpl in *. lra. Qed.

Lemma near_from x k p : -708 <= x <= 0 -> Rabs (p - x * log2e) <= 1100 * u -> Rabs (p - IZR k) <= / 2 -> Rabs (x - IZR k * ln 2) <= 34658 / 100000.
Proof.
  intros X P K. pose proof inverse_ln_2 as I. pose proof ln_2_bounds as [[L1 L2] _].
  assert (L3 : ln 2 <= 693148 / 1000000).
  { pose proof ln_2_split as S. apply Rabs_le_inv in S. simpl in S. lra. }
  assert (U : 1100 * u <= / 1000000) by (pose proof u_small; lra).
  replace (x - IZR k * ln 2) with (ln 2 * ((p - IZR k) + - (p - x * log2e)) + - (x * (log2e * ln 2 - 1))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_Ropp, !Rabs_mult, (Rabs_pos_eq (ln 2)) by lra.
  assert (A : Rabs (p - IZR k + - (p - x * log2e)) <= / 2 + / 1000000).
  { apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_Ropp. lra. }
  assert (B : Rabs x * Rabs (log2e * ln 2 - 1) <= 708 * / 10 ^ 15).
  { apply Rmult_le_compat; try apply Rabs_pos; [apply Rabs_le; lra | exact I]. }
  assert (ln 2 * Rabs (p - IZR k + - (p - x * log2e)) <= 693148 / 1000000 * (/ 2 + / 1000000)).
  { apply Rmult_le_compat; [lra | apply Rabs_pos | exact L3 | exact A]. }
  simpl in B. lra.
Qed.

Lemma product_near x : -708 <= x <= 0 -> Rabs (rnd (x * log2e) - x * log2e) <= 1100 * u.
Proof.
  intro X. destruct (rnd_any (x * log2e)) as [H _]. pose proof least_small. pose proof u_pos.
  assert (Rabs (x * log2e) <= 1030).
  { rewrite Rabs_mult. apply Rle_trans with (708 * (145 / 100)); [| lra].
    apply Rmult_le_compat; try apply Rabs_pos; [apply Rabs_le; lra | rewrite Rabs_pos_eq; unfold log2e; lra]. }
  nra.
Qed.

(** The nearest integer of the rounded product. *)
Theorem k_by_rint x : -708 <= x <= 0 -> Rabs (x - IZR (ZnearestE (rnd (x * log2e))) * ln 2) <= 34658 / 100000.
Proof. intro X. apply near_from with (1 := X) (2 := product_near x X). apply Znearest_half. Qed.

(** 1.5 2^52 is added, fused or not, and subtracted again. *)
Theorem k_by_adding x s : -708 <= x <= 0 -> plus_product x log2e 6755399441055744 s ->
  exists k, s = IZR k + 6755399441055744 /\ Rabs (x - IZR k * ln 2) <= 34658 / 100000.
Proof.
  intros X S.
  assert (P : exists p, Rabs (p - x * log2e) <= 1100 * u /\ s = rnd (p + 6755399441055744)).
  { destruct S as [-> | ->].
    - exists (x * log2e). split; [rewrite Rminus_eq_0, Rabs_R0; pose proof u_pos; lra | reflexivity].
    - exists (rnd (x * log2e)). split; [apply product_near, X | reflexivity]. }
  destruct P as [p [P ->]]. set (z := p + 6755399441055744).
  assert (A : Rabs p <= 1100).
  { replace p with (x * log2e + (p - x * log2e)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
    assert (Rabs (x * log2e) <= 1030).
    { rewrite Rabs_mult. apply Rle_trans with (708 * (145 / 100)); [| lra].
      apply Rmult_le_compat; try apply Rabs_pos; [apply Rabs_le; lra | rewrite Rabs_pos_eq; unfold log2e; lra]. }
    pose proof u_small. lra. }
  apply Rabs_le_inv in A.
  assert (E : Rabs (rnd z - z) <= / 2).
  { apply Rle_trans with (1 := error_le_half_ulp radix2 fexp _ z). rewrite <- (Rmult_1_r (/ 2)) at 2. apply Rmult_le_compat_l; [lra |].
    rewrite ulp_neq_0 by (unfold z; lra). change 1 with (bpow radix2 0). apply bpow_le. unfold cexp, fexp, FLT_exp.
    assert (mag radix2 z <= 53)%Z; [| lia]. apply mag_le_bpow; [unfold z; lra |]. rewrite Rabs_pos_eq by (unfold z; lra). unfold z. simpl. lra. }
  apply Rabs_le_inv in E.
  destruct (float_multiple (rnd z) 0) as [m M]; [lia | apply rnd_float | |].
  { rewrite Rabs_pos_eq by (unfold z in *; lra). unfold z in *. simpl. lra. }
  simpl (bpow radix2 0) in M. rewrite Rmult_1_r in M.
  exists (m - 6755399441055744)%Z. rewrite minus_IZR. split; [rewrite M; ring |].
  rewrite <- minus_IZR. apply near_from with (1 := X) (2 := P). rewrite minus_IZR, <- M. apply Rabs_le. unfold z in *. lra.
Qed.
