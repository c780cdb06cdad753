"""Attacks on `theory.concentration`: random, two-level, nearly two-level and searched rows, and every row of trained layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import sympy as sp
from flint import arb, ctx, fmpq
from numpy.typing import NDArray

from checks.claims import Case, row_case
from checks.enclosure import BITS, Row, Value, rational
from checks.properties import Emission, FamilyChecks, Options, holds_for
from checks.rows import block_flags, climb, nearly_two_level, ordinary_rows, random_rows, random_two_level, two_level_rows
from checks.screen import screened
from checks.screen_attack import SCREEN
from checks.strategies import RowBatch, row_batches
from checks.trained import FleetConfig, captured_rows, fleet_configs, many_layers, rows_by_screen, train_fleet
from theory import symbols as sym
from theory.concentration import (
    THEOREMS,
    exponential_rate,
    fidelity_floor,
    fidelity_target,
    gain,
    margin_monotone,
    necessary_margin,
    outside_mass,
    rate_is_exact,
    soft_margin_form,
)
from theory.theorem import Theorem

_OF_EVERY_ROW = (outside_mass, fidelity_floor, exponential_rate, necessary_margin, soft_margin_form)
SCREENED = screened("concentration")


def cases_of(row: Row) -> Iterator[tuple[Theorem, Case]]:
    """Every statement of the family that speaks of a single row, with the measured margin as t."""
    case = row_case(row)
    for theorem in _OF_EVERY_ROW:
        yield theorem, case
    if row.two_level:
        yield rate_is_exact, case
    yield fidelity_target, _target_case(row, case)


def _target_case(row: Row, case: Case) -> Case:
    """The greatest fidelity target that the row's margin warrants, moved down to a rational below it."""
    odds = arb(case.values[sym.g]) / case.values[sym.m] * arb(case.values[sym.margin]).exp()
    bound = odds / (1 + odds)
    target = fmpq(int((bound * 2**30).floor().unique_fmpz() or 0), 2**30)
    if not 0 < target < 1:
        target = fmpq(1, 2**40)
    return Case({**case.values, sym.phi: target}, f"{row.origin}, target {target}", case.exact)


