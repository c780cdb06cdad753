(** Extinction: above the threshold a group is exactly zero after finitely many proximal steps and stays zero.

    A group is a real vector, a step is theta+ = soft (eta lam) (theta - eta v) with the soft threshold [soft], which is proved to be the
    proximal map of the norm. The vectors v are any vectors of norm at most G_bar: gradients of any loss, minibatch or clipped gradients,
    momentum, Adam's direction.

    Against the informal statement: runs are sequences of vectors of any dimension, zero in every state from number ceil(theta0/(eta gamma)) on,
    whether or not the group starts alive; the ceiling is Flocq's [Zceil]; the floating-point
    statements take the rounding of one step as hypotheses ([rounding_norm], [rounding_threshold], [rounding_step]), which the suite samples
    exactly and Coq does not prove about any machine. *)

From Coq Require Import Reals Lra Psatz Lia ZArith FunctionalExtensionality.
From Flocq Require Import Core.Raux.
From mathcomp Require Import all_ssreflect.
From Localist Require Import Numbers Sums Vectors.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

(** * The prox of a group norm *)

Definition soft (J : finType) (t : R) (z : vector J) : vector J := vscale (1 - t / Rmax (norm z) t) z.
(** What the prox minimises: |y - z|^2/2 + t |y|. *)
Definition prox_value (J : finType) (t : R) (z y : vector J) := dot (vsub y z) (vsub y z) / 2 + t * norm y.

Lemma soft_zero (J : finType) (t : R) (z : vector J) : 0 <= t -> norm z <= t -> soft t z = vzero.
Proof.
  move=> t0 le; rewrite /soft Rmax_right //; case: t0 => [pos|z0].
    by apply: vector_eq => j; rewrite /vscale /vzero /Rdiv Rinv_r; [ring | lra].
  have -> : z = vzero by apply: norm_zero_eq; have := norm_ge0 z; lra.
  by apply: vector_eq => j; rewrite /vscale /vzero; ring.
Qed.

Lemma soft_alive (J : finType) (t : R) (z : vector J) : 0 <= t -> t < norm z -> soft t z = vscale ((norm z - t) / norm z) z.
Proof.
  move=> t0 lt; rewrite /soft Rmax_left; last lra.
  by congr vscale; field; lra.
Qed.

(** The prox shortens a group by exactly the threshold, down to zero. *)
Theorem prox_norm (J : finType) (eta lam : R) (z : vector J) (step : 0 < eta) (penalised : 0 < lam) :
  norm (soft (eta * lam) z) = Rmax 0 (norm z - eta * lam).
Proof.
  have t0 : 0 < eta * lam by exact: Rmult_lt_0_compat.
  case: (Rle_or_lt (norm z) (eta * lam)) => h.
    by rewrite soft_zero //; [rewrite norm_vzero Rmax_left; lra | lra].
  rewrite soft_alive //; last lra.
  rewrite Rmax_right; last lra.
  rewrite norm_vscale_pos; first by field; lra.
  by apply: Rlt_le; apply: div_pos; lra.
Qed.

Lemma value_expand (J : finType) (t : R) (z y : vector J) : prox_value t z y = (dot y y - 2 * dot y z + dot z z) / 2 + t * norm y.
Proof. by rewrite /prox_value dot_sub_left !dot_sub_right (dot_comm z y); field. Qed.

Lemma prox_least (J : finType) (t : R) (z y : vector J) (t0 : 0 <= t) :
  prox_value t z (soft t z) + dot (vsub y (soft t z)) (vsub y (soft t z)) / 2 <= prox_value t z y.
Proof.
  have cs := dot_le y z; have y0 := norm_ge0 y; have z0 := norm_ge0 z.
  case: (Rle_or_lt (norm z) t) => h.
    rewrite soft_zero // !value_expand dot_sub_left !dot_sub_right !dot_zero_left !dot_zero_right norm_vzero; nra.
  rewrite soft_alive //; set c := (norm z - t) / norm z.
  have c0 : 0 <= c by apply: Rlt_le; apply: div_pos; lra.
  have cn : c * norm z = norm z - t by rewrite /c; field; lra.
  rewrite !value_expand dot_sub_left !dot_sub_right !dot_scale_left !dot_scale_right norm_vscale_pos // (dot_comm z y) -!(norm_square z).
  have one : (1 - c) * norm z = t by lra.
  have : (1 - c) * dot y z <= t * norm y.
    rewrite -one; have : 0 <= 1 - c by nra.
    nra.
  move=> key; set n := norm z in cn one *.
  have e : c * (c * (n * n)) = (n - t) * (n - t) by rewrite -cn; ring.
  have e' : c * (n * n) = (n - t) * n by rewrite -cn; ring.
  nra.
Qed.

(** Soft thresholding is the minimiser that defines the prox, by half the squared distance; hence the only one. *)
Theorem prox (J : finType) (eta lam : R) (z y : vector J) (step : 0 < eta) (weight : 0 <= lam) :
  prox_value (eta * lam) z (soft (eta * lam) z) + norm (vsub y (soft (eta * lam) z)) * norm (vsub y (soft (eta * lam) z)) / 2
  <= prox_value (eta * lam) z y.
Proof. rewrite norm_square; apply: prox_least; apply: Rmult_le_pos; lra. Qed.

Theorem prox_unique (J : finType) (t : R) (z y : vector J) (threshold : 0 <= t) (minimal : forall x, prox_value t z y <= prox_value t z x) : y = soft t z.
Proof.
  have := prox_least z y threshold; have := minimal (soft t z) => le h.
  have : dot (vsub y (soft t z)) (vsub y (soft t z)) = 0 by have := dot_self_ge0 (vsub y (soft t z)); lra.
  move/dot_self_zero => e; apply: vector_eq => j; have := congr1 (fun f => f j) e; rewrite /vsub /vzero; lra.
Qed.

(** On a centred ball: soft thresholding, then radial scaling on the ball. *)
Definition on_ball (J : finType) (radius : R) (z : vector J) : vector J := if Rle_dec (norm z) radius then z else vscale (radius / norm z) z.

Theorem ball_prox (J : finType) (eta lam radius : R) (z y : vector J) (step : 0 < eta) (weight : 0 <= lam) (ball : 0 <= radius) (in_the_ball : norm y <= radius) :
  let held := on_ball radius (soft (eta * lam) z) in
  norm held <= radius /\
  prox_value (eta * lam) z held + norm (vsub y held) * norm (vsub y held) / 2 <= prox_value (eta * lam) z y.
Proof.
  move=> held; have t0 : 0 <= eta * lam by apply: Rmult_le_pos; lra.
  rewrite /held /on_ball; case: Rle_dec => h; first by split=> //; exact: prox.
  have far : radius < norm (soft (eta * lam) z) by exact: Rnot_le_lt.
  rewrite /=; clear h.
  have alive : eta * lam < norm z.
    by apply: Rnot_le_lt => le; rewrite soft_zero // norm_vzero in far; lra.
  rewrite soft_alive // in far *.
  have z0 : 0 < norm z by lra.
  set c := (norm z - eta * lam) / norm z in far *; have c0 : 0 < c by apply: div_pos; lra.
  have cn : c * norm z = norm z - eta * lam by rewrite /c; field; lra.
  rewrite norm_vscale_pos in far *; try lra.
  have -> : vscale (radius / (c * norm z)) (vscale c z) = vscale (radius / norm z) z.
    by apply: vector_eq => j; rewrite /vscale; field; lra.
  set b := radius / norm z; have b0 : 0 <= b by apply: Rmult_le_pos => //; apply: Rlt_le; exact: Rinv_0_lt_compat.
  have bn : b * norm z = radius by rewrite /b; field; lra.
  rewrite norm_vscale_pos // bn; split; first lra.
  rewrite norm_square !value_expand dot_sub_left !dot_sub_right !dot_scale_left !dot_scale_right norm_vscale_pos // (dot_comm z y) -!(norm_square z) bn.
  have cs := dot_le y z; have y0 := norm_ge0 y.
  set n := norm z in z0 cn bn alive far cs *; set t := eta * lam in t0 alive cn *.
  have e : b * (b * (n * n)) = radius * radius by rewrite -bn; ring.
  have e' : b * (n * n) = radius * n by rewrite -bn; ring.
  have far' : radius < n - t by lra.
  have key : (1 - b) * dot y z <= (n - radius) * norm y.
    have -> : n - radius = (1 - b) * n by lra.
    have : 0 <= 1 - b by nra.
    nra.
  nra.
