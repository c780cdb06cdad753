"""Exact experiments for the family `recruitment`: finite laws, trees of prefixes, sums of gains; rationals all the way.

A law or a code is a tuple of rationals over outcomes; a predictor is a function of the prefix. Events are decided in integers, so a
probability is an exact rational, and only logarithms are balls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from checks.claims import Case
from checks.enclosure import BITS, Value
from checks.recruitment_codes import Block

Prefix = tuple[int, ...]
Predictor = Callable[[Prefix], tuple[Fraction, ...]]  # probabilities of the next token


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Balls of that many bits inside the block."""
    old, ctx.prec = ctx.prec, bits
    try:
        yield
    finally:
        ctx.prec = old


def exact(value: Fraction | int) -> fmpq:
    """A rational as FLINT has it."""
    fraction = Fraction(value)
    return fmpq(fraction.numerator, fraction.denominator)


def ln(value: Fraction | int) -> arb:
    """The natural logarithm of a positive rational at the current precision."""
    return arb(exact(value)).log()


def finer_case(
    make: Callable[[], Mapping[sp.Symbol, Value]], origin: str, exactly: Any = None, *, extremal: bool = False
) -> Case:
    """A case whose balls are made by `make()` at whatever precision a verdict needs."""

    def values(bits: int) -> Mapping[sp.Symbol, Value]:
        with precision(bits):
            return make()

    return Case(values(BITS), origin, exactly, extremal, values)


@dataclass(frozen=True)
class Crossing:
    """First crossings of a threshold ln(ratio): their probability under the law, what the alternative gives them, by prefix."""

    ratio: Fraction
    law: Fraction
    code: Fraction
    prefixes: tuple[tuple[Prefix, Fraction, Fraction], ...]  # prefix, law, alternative
    predictive: Fraction  # greatest sum of the alternative's probabilities of the next token


def first_crossings(law: Predictor, code: Predictor, ratio: Fraction, horizon: int) -> Crossing:
    """Follow every prefix of positive probability until code/law >= ratio, `horizon` tokens at most; exact."""
    crossed: list[tuple[Prefix, Fraction, Fraction]] = []
    greatest = Fraction(0)
    live: list[tuple[Prefix, Fraction, Fraction]] = [((), Fraction(1), Fraction(1))]
    for _ in range(horizon):
        following = []
        for prefix, p, q in live:
            p_next, q_next = law(prefix), code(prefix)
            greatest = max(greatest, sum(q_next, Fraction(0)))
            for token, (p_token, q_token) in enumerate(zip(p_next, q_next, strict=True)):
                longer = ((*prefix, token), p * p_token, q * q_token)
                if longer[2] >= ratio * longer[1] and longer[2] > 0:
                    crossed.append(longer)
                elif longer[1] > 0:
                    following.append(longer)
        live = following
    return Crossing(
        ratio,
        sum((p for _, p, _ in crossed), Fraction(0)),
        sum((q for _, _, q in crossed), Fraction(0)),
        tuple(crossed),
        greatest,
    )


def steady(probabilities: Sequence[Fraction]) -> Predictor:
    """Independent tokens of one law."""
    fixed = tuple(probabilities)
    return lambda prefix: fixed


def markov(first: Sequence[Fraction], rows: Sequence[Sequence[Fraction]]) -> Predictor:
    """A Markov chain: the law of the first token, and of the next one after each."""
    start, table = tuple(first), tuple(tuple(row) for row in rows)
    return lambda prefix: table[prefix[-1]] if prefix else start


def learned(tokens: int, strength: Fraction | None) -> Predictor:
    """A block that learns from the prefix, over a uniform base: what the mechanism predicts, token by token."""

    def predict(prefix: Prefix) -> tuple[Fraction, ...]:
        block = Block(strength)
        for token in prefix:
            block.learn(token, (1, tokens))
        return tuple(Fraction(*block.predict(token, (1, tokens))) for token in range(tokens))

    return predict


@dataclass(frozen=True)
class Gains:
    """Two-valued gains: `high` with probability `chance`, else `low`; rationals, mean positive."""

    high: Fraction
    low: Fraction
    chance: Fraction

    @property
    def mean(self) -> Fraction:
        """E Z."""
        return self.chance * self.high + (1 - self.chance) * self.low

    @property
    def spread(self) -> Fraction:
        """Greatest gain minus least."""
        return abs(self.high - self.low)

    @property
    def variance(self) -> Fraction:
        """Var Z."""
        return self.chance * (1 - self.chance) * self.spread**2

    def missed(self, count: int, threshold: Fraction) -> Fraction:
        """P(S_N < K) for N = count independent gains; exact."""
        return sum(
            (
                comb(count, k) * self.chance**k * (1 - self.chance) ** (count - k)
                for k in range(count + 1)
                if k * self.high + (count - k) * self.low < threshold
            ),
            Fraction(0),
        )

    def cumulant(self, tilt: arb) -> arb:
        """Ln E e^(-h Z) at the current precision."""
        moment = arb(exact(self.chance)) * (-tilt * arb(exact(self.high))).exp()
        return (moment + arb(exact(1 - self.chance)) * (-tilt * arb(exact(self.low))).exp()).log()

    def stopping(self, threshold: Fraction, limit: int) -> tuple[Fraction, Fraction, Fraction, Fraction, Fraction]:
        """(E N, E S_N, least S_N, greatest S_N, probability of giving up) of: stop at S >= K, or after `limit` samples; exact."""
        live, time, total = {Fraction(0): Fraction(1)}, Fraction(0), Fraction(0)
        stops: list[Fraction] = []
        gave_up = Fraction(0)
        for index in range(1, limit + 1):
            following: dict[Fraction, Fraction] = {}
            for value, mass in live.items():
                for gain, chance in ((self.high, self.chance), (self.low, 1 - self.chance)):
                    if not chance:
                        continue
                    new, weight = value + gain, mass * chance
                    if new >= threshold or index == limit:
                        time, total = time + index * weight, total + new * weight
                        gave_up += weight * (new < threshold)
                        stops.append(new)
                    else:
                        following[new] = following.get(new, Fraction(0)) + weight
            live = following
        return time, total, min(stops), max(stops), gave_up


def shtarkov(count: int) -> Fraction:
    """Sum of the greatest likelihoods of all sequences of `count` tosses under one coin: C of `recruitment.parameter_cost`."""
    return sum(
        (Fraction(comb(count, k) * k**k * (count - k) ** (count - k), count**count) for k in range(count + 1)), Fraction(0)
    )


__all__ = [
    "Crossing", "Gains", "exact", "finer_case", "first_crossings", "learned", "ln", "markov", "precision", "shtarkov", "steady",
]  # fmt: skip
