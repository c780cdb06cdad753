(** Screen: the sums behind the float64 screen, and how far the computed ones can be from them.

    A key has the difference d >= 0 of its score from the greatest. Computed are d' (one rounding), w for e^-d (4 u and the rounding of d', 0
    beyond 708), t for d w and q for d^2 w; sums are taken in any order, fused or not. The radii are those of checks/screen.py, from the
    computed sums; the factor 1 + 2^-20 holds every product of errors, for up to 2^20 keys. *)

From Coq Require Import Reals Lra Lia List Permutation.
From Flocq Require Import Core Relative Plus_error.
From Localist Require Import Numbers Rounding Exponential.
Open Scope R_scope.

Record key := { d : R; w : R; t : R; q : R }.

(** A product, or the exact one inside a fused addition. *)
Definition product x y p := p = rnd (x * y) \/ p = x * y.

Definition computed (k : key) := 0 <= d k /\ exists d', Rabs (d' - d k) <= u * d k /\
  ((d' <= 708 /\ Rabs (w k - exp (- d')) <= 4 * u * exp (- d')) \/ (708 < d' /\ w k = 0)) /\
  product d' (w k) (t k) /\ product d' (t k) (q k).

Definition weight k := exp (- d k).
Definition total (f : key -> R) ks := fold_right (fun k sum => f k + sum) 0 ks.

(** A sum of the numbers of a list as a machine takes it: any tree, any order. *)
Inductive sum_of : list R -> R -> Prop :=
| sum_one x : sum_of (x :: nil) x
| sum_two l m a b : sum_of l a -> sum_of m b -> sum_of (l ++ m) (rnd (a + b))
| sum_order l m a : Permutation l m -> sum_of l a -> sum_of m a.

Definition sum := fold_right Rplus 0.
Definition lost := / 2 ^ 1002.

Lemma sum_app l m : sum (l ++ m) = sum l + sum m.
Proof. induction l as [| x l IH]; simpl; [| fold (sum (l ++ m)); rewrite IH]; unfold sum; simpl; ring. Qed.

Lemma sum_permuted l m : Permutation l m -> sum l = sum m.
Proof. unfold sum; induction 1; simpl; lra. Qed.

Lemma sum_nonneg l : Forall (fun x => 0 <= x) l -> 0 <= sum l.
Proof. induction 1; unfold sum in *; simpl; lra. Qed.

Lemma sum_of_length l s : sum_of l s -> (1 <= length l)%nat.
Proof.
  induction 1; simpl; [lia | rewrite app_length; lia |]. apply Permutation_length in H. lia.
Qed.

Theorem any_sum l s : Forall (fun x => 0 <= x) l -> sum_of l s ->
  Rabs (s - sum l) <= ((1 + u) ^ (length l - 1) - 1) * (sum l + INR (length l) * least) + (INR (length l) - 1) * least.
Proof.
  intros P H. pose proof u_pos as U. pose proof least_pos as L0. induction H as [x | l m a b Ha IHa Hb IHb | l m a O Ha IH].
  - unfold sum; simpl. replace (x - (x + 0)) with 0 by ring. rewrite Rabs_R0. lra.
  - apply Forall_app in P. destruct P as [Pl Pm]. specialize (IHa Pl). specialize (IHb Pm).
    pose proof (sum_of_length _ _ Ha) as La. pose proof (sum_of_length _ _ Hb) as Lb.
    pose proof (sum_nonneg _ Pl) as Sl. pose proof (sum_nonneg _ Pm) as Sm.
    rewrite app_length, sum_app, plus_INR.
    set (n1 := length l) in *. set (n2 := length m) in *. set (k := (n1 + n2 - 2)%nat).
    assert (N1 : 1 <= INR n1) by (apply (le_INR 1); exact La). assert (N2 : 1 <= INR n2) by (apply (le_INR 1); exact Lb).
    assert (E1 : (1 + u) ^ (n1 - 1) <= (1 + u) ^ k) by (apply Rle_pow; [lra | unfold k; lia]).
    assert (E2 : (1 + u) ^ (n2 - 1) <= (1 + u) ^ k) by (apply Rle_pow; [lra | unfold k; lia]).
    assert (E0 : 1 <= (1 + u) ^ k) by (apply pow_R1_Rle; lra).
    replace (n1 + n2 - 1)%nat with (S k) by (unfold k; lia). simpl.
    set (g := (1 + u) ^ k) in *. set (X := sum l + INR n1 * least) in *. set (Y := sum m + INR n2 * least) in *.
    assert (X0 : 0 <= X) by (unfold X; nra). assert (Y0 : 0 <= Y) by (unfold Y; nra).
    assert (A1 : Rabs (a - sum l) <= (g - 1) * X + (INR n1 - 1) * least).
    { apply Rle_trans with (1 := IHa). apply Rplus_le_compat_r, Rmult_le_compat_r; lra. }
    assert (B1 : Rabs (b - sum m) <= (g - 1) * Y + (INR n2 - 1) * least).
    { apply Rle_trans with (1 := IHb). apply Rplus_le_compat_r, Rmult_le_compat_r; lra. }
    replace (sum l + sum m + (INR n1 + INR n2) * least) with (X + Y) by (unfold X, Y; ring).
    assert (C : Rabs (a + b - (sum l + sum m)) <= (g - 1) * (X + Y) + (INR n1 + INR n2 - 2) * least).
    { replace (a + b - (sum l + sum m)) with ((a - sum l) + (b - sum m)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). lra. }
    assert (D : Rabs (a + b) <= g * (X + Y)).
    { replace (a + b) with ((sum l + sum m) + (a + b - (sum l + sum m))) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
      rewrite (Rabs_pos_eq (sum l + sum m)) by lra. unfold X, Y in *. nra. }
    destruct (rnd_any (a + b)) as [V _].
    replace (rnd (a + b) - (sum l + sum m)) with ((rnd (a + b) - (a + b)) + (a + b - (sum l + sum m))) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _).
    assert (u * Rabs (a + b) <= u * (g * (X + Y))) by (apply Rmult_le_compat_l; lra). lra.
  - assert (Pl : Forall (fun x => 0 <= x) l) by (apply Permutation_sym in O; apply (Permutation_Forall O), P).
    specialize (IH Pl). rewrite <- (Permutation_length O), <- (sum_permuted l m O). exact IH.
Qed.

(** ** One key *)

Lemma exp_le x y : x <= y -> exp x <= exp y.
Proof. intros [H | ->]; [apply Rlt_le, exp_increasing, H | apply Rle_refl]. Qed.

