"""Statements on what a low entropy gives: some key with much weight. `concentration.outside_mass` says when that key lies in the block."""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.entropy_ceiling import DISTRIBUTION
from theory.entropy_formulas import FLAT_POINTER, HALF_POINTER, pointer_floor
from theory.entropy_lemmas import chord, one_of_many, surprisal_floor
from theory.lemmas import exp_tangent
from theory.steps import Apply, Cases, Cite, Combine, Manifest, SumOver
from theory.symbols import entropy, g, j_in, j_out, n, peak, pointer_rest, surprisal, weight
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_I = sp.Integer
_x = sp.Symbol("x", real=True)
_y = sp.Symbol("y", positive=True)

WEIGHTS_UP_TO_PEAK = {
    "peak in": sp.Le(weight[j_in], peak, **_rel),
    "peak out": sp.Le(weight[j_out], peak, **_rel),
}
_pointer = sp.Ge(peak, FLAT_POINTER, **_rel)
pointer = Theorem(
    name="entropy.pointer",
    title="Low entropy means that some key has much weight",
    claim=_pointer,
    assumes={},
    definitions=DISTRIBUTION | WEIGHTS_UP_TO_PEAK,
    steps=(
        SumOver(
            "inside", Cite(
                "term in", surprisal_floor, {lemmas.v: weight[j_in], lemmas.p: surprisal[j_in], lemmas.x: peak},
                {"surprisal": "surprisal in", "at most": "peak in"},
            ), j_in,
        ),
        SumOver(
            "outside", Cite(
                "term out", surprisal_floor, {lemmas.v: weight[j_out], lemmas.p: surprisal[j_out], lemmas.x: peak},
                {"surprisal": "surprisal out", "at most": "peak out"},
            ), j_out,
        ),
        Combine(
            "in logs", sp.Ge(sp.log(peak), -entropy, **_rel), {"inside": 1, "outside": 1, "H is": 1, "total is": -sp.log(peak)}
        ),
        Apply("claim", sp.exp(_x), _x, "in logs"),
    ),
    equality=Equality("uniform distributions, on any number of keys", {peak: 1 / n, entropy: sp.log(n)}),
    source="2510.09338: low entropy and pointer fidelity",
)  # fmt: skip

