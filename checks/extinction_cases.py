"""Cases on which the controls of `theory.extinction` must die: equality cases, and ordinary ones beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import sympy as sp
from flint import arb, fmpq

from checks.claims import Case
from checks.enclosure import Value
from checks.extinction_exact import (
    Setting,
    add,
    along,
    bits,
    clipped,
    norm,
    prox,
    resized,
    scaled,
    vector,
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
    for numbers in (
        (1, 1, 1),
        (fmpq(1, 2), fmpq(1, 4), 3),
        (4, fmpq(1, 8), fmpq(1, 2)),
        (fmpq(1, 4), 8, 2),
        (2, 4, 8),
        (fmpq(1, 8), fmpq(1, 2), 0),
    )
)
LOOSE = tuple(Setting(s.eta, s.gamma, s.bound, s.lam + 1) for s in SETTINGS)
AXIS, SLANT = vector((5, 0)), vector((-3, 4))


def ball_case(
    z: Sequence[arb], y: Sequence[arb] | None, setting: Setting, radius: fmpq, origin: str, *, on_ray: bool = False
) -> Case | None:
    """The objective of the prox on a ball at a candidate y of the ball (None: the point itself, the equality case).

    on_ray: as in `prox_case`, where the ball is not reached.
    """
    cut = arb(setting.eta) * arb(setting.lam)
    soft = prox(z, cut)
    if soft is None:
        return None
    size = norm(soft)
    if not (size <= arb(radius) or size >= arb(radius)):
        return None
    best = soft if size <= arb(radius) else resized(soft, arb(radius))
    point = best if y is None else y
    values: dict[sp.Symbol, Value] = {
        sym.candidate_value: norm(add(z, point, -1)) ** 2 / 2 + cut * norm(point),
        sym.candidate_distance: arb(0) if y is None else norm(add(point, best, -1)),
        sym.candidate_norm: norm(point),
        sym.moved_norm: norm(z),
        sym.eta: setting.eta,
        sym.lam: setting.lam,
        sym.ball_radius: radius,
    }
    return Case(
        values, origin, [str(x) for x in point], extremal=y is None or (on_ray and bool(size > 0) and bool(size <= arb(radius)))
    )


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
        sym.moved_norm: norm(z),
        sym.eta: setting.eta,
        sym.lam: setting.lam,
    }
    return Case(values, origin, [str(x) for x in point], extremal=y is None or (on_ray and bool(norm(z) > cut)))


@precise
def prox_cases() -> list[Case]:
    """The prox itself, points on its ray, and points off it, for groups above and below the threshold."""
    found = []
    for setting in (*SETTINGS, *LOOSE):
        for z in (vector((10, 0)), vector((-6, 8)), vector((fmpq(3, 64), fmpq(1, 16))), vector((96, -128))):
            found.append(prox_case(z, None, setting, f"the prox of {z} itself, {setting}"))
            for y, ray in (
                (scaled(z, fmpq(1, 2)), True),
                (vector((0, 0)), True),
                (add(z, vector((1, 7))), False),
                (vector((-1, 5)), False),
            ):
                found.append(prox_case(z, y, setting, f"candidate {y} for the prox of {z}", on_ray=ray))
    return [case for case in found if case is not None]


@precise
def ball_prox_cases() -> list[Case]:
    """The point itself and others of the ball, for balls that hold the soft threshold and for balls that do not."""
    found = []
    for setting in (*SETTINGS, *LOOSE):
        for z in (vector((10, 0)), vector((-6, 8)), vector((fmpq(3, 64), fmpq(1, 16))), vector((96, -128))):
            for radius in (fmpq(1, 2), fmpq(2), fmpq(1000)):
                found.append(ball_case(z, None, setting, radius, f"the point of {z} on the ball {radius}, {setting}"))
                for share in (fmpq(1, 2), fmpq(-1, 4)):
                    y = add(scaled(resized(z, arb(radius)), share), vector((0, radius)), fmpq(1, 8))
                    found.append(ball_case(z, y, setting, radius, f"candidate {y} for the point of {z} on the ball {radius}"))
    return [case for case in found if case is not None]


@precise
def prox_norm_cases() -> list[Case]:
    """Norms before and after the prox, exactly."""
    found = []
    for setting in (*SETTINGS, *LOOSE):
        for z in (vector((10, 0)), vector((-6, 8)), vector((fmpq(3, 64), fmpq(1, 16))), vector((96, -128))):
            after = prox(z, arb(setting.eta) * arb(setting.lam))
            if after is not None:
                values: dict[sp.Symbol, Value] = {
                    sym.moved_norm: norm(z),
                    sym.group_next: norm(after),
                    sym.eta: setting.eta,
                    sym.lam: setting.lam,
                }
                found.append(Case(values, f"prox of {z}, {setting}", None, True))
    return found


def step_values(
    theta: Sequence[arb],
    v: Sequence[arb],
    setting: Setting,
    *,
    length: Value | None = None,
    keep: fmpq | int = 1,
    radial: fmpq | int = 1,
) -> dict | None:
    """The symbols of one step theta+ = radial prox(keep theta - eta v); None if the balls do not tell whether it kills the
    group.

    length: the norm of v where v was made to have it exactly.
    """
    z = add(scaled(theta, keep), v, -arb(setting.eta))
    after = prox(z, arb(setting.eta) * arb(setting.lam))
    if after is None:
        return None
    return setting.values | {
        sym.group_norm: norm(theta),
        sym.vector_norm: norm(v) if length is None else length,
        sym.moved_norm: norm(z),
        sym.group_next: norm(scaled(after, radial)),
        sym.residual: norm(add(theta, scaled(after, radial), -1)),
        sym.decay: keep,
        sym.radial: radial,
    }


@precise
def _step_cases(thetas: Sequence[Sequence[arb]]) -> list[Case]:
    found = []
    for setting in SETTINGS:
        for theta in thetas:
            away = scaled(along(theta, arb(setting.bound)), -1)
            sideways = scaled([-theta[1], theta[0]], arb(setting.bound) / norm(theta))
            for v, name, extremal in (
                (away, "outward", True),
                (sideways, "sideways", False),
                (scaled(away, -1), "inward", False),
            ):
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
            values = step_values(
                BIG[0], scaled(along(BIG[0], arb(setting.bound)), -1), setting, length=setting.bound, keep=keep, radial=radial
            )
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
def ball_cases() -> list[Case]:
    """Subgradient steps: outward far from zero (attained), and from inside the ball."""
    found = []
    for setting in SETTINGS:
        for size in (fmpq(256), fmpq(100), setting.eta * setting.lam / 4, setting.eta * setting.lam * 3):
            for sign in (1, -1):
                after = abs(arb(size - setting.eta * setting.lam + sign * setting.eta * setting.bound))
                values = setting.values | {
                    sym.group_norm: size,
                    sym.vector_norm: setting.bound,
                    sym.group_next: after,
                    sym.moved_norm: abs(size - setting.eta * setting.lam),
                }
                outside = sign > 0 and size - setting.eta * setting.gamma >= setting.eta * (setting.lam + setting.bound)
                found.append(Case(values, f"subgradient step from {size}, {setting}", None, outside))
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
                    sym.group_norm: size,
                    sym.eta: setting.eta,
                    sym.lam: setting.bound * share,
                    sym.step_bound: setting.bound,
                    sym.moved_norm: size + setting.eta * setting.bound,
                    sym.group_next: size + setting.eta * setting.bound * (1 - share),
                }
                found.append(Case(values, f"outward vector, lam = {share} of the bound, {setting}", None, share == 1))
    return found
