"""Blocks: with all cross-block groups zero, content scores cross a block only through the leak.

    |s_ij| <= 2 B delta rho / tau across blocks,    margin >= t = beta d - rho (B + delta)^2 / tau

Tokens have own-block part of norm at most B and off-block part of norm at most delta <= B; rho bounds the block forms ||A_c||: rho_A
for the bilinear parametrisation, rho_Q rho_K for query/key; tau is the temperature, beta d the dial on in-block keys (nats).
Attained for the leak. With delta = 0 a cross-block score is exactly 0 and outside tokens do not touch a row's weights. Without a dial
the margin may be negative. delta > B is outside the statement: two off-block remainders may then meet in a third block.
"""

from __future__ import annotations

from theory.formula import Formula
from theory.symbols import B, beta, delta, dial, margin_in, rho_A, rho_K, rho_Q, tau

# --- formulas: each number once, as stated and as computed -------------------------------------------------------------------------

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
    theorem="blocks.leak",
    unit="nats",
)

margin_with_leak = Formula(
    name="margin_with_leak",
    doc="Least margin (nats) when the own-block parts alone score at least t_in inside the block; no dial.",
    args=(margin_in, B, delta, rho_A, tau),
    stated=margin_in - (2 * B * delta + delta**2) * rho_A / tau,
    stable=margin_in - delta * (2 * B + delta) * rho_A / tau,
    theorem="blocks.leak",
    unit="nats",
    domain=_leak,
)

content_bound = Formula(
    name="content_bound",
    doc="Greatest lead (nats) that content can give a key outside over a key in the block: what the dial has to beat.",
    args=(rho_A, B, delta, tau),
    stated=rho_A * (B + delta) ** 2 / tau,
    stable=rho_A * (B + delta) ** 2 / tau,
    theorem="blocks.guarantee",
    unit="nats",
    domain=_leak,
)

margin_bilinear = Formula(
    name="margin_bilinear",
    doc="Guaranteed margin (nats) of a bilinear layer whose cross-block groups are zero.",
    args=(beta, dial, rho_A, B, delta, tau),
    stated=beta * dial - rho_A * (B + delta) ** 2 / tau,
    stable=beta * dial - rho_A * (B + delta) ** 2 / tau,
    theorem="blocks.guarantee",
    unit="nats",
    domain=_leak,
)

margin_qk = Formula(
    name="margin_qk",
    doc="Guaranteed margin (nats) of a query/key layer whose cross-block groups are zero.",
    args=(beta, dial, rho_Q, rho_K, B, delta, tau),
    stated=beta * dial - rho_Q * rho_K * (B + delta) ** 2 / tau,
    stable=beta * dial - rho_Q * rho_K * (B + delta) ** 2 / tau,
    theorem="blocks.guarantee",
    unit="nats",
    domain=_leak,
)

FORMULAS: tuple[Formula, ...] = (leak_bound, leak_within, margin_with_leak, content_bound, margin_bilinear, margin_qk)
