"""Statements about content across blocks: what leaks when every off-block group is zero, and the margin that is left.

A content score is a sum of forms: A_c on the query's block p, on the key's block q and on all other blocks, and the off-block part of
the form on the whole tokens. All norms of token parts are Euclidean.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory import lemmas
from theory.blocks_formulas import leak_bound, leak_within, margin_bilinear, margin_qk, margin_with_leak
from theory.lemmas import bilinear_form, norm_of_product, triangle
from theory.steps import Apply, Cite, Combine, Manifest, Step
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
_zero, _one, _two, _half = sp.Integer(0), sp.Integer(1), sp.Integer(2), sp.Rational(1, 2)
_r = sp.Symbol("r", nonnegative=True)

# Content is a sum of forms: A_c on the query's block, on the key's block, on all others, and the off-block part on whole tokens.
f_query, f_key, f_rest, f_off, f_own, f_far, f_off_own = sp.symbols("f_query f_key f_rest f_off f_own f_far f_off_own", real=True)
A_query, A_key, A_rest = sp.symbols("A_query A_key A_rest", nonnegative=True)  # norms of the block forms
# Norms of token parts: own block, the other token's block, all other blocks, off-block altogether, whole.
own_q, own_k, own_j, far_q, far_k, rest_q, rest_k, off_q, off_j, whole_q, whole_k, whole_j = sp.symbols(
    "own_q own_k own_j far_q far_k rest_q rest_k off_q off_j whole_q whole_k whole_j", nonnegative=True
)
own_low = sp.Symbol("own_low", real=True)  # own-block score at the in-block key of least score
norm_Q, norm_K, part_Q, part_K = sp.symbols("norm_Q norm_K part_Q part_K", nonnegative=True)

EXTINCT = Hypothesis(
    sp.Eq(off_norm, 0, **_rel), "every off-block group is exactly zero",
    "Penalise groups (b, c), b != c, above the threshold and step to extinction; column groups do not do it.",
)  # fmt: skip
LEAK = Hypothesis(
    sp.Le(delta, B, **_rel), "the off-block part of a token is at most as long as its own-block part: delta <= B",
    "Choose blocks that hold most of each token, or raise B.",
)  # fmt: skip


def forms(own: sp.Expr, other: sp.Expr) -> dict[str, Relational]:
    """What bounds the block forms: one number for the query's block, one for the others."""
    return {
        "form of the query's block": sp.Le(A_query, own, **_rel),
        "form of the key's block": sp.Le(A_key, other, **_rel),
        "forms of other blocks": sp.Le(A_rest, other, **_rel),
    }


def across(score: sp.Expr) -> dict[str, Relational]:
    """What a content score between tokens of different blocks is."""
    return {
        "score is": sp.Eq(tau * score, f_query + f_key + f_rest + f_off, **_rel),
        "own part of query": sp.Le(own_q, B, **_rel),
        "own part of key": sp.Le(own_k, B, **_rel),
        "leak of query": sp.Le(far_q**2 + rest_q**2, delta**2, **_rel),
        "leak of key": sp.Le(far_k**2 + rest_k**2, delta**2, **_rel),
    }


within = {
    "move is": sp.Eq(tau * own_move, f_far + f_off_own, **_rel),
    "off part of query": sp.Le(off_q, delta, **_rel),
    "off part of in-block key": sp.Le(off_j, delta, **_rel),
}
row = {
    "own score is": sp.Eq(tau * own_low, f_own, **_rel),
    "own part of in-block key": sp.Le(own_j, B, **_rel),
    "top out is": sp.Eq(top_out, cross_score, **_rel),
    "margin is": sp.Eq(margin, low_in - top_out, **_rel),
}


def _far_part(side: str, far: sp.Symbol, rest: sp.Symbol) -> tuple[Step, ...]:
    """B c - c^2/2 <= B delta - delta^2/2 for a part c of the leak: it grows up to B."""
    return (
        Manifest(f"rest of {side}", sp.Ge(rest**2, 0, **_rel)),
        Combine(f"square of {side}", sp.Le(far**2, delta**2, **_rel), {f"leak of {side}": _one, f"rest of {side}": _one}),
        Apply(f"far part of {side}", sp.sqrt(_r), _r, f"square of {side}"),
        Manifest(f"distance of {side}", sp.Ge((delta - far) ** 2, 0, **_rel)),
        Combine(
            f"gain of {side}", sp.Le(B * far - far**2 / 2, B * delta - delta**2 / 2, **_rel),
            {"leak": delta - far, f"distance of {side}": _half},
        ),
    )  # fmt: skip


