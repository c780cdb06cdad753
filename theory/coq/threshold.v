(** Threshold: a penalty weight above the gradient bound leaves no stationary point with the group alive.

    Parameters are a real vector theta over any finite type, [grp] says which group a coordinate belongs to, [group grp g theta] is the
    part of group g, and the objective is a loss plus the sum of weight times norm over groups ([objective]). A weight is lambda w, one
    number per group; exempt groups have weight 0. Norms are Euclidean, Frobenius for matrices.

    Against the informal statement: gradients are along differentiable curves ([has_gradient], Frechet in finite dimension); stationary
    means that no rate of the objective from the right, towards any point that the constraint set joins by a segment, is negative; the
    layer of T5b has its own visible keys for every query (any mask) and a bias in every score (the dial). That the target has positive
    probability ([loss_gradient_strict]) is a fact about softmax, not a hypothesis; [uniform_entropy] needs a key and no block. *)

From Coq Require Import Reals Lra Psatz FunctionalExtensionality.
From Coquelicot Require Import Coquelicot.
From mathcomp Require Import all_ssreflect.
From Localist Require Import Sums Vectors Gradients.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

Local Notation norm := Vectors.norm.
Local Notation mean := Vectors.mean.
Local Notation cov := Vectors.cov.

(** * Groups, penalty, objective *)

Section Objective.
Variables (P Grp : finType) (grp : P -> Grp).
Implicit Types (theta d grad : vector P) (g h : Grp).

Definition group g theta : vector P := part (fun p => grp p == g) theta.
Definition penalty (lam : Grp -> R) theta := \sum_g lam g * norm (group g theta).
Definition objective (L : vector P -> R) lam theta := L theta + penalty lam theta.
(** The group shrunk by the fraction s, everything else held. *)
Definition shrunk g (s : R) theta : vector P := fun p => if grp p == g then (1 - s) * theta p else theta p.
(** A constraint set from which shrinking the group does not lead out: the whole space, centred balls, products of balls. *)
Definition star_shaped g (Theta : vector P -> Prop) := forall theta s, Theta theta -> 0 <= s <= 1 -> Theta (shrunk g s theta).

Lemma shrunk_line g s theta : shrunk g s theta = line theta (vscale (-1) (group g theta)) s.
Proof. by apply: vector_eq => p; rewrite /shrunk /line /vscale /group /part; case: ifP => _; ring. Qed.

Lemma group_shrunk g s theta : group g (shrunk g s theta) = vscale (1 - s) (group g theta).
Proof. by apply: vector_eq => p; rewrite /group /part /vscale /shrunk; case: (grp p == g); ring. Qed.

Lemma group_shrunk_other g h s theta : h != g -> group h (shrunk g s theta) = group h theta.
Proof.
  move=> ne; apply: vector_eq => p; rewrite /group /part /shrunk; case: eqP => // e.
  by rewrite e (negbTE ne).
Qed.

Lemma penalty_shrunk g s theta lam : s <= 1 -> penalty lam (shrunk g s theta) = penalty lam theta - s * (lam g * norm (group g theta)).
Proof.
  move=> h; rewrite /penalty (bigD1 g) //= [in RHS](bigD1 g) //= group_shrunk norm_vscale_pos; last lra.
  rewrite (sum_eq (g := fun h => lam h * norm (group h theta))); first ring.
  by move=> k ne; rewrite group_shrunk_other.
Qed.

Lemma shrunk_1_zero g theta : norm (group g (shrunk g 1 theta)) = 0.
Proof. by rewrite group_shrunk norm_vscale Rminus_eq_0 Rabs_R0; ring. Qed.

Lemma norm_shrunk_move g s theta : 0 <= s -> norm (vsub (shrunk g s theta) theta) = s * norm (group g theta).
Proof.
  move=> h; have -> : vsub (shrunk g s theta) theta = vscale (- s) (group g theta).
    by apply: vector_eq => p; rewrite /vsub /vscale /group /part /shrunk; case: (grp p == g); ring.
  by rewrite norm_vscale Rabs_Ropp Rabs_right //; lra.
Qed.

Lemma dot_group g theta d : dot (group g theta) d = dot (group g theta) (group g d).
Proof. exact: dot_part. Qed.

End Objective.

(** * T5a: shrinking a group, without calculus *)

Theorem stationarity (P Grp : finType) (grp : P -> Grp) (L others : vector P -> R) (lam : Grp -> R) (g : Grp) (theta : vector P) (s Gamma : R)
    (fraction : s <= 1)
    (lipschitz : L (shrunk grp g s theta) - L theta <= Gamma * s * norm (group grp g theta))
    (rest : others (shrunk grp g s theta) <= others theta) :
  objective grp L lam (shrunk grp g s theta) + others (shrunk grp g s theta)
  <= objective grp L lam theta + others theta - s * (lam g - Gamma) * norm (group grp g theta).
Proof. by rewrite /objective penalty_shrunk //; lra. Qed.

(** Equality: a loss that rises at exactly Gamma per unit of norm, nothing else moving. *)
Theorem stationarity_equality (P Grp : finType) (grp : P -> Grp) (L : vector P -> R) (lam : Grp -> R) (g : Grp) (theta : vector P) (s Gamma : R)
    (fraction : s <= 1) (rises : L (shrunk grp g s theta) - L theta = Gamma * s * norm (group grp g theta)) :
  objective grp L lam (shrunk grp g s theta) = objective grp L lam theta - s * (lam g - Gamma) * norm (group grp g theta).
Proof. by rewrite /objective penalty_shrunk //; lra. Qed.

Theorem no_minimiser (P Grp : finType) (grp : P -> Grp) (L others : vector P -> R) (lam : Grp -> R) (g : Grp) (theta : vector P) (s Gamma : R)
    (fraction : s <= 1) (moved : 0 < s) (threshold : Gamma < lam g) (alive : 0 < norm (group grp g theta))
    (lipschitz : L (shrunk grp g s theta) - L theta <= Gamma * s * norm (group grp g theta))
    (rest : others (shrunk grp g s theta) <= others theta) :
  objective grp L lam (shrunk grp g s theta) + others (shrunk grp g s theta) < objective grp L lam theta + others theta.
Proof.
  apply: Rle_lt_trans (stationarity lam fraction lipschitz rest) _.
  have : 0 < s * (lam g - Gamma) * norm (group grp g theta) by do 2 apply: Rmult_lt_0_compat => //; lra.
  lra.
Qed.

Definition lipschitz_in_group (P Grp : finType) (grp : P -> Grp) (g : Grp) (Theta : vector P -> Prop) (L : vector P -> R) (Gamma : R) :=
  forall theta theta', Theta theta -> Theta theta' -> (forall p, grp p != g -> theta' p = theta p) ->
  L theta' - L theta <= Gamma * norm (vsub theta' theta).
Definition local_minimiser (P : finType) (F : vector P -> R) (Theta : vector P -> Prop) (theta : vector P) :=
  Theta theta /\ exists r, 0 < r /\ forall theta', Theta theta' -> norm (vsub theta' theta) <= r -> F theta <= F theta'.

(** A local minimiser on a star-shaped set, hence also a global one, has every group above the threshold at exactly zero. *)
Theorem minimiser_extinct (P Grp : finType) (grp : P -> Grp) (L others : vector P -> R) (lam : Grp -> R) (g : Grp) (theta : vector P)
    (Theta : vector P -> Prop) (Gamma : R)
    (star : star_shaped grp g Theta) (lipschitz : lipschitz_in_group grp g Theta L Gamma)
    (rest : forall s, 0 <= s <= 1 -> others (shrunk grp g s theta) <= others theta) (threshold : Gamma < lam g)
    (minimal : local_minimiser (fun th => objective grp L lam th + others th) Theta theta) :
  forall p, grp p == g -> theta p = 0.
Proof.
  apply/part_eq0; case: (norm_ge0 (group grp g theta)) => // alive; exfalso.
  have [mem [r [r0 low]]] := minimal.
  pose s := Rmin 1 (r / norm (group grp g theta)).
  have s0 : 0 < s by apply: Rmin_glb_lt; [lra | exact: div_pos].
  have s1 : s <= 1 by exact: Rmin_l.
  have near : norm (vsub (shrunk grp g s theta) theta) <= r.
    rewrite norm_shrunk_move; last lra.
    have -> : r = r / norm (group grp g theta) * norm (group grp g theta) by field; lra.
    by apply: Rmult_le_compat_r; [lra | exact: Rmin_r].
  have mem' : Theta (shrunk grp g s theta) by apply: star => //; lra.
  have same p : grp p != g -> shrunk grp g s theta p = theta p by rewrite /shrunk => /negbTE ->.
  have := lipschitz _ _ mem mem' same; rewrite norm_shrunk_move; last lra.
  rewrite -Rmult_assoc => lip.
  have := no_minimiser s1 s0 threshold alive lip (rest s ltac:(lra)); have := low _ mem' near; lra.
Qed.

(** With >= it is false: a linear loss with weight exactly its slope leaves every point a minimiser. *)
Theorem strictness (c x : R) (slope : 0 < c) (alive : 0 < x) :
  let L := fun theta : vector unit_finType => - c * theta tt in let theta := fun _ : unit => x in
  local_minimiser (objective (fun u : unit_finType => u) L (fun=> c)) (fun=> True) theta /\ norm (group (fun u : unit_finType => u) tt theta) = x
  /\ lipschitz_in_group (fun u : unit_finType => u) tt (fun=> True) L c
  /\ forall v, objective (fun u : unit_finType => u) L (fun=> c) theta <= objective (fun u : unit_finType => u) L (fun=> c) v.
Proof.
  move=> L theta.
  have one (v : vector unit_finType) : norm (group (fun u : unit_finType => u) tt v) = Rabs (v tt).
    apply: norm_is; first exact: Rabs_pos.
    rewrite /dot (big_pred1 tt) => [|[]] //; rewrite /group /part /= -Rabs_mult Rabs_right //.
    by apply: Rle_ge; exact: Rle_0_sqr.
  have obj v : objective (fun u : unit_finType => u) L (fun=> c) v = c * (Rabs (v tt) - v tt).
    by rewrite /objective /penalty (big_pred1 tt) => [|[]] //; rewrite one /L; ring.
  split; [split=> // | split; [|split]].
  - exists 1; split=> [|v _ _]; first lra.
    rewrite !obj /theta Rabs_right; last lra.
    have := Rle_abs (v tt); nra.
  - by rewrite one /theta Rabs_right; lra.
  - move=> u v _ _ _; rewrite /L.
    have -> : norm (vsub v u) = Rabs (v tt - u tt).
      by rewrite -(one (vsub v u)); congr norm; apply: vector_eq => -[]; rewrite /group /part.
    have := Rle_abs (- (v tt - u tt)); rewrite Rabs_Ropp; nra.
  - move=> v; rewrite !obj /theta Rabs_right; last lra.
    have := Rle_abs (v tt); nra.
Qed.

(** * T5a: rates at a point *)

Lemma right_rate_add f f' d d' : right_rate f d -> right_rate f' d' -> right_rate (fun t => f t + f' t) (d + d').
Proof.
  move=> h h' e pos; have [r [r0 hr]] := h (e / 2) ltac:(lra); have [q [q0 hq]] := h' (e / 2) ltac:(lra).
  exists (Rmin r q); split=> [|t [t0 lt]]; first exact: Rmin_glb_lt.
  have := hr t ltac:(have := Rmin_l r q; lra); have := hq t ltac:(have := Rmin_r r q; lra).
  have -> : (f t + f' t - (f 0 + f' 0)) / t - (d + d') = ((f t - f 0) / t - d) + ((f' t - f' 0) / t - d') by field; lra.
  by move=> a b; apply: Rle_trans (Rabs_triang _ _) _; lra.
Qed.

Lemma right_rate_linear (a b : R) : right_rate (fun t => a + t * b) b.
Proof. by apply: right_rate_derive; exact: is_derive_linear. Qed.

Section Rates.
Variables (P Grp : finType) (grp : P -> Grp) (L : vector P -> R) (lam : Grp -> R) (g : Grp) (theta grad : vector P).
Hypothesis differentiable : has_gradient L theta grad.

Lemma rate_shrinking :
  right_rate (fun t => objective grp L lam (shrunk grp g t theta)) (- dot (group grp g grad) (group grp g theta) - lam g * norm (group grp g theta)).
Proof.
  apply: (@right_rate_ext (fun t => L (line theta (vscale (-1) (group grp g theta)) t)
                                    + (penalty grp lam theta + t * - (lam g * norm (group grp g theta))))).
    by move=> t [_ t1]; rewrite /objective penalty_shrunk // shrunk_line; ring.
  apply: right_rate_add; last exact: right_rate_linear.
  apply: right_rate_derive; have := gradient_line (vscale (-1) (group grp g theta)) differentiable.
  by rewrite dot_scale_right [dot grad _]dot_part_right; move=> h; apply: (is_derive_value h); rewrite /group; ring.
Qed.

Lemma rate_leaving (d : vector P) : norm (group grp g theta) = 0 -> group grp g d = d ->
  right_rate (fun t => objective grp L lam (line theta d t)) (dot grad d + lam g * norm d).
Proof.
  move=> zero own.
  apply: (@right_rate_ext (fun t => L (line theta d t) + (penalty grp lam theta + t * (lam g * norm d)))).
    move=> t [t0 t1]; rewrite /objective; congr (_ + _).
    rewrite /penalty (bigD1 g) //= [in RHS](bigD1 g) //= zero.
    have -> : group grp g (line theta d t) = vscale t d.
      apply: vector_eq => p; rewrite -{2}own /group /part /line /vscale; case: eqP => e; last ring.
      by rewrite (proj2 (part_eq0 _ _) zero p); [ring | rewrite e].
    rewrite norm_vscale_pos // (sum_eq (f := fun h => lam h * norm (group grp h (line theta d t)))
      (g := fun h => lam h * norm (group grp h theta))); first ring.
    move=> h ne; congr (_ * norm _); apply: vector_eq => p; rewrite /group /part /line; case: eqP => // e.
    by rewrite -own /group /part; case: eqP => [e'|_]; [rewrite -e -e' eqxx in ne | ring].
  apply: right_rate_add; last exact: right_rate_linear.
  apply: right_rate_derive; exact: gradient_line.
Qed.

End Rates.

Theorem descent_direction (P Grp : finType) (grp : P -> Grp) (L others : vector P -> R) (lam : Grp -> R) (g : Grp) (theta grad : vector P)
    (slope rest_slope : R) (differentiable : has_gradient L theta grad)
    (rest_rate : right_rate (fun t => others (shrunk grp g t theta)) rest_slope)
    (slope_is : right_rate (fun t => objective grp L lam (shrunk grp g t theta) + others (shrunk grp g t theta)) slope)
    (rest : rest_slope <= 0) :
  slope <= - (lam g - norm (group grp g grad)) * norm (group grp g theta).
Proof.
  rewrite (right_rate_unique slope_is (right_rate_add (rate_shrinking grp lam g differentiable) rest_rate)).
  have := dot_ge (group grp g grad) (group grp g theta); lra.
Qed.

(** Stationary on a set: towards no point that is joined to theta by a segment in the set does the objective fall at first. *)
Definition stationary (P : finType) (F : vector P -> R) (Theta : vector P -> Prop) (theta : vector P) :=
  Theta theta /\ forall d slope, (forall t, 0 <= t <= 1 -> Theta (line theta d t)) -> right_rate (fun t => F (line theta d t)) slope -> 0 <= slope.

(** T5a (ii): gradient below the weight at a stationary point: the group is exactly zero there. *)
Theorem stationary_extinct (P Grp : finType) (grp : P -> Grp) (L : vector P -> R) (lam : Grp -> R) (g : Grp) (theta grad : vector P)
    (Theta : vector P -> Prop) (star : star_shaped grp g Theta) (differentiable : has_gradient L theta grad)
    (threshold : norm (group grp g grad) < lam g) (still : stationary (objective grp L lam) Theta theta) :
  forall p, grp p == g -> theta p = 0.
Proof.
  apply/part_eq0; case: (norm_ge0 (group grp g theta)) => // alive; exfalso; have [mem low] := still.
  have seg t : 0 <= t <= 1 -> Theta (line theta (vscale (-1) (group grp g theta)) t) by rewrite -shrunk_line; exact: star.
  have rate : right_rate (fun t => objective grp L lam (line theta (vscale (-1) (group grp g theta)) t))
                (- dot (group grp g grad) (group grp g theta) - lam g * norm (group grp g theta)).
    by apply: right_rate_ext (rate_shrinking grp lam g differentiable) => t _; rewrite shrunk_line.
  have := low _ _ seg rate; have := dot_ge (group grp g grad) (group grp g theta); nra.
Qed.

(** A local minimiser is stationary. *)
Theorem minimiser_stationary (P : finType) (F : vector P -> R) (Theta : vector P -> Prop) (theta : vector P) :
  local_minimiser F Theta theta -> stationary F Theta theta.
Proof.
  move=> [mem [r [r0 low]]]; split=> // d slope seg rate.
  pose q := Rmin 1 (r / (1 + norm d)); have d0 := norm_ge0 d.
  have q0 : 0 < q by apply: Rmin_glb_lt; [lra | apply: div_pos; lra].
  apply: (@right_rate_ge _ _ _ q q0 rate) => t [t0 tq]; rewrite line_0 Rmult_0_r Rplus_0_r; apply: low.
    by apply: seg; have := Rmin_l 1 (r / (1 + norm d)); rewrite -/q; lra.
  have -> : vsub (line theta d t) theta = vscale t d by apply: vector_eq => p; rewrite /vsub /line /vscale; ring.
  rewrite norm_vscale_pos; last lra.
  have h : t * (1 + norm d) <= r / (1 + norm d) * (1 + norm d).
    by apply: Rmult_le_compat_r; [lra | have := Rmin_r 1 (r / (1 + norm d)); rewrite -/q; lra].
  have e : r / (1 + norm d) * (1 + norm d) = r by field; lra.
  nra.
Qed.

(** T5a (iv): a zero group is stationary when the gradient there is at most the weight, and only then. *)
Theorem zero_stationary (P Grp : finType) (grp : P -> Grp) (L : vector P -> R) (lam : Grp -> R) (g : Grp) (theta grad d : vector P) (slope : R)
    (differentiable : has_gradient L theta grad) (zero : norm (group grp g theta) = 0) (direction : group grp g d = d)
    (slope_is : right_rate (fun t => objective grp L lam (line theta d t)) slope) :
  (lam g - norm (group grp g grad)) * norm d <= slope.
