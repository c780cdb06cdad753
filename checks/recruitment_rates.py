"""Error rates, power and delay of sequential tests over thousands of seeds, beside what is proved.

A rate that was counted comes with an exact (Clopper-Pearson) interval; it never proves a bound and refutes one only when the whole
interval lies above it. The mechanism itself is run on streams drawn from its own current model, where every recruitment is false.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, inf, log, nextafter

import numpy as np
from flint import arb, ctx, fmpq
from numpy.typing import NDArray
from scipy.stats import beta

from checks.data import generator
from checks.recruitment_codes import Model
from checks.recruitment_run import Recruiter, Token
from checks.recruitment_tests import Ledger
from checks.verdict import FAILS, UNDECIDED, Verdict
from theory.formulas import (
    detection_root,
    false_recruitment_ever,
    laplace_regret,
    mean_delay,
    mean_delay_floor,
    miss_probability,
)
from theory.namespaces import FLINT, MATH
from theory.rounding import round_end, round_fraction

CONFIDENCE = Fraction(999, 1000)
BITS = 256


@dataclass(frozen=True)
class Rate:
    """A proportion that was counted, its interval at 99.9 per cent, and the bound it is set beside (from above)."""

    name: str
    count: int
    runs: int
    bound: float

    @property
    def interval(self) -> tuple[float, float]:
        """Floats that enclose the exact interval of Clopper and Pearson."""
        return clopper_pearson(self.count, self.runs)

    @property
    def verdict(self) -> Verdict:
        """FAILS when the interval excludes the bound; otherwise UNDECIDED: what was counted certifies nothing."""
        return FAILS if self.interval[0] > self.bound else UNDECIDED


def tail_at_most(count: int, runs: int, share: float, level: Fraction) -> bool:
    """Whether `count` or more of `runs` (count >= 1) have probability at most `level` at this share; shown by Arb, False if not.

    P(X >= k) is the regularised incomplete beta function I_p(k, N - k + 1).
    """
    with ctx.workprec(BITS):
        tail = arb(share).beta_lower(arb(count), arb(runs - count + 1), regularized=1)
        return bool(tail <= arb(fmpq(level.numerator, level.denominator)))


def clopper_pearson(count: int, runs: int, confidence: Fraction = CONFIDENCE) -> tuple[float, float]:
    """An interval that contains the exact one of Clopper and Pearson for a proportion, each end shown by a binomial tail.

    The exact low end is the greatest share at which `count` or more have probability (1 - confidence)/2, and tails increase with the
    share: a share whose tail is at most that lies at or below it. The high end is the low end of the failures, from 1. SciPy proposes
    a share; it is moved outwards until the tail is shown.
    """
    if not 0 <= count <= runs or runs < 1:
        raise ValueError(f"a proportion has 0 <= count <= runs and runs >= 1; here count = {count}, runs = {runs}")
    level = (1 - confidence) / 2

    def low_end(found: int) -> float:
        if found == 0:
            return 0.0
        share = min(1.0, max(0.0, float(beta.ppf(float(level), found, runs - found + 1))))
        step = 1e-16
        while not tail_at_most(found, runs, share, level):  # a share of 0 has no tail
            share, step = max(0.0, nextafter(share * (1 - step), -inf)), 2 * step
        return share

    misses = low_end(runs - count)
    return low_end(count), 1.0 if misses == 0 else min(1.0, nextafter(1 - misses, inf))


@dataclass(frozen=True)
class Delay:
    """Mean first crossing over many runs (samples), with its standard error, between proved bounds."""

    name: str
    mean: float
    error: float
    runs: int
    low: float
    high: float


def first_crossing(gains: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    """Number of samples until a row's running sum first reaches the threshold `[runs]`; 0 where it never does in `gains [runs, N]`."""
    reached = np.cumsum(gains, axis=1) >= threshold
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 0)


def coin_gains(rng: np.random.Generator, runs: int, samples: int, truth: float, code: float | None) -> NDArray[np.float64]:
    """Gains in nats, `[runs, samples]`, against a fair coin, of a coin `code`, or of Laplace's rule for None, on a coin of `truth`."""
    ones = rng.random((runs, samples)) < truth
    if code is not None:
        return np.where(ones, log(2 * code), log(2 * (1 - code)))
    seen: NDArray[np.int64] = np.cumsum(ones, axis=1) - ones
    right = np.where(ones, seen + 1, np.arange(samples) - seen + 1) / (np.arange(samples) + 2)
    return np.asarray(np.log(2 * right))


