(** The dial: one number moves a frozen checkpoint along a known curve between distributed and localist attention.

    c are content scores, the row at setting d is c_j + beta d for keys j of the block G and c_j for the others ([dialled c G (beta * d)]);
    beta > 0, d any real number.

    Against the informal statement: the margin and the content lead are numbers with a proof that they are the least difference across the
    block ([is_margin], [is_lead]); bounds need only the inequality ([content_leads]). Outputs are vectors over any finite type of
    coordinates. A loss is any function of the output that is G-Lipschitz between the two outputs compared. *)

From Coq Require Import Reals Lra Psatz.
From mathcomp Require Import all_ssreflect.
From Coquelicot Require Import Coquelicot.
From Localist Require Import Sums Vectors concentration entropy.
From Localist Require Numbers.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Open Scope R_scope.

Section Definitions.
Variable (I : finType).
Implicit Types (c s : I -> R) (G : {set I}).

Definition dialled c G (x : R) (j : I) := if j \in G then c j + x else c j.

(** m is the margin: the least score in the block minus the greatest outside. *)
Definition is_margin s G (m : R) := leads s G m /\ exists i j, [/\ i \in G, j \notin G & s i - s j = m].
(** r is the content lead: the greatest content outside minus the least in the block. *)
Definition is_lead c G (r : R) := is_margin c G (- r).
(** No key outside leads a key of the block by more than r. *)
Definition content_leads c G (r : R) := forall i j, i \in G -> j \notin G -> c j - c i <= r.

(** Weight of a key given its side of the block. *)
Definition given s G (j : I) := softmax s j / mass (softmax s) G.
(** Entropy of the attention on G, given G. *)
Definition entropy_given s G := - (\sum_(j in G) exp (s j) / weight s G * ln (exp (s j) / weight s G)).
Definition moment c G := \sum_(j in G) c j * exp (c j).
(** Mean content in the block minus mean content outside. *)
Definition advantage c G := moment c G / weight c G - moment c (~: G) / weight c (~: G).
End Definitions.

Definition mass_at (eps0 x : R) := eps0 / (eps0 + (1 - eps0) * exp x).

Section Rows.
Variables (I : finType).
Implicit Types (c s : I -> R) (G : {set I}).

Lemma weight_in c G x : weight (dialled c G x) G = exp x * weight c G.
Proof. by rewrite /weight -sum_scale; apply: sum_eq => j hj; rewrite /dialled hj exp_plus; ring. Qed.

Lemma weight_out c G x : weight (dialled c G x) (~: G) = weight c (~: G).
Proof. by apply: sum_eq_out => j /negbTE hj; rewrite /dialled hj. Qed.

Lemma weights_pos c G : block G -> 0 < weight c G /\ 0 < weight c (~: G).
Proof. by move=> b; have [i hi] := block_in b; have [j hj] := block_out b; split; [exact: weight_pos hi | exact: weight_pos hj]. Qed.

Lemma outside_at c G x : block G -> outside (softmax (dialled c G x)) G = weight c (~: G) / (exp x * weight c G + weight c (~: G)).
Proof. by move=> b; rewrite outside_odds // weight_in weight_out. Qed.

Lemma mass_of c G : block G -> mass (softmax c) G = 1 - outside (softmax c) G.
Proof. by move=> b; have [i _] := block_in b; exact: mass_outside (softmax_distribution c i). Qed.

Lemma dialled_0 c G : dialled c G 0 =1 c.
Proof. by move=> j; rewrite /dialled; case: ifP => _; ring. Qed.

Lemma softmax_ext s s' : s =1 s' -> softmax s =1 softmax s'.
Proof. by move=> h j; rewrite /softmax /total h; congr (_ / _); apply: sum_eq => i _; rewrite h. Qed.

Lemma leads_dialled c G r x : content_leads c G r -> leads (dialled c G x) G (x - r).
Proof. by move=> h i j hi hj; rewrite /dialled hi (negbTE hj); have := h i j hi hj; lra. Qed.

(** The block decomposition, exactly: entropy is that of the two sides plus that of the choice. *)
Lemma entropy_blocks s G : block G -> entropy (softmax s)
  = binary (outside (softmax s) G) + (1 - outside (softmax s) G) * entropy_given s G + outside (softmax s) G * entropy_given s (~: G).
Proof.
  move=> b; have [p q] := weights_pos s b; have [i hi] := block_in b; have pos := total_pos s i.
  have tot := total_split s G; have outp : outside (softmax s) G = weight s (~: G) / total s by exact: outside_softmax.
  have side A : 0 < weight s A -> \sum_(j in A) softmax s j * ln (softmax s j)
      = weight s A / total s * (ln (weight s A) - ln (total s)) - weight s A / total s * entropy_given s A.
    move=> wA; rewrite /entropy_given.
    rewrite (sum_eq (g := fun j => weight s A / total s * (exp (s j) / weight s A * ln (exp (s j) / weight s A))
      + (ln (weight s A) - ln (total s)) / total s * exp (s j))) => [|j hj]; last first.
      by rewrite ln_softmax /softmax ln_div ?ln_exp //; [field; lra | exact: exp_pos].
    by rewrite sum_add !sum_scale -/(weight s A); field; lra.
  rewrite /entropy (sum_split G) !side // /binary outp.
  have -> : 1 - weight s (~: G) / total s = weight s G / total s by rewrite tot; field; lra.
  by rewrite !ln_div //; ring.
Qed.

Lemma entropy_given_in c G x : block G -> entropy_given (dialled c G x) G = entropy_given c G.
Proof.
  move=> b; have [p q] := weights_pos c b; rewrite /entropy_given; congr (- _); apply: sum_eq => j hj.
  have -> : exp (dialled c G x j) / weight (dialled c G x) G = exp (c j) / weight c G; last by [].
  by rewrite weight_in /dialled hj exp_plus; have e := exp_pos x; field; lra.
Qed.

Lemma entropy_given_out c G x : entropy_given (dialled c G x) (~: G) = entropy_given c (~: G).
Proof.
  by rewrite /entropy_given; congr (- _); apply: sum_eq_out => j /negbTE hj; rewrite weight_out /dialled hj.
Qed.

Lemma entropy_given_short c G : 0 < weight c G -> entropy_given c G = ln (weight c G) - moment c G / weight c G.
Proof.
  move=> p; rewrite /entropy_given.
  rewrite (sum_eq (g := fun j => / weight c G * (c j * exp (c j)) - ln (weight c G) / weight c G * exp (c j))) => [|j hj].
    by rewrite sum_sub !sum_scale -/(moment c G) -/(weight c G); field; lra.
  by rewrite ln_div ?ln_exp //; [field; lra | exact: exp_pos].
Qed.

End Rows.

(** * The law of the dial *)

(** One nat of dial is one nat of margin. *)
Theorem margin (I : finType) (G : {set I}) (c : I -> R) (beta d r0 : R) (block : block G) (content_lead : is_lead c G r0) :
  is_margin (dialled c G (beta * d)) G (beta * d - r0).
Proof.
  case: content_lead => lead [i [j [hi hj eq]]]; split.
    by apply: leads_dialled => k l hk hl; have := lead k l hk hl; lra.
  by exists i, j; split=> //; rewrite /dialled hi (negbTE hj); lra.
