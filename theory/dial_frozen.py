"""The frozen checkpoint: one set of weights, every setting of the dial, a certified envelope on both sides.

Whatever the parameters, content that lets no outside key lead by more than R gives the margin beta d - R; content within a
range R gives scores within R + beta |d|. The setting that a target needs is `dial.target`.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.concentration import BLOCK, E, outside_mass
from theory.dial_entropy import ENTROPY
from theory.dial_formulas import frozen_entropy_floor
from theory.dial_law import MARGINS, MASSES, SOURCE, SUMS, free_block, margin_law, row_of
from theory.dial_level import LEAD
from theory.dial_output import cost_bound
from theory.entropy import ceiling, gap_bound
from theory.entropy_formulas import entropy_ceiling
from theory.lemmas import spread_shifts
from theory.steps import Cite, Combine, Manifest
from theory.symbols import (
    D_x,
    beta,
    content_lead,
    content_spread,
    cut_gap,
    dial,
    entropy,
    eps,
    g,
    lead_bound,
    margin,
    n,
    score_range,
    spread,
    t,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_one, _two, _zero = sp.Integer(1), sp.Integer(2), sp.Integer(0)
_warranted = beta * dial - lead_bound
_worst_mass, _worst_entropy = E.subs(t, _warranted), entropy_ceiling.stated.subs(t, _warranted)
_outside = sp.exp(-_warranted)  # odds of one outside key against one of the block in the worst row
_normaliser = g + (n - g) * _outside
_WARRANT = (
    Cite("margin law", margin_law, {}),
    Combine("margin enough", sp.Ge(margin, _warranted, **_rel), {"margin law": 1, "lead": 1}),
)
# scores (0, 0): content (-1, 0) at dial 1, which the bound R = 0 does not admit
_lead_broken = {n: _two, g: _one, beta: _one, dial: _one, lead_bound: _zero, content_lead: _one}

frozen_mass = Theorem(
    name="dial.frozen_checkpoint",
    title="One frozen checkpoint, every setting: outside mass",
    claim=sp.Le(eps, _worst_mass, **_rel),
    assumes={"block": BLOCK, "lead": LEAD},
    definitions=SUMS | MASSES | MARGINS | row_of(outside_mass),
    steps=(*_WARRANT, Cite("claim", outside_mass, {t: _warranted}, {"margin": "margin enough"})),
    equality=Equality(
        "two-level content that leads outside by exactly R", {eps: (n - g) * _outside / (g + (n - g) * _outside)}
    ),
    needs={
        "lead": Witness(_lead_broken | {eps: sp.Rational(1, 2)}, text="content (-1, 0) at dial 1: outside mass 1/2 above 0.269")
    },
    free=free_block,
    uses=(margin_law, outside_mass),
    source=SOURCE,
)

_REACH = Hypothesis(
    sp.Ge(_warranted, 0, **_rel),
    "beta d >= R",
    "Raise the dial to R/beta; below it a uniform row may satisfy every hypothesis.",
)
frozen_entropy = Theorem(
    name="dial.frozen_ceiling",
    title="One frozen checkpoint, every setting: entropy from above",
    claim=sp.Le(entropy, _worst_entropy, **_rel),
    assumes={"block": BLOCK, "lead": LEAD, "reach": _REACH},
    definitions=ENTROPY | MARGINS | row_of(ceiling),
    steps=(*_WARRANT, Cite("claim", ceiling, {t: _warranted}, {"margin": "margin enough", "lead": "reach"})),
    equality=Equality(
        "two-level content that leads outside by exactly R",
        {
            entropy: -g / _normaliser * sp.log(1 / _normaliser)
            - (n - g) * _outside / _normaliser * sp.log(_outside / _normaliser)
        },
    ),
    needs={
        "lead": Witness(_lead_broken | {entropy: sp.log(2)}, text="content (-1, 0) at dial 1: entropy ln 2, above 0.582"),
        "reach": Witness(
            {n: sp.Integer(4), g: _one, beta: _one, dial: -_one, lead_bound: _zero, content_lead: -_one, entropy: sp.log(4)},
            text="content (1, 0, 0, 0) at dial -1: entropy ln 4, above H*(4, 1, -1) = 1.324",
        ),
    },
    free=free_block,
    uses=(margin_law, ceiling),
    source=SOURCE,
)  # fmt: skip

_widened = score_range + beta * sp.Abs(dial)
_least_entropy = sp.Ge(entropy, frozen_entropy_floor.stated, **_rel)
frozen_floor = Theorem(
    name="dial.frozen_floor",
    title="One frozen checkpoint, every setting: entropy from below",
    claim=_least_entropy,
    assumes={
        "block": BLOCK,
        "range": Hypothesis(sp.Le(content_spread, score_range, **_rel), "content scores lie within a range R",
            "Claim the measured range."),
        "positive": Hypothesis(sp.Gt(score_range, 0, **_rel), "R > 0", "Any R above 0 will do, however small."),
    },
    definitions=ENTROPY | row_of(gap_bound),
    steps=(
        Cite("moved", spread_shifts, {lemmas.v: spread, lemmas.w: content_spread, lemmas.p: beta * dial}),
        Combine("within", sp.Le(spread, _widened, **_rel), {"moved": 1, "range": 1}),
        Manifest("wide", sp.Gt(_widened, 0, **_rel)),
        Cite("gap", gap_bound, {score_range: _widened}, {"positive": "wide", "range": "within"}),
        Combine("claim", _least_entropy, {"gap": 1}),
    ),
    equality=Equality("not attained at rational ranges; the supremum over n and rows is the bound (`entropy.gap`)"),
    needs={
        "range": Witness(
            {n: _two, g: _one, beta: _one, dial: _zero, score_range: _one, content_spread: sp.Integer(10),
             entropy: sp.log(1 + sp.exp(-10)) + 10 * sp.exp(-10) / (1 + sp.exp(-10))},
            text="content 10 and 0, claimed range 1: entropy 0.0005, floor 0.57",
        ),
    },
    free=free_block | {"positive": "the formula reads 0/0 at R = 0 and d = 0, where the entropy is ln n"},
    uses=(gap_bound,),
    source=SOURCE,
)  # fmt: skip

frozen_output = Theorem(
    name="dial.frozen_output",
    title="One frozen checkpoint, every setting: distance from the localist output",
    claim=sp.Le(cut_gap, _worst_mass * D_x, **_rel),
    assumes={"block": BLOCK, "lead": LEAD},
    definitions=dict(frozen_mass.definitions) | dict(cost_bound.definitions),
    steps=(
        Cite("mass", frozen_mass, {}, {"lead": "lead"}),
        Cite("cut", cost_bound, {}),
        Combine("claim", sp.Le(cut_gap, _worst_mass * D_x, **_rel), {"cut": 1, "mass": D_x}),
    ),
    equality=Equality(
        "two-level content that leads outside by exactly R, values in two points",
        {cut_gap: (n - g) * _outside / _normaliser * D_x}
    ),
    needs={"lead": Witness(_lead_broken | {D_x: _one, cut_gap: sp.Rational(1, 2)},
        text="content (-1, 0) at dial 1: 1/2 above 0.269")},
    free=free_block,
    uses=(frozen_mass, cost_bound),
    source=SOURCE,
)  # fmt: skip

FROZEN: tuple[Theorem, ...] = (frozen_mass, frozen_entropy, frozen_floor, frozen_output)
