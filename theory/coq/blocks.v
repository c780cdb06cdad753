(** Blocks: with all cross-block groups zero, content scores cross a block only through the leak.

    Token coordinates carry a block label ([blk]); the own-block part of a token has norm at most B, its off-block part norm at most
    delta <= B. A is the bilinear form (W_Q' W_K for query/key), content scores are x' A y / tau, and the dial adds beta d on the keys of the
    query's block. Extinct: the off-block part of A, all entries whose row and column have different labels, is zero.

    Against the informal statement: a block's form is bounded by any number r with |x' A y| <= r |x| |y| on the block ([form_bound]): its
    spectral norm, or its Frobenius norm ([frobenius_form]); margins are hypotheses on pairs of keys ([leads]); every row has its own
    visible keys, a finite type. *)

From Coq Require Import Reals Lra Psatz FunctionalExtensionality.
From Flocq Require Import Core.Raux.
From Coquelicot Require Import Coquelicot.
From mathcomp Require Import all_ssreflect.
From Localist Require Import Sums Vectors Gradients concentration entropy dial threshold extinction.
From Localist Require Import Numbers.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

Local Notation norm := Vectors.norm.
Local Notation mean := Vectors.mean.

Section Forms.
Variables (X C : finType) (blk : X -> C).
Implicit Types (x y : vector X) (A : vector (prod_finType X X)) (c : C).

Definition own_part c x : vector X := part (in_block blk c) x.
Definition off_part c x : vector X := part (fun i => blk i != c) x.
(** Entries whose row and column belong to different blocks. *)
Definition off_block A : vector (prod_finType X X) := part (fun p => blk p.1 != blk p.2) A.
Definition form A x y := dot x (apply A y).
Definition form_bound A c (r : R) := forall x y, Rabs (form A (own_part c x) (own_part c y)) <= r * (norm (own_part c x) * norm (own_part c y)).

Lemma form_outer A x y : form A x y = dot A (outer x y).
Proof. by rewrite dot_apply. Qed.

(** The Frobenius norm of a block's form is such a number, and so is that of the whole matrix. *)
Lemma frobenius_form A c (r : R) : norm (matrix_group blk blk c c A) <= r -> form_bound A c r.
Proof.
  move=> h x y; rewrite form_outer /own_part -part_outer dot_part_right -/(matrix_group blk blk c c A) part_outer.
  apply: Rle_trans (dot_le_norms _ _) _; rewrite norm_outer; apply: Rmult_le_compat_r => //.
  by apply: Rmult_le_pos; exact: norm_ge0.
Qed.

Lemma whole_form A c (r : R) : norm A <= r -> form_bound A c r.
Proof. by move=> h; apply: frobenius_form; apply: Rle_trans (part_le _ _) h. Qed.

(** With every off-block group zero a form is the sum of the forms on the blocks. *)
Lemma form_blocks A x y : norm (off_block A) = 0 -> form A x y = \sum_c form A (own_part c x) (own_part c y).
Proof.
  move/part_eq0 => z; rewrite form_outer (sum_eq (g := fun c => dot A (outer (own_part c x) (own_part c y)))); last by move=> c _; exact: form_outer.
  rewrite /dot exchange_big; apply: sum_eq => p _.
  rewrite sum_scale.
  case: (eqVneq (blk p.1) (blk p.2)) => e; last by rewrite (z p e) !Rmult_0_l.
  congr (_ * _); rewrite (@sum_pick _ predT _ (blk p.1)) //= sum_zero.
    by rewrite /outer /own_part /part /in_block eqxx -e eqxx; ring.
  by move=> c; rewrite /outer /own_part /part /in_block eq_sym => /negbTE ->; ring.
Qed.

(** Cauchy-Schwarz over blocks. *)
Lemma blocks_sum (S : pred C) x y :
  \sum_(c | S c) norm (own_part c x) * norm (own_part c y) <= norm (part (fun i => S (blk i)) x) * norm (part (fun i => S (blk i)) y).
Proof.
  pose u : vector C := part S (fun c => norm (own_part c x)); pose v : vector C := part S (fun c => norm (own_part c y)).
  have -> : \sum_(c | S c) norm (own_part c x) * norm (own_part c y) = dot u v by rewrite dot_part_sum.
  apply: Rle_trans (dot_le _ _) _; right.
  have side z : norm (part S (fun c => norm (own_part c z)) : vector C) = norm (part (fun i => S (blk i)) z).
    by apply: norm_is; [exact: norm_ge0 | rewrite dot_part_sum; exact: parts_pythagoras].
  by rewrite /u /v !side.
Qed.

Lemma off_sum A c (r : R) x y : (forall d, d != c -> form_bound A d r) -> 0 <= r ->
  Rabs (\sum_(d | d != c) form A (own_part d x) (own_part d y)) <= r * (norm (off_part c x) * norm (off_part c y)).
Proof.
  move=> h r0; apply: Rle_trans (_ : \sum_(d | d != c) r * (norm (own_part d x) * norm (own_part d y)) <= _).
    apply: abs_le; last rewrite -sum_opp; apply: sum_le => d hd; have := le_abs (h d hd x y); lra.
  rewrite sum_scale; apply: Rmult_le_compat_l => //; exact: blocks_sum.
Qed.

End Forms.

(** * The leak *)

Section Leak.
Variables (X C : finType) (blk : X -> C).
Variables (A : vector (prod_finType X X)) (x y : vector X) (p q : C) (tau B delta : R).
Hypotheses (temperature : 0 < tau) (extinct : norm (off_block blk A) = 0).
Hypotheses (own_query : norm (own_part blk p x) <= B) (off_query : norm (off_part blk p x) <= delta).
Hypotheses (own_key : norm (own_part blk q y) <= B) (off_key : norm (off_part blk q y) <= delta).

Lemma leak_two (rho_own rho_other : R) : p != q -> 0 <= rho_own -> 0 <= rho_other ->
  form_bound blk A p rho_own -> (forall c, c != p -> form_bound blk A c rho_other) -> delta <= B -> rho_other * delta <= rho_own * B ->
  Rabs (form A x y) <= B * delta * (rho_own + rho_other).
Proof.
  move=> ne ro0 rr0 hp hc small balance; rewrite (form_blocks _ _ extinct) (@sum_pick _ predT _ p) //= (@sum_pick _ (fun c => c != p) _ q) /=; last by rewrite eq_sym.
  set fp := form _ _ _; set fq := form _ _ _; set rest := \sum_(i | _) _.
  pose S := fun c => (c != p) && (c != q).
  pose xr := norm (part (fun i => S (blk i)) x); pose yr := norm (part (fun i => S (blk i)) y).
  pose xq := norm (own_part blk q x); pose yp := norm (own_part blk p y).
  have xr0 : 0 <= xr by exact: norm_ge0.
  have yr0 : 0 <= yr by exact: norm_ge0.
  have xq0 : 0 <= xq by exact: norm_ge0.
  have yp0 : 0 <= yp by exact: norm_ge0.
  have d0 : 0 <= delta by apply: Rle_trans (norm_ge0 _) off_query.
  have B0 : 0 <= B by lra.
  have split_off (z : vector X) (a b : C) : a != b ->
      norm (own_part blk b z) * norm (own_part blk b z)
      + norm (part (fun i => (blk i != a) && (blk i != b)) z) * norm (part (fun i => (blk i != a) && (blk i != b)) z)
      = norm (off_part blk a z) * norm (off_part blk a z).
    move=> ab; rewrite !norm_square -sum_add; apply: sum_eq => i _; rewrite /own_part /off_part /part /in_block.
    case: (eqVneq (blk i) b) => [->|_]; first by rewrite eq_sym ab andbF; ring.
    by rewrite andbT; case: (blk i != a); ring.
  have sx : xq * xq + xr * xr <= delta * delta.
    rewrite /xq /xr (split_off x p q ne); apply: Rmult_le_compat => //; exact: norm_ge0.
  have sy : yp * yp + yr * yr <= delta * delta.
    have -> : yr = norm (part (fun i => (blk i != q) && (blk i != p)) y).
      by rewrite /yr /S; congr norm; apply: vector_eq => i; rewrite /part andbC.
    rewrite /yp (split_off y q p); last by rewrite eq_sym.
    by apply: Rmult_le_compat => //; exact: norm_ge0.
  have bp : Rabs fp <= rho_own * (B * yp).
    apply: Rle_trans (hp _ _) _; apply: Rmult_le_compat_l => //; apply: Rmult_le_compat_r => //; exact: norm_ge0.
  have bq : Rabs fq <= rho_other * (B * xq).
    apply: Rle_trans (hc q _ _ _) _; first by rewrite eq_sym.
    apply: Rmult_le_compat_l => //; rewrite Rmult_comm; apply: Rmult_le_compat_r => //; exact: norm_ge0.
  have br : Rabs rest <= rho_other * (xr * yr).
    rewrite /rest; apply: Rle_trans (_ : \sum_(c | S c) rho_other * (norm (own_part blk c x) * norm (own_part blk c y)) <= _).
      apply: abs_le; last rewrite -sum_opp; apply: sum_le => c /andP [c1 _]; have := le_abs (hc c c1 x y); lra.
    by rewrite sum_scale; apply: Rmult_le_compat_l => //; exact: blocks_sum.
  have xqd : xq <= delta by apply: square_le => //; nra.
  have ypd : yp <= delta by apply: square_le => //; nra.
  have mix : rho_other * (xr * yr) <= rho_other * ((2 * (delta * delta) - xq * xq - yp * yp) / 2).
    by apply: Rmult_le_compat_l => //; have := Rle_0_sqr (xr - yr); rewrite /Rsqr; lra.
  have k1 : 0 <= rho_other * ((delta - xq) * (B - (delta + xq) / 2)).
    by apply: Rmult_le_pos => //; apply: Rmult_le_pos; lra.
  have k2 : 0 <= (delta - yp) * (rho_own * B - rho_other * ((delta + yp) / 2)).
    apply: Rmult_le_pos; first lra.
    have : rho_other * ((delta + yp) / 2) <= rho_other * delta by apply: Rmult_le_compat_l; lra.
    lra.
  apply: Rle_trans (Rabs_triang _ _) _; have := Rabs_triang fq rest; lra.
Qed.

Lemma leak_own (rho : R) : p = q -> 0 <= rho -> (forall c, c != p -> form_bound blk A c rho) ->
  Rabs (form A x y - form A (own_part blk p x) (own_part blk p y)) <= rho * (delta * delta).
Proof.
  move=> e r0 h; rewrite (form_blocks _ _ extinct) (@sum_pick _ predT _ p) //=.
  have -> : form A (own_part blk p x) (own_part blk p y) + \sum_(i | i != p) form A (own_part blk i x) (own_part blk i y)
            - form A (own_part blk p x) (own_part blk p y) = \sum_(i | i != p) form A (own_part blk i x) (own_part blk i y) by ring.
  apply: Rle_trans (off_sum _ _ h r0) _; apply: Rmult_le_compat_l => //; have ok := off_key; rewrite -e in ok.
  by apply: Rmult_le_compat => //; exact: norm_ge0.
Qed.
End Leak.

(** Content across blocks, with a number for each block's form. *)
Theorem leak_per_block (X C : finType) (blk : X -> C) (A : vector (prod_finType X X)) (query key : vector X) (p q : C) (tau B delta rho_own rho_other : R)
    (temperature : 0 < tau) (across : p != q) (own_nonnegative : 0 <= rho_own) (other_nonnegative : 0 <= rho_other)
    (form_own : form_bound blk A p rho_own) (form_other : forall c, c != p -> form_bound blk A c rho_other)
    (own_query : norm (own_part blk p query) <= B) (off_query : norm (off_part blk p query) <= delta)
    (own_key : norm (own_part blk q key) <= B) (off_key : norm (off_part blk q key) <= delta)
    (extinct : norm (off_block blk A) = 0) (leak : delta <= B) (balance : rho_other * delta <= rho_own * B) :
  Rabs (form A query key / tau) <= B * delta * (rho_own + rho_other) / tau.
Proof.
  have ti : 0 < / tau by exact: Rinv_0_lt_compat.
  rewrite /Rdiv Rabs_mult (Rabs_right (/ tau)); last by apply: Rle_ge; exact: Rlt_le.
  by apply: Rmult_le_compat_r; [lra | exact: (leak_two extinct own_query off_query own_key off_key)].
Qed.

Theorem leak (X C : finType) (blk : X -> C) (A : vector (prod_finType X X)) (query key : vector X) (p q : C) (tau B delta rho_A : R)
    (temperature : 0 < tau) (across : p != q) (nonnegative : 0 <= rho_A) (forms : forall c, form_bound blk A c rho_A)
    (own_query : norm (own_part blk p query) <= B) (off_query : norm (off_part blk p query) <= delta)
    (own_key : norm (own_part blk q key) <= B) (off_key : norm (off_part blk q key) <= delta)
    (extinct : norm (off_block blk A) = 0) (leak : delta <= B) :
  Rabs (form A query key / tau) <= 2 * B * delta * rho_A / tau.
Proof.
  have -> : 2 * B * delta * rho_A / tau = B * delta * (rho_A + rho_A) / tau by field; lra.
  apply: (leak_per_block temperature across nonnegative nonnegative (forms p) (fun c _ => forms c) own_query off_query own_key off_key extinct leak).
  exact: Rmult_le_compat_l.
Qed.

(** What the leak does to a score inside a block. *)
Theorem leak_in_block (X C : finType) (blk : X -> C) (A : vector (prod_finType X X)) (query key : vector X) (p : C) (tau delta rho_A : R)
    (temperature : 0 < tau) (nonnegative : 0 <= rho_A) (forms : forall c, c != p -> form_bound blk A c rho_A)
    (off_query : norm (off_part blk p query) <= delta) (off_key : norm (off_part blk p key) <= delta)
    (extinct : norm (off_block blk A) = 0) :
  Rabs (form A query key / tau - form A (own_part blk p query) (own_part blk p key) / tau) <= delta ^ 2 * rho_A / tau.
Proof.
  have ti : 0 < / tau by exact: Rinv_0_lt_compat.
  have -> : form A query key / tau - form A (own_part blk p query) (own_part blk p key) / tau
            = (form A query key - form A (own_part blk p query) (own_part blk p key)) * / tau by rewrite /Rdiv; ring.
  rewrite Rabs_mult (Rabs_right (/ tau)); last by apply: Rle_ge; exact: Rlt_le.
  have -> : delta ^ 2 * rho_A / tau = rho_A * (delta * delta) * / tau by rewrite /Rdiv; ring.
  by apply: Rmult_le_compat_r; [lra | exact: (leak_own extinct off_query off_key erefl nonnegative forms)].
Qed.

(** * The margin of a row *)

(** A row: a query of block p, keys with their blocks; the block of the row is the set of keys of block p. *)
Section Row.
Variables (X C I : finType) (blk : X -> C).
Implicit Types (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X)).
Definition content A (tau : R) query key (j : I) := form A query (key j) / tau.
Definition row_block label (p : C) : {set I} := [set j | label j == p].
(** Tokens of a row: own parts at most B, off-block parts at most delta. *)
Definition tokens_within query key label (p : C) (B delta : R) :=
  [/\ norm (own_part blk p query) <= B, norm (off_part blk p query) <= delta, forall j, norm (own_part blk (label j) (key j)) <= B &
      forall j, norm (off_part blk (label j) (key j)) <= delta].

Theorem margin query key label A (p : C) (tau B delta rho_A t_in : R) (temperature : 0 < tau) (nonnegative : 0 <= rho_A)
    (forms : forall c, form_bound blk A c rho_A) (tokens : tokens_within query key label p B delta)
    (own_scores : forall j, label j == p -> t_in <= form A (own_part blk p query) (own_part blk p (key j)) / tau)
    (extinct : norm (off_block blk A) = 0) (leak : delta <= B) :
  leads (content A tau query key) (row_block label p) (t_in - (2 * B * delta + delta ^ 2) * rho_A / tau).
Proof.
  move: tokens => [oq fq ok fk] i j; rewrite !inE => hi hj; have own := own_scores i hi; move/eqP: hi => hi.
  have fki := fk i; rewrite hi in fki.
  have [_ move_i] := le_abs (leak_in_block temperature nonnegative (fun c _ => forms c) fq fki extinct).
  have ne : p != label j by rewrite eq_sym.
  have [up _] := le_abs (blocks.leak temperature ne nonnegative forms oq fq (ok j) (fk j) extinct leak).
  rewrite /content; have -> : (2 * B * delta + delta ^ 2) * rho_A / tau = 2 * B * delta * rho_A / tau + delta ^ 2 * rho_A / tau by field; lra.
  lra.
Qed.
End Row.

Definition on_dial (X C I : finType) (blk : X -> C) (A : vector (prod_finType X X)) (tau x : R) (query : vector X) (key : I -> vector X) (label : I -> C) (p : C) :
  I -> R := dialled (content A tau query key) (row_block label p) x.

Lemma leads_dialled (I : finType) (c : I -> R) (G : {set I}) (x t : R) : leads c G t -> leads (dialled c G x) G (x + t).
Proof. by move=> h i j hi hj; rewrite /dialled hi (negbTE hj); have := h i j hi hj; lra. Qed.

(** On the dial, with a number for each block's form. *)
Theorem margin_per_block (X C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X)) (p : C)
    (tau beta dial B delta rho_own rho_other : R) (temperature : 0 < tau) (own_nonnegative : 0 <= rho_own) (other_nonnegative : 0 <= rho_other)
    (form_own : form_bound blk A p rho_own) (form_other : forall c, c != p -> form_bound blk A c rho_other)
    (tokens : tokens_within blk query key label p B delta)
    (extinct : norm (off_block blk A) = 0) (leak : delta <= B) (balance : rho_other * delta <= rho_own * B) :
  leads (on_dial blk A tau (beta * dial) query key label p) (row_block label p) (beta * dial - (B + delta) * (rho_own * B + rho_other * delta) / tau).
Proof.
  apply: leads_dialled => i j; rewrite !inE => hi hj; move/eqP: hi => hi; have [oq fq ok fk] := tokens.
  have oki := ok i; have fki := fk i; rewrite hi in oki fki.
  have [_ move_i] := le_abs (leak_in_block temperature other_nonnegative form_other fq fki extinct).
  have ne : p != label j by rewrite eq_sym.
  have [up _] := le_abs (leak_per_block temperature ne own_nonnegative other_nonnegative form_own form_other oq fq (ok j) (fk j) extinct leak balance).
  have ti : 0 < / tau by exact: Rinv_0_lt_compat.
  have own : - (rho_own * (B * B)) / tau <= form A (own_part blk p query) (own_part blk p (key i)) / tau.
    apply: Rmult_le_compat_r; first lra.
    have [_ h] := le_abs (form_own query (key i)).
    have : rho_own * (norm (own_part blk p query) * norm (own_part blk p (key i))) <= rho_own * (B * B).
      by apply: Rmult_le_compat_l => //; apply: Rmult_le_compat => //; exact: norm_ge0.
    lra.
  rewrite /content.
  have -> : - ((B + delta) * (rho_own * B + rho_other * delta) / tau)
            = - (rho_own * (B * B)) / tau - delta ^ 2 * rho_other / tau - B * delta * (rho_own + rho_other) / tau by field; lra.
  lra.
Qed.

Theorem margin_bilinear (X C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X)) (p : C)
    (tau beta dial B delta rho_A : R) (temperature : 0 < tau) (nonnegative : 0 <= rho_A) (forms : forall c, form_bound blk A c rho_A)
    (tokens : tokens_within blk query key label p B delta)
    (extinct : norm (off_block blk A) = 0) (leak : delta <= B) :
  leads (on_dial blk A tau (beta * dial) query key label p) (row_block label p) (beta * dial - rho_A * (B + delta) ^ 2 / tau).
Proof.
  have -> : beta * dial - rho_A * (B + delta) ^ 2 / tau = beta * dial - (B + delta) * (rho_A * B + rho_A * delta) / tau by field; lra.
  by apply: (@margin_per_block _ _ _ blk query key label A p tau beta dial B delta rho_A rho_A) => //; exact: Rmult_le_compat_l.
Qed.

(** * Query and key matrices *)

Section QueryKeyForms.
Variables (H X C : finType) (head : H -> C) (blk : X -> C).
Implicit Types (W : vector (prod_finType H X)) (x z : vector X).
(** Entries of a query or key matrix whose head coordinate and token coordinate belong to different blocks: the groups (b, c), b != c. *)
Definition off_head W : vector (prod_finType H X) := part (fun p => head p.1 != blk p.2) W.

(** The off-block part of W_Q' W_K comes from off-block groups (b, c). *)
Theorem product W_Q W_K (rho_Q rho_K : R) (ball_Q : norm W_Q <= rho_Q) (ball_K : norm W_K <= rho_K) :
  norm (off_block blk (Vectors.product W_Q W_K)) <= norm (off_head W_Q) * rho_K + rho_Q * norm (off_head W_K).
Proof.
  pose Q_d := part (fun p => ~~ (head p.1 != blk p.2)) W_Q; pose K_d := part (fun p => ~~ (head p.1 != blk p.2)) W_K.
  have -> : off_block blk (Vectors.product W_Q W_K)
            = off_block blk (vadd (Vectors.product (off_head W_Q) W_K) (Vectors.product Q_d (off_head W_K))).
    apply: vector_eq => -[i j]; rewrite /off_block /part /=; case: ifP => // ne.
    rewrite /vadd /Vectors.product /= -sum_add; apply: sum_eq => h _; rewrite /off_head /Q_d /part /=.
    case: (eqVneq (head h) (blk i)) => [e|_] /=; last by case: (head h != blk j); ring.
    by rewrite e ne; ring.
  apply: Rle_trans (part_le _ _) _; apply: Rle_trans (norm_vadd _ _) _; apply: Rplus_le_compat.
    apply: Rle_trans (norm_product _ _) _; apply: Rmult_le_compat_l => //; exact: norm_ge0.
  apply: Rle_trans (norm_product _ _) _; apply: Rmult_le_compat; [exact: norm_ge0 | exact: norm_ge0 | | lra].
  by apply: Rle_trans (part_le _ _) ball_Q.
Qed.

(** A block-diagonal matrix lengthens a vector by at most its Frobenius norm times the longest block part. *)
Lemma block_diagonal W z (M : R) : norm (off_head W) = 0 -> 0 <= M -> (forall c, norm (own_part blk c z) <= M) -> norm (apply W z) <= norm W * M.
Proof.
  move/part_eq0 => zero M0 parts; apply: square_le; first by apply: Rmult_le_pos => //; exact: norm_ge0.
  have -> : norm W * M * (norm W * M) = (norm W * norm W) * (M * M) by ring.
  rewrite !norm_square dot_matrix -sum_scale_right; apply: sum_le => h _.
  have -> : apply W z h = dot (fun i => W (h, i)) (own_part blk (head h) z).
    apply: sum_eq => i _; rewrite /own_part /part /in_block; case: eqP => // e.
    by rewrite (zero (h, i)) /=; [ring | rewrite eq_sym; apply/eqP].
  apply: Rle_trans (dot_square_le _ _) _; apply: Rmult_le_compat_l; first exact: dot_self_ge0.
  rewrite -norm_square; apply: Rmult_le_compat; try exact: norm_ge0; exact: parts.
Qed.
End QueryKeyForms.

Theorem margin_qk (H X C I : finType) (head : H -> C) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C)
    (W_Q W_K : vector (prod_finType H X)) (p : C) (tau beta dial B delta rho_Q rho_K : R)
    (temperature : 0 < tau) (ball_Q : norm W_Q <= rho_Q) (ball_K : norm W_K <= rho_K)
    (tokens : tokens_within blk query key label p B delta)
    (extinct_Q : norm (off_head head blk W_Q) = 0) (extinct_K : norm (off_head head blk W_K) = 0) (leak : delta <= B) :
  leads (on_dial blk (Vectors.product W_Q W_K) tau (beta * dial) query key label p) (row_block label p)
    (beta * dial - rho_Q * rho_K * (B + delta) ^ 2 / tau).
Proof.
  have q0 : 0 <= rho_Q by apply: Rle_trans (norm_ge0 _) ball_Q.
  have k0 : 0 <= rho_K by apply: Rle_trans (norm_ge0 _) ball_K.
  apply: margin_bilinear => // [|c|]; first exact: Rmult_le_pos.
    apply: whole_form; apply: Rle_trans (norm_product _ _) _.
    by apply: Rmult_le_compat => //; exact: norm_ge0.
  have := product head blk ball_Q ball_K; rewrite extinct_Q extinct_K.
  by have := norm_ge0 (off_block blk (Vectors.product W_Q W_K)); lra.
Qed.

(** * Whole matrices in balls: sharper, because a row compares two keys of one query *)

Section Whole.
Variables (X C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (p : C) (B delta : R).
Hypotheses (tokens : tokens_within blk query key label p B delta) (small : delta <= B).

Lemma other_part (c d : C) (z : vector X) : c != d -> norm (own_part blk c z) <= norm (off_part blk d z).
Proof.
  move=> ne; apply: square_le; first exact: norm_ge0.
  rewrite !norm_square; apply: sum_le => i _; rewrite /own_part /off_part /part /in_block.
  by case: (eqVneq (blk i) c) => [->|_] /=; [rewrite ne; lra | case: (blk i != d); nra].
Qed.

Lemma gap_parts i j c : label i == p -> label j != p -> norm (own_part blk c (vsub (key i) (key j))) <= B + delta.
Proof.
  move=> /eqP hi hj; have [oq fq ok fk] := tokens; have oki := ok i; have fki := fk i; rewrite hi in oki fki.
  rewrite /own_part part_vsub -/(own_part blk c (key i)) -/(own_part blk c (key j)); apply: Rle_trans (norm_vsub _ _) _.
  case: (eqVneq c p) => [->|ne].
    by have := @other_part p (label j) (key j) ltac:(by rewrite eq_sym); have := fk j; lra.
  have a := @other_part c p (key i) ne.
  have b : norm (own_part blk c (key j)) <= B.
    case: (eqVneq c (label j)) => [->|nj]; first exact: ok.
    by have := @other_part c (label j) (key j) nj; have := fk j; lra.
  lra.
Qed.

Lemma query_parts c : norm (own_part blk c query) <= B.
Proof.
  have [oq fq _ _] := tokens; case: (eqVneq c p) => [->|ne] //.
  by have := @other_part c p query ne; lra.
Qed.

Lemma query_whole : norm query <= sqrt (B ^ 2 + delta ^ 2).
Proof.
  have [oq fq _ _] := tokens; rewrite -(sqrt_square (norm query)); last exact: norm_ge0.
  apply: sqrt_le_1_alt; rewrite -(part_pythagoras (in_block blk p)) /= !Rmult_1_r.
  by apply: Rplus_le_compat; apply: Rmult_le_compat => //; exact: norm_ge0.
Qed.
End Whole.

Theorem margin_ball (X C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X)) (p : C)
    (tau beta dial B delta rho_A : R) (temperature : 0 < tau) (ball : norm A <= rho_A)
    (tokens : tokens_within blk query key label p B delta)
    (extinct : norm (off_block blk A) = 0) (leak : delta <= B) :
  leads (on_dial blk A tau (beta * dial) query key label p) (row_block label p)
    (beta * dial - rho_A * (B + delta) * sqrt (B ^ 2 + delta ^ 2) / tau).
Proof.
  apply: leads_dialled => i j; rewrite !inE => hi hj; rewrite /content.
  have ti : 0 < / tau by exact: Rinv_0_lt_compat.
  have r0 : 0 <= rho_A by apply: Rle_trans (norm_ge0 _) ball.
  have gap := gap_parts tokens leak.
  have M0 : 0 <= B + delta by apply: Rle_trans (norm_ge0 _) (gap i j p hi hj).
  have -> : form A query (key i) / tau - form A query (key j) / tau = dot query (apply A (vsub (key i) (key j))) / tau.
    by rewrite /form apply_vsub dot_sub_right /Rdiv; ring.
  have -> : - (rho_A * (B + delta) * sqrt (B ^ 2 + delta ^ 2) / tau) = - (sqrt (B ^ 2 + delta ^ 2) * (rho_A * (B + delta))) / tau by field; lra.
  apply: Rmult_le_compat_r; first lra.
  apply: Rle_trans (dot_ge _ _); apply: Ropp_le_contravar; apply: Rmult_le_compat; try exact: norm_ge0.
    exact: (query_whole tokens).
  apply: Rle_trans (block_diagonal (head := blk) extinct M0 (fun c => gap i j c hi hj)) _.
  exact: Rmult_le_compat_r.
Qed.

Theorem margin_balls (H X C I : finType) (head : H -> C) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C)
    (W_Q W_K : vector (prod_finType H X)) (p : C) (tau beta dial B delta rho_Q rho_K : R)
    (temperature : 0 < tau) (ball_Q : norm W_Q <= rho_Q) (ball_K : norm W_K <= rho_K)
    (tokens : tokens_within blk query key label p B delta)
    (extinct_Q : norm (off_head head blk W_Q) = 0) (extinct_K : norm (off_head head blk W_K) = 0) (leak : delta <= B) :
  leads (on_dial blk (Vectors.product W_Q W_K) tau (beta * dial) query key label p) (row_block label p)
    (beta * dial - rho_Q * rho_K * B * (B + delta) / tau).
