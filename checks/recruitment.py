"""Attacks on `theory.recruitment`: exact runs, finite experiments, trees of prefixes and sums of gains; real text; trained layers.

Probabilities are exact rationals, found by enumeration; only logarithms are balls. The mechanism itself is attacked as it is used:
its learned blocks are the alternatives in the trees, and its runs on real text are runs of `recruitment.budget`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import prod

import numpy as np
from flint import arb

from checks import recruitment_extremal as edge
from checks.claims import Case
from checks.enclosure import Row
from checks.properties import Emission, FamilyChecks, Options, holds_for
from checks.recruitment_cases import (
    Experiment,
    Ledger,
    crossing_case,
    density_values,
    experiment_cases,
    many_cases,
    power_cases,
    run_cases,
    sequence_cases,
    stopping_cases,
    streaming_case,
    walk_case,
    walk_values,
)
from checks.recruitment_exact import Gains, exact, first_crossings, learned, ln, markov, shtarkov, steady
from checks.recruitment_run import recruit_stream
from checks.recruitment_tests import Ledger as Tests
from checks.recruitment_text import LEAST, file_stream, topics_stream
from checks.strategies import SEEDS
from checks.trained import FleetConfig, captured_rows, fleet_configs, train_fleet
from theory.recruitment import THEOREMS
from theory.recruitment_budget import admissible, budget, density, endless, streaming, termination, whole_count
from theory.recruitment_codes import (
    compression,
    kraft,
    lasso,
    offset,
    parameter_cost,
)
from theory.recruitment_learned import learned as learned_delay
from theory.recruitment_learned import regret
from theory.recruitment_power import delay, delay_sharp, power, power_variance
from theory.recruitment_sequential import all_time, ever, sequential
from theory.recruitment_time import mean_time_ceiling, mean_time_floor, optimality

_RUNS = (budget, termination, whole_count, admissible, endless)


def _fractions(rng: np.random.Generator, count: int, scale: int = 30) -> list[Fraction]:
    return [Fraction(int(k), 8) for k in rng.integers(0, scale, count)]


def _law(rng: np.random.Generator, outcomes: int) -> tuple[Fraction, ...]:
    """A random probability vector with small integer weights; zeros are common."""
    weights = rng.integers(0, 5, outcomes)
    weights[rng.integers(outcomes)] += 1
    return tuple(Fraction(int(w), int(weights.sum())) for w in weights)


@holds_for(*_RUNS, streaming, given=lambda: SEEDS, examples=12)
def random_runs(seed: int, options: Options) -> Iterator[Emission]:
    """Runs with random decreases, requirements and rises; some undo every recruitment, some bring exactly what is required."""
    rng = np.random.default_rng(seed)
    for index in range(120):
        count = int(rng.integers(0, 9))
        needs = [Fraction(int(rng.integers(1, 20)), 4)] * count if index % 2 else _fractions(rng, count)
        drops = needs if index % 3 == 0 else [n + e for n, e in zip(needs, _fractions(rng, count), strict=True)]
        rises = drops if index % 5 == 0 else [r - 2 for r in _fractions(rng, count)]
        run = Ledger(Fraction(int(rng.integers(0, 60))), tuple(rises), tuple(drops), tuple(needs))
        yield from run_cases(run, f"random run {index} of seed {seed}")
        costs = [c + Fraction(1, 8) for c in _fractions(rng, 1 + count)]
        gain = Fraction(int(rng.integers(1, 16)), 8)
        most = int((run.start + sum(costs)) / gain)
        moved = [gain] * int(rng.integers(0, min(most, 12) + 1))
        yield streaming_case(run.start, costs, gain, moved, f"random stream {index} of seed {seed}")


@holds_for(compression, parameter_cost, kraft, offset, given=lambda: SEEDS, examples=12)
def random_experiments(seed: int, options: Options) -> Iterator[Emission]:
    """Random laws and codes over up to eight outcomes, at every threshold at which the event changes."""
    rng = np.random.default_rng(seed)
    for index in range(25):
        outcomes, codes = int(rng.integers(2, 9)), int(rng.integers(1, 5))
        drawn = tuple(_law(rng, outcomes) for _ in range(codes))
        weights = tuple(Fraction(1, int(k)) for k in rng.integers(codes, 4 * codes, codes))
        experiment = Experiment(_law(rng, outcomes), drawn, weights)
        for ratio in experiment.ratios()[-6:]:
            if ratio > 0:
                yield from experiment_cases(experiment, ratio, f"experiment {index} of seed {seed}, ratio {ratio}")


@holds_for(sequential, all_time, ever, given=lambda: SEEDS, examples=8)
def prefix_trees(seed: int, options: Options) -> Iterator[Emission]:
    """Every prefix up to nine tokens: learned blocks and fixed codes against independent and Markov laws, exactly."""
    rng = np.random.default_rng(seed)
    rates = []
    alpha = Fraction(1, int(rng.integers(2, 21)))
    for index in range(6):
        tokens = 2 if index % 2 else 3
        p = _law(rng, tokens)
        law = steady(p) if index % 3 else markov(p, [_law(rng, tokens) for _ in range(tokens)])
        strength = (None, Fraction(tokens, 2), Fraction(tokens), Fraction(1, 4))[index % 4]
        for name, code in (("learned", learned(tokens, strength)), ("fixed", steady(_law(rng, tokens)))):
            for ratio in (Fraction(3, 2), Fraction(2), Fraction(27, 8)):
                crossing = first_crossings(law, code, ratio, 8 if tokens == 2 else 5)
                yield crossing_case(crossing, f"tree {index} of seed {seed}, {name} code, ratio {ratio}")
        ratio = Fraction((index + 1) * (index + 2)) / alpha
        rates.append(first_crossings(law, learned(tokens, Fraction(1, 4)), ratio, 7 if tokens == 2 else 4).law)
    for count in range(len(rates) + 1):
        independent = 1 - prod((1 - rate for rate in rates[:count]), start=Fraction(1))
        yield from many_cases(rates[:count], alpha, independent, f"first {count} trees of seed {seed}, independent")
        yield from many_cases(
            rates[:count], alpha, sum(rates[:count], Fraction(0)), f"first {count} trees of seed {seed}, disjoint"
        )


@holds_for(power_variance, power, delay, delay_sharp, mean_time_ceiling, mean_time_floor, given=lambda: SEEDS, examples=8)
def sums_of_gains(seed: int, options: Options) -> Iterator[Emission]:
    """Two-valued gains: exact binomial tails against the bounds, exact mean times of stopped sums."""
    rng = np.random.default_rng(seed)
    for index in range(20):
        high, chance = Fraction(int(rng.integers(1, 9)), 4), Fraction(int(rng.integers(3, 12)), 12)
        low = high - Fraction(int(rng.integers(1, 16)), 4)
        gains = Gains(high, low, chance)
        threshold = Fraction(int(rng.integers(1, 12)), 2)
        for count in (1, 3, 10, 40):
            yield from power_cases(gains, count, threshold, f"gains {index} of seed {seed}, {count} samples")
        yield from stopping_cases(gains, threshold, 12, f"stopped sum {index} of seed {seed}")
        rising = Gains(high, high / 4, chance)
        yield from stopping_cases(rising, threshold, 60, f"rising sum {index} of seed {seed}")


@holds_for(optimality, regret, learned_delay, density, given=lambda: SEEDS, examples=8)
def learned_and_optimal(seed: int, options: Options) -> Iterator[Emission]:
    """Walks between two mirror images, 0-1 sequences under Laplace's rule, densities of every scale."""
    rng = np.random.default_rng(seed)
    for index in range(30):
        chance, level = Fraction(int(rng.integers(51, 100)), 100), int(rng.integers(1, 20))
        alpha = None if index % 2 else walk_values(chance, level)[1] * Fraction(int(rng.integers(9, 30)), 8)
        yield optimality, walk_case(optimality, chance, level, alpha, f"walk {index} of seed {seed}")
        count = int(rng.integers(1, 60))
        ones = int(rng.integers(0, count + 1))
        origin = f"sequence {index} of seed {seed}"
        yield from sequence_cases(ones, count, Fraction(1, 2**count), origin)
        yield from sequence_cases(ones, count, Fraction(1, 3**count), origin, Fraction(int(rng.integers(1, 8)), 8))
        scale = Fraction(int(rng.integers(1, 1000)), 10 ** int(rng.integers(0, 60)))
        yield density, Case(density_values(scale, ln(2 * scale) + Fraction(index + 1, 9).__float__()), origin)