Lemma lost_square x : 7079 / 10 <= x -> x ^ 2 * exp (- x) <= lost.
Proof.
  intro X. apply Rle_trans with (2 := flushed).
  assert (L : forall z, 1 + z <= exp z).
  { intro z. destruct (Req_dec z 0) as [-> | N]; [rewrite exp_0; lra | apply Rlt_le, exp_ineq1; exact N]. }
  assert (B : x <= 708 * exp (x / 708 - 1)) by (pose proof (L (x / 708 - 1)); lra).
  assert (S : x ^ 2 <= (708 * exp (x / 708 - 1)) ^ 2) by (apply pow_incr; lra).
  apply Rle_trans with ((708 * exp (x / 708 - 1)) ^ 2 * exp (- x)); [apply Rmult_le_compat_r; [apply Rlt_le, exp_pos | exact S] |].
  replace ((708 * exp (x / 708 - 1)) ^ 2 * exp (- x)) with (708 ^ 2 * exp (- (2 + x * (1 - 2 / 708)))).
  - apply Rmult_le_compat_l; [lra |]. apply exp_le. lra.
  - rewrite Rpow_mult_distr, Rmult_assoc. f_equal.
    replace (exp (x / 708 - 1) ^ 2) with (exp ((x / 708 - 1) + (x / 708 - 1))) by (rewrite exp_plus; ring).
    rewrite <- exp_plus. f_equal. field.
Qed.

Lemma product_error x y p : product x y p -> Rabs (p - x * y) <= u * Rabs (x * y) + least.
Proof.
  intros [-> | ->]; [apply rnd_any |]. rewrite Rminus_eq_0, Rabs_R0. pose proof u_pos. pose proof least_pos. pose proof (Rabs_pos (x * y)). nra.
Qed.

Lemma product_zero x p : product x 0 p -> p = 0.
Proof. intros [-> | ->]; rewrite Rmult_0_r; [apply round_0; typeclasses eauto | reflexivity]. Qed.

Lemma lost_pos : 0 < lost.
Proof. apply Rinv_0_lt_compat, pow_lt; lra. Qed.

Lemma least_lost : least <= / 1000000000 * lost.
Proof.
  unfold least, lost. change (-1075)%Z with (-73 + -1002)%Z. rewrite bpow_plus. apply Rmult_le_compat; try apply bpow_ge_0; [simpl; lra |].
  replace (/ 2 ^ 1002) with (bpow radix2 (-1002)); [apply Rle_refl |]. change (-1002)%Z with (- (1002))%Z. rewrite bpow_opp. f_equal. rewrite bpow_powerRZ.
  change (IZR radix2) with 2. symmetry. exact (pow_powerRZ 2 1002).
Qed.

Lemma u_12 : u <= 12 / 100000000000000000.
Proof. rewrite u_is. lra. Qed.

(** The three numbers of a key, K = 1 + 10^-9 for the products of errors. *)
Theorem one_key k : computed k ->
  Rabs (w k - weight k) <= (1 + / 1000000000) * u * ((4 + d k) * weight k) + lost /\
  Rabs (t k - d k * weight k) <= (1 + / 1000000000) * u * ((6 + d k) * (d k * weight k)) + lost /\
  Rabs (q k - d k * (d k * weight k)) <= / 1000000000 * (d k * (d k * weight k)) + lost /\
  d k * weight k <= 709 * weight k + lost /\ d k * (d k * weight k) <= 709 * (d k * weight k) + lost /\ 0 <= w k /\ 0 <= t k /\ 0 <= q k.
