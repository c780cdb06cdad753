"""Power: an alternative that gains D nats a sample on average is recruited within a known number of samples.

    P(S_N < K) <= exp(-2 (N D - K)^2/(N R^2)),      N >= max(2 K/D, 2 R^2 ln(1/delta)/D^2):  P(S_N < K) <= delta

Z_i = ln(q/p)(x_i) are independent gains under the truth with mean D > 0, all in an interval of length R; S_N is the sum of N of
them. With the variance alone: N R^2/(N R^2 + 4 (N D - K)^2). Statements of the family `recruitment`.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.lemmas import p, popoviciu, q, r, u, v, w, x
from theory.recruitment_budget import SOURCE, eq, rel
from theory.recruitment_formulas import (
    detection_root,
    detection_samples,
    miss_probability,
    miss_probability_variance,
)
from theory.steps import Apply, Cite, Combine, Manifest
from theory.symbols import (
    cumulant,
    cumulant_excess,
    gain_mean,
    gain_range,
    gain_sd,
    gain_spread,
    miss,
    miss_level,
    samples,
    sum_covariance,
    sum_cumulant,
    sum_variance,
    threshold_nats,
    tilt_rate,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

POWER = f"{SOURCE}; a block that pays is recruited, and when"
_one, _two, _zero, _half = sp.Integer(1), sp.Integer(2), sp.Integer(0), sp.Rational(1, 2)
_x = sp.Symbol("x", real=True)
_ahead = samples * gain_mean - threshold_nats

cantelli = Lemma(
    "cantelli",
    sp.Le(v, w / (w + x**2), **rel),
    attained={v: sp.Rational(1, 2), w: 1, x: 1},
    reason="v = P(X <= E X - x), w = Var X, x > 0: Markov for (E X + w/x - X)^2, which is at least (x + w/x)^2 on that event.",
)
chernoff = Lemma(
    "chernoff",
    sp.Le(v, sp.exp(p), **rel),
    {"exponent": sp.Ge(p, u * q + r, **rel)},
    attained={v: 1, p: 0},
    reason="v = P(S < q), r = ln E e^(-u S), u >= 0: e^(u (q - S)) is at least 1 on that event, so v <= e^(u q + r) <= e^p.",
)
hoeffding = Lemma(
    "hoeffding",
    sp.Le(p, u**2 * v**2 / 8 - u * q, **rel),
    attained={p: 0, u: 0},
    reason="p = ln E e^(-u Z), q = E Z, Z in an interval of length v: e^(-u z) lies below its chord, and ln(1 - s + s e^h) - s h <= h^2/8.",
)
RANGE = Hypothesis(
    sp.Le(gain_spread, gain_range, **rel),
    "every gain lies in an interval of length R",
    "Mix both predictors with a uniform code.",
)
ENOUGH = Hypothesis(sp.Gt(_ahead, 0, **rel), "the mean gain of N samples exceeds the threshold", "Take more samples than K/D.")
UNCORRELATED = Hypothesis(
    sp.Le(sum_covariance, 0, **rel),
    "the gains are uncorrelated: variances add",
    "Score independent samples, or measure the variance of the sum.",
)
INDEPENDENT = Hypothesis(
    sp.Le(cumulant_excess, 0, **rel), "the gains are independent: cumulants add", "Score independent samples."
)
# one gain of 1/2 +- 1, repeated 100 times: the sum is -50 or 150, each with probability 1/2
_repeated = {
    miss: _half,
    samples: sp.Integer(100),
    gain_mean: _half,
    threshold_nats: sp.Integer(3),
    gain_range: _two,
    gain_spread: _two,
}
# a gain that is 100 times as wide as claimed, one sample: -99 or 101 with mean 1
_wide = {miss: _half, samples: _one, gain_mean: _one, threshold_nats: _zero, gain_range: _one, gain_spread: sp.Integer(200)}
_short = {miss: _one, samples: _one, gain_mean: _one, threshold_nats: sp.Integer(9), gain_range: _one, gain_spread: _zero}

_bound_variance = samples * gain_range**2 / 4
power_variance = Theorem(
    name="recruitment.power_variance",
    title="Power from the variance: N samples miss with probability at most N R^2/(N R^2 + 4 (N D - K)^2)",
    claim=sp.Le(miss, miss_probability_variance.stated, **rel),
    assumes={"range": RANGE, "uncorrelated": UNCORRELATED, "enough": ENOUGH},
    definitions={"variance is": eq(sum_variance, samples * gain_sd**2 + sum_covariance)},
    steps=(
        Cite("spread", popoviciu, {v: gain_sd, w: gain_spread}),
        Combine("sd", sp.Le(gain_sd, gain_range / 2, **rel), {"spread": 1, "range": _half}),
        Combine("variance", sp.Le(gain_sd**2, gain_range**2 / 4, **rel), {"sd": gain_sd + gain_range / 2}),
        Cite("tail", cantelli, {v: miss, w: sum_variance, x: _ahead}),
        Combine(
            "of the sum", sp.Le(sum_variance, _bound_variance, **rel), {"variance is": -1, "uncorrelated": 1, "variance": samples}
        ),
        Combine(
            "claim", sp.Le(miss, miss_probability_variance.stated, **rel),
            {"tail": 1, "of the sum": _ahead**2 / ((sum_variance + _ahead**2) * (_bound_variance + _ahead**2))},
        ),
    ),
    equality=Equality("not attained: one sample of a fair two-valued gain comes as near as one likes, K just above its lower value"),
    needs={
        "range": Witness(
            _wide | {sum_covariance: _zero}, text="a gain of -99 or 101, said to lie within 1"
        ),
        "uncorrelated": Witness(
            _repeated | {sum_covariance: sp.Integer(9900)}, text="one sample counted a hundred times"
        ),
        "enough": Witness(
            _short | {sum_covariance: _zero}, text="one sample that gains 1 never reaches 9; the bound is 1/257"
        ),
    },
    source=POWER,
)  # fmt: skip

# at the tilt 47/100 one gain has cgf ln cosh h - h/2, the repeated one ln cosh 100 h - 50 h
_REPEATED_EXCESS = sp.log(sp.cosh(47)) - 100 * sp.log(sp.cosh(sp.Rational(47, 100)))
_tilted = 4 * _ahead / (samples * gain_range**2)
TILT: dict[str, Relational] = {
    "tilt_rate is": eq(tilt_rate, _tilted),
    "cumulant is": eq(sum_cumulant, samples * cumulant + cumulant_excess),
}
_exponent = -2 * _ahead**2 / (samples * gain_range**2)
power = Theorem(
    name="recruitment.power",
    title="Power: N independent samples miss with probability at most exp(-2 (N D - K)^2/(N R^2))",
    claim=sp.Le(miss, miss_probability.stated, **rel),
    assumes={"range": RANGE, "independent": INDEPENDENT, "enough": ENOUGH},
    definitions=TILT,
    steps=(
        Cite("one gain", hoeffding, {p: cumulant, u: tilt_rate, v: gain_spread, q: gain_mean}),
        Combine(
            "squared", sp.Le(gain_spread**2, gain_range**2, **rel), {"range": gain_spread + gain_range}
        ),
        Combine(
            "at the tilt_rate", sp.Ge(-samples * gain_mean * tilt_rate + samples * tilt_rate**2 * gain_range**2 / 8, sum_cumulant, **rel),
            {"cumulant is": -1, "independent": 1, "one gain": samples, "squared": samples * tilt_rate**2 / 8},
        ),
        Combine(
            "exponent", sp.Ge(_exponent, tilt_rate * threshold_nats + sum_cumulant, **rel),
            {"at the tilt_rate": 1, "tilt_rate is": -samples * gain_range**2 / 8 * (tilt_rate - _tilted)},
        ),
        Cite(
            "claim", chernoff, {v: miss, p: _exponent, u: tilt_rate, q: threshold_nats, r: sum_cumulant}, {"exponent": "exponent"}
        ),
    ),
    equality=Equality(
        "not attained: e^(h (K - S)) is above 1 wherever S < K; for two fair values and K = 0 the rate tends to 2 (D/R)^2 with D/R to 0"
    ),
    needs={
        "range": Witness(
            _wide | {cumulant_excess: _zero},
            text="a gain of -99 or 101, said to lie within 1",
        ),
        "independent": Witness(
            _repeated | {cumulant_excess: _REPEATED_EXCESS},
            text="one sample counted a hundred times",
        ),
        "enough": Witness(
            _short | {cumulant_excess: _zero}, text="one sample that gains 1 never reaches 9"
        ),
    },
    source=POWER,
)  # fmt: skip

_surprise = -sp.log(miss_level)
TARGET = Hypothesis(sp.Lt(miss_level, 1, **rel), "delta is below 1", "Any test misses with probability at most 1.")
_last = sp.Le(miss, miss_level, **rel)
_goal = (
    Apply("e^", sp.exp(_x), _x, "rate"),
    Combine("claim", _last, {"missed": 1, "e^": 1}),
)
_few = {samples: _one, gain_mean: _one, gain_range: _one, gain_spread: _one, threshold_nats: sp.Integer(9), miss: _one}
# the repeated sample again, with N = 100 enough for delta = 1/10 if the samples were independent
_repeated_target = _repeated | {cumulant_excess: _REPEATED_EXCESS, miss_level: sp.Rational(1, 10)}
_wide_target = {
    miss: sp.Rational(93, 256), samples: sp.Integer(8), gain_mean: _one, threshold_nats: _one, gain_range: _one,
    gain_spread: sp.Integer(200), cumulant_excess: _zero, miss_level: sp.Rational(1, 10),
}  # fmt: skip
_needed = {
    "range": Witness(
        _wide_target, text="gains of -99 or 101, said to lie within 1: the sum of eight is below 1 with probability 93/256"
    ),
    "independent": Witness(_repeated_target, text="one sample counted a hundred times"),
}
delay = Theorem(
    name="recruitment.delay",
    title="After max(2 K/D, 2 R^2 ln(1/delta)/D^2) samples the block is recruited with probability 1 - delta",
    claim=_last,
    assumes={
        "range": RANGE,
        "independent": INDEPENDENT,
        "samples": Hypothesis(
            sp.Ge(samples, detection_samples.stated, **rel), "N is at least max(2 K/D, 2 R^2 ln(1/delta)/D^2)", "Wait longer."
        ),
    },
    definitions=TILT,
    steps=(
        Manifest("first", sp.Ge(detection_samples.stated, 2 * threshold_nats / gain_mean, **rel)),
        Manifest("second", sp.Ge(detection_samples.stated, 2 * gain_range**2 * _surprise / gain_mean**2, **rel)),
        Combine(
            "half is left", sp.Ge(_ahead, samples * gain_mean / 2, **rel),
            {"samples": gain_mean / 2, "first": gain_mean / 2},
        ),
        Manifest("half", sp.Gt(samples * gain_mean / 2, 0, **rel)),
        Combine("enough", sp.Gt(_ahead, 0, **rel), {"half is left": 1, "half": 1}),
        Cite("missed", power, {}, {"range": "range", "independent": "independent", "enough": "enough"}),
        Combine("once", sp.Ge(_ahead**2, _ahead * samples * gain_mean / 2, **rel), {"half is left": _ahead}),
        Combine(
            "twice", sp.Ge(_ahead * samples * gain_mean / 2, (samples * gain_mean / 2) ** 2, **rel),
            {"half is left": samples * gain_mean / 2},
        ),
        Combine(
            "rate", sp.Le(_exponent, -_surprise, **rel),
            {"once": 2 / (samples * gain_range**2), "twice": 2 / (samples * gain_range**2),
             "samples": gain_mean**2 / (2 * gain_range**2), "second": gain_mean**2 / (2 * gain_range**2)},
        ),
        *_goal,
    ),
    equality=Equality("not attained, because `recruitment.power` is not"),
    needs=_needed | {
        "samples": Witness(_few | {cumulant_excess: _zero, miss_level: _half}, text="one sample that gains 1 never reaches 9"),
    },
    uses=(power,),
    source=POWER,
)  # fmt: skip

_root = detection_root.stated
_spread = gain_range * sp.sqrt(_surprise / 2)
_lead = 2 * gain_mean * sp.sqrt(samples) - _spread
_inner = sp.sqrt(_spread**2 + 4 * gain_mean * threshold_nats)
delay_sharp = Theorem(
    name="recruitment.delay_sharp",
    title="The same after the square of (c + sqrt(c^2 + 4 D K))/(2 D) samples, c = R sqrt(ln(1/delta)/2)",
    claim=_last,
    assumes={
        "range": RANGE,
        "independent": INDEPENDENT,
        "threshold": Hypothesis(sp.Gt(threshold_nats, 0, **rel), "the threshold is positive", "K = ln(1/alpha) with alpha < 1."),
        "target": TARGET,
        "samples": Hypothesis(
            sp.Ge(sp.sqrt(samples), _root, **rel), "the root of N is at least (c + sqrt(c^2 + 4 D K))/(2 D)", "Wait longer."
        ),
    },
    definitions=TILT,
    steps=(
        Manifest("under the root", sp.Gt(_spread**2 + 4 * gain_mean * threshold_nats, 0, **rel)),
        Manifest("inner", sp.Gt(_inner, 0, **rel)),
        # with A = 2 D sqrt(N) - c and s the inner root: D N - c sqrt(N) - K = (A^2 - s^2)/(4 D), and A >= s
        Combine("beyond", sp.Ge(_lead, _inner, **rel), {"samples": 2 * gain_mean}),
        Combine("ahead of c", sp.Gt(_lead, 0, **rel), {"beyond": 1, "inner": 1}),
        Combine("once", sp.Ge(_lead**2, _lead * _inner, **rel), {"beyond": _lead}),
        Combine("twice", sp.Ge(_lead * _inner, _inner**2, **rel), {"beyond": _inner}),
        Combine(
            "left", sp.Ge(_ahead, _spread * sp.sqrt(samples), **rel), {"once": 1 / (4 * gain_mean), "twice": 1 / (4 * gain_mean)}
        ),
        Manifest("c root N", sp.Gt(_spread * sp.sqrt(samples), 0, **rel)),
        Combine("enough", sp.Gt(_ahead, 0, **rel), {"left": 1, "c root N": 1}),
        Cite("missed", power, {}, {"range": "range", "independent": "independent", "enough": "enough"}),
        Combine("one factor", sp.Ge(_ahead**2, _ahead * _spread * sp.sqrt(samples), **rel), {"left": _ahead}),
        Combine(
            "other factor", sp.Ge(_ahead * _spread * sp.sqrt(samples), _spread**2 * samples, **rel),
            {"left": _spread * sp.sqrt(samples)},
        ),
        Combine(
            "rate", sp.Le(_exponent, -_surprise, **rel),
            {"one factor": 2 / (samples * gain_range**2), "other factor": 2 / (samples * gain_range**2)},
        ),
        *_goal,
    ),
    equality=Equality("not attained, because `recruitment.power` is not"),
    needs=_needed | {
        "samples": Witness(_few | {cumulant_excess: _zero, miss_level: _half}, text="one sample that gains 1 never reaches 9"),
    },
    free={"threshold": "a test of threshold 0 or less recruits at once", "target": "above 1 nothing is claimed"},
    uses=(power,),
    source=POWER,
)  # fmt: skip

POWERS: tuple[Theorem, ...] = (power_variance, power, delay, delay_sharp)
LEMMAS: tuple[Lemma, ...] = (cantelli, chernoff, hoeffding)
