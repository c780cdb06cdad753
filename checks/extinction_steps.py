"""Exact steps and runs, drawn at random and by adversaries, and exact steps from trained checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from flint import arb, fmpq
from hypothesis import strategies as st

from checks.claims import Case
from checks.enclosure import Value
from checks.extinction_cases import ball_case, prox_case, step_values
from checks.extinction_exact import Setting, add, along, clipped, norm, prox, resized, scaled, upper, vector
from checks.properties import Emission
from checks.strategies import SEEDS
from theory import symbols as sym
from theory.extinction_adam import adam
from theory.extinction_failing import below_threshold, subgradient_ball
from theory.extinction_momentum import averaging, momentum_bound, momentum_run
from theory.extinction_prox import ball_prox, prox_minimiser, prox_norm
from theory.extinction_runs import clipping, decay_and_balls, finite_time, norm_after, varying_steps
from theory.extinction_steps import decay_step, decrease, fixed_points, stays_zero

STEP_STATEMENTS = (
    prox_minimiser,
    prox_norm,
    ball_prox,
    decrease,
    decay_step,
    fixed_points,
    stays_zero,
    below_threshold,
    subgradient_ball,
)
RUN_STATEMENTS = (
    finite_time,
    norm_after,
    varying_steps,
    clipping,
    momentum_bound,
    momentum_run,
    averaging,
    decay_and_balls,
    adam,
)


@dataclass(frozen=True)
class Draws:
    """A seed and a scale; NumPy draws the rest."""

    seed: int
    scale: float

    @property
    def rng(self) -> np.random.Generator:
        """The generator, anew at each call."""
        return np.random.default_rng(self.seed)


@st.composite
def draws(draw: st.DrawFn) -> Draws:
    """Scales from tiny groups to groups much longer than a step."""
    return Draws(draw(SEEDS), draw(st.sampled_from((1e-3, 0.1, 1.0, 30.0))))


def some_setting(rng: np.random.Generator, bound: fmpq) -> Setting:
    """Random eta and gamma, lam at the threshold or somewhat above it."""
    eta, gamma = (fmpq(int(x), 64) for x in rng.integers(1, 129, 2))
    return Setting(eta, gamma, bound, bound + gamma + (fmpq(int(rng.integers(1, 64)), 64) if rng.random() < 0.3 else 0))


def some_vector(rng: np.random.Generator, theta: Sequence[arb], scale: float) -> tuple[list[arb], bool]:
    """Outward (a third), outward moved by a part in a million, or any direction; and whether it is exactly outward."""
    size = arb(scale * float(rng.random()))
    kind = rng.integers(3)
    other = vector((rng.standard_normal(len(theta)) * scale).tolist())
    if kind == 0 or not norm(theta) > 0:
        return (scaled(along(theta, size), -1), True) if norm(theta) > 0 else (other, False)
    return (add(scaled(along(theta, size), -1), other, fmpq(1, 10**6)) if kind == 1 else other), False


def step_cases(
    theta: Sequence[arb], v: Sequence[arb], rng: np.random.Generator, origin: str, *, outward: bool = False
) -> Iterator[Emission]:
    """All one-step statements at a group theta and a vector v, both exact; the bound is the vector's own length, rounded up."""
    bound = upper(norm(v))
    outward = outward or (len(theta) == 1 and bool(theta[0] * v[0] < 0))
    setting = some_setting(rng, bound)
    values = step_values(theta, v, setting)
    if values is None:
        return
    yield decrease, Case(values, origin)
    z = add(theta, v, -arb(setting.eta))
    yield prox_norm, Case(values, origin)
    candidate = vector(rng.standard_normal(len(theta)).tolist())
    best = prox(z, arb(setting.eta) * arb(setting.lam))
    assert best is not None
    for point in (candidate, add(best, candidate, fmpq(1, 10**5)), add(scaled(z, fmpq(3, 4)), candidate, fmpq(1, 10**5))):
        ray = len(z) == 1 and bool(point[0] * z[0] >= 0)  # in one dimension half of the candidates attain the bound
        case = prox_case(z, point, setting, origin, on_ray=ray)
        if case is not None:
            yield prox_minimiser, case
    if norm(z) > 0:
        radius = upper(norm(z) * fmpq(int(rng.integers(1, 17)), 16))
        inside = resized(add(scaled(z, fmpq(1, 4)), candidate, fmpq(1, 100)), arb(radius) * fmpq(15, 16))
        ray = len(z) == 1 and bool(inside[0] * z[0] >= 0)
        held = ball_case(z, inside, setting, radius, f"{origin}, ball of radius {radius}", on_ray=ray)
        if held is not None:
            yield ball_prox, held
    keep, radial = (fmpq(int(x), 16) for x in rng.integers(1, 17, 2))
    decayed = step_values(theta, v, setting, keep=keep, radial=radial)
    if decayed is not None:
        yield decay_step, Case(decayed, f"{origin}, decay {keep}, scaling {radial}")
    if bound > 0:
        raw = scaled(v, int(rng.integers(1, 5)))
        short = step_values(theta, clipped(raw, arb(bound)), setting)
        if short is not None:
            gone = bool(short[sym.group_next] == 0) and bool(norm(theta) <= arb(setting.eta * setting.gamma))
            # gone: both sides are |theta|; pushed outward by exactly the clipping bound, at the threshold: both are eta gamma
            pushed = outward and bool(norm(raw) > arb(bound)) and setting.lam == bound + setting.gamma
            yield fixed_points, Case(short | {sym.clip: bound}, f"{origin}, clipped", None, gone or pushed)
        zero = step_values([arb(0)] * len(theta), v, setting)
        if zero is not None:
            yield stays_zero, Case(zero, f"{origin}, from zero")
        if norm(theta) > 0:
            push = norm(theta) + arb(setting.eta) * arb(bound)
            low = arb(bound) * int(rng.integers(1, 64)) / 64
            below: dict[sp.Symbol, Value] = {
                sym.group_norm: norm(theta),
                sym.eta: setting.eta,
                sym.lam: low,
                sym.step_bound: bound,
                sym.moved_norm: push,
                sym.group_next: norm(prox(along(theta, push), arb(setting.eta) * low) or theta),
            }
            yield below_threshold, Case(below, f"{origin}, below the threshold", None, True)
    if norm(theta) > 0:
        pulled = add(theta, along(theta, arb(setting.eta) * arb(setting.lam)), -1)
        after = add(pulled, v, -arb(setting.eta))
        moved = setting.values | {sym.group_norm: norm(theta), sym.vector_norm: norm(v), sym.group_next: norm(after)}
        yield subgradient_ball, Case(moved, f"{origin}, subgradient step")


