"""Coherence: how far apart M directions can be in D dimensions, and what that leaves of the margin.

What decides is the *one-sided* coherence, the greatest signed cosine of two different anchors: with queries kappa a_i the margin is
kappa (1 - mu). Welch's bound is about absolute cosines and says nothing here: the icosahedron's twelve directions are at 0.447, below
Welch's 0.522, because opposite anchors are the easiest of all to tell apart.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.anchors_budget import FREE, SEVERAL
from theory.anchors_formulas import coherence_floor, margin_dimension_cap, sign_code_failure, sign_code_width, welch_bound
from theory.anchors_lemmas import crowded, frame_potential, least_of_tied, sign_tails, sum_of_all
from theory.anchors_redundancy import eq
from theory.steps import Apply, Cite, Combine, Manifest, SumOver
from theory.symbols import (
    anchors,
    bad_codes,
    coherence,
    coherence_abs,
    coherence_bound,
    cosine_of,
    i_pair,
    least_lead,
    norm_budget,
    width,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_I = sp.Integer
_M, _D, _kappa, _p = anchors, width, norm_budget, i_pair
_v = sp.Symbol("v", nonnegative=True)
_x = sp.Symbol("x", real=True)
PAIRS = (_p, 1, _M * (_M - 1))
_sum, _squares = sp.Sum(cosine_of[_p], PAIRS), sp.Sum(cosine_of[_p] ** 2, PAIRS)
SOURCE = "2510.09338: information-theoretic anchor design"

THREE = Hypothesis(sp.Ge(_M, 3, **_rel), "M >= 3 anchors", "Two anchors fit on a line, opposite each other.")
COSINES = {"greatest": sp.Le(cosine_of[_p], coherence, **_rel)}
LIMITS = COSINES | {"cosine above": sp.Ge(cosine_of[_p], -1, **_rel), "cosine below": sp.Le(coherence, 1, **_rel)}
_all = Cite("sum of all", sum_of_all, {lemmas.x: _M, lemmas.p: _sum})
_greatest = SumOver("cosines", Combine("one cosine", sp.Le(cosine_of[_p], coherence, **_rel), {"greatest": 1}), _p)

_simplex = sp.Ge(coherence, -1 / (_M - 1), **_rel)
simplex_floor = Theorem(
    name="anchors.coherence",
    title="The one-sided coherence of M directions is at least -1/(M - 1), in any dimension",
    claim=_simplex,
    assumes={"several": SEVERAL},
    definitions=COSINES,
    steps=(
        _all,
        _greatest,
        Combine("claim", _simplex, {"sum of all": 1 / (_M * (_M - 1)), "cosines": 1 / (_M * (_M - 1))}),
    ),
    equality=Equality("the regular simplex", {coherence: -1 / (_M - 1)}),
    free=FREE,
    source=SOURCE,
)

_crowd = sp.Ge(coherence, 0, **_rel)
many = Theorem(
    name="anchors.coherence_many",
    title="More than D + 1 directions are not all obtuse: coherence at least 0",
    claim=_crowd,
    assumes={
        "crowd": Hypothesis(
            sp.Ge(_M, _D + 2, **_rel), "M >= D + 2", "The regular simplex of D + 1 anchors has coherence -1/D."
        ),
    },
    steps=(Cite("claim", crowded, {lemmas.x: _M, lemmas.y: _D, lemmas.p: coherence}, {"crowd": "crowd"}),),
    equality=Equality("the cross-polytope: coordinate vectors and their opposites", {coherence: _I(0)}),
    needs={
        "crowd": Witness({_M: _I(3), _D: _I(2), coherence: -_I(1) / 2}, text="three directions at 120 degrees in the plane")
    },
    source=SOURCE,
)

_levenshtein = sp.Ge(coherence, coherence_floor.stated, **_rel)
_first, _per = 1 - coherence, 1 / (_M * (_M - 2))
in_dimension = Theorem(
    name="anchors.coherence_dimension",
    title="Coherence of many directions in D dimensions: at least (M - 2D)/(D (M - 2))",
    claim=_levenshtein,
    assumes={"three": THREE},
    definitions=LIMITS,
    steps=(
        Combine("not below -1", sp.Ge(cosine_of[_p] + 1, 0, **_rel), {"cosine above": 1}),
        SumOver(
            "products",
            Combine(
                "one product", sp.Le((cosine_of[_p] + 1) * (cosine_of[_p] - coherence), 0, **_rel),
                {"greatest": cosine_of[_p] + 1},
            ), _p,
        ),
        _all,
        Cite("frame", frame_potential, {lemmas.x: _M, lemmas.y: _D, lemmas.v: _squares}),
        Combine("not above 1", sp.Ge(_first, 0, **_rel), {"cosine below": 1}),
        Combine("claim", _levenshtein, {"products": _per, "sum of all": _first * _per, "frame": _per}),
    ),
    equality=Equality(
        "the cross-polytope (M = 2D, coherence 0) and the simplex (M = D + 1, coherence -1/D)", {coherence: coherence_floor.stated}
    ),
    free={"three": "for M = 2 the bound reads a number over 0"},
    source=SOURCE + "; the bound is Levenshtein's second, here for every M > 2: below M = 2D it is true and negative",
)  # fmt: skip

_tied = eq(least_lead, _kappa * (1 - coherence))
tied = Theorem(
    name="anchors.tied_margin",
    title="With queries kappa a_i along unit anchors the margin is kappa (1 - mu): one-sided",
    claim=_tied,
    assumes={},
    steps=(Cite("claim", least_of_tied, {lemmas.p: coherence, lemmas.q: least_lead, lemmas.w: _kappa}),),
    equality=Equality("an identity"),
    source=SOURCE,
    kind="identity",
)

_capped = sp.Le(least_lead, margin_dimension_cap.stated, **_rel)
margin_in_dimension = Theorem(
    name="anchors.margin_dimension_cap",
    title="The margin of queries along their own anchors in D dimensions",
    claim=_capped,
    assumes={"three": THREE},
    definitions=LIMITS,
    steps=(
        Cite("coherence", in_dimension, {}, {"three": "three"}),
        Cite("tied", tied, {}),
        Combine("claim", _capped, {"tied": -1, "coherence": _kappa}),
    ),
    equality=Equality("the cross-polytope (M = 2D) and the simplex (M = D + 1)", {least_lead: margin_dimension_cap.stated}),
    free={"three": "for M = 2 the bound reads a number over 0"},
    uses=(in_dimension, tied),
    source=SOURCE,
)

_welch = sp.Ge(coherence_abs, welch_bound.stated, **_rel)
_ratio = (_M - _D) / (_D * (_M - 1))
welch = Theorem(
    name="anchors.welch",
    title="Welch: the greatest absolute cosine",
    claim=_welch,
    assumes={
        "several": SEVERAL,
        "as many": Hypothesis(sp.Ge(_M, _D, **_rel), "M >= D", "Up to D anchors can be orthogonal: absolute coherence 0."),
    },
    definitions={"greatest": sp.Le(sp.Abs(cosine_of[_p]), coherence_abs, **_rel)},
    steps=(
        SumOver("squares", Apply("one square", _v**2, _v, "greatest"), _p),
        Cite("frame", frame_potential, {lemmas.x: _M, lemmas.y: _D, lemmas.v: _squares}),
        Combine(
            "square",
            sp.Ge(coherence_abs**2, _ratio, **_rel),
            {"squares": 1 / (_M * (_M - 1)), "frame": 1 / (_M * (_M - 1))},
        ),
        Apply("root", sp.sqrt(_v), _v, "square"),
        Combine("claim", _welch, {"root": 1}),
    ),
    equality=Equality("the regular simplex, M = D + 1: both are 1/D", {_M: _I(3), _D: _I(2), coherence_abs: _I(1) / 2}),
    free=FREE | {"as many": "below D the root is of a negative number"},
    source=SOURCE + "; compared with because it is often taken for a bound on the margin",
)

_five = sp.Lt(1 / sp.sqrt(5), welch_bound.stated.subs({_M: 12, _D: 3}), **_rel)
icosahedron = Theorem(
    name="anchors.welch_is_wrong",
    title="Welch's bound is none on the one-sided coherence: the icosahedron is below it",
    claim=_five,
    assumes={},
    steps=(Manifest("claim", _five),),
    equality=Equality("twelve directions in three dimensions: 1/sqrt(5) = 0.447 against sqrt(9/33) = 0.522"),
    source="the plain reading, anchors must be incoherent in absolute value, is false: only the signed cosine enters the margin",
    kind="counterexample",
)

_mu = coherence_bound
_failure = sp.Le(bad_codes, sign_code_failure.stated, **_rel)
sign_failure = Theorem(
    name="anchors.sign_failure",
    title="The share of sign codes whose coherence reaches mu",
    claim=_failure,
    assumes={
        "several": SEVERAL,
        "not obtuse": Hypothesis(sp.Ge(_mu, 0, **_rel), "mu >= 0", "Below 0 nearly every code has a pair that reaches mu."),
    },
    steps=(Cite("claim", sign_tails, {lemmas.x: _M, lemmas.y: _D, lemmas.w: _mu, lemmas.v: bad_codes}),),
    equality=Equality("not attained: the tail of a sum of signs is below Hoeffding's bound"),
    needs={
        "not obtuse": Witness(
            {_M: _I(2), _D: _I(1), _mu: -_I(2), bad_codes: _I(1)}, text="every cosine is above -2: the share is 1, e^-2 is not"
        )
    },
    free={"several": "with one vector there is no pair, and both sides are 0"},
    source=SOURCE,
)

_few = sp.Lt(bad_codes, sp.Rational(1, 2), **_rel)
_exponent = _D * coherence_bound**2 / 2
sign_code = Theorem(
    name="anchors.sign_code",
    title="4 ln M/mu^2 dimensions are enough: most sign codes have a coherence below mu",
    claim=_few,
    assumes={
        "several": SEVERAL,
        "acute": Hypothesis(sp.Gt(_mu, 0, **_rel), "mu > 0", "In D < M - 1 dimensions ask for a positive coherence."),
        "wide": Hypothesis(
            sp.Ge(_D, sign_code_width.stated, **_rel), "D >= 4 ln M/mu^2", "Add dimensions or allow a greater coherence."
        ),
    },
    steps=(
        Cite("failure", sign_failure, {}, {"several": "several", "not obtuse": "acute"}),
        Combine("exponent", sp.Le(-_exponent, -2 * sp.log(_M), **_rel), {"wide": coherence_bound**2 / 2}),
        Apply("e^exponent", sp.exp(_x), _x, "exponent"),
        Manifest("room", sp.Gt(1 / (2 * _M), 0, **_rel)),
        Combine("claim", _few, {"failure": 1, "e^exponent": _M * (_M - 1) / 2, "room": 1}),
    ),
    equality=Equality("strict, by at least 1/(2M)"),
    needs={
        "wide": Witness(
            {_M: _I(3), _D: _I(1), coherence_bound: _I(1) / 2, bad_codes: _I(1)},
            text="three signs on a line: two of them are equal, always",
        )
    },
    free=FREE | {"acute": "the number of dimensions reads a number over 0 at mu = 0"},
    uses=(sign_failure,),
    source=SOURCE,
)

COHERENCE: tuple[Theorem, ...] = (
    simplex_floor, many, in_dimension, tied, margin_in_dimension, welch, icosahedron, sign_failure, sign_code,
)  # fmt: skip
