"""Threshold, part 2: bounds on the gradient of a group (T5b, N10). Assembled in `theory.threshold`.

One row: a = softmax(s), g = dl/do, y_j = <g, v_j>. The score gradient is a_j (y_j - E y), so the gradient of a group is a
sum over queries of (token part) (covariance of the keys with y)', and a covariance is at most half the one diameter times
half the other.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory import threshold_formulas as numbers
from theory.lemmas import bilinear_form, cauchy_schwarz, norm_of_product, norm_of_sum, popoviciu, sum_of_norms
from theory.steps import Cite, Combine, Manifest, SumOver
from theory.symbols import (
    D_K,
    D_V,
    D_X,
    B,
    B_c,
    B_q,
    B_x,
    D_c,
    G_loss,
    covariance_norm,
    gradient_norm,
    i_query,
    key_gain,
    key_weight,
    mean_gain,
    mean_part,
    mean_query,
    output_gradient,
    part_norm,
    queries,
    rho_K,
    rho_Q,
    score_gradient,
    size_K,
    size_Q,
    spread_c,
    spread_K,
    spread_V,
    spread_X,
    tau,
    token_norm,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

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


def norm_lemma(name: str, of: lemmas.Lemma, p: sp.Expr, v: sp.Expr, w: sp.Expr | None = None) -> Cite:
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
    source="2510.09338: explicit threshold conditions, covariance bound (T5b)",
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
    source="2510.09338: explicit threshold conditions, softmax gradient (T5b)",
    kind="identity",
)


def _mean_over_queries(
    mean: sp.Symbol, mean_bound: sp.Symbol, row_bound: sp.Expr, bound: sp.Expr, given: tuple[Cite | Combine, ...]
) -> tuple:
    """grad = |(1/(N tau)) sum_i r_i cov_i'| with every cov_i <= row_bound and mean r <= mean_bound."""
    total = sp.Sum(_per_query[i_query] * _cov[i_query], (i_query, 1, queries))
    return (
        *given,
        norm_lemma("triangle", sum_of_norms, gradient_norm, total / (queries * tau)),
        SumOver(
            "summed",
            Combine(
                "one query",
                sp.Le(_per_query[i_query] * _cov[i_query], _per_query[i_query] * row_bound, **_rel),
                {"row": _per_query[i_query]},
            ),
            i_query,
        ),
        Combine(
            "claim",
            sp.Le(gradient_norm, bound, **_rel),
            {"triangle": 1, "summed": 1 / (queries * tau), "mean is": row_bound / tau, "mean": row_bound / tau},
        ),
    )


def _mean_is(mean: sp.Symbol) -> dict[str, sp.Eq]:
    return {"mean is": sp.Eq(mean, sp.Sum(_per_query[i_query], (i_query, 1, queries)) / queries, **_rel)}


def _layer(**changed: int) -> dict[str, sp.Integer]:
    """One attaining layer: N = 2, tau = 1, everything 1 but the diameters 2; gradient 1."""
    return {
        key: sp.Integer(value) for key, value in (dict(grad=1, g=1, G=1, k=2, D_k=2, v=2, D_v=2, m=1, B_m=1) | changed).items()
    }


def _refuting(spread: sp.Symbol, diameter: sp.Symbol, mean: sp.Symbol, mean_bound: sp.Symbol) -> dict[str, Witness]:
    def at(text: str, **changed: int) -> Witness:
        n = _layer(grad=2, **changed)
        return Witness(
            {
                gradient_norm: n["grad"],
                output_gradient: n["g"],
                G_loss: n["G"],
                spread: n["k"],
                diameter: n["D_k"],
                spread_V: n["v"],
                D_V: n["D_v"],
                mean: n["m"],
                mean_bound: n["B_m"],
                tau: sp.Integer(1),
            },
            text=f"the attaining layer with {text}",
        )

    return {
        "output": at("g = 2, and G = 1 claimed", g=2),
        "spread": at("this diameter 4, and 2 claimed", k=4),
        "values": at("values 4 apart, and 2 claimed", v=4),
        "mean": at("mean norm 2, and 1 claimed", m=2),
    }


_parts_row = Cite(
    "row",
    covariance,
    {covariance_norm: _cov[i_query], spread_K: spread_c, D_K: D_c},
    {"output": "output", "keys": "spread", "values": "values"},
)
_keys_row = Cite(
    "row", covariance, {covariance_norm: _cov[i_query]}, {"output": "output", "keys": "spread", "values": "values"}
)

gradient_bilinear = Theorem(
    name="threshold.gradient_bilinear",
    title="Gradient of a group A^(c,c') of a bilinear layer",
    claim=sp.Le(gradient_norm, numbers.gradient_bound_bilinear.stated, **_rel),
    assumes={"output": OUTPUT, "spread": PARTS, "values": VALUES, "mean": MEAN_PART},
    definitions=_mean_is(mean_part),
    steps=_mean_over_queries(mean_part, B_c, D_c * G_loss * D_V / 4, numbers.gradient_bound_bilinear.stated, (_parts_row,)),
    equality=Equality(
        "tokens (1; 1) and (1; -1), A = 0, v = the second block, equal targets",
        {gradient_norm: G_loss * (D_V / 2) * (D_c / 2) * B_c / tau},
    ),
    needs=_refuting(spread_c, D_c, mean_part, B_c),
    uses=(covariance,),
    source="2510.09338: explicit threshold conditions (T5b, bilinear)",
)

