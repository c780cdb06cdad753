(** Derivatives of functions of a real vector: along curves, the softmax of a row, the loss of an attention layer.

    A function F has gradient g at theta when along every curve that passes through theta with a velocity, F changes at the rate
    <g, velocity>. In finite dimension that is Frechet differentiability; the chain rule is immediate and no topology on vectors is needed. *)

From Coq Require Import Reals Lra Psatz FunctionalExtensionality.
From Coquelicot Require Import Coquelicot.
From mathcomp Require Import all_ssreflect.
From Localist Require Import Sums Vectors.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

Local Notation norm := Vectors.norm.
Local Notation mean := Vectors.mean.
Local Notation cov := Vectors.cov.

(** * Derivatives on the line *)

Lemma is_derive_sum (I : finType) (P : pred I) (f : I -> R -> R) (f' : I -> R) (x : R) :
  (forall i, P i -> is_derive (f i) x (f' i)) -> is_derive (fun t => \sum_(i | P i) f i t) x (\sum_(i | P i) f' i).
Proof.
  move=> h; elim: (index_enum I) => [|i r ih].
    by rewrite big_nil; apply: (is_derive_ext (fun=> 0)); [move=> t; rewrite big_nil | exact: is_derive_const].
  rewrite big_cons; case: ifP => hi.
    apply: (is_derive_ext (fun t => f i t + \big[Rplus/0]_(j <- r | P j) f j t)); first by move=> t; rewrite big_cons hi.
    by apply: is_derive_plus => //; exact: h.
  by apply: (is_derive_ext (fun t => \big[Rplus/0]_(j <- r | P j) f j t)) => // t; rewrite big_cons hi.
Qed.

Lemma is_derive_value (f : R -> R) (x d d' : R) : is_derive f x d -> d = d' -> is_derive f x d'.
Proof. by move=> h <-. Qed.

Lemma is_derive_linear (a b x : R) : is_derive (fun t => a + t * b) x b.
Proof. by apply: (@is_derive_value _ _ (0 + 1 * b)); [auto_derive => //; ring | ring]. Qed.

(** The rate from the right at 0. *)
Definition right_rate (f : R -> R) (d : R) := forall e, 0 < e -> exists r, 0 < r /\ forall t, 0 < t < r -> Rabs ((f t - f 0) / t - d) <= e.

Lemma right_rate_derive f d : is_derive f 0 d -> right_rate f d.
Proof.
  move=> /is_derive_Reals h e pos; have [r hr] := h e pos; exists r; split=> [|t [t0 tr]]; first exact: cond_pos.
  have := hr t ltac:(lra) ltac:(rewrite Rabs_right; lra); rewrite Rplus_0_l; lra.
Qed.

Lemma right_rate_unique f d d' : right_rate f d -> right_rate f d' -> d = d'.
Proof.
  move=> h h'; apply: cond_eq => e pos.
  have [r [r0 hr]] := h (e / 4) ltac:(lra); have [q [q0 hq]] := h' (e / 4) ltac:(lra).
  pose t := Rmin r q / 2; have m : 0 < Rmin r q by apply: Rmin_glb_lt.
  have tr : 0 < t < r by have := Rmin_l r q; rewrite /t; lra.
  have tq : 0 < t < q by have := Rmin_r r q; rewrite /t; lra.
  have := hr t tr; have := hq t tq; set y := (f t - f 0) / t => /le_abs [a b] /le_abs [c c'].
  by apply: Rle_lt_trans (abs_le (b := e / 2) _ _) _; lra.
Qed.

(** Rates keep upper and lower bounds of the difference quotient. *)
Lemma right_rate_le f (d m r : R) : 0 < r -> right_rate f d -> (forall t, 0 < t < r -> f t <= f 0 + t * m) -> d <= m.
Proof.
  move=> r0 h le; apply: Rnot_lt_le => lt.
  have [q [q0 hq]] := h ((d - m) / 2) ltac:(lra).
  pose t := Rmin r q / 2; have mn : 0 < Rmin r q by apply: Rmin_glb_lt.
  have tr : 0 < t < r by have := Rmin_l r q; rewrite /t; lra.
  have tq : 0 < t < q by have := Rmin_r r q; rewrite /t; lra.
  have [_ up] := le_abs (hq t tq); have := le t tr => b.
  have : (f t - f 0) / t <= m.
    apply: (Rmult_le_reg_r t); first lra.
    have -> : (f t - f 0) / t * t = f t - f 0 by field; lra.
    lra.
  lra.
Qed.

Lemma right_rate_ge f (d m r : R) : 0 < r -> right_rate f d -> (forall t, 0 < t < r -> f 0 + t * m <= f t) -> m <= d.
Proof.
  move=> r0 h ge.
  suff : - d <= - m by lra.
  apply: (@right_rate_le (fun t => - f t) _ _ r) => // [e pos|t /ge ?]; last lra.
  have [q [q0 hq]] := h e pos; exists q; split=> // t tq.
  have [lo hi] := le_abs (hq t tq).
  have -> : (- f t - - f 0) / t - - d = - ((f t - f 0) / t - d) by field; lra.
  by apply: abs_le; lra.
Qed.

Lemma right_rate_ext f f' d : (forall t, 0 <= t <= 1 -> f t = f' t) -> right_rate f d -> right_rate f' d.
Proof.
  move=> eq h e pos; have [r [r0 hr]] := h e pos; exists (Rmin r 1); split=> [|t [t0 lt]]; first by apply: Rmin_glb_lt; lra.
  rewrite -!eq; [|lra|by have := Rmin_r r 1; lra]; apply: hr; have := Rmin_l r 1; lra.
Qed.

(** * Gradients *)

Section Gradient.
Variable J : finType.
Implicit Types (F : vector J -> R) (theta g : vector J).

Definition velocity (curve : R -> vector J) (x : R) (v : vector J) := forall j, is_derive (fun t => curve t j) x (v j).
Definition has_gradient F theta g :=
  forall (curve : R -> vector J) (x : R) (v : vector J), curve x = theta -> velocity curve x v -> is_derive (fun t => F (curve t)) x (dot g v).

(** The line through theta in a direction. *)
Definition line theta (d : vector J) (t : R) : vector J := fun j => theta j + t * d j.

Lemma line_0 theta d : line theta d 0 = theta.
Proof. by apply: vector_eq => j; rewrite /line; ring. Qed.

Lemma velocity_line theta d x : velocity (line theta d) x d.
Proof. by move=> j; exact: is_derive_linear. Qed.

Lemma gradient_line F theta g d : has_gradient F theta g -> is_derive (fun t => F (line theta d t)) 0 (dot g d).
Proof. by apply; [exact: line_0 | exact: velocity_line]. Qed.

Lemma gradient_unique F theta g g' : has_gradient F theta g -> has_gradient F theta g' -> g = g'.
Proof.
  move=> h h'; suff: vsub g g' = vzero.
    by move=> e; apply: vector_eq => j; have := congr1 (fun f => f j) e; rewrite /vsub /vzero; lra.
  apply: dot_self_zero; rewrite dot_sub_left; set d := vsub g g'.
  have := is_derive_unique _ _ _ (gradient_line d h); rewrite (is_derive_unique _ _ _ (gradient_line d h')); lra.
Qed.

Lemma gradient_sum (I : finType) (f : I -> vector J -> R) theta (g : I -> vector J) :
  (forall i, has_gradient (f i) theta (g i)) -> has_gradient (fun th => \sum_i f i th) theta (vsum predT g).
Proof.
  by move=> h curve x v e hv; rewrite dot_sum_left; apply: is_derive_sum => i _; exact: h.
Qed.

Lemma gradient_scale F theta g (c : R) : has_gradient F theta g -> has_gradient (fun th => c * F th) theta (vscale c g).
Proof. by move=> h curve x v e hv; rewrite dot_scale_left; apply: is_derive_scal; exact: h. Qed.

Lemma gradient_value F theta g g' : has_gradient F theta g -> (forall j, g j = g' j) -> has_gradient F theta g'.
Proof. by move=> h /vector_eq <-. Qed.

Lemma velocity_dot (curve : R -> vector J) x v w : velocity curve x v -> is_derive (fun t => dot (curve t) w) x (dot v w).
Proof.
  move=> h; apply: is_derive_sum => i _.
  apply: (@is_derive_value _ _ (w i * v i)); last by ring.
  by apply: (is_derive_ext (fun t => w i * curve t i)); [move=> t; exact: Rmult_comm | apply: is_derive_scal; exact: h].
Qed.

End Gradient.

(** * The softmax of a row *)

Section Softmax.
Variable I : finType.
Implicit Types (s : vector I).

(** Along any path of scores with velocity v: a_j' = a_j (v_j - mean v). *)
Theorem softmax_velocity (path : R -> vector I) (x : R) (v : vector I) :
  velocity path x v ->
  velocity (fun t => softmax (path t)) x (fun j => softmax (path x) j * (v j - mean (softmax (path x)) v)).
Proof.
  move=> h j.
  have e i : is_derive (fun t => exp (path t i)) x (v i * exp (path x i)).
    by apply: is_derive_comp; [exact: is_derive_exp | exact: h].
  have tot : is_derive (fun t => total (path t)) x (\sum_i v i * exp (path x i)) by apply: is_derive_sum => i _; exact: e.
  have pos := total_pos (path x) j.
  apply: (@is_derive_value _ _ ((v j * exp (path x j) * total (path x) - exp (path x j) * (\sum_i v i * exp (path x i))) / total (path x) ^ 2)).
    by apply: is_derive_div; [exact: e | exact: tot | lra].
  have -> : mean (softmax (path x)) v = (\sum_i v i * exp (path x i)) / total (path x).
    by rewrite /mean /Rdiv -sum_scale_right; apply: sum_eq => i _; rewrite /softmax; field; lra.
  by rewrite /softmax; field; lra.
Qed.

(** The output of a row, the mean of its values, moves with the covariance of values and velocity. *)
Lemma output_velocity (V : finType) (value : I -> vector V) (k : I) (path : R -> vector I) (x : R) (v : vector I) :
  velocity path x v -> velocity (fun t => vmean (softmax (path t)) value) x (vcov (softmax (path x)) value v).
Proof.
  move=> h j; have a := softmax_distribution (path x) k.
  apply: (@is_derive_value _ _ (\sum_i (softmax (path x) i * (v i - mean (softmax (path x)) v)) * value i j)).
    by apply: (@velocity_dot _ _ _ _ (fun i => value i j) (softmax_velocity h)).
  by rewrite /vcov cov_alt //; apply: sum_eq => i _; ring.
Qed.

(** The gradient of a loss of the output in the scores: dl/ds_j = a_j (<g, v_j> - <g, o>). *)
Theorem score_gradient (V : finType) (l : vector V -> R) (value : I -> vector V) (k : I) s (g : vector V) :
  has_gradient l (vmean (softmax s) value) g ->
  has_gradient (fun r => l (vmean (softmax r) value)) s
    (fun j => softmax s j * (dot (value j) g - dot (vmean (softmax s) value) g)).
Proof.
  move=> h path x v e hv; rewrite -e in h *.
  apply: (is_derive_value (h _ _ _ erefl (output_velocity value k hv))).
  have a := softmax_distribution (path x) k.
  by rewrite dot_comm dot_vcov // cov_comm cov_alt // -dot_vmean; apply: sum_eq => i _; ring.
Qed.

End Softmax.

(** * An attention layer whose scores are linear in a parameter

    Query i sees the keys K i; its scores are <theta, feature i j> + bias i j, its output the mean of the values under the softmax, its
    loss a function of the output; the loss of the layer is the mean over queries. Bilinear scores, query weights with the keys held, key
    weights with the queries held, rotations of positions, the dial (a bias) and any mask (the type K i) are instances. *)

Section Layer.
Variables (Q P V : finType) (K : Q -> finType).
Variables (loss : Q -> vector V -> R) (feature : forall i, K i -> vector P) (bias : forall i, K i -> R) (value : forall i, K i -> vector V).
Implicit Types (theta : vector P).

Definition scores theta i : vector (K i) := fun j => dot theta (feature j) + bias j.
Arguments scores : clear implicits.
Definition attention theta i : K i -> R := softmax (scores theta i).
Arguments attention : clear implicits.
Definition attention_output theta i : vector V := vmean (attention theta i) (@value i).
Definition layer_loss theta := / #Q * (\sum_i loss i (attention_output theta i)).

(** The covariance identity: the gradient is the mean over queries of Cov_a(features, <g, values>). *)
Theorem layer_gradient theta (g : Q -> vector V) : (forall i, (0 < #|K i|)%N) ->
  (forall i, has_gradient (loss i) (attention_output theta i) (g i)) ->
  has_gradient layer_loss theta
    (vscale (/ #Q) (vsum predT (fun i => vcov (attention theta i) (@feature i) (fun j => dot (value j) (g i))))).
Proof.
  move=> visible h; apply: gradient_scale; apply: gradient_sum => i curve x v e hv; rewrite -e in h *.
  have [k _] : exists k : K i, true by have /card_gt0P [k _] := visible i; exists k.
  have path : velocity (fun t => scores (curve t) i) x (fun j => dot v (feature j)).
    move=> j; apply: (@is_derive_value _ _ (dot v (feature j) + 0)); last by ring.
    by apply: is_derive_plus; [exact: velocity_dot | exact: is_derive_const].
  have a := softmax_distribution (scores (curve x) i) k.
  apply: (is_derive_value (h i _ _ _ erefl (output_velocity (@value i) k path))).
  rewrite dot_comm dot_vcov // dot_vcov // cov_comm; apply: sum_eq => j _.
  congr (_ * (_ * _)); rewrite 1?dot_comm //; rewrite [dot (feature j) v]dot_comm; congr (_ - _).
  by apply: sum_eq => l _; rewrite dot_comm.
Qed.

(** The norm of the gradient of a group: a mean over queries of half the diameter of the group's features times half that of the values. *)
Theorem layer_group_bound theta (grad : vector P) (S : pred P) (g : Q -> vector V) (G D_V : R) (d : Q -> R) :
  (0 < #|Q|)%N -> (forall i, (0 < #|K i|)%N) ->
  (forall i, has_gradient (loss i) (attention_output theta i) (g i)) -> has_gradient layer_loss theta grad ->
  (forall i, norm (g i) <= G) -> (forall i (j k : K i), norm (vsub (value j) (value k)) <= D_V) ->
  (forall i (j k : K i), norm (part S (vsub (feature j) (feature k))) <= d i) ->
  norm (part S grad) <= G * D_V / 4 * ((\sum_i d i) / #Q).
Proof.
  move=> some visible diff is_grad output values spread.
  have n_pos : 0 < #Q by apply: lt_0_INR; apply/ltP.
  rewrite (gradient_unique is_grad (layer_gradient visible diff)).
  rewrite part_vscale norm_vscale_pos; last by apply: Rlt_le; exact: Rinv_0_lt_compat.
  rewrite part_vsum; have -> : G * D_V / 4 * ((\sum_i d i) / #Q) = / #Q * (\sum_i d i / 2 * (G * D_V / 2)).
    rewrite sum_scale_right; have -> : \sum_i d i / 2 = (\sum_i d i) / 2 by rewrite /Rdiv sum_scale_right.
    by field; lra.
  apply: Rmult_le_compat_l; first by apply: Rlt_le; exact: Rinv_0_lt_compat.
  apply: Rle_trans (norm_vsum _ _) _; apply: sum_le => i _.
  have /card_gt0P [k _] := visible i; have a := softmax_distribution (scores theta i) k.
  rewrite part_vcov //; apply: norm_vcov => // j l; first by rewrite -part_vsub; exact: spread.
  rewrite -dot_sub_left; apply: Rle_trans (dot_le _ _) _; rewrite Rmult_comm.
  by apply: Rmult_le_compat; [exact: norm_ge0 | exact: norm_ge0 | exact: output | exact: values].
Qed.

End Layer.
Arguments scores {Q P K} feature bias theta i _.
Arguments attention {Q P K} feature bias theta i _.