def _far_part_own(side: str, far: sp.Symbol) -> tuple[Step, ...]:
    """rho_p B c - rho_o c^2/2 <= rho_p B delta - rho_o delta^2/2, from rho_o delta <= rho_p B."""
    return (
        Combine(
            f"weighted gain of {side}",
            sp.Le(rho_own * B * far - rho_other * far**2 / 2, rho_own * B * delta - rho_other * delta**2 / 2, **_rel),
            {"balance": delta - far, f"distance of {side}": rho_other / 2},
        ),
    )  # fmt: skip


def _one_side(score: sp.Expr, sign: int, bound: sp.Expr) -> tuple[Step, ...]:
    """sign * score <= bound, from the forms one by one."""
    at = "above" if sign > 0 else "below"
    return (
        Cite(f"query form {at}", bilinear_form, {lemmas.p: sign * f_query, lemmas.u: A_query, lemmas.v: own_q, lemmas.w: far_k}),
        Cite(f"key form {at}", bilinear_form, {lemmas.p: sign * f_key, lemmas.u: A_key, lemmas.v: far_q, lemmas.w: own_k}),
        Cite(f"rest form {at}", bilinear_form, {lemmas.p: sign * f_rest, lemmas.u: A_rest, lemmas.v: rest_q, lemmas.w: rest_k}),
        Cite(f"off form {at}", bilinear_form, {lemmas.p: sign * f_off, lemmas.u: off_norm, lemmas.v: whole_q, lemmas.w: whole_k}),
        Combine(
            f"query part {at}", sp.Le(sign * f_query, rho_own * B * far_k, **_rel),
            {f"query form {at}": _one, "form of the query's block": own_q * far_k, "own part of query": rho_own * far_k},
        ),
        Combine(
            f"key part {at}", sp.Le(sign * f_key, rho_other * B * far_q, **_rel),
            {f"key form {at}": _one, "form of the key's block": own_k * far_q, "own part of key": rho_other * far_q},
        ),
        Combine(
            f"rest part {at}", sp.Le(sign * f_rest, rho_other * (delta**2 - far_q**2 / 2 - far_k**2 / 2), **_rel),
            {
                f"rest form {at}": _one, "forms of other blocks": rest_q * rest_k, "meet": rho_other,
                "leak of query": rho_other / 2, "leak of key": rho_other / 2,
            },
        ),
        Combine(f"off part {at}", sp.Le(sign * f_off, 0, **_rel), {f"off form {at}": _one, "extinct": -whole_q * whole_k}),
        Combine(
            at, sp.Le(sign * score, bound, **_rel),
            {
                "score is": -sign / tau, f"query part {at}": 1 / tau, f"key part {at}": 1 / tau, f"rest part {at}": 1 / tau,
                f"off part {at}": 1 / tau, "gain of query": rho_other / tau, "weighted gain of key": 1 / tau,
            },
        ),
    )  # fmt: skip


_leak_two = B * delta * (rho_own + rho_other) / tau
BALANCE = Hypothesis(
    sp.Le(rho_other * delta, rho_own * B, **_rel), "rho_o delta <= rho_p B: the query's own form outweighs the leak into the others",
    "Use the greatest of the norms for both: blocks.leak.",
)  # fmt: skip

leak_per_block = Theorem(
    name="blocks.leak_per_block",
    title="Content across blocks, with a norm for each block's form",
    claim=sp.Le(sp.Abs(cross_score), _leak_two, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK, "balance": BALANCE},
    definitions=forms(rho_own, rho_other) | across(cross_score),
    steps=(
        *_far_part("query", far_q, rest_q), *_far_part("key", far_k, rest_k), *_far_part_own("key", far_k),
        Manifest("meet", sp.Le(rest_q * rest_k, (rest_q**2 + rest_k**2) / 2, **_rel), form=(rest_q - rest_k) ** 2 / 2),
        *_one_side(cross_score, 1, _leak_two), *_one_side(cross_score, -1, _leak_two),
        Manifest("claim", sp.Le(sp.Abs(cross_score), _leak_two, **_rel)),
    ),
    equality=Equality("query (B, delta), key (delta, B) on their two blocks, A_p = rho_p, A_q = rho_o", {cross_score: _leak_two}),
    needs={
        "extinct": Witness(
            {cross_score: sp.Integer(25), off_norm: _one, B: sp.Integer(5), delta: _zero, rho_own: _zero, rho_other: _zero, tau: _one},
            text="W_Q = [1 0], W_K = [0 1]: only A^(1,2) = 1 is alive; x_1 = (5, 0), x_2 = (0, 5)",
        ),
        "leak": Witness(
            {cross_score: sp.Rational(158, 25), off_norm: _zero, B: _one, delta: _two, rho_own: _two, rho_other: _one, tau: _one},
            text="three blocks of width 1, A = diag(2, 1, 1): query (1, 6/5, 8/5), key (8/5, 1, 6/5) score 158/25 > 6",
        ),
        "balance": Witness(
            {cross_score: sp.Rational(7, 5), off_norm: _zero, B: _one, delta: _one, rho_own: _zero, rho_other: _one, tau: _one},
            text="A = diag(0, 1, 1): query (1, 4/5, 3/5), key (0, 1, 1) score 7/5 > 1",
        ),
    },
    uses=(),
    source="2510.09338: semantic blocks with negligible error (T6 leak, per-block balls of N4)",
)  # fmt: skip

