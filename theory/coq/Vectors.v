(** Real vectors over a finite index type: dot product, norm, parts, outer products, mean, variance and covariance under weights.

    A vector is a function [J -> R]; a matrix is a vector over a product type, so that its norm is the Frobenius norm. A part of a vector
    keeps the coordinates of a predicate and is zero elsewhere: a group of parameters, a semantic block of a token. *)

From Coq Require Import Reals Lra Psatz FunctionalExtensionality.
From mathcomp Require Import all_ssreflect.
From Localist Require Import Sums.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

Definition vector (J : finType) := J -> R.

Lemma vector_eq (J : finType) (u v : vector J) : (forall j, u j = v j) -> u = v.
Proof. exact: functional_extensionality. Qed.

Lemma abs_le (x b : R) : x <= b -> - x <= b -> Rabs x <= b.
Proof. by move=> h h'; rewrite /Rabs; case: Rcase_abs. Qed.

Lemma le_abs (x b : R) : Rabs x <= b -> x <= b /\ - x <= b.
Proof. by move=> h; have := Rle_abs x; have := Rle_abs (- x); rewrite Rabs_Ropp; lra. Qed.

Lemma square_le (x y : R) : 0 <= y -> x * x <= y * y -> x <= y.
Proof. by move=> hy h; case: (Rle_or_lt x y) => // lt; nra. Qed.

Section Vectors.
Variable J : finType.
Implicit Types (u v w : vector J) (P S : pred J).

Definition vzero : vector J := fun=> 0.
Definition vadd u v : vector J := fun j => u j + v j.
Definition vsub u v : vector J := fun j => u j - v j.
Definition vscale (c : R) v : vector J := fun j => c * v j.
Definition vsum (I : finType) (P : pred I) (f : I -> vector J) : vector J := fun j => \sum_(i | P i) f i j.
Definition dot u v := \sum_j u j * v j.
Definition norm v := sqrt (dot v v).
Definition part S v : vector J := fun j => if S j then v j else 0.

(** * Dot product and norm *)

Lemma dot_comm u v : dot u v = dot v u.
Proof. by apply: sum_eq => j _; ring. Qed.

Lemma dot_add_left u v w : dot (vadd u v) w = dot u w + dot v w.
Proof. by rewrite -sum_add; apply: sum_eq => j _; rewrite /vadd; ring. Qed.

Lemma dot_add_right u v w : dot u (vadd v w) = dot u v + dot u w.
Proof. by rewrite !(dot_comm u) dot_add_left. Qed.

Lemma dot_sub_left u v w : dot (vsub u v) w = dot u w - dot v w.
Proof. by rewrite -sum_sub; apply: sum_eq => j _; rewrite /vsub; ring. Qed.

Lemma dot_sub_right u v w : dot u (vsub v w) = dot u v - dot u w.
Proof. by rewrite !(dot_comm u) dot_sub_left. Qed.

Lemma dot_scale_left (c : R) u v : dot (vscale c u) v = c * dot u v.
Proof. by rewrite -sum_scale; apply: sum_eq => j _; rewrite /vscale; ring. Qed.

Lemma dot_scale_right (c : R) u v : dot u (vscale c v) = c * dot u v.
Proof. by rewrite dot_comm dot_scale_left dot_comm. Qed.

Lemma dot_zero_left v : dot vzero v = 0.
Proof. by apply: sum_zero => j _; rewrite /vzero; ring. Qed.

Lemma dot_zero_right v : dot v vzero = 0.
Proof. by rewrite dot_comm dot_zero_left. Qed.

Lemma dot_sum_left (I : finType) (P : pred I) (f : I -> vector J) v : dot (vsum P f) v = \sum_(i | P i) dot (f i) v.
Proof. by rewrite /dot /vsum exchange_big; apply: sum_eq => j _; rewrite sum_scale_right. Qed.

Lemma dot_sum_right (I : finType) (P : pred I) (f : I -> vector J) v : dot v (vsum P f) = \sum_(i | P i) dot v (f i).
Proof. by rewrite dot_comm dot_sum_left; apply: sum_eq => i _; exact: dot_comm. Qed.

