"""The value path: how much of an output comes, through the values, from tokens outside the block. Statements of the family `schedule`.

    x_i <- x_i + sum_j a_ij W_l x_j,    |W_l| <= w_l (spectral norm),    outside mass <= eps_l

Attention weights are taken as they are: derivatives along the values only. Through the scores more can flow
(`schedule.attention_path`).
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.schedule_formulas import value_path_bound
from theory.schedule_rollout import AT_MOST_ONE, FRACTION, GREATEST, KEEPS, ONE, TWO, ZERO, eq, product_of, rel
from theory.steps import Cite, Combine, Induction, Manifest, Step
from theory.symbols import (
    depth,
    eps_at,
    eps_greatest,
    flow_out,
    flow_share,
    grow,
    grow_at,
    k_step,
    keep_at,
    leak_sum,
    out_at,
    phi_low,
    row_at,
    stay,
    stay_at,
    stays,
    sum_at,
    value_gain,
    value_greatest,
    w_at,
    whole_at,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

SOURCE = "2511.18375: localisation that grows with depth, information that stays in the block"
_HALF = sp.Rational(1, 2)
_next = k_step + 1
_e, _w = eps_at[k_step], w_at[k_step]

# --- what one layer does to norms -------------------------------------------------------------------------------------

_u, _v, _r, _g, _z, _o = sp.symbols("_u _v _r _g _z _o", nonnegative=True)
path_total = Lemma(
    "path_total",
    sp.Le(_u, (1 + _g) * _z, **rel),
    attained={_u: 2, _g: 1, _z: 1},
    reason="u = |x_i + sum of a_j W x_j|, the a_j of a row add up to 1, |W| = g, every |x_j| <= z; sums of such norms in place of "
    "norms: the triangle inequality, and |W M| <= |W| |M|.",
)
path_outside = Lemma(
    "path_outside",
    sp.Le(_u, _v + _g * ((1 - _r) * _v + _r * _z) + _o * _z, **rel),
    attained={_u: 2, _v: 1, _g: 1, _r: 0, _z: 1, _o: 0},
    reason="the same of parts of vectors (or sums over tokens outside): parts of in-block x_j at most v, of the others z, a row with "
    "outside mass r, and W a block-diagonal form of norm at most g plus one of norm o; off-block parts of W x for x in the block come "
    "from off-block parts through the first form.",
)


def layers_are() -> dict[str, Relational]:
    """What the layers are: the worst row of each, and the row in which the next leak is greatest."""
    return FRACTION | {
        "row is": sp.Le(row_at[k_step], _e, **rel),
        "part of whole": sp.Le(out_at[k_step], whole_at[k_step], **rel),
    }


GROWTH = product_of(1 + _w, grow_at, grow)
STAYS = product_of(1 + _w * (1 - _e), keep_at, stays)
TOTAL = Cite("layer, whole", path_total, {_u: whole_at[_next], _g: _w, _z: whole_at[k_step]})


def outside(value_leak: sp.Expr) -> Cite:
    """What one layer does to the part outside, when the off-block part of its value map has norm `value_leak`."""
    return Cite(
        "layer, outside", path_outside,
        {_u: out_at[_next], _v: out_at[k_step], _g: _w, _r: row_at[k_step], _z: whole_at[k_step], _o: value_leak},
    )  # fmt: skip


def whole(start: sp.Expr, at: sp.Expr) -> Induction:
    """Whole <= start * grow in the state `at`."""
    exact = start == ONE  # then the first state is an equation, and its weight has the other sign
    return Induction(
        "whole", sp.Le(whole_at[k_step], start * grow_at[k_step], **rel),
        (
            Combine(
                "state 0", sp.Le(whole_at[0], start * grow_at[0], **rel),
                {"whole at 0": -ONE if exact else ONE, "grow starts": start},
            ),
        ),
        (
            Combine(
                "next state", sp.Le(whole_at[_next], start * grow_at[_next], **rel),
                {"layer, whole": ONE, "whole.at": 1 + _w, "grow goes on": start},
            ),
        ),
        at,
    )  # fmt: skip


def inductions(start: sp.Expr, start_out: sp.Expr, in_block: dict[str, sp.Expr]) -> tuple[Step, ...]:
    """Whole <= start * grow, and outside <= start * grow - (start - start_out) * keep, after every number of layers."""
    bound = {k: start * grow_at[k] - (start - start_out) * keep_at[k] for k in (ZERO, k_step, _next)}
    sign = -ONE if start == ONE else ONE
    return (
        whole(start, k_step),
        Manifest("factor", sp.Ge(1 + _w * (1 - _e), 0, **rel)),
        Induction(
            "outside", sp.Le(out_at[k_step], bound[k_step], **rel),
            (
                Combine(
                    "start", sp.Le(out_at[0], bound[ZERO], **rel),
                    {"outside at 0": sign, "grow starts": start, "held starts": -(start - start_out)},
                ),
            ),
            (
                Combine(
                    "more mass", sp.Le(out_at[_next], out_at[k_step] * (1 + _w * (1 - _e)) + _w * _e * whole_at[k_step], **rel),
                    {"layer, outside": ONE, "row is": _w * (whole_at[k_step] - out_at[k_step])} | in_block,
                ),
                Combine(
                    "after", sp.Le(out_at[_next], bound[_next], **rel),
                    {
                        "more mass": ONE, "outside.at": 1 + _w * (1 - _e), "whole": _w * _e,
                        "grow goes on": start, "held goes on": -(start - start_out),
                    },
                ),
            ),
            depth,
        ),
    )  # fmt: skip


FLOW = layers_are() | GROWTH | STAYS | {
    "whole at 0": eq(whole_at[0], 1),  # the identity
    "outside at 0": eq(out_at[0], 0),
    "flow is": eq(flow_out, out_at[depth]),
}  # fmt: skip
_FLOW_STEPS = (*AT_MOST_ONE, TOTAL, outside(ZERO), *inductions(ONE, ZERO, {}))

value_path = Theorem(
    name="schedule.value_path",
    title="What flows into the block along the values",
    claim=sp.Le(flow_out, grow - stays, **rel),
    assumes={},
    definitions=FLOW,
    steps=(
        *_FLOW_STEPS,
        Combine(
            "claim", sp.Le(flow_out, grow - stays, **rel), {"flow is": -ONE, "outside": ONE, "grow is": ONE, "held is": -ONE}
        ),
    ),
    equality=Equality(
        "scalar tokens, values scaled by w_l, an absorbing outside, outside mass eps_l in every row", {flow_out: grow - stays}
    ),
    source=SOURCE,
)

_lost = _e * _w / (1 + _w)
SHARE = {"share is": eq(flow_share * grow, flow_out)}
RELATIVE = product_of(1 - _lost)
relative = Theorem(
    name="schedule.value_path_relative",
    title="The same as a share of all that can flow",
    claim=sp.Le(flow_share, 1 - stay, **rel),
    assumes={},
    definitions=FLOW | SHARE | RELATIVE,
    steps=(
        Induction(
            "held is a share", eq(keep_at[k_step], grow_at[k_step] * stay_at[k_step]),
            (
                Combine(
                    "state 0", eq(keep_at[0], grow_at[0] * stay_at[0]),
                    {"held starts": ONE, "grow starts": -stay_at[0], "stay starts": -ONE},
                ),
            ),
            (
                Combine(
                    "next state", eq(keep_at[_next], grow_at[_next] * stay_at[_next]),
                    {
                        "held goes on": ONE, "held is a share.at": 1 + _w * (1 - _e),
                        "grow goes on": -stay_at[_next], "stay goes on": -(1 + _w) * grow_at[k_step],
                    },
                ),
            ),
            depth,
        ),
        Cite("flow", value_path, {}),
        Combine(
            "claim", sp.Le(flow_share, 1 - stay, **rel),
            {
                "flow": 1 / grow, "share is": -1 / grow, "held is": ONE / grow, "held is a share": ONE / grow,
                "grow is": -stay_at[depth] / grow, "stay is": -ONE,
            },
        ),
    ),
    equality=Equality("as for `schedule.value_path`", {flow_share: 1 - stay}),
    uses=(value_path,),
    source=SOURCE,
)  # fmt: skip

SHARES = {
    "sum starts": eq(sum_at[0], 0),
    "sum goes on": eq(sum_at[_next], sum_at[k_step] + _lost),
    "sum is": eq(leak_sum, sum_at[depth]),
}
DROPS = (
    Manifest("lost", sp.Ge(_lost, 0, **rel)),
    Induction(
        "at most 1", sp.Le(stay_at[k_step], 1, **rel),
        (Combine("first", sp.Le(stay_at[0], 1, **rel), {"stay starts": -ONE}),),
        (Combine("then", sp.Le(stay_at[_next], 1, **rel), {"stay goes on": -ONE, "at most 1.at": ONE, "lost": stay_at[k_step]}),),
        k_step,
    ),
    Induction(
        "sums", sp.Ge(stay_at[k_step], 1 - sum_at[k_step], **rel),
        (Combine("state 0", sp.Ge(stay_at[0], 1 - sum_at[0], **rel), {"stay starts": ONE, "sum starts": ONE}),),
        (
            Combine(
                "next state", sp.Ge(stay_at[_next], 1 - sum_at[_next], **rel),
                {"stay goes on": ONE, "sums.at": ONE, "sum goes on": ONE, "at most 1": _lost},
            ),
        ),
        depth,
    ),
)  # fmt: skip
linear_bound = Theorem(
    name="schedule.value_path_sum",
    title="The share is at most the sum of eps_l w_l/(1 + w_l)",
    claim=sp.Le(flow_share, leak_sum, **rel),
    assumes={},
    definitions=FLOW | SHARE | RELATIVE | SHARES,
    steps=(
        *AT_MOST_ONE,
        *DROPS,
        Cite("product", relative, {}),
        Combine("claim", sp.Le(flow_share, leak_sum, **rel), {"product": ONE, "stay is": ONE, "sums": ONE, "sum is": ONE}),
    ),
    equality=Equality("as for `schedule.value_path`, one layer only having outside mass", {flow_share: leak_sum}),
    uses=(relative,),
    source=SOURCE,
)

_factor = (1 + value_gain * phi_low) / (1 + value_gain)
uniform = Theorem(
    name="schedule.value_path_uniform",
    title="The share of layers with bounds in common",
    claim=sp.Le(flow_share, value_path_bound.stated, **rel),
    assumes={
        "bounded": KEEPS,
        "values": Hypothesis(
            sp.Le(value_greatest, value_gain, **rel), "every value map has spectral norm at most w",
            "Hold the value maps in a ball, or measure their norms.",
        ),
        "share": Hypothesis(sp.Le(phi_low, 1, **rel), "phi_L is a share: at most 1", "Claim phi_L <= 1."),
    },
    definitions=FLOW | SHARE | RELATIVE | GREATEST | {"greatest w is": sp.Le(_w, value_greatest, **rel)},
    steps=(
        *AT_MOST_ONE,
        Combine("each", sp.Ge(1 - _e, phi_low, **rel), {"bounded": ONE, "greatest is": ONE}),
        Combine("each w", sp.Le(_w, value_gain, **rel), {"greatest w is": ONE, "values": ONE}),
        # 1 - eps w/(1 + w) falls in eps and, where eps <= 1 - phi, by no more than its value at w_L
        Combine(
            "each factor", sp.Ge(1 - _lost, _factor, **rel),
            {"each": _w / (1 + _w), "each w": (1 - phi_low) / ((1 + _w) * (1 + value_gain))},
        ),
        Induction(
            "powers", sp.Ge(stay_at[k_step], _factor**k_step, **rel),
            (Combine("state 0", sp.Ge(stay_at[0], ONE, **rel), {"stay starts": ONE}),),
            (
                Combine(
                    "next state", sp.Ge(stay_at[_next], _factor**_next, **rel),
                    {"stay goes on": ONE, "each factor": stay_at[k_step], "powers.at": _factor},
                ),
            ),
            depth,
        ),
        Cite("product", relative, {}),
        Combine("claim", sp.Le(flow_share, value_path_bound.stated, **rel), {"product": ONE, "stay is": ONE, "powers": ONE}),
    ),
    equality=Equality("as for `schedule.value_path`, every layer with 1 - phi_L and w", {flow_share: value_path_bound.stated}),
    needs={
        "bounded": Witness(
            {depth: ONE, phi_low: sp.Rational(3, 4), eps_greatest: _HALF,
             value_gain: ONE, value_greatest: ONE, flow_share: sp.Rational(1, 4)},
            text="one layer of outside mass 1/2 and w = 1: share 1/4, above 1/8",
        ),
        "values": Witness(
            {depth: ONE, phi_low: _HALF, eps_greatest: _HALF,
             value_gain: ONE, value_greatest: sp.Integer(3), flow_share: sp.Rational(3, 8)},
            text="one layer of outside mass 1/2 whose value map is 3: share 3/8, above 1/4",
        ),
    },
    free={"share": "a share above 1 is none, and no layer keeps that much"},
    uses=(relative,),
    source=SOURCE,
)  # fmt: skip

_A12, _A11, _GAIN = sp.Rational(1, 4), sp.Rational(3, 4), TWO
attention_path = Theorem(
    name="schedule.attention_path",
    title="Through the scores more can flow than along the values",
    claim=sp.Gt(_A12 * (1 + _A11 * _GAIN), _A12, **rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(_A12 * (1 + _A11 * _GAIN), _A12, **rel)),),
    equality=Equality(
        "tokens 1 (in) and 3 (out), content x_i x_j, value map 1, dial 2 + ln 3: the outside token has weight 1/4, the bound of the "
        "value path; moving it also moves its score, and the derivative of the output is 1/4 (1 + 3/4 * 2) = 5/8"
    ),
    source=SOURCE,
    kind="counterexample",
)

VALUES: tuple[Theorem, ...] = (value_path, relative, linear_bound, uniform, attention_path)
LEMMAS = (path_total, path_outside)
