"""Threshold, part 1: a penalty weight above, at and below the gradient bound of a group. Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.lemmas import bilinear_form
from theory.steps import Cite, Combine, Manifest
from theory.symbols import (
    ceiling_irrelevant,
    floor_relevant,
    gradient_norm,
    group_norm,
    lam,
    lipschitz,
    loss_after,
    loss_before,
    move,
    objective_after,
    objective_before,
    rest_after,
    rest_before,
    rest_slope,
    shrink,
    slope,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_one, _zero = sp.Integer(1), sp.Integer(0)
inner = sp.Symbol("inner", real=True)  # <gradient of L, direction>

# --- a step towards zero, without calculus ---------------------------------------------------------------------------

SHRUNK = {
    "J before is": sp.Eq(objective_before, loss_before + lam * group_norm + rest_before, **_rel),
    "J after is": sp.Eq(objective_after, loss_after + lam * (1 - shrink) * group_norm + rest_after, **_rel),
}
FRACTION = Hypothesis(sp.Le(shrink, 1, **_rel), "the group is shrunk by a fraction of itself", "Shrink by at most all of it.")
LIPSCHITZ = Hypothesis(
    sp.Le(loss_after - loss_before, lipschitz * shrink * group_norm, **_rel),
    "the loss rises by at most Gamma per unit of norm on the way to zero",
    "Take Gamma from threshold.gradient_bilinear or threshold.gradient_qk.",
)
REST = Hypothesis(
    sp.Le(rest_after, rest_before, **_rel),
    "nothing else in the objective rises: other groups, weight decay, centred balls",
    "Hold the other groups; use centred balls only.",
)
_fallen = objective_before - shrink * (lam - lipschitz) * group_norm


def _moved(**values: int | sp.Rational) -> dict[sp.Symbol, sp.Expr]:
    """Numbers for a move of a group of norm x: s, lam, Gamma, and what the loss and the rest do."""
    at = {"s": 1, "lam": 1, "Gamma": 0, "x": 1, "L0": 0, "L1": 0, "r0": 0, "r1": 0} | values
    n = {key: sp.sympify(value) for key, value in at.items()}
    return {
        shrink: n["s"],
        lam: n["lam"],
        lipschitz: n["Gamma"],
        group_norm: n["x"],
        loss_before: n["L0"],
        loss_after: n["L1"],
        rest_before: n["r0"],
        rest_after: n["r1"],
        objective_before: n["L0"] + n["lam"] * n["x"] + n["r0"],
        objective_after: n["L1"] + n["lam"] * sp.Abs(1 - n["s"]) * n["x"] + n["r1"],
    }


_LIPSCHITZ_NEEDED = Witness(
    _moved(s=1, lam=1, Gamma=0, L1=2), text="a loss that rises by 2 while the penalty falls by 1, with Gamma = 0 claimed"
)
_REST_NEEDED = Witness(_moved(s=1, lam=1, r1=3), text="another term that rises by 3")

stationarity = Theorem(
    name="threshold.stationarity",
    title="Shrinking a group lowers the objective by the excess of the penalty weight",
    claim=sp.Le(objective_after, _fallen, **_rel),
    assumes={"fraction": FRACTION, "lipschitz": LIPSCHITZ, "rest": REST},
    definitions=SHRUNK,
    steps=(
        Combine(
            "claim", sp.Le(objective_after, _fallen, **_rel), {"J before is": 1, "J after is": -1, "lipschitz": 1, "rest": 1}
        ),
    ),
    equality=Equality(
        "a loss that rises at exactly Gamma per unit of norm, and nothing else moves",
        {
            objective_before: loss_before + lam * group_norm,
            objective_after: loss_before + lipschitz * shrink * group_norm + lam * (1 - shrink) * group_norm,
        },
    ),
    needs={
        "fraction": Witness(_moved(s=sp.Rational(3, 2)), text="s = 3/2 overshoots: the norm comes back to half"),
        "lipschitz": _LIPSCHITZ_NEEDED,
        "rest": _REST_NEEDED,
    },
    source="2510.09338: penalties above threshold values, at stationary points",
)

ALIVE = Hypothesis(sp.Gt(group_norm, 0, **_rel), "the group is not zero", "At zero ask threshold.zero_stationary.")
ABOVE = Hypothesis(
    sp.Gt(lam, lipschitz, **_rel),
    "the penalty weight is strictly above the gradient bound",
    "Raise lambda above the bound; equality is not enough (threshold.strictness).",
)

no_minimiser = Theorem(
    name="threshold.no_minimiser",
    title="Above the threshold no minimiser, local or global, has the group alive",
    claim=sp.Lt(objective_after, objective_before, **_rel),
    assumes={
        "fraction": FRACTION,
        "lipschitz": LIPSCHITZ,
        "rest": REST,
        "alive": ALIVE,
        "threshold": ABOVE,
        "moved": Hypothesis(sp.Gt(shrink, 0, **_rel), "the group is shrunk", "Any fraction above 0, however small."),
    },
    definitions=SHRUNK,
    steps=(
        Cite("falls", stationarity, {}, {"fraction": "fraction", "lipschitz": "lipschitz", "rest": "rest"}),
        Manifest("by something", sp.Gt(shrink * (lam - lipschitz) * group_norm, 0, **_rel)),
        Combine("claim", sp.Lt(objective_after, objective_before, **_rel), {"falls": 1, "by something": 1}),
    ),
    equality=Equality("strict: at lam = Gamma both sides can be equal (`threshold.strictness`)"),
    needs={
        "fraction": Witness(_moved(s=2), text="s = 2 only turns the group round"),
        "lipschitz": _LIPSCHITZ_NEEDED,
        "rest": _REST_NEEDED,
        "alive": Witness(_moved(x=0), text="nothing to shrink"),
        "threshold": Witness(
            _moved(s=1, lam=2, Gamma=2, L0=-2, L1=0), text="L = -2 x and lam = 2: the objective is 0 at every x"
        ),
        "moved": Witness(_moved(s=0), text="no move"),
    },
    uses=(stationarity,),
    source="2510.09338: penalties above threshold values, at stationary points",
)


def _linear(x: sp.Expr) -> sp.Expr:
    """J at x >= 0 for the loss 5 - 3x with penalty weight exactly 3, its Lipschitz constant."""
    return 5 - 3 * x + 3 * x


strictness = Theorem(
    name="threshold.strictness",
    title="At the threshold itself nothing falls: >= is not enough",
    claim=sp.Le(_linear(sp.Integer(1)), _linear(_zero), **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Le(_linear(sp.Integer(1)), _linear(_zero), **_rel)),),
    equality=Equality(
        "L = 5 - 3x, lam = 3: J = 5 at every x >= 0, so x = 1 is stationary and a minimiser with the group alive"
    ),
    source="2510.09338: threshold conditions, strictness",
    kind="counterexample",
)

# --- (iv): directional derivatives ----------------------------------------------------------------------------------

_down = -(lam - gradient_norm) * group_norm
descent_direction = Theorem(
    name="threshold.descent_direction",
    title="Towards zero the objective falls at the excess of the penalty weight over the gradient",
    claim=sp.Le(slope, _down, **_rel),
    assumes={
        "rest": Hypothesis(
            sp.Le(rest_slope, 0, **_rel),
            "nothing else in the objective rises towards zero",
            "Use centred balls and weight decay only.",
        ),
    },
    definitions={"slope is": sp.Eq(slope, -inner - lam * group_norm + rest_slope, **_rel)},
    steps=(
        Cite("gradient", bilinear_form, {lemmas.p: -inner, lemmas.u: _one, lemmas.v: gradient_norm, lemmas.w: group_norm}),
        Combine("claim", sp.Le(slope, _down, **_rel), {"slope is": -1, "gradient": 1, "rest": 1}),
    ),
    equality=Equality("the gradient points from the group to zero", {slope: gradient_norm * group_norm - lam * group_norm}),
    needs={
        "rest": Witness(
            {slope: _zero, lam: _one, gradient_norm: _zero, group_norm: _one, rest_slope: _one},
            text="a term that rises at rate 1 towards zero",
        )
    },
    source="2510.09338: at stationary points",
)

_up = (lam - gradient_norm) * move
AT_ZERO = {"slope is": sp.Eq(slope, inner + lam * move, **_rel)}
zero_stationary = Theorem(
    name="threshold.zero_stationary",
    title="A zero group is stationary when the gradient there is at most the penalty weight",
    claim=sp.Ge(slope, _up, **_rel),
    assumes={},
    definitions=AT_ZERO,
    steps=(
        Cite("gradient", bilinear_form, {lemmas.p: -inner, lemmas.u: _one, lemmas.v: gradient_norm, lemmas.w: move}),
        Combine("claim", sp.Ge(slope, _up, **_rel), {"slope is": 1, "gradient": 1}),
    ),
    equality=Equality("the direction is minus the gradient", {slope: lam * move - gradient_norm * move}),
    source="2510.09338: at stationary points, certificate of a checkpoint",
)

zero_unstable = Theorem(
    name="threshold.zero_unstable",
    title="Along minus the gradient a zero group leaves zero exactly when the gradient exceeds the penalty weight",
    claim=sp.Eq(slope, (lam - gradient_norm) * gradient_norm, **_rel),
    assumes={},
    definitions=AT_ZERO
    | {
        "along minus gradient": sp.Eq(inner, -(gradient_norm**2), **_rel),
        "move is": sp.Eq(move, gradient_norm, **_rel),
    },
    steps=(
        Combine(
            "claim",
            sp.Eq(slope, (lam - gradient_norm) * gradient_norm, **_rel),
            {"slope is": 1, "along minus gradient": 1, "move is": lam},
        ),
    ),
    equality=Equality("an identity"),
    source="2510.09338: at stationary points, the only-if side",
    kind="identity",
)

# --- the selectivity window ----------------------------------------------------------------------------------------------

selectivity_window = Theorem(
    name="threshold.selectivity_window",
    title="Below the gradient at zero a relevant group does not stay zero",
    claim=sp.Le(slope, (lam - floor_relevant) * gradient_norm, **_rel),
    assumes={
        "relevant": Hypothesis(
            sp.Ge(gradient_norm, floor_relevant, **_rel),
            "wherever the group is zero its gradient is at least Gamma_rel",
            "Measure the gradient at theta_g = 0; for Q/K it is 0 there and the window is empty (threshold.uniform_trap).",
        )
    },
    definitions=zero_unstable.definitions,
    steps=(
        Cite("leaves", zero_unstable, {}),
        Combine(
            "claim", sp.Le(slope, (lam - floor_relevant) * gradient_norm, **_rel), {"leaves": -1, "relevant": gradient_norm}
        ),
    ),
    equality=Equality(
        "the gradient is exactly Gamma_rel", {slope: (lam - floor_relevant) * floor_relevant, gradient_norm: floor_relevant}
    ),
    needs={
        "relevant": Witness(
            {slope: sp.Rational(1, 4), lam: _one, gradient_norm: sp.Rational(1, 2), floor_relevant: sp.Integer(2)},
            text="a gradient of 1/2 below lam = 1, with 2 claimed: the objective rises",
        )
    },
    uses=(zero_unstable,),
    source="2510.09338: penalties select relevant blocks",
)

selectivity_extinct = Theorem(
    name="threshold.selectivity_extinct",
    title="Above the gradient everywhere an irrelevant group falls to zero",
    claim=sp.Le(slope, -(lam - ceiling_irrelevant) * group_norm, **_rel),
    assumes={
        "irrelevant": Hypothesis(
            sp.Le(gradient_norm, ceiling_irrelevant, **_rel),
            "the gradient of the group is at most Gamma_irr",
            "Take Gamma_irr from threshold.gradient_bilinear, or from threshold.dial_scaled at a block-diagonal state.",
        ),
        "rest": descent_direction.assumes["rest"],
    },
    definitions=descent_direction.definitions,
    steps=(
        Cite("falls", descent_direction, {}, {"rest": "rest"}),
        Combine(
            "claim", sp.Le(slope, -(lam - ceiling_irrelevant) * group_norm, **_rel), {"falls": 1, "irrelevant": group_norm}
        ),
    ),
    equality=Equality(
        "the gradient is exactly Gamma_irr and points from the group to zero", {slope: (ceiling_irrelevant - lam) * group_norm}
    ),
    needs={
        "irrelevant": Witness(
            {
                slope: _one,
                lam: _one,
                gradient_norm: sp.Integer(2),
                ceiling_irrelevant: _zero,
                group_norm: _one,
                rest_slope: _zero,
            },
            text="a gradient of 2 against lam = 1, with Gamma_irr = 0 claimed: the objective rises towards zero",
        ),
        "rest": Witness(
            {slope: _zero, lam: _one, gradient_norm: _zero, ceiling_irrelevant: _zero, group_norm: _one, rest_slope: _one},
            text="a term that rises at rate 1 towards zero",
        ),
    },
    uses=(descent_direction,),
    source="2510.09338: penalties select relevant blocks",
)

STATIONARY: tuple[Theorem, ...] = (
    stationarity,
    no_minimiser,
    strictness,
    descent_direction,
    zero_stationary,
    zero_unstable,
    selectivity_window,
    selectivity_extinct,
)
