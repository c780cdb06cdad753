"""What the seed papers promise, in the words of their abstracts as we have them, and where each promise is decided here.

Only the reading is typed: which statements make a promise precise, which hypotheses the plain reading leaves out, which
counterexamples refute it. Whether those statements are proved is computed. A name that the registry does not know fails the build.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Nature = Literal["decided", "empirical", "out of reach"]


@dataclass(frozen=True)
class Paper:
    """A paper: number on arXiv, its key in references.bib, title."""

    number: str
    key: str
    title: str


@dataclass(frozen=True)
class Promise:
    """One promise of a paper.

    form: what it says here, as prose. statements: names of statements, or of a family for all of its statements; what a family that
    the registry does not have yet would say leaves the promise open. added: hypotheses (statement, hypothesis) that the plain reading
    does not mention. against: counterexamples to the plain reading, which is then false as stated. limits: counterexamples that show
    where it ends. nature: "empirical" and "out of reach" are for promises that no statement can decide.
    """

    paper: str
    text: str
    form: str
    statements: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    against: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    nature: Nature = "decided"


PAPERS = (
    Paper("2510.09338", "diederich2025framework", "Localist LLMs: A Mathematical Framework for Dynamic Locality Control"),
    Paper("2510.17358", "diederich2025recruitment", "Localist LLMs with Recruitment Learning"),
    Paper("2511.03559", "diederich2025aila", "AILA: First Experiments with Localist Language Models"),
    Paper("2511.18375", "diederich2025progressive", "Progressive Localisation in Localist LLMs"),
    Paper(
        "2510.05106",
        "diederich2025rules",
        "Rule Encoding and Compliance in Large Language Models: An Information-Theoretic Analysis",
    ),
)

PROMISES = (
    Promise(
        "2510.09338", "Attention provably concentrates on semantically relevant blocks.",
        "If every score in the block beats every score outside by a margin of $t$ nats, at most $E(n, g, t)$ of the attention leaves the "
        "block. The margin is a hypothesis: a penalty does not produce it, a dial does.",
        ("concentration.outside_mass", "concentration.fidelity_floor", "blocks.guarantee_outside_mass"),
        added=(("concentration.outside_mass", "margin"), ("blocks.guarantee_outside_mass", "leak")),
    ),
    Promise(
        "2510.09338", "Concentration follows from penalties above explicit thresholds.",
        "Above the threshold every penalised group is exactly zero at a minimiser, and after a number of steps known beforehand. Zero "
        "cross-block groups alone may leave a negative margin, and with every group above its threshold attention is uniform.",
        ("threshold.no_minimiser", "threshold.gradient_bilinear", "extinction.finite_time", "threshold.uniform_entropy"),
        against=("blocks.negative_margin", "blocks.entropy_vacuous"),
    ),
    Promise(
        "2510.09338", "Group-sparsity penalties on attention make it block-local.",
        "True for groups with two indices, $(b, c)$ with $b \\ne c$, or for the blocks of a bilinear form; false for groups of columns.",
        ("blocks.structure", "blocks.outside_weight", "blocks.leak"), against=("blocks.column_groups",),
    ),
    Promise(
        "2510.09338", "Explicit threshold conditions.",
        "The penalty weight must exceed a bound on the gradient of the loss in the group; the bounds are explicit in the configuration. "
        "Equality is not enough.",
        ("threshold.stationarity", "threshold.gradient_bilinear", "threshold.gradient_qk", "threshold.gradient_qk_key",
         "threshold.loss_gradient", "extinction.clipping", "extinction.adam"),
        limits=("threshold.strictness", "threshold.a_priori_not_necessary"),
    ),
    Promise(
        "2510.09338", "Exponential bounds on attention entropy.",
        "For a margin $t \\ge 0$ the entropy exceeds $\\ln g$ by at most $\\rho (1 + t)$, where $\\rho$ falls like $e^{-t}$, and the worst "
        "row by no less to second order. The exponential form can be void where the exact one is not.",
        ("entropy.ceiling", "entropy.exponential", "entropy.exponential_exact"),
        added=(("entropy.ceiling", "margin"), ("entropy.ceiling", "lead")),
        limits=("entropy.negative_margin", "entropy.exponential_vacuous"),
    ),
    Promise(
        "2510.09338", "Exponential bounds on pointer fidelity.",
        "Fidelity misses 1 by at most $\\rho = \\frac{n-g}{g} e^{-t}$ and, on the worst row, by at least $\\rho - \\rho^2$.",
        ("concentration.exponential_rate", "concentration.rate_is_exact"),
        added=(("concentration.exponential_rate", "margin"),),
    ),
    Promise(
        "2510.09338", "Low entropy and high fidelity with negligible error.",
        "Entropy and fidelity are bounded by the margin. The error of cutting attention down to the block is exactly the outside mass "
        "times the distance of two mean values, so it is as negligible as the outside mass is.",
        ("entropy.ceiling", "entropy.pointer_best", "dial.cost", "dial.cost_bound", "dial.cost_loss"),
        added=(("entropy.ceiling", "margin"),),
    ),
    Promise(
        "2510.09338", "A locality dial interpolates continuously between localist and distributed.",
        "On a dial in the scores the output moves continuously along one segment, at a known rate. In the penalty weight it does not: the "
        "minimiser jumps.",
        ("dial.mass", "dial.level", "dial.segment", "dial.continuity", "threshold.penalty_path"), against=("threshold.penalty_jump",),
    ),
    Promise(
        "2510.09338", "The dial acts during training and during inference, without retraining.",
        "One frozen checkpoint obeys the bounds at every setting at once, given a bound on the lead of its content scores; the loss at "
        "another setting than the trained one changes by a known amount.",
        ("dial.frozen_checkpoint", "dial.frozen_ceiling", "dial.frozen_floor", "dial.frozen_output", "dial.train_elsewhere",
         "threshold.dial_scaled"),
        added=(("dial.frozen_checkpoint", "lead"), ("dial.frozen_ceiling", "reach"), ("dial.train_elsewhere", "smooth")),
    ),
    Promise(
        "2510.09338", "Information-theoretic anchor design.",
        "How many anchors a fidelity needs at a margin, exactly; what norm of queries a margin at every anchor costs, and that the regular "
        "simplex attains it; how many anchors fit into how many dimensions; how much a faithful pointer says about the block.",
        ("anchors.redundancy", "anchors.redundancy_exact", "anchors.norm_budget", "anchors.simplex_attains", "anchors.coherence_dimension",
         "anchors.packing", "anchors.sign_code", "anchors.information"),
        limits=("anchors.welch_is_wrong", "anchors.fano_needs_cap"),
    ),
    Promise(
        "2510.09338", "Dynamic rule injection.",
        "A rule of $b$ nats raises the log-odds of its keys by exactly $b$ and is the cheapest way, in divergence, to give them that mass. "
        "Rule sets compose in any order, and taking a rule off gives the row back, in real numbers. The shifts of two rules do not add.",
        ("rules.logit", "rules.strength", "rules.least_divergence", "rules.leave_one_out", "rules.interaction", "rules.composition",
         "rules.ejection"),
        limits=("rules.disjoint_lowered", "rules.float_residue"),
    ),
    Promise(
        "2510.17358", "Thresholds and exact bounds hold at stationary points.",
        "Above the threshold a living group is no stationary point; zero is one if and only if the gradient there is at most the weight.",
        ("threshold.descent_direction", "threshold.zero_stationary", "threshold.zero_unstable", "threshold.selectivity_extinct",
         "extinction.fixed_points", "threshold.balance"),
        limits=("threshold.strictness",),
    ),
    Promise(
        "2510.17358", "Blocks are recruited as needed by a penalised likelihood with explicit units.",
        "A recruitment is a code length in nats. It ends if what training adds in between is bounded; false recruitment has probability at "
        "most $e^{-K}$ if the penalties are code lengths of candidates fixed before the scored data; a block that is there is found after "
        "a known number of samples. A fitted likelihood with a group norm as penalty has none of this.",
        ("recruitment.termination", "recruitment.kraft", "recruitment.parameter_cost", "recruitment.sequential", "recruitment.ever",
         "recruitment.power", "recruitment.delay"),
        added=(("recruitment.termination", "rise"), ("recruitment.kraft", "kraft")),
        limits=("recruitment.fitted", "recruitment.gaussian_fitted", "recruitment.lasso_recruits"),
    ),
    Promise(
        "2510.17358", "Hierarchical recruitment of whole models: bounds across domains.",
        "Router and expert together miss at most $\\varepsilon_r + \\varepsilon_b - \\varepsilon_r \\varepsilon_b$; the entropy"
        " of expert and pointer is that of the router plus the mean of the experts', if the experts do not share keys.",
        ("hierarchy.composition", "hierarchy.chain_rule", "hierarchy.entropy_bound"), limits=("hierarchy.shared_keys",),
    ),
    Promise(
        "2510.17358", "Convergence guarantees at the block level and at the level of models.",
        "One potential pays for training steps and for the moves of both levels, so both come to an end, at a state where no "
        "candidate that was tested since the last move pays. That is a local optimum of the tested candidates and no more.",
        ("hierarchy.descent_step", "hierarchy.budget", "hierarchy.moves", "hierarchy.steps", "hierarchy.local_optimum"),
        added=(("hierarchy.descent_step", "step"), ("hierarchy.moves", "rise"), ("hierarchy.local_optimum", "tested again")),
        limits=("hierarchy.stale_test", "hierarchy.joint_moves", "hierarchy.two_potentials", "hierarchy.minibatch"),
    ),
    Promise(
        "2510.17358", "Partitions balance model complexity against encoding efficiency.",
        "Splits and merges that each lower one description length by a fixed amount come to an end. A coarser block loses less "
        "attention, by exactly the mass that it takes in; its margin may rise or fall.",
        ("partition.moves", "partition.refinement_exact", "partition.refinement"), added=(("partition.moves", "decrease"),),
        limits=("partition.margin_falls", "partition.margin_rises"),
    ),
    Promise(
        "2510.17358", "No complete domain knowledge is needed at the start.",
        "A statement about corpora and trained models; nothing here decides it.", nature="empirical",
    ),
    Promise(
        "2511.03559", "Attention entropy is lower when localist.",
        "Outside mass falls all along the dial. Entropy rises up to one peak and falls after it; it falls throughout once the dial "
        "outweighs the lead of the content.",
        ("dial.mass_slope", "dial.entropy_slope", "dial.entropy_monotone", "dial.entropy_floor"),
        against=("dial.entropy_rises", "dial.entropy_below_block"),
    ),
    Promise(
        "2511.03559", "Attention entropy is 5.36 bits at λ = 1.0 and 7.18 bits at λ = 0.0.",
        "Two measurements on trained models that we do not have. What holds for any row is how entropy moves along a dial. [What these "
        "numbers imply](#reported-numbers), and [a sweep of our own](#experiment-aila).",
        ("dial.entropy_slope",), nature="empirical",
    ),
    Promise(
        "2511.03559", "Pointer fidelity is higher when localist.",
        "For one frozen row on a dial: fidelity rises strictly with the setting. Between models trained at different settings it is a "
        "measurement.",
        ("dial.fidelity", "dial.logit"), added=(("dial.fidelity", "block"),),
    ),
    Promise(
        "2511.03559", "λ = 0.6 gives test perplexity 4.65 and accuracy 84.7 %.",
        "A measurement on one trained model that we do not have. [What the pair implies](#reported-numbers).", nature="out of reach",
    ),
    Promise(
        "2511.18375", "Locality grows with depth by a polynomial schedule, from distributed early layers to localised late ones.",
        "What a schedule spends on the dial, exactly; from which layer on the dial is high enough; what leaks over the depth by"
        " rollout and along the values. A first layer without locality makes the product bound vacuous, and rollout is not the "
        "flow of information.",
        ("schedule.budget", "schedule.above", "schedule.rollout", "schedule.value_path", "schedule.off_block", "schedule.next_margin",
         "schedule.unlocalised_first"),
        limits=("schedule.rollout_understates", "schedule.rollout_overstates", "schedule.attention_path"),
    ),
    Promise(
        "2511.18375", "Semantic blocks are partitioned adaptively.",
        "Blocks with a gap between the similarities inside and across are recovered by cutting single linkage, survive any "
        "change below half of the gap, and last for a known number of training steps.",
        ("partition.recovery_inside", "partition.recovery_across", "partition.midpoint", "partition.certified_steps",
         "partition.single_linkage", "partition.attention"),
        added=(("partition.recovery_inside", "near"), ("partition.certified_steps", "each step")),
        limits=("partition.merge_at_half", "partition.average_linkage"),
    ),
    Promise(
        "2511.18375", "Semantic blocks, partitioned adaptively, beat fixed windows and uniform locality.",
        "A comparison of trained models; no statement decides it. [A comparison of our own](#experiment-progressive).", nature="empirical",
    ),
    Promise(
        "2511.18375", "The quintic schedule reaches perplexity 14.64, 1.89 times the distributed baseline (v1); “84.2 % improvement”.",
        "Measurements on models that we do not have. [What the ratios imply](#reported-numbers).", nature="out of reach",
    ),
    Promise(
        "2510.05106", "There is a trade-off between anchor redundancy and attention entropy.",
        "At a margin great for the number of keys every further anchor costs entropy; at fixed fidelity each nat of margin that anchors "
        "replace costs an exact amount of it. At smaller margins more anchors lower entropy, up to a least point.",
        ("anchors.redundancy_costs", "anchors.redundancy_saves", "anchors.exchange_rate", "anchors.exchange", "anchors.entropy_least",
         "anchors.spread_simple"),
        added=(("anchors.redundancy_costs", "great"),),
    ),
    Promise(
        "2510.05106", "Low syntactic entropy and concentrated anchors lower attention entropy and raise pointer fidelity.",
        "The syntactic entropy of a rule's wording is a property of text that nothing here models.", nature="out of reach",
    ),
    Promise(
        "2510.05106", "Reloading verified rules at run time raises the probability of compliant output.",
        "For attention: an injected rule raises the odds of its keys by a known factor. For the output of a whole model it is a"
        " measurement.",
        ("rules.logit", "rules.composition"), nature="empirical",
    ),
)  # fmt: skip

__all__ = ["PAPERS", "PROMISES", "Paper", "Promise"]
