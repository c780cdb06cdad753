"""Proximal gradient: every step of size at most 1/L_s lowers the potential. Statements of the family `hierarchy`.

    theta+ = argmin_y |y - (theta - eta grad L)|^2/2 + eta R(y),    J = L + R,    P = (theta - theta+)/eta
    J(theta+) <= J(theta) - (1/eta - L_s/2) |theta+ - theta|^2,     <= J(theta) - eta |P|^2/2 for eta <= 1/L_s

L is smooth along the step (its quadratic upper bound with curvature L_s holds), R is convex: group norms, convex balls, or nothing.
"""

from __future__ import annotations

import sympy as sp

from theory.hierarchy_formulas import step_decrease
from theory.lemmas import p, q, r, v, x
from theory.steps import Cite, Combine, Manifest
from theory.symbols import (
    eta,
    loss_after,
    loss_before,
    objective_after,
    objective_before,
    rest_after,
    rest_before,
    smoothness_bound,
    step_inner,
    step_map,
    step_move,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

rel = {"evaluate": False}
SOURCE = "2510.17358: convergence guarantees within a model"
_zero, _one, _two, _three = (sp.Integer(k) for k in range(4))
_half = sp.Rational(1, 2)

prox_three_points = Lemma(
    "prox_three_points",
    sp.Le(q + r + v**2 / x, p, **rel),
    attained={q: 0, r: -1, v: 1, x: 1, p: 0},
    reason="p = R(theta), q = R(theta+), r = <grad, theta+ - theta>, v = |theta+ - theta|, x = eta, R convex: the minimiser theta+ is no "
    "worse than any point between it and theta, and the slope towards theta is eta (p - q) - eta r - v^2 >= 0.",
)

OBJECTIVE = {
    "before is": sp.Eq(objective_before, loss_before + rest_before, **rel),
    "after is": sp.Eq(objective_after, loss_after + rest_after, **rel),
}
SMOOTH = Hypothesis(
    sp.Le(loss_after, loss_before + step_inner + smoothness_bound / 2 * step_move**2, **rel),
    "along the step the loss stays below its quadratic upper bound of curvature L_s",
    "Compute L_s from the configuration (`threshold.smoothness`), or take the full batch: for minibatches it fails.",
)
_descent = sp.Le(objective_after, objective_before - step_decrease.stated, **rel)
descent = Theorem(
    name="hierarchy.descent",
    title="What a proximal step lowers the objective by",
    claim=_descent,
    assumes={"smooth": SMOOTH},
    definitions=OBJECTIVE,
    steps=(
        Cite("three points", prox_three_points, {p: rest_before, q: rest_after, r: step_inner, v: step_move, x: eta}),
        Combine("claim", _descent, {"before is": 1, "after is": -1, "smooth": 1, "three points": 1}),
    ),
    equality=Equality(
        "a loss with curvature exactly L_s along the step, R = 0 (or linear along it)",
        {objective_after: objective_before - step_decrease.stated},
    ),
    needs={
        "smooth": Witness(
            {loss_before: _zero, loss_after: _three, step_inner: -_one, smoothness_bound: _zero, step_move: _one, eta: _one,
             objective_before: _zero, objective_after: _three},
            text="a loss that rises by 3 along the step, said to have no curvature",
        )
    },
    source=SOURCE,
)  # fmt: skip

_half_square = eta / 2 * step_map**2
_mapped = sp.Le(objective_after, objective_before - _half_square, **rel)
descent_step = Theorem(
    name="hierarchy.descent_step",
    title="Steps of size at most 1/L_s lower the objective by eta |P|^2/2",
    claim=_mapped,
    assumes={
        "smooth": SMOOTH,
        "step": Hypothesis(
            sp.Le(eta * smoothness_bound, 1, **rel), "eta <= 1/L_s",
            "Take smaller steps; above 1/L_s the objective falls by less (`hierarchy.long_step`), above 2/L_s it can rise.",
        ),
    },
    definitions=OBJECTIVE | {"map is": sp.Eq(step_move, eta * step_map, **rel)},
    steps=(
        Cite("descent", descent, {}, {"smooth": "smooth"}),
        Combine(
            "enough", sp.Ge((1 / eta - smoothness_bound / 2) * step_move**2, step_move**2 / (2 * eta), **rel),
            {"step": step_move**2 / (2 * eta)},
        ),
        Combine(
            "in terms of the map", sp.Eq(step_move**2 / (2 * eta), _half_square, **rel),
            {"map is": (step_move + eta * step_map) / (2 * eta)},
        ),
        Combine("claim", _mapped, {"descent": 1, "enough": 1, "in terms of the map": 1}),
    ),
    equality=Equality(
        "eta = 1/L_s, a loss with curvature exactly L_s along the step, R = 0", {objective_after: objective_before - _half_square}
    ),
    needs={
        "smooth": Witness(
            {loss_before: _zero, loss_after: _three, step_inner: -_one, smoothness_bound: _zero, step_move: _one, eta: _one,
             step_map: _one, objective_before: _zero, objective_after: _three},
            text="a loss that rises by 3 along the step, said to have no curvature",
        ),
        "step": Witness(
            {loss_before: _half, loss_after: _two, step_inner: -_three, smoothness_bound: _one, step_move: _three, eta: _three,
             step_map: _one, objective_before: _half, objective_after: _two},
            text="x^2/2 from x = 1 with eta = 3: the step goes to -2, and 1/2 becomes 2",
        ),
    },
    uses=(descent,),
    source=SOURCE,
)  # fmt: skip


def quadratic_drop(step: sp.Rational) -> sp.Expr:
    """What a gradient step from x = 1 lowers x^2/2 by; its curvature is 1 and its gradient there is 1."""
    return _half - (1 - step) ** 2 / 2


_long = sp.Lt(quadratic_drop(sp.Rational(3, 2)), sp.Rational(3, 4), **rel)
long_step = Theorem(
    name="hierarchy.long_step",
    title="Above 1/L_s a step can lower the objective by less than eta |P|^2/2",
    claim=_long,
    assumes={},
    steps=(Manifest("claim", _long),),
    equality=Equality("x^2/2 from x = 1 with eta = 3/2: it falls by 3/8, and eta |P|^2/2 = 3/4"),
    kind="counterexample",
    source=SOURCE + ", why the step size has a bound",
)

_rising = sp.Gt(_half - quadratic_drop(_three), _half, **rel)
rising_step = Theorem(
    name="hierarchy.rising_step",
    title="Above 2/L_s full-batch steps can raise the objective, at every step",
    claim=_rising,
    assumes={},
    steps=(Manifest("claim", _rising),),
    equality=Equality("x^2/2 from x = 1 with eta = 3: x becomes -2, and 1/2 becomes 2; each step multiplies it by 4"),
    kind="counterexample",
    source=SOURCE + ", why the step size has a bound",
)

# (x - 1)^2/2 and (x + 1)^2/2, mean (x^2 + 1)/2: least at x = 0, where the gradient of each is not 0.
_at_rest, _moved = _half, (_one**2 + 1) * _half
_minibatch = sp.Gt(_moved, _at_rest, **rel)
minibatch = Theorem(
    name="hierarchy.minibatch",
    title="A minibatch step raises the objective at its very minimum, for eta = 1/L_s",
    claim=_minibatch,
    assumes={},
    steps=(Manifest("claim", _minibatch),),
    equality=Equality(
        "samples +1 and -1, squared loss, x = 0, eta = 1: a step on the first sample alone goes to 1, 1/2 becomes 1"
    ),
    kind="counterexample",
    source=SOURCE + ", what is left of it for minibatches is extinction (`extinction.finite_time`)",
)

DESCENT: tuple[Theorem, ...] = (descent, descent_step, long_step, rising_step, minibatch)