Qed.

(** Every row has exactly one margin. *)
Theorem margin_unique (I : finType) (G : {set I}) (s : I -> R) (block : block G) : exists! m, is_margin s G m.
Proof.
  have [i hi] := block_in block; have [j hj] := block_out block; rewrite inE in hj.
  have [low hl] := exists_max (fun k => if k \in G then - s k else - s i) i.
  have [top ht] := exists_max (fun k => if k \in G then s j else s k) j.
  have [l [lG leastl]] : exists l, l \in G /\ forall k, k \in G -> s l <= s k.
    case lG : (low \in G); last by exists i; split=> // k hk; have := hl k; rewrite hk lG; lra.
    by exists low; split=> // k hk; have := hl k; rewrite hk lG; lra.
  have [t [tG greatest]] : exists t, t \notin G /\ forall k, k \notin G -> s k <= s t.
    case tG : (top \in G); first by exists j; split=> // k hk; have := ht k; rewrite (negbTE hk) tG; lra.
    by exists top; rewrite tG; split=> // k hk; have := ht k; rewrite (negbTE hk) tG; lra.
  exists (s l - s t); split=> [|m [lead [k [k' [hk hk' eq]]]]].
    split=> [k k' hk hk'|]; first by have := leastl k hk; have := greatest k' hk'; lra.
    by exists l, t.
  have := lead l t lG tG; have := leastl k hk; have := greatest k' hk'; lra.
Qed.