leak = Theorem(
    name="blocks.leak",
    title="Content across blocks is only leak",
    claim=sp.Le(sp.Abs(cross_score), leak_bound.stated, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK},
    definitions=forms(rho_A, rho_A) | across(cross_score),
    steps=(
        Manifest("balance", sp.Le(rho_A * delta, rho_A * B, **_rel)),
        Cite("two norms", leak_per_block, {rho_own: rho_A, rho_other: rho_A}, {"extinct": "extinct", "leak": "leak", "balance": "balance"}),
        Combine("claim", sp.Le(sp.Abs(cross_score), leak_bound.stated, **_rel), {"two norms": _one}),
    ),
    equality=Equality("query (B, delta), key (delta, B) on their two blocks, every A_c = rho", {cross_score: leak_bound.stated}),
    needs={
        "extinct": Witness(
            {cross_score: sp.Integer(25), off_norm: _one, B: sp.Integer(5), delta: _zero, rho_A: _zero, tau: _one},
            text="W_Q = [1 0], W_K = [0 1]: only A^(1,2) = 1 is alive; x_1 = (5, 0), x_2 = (0, 5)",
        ),
        "leak": Witness(
            {cross_score: _one, off_norm: _zero, B: _zero, delta: _one, rho_A: _one, tau: _one},
            text="delta > B: two off-block remainders meet in a third block; query and key (0, 0, 1) score 1 > 0",
        ),
    },
    uses=(leak_per_block,),
    source="2510.09338: negligible error of semantic blocks (T6 leak)",
)  # fmt: skip


def _move(sign: int) -> tuple[Step, ...]:
    """sign * own_move <= delta^2 rho / tau."""
    at = "above" if sign > 0 else "below"
    return (
        Cite(f"far form {at}", bilinear_form, {lemmas.p: sign * f_far, lemmas.u: A_rest, lemmas.v: off_q, lemmas.w: off_j}),
        Cite(f"off form {at}", bilinear_form, {lemmas.p: sign * f_off_own, lemmas.u: off_norm, lemmas.v: whole_q, lemmas.w: whole_j}),
        Combine(
            f"far part {at}", sp.Le(sign * f_far, rho_A * delta**2, **_rel),
            {
                f"far form {at}": _one, "forms of other blocks": off_q * off_j, "off part of query": rho_A * off_j,
                "off part of in-block key": rho_A * delta,
            },
        ),
        Combine(
            at, sp.Le(sign * own_move, leak_within.stated, **_rel),
            {"move is": -sign / tau, f"far part {at}": 1 / tau, f"off form {at}": 1 / tau, "extinct": -whole_q * whole_j / tau},
        ),
    )  # fmt: skip


leak_in_block = Theorem(
    name="blocks.leak_in_block",
    title="What the leak does to a score inside a block",
    claim=sp.Le(sp.Abs(own_move), leak_within.stated, **_rel),
    assumes={"extinct": EXTINCT},
    definitions={"forms of other blocks": sp.Le(A_rest, rho_A, **_rel)} | within,
    steps=(*_move(1), *_move(-1), Manifest("claim", sp.Le(sp.Abs(own_move), leak_within.stated, **_rel))),
    equality=Equality("both off-block parts of length delta along one direction of one other block, A_c = rho there", {own_move: leak_within.stated}),
    needs={
        "extinct": Witness(
            {own_move: _one, off_norm: _one, delta: sp.Rational(1, 2), rho_A: _zero, tau: _one},
            text="A = [[0, 1], [0, 0]], query (2, 0), in-block key (2, 1/2): own parts score 0, the tokens 1",
        )
    },
    source="2510.09338: negligible error of semantic blocks (T6 leak inside a block)",
)  # fmt: skip

