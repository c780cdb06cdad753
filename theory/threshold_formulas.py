"""The numbers of the threshold family, each once: as stated and as computed. The statements are in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory.formula import Formula
from theory.symbols import (
    D_K,
    D_U,
    D_V,
    D_X,
    B,
    B_c,
    B_q,
    B_v,
    B_x,
    B_y,
    D_c,
    G_loss,
    delta,
    eps,
    norm_U,
    query_share,
    rho_K,
    rho_Q,
    target_probability,
    tau,
)

# --- formulas: each number once, as stated and as computed --------------------------------------------------------------------


def _product(
    name: str, doc: str, args: tuple[sp.Symbol, ...], value: sp.Expr, theorem: str, unit: str = "loss/norm"
) -> Formula:
    """A formula whose stated form is stable as it stands: sums of products of non-negative numbers."""
    return Formula(name=name, doc=doc, args=args, stated=value, stable=value, theorem=theorem, unit=unit)


gradient_bound_bilinear = _product(
    "gradient_bound_bilinear",
    "Bound on the gradient norm of a cross-block group A^(c,c') of a bilinear layer: D_c of block c', B_c of block c.",
    (G_loss, D_V, D_c, B_c, tau),
    G_loss * D_V * D_c * B_c / (4 * tau),
    "threshold.gradient_bilinear",
)

gradient_bound_qk_query = _product(
    "gradient_bound_qk_query",
    "Bound on the gradient norm of a query group W_Q^(b,c).",
    (G_loss, D_V, D_K, B_c, tau),
    G_loss * D_V * D_K * B_c / (4 * tau),
    "threshold.gradient_query",
)

gradient_bound_qk_key = _product(
    "gradient_bound_qk_key",
    "Bound on the gradient norm of a key group W_K^(b,c).",
    (G_loss, D_V, D_c, B_q, tau),
    G_loss * D_V * D_c * B_q / (4 * tau),
    "threshold.gradient_key",
)

gradient_bound_qk = _product(
    "gradient_bound_qk",
    "Bound on the gradient norm of every query and key group on the Frobenius balls rho_Q, rho_K.",
    (G_loss, D_V, rho_K, D_X, B_c, rho_Q, B_x, D_c, tau),
    G_loss * D_V * sp.Max(rho_K * D_X * B_c, rho_Q * B_x * D_c) / (4 * tau),
    "threshold.gradient_qk",
)

loss_gradient_ce = _product(
    "loss_gradient_ce",
    "Bound on ||dl/do|| of cross-entropy on logits U o; at p_y = 0 the a-priori bound D_U, never attained.",
    (D_U, target_probability),
    (1 - target_probability) * D_U,
    "threshold.loss_gradient",
)

loss_gradient_mse = _product(
    "loss_gradient_mse",
    "Bound on ||dl/do|| of half the squared error of U o, with ||o|| <= B_v and ||y|| <= B_y.",
    (norm_U, B_v, B_y),
    norm_U * (norm_U * B_v + B_y),
    "threshold.loss_gradient_mse",
)

dial_scaled_gradient = _product(
    "dial_scaled_gradient",
    "Bound on the gradient norm of a cross-block bilinear group at a block-diagonal state with outside mass at most eps.",
    (G_loss, D_V, query_share, B, eps, delta, tau),
    G_loss * D_V / tau * (query_share * B * (eps * B + delta / 2) + (1 - query_share) * delta * B / 2),
    "threshold.dial_scaled",
)

smoothness_bilinear = _product(
    "smoothness_bilinear",
    "Lipschitz constant of the gradient of cross-entropy in the bilinear form A; its inverse is a safe step size.",
    (D_U, B_v, norm_U, B_x, tau),
    (2 * D_U * B_v + norm_U**2 * B_v**2 / 2) * B_x**4 / tau**2,
    "threshold.smoothness",
    "loss/norm^2",
)

penalty_jump = _product(
    "penalty_jump",
    "Penalty weight at which the minimiser of (ab - 1)^2/2 + lambda(|a| + |b|) jumps from ab = 2/3 to 0.",
    (),
    sp.sqrt(sp.Rational(2, 3)) / 3,
    "threshold.penalty_jump_above",
)

penalty_jump_height = _product(
    "penalty_jump_height",
    "Product ab of the minimiser of (ab - 1)^2/2 + lambda(|a| + |b|) just before it jumps to 0.",
    (),
    sp.Rational(2, 3),
    "threshold.penalty_gap",
    "1",
)

FORMULAS: tuple[Formula, ...] = (
    gradient_bound_bilinear,
    gradient_bound_qk_query,
    gradient_bound_qk_key,
    gradient_bound_qk,
    loss_gradient_ce,
    loss_gradient_mse,
    dial_scaled_gradient,
    smoothness_bilinear,
    penalty_jump,
    penalty_jump_height,
)
