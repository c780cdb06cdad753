"""Threshold, part 9: the balance of query and key groups. Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.lemmas import sum_of_norms
from theory.steps import Cite, Combine
from theory.symbols import (
    i_query,
    inner_K,
    inner_Q,
    lam,
    queries,
    residual_K,
    residual_Q,
    size_rows_K,
    size_rows_Q,
    slope,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_one, _zero, _two = sp.Integer(1), sp.Integer(0), sp.Integer(2)

_scale = sp.Symbol("_scale", real=True)
_along = sp.diff(lam * (sp.exp(_scale) * size_rows_Q + sp.exp(-_scale) * size_rows_K), _scale).subs(_scale, 0)
balance = Theorem(
    name="threshold.balance",
    title="At a stationary point the query groups and the key groups of a row block have the same total norm",
    claim=sp.Eq(size_rows_Q, size_rows_K, **_rel),
    assumes={
        "stationary": Hypothesis(
            sp.Eq(slope, 0, **_rel),
            "the objective is stationary along (e^x W_Q, e^-x W_K), as at every local minimum with no active norm ball",
            "Train further, or use threshold.balance_near.",
        ),
        "penalised": Hypothesis(
            sp.Gt(lam, 0, **_rel), "the groups are penalised", "Without penalty the scale of W_Q against W_K is free."
        ),
    },
    # the loss depends on the products only, so it does not change along the scaling
    definitions={"slope is": sp.Eq(slope, _along, **_rel)},
    steps=(Combine("claim", sp.Eq(size_rows_Q, size_rows_K, **_rel), {"slope is": -1 / lam, "stationary": 1 / lam}),),
    equality=Equality("an identity"),
    needs={
        "stationary": Witness({slope: _one, lam: _one, size_rows_Q: _two, size_rows_K: _one}, text="W_Q twice W_K"),
        "penalised": Witness(
            {slope: _zero, lam: _zero, size_rows_Q: _two, size_rows_K: _one}, text="no penalty: any scale is stationary"
        ),
    },
    source="2510.09338: at stationary points",
    kind="identity",
)

_work = sp.IndexedBase(
    "work", real=True
)  # of query i: sum over keys j of (dL/ds_ij) <q_i, k_j>/tau, coordinates of one row block
_all_work = sp.Sum(_work[i_query], (i_query, 1, queries))
scaling = Theorem(
    name="threshold.scaling",
    title="The loss gradient has the same inner product with the query weights and with the key weights of a row block",
    claim=sp.Eq(inner_Q, inner_K, **_rel),
    assumes={},
    # chain rule through s_ij: the part <q_i, k_j>/tau is linear in the query weights and in the key weights of the row block
    definitions={"through queries": sp.Eq(inner_Q, _all_work, **_rel), "through keys": sp.Eq(inner_K, _all_work, **_rel)},
    steps=(Combine("claim", sp.Eq(inner_Q, inner_K, **_rel), {"through queries": 1, "through keys": -1}),),
    equality=Equality("an identity"),
    source="2510.09338: at stationary points",
    kind="identity",
)

_residual_inner_q, _residual_inner_k = sp.symbols("residual_inner_q residual_inner_k", real=True)
_distance = residual_Q + residual_K
balance_near = Theorem(
    name="threshold.balance_near",
    title="Near a stationary point the norms on the W_Q side exceed those on the W_K side by at most the residual",
    claim=sp.Le(lam * (size_rows_Q - size_rows_K), _distance, **_rel),
    assumes={},
    # residual of a group: its loss gradient + lam theta_g/|theta_g|; its inner product with theta_g, summed over the row block
    definitions=dict(scaling.definitions)
    | {
        "query residual": sp.Eq(_residual_inner_q, inner_Q + lam * size_rows_Q, **_rel),
        "key residual": sp.Eq(_residual_inner_k, inner_K + lam * size_rows_K, **_rel),
    },
    steps=(
        Cite("scaling", scaling, {}),
        Cite("query side", sum_of_norms, {lemmas.p: _residual_inner_q, lemmas.v: residual_Q}),
        Cite("key side", sum_of_norms, {lemmas.p: -_residual_inner_k, lemmas.v: residual_K}),
        Combine(
            "claim",
            sp.Le(lam * (size_rows_Q - size_rows_K), _distance, **_rel),
            {"query side": 1, "key side": 1, "query residual": 1, "key residual": -1, "scaling": 1},
        ),
    ),
    equality=Equality(
        "residuals along the weights, outward on the query side and inward on the key side",
        {size_rows_Q: size_rows_K + (residual_Q + residual_K) / lam},
    ),
    uses=(scaling,),
    source="2510.09338: at stationary points",
)

BALANCE: tuple[Theorem, ...] = (balance, scaling, balance_near)
