"""The setting that an outside mass needs: for one row exactly one, for every row of a bounded content lead a sufficient one.

The sufficient setting is sharp: on the two-level row every smaller one fails.
"""

from __future__ import annotations

import sympy as sp

from theory import concentration
from theory.concentration import BLOCK, E
from theory.dial_formulas import dial_between, dial_for_outside_mass
from theory.dial_law import AT_D, EPS, EPS0, LIFT, MARGINS, MASSES, SOURCE, SUMS, eq, free_block, margin_law, mass, row_of
from theory.steps import Apply, Cite, Combine, Manifest
from theory.symbols import (
    beta,
    content_lead,
    dial,
    eps,
    eps0,
    g,
    lead_bound,
    level,
    margin,
    n,
    phi,
    score_range,
    sum_in,
    sum_in0,
    sum_out,
    t,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_x = sp.Symbol("x", real=True)
_y = sp.Symbol("y", positive=True)

_setting_of = dial_between.stated
_odds, _odds0 = eps / (1 - eps), eps0 / (1 - eps0)
level_unique = Theorem(
    name="dial.level",
    title="Every outside mass belongs to exactly one setting",
    claim=eq(dial, _setting_of),
    assumes={"block": BLOCK},
    definitions=SUMS | MASSES,
    steps=(
        AT_D,
        *EPS,
        *EPS0,
        Combine("odds", eq(_odds, sum_out / sum_in), {"eps is": (sum_in + sum_out) / (sum_in * (1 - eps))}),
        Combine("odds_0", eq(_odds0, sum_out / sum_in0), {"eps_0 is": (sum_in0 + sum_out) / (sum_in0 * (1 - eps0))}),
        Apply("ln odds", sp.log(_y), _y, "odds"),
        Apply("ln odds_0", sp.log(_y), _y, "odds_0"),
        Apply("ln I", sp.log(_y), _y, "I at d"),
        Combine("claim", eq(dial, _setting_of), {"ln odds": 1 / beta, "ln odds_0": -1 / beta, "ln I": -1 / beta}),
    ),
    equality=Equality("an identity: two settings of one outside mass are one setting"),
    free=free_block,
    source=SOURCE,
    kind="identity",
)

LEVEL = Hypothesis(sp.Lt(level, 1, **_rel), "0 < e < 1", "No setting gives outside mass 0 or 1: every score is finite.")
_reach = eq(dial, _setting_of.subs(eps, level))
level_reached = Theorem(
    name="dial.level_reached",
    title="Every outside mass strictly between 0 and 1 is reached",
    claim=eq(eps, level),
    assumes={
        "block": BLOCK,
        "level": LEVEL,
        "setting": Hypothesis(_reach, "d = (logit eps_0 - logit e)/beta", "Set the dial to `dial_between(eps0, e, beta)`."),
    },
    definitions=SUMS | MASSES,
    steps=(
        *EPS0,
        Cite("mass", mass, {}),
        Apply("lift", sp.exp(beta * _x), _x, "setting"),
        Combine(
            "claim", eq(eps, level),
            {"mass": 1, "lift": -level * (1 - eps0) / (eps0 + (1 - eps0) * LIFT)},
        ),
    ),
    equality=Equality("an identity"),
    needs={
        "setting": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), eps0: sp.Rational(1, 2), level: sp.Rational(1, 4), beta: sp.Integer(1),
             dial: sp.Integer(0), eps: sp.Rational(1, 2)},
            text="two equal scores at dial 0 have outside mass 1/2; 1/4 needs d = ln 3",
        )
    },
    free=free_block | {"level": "logit e is not a number for e >= 1"},
    uses=(mass,),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

