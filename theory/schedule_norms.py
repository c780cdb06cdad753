"""Norms and off-block parts after a stack, the margin that the next layer is left with, and the stack along the dial.

    x_i <- x_i + sum_j a_ij W_l x_j,    |W_l| <= w_l (spectral norm),    outside mass <= eps_l

Statements of the family `schedule`; those about off-block parts ask for block-diagonal value maps.
"""

from __future__ import annotations

import sympy as sp

from theory import blocks_leak, lemmas
from theory.lemmas import bilinear_form, exp_tangent
from theory.schedule_rollout import AT_MOST_ONE, ONE, TWO, ZERO, eq, rel
from theory.schedule_values import (
    DROPS,
    GROWTH,
    RELATIVE,
    SHARES,
    SOURCE,
    STAYS,
    TOTAL,
    inductions,
    layers_are,
    outside,
    relative,
    whole,
)
from theory.steps import Cite, Combine, Induction, Manifest
from theory.symbols import (
    B,
    beta,
    cross_score,
    delta,
    depth,
    dial,
    dial_other,
    grow,
    k_step,
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
    rho_A,
    spread_at,
    spread_start,
    stay_at,
    stays,
    tau,
    top_out,
    value_gain,
    value_greatest,
    value_off,
    whole_at,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

_u, _v, _g, _z = sp.symbols("_u _v _g _z", nonnegative=True)
_HALF = sp.Rational(1, 2)
_next = k_step + 1

BLOCK_VALUES = Hypothesis(
    sp.Eq(value_off, 0, **rel),
    "the value maps are block diagonal",
    "Penalise the off-block groups of the value map too, or zero them.",
)
NORMS = layers_are() | GROWTH | {
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
        TOTAL,
        whole(norm_start, depth),
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
        *AT_MOST_ONE,
        TOTAL,
        outside(value_off),
        *inductions(norm_start, off_start, {"block values": -whole_at[k_step]}),
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
        *AT_MOST_ONE,
        *DROPS,
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

NORMS_AND_OUTPUTS: tuple[Theorem, ...] = (full_norm, off_block, off_block_share, next_margin, network)
LEMMAS = (_move, _shrink)
