(** Concentration: a margin keeps attention in the block.

    s is a row of scores over a finite type of n visible keys, G a set of g of them with a key inside and a key outside ([block]), and
    every score in G beats every score outside by at least t ([leads s G t], t of any sign).

    Against the informal statement: the margin is a hypothesis on pairs of keys, so no minimum and no maximum is taken; n and g are the
    cardinals as reals, so that n - g is a real subtraction, as in SymPy. *)

From Coq Require Import Reals Lra Psatz.
From mathcomp Require Import all_ssreflect.
From Localist Require Import Sums.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

(** Outside mass of the two-level row of gap t; the bound. *)
Definition E (n g t : R) := (n - g) * exp (- t) / (g + (n - g) * exp (- t)).
Definition rho (n g t : R) := (n - g) / g * exp (- t).
(** The margin that guarantees fidelity phi. *)
Definition required (n g phi : R) := ln ((n - g) / g) + ln (phi / (1 - phi)).

Section Scalars.
Variables (n g : R).
Hypotheses (g_positive : 1 <= g) (out_positive : 1 <= n - g).

Lemma odds_positive t : 0 < (n - g) * exp (- t).
Proof. by have := exp_pos (- t); nra. Qed.

Lemma E_open t : 0 < E n g t < 1.
Proof.
  have := odds_positive t => h; split; first by apply: div_pos; lra.
  apply: (Rmult_lt_reg_r (g + (n - g) * exp (- t))); first lra.
  by rewrite /E /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

Lemma E_complement t : 1 - E n g t = g / (g + (n - g) * exp (- t)).
Proof. by have := odds_positive t => h; rewrite /E; field; lra. Qed.

Lemma rho_positive t : 0 < rho n g t.
Proof. by rewrite /rho; apply: Rmult_lt_0_compat (exp_pos _); apply: div_pos; lra. Qed.

Lemma E_rho t : E n g t = rho n g t / (1 + rho n g t).
Proof. by have := odds_positive t => h; rewrite /E /rho; field; lra. Qed.

Lemma E_sigma t : E n g t = 1 / (1 + exp (t - ln ((n - g) / g))).
Proof.
  rewrite exp_minus exp_ln; last by apply: div_pos; lra.
  have := odds_positive t => h; rewrite /E exp_Ropp; have := exp_pos t => h'; field; nra.
Qed.

End Scalars.

Section Rows.
Variables (I : finType).
Implicit Types (G : {set I}) (s : I -> R).

Lemma outside_odds G s : block G -> outside (softmax s) G = weight s (~: G) / (weight s G + weight s (~: G)).
Proof. by move=> _; rewrite outside_softmax (total_split s G). Qed.

Lemma outside_open G s : block G -> 0 < outside (softmax s) G < 1.
Proof.
  move=> b; rewrite outside_odds //; have [i hi] := block_in b; have [j hj] := block_out b.
  have := weight_pos s hi; have := weight_pos s hj => o p; split; first by apply: div_pos; lra.
  apply: (Rmult_lt_reg_r (weight s G + weight s (~: G))); first lra.
  by rewrite /Rdiv Rmult_assoc Rinv_l; lra.
Qed.

(** Every pair across the block, summed: g O <= (n - g) e^-t I. *)
Lemma weights_lead G s t : leads s G t -> #G * weight s (~: G) <= (#I - #G) * (exp (- t) * weight s G).
Proof.
  move=> lead; rewrite -card_compl /weight -(sum_scale _ (exp (- t))); apply: sum_pairs => i j hi; rewrite inE => hj.
  by rewrite -exp_plus; apply: exp_le; have := lead i j hi hj; lra.
Qed.

Lemma weights_lead_eq G s t : block G -> leads s G t ->
  #G * weight s (~: G) = (#I - #G) * (exp (- t) * weight s G) -> two_level s G t.
