"""Base lemmas that the families share. Scalar ones are derived here; those about vectors carry their proof in words and a name.

The lemmas of the second kind are what "derived" rests on: `localist theorems` lists them beside each statement that cites one, and
the tests sample each on random vectors in exact arithmetic.
"""

from __future__ import annotations

import sympy as sp

from theory.steps import Cases, Cite, Combine, Manifest, MeanValue
from theory.theorem import Lemma

x, y, z = sp.symbols("x y z", positive=True)
u, v, w = sp.symbols("u v w", nonnegative=True)
p, q, r = sp.symbols("p q r", real=True)
_at = sp.Symbol("_at", positive=True)

log_tangent = Lemma(
    "log_tangent",
    sp.Le(sp.log(x), x - 1, evaluate=False),
    {},
    (
        Cases(
            "claim", sp.Le(sp.log(x), x - 1, evaluate=False), x - 1,
            (MeanValue(
                "falls", sp.log(_at) - _at, _at, x, sp.Integer(1),
                Manifest("slope", sp.Ge(1 / _at - 1, 0, evaluate=False), form=(1 - _at) / _at), "claim.low",
            ),),
            (MeanValue(
                "grows", _at - 1 - sp.log(_at), _at, sp.Integer(1), x,
                Manifest("slope", sp.Ge(1 - 1 / _at, 0, evaluate=False), form=(_at - 1) / _at), "claim.high",
            ),),
        ),
    ),
)  # fmt: skip

exp_tangent = Lemma(
    "exp_tangent",
    sp.Ge(sp.exp(p), 1 + p, evaluate=False),
    {},
    (
        Cite("log", log_tangent, {x: sp.exp(p)}),
        Combine("claim", sp.Ge(sp.exp(p), 1 + p, evaluate=False), {"log": sp.Integer(1)}),
    ),
)

log1p_above = Lemma(
    "log1p_above",
    sp.Le(sp.log(1 + v), v, evaluate=False),
    {},
    (
        Cite("tangent", log_tangent, {x: 1 + v}),
        Combine("claim", sp.Le(sp.log(1 + v), v, evaluate=False), {"tangent": sp.Integer(1)}),
    ),
)

_grow = sp.Symbol("_grow", nonnegative=True)
log1p_below = Lemma(
    "log1p_below",
    sp.Ge(sp.log(1 + v), v - v**2 / 2, evaluate=False),
    {},
    (
        MeanValue(
            "grows", sp.log(1 + _grow) - _grow + _grow**2 / 2, _grow, sp.Integer(0), v,
            Manifest("slope", sp.Ge(1 / (1 + _grow) - 1 + _grow, 0, evaluate=False), form=_grow**2 / (1 + _grow)), "",
        ),
        Combine("claim", sp.Ge(sp.log(1 + v), v - v**2 / 2, evaluate=False), {"grows": sp.Integer(1)}),
    ),
)  # fmt: skip

_logistic = 1 / (1 + sp.exp(-p))
_turn, _middle = sp.exp(v / 2), sp.exp(p + v / 2)
logistic_gap = Lemma(
    "logistic_gap",
    sp.Le(_logistic.subs(p, p + v) - _logistic, (_turn - 1) / (_turn + 1), evaluate=False),
    {},
    (
        Cite("tangent", exp_tangent, {p: v / 2}),
        Manifest("half", sp.Ge(v / 2, 0, evaluate=False)),
        Combine("turn at least 1", sp.Ge(_turn, 1, evaluate=False), {"tangent": sp.Integer(1), "half": sp.Integer(1)}),
        Manifest(
            "claim", sp.Le(_logistic.subs(p, p + v) - _logistic, (_turn - 1) / (_turn + 1), evaluate=False),
            form=(_turn - 1) * _turn * (1 - _middle) ** 2 / ((_turn + 1) * (1 + _turn * _middle) * (_turn + _middle)),
        ),
    ),
)  # fmt: skip

_moved = sp.Abs(_logistic.subs(p, q) - _logistic)
_far = sp.exp(sp.Abs(q - p) / 2)
_at_real = sp.Symbol("_at_real", real=True)


def _further(name: str, low: sp.Symbol, high: sp.Symbol, order: str) -> tuple[MeanValue, Cite, Combine]:
    """logistic(high) - logistic(low) lies between 0 and the half-angle bound, for low <= high."""
    slope = sp.diff(_logistic.subs(p, _at_real), _at_real)
    return (
        MeanValue(
            f"{name} grows",
            _logistic.subs(p, _at_real),
            _at_real,
            low,
            high,
            Manifest("slope", sp.Ge(slope, 0, evaluate=False)),
            order,
        ),
        Cite(f"{name} gap", logistic_gap, {p: low, v: high - low}),
        Combine(f"{name} end", sp.Le(_moved, (_far - 1) / (_far + 1), evaluate=False), {f"{name} gap": sp.Integer(1)}),
    )


logistic_moves = Lemma(
    "logistic_moves",
    sp.Le(_moved, (_far - 1) / (_far + 1), evaluate=False),
    {},
    (
        Cases(
            "claim", sp.Le(_moved, (_far - 1) / (_far + 1), evaluate=False), q - p,
            _further("down", q, p, "claim.low"), _further("up", p, q, "claim.high"),
        ),
    ),
)  # fmt: skip

