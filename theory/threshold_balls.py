"""Threshold, part 3b: gradient bounds from norm balls alone, and the value path. Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import threshold_formulas as numbers
from theory.lemmas import norm_of_product, norm_of_sum
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
    gradient_norm,
    i_query,
    mean_part,
    mean_query,
    output_gradient,
    part_norm,
    queries,
    rho_K,
    rho_Q,
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
from theory.threshold_covariance import MEAN_PART, OUTPUT, PARTS, VALUES, norm_lemma
from theory.threshold_gradient import gradient_key, gradient_query, query_size

_rel = {"evaluate": False}
_one, _zero = sp.Integer(1), sp.Integer(0)
_per_query = sp.IndexedBase("r", nonnegative=True)  # norm of the mean token part of query i

# k_j - k_l = W_K (x_j - x_l), and every query is W_Q x_i
KEYS_APART = norm_lemma("keys apart", norm_of_product, spread_K, size_K, spread_X)
ONE_QUERY = norm_lemma("one query", norm_of_product, query_size[i_query], size_Q, token_norm)

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
            {
                "grad": 2,
                "g": 1,
                "G": 1,
                "v": 2,
                "D_v": 2,
                "K": 1,
                "rho_K": 1,
                "X": 2,
                "D_X": 2,
                "c": 1,
                "B_c": 1,
                "Q": 1,
                "rho_Q": 1,
                "x": 1,
                "B_x": 1,
                "d": 2,
                "D_c": 2,
            }
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
        KEYS_APART,
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
    source="2510.09338: explicit threshold conditions from a configuration",
)

gradient_qk_key = Theorem(
    name="threshold.gradient_qk_key",
    title="Gradient of every key group, from the norm balls alone",
    claim=sp.Le(gradient_norm, _on_balls, **_rel),
    assumes={"output": OUTPUT, "values": VALUES, "ball": BALL_Q, "token": TOKEN_NORM, "spread": PARTS},
    definitions=gradient_key.definitions,
    steps=(
        Cite("by diameters", gradient_key, {B_q: mean_query}, {"output": "output", "values": "values", "spread": "spread"}),
        SumOver("queries summed", ONE_QUERY, i_query),
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
    source="2510.09338: explicit threshold conditions from a configuration",
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
    source="2510.09338: explicit threshold conditions, value path",
)

BALLS: tuple[Theorem, ...] = (gradient_qk, gradient_qk_key, value_path)
