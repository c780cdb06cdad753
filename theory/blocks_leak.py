"""Statements about content across blocks: what leaks when every off-block group is zero.

A content score is a sum of forms: A_c on the query's block p, on the key's block q and on all other blocks, and the
off-block part of the form on the whole tokens. All norms of token parts are Euclidean.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory import lemmas
from theory.blocks_formulas import leak_bound, leak_within
from theory.lemmas import bilinear_form
from theory.steps import Apply, Cite, Combine, Manifest, Step
from theory.symbols import (
    B,
    cross_score,
    delta,
    off_norm,
    own_move,
    rho_A,
    rho_other,
    rho_own,
    tau,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_zero, _one, _two, _half = sp.Integer(0), sp.Integer(1), sp.Integer(2), sp.Rational(1, 2)
_r = sp.Symbol("r", nonnegative=True)

# Content is a sum of forms: A_c on the query's block, on the key's, on all others, and the off-block part on whole tokens.
f_query, f_key, f_rest, f_off, f_far, f_off_own = sp.symbols("f_query f_key f_rest f_off f_far f_off_own", real=True)
A_query, A_key, A_rest = sp.symbols("A_query A_key A_rest", nonnegative=True)  # norms of the block forms
# Norms of token parts: own block, the other token's block, all other blocks, off-block altogether, whole.
own_q, own_k, far_q, far_k, rest_q, rest_k, off_q, off_j, whole_q, whole_k, whole_j = sp.symbols(
    "own_q own_k far_q far_k rest_q rest_k off_q off_j whole_q whole_k whole_j", nonnegative=True
)

EXTINCT = Hypothesis(
    sp.Eq(off_norm, 0, **_rel),
    "every off-block group is exactly zero",
    "Penalise groups (b, c), b != c, above the threshold and step to extinction; column groups do not do it.",
)
LEAK = Hypothesis(
    sp.Le(delta, B, **_rel),
    "the off-block part of a token is at most as long as its own-block part: delta <= B",
    "Choose blocks that hold most of each token, or raise B.",
)


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


def _far_part(side: str, far: sp.Symbol, rest: sp.Symbol) -> tuple[Step, ...]:
    """B c - c^2/2 <= B delta - delta^2/2 for a part c of the leak: it grows up to B."""
    return (
        Manifest(f"rest of {side}", sp.Ge(rest**2, 0, **_rel)),
        Combine(f"square of {side}", sp.Le(far**2, delta**2, **_rel), {f"leak of {side}": _one, f"rest of {side}": _one}),
        Apply(f"far part of {side}", sp.sqrt(_r), _r, f"square of {side}"),
        Manifest(f"distance of {side}", sp.Ge((delta - far) ** 2, 0, **_rel)),
        Combine(
            f"gain of {side}",
            sp.Le(B * far - far**2 / 2, B * delta - delta**2 / 2, **_rel),
            {"leak": delta - far, f"distance of {side}": _half},
        ),
    )


def _far_part_own(side: str, far: sp.Symbol) -> tuple[Step, ...]:
    """rho_p B c - rho_o c^2/2 <= rho_p B delta - rho_o delta^2/2, from rho_o delta <= rho_p B."""
    return (
        Combine(
            f"weighted gain of {side}",
            sp.Le(rho_own * B * far - rho_other * far**2 / 2, rho_own * B * delta - rho_other * delta**2 / 2, **_rel),
            {"balance": delta - far, f"distance of {side}": rho_other / 2},
        ),
    )


def _one_side(score: sp.Expr, sign: int, bound: sp.Expr) -> tuple[Step, ...]:
    """The fact sign * score <= bound, from the forms one by one."""
    at = "above" if sign > 0 else "below"
    return (
        Cite(
            f"query form {at}", bilinear_form, {lemmas.p: sign * f_query, lemmas.u: A_query, lemmas.v: own_q, lemmas.w: far_k}
        ),
        Cite(f"key form {at}", bilinear_form, {lemmas.p: sign * f_key, lemmas.u: A_key, lemmas.v: far_q, lemmas.w: own_k}),
        Cite(f"rest form {at}", bilinear_form, {lemmas.p: sign * f_rest, lemmas.u: A_rest, lemmas.v: rest_q, lemmas.w: rest_k}),
        Cite(
            f"off form {at}", bilinear_form, {lemmas.p: sign * f_off, lemmas.u: off_norm, lemmas.v: whole_q, lemmas.w: whole_k}
        ),
        Combine(
            f"query part {at}",
            sp.Le(sign * f_query, rho_own * B * far_k, **_rel),
            {f"query form {at}": _one, "form of the query's block": own_q * far_k, "own part of query": rho_own * far_k},
        ),
        Combine(
            f"key part {at}",
            sp.Le(sign * f_key, rho_other * B * far_q, **_rel),
            {f"key form {at}": _one, "form of the key's block": own_k * far_q, "own part of key": rho_other * far_q},
        ),
        Combine(
            f"rest part {at}",
            sp.Le(sign * f_rest, rho_other * (delta**2 - far_q**2 / 2 - far_k**2 / 2), **_rel),
            {
                f"rest form {at}": _one,
                "forms of other blocks": rest_q * rest_k,
                "meet": rho_other,
                "leak of query": rho_other / 2,
                "leak of key": rho_other / 2,
            },
        ),
        Combine(f"off part {at}", sp.Le(sign * f_off, 0, **_rel), {f"off form {at}": _one, "extinct": -whole_q * whole_k}),
        Combine(
            at,
            sp.Le(sign * score, bound, **_rel),
            {
                "score is": -sign / tau,
                f"query part {at}": 1 / tau,
                f"key part {at}": 1 / tau,
                f"rest part {at}": 1 / tau,
                f"off part {at}": 1 / tau,
                "gain of query": rho_other / tau,
                "weighted gain of key": 1 / tau,
            },
        ),
    )


_leak_two = B * delta * (rho_own + rho_other) / tau
BALANCE = Hypothesis(
    sp.Le(rho_other * delta, rho_own * B, **_rel),
    "rho_o delta <= rho_p B: the query's own form outweighs the leak into the others",
    "Use the greatest of the norms for both: blocks.leak.",
)

leak_per_block = Theorem(
    name="blocks.leak_per_block",
    title="Content across blocks, with a norm for each block's form",
    claim=sp.Le(sp.Abs(cross_score), _leak_two, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK, "balance": BALANCE},
    definitions=forms(rho_own, rho_other) | across(cross_score),
    steps=(
        *_far_part("query", far_q, rest_q),
        *_far_part("key", far_k, rest_k),
        *_far_part_own("key", far_k),
        Manifest("meet", sp.Le(rest_q * rest_k, (rest_q**2 + rest_k**2) / 2, **_rel), form=(rest_q - rest_k) ** 2 / 2),
        *_one_side(cross_score, 1, _leak_two),
        *_one_side(cross_score, -1, _leak_two),
        Manifest("claim", sp.Le(sp.Abs(cross_score), _leak_two, **_rel)),
    ),
    equality=Equality(
        "query (B, delta), key (delta, B) on their two blocks, A_p = rho_p, A_q = rho_o", {cross_score: _leak_two}
    ),
    needs={
        "extinct": Witness(
            {
                cross_score: sp.Integer(25),
                off_norm: _one,
                B: sp.Integer(5),
                delta: _zero,
                rho_own: _zero,
                rho_other: _zero,
                tau: _one,
            },
            text="W_Q = [1 0], W_K = [0 1]: only A^(1,2) = 1 is alive; x_1 = (5, 0), x_2 = (0, 5)",
        ),
        "leak": Witness(
            {
                cross_score: sp.Rational(158, 25),
                off_norm: _zero,
                B: _one,
                delta: _two,
                rho_own: _two,
                rho_other: _one,
                tau: _one,
            },
            text="three blocks of width 1, A = diag(2, 1, 1): query (1, 6/5, 8/5), key (8/5, 1, 6/5) score 158/25 > 6",
        ),
        "balance": Witness(
            {cross_score: sp.Rational(7, 5), off_norm: _zero, B: _one, delta: _one, rho_own: _zero, rho_other: _one, tau: _one},
            text="A = diag(0, 1, 1): query (1, 4/5, 3/5), key (0, 1, 1) score 7/5 > 1",
        ),
    },
    uses=(),
    source="2510.09338: semantic blocks with negligible error",
)

leak = Theorem(
    name="blocks.leak",
    title="Content across blocks is only leak",
    claim=sp.Le(sp.Abs(cross_score), leak_bound.stated, **_rel),
    assumes={"extinct": EXTINCT, "leak": LEAK},
    definitions=forms(rho_A, rho_A) | across(cross_score),
    steps=(
        Manifest("balance", sp.Le(rho_A * delta, rho_A * B, **_rel)),
        Cite(
            "two norms",
            leak_per_block,
            {rho_own: rho_A, rho_other: rho_A},
            {"extinct": "extinct", "leak": "leak", "balance": "balance"},
        ),
        Combine("claim", sp.Le(sp.Abs(cross_score), leak_bound.stated, **_rel), {"two norms": _one}),
    ),
    equality=Equality(
        "query (B, delta), key (delta, B) on their two blocks, every A_c = rho", {cross_score: leak_bound.stated}
    ),
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
    source="2510.09338: negligible error of semantic blocks",
)


def _move(sign: int) -> tuple[Step, ...]:
    """The fact sign * own_move <= delta^2 rho / tau."""
    at = "above" if sign > 0 else "below"
    return (
        Cite(f"far form {at}", bilinear_form, {lemmas.p: sign * f_far, lemmas.u: A_rest, lemmas.v: off_q, lemmas.w: off_j}),
        Cite(
            f"off form {at}",
            bilinear_form,
            {lemmas.p: sign * f_off_own, lemmas.u: off_norm, lemmas.v: whole_q, lemmas.w: whole_j},
        ),
        Combine(
            f"far part {at}",
            sp.Le(sign * f_far, rho_A * delta**2, **_rel),
            {
                f"far form {at}": _one,
                "forms of other blocks": off_q * off_j,
                "off part of query": rho_A * off_j,
                "off part of in-block key": rho_A * delta,
            },
        ),
        Combine(
            at,
            sp.Le(sign * own_move, leak_within.stated, **_rel),
            {"move is": -sign / tau, f"far part {at}": 1 / tau, f"off form {at}": 1 / tau, "extinct": -whole_q * whole_j / tau},
        ),
    )


leak_in_block = Theorem(
    name="blocks.leak_in_block",
    title="What the leak does to a score inside a block",
    claim=sp.Le(sp.Abs(own_move), leak_within.stated, **_rel),
    assumes={"extinct": EXTINCT},
    definitions={"forms of other blocks": sp.Le(A_rest, rho_A, **_rel)} | within,
    steps=(*_move(1), *_move(-1), Manifest("claim", sp.Le(sp.Abs(own_move), leak_within.stated, **_rel))),
    equality=Equality(
        "both off-block parts of length delta along one direction of one other block, A_c = rho there",
        {own_move: leak_within.stated},
    ),
    needs={
        "extinct": Witness(
            {own_move: _one, off_norm: _one, delta: sp.Rational(1, 2), rho_A: _zero, tau: _one},
            text="A = [[0, 1], [0, 0]], query (2, 0), in-block key (2, 1/2): own parts score 0, the tokens 1",
        )
    },
    source="2510.09338: negligible error of semantic blocks",
)
