"""Runs on which the controls of `theory.extinction` must die: adversaries that attain the bounds, and ordinary ones beside
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp
from flint import arb, fmpq

from checks.claims import Case
from checks.enclosure import Value
from checks.extinction_cases import SETTINGS, precise
from checks.extinction_exact import (
    Setting,
    Vector,
    adam_ratio,
    add,
    along,
    norm,
    outward,
    prox,
    run_case,
    run_until_zero,
    scaled,
    upper,
    vector,
    worst_gradients,
)
from theory import symbols as sym


@precise
def adversary_runs(*, clip: bool = False) -> list[Case]:
    """Runs from several starts under outward (equality), absent and inward vectors; K counted in exact arithmetic."""
    found = []
    for setting in SETTINGS:
        if clip and setting.bound == 0:
            continue  # a clipping bound is positive
        drop = setting.eta * setting.gamma
        for count in (1, 3, 100):
            for part in (fmpq(1), fmpq(1, 2)):
                start = vector((drop * (count - 1 + part), 0))
                for length in (fmpq(1), fmpq(0), fmpq(-1)):
                    push = arb(setting.bound * length)
                    steps = run_until_zero(start, setting, outward(push))
                    if steps is not None:
                        values = setting.values | {sym.vector_max: abs(setting.bound * length), sym.decay: 1, sym.radial: 1}
                        values |= {sym.clip: setting.bound} if clip else {}
                        name = f"{'outward' if length > 0 else 'no' if length == 0 else 'inward'} adversary"
                        found.append(
                            run_case(
                                steps, drop * (count - 1 + part), values, f"{name} from {start}, {setting}", extremal=length > 0
                            )
                        )
    return found


@precise
def norm_after_cases() -> list[Case]:
    """States of runs with step sizes that vary, under outward and sideways vectors."""
    found = []
    for setting in SETTINGS:
        for start, sizes in (
            (fmpq(64), (1, fmpq(1, 2), 2, fmpq(1, 4))),
            (fmpq(4), (1, 4, 1)),
            (fmpq(9, 8), (fmpq(1, 8), fmpq(1, 16))),
        ):
            for length in (fmpq(1), fmpq(1, 2)):
                theta, total = vector((start, 0)), fmpq(0)
                for size in sizes:
                    here = Setting(fmpq(size), setting.gamma, setting.bound, setting.lam)
                    found_next = prox(
                        add(theta, scaled(along(theta, arb(setting.bound * length)), -1), -arb(here.eta)),
                        arb(here.eta * here.lam),
                    )
                    if found_next is None:
                        break
                    theta, total = found_next, total + fmpq(size)
                    values: dict[sp.Symbol, Value] = {
                        sym.group_later: norm(theta),
                        sym.theta0: start,
                        sym.total_step: total,
                        sym.gamma: setting.gamma,
                        sym.step_bound: setting.bound,
                        sym.lam: setting.lam,
                        sym.vector_max: setting.bound * length,
                    }
                    alive = bool(norm(theta) > 0)
                    found.append(Case(values, f"after steps {sizes}, share {length}, {setting}", None, length == 1 and alive))
    return found


@precise
def varying_cases() -> list[Case]:
    """Runs whose last living state is as near to zero as 1 part in 2^30; and ordinary ones."""
    found = []
    for setting in SETTINGS:
        for total, left in (
            (fmpq(1), fmpq(1, 2**30)),
            (fmpq(64), fmpq(1, 2**30)),
            (fmpq(1, 4), fmpq(1, 2**30)),
            (fmpq(3), fmpq(1)),
        ):
            values = setting.values | {
                sym.theta0: setting.gamma * total * (1 + left),
                sym.total_step: total,
                sym.vector_max: setting.bound,
                sym.extinct_at: 2,
            }
            found.append(
                Case(values, f"outward adversary, {left} of the way left after steps of total {total}, {setting}", None)
            )
    return found


@precise
def momentum_bound_cases() -> list[Case]:
    """Constant vectors for many steps: the bound is approached to 1 part in 10^8; mu = 0, where it is attained."""
    found = []
    for bound in (fmpq(1), fmpq(1, 8), fmpq(6)):
        for mu, steps in ((fmpq(0), 3), (fmpq(1, 2), 64), (fmpq(9, 10), 400), (fmpq(9, 10), 4), (fmpq(1, 8), 40)):
            reached = arb(bound) * (1 - arb(mu) ** (steps + 1)) / (1 - arb(mu))
            values: dict[sp.Symbol, Value] = {
                sym.direction_norm: reached,
                sym.step_bound: bound,
                sym.vector_max: bound,
                sym.momentum: mu,
            }
            found.append(Case(values, f"{steps} constant vectors of length {bound}, mu = {mu}", None, mu == 0))
    return found


@precise
def momentum_runs(averaged: bool) -> list[Case]:
    """Runs under constant outward raw vectors, for several mu: K counted in exact arithmetic."""
    found = []
    for setting in SETTINGS:
        for mu in (fmpq(0), fmpq(1, 2), fmpq(7, 8)):
            grown = setting.bound if averaged else setting.bound / (1 - mu)
            above = Setting(setting.eta, setting.gamma, setting.bound, grown + setting.gamma)
            drop = setting.eta * setting.gamma
            for count, part in ((1, fmpq(1)), (3, fmpq(1, 2)), (100, fmpq(1)), (1000, fmpq(1, 2))):
                start, fresh = drop * (count - 1 + part), (1 - mu) if averaged else fmpq(1)

                def push(
                    index: int, theta: Sequence[arb], mu: fmpq = mu, fresh: fmpq = fresh, bound: fmpq = setting.bound
                ) -> list[arb]:
                    length = arb(bound * fresh) * ((1 - arb(mu) ** (index + 1)) / (1 - arb(mu)))
                    return scaled(along(theta, length), -1)

                steps = run_until_zero(vector((start, 0)), above, push)
                if steps is not None:
                    values = above.values | {sym.vector_max: setting.bound, sym.momentum: mu}
                    found.append(
                        run_case(steps, start, values, f"constant outward vectors, mu = {mu}, {above}", extremal=mu == 0)
                    )
    return found


BETAS = ((fmpq(1, 2), fmpq(1, 2)), (fmpq(9, 10), fmpq(19, 20)), (fmpq(1, 2), fmpq(9, 10)), (fmpq(0), fmpq(3, 4)))


@precise
def adam_ratio_cases() -> list[Case]:
    """Worst sequences, the equality case beta1 = beta2, the usual betas after 20,000 steps, and ordinary gradients."""
    found = []
    for b1, b2 in BETAS:
        for count in (1, 5, 400):
            for name, gradients in (("worst", worst_gradients(count, b1, b2)), ("constant", [arb(1)] * count)):
                values: dict[sp.Symbol, Value] = {sym.adam_value: adam_ratio(gradients, b1, b2), sym.beta1: b1, sym.beta2: b2}
                found.append(Case(values, f"{count} {name} gradients, betas {b1}, {b2}", None, b1 == b2))
    b1, b2 = fmpq(9, 10), fmpq(999, 1000)
    latest: dict[sp.Symbol, Value] = {
        sym.adam_value: adam_ratio(worst_gradients(20_000, b1, b2), b1, b2),
        sym.beta1: b1,
        sym.beta2: b2,
    }
    return [*found, Case(latest, "20,000 worst gradients, betas 0.9, 0.999", None)]


@precise
def adam_runs() -> list[Case]:
    """beta1 = beta2 with constant outward gradients: every coordinate is 1 in every step, the equality case; and inward
    ones.
    """
    found = []
    for beta in (fmpq(1, 2), fmpq(3, 4)):
        for count, side in ((1, 1), (4, 2), (16, 4)):
            for base in SETTINGS:
                setting = Setting(base.eta, base.gamma, fmpq(side), side + base.gamma)
                for states, part in ((1, fmpq(1)), (3, fmpq(1, 2)), (100, fmpq(1))):
                    start = base.eta * base.gamma * (states - 1 + part)
                    for sign in (1, -1):
                        steps = run_until_zero(vector((start / side,) * count), setting, _signs(-sign))
                        if steps is not None:
                            values = setting.values | {sym.beta1: beta, sym.beta2: beta, sym.parameters: count}
                            found.append(
                                run_case(
                                    steps,
                                    start,
                                    values,
                                    f"constant gradients, {count} coordinates, {setting}",
                                    extremal=sign > 0,
                                )
                            )
    return found


def _float_stay(u: int, entries: int, share: fmpq, setting: tuple[fmpq, fmpq]) -> Case:
    """A zero group under a vector of length G_bar with the least slack allowed, norm and threshold at their worst."""
    eta, bound = setting
    stay = fmpq((entries + 8), 2**u)
    gamma = upper(bound * stay / (1 - stay) * (1 + fmpq(1, 2**40)))  # the least, up to what a ball can tell apart
    lam = bound + gamma
    values: dict[sp.Symbol, Value] = {
        sym.eta: eta,
        sym.gamma: gamma,
        sym.step_bound: bound,
        sym.lam: lam,
        sym.vector_norm: bound,
        sym.parameters: entries,
        sym.roundoff: fmpq(1, 2**u),
        sym.computed_norm: eta * bound * share,
        sym.computed_threshold: eta * lam,
    }
    return Case(values, f"zero group of {entries}, u = 2^-{u}, eta = {eta}, bound {bound}, share {share}")


def float_stay_cases() -> list[Case]:
    """Rounding up by three units, and no rounding at all, in float32 and float64; large, small and equal to one."""
    return [
        _float_stay(u, entries, share, (fmpq(eta), fmpq(bound)))
        for u in (24, 53)
        for entries in (1, 16)
        for eta, bound in ((1, 1), (4, 8), (fmpq(1, 8), fmpq(1, 2)))
        for share in (1 + fmpq(3, 2**u), fmpq(1), fmpq(1, 2))
    ]


@precise
def float_zero_cases() -> list[Case]:
    """Runs without rounding (u = 0), where the bound of `finite_time` is attained; with it, the same runs end in time too."""
    found = []
    for setting in SETTINGS:
        for count in (1, 3, 100):
            for part in (fmpq(1), fmpq(1, 2)):
                start = setting.eta * setting.gamma * (count - 1 + part)
                for length in (fmpq(1), fmpq(0), fmpq(-1)):
                    steps = run_until_zero(vector((start, 0)), setting, outward(arb(setting.bound * length)))
                    for unit in (fmpq(0), fmpq(1, 2**53), fmpq(1, 2**24)):
                        cost = (2 + 16) * unit * (2 * setting.bound + setting.gamma + start / setting.eta)
                        values = setting.values | {
                            sym.vector_max: abs(setting.bound * length),
                            sym.float_slack: setting.gamma - cost,
                            sym.parameters: 2,
                            sym.roundoff: unit,
                        }
                        if steps is not None:
                            found.append(
                                run_case(steps, start, values, f"u = {unit}, {setting}", extremal=length > 0 and unit == 0)
                            )
    return found


def _signs(sign: int) -> Callable[[int, Vector], Vector]:
    """The same step in every state: `sign` in every coordinate."""
    return lambda state, theta: vector((sign,) * len(theta))
