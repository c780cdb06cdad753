(** Partition: semantic blocks from similarity, and how long they stay what they are.

    S i j is the similarity of tokens i and j of a finite type, any real number; nothing is assumed of its symmetry or its diagonal. A
    partition is a map b of the tokens to names of blocks. Two tokens are linked at a level ([linked S level i j]) when a path of
    similarities of at least that level leads from one to the other.

    Against the informal statement: Python speaks of numbers (weakest link, greatest similarity across) and of their differences. Here "the
    weakest link inside is at least c" says that any two tokens of a block are linked at c, "the greatest similarity across is at most c"
    that every pair across is, and a linkage gap of at least l ([gap_at_least S b l]) that there is a level c with nothing across above c and
    every link inside at c + l or more. A norm of a form is any bound on the form ([form_at_most]); the Frobenius norm is one. *)

From Coq Require Import Reals Lra Psatz.
From mathcomp Require Import all_ssreflect.
From Localist Require Import Sums Vectors.
From Localist Require concentration.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

(** * Links *)

Definition at_least (level x : R) : bool := if Rle_dec level x then true else false.

Lemma at_leastP level x : reflect (level <= x) (at_least level x).
Proof. by rewrite /at_least; case: Rle_dec => h; constructor. Qed.

Section Links.
Variables (I K : finType).
Implicit Types (S : I -> I -> R) (b : I -> K).

Definition linked S (level : R) (i j : I) : bool := connect (fun k l => at_least level (S k l)) i j.
Definition linked_inside S b (level : R) := forall i j, b i = b j -> linked S level i j.
Definition apart_at S b (level : R) := forall i j, b i <> b j -> S i j <= level.
Definition gap_at_least S b (l : R) := exists c, apart_at S b c /\ linked_inside S b (c + l).
(** The number of blocks. *)
Definition blocks b : nat := #|b @: [set: I]|.

Lemma linked_edge S level i j : level <= S i j -> linked S level i j.
Proof. by move=> h; apply: connect1; apply/at_leastP. Qed.

