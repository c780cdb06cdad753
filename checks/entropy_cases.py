"""Cases of the family `entropy`: what each statement says of a row, of any distribution, and of shapes without a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TypeVar

import sympy as sp
from flint import arb, ctx, fmpq

from checks.claims import Case, row_case
from checks.enclosure import BITS, Row, RowError, Value, rational
from checks.rows import block_flags
from theory import symbols as sym
from theory.entropy import (
    at_outside_mass,
    ceiling,
    dual_form,
    entropy_ceiling,
    entropy_floor_size,
    exponential,
    floor,
    gap_bound,
    pointer,
    pointer_best,
    pointer_half,
    pointer_half_stronger,
    tier_mass_bound,
    tiers,
)
from theory.export.python import compile_expression
from theory.theorem import Theorem

NO_SLACK = fmpq(0)
Made = TypeVar("Made")
Extra = Callable[[int], Mapping[sp.Symbol, Value]]
OF_A_DISTRIBUTION = (dual_form, at_outside_mass, pointer, pointer_half, pointer_best)
OF_A_ROW = (*OF_A_DISTRIBUTION, ceiling, exponential, floor, gap_bound, tiers, tier_mass_bound)
_two_level_entropy = compile_expression(entropy_ceiling.stated, entropy_ceiling.args)
_floor_size = compile_expression(entropy_floor_size.stable, entropy_floor_size.args)


def at(bits: int, number: Callable[[], Made]) -> Made:
    """The number, or several, computed with `bits` of precision."""
    old, ctx.prec = ctx.prec, bits
    try:
        return number()
    finally:
        ctx.prec = old


def exact_case(values: Mapping[sp.Symbol, Value], origin: str, extremal: bool = False) -> Case:
    """A case whose values are exact, so that any precision may be asked of it."""
    return Case(values, origin, {str(symbol): str(value) for symbol, value in values.items()}, extremal, lambda bits: values)


def extended(case: Case, extra: Extra, extremal: bool) -> Case:
    """The case with further values, some of them computed to the precision asked for."""
    finer = case.finer
    deeper = None if finer is None else lambda bits: {**finer(bits), **extra(bits)}
    return Case({**case.values, **extra(BITS)}, case.origin, case.exact, extremal, deeper)


# --- any distribution ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Distribution:
    """Exact weights over n keys, zeros allowed, sum 1, the first g of them the block; 1 <= g <= n; RowError for all else."""

    weights: tuple[fmpq, ...]
    g: int
    origin: str

    def __post_init__(self) -> None:
        if not 1 <= self.g <= len(self.weights):
            raise RowError(f"distribution ({self.origin}): a block of {self.g} of {len(self.weights)} keys; it has 1 to n keys")
        if any(weight < 0 for weight in self.weights) or sum(self.weights, fmpq(0)) != 1:
            raise RowError(
                f"distribution ({self.origin}): weights are non-negative and sum to 1 exactly; give the exact quotients"
            )

    def observe(self, bits: int) -> dict[sp.Symbol, Value]:
        """n, g and exact outside mass and greatest weight; the entropy as a ball, with 0 ln 0 = 0."""
        return {
            sym.n: len(self.weights),
            sym.g: self.g,
            sym.eps: sum(self.weights[self.g :], fmpq(0)),
            sym.peak: max(self.weights),
            sym.entropy: at(bits, lambda: sum((-arb(p) * arb(p).log() for p in self.weights if p > 0), arb(0))),
        }

    @property
    def support(self) -> set[fmpq]:
        """The different positive weights."""
        return {weight for weight in self.weights if weight > 0}

    def case(self, t: fmpq | None = None, *, extremal: bool = False) -> Case:
        """The case of the distribution, with a real t for the dual form."""
        given = {} if t is None else {sym.t: t}
        exact = {"weights": [str(weight) for weight in self.weights], "g": self.g, "t": str(t)}
        return Case({**self.observe(BITS), **given}, self.origin, exact, extremal, lambda bits: {**self.observe(bits), **given})


def from_counts(counts: Sequence[int], g: int, origin: str) -> Distribution:
    """The distribution proportional to non-negative integers, not all zero."""
    total = sum(counts)
    if total <= 0:
        raise RowError(f"distribution ({origin}): all counts are zero; a distribution has some weight")
    return Distribution(tuple(fmpq(count, total) for count in counts), g, origin)


def cases_of_distribution(law: Distribution, t: fmpq) -> Iterator[tuple[Theorem, Case]]:
    """Every statement about distributions, at one real t."""
    inside, outside = set(law.weights[: law.g]), set(law.weights[law.g :])
    if outside and 0 < sum(law.weights[law.g :], fmpq(0)) < 1:
        yield at_outside_mass, law.case(extremal=len(inside) == len(outside) == 1)
    flat = len(law.support) == 1
    few = sum(weight > 0 for weight in law.weights)
    yield dual_form, law.case(t, extremal=flat and few == len(law.weights) and (t == 0 or not outside))
    yield pointer, law.case(extremal=flat)
    yield pointer_half, law.case(extremal=flat and few <= 2)
    yield pointer_best, law.case(extremal=flat)


# --- rows ---------------------------------------------------------------------------------------------------------------------


def cases_of_row(row: Row, *, far: bool = True) -> Iterator[tuple[Theorem, Case]]:
    """Every statement that speaks of one softmax row, with its measured margin and range; `far` adds the tiers."""
    case = row_case(row)
    n, flat = len(row.scores), len(set(row.scores)) == 1
    yield dual_form, case
    yield at_outside_mass, Case(case.values, case.origin, case.exact, row.two_level, case.finer)
    for theorem, attained in ((pointer, flat), (pointer_half, flat and n == 2), (pointer_best, flat)):
        yield theorem, Case(case.values, case.origin, case.exact, attained, case.finer)
    if not flat:
        yield floor, floor_case(row, case)
        yield gap_bound, gap_case(case)
    if case.values[sym.margin] >= 0:
        yield ceiling, case
        yield exponential, case
        if far:
            yield from tier_cases(row, case)


def _two_level_at(n: int, k: int, spread: fmpq) -> arb:
    return arb(_two_level_entropy(n, k, arb(spread)))


def _with_mass(given: Mapping[sp.Symbol, Value], mass: Callable[[], arb], bits: int) -> dict[sp.Symbol, Value]:
    return {**given, sym.tier_mass: at(bits, mass)}


@lru_cache(maxsize=100_000)
def floor_sizes(n: int, spread: fmpq) -> tuple[int, int]:
    """The whole number below r0(n, R) and whichever of it and the next leaves the two-level row less entropy; R > 0."""
    for bits in (BITS, 8 * BITS, 64 * BITS):
        whole = at(bits, lambda: arb(_floor_size(n, arb(spread))).floor()).unique_fmpz()
        if whole is not None:
            k = int(whole)
            here, there = (at(bits, partial(_two_level_at, n, size, spread)) for size in (k, k + 1))
            return k, k + int(bool(here - there > 0))
    raise ValueError(f"r0({n}, {spread}) is too near a whole number to round down with {64 * BITS} bits")


def worst_end(row: Row, low: int, high: int) -> bool:
    """Whether the row attains the greater of the ceilings for blocks of `low` and `high` keys, at its own length and margin."""
    g, n = sum(row.block), len(row.scores)
    if not row.two_level or g not in (low, high):
        return row.two_level and len(set(row.scores)) == 1
    gap = max(map(rational, row.scores)) - min(map(rational, row.scores))
    own, other = (arb(_two_level_entropy(n, size, arb(gap))) for size in (g, low + high - g))
    return low == high or gap == 0 or bool(own > other)


def floor_case(row: Row, case: Case, slack: fmpq = NO_SLACK) -> Case:
    """The floor of a row for its own range, or for one that is greater by `slack`."""
    spread = case.values[sym.score_range]
    claimed = spread + slack
    k, best = floor_sizes(len(row.scores), claimed)
    levels, top = set(row.scores), max(row.scores)
    attained = slack == 0 and len(levels) == 2 and sum(score == top for score in row.scores) == best
    return extended(case, lambda bits: {sym.spread: spread, sym.score_range: claimed, sym.top_size: k}, attained)


def gap_case(case: Case, slack: fmpq = NO_SLACK) -> Case:
    """The gap to ln n of a row for its own range, or for one that is greater by `slack`."""
    spread = case.values[sym.score_range]
    return extended(case, lambda bits: {sym.spread: spread, sym.score_range: spread + slack}, False)


def tier_cases(row: Row, case: Case, sizes: Sequence[int] | None = None) -> Iterator[tuple[Theorem, Case]]:
    """The keys outside in tiers by score (three of nearly equal size unless `sizes` are given), each with its measured gap."""
    low = min(rational(x) for x, flag in zip(row.scores, row.block, strict=True) if flag)
    outside = sorted((rational(x) for x, flag in zip(row.scores, row.block, strict=True) if not flag), reverse=True)
    if sizes is None:
        third = -(-len(outside) // 3)
        sizes = [len(outside[start : start + third]) for start in range(0, len(outside), third)]
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    parts = [outside[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    gaps = [low - part[0] for part in parts]
    yield tiers, tiers_case(case, [(gap, len(part)) for gap, part in zip(gaps, parts, strict=True)], fmpq(0))
    top = rational(max(row.scores))

    def mass(part: Sequence[fmpq]) -> Callable[[], arb]:
        total = [rational(x) - top for x in row.scores]
        return lambda: sum((arb(x - top).exp() for x in part), arb(0)) / sum((arb(x).exp() for x in total), arb(0))

    for gap, part in ((gaps[0], parts[0]), (gaps[-1], parts[-1])):
        number = mass(part)
        given: dict[sp.Symbol, Value] = {sym.t: gap, sym.tier_size: len(part), sym.tier_top: part[0]}
        yield tier_mass_bound, extended(case, partial(_with_mass, given, number), False)


def tiers_case(case: Case, claimed: Sequence[tuple[fmpq, int]], slack: fmpq) -> Case:
    """The tier bound for claimed gaps with their numbers of keys; `slack`: least excess of a measured gap over its claim."""

    def total() -> arb:
        return sum(((1 + arb(gap)) * (-arb(gap)).exp() * size for gap, size in claimed), arb(0))

    least = min(gap for gap, _ in claimed)
    return extended(case, lambda bits: {sym.tier_slack: slack, sym.tier_least: least, sym.tier_sum: at(bits, total)}, False)


def tier_row(sizes: Sequence[int], gaps: Sequence[fmpq], origin: str) -> Row:
    """The row whose tiers of these sizes lie exactly these gaps below the first; the first is the block and has gap 0."""
    scores = tuple(-gap for gap, size in zip(gaps, sizes, strict=True) for _ in range(size))
    return Row(scores, block_flags(len(scores), sizes[0]), origin)


def half_stronger_case(entropy: fmpq | arb, origin: str, *, extremal: bool = False) -> tuple[Theorem, Case]:
    """The comparison of the two pointer bounds at an entropy of at most ln 2."""
    return pointer_half_stronger, Case({sym.entropy: entropy}, origin, {"H": str(entropy)}, extremal)
