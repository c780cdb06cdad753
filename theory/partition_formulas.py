"""Formulas of the family partition: the cut, how far similarities may move, how far a form and its tokens move them."""

from __future__ import annotations

from theory.formula import Formula
from theory.symbols import (
    B_x,
    claimed_gap,
    cross_ceiling,
    eta,
    form_move,
    form_norm,
    link_floor,
    link_gap,
    move_bound,
    step_bound,
    steps,
    tau,
    token_move,
)  # fmt: skip

partition_cut = Formula(
    name="partition_cut",
    doc="The cut halfway between the weakest link inside the blocks and the greatest similarity across.",
    args=(link_floor, cross_ceiling),
    stated=(link_floor + cross_ceiling) / 2,
    stable=link_floor / 2 + cross_ceiling / 2,
    theorem="partition.midpoint",
    unit="similarity",
)

partition_gap_after = Formula(
    name="partition_gap_after",
    doc="Least linkage gap of a partition after every similarity has moved by at most eta_S.",
    args=(link_gap, move_bound),
    stated=link_gap - 2 * move_bound,
    stable=link_gap - 2 * move_bound,
    theorem="partition.gap_survives",
    unit="similarity",
)

similarity_drift = Formula(
    name="similarity_drift",
    doc="Greatest change of a similarity x'Ay/tau when the form A moves by move_A and tokens (norm at most B_x) by move_x.",
    args=(form_norm, form_move, B_x, token_move, tau),
    stated=(form_move * (B_x + token_move) ** 2 + form_norm * (2 * B_x + token_move) * token_move) / tau,
    stable=(form_move * (B_x + token_move) ** 2 + form_norm * (2 * B_x + token_move) * token_move) / tau,
    theorem="partition.drift",
    unit="similarity",
)

form_drift = Formula(
    name="form_drift",
    doc="Greatest change of a similarity x'Ay/tau when only the form A moves, by move_A in norm.",
    args=(form_move, B_x, tau),
    stated=B_x**2 * form_move / tau,
    stable=B_x**2 * form_move / tau,
    theorem="partition.form_drift",
    unit="similarity",
)

partition_radius = Formula(
    name="partition_radius",
    doc="Norm of a change of the form A below which a partition of linkage gap l_S stays what it is.",
    args=(claimed_gap, B_x, tau),
    stated=claimed_gap * tau / (2 * B_x**2),
    stable=claimed_gap * tau / (2 * B_x**2),
    theorem="partition.radius",
    domain=(B_x > 0,),
)

partition_steps = Formula(
    name="partition_steps",
    doc="Every number of training steps below this keeps a partition of linkage gap l_S; each step moves the form by eta G_bar at most.",
    args=(claimed_gap, B_x, tau, eta, step_bound),
    stated=claimed_gap * tau / (2 * B_x**2 * eta * step_bound),
    stable=claimed_gap * tau / (2 * B_x**2 * eta * step_bound),
    theorem="partition.certified_steps",
    unit="steps",
    domain=(B_x > 0, step_bound > 0),
)

partition_gap_after_steps = Formula(
    name="partition_gap_after_steps",
    doc="Least linkage gap after some training steps, each of which moves the form by eta G_bar at most.",
    args=(claimed_gap, B_x, tau, eta, step_bound, steps),
    stated=claimed_gap - 2 * B_x**2 * steps * eta * step_bound / tau,
    stable=claimed_gap - 2 * B_x**2 * steps * eta * step_bound / tau,
    theorem="partition.gap_after_steps",
    unit="similarity",
)

FORMULAS: tuple[Formula, ...] = (
    partition_cut, partition_gap_after, similarity_drift, form_drift, partition_radius, partition_steps, partition_gap_after_steps,
)  # fmt: skip

__all__ = ["FORMULAS"]