(** Inside the block, relative attention does not move. *)
Theorem conditionals (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (j : I) (block : block G) (inside : j \in G) :
  given (dialled c G (beta * d)) G j = given c G j.
Proof.
  have [p q] := weights_pos c block; have pos := total_pos (dialled c G (beta * d)) j; have pos0 := total_pos c j.
  rewrite /given /softmax !mass_softmax weight_in /dialled inside exp_plus -/(dialled c G (beta * d)).
  by have e := exp_pos (beta * d); field; lra.
Qed.

(** Outside the block, relative attention does not move. *)
Theorem conditionals_outside (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (j : I) (block : block G) (outside : j \notin G) :
  given (dialled c G (beta * d)) (~: G) j = given c (~: G) j.
Proof.
  have [p q] := weights_pos c block; have pos := total_pos (dialled c G (beta * d)) j; have pos0 := total_pos c j.
  rewrite /given /softmax !mass_softmax weight_out /dialled (negbTE outside) -/(dialled c G (beta * d)).
  by field; lra.
Qed.

(** Outside mass along the dial. *)
Theorem mass (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  outside (softmax (dialled c G (beta * d))) G = mass_at (outside (softmax c) G) (beta * d).
Proof.
  have [p q] := weights_pos c block; have e := exp_pos (beta * d).
  by rewrite outside_at // outside_odds // /mass_at; field; repeat split; nra.
Qed.

(** Pointer fidelity along the dial. *)
Theorem fidelity (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  let eps0 := outside (softmax c) G in
  Sums.mass (softmax (dialled c G (beta * d))) G = (1 - eps0) * exp (beta * d) / (eps0 + (1 - eps0) * exp (beta * d)).
Proof.
  move=> eps0; have [lo hi] := outside_open c block; rewrite mass_of // mass // /mass_at -/eps0.
  by rewrite -/eps0 in lo hi; have e := exp_pos (beta * d); field; nra.
Qed.

(** The log-odds of the block rise by exactly beta a unit of dial. *)
Theorem logit (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  let row := softmax (dialled c G (beta * d)) in
  ln (Sums.mass row G) - ln (outside row G) = ln (Sums.mass (softmax c) G) - ln (outside (softmax c) G) + beta * d.
Proof.
  move=> row; have [i _] := block_in block; have [p q] := weights_pos c block; have e := exp_pos (beta * d).
  have pos := total_pos (dialled c G (beta * d)) i; have pos0 := total_pos c i.
  rewrite /row !mass_softmax !outside_softmax weight_in weight_out !ln_div //; try exact: Rmult_lt_0_compat.
  by rewrite ln_mult // ln_exp; ring.
Qed.

Lemma mass_at_slope eps0 beta d : 0 < eps0 < 1 ->
  is_derive (fun d => mass_at eps0 (beta * d)) d (- beta * mass_at eps0 (beta * d) * (1 - mass_at eps0 (beta * d))).
Proof.
  move=> h; have e := exp_pos (beta * d); rewrite /mass_at; auto_derive; first by nra.
  by field; nra.
Qed.

(** Outside mass falls at the rate beta eps (1 - eps). *)
Theorem mass_slope (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  let eps := outside (softmax (dialled c G (beta * d))) G in
  is_derive (fun d => outside (softmax (dialled c G (beta * d))) G) d (- beta * eps * (1 - eps)).
Proof.
  move=> eps; rewrite /eps mass //; apply: is_derive_ext (mass_at_slope beta d (outside_open c block)) => t.
  by rewrite mass.
Qed.

(** Every outside mass belongs to exactly one setting. *)
Theorem level (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (beta_positive : 0 < beta) (block : block G) :
  let eps := outside (softmax (dialled c G (beta * d))) G in
  let eps0 := outside (softmax c) G in
  d = (ln (eps0 / (1 - eps0)) - ln (eps / (1 - eps))) / beta.
Proof.
  move=> eps eps0; have := logit c beta d block; rewrite /= !mass_of // -/eps -/eps0.
  have h : 0 < eps < 1 by exact: outside_open. have h0 : 0 < eps0 < 1 by exact: outside_open.
  rewrite !ln_div; try lra; move=> eq; apply: (Rmult_eq_reg_r beta); last lra.
  by rewrite div_mult; lra.
Qed.

(** Every outside mass strictly between 0 and 1 is reached. *)
Theorem level_reached (I : finType) (G : {set I}) (c : I -> R) (beta d e : R) (beta_positive : 0 < beta) (e_positive : 0 < e)
    (block : block G) (level : e < 1)
    (setting : let eps0 := outside (softmax c) G in d = (ln (eps0 / (1 - eps0)) - ln (e / (1 - e))) / beta) :
  outside (softmax (dialled c G (beta * d))) G = e.
Proof.
  rewrite mass //; have h0 := outside_open c block; rewrite /= in setting; set eps0 := outside _ _ in h0 setting *.
  have -> : beta * d = ln (eps0 / (1 - eps0)) - ln (e / (1 - e)) by rewrite setting; field; lra.
  rewrite /mass_at exp_minus !exp_ln; try by apply: div_pos; lra.
  by field; repeat split; nra.
Qed.

(** The setting that guarantees an outside mass e for every row whose content lets no outside key lead by more than r. *)
Definition setting_for (n g r beta e : R) := (r + (ln ((n - g) / g) + ln ((1 - e) / e))) / beta.

Lemma required_setting n g r beta e : 0 < beta -> beta * setting_for n g r beta e - r = required n g (1 - e).
Proof. by move=> b; rewrite /setting_for /required; rewrite (_ : 1 - (1 - e) = e); [field; lra | ring]. Qed.

Theorem target (I : finType) (G : {set I}) (c : I -> R) (beta d r e : R) (beta_positive : 0 < beta) (e_positive : 0 < e)
    (block : block G) (level : e < 1) (lead : content_leads c G r) (setting : setting_for (#I) (#G) r beta e <= d) :
  outside (softmax (dialled c G (beta * d))) G <= e.
Proof.
  have [g1 n1] := block_sizes block; apply: Rle_trans (outside_mass block (leads_dialled (beta * d) lead)) _.
  have <- : E (#I) (#G) (required (#I) (#G) (1 - e)) = e by rewrite E_required; lra.
  by apply: E_antitone => //; rewrite -(required_setting _ _ r e beta_positive); nra.
Qed.

(** No smaller setting will do: the row with two-level content that leads outside by exactly r exceeds the target. *)
Theorem target_exact (I : finType) (G : {set I}) (c : I -> R) (beta d r e : R) (beta_positive : 0 < beta) (e_positive : 0 < e)
    (block : block G) (level : e < 1) (two_level : two_level c G (- r)) (setting : d < setting_for (#I) (#G) r beta e) :
  e < outside (softmax (dialled c G (beta * d))) G.
Proof.
  have [g1 n1] := block_sizes block.
  have two : Sums.two_level (dialled c G (beta * d)) G (beta * d - r).
    by case: two_level => low eq; exists low => k; rewrite /dialled eq; case: (k \in G); lra.
  rewrite ((outside_mass_equality block (two_level_leads two)).2 two).
  have {1}<- : E (#I) (#G) (required (#I) (#G) (1 - e)) = e by rewrite E_required; lra.
  by apply: E_decreasing => //; rewrite -(required_setting _ _ r e beta_positive); nra.
Qed.

(** * Entropy along the dial *)

Section Entropy.
Variables (I : finType) (G : {set I}) (c : I -> R) (beta : R).
Hypothesis (is_block : block G).
Definition entropy_of_dial d := entropy (softmax (dialled c G (beta * d))).
Definition mass_of_dial d := outside (softmax (dialled c G (beta * d))) G.

Lemma mass_of_dial_open d : 0 < mass_of_dial d < 1.
Proof. exact: outside_open. Qed.

Lemma entropy_of_dial_blocks d : entropy_of_dial d
  = binary (mass_of_dial d) + (1 - mass_of_dial d) * entropy_given c G + mass_of_dial d * entropy_given c (~: G).
Proof. by rewrite /entropy_of_dial (entropy_blocks _ is_block) entropy_given_in // entropy_given_out. Qed.

Lemma advantage_of_entropies : advantage c G
  = entropy_given c (~: G) - entropy_given c G + ln (Sums.mass (softmax c) G) - ln (outside (softmax c) G).
Proof.
  have [p q] := weights_pos c is_block; have [i _] := block_in is_block; have pos := total_pos c i.
  rewrite !entropy_given_short // mass_softmax outside_softmax !ln_div // /advantage; ring.
Qed.

Lemma logit_of_dial d : ln (1 - mass_of_dial d) - ln (mass_of_dial d)
  = advantage c G + beta * d - (entropy_given c (~: G) - entropy_given c G).
Proof.
  have := logit c beta d is_block; rewrite /= -/(mass_of_dial d) mass_of // -/(mass_of_dial d) => ->.
  rewrite advantage_of_entropies; ring.
Qed.

Lemma entropy_of_dial_slope d :
  is_derive entropy_of_dial d (- beta * mass_of_dial d * (1 - mass_of_dial d) * (advantage c G + beta * d)).
Proof.
  have h0 := outside_open c is_block; have open := mass_of_dial_open d.
  have path : is_derive mass_of_dial d (- beta * mass_of_dial d * (1 - mass_of_dial d)) by exact: mass_slope.
  apply: (is_derive_ext (fun d => binary (mass_of_dial d) + (1 - mass_of_dial d) * entropy_given c G + mass_of_dial d * entropy_given c (~: G))).
    by move=> t; rewrite entropy_of_dial_blocks.
  have inner e : 0 < e < 1 -> is_derive (fun e => binary e + (1 - e) * entropy_given c G + e * entropy_given c (~: G)) e
      (ln (1 - e) - ln e + entropy_given c (~: G) - entropy_given c G).
    by move=> he; rewrite /binary; auto_derive; [lra | rewrite -/(1 - e); field; lra].
  have := is_derive_comp _ _ _ _ _ (inner _ open) path; rewrite /scal /= /mult /= => der.
  suff <- : (- beta * mass_of_dial d * (1 - mass_of_dial d)) * (ln (1 - mass_of_dial d) - ln (mass_of_dial d) + entropy_given c (~: G) - entropy_given c G)
    = - beta * mass_of_dial d * (1 - mass_of_dial d) * (advantage c G + beta * d) by exact: der.
  by rewrite logit_of_dial; ring.
Qed.

End Entropy.

(** Entropy of a row as a function of the dial. *)
Theorem entropy_path (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  entropy (softmax (dialled c G (beta * d)))
  = ln (exp (beta * d) * weight c G + weight c (~: G))
    - (exp (beta * d) * (moment c G + beta * d * weight c G) + moment c (~: G)) / (exp (beta * d) * weight c G + weight c (~: G)).
Proof.
  have [p q] := weights_pos c block; have [i _] := block_in block; have e := exp_pos (beta * d).
  set row := dialled c G (beta * d); have pos := total_pos row i.
  have tot : total row = exp (beta * d) * weight c G + weight c (~: G) by rewrite (total_split row G) weight_in weight_out.
  rewrite (entropy_softmax row i) tot; congr (_ - _); rewrite -tot.
  rewrite (sum_eq (g := fun j => / total row * (exp (row j) * row j))) => [|j _]; last by rewrite /softmax; field; lra.
  rewrite sum_scale Rmult_comm /Rdiv; congr (_ * _); rewrite (sum_split G); congr (_ + _).
    rewrite (sum_eq (g := fun j => exp (beta * d) * (c j * exp (c j)) + exp (beta * d) * (beta * d) * exp (c j))) => [|j hj].
      by rewrite sum_add !sum_scale -/(moment c G) -/(weight c G); ring.
    by rewrite /row /dialled hj exp_plus; ring.
  by apply: sum_eq_out => j /negbTE hj; rewrite /row /dialled hj; ring.
Qed.

(** Entropy from the outside mass and the two conditional entropies, which stay put. *)
Theorem entropy_at (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  let row := dialled c G (beta * d) in
  let eps := outside (softmax row) G in
  entropy (softmax row) = binary eps + (1 - eps) * entropy_given row G + eps * entropy_given row (~: G)
  /\ entropy_given row G = entropy_given c G /\ entropy_given row (~: G) = entropy_given c (~: G).
Proof.
  by move=> row eps; split; [exact: entropy_blocks | split; [exact: entropy_given_in | exact: entropy_given_out]].
Qed.

(** The content advantage from entropies and odds at dial 0. *)
Theorem content_advantage (I : finType) (G : {set I}) (c : I -> R) (block : block G) :
  advantage c G = - entropy_given c G + entropy_given c (~: G) + ln (Sums.mass (softmax c) G) - ln (outside (softmax c) G).
Proof. by rewrite advantage_of_entropies //; ring. Qed.

(** The rate at which entropy changes along the dial. *)
Theorem entropy_slope (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  let eps := outside (softmax (dialled c G (beta * d))) G in
  is_derive (fun d => entropy (softmax (dialled c G (beta * d)))) d (- beta * eps * (1 - eps) * (advantage c G + beta * d)).
Proof. exact: entropy_of_dial_slope. Qed.

Lemma binary_tangent (e f : R) : 0 < e < 1 -> 0 < f < 1 -> binary e <= - e * ln f - (1 - e) * ln (1 - f).
Proof.
  move=> he hf; have a := gibbs_term (x := e) (y := f) ltac:(lra) ltac:(lra).
  have b := gibbs_term (x := 1 - e) (y := 1 - f) ltac:(lra) ltac:(lra); rewrite /binary; lra.
Qed.

(** The outside mass at the peak, exp B / (exp A + exp B). *)
Definition peak_mass (A B : R) := exp B / (exp A + exp B).

Lemma peak_mass_open A B : 0 < peak_mass A B < 1.
Proof.
  have a := exp_pos A; have b := exp_pos B; split; first by apply: div_pos; lra.
  by apply: (Rmult_lt_reg_r (exp A + exp B)); [lra | rewrite /peak_mass div_mult; lra].
Qed.

Lemma peak_mass_logs A B : ln (peak_mass A B) = B - ln (exp A + exp B) /\ ln (1 - peak_mass A B) = A - ln (exp A + exp B).
Proof.
  have a := exp_pos A; have b := exp_pos B.
  have -> : 1 - peak_mass A B = exp A / (exp A + exp B) by rewrite /peak_mass; field; lra.
  by rewrite /peak_mass !ln_div ?ln_exp; try lra.
Qed.

(** No setting gives more entropy than ln(exp H_G + exp H_out). *)
Theorem entropy_peak (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  entropy (softmax (dialled c G (beta * d))) <= ln (exp (entropy_given c G) + exp (entropy_given c (~: G))).
Proof.
  have h := mass_of_dial_open c beta block d; rewrite -/(entropy_of_dial G c beta d) entropy_of_dial_blocks //.
  set A := entropy_given c G; set B := entropy_given c (~: G); have [lb la] := peak_mass_logs A B.
  by have := binary_tangent h (peak_mass_open A B); rewrite lb la; lra.
Qed.

(** The peak is attained at d = -Delta_0/beta, by every row. *)
Theorem entropy_peak_at (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (beta_positive : 0 < beta) (block : block G)
    (setting : d = - advantage c G / beta) :
  entropy (softmax (dialled c G (beta * d))) = ln (exp (entropy_given c G) + exp (entropy_given c (~: G)))
  /\ outside (softmax (dialled c G (beta * d))) G = peak_mass (entropy_given c G) (entropy_given c (~: G)).
Proof.
  have h := mass_of_dial_open c beta block d; have lo := logit_of_dial c beta block d.
  rewrite -/(entropy_of_dial G c beta d) entropy_of_dial_blocks // -/(mass_of_dial G c beta d).
  set A := entropy_given c G in lo *; set B := entropy_given c (~: G) in lo *; set e := mass_of_dial G c beta d in h lo *.
  have zero : advantage c G + beta * d = 0 by rewrite setting; field; lra.
  rewrite zero in lo; have a := exp_pos A; have b := exp_pos B.
  have odds : (1 - e) * exp B = e * exp A.
    have -> : 1 - e = exp (ln e + (A - B)) by rewrite -(exp_ln (1 - e)); [congr exp; lra | lra].
    by rewrite exp_plus exp_ln ?exp_minus; [field; lra | lra].
  have eq : e = peak_mass A B by rewrite /peak_mass; apply: (Rmult_eq_reg_r (exp A + exp B)); [rewrite div_mult; lra | lra].
  split=> //; have [lb la] := peak_mass_logs A B; rewrite /binary eq lb la; ring.
Qed.

(** Outside mass at d = -Delta_0/beta. *)
Theorem entropy_peak_mass (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (beta_positive : 0 < beta) (block : block G)
    (setting : d = - advantage c G / beta) :
  outside (softmax (dialled c G (beta * d))) G
  = exp (entropy_given c (~: G)) / (exp (entropy_given c G) + exp (entropy_given c (~: G))).
Proof. exact: (proj2 (entropy_peak_at beta_positive block setting)). Qed.

(** From the peak on, entropy never rises again. *)
Theorem entropy_falls (I : finType) (G : {set I}) (c : I -> R) (beta d d' : R) (beta_positive : 0 < beta) (block : block G)
    (past : 0 <= advantage c G + beta * d) (order : d <= d') :
  entropy (softmax (dialled c G (beta * d'))) <= entropy (softmax (dialled c G (beta * d))).
Proof.
  suff : - entropy_of_dial G c beta d <= - entropy_of_dial G c beta d' by rewrite /entropy_of_dial; lra.
  apply: (grows (f := fun x => - entropy_of_dial G c beta x)
    (f' := fun x => - (- beta * mass_of_dial G c beta x * (1 - mass_of_dial G c beta x) * (advantage c G + beta * x))) order) => x hx.
    by apply: is_derive_opp; exact: entropy_of_dial_slope.
  have h := mass_of_dial_open c beta block x; set e := mass_of_dial _ _ _ _ in h *.
  have -> : - (- beta * e * (1 - e) * (advantage c G + beta * x)) = beta * (e * (1 - e)) * (advantage c G + beta * x) by ring.
  by apply: Rmult_le_pos; [apply: Rmult_le_pos; nra | nra].
Qed.

(** Up to the peak, entropy never falls. *)
Theorem entropy_climbs (I : finType) (G : {set I}) (c : I -> R) (beta d d' : R) (beta_positive : 0 < beta) (block : block G)
    (before : advantage c G + beta * d' <= 0) (order : d <= d') :
  entropy (softmax (dialled c G (beta * d))) <= entropy (softmax (dialled c G (beta * d'))).
Proof.
  apply: (grows (f := entropy_of_dial G c beta)
    (f' := fun x => - beta * mass_of_dial G c beta x * (1 - mass_of_dial G c beta x) * (advantage c G + beta * x)) order) => x hx.
    exact: entropy_of_dial_slope.
  have h := mass_of_dial_open c beta block x; set e := mass_of_dial _ _ _ _ in h *.
  have -> : - beta * e * (1 - e) * (advantage c G + beta * x) = beta * (e * (1 - e)) * - (advantage c G + beta * x) by ring.
  by apply: Rmult_le_pos; [apply: Rmult_le_pos; nra | nra].
Qed.

(** Before the peak entropy strictly rises. *)
Theorem entropy_rising (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (beta_positive : 0 < beta) (block : block G)
    (before : advantage c G + beta * d < 0) :
  exists2 rate, is_derive (fun d => entropy (softmax (dialled c G (beta * d)))) d rate & 0 < rate.
Proof.
  exists (- beta * mass_of_dial G c beta d * (1 - mass_of_dial G c beta d) * (advantage c G + beta * d)); first exact: entropy_of_dial_slope.
  have h := mass_of_dial_open c beta block d; set e := mass_of_dial _ _ _ _ in h *.
  have -> : - beta * e * (1 - e) * (advantage c G + beta * d) = beta * (e * (1 - e)) * - (advantage c G + beta * d) by ring.
  by apply: Rmult_lt_0_compat; [apply: Rmult_lt_0_compat; nra | nra].
Qed.

(** The lead bounds the content advantage from below. *)
Lemma advantage_lead (I : finType) (G : {set I}) (c : I -> R) (r : R) : block G -> content_leads c G r -> - r <= advantage c G.
Proof.
  move=> b lead; have [p q] := weights_pos c b.
  have [i hi] := block_in b; have [j hj] := block_out b; rewrite inE in hj.
  have [low hl] := exists_max (fun k => if k \in G then - c k else - c i) i.
  have [l [lG least]] : exists l, l \in G /\ forall k, k \in G -> c l <= c k.
    case lG : (low \in G); last by exists i; split=> // k hk; have := hl k; rewrite hk lG; lra.
    by exists low; split=> // k hk; have := hl k; rewrite hk lG; lra.
  have up : c l * weight c G <= moment c G.
    rewrite /weight -sum_scale; apply: sum_le => k hk; have := exp_pos (c k); have := least k hk; nra.
  have down : moment c (~: G) <= (c l + r) * weight c (~: G).
    rewrite /weight -sum_scale; apply: sum_le => k; rewrite inE => hk; have := exp_pos (c k); have := lead l k lG hk; nra.
  have a : c l <= moment c G / weight c G.
    by apply: (Rmult_le_reg_r (weight c G)) => //; rewrite div_mult; lra.
  have a' : moment c (~: G) / weight c (~: G) <= c l + r.
    by apply: (Rmult_le_reg_r (weight c (~: G))) => //; rewrite div_mult; lra.
  rewrite /advantage; lra.
Qed.

(** Once the dial outweighs the content lead, entropy only falls. *)
Theorem entropy_monotone (I : finType) (G : {set I}) (c : I -> R) (beta d d' r0 : R) (beta_positive : 0 < beta) (block : block G)
    (content_lead : is_lead c G r0) (lead : r0 <= beta * d) (order : d <= d') :
  entropy (softmax (dialled c G (beta * d'))) <= entropy (softmax (dialled c G (beta * d))).
Proof.
  apply: entropy_falls => //; have := @advantage_lead _ _ _ r0 block; have [lead' _] := content_lead => h.
  suff : - r0 <= advantage c G by lra.
  by apply: h => i j hi hj; have := lead' i j hi hj; lra.
Qed.

(** From the peak on, entropy stays above the block's own by at least the divergence of the cut. *)
Theorem entropy_floor (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) (past : 0 <= advantage c G + beta * d) :
  let row := dialled c G (beta * d) in
  entropy_given row G - ln (1 - outside (softmax row) G) <= entropy (softmax row).
Proof.
  move=> row; rewrite /row entropy_given_in // -/(entropy_of_dial G c beta d) entropy_of_dial_blocks // -/(mass_of_dial G c beta d).
  have h := mass_of_dial_open c beta block d; have lo := logit_of_dial c beta block d; set e := mass_of_dial _ _ _ _ in h lo *.
  rewrite /binary; have : 0 <= e * (advantage c G + beta * d) by apply: Rmult_le_pos; lra.
  have -> : advantage c G + beta * d = ln (1 - e) - ln e + (entropy_given c (~: G) - entropy_given c G) by lra.
  lra.
Qed.

(** Turning the dial up can raise entropy: content (-2, 0), dial 0 and 2. *)
Theorem entropy_rises : exists (G : {set bool}) (c : bool -> R), block G /\
  entropy (softmax (dialled c G (1 * 0))) = ln (1 + exp (- (2))) + 2 * exp (- (2)) / (1 + exp (- (2))) /\
  entropy (softmax (dialled c G (1 * 2))) = ln 2 /\
  ln (1 + exp (- (2))) + 2 * exp (- (2)) / (1 + exp (- (2))) < ln 2.
Proof.
  pose G : {set bool} := [set true]; have g1 : #G = 1 by rewrite cards1.
  have g1' : #(~: G) = 1 by rewrite card_compl g1 card_bool /=; lra.
  have n2 : INR #|{: bool}| = 2 by rewrite card_bool /=; lra.
  pose c i := if i \in G then - (2) else 0; exists G, c; split; first by rewrite /block cards1 card_bool.
  have at_0 : two_level (dialled c G (1 * 0)) (~: G) 2 by exists (- (2)) => i; rewrite /dialled /c in_setC; case: (i \in G) => /=; lra.
  have at_2 : two_level (dialled c G (1 * 2)) G 0 by exists 0 => i; rewrite /dialled /c; case: (i \in G); lra.
  split; last split; last exact: Numbers.peak_between_dials.
    by rewrite (entropy_two_level true at_0) g1' n2 /Hstar /Z; rewrite (_ : 2 - 1 = 1) ?Rmult_1_l; [lra | lra].
  by rewrite (entropy_two_level true at_2) g1 n2 Hstar_0.
Qed.

(** Before the peak entropy may lie below the block's own: content (-4, -4, 0), block of two, dial 0. *)
Theorem entropy_below_block : exists (G : {set 'I_3}) (c : 'I_3 -> R), block G /\ entropy_given c G = ln 2 /\
  entropy (softmax c) = ln (1 + 2 * exp (- (4))) + 8 * exp (- (4)) / (1 + 2 * exp (- (4))) /\ entropy (softmax c) < entropy_given c G.
Proof.
  pose out : {set 'I_3} := [set ord0]; pose G := ~: out; have o1 : #out = 1 by rewrite cards1.
  have n3 : INR #|'I_3| = 3 by rewrite card_ord /=; lra.
  pose c i := if i \in G then - (4) else 0; exists G, c.
  have g2 : #G = 2 by rewrite /G card_compl o1 n3; lra.
  have two : two_level c out 4 by exists (- (4)) => i; rewrite /c in_setC; case: (i \in out) => /=; lra.
  have b : block G by apply/block_is; rewrite g2 n3; lra.
  have given_G : entropy_given c G = ln 2.
    have w : weight c G = 2 * exp (- (4)) by rewrite -g2; apply: sum_inside => i hi; rewrite /c hi.
    have e := exp_pos (- (4)).
    rewrite /entropy_given (sum_inside (c := / 2 * ln (/ 2))) => [|i hi].
      by rewrite g2 ln_Rinv; lra.
    by rewrite w /c hi; have -> : exp (- (4)) / (2 * exp (- (4))) = / 2 by field; lra.
  have h : entropy (softmax c) = ln (1 + 2 * exp (- (4))) + 8 * exp (- (4)) / (1 + 2 * exp (- (4))).
    rewrite (entropy_two_level ord0 two) o1 n3 /Hstar /Z; have -> : 3 - 1 = 2 by lra.
    by have e := exp_pos (- (4)); congr (_ + _); field; lra.
  by split=> //; split=> //; split=> //; rewrite given_G h; exact: Numbers.entropy_below_block.
Qed.

(** * Outputs *)

Section Outputs.
Variables (I J : finType).
Implicit Types (c s : I -> R) (G : {set I}) (v : I -> vector J).

Lemma norm_ext (x x' : vector J) : x =1 x' -> norm x = norm x'.
Proof. by move=> h; congr norm; exact: vector_eq. Qed.

(** A weighted sum of vectors of norm at most D. *)
Lemma norm_weighted (A : {set I}) (w : I -> R) (f : I -> vector J) (D : R) :
  (forall i, i \in A -> 0 <= w i) -> (forall i, i \in A -> norm (f i) <= D) ->
  norm (fun j => \sum_(i in A) w i * f i j) <= (\sum_(i in A) w i) * D.
Proof.
  move=> w0 fD; apply: Rle_trans (norm_vsum (mem A) (fun i => vscale (w i) (f i))) _.
  rewrite -sum_scale_right; apply: sum_le => i hi; rewrite norm_vscale_pos; last exact: w0.
  exact: Rmult_le_compat_l (w0 i hi) (fD i hi).
Qed.

(** Output of a row of scores over values v. *)
Definition output s v : vector J := vmean (softmax s) v.
(** Mean value over G, under the attention given G: the output of the attention cut down to G. *)
Definition output_given s G v : vector J := fun j => \sum_(i in G) exp (s i) / weight s G * v i j.
(** Any value in the block and any value outside are at most D apart. *)
Definition values_apart v G (D : R) := forall i k, i \in G -> k \notin G -> norm (vsub (v i) (v k)) <= D.

Lemma output_given_in c G v x : block G -> output_given (dialled c G x) G v =1 output_given c G v.
Proof.
  move=> b j; have [p q] := weights_pos c b; apply: sum_eq => i hi; congr (_ * _).
  by rewrite weight_in /dialled hi exp_plus; have e := exp_pos x; field; lra.
Qed.

Lemma output_given_out c G v x : output_given (dialled c G x) (~: G) v =1 output_given c (~: G) v.
Proof. by move=> j; apply: sum_eq_out => i /negbTE hi; rewrite weight_out /dialled hi. Qed.

Lemma output_blocks s G v j : block G ->
  output s v j = (1 - outside (softmax s) G) * output_given s G v j + outside (softmax s) G * output_given s (~: G) v j.
Proof.
  move=> b; have [p q] := weights_pos s b; have [i _] := block_in b; have pos := total_pos s i.
  rewrite -mass_of // mass_softmax outside_softmax /output /vmean /mean (sum_split G) -!sum_scale.
  by congr (_ + _); apply: sum_eq => k _; rewrite /softmax; field; lra.
Qed.

(** The two mean values are no further apart than a value in the block and one outside. *)
Lemma means_apart s G v D : block G -> values_apart v G D ->
  norm (vsub (output_given s (~: G) v) (output_given s G v)) <= D.
Proof.
  move=> b far; have [p q] := weights_pos s b; rewrite norm_vsub_comm.
  have [i hi] := block_in b; have [k hk] := block_out b.
  have one A : 0 < weight s A -> \sum_(i in A) exp (s i) / weight s A = 1 by move=> h; rewrite /Rdiv sum_scale_right -/(weight s A); field; lra.
  have inner l : l \in ~: G -> norm (vsub (output_given s G v) (v l)) <= D.
    rewrite inE => hl; rewrite (norm_ext (x' := fun j => \sum_(i in G) exp (s i) / weight s G * vsub (v i) (v l) j)) => [|j].
      rewrite -[D]Rmult_1_l -(one G p); apply: norm_weighted => m hm; last exact: far.
      by left; apply: div_pos => //; exact: exp_pos.
    rewrite /vsub /output_given -[v l j in LHS]Rmult_1_l -(one G p) -sum_scale_right -sum_sub.
    by apply: sum_eq => m _; ring.
  rewrite (norm_ext (x' := fun j => \sum_(l in ~: G) exp (s l) / weight s (~: G) * vsub (output_given s G v) (v l) j)) => [|j].
    rewrite -[D]Rmult_1_l -(one (~: G) q); apply: norm_weighted => m hm; last exact: inner.
    by left; apply: div_pos => //; exact: exp_pos.
  rewrite {1}/vsub -[output_given s G v j in LHS]Rmult_1_l -(one (~: G) q) -sum_scale_right {2}/output_given -sum_sub.
  by apply: sum_eq => m _; rewrite /vsub; ring.
Qed.

End Outputs.

(** The output moves along one fixed segment. *)
Theorem segment (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta d : R) (j : J) (block : block G) :
  let F := Sums.mass (softmax (dialled c G (beta * d))) G in
  output (dialled c G (beta * d)) v j = F * output_given c G v j + (1 - F) * output_given c (~: G) v j.
Proof. by move=> F; rewrite (output_blocks _ _ _ block) output_given_in // output_given_out /F mass_of //; ring. Qed.

(** tanh(x/4) written in exponentials. *)
Definition quarter_tanh (x : R) := (exp (x / 2) - 1) / (exp (x / 2) + 1).

Lemma quarter_tanh_ge0 x : 0 <= x -> 0 <= quarter_tanh x.
Proof.
  move=> h; have := exp_tangent (x / 2) => t; apply: Rmult_le_pos; first lra.
  by left; apply: Rinv_0_lt_compat; lra.
Qed.

Lemma quarter_tanh_below x : 0 <= x -> quarter_tanh x <= x / 4.
Proof.
  move=> h; have := grows (f := fun y => y / 4 - quarter_tanh y) (f' := fun y => (exp (y / 2) - 1) ^ 2 / (4 * (exp (y / 2) + 1) ^ 2)) h.
  have zero : quarter_tanh 0 = 0 by rewrite /quarter_tanh /Rdiv !Rmult_0_l exp_0 Rminus_diag_eq // Rmult_0_l.
  rewrite zero => g; suff : 0 / 4 - 0 <= x / 4 - quarter_tanh x by lra.
  apply: g => y hy; have e := exp_pos (y / 2).
    by rewrite /quarter_tanh; auto_derive; [lra | rewrite -/(y / 2); field; lra].
  apply: Rmult_le_pos; first exact: pow2_ge_0.
  by left; apply: Rinv_0_lt_compat; apply: Rmult_lt_0_compat; [lra | apply: pow_lt; rewrite -/(y / 2); lra].
Qed.

(** L4: a logistic curve rises by at most tanh(x/4) over a step of x. *)
Lemma mass_at_gap eps0 x y : 0 < eps0 < 1 -> x <= y -> 0 <= mass_at eps0 x - mass_at eps0 y <= quarter_tanh (y - x).
Proof.
  move=> h xy; rewrite /mass_at /quarter_tanh; have ex := exp_pos x; pose k := exp ((y - x) / 2).
  have k1 : 1 <= k by have := exp_tangent ((y - x) / 2); rewrite -/k; lra.
  have -> : exp y = exp x * (k * k) by rewrite /k -!exp_plus; congr exp; field.
  rewrite -/k; set a := (1 - eps0) * exp x; have a0 : 0 < a by apply: Rmult_lt_0_compat; lra.
  have -> : (1 - eps0) * (exp x * (k * k)) = a * (k * k) by rewrite /a; ring.
  have p : 0 < eps0 + a by lra. have q : 0 < eps0 + a * (k * k) by nra.
  have -> : eps0 / (eps0 + a) - eps0 / (eps0 + a * (k * k)) = (eps0 * a * (k + 1) / ((eps0 + a) * (eps0 + a * (k * k)))) * (k - 1) by field; lra.
  have pq : 0 < (eps0 + a) * (eps0 + a * (k * k)) by exact: Rmult_lt_0_compat.
  split.
    apply: Rmult_le_pos; last lra; left; apply: div_pos => //; apply: Rmult_lt_0_compat; [exact: Rmult_lt_0_compat (proj1 h) a0 | lra].
  rewrite /Rdiv [X in _ <= X]Rmult_comm; apply: Rmult_le_compat_r; first lra.
  apply: (Rmult_le_reg_r ((eps0 + a) * (eps0 + a * (k * k)) * (k + 1))); first by apply: Rmult_lt_0_compat; lra.
  have -> : eps0 * a * (k + 1) * / ((eps0 + a) * (eps0 + a * (k * k))) * ((eps0 + a) * (eps0 + a * (k * k)) * (k + 1)) = eps0 * a * ((k + 1) * (k + 1)) by field; lra.
  have -> : / (k + 1) * ((eps0 + a) * (eps0 + a * (k * k)) * (k + 1)) = (eps0 + a) * (eps0 + a * (k * k)) by field; lra.
  have := Rle_0_sqr (eps0 - a * k); rewrite /Rsqr; lra.
Qed.

Lemma mass_at_gap_abs eps0 x y : 0 < eps0 < 1 -> Rabs (mass_at eps0 x - mass_at eps0 y) <= quarter_tanh (Rabs (x - y)).
Proof.
  move=> h; case: (Rle_dec x y) => c.
    have [lo hi] := mass_at_gap h c; rewrite Rabs_right; last lra.
    by rewrite Rabs_minus_sym Rabs_right; lra.
  have [lo hi] := mass_at_gap h (x := y) (y := x) ltac:(lra); rewrite Rabs_minus_sym Rabs_right; last lra.
  by rewrite Rabs_right; lra.
Qed.

Section Continuity.
Variables (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta : R).
Hypotheses (b : block G) (beta0 : 0 < beta).

Lemma output_gap d d' : norm (vsub (output (dialled c G (beta * d)) v) (output (dialled c G (beta * d')) v))
  = Rabs (mass_of_dial G c beta d - mass_of_dial G c beta d') * norm (vsub (output_given c (~: G) v) (output_given c G v)).
Proof.
  rewrite -norm_vscale; apply: norm_ext => j.
  rewrite /vsub /vscale !(output_blocks _ _ _ b) !output_given_in // !output_given_out -!/(mass_of_dial _ _ _ _); ring.
Qed.

Lemma dial_gap d d' : Rabs (mass_of_dial G c beta d - mass_of_dial G c beta d') <= quarter_tanh (beta * Rabs (d - d')).
Proof.
  rewrite /mass_of_dial !mass //; apply: Rle_trans (mass_at_gap_abs _ _ (outside_open c b)) _; right; congr quarter_tanh.
  by rewrite -Rmult_minus_distr_l Rabs_mult (Rabs_right beta); lra.
Qed.

End Continuity.

(** Outputs at two settings differ by at most D tanh(beta |d - d'|/4). *)
Theorem continuity (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta d d' D : R) (beta_positive : 0 < beta)
    (block : block G) (apart : values_apart v G D) :
  norm (vsub (output (dialled c G (beta * d)) v) (output (dialled c G (beta * d')) v))
  <= D * ((exp (beta * Rabs (d - d') / 2) - 1) / (exp (beta * Rabs (d - d') / 2) + 1)).
Proof.
  rewrite output_gap // Rmult_comm; apply: Rmult_le_compat; [exact: norm_ge0 | exact: Rabs_pos | exact: means_apart | exact: dial_gap].
Qed.

(** The constant is exact: log-odds +x at one setting and -x at the other, all values in the block at one point and all outside at another. *)
Theorem continuity_attained (I J : finType) (G : {set I}) (c : I -> R) (p q : vector J) (beta x : R) (beta_positive : 0 < beta) (block : block G)
    (x_nonnegative : 0 <= x) (even_odds : outside (softmax c) G = 1 / 2) :
  let v i := if i \in G then p else q in
  norm (vsub (output (dialled c G (beta * (x / beta))) v) (output (dialled c G (beta * (- x / beta))) v))
  = norm (vsub q p) * ((exp x - 1) / (exp x + 1)).
Proof.
  move=> v; rewrite output_gap // /mass_of_dial !mass // even_odds.
  have -> : beta * (x / beta) = x by field; lra.
  have -> : beta * (- x / beta) = - x by field; lra.
  have ex := exp_tangent x; rewrite Rmult_comm; congr (_ * _).
    have [p' q'] := weights_pos c block.
    have one A : 0 < weight c A -> \sum_(i in A) exp (c i) / weight c A = 1 by move=> h; rewrite /Rdiv sum_scale_right -/(weight c A); field; lra.
    apply: norm_ext => j; rewrite /vsub /output_given.
    rewrite (sum_eq_out (g := fun i => exp (c i) / weight c (~: G) * q j)) => [|i /negbTE hi]; last by rewrite /v hi.
    rewrite [X in _ - X](sum_eq (g := fun i => exp (c i) / weight c G * p j)) => [|i hi]; last by rewrite /v hi.
    by rewrite (sum_scale_right _ (q j)) (sum_scale_right _ (p j)) !one //; ring.
  have -> : mass_at (1 / 2) x - mass_at (1 / 2) (- x) = - ((exp x - 1) / (exp x + 1)).
    by rewrite /mass_at exp_Ropp; field; lra.
  by rewrite Rabs_Ropp Rabs_right //; apply: Rle_ge; apply: Rmult_le_pos; [lra | left; apply: Rinv_0_lt_compat; lra].
Qed.

(** The output is Lipschitz in the dial with constant beta D/4. *)
Theorem continuity_linear (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta d d' D : R) (beta_positive : 0 < beta)
    (block : block G) (apart : values_apart v G D) :
  norm (vsub (output (dialled c G (beta * d)) v) (output (dialled c G (beta * d')) v)) <= D * beta * Rabs (d - d') / 4.
Proof.
  apply: Rle_trans (continuity c d d' beta_positive block apart) _.
  have a := Rabs_pos (d - d'); have x0 : 0 <= beta * Rabs (d - d') by nra.
  have [i hi] := block_in block; have [k hk] := block_out block; rewrite inE in hk.
  have D0 : 0 <= D by apply: Rle_trans (norm_ge0 _) (apart i k hi hk).
  have := Rmult_le_compat_l _ _ _ D0 (quarter_tanh_below x0); rewrite /quarter_tanh; lra.
Qed.

(** Train at one setting, run at another: what a query's loss can change by. *)
Theorem train_elsewhere (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (loss : vector J -> R) (beta d d' D L : R)
    (beta_positive : 0 < beta) (L_nonnegative : 0 <= L) (block : block G) (apart : values_apart v G D)
    (smooth : forall o o', Rabs (loss o - loss o') <= L * norm (vsub o o')) :
  Rabs (loss (output (dialled c G (beta * d)) v) - loss (output (dialled c G (beta * d')) v))
  <= D * L * ((exp (beta * Rabs (d - d') / 2) - 1) / (exp (beta * Rabs (d - d') / 2) + 1)).
Proof.
  apply: Rle_trans (smooth _ _) _; have := Rmult_le_compat_l _ _ _ L_nonnegative (continuity c d d' beta_positive block apart); lra.
Qed.

(** One frozen checkpoint, every setting: outside mass. *)
Theorem frozen_checkpoint (I : finType) (G : {set I}) (c : I -> R) (beta d r : R) (block : block G) (lead : content_leads c G r) :
  outside (softmax (dialled c G (beta * d))) G <= E (#I) (#G) (beta * d - r).
Proof. exact: outside_mass block (leads_dialled _ lead). Qed.

(** One frozen checkpoint, every setting: entropy from above. *)
Theorem frozen_ceiling (I : finType) (G : {set I}) (c : I -> R) (beta d r : R) (block : block G) (lead : content_leads c G r)
    (reach : 0 <= beta * d - r) :
  entropy (softmax (dialled c G (beta * d))) <= Hstar (#I) (#G) (beta * d - r).
Proof. exact: ceiling block (leads_dialled _ lead) reach. Qed.

(** One frozen checkpoint, every setting: entropy from below. *)
Theorem frozen_floor (I : finType) (G : {set I}) (c : I -> R) (beta d r : R) (beta_positive : 0 < beta) (block : block G)
    (range : forall i j, c i - c j <= r) (positive : 0 < r) :
  ln (#I) - psi (r + beta * Rabs d) <= entropy (softmax (dialled c G (beta * d))).
Proof.
  have [k _] := block_in block; have a := Rabs_pos d; have bd : Rabs (beta * d) = beta * Rabs d by rewrite Rabs_mult (Rabs_right beta); lra.
  have up := Rle_abs (beta * d); have down := Rle_abs (- (beta * d)); rewrite Rabs_Ropp in down.
  have h : forall i j, dialled c G (beta * d) i - dialled c G (beta * d) j <= r + beta * Rabs d.
    by move=> i j; have := range i j; rewrite /dialled -bd; case: (i \in G); case: (j \in G); lra.
  have := gap k (r := r + beta * Rabs d) ltac:(nra) h; lra.
Qed.

(** What localising costs the output, exactly. *)
Theorem cost (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta d : R) (block : block G) :
  let row := dialled c G (beta * d) in
  norm (vsub (output row v) (output_given row G v))
  = norm (vsub (output_given row (~: G) v) (output_given row G v)) * outside (softmax row) G.
Proof.
  move=> row; have [lo hi] := outside_open row block; rewrite -(Rabs_right (outside (softmax row) G)); last lra.
  rewrite Rmult_comm -norm_vscale; apply: norm_ext => j; rewrite /vsub /vscale (output_blocks _ _ _ block); ring.
Qed.

(** Cutting attention down to the block moves the output by at most eps D. *)
Theorem cost_bound (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta d D : R) (block : block G) (apart : values_apart v G D) :
  let row := dialled c G (beta * d) in
  norm (vsub (output row v) (output_given row G v)) <= D * outside (softmax row) G.
Proof.
  move=> row; have [lo hi] := outside_open row block; rewrite /row cost // -/row.
  by apply: Rmult_le_compat_r; [lra | exact: means_apart].
Qed.

(** One frozen checkpoint, every setting: distance from the localist output. *)
Theorem frozen_output (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (beta d r D : R) (block : block G)
    (apart : values_apart v G D) (lead : content_leads c G r) :
  norm (vsub (output (dialled c G (beta * d)) v) (output_given (dialled c G (beta * d)) G v)) <= D * E (#I) (#G) (beta * d - r).
Proof.
  apply: Rle_trans (cost_bound c beta d block apart) _.
  have [i hi] := block_in block; have [k hk] := block_out block; rewrite inE in hk.
  have D0 : 0 <= D by apply: Rle_trans (norm_ge0 _) (apart i k hi hk).
  by apply: Rmult_le_compat_l => //; exact: frozen_checkpoint.
Qed.

(** Cutting attention down to the block changes a query's loss by at most G eps D. *)
Theorem cost_loss (I J : finType) (G : {set I}) (c : I -> R) (v : I -> vector J) (loss : vector J -> R) (beta d D L : R)
    (L_nonnegative : 0 <= L) (block : block G) (apart : values_apart v G D)
    (smooth : forall o o', Rabs (loss o - loss o') <= L * norm (vsub o o')) :
  let row := dialled c G (beta * d) in
  Rabs (loss (output row v) - loss (output_given row G v)) <= D * L * outside (softmax row) G.
Proof.
  move=> row; apply: Rle_trans (smooth _ _) _; have := Rmult_le_compat_l _ _ _ L_nonnegative (cost_bound c beta d block apart).
  rewrite /= -/row; lra.
Qed.

(** The attention cut down to the block. *)
Definition cut (I : finType) (s : I -> R) (G : {set I}) (i : I) := if i \in G then exp (s i) / weight s G else 0.

(** Total variation of the cut is the outside mass. *)
Theorem cut_distance (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  let row := dialled c G (beta * d) in
  / 2 * (\sum_i Rabs (softmax row i - cut row G i)) = outside (softmax row) G.
Proof.
  move=> row; have [p q] := weights_pos row block; have [i _] := block_in block; have pos := total_pos row i.
  have tot := total_split row G; have [lo hi] := outside_open row block.
  rewrite (sum_split G) (sum_eq (g := fun i => exp (row i) * (/ weight row G - / total row))) => [|j hj].
    rewrite (sum_eq_out (g := fun i => exp (row i) * / total row)) => [|j /negbTE hj].
      by rewrite !sum_scale_right outside_softmax -/(weight row G) -/(weight row (~: G)) tot; field; lra.
    by rewrite /cut hj Rminus_0_r Rabs_right //; have := softmax_pos row j; lra.
  rewrite /cut hj Rabs_minus_sym /softmax /Rdiv -Rmult_minus_distr_l Rabs_right //; apply: Rle_ge; apply: Rmult_le_pos.
    by have := exp_pos (row j); lra.
  by have := Rinv_le_contravar (weight row G) (total row) p ltac:(lra); lra.
Qed.

(** The divergence of the cut from the whole attention is -ln(1 - eps). *)
Theorem cut_divergence (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  let row := dialled c G (beta * d) in
  \sum_(i in G) cut row G i * ln (cut row G i / softmax row i) = - ln (1 - outside (softmax row) G).
Proof.
  move=> row; have [p q] := weights_pos row block; have [i _] := block_in block; have pos := total_pos row i.
  rewrite (sum_eq (g := fun i => exp (row i) * (/ weight row G * (ln (total row) - ln (weight row G))))) => [|j hj]; last first.
    rewrite /cut hj; have -> : exp (row j) / weight row G / softmax row j = total row / weight row G.
      by rewrite /softmax; have := exp_pos (row j) => e; field; lra.
    by rewrite ln_div //; rewrite /Rdiv; ring.
  rewrite sum_scale_right -/(weight row G) -mass_of // mass_softmax ln_div //; field; lra.
Qed.

(** Entropy that the cut removes; it may be negative. *)
Theorem cost_entropy (I : finType) (G : {set I}) (c : I -> R) (beta d : R) (block : block G) :
  let row := dialled c G (beta * d) in
  let eps := outside (softmax row) G in
  entropy (softmax row) - entropy_given row G = binary eps + eps * (entropy_given row (~: G) - entropy_given row G).
Proof. by move=> row eps; rewrite (entropy_blocks _ block) -/eps; ring. Qed.
