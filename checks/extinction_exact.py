"""Exact steps and runs for `theory.extinction`: vectors of rationals or balls, the prox as it is defined, adversaries.

Everything here is real arithmetic in Arb; a float that comes from a layer is an exact real. Norms are balls, so a case is
decided or it is not; nothing is compared with a tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from flint import arb, ctx, fmpq

from checks.claims import Case
from checks.enclosure import Value, rational
from theory import symbols as sym

Vector = Sequence[arb]
Number = int | float | fmpq


@contextmanager
def bits(count: int = 256) -> Iterator[None]:
    """Arb at a working precision of so many bits; the one before comes back."""
    old, ctx.prec = ctx.prec, count
    try:
        yield
    finally:
        ctx.prec = old


def vector(entries: Sequence[Number]) -> list[arb]:
    """Exact entries: a float is the dyadic rational that it is."""
    return [arb(rational(x)) for x in entries]


def norm(x: Vector) -> arb:
    """Euclidean norm; exactly 0 for exact zeros."""
    return sum((y * y for y in x), arb(0)).sqrt()


def add(x: Vector, y: Vector, factor: arb | fmpq | int = 1) -> list[arb]:
    """X + factor y."""
    return [a + arb(factor) * b for a, b in zip(x, y, strict=True)]


def scaled(x: Vector, factor: arb | fmpq | int) -> list[arb]:
    """Factor x."""
    return [arb(factor) * a for a in x]


def resized(x: Vector, length: arb) -> list[arb]:
    """X at another length, x nonzero; exact for a vector along an axis, where x/|x| has entries 0 and 1."""
    zeros = [bool(y == 0) for y in x]  # certainly 0; a ball around 0 is not
    if zeros.count(False) == 1 and not norm(x).contains(0):
        return [y if zero else length if y > 0 else -length for y, zero in zip(x, zeros, strict=True)]
    return scaled(x, length / norm(x))


def prox(z: Vector, threshold: arb) -> list[arb] | None:
    """max(0, 1 - threshold/|z|) z, for threshold > 0; None when the balls do not tell whether |z| exceeds the threshold."""
    size = norm(z)
    if size <= threshold:
        return [arb(0)] * len(z)
    return resized(z, size - threshold) if size > threshold else None


def along(x: Vector, length: arb) -> list[arb]:
    """The vector of the given length in the direction of x; along the first axis for x = 0."""
    return resized(x, length) if norm(x) > 0 else [length, *([arb(0)] * (len(x) - 1))]


def clipped(v: Vector, bound: arb) -> list[arb]:
    """v, shortened to length `bound` if it is longer: v C / max(|v|, C)."""
    return scaled(v, bound / norm(v).max(bound))


def upper(ball: arb | fmpq) -> fmpq:
    """A multiple of 2^-60 that is not below the number: few bits, so that balls decide equal bounds."""
    top = ball if isinstance(ball, fmpq) else ball.upper().fmpq()
    return fmpq((top * 2**60).ceil(), 2**60)


@dataclass(frozen=True)
class Setting:
    """Constants of a step or a run: eta > 0, gamma > 0, G_bar >= 0, and lam = G_bar + gamma unless given; all exact."""

    eta: fmpq
    gamma: fmpq
    bound: fmpq
    lam: fmpq

    @classmethod
    def at_threshold(cls, eta: Number, gamma: Number, bound: Number) -> Setting:
        """The least penalty weight that the statements allow."""
        e, c, b = rational(eta), rational(gamma), rational(bound)
        return cls(e, c, b, b + c)

    @property
    def values(self) -> dict:
        """The symbols of the setting."""
        return {sym.eta: self.eta, sym.gamma: self.gamma, sym.step_bound: self.bound, sym.lam: self.lam}


def run_until_zero(
    start: Vector,
    setting: Setting,
    move: Callable[[int, Vector], Vector],
    *,
    keep: fmpq | int = 1,
    radial: fmpq | int = 1,
    limit: int = 5000,
) -> int | None:
    """K: the number of the first zero state of theta+ = radial prox(keep theta - eta move(k, theta)); None if the balls do not
    tell.
    """
    theta = list(start)
    cut = arb(setting.eta) * arb(setting.lam)
    for index in range(limit):
        z = add(scaled(theta, keep), move(index, theta), -arb(setting.eta))
        found = prox(z, cut)
        if found is None:
            return None
        theta = scaled(found, radial)
        if all(x == 0 for x in theta):
            return index + 1
    return None


def outward(length: arb) -> Callable[[int, Vector], Vector]:
    """The adversary: in every step a vector of this length that pushes the group away from zero."""
    return lambda index, theta: scaled(along(theta, length), -1)


def run_case(steps: int, start: Vector | fmpq, values: dict, origin: str, *, extremal: bool = False) -> Case:
    """The case of a run: K = steps, theta0 the exact norm of the start, and the constants."""
    size: Value = start if isinstance(start, fmpq) else norm(start)
    return Case(
        {sym.extinct_at: steps, sym.theta0: size} | values, origin, {str(k): str(v) for k, v in values.items()}, extremal
    )


def adam_moments(gradients: Sequence[arb], beta1: fmpq, beta2: fmpq) -> tuple[arb, arb]:
    """A_1 and A_2: sums of beta1^j g_j and beta2^j g_j^2, j the age; `gradients` run from the oldest to the newest."""
    first, second = arb(0), arb(0)
    b1, b2 = arb(beta1), arb(beta2)
    for g in gradients:
        first, second = b1 * first + g, b2 * second + g * g
    return first, second


def adam_ratio(gradients: Sequence[arb], beta1: fmpq, beta2: fmpq) -> arb:
    """|m|/sqrt(v) of one coordinate after these gradients, corrected for bias, no epsilon."""
    first, second = adam_moments(gradients, beta1, beta2)
    count, one = len(gradients), arb(1)
    w1, w2 = ((one - arb(b) ** count) / (one - arb(b)) for b in (beta1, beta2))
    return abs(first) * w2.sqrt() / (w1 * second.sqrt())


def worst_gradients(count: int, beta1: fmpq, beta2: fmpq) -> list[arb]:
    """Gradients (beta1/beta2)^age: where Cauchy-Schwarz is an equality."""
    quotient = arb(beta1) / arb(beta2)
    return [quotient**age for age in range(count - 1, -1, -1)]


def exact_floats(values: Iterator[float] | Sequence[float]) -> list[str]:
    """Floats in JSON, losslessly."""
    return [float(x).hex() for x in values]
