(** Codes: how many vectors fit, and how random signs spread. Nothing here is about attention.

    Linear dependence of more vectors than coordinates; vectors whose products are all negative; points of a ball that lie apart, by
    nesting a packing in itself instead of volumes; the share of sign vectors with a large product, by counting. *)

From Coq Require Import Reals Lra Psatz ZArith.
From mathcomp Require Import all_ssreflect.
From Coquelicot Require Import Coquelicot.
From Localist Require Import Sums Vectors entropy.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

Lemma sum_le0 (I : finType) (P : pred I) (f : I -> R) : (forall i, P i -> f i <= 0) -> \sum_(i | P i) f i <= 0.
Proof. by move=> h; elim/big_ind: _ => // [|x y]; lra. Qed.

(** * Dependence *)

Section Dependence.
Variables (I J : finType) (a : I -> vector J).

(** More vectors than coordinates are dependent on those coordinates. *)
Lemma dependent (l : seq J) : forall (f : I -> vector J) (A : {set I}), (size l < #|A|)%N -> exists c : I -> R,
  [/\ exists i, c i <> 0, forall i, i \notin A -> c i = 0 & forall j, j \in l -> \sum_i c i * f i j = 0].
Proof.
  elim: l => [|x l ih] f A /= lt.
    have /set0Pn [i hi] : A != set0 by rewrite -card_gt0.
    exists (fun k => if k == i then 1 else 0); split=> // [|k]; first by exists i; rewrite eqxx; lra.
    by case: eqP => // ->; rewrite hi.
  case: (pickP (fun p => (p \in A) && ~~ is_left (Req_EM_T (f p x) 0))) => [p /andP [hp]|none]; last first.
    have [c [some out zero]] := ih f A (ltnW lt); exists c; split=> // j; rewrite inE => /orP [/eqP -> |]; last exact: zero.
    apply: sum_zero => i _; case hi : (i \in A); last by rewrite out ?hi // Rmult_0_l.
    by have := none i; rewrite hi /=; case: Req_EM_T => //= ->; rewrite Rmult_0_r.
  case: Req_EM_T => //= px _.
  pose g i : vector J := fun j => f i j - f i x / f p x * f p j.
  have lt' : (size l < #|A :\ p|)%N by move: lt; rewrite (cardsD1 p A) hp.
  have [c [[i hi] out zero]] := ih g _ lt'.
  have cp : c p = 0 by apply: out; rewrite !inE eqxx.
  pose d := - (\sum_k c k * (f k x / f p x)).
  exists (fun k => if k == p then d else c k); split.
  - by exists i; case: eqP => [e|//]; rewrite e in hi.
  - move=> k hk; case: eqP => [e|ne]; first by rewrite e hp in hk.
    by apply: out; rewrite !inE (negbTE hk) andbF.
  move=> j hj.
  have eq : \sum_k (if k == p then d else c k) * f k j = \sum_k c k * g k j.
    rewrite (bigD1 p) //= eqxx [RHS](bigD1 p) //= cp Rmult_0_l Rplus_0_l.
    rewrite (sum_eq (g := fun k => c k * f k j)) => [|k /negbTE -> //].
    rewrite [RHS](sum_eq (g := fun k => c k * f k j - c k * (f k x / f p x) * f p j)) => [|k _]; last by rewrite /g; ring.
    rewrite sum_sub sum_scale_right /d (bigD1 p) //= cp Rmult_0_l Rplus_0_l; ring.
  rewrite eq; move: hj; rewrite inE => /orP [/eqP -> |]; last exact: zero.
  by apply: sum_zero => k _; rewrite /g; field.
Qed.

(** Of more than D + 1 vectors in D dimensions some two have a product that is not negative. *)
Lemma crowded (mu : R) : (#|J| + 2 <= #|I|)%N -> (forall i j, j != i -> dot (a i) (a j) <= mu) -> 0 <= mu.
Proof.
  move=> crowd obtuse; case: (Rle_or_lt 0 mu) => // neg; exfalso.
  have /card_gt0P [k _] : (0 < #|I|)%N by apply: leq_trans crowd; rewrite addn2.
  have lt : (size (enum J) < #|[set~ k]|)%N by rewrite -cardT cardsC1 -ltnS prednK; [rewrite -addn2 addnC; move: crowd; rewrite addnC | by apply: leq_trans crowd; rewrite addn2].
  have [c [[i hi] out zero]] := dependent a lt.
  have ck : c k = 0 by apply: out; rewrite !inE eqxx.
  pose up i := Rmax (c i) 0; pose down i := Rmax (- c i) 0.
  have parts l : up l - down l = c l /\ up l * down l = 0 /\ 0 <= up l /\ 0 <= down l.
    rewrite /up /down /Rmax; case: Rle_dec => h; case: Rle_dec => h'; repeat split; try lra; ring.
  pose v := vsum predT (fun l => vscale (up l) (a l)); pose w := vsum predT (fun l => vscale (down l) (a l)).
  have same : v = w.
    apply: vector_eq => j; suff : \sum_l up l * a l j = \sum_l down l * a l j by [].
    have := zero j; rewrite mem_enum => /(_ isT).
    rewrite (sum_eq (g := fun l => up l * a l j - down l * a l j)) => [|l _]; last by have [<- _] := parts l; ring.
    rewrite sum_sub; lra.
  have vw : dot v w <= 0.
    rewrite dot_sum_left; apply: sum_le0 => l _; rewrite dot_sum_right; apply: sum_le0 => m _.
    rewrite dot_scale_left dot_scale_right; have [_ [_ [u0 _]]] := parts l; have [_ [_ [_ d0]]] := parts m.
    case: (eqVneq m l) => [->|ne].
      have [_ [z _]] := parts l; have -> : up l * (down l * dot (a l) (a l)) = up l * down l * dot (a l) (a l) by ring.
      by rewrite z; lra.
    have := obtuse l m ne => neg'; have p := Rmult_le_pos _ _ u0 d0.
    have -> : up l * (down m * dot (a l) (a m)) = up l * down m * dot (a l) (a m) by ring.
    nra.
  have v0 : v = @vzero J by apply: dot_self_zero; rewrite -same in vw; have := dot_self_ge0 v; lra.
  have pk : dot v (a k) = 0 by rewrite v0 dot_zero_left.
  have qk : dot w (a k) = 0 by rewrite -same.
  rewrite dot_sum_left in pk; rewrite dot_sum_left in qk.
  have small : \sum_l (up l + down l) * dot (a l) (a k) <= \sum_l mu * (up l + down l).
    apply: sum_le => l _; have [e [_ [u0 d0]]] := parts l; case: (eqVneq l k) => [eq|ne].
      have z : up l + down l = 0 by rewrite /up /down eq ck Ropp_0 /Rmax; case: Rle_dec; lra.
      by rewrite z; lra.
    have := obtuse k l ne; rewrite dot_comm; nra.
  have none : \sum_l (up l + down l) * dot (a l) (a k) = 0.
    rewrite (sum_eq (g := fun l => dot (vscale (up l) (a l)) (a k) + dot (vscale (down l) (a l)) (a k))) => [|l _].
      by rewrite sum_add pk qk; ring.
    by rewrite !dot_scale_left; ring.
  have pos : 0 < \sum_l (up l + down l).
    have ge l : 0 <= up l + down l by have [_ [_ [u0 d0]]] := parts l; lra.
    have := @term_le_sum I xpredT (fun l => up l + down l) i isT (fun l _ => ge l).
    have [e [_ [u0 d0]]] := parts i; have : up i + down i <> 0 by move=> z; apply: hi; lra.
    by have := ge i => - [] //; lra.
  rewrite none sum_scale in small; nra.
Qed.

End Dependence.

(** * Packing *)

(** The whole number just above a non-negative one. *)
Definition cell (x : R) := Z.to_nat (up x).

Lemma cell_bounds x : 0 <= x -> x < INR (cell x) <= x + 1.
Proof.
  move=> h; have [lo hi] := archimed x; rewrite /cell INR_IZR_INZ Z2Nat.id; first lra.
  by apply: le_IZR; lra.
Qed.

(** Points with bounded coordinates that lie apart are at most a power of their number of cells. *)
Lemma grid (T J : finType) (y : T -> vector J) (b w : R) : 0 <= b -> 0 < w -> (forall s, norm (y s) <= b) ->
  (forall s s', s != s' -> w <= norm (vsub (y s) (y s'))) -> #T <= (2 * b * (#J + 1) / w + 3) ^ #|J|.
Proof.
  move=> b0 w0 inside apart; have d0 := pos_INR #|J|; pose h := w / (#J + 1).
  have h0 : 0 < h by apply: div_pos; lra.
  pose n := cell (2 * b / h + 1); pose place s j := (y s j + b) / h.
  have coordinate s j : 0 <= y s j + b <= 2 * b.
    have : y s j * y s j <= dot (y s) (y s) by apply: (@term_le_sum _ xpredT (fun j => y s j * y s j)) => // i _; exact: Rle_0_sqr.
    rewrite -norm_square; have := inside s; have := norm_ge0 (y s); nra.
  have top : 0 <= 2 * b / h by apply: Rmult_le_pos; [lra | left; exact: Rinv_0_lt_compat].
  have range s j : 0 <= place s j <= 2 * b / h.
    have [lo hi] := coordinate s j; have inv := Rinv_0_lt_compat h h0; rewrite /place /Rdiv; split; first by apply: Rmult_le_pos; lra.
    by apply: Rmult_le_compat_r; lra.
  have [nlo nhi] := cell_bounds (x := 2 * b / h + 1) ltac:(lra).
  have fits s j : (cell (place s j) < n)%N.
    have [lo hi] := range s j; have [_ c] := cell_bounds lo; apply/ltP; apply: INR_lt; rewrite -/n in nlo; lra.
  pose code s : {ffun J -> 'I_n} := [ffun j => Ordinal (fits s j)].
  have inj : injective code.
    move=> s s' eq; apply/eqP; apply/negPn/negP => ne; have := apart s s' ne; apply: Rlt_not_le.
    have near j : Rabs (vsub (y s) (y s') j) < h.
      have e : cell (place s j) = cell (place s' j) by have := congr1 (fun f : {ffun J -> 'I_n} => val (f j)) eq; rewrite !ffunE.
      have [lo hi] := cell_bounds (proj1 (range s j)); have [lo' hi'] := cell_bounds (proj1 (range s' j)); rewrite e in lo hi.
      have p : y s j + b = place s j * h by rewrite /place div_mult //; lra.
      have p' : y s' j + b = place s' j * h by rewrite /place div_mult //; lra.
      by rewrite /vsub; apply: Rabs_def1; nra.
    apply: Rsqr_incrst_0; [|exact: norm_ge0 | lra].
    rewrite /Rsqr norm_square; apply: (Rle_lt_trans _ (#J * (h * h))).
      rewrite -sum_const_all; apply: sum_le => j _; have := near j; have := Rabs_pos (vsub (y s) (y s') j) => r0 r1.
      have -> : vsub (y s) (y s') j * vsub (y s) (y s') j = Rabs (vsub (y s) (y s') j) * Rabs (vsub (y s) (y s') j).
        by rewrite -Rabs_mult Rabs_right //; apply: Rle_ge; exact: Rle_0_sqr.
      nra.
    have wh : w = h * (#J + 1) by rewrite /h; field; lra.
    rewrite wh; have hh : 0 < h * h by nra.
    nra.
  have := leq_card code inj; rewrite card_ffun card_ord => /leP /le_INR le.
  apply: Rle_trans le _.
  have pow k m : INR (k ^ m) = INR k ^ m by elim: m => [|m ih] //; rewrite expnS mult_INR ih.
  rewrite pow; apply: pow_incr; split; first exact: pos_INR.
  have e : 2 * b * (#J + 1) / w = 2 * b / h by rewrite /h; field; lra.
  by rewrite e -/n in nhi *; lra.
Qed.

Section Packing.
Variables (I J : finType) (x : I -> vector J) (u w : R).
Hypotheses (u0 : 0 <= u) (w0 : 0 < w) (ball : forall i, norm (x i) <= u) (apart : forall i j, i != j -> w <= norm (vsub (x i) (x j))).

(** The packing nested in itself: words over I, each letter a smaller copy. *)
Fixpoint words (k : nat) : finType := if k is k'.+1 then prod_finType I (words k') else unit_finType.
Let r := w / 2.
Let shrink := r / (u + r).
Fixpoint point (k : nat) : words k -> vector J :=
  if k is k'.+1 return words k -> vector J then fun s => vadd (x s.1) (vscale shrink (point s.2)) else fun=> @vzero J.

Lemma shrink_open : 0 < shrink <= 1.
Proof.
  have r0 : 0 < r by rewrite /r; lra.
  rewrite /shrink; split; first by apply: div_pos; lra.
  apply: (Rmult_le_reg_r (u + r)); first lra.
  rewrite div_mult; lra.
Qed.

Lemma shrink_ball : shrink * (u + r) = r.
Proof. by rewrite /shrink div_mult //; rewrite /r; lra. Qed.

Lemma point_norm k (s : words k) : norm (point s) <= (u + r) * (1 - shrink ^ k).
Proof.
  have [p0 p1] := shrink_open; elim: k s => [|k ih] s /=; first by rewrite norm_vzero; lra.
  apply: Rle_trans (norm_vadd _ _) _; rewrite norm_vscale_pos; last lra.
  have := ball s.1; have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ p0) (ih s.2); have := shrink_ball; nra.
Qed.

Lemma point_apart k (s s' : words k) : s != s' -> w * shrink ^ k <= norm (vsub (point s) (point s')).
Proof.
  have [p0 p1] := shrink_open; elim: k s s' => [|k ih] s s' /=; first by case: s; case: s'.
  have pk : 0 < shrink ^ k by exact: pow_lt.
  case: s s' => i s [i' s'] ne /=.
  have diff : vsub (vadd (x i) (vscale shrink (point s))) (vadd (x i') (vscale shrink (point s')))
      = vadd (vsub (x i) (x i')) (vscale shrink (vsub (point s) (point s'))).
    by apply: vector_eq => j; rewrite /vsub /vadd /vscale; ring.
  rewrite diff; case: (eqVneq i i') => [e|ni]; last first.
    have far := apart ni; have := norm_vsub_ge (vsub (x i) (x i')) (vscale (- shrink) (vsub (point s) (point s'))).
    have -> : vsub (vsub (x i) (x i')) (vscale (- shrink) (vsub (point s) (point s'))) = vadd (vsub (x i) (x i')) (vscale shrink (vsub (point s) (point s'))).
      by apply: vector_eq => j; rewrite /vsub /vadd /vscale; ring.
    rewrite norm_vscale Rabs_left; last lra.
    have near : norm (vsub (point s) (point s')) <= 2 * (u + r) * (1 - shrink ^ k).
      have := norm_vsub (point s) (point s'); have := point_norm s; have := point_norm s'; lra.
    have rw : w = 2 * r by rewrite /r; lra.
    have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ p0) near; have b := shrink_ball.
    have -> : shrink * (2 * (u + r) * (1 - shrink ^ k)) = 2 * (shrink * (u + r)) * (1 - shrink ^ k) by ring.
    rewrite b => h; have q : shrink * shrink ^ k <= shrink ^ k by nra.
    have r0 : 0 < r by rewrite /r; lra.
    have := Rmult_le_compat_l (2 * r) _ _ ltac:(lra) q; rewrite Ropp_involutive rw in far *; lra.
  have ns : s != s' by apply: contra ne => /eqP ->; rewrite e.
  have -> : vadd (vsub (x i) (x i')) (vscale shrink (vsub (point s) (point s'))) = vscale shrink (vsub (point s) (point s')).
    by rewrite e; apply: vector_eq => j; rewrite /vsub /vadd /vscale; ring.
  rewrite norm_vscale_pos; last lra.
  by have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ p0) (ih s s' ns); nra.
Qed.

Lemma card_words k : INR #|words k| = #I ^ k.
Proof. by elim: k => [|k ih] /=; rewrite ?card_unit // card_prod mult_INR ih. Qed.

Lemma bernoulli (y : R) (k : nat) : 0 <= y -> 1 + INR k * y <= (1 + y) ^ k.
Proof. move=> h; elim: k => [|k ih]; first by rewrite /=; lra. by rewrite S_INR /=; have := pos_INR k; nra. Qed.

(** M points of a ball of radius u, at least w apart: M <= (1 + 2u/w)^D. *)
Lemma packed : #I <= (1 + 2 * u / w) ^ #|J|.
Proof.
  have [p0 p1] := shrink_open; have r0 : 0 < r by rewrite /r; lra.
  have d0 := pos_INR #|J|; have m0 := pos_INR #|I|.
  pose c := 2 * (u + r) * (#J + 1) / w + 3.
  have c0 : 3 <= c.
    have : 0 <= 2 * (u + r) * (#J + 1) / w by apply: Rmult_le_pos; [apply: Rmult_le_pos; lra | left; exact: Rinv_0_lt_compat].
    by rewrite /c; lra.
  have count k : (#I * shrink ^ #|J|) ^ k <= c ^ #|J|.
    have pk : 0 < shrink ^ k by exact: pow_lt.
    have pk1 : shrink ^ k <= 1 by rewrite -(pow1 k); apply: pow_incr; lra.
    have inside (s : words k) : norm (point s) <= u + r by have := point_norm s; nra.
    have := grid (ltac:(lra) : 0 <= u + r) (Rmult_lt_0_compat _ _ w0 pk) inside (@point_apart k); rewrite card_words => le.
    have cells : 2 * (u + r) * (#J + 1) / (w * shrink ^ k) + 3 <= c * / shrink ^ k.
      have inv : 1 <= / shrink ^ k by rewrite -Rinv_1; apply: Rinv_le_contravar.
      have -> : 2 * (u + r) * (#J + 1) / (w * shrink ^ k) = 2 * (u + r) * (#J + 1) / w * / shrink ^ k by field; lra.
      by rewrite /c; nra.
    have first : 0 <= 2 * (u + r) * (#J + 1) / (w * shrink ^ k) + 3.
      have : 0 <= 2 * (u + r) * (#J + 1) / (w * shrink ^ k); last lra.
      by apply: Rmult_le_pos; [apply: Rmult_le_pos; lra | left; apply: Rinv_0_lt_compat; exact: Rmult_lt_0_compat].
    have := pow_incr _ _ #|J| (conj first cells); rewrite Rpow_mult_distr => up.
    rewrite Rpow_mult_distr -pow_mult multE mulnC -multE pow_mult.
    have q0 : 0 < (shrink ^ k) ^ #|J| by exact: pow_lt.
    have all : #I ^ k <= c ^ #|J| * (/ shrink ^ k) ^ #|J| by exact: Rle_trans up.
    have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ q0) all.
    have -> : c ^ #|J| * (/ shrink ^ k) ^ #|J| * (shrink ^ k) ^ #|J| = c ^ #|J|; last by [].
    rewrite Rmult_assoc -Rpow_mult_distr Rinv_l ?pow1 ?Rmult_1_r //; lra.
  have small : #I * shrink ^ #|J| <= 1.
    case: (Rle_or_lt (#I * shrink ^ #|J|) 1) => // big; exfalso.
    pose y := #I * shrink ^ #|J| - 1; have y0 : 0 < y by rewrite /y; lra.
    have [lo _] := archimed (c ^ #|J| / y); have cp : 0 < c ^ #|J| by apply: pow_lt; lra.
    have [k hk] : exists k : nat, c ^ #|J| / y < INR k.
      exists (Z.to_nat (up (c ^ #|J| / y))); rewrite INR_IZR_INZ Z2Nat.id //.
      by apply: le_IZR; have := div_pos cp y0; lra.
    have := bernoulli k (Rlt_le _ _ y0); have := count k; have -> : 1 + y = #I * shrink ^ #|J| by rewrite /y; ring.
    have := Rmult_lt_compat_r y _ _ y0 hk; rewrite div_mult; lra.
  have e : 1 + 2 * u / w = / shrink by rewrite /shrink /r; field; lra.
  have q0 : 0 < shrink ^ #|J| by exact: pow_lt.
  rewrite e pow_inv.
  apply: (Rmult_le_reg_r (shrink ^ #|J|)) => //; rewrite Rinv_l; lra.
Qed.

End Packing.

(** * Random signs *)

Definition sign (b : bool) : R := if b then 1 else -1.
Definition atleast (x y : R) : bool := if Rle_dec x y then true else false.

Section Signs.
Variables (I J : finType).

(** A code: for every coordinate one sign for each vector. *)
Definition code := {ffun J -> {ffun I -> bool}}.
Definition product (f : code) (i j : I) := \sum_k sign (f k i) * sign (f k j).
(** Some pair has cosine at least mu. *)
Definition bad (mu : R) : {set code} := [set f | [exists i, exists j, (j != i) && atleast (mu * #J) (product f i j)]].

Lemma prod_const (K : finType) (c : R) : \big[Rmult/1]_(k : K) c = c ^ #|K|.
Proof. by rewrite big_const; elim: #|K| => //= k ->. Qed.

Lemma exp_sum (K : finType) (f : K -> R) : exp (\sum_k f k) = \big[Rmult/1]_k exp (f k).
Proof. by apply: big_morph => [x y|]; [exact: exp_plus | exact: exp_0]. Qed.

(** Half of all columns have equal signs at two places. *)
Lemma column_sum (i j : I) (x : R) : j != i ->
  \sum_(c : {ffun I -> bool}) exp (x * (sign (c i) * sign (c j))) = #{ffun I -> bool} * ((exp x + exp (- x)) / 2).
Proof.
  move=> ne; pose flip (c : {ffun I -> bool}) : {ffun I -> bool} := [ffun k => if k == i then ~~ c k else c k].
  have inv : involutive flip.
    by move=> c; apply/ffunP => k; rewrite !ffunE; case: (k == i) => //; rewrite negbK.
  set S := LHS; have twice : S = \sum_(c : {ffun I -> bool}) exp (x * (sign (flip c i) * sign (flip c j))).
    by rewrite /S (reindex_inj (inv_inj inv)).
  suff : 2 * S = #{ffun I -> bool} * (exp x + exp (- x)) by lra.
  have -> : 2 * S = S + S by ring.
  rewrite {2}twice /S -sum_add -sum_const_all; apply: sum_eq => c _.
  rewrite !ffunE eqxx (negbTE ne); have -> : sign (~~ c i) = - sign (c i) by case: (c i); rewrite /sign /=; lra.
  have -> : x * (- sign (c i) * sign (c j)) = - (x * (sign (c i) * sign (c j))) by ring.
  have [->|->] : sign (c i) * sign (c j) = 1 \/ sign (c i) * sign (c j) = -1.
  - by case: (c i); case: (c j); rewrite /sign /=; [left | right | right | left]; ring.
  - by rewrite Rmult_1_r.
  have -> : x * -1 = - x by ring.
  by rewrite Ropp_involutive; ring.
Qed.

Lemma code_sum (i j : I) (x : R) : j != i ->
  \sum_(f : code) exp (x * product f i j) = #code * ((exp x + exp (- x)) / 2) ^ #|J|.
Proof.
  move=> ne; rewrite (sum_eq (g := fun f : code => \big[Rmult/1]_k exp (x * (sign (f k i) * sign (f k j))))) => [|f _]; last first.
    by rewrite -exp_sum sum_scale.
  rewrite -(bigA_distr_bigA (fun k (c : {ffun I -> bool}) => exp (x * (sign (c i) * sign (c j))))) /=.
  rewrite (eq_bigr (fun=> #{ffun I -> bool} * ((exp x + exp (- x)) / 2))) => [|k _]; last exact: column_sum.
  rewrite prod_const Rpow_mult_distr; congr (_ * _).
  have pow k m : INR (k ^ m) = INR k ^ m by elim: m => [|m ih] //; rewrite expnS mult_INR ih.
  by rewrite -pow -card_ffun.
Qed.

(** cosh x <= e^(x^2/2). *)
Lemma cosh_square (x : R) : 0 <= x -> (exp x + exp (- x)) / 2 <= exp (x ^ 2 / 2).
Proof.
  move=> h; have pos y : 0 < exp y + exp (- y) by have := exp_pos y; have := exp_pos (- y); lra.
  have tanh y : 0 <= y -> 0 <= y * (exp y + exp (- y)) - (exp y - exp (- y)).
    move=> y0; have e : 0 = 0 * (exp 0 + exp (- 0)) - (exp 0 - exp (- 0)) by rewrite Ropp_0; ring.
    rewrite {1}e; apply: (grows (f := fun y => y * (exp y + exp (- y)) - (exp y - exp (- y))) (f' := fun y => y * (exp y - exp (- y))) y0) => c hc.
      by auto_derive => //; ring.
    by apply: Rmult_le_pos; [lra | have := exp_increasing (- c) c ltac:(lra); lra].
  have step : 0 ^ 2 / 2 - ln ((exp 0 + exp (- 0)) / 2) <= x ^ 2 / 2 - ln ((exp x + exp (- x)) / 2).
    apply: (grows (f := fun y => y ^ 2 / 2 - ln ((exp y + exp (- y)) / 2))
      (f' := fun y => (y * (exp y + exp (- y)) - (exp y - exp (- y))) / (exp y + exp (- y))) h) => c hc.
      by have p := pos c; auto_derive; [lra | field; lra].
    by apply: Rmult_le_pos; [apply: tanh; lra | left; apply: Rinv_0_lt_compat; exact: pos].
  have one : (exp 0 + exp (- 0)) / 2 = 1 by rewrite Ropp_0 exp_0; lra.
  rewrite one ln_1 in step; rewrite -{1}(exp_ln ((exp x + exp (- x)) / 2)); last by have := pos x; lra.
  apply: exp_le; lra.
Qed.

(** The share of bad codes, by Hoeffding's bound for every pair. *)
Lemma bad_codes (mu : R) : 0 <= mu -> #(bad mu) <= #code * (#I * (#I - 1) / 2 * exp (- (#J * mu ^ 2 / 2))).
Proof.
  move=> mu0; pose e i j (f : code) := exp (mu * product f i j) * exp (- (#J * mu ^ 2)).
  have e0 i j f : 0 <= e i j f by apply: Rmult_le_pos; left; exact: exp_pos.
  have pair i j f : atleast (mu * #J) (product f i j) -> 1 <= e i j f.
    rewrite /atleast; case: Rle_dec => //= h _; rewrite /e -exp_plus -exp_0; apply: exp_le.
    have := Rmult_le_compat_l _ _ _ mu0 h; have -> : mu * (mu * #J) = #J * mu ^ 2 by ring.
    lra.
  have sym i j f : product f i j = product f j i by apply: sum_eq => k _; ring.
  have one f : f \in bad mu -> 2 <= \sum_i \sum_(j | j != i) e i j f.
    rewrite inE => /existsP [i /existsP [j /andP [ne h]]].
    have inner k : 0 <= \sum_(l | l != k) e k l f by apply: sum_ge0.
    have a : 1 <= \sum_(l | l != i) e i l f.
      by apply: Rle_trans (pair i j f h) _; apply: (@term_le_sum _ (fun l => l != i) (fun l => e i l f)).
    have b : 1 <= \sum_(l | l != j) e j l f.
      apply: Rle_trans (pair j i f _) _; first by rewrite sym.
      by apply: (@term_le_sum _ (fun l => l != j) (fun l => e j l f)) => //; rewrite eq_sym.
    rewrite (bigD1 i) //=.
    have c : \sum_(l | l != j) e j l f <= \sum_(k | k != i) \sum_(l | l != k) e k l f.
      by apply: (@term_le_sum _ (fun k => k != i) (fun k => \sum_(l | l != k) e k l f)).
    lra.
  have each i j : j != i -> \sum_(f : code) e i j f <= #code * exp (- (#J * mu ^ 2 / 2)).
    move=> ne; rewrite sum_scale_right code_sum // Rmult_assoc; apply: Rmult_le_compat_l; first exact: pos_INR.
    have c := cosh_square mu0; have c0 : 0 <= (exp mu + exp (- mu)) / 2 by have := exp_pos mu; have := exp_pos (- mu); lra.
    have := pow_incr _ _ #|J| (conj c0 c).
    have power k : exp (mu ^ 2 / 2) ^ k = exp (INR k * (mu ^ 2 / 2)).
      elim: k => [|k ih]; first by rewrite /= Rmult_0_l exp_0.
      by rewrite S_INR -tech_pow_Rmult ih -exp_plus; congr exp; ring.
    rewrite power; have p := exp_pos (- (#J * mu ^ 2)) => le; have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ p) le.
    by rewrite -exp_plus; have -> : #J * (mu ^ 2 / 2) + - (#J * mu ^ 2) = - (#J * mu ^ 2 / 2) by field.
  have all : 2 * #(bad mu) <= \sum_(f : code) \sum_i \sum_(j | j != i) e i j f.
    rewrite Rmult_comm -sum_const; apply: Rle_trans (_ : \sum_(f in bad mu) \sum_i \sum_(j | j != i) e i j f <= _).
      by apply: sum_le => f; exact: one.
    rewrite [X in _ <= X](sum_split (bad mu)).
    have : 0 <= \sum_(f in ~: bad mu) \sum_i \sum_(j | j != i) e i j f; last lra.
    by apply: sum_ge0 => f _; apply: sum_ge0 => i _; exact: sum_ge0.
  have swap : \sum_(f : code) \sum_i \sum_(j | j != i) e i j f = \sum_i \sum_(j | j != i) \sum_(f : code) e i j f.
    by rewrite exchange_big /=; apply: sum_eq => i _; rewrite exchange_big.
  have bound : \sum_i \sum_(j | j != i) \sum_(f : code) e i j f <= #I * ((#I - 1) * (#code * exp (- (#J * mu ^ 2 / 2)))).
    rewrite -sum_const_all; apply: sum_le => i _.
    apply: Rle_trans (_ : \sum_(j | j != i) (#code * exp (- (#J * mu ^ 2 / 2))) <= _); first by apply: sum_le => j; exact: each.
    have e1 : \sum_(j : I) (#code * exp (- (#J * mu ^ 2 / 2))) = #code * exp (- (#J * mu ^ 2 / 2)) + \sum_(j | j != i) (#code * exp (- (#J * mu ^ 2 / 2))).
      by rewrite (bigD1 i).
    by rewrite sum_const_all in e1; lra.
  rewrite swap in all; lra.
Qed.

End Signs.
