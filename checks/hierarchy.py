"""Attacks on `theory.hierarchy`: exact and trained routers over rows, runs of events on one potential, proximal steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from flint import fmpq

from checks import hierarchy_cases as cases
from checks.claims import Case
from checks.extinction_exact import bits
from checks.hierarchy_exact import EVENT_KINDS, Event, EventRun, Mixture, Quadratic, captured_mixture
from checks.hierarchy_trained import DescentPlan, descent_plans, trained_cases
from checks.properties import Emission, FamilyChecks, Options, Trained, holds_for
from checks.strategies import SEEDS
from checks.trained import FleetConfig, captured_rows, fleet_configs, train_fleet
from checks.training import pick_device
from theory import symbols as sym
from theory.hierarchy import THEOREMS
from theory.hierarchy_budget import (
    budget,
    joint_moves,
    local_optimum,
    moves,
    stale_test,
    steps_with_large_map,
    two_potentials,
)
from theory.hierarchy_compose import chain_rule, composition, entropy_bound, marginal, shared_keys
from theory.hierarchy_descent import descent, descent_step, long_step, minibatch, rising_step


def _law(rng: np.random.Generator, count: int) -> tuple[fmpq, ...]:
    """Positive rational weights, uneven."""
    counts = rng.integers(1, 40, count) ** int(rng.integers(1, 4))
    return tuple(fmpq(int(c), int(counts.sum())) for c in counts)


def random_mixture(rng: np.random.Generator, origin: str) -> Mixture:
    """Up to six experts with up to eight keys out of a union of sixteen; a third of them disjoint."""
    experts = int(rng.integers(1, 7))
    sizes = rng.integers(1, 9, experts).tolist()
    apart = bool(rng.random() < 1 / 3)
    keys = [rng.permutation(16)[:size] + (100 * e if apart else 0) for e, size in enumerate(sizes)]
    right = rng.random(experts) < 0.6
    right[int(rng.integers(experts))] = True
    return Mixture(
        _law(rng, experts),
        tuple(_law(rng, size) for size in sizes),
        tuple(tuple(bool(f) for f in rng.random(size) < 0.5) for size in sizes),
        tuple(bool(f) for f in right),
        tuple(tuple(int(k) for k in row) for row in keys),
        origin,
    )


@holds_for(*cases.ABOUT_MIXTURES, given=lambda: SEEDS, examples=6)
def random_mixtures(seed: int, options: Options) -> Iterator[Emission]:
    """Rational routers and rows: every quantity from the weights of the pairs, fidelities exactly."""
    rng = np.random.default_rng(seed)
    for index in range(120):
        yield from cases.mixture_cases(random_mixture(rng, f"mixture {index} of seed {seed}"))
    for _ in range(20):
        experts, right = int(rng.integers(2, 8)), 1
        keys = int(rng.integers(2, 9))
        miss = fmpq(int(rng.integers(0, 9)), 8)
        found = cases.flat(experts, right, keys, int(rng.integers(1, 20)), miss, fmpq(int(rng.integers(0, keys)), keys))
        if 0 < miss < 1:
            yield from cases.mixture_cases(found)


@holds_for(*cases.ABOUT_RUNS, local_optimum, given=lambda: SEEDS, examples=6)
def random_runs(seed: int, options: Options) -> Iterator[Emission]:
    """Runs of up to twelve events; some bring exactly what is required, some more; new data of either sign."""
    rng = np.random.default_rng(seed)

    def number(low: int, high: int) -> fmpq:
        return fmpq(int(rng.integers(low, high)), 8)

    for index in range(120):
        gains = (number(1, 30), number(1, 30))
        exactly = index % 3 == 0
        empty = EventRun(fmpq(0), (), *gains)
        events = []
        for _ in range(int(rng.integers(0, 13))):
            kind = EVENT_KINDS[int(rng.integers(3))]
            event = Event(kind, fmpq(0), number(-4, 5), number(1, 9), number(0, 30))
            drop = empty.need(event) + (0 if exactly else number(0, 9))
            events.append(Event(event.kind, drop, event.lift, event.eta, event.size))
        run = EventRun(number(-40, 400), tuple(events), *gains)
        case = run.case(number(1, 30), f"run {index} of seed {seed}", extremal=exactly)
        for theorem in cases.ABOUT_RUNS:
            yield theorem, case
        tested, drift = number(-20, 30), number(-20, 1)
        yield (
            local_optimum,
            Case(
                {sym.gain_tested: tested, sym.gain_drift: drift, sym.gain_now: tested + drift, sym.block_gain: gains[0]},
                f"candidate {index} of seed {seed}",
            ),
        )


@holds_for(*cases.ABOUT_STEPS, given=lambda: SEEDS, examples=6)
def random_steps(seed: int, options: Options) -> Iterator[Emission]:
    """Exact proximal steps on quadratics of one to four weights, curvatures of either sign, with and without a penalty."""
    rng = np.random.default_rng(seed)

    def numbers(count: int, low: int, high: int) -> tuple[fmpq, ...]:
        return tuple(fmpq(int(k), 4) for k in rng.integers(low, high, count))

    for index in range(120):
        size = 1 if index % 2 else int(rng.integers(2, 5))
        loss = Quadratic(numbers(size, -12, 13), numbers(size, -20, 21), numbers(1, 0, 6)[0] if index % 3 else fmpq(0))
        top = max(max(map(abs, loss.curvatures)), fmpq(1, 4))
        bound = top if size == 1 else top + fmpq(1, 8)
        eta = fmpq(int(rng.integers(1, 9)), 8) / bound
        case = loss.case(numbers(size, -20, 21), eta, bound, f"step {index} of seed {seed}")
        for theorem in cases.ABOUT_STEPS:
            yield theorem, case


@holds_for(*cases.ABOUT_MIXTURES, given=fleet_configs, examples=8, text=True)
def trained_routers(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Trained layers as experts and as router: the rows of one query in several layers, a row of another layer as the router's law.

    About one query in eight of at most sixteen layers is certified.
    """
    fleet = train_fleet(config, options, min(options.layers, 16))
    yield fleet.trained
    rows = [row for row in captured_rows(fleet.capture(), "row") if len(row.scores) >= 2]
    rng = np.random.default_rng(config.seed)
    for index in range(0, len(rows), 8):
        router = rows[index]
        count = min(len(router.scores), 4)
        chosen = [rows[int(k)] for k in rng.integers(0, len(rows), count)]
        right = [bool(flag) for flag in router.block[:count]]
        if not any(right):
            continue
        shift = 0 if index % 16 else 100
        keys = [range(shift * e, shift * e + len(row.scores)) for e, row in enumerate(chosen)]
        origin = f"router {index} over {count} rows, trained on {fleet.batch.source}, {config}"
        with bits(128):
            mixture = captured_mixture(router.scores[:count], chosen, right, keys, origin)
        yield from cases.mixture_cases(mixture)


