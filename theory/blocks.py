"""Blocks: with all cross-block groups zero, content scores cross a block only through the leak.

    |s_ij| <= 2 B delta rho / tau across blocks,    margin >= t = beta d - rho (B + delta)^2 / tau

Tokens have own-block part of norm at most B and off-block part of norm at most delta <= B; rho bounds the block forms
||A_c||: rho_A for the bilinear parametrisation, rho_Q rho_K for query/key; tau is the temperature, beta d the dial on
in-block keys (nats). Attained for the leak. With delta = 0 a cross-block score is exactly 0 and outside tokens do not touch a
row's weights. Without a dial the margin may be negative. delta > B is outside the statement: two off-block remainders may
then meet in a third block.
"""

from __future__ import annotations

from theory.blocks_balls import margin_on_ball, margin_on_balls
from theory.blocks_extinction import guarantee_extinction, guarantee_extinction_key, guarantee_extinction_query
from theory.blocks_formulas import FORMULAS
from theory.blocks_guarantee import (
    captured_outside_mass,
    guarantee_captured,
    guarantee_entropy,
    guarantee_output,
    guarantee_outside_mass,
)
from theory.blocks_leak import leak, leak_in_block, leak_per_block
from theory.blocks_margin import margin_leak, margin_of_form, margin_of_product, margin_per_block, product
from theory.blocks_structure import (
    column_groups,
    entropy_vacuous,
    negative_margin,
    non_interference,
    outside_weight,
    structure,
    value_shift,
)
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (
    structure,
    column_groups,
    negative_margin,
    entropy_vacuous,
    outside_weight,
    non_interference,
    value_shift,
    leak_per_block,
    leak,
    leak_in_block,
    margin_leak,
    margin_per_block,
    margin_of_form,
    product,
    margin_of_product,
    margin_on_ball,
    margin_on_balls,
    guarantee_extinction,
    guarantee_extinction_query,
    guarantee_extinction_key,
    guarantee_outside_mass,
    guarantee_entropy,
    guarantee_output,
    guarantee_captured,
    captured_outside_mass,
)

__all__ = ["FORMULAS", "THEOREMS"]
