"""Schedules and stacks as numbers: dials and budgets in exact fractions, leaks of layers that differ in Arb balls.

    schedule = Schedule(layers=6, degree=3, low=0, high=16)
    schedule.dials()                       # six exact dials: 0, 16/125, ..., 16
    schedule.budget                        # their sum, exactly
    schedule.first_above(10)               # the first layer whose dial is at least 10, or None
    stack = Stack.alike(6, keys=64, block=8, lead=4, value=1)
    contain(stack, schedule.dials(), start=3).value_share     # a ball; `report_number` rounds it up

Everything here is proved in the family `schedule`; nothing needs SymPy, torch or SciPy. Leads and margins are in nats, dials in
units of the dial (beta nats each).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import comb
from typing import Literal

from flint import arb, fmpq

from theory.formulas import outside_mass_bound
from theory.namespaces import FLINT

Number = int | Fraction
Measure = Literal["layer", "rollout", "value"]
MEASURES: tuple[Measure, ...] = ("layer", "rollout", "value")


class ScheduleError(ValueError):
    """A schedule, a stack or a target outside its domain."""


def ball(value: Number | float) -> arb:
    """A number as a ball: fractions are enclosed, a float is that float exactly."""
    exact = Fraction(value)
    return arb(fmpq(exact.numerator, exact.denominator))


# --- power sums -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def bernoulli(index: int) -> Fraction:
    """The Bernoulli number B_index with B_1 = +1/2, exactly, from the sum of binomial(n + 1, j) B_j = n + 1."""
    if index < 0:
        raise ScheduleError(f"Bernoulli numbers are counted from 0, got {index}: there is none before. Give 0 or more.")
    return (index + 1 - sum(comb(index + 1, j) * bernoulli(j) for j in range(index))) / Fraction(index + 1)


@lru_cache(maxsize=256)
def faulhaber(degree: int) -> tuple[Fraction, ...]:
    """Coefficients of the polynomial S with S(m) = 1^p + ... + m^p, from m^0 up; p >= 1 (`schedule.any_degree`)."""
    if degree < 1:
        raise ScheduleError(f"a power sum needs a degree p >= 1, got {degree}: 1^0 + ... + m^0 is m. Give 1 or more.")
    coefficients = [Fraction(0)] * (degree + 2)
    for j in range(degree + 1):
        coefficients[degree + 1 - j] = comb(degree + 1, j) * bernoulli(j) / (degree + 1)
    return tuple(coefficients)


def power_sum(degree: int, last: int) -> int:
    """1^p + ... + last^p by Faulhaber's formula, exactly; p >= 1, last >= 0."""
    if last < 0:
        raise ScheduleError(f"a power sum ends at a number >= 0, got {last}: there are no layers before. Give 0 or more.")
    total = Fraction(0)
    for coefficient in reversed(faulhaber(degree)):
        total = total * last + coefficient
    return int(total)


