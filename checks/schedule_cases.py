"""Cases of `theory.schedule`: schedules, exact stacks, equality cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import sympy as sp
from flint import arb, ctx, fmpq

from checks.claims import Case
from checks.enclosure import BITS, Value
from checks.schedule_exact import (
    Layers,
    Tokens,
    absorbing,
    flow_values,
    identity,
    norm_values,
    product,
    rollout_values,
    run,
)
from theory import symbols as sym
from theory.schedule_numbers import Schedule

Values = dict[sp.Symbol, Value]


def exact(value: Fraction | int) -> fmpq:
    """A fraction for Arb and FLINT."""
    return fmpq(Fraction(value).numerator, Fraction(value).denominator)


def finely(make: Callable[[], Values], origin: str, record: object = None, *, extremal: bool = False) -> Case:
    """A case whose balls are made again at any precision."""

    def values(bits: int) -> Values:
        with ctx.workprec(bits):
            return make()

    return Case(values(BITS), origin, record, extremal, values)


# --- schedules --------------------------------------------------------------------------------------------------------


def dial_of(schedule: Schedule, layer: int) -> Value:
    """A dial as a fraction or a ball."""
    dial = schedule.dial(layer)
    return exact(dial) if isinstance(dial, Fraction) else dial


def schedule_values(schedule: Schedule) -> Values:
    """The symbols of a schedule; the budget is the sum of its dials, not a formula for it."""
    total: Value = fmpq(0)
    for layer in range(schedule.layers):
        total = total + dial_of(schedule, layer)
    found: Values = {
        sym.last: schedule.last,
        sym.degree: exact(schedule.degree),
        sym.dial_low: exact(schedule.low),
        sym.dial_high: exact(schedule.high),
        sym.budget: total,
    }
    if Fraction(schedule.degree).denominator == 1:
        power = int(schedule.degree)
        found |= {
            sym.whole_degree: power,
            sym.power_sum: fmpq(sum(layer**power for layer in range(1, schedule.layers))),
            sym.pascal: fmpq(_pascal(power, schedule.last)),
        }
    return found


def _pascal(power: int, last: int) -> int:
    from math import comb

    return sum(comb(power + 1, j) * sum(layer**j for layer in range(last + 1)) for j in range(power + 1))


def schedule_case(schedule: Schedule) -> Case:
    """The budget of a schedule."""
    return finely(
        lambda: schedule_values(schedule), str(schedule), str(schedule),
        extremal=schedule.degree == 1 or schedule.low == schedule.high,
    )  # fmt: skip


def layer_case(schedule: Schedule, layer: int, wanted: Fraction, *, extremal: bool = False) -> Case:
    """One layer of a schedule against a wanted dial."""
    origin = f"layer {layer} of {schedule}, wanted {wanted}"
    return finely(lambda: layer_values(schedule, layer, wanted), origin, str(schedule), extremal=extremal)


def layer_values(schedule: Schedule, layer: int, wanted: Fraction) -> Values:
    """The symbols of one layer of a schedule against a wanted dial."""
    span = Fraction(schedule.high) - schedule.low
    return {
        sym.last: schedule.last,
        sym.layer: layer,
        sym.degree: exact(schedule.degree),
        sym.dial_low: exact(schedule.low),
        sym.dial_high: exact(schedule.high),
        sym.dial_higher: exact(schedule.high),
        sym.dial_layer: dial_of(schedule, layer),
        sym.dial_wanted: exact(wanted),
        sym.rise: exact((wanted - schedule.low) / span),
    }


def raised_case(schedule: Schedule, layer: int, more: Fraction) -> Case:
    """One layer under a last dial raised by `more`."""
    wanted = Fraction(schedule.high)
    origin = f"layer {layer} of {schedule}, wanted {wanted}, last dial raised by {more}"
    raised: Values = {sym.dial_higher: exact(wanted + more)}
    return finely(lambda: layer_values(schedule, layer, wanted) | raised, origin, str(schedule), extremal=more == 0)


HALF = Fraction(1, 2)
SCHEDULES = tuple(
    Schedule(layers, degree, low, high)
    for layers in (2, 3, 6, 13)
    for degree in (1, 2, 3, 4, 5, 7)
    for low, high in ((0, 8), (Fraction(-3, 2), Fraction(5, 2)), (2, 2), (Fraction(1, 3), 40))
)
REAL = tuple(
    Schedule(layers, degree, low, high)
    for layers in (2, 3, 12, 2001)
    for degree in (Fraction(1), Fraction(3, 2), Fraction(2), Fraction(7, 3))
    for low, high in ((0, 1), (Fraction(-1, 2), 3), (2, 2), (-4, -3))
)


def budget_cases() -> list[Case]:
    """Schedules of whole degree."""
    return [schedule_case(schedule) for schedule in SCHEDULES]


def power_cases(degree: int) -> Callable[[], list[Case]]:
    """Power sums of one degree."""
    return lambda: [schedule_case(Schedule(layers, degree, 0, 1)) for layers in (2, 3, 4, 8, 30, 101)]


def real_cases() -> list[Case]:
    """Schedules of real degree, 2001 layers among them: the trapezoid bounds are then attained to a millionth."""
    return [schedule_case(schedule) for schedule in REAL]


_RISING = [s for s in SCHEDULES if s.high > s.low and s.layers < 10 and s.degree < 5]


def above_cases() -> list[Case]:
    """The last layer against the last dial exactly, and every layer at or after the first one above."""
    cases = [layer_case(s, s.last, Fraction(s.high), extremal=True) for s in _RISING]
    for s in _RISING:
        for share in (Fraction(1, 10), Fraction(2, 5), Fraction(9, 10)):
            wanted = s.low + (Fraction(s.high) - s.low) * share
            if any(s.dial(layer) == wanted for layer in range(s.layers)):
                continue  # m rise^(1/q) is a whole number there, and no ball around it has one ceiling
            first = s.first_above(wanted)
            cases += [layer_case(s, layer, wanted) for layer in range(max(first or 1, 1), s.layers)]
    return cases


def below_cases() -> list[Case]:
    """Every layer against a dial just above its own, and well above."""
    return [
        layer_case(s, layer, Fraction(s.dial(layer)) + (Fraction(s.high) - s.low) * more)  # type: ignore[arg-type]  # degrees are whole: exact
        for s in _RISING
        for layer in range(1, s.layers)
        for more in (Fraction(1, 2**40), Fraction(1, 5))
    ]


def raised_cases() -> list[Case]:
    """Last dials raised by nothing, by a little, by much."""
    return [
        raised_case(s, layer, more)
        for s in (*_RISING, Schedule(4, Fraction(3, 2), 1, 5))
        for layer in range(1, s.layers)
        for more in (Fraction(0), Fraction(1, 8), Fraction(5))
    ]


# --- rollout ----------------------------------------------------------------------------------------------------------

MASSES: tuple[tuple[fmpq, ...], ...] = (
    (fmpq(1, 10),) * 5,
    (fmpq(1, 2),),
    (fmpq(1, 3), fmpq(1, 7), fmpq(3, 4)),
    (fmpq(0), fmpq(2, 5), fmpq(0)),
    (fmpq(9, 10), fmpq(1, 100)),
)
SHAPES = ((2, 1), (5, 2), (4, 3))


def rollout_case(layers: Layers, *, extremal: bool = False) -> Case:
    """Rollout of a stack, with the greatest bound phi_L that it meets."""
    values = rollout_values(layers)
    return Case(values | {sym.phi_low: 1 - values[sym.eps_greatest]}, layers.origin, layers.exact, extremal)


def residual_case(layers: Layers, share: fmpq, *, extremal: bool = False) -> Case:
    """Rollout with a residual share."""
    return Case(rollout_values(layers, share), f"{layers.origin}, residual share {share}", layers.exact, extremal)


def stacks(*, alike: bool | None = None, one: bool = False) -> list[Layers]:
    """Stacks with an absorbing outside; alike: all layers with one outside mass; one: a single layer that leaks."""
    chosen = [
        masses
        for masses in MASSES
        if (not alike or len(set(masses)) == 1) and (not one or sum(mass != 0 for mass in masses) == 1)
    ]
    return [absorbing(masses, *shape) for masses in chosen for shape in SHAPES]


def ordinary() -> list[Layers]:
    """Stacks that attain nothing."""
    from checks.schedule_exact import random_layers

    rng = np.random.default_rng(5)
    return [random_layers(rng, tokens, g, depth) for tokens, g, depth in ((3, 1, 2), (5, 2, 3), (4, 3, 5))]


def rollout_cases(*, alike: bool = False, one: bool = False) -> Callable[[], list[Case]]:
    """The equality cases of one bound, the other absorbing stacks, and ordinary ones."""

    def made() -> list[Case]:
        tight = stacks(alike=alike, one=one)
        known = {layers.origin for layers in tight}
        loose = [layers for layers in (*stacks(), *ordinary()) if layers.origin not in known]
        return [rollout_case(layers, extremal=True) for layers in tight] + [rollout_case(layers) for layers in loose]

    return made


def residual_cases() -> list[Case]:
    """Residual shares 0 to 1."""
    return [
        residual_case(layers, share, extremal=absorbed)
        for absorbed, pool in ((True, stacks()), (False, ordinary()))
        for layers in pool
        for share in (fmpq(0), fmpq(1, 2), fmpq(1, 3), fmpq(1))
    ]


def first_cases() -> list[Case]:
    """A first layer with uniform attention or worse, later layers that leak nothing or something."""
    cases = []
    for tokens, g in SHAPES:
        even = fmpq(tokens - g, tokens)
        for later in ((fmpq(0),) * 3, (fmpq(1, 9), fmpq(1, 4))):
            for first in (even, (1 + even) / 2):
                tight = first == even and not any(later)
                cases.append(rollout_case(absorbing((first, *later), tokens, g), extremal=tight))
    return cases


def tighter_case(masses: Sequence[fmpq], others: Sequence[fmpq], origin: str) -> Case:
    """Two stacks by their outside masses."""
    values: Values = {
        sym.stay: product([1 - x for x in masses]),
        sym.stay_other: product([1 - x for x in others]),
        sym.eps_excess: min((y - x for x, y in zip(masses, others, strict=True)), default=fmpq(0)),
        sym.eps_greatest: max(others, default=fmpq(0)),
    }
    return Case(values, origin, {"masses": [[str(x) for x in side] for side in (masses, others)]}, list(masses) == list(others))


def tighter_cases() -> list[Case]:
    """A stack against itself and against ones that leak more."""
    cases = [tighter_case(masses, masses, "the same outside masses") for masses in MASSES]
    return cases + [tighter_case(masses, [(1 + 3 * x) / 4 for x in masses], "more outside mass") for masses in MASSES]


# --- the value path ---------------------------------------------------------------------------------------------------

GAINS: tuple[tuple[fmpq, fmpq], ...] = ((fmpq(1), fmpq(0)), (fmpq(1, 2), fmpq(0)), (fmpq(3), fmpq(0)))
TURNS = ((fmpq(3, 5), fmpq(4, 5)), (fmpq(1), fmpq(-1)), (fmpq(-1, 2), fmpq(0)))


def flow_case(layers: Layers, maps: Sequence[tuple[fmpq, fmpq]], *, extremal: bool = False) -> Case:
    """The value path of a stack, with the greatest bounds phi_L and w that it meets."""

    def values() -> Values:
        found = flow_values(layers, maps)
        return found | {sym.phi_low: 1 - found[sym.eps_greatest], sym.value_gain: above(found[sym.value_greatest])}

    origin = f"{layers.origin}, value maps {[(str(a), str(b)) for a, b in maps]}"
    return finely(values, origin, layers.exact | {"maps": [[str(x) for x in pair] for pair in maps]}, extremal=extremal)


def above(value: Value) -> int | fmpq:
    """The value itself, or a fraction above a ball."""
    if not isinstance(value, arb):
        return value
    return fmpq(int((value * 2**60).upper().ceil().unique_fmpz() or 0) + 1, 2**60)


def maps_of(layers: Layers, pool: Sequence[tuple[fmpq, fmpq]], shift: int) -> list[tuple[fmpq, fmpq]]:
    """Value maps for every layer of a stack, from a pool in turn."""
    return [pool[(index + shift) % len(pool)] for index in range(len(layers.matrices))]


def flow_cases(*, alike: bool = False, one: bool = False) -> Callable[[], list[Case]]:
    """Scalar value maps on absorbing stacks (equality), and ordinary stacks with maps that turn."""

    def made() -> list[Case]:
        cases = []
        for shift, layers in enumerate(stacks(alike=alike, one=one)):
            pool = GAINS[shift % 3 : shift % 3 + 1] if alike else GAINS
            cases.append(flow_case(layers, maps_of(layers, pool, shift), extremal=True))
        for pool in (TURNS, GAINS):
            cases += [flow_case(layers, maps_of(layers, pool, 1)) for layers in (*ordinary(), *stacks()[6:9])]
        return cases

    return made


# --- norms, off-block parts, the next margin --------------------------------------------------------------------------


def norm_case(
    layers: Layers, tokens: Tokens, maps: Sequence[tuple[fmpq, fmpq]], origin: str, *, extremal: bool = False
) -> Case:
    """Norms and off-block parts after a stack."""
    record = layers.exact | {
        "tokens": [[str(x) for x in v] for v in tokens.vectors],
        "maps": [[str(x) for x in m] for m in maps],
    }
    return finely(lambda: norm_values(layers, tokens, maps), f"{layers.origin}, {origin}", record, extremal=extremal)


def worst_tokens(layers: Layers, norm: fmpq, off: fmpq) -> Tokens:
    """In-block tokens off their block by `off`, tokens outside wholly in the other direction."""
    return Tokens(((fmpq(0), off),) * layers.g + ((fmpq(0), norm),) * (layers.tokens - layers.g))


def random_tokens(rng: np.random.Generator, layers: Layers) -> Tokens:
    """Random tokens, mostly along their own block."""
    raw = rng.integers(-9, 10, (layers.tokens, 2))
    return Tokens(
        tuple(
            (fmpq(int(a)), fmpq(int(b), 4)) if index < layers.g else (fmpq(int(b), 4), fmpq(int(a)))
            for index, (a, b) in enumerate(raw)
        )
    )


def _same(gain: fmpq) -> tuple[fmpq, fmpq]:
    return gain, gain


def full_norm_cases() -> list[Case]:
    """Equal tokens, stretched by every map; ordinary tokens."""
    rng = np.random.default_rng(8)
    cases = []
    for shift, layers in enumerate((*stacks(), *ordinary())):
        maps = [_same(a) for a, _ in maps_of(layers, GAINS, shift)]
        equal = Tokens(((fmpq(3, 5), fmpq(4, 5)),) * layers.tokens)
        cases.append(norm_case(layers, equal, maps, "equal tokens", extremal=True))
        cases.append(norm_case(layers, random_tokens(rng, layers), [(a, -a / 2) for a, _ in maps], "random tokens"))
    return cases


def off_cases(*, share: bool = False) -> Callable[[], list[Case]]:
    """The worst tokens (equality), and ordinary ones; share: only one layer leaks, and no token at first."""

    def made() -> list[Case]:
        rng = np.random.default_rng(9)
        cases = []
        for shift, layers in enumerate(stacks(one=share)):
            maps = [_same(a) for a, _ in maps_of(layers, GAINS, shift)]
            for off in (fmpq(0),) if share else (fmpq(0), fmpq(1, 2), fmpq(3, 2)):
                cases.append(norm_case(layers, worst_tokens(layers, fmpq(2), off), maps, f"off {off}", extremal=True))
        for off in (fmpq(1, 2), fmpq(3, 2)) if share else ():
            layers = absorbing((fmpq(0),) * 3, 4, 2)
            maps = [_same(a) for a, _ in maps_of(layers, GAINS, 1)]
            for norm in (fmpq(2), fmpq(7, 4)):
                cases.append(norm_case(layers, worst_tokens(layers, norm, off), maps, f"off {off} of {norm}", extremal=True))
        for layers in (*stacks(), *ordinary()):
            maps = [(a, -a / 3) for a, _ in maps_of(layers, GAINS, 2)]
            cases.append(norm_case(layers, random_tokens(rng, layers), maps, "random tokens"))
        return cases

    return made


def margin_case(
    layers: Layers,
    tokens: Tokens,
    maps: Sequence[tuple[fmpq, fmpq]],
    form: tuple[fmpq, fmpq],
    dial: fmpq,
    *,
    extremal: bool = False,
) -> Case:
    """The margin of the first query at the next layer, whose content form is diag(form), on a dial of strength 3/2 at tau = 2/3."""
    tau, beta = fmpq(2, 3), fmpq(3, 2)

    def values() -> Values:
        after = run(layers, tokens, maps)
        query = after[0]
        scores = [(query[0] * form[0] * x[0] + query[1] * form[1] * x[1]) / tau for x in after]
        return norm_values(layers, tokens, maps) | {
            sym.margin: min(scores[: layers.g]) + beta * dial - max(scores[layers.g :]),
            sym.rho_A: max(abs(form[0]), abs(form[1])),
            sym.tau: tau,
            sym.beta: beta,
            sym.dial: dial,
            sym.off_norm: fmpq(0),
        }

    return finely(values, f"{layers.origin}, form {form}, dial {dial}", layers.exact, extremal=extremal)


def margin_cases() -> list[Case]:
    """The worst tokens without a layer that changes them, and ordinary ones."""
    rng = np.random.default_rng(10)
    still = Layers((identity(3),), 2, "one layer that changes nothing")
    cases = [
        margin_case(
            still,
            Tokens(((norm, fmpq(0)), (-norm, fmpq(0)), (fmpq(0), norm))),
            [(fmpq(0), fmpq(0))],
            (rho, rho),
            dial,
            extremal=True,
        )
        for norm in (fmpq(1), fmpq(3, 2), fmpq(1, 2))
        for rho in (fmpq(1), fmpq(2, 3), fmpq(5))
        for dial in (fmpq(0), fmpq(4), fmpq(1, 2))
    ]
    for norm in (fmpq(1), fmpq(5), fmpq(1, 4)):  # off their block as well: nearly as bad as they can be
        own, off = norm * fmpq(4, 5), norm * fmpq(3, 5)
        slanted = Tokens(((own, off), (-own, -off), (off, own)))
        cases.append(margin_case(still, slanted, [(fmpq(0), fmpq(0))], (fmpq(2), fmpq(2)), fmpq(3)))
    for layers in (*ordinary(), *stacks()):
        maps = [(a / 4, -a / 8) for a, _ in maps_of(layers, GAINS, 0)]
        cases.append(margin_case(layers, random_tokens(rng, layers), maps, (fmpq(1, 3), fmpq(-1, 4)), fmpq(5)))
    return cases


# --- continuity -------------------------------------------------------------------------------------------------------


def moved_case(
    contents: Sequence[Sequence[Sequence[fmpq]]], g: int, start: Sequence[fmpq], gain: fmpq, beta: fmpq, dials: tuple[fmpq, fmpq],
    *, extremal: bool = False,
) -> Case:  # fmt: skip
    """A stack of scalar tokens with stored content at two settings; every token has the block of the first g tokens or the rest."""

    def output(dial: fmpq) -> list[arb]:
        x = [arb(value) for value in start]
        for content in contents:
            means = []
            for i, row in enumerate(content):
                weights = [(arb(c) + (arb(beta * dial) if (i < g) == (j < g) else 0)).exp() for j, c in enumerate(row)]
                total = sum(weights, arb(0))
                means.append(sum((w * value for w, value in zip(weights, x, strict=True)), arb(0)) / total)
            x = [value + gain * mean for value, mean in zip(x, means, strict=True)]
        return x

    def values() -> Values:
        gap = arb(0)
        for a, b in zip(output(dials[0]), output(dials[1]), strict=True):
            gap = gap.max(abs(a - b))
        return {
            sym.depth: len(contents),
            sym.output_gap: gap,
            sym.value_gain: abs(gain),
            sym.value_greatest: abs(gain),
            sym.spread_start: max(start) - min(start),
            sym.beta: beta,
            sym.dial: dials[0],
            sym.dial_other: dials[1],
        }

    origin = f"stack of {len(contents)} layers with stored content, value map {gain}, settings {dials[0]} and {dials[1]}"
    return finely(
        values, origin, {"content": [[[str(c) for c in row] for row in layer] for layer in contents]}, extremal=extremal
    )


def continuity_cases() -> list[Case]:
    """One layer, two tokens, settings +x and -x (equality); several layers."""
    even = ((fmpq(0), fmpq(0)), (fmpq(0), fmpq(0)))
    cases = [
        moved_case((even,), 1, (fmpq(0), apart), gain, beta, (x, -x), extremal=True)
        for apart in (fmpq(1), fmpq(5, 2))
        for gain in (fmpq(1), fmpq(3, 2), fmpq(1, 4))
        for beta in (fmpq(1), fmpq(1, 2), fmpq(3))
        for x in (fmpq(1, 2**12), fmpq(1, 3), fmpq(2))
    ]
    rng = np.random.default_rng(11)
    for depth in (1, 2, 4):
        contents = [[[fmpq(int(c), 2) for c in row] for row in rng.integers(-4, 5, (4, 4))] for _ in range(depth)]
        start = [fmpq(int(v)) for v in rng.integers(-5, 6, 4)]
        for dials in ((fmpq(0), fmpq(1)), (fmpq(3), fmpq(1, 2))):
            cases.append(moved_case(contents, 2, start, fmpq(-1, 2), fmpq(3, 2), dials))
    return cases


def closed() -> list[Case]:
    """A statement about closed numbers."""
    return [Case({}, "closed numbers", extremal=True)]
