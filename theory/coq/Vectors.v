(** Real vectors of any finite dimension: dot product, Euclidean norm, means under a distribution, covariance.

    A vector is a function on a finite type of coordinates; a matrix is one on pairs, its norm the Frobenius norm. *)

From Coq Require Import Reals Lra Psatz.
From mathcomp Require Import all_ssreflect.
From Localist Require Import Sums.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

Section Vectors.
Variable (J : finType).
Implicit Types (x y z : J -> R).

Definition dot x y := \sum_j x j * y j.
Definition norm x := sqrt (dot x x).
Definition add x y : J -> R := fun j => x j + y j.
Definition sub x y : J -> R := fun j => x j - y j.
Definition scale (c : R) x : J -> R := fun j => c * x j.
Definition zero : J -> R := fun=> 0.

Lemma dot_sym x y : dot x y = dot y x.
Proof. by apply: sum_eq => j _; ring. Qed.

Lemma dot_add x y z : dot (add x y) z = dot x z + dot y z.
Proof. by rewrite /dot -sum_add; apply: sum_eq => j _; rewrite /add; ring. Qed.

Lemma dot_sub x y z : dot (sub x y) z = dot x z - dot y z.
Proof. by rewrite /dot -sum_sub; apply: sum_eq => j _; rewrite /sub; ring. Qed.

Lemma dot_scale c x y : dot (scale c x) y = c * dot x y.
Proof. by rewrite /dot -sum_scale; apply: sum_eq => j _; rewrite /scale; ring. Qed.

Lemma dot_ext x x' y y' : x =1 x' -> y =1 y' -> dot x y = dot x' y'.
Proof. by move=> h h'; apply: sum_eq => j _; rewrite h h'. Qed.

Lemma norm_ext x x' : x =1 x' -> norm x = norm x'.
Proof. by move=> h; rewrite /norm (dot_ext h h). Qed.

Lemma dot_self_ge0 x : 0 <= dot x x.
Proof. by apply: sum_ge0 => j _; nra. Qed.

Lemma norm_ge0 x : 0 <= norm x.
Proof. exact: sqrt_pos. Qed.

Lemma norm_square x : norm x * norm x = dot x x.
Proof. exact: sqrt_sqrt (dot_self_ge0 x). Qed.

Lemma norm_zero_coordinates x : norm x = 0 -> forall j, x j = 0.
Proof.
  move=> h j; have sq : dot x x = 0 by rewrite -norm_square h; ring.
  have : x j * x j <= dot x x by apply: (@term_le_sum _ predT (fun k => x k * x k)) => // k _; nra.
  rewrite sq; nra.
Qed.

Lemma norm_of_zero x : (forall j, x j = 0) -> norm x = 0.
Proof. by move=> h; rewrite /norm /dot sum_zero ?sqrt_0 // => j _; rewrite h; ring. Qed.

Lemma norm_scale c x : norm (scale c x) = Rabs c * norm x.
Proof.
  rewrite /norm dot_scale dot_sym dot_scale -Rmult_assoc sqrt_mult_alt; last by nra.
  by congr (_ * _); rewrite -/(Rsqr c) sqrt_Rsqr_abs.
Qed.

Lemma norm_opp x : norm (scale (- (1)) x) = norm x.
Proof. by rewrite norm_scale Rabs_Ropp Rabs_R1 Rmult_1_l. Qed.

Lemma norm_sub_sym x y : norm (sub x y) = norm (sub y x).
Proof. by rewrite -norm_opp; apply: norm_ext => j; rewrite /scale /sub; ring. Qed.

(** Cauchy–Schwarz. *)
Lemma cauchy_schwarz x y : dot x y <= norm x * norm y.
Proof.
  have nx := norm_ge0 x; have ny := norm_ge0 y; have sx := norm_square x; have sy := norm_square y.
  case: (Req_dec (norm x) 0) => [zx|px].
    by rewrite /dot sum_zero => [|j _]; [nra | rewrite (norm_zero_coordinates zx); ring].
  case: (Req_dec (norm y) 0) => [zy|py].
    by rewrite /dot sum_zero => [|j _]; [nra | rewrite (norm_zero_coordinates zy); ring].
  have := dot_self_ge0 (sub (scale (norm y) x) (scale (norm x) y)).
  rewrite dot_sub !dot_scale !(dot_sym _ (sub _ _)) !dot_sub !dot_scale -sx -sy (dot_sym y x).
  set p := dot x y; set a := norm x in nx px *; set b := norm y in ny py * => h.
  have ab : 0 < a * b by apply: Rmult_lt_0_compat; lra.
  apply: (Rmult_le_reg_l (a * b)) => //; nra.
Qed.

Lemma cauchy_schwarz_abs x y : Rabs (dot x y) <= norm x * norm y.
Proof.
  apply: Rabs_le; split; last exact: cauchy_schwarz.
  by have := cauchy_schwarz (scale (- (1)) x) y; rewrite dot_scale norm_opp; lra.