# --- schedules --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Schedule:
    """Dials d_l = low + (high - low) (l/m)^degree of the layers l = 0..m, m = layers - 1; `degree` a positive rational."""

    layers: int
    degree: Number
    low: Number
    high: Number

    def __post_init__(self) -> None:
        """Refuse what is no schedule: one layer, a degree that is not positive, floats."""
        for name in ("degree", "low", "high"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
                raise ScheduleError(
                    f"Schedule.{name} must be an int or a Fraction, got {value!r}: dials are exact. Write Fraction('0.1') for 0.1."
                )
        if self.layers < 2:
            raise ScheduleError(
                f"a schedule needs at least 2 layers, got {self.layers}: the dial of layer l is at l/(layers - 1), "
                "and one layer divides 0 by 0. Give a single layer its dial directly."
            )
        if self.degree <= 0:
            raise ScheduleError(
                f"a schedule needs a degree > 0, got {self.degree}: at degree 0 or below the first layer is not the one "
                "with the first dial. Use 1 for a straight line; for a constant dial set low = high."
            )

    @property
    def last(self) -> int:
        """The number m of the last layer."""
        return self.layers - 1

    @property
    def exact(self) -> bool:
        """Whether the dials are rational: the degree is a whole number, or they are all equal."""
        return Fraction(self.degree).denominator == 1 or self.low == self.high or self.layers == 2

    def share(self, layer: int) -> arb:
        """(l/m)^degree as a ball."""
        if not 0 <= layer <= self.last:
            raise ScheduleError(f"layers are numbered 0 to {self.last}, got {layer}: there is no such dial. Give one of them.")
        if layer in (0, self.last):
            return arb(layer // self.last)
        degree = Fraction(self.degree)
        return ball(Fraction(layer, self.last) ** degree.numerator).root(degree.denominator)

    def dial(self, layer: int) -> Fraction | arb:
        """The dial of one layer (from 0): a fraction where `exact`, else a ball."""
        share = self.share(layer)
        if not self.exact:
            return ball(self.low) + ball(Fraction(self.high) - self.low) * share
        if layer in (0, self.last):
            return Fraction(self.high if layer else self.low)
        power = int(self.degree) if Fraction(self.degree).denominator == 1 else 1
        return self.low + (Fraction(self.high) - self.low) * Fraction(layer, self.last) ** power

    def dials(self) -> tuple[Fraction | arb, ...]:
        """The dials of all layers, the first one first."""
        return tuple(self.dial(layer) for layer in range(self.layers))

    @property
    def budget(self) -> Fraction | arb:
        """The sum of all dials: exact for whole degrees (`schedule.budget`), else a ball."""
        if Fraction(self.degree).denominator == 1:
            steps = Fraction(power_sum(int(self.degree), self.last), self.last ** int(self.degree))
            return self.layers * Fraction(self.low) + (Fraction(self.high) - self.low) * steps
        return sum(self.dials(), Fraction(0) if self.exact else arb(0))

    @property
    def budget_between(self) -> tuple[Fraction, Fraction]:
        """Bounds on the budget in closed form, for degrees >= 1 and high >= low (`schedule.budget_floor`, `_ceiling`)."""
        if self.degree < 1 or self.high < self.low:
            raise ScheduleError(
                f"the closed bounds on the budget need degree >= 1 and high >= low, got {self.degree}, {self.low}, {self.high}: "
                "the trapezoid rule is below a concave or a falling power. Use `budget`, or exchange the dials."
            )
        span, base = Fraction(self.high) - self.low, self.layers * Fraction(self.low)
        least = self.last / (Fraction(self.degree) + 1) + Fraction(1, 2)
        return base + span * least, base + span * (least + Fraction(self.degree) / (8 * self.last))

    def reaches(self, layer: int, dial: Number) -> bool:
        """Whether the dial of the layer is at least `dial`, decided in exact arithmetic for every rational degree."""
        span, wanted = Fraction(self.high) - self.low, Fraction(dial) - self.low
        degree, at = Fraction(self.degree), Fraction(layer, self.last)
        if not 0 <= layer <= self.last:
            raise ScheduleError(f"layers are numbered 0 to {self.last}, got {layer}: there is no such dial. Give one of them.")
        if span == 0 or layer == 0:
            return wanted <= 0
        rise = wanted / span
        if rise <= 0:
            return span > 0
        # at^(a/b) against rise: both sides to the power b
        above = at**degree.numerator - rise**degree.denominator
        return above >= 0 if span > 0 else above <= 0

    def first_above(self, dial: Number) -> int | None:
        """The first layer whose dial is at least `dial` (`schedule.above`, `schedule.below`); None when no layer's is."""
        return next((layer for layer in range(self.layers) if self.reaches(layer, dial)), None)


# --- stacks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LayerBounds:
    """What is known of one layer: keys n, block g, 1 <= g < n; content lead R (nats, any sign); |W_V| <= value."""

    keys: int
    block: int
    lead: Number
    value: Number = 1

    def __post_init__(self) -> None:
        """Refuse a block that is not a proper part of the keys, and a negative norm."""
        if not 1 <= self.block < self.keys:
            raise ScheduleError(
                f"a layer needs 1 <= block < keys, got block {self.block} of {self.keys} keys: with no key outside nothing leaks, "
                "with none inside nothing is contained. Count every visible key, and those of the query's own block."
            )
        if self.value < 0:
            raise ScheduleError(
                f"the norm of a value map must not be negative, got {self.value}: it is a bound on |W_V x|/|x|. Give 0 or more."
            )

    @property
    def uniform(self) -> Fraction:
        """Outside mass of uniform attention, (n - g)/n."""
        return Fraction(self.keys - self.block, self.keys)

    def margin(self, dial: Number | arb, strength: Number = 1) -> arb:
        """Guaranteed margin beta d - R (nats) as a ball (`dial.margin`)."""
        return ball(strength) * (dial if isinstance(dial, arb) else ball(dial)) - ball(self.lead)

    def outside_mass(self, dial: Number | arb, strength: Number = 1) -> arb:
        """Bound E(n, g, beta d - R) on the outside mass of every row, a ball (`concentration.outside_mass`)."""
        return arb(outside_mass_bound(FLINT, self.keys, self.block, self.margin(dial, strength)))


@dataclass(frozen=True)
class Stack:
    """A stack of layers with what is known of each, the first one first, and the strength beta of the dial (nats)."""

    layers: tuple[LayerBounds, ...]
    strength: Number = 1

    def __post_init__(self) -> None:
        """Refuse an empty stack and a strength that is not positive."""
        if not self.layers or self.strength <= 0:
            raise ScheduleError(
                f"a stack needs a layer and a strength beta > 0, got {len(self.layers)} layers and {self.strength}: there is nothing "
                "to contain, or the dial does nothing. Give both."
            )

    @classmethod
    def alike(cls, layers: int, *, keys: int, block: int, lead: Number, value: Number = 1, strength: Number = 1) -> Stack:
        """A stack of `layers` layers of which the same is known."""
        return cls((LayerBounds(keys, block, lead, value),) * layers, strength)


@dataclass(frozen=True)
class Containment:
    """What is guaranteed of the layers `start`, `start` + 1, ... of a stack; all numbers are balls, none is rounded.

    outside_mass: bound per layer, before `start` too.  rollout: of the product of the matrices.  value_share: of what can flow
    along the values, what comes from outside (`schedule.value_path_relative`).  value_flow: the same in absolute terms, a sum of
    norms of derivatives.  vacuous: for each number that says no more than uniform attention would, the reason.
    """

    start: int
    outside_mass: tuple[arb, ...]
    margins: tuple[arb, ...]
    rollout: arb
    rollout_sum: arb
    value_share: arb
    value_flow: arb
    growth: arb
    vacuous: dict[str, str] = field(default_factory=dict)

    def measure(self, name: Measure) -> arb:
        """The greatest outside mass of a layer from `start` on, the rollout leak, or the share on the value path."""
        if name == "layer":
            worst = self.outside_mass[self.start]
            for mass in self.outside_mass[self.start + 1 :]:
                worst = worst.max(mass)
            return worst
        return {"rollout": self.rollout, "value": self.value_share}[name]


def leak_of_product(masses: Sequence[arb]) -> arb:
    """1 - product of (1 - eps_l), a ball, by -expm1 of a sum of log1p; an outside mass of 1 gives 1."""
    stay = arb(1)
    logs = arb(0)
    for mass in masses:
        stay *= 1 - mass
        logs += (-mass).log1p()
    precise = -(logs.expm1())
    return precise if precise.is_finite() else 1 - stay


def contain(stack: Stack, dials: Sequence[Number | arb], start: int = 0) -> Containment:
    """What the dials guarantee of the layers from `start` on; the state of the stack before layer `start` is taken as it is.

    dials: one per layer. Raises ScheduleError for another number of dials, or a start that is no layer.
    """
    if len(dials) != len(stack.layers):
        raise ScheduleError(
            f"a stack of {len(stack.layers)} layers needs as many dials, got {len(dials)}: each layer has one. "
            "Make the schedule for that number of layers."
        )
    if not 0 <= start < len(stack.layers):
        raise ScheduleError(
            f"containment starts at a layer 0 to {len(stack.layers) - 1}, got {start}: no layer is left to contain. Start earlier."
        )
    margins = tuple(layer.margin(dial, stack.strength) for layer, dial in zip(stack.layers, dials, strict=True))
    masses = tuple(layer.outside_mass(dial, stack.strength) for layer, dial in zip(stack.layers, dials, strict=True))
    return contained(masses, [layer.value for layer in stack.layers], start, margins, [layer.uniform for layer in stack.layers])


def contained(
    masses: Sequence[arb],
    values: Sequence[Number | arb],
    start: int = 0,
    margins: Sequence[arb] = (),
    uniform: Sequence[Fraction] = (),
) -> Containment:
    """The same from bounds on the outside mass of each layer, measured or guaranteed; values: bounds on |W_V|.

    uniform: (n - g)/n of each layer, for saying what is vacuous; without it nothing is said to be.
    """
    gains = [value if isinstance(value, arb) else ball(value) for value in values]
    later = list(zip(masses, gains, strict=True))[start:]
    lost = [mass * gain / (1 + gain) for mass, gain in later]
    growth, stays = arb(1), arb(1)
    for mass, gain in later:
        growth, stays = growth * (1 + gain), stays * (1 + gain * (1 - mass))
    result = Containment(
        start,
        tuple(masses),
        tuple(margins),
        rollout=leak_of_product([mass for mass, _ in later]),
        rollout_sum=sum((mass for mass, _ in later), arb(0)),
        value_share=leak_of_product(lost),
        value_flow=growth - stays,
        growth=growth,
    )
    if uniform:
        result.vacuous.update(_vacuous(result, gains, uniform))
    return result


def _vacuous(found: Containment, gains: Sequence[arb], uniform: Sequence[Fraction]) -> dict[str, str]:
    """The numbers that uniform attention, which no dial is needed for, would have as well."""
    start, reasons = found.start, {}
    open_layers = [index for index in range(start, len(gains)) if not found.outside_mass[index] < ball(uniform[index])]
    if open_layers:
        reasons["layer"] = (
            f"layer {open_layers[0]} may let out {uniform[open_layers[0]]} of its attention or more, what uniform attention lets out: "
            "its margin is not positive"
        )
    if not found.rollout < ball(uniform[start]):
        reasons["rollout"] = (
            f"the product bound is at least {uniform[start]}, the rollout leak of uniform attention"
            + (f"; layer {open_layers[0]} alone makes it so (schedule.unlocalised_first)" if open_layers else "")
            + ". Contain from a later layer, or raise the dials"
        )
    blind = leak_of_product([ball(share) * gain / (1 + gain) for share, gain in zip(uniform, gains, strict=True)][start:])
    if not found.value_share < blind:
        reasons["value"] = (
            "the share on the value path is not below that of layers with uniform attention. Contain from a later layer, "
            "or raise the dials"
        )
    return reasons


def off_block_parts(
    containment: Containment, values: Sequence[Number | arb], norm: Number | arb, off: Number | arb
) -> tuple[tuple[arb, arb], ...]:
    """Bounds (norm, off-block part) of a token before layer `start`, and after each layer from it on (`schedule.off_block`).

    For block-diagonal value maps; norm > 0 and off bound a token's norm and off-block part before layer `start`. The pair before a
    layer is what `blocks.margin_bilinear` takes for B and delta there (`schedule.next_margin`).
    """
    start_norm, start_off = (value if isinstance(value, arb) else ball(value) for value in (norm, off))
    pairs, growth, stays = [(start_norm, start_off)], arb(1), arb(1)
    later = list(zip(containment.outside_mass, values, strict=True))[containment.start :]
    for mass, value in later:
        gain = value if isinstance(value, arb) else ball(value)
        growth, stays = growth * (1 + gain), stays * (1 + gain * (1 - mass))
        pairs.append((start_norm * growth, start_norm * growth - (start_norm - start_off) * stays))
    return tuple(pairs)


@dataclass(frozen=True)
class NormLayer:
    """One layer of `contain_from_norms`: what norms alone guarantee before and in it; all balls."""

    norm: arb
    off: arb
    lead: arb
    margin: arb
    outside_mass: arb


def contain_from_norms(
    dials: Sequence[Number | arb],
    *,
    keys: int,
    block: int,
    content: Sequence[Number],
    values: Sequence[Number],
    norm: Number,
    off: Number,
    temperature: Number = 1,
    strength: Number = 1,
) -> tuple[tuple[NormLayer, ...], Containment]:
    """What norms guarantee of bilinear layers without cross-block groups: no lead is measured, each layer's follows from those before.

    A token has norm at most `norm` (B > 0) and off-block part at most `off` (delta <= B) before the first layer; content[l] bounds the
    norms of the block forms A_c, values[l] those of the block-diagonal value map. Layer by layer the lead is content (B^2 + 2 B
    delta)/tau (`schedule.next_margin`), the dial gives margin and outside mass, and `schedule.off_block` the next B and delta. Leads grow
    like the square of B, so deep stacks of large value maps are beyond any dial: then outside masses say so. Raises ScheduleError.
    """
    if not 0 <= off <= norm or norm <= 0 or temperature <= 0 or len(content) != len(dials) or len(values) != len(dials):
        raise ScheduleError(
            f"norms need 0 <= off <= norm, norm > 0, temperature > 0 and a content and value norm for each of {len(dials)} dials, got "
            f"{off}, {norm}, {temperature}, {len(content)} and {len(values)}: a part is no longer than its token. Correct the one at fault."
        )
    whole, part, found = ball(norm), ball(off), []
    for dial, rho, value in zip(dials, content, values, strict=True):
        lead = ball(rho) * (whole * whole + 2 * whole * part) / ball(temperature)
        margin = ball(strength) * (dial if isinstance(dial, arb) else ball(dial)) - lead
        layer = LayerBounds(keys, block, 0, value)
        mass = arb(outside_mass_bound(FLINT, layer.keys, layer.block, margin))
        found.append(NormLayer(whole, part, lead, margin, mass))
        gain = ball(value)
        whole, part = whole * (1 + gain), part * (1 + gain * (1 - mass)) + gain * mass * whole
    masses, margins = [layer.outside_mass for layer in found], [layer.margin for layer in found]
    uniform = [Fraction(keys - block, keys)] * len(dials)
    return tuple(found), contained(masses, values, 0, margins, uniform)


__all__ = [
    "MEASURES",
    "Containment",
    "LayerBounds",
    "Measure",
    "NormLayer",
    "Schedule",
    "ScheduleError",
    "Stack",
    "ball",
    "bernoulli",
    "contain",
    "contain_from_norms",
    "contained",
    "faulhaber",
    "leak_of_product",
    "off_block_parts",
    "power_sum",
]
