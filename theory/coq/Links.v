(** Links: every theorem that a formula belongs to, restated with the definition that is generated from Python.

    A formula that is changed in Python changes its definition in [Formulas], and its link no longer compiles. One lemma a formula, of the
    same name. *)

From Coq Require Import Reals Lra Psatz.
From mathcomp Require Import all_ssreflect.
From Coquelicot Require Import Coquelicot.
From Localist Require Import Sums Vectors.
From Localist Require concentration entropy dial threshold extinction blocks rules recruitment schedule hierarchy anchors.
From Localist Require Formulas.
Import Formulas.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

(** * The formulas in the words of the proofs *)

Lemma outside_mass_bound_is n g t : Formulas.outside_mass_bound n g t = concentration.E n g t.
Proof. by []. Qed.

Lemma fidelity_bound_is n g t : 1 <= g -> 1 <= n - g -> Formulas.fidelity_bound n g t = g / (g + (n - g) * exp (- t)).
Proof. by move=> g1 n1; rewrite -concentration.E_complement. Qed.

Lemma fidelity_margin_is n g eps : Formulas.fidelity_margin n g eps = concentration.required n g (1 - eps).
Proof. by rewrite /Formulas.fidelity_margin /concentration.required (_ : 1 - (1 - eps) = eps); ring. Qed.

Lemma outside_mass_exponential_is n g t : Formulas.outside_mass_exponential n g t = concentration.rho n g t.
Proof. by rewrite /Formulas.outside_mass_exponential /concentration.rho /Rdiv; ring. Qed.

Lemma exp_double t : exp (- (2 * t)) = exp (- t) * exp (- t).
Proof. by rewrite -exp_plus; congr exp; ring. Qed.

Lemma outside_mass_exponential_floor_is n g t : 0 < g ->
  Formulas.outside_mass_exponential_floor n g t = concentration.rho n g t - concentration.rho n g t ^ 2.
Proof. by move=> g0; rewrite /outside_mass_exponential_floor exp_double /concentration.rho; field; lra. Qed.

Lemma entropy_ceiling_is n g t : Formulas.entropy_ceiling n g t = entropy.Hstar n g t.
Proof. by rewrite /entropy_ceiling /entropy.Hstar /entropy.Z Rplus_comm Rmult_assoc. Qed.

Lemma binary_entropy_is eps : Formulas.binary_entropy eps = entropy.binary eps.
Proof. by rewrite /binary_entropy /entropy.binary; ring. Qed.

Lemma range_gap_is r : Formulas.range_gap r = entropy.psi r.
Proof. by rewrite /range_gap /entropy.psi /entropy.ratio; ring. Qed.

Lemma entropy_floor_size_is n r : Formulas.entropy_floor_size n r = entropy.least_size n r.
Proof. by rewrite /entropy_floor_size /entropy.least_size; congr (_ / _); ring. Qed.

Lemma outside_mass_at_is eps0 beta d : Formulas.outside_mass_at eps0 beta d = dial.mass_at eps0 (beta * d).
Proof. by rewrite /Formulas.outside_mass_at /dial.mass_at (Rmult_comm d). Qed.

(** * Concentration *)

