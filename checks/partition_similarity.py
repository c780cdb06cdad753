"""Similarities of tokens whose vectors are floats taken as exact: a float64 matrix with a proved error bound, exact values on demand.

Floats screen, exact values decide: the greatest or least similarity of many pairs is that of the few pairs whose float value lies within
twice the error bound of the best one, and those are computed exactly (or, for a cosine, enclosed).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
from flint import arb, ctx, fmpq
from jaxtyping import Bool, Float

from checks.data import DataError
from checks.enclosure import BITS

Kind = Literal["cosine", "bilinear"]
Exact = fmpq | arb
UNIT = 2.0**-53


@dataclass(frozen=True)
class Similarity:
    """Similarities of N tokens: the cosine of their vectors, or x'Ay/tau with A the symmetric part of `form` (the identity if None).

    vectors: finite float64 [N, d].  A score x'Ay of a layer is not symmetric; its symmetric part is what blocks are made from.
    """

    vectors: Float[np.ndarray, "N d"]
    kind: Kind = "cosine"
    form: Float[np.ndarray, "d d"] | None = None
    tau: float = 1.0

    def __post_init__(self) -> None:
        """Refuse shapes and numbers that have no similarity."""
        width = self.vectors.shape[1]
        if self.form is not None and (self.form.shape != (width, width) or self.kind == "cosine"):
            raise DataError(
                f"a form is a matrix [{width}, {width}] and belongs to kind='bilinear', got {self.form.shape} and {self.kind!r}."
            )
        if not (np.isfinite(self.vectors).all() and (self.form is None or np.isfinite(self.form).all())):
            raise DataError("similarities need finite vectors and a finite form: a NaN or an infinity has no exact value.")
        if not (np.isfinite(self.tau) and self.tau > 0):
            raise DataError(f"the temperature must be finite and positive, got {self.tau}: scores are divided by it.")
        if self.kind == "cosine" and not self.vectors.any(1).all():
            raise DataError(
                f"token {int(np.argmin(self.vectors.any(1)))} has the zero vector: it has no direction and no cosine."
            )

    @property
    def tokens(self) -> int:
        """The number of tokens N."""
        return len(self.vectors)

    @cached_property
    def values(self) -> Float[np.ndarray, "N N"]:
        """All similarities in float64, symmetric bit for bit; each is within `error` of the exact one."""
        if self.kind == "cosine":
            _, exponent = np.frexp(np.abs(self.vectors).max(1, keepdims=True))
            scaled = np.ldexp(
                self.vectors, -exponent
            )  # exact, but for entries below 2^-1022 of the greatest: no square overflows
            unit = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
            found = unit @ unit.T
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                right = self.vectors if self.form is None else self.vectors @ (self.form / 2 + self.form.T / 2)
            with np.errstate(over="ignore", invalid="ignore"):
                found = self.vectors @ right.T / self.tau
            if not np.isfinite(found).all():
                raise DataError(
                    "similarities leave the range of floats: vectors, form or 1/tau are too great. Scale them down."
                )
        lower = np.tril(found, -1)
        return np.asarray(lower + lower.T + np.diag(np.diag(found)))

    @cached_property
    def error(self) -> float:
        """A bound on |value - exact value| for every pair.

        A sum of d products in any order errs by at most g_d = d u/(1 - d u) times the product of the norms (Cauchy-Schwarz), u = 2^-53.
        Cosine: g_d for the product, g_d/2 + 2u for each of two norms and u for each of two divisions come to less than (2d + 16) u for
        vectors of norm below 1 + (d + 8) u; 4 (d + 16) u covers it. Bilinear: (2 g_d + g_d^2) and a u for each of halves, sum, division,
        times the product of three norms; (3d + 16) u covers it. The factor 1 + 2^-20 covers the rounding of the bound itself, the last
        term the underflow of d^2 products.
        """
        width = self.vectors.shape[1]
        if self.kind == "cosine":
            return float(4 * (width + 16) * UNIT)
        norms = float(np.sqrt((self.vectors**2).sum(1)).max())
        size = 1.0 if self.form is None else float(np.sqrt((self.form**2).sum()))
        bound = (3 * width + 16) * UNIT * (norms * norms * size / self.tau) * (1 + 2.0**-20)
        return float(bound + width**2 * 2.0**-1022)

    @cached_property
    def _rational(self) -> list[list[fmpq]]:
        return [[fmpq(*x.as_integer_ratio()) for x in row] for row in self.vectors.tolist()]

    @cached_property
    def _images(self) -> list[list[fmpq]]:
        if self.form is None:
            return self._rational
        half = [[fmpq(*x.as_integer_ratio()) / 2 for x in row] for row in self.form.tolist()]
        size = range(len(half))
        even = [[half[i][j] + half[j][i] for j in size] for i in size]
        return [[_dot(row, vector) for row in even] for vector in self._rational]

    def exact(self, i: int, j: int) -> Exact:
        """The similarity of two tokens: a rational number, or for a cosine a ball of about 2^-120 around it."""
        if self.kind == "bilinear":
            return _dot(self._rational[i], self._images[j]) / fmpq(*float(self.tau).as_integer_ratio())
        x, y = self._rational[i], self._rational[j]
        old, ctx.prec = ctx.prec, BITS
        try:
            return arb(_dot(x, y)) / (arb(_dot(x, x)) * arb(_dot(y, y))).sqrt()
        finally:
            ctx.prec = old

    def greatest(self, pairs: Bool[np.ndarray, "N N"]) -> tuple[Exact, tuple[int, int]] | None:
        """The greatest similarity over the pairs that are True (i < j counts), certified, and a pair that has it up to the ball."""
        return self._best(pairs, 1)

    def least(self, pairs: Bool[np.ndarray, "N N"]) -> tuple[Exact, tuple[int, int]] | None:
        """The least similarity over the pairs that are True, certified, and a pair that has it up to the ball."""
        return self._best(pairs, -1)

    def _best(self, pairs: Bool[np.ndarray, "N N"], sign: int) -> tuple[Exact, tuple[int, int]] | None:
        rows, columns = np.nonzero(np.triu(pairs, 1))
        if not len(rows):
            return None
        floats = sign * self.values[rows, columns]
        close = np.flatnonzero(floats >= floats.max() - 2 * self.error * (1 + 2.0**-20))
        chosen = [(int(rows[k]), int(columns[k])) for k in close]
        exact = [self.exact(i, j) for i, j in chosen]
        at = max(range(len(exact)), key=lambda k: sign * _middle(exact[k]))
        return extreme(exact, max if sign > 0 else min), chosen[at]


def _dot(x: list[fmpq], y: list[fmpq]) -> fmpq:
    return sum((a * b for a, b in zip(x, y, strict=True)), fmpq(0))


def _middle(value: Exact) -> float:
    return float(value.mid()) if isinstance(value, arb) else float(Fraction(int(value.p), int(value.q)))


def extreme(values: list[Exact], pick: Callable[..., Exact]) -> Exact:
    """The greatest (pick = max) or least (min) of exact values: a rational among rationals, else a ball that contains it."""
    if all(isinstance(value, fmpq) for value in values):
        return pick(values)
    found = arb(values[0])
    for value in values[1:]:
        found = found.max(arb(value)) if pick is max else found.min(arb(value))
    return found


def difference(left: Exact, right: Exact) -> Exact:
    """Left minus right, exactly or in a ball."""
    if isinstance(left, fmpq) and isinstance(right, fmpq):
        return left - right
    old, ctx.prec = ctx.prec, BITS
    try:
        return arb(left) - arb(right)
    finally:
        ctx.prec = old


def below(value: Exact) -> float:
    """A float that is at most the value, and close to it."""
    return _towards(value, -np.inf)


def above(value: Exact) -> float:
    """A float that is at least the value, and close to it."""
    return _towards(value, np.inf)


def _towards(value: Exact, side: float) -> float:
    ball = arb(value) if isinstance(value, fmpq) else value
    end = ball.lower() if side < 0 else ball.upper()
    found = float(end)
    while not (arb(found) <= end if side < 0 else arb(found) >= end):
        found = float(np.nextafter(found, side))
    return found
