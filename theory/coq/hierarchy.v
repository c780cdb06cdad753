(** Hierarchy: a router over experts, and recruitment of blocks and of whole experts on one potential.

    The router is a distribution [r] over a finite type of experts, the row of expert e a distribution [a e] over one finite type of keys
    (0 where it does not see a key, so experts may share keys or not). A step is an exact proximal step: [next] minimises
    |y - (theta - eta g)|^2/2 + eta R(y) over a convex set. A run is any sequence of events on one potential.

    Against the informal statement: sums over right and wrong experts are sums over a set and its complement; weights may be 0 (0 ln 0 = 0);
    R is any convex function on a convex set, so group norms and Frobenius balls are both covered; smoothness is its quadratic upper
    bound along the step; counts of moves are sums of 0 and 1. *)

From Coq Require Import Reals Lra Psatz.
From mathcomp Require Import all_ssreflect.
From Localist Require Import Sums Vectors.
From Localist Require extinction.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

(** * Composition *)

Section Composition.
Variables (E J : finType).
Implicit Types (r : E -> R) (a : E -> J -> R) (G : E -> {set J}) (right : {set E}).

(** Weight of the pair of expert and key; weight of the key, whatever the expert; fidelity of the pair. *)
Definition joint r a : prod_finType E J -> R := fun p => r p.1 * a p.1 p.2.
Definition pointer r a : J -> R := fun j => \sum_e r e * a e j.
Definition fidelity r a G := \sum_e r e * mass (a e) (G e).

Theorem composition r a G right (eps_r eps_b : R) (law : distribution r) (rows : forall e, distribution (a e))
    (router : 1 - eps_r <= mass r right) (pointer : forall e, e \in right -> 1 - eps_b <= mass (a e) (G e)) (share : eps_b <= 1) :
  1 - fidelity r a G <= eps_r + eps_b - eps_r * eps_b.
Proof.
  have [r0 _] := law; rewrite /fidelity (sum_split right).
  have wrong : 0 <= \sum_(e in ~: right) r e * mass (a e) (G e).
    by apply: sum_ge0 => e _; apply: Rmult_le_pos; [exact: r0 | exact: mass_ge0].
  have inside : \sum_(e in right) r e * (1 - eps_b) <= \sum_(e in right) r e * mass (a e) (G e).
    by apply: sum_le => e he; apply: Rmult_le_compat_l; [exact: r0 | exact: pointer].
  rewrite sum_scale_right -/(mass r right) in inside; nra.
Qed.

Lemma plogp (x y : R) : 0 <= x -> 0 <= y -> x * y * ln (x * y) = y * (x * ln x) + x * (y * ln y).
Proof.
  move=> [hx|<-] [hy|<-]; rewrite ?Rmult_0_r ?Rmult_0_l ?Rmult_0_r; try ring.
  by rewrite ln_mult //; ring.
Qed.

Lemma entropy_joint r a : entropy (joint r a) = - (\sum_e \sum_j r e * a e j * ln (r e * a e j)).
Proof. by rewrite /entropy /joint -(pair_bigA _ (fun e j => r e * a e j * ln (r e * a e j))). Qed.