@holds_for(*_OF_EVERY_ROW, fidelity_target, rate_is_exact, given=row_batches, examples=8)
def random_scores(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Random rows of any margin, positive or negative."""
    for row in random_rows(batch):
        yield from cases_of(row)


@holds_for(*_OF_EVERY_ROW, fidelity_target, rate_is_exact, given=row_batches, examples=4)
def edge_scores(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Two-level rows, where the bounds are attained, and rows a few units in the last place away from them."""
    for source in (random_two_level(batch), nearly_two_level(batch)):
        for row in source:
            yield from cases_of(row)


@holds_for(outside_mass, fidelity_floor, given=row_batches, examples=10)
def searched_scores(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Rows that gradient ascent drives towards the bound, each judged before and after the climb."""
    inside = np.array(block_flags(batch.n, batch.g))
    rng = batch.rng
    for index in range(8):
        start = rng.standard_normal(batch.n)
        for stage, x in (("start", start), ("climbed", climb(lambda x: log_ratio(x, inside), start))):
            scores = np.where(inside, batch.gap + x**2, -(x**2))
            row = Row(tuple(scores.tolist()), tuple(inside.tolist()), f"searched row {index} ({stage}) of {batch}")
            case = row_case(row)
            yield outside_mass, case
            yield fidelity_floor, case


def log_ratio(x: NDArray[np.float64], inside: NDArray[np.bool_]) -> tuple[float, NDArray[np.float64]]:
    """Ln of the row's odds of leaving over the bound's, and its gradient, for the scores gap + x^2 in the block and -x^2 outside.

    The squares keep the margin at least the gap and make the objective smooth; it is at most 0, and 0 where x = 0: a two-level row.
    """
    squares = np.minimum(x**2, 700.0)  # beyond that e^x^2 is no float
    high = squares[inside].max()
    weights = np.where(inside, np.exp(squares - high), np.exp(-squares))
    mass_in, mass_out = weights[inside].sum(), weights[~inside].sum()
    value = np.log(mass_out / (~inside).sum()) - np.log(mass_in / inside.sum()) - high
    return float(value), -2 * x * weights / np.where(inside, mass_in, mass_out)


@holds_for(*_OF_EVERY_ROW, fidelity_target, given=fleet_configs, examples=4, text=True)
def trained_layers(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Every query row of a trained fleet, on synthetic codes and on real text."""
    fleet = train_fleet(config, options)
    yield fleet.trained
    for row in captured_rows(fleet.capture(), f"trained on {fleet.batch.source}, {config}"):
        for theorem, case in cases_of(row):
            if theorem is not rate_is_exact:
                yield theorem, case


@holds_for(*SCREENED, given=fleet_configs, examples=12)
def every_trained_row(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Every row of large fleets, by the float64 screen; Arb judges what is within its radius, and a sample."""
    fleet = train_fleet(replace(config, text=False), options, many_layers(options))
    yield fleet.trained
    yield from rows_by_screen(fleet.capture(), SCREENED, f"screened, {config}", config.seed)


@holds_for(margin_monotone, given=row_batches, examples=4)
def monotone_in_the_margin(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """The bound at one margin against the bound at a greater one."""
    rng = batch.rng
    for first, second in zip(rng.normal(0, 20, batch.count).tolist(), rng.exponential(2, batch.count).tolist(), strict=True):
        values: dict[sp.Symbol, Value] = {sym.n: batch.n, sym.g: batch.g, sym.margin: arb(first), gain: arb(second)}
        yield (
            margin_monotone,
            Case(values, f"margins {first} and {first} + {second}", {"margin": first.hex(), "gain": second.hex()}),
        )


def _of_rows(*names: str) -> dict[str, Callable[[], list[Case]]]:
    return {name: lambda: [row_case(row) for row in (*two_level_rows(), *ordinary_rows())] for name in names}


def _targets() -> list[Case]:
    """Two-level rows at exactly the required margin: odds of staying are a rational q, the gap is ln(q (n-g)/g)."""

    def at(n: int, g: int, odds: int) -> Case:
        fixed: dict[sp.Symbol, Value] = {sym.n: n, sym.g: g, sym.phi: fmpq(odds, odds + 1), sym.fidelity: fmpq(odds, odds + 1)}

        def values(bits: int) -> dict[sp.Symbol, Value]:
            old, ctx.prec = ctx.prec, bits
            try:
                return fixed | {sym.margin: (arb(odds) * (n - g) / g).log()}
            finally:
                ctx.prec = old

        return Case(values(BITS), f"two-level row with odds {odds}", {"n": n, "g": g, "odds": odds}, True, values)

    above = [_target_case(row, row_case(row)) for row in ordinary_rows()]
    return [at(2, 1, 3), at(8, 2, 9), at(64, 8, 99), *above]


def _monotone() -> list[Case]:
    return [
        Case(
            {sym.n: n, sym.g: g, sym.margin: rational(t), gain: rational(step)},
            f"margins {t}, {t + step}",
            None,
            extremal=step == 0,
        )
        for n, g in ((2, 1), (8, 2), (64, 63))
        for t, step in ((0, 0), (3, 0), (1, 1), (-2, 3), (fmpq(1, 2), fmpq(1, 3)), (-4, fmpq(1, 8)), (fmpq(1, 2), 0))
    ]


CHECKS = FamilyChecks(
    family="concentration",
    theorems=THEOREMS,
    properties=(random_scores, edge_scores, searched_scores, trained_layers, every_trained_row, monotone_in_the_margin),
    extremal=_of_rows(*(theorem.name for theorem in _OF_EVERY_ROW))
    | {
        rate_is_exact.name: lambda: [row_case(row) for row in two_level_rows()],
        fidelity_target.name: _targets,
        margin_monotone.name: _monotone,
    },
    also_true={
        exponential_rate.name: {"an epsilon in the denominator": "E = (n-g)/(g e^t + n-g), and n - g >= 1 exceeds the epsilon"},
        rate_is_exact.name: {
            "g off by one (up)": "it is rho' - rho'^2 for a smaller rho', and eps = rho/(1+rho) > rho'/(1+rho') >= rho' - rho'^2",
            "n off by one (down)": "the same, with a smaller rho'",
            "-g for -g + n": "the bound is negative then, and outside mass is not",
        },
        margin_monotone.name: {
            "gain forgotten (1)": "1 is a gain as well",
            "gain squared": "gain^2 is a gain as well",
            "-margin for -gain - margin": "both sides are the same number then",
        },
    },
    evaluators=(SCREEN,),
)