Proof.
  move=> b lead; rewrite -card_compl /weight -(sum_scale _ (exp (- t))) => eq; apply/(two_level_pairs _ _ b) => i j hi hj.
  have hj' : j \in ~: G by rewrite inE.
  have le k l : k \in G -> l \in ~: G -> exp (s l) <= exp (- t) * exp (s k).
    by move=> hk; rewrite inE => hl; rewrite -exp_plus; apply: exp_le; have := lead k l hk hl; lra.
  have := sum_pairs_eq le eq hi hj'; rewrite -exp_plus => /exp_inv; lra.
Qed.

End Rows.

(** * Statements *)

(** Outside mass under a margin: eps(a) <= E(n, g, t). *)
Theorem outside_mass (I : finType) (G : {set I}) (s : I -> R) (t : R) (block : block G) (margin : leads s G t) :
  outside (softmax s) G <= E (#I) (#G) t.
Proof.
  rewrite outside_odds //; have [i hi] := block_in block; have [j hj] := block_out block; have [g1 n1] := block_sizes block.
  have := weight_pos s hi; have := weight_pos s hj => o p; have u := exp_pos (- t).
  have pairs := weights_lead margin; apply: div_le; nra.
Qed.

(** It is attained by the two-level row of gap exactly t, and by no other. *)
Theorem outside_mass_equality (I : finType) (G : {set I}) (s : I -> R) (t : R) (block : block G) (margin : leads s G t) :
  outside (softmax s) G = E (#I) (#G) t <-> two_level s G t.
Proof.
  have [i hi] := block_in block; have [j hj] := block_out block; have [g1 n1] := block_sizes block.
  have := weight_pos s hi; have := weight_pos s hj => o p; have u := exp_pos (- t).
  split=> [|two].
    rewrite outside_odds // => eq; apply: (weights_lead_eq block margin).
    have d : 0 < weight s G + weight s (~: G) by lra.
    have d' : 0 < #G + (#I - #G) * exp (- t) by nra.
    have le := div_le_inv d d' (Req_le _ _ eq); have ge := div_le_inv d' d (Req_le_sym _ _ eq); nra.
  apply: Rle_antisym; first exact: outside_mass.
  rewrite outside_odds //; apply: div_le; [nra | lra | ].
  suff : (#I - #G) * (exp (- t) * weight s G) <= #G * weight s (~: G) by nra.
  rewrite -card_compl /weight -(sum_scale _ (exp (- t))); apply: sum_pairs => l k; rewrite inE => hl hk.
  rewrite -exp_plus; apply: exp_le; move/(two_level_pairs _ _ block): two => /(_ k l hk hl); lra.
Qed.

(** The margin is needed: two equal scores have margin 0 < 1 and outside mass 1/2 > E(2, 1, 1). *)
Theorem outside_mass_needs_margin : exists (G : {set bool}) (s : bool -> R), block G /\ E (#{: bool}) (#G) 1 < outside (softmax s) G.
Proof.
  exists [set true], (fun=> 0); have b : block [set true] by rewrite /block cards1 card_bool.
  split=> //; have lead : leads (fun=> 0) [set true] 0 by move=> i j _ _; lra.
  have two : two_level (fun=> 0) [set true] 0 by exists 0 => k; case: ifP; lra.
  have := (outside_mass_equality b lead).2 two => ->; rewrite cards1 card_bool /E /=.
  have := exp_increasing (- (1)) (- 0) ltac:(lra); have := exp_pos (- (1)) => p lt; apply: div_lt; nra.
Qed.

(** Outside mass from the soft margin, exactly. *)
Theorem soft_margin (I : finType) (G : {set I}) (s : I -> R) (block : block G) :
  outside (softmax s) G = 1 / (1 + exp (ln (weight s G) - ln (weight s (~: G)))).
Proof.
  rewrite outside_odds //; have [i hi] := block_in block; have [j hj] := block_out block.
  have := weight_pos s hi; have := weight_pos s hj => o p.
  by rewrite exp_minus !exp_ln //; field; lra.
Qed.

(** Pointer fidelity under a margin. *)
Theorem fidelity_floor (I : finType) (G : {set I}) (s : I -> R) (t : R) (block : block G) (margin : leads s G t) :
  #G / (#G + (#I - #G) * exp (- t)) <= mass (softmax s) G.
Proof.
  have [i _] := block_in block; have [g1 n1] := block_sizes block.
  rewrite (mass_outside _ (softmax_distribution s i)) -E_complement //; have := outside_mass block margin; lra.
Qed.

(** The required margin is the margin at which E is 1 - phi. *)
Lemma E_required (n g phi : R) : 1 <= g -> 1 <= n - g -> 0 < phi < 1 -> E n g (required n g phi) = 1 - phi.
Proof.
  move=> g1 n1 open; have odds : 0 < phi / (1 - phi) by apply: div_pos; lra.
  have ratio : 0 < (n - g) / g by apply: div_pos; lra.
  rewrite /E /required exp_Ropp exp_plus !exp_ln //; field; split; [|split]; nra.
Qed.

Lemma E_decreasing (n g t t' : R) : 1 <= g -> 1 <= n - g -> t < t' -> E n g t' < E n g t.
Proof.
  move=> g1 n1 lt; have := exp_increasing (- t') (- t) ltac:(lra); have := exp_pos (- t') => p e.
  have := Rmult_lt_compat_l ((n - g) * g) _ _ ltac:(nra) e => scaled; apply: div_lt; nra.
Qed.

Lemma E_antitone (n g t t' : R) : 1 <= g -> 1 <= n - g -> t <= t' -> E n g t' <= E n g t.
Proof. by move=> g1 n1 [/(E_decreasing g1 n1)|->]; lra. Qed.

(** The margin that gives a fidelity. *)
Theorem fidelity (I : finType) (G : {set I}) (s : I -> R) (phi : R) (phi_positive : 0 < phi) (block : block G) (target : phi < 1)
    (margin : leads s G (required (#I) (#G) phi)) :
  phi <= mass (softmax s) G.
Proof.
  have [i _] := block_in block; have [g1 n1] := block_sizes block.
  rewrite (mass_outside _ (softmax_distribution s i)).
  have := outside_mass block margin; rewrite E_required //; lra.
Qed.

(** No smaller margin does: the two-level row of gap t < t_phi has fidelity below phi. *)
Theorem fidelity_least_margin (I : finType) (G : {set I}) (s : I -> R) (phi t : R) (phi_positive : 0 < phi) (block : block G)
    (target : phi < 1) (two_level : two_level s G t) (below : t < required (#I) (#G) phi) :
  mass (softmax s) G < phi.
Proof.
  have [i _] := block_in block; have [g1 n1] := block_sizes block.
  rewrite (mass_outside _ (softmax_distribution s i)) ((outside_mass_equality block (two_level_leads two_level)).2 two_level).
  have := E_decreasing g1 n1 below; rewrite E_required //; lra.
Qed.

(** Necessity, for every row: logit F <= (any upper bound of the scores in G) - (mean score outside) - ln((n - g)/g). *)
Theorem necessary_margin (I : finType) (G : {set I}) (s : I -> R) (top_in : R) (block : block G)
    (greatest_in : forall i, i \in G -> s i <= top_in) :
  ln (mass (softmax s) G) - ln (outside (softmax s) G)
  <= top_in - (\sum_(j in ~: G) s j) / (#I - #G) - ln ((#I - #G) / #G).
Proof.
  have [i hi] := block_in block; have [j hj] := block_out block; have [g1 n1] := block_sizes block.
  have := weight_pos s hi; have := weight_pos s hj => o p; have pos := total_pos s i.
  rewrite mass_softmax outside_softmax !ln_div //; try lra.
  set mean := _ / (#I - #G).
  have inside : ln (weight s G) <= ln (#G) + top_in.
    rewrite -[top_in in X in _ <= X]ln_exp -ln_mult; [|lra|exact: exp_pos].
    apply: ln_le_mono => //; rewrite -sum_const; apply: sum_le => k hk; exact: exp_le (greatest_in k hk).
  have out : ln (#I - #G) + mean <= ln (weight s (~: G)).
    rewrite -[mean in X in X <= _]ln_exp -ln_mult; [|lra|exact: exp_pos].
    apply: ln_le_mono; first by have := exp_pos mean; nra.
    have tangent k : k \in ~: G -> exp mean * (1 - mean) + exp mean * s k <= exp (s k).
      move=> _; have := exp_tangent (s k - mean); have := exp_pos mean => e.
      have -> : exp (s k) = exp mean * exp (s k - mean) by rewrite -exp_plus; congr exp; ring.
      nra.
    have := sum_le tangent; rewrite sum_add sum_const sum_scale card_compl.
    have -> : \sum_(k in ~: G) s k = mean * (#I - #G) by rewrite /mean; field; lra.
    rewrite /weight; lra.
  lra.
Qed.

(** Outside mass falls at least exponentially in the margin. *)
Theorem exponential_rate (I : finType) (G : {set I}) (s : I -> R) (t : R) (block : block G) (margin : leads s G t) :
  outside (softmax s) G <= rho (#I) (#G) t.
Proof.
  have [g1 n1] := block_sizes block; apply: Rle_trans (outside_mass block margin) _; rewrite E_rho //.
  have r := rho_positive g1 n1 t; apply: (Rmult_le_reg_r (1 + rho (#I) (#G) t)); first lra.
  by rewrite /Rdiv Rmult_assoc Rinv_l; nra.
Qed.

(** The two-level row falls no faster, so the rate is exact. *)
Theorem rate_is_exact (I : finType) (G : {set I}) (s : I -> R) (t : R) (block : block G) (two_level : two_level s G t) :
  rho (#I) (#G) t - rho (#I) (#G) t ^ 2 <= outside (softmax s) G.
Proof.
  have [g1 n1] := block_sizes block.
  rewrite ((outside_mass_equality block (two_level_leads two_level)).2 two_level) E_rho //.
  have r := rho_positive g1 n1 t; apply: (Rmult_le_reg_r (1 + rho (#I) (#G) t)); first lra.
  by rewrite /Rdiv Rmult_assoc Rinv_l; nra.
Qed.

(** A greater margin bounds the outside mass more tightly. *)
Theorem monotone (n g t increment : R) (block : 1 <= g /\ n - g >= 1) (gain : 0 <= increment) : E n g (t + increment) <= E n g t.
Proof. by case: block => g1 n1; apply: E_antitone; lra. Qed.

(** The bound is strictly decreasing in t, and decides on the block only through (n - g)/g, in which it increases. *)
Theorem strictly_monotone (n g t t' : R) (block : 1 <= g /\ n - g >= 1) (gain : t < t') : E n g t' < E n g t.
Proof. by case: block => g1 n1; apply: E_decreasing; lra. Qed.

Theorem family_of_rows (I : finType) (G : {set I}) (s : I -> R) (t q : R) (block : block G) (margin : leads s G t)
    (ratio : (#I - #G) / #G <= q) :
  outside (softmax s) G <= 1 / (1 + exp (t - ln q)).
Proof.
  have [g1 n1] := block_sizes block; have r : 0 < (#I - #G) / #G by apply: div_pos; lra.
  apply: Rle_trans (outside_mass block margin) _; rewrite E_sigma //.
  have mono := ln_le_mono r ratio; have := exp_le (x := t - ln q) (y := t - ln ((#I - #G) / #G)) ltac:(lra).
  have := exp_pos (t - ln q) => p q'; apply: div_le; lra.
Qed.
