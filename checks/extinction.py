"""Attacks on `theory.extinction`: exact steps and runs under random and adversarial vectors, floats at the edge, trained
fleets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp
from flint import arb, fmpq
from sympy.core.relational import Relational

from checks import extinction_cases as cases
from checks import extinction_run_cases as runs
from checks.claims import Case
from checks.controls import PART_PER_MILLION, Mutant, with_claim
from checks.enclosure import Value
from checks.extinction_exact import adam_ratio, bits, vector, worst_gradients
from checks.extinction_failing import failing_cases
from checks.extinction_fleets import Plan, extinction_cases, make_data, plans, train_fleet, variants
from checks.extinction_floats import zero_steps
from checks.extinction_steps import (
    RUN_STATEMENTS,
    STEP_STATEMENTS,
    Draws,
    draws,
    random_run_cases,
    random_step_cases,
    step_cases,
)
from checks.layer import Parameters
from checks.properties import Emission, FamilyChecks, Options, Trained, holds_for
from checks.rows import climb
from checks.training import gradients, one_thread, prepare
from theory import symbols as sym
from theory.extinction import THEOREMS
from theory.extinction_adam import adam, adam_ratio_bound, quoted
from theory.extinction_failing import below_threshold, spectral_clipping, subgradient, subgradient_ball
from theory.extinction_float import float_stagnation, float_stays, float_zero
from theory.extinction_momentum import averaging, momentum_bound, momentum_run
from theory.extinction_prox import ball_prox, prox_minimiser, prox_norm
from theory.extinction_runs import clipping, decay_and_balls, finite_time, norm_after, varying_steps
from theory.extinction_steps import decay_step, decrease, fixed_points, stays_zero
from theory.theorem import Theorem

USUAL = ((fmpq(9, 10), fmpq(999, 1000)), (fmpq(9, 10), fmpq(19, 20)), (fmpq(1, 2), fmpq(1, 2)), (fmpq(0), fmpq(9, 10)))


def _at(precision: int, source: Iterator[Emission]) -> Iterator[Emission]:
    """The emissions of a source that computes with that many bits; the consumer's precision is its own."""
    while True:
        with bits(precision):
            emission = next(source, None)
        if emission is None:
            return
        yield emission


@holds_for(*STEP_STATEMENTS, given=draws, examples=6)
def random_steps(drawn: Draws, options: Options) -> Iterator[Emission]:
    """Single exact steps on random groups, under random vectors and under ones that point (almost) outward: over 1,000 cases a
    draw.
    """
    yield from _at(256, random_step_cases(drawn, 120))


@holds_for(*RUN_STATEMENTS, given=draws, examples=8)
def random_runs(drawn: Draws, options: Options) -> Iterator[Emission]:
    """Whole exact runs of every kind, under random vectors and under adversaries."""
    yield from _at(256, random_run_cases(drawn, 40))


def _log_ratio(gradient: np.ndarray, b1: float, b2: float) -> tuple[float, np.ndarray]:
    """ln(|A_1|/sqrt(A_2)) of a sequence of gradients, and its derivative."""
    age = np.arange(len(gradient) - 1, -1, -1)
    first, second = b1**age, b2**age
    a1, a2 = float(first @ gradient), float(second @ gradient**2)
    return np.log(abs(a1)) - np.log(a2) / 2, first / a1 - second * gradient / a2


