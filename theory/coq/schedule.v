(** Schedules of the dial over the layers of a stack, and what leaves a block on the way through it.

    A schedule gives layer l = 0..m the dial low + (high - low) (l/m)^q, with (0/m)^q = 0. A stack is a sequence of attention matrices
    [A l], rows of which are distributions; its rollout is their product. The value path of a stack of residual layers
    x_i + W_l (sum_j A_l i j x_j) is a linear map, whose block for tokens i and j is [flow A W L i j].

    Against the informal statements: products and sums over layers are written out, where Python gives the recursion that makes them;
    spectral norms are bounds c with |M v| <= c |v| for every v, one for each block of the Jacobian, whose sum is bounded; a token's block
    is its [label], and a row's block the tokens of the same label; [unlocalised_first] counts the first layer among the L + 1;
    the examples about rollout and about the scores are exhibited as matrices and functions; rows of [continuity] have a key on either side
    of their block. *)

From Coq Require Import Reals Lra Psatz Lia ZArith.
From Flocq Require Import Core.Raux.
From mathcomp Require Import all_ssreflect.
From Coquelicot Require Import Coquelicot.
From Localist Require Import Sums Vectors.
From Localist Require entropy dial blocks.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

(** A sum over layers, one layer more. *)
Lemma sum_S (n : nat) (f : nat -> R) : \sum_(l < n.+1) f l = \sum_(l < n) f l + f n.
Proof. by rewrite big_ord_recr. Qed.

Lemma sum_0 (f : nat -> R) : \sum_(l < 0) f l = 0. Proof. by rewrite big_ord0. Qed.

(** * Schedules *)

(** x^q for x > 0. *)
Definition P (q x : R) := exp (q * ln x).
Definition share (q : R) (m l : nat) : R := if l is 0%nat then 0 else P q (INR l / INR m).
Definition dial_at (low high q : R) (m l : nat) := low + (high - low) * share q m l.
Definition total (low high q : R) (m : nat) := \sum_(l < m.+1) dial_at low high q m l.
Definition power_sum (p m : nat) := \sum_(l < m.+1) INR l ^ p.

Lemma INR_pos m : (0 < m)%N -> 0 < INR m.
Proof. by move=> h; apply: lt_0_INR; apply/ltP. Qed.

Lemma P_pos q x : 0 < P q x. Proof. exact: exp_pos. Qed.

Lemma P_nat p x : 0 < x -> P (INR p) x = x ^ p.
Proof. by move=> h; rewrite -Rpower_pow. Qed.

Lemma P_1 q : P q 1 = 1. Proof. by rewrite /P ln_1 Rmult_0_r exp_0. Qed.

Lemma P_mult q x y : 0 < x -> 0 < y -> P q (x * y) = P q x * P q y.
Proof. by move=> hx hy; rewrite /P ln_mult // Rmult_plus_distr_l exp_plus. Qed.

Lemma P_minus1 q x : 0 < x -> P (q - 1) x = P q x / x.
Proof. by move=> h; rewrite /P Rmult_minus_distr_r Rmult_1_l exp_minus exp_ln. Qed.

Lemma P_plus1 q x : 0 < x -> P (q + 1) x = P q x * x.
Proof. by move=> h; rewrite /P Rmult_plus_distr_r Rmult_1_l exp_plus exp_ln. Qed.

Lemma P_div q x y : 0 < x -> 0 < y -> P q (x / y) = P q x / P q y.
Proof. by move=> hx hy; rewrite /P ln_div // Rmult_minus_distr_l exp_minus. Qed.

Lemma share_S q m l : share q m l.+1 = P q (INR l.+1 / INR m). Proof. by []. Qed.

Lemma share_ge0 q m l : 0 <= share q m l.
Proof. by case: l => [|l] /=; [lra | apply: Rlt_le; exact: P_pos]. Qed.

Lemma total_split low high q m : total low high q m = (INR m + 1) * low + (high - low) * \sum_(l < m.+1) share q m l.
Proof.
  rewrite /total /dial_at sum_add sum_scale; congr (_ + _).
  by rewrite sum_const_all card_ord S_INR.
Qed.

(** The budget of a schedule of whole degree. *)
Theorem budget (low high : R) (m p : nat) (layers : (0 < m)%N) (degree : (0 < p)%N) :
  total low high (INR p) m = (INR m + 1) * low + (high - low) * power_sum p m / INR m ^ p.
Proof.
  have m0 := INR_pos layers; have mp := pow_lt _ p m0.
  rewrite total_split /Rdiv Rmult_assoc; congr (_ + _ * _).
  rewrite /power_sum -sum_scale_right; apply: sum_eq => [[l hl] _]; rewrite [nat_of_ord _]/=.
  case: l hl => [|l] _; first by rewrite [INR 0]/= pow_i ?Rmult_0_l //; apply/ltP.
  have l0 : 0 < INR l.+1 by exact: INR_pos.
  by rewrite share_S P_div // !P_nat.
Qed.

Lemma power_sum_step p m : power_sum p m.+1 = power_sum p m + INR m.+1 ^ p.
Proof. by rewrite /power_sum big_ord_recr. Qed.

Lemma power_sum_0 p : (0 < p)%N -> power_sum p 0 = 0.
Proof. by move=> h; rewrite /power_sum big_ord_recr big_ord0 /= pow_i ?Rplus_0_l //; apply/ltP. Qed.

(** A function that is 0 at 0 and whose difference is the power is the power sum. *)
Lemma power_sum_is p (f : R -> R) : (0 < p)%N -> f 0 = 0 -> (forall x, f (x + 1) = f x + (x + 1) ^ p) ->
  forall m, power_sum p m = f (INR m).
Proof.
  move=> hp zero diff; elim=> [|m ih]; first by rewrite power_sum_0 // [INR 0]/= zero.
  by rewrite power_sum_step ih S_INR diff.
Qed.

Theorem linear : forall m : nat, power_sum 1 m = INR m * (INR m + 1) / 2.
Proof. by apply: (power_sum_is (f := fun x => x * (x + 1) / 2)) => // [|x]; field. Qed.

Theorem quadratic : forall m : nat, power_sum 2 m = INR m * (INR m + 1) * (2 * INR m + 1) / 6.
Proof. by apply: (power_sum_is (f := fun x => x * (x + 1) * (2 * x + 1) / 6)) => // [|x]; field. Qed.

Theorem cubic : forall m : nat, power_sum 3 m = (INR m * (INR m + 1) / 2) ^ 2.
Proof. by apply: (power_sum_is (f := fun x => (x * (x + 1) / 2) ^ 2)) => // [|x]; field. Qed.

Theorem quartic : forall m : nat,
  power_sum 4 m = INR m * (INR m + 1) * (2 * INR m + 1) * (3 * INR m ^ 2 + 3 * INR m - 1) / 30.
Proof. by apply: (power_sum_is (f := fun x => x * (x + 1) * (2 * x + 1) * (3 * x ^ 2 + 3 * x - 1) / 30)) => // [|x]; field. Qed.

Theorem quintic : forall m : nat, power_sum 5 m = INR m ^ 2 * (INR m + 1) ^ 2 * (2 * INR m ^ 2 + 2 * INR m - 1) / 12.
Proof. by apply: (power_sum_is (f := fun x => x ^ 2 * (x + 1) ^ 2 * (2 * x ^ 2 + 2 * x - 1) / 12)) => // [|x]; field. Qed.

Lemma INR_expn (k p : nat) : INR (k ^ p)%N = INR k ^ p.
Proof. by elim: p => [|p ih]; rewrite ?expn0 // expnS mult_INR ih. Qed.

Lemma pascal_step (p k : nat) : \sum_(j < p.+1) INR 'C(p.+1, j) * INR k ^ j = INR k.+1 ^ p.+1 - INR k ^ p.+1.
Proof.
  have : INR (k.+1 ^ p.+1)%N = \sum_(j < p.+2) INR 'C(p.+1, j) * INR k ^ j.
    rewrite -add1n expnDn.
    have inr_sum n (f : 'I_n -> nat) : INR (\sum_(i < n) f i)%N = \sum_(i < n) INR (f i).
      by elim: n f => [|n ih] f; rewrite ?big_ord0 // !big_ord_recr plus_INR ih.
    rewrite inr_sum; apply: sum_eq => j _.
    by rewrite exp1n mul1n mult_INR INR_expn.
  rewrite big_ord_recr [nat_of_ord ord_max]/= binn INR_expn => ->.
  by rewrite [INR 1]/= Rmult_1_l /Rminus Rplus_assoc Rplus_opp_r Rplus_0_r.
Qed.

(** Power sums of every degree, from those of lower degree; 0^0 = 1. *)
Theorem any_degree (p m : nat) : \sum_(j < p.+1) INR 'C(p.+1, j) * power_sum j m = (INR m + 1) ^ (p + 1).
Proof.
  rewrite addn1 -S_INR.
  have -> : \sum_(j < p.+1) INR 'C(p.+1, j) * power_sum j m = \sum_(k < m.+1) (INR k.+1 ^ p.+1 - INR k ^ p.+1).
    transitivity (\sum_(j < p.+1) \sum_(k < m.+1) INR 'C(p.+1, j) * INR k ^ j).
      by apply: sum_eq => j _; rewrite /power_sum sum_scale.
    by rewrite exchange_big; apply: sum_eq => k _; exact: pascal_step.
  pose f k := INR k.+1 ^ p.+1 - INR k ^ p.+1.
  have -> : \sum_(k < m.+1) (INR k.+1 ^ p.+1 - INR k ^ p.+1) = \sum_(k < m.+1) f k by [].
  elim: m => [|m ih]; rewrite sum_S; last by rewrite ih /f; ring.
  by rewrite sum_0 /f [INR 0]/= (pow_i p.+1); [ring | apply/ltP].
Qed.

(** * Real degrees: the trapezoid rule on a convex power *)

Lemma P_derive q x : 0 < x -> is_derive (P q) x (q * P (q - 1) x).
Proof. by move=> h; rewrite P_minus1 // /P; auto_derive; [lra | field; lra]. Qed.

(** A convex power lies above its tangents. *)
Lemma power_tangent q x y : 1 <= q -> 0 < x -> 0 < y -> P q y + q * P (q - 1) y * (x - y) <= P q x.
Proof.
  move=> q1 hx hy; have q0 : 0 < q by lra.
  have u0 : 0 < x / y by exact: div_pos.
  have [c1 c2] := entropy.exp_chord_terms (1 / q) (q * ln (x / y)).
  have e : 1 / q * (q * ln (x / y)) = ln (x / y) by field; lra.
  rewrite e exp_ln // -/(P q (x / y)) in c1 c2.
  have iq : 0 < 1 / q by apply: div_pos; lra.
  have iq1 : 1 / q <= 1 by apply: (Rmult_le_reg_r q); [lra | rewrite div_mult; lra].
  have at1 : 1 + q * (x / y - 1) <= P q (x / y).
    have : x / y <= 1 / q * P q (x / y) + (1 - 1 / q).
      have a1 := Rmult_le_compat_l _ _ _ (Rlt_le _ _ iq) c2.
      have a2 := Rmult_le_compat_l (1 - 1 / q) _ _ ltac:(lra) c1.
      have id : 1 / q * (x / y * (1 + q * ln (x / y) - ln (x / y))) + (1 - 1 / q) * (x / y * (1 - ln (x / y))) = x / y.
        by field; lra.
      rewrite Rmult_1_r in a2; rewrite -{1}id; exact: Rplus_le_compat.
    move=> /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ q0)).
    have -> : q * (1 / q * P q (x / y) + (1 - 1 / q)) = P q (x / y) + q - 1 by field; lra.
    lra.
  have -> : x = y * (x / y) by field; lra.
  rewrite P_mult // P_minus1 //; have p0 := P_pos q y.
  have -> : P q y + q * (P q y / y) * (y * (x / y) - y) = P q y * (1 + q * (x / y - 1)) by field; lra.
  by apply: Rmult_le_compat_l; lra.