_half = sp.exp(_grow)
half_angle_below = Lemma(
    "half_angle_below",
    sp.Le((sp.exp(v) - 1) / (sp.exp(v) + 1), v / 2, evaluate=False),
    {},
    (
        MeanValue(
            "grows", _grow / 2 - (_half - 1) / (_half + 1), _grow, sp.Integer(0), v,
            Manifest(
                "slope", sp.Ge(sp.diff(_grow / 2 - (_half - 1) / (_half + 1), _grow), 0, evaluate=False),
                form=(_half - 1) ** 2 / (2 * (_half + 1) ** 2),
            ), "",
        ),
        Combine("claim", sp.Le((sp.exp(v) - 1) / (sp.exp(v) + 1), v / 2, evaluate=False), {"grows": sp.Integer(1)}),
    ),
)  # fmt: skip

cauchy_schwarz = Lemma(
    "cauchy_schwarz",
    sp.Le(sp.Abs(p), v * w, evaluate=False),
    attained={p: 1, v: 1, w: 1},
    reason="p = <a, b>, v = |a|, w = |b|, under any semi-definite form (a covariance is one): |a - (p/w^2) b|^2 >= 0.",
)

triangle = Lemma(
    "triangle",
    sp.Le(u, v + w, evaluate=False),
    attained={u: 2, v: 1, w: 1},
    reason="u = |a + b|, v = |a|, w = |b|: u^2 = v^2 + 2<a, b> + w^2 <= (v + w)^2 by Cauchy-Schwarz.",
)

popoviciu = Lemma(
    "popoviciu",
    sp.Le(v, w / 2, evaluate=False),
    attained={v: sp.Rational(1, 2), w: 1},
    reason="v = sd(X) under a distribution, X in an interval of length w with midpoint c: Var X <= E(X - c)^2 <= (w/2)^2.",
)

least_shifts = Lemma(
    "least_shifts",
    sp.Eq(q, p + r, evaluate=False),
    attained={q: 2, p: 1, r: 1},
    reason="p = min x_j, q = min (x_j + r) over one finite set: x_j + r >= p + r for every j, with equality where x_j = p.",
)

spread_shifts = Lemma(
    "spread_shifts",
    sp.Le(v, w + sp.Abs(p), evaluate=False),
    attained={v: 2, w: 1, p: 1},
    reason="w = max x_j - min x_j, v the same with p added to some x_j: two of them differ by at most w before, and by |p| more after.",
)

norm_scales = Lemma(
    "norm_scales",
    sp.Eq(v, sp.Abs(p) * w, evaluate=False),
    attained={v: 1, p: 1, w: 1},
    reason="v = |p a|, w = |a|: the norm is homogeneous.",
)

mean_distance = Lemma(
    "mean_distance",
    sp.Le(v, w, evaluate=False),
    attained={v: 1, w: 1},
    reason="v = |mean of a_j - mean of b_k|, every |a_j - b_k| <= w: it is the mean of a_j - b_k over pairs; triangle inequality.",
)

bilinear_form = Lemma(
    "bilinear_form",
    sp.Le(p, u * v * w, evaluate=False),
    attained={p: 1, u: 1, v: 1, w: 1},
    reason="p = a' M b or -a' M b, u = |M|, v = |a|, w = |b|: Cauchy-Schwarz and |M b| <= |M| |b|, in operator or Frobenius norm.",
)

norm_of_product = Lemma(
    "norm_of_product",
    sp.Le(p, v * w, evaluate=False),
    attained={p: 1, v: 1, w: 1},
    reason="p = |M' N| or the norm of a part of it, v = |M|, w = |N|, Frobenius norms: Cauchy-Schwarz entry by entry, summed.",
)

block_diagonal = Lemma(
    "block_diagonal",
    sp.Le(p, v * w, evaluate=False),
    attained={p: 1, v: 1, w: 1},
    reason="p = |M a|, M block diagonal with Frobenius norm v, every block part of a at most w long: the squares |M_c a_c|^2 add up.",
)

norm_of_sum = Lemma(
    "norm_of_sum",
    sp.Le(u, v * w, evaluate=False),
    attained={u: 1, v: 1, w: 1},
    reason="u = |sum of a_j b_j|, a_j >= 0, v = sum of a_j, every |b_j| <= w: the triangle inequality.",
)

sum_of_norms = Lemma(
    "sum_of_norms",
    sp.Le(p, v, evaluate=False),
    attained={p: 1, v: 1},
    reason="p = |sum of x_j|, v = sum of |x_j|, for vectors or matrices (|a b'| = |a| |b|): the triangle inequality, once a term.",
)

sums_swap = Lemma(
    "sums_swap",
    sp.Eq(p, q, evaluate=False),
    attained={p: 1, q: 1},
    reason="p = sum over keys of weight times the strengths of the rules that name the key, q = sum over rules of strength times the mass "
    "of the keys they name: one finite sum over pairs of a key and a rule, in two orders.",
)

LEMMAS = (
    log_tangent, exp_tangent, log1p_above, log1p_below, logistic_gap, logistic_moves, half_angle_below, cauchy_schwarz, triangle, popoviciu,
    least_shifts, spread_shifts, norm_scales, mean_distance,
    bilinear_form, norm_of_product, block_diagonal, norm_of_sum,
    sum_of_norms, sums_swap,
)  # fmt: skip