(** Entropy of expert and pointer: that of the router plus the mean of the rows'. *)
Theorem chain_rule r a (law : distribution r) (rows : forall e, distribution (a e)) :
  entropy (joint r a) = entropy r + \sum_e r e * entropy (a e).
Proof.
  have [r0 _] := law; rewrite entropy_joint.
  rewrite (sum_eq (g := fun e => r e * ln (r e) - r e * entropy (a e))) => [|e _]; first by rewrite sum_sub /entropy; ring.
  have [a0 a1] := rows e.
  rewrite (sum_eq (g := fun j => r e * ln (r e) * a e j + r e * (a e j * ln (a e j)))) => [|j _]; last by rewrite plogp //; ring.
  by rewrite sum_add !sum_scale a1 /entropy; ring.
Qed.

(** A row on n keys has entropy at most ln n. *)
Theorem row_entropy (p : J -> R) (seen : {set J}) (row : distribution p) (visible : forall j, j \notin seen -> p j = 0) :
  entropy p <= ln (#seen).
Proof.
  have [p0 p1] := row; have [k pk] := distribution_inhabited row.
  have hk : k \in seen by case: (boolP (k \in seen)) => // /visible; lra.
  have n1 := card_pos hk; rewrite /entropy (sum_split seen).
  have -> : \sum_(j in ~: seen) p j * ln (p j) = 0 by apply: sum_zero => j; rewrite inE => /visible ->; ring.
  have one : \sum_(j in seen) p j = 1.
    by rewrite -p1 (sum_split seen) [X in _ + X]sum_zero => [|j]; [ring | rewrite inE => /visible].
  have : \sum_(j in seen) (p j * ln (/ #seen) - p j * ln (p j)) <= \sum_(j in seen) (/ #seen - p j).
    by apply: sum_le => j _; apply: gibbs_term => //; apply: Rinv_0_lt_compat; lra.
  rewrite !sum_sub sum_scale_right sum_const one ln_Rinv; last lra.
  have -> : #seen * / #seen = 1 by field; lra.
  lra.
Qed.

Theorem entropy_bound r a right (eps_r H_r H_b n_max : R) (law : distribution r) (row : forall e, distribution (a e))
    (router : entropy r <= H_r) (right_experts : forall e, e \in right -> entropy (a e) <= H_b)
    (rows : forall e, entropy (a e) <= ln n_max) (mass : outside r right <= eps_r) (share : eps_r <= 1) :
  entropy (joint r a) <= H_r + (1 - eps_r) * H_b + eps_r * ln n_max.
Proof.
  have [r0 _] := law; rewrite chain_rule // (sum_split right).
  have wrong : \sum_(e in ~: right) r e * entropy (a e) <= outside r right * ln n_max.
    by rewrite /outside -sum_scale_right; apply: sum_le => e _; apply: Rmult_le_compat_l; [exact: r0 | exact: rows].
  have total := mass_outside right law; have o0 := outside_ge0 right law; have m0 := mass_ge0 right law.
  have inside (c : R) : (forall e, e \in right -> entropy (a e) <= c) ->
      \sum_(e in right) r e * entropy (a e) <= Sums.mass r right * c.
    by move=> h; rewrite /Sums.mass -sum_scale_right; apply: sum_le => e he; apply: Rmult_le_compat_l; [exact: r0 | exact: h].
  case: (Rle_or_lt (ln n_max) H_b) => order.
    have := inside (ln n_max) (fun e _ => rows e); nra.
  have := inside H_b right_experts; nra.
Qed.

Lemma pair_le_pointer r a e j : distribution r -> (forall e, distribution (a e)) -> r e * a e j <= pointer r a j.
Proof.
  move=> [r0 _] rows; apply: (@term_le_sum _ predT (fun e => r e * a e j)) => // i _.
  by apply: Rmult_le_pos => //; have [] := rows i.
Qed.

Lemma entropy_by_key r a : entropy (joint r a) = - (\sum_j \sum_e r e * a e j * ln (r e * a e j)).
Proof. by rewrite entropy_joint exchange_big. Qed.

Lemma pair_surprisal r a e j : distribution r -> (forall e, distribution (a e)) ->
  r e * a e j * ln (r e * a e j) <= r e * a e j * ln (pointer r a j).
Proof.
  move=> law rows; have le := pair_le_pointer e j law rows.
  have : 0 <= r e * a e j by apply: Rmult_le_pos; [case: law | case: (rows e)].
  case=> [pos|<-]; last by rewrite !Rmult_0_l; lra.
  by apply: Rmult_le_compat_l; [lra | exact: ln_le_mono].
Qed.

Lemma entropy_pointer r a : entropy (pointer r a) = - (\sum_j \sum_e r e * a e j * ln (pointer r a j)).
Proof. by rewrite /entropy; congr (- _); apply: sum_eq => j _; rewrite sum_scale_right. Qed.

(** The pointer alone has at most the entropy of expert and pointer. *)
Theorem marginal r a (law : distribution r) (rows : forall e, distribution (a e)) : entropy (pointer r a) <= entropy (joint r a).
Proof.
  rewrite entropy_pointer entropy_by_key; apply: Ropp_le_contravar.
  by apply: sum_le => j _; apply: sum_le => e _; exact: pair_surprisal.
Qed.

(** It has all of it exactly where the pointer determines the expert. *)
Theorem marginal_equality r a (law : distribution r) (rows : forall e, distribution (a e)) :
  entropy (pointer r a) = entropy (joint r a) <-> forall j e e', e != e' -> r e * a e j = 0 \/ r e' * a e' j = 0.
Proof.
  have w0 e j : 0 <= r e * a e j by apply: Rmult_le_pos; [case: law | case: (rows e)].
  have only e j : 0 < r e * a e j -> r e * a e j = pointer r a j -> forall e', e != e' -> r e' * a e' j = 0.
    move=> pos eq e' ne; have : pointer r a j = r e * a e j + \sum_(i | i != e) r i * a i j by rewrite /pointer (bigD1 e).
    have := @term_le_sum _ (fun i => i != e) (fun i => r i * a i j) e'; rewrite eq_sym ne => /(_ isT (fun i _ => w0 i j)).
    have := w0 e' j; lra.
  rewrite entropy_pointer entropy_by_key; split=> [|alone].
    move=> /Ropp_eq_compat; rewrite !Ropp_involutive => eq j e e' ne.
    have outer k (_ : true) : \sum_e r e * a e k * ln (r e * a e k) <= \sum_e r e * a e k * ln (pointer r a k).
      by apply: sum_le => i _; exact: pair_surprisal.
    have at_j := sum_le_eq outer (esym eq) (i := j) isT.
    have inner i (_ : true) : r i * a i j * ln (r i * a i j) <= r i * a i j * ln (pointer r a j) by exact: pair_surprisal.
    have at_e := sum_le_eq inner at_j (i := e) isT.
    case: (w0 e j) => [pos|<-]; last by left.
    right; apply: (only e j pos _ e' ne); have le := pair_le_pointer e j law rows.
    by apply: ln_inv; [exact: pos | lra | apply: Rmult_eq_reg_l at_e _; lra].
  congr (- _); apply: sum_eq => j _; apply: sum_eq => e _.
  case: (w0 e j) => [pos|<-]; last by rewrite !Rmult_0_l.
  suff -> : pointer r a j = r e * a e j by [].
  rewrite /pointer (bigD1 e) //= sum_zero ?Rplus_0_r // => i; rewrite eq_sym => ne.
  by case: (alone j e i ne) => // zero; lra.
Qed.

End Composition.

(** Attained: a wrong expert that always misses, a right one that misses eps_b, weights 1 - eps_r and eps_r. *)
Theorem composition_attained (eps_r eps_b : R) (router : 0 <= eps_r <= 1) (pointer : 0 <= eps_b <= 1) :
  let r e := if e then 1 - eps_r else eps_r in let a (e j : bool) := if e then (if j then 1 - eps_b else eps_b) else (if j then 0 else 1) in
  [/\ distribution r, forall e, distribution (a e) & 1 - fidelity r a (fun=> [set true]) = eps_r + eps_b - eps_r * eps_b].
Proof.
  move=> r a; split.
  - by split=> [e|]; [rewrite /r; case: e; lra | rewrite big_bool /r /=; lra].
  - move=> e; split=> [j|]; first by rewrite /a; case: e; case: j; lra.
    by rewrite big_bool /a; case: e => /=; lra.
  by rewrite /fidelity big_bool /mass !big_set1 /r /a /=; ring.
Qed.

(** Experts that share keys: router and rows have 2 ln 2 together, the pointer ln 2. *)
Theorem shared_keys : let r (e : bool) := 1 / 2 in let a (e j : bool) := 1 / 2 in entropy (pointer r a) < entropy (joint r a).
Proof.
  move=> r a; have half : distribution (fun _ : bool => 1 / 2) by split=> [_|]; rewrite ?big_bool /=; lra.
  have l2 : 0 < ln 2 by rewrite -ln_1; apply: ln_increasing; lra.
  have coin : entropy (fun _ : bool => 1 / 2) = ln 2.
    by rewrite /entropy big_bool /= (_ : 1 / 2 = / 2) ?ln_Rinv; [field | lra | lra].
  rewrite (chain_rule half (fun=> half)) big_bool /r /a /= coin.
  rewrite (entropy_eq (b := fun _ : bool => 1 / 2)) ?coin; first by lra.
  by move=> j; rewrite /pointer big_bool /=; lra.
Qed.

(** * Proximal gradient *)

Section Descent.
Variable (J : finType).
Implicit Types (u v theta next g y z : vector J) (K : vector J -> Prop) (L rest : vector J -> R).

Definition between u v (s : R) : vector J := vadd u (vscale s (vsub v u)).
Definition convex_set K := forall u v (s : R), K u -> K v -> 0 <= s <= 1 -> K (between u v s).
Definition convex_on K rest := forall u v (s : R), K u -> K v -> 0 <= s <= 1 -> rest (between u v s) <= (1 - s) * rest u + s * rest v.
(** What a proximal step minimises. *)
Definition prox_of (eta : R) rest z y := dot (vsub y z) (vsub y z) / 2 + eta * rest y.
Definition minimises K (f : vector J -> R) next := K next /\ forall y, K y -> f next <= f y.
Definition square v := dot v v.

Lemma dot_line u v (s : R) : dot (vadd u (vscale s v)) (vadd u (vscale s v)) = dot u u + 2 * s * dot u v + s * s * dot v v.
Proof. by rewrite dot_add_left !dot_add_right !dot_scale_left !dot_scale_right (dot_comm v u); ring. Qed.

(** The minimiser is no worse than any point between it and theta. *)
Lemma three_points K rest theta next g (eta : R) : 0 < eta -> convex_set K -> convex_on K rest -> K theta ->
  minimises K (prox_of eta rest (vsub theta (vscale eta g))) next ->
  rest next + dot g (vsub next theta) + square (vsub next theta) / eta <= rest theta.
Proof.
  move=> e0 set convex inside [there least].
  set z := vsub theta (vscale eta g); set d := vsub theta next.
  set X := dot (vsub next z) d + eta * (rest theta - rest next).
  have dd : 0 <= dot d d by exact: dot_self_ge0.
  have move_by (s : R) : 0 <= s <= 1 -> 0 <= s * (X + s * dot d d / 2).
    move=> hs; have := least _ (set _ _ s there inside hs); rewrite /prox_of -/z.
    have := Rmult_le_compat_l eta _ _ ltac:(lra) (convex _ _ s there inside hs).
    have -> : vsub (between next theta s) z = vadd (vsub next z) (vscale s d).
      by apply: vector_eq => j; rewrite /between /d /vsub /vadd /vscale; ring.
    rewrite dot_line /X; lra.
  have X0 : 0 <= X.
    apply: Rnot_lt_le => neg; case: dd => [pos|zero]; last by have := move_by 1 ltac:(lra); rewrite -zero; lra.
    case: (Rle_or_lt (- X / dot d d) 1) => far.
      have s0 : 0 < - X / dot d d by apply: div_pos; lra.
      have := move_by (- X / dot d d) ltac:(lra).
      have -> : X + - X / dot d d * dot d d / 2 = X / 2 by field; lra.
      nra.
    have : dot d d < - X.
      have := Rmult_lt_compat_r _ _ _ pos far; have -> : - X / dot d d * dot d d = - X by field; lra.
      lra.
    by have := move_by 1 ltac:(lra); lra.
  have e1 : dot (vsub next z) d = - dot d d + eta * dot g d.
    have -> : vsub next z = vadd (vscale (- 1) d) (vscale eta g).
      by apply: vector_eq => j; rewrite /z /d /vsub /vadd /vscale; ring.
    by rewrite dot_add_left !dot_scale_left; ring.
  have back : vsub next theta = vscale (- 1) d by apply: vector_eq => j; rewrite /d /vsub /vscale; ring.
  rewrite /square back !dot_scale_left !dot_scale_right.
  move: X0; rewrite /X e1 => X0.
  have -> : -1 * (-1 * dot d d) / eta = dot d d * / eta by rewrite /Rdiv; ring.
  have inv : 0 < / eta by exact: Rinv_0_lt_compat.
  have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ inv) X0.
  have -> : (- dot d d + eta * dot g d + eta * (rest theta - rest next)) * / eta = - (dot d d * / eta) + dot g d + rest theta - rest next.
    by field; lra.
  lra.
Qed.

(** What a proximal step lowers the objective by. *)
Theorem descent K L rest theta next g (eta L_s : R) (positive : 0 < eta) (set : convex_set K) (convex : convex_on K rest)
    (inside : K theta) (prox : minimises K (prox_of eta rest (vsub theta (vscale eta g))) next)
    (smooth : L next <= L theta + dot g (vsub next theta) + L_s / 2 * (norm (vsub next theta) * norm (vsub next theta))) :
  L next + rest next <= L theta + rest theta - (1 / eta - L_s / 2) * (norm (vsub next theta) * norm (vsub next theta)).
Proof.
  have := three_points positive set convex inside prox; rewrite norm_square in smooth *.
  rewrite /square /Rdiv Rmult_1_l; lra.
Qed.

(** Steps of size at most 1/L_s lower it by eta |P|^2/2. *)
Theorem descent_step K L rest theta next g (eta L_s : R) (positive : 0 < eta) (set : convex_set K) (convex : convex_on K rest)
    (inside : K theta) (prox : minimises K (prox_of eta rest (vsub theta (vscale eta g))) next)
    (smooth : L next <= L theta + dot g (vsub next theta) + L_s / 2 * (norm (vsub next theta) * norm (vsub next theta)))
    (step : eta * L_s <= 1) :
  let P := vscale (/ eta) (vsub theta next) in L next + rest next <= L theta + rest theta - eta / 2 * (norm P * norm P).
Proof.
  move=> P; have := descent positive set convex inside prox smooth.
  have inv : 0 < / eta by exact: Rinv_0_lt_compat.
  rewrite (norm_vsub_comm next) /P norm_vscale_pos; last lra.
  set m := norm _; have m0 : 0 <= m * m by exact: Rle_0_sqr.
  have -> : eta / 2 * (/ eta * m * (/ eta * m)) = / eta / 2 * (m * m) by field; lra.
  have : L_s <= / eta.
    by apply: (Rmult_le_reg_l eta) => //; rewrite Rinv_r; lra.
  rewrite /Rdiv Rmult_1_l; nra.
Qed.

(** The group penalty is convex, and soft thresholding is its step: what training does to one group. *)
Lemma norm_convex (lam : R) : 0 <= lam -> convex_on (fun=> True) (fun v => lam * norm v).
Proof.
  move=> l0 u v s _ _ [s0 s1].
  have -> : between u v s = vadd (vscale (1 - s) u) (vscale s v) by apply: vector_eq => j; rewrite /between /vadd /vscale /vsub; ring.
  have := norm_vadd (vscale (1 - s) u) (vscale s v); rewrite !norm_vscale_pos; [nra | lra | lra].
Qed.

Theorem descent_group L theta g (eta lam L_s : R) (positive : 0 < eta) (weight : 0 <= lam) :
  let next := extinction.soft (eta * lam) (vsub theta (vscale eta g)) in
  let P := vscale (/ eta) (vsub theta next) in
  L next <= L theta + dot g (vsub next theta) + L_s / 2 * (norm (vsub next theta) * norm (vsub next theta)) -> eta * L_s <= 1 ->
  L next + lam * norm next <= L theta + lam * norm theta - eta / 2 * (norm P * norm P).
Proof.
  move=> next P smooth step.
  apply: (@descent_step (fun=> True) L (fun v => lam * norm v) theta next g eta L_s) => //; first exact: norm_convex.
  split=> // y _; have := extinction.prox (vsub theta (vscale eta g)) y positive weight.
  rewrite /extinction.prox_value /prox_of -/next; have := Rle_0_sqr (norm (vsub y next)); rewrite /Rsqr; lra.
Qed.

End Descent.

(** Attained by every quadratic with curvature L_s at eta = 1/L_s, without a penalty. *)
Theorem descent_attained (L_s x : R) (curved : 0 < L_s) :
  let L y := L_s / 2 * (y * y) in let eta := / L_s in let next := x - eta * (L_s * x) in let P := (x - next) / eta in
  L next = L x - eta / 2 * (P * P).
Proof. by move=> L eta next P; rewrite /L /P /next /eta; field; lra. Qed.

(** Above 1/L_s: x^2/2 from 1 with eta = 3/2 falls by 3/8, and eta |P|^2/2 is 3/4. *)
Theorem long_step : let L x := x * x / 2 in let eta := 3 / 2 in let next := 1 - eta * 1 in L 1 - L next < eta / 2 * (1 * 1).
Proof. by move=> L eta next; rewrite /L /next /eta; lra. Qed.

(** Every quadratic falls short above 1/L_s. *)
Theorem every_long_step (L_s eta x : R) (curved : 0 < L_s) (long : 1 < eta * L_s) (off : x <> 0) :
  let L y := L_s / 2 * (y * y) in let P := L_s * x in let next := x - eta * P in L x - L next < eta / 2 * (P * P).
Proof.
  move=> L P next; rewrite /L /next /P; have := Rsqr_pos_lt x off; rewrite /Rsqr => xx.
  have -> : L_s / 2 * (x * x) - L_s / 2 * ((x - eta * (L_s * x)) * (x - eta * (L_s * x)))
    = eta / 2 * (L_s * x * (L_s * x)) * (2 - eta * L_s) by field.
  have e0 : 0 < eta by nra.
  have pp : 0 < L_s * x * (L_s * x).
    have -> : L_s * x * (L_s * x) = L_s * L_s * (x * x) by ring.
    by apply: Rmult_lt_0_compat => //; exact: Rmult_lt_0_compat.
  have : 0 < eta / 2 * (L_s * x * (L_s * x)) by apply: Rmult_lt_0_compat => //; lra.
  nra.
Qed.

(** Above 2/L_s: x^2/2 with eta = 3 is multiplied by 4 in every step. *)
Theorem rising_step : let L x := x * x / 2 in let next x := x - 3 * x in L (next 1) > L 1 /\ forall x, L (next x) = 4 * L x.
Proof. by move=> L next; rewrite /L /next; split=> [|x]; [lra | field]. Qed.

(** Samples +1 and -1: at the least mean loss a step on one sample raises it. *)
Theorem minibatch : let first x := (x - 1) * (x - 1) / 2 in let second x := (x + 1) * (x + 1) / 2 in
  let mean x := (first x + second x) / 2 in let next := 0 - 1 * (0 - 1) in (forall x, mean 0 <= mean x) /\ mean next > mean 0.
Proof.
  move=> first second mean next; rewrite /mean /next /first /second; split=> [x|]; last by lra.
  by have := Rle_0_sqr x; rewrite /Rsqr; lra.
Qed.

(** * One potential *)

Definition count (happens : nat -> bool) (K : nat) := \sum_(k < K) (if happens k then 1 else 0).

Section Potential.
Variables (Phi lift half : nat -> R) (block expert : nat -> bool) (gamma_b gamma_L : R).
Definition need k := half k + (if block k then 1 else 0) * gamma_b + (if expert k then 1 else 0) * gamma_L.

Lemma count_ge0 (happens : nat -> bool) K : 0 <= count happens K.
Proof. by apply: sum_ge0 => k _; case: (happens k); lra. Qed.

Lemma ledger (paid : forall k, need k <= Phi k + lift k - Phi k.+1) K :
  \sum_(k < K) half k + count block K * gamma_b + count expert K * gamma_L <= Phi 0%N - Phi K + \sum_(k < K) lift k.
Proof.
  elim: K => [|K ih]; first by rewrite /count !big_ord0; lra.
  have := paid K; move: ih; rewrite /need /count !big_ord_recr /=; lra.
Qed.

(** The potential pays for all steps and for the moves of both levels. *)
Theorem budget (Phi_inf T : R) (K : nat) (paid : forall k, need k <= Phi k + lift k - Phi k.+1) (rise : \sum_(k < K) lift k <= T)
    (floor : Phi_inf <= Phi K) :
  \sum_(k < K) half k + count block K * gamma_b + count expert K * gamma_L <= Phi 0%N - Phi_inf + T.
Proof. have := ledger paid K; lra. Qed.

Theorem moves (Phi_inf T : R) (K : nat) (block_gain : 0 < gamma_b) (expert_gain : 0 < gamma_L) (steps_cost : forall k, 0 <= half k)
    (paid : forall k, need k <= Phi k + lift k - Phi k.+1) (rise : \sum_(k < K) lift k <= T) (floor : Phi_inf <= Phi K) :
  count block K + count expert K <= (Phi 0%N - Phi_inf + T) / Rmin gamma_b gamma_L.
Proof.
  have spent := budget paid rise floor; have m0 : 0 < Rmin gamma_b gamma_L by exact: Rmin_pos.
  have h0 : 0 <= \sum_(k < K) half k by apply: sum_ge0 => k _; exact: steps_cost.
  have := Rmult_le_compat_l _ _ _ (count_ge0 block K) (Rmin_l gamma_b gamma_L).
  have := Rmult_le_compat_l _ _ _ (count_ge0 expert K) (Rmin_r gamma_b gamma_L) => le_e le_b.
  apply: (Rmult_le_reg_r (Rmin gamma_b gamma_L)) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

Theorem steps (Phi_inf T eta nu : R) (large : nat -> bool) (K : nat) (size : 0 < eta) (level : 0 < nu) (block_gain : 0 <= gamma_b)
    (expert_gain : 0 <= gamma_L) (steps_cost : forall k, 0 <= half k) (large_is : forall k, large k -> eta * nu ^ 2 / 2 <= half k)
    (paid : forall k, need k <= Phi k + lift k - Phi k.+1) (rise : \sum_(k < K) lift k <= T) (floor : Phi_inf <= Phi K) :
  count large K <= 2 * (Phi 0%N - Phi_inf + T) / (eta * nu ^ 2).
Proof.
  have spent := budget paid rise floor; have n0 : 0 < nu ^ 2 by exact: pow_lt.
  have e0 : 0 < eta * nu ^ 2 by exact: Rmult_lt_0_compat.
  have counted : count large K * (eta * nu ^ 2 / 2) <= \sum_(k < K) half k.
    rewrite /count -sum_scale_right; apply: sum_le => k _.
    by case h : (large k); [have := large_is k h | have := steps_cost k]; lra.
  have := Rmult_le_pos _ _ (count_ge0 block K) block_gain; have := Rmult_le_pos _ _ (count_ge0 expert K) expert_gain => ce cb.
  apply: (Rmult_le_reg_r (eta * nu ^ 2)) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

End Potential.

(** Attained: every event brings exactly what is required, and all is spent. *)
Theorem moves_attained (gamma : R) (K : nat) (gain : 0 < gamma) :
  let Phi k := (INR K - INR k) * gamma in
  (forall k, need (fun=> 0) (fun=> true) (fun=> false) gamma gamma k <= Phi k + 0 - Phi k.+1) /\
  count (fun=> true) K + count (fun=> false) K = (Phi 0%N - Phi K + 0) / Rmin gamma gamma.
Proof.
  move=> Phi; split=> [k|]; first by rewrite /need /Phi S_INR; lra.
  rewrite /count !sum_const_all card_ord /Phi Rmin_left; last lra.
  by rewrite [INR 0]/=; field; lra.
Qed.

(** Where recruitment stops: a candidate is a move of states. *)
Theorem local_optimum (S : Type) (Phi : S -> R) (candidate : S -> S) (gamma : R) (tested last : S)
    (rejected : Phi tested - Phi (candidate tested) < gamma)
    (tested_again : Phi last - Phi (candidate last) <= Phi tested - Phi (candidate tested)) :
  Phi last - Phi (candidate last) < gamma.
Proof. lra. Qed.

(** If every candidate of a set was rejected in the last state, that state is gamma-locally optimal with respect to the set. *)
Theorem local_optimum_set (S C : Type) (Phi : S -> R) (candidate : C -> S -> S) (gamma : C -> R) (last : S)
    (rejected : forall c, Phi last - Phi (candidate c last) < gamma c) (c : C) :
  Phi last - gamma c < Phi (candidate c last).
Proof. have := rejected c; lra. Qed.

(** States: which of two moves have been made. *)
Theorem stale_test : let Phi (first second : bool) := if second then (if first then 0 else 2) else 3 in
  Phi false true - Phi true true > Phi false false - Phi true false + 1.
Proof. by move=> Phi; rewrite /Phi; lra. Qed.

Theorem joint_moves : let Phi (first second : bool) := if first && second then 0 else 1 in
  Phi false false - Phi true true > Rmax (Phi false false - Phi true false) (Phi false false - Phi false true).
Proof. by move=> Phi; rewrite /Phi /= Rmax_left; lra. Qed.

(** Two levels with a potential each: going round, both accept, and the decreases sum to 2; on one potential they sum to 0. *)
Theorem two_potentials : let block (x : bool) := if x then 0 else 1 in let expert (x : bool) := if x then 1 else 0 in
  [/\ 1 <= block false - block true, 1 <= expert true - expert false,
      block false - block true + (expert true - expert false) > 0
    & forall Phi : bool -> R, Phi false - Phi true + (Phi true - Phi false) = 0].
Proof. by move=> block expert; rewrite /block /expert; split=> [|||Phi]; lra. Qed.