Qed.

Definition area (q y : R) := (P (q + 1) (y + 1) - P (q + 1) y) / (q + 1).

Lemma trapezoid_above q y : 1 <= q -> 0 < y -> area q y <= (P q (y + 1) + P q y) / 2.
Proof.
  move=> q1 hy; rewrite /area.
  pose f x := (P q x + P q y) * (x - y) - 2 * (P (q + 1) x - P (q + 1) y) / (q + 1).
  have g : f y <= f (y + 1).
    apply: (entropy.grows (f' := fun x => q * P (q - 1) x * (x - y) + (P q x + P q y) - 2 * P q x)); first lra.
      move=> x hx; have x0 : 0 < x by lra.
      have d1 := P_derive q x0; have d2 := P_derive (q + 1) x0.
      have -> : q * P (q - 1) x * (x - y) + (P q x + P q y) - 2 * P q x
             = (q * P (q - 1) x + 0) * (x - y) + (P q x + P q y) * 1 - 2 / (q + 1) * ((q + 1) * P (q + 1 - 1) x).
        have -> : q + 1 - 1 = q by ring.
        by field; lra.
      rewrite /f; auto_derive; last first.
        rewrite (is_derive_unique _ _ _ d1) (is_derive_unique _ _ _ d2); field; lra.
      by repeat split; eexists; [exact: d1 | exact: d2].
    move=> x hx; have := power_tangent q1 hy (x := y) (y := x); lra.
  move: g; rewrite /f.
  have -> : (P q y + P q y) * (y - y) - 2 * (P (q + 1) y - P (q + 1) y) / (q + 1) = 0 by field; lra.
  have -> : (P q (y + 1) + P q y) * (y + 1 - y) - 2 * (P (q + 1) (y + 1) - P (q + 1) y) / (q + 1)
          = P q (y + 1) + P q y - 2 * ((P (q + 1) (y + 1) - P (q + 1) y) / (q + 1)) by field; lra.
  lra.
Qed.

(** From one point to another, the area under a convex power is at least that under the tangent at z. *)
Lemma area_tangent q z a b : 1 <= q -> 0 < z -> 0 < a -> a <= b ->
  P q z * (b - a) + q * P (q - 1) z * ((b - z) ^ 2 - (a - z) ^ 2) / 2 <= (P (q + 1) b - P (q + 1) a) / (q + 1).
Proof.
  move=> q1 hz ha ab.
  pose f x := P (q + 1) x / (q + 1) - P q z * (x - z) - q * P (q - 1) z * (x - z) ^ 2 / 2.
  have g : f a <= f b.
    apply: (entropy.grows (f' := fun x => P q x - P q z - q * P (q - 1) z * (x - z))) => //.
      move=> x hx; have x0 : 0 < x by lra.
      have d := P_derive (q + 1) x0; have e : q + 1 - 1 = q by ring.
      rewrite e in d; rewrite /f; auto_derive; first by eexists; exact: d.
      rewrite (is_derive_unique _ _ _ d); field; lra.
    move=> x hx; have := power_tangent q1 (x := x) (y := z) ltac:(lra) hz; lra.
  move: g; rewrite /f /Rdiv => g; lra.
Qed.

Lemma trapezoid_near q y : 1 <= q -> 0 < y ->
  (P q (y + 1) + P q y) / 2 - q * (P (q - 1) (y + 1) - P (q - 1) y) / 8 <= area q y.
Proof.
  move=> q1 hy; have a1 := area_tangent q1 hy hy (b := y + / 2) ltac:(lra).
  have a2 := area_tangent q1 (z := y + 1) (a := y + / 2) (b := y + 1) ltac:(lra) ltac:(lra) ltac:(lra).
  rewrite /area /Rdiv in a1 a2 *; lra.
Qed.

(** 1^q + ... + m^q. *)
Definition powers (q : R) (m : nat) := \sum_(l < m) P q (INR l.+1).

Lemma powers_S q m : powers q m.+1 = powers q m + P q (INR m.+1). Proof. by rewrite /powers big_ord_recr. Qed.

Lemma powers_1 q : powers q 1 = 1. Proof. by rewrite powers_S /powers big_ord0 [INR 1]/= P_1 Rplus_0_l. Qed.

Lemma shares_powers q m : (0 < m)%N -> \sum_(l < m.+1) share q m l = powers q m / P q (INR m).
Proof.
  move=> hm; rewrite big_ord_recl [nat_of_ord _]/= Rplus_0_l /powers /Rdiv -sum_scale_right.
  apply: sum_eq => l _; rewrite share_S P_div //; exact: INR_pos.
Qed.

Lemma powers_floor q m : 1 <= q -> P (q + 1) (INR m.+1) / (q + 1) + P q (INR m.+1) / 2 <= powers q m.+1.
Proof.
  move=> q1; elim: m => [|m ih].
    rewrite powers_1 [INR 1]/= !P_1; apply: (Rmult_le_reg_r (2 * (q + 1))); first lra.
    have -> : (1 / (q + 1) + 1 / 2) * (2 * (q + 1)) = q + 3 by field; lra.
    lra.
  have m0 : 0 < INR m.+1 by exact: INR_pos.
  have := trapezoid_above q1 m0; rewrite /area -!S_INR => a; rewrite [powers q m.+2]powers_S; rewrite /Rdiv in ih a *; lra.
Qed.

Lemma powers_ceiling q m : 1 <= q ->
  powers q m.+1 <= P (q + 1) (INR m.+1) / (q + 1) + P q (INR m.+1) / 2 + q * P (q - 1) (INR m.+1) / 8.
Proof.
  move=> q1; elim: m => [|m ih].
    rewrite powers_1 [INR 1]/= !P_1; apply: (Rmult_le_reg_r (8 * (q + 1))); first lra.
    have -> : (1 / (q + 1) + 1 / 2 + q * 1 / 8) * (8 * (q + 1)) = 8 + 4 * (q + 1) + q * (q + 1) by field; lra.
    have := pow2_ge_0 (q - 3 / 2); lra.
  have m0 : 0 < INR m.+1 by exact: INR_pos.
  have := trapezoid_near q1 m0; rewrite /area -!S_INR => a; rewrite [powers q m.+2]powers_S; rewrite /Rdiv in ih a *; lra.
Qed.

(** The least budget of a schedule of real degree. *)
Theorem budget_floor (low high q : R) (m : nat) (layers : (0 < m)%N) (rising : low <= high) (convex : 1 <= q) :
  (INR m + 1) * low + (high - low) * (INR m / (q + 1) + 1 / 2) <= total low high q m.
Proof.
  rewrite total_split shares_powers //; case: m layers => // m _; have m0 : 0 < INR m.+1 by exact: INR_pos.
  apply: Rplus_le_compat_l; apply: Rmult_le_compat_l; first lra.
  have p0 := P_pos q (INR m.+1); apply: (Rmult_le_reg_r (P q (INR m.+1))) => //; rewrite div_mult; last lra.
  have := powers_floor m convex; rewrite P_plus1 //.
  have -> : P q (INR m.+1) * INR m.+1 / (q + 1) + P q (INR m.+1) / 2 = (INR m.+1 / (q + 1) + 1 / 2) * P q (INR m.+1) by field; lra.
  by [].
Qed.

(** The greatest budget of a schedule of real degree. *)
Theorem budget_ceiling (low high q : R) (m : nat) (layers : (0 < m)%N) (rising : low <= high) (convex : 1 <= q) :
  total low high q m <= (INR m + 1) * low + (high - low) * (INR m / (q + 1) + 1 / 2 + q / (8 * INR m)).
Proof.
  rewrite total_split shares_powers //; case: m layers => // m _; have m0 : 0 < INR m.+1 by exact: INR_pos.
  apply: Rplus_le_compat_l; apply: Rmult_le_compat_l; first lra.
  have p0 := P_pos q (INR m.+1); apply: (Rmult_le_reg_r (P q (INR m.+1))) => //; rewrite div_mult; last lra.
  have := powers_ceiling m convex; rewrite P_plus1 // P_minus1 //.
  have -> : P q (INR m.+1) * INR m.+1 / (q + 1) + P q (INR m.+1) / 2 + q * (P q (INR m.+1) / INR m.+1) / 8
          = (INR m.+1 / (q + 1) + 1 / 2 + q / (8 * INR m.+1)) * P q (INR m.+1) by field; lra.
  by [].
Qed.

(** * From which layer on *)

Lemma P_mono q x y : 0 < q -> 0 < x -> x <= y -> P q x <= P q y.
Proof. by move=> q0 x0 le; apply: exp_le; apply: Rmult_le_compat_l; [lra | exact: ln_le_mono]. Qed.

Lemma P_strict q x y : 0 < q -> 0 < x -> x < y -> P q x < P q y.
Proof. by move=> q0 x0 lt; apply: exp_increasing; apply: Rmult_lt_compat_l => //; exact: ln_increasing. Qed.

Lemma P_root q x : q <> 0 -> 0 < x -> P q (P (1 / q) x) = x.
Proof. by move=> q0 x0; rewrite {1}/P /P ln_exp (_ : q * (1 / q * ln x) = ln x) ?exp_ln //; field. Qed.

Definition first_above (m : nat) (rise q : R) : R := IZR (Zceil (INR m * P (1 / q) rise)).

(** From the first layer above on, the dial is high enough. *)
Theorem above (low high wanted q : R) (m l : nat) (layers : (0 < m)%N) (positive : 0 < q) (rising : low < high) (higher : low < wanted)
    (late : first_above m ((wanted - low) / (high - low)) q <= INR l) :
  wanted <= dial_at low high q m l.
Proof.
  set rise := (wanted - low) / (high - low) in late.
  have r0 : 0 < rise by apply: div_pos; lra.
  have m0 := INR_pos layers; have p0 := P_pos (1 / q) rise.
  have up : INR m * P (1 / q) rise <= INR l by apply: Rle_trans late; exact: Zceil_ub.
  have l0 : 0 < INR l by have := Rmult_lt_0_compat _ _ m0 p0; lra.
  have lm : P (1 / q) rise <= INR l / INR m by apply: (Rmult_le_reg_r (INR m)) => //; rewrite div_mult; lra.
  case: l late up l0 lm => [|l]; first by rewrite [INR 0]/=; lra.
  move=> _ _ l0 lm; rewrite /dial_at share_S.
  have := P_mono positive p0 lm; rewrite P_root //; last lra.
  move=> le; have := Rmult_le_compat_l (high - low) _ _ ltac:(lra) le.
  have -> : (high - low) * rise = wanted - low by rewrite /rise; field; lra.
  lra.
Qed.

(** No earlier layer is high enough. *)
Theorem below (low high wanted q : R) (m l : nat) (layers : (0 < m)%N) (positive : 0 < q) (rising : low < high) (higher : low < wanted)
    (early : INR l < INR m * P (1 / q) ((wanted - low) / (high - low))) :
  dial_at low high q m l < wanted.
Proof.
  set rise := (wanted - low) / (high - low) in early.
  have r0 : 0 < rise by apply: div_pos; lra.
  have m0 := INR_pos layers.
  case: l early => [|l] early; first by rewrite /dial_at /=; lra.
  have l0 : 0 < INR l.+1 by exact: INR_pos.
  have lm : INR l.+1 / INR m < P (1 / q) rise by apply: (Rmult_lt_reg_r (INR m)) => //; rewrite div_mult; lra.
  rewrite /dial_at share_S.
  have := P_strict positive (div_pos l0 m0) lm; rewrite P_root //; last lra.
  move=> lt; have := Rmult_lt_compat_l (high - low) _ _ ltac:(lra) lt.
  have -> : (high - low) * rise = wanted - low by rewrite /rise; field; lra.
  lra.
Qed.

(** A greater last dial raises the dial of every layer. *)
Theorem raised (low high higher q : R) (m l : nat) (raised : high <= higher) : dial_at low high q m l <= dial_at low higher q m l.
Proof. by apply: Rplus_le_compat_l; apply: Rmult_le_compat_r; [exact: share_ge0 | lra]. Qed.

(** * Rollout *)

(** Products over layers. *)
Definition prod (f : nat -> R) (L : nat) := \big[Rmult/1]_(l < L) f l.

Lemma prod_S f L : prod f L.+1 = prod f L * f L. Proof. by rewrite /prod big_ord_recr. Qed.

Lemma prod_0 f : prod f 0 = 1. Proof. by rewrite /prod big_ord0. Qed.

Lemma prod_ge0 f L : (forall l, (l < L)%N -> 0 <= f l) -> 0 <= prod f L.
Proof.
  elim: L => [|L ih] h; rewrite ?prod_0 ?prod_S; first lra.
  by apply: Rmult_le_pos; [apply: ih => l hl; apply: h; exact: ltnW | exact: h].
Qed.

Lemma prod_le f g L : (forall l, (l < L)%N -> 0 <= f l <= g l) -> prod f L <= prod g L.
Proof.
  elim: L => [|L ih] h; rewrite ?prod_0 ?prod_S; first lra.
  have [f0 fg] := h L (ltnSn L).
  apply: Rmult_le_compat => //; last by apply: ih => l hl; apply: h; exact: ltnW.
  by apply: prod_ge0 => l hl; have [] := h l (ltnW hl).
Qed.

Lemma prod_eq f g L : (forall l, (l < L)%N -> f l = g l) -> prod f L = prod g L.
Proof. by move=> h; rewrite /prod; apply: eq_bigr => l _; exact: h. Qed.

Lemma prod_const c L : prod (fun=> c) L = c ^ L.
Proof. by elim: L => [|L ih]; rewrite ?prod_0 ?prod_S //= ih Rmult_comm. Qed.

Lemma prod_mult f g L : prod (fun l => f l * g l) L = prod f L * prod g L.
Proof. by elim: L => [|L ih]; rewrite ?prod_0 ?prod_S; [lra | rewrite ih; ring]. Qed.

(** A product of factors 1 - e_l is at least 1 - sum e_l. *)
Lemma prod_sum e L : (forall l, (l < L)%N -> 0 <= e l <= 1) -> 1 - \sum_(l < L) e l <= prod (fun l => 1 - e l) L <= 1.
Proof.
  elim: L => [|L ih] h; first by rewrite prod_0 sum_0; lra.
  have [lo hi] := ih (fun l hl => h l (ltnW hl)); have [e0 e1] := h L (ltnSn L).
  rewrite prod_S sum_S; nra.
Qed.

Section Rollout.
Variable (I : finType).
Implicit Types (A : nat -> I -> I -> R) (G : {set I}) (eps : nat -> R).

(** Rows are distributions. *)
Definition attention (M : I -> I -> R) := forall i, distribution (M i).
Definition unit_row (i j : I) : R := if i == j then 1 else 0.
(** The product A_(L-1) ... A_0. *)
Fixpoint rolled A (L : nat) : I -> I -> R :=
  if L is k.+1 then fun i j => \sum_u A k i u * rolled A k u j else unit_row.
(** Every in-block row of the first L layers has outside mass at most eps_l <= 1. *)
Definition leaks_at_most A G eps L := forall l, (l < L)%N -> eps l <= 1 /\ forall i, i \in G -> outside (A l i) G <= eps l.

Lemma sum_unit (i : I) (f : I -> R) : \sum_j unit_row i j * f j = f i.
Proof.
  rewrite (sum_pick _ (k := i)) // /unit_row eqxx Rmult_1_l sum_zero ?Rplus_0_r // => j /andP [_ ne].
  by rewrite eq_sym (negbTE ne) Rmult_0_l.
Qed.

Lemma attention_unit : attention unit_row.
Proof.
  move=> i; split; first by move=> j; rewrite /unit_row; case: eqP; lra.
  by rewrite -[RHS](sum_unit i (fun=> 1)); apply: sum_eq => j _; rewrite Rmult_1_r.
Qed.

Lemma attention_rolled A L : (forall l, (l < L)%N -> attention (A l)) -> attention (rolled A L).
Proof.
  elim: L => [|L ih] h; first exact: attention_unit.
  have r := ih (fun l hl => h l (ltnW hl)); have a := h L (ltnSn L).
  move=> i; split; first by move=> j; apply: sum_ge0 => u _; apply: Rmult_le_pos; [case: (a i) | case: (r u)].
  rewrite /= exchange_big -[RHS](proj2 (a i)); apply: sum_eq => u _.
  by rewrite sum_scale (proj2 (r u)) Rmult_1_r.
Qed.

Lemma eps_ge0 A G eps L l i : (forall k, (k < L)%N -> attention (A k)) -> leaks_at_most A G eps L -> i \in G -> (l < L)%N -> 0 <= eps l.
Proof. by move=> a leak hi hl; have [_ h] := leak l hl; apply: Rle_trans (h i hi); apply: outside_ge0; exact: a. Qed.

Lemma kept A G eps L i : (forall l, (l < L)%N -> attention (A l)) -> leaks_at_most A G eps L -> i \in G ->
  prod (fun l => 1 - eps l) L <= mass (rolled A L i) G.
Proof.
  elim: L i => [|L ih] i a leak hi.
    rewrite prod_0 /mass; apply: Rle_trans (term_le_sum (k := i) hi _); rewrite /= /unit_row ?eqxx; first lra.
    by move=> j _; case: eqP; lra.
  have a' l (hl : (l < L)%N) := a l (ltnW hl).
  have leak' : leaks_at_most A G eps L by move=> l hl; exact: leak l (ltnW hl).
  have [e1 le] := leak L (ltnSn L); have aL := a L (ltnSn L).
  rewrite prod_S; set p := prod _ L.
  have p0 : 0 <= p by apply: prod_ge0 => l hl; have [h _] := leak' l hl; lra.
  have r := attention_rolled a'.
  rewrite /mass /= exchange_big /=.
  have -> : \sum_u \sum_(j in G) A L i u * rolled A L u j = \sum_u A L i u * mass (rolled A L u) G.
    by apply: sum_eq => u _; rewrite sum_scale.
  rewrite (sum_split G).
  have inside : mass (A L i) G * p <= \sum_(u in G) A L i u * mass (rolled A L u) G.
    rewrite /mass -sum_scale_right; apply: sum_le => u hu; apply: Rmult_le_compat_l; [by case: (aL i) | exact: ih].
  have out : 0 <= \sum_(u in ~: G) A L i u * mass (rolled A L u) G.
    by apply: sum_ge0 => u _; apply: Rmult_le_pos; [case: (aL i) | exact: mass_ge0].
  have := le i hi; have := mass_outside G (aL i) => m o; rewrite m in inside.
  have := Rmult_le_compat_r p _ _ p0 (_ : 1 - eps L <= 1 - outside (A L i) G); nra.
Qed.
End Rollout.

(** Rollout leaks at most 1 - product of (1 - eps_l). *)
Theorem rollout (I : finType) (A : nat -> I -> I -> R) (G : {set I}) (eps : nat -> R) (L : nat) (i : I)
    (rows : forall l, (l < L)%N -> attention (A l)) (leak : leaks_at_most A G eps L) (in_block : i \in G) :
  outside (rolled A L i) G <= 1 - prod (fun l => 1 - eps l) L.
Proof.
  have := kept rows leak in_block; have := mass_outside G (attention_rolled rows i) => -> ; lra.
Qed.

(** It is attained when no row outside attends into the block and every in-block row has outside mass eps_l. *)
Theorem rollout_attained (I : finType) (A : nat -> I -> I -> R) (G : {set I}) (eps : nat -> R) (L : nat) (i : I)
    (rows : forall l, (l < L)%N -> attention (A l))
    (exactly : forall l, (l < L)%N -> forall i, i \in G -> outside (A l i) G = eps l)
    (absorbing : forall l, (l < L)%N -> forall i j, i \notin G -> j \in G -> A l i j = 0) (in_block : i \in G) :
  outside (rolled A L i) G = 1 - prod (fun l => 1 - eps l) L.
Proof.
  rewrite (_ : outside _ _ = 1 - mass (rolled A L i) G); last by rewrite (mass_outside G (attention_rolled rows i)); ring.
  congr (1 - _).
  suff both : (i \in G -> mass (rolled A L i) G = prod (fun l => 1 - eps l) L) /\ (i \notin G -> mass (rolled A L i) G = 0) by apply both.
  elim: L i rows exactly absorbing {in_block} => [|L ih] i rows exactly absorbing.
    rewrite prod_0 /mass /=; split=> hi.
      rewrite (sum_pick _ (k := i)) // /unit_row eqxx sum_zero ?Rplus_0_r // => j /andP [_ ne].
      by rewrite eq_sym (negbTE ne).
    by apply: sum_zero => j hj; rewrite /unit_row; case: eqP => // e; move: hi; rewrite e hj.
  have rows' l (hl : (l < L)%N) := rows l (ltnW hl); have aL := rows L (ltnSn L).
  have {}ih u := ih u rows' (fun l hl => exactly l (ltnW hl)) (fun l hl => absorbing l (ltnW hl)).
  have step : mass (rolled A L.+1 i) G = mass (A L i) G * prod (fun l => 1 - eps l) L.
    rewrite /mass /= exchange_big /= (eq_bigr (fun u => A L i u * mass (rolled A L u) G)) => [|u _]; last by rewrite sum_scale.
    rewrite (sum_split G) [X in _ + X]sum_zero ?Rplus_0_r => [|u]; last first.
      by rewrite inE => hu; rewrite (proj2 (ih u)) ?Rmult_0_r.
    by rewrite -sum_scale_right; apply: sum_eq => u hu; rewrite (proj1 (ih u)).
  rewrite step; split=> hi.
    by rewrite (mass_outside G (aL i)) (exactly L (ltnSn L) i hi) prod_S Rmult_comm.
  by rewrite /mass sum_zero ?Rmult_0_l // => j hj; exact: absorbing.
Qed.

(** Rollout leaks at most the sum of the outside masses. *)
Theorem rollout_sum (I : finType) (A : nat -> I -> I -> R) (G : {set I}) (eps : nat -> R) (L : nat) (i : I)
    (rows : forall l, (l < L)%N -> attention (A l)) (leak : leaks_at_most A G eps L) (in_block : i \in G) :
  outside (rolled A L i) G <= \sum_(l < L) eps l.
Proof.
  apply: Rle_trans (rollout rows leak in_block) _.
  have [|h _] := prod_sum (e := eps) (L := L); last lra.
  by move=> l hl; split; [exact: eps_ge0 rows leak in_block hl | case: (leak l hl)].
Qed.

(** Rollout of layers with one bound in common. *)
Theorem rollout_uniform (I : finType) (A : nat -> I -> I -> R) (G : {set I}) (eps : nat -> R) (phi : R) (L : nat) (i : I)
    (rows : forall l, (l < L)%N -> attention (A l)) (leak : leaks_at_most A G eps L) (in_block : i \in G)
    (positive : 0 < phi) (bounded : forall l, (l < L)%N -> phi <= 1 - eps l) :
  outside (rolled A L i) G <= 1 - phi ^ L.
Proof.
  apply: Rle_trans (rollout rows leak in_block) _.
  have := prod_le (f := fun=> phi) (g := fun l => 1 - eps l) (L := L) (fun l hl => conj (Rlt_le _ _ positive) (bounded l hl)).
  rewrite prod_const; lra.
Qed.

(** A row of alpha I + (1 - alpha) A. *)
Definition mix (I : finType) (alpha : R) (A : nat -> I -> I -> R) l i j := alpha * unit_row i j + (1 - alpha) * A l i j.

Lemma outside_mix (I : finType) (alpha : R) (A : nat -> I -> I -> R) (G : {set I}) l i : i \in G ->
  outside (mix alpha A l i) G = (1 - alpha) * outside (A l i) G.
Proof.
  move=> hi; rewrite /outside /mix sum_add !sum_scale [X in alpha * X]sum_zero ?Rmult_0_r ?Rplus_0_l // => j.
  by rewrite inE /unit_row; case: eqP => // <-; rewrite hi.
Qed.

Lemma attention_mix (I : finType) (alpha : R) (A : nat -> I -> I -> R) l : 0 <= alpha <= 1 -> attention (A l) -> attention (mix alpha A l).
Proof.
  move=> h a i; have [u0 u1] := @attention_unit I i; have [a0 a1] := a i; split=> [j|].
    by rewrite /mix; have := u0 j; have := a0 j; nra.
  by rewrite /mix sum_add !sum_scale u1 a1; ring.
Qed.

(** With a residual connection only the attention's share leaks. *)
Theorem rollout_residual (I : finType) (A : nat -> I -> I -> R) (G : {set I}) (eps : nat -> R) (alpha : R) (L : nat) (i : I)
    (rows : forall l, (l < L)%N -> attention (A l)) (leak : leaks_at_most A G eps L) (in_block : i \in G) (share : 0 <= alpha <= 1) :
  outside (rolled (mix alpha A) L i) G <= 1 - prod (fun l => 1 - (1 - alpha) * eps l) L.
Proof.
  apply: rollout => // [l hl|l hl]; first exact: attention_mix (rows l hl).
  have [e1 h] := leak l hl; have e0 := eps_ge0 rows leak in_block hl; split; first nra.
  move=> k hk; rewrite outside_mix //; apply: Rmult_le_compat_l; [lra | exact: h].
Qed.

(** A first layer without locality makes the product bound vacuous. *)
Theorem unlocalised_first (n g : R) (eps : nat -> R) (L : nat) (shares : forall l, 0 <= eps l <= 1)
    (unlocalised : (n - g) / n <= eps 0%nat) :
  (n - g) / n <= 1 - prod (fun l => 1 - eps l) L.+1.
Proof.
  rewrite /prod big_ord_recl [nat_of_ord _]/= -/(prod (fun l => 1 - eps l.+1) L).
  have [|_ h] := prod_sum (e := fun l => eps l.+1) (L := L); first by move=> l _; exact: shares.
  have := shares 0%nat; have := Rmult_le_compat_l (1 - eps 0%nat) _ _ ltac:(have := shares 0%nat; lra) h; lra.
Qed.

(** Layers that leak less, each of them, have a smaller product bound. *)
Theorem tighter (eps eps' : nat -> R) (L : nat) (each : forall l, (l < L)%N -> eps l <= eps' l)
    (masses : forall l, (l < L)%N -> eps' l <= 1) : prod (fun l => 1 - eps' l) L <= prod (fun l => 1 - eps l) L.
Proof. by apply: prod_le => l hl; have := each l hl; have := masses l hl; lra. Qed.

(** Bounds above 1 are true of every stack, and their product bounds the leak of none: [leaks_at_most] asks for bounds of at most 1. *)
Theorem rollout_needs_shares (I : finType) (A : nat -> I -> I -> R) (G : {set I}) (i : I)
    (rows : forall l, (l < 2)%N -> attention (A l)) :
  (forall l, (l < 2)%N -> forall k, k \in G -> outside (A l k) G <= 3) /\ 1 - prod (fun=> 1 - 3) 2 < outside (rolled A 2 i) G.
Proof.
  split=> [l hl k _|]; last by rewrite prod_const; have := outside_ge0 G (attention_rolled rows i); lra.
  by have := mass_outside G (rows l hl k); have := mass_ge0 G (rows l hl k); lra.
Qed.

(** * The value path *)

Section Flow.
Variables (I J : finType).
Implicit Types (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J)) (w eps : nat -> R) (G : {set I}) (x : I -> vector J).

(** The spectral norms of the value maps are at most w_l. *)
Definition values_at_most W w L := forall l, (l < L)%N -> 0 <= w l /\ forall v, norm (apply (W l) v) <= w l * norm v.
(** Residual layers whose attention is held fixed. *)
Fixpoint run A W x (L : nat) (i : I) : vector J :=
  if L is k.+1 then vadd (run A W x k i) (apply (W k) (vsum xpredT (fun j => vscale (A k i j) (run A W x k j)))) else x i.
(** What token j contributes to token i after L layers: the block (i, j) of the Jacobian of [run], applied to v. *)
Definition flow A W (L : nat) (i j : I) (v : vector J) : vector J := run A W (fun k => if k == j then v else @vzero J) L i.

Lemma apply_vzero (M : vector (prod_finType J J)) : apply M (@vzero J) = @vzero J.
Proof. by apply: vector_eq => k; rewrite /apply sum_zero // => j _; rewrite /vzero Rmult_0_r. Qed.

(** The stack is linear: an output is the sum of what each token contributes. *)
Lemma run_is_flow A W x L i : run A W x L i = vsum xpredT (fun j => flow A W L i j (x j)).
Proof.
  elim: L i => [|L ih] i.
    apply: vector_eq => k; rewrite /flow /= /vsum (sum_pick _ (k := i)) // eqxx sum_zero ?Rplus_0_r // => j /andP [_ ne].
    by rewrite eq_sym (negbTE ne).
  rewrite /flow /= ih; apply: vector_eq => k; rewrite /vadd /vsum sum_add; congr (_ + _).
  rewrite -/(vsum _ _) /apply exchange_big /=; apply: sum_eq => m _.
  rewrite sum_scale; congr (_ * _); rewrite exchange_big /=; apply: sum_eq => j _.
  by rewrite /vscale sum_scale ih.
Qed.

(** Bounds of the blocks of the Jacobian. *)
Fixpoint bound A w (L : nat) (i j : I) : R :=
  if L is k.+1 then bound A w k i j + w k * \sum_u A k i u * bound A w k u j else unit_row i j.

Lemma bound_ge0 A w L i j : (forall l, (l < L)%N -> attention (A l)) -> (forall l, (l < L)%N -> 0 <= w l) -> 0 <= bound A w L i j.
Proof.
  elim: L i => [|L ih] i rows w0 /=; first by rewrite /unit_row; case: eqP; lra.
  have ih' u := ih u (fun l hl => rows l (ltnW hl)) (fun l hl => w0 l (ltnW hl)).
  have s : 0 <= \sum_u A L i u * bound A w L u j.
    by apply: sum_ge0 => u _; apply: Rmult_le_pos => //; case: (rows L (ltnSn L) i).
  have := ih' i; have := w0 L (ltnSn L); nra.
Qed.

Lemma flow_bound A W w L i j v : (forall l, (l < L)%N -> attention (A l)) -> values_at_most W w L ->
  norm (flow A W L i j v) <= bound A w L i j * norm v.
Proof.
  elim: L i => [|L ih] i rows maps.
    by rewrite /flow /= /unit_row; case: eqP => _; rewrite ?norm_vzero; lra.
  have rows' l (hl : (l < L)%N) := rows l (ltnW hl).
  have maps' : values_at_most W w L by move=> l hl; exact: maps l (ltnW hl).
  have [w0 wn] := maps L (ltnSn L).
  rewrite /flow /= -!/(flow _ _ _ _ _ _); apply: Rle_trans (norm_vadd _ _) _.
  rewrite Rmult_plus_distr_r; apply: Rplus_le_compat; first exact: ih.
  apply: Rle_trans (wn _) _; rewrite Rmult_assoc; apply: Rmult_le_compat_l => //.
  apply: Rle_trans (norm_vsum _ _) _; rewrite -sum_scale_right; apply: sum_le => u _.
  have [a0 _] := rows L (ltnSn L) i; rewrite norm_vscale_pos // Rmult_assoc.
  by apply: Rmult_le_compat_l => //; exact: ih.
Qed.

(** Sums of the bounds over all tokens grow by 1 + w_l a layer. *)
Lemma bound_total A w L i : (forall l, (l < L)%N -> attention (A l)) -> \sum_j bound A w L i j = prod (fun l => 1 + w l) L.
Proof.
  elim: L i => [|L ih] i rows; first by rewrite prod_0 (proj2 (attention_unit i)).
  have ih' u := ih u (fun l hl => rows l (ltnW hl)).
  rewrite /= sum_add ih' sum_scale exchange_big /= prod_S.
  rewrite (eq_bigr (fun u => A L i u * prod (fun l => 1 + w l) L)) => [|u _]; last by rewrite sum_scale ih'.
  by rewrite sum_scale_right (proj2 (rows L (ltnSn L) i)); ring.
Qed.

Lemma bound_outside A w G eps L i : (forall l, (l < L)%N -> attention (A l)) -> (forall l, (l < L)%N -> 0 <= w l) ->
  leaks_at_most A G eps L -> i \in G ->
  \sum_(j in ~: G) bound A w L i j <= prod (fun l => 1 + w l) L - prod (fun l => 1 + w l * (1 - eps l)) L.
Proof.
  elim: L i => [|L ih] i rows w0 leak hi.
    rewrite !prod_0 sum_zero; [lra | move=> j]; rewrite inE /= /unit_row; case: eqP => // e.
    by rewrite -e hi.
  have rows' l (hl : (l < L)%N) := rows l (ltnW hl); have w0' l (hl : (l < L)%N) := w0 l (ltnW hl).
  have leak' : leaks_at_most A G eps L by move=> l hl; exact: leak l (ltnW hl).
  have {}ih u := ih u rows' w0' leak'.
  set g := prod _ L in ih *; have gS : prod (fun l => 1 + w l) L.+1 = g * (1 + w L) by rewrite prod_S.
  set h := prod (fun l => 1 + w l * (1 - eps l)) L in ih *.
  have hS : prod (fun l => 1 + w l * (1 - eps l)) L.+1 = h * (1 + w L * (1 - eps L)) by rewrite prod_S.
  have [e1 le] := leak L (ltnSn L); have wL := w0 L (ltnSn L); have [a0 a1] := rows L (ltnSn L) i.
  have h0 : 0 <= h by apply: prod_ge0 => l hl; have [el _] := leak' l hl; have := w0' l hl; nra.
  have part u : \sum_(j in ~: G) bound A w L u j <= g.
    have := bound_total w u rows'; rewrite -/g (sum_split G) => t; have : 0 <= \sum_(j in G) bound A w L u j by apply: sum_ge0 => j _; exact: bound_ge0.
    lra.
  have swap : \sum_(j in ~: G) \sum_u A L i u * bound A w L u j = \sum_u A L i u * (\sum_(j in ~: G) bound A w L u j).
    by rewrite exchange_big; apply: sum_eq => u _; rewrite -sum_scale.
  rewrite gS hS /= sum_add sum_scale swap (sum_split G).
  have inside : \sum_(u in G) A L i u * (\sum_(j in ~: G) bound A w L u j) <= mass (A L i) G * (g - h).
    by rewrite /mass -sum_scale_right; apply: sum_le => u hu; apply: Rmult_le_compat_l => //; exact: ih.
  have out : \sum_(u in ~: G) A L i u * (\sum_(j in ~: G) bound A w L u j) <= outside (A L i) G * g.
    by rewrite /outside -sum_scale_right; apply: sum_le => u hu; exact: Rmult_le_compat_l.
  rewrite (mass_outside G (conj a0 a1)) in inside; have own := ih i hi; have mass_le := le i hi.
  have o0 : 0 <= outside (A L i) G by exact: outside_ge0.
  set o := outside _ _ in inside out mass_le o0.
  have total : (1 - o) * (g - h) + o * g <= g - h * (1 - eps L) by nra.
  have := Rmult_le_compat_l (w L) _ _ wL (Rle_trans _ _ _ (Rplus_le_compat _ _ _ _ inside out) total); nra.
Qed.
End Flow.

(** What flows into the block along the values: bounds N_j of the blocks (i, j) of the Jacobian with this sum outside the block. *)
Theorem value_path (I J : finType) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J)) (w eps : nat -> R) (G : {set I})
    (L : nat) (i : I) (rows : forall l, (l < L)%N -> attention (A l)) (maps : values_at_most W w L)
    (leak : leaks_at_most A G eps L) (in_block : i \in G) :
  exists N : I -> R, (forall j v, norm (flow A W L i j v) <= N j * norm v) /\
    \sum_(j in ~: G) N j <= prod (fun l => 1 + w l) L - prod (fun l => 1 + w l * (1 - eps l)) L.
Proof.
  exists (bound A w L i); split=> [j v|]; first exact: flow_bound.
  by apply: bound_outside => // l /maps [].
Qed.

Definition lost (w eps : nat -> R) l := eps l * w l / (1 + w l).

Lemma stays_share (w eps : nat -> R) L : (forall l, (l < L)%N -> 0 <= w l) ->
  prod (fun l => 1 + w l * (1 - eps l)) L = prod (fun l => 1 + w l) L * prod (fun l => 1 - lost w eps l) L.
Proof. by move=> w0; rewrite -prod_mult; apply: prod_eq => l hl; have := w0 l hl => h; rewrite /lost; field; lra. Qed.

Lemma grow_pos (w : nat -> R) L : (forall l, (l < L)%N -> 0 <= w l) -> 0 < prod (fun l => 1 + w l) L.
Proof.
  move=> w0; have := prod_le (f := fun=> 1) (g := fun l => 1 + w l) (L := L); rewrite prod_const pow1 => h.
  have : 1 <= prod (fun l => 1 + w l) L by apply: h => l hl; have := w0 l hl; lra.
  lra.
Qed.

(** The same as a share of all that can flow. *)
Theorem value_path_relative (I J : finType) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J)) (w eps : nat -> R)
    (G : {set I}) (L : nat) (i : I) (rows : forall l, (l < L)%N -> attention (A l)) (maps : values_at_most W w L)
    (leak : leaks_at_most A G eps L) (in_block : i \in G) :
  exists N : I -> R, (forall j v, norm (flow A W L i j v) <= N j * norm v) /\
    (\sum_(j in ~: G) N j) / prod (fun l => 1 + w l) L <= 1 - prod (fun l => 1 - eps l * w l / (1 + w l)) L.
