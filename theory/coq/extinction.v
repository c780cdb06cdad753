(** Extinction: above the threshold a group is exactly zero after finitely many proximal steps and stays zero.

    A group is a real vector, a step is theta+ = soft (eta lam) (theta - eta v) with the soft threshold [soft], which is proved to be the
    proximal map of the norm. The vectors v are any vectors of norm at most G_bar: gradients of any loss, minibatch or clipped gradients,
    momentum, Adam's direction.

    Against the informal statement: runs are sequences of vectors of any dimension; the ceiling is Flocq's [Zceil]; the floating-point
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