def random_step_cases(drawn: Draws, count: int) -> Iterator[Emission]:
    """Random groups of 1 to 6 entries with random and outward vectors."""
    rng = drawn.rng
    for index in range(count):
        theta = vector((rng.standard_normal(int(rng.integers(1, 7))) * drawn.scale).tolist())
        v, outward = some_vector(rng, theta, drawn.scale)
        yield from step_cases(theta, v, rng, f"step {index} of {drawn}", outward=outward)


def _run(
    rng: np.random.Generator,
    start: Sequence[arb],
    setting: Setting,
    vectors: Iterator[list[arb]],
    keep: fmpq,
    radial: fmpq,
    limit: int,
) -> Iterator[list[arb]]:
    """The states of a run, until a zero one or the limit; stops early where a ball is too wide to tell."""
    theta = list(start)
    yield theta
    for _, v in zip(range(limit), vectors, strict=False):
        found = prox(add(scaled(theta, keep), v, -arb(setting.eta)), arb(setting.eta) * arb(setting.lam))
        if found is None:
            return
        theta = scaled(found, radial)
        yield theta
        if all(x == 0 for x in theta):
            return


def random_run_cases(drawn: Draws, count: int) -> Iterator[Emission]:
    """Random runs of all kinds, a third of them driven by an outward adversary."""
    rng = drawn.rng
    for index in range(count):
        size = int(rng.integers(1, 4))
        start = vector((rng.standard_normal(size) * drawn.scale).tolist())
        steps = int(rng.integers(2, 16))
        theta0 = norm(start)
        bound = fmpq(int(rng.integers(1, 65)), 16)
        eta = fmpq(int(rng.integers(1, 65)), 64)
        gamma = max(upper(theta0 / arb(eta) / steps), fmpq(1, 2**20))
        yield from _runs_of_all_kinds(rng, start, Setting(eta, gamma, bound, bound + gamma), f"run {index} of {drawn}")