Proof.
  have [N [le sum]] := value_path rows maps leak in_block; exists N; split=> //.
  have w0 l (hl : (l < L)%N) : 0 <= w l by case: (maps l hl).
  have g := grow_pos w0; apply: (Rmult_le_reg_r (prod (fun l => 1 + w l) L)) => //.
  by rewrite div_mult; [rewrite stays_share // in sum; rewrite -/(lost w eps _); move: sum; rewrite /lost; lra | lra].
Qed.

Lemma lost_between (w eps : nat -> R) l : 0 <= w l -> 0 <= eps l <= 1 -> 0 <= lost w eps l <= 1.
Proof.
  move=> w0 e; have d : 0 < 1 + w l by lra.
  split; first by apply: Rmult_le_pos; [nra | apply: Rlt_le; exact: Rinv_0_lt_compat].
  by apply: (Rmult_le_reg_r (1 + w l)) => //; rewrite /lost div_mult; nra.
Qed.

(** The share is at most the sum of eps_l w_l/(1 + w_l). *)
Theorem value_path_sum (I J : finType) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J)) (w eps : nat -> R)
    (G : {set I}) (L : nat) (i : I) (rows : forall l, (l < L)%N -> attention (A l)) (maps : values_at_most W w L)
    (leak : leaks_at_most A G eps L) (in_block : i \in G) :
  exists N : I -> R, (forall j v, norm (flow A W L i j v) <= N j * norm v) /\
    (\sum_(j in ~: G) N j) / prod (fun l => 1 + w l) L <= \sum_(l < L) eps l * w l / (1 + w l).
