"""Rows to attack bounds with: random ones, two-level ones where many bounds are attained, and ones that a search made worst.

Random rows do not reach the edge of a sharp bound. The two-level row does, and so do the rows that gradient ascent finds; both are
captured as floats and judged as exact reals like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from flint import fmpq
from numpy.typing import NDArray
from scipy.optimize import minimize

from checks.enclosure import Row, rational
from checks.strategies import RowBatch

Objective = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


def block_flags(n: int, g: int) -> tuple[bool, ...]:
    """The first g of n keys form the block."""
    return tuple(index < g for index in range(n))


def random_rows(batch: RowBatch) -> Iterator[Row]:
    """The rows of a batch: normal scores, a tenth of them heavy-tailed, the block's raised by the gap."""
    rng = batch.rng
    scores = rng.standard_normal((batch.count, batch.n))
    heavy = rng.random(batch.count) < 0.1
    scores[heavy] = rng.standard_cauchy((int(heavy.sum()), batch.n)).clip(-1e6, 1e6)
    scores *= batch.scale
    scores[:, : batch.g] += batch.gap
    scores = scores.clip(-2000, 2000)  # 1 - e^-4000 still differs from 1 at the greatest precision of `claims`
    captured = scores.astype(batch.dtype).astype(np.float64)
    flags = block_flags(batch.n, batch.g)
    for index in range(batch.count):
        yield Row(tuple(captured[index].tolist()), flags, f"random {batch.dtype} row {index} of {batch}")


def two_level(n: int, g: int, t: float | fmpq, base: float | fmpq = 0.0) -> Row:
    """Score base + t on the block of g keys, base on the n - g others: gap exactly t, in rational arithmetic."""
    high, low = rational(base) + rational(t), rational(base)
    return Row((high,) * g + (low,) * (n - g), block_flags(n, g), f"two-level row n={n} g={g} t={t} base={base}")


EXTREMAL_SHAPES = (
    (2, 1, 0.0),
    (2, 1, 1.0),
    (4, 1, 0.5),
    (8, 2, 3.0),
    (16, 15, 0.125),
    (64, 8, 12.0),
    (64, 1, 40.0),
    (33, 32, 7.5),
)


def two_level_rows() -> list[Row]:
    """The standard two-level rows, g = 1 and g = n - 1 among them, from gap 0 to 40 nats."""
    return [two_level(n, g, t, base) for n, g, t in EXTREMAL_SHAPES for base in (0.0, 1.5, -2.0)]


def ordinary_rows() -> list[Row]:
    """A few rows that attain nothing: uneven scores inside and outside, positive, zero and negative margins."""
    scores = (
        (2.0, 1.0, 0.5, -1.0),
        (0.25, 3.0, 0.0, -2.0, 0.125),
        (-1.0, 0.0, 2.0),
        (5.0, 4.5, 4.0, 1.0, 0.0, -3.0, 0.5, 0.25),
    )
    return [Row(row, block_flags(len(row), 1 + len(row) // 4), f"ordinary row {index}") for index, row in enumerate(scores)]


def random_two_level(batch: RowBatch, least: float = 0.0) -> Iterator[Row]:
    """Two-level rows with n, g of the batch and random gaps of at least `least`; captured in the batch's dtype."""
    gaps = (least + batch.rng.exponential(max(abs(batch.gap), 1e-3), batch.count)).astype(batch.dtype).astype(np.float64)
    for gap in gaps.tolist():
        yield two_level(batch.n, batch.g, gap)


def nearly_two_level(batch: RowBatch) -> Iterator[Row]:
    """Two-level rows with every score moved by at most a few units in the last place: as close to the edge as floats come."""
    rng = batch.rng
    gap = abs(batch.gap)
    base = np.where(np.arange(batch.n) < batch.g, gap, 0.0).astype(batch.dtype)
    for index in range(batch.count):
        moved = base + np.spacing(base) * rng.integers(-3, 4, batch.n).astype(batch.dtype)
        yield Row(
            tuple(moved.astype(np.float64).tolist()), block_flags(batch.n, batch.g), f"near two-level row {index} of {batch}"
        )


def climb(objective: Objective, start: NDArray[np.float64], steps: int = 60) -> NDArray[np.float64]:
    """Scores that make `objective` (value and gradient) greatest near `start`, by L-BFGS; the result is only a candidate row."""

    def descend(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, gradient = objective(x)
        return -value, -gradient

    found = minimize(descend, start, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return np.where(np.isfinite(found.x), found.x, start)
