"""Many rows at once: float64 with a proved radius decides most of them for a statement, and leaves the rest to Arb.

Scores are floats taken as exact. With d_j = top - s_j >= 0 and w_j = e^-d_j, the sums S of w, W of d w and Q of d^2 w (over the
block, outside or both) give outside mass S_out/S and entropy ln S + W/S, in which nothing cancels.

**Radius.** u = 2^-53; every operation is right to a relative u, sums of n terms in any order to n u.

1. The computed difference is d (1 + u), so its exponential is off by a relative u d more than the EXP u = 4 u of the exponential
   function itself.
2. A computed weight is off by (EXP + d) u w; summed, S is off by u [(EXP + n) S + W] and W by u [(EXP + n + 2) W + Q].
3. A weight below e^-708 is taken as 0: that is less than 2^-1000 each, also times its d.
4. A margin is one rounded difference, and has the sign of the exact one.

Everything else is arithmetic on balls, `checks.balls`. Products of errors are below a millionth of the errors themselves for n <= 2^20
keys, and SLACK = 1.001 covers them together with the rounding of the radii. A row is decided only when the gap exceeds both radii;
nothing is ever called FAILS here.

**In Coq**, in Flocq's model of IEEE double precision: steps 1 to 3 with every product of errors (`Screen.screen_radii` from the
computed sums, `Screen.key_of_scores`), sums in any order and fused or not (`Screen.any_sum`), the rounding of these radii
(`Screen.radius_in_floats`), step 4 (`Rounding.rnd_plus`). **On paper**: that the compiled loops and NumPy do the operations the theorems
speak of, and that nothing overflows unnoticed: an overflow leaves a radius that is infinite or no number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from checks import kernel
from checks.balls import PROVED, Ball, Balls, Rounding, exponential_by_numpy
from theory import symbols as sym
from theory import theorem_named
from theory.export.python import compile_expression
from theory.namespaces import NUMPY
from theory.theorem import Theorem

__all__ = ["MOST_KEYS", "SCREENED", "Decided", "Screen", "for_arb", "screen", "screened", "two_levels"]

MOST_KEYS = 2**20
SCREENED = (
    "concentration.outside_mass",
    "concentration.fidelity_floor",
    "concentration.exponential_rate",
    "entropy.dual",
    "entropy.ceiling",
    "entropy.at_outside_mass",
    "entropy.exponential",
    "entropy.pointer",
    "entropy.pointer_half",
    "entropy.pointer_best",
)
"""Statements about single rows that the enclosures decide, at the measured margin."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Decided:
    """For every row [rows]: whether a statement certainly holds on it, and whether it is certainly out of its domain."""

    certain: Flags
    outside: Flags


@dataclass(frozen=True)
class Screen:
    """What is known of many rows, [rows] each: enclosures of their observables, by symbol; counts and margins of 0 are exact.

    bare: the row has no key inside or none outside, and no statement speaks of it.
    usable: it is not bare, its scores are finite, and it has no more than MOST_KEYS keys.
    """

    bare: Flags
    usable: Flags
    numbers: Mapping[sp.Symbol, Ball]
    rounding: Rounding = PROVED

    def sides(self, theorem: Theorem) -> tuple[Ball, Ball]:
        """Both sides of the claim, at the measured margin."""
        compiled = _compile(theorem, self.rounding)
        lhs, rhs = (side(*(self.numbers[name] for name in names)) for names, side in compiled.sides)
        return lhs, rhs

    def decide(self, theorem: Theorem) -> Decided:
        """Where the statement certainly holds at the measured margin; an equation never does."""
        compiled, xp = _compile(theorem, self.rounding), Balls(self.rounding)
        domain, outside = self.usable, self.bare
        for hypothesis in compiled.hypotheses:
            met, broken = hypothesis(self.numbers)
            domain, outside = domain & met, outside | (self.usable & broken)
        lhs, rhs = self.sides(theorem)
        less = xp.less if isinstance(theorem.claim, (sp.Lt, sp.Gt)) else xp.less_equal
        certain = less(*((lhs, rhs) if isinstance(theorem.claim, (sp.Le, sp.Lt)) else (rhs, lhs)))
        return Decided(domain & certain & (not isinstance(theorem.claim, sp.Eq)), outside)


Hypothesis = Callable[[Mapping[sp.Symbol, Ball]], tuple[Flags, Flags]]
"""From the numbers of rows to where the hypothesis certainly holds and where it certainly does not."""


@dataclass(frozen=True)
class _Compiled:
    sides: tuple[tuple[tuple[sp.Symbol, ...], Callable[..., Ball]], ...]
    hypotheses: tuple[Hypothesis, ...]


def _compile(theorem: Theorem, rounding: Rounding) -> _Compiled:
    return _compiled(theorem.claim, tuple(h.relation for h in theorem.assumes.values()), rounding)


@lru_cache(maxsize=1024)
def _compiled(claim: sp.Basic, relations: tuple[sp.Basic, ...], rounding: Rounding) -> _Compiled:
    xp = Balls(rounding)
    sides = tuple(_side(side, xp) for side in (claim.lhs, claim.rhs))
    measured = [relation.subs(sym.t, sym.margin) for relation in relations]
    return _Compiled(sides, tuple(_hypothesis(relation, xp) for relation in measured if relation is not sp.true))


def _side(expression: sp.Expr, xp: Balls) -> tuple[tuple[sp.Symbol, ...], Callable[..., Ball]]:
    measured = expression.subs(sym.t, sym.margin)
    names = tuple(sorted(measured.free_symbols, key=str))
    return names, compile_expression(measured, names, xp)