Proof.
  have [N [le share]] := value_path_relative rows maps leak in_block; exists N; split=> //.
  apply: Rle_trans share _; have [|h _] := prod_sum (e := lost w eps) (L := L); last by move: h; rewrite /lost; lra.
  move=> l hl; apply: lost_between; first by case: (maps l hl).
  by split; [exact: eps_ge0 rows leak in_block hl | case: (leak l hl)].
Qed.

(** The share of layers with bounds in common. *)
Theorem value_path_uniform (I J : finType) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J)) (w eps : nat -> R)
    (gain phi : R) (G : {set I}) (L : nat) (i : I) (rows : forall l, (l < L)%N -> attention (A l)) (maps : values_at_most W w L)
    (leak : leaks_at_most A G eps L) (in_block : i \in G) (gain_nonnegative : 0 <= gain) (positive : 0 < phi) (share : phi <= 1)
    (bounded : forall l, (l < L)%N -> phi <= 1 - eps l) (values : forall l, (l < L)%N -> w l <= gain) :
  exists N : I -> R, (forall j v, norm (flow A W L i j v) <= N j * norm v) /\
    (\sum_(j in ~: G) N j) / prod (fun l => 1 + w l) L <= 1 - ((1 + gain * phi) / (1 + gain)) ^ L.