_low_is = {"low in is": sp.Eq(low_in, own_low + own_move, **_rel)}
_low_is_on_dial = {"low in is": sp.Eq(low_in, own_low + own_move + beta * dial, **_rel)}
_score_below = (
    Manifest("score below", sp.Le(cross_score, sp.Abs(cross_score), **_rel)),
    Manifest("move above", sp.Ge(own_move, -sp.Abs(own_move), **_rel)),
)
_to_margin: dict[str, sp.Expr] = {
    "margin is": _one, "low in is": _one, "top out is": -_one, "score below": _one, "move above": _one, "leak across": _one, "leak within": _one,
}  # fmt: skip

margin_leak = Theorem(
    name="blocks.margin",
    title="The margin that the leak leaves, without a dial",
    claim=sp.Ge(margin, margin_with_leak.stated, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK},
    definitions=forms(rho_A, rho_A) | across(cross_score) | within | row | _low_is | {"t_in is": sp.Ge(own_low, margin_in, **_rel)},
    steps=(
        Cite("leak across", leak, {}, {"extinct": "extinct", "leak": "leak"}),
        Cite("leak within", leak_in_block, {}, {"extinct": "extinct"}),
        *_score_below,
        Combine("claim", sp.Ge(margin, margin_with_leak.stated, **_rel), _to_margin | {"t_in is": _one}),
    ),
    equality=Equality(
        "query (B, delta), in-block key (t_in tau/(rho B), -delta), outside key (delta, B), A_c = rho", {margin: margin_with_leak.stated}
    ),
    needs={
        "extinct": Witness(
            {margin: -sp.Integer(25), off_norm: _one, margin_in: _zero, B: sp.Integer(5), delta: _zero, rho_A: _zero, tau: _one},
            text="W_Q = [1 0], W_K = [0 1]: the in-block scores are 0, the outside one is 25",
        ),
        "leak": Witness(
            {margin: -_two, off_norm: _zero, margin_in: _zero, B: _zero, delta: _one, rho_A: _one, tau: _one},
            text="query (0, 0, 1), in-block key (0, 0, -1), outside key (0, 0, 1): margin -2 < -1",
        ),
    },
    uses=(leak, leak_in_block),
    source="2510.09338: attention concentrates on semantic blocks (T6 corrected)",
)  # fmt: skip

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
        Cite("own form", bilinear_form, {lemmas.p: -f_own, lemmas.u: A_query, lemmas.v: own_q, lemmas.w: own_j}),
        Combine(
            "own part", sp.Le(-f_own, rho_own * B**2, **_rel),
            {
                "own form": _one, "form of the query's block": own_q * own_j, "own part of query": rho_own * own_j,
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
            {margin: -sp.Integer(25), off_norm: _one, B: sp.Integer(5), delta: _zero, rho_own: _zero, rho_other: _zero, tau: _one, beta: _one, dial: _zero},
            text="W_Q = [1 0], W_K = [0 1]: the outside key scores 25",
        ),
        "leak": Witness(
            {
                margin: -sp.Rational(308, 25), off_norm: _zero, B: _one, delta: _two, rho_own: _two, rho_other: _one, tau: _one, beta: _one,
                dial: _zero,
            },
            text="A = diag(2, 1, 1), query (1, 6/5, 8/5): in-block key (-1, -6/5, -8/5) scores -6, outside key (8/5, 1, 6/5) 158/25",
        ),
        "balance": Witness(
            {margin: -sp.Rational(12, 5), off_norm: _zero, B: _one, delta: _one, rho_own: _zero, rho_other: _one, tau: _one, beta: _one, dial: _zero},
            text="A = diag(0, 1, 1), query (1, 4/5, 3/5): in-block key (-1, -4/5, -3/5) scores -1, outside key (0, 1, 1) 7/5",
        ),
    },
    uses=(leak_per_block, leak_in_block),
    source="2510.09338: threshold conditions of concentration, per-block balls (N4 3)",
)  # fmt: skip

