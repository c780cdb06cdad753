"""Threshold: a penalty weight above the gradient bound leaves no stationary point with the group alive.

    ||dL/dA^(c,c')||  <= G D_V D_c B_c / (4 tau)                                   bilinear scores x_i' A x_j / tau
    ||dL/dW_Q^(b,c)|| <= G D_V D_K B_c / (4 tau),   ||dL/dW_K^(b,c)|| <= G D_V D_c B_q / (4 tau)       query/key scores

L is a mean over queries of losses with ||dl_i/do_i|| <= G; D_V, D_K, D_c are diameters of the values, keys and block-c token parts
(norms), B_c the mean norm of the block-c parts, B_q a bound on the queries, tau the temperature. If lambda w is strictly greater,
theta_g = 0 at every stationary point; with >= it is false (L = -c x, lambda w = c). With norm balls rho the Q/K threshold is
G D_V max(rho_K D_X B_c, rho_Q B_x D_c)/(4 tau). For cross-entropy G = (1 - p_y) D_U < D_U, D_U the diameter of the readout rows.

A block-diagonal bilinear state with dial needs only (G D_V/tau)(pi_c B (eps B + delta/2) + (1 - pi_c) delta B/2). Locality is
monotone in lambda but jumps: (ab - 1)^2/2 + lambda(|a| + |b|) goes from ab = 2/3 to 0 at lambda = sqrt(2/3)/3.
"""

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

# --- formulas: each number once, as stated and as computed -------------------------------------------------------------------------


def _product(name: str, doc: str, args: tuple[sp.Symbol, ...], value: sp.Expr, theorem: str, unit: str = "loss/norm") -> Formula:
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
    "threshold.gradient_qk",
)

gradient_bound_qk_key = _product(
    "gradient_bound_qk_key",
    "Bound on the gradient norm of a key group W_K^(b,c).",
    (G_loss, D_V, D_c, B_q, tau),
    G_loss * D_V * D_c * B_q / (4 * tau),
    "threshold.gradient_qk",
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
    "threshold.loss_gradient",
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
    "threshold.gradient_bilinear",
    "loss/norm^2",
)

penalty_jump = _product(
    "penalty_jump",
    "Penalty weight at which the minimiser of (ab - 1)^2/2 + lambda(|a| + |b|) jumps from ab = 2/3 to 0.",
    (),
    sp.sqrt(sp.Rational(2, 3)) / 3,
    "threshold.penalty_path",
)

penalty_jump_height = _product(
    "penalty_jump_height",
    "Product ab of the minimiser of (ab - 1)^2/2 + lambda(|a| + |b|) just before it jumps to 0.",
    (),
    sp.Rational(2, 3),
    "threshold.penalty_path",
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
