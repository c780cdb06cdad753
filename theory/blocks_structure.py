"""Statements about exact block structure: what is exactly zero, what does not interfere, and three readings that are false.

With every off-block group zero and tokens supported on their own block, content across blocks is exactly 0, also in floating
point; so tokens outside the block do not touch a row's weights. Column groups are not enough, and without a dial the margin
may be negative.
"""

from __future__ import annotations

import sympy as sp

from theory import concentration, entropy, lemmas
from theory.blocks_leak import EXTINCT, across, forms, leak
from theory.lemmas import norm_of_sum, triangle
from theory.steps import Apply, Cite, Combine, Manifest, Step, SumOver
from theory.symbols import (
    B,
    B_v,
    cross_score,
    delta,
    eps,
    g,
    j_out,
    n,
    off_norm,
    output_change,
    rho_A,
    s,
    sum_in,
    sum_out,
    t,
    tau,
    value_change,
    weight_drift,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_zero, _one, _two, _half = sp.Integer(0), sp.Integer(1), sp.Integer(2), sp.Rational(1, 2)
_x, _y = sp.Symbol("x", real=True), sp.Symbol("y", positive=True)

NO_LEAK = Hypothesis(
    sp.Eq(delta, 0, **_rel),
    "tokens are supported on their own block: delta = 0",
    "With a leak only blocks.leak holds; bound it instead.",
)


def _is_zero(score: sp.Expr, given: Cite) -> tuple[Step, ...]:
    """The score is 0, from a leak bound with delta = 0."""
    at = given.name
    return (
        given,
        Combine(f"size of {at}", sp.Le(sp.Abs(score), 0, **_rel), {at: _one, "no leak": -2 * B * rho_A / tau}),
        Manifest(f"{at} above", sp.Le(score, sp.Abs(score), **_rel)),
        Manifest(f"{at} below", sp.Ge(score, -sp.Abs(score), **_rel)),
        Combine(f"{at} at most 0", sp.Le(score, 0, **_rel), {f"size of {at}": _one, f"{at} above": _one}),
        Combine(f"{at} at least 0", sp.Ge(score, 0, **_rel), {f"size of {at}": _one, f"{at} below": _one}),
        Manifest(f"{at} is 0", sp.Eq(score, 0, **_rel)),
    )


_small = Manifest("small leak", sp.Le(delta, B, **_rel))
structure = Theorem(
    name="blocks.structure",
    title="Zero off-block groups and own-block tokens: content across blocks is exactly 0",
    claim=sp.Eq(cross_score, 0, **_rel),
    assumes={"extinct": EXTINCT, "no leak": NO_LEAK},
    definitions=forms(rho_A, rho_A) | across(cross_score),
    steps=(_small, *_is_zero(cross_score, Cite("score", leak, {}, {"extinct": "extinct", "leak": "small leak"}))),
    equality=Equality("an identity; a sum of products with an exact 0 in each, so exact in floating point in any order"),
    needs={
        "extinct": Witness(
            {cross_score: sp.Integer(25), off_norm: _one, delta: _zero}, text="W_Q = [1 0], W_K = [0 1]; tokens (5, 0), (0, 5)"
        ),
        "no leak": Witness(
            {cross_score: _two, off_norm: _zero, delta: _one}, text="A = I, tokens (1, 1) and (1, 1) of different blocks"
        ),
    },
    uses=(leak,),
    source="2510.09338: attention restricted to semantic blocks",
    kind="identity",
)

_heads = sp.Matrix([[1, 0]]), sp.Matrix([[0, 1]])
_tokens = sp.Matrix([5, 0]), sp.Matrix([0, 5])
_column_score = ((_heads[0] * _tokens[0]).T * (_heads[1] * _tokens[1]))[0]
column_groups = Theorem(
    name="blocks.column_groups",
    title="Column groups are not enough: W_Q^(2) = W_K^(1) = 0 and a cross-block score of 25",
    claim=sp.Gt(_column_score, leak.claim.rhs.subs({B: 5, delta: 0, rho_A: 0, tau: 1}), **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(_column_score, 0, **_rel)),),
    equality=Equality(
        "a counterexample: W_Q = [1 0], W_K = [0 1], x_1 = (5, 0), x_2 = (0, 5); score 25 where blocks.leak would say 0"
    ),
    source="2510.09338: block sparsity, as first stated with column groups",
    kind="counterexample",
)