@holds_for(adam_ratio_bound, given=draws, examples=4)
def adam_sequences(drawn: Draws, options: Options) -> Iterator[Emission]:
    """Gradients of one coordinate: random, with outliers, found by gradient ascent, and the worst ones, 300 to 20,000 steps
    long.
    """
    rng = drawn.rng

    def case(entries: list[arb], b1: fmpq, b2: fmpq, origin: str) -> Case:
        with bits(256):
            return Case({sym.adam_value: adam_ratio(entries, b1, b2), sym.beta1: b1, sym.beta2: b2}, origin, None, b1 == b2)

    for b1, b2 in USUAL:
        for index in range(60):
            raw = rng.standard_normal(int(rng.integers(1, 40))) * drawn.scale
            raw[int(rng.integers(len(raw)))] *= 10.0 ** int(rng.integers(0, 6))
            yield adam_ratio_bound, case(vector(raw.tolist()), b1, b2, f"random gradients {index} of {drawn}")
        for count in (5, 30):
            start = rng.standard_normal(count) + 1
            best = climb(partial(_log_ratio, b1=float(b1), b2=float(b2)), start)
            yield adam_ratio_bound, case(vector(best.tolist()), b1, b2, f"{count} gradients found by ascent, {drawn}")
        count = 20_000 if b2 > fmpq(99, 100) else 500
        worst = worst_gradients(300 if drawn.seed % 2 else count, b1, b2)
        yield adam_ratio_bound, case(worst, b1, b2, f"{len(worst)} worst gradients")


@holds_for(float_stays, given=draws, examples=4)
def zeros_in_floats(drawn: Draws, options: Options) -> Iterator[Emission]:
    """A thousand zero groups a draw, stepped by the layer's own operations with the least slack the statement allows."""
    yield from _at(256, zero_steps(drawn, 1000))


