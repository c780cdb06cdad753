"""The formulas of the family `hierarchy`; the statements are in `theory.hierarchy`."""

from __future__ import annotations

import sympy as sp

from theory.formula import Formula
from theory.symbols import (
    block_gain,
    eta,
    expert_ceiling,
    expert_gain,
    keys_most,
    level_nu,
    lift_bound,
    phi_floor,
    phi_start,
    pointer_miss,
    router_ceiling,
    router_miss,
    smoothness_bound,
    step_move,
)

_budget = phi_start - phi_floor + lift_bound

composed_miss = Formula(
    name="composed_miss",
    doc="Bound on 1 - fidelity of router and expert together; eps_r and eps_b in [0, 1].",
    args=(router_miss, pointer_miss),
    stated=router_miss + pointer_miss - router_miss * pointer_miss,
    stable=router_miss + pointer_miss * (1 - router_miss),
    theorem="hierarchy.composition",
    domain=(router_miss <= 1, pointer_miss <= 1),
)

composed_entropy = Formula(
    name="composed_entropy",
    doc="Bound on the joint entropy (nats) of expert and pointer; eps_r in [0, 1], n_max keys at most in a row.",
    args=(router_ceiling, expert_ceiling, router_miss, keys_most),
    stated=router_ceiling + (1 - router_miss) * expert_ceiling + router_miss * sp.log(keys_most),
    stable=router_ceiling + (1 - router_miss) * expert_ceiling + router_miss * sp.log(keys_most),
    theorem="hierarchy.entropy_bound",
    unit="nats",
    domain=(router_miss <= 1,),
)

step_decrease = Formula(
    name="step_decrease",
    doc="What a proximal step of size eta that moves the weights by m lowers the potential by, at least.",
    args=(eta, smoothness_bound, step_move),
    stated=(1 / eta - smoothness_bound / 2) * step_move**2,
    stable=(1 / eta - smoothness_bound / 2) * step_move**2,
    theorem="hierarchy.descent",
    unit="loss",
    domain=(eta > 0,),
)

moves_bound = Formula(
    name="moves_bound",
    doc="Accepted moves of both levels that a potential can pay for.",
    args=(phi_start, phi_floor, lift_bound, block_gain, expert_gain),
    stated=_budget / sp.Min(block_gain, expert_gain),
    stable=_budget / sp.Min(block_gain, expert_gain),
    theorem="hierarchy.moves",
    unit="moves",
    domain=(block_gain > 0, expert_gain > 0),
)

steps_bound = Formula(
    name="steps_bound",
    doc="Proximal steps with |P| >= nu that a potential can pay for, step sizes at least eta.",
    args=(phi_start, phi_floor, lift_bound, eta, level_nu),
    stated=2 * _budget / (eta * level_nu**2),
    stable=2 * _budget / (eta * level_nu**2),
    theorem="hierarchy.steps",
    unit="steps",
    domain=(eta > 0, level_nu > 0),
)

FORMULAS: tuple[Formula, ...] = (composed_miss, composed_entropy, step_decrease, moves_bound, steps_bound)
