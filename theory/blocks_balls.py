"""The margin on whole-matrix Frobenius balls: sharper than the one from bounds on the block forms, and attained for every leak.

    bilinear: margin >= beta d - rho_A (B + delta) sqrt(B^2 + delta^2)/tau
    query/key: margin >= beta d - rho_Q rho_K B (B + delta)/tau

A ball holds all blocks together: what one form takes, another lacks. (B + delta)^2 in both places is right for a bound on each
form (`blocks.margin_bilinear`), and on the ball of a whole matrix it is attained only for delta = 0.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory import lemmas
from theory.blocks_leak import EXTINCT, LEAK
from theory.blocks_margin import EXTINCT_QK, form_extinct, product, query_key
from theory.lemmas import bilinear_form, block_diagonal
from theory.steps import Apply, Cite, Combine, Manifest, Step
from theory.symbols import B, beta, delta, dial, low_in, margin, off_K, off_norm, off_Q, rho_A, rho_K, rho_Q, tau, top_out
from theory.theorem import Equality, Theorem, Witness

_rel = {"evaluate": False}
_zero, _one, _two = sp.Integer(0), sp.Integer(1), sp.Integer(2)
_r = sp.Symbol("r", nonnegative=True)
_f_own, _f_off = sp.symbols("f_own f_off", real=True)  # x_i' A (x_j - x_k): block forms, and the off-block part
# Norms of token parts of query, in-block key and outside key; greatest parts of query, outside key and key difference.
_own_q, _off_q, _own_j, _off_j, _own_k, _off_k, _top_q, _top_k, _top_gap, _whole_q, _whole_gap = sp.symbols(
    "own_q off_q own_j off_j own_k off_k top_q top_k top_gap whole_q whole_gap", nonnegative=True
)
_norm_a, _image_q, _image_gap = sp.symbols("norm_A image_q image_gap", nonnegative=True)
_size_q, _size_k = sp.symbols("norm_Q norm_K", nonnegative=True)  # as in `query_key`

_parts: dict[str, Relational] = {
    "content is": sp.Eq(tau * (low_in - beta * dial - top_out), _f_own + _f_off, **_rel),
    "margin is": sp.Eq(margin, low_in - top_out, **_rel),
    "own part of query": sp.Le(_own_q, B, **_rel),
    "off part of query": sp.Le(_off_q, delta, **_rel),
    "own part of in-block key": sp.Le(_own_j, B, **_rel),
    "off part of in-block key": sp.Le(_off_j, delta, **_rel),
    "own part of outside key": sp.Le(_own_k, B, **_rel),
    "off part of outside key": sp.Le(_off_k, delta, **_rel),
    "parts of query": sp.Le(_top_q, sp.Max(_own_q, _off_q), **_rel),
    "parts of outside key": sp.Le(_top_k, sp.Max(_own_k, _off_k), **_rel),
    # on the query's block, and on any other
    "parts of the difference": sp.Le(_top_gap, sp.Max(_own_j + _off_k, _off_j + _top_k), **_rel),
}
_gap_within: tuple[Step, ...] = (
    Combine("off at most B, outside", sp.Le(_off_k, B, **_rel), {"off part of outside key": _one, "leak": _one}),
    Manifest("greater, outside", sp.Le(sp.Max(_own_k, _off_k), B, **_rel)),
    Combine("outside key within", sp.Le(_top_k, B, **_rel), {"parts of outside key": _one, "greater, outside": _one}),
    Combine(
        "on the block",
        sp.Le(_own_j + _off_k, B + delta, **_rel),
        {"own part of in-block key": _one, "off part of outside key": _one},
    ),
    Combine(
        "elsewhere", sp.Le(_off_j + _top_k, B + delta, **_rel), {"off part of in-block key": _one, "outside key within": _one}
    ),
    Manifest("greater, difference", sp.Le(sp.Max(_own_j + _off_k, _off_j + _top_k), B + delta, **_rel)),
    Combine(
        "difference within", sp.Le(_top_gap, B + delta, **_rel), {"parts of the difference": _one, "greater, difference": _one}
    ),
    Cite("off form", bilinear_form, {lemmas.p: -_f_off, lemmas.u: off_norm, lemmas.v: _whole_q, lemmas.w: _whole_gap}),
)


def _to_claim(bound: sp.Expr) -> Combine:
    """From `own form`, -f_own <= tau (beta d - bound), to margin >= bound."""
    return Combine(
        "claim",
        sp.Ge(margin, bound, **_rel),
        {
            "margin is": _one,
            "content is": 1 / tau,
            "own form": 1 / tau,
            "off form": 1 / tau,
            "extinct": -_whole_q * _whole_gap / tau,
        },
    )


_root = sp.sqrt(B**2 + delta**2)
_on_ball = beta * dial - rho_A * (B + delta) * _root / tau
_ball = {B: _one, delta: _zero, rho_A: _one, tau: _one, beta: _one, dial: _zero, off_norm: _zero}
margin_on_ball = Theorem(
    name="blocks.margin_ball",
    title="Guaranteed margin of a bilinear layer whose whole form lies in a ball",
    claim=sp.Ge(margin, _on_ball, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK},
    definitions=_parts
    | {
        "A in its ball": sp.Le(_norm_a, rho_A, **_rel),
        "whole query is": sp.Eq(_whole_q**2, _own_q**2 + _off_q**2, **_rel),
    },
    steps=(
        *_gap_within,
        Cite("image", block_diagonal, {lemmas.p: _image_gap, lemmas.v: _norm_a, lemmas.w: _top_gap}),
        Cite("form", bilinear_form, {lemmas.p: -_f_own, lemmas.u: _one, lemmas.v: _whole_q, lemmas.w: _image_gap}),
        Combine(
            "square of query",
            sp.Le(_whole_q**2, B**2 + delta**2, **_rel),
            {
                "whole query is": -_one,
                "own part of query": _own_q + B,
                "off part of query": _off_q + delta,
            },
        ),
        Apply("query within", sp.sqrt(_r), _r, "square of query"),
        Combine(
            "own form",
            sp.Le(-_f_own, rho_A * (B + delta) * _root, **_rel),
            {
                "form": _one,
                "image": _whole_q,
                "A in its ball": _whole_q * _top_gap,
                "difference within": rho_A * _whole_q,
                "query within": rho_A * (B + delta),
            },
        ),
        _to_claim(_on_ball),
    ),
    equality=Equality(
        "A = rho diag(B, delta)/sqrt(B^2 + delta^2), query (B, delta), in-block key (-B, -delta), outside key (delta, B)",
        {margin: _on_ball},
    ),
    needs={
        "extinct": Witness(
            _ball | {margin: -sp.sqrt(2), off_norm: 1 / sp.sqrt(2)},
            text="A = e_1 (e_1 + e_2)'/sqrt(2), query (1, 0), in-block key (-1, 0), outside key (0, 1)",
        ),
        "leak": Witness(
            _ball | {margin: -_two, B: _zero, delta: _one},
            text="A = e_3 e_3', query (0, 0, 1), in-block key (0, 0, -1), outside key (0, 0, 1): margin -2 < -1",
        ),
    },
    source="2510.09338: threshold conditions of concentration, sharp on a ball",
)

_on_balls = beta * dial - rho_Q * rho_K * B * (B + delta) / tau
_balls = {off_Q: _zero, off_K: _zero, B: _one, delta: _zero, rho_Q: _one, rho_K: _one, tau: _one, beta: _one, dial: _zero}
margin_on_balls = Theorem(
    name="blocks.margin_balls",
    title="Guaranteed margin of a query/key layer whose matrices lie in balls",
    claim=sp.Ge(margin, _on_balls, **_rel),
    assumes=EXTINCT_QK | {"leak": LEAK},
    definitions=_parts | query_key,
    steps=(
        *form_extinct,
        *_gap_within,
        Combine("off at most B, query", sp.Le(_off_q, B, **_rel), {"off part of query": _one, "leak": _one}),
        Manifest("greater, query", sp.Le(sp.Max(_own_q, _off_q), B, **_rel)),
        Combine("query within", sp.Le(_top_q, B, **_rel), {"parts of query": _one, "greater, query": _one}),
        Cite("image of query", block_diagonal, {lemmas.p: _image_q, lemmas.v: _size_q, lemmas.w: _top_q}),
        Cite("image of difference", block_diagonal, {lemmas.p: _image_gap, lemmas.v: _size_k, lemmas.w: _top_gap}),
        Cite("form", bilinear_form, {lemmas.p: -_f_own, lemmas.u: _one, lemmas.v: _image_q, lemmas.w: _image_gap}),
        Combine(
            "own form",
            sp.Le(-_f_own, rho_Q * rho_K * B * (B + delta), **_rel),
            {
                "form": _one,
                "image of query": _image_gap,
                "image of difference": _size_q * _top_q,
                "W_Q in its ball": _size_k * _top_q * _top_gap,
                "W_K in its ball": rho_Q * _top_q * _top_gap,
                "query within": rho_Q * rho_K * _top_gap,
                "difference within": rho_Q * rho_K * B,
            },
        ),
        _to_claim(_on_balls),
    ),
    equality=Equality(
        "W_Q = rho_Q e e', W_K = rho_K e e' on the query's block: query (B, .), in-block key (-B, .), outside key (delta, B)",
        {margin: _on_balls},
    ),
    needs={
        "extinct Q": Witness(
            _balls | {margin: -2 * sp.sqrt(2), off_Q: 1 / sp.sqrt(2), delta: _one},
            text="W_Q = e_1 (e_1 + e_2)'/sqrt(2), W_K = e_1 e_1': query (1, 1), in-block key (-1, 0), outside key (1, 1)",
        ),
        "extinct K": Witness(
            _balls | {margin: -sp.sqrt(2), off_K: 1 / sp.sqrt(2)},
            text="W_Q = e_1 e_1', W_K = e_1 (e_1 + e_2)'/sqrt(2): query (1, 0), in-block key (-1, 0), outside key (0, 1)",
        ),
        "leak": Witness(
            _balls | {margin: -_two, B: _zero, delta: _one},
            text="W_Q = W_K = e_3 e_3', query (0, 0, 1), in-block key (0, 0, -1), outside key (0, 0, 1): margin -2 < 0",
        ),
    },
    uses=(product,),
    source="2510.09338: threshold conditions of concentration, sharp on balls",
)
