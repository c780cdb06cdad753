"""Certified evaluation of many rows: float64 with a proved radius decides most, and leaves the rest to Arb.

Scores are floats taken as exact. With d_j = top - s_j >= 0 and w_j = e^-d_j, the sums S of w, W of d w and Q of d^2 w (over the
block, outside or both) give outside mass S_out/S and entropy ln S + W/S, in which nothing cancels.

**Radius.** u = 2^-53; every operation is right to a relative u, sums of n terms in any order to n u.

1. The computed difference is d (1 + u), so its exponential is off by a relative u d more than the EXP u = 4 u of the exponential
   function itself (`checks.kernel.rounding` has the argument: a Taylor polynomial after argument reduction, IEEE + - x, no library).
2. A computed weight is off by (EXP + d) u w; summed, S is off by u [(EXP + n) S + W] and W by u [(EXP + n + 2) W + Q].
3. A weight below e^-708 is taken as 0: that is less than 2^-1000 each, also times its d.
4. Outside mass: the relative errors of S_out and S and one quotient add up. Entropy: dS/S for the logarithm, dW/S + (W/S) dS/S for
   the quotient, and a last rounding.
5. Logarithms come from the library and are not trusted: y = ln x is off by no more than |x e^-y - 1| / (1 - |x e^-y - 1|), and that
   product is computed with the same exponential, right to (EXP + |y| + 2) u.
6. Bounds at the margin t: r = ((n-g)/g) e^-|t| is right to (EXP + |t| + 4) u; r/(1+r) and ln(1+r) move by no more than a relative
   change of r does, and t r/(1+r) by that and |t| u.

Products of errors are below a millionth of the errors themselves for n < 2^20 keys, and SLACK = 1.001 covers them together with the
rounding of the radii. A row is decided only when the gap exceeds both radii; nothing is ever called FAILS here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks import kernel
from checks.kernel.rounding import EXP

__all__ = ["MOST_KEYS", "Decide", "Enclosed", "Screen", "screen", "undecided"]

UNIT, FLUSHED, SLACK, MOST_KEYS = 2.0**-53, 2.0**-1000, 1.001, 2**20
Floats = NDArray[np.float64]
_INVERSE_FACTORIALS = [1.0, 1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320, 1 / 362880, 1 / 3628800,
                       1 / 39916800, 1 / 479001600, 1 / 6227020800]  # fmt: skip


@dataclass(frozen=True)
class Enclosed:
    """Numbers [rows] and radii [rows]: the true value is no further away."""

    value: Floats
    radius: Floats


@dataclass(frozen=True)
class Screen:
    """What is known of many rows: keys n, block g, margin t (nats), outside mass, entropy (nats); [rows] each.

    usable: the row has a key inside and one outside, finite scores, and no more than MOST_KEYS keys.
    """

    usable: NDArray[np.bool_]
    n: Floats
    g: Floats
    margin: Enclosed
    outside_mass: Enclosed
    entropy: Enclosed

    def below_outside_mass_bound(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Rows whose outside mass is certainly at most the bound of `concentration.outside_mass` at their margin; and its domain."""
        return self.usable & _certainly_less(self.outside_mass, _outside_mass_bound(self.n, self.g, self.margin)), self.usable

    def below_entropy_ceiling(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Rows whose entropy is certainly at most that of `entropy.ceiling` at their margin; and its domain, margins that are not negative.

        A difference of floats is computed with the sign of the exact one, so the domain is exact.
        """
        domain = self.usable & (self.margin.value >= 0)
        return domain & _certainly_less(self.entropy, _entropy_ceiling(self.n, self.g, self.margin)), domain


def screen(scores: Floats, block: NDArray[np.bool_], visible: NDArray[np.bool_] | None = None) -> Screen:
    """Enclose outside mass and entropy of rows [rows, n] of finite scores; keys that are not visible are left out.

    Raises ValueError when the shapes differ. A row with a score that is not finite is not usable.
    """
    shapes = [part.shape for part in (scores, block, visible) if part is not None]
    if len(set(shapes)) != 1 or scores.ndim != 2:
        raise ValueError(f"screen needs scores, block and visible of one shape [rows, n], got {', '.join(map(str, shapes))}")
    n, g, least, greatest, mass_in, mass_out, spread_in, spread_out, square = _sums(scores, block, visible).T
    usable = (g >= 1) & (g < n) & (n <= MOST_KEYS)  # NaN keys: a score is not finite
    with np.errstate(all="ignore"):  # rows that are not usable
        mass, spread = mass_in + mass_out, spread_in + spread_out
        off_mass = UNIT * ((EXP + n) * mass + spread) + n * FLUSHED
        off_out = UNIT * ((EXP + n) * mass_out + spread_out) + n * FLUSHED
        off_spread = UNIT * ((EXP + n + 2) * spread + square) + n * FLUSHED
        outside = mass_out / mass
        off_outside = off_out / mass + outside * (off_mass / mass + UNIT)
        logarithm = _log(mass)
        entropy = logarithm.value + spread / mass
        off_entropy = (
            logarithm.radius + off_mass / mass + off_spread / mass + spread / mass * (off_mass / mass) + 2 * UNIT * entropy
        )
        gap = least - greatest
        margin = Enclosed(gap, UNIT * np.abs(gap))
    return Screen(usable, n, g, margin, Enclosed(outside, off_outside * SLACK), Enclosed(entropy, off_entropy * SLACK))


def _sums(scores: Floats, block: NDArray[np.bool_], visible: NDArray[np.bool_] | None) -> Floats:
    """[rows, 9]: keys, block, least inside, greatest outside, and the five sums; compiled where that is there."""
    loaded = kernel.library()
    if loaded is None:
        return _sums_by_numpy(scores, block, np.ones_like(block) if visible is None else visible)
    scores, block = np.ascontiguousarray(scores, dtype=np.float64), np.ascontiguousarray(block, dtype=np.bool_)
    seen = None if visible is None else np.ascontiguousarray(visible, dtype=np.bool_)
    out = np.empty((scores.shape[0], 9))
    place = None if seen is None else seen.ctypes.data
    if not loaded.localist_row_sums(scores.ctypes.data, block.ctypes.data, place, *scores.shape, out.ctypes.data):
        raise MemoryError(f"screening rows of {scores.shape[1]} keys needs memory for three of them")
    return out


def _sums_by_numpy(scores: Floats, block: NDArray[np.bool_], visible: NDArray[np.bool_]) -> Floats:
    inside, outside = block & visible, visible & ~block
    finite = np.asarray(np.isfinite(np.where(visible, scores, 0.0)).all(1))[:, None]
    clean = np.where(visible & finite, scores, 0.0)
    top = np.where(visible, clean, -np.inf).max(1, initial=-np.inf, keepdims=True)
    d = np.where(visible, np.where(np.isfinite(top), top, 0.0) - clean, 0.0)
    w = _exp_by_numpy(-d) * visible
    columns = (
        np.where(finite[:, 0], visible.sum(1), np.nan), inside.sum(1), np.where(inside, clean, np.inf).min(1, initial=np.inf),
        np.where(outside, clean, -np.inf).max(1, initial=-np.inf), (w * inside).sum(1), (w * outside).sum(1),
        (d * w * inside).sum(1), (d * w * outside).sum(1), (d * (d * w)).sum(1),
    )  # fmt: skip
    return np.stack(columns, 1)


def _exp(x: Floats) -> Floats:
    """e^x for x <= 0 to EXP u, by IEEE additions and multiplications alone; exactly 0 below -708."""
    loaded = kernel.library()
    if loaded is None:
        return _exp_by_numpy(x)
    x = np.ascontiguousarray(x, dtype=np.float64)
    out = np.empty_like(x)
    loaded.localist_exp(x.ctypes.data, x.size, out.ctypes.data)
    return out


def _exp_by_numpy(x: Floats) -> Floats:
    dead = ~(x >= -708.0)
    x = np.where(dead, 0.0, x)
    k = np.rint(x * 1.4426950408889634)
    r = (x - k * float.fromhex("0x1.62e42fefa0000p-1")) - k * float.fromhex("0x1.cf79abc9e3b39p-40")
    y = np.full_like(x, _INVERSE_FACTORIALS[-1])
    for term in _INVERSE_FACTORIALS[-2::-1]:
        y = y * r + term
    return np.where(dead, 0.0, np.ldexp(y, k.astype(np.int64)))


def _log(x: Floats) -> Enclosed:
    """Enclose ln x, x >= 1, checking the library's answer by the exponential."""
    y = np.log(x)
    off = np.abs(x * _exp(-y) - 1) + (EXP + np.abs(y) + 2) * UNIT
    return Enclosed(y, off / (1 - off) * SLACK)


def _odds(n: Floats, g: Floats, margin: Enclosed) -> Enclosed:
    """((n-g)/g) e^-|t|, or its reciprocal weight (g/(n-g)) e^-|t| for t < 0; relative radius."""
    t = np.abs(margin.value)
    ratio = np.where(margin.value >= 0, (n - g) / g, g / (n - g))
    value = ratio * _exp(-t)
    return Enclosed(value, value * (EXP + t + 4) * UNIT * SLACK + ratio * FLUSHED)


def _outside_mass_bound(n: Floats, g: Floats, margin: Enclosed) -> Enclosed:
    """Outside mass at most r/(1+r) for t >= 0, 1/(1+q) for t < 0."""
    with np.errstate(all="ignore"):
        odds = _odds(n, g, margin)
        value = np.where(margin.value >= 0, odds.value / (1 + odds.value), 1 / (1 + odds.value))
        return Enclosed(value, (odds.radius / (1 + odds.value) + 3 * UNIT * value) * SLACK)


def _entropy_ceiling(n: Floats, g: Floats, margin: Enclosed) -> Enclosed:
    """Entropy at most ln g + ln(1 + r) + t r/(1 + r), for t >= 0."""
    with np.errstate(all="ignore"):
        odds = _odds(n, g, margin)
        block, more = _log(g), _log(1 + odds.value)  # 1 + r is rounded: a relative u of it, so u of the logarithm
        share = odds.value / (1 + odds.value)
        value = block.value + more.value + margin.value * share
        radius = block.radius + more.radius + UNIT + odds.radius / (1 + odds.value)
        radius = radius + margin.value * (odds.radius / (1 + odds.value) + 5 * UNIT * share) + 4 * UNIT * value
        return Enclosed(value, radius * SLACK)


def _certainly_less(small: Enclosed, great: Enclosed) -> NDArray[np.bool_]:
    """Where the gap exceeds both radii; a comparison with NaN is False."""
    with np.errstate(all="ignore"):
        gap = great.value - small.value
        certain: NDArray[np.bool_] = gap * (1 - 4 * UNIT) > (small.radius + great.radius) * SLACK
        return certain


def undecided(certain: NDArray[np.bool_], domain: NDArray[np.bool_], rng: np.random.Generator, sample: float) -> Iterator[int]:
    """Rows for Arb: those of the domain that the screen did not decide, and a random share of those that it did."""
    drawn = rng.random(certain.shape[0]) < sample
    yield from np.flatnonzero(domain & (~certain | drawn)).tolist()


Decide = Callable[[Screen], tuple[NDArray[np.bool_], NDArray[np.bool_]]]
"""From a screen to the rows on which a statement certainly holds, and the rows in its domain."""
