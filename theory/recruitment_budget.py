"""Termination: how many recruitments a description length can pay for.

    sum of required decreases <= DL_0 - DL_inf + T,        K <= floor((DL_0 - DL_inf + T)/gamma)

DL_m is the description length in nats after m recruitments. Recruitment m lowers it by at least gamma_m; between recruitments
training and new data raise it by T in all (net, so T may be negative); it never falls below DL_inf. A density is no code and has
no such floor. Statements of the family `recruitment`.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.steps import Apply, Cite, Combine, Induction, SumOver
from theory.symbols import (
    code_level,
    cost_bound,
    cost_greatest,
    density_scale,
    dl_at,
    dl_end,
    dl_floor,
    dl_start,
    drop_at,
    gain_excess,
    i_sample,
    k_step,
    least_gain,
    need_at,
    needed_at,
    needed_total,
    recruited,
    rise_at,
    rise_bound,
    rise_total,
    risen_at,
    sample_cost,
    samples,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

rel = {"evaluate": False}
SOURCE = "2510.17358: recruitment by penalised likelihood with explicit units, convergence"
_zero, _one, _two, _five = (sp.Integer(k) for k in (0, 1, 2, 5))
_next = k_step + 1
_i = sp.Symbol("_i", integer=True)
_p = sp.Symbol("_p", real=True)
_budget = dl_start - dl_floor + rise_bound


def eq(left: sp.Expr, right: sp.Expr) -> sp.Eq:
    """An equation that SymPy leaves as it is."""
    return sp.Eq(left, right, **rel)


floor_of = Lemma(
    "floor_of",
    sp.Le(_i, -sp.ceiling(-_p), **rel),
    {"below": sp.Le(_i, _p, **rel)},
    reason="-ceiling(-p) is the greatest integer at most p, and i is an integer at most p.",
)

# The run: description length, what moves it, and the totals. The arrays go on after the last recruitment; nothing is said of them.
RUN: dict[str, Relational] = {
    "start is": eq(dl_at[0], dl_start),
    "run is": eq(dl_at[_next], dl_at[k_step] + rise_at[k_step] - drop_at[k_step]),
    "no rise": eq(risen_at[0], 0),
    "rises add": eq(risen_at[_next], risen_at[k_step] + rise_at[k_step]),
    "no need": eq(needed_at[0], 0),
    "needs add": eq(needed_at[_next], needed_at[k_step] + need_at[k_step]),
    "end is": eq(dl_end, dl_at[recruited]),
    "rise is": eq(rise_total, risen_at[recruited]),
    "needed is": eq(needed_total, needed_at[recruited]),
}
PAID: dict[str, Relational] = RUN | {"excess is": sp.Ge(drop_at[k_step] - need_at[k_step], gain_excess, **rel)}
CONSTANT = PAID | {"need is": eq(need_at[k_step], least_gain)}

MOVE = Hypothesis(
    sp.Ge(gain_excess, 0, **rel),
    "every recruitment lowers the description length by what is required of it",
    "Recruit only what pays; claim the decrease that was measured.",
)
RISE = Hypothesis(
    sp.Le(rise_total, rise_bound, **rel),
    "between recruitments the description length rises by at most T in all",
    "Count what training and new data add; without a bound there is no termination (`recruitment.endless`).",
)
FLOOR = Hypothesis(
    sp.Ge(dl_end, dl_floor, **rel),
    "the description length is at least DL_inf",
    "Code lengths are at least 0; a density has no floor (`recruitment.density`): quantise the data.",
)

budget = Theorem(
    name="recruitment.budget",
    title="The required decreases of all recruitments are paid from DL_0 - DL_inf + T",
    claim=sp.Le(needed_total, _budget, **rel),
    assumes={"move": MOVE, "rise": RISE, "floor": FLOOR},
    definitions=PAID,
    steps=(
        Induction(
            "paid so far", sp.Le(needed_at[k_step], dl_start - dl_at[k_step] + risen_at[k_step], **rel),
            (
                Combine(
                    "nothing yet", sp.Le(needed_at[0], dl_start - dl_at[0] + risen_at[0], **rel),
                    {"no need": -1, "start is": -1, "no rise": 1},
                ),
            ),
            (
                Combine(
                    "one more", sp.Le(needed_at[_next], dl_start - dl_at[_next] + risen_at[_next], **rel),
                    {"paid so far.at": 1, "needs add": -1, "run is": -1, "rises add": 1, "excess is": 1, "move": 1},
                ),
            ),
            recruited,
        ),
        Combine(
            "claim", sp.Le(needed_total, _budget, **rel),
            {"paid so far": 1, "needed is": -1, "end is": -1, "rise is": 1, "rise": 1, "floor": 1},
        ),
    ),
    equality=Equality(
        "every recruitment brings exactly what is required, T is the rise and DL_inf the last value",
        {needed_total: dl_start - dl_end + rise_total, dl_floor: dl_end, rise_bound: rise_total},
    ),
    needs={
        "move": Witness(
            {needed_total: _five, dl_start: _one, dl_end: _zero, dl_floor: _zero, rise_total: _zero, rise_bound: _zero,
             gain_excess: -_one},
            text="five recruitments that bring 1/5 nat each where 1 is required: 5 nats of requirements, 1 paid",
        ),
        "rise": Witness(
            {needed_total: _five, dl_start: _one, dl_end: _one, dl_floor: _zero, rise_total: _five, rise_bound: _zero,
             gain_excess: _zero},
            text="training that gives back what each of five recruitments saved",
        ),
        "floor": Witness(
            {needed_total: _five, dl_start: _one, dl_end: -sp.Integer(4), dl_floor: _zero, rise_total: _zero, rise_bound: _zero,
             gain_excess: _zero},
            text="a `description length' that falls from 1 to -4: no code has one",
        ),
    },
    source=SOURCE,
)  # fmt: skip

_every = Induction(
    "required so far", eq(needed_at[k_step], k_step * least_gain),
    (Combine("none", eq(needed_at[0], 0 * least_gain), {"no need": 1}),),
    (Combine("another", eq(needed_at[_next], _next * least_gain), {"needs add": 1, "required so far.at": 1, "need is": 1}),),
    recruited,
)  # fmt: skip
_each = {"move": "move", "rise": "rise", "floor": "floor"}
_paid_out = {dl_end: dl_floor, rise_total: rise_bound}
_broken = {least_gain: _one, recruited: _five, dl_start: _one, dl_floor: _zero, rise_bound: _zero}
_broken_move = Witness(
    _broken | {dl_end: _zero, rise_total: _zero, gain_excess: -sp.Rational(4, 5)},
    text="five recruitments of 1/5 nat each where gamma = 1 nat was claimed",
)
_broken_rise = Witness(
    _broken | {dl_end: _one, rise_total: _five, gain_excess: _zero},
    text="five recruitments, and training that gives each back",
)
_broken_floor = Witness(
    _broken | {dl_end: -sp.Integer(4), rise_total: _zero, gain_excess: _zero}, text="from 1 to -4 in five recruitments"
)

termination = Theorem(
    name="recruitment.termination",
    title="Recruitment ends: at most (DL_0 - DL_inf + T)/gamma recruitments",
    claim=sp.Le(recruited, _budget / least_gain, **rel),
    assumes={"move": MOVE, "rise": RISE, "floor": FLOOR},
    definitions=CONSTANT,
    steps=(
        _every,
        Cite("paid", budget, {}, _each),
        Combine(
            "claim", sp.Le(recruited, _budget / least_gain, **rel),
            {"paid": 1 / least_gain, "needed is": 1 / least_gain, "required so far": 1 / least_gain},
        ),
    ),
    equality=Equality(
        "every recruitment brings exactly gamma, until DL_inf is reached",
        {recruited: _budget / least_gain},
    ),
    needs={"move": _broken_move, "rise": _broken_rise, "floor": _broken_floor},
    uses=(budget,),
    source=SOURCE,
)  # fmt: skip

whole_count = Theorem(
    name="recruitment.whole_count",
    title="The exact count: at most the whole part of (DL_0 - DL_inf + T)/gamma",
    claim=sp.Le(recruited, -sp.ceiling(-_budget / least_gain), **rel),
    assumes={"move": MOVE, "rise": RISE, "floor": FLOOR},
    definitions=CONSTANT,
    steps=(
        Cite("count", termination, {}, _each),
        Cite("claim", floor_of, {_i: recruited, _p: _budget / least_gain}, {"below": "count"}),
    ),
    equality=Equality(
        "the run that lowers by exactly gamma while that much is left", {recruited: -sp.ceiling(-_budget / least_gain)}
    ),
    needs={"move": _broken_move, "rise": _broken_rise, "floor": _broken_floor},
    uses=(termination,),
    source=SOURCE,
)

_spent = samples * cost_bound
streaming = Theorem(
    name="recruitment.streaming",
    title="Streaming: code lengths of at most b a sample pay for (DL_0 + N b)/gamma recruitments",
    claim=sp.Le(recruited, (dl_start + _spent) / least_gain, **rel),
    assumes={
        "move": MOVE,
        "sample": Hypothesis(
            sp.Le(cost_greatest, cost_bound, **rel),
            "no sample costs more than b nats",
            "Mix the predictor with a uniform code: that bounds every code length.",
        ),
        "floor": Hypothesis(sp.Ge(dl_end, 0, **rel), "the description length is a code length", FLOOR.remedy),
    },
    definitions=CONSTANT
    | {
        "samples cost": eq(rise_total, sp.Sum(sample_cost[i_sample], (i_sample, 1, samples))),
        "greatest is": sp.Le(sample_cost[i_sample], cost_greatest, **rel),
    },
    steps=(
        SumOver(
            "all samples",
            Combine("one sample", sp.Le(sample_cost[i_sample], cost_bound, **rel), {"greatest is": 1, "sample": 1}),
            i_sample,
        ),
        Combine("rise", sp.Le(rise_total, _spent, **rel), {"samples cost": -1, "all samples": 1}),
        Cite("claim", termination, {rise_bound: _spent, dl_floor: _zero}, _each),
    ),
    equality=Equality(
        "every sample costs b, every recruitment brings exactly gamma, and all is spent",
        {recruited: (dl_start + _spent) / least_gain},
    ),
    needs={
        "move": Witness(
            {least_gain: _one, recruited: _five, dl_start: _one, samples: _one, cost_greatest: _one, cost_bound: _one, dl_end: _zero,
             gain_excess: -_one},
            text="five recruitments where 2 nats pay for two",
        ),
        "sample": Witness(
            {least_gain: _one, recruited: _five, dl_start: _one, samples: _one, cost_greatest: _five, cost_bound: _one, dl_end: _one,
             gain_excess: _zero},
            text="one sample of 5 nats pays for five recruitments",
        ),
        "floor": Witness(
            {least_gain: _one, recruited: _five, dl_start: _one, samples: _one, cost_greatest: _one, cost_bound: _one,
             dl_end: -sp.Integer(3), gain_excess: _zero},
            text="a description length of -3",
        ),
    },
    uses=(termination,),
    source=SOURCE,
)  # fmt: skip

admissible = Theorem(
    name="recruitment.admissible",
    title="The budget is exact: whatever requirements sum to no more than it can all be met",
    claim=sp.Ge(dl_end, dl_floor, **rel),
    assumes={
        "within": Hypothesis(
            sp.Le(needed_total, dl_start - dl_floor + rise_total, **rel),
            "the requirements sum to at most DL_0 - DL_inf + rise",
            "Above it `recruitment.budget` ends the run.",
        )
    },
    definitions=RUN | {"exactly": eq(drop_at[k_step], need_at[k_step])},
    steps=(
        Induction(
            "ledger", eq(dl_at[k_step], dl_start + risen_at[k_step] - needed_at[k_step]),
            (
                Combine(
                    "opened", eq(dl_at[0], dl_start + risen_at[0] - needed_at[0]),
                    {"start is": 1, "no rise": -1, "no need": 1},
                ),
            ),
            (
                Combine(
                    "carried", eq(dl_at[_next], dl_start + risen_at[_next] - needed_at[_next]),
                    {"ledger.at": 1, "run is": 1, "rises add": -1, "needs add": 1, "exactly": -1},
                ),
            ),
            recruited,
        ),
        Combine(
            "claim", sp.Ge(dl_end, dl_floor, **rel),
            {"end is": 1, "ledger": 1, "rise is": -1, "needed is": 1, "within": 1},
        ),
    ),
    equality=Equality("requirements that use up the budget", {dl_end: dl_floor}),
    needs={
        "within": Witness(
            {dl_end: -_one, dl_floor: _zero, needed_total: _two, dl_start: _one, rise_total: _zero},
            text="requirements of 2 nats on a budget of 1: the run ends at -1, below its floor",
        )
    },
    source=f"{SOURCE}; requirements that shrink (a convergent sum) never end recruitment",
)  # fmt: skip

endless = Theorem(
    name="recruitment.endless",
    title="Without a bound on the rise recruitment need not end: train back what each recruitment saved",
    claim=eq(dl_end, dl_start),
    assumes={},
    definitions={key: RUN[key] for key in ("start is", "run is", "end is")} | {"undone": eq(rise_at[k_step], drop_at[k_step])},
    steps=(
        Induction(
            "as before", eq(dl_at[k_step], dl_start),
            (Combine("at first", eq(dl_at[0], dl_start), {"start is": 1}),),
            (Combine("again", eq(dl_at[_next], dl_start), {"run is": 1, "undone": 1, "as before.at": 1}),),
            recruited,
        ),
        Combine("claim", eq(dl_end, dl_start), {"end is": 1, "as before": 1}),
    ),
    equality=Equality("an identity, for every number of recruitments and any decrease of each"),
    source=f"{SOURCE}; what the word `converges' leaves out",
    kind="identity",
)  # fmt: skip

_x = sp.Symbol("x", positive=True)
density = Theorem(
    name="recruitment.density",
    title="A density is no code: its `description length' of a datum falls below every level",
    claim=sp.Lt(sp.log(2 * density_scale), code_level, **rel),
    assumes={
        "narrow": Hypothesis(
            sp.Lt(density_scale, sp.exp(code_level) / 2, **rel),
            "the scale of the Laplace density at the datum is below e^level/2",
            "Quantise the data and score probabilities: then 0 is a floor.",
        )
    },
    steps=(
        Combine("doubled", sp.Lt(2 * density_scale, sp.exp(code_level), **rel), {"narrow": 2}),
        Apply("ln", sp.log(_x), _x, "doubled"),
        Combine("claim", sp.Lt(sp.log(2 * density_scale), code_level, **rel), {"ln": 1}),
    ),
    equality=Equality("strict: equal at the scale e^level/2"),
    needs={
        "narrow": Witness({density_scale: _one, code_level: _zero}, text="at scale 1 the datum costs ln 2 > 0"),
    },
    source=f"{SOURCE}; a Gaussian whose variance shrinks does the same, -ln density = ln(sigma sqrt(2 pi)) at its mean",
)  # fmt: skip

BUDGETS: tuple[Theorem, ...] = (budget, termination, whole_count, streaming, admissible, endless, density)
