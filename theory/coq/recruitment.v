(** Recruitment: blocks are allocated when they pay, in nats of description length.

    A law and the codes are real functions on a finite type of outcomes, or predict the next token of a finite alphabet from the sequence of
    the tokens before it; a sequential test looks after every token up to a horizon T, and the bounds do not depend on T. Samples are
    independent because their sums are taken one sample after the other ([below], [spent], [ended]).

    Against the informal statements: independence of the gains is in the definitions and is no hypothesis ([power], [delay], [delay_sharp]); Wald's identity, Cantelli's and Hoeffding's inequalities, Kraft's sum and the binomial term, which Python argues in
    words, are proved here; mean times are those of tests that stop at T at the latest, for every T ([mean_time]), or that stop by T
    whatever comes ([mean_time_floor], [optimality]); gains of either sign, a logarithm of q/p among them, never reach K for certain, and
    [mean_time_floor_horizon] and [optimality_horizon] are about those, with what is missing at T made explicit; [gaussian_fitted] is about the tail of chi-square in closed form, not about Gaussian integrals. *)

From Coq Require Import Reals Lra Psatz Lia ZArith.
From Flocq Require Import Core.Raux.
From mathcomp Require Import all_ssreflect.
From Coquelicot Require Import Coquelicot.
From Localist Require Import Numbers Sums.
From Localist Require entropy dial.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

(** * Termination *)

(** Description length [dl k] after k recruitments: it rises by [rise k], and recruitment k + 1 lowers it by [drop k]. *)
Definition run (dl rise drop : nat -> R) := forall k, dl k.+1 = dl k + rise k - drop k.
Definition total (f : nat -> R) (m : nat) := \sum_(k < m) f k.

Lemma total_S f m : total f m.+1 = total f m + f m.
Proof. by rewrite /total big_ord_recr. Qed.

Lemma total_0 f : total f 0 = 0.
Proof. by rewrite /total big_ord0. Qed.

Lemma total_const c m : total (fun=> c) m = INR m * c.
Proof. by elim: m => [|m ih]; rewrite ?total_0 ?total_S ?ih ?S_INR /=; ring. Qed.

Lemma total_le f g m : (forall k, f k <= g k) -> total f m <= total g m.
Proof. by move=> h; elim: m => [|m ih]; rewrite ?total_0 ?total_S; [lra | have := h m; lra]. Qed.

Lemma run_total dl rise drop m : run dl rise drop -> dl m = dl 0%nat + total rise m - total drop m.
Proof. by move=> r; elim: m => [|m ih]; rewrite ?total_0 ?total_S; [lra | rewrite r ih; ring]. Qed.

Theorem budget (dl rise drop need : nat -> R) (m : nat) (low top : R) (is_run : run dl rise drop)
    (move : forall k, need k <= drop k) (rise_at_most : total rise m <= top) (floor : low <= dl m) :
  total need m <= dl 0%nat - low + top.
Proof. have := total_le m move; have := run_total m is_run; lra. Qed.

Theorem termination (dl rise drop : nat -> R) (m : nat) (gain low top : R) (is_run : run dl rise drop) (gain_positive : 0 < gain)
    (move : forall k, gain <= drop k) (rise_at_most : total rise m <= top) (floor : low <= dl m) :
  INR m <= (dl 0%nat - low + top) / gain.
Proof.
  have := budget (need := fun=> gain) is_run move rise_at_most floor; rewrite total_const => h.
  apply: (Rmult_le_reg_r gain) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

(** The greatest integer at most x is -ceil(-x). *)
Lemma whole (m : nat) (x : R) : INR m <= x -> INR m <= - IZR (Zceil (- x)).
Proof.
  move=> h; rewrite INR_IZR_INZ -opp_IZR; apply: IZR_le.
  have : (Zceil (- x) <= - Z.of_nat m)%Z; last lia.
  by apply: Zceil_glb; rewrite opp_IZR -INR_IZR_INZ; lra.
Qed.

Theorem whole_count (dl rise drop : nat -> R) (m : nat) (gain low top : R) (is_run : run dl rise drop) (gain_positive : 0 < gain)
    (move : forall k, gain <= drop k) (rise_at_most : total rise m <= top) (floor : low <= dl m) :
  INR m <= - IZR (Zceil (- (dl 0%nat - low + top) / gain)).
Proof.
  have -> : - (dl 0%nat - low + top) / gain = - ((dl 0%nat - low + top) / gain) by rewrite /Rdiv; ring.
  by apply: whole; exact: (termination is_run gain_positive move rise_at_most floor).
Qed.

(** It is attained: start at m gain, lower by gain each time. *)
Theorem whole_count_attained (m : nat) (gain : R) (gain_positive : 0 < gain) :
  exists dl, run dl (fun=> 0) (fun=> gain) /\ dl 0%nat = INR m * gain /\ dl m = 0.
Proof.
  exists (fun k => (INR m - INR k) * gain); split; last by split; rewrite /=; ring.
  by move=> k; rewrite S_INR; ring.
Qed.

Theorem streaming (dl rise drop cost : nat -> R) (m n : nat) (gain b : R) (is_run : run dl rise drop) (gain_positive : 0 < gain)
    (move : forall k, gain <= drop k) (sample : forall i, cost i <= b) (samples_cost : total rise m = total cost n) (floor : 0 <= dl m) :
  INR m <= (dl 0%nat + INR n * b) / gain.
Proof.
  have top : total rise m <= INR n * b by rewrite samples_cost -total_const; exact: total_le.
  by have := termination is_run gain_positive move top floor; rewrite Rminus_0_r.
Qed.

Theorem admissible (dl rise drop : nat -> R) (m : nat) (low : R) (is_run : run dl rise drop)
    (within : total drop m <= dl 0%nat - low + total rise m) :
  low <= dl m.
Proof. have := run_total m is_run; lra. Qed.

(** Requirements 2^-k sum to less than 2: a run meets all of them, for ever. *)
Theorem shrinking_gains : exists dl, run dl (fun=> 0) (fun k => / 2 ^ k) /\ forall k, 0 <= dl k.
Proof.
  exists (fun k => 2 / 2 ^ k); split=> k; last by apply: Rmult_le_pos; [lra | left; apply: Rinv_0_lt_compat; apply: pow_lt; lra].
  have p : 0 < 2 ^ k by apply: pow_lt; lra.
  by rewrite /=; field; lra.
Qed.

Theorem endless (dl drop : nat -> R) (m : nat) (is_run : run dl drop drop) : dl m = dl 0%nat.
Proof. have := run_total m is_run; lra. Qed.

Theorem density (scale level : R) (scale_positive : 0 < scale) (narrow : scale < exp level / 2) : ln (2 * scale) < level.
Proof. by rewrite -[X in _ < X]ln_exp; apply: ln_increasing; lra. Qed.

(** A Gaussian density at its mean: -ln of it falls below every level as sigma shrinks. *)
Theorem density_gaussian (sigma level : R) (positive : 0 < sigma) (narrow : sigma < exp level / sqrt (2 * PI)) :
  - ln (1 / (sigma * sqrt (2 * PI))) < level.
Proof.
  have root : 0 < sqrt (2 * PI) by apply: sqrt_lt_R0; have := PI_RGT_0; lra.
  have p : 0 < sigma * sqrt (2 * PI) by exact: Rmult_lt_0_compat.
  rewrite -ln_Rinv; last by apply: div_pos; lra.
  have -> : / (1 / (sigma * sqrt (2 * PI))) = sigma * sqrt (2 * PI) by field; split; lra.
  rewrite -[X in _ < X]ln_exp; apply: ln_increasing => //.
  have := Rmult_lt_compat_r _ _ _ root narrow; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

(** * False recruitment *)

Section Codes.
Variables (X : finType).
Implicit Types (p q : X -> R) (A : {set X}).

(** q saves at least k nats on every outcome of A. *)
Definition saves p q A (k : R) := forall x, x \in A -> exp k * p x <= q x.

Lemma saved_mass p q A k : saves p q A k -> \sum_(x in A) p x <= exp (- k) * \sum_(x in A) q x.
Proof.
  move=> h; rewrite -sum_scale; apply: sum_le => x /h le.
  have := Rmult_le_compat_l (exp (- k)) _ _ (Rlt_le _ _ (exp_pos _)) le.
  by rewrite -Rmult_assoc -exp_plus Rplus_opp_l exp_0; lra.
Qed.