# The block is the key with the greatest weight, and that key alone.
POINTER_IS_BLOCK = {
    "pointer's weight": sp.Eq(sp.Sum(weight[j_in], (j_in, 1, g)), peak, **_rel),
    "pointer's entropy": sp.Eq(sp.Sum(weight[j_in] * surprisal[j_in], (j_in, 1, g)), -peak * sp.log(peak), **_rel),
    "rest is": sp.Eq(pointer_rest, sp.Sum(weight[j_out], (j_out, g + 1, n)), **_rel),
}
_half = sp.Ge(peak, HALF_POINTER, **_rel)
_half_weight = sp.Rational(1, 2)
_low_entropy = (
    Combine("at most ln 2", sp.Ge(-entropy, -sp.log(2), **_rel), {"claim.low": 1}),
    Apply("half", sp.exp(_x), _x, "at most ln 2"),
    Combine("at least half", sp.Ge(peak, _half_weight, **_rel), {"pointer": 1, "half": 1}),
    Combine("whole", sp.Eq(peak + pointer_rest, 1, **_rel), {"total is": 1, "pointer's weight": -1, "rest is": 1}),
    Cite("key in the rest", one_of_many, {lemmas.v: weight[j_out], lemmas.w: pointer_rest}),
    Combine(
        "key at most half", sp.Le(weight[j_out], _half_weight, **_rel), {"key in the rest": 1, "whole": -1, "at least half": 1}
    ),
    SumOver(
        "rest", Cite(
            "term", surprisal_floor, {lemmas.v: weight[j_out], lemmas.p: surprisal[j_out], lemmas.x: _half_weight},
            {"surprisal": "surprisal out", "at most": "key at most half"},
        ), j_out,
    ),
    Apply("ln peak", sp.log(_y), _y, "at least half"),
    Combine("up", sp.Ge(sp.log(2) + sp.log(peak), 0, **_rel), {"ln peak": 1}),
    Manifest("rest not negative", sp.Ge(pointer_rest, 0, **_rel)),
    Combine("peak at most 1", sp.Le(peak, 1, **_rel), {"rest not negative": 1, "whole": -1}),
    Apply("ln of it", sp.log(_y), _y, "peak at most 1"),
    Combine("down", sp.Ge(-sp.log(peak), 0, **_rel), {"ln of it": 1}),
    Cite("chord", chord, {lemmas.v: sp.log(2) + sp.log(peak), lemmas.w: -sp.log(peak)}),
    Combine(
        "sharper", _half,
        {
            "rest": 1 / (2 * sp.log(2)), "rest is": -_half_weight, "H is": 1 / (2 * sp.log(2)),
            "pointer's entropy": 1 / (2 * sp.log(2)), "chord": peak / sp.log(2), "whole": _half_weight,
        },
    ),
)  # fmt: skip
_high_entropy = (
    Cite("tangent", exp_tangent, {lemmas.p: sp.log(2) - entropy}),
    Combine(
        "weaker", _half, {"pointer": 1, "tangent": _half_weight, "claim.high": (1 - sp.log(2)) / (2 * sp.log(2))}
    ),
)  # fmt: skip
pointer_half = Theorem(
    name="entropy.pointer_half",
    title="A pointer bound that is sharper below ln 2",
    claim=_half,
    assumes={},
    definitions=DISTRIBUTION | WEIGHTS_UP_TO_PEAK | POINTER_IS_BLOCK,
    steps=(
        Cite("pointer", pointer, {}),
        Cases("claim", _half, entropy - sp.log(2), _low_entropy, _high_entropy),
    ),
    equality=Equality("two equal weights; also one key alone", {peak: _half_weight, entropy: sp.log(2)}),
    uses=(pointer,),
    source="2510.09338: low entropy and pointer fidelity; true for every entropy, sharper than e^-H below ln 2",
)  # fmt: skip

LOW = Hypothesis(sp.Le(entropy, sp.log(2), **_rel), "H <= ln 2", "For a greater entropy use max a >= e^-H.")
_stronger = sp.Ge(HALF_POINTER, FLAT_POINTER, **_rel)
pointer_half_stronger = Theorem(
    name="entropy.pointer_half_stronger",
    title="Below ln 2 the second pointer bound is never the weaker one",
    claim=_stronger,
    assumes={"low": LOW},
    steps=(
        Combine("room", sp.Ge(sp.log(2) - entropy, 0, **_rel), {"low": 1}),
        Cite("chord", chord, {lemmas.v: entropy, lemmas.w: sp.log(2) - entropy}),
        Combine("claim", _stronger, {"chord": 1 / sp.log(2)}),
    ),
    equality=Equality("H = ln 2 and H = 0", {entropy: sp.log(2)}),
    needs={"low": Witness({entropy: _I(1)}, text="1 - 1/(2 ln 2) = 0.279 < e^-1 = 0.368")},
    source="2510.09338: low entropy and pointer fidelity",
)  # fmt: skip

_best = sp.Ge(peak, pointer_floor.stated, **_rel)
pointer_best = Theorem(
    name="entropy.pointer_best",
    title="Both pointer bounds at once",
    claim=_best,
    assumes={},
    definitions=DISTRIBUTION | WEIGHTS_UP_TO_PEAK | POINTER_IS_BLOCK,
    steps=(
        Cite("pointer", pointer, {}),
        Cite("half", pointer_half, {}),
        Manifest("claim", _best),
    ),
    equality=Equality("uniform distributions; one key alone", {peak: _half_weight, entropy: sp.log(2)}),
    uses=(pointer, pointer_half),
    source="2510.09338: low entropy and pointer fidelity",
)  # fmt: skip