Lemma dot_self_ge0 v : 0 <= dot v v.
Proof. by apply: sum_ge0 => j _; exact: Rle_0_sqr. Qed.

Lemma dot_self_zero v : dot v v = 0 -> v = vzero.
Proof.
  move=> h; apply: vector_eq => j; rewrite /vzero.
  have := @term_le_sum _ predT (fun j => v j * v j) j isT (fun i _ => Rle_0_sqr (v i)).
  rewrite -/(dot v v) h /=; nra.
Qed.

Lemma norm_ge0 v : 0 <= norm v.
Proof. exact: sqrt_pos. Qed.

Lemma norm_square v : norm v * norm v = dot v v.
Proof. exact: sqrt_sqrt (dot_self_ge0 v). Qed.

Lemma norm_zero_eq v : norm v = 0 -> v = vzero.
Proof. by move=> h; apply: dot_self_zero; rewrite -norm_square h; ring. Qed.

Lemma norm_vzero : norm vzero = 0.
Proof. by rewrite /norm dot_zero_left sqrt_0. Qed.

Lemma norm_pos v : v <> vzero -> 0 < norm v.
Proof. by move=> h; case: (norm_ge0 v) => // e; case: h; apply: norm_zero_eq. Qed.

Lemma norm_is v (c : R) : 0 <= c -> dot v v = c * c -> norm v = c.
Proof. by move=> hc h; rewrite /norm h sqrt_square. Qed.

(** Cauchy-Schwarz. *)
Lemma dot_square_le u v : dot u v * dot u v <= dot u u * dot v v.
Proof.
  case: (Req_dec (dot v v) 0) => [/dot_self_zero ->|ne]; first by rewrite !dot_zero_right; lra.
  have pos : 0 < dot v v by have := dot_self_ge0 v; lra.
  have := dot_self_ge0 (vsub u (vscale (dot u v / dot v v) v)).
  rewrite dot_sub_left !dot_sub_right !dot_scale_left !dot_scale_right (dot_comm v u).
  set q := dot u v; set r := dot v v; set p := dot u u => h.
  have : 0 <= (p - q / r * q) * r.
    apply: Rmult_le_pos; last exact: Rlt_le pos.
    have e : q / r * (q / r * r) = q / r * q by field; exact: ne.
    lra.
  have -> : (p - q / r * q) * r = p * r - q * q by field; exact: ne.
  lra.
Qed.

Theorem dot_le_norms u v : Rabs (dot u v) <= norm u * norm v.
Proof.
  apply: square_le; first by apply: Rmult_le_pos; exact: norm_ge0.
  have -> : Rabs (dot u v) * Rabs (dot u v) = dot u v * dot u v by rewrite -Rabs_mult Rabs_right //; apply: Rle_ge; exact: Rle_0_sqr.
  have -> : norm u * norm v * (norm u * norm v) = (norm u * norm u) * (norm v * norm v) by ring.
  by rewrite !norm_square; exact: dot_square_le.
Qed.

Lemma dot_le u v : dot u v <= norm u * norm v.
Proof. exact: (proj1 (le_abs (dot_le_norms u v))). Qed.

Lemma dot_ge u v : - (norm u * norm v) <= dot u v.
Proof. have := proj2 (le_abs (dot_le_norms u v)); lra. Qed.

(** A norm from the dot products: |v| <= m when <v, e> <= m |e| for every e. *)
Lemma norm_dual v (m : R) : 0 <= m -> dot v v <= m * norm v -> norm v <= m.
Proof.
  move=> hm; rewrite -norm_square => h; case: (norm_ge0 v) => [pos|<-] //.
  exact: Rmult_le_reg_r pos h.
Qed.

Lemma norm_vadd u v : norm (vadd u v) <= norm u + norm v.
Proof.
  have hu := norm_ge0 u; have hv := norm_ge0 v.
  apply: square_le; first lra.
  rewrite norm_square dot_add_left !dot_add_right (dot_comm v u) -!norm_square.
  have := dot_le u v; nra.
Qed.