@holds_for(descent, descent_step, budget, moves, steps_with_large_map, given=descent_plans, examples=12, text=True)
def trained_descent(plan: DescentPlan, options: Options) -> Iterator[Emission]:
    """Layers trained by full-batch proximal gradient with eta <= 1/L_s: every step certified, every run against the budget."""
    layers = max(1, min(options.layers // 16, 4))
    yield Trained(layers, pick_device(options.device).type, "float64")
    yield from trained_cases(plan, layers, 8, options)


_BITS = {"bits for nats on the left": "a positive number goes to another on the same side of the bound"}
CHECKS = FamilyChecks(
    family="hierarchy",
    theorems=THEOREMS,
    properties=(random_mixtures, random_runs, random_steps, trained_routers, trained_descent),
    extremal={
        composition.name: cases.composition_cases,
        chain_rule.name: cases.chain_cases,
        entropy_bound.name: cases.bound_cases,
        marginal.name: cases.marginal_cases,
        descent.name: cases.descent_cases,
        descent_step.name: cases.descent_step_cases,
        budget.name: cases.run_cases,
        moves.name: cases.move_cases,
        steps_with_large_map.name: cases.step_cases,
        local_optimum.name: cases.optimum_cases,
    }
    | {
        theorem.name: cases.closed
        for theorem in (shared_keys, long_step, rising_step, minibatch, stale_test, joint_moves, two_potentials)
    },
    also_true={
        theorem.name: _BITS
        for theorem in (shared_keys, long_step, rising_step, minibatch, stale_test, joint_moves, two_potentials)
    },
)

__all__ = ["CHECKS"]