Qed.

(** * One step *)

Section Step.
Variables (J : finType) (eta lam G_bar gamma : R).
Implicit Types (theta v z : vector J).

Lemma step_bound theta z v : 0 < eta -> 0 < lam -> norm z <= norm theta + eta * norm v -> norm v <= G_bar -> G_bar + gamma <= lam ->
  norm (soft (eta * lam) z) <= Rmax 0 (norm theta - eta * gamma).
Proof.
  move=> e0 l0 hz hv hl; rewrite prox_norm //; apply: Rle_max_compat_l.
  have : eta * norm v <= eta * G_bar by apply: Rmult_le_compat_l; lra.
  nra.
Qed.
End Step.

Theorem decrease (J : finType) (eta lam G_bar gamma : R) (theta v : vector J) (step : 0 < eta) (slack : 0 < gamma)
    (bounded : norm v <= G_bar) (penalty : G_bar + gamma <= lam) :
  norm (soft (eta * lam) (vsub theta (vscale eta v))) <= Rmax 0 (norm theta - eta * gamma).
Proof.
  have v0 := norm_ge0 v; apply: (@step_bound J eta lam G_bar gamma theta _ v) => //; first lra.
  by apply: Rle_trans (norm_vsub _ _) _; rewrite norm_vscale_pos; lra.
Qed.

(** Equality: an outward vector of length G_bar, and the weight exactly G_bar + gamma. *)
Theorem decrease_equality (J : finType) (eta G_bar gamma : R) (theta : vector J) (step : 0 < eta) (slack : 0 < gamma) (bound : 0 <= G_bar)
    (alive : 0 < norm theta) :
  let v := vscale (- (G_bar / norm theta)) theta in
  norm v = G_bar /\ norm (soft (eta * (G_bar + gamma)) (vsub theta (vscale eta v))) = Rmax 0 (norm theta - eta * gamma).
Proof.
  move=> v; have q : 0 <= G_bar / norm theta by apply: Rmult_le_pos => //; apply: Rlt_le; exact: Rinv_0_lt_compat.
  split; first by rewrite /v norm_vscale Rabs_Ropp Rabs_right; [field; lra | lra].
  rewrite prox_norm //; last lra.
  have -> : vsub theta (vscale eta v) = vscale (1 + eta * (G_bar / norm theta)) theta.
    by apply: vector_eq => j; rewrite /vsub /v /vscale; ring.
  rewrite norm_vscale_pos; last nra.
  by congr Rmax; field; lra.
Qed.

(** At or below the bound an outward adversary keeps every group alive. *)
Theorem below_threshold (J : finType) (eta lam G_bar : R) (theta v : vector J) (step : 0 < eta) (penalised : 0 < lam) (below : lam <= G_bar)
    (outward : norm (vsub theta (vscale eta v)) = norm theta + eta * G_bar) :
  norm theta <= norm (soft (eta * lam) (vsub theta (vscale eta v))).
Proof. by rewrite prox_norm // outward; apply: Rle_trans (Rmax_r _ _); nra. Qed.

Theorem stays_zero (J : finType) (eta lam G_bar : R) (theta v : vector J) (step : 0 < eta) (zero : norm theta = 0)
    (bounded : norm v <= G_bar) (penalised : 0 < lam) (penalty : G_bar <= lam) :
  norm (soft (eta * lam) (vsub theta (vscale eta v))) = 0.
Proof.
  rewrite prox_norm // Rmax_left //.
  have := norm_vsub theta (vscale eta v); rewrite norm_vscale_pos; last lra.
  nra.
Qed.

(** Clipping at C: the vector is scaled down to length C if it is longer. *)
Definition clipped (J : finType) (C : R) (v : vector J) : vector J := vscale (C / Rmax (norm v) C) v.

Lemma clipped_le (J : finType) (C : R) (v : vector J) : 0 <= C -> norm (clipped C v) <= C.
Proof.
  move=> c0; rewrite /clipped; have v0 := norm_ge0 v; case: (Rle_or_lt (norm v) C) => h.
    rewrite Rmax_right //; case: c0 => [pos|<-].
      by rewrite norm_vscale_pos; rewrite /Rdiv Rinv_r; lra.
    by rewrite /Rdiv Rmult_0_l norm_vscale Rabs_R0; lra.
  rewrite Rmax_left; last lra.
  have q : 0 <= C / norm v by apply: Rmult_le_pos => //; apply: Rlt_le; apply: Rinv_0_lt_compat; lra.
  by rewrite norm_vscale_pos //; right; field; lra.
Qed.

(** A living group is moved by at least min(|theta|, eta gamma): fixed points of the clipped proximal map are zero. *)
Theorem fixed_points (J : finType) (eta lam C gamma : R) (theta raw : vector J) (step : 0 < eta) (slack : 0 < gamma) (clip : 0 <= C)
    (penalty : C + gamma <= lam) :
  let next := soft (eta * lam) (vsub theta (vscale eta (clipped C raw))) in
  norm theta - Rmax 0 (norm theta - eta * gamma) <= norm (vsub theta next) /\ (next = theta -> theta = vzero).
Proof.
  move=> next; have h := decrease theta step slack (clipped_le raw clip) penalty; rewrite -/next in h.
  have back := norm_vsub_ge theta next; split; first lra.
  move=> e; rewrite e in h; apply: norm_zero_eq; have := norm_ge0 theta => t0.
  by case: (Rle_or_lt (norm theta - eta * gamma) 0) => s; [rewrite Rmax_left in h | rewrite Rmax_right in h]; nra.
Qed.

Theorem decay_step (J : finType) (eta lam G_bar gamma decay radial : R) (theta v : vector J) (step : 0 < eta) (slack : 0 < gamma)
    (bounded : norm v <= G_bar) (penalty : G_bar + gamma <= lam)
    (decay_positive : 0 <= decay) (decay_is : decay <= 1) (radial_positive : 0 <= radial) (radial_is : radial <= 1) :
  norm (vscale radial (soft (eta * lam) (vsub (vscale decay theta) (vscale eta v)))) <= Rmax 0 (norm theta - eta * gamma).
Proof.
  have v0 := norm_ge0 v; have t0 := norm_ge0 theta; rewrite norm_vscale_pos //.
  have h : norm (soft (eta * lam) (vsub (vscale decay theta) (vscale eta v))) <= Rmax 0 (norm theta - eta * gamma).
    apply: (@step_bound J eta lam G_bar gamma theta _ v) => //; first lra.
    apply: Rle_trans (norm_vsub _ _) _; rewrite !norm_vscale_pos; nra.
  have := norm_ge0 (soft (eta * lam) (vsub (vscale decay theta) (vscale eta v))); nra.
Qed.

(** * Runs *)

Lemma falls (norms sizes : nat -> R) (gamma theta0 : R) :
  norms 0%N <= theta0 -> 0 <= gamma -> (forall k, 0 <= sizes k) -> (forall k, norms k.+1 <= Rmax 0 (norms k - sizes k * gamma)) ->
  forall k, norms k <= Rmax 0 (theta0 - gamma * (\sum_(i < k) sizes i)).
Proof.
  move=> start g0 s0 step; elim=> [|k ih].
    by rewrite big_ord0 Rmult_0_r Rminus_0_r; apply: Rle_trans start _; exact: Rmax_r.
  rewrite big_ord_recr /=; apply: Rle_trans (step k) _; apply: Rmax_lub; first exact: Rmax_l.
  have sk := s0 k; have gs : 0 <= sizes k * gamma by apply: Rmult_le_pos.
  case: (Rle_or_lt (theta0 - gamma * (\sum_(i < k) sizes i)) 0) => h.
    rewrite Rmax_left // in ih; apply: (Rle_trans _ 0); [lra | exact: Rmax_l].
  rewrite Rmax_right in ih; last lra.
  by apply: (Rle_trans _ (theta0 - gamma * (\sum_(i < k) sizes i + sizes k))); [lra | exact: Rmax_r].