Lemma part_le q A : (forall x, 0 <= q x) -> \sum_(x in A) q x <= \sum_x q x.
Proof. by move=> h; rewrite (sum_split A); have := sum_ge0 (P := fun x => x \in ~: A) (fun x _ => h x); lra. Qed.

End Codes.

Theorem parameter_cost (X : finType) (p q : X -> R) (A : {set X}) (k C : R) (likelihoods : forall x, 0 <= q x) (mass : \sum_x q x <= C)
    (saving : saves p q A k) :
  \sum_(x in A) p x <= C * exp (- k).
Proof.
  have e := exp_pos (- k); have := saved_mass saving; have := part_le A likelihoods => le.
  have := Rmult_le_compat_l (exp (- k)) _ _ (Rlt_le _ _ e) (Rle_trans _ _ _ le mass); lra.
Qed.

Theorem compression (X : finType) (p q : X -> R) (A : {set X}) (k : R) (likelihoods : forall x, 0 <= q x) (subprobability : \sum_x q x <= 1)
    (saving : saves p q A k) :
  \sum_(x in A) p x <= exp (- k).
Proof. by have := parameter_cost likelihoods subprobability saving; rewrite Rmult_1_l. Qed.

(** On A some candidate, whose penalty is pen, saves k nats net of it. *)
Theorem kraft (X Theta : finType) (p : X -> R) (q : Theta -> X -> R) (pen : Theta -> R) (A : {set X}) (k : R)
    (likelihoods : forall c x, 0 <= q c x) (subprobability : forall c, \sum_x q c x <= 1) (kraft : \sum_c exp (- pen c) <= 1)
    (saving : forall x, x \in A -> exists c, exp (k + pen c) * p x <= q c x) :
  \sum_(x in A) p x <= exp (- k).
Proof.
  pose mix x := \sum_c exp (- pen c) * q c x.
  have part c x : 0 <= exp (- pen c) * q c x by apply: Rmult_le_pos; [exact: Rlt_le (exp_pos _) | exact: likelihoods].
  apply: (compression (q := mix)).
  - by move=> x; exact: sum_ge0.
  - rewrite /mix exchange_big /=; apply: Rle_trans kraft; apply: sum_le => c _; rewrite sum_scale.
    by have := Rmult_le_compat_l (exp (- pen c)) _ _ (Rlt_le _ _ (exp_pos _)) (subprobability c); lra.
  move=> x /saving [c le]; apply: Rle_trans (term_le_sum (P := xpredT) (f := fun c => exp (- pen c) * q c x) (k := c) isT (fun c _ => part c x)).
  have := Rmult_le_compat_l (exp (- pen c)) _ _ (Rlt_le _ _ (exp_pos _)) le.
  by rewrite -Rmult_assoc -exp_plus (_ : - pen c + (k + pen c) = k) //; ring.
Qed.

Theorem offset (X : finType) (p c q : X -> R) (A : {set X}) (k b : R) (likelihoods : forall x, 0 <= q x) (subprobability : \sum_x q x <= 1)
    (offset : forall x, x \in A -> exp (- b) * p x <= c x) (saving : saves c q A k) :
  \sum_(x in A) p x <= exp (b - k).
Proof.
  have -> : exp (b - k) = exp (- (k - b)) by congr exp; ring.
  apply: (compression likelihoods subprobability) => x hx.
  have := Rmult_le_compat_l (exp k) _ _ (Rlt_le _ _ (exp_pos _)) (offset x hx).
  by rewrite -Rmult_assoc -exp_plus (_ : k + - b = k - b); [have := saving x hx; lra | ring].
Qed.

