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

    form: what it says here, as prose. statements: names of statements, or of a family for all of its statements; a family that the
    registry does not have yet leaves the promise open. added: hypotheses (statement, hypothesis) that the plain reading does not
    mention. against: counterexamples to the plain reading, which is then false as stated. limits: counterexamples that show where it
    ends. nature: "empirical" and "out of reach" are for promises that no statement can decide.
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
        "How many anchors a fidelity needs, what redundancy does to entropy, and what bounds the margin.", ("anchors",),
    ),
    Promise(
        "2510.09338", "Dynamic rule injection.",
        "What adding a rule to the scores does to fidelity, what several rules do together, and what removing one restores.", ("rules",),
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
        "A recruitment is a code length in nats: when it stops, how often it recruits falsely, and how soon it detects.", ("recruitment",),
    ),
    Promise(
        "2510.17358", "Hierarchical recruitment of whole models, with convergence guarantees at both levels.",
        "How outside mass and entropy compose over two levels, and where the alternation of the two levels ends.", ("hierarchy",),
    ),
    Promise(
        "2510.17358", "Partitions balance model complexity against encoding efficiency.",
        "When a partition is recovered, when it is optimal, and what a refinement changes.", ("partition",),
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
        "Two measurements on trained models that we do not have. What holds for any row is how entropy moves along a dial.",
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
        "A measurement on one trained model that we do not have.", nature="out of reach",
    ),
    Promise(
        "2511.18375", "Locality that grows with depth by a polynomial schedule keeps late layers localised.",
        "What a schedule guarantees for the product of the layers' attention, and what it does not.", ("schedule",),
    ),
    Promise(
        "2511.18375", "Semantic blocks, partitioned adaptively, beat fixed windows and uniform locality.",
        "A comparison of trained models; nothing here decides it.", nature="empirical",
    ),
    Promise(
        "2511.18375", "The quintic schedule reaches perplexity 14.64, 1.89 times the distributed baseline (v1); “84.2 % improvement”.",
        "Measurements on models that we do not have.", nature="out of reach",
    ),
    Promise(
        "2510.05106", "There is a trade-off between anchor redundancy and attention entropy.",
        "Where redundancy raises entropy, where it lowers it, and the number of anchors at which it turns.", ("anchors",),
    ),
    Promise(
        "2510.05106", "Reloading verified rules at run time raises the probability of compliant output.",
        "For attention: what an injected rule does to the odds of its keys. For the output of a whole model it is a measurement.",
        ("rules",),
    ),
)  # fmt: skip

__all__ = ["PAPERS", "PROMISES", "Paper", "Promise"]
