"""Attacks on `theory.dial`: random, two-level and searched content, frozen checkpoints of trained layers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from checks import dial_cases as cases
from checks.dial_rows import DialRow, dial_row
from checks.dial_trained import cross_entropy_case, produced_case, queries
from checks.enclosure import rational
from checks.properties import Emission, FamilyChecks, Options, holds_for
from checks.rows import block_flags, climb, nearly_two_level, random_rows, random_two_level
from checks.strategies import RowBatch, row_batches
from checks.trained import FleetConfig, fleet_configs, train_fleet
from theory import dial_frozen as frozen
from theory import dial_level as lev
from theory import dial_monotone as mono
from theory import dial_output as out
from theory.dial import THEOREMS

SETTINGS = tuple(fmpq(x, 2) for x in (-12, -6, -1, 0, 1, 2, 4, 8, 16, 24, 48))
_EVERY_ROW = (
    *cases.OF_A_ROW,
    *cases.AT_SPECIAL_SETTINGS,
    *cases.OF_RATES,
    *cases.OF_A_KEY,
    *cases.OF_OUTPUTS,
    *cases.OF_LOSSES,
)


def _pair(rng: np.random.Generator) -> tuple[fmpq, fmpq]:
    """Two settings, the lower first; sometimes the same."""
    first, second = sorted(rng.integers(0, len(SETTINGS), 2).tolist())
    return SETTINGS[first], SETTINGS[second]


def _cases(row: DialRow, index: int, rng: np.random.Generator) -> Iterator[Emission]:
    """Some statements of a row at a pair of settings; which, its index says: all of them would cost three times as much."""
    low, high = _pair(rng)
    if index % 3 == 0:
        yield from cases.cases_of_row(row, low, high)
    elif index % 3 == 1:
        yield from cases.cases_of_outputs(row, low, high)
    elif index % 2:
        yield from cases.cases_at_special_settings(row, low, fmpq(int(rng.integers(1, 1000)), 1000))
    else:
        yield from cases.cases_of_rates(row, low)


@holds_for(*_EVERY_ROW, given=row_batches, examples=3)
def random_content(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Random content of any lead, values in the plane, strengths 1/2, 1 and 3/2; every row at its own pair of settings."""
    rng = np.random.default_rng(batch.seed + 1)
    for index, row in enumerate(random_rows(batch)):
        values = rng.standard_normal((batch.n, 2)).tolist()
        yield from _cases(dial_row(row, cases.BETAS[index % len(cases.BETAS)], values), index, rng)