Proof.
  rewrite (right_rate_unique slope_is (rate_leaving lam differentiable zero direction)).
  rewrite -direction [dot grad _]dot_part_right; have := dot_ge (group grp g grad) (group grp g d); rewrite /group; lra.
Qed.

Theorem zero_unstable (P Grp : finType) (grp : P -> Grp) (L : vector P -> R) (lam : Grp -> R) (g : Grp) (theta grad : vector P) (slope : R)
    (differentiable : has_gradient L theta grad) (zero : norm (group grp g theta) = 0)
    (slope_is : right_rate (fun t => objective grp L lam (line theta (vscale (-1) (group grp g grad)) t)) slope) :
  slope = (lam g - norm (group grp g grad)) * norm (group grp g grad).
Proof.
  have own : group grp g (vscale (-1) (group grp g grad)) = vscale (-1) (group grp g grad) by rewrite /group part_vscale part_idem.
  rewrite (right_rate_unique slope_is (rate_leaving lam differentiable zero own)).
  rewrite dot_scale_right [dot grad _]dot_part_right -norm_square norm_vscale Rabs_left; last lra.
  rewrite /group; ring.
Qed.

Theorem zero_stationary_iff (P Grp : finType) (grp : P -> Grp) (L : vector P -> R) (lam : Grp -> R) (g : Grp) (theta grad : vector P)
    (differentiable : has_gradient L theta grad) (zero : norm (group grp g theta) = 0) (weight : 0 <= lam g) :
  (forall d slope, group grp g d = d -> right_rate (fun t => objective grp L lam (line theta d t)) slope -> 0 <= slope)
  <-> norm (group grp g grad) <= lam g.
Proof.
  have n0 := norm_ge0 (group grp g grad).
  split=> [still|le d slope own rate]; last first.
    have := zero_stationary differentiable zero own rate; have := norm_ge0 d; nra.
  apply: Rnot_lt_le => lt.
  have own : group grp g (vscale (-1) (group grp g grad)) = vscale (-1) (group grp g grad) by rewrite /group part_vscale part_idem.
  have rate := rate_leaving lam differentiable zero own.
  have := still _ _ own rate; rewrite (zero_unstable differentiable zero rate).
  nra.
Qed.

(** * N11: the selectivity window *)

Theorem selectivity_window (P Grp : finType) (grp : P -> Grp) (L : vector P -> R) (lam : Grp -> R) (g : Grp) (theta grad : vector P)
    (slope Gamma_rel : R) (differentiable : has_gradient L theta grad) (zero : norm (group grp g theta) = 0)
    (slope_is : right_rate (fun t => objective grp L lam (line theta (vscale (-1) (group grp g grad)) t)) slope)
    (relevant : Gamma_rel <= norm (group grp g grad)) :
  slope <= (lam g - Gamma_rel) * norm (group grp g grad).
Proof.
  rewrite (zero_unstable differentiable zero slope_is); apply: Rmult_le_compat_r; [exact: norm_ge0 | lra].
Qed.

Theorem selectivity_extinct (P Grp : finType) (grp : P -> Grp) (L others : vector P -> R) (lam : Grp -> R) (g : Grp) (theta grad : vector P)
    (slope rest_slope Gamma_irr : R) (differentiable : has_gradient L theta grad)
    (rest_rate : right_rate (fun t => others (shrunk grp g t theta)) rest_slope)
    (slope_is : right_rate (fun t => objective grp L lam (shrunk grp g t theta) + others (shrunk grp g t theta)) slope)
    (irrelevant : norm (group grp g grad) <= Gamma_irr) (rest : rest_slope <= 0) :
  slope <= - (lam g - Gamma_irr) * norm (group grp g theta).
Proof.
  have := descent_direction differentiable rest_rate slope_is rest; have := norm_ge0 (group grp g theta); nra.
Qed.

(** A set that does not end at theta in a direction of the group. *)
Definition open_in (P Grp : finType) (grp : P -> Grp) (g : Grp) (Theta : vector P -> Prop) :=
  forall theta d, Theta theta -> group grp g d = d -> exists r, 0 < r /\ forall t, 0 <= t <= r -> Theta (line theta d t).

(** Uniform weights on all groups between the two gradient bounds: every stationary point has the irrelevant groups at zero and the
    relevant ones alive. *)
Theorem selectivity (P Grp : finType) (grp : P -> Grp) (L : vector P -> R) (grad : vector P -> vector P) (Theta : vector P -> Prop)
    (irrelevant relevant : pred Grp) (lam Gamma_irr Gamma_rel : R)
    (differentiable : forall theta, Theta theta -> has_gradient L theta (grad theta))
    (star : forall g, irrelevant g -> star_shaped grp g Theta) (interior : forall g, relevant g -> open_in grp g Theta)
    (ceiling : forall theta g, Theta theta -> irrelevant g -> norm (group grp g (grad theta)) <= Gamma_irr)
    (floor : forall theta g, Theta theta -> relevant g -> norm (group grp g theta) = 0 -> Gamma_rel <= norm (group grp g (grad theta)))
    (penalised : 0 < lam) (above : Gamma_irr < lam) (below : lam < Gamma_rel)
    (theta : vector P) (still : stationary (objective grp L (fun=> lam)) Theta theta) :
  (forall g, irrelevant g -> norm (group grp g theta) = 0) /\ (forall g, relevant g -> 0 < norm (group grp g theta)).
