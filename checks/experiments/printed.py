"""What the two seed papers report, number by number, and the type of what follows from them.

A printed number stands for every value that rounds to its digits: 5.36 is the interval [5.355, 5.365]. The numbers are as the
papers' abstracts report them; the full texts are not at hand, so what exactly was measured is an assumption wherever it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Literal

from flint import arb, fmpq

from theory.rounding import round_fraction

AILA, PROGRESSIVE = "2511.03559", "2511.18375"
Sense = Literal["is", "at least", "at most"]
Span = tuple[Fraction, Fraction]
BITS = 192


class EnclosureError(ArithmeticError):
    """A comparison that balls could not decide, or a bracket whose ends are on one side."""


def span(text: str) -> Span:
    """The values that round to a printed decimal: half a unit of its last digit to either side, exactly."""
    digits = Decimal(text)
    exponent = digits.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"printed number {text!r}: only finite decimals have digits to round to, for example 5.36")
    half = Fraction(10) ** exponent / 2
    return Fraction(digits) - half, Fraction(digits) + half


@dataclass(frozen=True)
class Published:
    """A number that a paper reports: its digits as printed, the unit, at which setting, and in which version of the paper.

    version is empty where our source, the abstract as listed, does not tell versions apart.
    """

    name: str
    paper: str
    version: str
    text: str
    unit: str
    what: str

    @property
    def span(self) -> Span:
        """The values that round to it, in its unit; per cent as a share."""
        low, high = span(self.text)
        return (low / 100, high / 100) if self.unit == "%" else (low, high)


PUBLISHED = (
    Published("aila.entropy_localist", AILA, "", "5.36", "bits", "attention entropy at locality 1.0"),
    Published("aila.entropy_distributed", AILA, "", "7.18", "bits", "attention entropy at locality 0.0"),
    Published("aila.perplexity", AILA, "", "4.65", "1", "test perplexity at locality 0.6"),
    Published("aila.accuracy", AILA, "", "84.7", "%", "accuracy at locality 0.6"),
    Published("progressive.perplexity", PROGRESSIVE, "v1", "14.64", "1", "perplexity of the quintic schedule"),
    Published("progressive.ratio", PROGRESSIVE, "v1", "1.89", "1", "that perplexity over the distributed baseline's"),
    Published("progressive.ratio_before", PROGRESSIVE, "v1", "6.6", "1", "the same ratio of earlier localist models"),
    Published("progressive.improvement", PROGRESSIVE, "v1", "84.2", "%", "“improvement” over earlier localist models"),
)


def published(name: str) -> Published:
    """One reported number by name; KeyError names those there are."""
    for number in PUBLISHED:
        if number.name == name:
            return number
    raise KeyError(f"no reported number {name!r}; there are {', '.join(number.name for number in PUBLISHED)}")


DIGITS = "the printed digits are the value rounded to nearest"


@dataclass(frozen=True)
class Implied:
    """A number that follows from reported ones: what it is, in which interval, by which statements, under which assumptions.

    low, high: exact numbers on the far sides of the one that the statement names, over all values that round to the printed digits;
    None where there is no such end. For sense "at least" the number that surely bounds is `low`, for "at most" it is `high`.
    theorems: statements of the registry; where it is empty, `why` is the whole argument. at: the sizes that it is computed for.
    against: the reported number that the interval is to be compared with, if any.
    """

    name: str
    statement: str
    sense: Sense
    low: Fraction | None
    high: Fraction | None
    unit: str
    why: str
    reported: tuple[str, ...]
    theorems: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()
    at: Mapping[str, int] = field(default_factory=dict)
    against: str | None = None

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise EnclosureError(f"{self.name}: the interval [{self.low}, {self.high}] is empty; no number lies in it")

    @property
    def safe(self) -> Fraction | None:
        """The end that holds for every value of the printed digits; None for sense "is" or where nothing is bounded."""
        return {"at least": self.low, "at most": self.high, "is": None}[self.sense]

    @property
    def floats(self) -> tuple[float | None, float | None]:
        """The ends as float64, each on its far side."""
        low = None if self.low is None else round_fraction(self.low, "down")
        return low, None if self.high is None else round_fraction(self.high, "up")

    @property
    def agrees(self) -> bool | None:
        """Whether some value of the digits of `against` is what the statement says; None where there is nothing to compare with."""
        if self.against is None:
            return None
        low, high = published(self.against).span
        above = self.sense == "at most" or self.low is None or self.low <= high
        below = self.sense == "at least" or self.high is None or low <= self.high
        return above and below


def outwards(*found: Fraction | arb) -> Span:
    """The least and the greatest of some numbers: of fractions themselves, of balls their outer ends."""
    for x in found:
        if isinstance(x, arb) and not x.is_finite():
            raise EnclosureError(f"no finite enclosure: {x} among {found}; raise the precision or shrink the box")
    lows = [x if isinstance(x, Fraction) else _exact(x.lower()) for x in found]
    highs = [x if isinstance(x, Fraction) else _exact(x.upper()) for x in found]
    return min(lows), max(highs)


def _exact(end: arb) -> Fraction:
    """A ball of radius 0 as the dyadic number that it is."""
    mantissa, exponent = (int(part) for part in end.man_exp())
    return mantissa * Fraction(2) ** exponent


def corners(value: Callable[..., Fraction | arb], *spans: Span) -> Span:
    """Least and greatest value of a function monotone in each argument, over a box: at its corners, enclosed."""
    return outwards(*(value(*corner) for corner in product(*spans)))


def ball(x: Fraction) -> arb:
    """An exact fraction as a ball."""
    return arb(fmpq(x.numerator, x.denominator))


def bracket(value: Callable[[Fraction], arb], below: Fraction, above: Fraction, level: arb, halvings: int = 60) -> Span:
    """Two arguments with value(first) < level < value(second), both certain, as close as balls and halvings bring them.

    Nothing is assumed of `value` between them: each end is certified by itself. Raises EnclosureError when the given ends are not.
    """
    if not (value(below) < level < value(above)):
        raise EnclosureError(f"bracket: value {value(below)} at {below} and {value(above)} at {above} do not enclose {level}")
    for _ in range(halvings):
        middle = (below + above) / 2
        found = value(middle)
        if found < level:
            below = middle
        elif found > level:
            above = middle
        else:
            break
    return below, above


def least_integer(value: Callable[[int], arb], level: arb, first: int) -> int:
    """The least integer from `first` on at which a rising function exceeds a level; each comparison certain, or EnclosureError."""

    def exceeds(n: int) -> bool:
        found = value(n)
        if not (found > level or found < level):
            raise EnclosureError(f"least integer: {found} at {n} is not certainly on one side of {level}; raise the precision")
        return bool(found > level)

    if exceeds(first):
        return first
    below, above = first, 2 * first
    while not exceeds(above):
        below, above = above, 2 * above
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if exceeds(middle) else (middle, above)
    return above


__all__ = [
    "AILA", "BITS", "DIGITS", "PROGRESSIVE", "PUBLISHED", "EnclosureError", "Implied", "Published", "Sense", "Span", "ball",
    "bracket", "corners", "least_integer", "outwards", "published", "span",
]  # fmt: skip
