"""Masses of rules over the rows of a layer, certified: before and after, alone and together, and what was paid for them.

A row is reduced to cells: the visible keys that the same rules name. Masses, divergences and log-odds under any strengths follow from
the cells' weights, which are Arb sums of exponentials of captured scores taken as exact reals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from flint import arb, ctx, fmpq
from numpy.typing import NDArray

BITS = 256
Pattern = tuple[bool, ...]  # which rules name the keys of a cell


@dataclass(frozen=True)
class Cells:
    """One query row: the weight of each cell, relative to the row's greatest score, and where the row is."""

    weights: tuple[tuple[Pattern, arb], ...]
    place: str

    @property
    def patterns(self) -> frozenset[Pattern]:
        """The cells that have keys."""
        return frozenset(pattern for pattern, _ in self.weights)


def cells_of(scores: Sequence[float], named: Sequence[Pattern], place: str) -> Cells:
    """The cells of a row of exact scores; `named` says for every visible key which rules name it."""
    with ctx.workprec(BITS):
        top, found = max(scores), dict[Pattern, arb]()
        for score, pattern in zip(scores, named, strict=True):
            found[pattern] = found.get(pattern, arb(0)) + (arb(score) - arb(top)).exp()
        return Cells(tuple(sorted(found.items())), place)


def added(pattern: Pattern, strengths: Sequence[arb | fmpq]) -> arb:
    """What the rules add to a key of this cell (nats)."""
    return sum((arb(b) for b, named in zip(strengths, pattern, strict=True) if named), arb(0))


@dataclass(frozen=True)
class RowMasses:
    """One row under some strengths: mass of every rule's keys and of the others, divergence from the row without rules (nats)."""

    inside: tuple[arb, ...]
    outside: tuple[arb, ...]
    divergence: arb

    def log_odds(self, rule: int) -> arb:
        """Log-odds of a rule's keys; the row has keys in and out of it."""
        return (self.inside[rule] / self.outside[rule]).log()


def masses(row: Cells, strengths: Sequence[arb | fmpq]) -> RowMasses:
    """Masses of a row with the rules at these strengths."""
    with ctx.workprec(BITS):
        count = len(strengths)
        tilts = [added(pattern, strengths) for pattern, _ in row.weights]
        base = max(tilts, key=lambda t: float(t.mid()))
        lifted = [w * (t - base).exp() for (_, w), t in zip(row.weights, tilts, strict=True)]
        total, before = sum(lifted, arb(0)), sum((w for _, w in row.weights), arb(0))
        shares = [w / total for w in lifted]
        split = [
            tuple(
                sum((s for (p, _), s in zip(row.weights, shares, strict=True) if p[k] is side), arb(0))
                for side in (True, False)
            )
            for k in range(count)
        ]
        # sum of a' (ln a' - ln a): keys of one cell change by the same factor
        change = [t - base - (total / before).log() for t in tilts]
        paid = sum((s * x for s, x in zip(shares, change, strict=True)), arb(0))
        return RowMasses(tuple(i for i, _ in split), tuple(o for _, o in split), paid)


@dataclass(frozen=True)
class Rows:
    """The rows of a layer under one rule set, and which of them each rule acts on: those with visible keys in and out of it."""

    rows: tuple[Cells, ...]
    count: int  # rules

    @cached_property
    def acting(self) -> tuple[tuple[int, ...], ...]:
        """For every rule the rows that it acts on."""
        return tuple(
            tuple(i for i, row in enumerate(self.rows) if {p[k] for p in row.patterns} == {True, False})
            for k in range(self.count)
        )

    @cached_property
    def full(self) -> tuple[int, ...]:
        """For every rule the number of rows all of whose visible keys it names."""
        return tuple(sum({p[k] for p in row.patterns} == {True} for row in self.rows) for k in range(self.count))

    @cached_property
    def kinds(self) -> Counter[frozenset[Pattern]]:
        """How many rows have which cells."""
        return Counter(row.patterns for row in self.rows)

    def at(self, strengths: Sequence[arb | fmpq]) -> list[RowMasses]:
        """Masses of every row."""
        return [masses(row, strengths) for row in self.rows]

    def floats(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights [rows, cells] and patterns [cells, rules] in float64, for a search: absent cells have weight 0."""
        every = sorted({p for row in self.rows for p in row.patterns})
        weights = np.zeros((len(self.rows), len(every)))
        for i, row in enumerate(self.rows):
            for pattern, weight in row.weights:
                weights[i, every.index(pattern)] = float(weight.mid())
        return weights, np.array(every, dtype=np.float64).reshape(len(every), self.count)


def mean(balls: Iterable[arb]) -> arb:
    """Mean of some balls."""
    with ctx.workprec(BITS):
        values = list(balls)
        return sum(values, arb(0)) / len(values)


def rational(value: Fraction | float) -> fmpq:
    """An exact number as Arb takes it."""
    return fmpq(*value.as_integer_ratio())
