"""Threshold, part 7: what penalties cannot do. Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory import threshold_formulas as numbers
from theory.lemmas import bilinear_form
from theory.steps import Apply, Cite, Combine, Manifest, SumOver
from theory.symbols import (
    D_K,
    D_V,
    B_c,
    B_q,
    D_c,
    G_loss,
    entropy,
    g,
    gradient_norm,
    i_query,
    j_in,
    j_out,
    lam,
    mean_part,
    mean_query,
    move,
    n,
    output_gradient,
    queries,
    s,
    score_range,
    size_K,
    size_Q,
    slope,
    spread_c,
    spread_K,
    spread_V,
    spread_X,
    sum_in,
    sum_out,
    tau,
    token_norm,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness
from theory.threshold_balls import KEYS_APART, ONE_QUERY
from theory.threshold_gradient import gradient_key, gradient_query

_rel = {"evaluate": False}
_one, _zero, _two = sp.Integer(1), sp.Integer(0), sp.Integer(2)

_inner_q, _inner_k = sp.symbols("inner_q inner_k", real=True)
_move_q, _move_k, _grad_q, _grad_k = sp.symbols("move_q move_k grad_q grad_k", nonnegative=True)
_query_rate = output_gradient * spread_V * mean_part * _move_q / (4 * tau)  # of the loss, a unit of distance of two keys
_key_rate = output_gradient * spread_V * spread_c * _move_k / (4 * tau)  # and a unit of mean query norm
uniform_trap = Theorem(
    name="threshold.uniform_trap",
    title="W_Q = W_K = 0 is stationary for every penalty weight: in every direction the objective rises at rate lam",
    claim=sp.Ge(slope, lam * move, **_rel),
    assumes={
        "no keys": Hypothesis(sp.Le(size_K, 0, **_rel), "W_K = 0", "Away from zero use threshold.gradient_query."),
        "no queries": Hypothesis(sp.Le(size_Q, 0, **_rel), "W_Q = 0", "Away from zero use threshold.gradient_key."),
    },
    definitions={"slope is": sp.Eq(slope, _inner_q + _inner_k + lam * move, **_rel)}
    | dict(gradient_query.definitions)
    | {
        "mean query is": gradient_key.definitions["mean is"],
    },
    steps=(
        KEYS_APART,
        SumOver("queries summed", ONE_QUERY, i_query),
        Combine(
            "queries within",
            sp.Le(mean_query, size_Q * token_norm, **_rel),
            {"queries summed": 1 / queries, "mean query is": -1},
        ),
        Cite(
            "query gradient",
            gradient_query,
            {gradient_norm: _grad_q, G_loss: output_gradient, D_V: spread_V, D_K: spread_K, B_c: mean_part},
        ),
        Cite(
            "key gradient",
            gradient_key,
            {gradient_norm: _grad_k, G_loss: output_gradient, D_V: spread_V, D_c: spread_c, B_q: mean_query},
        ),
        Cite("query side", bilinear_form, {lemmas.p: -_inner_q, lemmas.u: _one, lemmas.v: _grad_q, lemmas.w: _move_q}),
        Cite("key side", bilinear_form, {lemmas.p: -_inner_k, lemmas.u: _one, lemmas.v: _grad_k, lemmas.w: _move_k}),
        Combine(
            "claim",
            sp.Ge(slope, lam * move, **_rel),
            {
                "slope is": 1,
                "query side": 1,
                "key side": 1,
                "query gradient": _move_q,
                "key gradient": _move_k,
                "keys apart": _query_rate,
                "no keys": _query_rate * spread_X,
                "queries within": _key_rate,
                "no queries": _key_rate * token_norm,
            },
        ),
    ),
    equality=Equality("always: both gradients are zero", {slope: move * lam}),
    needs={
        "no keys": Witness(
            {slope: -_one, lam: _one, move: _one, size_K: _one, size_Q: _zero},
            text="self-attention on x, -x with W_Q = 0, W_K = 1: gradient 1 a unit of loss gradient, here 2",
        ),
        "no queries": Witness(
            {slope: -_one, lam: _one, move: _one, size_K: _zero, size_Q: _one}, text="the same with the sides exchanged"
        ),
    },
    uses=(gradient_query, gradient_key),
    source="2510.09338: limits of penalties",
)

_least = sp.Symbol("least", real=True)
_place = sp.IndexedBase("place", nonnegative=True)  # place of a score in its range, from 0 to 1
_weighted = sp.Symbol("W", real=True)  # sum of s e^s
_top = sp.exp(_least)
_x = sp.Symbol("_x", real=True)
_y = sp.Symbol("_y", positive=True)


def _flat(side: str, j: sp.Symbol) -> tuple[Combine | Apply | SumOver, ...]:
    """Every score of one side is the least one, so the sums of e^s and of s e^s are counts."""
    return (
        Combine(f"s {side}", sp.Eq(s[j], _least, **_rel), {f"place {side}": 1, "flat": _place[j]}),
        Apply(f"e^s {side}", sp.exp(_x), _x, f"s {side}"),
        SumOver(f"sum {side}", Combine(f"term {side}", sp.Eq(sp.exp(s[j]), _top, **_rel), {f"e^s {side}": 1}), j),
        SumOver(
            f"weighted {side}",
            Combine(
                f"weighted term {side}",
                sp.Eq(s[j] * sp.exp(s[j]), _least * _top, **_rel),
                {f"s {side}": sp.exp(s[j]), f"e^s {side}": _least},
            ),
            j,
        ),
    )


uniform_entropy = Theorem(
    name="threshold.uniform_entropy",
    title="With every content group at zero attention is uniform: its entropy is maximal, ln n exactly",
    claim=sp.Eq(entropy, sp.log(n), **_rel),
    assumes={
        "block": Hypothesis(
            sp.Ge(n - g, 1, **_rel), "a key in the block and one outside", "The split into a block only fixes the notation."
        ),
        "flat": Hypothesis(
            sp.Eq(score_range, 0, **_rel),
            "all scores of the row are equal, as when every query or every key is zero and the dial is 0",
            "Exempt the in-block groups, lower their weight (threshold.selectivity_window), or use the dial.",
        ),
    },
    definitions={
        "place in": sp.Eq(s[j_in], _least + score_range * _place[j_in], **_rel),
        "place out": sp.Eq(s[j_out], _least + score_range * _place[j_out], **_rel),
        "I is": sp.Eq(sum_in, sp.Sum(sp.exp(s[j_in]), (j_in, 1, g)), **_rel),
        "O is": sp.Eq(sum_out, sp.Sum(sp.exp(s[j_out]), (j_out, g + 1, n)), **_rel),
        "W is": sp.Eq(
            _weighted,
            sp.Sum(s[j_in] * sp.exp(s[j_in]), (j_in, 1, g)) + sp.Sum(s[j_out] * sp.exp(s[j_out]), (j_out, g + 1, n)),
            **_rel,
        ),
        "H is": sp.Eq(entropy, sp.log(sum_in + sum_out) - _weighted / (sum_in + sum_out), **_rel),
    },
    steps=(
        *_flat("in", j_in),
        *_flat("out", j_out),
        Combine("total", sp.Eq(sum_in + sum_out, n * _top, **_rel), {"I is": 1, "O is": 1, "sum in": 1, "sum out": 1}),
        Combine("W equals", sp.Eq(_weighted, n * _least * _top, **_rel), {"W is": 1, "weighted in": 1, "weighted out": 1}),
        Combine(
            "mean score",
            sp.Eq(_weighted / (sum_in + sum_out), _least, **_rel),
            {"W equals": 1 / (sum_in + sum_out), "total": -_least / (sum_in + sum_out)},
        ),
        Apply("ln total", sp.log(_y), _y, "total"),
        Combine("claim", sp.Eq(entropy, sp.log(n), **_rel), {"H is": 1, "ln total": 1, "mean score": -1}),
    ),
    equality=Equality("an identity"),
    needs={
        "flat": Witness(
            {n: _two, g: _one, score_range: _one, entropy: sp.log(1 + sp.exp(-1)) + sp.exp(-1) / (1 + sp.exp(-1))},
            scores=(_one, _zero),
            block=(0,),
            text="scores 1 and 0: entropy 0.582 < ln 2",
        )
    },
    free={"block": "the claim does not depend on the block; for g = n the same sums run over one side"},
    source="2510.09338: limits of penalties",
    kind="identity",
)

_h = sp.Symbol("_h", nonnegative=True)
_steepest = 2 / (3 * sp.sqrt(3))
_example_bound = numbers.gradient_bound_bilinear.stated.subs({G_loss: 1, D_V: 2, D_c: 2, B_c: 1, tau: 1})
a_priori_not_necessary = Theorem(
    name="threshold.a_priori_not_necessary",
    title="The a-priori threshold is sufficient, not necessary: a layer whose gradient stays below 0.39 of it",
    claim=sp.Lt(_steepest, _example_bound, **_rel),
    assumes={},
    steps=(
        # One query x = 1, keys and values +-1, loss o^2/2: o = tanh A, dL/dA = h (1 - h^2) with h = tanh A.
        Manifest(
            "steepest", sp.Le(_h * (1 - _h**2), _steepest, **_rel), form=(_h - 1 / sp.sqrt(3)) ** 2 * (_h + 2 / sp.sqrt(3))
        ),
        Manifest("claim", sp.Lt(_steepest, _example_bound, **_rel)),
    ),
    equality=Equality(
        "one query of norm 1, keys and values +-1, loss o^2/2, G = 1: a-priori bound 1, gradient at most 2/(3 sqrt 3)"
    ),
    source="2510.09338: threshold conditions, necessity",
    kind="counterexample",
)

TRAP: tuple[Theorem, ...] = (uniform_trap, uniform_entropy, a_priori_not_necessary)
