"""The dial: one number moves a frozen checkpoint along a known curve between distributed and localist attention.

    s_j(d) = c_j + d beta [j in G],     logit F(d) = logit F(0) + beta d,     dH/dd = -beta eps (1 - eps)(Delta_0 + beta d)

c are content scores (nats), G the block, beta > 0 the strength, d any real setting. The conditional distributions inside
and outside G do not move. Delta_0 is the mean content score in G minus that outside; entropy rises for d < -Delta_0/beta,
peaks at ln(e^H_G + e^H_out), then falls to H_G: it is *not* monotone in general (n = 2, c = (-2, 0): .3653, .6931, .3653 at
d = 0, 2, 4), and before the peak it may lie below H_G. If content lets no outside key lead by more than R, outside mass eps
needs no more than d = (R + ln((n-g)/g) + ln((1-eps)/eps))/beta.

Continuity: outputs at d and d' differ by at most D_x tanh(beta |d - d'|/4), D_x the distance between values in G and
outside; the constant is exact. Cost: ||o - o_G|| = eps ||mean value outside - mean value in G|| <= eps D_x, KL(a|G || a) =
-ln(1 - eps).
"""

from __future__ import annotations

from theory.dial_entropy import SPLIT
from theory.dial_formulas import FORMULAS
from theory.dial_frozen import FROZEN
from theory.dial_law import LAW
from theory.dial_level import LEVELS
from theory.dial_monotone import MONOTONE
from theory.dial_output import OUTPUTS
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (*LAW, *LEVELS, *SPLIT, *MONOTONE, *OUTPUTS, *FROZEN)

__all__ = ["FORMULAS", "THEOREMS"]
