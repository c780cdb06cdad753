"""Mean time: how long it takes until an alternative is recruited, and that no test of the same level is faster.

    K/D <= E N <= (K + b)/D,      E N >= ln(1/alpha)/D for any test that recruits falsely with probability at most alpha

N is the first time at which the sum of independent gains of mean D > 0 reaches K, and no gain exceeds b >= 0. The outcomes are the
prefixes at which the test stops. Statements of the family `recruitment`.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.lemmas import exp_tangent, p, v, w
from theory.lemmas import p as tangent_at
from theory.recruitment_budget import eq, rel
from theory.recruitment_formulas import (
    mean_delay,
    mean_delay_floor,
)
from theory.recruitment_power import POWER
from theory.steps import Apply, Cite, Combine, SumOver
from theory.symbols import (
    false_rate,
    gain_mean,
    gain_sum_at,
    gain_top,
    i_outcome,
    law_at,
    level_false,
    mean_sum,
    mean_time,
    recruiting,
    stop_greatest,
    stop_least,
    threshold_nats,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

_one, _zero = sp.Integer(1), sp.Integer(0)
_y = sp.Symbol("y", positive=True)

wald = Lemma(
    "wald",
    sp.Eq(p, v * w, **rel),
    attained={p: 1, v: 1, w: 1},
    reason="p = E S_N, v = E Z, w = E N: S_N is the sum of Z_t 1[N >= t], and N >= t is decided before the independent Z_t is seen.",
)
_p, _s = law_at[i_outcome], gain_sum_at[i_outcome]
_over = (i_outcome, 1, recruiting)
STOPS: dict[str, Relational] = {
    "stops": eq(1, sp.Sum(_p, _over)),
    "mean is": eq(mean_sum, sp.Sum(_p * _s, _over)),
}
WALD = Cite("wald", wald, {p: mean_sum, v: gain_mean, w: mean_time})

mean_time_floor = Theorem(
    name="recruitment.mean_time_floor",
    title="The mean time until the threshold is reached is at least K/D",
    claim=sp.Ge(mean_time, mean_delay_floor.stated, **rel),
    assumes={
        "reached": Hypothesis(
            sp.Ge(stop_least, threshold_nats, **rel),
            "the test stops only where the sum has reached K",
            "A test that gives up before stops sooner.",
        )
    },
    definitions=STOPS | {"least is": sp.Ge(_s, stop_least, **rel)},
    steps=(
        SumOver(
            "all stops",
            Combine("one stop", sp.Ge(_p * _s, _p * threshold_nats, **rel), {"least is": _p, "reached": _p}), i_outcome,
        ),
        WALD,
        Combine(
            "claim", sp.Ge(mean_time, mean_delay_floor.stated, **rel),
            {"all stops": 1 / gain_mean, "mean is": 1 / gain_mean, "stops": -threshold_nats / gain_mean, "wald": -1 / gain_mean},
        ),
    ),
    equality=Equality("every stop lands exactly on K", {mean_time: mean_delay_floor.stated}),
    needs={
        "reached": Witness(
            {mean_time: _one, threshold_nats: sp.Integer(9), gain_mean: _one, stop_least: _one}, text="a test that stops after one sample"
        )
    },
    source=POWER,
)  # fmt: skip

mean_time_ceiling = Theorem(
    name="recruitment.mean_time",
    title="The mean time until the threshold is reached is at most (K + b)/D",
    claim=sp.Le(mean_time, mean_delay.stated, **rel),
    assumes={
        "overshoot": Hypothesis(
            sp.Le(stop_greatest, threshold_nats + gain_top, **rel),
            "the sum is below K + b where the test stops, because it was below K one sample before and no gain exceeds b",
            "Stop as soon as the sum reaches K; b is the greatest gain, or 0.",
        )
    },
    definitions=STOPS | {"greatest is": sp.Le(_s, stop_greatest, **rel)},
    steps=(
        SumOver(
            "all stops",
            Combine(
                "one stop", sp.Le(_p * _s, _p * (threshold_nats + gain_top), **rel), {"greatest is": _p, "overshoot": _p}
            ),
            i_outcome,
        ),
        WALD,
        Combine(
            "claim", sp.Le(mean_time, mean_delay.stated, **rel),
            {"all stops": 1 / gain_mean, "mean is": -1 / gain_mean, "stops": (threshold_nats + gain_top) / gain_mean,
             "wald": 1 / gain_mean},
        ),
    ),
    equality=Equality("every stop lands exactly on K + b", {mean_time: mean_delay.stated}),
    needs={
        "overshoot": Witness(
            {mean_time: sp.Integer(9), threshold_nats: _one, gain_mean: _one, gain_top: _one, stop_greatest: sp.Integer(9)},
            text="a test that looks only after nine samples",
        )
    },
    source=POWER,
)  # fmt: skip

optimality = Theorem(
    name="recruitment.optimality",
    title="No test of level alpha is faster on average than ln(1/alpha)/D, whatever it computes",
    claim=sp.Ge(mean_time, -sp.log(level_false) / gain_mean, **rel),
    assumes={
        "level": Hypothesis(
            sp.Le(false_rate, level_false, **rel),
            "the test recruits falsely with probability at most alpha",
            "A test that recruits at once needs no time and is always wrong under the current model.",
        )
    },
    definitions=STOPS | {"false is": eq(false_rate, sp.Sum(_p * sp.exp(-_s), _over))},
    steps=(
        Cite("tangent", exp_tangent, {tangent_at: mean_sum - _s}),
        SumOver(
            "all stops",
            Combine(
                "weighted", sp.Ge(_p * sp.exp(-_s), sp.exp(-mean_sum) * _p * (1 + mean_sum - _s), **rel),
                {"tangent": _p * sp.exp(-mean_sum)},
            ),
            i_outcome,
        ),
        Combine(
            "false at least", sp.Ge(false_rate, sp.exp(-mean_sum), **rel),
            {"false is": 1, "all stops": 1, "stops": -sp.exp(-mean_sum) * (1 + mean_sum), "mean is": sp.exp(-mean_sum)},
        ),
        Combine("below alpha", sp.Le(sp.exp(-mean_sum), level_false, **rel), {"false at least": 1, "level": 1}),
        Apply("ln", sp.log(_y), _y, "below alpha"),
        WALD,
        Combine(
            "claim", sp.Ge(mean_time, -sp.log(level_false) / gain_mean, **rel), {"ln": 1 / gain_mean, "wald": -1 / gain_mean}
        ),
    ),
    equality=Equality(
        "a test with the true alternative that always stops exactly on ln(1/alpha)", {mean_time: -sp.log(level_false) / gain_mean}
    ),
    needs={
        "level": Witness(
            {mean_time: _zero, level_false: sp.Rational(1, 20), gain_mean: _one, false_rate: _one}, text="recruiting at once"
        )
    },
    source=POWER,
)  # fmt: skip

TIMES: tuple[Theorem, ...] = (mean_time_floor, mean_time_ceiling, optimality)
LEMMAS: tuple[Lemma, ...] = (wald,)
