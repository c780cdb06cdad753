"""Rows on the dial: exact content, a block, a strength; every observable of `theory.dial` at exact settings, as Arb balls.

A score at setting d is the rational number content + beta d on the block. Nothing is computed by the formulas under test:
weights come from exponentials of the scores, entropies from the weights, rates from power series in d, outputs from weights
and values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp
from flint import arb, arb_series, ctx, fmpq

from checks.claims import Case
from checks.enclosure import BITS, Row, Value, rational
from theory import symbols as sym

Setting = fmpq | Callable[[], arb]  # exact, or a real number enclosed at the working precision
Vector = tuple[fmpq, ...]
ONE = fmpq(1)


@dataclass(frozen=True)
class DialRow:
    """A row before the dial: exact content scores (nats), block flags, strength beta > 0, and optionally a value a key."""

    content: tuple[fmpq, ...]
    block: tuple[bool, ...]
    beta: fmpq
    origin: str
    values: tuple[Vector, ...] = ()

    def at(self, setting: fmpq) -> Row:
        """The row of scores at an exact setting; also refuses what is no row."""
        lift = self.beta * setting
        scores = tuple(x + lift if flag else x for x, flag in zip(self.content, self.block, strict=True))
        return Row(scores, self.block, f"{self.origin}, d = {setting}")

    @cached_property
    def inside(self) -> tuple[fmpq, ...]:
        """Content scores in the block."""
        return tuple(x for x, flag in zip(self.content, self.block, strict=True) if flag)

    @cached_property
    def outside(self) -> tuple[fmpq, ...]:
        """Content scores outside the block."""
        return tuple(x for x, flag in zip(self.content, self.block, strict=True) if not flag)

    @property
    def lead(self) -> fmpq:
        """R_0: greatest content score outside the block minus the least inside."""
        return max(self.outside) - min(self.inside)

    @cached_property
    def exact(self) -> dict[str, Any]:
        """The row in JSON, losslessly."""
        return {"content": [str(x) for x in self.content], "block": [int(flag) for flag in self.block], "beta": str(self.beta)}

    @cached_property
    def two_level(self) -> bool:
        """Whether content is constant in the block and constant outside."""
        return len(set(self.inside)) == 1 == len(set(self.outside))

    @cached_property
    def two_point(self) -> bool:
        """Whether values are one point in the block and one point outside."""
        return all(len(set(side)) == 1 for side in self.value_sides())

    def value_sides(self) -> tuple[list[Vector], list[Vector]]:
        """Values of the keys in the block and of those outside."""
        pairs = list(zip(self.values, self.block, strict=True))
        return [x for x, flag in pairs if flag], [x for x, flag in pairs if not flag]


def dial_row(row: Row, beta: fmpq = ONE, values: Sequence[Sequence[float | fmpq]] = ()) -> DialRow:
    """The scores of a row taken as content."""
    exact = tuple(tuple(map(rational, value)) for value in values)
    return DialRow(tuple(map(rational, row.scores)), row.block, beta, row.origin, exact)


@dataclass(frozen=True)
class Weights:
    """Unnormalised weights of one row at one setting, relative to its greatest score, and what follows from them."""

    inside: list[arb]
    outside: list[arb]
    below: list[arb]  # greatest score minus score, block first

    @cached_property
    def sums(self) -> tuple[arb, arb]:
        """Weight of the block and of the outside."""
        return sum(self.inside, arb(0)), sum(self.outside, arb(0))

    @property
    def eps(self) -> arb:
        """Outside mass."""
        return self.sums[1] / (self.sums[0] + self.sums[1])

    @property
    def fidelity(self) -> arb:
        """Mass of the block."""
        return self.sums[0] / (self.sums[0] + self.sums[1])

    @property
    def entropy(self) -> arb:
        """Entropy (nats): log of the total plus the mean distance from the top."""
        return _entropy(self.inside + self.outside, self.below)

    @property
    def parts(self) -> tuple[arb, arb]:
        """Conditional entropies (nats) inside the block and outside."""
        g = len(self.inside)
        return _entropy(self.inside, self.below[:g]), _entropy(self.outside, self.below[g:])

    def means(self, row: DialRow) -> tuple[list[arb], list[arb]]:
        """Mean values inside and outside, under the conditional weights."""
        both = []
        for weights, vectors, total in zip((self.inside, self.outside), row.value_sides(), self.sums, strict=True):
            both.append([_dot(weights, coordinate) / total for coordinate in zip(*vectors, strict=True)])
        return both[0], both[1]

    def output(self, row: DialRow) -> list[arb]:
        """The output of the row: all values under all weights."""
        total = self.sums[0] + self.sums[1]
        sides = row.value_sides()
        weights = self.inside + self.outside
        return [_dot(weights, coordinate) / total for coordinate in zip(*sides[0], *sides[1], strict=True)]


def _entropy(weights: list[arb], below: list[arb]) -> arb:
    total = sum(weights, arb(0))
    return total.log() + _dot_arb(weights, below) / total


def _dot(weights: Sequence[arb], numbers: Sequence[fmpq]) -> arb:
    return sum((w * arb(x) for w, x in zip(weights, numbers, strict=True)), arb(0))


def _dot_arb(left: Sequence[arb], right: Sequence[arb]) -> arb:
    return sum((x * y for x, y in zip(left, right, strict=True)), arb(0))


def number(setting: Setting) -> fmpq | arb:
    """A setting as a number at the working precision."""
    return setting if isinstance(setting, fmpq) else setting()


def weigh(row: DialRow, setting: Setting) -> Weights:
    """Weights of a row at a setting."""
    d = number(setting)
    if isinstance(d, fmpq):
        lift = row.beta * d
        top = max(max(row.inside) + lift, max(row.outside))
        below = [arb(top - x - lift) for x in row.inside] + [arb(top - x) for x in row.outside]
    else:
        # the top moves with d: measured from the outside, which does not
        base = max(row.outside)
        below = [arb(base - x) - arb(row.beta) * d for x in row.inside] + [arb(base - x) for x in row.outside]
    weights = [(-x).exp() for x in below]
    g = len(row.inside)
    return Weights(weights[:g], weights[g:], below)


def distance(left: Sequence[arb], right: Sequence[arb]) -> arb:
    """Euclidean distance as a ball; never nan where the two points may be one."""
    square = sum(
        ((x - y) * (x - y) for x, y in zip(left, right, strict=True)), arb(0)
    )  # a ball around 0 to the power 2 is nan in Arb
    if not square.is_finite():
        return square
    low, high = square.lower(), square.upper()
    return (low.sqrt() if low > 0 else arb(0)).union(high.sqrt() if high > 0 else arb(0))


def at_precision(values: Callable[[], dict[sp.Symbol, Value]]) -> Callable[[int], dict[sp.Symbol, Value]]:
    """The same values at any precision."""

    def finer(bits: int) -> dict[sp.Symbol, Value]:
        old, ctx.prec = ctx.prec, bits
        try:
            return values()
        finally:
            ctx.prec = old

    return finer


def row_observables(row: DialRow, setting: Setting, other: fmpq) -> dict[sp.Symbol, Value]:
    """Symbols of the statements about weights and entropies; claimed bounds on lead and range are the measured ones."""
    here, there, start = weigh(row, setting), weigh(row, other), weigh(row, fmpq(0))
    d = number(setting)
    entropy_in, entropy_out = start.parts
    in_sum, out_sum = (sum((arb(x).exp() for x in side), arb(0)) for side in (row.inside, row.outside))
    moments = [_dot([arb(x).exp() for x in side], side) for side in (row.inside, row.outside)]
    top_out = max(row.outside)
    spread = max(row.content) - min(row.content)
    return {
        sym.n: len(row.content), sym.g: len(row.inside), sym.beta: row.beta, sym.dial: d, sym.dial_other: other,
        sym.content_lead: row.lead, sym.lead_bound: row.lead, sym.content_spread: spread, sym.score_range: spread or fmpq(1,
            2**20),
        sym.margin: min(row.inside) + row.beta * d - top_out if isinstance(d, fmpq) else arb(-row.lead) + arb(row.beta) * d,
        sym.eps: here.eps, sym.fidelity: here.fidelity, sym.eps0: start.eps, sym.fidelity0: start.fidelity,
        sym.fidelity_other: there.fidelity, sym.entropy: here.entropy, sym.entropy_other: there.entropy,
        sym.entropy_in: entropy_in, sym.entropy_out: entropy_out,
        sym.content_advantage: _advantage(row, start),
        sym.sum_in0: in_sum, sym.sum_out: out_sum, sym.moment_in: moments[0], sym.moment_out: moments[1],
        sym.total_variation: _total_variation(here), sym.divergence: _divergence(here),
    }  # fmt: skip


def _advantage(row: DialRow, start: Weights) -> Value:
    """Mean content inside minus mean content outside; exact where both sides are constant, so that the sign is decided."""
    if row.two_level:
        return row.inside[0] - row.outside[0]
    return _dot(start.inside, row.inside) / start.sums[0] - _dot(start.outside, row.outside) / start.sums[1]


def _total_variation(row: Weights) -> arb:
    """Half the sum of |a_j - a|G_j| over all keys."""
    mass, outside = row.sums
    total = mass + outside
    return (sum((abs(w / mass - w / total) for w in row.inside), arb(0)) + sum((w / total for w in row.outside), arb(0))) / 2


def _divergence(row: Weights) -> arb:
    """Sum of a|G ln(a|G / a) over the block."""
    mass, outside = row.sums
    total = mass + outside
    return sum((w / mass * ((w / mass) / (w / total)).log() for w in row.inside), arb(0))


def conditional_weights(row: DialRow, setting: Setting, key: int, inside: bool) -> dict[sp.Symbol, Value]:
    """Weight of one key given its side, at a setting and at 0."""
    found = []
    for at in (setting, fmpq(0)):
        weights = weigh(row, at)
        total = weights.sums[0] + weights.sums[1]
        side, mass = (weights.inside, weights.fidelity) if inside else (weights.outside, weights.eps)
        found.append(side[key] / total / mass)
    return {sym.n: len(row.content), sym.g: len(row.inside), sym.conditional: found[0], sym.conditional0: found[1]}


def rates(row: DialRow, setting: fmpq) -> dict[sp.Symbol, Value]:
    """Derivatives of outside mass and entropy in d, from power series of the weights in d: automatic, and enclosed."""
    old, ctx.cap = ctx.cap, 2
    try:
        base = max(row.outside)
        lift = row.beta * setting
        scores = [arb_series([arb(x + lift - base), arb(row.beta)], 2) for x in row.inside]
        scores += [arb_series([arb(x - base)], 2) for x in row.outside]
        weights = [score.exp() for score in scores]
        total = sum(weights[1:], weights[0])
        outside = sum(weights[len(row.inside) + 1 :], weights[len(row.inside)])
        mean = sum((w * s for w, s in zip(weights[1:], scores[1:], strict=True)), weights[0] * scores[0]) / total
        return {sym.mass_rate: (outside / total)[1], sym.entropy_rate: (total.log() - mean)[1]}
    finally:
        ctx.cap = old


def output_observables(row: DialRow, setting: fmpq, other: fmpq, coordinate: int = 0) -> dict[sp.Symbol, Value]:
    """Symbols of the statements about outputs: distances, the cross diameter of the values, one coordinate of the segment."""
    here, there = weigh(row, setting), weigh(row, other)
    mean_in, mean_out = weigh(row, fmpq(0)).means(row)
    output = here.output(row)
    values_in, values_out = row.value_sides()
    cross = max(
        (sum(((x - y) ** 2 for x, y in zip(p, q, strict=True)), fmpq(0)) for p in values_in for q in values_out),
        default=fmpq(0),
    )
    return {
        sym.n: len(row.content), sym.g: len(row.inside), sym.beta: row.beta, sym.dial: setting, sym.dial_other: other,
        sym.content_lead: row.lead, sym.lead_bound: row.lead, sym.eps: here.eps, sym.fidelity: here.fidelity,
        sym.output: output[coordinate], sym.mean_value_in: mean_in[coordinate], sym.mean_value_out: mean_out[coordinate],
        sym.output_gap: distance(output, there.output(row)), sym.mean_gap: distance(mean_in, mean_out),
        sym.cut_gap: distance(output, mean_in), sym.D_x: arb(cross).sqrt(),
    }  # fmt: skip


def case_of(
    values: Callable[[], dict[sp.Symbol, Value]],
    row: DialRow,
    setting: fmpq | str,
    other: fmpq | None = None,
    *,
    extremal: bool = False,
) -> Case:
    """A case of a row at a setting (and another), with finer values on demand."""
    finer = at_precision(values)
    exact = row.exact | {"d": str(setting)} | ({} if other is None else {"d2": str(other)})
    return Case(finer(BITS), f"{row.origin}, d = {setting}", exact, extremal, finer)
