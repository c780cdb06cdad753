"""A namespace that carries, with each float, a bound on its own rounding error: the budget that a formula is tested against.

Wilkinson's running error analysis, u = 2^-53: + - * / and sqrt round correctly (u of the result), exp, log, log1p, expm1,
tanh, sinh and cosh are within 4 units in the last place (8u), the gaps within 64u; an argument's error is carried by the
function's own steepness over the interval it may lie in. Underflow adds one subnormal step to every operation. Nothing is
tuned: the bound is what the operations cost.
"""

from __future__ import annotations

from typing import Any

from flint import arb

from theory.namespaces import FLINT, Namespace

U = arb(2) ** -53
TINY = arb(2) ** -1074
KERNEL, GAP = 8, 64


class OutOfRangeError(ArithmeticError):
    """An intermediate value left the float64 range: the formula promises nothing there."""


class Tracked:
    """An exact-arithmetic value (a thin ball) and a bound on |float result - value|."""

    def __init__(self, value: arb, error: arb) -> None:
        self.value, self.error = value, error
        if not abs(value) < 1e307:
            raise OutOfRangeError(str(value))

    def ball(self) -> arb:
        return self.value + arb(0, self.error.upper())

    def __add__(self, other: Any) -> Tracked:
        b = lift(other)
        return rounded(self.value + b.value, self.error + b.error)

    def __sub__(self, other: Any) -> Tracked:
        b = lift(other)
        return rounded(self.value - b.value, self.error + b.error)

    def __mul__(self, other: Any) -> Tracked:
        b = lift(other)
        return rounded(self.value * b.value, abs(self.value) * b.error + abs(b.value) * self.error + self.error * b.error)

    def __truediv__(self, other: Any) -> Tracked:
        b = lift(other)
        spread = abs(b.value) - b.error
        if not spread > 0:
            raise OutOfRangeError("division by what may be 0")
        value = self.value / b.value
        return rounded(value, (self.error + abs(value) * b.error) / spread)

    def __neg__(self) -> Tracked:
        return Tracked(-self.value, self.error)

    def __abs__(self) -> Tracked:
        return Tracked(abs(self.value), self.error)

    def __radd__(self, other: Any) -> Tracked:
        return lift(other) + self

    def __rsub__(self, other: Any) -> Tracked:
        return lift(other) - self

    def __rmul__(self, other: Any) -> Tracked:
        return lift(other) * self

    def __rtruediv__(self, other: Any) -> Tracked:
        return lift(other) / self


def lift(x: Any) -> Tracked:
    return x if isinstance(x, Tracked) else Tracked(arb(x), arb(0))


def rounded(value: arb, carried: arb, units: int = 1) -> Tracked:
    size = abs(value) + carried
    # The exact point may be an exact float operation (n - g): no error is carried and the result is representable.
    exact = value.is_exact() and carried == 0 and value == arb(float(value))
    return Tracked(value, arb(0) if exact and units == 1 else carried + units * U * size + TINY)


class RunningError(Namespace):
    """Formulas over `Tracked` numbers."""

    name = "running error"

    def _number(self, value: Any) -> Tracked:
        return lift(value)

    def rational(self, p: int, q: int) -> Tracked:
        value = FLINT.rational(p, q)
        return rounded(value, arb(0))

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        return lift(a) if condition else lift(b)

    def less(self, a: Any, b: Any) -> Any:
        return bool(lift(a).value < lift(b).value)

    def less_equal(self, a: Any, b: Any) -> Any:
        return bool(lift(a).value <= lift(b).value)

    def maximum(self, a: Any, b: Any) -> Any:
        return self._either(lift(a), lift(b), lambda p, q: p.max(q))

    def minimum(self, a: Any, b: Any) -> Any:
        return self._either(lift(a), lift(b), lambda p, q: p.min(q))

    def _either(self, a: Tracked, b: Tracked, choose: Any) -> Tracked:
        chosen = choose(a.value, b.value)
        clear = abs(a.value - b.value) > a.error + b.error
        return Tracked(chosen, (a.error if chosen.overlaps(a.value) else b.error) if clear else a.error.max(b.error))

    def ceil(self, x: Any) -> Any:
        return Tracked(x.value.ceil(), x.error + 1)  # next to an integer it may go either way

    def abs(self, x: Any) -> Any:
        return abs(x)


def _through(name: str, units: int) -> Any:
    def function(self: RunningError, x: Any) -> Tracked:
        x = lift(x)
        apply = getattr(FLINT, name)
        value = apply(x.value)
        if name.endswith("_gap"):  # convex with least value 0 at 0, so an end of the interval is furthest away
            low, high = x.value - x.error, x.value + x.error
            if name == "kl_gap":  # defined from -1 on, and no float argument is computed below it
                low = low.max(arb(-1))
            spread = abs(apply(low) - value).max(abs(apply(high) - value))
            spread = spread.max(value) if low <= 0 <= high else spread
        else:
            spread = abs(apply(x.ball()) - value).upper()
        if not spread.is_finite():
            raise OutOfRangeError(f"{name} of {x.ball()}")
        return rounded(value, spread if x.error > 0 else arb(0), units)

    return function


for _name in ("exp", "log", "log1p", "expm1", "tanh", "sinh", "cosh"):
    setattr(RunningError, _name, _through(_name, KERNEL))
RunningError.sqrt = _through("sqrt", 1)
for _name in ("exp_gap", "log_gap", "kl_gap"):
    setattr(RunningError, _name, _through(_name, GAP))
