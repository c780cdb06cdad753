"""Attacks on `theory.entropy`: random, extremal and searched rows and distributions, shapes of every size, trained layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import sympy as sp
from flint import fmpq

from checks.claims import Case, row_case
from checks.enclosure import Row, Value, rational
from checks.entropy_cases import (
    OF_A_DISTRIBUTION,
    OF_A_ROW,
    cases_of_distribution,
    cases_of_row,
    exact_case,
    extended,
    floor_case,
    floor_sizes,
    from_counts,
    gap_case,
    half_stronger_case,
    worst_end,
)
from checks.entropy_extremal import ALSO_TRUE, EXTRA, EXTREMAL
from checks.entropy_search import flattest, searched
from checks.properties import Emission, FamilyChecks, Options, holds_for
from checks.rows import nearly_two_level, random_rows, random_two_level
from checks.screen import screened
from checks.strategies import RowBatch, row_batches
from checks.trained import FleetConfig, captured_rows, fleet_configs, many_layers, rows_by_screen, train_fleet
from theory import symbols as sym
from theory.entropy import (
    THEOREMS,
    above_ln_g,
    below_ln_n,
    ceiling,
    ceiling_decreases,
    dual_form,
    exponential_exact,
    floor,
    floor_size,
    gap_bound,
    gap_simple,
    in_block_size,
    in_keys,
    pointer_half_stronger,
    tier_mass_bound,
    tiers,
)

SCREENED = screened("entropy")
NEAR = tuple(theorem for theorem in OF_A_ROW if theorem not in (tiers, tier_mass_bound))


@holds_for(*OF_A_ROW, given=row_batches, examples=4)
def random_scores(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Random rows of any margin; the ceiling and its kin speak of those whose margin is not negative."""
    for row in random_rows(batch):
        yield from cases_of_row(row)