Proof.
  have [N [le part]] := value_path_relative rows maps leak in_block; exists N; split=> //.
  apply: Rle_trans part _.
  have := prod_le (f := fun=> (1 + gain * phi) / (1 + gain)) (g := fun l => 1 - eps l * w l / (1 + w l)) (L := L).
  rewrite prod_const => h; have : ((1 + gain * phi) / (1 + gain)) ^ L <= prod (fun l => 1 - eps l * w l / (1 + w l)) L; last lra.
  apply: h => l hl; have [w0 _] := maps l hl; have wg := values l hl; have e := bounded l hl.
  have d : 0 < 1 + w l by lra.
  have d' : 0 < 1 + gain by lra.
  split; first by apply: Rlt_le; apply: div_pos; nra.
  have -> : 1 - eps l * w l / (1 + w l) = (1 + w l * (1 - eps l)) / (1 + w l) by field; lra.
  apply: div_le => //.
  have : 1 + w l * phi <= 1 + w l * (1 - eps l) by nra.
  move=> /(Rmult_le_compat_r _ _ _ (Rlt_le _ _ d')); nra.
Qed.

(** * Rollout is not information flow, and values are not the only path *)

Local Notation bools := bool_finType.
Local Notation one := unit_finType.
Definition scalar (c : R) : vector (prod_finType one one) := fun=> c.
(** In the block (token [true]) 9/10 stays; the token outside stays outside. *)
Definition leaky (i j : bool) : R := if i then (if j then 9 / 10 else 1 / 10) else (if j then 0 else 1).
Definition even (i j : bool) : R := 1 / 2.
Local Notation inside := [set true].

Lemma sum_bool (f : bool -> R) : \sum_(b : bool) f b = f true + f false.
Proof. by rewrite big_bool. Qed.

Lemma outside_true (a : bool -> R) : outside a inside = a false.
Proof.
  rewrite /outside (sum_pick _ (k := false)); last by rewrite !inE.
  by rewrite sum_zero ?Rplus_0_r // => [[]]; rewrite !inE.
Qed.

Lemma attention_leaky : attention (I := bools) leaky.
Proof. by case; split=> [[]|]; rewrite ?sum_bool /leaky; lra. Qed.

Lemma attention_even : attention (I := bools) even.
Proof. by case; split=> [[]|]; rewrite ?sum_bool /even; lra. Qed.

Lemma rolled_1 (I : finType) (A : nat -> I -> I -> R) i j : rolled A 1 i j = A 0%nat i j.
Proof.
  rewrite /= (sum_pick _ (k := j)) // /unit_row eqxx sum_zero ?Rplus_0_r ?Rmult_1_r // => u /andP [_ ne].
  by rewrite (negbTE ne) Rmult_0_r.
Qed.

Lemma flow_1 (A : nat -> bools -> bools -> R) (c : R) i j (v : vector one) :
  flow A (fun=> scalar c) 1 i j v = vscale ((if i == j then 1 else 0) + c * A 0%nat i j) v.
Proof.
  apply: vector_eq => k; rewrite /flow /= /vadd /apply /scalar.
  rewrite (sum_pick _ (k := k)) // sum_zero ?Rplus_0_r => [|[] /andP [_]]; last by case: k.
  rewrite /vsum sum_bool /vscale /vzero; case: k; case: i; case: j; rewrite /=; ring.
Qed.

(** One residual layer, value map 4: outside tokens have 1/20 of the rollout and 2/25 of the output's derivatives along the values. *)
Theorem rollout_understates :
  outside (rolled (mix (1 / 2) (fun=> leaky : bools -> bools -> R)) 1 true) inside = 1 / 20 /\
  (forall v : vector one, norm (flow (fun=> leaky : bools -> bools -> R) (fun=> scalar 4) 1 true false v) = 2 / 5 * norm v) /\
  (forall v : vector one, norm (flow (fun=> leaky : bools -> bools -> R) (fun=> scalar 4) 1 true true v) = 23 / 5 * norm v) /\
  2 / 5 / (2 / 5 + 23 / 5) = 2 / 25 /\ 1 / 20 < 2 / 25.
Proof.
  split; last split; last split; last by split; lra.
  - by rewrite outside_true rolled_1 /mix /unit_row /leaky /=; field.
  - by move=> v; rewrite flow_1 norm_vscale_pos /leaky /=; [congr (_ * _); field | lra].
  - by move=> v; rewrite flow_1 norm_vscale_pos /leaky /=; [congr (_ * _); field | lra].
Qed.

(** Uniform attention and the value map 0: rollout leaks 1/2, and no derivative leaves the token. *)
Theorem rollout_overstates :
  outside (rolled (fun=> even : bools -> bools -> R) 1 true) inside = 1 / 2 /\
  (forall v : vector one, norm (flow (fun=> even : bools -> bools -> R) (fun=> scalar 0) 1 true false v) = 0) /\ 0 < 1 / 2.
Proof.
  split; last by split; [move=> v; rewrite flow_1 norm_vscale_pos /=; lra | lra].
  by rewrite outside_true rolled_1.
Qed.

(** Tokens 1 (inside) and y (outside), content x_i x_j, dial 2 + ln 3: the output of token 1 as a function of y. *)
Definition two_tokens (y : R) := (exp (1 + (2 + ln 3)) * 1 + exp y * y) / (exp (1 + (2 + ln 3)) + exp y).

Theorem attention_path :
  exp 3 / (exp (1 + (2 + ln 3)) + exp 3) = 1 / 4 /\ is_derive two_tokens 3 (1 / 4 * (1 + 3 / 4 * 2)) /\
  1 / 4 < 1 / 4 * (1 + 3 / 4 * 2).
Proof.
  have e3 : exp (1 + (2 + ln 3)) = 3 * exp 3.
    by rewrite -Rplus_assoc exp_plus exp_ln; [rewrite (_ : 1 + 2 = 3); ring | lra].
  have p := exp_pos 3; split; [by rewrite e3; field; lra | split; last lra].
  rewrite /two_tokens e3; auto_derive; first by lra.
  field; lra.
Qed.

(** * Norms, off-block parts, and the margin of the next layer *)

(** Norms of tokens grow by 1 + w_l a layer. *)
Theorem full_norm (I J : finType) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J)) (w : nat -> R) (x : I -> vector J)
    (B0 : R) (L : nat) (i : I) (rows : forall l, (l < L)%N -> attention (A l)) (maps : values_at_most W w L)
    (start : forall j, norm (x j) <= B0) :
  norm (run A W x L i) <= B0 * prod (fun l => 1 + w l) L.
Proof.
  elim: L i rows maps => [|L ih] i rows maps; first by rewrite prod_0 Rmult_1_r.
  have ih' u := ih u (fun l hl => rows l (ltnW hl)) (fun l hl => maps l (ltnW hl)).
  have [w0 wn] := maps L (ltnSn L); have [a0 a1] := rows L (ltnSn L) i.
  set g := prod (fun l => 1 + w l) L in ih'.
  rewrite prod_S -/g /=; apply: Rle_trans (norm_vadd _ _) _.
  have mean : norm (vsum xpredT (fun j => vscale (A L i j) (run A W x L j))) <= B0 * g.
    apply: Rle_trans (norm_vsum _ _) _; rewrite -[B0 * g]Rmult_1_l -a1 -sum_scale_right; apply: sum_le => u _.
    by rewrite norm_vscale_pos //; exact: Rmult_le_compat_l.
  have := wn (vsum xpredT (fun j => vscale (A L i j) (run A W x L j))); have := Rmult_le_compat_l _ _ _ w0 mean; have := ih' i; nra.
Qed.

Section OffBlock.
Variables (I J C : finType) (blk : J -> C) (label : I -> C).
Implicit Types (M : vector (prod_finType J J)) (v : vector J) (c : C).

Lemma off_apply M c v : norm (blocks.off_block blk M) = 0 -> blocks.off_part blk c (apply M v) = apply M (blocks.off_part blk c v).
Proof.
  move=> /part_eq0 z; apply: vector_eq => k; rewrite /blocks.off_part /part /apply.
  case: (eqVneq (blk k) c) => e /=.
    rewrite sum_zero // => j _; case: (eqVneq (blk j) c) => h /=; first by rewrite Rmult_0_r.
    by rewrite z ?Rmult_0_l //= e eq_sym.
  apply: sum_eq => j _; case: (eqVneq (blk j) c) => h //=.
  by rewrite z ?Rmult_0_l ?Rmult_0_r //= h.
Qed.

(** Tokens of the same block as token i. *)
Definition same i : {set I} := [set j | label j == label i].
(** Every row of the first L layers has at most eps_l <= 1 outside its own block. *)
Definition rows_leak (A : nat -> I -> I -> R) (eps : nat -> R) L := forall l, (l < L)%N -> eps l <= 1 /\ forall i, outside (A l i) (same i) <= eps l.
End OffBlock.

Lemma off_small (I J C : finType) (blk : J -> C) (label : I -> C) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J))
    (w eps : nat -> R) (x : I -> vector J) (B0 d0 : R) (L : nat) (i : I) :
  (forall l, (l < L)%N -> attention (A l)) -> values_at_most W w L -> rows_leak label A eps L ->
  (forall l, (l < L)%N -> norm (blocks.off_block blk (W l)) = 0) -> (forall j, norm (x j) <= B0) ->
  (forall j, norm (blocks.off_part blk (label j) (x j)) <= d0) -> d0 <= B0 ->
  norm (blocks.off_part blk (label i) (run A W x L i))
  <= B0 * prod (fun l => 1 + w l) L - (B0 - d0) * prod (fun l => 1 + w l * (1 - eps l)) L.