Lemma outside_mass_bound (I : finType) (G : {set I}) (s : I -> R) (t : R) : block G -> leads s G t ->
  outside (softmax s) G <= Formulas.outside_mass_bound (#I) (#G) t.
Proof. exact: concentration.outside_mass. Qed.

Lemma fidelity_bound (I : finType) (G : {set I}) (s : I -> R) (t : R) : block G -> leads s G t ->
  Formulas.fidelity_bound (#I) (#G) t <= mass (softmax s) G.
Proof. by move=> b m; have [g1 n1] := block_sizes b; rewrite fidelity_bound_is //; exact: concentration.fidelity_floor. Qed.

Lemma fidelity_margin (I : finType) (G : {set I}) (s : I -> R) (eps : R) : 0 < eps < 1 -> block G ->
  leads s G (Formulas.fidelity_margin (#I) (#G) eps) -> 1 - eps <= mass (softmax s) G.
Proof. by move=> h b; rewrite fidelity_margin_is => m; apply: concentration.fidelity => //; lra. Qed.

Lemma outside_mass_exponential (I : finType) (G : {set I}) (s : I -> R) (t : R) : block G -> leads s G t ->
  outside (softmax s) G <= Formulas.outside_mass_exponential (#I) (#G) t.
Proof. by rewrite outside_mass_exponential_is; exact: concentration.exponential_rate. Qed.

Lemma outside_mass_exponential_floor (I : finType) (G : {set I}) (s : I -> R) (t : R) : block G -> two_level s G t ->
  Formulas.outside_mass_exponential_floor (#I) (#G) t <= outside (softmax s) G.
Proof.
  move=> b two; have [g1 n1] := block_sizes b; rewrite outside_mass_exponential_floor_is; last lra.
  exact: concentration.rate_is_exact.
Qed.

(** * Entropy *)

Lemma entropy_ceiling (I : finType) (G : {set I}) (s : I -> R) (t : R) : block G -> leads s G t -> 0 <= t ->
  entropy (softmax s) <= Formulas.entropy_ceiling (#I) (#G) t.
Proof. by rewrite entropy_ceiling_is; exact: entropy.ceiling. Qed.

Lemma entropy_deficit (I : finType) (G : {set I}) (s : I -> R) (t : R) : block G -> leads s G t -> 0 <= t ->
  entropy (softmax s) <= ln (#I) - Formulas.entropy_deficit (#I) (#G) t.
Proof.
  move=> b m t0; have := entropy_ceiling b m t0; rewrite /Formulas.entropy_ceiling /Formulas.entropy_deficit; lra.
Qed.

Lemma entropy_exponential (I : finType) (G : {set I}) (s : I -> R) (t : R) : block G -> leads s G t -> 0 <= t ->
  entropy (softmax s) <= Formulas.entropy_exponential (#I) (#G) t.
Proof.
  move=> b m t0; have [g1 n1] := block_sizes b; apply: Rle_trans (entropy.exponential b m t0) _; right.
  by rewrite /Formulas.entropy_exponential /concentration.rho; field; lra.
Qed.

Lemma entropy_exponential_floor (I : finType) (G : {set I}) (s : I -> R) (t : R) : block G -> 0 <= t -> two_level s G t ->
  Formulas.entropy_exponential_floor (#I) (#G) t <= entropy (softmax s).
Proof.
  move=> b t0 two; have [g1 n1] := block_sizes b; apply: Rle_trans (entropy.exponential_exact b t0 two); right.
  by rewrite /Formulas.entropy_exponential_floor exp_double /concentration.rho; field; lra.
Qed.

Lemma dual (I : finType) (G : {set I}) (a : I -> R) (t : R) : distribution a -> (0 < #|G|)%N ->
  entropy a <= Formulas.dual (#I) (#G) t (outside a G).
Proof. by move=> d b; have := entropy.dual t d b; rewrite /Formulas.dual /entropy.Z; lra. Qed.

Lemma binary_entropy (I : finType) (G : {set I}) (s : I -> R) : block G -> let eps := outside (softmax s) G in
  entropy (softmax s) = Formulas.binary_entropy eps + (1 - eps) * dial.entropy_given s G + eps * dial.entropy_given s (~: G).
Proof. by move=> b eps; rewrite binary_entropy_is; exact: dial.entropy_blocks. Qed.

Lemma entropy_at_outside_mass (I : finType) (G : {set I}) (a : I -> R) : distribution a -> block G -> 0 < outside a G < 1 ->
  entropy a <= Formulas.entropy_at_outside_mass (#I) (#G) (outside a G).
Proof.
  move=> d b [lo hi]; have := entropy.at_outside_mass d b lo hi; rewrite /Formulas.entropy_at_outside_mass /entropy.binary; lra.
Qed.

Lemma range_gap (I : finType) (s : I -> R) (r : R) (k : I) : 0 < r -> (forall i j, s i - s j <= r) ->
  ln (#I) - entropy (softmax s) <= Formulas.range_gap r.
Proof. by rewrite range_gap_is; exact: entropy.gap. Qed.

Lemma range_gap_simple (r : R) : 0 < r -> Formulas.range_gap r <= Formulas.range_gap_simple r.
Proof.
  move=> h; rewrite range_gap_is; apply: Rle_trans (entropy.gap_simple h) _; right.
  by rewrite /Formulas.range_gap_simple; congr Rmin.
Qed.

Lemma entropy_floor_tier (I : finType) (s : I -> R) (r : R) (k0 : nat) (k : I) : 0 < r -> (forall i j, s i - s j <= r) ->
  INR k0 <= Formulas.entropy_floor_size (#I) r -> Formulas.entropy_floor_size (#I) r <= INR k0 + 1 ->
  Rmin (Formulas.entropy_floor_tier (#I) (INR k0) r) (Formulas.entropy_floor_tier (#I) (INR k0 + 1) r) <= entropy (softmax s).
Proof.
  have tier n j : Formulas.entropy_floor_tier n j r = entropy.Hstar n j r by exact: entropy_ceiling_is.
  by rewrite !tier entropy_floor_size_is; exact: entropy.floor.
Qed.

Lemma entropy_floor_size (n r : R) (k0 k1 : nat) : 0 < n -> 0 < r ->
  INR k0 <= Formulas.entropy_floor_size n r -> Formulas.entropy_floor_size n r <= INR k0 + 1 ->
  Rmin (Formulas.entropy_ceiling n (INR k0) r) (Formulas.entropy_ceiling n (INR k0 + 1) r) <= Formulas.entropy_ceiling n (INR k1) r.
Proof. by rewrite !entropy_ceiling_is entropy_floor_size_is; exact: entropy.floor_size. Qed.

Lemma pointer_floor (I : finType) (a : I -> R) (a_max : R) : distribution a -> (forall i, a i <= a_max) ->
  Formulas.pointer_floor (entropy a) <= a_max.
Proof.
  move=> d h; have p := entropy.pointer d h; have q := entropy.pointer_half d h.
  by apply: Rmax_lub; lra.
Qed.

(** * Dial *)

Lemma margin_at_dial (I : finType) (G : {set I}) (c : I -> R) (beta d r0 : R) : block G -> dial.is_lead c G r0 ->
  dial.is_margin (dial.dialled c G (beta * d)) G (Formulas.margin_at_dial beta d r0).
Proof. by rewrite /Formulas.margin_at_dial (Rmult_comm d); exact: dial.margin. Qed.

Lemma outside_mass_at (I : finType) (G : {set I}) (c : I -> R) (beta d : R) : block G ->
  outside (softmax (dial.dialled c G (beta * d))) G = Formulas.outside_mass_at (outside (softmax c) G) beta d.
Proof. by rewrite outside_mass_at_is; exact: dial.mass. Qed.

Lemma fidelity_at (I : finType) (G : {set I}) (c : I -> R) (beta d : R) : block G ->
  mass (softmax (dial.dialled c G (beta * d))) G = Formulas.fidelity_at (outside (softmax c) G) beta d.
Proof.
  move=> b; have [lo hi] := concentration.outside_open c b; rewrite dial.mass_of // dial.mass // /dial.mass_at /Formulas.fidelity_at (Rmult_comm d).
  by have e := exp_pos (beta * d); field; nra.
Qed.

Lemma dial_between (I : finType) (G : {set I}) (c : I -> R) (beta d : R) : 0 < beta -> block G ->
  d = Formulas.dial_between (outside (softmax c) G) (outside (softmax (dial.dialled c G (beta * d))) G) beta.
Proof. by move=> p b; rewrite {1}(dial.level c d p b) /Formulas.dial_between. Qed.

Lemma dial_for_outside_mass (I : finType) (G : {set I}) (c : I -> R) (beta d r e : R) : 0 < beta -> 0 < e < 1 -> block G ->
  dial.content_leads c G r -> Formulas.dial_for_outside_mass (#I) (#G) r beta e <= d ->
  outside (softmax (dial.dialled c G (beta * d))) G <= e.
Proof.
  move=> p h b lead le; apply: (dial.target p (proj1 h) b (proj2 h) lead); apply: Rle_trans le; right.
  by rewrite /dial.setting_for /Formulas.dial_for_outside_mass; congr (_ / _); ring.
Qed.

Lemma entropy_slope (I : finType) (G : {set I}) (c : I -> R) (beta d : R) : block G ->
  is_derive (fun d => entropy (softmax (dial.dialled c G (beta * d)))) d
    (Formulas.entropy_slope beta (outside (softmax (dial.dialled c G (beta * d))) G) (dial.advantage c G) d).
Proof.
  move=> b; set eps := outside _ _.
  rewrite (_ : Formulas.entropy_slope _ _ _ _ = - beta * eps * (1 - eps) * (dial.advantage c G + beta * d)).
    exact: dial.entropy_slope.
  by rewrite /Formulas.entropy_slope; ring.
Qed.

Lemma entropy_at (I : finType) (G : {set I}) (c : I -> R) (beta d : R) : block G ->
  let row := dial.dialled c G (beta * d) in
  entropy (softmax row) = Formulas.entropy_at (outside (softmax row) G) (dial.entropy_given c G) (dial.entropy_given c (~: G)).
Proof.
  move=> b row; rewrite /row (dial.entropy_blocks _ b) dial.entropy_given_in // dial.entropy_given_out.
  by rewrite /Formulas.entropy_at /entropy.binary; ring.
Qed.

Lemma entropy_peak (I : finType) (G : {set I}) (c : I -> R) (beta d : R) : block G ->
  entropy (softmax (dial.dialled c G (beta * d))) <= Formulas.entropy_peak (dial.entropy_given c G) (dial.entropy_given c (~: G)).
Proof. exact: dial.entropy_peak. Qed.

Lemma entropy_peak_dial (I : finType) (G : {set I}) (c : I -> R) (beta : R) : 0 < beta -> block G ->
  entropy (softmax (dial.dialled c G (beta * Formulas.entropy_peak_dial (dial.advantage c G) beta)))
  = Formulas.entropy_peak (dial.entropy_given c G) (dial.entropy_given c (~: G)).
Proof. by move=> p b; apply: (proj1 (dial.entropy_peak_at p b _)); rewrite /Formulas.entropy_peak_dial /Rdiv; ring. Qed.

Lemma entropy_peak_mass (I : finType) (G : {set I}) (c : I -> R) (beta : R) : 0 < beta -> block G ->
  outside (softmax (dial.dialled c G (beta * Formulas.entropy_peak_dial (dial.advantage c G) beta))) G
  = Formulas.entropy_peak_mass (dial.entropy_given c G) (dial.entropy_given c (~: G)).
Proof. by move=> p b; apply: (proj2 (dial.entropy_peak_at p b _)); rewrite /Formulas.entropy_peak_dial /Rdiv; ring. Qed.

Lemma continuity_bound (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta d d' D : R) : 0 < beta -> block G ->
  dial.values_apart v G D ->
  norm (vsub (dial.output (dial.dialled c G (beta * d)) v) (dial.output (dial.dialled c G (beta * d')) v))
  <= Formulas.continuity_bound D beta d d'.
Proof.
  move=> p b far; apply: Rle_trans (dial.continuity c d d' p b far) _; right.
  by rewrite /Formulas.continuity_bound /Rdiv; ring.
Qed.

Lemma continuity_linear (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta d d' D : R) : 0 < beta -> block G ->
  dial.values_apart v G D ->
  norm (vsub (dial.output (dial.dialled c G (beta * d)) v) (dial.output (dial.dialled c G (beta * d')) v))
  <= Formulas.continuity_linear D beta d d'.
Proof. exact: dial.continuity_linear. Qed.

Lemma frozen_entropy_floor (I : finType) (G : {set I}) (c : I -> R) (beta d r : R) : 0 < beta -> block G ->
  (forall i j, c i - c j <= r) -> 0 < r ->
  Formulas.frozen_entropy_floor (#I) r beta d <= entropy (softmax (dial.dialled c G (beta * d))).
Proof.
  move=> p b range pos; apply: Rle_trans (dial.frozen_floor d p b range pos); right.
  have e : 0 - r - beta * Rabs d = - (r + beta * Rabs d) by ring.
  by rewrite /Formulas.frozen_entropy_floor /entropy.psi /entropy.ratio e; ring.
Qed.

Lemma output_shift (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta d D : R) : block G -> dial.values_apart v G D ->
  let row := dial.dialled c G (beta * d) in
  norm (vsub (dial.output row v) (dial.output_given row G v)) <= Formulas.output_shift (outside (softmax row) G) D.
Proof. exact: dial.cost_bound. Qed.

Lemma loss_shift (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (loss : vector J -> R) (beta d D L : R) :
  0 <= L -> block G -> dial.values_apart v G D -> (forall o o', Rabs (loss o - loss o') <= L * norm (vsub o o')) ->
  let row := dial.dialled c G (beta * d) in
  Rabs (loss (dial.output row v) - loss (dial.output_given row G v)) <= Formulas.loss_shift L (outside (softmax row) G) D.
Proof.
  move=> l b far smooth row; apply: Rle_trans (dial.cost_loss c beta d l b far smooth) _; right; rewrite /Formulas.loss_shift -/row; ring.
Qed.

Lemma divergence_of_cut (I : finType) (G : {set I}) (c : I -> R) (beta d : R) : block G ->
  let row := dial.dialled c G (beta * d) in
  \sum_(i in G) dial.cut row G i * ln (dial.cut row G i / softmax row i) = Formulas.divergence_of_cut (outside (softmax row) G).
Proof. exact: dial.cut_divergence. Qed.

(** * The other families: the theorem itself, with its bound rewritten to the generated definition *)

Ltac restate proof same :=
  first
    [ let h := fresh in pose proof proof as h; cbv zeta in h; rewrite same in h; exact h
    | lazymatch type of proof with forall x : ?A, _ => let y := fresh x in refine (fun y : A => _); restate constr:(proof y) same end ].

Lemma gradient_bound_bilinear_is G D_V D_c B_c tau : G * D_V * D_c * B_c / (4 * tau) = Formulas.gradient_bound_bilinear G D_V D_c B_c tau.
Proof. by rewrite /Formulas.gradient_bound_bilinear; congr (_ / _); ring. Qed.
Definition gradient_bound_bilinear := ltac:(restate @threshold.gradient_bilinear gradient_bound_bilinear_is).

Lemma gradient_bound_qk_query_is G D_V D_K B_c tau : G * D_V * D_K * B_c / (4 * tau) = Formulas.gradient_bound_qk_query G D_V D_K B_c tau.
Proof. by rewrite /Formulas.gradient_bound_qk_query; congr (_ / _); ring. Qed.
Definition gradient_bound_qk_query := ltac:(restate @threshold.gradient_query gradient_bound_qk_query_is).

Lemma gradient_bound_qk_key_is G D_V D_c B_q tau : G * D_V * D_c * B_q / (4 * tau) = Formulas.gradient_bound_qk_key G D_V D_c B_q tau.
Proof. by rewrite /Formulas.gradient_bound_qk_key; congr (_ / _); ring. Qed.
Definition gradient_bound_qk_key := ltac:(restate @threshold.gradient_key gradient_bound_qk_key_is).

Lemma gradient_bound_qk_is G D_V rho_K D_X B_c rho_Q B_x D_c tau :
  G * D_V * Rmax (rho_K * D_X * B_c) (rho_Q * B_x * D_c) / (4 * tau) = Formulas.gradient_bound_qk G D_V rho_K D_X B_c rho_Q B_x D_c tau.
Proof.
  rewrite /Formulas.gradient_bound_qk; have -> : rho_K * D_X * B_c = B_c * D_X * rho_K by ring.
  by have -> : rho_Q * B_x * D_c = B_x * D_c * rho_Q by [ring]; congr (_ / _); ring.
Qed.
Definition gradient_bound_qk := ltac:(restate @threshold.gradient_qk gradient_bound_qk_is).
Definition gradient_bound_qk_for_keys := ltac:(restate @threshold.gradient_qk_key gradient_bound_qk_is).

Lemma loss_gradient_ce_is D_U p : (1 - p) * D_U = Formulas.loss_gradient_ce D_U p.
Proof. by rewrite /Formulas.loss_gradient_ce; ring. Qed.
Definition loss_gradient_ce := ltac:(restate @threshold.loss_gradient loss_gradient_ce_is).

Lemma loss_gradient_mse_is U B_v B_y : U * (U * B_v + B_y) = Formulas.loss_gradient_mse U B_v B_y.
Proof. by rewrite /Formulas.loss_gradient_mse; ring. Qed.
Definition loss_gradient_mse := ltac:(restate @threshold.loss_gradient_mse loss_gradient_mse_is).

Lemma dial_scaled_gradient_is G D_V share B eps delta tau :
  G * D_V / tau * (share * B * (eps * B + delta / 2) + (1 - share) * delta * B / 2) = Formulas.dial_scaled_gradient G D_V share B eps delta tau.
Proof. by rewrite /Formulas.dial_scaled_gradient /Rdiv; ring. Qed.
Definition dial_scaled_gradient := ltac:(restate @threshold.dial_scaled dial_scaled_gradient_is).

Lemma penalty_jump_is : threshold.jump = Formulas.penalty_jump.
Proof.
  rewrite /threshold.jump /Formulas.penalty_jump; suff -> : sqrt (2 / 3) = sqrt 6 / 3 by field.
  by rewrite -[3 in RHS]sqrt_square -?sqrt_div_alt; [congr sqrt; field | lra | lra].
Qed.
Definition penalty_jump := ltac:(restate @threshold.penalty_jump_above penalty_jump_is).

Lemma penalty_jump_height_is : 2 / 3 = Formulas.penalty_jump_height.
Proof. by rewrite /Formulas.penalty_jump_height. Qed.
Definition penalty_jump_height := ltac:(restate @threshold.penalty_gap penalty_jump_height_is).

Lemma momentum_ratio_is mu : 1 / (1 - mu) = Formulas.momentum_ratio mu.
Proof. by rewrite /Formulas.momentum_ratio. Qed.
Definition momentum_ratio := ltac:(restate @extinction.momentum momentum_ratio_is).

Lemma subgradient_radius_is eta lam G_bar : eta * (lam + G_bar) = Formulas.subgradient_radius eta lam G_bar.
Proof. by rewrite /Formulas.subgradient_radius; ring. Qed.
Definition subgradient_radius := ltac:(restate @extinction.subgradient_ball subgradient_radius_is).

Lemma leak_bound_is B delta rho tau : 2 * B * delta * rho / tau = Formulas.leak_bound B delta rho tau.
Proof. by rewrite /Formulas.leak_bound; congr (_ / _); ring. Qed.
Definition leak_bound := ltac:(restate @blocks.leak leak_bound_is).

Lemma leak_within_is delta rho tau : delta ^ 2 * rho / tau = Formulas.leak_within delta rho tau.
Proof. by rewrite /Formulas.leak_within; congr (_ / _); ring. Qed.
Definition leak_within := ltac:(restate @blocks.leak_in_block leak_within_is).

Lemma margin_with_leak_is t_in B delta rho tau : t_in - (2 * B * delta + delta ^ 2) * rho / tau = Formulas.margin_with_leak t_in B delta rho tau.
Proof. by rewrite /Formulas.margin_with_leak /Rdiv; ring. Qed.
Definition margin_with_leak := ltac:(restate @blocks.margin margin_with_leak_is).

Lemma content_bound_is rho B delta tau : rho * (B + delta) ^ 2 / tau = Formulas.content_bound rho B delta tau.
Proof. by rewrite /Formulas.content_bound. Qed.
Definition content_bound := ltac:(restate @blocks.margin_bilinear content_bound_is).

Lemma margin_bilinear_is beta d rho B delta tau : beta * d - rho * (B + delta) ^ 2 / tau = Formulas.margin_bilinear beta d rho B delta tau.
Proof. by rewrite /Formulas.margin_bilinear (Rmult_comm d). Qed.
Definition margin_bilinear := ltac:(restate @blocks.margin_bilinear margin_bilinear_is).

Lemma margin_qk_is beta d rho_Q rho_K B delta tau :
  beta * d - rho_Q * rho_K * (B + delta) ^ 2 / tau = Formulas.margin_qk beta d rho_Q rho_K B delta tau.
Proof. by rewrite /Formulas.margin_qk (Rmult_comm d) (Rmult_comm rho_K). Qed.
Definition margin_qk := ltac:(restate @blocks.margin_qk margin_qk_is).

Lemma adam_threshold_is beta1 beta2 p : extinction.C_A beta1 beta2 * sqrt p = Formulas.adam_threshold beta1 beta2 p.
Proof. by rewrite /Formulas.adam_threshold /extinction.C_A /Rdiv; ring. Qed.
Definition adam_threshold := ltac:(restate @extinction.adam adam_threshold_is).

Lemma adam_ratio_is beta1 beta2 : extinction.C_A beta1 beta2 = Formulas.adam_ratio beta1 beta2.
Proof. by rewrite /Formulas.adam_ratio /extinction.C_A. Qed.
Definition adam_ratio := ltac:(restate @extinction.adam_ratio adam_ratio_is).

Lemma smoothness_bilinear_is D_U B_v U B_x tau :
  (2 * D_U * B_v + U ^ 2 * B_v ^ 2 / 2) * B_x ^ 4 / tau ^ 2 = Formulas.smoothness_bilinear D_U B_v U B_x tau.
Proof. by rewrite /Formulas.smoothness_bilinear /Rdiv; ring. Qed.
Definition smoothness_bilinear := ltac:(restate @threshold.smoothness smoothness_bilinear_is).

Lemma extinction_steps (J : finType) (theta v : nat -> vector J) (eta lam G_bar gamma theta0 : R) (k : nat) :
  0 < eta -> 0 < gamma -> norm (theta 0%N) <= theta0 ->
  (forall k, theta k.+1 = extinction.soft (eta * lam) (vsub (theta k) (vscale eta (v k)))) ->
  (forall k, norm (v k) <= G_bar) -> G_bar + gamma <= lam -> Formulas.extinction_steps theta0 eta gamma <= INR k -> theta k = vzero.
Proof.
  move=> step slack start run bounded penalty; rewrite /Formulas.extinction_steps INR_IZR_INZ => /le_IZR late.
  exact: (extinction.finite_time step slack start run bounded penalty late).
Qed.

Lemma norm_after_steps (J : finType) (theta v : nat -> vector J) (eta lam G_bar gamma theta0 : R) (k : nat) :
  0 < eta -> 0 < gamma -> norm (theta 0%N) <= theta0 ->
  (forall k, theta k.+1 = extinction.soft (eta * lam) (vsub (theta k) (vscale eta (v k)))) ->
  (forall k, norm (v k) <= G_bar) -> G_bar + gamma <= lam -> norm (theta k) <= Formulas.norm_after_steps theta0 eta gamma (INR k).
Proof.
  move=> step slack start run bounded penalty.
  apply: Rle_trans (extinction.norm_after (eta := fun=> eta) (fun=> step) slack start run bounded penalty k) _; right.
  by rewrite /Formulas.norm_after_steps sum_const_all card_ord; congr Rmax; ring.
Qed.

(** * Partition *)

From Localist Require partition.

Lemma partition_cut_is th_hi th_lo : (th_hi + th_lo) / 2 = Formulas.partition_cut th_hi th_lo.
Proof. by rewrite /Formulas.partition_cut; field. Qed.
Definition partition_cut := ltac:(restate @partition.midpoint_recovers partition_cut_is).

Lemma partition_gap_after_is l eta : l - 2 * eta = Formulas.partition_gap_after l eta.
Proof. by rewrite /Formulas.partition_gap_after; ring. Qed.
Definition partition_gap_after := ltac:(restate @partition.gap_survives partition_gap_after_is).

Lemma similarity_drift_is rho a B d tau : (a * (B + d) ^ 2 + rho * (2 * B + d) * d) / tau = Formulas.similarity_drift rho a B d tau.
Proof. by rewrite /Formulas.similarity_drift; congr (_ / _); ring. Qed.
Definition similarity_drift := ltac:(restate @partition.drift similarity_drift_is).

Lemma form_drift_is a B tau : B ^ 2 * a / tau = Formulas.form_drift a B tau.
Proof. by rewrite /Formulas.form_drift; congr (_ / _); ring. Qed.
Definition form_drift := ltac:(restate @partition.form_drift form_drift_is).

Lemma partition_radius_is l B tau : l * tau / (2 * B ^ 2) = Formulas.partition_radius l B tau.
Proof. by rewrite /Formulas.partition_radius /Rdiv ?Rinv_mult; ring. Qed.
Definition partition_radius := ltac:(restate @partition.radius partition_radius_is).

Lemma partition_steps_is l B tau eta G : l * tau / (2 * B ^ 2 * eta * G) = Formulas.partition_steps l B tau eta G.
Proof. by rewrite /Formulas.partition_steps /Rdiv ?Rinv_mult; ring. Qed.
Definition partition_steps := ltac:(restate @partition.certified_steps partition_steps_is).

Lemma partition_gap_after_steps_is l B tau eta G n : l - 2 * B ^ 2 * n * eta * G / tau = Formulas.partition_gap_after_steps l B tau eta G n.
Proof. by rewrite /Formulas.partition_gap_after_steps /Rdiv; ring. Qed.
Definition partition_gap_after_steps := ltac:(restate @partition.gap_after_steps partition_gap_after_steps_is).
(** * Rules *)

Lemma fidelity_with_rule (I : finType) (S : {set I}) (c : I -> R) (b : R) : block S ->
  mass (softmax (dial.dialled c S b)) S = Formulas.fidelity_with_rule (mass (softmax c) S) b.
Proof. by move=> rule; rewrite rules.fidelity // /Formulas.fidelity_with_rule; congr (_ / _); ring. Qed.

Lemma rule_strength (I : finType) (S : {set I}) (c : I -> R) (b phi : R) : 0 < phi -> block S -> phi < 1 ->
  b = Formulas.rule_strength (mass (softmax c) S) phi -> mass (softmax (dial.dialled c S b)) S = phi.
Proof. by move=> p rule t eq; apply: rules.strength => //; rewrite eq /Formulas.rule_strength; ring. Qed.

Lemma rule_divergence (I : finType) (S : {set I}) (c : I -> R) (b : R) : block S ->
  rules.KL (softmax (dial.dialled c S b)) (softmax c) = Formulas.rule_divergence (mass (softmax c) S) b.
Proof.
  move=> rule; rewrite rules.divergence_of_strength // /Formulas.rule_divergence; set F0 := mass _ _.
  have -> : 1 + F0 * (exp b - 1) = F0 * (exp b - 1) + 1 by ring.
  by have -> : 1 - F0 + F0 * exp b = F0 * exp b + 1 - F0 by [ring]; rewrite /Rdiv; ring.
Qed.

Lemma binary_divergence (I : finType) (S : {set I}) (c : I -> R) (b : R) : block S ->
  let row := softmax (dial.dialled c S b) in
  rules.KL row (softmax c) = Formulas.binary_divergence (mass row S) (mass (softmax c) S).
Proof. by move=> rule row; rewrite /row rules.divergence_binary // /rules.kl /Formulas.binary_divergence; ring. Qed.

Lemma rule_divergence_cap (I : finType) (S : {set I}) (c : I -> R) (b : R) : block S ->
  rules.KL (softmax (dial.dialled c S b)) (softmax c) <= Formulas.rule_divergence_cap b.
Proof. exact: rules.divergence_cap. Qed.

Lemma rule_output_shift (I J : finType) (S : {set I}) (c : I -> R) (v : I -> vector J) (b D : R) : block S -> dial.values_apart v S D ->
  norm (vsub (dial.output (dial.dialled c S b) v) (dial.output c v)) <= Formulas.rule_output_shift D b.
Proof.
  move=> rule apart; apply: Rle_trans (rules.output c b rule apart) _; right; rewrite /Formulas.rule_output_shift /Rdiv; ring.
Qed.

(** * Recruitment *)

Lemma recruitment_threshold (X : finType) (p : X -> R) (E : nat -> {set X}) (threshold : nat -> R) (alpha : R) (M : nat) :
  (forall x, 0 <= p x) -> 0 < alpha -> (forall m, \sum_(x in E m) p x <= exp (- threshold m)) ->
  (forall m, Formulas.recruitment_threshold (INR m + 1) alpha <= threshold m) ->
  \sum_(x in recruitment.union E M) p x <= alpha * INR M / (INR M + 1).
Proof.
  move=> law a0 rates le; apply: (recruitment.all_time M law a0 rates) => m.
  by have := le m; rewrite /Formulas.recruitment_threshold (_ : INR m + 1 + 1 = INR m + 2) //; ring.
Qed.

Lemma false_recruitment_ever (X : finType) (p : X -> R) (E : nat -> {set X}) (threshold : nat -> R) (alpha : R) (M : nat) :
  (forall x, 0 <= p x) -> 0 < alpha -> (forall m, \sum_(x in E m) p x <= exp (- threshold m)) ->
  (forall m, ln ((INR m + 1) * (INR m + 2) / alpha) <= threshold m) ->
  \sum_(x in recruitment.union E M) p x <= Formulas.false_recruitment_ever (INR M) alpha.
Proof.
  move=> law a0 rates le; rewrite /Formulas.false_recruitment_ever (Rmult_comm (INR M)).
  exact: (recruitment.all_time M law a0 rates le).
Qed.

Lemma false_recruitment (A : finType) (p q : seq A -> A -> R) (k : R) (T : nat) : (forall h a, 0 <= q h a) ->
  (forall h, \sum_a q h a <= 1) -> recruitment.crossing p q k T [::] 1 1 <= Formulas.false_recruitment k.
Proof. exact: recruitment.sequential. Qed.

Lemma fitted_recruitment (X : finType) (p q : X -> R) (A : {set X}) (k C : R) : (forall x, 0 <= q x) -> \sum_x q x <= C ->
  recruitment.saves p q A k -> \sum_(x in A) p x <= Formulas.fitted_recruitment k C.
Proof. exact: recruitment.parameter_cost. Qed.

Lemma recruitment_budget (dl rise drop : nat -> R) (m : nat) (gain low top : R) : recruitment.run dl rise drop -> 0 < gain ->
  (forall k, gain <= drop k) -> recruitment.total rise m <= top -> low <= dl m ->
  INR m <= Formulas.recruitment_budget (dl 0%nat) low top gain.
Proof.
  move=> r g d t f; apply: Rle_trans (recruitment.termination r g d t f) _; right.
  by rewrite /Formulas.recruitment_budget; congr (_ / _); ring.
Qed.

Lemma miss_probability (X : finType) (p z : X -> R) (K low R_g : R) (N : nat) : distribution p -> 0 < R_g ->
  (forall x, low <= z x <= low + R_g) -> (0 < N)%N -> 0 < INR N * recruitment.mean p z - K ->
  recruitment.below p z K N 0 <= Formulas.miss_probability (INR N) (recruitment.mean p z) K R_g.
Proof.
  move=> law r range n0 enough; apply: Rle_trans (recruitment.power law r range n0 enough) _; right.
  by rewrite /Formulas.miss_probability (Rmult_comm (recruitment.mean p z)) (Rmult_comm (R_g ^ 2)).
Qed.

Lemma miss_probability_variance (X : finType) (p z : X -> R) (K low R_g : R) (N : nat) : distribution p ->
  (forall x, low <= z x <= low + R_g) -> 0 < INR N * recruitment.mean p z - K ->
  recruitment.below p z K N 0 <= Formulas.miss_probability_variance (INR N) (recruitment.mean p z) K R_g.
Proof.
  move=> law range enough; apply: Rle_trans (recruitment.power_variance_independent law range enough) _; right.
  by rewrite /Formulas.miss_probability_variance (Rmult_comm (recruitment.mean p z)).
Qed.

Lemma detection_samples (X : finType) (p z : X -> R) (K low R_g delta : R) (N : nat) : distribution p -> 0 < R_g ->
  (forall x, low <= z x <= low + R_g) -> 0 < recruitment.mean p z -> 0 < delta -> (0 < N)%N ->
  Formulas.detection_samples K (recruitment.mean p z) R_g delta <= INR N -> recruitment.below p z K N 0 <= delta.
Proof. exact: recruitment.delay. Qed.

Lemma detection_root (X : finType) (p z : X -> R) (K low R_g delta : R) (N : nat) : distribution p -> 0 < R_g ->
  (forall x, low <= z x <= low + R_g) -> 0 < recruitment.mean p z -> 0 < delta -> delta < 1 -> 0 < K -> (0 < N)%N ->
  Formulas.detection_root K (recruitment.mean p z) R_g delta <= sqrt (INR N) -> recruitment.below p z K N 0 <= delta.
Proof.
  move=> law r range m0 d0 d1 k0 n0 le; apply: (recruitment.delay_sharp law r range m0 d0 d1 k0 n0) => /=.
  have l0 : 0 < - ln delta by have := ln_increasing _ _ d0 d1; rewrite ln_1; lra.
  have two : sqrt (- ln delta / 2) = sqrt 2 * sqrt (- ln delta) / 2.
    have r2 : sqrt 2 * sqrt 2 = 2 by apply: sqrt_sqrt; lra.
    have -> : sqrt (- ln delta) = sqrt (- ln delta / 2) * sqrt 2 by rewrite -sqrt_mult; [congr sqrt; field | lra | lra].
    have -> : sqrt 2 * (sqrt (- ln delta / 2) * sqrt 2) = sqrt (- ln delta / 2) * (sqrt 2 * sqrt 2) by ring.
    by rewrite r2; field.
  move: le; rewrite /Formulas.detection_root => le; apply: Rle_trans le; right; congr (_ / _); congr (_ + _).
    by rewrite two; field.
  congr sqrt; have -> : R_g * sqrt (- ln delta / 2) * (R_g * sqrt (- ln delta / 2) * 1) = R_g ^ 2 * (sqrt (- ln delta / 2) * sqrt (- ln delta / 2)) by ring.
  by rewrite sqrt_sqrt; [field | lra].
Qed.

Lemma mean_delay_floor (X : finType) (p z : X -> R) (K : R) (T : nat) : distribution p -> 0 < recruitment.mean p z ->
  recruitment.reaches p z K T 0 -> Formulas.mean_delay_floor K (recruitment.mean p z) <= recruitment.spent p z K T 0.
Proof. exact: recruitment.mean_time_floor. Qed.

Lemma mean_delay (X : finType) (p z : X -> R) (K b : R) (T : nat) : distribution p -> 0 < recruitment.mean p z -> 0 <= K -> 0 <= b ->
  (forall x, z x <= b) -> recruitment.spent p z K T 0 <= Formulas.mean_delay K (recruitment.mean p z) b.
Proof. exact: recruitment.mean_time. Qed.

Lemma laplace_regret (s : seq bool) (theta law : R) : 0 <= theta <= 1 -> 0 < recruitment.coin theta s -> 0 < law ->
  ln (recruitment.coin theta s) - ln law - Formulas.laplace_regret (INR (size s)) <= ln (recruitment.succession 0 0 s) - ln law.
Proof. exact: recruitment.regret. Qed.

(** * Schedules *)

Lemma schedule_dial (low high wanted q : R) (m l : nat) : (0 < m)%N -> (0 < l)%N -> 0 < q -> low < high -> low < wanted ->
  schedule.first_above m ((wanted - low) / (high - low)) q <= INR l -> wanted <= Formulas.schedule_dial low high (INR l) (INR m) q.
Proof.
  move=> m0 l0 q0 rising higher late; apply: Rle_trans (schedule.above m0 q0 rising higher late) _; right.
  by rewrite /schedule.dial_at /Formulas.schedule_dial; case: l l0 {late} => // l _; rewrite schedule.share_S /schedule.P; ring.
Qed.

Lemma first_layer_above (low high wanted q : R) (m l : nat) : (0 < m)%N -> 0 < q -> low < high -> low < wanted ->
  Formulas.first_layer_above (INR m) ((wanted - low) / (high - low)) q <= INR l -> wanted <= schedule.dial_at low high q m l.
Proof. by move=> m0 q0 rising higher late; apply: schedule.above. Qed.

Lemma schedule_budget (low high : R) (m p : nat) : (0 < m)%N -> (0 < p)%N ->
  schedule.total low high (INR p) m = Formulas.schedule_budget low high (INR m) (INR p) (schedule.power_sum p m).
Proof.
  move=> m0 p0; rewrite schedule.budget // /Formulas.schedule_budget -Ropp_mult_distr_l exp_Ropp -/(schedule.P (INR p) (INR m)).
  by rewrite schedule.P_nat; [rewrite /Rdiv; ring | exact: schedule.INR_pos].
Qed.

Lemma power_sum_linear m : schedule.power_sum 1 m = Formulas.power_sum_linear (INR m).
Proof. by rewrite schedule.linear. Qed.

Lemma power_sum_quadratic m : schedule.power_sum 2 m = Formulas.power_sum_quadratic (INR m).
Proof. by rewrite schedule.quadratic. Qed.

Lemma power_sum_cubic m : schedule.power_sum 3 m = Formulas.power_sum_cubic (INR m).
Proof. by rewrite schedule.cubic /Formulas.power_sum_cubic; field. Qed.

Lemma power_sum_quartic m : schedule.power_sum 4 m = Formulas.power_sum_quartic (INR m).
Proof. by rewrite schedule.quartic. Qed.

Lemma power_sum_quintic m : schedule.power_sum 5 m = Formulas.power_sum_quintic (INR m).
Proof. by rewrite schedule.quintic. Qed.

Lemma budget_floor (low high q : R) (m : nat) : (0 < m)%N -> low <= high -> 1 <= q ->
  Formulas.budget_floor low high (INR m) q <= schedule.total low high q m.
Proof.
  move=> m0 rising convex; apply: Rle_trans (schedule.budget_floor m0 rising convex); right.
  by rewrite /Formulas.budget_floor; ring.
Qed.

Lemma budget_ceiling (low high q : R) (m : nat) : (0 < m)%N -> low <= high -> 1 <= q ->
  schedule.total low high q m <= Formulas.budget_ceiling low high (INR m) q.
Proof.
  move=> m0 rising convex; apply: Rle_trans (schedule.budget_ceiling m0 rising convex) _; right.
  by rewrite /Formulas.budget_ceiling; ring.
Qed.

Lemma rollout_bound (I : finType) (A : nat -> I -> I -> R) (G : {set I}) (eps : nat -> R) (phi : R) (L : nat) (i : I) :
  (forall l, (l < L)%N -> schedule.attention (A l)) -> schedule.leaks_at_most A G eps L -> i \in G -> 0 < phi ->
  (forall l, (l < L)%N -> phi <= 1 - eps l) ->
  outside (schedule.rolled A L i) G <= Formulas.rollout_bound phi (INR L).
Proof.
  move=> rows leak hi p bounded; have := schedule.rollout_uniform rows leak hi p bounded.
  by rewrite /Formulas.rollout_bound -/(schedule.P (INR L) phi) schedule.P_nat.
Qed.

Lemma value_path_bound (I J : finType) (A : nat -> I -> I -> R) (W : nat -> vector (prod_finType J J)) (w eps : nat -> R)
    (gain phi : R) (G : {set I}) (L : nat) (i : I) :
  (forall l, (l < L)%N -> schedule.attention (A l)) -> schedule.values_at_most W w L -> schedule.leaks_at_most A G eps L ->
  i \in G -> 0 <= gain -> 0 < phi -> phi <= 1 -> (forall l, (l < L)%N -> phi <= 1 - eps l) -> (forall l, (l < L)%N -> w l <= gain) ->
  exists N : I -> R, (forall j v, norm (schedule.flow A W L i j v) <= N j * norm v) /\
    (\sum_(j in ~: G) N j) / schedule.prod (fun l => 1 + w l) L <= Formulas.value_path_bound phi gain (INR L).
Proof.
  move=> rows maps leak hi g0 p p1 bounded values.
  have [N [le share]] := schedule.value_path_uniform rows maps leak hi g0 p p1 bounded values; exists N; split=> //.
  apply: Rle_trans share _; right; rewrite /Formulas.value_path_bound; congr (1 - _).
  have -> : (gain * phi + 1) / (gain + 1) = (1 + gain * phi) / (1 + gain) by field; lra.
  by rewrite -/(schedule.P (INR L) _) schedule.P_nat //; apply: div_pos; nra.
Qed.

(** * Anchors *)

Lemma need_is m e : anchors.need m (1 - e) = ln (m - 1) + ln ((1 - e) / e).
Proof. by rewrite /anchors.need (_ : 1 - (1 - e) = e); ring. Qed.

Lemma least_anchors (I : finType) (G : {set I}) (s : I -> R) (t phi : R) : 0 < phi < 1 -> block G -> leads s G t ->
  Formulas.least_anchors (#I) phi t <= #G -> phi <= mass (softmax s) G.
Proof.
  move=> [p0 p1] b m le; apply: (anchors.redundancy p0 b m p1); apply: Rle_trans le; right.
  have := anchors.least_anchors_denominator t (conj p0 p1) => d.
  by rewrite /anchors.least_anchors /Formulas.least_anchors; field; lra.
Qed.

Lemma margin_saved (I : finType) (G G' : {set I}) (s s' : I -> R) (t t' : R) : two_level s G t -> two_level s' G' t' ->
  block G -> block G' -> mass (softmax s) G = mass (softmax s') G' -> t - t' = Formulas.margin_saved (#I) (#G) (#G').
Proof. exact: anchors.replace. Qed.

Lemma exchange_rate (I : finType) (G G' : {set I}) (s s' : I -> R) (t t' : R) : two_level s G t -> two_level s' G' t' ->
  block G -> block G' -> mass (softmax s) G = mass (softmax s') G' ->
  entropy (softmax s') - entropy (softmax s) <= Formulas.exchange_rate (#I) (#G) (mass (softmax s) G) * (t' - t).
Proof. exact: anchors.exchange. Qed.

Lemma spread_entropy (I : finType) (G : {set I}) (a : I -> R) (rho : R) : distribution a -> mass a G < 1 ->
  (forall j, j \in G -> a j <= rho) -> Formulas.spread_entropy (mass a G) rho <= entropy a.
Proof.
  move=> d m g; apply: Rle_trans (anchors.spread d m g); right; rewrite /Formulas.spread_entropy; ring.
Qed.

Lemma norm_budget_floor (I J : finType) (a q : I -> vector J) (kappa e : R) : 0 < e < 1 -> 2 <= #I ->
  (forall i, norm (a i) <= 1) -> (forall i, norm (q i) <= kappa) ->
  (forall i, 1 - e <= softmax (fun j => dot (q i) (a j)) i) -> Formulas.norm_budget_floor (#I) e <= kappa.
Proof.
  move=> h m u s f; apply: Rle_trans (anchors.norm_budget (phi := 1 - e) _ m u s _ f); try lra; right.
  by rewrite /anchors.best_budget need_is /Formulas.norm_budget_floor; field; lra.
Qed.

Lemma code_budget (I J : finType) (a : I -> vector J) (kappa mu e : R) : 0 < e < 1 -> 0 <= kappa -> 2 <= #I ->
  (forall i, norm (a i) = 1) -> mu < 1 -> (forall i j, j != i -> dot (a i) (a j) <= mu) ->
  Formulas.code_budget (#I) e mu <= kappa -> forall i, 1 - e <= softmax (fun j => dot (vscale kappa (a i)) (a j)) i.
Proof.
  move=> h k m u mu1 c le; apply: (anchors.enough (mu := mu)) => //; try lra.
  apply: Rle_trans le; right; rewrite need_is /Formulas.code_budget; field; lra.
Qed.

Lemma margin_cap (I J : finType) (a q : I -> vector J) (kappa t : R) : 2 <= #I -> (forall i, norm (a i) <= 1) ->
  (forall i, norm (q i) <= kappa) -> (forall i j, j != i -> t <= dot (q i) (a i) - dot (q i) (a j)) ->
  t <= Formulas.margin_cap (#I) kappa.
Proof. exact: anchors.margin_cap. Qed.

Lemma margin_dimension_cap (I J : finType) (a : I -> vector J) (kappa t : R) : 0 <= kappa -> 3 <= #I ->
  (forall i, norm (a i) = 1) -> (forall i j, j != i -> t <= dot (vscale kappa (a i)) (a i) - dot (vscale kappa (a i)) (a j)) ->
  t <= Formulas.margin_dimension_cap (#I) (#J) kappa.
Proof. exact: anchors.margin_dimension_cap. Qed.

Lemma coherence_floor (I J : finType) (a : I -> vector J) (mu : R) : 3 <= #I -> (forall i, norm (a i) = 1) ->
  (forall i j, j != i -> dot (a i) (a j) <= mu) -> Formulas.coherence_floor (#I) (#J) <= mu.
Proof. exact: anchors.coherence_dimension. Qed.

Lemma welch_bound (I J : finType) (a : I -> vector J) (mu : R) : 2 <= #I -> 1 <= #J -> #J <= #I -> (forall i, norm (a i) = 1) ->
  (forall i j, j != i -> Rabs (dot (a i) (a j)) <= mu) -> Formulas.welch_bound (#I) (#J) <= mu.
Proof.
  move=> m d le u g; apply: Rle_trans (anchors.welch m le u g); right.
  rewrite /Formulas.welch_bound -sqrt_div_alt; last lra.
  by congr sqrt; field; lra.
Qed.

Lemma packing_cap (I J : finType) (a q : I -> vector J) (kappa t : R) : 1 <= #I -> (forall i, norm (a i) <= 1) ->
  (forall i, norm (q i) <= kappa) -> 0 < t -> 0 < kappa -> (forall i j, j != i -> t <= dot (q i) (a i) - dot (q i) (a j)) ->
  ln (#I) <= Formulas.packing_cap (#J) kappa t.
Proof. by rewrite /Formulas.packing_cap (Rplus_comm _ 1); exact: anchors.packing. Qed.

Lemma sign_code_width (I J : finType) (mu : R) : 2 <= #I -> 0 < mu -> Formulas.sign_code_width (#I) mu <= #J ->
  anchors.bad_share I J mu < 1 / 2.
Proof. exact: anchors.sign_code. Qed.

Lemma sign_code_failure (I J : finType) (mu : R) : 2 <= #I -> 0 <= mu ->
  anchors.bad_share I J mu <= Formulas.sign_code_failure (#I) (#J) mu.
Proof.
  move=> m h; apply: Rle_trans (anchors.sign_failure J m h) _; right; rewrite /Formulas.sign_code_failure; field.
Qed.

Lemma fano_information (B K : finType) (p : B -> K -> R) (name : K -> B) (e : R) : (forall b, distribution (p b)) -> 2 <= #B ->
  0 < e < 1 -> e <= (#B - 1) / #B -> anchors.error p name <= e -> Formulas.fano_information (#B) e <= anchors.information_of p.
Proof.
  move=> c m [lo hi] cap err; apply: Rle_trans (anchors.fano_bound c m lo hi cap err); right.
  by rewrite /Formulas.fano_information /anchors.fano_floor; ring.
Qed.

Lemma composed_miss_is eps_r eps_b : eps_r + eps_b - eps_r * eps_b = Formulas.composed_miss eps_r eps_b.
Proof. by rewrite /Formulas.composed_miss; ring. Qed.
Definition composed_miss := ltac:(restate @hierarchy.composition composed_miss_is).

Lemma composed_entropy_is H_r H_b eps_r n_max : H_r + (1 - eps_r) * H_b + eps_r * ln n_max = Formulas.composed_entropy H_r H_b eps_r n_max.
Proof. by rewrite /Formulas.composed_entropy; ring. Qed.
Definition composed_entropy := ltac:(restate @hierarchy.entropy_bound composed_entropy_is).

Lemma step_decrease_is eta L_s m : (1 / eta - L_s / 2) * (m * m) = Formulas.step_decrease eta L_s m.
Proof. by rewrite /Formulas.step_decrease /Rdiv; ring. Qed.
Definition step_decrease := ltac:(restate @hierarchy.descent step_decrease_is).

Lemma moves_bound_is Phi_0 Phi_inf T gamma_b gamma_L :
  (Phi_0 - Phi_inf + T) / Rmin gamma_b gamma_L = Formulas.moves_bound Phi_0 Phi_inf T gamma_b gamma_L.
Proof. by rewrite /Formulas.moves_bound Rmin_comm; congr (_ / _); ring. Qed.
Definition moves_bound := ltac:(restate @hierarchy.moves moves_bound_is).

Lemma steps_bound_is Phi_0 Phi_inf T eta nu : 2 * (Phi_0 - Phi_inf + T) / (eta * nu ^ 2) = Formulas.steps_bound Phi_0 Phi_inf T eta nu.
Proof. by rewrite /Formulas.steps_bound; congr (_ / _); ring. Qed.
Definition steps_bound := ltac:(restate @hierarchy.steps steps_bound_is).