@holds_for(
    finite_time, clipping, averaging, momentum_run, decay_and_balls, adam, float_zero, given=plans, examples=3, text=True
)
def trained_above_the_threshold(plan: Plan, options: Options) -> Iterator[Emission]:
    """Every optimiser, bilinear and Q/K, on synthetic codes and on text: each off-block group is zero by the proved step, for
    good.

    An eighth of options.layers layers per fleet, and about 46 fleets a draw; every off-block group of every layer is judged.
    """
    layers = max(1, options.layers // 8)
    for parametrisation in ("bilinear", "qk"):
        for text in (False, True):
            data = make_data(plan, parametrisation, text, layers, options)
            for variant in variants(plan):
                if parametrisation == "qk" and variant.theorem is finite_time:
                    continue  # the a-priori Q/K threshold needs balls for W_Q and W_K
                fleet = train_fleet(data, variant)
                yield Trained(layers, fleet.batch.tokens.device.type, plan.dtype)
                yield from _at(128, extinction_cases(fleet))


@holds_for(*STEP_STATEMENTS, given=plans, examples=2, text=True)
def steps_from_checkpoints(plan: Plan, options: Options) -> Iterator[Emission]:
    """Exact steps from trained weights with the layer's own gradients, both taken as exact reals: nothing is rounded."""
    layers, rng = max(1, options.layers // 16), np.random.default_rng(plan.seed)
    for parametrisation, text in (("bilinear", True), ("qk", False)):
        fleet = train_fleet(make_data(plan, parametrisation, text, layers, options), variants(plan)[3], share=0.02)
        yield Trained(layers, fleet.batch.tokens.device.type, plan.dtype)
        final: Parameters = fleet.run.parameters
        with one_thread():
            found = gradients(final, prepare(fleet.batch, fleet.structure, dial=1.0), ("content",)).content
        assert found is not None
        tall, wide = fleet.structure.rows[0], fleet.structure.features[0]
        for layer, matrix, row, column in fleet.groups():
            place = (layer, matrix, slice(row * tall, (row + 1) * tall), slice(column * wide, (column + 1) * wide))
            theta, v = (vector(x[place].flatten().tolist()) for x in (final.content, found))
            origin = f"checkpoint of {fleet.batch.source}, {parametrisation}, group {(layer, matrix, row, column)}, {plan}"
            yield from _at(256, step_cases(theta, v, rng, origin))


@holds_for(subgradient_ball, subgradient, spectral_clipping, quoted, float_stagnation, given=plans, examples=2, text=True)
def what_fails(plan: Plan, options: Options) -> Iterator[Emission]:
    """Trained layers that stay alive: below the threshold, under the subgradient method, under spectral clipping; and the
    counterexamples.

    Raises AssertionError when a variant that the statements call failing does not fail.
    """
    yield from _at(128, failing_cases(replace(plan, steps=12), options))
    for theorem in (subgradient, spectral_clipping, quoted, float_stagnation):
        yield theorem, Case({}, "numbers")


def _other_zeros() -> list[Mutant]:
    """Statements about zero groups that ask for a millionth less, or claim another norm."""

    def asking(key: str, relation: Relational) -> Theorem:
        changed = {**stays_zero.assumes, key: replace(stays_zero.assumes[key], relation=relation)}
        return replace(stays_zero, assumes=changed, needs={}, free=dict.fromkeys(changed, "of a control"))

    return [
        Mutant(
            "penalty a millionth below the bound", asking("penalty", sp.Ge(sym.lam, sym.step_bound * (1 - PART_PER_MILLION)))
        ),
        Mutant(
            "vectors a millionth longer", asking("bounded", sp.Le(sym.vector_norm, sym.step_bound * (1 + PART_PER_MILLION)))
        ),
        Mutant("norm eta |v|", with_claim(stays_zero, sp.Eq(sym.group_next, sym.eta * sym.vector_norm, evaluate=False))),
    ]


def _zero_cases() -> list[Case]:
    """Zero groups, and two that come back for want of a millionth: they are out of the statement's domain, not of its
    controls'.
    """
    short, one = fmpq(1, 2 * 10**6), fmpq(1)
    revived: dict[sp.Symbol, Value] = {sym.group_norm: 0, sym.eta: 1, sym.group_next: short}
    return [
        *cases.zero_cases(),
        Case(
            {**revived, sym.vector_norm: one, sym.step_bound: one, sym.lam: one - short}, "penalty half a millionth too small"
        ),
        Case({**revived, sym.vector_norm: one + short, sym.step_bound: one, sym.lam: one}, "vector half a millionth too long"),
    ]


CHECKS = FamilyChecks(
    family="extinction",
    theorems=THEOREMS,
    properties=(
        random_steps,
        random_runs,
        adam_sequences,
        zeros_in_floats,
        trained_above_the_threshold,
        steps_from_checkpoints,
        what_fails,
    ),
    extremal={
        prox_minimiser.name: cases.prox_cases,
        prox_norm.name: cases.prox_norm_cases,
        ball_prox.name: cases.ball_prox_cases,
        decrease.name: cases.decrease_cases,
        decay_step.name: cases.decay_cases,
        fixed_points.name: cases.fixed_point_cases,
        stays_zero.name: _zero_cases,
        norm_after.name: runs.norm_after_cases,
        finite_time.name: runs.adversary_runs,
        decay_and_balls.name: runs.adversary_runs,
        clipping.name: lambda: runs.adversary_runs(clip=True),
        varying_steps.name: runs.varying_cases,
        momentum_bound.name: runs.momentum_bound_cases,
        momentum_run.name: lambda: runs.momentum_runs(averaged=False),
        averaging.name: lambda: runs.momentum_runs(averaged=True),
        adam_ratio_bound.name: runs.adam_ratio_cases,
        adam.name: runs.adam_runs,
        below_threshold.name: cases.below_cases,
        subgradient_ball.name: cases.ball_cases,
        float_stays.name: runs.float_stay_cases,
        float_zero.name: runs.float_zero_cases,
    }
    | {theorem.name: cases.closed for theorem in (quoted, subgradient, spectral_clipping, float_stagnation)},
    extra={stays_zero.name: _other_zeros},
    also_true={
        adam_ratio_bound.name: {
            "-beta1**2/beta2 for -beta1**2/beta2 + 1": "the root of a negative number, or of 0 for beta1 = 0: it claims "
            "nothing at all"
        },
        subgradient.name: {"bits for nats on the left": "a positive multiple of a positive number is positive"},
    },
)