Proof.
  move=> rows maps leak block start off small; elim: L i rows maps leak block => [|L ih] i rows maps leak block.
    by rewrite !prod_0 /=; have := off i; lra.
  have rows' l (hl : (l < L)%N) := rows l (ltnW hl).
  have maps' : values_at_most W w L by move=> l hl; exact: maps l (ltnW hl).
  have leak' : rows_leak label A eps L by move=> l hl; exact: leak l (ltnW hl).
  have {}ih u := ih u rows' maps' leak' (fun l hl => block l (ltnW hl)).
  have full u := full_norm (x := x) u rows' maps' start.
  have [w0 wn] := maps L (ltnSn L); have [a0 a1] := rows L (ltnSn L) i; have [e1 le] := leak L (ltnSn L).
  rewrite !prod_S; set g := prod (fun l => 1 + w l) L in ih full *; set h := prod (fun l => 1 + w l * (1 - eps l)) L in ih *.
  have h0 : 0 <= h.
    apply: prod_ge0 => l hl; have [el _] := leak' l hl; have [wl _] := maps' l hl; nra.
  set D := B0 * g - (B0 - d0) * h in ih.
  have dg : D <= B0 * g by rewrite /D; nra.
  rewrite /= /blocks.off_part part_vadd -!/(blocks.off_part _ _ _) off_apply; last exact: block L (ltnSn L).
  apply: Rle_trans (norm_vadd _ _) _.
  have mean : norm (blocks.off_part blk (label i) (vsum xpredT (fun j => vscale (A L i j) (run A W x L j))))
           <= (1 - eps L) * D + eps L * (B0 * g).
    rewrite /blocks.off_part part_vsum; apply: Rle_trans (norm_vsum _ _) _.
    rewrite (sum_split (same label i)).
    have ins : \sum_(u in same label i) norm (part (fun k => blk k != label i) (vscale (A L i u) (run A W x L u))) <= mass (A L i) (same label i) * D.
      rewrite /mass -sum_scale_right; apply: sum_le => u; rewrite inE => /eqP hu.
      by rewrite part_vscale norm_vscale_pos //; apply: Rmult_le_compat_l => //; have := ih u; rewrite hu.
    have out : \sum_(u in ~: same label i) norm (part (fun k => blk k != label i) (vscale (A L i u) (run A W x L u))) <= outside (A L i) (same label i) * (B0 * g).
      rewrite /outside -sum_scale_right; apply: sum_le => u _.
      rewrite part_vscale norm_vscale_pos //; apply: Rmult_le_compat_l => //; apply: Rle_trans (part_le _ _) (full u).
    rewrite (mass_outside _ (conj a0 a1)) in ins; have := le i; set o := outside _ _ in ins out *; nra.
  have := Rle_trans _ _ _ (wn _) (Rmult_le_compat_l _ _ _ w0 mean); have := ih i; rewrite /D; nra.