@holds_for(lasso, given=lambda: SEEDS, examples=2)
def norm_penalties(seed: int, options: Options) -> Iterator[Emission]:
    """Candidates in balls, more of them than e^(lam rho): the sum of e^-penalty in balls of Arb."""
    rng = np.random.default_rng(seed)
    for index in range(20):
        weight, radius = Fraction(int(rng.integers(1, 12)), 4), Fraction(int(rng.integers(1, 8)), 4)
        least = int(float((arb(exact(weight * radius))).exp().upper())) + 1
        norms = [Fraction(int(k), 64) * radius for k in rng.integers(0, 65, least + int(rng.integers(0, 5)))]
        yield lasso, edge.lasso_case(weight, radius, norms, f"ball {index} of seed {seed}")


@holds_for(budget, streaming, given=lambda: SEEDS, examples=2, text=True)
def recruited_text(seed: int, options: Options) -> Iterator[Emission]:
    """Runs of the mechanism on real text: every token adds its code length, every recruitment recodes the tokens since the last one."""
    stream = topics_stream(seed, 3000) if options.text is None else file_stream(options.text, seed, max(3000, LEAST))
    state = recruit_stream(stream.tokens, stream.candidates, Tests(Fraction(1, 20)))
    yield from edge.text_cases(state, f"{stream.source}, order {seed}")