@holds_for(*NEAR, given=row_batches, examples=2)
def edge_scores(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Two-level rows, where ceiling, floor and dual form are attained, and rows a few units in the last place away."""
    for source in (random_two_level(batch), nearly_two_level(batch)):
        for row in source:
            yield from cases_of_row(row, far=False)


@holds_for(*OF_A_DISTRIBUTION, pointer_half_stronger, given=row_batches, examples=5)
def distributions(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Distributions that are no softmax row: zeros, one key alone, ties, all in the block or none of it; t of any sign."""
    rng = batch.rng
    for index in range(batch.count):
        counts = rng.integers(0, (1, 2, 10, 10**6)[index % 4], batch.n, endpoint=True) * (rng.random(batch.n) < rng.random())
        if not counts.any():
            counts[rng.integers(batch.n)] = 1
        g = batch.g if index % 5 else batch.n
        law = from_counts(counts.tolist(), g, f"distribution {index} of {batch}")
        t = rational(float(rng.normal(0, 1 + abs(batch.gap))))
        yield from cases_of_distribution(law, t)
        yield half_stronger_case(fmpq(int(counts.sum()) % 691, 1000), f"entropy {index} of {batch}")


@holds_for(ceiling, dual_form, floor, gap_bound, given=row_batches, examples=4)
def searched_scores(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Rows that an optimiser drives to a bound: entropy up to ceiling or dual form, down to the floor within a range."""
    rng = batch.rng
    for index in range(8):
        row, t = searched(batch, rng, index)
        case = row_case(row)
        if case.values[sym.margin] >= 0:
            yield ceiling, case
        yield dual_form, row_case(row, {sym.t: t}, extremal=False)
        low = flattest(batch, rng, index)
        if len(set(low.scores)) > 1:
            at_range = row_case(low)
            for slack in (fmpq(0), fmpq(1, 8)):
                yield floor, floor_case(low, at_range, slack)
                yield gap_bound, gap_case(at_range, slack)


@holds_for(ceiling_decreases, below_ln_n, above_ln_g, exponential_exact, floor_size, gap_simple, given=row_batches, examples=4)
def shapes(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """The formulas against each other, from two keys to a million, margins and ranges from 1e-9 to several hundred nats."""
    rng = batch.rng
    for index in range(batch.count):
        n = int(np.ceil(10 ** rng.uniform(0.31, 6)))
        g = int((1, n - 1, rng.integers(1, n))[index % 3])
        t, gain, spread = (rational(float(10**x)) for x in rng.uniform((-9, -6, -6), (2.5, 1, 2.5)))
        origin = f"shape {index} of {batch}"
        values: dict[sp.Symbol, Value] = {sym.n: n, sym.g: g, sym.t: t, sym.t_gain: gain}
        yield ceiling_decreases, exact_case(values, origin)
        yield below_ln_n, exact_case(values, origin)
        yield above_ln_g, exact_case(values, origin)
        yield exponential_exact, exact_case(values, origin)
        yield gap_simple, exact_case({sym.score_range: spread}, origin)
        yield floor_size, _sizes(n, spread, int(rng.integers(0, n, endpoint=True)), origin)


def _sizes(n: int, spread: fmpq, other: int, origin: str) -> Case:
    k, best = floor_sizes(n, spread)
    return exact_case({sym.n: n, sym.score_range: spread, sym.top_size: k, sym.top_other: other}, origin, other == best)


def _in_ranges(rows: list[Row]) -> Iterator[Emission]:
    """Rows of different shapes under one bound: the least and greatest block, the longest row."""
    sizes, longest = [sum(row.block) for row in rows], max(len(row.scores) for row in rows)
    ends = min(sizes), max(sizes)
    for row in rows:
        case = row_case(row)
        if case.values[sym.margin] < 0:
            continue
        yield in_block_size, extended(case, lambda bits: {sym.g_low: ends[0], sym.g_high: ends[1]}, worst_end(row, *ends))
        yield in_keys, extended(case, lambda bits: {sym.n_high: longest}, row.two_level and len(row.scores) == longest)


@holds_for(in_block_size, in_keys, given=row_batches, examples=4)
def rows_of_many_shapes(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Rows of every block size and length up to the batch's under one bound; half of them two-level."""
    rng = batch.rng
    rows = []
    for index in range(batch.count // 2):
        n = int(rng.integers(2, batch.n, endpoint=True))
        g = int(rng.integers(1, n))
        lead = float(abs(rng.normal(0, 4)))
        noise = rng.exponential(1.0, n) if index % 2 else np.zeros(n)
        scores = np.where(np.arange(n) < g, lead + noise, -noise)
        rows.append(Row(tuple(scores.tolist()), tuple((np.arange(n) < g).tolist()), f"shaped row {index} of {batch}"))
    yield from _in_ranges(rows)


@holds_for(*OF_A_ROW, given=fleet_configs, examples=5, text=True)
def trained_layers(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Trained fleets on synthetic codes and real text: rows of every layer, at most 1,200 a fleet (every k-th), certified."""
    fleet = train_fleet(config, options)
    yield fleet.trained
    rows = list(captured_rows(fleet.capture(), f"trained on {fleet.batch.source}, {config}"))
    for row in rows[:: max(1, len(rows) // 1200)]:
        yield from cases_of_row(row)


@holds_for(*SCREENED, given=fleet_configs, examples=12)
def every_trained_row(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Every row of large fleets, by the float64 screen; Arb judges what is within its radius, and a sample."""
    fleet = train_fleet(replace(config, text=False), options, many_layers(options))
    yield fleet.trained
    yield from rows_by_screen(fleet.capture(), SCREENED, f"screened, {config}", config.seed)


@holds_for(in_block_size, in_keys, ceiling, floor, given=fleet_configs, examples=3, text=True)
def trained_rows_together(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Trained fleets whose rows differ in length and block size (causal masks): one bound for all; at most 1,000 rows each."""
    fleet = train_fleet(config, options)
    yield fleet.trained
    rows = list(captured_rows(fleet.capture(max(config.dial, 12.0)), f"trained on {fleet.batch.source}, dial up, {config}"))
    kept = rows[:: max(1, len(rows) // 1000)]
    yield from _in_ranges(kept) if kept else ()
    for row in kept:
        case = row_case(row)
        if case.values[sym.margin] >= 0:
            yield ceiling, case
        if len(set(row.scores)) > 1:
            yield floor, floor_case(row, case)


CHECKS = FamilyChecks(
    family="entropy",
    theorems=THEOREMS,
    properties=(
        random_scores, edge_scores, distributions, searched_scores, shapes, rows_of_many_shapes,
        trained_layers, every_trained_row, trained_rows_together,
    ),
    extremal=EXTREMAL,
    extra=EXTRA,
    also_true=ALSO_TRUE,
)  # fmt: skip