Qed.

(** Off-block parts after a stack of layers. *)
Theorem off_block (I J C : finType) (blk : J -> C) (label : I -> C) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J))
    (w eps : nat -> R) (x : I -> vector J) (B0 d0 : R) (L : nat) (i : I)
    (rows : forall l, (l < L)%N -> attention (A l)) (maps : values_at_most W w L) (leak : rows_leak label A eps L)
    (block_values : forall l, (l < L)%N -> norm (blocks.off_block blk (W l)) = 0) (start : forall j, norm (x j) <= B0)
    (off_start : forall j, norm (blocks.off_part blk (label j) (x j)) <= d0) :
  norm (blocks.off_part blk (label i) (run A W x L i))
  <= B0 * prod (fun l => 1 + w l) L - (B0 - d0) * prod (fun l => 1 + w l * (1 - eps l)) L.
Proof.
  case: (Rle_or_lt d0 B0) => small; first exact: off_small.
  apply: Rle_trans (part_le _ _) _; apply: Rle_trans (full_norm i rows maps start) _.
  have : 0 <= prod (fun l => 1 + w l * (1 - eps l)) L.
    apply: prod_ge0 => l hl; have [el _] := leak l hl; have [wl _] := maps l hl; nra.
  nra.
Qed.

Lemma rows_eps_ge0 (I C : finType) (label : I -> C) (A : nat -> I -> I -> R) (eps : nat -> R) L l (i : I) :
  (forall k, (k < L)%N -> attention (A k)) -> rows_leak label A eps L -> (l < L)%N -> 0 <= eps l <= 1.
Proof.
  move=> rows leak hl; have [e1 h] := leak l hl; split=> //; apply: Rle_trans (h i); apply: outside_ge0; exact: rows.
Qed.

(** Off-block parts as a share of the norm bound. *)
Theorem off_block_share (I J C : finType) (blk : J -> C) (label : I -> C) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J))
    (w eps : nat -> R) (x : I -> vector J) (B0 d0 : R) (L : nat) (i : I)
    (rows : forall l, (l < L)%N -> attention (A l)) (maps : values_at_most W w L) (leak_rows : rows_leak label A eps L)
    (block_values : forall l, (l < L)%N -> norm (blocks.off_block blk (W l)) = 0) (start : forall j, norm (x j) <= B0)
    (off_start : forall j, norm (blocks.off_part blk (label j) (x j)) <= d0) (positive : 0 < B0) (leak : d0 <= B0) :
  norm (blocks.off_part blk (label i) (run A W x L i)) / (B0 * prod (fun l => 1 + w l) L)
  <= d0 / B0 + \sum_(l < L) eps l * w l / (1 + w l).
Proof.
  have w0 l (hl : (l < L)%N) : 0 <= w l by case: (maps l hl).
  have e01 l (hl : (l < L)%N) : 0 <= eps l <= 1 := rows_eps_ge0 i rows leak_rows hl.
  have g := grow_pos w0; have d00 : 0 <= d0 by apply: Rle_trans (norm_ge0 _) (off_start i).
  have h := off_block i rows maps leak_rows block_values start off_start.
  rewrite stays_share // in h.
  have [|s _] := prod_sum (e := lost w eps) (L := L); first by move=> l hl; apply: lost_between; [exact: w0 | exact: e01].
  have bg : 0 < B0 * prod (fun l => 1 + w l) L by nra.
  set S := \sum_(l < L) lost w eps l in s; rewrite -/(lost w eps _) -/S.
  have S0 : 0 <= S by apply: sum_ge0 => l _; case: (lost_between (w := w) (eps := eps) (l := l)) => //; [exact: w0 | exact: e01].
  apply: (Rmult_le_reg_r (B0 * prod (fun l => 1 + w l) L)) => //; rewrite div_mult; last lra.
  apply: Rle_trans h _; set p := prod (fun l => 1 + w l) L in g bg *; set t := prod _ L in s *.
  have -> : (d0 / B0 + S) * (B0 * p) = (d0 + B0 * S) * p by field; lra.
  have -> : B0 * p - (B0 - d0) * (p * t) = (B0 - (B0 - d0) * t) * p by ring.
  by apply: Rmult_le_compat_r; [lra | nra].
Qed.

Lemma form_le (X C : finType) (blk : X -> C) (A : vector (prod_finType X X)) (rho : R) (x y : vector X) :
  norm (blocks.off_block blk A) = 0 -> (forall c, blocks.form_bound blk A c rho) -> 0 <= rho ->
  Rabs (blocks.form A x y) <= rho * (norm x * norm y).
Proof.
  move=> extinct forms r0; rewrite (blocks.form_blocks _ _ extinct).
  apply: Rle_trans (_ : \sum_c rho * (norm (blocks.own_part blk c x) * norm (blocks.own_part blk c y)) <= _).
    apply: abs_le; last rewrite -sum_opp; apply: sum_le => c _; have := le_abs (forms c x y); lra.
  rewrite sum_scale; apply: Rmult_le_compat_l => //; apply: Rle_trans (blocks.blocks_sum blk xpredT x y) _.
  by apply: Rmult_le_compat; (exact: norm_ge0 || exact: part_le).
Qed.

Lemma next_margin_small (I J C : finType) (blk : J -> C) (label : I -> C) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J))
    (w eps : nat -> R) (x : I -> vector J) (B0 d0 tau beta d rho_A : R) (F : vector (prod_finType J J)) (L : nat) (i j k : I)
    (rows : forall l, (l < L)%N -> attention (A l)) (maps : values_at_most W w L) (leak : rows_leak label A eps L)
    (block_values : forall l, (l < L)%N -> norm (blocks.off_block blk (W l)) = 0) (start : forall j, norm (x j) <= B0)
    (off_start : forall j, norm (blocks.off_part blk (label j) (x j)) <= d0) (small : d0 <= B0)
    (temperature : 0 < tau) (nonnegative : 0 <= rho_A) (forms : forall c, blocks.form_bound blk F c rho_A)
    (extinct : norm (blocks.off_block blk F) = 0) (own_block : label j = label i) (other_block : label k != label i) :
  let after := run A W x L in
  let N := B0 * prod (fun l => 1 + w l) L in
  let O := B0 * prod (fun l => 1 + w l) L - (B0 - d0) * prod (fun l => 1 + w l * (1 - eps l)) L in
  beta * d - rho_A * (N ^ 2 + 2 * N * O) / tau
  <= (blocks.form F (after i) (after j) / tau + beta * d) - blocks.form F (after i) (after k) / tau.
Proof.
  move=> after N O; have ti : 0 < / tau by exact: Rinv_0_lt_compat.
  have full u : norm (after u) <= N by exact: full_norm.
  have off u : norm (blocks.off_part blk (label u) (after u)) <= O by exact: off_block.
  have N0 : 0 <= N by apply: Rle_trans (norm_ge0 _) (full i).
  have own c u : norm (blocks.own_part blk c (after u)) <= N by apply: Rle_trans (part_le _ _) (full u).
  have ON : O <= N.
    rewrite /O -/N; have : 0 <= prod (fun l => 1 + w l * (1 - eps l)) L.
      apply: prod_ge0 => l hl; have [el _] := leak l hl; have [wl _] := maps l hl; nra.
    nra.
  have ne : label i != label k by rewrite eq_sym.
  have across := blocks.leak temperature ne nonnegative forms (own (label i) i) (off i) (own (label k) k) (off k) extinct ON.
  have inb := form_le (after i) (after j) extinct forms nonnegative.
  have prod_norms : norm (after i) * norm (after j) <= N * N.
    by apply: Rmult_le_compat; (exact: norm_ge0 || exact: full).
  have {}inb : - (rho_A * (N * N)) <= blocks.form F (after i) (after j).
    have [_ low] := le_abs inb; have := Rmult_le_compat_l _ _ _ nonnegative prod_norms; lra.
  have [up _] := le_abs across.
  have : - (rho_A * (N * N)) / tau <= blocks.form F (after i) (after j) / tau by apply: Rmult_le_compat_r => //; lra.
  have -> : rho_A * (N ^ 2 + 2 * N * O) / tau = rho_A * (N * N) / tau + 2 * N * O * rho_A / tau by field; lra.
  rewrite /Rdiv -Ropp_mult_distr_l in up *; lra.
Qed.

(** The margin that the next layer is left with: every in-block score beats every score across blocks. *)
Theorem next_margin (I J C : finType) (blk : J -> C) (label : I -> C) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J))
    (w eps : nat -> R) (x : I -> vector J) (B0 d0 tau beta d rho_A : R) (F : vector (prod_finType J J)) (L : nat) (i j k : I)
    (rows : forall l, (l < L)%N -> attention (A l)) (maps : values_at_most W w L) (leak : rows_leak label A eps L)
    (block_values : forall l, (l < L)%N -> norm (blocks.off_block blk (W l)) = 0) (start : forall j, norm (x j) <= B0)
    (off_start : forall j, norm (blocks.off_part blk (label j) (x j)) <= d0)
    (temperature : 0 < tau) (nonnegative : 0 <= rho_A) (forms : forall c, blocks.form_bound blk F c rho_A)
    (extinct : norm (blocks.off_block blk F) = 0) (own_block : label j = label i) (other_block : label k != label i) :
  let after := run A W x L in
  let N := B0 * prod (fun l => 1 + w l) L in
  let O := B0 * prod (fun l => 1 + w l) L - (B0 - d0) * prod (fun l => 1 + w l * (1 - eps l)) L in
  beta * d - rho_A * (N ^ 2 + 2 * N * O) / tau
  <= (blocks.form F (after i) (after j) / tau + beta * d) - blocks.form F (after i) (after k) / tau.
Proof.
  move=> after N O; case: (Rle_or_lt d0 B0) => small.
    exact: (next_margin_small beta d rows maps leak block_values start off_start small temperature nonnegative forms extinct own_block other_block).
  have off' u : norm (blocks.off_part blk (label u) (x u)) <= B0 by apply: Rle_trans (part_le _ _) (start u).
  have h := next_margin_small beta d rows maps leak block_values start off' (Rle_refl B0) temperature nonnegative forms extinct own_block other_block.
  apply: Rle_trans h; rewrite -/N; have ti : 0 < / tau by exact: Rinv_0_lt_compat.
  have N0 : 0 <= N by apply: Rle_trans (norm_ge0 _) (full_norm i rows maps start).
  have NO : N <= O.
    rewrite /O -/N; have : 0 <= prod (fun l => 1 + w l * (1 - eps l)) L.
      apply: prod_ge0 => l hl; have [el _] := leak l hl; have [wl _] := maps l hl; nra.
    nra.
  have -> : N - (B0 - B0) * prod (fun l => 1 + w l * (1 - eps l)) L = N by ring.
  apply: Rplus_le_compat_l; apply: Ropp_le_contravar; apply: Rmult_le_compat_r; first lra.
  by apply: Rmult_le_compat_l => //; nra.