margin_of_form = Theorem(
    name="blocks.margin_bilinear",
    title="Guaranteed margin of a bilinear layer on a dial",
    claim=sp.Ge(margin, margin_bilinear.stated, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK},
    definitions=forms(rho_A, rho_A) | across(cross_score) | within | row | _low_is_on_dial,
    steps=(
        Manifest("balance", sp.Le(rho_A * delta, rho_A * B, **_rel)),
        Cite("two norms", margin_per_block, {rho_own: rho_A, rho_other: rho_A}, {"extinct": "extinct", "leak": "leak", "balance": "balance"}),
        Combine("claim", sp.Ge(margin, margin_bilinear.stated, **_rel), {"two norms": _one}),
    ),
    equality=Equality(
        "query (B, delta), in-block key (-B, -delta), outside key (delta, B), every A_c = rho of rank one", {margin: margin_bilinear.stated}
    ),
    needs={
        "extinct": Witness(
            {margin: -sp.Integer(25), off_norm: _one, B: sp.Integer(5), delta: _zero, rho_A: _zero, tau: _one, beta: _one, dial: _zero},
            text="A^(1,2) = 1 alone is alive, query (5, 0), outside key (0, 5)",
        ),
        "leak": Witness(
            {margin: -_two, off_norm: _zero, B: _zero, delta: _one, rho_A: _one, tau: _one, beta: _one, dial: _zero},
            text="query (0, 0, 1), in-block key (0, 0, -1), outside key (0, 0, 1): margin -2 < -1",
        ),
    },
    uses=(margin_per_block,),
    source="2510.09338: threshold conditions of concentration (N4 3, bilinear)",
)  # fmt: skip

_off_product = off_Q * rho_K + rho_Q * off_K
_query_key = {
    "W_Q in its ball": sp.Le(norm_Q, rho_Q, **_rel),
    "W_K in its ball": sp.Le(norm_K, rho_K, **_rel),
}
product = Theorem(
    name="blocks.product",
    title="The off-block part of W_Q' W_K comes from off-block groups (b, c)",
    claim=sp.Le(off_norm, _off_product, **_rel),
    assumes={},
    definitions=_query_key,
    steps=(
        # W_Q = Q_d + Q_o, W_K = K_d + K_o, and Q_d' K_d is block diagonal: what is left is Q_o' W_K + Q_d' K_o.
        Cite("two parts", triangle, {lemmas.u: off_norm, lemmas.v: part_Q, lemmas.w: part_K}),
        Cite("Q_o' W_K", norm_of_product, {lemmas.p: part_Q, lemmas.v: off_Q, lemmas.w: norm_K}),
        Cite("Q_d' K_o", norm_of_product, {lemmas.p: part_K, lemmas.v: norm_Q, lemmas.w: off_K}),
        Combine(
            "claim", sp.Le(off_norm, _off_product, **_rel),
            {"two parts": _one, "Q_o' W_K": _one, "Q_d' K_o": _one, "W_K in its ball": off_Q, "W_Q in its ball": off_K},
        ),
    ),
    equality=Equality("W_Q = q e_1 e_2', W_K = k e_1 e_1': A = q k e_2 e_1'", {off_K: _zero, off_norm: off_Q * rho_K}),
    source="2510.09338: block sparsity of query/key attention needs groups (b, c) (T6 corrected)",
)  # fmt: skip


def _in_ball(form: sp.Symbol, name: str) -> tuple[Step, ...]:
    """||A_c|| <= ||W_Q|| ||W_K|| <= rho_Q rho_K: A_c is a part of W_Q' W_K."""
    return (
        Cite(f"product, {name}", norm_of_product, {lemmas.p: form, lemmas.v: norm_Q, lemmas.w: norm_K}),
        Combine(
            f"ball, {name}", sp.Le(form, rho_Q * rho_K, **_rel),
            {f"product, {name}": _one, "W_Q in its ball": norm_K, "W_K in its ball": rho_Q},
        ),
    )  # fmt: skip


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
    definitions=across(cross_score) | within | row | _low_is_on_dial | _query_key,
    steps=(
        *form_extinct,
        *_in_ball(A_query, "form of the query's block"), *_in_ball(A_key, "form of the key's block"), *_in_ball(A_rest, "forms of other blocks"),
        Cite("one form", margin_of_form, {rho_A: rho_Q * rho_K}, {"extinct": "extinct", "leak": "leak"}),
        Combine("claim", sp.Ge(margin, margin_qk.stated, **_rel), {"one form": _one}),
    ),
    equality=Equality(
        "as for one form, delta = 0: W_Q and W_K of rank one on the query's block", {delta: _zero, margin: margin_qk.stated.subs(delta, 0)}
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
    free={
        "extinct Q": "with whole-matrix balls the margin survives without it (|W_K (x_j - x_k)| <= rho_K (B + delta)); the leak bound does not"
    },
    uses=(product, margin_of_form),
    source="2510.09338: threshold conditions of concentration (N4 3, query/key)",
)  # fmt: skip
