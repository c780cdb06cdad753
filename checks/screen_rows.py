"""Rows made to break the float64 screen: where rounding is worst, where weights vanish, where bounds are attained, and long ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from checks.strategies import SEEDS

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
LONGEST = 2**20


@dataclass(frozen=True)
class HostileBatch:
    """A recipe for `count` rows of n keys with a block of g, all of one kind; the rest follows from the seed."""

    seed: int
    kind: str
    n: int
    g: int
    count: int

    def rows(self) -> tuple[Floats, Flags, Flags]:
        """Scores, block and visibility [count, n + hidden]; hidden keys have scores that would spoil a sum."""
        rng = np.random.default_rng(self.seed)
        block = np.zeros((self.count, self.n), dtype=np.bool_)
        block[:, : self.g] = True
        with np.errstate(over="ignore"):
            scores = np.clip(KINDS[self.kind](rng, block), -np.finfo(np.float64).max, np.finfo(np.float64).max)
        hidden = int(rng.integers(0, 4)) if self.n <= 64 else 0
        spoil = rng.choice([np.nan, np.inf, -np.inf, 1e308, 0.0], (self.count, hidden))
        order = rng.permutation(self.n + hidden)
        visible = np.ones((self.count, self.n + hidden), dtype=np.bool_)
        visible[:, self.n :] = False
        return (
            np.concatenate([scores, spoil], 1)[:, order],
            np.concatenate([block, rng.random((self.count, hidden)) < 0.5], 1)[:, order],
            visible[:, order],
        )


def _units(rng: np.random.Generator, x: Floats, most: int = 3) -> Floats:
    """Every number moved by a few units in the last place."""
    return x + np.spacing(x) * rng.integers(-most, most + 1, x.shape)


def _scale(rng: np.random.Generator, block: Flags, least: float, most: float) -> Floats:
    """One number a row, its logarithm to base ten uniform."""
    return np.asarray(10 ** rng.uniform(least, most, (block.shape[0], 1)))


def equal(rng: np.random.Generator, block: Flags) -> Floats:
    """All scores equal: uniform attention, margin 0."""
    return np.broadcast_to(rng.standard_normal((block.shape[0], 1)) * _scale(rng, block, -320, 307), block.shape)


def two_levels(rng: np.random.Generator, block: Flags) -> Floats:
    """The equality case of the bounds, from margins that are no normal number to those beyond e^708; either side on top."""
    gap = _scale(rng, block, -323, 3.1) * rng.choice([1.0, 1.0, 1.0, -1.0], (block.shape[0], 1))
    base = rng.choice([0.0, 0.0, 1.5, 1e3], (block.shape[0], 1))
    return np.where(block, base + gap, base)


def nearly_two_levels(rng: np.random.Generator, block: Flags) -> Floats:
    """Two levels, every score moved by a few units in the last place: gaps to the bounds of the size of the radii."""
    gap = _scale(rng, block, -3, 2.85)
    return _units(rng, np.where(block, gap, rng.choice([1e-300, 1.0], (block.shape[0], 1))))


def slightly_apart(rng: np.random.Generator, block: Flags) -> Floats:
    """Two levels and noise far smaller than their gap, so that slack and radius are of any ratio."""
    gap = _scale(rng, block, -2, 2)
    return np.where(block, gap, 0.0) + rng.standard_normal(block.shape) * gap * _scale(rng, block, -17, -6)


def ordinary(rng: np.random.Generator, block: Flags) -> Floats:
    """Normal scores of any scale, half of them with the block raised."""
    scale = _scale(rng, block, -12, 2.5)
    raised = rng.random((block.shape[0], 1)) < 0.5
    return rng.standard_normal(block.shape) * scale + np.where(block & raised, 6 * scale, 0.0)


def spreads(rng: np.random.Generator, block: Flags) -> Floats:
    """Scores up to the greatest float, whose differences may overflow."""
    return np.asarray(rng.uniform(-1.79, 1.79, block.shape) * _scale(rng, block, 2, 308))


def denormal(rng: np.random.Generator, block: Flags) -> Floats:
    """Scores that are small multiples of the least float."""
    return np.asarray(rng.integers(-9, 10, block.shape) * np.float64(5e-324))


def vanishing(rng: np.random.Generator, block: Flags) -> Floats:
    """Weights at the end of the exponential's range and of the floats: some are taken as 0, the rest are the least there are."""
    far = -np.asarray(rng.choice([700.0, 707.9, 708.0, 708.1, 720.0, 744.0, 745.2], (block.shape[0], 1)))
    upside = rng.random((block.shape[0], 1)) < 0.3
    return _units(rng, np.where(block ^ upside, rng.choice([0.0, 1e-9, 0.3], (block.shape[0], 1)), far)) + np.where(
        rng.random(block.shape) < 0.2, rng.uniform(-3, 3, block.shape), 0.0
    )


