"""The formulas of the family `extinction`; the statements are in `theory.extinction`."""

from __future__ import annotations

import sympy as sp

from theory.formula import Formula
from theory.symbols import (
    beta1,
    beta2,
    eta,
    gamma,
    lam,
    momentum,
    parameters,
    step_bound,
    steps,
    theta0,
    total_step,
)

extinction_steps = Formula(
    name="extinction_steps",
    doc="Steps after which every penalised group is zero; exact only in exact arithmetic (guarantee.extinction_steps, FLINT).",
    args=(theta0, eta, gamma),
    stated=sp.ceiling(theta0 / (eta * gamma)),
    stable=sp.ceiling(theta0 / (eta * gamma)),
    theorem="extinction.finite_time",
    unit="steps",
    domain=(theta0 >= 0, eta > 0, gamma > 0),
)

norm_after_steps = Formula(
    name="norm_after_steps",
    doc="Bound on the norm of a penalised group after some proximal steps of constant size.",
    args=(theta0, eta, gamma, steps),
    stated=sp.Max(0, theta0 - steps * eta * gamma),
    stable=sp.Max(0, theta0 - steps * eta * gamma),
    theorem="extinction.norm_after",
    unit="norm",
    domain=(theta0 >= 0, eta > 0, gamma > 0),
    reading={total_step: steps * eta},
)

momentum_ratio = Formula(
    name="momentum_ratio",
    doc="Factor by which accumulated (PyTorch) momentum mu < 1 raises the bound on the update; averaged momentum has factor 1.",
    args=(momentum,),
    stated=1 / (1 - momentum),
    stable=1 / (1 - momentum),
    theorem="extinction.momentum",
    domain=(momentum >= 0, momentum < 1),
)

adam_ratio = Formula(
    name="adam_ratio",
    doc="C_A: bound on |m|/sqrt(v) per coordinate of Adam, whatever the gradients; needs beta1^2 < beta2 < 1.",
    args=(beta1, beta2),
    stated=(1 - beta1) / sp.sqrt((1 - beta2) * (1 - beta1**2 / beta2)),
    stable=(1 - beta1) * sp.sqrt(beta2) / sp.sqrt((1 - beta2) * (beta2 - beta1**2)),
    theorem="extinction.adam_ratio",
    domain=(beta1 >= 0, beta1 < 1, beta2 < 1, beta1**2 < beta2),
)

adam_threshold = Formula(
    name="adam_threshold",
    doc="C_A sqrt(p_g): penalty weight above which a group of p_g parameters dies under Adam and an unscaled proximal step.",
    args=(beta1, beta2, parameters),
    stated=adam_ratio.stated * sp.sqrt(parameters),
    stable=adam_ratio.stable * sp.sqrt(parameters),
    theorem="extinction.adam",
    domain=adam_ratio.domain,
)

subgradient_radius = Formula(
    name="subgradient_radius",
    doc="Radius of the ball that the plain subgradient method enters and stays in, never reaching zero.",
    args=(eta, lam, step_bound),
    stated=eta * (lam + step_bound),
    stable=eta * (lam + step_bound),
    theorem="extinction.subgradient_ball",
    unit="norm",
)

FORMULAS: tuple[Formula, ...] = (
    extinction_steps,
    norm_after_steps,
    momentum_ratio,
    adam_ratio,
    adam_threshold,
    subgradient_radius,
)
