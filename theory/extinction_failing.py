"""What does not extinguish: the plain subgradient method, and clipping of singular values.

    theta+ = theta - eta (lam theta/|theta| + v):  |theta+| <= max(eta (lam + G_bar), |theta| - eta gamma), and never exactly
    zero [[2, 1], [0, 2]] with singular values clipped at 1 is [[4, 1], [-1, 4]]/sqrt(17): the zero block becomes -1/sqrt(17) =
    -0.2425

Statements of the family `extinction`.
"""

from __future__ import annotations

import sympy as sp

from theory.extinction_formulas import subgradient_radius
from theory.extinction_lemmas import rel
from theory.extinction_prox import prox_norm
from theory.extinction_steps import BOUNDED, ONE, PENALTY, SOFT, SOURCE, TWO
from theory.lemmas import triangle, u, v, w
from theory.steps import Cases, Cite, Combine, Identity, Manifest
from theory.symbols import eta, gamma, group_next, group_norm, lam, moved_norm, step_bound, vector_norm
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_pull = eta * lam
_ball = sp.Max(subgradient_radius.stated, group_norm - eta * gamma)
_goal = sp.Le(group_next, _ball, **rel)

subgradient_ball = Theorem(
    name="extinction.subgradient_ball",
    title="A subgradient step falls by eta gamma or lands in a ball of radius eta (lam + G_bar): it enters the ball and stays",
    claim=_goal,
    assumes={"bounded": BOUNDED, "penalty": PENALTY},
    # |theta - eta lam theta/|theta||; a zero group has the subgradient 0 and is not pulled at all
    definitions={"pulled is": sp.Le(moved_norm, sp.Abs(group_norm - _pull), **rel)},
    steps=(
        Cite("moved", triangle, {u: group_next, v: moved_norm, w: eta * vector_norm}),
        Cases(
            "claim",
            _goal,
            group_norm - _pull,
            (
                Manifest("in the ball", sp.Ge(_ball, subgradient_radius.stated, **rel)),
                Combine("overshoots", sp.Le(moved_norm, _pull - group_norm, **rel), {"pulled is": 1}),
                Manifest("size", sp.Ge(group_norm, 0, **rel)),
                Combine("low", _goal, {"moved": 1, "overshoots": 1, "bounded": eta, "size": 1, "in the ball": 1}),
            ),
            (
                Manifest("fallen", sp.Ge(_ball, group_norm - eta * gamma, **rel)),
                Combine("falls short", sp.Le(moved_norm, group_norm - _pull, **rel), {"pulled is": 1}),
                Combine("high", _goal, {"moved": 1, "falls short": 1, "bounded": eta, "penalty": eta, "fallen": 1}),
            ),
        ),
    ),
    equality=Equality("outside the ball: an outward vector of length G_bar, and lam = G_bar + gamma", {group_next: _ball}),
    needs={
        "bounded": Witness(
            {
                group_norm: sp.Integer(10),
                eta: ONE,
                gamma: ONE,
                step_bound: ONE,
                lam: TWO,
                vector_norm: sp.Integer(5),
                group_next: sp.Integer(13),
            },
            text="an outward vector of length 5: from 10 to 13",
        ),
        "penalty": Witness(
            {
                group_norm: sp.Integer(10),
                eta: ONE,
                gamma: ONE,
                step_bound: ONE,
                lam: ONE,
                vector_norm: ONE,
                group_next: sp.Integer(10),
            },
            text="lam equal to the bound: 10 stays 10",
        ),
    },
    source=SOURCE + ", why it is a proximal step",
)

