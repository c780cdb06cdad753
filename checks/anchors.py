"""Attacks on `theory.anchors`: rows of equal anchors, any distribution, codes that an optimiser spread, channels, trained pointers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flint import fmpq
from hypothesis import strategies as st

from checks import anchors_cases as cases
from checks.anchors_design import code_of, sign_vectors, spread_vectors, unit
from checks.anchors_extremal import ALSO_TRUE, EXTRA, EXTREMAL
from checks.anchors_systems import cross_polytope, exact_vectors, orthogonal, simplex
from checks.anchors_trained import attention_shares, pointer_systems, scaled
from checks.enclosure import rational
from checks.entropy_cases import exact_case, from_counts
from checks.properties import Emission, FamilyChecks, Options, holds_for
from checks.rows import nearly_two_level, random_rows, random_two_level
from checks.strategies import SEEDS, RowBatch, row_batches
from checks.trained import FleetConfig, captured_rows, fleet_configs, train_fleet
from theory import anchors_budget as bud
from theory import anchors_coherence as coh
from theory import anchors_information as inf
from theory import anchors_redundancy as red
from theory import anchors_tradeoff as tra
from theory import symbols as sym
from theory.anchors import THEOREMS

OF_A_ROW = (tra.peak, tra.spread, tra.spread_simple, tra.loss, red.redundancy)
OF_TWO_LEVELS = (red.logit, red.entropy_at, red.entropy_least, red.redundancy_exact)
OF_PAIRS = (red.replace, red.add, red.rises, red.costs, red.saves, tra.exchange_bound)
OF_A_SYSTEM = (bud.mean_margin, bud.least_margin, bud.least_budget, bud.near_optimal, bud.apart, bud.packing, bud.dual)
OF_TIED = (coh.tied, coh.margin_in_dimension, bud.mean_margin, bud.least_margin, bud.least_budget, bud.near_optimal, bud.apart,
    bud.packing, bud.simplex)  # fmt: skip


@dataclass(frozen=True)
class CodeBatch:
    """A recipe for `count` codes of M directions in D dimensions; everything else follows from the seed."""

    seed: int
    size: int
    width: int
    count: int

    @property
    def rng(self) -> np.random.Generator:
        """The generator of the batch; each call starts it anew."""
        return np.random.default_rng(self.seed)


@st.composite
def code_batches(draw: st.DrawFn) -> CodeBatch:
    """From two anchors on a line to a dozen in eight dimensions, M = D + 1, D + 2 and 2D drawn often."""
    width = draw(st.integers(1, 8))
    size = draw(st.one_of(st.sampled_from((width + 1, width + 2, 2 * width)), st.integers(2, 12)))
    return CodeBatch(draw(SEEDS), max(2, size), width, 12)


@holds_for(*OF_A_ROW, given=row_batches, examples=4)
def random_scores(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Random rows and rows a few units in the last place from two levels."""
    for index, row in enumerate(random_rows(batch)):
        if index % 2:
            yield from cases.cases_of_row(row)
    for index, row in enumerate(nearly_two_level(batch)):
        if index % 4 == 0:
            yield from cases.cases_of_row(row)


