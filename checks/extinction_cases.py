"""Cases on which the controls of `theory.extinction` must die: equality cases, and ordinary ones beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from flint import arb, fmpq

from checks.claims import Case
from checks.enclosure import Value
from checks.extinction_exact import (
    Setting,
    adam_ratio,
    add,
    along,
    bits,
    clipped,
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

Builder = Callable[..., list[Case]]


def precise(build: Builder) -> Builder:
    """Build the cases with 512-bit balls, so that equality cases agree far beyond `claims.AGREEMENT_BITS`."""

    @wraps(build)
    def built(*given: Any, **named: Any) -> list[Case]:
        with bits(512):
            return build(*given, **named)

    return built


# eta, gamma, G_bar: powers of two, so that every ratio is exact; both sides of 1 for each of them
SETTINGS = tuple(
    Setting.at_threshold(*numbers)
    for numbers in ((1, 1, 1), (fmpq(1, 2), fmpq(1, 4), 3), (4, fmpq(1, 8), fmpq(1, 2)), (fmpq(1, 4), 8, 2), (2, 4, 8), (fmpq(1, 8), fmpq(1, 2), 0))
)
LOOSE = tuple(Setting(s.eta, s.gamma, s.bound, s.lam + 1) for s in SETTINGS)
AXIS, SLANT = vector((5, 0)), vector((-3, 4))


def prox_case(z: Sequence[arb], y: Sequence[arb] | None, setting: Setting, origin: str, *, on_ray: bool = False) -> Case | None:
    """The objective of the prox at a candidate y (None: the prox itself, the equality case), with its distance.

    on_ray: y is a non-negative multiple of z, another equality case as long as z is longer than the threshold.
    """
    cut = arb(setting.eta) * arb(setting.lam)
    best = prox(z, cut)
    if best is None:
        return None
    point = best if y is None else y
    apart = add(z, point, -1)
    values: dict = {
        sym.candidate_value: norm(apart) ** 2 / 2 + cut * norm(point),
        sym.candidate_distance: arb(0) if y is None else norm(add(point, best, -1)),
        sym.moved_norm: norm(z), sym.eta: setting.eta, sym.lam: setting.lam,
    }  # fmt: skip
    return Case(values, origin, [str(x) for x in point], extremal=y is None or on_ray and bool(norm(z) > cut))


@precise
def prox_cases() -> list[Case]:
    """The prox itself, points on its ray, and points off it, for groups above and below the threshold."""
    found = []
    for setting in (*SETTINGS, *LOOSE):
        for z in (vector((10, 0)), vector((-6, 8)), vector((fmpq(3, 64), fmpq(1, 16))), vector((96, -128))):
            found.append(prox_case(z, None, setting, f"the prox of {z} itself, {setting}"))
            for y, ray in ((scaled(z, fmpq(1, 2)), True), (vector((0, 0)), True), (add(z, vector((1, 7))), False), (vector((-1, 5)), False)):
                found.append(prox_case(z, y, setting, f"candidate {y} for the prox of {z}", on_ray=ray))
    return [case for case in found if case is not None]


@precise
def prox_norm_cases() -> list[Case]:
    """Norms before and after the prox, exactly."""
    found = []
    for setting in (*SETTINGS, *LOOSE):
        for z in (vector((10, 0)), vector((-6, 8)), vector((fmpq(3, 64), fmpq(1, 16))), vector((96, -128))):
            after = prox(z, arb(setting.eta) * arb(setting.lam))
            if after is not None:
                values = {sym.moved_norm: norm(z), sym.group_next: norm(after), sym.eta: setting.eta, sym.lam: setting.lam}
                found.append(Case(values, f"prox of {z}, {setting}", None, True))
    return found


def step_values(theta: Sequence[arb], v: Sequence[arb], setting: Setting, *, length: Value | None = None, keep: fmpq | int = 1,
                radial: fmpq | int = 1) -> dict | None:
    """The symbols of one step theta+ = radial prox(keep theta - eta v); None if the balls do not tell whether it kills the group.

    length: the norm of v where v was made to have it exactly.
    """
    z = add(scaled(theta, keep), v, -arb(setting.eta))
    after = prox(z, arb(setting.eta) * arb(setting.lam))
    if after is None:
        return None
    return setting.values | {
        sym.group_norm: norm(theta), sym.vector_norm: norm(v) if length is None else length, sym.moved_norm: norm(z), sym.group_next: norm(scaled(after, radial)),
        sym.residual: norm(add(theta, scaled(after, radial), -1)), sym.decay: keep, sym.radial: radial,
    }  # fmt: skip


@precise
def _step_cases(thetas: Sequence[Sequence[arb]]) -> list[Case]:
    found = []
    for setting in SETTINGS:
        for theta in thetas:
            away = scaled(along(theta, arb(setting.bound)), -1)
            sideways = scaled([-theta[1], theta[0]], arb(setting.bound) / norm(theta))
            for v, name, extremal in ((away, "outward", True), (sideways, "sideways", False), (scaled(away, -1), "inward", False)):
                if setting.bound == 0 and not extremal:
                    continue  # there is only the vector 0
                values = step_values(theta, v, setting, length=setting.bound)
                if values is not None:
                    found.append(Case(values, f"{name} vector, {setting}", None, extremal))
    return found


BIG = (vector((64, 0)), vector((-48, 64)), vector((fmpq(3, 16), fmpq(1, 4))), vector((fmpq(3, 2), 0)))


@precise
def decrease_cases() -> list[Case]:
    """Outward vectors of length G_bar, where a step falls by exactly eta gamma; sideways and inward ones."""
    return _step_cases(BIG)


@precise
def decay_cases() -> list[Case]:
    """The same without decay and scaling, and with both."""
    extra = []
    for setting in SETTINGS:
        for keep, radial in ((fmpq(1, 2), 1), (1, fmpq(1, 2)), (fmpq(3, 4), fmpq(7, 8))):
            values = step_values(BIG[0], scaled(along(BIG[0], arb(setting.bound)), -1), setting, length=setting.bound, keep=keep, radial=radial)
            if values is not None:
                extra.append(Case(values, f"decay {keep}, scaling {radial}, {setting}", None))
    return [*_step_cases(BIG), *extra]


@precise
def fixed_point_cases() -> list[Case]:
    """Clipped outward gradients, longer and shorter than the clipping bound."""
    found = []
    for setting in SETTINGS:
        if setting.bound == 0:
            continue
        for theta in BIG:
            for length in (setting.bound * 3, setting.bound, setting.bound / 2):
                raw = scaled(along(theta, arb(length)), -1)
                values = step_values(theta, clipped(raw, arb(setting.bound)), setting, length=min(length, setting.bound))
                if values is not None:
                    values |= {sym.clip: setting.bound, sym.raw_norm: norm(raw)}
                    found.append(Case(values, f"outward gradient of length {length}, {setting}", None, length >= setting.bound))
    return found


@precise
def zero_cases() -> list[Case]:
    """Zero groups under vectors up to the bound, with slack and without."""
    found = []
    for setting in SETTINGS:
        if setting.bound == 0:
            continue
        tight = Setting(setting.eta, setting.gamma, setting.bound, setting.bound)
        for share in (fmpq(1), fmpq(1, 2)):
            for choice in (setting, tight):
                values = step_values(vector((0, 0)), vector((0, setting.bound * share)), choice)
                if values is not None:
                    found.append(Case(values, f"zero group, vector of length {setting.bound * share}, {choice}", None))
    return found


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
                        found.append(run_case(steps, drop * (count - 1 + part), values, f"{name} from {start}, {setting}", extremal=length > 0))
    return found


@precise
def norm_after_cases() -> list[Case]:
    """States of runs with step sizes that vary, under outward and sideways vectors."""
    found = []
    for setting in SETTINGS:
        for start, sizes in ((fmpq(64), (1, fmpq(1, 2), 2, fmpq(1, 4))), (fmpq(4), (1, 4, 1)), (fmpq(9, 8), (fmpq(1, 8), fmpq(1, 16)))):
            for length in (fmpq(1), fmpq(1, 2)):
                theta, total = vector((start, 0)), fmpq(0)
                for size in sizes:
                    here = Setting(fmpq(size), setting.gamma, setting.bound, setting.lam)
                    found_next = prox(add(theta, scaled(along(theta, arb(setting.bound * length)), -1), -arb(here.eta)), arb(here.eta * here.lam))
                    if found_next is None:
                        break
                    theta, total = found_next, total + fmpq(size)
                    values: dict[object, Value] = {
                        sym.group_later: norm(theta), sym.theta0: start, sym.total_step: total, sym.gamma: setting.gamma,
                        sym.step_bound: setting.bound, sym.lam: setting.lam, sym.vector_max: setting.bound * length,
                    }  # fmt: skip
                    alive = bool(norm(theta) > 0)
                    found.append(Case(values, f"after steps {sizes}, share {length}, {setting}", None, length == 1 and alive))  # type: ignore[arg-type]
    return found


@precise
def varying_cases() -> list[Case]:
    """Runs whose last living state is as near to zero as 1 part in 2^30; and ordinary ones."""
    found = []
    for setting in SETTINGS:
        for total, left in ((fmpq(1), fmpq(1, 2**30)), (fmpq(64), fmpq(1, 2**30)), (fmpq(1, 4), fmpq(1, 2**30)), (fmpq(3), fmpq(1))):
            values = setting.values | {
                sym.theta0: setting.gamma * total * (1 + left), sym.total_step: total, sym.vector_max: setting.bound, sym.extinct_at: 2,
            }  # fmt: skip
            found.append(Case(values, f"outward adversary, {left} of the way left after steps of total {total}, {setting}", None))
    return found


@precise
def momentum_bound_cases() -> list[Case]:
    """Constant vectors for many steps: the bound is approached to 1 part in 10^8; mu = 0, where it is attained."""
    found = []
    for bound in (fmpq(1), fmpq(1, 8), fmpq(6)):
        for mu, steps in ((fmpq(0), 3), (fmpq(1, 2), 64), (fmpq(9, 10), 400), (fmpq(9, 10), 4), (fmpq(1, 8), 40)):
            reached = arb(bound) * (1 - arb(mu) ** (steps + 1)) / (1 - arb(mu))
            values = {sym.direction_norm: reached, sym.step_bound: bound, sym.vector_max: bound, sym.momentum: mu}
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

                def push(index: int, theta: Sequence[arb], mu: fmpq = mu, fresh: fmpq = fresh, bound: fmpq = setting.bound) -> list[arb]:
                    length = arb(bound * fresh) * ((1 - arb(mu) ** (index + 1)) / (1 - arb(mu)))
                    return scaled(along(theta, length), -1)

                steps = run_until_zero(vector((start, 0)), above, push)
                if steps is not None:
                    values = above.values | {sym.vector_max: setting.bound, sym.momentum: mu}
                    found.append(run_case(steps, start, values, f"constant outward vectors, mu = {mu}, {above}", extremal=mu == 0))
    return found


BETAS = ((fmpq(1, 2), fmpq(1, 2)), (fmpq(9, 10), fmpq(19, 20)), (fmpq(1, 2), fmpq(9, 10)), (fmpq(0), fmpq(3, 4)))


@precise
def adam_ratio_cases() -> list[Case]:
    """Worst sequences, the equality case beta1 = beta2, the usual betas after 20,000 steps, and ordinary gradients."""
    found = []
    for b1, b2 in BETAS:
        for count in (1, 5, 400):
            for name, gradients in (("worst", worst_gradients(count, b1, b2)), ("constant", [arb(1)] * count)):
                values = {sym.adam_value: adam_ratio(gradients, b1, b2), sym.beta1: b1, sym.beta2: b2}
                found.append(Case(values, f"{count} {name} gradients, betas {b1}, {b2}", None, b1 == b2))
    b1, b2 = fmpq(9, 10), fmpq(999, 1000)
    values = {sym.adam_value: adam_ratio(worst_gradients(20_000, b1, b2), b1, b2), sym.beta1: b1, sym.beta2: b2}
    return [*found, Case(values, "20,000 worst gradients, betas 0.9, 0.999", None)]


@precise
def adam_runs() -> list[Case]:
    """beta1 = beta2 with constant outward gradients: every coordinate is 1 in every step, the equality case; and inward ones."""
    found = []
    for beta in (fmpq(1, 2), fmpq(3, 4)):
        for count, side in ((1, 1), (4, 2), (16, 4)):
            for base in SETTINGS:
                setting = Setting(base.eta, base.gamma, fmpq(side), side + base.gamma)
                for states, part in ((1, fmpq(1)), (3, fmpq(1, 2)), (100, fmpq(1))):
                    start = base.eta * base.gamma * (states - 1 + part)
                    for sign in (1, -1):
                        steps = run_until_zero(vector((start / side,) * count), setting, lambda k, theta, s=sign: vector((-s,) * len(theta)))
                        if steps is not None:
                            values = setting.values | {sym.beta1: beta, sym.beta2: beta, sym.parameters: count}
                            found.append(run_case(steps, start, values, f"constant gradients, {count} coordinates, {setting}", extremal=sign > 0))
    return found


@precise
def ball_cases() -> list[Case]:
    """Subgradient steps: outward far from zero (attained), and from inside the ball."""
    found = []
    for setting in SETTINGS:
        for size in (fmpq(256), fmpq(100), setting.eta * setting.lam / 4, setting.eta * setting.lam * 3):
            for sign in (1, -1):
                after = abs(arb(size - setting.eta * setting.lam + sign * setting.eta * setting.bound))
                values = setting.values | {
                    sym.group_norm: size, sym.vector_norm: setting.bound, sym.group_next: after,
                    sym.moved_norm: abs(size - setting.eta * setting.lam),
                }  # fmt: skip
                outside = sign > 0 and size - setting.eta * setting.gamma >= setting.eta * (setting.lam + setting.bound)
                found.append(Case(values, f"subgradient step from {size}, {setting}", None, outside))
    return found


def _float_stay(u: int, entries: int, share: fmpq, setting: tuple[fmpq, fmpq]) -> Case:
    """A zero group under a vector of length G_bar with the least slack allowed, norm and threshold at their worst."""
    eta, bound = setting
    stay = fmpq((entries + 8), 2**u)
    gamma = upper(bound * stay / (1 - stay) * (1 + fmpq(1, 2**40)))  # the least, up to what a ball can tell apart
    lam = bound + gamma
    values = {
        sym.eta: eta, sym.gamma: gamma, sym.step_bound: bound, sym.lam: lam, sym.vector_norm: bound, sym.parameters: entries,
        sym.roundoff: fmpq(1, 2**u), sym.computed_norm: eta * bound * share, sym.computed_threshold: eta * lam,
    }  # fmt: skip
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
                            sym.vector_max: abs(setting.bound * length), sym.float_slack: setting.gamma - cost, sym.parameters: 2,
                            sym.roundoff: unit,
                        }  # fmt: skip
                        if steps is not None:
                            found.append(run_case(steps, start, values, f"u = {unit}, {setting}", extremal=length > 0 and unit == 0))
    return found


def closed() -> list[Case]:
    """The one case of a statement without free symbols."""
    return [Case({}, "numbers")]


def below_cases() -> list[Case]:
    """Outward steps with a penalty weight at the bound (the group keeps its norm) and below it (it grows)."""
    found = []
    for setting in SETTINGS:
        if setting.bound == 0:
            continue
        for share in (fmpq(1), fmpq(1, 2), fmpq(1, 3)):
            for size in (fmpq(0), fmpq(1, 8), fmpq(1), fmpq(7)):
                values = {
                    sym.group_norm: size, sym.eta: setting.eta, sym.lam: setting.bound * share, sym.step_bound: setting.bound,
                    sym.moved_norm: size + setting.eta * setting.bound,
                    sym.group_next: size + setting.eta * setting.bound * (1 - share),
                }  # fmt: skip
                found.append(Case(values, f"outward vector, lam = {share} of the bound, {setting}", None, share == 1))
    return found
