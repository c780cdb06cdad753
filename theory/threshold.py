"""Threshold: a penalty weight above the gradient bound leaves no stationary point with the group alive.

    ||dL/dA^(c,c')||  <= G D_V D_c B_c / (4 tau)                                   bilinear scores x_i' A x_j / tau
    ||dL/dW_Q^(b,c)|| <= G D_V D_K B_c / (4 tau),   ||dL/dW_K^(b,c)|| <= G D_V D_c B_q / (4 tau)       query/key scores

L is a mean over queries of losses with ||dl_i/do_i|| <= G; D_V, D_K, D_c are diameters of the values, keys and block-c token
parts (norms), B_c the mean norm of the block-c parts, B_q of the queries, tau the temperature. If lambda w is strictly greater,
theta_g = 0 at every stationary point; with >= it is false (L = -c x, lambda w = c). With norm balls rho the Q/K threshold is
G D_V max(rho_K D_X B_c, rho_Q B_x D_c)/(4 tau). For cross-entropy G = (1 - p_y) D_U < D_U, D_U the diameter of the readout.

A block-diagonal bilinear state with dial needs only (G D_V/tau)(pi_c B (eps B + delta/2) + (1 - pi_c) delta B/2). Locality is
monotone in lambda but jumps: (ab - 1)^2/2 + lambda(|a| + |b|) goes from ab = 2/3 to 0 at lambda = sqrt(2/3)/3.
"""

from __future__ import annotations

from theory.formula import Formula
from theory.theorem import Theorem
from theory.threshold_balance import BALANCE
from theory.threshold_balls import BALLS
from theory.threshold_covariance import COVARIANCE
from theory.threshold_formulas import FORMULAS as _FORMULAS
from theory.threshold_gradient import GRADIENT
from theory.threshold_leak import LEAKS
from theory.threshold_loss import LOSS
from theory.threshold_path import PATH
from theory.threshold_smooth import SMOOTH
from theory.threshold_stationary import STATIONARY
from theory.threshold_trap import TRAP

FORMULAS: tuple[Formula, ...] = _FORMULAS
THEOREMS: tuple[Theorem, ...] = (*STATIONARY, *COVARIANCE, *GRADIENT, *BALLS, *LOSS, *SMOOTH, *LEAKS, *TRAP, *PATH, *BALANCE)
