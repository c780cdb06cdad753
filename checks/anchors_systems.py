"""Anchors in exact numbers: a code of directions, or any anchors with any queries, and every observable of `theory.anchors` as balls.

A float is a dyadic rational; inner products of anchors are exact. Only norms, cosines and exponentials are balls, and a norm whose
square is the square of a rational is that rational. Nothing is computed by the formulas under test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, isqrt

import sympy as sp
from flint import arb, fmpq, fmpq_mat

from checks.enclosure import Value, rational
from theory import symbols as sym

Vector = tuple[fmpq, ...]
Number = fmpq | arb


class AnchorError(ValueError):
    """Vectors that are no anchors, or no queries for them."""


def exact_vectors(rows: Sequence[Sequence[float | int | fmpq]], origin: str) -> tuple[Vector, ...]:
    """The rows as exact rational vectors of one length; AnchorError for fewer than two, an empty, a ragged or a non-finite one."""
    if len(rows) < 2 or not len(rows[0]):
        raise AnchorError(
            f"{origin}: {len(rows)} anchors of {len(rows[0]) if len(rows) else 0} numbers; pointers are told apart from M = 2 on, in at "
            "least one dimension. Give one row of numbers for each pointer."
        )
    for index, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise AnchorError(
                f"{origin}: anchor {index} has {len(row)} numbers, anchor 0 has {len(rows[0])}; anchors lie in one space. "
                "Make them equally long."
            )
        for place, x in enumerate(row):
            if isinstance(x, float) and not isfinite(x):
                raise AnchorError(
                    f"{origin}: anchor {index} has {x} at place {place}; no bound holds for what is no number. Clean the data."
                )
    return tuple(tuple(map(rational, row)) for row in rows)


def root(square: fmpq) -> Number:
    """The square root of a non-negative rational: exact where it is rational, else a ball."""
    top, bottom = int(square.p), int(square.q)
    a, b = isqrt(top), isqrt(bottom)
    return fmpq(a, b) if a * a == top and b * b == bottom else arb(square).sqrt()


def greatest(numbers: Sequence[Number]) -> Number:
    """The greatest of some numbers: exact if all are."""
    if all(isinstance(x, fmpq) for x in numbers):
        return max(numbers)
    best = arb(numbers[0])
    for x in numbers[1:]:
        best = best.max(arb(x))
    return best


def least(numbers: Sequence[Number]) -> Number:
    """The least of some numbers: exact if all are."""
    return -greatest([-x for x in numbers])


def _gram(left: tuple[Vector, ...], right: tuple[Vector, ...]) -> list[list[fmpq]]:
    product = fmpq_mat([list(v) for v in left]) * fmpq_mat([list(v) for v in right]).transpose()
    return [[fmpq(x) for x in row] for row in product.tolist()]


def _fidelity(drops: Sequence[Number]) -> arb:
    return 1 / (1 + sum(((-arb(x)).exp() for x in drops), arb(0)))


@dataclass(frozen=True)
class Code:
    """M directions, none of them zero, as exact vectors; the anchors are the unit vectors along them, the queries kappa times those."""

    vectors: tuple[Vector, ...]
    origin: str

    def __post_init__(self) -> None:
        for index, v in enumerate(self.vectors):
            if not any(v):
                raise AnchorError(f"{self.origin}: anchor {index} is zero; it has no direction. Remove it or give it one.")

    @property
    def size(self) -> int:
        """M."""
        return len(self.vectors)

    @cached_property
    def inner(self) -> list[list[fmpq]]:
        """Inner products of the vectors as they are, before they are made unit."""
        return _gram(self.vectors, self.vectors)

    @cached_property
    def rank(self) -> int:
        """Dimensions that the directions span: no bound is said of more."""
        return int(fmpq_mat([list(v) for v in self.vectors]).rank())

    def cosines(self) -> list[list[Number]]:
        """Cosines of all ordered pairs (i, j), i != j, by i; at the working precision."""
        g = self.inner
        found: list[list[Number]] = []
        for i in range(self.size):
            row: list[Number] = []
            for j in range(self.size):
                if i != j:
                    norm = root(g[i][i] * g[j][j])
                    row.append(g[i][j] / norm if isinstance(norm, fmpq) else arb(g[i][j]) / norm)
            found.append(row)
        return found

    @cached_property
    def rationals(self) -> tuple[fmpq, ...] | None:
        """All cosines, where each of them is rational; equality is decided on them."""
        every = [x for row in self.cosines() for x in row]
        rational = tuple(x for x in every if isinstance(x, fmpq))
        return rational if len(rational) == len(every) else None

    @property
    def flat(self) -> bool:
        """Whether all cosines are equal."""
        return self.rationals is not None and len(set(self.rationals)) == 1

    @property
    def balanced(self) -> bool:
        """Whether the anchors sum to zero."""
        return self.rationals is not None and sum(self.rationals, fmpq(self.size)) == 0

    @cached_property
    def squares(self) -> tuple[fmpq, ...]:
        """Squared cosines of all ordered pairs: always rational."""
        g = self.inner
        return tuple(g[i][j] ** 2 / (g[i][i] * g[j][j]) for i in range(self.size) for j in range(self.size) if i != j)

    @property
    def tight(self) -> bool:
        """Whether sum a_i a_i' is a multiple of the projection on what the anchors span."""
        return sum(self.squares, fmpq(self.size)) == fmpq(self.size**2, self.rank)

    @property
    def simplex(self) -> bool:
        """Whether all cosines are equal and the anchors sum to zero."""
        return self.flat and self.balanced

    @property
    def two_cosines(self) -> bool:
        """Balanced and tight, all cosines -1 or the greatest: where the bound in D dimensions is attained."""
        every = self.rationals
        return self.balanced and self.tight and every is not None and set(every) <= {fmpq(-1), max(every)}

    def coherence(self) -> Number:
        """The greatest signed cosine."""
        return greatest([x for row in self.cosines() for x in row])

    def observe(self, kappa: Number) -> dict[sp.Symbol, Value]:
        """Every observable of the code with queries of norm kappa along the anchors."""
        rows = self.cosines()
        every = [x for row in rows for x in row]
        top = greatest(every)
        drops = [[kappa * (1 - x) for x in row] for row in rows]
        every_drop = [x for row in drops for x in row]
        fidelities = [_fidelity(row) for row in drops]
        return {
            sym.anchors: self.size,
            sym.width: self.rank,
            sym.coherence: top,
            sym.coherence_abs: greatest([x if x >= 0 else -x for x in every]),
            sym.anchor_norm: fmpq(1),
            sym.query_norm: kappa,
            sym.mean_lead: sum(every_drop[1:], every_drop[0]) / len(every_drop),
            sym.least_lead: least(every_drop),
            sym.least_fidelity: arb(least(fidelities)),
            sym.fidelity: fidelities[0],
            sym.separation: (2 - 2 * arb(top)).sqrt() if top != 1 else fmpq(0),
        }


