"""Formulas of the family `entropy`: each number once, as stated and as computed. The statements are in `theory.entropy`."""

from __future__ import annotations

import sympy as sp
from sympy.codegen.cfunctions import expm1, log1p

from theory.export.python import exp_gap, kl_gap, log_gap
from theory.formula import Formula
from theory.symbols import entropy, eps, g, k, n, score_range, t, top_size

# --- formulas: each number once, as stated and as computed --------------------------------------------------------------------

_block = (g >= 1, g < n)
_outside = (n - g) * sp.exp(-t)
_w = sp.exp(-sp.Abs(t))
Z = g + _outside
rho = (n - g) / g * sp.exp(-t)

_r = (n - g) / g * _w  # n - g stays a factor, so it is one exact subtraction
_q = g / (n - g) * _w

# H*(n, g, t) = H*(n, n - g, -t), so either sign of t has a sum of non-negative terms.
_log_z = sp.Piecewise(
    (sp.log(g) + log1p(_r), t >= 0),
    (sp.log(n - g) + log1p(_q), True),
)

entropy_ceiling = Formula(
    name="entropy_ceiling",
    doc="Greatest entropy (nats) of a row whose block of g of n keys leads by a margin t >= 0; for any t the two-level row's.",
    args=(n, g, t),
    stated=sp.log(Z) + t * _outside / Z,
    stable=_log_z + sp.Abs(t) * sp.Piecewise((_r / (1 + _r), t >= 0), (_q / (1 + _q), True)),
    theorem="entropy.ceiling",
    unit="nats",
    domain=_block,
)

entropy_deficit = Formula(
    name="entropy_deficit",
    doc="ln n minus the entropy ceiling (nats), t >= 0: what the margin is worth; correct to full precision for tiny t.",
    args=(n, g, t),
    stated=sp.log(n) - sp.log(Z) - t * _outside / Z,
    # The divergence of the two-level row from the uniform one, with n a_j - 1 as arguments: no term is negative.
    stable=g / n * kl_gap(-(n - g) * expm1(-t) / Z) + (n - g) / n * kl_gap(g * expm1(-t) / Z),
    theorem="entropy.ceiling_below_ln_n",
    unit="nats",
    domain=(*_block, t >= 0),
)

entropy_exponential = Formula(
    name="entropy_exponential",
    doc="ln g + rho (1 + t): the exponential form of the ceiling (nats), t >= 0; weaker, and vacuous for moderate t.",
    args=(n, g, t),
    stated=sp.log(g) + rho * (1 + t),
    stable=sp.log(g) + rho * (1 + t),
    theorem="entropy.exponential",
    unit="nats",
    domain=(*_block, t >= 0),
)

entropy_exponential_floor = Formula(
    name="entropy_exponential_floor",
    doc="ln g + rho (1 + t) - rho^2 (t + 1/2): the worst row has at least this entropy (nats), so the rate is exact; t >= 0.",
    args=(n, g, t),
    stated=sp.log(g) + rho * (1 + t) - rho**2 * (t + sp.Rational(1, 2)),
    stable=sp.log(g) + rho * (1 + t) - rho**2 * (t + sp.Rational(1, 2)),
    theorem="entropy.exponential_exact",
    unit="nats",
    domain=(*_block, t >= 0),
)

dual = Formula(
    name="dual",
    doc="ln Z + t eps: bound on the entropy (nats) of every distribution with outside mass eps, for every real t.",
    args=(n, g, t, eps),
    stated=sp.log(Z) + t * eps,
    stable=_log_z + sp.Abs(t) * sp.Piecewise((eps, t >= 0), (1 - eps, True)),
    theorem="entropy.dual",
    unit="nats",
    domain=_block,
)

binary_entropy = Formula(
    name="binary_entropy",
    doc="h(eps), the entropy (nats) of a coin that lands outside with probability eps, 0 < eps < 1.",
    args=(eps,),
    stated=-eps * sp.log(eps) - (1 - eps) * sp.log(1 - eps),
    stable=-eps * sp.log(eps) - (1 - eps) * log1p(-eps),
    theorem="entropy.at_outside_mass",
    unit="nats",
    domain=(eps > 0, eps < 1),
)