Qed.

Lemma triangle x y : norm (add x y) <= norm x + norm y.
Proof.
  have nx := norm_ge0 x; have ny := norm_ge0 y.
  apply: Rsqr_incr_0_var; last lra.
  rewrite /Rsqr norm_square dot_add !(dot_sym _ (add _ _)) !dot_add -!norm_square (dot_sym y x).
  have := cauchy_schwarz x y; nra.
Qed.

Lemma triangle_sub x y : norm (sub x y) <= norm x + norm y.
Proof.
  by rewrite -(norm_opp y) (norm_ext (x' := add x (scale (- (1)) y))) => [|j]; [exact: triangle | rewrite /sub /add /scale; ring].
Qed.

Lemma norm_below x y : norm x - norm y <= norm (sub x y).
Proof.
  have := triangle (sub x y) y; rewrite (norm_ext (x' := x)) => [|j]; first lra.
  by rewrite /add /sub; ring.
Qed.

(** A vector is no longer than its greatest inner product with a unit vector. *)
Lemma norm_dual x c : 0 <= c -> (forall e, dot e x <= c * norm e) -> norm x <= c.
Proof.
  move=> c0 h; have := h x; rewrite -norm_square; have := norm_ge0 x; case=> [pos|<-] //; nra.
Qed.

Lemma norm_sum (I : finType) (P : pred I) (f : I -> J -> R) : norm (fun j => \sum_(i | P i) f i j) <= \sum_(i | P i) norm (f i).
Proof.
  apply: norm_dual => [|e]; first by apply: sum_ge0 => i _; exact: norm_ge0.
  have -> : dot e (fun j => \sum_(i | P i) f i j) = \sum_(i | P i) dot e (f i).
    by rewrite /dot exchange_big /=; apply: sum_eq => j _; rewrite sum_scale.
  rewrite -sum_scale_right; apply: sum_le => i _; have := cauchy_schwarz e (f i); lra.
Qed.

(** A weighted sum of vectors of norm at most c. *)
Lemma norm_weighted (I : finType) (P : pred I) (w : I -> R) (f : I -> J -> R) c :
  (forall i, P i -> 0 <= w i) -> (forall i, P i -> norm (f i) <= c) ->
  norm (fun j => \sum_(i | P i) w i * f i j) <= (\sum_(i | P i) w i) * c.
Proof.
  move=> w0 fc; apply: Rle_trans (norm_sum P (fun i => scale (w i) (f i))) _.
  rewrite -sum_scale_right; apply: sum_le => i hi; rewrite norm_scale Rabs_right; last exact: Rle_ge (w0 i hi).
  exact: Rmult_le_compat_l (w0 i hi) (fc i hi).
Qed.

End Vectors.

(** * Means and covariances under a distribution *)

Section Moments.
Variables (I J : finType) (a : I -> R).
Hypothesis dist : distribution a.

Definition mean (y : I -> R) := \sum_i a i * y i.
Definition mean_vector (k : I -> J -> R) : J -> R := fun j => \sum_i a i * k i j.
(** Cov_a(k, y), a vector. *)
Definition covariance (k : I -> J -> R) (y : I -> R) : J -> R := fun j => \sum_i a i * (y i - mean y) * k i j.

Lemma mean_const c : mean (fun=> c) = c.
Proof. by rewrite /mean sum_scale_right (proj2 dist); ring. Qed.

Lemma mean_scale c y : mean (fun i => c * y i) = c * mean y.
Proof. by rewrite /mean -sum_scale; apply: sum_eq => i _; ring. Qed.

Lemma mean_add y z : mean (fun i => y i + z i) = mean y + mean z.
Proof. by rewrite /mean -sum_add; apply: sum_eq => i _; ring. Qed.

Lemma mean_sub y z : mean (fun i => y i - z i) = mean y - mean z.
Proof. by rewrite /mean -sum_sub; apply: sum_eq => i _; ring. Qed.

Lemma mean_le y z : (forall i, y i <= z i) -> mean y <= mean z.
Proof. by move=> h; apply: sum_le => i _; apply: Rmult_le_compat_l => //; exact: (proj1 dist). Qed.

Lemma mean_ext y z : y =1 z -> mean y = mean z.
Proof. by move=> h; apply: sum_eq => i _; rewrite h. Qed.

Definition variance y := mean (fun i => (y i - mean y) * (y i - mean y)).

Lemma variance_ge0 y : 0 <= variance y.
Proof. by apply: sum_ge0 => i _; apply: Rmult_le_pos; [exact: (proj1 dist) | exact: Rle_0_sqr]. Qed.

Lemma variance_shift y c : variance y <= mean (fun i => (y i - c) * (y i - c)).
Proof.
  have -> : mean (fun i => (y i - c) * (y i - c)) = variance y + (mean y - c) * (mean y - c).
    rewrite /variance (mean_ext (z := fun i => (y i - mean y) * (y i - mean y) + (mean y - c) * (mean y - c) + 2 * (mean y - c) * (y i - mean y))) => [|i].
      by rewrite !mean_add mean_const mean_scale mean_sub mean_const; ring.
    by ring.
  have := Rle_0_sqr (mean y - c); rewrite /Rsqr; lra.
Qed.

(** Popoviciu: values within a range d have variance at most (d/2)^2. *)
Lemma popoviciu y d (k : I) : (forall i j, y i - y j <= d) -> variance y <= d / 2 * (d / 2).
Proof.
  move=> range; have [top ht] := exists_max y k.
  apply: Rle_trans (variance_shift y (y top - d / 2)) _.
  have d0 : 0 <= d by have := range k k; lra.
  have := mean_le (y := fun i => (y i - (y top - d / 2)) * (y i - (y top - d / 2))) (z := fun=> d / 2 * (d / 2)).
  rewrite mean_const; apply=> i; have := ht i; have := range top i; nra.
Qed.

(** Cauchy–Schwarz for the covariance of two numbers. *)
Lemma mean_product y z : mean (fun i => y i * z i) * mean (fun i => y i * z i)
  <= mean (fun i => y i * y i) * mean (fun i => z i * z i).
Proof.
  have quad c d : 0 <= c * c * mean (fun i => y i * y i) + 2 * c * d * mean (fun i => y i * z i) + d * d * mean (fun i => z i * z i).
    have -> : c * c * mean (fun i => y i * y i) + 2 * c * d * mean (fun i => y i * z i) + d * d * mean (fun i => z i * z i)
        = mean (fun i => (c * y i + d * z i) * (c * y i + d * z i)).
      by rewrite -!mean_scale -!mean_add; apply: mean_ext => i; ring.
    by apply: sum_ge0 => i _; apply: Rmult_le_pos; [exact: (proj1 dist) | exact: Rle_0_sqr].
  set p := mean (fun i => y i * z i) in quad *; set q := mean (fun i => y i * y i) in quad *; set r := mean (fun i => z i * z i) in quad *.
  have q0 : 0 <= q by have := quad 1 0; lra.
  have := quad p (- q); have := quad (- r) p; have r0 := quad 0 1; case: q0 => [q0|q0]; first by nra.
  have := quad (- (r + 1)) p; rewrite -q0; nra.
Qed.

Lemma covariance_dot k y (e : J -> R) : dot e (covariance k y)
  = mean (fun i => (y i - mean y) * (dot e (k i) - mean (fun l => dot e (k l)))).
Proof.
  have -> : dot e (covariance k y) = mean (fun i => (y i - mean y) * dot e (k i)).
    rewrite /dot /covariance /mean (sum_eq (g := fun j => \sum_i e j * (a i * (y i - \sum_l a l * y l) * k i j))) => [|j _].
      rewrite exchange_big /=; apply: sum_eq => i _; rewrite -!sum_scale; apply: sum_eq => j _; ring.
    by rewrite sum_scale.
  rewrite (mean_ext (y := fun i => (y i - mean y) * (dot e (k i) - mean (fun l => dot e (k l))))
    (z := fun i => (y i - mean y) * dot e (k i) - mean (fun l => dot e (k l)) * (y i - mean y))) => [|i]; last by ring.
  by rewrite mean_sub mean_scale mean_sub mean_const; ring.
Qed.

(** The covariance of vectors at most D apart with numbers at most d apart has norm at most (D/2)(d/2). *)
Lemma covariance_bound k y D d (l : I) : (forall i j, norm (sub (k i) (k j)) <= D) -> (forall i j, y i - y j <= d) ->
  norm (covariance k y) <= D / 2 * (d / 2).
Proof.
  move=> hk hy; have D0 : 0 <= D by apply: Rle_trans (norm_ge0 _) (hk l l).
  have d0 : 0 <= d by have := hy l l; lra.
  apply: norm_dual => [|e]; first by nra.
  have ne := norm_ge0 e; pose z i := dot e (k i).
  have hz i j : z i - z j <= norm e * D.
    rewrite /z !(dot_sym e) -dot_sub; have := cauchy_schwarz (sub (k i) (k j)) e; have := hk i j; nra.
  have vy := popoviciu l hy; have vz := popoviciu l hz.
  rewrite covariance_dot; have := mean_product (fun i => y i - mean y) (fun i => z i - mean z).
  rewrite -/(variance y) -/(variance z); set c := mean _ => h.
  have vy0 := variance_ge0 y; have vz0 := variance_ge0 z.
  have bound : c * c <= (D / 2 * (d / 2) * norm e) * (D / 2 * (d / 2) * norm e).
    apply: Rle_trans h _; have := Rmult_le_compat _ _ _ _ vy0 vz0 vy vz; nra.
  apply: Rsqr_incr_0_var; first by rewrite /Rsqr.
  by apply: Rmult_le_pos => //; apply: Rmult_le_pos; lra.
Qed.

End Moments.
