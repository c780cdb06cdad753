"""Entropy of an attention row: a ceiling from a margin, a floor from a range, a pointer from a low entropy.

    H(a) <= H*(n, g, t) = ln Z + t (n - g) e^-t / Z,    Z = g + (n - g) e^-t        [nats],  t >= 0

a = softmax(s), s real scores of n visible keys; G is a block of g keys, 1 <= g < n; every score in G beats every score outside
by at least t. Equality for t > 0: two-level scores with gap exactly t. False for t < 0 (n = 4, g = 1, t = -1: 1.3235 < ln 4).
H* falls from ln n at t = 0 to ln g; in g it falls, then rises.

Dual form: H(a) <= ln Z + t eps(a) for every distribution a and every real t. Floor: scores within a range R give H(a) at least
the least H*(n, k, R) over k, and ln n - H(a) <= psi(R) = c - 1 - ln c with c = R/(1 - e^-R), whatever n;
psi(R) <= min(R^2/8, R). Pointer: max a >= e^-H and max a >= 1 - H/(2 ln 2), for every H; the second is the sharper up to ln 2.
"""

from __future__ import annotations

from theory.entropy_ceiling import (
    above_ln_g,
    at_outside_mass,
    below_ln_n,
    ceiling,
    ceiling_decreases,
    dual_form,
    exponential,
    exponential_exact,
    exponential_vacuous,
    negative_margin,
)
from theory.entropy_floor import floor, floor_size, gap_bound, gap_simple
from theory.entropy_formulas import (
    FORMULAS,
    binary_entropy,
    dual,
    entropy_at_outside_mass,
    entropy_ceiling,
    entropy_deficit,
    entropy_exponential,
    entropy_exponential_floor,
    entropy_floor_size,
    entropy_floor_tier,
    pointer_floor,
    range_gap,
    range_gap_simple,
)
from theory.entropy_pointer import pointer, pointer_best, pointer_half, pointer_half_stronger
from theory.entropy_sizes import in_block_size, in_keys, not_monotone
from theory.entropy_tiers import saturated_tiers, tier_mass_bound, tiers
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (
    dual_form, ceiling, negative_margin, at_outside_mass,
    ceiling_decreases, below_ln_n, above_ln_g, exponential, exponential_exact, exponential_vacuous,
    in_block_size, not_monotone, in_keys, tiers, tier_mass_bound, saturated_tiers,
    floor_size, floor, gap_bound, gap_simple,
    pointer, pointer_half, pointer_half_stronger, pointer_best,
)  # fmt: skip

__all__ = [
    "FORMULAS", "THEOREMS", "above_ln_g", "at_outside_mass", "below_ln_n", "binary_entropy", "ceiling", "ceiling_decreases",
    "dual", "dual_form", "entropy_at_outside_mass", "entropy_ceiling", "entropy_deficit", "entropy_exponential",
    "entropy_exponential_floor", "entropy_floor_size", "entropy_floor_tier", "exponential", "exponential_exact",
    "exponential_vacuous", "floor", "floor_size", "gap_bound", "gap_simple", "in_block_size", "in_keys", "negative_margin",
    "not_monotone", "pointer", "pointer_best", "pointer_floor", "pointer_half", "pointer_half_stronger", "range_gap",
    "range_gap_simple", "saturated_tiers", "tier_mass_bound", "tiers",
]  # fmt: skip