gradient_query = Theorem(
    name="threshold.gradient_query",
    title="Gradient of a query group W_Q^(b,c)",
    claim=sp.Le(gradient_norm, numbers.gradient_bound_qk_query.stated, **_rel),
    assumes={"output": OUTPUT, "spread": KEYS, "values": VALUES, "mean": MEAN_PART},
    definitions=_mean_is(mean_part),
    steps=_mean_over_queries(mean_part, B_c, D_K * G_loss * D_V / 4, numbers.gradient_bound_qk_query.stated, (_keys_row,)),
    equality=Equality(
        "self-attention on x and -x, W_Q = 0, opposite targets", {gradient_norm: G_loss * (D_V / 2) * (D_K / 2) * B_c / tau}
    ),
    needs=_refuting(spread_K, D_K, mean_part, B_c),
    uses=(covariance,),
    source="2510.09338: explicit threshold conditions (T5b, query side)",
)

gradient_key = Theorem(
    name="threshold.gradient_key",
    title="Gradient of a key group W_K^(b,c)",
    claim=sp.Le(gradient_norm, numbers.gradient_bound_qk_key.stated, **_rel),
    assumes={"output": OUTPUT, "spread": PARTS, "values": VALUES, "mean": MEAN_QUERY},
    definitions=_mean_is(mean_query),
    steps=_mean_over_queries(mean_query, B_q, D_c * G_loss * D_V / 4, numbers.gradient_bound_qk_key.stated, (_parts_row,)),
    equality=Equality(
        "self-attention on x and -x, queries at right angles to keys, opposite targets",
        {gradient_norm: G_loss * (D_V / 2) * (D_c / 2) * B_q / tau},
    ),
    needs=_refuting(spread_c, D_c, mean_query, B_q),
    uses=(covariance,),
    source="2510.09338: explicit threshold conditions (T5b, key side)",
)

# --- on Frobenius balls: from the configuration alone -------------------------------------------------------------------------

_on_balls = numbers.gradient_bound_qk.stated
_scale = G_loss * D_V / (4 * tau)
_larger = sp.Max(rho_K * D_X * B_c, rho_Q * B_x * D_c)
BALL_K = Hypothesis(sp.Le(size_K, rho_K, **_rel), "W_K is in its Frobenius ball", "Project W_K on the ball after every step.")
BALL_Q = Hypothesis(sp.Le(size_Q, rho_Q, **_rel), "W_Q is in its Frobenius ball", "Project W_Q on the ball after every step.")
TOKENS = Hypothesis(sp.Le(spread_X, D_X, **_rel), "any two tokens are at most D_X apart", "Measure D_X on the tokens.")
TOKEN_NORM = Hypothesis(sp.Le(token_norm, B_x, **_rel), "tokens have norm at most B_x", "Measure B_x on the tokens.")


def _ball_witness(text: str, **changed: int) -> Witness:
    n = {
        key: sp.Integer(v)
        for key, v in (
            dict(grad=2, g=1, G=1, v=2, D_v=2, K=1, rho_K=1, X=2, D_X=2, c=1, B_c=1, Q=1, rho_Q=1, x=1, B_x=1, d=2, D_c=2)
            | changed
        ).items()
    }
    return Witness(
        {
            gradient_norm: n["grad"],
            output_gradient: n["g"],
            G_loss: n["G"],
            spread_V: n["v"],
            D_V: n["D_v"],
            size_K: n["K"],
            rho_K: n["rho_K"],
            spread_X: n["X"],
            D_X: n["D_X"],
            mean_part: n["c"],
            B_c: n["B_c"],
            size_Q: n["Q"],
            rho_Q: n["rho_Q"],
            token_norm: n["x"],
            B_x: n["B_x"],
            spread_c: n["d"],
            D_c: n["D_c"],
            tau: sp.Integer(1),
        },
        text=f"the attaining layer with {text}",
    )


_common_needs = {
    "output": _ball_witness("g = 2, and G = 1 claimed", g=2),
    "values": _ball_witness("values 4 apart, and 2 claimed", v=4),
}