Proof.
  have [mem low] := still; have diff := differentiable theta mem; split=> g hg.
    by apply/part_eq0; apply: (stationary_extinct (star g hg) diff _ still); apply: Rle_lt_trans above; exact: ceiling.
  case: (norm_ge0 (group grp g theta)) => // zero; exfalso; symmetry in zero.
  have big := floor theta g mem hg zero.
  pose d := vscale (-1) (group grp g (grad theta)).
  have own : group grp g d = d by rewrite /d /group part_vscale part_idem.
  have [r [r0 seg]] := interior g hg theta d mem own.
  pose e := vscale r d.
  have own' : group grp g e = e by rewrite /e /group part_vscale -/(group grp g d) own.
  have same t : line theta e t = line theta d (t * r) by apply: vector_eq => p; rewrite /line /e /vscale; ring.
  have := low e _ _ (rate_leaving (fun=> lam) diff zero own').
  have inside t : 0 <= t <= 1 -> Theta (line theta e t) by move=> h; rewrite same; apply: seg; nra.
  move=> /(_ inside); rewrite /e norm_vscale_pos; last lra.
  rewrite dot_scale_right /d dot_scale_right norm_vscale Rabs_left; last lra.
  rewrite [dot (grad theta) _]dot_part_right -norm_square -/(group grp g (grad theta)).
  move: big; rewrite -/(group grp g (grad theta)); set n := norm _ => big.
  have : 0 < r * (n * (n - lam)) by do 2 (apply: Rmult_lt_0_compat; first lra); lra.
  lra.
Qed.

(** * T5b: the gradient of a group *)

(** The covariance bound: at most half of one diameter times half of the other. *)
Theorem covariance (I V J : finType) (a : I -> R) (key : I -> vector J) (value : I -> vector V) (g : vector V) (G D_K D_V : R)
    (law : distribution a) (output : norm g <= G) (keys : forall j k, norm (vsub (key j) (key k)) <= D_K)
    (values : forall j k, norm (vsub (value j) (value k)) <= D_V) :
  norm (vcov a key (fun j => dot (value j) g)) <= D_K / 2 * (G * D_V / 2).
Proof.
  apply: norm_vcov => // j k; rewrite -dot_sub_left; apply: Rle_trans (dot_le _ _) _; rewrite Rmult_comm.
  by apply: Rmult_le_compat => //; exact: norm_ge0.
Qed.

(** The gradient of a query's loss in its scores. *)
Theorem softmax_gradient (I V : finType) (l : vector V -> R) (value : I -> vector V) (k : I) (s : I -> R) (g : vector V)
    (differentiable : has_gradient l (vmean (softmax s) value) g) :
  has_gradient (fun r => l (vmean (softmax r) value)) s
    (fun j => softmax s j * (dot (value j) g - dot (vmean (softmax s) value) g)).
Proof. exact: score_gradient. Qed.

(** Scores that are bilinear forms over the temperature: <u_ij, A w_ij>/tau. *)
Section Features.
Variables (Q A B : finType) (K : Q -> finType) (tau : R) (left : forall i, K i -> vector A) (right : forall i, K i -> vector B).
Definition form_feature i (j : K i) : vector (prod_finType A B) := vscale (/ tau) (outer (left j) (right j)).

Lemma form_score (W : vector (prod_finType A B)) i (j : K i) : dot W (form_feature j) = dot (left j) (apply W (right j)) / tau.
Proof. by rewrite dot_scale_right dot_apply Rmult_comm. Qed.

Lemma form_group_bound (V : finType) (loss : Q -> vector V -> R) (bias : forall i, K i -> R) (value : forall i, K i -> vector V)
    (W grad : vector (prod_finType A B)) (S : pred A) (T : pred B) (g : Q -> vector V) (size : Q -> R) (G D_V D M : R) :
  0 < tau -> (0 < #|Q|)%N -> (forall i, (0 < #|K i|)%N) ->
  (forall i, has_gradient (loss i) (attention_output form_feature bias value W i) (g i)) ->
  has_gradient (layer_loss loss form_feature bias value) W grad ->
  (forall i, norm (g i) <= G) -> (forall i (j k : K i), norm (vsub (value i j) (value i k)) <= D_V) ->
  (forall i (j k : K i), norm (part (fun p => S p.1 && T p.2) (vsub (outer (left j) (right j)) (outer (left k) (right k)))) <= size i * D) ->
  0 <= D -> (\sum_i size i) / #Q <= M ->
  norm (part (fun p => S p.1 && T p.2) grad) <= G * D_V * D * M / (4 * tau).
Proof.
  move=> t0 some visible diff is_grad output values spread D0 mean.
  have n_pos : 0 < #Q by apply: lt_0_INR; apply/ltP.
  have ti : 0 <= / tau by apply: Rlt_le; exact: Rinv_0_lt_compat.
  have /card_gt0P [i0 _] := some; have /card_gt0P [k0 _] := visible i0.
  have G0 : 0 <= G by apply: Rle_trans (norm_ge0 _) (output i0).
  have V0 : 0 <= D_V by apply: Rle_trans (norm_ge0 _) (values i0 k0 k0).
  have h := @layer_group_bound Q _ V K loss form_feature bias value W grad (fun p => S p.1 && T p.2) g G D_V (fun i => / tau * (size i * D))
    some visible diff is_grad output values.
  apply: Rle_trans (h _) _ => [i j k|].
    rewrite part_vsub !part_vscale.
    have -> : vsub (vscale (/ tau) (part (fun p => S p.1 && T p.2) (outer (left j) (right j))))
                   (vscale (/ tau) (part (fun p => S p.1 && T p.2) (outer (left k) (right k))))
              = vscale (/ tau) (part (fun p => S p.1 && T p.2) (vsub (outer (left j) (right j)) (outer (left k) (right k)))).
      by rewrite part_vsub; apply: vector_eq => p; rewrite /vsub /vscale; ring.
    by rewrite norm_vscale_pos //; apply: Rmult_le_compat_l => //; exact: spread.
  have -> : G * D_V / 4 * ((\sum_i / tau * (size i * D)) / #Q) = (G * D_V * D / (4 * tau)) * ((\sum_i size i) / #Q).
    by rewrite sum_scale sum_scale_right; field; lra.
  have -> : G * D_V * D * M / (4 * tau) = (G * D_V * D / (4 * tau)) * M by field; lra.
  apply: Rmult_le_compat_l => //; apply: Rmult_le_pos; last by apply: Rlt_le; apply: Rinv_0_lt_compat; lra.
  by apply: Rmult_le_pos => //; exact: Rmult_le_pos.
Qed.
End Features.
Arguments form_feature {Q A B K} tau left right i j.

(** Token coordinates carry a block label; the group (c, c') of a matrix is its rows of label c and columns of label c'. *)
Definition in_block (X C : finType) (blk : X -> C) (c : C) : pred X := fun x => blk x == c.
Definition matrix_group (X Y C D : finType) (rows : X -> C) (columns : Y -> D) (c : C) (d : D) : vector (prod_finType X Y) -> vector (prod_finType X Y) :=
  part (fun p => in_block rows c p.1 && in_block columns d p.2).

(** Bilinear scores x_i' A x_j / tau + bias. *)
Theorem gradient_bilinear (Q X V C : finType) (K : Q -> finType) (blk : X -> C) (c c' : C)
    (loss : Q -> vector V -> R) (query : Q -> vector X) (key : forall i, K i -> vector X) (bias : forall i, K i -> R)
    (value : forall i, K i -> vector V) (A grad : vector (prod_finType X X)) (g : Q -> vector V) (tau G D_V D_c B_c : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N)
    (differentiable : forall i, has_gradient (loss i) (attention_output (form_feature tau (fun i _ => query i) key) bias value A i) (g i))
    (gradient : has_gradient (layer_loss loss (form_feature tau (fun i _ => query i) key) bias value) A grad)
    (output : forall i, norm (g i) <= G)
    (spread : forall i (j k : K i), norm (part (in_block blk c') (vsub (key i j) (key i k))) <= D_c)
    (values : forall i (j k : K i), norm (vsub (value i j) (value i k)) <= D_V)
    (mean : (\sum_i norm (part (in_block blk c) (query i))) / #Q <= B_c) :
  norm (matrix_group blk blk c c' grad) <= G * D_V * D_c * B_c / (4 * tau).
Proof.
  have /card_gt0P [i0 _] := queries; have /card_gt0P [k0 _] := visible i0.
  have D0 : 0 <= D_c by apply: Rle_trans (norm_ge0 _) (spread i0 k0 k0).
  apply: (form_group_bound (S := in_block blk c) (T := in_block blk c') temperature queries visible differentiable gradient output values _ D0 mean).
  move=> i j k; rewrite outer_vsub_right part_outer norm_outer; apply: Rmult_le_compat_l; [exact: norm_ge0 | exact: spread].
Qed.

(** Query weights, keys held: <W_Q x_i, k_j> / tau + bias. *)
Theorem gradient_query (Q X H V C D : finType) (K : Q -> finType) (head : H -> D) (blk : X -> C) (b : D) (c : C)
    (loss : Q -> vector V -> R) (token : Q -> vector X) (key : forall i, K i -> vector H) (bias : forall i, K i -> R)
    (value : forall i, K i -> vector V) (W_Q grad : vector (prod_finType H X)) (g : Q -> vector V) (tau G D_V D_K B_c : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N)
    (differentiable : forall i, has_gradient (loss i) (attention_output (form_feature tau key (fun i _ => token i)) bias value W_Q i) (g i))
    (gradient : has_gradient (layer_loss loss (form_feature tau key (fun i _ => token i)) bias value) W_Q grad)
    (output : forall i, norm (g i) <= G)
    (spread : forall i (j k : K i), norm (vsub (key i j) (key i k)) <= D_K)
    (values : forall i (j k : K i), norm (vsub (value i j) (value i k)) <= D_V)
    (mean : (\sum_i norm (part (in_block blk c) (token i))) / #Q <= B_c) :
  norm (matrix_group head blk b c grad) <= G * D_V * D_K * B_c / (4 * tau).
Proof.
  have /card_gt0P [i0 _] := queries; have /card_gt0P [k0 _] := visible i0.
  have D0 : 0 <= D_K by apply: Rle_trans (norm_ge0 _) (spread i0 k0 k0).
  apply: (form_group_bound (S := in_block head b) (T := in_block blk c) temperature queries visible differentiable gradient output values _ D0 mean).
  move=> i j k; rewrite outer_vsub_left part_outer norm_outer Rmult_comm; apply: Rmult_le_compat_l; first exact: norm_ge0.
  by apply: Rle_trans (part_le _ _) _; exact: spread.
Qed.

(** Key weights, queries held: <q_i, W_K x_j> / tau + bias. *)
Theorem gradient_key (Q X H V C D : finType) (K : Q -> finType) (head : H -> D) (blk : X -> C) (b : D) (c : C)
    (loss : Q -> vector V -> R) (query : Q -> vector H) (token : forall i, K i -> vector X) (bias : forall i, K i -> R)
    (value : forall i, K i -> vector V) (W_K grad : vector (prod_finType H X)) (g : Q -> vector V) (tau G D_V D_c B_q : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N)
    (differentiable : forall i, has_gradient (loss i) (attention_output (form_feature tau (fun i _ => query i) token) bias value W_K i) (g i))
    (gradient : has_gradient (layer_loss loss (form_feature tau (fun i _ => query i) token) bias value) W_K grad)
    (output : forall i, norm (g i) <= G)
    (spread : forall i (j k : K i), norm (part (in_block blk c) (vsub (token i j) (token i k))) <= D_c)
    (values : forall i (j k : K i), norm (vsub (value i j) (value i k)) <= D_V)
    (mean : (\sum_i norm (query i)) / #Q <= B_q) :
  norm (matrix_group head blk b c grad) <= G * D_V * D_c * B_q / (4 * tau).
Proof.
  have /card_gt0P [i0 _] := queries; have /card_gt0P [k0 _] := visible i0.
  have D0 : 0 <= D_c by apply: Rle_trans (norm_ge0 _) (spread i0 k0 k0).
  apply: (form_group_bound (S := in_block head b) (T := in_block blk c) temperature queries visible differentiable gradient output values _ D0 mean).
  move=> i j k; rewrite outer_vsub_right part_outer norm_outer.
  by apply: Rmult_le_compat; [exact: norm_ge0 | exact: norm_ge0 | exact: part_le | exact: spread].
Qed.

(** The gradients exist: the bounds are not about nothing. *)
Theorem gradient_exists (Q A B V : finType) (K : Q -> finType) (tau : R) (left : forall i, K i -> vector A) (right : forall i, K i -> vector B)
    (loss : Q -> vector V -> R) (bias : forall i, K i -> R) (value : forall i, K i -> vector V) (W : vector (prod_finType A B)) (g : Q -> vector V)
    (visible : forall i, (0 < #|K i|)%N)
    (differentiable : forall i, has_gradient (loss i) (attention_output (form_feature tau left right) bias value W i) (g i)) :
  has_gradient (layer_loss loss (form_feature tau left right) bias value) W
    (vscale (/ #Q) (vsum predT (fun i => vcov (attention (form_feature tau left right) bias W i) (form_feature tau left right i)
                                              (fun j => dot (value i j) (g i))))).
Proof. exact: layer_gradient. Qed.

(** On Frobenius balls: the bound of a query group and of a key group from the configuration alone. *)
Theorem gradient_qk (Q X H V C D : finType) (K : Q -> finType) (head : H -> D) (blk : X -> C) (b : D) (c : C)
    (loss : Q -> vector V -> R) (query : Q -> vector X) (token : forall i, K i -> vector X) (bias : forall i, K i -> R)
    (value : forall i, K i -> vector V) (W_Q W_K grad : vector (prod_finType H X)) (g : Q -> vector V)
    (tau G D_V D_X B_c B_x D_c rho_Q rho_K : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N)
    (differentiable : forall i,
      has_gradient (loss i) (attention_output (form_feature tau (fun i j => apply W_K (token i j)) (fun i _ => query i)) bias value W_Q i) (g i))
    (gradient : has_gradient (layer_loss loss (form_feature tau (fun i j => apply W_K (token i j)) (fun i _ => query i)) bias value) W_Q grad)
    (output : forall i, norm (g i) <= G)
    (values : forall i (j k : K i), norm (vsub (value i j) (value i k)) <= D_V)
    (ball : norm W_K <= rho_K)
    (tokens : forall i (j k : K i), norm (vsub (token i j) (token i k)) <= D_X)
    (mean : (\sum_i norm (part (in_block blk c) (query i))) / #Q <= B_c) :
  norm (matrix_group head blk b c grad) <= G * D_V * Rmax (rho_K * D_X * B_c) (rho_Q * B_x * D_c) / (4 * tau).
Proof.
  have /card_gt0P [i0 _] := queries; have /card_gt0P [k0 _] := visible i0.
  have G0 : 0 <= G by apply: Rle_trans (norm_ge0 _) (output i0).
  have V0 : 0 <= D_V by apply: Rle_trans (norm_ge0 _) (values i0 k0 k0).
  have spread i (j k : K i) : norm (vsub (apply W_K (token i j)) (apply W_K (token i k))) <= rho_K * D_X.
    rewrite -apply_vsub; apply: Rle_trans (norm_apply _ _) _.
    by apply: Rmult_le_compat; [exact: norm_ge0 | exact: norm_ge0 | exact: ball | exact: tokens].
  apply: Rle_trans (gradient_query head b temperature queries visible differentiable gradient output spread values mean) _.
  rewrite /Rdiv !Rmult_assoc; apply: Rmult_le_compat_l => //; apply: Rmult_le_compat_l => //.
  rewrite -!Rmult_assoc; apply: Rmult_le_compat_r; first by apply: Rlt_le; apply: Rinv_0_lt_compat; lra.
  exact: Rmax_l.
Qed.

Theorem gradient_qk_key (Q X H V C D : finType) (K : Q -> finType) (head : H -> D) (blk : X -> C) (b : D) (c : C)
    (loss : Q -> vector V -> R) (query : Q -> vector X) (token : forall i, K i -> vector X) (bias : forall i, K i -> R)
    (value : forall i, K i -> vector V) (W_Q W_K grad : vector (prod_finType H X)) (g : Q -> vector V)
    (tau G D_V D_X B_c B_x D_c rho_Q rho_K : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N)
    (differentiable : forall i,
      has_gradient (loss i) (attention_output (form_feature tau (fun i _ => apply W_Q (query i)) token) bias value W_K i) (g i))
    (gradient : has_gradient (layer_loss loss (form_feature tau (fun i _ => apply W_Q (query i)) token) bias value) W_K grad)
    (output : forall i, norm (g i) <= G)
    (values : forall i (j k : K i), norm (vsub (value i j) (value i k)) <= D_V)
    (ball : norm W_Q <= rho_Q)
    (norms : forall i, norm (query i) <= B_x)
    (spread : forall i (j k : K i), norm (part (in_block blk c) (vsub (token i j) (token i k))) <= D_c) :
  norm (matrix_group head blk b c grad) <= G * D_V * Rmax (rho_K * D_X * B_c) (rho_Q * B_x * D_c) / (4 * tau).
Proof.
  have /card_gt0P [i0 _] := queries; have /card_gt0P [k0 _] := visible i0.
  have G0 : 0 <= G by apply: Rle_trans (norm_ge0 _) (output i0).
  have V0 : 0 <= D_V by apply: Rle_trans (norm_ge0 _) (values i0 k0 k0).
  have n_pos : 0 < #Q by apply: lt_0_INR; apply/ltP.
  have mean : (\sum_i norm (apply W_Q (query i))) / #Q <= rho_Q * B_x.
    apply: (Rmult_le_reg_r (#Q)) => //; have -> : (\sum_i norm (apply W_Q (query i))) / #Q * #Q = \sum_i norm (apply W_Q (query i)) by field; lra.
    rewrite Rmult_comm -sum_const_all; apply: sum_le => i _; apply: Rle_trans (norm_apply _ _) _.
    by apply: Rmult_le_compat; [exact: norm_ge0 | exact: norm_ge0 | exact: ball | exact: norms].
  apply: Rle_trans (gradient_key head b temperature queries visible differentiable gradient output spread values mean) _.
  have -> : G * D_V * D_c * (rho_Q * B_x) / (4 * tau) = G * D_V * (rho_Q * B_x * D_c) / (4 * tau) by field; lra.
  rewrite /Rdiv !Rmult_assoc; apply: Rmult_le_compat_l => //; apply: Rmult_le_compat_l => //.
  rewrite -!Rmult_assoc; apply: Rmult_le_compat_r; first by apply: Rlt_le; apply: Rinv_0_lt_compat; lra.
  exact: Rmax_r.
Qed.

(** Value weights: outputs are W_V times the mean token under the attention, which does not depend on W_V. *)
Definition value_loss (Q X V : finType) (K : Q -> finType) (loss : Q -> vector V -> R) (a : forall i, K i -> R) (token : forall i, K i -> vector X)
    (W_V : vector (prod_finType V X)) := / #Q * (\sum_i loss i (vmean (a i) (fun j => apply W_V (token i j)))).

Lemma value_gradient (Q X V : finType) (K : Q -> finType) (loss : Q -> vector V -> R) (a : forall i, K i -> R) (token : forall i, K i -> vector X)
    (W_V : vector (prod_finType V X)) (g : Q -> vector V) :
  (forall i, has_gradient (loss i) (vmean (a i) (fun j => apply W_V (token i j))) (g i)) ->
  has_gradient (value_loss loss a token) W_V (vscale (/ #Q) (vsum predT (fun i => outer (g i) (vmean (a i) (token i))))).
Proof.
  move=> h; apply: gradient_scale; apply: gradient_sum => i curve x v e hv; rewrite -e in h *.
  have out (W : vector (prod_finType V X)) : vmean (a i) (fun j => apply W (token i j)) = apply W (vmean (a i) (token i)).
    apply: vector_eq => p; rewrite /vmean /mean /apply (sum_eq (g := fun j => \sum_q W (p, q) * (a i j * token i j q))).
      by rewrite exchange_big; apply: sum_eq => q _; rewrite sum_scale.
    by move=> j _; rewrite -sum_scale; apply: sum_eq => q _; ring.
  have path : velocity (fun t => vmean (a i) (fun j => apply (curve t) (token i j))) x (apply v (vmean (a i) (token i))).
    move=> p; apply: (is_derive_ext (fun t => apply (curve t) (vmean (a i) (token i)) p)); first by move=> t; rewrite out.
    apply: is_derive_sum => q _; apply: (@is_derive_value _ _ (vmean (a i) (token i) q * v (p, q))); last exact: Rmult_comm.
    apply: (is_derive_ext (fun t => vmean (a i) (token i) q * curve t (p, q))); first by move=> t; exact: Rmult_comm.
    by apply: is_derive_scal; exact: hv.
  by apply: (is_derive_value (h i _ _ _ erefl path)); rewrite dot_comm [RHS]dot_comm dot_apply dot_comm.
Qed.

Theorem value_path (Q X V C D : finType) (K : Q -> finType) (rows : V -> D) (blk : X -> C) (b : D) (c : C) (loss : Q -> vector V -> R)
    (a : forall i, K i -> R) (token : forall i, K i -> vector X) (W_V grad : vector (prod_finType V X)) (g : Q -> vector V) (G B : R)
    (queries : (0 < #|Q|)%N) (laws : forall i, distribution (a i))
    (differentiable : forall i, has_gradient (loss i) (vmean (a i) (fun j => apply W_V (token i j))) (g i))
    (gradient : has_gradient (value_loss loss a token) W_V grad)
    (output : forall i, norm (g i) <= G) (parts : forall i (j : K i), norm (part (in_block blk c) (token i j)) <= B) :
  norm (matrix_group rows blk b c grad) <= G * B.
Proof.
  have n_pos : 0 < #Q by apply: lt_0_INR; apply/ltP.
  rewrite (gradient_unique gradient (value_gradient differentiable)) /matrix_group part_vscale part_vsum.
  rewrite norm_vscale_pos; last by apply: Rlt_le; exact: Rinv_0_lt_compat.
  have -> : G * B = / #Q * (#Q * (G * B)) by field; lra.
  apply: Rmult_le_compat_l; first by apply: Rlt_le; exact: Rinv_0_lt_compat.
  rewrite -sum_const_all; apply: Rle_trans (norm_vsum _ _) _; apply: sum_le => i _.
  rewrite part_outer norm_outer; apply: Rmult_le_compat; [exact: norm_ge0 | exact: norm_ge0 | by apply: Rle_trans (part_le _ _) _ |].
  have -> : part (in_block blk c) (vmean (a i) (token i)) = vmean (a i) (fun j => part (in_block blk c) (token i j)).
    by apply: vector_eq => p; rewrite /part /vmean /mean; case: ifP => _ //; rewrite sum_zero // => j _; ring.
  apply: Rle_trans (norm_vmean (laws i) _) _; rewrite -[X in _ <= X](mean_const (laws i)); exact: mean_le.
Qed.

(** * N10: on the dial *)

(** Mean absolute deviation is at most the standard deviation. *)
Lemma mean_deviation (I : finType) (a : I -> R) (y : I -> R) (d : R) :
  distribution a -> (forall i k, y i - y k <= d) -> mean a (fun i => Rabs (y i - mean a y)) <= d / 2.
Proof.
  move=> law range; have [k _] := distribution_inhabited law; have d0 : 0 <= d by have := range k k; lra.
  set z := fun i => Rabs (y i - mean a y); set m := mean a z.
  apply: square_le; first lra.
  have h := variance_ge0 law z; rewrite /variance cov_product // in h.
  have e : mean a (fun i => z i * z i) = variance a y.
    by apply: mean_eq => i; rewrite /z -Rabs_mult Rabs_right //; apply: Rle_ge; exact: Rle_0_sqr.
  rewrite e -/m in h; have := popoviciu law range; lra.
Qed.

(** Covariance of parts that are small (delta) on the keys of the block and the rest of which carries little mass. *)
Theorem leaky_covariance (I V J : finType) (a : I -> R) (G_in : {set I}) (key : I -> vector J) (value : I -> vector V) (g : vector V) (G D_V B delta eps : R)
    (law : distribution a) (output : norm g <= G) (values : forall j k, norm (vsub (value j) (value k)) <= D_V)
    (own : forall j, j \notin G_in -> norm (key j) <= Rmax B delta) (bound : 0 <= B)
    (leak : forall j, j \in G_in -> norm (key j) <= delta) (leak_bound : 0 <= delta) (mass : outside a G_in <= eps) :
  norm (vcov a key (fun j => dot (value j) g)) <= G * D_V * (eps * B + delta / 2).
Proof.
  have [k0 _] := distribution_inhabited law.
  have G0 : 0 <= G by apply: Rle_trans (norm_ge0 _) output.
  have V0 : 0 <= D_V by apply: Rle_trans (norm_ge0 _) (values k0 k0).
  have e0 : 0 <= eps by apply: Rle_trans mass; exact: outside_ge0.
  set y := fun j => dot (value j) g.
  have range i k : y i - y k <= G * D_V.
    rewrite /y -dot_sub_left; apply: Rle_trans (dot_le _ _) _; rewrite Rmult_comm.
    by apply: Rmult_le_compat => //; exact: norm_ge0.
  case: (Rle_or_lt delta B) => small; last first.
    have near i : norm (key i) <= delta.
      by case: (boolP (i \in G_in)) => h; [exact: leak | have := own i h; rewrite Rmax_right; lra].
    have diam i k : norm (vsub (key i) (key k)) <= 2 * delta.
      by apply: Rle_trans (norm_vsub _ _) _; have := near i; have := near k; lra.
    apply: Rle_trans (norm_vcov law diam range) _.
    have : 0 <= G * D_V * (eps * B) by do 2 (apply: Rmult_le_pos => //); apply: Rmult_le_pos.
    lra.
  have -> : vcov a key y = vmean a (fun j => vscale (y j - mean a y) (key j)).
    by apply: vector_eq => p; rewrite /vcov cov_alt //; apply: mean_eq => i; rewrite /vscale; ring.
  apply: Rle_trans (norm_vmean law _) _.
  have dev i : Rabs (y i - mean a y) <= G * D_V.
    apply: abs_le.
      have : mean a (fun k => y i - y k) <= G * D_V by rewrite -[X in _ <= X](mean_const law); apply: mean_le => // k; exact: range.
      by rewrite mean_sub mean_const.
    have : mean a (fun k => y k - y i) <= G * D_V by rewrite -[X in _ <= X](mean_const law); apply: mean_le => // k; exact: range.
    rewrite mean_sub mean_const //; lra.
  apply: Rle_trans (_ : mean a (fun i => delta * Rabs (y i - mean a y) + (if i \in G_in then 0 else B * (G * D_V))) <= _).
    apply: mean_le => // i; rewrite norm_vscale Rmult_comm; have p := Rabs_pos (y i - mean a y).
    case: ifP => hi; first by rewrite Rplus_0_r; apply: Rmult_le_compat_r => //; exact: leak.
    have ko := own i (negbT hi); rewrite Rmax_left // in ko.
    have : norm (key i) * Rabs (y i - mean a y) <= B * (G * D_V) by apply: Rmult_le_compat => //; exact: norm_ge0.
    have : 0 <= delta * Rabs (y i - mean a y) by exact: Rmult_le_pos.
    lra.
  rewrite mean_add mean_scale.
  have -> : mean a (fun i => if i \in G_in then 0 else B * (G * D_V)) = outside a G_in * (B * (G * D_V)).
    rewrite /mean (sum_split G_in) (sum_zero (f := fun i => a i * _)) => [|i ->]; last ring.
    by rewrite Rplus_0_l /outside -sum_scale_right; apply: sum_eq => i; rewrite inE => /negbTE ->.
  have := mean_deviation law range; have bv : 0 <= B * (G * D_V) by do 2 (apply: Rmult_le_pos => //).
  nra.
Qed.

(** Bilinear layer whose rows of block c keep all but eps of their mass on keys of block c: the gradient of the group (c, c'). *)
Theorem dial_scaled (Q X V C : finType) (K : Q -> finType) (blk : X -> C) (c c' : C) (query_block : Q -> C) (key_block : forall i, K i -> C)
    (loss : Q -> vector V -> R) (query : Q -> vector X) (key : forall i, K i -> vector X) (bias : forall i, K i -> R)
    (value : forall i, K i -> vector V) (A grad : vector (prod_finType X X)) (g : Q -> vector V) (tau G D_V B delta eps : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N) (across : c != c')
    (differentiable : forall i, has_gradient (loss i) (attention_output (form_feature tau (fun i _ => query i) key) bias value A i) (g i))
    (gradient : has_gradient (layer_loss loss (form_feature tau (fun i _ => query i) key) bias value) A grad)
    (output : forall i, norm (g i) <= G)
    (values : forall i (j k : K i), norm (vsub (value i j) (value i k)) <= D_V)
    (own : (forall i, norm (part (in_block blk (query_block i)) (query i)) <= B)
      /\ forall i (j : K i), norm (part (in_block blk (key_block i j)) (key i j)) <= B)
    (leak : (forall i d, d != query_block i -> norm (part (in_block blk d) (query i)) <= delta)
      /\ forall i (j : K i) d, d != key_block i j -> norm (part (in_block blk d) (key i j)) <= delta)
    (leak_bound : 0 <= delta) (small : delta <= B)
    (mass : forall i, query_block i = c ->
      outside (attention (form_feature tau (fun i _ => query i) key) bias A i) [set j | key_block i j == c] <= eps) :
  let share := INR #|[set i | query_block i == c]| / #Q in
  norm (matrix_group blk blk c c' grad)
  <= G * D_V / tau * (share * B * (eps * B + delta / 2) + (1 - share) * delta * B / 2).
Proof.
  move: own leak => [own_query own_key] [leak_query leak_key] share; have n_pos : 0 < #Q by apply: lt_0_INR; apply/ltP.
  have /card_gt0P [i0 _] := queries; have /card_gt0P [k0 _] := visible i0.
  have G0 : 0 <= G by apply: Rle_trans (norm_ge0 _) (output i0).
  have V0 : 0 <= D_V by apply: Rle_trans (norm_ge0 _) (values i0 k0 k0).
  have B0 : 0 <= B by apply: Rle_trans (norm_ge0 _) (own_query i0).
  have ti : 0 < / tau by exact: Rinv_0_lt_compat.
  rewrite (gradient_unique gradient (gradient_exists visible differentiable)) /matrix_group part_vscale part_vsum.
  set S := fun p => _ : bool.
  rewrite norm_vscale_pos; last by apply: Rlt_le; exact: Rinv_0_lt_compat.
  pose own_row := G * D_V / tau * (B * (eps * B + delta / 2)); pose other_row := G * D_V / tau * (delta * B / 2).
  have -> : G * D_V / tau * (share * B * (eps * B + delta / 2) + (1 - share) * delta * B / 2)
            = / #Q * (INR #|[set i | query_block i == c]| * own_row + (#Q - INR #|[set i | query_block i == c]|) * other_row).
    by rewrite /share /own_row /other_row; field; lra.
  apply: Rmult_le_compat_l; first by apply: Rlt_le; exact: Rinv_0_lt_compat.
  rewrite -card_compl -!sum_const.
  have -> : \sum_(i in [set i | query_block i == c]) own_row + \sum_(i in ~: [set i | query_block i == c]) other_row
            = \sum_i (if query_block i == c then own_row else other_row).
    rewrite [RHS](sum_split [set i | query_block i == c]); congr (_ + _); apply: sum_eq => i; rewrite !inE; first by move->.
    by move/negbTE ->.
  apply: Rle_trans (norm_vsum _ _) _; apply: sum_le => i _.
  have /card_gt0P [k _] := visible i.
  set a := attention _ _ _ i; have law : distribution a by exact: softmax_distribution k.
  have row : part S (vcov a (form_feature tau (fun i _ => query i) key i) (fun j => dot (value i j) (g i)))
             = vscale (/ tau) (outer (part (in_block blk c) (query i)) (vcov a (fun j => part (in_block blk c') (key i j)) (fun j => dot (value i j) (g i)))).
    rewrite part_vcov //; apply: vector_eq => p; rewrite /vcov /vscale !cov_alt // /outer.
    rewrite cov_alt // -mean_scale -mean_scale; apply: mean_eq => j.
    by rewrite part_vscale part_outer /vscale /outer; ring.
  rewrite row norm_vscale_pos; last lra.
  rewrite norm_outer.
  have parts (j : K i) : norm (part (in_block blk c') (key i j)) <= B.
    case: (eqVneq c' (key_block i j)) => [->|ne]; first exact: own_key.
    by apply: Rle_trans (leak_key i j c' ne) small.
  case: eqP => e; last first.
    have q : norm (part (in_block blk c) (query i)) <= delta by apply: leak_query; apply/eqP => e'; apply: e.
    have diam (j l : K i) : norm (vsub (part (in_block blk c') (key i j)) (part (in_block blk c') (key i l))) <= 2 * B.
      by apply: Rle_trans (norm_vsub _ _) _; have := parts j; have := parts l; lra.
    have := covariance law (output i) diam (values i) => h.
    have -> : other_row = / tau * (delta * (2 * B / 2 * (G * D_V / 2))) by rewrite /other_row; field; lra.
    apply: Rmult_le_compat_l; first lra.
    by apply: Rmult_le_compat => //; exact: norm_ge0.
  have q : norm (part (in_block blk c) (query i)) <= B by rewrite -e; exact: own_query.
  have -> : own_row = / tau * (B * (G * D_V * (eps * B + delta / 2))) by rewrite /own_row; field; lra.
  apply: Rmult_le_compat_l; first lra.
  apply: Rmult_le_compat => //; [exact: norm_ge0 | exact: norm_ge0 |].
  apply: (leaky_covariance law (output i) (values i) (G_in := [set j | key_block i j == c])) => //; last exact: mass.
    by move=> j _; rewrite Rmax_left //; exact: parts.
  move=> j; rewrite inE => /eqP ej; apply: leak_key; by rewrite ej eq_sym.
Qed.

(** * Constants of the loss *)

(** Cross-entropy of the logits <U_k, o> with target y; with soft targets T; half the squared error of U o. *)
Definition logits (M V : finType) (U : M -> vector V) (o : vector V) : vector M := fun k => dot (U k) o.
Definition cross_entropy (M V : finType) (U : M -> vector V) (y : M) (o : vector V) := ln (total (logits U o)) - dot (U y) o.
Definition soft_cross_entropy (M V : finType) (U : M -> vector V) (T : M -> R) (o : vector V) := - (\sum_k T k * ln (softmax (logits U o) k)).
Definition half_square (M V : finType) (U : vector (prod_finType M V)) (y : vector M) (o : vector V) :=
  / 2 * dot (vsub (apply U o) y) (vsub (apply U o) y).

Lemma velocity_logits (M V : finType) (U : M -> vector V) (curve : R -> vector V) x v :
  velocity curve x v -> velocity (fun t => logits U (curve t)) x (logits U v).
Proof.
  move=> h k; apply: (is_derive_ext (fun t => dot (curve t) (U k))); first by move=> t; exact: dot_comm.
  by rewrite /logits dot_comm; exact: velocity_dot.
Qed.

Lemma ln_total_rate (M : finType) (path : R -> vector M) (x : R) (v : vector M) (k : M) :
  velocity path x v -> is_derive (fun t => ln (total (path t))) x (mean (softmax (path x)) v).
Proof.
  move=> h; have pos := total_pos (path x) k.
  apply: (@is_derive_value _ _ ((\sum_i v i * exp (path x i)) * / total (path x))).
    apply: (@is_derive_comp R_AbsRing R_NormedModule ln (fun t => total (path t))); first exact: is_derive_ln.
    apply: is_derive_sum => i _; apply: is_derive_comp; [exact: is_derive_exp | exact: h].
  by rewrite /mean -sum_scale_right; apply: sum_eq => i _; rewrite /softmax; field; lra.
Qed.

Lemma cross_entropy_gradient (M V : finType) (U : M -> vector V) (y : M) (o : vector V) :
  has_gradient (cross_entropy U y) o (vmean (softmax (logits U o)) (fun k => vsub (U k) (U y))).
Proof.
  move=> curve x v e hv; rewrite -e; have law := softmax_distribution (logits U (curve x)) y.
  apply: (@is_derive_value _ _ (mean (softmax (logits U (curve x))) (logits U v) - dot (U y) v)).
    apply: is_derive_minus; first exact: (ln_total_rate y (velocity_logits U hv)).
    by rewrite dot_comm; apply: (is_derive_ext (fun t => dot (curve t) (U y))); [move=> t; exact: dot_comm | exact: velocity_dot].
  by rewrite dot_vmean -[X in _ - X](mean_const law) -mean_sub; apply: mean_eq => k; rewrite dot_sub_left.
Qed.

Theorem loss_gradient (M V : finType) (U : M -> vector V) (y : M) (o grad : vector V) (D_U : R)
    (gradient : has_gradient (cross_entropy U y) o grad) (readout : forall k l, norm (vsub (U k) (U l)) <= D_U) :
  norm grad <= (1 - softmax (logits U o) y) * D_U.
Proof.
  rewrite (gradient_unique gradient (@cross_entropy_gradient _ _ _ _ _)); set p := softmax _.
  have law : distribution p by exact: softmax_distribution y.
  apply: Rle_trans (norm_vmean law _) _.
  have -> : 1 - p y = \sum_(k | k != y) p k by have [_ one] := law; rewrite -one (@sum_pick _ predT _ y) //=; ring.
  rewrite /mean (@sum_pick _ predT _ y) //= -sum_scale_right.
  have -> : vsub (U y) (U y) = vzero by apply: vector_eq => j; rewrite /vsub /vzero; ring.
  rewrite norm_vzero Rmult_0_r Rplus_0_l; apply: sum_le => k _; apply: Rmult_le_compat_l => //; exact: (proj1 law).
Qed.

(** Equality: two classes. *)
Theorem loss_gradient_equality (V : finType) (U : bool -> vector V) (y : bool) (o grad : vector V)
    (gradient : has_gradient (cross_entropy U y) o grad) :
  norm grad = (1 - softmax (logits U o) y) * norm (vsub (U (~~ y)) (U y)).
Proof.
  rewrite (gradient_unique gradient (@cross_entropy_gradient _ _ _ _ _)); set p := softmax _.
  have law : distribution p by exact: softmax_distribution y.
  have [p0 one] := law.
  have two (f : bool -> R) : \sum_k f k = f y + f (~~ y).
    by rewrite (@sum_pick _ predT _ y) //= (@sum_pick _ (fun k => k != y) _ (~~ y)) /=; [rewrite big_pred0; [ring | by case; case: (y)] | case: (y)].
  have -> : 1 - p y = p (~~ y) by rewrite -one two; ring.
  rewrite -norm_vscale_pos //; congr norm; apply: vector_eq => j; rewrite /vmean /mean two /vsub /vscale; ring.
Qed.

Theorem loss_gradient_strict (M V : finType) (U : M -> vector V) (y : M) (o grad : vector V) (D_U : R)
    (gradient : has_gradient (cross_entropy U y) o grad) (readout : forall k l, norm (vsub (U k) (U l)) <= D_U) (apart : 0 < D_U) :
  norm grad < D_U.
Proof.
  apply: Rle_lt_trans (loss_gradient gradient readout) _.
  have := softmax_pos (logits U o) y; nra.
Qed.

Lemma soft_cross_entropy_gradient (M V : finType) (U : M -> vector V) (T : M -> R) (o : vector V) :
  distribution T ->
  has_gradient (soft_cross_entropy U T) o (vmean (fun k => softmax (logits U o) k - T k) U).
Proof.
  move=> [T0 T1] curve x v e hv; rewrite -e; have [k0 _] := distribution_inhabited (conj T0 T1).
  apply: (is_derive_ext (fun t => ln (total (logits U (curve t))) - \sum_k T k * logits U (curve t) k)).
    move=> t; rewrite /soft_cross_entropy (sum_eq (f := fun k => T k * ln _)
      (g := fun k => T k * logits U (curve t) k - T k * ln (total (logits U (curve t))))) => [|k _]; last by rewrite ln_softmax; ring.
    by rewrite sum_sub sum_scale_right T1 Rmult_1_l Ropp_minus_distr.
  apply: (@is_derive_value _ _ (mean (softmax (logits U (curve x))) (logits U v) - \sum_k T k * logits U v k)).
    apply: is_derive_minus; first exact: (ln_total_rate k0 (velocity_logits U hv)).
    by apply: is_derive_sum => k _; apply: is_derive_scal; exact: velocity_logits.
  rewrite dot_vmean /mean -sum_sub; apply: sum_eq => k _; rewrite /logits; ring.
Qed.

(** Soft targets: total variation times diameter. *)
Theorem loss_gradient_soft (M V : finType) (U : M -> vector V) (T : M -> R) (o grad : vector V) (D_U : R) (targets : distribution T)
    (gradient : has_gradient (soft_cross_entropy U T) o grad) (readout : forall k l, norm (vsub (U k) (U l)) <= D_U) :
  norm grad <= (\sum_k Rabs (softmax (logits U o) k - T k)) / 2 * D_U.
Proof.
  rewrite (gradient_unique gradient (@soft_cross_entropy_gradient _ _ U T o targets)); apply: zero_sum_le => //.
  have [k0 _] := distribution_inhabited targets.
  rewrite sum_sub (proj2 targets) (proj2 (softmax_distribution (logits U o) k0)); ring.
Qed.

Definition transposed (M V : finType) (U : vector (prod_finType M V)) (e : vector M) : vector V := fun v => \sum_m U (m, v) * e m.

Lemma dot_transposed (M V : finType) (U : vector (prod_finType M V)) e v : dot (transposed U e) v = dot e (apply U v).
Proof.
  rewrite /dot /transposed /apply (sum_eq (g := fun j => \sum_m e m * (U (m, j) * v j))).
    by rewrite exchange_big; apply: sum_eq => m _; rewrite sum_scale.
  by move=> j _; rewrite -sum_scale_right; apply: sum_eq => m _; ring.
Qed.

Lemma half_square_gradient (M V : finType) (U : vector (prod_finType M V)) (y : vector M) (o : vector V) :
  has_gradient (half_square U y) o (transposed U (vsub (apply U o) y)).
Proof.
  move=> curve x v e hv; rewrite -e dot_transposed.
  have path m : is_derive (fun t => vsub (apply U (curve t)) y m) x (apply U v m).
    apply: (@is_derive_value _ _ (apply U v m - 0)); last ring.
    apply: is_derive_minus; last exact: is_derive_const.
    by apply: is_derive_sum => j _; apply: is_derive_scal; exact: hv.
  apply: (@is_derive_value _ _ (/ 2 * (\sum_m (apply U v m * vsub (apply U (curve x)) y m + vsub (apply U (curve x)) y m * apply U v m)))).
    by apply: is_derive_scal; apply: is_derive_sum => m _; apply: Derive.is_derive_mult.
  by rewrite -sum_scale; apply: sum_eq => m _; field.
Qed.

(** norm_U is any bound on what U does to the length of a vector: the spectral norm, or the Frobenius norm. *)
Theorem loss_gradient_mse (M V : finType) (U : vector (prod_finType M V)) (y : vector M) (o grad : vector V) (norm_U B_v B_y : R)
    (readout : forall v, norm (apply U v) <= norm_U * norm v) (nonnegative : 0 <= norm_U)
    (gradient : has_gradient (half_square U y) o grad) (output : norm o <= B_v) (target : norm y <= B_y) :
  norm grad <= norm_U * (norm_U * B_v + B_y).
Proof.
  rewrite (gradient_unique gradient (@half_square_gradient _ _ _ _ _)); set e := vsub _ y.
  have he : norm e <= norm_U * B_v + B_y.
    apply: Rle_trans (norm_vsub _ _) _; have := readout o; have : norm_U * norm o <= norm_U * B_v by exact: Rmult_le_compat_l.
    lra.
  apply: Rle_trans (_ : norm_U * norm e <= _); last exact: Rmult_le_compat_l.
  apply: norm_dual; first by apply: Rmult_le_pos => //; exact: norm_ge0.
  rewrite dot_transposed; apply: Rle_trans (dot_le _ _) _.
  have -> : norm_U * norm e * norm (transposed U e) = norm e * (norm_U * norm (transposed U e)) by ring.
  by apply: Rmult_le_compat_l; [exact: norm_ge0 | exact: readout].
Qed.

(** * Curvature of the cross-entropy in the bilinear form *)

Section Curvature.
Variables (I : finType) (k0 : I).
Implicit Types (s r f y : vector I).

Lemma mean_rate s r f x : is_derive (fun t => mean (softmax (line s r t)) f) x (cov (softmax (line s r x)) f r).
Proof.
  have law := softmax_distribution (line s r x) k0.
  apply: (is_derive_value (velocity_dot f (softmax_velocity (velocity_line s r x)))).
  by rewrite cov_alt //; apply: sum_eq => i _; ring.
Qed.

(** When scores move along r, the covariance of r and y changes by their third central moment. *)
Theorem softmax_curvature s r y x :
  let a := softmax (line s r x) in
  is_derive (fun t => cov (softmax (line s r t)) r y) x (mean a (fun i => (r i - mean a r) * (r i - mean a r) * (y i - mean a y))).
Proof.
  move=> a; have law : distribution a by exact: softmax_distribution k0.
  apply: (is_derive_ext (fun t => mean (softmax (line s r t)) (fun i => r i * y i) - mean (softmax (line s r t)) r * mean (softmax (line s r t)) y)).
    by move=> t; rewrite cov_product //; exact: softmax_distribution k0.
  apply: (@is_derive_value _ _ (cov a (fun i => r i * y i) r - (cov a r r * mean a y + mean a r * cov a y r))).
    by apply: is_derive_minus; [exact: mean_rate | apply: Derive.is_derive_mult; exact: mean_rate].
  rewrite !cov_product //; set m := mean a r; set n := mean a y.
  have -> : mean a (fun i => (r i - m) * (r i - m) * (y i - n))
            = mean a (fun i => r i * y i * r i) - 2 * m * mean a (fun i => r i * y i) + m * m * mean a y - n * mean a (fun i => r i * r i)
              + 2 * m * n * mean a r - m * m * n.
    rewrite (mean_eq _ (y := fun i => r i * y i * r i + - (2 * m) * (r i * y i) + m * m * y i + - n * (r i * r i) + 2 * m * n * r i + - (m * m * n)));
      last by move=> i; ring.
    by rewrite !mean_add !mean_scale mean_const //; ring.
  rewrite (mean_eq _ (f := fun i => y i * r i) (y := fun i => r i * y i)) => [|i]; last ring.
  rewrite -/m -/n; ring.
Qed.

Lemma third_moment_le (a : I -> R) r y (d e : R) : distribution a -> (forall i k, r i - r k <= d) -> (forall i k, y i - y k <= e) ->
  Rabs (mean a (fun i => (r i - mean a r) * (r i - mean a r) * (y i - mean a y))) <= d / 2 * (d / 2) * e.
Proof.
  move=> law hr hy; have e0 : 0 <= e by have := hy k0 k0; lra.
  have dev i : Rabs (y i - mean a y) <= e.
    apply: abs_le.
      have : mean a (fun k => y i - y k) <= e by rewrite -[X in _ <= X](mean_const law); apply: mean_le => // k; exact: hy.
      by rewrite mean_sub mean_const.
    have : mean a (fun k => y k - y i) <= e by rewrite -[X in _ <= X](mean_const law); apply: mean_le => // k; exact: hy.
    rewrite mean_sub mean_const //; lra.
  apply: Rle_trans (_ : variance a r * e <= _); last by apply: Rmult_le_compat_r => //; exact: popoviciu.
  have bound i : - ((r i - mean a r) * (r i - mean a r) * e) <= (r i - mean a r) * (r i - mean a r) * (y i - mean a y)
                 <= (r i - mean a r) * (r i - mean a r) * e.
    have [lo hi] := le_abs (dev i); have := Rle_0_sqr (r i - mean a r); rewrite /Rsqr; nra.
  rewrite Rmult_comm /variance /cov -mean_scale; apply: abs_le.
    by apply: mean_le => // i; have := bound i; lra.
  suff : mean a (fun i => -1 * (e * ((r i - mean a r) * (r i - mean a r))))
         <= mean a (fun i => (r i - mean a r) * (r i - mean a r) * (y i - mean a y)) by rewrite mean_scale; lra.
  by apply: mean_le => // i; have := bound i; lra.
Qed.

End Curvature.

Lemma finite_choice (I : finType) (T : Type) (start : I -> T) (rel : I -> T -> Prop) : (forall i, exists t, rel i t) -> exists f, forall i, rel i (f i).
Proof.
  move=> h; suff [f hf] : exists f, forall i, i \in enum I -> rel i (f i) by exists f => i; apply: hf; rewrite mem_enum.
  elim: (enum I) => [|x l [f ih]]; first by exists start.
  have [t ht] := h x; exists (fun i => if i == x then t else f i) => i; rewrite inE; case: eqP => [->|_] //= il; exact: ih.
Qed.

(** One query: cross-entropy along scores that move on a line. *)
Lemma curvature_of_query (I M V : finType) (k0 : I) (s r : vector I) (value : I -> vector V) (U : M -> vector V) (y : M) (D_U B_v norm_U rho : R) :
  (forall k l, norm (vsub (U k) (U l)) <= D_U) -> (forall o, norm (logits U o) <= norm_U * norm o) -> 0 <= norm_U ->
  (forall j, norm (value j) <= B_v) -> (forall j, Rabs (r j) <= rho) ->
  exists f' f'' : R -> R, forall x,
    is_derive (fun t => cross_entropy U y (vmean (softmax (line s r t)) value)) x (f' x) /\ is_derive f' x (f'' x) /\
    Rabs (f'' x) <= (2 * D_U * B_v + norm_U ^ 2 * B_v ^ 2 / 2) * rho ^ 2.
Proof.
  move=> readout op op0 hv hr.
  pose w (k : M) : vector I := fun j => dot (U k) (value j).
  pose a t := softmax (line s r t).
  pose c t : vector M := fun k => mean (a t) (w k).
  pose c' t : vector M := fun k => cov (a t) r (w k).
  pose c'' t : vector M := fun k => mean (a t) (fun i => (r i - mean (a t) r) * (r i - mean (a t) r) * (w k i - mean (a t) (w k))).
  have law t : distribution (a t) by exact: softmax_distribution k0.
  have c_rate t : velocity c t (c' t) by move=> k; rewrite /c' cov_comm; exact: mean_rate.
  have c'_rate t : velocity c' t (c'' t) by move=> k; exact: softmax_curvature.
  pose p t := softmax (c t).
  have plaw t : distribution (p t) by exact: softmax_distribution y.
  exists (fun t => mean (p t) (c' t) - c' t y), (fun t => variance (p t) (c' t) + mean (p t) (fun k => c'' t k - c'' t y)) => x.
  have hx0 := law x; split; [|split].
  - apply: (is_derive_ext (fun t => ln (total (c t)) - c t y)).
      have logit t k : logits U (vmean (a t) value) k = c t k by rewrite /logits dot_comm dot_vmean; apply: mean_eq => j; exact: dot_comm.
      move=> t; rewrite /cross_entropy; congr (ln _ - _); last by rewrite -logit.
      by apply: sum_eq => k _; rewrite logit.
    by apply: is_derive_minus; [exact: ln_total_rate y (c_rate x) | exact: c_rate].
  - apply: (@is_derive_value _ _ ((\sum_k (p x k * (c' x k - mean (p x) (c' x)) * c' x k + p x k * c'' x k)) - c'' x y)).
      apply: is_derive_minus; last exact: c'_rate.
      by apply: is_derive_sum => k _; apply: Derive.is_derive_mult; [exact: softmax_velocity | exact: c'_rate].
    rewrite sum_add mean_sub mean_const // /variance cov_alt //.
    have -> : mean (p x) (fun i => c' x i * (c' x i - mean (p x) (c' x))) = \sum_k p x k * (c' x k - mean (p x) (c' x)) * c' x k.
      by apply: sum_eq => k _; ring.
    rewrite -/(mean (p x) (c'' x)); ring.
  - have rho0 : 0 <= rho by apply: Rle_trans (hr k0); exact: Rabs_pos.
    have B0 : 0 <= B_v by apply: Rle_trans (norm_ge0 _) (hv k0).
    have U0 : 0 <= D_U by apply: Rle_trans (norm_ge0 _) (readout y y).
    have range j l : r j - r l <= 2 * rho by have := le_abs (hr j); have := le_abs (hr l); lra.
    have spread j l : norm (vsub (value j) (value l)) <= 2 * B_v by apply: Rle_trans (norm_vsub _ _) _; have := hv j; have := hv l; lra.
    pose move := vcov (a x) value r.
    have size : norm move <= B_v * rho by have := norm_vcov (law x) spread range; rewrite /move; lra.
    have c'_is k : c' x k = dot (U k) move.
      rewrite dot_comm dot_vcov // /c' cov_comm; congr (cov _ _ r).
      by apply: vector_eq => j; exact: dot_comm.
    have apart k l : c' x k - c' x l <= sqrt 2 * (norm_U * (B_v * rho)).
      apply: square_le; first by apply: Rmult_le_pos; [exact: sqrt_pos | do 2 apply: Rmult_le_pos => //].
      have root : sqrt 2 * sqrt 2 = 2 by apply: sqrt_sqrt; lra.
      have -> : sqrt 2 * (norm_U * (B_v * rho)) * (sqrt 2 * (norm_U * (B_v * rho))) = 2 * ((norm_U * (B_v * rho)) * (norm_U * (B_v * rho))).
        by transitivity ((sqrt 2 * sqrt 2) * ((norm_U * (B_v * rho)) * (norm_U * (B_v * rho)))); [ring | rewrite root].
      case: (eqVneq k l) => [->|ne].
        have := Rle_0_sqr (norm_U * (B_v * rho)); rewrite /Rsqr Rminus_eq_0; lra.
      have both : c' x k * c' x k + c' x l * c' x l <= norm (logits U move) * norm (logits U move).
        rewrite norm_square /dot (@sum_pick _ predT _ k) //= /logits -!c'_is; apply: Rplus_le_compat_l.
        have -> : c' x l * c' x l = dot (U l) move * dot (U l) move by rewrite c'_is.
        apply: (@term_le_sum _ (fun m => m != k) (fun m => dot (U m) move * dot (U m) move) l); first by rewrite eq_sym.
        by move=> m _; exact: Rle_0_sqr.
      have big : norm (logits U move) * norm (logits U move) <= (norm_U * (B_v * rho)) * (norm_U * (B_v * rho)).
        have h : norm (logits U move) <= norm_U * (B_v * rho) by apply: Rle_trans (op _) _; exact: Rmult_le_compat_l.
        by apply: Rmult_le_compat => //; exact: norm_ge0.
      have := Rle_0_sqr (c' x k + c' x l); rewrite /Rsqr; lra.
    have bend0 := variance_ge0 (plaw x) (c' x).
    have bend : variance (p x) (c' x) <= norm_U ^ 2 * B_v ^ 2 / 2 * rho ^ 2.
      apply: Rle_trans (popoviciu (plaw x) apart) _.
      have root : sqrt 2 * sqrt 2 = 2 by apply: sqrt_sqrt; lra.
      have -> : sqrt 2 * (norm_U * (B_v * rho)) / 2 * (sqrt 2 * (norm_U * (B_v * rho)) / 2) = (sqrt 2 * sqrt 2) * norm_U ^ 2 * B_v ^ 2 / 4 * rho ^ 2 by field.
      by rewrite root; lra.
    pose g := vmean (p x) (fun k => vsub (U k) (U y)).
    have size_g : norm g <= D_U.
      apply: Rle_trans (norm_vmean (plaw x) _) _; rewrite -[X in _ <= X](mean_const (plaw x)); apply: mean_le => // k; exact: readout.
    have third : mean (p x) (fun k => c'' x k - c'' x y)
                 = mean (a x) (fun i => (r i - mean (a x) r) * (r i - mean (a x) r) * (dot (value i) g - mean (a x) (fun j => dot (value j) g))).
      have gv j : dot (value j) g = mean (p x) (fun k => w k j - w y j).
        by rewrite dot_comm dot_vmean; apply: mean_eq => k; rewrite dot_sub_left.
      have gm : mean (a x) (fun j => dot (value j) g) = mean (p x) (fun k => mean (a x) (w k) - mean (a x) (w y)).
        rewrite /mean (sum_eq (g := fun j => \sum_k p x k * (a x j * (w k j - w y j)))) => [|j _].
          rewrite exchange_big; apply: sum_eq => k _; rewrite sum_scale -sum_sub; congr (_ * _); apply: sum_eq => j _; ring.
        by rewrite gv /mean -sum_scale; apply: sum_eq => k _; ring.
      rewrite gm /c'' [in LHS]/mean.
      transitivity (\sum_k \sum_i p x k * (a x i * ((r i - mean (a x) r) * (r i - mean (a x) r) * ((w k i - w y i) - (mean (a x) (w k) - mean (a x) (w y)))))).
        apply: sum_eq => k _; rewrite sum_scale -sum_sub; congr (_ * _); apply: sum_eq => i _; rewrite -/(mean (a x) r) -/(mean (a x) (w k)) -/(mean (a x) (w y)); ring.
      rewrite exchange_big; apply: sum_eq => i _; rewrite gv.
      transitivity (a x i * ((r i - mean (a x) r) * (r i - mean (a x) r))
                    * mean (p x) (fun k => (w k i - w y i) - (mean (a x) (w k) - mean (a x) (w y)))).
        by rewrite -mean_scale; apply: sum_eq => k _; ring.
      by rewrite mean_sub; ring.
    have gain j l : dot (value j) g - dot (value l) g <= D_U * (2 * B_v).
      rewrite -dot_sub_left; apply: Rle_trans (dot_le _ _) _; rewrite Rmult_comm.
      by apply: Rmult_le_compat => //; exact: norm_ge0.
    have cubic := third_moment_le k0 (law x) range gain; rewrite -third in cubic.
    apply: Rle_trans (Rabs_triang _ _) _; rewrite (Rabs_right (variance _ _)); last exact: Rle_ge.
    have -> : (2 * D_U * B_v + norm_U ^ 2 * B_v ^ 2 / 2) * rho ^ 2
              = norm_U ^ 2 * B_v ^ 2 / 2 * rho ^ 2 + 2 * rho / 2 * (2 * rho / 2) * (D_U * (2 * B_v)) by field.
    exact: Rplus_le_compat.
Qed.

(** Along every line in the bilinear form A the loss is twice differentiable, with the stated bound: its inverse is a safe step size. *)
Theorem smoothness (Q X V M : finType) (K : Q -> finType) (U : M -> vector V) (target : Q -> M) (query : Q -> vector X)
    (key : forall i, K i -> vector X) (bias : forall i, K i -> R) (values : forall i, K i -> vector V) (A D : vector (prod_finType X X))
    (tau D_U B_v norm_U B_x : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N) (nonnegative : 0 <= norm_U)
    (spectral : forall o, norm (logits U o) <= norm_U * norm o)
    (readout : forall k l, norm (vsub (U k) (U l)) <= D_U)
    (value : forall i (j : K i), norm (values i j) <= B_v)
    (token : (forall i, norm (query i) <= B_x) /\ (forall i (j : K i), norm (key i j) <= B_x)) :
  exists f' f'' : R -> R, forall x,
    is_derive (fun t => layer_loss (fun i => cross_entropy U (target i)) (form_feature tau (fun i _ => query i) key) bias values (line A D t)) x (f' x)
    /\ is_derive f' x (f'' x)
    /\ Rabs (f'' x) <= (2 * D_U * B_v + norm_U ^ 2 * B_v ^ 2 / 2) * B_x ^ 4 / tau ^ 2 * norm D ^ 2.
Proof.
  have [token_query token_key] := token; have n_pos : 0 < #Q by apply: lt_0_INR; apply/ltP.
  pose feature := form_feature tau (fun i (_ : K i) => query i) key.
  pose rho := B_x ^ 2 * norm D / tau.
  have one i : exists fs : (R -> R) * (R -> R), forall x,
      is_derive (fun t => cross_entropy U (target i) (attention_output feature bias values (line A D t) i)) x (fs.1 x) /\ is_derive fs.1 x (fs.2 x) /\
      Rabs (fs.2 x) <= (2 * D_U * B_v + norm_U ^ 2 * B_v ^ 2 / 2) * rho ^ 2.
    have /card_gt0P [k _] := visible i.
    have moves (j : K i) : Rabs (dot D (feature i j)) <= rho.
      rewrite form_score /Rdiv Rabs_mult (Rabs_right (/ tau)); last by apply: Rle_ge; apply: Rlt_le; exact: Rinv_0_lt_compat.
      rewrite /rho /Rdiv; apply: Rmult_le_compat_r; first by apply: Rlt_le; exact: Rinv_0_lt_compat.
      apply: Rle_trans (form_le _ _ _) _; rewrite Rmult_comm; apply: Rmult_le_compat_r; first exact: norm_ge0.
      by rewrite /= Rmult_1_r; apply: Rmult_le_compat; [exact: norm_ge0 | exact: norm_ge0 | exact: token_query | exact: token_key].
    have [f' [f'' h]] := curvature_of_query k (scores feature bias A i) (target i) readout spectral nonnegative (value i) moves.
    exists (f', f'') => x; have [h1 [h2 h3]] := h x; split; [|by split].
    apply: is_derive_ext h1 => t; rewrite /attention_output /attention.
    have -> : scores feature bias (line A D t) i = line (scores feature bias A i) (fun j => dot D (feature i j)) t => //.
    apply: vector_eq => j; rewrite /scores /line.
    have -> : dot (fun p => A p + t * D p) (feature i j) = dot A (feature i j) + t * dot D (feature i j).
      by rewrite /dot -sum_scale -sum_add; apply: sum_eq => p _; ring.
    ring.
  have [fs hfs] := finite_choice (fun=> (fun=> 0, fun=> 0)) one.
  exists (fun t => / #Q * (\sum_i (fs i).1 t)), (fun t => / #Q * (\sum_i (fs i).2 t)) => x; split; [|split].
  - by apply: is_derive_scal; apply: is_derive_sum => i _; have [] := hfs i x.
  - by apply: is_derive_scal; apply: is_derive_sum => i _; have [_ []] := hfs i x.
  have bound i : Rabs ((fs i).2 x) <= (2 * D_U * B_v + norm_U ^ 2 * B_v ^ 2 / 2) * rho ^ 2 by have [_ []] := hfs i x.
  have -> : (2 * D_U * B_v + norm_U ^ 2 * B_v ^ 2 / 2) * B_x ^ 4 / tau ^ 2 * norm D ^ 2
            = / #Q * (#Q * ((2 * D_U * B_v + norm_U ^ 2 * B_v ^ 2 / 2) * rho ^ 2)).
    by rewrite /rho; field; lra.
  rewrite Rabs_mult (Rabs_right (/ #Q)); last by apply: Rle_ge; apply: Rlt_le; exact: Rinv_0_lt_compat.
  apply: Rmult_le_compat_l; first by apply: Rlt_le; exact: Rinv_0_lt_compat.
  rewrite -sum_const_all; apply: abs_le.
    by apply: sum_le => i _; have := le_abs (bound i); lra.
  by rewrite -sum_opp; apply: sum_le => i _; have := le_abs (bound i); lra.
Qed.

(** * The bounds are attained *)

Lemma entry_le (J : finType) (S : pred J) (v : vector J) (j : J) : S j -> Rabs (v j) <= norm (part S v).
Proof.
  move=> hj; apply: square_le; first exact: norm_ge0.
  rewrite norm_square -Rabs_mult Rabs_right; last by apply: Rle_ge; exact: Rle_0_sqr.
  have := @term_le_sum _ predT (fun i => part S v i * part S v i) j isT (fun i _ => Rle_0_sqr (part S v i)).
  by rewrite {1 2}/part hj.
Qed.

(** A number as a vector of one coordinate, with a sign. *)
Definition one_number (J : finType) (j : J) (x : R) : vector J := fun k => if k == j then x else 0.
Definition signed (x : R) (b : bool) : R := if b then x else - x.

Lemma norm_one_number (J : finType) (j : J) (x : R) : norm (one_number j x) = Rabs x.
Proof.
  apply: norm_is; first exact: Rabs_pos.
  rewrite /dot (@sum_pick _ predT _ j) //= /one_number eqxx sum_zero; last by move=> i /negbTE ->; ring.
  by rewrite -Rabs_mult Rabs_right; [ring | apply: Rle_ge; exact: Rle_0_sqr].
Qed.

Lemma signed_spread (J : finType) (j : J) (x : R) (b c : bool) : 0 <= x -> norm (vsub (one_number j (signed x b)) (one_number j (signed x c))) <= 2 * x.
Proof.
  move=> x0; have -> : vsub (one_number j (signed x b)) (one_number j (signed x c)) = one_number j (signed x b - signed x c).
    by apply: vector_eq => k; rewrite /vsub /one_number; case: ifP => _; ring.
  by rewrite norm_one_number; case: b; case: c => /=; apply: abs_le; lra.
Qed.

Lemma linear_gradient (V : finType) (g : vector V) (o : vector V) : has_gradient (fun v => dot g v) o g.
Proof. by move=> curve x v e hv; apply: is_derive_sum => j _; apply: is_derive_scal; exact: hv. Qed.

Section Attained.
Variables (A B : finType) (i0 : A) (j0 : B) (tau G D_V D M : R).
Hypotheses (temperature : 0 < tau) (hG : 0 <= G) (hV : 0 <= D_V) (hD : 0 <= D) (hM : 0 <= M).
Variables (left : unit -> bool -> vector A) (right : unit -> bool -> vector B).
Hypothesis product_is : forall b, left tt b i0 * right tt b j0 = M * signed (D / 2) b.
Let K (i : unit_finType) := bool_finType.
Let value (i : unit_finType) (b : K i) : vector unit_finType := one_number (tt : unit_finType) (signed (D_V / 2) b).
Let loss (i : unit_finType) (o : vector unit_finType) := dot (one_number (tt : unit_finType) G) o.
Let feature := @form_feature unit_finType A B K tau left right.

(** One query, two keys of weight 1/2, features and values opposite. *)
Lemma attained_entry (grad : vector (prod_finType A B)) :
  has_gradient (layer_loss loss feature (fun _ _ => 0) value) vzero grad -> grad (i0, j0) = G * D_V * D * M / (4 * tau).
Proof.
  move=> h; have vis (i : unit_finType) : (0 < #|K i|)%N by rewrite card_bool.
  have diff (i : unit_finType) : has_gradient (loss i) (attention_output feature (fun _ _ => 0) value vzero i) (one_number (tt : unit_finType) G).
    exact: linear_gradient.
  rewrite (gradient_unique h (layer_gradient vis diff)) /vscale /vsum (big_pred1 (tt : unit_finType)) => [|[]] //.
  rewrite card_unit Rinv_1 Rmult_1_l /vcov cov_alt; last exact: softmax_distribution true.
  have a b : attention feature (fun _ _ => 0) vzero (tt : unit_finType) b = / 2.
    have s c : scores feature (fun _ _ => 0) vzero tt c = 0 by rewrite /scores dot_zero_left; ring.
    by rewrite /attention /softmax /total (big_bool) /= !s exp_0; field.
  have y b : dot (value (i := tt) b) (one_number (tt : unit_finType) G) = signed (D_V / 2) b * G.
    by rewrite /dot (big_pred1 (tt : unit_finType)) => [|[]] //; rewrite /value /one_number eqxx.
  have f b : feature (i := (tt : unit_finType)) b (i0, j0) = / tau * (M * signed (D / 2) b) by rewrite /feature /form_feature /vscale /outer /= product_is.
  by rewrite /mean !big_bool /= !a !y !f /=; field; lra.
Qed.
End Attained.

Theorem gradient_bilinear_attained (tau G D_V D_c B_c : R) (temperature : 0 < tau) (hG : 0 <= G) (hV : 0 <= D_V) (hD : 0 <= D_c) (hB : 0 <= B_c) :
  let K := fun _ : unit_finType => bool_finType in
  let query := fun _ : unit => one_number true B_c in let key := fun (_ : unit) (b : bool) => one_number false (signed (D_c / 2) b) in
  let value := fun (_ : unit) (b : bool) => one_number (tt : unit_finType) (signed (D_V / 2) b) in
  let loss := fun (_ : unit) (o : vector unit_finType) => dot (one_number (tt : unit_finType) G) o in
  let blk := fun x : bool_finType => x in
  [/\ norm (one_number (tt : unit_finType) G) <= G,
      forall i j k, norm (part (in_block blk false) (vsub (key i j) (key i k))) <= D_c,
      forall i j k, norm (vsub (value i j) (value i k)) <= D_V,
      (\sum_i norm (part (in_block blk true) (query i))) / #unit_finType <= B_c &
      forall grad, has_gradient (@layer_loss unit_finType _ _ K loss (@form_feature unit_finType bool_finType bool_finType K tau (fun i _ => query i) key)
                                   (fun _ _ => 0) value) vzero grad ->
        norm (matrix_group blk blk true false grad) = G * D_V * D_c * B_c / (4 * tau)].
Proof.
  move=> K query key value loss blk.
  have out : norm (one_number (tt : unit_finType) G) <= G by rewrite norm_one_number Rabs_right; lra.
  have spread i j k : norm (part (in_block blk false) (vsub (key i j) (key i k))) <= D_c.
    by apply: Rle_trans (part_le _ _) _; apply: Rle_trans (@signed_spread _ false (D_c / 2) j k _) _; lra.
  have values i j k : norm (vsub (value i j) (value i k)) <= D_V by apply: Rle_trans (@signed_spread _ (tt : unit_finType) (D_V / 2) j k _) _; lra.
  have mean : (\sum_i norm (part (in_block blk true) (query i))) / #unit_finType <= B_c.
    rewrite card_unit (big_pred1 (tt : unit_finType)) => [|[]] //; rewrite Rdiv_1.
    by apply: Rle_trans (part_le _ _) _; rewrite norm_one_number Rabs_right; lra.
  split=> // grad h; apply: Rle_antisym.
    apply: (@gradient_bilinear unit_finType bool_finType unit_finType bool_finType K blk true false loss query key (fun _ _ => 0) value vzero grad
             (fun=> one_number (tt : unit_finType) G)) => //; [by rewrite card_unit | by move=> i; rewrite card_bool | by move=> i; exact: linear_gradient].
  have e := @attained_entry _ _ true false tau G D_V D_c B_c temperature (fun i _ => query i) key _ grad h.
  rewrite -e; last by move=> b; rewrite /query /key /one_number !eqxx.
  apply: Rle_trans (Rle_abs _) _; exact: (@entry_le _ (fun p => in_block blk true p.1 && in_block blk false p.2)).
Qed.

Theorem gradient_query_attained (tau G D_V D_K B_c : R) (temperature : 0 < tau) (hG : 0 <= G) (hV : 0 <= D_V) (hD : 0 <= D_K) (hB : 0 <= B_c) :
  let K := fun _ : unit_finType => bool_finType in
  let token := fun _ : unit => one_number (tt : unit_finType) B_c in let key := fun (_ : unit) (b : bool) => one_number (tt : unit_finType) (signed (D_K / 2) b) in
  let value := fun (_ : unit) (b : bool) => one_number (tt : unit_finType) (signed (D_V / 2) b) in
  let loss := fun (_ : unit) (o : vector unit_finType) => dot (one_number (tt : unit_finType) G) o in
  let blk := fun x : unit_finType => x in
  [/\ norm (one_number (tt : unit_finType) G) <= G,
      forall i j k, norm (vsub (key i j) (key i k)) <= D_K,
      forall i j k, norm (vsub (value i j) (value i k)) <= D_V,
      (\sum_i norm (part (in_block blk tt) (token i))) / #unit_finType <= B_c &
      forall grad, has_gradient (@layer_loss unit_finType _ _ K loss (@form_feature unit_finType unit_finType unit_finType K tau key (fun i _ => token i))
                                   (fun _ _ => 0) value) vzero grad ->
        norm (matrix_group blk blk tt tt grad) = G * D_V * D_K * B_c / (4 * tau)].
Proof.
  move=> K token key value loss blk.
  have out : norm (one_number (tt : unit_finType) G) <= G by rewrite norm_one_number Rabs_right; lra.
  have spread i j k : norm (vsub (key i j) (key i k)) <= D_K by apply: Rle_trans (@signed_spread _ (tt : unit_finType) (D_K / 2) j k _) _; lra.
  have values i j k : norm (vsub (value i j) (value i k)) <= D_V by apply: Rle_trans (@signed_spread _ (tt : unit_finType) (D_V / 2) j k _) _; lra.
  have mean : (\sum_i norm (part (in_block blk tt) (token i))) / #unit_finType <= B_c.
    rewrite card_unit (big_pred1 (tt : unit_finType)) => [|[]] //; rewrite Rdiv_1.
    by apply: Rle_trans (part_le _ _) _; rewrite norm_one_number Rabs_right; lra.
  split=> // grad h; apply: Rle_antisym.
    apply: (@gradient_query unit_finType unit_finType unit_finType unit_finType unit_finType unit_finType K blk blk tt tt loss token key (fun _ _ => 0) value vzero grad
             (fun=> one_number (tt : unit_finType) G)) => //; [by rewrite card_unit | by move=> i; rewrite card_bool | by move=> i; exact: linear_gradient].
  have e := @attained_entry _ _ tt tt tau G D_V D_K B_c temperature key (fun i _ => token i) _ grad h.
  rewrite -e; last by move=> b; rewrite /token /key /one_number !eqxx Rmult_comm.
  apply: Rle_trans (Rle_abs _) _; exact: (@entry_le _ (fun p => in_block blk tt p.1 && in_block blk tt p.2)).
Qed.

Theorem gradient_key_attained (tau G D_V D_c B_q : R) (temperature : 0 < tau) (hG : 0 <= G) (hV : 0 <= D_V) (hD : 0 <= D_c) (hB : 0 <= B_q) :
  let K := fun _ : unit_finType => bool_finType in
  let query := fun _ : unit => one_number (tt : unit_finType) B_q in let token := fun (_ : unit) (b : bool) => one_number (tt : unit_finType) (signed (D_c / 2) b) in
  let value := fun (_ : unit) (b : bool) => one_number (tt : unit_finType) (signed (D_V / 2) b) in
  let loss := fun (_ : unit) (o : vector unit_finType) => dot (one_number (tt : unit_finType) G) o in
  let blk := fun x : unit_finType => x in
  [/\ norm (one_number (tt : unit_finType) G) <= G,
      forall i j k, norm (part (in_block blk tt) (vsub (token i j) (token i k))) <= D_c,
      forall i j k, norm (vsub (value i j) (value i k)) <= D_V,
      (\sum_i norm (query i)) / #unit_finType <= B_q &
      forall grad, has_gradient (@layer_loss unit_finType _ _ K loss (@form_feature unit_finType unit_finType unit_finType K tau (fun i _ => query i) token)
                                   (fun _ _ => 0) value) vzero grad ->
        norm (matrix_group blk blk tt tt grad) = G * D_V * D_c * B_q / (4 * tau)].
Proof.
  move=> K query token value loss blk.
  have out : norm (one_number (tt : unit_finType) G) <= G by rewrite norm_one_number Rabs_right; lra.
  have spread i j k : norm (part (in_block blk tt) (vsub (token i j) (token i k))) <= D_c.
    by apply: Rle_trans (part_le _ _) _; apply: Rle_trans (@signed_spread _ (tt : unit_finType) (D_c / 2) j k _) _; lra.
  have values i j k : norm (vsub (value i j) (value i k)) <= D_V by apply: Rle_trans (@signed_spread _ (tt : unit_finType) (D_V / 2) j k _) _; lra.
  have mean : (\sum_i norm (query i)) / #unit_finType <= B_q.
    by rewrite card_unit (big_pred1 (tt : unit_finType)) => [|[]] //; rewrite Rdiv_1 norm_one_number Rabs_right; lra.
  split=> // grad h; apply: Rle_antisym.
    apply: (@gradient_key unit_finType unit_finType unit_finType unit_finType unit_finType unit_finType K blk blk tt tt loss query token (fun _ _ => 0) value vzero grad
             (fun=> one_number (tt : unit_finType) G)) => //; [by rewrite card_unit | by move=> i; rewrite card_bool | by move=> i; exact: linear_gradient].
  have e := @attained_entry _ _ tt tt tau G D_V D_c B_q temperature (fun i _ => query i) token _ grad h.
  rewrite -e; last by move=> b; rewrite /query /token /one_number !eqxx.
  apply: Rle_trans (Rle_abs _) _; exact: (@entry_le _ (fun p => in_block blk tt p.1 && in_block blk tt p.2)).
Qed.

(** * What penalties cannot do (T5-converse) *)

(** Query and key weights as one parameter. *)
Section QueryKey.
Variables (Q X H V : finType) (K : Q -> finType) (tau : R).
Variables (loss : Q -> vector V -> R) (query : Q -> vector X) (token : forall i, K i -> vector X) (bias : forall i, K i -> R) (value : forall i, K i -> vector V).
Definition weights := (sum_finType (prod_finType H X) (prod_finType H X)).
Implicit Types (theta : vector weights).
Definition query_weights theta : vector (prod_finType H X) := fun p => theta (inl p).
Definition key_weights theta : vector (prod_finType H X) := fun p => theta (inr p).
Definition qk_scores theta i : vector (K i) := fun j => dot (apply (query_weights theta) (query i)) (apply (key_weights theta) (token j)) / tau + bias j.
Arguments qk_scores : clear implicits.
Definition qk_output theta i : vector V := vmean (softmax (qk_scores theta i)) (@value i).
Definition qk_loss theta := / #Q * (\sum_i loss i (qk_output theta i)).

Lemma qk_gradient_at_zero (g : Q -> vector V) : (forall i, (0 < #|K i|)%N) ->
  (forall i, has_gradient (loss i) (qk_output vzero i) (g i)) -> has_gradient qk_loss vzero vzero.
Proof.
  move=> visible h; suff: has_gradient qk_loss vzero (vscale (/ #Q) (vsum predT (fun _ : Q => vzero))).
    by move=> hg; apply: (gradient_value hg) => p; rewrite /vscale /vsum sum_zero /vzero //; ring.
  apply: gradient_scale; apply: gradient_sum => i curve x v e hv; rewrite -e in h.
  have /card_gt0P [k _] := visible i; have law := softmax_distribution (qk_scores (curve x) i) k.
  have apply_rate (W : R -> vector (prod_finType H X)) (w : vector (prod_finType H X)) (u : vector X) a :
      velocity W x w -> is_derive (fun t => apply (W t) u a) x (apply w u a).
    move=> hw; apply: is_derive_sum => q _; apply: (@is_derive_value _ _ (u q * w (a, q))); last exact: Rmult_comm.
    by apply: (is_derive_ext (fun t => u q * W t (a, q))); [move=> t; exact: Rmult_comm | apply: is_derive_scal; exact: hw].
  have hq : velocity (fun t => query_weights (curve t)) x (query_weights v) by move=> p; exact: hv.
  have hk : velocity (fun t => key_weights (curve t)) x (key_weights v) by move=> p; exact: hv.
  have zero (u : vector X) a : apply (query_weights (curve x)) u a = 0 /\ apply (key_weights (curve x)) u a = 0.
    by rewrite e; split; apply: sum_zero => q _; rewrite /query_weights /key_weights /vzero; ring.
  have path : velocity (fun t => qk_scores (curve t) i) x (fun=> 0).
    move=> j; apply: (@is_derive_value _ _ (/ tau * (\sum_a (0 * 0 + 0 * 0)) + 0)); last by rewrite sum_zero => *; ring.
    apply: is_derive_plus; last exact: is_derive_const.
    apply: (is_derive_ext (fun t => / tau * dot (apply (query_weights (curve t)) (query i)) (apply (key_weights (curve t)) (token j)))).
      by move=> t; exact: Rmult_comm.
    apply: is_derive_scal; apply: is_derive_sum => a _.
    apply: (@is_derive_value _ _ (apply (query_weights v) (query i) a * apply (key_weights (curve x)) (token j) a
                                + apply (query_weights (curve x)) (query i) a * apply (key_weights v) (token j) a)).
      by apply: Derive.is_derive_mult; exact: apply_rate.
    rewrite (proj1 (zero _ a)) (proj2 (zero _ a)); ring.
  apply: (is_derive_value (h i _ _ _ erefl (output_velocity (@value i) k path))).
  rewrite dot_zero_left dot_comm dot_vcov // cov_alt // mean_const // /mean sum_zero // => j _; ring.
Qed.
End QueryKey.
Arguments qk_scores {Q X H K} tau query token bias theta i _.

(** (W_Q, W_K) = 0 is stationary for every penalty weight: in every direction the objective rises at the rate of the penalty alone. *)
Theorem uniform_trap (Q X H V Grp : finType) (K : Q -> finType) (tau : R) (loss : Q -> vector V -> R) (query : Q -> vector X)
    (token : forall i, K i -> vector X) (bias : forall i, K i -> R) (value : forall i, K i -> vector V) (g : Q -> vector V)
    (grp : weights X H -> Grp) (lam : Grp -> R) (theta d : vector (weights X H)) (slope : R)
    (visible : forall i, (0 < #|K i|)%N)
    (no_queries : forall p, query_weights theta p = 0) (no_keys : forall p, key_weights theta p = 0)
    (differentiable : forall i, has_gradient (loss i) (qk_output tau query token bias value theta i) (g i))
    (slope_is : right_rate (fun t => objective grp (qk_loss tau loss query token bias value) lam (line theta d t)) slope) :
  slope = penalty grp lam d.
Proof.
  have zero : theta = vzero by apply: vector_eq => -[p|p]; [exact: no_queries | exact: no_keys].
  rewrite zero in differentiable slope_is.
  have flat := qk_gradient_at_zero visible differentiable.
  apply: (right_rate_unique slope_is); rewrite -[penalty _ _ _]Rplus_0_l.
  apply: (@right_rate_ext (fun t => qk_loss tau loss query token bias value (line vzero d t) + (0 + t * penalty grp lam d))).
    move=> t [t0 _]; rewrite /objective /penalty Rplus_0_l -sum_scale; congr (_ + _); apply: sum_eq => h _.
    have -> : group grp h (line vzero d t) = vscale t (group grp h d).
      by apply: vector_eq => p; rewrite /group /part /line /vscale /vzero; case: ifP => _; ring.
    by rewrite norm_vscale_pos //; ring.
  apply: right_rate_add; last exact: right_rate_linear.
  by apply: right_rate_derive; have := gradient_line d flat; rewrite dot_zero_left.
Qed.

Theorem uniform_trap_stationary (Q X H V Grp : finType) (K : Q -> finType) (tau : R) (loss : Q -> vector V -> R) (query : Q -> vector X)
    (token : forall i, K i -> vector X) (bias : forall i, K i -> R) (value : forall i, K i -> vector V) (g : Q -> vector V)
    (grp : weights X H -> Grp) (lam : Grp -> R) (Theta : vector (weights X H) -> Prop)
    (visible : forall i, (0 < #|K i|)%N) (weights_positive : forall h, 0 <= lam h) (mem : Theta vzero)
    (differentiable : forall i, has_gradient (loss i) (qk_output tau query token bias value (vzero : vector (weights X H)) i) (g i)) :
  stationary (objective grp (qk_loss tau loss query token bias value) lam) Theta vzero.
Proof.
  split=> // d slope _ rate; rewrite (uniform_trap visible (fun=> erefl) (fun=> erefl) differentiable rate).
  by apply: sum_ge0 => h _; apply: Rmult_le_pos => //; exact: norm_ge0.
Qed.

(** With all scores of a row equal, attention is uniform and its entropy is ln n exactly. *)
Theorem uniform_entropy (I : finType) (s : I -> R) (k : I) (flat : forall i j, s i = s j) : entropy (softmax s) = ln (#I).
Proof.
  have n_pos : 0 < #I by apply: lt_0_INR; apply/ltP/card_gt0P; exists k.
  rewrite (entropy_softmax s k).
  have -> : total s = #I * exp (s k) by rewrite /total -sum_const_all; apply: sum_eq => i _; rewrite (flat i k).
  rewrite (sum_eq (g := fun i => softmax s i * s k)) => [|i _]; last by rewrite (flat i k).
  rewrite sum_scale_right (proj2 (softmax_distribution s k)) ln_mult //; last exact: exp_pos.
  rewrite ln_exp; ring.
Qed.

(** If every query and key group is zero, every row is uniform: entropy is maximal. *)
Theorem all_extinct_uniform (Q X H : finType) (K : Q -> finType) (tau : R) (query : Q -> vector X) (token : forall i, K i -> vector X)
    (theta : vector (weights X H)) (i : Q) (k : K i) (zero : forall p, theta p = 0) :
  entropy (softmax (qk_scores tau query token (fun _ _ => 0) theta i)) = ln (#(K i)).
Proof.
  apply: (uniform_entropy k) => j l; rewrite /qk_scores.
  have z : apply (query_weights theta) (query i) = vzero.
    by apply: vector_eq => a; apply: sum_zero => q _; rewrite /query_weights zero; ring.
  by rewrite z !dot_zero_left.
Qed.

(** * N9: the path of minimisers *)

Theorem penalty_path (T : Type) (L Omega : T -> R) (lam_1 lam_2 : R) (x y : T) (order : lam_1 < lam_2)
    (first : L x + lam_1 * Omega x <= L y + lam_1 * Omega y) (second : L y + lam_2 * Omega y <= L x + lam_2 * Omega x) : Omega y <= Omega x.
Proof. nra. Qed.

Theorem penalty_path_loss (T : Type) (L Omega : T -> R) (lam_1 lam_2 : R) (x y : T) (nonnegative : 0 <= lam_1) (order : lam_1 < lam_2)
    (first : L x + lam_1 * Omega x <= L y + lam_1 * Omega y) (second : L y + lam_2 * Omega y <= L x + lam_2 * Omega x) : L x <= L y.
Proof. have := penalty_path order first second; nra. Qed.

(** The least objective is concave in the weight: bounds at two weights mix to a bound between. *)
Theorem penalty_concave (T : Type) (L Omega : T -> R) (lam_1 lam_2 share J_1 J_2 : R) (z : T) (positive : 0 <= share) (share_is : share <= 1)
    (first : J_1 <= L z + lam_1 * Omega z) (second : J_2 <= L z + lam_2 * Omega z) :
  (1 - share) * J_1 + share * J_2 <= L z + ((1 - share) * lam_1 + share * lam_2) * Omega z.
Proof. nra. Qed.

(** The least objective never falls in the weight. *)
Theorem penalty_value_grows (T : Type) (L Omega : T -> R) (lam_1 lam_2 J_1 : R) (z : T) (order : lam_1 <= lam_2) (nonnegative : 0 <= Omega z)
    (first : J_1 <= L z + lam_1 * Omega z) : J_1 <= L z + lam_2 * Omega z.
Proof. nra. Qed.

(** The counterexample to continuity: (ab - 1)^2/2 + lam (|a| + |b|). *)
Definition example (lam a b : R) := (a * b - 1) ^ 2 / 2 + lam * (Rabs a + Rabs b).
Definition jump := sqrt (2 / 3) / 3.

Lemma root_two_thirds : 0 < sqrt (2 / 3) /\ sqrt (2 / 3) * sqrt (2 / 3) = 2 / 3.
Proof. by split; [apply: sqrt_lt_R0 | apply: sqrt_sqrt]; lra. Qed.

Lemma example_zero lam : example lam 0 0 = / 2.
Proof. by rewrite /example Rabs_R0; field. Qed.

Lemma example_diagonal lam h : 0 <= h -> example lam h h = (h * h - 1) ^ 2 / 2 + 2 * lam * h.
Proof. by move=> h0; rewrite /example Rabs_right; [ring | lra]. Qed.

(** Every point is at least as bad as the one with a = b = sqrt |ab|. *)
Lemma example_root lam a b : 0 <= lam -> let h := sqrt (Rabs (a * b)) in
  example lam h h <= example lam a b /\ (example lam a b <= example lam h h -> a * b = h * h).
Proof.
  move=> l0 h; have h0 : 0 <= h by exact: sqrt_pos.
  have hh : h * h = Rabs (a * b) by apply: sqrt_sqrt; exact: Rabs_pos.
  have amgm : 2 * h <= Rabs a + Rabs b.
    have pa := Rabs_pos a; have pb := Rabs_pos b.
    apply: square_le; first lra.
    have -> : 2 * h * (2 * h) = 4 * (h * h) by ring.
    rewrite hh Rabs_mult; have := Rle_0_sqr (Rabs a - Rabs b); rewrite /Rsqr; lra.
  rewrite example_diagonal // /example.
  have s : (h * h - 1) ^ 2 <= (a * b - 1) ^ 2 /\ ((a * b - 1) ^ 2 <= (h * h - 1) ^ 2 -> a * b = h * h).
    by rewrite hh; case: (Rcase_abs (a * b)) => c; [rewrite Rabs_left | rewrite Rabs_right] => //; split=> *; nra.
  have m : lam * (2 * h) <= lam * (Rabs a + Rabs b) by exact: Rmult_le_compat_l.
  split; first lra.
  move=> le; apply: (proj2 s); lra.
Qed.

(** Above the jump zero is the minimiser, by 2 (lam - jump) sqrt |ab|. *)
Theorem penalty_jump_above (lam a b : R) (nonnegative : 0 <= lam) : / 2 + 2 * (lam - jump) * sqrt (Rabs (a * b)) <= example lam a b.
Proof.
  have [r0 rr] := root_two_thirds; have [low _] := example_root a b nonnegative.
  apply: Rle_trans low; set h := sqrt (Rabs (a * b)); have h0 : 0 <= h by exact: sqrt_pos.
  rewrite example_diagonal // /jump; set r := sqrt (2 / 3) in r0 rr *.
  have : 0 <= h * ((h - r) * (h - r) * (h + 2 * r)).
    by apply: Rmult_le_pos => //; apply: Rmult_le_pos; [exact: Rle_0_sqr | lra].
  have -> : h * ((h - r) * (h - r) * (h + 2 * r)) = h ^ 4 - 3 * (r * r) * h ^ 2 + 2 * (r * r) * r * h by ring.
  rewrite rr; lra.
Qed.

(** Strictly above the jump it is the only one. *)
Theorem penalty_unique_above (lam a b : R) (above : jump < lam) (minimal : forall a' b', example lam a b <= example lam a' b') : a = 0 /\ b = 0.
Proof.
  have [r0 _] := root_two_thirds; have l0 : 0 < lam by rewrite /jump in above; lra.
  have h := minimal 0 0; rewrite example_zero in h.
  have := penalty_jump_above a b (Rlt_le _ _ l0) => low; have h0 := sqrt_pos (Rabs (a * b)).
  have z : sqrt (Rabs (a * b)) = 0 by nra.
  have ab : a * b = 0.
    have := sqrt_sqrt _ (Rabs_pos (a * b)); rewrite z Rmult_0_l => e.
    by case: (Req_dec (a * b) 0) => // ne; have := Rabs_pos_lt _ ne; lra.
  move: h; rewrite /example ab; have pa := Rabs_pos a; have pb := Rabs_pos b => h.
  have : Rabs a = 0 /\ Rabs b = 0 by nra.
  by case=> ea eb; split; [case: (Req_dec a 0) => // /Rabs_pos_lt | case: (Req_dec b 0) => // /Rabs_pos_lt]; lra.
Qed.

(** Below the jump zero is not the minimiser: a = b = sqrt (2/3) is better. *)
Theorem penalty_jump (lam : R) (below : lam < jump) : example lam (sqrt (2 / 3)) (sqrt (2 / 3)) < example lam 0 0.
Proof.
  have [r0 rr] := root_two_thirds; rewrite example_zero example_diagonal; last lra.
  rewrite /jump in below; rewrite rr; nra.
Qed.

(** A stationary point a = b = h that is not worse than zero has ab = h^2 >= 2/3. *)
Theorem penalty_gap (lam h : R) (alive : 0 < h) (stationary : lam = h * (1 - h * h)) (not_worse_than_zero : example lam h h <= example lam 0 0) : 2 / 3 <= h * h.
Proof.
  move: not_worse_than_zero; rewrite example_zero example_diagonal; last lra.
  rewrite stationary => zero; have : h * h * (2 - 3 * (h * h)) <= 0 by nra.
  have : 0 < h * h by nra.
  move=> p q; apply: Rnot_lt_le => lt; nra.
Qed.

(** No minimiser has 0 < ab < 2/3, whatever the weight. *)
Theorem penalty_gap_minimiser (lam a b : R) (penalised : 0 < lam) (alive : a <> 0 \/ b <> 0) (minimal : forall a' b', example lam a b <= example lam a' b') :
  2 / 3 <= a * b.
Proof.
  have [low same] := example_root a b (Rlt_le _ _ penalised).
  set h := sqrt (Rabs (a * b)) in low same; have h0 : 0 <= h by exact: sqrt_pos.
  have e := same (minimal h h); have best x : 0 <= x -> example lam h h <= example lam x x.
    by move=> _; exact: Rle_trans low (minimal x x).
  have zero := Rle_trans _ _ _ low (minimal 0 0); rewrite example_zero example_diagonal // in zero.
  case: h0 => [pos|z]; last first.
    exfalso; have := minimal 0 0; rewrite example_zero /example e -z.
    have pa := Rabs_pos a; have pb := Rabs_pos b.
    by case: alive => /Rabs_pos_lt p; nra.
  have rate : is_derive (fun t => ((h + t) * (h + t) - 1) ^ 2 / 2 + 2 * lam * (h + t)) 0 (2 * (h * h - 1) * h + 2 * lam).
    by auto_derive => //; field.
  have rate' : is_derive (fun t => ((h - t) * (h - t) - 1) ^ 2 / 2 + 2 * lam * (h - t)) 0 (- (2 * (h * h - 1) * h + 2 * lam)).
    by auto_derive => //; field.
  have up : 0 <= 2 * (h * h - 1) * h + 2 * lam.
    apply: (@right_rate_ge _ _ _ h pos (right_rate_derive rate)) => t [t0 th].
    rewrite Rplus_0_r Rmult_0_r Rplus_0_r -!example_diagonal; try lra; apply: best; lra.
  have down : 0 <= - (2 * (h * h - 1) * h + 2 * lam).
    apply: (@right_rate_ge _ _ _ h pos (right_rate_derive rate')) => t [t0 th].
    rewrite Rminus_0_r Rmult_0_r Rplus_0_r -!example_diagonal; try lra; apply: best; lra.
  have l : lam = h * (1 - h * h) by lra.
  by rewrite e; apply: (penalty_gap pos l); rewrite example_zero example_diagonal //; lra.
Qed.

(** At and below the jump there is a minimiser at or beyond sqrt (2/3): the path of minimisers jumps by at least that much. *)
Theorem penalty_minimiser_below (lam : R) (penalised : 0 < lam) (below : lam <= jump) :
  exists h, sqrt (2 / 3) <= h < 1 /\ lam = h * (1 - h * h) /\ forall a b, example lam h h <= example lam a b.
Proof.
  have [r0 rr] := root_two_thirds; set r := sqrt (2 / 3) in r0 rr below *; rewrite /jump -/r in below.
  have r1 : r < 1 by nra.
  have [h [hr [h1 hl]]] : exists h, r <= h /\ h < 1 /\ lam = h * (1 - h * h).
    have at_r : r * (1 - r * r) = r / 3 by rewrite rr; field.
    case: (Req_dec lam (r / 3)) => [e|ne]; first by exists r; rewrite at_r; lra.
    pose f := fun x => lam - x * (1 - x * x).
    have cont : continuity f by rewrite /f; reg.
    have lo : f r < 0 by rewrite /f at_r; lra.
    have hi : 0 < f 1 by rewrite /f; lra.
    have [h [[ha hb] hz]] := IVT f r 1 cont r1 lo hi.
    exists h; rewrite /f in hz; split=> //; split; last lra.
    by case: hb => // eb; rewrite eb in hz; lra.
  exists h; split=> //; split=> // a b.
  have [low _] := example_root a b (Rlt_le _ _ penalised).
  apply: Rle_trans low; set x := sqrt (Rabs (a * b)); have x0 : 0 <= x by exact: sqrt_pos.
  rewrite !example_diagonal //; last lra.
  have two : 2 <= 3 * (h * h) by nra.
  have : 0 <= (x - h) * (x - h) * (x * x + 2 * h * x + (3 * (h * h) - 2)).
    by apply: Rmult_le_pos; [exact: Rle_0_sqr | nra].
  have -> : (x - h) * (x - h) * (x * x + 2 * h * x + (3 * (h * h) - 2))
            = (x * x - 1) ^ 2 - (h * h - 1) ^ 2 + 4 * (h * (1 - h * h)) * (x - h) by ring.
  rewrite -hl; lra.
Qed.

(** * N4b: the balance of queries and keys *)

Section Balance.
Variables (X H Grp : finType) (rows : pred H) (grp : weights X H -> Grp) (in_Q in_K : pred Grp).
Implicit Types (theta grad : vector (weights X H)).
(** Query weights of the rows times e^x, key weights of the rows times e^-x. *)
Definition row_scaled (x : R) theta : vector (weights X H) :=
  fun p => match p with inl q => if rows q.1 then exp x * theta p else theta p | inr q => if rows q.1 then exp (- x) * theta p else theta p end.
Definition query_rows : pred (weights X H) := fun p => match p with inl q => rows q.1 | inr _ => false end.
Definition key_rows : pred (weights X H) := fun p => match p with inr q => rows q.1 | inl _ => false end.
(** Every group lies in the query rows, in the key rows or in neither. *)
Definition row_groups := (forall p, in_Q (grp p) = query_rows p) /\ (forall p, in_K (grp p) = key_rows p).
Definition size (w : Grp -> R) (S : pred Grp) theta := \sum_(g | S g) w g * norm (group grp g theta).

Lemma row_scaled_0 theta : row_scaled 0 theta = theta.
Proof. by apply: vector_eq => -[q|q] /=; case: ifP => _ //; rewrite ?Ropp_0 exp_0; ring. Qed.

Lemma group_scaled x theta g : row_groups ->
  norm (group grp g (row_scaled x theta)) =
    (if in_Q g then exp x * norm (group grp g theta) else 0) + (if in_K g then exp (- x) * norm (group grp g theta) else 0)
    + (if in_Q g || in_K g then 0 else norm (group grp g theta)).
Proof.
  move=> [hq hk].
  have both : in_Q g -> in_K g -> group grp g theta = vzero /\ group grp g (row_scaled x theta) = vzero.
    move=> q k; suff none p : grp p == g = false by split; apply: vector_eq => p; rewrite /group /part none.
    by apply/eqP => e; rewrite -e hq in q; rewrite -e hk in k; case: p q k {e}.
  case q: (in_Q g); case k: (in_K g) => /=.
  - by have [-> ->] := both q k; rewrite !norm_vzero; ring.
  - rewrite !Rplus_0_r -norm_vscale_pos; last exact: Rlt_le (exp_pos _).
    congr norm; apply: vector_eq => p; rewrite /group /part /vscale; case: eqP => e; last ring.
    by move: q; rewrite -e hq; case: p {e} => //= a ->.
  - rewrite Rplus_0_l Rplus_0_r -norm_vscale_pos; last exact: Rlt_le (exp_pos _).
    congr norm; apply: vector_eq => p; rewrite /group /part /vscale; case: eqP => e; last ring.
    by move: k; rewrite -e hk; case: p {e} => //= a ->.
  - rewrite !Rplus_0_l; congr norm; apply: vector_eq => p; rewrite /group /part; case: eqP => e //.
    by move: q k; rewrite -e hq hk; case: p {e} => //= a; [move=> -> _ | move=> _ ->].
Qed.

Lemma objective_scaled (L : vector (weights X H) -> R) (lam : R) w theta x : row_groups -> L (row_scaled x theta) = L theta ->
  objective grp L (fun g => lam * w g) (row_scaled x theta)
  = L theta + lam * (exp x * size w in_Q theta + exp (- x) * size w in_K theta + size w (fun g => ~~ (in_Q g || in_K g)) theta).
Proof.
  move=> hg inv; rewrite /objective inv /penalty; congr (_ + _).
  have cond S : size w S theta = \sum_g (if S g then w g * norm (group grp g theta) else 0) by exact: big_mkcond.
  rewrite !cond -(sum_scale _ (exp x)) -(sum_scale _ (exp (- x))) -!sum_add -sum_scale; apply: sum_eq => g _; rewrite group_scaled //.
  by case: (in_Q g); case: (in_K g) => /=; ring.
Qed.

Theorem balance (L : vector (weights X H) -> R) (lam : R) (w : Grp -> R) theta (groups : row_groups)
    (invariant : forall x, L (row_scaled x theta) = L theta) (penalised : 0 < lam)
    (stationary : is_derive (fun x => objective grp L (fun g => lam * w g) (row_scaled x theta)) 0 0) :
  size w in_Q theta = size w in_K theta.
Proof.
  set A := size w in_Q theta; set B := size w in_K theta.
  have rate : is_derive (fun x => objective grp L (fun g => lam * w g) (row_scaled x theta)) 0 (lam * (A - B)).
    apply: (is_derive_ext (fun x => L theta + lam * (exp x * A + exp (- x) * B + size w (fun g => ~~ (in_Q g || in_K g)) theta))).
      by move=> x; rewrite objective_scaled.
    by auto_derive => //; rewrite Ropp_0 exp_0; ring.
  have := is_derive_unique _ _ _ stationary; rewrite (is_derive_unique _ _ _ rate) => e.
  by case: (Rmult_integral _ _ e); lra.
Qed.

(** At a local minimum nothing needs to be differentiable. *)
Theorem balance_minimiser (L : vector (weights X H) -> R) (lam : R) (w : Grp -> R) theta (groups : row_groups)
    (invariant : forall x, L (row_scaled x theta) = L theta) (penalised : 0 < lam)
    (minimal : local_minimiser (objective grp L (fun g => lam * w g)) (fun=> True) theta) :
  size w in_Q theta = size w in_K theta.
Proof.
  have [_ [r [r0 low]]] := minimal.
  set A := size w in_Q theta; set B := size w in_K theta.
  have move x : norm (vsub (row_scaled x theta) theta) <= (Rabs (exp x - 1) + Rabs (exp (- x) - 1)) * norm theta.
    have -> : vsub (row_scaled x theta) theta = vadd (vscale (exp x - 1) (part query_rows theta)) (vscale (exp (- x) - 1) (part key_rows theta)).
      by apply: vector_eq => -[q|q]; rewrite /vsub /vadd /vscale /part /=; case: (rows q.1); ring.
    apply: Rle_trans (norm_vadd _ _) _; rewrite !norm_vscale Rmult_plus_distr_r.
    by apply: Rplus_le_compat; apply: Rmult_le_compat_l; [exact: Rabs_pos | exact: part_le | exact: Rabs_pos | exact: part_le].
  have [d [d0 near]] : exists d, 0 < d /\ forall x, Rabs x < d -> norm (vsub (row_scaled x theta) theta) <= r.
    have cont : continuity_pt (fun x => (Rabs (exp x - 1) + Rabs (exp (- x) - 1)) * norm theta) 0.
      apply: continuity_pt_mult; last exact: continuity_pt_const.
      apply: continuity_pt_plus; apply: (continuity_pt_comp (fun x => _ - 1) Rabs); try exact: Rcontinuity_abs.
        by apply: derivable_continuous_pt; reg.
      by apply: derivable_continuous_pt; reg.
    have [d [d0 hd]] := cont r r0; exists d; split=> // x hx; apply: Rle_trans (move x) _.
    case: (Req_dec x 0) => [->|ne]; first by rewrite Ropp_0 exp_0 Rminus_eq_0 Rabs_R0; lra.
    have := hd x (conj (conj I (not_eq_sym ne)) _); rewrite /= /R_dist Rminus_0_r => /(_ hx).
    rewrite Ropp_0 exp_0 Rminus_eq_0 Rabs_R0 Rplus_0_r Rmult_0_l Rminus_0_r => /Rlt_le h.
    by have := Rle_abs ((Rabs (exp x - 1) + Rabs (exp (- x) - 1)) * norm theta); lra.
  have rate : is_derive (fun x => lam * (exp x * A + exp (- x) * B)) 0 (lam * (A - B)) by auto_derive => //; rewrite Ropp_0 exp_0; ring.
  have rate' : is_derive (fun x => lam * (exp (- x) * A + exp x * B)) 0 (- (lam * (A - B))) by auto_derive => //; rewrite Ropp_0 exp_0; ring.
  have best x : Rabs x < d -> lam * (exp 0 * A + exp (- 0) * B) <= lam * (exp x * A + exp (- x) * B).
    move=> /near h; have := low _ I h; rewrite (objective_scaled lam w groups (invariant x)) -{1}(row_scaled_0 theta).
    by rewrite (objective_scaled lam w groups (invariant 0)) -/A -/B; lra.
  have up : 0 <= lam * (A - B).
    apply: (@right_rate_ge _ _ _ d d0 (right_rate_derive rate)) => t [t0 td]; rewrite Rmult_0_r Rplus_0_r; apply: best; rewrite Rabs_right; lra.
  have down : 0 <= - (lam * (A - B)).
    apply: (@right_rate_ge _ _ _ d d0 (right_rate_derive rate')) => t [t0 td]; rewrite Rmult_0_r Rplus_0_r.
    by have := best (- t) ltac:(rewrite Rabs_Ropp Rabs_right; lra); rewrite Ropp_involutive Ropp_0; lra.
  have : lam * (A - B) = 0 by lra.
  by case/Rmult_integral; lra.
Qed.

(** The loss gradient has the same inner product with the query weights and with the key weights of the rows. *)
Theorem scaling (L : vector (weights X H) -> R) theta grad (differentiable : has_gradient L theta grad)
    (invariant : forall x, L (row_scaled x theta) = L theta) :
  dot (part query_rows grad) (part query_rows theta) = dot (part key_rows grad) (part key_rows theta).
Proof.
  have path : velocity (fun x => row_scaled x theta) 0 (vsub (part query_rows theta) (part key_rows theta)).
    by move=> -[q|q]; rewrite /row_scaled /vsub /part /=; case: (rows q.1); auto_derive => //; rewrite ?Ropp_0 ?exp_0; ring.
  have := differentiable _ _ _ (row_scaled_0 theta) path => rate.
  have flat : is_derive (fun x => L (row_scaled x theta)) 0 0.
    by apply: (is_derive_ext (fun=> L theta)); [move=> x; rewrite invariant | exact: is_derive_const].
  have := is_derive_unique _ _ _ rate; rewrite (is_derive_unique _ _ _ flat) dot_sub_right.
  rewrite [dot grad (part query_rows _)]dot_part_right [dot grad (part key_rows _)]dot_part_right; lra.
Qed.

Lemma sum_groups (S : pred Grp) (T : pred (weights X H)) u v : (forall p, S (grp p) = T p) ->
  \sum_(g | S g) dot (group grp g u) (group grp g v) = dot (part T u) (part T v).
Proof.
  move=> h; rewrite dot_part_sum (partition_big grp S) => [|p]; last by rewrite h.
  apply: sum_eq => g hg; rewrite dot_part_sum; apply: eq_bigl => p.
  by rewrite -h; case: eqP => [->|]; rewrite ?hg ?andbF.
Qed.

(** Near a stationary point the two sizes differ by at most the residual; xi is the gradient plus lam w_g times a subgradient of the norm. *)
Theorem balance_near (L : vector (weights X H) -> R) (lam : R) (w : Grp -> R) theta grad (xi : vector (weights X H)) (groups : row_groups)
    (differentiable : has_gradient L theta grad) (invariant : forall x, L (row_scaled x theta) = L theta)
    (residual : forall g, dot (group grp g xi) (group grp g theta) = dot (group grp g grad) (group grp g theta) + lam * w g * norm (group grp g theta)) :
  lam * (size w in_Q theta - size w in_K theta)
  <= \sum_(g | in_Q g) norm (group grp g xi) * norm (group grp g theta) + \sum_(g | in_K g) norm (group grp g xi) * norm (group grp g theta).
Proof.
  have [hq hk] := groups; have := scaling differentiable invariant; rewrite -(sum_groups _ _ hq) -(sum_groups _ _ hk) => e.
  have side (S : pred Grp) : lam * size w S theta = \sum_(g | S g) dot (group grp g xi) (group grp g theta) - \sum_(g | S g) dot (group grp g grad) (group grp g theta).
    by rewrite /size -sum_scale -sum_sub; apply: sum_eq => g _; rewrite residual; ring.
  have up : \sum_(g | in_Q g) dot (group grp g xi) (group grp g theta) <= \sum_(g | in_Q g) norm (group grp g xi) * norm (group grp g theta).
    by apply: sum_le => g _; exact: dot_le.
  have down : - (\sum_(g | in_K g) norm (group grp g xi) * norm (group grp g theta)) <= \sum_(g | in_K g) dot (group grp g xi) (group grp g theta).
    by rewrite -sum_opp; apply: sum_le => g _; exact: dot_ge.
  rewrite Rmult_minus_distr_l !side; lra.
Qed.

End Balance.

(** A query/key layer's loss has the invariance: its scores depend on the products only. *)
Theorem qk_loss_invariant (Q X H V : finType) (K : Q -> finType) (tau : R) (loss : Q -> vector V -> R) (query : Q -> vector X)
    (token : forall i, K i -> vector X) (bias : forall i, K i -> R) (value : forall i, K i -> vector V) (rows : pred H) (x : R)
    (theta : vector (weights X H)) :
  qk_loss tau loss query token bias value (row_scaled rows x theta) = qk_loss tau loss query token bias value theta.
Proof.
  rewrite /qk_loss; congr (_ * _); apply: sum_eq => i _; congr (loss i _); rewrite /qk_output.
  have -> : qk_scores tau query token bias (row_scaled rows x theta) i = qk_scores tau query token bias theta i => //.
  apply: vector_eq => j; rewrite /qk_scores; congr (_ / _ + _); apply: sum_eq => h _.
  rewrite /apply /query_weights /key_weights /=; case: (rows h) => //.
  have inv : exp x * exp (- x) = 1 by rewrite -exp_plus Rplus_opp_r exp_0.
  rewrite (sum_eq (f := fun j0 => exp x * theta (inl (h, j0)) * query i j0) (g := fun j0 => exp x * (theta (inl (h, j0)) * query i j0))) => [|*]; last ring.
  rewrite (sum_eq (f := fun j0 => exp (- x) * theta (inr (h, j0)) * token i j j0) (g := fun j0 => exp (- x) * (theta (inr (h, j0)) * token i j j0))) => [|*]; last ring.
  rewrite !sum_scale; set u := \sum_k _; set v := \sum_k _.
  have -> : exp x * u * (exp (- x) * v) = exp x * exp (- x) * (u * v) by ring.
  by rewrite inv Rmult_1_l.
Qed.

(** * The a-priori threshold is sufficient, not necessary *)

(** One query 1, keys and values +-1, loss o^2/2, tau = 1: whatever A, the gradient is at most 0.385 while the a-priori bound is 1. *)
Theorem a_priori_not_necessary :
  let K := fun _ : unit_finType => bool_finType in
  let query := fun _ : unit => one_number (tt : unit_finType) 1 in let key := fun (_ : unit) (b : bool) => one_number (tt : unit_finType) (signed 1 b) in
  let loss := fun (_ : unit) (o : vector unit_finType) => / 2 * dot o o in let blk := fun x : unit_finType => x in
  let feature := @form_feature unit_finType unit_finType unit_finType K 1 (fun i _ => query i) key in
  [/\ forall A i, has_gradient (loss i) (attention_output (K := K) feature (fun _ _ => 0) key A i) (attention_output (K := K) feature (fun _ _ => 0) key A i),
      forall A i, norm (attention_output (K := K) feature (fun _ _ => 0) key A i) <= 1,
      forall i j k, norm (vsub (key i j) (key i k)) <= 2,
      (\sum_i norm (part (in_block blk tt) (query i))) / #unit_finType <= 1 &
      forall A grad, has_gradient (@layer_loss unit_finType _ _ K loss feature (fun _ _ => 0) key) A grad ->
        norm (matrix_group blk blk tt tt grad) <= 2 / (3 * sqrt 3) < 1 * 2 * 2 * 1 / (4 * 1)].
Proof.
  move=> K query key loss blk feature.
  have law A : distribution (attention (K := K) feature (fun _ _ => 0) A tt) by exact: softmax_distribution true.
  have diff A i : has_gradient (loss i) (attention_output (K := K) feature (fun _ _ => 0) key A i) (attention_output (K := K) feature (fun _ _ => 0) key A i).
    move=> curve x v e hv; rewrite -e.
    apply: (@is_derive_value _ _ (/ 2 * (\sum_j (v j * curve x j + curve x j * v j)))).
      by apply: is_derive_scal; apply: is_derive_sum => j _; apply: Derive.is_derive_mult.
    by rewrite -sum_scale; apply: sum_eq => j _; field.
  split=> //.
  - move=> A []; apply: Rle_trans (norm_vmean (law A) _) _; rewrite -[X in _ <= X](mean_const (law A)); apply: mean_le => // b.
    by rewrite norm_one_number; case: b; rewrite /= ?Rabs_Ropp Rabs_R1; lra.
  - by move=> i j k; apply: Rle_trans (@signed_spread _ (tt : unit_finType) 1 j k _) _; lra.
  - by rewrite card_unit (big_pred1 (tt : unit_finType)) => [|[]] //; rewrite Rdiv_1; apply: Rle_trans (part_le _ _) _; rewrite norm_one_number Rabs_R1; lra.
  move=> A grad h; have s3 : 0 < sqrt 3 /\ sqrt 3 * sqrt 3 = 3 by split; [apply: sqrt_lt_R0 | apply: sqrt_sqrt]; lra.
  split; last first.
    have s1 : 1 < sqrt 3 by rewrite -sqrt_1; apply: sqrt_lt_1; lra.
    apply: (Rmult_lt_reg_r (3 * sqrt 3)); first lra.
    have -> : 2 / (3 * sqrt 3) * (3 * sqrt 3) = 2 by field; lra.
    lra.
  have vis (i : unit_finType) : (0 < #|K i|)%N by rewrite card_bool.
  set a := attention (K := K) feature (fun _ _ => 0) A tt; have [a0 a1] : distribution a by exact: law.
  rewrite big_bool /= in a1; pose m := a true - a false.
  have entry : grad (tt, tt) = m * (1 - m * m).
    rewrite (gradient_unique h (layer_gradient vis (diff A))) /vscale /vsum (big_pred1 (tt : unit_finType)) => [|[]] //.
    rewrite card_unit Rinv_1 Rmult_1_l /vcov cov_alt; last exact: law.
    have o : attention_output (K := K) feature (fun _ _ => 0) key A tt tt = m.
      by rewrite /attention_output /vmean /mean big_bool /= -/a /key /one_number /signed eqxx /m; ring.
    have y b : dot (key tt b) (attention_output (K := K) feature (fun _ _ => 0) key A tt) = signed 1 b * m.
      by rewrite /dot (big_pred1 (tt : unit_finType)) => [|[]] //; rewrite o /key /one_number eqxx.
    have f b : feature tt b (tt, tt) = signed 1 b.
      by rewrite /feature /form_feature /vscale /outer /= /query /key /one_number !eqxx; field.
    rewrite /mean !big_bool /= -/a !y !f /= /m; have -> : a true = 1 - a false by lra.
    ring.
  have -> : norm (matrix_group blk blk tt tt grad) = Rabs (grad (tt, tt)).
    have e : matrix_group blk blk tt tt grad = one_number (tt, tt) (grad (tt, tt)).
      by apply: vector_eq => -[[] []]; rewrite /matrix_group /part /one_number /in_block /= ?eqxx.
    by rewrite e norm_one_number.
  have mm : -1 <= m <= 1 by rewrite /m; have := a0 true; have := a0 false; lra.
  pose r := / sqrt 3.
  have rr : r * r = / 3 by rewrite /r -Rinv_mult (proj2 s3).
  have r0 : 0 < r by apply: Rinv_0_lt_compat; lra.
  have -> : 2 / (3 * sqrt 3) = 2 * (r * r) * r by rewrite rr /r; field; lra.
  have cubic x : -1 <= x <= 1 -> x * (1 - x * x) <= 2 * (r * r) * r.
    move=> hx; case: (Rle_or_lt 0 (x + 2 * r)) => p.
      have : 0 <= (x - r) * (x - r) * (x + 2 * r) by apply: Rmult_le_pos => //; exact: Rle_0_sqr.
      have -> : (x - r) * (x - r) * (x + 2 * r) = x * x * x - 3 * (r * r) * x + 2 * (r * r) * r by ring.
      rewrite rr; lra.
    have one : 0 <= 1 - x * x by nra.
    have : 0 <= - x * (1 - x * x) by apply: Rmult_le_pos => //; lra.
    rewrite rr; lra.
  rewrite entry; apply: abs_le; first exact: cubic.
  by have := cubic (- m) ltac:(lra); lra.
Qed.

(** Equality in the covariance bound: two keys of weight 1/2, opposite keys and values. *)
Theorem covariance_attained (G D_K D_V : R) (hG : 0 <= G) (hK : 0 <= D_K) (hV : 0 <= D_V) :
  let key := fun b : bool_finType => one_number (tt : unit_finType) (signed (D_K / 2) b) in
  let value := fun b : bool_finType => one_number (tt : unit_finType) (signed (D_V / 2) b) in let g := one_number (tt : unit_finType) G in
  [/\ distribution (fun _ : bool_finType => / 2), norm g <= G, forall j k, norm (vsub (key j) (key k)) <= D_K,
      forall j k, norm (vsub (value j) (value k)) <= D_V & norm (vcov (fun _ : bool_finType => / 2) key (fun j => dot (value j) g)) = D_K / 2 * (G * D_V / 2)].
Proof.
  move=> key value g; have law : distribution (fun _ : bool_finType => / 2) by split=> [i|]; [lra | rewrite big_bool /=; field].
  split=> //; first by rewrite norm_one_number Rabs_right; lra.
  - by move=> j k; apply: Rle_trans (@signed_spread _ (tt : unit_finType) (D_K / 2) j k _) _; lra.
  - by move=> j k; apply: Rle_trans (@signed_spread _ (tt : unit_finType) (D_V / 2) j k _) _; lra.
  have y b : dot (value b) g = signed (D_V / 2) b * G.
    by rewrite /dot (big_pred1 (tt : unit_finType)) => [|[]] //; rewrite /value /g /one_number eqxx.
  have -> : vcov (fun _ : bool_finType => / 2) key (fun j => dot (value j) g) = one_number (tt : unit_finType) (D_K / 2 * (G * D_V / 2)).
    apply: vector_eq => -[]; rewrite /vcov cov_alt // /mean !big_bool /= !y /key /one_number !eqxx /=; field.
  by rewrite norm_one_number Rabs_right //; apply: Rle_ge; do ! apply: Rmult_le_pos; lra.
Qed.

(** * Sets and terms that T5a allows *)

Theorem space_star_shaped (P Grp : finType) (grp : P -> Grp) (g : Grp) : star_shaped grp g (fun=> True).
Proof. by []. Qed.

Lemma shrunk_shorter (P Grp : finType) (grp : P -> Grp) (g : Grp) (s : R) (theta : vector P) (S : pred P) :
  0 <= s <= 1 -> norm (part S (shrunk grp g s theta)) <= norm (part S theta).
Proof.
  move=> hs; apply: square_le; first exact: norm_ge0.
  rewrite !norm_square; apply: sum_le => p _; rewrite /part /shrunk; case: (S p); last lra.
  by case: ifP => _; [have := Rle_0_sqr (theta p); rewrite /Rsqr; nra | lra].
Qed.

(** Centred balls on any parts of the parameters at once: one joint ball, a ball for every matrix, a ball for every group. *)
Theorem balls_star_shaped (P Grp : finType) (grp : P -> Grp) (g : Grp) (T : Type) (S : T -> pred P) (radius : T -> R) :
  star_shaped grp g (fun theta => forall i, norm (part (S i) theta) <= radius i).
Proof. by move=> theta s h hs i; apply: Rle_trans (h i); exact: shrunk_shorter. Qed.

(** Weight decay, (mu/2)|theta|^2, does not rise. *)
Theorem decay_falls (P Grp : finType) (grp : P -> Grp) (g : Grp) (mu s : R) (theta : vector P) (nonnegative : 0 <= mu) (fraction : 0 <= s <= 1) :
  mu / 2 * dot (shrunk grp g s theta) (shrunk grp g s theta) <= mu / 2 * dot theta theta.
Proof.
  apply: Rmult_le_compat_l; first lra.
  apply: sum_le => p _; rewrite /shrunk; case: ifP => _; last lra.
  by have := Rle_0_sqr (theta p); rewrite /Rsqr; nra.
Qed.

(** Diameters from norms: the stated G B_v B_k B_c / tau follows. *)
Theorem diameter_le (I J : finType) (x : I -> vector J) (B : R) (norms : forall i, norm (x i) <= B) : forall i k, norm (vsub (x i) (x k)) <= 2 * B.
Proof. by move=> i k; apply: Rle_trans (norm_vsub _ _) _; have := norms i; have := norms k; lra. Qed.
