"""Where entropy rises along the dial and where it falls: towards the peak at d = -Delta_0/beta, and from there on.

It is monotone on d >= 0 exactly when Delta_0 >= 0; two counterexamples show what is false without such a condition.
"""

from __future__ import annotations

import sympy as sp

from theory.concentration import BLOCK
from theory.dial_entropy import ADVANTAGE, ENTROPY, PARTS, advantage, entropy_is, entropy_path, entropy_split, path, slope_law
from theory.dial_formulas import entropy_at, entropy_peak_mass
from theory.dial_law import EPS, IN, LIFT, MARGINS, MASSES, SOURCE, eq, free_block, logit
from theory.steps import Apply, Cite, Combine, Manifest, MeanValue, SumOver
from theory.symbols import (
    beta,
    c,
    content_advantage,
    content_lead,
    dial,
    dial_other,
    entropy,
    entropy_in,
    entropy_other,
    entropy_rate,
    eps,
    fidelity,
    g,
    j_in,
    j_out,
    low_content,
    moment_in,
    moment_out,
    n,
    sum_in,
    sum_in0,
    sum_in_other,
    sum_out,
    top_out,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_y = sp.Symbol("y", positive=True)
_at = sp.Symbol("_at", real=True)
_lifted = LIFT * sum_in0 + sum_out  # I + O at setting d
_share = sum_out / _lifted
_parts, _peak_mass = entropy_at.stated, entropy_peak_mass.stated
OTHER = {
    "I_2 is": eq(sum_in_other, sp.Sum(sp.exp(c[j_in] + beta * dial_other), IN)),
    "H_2 is": entropy_is(entropy_other, dial_other, sum_in_other),
}
_to_other = {dial: dial_other, entropy: entropy_other, sum_in: sum_in_other}


_path_at = path.subs(dial, _at)
_rise_at = sp.diff(_path_at, _at)
_share_at = _share.subs(dial, _at)
_heat_at = beta * _share_at * (LIFT * sum_in0 / _lifted).subs(dial, _at)
_FACTS = ENTROPY | MASSES | ADVANTAGE | OTHER
ORDER = Hypothesis(sp.Le(dial, dial_other, **_rel), "d <= d'", "Swap the two settings.")
PAST = Hypothesis(
    sp.Ge(content_advantage + beta * dial, 0, **_rel), "d is at or past the peak: Delta_0 + beta d >= 0",
    "Raise the dial past -Delta_0/beta.",
)  # fmt: skip
BEFORE = Hypothesis(
    sp.Le(content_advantage + beta * dial_other, 0, **_rel), "d' is at or before the peak: Delta_0 + beta d' <= 0",
    "Lower the dial below -Delta_0/beta.",
)  # fmt: skip
_uphill = sp.log(1 + sp.exp(-2)) + 2 * sp.exp(-2) / (1 + sp.exp(-2))  # entropy of scores (-2, 0) or (2, 0): 0.3653
_two = {n: sp.Integer(2), g: sp.Integer(1), beta: sp.Integer(1)}

falls = Theorem(
    name="dial.entropy_falls",
    title="From the peak on, entropy never rises again",
    claim=sp.Le(entropy_other, entropy, **_rel),
    assumes={"block": BLOCK, "past": PAST, "order": ORDER},
    definitions=_FACTS,
    steps=(
        Cite("here", entropy_path, {}),
        Cite("there", entropy_path, _to_other),
        MeanValue(
            "falls", -_path_at, _at, dial, dial_other,
            Combine(
                "slope", sp.Ge(-_rise_at, 0, **_rel),
                {"past": _heat_at, "falls.low": beta * _heat_at, "Delta_0 is": -_heat_at},
            ),
            "order",
        ),
        Combine("claim", sp.Le(entropy_other, entropy, **_rel), {"here": 1, "there": -1, "falls": 1}),
    ),
    equality=Equality("d' = d", {entropy_other: entropy}),
    needs={
        "past": Witness(
            _two | {content_advantage: sp.Integer(-2), dial: sp.Integer(0), dial_other: sp.Integer(2), entropy: _uphill,
                entropy_other: sp.log(2)},
            text="content (-2, 0): entropy 0.3653 at dial 0 and ln 2 at dial 2",
        ),
        "order": Witness(
            _two | {content_advantage: sp.Integer(0), dial: sp.Integer(2), dial_other: sp.Integer(0), entropy: _uphill,
                entropy_other: sp.log(2)},
            text="content (0, 0): entropy 0.3653 at dial 2 and ln 2 at dial 0",
        ),
    },
    free=free_block,
    uses=(entropy_path,),
    source=SOURCE,
)  # fmt: skip

climbs = Theorem(
    name="dial.entropy_climbs",
    title="Up to the peak, entropy never falls",
    claim=sp.Ge(entropy_other, entropy, **_rel),
    assumes={"block": BLOCK, "before": BEFORE, "order": ORDER},
    definitions=_FACTS,
    steps=(
        Cite("here", entropy_path, {}),
        Cite("there", entropy_path, _to_other),
        MeanValue(
            "climbs", _path_at, _at, dial, dial_other,
            Combine(
                "slope", sp.Ge(_rise_at, 0, **_rel),
                {"before": _heat_at, "climbs.high": beta * _heat_at, "Delta_0 is": _heat_at},
            ),
            "order",
        ),
        Combine("claim", sp.Ge(entropy_other, entropy, **_rel), {"here": -1, "there": 1, "climbs": 1}),
    ),
    equality=Equality("d' = d", {entropy_other: entropy}),
    needs={
        "before": Witness(
            _two | {content_advantage: sp.Integer(0), dial: sp.Integer(0), dial_other: sp.Integer(2), entropy: sp.log(2),
                entropy_other: _uphill},
            text="content (0, 0): entropy ln 2 at dial 0 and 0.3653 at dial 2",
        ),
        "order": Witness(
            _two | {content_advantage: sp.Integer(-2), dial: sp.Integer(2), dial_other: sp.Integer(0), entropy: sp.log(2),
                entropy_other: _uphill},
            text="content (-2, 0): entropy ln 2 at dial 2 and 0.3653 at dial 0",
        ),
    },
    free=free_block,
    uses=(entropy_path,),
    source=SOURCE,
)  # fmt: skip

rising = Theorem(
    name="dial.entropy_rising",
    title="Before the peak entropy strictly rises: with Delta_0 < 0 the dial first blurs attention",
    claim=sp.Gt(entropy_rate, 0, **_rel),
    assumes={
        "block": BLOCK,
        "before": Hypothesis(
            sp.Lt(content_advantage + beta * dial, 0, **_rel), "Delta_0 + beta d < 0", "From -Delta_0/beta on entropy falls."
        ),
    },
    definitions=ENTROPY | MASSES | ADVANTAGE | {"rate is": eq(entropy_rate, sp.diff(path, dial))},
    steps=(
        *EPS,
        Cite("slope", slope_law, {}),
        Combine("claim", sp.Gt(entropy_rate, 0, **_rel), {"slope": 1, "before": beta * eps * (1 - eps)}),
    ),
    equality=Equality("strict; the rate is 0 only at the peak"),
    needs={
        "before": Witness(
            _two | {content_advantage: sp.Integer(0), dial: sp.Integer(0), entropy_rate: sp.Integer(0)},
            text="content (0, 0) at dial 0 is at its peak: the rate is 0",
        )
    },
    free=free_block,
    uses=(slope_law,),
    source=SOURCE,
)

monotone = Theorem(
    name="dial.entropy_monotone",
    title="Once the dial outweighs the content lead, entropy only falls",
    claim=sp.Le(entropy_other, entropy, **_rel),
    assumes={
        "block": BLOCK,
        "lead": Hypothesis(sp.Ge(beta * dial, content_lead, **_rel), "beta d >= R_0: the margin is not negative",
            "Raise the dial to R_0/beta."),
        "order": ORDER,
    },
    definitions=_FACTS
    | MARGINS
    | {"least content": sp.Ge(c[j_in], low_content, **_rel), "greatest out": sp.Le(c[j_out], top_out, **_rel)},
    steps=(
        SumOver(
            "inside",
            Combine("c e^c in", sp.Ge(c[j_in] * sp.exp(c[j_in]), low_content * sp.exp(c[j_in]), **_rel),
                {"least content": sp.exp(c[j_in])}),
            j_in,
        ),
        SumOver(
            "outside",
            Combine("c e^c out", sp.Le(c[j_out] * sp.exp(c[j_out]), top_out * sp.exp(c[j_out]), **_rel),
                {"greatest out": sp.exp(c[j_out])}),
            j_out,
        ),
        Combine("T_in at least", sp.Ge(moment_in, low_content * sum_in0, **_rel), {"T_in is": 1, "inside": 1,
            "I_0 is": -low_content}),
        Combine("T_out at most", sp.Le(moment_out, top_out * sum_out, **_rel), {"T_out is": -1, "outside": 1, "O is": top_out}),
        Combine(
            "past", sp.Ge(content_advantage + beta * dial, 0, **_rel),
            {"lead": 1, "R_0 is": 1, "Delta_0 is": 1, "T_in at least": 1 / sum_in0, "T_out at most": 1 / sum_out},
        ),
        Cite("claim", falls, {}, {"past": "past", "order": "order"}),
    ),
    equality=Equality("d' = d", {entropy_other: entropy}),
    needs={
        "lead": Witness(
            _two | {content_lead: sp.Integer(2), dial: sp.Integer(0), dial_other: sp.Integer(2), entropy: _uphill,
                entropy_other: sp.log(2)},
            text="content (-2, 0): entropy rises from dial 0 to dial 2 = R_0",
        ),
        "order": Witness(
            _two | {content_lead: sp.Integer(0), dial: sp.Integer(2), dial_other: sp.Integer(0), entropy: _uphill,
                entropy_other: sp.log(2)},
            text="content (0, 0): entropy 0.3653 at dial 2 and ln 2 at dial 0",
        ),
    },
    free=free_block,
    uses=(falls,),
    source=SOURCE,
)  # fmt: skip

_above = entropy_in - sp.log(1 - eps)
floor = Theorem(
    name="dial.entropy_floor",
    title="From the peak on, entropy stays above the block's own by at least the cut's divergence",
    claim=sp.Ge(entropy, _above, **_rel),
    assumes={"block": BLOCK, "past": PAST},
    definitions=ENTROPY | PARTS | MASSES | ADVANTAGE,
    steps=(
        *EPS,
        Cite("split", entropy_split, {}),
        Cite("advantage", advantage, {}),
        Cite("logit", logit, {}),
        Combine("F positive", sp.Gt(fidelity, 0, **_rel), {"F is": 1, "eps: I share": 1}),
        Combine("F", eq(1 - eps, fidelity), {"eps is": -1, "F is": -1}),
        Apply("ln F", sp.log(_y), _y, "F"),
        Combine("claim", sp.Ge(entropy, _above, **_rel), {"split": 1, "past": eps, "advantage": -eps, "logit": eps,
            "ln F": eps}),
    ),
    equality=Equality("at the peak, for every row", {entropy: _parts.subs(eps, _peak_mass), eps: _peak_mass}),
    needs={
        "past": Witness(
            {n: sp.Integer(3), g: sp.Integer(2), beta: sp.Integer(1), dial: sp.Integer(0), content_advantage: sp.Integer(-4),
             entropy_in: sp.log(2), eps: 1 / (1 + 2 * sp.exp(-4)),
             entropy: sp.log(1 + 2 * sp.exp(-4)) + 8 * sp.exp(-4) / (1 + 2 * sp.exp(-4))},
            text="content (-4, -4, 0), block of two: entropy 0.177 at dial 0, below H_G = ln 2",
        )
    },
    free=free_block,
    uses=(entropy_split, advantage, logit),
    source=SOURCE,
)  # fmt: skip

rises = Theorem(
    name="dial.entropy_rises",
    title="Turning the dial up can raise entropy: content (-2, 0), dial 0 and 2",
    claim=sp.Gt(sp.log(2), _uphill, **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(sp.log(2), _uphill, **_rel)),),
    equality=Equality("a counterexample: entropy is 0.3653, 0.6931, 0.3653 at d = 0, 2, 4, so it is not monotone in the dial"),
    source=f"{SOURCE}: false that more locality always means less entropy",
    kind="counterexample",
)

_valley = sp.log(1 + 2 * sp.exp(-4)) + 8 * sp.exp(-4) / (1 + 2 * sp.exp(-4))  # entropy of scores (-4, -4, 0)
below_block = Theorem(
    name="dial.entropy_below_block",
    title="Before the peak entropy may lie below the block's own: content (-4, -4, 0), block of two, dial 0",
    claim=sp.Lt(_valley, sp.log(2), **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Lt(_valley, sp.log(2), **_rel)),),
    equality=Equality(
        "a counterexample: H(0) = 0.177 < 0.693 = H_G, so H >= H_G needs Delta_0 + beta d >= 0 (`dial.entropy_floor`)"
    ),
    source=f"{SOURCE}: false that H_G is a floor at every setting",
    kind="counterexample",
)

MONOTONE: tuple[Theorem, ...] = (falls, climbs, rising, monotone, floor, rises, below_block)