_lone = {n: sp.Integer(4), g: _one, t: -_one}
negative_margin = Theorem(
    name="blocks.negative_margin",
    title="Without a dial an extinct layer may attend outside more than a uniform row does",
    claim=sp.Gt(concentration.E.subs(_lone), sp.Rational(3, 4), **_rel),
    assumes={},
    steps=(
        Manifest(
            "claim",
            sp.Gt(concentration.E.subs(_lone), sp.Rational(3, 4), **_rel),
        ),
    ),
    equality=Equality(
        "a counterexample: A_1 = -1, query (1, 0) sees itself (score -1) and three keys of another block (score 0): margin -1, "
        "outside mass 3e/(1 + 3e) = 0.89 > 3/4"
    ),
    source="2510.09338: concentration from block sparsity alone",
    kind="counterexample",
)

_ceiling = entropy.entropy_ceiling.stated.subs(_lone)
entropy_vacuous = Theorem(
    name="blocks.entropy_vacuous",
    title="Below margin 0 the ceiling is not a bound: a uniform row meets every hypothesis",
    claim=sp.Gt(sp.log(4), _ceiling, **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(sp.log(4), _ceiling, **_rel)),),
    equality=Equality(
        "a counterexample: rho = B = tau = 1, delta = 0, no dial: t = -1, and A = 0 is in the ball; n = 4, g = 1: ln 4 > 1.3235"
    ),
    source="2510.09338: low entropy at stationary points, without a positive margin",
    kind="counterexample",
)

outside_weight = Theorem(
    name="blocks.outside_weight",
    title="Outside mass counts the outside keys and does not look at them",
    claim=sp.Eq(eps, (n - g) / (sum_in + n - g), **_rel),
    assumes={"block": concentration.BLOCK, "extinct": EXTINCT, "no leak": NO_LEAK},
    definitions=concentration.ROW_SUMS | forms(rho_A, rho_A) | across(s[j_out]),
    steps=(
        _small,
        *_is_zero(s[j_out], Cite("score", leak, {cross_score: s[j_out]}, {"extinct": "extinct", "leak": "small leak"})),
        SumOver("outside terms", Apply("e^0", sp.exp(_x), _x, "score is 0"), j_out),
        Combine("O counts", sp.Eq(sum_out, n - g, **_rel), {"O is": _one, "outside terms": _one}),
        Apply("share", 1 - sum_in / (sum_in + _y), _y, "O counts"),
        Combine("claim", sp.Eq(eps, (n - g) / (sum_in + n - g), **_rel), {"eps is": _one, "share": _one}),
    ),
    equality=Equality("an identity"),
    needs={
        "extinct": Witness(
            {eps: sp.E / (1 + sp.E), n: _two, g: _one, sum_in: _one, off_norm: _one, delta: _zero},
            text="A^(1,2) = 1: the outside key scores 1, the in-block one 0",
        ),
        "no leak": Witness(
            {eps: sp.E**2 / (1 + sp.E**2), n: _two, g: _one, sum_in: _one, off_norm: _zero, delta: _one},
            text="A = I, query (1, 1), outside key (1, 1) scores 2, in-block key (1, -1) scores 0",
        ),
    },
    free={"block": "g = n leaves no key outside and g = 0 none inside; the formula is 0 or 1 there"},
    uses=(leak,),
    source="2510.09338: semantic blocks do not interfere",
    kind="identity",
)