Proof.
  apply: leads_dialled => i j; rewrite !inE => hi hj; rewrite /content.
  have ti : 0 < / tau by exact: Rinv_0_lt_compat.
  have q0 : 0 <= rho_Q by apply: Rle_trans (norm_ge0 _) ball_Q.
  have k0 : 0 <= rho_K by apply: Rle_trans (norm_ge0 _) ball_K.
  have gap := gap_parts tokens leak.
  have M0 : 0 <= B + delta by apply: Rle_trans (norm_ge0 _) (gap i j p hi hj).
  have B0 : 0 <= B by have [oq _ _ _] := tokens; apply: Rle_trans (norm_ge0 _) oq.
  have -> : form (Vectors.product W_Q W_K) query (key i) / tau - form (Vectors.product W_Q W_K) query (key j) / tau
            = dot (apply W_Q query) (apply W_K (vsub (key i) (key j))) / tau.
    by rewrite /form !dot_product apply_vsub dot_sub_right /Rdiv; ring.
  have -> : - (rho_Q * rho_K * B * (B + delta) / tau) = - ((rho_Q * B) * (rho_K * (B + delta))) / tau by field; lra.
  apply: Rmult_le_compat_r; first lra.
  apply: Rle_trans (dot_ge _ _); apply: Ropp_le_contravar; apply: Rmult_le_compat; try exact: norm_ge0.
    apply: Rle_trans (block_diagonal extinct_Q B0 (query_parts tokens leak)) _; exact: Rmult_le_compat_r.
  apply: Rle_trans (block_diagonal extinct_K M0 (fun c => gap i j c hi hj)) _; exact: Rmult_le_compat_r.