@holds_for(*OF_TWO_LEVELS, *OF_A_ROW, given=row_batches, examples=4)
def equal_anchors(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Two-level rows of random shape and gap: equal anchors."""
    for index, row in enumerate(random_two_level(batch)):
        if index % 2:
            yield from cases.cases_of_two_level(row)
        elif index % 8 == 0:
            yield from cases.cases_of_row(row)


@holds_for(*OF_PAIRS, tra.rate, tra.saving_rate, red.least_size, given=row_batches, examples=4)
def exchanges(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Two rows of one fidelity, or of one margin, that differ in their anchors; rates from power series."""
    rng = batch.rng
    for index in range(batch.count // 4):
        n = int(rng.integers(2, 200))
        g, other = sorted(int(x) for x in rng.integers(1, n, 2))
        t = rational(float(rng.normal(0, 4)))
        if index % 3 == 0:
            g, other = other, g
        yield red.replace, (pair := cases.pair_case(n, g, other, t))
        yield tra.exchange_bound, pair
        yield red.add, cases.added_case(n, g, other, t)
        low, high = sorted((g, other))
        same = cases.same_margin_case(n, low, high, abs(t))
        yield red.rises, same
        yield red.costs, same
        yield red.costs, cases.same_margin_case(n, low, high, abs(t) + 8)
        # below half of the keys r0 is above every number at a small enough margin
        yield red.saves, cases.same_margin_case(n, low, high, abs(t) / 64)
        yield red.saves, same
        rate = cases.rate_case(n, g, t)
        yield tra.rate, rate
        yield tra.saving_rate, rate
        yield red.least_size, exact_case({sym.n: n, sym.t: abs(t) + fmpq(1, 10**6)}, f"n = {n}, t = {abs(t)}")


@holds_for(tra.peak, tra.spread, tra.spread_simple, tra.loss, given=row_batches, examples=4)
def distributions(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Distributions that are no softmax row: zeros, ties, all on one anchor, everything on the anchors."""
    rng = batch.rng
    for index in range(batch.count):
        counts = rng.integers(0, (1, 2, 10, 10**6)[index % 4], batch.n, endpoint=True) * (rng.random(batch.n) < rng.random())
        counts[int(rng.integers(batch.g))] += 1
        g = batch.g if index % 5 else batch.n
        yield from cases.cases_of_law(from_counts(counts.tolist(), g, f"distribution {index} of {batch}"), index)


@holds_for(*cases.OF_A_CODE, *OF_TIED, bud.enough, bud.attained, bud.dual, given=code_batches, examples=6)
def codes(batch: CodeBatch, options: Options) -> Iterator[Emission]:
    """Random, sign, coordinate and simplex codes, and codes that L-BFGS spread out: near the least coherence."""
    rng = batch.rng
    found = [simplex(batch.size), cross_polytope(batch.width), orthogonal(batch.size)]
    found = [code for code in found if code.size > 1]
    for index in range(batch.count):
        origin = f"code {index} of {batch}"
        rows = rng.standard_normal((batch.size, batch.width))
        if index % 3 == 0:
            rows = spread_vectors(batch.size, batch.width, batch.seed + index, steps=60)
        elif index % 3 == 1:
            rows = sign_vectors(batch.size, batch.width, batch.seed + index)
        found.append(code_of(rows, origin))
    phi = fmpq(int(rng.integers(1, 1000)), 1000)
    at_best = cases.code_case(simplex(batch.size), cases.best_norm(batch.size, phi), extremal=True, phi=phi, mu=fmpq(1, 2))
    if phi * batch.size >= 1:  # below, the norm would be negative
        for theorem in (bud.attained, bud.least_budget, bud.near_optimal):
            yield theorem, at_best
        yield bud.dual, cases.dual_at_simplex(batch.size, phi)
    for code in found:
        yield from cases.cases_of_code(code)
        yield from cases.cases_of_tied(code, rational(float(rng.exponential(6))))
        if code.coherence() < fmpq(99, 100):
            yield bud.enough, cases.enough_case(code, fmpq(int(rng.integers(1, 1000)), 1000))


@holds_for(*OF_A_SYSTEM, given=code_batches, examples=6)
def systems(batch: CodeBatch, options: Options) -> Iterator[Emission]:
    """Anchors with any queries: random ones, spread ones with queries along them or off, anchors inside the unit ball."""
    rng = batch.rng
    for index in range(batch.count):
        anchors = unit(rng.standard_normal((batch.size, batch.width)))
        if index % 2:
            anchors = spread_vectors(batch.size, batch.width, batch.seed + index, steps=40)
        queries = (anchors + rng.standard_normal(anchors.shape) * (0.0, 0.1, 3.0)[index % 3]) * rng.exponential(5)
        anchors = anchors * rng.uniform(0.2, 1.0, (batch.size, 1)) if index % 5 == 0 else anchors
        exact = (exact_vectors(anchors.tolist(), "random"), exact_vectors(queries.tolist(), "random"))
        system = scaled(*exact, f"system {index} of {batch}")
        yield from cases.cases_of_system(system, attention_shares(system))


@holds_for(inf.dual, inf.exact, inf.bound, inf.known, given=row_batches, examples=4)
def channels(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Channels from random counts, some even, some useless, some better than their names say; error bounds above the error."""
    rng = batch.rng
    for index in range(batch.count // 4):
        size, values = int(rng.integers(2, 6)), int(rng.integers(2, 8))
        names = [int(x) for x in rng.integers(0, size, values)]
        counts = rng.integers(0, 9, (size, values))
        if index % 2:
            counts = counts + 40 * (np.array(names) == np.arange(size)[:, None])
        counts[:, 0] += counts.sum(axis=1) == 0
        channel = cases.Channel(tuple(tuple(map(int, row)) for row in counts), tuple(names), f"channel {index} of {batch}")
        error, cap = channel.numbers()[0], fmpq(size - 1, size)
        yield from cases.cases_of_channel(channel)
        yield from cases.cases_of_channel(channel, min((error + cap) / 2, cap) if error < cap else cap)


@holds_for(coh.sign_failure, coh.sign_code, given=code_batches, examples=6)
def sign_codes(batch: CodeBatch, options: Options) -> Iterator[Emission]:
    """Every code of two or three sign vectors in up to nine dimensions, counted."""
    rng = batch.rng
    for _ in range(3):
        for size, widest in ((2, 12), (3, 7), (4, 4)):
            case = cases.sign_case(size, int(rng.integers(1, widest + 1)), fmpq(int(rng.integers(0, 100)), 100))
            yield coh.sign_failure, case
            yield coh.sign_code, case


@holds_for(*OF_A_ROW, *OF_A_SYSTEM, given=fleet_configs, examples=5, text=True)
def trained_pointers(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Trained layers, on synthetic codes and real text: up to 300 rows (own-block keys are the anchors), and 12 systems of queries."""
    fleet = train_fleet(config, options)
    yield fleet.trained
    rows = list(captured_rows(fleet.capture(), f"trained on {fleet.batch.source}, {config}"))
    for row in rows[:: max(1, len(rows) // 300)]:
        yield from cases.cases_of_row(row)
    for system in pointer_systems(fleet, 12):
        yield from cases.cases_of_system(system, attention_shares(system))


CHECKS = FamilyChecks(
    family="anchors",
    theorems=THEOREMS,
    properties=(
        random_scores, equal_anchors, exchanges, distributions, codes, systems, channels, sign_codes, trained_pointers,
    ),
    extremal=EXTREMAL,
    extra=EXTRA,
    also_true=ALSO_TRUE,
)  # fmt: skip
