"""Threshold, part 6: gradients at a block-diagonal state on the dial. Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import threshold_formulas as numbers
from theory.lemmas import cauchy_schwarz, norm_of_sum, popoviciu, sum_of_norms
from theory.steps import Cases, Cite, Combine, Manifest, SumOver
from theory.symbols import (
    D_K,
    D_V,
    B,
    G_loss,
    covariance_norm,
    delta,
    eps,
    gradient_norm,
    i_other,
    i_own,
    leak_norm,
    output_gradient,
    own_norm,
    own_queries,
    queries,
    query_share,
    row_leak,
    spread_c,
    spread_K,
    spread_V,
    tau,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness
from theory.threshold_covariance import OUTPUT, VALUES, covariance, gain_range, norm_lemma, within

_rel = {"evaluate": False}
_one, _zero = sp.Integer(1), sp.Integer(0)
_per_query = sp.IndexedBase("r", nonnegative=True)  # norm of the block-c part of query i
_cov = sp.IndexedBase("cov", nonnegative=True)  # norm of the covariance of row i
_sd_y = sp.Symbol("sd_y", nonnegative=True)
# --- a block-diagonal state on the dial ----------------------------------------------------------------------------------

_out, _in, _deviation = sp.symbols("cov_out cov_in mean_dev", nonnegative=True)
OWN = Hypothesis(sp.Le(own_norm, B, **_rel), "own-block parts have norm at most B", "Measure B on the tokens.")
LEAK = Hypothesis(sp.Le(leak_norm, delta, **_rel), "off-block parts have norm at most delta", "Measure the leak on the tokens.")
SMALL = Hypothesis(sp.Le(delta, B, **_rel), "the leak is at most B", "Rename the blocks: a token's greater part is its own.")
MASS = Hypothesis(
    sp.Le(row_leak, eps, **_rel), "rows of block c have outside mass at most eps", "Take eps from concentration.outside_mass."
)
_leaky = G_loss * D_V * (eps * B + delta / 2)

_far = sp.Max(own_norm, leak_norm)
_names = (covariance_norm, output_gradient, G_loss, spread_V, D_V, own_norm, B, leak_norm, delta, row_leak, eps)


def _leaky_witness(text: str, *values: int | sp.Rational) -> Witness:
    return Witness(dict(zip(_names, map(sp.sympify, values), strict=True)), text=text)


_size_one, _size_two = sp.symbols("x_j x_k", nonnegative=True)  # part norms of the two tokens whose parts are farthest apart
FARTHEST = {
    "first of the farthest": sp.Le(_size_one, _far, **_rel),
    "second of the farthest": sp.Le(_size_two, _far, **_rel),
}


def _spread_within(bound: sp.Expr) -> tuple[Cite | Combine, ...]:
    """The parts of two tokens are at most twice the greatest norm apart."""
    parts = {"farthest": 1, "first of the farthest": 1, "second of the farthest": 1, "parts within": 2}
    return (
        norm_lemma("farthest", sum_of_norms, spread_c, _size_one + _size_two),
        Combine("spread within", sp.Le(spread_c, 2 * bound, **_rel), parts),
    )


def _wide(name: str, cov: sp.Expr, bound: sp.Expr) -> Cite:
    return Cite(
        name,
        covariance,
        {covariance_norm: cov, spread_K: spread_c, D_K: 2 * bound},
        {"output": "output", "keys": "spread within", "values": "values"},
    )


leaky_covariance = Theorem(
    name="threshold.leaky_covariance",
    title="Covariance of the parts of another block in a row that stays in its own",
    claim=sp.Le(covariance_norm, _leaky, **_rel),
    assumes={"output": OUTPUT, "values": VALUES, "own": OWN, "leak": LEAK, "mass": MASS},
    definitions=FARTHEST,
    steps=(
        *within(),
        Cases(
            "claim",
            sp.Le(covariance_norm, _leaky, **_rel),
            delta - B,
            (
                # Cov = sum_j a_j x_j^(c') (y_j - E y), c' not the row's block: keys outside the block, then keys in it
                norm_lemma("outside keys", norm_of_sum, _out, row_leak, _far * gain_range),
                Combine("leak within", sp.Le(leak_norm, B, **_rel), {"leak": 1, "claim.low": 1}),
                Manifest("parts within", sp.Le(_far, B, **_rel)),
                norm_lemma("inside keys", norm_of_sum, _in, _deviation, leak_norm),
                norm_lemma("mean deviation", cauchy_schwarz, _deviation, _sd_y, _one),
                norm_lemma("deviation of y", popoviciu, _sd_y, gain_range),
                norm_lemma("both", sum_of_norms, covariance_norm, _out + _in),
                Combine(
                    "small leak",
                    sp.Le(covariance_norm, _leaky, **_rel),
                    {
                        "both": 1,
                        "outside keys": 1,
                        "parts within": row_leak * gain_range,
                        "mass": B * gain_range,
                        "y within": eps * B + delta / 2,
                        "inside keys": 1,
                        "mean deviation": leak_norm,
                        "deviation of y": leak_norm,
                        "leak": gain_range / 2,
                    },
                ),
            ),
            (
                Combine("own within", sp.Le(own_norm, delta, **_rel), {"own": 1, "claim.high": 1}),
                Manifest("parts within", sp.Le(_far, delta, **_rel)),
                *_spread_within(delta),
                _wide("whole row", covariance_norm, delta),
                Manifest("a term more", sp.Ge(G_loss * D_V * eps * B, 0, **_rel)),
                Combine("great leak", sp.Le(covariance_norm, _leaky, **_rel), {"whole row": 1, "a term more": 1}),
            ),
        ),
    ),
    equality=Equality(
        "all keys in the block, values as far apart as their leaks: eps = 0",
        {covariance_norm: G_loss * (D_V / 2) * delta, eps: _zero},
    ),
    needs={
        "output": _leaky_witness("g = 2, and G = 1 claimed", 2, 2, 1, 2, 2, 1, 1, 1, 1, 0, 0),
        "values": _leaky_witness("values 4 apart, and 2 claimed", 2, 1, 1, 4, 2, 1, 1, 1, 1, 0, 0),
        "own": _leaky_witness(
            "an outside key of norm 8 with weight 1/2, and B = 1 claimed", 4, 1, 1, 2, 2, 8, 1, 0, 0, *[sp.Rational(1, 2)] * 2
        ),
        "leak": _leaky_witness("leaks of norm 2, and delta = 1 claimed", 2, 1, 1, 2, 2, 2, 2, 2, 1, 0, 0),
        "mass": _leaky_witness(
            "two keys of norm 1 outside the block, all of the mass, and eps = 0 claimed", 1, 1, 1, 2, 2, 1, 1, 0, 0, 1, 0
        ),
    },
    uses=(covariance,),
    source="2510.09338: locality dial during training",
)

_other_row = B * G_loss * D_V / 2
_shares = FARTHEST | {"share is": sp.Eq(query_share, own_queries / queries, **_rel)}


def _rows(index: sp.Symbol, low: sp.Expr, high: sp.Expr) -> sp.Sum:
    return sp.Sum(_per_query[index] * _cov[index], (index, low, high))


def _weighted(name: str, index: sp.Symbol, size: str, bound: sp.Expr, row: str, row_bound: sp.Expr) -> SumOver:
    """r_i cov_i <= bound row_bound, summed over the queries of one kind."""
    fact = sp.Le(_per_query[index] * _cov[index], bound * row_bound, **_rel)
    return SumOver(name, Combine(f"{name} one", fact, {row: _per_query[index], size: row_bound}), index)


_dial_names = (gradient_norm, *_names[1:], query_share)
_dial_bound = numbers.dial_scaled_gradient.stated


def _dial_witness(text: str, *values: int | sp.Rational) -> Witness:
    return Witness(dict(zip(_dial_names, map(sp.sympify, values), strict=True)) | {tau: _one}, text=text)


dial_scaled = Theorem(
    name="threshold.dial_scaled",
    title="On the dial the gradient of a cross-block group A^(c,c') falls with the outside mass, down to a floor of the leak",
    claim=sp.Le(gradient_norm, _dial_bound, **_rel),
    assumes={"output": OUTPUT, "values": VALUES, "own": OWN, "leak": LEAK, "small": SMALL, "mass": MASS},
    definitions=_shares | {"block of the queries": sp.Le(own_queries, queries, **_rel)},
    steps=(
        Combine("leak within", sp.Le(leak_norm, B, **_rel), {"leak": 1, "small": 1}),
        Manifest("parts within", sp.Le(_far, B, **_rel)),
        # queries of block c
        norm_lemma("own size", sum_of_norms, _per_query[i_own], own_norm),
        Combine("own sizes", sp.Le(_per_query[i_own], B, **_rel), {"own size": 1, "own": 1}),
        Cite(
            "own rows",
            leaky_covariance,
            {covariance_norm: _cov[i_own]},
            {"output": "output", "values": "values", "own": "own", "leak": "leak", "mass": "mass"},
        ),
        _weighted("own sum", i_own, "own sizes", B, "own rows", _leaky),
        # the other queries: their block-c part is leak
        norm_lemma("other size", sum_of_norms, _per_query[i_other], leak_norm),
        Combine("other sizes", sp.Le(_per_query[i_other], delta, **_rel), {"other size": 1, "leak": 1}),
        *_spread_within(B),
        _wide("other rows", _cov[i_other], B),
        _weighted("other sum", i_other, "other sizes", delta, "other rows", _other_row),
        norm_lemma(
            "triangle",
            sum_of_norms,
            gradient_norm,
            (_rows(i_own, _one, own_queries) + _rows(i_other, own_queries + 1, queries)) / (queries * tau),
        ),
        Combine(
            "claim",
            sp.Le(gradient_norm, _dial_bound, **_rel),
            {
                "triangle": 1,
                "own sum": 1 / (queries * tau),
                "other sum": 1 / (queries * tau),
                "share is": (B * _leaky - delta * _other_row) / tau,
            },
        ),
    ),
    equality=Equality(
        "every query in block c and no key outside (eps = 0), values as far apart as their leaks",
        {gradient_norm: G_loss * (D_V / 2) * B * delta / tau, eps: _zero, query_share: _one},
    ),
    needs={
        "output": _dial_witness("g = 2, and G = 1 claimed", 2, 2, 1, 2, 2, 1, 1, 1, 1, 0, 0, 1),
        "values": _dial_witness("values 4 apart, and 2 claimed", 2, 1, 1, 4, 2, 1, 1, 1, 1, 0, 0, 1),
        "own": _dial_witness("queries of norm 2, and B = 1 claimed", 2, 1, 1, 2, 2, 2, 1, 1, 1, 0, 0, 1),
        "leak": _dial_witness("leaks of norm 2, and delta = 1 claimed", 4, 1, 1, 2, 2, 2, 2, 2, 1, 0, 0, 1),
        "small": _dial_witness("no query in block c, all parts +-1, B = 0: gradient 1", 1, 1, 1, 2, 2, 0, 0, 1, 1, 0, 0, 0),
        "mass": _dial_witness(
            "two keys of norm 1 outside the block, all of the mass, and eps = 0 claimed", 1, 1, 1, 2, 2, 1, 1, 0, 0, 1, 0, 1
        ),
    },
    uses=(covariance, leaky_covariance),
    source="2510.09338: locality dial during training",
)

LEAKS: tuple[Theorem, ...] = (leaky_covariance, dial_scaled)