below_threshold = Theorem(
    name="extinction.below_threshold",
    title="At or below the bound an outward adversary keeps every group alive: the threshold is sharp",
    claim=sp.Ge(group_next, group_norm, **rel),
    assumes={
        "penalised": Hypothesis(sp.Gt(lam, 0, **rel), "the penalty weight is positive", "Leave a group with weight 0 alone."),
        "below": Hypothesis(
            sp.Le(lam, step_bound, **rel), "the penalty weight is at most the bound", "Above it `extinction.decrease` holds."
        ),
        "outward": Hypothesis(
            sp.Eq(moved_norm, group_norm + eta * step_bound, **rel),
            "the vector has length G_bar and points away from the group",
            "Other vectors may shorten the group.",
        ),
    },
    definitions=SOFT,
    steps=(
        Cite("prox", prox_norm, {}, {"penalised": "penalised"}),
        Manifest("not cut", sp.Ge(sp.Max(0, moved_norm - eta * lam), moved_norm - eta * lam, **rel)),
        Combine("claim", sp.Ge(group_next, group_norm, **rel), {"prox": 1, "not cut": 1, "outward": 1, "below": eta}),
    ),
    equality=Equality("lam = G_bar: the group keeps its norm for ever", {group_next: group_norm}),
    needs={
        "below": Witness(
            {group_norm: ONE, eta: ONE, lam: TWO, step_bound: ONE, moved_norm: TWO, group_next: sp.Integer(0)},
            text="lam = 2 above the bound 1: the group dies in one step",
        ),
        "outward": Witness(
            {group_norm: ONE, eta: ONE, lam: ONE, step_bound: ONE, moved_norm: sp.Integer(0), group_next: sp.Integer(0)},
            text="an inward vector: the group dies in one step",
        ),
    },
    free={"penalised": "a group of weight 0 is not penalised; it grows all the same"},
    uses=(prox_norm,),
    source=SOURCE + ", sharpness",
)

_start, _size, _weight = sp.Rational(1, 20), sp.Rational(1, 10), sp.Rational(3, 2)
_second = _start - _size * _weight  # from a positive number: - eta lam
_third = _second + _size * _weight  # from a negative one: + eta lam
CYCLE = (_start, _size, _weight)

subgradient = Theorem(
    name="extinction.subgradient",
    title="The subgradient method without any loss (v = 0): 1/20, -1/10, 1/20, ... is never zero at penalty 3/2",
    claim=sp.Gt(sp.Min(sp.Abs(_start), sp.Abs(_second)), 0, **rel),
    assumes={},
    steps=(
        Identity("it returns", sp.Eq(_third, _start, **rel)),
        Manifest("claim", sp.Gt(sp.Min(sp.Abs(_start), sp.Abs(_second)), 0, **rel)),
    ),
    equality=Equality("a strict inequality between numbers: the cycle has the norms 1/20 and 1/10"),
    kind="counterexample",
    source=SOURCE + ", why it is a proximal step",
)

# M = Q P with Q orthogonal and P symmetric, both singular values (sqrt(17) +- 1)/2 of M above 1: clipping them at 1 leaves Q.
MATRIX = sp.Matrix([[2, 1], [0, 2]])
POLAR = sp.Matrix([[4, 1], [-1, 4]]) / sp.sqrt(17)
_stretch = POLAR.T * MATRIX
ENTRY = POLAR[1, 0]

spectral_clipping = Theorem(
    name="extinction.spectral_clipping",
    title="Clipping singular values fills a zero block: [[2, 1], [0, 2]] clipped at 1 has -1/sqrt(17) there",
    claim=sp.Gt(sp.Abs(ENTRY), sp.Rational(6, 25), **rel),
    assumes={},
    steps=(
        Identity("orthogonal, diagonal", sp.Eq((POLAR.T * POLAR)[0, 0], 1, **rel)),
        Identity("orthogonal, other diagonal", sp.Eq((POLAR.T * POLAR)[1, 1], 1, **rel)),
        Identity("orthogonal, off diagonal", sp.Eq((POLAR.T * POLAR)[0, 1], 0, **rel)),
        Identity("symmetric", sp.Eq(_stretch[0, 1], _stretch[1, 0], **rel)),
        Identity("trace", sp.Eq(_stretch.trace(), sp.sqrt(17), **rel)),
        Identity("determinant", sp.Eq(_stretch.det(), 4, **rel)),
        # both eigenvalues of P exceed 1: (trace - 2) and the characteristic polynomial at 1 are positive
        Manifest("sum above 2", sp.Gt(_stretch.trace(), 2, **rel)),
        Manifest("both on one side of 1", sp.Gt(1 - _stretch.trace() + _stretch.det(), 0, **rel)),
        Manifest("claim", sp.Gt(sp.Abs(ENTRY), sp.Rational(6, 25), **rel)),
    ),
    equality=Equality("a strict inequality between numbers: 1/sqrt(17) = 0.24254 > 0.24"),
    kind="counterexample",
    source=SOURCE + ", why norms are held by Frobenius balls",
)