Qed.

(** * Exact structure: no leak *)

Theorem structure (X C : finType) (blk : X -> C) (A : vector (prod_finType X X)) (query key : vector X) (p q : C) (tau : R) (temperature : 0 < tau)
    (across : p != q) (extinct : norm (off_block blk A) = 0)
    (no_leak : norm (off_part blk p query) = 0 /\ norm (off_part blk q key) = 0) :
  form A query key / tau = 0.
Proof.
  have [no_leak_query no_leak_key] := no_leak.
  rewrite (form_blocks _ _ extinct) sum_zero; first by rewrite /Rdiv Rmult_0_l.
  move=> c _; rewrite /form; case: (eqVneq c p) => [->|ne].
    have -> : own_part blk p key = vzero by apply: norm_zero_eq; have := other_part blk key across; have := norm_ge0 (own_part blk p key); lra.
    have -> : apply A vzero = vzero by apply: vector_eq => i; apply: sum_zero => j _; rewrite /vzero; ring.
    exact: dot_zero_right.
  have -> : own_part blk c query = vzero by apply: norm_zero_eq; have := other_part blk query ne; have := norm_ge0 (own_part blk c query); lra.
  exact: dot_zero_left.
Qed.

(** Column groups are not enough: W_Q = [1 0], W_K = [0 1], tokens (5, 0) and (0, 5) of different blocks: score 25. *)
Theorem column_groups :
  let W_Q : vector (prod_finType unit_finType bool_finType) := fun p => if p.2 then 0 else 1 in
  let W_K : vector (prod_finType unit_finType bool_finType) := fun p => if p.2 then 1 else 0 in
  [/\ forall h, W_Q (h, true) = 0, forall h, W_K (h, false) = 0 &
      form (Vectors.product W_Q W_K) (one_number false 5) (one_number true 5) = 25].
