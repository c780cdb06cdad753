"""The exact law of the dial: margin, conditional weights, outside mass, and the setting that a level needs.

Every scalar of a row is written in numbers that do not depend on the setting d: I_0 and O, the sums of exp(content) over
the block and outside it, and T_in and T_out, the sums of content exp(content). The scores at d are c_j + beta d on the
block and c_j outside.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory import concentration, lemmas
from theory.concentration import BLOCK, E
from theory.dial_formulas import dial_between, dial_for_outside_mass, fidelity_at, margin_at_dial, outside_mass_at
from theory.lemmas import least_shifts
from theory.steps import Apply, Cite, Combine, Manifest, Step
from theory.symbols import (
    beta,
    c,
    conditional,
    conditional0,
    content_lead,
    dial,
    eps,
    eps0,
    fidelity,
    fidelity0,
    g,
    j_in,
    j_out,
    lead_bound,
    level,
    low_content,
    low_in,
    margin,
    mass_rate,
    n,
    phi,
    score_range,
    sum_in,
    sum_in0,
    sum_out,
    t,
    top_out,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_x = sp.Symbol("x", real=True)
_y = sp.Symbol("y", positive=True)
LIFT = sp.exp(beta * dial)
IN, OUT = (j_in, 1, g), (j_out, g + 1, n)
free_block = {"block": "g = n leaves no outside mass and g = 0 no block; conditional weights and ln eps do not exist there"}
SOURCE = "2510.09338: a locality dial that interpolates during training and inference, without retraining"


def eq(left: sp.Expr, right: sp.Expr) -> sp.Eq:
    """The equation as typed, not evaluated by SymPy."""
    return sp.Eq(left, right, **_rel)


# What a row on the dial is.
SUMS: dict[str, Relational] = {
    "I is": eq(sum_in, sp.Sum(sp.exp(c[j_in] + beta * dial), IN)),
    "I_0 is": eq(sum_in0, sp.Sum(sp.exp(c[j_in]), IN)),
    "O is": eq(sum_out, sp.Sum(sp.exp(c[j_out]), OUT)),
}
MASSES = {
    "eps is": eq(eps, sum_out / (sum_in + sum_out)),
    "F is": eq(fidelity, sum_in / (sum_in + sum_out)),
    "eps_0 is": eq(eps0, sum_out / (sum_in0 + sum_out)),
    "F_0 is": eq(fidelity0, sum_in0 / (sum_in0 + sum_out)),
}
MARGINS = {
    "margin is": eq(margin, low_in - top_out),
    "R_0 is": eq(content_lead, top_out - low_content),
}

# Steps that several derivations begin with.
AT_D = Combine("I at d", eq(sum_in, LIFT * sum_in0), {"I is": 1, "I_0 is": -LIFT})


def split_mass(mass: sp.Symbol, inside: sp.Symbol, name: str) -> tuple[Step, ...]:
    """`mass` = O/(`inside` + O) lies strictly between 0 and 1; logarithms of it and of 1 - mass. `name` is "eps" or "eps_0"."""
    out_share, in_share = sum_out / (inside + sum_out), inside / (inside + sum_out)
    return (
        Manifest(f"{name}: O share", sp.Gt(out_share, 0, **_rel)),
        Manifest(f"{name}: I share", sp.Gt(in_share, 0, **_rel)),
        Combine(f"{name} positive", sp.Gt(mass, 0, **_rel), {f"{name} is": 1, f"{name}: O share": 1}),
        Combine(f"1 - {name}", eq(1 - mass, in_share), {f"{name} is": -1}),
        Combine(f"1 - {name} positive", sp.Gt(1 - mass, 0, **_rel), {f"1 - {name}": 1, f"{name}: I share": 1}),
        Apply(f"ln {name}", sp.log(_y), _y, f"{name} is"),
        Apply(f"ln(1 - {name})", sp.log(_y), _y, f"1 - {name}"),
    )


EPS, EPS0 = split_mass(eps, sum_in, "eps"), split_mass(eps0, sum_in0, "eps_0")

margin_law = Theorem(
    name="dial.margin",
    title="One nat of dial is one nat of margin",
    claim=eq(margin, margin_at_dial.stated.subs(score_range, content_lead)),
    assumes={"block": BLOCK},
    definitions=MARGINS,
    steps=(
        Cite("least in", least_shifts, {lemmas.q: low_in, lemmas.p: low_content, lemmas.r: beta * dial}),
        Combine("claim", eq(margin, beta * dial - content_lead), {"margin is": 1, "R_0 is": 1, "least in": 1}),
    ),
    equality=Equality("an identity"),
    free=free_block,
    source=f"{SOURCE} (T7 i)",
    kind="identity",
)

conditionals = Theorem(
    name="dial.conditionals",
    title="Inside the block, relative attention does not move",
    claim=eq(conditional, conditional0),
    assumes={"block": BLOCK},
    definitions=SUMS
    | {
        "p is": eq(conditional, sp.exp(c[j_in] + beta * dial) / (sum_in + sum_out) / (sum_in / (sum_in + sum_out))),
        "p_0 is": eq(conditional0, sp.exp(c[j_in]) / (sum_in0 + sum_out) / (sum_in0 / (sum_in0 + sum_out))),
    },
    steps=(
        AT_D,
        Combine(
            "claim", eq(conditional, conditional0), {"p is": 1, "p_0 is": -1, "I at d": -sp.exp(c[j_in]) / (sum_in * sum_in0)}
        ),
    ),
    equality=Equality("an identity"),
    free=free_block,
    source=f"{SOURCE} (T7 ii)",
    kind="identity",
)

conditionals_outside = Theorem(
    name="dial.conditionals_outside",
    title="Outside the block, relative attention does not move",
    claim=eq(conditional, conditional0),
    assumes={"block": BLOCK},
    definitions={
        "p is": eq(conditional, sp.exp(c[j_out]) / (sum_in + sum_out) / (sum_out / (sum_in + sum_out))),
        "p_0 is": eq(conditional0, sp.exp(c[j_out]) / (sum_in0 + sum_out) / (sum_out / (sum_in0 + sum_out))),
    },
    steps=(Combine("claim", eq(conditional, conditional0), {"p is": 1, "p_0 is": -1}),),
    equality=Equality("an identity"),
    free=free_block,
    source=f"{SOURCE} (T7 ii)",
    kind="identity",
)

_at = outside_mass_at.stated
mass = Theorem(
    name="dial.mass",
    title="Outside mass along the dial",
    claim=eq(eps, _at),
    assumes={"block": BLOCK},
    definitions=SUMS | MASSES,
    steps=(
        AT_D,
        *EPS0,
        Combine(
            "claim", eq(eps, _at),
            {
                "eps is": 1,
                "eps_0 is": -LIFT * (sum_in0 + sum_out) / ((sum_in + sum_out) * (eps0 + (1 - eps0) * LIFT)),
                "I at d": -eps0 / ((sum_in + sum_out) * (eps0 + (1 - eps0) * LIFT)),
            },
        ),
    ),
    equality=Equality("an identity"),
    free=free_block,
    source=f"{SOURCE} (T7 iii)",
    kind="identity",
)  # fmt: skip

_inside = fidelity_at.stated
fidelity_law = Theorem(
    name="dial.fidelity",
    title="Pointer fidelity along the dial",
    claim=eq(fidelity, _inside),
    assumes={"block": BLOCK},
    definitions=SUMS | MASSES,
    steps=(
        *EPS0,
        Cite("mass", mass, {}),
        Combine("claim", eq(fidelity, _inside), {"F is": 1, "eps is": 1, "mass": -1}),
    ),
    equality=Equality("an identity"),
    free=free_block,
    uses=(mass,),
    source=f"{SOURCE} (T7 iii)",
    kind="identity",
)

logit = Theorem(
    name="dial.logit",
    title="The log-odds of the block rise by exactly beta a unit of dial",
    claim=eq(sp.log(fidelity) - sp.log(eps), sp.log(fidelity0) - sp.log(eps0) + beta * dial),
    assumes={"block": BLOCK},
    definitions=SUMS | MASSES,
    steps=(
        AT_D,
        *EPS,
        *EPS0,
        Combine("F positive", sp.Gt(fidelity, 0, **_rel), {"F is": 1, "eps: I share": 1}),
        Apply("ln F", sp.log(_y), _y, "F is"),
        Apply("ln F_0", sp.log(_y), _y, "F_0 is"),
        Apply("ln I", sp.log(_y), _y, "I at d"),
        Combine(
            "claim", eq(sp.log(fidelity) - sp.log(eps), sp.log(fidelity0) - sp.log(eps0) + beta * dial),
            {"ln F": 1, "ln eps": -1, "ln F_0": -1, "ln eps_0": 1, "ln I": 1},
        ),
    ),
    equality=Equality("an identity"),
    free=free_block,
    source=f"{SOURCE} (T7 iii)",
    kind="identity",
)  # fmt: skip

mass_slope = Theorem(
    name="dial.mass_slope",
    title="Outside mass falls at the rate beta eps (1 - eps)",
    claim=eq(mass_rate, -beta * eps * (1 - eps)),
    assumes={"block": BLOCK},
    definitions=SUMS | MASSES | {"rate is": eq(mass_rate, sp.diff(_at, dial))},
    steps=(
        *EPS0,
        Cite("mass", mass, {}),
        Combine("claim", eq(mass_rate, -beta * eps * (1 - eps)), {"rate is": 1, "mass": beta * (1 - eps - _at)}),
    ),
    equality=Equality("an identity"),
    free=free_block,
    uses=(mass,),
    source=f"{SOURCE} (T7 iii)",
    kind="identity",
)

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
    source=f"{SOURCE} (T7 iv)",
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
    source=f"{SOURCE} (T7 iv)",
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
    definitions=SUMS | MASSES | MARGINS,
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
    source=f"{SOURCE}; explicit threshold conditions (T7 iv, N2)",
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
    source=f"{SOURCE}; thresholds from both sides (T7 iv)",
)  # fmt: skip

LAW: tuple[Theorem, ...] = (
    margin_law, conditionals, conditionals_outside, mass, fidelity_law, logit, mass_slope, level_unique, level_reached,
    target, target_exact,
)  # fmt: skip
