"""One rule: b nats added to the scores of a set S of keys, what it does to the row and what it costs.

The keys of the rule are numbered as a block, 1..g. With I_0 and O the sums of exp(content) over them and over the other keys, the
row with the rule has I = e^b I_0 and the same O: it is the row at setting b of a dial of strength 1, and the law of the dial is cited.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory import dial_law, dial_output, lemmas
from theory.dial_law import EPS, EPS0, IN, MASSES, OUT, SUMS, eq
from theory.entropy_lemmas import log_quotient
from theory.rules_formulas import AFTER, LOG_PARTITION, rule_divergence_cap, rule_output_shift, rule_strength
from theory.steps import Apply, Cases, Cite, Combine, Manifest, MeanValue
from theory.symbols import (
    D_x,
    beta,
    conditional,
    conditional0,
    dial,
    dial_other,
    eps,
    eps0,
    fidelity,
    fidelity0,
    fidelity_other,
    g,
    j_in,
    j_out,
    n,
    output_gap,
    paid,
    phi,
    strength,
    sum_in,
    sum_in0,
    sum_in_other,
    sum_out,
)  # fmt: skip
from theory.symbols import c as content
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_x = sp.Symbol("x", real=True)
_y = sp.Symbol("y", positive=True)
_one = sp.Integer(1)
LIFT = sp.exp(strength)
TOTAL, TOTAL0 = sum_in + sum_out, sum_in0 + sum_out
SOURCE = "2510.09338: dynamic rule injection"
RULE = Hypothesis(
    sp.Ge(n - g, 1, **_rel), "the rule has a visible key and leaves one out",
    "Name at least one visible key and not all of them: a rule on every key, or on none, changes nothing.",
)  # fmt: skip
FREE_RULE = {"rule": "on all keys or on none the mass is 1 or 0, and its log-odds are not a number"}
_AS_DIAL = {beta: _one, dial: strength}


def _at_strength(definitions: dict[str, Relational]) -> dict[str, Relational]:
    """What the dial family says of a row at setting d, said of a rule of strength b."""
    return {key: eq(d.lhs, d.rhs.subs(_AS_DIAL)) for key, d in definitions.items()}


ROWS = _at_strength(SUMS)
MASS = dict(MASSES)
AT_B = Combine("I at b", eq(sum_in, LIFT * sum_in0), {"I is": 1, "I_0 is": -LIFT})

# 0 < F_0 < 1, and so 1 + F_0 (e^b - 1) = (1 - F_0) + F_0 e^b is positive.
OPEN = (
    Combine("1 - F_0", eq(1 - fidelity0, sum_out / TOTAL0), {"F_0 is": -1}),
    Manifest("out share before", sp.Gt(sum_out / TOTAL0, 0, **_rel)),
    Combine("F_0 below 1", sp.Gt(1 - fidelity0, 0, **_rel), {"1 - F_0": 1, "out share before": 1}),
    Manifest("lifted", sp.Gt(fidelity0 * LIFT, 0, **_rel)),
    Combine("mass positive", sp.Gt(1 - fidelity0 + fidelity0 * LIFT, 0, **_rel), {"F_0 below 1": 1, "lifted": 1}),
)

odds_law = Theorem(
    name="rules.logit",
    title="A rule of b nats raises the log-odds of its keys by exactly b",
    claim=eq(sp.log(fidelity) - sp.log(eps), sp.log(fidelity0) - sp.log(eps0) + strength),
    assumes={"rule": RULE},
    definitions=ROWS | MASS,
    steps=(Cite("claim", dial_law.logit, _AS_DIAL, {"block": "rule"}),),
    equality=Equality("an identity"),
    free=FREE_RULE,
    uses=(dial_law.logit,),
    source=SOURCE,
    kind="identity",
)

mass_law = Theorem(
    name="rules.fidelity",
    title="Mass of a rule's keys after the rule",
    claim=eq(fidelity, AFTER),
    assumes={"rule": RULE},
    definitions=ROWS | MASS,
    steps=(
        AT_B,
        *OPEN,
        Combine(
            "claim", eq(fidelity, AFTER),
            {
                "F is": 1,
                "F_0 is": -LIFT * TOTAL0 / (TOTAL * (1 - fidelity0 + fidelity0 * LIFT)),
                "I at b": (1 - fidelity0) / (TOTAL * (1 - fidelity0 + fidelity0 * LIFT)),
            },
        ),
    ),
    equality=Equality("an identity"),
    free=FREE_RULE,
    source=SOURCE,
    kind="identity",
)  # fmt: skip

conditionals = Theorem(
    name="rules.conditionals",
    title="Among a rule's keys, relative attention does not move",
    claim=eq(conditional, conditional0),
    assumes={"rule": RULE},
    definitions=_at_strength(dict(dial_law.conditionals.definitions)),
    steps=(Cite("claim", dial_law.conditionals, _AS_DIAL, {"block": "rule"}),),
    equality=Equality("an identity"),
    free=FREE_RULE,
    uses=(dial_law.conditionals,),
    source=SOURCE,
    kind="identity",
)

conditionals_outside = Theorem(
    name="rules.conditionals_outside",
    title="Among the other keys, relative attention does not move",
    claim=eq(conditional, conditional0),
    assumes={"rule": RULE},
    definitions=dict(dial_law.conditionals_outside.definitions),
    steps=(Cite("claim", dial_law.conditionals_outside, {}, {"block": "rule"}),),
    equality=Equality("an identity"),
    free=FREE_RULE,
    uses=(dial_law.conditionals_outside,),
    source=SOURCE,
    kind="identity",
)

_needed = rule_strength.stated
target = Theorem(
    name="rules.strength",
    title="The one strength that gives a rule's keys a mass",
    claim=eq(fidelity, phi),
    assumes={
        "rule": RULE,
        "target": Hypothesis(sp.Lt(phi, 1, **_rel), "0 < phi < 1", "No finite strength gives mass 0 or 1."),
        "strength": Hypothesis(
            eq(strength, _needed), "b = logit phi - logit F_0", "Set the strength to `rule_strength(F_0, phi)`."
        ),
    },
    definitions=ROWS | MASS,
    steps=(
        *OPEN,
        Cite("mass", mass_law, {}),
        Apply("lift", sp.exp(_x), _x, "strength"),
        Combine(
            "claim", eq(fidelity, phi),
            {"mass": 1, "lift": fidelity0 * (1 - phi) / (1 - fidelity0 + fidelity0 * LIFT)},
        ),
    ),
    equality=Equality("an identity"),
    needs={
        "strength": Witness(
            {n: sp.Integer(2), g: _one, fidelity0: sp.Rational(1, 2), phi: sp.Rational(3, 4), strength: sp.Integer(0),
             fidelity: sp.Rational(1, 2)},
            text="two equal scores and no rule: mass 1/2; 3/4 needs b = ln 3",
        )
    },
    free=FREE_RULE | {"target": "logit phi is not a number for phi >= 1"},
    uses=(mass_law,),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

# --- what it costs ----------------------------------------------------------------------------------------------------

_after_in, _after_out = sp.exp(content[j_in] + strength) / TOTAL, sp.exp(content[j_out]) / TOTAL
_before_in, _before_out = sp.exp(content[j_in]) / TOTAL0, sp.exp(content[j_out]) / TOTAL0
_shift = sp.log(TOTAL / TOTAL0)
COST = {
    "KL is": eq(
        paid,
        sp.Sum(_after_in * sp.log(_after_in / _before_in), IN) + sp.Sum(_after_out * sp.log(_after_out / _before_out), OUT),
    )
}
PARTITION = (
    *OPEN,
    AT_B,
    Combine(
        "partition", eq(TOTAL / TOTAL0, 1 + fidelity0 * (LIFT - 1)),
        {"I at b": 1 / TOTAL0, "F_0 is": -(LIFT - 1)},
    ),
    Apply("ln partition", sp.log(_y), _y, "partition"),
)  # fmt: skip
PAID = Combine(
    "paid", eq(paid, fidelity * strength - _shift),
    {
        "KL is": 1, "I is": -(strength - sp.log(TOTAL) + sp.log(TOTAL0)) / TOTAL,
        "O is": -(-sp.log(TOTAL) + sp.log(TOTAL0)) / TOTAL, "F is": -strength,
    },
)  # fmt: skip

divergence = Theorem(
    name="rules.divergence",
    title="Divergence paid for a rule: F b - ln(1 + F_0 (e^b - 1))",
    claim=eq(paid, fidelity * strength - LOG_PARTITION),
    assumes={"rule": RULE},
    definitions=ROWS | MASS | COST,
    steps=(
        *PARTITION,
        PAID,
        Combine("claim", eq(paid, fidelity * strength - LOG_PARTITION), {"paid": 1, "ln partition": -1}),
    ),
    equality=Equality("an identity"),
    free=FREE_RULE,
    source=SOURCE,
    kind="identity",
)

_from_before = AFTER * strength - LOG_PARTITION
divergence_of_strength = Theorem(
    name="rules.divergence_of_strength",
    title="Divergence paid for a rule, from the mass before and the strength",
    claim=eq(paid, _from_before),
    assumes={"rule": RULE},
    definitions=ROWS | MASS | COST,
    steps=(
        *OPEN,
        Cite("cost", divergence, {}),
        Cite("mass", mass_law, {}),
        Combine("claim", eq(paid, _from_before), {"cost": 1, "mass": strength}),
    ),
    equality=Equality("an identity"),
    free=FREE_RULE,
    uses=(divergence, mass_law),
    source=SOURCE,
    kind="identity",
)

_binary = fidelity * (sp.log(fidelity) - sp.log(fidelity0)) + eps * (sp.log(eps) - sp.log(eps0))
_INSIDE = (
    Manifest("F share", sp.Gt(sum_in / TOTAL, 0, **_rel)),
    Combine("F positive", sp.Gt(fidelity, 0, **_rel), {"F is": 1, "F share": 1}),
)
divergence_binary = Theorem(
    name="rules.divergence_binary",
    title="Divergence paid for a rule is the divergence of two coins, kl(F || F_0)",
    claim=eq(paid, fidelity * sp.log(fidelity / fidelity0) + (1 - fidelity) * sp.log((1 - fidelity) / (1 - fidelity0))),
    assumes={"rule": RULE},
    definitions=ROWS | MASS | COST,
    steps=(
        *EPS,
        *EPS0,
        *_INSIDE,
        AT_B,
        PAID,
        Cite("odds", odds_law, {}),
        Combine("eps", eq(1 - fidelity, eps), {"F is": -1, "eps is": -1}),
        Combine("eps_0", eq(1 - fidelity0, eps0), {"F_0 is": -1, "eps_0 is": -1}),
        *OPEN,
        Manifest("out share", sp.Gt(sum_out / TOTAL, 0, **_rel)),
        Combine("1 - F positive", sp.Gt(1 - fidelity, 0, **_rel), {"F is": -1, "out share": 1}),
        Cite("ln of the quotient", log_quotient, {lemmas.x: 1 - fidelity, lemmas.y: 1 - fidelity0}),
        Apply("ln(1 - F)", sp.log(_y), _y, "eps"),
        Apply("ln(1 - F_0)", sp.log(_y), _y, "eps_0"),
        # ln(M) = ln(eps_0/eps), as both rows have the same O
        Combine("in coins", eq(paid, _binary),
            {"paid": 1, "odds": -fidelity, "ln eps": -1, "ln eps_0": 1, "eps": sp.log(eps) - sp.log(eps0)}),
        Combine(
            "claim",
            eq(paid, fidelity * sp.log(fidelity / fidelity0) + (1 - fidelity) * sp.log((1 - fidelity) / (1 - fidelity0))),
            {
                "in coins": 1, "eps": -(sp.log(eps) - sp.log(eps0)),
                "ln(1 - F)": -(1 - fidelity), "ln(1 - F_0)": 1 - fidelity, "ln of the quotient": -(1 - fidelity),
            },
        ),
    ),
    equality=Equality("an identity"),
    free=FREE_RULE,
    uses=(odds_law,),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

# b^2/8 - F b + ln(1 + F_0 (e^b - 1)) as a function of b has the derivative b (1/2 - F)^2; written in I_0 and O, which stay.
_at = sp.Symbol("_at_b", real=True)


def _share(b: sp.Expr) -> sp.Expr:
    return sp.exp(b) * sum_in0 / (sp.exp(b) * sum_in0 + sum_out)


def _saved(b: sp.Expr) -> sp.Expr:
    return b**2 / 8 - _share(b) * b + sp.log((sp.exp(b) * sum_in0 + sum_out) / TOTAL0)


def _grows(b: sp.Expr, end: sp.Expr, order: str) -> MeanValue:
    """f(b) >= f(0) = 0 on the side of 0 where `end` is."""
    slope = Manifest("slope", sp.Ge(sp.diff(_saved(b), _at), 0, **_rel), form=_at * (sp.Rational(1, 2) - _share(b)) ** 2)
    return MeanValue("grows", _saved(b), _at, sp.Integer(0), end, slope, order)


_capped = sp.Le(paid, rule_divergence_cap.stated, **_rel)
divergence_cap = Theorem(
    name="rules.divergence_cap",
    title="No rule costs more than b^2/8 nats of divergence",
    claim=_capped,
    assumes={"rule": RULE},
    definitions=ROWS | MASS | COST,
    steps=(
        AT_B,
        PAID,
        Combine("total", eq(TOTAL / TOTAL0, (LIFT * sum_in0 + sum_out) / TOTAL0), {"I at b": 1 / TOTAL0}),
        Apply("ln total", sp.log(_y), _y, "total"),
        Combine(
            "F in I_0", eq(fidelity, _share(strength)),
            {"F is": 1, "I at b": sum_out / (TOTAL * (LIFT * sum_in0 + sum_out))},
        ),
        Combine("saving", eq(rule_divergence_cap.stated - paid, _saved(strength)), {"paid": -1, "F in I_0": -strength, "ln total": 1}),
        Cases(
            "claim", _capped, strength,
            (_grows(-_at, -strength, "claim.low"), Combine("low", _capped, {"saving": 1, "grows": 1})),
            (_grows(_at, strength, "claim.high"), Combine("high", _capped, {"saving": 1, "grows": 1})),
        ),
    ),
    equality=Equality(
        "b = 0; for F_0 = 1/2 the ratio tends to 1 as b tends to 0, so the constant is exact",
        {paid: sp.Integer(0), strength: sp.Integer(0)},
    ),
    free=FREE_RULE,
    source=SOURCE,
)  # fmt: skip

_moved = rule_output_shift.stated
output = Theorem(
    name="rules.output",
    title="A rule moves the row's output by at most D_x tanh(|b|/4)",
    claim=sp.Le(output_gap, _moved, **_rel),
    assumes={"rule": RULE},
    definitions=ROWS
    | MASS
    | {
        "I_2 is": eq(sum_in_other, sp.Sum(sp.exp(content[j_in]), IN)),
        "F_2 is": eq(fidelity_other, sum_in_other / (sum_in_other + sum_out)),
    },
    steps=(
        Cite("curve", dial_output.continuity, {**_AS_DIAL, dial_other: sp.Integer(0)}, {"block": "rule"}),
        Combine("claim", sp.Le(output_gap, _moved, **_rel), {"curve": 1}),
    ),
    equality=Equality(
        "log-odds of the keys -b/2 before and b/2 after, values of the keys at one point and all others at another",
        {output_gap: D_x * (sp.exp(sp.Abs(strength) / 2) - 1) / (sp.exp(sp.Abs(strength) / 2) + 1)},
    ),
    free=FREE_RULE,
    uses=(dial_output.continuity,),
    source=SOURCE,
)

SINGLE: tuple[Theorem, ...] = (
    odds_law, mass_law, conditionals, conditionals_outside, target, divergence, divergence_of_strength, divergence_binary,
    divergence_cap, output,
)  # fmt: skip
