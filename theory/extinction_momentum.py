"""Momentum: averaged (EMA) and accumulated (PyTorch) directions, their bounds, and the step by which a group is zero.

    m+ = mu m + (1 - mu) v:  |m| <= G_bar,    m+ = mu m + v:  |m| <= G_bar/(1 - mu),    for |v| <= G_bar, 0 <= mu < 1

Statements of the family `extinction`.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.extinction_formulas import momentum_ratio
from theory.extinction_lemmas import (
    RUN,
    dies,
    rel,
    soft_threshold,
)
from theory.extinction_prox import prox_norm
from theory.extinction_runs import ALIVE, ATTAINED, FREE, IN_TIME, PENALTY, UNIT, VECTORS
from theory.extinction_steps import ONE, SOURCE, THREE, TWO
from theory.lemmas import triangle, u, v, w
from theory.steps import Cite, Combine, Induction, Manifest, Step
from theory.symbols import (
    direction_at,
    direction_norm,
    eta,
    gamma,
    k_step,
    lam,
    momentum,
    raw_at,
    step_bound,
    steps,
    theta0,
    vector_at,
    vector_max,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_next = k_step + 1


def _momentum(fresh: sp.Expr, bound: sp.Expr, first: Step, at: sp.Expr) -> tuple[Step, ...]:
    """|m_k| <= bound for m_(k+1) = mu m_k + fresh v_(k+1), m_0 = fresh v_0 (the memory starts at 0); `first` is fresh G_bar <=
    bound.
    """
    first_part = Combine(
        "first",
        sp.Le(direction_at[0], bound, **rel),
        {"first is": -1, "greatest first": fresh, "bounded": fresh, first.name: 1},
    )
    return (
        Manifest("fresh", sp.Ge(fresh, 0, **rel)),
        first,
        Induction(
            "momentum at most",
            sp.Le(direction_at[k_step], bound, **rel),
            (first_part,),
            (
                Cite("sum", triangle, {u: direction_at[_next], v: momentum * direction_at[k_step], w: fresh * raw_at[_next]}),
                Combine(
                    "next",
                    sp.Le(direction_at[_next], bound, **rel),
                    {"sum": 1, "momentum at most.at": momentum, "greatest next": fresh, "bounded": fresh},
                ),
            ),
            at,
        ),
    )


def _directions(fresh: sp.Expr) -> dict[str, Relational]:
    """The first momentum, and that v_top is the greatest gradient: of the first step, and of any later one."""
    return {
        "first is": sp.Eq(direction_at[0], fresh * raw_at[0], **rel),
        "greatest first": sp.Le(raw_at[0], vector_max, **rel),
        "greatest next": sp.Le(raw_at[_next], vector_max, **rel),
    }


_ratio = momentum_ratio.stated
_heavy = Manifest("grown", sp.Ge(step_bound * _ratio, step_bound, **rel), form=step_bound * momentum * _ratio)
_average = Manifest("averaged", sp.Ge(step_bound, (1 - momentum) * step_bound, **rel), form=momentum * step_bound)
BELOW_ONE = Hypothesis(
    sp.Lt(momentum, 1, **rel), "the momentum coefficient is below 1", "Use mu < 1: with mu = 1 the vectors add up without end."
)
_vector_is = {"vector is": sp.Eq(vector_at[k_step], direction_at[k_step], **rel)}


def _vectors(bound: sp.Expr) -> Combine:
    return Combine("vector at most", sp.Le(vector_at[k_step], bound, **rel), {"vector is": -1, "momentum at most": 1})


momentum_bound = Theorem(
    name="extinction.momentum_bound",
    title="Accumulated momentum is at most G_bar/(1 - mu) long",
    claim=sp.Le(direction_norm, step_bound * _ratio, **rel),
    assumes={"bounded": VECTORS, "below one": BELOW_ONE},
    definitions=_directions(ONE) | {"momentum is": sp.Eq(direction_norm, direction_at[steps], **rel)},
    steps=(
        *_momentum(ONE, step_bound * _ratio, _heavy, steps),
        Combine("claim", sp.Le(direction_norm, step_bound * _ratio, **rel), {"momentum is": -1, "momentum at most": 1}),
    ),
    equality=Equality(
        "mu = 0; for mu > 0 constant vectors come as near as one likes, G_bar (1 - mu^k)/(1 - mu)",
        {momentum: sp.Integer(0), direction_norm: step_bound},
    ),
    needs={
        "bounded": Witness(
            {momentum: sp.Integer(0), step_bound: ONE, vector_max: TWO, direction_norm: TWO}, text="one vector of length 2"
        ),
        "below one": Witness(
            {momentum: TWO, step_bound: ONE, vector_max: ONE, direction_norm: ONE},
            text="mu = 2: the momentum is 1 at once, and grows; 1/(1 - mu) is -1",
        ),
    },
    source=SOURCE,
)

momentum_run = Theorem(
    name="extinction.momentum",
    title="Zero in time under accumulated (PyTorch) momentum, with the threshold G_bar/(1 - mu) + gamma",
    claim=IN_TIME,
    assumes={
        "alive": ALIVE,
        "bounded": VECTORS,
        "below one": BELOW_ONE,
        "penalty": Hypothesis(
            sp.Ge(lam, step_bound * _ratio + gamma, **rel),
            "the penalty weight exceeds G_bar/(1 - mu) by gamma",
            "Raise the penalty weight, or average the gradients: then G_bar is enough.",
        ),
    },
    definitions=RUN | soft_threshold(eta) | _directions(ONE) | _vector_is,
    steps=(
        *_momentum(ONE, step_bound * _ratio, _heavy, k_step),
        _vectors(step_bound * _ratio),
        *dies(prox_norm, step_bound * _ratio),
    ),
    equality=Equality(
        "mu = 0: as `extinction.finite_time`. For mu > 0 the first vectors are shorter than the bound, so it is not attained",
        None,
    ),
    needs={
        "bounded": Witness(
            UNIT | {momentum: sp.Integer(0), step_bound: ONE, lam: TWO, vector_max: THREE}, text="vectors of length 3"
        ),
        "penalty": Witness(
            UNIT | {theta0: sp.Integer(4), momentum: sp.Rational(1, 2), step_bound: ONE, lam: TWO, vector_max: ONE},
            text="lam = G_bar + gamma is enough without momentum; with mu = 1/2 outward momentum 2 - 2^-k holds the group "
            "above 2",
        ),
    },
    free=FREE | {"below one": "for mu >= 1 the threshold is not a number, or negative and no bound"},
    uses=(prox_norm,),
    source=SOURCE,
)

averaging = Theorem(
    name="extinction.averaging",
    title="Zero in time under averaged momentum, with the plain threshold G_bar + gamma",
    claim=IN_TIME,
    assumes={"alive": ALIVE, "bounded": VECTORS, "below one": BELOW_ONE, "penalty": PENALTY},
    definitions=RUN | soft_threshold(eta) | _directions(1 - momentum) | _vector_is,
    steps=(*_momentum(1 - momentum, step_bound, _average, k_step), _vectors(step_bound), *dies(prox_norm, step_bound)),
    equality=Equality(
        "mu = 0: the average is the gradient, as in `extinction.finite_time`", {momentum: sp.Integer(0), **ATTAINED}
    ),
    needs={
        "bounded": Witness(
            UNIT | {momentum: sp.Integer(0), step_bound: ONE, lam: TWO, vector_max: THREE}, text="vectors of length 3"
        ),
        "penalty": Witness(
            UNIT | {momentum: sp.Integer(0), step_bound: ONE, lam: ONE, vector_max: ONE},
            text="lam equal to the bound, an outward adversary",
        ),
    },
    free=FREE | {"below one": "for mu > 1 it is no average: the share 1 - mu of the new gradient is negative"},
    uses=(prox_norm,),
    source=SOURCE,
)
