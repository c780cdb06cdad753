"""Exact values to float64 and to decimals, always to a named side.

"up" gives a number at least as large as the exact one, "down" one at most as large. Nothing here rounds to nearest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Literal

from flint import arb, ctx, fmpq

Side = Literal["up", "down"]
MOST_BITS = 4096
TINIEST = 5e-324
LARGEST = 1.7976931348623157e308


def round_fraction(value: Fraction, side: Side) -> float:
    """The float64 nearest to an exact number on one side of it; inf (-inf) beyond the range upwards (downwards)."""
    try:
        nearest = float(value)
    except OverflowError:
        return _beyond(value > 0, side)
    if side == "up" and Fraction(nearest) < value:
        return math.nextafter(nearest, math.inf)
    if side == "down" and Fraction(nearest) > value:
        return math.nextafter(nearest, -math.inf)
    return nearest + 0.0


def _beyond(positive: bool, side: Side) -> float:
    """A value larger in size than every float: infinity on the far side of it, the largest float on the near side."""
    size = math.inf if positive == (side == "up") else LARGEST
    return size if positive else -size


def round_end(end: arb, side: Side) -> float:
    """The float64 on one side of an exact ball (radius 0), without expanding an exponent beyond the float range."""
    mantissa, exponent = (int(part) for part in end.man_exp())
    size = exponent + abs(mantissa).bit_length()  # 2^(size - 1) <= |end| < 2^size
    if mantissa and size < -1074:
        return (TINIEST if mantissa > 0 else -0.0) if side == "up" else (0.0 if mantissa > 0 else -TINIEST)
    if size > 1025:
        return _beyond(mantissa > 0, side)
    return round_fraction(mantissa * Fraction(2) ** exponent, side)


def round_ball(evaluate: Callable[[], arb], side: Side) -> float:
    """A float64 on the safe side of an enclosed number, the tightest one if 4096 bits can tell.

    Evaluates at rising precision until both ends of the ball round to the same float; ArithmeticError if no ball is finite.
    """
    bits = 128
    while True:
        with ctx.workprec(bits):
            ball = evaluate()
            finite = ball.is_finite()
            low, high = (round_end(end, side) for end in (ball.lower(), ball.upper())) if finite else (math.nan, math.nan)
        if low == high:
            return low
        if bits >= MOST_BITS:
            if not finite:
                raise ArithmeticError(f"no finite enclosure at {bits} bits: {ball}")
            return high if side == "up" else low
        bits *= 2


def decimal_text(value: float, side: Side, digits: int | None = None) -> str:
    """A float as a decimal on the safe side of it: `digits` significant digits, or as few as read back as the same float.

    The shortest decimal of a float may lie on either side of it; here the decimal itself, taken as a real number, is safe.
    """
    exact = Decimal(value)
    rounding = ROUND_CEILING if side == "up" else ROUND_FLOOR
    for count in range(15, 21) if digits is None else (digits,):
        rounded = Context(prec=count, rounding=rounding, Emin=-999999, Emax=999999).plus(exact)
        if digits is not None or float(rounded) == value:
            break
    if rounded == rounded.to_integral_value() and abs(rounded) < 10**15:
        return f"{int(rounded)}.0"
    text = str(rounded.normalize()) if "E" in str(rounded) else f"{rounded:f}"
    return text.replace("E+", "e").replace("E", "e")


MOST_DIGITS = 400  # of a number with fixed places: beyond every float


def decimal_places(number: arb | fmpq, side: Side, places: int) -> str:
    """A number as a decimal with so many places, on the safe side of every value in its ball; thousands are set off by commas."""
    if isinstance(number, fmpq):
        scaled = number * 10**places
        exact = scaled.ceil() if side == "up" else scaled.floor()
    else:
        with ctx.workprec(MOST_BITS):
            ball = number * 10**places
            if not ball.is_finite():
                return "inf" if side == "up" else "-inf"
            if not abs(ball) < arb(10) ** MOST_DIGITS:  # before its digits are made: they could fill the memory
                raise ArithmeticError(
                    f"{number} is too large to be written with {places} places: it has over {MOST_DIGITS} digits"
                )
            exact = (ball.upper().ceil() if side == "up" else ball.lower().floor()).unique_fmpz()
        if exact is None:
            raise ArithmeticError(f"{number} has no digits at {MOST_BITS} bits")
    return f"{Decimal(int(exact)).scaleb(-places, Context(prec=MOST_BITS)):,.{places}f}"