Lemma norm_vscale (c : R) v : norm (vscale c v) = Rabs c * norm v.
Proof.
  apply: norm_is; first by apply: Rmult_le_pos; [exact: Rabs_pos | exact: norm_ge0].
  rewrite dot_scale_left dot_scale_right.
  have -> : Rabs c * norm v * (Rabs c * norm v) = (Rabs c * Rabs c) * (norm v * norm v) by ring.
  rewrite norm_square -Rabs_mult Rabs_right; [ring | apply: Rle_ge; exact: Rle_0_sqr].
Qed.

Lemma norm_vscale_pos (c : R) v : 0 <= c -> norm (vscale c v) = c * norm v.
Proof. by move=> h; rewrite norm_vscale Rabs_right //; lra. Qed.

Lemma vsub_vadd u v : vsub u v = vadd u (vscale (-1) v).
Proof. by apply: vector_eq => j; rewrite /vsub /vadd /vscale; ring. Qed.

Lemma norm_vsub_comm u v : norm (vsub u v) = norm (vsub v u).
Proof.
  have -> : vsub u v = vscale (-1) (vsub v u) by apply: vector_eq => j; rewrite /vsub /vscale; ring.
  by rewrite norm_vscale Rabs_left; lra.
Qed.

Lemma norm_vsub u v : norm (vsub u v) <= norm u + norm v.
Proof. rewrite vsub_vadd; apply: Rle_trans (norm_vadd _ _) _; rewrite norm_vscale Rabs_left; lra. Qed.

Lemma norm_vsub_ge u v : norm u - norm v <= norm (vsub u v).
Proof.
  have h := norm_vadd (vsub u v) v.
  have e : vadd (vsub u v) v = u by apply: vector_eq => j; rewrite /vadd /vsub; ring.
  by rewrite e in h; lra.
Qed.

Lemma norm_vsum (I : finType) (P : pred I) (f : I -> vector J) : norm (vsum P f) <= \sum_(i | P i) norm (f i).
Proof.
  apply: norm_dual; first by apply: sum_ge0 => i _; exact: norm_ge0.
  rewrite dot_sum_left -sum_scale_right; apply: sum_le => i _; exact: dot_le.
Qed.

(** * Parts *)

Lemma part_idem S v : part S (part S v) = part S v.
Proof. by apply: vector_eq => j; rewrite /part; case: (S j). Qed.

Lemma dot_part S u v : dot (part S u) v = dot (part S u) (part S v).
Proof. by apply: sum_eq => j _; rewrite /part; case: (S j); ring. Qed.

Lemma dot_part_right S u v : dot u (part S v) = dot (part S u) (part S v).
Proof. by apply: sum_eq => j _; rewrite /part; case: (S j); ring. Qed.

Lemma dot_part_sum S u v : dot (part S u) (part S v) = \sum_(j | S j) u j * v j.
Proof. by rewrite [RHS]big_mkcond; apply: sum_eq => j _; rewrite /part; case: ifP => _ //; ring. Qed.

Lemma part_vsub S u v : part S (vsub u v) = vsub (part S u) (part S v).
Proof. by apply: vector_eq => j; rewrite /part /vsub; case: (S j); ring. Qed.

Lemma part_vadd S u v : part S (vadd u v) = vadd (part S u) (part S v).
Proof. by apply: vector_eq => j; rewrite /part /vadd; case: (S j); ring. Qed.

Lemma part_vscale S (c : R) v : part S (vscale c v) = vscale c (part S v).
Proof. by apply: vector_eq => j; rewrite /part /vscale; case: (S j); ring. Qed.

Lemma part_vzero S : part S vzero = vzero.
Proof. by apply: vector_eq => j; rewrite /part /vzero; case: (S j). Qed.

Lemma part_vsum (I : finType) (P : pred I) S (f : I -> vector J) : part S (vsum P f) = vsum P (fun i => part S (f i)).
Proof. by apply: vector_eq => j; rewrite /part /vsum; case: ifP => _ //; rewrite sum_zero. Qed.

Lemma part_le S v : norm (part S v) <= norm v.
Proof.
  apply: square_le; first exact: norm_ge0.
  by rewrite !norm_square; apply: sum_le => j _; rewrite /part; case: (S j); nra.
Qed.

