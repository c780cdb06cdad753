"""Scalar facts behind the entropy bounds, each replayed, and one about boxes, argued in words.

A weight v of a distribution and its surprisal p satisfy v (v - e^-p) = 0: p is -ln v where v > 0 and anything where v = 0, and
v p is the entropy of that weight in both cases. No limit of x ln x is taken anywhere.
"""

from __future__ import annotations

import sympy as sp

from theory.lemmas import exp_tangent, p, q, r, u, v, w, x, y
from theory.steps import Apply, Cases, Cite, Combine, Identity, Manifest, MeanValue
from theory.theorem import Lemma

_rel = {"evaluate": False}
_square = sp.Ge((1 - v * sp.exp(p)) ** 2, 0, **_rel)
_surprisal = {"surprisal": sp.Eq(v * (v - sp.exp(-p)), 0, **_rel)}

gibbs_term = Lemma(
    "gibbs_term",
    sp.Le(v * p, -v * q + sp.exp(q) - v, **_rel),
    _surprisal,
    (
        Manifest("square", _square),
        Combine("v e^p at most 1", sp.Le(v * sp.exp(p), 1, **_rel), {"square": 1, "surprisal": -sp.exp(2 * p)}),
        Cite("tangent", exp_tangent, {p: p + q}),
        Combine("claim", sp.Le(v * p, -v * q + sp.exp(q) - v, **_rel), {"tangent": v, "v e^p at most 1": sp.exp(q)}),
    ),
)

hellinger_term = Lemma(
    "hellinger_term",
    sp.Le(v**2 * p, -(v**2) * q - 2 * v**2 + 2 * v * sp.exp(q / 2), **_rel),
    {"surprisal": sp.Eq(v * (v**2 - sp.exp(-p)), 0, **_rel)},  # v is the square root of the weight
    (
        Manifest("square", sp.Ge(v * (1 - v * sp.exp(p / 2)) ** 2, 0, **_rel)),
        Combine(
            "v^2 e^(p/2) at most v", sp.Le(v**2 * sp.exp(p / 2), v, **_rel), {"square": sp.Rational(1, 2), "surprisal": -sp.exp(p) / 2}
        ),
        Cite("tangent", exp_tangent, {p: (p + q) / 2}),
        Combine(
            "claim", sp.Le(v**2 * p, -(v**2) * q - 2 * v**2 + 2 * v * sp.exp(q / 2), **_rel),
            {"tangent": 2 * v**2, "v^2 e^(p/2) at most v": 2 * sp.exp(q / 2)},
        ),
    ),
)  # fmt: skip

surprisal_floor = Lemma(
    "surprisal_floor",
    sp.Ge(v * p, -v * sp.log(x), **_rel),
    {**_surprisal, "at most": sp.Le(v, x, **_rel)},
    (
        Cite("tangent", exp_tangent, {p: -p - sp.log(x)}),
        Combine("claim", sp.Ge(v * p, -v * sp.log(x), **_rel), {"tangent": v, "surprisal": 1 / x, "at most": v / x}),
    ),
)

chord = Lemma(
    "chord",
    sp.Le(v * (1 - sp.exp(-v - w)), (v + w) * (1 - sp.exp(-v)), **_rel),
    {},
    (
        Cite("up", exp_tangent, {p: v}),
        Cite("down", exp_tangent, {p: -w}),
        Combine(
            "claim", sp.Le(v * (1 - sp.exp(-v - w)), (v + w) * (1 - sp.exp(-v)), **_rel),
            {"up": w * sp.exp(-v), "down": v * sp.exp(-v)},
        ),
    ),
)  # fmt: skip

log_quotient = Lemma(
    "log_quotient",
    sp.Eq(sp.log(x / y), sp.log(x) - sp.log(y), **_rel),
    {},
    (Identity("claim", sp.Eq(sp.log(x / y), sp.log(x) - sp.log(y), **_rel)),),
)

exp_above_line = Lemma(
    "exp_above_line",
    sp.Gt(sp.exp(x) - 1 - x, 0, **_rel),
    {},
    (
        Cite("tangent", exp_tangent, {p: x / 2}),
        Apply("squared", v**2, v, "tangent"),
        Manifest("more", sp.Gt(x**2 / 4, 0, **_rel)),
        Combine("claim", sp.Gt(sp.exp(x) - 1 - x, 0, **_rel), {"squared": 1, "more": 1}),
    ),
)

_at = sp.Symbol("_at", nonnegative=True)
_moment = v * sp.exp(_at) + w
_hoeffding = _at**2 / 8 - _at * v * sp.exp(_at) / _moment + sp.log(_moment)
tilted_coin = Lemma(
    "tilted_coin",
    sp.Le(u * v * sp.exp(u) / (v * sp.exp(u) + w) - sp.log(v * sp.exp(u) + w), u**2 / 8, **_rel),
    {"total": sp.Eq(v + w, 1, **_rel), "tail": sp.Gt(w, 0, **_rel)},
    (
        MeanValue(
            "grows", _hoeffding, _at, sp.Integer(0), u,
            Manifest(
                "slope", sp.Ge(sp.diff(_hoeffding, _at), 0, **_rel), form=_at * (v * sp.exp(_at) - w) ** 2 / (4 * _moment**2)
            ), "",
        ),
        Apply("ln total", sp.log(x), x, "total"),
        Combine(
            "claim", sp.Le(u * v * sp.exp(u) / (v * sp.exp(u) + w) - sp.log(v * sp.exp(u) + w), u**2 / 8, **_rel),
            {"grows": 1, "ln total": 1},
        ),
    ),
)  # fmt: skip