Qed.

(** * The whole stack along the dial *)

(** Attention of stored content scores at a setting of the dial; row i has the block [G i]. *)
Definition at_dial (I : finType) (c : nat -> I -> I -> R) (G : I -> {set I}) (x : R) l i := softmax (dial.dialled (c l i) (G i) x).

Lemma attention_softmax (I : finType) (c : nat -> I -> I -> R) (G : I -> {set I}) (x : R) l : attention (at_dial c G x l).
Proof. by move=> i; exact: softmax_distribution. Qed.

Lemma mean_gap (I J : finType) (a b : I -> R) (v : I -> vector J) (D : R) : distribution a -> distribution b ->
  (forall i k, norm (vsub (v i) (v k)) <= D) ->
  norm (vsub (vsum xpredT (fun j => vscale (a j) (v j))) (vsum xpredT (fun j => vscale (b j) (v j)))) <= D.
Proof.
  move=> [a0 a1] [b0 b1] near.
  have -> : vsub (vsum xpredT (fun j => vscale (a j) (v j))) (vsum xpredT (fun j => vscale (b j) (v j)))
          = vsum xpredT (fun j => vscale (a j) (vsum xpredT (fun k => vscale (b k) (vsub (v j) (v k))))).
    apply: vector_eq => m; rewrite /vsub /vsum /vscale.
    have inner j : \sum_k b k * (v j m - v k m) = v j m - \sum_k b k * v k m.
      rewrite (sum_eq (g := fun k => b k * v j m - b k * v k m)) => [|k _]; last by ring.
      by rewrite sum_sub sum_scale_right b1; ring.
    transitivity (\sum_j (a j * v j m - a j * (\sum_k b k * v k m))); last by apply: sum_eq => j _; rewrite inner; ring.
    by rewrite sum_sub sum_scale_right a1; ring.
  apply: Rle_trans (norm_vsum _ _) _; rewrite -[D]Rmult_1_l -a1 -sum_scale_right; apply: sum_le => j _.
  rewrite norm_vscale_pos //; apply: Rmult_le_compat_l => //.
  apply: Rle_trans (norm_vsum _ _) _; rewrite -[D]Rmult_1_l -b1 -sum_scale_right; apply: sum_le => k _.
  by rewrite norm_vscale_pos //; apply: Rmult_le_compat_l.
Qed.

Lemma run_spread (I J : finType) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J)) (gain : R) (x : I -> vector J) (D : R) L :
  (forall l, (l < L)%N -> attention (A l)) -> values_at_most W (fun=> gain) L -> (forall i k, norm (vsub (x i) (x k)) <= D) ->
  forall i k, norm (vsub (run A W x L i) (run A W x L k)) <= D * (1 + gain) ^ L.
Proof.
  elim: L => [|L ih] rows maps near i k; first by rewrite /= Rmult_1_r.
  have {}ih := ih (fun l hl => rows l (ltnW hl)) (fun l hl => maps l (ltnW hl)) near.
  have [w0 wn] := maps L (ltnSn L); have a := rows L (ltnSn L).
  have -> : vsub (run A W x L.+1 i) (run A W x L.+1 k)
    = vadd (vsub (run A W x L i) (run A W x L k))
           (apply (W L) (vsub (vsum xpredT (fun j => vscale (A L i j) (run A W x L j))) (vsum xpredT (fun j => vscale (A L k j) (run A W x L j))))).
    by rewrite apply_vsub; apply: vector_eq => m; rewrite /= /vsub /vadd; ring.
  apply: Rle_trans (norm_vadd _ _) _.
  have m := mean_gap (a i) (a k) ih.
  have := Rle_trans _ _ _ (wn _) (Rmult_le_compat_l _ _ _ w0 m); have := ih i k; rewrite [(1 + gain) ^ L.+1]/=; nra.
Qed.

(** With stored content scores the whole stack is continuous in the dial. *)
Theorem continuity (I J : finType) (c : nat -> I -> I -> R) (G : I -> {set I}) (W : nat -> vector (prod_finType J J)) (x : I -> vector J)
    (beta d d' D gain : R) (L : nat) (i : I) (beta_positive : 0 < beta) (blocks : forall i, block (G i))
    (values : values_at_most W (fun=> gain) L) (gain_nonnegative : 0 <= gain) (spread : forall i k, norm (vsub (x i) (x k)) <= D) :
  norm (vsub (run (at_dial c G (beta * d)) W x L i) (run (at_dial c G (beta * d')) W x L i))
  <= INR L * gain * D * ((exp (beta * Rabs (d - d') / 2) - 1) / (exp (beta * Rabs (d - d') / 2) + 1)) * (1 + gain) ^ L / (1 + gain).
Proof.
  set turn := (exp (beta * Rabs (d - d') / 2) - 1) / (exp (beta * Rabs (d - d') / 2) + 1).
  have turn0 : 0 <= turn.
    have x0 : 0 <= beta * Rabs (d - d') / 2 by have := Rabs_pos (d - d'); nra.
    have := exp_tangent (beta * Rabs (d - d') / 2); rewrite /turn => e.
    apply: Rmult_le_pos; first lra.
    by apply: Rlt_le; apply: Rinv_0_lt_compat; lra.
  have D0 : 0 <= D by apply: Rle_trans (norm_ge0 _) (spread i i).
  have g1 : 0 < 1 + gain by lra.
  suff : norm (vsub (run (at_dial c G (beta * d)) W x L i) (run (at_dial c G (beta * d')) W x L i)) * (1 + gain)
         <= INR L * gain * D * turn * (1 + gain) ^ L.
    by move=> h; apply: (Rmult_le_reg_r (1 + gain)) => //; rewrite div_mult; lra.
  elim: L i values => [|L ih] i values.
    have -> : vsub (run (at_dial c G (beta * d)) W x 0 i) (run (at_dial c G (beta * d')) W x 0 i) = vzero.
      by apply: vector_eq => m; rewrite /= /vsub /vzero; ring.
    by rewrite norm_vzero /=; lra.
  have {}ih u := ih u (fun l hl => values l (ltnW hl)); have [w0 wn] := values L (ltnSn L).
  set y := run (at_dial c G (beta * d)) W x L in ih *; set z := run (at_dial c G (beta * d')) W x L in ih *.
  set a := at_dial c G (beta * d) L i; set b := at_dial c G (beta * d') L i.
  have da : distribution a by exact: attention_softmax.
  have -> : vsub (run (at_dial c G (beta * d)) W x L.+1 i) (run (at_dial c G (beta * d')) W x L.+1 i)
    = vadd (vsub (y i) (z i)) (apply (W L) (vadd (vsum xpredT (fun j => vscale (a j) (vsub (y j) (z j))))
        (vsub (vsum xpredT (fun j => vscale (a j) (z j))) (vsum xpredT (fun j => vscale (b j) (z j)))))).
    have -> : vadd (vsum xpredT (fun j => vscale (a j) (vsub (y j) (z j))))
        (vsub (vsum xpredT (fun j => vscale (a j) (z j))) (vsum xpredT (fun j => vscale (b j) (z j))))
      = vsub (vsum xpredT (fun j => vscale (a j) (y j))) (vsum xpredT (fun j => vscale (b j) (z j))).
      apply: vector_eq => m; rewrite /vadd /vsub /vsum /vscale.
      rewrite (sum_eq (P := xpredT) (g := fun j => a j * y j m - a j * z j m)) => [|j _]; last by ring.
      by rewrite sum_sub; ring.
    by rewrite apply_vsub; apply: vector_eq => m; rewrite /= -/y -/z -/a -/b /vsub /vadd; ring.
  have same : norm (vsum xpredT (fun j => vscale (a j) (vsub (y j) (z j)))) * (1 + gain) <= INR L * gain * D * turn * (1 + gain) ^ L.
    apply: Rle_trans (Rmult_le_compat_r _ _ _ (Rlt_le _ _ g1) (norm_vsum _ _)) _.
    set K := INR L * gain * D * turn * (1 + gain) ^ L in ih *.
    apply: Rle_trans (_ : \sum_j a j * K <= _); last by rewrite sum_scale_right (proj2 da); lra.
    rewrite -sum_scale_right; apply: sum_le => j _.
    have a0 : 0 <= a j by case: da.
    by rewrite norm_vscale_pos // (Rmult_assoc (a j)); apply: Rmult_le_compat_l => //; exact: ih.
  have other : norm (vsub (vsum xpredT (fun j => vscale (a j) (z j))) (vsum xpredT (fun j => vscale (b j) (z j)))) <= D * (1 + gain) ^ L * turn.
    have near : dial.values_apart z (G i) (D * (1 + gain) ^ L).
      by move=> u k _ _; apply: run_spread spread u k => // [l hl|l hl]; [exact: attention_softmax | exact: values l (ltnW hl)].
    have := dial.continuity (c L i) (v := z) d d' beta_positive (blocks i) near.
    by rewrite /dial.output /vmean /mean.
  apply: Rle_trans (Rmult_le_compat_r _ _ _ (Rlt_le _ _ g1) (norm_vadd _ _)) _.
  have := wn (vadd (vsum xpredT (fun j => vscale (a j) (vsub (y j) (z j))))
        (vsub (vsum xpredT (fun j => vscale (a j) (z j))) (vsum xpredT (fun j => vscale (b j) (z j))))).
  have := norm_vadd (vsum xpredT (fun j => vscale (a j) (vsub (y j) (z j))))
        (vsub (vsum xpredT (fun j => vscale (a j) (z j))) (vsum xpredT (fun j => vscale (b j) (z j)))).
  have := ih i; rewrite S_INR [(1 + gain) ^ L.+1]/=.
  set p := (1 + gain) ^ L in same other *; set n0 := norm (vsub (y i) (z i)); set n1 := norm (vsum _ _) in same *.
  set n2 := norm (vsub _ _) in other *; set n3 := norm (vadd _ _); set n4 := norm (apply _ _) => h0 h3 h4.
  have s1 := Rmult_le_compat_l _ _ _ gain_nonnegative same.
  have s2 := Rmult_le_compat_l _ _ _ (Rmult_le_pos _ _ gain_nonnegative (Rlt_le _ _ g1)) other.
  have s3 := Rmult_le_compat_l _ _ _ (Rmult_le_pos _ _ gain_nonnegative (Rlt_le _ _ g1)) h3.
  have s4 := Rmult_le_compat_r _ _ _ (Rlt_le _ _ g1) h4.
  nra.
Qed.