(** Ten coins, tossed twice: a coin's tosses fall alike with probability 1/2 and then save 2 ln 2 under the fitted coin; four save 5. *)
Theorem fitted : exp (- (5)) < \big[Rplus/0]_(k < 11 | (4 <= k)%N) (INR 'C(10, k) / 2 ^ 10) /\ \big[Rplus/0]_(k < 11 | (4 <= k)%N) (INR 'C(10, k) / 2 ^ 10) = 53 / 64
  /\ 5 < 4 * (2 * ln 2).
Proof.
  have -> : \big[Rplus/0]_(k < 11 | (4 <= k)%N) (INR 'C(10, k) / 2 ^ 10) = 53 / 64.
    by rewrite big_mkcond /= !big_ord_recr big_ord0 /=; field.
  by split; [enclose | split => //; enclose].
Qed.

Theorem gaussian_fitted : exp (- (5)) < exp (- (5)) * (1 + 5 + 5 ^ 2 / 2 + 5 ^ 3 / 6 + 5 ^ 4 / 24).
Proof. have := exp_pos (- (5)); lra. Qed.

Theorem lasso (Theta : finType) (norm : Theta -> R) (lam rho : R) (lam_nonnegative : 0 <= lam) (ball : forall c, norm c <= rho)
    (many : exp (lam * rho) < INR #|Theta|) :
  1 < \sum_c exp (- (lam * norm c)).
Proof.
  have e := exp_pos (- (lam * rho)).
  have le : \sum_(c : Theta) exp (- (lam * rho)) <= \sum_c exp (- (lam * norm c)).
    by apply: sum_le => c _; apply: exp_le; have := Rmult_le_compat_l _ _ _ lam_nonnegative (ball c); lra.
  rewrite sum_const_all in le.
  have := Rmult_lt_compat_r _ _ _ e many; rewrite -exp_plus Rplus_opp_r exp_0; lra.
Qed.

(** A thousand equally likely outcomes, a candidate certain of each, a norm of 1 as penalty: every outcome saves ln 1000 - 1. *)
Theorem lasso_recruits : exp (1 - ln 1000) < 1 /\ forall x : 'I_1000, exists c : 'I_1000,
  exp (ln 1000 - 1 + 1) * (1 / 1000) <= (if c == x then 1 else 0).
Proof.
  split; first by rewrite exp_minus exp_ln; [enclose | lra].
  move=> x; exists x; rewrite eqxx (_ : ln 1000 - 1 + 1 = ln 1000); last by ring.
  by rewrite exp_ln; lra.
Qed.

(** * Sequential tests *)

Section Sequential.
Variables (A : finType) (p q : seq A -> A -> R) (k : R).

(** Probability under p that q/p reaches e^k within [T] more tokens; P and Q are what the prefix h has under the two. *)
Fixpoint crossing (T : nat) (h : seq A) (P Q : R) : R :=
  if T is T'.+1 then \sum_a (if Rle_dec (exp k * (P * p h a)) (Q * q h a) then P * p h a
                             else crossing T' (rcons h a) (P * p h a) (Q * q h a))
  else 0.

End Sequential.

Theorem sequential (A : finType) (p q : seq A -> A -> R) (k : R) (T : nat) (likelihoods : forall h a, 0 <= q h a)
    (predictive : forall h, \sum_a q h a <= 1) :
  crossing p q k T [::] 1 1 <= exp (- k).
Proof.
  suff : forall h P Q, 0 <= Q -> crossing p q k T h P Q <= exp (- k) * Q by move=> /(_ [::] 1 1 ltac:(lra)); lra.
  have e := exp_pos (- k); elim: T => [|T ih] h P Q Q0 /=; first by apply: Rmult_le_pos; lra.
  apply: Rle_trans (_ : \sum_a (exp (- k) * Q) * q h a <= _).
    apply: sum_le => a _; have nonneg : 0 <= Q * q h a by apply: Rmult_le_pos.
    case: Rle_dec => /= [le|_]; last by have := ih (rcons h a) (P * p h a) (Q * q h a) nonneg; lra.
    have := Rmult_le_compat_l (exp (- k)) _ _ (Rlt_le _ _ e) le.
    by rewrite -Rmult_assoc -exp_plus Rplus_opp_l exp_0; lra.
  rewrite sum_scale; have := Rmult_le_compat_l (exp (- k) * Q) _ _ ltac:(apply: Rmult_le_pos; lra) (predictive h); lra.
Qed.

(** Tests m = 1, 2, ... on one law; E m is the event that test m + 1 recruits falsely, of probability at most e^-k_m. *)
Definition union (X : finType) (E : nat -> {set X}) (m : nat) := \bigcup_(i < m) E i.

Lemma union_S (X : finType) (E : nat -> {set X}) m : union E m.+1 = union E m :|: E m.
Proof. by rewrite /union big_ord_recr. Qed.

Lemma mass_union (X : finType) (p : X -> R) (A B : {set X}) : (forall x, 0 <= p x) ->
  \sum_(x in A :|: B) p x <= \sum_(x in A) p x + \sum_(x in B) p x.
Proof.
  move=> h; rewrite [\sum_(x in A :|: B) _]big_mkcond [\sum_(x in A) _]big_mkcond [\sum_(x in B) _]big_mkcond -sum_add.
  apply: sum_le => x _; rewrite inE; have := h x.
  by case: (x \in A); case: (x \in B) => /=; lra.
Qed.

Theorem all_time (X : finType) (p : X -> R) (E : nat -> {set X}) (threshold : nat -> R) (alpha : R) (M : nat)
    (law : forall x, 0 <= p x) (alpha_positive : 0 < alpha) (rates : forall m, \sum_(x in E m) p x <= exp (- threshold m))
    (thresholds : forall m, ln ((INR m + 1) * (INR m + 2) / alpha) <= threshold m) :
  \sum_(x in union E M) p x <= alpha * INR M / (INR M + 1).
Proof.
  have nat0 m : 0 <= INR m := pos_INR m.
  have cost m : \sum_(x in E m) p x <= alpha / ((INR m + 1) * (INR m + 2)).
    have d : 0 < (INR m + 1) * (INR m + 2) by have := nat0 m; nra.
    apply: Rle_trans (rates m) _; have := exp_le (Ropp_le_contravar _ _ (thresholds m)).
    rewrite [X in _ <= X]exp_Ropp exp_ln; last exact: div_pos.
    have -> : / ((INR m + 1) * (INR m + 2) / alpha) = alpha / ((INR m + 1) * (INR m + 2)) by field; have := nat0 m; split; [|split]; lra.
    lra.
  elim: M => [|M ih]; first by rewrite /union big_ord0 big_set0 /=; lra.
  rewrite union_S S_INR; apply: Rle_trans (mass_union _ _ law) _.
  have := cost M; have := nat0 M => M0.
  have -> : alpha * (INR M + 1) / (INR M + 1 + 1) = alpha * INR M / (INR M + 1) + alpha / ((INR M + 1) * (INR M + 2)) by field; lra.
  lra.
Qed.

Theorem ever (X : finType) (p : X -> R) (E : nat -> {set X}) (threshold : nat -> R) (alpha : R) (M : nat)
    (law : forall x, 0 <= p x) (alpha_positive : 0 < alpha) (rates : forall m, \sum_(x in E m) p x <= exp (- threshold m))
    (thresholds : forall m, ln ((INR m + 1) * (INR m + 2) / alpha) <= threshold m) :
  \sum_(x in union E M) p x < alpha.
Proof.
  apply: Rle_lt_trans (all_time M law alpha_positive rates thresholds) _; have := pos_INR M => M0.
  apply: (Rmult_lt_reg_r (INR M + 1)); first lra.
  by rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

(** * Power and delay *)

Section Sums.
Variables (X : finType) (p z : X -> R) (K : R).

Definition mean := \sum_x p x * z x.
Definition variance := \sum_x p x * (z x - mean) ^ 2.
(** P(s + Z_1 + ... + Z_N < K) for independent samples. *)
Fixpoint below (N : nat) (s : R) : R :=
  if N is N'.+1 then \sum_x p x * below N' (s + z x) else if Rlt_dec s K then 1 else 0.

Hypothesis law : distribution p.

Lemma mean_centred : \sum_x p x * (z x - mean) = 0.
Proof.
  rewrite (sum_eq (g := fun x => p x * z x - mean * p x)) => [|x _]; last by ring.
  by rewrite sum_sub sum_scale (proj2 law) -/mean; ring.
Qed.

Lemma below_bounds (f : nat -> R -> R) : (forall s, (if Rlt_dec s K then 1 else 0) <= f 0%nat s) ->
  (forall N s, \sum_x p x * f N (s + z x) <= f N.+1 s) -> forall N s, below N s <= f N s.
Proof.
  move=> base step; elim=> [|N ih] s //=; apply: Rle_trans (step N s); apply: sum_le => x _.
  by apply: Rmult_le_compat_l; [exact: (proj1 law) | exact: ih].
Qed.

(** The second moment about u of the sum that is left. *)
Lemma below_square u N : K < u -> below N 0 <= ((u - INR N * mean) ^ 2 + INR N * variance) / (u - K) ^ 2.
Proof.
  move=> Ku; have d : 0 < (u - K) ^ 2 by apply: pow_lt; lra.
  have := below_bounds (f := fun N s => ((u - s - INR N * mean) ^ 2 + INR N * variance) / (u - K) ^ 2).
  move=> /(_ _ _ N 0); rewrite Rminus_0_r; apply.
    move=> s; have -> : (u - s - INR 0 * mean) ^ 2 + INR 0 * variance = (u - s) ^ 2 by rewrite /INR; ring.
    case: Rlt_dec => h; last by apply: Rmult_le_pos; [exact: pow2_ge_0 | left; exact: Rinv_0_lt_compat].
    apply: (Rmult_le_reg_r ((u - K) ^ 2)) => //; rewrite /Rdiv Rmult_assoc Rinv_l; last exact: Rgt_not_eq.
    by rewrite Rmult_1_l Rmult_1_r; apply: pow_incr; lra.
  move=> {}N s; rewrite S_INR; set w := u - s - (INR N + 1) * mean.
  apply: Req_le; rewrite (sum_eq (g := fun x => / (u - K) ^ 2 * ((w ^ 2 + INR N * variance) * p x - 2 * w * (p x * (z x - mean)) + p x * (z x - mean) ^ 2))).
    rewrite sum_scale sum_add sum_sub !sum_scale mean_centred (proj2 law) -/variance /Rdiv; rewrite /w; ring.
  move=> x _; rewrite /Rdiv; have -> : u - (s + z x) - INR N * mean = w - (z x - mean) by rewrite /w; ring.
  ring.
Qed.

Lemma below_exp h N : 0 <= h -> below N 0 <= exp (h * K) * (\sum_x p x * exp (- (h * z x))) ^ N.
Proof.
  move=> h0; set m := \sum_x _.
  have := below_bounds (f := fun N s => exp (h * (K - s)) * m ^ N).
  move=> /(_ _ _ N 0); rewrite Rminus_0_r; apply.
    move=> s; rewrite /= Rmult_1_r; case: Rlt_dec => /= lt; last exact: Rlt_le (exp_pos _).
    by rewrite -exp_0; apply: exp_le; apply: Rmult_le_pos; lra.
  move=> {}N s; apply: Req_le; rewrite (sum_eq (g := fun x => exp (h * (K - s)) * m ^ N * (p x * exp (- (h * z x))))).
    by rewrite sum_scale -/m /=; ring.
  move=> x _; have -> : h * (K - (s + z x)) = h * (K - s) + - (h * z x) by ring.
  by rewrite exp_plus; ring.
Qed.

Lemma below_le1 N s : below N s <= 1.
Proof.
  apply: (below_bounds (f := fun _ _ => 1)) => [{}s|{}N {}s]; first by case: Rlt_dec => /=; lra.
  by rewrite (sum_eq (g := p)) ?(proj2 law); [lra | move=> x _; ring].
Qed.

Variables (low R_g : R).
Hypothesis range : forall x, low <= z x <= low + R_g.

Lemma mean_range : low <= mean <= low + R_g.
Proof.
  have one := proj2 law; have nonneg := proj1 law.
  split.
    have : \sum_x low * p x <= mean by apply: sum_le => x _; have := range x; have := nonneg x; nra.
    by rewrite sum_scale one; lra.
  have : mean <= \sum_x (low + R_g) * p x by apply: sum_le => x _; have := range x; have := nonneg x; nra.
  by rewrite sum_scale one; lra.
Qed.

Lemma variance_ge0 : 0 <= variance.
Proof. by apply: sum_ge0 => x _; apply: Rmult_le_pos; [exact: (proj1 law) | exact: pow2_ge_0]. Qed.

(** Popoviciu. *)
Lemma variance_range : variance <= R_g ^ 2 / 4.
Proof.
  pose c := low + R_g / 2.
  have split_c : \sum_x p x * (z x - c) ^ 2 = variance + (mean - c) ^ 2.
    rewrite (sum_eq (g := fun x => p x * (z x - mean) ^ 2 + (2 * (mean - c) * (p x * (z x - mean)) + (mean - c) ^ 2 * p x))) => [|x _]; last by ring.
    by rewrite !sum_add !sum_scale mean_centred (proj2 law) -/variance; ring.
  have : \sum_x p x * (z x - c) ^ 2 <= \sum_x R_g ^ 2 / 4 * p x.
    apply: sum_le => x _; have := range x; have := proj1 law x; rewrite /c => p0 [lo hi].
    have : (z x - (low + R_g / 2)) ^ 2 <= R_g ^ 2 / 4 by nra.
    move=> le; have := Rmult_le_compat_l _ _ _ p0 le; lra.
  rewrite sum_scale (proj2 law) split_c; have := pow2_ge_0 (mean - c); lra.
Qed.

End Sums.

(** ln(1 - s + s e^y) <= s y + y^2/8. *)
Lemma two_point s y : 0 <= s <= 1 -> 0 <= y -> 1 - s + s * exp y <= exp (s * y + y ^ 2 / 8).
Proof.
  move=> s01 y0; have ey := exp_tangent y.
  have [s0|[s1|open]] : s = 0 \/ s = 1 \/ 0 < s < 1 by lra.
  - by rewrite s0; have := exp_tangent (0 * y + y ^ 2 / 8); have := pow2_ge_0 y; lra.
  - by rewrite s1; have := exp_le (x := y) (y := 1 * y + y ^ 2 / 8); have := pow2_ge_0 y => sq /(_ ltac:(lra)); lra.
  have pos t : 0 < 1 - s + s * exp t by have := exp_pos t; nra.
  suff : ln (1 - s + s * exp y) <= s * y + y ^ 2 / 8 by move=> /exp_le; rewrite exp_ln.
  have := entropy.grows (f := fun t => s * t + t ^ 2 / 8 - ln (1 - s + s * exp t)) (f' := fun t => s + t / 4 - s * exp t / (1 - s + s * exp t)) y0.
  rewrite exp_0 (_ : 1 - s + s * 1 = 1); last by ring.
  rewrite ln_1 => /(_ _ _) g; suff : s * 0 + 0 ^ 2 / 8 - 0 <= s * y + y ^ 2 / 8 - ln (1 - s + s * exp y) by lra.
  apply: g => t ht; first by auto_derive; [exact: pos | field; have := pos t; lra].
  have [_ gap] := dial.mass_at_gap (eps0 := s) (x := - t) (y := 0) open ltac:(lra).
  have below := dial.quarter_tanh_below (x := 0 - - t) ltac:(lra).
  have here : dial.mass_at s 0 = s by rewrite /dial.mass_at exp_0; field; lra.
  have there : dial.mass_at s (- t) = s * exp t / (1 - s + s * exp t).
    by rewrite /dial.mass_at exp_Ropp; have := exp_pos t; have := pos t => h e; field; split; [|nra]; nra.
  rewrite here there in gap; lra.
Qed.

(** Hoeffding's lemma: E e^(-h Z) <= exp(-h E Z + h^2 R^2/8) for Z in an interval of length R. *)
Lemma hoeffding (X : finType) (p z : X -> R) (low R_g h : R) (law : distribution p) (range : forall x, low <= z x <= low + R_g) :
  0 < R_g -> 0 <= h -> \sum_x p x * exp (- (h * z x)) <= exp (- (h * mean p z) + h ^ 2 * R_g ^ 2 / 8).
Proof.
  move=> Rp h0; pose y := h * R_g; pose s := 1 - (mean p z - low) / R_g.
  have y0 : 0 <= y by apply: Rmult_le_pos; lra.
  have m := mean_range law range.
  have s01 : 0 <= s <= 1.
    have : 0 <= (mean p z - low) / R_g <= 1; last by rewrite /s; lra.
    split; first by apply: Rmult_le_pos; [lra | left; exact: Rinv_0_lt_compat].
    by apply: (Rmult_le_reg_r R_g) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
  (* the chord between the ends of the interval, measured from its top *)
  pose top := exp (- (h * (low + R_g))).
  have chord x : exp (- (h * z x)) <= top * (1 + (low + R_g - z x) / R_g * (exp y - 1)).
    have t01 : 0 <= (low + R_g - z x) / R_g <= 1.
      have := range x => r; split; first by apply: Rmult_le_pos; [lra | left; exact: Rinv_0_lt_compat].
      by apply: (Rmult_le_reg_r R_g) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
    have := entropy.exp_chord y t01 => c.
    have -> : exp (- (h * z x)) = top * exp ((low + R_g - z x) / R_g * y).
      by rewrite /top /y -exp_plus; congr exp; field; lra.
    by apply: Rmult_le_compat_l; [exact: Rlt_le (exp_pos _) | lra].
  have le : \sum_x p x * exp (- (h * z x)) <= top * (1 - s + s * exp y).
    have : \sum_x p x * exp (- (h * z x)) <= \sum_x (top * (1 + (low + R_g) / R_g * (exp y - 1)) * p x - top * (exp y - 1) / R_g * (p x * z x)).
      apply: sum_le => x _; have := Rmult_le_compat_l _ _ _ (proj1 law x) (chord x) => c; apply: Rle_trans c _.
      by apply: Req_le; field; lra.
    rewrite sum_sub !sum_scale (proj2 law) -/(mean p z) => c; apply: Rle_trans c _; apply: Req_le; rewrite /s; field; lra.
  apply: Rle_trans le _; have := two_point s01 y0 => t.
  have := Rmult_le_compat_l top _ _ (Rlt_le _ _ (exp_pos _)) t => {}t; apply: Rle_trans t _; apply: Req_le.
  by rewrite /top -exp_plus; congr exp; rewrite /s /y; field; lra.
Qed.

Lemma exp_pow x n : exp x ^ n = exp (INR n * x).
Proof. by elim: n => [|n ih]; rewrite ?S_INR /= ?Rmult_0_l ?exp_0 // ih -exp_plus; congr exp; ring. Qed.

(** P(S_N < K), all samples independent of the law p and gains z in an interval of length R_g. *)
Theorem power_variance_independent (X : finType) (p z : X -> R) (K low R_g : R) (N : nat) (law : distribution p)
    (range : forall x, low <= z x <= low + R_g) (enough : 0 < INR N * mean p z - K) :
  below p z K N 0 <= INR N * R_g ^ 2 / (INR N * R_g ^ 2 + 4 * (INR N * mean p z - K) ^ 2).
Proof.
  set x := INR N * mean p z - K in enough *; set V := INR N * variance p z.
  have N0 := pos_INR N; have v0 := variance_ge0 z law; have v1 := variance_range law range.
  have V0 : 0 <= V by apply: Rmult_le_pos.
  have V1 : V <= INR N * (R_g ^ 2 / 4) by apply: Rmult_le_compat_l.
  have x2 : 0 < x ^ 2 by apply: pow_lt.
  have Vx : 0 <= V / x by apply: Rmult_le_pos => //; left; exact: Rinv_0_lt_compat.
  have := below_square z (K := K) (u := INR N * mean p z + V / x) law N ltac:(rewrite /x in enough Vx *; lra) => le.
  apply: Rle_trans le _.
  have -> : INR N * mean p z + V / x - INR N * mean p z = V / x by ring.
  have -> : INR N * mean p z + V / x - K = x + V / x by rewrite /x; ring.
  rewrite -/V.
  have -> : ((V / x) ^ 2 + V) / (x + V / x) ^ 2 = V / (V + x ^ 2) by field; repeat split; nra.
  apply: div_le; nra.
Qed.

Definition covariance (X : finType) (p y z : X -> R) := \sum_x p x * ((y x - mean p y) * (z x - mean p z)).

Lemma variance_sum (X : finType) (p : X -> R) (N : nat) (z : 'I_N -> X -> R) :
  variance p (fun x => \sum_(i < N) z i x) = \sum_(i < N) \sum_(j < N) covariance p (z i) (z j).
Proof.
  have mean_sum : mean p (fun x => \sum_(i < N) z i x) = \sum_(i < N) mean p (z i).
    by rewrite /mean exchange_big; apply: sum_eq => x _; rewrite sum_scale.
  rewrite /variance mean_sum /covariance.
  have -> : \sum_(i < N) \sum_(j < N) \sum_x p x * ((z i x - mean p (z i)) * (z j x - mean p (z j)))
      = \sum_x \sum_(i < N) \sum_(j < N) p x * ((z i x - mean p (z i)) * (z j x - mean p (z j))).
    by rewrite [RHS]exchange_big; apply: sum_eq => i _; rewrite [RHS]exchange_big.
  apply: sum_eq => x _; rewrite -sum_sub /= Rmult_1_r big_distrlr /= -sum_scale.
  by apply: eq_bigr => i _; rewrite big_distrr.
Qed.

(** P(S < K), S the sum of gains under one law, alike in mean, in an interval of length R_g, and uncorrelated all together. *)
Theorem power_variance (X : finType) (p : X -> R) (N : nat) (z : 'I_N -> X -> R) (K low R_g D : R) (law : distribution p)
    (range : forall i x, low <= z i x <= low + R_g) (alike : forall i, mean p (z i) = D)
    (uncorrelated : \sum_(i < N) \big[Rplus/0]_(j < N | j != i) covariance p (z i) (z j) <= 0) (enough : 0 < INR N * D - K) :
  \sum_x p x * (if Rlt_dec (\sum_(i < N) z i x) K then 1 else 0) <= INR N * R_g ^ 2 / (INR N * R_g ^ 2 + 4 * (INR N * D - K) ^ 2).
Proof.
  set S := fun x => \sum_(i < N) z i x; set x := INR N * D - K in enough *; set V := variance p S.
  have N0 := pos_INR N; have V0 : 0 <= V := variance_ge0 S law.
  have total : mean p S = INR N * D.
    rewrite /mean /S (sum_eq (g := fun x => \sum_(i < N) p x * z i x)) => [|y _]; last by rewrite sum_scale.
    by rewrite exchange_big (sum_eq (g := fun=> D)) => [|i _]; [rewrite sum_const_all card_ord | exact: alike].
  have V1 : V <= INR N * (R_g ^ 2 / 4).
    rewrite /V variance_sum (sum_eq (g := fun i => variance p (z i) + \big[Rplus/0]_(j < N | j != i) covariance p (z i) (z j))).
      rewrite sum_add; have : \sum_(i < N) variance p (z i) <= \sum_(i < N) (R_g ^ 2 / 4).
        by apply: sum_le => i _; exact: (variance_range law (range i)).
      rewrite sum_const_all card_ord => v.
      by apply: Rle_trans (Rplus_le_compat _ _ _ _ v uncorrelated) _; rewrite Rplus_0_r; right.
    move=> i _; rewrite (bigD1 i) //=; congr (_ + _).
    by rewrite /covariance /variance; apply: sum_eq => y _; rewrite /= Rmult_1_r.
  have x2 : 0 < x ^ 2 by apply: pow_lt.
  have Vx : 0 <= V / x by apply: Rmult_le_pos => //; left; exact: Rinv_0_lt_compat.
  have := below_square S (K := K) (u := INR N * D + V / x) law 1 ltac:(rewrite /x in enough Vx *; lra).
  rewrite -/V total /= (sum_eq (g := fun y => p y * (if Rlt_dec (\sum_(i < N) z i y) K then 1 else 0))) => [|y _]; last by rewrite Rplus_0_l.
  move=> le; apply: Rle_trans le _.
  have -> : INR N * D + V / x - K = x + V / x by rewrite /x; ring.
  have -> : ((INR N * D + V / x - 1 * (INR N * D)) * ((INR N * D + V / x - 1 * (INR N * D)) * 1) + 1 * V) / ((x + V / x) * ((x + V / x) * 1))
      = V / (V + x ^ 2) by field; repeat split; nra.
  apply: div_le; nra.
Qed.

Theorem power (X : finType) (p z : X -> R) (K low R_g : R) (N : nat) (law : distribution p) (R_positive : 0 < R_g)
    (range : forall x, low <= z x <= low + R_g) (samples_positive : (0 < N)%N) (enough : 0 < INR N * mean p z - K) :
  below p z K N 0 <= exp (- (2 * (INR N * mean p z - K) ^ 2 / (INR N * R_g ^ 2))).
Proof.
  have N1 : 0 < INR N by apply: lt_0_INR; apply/ltP.
  set x := INR N * mean p z - K in enough *; pose h := 4 * x / (INR N * R_g ^ 2).
  have d : 0 < INR N * R_g ^ 2 by apply: Rmult_lt_0_compat => //; apply: pow_lt.
  have h0 : 0 <= h by left; apply: div_pos => //; lra.
  apply: Rle_trans (below_exp z K law N h0) _.
  have := hoeffding law range R_positive h0 => le.
  have nonneg : 0 <= \sum_x p x * exp (- (h * z x)).
    by apply: sum_ge0 => y _; apply: Rmult_le_pos; [exact: (proj1 law) | exact: Rlt_le (exp_pos _)].
  have := pow_incr _ _ N (conj nonneg le); rewrite exp_pow => {}le.
  have := Rmult_le_compat_l (exp (h * K)) _ _ (Rlt_le _ _ (exp_pos _)) le => {}le; apply: Rle_trans le _.
  rewrite -exp_plus; apply: exp_le; apply: Req_le.
  have -> : K = INR N * mean p z - x by rewrite /x; ring.
  by rewrite /h; field; split; lra.
Qed.

Lemma power_below (X : finType) (p z : X -> R) (K low R_g delta : R) (N : nat) : distribution p -> 0 < R_g ->
  (forall x, low <= z x <= low + R_g) -> (0 < N)%N -> 0 < delta -> 0 < INR N * mean p z - K ->
  - ln delta <= 2 * (INR N * mean p z - K) ^ 2 / (INR N * R_g ^ 2) -> below p z K N 0 <= delta.
Proof.
  move=> law Rp range Np d0 enough le; apply: Rle_trans (power law Rp range Np enough) _.
  by rewrite -[X in _ <= X](exp_ln delta) //; apply: exp_le; lra.
Qed.

Theorem delay (X : finType) (p z : X -> R) (K low R_g delta : R) (N : nat) (law : distribution p) (R_positive : 0 < R_g)
    (range : forall x, low <= z x <= low + R_g) (mean_positive : 0 < mean p z) (delta_positive : 0 < delta) (samples_positive : (0 < N)%N)
    (samples : Rmax (2 * K / mean p z) (- (2 * R_g ^ 2 * ln delta / mean p z ^ 2)) <= INR N) :
  below p z K N 0 <= delta.
Proof.
  have N1 : 0 < INR N by apply: lt_0_INR; apply/ltP.
  have d2 : 0 < mean p z ^ 2 by apply: pow_lt.
  have first : 2 * K <= INR N * mean p z.
    have := Rle_trans _ _ _ (Rmax_l _ _) samples => le; have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ mean_positive) le.
    by rewrite /Rdiv Rmult_assoc Rinv_l; lra.
  have second : - (2 * R_g ^ 2 * ln delta) <= INR N * mean p z ^ 2.
    have := Rle_trans _ _ _ (Rmax_r _ _) samples => le; have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ d2) le.
    have -> : - (2 * R_g ^ 2 * ln delta / mean p z ^ 2) * mean p z ^ 2 = - (2 * R_g ^ 2 * ln delta) by field; lra.
    by [].
  have positive : 0 < INR N * mean p z by apply: Rmult_lt_0_compat.
  have r2 : 0 < R_g ^ 2 by apply: pow_lt.
  apply: (power_below law R_positive range) => //; first lra.
  apply: (Rmult_le_reg_r (INR N * R_g ^ 2)); first by apply: Rmult_lt_0_compat.
  rewrite /Rdiv Rmult_assoc Rinv_l; last by apply: Rgt_not_eq; apply: Rmult_lt_0_compat.
  have half : (INR N * mean p z / 2) ^ 2 <= (INR N * mean p z - K) ^ 2 by apply: pow_incr; lra.
  have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ N1) second; nra.
Qed.

Theorem delay_sharp (X : finType) (p z : X -> R) (K low R_g delta : R) (N : nat) (law : distribution p) (R_positive : 0 < R_g)
    (range : forall x, low <= z x <= low + R_g) (mean_positive : 0 < mean p z) (delta_positive : 0 < delta) (target : delta < 1)
    (threshold : 0 < K) (samples_positive : (0 < N)%N)
    (samples : let c := R_g * sqrt (- ln delta / 2) in (c + sqrt (c ^ 2 + 4 * mean p z * K)) / (2 * mean p z) <= sqrt (INR N)) :
  below p z K N 0 <= delta.
Proof.
  move: samples => /=; set D := mean p z in mean_positive *; set c := R_g * _; set s := sqrt (c ^ 2 + _) => samples.
  have N1 : 0 < INR N by apply: lt_0_INR; apply/ltP.
  have l0 : 0 < - ln delta by have := ln_increasing _ _ delta_positive target; rewrite ln_1; lra.
  have root : sqrt (- ln delta / 2) ^ 2 = - ln delta / 2 by rewrite pow2_sqrt; lra.
  have c0 : 0 < c by apply: Rmult_lt_0_compat => //; apply: sqrt_lt_R0; lra.
  have c2 : c ^ 2 = R_g ^ 2 * (- ln delta / 2) by rewrite /c Rpow_mult_distr root.
  have DK : 0 < D * K by apply: Rmult_lt_0_compat.
  have s2 : s ^ 2 = c ^ 2 + 4 * D * K by rewrite pow2_sqrt //; nra.
  have s0 : 0 <= s := sqrt_pos _.
  set w := sqrt (INR N) in samples *; have w0 : 0 < w by apply: sqrt_lt_R0.
  have w2 : w ^ 2 = INR N by rewrite pow2_sqrt; lra.
  have lead : s <= 2 * D * w - c.
    have := Rmult_le_compat_r (2 * D) _ _ ltac:(lra) samples; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
  have left : c * w <= INR N * D - K.
    have := pow_incr _ _ 2 (conj s0 lead); rewrite s2 -w2 => sq.
    apply: (Rmult_le_reg_r (4 * D)); first lra.
    nra.
  have cw : 0 < c * w by apply: Rmult_lt_0_compat.
  apply: (power_below law R_positive range) => //; rewrite -/D; first lra.
  have r2 : 0 < R_g ^ 2 by apply: pow_lt.
  apply: (Rmult_le_reg_r (INR N * R_g ^ 2)); first by apply: Rmult_lt_0_compat.
  rewrite /Rdiv Rmult_assoc Rinv_l; last by apply: Rgt_not_eq; apply: Rmult_lt_0_compat.
  have := pow_incr _ _ 2 (conj (Rlt_le _ _ cw) left); rewrite Rpow_mult_distr w2 c2; nra.
Qed.

(** * Mean times *)

Section Stopping.
Variables (X : finType) (p z : X -> R) (K : R).

(** E min(N, T), and E S at that time, from a sum s; N is the first time at which the sum reaches K. *)
Fixpoint spent (T : nat) (s : R) : R :=
  if T is T'.+1 then 1 + \sum_x p x * (if Rle_dec K (s + z x) then 0 else spent T' (s + z x)) else 0.
Fixpoint ended (T : nat) (s : R) : R :=
  if T is T'.+1 then \sum_x p x * (if Rle_dec K (s + z x) then s + z x else ended T' (s + z x)) else s.
(** The sum reaches K within T samples, whatever comes. *)
Fixpoint reaches (T : nat) (s : R) : Prop :=
  if T is T'.+1 then forall x, 0 < p x -> K <= s + z x \/ reaches T' (s + z x) else False.

Hypothesis law : distribution p.

Lemma wald T s : ended T s = s + mean p z * spent T s.
Proof.
  elim: T s => [|T ih] s /=; first by ring.
  rewrite (sum_eq (g := fun x => s * p x + p x * z x + mean p z * (p x * (if Rle_dec K (s + z x) then 0 else spent T (s + z x))))).
    by rewrite !sum_add !sum_scale (proj2 law) -/(mean p z); ring.
  by move=> x _; case: Rle_dec => /= _; rewrite ?ih; ring.
Qed.

Lemma ended_at_most b T s : (forall x, z x <= b) -> s <= K + b -> s <= K -> ended T s <= K + b.
Proof.
  move=> top; elim: T s => [|T ih] s sb sK //=.
  apply: Rle_trans (_ : \sum_x (K + b) * p x <= _); last by rewrite sum_scale (proj2 law); lra.
  apply: sum_le => x _; have := proj1 law x => p0; have := top x => zb.
  case: Rle_dec => /= h; first by have := Rmult_le_compat_l _ _ _ p0 (_ : s + z x <= K + b); move=> /(_ ltac:(lra)); lra.
  by have := Rmult_le_compat_l _ _ _ p0 (ih (s + z x) ltac:(lra) ltac:(lra)); lra.
Qed.

Lemma ended_at_least T s : reaches T s -> K <= ended T s.
Proof.
  elim: T s => [|T ih] s //= h.
  apply: Rle_trans (_ : _ <= \sum_x K * p x) _; first by rewrite sum_scale (proj2 law); lra.
  apply: sum_le => x _; case: (proj1 law x) => [p0|<-]; last lra.
  rewrite Rmult_comm; apply: Rmult_le_compat_l; first lra.
  by case: Rle_dec => /= c //; case: (h x p0) => [le|/ih]; lra.
Qed.

End Stopping.

Theorem mean_time_floor (X : finType) (p z : X -> R) (K : R) (T : nat) (law : distribution p) (mean_positive : 0 < mean p z)
    (reached : reaches p z K T 0) :
  K / mean p z <= spent p z K T 0.
Proof.
  have := ended_at_least law reached; rewrite wald // => le.
  by apply: (Rmult_le_reg_r (mean p z)) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

Theorem mean_time (X : finType) (p z : X -> R) (K b : R) (T : nat) (law : distribution p) (mean_positive : 0 < mean p z)
    (K_nonnegative : 0 <= K) (b_nonnegative : 0 <= b) (overshoot : forall x, z x <= b) :
  spent p z K T 0 <= (K + b) / mean p z.
Proof.
  have := ended_at_most (K := K) law T (s := 0) overshoot ltac:(lra) K_nonnegative; rewrite wald // => le.
  by apply: (Rmult_le_reg_r (mean p z)) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

Section Waiting.
Variables (X : finType) (p z : X -> R) (K : R).
(** Probability that the sum, from s, has not reached K after T samples. *)
Fixpoint waiting (T : nat) (s : R) : R :=
  if T is T'.+1 then \sum_x p x * (if Rle_dec K (s + z x) then 0 else waiting T' (s + z x)) else 1.

Hypothesis law : distribution p.

Lemma below_ge0 T s : 0 <= below p z K T s.
Proof.
  elim: T s => [|T ih] s /=; first by case: Rlt_dec => /=; lra.
  by apply: sum_ge0 => x _; apply: Rmult_le_pos; [exact: (proj1 law) | exact: ih].
Qed.

Lemma waiting_ge0 T s : 0 <= waiting T s.
Proof.
  elim: T s => [|T ih] s /=; first lra.
  by apply: sum_ge0 => x _; apply: Rmult_le_pos; [exact: (proj1 law) | case: Rle_dec => /= _; [lra | exact: ih]].
Qed.

Lemma waiting_below T s : s < K -> waiting T s <= below p z K T s.
Proof.
  elim: T s => [|T ih] s sK /=; first by case: Rlt_dec => /= h; lra.
  apply: sum_le => x _; apply: Rmult_le_compat_l; first exact: (proj1 law).
  by case: Rle_dec => /= h; [exact: below_ge0 | apply: ih; lra].
Qed.

(** The sum where the test stops, or after T samples, is at least K but for what is short of it while the test waits. *)
Lemma ended_waiting m T s : (forall x, - m <= z x) -> K - (K - s + INR T * m) * waiting T s <= ended p z K T s.
Proof.
  move=> worst; elim: T s => [|T ih] s; first by rewrite /=; lra.
  rewrite S_INR /=; set c := K - s + (INR T + 1) * m.
  have -> : K - c * (\sum_x p x * (if Rle_dec K (s + z x) then 0 else waiting T (s + z x)))
      = \sum_x (K * p x - c * (p x * (if Rle_dec K (s + z x) then 0 else waiting T (s + z x)))).
    by rewrite sum_sub !sum_scale (proj2 law); ring.
  apply: sum_le => x _; have := proj1 law x => p0.
  case: Rle_dec => /= h; first by have := Rmult_le_compat_l _ _ _ p0 h; lra.
  have w0 := waiting_ge0 T (s + z x); have wx := worst x.
  have : (K - (s + z x) + INR T * m) * waiting T (s + z x) <= c * waiting T (s + z x).
    by apply: Rmult_le_compat_r => //; rewrite /c; lra.
  move=> le; have := ih (s + z x) => le'.
  have := Rmult_le_compat_l _ _ _ p0 (_ : K - c * waiting T (s + z x) <= ended p z K T (s + z x)); move=> /(_ ltac:(lra)); lra.
Qed.
End Waiting.

(** Gains of either sign never reach K for certain within T samples. What is missing falls exponentially with T. *)
Theorem mean_time_floor_horizon (X : finType) (p z : X -> R) (K m low R_g : R) (T : nat) (law : distribution p) (R_positive : 0 < R_g)
    (range : forall x, low <= z x <= low + R_g) (worst : forall x, - m <= z x) (m_nonnegative : 0 <= m) (mean_positive : 0 < mean p z)
    (threshold : 0 < K) (samples_positive : (0 < T)%N) (enough : 0 < INR T * mean p z - K) :
  K / mean p z - (K + INR T * m) / mean p z * exp (- (2 * (INR T * mean p z - K) ^ 2 / (INR T * R_g ^ 2))) <= spent p z K T 0.
Proof.
  have := ended_waiting K law T 0 worst; rewrite wald // Rplus_0_l Rminus_0_r => le.
  have w := Rle_trans _ _ _ (waiting_below z law T threshold) (power law R_positive range samples_positive enough).
  set e := exp _ in w *; have c0 : 0 <= K + INR T * m by have := Rmult_le_pos _ _ (pos_INR T) m_nonnegative; lra.
  have := Rmult_le_compat_l _ _ _ c0 w => {}w.
  apply: (Rmult_le_reg_r (mean p z)) => //.
  have -> : (K / mean p z - (K + INR T * m) / mean p z * e) * mean p z = K - (K + INR T * m) * e by field; lra.
  lra.
Qed.

Section Optimality.
Variables (X : finType) (p q : X -> R) (stop : seq X -> bool).

(** ln(q/p), what a sample says for the truth q against the current model p. *)
Definition evidence x := ln (q x / p x).
(** Under q: mean number of samples of a test that stops where [stop] says so, T at most; under p: probability that it stops by T. *)
Fixpoint samples_used (T : nat) (h : seq X) : R :=
  if stop h then 0 else if T is T'.+1 then 1 + \sum_x q x * samples_used T' (rcons h x) else 0.
Fixpoint false_stop (T : nat) (h : seq X) : R :=
  if stop h then 1 else if T is T'.+1 then \sum_x p x * false_stop T' (rcons h x) else 0.
(** Under q it always stops by T. *)
Fixpoint settles (T : nat) (h : seq X) : Prop :=
  if stop h then True else if T is T'.+1 then forall x, 0 < q x -> settles T' (rcons h x) else False.

Hypotheses (truth : distribution q) (current : forall x, 0 <= p x) (supported : forall x, 0 < q x -> 0 < p x).

Lemma jensen (f : X -> R) : exp (- (\sum_x q x * f x)) <= \sum_x q x * exp (- f x).
Proof.
  set m := \sum_x _; have e := exp_pos (- m).
  have : \sum_x (exp (- m) * (1 + m) * q x - exp (- m) * (q x * f x)) <= \sum_x q x * exp (- f x).
    apply: sum_le => x _; have := exp_tangent (m - f x) => t; have := proj1 truth x => q0.
    have -> : exp (- f x) = exp (- m) * exp (m - f x) by rewrite -exp_plus; congr exp; ring.
    have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ e) t => {}t; have := Rmult_le_compat_l _ _ _ q0 t; lra.
  rewrite sum_sub !sum_scale (proj2 truth) -/m; lra.
Qed.

Lemma false_stop_ge0 T h : 0 <= false_stop T h.
Proof.
  elim: T h => [|T ih] h /=; case: (stop h); try lra.
  by apply: sum_ge0 => x _; apply: Rmult_le_pos.
Qed.

Lemma stops_at_least T h : settles T h -> exp (- (mean q evidence * samples_used T h)) <= false_stop T h.
Proof.
  elim: T h => [|T ih] h /=; case: (stop h) => //; try by move=> _; rewrite Rmult_0_r Ropp_0 exp_0; lra.
  move=> s; have -> : mean q evidence * (1 + \sum_x q x * samples_used T (rcons h x))
      = \sum_x q x * (evidence x + mean q evidence * samples_used T (rcons h x)).
    rewrite [RHS](sum_eq (g := fun x => q x * evidence x + mean q evidence * (q x * samples_used T (rcons h x)))) => [|x _]; last by ring.
    by rewrite sum_add sum_scale -/(mean q evidence); ring.
  apply: Rle_trans (jensen _) _; apply: sum_le => x _; case: (proj1 truth x) => [q0|<-].
    have p0 := supported q0; have := ih _ (s x q0) => le.
    rewrite Ropp_plus_distr exp_plus /evidence -ln_Rinv; last exact: div_pos.
    rewrite exp_ln; last by apply: Rinv_0_lt_compat; exact: div_pos.
    have -> : q x * (/ (q x / p x) * exp (- (mean q evidence * samples_used T (rcons h x))))
        = p x * exp (- (mean q evidence * samples_used T (rcons h x))) by field; lra.
    by apply: Rmult_le_compat_l => //; lra.
  by rewrite Rmult_0_l; apply: Rmult_le_pos; [exact: current | exact: false_stop_ge0].
Qed.

End Optimality.

Theorem optimality (X : finType) (p q : X -> R) (stop : seq X -> bool) (T : nat) (alpha : R) (truth : distribution q)
    (current : forall x, 0 <= p x) (supported : forall x, 0 < q x -> 0 < p x) (mean_positive : 0 < mean q (evidence p q))
    (settled : settles q stop T [::]) (level : false_stop p stop T [::] <= alpha) :
  - ln alpha / mean q (evidence p q) <= samples_used q stop T [::].
Proof.
  have le := Rle_trans _ _ _ (stops_at_least truth current supported settled) level.
  have := ln_le_mono (exp_pos _) le; rewrite ln_exp => {}le.
  by apply: (Rmult_le_reg_r (mean q (evidence p q))) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

Section Horizon.
Variables (X : finType) (p q : X -> R) (stop : seq X -> bool).
Hypotheses (truth : distribution q) (current : distribution p) (supported : forall x, 0 < q x -> 0 < p x).
Local Notation D := (mean q (evidence p q)).

Lemma false_stop_le1 T h : false_stop p stop T h <= 1.
Proof.
  elim: T h => [|T ih] h /=; case: (stop h); try lra.
  apply: Rle_trans (_ : \sum_x p x <= _); last by rewrite (proj2 current); lra.
  by apply: sum_le => x _; have := Rmult_le_compat_l _ _ _ (proj1 current x) (ih (rcons h x)); lra.
Qed.

Lemma evidence_exp x a : q x * exp (a - evidence p q x) <= p x * exp a.
Proof.
  have e := exp_pos a; case: (proj1 truth x) => [q0|<-]; last by rewrite Rmult_0_l; apply: Rmult_le_pos; [exact: (proj1 current) | lra].
  have p0 := supported q0; right.
  rewrite /evidence /Rminus exp_plus -ln_Rinv; last exact: div_pos.
  by rewrite exp_ln; [field; lra | apply: Rinv_0_lt_compat; exact: div_pos].
Qed.

(** For tangents at any two points, one for the runs that stop and one for those that do not. *)
Lemma stops_horizon T h a b :
  (1 + a) * false_stop q stop T h + (1 + b) * (1 - false_stop q stop T h) - exp a * false_stop p stop T h - exp b * (1 - false_stop p stop T h)
  <= D * samples_used q stop T h.
Proof.
  elim: T h a b => [|T ih] h a b /=; have := exp_tangent a; have := exp_tangent b; case: (stop h) => tb ta; try lra.
  set S := fun x => false_stop q stop T (rcons h x); set F := fun x => false_stop p stop T (rcons h x).
  set U := fun x => samples_used q stop T (rcons h x).
  have -> : D * (1 + \sum_x q x * U x) = \sum_x q x * (evidence p q x + D * U x).
    rewrite [RHS](sum_eq (g := fun x => q x * evidence p q x + D * (q x * U x))) => [|x _]; last by ring.
    by rewrite sum_add sum_scale -/D; ring.
  have -> : (1 + a) * (\sum_x q x * S x) + (1 + b) * (1 - \sum_x q x * S x) - exp a * (\sum_x p x * F x) - exp b * (1 - \sum_x p x * F x)
      = \sum_x ((1 + a) * (q x * S x) + (1 + b) * (q x - q x * S x) - exp a * (p x * F x) - exp b * (p x - p x * F x)).
    by rewrite !sum_sub sum_add !sum_scale !sum_sub (proj2 truth) (proj2 current).
  apply: sum_le => x _; have q0 := proj1 truth x.
  have F0 : 0 <= F x by exact: false_stop_ge0 (proj1 current) _ _.
  have F1 : F x <= 1 by exact: false_stop_le1.
  have := Rmult_le_compat_l _ _ _ q0 (ih (rcons h x) (a - evidence p q x) (b - evidence p q x)); rewrite -/(S x) -/(F x) -/(U x).
  have := Rmult_le_compat_r _ _ _ F0 (evidence_exp x a).
  have := Rmult_le_compat_r (1 - F x) _ _ ltac:(lra) (evidence_exp x b).
  lra.
Qed.
End Horizon.

(** Tests that stop by T with probability [settled] below 1: their mean time, cut off at T. As [settled] tends to 1 it is ln(1/alpha)/D. *)
Theorem optimality_horizon (X : finType) (p q : X -> R) (stop : seq X -> bool) (T : nat) (alpha : R) (truth : distribution q)
    (current : distribution p) (supported : forall x, 0 < q x -> 0 < p x) (mean_positive : 0 < mean q (evidence p q))
    (level : false_stop p stop T [::] <= alpha) (alpha_positive : 0 < alpha) :
  let settled := false_stop q stop T [::] in 0 < settled < 1 ->
  (settled * ln (settled / alpha) + (1 - settled) * ln (1 - settled)) / mean q (evidence p q) <= samples_used q stop T [::].
Proof.
  move=> settled s01; have := stops_horizon stop truth current supported T [::] (ln (settled / alpha)) (ln (1 - settled)).
  rewrite -/settled exp_ln; last by apply: div_pos; lra.
  rewrite exp_ln; last lra.
  set F := false_stop p _ _ _ in level *; have F0 : 0 <= F by exact: false_stop_ge0 (proj1 current) _ _.
  have : settled / alpha * F <= settled / alpha * alpha by apply: Rmult_le_compat_l => //; left; apply: div_pos; lra.
  have -> : settled / alpha * alpha = settled by field; lra.
  have : (1 - settled) * (1 - F) <= 1 - settled by nra.
  move=> c f le; apply: (Rmult_le_reg_r (mean q (evidence p q))) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

(** * A learned alternative *)

(** Laplace's rule of succession: probability of the rest of a 0-1 sequence after [a] ones and [b] zeros. *)
Fixpoint succession (a b : nat) (s : seq bool) : R :=
  if s is x :: s' then
    if x then (INR a + 1) / (INR a + INR b + 2) * succession a.+1 b s' else (INR b + 1) / (INR a + INR b + 2) * succession a b.+1 s'
  else 1.
(** Likelihood under a coin. *)
Definition coin (theta : R) (s : seq bool) := theta ^ count id s * (1 - theta) ^ count negb s.

Lemma fact_pos n : 0 < INR n`!.
Proof. by apply: lt_0_INR; apply/ltP; exact: fact_gt0. Qed.

Lemma fact_step n : INR n.+1`! = (INR n + 1) * INR n`!.
Proof. by rewrite factS mult_INR S_INR. Qed.

(** a! b!/(a + b + 1)!: what the rule gives to any sequence of a ones and b zeros. *)
Definition rule (a b : nat) := INR a`! * INR b`! / INR (a + b).+1`!.

Lemma rule_one a b : (INR a + 1) / (INR a + INR b + 2) * rule a b = rule a.+1 b.
Proof.
  have sum : INR (a + b) = INR a + INR b by exact: plus_INR.
  rewrite /rule addSn (fact_step (a + b).+1) (fact_step a) [INR (a + b).+1]S_INR sum.
  have f := fact_pos (a + b).+1; set u := INR (a + b).+1`! in f *; have a0 := pos_INR a; have b0 := pos_INR b.
  by field; lra.
Qed.

Lemma rule_zero a b : (INR b + 1) / (INR a + INR b + 2) * rule a b = rule a b.+1.
Proof.
  have sum : INR (a + b) = INR a + INR b by exact: plus_INR.
  rewrite /rule addnS (fact_step (a + b).+1) (fact_step b) [INR (a + b).+1]S_INR sum.
  have f := fact_pos (a + b).+1; set u := INR (a + b).+1`! in f *; have a0 := pos_INR a; have b0 := pos_INR b.
  by field; lra.
Qed.

Lemma succession_rule a b s : succession a b s * rule a b = rule (a + count id s) (b + count negb s).
Proof.
  elim: s a b => [|x s ih] a b /=; first by rewrite !addn0; ring.
  case: x => /=; rewrite add1n add0n addnS -addSn -ih; [rewrite -rule_one | rewrite -rule_zero]; ring.
Qed.

Lemma succession_value s : (INR (size s) + 1) * succession 0 0 s * INR 'C(size s, count id s) = 1.
Proof.
  have one : rule 0 0 = 1 by rewrite /rule /=; field.
  have := succession_rule 0 0 s; rewrite one Rmult_1_r !add0n => e'.
  have both : (count id s + count negb s = size s)%N by rewrite -(count_predC id s).
  have := bin_fact (leq_addr (count negb s) (count id s)); rewrite addKn both => /(congr1 INR); rewrite !mult_INR => b.
  rewrite e' /rule both fact_step -b.
  have := fact_pos (count id s); have := fact_pos (count negb s); have := pos_INR (size s) => n0 f g.
  have c : 0 < INR 'C(size s, count id s) by apply: lt_0_INR; apply/ltP; rewrite bin_gt0 -both leq_addr.
  by field; split; [|split; [|split]]; lra.
Qed.

(** The probability of a count is at most 1. *)
Lemma binomial_term theta k l : 0 <= theta <= 1 -> INR 'C(k + l, k) * (theta ^ k * (1 - theta) ^ l) <= 1.
Proof.
  move=> t; have small x n : 0 <= x <= 1 -> 0 <= x ^ n <= 1.
    by move=> h; split; [apply: pow_le; lra | have := pow_incr x 1 n h; rewrite pow1].
  elim: k l => [|k ihk] l; first by rewrite bin0 /=; have := small (1 - theta) l ltac:(lra); lra.
  elim: l => [|l ihl]; first by rewrite addn0 binn; have := small theta k.+1 t; rewrite /=; lra.
  rewrite addnS binS plus_INR addSn -addnS; have := ihk l.+1; rewrite addSn in ihl; move: ihl.
  rewrite addnS; set u := INR _; set v := INR 'C(_, k); rewrite /= => h h'.
  have one := Rmult_le_compat_l (1 - theta) _ _ ltac:(lra) h.
  have two := Rmult_le_compat_l theta _ _ (proj1 t) h'.
  lra.
Qed.

(** Under any coin a sequence has likelihood at most N + 1 times what the rule gives it. *)
Lemma coin_succession theta s : 0 <= theta <= 1 -> coin theta s <= (INR (size s) + 1) * succession 0 0 s.
Proof.
  move=> t; have both : (count id s + count negb s = size s)%N by rewrite -(count_predC id s).
  have := binomial_term (count id s) (count negb s) t; rewrite both -/(coin theta s) => le.
  have c : 0 < INR 'C(size s, count id s) by apply: lt_0_INR; apply/ltP; rewrite bin_gt0 -both leq_addr.
  apply: (Rmult_le_reg_r (INR 'C(size s, count id s))) => //; rewrite succession_value; lra.
Qed.

Lemma succession_positive a b s : 0 < succession a b s.
Proof.
  elim: s a b => [|x s ih] a b /=; first lra.
  have := pos_INR a; have := pos_INR b => *.
  by case: x; apply: Rmult_lt_0_compat => //; apply: div_pos; lra.
Qed.

(** [law] is the probability of the sequence under the current model. *)
Theorem regret (s : seq bool) (theta law : R) (theta_range : 0 <= theta <= 1) (possible : 0 < coin theta s) (law_positive : 0 < law) :
  (ln (coin theta s) - ln law) - ln (INR (size s) + 1) <= ln (succession 0 0 s) - ln law.
Proof.
  have := ln_le_mono possible (coin_succession s theta_range); rewrite ln_mult; [lra | | exact: succession_positive].
  by have := pos_INR (size s); lra.
Qed.

Theorem learned (s : seq bool) (theta law K : R) (theta_range : 0 <= theta <= 1) (possible : 0 < coin theta s) (law_positive : 0 < law)
    (margin : K + ln (INR (size s) + 1) <= ln (coin theta s) - ln law) :
  K <= ln (succession 0 0 s) - ln law.
Proof. have := regret theta_range possible law_positive; lra. Qed.