@dataclass(frozen=True)
class System:
    """M anchors of norm at most 1 and a query for each, exact."""

    anchors: tuple[Vector, ...]
    queries: tuple[Vector, ...]
    origin: str

    def __post_init__(self) -> None:
        if len(self.anchors) != len(self.queries) or len(self.anchors[0]) != len(self.queries[0]):
            raise AnchorError(
                f"{self.origin}: {len(self.anchors)} anchors of {len(self.anchors[0])} numbers, {len(self.queries)} queries of "
                f"{len(self.queries[0])}; every pointer has one of each, in one space. Give as many queries as anchors."
            )

    @cached_property
    def drops(self) -> list[list[fmpq]]:
        """Own score minus another anchor's, by query."""
        scores = _gram(self.queries, self.anchors)
        return [[row[i] - x for j, x in enumerate(row) if j != i] for i, row in enumerate(scores)]

    def fidelities(self) -> list[arb]:
        """Fidelity of each query to its own anchor."""
        return [_fidelity(row) for row in self.drops]

    @cached_property
    def squares(self) -> tuple[fmpq, fmpq, fmpq]:
        """Greatest squared norm of an anchor and of a query, least squared distance of two anchors."""
        g = _gram(self.anchors, self.anchors)
        pairs = [g[i][i] + g[j][j] - 2 * g[i][j] for i in range(len(g)) for j in range(i)]
        queries = (sum((x * x for x in q), fmpq(0)) for q in self.queries)
        return max(g[i][i] for i in range(len(g))), max(queries), min(pairs)

    def observe(self) -> dict[sp.Symbol, Value]:
        """Every observable that does not speak of unit anchors."""
        every = [x for row in self.drops for x in row]
        anchor, query, apart = map(root, self.squares)
        return {
            sym.anchors: len(self.anchors),
            sym.width: len(self.anchors[0]),
            sym.anchor_norm: anchor,
            sym.query_norm: query,
            sym.mean_lead: sum(every, fmpq(0)) / len(every),
            sym.least_lead: min(every),
            sym.least_fidelity: arb(least(self.fidelities())),
            sym.separation: apart,
        }

    def hull(self, index: int, shares: Sequence[fmpq]) -> dict[sp.Symbol, Value]:
        """Norm and fidelity of one query, and its anchor's distance from the mean of the others under shares that sum to 1."""
        others = [a for j, a in enumerate(self.anchors) if j != index]
        mean = [sum((w * a[k] for w, a in zip(shares, others, strict=True)), fmpq(0)) for k in range(len(others[0]))]
        apart = sum(((x - y) ** 2 for x, y in zip(self.anchors[index], mean, strict=True)), fmpq(0))
        return {
            sym.anchors: len(self.anchors),
            sym.query_norm: root(sum((x * x for x in self.queries[index]), fmpq(0))),
            sym.least_fidelity: _fidelity(self.drops[index]),
            sym.hull_distance: root(apart),
            sym.hull_entropy: sum((-arb(w) * arb(w).log() for w in shares if w > 0), arb(0)),
        }


def simplex(size: int) -> Code:
    """M directions of equal cosine -1/(M - 1)."""
    rows = [[size * (i == j) - 1 for j in range(size)] for i in range(size)]
    return Code(exact_vectors(rows, "simplex"), f"simplex of {size}")


def cross_polytope(width: int) -> Code:
    """2D directions: coordinate vectors and their opposites."""
    rows = [[sign * (i == j) for j in range(width)] for i in range(width) for sign in (1, -1)]
    return Code(exact_vectors(rows, "cross-polytope"), f"cross-polytope in {width} dimensions")


def orthogonal(size: int) -> Code:
    """M orthogonal directions."""
    rows = [[int(i == j) for j in range(size)] for i in range(size)]
    return Code(exact_vectors(rows, "orthogonal"), f"{size} orthogonal directions")
