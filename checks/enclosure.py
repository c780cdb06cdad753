"""Observables of an attention row as Arb balls, from captured float scores taken as exact reals.

A float is a dyadic rational; nothing is rounded on the way in. Margin and range are exact rationals, everything with an exponential
is a ball that contains the true value for these scores. A row that is no row (NaN, infinite, empty block, no key outside) is a
`RowError`; it never gets numbers that a comparison could pass on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, Any

import sympy as sp
from flint import arb, ctx, fmpq

from theory import symbols as sym

if TYPE_CHECKING:
    import numpy as np

Value = int | fmpq | arb
BITS = 128


class RowError(ValueError):
    """Scores and block do not form a row the statements speak of."""


@dataclass(frozen=True)
class Row:
    """Scores of the visible keys of one query, exact, and which of them form the block.

    scores: finite floats (float32 values are exact as float64) or rationals; temperature divided out.
    block: True on G; 1 <= g <= n - 1.
    """

    scores: tuple[float | fmpq, ...]
    block: tuple[bool, ...]
    origin: str = "given"

    def __post_init__(self) -> None:
        where = f"row ({self.origin})"
        if len(self.scores) != len(self.block):
            raise RowError(
                f"{where}: {len(self.scores)} scores and {len(self.block)} block flags; a row has one flag a visible key"
            )
        for index, score in enumerate(self.scores):
            if isinstance(score, float) and not isfinite(score):
                raise RowError(
                    f"{where}: key {index} has score {score}; scores are finite, and a masked key is removed, not -inf"
                )
        inside = sum(self.block)
        if not 1 <= inside <= len(self.block) - 1:
            raise RowError(
                f"{where}: {inside} of {len(self.block)} visible keys are in the block; the statements need 1 <= g <= n - 1. "
                "An empty block has no guarantee; with all keys in the block there is no outside mass to bound."
            )

    @property
    def exact(self) -> dict[str, Any]:
        """The row in JSON, losslessly: hexadecimal floats or p/q."""
        return {
            "scores": [x.hex() if isinstance(x, float) else str(x) for x in self.scores],
            "block": [int(flag) for flag in self.block],
        }

    @property
    def two_level(self) -> bool:
        """Whether the scores are constant on the block and constant outside, exactly: the equality case of many bounds."""
        return all(
            len({x for x, flag in zip(self.scores, self.block, strict=True) if flag is side}) == 1 for side in (True, False)
        )


def rational(x: float | int | fmpq | Fraction) -> fmpq:
    """The exact rational value of a finite float, integer or fraction."""
    if isinstance(x, fmpq):
        return x
    return fmpq(*x.as_integer_ratio())


def observe(row: Row, bits: int = BITS) -> dict[sp.Symbol, Value]:
    """The symbols of a row: n, g, m and exact margin and range R; soft margin, outside mass, fidelity, entropy, peak as balls."""
    old, ctx.prec = ctx.prec, bits
    try:
        inside = [x for x, flag in zip(row.scores, row.block, strict=True) if flag]
        outside = [x for x, flag in zip(row.scores, row.block, strict=True) if not flag]
        top = max(row.scores)
        shifts_in, weights_in = _shifted(inside, top)
        shifts_out, weights_out = _shifted(outside, top)
        mass_in, mass_out = sum(weights_in, arb(0)), sum(weights_out, arb(0))
        total = mass_in + mass_out
        spread = sum((d * w for d, w in zip(shifts_in + shifts_out, weights_in + weights_out, strict=True)), arb(0))
        # H = log Z + E[top - s]: both terms are non-negative, so nothing cancels.
        return {
            sym.n: len(row.scores),
            sym.g: len(inside),
            sym.m: len(outside),
            sym.low_in: rational(min(inside)),
            sym.top_in: rational(max(inside)),
            sym.top_out: rational(max(outside)),
            sym.mean_out: sum(map(rational, outside), fmpq(0)) / len(outside),
            sym.margin: rational(min(inside)) - rational(max(outside)),
            sym.score_range: rational(top) - rational(min(row.scores)),
            sym.soft_margin: mass_in.log() - mass_out.log(),
            sym.eps: mass_out / total,
            sym.fidelity: mass_in / total,
            sym.entropy: total.log() + spread / total,
            sym.peak: 1 / total,
        }
    finally:
        ctx.prec = old


def _shifted(scores: Sequence[float | fmpq], top: float | fmpq) -> tuple[list[arb], list[arb]]:
    base = arb(top)
    shifts = [base - arb(x) for x in scores]
    return shifts, [(-d).exp() for d in shifts]


def rows_of(scores: np.ndarray, block: np.ndarray, visible: np.ndarray | None, origin: str) -> Iterator[Row]:
    """The rows of captured scores `[rows, n]` with boolean `block` and `visible` of the same shape; removed keys are left out.

    A query with no outside key or an empty block is skipped here (the bounds say nothing of it); a non-finite score raises RowError.
    """
    for index in range(scores.shape[0]):
        keep = slice(None) if visible is None else visible[index]
        flags = block[index][keep]
        if 0 < int(flags.sum()) < flags.shape[0]:
            yield Row(tuple(map(float, scores[index][keep])), tuple(map(bool, flags)), f"{origin}, row {index}")


def merge(*parts: Mapping[sp.Symbol, Value]) -> dict[sp.Symbol, Value]:
    """One assignment from several; a symbol given twice is an error."""
    merged: dict[sp.Symbol, Value] = {}
    for part in parts:
        twice = merged.keys() & part.keys()
        if twice:
            raise ValueError(f"symbols {sorted(map(str, twice))} are given twice; a case has one value for each")
        merged.update(part)
    return merged
