"""What a few seeds say about a number: an interval for the median that holds for every law, and Student's t beside it.

With independent seeds of one law the median lies between the k-th smallest and the k-th largest of m values with probability at
least 1 - 2 P(B < k), where B counts heads of m fair coins: each value is at most the median with probability at least 1/2, and at
least the median too. Five seeds give 1 - 2/32 = 93.75 % for the whole range and no interval of a higher level.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from theory.rounding import round_fraction

EXACT = "median, exact, any law"
STUDENT = "mean, Student's t, normal law"


class SampleError(ValueError):
    """Values that no interval can be computed from."""


@dataclass(frozen=True)
class Interval:
    """An interval in the unit of the values. level: probability that it covers what `about` names, rounded down."""

    low: float
    high: float
    level: float
    about: str


@dataclass(frozen=True)
class Summary:
    """Some values of one quantity: count, mean, median, the exact interval of the median, and Student's t of the mean.

    t is None for a single value. Both intervals take the values as independent draws of one law; `t` takes that law as normal.
    """

    count: int
    mean: float
    median: float
    interval: Interval
    t: Interval | None


def coverage(count: int, rank: int) -> Fraction:
    """Probability, at least, that the median of any law lies between the rank-th smallest and rank-th largest of `count` values."""
    if not 1 <= 2 * rank <= count + 1:
        raise SampleError(
            f"order statistics: rank {rank} of {count} values; the ranks are 1 to {(count + 1) // 2}, so that the k-th smallest is "
            "not above the k-th largest. Give more values or a smaller rank."
        )
    return 1 - Fraction(2 * sum(math.comb(count, heads) for heads in range(rank)), 2**count)


def median_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """The narrowest exact interval of the median whose coverage reaches `level`; the whole range at its own level if none does.

    values: finite, any unit. The level of the result is the true one: 0 for one value, 0.9375 for five, 0.9785 for ten.
    """
    ordered = _finite(values)
    count = len(ordered)
    wanted = Fraction(level)
    rank = max((k for k in range(1, (count + 1) // 2 + 1) if coverage(count, k) >= wanted), default=1)
    return Interval(ordered[rank - 1], ordered[count - rank], round_fraction(coverage(count, rank), "down"), EXACT)


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Student's interval of the mean at a level; None for one value. Right if the values are normal, and a habit if they are not."""
    from scipy.stats import t as student

    ordered = _finite(values)
    if len(ordered) < 2:
        return None
    mean = statistics.mean(ordered)
    half = float(student.ppf((1 + level) / 2, len(ordered) - 1)) * statistics.stdev(ordered) / math.sqrt(len(ordered))
    return Interval(mean - half, mean + half, level, STUDENT)


def summarise(values: Sequence[float], level: float = 0.95) -> Summary:
    """Count, mean, median and intervals of one quantity over independent seeds; for pairs, of their differences or ratios.

    Raises SampleError for no value, for NaN or infinity, and for a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise SampleError(f"level {level} of an interval: a probability strictly between 0 and 1 is needed. Give 0.95, say.")
    ordered = _finite(values)
    return Summary(
        len(ordered),
        statistics.mean(ordered),
        statistics.median(ordered),
        median_interval(ordered, level),
        t_interval(ordered, level),
    )


def paired(
    first: Mapping[Hashable, float], second: Mapping[Hashable, float], by: Literal["difference", "ratio"] = "difference"
) -> list[float]:
    """Differences, or ratios, of two settings seed by seed, in the order of `first`: the luck that both share cancels.

    Raises SampleError when the seeds are not the same, or when a ratio divides by 0.
    """
    if first.keys() != second.keys():
        odd = sorted(map(str, first.keys() ^ second.keys()))
        raise SampleError(
            f"pairs of seeds: {', '.join(odd)} {'is' if len(odd) == 1 else 'are'} on one side only; a pair needs both runs. "
            "Leave those seeds out or run what is missing."
        )
    if by == "difference":
        return [value - second[seed] for seed, value in first.items()]
    zero = [str(seed) for seed in first if second[seed] == 0]
    if zero:
        raise SampleError(f"ratio of pairs: the second value of seed {zero[0]} is 0. Take differences.")
    return [value / second[seed] for seed, value in first.items()]


def _finite(values: Sequence[float]) -> list[float]:
    if not len(values):
        raise SampleError("interval over seeds: no values. Run at least one seed.")
    for index, value in enumerate(values):
        if isinstance(value, bool) or not math.isfinite(value):
            raise SampleError(
                f"interval over seeds: value {index} of {len(values)} is {value}; values are finite numbers. A run that diverged is "
                "reported as such, not averaged."
            )
    return sorted(float(value) for value in values)


__all__ = [
    "EXACT",
    "STUDENT",
    "Interval",
    "SampleError",
    "Summary",
    "coverage",
    "median_interval",
    "paired",
    "summarise",
    "t_interval",
]
