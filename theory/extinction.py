"""Extinction: above the threshold a group is exactly zero after finitely many proximal steps and stays zero.

    theta+ = prox_{eta lambda w ||.||}(theta - eta v),  ||v|| <= G_bar,  lambda w >= G_bar + gamma
    ||theta+|| <= max(0, ||theta|| - eta gamma),        zero after ceil(||theta_0|| / (eta gamma)) steps

theta is a group (norm), eta > 0 the step size, gamma > 0 the slack, v any vectors: minibatch gradients, clipped gradients,
momentum (G_bar/(1 - mu) for the accumulated form), Adam's ratio, per coordinate at most
C_A = (1 - beta1)/sqrt((1 - beta2)(1 - beta1^2/beta2)) for beta1^2 < beta2, so G_bar = C_A sqrt(p_g). Attained by an outward
adversary. False for the plain subgradient, which enters a ball of radius eta (lambda w + G_bar) and is never exactly zero, and
for spectral-norm clipping, which fills zero blocks again.
"""

from __future__ import annotations

from theory.extinction_adam import adam, adam_ratio_bound, quoted
from theory.extinction_failing import below_threshold, spectral_clipping, subgradient, subgradient_ball
from theory.extinction_float import float_stagnation, float_stays, float_zero
from theory.extinction_formulas import FORMULAS
from theory.extinction_momentum import averaging, momentum_bound, momentum_run
from theory.extinction_prox import ball_prox, prox_minimiser, prox_norm
from theory.extinction_runs import clipping, decay_and_balls, finite_time, norm_after, varying_steps
from theory.extinction_steps import decay_step, decrease, fixed_points, stays_zero
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (
    prox_minimiser, prox_norm, ball_prox, decrease, stays_zero, fixed_points, decay_step,
    norm_after, finite_time, varying_steps, clipping, momentum_bound, averaging, momentum_run, decay_and_balls,
    adam_ratio_bound, adam, quoted,
    below_threshold, subgradient_ball, subgradient, spectral_clipping,
    float_stays, float_zero, float_stagnation,
)  # fmt: skip

__all__ = ["FORMULAS", "THEOREMS"]