def measured(runs: int, alpha: Fraction, seed: int = 0, truth: float = 0.6) -> tuple[list[Rate], list[Delay]]:
    """False recruitment, misses and delays of one test of level alpha: a coin of `truth`, known or learned, against a fair one."""
    threshold, mean = log(1 / alpha), truth * log(2 * truth) + (1 - truth) * log(2 * (1 - truth))
    enough = ceil(detection_root(MATH, threshold, mean, log(truth / (1 - truth)), 0.05) ** 2)
    proved = _coin_bounds(alpha, truth, enough)
    rates, delays = [], []
    for name, code in (("known", truth), ("learned", None)):
        rng = generator(seed, 7)
        null = np.concatenate(
            [first_crossing(coin_gains(rng, part, 2 * enough, 0.5, code), threshold) for part in _parts(runs)]
        )
        rates.append(Rate(f"false recruitment, alternative {name}", int((null > 0).sum()), runs, round_fraction(alpha, "up")))
        hit = np.concatenate(
            [first_crossing(coin_gains(rng, part, 4 * enough, truth, code), threshold) for part in _parts(runs)]
        )
        if code is not None:
            rates.append(
                Rate(
                    f"missed after {enough} samples, alternative known",
                    int(((hit == 0) | (hit > enough)).sum()),
                    runs,
                    proved.missed,
                )
            )
        times = np.where(hit == 0, 4 * enough, hit)
        delays.append(
            Delay(
                f"delay, alternative {name}", float(times.mean()), float(times.std() / runs**0.5), runs,
                proved.least if code is not None else 0.0, proved.most if code is not None else proved.most_learned,
            )
        )  # fmt: skip
    return rates, delays


@dataclass(frozen=True)
class _Proved:
    """Bounds of one test, rounded to the side on which they hold: a probability, and mean numbers of samples."""

    missed: float
    least: float
    most: float
    most_learned: float


def _coin_bounds(alpha: Fraction, truth: float, enough: int) -> _Proved:
    """What is proved of a coin of `truth` against a fair one, after `enough` samples; streams end after four times as many."""
    with ctx.workprec(BITS):
        p = arb(truth)
        threshold = -arb(fmpq(alpha.numerator, alpha.denominator)).log()
        mean = p * (2 * p).log() + (1 - p) * (2 * (1 - p)).log()
        spread, top = (p / (1 - p)).log(), (2 * p).log()
        # a learned alternative has crossed at the latest when the best coin has crossed K plus the regret
        learned = threshold + arb(laplace_regret(FLINT, 4 * enough))
        most, most_learned = (arb(mean_delay(FLINT, k, mean, top)).upper() for k in (threshold, learned))
        return _Proved(
            round_end(arb(miss_probability(FLINT, enough, mean, threshold, spread)).upper(), "up"),
            round_end(arb(mean_delay_floor(FLINT, threshold, mean)).lower(), "down"),
            round_end(most, "up"),
            round_end(most_learned, "up"),
        )


def _parts(runs: int, most: int = 2000) -> list[int]:
    return [most] * (runs // most) + [runs % most] * (runs % most > 0)


def draw_word(model: Model, past: list[str], rng: np.random.Generator) -> str:
    """A word drawn from the predictions of a model without recruited blocks; `past` are its words so far."""
    vocabulary, recent = model.vocabulary, model.recent
    token: Hashable = ""
    own = recent.total + max(1, len(recent.counts))
    if past and rng.random() * 65536 < recent.share and rng.random() * own < recent.total:
        token = recent.last[int(rng.integers(len(recent.last)))]
        if token is not None:
            return str(token)
    if token is None or not past or rng.random() * (vocabulary.total + 2) < vocabulary.once + 1:
        return f"word{len(vocabulary.counts)}"
    return past[int(rng.integers(len(past)))]


def null_streams(runs: int, words: int, alpha: Fraction, candidates: int = 3, seed: int = 0) -> Rate:
    """The mechanism on streams drawn from its own current model, with coins as labels: how often it recruits at all.

    Every recruitment is false there, so `recruitment.all_time` bounds the probability by alpha M/(M + 1) for the M tests that begin.
    """
    count = 0
    names = tuple(f"coin {index}" for index in range(candidates))
    for run in range(runs):
        rng = generator(seed + run, 8)
        state = Recruiter(Ledger(alpha), names)
        past: list[str] = []
        for _ in range(words):
            word = draw_word(state.model, past, rng)
            fair = rng.integers(0, 2, candidates)
            past.append(word)
            if state.read(Token(word, tuple(name for name, side in zip(names, fair, strict=True) if side))) is not None:
                count += 1
                break
    with ctx.workprec(256):
        bound = arb(false_recruitment_ever(FLINT, candidates, fmpq(alpha.numerator, alpha.denominator)))
        return Rate(f"false recruitment, mechanism on {words} words of its own", count, runs, round_end(bound.upper(), "up"))


__all__ = [
    "CONFIDENCE",
    "Delay",
    "Rate",
    "clopper_pearson",
    "coin_gains",
    "draw_word",
    "first_crossing",
    "measured",
    "null_streams",
    "tail_at_most",
]