def rounded_differences(rng: np.random.Generator, block: Flags) -> Floats:
    """Differences that lie halfway between two floats, just above a power of two, where rounding is worst; many nats each."""
    power = 2.0 ** rng.integers(0, 10, (block.shape[0], 1))
    last = np.spacing(power)
    far = -(power + last * rng.integers(0, 9, block.shape))
    top = last * rng.choice([0.49, 0.5, 0.51], (block.shape[0], 1))
    low = rng.random((block.shape[0], 1)) < 0.8
    return np.asarray(np.where(block == low, top, far))


def offsets(rng: np.random.Generator, block: Flags) -> Floats:
    """Scores far from 0, of which few digits are left."""
    return np.asarray(rng.standard_normal(block.shape) * 30 + _scale(rng, block, 3, 15.5))


def lost_terms(rng: np.random.Generator, block: Flags) -> Floats:
    """A few keys on top, the others with weights about half a unit of the sum: every addition loses, or gains, all it can."""
    tops = 2 ** int(rng.integers(0, 7))
    weights = 2.0**-53 * (tops / min(tops, 8)) * rng.choice([0.49, 0.51, 0.98, 1.02, 1.5], (block.shape[0], 1))
    x = np.broadcast_to(np.log(weights), block.shape).copy()
    x[:, : min(tops, block.shape[1] - 1)] = 0.0
    return np.asarray(rng.permuted(x, axis=1) if rng.random() < 0.5 else x)


KINDS: dict[str, Callable[[np.random.Generator, Flags], Floats]] = {
    maker.__name__.replace("_", " "): maker
    for maker in (equal, two_levels, nearly_two_levels, slightly_apart, ordinary, spreads, denormal, vanishing, rounded_differences,
                  offsets, lost_terms)
}  # fmt: skip
FEW_LEVELS = ("equal", "two levels", "lost terms")
"""Kinds whose rows have few different scores, so that Arb sums a million keys at once."""


@st.composite
def hostile_batches(draw: st.DrawFn) -> HostileBatch:
    """Batches of every kind, from two keys to a million, blocks of one key and of all but one drawn often."""
    kind = draw(st.sampled_from(tuple(KINDS)))
    long = kind in FEW_LEVELS and draw(st.integers(0, 3)) == 0
    n = draw(st.sampled_from((1000, 2**13, 2**17, LONGEST))) if long else draw(st.one_of(st.integers(2, 6), st.integers(2, 48)))
    g = draw(st.one_of(st.just(1), st.just(n - 1), st.integers(1, n - 1)))
    return HostileBatch(draw(SEEDS), kind, n, g, 1 if long else 24)


def standard_batches() -> list[HostileBatch]:
    """A few batches of every kind, the same in every run: what the controls must die on."""
    shapes = ((2, 1), (3, 2), (16, 4), (40, 1))
    short = [HostileBatch(7 + n, kind, n, g, 8) for kind in KINDS for n, g in shapes]
    return [*short, *(HostileBatch(11 + n, "lost terms", n, 1, 1) for n in (2**13, LONGEST))]
