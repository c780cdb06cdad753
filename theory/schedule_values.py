"""The value path: how much of an output comes, through the values, from tokens outside the block. Statements of the family `schedule`.

    x_i <- x_i + sum_j a_ij W_l x_j,    |W_l| <= w_l (spectral norm),    outside mass <= eps_l

Attention weights are taken as they are: derivatives along the values only. Through the scores more can flow
(`schedule.attention_path`).
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory import blocks_leak, lemmas
from theory.lemmas import bilinear_form, exp_tangent
from theory.schedule_formulas import value_path_bound
from theory.schedule_rollout import GREATEST, KEEPS, ONE, TWO, ZERO, eq, product_of, rel
from theory.steps import Cite, Combine, Induction, Manifest, Step
from theory.symbols import (
    B,
    beta,
    cross_score,
    delta,
    depth,
    dial,
    dial_other,
    eps_at,
    eps_greatest,
    flow_out,
    flow_share,
    grow,
    grow_at,
    k_step,
    keep_at,
    leak_sum,
    low_in,
    margin,
    moved_by_at,
    norm_after,
    norm_start,
    off_after,
    off_norm,
    off_start,
    out_at,
    output_gap,
    phi_low,
    rho_A,
    row_at,
    spread_at,
    spread_start,
    stay,
    stay_at,
    stays,
    sum_at,
    tau,
    top_out,
    value_gain,
    value_greatest,
    value_off,
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


def _flow() -> dict[str, Relational]:
    """What the layers are: bounds, and the greatest row of each."""
    return {
        "eps is": sp.Le(_e, 1, **rel),
        "row is": sp.Le(row_at[k_step], _e, **rel),
        "part of whole": sp.Le(out_at[k_step], whole_at[k_step], **rel),
    }


GROWTH = product_of(1 + _w, grow_at, grow)
STAYS = product_of(1 + _w * (1 - _e), keep_at, stays)
_TOTAL = Cite("layer, whole", path_total, {_u: whole_at[_next], _g: _w, _z: whole_at[k_step]})


def _outside(value_leak: sp.Expr) -> Cite:
    return Cite(
        "layer, outside", path_outside,
        {_u: out_at[_next], _v: out_at[k_step], _g: _w, _r: row_at[k_step], _z: whole_at[k_step], _o: value_leak},
    )  # fmt: skip


def _whole(start: sp.Expr, at: sp.Expr) -> Induction:
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


def _inductions(start: sp.Expr, start_out: sp.Expr, in_block: dict[str, sp.Expr]) -> tuple[Step, ...]:
    """Whole <= start * grow, and outside <= start * grow - (start - start_out) * keep, after every number of layers."""
    bound = {k: start * grow_at[k] - (start - start_out) * keep_at[k] for k in (ZERO, k_step, _next)}
    sign = -ONE if start == ONE else ONE
    return (
        _whole(start, k_step),
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


FLOW = _flow() | GROWTH | STAYS | {
    "whole at 0": eq(whole_at[0], 1),  # the identity
    "outside at 0": eq(out_at[0], 0),
    "flow is": eq(flow_out, out_at[depth]),
}  # fmt: skip
_FLOW_STEPS = (_TOTAL, _outside(ZERO), *_inductions(ONE, ZERO, {}))

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
_DROPS = (
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
        *_DROPS,
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

# --- off-block parts, and the margin of the next layer ----------------------------------------------------------------

BLOCK_VALUES = Hypothesis(
    sp.Eq(value_off, 0, **rel),
    "the value maps are block diagonal",
    "Penalise the off-block groups of the value map too, or zero them.",
)
NORMS = _flow() | GROWTH | {
    "whole at 0": sp.Le(whole_at[0], norm_start, **rel),
    "B_L is": eq(norm_after, whole_at[depth]),
}  # fmt: skip
OFF_BLOCK = NORMS | STAYS | {
    "outside at 0": sp.Le(out_at[0], off_start, **rel),
    "delta_L is": eq(off_after, out_at[depth]),
}  # fmt: skip
_NORM_BOUND = norm_start * grow
_OFF_BOUND = norm_start * grow - (norm_start - off_start) * stays

full_norm = Theorem(
    name="schedule.full_norm",
    title="Norms of tokens grow by 1 + w_l a layer",
    claim=sp.Le(norm_after, _NORM_BOUND, **rel),
    assumes={},
    definitions=NORMS,
    steps=(
        _TOTAL,
        _whole(norm_start, depth),
        Combine("claim", sp.Le(norm_after, _NORM_BOUND, **rel), {"B_L is": -ONE, "whole": ONE, "grow is": norm_start}),
    ),
    equality=Equality("equal tokens that every value map stretches by w_l", {norm_after: _NORM_BOUND}),
    source=SOURCE,
)

off_block = Theorem(
    name="schedule.off_block",
    title="Off-block parts after a stack of layers",
    claim=sp.Le(off_after, _OFF_BOUND, **rel),
    assumes={"block values": BLOCK_VALUES},
    definitions=OFF_BLOCK,
    steps=(
        _TOTAL,
        _outside(value_off),
        *_inductions(norm_start, off_start, {"block values": -whole_at[k_step]}),
        Combine(
            "claim", sp.Le(off_after, _OFF_BOUND, **rel),
            {"delta_L is": -ONE, "outside": ONE, "grow is": norm_start, "held is": -(norm_start - off_start)},
        ),
    ),
    equality=Equality(
        "no leak at first, W_l = w_l, in-block tokens along one direction, tokens outside along another and attending outside only",
        {off_after: _OFF_BOUND},
    ),
    needs={
        "block values": Witness(
            {norm_start: ONE, off_start: ZERO, off_after: ONE, grow: TWO, stays: TWO, value_off: ONE},
            text="one layer without outside mass, whose value map of norm 1 sends the block's direction to another block's",
        )
    },
    source=SOURCE,
)  # fmt: skip

_share_off = off_after / (norm_start * grow)
off_block_share = Theorem(
    name="schedule.off_block_share",
    title="Off-block parts as a share of the norm bound: at most what was there plus the sum of eps_l w_l/(1 + w_l)",
    claim=sp.Le(_share_off, off_start / norm_start + leak_sum, **rel),
    assumes={
        "block values": BLOCK_VALUES,
        "leak": Hypothesis(
            sp.Le(off_start, norm_start, **rel), "the off-block part is at most as long as the token",
            "Take the norm of whole tokens for B_0.",
        ),
    },
    definitions=OFF_BLOCK | RELATIVE | SHARES,
    steps=(
        *_DROPS,
        relative.steps[0],
        Cite("off", off_block, {}, {"block values": "block values"}),
        Combine(
            "at the end", sp.Ge(stays, grow * (1 - leak_sum), **rel),
            {
                "held is": ONE, "held is a share": ONE, "grow is": -stay_at[depth], "sums": grow, "sum is": grow,
            },
        ),
        Combine(
            "most", sp.Le(_share_off, 1 - (norm_start - off_start) * stays / (norm_start * grow), **rel),
            {"off": 1 / (norm_start * grow)},
        ),
        Manifest("no leak is negative", sp.Ge(off_start * leak_sum / norm_start, 0, **rel)),
        Combine(
            "claim", sp.Le(_share_off, off_start / norm_start + leak_sum, **rel),
            {
                "most": ONE, "at the end": (norm_start - off_start) / (norm_start * grow), "no leak is negative": ONE,
            },
        ),
    ),
    equality=Equality(
        "no outside mass, W_l = w_l; without a leak at first also one layer with outside mass, as for `schedule.off_block`",
        {leak_sum: ZERO, off_after: off_start * grow},
    ),
    needs={
        "block values": Witness(
            {norm_start: ONE, off_start: ZERO, off_after: ONE, grow: TWO, leak_sum: ZERO, value_off: ONE},
            text="one layer without outside mass, whose value map of norm 1 sends the block's direction to another block's",
        ),
    },
    free={"leak": "a part of a token is no longer than the token; larger numbers bound nothing"},
    uses=(off_block,),
    source=SOURCE,
)  # fmt: skip

_AT_LAYER = {B: norm_after, delta: off_after}
_f_in, _f_off, _in_score = sp.symbols("f_in f_in_off in_score", real=True)  # the in-block key of least score, its forms
_form, _long_q, _long_k = sp.symbols(
    "A_diag long_q long_k", nonnegative=True
)  # block-diagonal part of A; query and that key, whole
_MARGIN = beta * dial - rho_A * (_NORM_BOUND**2 + 2 * _NORM_BOUND * _OFF_BOUND) / tau
NEXT_ROW = {key: fact.subs(_AT_LAYER, simultaneous=True) for key, fact in blocks_leak.leak.definitions.items()} | {
    "diagonal form": sp.Le(_form, rho_A, **rel),
    "query": sp.Le(_long_q, norm_after, **rel),
    "in-block key": sp.Le(_long_k, norm_after, **rel),
    "in-block score is": eq(tau * _in_score, _f_in + _f_off),
    "low in is": eq(low_in, _in_score + beta * dial),
    "top out is": eq(top_out, cross_score),
    "margin is": eq(margin, low_in - top_out),
    "off part is a part": sp.Le(off_after, norm_after, **rel),
}
next_margin = Theorem(
    name="schedule.next_margin",
    title="The margin that the next layer is left with",
    claim=sp.Ge(margin, _MARGIN, **rel),
    assumes={"extinct": blocks_leak.EXTINCT, "block values": BLOCK_VALUES},
    definitions=NEXT_ROW | OFF_BLOCK,
    steps=(
        Cite("norm", full_norm, {}),
        Cite("off", off_block, {}, {"block values": "block values"}),
        Cite("across", blocks_leak.leak, _AT_LAYER, {"extinct": "extinct", "leak": "off part is a part"}),
        Manifest("score below", sp.Le(cross_score, sp.Abs(cross_score), **rel)),
        # in the block a whole key is met by a whole query: at least -rho_A B^2, leak or not
        Cite("form", bilinear_form, {lemmas.p: -_f_in, lemmas.u: _form, lemmas.v: _long_q, lemmas.w: _long_k}),
        Cite("off form", bilinear_form, {lemmas.p: -_f_off, lemmas.u: off_norm, lemmas.v: _long_q, lemmas.w: _long_k}),
        Combine(
            "in the block", sp.Ge(_in_score, -rho_A * norm_after**2 / tau, **rel),
            {
                "in-block score is": 1 / tau, "form": 1 / tau, "off form": 1 / tau, "extinct": -_long_q * _long_k / tau,
                "diagonal form": _long_q * _long_k / tau, "query": rho_A * _long_k / tau, "in-block key": rho_A * norm_after / tau,
            },
        ),
        Combine(
            "at measured norms",
            sp.Ge(margin, beta * dial - rho_A * (norm_after**2 + 2 * norm_after * off_after) / tau, **rel),
            {
                "margin is": ONE, "low in is": ONE, "top out is": -ONE, "score below": ONE, "across": ONE, "in the block": ONE,
            },
        ),
        Manifest("sizes", sp.Ge(off_after, 0, **rel)),
        Combine("off bound", sp.Ge(_OFF_BOUND, 0, **rel), {"off": ONE, "sizes": ONE}),
        Combine(
            "claim", sp.Ge(margin, _MARGIN, **rel),
            {
                "at measured norms": ONE, "norm": rho_A * (_NORM_BOUND + norm_after + 2 * off_after) / tau,
                "off": 2 * rho_A * _NORM_BOUND / tau,
            },
        ),
    ),
    equality=Equality(
        "all w_l = 0, no leak: query (B_0, 0), in-block key (-B_0, 0), outside key (0, B_0), every A_c = rho_A of rank one",
        {margin: beta * dial - rho_A * norm_start**2 / tau, off_start: ZERO, grow: ONE, stays: ONE},
    ),
    needs={
        "extinct": Witness(
            {
                margin: -sp.Integer(25), off_norm: ONE, value_off: ZERO, norm_start: sp.Integer(5), off_start: ZERO,
                rho_A: ZERO, tau: ONE, beta: ONE, dial: ZERO, grow: ONE, stays: ONE,
            },
            text="all w_l = 0, A^(1,2) = 1 alone is alive, query (5, 0), outside key (0, 5)",
        ),
        "block values": Witness(
            {
                margin: -sp.Rational(24, 5), off_norm: ZERO, value_off: sp.Rational(3, 5), norm_start: ONE, off_start: ZERO,
                rho_A: ONE, tau: ONE, beta: ONE, dial: ZERO, grow: TWO, stays: TWO,
            },
            text="one layer without outside mass and the value map ((4, 3), (3, -4))/5, then A = 1: query (1, 0), in-block key "
            "(-1, 0), outside key (0, 1) become (9, 3)/5, -(9, 3)/5, (3, 1)/5: margin -24/5 < -4",
        ),
    },
    uses=(full_norm, off_block, blocks_leak.leak),
    source="2510.09338: threshold conditions of concentration, for every layer",
)  # fmt: skip

# --- the whole stack along the dial ------------------------------------------------------------------------------------

_turn = beta * sp.Abs(dial - dial_other) / 2
_TURN = (sp.exp(_turn) - 1) / (sp.exp(_turn) + 1)  # tanh(beta |d - d'|/4)
_move = Lemma(
    "layer_moves",
    sp.Le(_u, (1 + _g) * _v + _g * _z * _TURN, **rel),
    attained={_u: 2, _g: 1, _v: 1, _z: 0},
    reason="u = |change of x_i + W sum of a_ij x_j| between two settings, content scores stored, so that the weights do not depend on "
    "the tokens: the same weights on tokens that moved by at most v give (1 + |W|) v; other weights on the same tokens, of diameter z, "
    "give |W| times `dial.continuity`.",
)
_shrink = Lemma(
    "layer_spreads",
    sp.Le(_u, (1 + _g) * _z, **rel),
    attained={_u: 2, _g: 1, _z: 1},
    reason="u = |x_i - x_k + W (mean of x - mean of x)|, every |x_j - x_l| <= z, |W| <= g: two means of points are no further apart.",
)
_w1 = 1 + value_gain
_moved_bound = depth * value_gain * spread_start * _TURN * _w1**depth / _w1
network = Theorem(
    name="schedule.continuity",
    title="With stored content scores the whole stack is continuous in the dial",
    claim=sp.Le(output_gap, _moved_bound, **rel),
    assumes={
        "values": Hypothesis(
            sp.Le(value_greatest, value_gain, **rel), "every value map has spectral norm at most w",
            "Hold the value maps in a ball, or measure their norms.",
        )
    },
    definitions={
        "no change": eq(moved_by_at[0], 0),
        "tokens": sp.Le(spread_at[0], spread_start, **rel),
        "change is": eq(output_gap, moved_by_at[depth]),
    },
    steps=(
        Cite("spreads", _shrink, {_u: spread_at[_next], _g: value_greatest, _z: spread_at[k_step]}),
        Cite("moves", _move, {_u: moved_by_at[_next], _g: value_greatest, _v: moved_by_at[k_step], _z: spread_at[k_step]}),
        Induction(
            "spread", sp.Le(spread_at[k_step], spread_start * _w1**k_step, **rel),
            (Combine("state 0", sp.Le(spread_at[0], spread_start, **rel), {"tokens": ONE}),),
            (
                Combine(
                    "next spread", sp.Le(spread_at[_next], spread_start * _w1**_next, **rel),
                    {"spreads": ONE, "values": spread_at[k_step], "spread.at": _w1},
                ),
            ),
            k_step,
        ),
        Cite("tangent", exp_tangent, {lemmas.p: _turn}),
        Manifest("half angle", sp.Ge(_turn, 0, **rel)),
        Combine("turn at least 1", sp.Ge(sp.exp(_turn), 1, **rel), {"tangent": ONE, "half angle": ONE}),
        Manifest("turn", sp.Ge(_TURN, 0, **rel), form=(sp.exp(_turn) - 1) / (sp.exp(_turn) + 1)),
        Induction(
            "moved", sp.Le(moved_by_at[k_step] * _w1, k_step * value_gain * spread_start * _TURN * _w1**k_step, **rel),
            (Combine("start", sp.Le(moved_by_at[0] * _w1, ZERO, **rel), {"no change": -_w1}),),
            (
                Combine(
                    "next change",
                    sp.Le(moved_by_at[_next] * _w1, _next * value_gain * spread_start * _TURN * _w1**_next, **rel),
                    {
                        "moves": _w1, "values": _w1 * (moved_by_at[k_step] + spread_at[k_step] * _TURN), "moved.at": _w1,
                        "spread": _w1 * value_gain * _TURN,
                    },
                ),
            ),
            depth,
        ),
        Combine("claim", sp.Le(output_gap, _moved_bound, **rel), {"change is": -ONE, "moved": 1 / _w1}),
    ),
    equality=Equality(
        "one layer: the equality case of `dial.continuity` with values of norm w |x|",
        {depth: ONE, output_gap: value_gain * spread_start * _TURN},
    ),
    needs={
        "values": Witness(
            {
                depth: ONE, value_gain: ZERO, value_greatest: ONE, spread_start: ONE, beta: ONE, dial: ONE, dial_other: ZERO,
                output_gap: sp.Rational(1, 5),
            },
            text="a value map of norm 1 that is said to be 0: the output moves",
        )
    },
    source="2510.09338: continuous interpolation, for a stack of layers",
)  # fmt: skip

VALUES: tuple[Theorem, ...] = (
    value_path, relative, linear_bound, uniform, attention_path, full_norm, off_block, off_block_share, next_margin, network,
)  # fmt: skip
LEMMAS = (path_total, path_outside, _move, _shrink)