_s2 = sp.IndexedBase("s2", real=True)  # scores after the tokens outside the block were replaced
_O2 = sp.Symbol("O_2", positive=True)
_weight = sp.Symbol("e_j", positive=True)  # e^score of one key: in the block its tokens did not change, outside it is e^0 twice
_fresh: dict[sp.Expr, sp.Expr] = {
    symbol: sp.Symbol(f"{symbol}_2", **symbol.assumptions0)
    for relation in across(cross_score).values()
    for symbol in relation.free_symbols - {cross_score, tau, B, delta, off_norm}
}
_again = {
    f"{key}, replaced": r.subs({cross_score: _s2[j_out], **_fresh}, simultaneous=True) for key, r in across(cross_score).items()
}
_drift = _weight / (sum_in + _O2) - _weight / (sum_in + sum_out)
non_interference = Theorem(
    name="blocks.non_interference",
    title="Tokens outside the block do not influence the weights of a row",
    claim=sp.Eq(weight_drift, 0, **_rel),
    assumes={"extinct": EXTINCT, "no leak": NO_LEAK},
    definitions={
        "O is": concentration.ROW_SUMS["O is"],
        "O, replaced": sp.Eq(_O2, sp.Sum(sp.exp(_s2[j_out]), (j_out, g + 1, n)), **_rel),
        "drift is": sp.Eq(weight_drift, _drift, **_rel),
        "block of the row": sp.Le(g, n, **_rel),
    }
    | forms(rho_A, rho_A)
    | across(s[j_out])
    | _again,
    steps=(
        _small,
        *_is_zero(s[j_out], Cite("before", leak, {cross_score: s[j_out]}, {"extinct": "extinct", "leak": "small leak"})),
        *_is_zero(
            _s2[j_out], Cite("after", leak, {cross_score: _s2[j_out], **_fresh}, {"extinct": "extinct", "leak": "small leak"})
        ),
        SumOver("terms before", Apply("e^0 before", sp.exp(_x), _x, "before is 0"), j_out),
        SumOver("terms after", Apply("e^0 after", sp.exp(_x), _x, "after is 0"), j_out),
        Combine(
            "same",
            sp.Eq(_O2, sum_out, **_rel),
            {"O, replaced": _one, "terms after": _one, "O is": -_one, "terms before": -_one},
        ),
        Combine(
            "claim",
            sp.Eq(weight_drift, 0, **_rel),
            {"drift is": _one, "same": -_weight / ((sum_in + _O2) * (sum_in + sum_out))},
        ),
    ),
    equality=Equality("an identity; exact in floating point too, because every outside content score is exactly 0"),
    needs={
        "extinct": Witness(
            {weight_drift: 1 / (1 + sp.E) - _half, off_norm: _one, delta: _zero},
            text="A^(1,2) = 1, query (1, 0): the outside key (0, 0) is replaced by (0, 1), the in-block key keeps score 0",
        ),
        "no leak": Witness(
            {weight_drift: 1 / (1 + sp.E) - _half, off_norm: _zero, delta: _one},
            text="A = diag(0, 1), query (1, 1): the outside key (0, 0) is replaced by (0, 1)",
        ),
    },
    uses=(leak,),
    source="2510.09338: semantic blocks do not interfere",
    kind="identity",
)

_moved, _changed, _total = sp.symbols("moved changed total", nonnegative=True)
value_shift = Theorem(
    name="blocks.value_shift",
    title="Outside tokens reach a row's output only through their values and the outside mass",
    claim=sp.Le(output_change, eps * value_change, **_rel),
    assumes={
        "unmoved": Hypothesis(
            sp.Eq(weight_drift, 0, **_rel),
            "the weights of the row did not move",
            "blocks.non_interference gives it: extinct groups, no leak.",
        )
    },
    # o' - o = sum_j (a'_j - a_j) v_j + sum_out a'_j dv_j; |a'_j - a_j| sum to total, at most n drifts.
    definitions={"total is": sp.Le(_total, n * weight_drift, **_rel)},
    steps=(
        Cite("two parts", triangle, {lemmas.u: output_change, lemmas.v: _moved, lemmas.w: _changed}),
        Cite("moved weights", norm_of_sum, {lemmas.u: _moved, lemmas.v: _total, lemmas.w: B_v}),
        Cite("changed values", norm_of_sum, {lemmas.u: _changed, lemmas.v: eps, lemmas.w: value_change}),
        Combine(
            "claim",
            sp.Le(output_change, eps * value_change, **_rel),
            {"two parts": _one, "moved weights": _one, "changed values": _one, "total is": B_v, "unmoved": -n * B_v},
        ),
    ),
    equality=Equality("all outside values move by the same vector", {output_change: eps * value_change}),
    needs={
        "unmoved": Witness(
            {output_change: _half, eps: sp.Rational(1, 4), value_change: _zero, weight_drift: sp.Rational(1, 4)},
            text="two keys with values 1 and -1 whose weights go from (3/4, 1/4) to (1/2, 1/2): the output moves, no value",
        )
    },
    source="2510.09338: semantic blocks do not interfere",
)