Proof.
  move=> W_Q W_K; split=> //; rewrite /form dot_product /dot (big_pred1 (tt : unit_finType)) => [|[]] //.
  by rewrite /apply !big_bool /= /W_Q /W_K /one_number /=; ring.
Qed.

(** Outside mass counts the outside keys and does not look at them. *)
Theorem outside_weight (X C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X)) (p : C)
    (tau x : R) (temperature : 0 < tau) (block : block (row_block label p)) (extinct : norm (off_block blk A) = 0)
    (no_leak : norm (off_part blk p query) = 0 /\ forall j, norm (off_part blk (label j) (key j)) = 0) :
  let s := on_dial blk A tau x query key label p in let G := row_block label p in
  outside (softmax s) G = (#I - #G) / (weight s G + #I - #G).
Proof.
  move: no_leak => [no_leak_query no_leak_key] s G; have w : weight s (~: G) = #I - #G.
    rewrite -card_compl -[RHS]Rmult_1_r -sum_const; apply: sum_eq => j; rewrite inE => hj.
    rewrite /s /on_dial /dialled (negbTE hj) /content (@structure _ _ blk A query (key j) p (label j)) //; first exact: exp_0.
    by move: hj; rewrite inE eq_sym.
  rewrite outside_softmax (total_split s G) w; congr (_ / _); ring.
Qed.

(** Tokens outside the block do not influence the weights of a row. *)
Theorem non_interference (X C I : finType) (blk : X -> C) (query : vector X) (key key' : I -> vector X) (label label' : I -> C)
    (A : vector (prod_finType X X)) (p : C) (tau x : R) (temperature : 0 < tau)
    (same_block : forall j, (label' j == p) = (label j == p)) (same_inside : forall j, label j == p -> key' j = key j)
    (extinct : norm (off_block blk A) = 0)
    (no_leak : [/\ norm (off_part blk p query) = 0, forall j, norm (off_part blk (label j) (key j)) = 0 &
      forall j, norm (off_part blk (label' j) (key' j)) = 0]) (j : I) :
  softmax (on_dial blk A tau x query key' label' p) j = softmax (on_dial blk A tau x query key label p) j.
Proof.
  move: no_leak => [no_leak_query no_leak_key no_leak_replaced].
  have -> : on_dial blk A tau x query key' label' p = on_dial blk A tau x query key label p => //.
  apply: functional_extensionality => k; rewrite /on_dial /dialled !inE same_block /content; case: ifP => h; first by rewrite same_inside.
  rewrite (@structure _ _ blk A query (key k) p (label k)) //; last by rewrite eq_sym h.
  by apply: (@structure _ _ blk A query (key' k) p (label' k)) => //; rewrite eq_sym same_block h.
Qed.

(** Outside tokens reach a row's output only through their values and the outside mass. *)
Theorem value_shift (I V : finType) (G : {set I}) (a a' : I -> R) (value value' : I -> vector V) (change : R) (law : distribution a)
    (unmoved : forall j, a' j = a j) (same_inside : forall j, j \in G -> value' j = value j)
    (changed : forall j, j \notin G -> norm (vsub (value' j) (value j)) <= change) :
  norm (vsub (vmean a' value') (vmean a value)) <= outside a G * change.
Proof.
  have -> : a' = a by apply: functional_extensionality.
  rewrite -vmean_vsub; apply: Rle_trans (norm_vmean law _) _.
  rewrite /mean (sum_split G) sum_zero => [|j hj].
    rewrite Rplus_0_l /outside -sum_scale_right; apply: sum_le => j; rewrite inE => hj.
    by apply: Rmult_le_compat_l; [exact: (proj1 law) | exact: changed].
  rewrite same_inside // (_ : vsub _ _ = vzero) ?norm_vzero; first ring.
  by apply: vector_eq => i; rewrite /vsub /vzero; ring.
Qed.

(** * Without a dial *)

(** One in-block key of score -1, three outside of score 0: outside mass 3e/(1 + 3e) = 0.89 > 3/4. *)
Theorem negative_margin : 3 / 4 < E 4 1 (- (1)).
Proof. by rewrite /E Ropp_involutive; enclose. Qed.

(** A uniform row of four keys meets margin -1, and its entropy ln 4 is above the ceiling there. *)
Theorem entropy_vacuous : Hstar 4 1 (- (1)) < ln 4.
Proof. by rewrite /Hstar /Z Ropp_involutive; enclose. Qed.

(** * The guarantee of a configuration (N4) *)

Theorem guarantee_outside_mass (X C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X))
    (p : C) (tau beta dial B delta rho_A : R) (temperature : 0 < tau) (nonnegative : 0 <= rho_A) (forms : forall c, form_bound blk A c rho_A)
    (tokens : tokens_within blk query key label p B delta)
    (block : block (row_block label p)) (extinct : norm (off_block blk A) = 0) (leak : delta <= B) :
  outside (softmax (on_dial blk A tau (beta * dial) query key label p)) (row_block label p)
  <= E (#I) (#(row_block label p)) (beta * dial - rho_A * (B + delta) ^ 2 / tau).
Proof. by apply: outside_mass => //; exact: margin_bilinear. Qed.

Theorem guarantee_entropy (X C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X))
    (p : C) (tau beta dial B delta rho_A : R) (temperature : 0 < tau) (nonnegative : 0 <= rho_A) (forms : forall c, form_bound blk A c rho_A)
    (tokens : tokens_within blk query key label p B delta)
    (block : block (row_block label p)) (extinct : norm (off_block blk A) = 0) (leak : delta <= B)
    (dial_beats_content : rho_A * (B + delta) ^ 2 / tau <= beta * dial) :
  Sums.entropy (softmax (on_dial blk A tau (beta * dial) query key label p))
  <= Hstar (#I) (#(row_block label p)) (beta * dial - rho_A * (B + delta) ^ 2 / tau).
Proof. by apply: ceiling => //; [exact: margin_bilinear | lra]. Qed.

Theorem guarantee_output (X V C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X))
    (value : I -> vector V) (p : C) (tau beta dial B delta rho_A D_x : R) (temperature : 0 < tau) (nonnegative : 0 <= rho_A)
    (forms : forall c, form_bound blk A c rho_A) (tokens : tokens_within blk query key label p B delta)
    (apart : values_apart value (row_block label p) D_x)
    (block : block (row_block label p)) (extinct : norm (off_block blk A) = 0) (leak : delta <= B) :
  let row := on_dial blk A tau (beta * dial) query key label p in
  norm (vsub (output row value) (output_given row (row_block label p) value))
  <= E (#I) (#(row_block label p)) (beta * dial - rho_A * (B + delta) ^ 2 / tau) * D_x.
Proof.
  move=> row; apply: Rle_trans (cost_bound (content A tau query key) beta dial block apart) _.
  have [i hi] := block_in block; have [k hk] := block_out block; rewrite inE in hk.
  have D0 : 0 <= D_x by apply: Rle_trans (norm_ge0 _) (apart i k hi hk).
  rewrite Rmult_comm; apply: Rmult_le_compat_r => //; exact: (guarantee_outside_mass beta dial temperature nonnegative forms tokens block extinct leak).
Qed.

(** Captured scores: every score within a rounding error of the exact one. *)
Theorem guarantee_captured (X C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X))
    (captured : I -> R) (p : C) (tau beta dial B delta rho_A rounding : R) (temperature : 0 < tau) (nonnegative : 0 <= rho_A)
    (forms : forall c, form_bound blk A c rho_A) (tokens : tokens_within blk query key label p B delta)
    (close : forall j, Rabs (captured j - on_dial blk A tau (beta * dial) query key label p j) <= rounding)
    (extinct : norm (off_block blk A) = 0) (leak : delta <= B) :
  leads captured (row_block label p) (beta * dial - rho_A * (B + delta) ^ 2 / tau - 2 * rounding).
Proof.
  move=> i j hi hj; have h := margin_bilinear beta dial temperature nonnegative forms tokens extinct leak hi hj.
  have := le_abs (close i); have := le_abs (close j); lra.
Qed.

Theorem captured_outside_mass (X C I : finType) (blk : X -> C) (query : vector X) (key : I -> vector X) (label : I -> C) (A : vector (prod_finType X X))
    (captured : I -> R) (p : C) (tau beta dial B delta rho_A rounding : R) (temperature : 0 < tau) (nonnegative : 0 <= rho_A)
    (forms : forall c, form_bound blk A c rho_A) (tokens : tokens_within blk query key label p B delta)
    (close : forall j, Rabs (captured j - on_dial blk A tau (beta * dial) query key label p j) <= rounding)
    (block : block (row_block label p)) (extinct : norm (off_block blk A) = 0) (leak : delta <= B) :
  outside (softmax captured) (row_block label p)
  <= E (#I) (#(row_block label p)) (beta * dial - rho_A * (B + delta) ^ 2 / tau - 2 * rounding).
Proof. by apply: outside_mass => //; exact: (guarantee_captured temperature nonnegative forms tokens close extinct leak). Qed.

(** Groups of a bilinear form: the pair of labels of row and column. *)
Definition pair_of (X C : finType) (blk : X -> C) (p : prod_finType X X) : prod_finType C C := (blk p.1, blk p.2).

Lemma group_pair (X C : finType) (blk : X -> C) (c d : C) (A : vector (prod_finType X X)) : group (pair_of blk) (c, d) A = matrix_group blk blk c d A.
Proof. by apply: vector_eq => p; rewrite /group /matrix_group /part /pair_of xpair_eqE. Qed.

Lemma off_block_extinct (X C : finType) (blk : X -> C) (A : vector (prod_finType X X)) :
  (forall c d, c != d -> norm (group (pair_of blk) (c, d) A) = 0) -> norm (off_block blk A) = 0.
Proof.
  move=> h; apply/part_eq0 => p ne; have := proj2 (part_eq0 _ _) (h _ _ ne) p; apply; exact: eqxx.
Qed.

(** A layer of bilinear attention with dial: every query has its own keys (any mask), its block, and its own loss. *)
Section Layer.
Variables (Q X V C : finType) (K : Q -> finType) (blk : X -> C) (tau beta dial : R).
Variables (query : Q -> vector X) (query_block : Q -> C) (key : forall i, K i -> vector X) (key_block : forall i, K i -> C).
Variables (value : forall i, K i -> vector V) (loss : Q -> vector V -> R).
Definition dial_bias i (j : K i) : R := if key_block j == query_block i then beta * dial else 0.
Definition trained_loss : vector (prod_finType X X) -> R :=
  layer_loss loss (form_feature tau (fun i _ => query i) key) dial_bias value.
Definition trained_output (A : vector (prod_finType X X)) (i : Q) : vector V :=
  attention_output (form_feature tau (fun i _ => query i) key) dial_bias value A i.
Definition trained_row (A : vector (prod_finType X X)) (i : Q) : K i -> R :=
  on_dial blk A tau (beta * dial) (query i) (@key i) (@key_block i) (query_block i).

Lemma trained_row_is A i : scores (form_feature tau (fun i _ => query i) key) dial_bias A i = @trained_row A i.
Proof.
  apply: functional_extensionality => j; rewrite /scores form_score /trained_row /on_dial /dialled inE /content /dial_bias /form.
  by case: ifP => _; ring.
Qed.
End Layer.
Arguments trained_row {Q X C K} blk tau beta dial query query_block key key_block A i _.

(** N4 as one statement: configuration in, outside mass, entropy and output shift of every row out. The parameter A is stationary for the loss
    plus penalty on its Frobenius ball, every cross-block weight exceeds the a-priori gradient bound, and nothing else is known of A. *)
Theorem guarantee (Q X V C : finType) (K : Q -> finType) (blk : X -> C) (query : Q -> vector X) (query_block : Q -> C)
    (key : forall i, K i -> vector X) (key_block : forall i, K i -> C) (value : forall i, K i -> vector V) (loss : Q -> vector V -> R)
    (A : vector (prod_finType X X)) (g : Q -> vector V) (lam : prod_finType C C -> R)
    (tau beta dial B delta rho_A G D_V D_x : R) (D_c B_c : C -> R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N)
    (differentiable : forall i, has_gradient (loss i) (trained_output tau beta dial query query_block key key_block value A i) (g i))
    (output : forall i, norm (g i) <= G)
    (values : forall i (j k : K i), norm (vsub (value i j) (value i k)) <= D_V)
    (spread : forall c i (j k : K i), norm (part (in_block blk c) (vsub (key i j) (key i k))) <= D_c c)
    (mean : forall c, (\sum_i norm (part (in_block blk c) (query i))) / #Q <= B_c c)
    (penalty : forall c d, c != d -> G * D_V * D_c d * B_c c / (4 * tau) < lam (c, d))
    (still : stationary (objective (pair_of blk) (trained_loss tau beta dial query query_block key key_block value loss) lam) (fun th => norm th <= rho_A) A)
    (tokens : forall i, tokens_within blk (query i) (key i) (key_block i) (query_block i) B delta) (leak : delta <= B)
    (apart : forall i, values_apart (value i) (row_block (key_block i) (query_block i)) D_x) :
  let t := beta * dial - rho_A * (B + delta) ^ 2 / tau in let row := trained_row blk tau beta dial query query_block key key_block A in
  norm (off_block blk A) = 0 /\
  forall i, block (row_block (key_block i) (query_block i)) ->
    let G_i := row_block (key_block i) (query_block i) in let n := #(K i) in let g_i := #(G_i) in
    [/\ leads (row i) G_i t, outside (softmax (row i)) G_i <= E n g_i t, 0 <= t -> Sums.entropy (softmax (row i)) <= Hstar n g_i t &
        norm (vsub (dial.output (row i) (value i)) (output_given (row i) G_i (value i))) <= E n g_i t * D_x].
Proof.
  move=> t row; have [ball _] := still.
  have r0 : 0 <= rho_A by apply: Rle_trans (norm_ge0 _) ball.
  have extinct : norm (off_block blk A) = 0.
    apply: off_block_extinct => c d ne; apply/part_eq0.
    have is_grad := gradient_exists visible differentiable.
    apply: (stationary_extinct _ is_grad _ still) => [th s hth [s0 s1]|].
      apply: Rle_trans hth; apply: square_le; first exact: norm_ge0.
      rewrite !norm_square; apply: sum_le => p _; rewrite /shrunk; case: ifP => _; last lra.
      by have := Rle_0_sqr (th p); rewrite /Rsqr; nra.
    rewrite group_pair; apply: Rle_lt_trans (penalty c d ne).
    exact: (gradient_bilinear (G := G) temperature queries visible differentiable is_grad output (spread d) values (mean c)).
  split=> // i blk_i G_i n g_i; have forms c : form_bound blk A c rho_A by exact: whole_form.
  split.
  - exact: (margin_bilinear beta dial temperature r0 forms (tokens i) extinct leak).
  - exact: (guarantee_outside_mass beta dial temperature r0 forms (tokens i) blk_i extinct leak).
  - by move=> t0; apply: ceiling => //; exact: (margin_bilinear beta dial temperature r0 forms (tokens i) extinct leak).
  - exact: (guarantee_output beta dial temperature r0 forms (tokens i) (apart i) blk_i extinct leak).
Qed.

(** The same by training: proximal steps on the cross-block group (c, d) along any vectors that are no longer than the gradient of the layer at
    that state (the gradient itself, a clipped one) make it exactly zero by a step that is known beforehand. Tokens, masks as biases, values and
    losses may be others at every step: minibatches, and layers below that train. *)
Theorem guarantee_extinction (Q X V C : finType) (K : Q -> finType) (blk : X -> C) (c d : C) (loss : nat -> Q -> vector V -> R) (query : nat -> Q -> vector X)
    (key : nat -> forall i, K i -> vector X) (bias : nat -> forall i, K i -> R) (value : nat -> forall i, K i -> vector V)
    (A grad : nat -> vector (prod_finType X X)) (v : nat -> vector (prod_finType X X)) (g : nat -> Q -> vector V) (eta lam gamma theta0 tau G D_V D_c B_c : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N) (step : 0 < eta) (slack : 0 < gamma)
    (differentiable : forall k i, has_gradient (loss k i) (attention_output (form_feature tau (fun i _ => query k i) (key k)) (bias k) (value k) (A k) i) (g k i))
    (gradient : forall k, has_gradient (layer_loss (loss k) (form_feature tau (fun i _ => query k i) (key k)) (bias k) (value k)) (A k) (grad k))
    (start : norm (matrix_group blk blk c d (A 0%N)) <= theta0)
    (run : forall k, matrix_group blk blk c d (A k.+1)
                     = soft (eta * lam) (vsub (matrix_group blk blk c d (A k)) (vscale eta (v k))))
    (covered : forall k, norm (v k) <= norm (matrix_group blk blk c d (grad k)))
    (output : forall k i, norm (g k i) <= G)
    (spread : forall k i (j l : K i), norm (part (in_block blk d) (vsub (key k i j) (key k i l))) <= D_c)
    (values : forall k i (j l : K i), norm (vsub (value k i j) (value k i l)) <= D_V)
    (mean : forall k, (\sum_i norm (part (in_block blk c) (query k i))) / #Q <= B_c)
    (penalty : G * D_V * D_c * B_c / (4 * tau) + gamma <= lam) (k : nat)
    (late : (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z) : norm (matrix_group blk blk c d (A k)) = 0.
Proof.
  rewrite (finite_time step slack start run _ penalty late) ?norm_vzero // => i.
  apply: Rle_trans (covered i) _.
  exact: (gradient_bilinear (G := G) temperature queries visible (differentiable i) (gradient i) (output i) (spread i) (values i) (mean i)).
Qed.

Theorem guarantee_extinction_query (Q X H V C : finType) (K : Q -> finType) (head : H -> C) (blk : X -> C) (b c : C) (loss : nat -> Q -> vector V -> R)
    (query : nat -> Q -> vector X) (token : nat -> forall i, K i -> vector X) (bias : nat -> forall i, K i -> R) (value : nat -> forall i, K i -> vector V)
    (W_Q W_K grad : nat -> vector (prod_finType H X)) (v : nat -> vector (prod_finType H X)) (g : nat -> Q -> vector V)
    (eta lam gamma theta0 tau G D_V D_X B_c B_x D_c rho_Q rho_K : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N) (step : 0 < eta) (slack : 0 < gamma)
    (differentiable : forall k i, has_gradient (loss k i)
      (attention_output (form_feature tau (fun i j => apply (W_K k) (token k i j)) (fun i _ => query k i)) (bias k) (value k) (W_Q k) i) (g k i))
    (gradient : forall k, has_gradient (layer_loss (loss k) (form_feature tau (fun i j => apply (W_K k) (token k i j)) (fun i _ => query k i)) (bias k) (value k)) (W_Q k) (grad k))
    (start : norm (matrix_group head blk b c (W_Q 0%N)) <= theta0)
    (run : forall k, matrix_group head blk b c (W_Q k.+1)
                     = soft (eta * lam) (vsub (matrix_group head blk b c (W_Q k)) (vscale eta (v k))))
    (covered : forall k, norm (v k) <= norm (matrix_group head blk b c (grad k)))
    (output : forall k i, norm (g k i) <= G)
    (values : forall k i (j l : K i), norm (vsub (value k i j) (value k i l)) <= D_V)
    (ball : forall k, norm (W_K k) <= rho_K)
    (tokens : forall k i (j l : K i), norm (vsub (token k i j) (token k i l)) <= D_X)
    (mean : forall k, (\sum_i norm (part (in_block blk c) (query k i))) / #Q <= B_c)
    (penalty : G * D_V * Rmax (rho_K * D_X * B_c) (rho_Q * B_x * D_c) / (4 * tau) + gamma <= lam) (k : nat)
    (late : (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z) : norm (matrix_group head blk b c (W_Q k)) = 0.
Proof.
  rewrite (finite_time step slack start run _ penalty late) ?norm_vzero // => i.
  apply: Rle_trans (covered i) _.
  exact: (gradient_qk head b B_x D_c rho_Q temperature queries visible (differentiable i) (gradient i) (output i) (values i) (ball i) (tokens i) (mean i)).
Qed.

Theorem guarantee_extinction_key (Q X H V C : finType) (K : Q -> finType) (head : H -> C) (blk : X -> C) (b c : C) (loss : nat -> Q -> vector V -> R)
    (query : nat -> Q -> vector X) (token : nat -> forall i, K i -> vector X) (bias : nat -> forall i, K i -> R) (value : nat -> forall i, K i -> vector V)
    (W_Q W_K grad : nat -> vector (prod_finType H X)) (v : nat -> vector (prod_finType H X)) (g : nat -> Q -> vector V)
    (eta lam gamma theta0 tau G D_V D_X B_c B_x D_c rho_Q rho_K : R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N) (step : 0 < eta) (slack : 0 < gamma)
    (differentiable : forall k i, has_gradient (loss k i)
      (attention_output (form_feature tau (fun i _ => apply (W_Q k) (query k i)) (token k)) (bias k) (value k) (W_K k) i) (g k i))
    (gradient : forall k, has_gradient (layer_loss (loss k) (form_feature tau (fun i _ => apply (W_Q k) (query k i)) (token k)) (bias k) (value k)) (W_K k) (grad k))
    (start : norm (matrix_group head blk b c (W_K 0%N)) <= theta0)
    (run : forall k, matrix_group head blk b c (W_K k.+1)
                     = soft (eta * lam) (vsub (matrix_group head blk b c (W_K k)) (vscale eta (v k))))
    (covered : forall k, norm (v k) <= norm (matrix_group head blk b c (grad k)))
    (output : forall k i, norm (g k i) <= G)
    (values : forall k i (j l : K i), norm (vsub (value k i j) (value k i l)) <= D_V)
    (ball : forall k, norm (W_Q k) <= rho_Q) (token_norm : forall k i, norm (query k i) <= B_x)
    (spread : forall k i (j l : K i), norm (part (in_block blk c) (vsub (token k i j) (token k i l))) <= D_c)
    (penalty : G * D_V * Rmax (rho_K * D_X * B_c) (rho_Q * B_x * D_c) / (4 * tau) + gamma <= lam) (k : nat)
    (late : (Zceil (theta0 / (eta * gamma)) <= Z.of_nat k)%Z) : norm (matrix_group head blk b c (W_K k)) = 0.
Proof.
  rewrite (finite_time step slack start run _ penalty late) ?norm_vzero // => i.
  apply: Rle_trans (covered i) _.
  exact: (gradient_qk_key head b D_X B_c rho_K temperature queries visible (differentiable i) (gradient i) (output i) (values i) (ball i) (token_norm i) (spread i)).
Qed.

(** * Query/key layers: both matrices trained at once *)

Section Joint.
Variables (Q X H V C : finType) (K : Q -> finType) (head : H -> C) (blk : X -> C) (tau : R).
Variables (query : Q -> vector X) (token : forall i, K i -> vector X) (bias : forall i, K i -> R) (value : forall i, K i -> vector V) (loss : Q -> vector V -> R).
Implicit Types (theta : vector (weights X H)).
Definition joint (u v : vector (prod_finType H X)) : vector (weights X H) := fun p => match p with inl q => u q | inr q => v q end.
(** Groups of the two matrices: which matrix, row label, column label. *)
Definition qk_group (p : weights X H) : prod_finType bool_finType (prod_finType C C) :=
  match p with inl q => (true, (head q.1, blk q.2)) | inr q => (false, (head q.1, blk q.2)) end.

Lemma dot_joint u v theta : dot (joint u v) theta = dot u (query_weights theta) + dot v (key_weights theta).
Proof. by rewrite /dot big_sumType. Qed.

Lemma group_query b c theta : norm (group qk_group (true, (b, c)) theta) = norm (matrix_group head blk b c (query_weights theta)).
Proof.
  apply: norm_is; first exact: norm_ge0.
  rewrite norm_square {1}/dot big_sumType /= [X in _ + X]sum_zero => [|q _]; last by rewrite /group /part /=; ring.
  rewrite Rplus_0_r; apply: sum_eq => q _; rewrite /group /matrix_group /part /query_weights /qk_group /in_block /=.
  by rewrite !xpair_eqE /=.
Qed.

Lemma group_key b c theta : norm (group qk_group (false, (b, c)) theta) = norm (matrix_group head blk b c (key_weights theta)).
Proof.
  apply: norm_is; first exact: norm_ge0.
  rewrite norm_square {1}/dot big_sumType /= [X in X + _]sum_zero => [|q _]; last by rewrite /group /part /=; ring.
  rewrite Rplus_0_l; apply: sum_eq => q _; rewrite /group /matrix_group /part /key_weights /qk_group /in_block /=.
  by rewrite !xpair_eqE /=.
Qed.

Definition query_feature theta := form_feature tau (fun i (j : K i) => apply (key_weights theta) (token j)) (fun i _ => query i).
Definition key_feature theta := form_feature tau (fun i (_ : K i) => apply (query_weights theta) (query i)) token.
Definition row_gradient theta (g : Q -> vector V) i : vector (weights X H) :=
  joint (vcov (softmax (qk_scores tau query token bias theta i)) (query_feature theta (i := i)) (fun j => dot (value j) (g i)))
        (vcov (softmax (qk_scores tau query token bias theta i)) (key_feature theta (i := i)) (fun j => dot (value j) (g i))).

(** The gradient of the loss in both matrices at once. *)
Lemma qk_gradient theta (g : Q -> vector V) : (forall i, (0 < #|K i|)%N) ->
  (forall i, has_gradient (loss i) (qk_output tau query token bias value theta i) (g i)) ->
  has_gradient (qk_loss tau loss query token bias value) theta (vscale (/ #Q) (vsum predT (row_gradient theta g))).
Proof.
  move=> visible h; apply: gradient_scale; apply: gradient_sum => i curve x v e hv; rewrite -e in h *.
  have /card_gt0P [k _] := visible i; have law := softmax_distribution (qk_scores tau query token bias (curve x) i) k.
  have apply_rate (W : R -> vector (prod_finType H X)) (w : vector (prod_finType H X)) (u : vector X) a :
      velocity W x w -> is_derive (fun t => apply (W t) u a) x (apply w u a).
    move=> hw; apply: is_derive_sum => q _; apply: (@is_derive_value _ _ (u q * w (a, q))); last exact: Rmult_comm.
    by apply: (is_derive_ext (fun t => u q * W t (a, q))); [move=> t; exact: Rmult_comm | apply: is_derive_scal; exact: hw].
  have hq : velocity (fun t => query_weights (curve t)) x (query_weights v) by move=> p; exact: hv.
  have hk : velocity (fun t => key_weights (curve t)) x (key_weights v) by move=> p; exact: hv.
  pose move_of (j : K i) := dot (query_weights v) (query_feature (curve x) j) + dot (key_weights v) (key_feature (curve x) j).
  have path : velocity (fun t => qk_scores tau query token bias (curve t) i) x move_of.
    move=> j; apply: (@is_derive_value _ _ (/ tau * (\sum_a (apply (query_weights v) (query i) a * apply (key_weights (curve x)) (token j) a
                                + apply (query_weights (curve x)) (query i) a * apply (key_weights v) (token j) a)) + 0)).
      apply: is_derive_plus; last exact: is_derive_const.
      apply: (is_derive_ext (fun t => / tau * dot (apply (query_weights (curve t)) (query i)) (apply (key_weights (curve t)) (token j)))).
        by move=> t; exact: Rmult_comm.
      by apply: is_derive_scal; apply: is_derive_sum => a _; apply: Derive.is_derive_mult; exact: apply_rate.
    rewrite /move_of /query_feature /key_feature !form_score sum_add (dot_comm (apply (key_weights (curve x)) (token j))) /dot /Rdiv; ring.
  apply: (is_derive_value (h i _ _ _ erefl (output_velocity (@value i) k path))).
  rewrite dot_comm dot_vcov // /row_gradient dot_joint !dot_vcov // cov_comm.
  have -> : move_of = (fun j => dot (query_feature (curve x) j) (query_weights v) + dot (key_feature (curve x) j) (key_weights v)).
    by apply: functional_extensionality => j; rewrite /move_of; congr (_ + _); exact: dot_comm.
  set y := fun j => dot (value j) (g i).
  rewrite cov_comm !(cov_comm _ _ y) !cov_alt // -mean_add; apply: mean_eq => j; rewrite mean_add; ring.
Qed.

End Joint.

(** N4 for query and key matrices in Frobenius balls: stationary in both at once, every cross-block weight of either above the a-priori bound. *)
Theorem guarantee_qk (Q X H V C : finType) (K : Q -> finType) (head : H -> C) (blk : X -> C) (query : Q -> vector X) (query_block : Q -> C)
    (token : forall i, K i -> vector X) (key_block : forall i, K i -> C) (value : forall i, K i -> vector V) (loss : Q -> vector V -> R)
    (theta : vector (weights X H)) (g : Q -> vector V) (lam : prod_finType bool_finType (prod_finType C C) -> R)
    (tau beta dial B delta rho_Q rho_K G D_V D_X B_x D_x : R) (D_c B_c : C -> R)
    (temperature : 0 < tau) (queries : (0 < #|Q|)%N) (visible : forall i, (0 < #|K i|)%N)
    (differentiable : forall i, has_gradient (loss i) (qk_output tau query token (dial_bias beta dial query_block key_block) value theta i) (g i))
    (output : forall i, norm (g i) <= G)
    (values : forall i (j k : K i), norm (vsub (value i j) (value i k)) <= D_V)
    (spread_tokens : forall i (j k : K i), norm (vsub (token i j) (token i k)) <= D_X) (token_norm : forall i, norm (query i) <= B_x)
    (spread : forall c i (j k : K i), norm (part (in_block blk c) (vsub (token i j) (token i k))) <= D_c c)
    (mean : forall c, (\sum_i norm (part (in_block blk c) (query i))) / #Q <= B_c c)
    (penalty : forall side b c, b != c -> G * D_V * Rmax (rho_K * D_X * B_c c) (rho_Q * B_x * D_c c) / (4 * tau) < lam (side, (b, c)))
    (still : stationary (objective (qk_group head blk) (qk_loss tau loss query token (dial_bias beta dial query_block key_block) value) lam)
               (fun th => norm (query_weights th) <= rho_Q /\ norm (key_weights th) <= rho_K) theta)
    (tokens : forall i, tokens_within blk (query i) (token i) (key_block i) (query_block i) B delta) (leak : delta <= B)
    (apart : forall i, values_apart (value i) (row_block (key_block i) (query_block i)) D_x) :
  let A := Vectors.product (query_weights theta) (key_weights theta) in
  let t := beta * dial - rho_Q * rho_K * B * (B + delta) / tau in let row := trained_row blk tau beta dial query query_block token key_block A in
  [/\ norm (off_head head blk (query_weights theta)) = 0, norm (off_head head blk (key_weights theta)) = 0,
      beta * dial - rho_Q * rho_K * (B + delta) ^ 2 / tau <= t,
      forall i, qk_scores tau query token (dial_bias beta dial query_block key_block) theta i = row i &
      forall i, block (row_block (key_block i) (query_block i)) ->
        let G_i := row_block (key_block i) (query_block i) in let n := #(K i) in let g_i := #(G_i) in
        [/\ leads (row i) G_i t, outside (softmax (row i)) G_i <= E n g_i t, 0 <= t -> Sums.entropy (softmax (row i)) <= Hstar n g_i t &
            norm (vsub (dial.output (row i) (value i)) (output_given (row i) G_i (value i))) <= E n g_i t * D_x]].
Proof.
  move=> A t row; have [[ball_Q ball_K] _] := still.
  have q0 : 0 <= rho_Q by apply: Rle_trans (norm_ge0 _) ball_Q.
  have k0 : 0 <= rho_K by apply: Rle_trans (norm_ge0 _) ball_K.
  pose bias := dial_bias beta dial query_block key_block.
  have row_is i : qk_scores tau query token bias theta i = row i.
    apply: functional_extensionality => j; rewrite /qk_scores /row /trained_row /on_dial /dialled inE /content /bias /dial_bias /form dot_product.
    by case: ifP => _; ring.
  have shorter (W : vector (weights X H) -> vector (prod_finType H X)) gr s th (rho : R) : 0 <= s <= 1 -> norm (W th) <= rho ->
      (forall p, exists q, forall v, W v p = v q) -> norm (W (shrunk (qk_group head blk) gr s th)) <= rho.
    move=> hs hth coordinate; apply: Rle_trans hth; apply: square_le; first exact: norm_ge0.
    rewrite !norm_square; apply: sum_le => p _; have [q hq] := coordinate p; rewrite !hq /shrunk; case: ifP => _; last lra.
    by have := Rle_0_sqr (th q); rewrite /Rsqr; nra.
  have star gr : star_shaped (qk_group head blk) gr (fun th => norm (query_weights th) <= rho_Q /\ norm (key_weights th) <= rho_K).
    move=> th s [hQ hK] hs; split; apply: shorter => // p; [by exists (inl p) | by exists (inr p)].
  have is_grad := qk_gradient visible differentiable.
  have diff_Q i : has_gradient (loss i) (attention_output (form_feature tau (fun i j => apply (key_weights theta) (token i j)) (fun i _ => query i)) bias value (query_weights theta) i) (g i).
    have e : attention_output (form_feature tau (fun i j => apply (key_weights theta) (token i j)) (fun i _ => query i)) bias value (query_weights theta) i
             = qk_output tau query token bias value theta i.
      rewrite /attention_output /attention /qk_output.
      have -> // : scores (form_feature tau (fun i j => apply (key_weights theta) (token i j)) (fun i _ => query i)) bias (query_weights theta) i
                   = qk_scores tau query token bias theta i.
      by apply: functional_extensionality => j; rewrite /scores /qk_scores form_score dot_comm.
    by rewrite e; exact: differentiable.
  have diff_K i : has_gradient (loss i) (attention_output (form_feature tau (fun i _ => apply (query_weights theta) (query i)) token) bias value (key_weights theta) i) (g i).
    have e : attention_output (form_feature tau (fun i _ => apply (query_weights theta) (query i)) token) bias value (key_weights theta) i
             = qk_output tau query token bias value theta i.
      rewrite /attention_output /attention /qk_output.
      have -> // : scores (form_feature tau (fun i _ => apply (query_weights theta) (query i)) token) bias (key_weights theta) i
                   = qk_scores tau query token bias theta i.
      by apply: functional_extensionality => j; rewrite /scores /qk_scores form_score.
    by rewrite e; exact: differentiable.
  have attention_Q i : attention (form_feature tau (fun i j => apply (key_weights theta) (token i j)) (fun i _ => query i)) bias (query_weights theta) i
                       = softmax (qk_scores tau query token bias theta i).
    by rewrite /attention; congr softmax; apply: functional_extensionality => j; rewrite /scores /qk_scores form_score dot_comm.
  have attention_K i : attention (form_feature tau (fun i _ => apply (query_weights theta) (query i)) token) bias (key_weights theta) i
                       = softmax (qk_scores tau query token bias theta i).
    by rewrite /attention; congr softmax; apply: functional_extensionality => j; rewrite /scores /qk_scores form_score.
  have grad_Q := gradient_exists visible diff_Q; have grad_K := gradient_exists visible diff_K.
  have ext_Q : norm (off_head head blk (query_weights theta)) = 0.
    apply/part_eq0 => p ne; apply: (@stationary_extinct _ _ (qk_group head blk) _ lam (true, (head p.1, blk p.2)) theta _ _ (star _) is_grad _ still (inl p)); last exact: eqxx.
    rewrite group_query; apply: Rle_lt_trans (penalty true _ _ ne).
    have -> : query_weights (vscale (/ #Q) (vsum predT (row_gradient tau query token bias value theta g)))
              = vscale (/ #Q) (vsum predT (fun i => vcov (attention (form_feature tau (fun i j => apply (key_weights theta) (token i j)) (fun i _ => query i)) bias (query_weights theta) i)
                  (form_feature tau (fun i j => apply (key_weights theta) (token i j)) (fun i _ => query i) i) (fun j => dot (value i j) (g i)))).
      by apply: vector_eq => q; rewrite /query_weights /vscale /vsum; congr (_ * _); apply: sum_eq => i _; rewrite attention_Q.
    exact: (gradient_qk (G := G) head (head p.1) B_x (D_c (blk p.2)) rho_Q temperature queries visible diff_Q grad_Q output values ball_K spread_tokens (mean (blk p.2))).
  have ext_K : norm (off_head head blk (key_weights theta)) = 0.
    apply/part_eq0 => p ne; apply: (@stationary_extinct _ _ (qk_group head blk) _ lam (false, (head p.1, blk p.2)) theta _ _ (star _) is_grad _ still (inr p)); last exact: eqxx.
    rewrite group_key; apply: Rle_lt_trans (penalty false _ _ ne).
    have -> : key_weights (vscale (/ #Q) (vsum predT (row_gradient tau query token bias value theta g)))
              = vscale (/ #Q) (vsum predT (fun i => vcov (attention (form_feature tau (fun i _ => apply (query_weights theta) (query i)) token) bias (key_weights theta) i)
                  (form_feature tau (fun i _ => apply (query_weights theta) (query i)) token i) (fun j => dot (value i j) (g i)))).
      by apply: vector_eq => q; rewrite /key_weights /vscale /vsum; congr (_ * _); apply: sum_eq => i _; rewrite attention_K.
    exact: (gradient_qk_key (G := G) head (head p.1) D_X (B_c (blk p.2)) rho_K temperature queries visible diff_K grad_K output values ball_Q token_norm (spread (blk p.2))).
  split=> //.
    rewrite /t; have ti : 0 < / tau by exact: Rinv_0_lt_compat.
    have /card_gt0P [i0 _] := queries; have [oq fq _ _] := tokens i0.
    have d0 : 0 <= delta by apply: Rle_trans (norm_ge0 _) fq.
    suff : 0 <= rho_Q * rho_K * (delta * (B + delta)) / tau by rewrite /Rdiv => h; lra.
    apply: Rmult_le_pos; last lra.
    by apply: Rmult_le_pos; [exact: Rmult_le_pos | apply: Rmult_le_pos; lra].
  move=> i blk_i G_i n g_i.
  have lead : leads (row i) G_i t by exact: (margin_balls beta dial temperature ball_Q ball_K (tokens i) ext_Q ext_K leak).
  split=> //; first exact: outside_mass.
    by move=> t0; exact: ceiling.
  apply: Rle_trans (cost_bound (content A tau (query i) (token i)) beta dial blk_i (apart i)) _.
  have [a ha] := block_in blk_i; have [k hk] := block_out blk_i; rewrite inE in hk.
  have D0 : 0 <= D_x by apply: Rle_trans (norm_ge0 _) (apart i a k ha hk).
  rewrite Rmult_comm; apply: Rmult_le_compat_r => //; exact: outside_mass.
Qed.

(** * Attained, and the hypotheses needed *)

(** A diagonal form on two coordinates, each a block of its own. *)
Definition diagonal (r s : R) : vector (prod_finType bool_finType bool_finType) := fun p => if p.1 == p.2 then (if p.1 then r else s) else 0.
Definition pair (a b : R) : vector bool_finType := fun i => if i then a else b.

Lemma diagonal_form (r s a b a' b' : R) : form (diagonal r s) (pair a b) (pair a' b') = r * a * a' + s * b * b'.
Proof. by rewrite /form /dot /apply !big_bool /= /diagonal /pair /=; ring. Qed.

Lemma diagonal_bounds (r s : R) : 0 <= r -> 0 <= s ->
  [/\ norm (off_block (fun c : bool_finType => c) (diagonal r s)) = 0, form_bound (fun c : bool_finType => c) (diagonal r s) true r &
      forall c, c != true -> form_bound (fun c : bool_finType => c) (diagonal r s) c s].
Proof.
  move=> r0 s0; split.
  - by apply/part_eq0 => p; rewrite /diagonal => /negbTE ->.
  - move=> x y; have own (z : vector bool_finType) : own_part (fun c : bool_finType => c) true z = pair (z true) 0.
      by apply: vector_eq => -[]; rewrite /own_part /part /in_block /pair.
    have size a : norm (pair a 0) = Rabs a.
      apply: norm_is; first exact: Rabs_pos.
      by rewrite /dot big_bool /= /pair -Rabs_mult Rabs_right; [ring | apply: Rle_ge; exact: Rle_0_sqr].
    rewrite !own diagonal_form !size -Rabs_mult; right.
    have -> : r * x true * y true + s * 0 * 0 = r * (x true * y true) by ring.
    by rewrite Rabs_mult (Rabs_right r) //; lra.
  - move=> [] // _ x y; have own (z : vector bool_finType) : own_part (fun c : bool_finType => c) false z = pair 0 (z false).
      by apply: vector_eq => -[]; rewrite /own_part /part /in_block /pair.
    have size a : norm (pair 0 a) = Rabs a.
      apply: norm_is; first exact: Rabs_pos.
      by rewrite /dot big_bool /= /pair -Rabs_mult Rabs_right; [ring | apply: Rle_ge; exact: Rle_0_sqr].
    rewrite !own diagonal_form !size -Rabs_mult; right.
    have -> : r * 0 * 0 + s * x false * y false = s * (x false * y false) by ring.
    by rewrite Rabs_mult (Rabs_right s) //; lra.
Qed.

Lemma pair_parts (a b : R) : [/\ norm (own_part (fun c : bool_finType => c) true (pair a b)) = Rabs a, norm (off_part (fun c : bool_finType => c) true (pair a b)) = Rabs b,
  norm (own_part (fun c : bool_finType => c) false (pair a b)) = Rabs b & norm (off_part (fun c : bool_finType => c) false (pair a b)) = Rabs a].
Proof.
  split; (apply: norm_is; first exact: Rabs_pos); rewrite /dot big_bool /= /own_part /off_part /part /in_block /pair /=
    -Rabs_mult Rabs_right; try (apply: Rle_ge; exact: Rle_0_sqr); ring.
Qed.

(** Query (B, delta) of the first block, in-block key (-B, -delta), outside key (delta, B): leak and margin are exactly the bounds. *)
Theorem leak_attained (tau B delta rho_own rho_other beta dial : R) (temperature : 0 < tau) (bound : 0 <= delta) (small : delta <= B)
    (own_nonnegative : 0 <= rho_own) (other_nonnegative : 0 <= rho_other) :
  let blk := fun c : bool_finType => c in let A := diagonal rho_own rho_other in let query := pair B delta in
  let key := fun j : bool_finType => if j then pair (- B) (- delta) else pair delta B in let label := fun j : bool_finType => j in
  [/\ norm (off_block blk A) = 0, form_bound blk A true rho_own, forall c, c != true -> form_bound blk A c rho_other,
      tokens_within blk query key label true B delta & block (row_block label true)] /\
  form A query (key false) / tau = B * delta * (rho_own + rho_other) / tau /\
  (forall i j, i \in row_block label true -> j \notin row_block label true ->
     on_dial blk A tau (beta * dial) query key label true i - on_dial blk A tau (beta * dial) query key label true j
     = beta * dial - (B + delta) * (rho_own * B + rho_other * delta) / tau).
Proof.
  move=> blk A query key label; have B0 : 0 <= B by lra.
  have [ext own other] := diagonal_bounds own_nonnegative other_nonnegative.
  have [p1 p2 p3 p4] := pair_parts B delta; have [q1 q2 q3 q4] := pair_parts (- B) (- delta); have [r1 r2 r3 r4] := pair_parts delta B.
  have aB : Rabs B = B by rewrite Rabs_right; lra.
  have aD : Rabs delta = delta by rewrite Rabs_right; lra.
  split; [split=> // | split].
  - by split; rewrite ?p1 ?p2 ?aB ?aD; try lra; case; rewrite /= ?q1 ?q2 ?r3 ?r4 ?Rabs_Ropp ?aB ?aD; lra.
  - by rewrite /block (_ : row_block label true = [set true]) ?cards1 ?card_bool //; apply/setP => j; rewrite !inE.
  - by rewrite /= diagonal_form; field; lra.
  - move=> [] [] //; rewrite !inE // => _ _.
    by rewrite /on_dial /dialled !inE /= /content /key !diagonal_form; field; lra.
Qed.

(** Off-block parts longer than own parts may meet in a third block: three blocks of one coordinate, B = 0, delta = 1, A = 1, both tokens
    on the third coordinate: score 1 where the bound says 0. *)
Theorem leak_needs_small :
  let X := option_finType bool_finType in let blk := fun c : X => c in
  let A : vector (prod_finType X X) := fun p => if p.1 == p.2 then 1 else 0 in let token := one_number (None : X) 1 in
  [/\ norm (off_block blk A) = 0, forall c, form_bound blk A c 1, norm (own_part blk (Some true) token) <= 0, norm (own_part blk (Some false) token) <= 0 &
      norm token <= 1] /\ 2 * 0 * 1 * 1 / 1 < form A token token / 1.
Proof.
  move=> X blk A token.
  have ap (v : vector X) : apply A v = v.
    apply: vector_eq => i; rewrite /apply (@sum_pick _ predT _ i) //= /A /= eqxx sum_zero; first ring.
    by move=> j; rewrite eq_sym => /negbTE ->; ring.
  have none c : norm (own_part blk (Some c) token) = 0.
    by apply/part_eq0 => i; rewrite /in_block /blk => /eqP ->; rewrite /token /one_number.
  split; [split|].
  - by apply/part_eq0 => p; rewrite /A /blk => /negbTE ->.
  - by move=> c x y; rewrite /form ap Rmult_1_l; exact: dot_le_norms.
  - by rewrite none; lra.
  - by rewrite none; lra.
  - by rewrite norm_one_number Rabs_R1; lra.
  - rewrite /form ap -norm_square norm_one_number Rabs_R1; lra.
Qed.
