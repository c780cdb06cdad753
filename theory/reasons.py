"""Why each guaranteed value holds, as data: its theorem, the hypotheses in words, and what is said when it says nothing.

A sentence is a template over the letters of `guarantee.Inputs`; `theory.guarantee` fills it in for the command line, and the
calculator of the book fills in the same ones. `{form}` is the parametrisation and `{loss}` the kind of loss.
"""

from __future__ import annotations

from dataclasses import dataclass

# The name of a value for a reader, the relation it is printed with, its unit. What to set stands with > or >=, what then holds
# with <= or >=; the printed number is on the safe side of the exact one either way.
LABELS = {
    "penalty_threshold": ("penalty threshold", ">", "loss/norm"),
    "penalty": ("penalty", ">=", "loss/norm"),
    "extinction_steps": ("extinction after", "<=", "steps"),
    "margin": ("margin", ">=", "nats"),
    "outside_mass": ("outside mass", "<=", ""),
    "fidelity": ("fidelity", ">=", ""),
    "entropy_nats": ("entropy", "<=", "nats"),
    "entropy_bits": ("entropy", "<=", "bits"),
    "dial_for_target": ("dial for target", ">=", ""),
}

HYPOTHESES = {
    "values": "value vectors of a row lie within a diameter of {D_V}",
    "loss_gradient": "the loss is a mean over queries of losses of one output each, with gradient norm at most {G}",
    "loss_cross-entropy": (
        "the loss is a mean over queries of losses of one output each, with gradient norm at most {G} "
        "(cross-entropy on a readout of that diameter)"
    ),
    "tokens_bilinear": "block parts of tokens: mean norm at most {B_c}, diameter at most {D_c}",
    "tokens_qk": (
        "tokens: norm at most {B_x}, diameter at most {D_X}; block parts: mean norm at most {B_c}, diameter at most {D_c}; "
        "Frobenius balls {rho_Q} on W_Q and {rho_K} on W_K"
    ),
    "temperature": "scores divided by temperature {tau}",
    "throughout": "these bounds hold throughout training",
    "strict": "slack {gamma} > 0: at the threshold itself it is false",
    "penalised_bilinear": (
        "every cross-block group A^(c,c') has penalty weight at least `penalty`, strictly above the gradient bound"
    ),
    "penalised_qk": (
        "every cross-block group W_Q^(b,c), W_K^(b,c) has penalty weight at least `penalty`, strictly above the gradient bound"
    ),
    "steps": "proximal steps of constant size {eta}, slack {gamma}",
    "initial": "initial group norms at most {theta0}",
    "every_step": "gradients bounded as for penalty_threshold at every step (minibatches included)",
    "dead": "all cross-block groups are zero (after `extinction_steps` proximal steps, or at any stationary point)",
    "parts": "tokens: own-block part at most {B}, off-block part at most {delta}, the smaller bound of the two",
    "ball_bilinear": "||A||_F <= {rho_A}",
    "ball_qk": "||W_Q||_F <= {rho_Q} and ||W_K||_F <= {rho_K}",
    "scores": "scores are content / {tau} + dial: no position bias, no query or key bias, rotations only inside blocks",
    "dial": "dial {beta} x {d} on in-block keys",
    "row": "{n} visible keys, {g} of them in the query's block",
    "positive": "margin > 0",
    "none": "none: ln n bounds every row",
    "target": "target: outside mass at most {eps_target}",
    "strength": "dial strength {beta}",
}


@dataclass(frozen=True)
class Reason:
    """The theorem of a value and its hypotheses, by their keys in `HYPOTHESES`; both are templates themselves."""

    theorem: str
    hypotheses: tuple[str, ...]
    by_margin: bool = False  # it says nothing unless the margin is positive
    without_margin: tuple[str, ...] | None = None  # its hypotheses then, where they are fewer


_GRADIENT = ("values", "loss_{loss}", "tokens_{form}", "temperature", "throughout")
_LAYER = ("penalised_{form}", "dead", "parts", "ball_{form}", "scores")
_ENTROPY = Reason("entropy.ceiling", ("row", "positive", *_LAYER, "dial"), True, ("row", "none"))

REASONS = {
    "penalty_threshold": Reason("threshold.gradient_{form}", _GRADIENT),
    "penalty": Reason("threshold.stationarity", (*_GRADIENT, "strict")),
    "extinction_steps": Reason("extinction.finite_time", ("penalised_{form}", "steps", "initial", "every_step")),
    "margin": Reason("blocks.margin_{form}", (*_LAYER, "dial"), True),
    "outside_mass": Reason("concentration.outside_mass", ("row", *_LAYER, "dial"), True),
    "fidelity": Reason("concentration.fidelity_floor", ("row", *_LAYER, "dial"), True),
    "entropy_nats": _ENTROPY,
    "entropy_bits": _ENTROPY,
    "dial_for_target": Reason("dial.target", ("row", "target", *_LAYER, "strength")),
}

VACUOUS = (
    "the dial adds {added} nats and content may lead by {lead}: the margin {margin} is not positive, and a uniform row satisfies "
    "every hypothesis; raise dial.setting or lower the content norm"
)
NO_TARGET = "no [target] is given"
WHAT_VACUOUS_MEANS = "Margin, outside mass, fidelity and entropy are true but say no more than that the row is a distribution."