Proof.
  intros [D0 [d' [D' [[[L Hw] | [L Hw]] [Ht Hq]]]]]; pose proof u_pos as U; pose proof u_12 as U'; pose proof lost_pos as F;
    pose proof least_pos as E0; pose proof least_lost as E1; pose proof (exp_pos (- d k)) as W0; fold (weight k) in W0; apply Rabs_le_inv in D' as D''.
  - assert (Dm : d k <= 7081 / 10) by nra. assert (P' : 0 <= d') by nra.
    set (x := d k) in *. set (W := weight k) in *.
    assert (UD : u * x <= / 1000000000000) by nra. assert (UD0 : 0 <= u * x) by nra.
    assert (M : Rabs (exp (x - d') - 1) <= (1 + / 100000000000) * (u * x)).
    { apply Rle_trans with (u * x / (1 - u * x)).
      - apply exp_moved; [rewrite Rabs_minus_sym; exact D' | lra].
      - apply Rmult_le_reg_r with (1 - u * x); [lra |]. replace (u * x / (1 - u * x) * (1 - u * x)) with (u * x) by (field; lra). nra. }
    assert (EE : exp (- d') = W * exp (x - d')) by (unfold W, weight; rewrite <- exp_plus; f_equal; fold x; ring).
    rewrite EE in Hw. apply Rabs_le_inv in M as M'.
    assert (V : Rabs (w k - W) <= (1 + / 100000000000) * u * (1 + / 100000000000) * ((4 + x) * W)).
    { replace (w k - W) with ((w k - W * exp (x - d')) + W * (exp (x - d') - 1)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _). rewrite (Rabs_mult W), (Rabs_pos_eq W) by lra.
      assert (A1 : W * Rabs (exp (x - d') - 1) <= W * ((1 + / 100000000000) * (u * x))) by (apply Rmult_le_compat_l; lra).
      assert (A2 : 4 * u * (W * exp (x - d')) <= 4 * u * (W * (1 + / 100000000000))).
      { apply Rmult_le_compat_l; [lra |]. apply Rmult_le_compat_l; lra. }
      assert (0 <= u * W) by nra. assert (0 <= u * x * W) by nra. lra. }
    assert (V' : Rabs (w k - W) <= / 100000000000 * W).
    { apply Rle_trans with (1 := V). rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra | nra]. }
    apply Rabs_le_inv in V' as V2. assert (w0 : 0 <= w k) by lra.
    assert (X0 : 0 <= x * W) by nra.
    assert (DW : Rabs (d' * w k - x * W) <= (1 + / 10000000000) * u * ((5 + x) * (x * W))).
    { replace (d' * w k - x * W) with ((d' - x) * w k + x * (w k - W)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
      rewrite !Rabs_mult, (Rabs_pos_eq x), (Rabs_pos_eq (w k)) by assumption.
      assert (A1 : Rabs (d' - x) * w k <= (u * x) * (W * (1 + / 100000000000))) by (apply Rmult_le_compat; try apply Rabs_pos; lra).
      assert (A2 : x * Rabs (w k - W) <= x * ((1 + / 100000000000) * u * (1 + / 100000000000) * ((4 + x) * W))) by (apply Rmult_le_compat_l; lra).
      assert (0 <= u * (x * W)) by nra. assert (0 <= u * x * (x * W)) by nra. lra. }
    assert (DW' : Rabs (d' * w k - x * W) <= / 10000000000 * (x * W)).
    { apply Rle_trans with (1 := DW). rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra | nra]. }
    apply Rabs_le_inv in DW' as DW2. pose proof (product_error _ _ _ Ht) as T1. rewrite (Rabs_pos_eq (d' * w k)) in T1 by nra.
    assert (T2 : Rabs (t k - x * W) <= (1 + / 1000000000) * u * ((6 + x) * (x * W)) + least).
    { replace (t k - x * W) with ((t k - d' * w k) + (d' * w k - x * W)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
      assert (u * (d' * w k) <= u * (x * W * (1 + / 10000000000))) by (apply Rmult_le_compat_l; lra).
      assert (0 <= u * (x * W)) by nra. assert (0 <= u * x * (x * W)) by nra. lra. }
    assert (t0 : 0 <= t k).
    { destruct Ht as [-> | ->]; [| nra]. rewrite <- (round_0 radix2 fexp ZnearestE). apply round_le; try typeclasses eauto. nra. }
    assert (T3 : Rabs (t k - x * W) <= / 1000000000 * (x * W) + least).
    { apply Rle_trans with (1 := T2). apply Rplus_le_compat_r. rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra | nra]. }
    apply Rabs_le_inv in T3 as T4. pose proof (product_error _ _ _ Hq) as Q1. rewrite (Rabs_pos_eq (d' * t k)) in Q1 by nra.
    assert (q0 : 0 <= q k).
    { destruct Hq as [-> | ->]; [| nra]. rewrite <- (round_0 radix2 fexp ZnearestE). apply round_le; try typeclasses eauto. nra. }
    split; [apply Rle_trans with (1 := V) |].
    { assert (0 <= u * ((4 + x) * W)) by (apply Rmult_le_pos; nra). lra. }
    split; [apply Rle_trans with (1 := T2); lra |].
    assert (T5 : Rabs (t k - x * W) <= / 10000000000 * 2 * (x * W) + least).
    { apply Rle_trans with (1 := T2). apply Rplus_le_compat_r. rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra | nra]. }
    apply Rabs_le_inv in T5 as T6.
    split.
    { replace (q k - x * (x * W)) with ((q k - d' * t k) + ((d' - x) * t k + x * (t k - x * W))) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _). pose proof (Rabs_triang ((d' - x) * t k) (x * (t k - x * W))) as Z.
      rewrite !Rabs_mult, (Rabs_pos_eq x), (Rabs_pos_eq (t k)) in Z by assumption.
      assert (A1 : Rabs (d' - x) * t k <= (u * x) * (2 * (x * W) + least)) by (apply Rmult_le_compat; try apply Rabs_pos; lra).
      assert (A2 : x * Rabs (t k - x * W) <= x * (/ 10000000000 * 2 * (x * W) + least)) by (apply Rmult_le_compat_l; lra).
      assert (A3 : d' * t k <= 2 * x * (2 * (x * W) + least)) by (apply Rmult_le_compat; nra).
      assert (A4 : u * (d' * t k) <= u * (2 * x * (2 * (x * W) + least))) by (apply Rmult_le_compat_l; lra).
      assert (A5 : x * least <= 7081 / 10 * least) by (apply Rmult_le_compat_r; lra).
      assert (A6 : u * x * least <= / 1000000000000 * least) by (apply Rmult_le_compat_r; lra).
      assert (A8 : 0 <= x * (x * W)) by (apply Rmult_le_pos; assumption).
      assert (A7 : u * (x * (x * W)) <= 12 / 100000000000000000 * (x * (x * W))) by (apply Rmult_le_compat_r; nra).
      lra. }
    assert (0 <= (709 - x) * W) by (apply Rmult_le_pos; lra). assert (0 <= (709 - x) * (x * W)) by (apply Rmult_le_pos; lra).
    repeat split; try assumption; lra.
  - assert (Dm : 7079 / 10 <= d k) by nra. rewrite Hw in Ht. apply product_zero in Ht. rewrite Ht in Hq. apply product_zero in Hq.
    pose proof (lost_square (d k) Dm) as B. fold (weight k) in B. set (x := d k) in *. set (W := weight k) in *.
    assert (B1 : x * (x * W) <= lost) by (simpl in B; lra).
    assert (B3 : 0 <= (x - 1) * W) by (apply Rmult_le_pos; lra). assert (B4 : 0 <= x * W) by (apply Rmult_le_pos; lra).
    assert (B2 : 0 <= (x - 1) * (x * W)) by (apply Rmult_le_pos; lra).
    rewrite Ht, Hq, Hw. rewrite !Rminus_0_l, !Rabs_Ropp, !Rabs_pos_eq by lra.
    assert (0 <= u * ((4 + x) * W)) by (apply Rmult_le_pos; lra). assert (0 <= u * ((6 + x) * (x * W))) by (apply Rmult_le_pos; [lra | apply Rmult_le_pos; lra]).
    repeat split; lra.
Qed.

(** ** All keys *)

Lemma total_error (f g h : key -> R) ks : (forall k, In k ks -> Rabs (f k - g k) <= h k) -> Rabs (total f ks - total g ks) <= total h ks.
Proof.
  induction ks as [| k ks IH]; intro H; simpl; [rewrite Rminus_0_r, Rabs_R0; apply Rle_refl |].
  replace (f k + total f ks - (g k + total g ks)) with ((f k - g k) + (total f ks - total g ks)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). apply Rplus_le_compat; [apply H; left; reflexivity | apply IH; intros; apply H; right; assumption].
Qed.

Lemma total_le (f g : key -> R) ks : (forall k, In k ks -> f k <= g k) -> total f ks <= total g ks.
Proof.
  induction ks as [| k ks IH]; intro H; simpl; [lra |].
  apply Rplus_le_compat; [apply H; left; reflexivity | apply IH; intros; apply H; right; assumption].
Qed.

Lemma total_pos f ks : (forall k, In k ks -> 0 <= f k) -> 0 <= total f ks.
Proof. induction ks as [| k ks IH]; intro H; simpl; [lra |]. apply Rplus_le_le_0_compat; [apply H; left; reflexivity | apply IH; intros; apply H; right; assumption]. Qed.

Lemma total_linear a b c f g ks : total (fun k => a * f k + b * g k + c) ks = a * total f ks + b * total g ks + INR (length ks) * c.
Proof. induction ks as [| k ks IH]; [simpl; ring |]. cbn [total fold_right length]. fold (total (fun k => a * f k + b * g k + c) ks). rewrite IH, S_INR. unfold total. simpl. ring. Qed.

Lemma total_map f ks : sum (map f ks) = total f ks.
Proof. induction ks as [| k ks IH]; simpl; [reflexivity |]. unfold sum in *. simpl. rewrite IH. reflexivity. Qed.

Lemma power_bound m : INR m * u <= / 1000000000 -> (1 + u) ^ m - 1 <= (1 + / 100000000) * (INR m * u).
Proof.
  intro M. pose proof u_pos as U. pose proof (pos_INR m) as N.
  assert (0 <= INR m * u) by nra.
  assert (P : (1 + u) ^ m <= exp (INR m * u)).
  { rewrite <- (Rpower_pow m (1 + u)) by lra. unfold Rpower. apply exp_le. apply Rmult_le_compat_l; [exact N |].
    assert (I : 1 + u <= exp u) by (apply Rlt_le, exp_ineq1; lra). rewrite <- (ln_exp u) at 2. destruct I as [I | I]; [apply Rlt_le, ln_increasing; lra | rewrite I; apply Rle_refl]. }
  assert (E : Rabs (exp (INR m * u) - 1) <= INR m * u / (1 - INR m * u)) by (apply exp_moved; [rewrite Rabs_pos_eq by lra; apply Rle_refl | lra]).
  apply Rabs_le_inv in E. apply Rle_trans with (INR m * u / (1 - INR m * u)); [lra |].
  set (z := INR m * u) in *. apply Rmult_le_reg_r with (1 - z); [lra |]. replace (z / (1 - z) * (1 - z)) with z by (field; lra).
  assert (0 <= z * (/ 100000000 - (1 + / 100000000) * z)) by (apply Rmult_le_pos; lra). lra.
Qed.

(** The inequality behind both radii: c is 4 for the weights, 6 for d w; A is the computed sum, B the computed sum of the next power. *)
Lemma radius_from n c s a S1 S2 B f G : 1 <= n -> n * u <= / 1000000000 -> 4 <= c <= 6 -> 0 < f -> 0 <= s -> 0 <= S1 -> 0 <= S2 -> 0 <= G ->
  G <= (1 + / 100000000) * ((n - 1) * u) ->
  Rabs (s - S1) <= (1 + / 1000000000) * u * (c * S1 + S2) + n * f -> S2 <= 709 * S1 + n * f ->
  Rabs (a - s) <= G * (s + n * (/ 1000000000 * f)) + n * (/ 1000000000 * f) -> S2 <= (1 + / 1000000) * B + 2 * (n * f) ->
  Rabs (a - S1) <= (1 + / 100000) * (u * ((c + n) * a + B)) + 2 * (n * f) /\ S1 <= (1 + / 1000000) * a + 2 * (n * f).
Proof.
  intros N NU C F s0 P1 P2 G0 GN Es E2 Ea EB. pose proof u_pos as U. pose proof u_12 as U'.
  assert (NF : 0 < n * f) by nra. set (z := n * f) in *.
  replace (n * (/ 1000000000 * f)) with (/ 1000000000 * z) in Ea by (unfold z; ring).
  assert (G1 : G <= / 900000000) by nra.
  assert (uS1 : u * S1 <= 12 / 100000000000000000 * S1) by (apply Rmult_le_compat_r; lra).
  assert (uz : u * z <= 12 / 100000000000000000 * z) by (apply Rmult_le_compat_r; lra).
  assert (uS2 : u * S2 <= u * (709 * S1 + z)) by (apply Rmult_le_compat_l; lra).
  assert (cS : u * (c * S1) <= u * (6 * S1)) by (apply Rmult_le_compat_l; [lra | apply Rmult_le_compat_r; lra]).
  assert (uS1' : 0 <= u * S1) by (apply Rmult_le_pos; lra). assert (uS2' : 0 <= u * S2) by (apply Rmult_le_pos; lra). assert (uz' : 0 <= u * z) by (apply Rmult_le_pos; lra).
  assert (Es' : Rabs (s - S1) <= / 1000000000000 * S1 + (1 + / 1000000) * z) by lra.
  apply Rabs_le_inv in Es' as Es2.
  assert (Gs : G * s <= G * ((1 + / 1000000000000) * S1 + (1 + / 1000000) * z)) by (apply Rmult_le_compat_l; lra).
  assert (Gs' : G * s <= / 900000000 * s) by (apply Rmult_le_compat_r; lra).
  assert (Gz : G * z <= / 900000000 * z) by (apply Rmult_le_compat_r; lra).
  apply Rabs_le_inv in Ea as Ea2.
  assert (Low : S1 <= (1 + / 500000000) * a + 3 / 2 * z) by lra.
  split; [| lra].
  assert (GS1 : G * S1 <= (1 + / 100000000) * ((n - 1) * u) * S1) by (apply Rmult_le_compat_r; lra).
  set (v := n * u) in *. replace ((1 + / 100000000) * ((n - 1) * u) * S1) with ((1 + / 100000000) * (v * S1 - u * S1)) in GS1 by (unfold v; ring).
  assert (v0 : 0 <= v) by (unfold v; apply Rmult_le_pos; lra).
  assert (vS : v * S1 <= v * ((1 + / 500000000) * a + 3 / 2 * z)) by (apply Rmult_le_compat_l; lra).
  assert (vz : v * z <= / 1000000000 * z) by (apply Rmult_le_compat_r; lra).
  assert (ucS : u * c * S1 <= u * c * ((1 + / 500000000) * a + 3 / 2 * z)) by (apply Rmult_le_compat_l; [apply Rmult_le_pos; lra | lra]).
  assert (uc : u * c <= u * 6) by (apply Rmult_le_compat_l; lra).
  assert (ucz : u * c * z <= 72 / 100000000000000000 * z) by (apply Rmult_le_compat_r; lra).
  assert (uB : u * S2 <= u * ((1 + / 1000000) * B + 2 * z)) by (apply Rmult_le_compat_l; lra).
  replace (a - S1) with ((a - s) + (s - S1)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
  apply Rle_trans with (1 := Rplus_le_compat _ _ _ _ Ea Es).
  replace (u * ((c + n) * a + B)) with (u * c * a + v * a + u * B) by (unfold v; ring).
  assert (a0 : 0 <= a \/ a < 0) by lra.
  assert (va : - (2 * z) <= a) by lra.
  assert (v * (- (2 * z)) <= v * a) by (apply Rmult_le_compat_l; lra).
  assert (u * c * (- (2 * z)) <= u * c * a) by (apply Rmult_le_compat_l; [apply Rmult_le_pos; lra | lra]).
  assert (u * (- (2 * z)) <= u * B).
  { apply Rmult_le_compat_l; lra. }
  lra.
Qed.

(** Radii of the sums of w and of d w, as checks/screen.py takes them from the computed sums A, B and C. *)
Theorem screen_radii ks A B C : ks <> nil -> (forall k, In k ks -> computed k) -> INR (length ks) <= 1048576 ->
  sum_of (map w ks) A -> sum_of (map t ks) B -> sum_of (map q ks) C ->
  let n := INR (length ks) in
  Rabs (A - total weight ks) <= (1 + / 100000) * (u * ((4 + n) * A + B)) + n * / 2 ^ 1000 /\
  Rabs (B - total (fun k => d k * weight k) ks) <= (1 + / 100000) * (u * ((6 + n) * B + C)) + n * / 2 ^ 1000.
Proof.
  intros NE H N HA HB HC n. pose proof u_pos as U. pose proof u_12 as U'. pose proof lost_pos as F. pose proof least_pos as L0. pose proof least_lost as L1.
  assert (Len : (1 <= length ks)%nat) by (destruct ks; [contradiction | simpl; lia]).
  assert (N1 : 1 <= n) by (apply (le_INR 1); exact Len).
  assert (N2 : n <= 1048576) by exact N.
  assert (NU : n * u <= / 1000000000).
  { apply Rle_trans with (1048576 * (12 / 100000000000000000)); [apply Rmult_le_compat; lra | lra]. }
  set (dw := fun k => d k * weight k). set (ddw := fun k => d k * dw k).
  assert (M : INR (length ks - 1) = n - 1) by (rewrite minus_INR by exact Len; reflexivity).
  set (G := (1 + u) ^ (length ks - 1) - 1).
  assert (G1 : G <= (1 + / 100000000) * ((n - 1) * u)) by (unfold G; rewrite <- M; apply power_bound; rewrite M; lra).
  assert (G0 : 0 <= G) by (unfold G; pose proof (pow_R1_Rle (1 + u) (length ks - 1) ltac:(lra)); lra).
  assert (One : forall f s, (forall k, In k ks -> 0 <= f k) -> sum_of (map f ks) s ->
    Rabs (s - total f ks) <= G * (total f ks + n * (/ 1000000000 * lost)) + n * (/ 1000000000 * lost)).
  { intros f s P S. assert (Q : Forall (fun x => 0 <= x) (map f ks)) by (apply Forall_forall; intros x X; apply in_map_iff in X; destruct X as [k [<- X]]; apply P, X).
    pose proof (any_sum _ _ Q S) as R. rewrite map_length, total_map in R. fold G n in R. apply Rle_trans with (1 := R).
    apply Rplus_le_compat; [apply Rmult_le_compat_l; [exact G0 |]; apply Rplus_le_compat_l, Rmult_le_compat_l; lra |].
    apply Rmult_le_compat; lra. }
  assert (Wp : forall k, 0 < weight k) by (intro; apply exp_pos).
  assert (Dp : forall k, In k ks -> 0 <= d k) by (intros k K; apply H, K).
  assert (P0 : 0 <= total weight ks) by (apply total_pos; intros; apply Rlt_le, Wp).
  assert (P1 : 0 <= total dw ks) by (apply total_pos; intros k K; apply Rmult_le_pos; [apply Dp, K | apply Rlt_le, Wp]).
  assert (P2 : 0 <= total ddw ks).
  { apply total_pos; intros k K; apply Rmult_le_pos; [apply Dp, K |]. apply Rmult_le_pos; [apply Dp, K | apply Rlt_le, Wp]. }
  pose proof (fun k K => one_key k (H k K)) as K.
  set (k1 := (1 + / 1000000000) * u).
  assert (E1 : Rabs (total w ks - total weight ks) <= k1 * (4 * total weight ks + total dw ks) + n * lost).
  { apply Rle_trans with (total (fun k => (k1 * 4) * weight k + k1 * dw k + lost) ks).
    - apply total_error. intros k Hk. destruct (K k Hk) as [A1 _]. fold k1 in A1. unfold dw. lra.
    - rewrite total_linear. fold n. lra. }
  assert (E2 : Rabs (total t ks - total dw ks) <= k1 * (6 * total dw ks + total ddw ks) + n * lost).
  { apply Rle_trans with (total (fun k => (k1 * 6) * dw k + k1 * ddw k + lost) ks).
    - apply total_error. intros k Hk. destruct (K k Hk) as [_ [A1 _]]. fold k1 in A1. unfold ddw, dw. lra.
    - rewrite total_linear. fold n. lra. }
  assert (E3 : Rabs (total q ks - total ddw ks) <= / 1000000000 * total ddw ks + n * lost).
  { apply Rle_trans with (total (fun k => / 1000000000 * ddw k + 0 * ddw k + lost) ks).
    - apply total_error. intros k Hk. destruct (K k Hk) as [_ [_ [A1 _]]]. unfold ddw, dw. lra.
    - rewrite total_linear. fold n. lra. }
  assert (F1 : total dw ks <= 709 * total weight ks + n * lost).
  { apply Rle_trans with (total (fun k => 709 * weight k + 0 * weight k + lost) ks); [| rewrite total_linear; fold n; lra].
    apply total_le. intros k Hk. destruct (K k Hk) as [_ [_ [_ [A1 _]]]]. unfold dw. lra. }
  assert (F2 : total ddw ks <= 709 * total dw ks + n * lost).
  { apply Rle_trans with (total (fun k => 709 * dw k + 0 * dw k + lost) ks); [| rewrite total_linear; fold n; lra].
    apply total_le. intros k Hk. destruct (K k Hk) as [_ [_ [_ [_ [A1 _]]]]]. unfold ddw, dw. lra. }
  assert (Pw : forall k, In k ks -> 0 <= w k) by (intros k Hk; destruct (K k Hk); tauto).
  assert (Pt : forall k, In k ks -> 0 <= t k) by (intros k Hk; destruct (K k Hk); tauto).
  assert (Pq : forall k, In k ks -> 0 <= q k) by (intros k Hk; destruct (K k Hk); tauto).
  pose proof (One w A Pw HA) as OA. pose proof (One t B Pt HB) as OB. pose proof (One q C Pq HC) as OC.
  pose proof (total_pos w ks Pw) as Sw. pose proof (total_pos t ks Pt) as St. pose proof (total_pos q ks Pq) as Sq.
  assert (Z : 0 < n * lost) by (apply Rmult_lt_0_compat; lra).
  assert (Q1 : total ddw ks <= (1 + / 1000000) * C + 2 * (n * lost)).
  { assert (G2 : G <= / 900000000) by lra.
    replace (n * (/ 1000000000 * lost)) with (/ 1000000000 * (n * lost)) in OC by ring. set (z := n * lost) in *.
    apply Rabs_le_inv in E3. apply Rabs_le_inv in OC.
    assert (G * total q ks <= / 900000000 * total q ks) by (apply Rmult_le_compat_r; lra).
    assert (G * z <= / 900000000 * z) by (apply Rmult_le_compat_r; lra). lra. }
  destruct (radius_from n 6 (total t ks) B (total dw ks) (total ddw ks) C lost G N1 NU ltac:(lra) F St P1 P2 G0 G1 E2 F2 OB Q1) as [RB Q2].
  destruct (radius_from n 4 (total w ks) A (total weight ks) (total dw ks) B lost G N1 NU ltac:(lra) F Sw P0 P1 G0 G1 E1 F1 OA Q2) as [RA _].
  assert (L : 2 * (n * lost) <= n * / 2 ^ 1000).
  { replace (/ 2 ^ 1000) with (4 * lost); [lra |]. unfold lost. replace (2 ^ 1002) with (4 * 2 ^ 1000) by (change 1002%nat with (2 + 1000)%nat; rewrite pow_add; ring).
    field. }
  fold dw. split; lra.
Qed.

(** ** From scores to keys *)

(** v is e^x as the screen computes it, x = k ln 2 + r. *)
Definition exponential_of x v := exists k h r y, Rabs (x - IZR k * ln 2) <= 34658 / 100000 /\
  minus_product (IZR k) upper x h /\ minus_product (IZR k) lower h r /\ horner coefficients r y /\ v = y * bpow radix2 k.

Theorem key_of_scores top s k : float top -> float s -> s <= top -> d k = top - s ->
  (rnd (top - s) <= 708 /\ exponential_of (- rnd (top - s)) (w k)) \/ (708 < rnd (top - s) /\ w k = 0) ->
  product (rnd (top - s)) (w k) (t k) -> product (rnd (top - s)) (t k) (q k) -> computed k.
Proof.
  intros Ft Fs O D W T Q. pose proof u_pos as U.
  assert (E : Rabs (rnd (top - s) - (top - s)) <= u * (top - s)).
  { pose proof (proj2 (rnd_plus top (- s) Ft (generic_format_opp _ _ _ Fs))) as E. unfold Rminus in *. rewrite (Rabs_pos_eq (top + - s)) in E by lra. exact E. }
  assert (D0 : 0 <= rnd (top - s)).
  { rewrite <- (round_0 radix2 fexp ZnearestE). apply round_le; try typeclasses eauto. lra. }
  split; [lra |]. exists (rnd (top - s)). rewrite D. split; [exact E |]. split; [| split; assumption].
  destruct W as [[L [n [h [r [y [N [H [R [P V]]]]]]]]] | W]; [left | right; exact W]. split; [exact L |].
  destruct (exponential_function (- rnd (top - s)) n h r y (generic_format_opp _ _ _ (rnd_float _)) ltac:(split; lra) N H R P) as [A _].
  rewrite <- V in A. apply Rle_trans with (1 := A). apply Rmult_le_compat_r; [apply Rlt_le, exp_pos | lra].
Qed.

(** ** Radii are floats as well *)

(** The radius of a sum, computed with five roundings and the factor slack, is at least what `screen_radii` asks for; c is 4 + n or 6 + n. *)
Theorem radius_in_floats c a b n slack : 0 <= c -> 0 <= a -> 0 <= b -> 2 <= n -> 10009 / 10000 <= slack ->
  (1 + / 100000) * (u * (c * a + b)) + n * / 2 ^ 1000 <= rnd (rnd (rnd (u * rnd (rnd (c * a) + b)) + n * / 2 ^ 1000) * slack).
Proof.
  intros C A B N S. pose proof u_pos as U. pose proof u_12 as U'. pose proof least_pos as L0. pose proof least_lost as L1. pose proof lost_pos as F.
  assert (R : forall x, 0 <= x -> x * (1 - / 1000000000) - least <= rnd x).
  { intros x X. destruct (rnd_any x) as [E _]. rewrite (Rabs_pos_eq x X) in E. apply Rabs_le_inv in E.
    assert (u * x <= / 1000000000 * x) by (apply Rmult_le_compat_r; lra). lra. }
  assert (P : forall x, 0 <= x -> 0 <= rnd x).
  { intros x X. rewrite <- (round_0 radix2 fexp ZnearestE). apply round_le; try typeclasses eauto. exact X. }
  replace (/ 2 ^ 1000) with (4 * lost).
  2: { unfold lost. replace (2 ^ 1002) with (4 * 2 ^ 1000) by (change 1002%nat with (2 + 1000)%nat; rewrite pow_add; ring). field. }
  set (m := c * a). assert (M : 0 <= m) by (unfold m; apply Rmult_le_pos; lra).
  pose proof (R m M) as R1. pose proof (P m M) as P1. set (x1 := rnd m) in *.
  pose proof (R (x1 + b) ltac:(lra)) as R2. pose proof (P (x1 + b) ltac:(lra)) as P2. set (x2 := rnd (x1 + b)) in *.
  assert (P3' : 0 <= u * x2) by (apply Rmult_le_pos; lra).
  pose proof (R _ P3') as R3. pose proof (P _ P3') as P3. set (x3 := rnd (u * x2)) in *.
  assert (ZL : 2 * (4 * lost) <= n * (4 * lost)) by (apply Rmult_le_compat_r; lra). set (z := n * (4 * lost)) in *.
  pose proof (R (x3 + z) ltac:(lra)) as R4. pose proof (P (x3 + z) ltac:(lra)) as P4. set (x4 := rnd (x3 + z)) in *.
  assert (Y7 : x4 * (10009 / 10000) <= x4 * slack) by (apply Rmult_le_compat_l; lra).
  pose proof (R (x4 * slack) ltac:(lra)) as R5.
  assert (U2 : u * ((m + b) * (1 - / 100000000) - 2 * least) <= u * x2) by (apply Rmult_le_compat_l; lra).
  assert (UL : u * least <= / 1000 * least) by (apply Rmult_le_compat_r; lra).
  assert (G : 0 <= u * (m + b)) by (apply Rmult_le_pos; lra). lra.
Qed.

(** ** The same for arithmetic on balls, where a is |v| s, b is |w| r, c is r s and m the size of the result *)

Lemma rnd_low x : 0 <= x -> x * (1 - / 1000000000) - least <= rnd x /\ 0 <= rnd x.
Proof.
  intro X. pose proof u_12 as U'. split.
  - destruct (rnd_any x) as [E _]. rewrite (Rabs_pos_eq x X) in E. apply Rabs_le_inv in E.
    assert (u * x <= / 1000000000 * x) by (apply Rmult_le_compat_r; lra). lra.
  - rewrite <- (round_0 radix2 fexp ZnearestE). apply round_le; try typeclasses eauto. exact X.
Qed.

Ltac low x name := let E := fresh "Low" in let P := fresh "Pos" in destruct (rnd_low x ltac:(lra)) as [E P]; set (name := rnd x) in *.

Lemma flush_least : 1000 * least <= / 2 ^ 1000.
Proof.
  pose proof least_lost. pose proof lost_pos. apply Rle_trans with lost; [lra |]. unfold lost.
  apply Rinv_le_contravar; [apply pow_lt; lra |]. apply Rle_pow; [lra | lia].
Qed.

Theorem product_radius_in_floats a b c m slack : 0 <= a -> 0 <= b -> 0 <= c -> 0 <= m -> 10009 / 10000 <= slack ->
  a + b + c + (u * m + least) <= rnd (rnd (rnd (rnd (rnd (rnd a + rnd b) + rnd c) + / 2 ^ 1000) + rnd (u * m)) * slack).
Proof.
  intros A B C M S. pose proof u_pos as U. pose proof least_pos as L0. pose proof flush_least as F. set (f := / 2 ^ 1000) in *.
  assert (UM : 0 <= u * m) by (apply Rmult_le_pos; lra). set (um := u * m) in *.
  low a ra. low b rb. low c rc. low um rm. low (ra + rb) x1. low (x1 + rc) x2. low (x2 + f) x3. low (x3 + rm) x4.
  assert (Y : x4 * (10009 / 10000) <= x4 * slack) by (apply Rmult_le_compat_l; lra). destruct (rnd_low (x4 * slack) ltac:(lra)) as [E9 _]. lra.
Qed.

(** room: |w| - s slack, rounded. The products with m come after the quotient: m s can underflow where m (s / room) does not. *)
Theorem quotient_radius_in_floats r s v m slack : float v -> float s -> 0 <= r -> 0 <= s -> 0 <= m -> 10009 / 10000 <= slack <= 11 / 10 ->
  let room := rnd (v - rnd (s * slack)) in 0 < room ->
  s < v /\ (r + (m * (1 + 2 * u) + 2 * least) * s) / (v - s) + (u * m + least)
    <= rnd (rnd (rnd (rnd (rnd (r / room) + rnd (m * rnd (s / room))) + / 2 ^ 1000) + rnd (u * m)) * slack).
Proof.
  intros Fv Fs Hr Hs M S room Room. pose proof u_pos as U. pose proof u_12 as U'. pose proof least_pos as L0. pose proof flush_least as F. pose proof least_small as LU.
  set (f := / 2 ^ 1000) in *. set (s2 := rnd (s * slack)) in *.
  assert (S1 : s <= s * slack) by (assert (s * 1 <= s * slack) by (apply Rmult_le_compat_l; lra); lra).
  assert (S2 : s <= s2) by (rewrite <- (rnd_of_float s Fs); apply round_le; try typeclasses eauto; exact S1).
  assert (V : 0 < v - s2).
  { destruct (Rlt_or_le 0 (v - s2)) as [V | V]; [exact V | exfalso].
    assert (room <= 0); [| lra]. unfold room. rewrite <- (round_0 radix2 fexp ZnearestE). apply round_le; try typeclasses eauto. exact V. }
  assert (Fs2 : float s2) by apply rnd_float.
  pose proof (proj2 (rnd_plus v (- s2) Fv (generic_format_opp _ _ _ Fs2))) as E. change (v + - s2) with (v - s2) in E. fold room in E.
  rewrite (Rabs_pos_eq (v - s2)) in E by lra. apply Rabs_le_inv in E. set (W := v - s).
  assert (W0 : 0 < W) by (unfold W; lra).
  assert (RW : room <= W * (1 + u)).
  { assert (u * (v - s2) <= u * W) by (apply Rmult_le_compat_l; unfold W; lra). unfold W in *. lra. }
  assert (Far : bpow radix2 (-1074) <= W).
  { destruct (Rle_or_lt (bpow radix2 (-1074)) W) as [G | G]; [exact G |]. apply (generic_format_ge_bpow radix2 fexp); [| exact W0 |].
    - intro e0. unfold fexp, FLT_exp. lia.
    - unfold W. apply (FLT_format_plus_small radix2 (-1074) 53 v (- s)); [exact Fv | apply generic_format_opp, Fs |].
      change (v + - s) with W. rewrite Rabs_pos_eq by lra. apply Rle_trans with (bpow radix2 (-1074)); [lra | apply bpow_le; lia]. }
  assert (Two : bpow radix2 (-1074) = 2 * least) by (unfold least; change (-1074)%Z with (1 + -1075)%Z; rewrite bpow_plus; replace (bpow radix2 1) with 2 by reflexivity; reflexivity).
  rewrite Two in Far.
  assert (Sw : s <= 2500 * W).
  { destruct (rnd_low (s * slack) ltac:(lra)) as [Low _]. fold s2 in Low. assert (s * (10009 / 10000) <= s * slack) by (apply Rmult_le_compat_l; lra). unfold W in *. lra. }
  split; [unfold W in W0; lra |]. fold W.
  assert (RI : 0 < / room) by (apply Rinv_0_lt_compat; exact Room).
  assert (WI : / W <= / room * (1 + u)).
  { apply Rmult_le_reg_r with (W * room); [apply Rmult_lt_0_compat; assumption |].
    replace (/ W * (W * room)) with room by (field; lra). replace (/ room * (1 + u) * (W * room)) with (W * (1 + u)) by (field; lra). exact RW. }
  set (X := r / room). set (Y := s / room).
  assert (X0 : 0 <= X) by (apply Rmult_le_pos; lra). assert (Y0 : 0 <= Y) by (apply Rmult_le_pos; lra).
  assert (A : (r + (m * (1 + 2 * u) + 2 * least) * s) / W <= (X + m * (1 + 2 * u) * Y) * (1 + u) + 5000 * least).
  { assert (s / W <= 2500).
    { apply Rmult_le_reg_r with W; [exact W0 |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
    assert (T : (r + m * (1 + 2 * u) * s) * / W <= (r + m * (1 + 2 * u) * s) * (/ room * (1 + u))).
    { apply Rmult_le_compat_l; [| exact WI]. assert (0 <= m * (1 + 2 * u) * s) by (repeat apply Rmult_le_pos; lra). lra. }
    replace ((r + (m * (1 + 2 * u) + 2 * least) * s) / W) with ((r + m * (1 + 2 * u) * s) * / W + 2 * least * (s / W)) by (unfold Rdiv; ring).
    assert (2 * least * (s / W) <= 2 * least * 2500) by (apply Rmult_le_compat_l; lra).
    replace ((r + m * (1 + 2 * u) * s) * (/ room * (1 + u))) with ((X + m * (1 + 2 * u) * Y) * (1 + u)) in T by (unfold X, Y, Rdiv; ring). lra. }
  apply Rle_trans with (((X + m * (1 + 2 * u) * Y) * (1 + u) + 5000 * least) + (u * m + least)); [lra |].
  destruct (rnd_low X X0) as [B1 B2]. set (x := rnd X) in *. destruct (rnd_low Y Y0) as [C1 C2]. set (y := rnd Y) in *.
  assert (MY : 0 <= m * Y) by (apply Rmult_le_pos; lra).
  assert (My : m * (Y * (1 - / 1000000000) - least) <= m * y) by (apply Rmult_le_compat_l; lra).
  assert (Ml : m * least <= m * (u * / 100000000000000000000)) by (apply Rmult_le_compat_l; lra).
  assert (My0 : 0 <= m * y) by (apply Rmult_le_pos; lra). assert (UM : 0 <= u * m) by (apply Rmult_le_pos; lra).
  destruct (rnd_low (m * y) My0) as [D1 D2]. set (my := rnd (m * y)) in *.
  destruct (rnd_low (u * m) UM) as [E1 E2]. set (um := rnd (u * m)) in *.
  destruct (rnd_low (x + my) ltac:(lra)) as [F1 F2]. set (x1 := rnd (x + my)) in *.
  destruct (rnd_low (x1 + f) ltac:(lra)) as [G1 G2]. set (x2 := rnd (x1 + f)) in *.
  destruct (rnd_low (x2 + um) ltac:(lra)) as [H1 H2]. set (x3 := rnd (x2 + um)) in *.
  assert (Z : x3 * (10009 / 10000) <= x3 * slack) by (apply Rmult_le_compat_l; lra).
  destruct (rnd_low (x3 * slack) ltac:(lra)) as [I1 _].
  assert (uX : u * X <= / 1000000000 * X) by (apply Rmult_le_compat_r; lra).
  assert (uY : u * (m * Y) <= / 1000000000 * (m * Y)) by (apply Rmult_le_compat_r; lra).
  assert (uuY : u * (u * (m * Y)) <= u * (/ 1000000000 * (m * Y))) by (apply Rmult_le_compat_l; lra).
  assert (FL : 1000000 * least <= f).
  { unfold f, least. replace (/ 2 ^ 1000) with (bpow radix2 (-1000)).
    - change (-1075)%Z with (-75 + -1000)%Z. rewrite bpow_plus, <- Rmult_assoc. rewrite <- (Rmult_1_l (bpow radix2 (-1000))) at 2.
      apply Rmult_le_compat_r; [apply bpow_ge_0 | simpl; lra].
    - change (-1000)%Z with (- (1000))%Z. rewrite bpow_opp. f_equal. rewrite bpow_powerRZ. change (IZR radix2) with 2. symmetry. exact (pow_powerRZ 2 1000). }
  lra.
Qed.

(** A sum has no term for underflow: it does not underflow. *)
Theorem sum_radius_in_floats v w r s slack : float v -> float w -> float r -> float s -> 0 <= r -> 0 <= s -> 10009 / 10000 <= slack -> float slack ->
  r + s + Rabs (rnd (v + w) - (v + w)) <= rnd (rnd (rnd (r + s) + rnd (u * Rabs (rnd (v + w)))) * slack).
Proof.
  intros Fv Fw Fr Fs R S K Fk. pose proof u_pos as U. pose proof u_12 as U'.
  set (e := Rabs (rnd (v + w) - (v + w))). set (m := u * Rabs (rnd (v + w))).
  assert (E0 : 0 <= e) by apply Rabs_pos.
  assert (Fe : float e) by (apply generic_format_abs, plus_error; try typeclasses eauto; assumption).
  assert (Em : e <= rnd m).
  { rewrite <- (rnd_of_float e Fe). apply round_le; try typeclasses eauto. apply rnd_plus; assumption. }
  set (x := rnd (r + s)). assert (X0 : 0 <= x) by (apply rnd_low; lra).
  pose proof (proj2 (rnd_plus r s Fr Fs)) as Ex. fold x in Ex. rewrite (Rabs_pos_eq (r + s)) in Ex by lra. apply Rabs_le_inv in Ex.
  set (y := rnd (x + rnd m)).
  pose proof (proj2 (rnd_plus x (rnd m) (rnd_float _) (rnd_float _))) as Ey. fold y in Ey. rewrite (Rabs_pos_eq (x + rnd m)) in Ey by lra. apply Rabs_le_inv in Ey.
  assert (Y0 : 0 <= y) by (apply rnd_low; lra).
  destruct (Rle_or_lt (bpow radix2 (-1022)) y) as [N | N].
  - assert (YS : y * (10009 / 10000) <= y * slack) by (apply Rmult_le_compat_l; lra).
    pose proof (relative_error_N_FLT radix2 (-1074) 53 eq_refl (fun z => negb (Z.even z)) (y * slack)) as G.
    change (round radix2 (FLT_exp (-1074) 53) (Znearest (fun z => negb (Z.even z))) (y * slack)) with (rnd (y * slack)) in G.
    rewrite half_ulp, (Rabs_pos_eq (y * slack)) in G by lra. specialize (G ltac:(simpl (-1074 + 53 - 1)%Z; lra)). apply Rabs_le_inv in G.
    assert (u * (y * slack) <= / 1000000 * (y * slack)) by (apply Rmult_le_compat_r; lra).
    assert (u * (r + s) <= / 1000000 * (r + s)) by (apply Rmult_le_compat_r; lra).
    assert (u * (x + rnd m) <= / 1000000 * (x + rnd m)) by (apply Rmult_le_compat_r; lra). lra.
  - (* sums of floats below 2^-1022 are exact *)
    assert (Small : forall p q, float p -> float q -> 0 <= p -> 0 <= q -> rnd (p + q) < bpow radix2 (-1022) -> rnd (p + q) = p + q).
    { intros p q Fp Fq P Q B. apply rnd_of_float. apply FLT_format_plus_small; try typeclasses eauto; try assumption.
      rewrite Rabs_pos_eq by lra. apply Rlt_le. replace (53 + -1074)%Z with (-1021)%Z by reflexivity.
      destruct (Rlt_or_le (p + q) (bpow radix2 (-1021))) as [T | T]; [exact T | exfalso].
      assert (bpow radix2 (-1021) <= rnd (p + q)).
      { rewrite <- (rnd_of_float (bpow radix2 (-1021))); [apply round_le; try typeclasses eauto; exact T |].
        apply generic_format_bpow. unfold fexp, FLT_exp. lia. }
      assert (bpow radix2 (-1022) <= bpow radix2 (-1021)) by (apply bpow_le; lia). lra. }
    assert (Yx : y = x + rnd m) by (apply Small; try apply rnd_float; try assumption; lra).
    assert (Xr : x = r + s).
    { apply Small; try assumption. fold x. lra. }
    assert (T : y <= rnd (y * slack)).
    { rewrite <- (rnd_of_float y (rnd_float _)) at 1. apply round_le; try typeclasses eauto.
      assert (y * 1 <= y * slack) by (apply Rmult_le_compat_l; lra). lra. }
    lra.
Qed.
