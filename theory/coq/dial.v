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
