"""Rollout: the product of the attention matrices of a stack, and how much of a row's mass leaves the block on the way.

Kept mass is a number of in-block rows: kept_k is the least mass that an in-block row of A_k ... A_1 keeps in the block, and the
block is the same in every layer. Statements of the family `schedule`.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.schedule_formulas import rollout_bound
from theory.steps import Cite, Combine, Induction, Manifest
from theory.symbols import (
    depth,
    eps_at,
    eps_excess,
    eps_first,
    eps_greatest,
    eps_other_at,
    g,
    inside_at,
    k_step,
    kept_at,
    last,
    leak_sum,
    n,
    phi_low,
    residual_share,
    rollout_leak,
    stay,
    stay_at,
    stay_other,
    stay_other_at,
    sum_at,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

rel = {"evaluate": False}
ZERO, ONE, TWO, HALF = sp.Integer(0), sp.Integer(1), sp.Integer(2), sp.Rational(1, 2)
SOURCE = "2511.18375: localisation that grows with depth"
_next = k_step + 1


def eq(left: sp.Expr, right: sp.Expr) -> sp.Eq:
    """The equation as typed, not evaluated by SymPy."""
    return sp.Eq(left, right, **rel)


_u, _v, _w = sp.symbols("_u _v _w", nonnegative=True)
weighted_floor = Lemma(
    "weighted_floor",
    sp.Ge(_u, (1 - _v) * _w, **rel),
    attained={_u: 1, _v: 0, _w: 1},
    reason="u = sum of a_j x_j, a_j and x_j >= 0, the a_j of a block add up to at least 1 - v, its x_j are at least w.",
)

# a row is a distribution: what does not leave the block stays in it
FRACTION = {"eps is": eq(eps_at[k_step], 1 - inside_at[k_step])}
AT_MOST_ONE = (
    Manifest("stays in", sp.Ge(inside_at[k_step], 0, **rel)),
    Combine("a share", sp.Le(eps_at[k_step], 1, **rel), {"eps is": -ONE, "stays in": ONE}),
)
PRODUCT: dict[str, Relational] = {
    "no layer": eq(kept_at[0], 1),
    "leak is": eq(rollout_leak, 1 - kept_at[depth]),
}


def product_of(factor: sp.Expr, at: sp.IndexedBase = stay_at, total: sp.Expr = stay) -> dict[str, Relational]:
    """What the product of `factor` over the layers is."""
    name = str(total)
    return {
        f"{name} starts": eq(at[0], 1),
        f"{name} goes on": eq(at[_next], at[k_step] * factor),
        f"{name} is": eq(total, at[depth]),
    }


def _kept(factor: sp.Expr) -> Induction:
    """The product of `factor` is kept, by the fact "one layer": kept_(k+1) >= factor kept_k."""
    return Induction(
        "kept", sp.Ge(kept_at[k_step], stay_at[k_step], **rel),
        (Combine("state 0", sp.Ge(kept_at[0], stay_at[0], **rel), {"no layer": ONE, "stay starts": -ONE}),),
        (
            Combine(
                "next state", sp.Ge(kept_at[_next], stay_at[_next], **rel),
                {"one layer": ONE, "kept.at": factor, "stay goes on": -ONE},
            ),
        ),
        depth,
    )  # fmt: skip


_STAY = 1 - eps_at[k_step]
_STACK = PRODUCT | product_of(_STAY) | FRACTION
_ONE_LAYER = Cite("one layer", weighted_floor, {_u: kept_at[_next], _v: eps_at[k_step], _w: kept_at[k_step]})

rollout = Theorem(
    name="schedule.rollout",
    title="Rollout leaks at most 1 - product of (1 - eps_l)",
    claim=sp.Le(rollout_leak, 1 - stay, **rel),
    assumes={},
    definitions=_STACK,
    steps=(
        *AT_MOST_ONE,
        _ONE_LAYER,
        _kept(_STAY),
        Combine("claim", sp.Le(rollout_leak, 1 - stay, **rel), {"leak is": -ONE, "kept": ONE, "stay is": -ONE}),
    ),
    equality=Equality(
        "the outside is absorbing: no row outside attends into the block, every in-block row has outside mass eps_l",
        {rollout_leak: 1 - stay},
    ),
    source=SOURCE,
)


def at_most_one(at: sp.Expr) -> Induction:
    """The product of 1 - eps_l is at most 1."""
    return Induction(
        "at most 1", sp.Le(stay_at[k_step], 1, **rel),
        (Combine("first", sp.Le(stay_at[0], 1, **rel), {"stay starts": -ONE}),),
        (
            Manifest("lost", sp.Ge(eps_at[k_step] * stay_at[k_step], 0, **rel)),
            Combine("then", sp.Le(stay_at[_next], 1, **rel), {"stay goes on": -ONE, "at most 1.at": ONE, "lost": ONE}),
        ),
        at,
    )  # fmt: skip


SUMS = {
    "sum starts": eq(sum_at[0], 0),
    "sum goes on": eq(sum_at[_next], sum_at[k_step] + eps_at[k_step]),
    "sum is": eq(leak_sum, sum_at[depth]),
}
sum_bound = Theorem(
    name="schedule.rollout_sum",
    title="Rollout leaks at most the sum of the outside masses",
    claim=sp.Le(rollout_leak, leak_sum, **rel),
    assumes={},
    definitions=_STACK | SUMS,
    steps=(
        *AT_MOST_ONE,
        at_most_one(k_step),
        Induction(
            "sums", sp.Ge(stay_at[k_step], 1 - sum_at[k_step], **rel),
            (Combine("state 0", sp.Ge(stay_at[0], 1 - sum_at[0], **rel), {"stay starts": ONE, "sum starts": ONE}),),
            (
                Combine(
                    "next state", sp.Ge(stay_at[_next], 1 - sum_at[_next], **rel),
                    {"stay goes on": ONE, "sums.at": ONE, "sum goes on": ONE, "at most 1": eps_at[k_step]},
                ),
            ),
            depth,
        ),
        Cite("product", rollout, {}),
        Combine("claim", sp.Le(rollout_leak, leak_sum, **rel), {"product": ONE, "stay is": ONE, "sums": ONE, "sum is": ONE}),
    ),
    equality=Equality("the outside is absorbing, and one layer only leaks", {rollout_leak: leak_sum}),
    uses=(rollout,),
    source=SOURCE,
)  # fmt: skip

KEEPS = Hypothesis(
    sp.Ge(1 - eps_greatest, phi_low, **rel),
    "every in-block row of every layer keeps at least phi_L in the block",
    "Raise the dial of the layer that leaks most, or claim less.",
)
GREATEST = {"greatest is": sp.Le(eps_at[k_step], eps_greatest, **rel)}

uniform = Theorem(
    name="schedule.rollout_uniform",
    title="Rollout of layers with one bound in common",
    claim=sp.Le(rollout_leak, rollout_bound.stated, **rel),
    assumes={"bounded": KEEPS},
    definitions=_STACK | GREATEST,
    steps=(
        *AT_MOST_ONE,
        Combine("each", sp.Ge(1 - eps_at[k_step], phi_low, **rel), {"bounded": ONE, "greatest is": ONE}),
        Induction(
            "powers", sp.Ge(stay_at[k_step], phi_low**k_step, **rel),
            (Combine("state 0", sp.Ge(stay_at[0], ONE, **rel), {"stay starts": ONE}),),
            (
                Combine(
                    "next state", sp.Ge(stay_at[_next], phi_low**_next, **rel),
                    {"stay goes on": ONE, "each": stay_at[k_step], "powers.at": phi_low},
                ),
            ),
            depth,
        ),
        Cite("product", rollout, {}),
        Combine("claim", sp.Le(rollout_leak, rollout_bound.stated, **rel), {"product": ONE, "stay is": ONE, "powers": ONE}),
    ),
    equality=Equality(
        "the outside is absorbing, and every layer leaks 1 - phi_L", {rollout_leak: rollout_bound.stated}
    ),
    needs={
        "bounded": Witness(
            {depth: ONE, phi_low: sp.Rational(3, 4), eps_greatest: HALF, rollout_leak: HALF},
            text="one layer that leaks 1/2 is not bounded by 1/4",
        )
    },
    uses=(rollout,),
    source=SOURCE,
)  # fmt: skip

_mixed_stay = 1 - (1 - residual_share) * eps_at[k_step]
residual = Theorem(
    name="schedule.rollout_residual",
    title="With a residual connection only the attention's share leaks",
    claim=sp.Le(rollout_leak, 1 - stay, **rel),
    assumes={
        "share": Hypothesis(
            sp.Le(residual_share, 1, **rel), "the residual share alpha is between 0 and 1",
            "Rollout mixes alpha I + (1 - alpha) A with 0 <= alpha <= 1.",
        )
    },
    definitions=PRODUCT | product_of(_mixed_stay) | FRACTION,
    steps=(
        *AT_MOST_ONE,
        # a row of alpha I + (1 - alpha) A keeps its own token, in the block, with share alpha: outside mass (1 - alpha) eps
        Manifest("mixed", sp.Ge((1 - residual_share) * eps_at[k_step], 0, **rel)),
        Cite(
            "one layer", weighted_floor,
            {_u: kept_at[_next], _v: (1 - residual_share) * eps_at[k_step], _w: kept_at[k_step]},
        ),
        Manifest("own", sp.Ge(residual_share + (1 - residual_share) * (1 - eps_at[k_step]), 0, **rel)),
        Combine("factor", sp.Ge(_mixed_stay, 0, **rel), {"own": ONE}),
        _kept(_mixed_stay),
        Combine("claim", sp.Le(rollout_leak, 1 - stay, **rel), {"leak is": -ONE, "kept": ONE, "stay is": -ONE}),
    ),
    equality=Equality("the outside is absorbing", {rollout_leak: 1 - stay}),
    free={"share": "a negative weight is no share; for alpha > 1 the matrix alpha I + (1 - alpha) A is not a rollout"},
    source=SOURCE,
)  # fmt: skip

_first_inside = sp.Symbol("in_first", nonnegative=True)  # in-block mass of the first layer's worst row
vacuous = Theorem(
    name="schedule.unlocalised_first",
    title="A first layer without locality makes the product bound vacuous, however local the others are",
    claim=sp.Ge(1 - stay, (n - g) / n, **rel),
    assumes={
        "unlocalised": Hypothesis(
            sp.Ge(eps_first, (n - g) / n, **rel),
            "the first layer lets out as much as uniform attention",
            "State containment from the first localised layer on.",
        )
    },
    definitions={key: fact for key, fact in product_of(_STAY).items() if key != "stay is"}
    | FRACTION
    | {
        # stay_at is the product over the layers after the first
        "stay is": eq(stay, (1 - eps_first) * stay_at[last]),
        "first is": eq(eps_first, 1 - _first_inside),
    },
    steps=(
        *AT_MOST_ONE,
        Manifest("first stays in", sp.Ge(_first_inside, 0, **rel)),
        Combine("first a share", sp.Le(eps_first, 1, **rel), {"first is": -ONE, "first stays in": ONE}),
        at_most_one(last),
        Combine(
            "claim",
            sp.Ge(1 - stay, (n - g) / n, **rel),
            {"unlocalised": ONE, "stay is": -ONE, "at most 1": 1 - eps_first},
        ),
    ),
    equality=Equality("uniform attention in the first layer, none outside in the others", {stay: g / n}),
    needs={
        "unlocalised": Witness({n: TWO, g: ONE, eps_first: ZERO, stay: ONE}, text="no layer leaks: the bound is 0, below 1/2")
    },
    source=SOURCE,
)

monotone = Theorem(
    name="schedule.tighter",
    title="Layers that leak less, each of them, have a smaller product bound",
    claim=sp.Ge(stay, stay_other, **rel),
    assumes={
        "each": Hypothesis(
            sp.Ge(eps_excess, 0, **rel), "every layer leaks at most as much as in the second stack", "Compare layer by layer."
        ),
        "masses": Hypothesis(
            sp.Le(eps_greatest, 1, **rel), "what the second stack leaks, or is bounded by, is at most 1 in every layer",
            "Replace bounds above 1 by 1.",
        ),
    },
    definitions=product_of(_STAY)
    | product_of(1 - eps_other_at[k_step], stay_other_at, stay_other)
    | {
        "excess is": sp.Ge(eps_other_at[k_step] - eps_at[k_step], eps_excess, **rel),
        "greatest is": sp.Le(eps_other_at[k_step], eps_greatest, **rel),
    },
    steps=(
        Combine("other a share", sp.Le(eps_other_at[k_step], 1, **rel), {"greatest is": ONE, "masses": ONE}),
        Combine("a share", sp.Le(eps_at[k_step], 1, **rel), {"excess is": ONE, "each": ONE, "other a share": ONE}),
        Induction(
            "second stays", sp.Ge(stay_other_at[k_step], 0, **rel),
            (
                Manifest("one", sp.Ge(ONE, 0, **rel)),
                Combine("second at first", sp.Ge(stay_other_at[0], 0, **rel), {"stay_2 starts": ONE, "one": ONE}),
            ),
            (
                Combine(
                    "second next", sp.Ge(stay_other_at[_next], 0, **rel),
                    {"stay_2 goes on": ONE, "second stays.at": 1 - eps_other_at[k_step]},
                ),
            ),
            k_step,
        ),
        Induction(
            "products", sp.Ge(stay_at[k_step], stay_other_at[k_step], **rel),
            (Combine("state 0", sp.Ge(stay_at[0], stay_other_at[0], **rel), {"stay starts": ONE, "stay_2 starts": -ONE}),),
            (
                Combine(
                    "next state", sp.Ge(stay_at[_next], stay_other_at[_next], **rel),
                    {
                        "stay goes on": ONE, "stay_2 goes on": -ONE, "products.at": _STAY,
                        "excess is": stay_other_at[k_step], "each": stay_other_at[k_step],
                    },
                ),
            ),
            depth,
        ),
        Combine("claim", sp.Ge(stay, stay_other, **rel), {"stay is": ONE, "stay_2 is": -ONE, "products": ONE}),
    ),
    equality=Equality("the same outside masses", {stay_other: stay}),
    needs={
        "each": Witness(
            {eps_excess: -HALF, eps_greatest: ZERO, stay: HALF, stay_other: ONE},
            text="one layer that leaks 1/2, and 0 in the second stack",
        ),
        "masses": Witness(
            {eps_excess: ONE, eps_greatest: sp.Integer(3), stay: ONE, stay_other: sp.Integer(4)},
            text="two layers that leak nothing, and bounds of 3 for both: (1 - 3)^2 = 4 > 1",
        ),
    },
    source=SOURCE,
)  # fmt: skip

_W, _EPS, _ALPHA = sp.Integer(4), sp.Rational(1, 10), HALF
understates = Theorem(
    name="schedule.rollout_understates",
    title="Rollout is not information flow: it can be smaller",
    claim=sp.Gt(_W * _EPS / (1 + _W), (1 - _ALPHA) * _EPS, **rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(_W * _EPS / (1 + _W), (1 - _ALPHA) * _EPS, **rel)),),
    equality=Equality(
        "one residual layer, value map 4, outside mass 1/10: outside tokens have 2/25 of the output's derivatives along values, "
        "and 1/20 of the rollout with alpha = 1/2"
    ),
    source=SOURCE,
    kind="counterexample",
)

overstates = Theorem(
    name="schedule.rollout_overstates",
    title="Rollout is not information flow: it can be greater",
    claim=sp.Gt(HALF, ZERO, **rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(HALF, ZERO, **rel)),),
    equality=Equality(
        "uniform attention over two tokens and the value map 0: rollout leaks 1/2, and no derivative leaves the token"
    ),
    source=SOURCE,
    kind="counterexample",
)

ROLLOUT: tuple[Theorem, ...] = (
    rollout, sum_bound, uniform, residual, vacuous, monotone, understates, overstates,
)  # fmt: skip
LEMMAS = (weighted_floor,)
