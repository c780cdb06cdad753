"""Numbers of twice the precision of float64, as unevaluated sums of two arrays: enough to subtract without losing a margin.

Algorithms of Dekker and Knuth; for operands between 1e-30 and 1e30 (or 0) nothing overflows or underflows, and the relative
errors are at most 3u^2 for a sum of a pair and a float or of two pairs of equal sign, 7u^2 for a product and 15u^2 for a
quotient, u = 2^-53 (Joldes, Muller, Popescu, "Tight and rigorous error bounds for basic building blocks of double-word
arithmetic", 2017).
"""

from __future__ import annotations

from typing import Any

Pair = tuple[Any, Any]


def two_sum(a: Any, b: Any) -> Pair:
    """A + b exactly, as its float64 and the remainder."""
    s = a + b
    z = s - a
    return s, (a - (s - z)) + (b - z)


def two_product(a: Any, b: Any) -> Pair:
    """A b exactly, as its float64 and the remainder, by splitting each factor into halves of 26 bits."""
    p = a * b
    (a1, a2), (b1, b2) = _split(a), _split(b)
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


def _split(a: Any) -> Pair:
    c = 134217729.0 * a  # 2^27 + 1
    high = c - (c - a)
    return high, a - high


def multiply(x: Pair, y: Pair) -> Pair:
    """The product of two pairs."""
    p, e = two_product(x[0], y[0])
    return _renormalise(p, e + (x[0] * y[1] + x[1] * y[0]))


def divide(x: Pair, y: Any) -> Pair:
    """The quotient of a pair and a float, y not 0."""
    q = x[0] / y
    p, e = two_product(q, y)
    return _renormalise(q, ((x[0] - p) - e + x[1]) / y)


def subtract(x: Pair, y: Pair) -> Pair:
    """X - y; the error is at most 4u^2 of |x| + |y|."""
    s, e = two_sum(x[0], -y[0])
    t, f = two_sum(x[1], -y[1])
    s, e = _renormalise(s, e + t)
    return _renormalise(s, e + f)


def _renormalise(a: Any, b: Any) -> Pair:
    s = a + b
    return s, b - (s - a)
