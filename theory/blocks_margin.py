"""The margin that is left when every off-block group is zero: without a dial, on a dial, and for query/key layers.

The in-block score of least value belongs to a key of the query's block, the greatest outside score to a key of another
block; the dial adds beta d inside. A query/key layer is the bilinear one with A = W_Q' W_K, whose block forms lie in the
product of the balls.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.blocks_formulas import margin_bilinear, margin_qk, margin_with_leak
from theory.blocks_leak import (
    BALANCE,
    EXTINCT,
    LEAK,
    A_key,
    A_query,
    A_rest,
    across,
    forms,
    leak,
    leak_in_block,
    leak_per_block,
    own_q,
    within,
)
from theory.lemmas import bilinear_form, norm_of_product, triangle
from theory.steps import Cite, Combine, Manifest, Step
from theory.symbols import (
    B,
    beta,
    cross_score,
    delta,
    dial,
    low_in,
    margin,
    margin_in,
    off_K,
    off_norm,
    off_Q,
    own_move,
    rho_A,
    rho_K,
    rho_other,
    rho_own,
    rho_Q,
    tau,
    top_out,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_zero, _one, _two = sp.Integer(0), sp.Integer(1), sp.Integer(2)
_own_j = sp.Symbol("own_j", nonnegative=True)  # norm of the own-block part of an in-block key
_own_low, _f_own = sp.symbols("own_low f_own", real=True)  # own-block score at the in-block key of least score, and its form
_size_q, _size_k, _part_q, _part_k = sp.symbols("norm_Q norm_K part_Q part_K", nonnegative=True)

row = {
    "own score is": sp.Eq(tau * _own_low, _f_own, **_rel),
    "own part of in-block key": sp.Le(_own_j, B, **_rel),
    "top out is": sp.Eq(top_out, cross_score, **_rel),
    "margin is": sp.Eq(margin, low_in - top_out, **_rel),
}
_low_is = {"low in is": sp.Eq(low_in, _own_low + own_move, **_rel)}
_low_is_on_dial = {"low in is": sp.Eq(low_in, _own_low + own_move + beta * dial, **_rel)}
_score_below = (
    Manifest("score below", sp.Le(cross_score, sp.Abs(cross_score), **_rel)),
    Manifest("move above", sp.Ge(own_move, -sp.Abs(own_move), **_rel)),
)
_to_margin: dict[str, sp.Expr] = {
    "margin is": _one,
    "low in is": _one,
    "top out is": -_one,
    "score below": _one,
    "move above": _one,
    "leak across": _one,
    "leak within": _one,
}

margin_leak = Theorem(
    name="blocks.margin",
    title="The margin that the leak leaves, without a dial",
    claim=sp.Ge(margin, margin_with_leak.stated, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK},
    definitions=forms(rho_A, rho_A)
    | across(cross_score)
    | within
    | row
    | _low_is
    | {"t_in is": sp.Ge(_own_low, margin_in, **_rel)},
    steps=(
        Cite("leak across", leak, {}, {"extinct": "extinct", "leak": "leak"}),
        Cite("leak within", leak_in_block, {}, {"extinct": "extinct"}),
        *_score_below,
        Combine("claim", sp.Ge(margin, margin_with_leak.stated, **_rel), _to_margin | {"t_in is": _one}),
    ),
    equality=Equality(
        "query (B, delta), in-block key (t_in tau/(rho B), -delta), outside key (delta, B), A_c = rho",
        {margin: margin_with_leak.stated},
    ),
    needs={
        "extinct": Witness(
            {
                margin: -sp.Integer(25),
                off_norm: _one,
                margin_in: _zero,
                B: sp.Integer(5),
                delta: _zero,
                rho_A: _zero,
                tau: _one,
            },
            text="W_Q = [1 0], W_K = [0 1]: the in-block scores are 0, the outside one is 25",
        ),
        "leak": Witness(
            {margin: -_two, off_norm: _zero, margin_in: _zero, B: _zero, delta: _one, rho_A: _one, tau: _one},
            text="query (0, 0, 1), in-block key (0, 0, -1), outside key (0, 0, 1): margin -2 < -1",
        ),
    },
    uses=(leak, leak_in_block),
    source="2510.09338: attention concentrates on semantic blocks",
)

_margin_two = beta * dial - (B + delta) * (rho_own * B + rho_other * delta) / tau
margin_per_block = Theorem(
    name="blocks.margin_per_block",
    title="Guaranteed margin with a norm for each block's form",
    claim=sp.Ge(margin, _margin_two, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK, "balance": BALANCE},
    definitions=forms(rho_own, rho_other) | across(cross_score) | within | row | _low_is_on_dial,
    steps=(
        Cite("leak across", leak_per_block, {}, {"extinct": "extinct", "leak": "leak", "balance": "balance"}),
        Cite("leak within", leak_in_block, {rho_A: rho_other}, {"extinct": "extinct"}),
        *_score_below,
        Cite("own form", bilinear_form, {lemmas.p: -_f_own, lemmas.u: A_query, lemmas.v: own_q, lemmas.w: _own_j}),
        Combine(
            "own part",
            sp.Le(-_f_own, rho_own * B**2, **_rel),
            {
                "own form": _one,
                "form of the query's block": own_q * _own_j,
                "own part of query": rho_own * _own_j,
                "own part of in-block key": rho_own * B,
            },
        ),
        Combine("claim", sp.Ge(margin, _margin_two, **_rel), _to_margin | {"own score is": 1 / tau, "own part": 1 / tau}),
    ),
    equality=Equality(
        "query (B, delta), in-block key (-B, -delta), outside key (delta, B), A_p = rho_p, A_q = rho_o", {margin: _margin_two}
    ),
    needs={
        "extinct": Witness(
            {
                margin: -sp.Integer(25),
                off_norm: _one,
                B: sp.Integer(5),
                delta: _zero,
                rho_own: _zero,
                rho_other: _zero,
                tau: _one,
                beta: _one,
                dial: _zero,
            },
            text="W_Q = [1 0], W_K = [0 1]: the outside key scores 25",
        ),
        "leak": Witness(
            {
                margin: -sp.Rational(308, 25),
                off_norm: _zero,
                B: _one,
                delta: _two,
                rho_own: _two,
                rho_other: _one,
                tau: _one,
                beta: _one,
                dial: _zero,
            },
            text="A = diag(2, 1, 1), query (1, 6/5, 8/5): in-block (-1, -6/5, -8/5) scores -6, outside (8/5, 1, 6/5) 158/25",
        ),
        "balance": Witness(
            {
                margin: -sp.Rational(12, 5),
                off_norm: _zero,
                B: _one,
                delta: _one,
                rho_own: _zero,
                rho_other: _one,
                tau: _one,
                beta: _one,
                dial: _zero,
            },
            text="A = diag(0, 1, 1), query (1, 4/5, 3/5): in-block key (-1, -4/5, -3/5) scores -1, outside key (0, 1, 1) 7/5",
        ),
    },
    uses=(leak_per_block, leak_in_block),
    source="2510.09338: threshold conditions of concentration, per-block balls",
)

margin_of_form = Theorem(
    name="blocks.margin_bilinear",
    title="Guaranteed margin of a bilinear layer on a dial",
    claim=sp.Ge(margin, margin_bilinear.stated, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK},
    definitions=forms(rho_A, rho_A) | across(cross_score) | within | row | _low_is_on_dial,
    steps=(
        Manifest("balance", sp.Le(rho_A * delta, rho_A * B, **_rel)),
        Cite(
            "two norms",
            margin_per_block,
            {rho_own: rho_A, rho_other: rho_A},
            {"extinct": "extinct", "leak": "leak", "balance": "balance"},
        ),
        Combine("claim", sp.Ge(margin, margin_bilinear.stated, **_rel), {"two norms": _one}),
    ),
    equality=Equality(
        "query (B, delta), in-block key (-B, -delta), outside key (delta, B), every A_c = rho of rank one",
        {margin: margin_bilinear.stated},
    ),
    needs={
        "extinct": Witness(
            {
                margin: -sp.Integer(25),
                off_norm: _one,
                B: sp.Integer(5),
                delta: _zero,
                rho_A: _zero,
                tau: _one,
                beta: _one,
                dial: _zero,
            },
            text="A^(1,2) = 1 alone is alive, query (5, 0), outside key (0, 5)",
        ),
        "leak": Witness(
            {margin: -_two, off_norm: _zero, B: _zero, delta: _one, rho_A: _one, tau: _one, beta: _one, dial: _zero},
            text="query (0, 0, 1), in-block key (0, 0, -1), outside key (0, 0, 1): margin -2 < -1",
        ),
    },
    uses=(margin_per_block,),
    source="2510.09338: threshold conditions of concentration",
)

_off_product = off_Q * rho_K + rho_Q * off_K
query_key = {
    "W_Q in its ball": sp.Le(_size_q, rho_Q, **_rel),
    "W_K in its ball": sp.Le(_size_k, rho_K, **_rel),
}
product = Theorem(
    name="blocks.product",
    title="The off-block part of W_Q' W_K comes from off-block groups (b, c)",
    claim=sp.Le(off_norm, _off_product, **_rel),
    assumes={},
    definitions=query_key,
    steps=(
        # W_Q = Q_d + Q_o, W_K = K_d + K_o, and Q_d' K_d is block diagonal: what is left is Q_o' W_K + Q_d' K_o.
        Cite("two parts", triangle, {lemmas.u: off_norm, lemmas.v: _part_q, lemmas.w: _part_k}),
        Cite("Q_o' W_K", norm_of_product, {lemmas.p: _part_q, lemmas.v: off_Q, lemmas.w: _size_k}),
        Cite("Q_d' K_o", norm_of_product, {lemmas.p: _part_k, lemmas.v: _size_q, lemmas.w: off_K}),
        Combine(
            "claim",
            sp.Le(off_norm, _off_product, **_rel),
            {"two parts": _one, "Q_o' W_K": _one, "Q_d' K_o": _one, "W_K in its ball": off_Q, "W_Q in its ball": off_K},
        ),
    ),
    equality=Equality("W_Q = q e_1 e_2', W_K = k e_1 e_1': A = q k e_2 e_1'", {off_K: _zero, off_norm: off_Q * rho_K}),
    source="2510.09338: block sparsity of query/key attention needs groups (b, c)",
)


def _in_ball(form: sp.Symbol, name: str) -> tuple[Step, ...]:
    """||A_c|| <= ||W_Q|| ||W_K|| <= rho_Q rho_K: A_c is a part of W_Q' W_K."""
    return (
        Cite(f"product, {name}", norm_of_product, {lemmas.p: form, lemmas.v: _size_q, lemmas.w: _size_k}),
        Combine(
            f"ball, {name}",
            sp.Le(form, rho_Q * rho_K, **_rel),
            {f"product, {name}": _one, "W_Q in its ball": _size_k, "W_K in its ball": rho_Q},
        ),
    )


