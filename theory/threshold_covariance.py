"""Threshold, part 2: the score gradient and the covariance bound. Assembled in `theory.threshold`.

One row: a = softmax(s), g = dl/do, y_j = <g, v_j>. The score gradient is a_j (y_j - E y), so the gradient of a group is a
sum over queries of (token part) (covariance of the keys with y)', and a covariance is at most half the one diameter times
half the other.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.lemmas import bilinear_form, cauchy_schwarz, norm_of_sum, popoviciu
from theory.steps import Cite, Combine
from theory.symbols import (
    D_K,
    D_V,
    B_c,
    B_q,
    D_c,
    G_loss,
    covariance_norm,
    key_gain,
    key_weight,
    mean_gain,
    mean_part,
    mean_query,
    output_gradient,
    score_gradient,
    spread_c,
    spread_K,
    spread_V,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

_rel = {"evaluate": False}
_one, _zero = sp.Integer(1), sp.Integer(0)
_half = sp.Rational(1, 2)
gain_range = sp.Symbol("range_y", nonnegative=True)  # greatest minus least <g, v_j>
_sd_k, _sd_y, _range_k = sp.symbols("sd_k sd_y range_k", nonnegative=True)
_per_query = sp.IndexedBase("r", nonnegative=True)  # norm of the token part (or query) of query i
_cov = sp.IndexedBase("cov", nonnegative=True)  # norm of the covariance of row i
_score, _rest_sum, _rest_gain = sp.Symbol("s_j", real=True), sp.Symbol("Z_rest", positive=True), sp.Symbol("Y_rest", real=True)

OUTPUT = Hypothesis(
    sp.Le(output_gradient, G_loss, **_rel),
    "the gradient of a query's loss in its output has norm at most G",
    "Take G from threshold.loss_gradient, or clip.",
)
VALUES = Hypothesis(
    sp.Le(spread_V, D_V, **_rel), "any two values are at most D_V apart", "Hold W_V on a Frobenius ball: D_V <= rho_V D_X."
)
KEYS = Hypothesis(
    sp.Le(spread_K, D_K, **_rel), "any two keys are at most D_K apart", "Hold W_K on a Frobenius ball: D_K <= rho_K D_X."
)
PARTS = Hypothesis(
    sp.Le(spread_c, D_c, **_rel), "the block-c parts of any two tokens are at most D_c apart", "Measure D_c on the tokens."
)
MEAN_PART = Hypothesis(
    sp.Le(mean_part, B_c, **_rel),
    "the block-c parts of the queries' tokens have mean norm at most B_c",
    "Measure B_c on the tokens.",
)
MEAN_QUERY = Hypothesis(
    sp.Le(mean_query, B_q, **_rel), "the queries have mean norm at most B_q", "Hold W_Q on a Frobenius ball: B_q <= rho_Q B_x."
)


def norm_lemma(name: str, of: Lemma, p: sp.Expr, v: sp.Expr, w: sp.Expr | None = None) -> Cite:
    """A lemma on norms for the numbers p, v, w; the left side is the symbol that the lemma calls p, u or v."""
    if of is popoviciu:
        return Cite(name, of, {lemmas.v: p, lemmas.w: v})
    if of is bilinear_form:
        return Cite(name, of, {lemmas.p: p, lemmas.u: _one, lemmas.v: v, lemmas.w: w})
    left = lemmas.u if of is norm_of_sum else lemmas.p
    return Cite(name, of, {left: p, lemmas.v: v} | ({} if w is None else {lemmas.w: w}))


def within(bound: sp.Expr = G_loss * D_V) -> tuple[Cite | Combine, ...]:
    """The range of <g, v_j> is at most G D_V: it is <g, v_j - v_k> for two keys."""
    return (
        norm_lemma("range of y", bilinear_form, gain_range, output_gradient, spread_V),
        Combine("y within", sp.Le(gain_range, bound, **_rel), {"range of y": 1, "output": spread_V, "values": G_loss}),
    )


def _covariance_witness(text: str, *numbers_: int) -> Witness:
    names = (covariance_norm, output_gradient, G_loss, spread_K, D_K, spread_V, D_V)
    return Witness(dict(zip(names, map(sp.Integer, numbers_), strict=True)), text=text)


_cov_bound = D_K / 2 * (G_loss * D_V / 2)
covariance = Theorem(
    name="threshold.covariance",
    title="A covariance of keys with <g, v> is at most half of one diameter times half of the other",
    claim=sp.Le(covariance_norm, _cov_bound, **_rel),
    assumes={"output": OUTPUT, "keys": KEYS, "values": VALUES},
    steps=(
        # e is the unit vector along the covariance: |Cov(k, y)| = Cov(<e, k>, y).
        norm_lemma("product of deviations", cauchy_schwarz, covariance_norm, _sd_k, _sd_y),
        norm_lemma("deviation of keys", popoviciu, _sd_k, _range_k),
        norm_lemma("range of keys", bilinear_form, _range_k, _one, spread_K),
        norm_lemma("deviation of y", popoviciu, _sd_y, gain_range),
        *within(),
        Combine("sd of y", sp.Le(_sd_y, G_loss * D_V / 2, **_rel), {"deviation of y": 1, "y within": _half}),
        Combine("sd of keys", sp.Le(_sd_k, D_K / 2, **_rel), {"deviation of keys": 1, "range of keys": _half, "keys": _half}),
        Combine(
            "claim",
            sp.Le(covariance_norm, _cov_bound, **_rel),
            {"product of deviations": 1, "sd of keys": _sd_y, "sd of y": D_K / 2},
        ),
    ),
    equality=Equality(
        "two keys of weight 1/2, k = +-D_K/2 e, v = +-(D_V/2) g/|g|, |g| = G",
        {covariance_norm: G_loss * (D_V / 2 * (D_K / 2))},
    ),
    needs={
        "output": _covariance_witness("two keys +-1, values +-1, g = 2 with G = 1 claimed", 2, 2, 1, 2, 2, 2, 2),
        "keys": _covariance_witness("keys +-2 with D_K = 2 claimed", 2, 1, 1, 4, 2, 2, 2),
        "values": _covariance_witness("values +-2 with D_V = 2 claimed", 2, 1, 1, 2, 2, 4, 2),
    },
    source="2510.09338: explicit threshold conditions, covariance bound",
)

_total = sp.exp(_score) + _rest_sum
_mean = (sp.exp(_score) * key_gain + _rest_gain) / _total
softmax_gradient = Theorem(
    name="threshold.softmax_gradient",
    title="The gradient of a query's loss in a score",
    claim=sp.Eq(score_gradient, key_weight * (key_gain - mean_gain), **_rel),
    assumes={},
    # Key j against the others, whose exponentials sum to Z_rest and whose exponentials times <g, v> sum to Y_rest. By the chain
    # rule the derivative is that of E y with g held at its value.
    definitions={
        "weight is": sp.Eq(key_weight, sp.exp(_score) / _total, **_rel),
        "mean is": sp.Eq(mean_gain, _mean, **_rel),
        "derivative is": sp.Eq(score_gradient, sp.diff(_mean, _score), **_rel),
    },
    steps=(
        Combine(
            "claim",
            sp.Eq(score_gradient, key_weight * (key_gain - mean_gain), **_rel),
            {"derivative is": 1, "weight is": mean_gain - key_gain, "mean is": sp.exp(_score) / _total},
        ),
    ),
    equality=Equality("an identity"),
    source="2510.09338: explicit threshold conditions, softmax gradient",
    kind="identity",
)

COVARIANCE: tuple[Theorem, ...] = (softmax_gradient, covariance)
