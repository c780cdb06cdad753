"""Float64 arrays with proved radii: a namespace in which every formula of the registry runs, and encloses its value.

A ball is a value v and a radius r: the true number is no further than r from v. u = 2^-53. Every operation on values is right to a
relative u, or to 2^-1075 where it underflows, for which FLUSHED stands in.

1. a + b, a - b: the radii add up, and the rounding is at most u |v|.
2. a b: |a| r_b + |b| r_a + r_a r_b, and the rounding.   a / b: r_a / (|b| - r_b) + |v| (r_b / (|b| - r_b)), in this order because |v| r_b
   can underflow where the quotient matters, and the rounding; needs r_b < |b|.
3. e^x for x <= 0 is right to EXP u (`checks.kernel.rounding`: a Taylor polynomial after argument reduction, IEEE + - x, no library), for
   x > 0 it is 1/e^-x. A radius r of x < 1/2 moves it by a factor within 1 +- r/(1 - r). Below e^-708 it is taken as 0.
4. Logarithms come from the library and are not trusted: y = ln x is off by no more than |x e^-y - 1| / (1 - |x e^-y - 1|), where the
   product is computed with that exponential and so is right to (EXP + 3) u; a defect above 2^-10 is refused. A radius of x moves
   it by r/(x - r).
5. Maximum and minimum are off by no more than the worse of the two.

Radii are computed in floats as well. Their terms are not negative, so a few roundings move them by a relative few u, and products of
two errors are below 2^-10 of the errors themselves where the text leaves them out; SLACK = 1.001 covers both. What overflows has a
radius that is no number or infinite, and no comparison with it is ever decided.

**In Coq**, in Flocq's model of IEEE double precision: 1 and 2 (`Rounding.ball_sum`, `ball_product`, `ball_quotient`) with the rounding of
their radii (`Screen.sum_radius_in_floats`, `product_radius_in_floats`, `quotient_radius_in_floats`); 3 (`Exponential.exponential_function`,
which proves 3 u, fused or not, and `Rounding.ball_exponential`); 4 (`Rounding.certified_logarithm`, `logarithm_product`); 5 (`ball_max`,
`ball_min`) and comparisons (`ball_less`). **On paper**: the rounding of the radii of 3 and 4 and of the gap in a comparison, and the
encoding of floats, where a power of two is shifted in.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks import kernel
from checks.kernel.rounding import EXP
from theory.namespaces import Namespace

__all__ = ["PROVED", "Ball", "Balls", "Rounding", "exponential", "exponential_by_numpy"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_INVERSE_FACTORIALS = [1.0, 1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320, 1 / 362880, 1 / 3628800,
                       1 / 39916800, 1 / 479001600, 1 / 6227020800]  # fmt: skip


@dataclass(frozen=True)
class Rounding:
    """What each kind of rounding adds to a radius; `PROVED` is what the proofs allow, controls claim less in one place.

    operation, exponential, key, nat: units of `unit` for + - * /, for e^x, for a term of a sum, for a nat in an exponent that is itself a
    rounded difference. defect: share of a logarithm's defect. flushed: absolute. slack, comparison: factors on radii.
    """

    unit: float = 2.0**-53
    operation: float = 1.0
    exponential: float = EXP
    key: float = 1.0
    nat: float = 1.0
    defect: float = 1.0
    flushed: float = 2.0**-1000
    slack: float = 1.001
    comparison: float = 1.0


PROVED = Rounding()


@dataclass(frozen=True, eq=False)
class Ball:
    """Numbers [rows] and radii [rows]: the true value is no further away. + - * / with balls, integers and fractions."""

    value: Floats
    radius: Floats
    rounding: Rounding = PROVED

    __array_ufunc__ = None  # an array on the left leaves the operation to the ball

    def _other(self, other: Any) -> Ball:
        return other if isinstance(other, Ball) else exactly(other, self.rounding)

    def _of(self, value: Floats, radius: Floats) -> Ball:
        rules = self.rounding
        with np.errstate(all="ignore"):
            return Ball(value, (radius + rules.operation * rules.unit * np.abs(value)) * rules.slack, rules)

    def __add__(self, other: Any) -> Ball:
        b = self._other(other)
        with np.errstate(all="ignore"):
            return self._of(self.value + b.value, self.radius + b.radius)

    __radd__ = __add__

    def __neg__(self) -> Ball:
        return Ball(-self.value, self.radius, self.rounding)

    def __sub__(self, other: Any) -> Ball:
        return self + -self._other(other)

    def __rsub__(self, other: Any) -> Ball:
        return self._other(other) + -self

    def __mul__(self, other: Any) -> Ball:
        b = self._other(other)
        with np.errstate(all="ignore"):
            off = np.abs(self.value) * b.radius + np.abs(b.value) * self.radius + self.radius * b.radius
            return self._of(self.value * b.value, off + self.rounding.flushed)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ball:
        b = self._other(other)
        with np.errstate(all="ignore"):
            value = self.value / b.value
            room = np.abs(b.value) - b.radius * self.rounding.slack
            off = self.radius / room + np.abs(value) * (b.radius / room)  # |value| b.radius could underflow
            return self._of(value, np.where(room > 0, off, np.inf) + self.rounding.flushed)

    def __rtruediv__(self, other: Any) -> Ball:
        return self._other(other) / self

    def __abs__(self) -> Ball:
        return Ball(np.abs(self.value), self.radius, self.rounding)


def exactly(value: Any, rounding: Rounding = PROVED) -> Ball:
    """A number, or floats that are what they are; a fraction that is no float is rounded."""
    number = np.asarray(float(value) if isinstance(value, (int, Fraction)) else value, dtype=np.float64)
    off = isinstance(value, (int, Fraction)) and Fraction(float(value)) != value
    return Ball(number, np.abs(number) * rounding.unit * rounding.slack if off else np.zeros_like(number), rounding)


class Balls(Namespace):
    """Enclosures of many numbers at once; comparisons say where they are certain, and `False` where they are not."""

    name = "balls"

    def __init__(self, rounding: Rounding = PROVED) -> None:
        self.rounding = rounding

    def _number(self, value: Any) -> Ball:
        return value if isinstance(value, Ball) else exactly(value, self.rounding)

    def rational(self, p: int, q: int) -> Ball:
        """p/q, rounded once."""
        return exactly(Fraction(p, q), self.rounding)

    def exp(self, x: Ball) -> Ball:
        """e^x."""
        rules = self.rounding
        with np.errstate(all="ignore"):
            small = exponential(-np.abs(x.value))
            value = np.where(x.value > 0, 1 / small, small)
            moved = np.where(x.radius < 0.5, x.radius / (1 - x.radius), np.inf)
            units = rules.exponential + rules.operation * (x.value > 0)
            return Ball(value, (value * (moved + units * rules.unit) + rules.flushed) * rules.slack, rules)

    def log(self, x: Ball) -> Ball:
        """Natural logarithm of positive numbers."""
        rules = self.rounding
        with np.errstate(all="ignore"):
            y = np.log(x.value)
            small = exponential(-np.abs(y))
            product = x.value * np.where(y < 0, 1 / small, small)
            defect = np.abs(product - 1) + (rules.exponential + 3 * rules.operation) * rules.unit
            own = np.where(defect < 2.0**-10, defect / (1 - defect), np.inf) * rules.defect
            room = x.value - x.radius * rules.slack
            return Ball(y, (own + np.where(room > 0, x.radius / room, np.inf)) * rules.slack, rules)

    def maximum(self, a: Any, b: Any) -> Ball:
        """The greater of two."""
        a, b = self._number(a), self._number(b)
        return Ball(np.maximum(a.value, b.value), np.maximum(a.radius, b.radius), self.rounding)

    def minimum(self, a: Any, b: Any) -> Ball:
        """The less of two."""
        a, b = self._number(a), self._number(b)
        return Ball(np.minimum(a.value, b.value), np.maximum(a.radius, b.radius), self.rounding)

    def less(self, a: Any, b: Any) -> Flags:
        """Where certainly a < b: the gap exceeds both radii; a comparison with NaN is False."""
        a, b = self._number(a), self._number(b)
        rules = self.rounding
        with np.errstate(all="ignore"):
            gap = b.value - a.value
            certain: Flags = gap * (1 - 4 * rules.unit) > (a.radius + b.radius) * rules.slack * rules.comparison
            return certain

    def less_equal(self, a: Any, b: Any) -> Flags:
        """Where certainly a <= b: apart, or both exact and equal."""
        a, b = self._number(a), self._number(b)
        same: Flags = (a.radius == 0) & (b.radius == 0) & (a.value == b.value) & np.isfinite(a.value)
        return np.asarray(self.less(a, b) | same)


def exponential(x: Floats) -> Floats:
    """e^x for x <= 0 to EXP u, by IEEE additions and multiplications alone; exactly 0 below -708."""
    loaded = kernel.library()
    if loaded is None:
        return exponential_by_numpy(x)
    x = np.ascontiguousarray(x, dtype=np.float64)
    out = np.empty_like(x)
    loaded.localist_exp(x.ctypes.data, x.size, out.ctypes.data)
    return out


def exponential_by_numpy(x: Floats) -> Floats:
    """The same without the compiled extension."""
    dead = ~(x >= -708.0)
    x = np.where(dead, 0.0, x)
    k = np.rint(x * 1.4426950408889634)
    r = (x - k * float.fromhex("0x1.62e42fefa0000p-1")) - k * float.fromhex("0x1.cf79abc9e3b39p-40")
    y = np.full_like(x, _INVERSE_FACTORIALS[-1])
    for term in _INVERSE_FACTORIALS[-2::-1]:
        y = y * r + term
    return np.where(dead, 0.0, np.ldexp(y, k.astype(np.int64)))
