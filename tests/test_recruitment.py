"""The recruitment family's own: planted steps, argued lemmas sampled; the numbers of the page, exactly and by simulation."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from itertools import product
from math import comb, exp, factorial, log

import numpy as np
import pytest
import sympy as sp
from flint import arb
from scipy.stats import binomtest, chi2

from checks.recruitment_cases import walk_values
from checks.recruitment_exact import Gains, exact, first_crossings, learned, precision, shtarkov, steady
from theory import symbols as sym
from theory.formulas import (
    detection_root,
    detection_samples,
    mean_delay,
    mean_delay_floor,
    miss_probability,
    miss_probability_variance,
    recruitment_threshold,
)
from theory.namespaces import MATH
from theory.recruitment_budget import floor_of, whole_count
from theory.recruitment_codes import CHI_SQUARE, FITTED_RATE, term_of_sum
from theory.recruitment_learned import binomial_term
from theory.recruitment_power import LEMMAS, cantelli, chernoff, hoeffding
from theory.recruitment_sequential import sequential, union_bound
from theory.recruitment_time import wald
from theory.replay import ReplayError, replay, truth

F = Fraction


def test_planted_wrong_steps_are_named():
    steps = tuple(
        dataclasses.replace(step, weights={**step.weights, "crossed is": -2}) if step.name == "all crossings" else step
        for step in sequential.steps
    )
    with pytest.raises(ReplayError, match="step 'all crossings'"):
        replay(dataclasses.replace(sequential, steps=steps))


# --- argued lemmas, sampled exactly ----------------------------------------------------------------------------------------------


def test_the_argued_lemmas_on_two_valued_gains():
    """Cantelli, Hoeffding and the binomial term, on every small two-valued distribution and at points between."""
    assert all(not lemma.steps for lemma in LEMMAS)
    (v, w, x) = (next(s for s in cantelli.relation.free_symbols if s.name == name) for name in "vwx")
    (p, q, u, z) = (next(s for s in hoeffding.relation.free_symbols if s.name == name) for name in "pquv")
    for k in range(1, 8):
        gains = Gains(F(3, 2), F(-1, 2), F(k, 8))
        low = 1 - gains.chance
        values = {v: sp.Rational(str(low)), w: sp.Rational(str(gains.variance)), x: sp.Rational(str(gains.mean - gains.low))}
        assert cantelli.relation.subs(values) == sp.true  # with equality: the event is the lower value
        assert (cantelli.relation.rhs - cantelli.relation.lhs).subs(values) == 0
        for h in (F(1, 10), F(1), F(5)):
            moment = sp.log(
                sp.Rational(k, 8) * sp.exp(-sp.Rational(str(h)) * sp.Rational(3, 2))
                + (1 - sp.Rational(k, 8)) * sp.exp(sp.Rational(str(h)) / 2)
            )
            at = {p: moment, q: sp.Rational(str(gains.mean)), u: sp.Rational(str(h)), z: sp.Integer(2)}
            assert truth(hoeffding.relation, at) is True
    for count in range(1, 9):
        for ones in range(count + 1):
            fit = F(ones**ones * (count - ones) ** (count - ones), count**count)
            assert comb(count, ones) * fit <= 1
    assert binomial_term.relation.rhs == 1


def test_chernoff_wald_and_the_sums_on_exact_experiments():
    """P(S < K) <= e^(h K) (E e^(-h Z))^N in balls; E S = D E N; a union and a term against the sums, in rationals."""
    (p, q, r, u, v) = (
        next(s for s in chernoff.assumes["exponent"].free_symbols | {chernoff.relation.lhs} if s.name == n) for n in "pqruv"
    )
    assert chernoff.assumes["exponent"] == sp.Ge(p, u * q + r, evaluate=False)
    assert chernoff.relation == sp.Le(v, sp.exp(p), evaluate=False)
    rng = np.random.default_rng(0)
    for _ in range(40):
        gains = Gains(F(int(rng.integers(1, 9)), 4), -F(int(rng.integers(0, 9)), 4), F(int(rng.integers(1, 12)), 12))
        count, threshold, tilt = int(rng.integers(1, 12)), F(int(rng.integers(-8, 20)), 4), F(int(rng.integers(0, 12)), 4)
        missed = gains.missed(count, threshold)
        with precision(128):
            exponent = arb(exact(tilt * threshold)) + count * gains.cumulant(arb(exact(tilt)))
            assert arb(exact(missed)) <= exponent.exp() or missed == 0 or tilt == 0
        time, total, *_ = gains.stopping(threshold, 8)
        assert total == gains.mean * time
        weights = [F(int(k), 100) for k in rng.integers(0, 9, 12)]
        first, second = ({int(k) for k in rng.integers(0, 12, 5)} for _ in range(2))
        both, one, other = (sum((weights[k] for k in event), F(0)) for event in (first | second, first, second))
        assert both <= one + other
        assert max(weights) <= sum(weights)
    assert all(not lemma.steps for lemma in (wald, union_bound, term_of_sum))


def test_the_floor_lemma_on_rationals():
    (i, p) = (floor_of.relation.lhs, floor_of.relation.rhs.args[1].args[0].args[1])
    for value in (sp.Rational(a, b) for a in range(-7, 8) for b in (1, 2, 3)):
        assert truth(floor_of.relation, {i: sp.floor(value), p: value}) is True
        assert truth(floor_of.relation, {i: sp.floor(value) + 1, p: value}) is False
    assert whole_count.claim.rhs.has(sp.ceiling)


# --- the numbers of the page -----------------------------------------------------------------------------------------------------


def test_ten_fitted_coins_by_counting_and_ten_fitted_means_by_chi_square():
    alike = sum(comb(10, k) for k in range(4, 11)) / F(2**10)  # each coin's two tosses fall alike with probability 1/2
    assert alike == F(int(FITTED_RATE.p), int(FITTED_RATE.q))
    assert 3 * 2 * log(2) < 5 < 4 * 2 * log(2)
    for degrees in (2, 4, 10, 100):
        k = degrees // 2
        tail = exp(-k) * sum(k**j / factorial(j) for j in range(k))
        assert tail == pytest.approx(chi2.sf(degrees, degrees), rel=1e-12)
    assert float(CHI_SQUARE) == pytest.approx(0.4405, abs=5e-5)
    assert chi2.sf(100, 100) == pytest.approx(0.4812, abs=5e-5)
    assert chi2.sf(2, 2) == pytest.approx(exp(-1))  # two parameters feign exactly e^-k; more feign more


def test_fitted_means_save_what_the_counterexample_says():
    """Ten unit Gaussians, 40,000 experiments: the observed rate is near the chi-square tail and its interval excludes e^-5."""
    rng = np.random.default_rng(0)
    saved = (rng.standard_normal((40_000, 10)) ** 2).sum(axis=1) / 2
    interval = binomtest(int((saved >= 5).sum()), 40_000).proportion_ci(0.999, method="exact")
    assert interval.low < float(CHI_SQUARE) < interval.high
    assert interval.low > exp(-5)


def test_shtarkov_sums():
    assert shtarkov(1) == 2
    assert shtarkov(2) == F(5, 2)
    for count in range(1, 7):
        total = sum(
            (F(sum(x), count) ** sum(x) * (1 - F(sum(x), count)) ** (count - sum(x)) for x in product((0, 1), repeat=count)),
            F(0),
        )
        assert shtarkov(count) == total


def test_the_page_of_a_coin_of_six_tenths_against_a_fair_one():
    """D, R, K = ln 20: exact first crossings by dynamic programming, against the bounds."""
    up, down, threshold = log(1.2), log(0.8), log(20)
    rate, power, time = crossing_by_counts(0.5, up, down, threshold, 4000)
    assert 0.044 < rate < 0.05
    rate, power, time = crossing_by_counts(0.6, up, down, threshold, 4000)
    mean, spread = 0.6 * up + 0.4 * down, up - down
    assert mean_delay_floor(MATH, threshold, mean) == pytest.approx(148.8, abs=0.05)
    assert mean_delay(MATH, threshold, mean, up) == pytest.approx(157.8, abs=0.06)
    assert 148.8 < time < 157.8
    assert time == pytest.approx(152.915, abs=1e-3)
    root = detection_root(MATH, threshold, mean, spread, 0.05)
    assert root**2 == pytest.approx(880, abs=1)
    assert detection_samples(MATH, threshold, mean, spread, 0.05) > root**2
    _, power, _ = crossing_by_counts(0.6, up, down, threshold, 880)
    assert power > 0.99
    assert 1 - power <= miss_probability(MATH, 880, mean, threshold, spread) <= 0.0501
    assert miss_probability(MATH, 880, mean, threshold, spread) < miss_probability_variance(MATH, 880, mean, threshold, spread)


def crossing_by_counts(chance: float, up: float, down: float, threshold: float, limit: int) -> tuple[float, float, float]:
    """(P crossed by `limit`, the same, E min(N, limit)) of the walk; a prefix counts only by its number of ups."""
    live, crossed, time = {0: 1.0}, 0.0, 0.0
    for step in range(1, limit + 1):
        following: dict[int, float] = {}
        for ups, mass in live.items():
            time += mass
            for more, weight in ((1, chance), (0, 1 - chance)):
                if (ups + more) * up + (step - ups - more) * down >= threshold:
                    crossed += mass * weight
                else:
                    following[ups + more] = following.get(ups + more, 0.0) + mass * weight
        live = {ups: mass for ups, mass in following.items() if mass > 1e-18}
    return crossed, crossed, time


def test_a_walk_attains_the_optimum_and_the_false_rate():
    time, false = walk_values(F(3, 4), 2)
    assert time == 4
    assert false == F(1, 9)
    assert log(9) / (0.5 * log(3)) == pytest.approx(float(time))


def test_false_recruitment_over_thousands_of_seeds():
    """A learned coin against a fair one that is the law: 20,000 streams of 400 tosses; no interval excludes the proved bound."""
    rng = np.random.default_rng(1)
    tosses = rng.integers(0, 2, (20_000, 400))
    ones = np.cumsum(tosses, axis=1) - tosses  # before the toss
    seen = np.arange(400)
    right = np.where(tosses == 1, ones + 0.5, seen - ones + 0.5) / (seen + 1)
    gain = np.cumsum(np.log(2 * right), axis=1)
    for alpha in (0.2, 0.05, 0.01):
        crossed = int((gain.max(axis=1) >= log(1 / alpha)).sum())
        interval = binomtest(crossed, 20_000).proportion_ci(0.999, method="exact")
        assert interval.low < alpha
        assert crossed > 0
    exactly = first_crossings(steady((F(1, 2), F(1, 2))), learned(2, F(1)), F(5), 10)
    by_ten = int((gain[:, :10].max(axis=1) >= log(5)).sum())
    interval = binomtest(by_ten, 20_000).proportion_ci(0.9999, method="exact")
    assert interval.low <= float(exactly.law) <= interval.high
    assert exactly.law <= F(1, 5)


def test_scoring_a_token_after_learning_it_breaks_the_bound():
    """The mistake that the hypothesis `predictive` excludes: the learned coin is asked after it has seen the toss."""
    coin = steady((F(1, 2), F(1, 2)))

    def cheating(prefix):
        return tuple(learned(2, F(1))((*prefix, token))[token] for token in (0, 1))

    found = first_crossings(coin, cheating, F(5), 10)
    assert found.predictive > 1
    assert found.law > F(1, 5)


def test_thresholds_grow_like_twice_the_logarithm():
    assert recruitment_threshold(MATH, 1, 0.05) == pytest.approx(log(40))
    assert recruitment_threshold(MATH, 1000, 0.05) == pytest.approx(2 * log(1000) + log(20), abs=2e-3)
    assert sym.test_number.is_positive
