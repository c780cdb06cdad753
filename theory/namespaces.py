"""The numbers a formula can run on: one adaptor each for `math`, `numpy`, `torch`, `flint` and exact fractions.

`theory.formulas` is written against the methods below. `MATH` needs the standard library; `NUMPY`, `TORCH` and `FLINT` import
their library when first asked for (`from theory.namespaces import FLINT`). `FLINT` works at the current `flint.ctx.prec` and
returns enclosures: a branch that the balls cannot decide gives the union of both values. NaN in gives NaN out in every
namespace.

Besides the usual functions there are three differences that cancel near 0 and are therefore computed as one:
`exp_gap(x)` = e^x - 1 - x,  `log_gap(y)` = y - ln(1 + y),  `kl_gap(y)` = (1 + y) ln(1 + y) - y  (1 at y = -1).
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import Any


class Namespace:
    """Arithmetic on one kind of number; `where` evaluates both branches, so formulas keep both finite."""

    name = "abstract"

    def numbers(self, *values: Any) -> tuple[Any, ...]:
        """The arguments as numbers of this namespace; a boolean or a string is refused."""
        for value in values:
            if isinstance(value, (bool, str, complex)) or value is None:
                raise TypeError(f"{self.name} formulas take real numbers, not {value!r} of type {type(value).__name__}")
        return tuple(self._number(value) for value in values)

    def _number(self, value: Any) -> Any:
        raise NotImplementedError

    def rational(self, p: int, q: int) -> Any:
        """p/q, correctly rounded (exact or enclosed in `FLINT`); Python rounds the quotient of two integers correctly."""
        return p / q

    def power(self, x: Any, p: int, q: int = 1) -> Any:
        """x^(p/q) for integers p, q >= 1, by repeated products: p - 1 roundings, and no sign of x is lost."""
        if q != 1:
            x = self._root(x, q)
        result = None
        while p:
            if p & 1:
                result = x if result is None else result * x
            p >>= 1
            x = x * x if p else x
        return result

    def _root(self, x: Any, q: int) -> Any:
        return self.sqrt(x) if q == 2 else x ** (1 / q)

    # Conditions: booleans, or True / False / None (undecided) in MATH and FLINT.
    def less(self, a: Any, b: Any) -> Any:
        """Whether a < b."""
        return a < b

    def less_equal(self, a: Any, b: Any) -> Any:
        """Whether a <= b."""
        return a <= b

    def equal(self, a: Any, b: Any) -> Any:
        """Whether a = b."""
        return a == b

    def both(self, a: Any, b: Any) -> Any:
        """Logical and."""
        return a & b

    def either(self, a: Any, b: Any) -> Any:
        """Logical or."""
        return a | b

    def negate(self, a: Any) -> Any:
        """Logical not."""
        return ~a

    # Kernel functions, overridden below.
    def exp(self, x: Any) -> Any:
        """e^x."""
        raise NotImplementedError

    def log(self, x: Any) -> Any:
        """Natural logarithm."""
        raise NotImplementedError

    def log1p(self, x: Any) -> Any:
        """ln(1 + x)."""
        raise NotImplementedError

    def expm1(self, x: Any) -> Any:
        """e^x - 1."""
        raise NotImplementedError

    def sqrt(self, x: Any) -> Any:
        """Square root."""
        raise NotImplementedError

    def tanh(self, x: Any) -> Any:
        """Hyperbolic tangent."""
        raise NotImplementedError

    def sinh(self, x: Any) -> Any:
        """Hyperbolic sine."""
        raise NotImplementedError

    def cosh(self, x: Any) -> Any:
        """Hyperbolic cosine."""
        raise NotImplementedError

    def ceil(self, x: Any) -> Any:
        """Least integer not below x."""
        raise NotImplementedError

    def maximum(self, a: Any, b: Any) -> Any:
        """The greater of two."""
        raise NotImplementedError

    def minimum(self, a: Any, b: Any) -> Any:
        """The less of two."""
        raise NotImplementedError

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        """Where the condition holds a, else b; both are evaluated."""
        raise NotImplementedError

    def abs(self, x: Any) -> Any:
        """Absolute value."""
        return abs(x)

    # The three gaps: series where the terms cancel, the plain difference elsewhere. With exp, log, log1p and expm1 within 4
    # units in the last place (8 u, u = 2^-53) the plain difference is worst where it takes over: 62 u of the value for kl_gap
    # at y = 1/2, 37 u for log_gap at 1/2, 15 u for exp_gap at -1. Plus what the argument's own error contributes.
    def exp_gap(self, x: Any) -> Any:
        """e^x - 1 - x >= 0; Taylor series for |x| <= 1 (20 terms: the tail is below 2^-66 of the value)."""
        small = self.less_equal(self.abs(x), 1)
        y = self.where(small, x, x * 0)
        series = y * 0
        for k in range(21, 2, -1):
            series = (series + 1) * y / k
        return self.where(small, (series + 1) * y * y / 2, self.expm1(x) - x)

    def log_gap(self, y: Any) -> Any:
        """Y - ln(1 + y) >= 0, y > -1; for |y| <= 1/2 with s = y/(2 + y), |s| <= 1/3: y s - 2 s^3 (1/3 + s^2/5 + ...)."""
        small = self.less_equal(self.abs(y), 0.5)
        z = self.where(small, y, y * 0)
        s = z / (z + 2)
        square = s * s
        series = y * 0
        for k in range(35, 1, -2):
            series = series * square + 1 / k
        return self.where(small, z * s - 2 * s * square * series, y - self.log1p(self.where(small, y * 0, y)))

    def kl_gap(self, y: Any) -> Any:
        """(1 + y) ln(1 + y) - y >= 0, y >= -1; near 0 it is y ln(1 + y) - log_gap(y), about y^2 - y^2/2."""
        small = self.less_equal(self.abs(y), 0.5)
        z = self.where(small, y, y * 0)
        w = 1 + self.where(small, y * 0, y)
        zero = self.equal(w, 0)
        xlogx = self.where(zero, y * 0, w * self.log(self.where(zero, y * 0 + 1, w)))
        return self.where(small, z * self.log1p(z) - self.log_gap(z), xlogx - y)


class _Math(Namespace):
    """Python floats; overflow gives inf, the logarithm of zero -inf, an invalid argument NaN, as in IEEE arithmetic."""

    name = "math"

    def _number(self, value: Any) -> float:
        return float(value)

    def exp(self, x: float) -> float:
        return math.exp(x) if x < 709.78 else _or_inf(math.exp, x)

    def expm1(self, x: float) -> float:
        return math.expm1(x) if x < 709.78 else _or_inf(math.expm1, x)

    def log(self, x: float) -> float:
        return math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)

    def log1p(self, x: float) -> float:
        return math.log1p(x) if x > -1 else (-math.inf if x == -1 else math.nan)

    def sqrt(self, x: float) -> float:
        return math.sqrt(x) if x >= 0 else math.nan

    def tanh(self, x: float) -> float:
        return math.tanh(x)

    def sinh(self, x: float) -> float:
        return math.copysign(_or_inf(math.sinh, abs(x)), x)

    def cosh(self, x: float) -> float:
        return _or_inf(math.cosh, x)

    def ceil(self, x: float) -> float:
        return float(math.ceil(x)) if math.isfinite(x) else x

    def maximum(self, a: float, b: float) -> float:
        return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)

    def minimum(self, a: float, b: float) -> float:
        return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)

    def both(self, a: Any, b: Any) -> Any:
        return a and b

    def either(self, a: Any, b: Any) -> Any:
        return a or b

    def negate(self, a: Any) -> Any:
        return not a

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        return a if condition else b


def _or_inf(function: Any, x: float) -> float:
    try:
        return float(function(x))
    except OverflowError:
        return math.inf


class _Exact(Namespace):
    """Fractions, for formulas of + - * /, Max, Min and ceil only: the value itself, nothing rounded."""

    name = "exact"

    def _number(self, value: Any) -> Fraction:
        return Fraction(value)

    def rational(self, p: int, q: int) -> Fraction:
        return Fraction(p, q)

    def maximum(self, a: Fraction, b: Fraction) -> Fraction:
        return max(a, b)

    def minimum(self, a: Fraction, b: Fraction) -> Fraction:
        return min(a, b)

    def ceil(self, x: Fraction) -> int:
        return math.ceil(x)


class _Numpy(Namespace):
    name = "numpy"

    def __init__(self) -> None:
        import numpy as np

        self._np = np
        for function in ("exp", "log", "log1p", "expm1", "sqrt", "tanh", "sinh", "cosh", "ceil", "maximum", "minimum", "where"):
            setattr(self, function, getattr(np, function))

    def _number(self, value: Any) -> Any:
        array = self._np.asarray(float(value) if isinstance(value, Fraction) else value)
        if array.dtype.kind == "f":
            return array
        if array.dtype.kind in "iu":
            return array.astype(self._np.float64)
        raise TypeError(f"numpy formulas take floats or integers, not an array of dtype {array.dtype}")


class _Torch(Namespace):
    name = "torch"

    def __init__(self) -> None:
        import torch

        self._torch = torch
        for function in ("exp", "log", "log1p", "expm1", "sqrt", "tanh", "sinh", "cosh", "ceil"):
            setattr(self, function, getattr(torch, function))

    def _number(self, value: Any) -> Any:
        torch = self._torch
        if not isinstance(value, torch.Tensor):
            return torch.as_tensor(float(value) if isinstance(value, (int, float, Fraction)) else value, dtype=torch.float64)
        if value.dtype == torch.bool or value.is_complex():
            raise TypeError(f"torch formulas take floats or integers, not a tensor of dtype {value.dtype}")
        return value if value.is_floating_point() else value.to(torch.float64)

    def rational(self, p: int, q: int) -> Any:
        return self._torch.tensor(p / q, dtype=self._torch.float64)  # 0-dim: takes the other operand's dtype and device

    def maximum(self, a: Any, b: Any) -> Any:
        return self._torch.maximum(*self._tensors(a, b))

    def minimum(self, a: Any, b: Any) -> Any:
        return self._torch.minimum(*self._tensors(a, b))

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        return self._torch.where(condition, *self._tensors(a, b))

    def _tensors(self, a: Any, b: Any) -> tuple[Any, Any]:
        like = a if isinstance(a, self._torch.Tensor) else b
        return self._torch.as_tensor(a, dtype=like.dtype, device=like.device), self._torch.as_tensor(
            b, dtype=like.dtype, device=like.device
        )


class _Flint(Namespace):
    """Arb balls: every result encloses the exact value for every exact point of the arguments' balls."""

    name = "flint"

    def __init__(self) -> None:
        import flint

        self._flint = flint
        self._arb = flint.arb

    def _number(self, value: Any) -> Any:
        if isinstance(value, self._arb):
            return value
        if isinstance(value, Fraction):
            return self._arb(self._flint.fmpq(value.numerator, value.denominator))
        return self._arb(value)  # a float is that float exactly, never its shortest decimal

    def rational(self, p: int, q: int) -> Any:
        return self._arb(self._flint.fmpq(p, q))

    def _root(self, x: Any, q: int) -> Any:
        return self._arb(x).root(q)

    # Arb's comparisons are True only when certain, so both directions are asked; NaN answers neither and stays undecided.
    def less(self, a: Any, b: Any) -> bool | None:
        return True if a < b else (False if a >= b else None)

    def less_equal(self, a: Any, b: Any) -> bool | None:
        return True if a <= b else (False if a > b else None)

    def equal(self, a: Any, b: Any) -> bool | None:
        return True if a == b else (False if a != b else None)

    def both(self, a: bool | None, b: bool | None) -> bool | None:
        return False if a is False or b is False else (True if a and b else None)

    def either(self, a: bool | None, b: bool | None) -> bool | None:
        return True if a or b else (False if a is False and b is False else None)

    def negate(self, a: bool | None) -> bool | None:
        return None if a is None else not a

    def where(self, condition: bool | None, a: Any, b: Any) -> Any:
        if condition is None:
            a, b = self._arb(a), self._arb(b)
            return self._arb("nan") if a.is_nan() or b.is_nan() else a.union(b)
        return a if condition else b

    def exp(self, x: Any) -> Any:
        return self._arb(x).exp()

    def log(self, x: Any) -> Any:
        return self._arb(x).log()

    def log1p(self, x: Any) -> Any:
        return self._arb(x).log1p()

    def expm1(self, x: Any) -> Any:
        return self._arb(x).expm1()

    def sqrt(self, x: Any) -> Any:
        return self._arb(x).sqrt()

    def tanh(self, x: Any) -> Any:
        return self._arb(x).tanh()

    def sinh(self, x: Any) -> Any:
        return self._arb(x).sinh()

    def cosh(self, x: Any) -> Any:
        return self._arb(x).cosh()

    def ceil(self, x: Any) -> Any:
        return self._arb(x).ceil()

    def maximum(self, a: Any, b: Any) -> Any:
        return self._arb(a).max(self._arb(b))

    def minimum(self, a: Any, b: Any) -> Any:
        return self._arb(a).min(self._arb(b))

    # Plain differences: a ball says how much cancelled, so more precision is the remedy and no series is needed.
    def exp_gap(self, x: Any) -> Any:
        return self.expm1(x) - x

    def log_gap(self, y: Any) -> Any:
        return y - self.log1p(y)

    def kl_gap(self, y: Any) -> Any:
        w = 1 + y
        if w == 0:
            return self._arb(1)
        return w * self.log(w) - y


MATH: Namespace = _Math()
EXACT: Namespace = _Exact()


@cache
def _lazy(name: str) -> Namespace:
    return {"NUMPY": _Numpy, "TORCH": _Torch, "FLINT": _Flint}[name]()


def __getattr__(name: str) -> Namespace:
    if name in ("NUMPY", "TORCH", "FLINT"):
        return _lazy(name)
    raise AttributeError(f"theory.namespaces has no {name!r}; it has MATH, EXACT, NUMPY, TORCH and FLINT")
