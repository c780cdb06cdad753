"""The proved bounds on every row of a pass: the float64 screen decides most, Arb the rest and a random sample.

Three statements are judged on every query of every head: `concentration.outside_mass` and `entropy.ceiling` at the row's own margin,
`entropy.floor` at its own range of scores. What is measured is reported in bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.balls import PROVED, Ball, Balls
from checks.claims import Case, judge, row_case
from checks.enclosure import Row
from checks.entropy_cases import floor_case
from checks.properties import Tally
from checks.screen import Decided, Screen, for_arb, screen
from checks.verdict import HOLDS
from theory import symbols as sym
from theory.concentration import outside_mass
from theory.entropy_ceiling import ceiling
from theory.entropy_floor import floor
from theory.entropy_formulas import entropy_floor_tier
from theory.export.python import compile_expression
from theory.formulas import entropy_floor_size
from theory.namespaces import NUMPY
from theory.theorem import Theorem

STATEMENTS: tuple[Theorem, ...] = (outside_mass, ceiling, floor)
BITS_A_NAT = 1 / math.log(2)
_two_level = compile_expression(entropy_floor_tier.stated, entropy_floor_tier.args, Balls(PROVED))
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Rows of one pass: scores [R, T], own block and visibility of every key, and where they come from."""

    scores: Floats
    block: Bools
    visible: Bools
    origin: str

    def row(self, index: int) -> Row:
        """One row, exactly."""
        keep = self.visible[index]
        return Row(
            tuple(self.scores[index][keep].tolist()), tuple(self.block[index][keep].tolist()), f"{self.origin}, row {index}"
        )


@dataclass(frozen=True)
class Bounded:
    """What is known of rows: entropy, the ceiling and the floor over it (bits), pointer fidelity, margin (nats); [R] each.

    usable: the row has a key in its block and one outside it. Elsewhere the statements are silent, and ceiling and floor are the trivial
    ln n and 0. A ceiling is rounded up and a floor down.
    """

    usable: Bools
    led: Bools  # usable, with a margin >= 0: the ceiling is that of the statement and not ln n
    entropy: Floats
    ceiling: Floats
    floor: Floats
    fidelity: Floats
    margin: Floats


def bounded(rows: Rows, tallies: dict[str, Tally], rng: np.random.Generator, sample: float) -> Bounded:
    """Measure rows and judge the statements on each; verdicts are added to the tallies."""
    block = rows.block & rows.visible
    seen = screen(rows.scores, block, rows.visible)
    spread = _range(rows)
    tier = _tier(seen, spread)
    decisions = [_above(seen, tier, spread) if one.name == floor.name else seen.decide(one) for one in STATEMENTS]
    every_tie = np.zeros(len(spread), dtype=np.bool_)  # also of two-level rows: each statement is judged on each row
    for theorem, decided, (ties, drawn) in zip(STATEMENTS, decisions, for_arb(decisions, every_tie, rng, sample), strict=True):
        tally = tallies[theorem.name]
        by_screen = int(decided.certain.sum()) - len(drawn)
        tally.screened += by_screen
        tally.counts[HOLDS.name] += by_screen
        for case in _cases(theorem, rows, [*ties, *drawn]):
            tally.add(case, judge(theorem, case))
    margin = seen.numbers[sym.margin].value
    led = seen.usable & (margin >= 0)
    with np.errstate(all="ignore"):  # rows that are not usable
        entropy, top = seen.sides(ceiling)
        most = np.log(seen.numbers[sym.n].value) * (1 + 4 * PROVED.unit)
        ceilings = np.where(led, np.minimum(most, top.value + top.radius), most)
        floors = np.where(seen.usable & (spread > 0), np.maximum(0.0, tier.value - tier.radius), 0.0)
        fidelity = np.where(seen.usable, seen.numbers[sym.fidelity].value, 1.0)  # a query is in its own block
    return Bounded(
        seen.usable,
        led,
        entropy.value * BITS_A_NAT,
        ceilings * BITS_A_NAT,
        floors * BITS_A_NAT,
        fidelity,
        np.where(seen.usable, margin, np.nan),
    )


def _cases(theorem: Theorem, rows: Rows, chosen: list[int]) -> Iterator[Case]:
    for index in chosen:
        row = rows.row(index)
        case = row_case(row)
        yield floor_case(row, case) if theorem.name == floor.name else case


def _range(rows: Rows) -> Floats:
    """Greatest less least visible score of every row."""
    top = np.where(rows.visible, rows.scores, -np.inf).max(1)
    low = np.where(rows.visible, rows.scores, np.inf).min(1)
    return np.asarray(top - low)


def _tier(seen: Screen, spread: Floats) -> Ball:
    """A two-level entropy that is at least the floor, and nearly always is the floor.

    The floor is the least of the two-level entropies over 1 <= k < n (`entropy.floor`), so every k gives a number that is at least the
    floor: a row above it is above the floor whether or not rounding has moved the best k.
    """
    n = seen.numbers[sym.n]
    with np.errstate(all="ignore"):
        best = np.floor(entropy_floor_size(NUMPY, n.value, spread))
        gap = Ball(spread, PROVED.unit * np.abs(spread) * PROVED.slack, PROVED)
        sizes = [np.clip(best + more, 1, n.value - 1) for more in (0, 1)]
        tiers = [_two_level(n, Ball(size, 0 * size, PROVED), gap) for size in sizes]
        lower = tiers[0].value <= tiers[1].value
        value, radius = (np.where(lower, *(getattr(tier, part) for tier in tiers)) for part in ("value", "radius"))
    return Ball(value, radius, PROVED)


def _above(seen: Screen, tier: Ball, spread: Floats) -> Decided:
    """Where the entropy is certainly above the floor; with equal scores the range is 0, which the statement leaves out."""
    with np.errstate(all="ignore"):
        certain = Balls(PROVED).less_equal(tier, seen.numbers[sym.entropy])
    return Decided(seen.usable & (spread > 0) & certain, seen.bare | (seen.usable & (spread == 0)))
