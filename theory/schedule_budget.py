"""What a polynomial schedule spends, and from which layer on it is above a dial. Statements of the family `schedule`.

d_l = d_min + (d_max - d_min) (l/m)^q,   l = 0, ..., m = L - 1 >= 1
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.formula import Formula
from theory.schedule_formulas import (
    POWER_SUMS,
    budget_ceiling,
    budget_floor,
    first_layer_above,
    schedule_budget,
    schedule_dial,
)
from theory.steps import Apply, Cases, Cite, Combine, Induction, Manifest, MeanValue, Step
from theory.symbols import (
    binomial_at,
    budget,
    degree,
    dial_high,
    dial_higher,
    dial_layer,
    dial_low,
    dial_wanted,
    j_layer,
    k_step,
    last,
    layer,
    mean_power,
    mean_power_at,
    pascal,
    pascal_at,
    power_at,
    power_sum,
    rise,
    whole_degree,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

rel = {"evaluate": False}
ZERO, ONE, TWO, HALF = sp.Integer(0), sp.Integer(1), sp.Integer(2), sp.Rational(1, 2)
SOURCE = "2511.18375: polynomial locality schedules of degree 1 to 5"
_span = dial_high - dial_low
_next = k_step + 1


def eq(left: sp.Expr, right: sp.Expr) -> sp.Eq:
    """The equation as typed, not evaluated by SymPy."""
    return sp.Eq(left, right, **rel)


LAYERS = Hypothesis(
    sp.Ge(last, 1, **rel), "the stack has at least two layers", "One layer is no schedule: give it its dial directly."
)
RISING = Hypothesis(
    sp.Ge(dial_high, dial_low, **rel), "the dial does not fall with depth", "Exchange the first and the last dial."
)
CONVEX = Hypothesis(sp.Ge(degree, 1, **rel), "the degree is at least 1", "Use a degree of 1 or more, or add the dials up.")
FREE_LAYERS = {"layers": "one layer has m_L = 0, and the dial of its only layer, at l/m_L = 0/0, is not defined"}

# --- exact budgets ----------------------------------------------------------------------------------------------------

budget_identity = Theorem(
    name="schedule.budget",
    title="The dial budget of a polynomial schedule, exactly",
    claim=eq(budget, schedule_budget.stated),
    assumes={"layers": LAYERS},
    definitions={
        # layer 0 has the dial d_min
        "budget is": eq(
            budget, dial_low + sp.Sum(dial_low + _span * (j_layer / last) ** whole_degree, (j_layer, 1, last))
        ),
        "S is": eq(power_sum, sp.Sum(j_layer**whole_degree, (j_layer, 1, last))),
    },
    steps=(
        Combine(
            "claim", eq(budget, schedule_budget.stated), {"budget is": ONE, "S is": -_span / last**whole_degree}
        ),
    ),
    equality=Equality("an identity"),
    free=FREE_LAYERS,
    source=SOURCE,
    kind="identity",
)  # fmt: skip


def _sums_to(word: str, power: int, formula: Formula) -> Theorem:
    """1^p + ... + m^p is the polynomial: it is 0 at 0, and its difference at k + 1 is (k + 1)^p."""
    at = {state: formula.stated.subs(last, state) for state in (ZERO, k_step, _next)}
    here = eq(power_at[k_step], at[k_step])
    return Theorem(
        name=f"schedule.{word}",
        title=f"1^{power} + ... + m^{power} as a polynomial: the exact budget of a schedule of degree {power}",
        claim=eq(power_sum, formula.stated),
        assumes={},
        definitions={
            "no layer": eq(power_at[0], 0),
            "one more layer": eq(power_at[_next], power_at[k_step] + _next**power),
            "S is": eq(power_sum, power_at[last]),
        },
        steps=(
            Induction(
                "sums", here,
                (Combine("state 0", eq(power_at[0], at[ZERO]), {"no layer": ONE}),),
                (Combine("next state", eq(power_at[_next], at[_next]), {"one more layer": ONE, "sums.at": ONE}),),
                last,
            ),
            Combine("claim", eq(power_sum, formula.stated), {"S is": ONE, "sums": ONE}),
        ),
        equality=Equality("an identity"),
        source=SOURCE,
        kind="identity",
    )  # fmt: skip


EXACT = tuple(
    _sums_to(word, power, formula)
    for power, (word, formula) in enumerate(
        zip(("linear", "quadratic", "cubic", "quartic", "quintic"), POWER_SUMS, strict=True), start=1
    )
)
linear, quadratic, cubic, quartic, quintic = EXACT

_sum_of_terms, _high, _low = sp.symbols("_sum_of_terms _high _low", real=True)
binomial_theorem = Lemma(
    "binomial_theorem",
    eq(_sum_of_terms, _high - _low),
    attained={_sum_of_terms: 1, _high: 1, _low: 0},
    reason="sum over j = 0..p of binomial(p + 1, j) k^j = (k + 1)^(p + 1) - k^(p + 1), k >= 0 a whole number, 0^0 = 1.",
)

any_degree = Theorem(
    name="schedule.any_degree",
    title="Power sums of every degree, from those of lower degree",
    claim=eq(pascal, (last + 1) ** (whole_degree + 1)),
    assumes={},
    definitions={
        "no layer": eq(pascal_at[0], 1),
        "one more layer": eq(pascal_at[_next], pascal_at[k_step] + binomial_at[_next]),
        "S_c is": eq(pascal, pascal_at[last]),
    },
    steps=(
        Induction(
            "telescope", eq(pascal_at[k_step], (k_step + 1) ** (whole_degree + 1)),
            (Combine("state 0", eq(pascal_at[0], ONE), {"no layer": ONE}),),
            (
                Cite(
                    "terms", binomial_theorem,
                    {
                        _sum_of_terms: binomial_at[_next],
                        _high: (k_step + 2) ** (whole_degree + 1), _low: (k_step + 1) ** (whole_degree + 1),
                    },
                ),
                Combine(
                    "next state", eq(pascal_at[_next], (k_step + 2) ** (whole_degree + 1)),
                    {"one more layer": ONE, "telescope.at": ONE, "terms": ONE},
                ),
            ),
            last,
        ),
        Combine("claim", eq(pascal, (last + 1) ** (whole_degree + 1)), {"S_c is": ONE, "telescope": ONE}),
    ),
    equality=Equality("an identity; solved for the sum of degree p it gives its polynomial, the one with Bernoulli's numbers"),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

# --- real degrees: the trapezoid rule on a convex power ---------------------------------------------------------------

_x, _y, _z, _u = sp.symbols("_x _y _z _u", positive=True)
_q1 = degree + 1
_convex = sp.Ge(degree, 1, **rel)
_tangent = sp.Ge(_x**degree, _y**degree + degree * _y ** (degree - 1) * (_x - _y), **rel)

power_tangent = Lemma(
    "power_tangent",
    _tangent,
    {"convex": _convex},
    (
        Cases(
            "claim", _tangent, _x - _y,
            (MeanValue(
                "falls", degree * _y ** (degree - 1) * _z - _z**degree, _z, _x, _y,
                Apply("slope", degree * _u ** (degree - 1), _u, "falls.high"), "claim.low",
            ),),
            (MeanValue(
                "grows", _z**degree - degree * _y ** (degree - 1) * _z, _z, _y, _x,
                Apply("slope", degree * _u ** (degree - 1), _u, "grows.low"), "claim.high",
            ),),
        ),
    ),
)  # fmt: skip

_area = ((_y + 1) ** _q1 - _y**_q1) / _q1  # of x^q between y and y + 1
_chord = ((_y + 1) ** degree + _y**degree) / 2
trapezoid_above = Lemma(
    "trapezoid_above",
    sp.Le(_area, _chord, **rel),
    {"convex": _convex},
    (
        MeanValue(
            "grows", (_z**degree + _y**degree) * (_z - _y) - 2 * (_z**_q1 - _y**_q1) / _q1, _z, _y, _y + 1,
            Cite("slope", power_tangent, {_x: _y, _y: _z}, {"convex": "convex"}), "",
        ),
        Combine("claim", sp.Le(_area, _chord, **rel), {"grows": HALF}),
    ),
)  # fmt: skip

_bend = degree * ((_y + 1) ** (degree - 1) - _y ** (degree - 1)) / 8
trapezoid_near = Lemma(
    "trapezoid_near",
    sp.Ge(_area, _chord - _bend, **rel),
    {"convex": _convex},
    (
        MeanValue(
            "first half",
            _z**_q1 / _q1 - _y**degree * (_z - _y) - degree * _y ** (degree - 1) * (_z - _y) ** 2 / 2, _z, _y, _y + HALF,
            Cite("slope", power_tangent, {_x: _z}, {"convex": "convex"}), "",
        ),
        MeanValue(
            "second half",
            _z**_q1 / _q1 - (_y + 1) ** degree * (_z - _y - 1) - degree * (_y + 1) ** (degree - 1) * (_z - _y - 1) ** 2 / 2,
            _z, _y + HALF, _y + 1,
            Cite("slope", power_tangent, {_x: _z, _y: _y + 1}, {"convex": "convex"}), "",
        ),
        Combine("claim", sp.Ge(_area, _chord - _bend, **rel), {"first half": ONE, "second half": ONE}),
    ),
)  # fmt: skip

MEAN_POWERS: dict[str, Relational] = {
    "first layer": eq(mean_power_at[0], 1),  # layer 1; layer 0 adds nothing
    "one more layer": eq(mean_power_at[_next], mean_power_at[k_step] + (k_step + 2) ** degree),
    "S_q is": eq(mean_power * last**degree, mean_power_at[last - 1]),
    "budget is": eq(budget, (last + 1) * dial_low + _span * mean_power),
}


def _sum_is(side: type[Relational], upto: sp.Expr, first: Step, lemma: Lemma) -> tuple[Step, ...]:
    """The sum 1^q + ... + (k + 1)^q against `upto` of k + 1, for every k, then for k + 1 = m."""
    at = {state: upto.subs(_z, state) for state in (ONE, k_step + 1, k_step + 2, last)}
    return (
        Induction(
            "sums", side(mean_power_at[k_step], at[k_step + 1], **rel),
            (first, Combine("state 0", side(mean_power_at[0], at[ONE], **rel), {"first layer": _sign(side), "one": ONE})),
            (
                Cite("interval", lemma, {_y: k_step + 1}, {"convex": "convex"}),
                Combine(
                    "next state", side(mean_power_at[_next], at[k_step + 2], **rel),
                    {"one more layer": _sign(side), "sums.at": ONE, "interval": ONE},
                ),
            ),
            last - 1,
        ),
    )  # fmt: skip


def _sign(side: type[Relational]) -> sp.Integer:
    """The weight of an equation in a certificate for `side`: the gap of an equation is left minus right."""
    return ONE if side is sp.Ge else -ONE


_trapezoid = _z**_q1 / _q1 + _z**degree / 2
floor = Theorem(
    name="schedule.budget_floor",
    title="The least budget of a schedule of real degree",
    claim=sp.Ge(budget, budget_floor.stated, **rel),
    assumes={"layers": LAYERS, "rising": RISING, "convex": CONVEX},
    definitions=MEAN_POWERS,
    steps=(
        *_sum_is(
            sp.Ge, _trapezoid,
            Manifest("one", sp.Ge(1, 1 / _q1 + HALF, **rel), form=(degree - 1) / (2 * _q1)), trapezoid_above,
        ),
        Combine(
            "claim", sp.Ge(budget, budget_floor.stated, **rel),
            {"budget is": ONE, "S_q is": _span / last**degree, "sums": _span / last**degree},
        ),
    ),
    equality=Equality("degree 1", {degree: ONE, budget: (last + 1) * (dial_low + dial_high) / 2}),
    needs={
        "rising": Witness(
            {last: ONE * 2, degree: TWO, dial_low: ONE, dial_high: ZERO, budget: 3 - sp.Rational(5, 4)},
            text="dials 1, 3/4, 0 fall: budget 7/4, above which 3 - 7/6 = 11/6 lies",
        ),
        "convex": Witness(
            {last: ONE, degree: HALF, dial_low: ZERO, dial_high: ONE, budget: ONE},
            text="two layers with dials 0 and 1, degree 1/2: budget 1, below 2/3 + 1/2",
        ),
    },
    free=FREE_LAYERS,
    source=SOURCE,
)  # fmt: skip

ceiling = Theorem(
    name="schedule.budget_ceiling",
    title="The greatest budget of a schedule of real degree",
    claim=sp.Le(budget, budget_ceiling.stated, **rel),
    assumes={"layers": LAYERS, "rising": RISING, "convex": CONVEX},
    definitions=MEAN_POWERS,
    steps=(
        *_sum_is(
            sp.Le, _trapezoid + degree * _z ** (degree - 1) / 8,
            Manifest(
                "one", sp.Le(1, 1 / _q1 + HALF + degree / 8, **rel),
                form=((degree - sp.Rational(3, 2)) ** 2 + sp.Rational(7, 4)) / (8 * _q1),
            ),
            trapezoid_near,
        ),
        Combine(
            "claim", sp.Le(budget, budget_ceiling.stated, **rel),
            {"budget is": -ONE, "S_q is": -_span / last**degree, "sums": _span / last**degree},
        ),
    ),
    equality=Equality(
        "a constant schedule, d_max = d_min; for d_max > d_min it is approached as m grows, the difference being of order 1/m",
        {dial_high: dial_low, budget: (last + 1) * dial_low},
    ),
    needs={
        "rising": Witness(
            {last: TWO, degree: TWO, dial_low: ONE, dial_high: ZERO, budget: 3 - sp.Rational(5, 4)},
            text="dials 1, 3/4, 0 fall: budget 7/4, above 3 - 7/6 - 1/8 = 41/24",
        )
    },
    free=FREE_LAYERS
    | {"convex": "for degrees between 0 and 1 the power is concave and its sum below m/(q + 1) + 1/2: true, and not of use"},
    source=SOURCE,
)  # fmt: skip

# --- from which layer on ----------------------------------------------------------------------------------------------

_ratio = sp.Symbol("_ratio", positive=True)
_first = first_layer_above.stated
DIAL_OF_LAYER = {
    "dial is": eq(dial_layer, schedule_dial.stated),
    "rise is": eq(rise * _span, dial_wanted - dial_low),
}
STRICTLY = Hypothesis(sp.Gt(dial_high, dial_low, **rel), "the dial rises with depth", "A constant schedule has no first layer.")
_ceiling_above = Lemma(
    "ceiling_above",
    sp.Le(_x, sp.ceiling(_x), **rel),
    {},
    reason="the ceiling of x is the least whole number that is not below x.",
    attained={_x: 3},
)

above = Theorem(
    name="schedule.above",
    title="The first layer from which on the dial is high enough",
    claim=sp.Ge(dial_layer, dial_wanted, **rel),
    assumes={
        "rising": STRICTLY,
        "late": Hypothesis(
            sp.Ge(layer, _first, **rel), "the layer is not before the first one above", "Look at a later layer, or lower the wanted dial."
        ),
    },
    definitions=DIAL_OF_LAYER,
    steps=(
        Cite("rounded up", _ceiling_above, {_x: last * rise ** (1 / degree)}),
        Combine("share", sp.Ge(layer / last, rise ** (1 / degree), **rel), {"late": 1 / last, "rounded up": 1 / last}),
        Apply("power", _ratio**degree, _ratio, "share"),
        Combine(
            "claim", sp.Ge(dial_layer, dial_wanted, **rel), {"dial is": ONE, "rise is": ONE, "power": _span}
        ),
    ),
    equality=Equality(
        "the layer is exactly m rise^(1/q)", {layer: last * rise ** (1 / degree), dial_layer: dial_wanted}
    ),
    needs={
        "rising": Witness(
            {
                last: TWO, degree: ONE, dial_low: ONE, dial_high: ZERO, rise: sp.Rational(1, 3), layer: TWO, dial_layer: ZERO,
                dial_wanted: sp.Rational(2, 3),
            },
            text="dials 1, 1/2, 0 fall: layer 2, after layer 1, has 0, below 2/3",
        ),
        "late": Witness(
            {
                last: TWO, degree: ONE, dial_low: ZERO, dial_high: ONE, rise: ONE, layer: ONE, dial_layer: HALF,
                dial_wanted: ONE,
            },
            text="dials 0, 1/2, 1: layer 1 is before layer 2, the first with dial 1",
        ),
    },
    source=SOURCE,
)  # fmt: skip

below = Theorem(
    name="schedule.below",
    title="No earlier layer is high enough",
    claim=sp.Lt(dial_layer, dial_wanted, **rel),
    assumes={
        "rising": STRICTLY,
        "early": Hypothesis(
            sp.Lt(layer, last * rise ** (1 / degree), **rel), "the layer is before the first one above", "Look at an earlier layer."
        ),
    },
    definitions=DIAL_OF_LAYER,
    steps=(
        Combine("share", sp.Lt(layer / last, rise ** (1 / degree), **rel), {"early": 1 / last}),
        Apply("power", _ratio**degree, _ratio, "share"),
        Combine(
            "claim", sp.Lt(dial_layer, dial_wanted, **rel), {"dial is": -ONE, "rise is": -ONE, "power": _span}
        ),
    ),
    equality=Equality("not attained: the layer m rise^(1/q) itself has the wanted dial"),
    needs={
        "rising": Witness(
            {
                last: TWO, degree: ONE, dial_low: ONE, dial_high: ZERO, rise: ONE, layer: ONE, dial_layer: HALF,
                dial_wanted: ZERO,
            },
            text="dials 1, 1/2, 0: layer 1, before layer 2, is above its dial 0",
        ),
        "early": Witness(
            {
                last: TWO, degree: ONE, dial_low: ZERO, dial_high: ONE, rise: sp.Rational(1, 3), layer: ONE, dial_layer: HALF,
                dial_wanted: sp.Rational(1, 3),
            },
            text="dials 0, 1/2, 1: layer 1 is not before the first with 1/3, and has 1/2",
        ),
    },
    source=SOURCE,
)  # fmt: skip

raised = Theorem(
    name="schedule.raised",
    title="A greater last dial raises the dial of every layer",
    claim=sp.Ge(dial_low + (dial_higher - dial_low) * (layer / last) ** degree, schedule_dial.stated, **rel),
    assumes={
        "raised": Hypothesis(
            sp.Ge(dial_higher, dial_high, **rel), "the second last dial is at least the first", "Exchange them."
        )
    },
    steps=(
        Combine(
            "claim",
            sp.Ge(dial_low + (dial_higher - dial_low) * (layer / last) ** degree, schedule_dial.stated, **rel),
            {"raised": (layer / last) ** degree},
        ),
    ),
    equality=Equality("equal last dials", {dial_higher: dial_high}),
    needs={
        "raised": Witness(
            {last: ONE, layer: ONE, degree: ONE, dial_low: ZERO, dial_high: ONE, dial_higher: ZERO},
            text="a last dial of 0 instead of 1 lowers the last layer's",
        )
    },
    source=SOURCE,
)

BUDGETS: tuple[Theorem, ...] = (budget_identity, *EXACT, any_degree, floor, ceiling, above, below, raised)
LEMMAS = (binomial_theorem, power_tangent, trapezoid_above, trapezoid_near, _ceiling_above)