Qed.

Lemma dead_after (norms : nat -> R) (eta gamma theta0 : R) (k : nat) : 0 < eta -> 0 < gamma ->
  norms k <= Rmax 0 (theta0 - gamma * (\sum_(i < k) eta)) -> (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z -> norms k <= 0.
Proof.
  move=> e0 g0 h le; suff z : theta0 - gamma * (\sum_(i < k) eta) <= 0 by rewrite Rmax_left in h.
  have -> : \sum_(i < k) eta = INR k * eta by rewrite sum_const_all card_ord.
  have p : 0 < eta * gamma by exact: Rmult_lt_0_compat.
  have up := Zceil_ub (theta0 / (eta * gamma)); have := IZR_le _ _ le; rewrite -INR_IZR_INZ => c.
  have : theta0 / (eta * gamma) * (eta * gamma) <= INR k * (eta * gamma) by apply: Rmult_le_compat_r; lra.
  have -> : theta0 / (eta * gamma) * (eta * gamma) = theta0 by field; lra.
  lra.
Qed.

(** The norm in every state, for varying step sizes. *)
Theorem norm_after (J : finType) (theta v : nat -> vector J) (eta : nat -> R) (lam G_bar gamma theta0 : R)
    (steps : forall k, 0 < eta k) (slack : 0 < gamma) (start : norm (theta 0%N) <= theta0)
    (run : forall k, theta k.+1 = soft (eta k * lam) (vsub (theta k) (vscale (eta k) (v k))))
    (bounded : forall k, norm (v k) <= G_bar) (penalty : G_bar + gamma <= lam) (k : nat) :
  norm (theta k) <= Rmax 0 (theta0 - gamma * (\sum_(i < k) eta i)).
Proof.
  apply: (@falls (fun k => norm (theta k))) => // [|i|i]; [lra | have := steps i; lra |].
  by rewrite run; exact: decrease.
Qed.

(** Alive only as long as gamma times the sum of the step sizes is below theta0: zero as soon as it reaches it. *)
Theorem varying_steps (J : finType) (theta v : nat -> vector J) (eta : nat -> R) (lam G_bar gamma theta0 : R)
    (steps : forall k, 0 < eta k) (slack : 0 < gamma) (start : norm (theta 0%N) <= theta0)
    (run : forall k, theta k.+1 = soft (eta k * lam) (vsub (theta k) (vscale (eta k) (v k))))
    (bounded : forall k, norm (v k) <= G_bar) (penalty : G_bar + gamma <= lam) (k : nat) (alive : 0 < norm (theta k)) :
  \sum_(i < k) eta i < theta0 / gamma.
Proof.
  have h := norm_after steps slack start run bounded penalty k.
  apply: (Rmult_lt_reg_r gamma) => //; have -> : theta0 / gamma * gamma = theta0 by field; lra.
  case: (Rle_or_lt (theta0 - gamma * (\sum_(i < k) eta i)) 0) => s; last lra.
  by rewrite Rmax_left // in h; lra.
Qed.

(** From step ceil(theta0/(eta gamma)) on the group is exactly zero, whatever the vectors. *)
Theorem finite_time (J : finType) (theta v : nat -> vector J) (eta lam G_bar gamma theta0 : R)
    (step : 0 < eta) (slack : 0 < gamma) (start : norm (theta 0%N) <= theta0)
    (run : forall k, theta k.+1 = soft (eta * lam) (vsub (theta k) (vscale eta (v k))))
    (bounded : forall k, norm (v k) <= G_bar) (penalty : G_bar + gamma <= lam) (k : nat)
    (late : (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z) : theta k = vzero.
Proof.
  apply: norm_zero_eq; have := norm_ge0 (theta k).
  have := @norm_after _ theta v (fun=> eta) lam G_bar gamma theta0 (fun=> step) slack start run bounded penalty k => h.
  have := @dead_after (fun k => norm (theta k)) _ _ _ _ step slack h late; lra.
Qed.

(** Attained: an outward adversary keeps the group alive for every earlier step. *)
Theorem finite_time_attained (J : finType) (theta : nat -> vector J) (eta G_bar gamma theta0 : R)
    (step : 0 < eta) (slack : 0 < gamma) (bound : 0 <= G_bar) (start : norm (theta 0%N) = theta0)
    (run : forall k, theta k.+1 = soft (eta * (G_bar + gamma)) (vsub (theta k) (vscale eta (vscale (- (G_bar / norm (theta k))) (theta k))))) (k : nat)
    (early : (Z.of_nat k < Zceil (theta0 / (eta * gamma)))%Z) : norm (theta k) = theta0 - INR k * (eta * gamma) /\ 0 < norm (theta k).
Proof.
  have p : 0 < eta * gamma by exact: Rmult_lt_0_compat.
  have pos i : (Z.of_nat i < Zceil (theta0 / (eta * gamma)))%Z -> INR i * (eta * gamma) < theta0.
    move=> lt; have l : IZR (Z.of_nat i) < theta0 / (eta * gamma).
      by apply: Rnot_le_lt => le; have := Zceil_glb _ _ le; lia.
    rewrite -INR_IZR_INZ in l; have := Rmult_lt_compat_r _ _ _ p l.
    by have -> : theta0 / (eta * gamma) * (eta * gamma) = theta0 by field; lra.
  elim: k early => [|k ih] early; first by have := pos 0%N early; rewrite /= start; lra.
  have [e a] := ih ltac:(lia); have h := pos _ early; rewrite S_INR in h *.
  have [_ d] := decrease_equality step slack bound a; rewrite run d Rmax_right e; lra.
Qed.

Theorem clipping (J : finType) (theta raw : nat -> vector J) (eta lam C gamma theta0 : R)
    (step : 0 < eta) (slack : 0 < gamma) (clip : 0 <= C) (start : norm (theta 0%N) <= theta0)
    (run : forall k, theta k.+1 = soft (eta * lam) (vsub (theta k) (vscale eta (clipped C (raw k)))))
    (penalty : C + gamma <= lam) (k : nat) (late : (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z) : theta k = vzero.
Proof. by apply: (finite_time step slack start run _ penalty late) => i; exact: clipped_le. Qed.

(** Once zero, zero for ever; slack 0 is enough. *)
Theorem never_revives (J : finType) (theta v : nat -> vector J) (eta : nat -> R) (lam G_bar : R) (steps : forall k, 0 < eta k)
    (run : forall k, theta k.+1 = soft (eta k * lam) (vsub (theta k) (vscale (eta k) (v k))))
    (bounded : forall k, norm (v k) <= G_bar) (penalised : 0 < lam) (penalty : G_bar <= lam) (k l : nat) (zero : theta k = vzero) :
  theta (k + l)%N = vzero.
Proof.
  elim: l => [|l ih]; first by rewrite addn0.
  rewrite addnS run; apply: norm_zero_eq; apply: (stays_zero (steps _) _ (bounded _)) => //; by rewrite ih norm_vzero.
Qed.

Theorem momentum_bound (J : finType) (v m : nat -> vector J) (mu G_bar : R) (nonnegative : 0 <= mu) (below_one : mu < 1)
    (first : m 0%N = v 0%N) (next : forall k, m k.+1 = vadd (vscale mu (m k)) (v k.+1))
    (bounded : forall k, norm (v k) <= G_bar) (k : nat) : norm (m k) <= G_bar * (1 / (1 - mu)).
Proof.
  have g0 : 0 <= G_bar by apply: Rle_trans (norm_ge0 _) (bounded 0%N).
  have grown : G_bar <= G_bar * (1 / (1 - mu)).
    rewrite -{1}[G_bar]Rmult_1_r; apply: Rmult_le_compat_l => //.
    by apply: (Rmult_le_reg_r (1 - mu)); [lra | have -> : 1 / (1 - mu) * (1 - mu) = 1 by field; lra]; lra.
  elim: k => [|k ih]; first by rewrite first; apply: Rle_trans (bounded _) grown.
  rewrite next; apply: Rle_trans (norm_vadd _ _) _; rewrite norm_vscale_pos //.
  have := bounded k.+1; have : mu * norm (m k) <= mu * (G_bar * (1 / (1 - mu))) by exact: Rmult_le_compat_l.
  have e : G_bar * (1 / (1 - mu)) = mu * (G_bar * (1 / (1 - mu))) + G_bar by field; lra.
  lra.
Qed.

Theorem momentum (J : finType) (theta v m : nat -> vector J) (eta lam mu G_bar gamma theta0 : R)
    (step : 0 < eta) (slack : 0 < gamma) (start : norm (theta 0%N) <= theta0) (nonnegative : 0 <= mu) (below_one : mu < 1)
    (first : m 0%N = v 0%N) (next : forall k, m k.+1 = vadd (vscale mu (m k)) (v k.+1))
    (run : forall k, theta k.+1 = soft (eta * lam) (vsub (theta k) (vscale eta (m k))))
    (bounded : forall k, norm (v k) <= G_bar) (penalty : G_bar * (1 / (1 - mu)) + gamma <= lam) (k : nat)
    (late : (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z) : theta k = vzero.
Proof. exact: (finite_time step slack start run (momentum_bound nonnegative below_one first next bounded) penalty late). Qed.

Theorem averaging (J : finType) (theta v m : nat -> vector J) (eta lam mu G_bar gamma theta0 : R)
    (step : 0 < eta) (slack : 0 < gamma) (start : norm (theta 0%N) <= theta0) (nonnegative : 0 <= mu) (below_one : mu < 1)
    (first : m 0%N = vscale (1 - mu) (v 0%N)) (next : forall k, m k.+1 = vadd (vscale mu (m k)) (vscale (1 - mu) (v k.+1)))
    (run : forall k, theta k.+1 = soft (eta * lam) (vsub (theta k) (vscale eta (m k))))
    (bounded : forall k, norm (v k) <= G_bar) (penalty : G_bar + gamma <= lam) (k : nat)
    (late : (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z) : theta k = vzero.
Proof.
  apply: (finite_time step slack start run _ penalty late) => i.
  have g0 : 0 <= G_bar by apply: Rle_trans (norm_ge0 _) (bounded 0%N).
  elim: i => [|i ih]; first by rewrite first norm_vscale_pos; [have := bounded 0%N; have := norm_ge0 (v 0%N); nra | lra].
  rewrite next; apply: Rle_trans (norm_vadd _ _) _; rewrite !norm_vscale_pos //; last lra.
  have := bounded i.+1; nra.
Qed.

Theorem decay_and_balls (J : finType) (theta v : nat -> vector J) (decay radial : nat -> R) (eta lam G_bar gamma theta0 : R)
    (step : 0 < eta) (slack : 0 < gamma) (start : norm (theta 0%N) <= theta0)
    (decay_is : forall k, 0 <= decay k <= 1) (radial_is : forall k, 0 <= radial k <= 1)
    (run : forall k, theta k.+1 = vscale (radial k) (soft (eta * lam) (vsub (vscale (decay k) (theta k)) (vscale eta (v k)))))
    (bounded : forall k, norm (v k) <= G_bar) (penalty : G_bar + gamma <= lam) (k : nat)
    (late : (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z) : theta k = vzero.
Proof.
  apply: norm_zero_eq; have := norm_ge0 (theta k).
  have h := @falls (fun k => norm (theta k)) (fun=> eta) gamma theta0 start (Rlt_le _ _ slack) (fun=> Rlt_le _ _ step).
  have {}h := h _ k; suff each i : norm (theta i.+1) <= Rmax 0 (norm (theta i) - eta * gamma).
    by have := @dead_after (fun k => norm (theta k)) _ _ _ _ step slack (h each) late; lra.
  by rewrite run; have [d0 d1] := decay_is i; have [r0 r1] := radial_is i; exact: decay_step.
Qed.

(** * Adam *)

(** C_A: the largest entry of Adam's direction. *)
Definition C_A (beta1 beta2 : R) := (1 - beta1) / sqrt ((1 - beta2) * (1 - beta1 ^ 2 / beta2)).

Lemma power_range (x : R) (k : nat) : 0 <= x < 1 -> 0 <= x ^ k <= 1.
Proof. by move=> h; elim: k => [|k ih] /=; nra. Qed.

Lemma power_below (x : R) (k : nat) : 0 <= x < 1 -> x ^ k.+1 < 1.
Proof. by move=> h; have := power_range k h; rewrite /=; nra. Qed.

Section Adam.
Variables (beta1 beta2 : R).
Hypotheses (beta1_positive : 0 <= beta1) (first_below_one : beta1 < 1) (second_below_one : beta2 < 1) (slower_second : beta1 ^ 2 < beta2).
Let rho := beta1 ^ 2 / beta2.
Let beta2_positive : 0 < beta2. Proof. have := pow2_ge_0 beta1; lra. Qed.
Let rho_range : 0 <= rho < 1.
Proof.
  split; first by apply: Rmult_le_pos; [exact: pow2_ge_0 | apply: Rlt_le; exact: Rinv_0_lt_compat].
  apply: (Rmult_lt_reg_r beta2) => //; rewrite /rho; have -> : beta1 ^ 2 / beta2 * beta2 = beta1 ^ 2 by field; lra.
  lra.
Qed.

(** Cauchy-Schwarz along the recursion: m_k^2 <= ((1 - beta1)^2/(1 - beta2)) (1 + rho + ... + rho^(k-1)) v_k. *)
Lemma adam_moments (g m v : nat -> R) :
  m 0%N = 0 -> v 0%N = 0 -> (forall k, m k.+1 = beta1 * m k + (1 - beta1) * g k) -> (forall k, v k.+1 = beta2 * v k + (1 - beta2) * g k ^ 2) ->
  forall k, 0 <= v k /\ m k ^ 2 * (1 - rho) <= (1 - beta1) ^ 2 / (1 - beta2) * (1 - rho ^ k) * v k.
Proof.
  move=> m0 v0 hm hv; elim=> [|k [vk ih]]; first by rewrite m0 v0 /=; lra.
  have vk' : 0 <= v k.+1 by rewrite hv; have := pow2_ge_0 (g k); nra.
  split=> //; rewrite hm hv; set c := (1 - beta1) ^ 2 / (1 - beta2).
  have cp : c * (1 - beta2) = (1 - beta1) ^ 2 by rewrite /c; field; lra.
  have c0 : 0 < c by apply: div_pos; nra.
  have rb : rho * beta2 = beta1 ^ 2 by rewrite /rho; field; lra.
  pose S := (1 - rho ^ k) / (1 - rho); have pr := power_range k rho_range.
  have S0 : 0 <= S by apply: Rmult_le_pos; [lra | apply: Rlt_le; apply: Rinv_0_lt_compat; lra].
  have S1 : 1 - rho ^ k = S * (1 - rho) by rewrite /S; field; lra.
  have S2 : 1 - rho ^ k.+1 = (1 + rho * S) * (1 - rho) by rewrite /= (_ : rho ^ k = 1 - S * (1 - rho)); [ring | lra].
  rewrite S2; pose x := beta1 * m k; pose y := (1 - beta1) * g k; pose P := beta2 * (c * v k).
  have mk : m k ^ 2 <= c * S * v k.
    by apply: (Rmult_le_reg_r (1 - rho)); [lra | rewrite S1 -/c in ih; lra].
  have P0 : 0 <= P by do 2 (apply: Rmult_le_pos; first lra).
  have x2 : x ^ 2 <= rho * S * P.
    have -> : x ^ 2 = (rho * beta2) * m k ^ 2 by rewrite rb /x; ring.
    have -> : rho * S * P = (rho * beta2) * (c * S * v k) by rewrite /P; ring.
    by apply: Rmult_le_compat_l => //; rewrite rb; exact: pow2_ge_0.
  have rS : 0 <= rho * S by apply: Rmult_le_pos; lra.
  have y0 := pow2_ge_0 y.
  have cross : 2 * (x * y) <= P + rho * S * y ^ 2.
    apply: square_le; first by have := Rmult_le_pos _ _ rS y0; lra.
    have : x ^ 2 * y ^ 2 <= rho * S * P * y ^ 2 by apply: Rmult_le_compat_r.
    have := pow2_ge_0 (P - rho * S * y ^ 2); nra.
  have -> : c * ((1 + rho * S) * (1 - rho)) * (beta2 * v k + (1 - beta2) * g k ^ 2) = (1 + rho * S) * (P + y ^ 2) * (1 - rho).
    have -> : y ^ 2 = c * (1 - beta2) * g k ^ 2 by rewrite cp /y; ring.
    by rewrite /P; ring.
  apply: Rmult_le_compat_r; first lra.
  by rewrite -/x -/y; nra.
Qed.

Lemma bias_corrections k : (1 - beta2 ^ k) * (1 - rho ^ k) <= (1 - beta1 ^ k) ^ 2.
Proof.
  have pq : beta2 ^ k * rho ^ k = (beta1 ^ k) ^ 2.
    have br : beta2 * rho = beta1 ^ 2 by rewrite /rho; field; lra.
    by rewrite -Rpow_mult_distr br -!pow_mult Nat.mul_comm.
  have b2 : 0 <= beta2 < 1 by lra.
  have b1 : 0 <= beta1 < 1 by lra.
  have p0 := power_range k b2; have q0 := power_range k rho_range; have r0 := power_range k b1.
  set p := beta2 ^ k in p0 pq *; set q := rho ^ k in q0 pq *; set r := beta1 ^ k in r0 pq *.
  have : 2 * r <= p + q by apply: square_le; [lra | have := pow2_ge_0 (p - q); nra].
  nra.
Qed.

(** Adam's direction, both moments corrected for bias, with any epsilon in the denominator (0 too: then 0/0 = 0, as a dead coordinate). *)
Lemma adam_ratio_closed (g m v : nat -> R) (epsilon : R) (k : nat) : 0 <= epsilon ->
  m 0%N = 0 -> v 0%N = 0 -> (forall k, m k.+1 = beta1 * m k + (1 - beta1) * g k) -> (forall k, v k.+1 = beta2 * v k + (1 - beta2) * g k ^ 2) ->
  Rabs (m k.+1 / (1 - beta1 ^ k.+1) / (sqrt (v k.+1 / (1 - beta2 ^ k.+1)) + epsilon)) <= C_A beta1 beta2.
Proof.
  move=> e0 m0 v0 hm hv; have [vk mk] := adam_moments m0 v0 hm hv k.+1.
  have bias := bias_corrections k.+1.
  have p1 := power_below k (conj (Rlt_le _ _ beta2_positive) second_below_one).
  have q1 := power_below k rho_range; have r1 := power_below k (conj beta1_positive first_below_one).
  set p := beta2 ^ k.+1 in p1 bias *; set q := rho ^ k.+1 in q1 bias mk; set r := beta1 ^ k.+1 in r1 bias *.
  set a := m k.+1 in mk *; set b := v k.+1 in vk mk *.
  have d0 : 0 < (1 - beta2) * (1 - rho) by apply: Rmult_lt_0_compat; lra.
  have C0 : 0 <= C_A beta1 beta2 by apply: Rlt_le; apply: div_pos; [lra | exact: sqrt_lt_R0].
  have C2 : C_A beta1 beta2 * C_A beta1 beta2 = (1 - beta1) ^ 2 / ((1 - beta2) * (1 - rho)).
    have s0 := sqrt_lt_R0 _ d0; have ss := sqrt_sqrt _ (Rlt_le _ _ d0).
    transitivity ((1 - beta1) ^ 2 / (sqrt ((1 - beta2) * (1 - rho)) * sqrt ((1 - beta2) * (1 - rho)))); last by rewrite ss.
    by rewrite /C_A -/rho; field; lra.
  have w0 : 0 <= b / (1 - p) by apply: Rmult_le_pos => //; apply: Rlt_le; apply: Rinv_0_lt_compat; lra.
  set s := sqrt (b / (1 - p)); have s0 : 0 <= s by exact: sqrt_pos.
  have ss : s * s = b / (1 - p) by exact: sqrt_sqrt.
  have le : Rabs (a / (1 - r)) <= C_A beta1 beta2 * s.
    apply: square_le; first exact: Rmult_le_pos.
    rewrite -Rabs_mult Rabs_right; last by apply: Rle_ge; exact: Rle_0_sqr.
    have -> : C_A beta1 beta2 * s * (C_A beta1 beta2 * s) = (C_A beta1 beta2 * C_A beta1 beta2) * (s * s) by ring.
    rewrite C2 ss.
    have -> : a / (1 - r) * (a / (1 - r)) = a ^ 2 * (1 - rho) / ((1 - rho) * (1 - r) ^ 2) by field; lra.
    have -> : (1 - beta1) ^ 2 / ((1 - beta2) * (1 - rho)) * (b / (1 - p)) = (1 - beta1) ^ 2 / (1 - beta2) * b / ((1 - rho) * (1 - p)) by field; lra.
    apply: div_le; [by apply: Rmult_lt_0_compat; [lra | nra] | by apply: Rmult_lt_0_compat; lra |].
    set c := (1 - beta1) ^ 2 / (1 - beta2) in mk *; have c0 : 0 <= c by apply: Rlt_le; apply: div_pos; nra.
    apply: Rle_trans (_ : c * (1 - q) * b * ((1 - rho) * (1 - p)) <= _); first by apply: Rmult_le_compat_r => //; apply: Rmult_le_pos; lra.
    have -> : c * (1 - q) * b * ((1 - rho) * (1 - p)) = (c * b * (1 - rho)) * ((1 - p) * (1 - q)) by ring.
    have -> : c * b * ((1 - rho) * (1 - r) ^ 2) = (c * b * (1 - rho)) * (1 - r) ^ 2 by ring.
    by apply: Rmult_le_compat_l => //; apply: Rmult_le_pos; [exact: Rmult_le_pos | lra].
  case: (Req_dec (s + epsilon) 0) => z.
    have zs : s = 0 by lra.
    rewrite zs Rmult_0_r in le.
    have -> : a / (1 - r) = 0 by case: (Req_dec (a / (1 - r)) 0) => // /Rabs_pos_lt; lra.
    by rewrite /Rdiv Rmult_0_l Rabs_R0.
  have pos : 0 < s + epsilon by lra.
  rewrite /Rdiv Rabs_mult Rabs_inv (Rabs_right (s + epsilon)); last lra.
  apply: (Rmult_le_reg_r (s + epsilon)) => //; rewrite Rmult_assoc Rinv_l // Rmult_1_r.
  by rewrite /Rdiv in le; nra.
Qed.
End Adam.

Theorem adam_ratio (beta1 beta2 epsilon : R) (g m v : nat -> R) (k : nat) (beta1_positive : 0 <= beta1)
    (first_below_one : beta1 < 1) (second_below_one : beta2 < 1) (slower_second : beta1 ^ 2 < beta2) (epsilon_positive : 0 <= epsilon)
    (m_start : m 0%N = 0) (v_start : v 0%N = 0)
    (m_next : forall k, m k.+1 = beta1 * m k + (1 - beta1) * g k) (v_next : forall k, v k.+1 = beta2 * v k + (1 - beta2) * g k ^ 2) :
  Rabs (m k.+1 / (1 - beta1 ^ k.+1) / (sqrt (v k.+1 / (1 - beta2 ^ k.+1)) + epsilon)) <= C_A beta1 beta2.
Proof. exact: (@adam_ratio_closed _ _ beta1_positive first_below_one second_below_one slower_second g). Qed.

(** Equality: beta1 = beta2 and a constant gradient. *)
Theorem adam_ratio_equality (beta c : R) (m v : nat -> R) (k : nat) (positive : 0 < beta) (below_one : beta < 1) (gradient : 0 < c)
    (m_start : m 0%N = 0) (v_start : v 0%N = 0)
    (m_next : forall k, m k.+1 = beta * m k + (1 - beta) * c) (v_next : forall k, v k.+1 = beta * v k + (1 - beta) * c ^ 2) :
  Rabs (m k.+1 / (1 - beta ^ k.+1) / (sqrt (v k.+1 / (1 - beta ^ k.+1)) + 0)) = C_A beta beta.
Proof.
  have hm i : m i = (1 - beta ^ i) * c by elim: i => [|i ih]; rewrite ?m_start ?m_next ?ih /=; ring.
  have hv i : v i = (1 - beta ^ i) * c ^ 2 by elim: i => [|i ih]; rewrite ?v_start ?v_next ?ih /=; ring.
  have p1 := power_below k (conj (Rlt_le _ _ positive) below_one).
  rewrite hm hv; have -> : (1 - beta ^ k.+1) * c ^ 2 / (1 - beta ^ k.+1) = c * c by field; lra.
  have -> : (1 - beta ^ k.+1) * c / (1 - beta ^ k.+1) = c by field; lra.
  rewrite sqrt_square ?Rplus_0_r; last lra.
  have -> : c / c = 1 by field; lra.
  rewrite Rabs_R1 /C_A; have -> : (1 - beta) * (1 - beta ^ 2 / beta) = (1 - beta) * (1 - beta) by field; lra.
  by rewrite sqrt_square; [field; lra | lra].
Qed.

(** Adam on a group of any size, then an unscaled prox: the threshold knows no loss. *)
Theorem adam (J : finType) (theta d : nat -> vector J) (beta1 beta2 epsilon eta lam gamma theta0 : R) (g m v : J -> nat -> R)
    (step : 0 < eta) (slack : 0 < gamma) (start : norm (theta 0%N) <= theta0) (beta1_positive : 0 <= beta1)
    (first_below_one : beta1 < 1) (second_below_one : beta2 < 1) (slower_second : beta1 ^ 2 < beta2) (epsilon_positive : 0 <= epsilon)
    (m_start : forall j, m j 0%N = 0) (v_start : forall j, v j 0%N = 0)
    (m_next : forall j k, m j k.+1 = beta1 * m j k + (1 - beta1) * g j k) (v_next : forall j k, v j k.+1 = beta2 * v j k + (1 - beta2) * g j k ^ 2)
    (direction : forall k j, d k j = m j k.+1 / (1 - beta1 ^ k.+1) / (sqrt (v j k.+1 / (1 - beta2 ^ k.+1)) + epsilon))
    (run : forall k, theta k.+1 = soft (eta * lam) (vsub (theta k) (vscale eta (d k))))
    (penalty : C_A beta1 beta2 * sqrt (#J) + gamma <= lam) (k : nat)
    (late : (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z) : theta k = vzero.
Proof.
  apply: (finite_time step slack start run _ penalty late) => i.
  have each j : Rabs (d i j) <= C_A beta1 beta2.
    by rewrite direction; exact: (@adam_ratio _ _ epsilon (g j) (m j) (v j) i).
  have c0 : 0 <= C_A beta1 beta2.
    apply: Rlt_le; apply: div_pos; first lra.
    apply: sqrt_lt_R0; apply: Rmult_lt_0_compat; first lra.
    have b2 : 0 < beta2 by have := pow2_ge_0 beta1; lra.
    suff : beta1 ^ 2 / beta2 < 1 by lra.
    apply: (Rmult_lt_reg_r beta2) => //; have -> : beta1 ^ 2 / beta2 * beta2 = beta1 ^ 2 by field; lra.
    lra.
  apply: square_le; first by apply: Rmult_le_pos => //; exact: sqrt_pos.
  have -> : C_A beta1 beta2 * sqrt (#J) * (C_A beta1 beta2 * sqrt (#J)) = (sqrt (#J) * sqrt (#J)) * (C_A beta1 beta2 * C_A beta1 beta2) by ring.
  rewrite sqrt_sqrt; last exact: pos_INR.
  rewrite norm_square /dot -sum_const_all; apply: sum_le => j _.
  rewrite -[d i j * d i j]Rabs_right; last by apply: Rle_ge; exact: Rle_0_sqr.
  rewrite Rabs_mult; apply: Rmult_le_compat => //; exact: Rabs_pos.
Qed.

(** Gradients proportional to (beta2/beta1)^step - the gradient of age j to (beta1/beta2)^j - reach this number, which tends to C_A. *)
Theorem adam_reached (beta1 beta2 : R) (m v : nat -> R) (k : nat) (beta1_positive : 0 < beta1)
    (first_below_one : beta1 < 1) (second_below_one : beta2 < 1) (slower_second : beta1 ^ 2 < beta2)
    (m_start : m 0%N = 0) (v_start : v 0%N = 0)
    (m_next : forall k, m k.+1 = beta1 * m k + (1 - beta1) * (beta2 / beta1) ^ k)
    (v_next : forall k, v k.+1 = beta2 * v k + (1 - beta2) * ((beta2 / beta1) ^ k) ^ 2) :
  m k.+1 / (1 - beta1 ^ k.+1) / (sqrt (v k.+1 / (1 - beta2 ^ k.+1)) + 0)
  = (1 - beta1) / (1 - beta1 ^ k.+1) * sqrt ((1 - beta2 ^ k.+1) * (1 - (beta1 ^ 2 / beta2) ^ k.+1) / ((1 - beta2) * (1 - beta1 ^ 2 / beta2))).
Proof.
  have b2 : 0 < beta2 by have := pow2_ge_0 beta1; lra.
  set w := beta2 / beta1 in m_next v_next *.
  have w0 : 0 < w by exact: div_pos.
  have wb : w * beta1 = beta2 by rewrite /w; field; lra.
  have wgt : beta1 < w by apply: (Rmult_lt_reg_r beta1) => //; rewrite wb; lra.
  have rho_is : beta1 ^ 2 / beta2 = beta1 / w by rewrite -wb; field; lra.
  have hm i : m i = (1 - beta1) * (w ^ i - beta1 ^ i) / (w - beta1).
    by elim: i => [|i ih]; rewrite ?m_start ?m_next ?ih /=; field; lra.
  have hv i : v i = (1 - beta2) * w ^ i * (w ^ i - beta1 ^ i) / (w * (w - beta1)).
    by elim: i => [|i ih]; rewrite ?v_start ?v_next ?ih /=; [field; lra | rewrite -wb; field; lra].
  set n := k.+1; have b1n : beta1 ^ n < 1 by apply: power_below; lra.
  have b2n : beta2 ^ n < 1 by apply: power_below; lra.
  have W0 : 0 < w ^ n by exact: pow_lt.
  have r1 : beta1 / w < 1.
    apply: (Rmult_lt_reg_r w) => //; have -> : beta1 / w * w = beta1 by field; lra.
    lra.
  have r0 : 0 <= beta1 / w by apply: Rlt_le; exact: div_pos.
  have rn : (beta1 / w) ^ n < 1 by apply: power_below.
  have D_is : w ^ n - beta1 ^ n = w ^ n * (1 - (beta1 / w) ^ n).
    rewrite Rmult_minus_distr_l Rmult_1_r -Rpow_mult_distr; congr (_ - _ ^ _); field; lra.
  rewrite rho_is hm hv; set D := w ^ n - beta1 ^ n in D_is *; set W := w ^ n in W0 D_is *; set r := (beta1 / w) ^ n in rn D_is *.
  have D0 : 0 < D by rewrite D_is; apply: Rmult_lt_0_compat; lra.
  set p1 := beta1 ^ n in b1n *; set p2 := beta2 ^ n in b2n *.
  set y := (1 - beta2) * W * D / (w * (w - beta1)) / (1 - p2); set X := (1 - p2) * (1 - r) / ((1 - beta2) * (1 - beta1 / w)).
  have y0 : 0 < y by do 2 (apply: div_pos; last by [apply: Rmult_lt_0_compat; lra | lra]); do 2 (apply: Rmult_lt_0_compat => //); lra.
  have X0 : 0 < X by apply: div_pos; apply: Rmult_lt_0_compat; lra.
  have yX : sqrt y * sqrt X = D / (w - beta1).
    rewrite -sqrt_mult; [|lra|lra].
    have -> : y * X = D / (w - beta1) * (D / (w - beta1)).
      by rewrite /y /X D_is; field; lra.
    by rewrite sqrt_square //; apply: Rlt_le; apply: div_pos; lra.
  have sy := sqrt_lt_R0 _ y0.
  have -> : (1 - beta1) * D / (w - beta1) = (1 - beta1) * (sqrt y * sqrt X) by rewrite yX; field; lra.
  by rewrite Rplus_0_r; field; lra.
Qed.

(** The often quoted (1 - beta1)/sqrt (1 - beta2) = 3.16 is no bound: 4.17 is reached after 400 steps ([adam_reached]). *)
Theorem adam_quoted :
  (1 - 9 / 10) / sqrt (1 - 999 / 1000)
  < (1 - 9 / 10) / (1 - (9 / 10) ^ 400)
    * sqrt ((1 - (999 / 1000) ^ 400) * (1 - ((9 / 10) ^ 2 / (999 / 1000)) ^ 400) / ((1 - 999 / 1000) * (1 - (9 / 10) ^ 2 / (999 / 1000)))).
Proof. apply: (Rlt_trans _ (7 / 2)); enclose. Qed.

(** * What does not extinguish *)

(** The plain subgradient step; a zero group has the subgradient 0. *)
Definition unit_vector (J : finType) (theta : vector J) : vector J := vscale (/ norm theta) theta.
Definition subgradient_step (J : finType) (eta lam : R) (theta v : vector J) : vector J := vsub theta (vscale eta (vadd (vscale lam (unit_vector theta)) v)).

Theorem subgradient_ball (J : finType) (eta lam G_bar gamma : R) (theta v : vector J) (step : 0 < eta) (slack : 0 < gamma)
    (bounded : norm v <= G_bar) (penalty : G_bar + gamma <= lam) :
  norm (subgradient_step eta lam theta v) <= Rmax (eta * (lam + G_bar)) (norm theta - eta * gamma).
Proof.
  have v0 := norm_ge0 v; have t0 := norm_ge0 theta.
  have -> : subgradient_step eta lam theta v = vsub (vscale (1 - eta * lam * / norm theta) theta) (vscale eta v).
    by apply: vector_eq => j; rewrite /subgradient_step /unit_vector /vsub /vadd /vscale; ring.
  apply: Rle_trans (norm_vsub _ _) _; rewrite norm_vscale (norm_vscale_pos v); last lra.
  have push : eta * norm v <= eta * G_bar by apply: Rmult_le_compat_l; lra.
  have pull : Rabs (1 - eta * lam * / norm theta) * norm theta <= Rmax (eta * lam) (norm theta - eta * lam).
    case: t0 => [pos|<-]; last by rewrite Rmult_0_r; apply: (Rle_trans _ (eta * lam)); [nra | exact: Rmax_l].
    rewrite -{2}(Rabs_right (norm theta)); last lra.
    rewrite -Rabs_mult; have -> : (1 - eta * lam * / norm theta) * norm theta = norm theta - eta * lam by field; lra.
    apply: abs_le; first exact: Rmax_r.
    by apply: (Rle_trans _ (eta * lam)); [lra | exact: Rmax_l].
  case: (Rle_or_lt (norm theta - eta * lam) (eta * lam)) => h.
    rewrite Rmax_left // in pull; apply: (Rle_trans _ (eta * (lam + G_bar))); [lra | exact: Rmax_l].
  rewrite Rmax_right in pull; last lra.
  by apply: (Rle_trans _ (norm theta - eta * gamma)); [nra | exact: Rmax_r].
Qed.

(** Without any loss, from 1/20 with eta = 1/10 and lam = 3/2: 1/20, -1/10, 1/20, ... for ever. *)
Theorem subgradient (theta : nat -> vector unit_finType) (start : theta 0%N tt = 1 / 20)
    (run : forall k, theta k.+1 = subgradient_step (1 / 10) (3 / 2) (theta k) vzero) (k : nat) : theta k <> vzero.
Proof.
  have one (v : vector unit_finType) : norm v = Rabs (v tt).
    apply: norm_is; first exact: Rabs_pos.
    rewrite /dot (big_pred1 tt) => [|[]] //; rewrite -Rabs_mult Rabs_right //.
    by apply: Rle_ge; exact: Rle_0_sqr.
  suff h : theta k tt = 1 / 20 \/ theta k tt = - (1 / 10).
    by move=> e; rewrite e /vzero in h; case: h; lra.
  elim: k => [|k ih]; first by left.
  rewrite run /subgradient_step /unit_vector /vsub /vscale /vadd /vzero one.
  case: ih => ->; [rewrite Rabs_right; last lra | rewrite Rabs_left; last lra]; [right | left]; field.
Qed.

(** A two-by-two matrix by its entries. *)
Definition matrix2 (a b c d : R) : vector (prod_finType bool_finType bool_finType) :=
  fun p => if p.1 then (if p.2 then d else c) else (if p.2 then b else a).

(** [[2, 1], [0, 2]] = Q S with Q = [[4, 1], [-1, 4]]/sqrt 17 orthogonal and S symmetric, at least the identity: all singular values are at
    least 1, and clipping them at 1 leaves Q, whose entry in the zero block is -1/sqrt 17. *)
Theorem spectral_clipping :
  let W := matrix2 2 1 0 2 in let Q := matrix2 (4 / sqrt 17) (1 / sqrt 17) (- (1 / sqrt 17)) (4 / sqrt 17) in
  let S := matrix2 (8 / sqrt 17) (2 / sqrt 17) (2 / sqrt 17) (9 / sqrt 17) in
  [/\ W (true, false) = 0, forall v, norm (apply Q v) = norm v, forall v, apply W v = apply Q (apply S v),
      forall u v, dot u (apply S v) = dot (apply S u) v & forall v, dot v v <= dot v (apply S v)] /\ 6 / 25 < Rabs (Q (true, false)).
Proof.
  have s0 : 0 < sqrt 17 by apply: sqrt_lt_R0; lra.
  have ss : sqrt 17 * sqrt 17 = 17 by apply: sqrt_sqrt; lra.
  have i0 : 0 < / sqrt 17 by exact: Rinv_0_lt_compat.
  have ii : / sqrt 17 * / sqrt 17 = / 17 by rewrite -Rinv_mult ss.
  have two (u v : vector bool_finType) : dot u v = u true * v true + u false * v false by rewrite /dot big_bool.
  have ap (M : vector (prod_finType bool_finType bool_finType)) v i : apply M v i = M (i, true) * v true + M (i, false) * v false by rewrite /apply big_bool.
  have up : sqrt 17 < 25 / 6 by apply: Rnot_le_lt => le; nra.
  have lo : 4 < sqrt 17 by apply: Rnot_le_lt => le; nra.
  move=> W Q S; split; [split=> //|].
  - move=> v; apply: norm_is; first exact: norm_ge0.
    rewrite norm_square !two !ap /Q /matrix2 /= /Rdiv; set i := / sqrt 17 in ii *.
    set a := v true; set b := v false.
    have -> : (4 * i * a + - (1 * i) * b) * (4 * i * a + - (1 * i) * b) + (1 * i * a + 4 * i * b) * (1 * i * a + 4 * i * b)
              = 17 * (i * i) * (a * a + b * b) by ring.
    by rewrite ii; field.
  - move=> v; apply: vector_eq => j; rewrite !ap /W /Q /S /matrix2 /= /Rdiv; set i := / sqrt 17 in ii *.
    set a := v true; set b := v false; case: j => /=.
      have -> : 4 * i * (9 * i * a + 2 * i * b) + - (1 * i) * (2 * i * a + 8 * i * b) = (i * i) * (34 * a) by ring.
      by rewrite ii; field.
    have -> : 1 * i * (9 * i * a + 2 * i * b) + 4 * i * (2 * i * a + 8 * i * b) = (i * i) * (17 * a + 34 * b) by ring.
    by rewrite ii; field.
  - by move=> u v; rewrite !two !ap /S /matrix2 /=; ring.
  - move=> v; rewrite !two !ap /S /matrix2 /= /Rdiv; set a := v true; set b := v false.
    have inv : 6 / 25 < / sqrt 17.
      by apply: (Rmult_lt_reg_r (sqrt 17)) => //; rewrite Rinv_l; lra.
    have : 0 <= (9 * / sqrt 17 - 1) * (a * a) + 4 * / sqrt 17 * (a * b) + (8 * / sqrt 17 - 1) * (b * b).
      set i := / sqrt 17 in inv *; have := pow2_ge_0 (a + b); have := pow2_ge_0 a; have := pow2_ge_0 b; nra.
    nra.
  - rewrite /Q /matrix2 /= Rabs_Ropp Rabs_right; last by apply: Rle_ge; apply: Rlt_le; apply: div_pos; lra.
    apply: (Rmult_lt_reg_r (sqrt 17)) => //; have -> : 1 / sqrt 17 * sqrt 17 = 1 by field; lra.
    lra.
Qed.

(** * In floating point *)

(** A zero group stays exactly zero: [unit] is the roundoff u, [p] the number of parameters of the group. *)
Theorem float_stays (computed_norm computed_threshold eta lam gamma G_bar vector_norm p unit : R)
    (step : 0 < eta) (slack_positive : 0 < gamma) (bound : 0 <= G_bar) (size : 0 <= p) (roundoff : 0 <= unit)
    (rounding_norm : computed_norm <= (1 + (p + 5) * unit) * eta * vector_norm)
    (rounding_threshold : (1 - 3 * unit) * eta * lam <= computed_threshold)
    (bounded : vector_norm <= G_bar) (penalty : G_bar + gamma <= lam) (slack : (p + 8) * unit * (G_bar + gamma) <= gamma) :
  computed_norm <= computed_threshold.
Proof.
  have pu : 0 <= p * unit by exact: Rmult_le_pos.
  have few : (p + 8) * unit <= 1.
    by apply: (Rmult_le_reg_r gamma) => //; have : 0 <= (p + 8) * unit * G_bar by [apply: Rmult_le_pos => //; nra]; lra.
  apply: Rle_trans rounding_norm _; apply: Rle_trans rounding_threshold.
  have a : (1 + (p + 5) * unit) * eta * vector_norm <= (1 + (p + 5) * unit) * eta * G_bar by apply: Rmult_le_compat_l => //; apply: Rmult_le_pos; lra.
  have b : (1 - 3 * unit) * eta * (G_bar + gamma) <= (1 - 3 * unit) * eta * lam by apply: Rmult_le_compat_l => //; apply: Rmult_le_pos; lra.
  have c : eta * ((p + 8) * unit * (G_bar + gamma)) <= eta * gamma by apply: Rmult_le_compat_l; lra.
  have d : 0 <= eta * ((p + 5) * unit * gamma) by apply: Rmult_le_pos; [lra | apply: Rmult_le_pos; lra].
  lra.
Qed.

(** Zeros come after ceil(theta0/(eta gamma_f)) steps, gamma_f what rounding leaves of gamma. *)
Theorem float_zero (norms vectors : nat -> R) (eta lam gamma G_bar gamma_f theta0 p unit : R)
    (step : 0 < eta) (slack_positive : 0 < gamma) (left_positive : 0 < gamma_f) (bound : 0 <= G_bar) (size : 0 <= p) (roundoff : 0 <= unit)
    (norms_positive : forall k, 0 <= norms k) (start : norms 0%N <= theta0)
    (rounding_step : forall k, norms k.+1 <= Rmax 0 ((1 + 8 * unit) * (norms k + eta * vectors k) - (1 - (p + 8) * unit) * eta * lam))
    (bounded : forall k, vectors k <= G_bar) (penalty : G_bar + gamma <= lam)
    (slack : gamma_f <= gamma - (p + 16) * unit * (2 * G_bar + gamma + theta0 / eta)) (k : nat)
    (late : (Zceil (theta0 / (eta * gamma_f)) <= Z.of_nat k)%Z) : norms k = 0.
Proof.
  have t0 : 0 <= theta0 by apply: Rle_trans (norms_positive 0%N) start.
  have pu : 0 <= p * unit by exact: Rmult_le_pos.
  have te : 0 <= theta0 / eta by apply: Rmult_le_pos => //; apply: Rlt_le; exact: Rinv_0_lt_compat.
  have few : (p + 16) * unit <= 1.
    apply: (Rmult_le_reg_r gamma) => //; have : 0 <= (p + 16) * unit * (2 * G_bar + theta0 / eta) by apply: Rmult_le_pos; lra.
    lra.
  have slack' : eta * gamma_f <= eta * gamma - (p + 16) * unit * (2 * eta * G_bar + eta * gamma + theta0).
    have : eta * gamma_f <= eta * (gamma - (p + 16) * unit * (2 * G_bar + gamma + theta0 / eta)) by apply: Rmult_le_compat_l; lra.
    have -> : eta * (gamma - (p + 16) * unit * (2 * G_bar + gamma + theta0 / eta))
              = eta * gamma - (p + 16) * unit * (2 * eta * G_bar + eta * gamma + theta0) by field; lra.
    lra.
  have net i : norms i <= theta0 -> (1 + 8 * unit) * (norms i + eta * vectors i) - (1 - (p + 8) * unit) * eta * lam <= norms i - eta * gamma_f.
    move=> below.
    have a : (1 + 8 * unit) * (eta * vectors i) <= (1 + 8 * unit) * (eta * G_bar).
      by apply: Rmult_le_compat_l; [lra | apply: Rmult_le_compat_l; [lra | exact: bounded]].
    have b : (1 - (p + 8) * unit) * eta * (G_bar + gamma) <= (1 - (p + 8) * unit) * eta * lam.
      by apply: Rmult_le_compat_l => //; apply: Rmult_le_pos; lra.
    have c : 8 * unit * norms i <= 8 * unit * theta0 by apply: Rmult_le_compat_l; lra.
    have eg : 0 <= eta * G_bar by apply: Rmult_le_pos; lra.
    have ey : 0 <= eta * gamma by apply: Rmult_le_pos; lra.
    have x : 0 <= unit * (eta * G_bar) /\ 0 <= unit * (eta * gamma) /\ 0 <= unit * theta0 by split; [|split]; apply: Rmult_le_pos.
    have y : 0 <= p * unit * (eta * G_bar) /\ 0 <= p * unit * (eta * gamma) /\ 0 <= p * unit * theta0 by split; [|split]; apply: Rmult_le_pos.
    lra.
  have below i : norms i <= theta0.
    elim: i => [|i ih] //; apply: Rle_trans (rounding_step i) _; apply: Rmax_lub => //.
    have := net i ih; have : 0 <= eta * gamma_f by apply: Rmult_le_pos; lra.
    lra.
  have each i : norms i.+1 <= Rmax 0 (norms i - eta * gamma_f).
    by apply: Rle_trans (rounding_step i) _; apply: Rle_max_compat_l; apply: net; exact: below.
  have h := @falls norms (fun=> eta) gamma_f theta0 start (Rlt_le _ _ left_positive) (fun=> Rlt_le _ _ step) each k.
  have := dead_after step left_positive h late; have := norms_positive k; lra.
Qed.

(** gamma >= (p + 8) u (G_bar + gamma) does not make zeros come: with eta = 2^-30, lam = 2, G_bar = 1 a float32 group at 1 is moved by less than
    half a unit in the last place, and 1 - 3 2^-30 is rounded back to 1. *)
Theorem float_stagnation : let u := / 2 ^ 24 in 9 * u * (1 + 1) <= 1 /\ 1 - u / 2 < 1 - / 2 ^ 30 * (2 + 1).
Proof. move=> u; rewrite /u; lra. Qed.