Lemma part_sub S S' v : (forall j, S j -> S' j) -> norm (part S v) <= norm (part S' v).
Proof.
  move=> h; have -> : part S v = part S (part S' v); last exact: part_le.
  by apply: vector_eq => j; rewrite /part; case: ifP => // /h ->.
Qed.

Lemma part_eq0 S v : (forall j, S j -> v j = 0) <-> norm (part S v) = 0.
Proof.
  split=> [h|/norm_zero_eq e j hj].
    by have -> : part S v = vzero; [apply: vector_eq => j; rewrite /part /vzero; case: ifP => // /h | exact: norm_vzero].
  by have := congr1 (fun f => f j) e; rewrite /part hj.
Qed.

(** Squares of the norms of two parts of a partition add up. *)
Lemma part_pythagoras S v : norm (part S v) * norm (part S v) + norm (part (predC S) v) * norm (part (predC S) v) = norm v * norm v.
Proof.
  rewrite !norm_square -sum_add; apply: sum_eq => j _; rewrite /part /=; case: (S j) => /=; ring.
Qed.

Lemma part_split S v : v = vadd (part S v) (part (predC S) v).
Proof. by apply: vector_eq => j; rewrite /vadd /part /=; case: (S j) => /=; ring. Qed.

(** Parts of blocks: the squares of the norms of the block parts sum to the square of the norm. *)
Lemma parts_pythagoras (C : finType) (blk : J -> C) (Q : pred C) v :
  \sum_(c | Q c) norm (part (fun j => blk j == c) v) * norm (part (fun j => blk j == c) v)
  = norm (part (fun j => Q (blk j)) v) * norm (part (fun j => Q (blk j)) v).
Proof.
  rewrite norm_square dot_part_sum (sum_eq (g := fun c => \sum_(j | blk j == c) v j * v j)); last by move=> c _; rewrite norm_square dot_part_sum.
  rewrite (partition_big blk Q) //; apply: sum_eq => c hc; apply: eq_bigl => j.
  by case: eqP => [->|]; rewrite ?hc ?andbT ?andbF.
Qed.

End Vectors.

Arguments vzero {J}.

(** * Outer products: matrices as vectors over a product *)

Section Outer.
Variables (I J : finType).
Implicit Types (u : vector I) (v : vector J).

Definition outer u v : vector (prod_finType I J) := fun p => u p.1 * v p.2.
Definition apply (A : vector (prod_finType I J)) v : vector I := fun i => \sum_j A (i, j) * v j.

Lemma dot_matrix (A B : vector (prod_finType I J)) : dot A B = \sum_i \sum_j A (i, j) * B (i, j).
Proof. by rewrite pair_bigA /=; apply: sum_eq => -[i j]. Qed.

Lemma dot_apply A u v : dot A (outer u v) = dot u (apply A v).
Proof.
  rewrite dot_matrix; apply: sum_eq => i _; rewrite /apply -sum_scale.
  by apply: sum_eq => j _; rewrite /outer /=; ring.
Qed.

Lemma dot_outer u u' v v' : dot (outer u v) (outer u' v') = dot u u' * dot v v'.
Proof.
  rewrite dot_matrix /dot -sum_scale_right; apply: sum_eq => i _; rewrite -sum_scale.
  by apply: sum_eq => j _; rewrite /outer /=; ring.
Qed.

Lemma norm_outer u v : norm (outer u v) = norm u * norm v.
Proof.
  apply: norm_is; first by apply: Rmult_le_pos; exact: norm_ge0.
  rewrite dot_outer -!norm_square; ring.
Qed.

(** The Frobenius norm bounds what a matrix does to a vector, and its bilinear form. *)
Lemma form_le A u v : Rabs (dot u (apply A v)) <= norm A * (norm u * norm v).
Proof. rewrite -dot_apply -norm_outer; exact: dot_le_norms. Qed.

Lemma norm_apply A v : norm (apply A v) <= norm A * norm v.
Proof.
  apply: norm_dual; first by apply: Rmult_le_pos; exact: norm_ge0.
  have := proj1 (le_abs (form_le A (apply A v) v)); lra.
Qed.

Lemma apply_vsub A v v' : apply A (vsub v v') = vsub (apply A v) (apply A v').
Proof. by apply: vector_eq => i; rewrite /apply /vsub -sum_sub; apply: sum_eq => j _; ring. Qed.

Lemma apply_vadd A v v' : apply A (vadd v v') = vadd (apply A v) (apply A v').
Proof. by apply: vector_eq => i; rewrite /apply /vadd -sum_add; apply: sum_eq => j _; ring. Qed.

Lemma apply_vscale A (c : R) v : apply A (vscale c v) = vscale c (apply A v).
Proof. by apply: vector_eq => i; rewrite /apply /vscale -sum_scale; apply: sum_eq => j _; ring. Qed.

Lemma apply_vsum (K : finType) (P : pred K) A (f : K -> vector J) : apply A (vsum P f) = vsum P (fun k => apply A (f k)).
Proof.
  apply: vector_eq => i; rewrite /apply /vsum exchange_big; apply: sum_eq => j _; by rewrite sum_scale.
Qed.

(** Parts of an outer product. *)
Lemma part_outer (S : pred I) (T : pred J) u v : part (fun p => S p.1 && T p.2) (outer u v) = outer (part S u) (part T v).
Proof. by apply: vector_eq => -[i j]; rewrite /part /outer /=; case: (S i); case: (T j) => /=; ring. Qed.

Lemma outer_vsub_left u u' v : vsub (outer u v) (outer u' v) = outer (vsub u u') v.
Proof. by apply: vector_eq => p; rewrite /vsub /outer; ring. Qed.

Lemma outer_vsub_right u v v' : vsub (outer u v) (outer u v') = outer u (vsub v v').
Proof. by apply: vector_eq => p; rewrite /vsub /outer; ring. Qed.

End Outer.

(** Product of matrices, A^T B, and its Frobenius norm. *)
Section Product.
Variables (H I J : finType).
Definition product (A : vector (prod_finType H I)) (B : vector (prod_finType H J)) : vector (prod_finType I J) :=
  fun p => \sum_h A (h, p.1) * B (h, p.2).
Definition row A (h : H) : vector I := fun i => A (h, i).

Lemma dot_product (A : vector (prod_finType H I)) (B : vector (prod_finType H J)) u v :
  dot u (apply (product A B) v) = dot (apply A u) (apply B v).
Proof.
  rewrite /dot /apply /product.
  transitivity (\sum_i \sum_h \sum_j u i * (A (h, i) * B (h, j) * v j)).
    apply: sum_eq => i _; rewrite [RHS]exchange_big -sum_scale; apply: sum_eq => j _.
    by rewrite -sum_scale_right -sum_scale; apply: sum_eq => h _ /=; ring.
  rewrite exchange_big; apply: sum_eq => h _.
  rewrite -sum_scale_right; apply: sum_eq => i _; rewrite -sum_scale; apply: sum_eq => j _; ring.
Qed.

Lemma norm_product (A : vector (prod_finType H I)) (B : vector (prod_finType H J)) : norm (product A B) <= norm A * norm B.
Proof.
  have -> : product A B = vsum predT (fun h => outer (fun i => A (h, i)) (fun j => B (h, j))) by apply: vector_eq => p.
  apply: Rle_trans (norm_vsum _ _) _.
  rewrite (sum_eq (g := fun h => norm (fun i => A (h, i)) * norm (fun j => B (h, j)))); last by move=> h _; rewrite norm_outer.
  have := dot_le (J := H) (fun h => norm (fun i => A (h, i))) (fun h => norm (fun j => B (h, j))).
  have rows (K : finType) (M : vector (prod_finType H K)) : norm (fun h => norm (fun i => M (h, i))) = norm M.
    by rewrite {1 3}/norm dot_matrix /dot; congr sqrt; apply: sum_eq => h _; rewrite norm_square.
  by rewrite !rows.
Qed.
End Product.

(** * Mean, variance and covariance under weights *)

Lemma least (I : finType) (f : I -> R) (k : I) : exists m, forall i, f m <= f i.
Proof.
  suff h (l : seq I) : exists m, forall i, i \in k :: l -> f m <= f i.
    by have [m hm] := h (enum I); exists m => i; apply: hm; rewrite inE mem_enum orbT.
  elim: l => [|x l [m ih]]; first by exists k => i; rewrite inE => /eqP ->; lra.
  case: (Rle_dec (f x) (f m)) => h.
    exists x => i; rewrite !inE => /or3P [/eqP ->|/eqP ->|il]; [|lra|].
      by apply: Rle_trans h _; apply: ih; rewrite inE eqxx.
    by apply: Rle_trans h _; apply: ih; rewrite inE il orbT.
  exists m => i; rewrite !inE => /or3P [/eqP ->|/eqP ->|il]; [|lra|].
    by apply: ih; rewrite inE eqxx.
  by apply: ih; rewrite inE il orbT.
Qed.

Section Weights.
Variables (I : finType) (a : I -> R).
Implicit Types (f y : I -> R).

Definition mean f := \sum_i a i * f i.
Definition cov f y := mean (fun i => (f i - mean f) * (y i - mean y)).
Definition variance f := cov f f.
Definition vmean (J : finType) (x : I -> vector J) : vector J := fun j => mean (fun i => x i j).
Definition vcov (J : finType) (x : I -> vector J) y : vector J := fun j => cov (fun i => x i j) y.

Lemma mean_eq f y : (forall i, f i = y i) -> mean f = mean y.
Proof. by move=> h; apply: sum_eq => i _; rewrite h. Qed.

Lemma mean_sub f y : mean (fun i => f i - y i) = mean f - mean y.
Proof. by rewrite -sum_sub; apply: sum_eq => i _; ring. Qed.

Lemma mean_add f y : mean (fun i => f i + y i) = mean f + mean y.
Proof. by rewrite -sum_add; apply: sum_eq => i _; ring. Qed.

Lemma mean_scale (c : R) f : mean (fun i => c * f i) = c * mean f.
Proof. by rewrite -sum_scale; apply: sum_eq => i _; ring. Qed.

Hypothesis a_law : distribution a.

Lemma mean_const (c : R) : mean (fun=> c) = c.
Proof. by rewrite /mean sum_scale_right (proj2 a_law); ring. Qed.

Lemma mean_le f y : (forall i, f i <= y i) -> mean f <= mean y.
Proof. by move=> h; apply: sum_le => i _; apply: Rmult_le_compat_l; [exact: (proj1 a_law) | exact: h]. Qed.

Lemma mean_ge0 f : (forall i, 0 <= f i) -> 0 <= mean f.
Proof. by move=> h; rewrite -(mean_const 0); exact: mean_le. Qed.

Lemma cov_alt f y : cov f y = mean (fun i => f i * (y i - mean y)).
Proof.
  rewrite /cov; set m := mean y.
  transitivity (mean (fun i => f i * (y i - m)) - mean (fun i => mean f * (y i - m))).
    by rewrite -mean_sub; apply: mean_eq => i; ring.
  by rewrite mean_scale mean_sub mean_const /m; ring.
Qed.

Lemma cov_product f y : cov f y = mean (fun i => f i * y i) - mean f * mean y.
Proof.
  rewrite cov_alt -[mean f * _]Rmult_comm -mean_scale -mean_sub; apply: mean_eq => i; ring.
Qed.

Lemma cov_comm f y : cov f y = cov y f.
Proof. by rewrite /cov; apply: mean_eq => i; ring. Qed.

Lemma variance_ge0 f : 0 <= variance f.
Proof. by apply: mean_ge0 => i; exact: Rle_0_sqr. Qed.

(** Variance is at most the mean square about any point. *)
Lemma variance_about f (c : R) : variance f <= mean (fun i => (f i - c) * (f i - c)).
Proof.
  rewrite /variance cov_product.
  have -> : mean (fun i => (f i - c) * (f i - c)) = mean (fun i => f i * f i) - 2 * c * mean f + c * c.
    by rewrite -mean_scale -(mean_const (c * c)) -mean_sub -mean_add; apply: mean_eq => i; ring.
  have := Rle_0_sqr (mean f - c); rewrite /Rsqr; lra.
Qed.

(** L3, Popoviciu: within a range of length d the variance is at most (d/2)^2. *)
Theorem popoviciu f (d : R) : (forall i k, f i - f k <= d) -> variance f <= d / 2 * (d / 2).
Proof.
  move=> h; have [k0 _] := distribution_inhabited a_law; have [m hm] := least f k0.
  apply: Rle_trans (variance_about f (f m + d / 2)) _.
  rewrite -[X in _ <= X](mean_const (d / 2 * (d / 2))); apply: mean_le => i.
  have := hm i; have := h i m; nra.
Qed.

(** Cauchy-Schwarz for covariances. *)
Theorem cov_square_le f y : cov f y * cov f y <= variance f * variance y.
Proof.
  pose u : vector I := fun i => sqrt (a i) * (f i - mean f); pose v : vector I := fun i => sqrt (a i) * (y i - mean y).
  have root i : sqrt (a i) * sqrt (a i) = a i by apply: sqrt_sqrt; exact: (proj1 a_law).
  have to (p q : I -> R) : dot (fun i => sqrt (a i) * p i) (fun i => sqrt (a i) * q i) = mean (fun i => p i * q i).
    by apply: sum_eq => i _; rewrite -[in RHS]root; ring.
  by have := dot_square_le u v; rewrite !to.
Qed.

Lemma variance_le f (d : R) : 0 <= d -> (forall i k, f i - f k <= d) -> sqrt (variance f) <= d / 2.
Proof.
  move=> hd h; rewrite -(sqrt_square (d / 2)); last lra.
  by apply: sqrt_le_1_alt; exact: popoviciu.
Qed.

Theorem cov_le f y (d e : R) : (forall i k, f i - f k <= d) -> (forall i k, y i - y k <= e) -> Rabs (cov f y) <= d / 2 * (e / 2).
Proof.
  move=> hf hy; have [k _] := distribution_inhabited a_law.
  have d0 : 0 <= d by have := hf k k; lra.
  have e0 : 0 <= e by have := hy k k; lra.
  apply: square_le; first by apply: Rmult_le_pos; lra.
  have -> : Rabs (cov f y) * Rabs (cov f y) = cov f y * cov f y by rewrite -Rabs_mult Rabs_right //; apply: Rle_ge; exact: Rle_0_sqr.
  apply: Rle_trans (cov_square_le f y) _.
  have := popoviciu hf; have := popoviciu hy; have := variance_ge0 f; have := variance_ge0 y.
  set p := d / 2; set q := e / 2 => h1 h2 h3 h4.
  have -> : p * q * (p * q) = (p * p) * (q * q) by ring.
  exact: Rmult_le_compat.
Qed.

Section VectorMean.
Variable J : finType.
Implicit Types (x : I -> vector J).

Lemma dot_vmean x e : dot (vmean x) e = mean (fun i => dot (x i) e).
Proof.
  rewrite /dot /vmean /mean (sum_eq (g := fun j => \sum_i a i * (x i j * e j))).
    by rewrite exchange_big; apply: sum_eq => i _; rewrite -sum_scale.
  by move=> j _; rewrite -sum_scale_right; apply: sum_eq => i _; ring.
Qed.

Lemma vmean_vsub x x' : vmean (fun i => vsub (x i) (x' i)) = vsub (vmean x) (vmean x').
Proof. by apply: vector_eq => j; exact: mean_sub. Qed.

Lemma vmean_const (v : vector J) : vmean (fun=> v) = v.
Proof. by apply: vector_eq => j; exact: mean_const. Qed.

Lemma norm_vmean x : norm (vmean x) <= mean (fun i => norm (x i)).
Proof.
  apply: norm_dual; first by apply: mean_ge0 => i; exact: norm_ge0.
  rewrite dot_vmean Rmult_comm -mean_scale; apply: mean_le => i; rewrite Rmult_comm; exact: dot_le.
Qed.

(** A mean is no farther from a point than the points that it is the mean of. *)
Lemma vmean_near x (v : vector J) (d : R) : (forall i, norm (vsub (x i) v) <= d) -> norm (vsub (vmean x) v) <= d.
Proof.
  move=> h; rewrite -{1}(vmean_const v) -vmean_vsub; apply: Rle_trans (norm_vmean _) _.
  by rewrite -[X in _ <= X]mean_const; exact: mean_le.
Qed.

Lemma dot_vcov x y e : dot (vcov x y) e = cov (fun i => dot (x i) e) y.
Proof.
  rewrite cov_alt.
  transitivity (dot (vmean (fun i => vscale (y i - mean y) (x i))) e).
    by congr (dot _ e); apply: vector_eq => j; rewrite /vcov cov_alt; apply: mean_eq => i; rewrite /vscale; ring.
  by rewrite dot_vmean; apply: mean_eq => i; rewrite dot_scale_left; ring.
Qed.

Lemma part_vcov (S : pred J) x y : part S (vcov x y) = vcov (fun i => part S (x i)) y.
Proof.
  apply: vector_eq => j; rewrite /part /vcov; case: ifP => _ //.
  by rewrite cov_alt /mean sum_zero // => i _; ring.
Qed.

(** The covariance bound of T5b: half the diameter of x times half the range of y. *)
Theorem norm_vcov x y (d e : R) : (forall i k, norm (vsub (x i) (x k)) <= d) -> (forall i k, y i - y k <= e) -> norm (vcov x y) <= d / 2 * (e / 2).
Proof.
  move=> hx hy; have [k _] := distribution_inhabited a_law.
  have d0 : 0 <= d by apply: Rle_trans (hx k k); exact: norm_ge0.
  have e0 : 0 <= e by have := hy k k; lra.
  have := norm_ge0 (vcov x y); set c := vcov x y => c0.
  apply: norm_dual; first by apply: Rmult_le_pos; lra.
  rewrite dot_vcov.
  have range i l : dot (x i) c - dot (x l) c <= d * norm c.
    rewrite -dot_sub_left; apply: Rle_trans (dot_le _ _) _; exact: Rmult_le_compat_r.
  have := proj1 (le_abs (cov_le range hy)); lra.
Qed.
End VectorMean.
End Weights.

(** Weights that sum to 0 over vectors of diameter d: at most half the sum of their absolute values, times d. *)
Lemma zero_sum_le (I J : finType) (w : I -> R) (x : I -> vector J) (d : R) :
  \sum_i w i = 0 -> (forall i k, norm (vsub (x i) (x k)) <= d) -> norm (vmean w x) <= (\sum_i Rabs (w i)) / 2 * d.
Proof.
  move=> zero diam.
  case: (pickP (fun _ : I => true)) => [k _|none]; last first.
    have -> : vmean w x = vzero by apply: vector_eq => j; rewrite /vmean /mean big_pred0 // => i; have := none i.
    have -> : \sum_i Rabs (w i) = 0 by rewrite big_pred0 // => i; have := none i.
    rewrite norm_vzero; lra.
  have d0 : 0 <= d by apply: Rle_trans (diam k k); exact: norm_ge0.
  have s0 : 0 <= \sum_i Rabs (w i) by apply: sum_ge0 => i _; exact: Rabs_pos.
  apply: norm_dual; first by apply: Rmult_le_pos; lra.
  rewrite dot_vmean; set c := vmean w x; have c0 := norm_ge0 c.
  have [m hm] := least (fun i => dot (x i) c) k.
  have -> : mean w (fun i => dot (x i) c) = \sum_i w i * (dot (x i) c - dot (x m) c - d * norm c / 2).
    transitivity (mean w (fun i => dot (x i) c) - (dot (x m) c + d * norm c / 2) * (\sum_i w i)); first by rewrite zero; ring.
    by rewrite -sum_scale -sum_sub; apply: sum_eq => i _; ring.
  have -> : (\sum_i Rabs (w i)) / 2 * d * norm c = \sum_i Rabs (w i) * (d * norm c / 2) by rewrite sum_scale_right; field.
  apply: sum_le => i _; apply: Rle_trans (Rle_abs _) _; rewrite Rabs_mult.
  apply: Rmult_le_compat_l; first exact: Rabs_pos.
  have lo := hm i.
  have hi : dot (x i) c - dot (x m) c <= d * norm c.
    rewrite -dot_sub_left; apply: Rle_trans (dot_le _ _) _; exact: Rmult_le_compat_r.
  apply: abs_le; lra.
Qed.
