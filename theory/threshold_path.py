"""Threshold, part 8: what the penalty weight does. Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import threshold_formulas as numbers
from theory.steps import Cite, Combine, Manifest
from theory.symbols import (
    lam,
    lam_1,
    lam_2,
    loss_1,
    loss_2,
    loss_m,
    mixing,
    objective,
    penalty_1,
    penalty_2,
    penalty_m,
    root_product,
    weight_a,
    weight_b,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_one, _zero, _two = sp.Integer(1), sp.Integer(0), sp.Integer(2)
_half = sp.Rational(1, 2)

# --- the path of minimisers -----------------------------------------------------------------------------------------------

ORDER = Hypothesis(sp.Gt(lam_2, lam_1, **_rel), "lam_1 < lam_2", "Exchange the two.")
FIRST = Hypothesis(
    sp.Le(loss_1 + lam_1 * penalty_1, loss_2 + lam_1 * penalty_2, **_rel),
    "the first point is a minimiser at lam_1, not worse than the second",
    "Minimise further at lam_1.",
)
SECOND = Hypothesis(
    sp.Le(loss_2 + lam_2 * penalty_2, loss_1 + lam_2 * penalty_1, **_rel),
    "the second point is a minimiser at lam_2, not worse than the first",
    "Minimise further at lam_2.",
)


def _path(text: str, *values: int) -> Witness:
    return Witness(
        dict(zip((lam_1, lam_2, loss_1, penalty_1, loss_2, penalty_2), map(sp.Integer, values), strict=True)), text=text
    )


penalty_path = Theorem(
    name="threshold.penalty_path",
    title="A greater penalty weight never gives a greater penalty: locality is monotone in lambda",
    claim=sp.Le(penalty_2, penalty_1, **_rel),
    assumes={"order": ORDER, "first": FIRST, "second": SECOND},
    steps=(
        Combine("claim", sp.Le(penalty_2, penalty_1, **_rel), {"first": 1 / (lam_2 - lam_1), "second": 1 / (lam_2 - lam_1)}),
    ),
    equality=Equality("one point is a minimiser at both weights", {penalty_2: penalty_1}),
    needs={
        "order": _path("lam_1 = 2 > lam_2 = 1: the penalty grows", 2, 1, 3, 0, 0, 2),
        "first": _path("the first point is no minimiser", 1, 2, 5, 0, 0, 1),
        "second": _path("the second point is no minimiser", 1, 2, 0, 0, 5, 1),
    },
    source="2510.09338: continuous interpolation between localist and distributed",
)

penalty_path_loss = Theorem(
    name="threshold.penalty_path_loss",
    title="A greater penalty weight never gives a smaller loss",
    claim=sp.Ge(loss_2, loss_1, **_rel),
    assumes={"order": ORDER, "first": FIRST, "second": SECOND},
    steps=(
        Cite("penalty", penalty_path, {}, {"order": "order", "first": "first", "second": "second"}),
        Combine("claim", sp.Ge(loss_2, loss_1, **_rel), {"first": 1, "penalty": lam_1}),
    ),
    equality=Equality("one point is a minimiser at both weights", {loss_2: loss_1}),
    needs={
        "order": _path("lam_1 = 2 > lam_2 = 1: the loss falls", 2, 1, 3, 0, 0, 2),
        "first": _path("the first point is no minimiser", 1, 2, 5, 0, 0, 1),
        "second": _path("the second point is no minimiser", 1, 2, 5, 1, 4, 4),
    },
    uses=(penalty_path,),
    source="2510.09338: continuous interpolation between localist and distributed",
)

_between = (1 - mixing) * lam_1 + mixing * lam_2
_value_1, _value_2 = loss_1 + lam_1 * penalty_1, loss_2 + lam_2 * penalty_2
_concave_names = (mixing, lam_1, lam_2, loss_1, penalty_1, loss_2, penalty_2, loss_m, penalty_m)


def _concave(text: str, *values: int | sp.Rational) -> Witness:
    return Witness(dict(zip(_concave_names, map(sp.sympify, values), strict=True)), text=text)


penalty_concave = Theorem(
    name="threshold.penalty_concave",
    title="The least objective is concave in the penalty weight",
    claim=sp.Ge(loss_m + _between * penalty_m, (1 - mixing) * _value_1 + mixing * _value_2, **_rel),
    assumes={
        "share": Hypothesis(sp.Le(mixing, 1, **_rel), "the weight between is a mixture", "Take a share from 0 to 1."),
        "first": Hypothesis(
            sp.Le(_value_1, loss_m + lam_1 * penalty_m, **_rel), "the first point is a minimiser at lam_1", "Minimise further."
        ),
        "second": Hypothesis(
            sp.Le(_value_2, loss_m + lam_2 * penalty_m, **_rel), "the second point is a minimiser at lam_2", "Minimise further."
        ),
    },
    steps=(
        Combine(
            "claim",
            sp.Ge(loss_m + _between * penalty_m, (1 - mixing) * _value_1 + mixing * _value_2, **_rel),
            {"first": 1 - mixing, "second": mixing},
        ),
    ),
    equality=Equality(
        "one point is a minimiser at both weights", {loss_1: loss_m, loss_2: loss_m, penalty_1: penalty_m, penalty_2: penalty_m}
    ),
    needs={
        "share": _concave("a share of 2", 2, 0, 1, -10, 0, 0, 0, 0, 0),
        "first": _concave("the first point is no minimiser", _half, 0, 1, 3, 0, 0, 0, 0, 1),
        "second": _concave("the second point is no minimiser", _half, 0, 1, 0, 0, 3, 1, 0, 1),
    },
    source="2510.09338: continuous interpolation between localist and distributed",
)

_jump = numbers.penalty_jump.stated
_height = numbers.penalty_jump_height.stated
_a, _b = sp.symbols("u_a u_b", nonnegative=True)  # square roots of |a| and |b|
_at_zero = _half  # the objective at a = b = 0


def _scalar(h: sp.Expr, weight: sp.Expr) -> sp.Expr:
    """The objective at a = b = h."""
    return (h**2 - 1) ** 2 / 2 + weight * 2 * h


penalty_jump = Theorem(
    name="threshold.penalty_jump",
    title="Just below the jump the minimiser is far from zero",
    claim=sp.Lt(_scalar(sp.sqrt(_height), _jump - sp.Rational(1, 10**9)), _at_zero, **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Lt(_scalar(sp.sqrt(_height), _jump - sp.Rational(1, 10**9)), _at_zero, **_rel)),),
    equality=Equality(
        "(ab - 1)^2/2 + lam(|a| + |b|) at lam = sqrt(2/3)/3 - 1e-9: a = b = sqrt(2/3) is better than 0, "
        "and by penalty_gap no minimiser has 0 < ab < 2/3"
    ),
    source="2510.09338: continuous interpolation, counterexample in lambda",
    kind="counterexample",
)

_above = _at_zero + 2 * (lam - _jump) * root_product
_ab = sp.Symbol("ab", real=True)
penalty_jump_above = Theorem(
    name="threshold.penalty_jump_above",
    title="Above the jump zero is the minimiser",
    claim=sp.Ge(objective, _above, **_rel),
    assumes={},
    definitions={
        "objective is": sp.Eq(objective, (_ab - 1) ** 2 / 2 + lam * (sp.Abs(weight_a) + sp.Abs(weight_b)), **_rel),
        "ab is": sp.Eq(_ab, weight_a * weight_b, **_rel),
        "|a| is": sp.Eq(sp.Abs(weight_a), _a**2, **_rel),
        "|b| is": sp.Eq(sp.Abs(weight_b), _b**2, **_rel),
        "|ab| is": sp.Eq(sp.Abs(_ab), root_product**2, **_rel),
        "h is": sp.Eq(root_product, _a * _b, **_rel),
    },
    steps=(
        Manifest("sign of ab", sp.Le(_ab, sp.Abs(_ab), **_rel)),
        Manifest("arithmetic over geometric mean", sp.Ge(_a**2 + _b**2, 2 * _a * _b, **_rel), form=(_a - _b) ** 2),
        Manifest(
            "quartic",
            sp.Ge((root_product**2 - 1) ** 2 / 2 + 2 * _jump * root_product, _at_zero, **_rel),
            form=root_product / 2 * (root_product - sp.sqrt(_height)) ** 2 * (root_product + 2 * sp.sqrt(_height)),
        ),
        Combine(
            "claim",
            sp.Ge(objective, _above, **_rel),
            {
                "objective is": 1,
                "sign of ab": 1,
                "arithmetic over geometric mean": lam,
                "quartic": 1,
                "|a| is": lam,
                "|b| is": lam,
                "h is": -2 * lam,
                "|ab| is": (sp.Abs(_ab) + root_product**2) / 2 - 1,
            },
        ),
    ),
    equality=Equality("a = b = sqrt(2/3)", {objective: _scalar(sp.sqrt(_height), lam), root_product: sp.sqrt(_height)}),
    source="2510.09338: continuous interpolation, counterexample in lambda",
)

penalty_gap = Theorem(
    name="threshold.penalty_gap",
    title="No minimiser of the example has 0 < ab < 2/3, whatever the penalty weight",
    claim=sp.Ge(root_product**2, _height, **_rel),
    assumes={
        "alive": Hypothesis(sp.Gt(root_product, 0, **_rel), "the minimiser is not zero", "At zero there is nothing to show."),
        "stationary": Hypothesis(
            sp.Eq(lam, root_product * (1 - root_product**2), **_rel),
            "a = b = h is stationary: 2h(h^2 - 1) + 2 lam = 0",
            "Follow the gradient further.",
        ),
        "not worse than zero": Hypothesis(
            sp.Le(_scalar(root_product, lam), _at_zero, **_rel),
            "the objective is at most its value at zero",
            "Zero is better: take it.",
        ),
    },
    steps=(
        Combine(
            "claim",
            sp.Ge(root_product**2, _height, **_rel),
            {"not worse than zero": 2 / (3 * root_product**2), "stationary": 4 / (3 * root_product)},
        ),
    ),
    equality=Equality("at the jump, lam = sqrt(2/3)/3", {root_product: sp.sqrt(_height)}),
    needs={
        "alive": Witness({root_product: _zero, lam: _zero}, text="zero itself"),
        "stationary": Witness({root_product: _half, lam: _zero}, text="a point on the way down at lam = 0"),
        "not worse than zero": Witness(
            {root_product: _half, lam: sp.Rational(3, 8)}, text="the saddle at lam = 3/8: stationary with ab = 1/4"
        ),
    },
    source="2510.09338: continuous interpolation, counterexample in lambda",
)

PATH: tuple[Theorem, ...] = (
    penalty_path,
    penalty_path_loss,
    penalty_concave,
    penalty_gap,
    penalty_jump,
    penalty_jump_above,
)