def _hypothesis(relation: sp.Basic, xp: Balls) -> Hypothesis:
    counts = relation.free_symbols <= {sym.n, sym.g, sym.m}
    names = tuple(sorted(relation.free_symbols, key=str))
    left, right = (compile_expression(side, names, NUMPY if counts else xp) for side in (relation.lhs, relation.rhs))
    strict, equation = isinstance(relation, (sp.Lt, sp.Gt)), isinstance(relation, sp.Eq)

    def decided(numbers: Mapping[sp.Symbol, Ball]) -> tuple[Flags, Flags]:
        values = [numbers[name].value if counts else numbers[name] for name in names]  # whole numbers below 2^53 are exact
        small, great = left(*values), right(*values)
        if isinstance(relation, (sp.Ge, sp.Gt)):
            small, great = great, small
        if equation:
            return xp.less(small, great) & False, xp.less(small, great) | xp.less(great, small)
        if strict:
            return xp.less(small, great), xp.less_equal(great, small)
        return xp.less_equal(small, great), xp.less(great, small)

    return decided


def screened(family: str) -> tuple[Theorem, ...]:
    """The statements of a family that the enclosures decide."""
    return tuple(theorem_named(name) for name in SCREENED if name.startswith(f"{family}."))


def screen(scores: Floats, block: Flags, visible: Flags | None = None, rounding: Rounding = PROVED) -> Screen:
    """Enclose the observables of rows [rows, n] of finite scores; keys that are not visible are left out.

    A row with a score that is not finite, or with too many keys, is not usable, and never decided. Raises ValueError when the
    shapes differ.
    """
    shapes = [part.shape for part in (scores, block, visible) if part is not None]
    if len(set(shapes)) != 1 or scores.ndim != 2:
        raise ValueError(f"screen needs scores, block and visible of one shape [rows, n], got {', '.join(map(str, shapes))}")
    n, g, least, greatest, mass_in, mass_out, spread_in, spread_out, square = _sums(scores, block, visible).T
    bare, usable = (g < 1) | (g == n), (g >= 1) & (g < n) & (n <= MOST_KEYS)  # NaN keys: a score is not finite
    xp, unit = Balls(rounding), rounding.unit
    with np.errstate(all="ignore"):  # rows that are not usable
        key, lost = rounding.exponential + rounding.key * n, n * rounding.flushed

        def mass_of(mass: Floats, spread: Floats) -> Ball:
            return Ball(mass, (unit * (key * mass + rounding.nat * spread) + lost) * rounding.slack, rounding)

        inside, outer = mass_of(mass_in, spread_in), mass_of(mass_out, spread_out)
        both, spread = mass_in + mass_out, spread_in + spread_out
        total = mass_of(both, spread)
        weighted = unit * ((key + 2 * rounding.operation) * spread + rounding.nat * square) + lost
        gap = least - greatest
        margin = Ball(gap, rounding.operation * unit * np.abs(gap) * rounding.slack, rounding)
    numbers = {
        sym.n: Ball(n, 0 * n, rounding),
        sym.g: Ball(g, 0 * g, rounding),
        sym.m: Ball(n - g, 0 * n, rounding),
        sym.margin: margin,
        sym.soft_margin: xp.log(inside) - xp.log(outer),
        sym.eps: outer / total,
        sym.fidelity: inside / total,
        sym.entropy: xp.log(total) + Ball(spread, weighted * rounding.slack, rounding) / total,
        sym.peak: 1 / total,
    }
    return Screen(bare, usable, numbers, rounding)


def _sums(scores: Floats, block: Flags, visible: Flags | None) -> Floats:
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


def _sums_by_numpy(scores: Floats, block: Flags, visible: Flags) -> Floats:
    inside, outside = block & visible, visible & ~block
    finite = np.asarray(np.isfinite(np.where(visible, scores, 0.0)).all(1))[:, None]
    clean = np.where(visible & finite, scores, 0.0)
    top = np.where(visible, clean, -np.inf).max(1, initial=-np.inf, keepdims=True)
    d = np.where(visible, np.where(np.isfinite(top), top, 0.0) - clean, 0.0)
    w = exponential_by_numpy(-d) * visible
    columns = (
        np.where(finite[:, 0], visible.sum(1), np.nan), inside.sum(1), np.where(inside, clean, np.inf).min(1, initial=np.inf),
        np.where(outside, clean, -np.inf).max(1, initial=-np.inf), (w * inside).sum(1), (w * outside).sum(1),
        (d * w * inside).sum(1), (d * w * outside).sum(1), (d * (d * w)).sum(1),
    )  # fmt: skip
    return np.stack(columns, 1)


def for_arb(
    decided: Sequence[Decided], two_level: Flags, rng: np.random.Generator, sample: float
) -> list[tuple[list[int], list[int]]]:
    """For each of several statements the rows for Arb: its ties, which the screen could not decide, and a sample of what it did.

    On a two-level row most of these bounds are equations, which no float decides, and all say the same of it: such a row is a tie of one
    of them only, in turn.
    """
    open_ = np.stack([~one.certain & ~one.outside for one in decided])
    turn = np.cumsum(two_level) % np.maximum(open_.sum(0), 1)
    ties = open_ & (~two_level | (np.cumsum(open_, 0) - 1 == turn))
    drawn = [one.certain & (rng.random(two_level.size) < sample) for one in decided]
    return [(np.flatnonzero(some).tolist(), np.flatnonzero(more).tolist()) for some, more in zip(ties, drawn, strict=True)]


def two_levels(scores: Floats, block: Flags, visible: Flags) -> Flags:
    """Rows [rows] whose visible scores are constant in the block and constant outside, exactly."""
    flat = np.ones(scores.shape[0], dtype=np.bool_)
    for part in (visible & block, visible & ~block):
        flat &= np.where(part, scores, -np.inf).max(1) == np.where(part, scores, np.inf).min(1)
    return flat
