"""The prox of a group norm: soft thresholding is the one minimiser of its definition, and what it does to the norm.

    prox(z) = argmin_y |y - z|^2/2 + eta lam |y| = max(0, 1 - eta lam/|z|) z,      |prox(z)| = max(0, |z| - eta lam)

z = |z| e with a unit vector e; a candidate y has norm |y| and <y, e> <= |y|. Statements of the family `extinction`.
"""

from __future__ import annotations

import sympy as sp

from theory.extinction_lemmas import rel
from theory.lemmas import cauchy_schwarz, p, v, w
from theory.steps import Cases, Cite, Combine, Manifest
from theory.symbols import (
    ball_radius,
    candidate_distance,
    candidate_inner,
    candidate_norm,
    candidate_value,
    eta,
    group_next,
    lam,
    moved_norm,
    soft_scale,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_cut = eta * lam
_x = sp.Max(0, moved_norm - _cut)  # norm of the prox
_least = (moved_norm - _x) ** 2 / 2 + _cut * _x  # the objective there
_inner = candidate_inner

prox_minimiser = Theorem(
    name="extinction.prox",
    title="Soft thresholding is the unique minimiser that defines the prox",
    claim=sp.Ge(candidate_value, _least + candidate_distance**2 / 2, **rel),
    assumes={},
    definitions={
        "value is": sp.Eq(
            candidate_value, (candidate_norm**2 - 2 * moved_norm * _inner + moved_norm**2) / 2 + _cut * candidate_norm, **rel
        ),
        "distance is": sp.Eq(candidate_distance**2, candidate_norm**2 - 2 * _x * _inner + _x**2, **rel),
    },
    steps=(
        Cite("inner product", cauchy_schwarz, {p: _inner, v: candidate_norm, w: sp.Integer(1)}),
        Cases(
            "inner at most",
            sp.Le(_inner, candidate_norm, **rel),
            _inner,
            (
                Manifest("not positive", sp.Ge(candidate_norm, 0, **rel)),
                Combine("low", sp.Le(_inner, candidate_norm, **rel), {"not positive": 1, "inner at most.low": 1}),
            ),
            (Combine("high", sp.Le(_inner, candidate_norm, **rel), {"inner product": 1}),),
        ),
        Cases(
            "claim",
            sp.Ge(candidate_value, _least + candidate_distance**2 / 2, **rel),
            moved_norm - _cut,
            (
                Manifest("prox is zero", sp.Eq(_x, 0, **rel)),
                Manifest("shorter", sp.Ge(_cut - moved_norm, 0, **rel)),
                Combine(
                    "low",
                    sp.Ge(candidate_value, _least + candidate_distance**2 / 2, **rel),
                    {
                        "value is": 1,
                        "distance is": sp.Rational(-1, 2),
                        "inner at most": moved_norm,
                        "shorter": candidate_norm,
                        "prox is zero": moved_norm - _cut + _inner - _x,
                    },
                ),
            ),
            (
                Manifest("prox is shorter by the threshold", sp.Eq(_x, moved_norm - _cut, **rel)),
                Combine(
                    "high",
                    sp.Ge(candidate_value, _least + candidate_distance**2 / 2, **rel),
                    {
                        "value is": 1,
                        "distance is": sp.Rational(-1, 2),
                        "inner at most": _cut,
                        "prox is shorter by the threshold": _inner - _x,
                    },
                ),
            ),
        ),
    ),
    equality=Equality(
        "the prox itself, at distance 0; beyond it every candidate on the ray of z, while z is longer than the threshold",
        {candidate_value: _least, candidate_distance: sp.Integer(0)},
    ),
    source="2510.09338: penalties exceed certain threshold values; the step that carries them out",
)

_held = sp.Min(_x, ball_radius)  # norm of the soft threshold after radial scaling
_held_least = (moved_norm - _held) ** 2 / 2 + _cut * _held
_held_claim = sp.Ge(candidate_value, _held_least + candidate_distance**2 / 2, **rel)


def _held_leaf(name: str, norm_is: str, norm: sp.Expr, rest: dict[str, sp.Expr]) -> Combine:
    """The claim where the norm X of the point is `norm`: gap = (z - X)(y - q) + (z - X - c)(X - y), X put in by its
    equation.
    """
    shift = _inner + moved_norm - _cut - norm - _held
    return Combine(
        name,
        _held_claim,
        {"value is": 1, "distance is": sp.Rational(-1, 2), "inner at most": moved_norm - norm, norm_is: shift, **rest},
    )


ball_prox = Theorem(
    name="extinction.ball_prox",
    title="The prox of a group norm on a centred ball is soft thresholding, then radial scaling",
    claim=_held_claim,
    assumes={
        "in the ball": Hypothesis(
            sp.Le(candidate_norm, ball_radius, **rel), "the candidate lies in the ball", "Only points of the ball are compared."
        )
    },
    definitions={
        "value is": prox_minimiser.definitions["value is"],
        "distance is": sp.Eq(candidate_distance**2, candidate_norm**2 - 2 * _held * _inner + _held**2, **rel),
    },
    steps=(
        *prox_minimiser.steps[:2],
        Cases(
            "claim",
            _held_claim,
            moved_norm - _cut,
            (
                Manifest("zero", sp.Eq(_held, 0, **rel)),
                Manifest("shorter", sp.Ge(_cut - moved_norm, 0, **rel)),
                _held_leaf("low", "zero", sp.Integer(0), {"shorter": candidate_norm}),
            ),
            (
                Cases(
                    "high",
                    _held_claim,
                    moved_norm - _cut - ball_radius,
                    (
                        Manifest("inside", sp.Eq(_held, moved_norm - _cut, **rel)),
                        _held_leaf("free", "inside", moved_norm - _cut, {}),
                    ),
                    (
                        Manifest("outside", sp.Eq(_held, ball_radius, **rel)),
                        Manifest("farther", sp.Ge(moved_norm - _cut - ball_radius, 0, **rel)),
                        Manifest("threshold", sp.Ge(_cut, 0, **rel)),
                        Combine("thrown", sp.Ge(moved_norm - ball_radius, 0, **rel), {"farther": 1, "threshold": 1}),
                        _held_leaf("held", "outside", ball_radius, {"in the ball": moved_norm - _cut - ball_radius}),
                    ),
                ),
            ),
        ),
    ),
    equality=Equality(
        "the point itself; the ray of z too, where the ball is not reached and z is longer than the threshold",
        {candidate_value: _held_least, candidate_distance: sp.Integer(0)},
    ),
    needs={
        "in the ball": Witness(
            {
                moved_norm: sp.Integer(3),
                eta: sp.Integer(1),
                lam: sp.Integer(1),
                ball_radius: sp.Integer(1),
                candidate_norm: sp.Integer(2),
                candidate_value: sp.Rational(5, 2),
                candidate_distance: sp.Integer(1),
            },
            text="z of length 3, threshold 1: the free prox of length 2 is better than the point of length 1 on the ball",
        )
    },
    source="2510.09338: norm balls, held after the step that carries out the penalty",
)

prox_norm = Theorem(
    name="extinction.prox_norm",
    title="The prox shortens a group by exactly eta lambda, down to zero",
    claim=sp.Eq(group_next, sp.Max(0, moved_norm - _cut), **rel),
    assumes={
        "penalised": Hypothesis(
            sp.Gt(lam, 0, **rel), "the penalty weight is positive", "Leave a group with weight 0 alone: it has no prox."
        )
    },
    definitions={
        "prox is": sp.Eq(group_next, soft_scale * moved_norm, **rel),
        "scale is": sp.Eq(soft_scale, 1 - _cut / sp.Max(moved_norm, _cut), **rel),
    },
    steps=(
        Cases(
            "claim",
            sp.Eq(group_next, _x, **rel),
            moved_norm - _cut,
            (
                Manifest("threshold wins", sp.Eq(sp.Max(moved_norm, _cut), _cut, **rel)),
                Manifest("nothing left", sp.Eq(_x, 0, **rel)),
                Combine(
                    "low",
                    sp.Eq(group_next, _x, **rel),
                    {
                        "prox is": 1,
                        "scale is": moved_norm,
                        "nothing left": -1,
                        "threshold wins": moved_norm / sp.Max(moved_norm, _cut),
                    },
                ),
            ),
            (
                Manifest("norm wins", sp.Eq(sp.Max(moved_norm, _cut), moved_norm, **rel)),
                Manifest("difference left", sp.Eq(_x, moved_norm - _cut, **rel)),
                Combine(
                    "high",
                    sp.Eq(group_next, _x, **rel),
                    {"prox is": 1, "scale is": moved_norm, "difference left": -1, "norm wins": _cut / sp.Max(moved_norm, _cut)},
                ),
            ),
        ),
    ),
    equality=Equality("an identity"),
    kind="identity",
    free={"penalised": "with weight 0 a zero group has the scale 0/0; the prox is the identity there"},
    source="2510.09338: penalties exceed certain threshold values; the step that carries them out",
)
