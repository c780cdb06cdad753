"""Base lemmas that the families share. Scalar ones are derived here; those about vectors carry their proof in words and a name.

The lemmas of the second kind are what "derived" rests on: `localist theorems` lists them beside each statement that cites one, and
the tests sample each on random vectors in exact arithmetic.
"""

from __future__ import annotations

import sympy as sp

from theory.steps import Cases, Cite, Combine, Manifest, MeanValue
from theory.theorem import Lemma

x, y, z = sp.symbols("x y z", positive=True)
v, w = sp.symbols("v w", nonnegative=True)
p, q = sp.symbols("p q", real=True)
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

cauchy_schwarz = Lemma(
    "cauchy_schwarz",
    sp.Le(sp.Abs(p), v * w, evaluate=False),
    reason="p = <a, b>, v = |a|, w = |b|, under any semi-definite form (a covariance is one): |a - (p/w^2) b|^2 >= 0.",
)

triangle = Lemma(
    "triangle",
    sp.Le(z, v + w, evaluate=False),
    reason="z = |a + b|, v = |a|, w = |b|: z^2 = v^2 + 2<a, b> + w^2 <= (v + w)^2 by Cauchy-Schwarz.",
)

popoviciu = Lemma(
    "popoviciu",
    sp.Le(v, w / 2, evaluate=False),
    reason="v = sd(X) under a distribution, X in an interval of length w with midpoint c: Var X <= E(X - c)^2 <= (w/2)^2.",
)

LEMMAS = (
    log_tangent, exp_tangent, log1p_above, log1p_below, cauchy_schwarz, triangle, popoviciu,
)  # fmt: skip