(** Links survive a move of the similarities, weakened by what they move; a token needs no edge to itself. *)
Lemma linked_moves S S' (level eta : R) i j :
  (forall k l, k != l -> S k l - S' k l <= eta) -> linked S level i j -> linked S' (level - eta) i j.
Proof.
  move=> near; apply: connect_sub => {}i {}j /at_leastP h.
  case: (eqVneq i j) => [->|ne]; first exact: connect0.
  by apply: linked_edge; have := near i j ne; lra.
Qed.

Lemma linked_lower S (level level' : R) i j : level' <= level -> linked S level i j -> linked S level' i j.
Proof.
  move=> le; apply: connect_sub => {}i {}j /at_leastP h; apply: linked_edge; lra.
Qed.

(** A path between two blocks has an edge between two blocks. *)
Lemma path_crosses (e : rel I) b i j : connect e i j -> b i <> b j -> exists k l, e k l /\ b k <> b l.
Proof.
  move=> /connectP [p]; elim: p i => [|k p ih] i /=; first by move=> _ ->.
  move=> /andP [edge rest] last differ; case: (b i =P b k) => [same|ne]; last by exists i, k.
  by apply: (ih k rest last); rewrite -same.
Qed.

Lemma linked_crosses S b level i j : linked S level i j -> b i <> b j -> exists k l, level <= S k l /\ b k <> b l.
Proof. by move=> h ne; have [k [l [/at_leastP edge ne']]] := path_crosses h ne; exists k, l. Qed.

(** The components of a cut are a partition that keeps what is at least as strong as what it cuts: single linkage. *)
Lemma components_link S level : (forall i j, S i j = S j i) ->
  let e := fun k l => at_least level (S k l) in
  (forall i j, root e i = root e j -> linked S level i j) /\ (forall i j, root e i <> root e j -> S i j < level).
Proof.
  move=> sym e.
  have symmetric : connect_sym e by apply: sym_connect_sym => i j; rewrite /e sym.
  split=> i j.
    by move=> /eqP; rewrite root_connect.
  move=> ne; case: (Rlt_le_dec (S i j) level) => // edge; case: ne; apply/eqP; rewrite root_connect //.
  exact: linked_edge.
Qed.

End Links.

Definition moved_at_most (I : finType) (S S' : I -> I -> R) (eta : R) := forall i j, i != j -> Rabs (S' i j - S i j) <= eta.

Lemma moved_down (I : finType) (S S' : I -> I -> R) eta : moved_at_most S S' eta -> forall i j, i != j -> S i j - S' i j <= eta.
Proof. by move=> near i j ne; have := near i j ne; rewrite -Rabs_Ropp => /le_abs; lra. Qed.

Lemma moved_up (I : finType) (S S' : I -> I -> R) eta : moved_at_most S S' eta -> forall i j, i != j -> S' i j - S i j <= eta.
Proof. by move=> near i j ne; have := near i j ne => /le_abs; lra. Qed.

Lemma differ_ne (I K : finType) (b : I -> K) i j : b i <> b j -> i != j.
Proof. by move=> ne; apply/eqP => eq; apply: ne; rewrite eq. Qed.

(** * Recovery and stability *)

(** Each block is inside one component of the cut. *)
Theorem recovery_inside (I K : finType) (S S' : I -> I -> R) (b : I -> K) (th_hi eta kap : R) (linked : linked_inside S b th_hi)
    (near : moved_at_most S S' eta) (below : kap <= th_hi - eta) :
  linked_inside S' b kap.
Proof.
  by move=> i j same; apply: (linked_lower below); apply: linked_moves (linked i j same) => k l; exact: moved_down near k l.
Qed.

(** No component of the cut reaches into two blocks: nothing across reaches the cut, and no path does. *)
Theorem recovery_across (I K : finType) (S S' : I -> I -> R) (b : I -> K) (th_lo eta kap : R) (apart : apart_at S b th_lo)
    (near : moved_at_most S S' eta) (above : th_lo + eta < kap) :
  (forall i j, b i <> b j -> S' i j < kap) /\ (forall i j, b i <> b j -> ~~ linked S' kap i j).
Proof.
  have edge i j : b i <> b j -> S' i j < kap.
    by move=> ne; have := moved_up near (differ_ne ne); have := apart i j ne; lra.
  split=> // i j ne; apply/negP => /(linked_crosses (b := b)) /(_ ne) [k [l [h /edge]]]; lra.
Qed.

(** Together: for every cut in (th_lo + eta, th_hi - eta] the components are exactly the blocks. *)
Theorem recovery (I K : finType) (S S' : I -> I -> R) (b : I -> K) (th_hi th_lo eta kap : R) (linked_in : linked_inside S b th_hi)
    (apart : apart_at S b th_lo) (near : moved_at_most S S' eta) (below : kap <= th_hi - eta) (above : th_lo + eta < kap) :
  forall i j, linked S' kap i j <-> b i = b j.
Proof.
  move=> i j; split; last exact: recovery_inside linked_in near below i j.
  move=> h; apply/eqP; apply/negPn/negP => /eqP ne.
  by have := (recovery_across apart near above).2 i j ne; rewrite h.
Qed.

(** With a margin of pairs, every two tokens of a block are joined directly. *)
Theorem recovery_complete (I K : finType) (S S' : I -> I -> R) (b : I -> K) (th_hi eta kap : R)
    (paired : forall i j, i != j -> b i = b j -> th_hi <= S i j) (near : moved_at_most S S' eta) (below : kap <= th_hi - eta) :
  forall i j, i != j -> b i = b j -> kap <= S' i j.
Proof. by move=> i j ne same; have := paired i j ne same; have := moved_down near ne; lra. Qed.

(** A change of eta costs at most 2 eta of the linkage gap. *)
Theorem gap_survives (I K : finType) (S S' : I -> I -> R) (b : I -> K) (l eta : R) (gap : gap_at_least S b l)
    (near : moved_at_most S S' eta) :
  gap_at_least S' b (l - 2 * eta).
Proof.
  case: gap => c [apart inside]; exists (c + eta); split.
    by move=> i j ne; have := apart i j ne; have := moved_up near (differ_ne ne); lra.
  move=> i j same; have -> : c + eta + (l - 2 * eta) = c + l - eta by ring.
  by apply: linked_moves (inside i j same) => k m; exact: moved_down near k m.
Qed.

Definition margin_at_least (I K : finType) (S : I -> I -> R) (b : I -> K) (t : R) :=
  forall i j k l, i != j -> b i = b j -> b k <> b l -> t <= S i j - S k l.

(** A change of eta costs at most 2 eta of the margin of pairs. *)
Theorem margin_survives (I K : finType) (S S' : I -> I -> R) (b : I -> K) (t eta : R) (margin : margin_at_least S b t)
    (near : moved_at_most S S' eta) :
  margin_at_least S' b (t - 2 * eta).
Proof.
  move=> i j k l ne same differ; have := margin i j k l ne same differ.
  by have := moved_down near ne; have := moved_up near (differ_ne differ); lra.
Qed.

(** The cut at the midpoint is half of the gap minus eta away from what it must not reach. *)
Theorem midpoint (I K : finType) (S S' : I -> I -> R) (b : I -> K) (th_hi th_lo eta : R) (linked : linked_inside S b th_hi)
    (apart : apart_at S b th_lo) (near : moved_at_most S S' eta) :
  let mid := (th_hi + th_lo) / 2 in let off := eta - (th_hi - th_lo) / 2 in
  linked_inside S' b (mid - off) /\ apart_at S' b (mid + off).
Proof.
  split=> [i j same|i j ne].
    have -> : (th_hi + th_lo) / 2 - (eta - (th_hi - th_lo) / 2) = th_hi - eta by field.
    by apply: linked_moves (linked i j same) => k l; exact: moved_down near k l.
  by have := apart i j ne; have := moved_up near (differ_ne ne); lra.
Qed.

(** So it finds the blocks as long as 2 eta < gap. *)
Theorem midpoint_recovers (I K : finType) (S S' : I -> I -> R) (b : I -> K) (th_hi th_lo eta : R)
    (linked_in : linked_inside S b th_hi) (apart : apart_at S b th_lo) (near : moved_at_most S S' eta) (half : 2 * eta < th_hi - th_lo) :
  forall i j, linked S' ((th_hi + th_lo) / 2) i j <-> b i = b j.
Proof. by apply: (recovery linked_in apart near); lra. Qed.

(** The loss of 2 eta is attained: two blocks of two tokens whose similarities 1 and 0 become 1 - eta and eta. *)
Theorem gap_survives_attained (eta : R) (small : 0 <= eta <= 1 / 2) : exists (I K : finType) (S S' : I -> I -> R) (b : I -> K),
  gap_at_least S b 1 /\ moved_at_most S S' eta /\ forall l, gap_at_least S' b l -> l <= 1 - 2 * eta.
Proof.
  pose b := fun i : 'I_4 => (i < 2)%N : bool_finType.
  exists [finType of 'I_4], [finType of bool], (fun i j => if b i == b j then 1 else 0), (fun i j => if b i == b j then 1 - eta else eta), b.
  split.
    exists 0; split=> [i j /eqP /negbTE ->|i j same]; first lra.
    by apply: linked_edge; rewrite same eqxx; lra.
  split; first by move=> i j _; case: eqP => _; rewrite /Rabs; case: Rcase_abs; lra.
  move=> l [c [across inside]].
  have edge := across (@Ordinal 4 0 isT) (@Ordinal 4 2 isT) ltac:(by []); rewrite /= in edge.
  have ne : id (@Ordinal 4 0 isT) <> id (@Ordinal 4 1 isT) by move=> /(congr1 val).
  have [i [j [le _]]] := linked_crosses (b := id) (inside (@Ordinal 4 0 isT) (@Ordinal 4 1 isT) (erefl _)) ne.
  by move: le; case: eqP => _; lra.
Qed.

(** At 2 eta = gap the blocks can be lost: no cut at all finds them. *)
Theorem merge_at_half : exists (I K : finType) (S S' : I -> I -> R) (b : I -> K),
  linked_inside S b 1 /\ apart_at S b 0 /\ moved_at_most S S' (1 / 2) /\ forall kap, ~ (forall i j, linked S' kap i j <-> b i = b j).
Proof.
  pose b := fun i : 'I_3 => (i < 2)%N : bool_finType.
  exists [finType of 'I_3], [finType of bool], (fun i j => if b i == b j then 1 else 0), (fun i j => 1 / 2), b.
  split; first by move=> i j same; apply: linked_edge; rewrite same eqxx; lra.
  split; first by move=> i j /eqP /negbTE ->; lra.
  split; first by move=> i j _; case: eqP => _; rewrite /Rabs; case: Rcase_abs; lra.
  move=> kap same.
  case: (Rle_lt_dec kap (1 / 2)) => cut.
    have : b (inord 0) = b (inord 2) by apply/same; exact: linked_edge.
    by rewrite /b !inordK.
  have : linked (fun _ _ : 'I_3 => 1 / 2) kap (inord 0) (inord 1) by apply/same; rewrite /b !inordK.
  move=> /(linked_crosses (b := id)) h.
  have ne : id (inord 0 : 'I_3) <> id (inord 1) by move=> /(congr1 val) /=; rewrite !inordK.
  by have [k [l [le _]]] := h ne; lra.
Qed.

(** * Drift *)

Section Drift.
Variable J : finType.
Implicit Types (A : vector (prod_finType J J)) (x y : vector J).

Definition similarity A (tau : R) x y := dot x (apply A y) / tau.
Definition form_at_most A (r : R) := forall u v, Rabs (dot u (apply A v)) <= r * (norm u * norm v).

Lemma form_frobenius A : form_at_most A (norm A).
Proof. by move=> u v; exact: form_le. Qed.

Lemma apply_form A A' v : apply (vsub A' A) v = vsub (apply A' v) (apply A v).
Proof. by apply: vector_eq => i; rewrite /apply /vsub -sum_sub; apply: sum_eq => j _; ring. Qed.

Lemma form_add A A' A'' r r' : form_at_most (vsub A' A) r -> form_at_most (vsub A'' A') r' -> form_at_most (vsub A'' A) (r + r').
Proof.
  move=> h h' u v; have := h u v; have := h' u v; rewrite !apply_form !dot_sub_right => p q.
  apply: abs_le; move: p q => /le_abs p /le_abs q; lra.
Qed.

Lemma form_zero A : form_at_most (vsub A A) 0.
Proof. by move=> u v; rewrite apply_form dot_sub_right Rminus_diag_eq // Rabs_R0; lra. Qed.

(** How far a similarity moves when the form and the tokens move. *)
Theorem drift A A' x y x' y' (tau B rho a d : R) : 0 < tau -> norm x <= B -> norm y <= B -> 0 <= rho -> 0 <= a ->
  form_at_most A rho -> form_at_most (vsub A' A) a ->
  forall (moves : norm (vsub x' x) <= d) (other_moves : norm (vsub y' y) <= d),
  Rabs (similarity A' tau x' y' - similarity A tau x y) <= (a * (B + d) ^ 2 + rho * (2 * B + d) * d) / tau.
Proof.
  move=> t hx hy r0 a0 form change moves other.
  have split : dot x' (apply A' y') - dot x (apply A y) =
      dot x' (apply (vsub A' A) y') + dot x' (apply A (vsub y' y)) + dot (vsub x' x) (apply A y).
    by rewrite apply_form apply_vsub !dot_sub_right dot_sub_left; ring.
  have nx := norm_ge0 x; have ny := norm_ge0 y; have nx' := norm_ge0 x'; have ny' := norm_ge0 y'.
  have dx := norm_ge0 (vsub x' x); have dy := norm_ge0 (vsub y' y).
  have hx' : norm x' <= B + d by have := norm_vsub_ge x' x; lra.
  have hy' : norm y' <= B + d by have := norm_vsub_ge y' y; lra.
  have one : a * (norm x' * norm y') <= a * ((B + d) * (B + d)) by apply: Rmult_le_compat_l => //; apply: Rmult_le_compat; lra.
  have two : rho * (norm x' * norm (vsub y' y)) <= rho * ((B + d) * d).
    by apply: Rmult_le_compat_l => //; apply: Rmult_le_compat; lra.
  have three : rho * (norm (vsub x' x) * norm y) <= rho * (d * B) by apply: Rmult_le_compat_l => //; apply: Rmult_le_compat; lra.
  have := le_abs (change x' y'); have := le_abs (form x' (vsub y' y)); have := le_abs (form (vsub x' x) y) => f g h.
  have bound : Rabs (dot x' (apply A' y') - dot x (apply A y)) <= a * (B + d) ^ 2 + rho * (2 * B + d) * d.
    by rewrite split; apply: abs_le; nra.
  rewrite /similarity; have -> : dot x' (apply A' y') / tau - dot x (apply A y) / tau = (dot x' (apply A' y') - dot x (apply A y)) * / tau.
    by rewrite /Rdiv; ring.
  have inv := Rinv_0_lt_compat _ t; rewrite Rabs_mult (Rabs_right (/ tau)); last by lra.
  by apply: Rmult_le_compat_r; lra.
Qed.

(** How far a similarity moves when only the form moves. *)
Theorem form_drift A A' x y x' y' (tau B a : R) : 0 < tau -> norm x <= B -> norm y <= B -> 0 <= a -> form_at_most (vsub A' A) a ->
  forall still : x' = x /\ y' = y,
  Rabs (similarity A' tau x' y' - similarity A tau x y) <= B ^ 2 * a / tau.
Proof.
  move=> t hx hy a0 change [-> ->].
  have nx := norm_ge0 x; have ny := norm_ge0 y.
  have bound : a * (norm x * norm y) <= a * (B * B) by apply: Rmult_le_compat_l => //; apply: Rmult_le_compat; lra.
  have := le_abs (change x y); rewrite apply_form dot_sub_right => h.
  rewrite /similarity; have -> : dot x (apply A' y) / tau - dot x (apply A y) / tau = (dot x (apply A' y) - dot x (apply A y)) * / tau.
    by rewrite /Rdiv; ring.
  have inv := Rinv_0_lt_compat _ t; rewrite Rabs_mult (Rabs_right (/ tau)); last by lra.
  by rewrite /Rdiv; apply: Rmult_le_compat_r; [lra | apply: abs_le; nra].
Qed.

End Drift.

(** Both bounds are attained, on a line: tokens B and B + d, form rho and rho + a. *)
Theorem drift_attained (tau B rho a d : R) (tau_positive : 0 < tau) (reach : 0 <= B) (move : 0 <= d) (form : 0 <= rho) (change : 0 <= a) :
  let line c : vector [finType of 'I_1] := fun=> c in let times c : vector (prod_finType [finType of 'I_1] [finType of 'I_1]) := fun=> c in
  norm (line B) = B /\ norm (vsub (line (B + d)) (line B)) = d /\ form_at_most (times rho) rho /\
  form_at_most (vsub (times (rho + a)) (times rho)) a /\
  Rabs (similarity (times (rho + a)) tau (line (B + d)) (line (B + d)) - similarity (times rho) tau (line B) (line B)) =
  (a * (B + d) ^ 2 + rho * (2 * B + d) * d) / tau.
Proof.
  move=> line times.
  have one (f : 'I_1 -> R) : \sum_i f i = f ord0 by rewrite big_ord_recl big_ord0 Rplus_0_r.
  have length c : 0 <= c -> norm (line c) = c by move=> c0; apply: norm_is => //; rewrite /dot one.
  have bounded c : 0 <= c -> form_at_most (times c) c.
    move=> c0 u v; apply: Rle_trans (form_le _ _ _) _; right; congr (_ * _).
    by apply: norm_is => //; rewrite dot_matrix !one.
  have value c y : dot (line y) (apply (times c) (line y)) = c * y ^ 2 by rewrite /dot /apply !one /line /times; ring.
  split; first exact: length.
  split; first by have -> : vsub (line (B + d)) (line B) = line d by [apply: vector_eq => i; rewrite /vsub /line; ring]; exact: length.
  split; first exact: bounded.
  split; first by have -> : vsub (times (rho + a)) (times rho) = times a by [apply: vector_eq => i; rewrite /vsub /times; ring]; exact: bounded.
  rewrite /similarity !value.
  have -> : (rho + a) * (B + d) ^ 2 / tau - rho * B ^ 2 / tau = (a * (B + d) ^ 2 + rho * (2 * B + d) * d) / tau by field; lra.
  apply: Rabs_right; apply: Rle_ge; apply: Rmult_le_pos; last by have := Rinv_0_lt_compat _ tau_positive; lra.
  by have := pow2_ge_0 (B + d); have : 0 <= (2 * B + d) * d by [nra]; nra.
Qed.

Section Training.
Variables (I K J : finType) (b : I -> K) (tau B : R).
Hypothesis tau_positive : 0 < tau.
Implicit Types (A : vector (prod_finType J J)) (x : I -> vector J).

Definition similarities A x : I -> I -> R := fun i j => similarity A tau (x i) (x j).

Lemma budget_core A A' x x' (l a : R) : (forall i, norm (x i) <= B) -> 0 <= a -> form_at_most (vsub A' A) a ->
  gap_at_least (similarities A x) b l -> (forall i, x' i = x i) -> gap_at_least (similarities A' x') b (l - 2 * (B ^ 2 * a / tau)).
Proof.
  move=> bounded a0 change gap still; apply: gap_survives gap _ => i j _.
  exact: (form_drift tau_positive (bounded i) (bounded j) a0 change (conj (still i) (still j))).
Qed.

Lemma radius_core A A' x x' (l a : R) : (forall i, norm (x i) <= B) -> 0 < B -> 0 <= a -> form_at_most (vsub A' A) a ->
  gap_at_least (similarities A x) b l -> (forall i, x' i = x i) -> a < l * tau / (2 * B ^ 2) ->
  exists g, 0 < g /\ gap_at_least (similarities A' x') b g.
Proof.
  move=> bounded live a0 change gap still within.
  exists (l - 2 * (B ^ 2 * a / tau)); split; last exact: budget_core change gap still.
  have B2 : 0 < 2 * B ^ 2 by nra.
  have scaled := Rmult_lt_compat_l _ _ _ B2 within.
  have eq : 2 * B ^ 2 * (l * tau / (2 * B ^ 2)) = l * tau by field; lra.
  rewrite eq in scaled.
  have inv := Rinv_0_lt_compat _ tau_positive; have := Rmult_lt_compat_r _ _ _ inv scaled.
  have -> : l * tau * / tau = l by field; lra.
  rewrite /Rdiv; lra.
Qed.

Lemma path_of_steps (A : nat -> vector (prod_finType J J)) (s : R) n : 0 <= s ->
  (forall k, form_at_most (vsub (A k.+1) (A k)) s) -> form_at_most (vsub (A n) (A 0%N)) (INR n * s).
Proof.
  move=> s0 each; elim: n => [|n ih]; first by rewrite /= Rmult_0_l; exact: form_zero.
  by rewrite S_INR Rmult_plus_distr_r Rmult_1_l; exact: form_add ih (each n).
Qed.

End Training.

(** What is left of the linkage gap after the form has moved. *)
Theorem budget (I K J : finType) (b : I -> K) (A A' : vector (prod_finType J J)) (x x' : I -> vector J) (tau B l a : R) :
  0 < tau -> (forall i, norm (x i) <= B) -> 0 <= a -> form_at_most (vsub A' A) a ->
  forall (gap : gap_at_least (similarities tau A x) b l) (still : forall i, x' i = x i),
  gap_at_least (similarities tau A' x') b (l - 2 * (B ^ 2 * a / tau)).
Proof. by move=> t bounded a0 change gap still; exact: budget_core change gap still. Qed.

(** The partition stays while the form moves by less than l tau / (2 B^2): some cut goes on finding exactly its blocks. *)
Theorem radius (I K J : finType) (b : I -> K) (A A' : vector (prod_finType J J)) (x x' : I -> vector J) (tau B l a : R) :
  0 < tau -> (forall i, norm (x i) <= B) -> 0 <= a -> form_at_most (vsub A' A) a ->
  forall (gap : gap_at_least (similarities tau A x) b l) (still : forall i, x' i = x i) (within : a < l * tau / (2 * B ^ 2))
    (tokens_live : 0 < B),
  exists g, 0 < g /\ gap_at_least (similarities tau A' x') b g.
Proof. by move=> t bounded a0 change gap still within live; exact: radius_core change gap still within. Qed.

(** What is left of the linkage gap after n steps of training. *)
Theorem gap_after_steps (I K J : finType) (b : I -> K) (A : nat -> vector (prod_finType J J)) (x x' : I -> vector J)
    (tau B l eta G : R) (n : nat) :
  0 < tau -> (forall i, norm (x i) <= B) -> 0 <= eta -> 0 <= G ->
  forall (gap : gap_at_least (similarities tau (A 0%N) x) b l) (still : forall i, x' i = x i)
    (each_step : forall k, form_at_most (vsub (A k.+1) (A k)) (eta * G)),
  gap_at_least (similarities tau (A n) x') b (l - 2 * B ^ 2 * INR n * eta * G / tau).
Proof.
  move=> t bounded e0 g0 gap still each.
  have s0 : 0 <= eta * G by apply: Rmult_le_pos.
  have -> : l - 2 * B ^ 2 * INR n * eta * G / tau = l - 2 * (B ^ 2 * (INR n * (eta * G)) / tau) by field; lra.
  apply: budget_core (path_of_steps n s0 each) gap still => //.
  by apply: Rmult_le_pos => //; exact: pos_INR.
Qed.

(** The steps that a partition is certain to last. *)
Theorem certified_steps (I K J : finType) (b : I -> K) (A : nat -> vector (prod_finType J J)) (x x' : I -> vector J)
    (tau B l eta G : R) (n : nat) :
  0 < tau -> (forall i, norm (x i) <= B) -> 0 < eta ->
  forall (gap : gap_at_least (similarities tau (A 0%N) x) b l) (still : forall i, x' i = x i)
    (each_step : forall k, form_at_most (vsub (A k.+1) (A k)) (eta * G)) (within : INR n < l * tau / (2 * B ^ 2 * eta * G))
    (tokens_live : 0 < B) (steps_move : 0 < G),
  exists g, 0 < g /\ gap_at_least (similarities tau (A n) x') b g.
Proof.
  move=> t bounded e0 gap still each within live g0.
  have s0 : 0 < eta * G by apply: Rmult_lt_0_compat.
  apply: radius_core (path_of_steps n (Rlt_le _ _ s0) each) gap still _ => //.
    by apply: Rmult_le_pos; [exact: pos_INR | lra].
  have scaled := Rmult_lt_compat_r _ _ _ s0 within.
  have eq : l * tau / (2 * B ^ 2 * eta * G) * (eta * G) = l * tau / (2 * B ^ 2) by field; repeat split; lra.
  by rewrite -eq.
Qed.

(** How often a spent certificate can have to be renewed: path k is the length of the path of the form up to the k-th renewal. *)
Theorem renewals (path : nat -> R) (n : nat) (tau B l stretch length : R) : 0 < tau -> 0 < l -> path 0%N = 0 ->
  (forall k, (k < n)%N -> path k + stretch <= path k.+1) -> path n <= length ->
  forall (spent : l * tau / (2 * B ^ 2) <= stretch) (tokens_live : 0 < B),
  INR n <= 2 * B ^ 2 * length / (l * tau).
Proof.
  move=> t l0 start adds whole spent live.
  have B2 : 0 < 2 * B ^ 2 by nra.
  have lt : 0 < l * tau by apply: Rmult_lt_0_compat.
  have so_far k : (k <= n)%N -> INR k * (l * tau / (2 * B ^ 2)) <= path k.
    elim: k => [_|k ih lt_k]; first by rewrite /= start; lra.
    by rewrite S_INR; have := ih (ltnW lt_k); have := adds k lt_k; lra.
  have := so_far n (leqnn n) => h.
  apply: (Rmult_le_reg_r (l * tau)) => //.
  have -> : 2 * B ^ 2 * length / (l * tau) * (l * tau) = 2 * B ^ 2 * length by field; lra.
  have -> : INR n * (l * tau) = 2 * B ^ 2 * (INR n * (l * tau / (2 * B ^ 2))) by field; lra.
  by apply: Rmult_le_compat_l; lra.
Qed.

(** * Optimality *)

Definition differ (I K K' : finType) (b : I -> K) (b' : I -> K') := exists i j, (b i == b j) != (b' i == b' j).

(** A partition with at least as many blocks, and another one, separates two tokens of a block. *)
Lemma separates (I K K' : finType) (b : I -> K) (b' : I -> K') : (blocks b <= blocks b')%N -> differ b b' ->
  exists i j, b i = b j /\ b' i <> b' j.
Proof.
  move=> many [i0 [j0 other]].
  case: (pickP (fun p : I * I => (b p.1 == b p.2) && (b' p.1 != b' p.2))) => [[i j] /andP [/eqP same /eqP ne]|whole].
    by exists i, j.
  have coarser i j : b i = b j -> b' i = b' j.
    by move=> same; apply/eqP; have := whole (i, j); rewrite /= same eqxx /= => /negbFE.
  pose f k := if [pick x | b x == k] is Some x then b' x else b' i0.
  have fb i : f (b i) = b' i.
    by rewrite /f; case: pickP => [x /eqP|/(_ i)]; [exact: coarser | rewrite eqxx].
  have image : f @: (b @: [set: I]) = b' @: [set: I].
    by rewrite -imset_comp; apply: eq_imset => i /=; exact: fb.
  have equal : #|f @: (b @: [set: I])| == #|b @: [set: I]|.
    by rewrite eqn_leq leq_imset_card /= image.
  have injective := imset_injP equal.
  exfalso; move: other; case: (b i0 =P b j0) => [/coarser ->|ne]; first by rewrite eqxx.
  move=> /eqP; case: (b' i0 =P b' j0) => // same _; apply: ne; apply: injective; rewrite ?imset_f ?inE //.
  by rewrite !fb.
Qed.

(** Every other partition into as many blocks or more cuts something as strong as the weakest link. *)
Theorem unique_cut (I K K' : finType) (S : I -> I -> R) (b : I -> K) (b' : I -> K') (link : R) :
  linked_inside S b link ->
  forall (as_many : (blocks b <= blocks b')%N) (differs : differ b b'),
  exists i j, b' i <> b' j /\ link <= S i j.
Proof.
  move=> inside many other; have [i [j [same ne]]] := separates many other.
  by have [k [l [le ne']]] := linked_crosses (inside i j same) ne; exists k, l.
Qed.

(** Single linkage has the least greatest similarity across blocks: a bound on what another partition cuts bounds what it cuts. *)
Theorem single_linkage (I K K' : finType) (S : I -> I -> R) (b : I -> K) (b' : I -> K') (cross_other : R) :
  apart_at S b' cross_other ->
  forall (as_many : (blocks b <= blocks b')%N) (linkage : forall k l, b k <> b l -> linked_inside S b (S k l)),
  apart_at S b cross_other.
Proof.
  move=> apart many linkage k l ne.
  case: (pickP (fun p : I * I => (b p.1 == b p.2) != (b' p.1 == b' p.2))) => [[i j] other|same].
    have differs : differ b b' by exists i, j.
    have [m [n [ne' le]]] := unique_cut (linkage k l ne) many differs.
    by have := apart m n ne'; lra.
  apply: apart => /eqP eq; apply: ne; apply/eqP.
  by have := same (k, l); rewrite /= eq => /negbFE /eqP ->.
Qed.

(** Cutting a symmetric similarity at any level is such a partition. *)
Theorem cut_is_linkage (I : finType) (S : I -> I -> R) (level : R) (symmetric : forall i j, S i j = S j i) :
  let b := root (fun k l => at_least level (S k l)) in forall k l, b k <> b l -> linked_inside S b (S k l).
Proof.
  move=> b k l ne i j same; have [inside across] := components_link level symmetric.
  by apply: linked_lower (inside i j same); have := across k l ne; lra.
Qed.

(** At most one partition into k blocks has a positive linkage gap. *)
Theorem only_gap (I K K' : finType) (S : I -> I -> R) (b : I -> K) (b' : I -> K') (gap gap_other : R) :
  gap_at_least S b gap -> gap_at_least S b' gap_other ->
  forall (equal : blocks b' = blocks b) (differs : differ b b'),
  gap_other <= - gap.
Proof.
  move=> [c [apart inside]] [c' [apart' inside']] equal differs.
  have many : (blocks b <= blocks b')%N by rewrite equal.
  have many' : (blocks b' <= blocks b)%N by rewrite equal.
  have differs' : differ b' b by case: differs => i [j ne]; exists i, j; rewrite eq_sym.
  have [i [j [ne le]]] := unique_cut inside many differs.
  have [k [l [ne' le']]] := unique_cut inside' many' differs'.
  by have := apart' i j ne; have := apart k l ne'; lra.
Qed.

(** * Average linkage *)

Definition chain (i j : 'I_5) : R :=
  match (minn i j, maxn i j) with
  | (0, 1)%N | (2, 3)%N => 1
  | (1, 2)%N => 9 / 10
  | (3, 4)%N => 8 / 10
  | _ => 0
  end.
Definition average (I : finType) (S : I -> I -> R) (A B : {set I}) := (\sum_(i in A) \sum_(j in B) S i j) / (#A * #B).
Definition token (k : nat) : 'I_5 := inord k.

(** Of the three clusters {0, 1}, {2, 3}, {4} average linkage merges the last two, and then cuts 9/10; single linkage cuts 8/10. *)
Theorem average_linkage :
  let S := chain in let b_average := fun i : 'I_5 => (i < 2)%N in let b_single := fun i : 'I_5 => (i < 4)%N in
  let A := [set i : 'I_5 | (i < 2)%N] in let B := [set i : 'I_5 | (2 <= i < 4)%N] in let C := [set i : 'I_5 | (4 <= i)%N] in
  average S A B < average S B C /\ average S A C < average S B C /\
  (exists i j, b_average i <> b_average j /\ S i j = 9 / 10) /\ (forall i j, b_single i <> b_single j -> S i j <= 8 / 10).
Proof.
  have cards : #|[set i : 'I_5 | (i < 2)%N]| = 2%N /\ #|[set i : 'I_5 | (2 <= i < 4)%N]| = 2%N /\ #|[set i : 'I_5 | (4 <= i)%N]| = 1%N.
    by rewrite !cardsE !cardE /enum_mem -enumT /= !enum_ordSl !enum_ord0.
  case: cards => cA [cB cC].
  move=> S b_average b_single A B C; rewrite /average /A /B /C cA cB cC.
  rewrite !(big_mkcond (fun i : 'I_5 => i \in _)) /= !big_ord_recl !big_ord0 !inE /=.
  rewrite !(big_mkcond (fun i : 'I_5 => i \in _)) /= !big_ord_recl !big_ord0 !inE /=.
  rewrite /S /chain /minn /maxn /=; split; first lra; split; first lra; split.
    by exists (@Ordinal 5 1 isT), (@Ordinal 5 2 isT).
  move=> [[|[|[|[|[|i]]]]] hi] // [[|[|[|[|[|j]]]]] hj] //; rewrite /b_single /chain /minn /maxn /= => ne; try lra; by case: ne.
Qed.

(** * Refinement *)

Section Growth.
Variables (I : finType) (s : I -> R) (G H : {set I}).

(** A coarser block loses exactly the mass that it takes in. *)
Theorem refinement_exact (holds : G \subset H) :
  outside (softmax s) H = outside (softmax s) G - mass (softmax s) (H :\: G).
Proof.
  have -> : outside (softmax s) G = mass (softmax s) (H :\: G) + outside (softmax s) H; last by ring.
  rewrite /outside /mass (bigID (mem H)) /=; congr (_ + _); apply: eq_bigl => i; rewrite !inE //.
  by case hG: (i \in G) => //=; rewrite (subsetP holds _ hG).
Qed.

(** Outside mass falls when the block grows. *)
Theorem refinement (holds : G \subset H) : outside (softmax s) H <= outside (softmax s) G.
Proof.
  rewrite refinement_exact //.
  have : 0 <= mass (softmax s) (H :\: G) by apply: sum_ge0 => i _; have := softmax_pos s i; lra.
  lra.
Qed.

End Growth.

(** The margin of a row is exactly t. *)
Definition margin_is (I : finType) (s : I -> R) (G : {set I}) (t : R) := leads s G t /\ forall t', leads s G t' -> t' <= t.

Definition three (x y z : R) (i : 'I_3) : R := match val i with 0 => x | 1 => y | _ => z end%N.

(** The margin may fall when the block grows. *)
Theorem margin_falls : exists (I : finType) (s : I -> R) (G H : {set I}), G \subset H /\ margin_is s G 1 /\ margin_is s H (-1).
Proof.
  exists [finType of 'I_3], (three 2 1 0), [set i : 'I_3 | val i == 0%N], [set i : 'I_3 | val i != 1%N].
  split; first by apply/subsetP => i; rewrite !inE => /eqP ->.
  split; split.
  - by move=> [[|[|[|i]]] hi] [[|[|[|j]]] hj]; rewrite !inE /three //=; lra.
  - by move=> t' /(_ (@Ordinal 3 0 isT) (@Ordinal 3 1 isT)); rewrite !inE /three /= => /(_ isT isT); lra.
  - by move=> [[|[|[|i]]] hi] [[|[|[|j]]] hj]; rewrite !inE /three //=; lra.
  - by move=> t' /(_ (@Ordinal 3 2 isT) (@Ordinal 3 1 isT)); rewrite !inE /three /= => /(_ isT isT); lra.
Qed.

(** The margin may rise when the block grows. *)
Theorem margin_rises : exists (I : finType) (s : I -> R) (G H : {set I}), G \subset H /\ margin_is s G 5 /\ margin_is s H 6.
Proof.
  exists [finType of 'I_3], (three 10 5 (-1)), [set i : 'I_3 | val i == 0%N], [set i : 'I_3 | val i != 2%N].
  split; first by apply/subsetP => i; rewrite !inE => /eqP ->.
  split; split.
  - by move=> [[|[|[|i]]] hi] [[|[|[|j]]] hj]; rewrite !inE /three //=; lra.
  - by move=> t' /(_ (@Ordinal 3 0 isT) (@Ordinal 3 1 isT)); rewrite !inE /three /= => /(_ isT isT); lra.
  - by move=> [[|[|[|i]]] hi] [[|[|[|j]]] hj]; rewrite !inE /three //=; lra.
  - by move=> t' /(_ (@Ordinal 3 1 isT) (@Ordinal 3 2 isT)); rewrite !inE /three /= => /(_ isT isT); lra.
Qed.

(** Outside mass of every row after the scores have moved; a token counts as a pair with itself. *)
Theorem attention (I K : finType) (S S' : I -> I -> R) (b : I -> K) (i : I) (t eta : R) :
  let G := [set j | b j == b i] in
  forall (block : block G) (near : forall j k, Rabs (S' j k - S j k) <= eta)
    (margin : forall j k l m, b j = b k -> b l <> b m -> t <= S j k - S l m),
  outside (softmax (S' i)) G <= concentration.E (#I) (#G) (t - 2 * eta).
Proof.
  move=> G block near margin; apply: concentration.outside_mass => // j k; rewrite !inE => /eqP same /eqP ne.
  have := margin i j i k (esym same) (fun h => ne (esym h)).
  have := le_abs (near i j); have := le_abs (near i k); lra.
Qed.

(** Splits and merges come to an end: pot k is the potential after k accepted moves. *)
Theorem moves (pot : nat -> R) (n : nat) (gamma floor : R) : 0 < gamma -> floor <= pot n ->
  forall (decrease : forall k, (k < n)%N -> pot k.+1 <= pot k - gamma),
  INR n <= (pot 0%N - floor) / gamma.
Proof.
  move=> g0 low decrease.
  have so_far k : (k <= n)%N -> pot k <= pot 0%N - INR k * gamma.
    elim: k => [_|k ih lt]; first by rewrite /=; lra.
    by rewrite S_INR; have := ih (ltnW lt); have := decrease k lt; lra.
  have := so_far n (leqnn n) => h.
  apply: (Rmult_le_reg_r gamma) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.