def _runs_of_all_kinds(rng: np.random.Generator, start: list[arb], setting: Setting, origin: str) -> Iterator[Emission]:
    mu = fmpq(int(rng.integers(0, 8)), 8)
    keep, radial = (fmpq(int(x), 16) for x in rng.integers(12, 17, 2))
    away, direction = bool(rng.random() < 0.4), vector(rng.standard_normal(len(start)).tolist())

    def pushes(length: fmpq, momentum: fmpq, fresh: fmpq) -> Iterator[list[arb]]:
        """Vectors of at most that length before the momentum; outward ones point away from the start for the whole run."""
        memory = [arb(0)] * len(start)
        while True:
            aim = start if away else add(direction, vector(rng.standard_normal(len(start)).tolist()))
            share = arb(1) if away else arb(float(rng.random()))
            memory = add(scaled(memory, momentum), scaled(along(aim, arb(length) * share * (1 - arb(2) ** -90)), -arb(fresh)))
            yield memory

    common = {
        sym.theta0: norm(start),
        sym.vector_max: setting.bound,
        sym.decay: keep,
        sym.radial: radial,
        sym.momentum: mu,
        sym.clip: setting.bound,
    }
    grown = Setting(setting.eta, setting.gamma, setting.bound, upper(setting.bound / (1 - mu)) + setting.gamma + fmpq(1, 2**60))
    limit, one = 60, fmpq(1)
    for theorem, here, stream, factors in (
        (finite_time, setting, pushes(setting.bound, fmpq(0), one), (one, one)),
        (clipping, setting, pushes(setting.bound, fmpq(0), one), (one, one)),
        (decay_and_balls, setting, pushes(setting.bound, fmpq(0), one), (keep, radial)),
        (averaging, setting, pushes(setting.bound, mu, 1 - mu), (one, one)),
        (momentum_run, grown, pushes(setting.bound, mu, one), (one, one)),
    ):
        states = list(_run(rng, start, here, stream, *factors, limit))
        last = len(states) - 1
        if last >= 1 and all(x == 0 for x in states[-1]):
            yield theorem, Case(common | here.values | {sym.extinct_at: last}, f"{origin}, {theorem.name}")
        if theorem is finite_time:
            for k, state in enumerate(states):
                total = {sym.group_later: norm(state), sym.total_step: here.eta * k}
                yield norm_after, Case(common | here.values | total, f"{origin}, state {k}", None, k == 0)
            if last >= 1:
                values = common | here.values | {sym.extinct_at: last, sym.total_step: here.eta * (last - 1)}
                yield varying_steps, Case(values, f"{origin}, last living state {last - 1}")
    stream = pushes(setting.bound, mu, one)
    for k, memory in zip(range(12), stream, strict=False):
        values = {
            sym.direction_norm: norm(memory),
            sym.step_bound: setting.bound,
            sym.vector_max: setting.bound,
            sym.momentum: mu,
        }
        yield momentum_bound, Case(values, f"{origin}, momentum {k}")
    yield from _adam_runs(rng, start, setting, origin, away)


def _adam_runs(rng: np.random.Generator, start: list[arb], setting: Setting, origin: str, away: bool) -> Iterator[Emission]:
    """Adam without epsilon, in exact arithmetic, with random gradients or gradients that push outward ever harder."""
    b1, b2 = ((fmpq(9, 10), fmpq(999, 1000)), (fmpq(9, 10), fmpq(19, 20)), (fmpq(1, 2), fmpq(1, 2)))[int(rng.integers(3))]
    ratio = (1 - arb(b1)) / ((1 - arb(b2)) * (1 - arb(b1) ** 2 / arb(b2))).sqrt()
    lam = upper(ratio * arb(len(start)).sqrt() + arb(setting.gamma))
    here = Setting(setting.eta, setting.gamma, setting.bound, lam)

    def directions() -> Iterator[list[arb]]:
        first, second, k = [arb(0)] * len(start), [arb(0)] * len(start), 0
        while True:
            g = [-x * arb(2) ** k for x in start] if away else vector(rng.standard_normal(len(start)).tolist())
            first, second, k = add(scaled(first, b1), g), add(scaled(second, b2), [x * x for x in g]), k + 1
            w1, w2 = ((1 - arb(b) ** k) / (1 - arb(b)) for b in (b1, b2))
            yield [m / w1 / (s / w2).sqrt() for m, s in zip(first, second, strict=True)]

    states = list(_run(rng, start, here, directions(), fmpq(1), fmpq(1), 40))
    if len(states) > 1 and all(x == 0 for x in states[-1]):
        values = here.values | {
            sym.theta0: norm(start),
            sym.extinct_at: len(states) - 1,
            sym.beta1: b1,
            sym.beta2: b2,
            sym.parameters: len(start),
        }
        yield adam, Case(values, f"{origin}, Adam {b1}, {b2}")


__all__ = ["RUN_STATEMENTS", "STEP_STATEMENTS", "Draws", "draws", "random_run_cases", "random_step_cases", "step_cases"]