entropy_at_outside_mass = Formula(
    name="entropy_at_outside_mass",
    doc="Greatest entropy (nats) of any distribution with outside mass exactly eps, 0 < eps < 1: the least dual form.",
    args=(n, g, eps),
    stated=binary_entropy.stated + (1 - eps) * sp.log(g) + eps * sp.log(n - g),
    stable=binary_entropy.stable + (1 - eps) * sp.log(g) + eps * sp.log(n - g),
    theorem="entropy.at_outside_mass",
    unit="nats",
    domain=(*_block, eps > 0, eps < 1),
)

# psi needs R > 0 in its stated form; 0 is its limit. The argument never leaves (0, inf): no branch divides by zero, NaN stays.
_c = score_range / (1 - sp.exp(-score_range))
_positive_range = sp.Piecewise((1, score_range <= 0), (score_range, True))
_psi_stable = sp.Piecewise((0, score_range <= 0), (log_gap(exp_gap(-_positive_range) / -expm1(-_positive_range)), True))

range_gap = Formula(
    name="range_gap",
    doc="psi(R): scores within a range R give an entropy of at least ln n - psi(R) (nats), for every n; psi(0) = 0.",
    args=(score_range,),
    stated=_c - 1 - sp.log(_c),
    stable=_psi_stable,
    theorem="entropy.gap",
    unit="nats",
    domain=(score_range > 0,),
)

range_gap_simple = Formula(
    name="range_gap_simple",
    doc="min(R^2/8, R): the simple bound on psi(R) (nats), R >= 0.",
    args=(score_range,),
    stated=sp.Min(score_range**2 / 8, score_range),
    stable=sp.Min(score_range**2 / 8, score_range),
    theorem="entropy.gap_simple",
    unit="nats",
    domain=(score_range >= 0,),
)

_r_k = (n - k) / k * sp.exp(-score_range)
entropy_floor_tier = Formula(
    name="entropy_floor_tier",
    doc="Entropy (nats) of the two-level row with k of n keys R above the rest; the least over 1 <= k < n is the floor.",
    args=(n, k, score_range),
    stated=entropy_ceiling.stated.subs({g: k, t: score_range}),
    stable=sp.log(k) + log1p(_r_k) + score_range * _r_k / (1 + _r_k),
    theorem="entropy.floor",
    reading={top_size: k},
    unit="nats",
    domain=(k >= 1, k < n, score_range >= 0),
)

_u = sp.exp(-score_range)
entropy_floor_size = Formula(
    name="entropy_floor_size",
    doc="Real size r0 of the high tier at which the two-level entropy of range R is least; the floor's k is next to it.",
    args=(n, score_range),
    stated=n * _u * (score_range - 1 + _u) / (1 - _u) ** 2,
    stable=sp.Piecewise(
        (n / 2, score_range <= 0),
        (n * sp.exp(-_positive_range) * exp_gap(-_positive_range) / expm1(-_positive_range) ** 2, True),
    ),
    theorem="entropy.floor",
    unit="keys",
    domain=(score_range > 0,),
)

FLAT_POINTER = sp.exp(-entropy)  # the uniform row's weight
HALF_POINTER = 1 - entropy / (2 * sp.log(2))  # the greater of the two for H <= ln 2
pointer_floor = Formula(
    name="pointer_floor",
    doc="Least possible greatest attention weight of a row of entropy H (nats).",
    args=(entropy,),
    stated=sp.Max(FLAT_POINTER, HALF_POINTER),
    stable=sp.Max(FLAT_POINTER, HALF_POINTER),
    theorem="entropy.pointer_best",
    domain=(entropy >= 0,),
)

FORMULAS: tuple[Formula, ...] = (
    entropy_ceiling,
    entropy_deficit,
    entropy_exponential,
    entropy_exponential_floor,
    dual,
    binary_entropy,
    entropy_at_outside_mass,
    range_gap,
    range_gap_simple,
    entropy_floor_tier,
    entropy_floor_size,
    pointer_floor,
)
