"""Scalar facts behind the anchors family, each replayed, and facts about vectors that are argued in words.

The vectors are anchors a_1, ..., a_M in D dimensions and a query q; sums over ordered pairs leave out the pairs (i, i).
"""

from __future__ import annotations

import sympy as sp

from theory.lemmas import log_tangent, p, q, u, v, w, x, y
from theory.steps import Cite, Combine, Manifest, MeanValue
from theory.theorem import Lemma

_rel = {"evaluate": False}
_at = sp.Symbol("_at", nonnegative=True)
_turn = sp.exp(_at / 2) - sp.exp(-_at / 2)

_sinh = sp.Ge(sp.exp(v) - sp.exp(-v) - 2 * v, 0, **_rel)
sinh_above = Lemma(
    "sinh_above",
    _sinh,
    {},
    (
        MeanValue(
            "grows", sp.exp(_at) - sp.exp(-_at) - 2 * _at, _at, sp.Integer(0), v,
            Manifest("slope", sp.Ge(sp.exp(_at) + sp.exp(-_at) - 2, 0, **_rel), form=_turn**2), "",
        ),
        Combine("claim", _sinh, {"grows": 1}),
    ),
)  # fmt: skip

_half = sp.exp(v / 2) - sp.exp(-v / 2)
_cosh = sp.Ge(sp.exp(v) + sp.exp(-v) - 2 - v**2, 0, **_rel)
cosh_above = Lemma(
    "cosh_above",
    _cosh,
    {},
    (
        Cite("half", sinh_above, {v: v / 2}),
        Manifest("square", sp.Ge((_half - v) ** 2, 0, **_rel)),
        Combine("claim", _cosh, {"half": 2 * v, "square": 1}),
    ),
)

_cubic = sp.Ge(sp.exp(v) - sp.exp(-v) - 2 * v - v**3 / 3, 0, **_rel)
sinh_cubic = Lemma(
    "sinh_cubic",
    _cubic,
    {},
    (
        MeanValue(
            "grows", sp.exp(_at) - sp.exp(-_at) - 2 * _at - _at**3 / 3, _at, sp.Integer(0), v,
            Cite("slope", cosh_above, {v: _at}), "",
        ),
        Combine("claim", _cubic, {"grows": 1}),
    ),
)  # fmt: skip

own_against_mean = Lemma(
    "own_against_mean",
    sp.Eq((x - 1) * p, x * q, **_rel),
    attained={x: 2, p: 2, q: 1},
    reason="p = mean of <q, a_i - a_j> over the other M - 1 anchors, q = <q, a_i - mean of all>, x = M: both sides are "
    "M <q, a_i> - sum of all <q, a_j>.",
)

about_the_mean = Lemma(
    "about_the_mean",
    sp.Le(v, w, **_rel),
    attained={v: 1, w: 1},
    reason="v = sum of |a_i - mean|^2, w = sum of |a_i|^2 over M vectors: the difference is M |mean|^2.",
)

sum_of_all = Lemma(
    "sum_of_all",
    sp.Ge(x + p, 0, **_rel),
    attained={x: 1, p: -1},
    reason="p = sum of the cosines of ordered pairs of x unit vectors: x + p = |sum of all|^2.",
)

frame_potential = Lemma(
    "frame_potential",
    sp.Ge(x + v, x**2 / y, **_rel),
    attained={x: 1, y: 1, v: 0},
    reason="v = sum of squared cosines of ordered pairs of x unit vectors in y dimensions: "
    "x + v - x^2/y is the squared Frobenius norm of sum a_i a_i' - (x/y) 1.",
)

crowded = Lemma(
    "crowded",
    sp.Ge(p, 0, **_rel),
    {"crowd": sp.Ge(x, y + 2, **_rel)},
    attained={p: 0},
    reason="p = greatest cosine of two of x vectors in y dimensions, x >= y + 2. Were all cosines negative: y + 1 of them are "
    "dependent, sum of c_i a_i = 0; the positive and the negative part give one vector whose square is a sum of c_i |c_j| <a_i, a_j> "
    "<= 0, so both are zero; c > 0 somewhere (or c < 0), and <a_k, that part> is negative for the vector a_k left out.",
)

packed = Lemma(
    "packed",
    sp.Le(sp.log(x), y * sp.log(1 + 2 * u / w), **_rel),
    {"apart": sp.Gt(w, 0, **_rel)},
    attained={x: 1, y: 1, u: 0, w: 1},
    reason="x points in a ball of radius u of y dimensions, at least w apart: balls of radius w/2 around them are disjoint and lie in one "
    "of radius u + w/2; compare volumes.",
)

sign_tails = Lemma(
    "sign_tails",
    sp.Le(v, x * (x - 1) / 2 * sp.exp(-y * w**2 / 2), **_rel),
    attained={v: 1, x: 2, y: 1, w: 0},
    reason="v = share of all tuples of x sign vectors in y dimensions in which some pair has cosine at least w >= 0: a pair does with "
    "share at most E e^(w S) e^(-y w^2) <= e^(-y w^2/2), S a sum of y signs (Hoeffding); there are x (x - 1)/2 pairs.",
)

mean_of_others = Lemma(
    "mean_of_others",
    sp.Le(p, u * w, **_rel),
    attained={p: 1, u: 1, w: 1},
    reason="p = mean of <q, a_i - a_j> over the others under weights that sum to 1 = <q, a_i - weighted mean>, u = |q|, w = distance "
    "of a_i from that mean: Cauchy-Schwarz.",
)

pair_apart = Lemma(
    "pair_apart",
    sp.Le(p, u * v, **_rel),
    attained={p: 1, u: 1, v: 1},
    reason="p = least <q_i, a_i - a_j> over pairs, u = greatest |q_i|, v = least |a_i - a_j|: Cauchy-Schwarz at the nearest pair.",
)

least_of_tied = Lemma(
    "least_of_tied",
    sp.Eq(q, w * (1 - p), **_rel),
    attained={q: 1, w: 1, p: 0},
    reason="p = greatest of finitely many x_j, q = least of w (1 - x_j), w >= 0: the least is where x_j is greatest.",
)

_rate = sp.sqrt(y / x)
_falls = sp.Lt(sp.log(y) + w / y, sp.log(x) + w / x, **_rel)
total_falls = Lemma(
    "total_falls",
    _falls,
    {"order": sp.Lt(x, y, **_rel), "before": sp.Le(y, w, **_rel)},
    (
        # ln r = 2 ln sqrt(r) <= 2 (sqrt(r) - 1) = r - 1 - (sqrt(r) - 1)^2 with r = y/x, so the tangent of ln is strict off 1
        Cite("tangent", log_tangent, {x: _rate}),
        Manifest("apart", sp.Gt((_rate - 1) ** 2, 0, **_rel), form=((y - x) / (x * (_rate + 1))) ** 2),
        Combine("claim", _falls, {"tangent": 2, "apart": 1, "before": (y - x) / (x * y)}),
    ),
)

LEMMAS = (
    total_falls, sinh_above, cosh_above, sinh_cubic, own_against_mean, about_the_mean, sum_of_all, frame_potential, crowded, packed,
    sign_tails, mean_of_others, pair_apart, least_of_tied,
)  # fmt: skip