@holds_for(compression, sequential, kraft, given=fleet_configs, examples=4, text=True)
def trained_layers(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Attention of trained layers as the law of a pointer: the same checkpoint at other dial settings as the alternatives.

    Exact first crossings need rationals, so attention weights are rounded down to a multiple of 2^-20 and the rest goes to the last key.
    """
    fleet = train_fleet(config, options, min(options.layers, 8))
    yield fleet.trained
    settings = (config.dial, config.dial + 1.0, config.dial + 3.0)
    for index, same in enumerate(zip(*(captured_rows(fleet.capture(dial), "row") for dial in settings), strict=True)):
        if index % 16 or len(same[0].scores) < 2:
            continue
        law, *codes = (_rounded(row) for row in same)
        origin = f"row {index} on {fleet.batch.source}, dials {settings}, {config}"
        experiment = Experiment(law, tuple(codes), (Fraction(1, 2),) * len(codes))
        ratios = [ratio for ratio in experiment.ratios() if ratio > 0]
        for ratio in ratios[-3:]:
            for theorem, case in experiment_cases(experiment, ratio, origin):
                if theorem in (compression, kraft):
                    yield theorem, case
        yield crossing_case(first_crossings(steady(law), steady(codes[0]), Fraction(6, 5), 2), origin)


def _rounded(row: Row) -> tuple[Fraction, ...]:
    top = max(float(score) for score in row.scores)
    weights = np.exp(np.array([float(score) - top for score in row.scores]))
    shares = [Fraction(int(w), 2**20) for w in np.floor(weights / weights.sum() * 2**20)]
    shares[-1] += 1 - sum(shares)
    return tuple(shares)


@holds_for(parameter_cost, given=lambda: SEEDS, examples=1)
def fitted_coins(seed: int, options: Options) -> Iterator[Emission]:
    """Coins fitted to the tosses they are scored on: all sequences by their number of heads, against C e^-K."""
    for count in range(1, 13):
        for ratio in (Fraction(3, 2), Fraction(2), Fraction(4), Fraction(2) ** count):
            yield edge.coin_case(count, ratio, shtarkov(count), f"{count} tosses, ratio {ratio}")


CHECKS = FamilyChecks(
    family="recruitment",
    theorems=THEOREMS,
    properties=(
        random_runs,
        random_experiments,
        prefix_trees,
        sums_of_gains,
        learned_and_optimal,
        norm_penalties,
        recruited_text,
        trained_layers,
        fitted_coins,
    ),
    extremal=edge.EXTREMAL,
    extra={},
    also_true=edge.ALSO_TRUE,
)

__all__ = ["CHECKS"]
