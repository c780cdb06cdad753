"""Threshold, part 3: bounds on the gradient of a group by diameters. Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import threshold_formulas as numbers
from theory.lemmas import sum_of_norms
from theory.steps import Cite, Combine, Step, SumOver
from theory.symbols import (
    D_K,
    D_V,
    B_c,
    B_q,
    D_c,
    G_loss,
    covariance_norm,
    gradient_norm,
    i_query,
    mean_part,
    mean_query,
    output_gradient,
    queries,
    spread_c,
    spread_K,
    spread_V,
    tau,
)
from theory.theorem import Equality, Theorem, Witness
from theory.threshold_covariance import KEYS, MEAN_PART, MEAN_QUERY, OUTPUT, PARTS, VALUES, covariance, norm_lemma

_rel = {"evaluate": False}
_one, _zero = sp.Integer(1), sp.Integer(0)
_per_query = sp.IndexedBase("r", nonnegative=True)  # norm of the token part of query i
query_size = sp.IndexedBase("r_q", nonnegative=True)  # norm of query i: other numbers, so that a layer can have both
_cov = sp.IndexedBase("cov", nonnegative=True)  # norm of the covariance of row i


def _mean_over_queries(each: sp.IndexedBase, row_bound: sp.Expr, bound: sp.Expr, row: Cite) -> tuple[Step, ...]:
    """For grad = |(1/(N tau)) sum_i r_i cov_i'| with every cov_i <= row_bound and a bound on the mean of r_i, `each`."""
    total = sp.Sum(each[i_query] * _cov[i_query], (i_query, 1, queries))
    return (
        row,
        norm_lemma("triangle", sum_of_norms, gradient_norm, total / (queries * tau)),
        SumOver(
            "summed",
            Combine(
                "one query",
                sp.Le(each[i_query] * _cov[i_query], each[i_query] * row_bound, **_rel),
                {"row": each[i_query]},
            ),
            i_query,
        ),
        Combine(
            "claim",
            sp.Le(gradient_norm, bound, **_rel),
            {"triangle": 1, "summed": 1 / (queries * tau), "mean is": row_bound / tau, "mean": row_bound / tau},
        ),
    )


def _mean_is(mean: sp.Symbol, each: sp.IndexedBase = _per_query) -> dict[str, sp.Eq]:
    return {"mean is": sp.Eq(mean, sp.Sum(each[i_query], (i_query, 1, queries)) / queries, **_rel)}


def _layer(**changed: int) -> dict[str, sp.Integer]:
    """One attaining layer: N = 2, tau = 1, everything 1 but the diameters 2; gradient 1."""
    return {
        key: sp.Integer(value)
        for key, value in ({"grad": 1, "g": 1, "G": 1, "k": 2, "D_k": 2, "v": 2, "D_v": 2, "m": 1, "B_m": 1} | changed).items()
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
    steps=_mean_over_queries(_per_query, D_c * G_loss * D_V / 4, numbers.gradient_bound_bilinear.stated, _parts_row),
    equality=Equality(
        "tokens (1; 1) and (1; -1), A = 0, v = the second block, equal targets",
        {gradient_norm: G_loss * (D_V / 2) * (D_c / 2) * B_c / tau},
    ),
    needs=_refuting(spread_c, D_c, mean_part, B_c),
    uses=(covariance,),
    source="2510.09338: explicit threshold conditions",
)

gradient_query = Theorem(
    name="threshold.gradient_query",
    title="Gradient of a query group W_Q^(b,c)",
    claim=sp.Le(gradient_norm, numbers.gradient_bound_qk_query.stated, **_rel),
    assumes={"output": OUTPUT, "spread": KEYS, "values": VALUES, "mean": MEAN_PART},
    definitions=_mean_is(mean_part),
    steps=_mean_over_queries(_per_query, D_K * G_loss * D_V / 4, numbers.gradient_bound_qk_query.stated, _keys_row),
    equality=Equality(
        "self-attention on x and -x, W_Q = 0, opposite targets", {gradient_norm: G_loss * (D_V / 2) * (D_K / 2) * B_c / tau}
    ),
    needs=_refuting(spread_K, D_K, mean_part, B_c),
    uses=(covariance,),
    source="2510.09338: explicit threshold conditions",
)

gradient_key = Theorem(
    name="threshold.gradient_key",
    title="Gradient of a key group W_K^(b,c)",
    claim=sp.Le(gradient_norm, numbers.gradient_bound_qk_key.stated, **_rel),
    assumes={"output": OUTPUT, "spread": PARTS, "values": VALUES, "mean": MEAN_QUERY},
    definitions=_mean_is(mean_query, query_size),
    steps=_mean_over_queries(query_size, D_c * G_loss * D_V / 4, numbers.gradient_bound_qk_key.stated, _parts_row),
    equality=Equality(
        "self-attention on x and -x, queries at right angles to keys, opposite targets",
        {gradient_norm: G_loss * (D_V / 2) * (D_c / 2) * B_q / tau},
    ),
    needs=_refuting(spread_c, D_c, mean_query, B_q),
    uses=(covariance,),
    source="2510.09338: explicit threshold conditions",
)

GRADIENT: tuple[Theorem, ...] = (gradient_bilinear, gradient_query, gradient_key)
