"""The exact law of the dial: margin, conditional weights, outside mass.

Every scalar of a row is written in numbers that do not depend on the setting d: I_0 and O, the sums of exp(content) over
the block and outside it, and T_in and T_out, the sums of content exp(content). The scores at d are c_j + beta d on the
block and c_j outside.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory import lemmas
from theory.concentration import BLOCK
from theory.dial_formulas import fidelity_at, margin_at_dial, outside_mass_at
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
    low_content,
    low_in,
    margin,
    mass_rate,
    n,
    s,
    score_range,
    sum_in,
    sum_in0,
    sum_out,
    top_out,
)  # fmt: skip
from theory.theorem import Equality, Theorem

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


def row_of(theorem: Theorem) -> dict[str, Relational]:
    """The row on the dial as `theorem` speaks of it: what it says of scores s is about content with the dial added."""
    scores = {"score in": eq(s[j_in], c[j_in] + beta * dial), "score out": eq(s[j_out], c[j_out])}
    return scores | {f"row: {key}": definition for key, definition in theorem.definitions.items()}


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
    source=SOURCE,
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
    source=SOURCE,
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
    source=SOURCE,
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
    source=SOURCE,
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
    source=SOURCE,
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
    source=SOURCE,
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
    source=SOURCE,
    kind="identity",
)

LAW: tuple[Theorem, ...] = (margin_law, conditionals, conditionals_outside, mass, fidelity_law, logit, mass_slope)
