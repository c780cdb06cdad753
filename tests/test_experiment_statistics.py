"""Intervals over seeds: levels by enumeration, coverage on laws that break Student's t, refusals."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from checks.experiments.statistics import EXACT, STUDENT, SampleError, coverage, median_interval, paired, summarise, t_interval


@pytest.mark.parametrize("count", range(1, 9))
def test_coverage_is_the_count_of_all_sign_patterns(count):
    """For a continuous law each value is above or below the median by a fair coin: all patterns, counted."""
    for rank in range(1, (count + 1) // 2 + 1):
        covered = sum(rank <= sum(signs) <= count - rank for signs in itertools.product((0, 1), repeat=count))
        assert coverage(count, rank) == Fraction(covered, 2**count)


def test_five_seeds_give_the_range_at_its_own_level_and_no_more():
    interval = median_interval([3.0, 1.0, 5.0, 2.0, 4.0])
    assert (interval.low, interval.high, interval.level, interval.about) == (1.0, 5.0, 0.9375, EXACT)
    assert median_interval([3.0, 1.0, 5.0, 2.0, 4.0], 0.9).level == 0.9375
    assert median_interval([1.0]).level == 0.0


def test_more_seeds_leave_out_the_extremes():
    interval = median_interval(list(range(1, 11)))
    assert (interval.low, interval.high) == (2.0, 9.0)
    assert interval.level == 1 - 2 * 11 / 1024
    assert median_interval(list(range(1, 11)), 0.99).low == 1.0


def test_a_law_with_atoms_is_covered_at_least_as_often():
    """A fair die shown as 0 or 1 with weights 1/3, 2/3: the median is 1; every sample of five, with its probability."""
    covered = sum(
        Fraction(1, 3) ** values.count(0.0) * Fraction(2, 3) ** values.count(1.0)
        for values in itertools.product((0.0, 1.0), repeat=5)
        if (interval := median_interval(values)).low <= 1.0 <= interval.high
    )
    assert covered >= coverage(5, 1)


def test_a_skewed_law_breaks_student_and_not_the_order_statistics():
    """Lognormal with sigma 3: its mean is e^4.5, its median 1."""
    rng = np.random.default_rng(0)
    samples = np.exp(3 * rng.standard_normal((800, 5)))
    exact = sum((i := median_interval(row, 0.9)).low <= 1.0 <= i.high for row in samples.tolist())
    student = sum((t := t_interval(row)).low <= math.exp(4.5) <= t.high for row in samples.tolist())
    assert exact / 800 > 0.89  # 0.9375 less five standard deviations of the count
    assert student / 800 < 0.8


def test_student_s_interval_is_the_tabulated_one():
    interval = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.776445105 * math.sqrt(2.5 / 5)  # t quantile .975, 4 degrees of freedom
    assert interval.about == STUDENT
    assert interval.low == pytest.approx(3 - half, rel=1e-9)
    assert interval.high == pytest.approx(3 + half, rel=1e-9)
    assert t_interval([2.0]) is None


def test_a_summary_has_both_intervals():
    summary = summarise([2.0, 1.0, 4.0])
    assert (summary.count, summary.mean, summary.median) == (3, 7 / 3, 2.0)
    assert summary.interval.level == 0.75
    assert summary.t is not None
    assert summarise([0.1] * 3).mean == 0.1  # rounded once


@pytest.mark.parametrize(("values", "said"), [
    ([], "no values"), ([1.0, math.nan], "value 1 of 2 is nan"), ([math.inf], "diverged"), ([True], "finite numbers"),
])  # fmt: skip
def test_what_is_no_sample_is_refused(values, said):
    with pytest.raises(SampleError, match=said):
        summarise(values)


def test_levels_and_ranks_are_checked():
    with pytest.raises(SampleError, match="strictly between 0 and 1"):
        summarise([1.0], 1.0)
    for rank in (0, 3):
        with pytest.raises(SampleError, match="ranks are 1 to 2"):
            coverage(4, rank)


def test_pairs_go_by_seed():
    first, second = {1: 3.0, 2: 8.0}, {2: 4.0, 1: 2.0}
    assert paired(first, second) == [1.0, 4.0]
    assert paired(first, second, "ratio") == [1.5, 2.0]
    with pytest.raises(SampleError, match="3 is on one side only"):
        paired(first | {3: 1.0}, second)
    with pytest.raises(SampleError, match="seed 1 is 0"):
        paired(first, {1: 0.0, 2: 1.0}, "ratio")
