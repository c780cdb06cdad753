"""Formulas of the family blocks: leak, margin with leak, and the guaranteed margin; each number once."""

from __future__ import annotations

from theory.formula import Formula
from theory.symbols import B, beta, delta, dial, margin_in, rho_A, rho_K, rho_Q, tau

_leak = (delta <= B,)

leak_bound = Formula(
    name="leak_bound",
    doc="Greatest content score (nats, either sign) between tokens of different blocks.",
    args=(B, delta, rho_A, tau),
    stated=2 * B * delta * rho_A / tau,
    stable=2 * B * delta * rho_A / tau,
    theorem="blocks.leak",
    unit="nats",
    domain=_leak,
)

leak_within = Formula(
    name="leak_within",
    doc="Greatest change (nats) that the leak makes to a content score inside a block.",
    args=(delta, rho_A, tau),
    stated=delta**2 * rho_A / tau,
    stable=delta**2 * rho_A / tau,
    theorem="blocks.leak_in_block",
    unit="nats",
)

margin_with_leak = Formula(
    name="margin_with_leak",
    doc="Least margin (nats) when the own-block parts alone score at least t_in inside the block; no dial.",
    args=(margin_in, B, delta, rho_A, tau),
    stated=margin_in - (2 * B * delta + delta**2) * rho_A / tau,
    stable=margin_in - delta * (2 * B + delta) * rho_A / tau,
    theorem="blocks.margin",
    unit="nats",
    domain=_leak,
)

content_bound = Formula(
    name="content_bound",
    doc="Greatest lead (nats) that content can give a key outside over a key in the block: what the dial has to beat.",
    args=(rho_A, B, delta, tau),
    stated=rho_A * (B + delta) ** 2 / tau,
    stable=rho_A * (B + delta) ** 2 / tau,
    theorem="blocks.margin_bilinear",
    unit="nats",
    domain=_leak,
)

margin_bilinear = Formula(
    name="margin_bilinear",
    doc="Guaranteed margin (nats) of a bilinear layer whose cross-block groups are zero.",
    args=(beta, dial, rho_A, B, delta, tau),
    stated=beta * dial - rho_A * (B + delta) ** 2 / tau,
    stable=beta * dial - rho_A * (B + delta) ** 2 / tau,
    theorem="blocks.margin_bilinear",
    unit="nats",
    domain=_leak,
)

margin_qk = Formula(
    name="margin_qk",
    doc="Guaranteed margin (nats) of a query/key layer whose cross-block groups are zero.",
    args=(beta, dial, rho_Q, rho_K, B, delta, tau),
    stated=beta * dial - rho_Q * rho_K * (B + delta) ** 2 / tau,
    stable=beta * dial - rho_Q * rho_K * (B + delta) ** 2 / tau,
    theorem="blocks.margin_qk",
    unit="nats",
    domain=_leak,
)

FORMULAS: tuple[Formula, ...] = (leak_bound, leak_within, margin_with_leak, content_bound, margin_bilinear, margin_qk)