gradient_qk = Theorem(
    name="threshold.gradient_qk",
    title="Gradient of every query group, from the norm balls alone",
    claim=sp.Le(gradient_norm, _on_balls, **_rel),
    assumes={"output": OUTPUT, "values": VALUES, "ball": BALL_K, "tokens": TOKENS, "mean": MEAN_PART},
    definitions=gradient_query.definitions,
    steps=(
        Cite("by diameters", gradient_query, {D_K: spread_K, B_c: mean_part}, {"output": "output", "values": "values"}),
        # k_j - k_l = W_K (x_j - x_l)
        norm_lemma("keys apart", norm_of_product, spread_K, size_K, spread_X),
        Combine("keys within", sp.Le(spread_K, rho_K * D_X, **_rel), {"keys apart": 1, "ball": spread_X, "tokens": rho_K}),
        Combine(
            "sides", sp.Le(spread_K * mean_part, rho_K * D_X * B_c, **_rel), {"keys within": mean_part, "mean": rho_K * D_X}
        ),
        Manifest("one of two", sp.Ge(_larger, rho_K * D_X * B_c, **_rel)),
        Combine("claim", sp.Le(gradient_norm, _on_balls, **_rel), {"by diameters": 1, "sides": _scale, "one of two": _scale}),
    ),
    equality=Equality(
        "self-attention on x and -x, W_Q = 0, opposite targets, rho_Q = 0",
        {gradient_norm: _scale * rho_K * D_X * B_c, rho_Q: _zero},
    ),
    needs=_common_needs
    | {
        "ball": _ball_witness("|W_K| = 2, and 1 claimed", K=2),
        "tokens": _ball_witness("tokens 4 apart, and 2 claimed", X=4),
        "mean": _ball_witness("mean norm 2, and 1 claimed", c=2),
    },
    uses=(gradient_query,),
    source="2510.09338: explicit threshold conditions from a configuration (T5b, N4)",
)

gradient_qk_key = Theorem(
    name="threshold.gradient_qk_key",
    title="Gradient of every key group, from the norm balls alone",
    claim=sp.Le(gradient_norm, _on_balls, **_rel),
    assumes={"output": OUTPUT, "values": VALUES, "ball": BALL_Q, "token": TOKEN_NORM, "spread": PARTS},
    definitions=gradient_key.definitions,
    steps=(
        Cite("by diameters", gradient_key, {B_q: mean_query}, {"output": "output", "values": "values", "spread": "spread"}),
        # every query is W_Q x_i, so r_i <= |W_Q| |x_i|
        SumOver("queries summed", norm_lemma("one query", norm_of_product, _per_query[i_query], size_Q, token_norm), i_query),
        Combine(
            "queries within", sp.Le(mean_query, size_Q * token_norm, **_rel), {"queries summed": 1 / queries, "mean is": -1}
        ),
        Combine("on balls", sp.Le(mean_query, rho_Q * B_x, **_rel), {"queries within": 1, "ball": token_norm, "token": rho_Q}),
        Manifest("other of two", sp.Ge(_larger, rho_Q * B_x * D_c, **_rel)),
        Combine(
            "claim",
            sp.Le(gradient_norm, _on_balls, **_rel),
            {"by diameters": 1, "on balls": _scale * D_c, "other of two": _scale},
        ),
    ),
    equality=Equality(
        "self-attention on x and -x, queries at right angles to keys, opposite targets, rho_K = 0",
        {gradient_norm: _scale * rho_Q * B_x * D_c, rho_K: _zero},
    ),
    needs=_common_needs
    | {
        "ball": _ball_witness("|W_Q| = 2, and 1 claimed", Q=2),
        "token": _ball_witness("tokens of norm 2, and 1 claimed", x=2),
        "spread": _ball_witness("block parts 4 apart, and 2 claimed", d=4),
    },
    uses=(gradient_key,),
    source="2510.09338: explicit threshold conditions from a configuration (T5b, N4)",
)

value_path = Theorem(
    name="threshold.value_path",
    title="Gradient of a value group W_V^(c)",
    claim=sp.Le(gradient_norm, G_loss * B, **_rel),
    assumes={
        "output": OUTPUT,
        "parts": Hypothesis(
            sp.Le(part_norm, B, **_rel), "block-c parts of tokens have norm at most B", "Measure B on the tokens."
        ),
    },
    steps=(
        # dL/dW_V^(c) = mean of g_i (E_a x^(c))'; |E_a x| <= max |x|
        SumOver("row means", norm_lemma("one row", norm_of_sum, _per_query[i_query], _one, part_norm), i_query),
        norm_lemma(
            "triangle",
            norm_of_sum,
            gradient_norm,
            sp.Sum(_per_query[i_query], (i_query, 1, queries)) / queries,
            output_gradient,
        ),
        Combine(
            "claim",
            sp.Le(gradient_norm, G_loss * B, **_rel),
            {"triangle": 1, "row means": output_gradient / queries, "output": part_norm, "parts": G_loss},
        ),
    ),
    equality=Equality("equal tokens of norm B and equal targets", {gradient_norm: B * G_loss}),
    needs={
        "output": Witness(
            {gradient_norm: sp.Integer(2), output_gradient: sp.Integer(2), G_loss: _one, part_norm: _one, B: _one},
            text="g = 2, and G = 1 claimed",
        ),
        "parts": Witness(
            {gradient_norm: sp.Integer(2), output_gradient: _one, G_loss: _one, part_norm: sp.Integer(2), B: _one},
            text="a token of norm 2, and 1 claimed",
        ),
    },
    source="2510.09338: explicit threshold conditions, value path (T5b)",
)

GRADIENT: tuple[Theorem, ...] = (
    softmax_gradient,
    covariance,
    gradient_bilinear,
    gradient_query,
    gradient_key,
    gradient_qk,
    gradient_qk_key,
    value_path,
)
