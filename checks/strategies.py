"""Hypothesis strategies for rows, batches of rows and configurations: users may test their own layers with them.

Hypothesis draws shapes, scales and seeds; NumPy draws the numbers. Drawing 64 floats one by one costs 5 ms, drawing a seed 1 ms, so
one example is a batch of at least a thousand rows, or a fleet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class RowBatch:
    """A recipe for `count` rows of n keys with a block of g: everything else follows from the seed."""

    seed: int
    n: int
    g: int
    scale: float  # standard deviation of the scores, nats
    gap: float  # added to the scores in the block, nats; any sign
    count: int
    dtype: str  # "float32" or "float64": the precision the scores are captured in

    @property
    def rng(self) -> np.random.Generator:
        """The generator of the batch; each call starts it anew."""
        return np.random.default_rng(self.seed)


SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def row_batches(draw: st.DrawFn, *, max_keys: int = 64, count: int = 1000, least_gap: float = -8.0) -> RowBatch:
    """Batches of rows from 2 to `max_keys` keys, with the edges (g = 1, g = n - 1, equal scores, huge scores) drawn often."""
    n = draw(st.one_of(st.integers(2, 6), st.integers(2, max_keys)))
    g = draw(st.one_of(st.just(1), st.just(n - 1), st.integers(1, n - 1)))
    scale = draw(st.sampled_from((0.0, 1e-6, 0.1, 1.0, 3.0, 10.0, 200.0)))
    gap = draw(st.floats(least_gap, 40.0, allow_nan=False))
    return RowBatch(draw(SEEDS), n, g, scale, gap, count, draw(st.sampled_from(("float32", "float64"))))
