"""Entropy of an attention row: a ceiling from a margin, a floor from a range, a pointer from a low entropy.

    H(a) <= H*(n, g, t) = ln Z + t (n - g) e^-t / Z,    Z = g + (n - g) e^-t        [nats],  t >= 0

a = softmax(s), s real scores of n visible keys; G is a block of g keys, 1 <= g < n; every score in G beats every score outside by at
least t. Equality for t > 0: two-level scores with gap exactly t. False for t < 0 (n = 4, g = 1, t = -1: 1.3235 < ln 4). H* falls
from ln n at t = 0 to ln g.

Dual form: H(a) <= ln Z + t eps(a) for every distribution a and every real t. Floor: scores within a range R give
ln n - H(a) <= psi(R) = c - 1 - ln c with c = R/(1 - e^-R), whatever n. Pointer: max a >= e^-H, and >= 1 - H/(2 ln 2) for H <= ln 2.
"""

from __future__ import annotations

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

from theory import entropy_ceiling as _c, entropy_floor as _f
THEOREMS = tuple(v for v in {**vars(_c), **vars(_f)}.values() if type(v).__name__ == "Theorem" and v.name.startswith("entropy."))