@holds_for(
    frozen.frozen_mass, frozen.frozen_entropy, frozen.frozen_floor, frozen.frozen_output, out.cost_bound, lev.target,
    lev.target_exact,
    given=row_batches, examples=3,
)  # fmt: skip
def edge_content(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Content that is two-level, or a few units in the last place from it, values in two points: the envelope on its edge."""
    rng = np.random.default_rng(batch.seed + 2)
    values = [(0.0,) if flag else (1.0,) for flag in block_flags(batch.n, batch.g)]
    for exactly, source in ((True, random_two_level(batch)), (False, nearly_two_level(batch))):
        for index, row in zip(range(batch.count // 2), source, strict=False):
            edge = dial_row(row, cases.BETAS[index % len(cases.BETAS)], values)
            low, high = _pair(rng)
            if index % 2:
                case = cases.row_case(edge, low, high)
                for theorem in (frozen.frozen_mass, frozen.frozen_entropy, frozen.frozen_floor):
                    yield cases.marked(theorem, case, edge, low, high)
                yield lev.target, cases.target_case(edge, low)
            else:
                case = cases.output_case(edge, low, high)
                for theorem in (frozen.frozen_output, out.cost_bound):
                    yield cases.marked(theorem, case, edge, low, high)
            if exactly and index % 8 == 0:
                yield lev.target_exact, cases.just_below(edge, fmpq(int(rng.integers(1, 1000)), 1000))


@holds_for(mono.rising, given=row_batches, examples=4)
def random_heads(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Random heads at dial 0: a case is in the domain where entropy starts by rising, so the tally shows the share (a half)."""
    content = batch.rng.standard_normal((batch.count, batch.n))
    flags = block_flags(batch.n, batch.g)
    for index in range(batch.count):
        row = DialRow(tuple(map(rational, content[index].tolist())), flags, fmpq(1), f"random head {index} of {batch}")
        yield mono.rising, cases.rate_case(row, fmpq(0))


@holds_for(out.continuity, out.continuity_lipschitz, out.train_elsewhere, given=row_batches, examples=6)
def searched_content(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Content that gradient ascent drives towards even odds between two settings, where continuity is attained."""
    rng = np.random.default_rng(batch.seed + 3)
    inside = np.array(block_flags(batch.n, batch.g))
    values = [(0.0,) if flag else (1.0,) for flag in inside]
    for index in range(16):
        low, high = (rational(x) for x in sorted((rng.normal(0, 2, 2) * 0.5 ** rng.integers(0, 12)).tolist()))
        step = partial(_log_step, inside=inside, low=float(low), high=float(high))
        found = climb(step, rng.standard_normal(batch.n) * min(batch.scale, 10.0))
        row = DialRow(
            tuple(map(rational, found.tolist())), tuple(inside.tolist()), fmpq(1), f"searched row {index} of {batch}",
            tuple((rational(x),) for (x,) in values),
        )  # fmt: skip
        case = cases.output_case(row, low, high)
        yield cases.marked(out.continuity, case, row, low, high)
        yield cases.marked(out.continuity_lipschitz, case, row, low, high)
        yield cases.loss_case(out.train_elsewhere, row, low, high, fmpq(2))


def _log_step(
    content: NDArray[np.float64], inside: NDArray[np.bool_], low: float, high: float
) -> tuple[float, NDArray[np.float64]]:
    """Ln of |F(high) - F(low)| over its bound, and its gradient in the content; at most 0, and 0 at even odds half-way."""
    sides = [content[inside], content[~inside]]
    shifted = [np.exp(side - side.max()) for side in sides]
    odds = [np.log(w.sum()) + side.max() for w, side in zip(shifted, sides, strict=True)]
    half, middle = (high - low) / 2, odds[0] - odds[1] + (high + low) / 2
    # F(high) - F(low) = sinh(half)/(cosh(middle) + cosh(half))
    value = np.log1p(np.cosh(half)) - np.logaddexp(np.logaddexp(middle, -middle) - np.log(2), np.log(np.cosh(half)))
    slope = -np.sinh(np.clip(middle, -300, 300)) / (np.cosh(np.clip(middle, -300, 300)) + np.cosh(half))
    gradient = np.zeros_like(content)
    gradient[inside], gradient[~inside] = slope * shifted[0] / shifted[0].sum(), -slope * shifted[1] / shifted[1].sum()
    return float(value), gradient


@holds_for(*_EVERY_ROW, given=fleet_configs, examples=7, text=True)
def frozen_layers(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """One trained checkpoint a layer, frozen; its stored content at many exact settings, on synthetic codes and on real text.

    Certified: 90 rows of the fleet, each at its own settings, and three swept over all of them.
    """
    fleet = train_fleet(config, options)
    yield fleet.trained
    rng = np.random.default_rng(config.seed)
    for index, query in enumerate(queries(fleet, fleet.capture(0.0), 90)):
        yield from _cases(query.row, index, rng)
        if index < 3:
            for low, high in itertools.pairwise(SETTINGS):
                yield from cases.cases_of_row(query.row, low, high)
        if index % 15 == 0:
            low, high = _pair(rng)
            yield out.train_elsewhere, cross_entropy_case(fleet, query, low, high)
            yield out.cost_loss, cross_entropy_case(fleet, query, low, high, cut=True)


@holds_for(
    frozen.frozen_mass,
    frozen.frozen_entropy,
    frozen.frozen_floor,
    frozen.frozen_output,
    given=fleet_configs,
    examples=3,
    text=True,
)
def frozen_floats(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """The scores that frozen layers really compute at each setting, rounding and all, under bounds of the stored content."""
    fleet = train_fleet(config, options)
    yield fleet.trained
    chosen = list(queries(fleet, fleet.capture(0.0), 8))
    for setting in SETTINGS:
        capture = fleet.capture(float(setting.p) / float(setting.q))
        for query in chosen:
            case = produced_case(fleet, capture, query, setting)
            yield frozen.frozen_mass, case
            yield frozen.frozen_entropy, case
            yield frozen.frozen_floor, case
            yield frozen.frozen_output, case


CHECKS = FamilyChecks(
    family="dial",
    theorems=THEOREMS,
    properties=(random_content, edge_content, random_heads, searched_content, frozen_layers, frozen_floats),
    extremal=cases.EXTREMAL,
    extra={mono.rising.name: cases.rising_controls},
    also_true=cases.ALSO_TRUE,
)