EXTINCT_QK = {
    "extinct Q": Hypothesis(sp.Eq(off_Q, 0, **_rel), "every group (b, c), b != c, of W_Q is exactly zero", EXTINCT.remedy),
    "extinct K": Hypothesis(sp.Eq(off_K, 0, **_rel), "every group (b, c), b != c, of W_K is exactly zero", EXTINCT.remedy),
}
form_extinct: tuple[Step, ...] = (
    Cite("off-block product", product, {}),
    Combine("form below", sp.Le(off_norm, 0, **_rel), {"off-block product": _one, "extinct Q": -rho_K, "extinct K": -rho_Q}),
    Manifest("extinct", sp.Eq(off_norm, 0, **_rel)),
)
_qk_values = {off_Q: _zero, off_K: _zero, B: _one, delta: _zero, rho_Q: _one, rho_K: _one, tau: _one, beta: _one, dial: _zero}
margin_of_product = Theorem(
    name="blocks.margin_qk",
    title="Guaranteed margin of a query/key layer on a dial",
    claim=sp.Ge(margin, margin_qk.stated, **_rel),
    assumes=EXTINCT_QK | {"leak": LEAK},
    definitions=across(cross_score) | within | row | _low_is_on_dial | query_key,
    steps=(
        *form_extinct,
        *_in_ball(A_query, "form of the query's block"),
        *_in_ball(A_key, "form of the key's block"),
        *_in_ball(A_rest, "forms of other blocks"),
        Cite("one form", margin_of_form, {rho_A: rho_Q * rho_K}, {"extinct": "extinct", "leak": "leak"}),
        Combine("claim", sp.Ge(margin, margin_qk.stated, **_rel), {"one form": _one}),
    ),
    equality=Equality(
        "as for one form, delta = 0: W_Q and W_K of rank one on the query's block",
        {delta: _zero, margin: margin_qk.stated.subs(delta, 0)},
    ),
    needs={
        "extinct K": Witness(
            _qk_values | {margin: -sp.sqrt(2), off_K: 1 / sp.sqrt(2)},
            text="W_Q = e_1 e_1', W_K = e_1 (e_1 + e_2)'/sqrt(2): query (1, 0), in-block key (-1, 0), outside key (0, 1)",
        ),
        "leak": Witness(
            _qk_values | {margin: -_two, B: _zero, delta: _one},
            text="query (0, 0, 1), in-block key (0, 0, -1), outside key (0, 0, 1): margin -2 < -1",
        ),
    },
    free={"extinct Q": "on whole-matrix balls the margin survives without it: |W_K (x_j - x_k)| <= rho_K (B + delta)"},
    uses=(product, margin_of_form),
    source="2510.09338: threshold conditions of concentration",
)