LEAD = Hypothesis(
    sp.Le(content_lead, lead_bound, **_rel), "no outside key's content leads the least of the block by more than R",
    "Bound the content by the norms of the layer (`guarantee`), or claim the measured lead.",
)  # fmt: skip
required_setting = dial_for_outside_mass.stated.subs(score_range, lead_bound)
_logit_level = sp.log((1 - level) / level)
target = Theorem(
    name="dial.target",
    title="A setting that guarantees an outside mass, whatever the row",
    claim=sp.Le(eps, level, **_rel),
    assumes={
        "block": BLOCK,
        "level": LEVEL,
        "lead": LEAD,
        "setting": Hypothesis(
            sp.Ge(dial, required_setting.subs(eps, level), **_rel), "d >= (R + ln((n-g)/g) + ln((1-e)/e))/beta",
            "Raise the dial to `dial_for_outside_mass(n, g, R, beta, e)`.",
        ),
    },
    definitions=SUMS | MASSES | MARGINS | row_of(concentration.fidelity_target),
    steps=(
        Cite("margin law", margin_law, {}),
        Manifest("e below 1", sp.Lt(1 - level, 1, **_rel), form=level),
        Combine(
            "margin enough", sp.Ge(margin, sp.log((n - g) / g) + _logit_level, **_rel),
            {"margin law": 1, "setting": beta, "lead": 1},
        ),
        Cite("fidelity", concentration.fidelity_target, {phi: 1 - level}, {"margin": "margin enough", "target": "e below 1"}),
        Combine("claim", sp.Le(eps, level, **_rel), {"fidelity": 1, "eps is": -1, "F is": -1}),
    ),
    equality=Equality("the two-level row whose content leads outside by exactly R, at exactly this setting", {eps: level}),
    needs={
        "lead": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), level: sp.Rational(1, 4), beta: sp.Integer(1), dial: sp.Integer(2),
                lead_bound: sp.Integer(0),
             content_lead: sp.Integer(2), eps: sp.Rational(1, 2)},
            text="content (-2, 0) at dial 2 > ln 3: two equal scores, outside mass 1/2",
        ),
        "setting": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), level: sp.Rational(1, 4), beta: sp.Integer(1), dial: sp.Integer(0),
             lead_bound: sp.Integer(0), content_lead: sp.Integer(0), eps: sp.Rational(1, 2)},
            text="two equal contents at dial 0: outside mass 1/2",
        ),
    },
    free=free_block | {"level": "for e >= 1 the setting is not a number"},
    uses=(margin_law, concentration.fidelity_target),
    source=f"{SOURCE}; explicit threshold conditions",
)  # fmt: skip

_rise = lead_bound - beta * dial  # -t, the margin that the bound R warrants with its sign turned
_worst = E.subs(t, beta * dial - lead_bound)
target_exact = Theorem(
    name="dial.target_exact",
    title="No smaller setting will do: the two-level row exceeds the target",
    claim=sp.Gt(eps, level, **_rel),
    assumes={
        "block": BLOCK,
        "level": LEVEL,
        "two-level": Hypothesis(eq(eps, _worst), "the row is two-level and outside leads by exactly R",
            "Other rows may need less dial."),
        "setting": Hypothesis(
            sp.Lt(dial, required_setting.subs(eps, level), **_rel), "d is below the setting of `dial.target`",
            "At or above it the target is met.",
        ),
    },
    steps=(
        Combine("short", sp.Lt(beta * dial - lead_bound, sp.log((n - g) / g) + _logit_level, **_rel), {"setting": beta}),
        Apply("e^short", sp.exp(_x), _x, "short"),
        Combine(
            "claim", sp.Gt(eps, level, **_rel),
            {"two-level": 1, "e^short": level * g * sp.exp(_rise) / (g + (n - g) * sp.exp(_rise))},
        ),
    ),
    equality=Equality("strict: the two sides meet at the setting of `dial.target`"),
    needs={
        "two-level": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), level: sp.Rational(1, 2), beta: sp.Integer(1), dial: sp.Integer(-1),
             lead_bound: sp.Integer(0), eps: sp.Rational(1, 4)},
            text="a row whose outside key trails by more than the bound needs less dial",
        ),
        "setting": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), level: sp.Rational(3, 4), beta: sp.Integer(1), dial: sp.Integer(0),
             lead_bound: sp.Integer(0), eps: sp.Rational(1, 2)},
            text="at dial 0 two equal contents have outside mass 1/2 <= 3/4",
        ),
    },
    free=free_block | {"level": "for e >= 1 the setting is not a number"},
    source=f"{SOURCE}; thresholds from both sides",
)  # fmt: skip

LEVELS: tuple[Theorem, ...] = (level_unique, level_reached, target, target_exact)
