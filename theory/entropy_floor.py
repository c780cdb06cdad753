"""Statements on how little entropy a row can have: the floor from a range of scores and the gap to ln n, whatever n."""

from __future__ import annotations

import sympy as sp

from theory import entropy_lemmas, lemmas
from theory.entropy_formulas import (
    entropy_floor_size,
    entropy_floor_tier,
    range_gap,
    range_gap_simple,
)
from theory.entropy_lemmas import (
    chord,
    exp_above_line,
    one_score,
    size_falls,
    size_rises,
    tilted_coin,
    vertex_sweep,
)
from theory.lemmas import exp_tangent, log_tangent
from theory.steps import Apply, Cases, Cite, Combine, Identity, Manifest, Step, SumOver
from theory.symbols import (
    a,
    bottom,
    entropy,
    g,
    j_in,
    j_out,
    k,
    n,
    s,
    score_range,
    spread,
    sum_in,
    sum_out,
    top,
    top_other,
    top_size,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_I = sp.Integer
_y = sp.Symbol("y", positive=True)
_x = sp.Symbol("x", real=True)
_rest = sp.Symbol("_rest", positive=True)  # sum of the weights of all keys but one
_moment = sp.Symbol("_moment", real=True)
_score = sp.Symbol("_score", real=True)  # one coordinate of a point of the box [-R, 0]^n
_R = score_range
_u = sp.exp(-_R)


def tier_entropy_at(size: sp.Expr | int) -> sp.Expr:
    """Entropy of the two-level row with `size` of n keys R above the rest; ln n for size 0 and n."""
    return entropy_floor_tier.stated.subs(k, size)


POSITIVE_RANGE = Hypothesis(sp.Gt(_R, 0, **_rel), "R > 0", "Scores within range 0 are equal: the entropy is ln n.")
RANGE = Hypothesis(sp.Le(spread, _R, **_rel), "the scores of the row lie within a range R", "Claim the measured range.")
_range_free = {"positive": "the formula reads 0/0 at R = 0, where the entropy is ln n"}
SIZE = {
    "not above": Hypothesis(sp.Le(top_size, entropy_floor_size.stated, **_rel), "k_0 is at most r0(n, R)", "Take floor(r0)."),
    "next above": Hypothesis(
        sp.Le(entropy_floor_size.stated, top_size + 1, **_rel), "k_0 + 1 is at least r0(n, R)", "Take floor(r0)."
    ),
}
_least = sp.Min(tier_entropy_at(top_size), tier_entropy_at(top_size + 1), **_rel)

_below_one = Manifest("u below 1", sp.Gt(1 - _u, 0, **_rel), form=2 * sp.exp(-_R / 2) * sp.sinh(_R / 2))
_instance = {lemmas.x: _u, lemmas.y: n, lemmas.p: _R}


def _turn(size: sp.Expr) -> sp.Expr:
    return (1 - _u) * (size + (n - size) * _u) - _R * n * _u  # (1 - u)^2 (size - r0)


_at_other = sp.Ge(tier_entropy_at(top_other), _least, **_rel)
floor_size = Theorem(
    name="entropy.floor_size",
    title="The size of the high tier that leaves the least entropy",
    claim=_at_other,
    assumes={"positive": POSITIVE_RANGE, **SIZE},
    steps=(
        _below_one,
        Manifest("some outside", sp.Gt(n * _u, 0, **_rel)),
        Combine(
            "weights at the next", sp.Gt(top_size + 1 + (n - top_size - 1) * _u, 0, **_rel),
            {"u below 1": top_size + 1, "some outside": 1},
        ),
        Cases(
            "claim", _at_other, top_other - top_size,
            (
                Combine("before the turn", sp.Le(_turn(top_size), 0, **_rel), {"not above": (1 - _u) ** 2}),
                Cite(
                    "falls", size_falls, {**_instance, lemmas.v: top_other, lemmas.w: top_size},
                    {"weight": "u below 1", "order": "claim.low", "before the turn": "before the turn"},
                ),
                Manifest("lower size", _at_other),
            ),
            (
                Combine("at least the next", sp.Le(top_size + 1, top_other, **_rel), {"claim.high": 1}),
                Combine("after the turn", sp.Ge(_turn(top_size + 1), 0, **_rel), {"next above": (1 - _u) ** 2}),
                Cite(
                    "rises", size_rises, {**_instance, lemmas.v: top_size + 1, lemmas.w: top_other},
                    {"weight": "u below 1", "order": "at least the next", "after the turn": "after the turn"},
                ),
                Manifest("upper size", _at_other),
            ),
            whole=True,
        ),
    ),
    equality=Equality(
        "k_1 is the better of k_0 and k_0 + 1; the value is given for n = 2, R = 1",
        {n: _I(2), _R: _I(1), top_size: _I(0), top_other: _I(1)},
    ),
    needs={
        "not above": Witness(
            {n: _I(8), _R: _I(6), top_size: _I(3), top_other: _I(1)}, text="r0(8, 6) = 0.1; sizes 3 and 4 leave more than 1"
        ),
        "next above": Witness(
            {n: _I(100), _R: _I(2), top_size: _I(3), top_other: _I(20)},
            text="r0(100, 2) = 20.6; sizes 3 and 4 leave more than size 20",
        ),
    },
    free=_range_free,
    source="2510.09338: exact bounds on attention entropy, from below",
)  # fmt: skip

# What the entropy of a softmax row is.
_terms_in, _terms_out = a[j_in] * sp.log(a[j_in]), a[j_out] * sp.log(a[j_out])
SOFTMAX_ENTROPY = {
    "I is": sp.Eq(sum_in, sp.Sum(sp.exp(s[j_in]), (j_in, 1, g)), **_rel),
    "O is": sp.Eq(sum_out, sp.Sum(sp.exp(s[j_out]), (j_out, g + 1, n)), **_rel),
    "weight in": sp.Eq(a[j_in], sp.exp(s[j_in]) / (sum_in + sum_out), **_rel),
    "weight out": sp.Eq(a[j_out], sp.exp(s[j_out]) / (sum_in + sum_out), **_rel),
    "H is": sp.Eq(entropy, -sp.Sum(_terms_in, (j_in, 1, g)) - sp.Sum(_terms_out, (j_out, g + 1, n)), **_rel),
    "block of the row": sp.Le(g, n, **_rel),
}
SOFTMAX_RANGE = SOFTMAX_ENTROPY | {
    "least in": sp.Ge(s[j_in], bottom, **_rel),
    "least out": sp.Ge(s[j_out], bottom, **_rel),
    "greatest in": sp.Le(s[j_in], top, **_rel),
    "greatest out": sp.Le(s[j_out], top, **_rel),
    "spread is": sp.Eq(spread, top - bottom, **_rel),
}

_one = {lemmas.x: _rest, lemmas.r: _moment, lemmas.p: _score, entropy_lemmas.score_low: -_R, entropy_lemmas.score_high: _I(0)}
_ends = [entropy_lemmas.entropy_in_score(end).subs({lemmas.x: _rest, lemmas.r: _moment}) for end in (_score, -_R, _I(0))]
floor = Theorem(
    name="entropy.floor",
    title="Entropy floor from the range of the scores",
    claim=sp.Ge(entropy, _least, **_rel),
    assumes={"positive": POSITIVE_RANGE, "range": RANGE, **SIZE},
    definitions=SOFTMAX_RANGE | {"in the box": sp.Ge(_score, -_R, **_rel), "below the top": sp.Le(_score, 0, **_rel)},
    steps=(
        _below_one,
        Cite("one score", one_score, _one, {"above": "in the box", "below": "below the top"}),
        Cite(
            "a vertex", vertex_sweep,
            {
                lemmas.p: entropy, lemmas.q: tier_entropy_at(top_other), lemmas.v: spread, lemmas.w: _R,
                entropy_lemmas.at_point: _ends[0], entropy_lemmas.at_low: _ends[1], entropy_lemmas.at_high: _ends[2],
            },
            {"one coordinate": "one score", "inside": "range"},
        ),
        Cite("best vertex", floor_size, {}, {"positive": "positive", "not above": "not above", "next above": "next above"}),
        Combine("claim", sp.Ge(entropy, _least, **_rel), {"a vertex": 1, "best vertex": 1}),
    ),
    equality=Equality("two-level rows with gap R and the better of k_0 and k_0 + 1 keys on top", {entropy: _least}),
    needs={
        "range": Witness(
            {n: _I(2), _R: _I(1), spread: _I(10), top_size: _I(0), entropy: tier_entropy_at(1).subs({n: 2, _R: 10})},
            text="scores 10 and 0 lie within 10, not within 1",
        ),
        "not above": Witness(
            {n: _I(8), _R: _I(6), spread: _I(6), top_size: _I(3), entropy: tier_entropy_at(1).subs({n: 8, _R: 6})},
            text="one key 6 above seven others; r0(8, 6) = 0.1 is below 3",
        ),
        "next above": Witness(
            {n: _I(100), _R: _I(2), spread: _I(2), top_size: _I(3), entropy: tier_entropy_at(20).subs({n: 100, _R: 2})},
            text="20 keys 2 above 80 others; r0(100, 2) = 20.6 is above 4",
        ),
    },
    free=_range_free,
    uses=(floor_size,),
    source="2510.09338: exact bounds on attention entropy, from below",
)  # fmt: skip

_c = _R / (1 - _u)
_q = n * sp.exp(bottom) / (sum_in + sum_out)
_gap = sp.Le(sp.log(n) - entropy, range_gap.stated, **_rel)


def _chord(key: sp.Symbol, side: str) -> tuple[Step, ...]:
    """(s - bottom) e^s <= c (e^s - e^bottom) and a ln a = e^s (s - ln(I + O))/(I + O), summed over one side of the block."""
    rise, part = s[key] - bottom, sp.exp(s[key]) / (sum_in + sum_out)
    return (
        Combine(f"rise {side}", sp.Ge(rise, 0, **_rel), {f"least {side}": 1}),
        Combine(f"room {side}", sp.Ge(_R - rise, 0, **_rel), {f"greatest {side}": 1, "spread is": 1, "range": 1}),
        Cite(f"under the chord {side}", chord, {lemmas.v: rise, lemmas.w: _R - rise}),
        SumOver(
            f"chord {side}",
            Combine(
                f"chord at a key {side}", sp.Le(rise * sp.exp(s[key]), _c * (sp.exp(s[key]) - sp.exp(bottom)), **_rel),
                {f"under the chord {side}": sp.exp(s[key]) / (1 - _u)},
            ), key,
        ),
        Apply(f"ln {side}", sp.log(_y), _y, f"weight {side}"),
        SumOver(
            f"entropy {side}",
            Combine(
                f"entropy of a key {side}", sp.Eq(a[key] * sp.log(a[key]), part * (s[key] - sp.log(sum_in + sum_out)), **_rel),
                {f"weight {side}": sp.log(a[key]), f"ln {side}": part},
            ), key,
        ),
    )  # fmt: skip


_per_total = 1 / (sum_in + sum_out)
_whole = (_c + bottom - sp.log(sum_in + sum_out)) * _per_total  # puts I + O for the sum of all e^s
gap_bound = Theorem(
    name="entropy.gap",
    title="How far below ln n a range of scores can bring the entropy, whatever n",
    claim=_gap,
    assumes={"positive": POSITIVE_RANGE, "range": RANGE},
    definitions=SOFTMAX_RANGE,
    steps=(
        _below_one,
        *_chord(j_in, "in"),
        *_chord(j_out, "out"),
        Cite("tangent", log_tangent, {lemmas.x: _c * _q}),
        Combine(
            "claim", _gap,
            {
                "chord in": _per_total, "chord out": _per_total, "tangent": 1, "H is": 1, "entropy in": -1, "entropy out": -1,
                "I is": _whole, "O is": _whole,
            },
        ),
    ),
    equality=Equality("attained where r0(n, R) is a whole number, at no rational range; the supremum over n is psi(R)"),
    needs={
        "range": Witness(
            {n: _I(2), _R: _I(1), spread: _I(10), entropy: tier_entropy_at(1).subs({n: 2, _R: 10})},
            text="scores 10 and 0, claimed range 1",
        ),
    },
    free=_range_free,
    source="2510.09338: exact bounds on attention entropy, free of the dimension",
)  # fmt: skip

_psi = range_gap.stated
_quadratic, _linear = sp.Le(_psi, _R**2 / 8, **_rel), sp.Le(_psi, _R, **_rel)
_simple = sp.Le(_psi, range_gap_simple.stated, **_rel)
_share = _u * (_R - 1 + _u) / (1 - _u) ** 2  # r0/n
_other_share = _u * (sp.exp(_R) - 1 - _R) / (1 - _u) ** 2
_tilted = _share * sp.exp(_R) + _other_share
gap_simple = Theorem(
    name="entropy.gap_simple",
    title="The gap is at most a quadratic and at most the range",
    claim=_simple,
    assumes={"positive": POSITIVE_RANGE},
    steps=(
        _below_one,
        Cite("e^-R above", exp_tangent, {lemmas.p: -_R}),
        Cite("e^R above", exp_above_line, {lemmas.x: _R}),
        Identity("shares", sp.Eq(_share + _other_share, 1, **_rel)),
        Manifest("tail", sp.Gt(_other_share, 0, **_rel)),
        Cite(
            "coin", tilted_coin, {lemmas.u: _R, lemmas.v: _share, lemmas.w: _other_share}, {"total": "shares", "tail": "tail"}
        ),
        Identity("total", sp.Eq(_tilted, _c, **_rel)),
        Apply("ln total", sp.log(_y), _y, "total"),
        Identity("tilt", sp.Eq(_R * _share * sp.exp(_R) / _tilted, _c - 1, **_rel)),
        Combine("quadratic", _quadratic, {"coin": 1, "ln total": -1, "tilt": 1}),
        Combine("c at least 1", sp.Ge(_c, 1, **_rel), {"e^-R above": 1 / (1 - _u)}),
        Apply("ln c", sp.log(_y), _y, "c at least 1"),
        Combine("linear", _linear, {"ln c": 1, "e^R above": _u / (1 - _u)}),
        Manifest("claim", _simple),
    ),
    equality=Equality("not attained for R > 0: psi(R) = R^2/8 - O(R^4) near 0, R - ln R - 1 + o(1) for great R"),
    free=_range_free,
    source="2510.09338: exact bounds on attention entropy, free of the dimension",
)  # fmt: skip
