"""Extinction from a configuration: the a-priori gradient bound in the place of G_bar.

A cross-block group whose penalty weight exceeds the gradient bound of `threshold` by gamma is zero after ceil(theta0/(eta
gamma)) steps.
"""

from __future__ import annotations

import sympy as sp

from theory import theorems, threshold_formulas
from theory.steps import Cite, Combine
from theory.symbols import (
    D_V,
    D_X,
    B_c,
    B_x,
    D_c,
    G_loss,
    eta,
    extinct_at,
    gamma,
    gradient_norm,
    lam,
    mean_part,
    output_gradient,
    rho_K,
    rho_Q,
    size_K,
    size_Q,
    spread_c,
    spread_V,
    spread_X,
    step_bound,
    tau,
    theta0,
    token_norm,
    vector_max,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_one = sp.Integer(1)
# By name: how the two families are laid out is theirs. A renamed statement is a KeyError here.
_known = {statement.name: statement for family in ("extinction", "threshold") for statement in theorems(family)}
finite_time = _known["extinction.finite_time"]
gradient_bilinear, gradient_qk, gradient_qk_key = (
    _known[f"threshold.{word}"] for word in ("gradient_bilinear", "gradient_qk", "gradient_qk_key")
)

_greatest = {"steepest": sp.Le(vector_max, gradient_norm, **_rel)}  # gradient_norm is that of the state where it is greatest
_numbers = {
    gradient_norm: 1,
    output_gradient: 1,
    G_loss: 1,
    spread_V: 2,
    D_V: 2,
    spread_c: 2,
    D_c: 2,
    mean_part: 1,
    B_c: 1,
    size_K: 1,
    rho_K: 1,
    size_Q: 1,
    rho_Q: 1,
    spread_X: 2,
    D_X: 2,
    token_norm: 1,
    B_x: 1,
    tau: 1,
    theta0: 1,
    eta: 1,
    gamma: 1,
    extinct_at: 100,
    lam: 2,
}


def _extinction(word: str, title: str, gradient: Theorem, bound: sp.Expr, matrix: str) -> Theorem:
    """`extinction.finite_time` for one kind of group, with the a-priori gradient bound for G_bar."""
    penalty = Hypothesis(
        sp.Ge(lam, bound + gamma, **_rel),
        "the penalty weight exceeds the a-priori gradient bound by gamma",
        "Take the weight from `localist threshold`.",
    )
    assumes = {"alive": finite_time.assumes["alive"], **gradient.assumes, "penalty": penalty}
    used = {symbol for hypothesis in assumes.values() for symbol in hypothesis.relation.free_symbols} | {
        theta0,
        eta,
        gamma,
        extinct_at,
    }

    def witness(key: str) -> Witness:
        """The attaining layer of the gradient bound, one number doubled (or lam at the bound): alive for 99 steps."""
        relation = assumes[key].relation
        changed = lam if key == "penalty" else relation.lhs
        values = {symbol: sp.Integer(_numbers[symbol]) for symbol in used}
        values[changed] = _one if key == "penalty" else 2 * values[changed]
        return Witness(
            values, text="the step pushes out as far as it pulls in: the group stays at 1, where one step should have ended it"
        )

    return Theorem(
        name=f"blocks.{word}",
        title=title,
        claim=finite_time.claim,
        assumes=assumes,
        definitions=dict(finite_time.definitions) | dict(gradient.definitions) | _greatest,
        steps=(
            Cite("gradient", gradient, {}, {key: key for key in gradient.assumes}),
            Combine("bounded", sp.Le(vector_max, bound, **_rel), {"steepest": _one, "gradient": _one}),
            Cite("claim", finite_time, {step_bound: bound}, {"alive": "alive", "bounded": "bounded", "penalty": "penalty"}),
        ),
        equality=Equality(
            "attained by vectors of the greatest length that point away from the group (extinction.finite_time), not by the "
            f"gradients of one loss in {matrix}"
        ),
        needs={key: witness(key) for key in assumes if key != "alive"},
        free={"alive": "it only says that there is a last living state; a group that is zero from the start has K = 0"},
        uses=(gradient, finite_time),
        source="2510.09338: penalties above explicit thresholds, computed before training",
    )


guarantee_extinction = _extinction(
    "guarantee_extinction",
    "Cross-block groups of A die by a step known beforehand",
    gradient_bilinear,
    threshold_formulas.gradient_bound_bilinear.stated,
    "A",
)
guarantee_extinction_query = _extinction(
    "guarantee_extinction_query",
    "Cross-block groups of W_Q die by a step known beforehand",
    gradient_qk,
    threshold_formulas.gradient_bound_qk.stated,
    "W_Q",
)
guarantee_extinction_key = _extinction(
    "guarantee_extinction_key",
    "Cross-block groups of W_K die by a step known beforehand",
    gradient_qk_key,
    threshold_formulas.gradient_bound_qk.stated,
    "W_K",
)
