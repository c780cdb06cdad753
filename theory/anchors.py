"""Anchors: what M pointers need in order to be told apart, in norm, dimensions, redundancy and entropy.

A pointer has anchors, keys that lead the n - g others by t nats. With g equal ones, logit F = t + ln(g/(n - g)): k times the odds of
anchors are worth ln k nats of margin. Fidelity phi needs g >= n phi u/(1 - phi + phi u) of them, u = e^-t. Redundancy is paid for in
entropy, at fixed fidelity at the rate

    dH/dt = -(F - g/n),        and for any row        H >= F ln(1/rho_max)

if no anchor carries more than rho_max: robustness to the loss of an anchor forces entropy.

One vector a_i for each of M pointers, |a_i| <= 1, and a query of norm at most kappa for each: fidelity phi at all of them forces

    kappa >= kappa*(M, phi) = ((M - 1)/M)(ln(M - 1) + logit phi),

attained by the regular simplex, which needs D >= M - 1 dimensions. Queries along their anchors have the margin kappa (1 - mu), mu the
greatest *signed* cosine of two anchors; in D dimensions mu >= (M - 2D)/(D (M - 2)), and mu >= 0 from M = D + 2 on. Welch's bound, on
absolute cosines, is the wrong one: the icosahedron is below it. Random signs are good anchors: coherence below mu from 4 ln M/mu^2
dimensions on. A pointer that errs with probability at most eps <= (M - 1)/M says at least ln M - h(eps) - eps ln(M - 1) nats about
its block; above (M - 1)/M that formula is false.

How many anchors leave the least entropy at a margin is `entropy.floor_size`, with R = t.
"""

from __future__ import annotations

from theory.anchors_budget import BUDGET
from theory.anchors_coherence import COHERENCE
from theory.anchors_formulas import FORMULAS
from theory.anchors_information import INFORMATION
from theory.anchors_redundancy import REDUNDANCY
from theory.anchors_tradeoff import TRADEOFF
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (*REDUNDANCY, *TRADEOFF, *BUDGET, *COHERENCE, *INFORMATION)

__all__ = ["FORMULAS", "THEOREMS"]