# The entropy of a row as a function of one score p, the other keys having weights of sum x and scores of weighted sum -r.
score_low, score_high = sp.symbols("score_low score_high", real=True)
_s = sp.Symbol("_s", real=True)


def entropy_in_score(score: sp.Expr) -> sp.Expr:
    """Value: ln(x + e^s) + (r - s e^s)/(x + e^s)."""
    return sp.log(x + sp.exp(score)) + (r - score * sp.exp(score)) / (x + sp.exp(score))


def _slope(score: sp.Expr) -> sp.Expr:
    return -x * score - r


_one_score = sp.Ge(entropy_in_score(p), sp.Min(entropy_in_score(score_low), entropy_in_score(score_high), **_rel), **_rel)
one_score = Lemma(
    "one_score",
    _one_score,
    {"above": sp.Le(score_low, p, **_rel), "below": sp.Le(p, score_high, **_rel)},
    (
        Cases(
            "claim", _one_score, -_slope(p),
            (
                MeanValue(
                    "rises", entropy_in_score(_s), _s, score_low, p,
                    Combine(
                        "slope", sp.Ge(sp.diff(entropy_in_score(_s), _s), 0, **_rel),
                        {"claim.low": sp.exp(_s) / (x + sp.exp(_s)) ** 2, "rises.high": x * sp.exp(_s) / (x + sp.exp(_s)) ** 2},
                    ), "above",
                ),
                Manifest("least end", _one_score),
            ),
            (
                MeanValue(
                    "falls", -entropy_in_score(_s), _s, p, score_high,
                    Combine(
                        "slope", sp.Ge(-sp.diff(entropy_in_score(_s), _s), 0, **_rel),
                        {"claim.high": sp.exp(_s) / (x + sp.exp(_s)) ** 2, "falls.low": x * sp.exp(_s) / (x + sp.exp(_s)) ** 2},
                    ), "below",
                ),
                Manifest("least end", _one_score),
            ),
        ),
    ),
)  # fmt: skip

# The entropy of a two-level row as a function of the size s of its high tier: y keys, the low tier's weight x, its depth p.
_z = sp.Symbol("_z", nonnegative=True)


def entropy_in_size(size: sp.Expr) -> sp.Expr:
    """Value: ln Z + p (y - s) x/Z with Z = s + (y - s) x."""
    total = size + (y - size) * x
    return sp.log(total) + p * (y - size) * x / total


def _turn(size: sp.Expr) -> sp.Expr:
    return (1 - x) * (size + (y - size) * x) - p * y * x  # has the sign of the slope, and increases in the size


_per = 1 / (_z * (1 - x) + y * x) ** 2
_weight = sp.Ge(1 - x, 0, **_rel)
_size_order = sp.Le(v, w, **_rel)
size_falls = Lemma(
    "size_falls",
    sp.Le(entropy_in_size(w), entropy_in_size(v), **_rel),
    {"weight": _weight, "order": _size_order, "before the turn": sp.Le(_turn(w), 0, **_rel)},
    (
        MeanValue(
            "claim", -entropy_in_size(_z), _z, v, w,
            Combine(
                "slope", sp.Ge(-sp.diff(entropy_in_size(_z), _z), 0, **_rel),
                {"before the turn": _per, "claim.high": (1 - x) ** 2 * _per},
            ), "order",
        ),
    ),
)  # fmt: skip
size_rises = Lemma(
    "size_rises",
    sp.Le(entropy_in_size(v), entropy_in_size(w), **_rel),
    {"weight": _weight, "order": _size_order, "after the turn": sp.Ge(_turn(v), 0, **_rel)},
    (
        MeanValue(
            "claim", entropy_in_size(_z), _z, v, w,
            Combine(
                "slope", sp.Ge(sp.diff(entropy_in_size(_z), _z), 0, **_rel),
                {"after the turn": _per, "claim.low": (1 - x) ** 2 * _per},
            ), "order",
        ),
    ),
)  # fmt: skip

at_point, at_low, at_high = sp.symbols("at_point at_low at_high", real=True)
vertex_sweep = Lemma(
    "vertex_sweep",
    sp.Ge(p, q, **_rel),
    {
        "one coordinate": sp.Ge(at_point, sp.Min(at_low, at_high, **_rel), **_rel),
        "inside": sp.Le(v, w, **_rel),
    },
    reason="p = f(s) at a point s whose coordinates lie within v <= w of each other, f unchanged when all move together; "
    "whatever the other coordinates, f at a point of [-w, 0] is at least its lesser value at the ends. q = f at some vertex of "
    "[-w, 0]^n: shift s into the box and move the coordinates to their better ends one after another; f never rises.",
)

one_of_many = Lemma(
    "one_of_many",
    sp.Le(v, w, **_rel),
    reason="v is one of finitely many non-negative numbers whose sum is w: the others are not negative.",
)

LEMMAS = (
    gibbs_term, surprisal_floor, chord, log_quotient, exp_above_line, tilted_coin, one_score, size_falls, size_rises,
    vertex_sweep, one_of_many,
)  # fmt: skip
