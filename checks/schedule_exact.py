"""Stacks of attention layers in exact numbers: rational matrices, scalar or diagonal value maps, and what they leak.

A stack has one block, its first `g` tokens. Matrices are lists of rows of fractions that add up to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import sympy as sp
from flint import arb, fmpq, fmpq_mat

from checks.enclosure import Value
from theory import symbols as sym

Values = dict[sp.Symbol, Value]


@dataclass(frozen=True)
class Layers:
    """Attention matrices of a stack, first layer first, and the size of the block."""

    matrices: tuple[fmpq_mat, ...]
    g: int
    origin: str

    @property
    def tokens(self) -> int:
        """The number of tokens."""
        return int(self.matrices[0].nrows())

    def outside(self, matrix: fmpq_mat) -> fmpq:
        """The greatest mass that an in-block row has outside."""
        return max(sum((matrix[i, j] for j in range(self.g, self.tokens)), fmpq(0)) for i in range(self.g))

    @property
    def masses(self) -> list[fmpq]:
        """The greatest outside mass of an in-block row, layer by layer."""
        return [self.outside(matrix) for matrix in self.matrices]

    @property
    def exact(self) -> dict[str, object]:
        """The stack in JSON."""
        return {"block": self.g, "rows": [[[str(x) for x in row] for row in matrix.tolist()] for matrix in self.matrices]}


def product(numbers: Sequence[fmpq]) -> fmpq:
    """The product of some numbers, 1 of none."""
    return reduce(lambda x, y: x * y, numbers, fmpq(1))


def identity(size: int) -> fmpq_mat:
    """The identity matrix."""
    return fmpq_mat(size, size, [fmpq(int(i == j)) for i in range(size) for j in range(size)])


def random_layers(rng: np.random.Generator, tokens: int, g: int, depth: int) -> Layers:
    """Random rows; some weights zero, the in-block ones favoured by a random factor."""
    made = []
    for _ in range(depth):
        raw = rng.integers(0, 12, (tokens, tokens)) + np.eye(tokens, dtype=int)
        raw[:g, :g] *= int(rng.integers(1, 30))
        made.append(fmpq_mat(tokens, tokens, [fmpq(int(x), int(row.sum())) for row in raw for x in row]))
    return Layers(tuple(made), g, f"random stack of {depth} layers, {g} of {tokens} tokens in the block")


def absorbing(masses: Sequence[fmpq], tokens: int, g: int) -> Layers:
    """In-block rows with exactly these outside masses, spread evenly; rows outside stay outside."""
    made = []
    for mass in masses:
        inside = [(1 - mass) / g] * g + [mass / (tokens - g)] * (tokens - g)
        out = [fmpq(0)] * g + [fmpq(1, tokens - g)] * (tokens - g)
        made.append(fmpq_mat(tokens, tokens, inside * g + out * (tokens - g)))
    return Layers(tuple(made), g, f"absorbing outside, {g} of {tokens} tokens, outside masses {[str(m) for m in masses]}")


def rollout_values(layers: Layers, share: fmpq | None = None) -> Values:
    """The symbols of rollout; with `share` that of alpha I + (1 - alpha) A."""
    one = identity(layers.tokens)
    mixed = layers.matrices if share is None else tuple(share * one + (1 - share) * matrix for matrix in layers.matrices)
    whole = reduce(lambda done, matrix: matrix * done, mixed, one)
    masses = layers.masses if share is None else [(1 - share) * mass for mass in layers.masses]
    found: Values = {
        sym.depth: len(mixed),
        sym.rollout_leak: layers.outside(whole),
        sym.stay: product([1 - mass for mass in masses]),
        sym.leak_sum: sum(masses, fmpq(0)),
        sym.eps_greatest: max(masses),
        sym.eps_first: masses[0],
        sym.n: layers.tokens,
        sym.g: layers.g,
    }
    return found if share is None else found | {sym.residual_share: share}


def flow_values(layers: Layers, maps: Sequence[tuple[fmpq, fmpq]]) -> Values:
    """The symbols of the value path for maps that turn and stretch the plane: (a, b) is [[a, -b], [b, a]], of norm |(a, b)|.

    Such maps commute and their products are of the same kind, so each block of the Jacobian is a pair as well and its spectral norm
    is the length of the pair; (a, 0) is a scalar map.
    """
    size = layers.tokens
    real, turned = identity(size), fmpq_mat(size, size)
    for matrix, (a, b) in zip(layers.matrices, maps, strict=True):
        real, turned = real + matrix * (a * real - b * turned), turned + matrix * (a * turned + b * real)
    plain = all(b == 0 for _, b in maps)

    def norm(i: int, j: int) -> Value:
        return abs(real[i, j]) if plain else arb(real[i, j] ** 2 + turned[i, j] ** 2).sqrt()

    flows: list[Value] = [_plus([norm(i, j) for j in range(layers.g, size)]) for i in range(layers.g)]
    gains = [abs(a) if b == 0 else _length(a, b) for a, b in maps]
    masses = layers.masses
    flow: Value = _greatest(flows)
    grow = _times([1 + gain for gain in gains])
    return {
        sym.depth: len(maps),
        sym.flow_out: flow,
        sym.grow: grow,
        sym.stays: _times([1 + gain * (1 - mass) for gain, mass in zip(gains, masses, strict=True)]),
        sym.flow_share: flow * (fmpq(1) / grow),
        sym.stay: _times([1 - mass * gain / (1 + gain) for gain, mass in zip(gains, masses, strict=True)]),
        sym.leak_sum: _plus([mass * gain / (1 + gain) for gain, mass in zip(gains, masses, strict=True)]),
        sym.eps_greatest: max(masses),
        sym.value_greatest: _greatest(gains),
    }


def _times(numbers: Sequence[Value]) -> Value:
    total: Value = fmpq(1)
    for number in numbers:
        total = total * number
    return total


def _greatest(numbers: Sequence[Value]) -> Value:
    """The greatest of some numbers: a fraction if all of them are, else a ball."""
    exact = [number for number in numbers if isinstance(number, (int, fmpq))]
    if len(exact) == len(numbers):
        return max(exact)
    worst = arb(numbers[0])
    for number in numbers[1:]:
        worst = worst.max(arb(number))
    return worst


def _plus(numbers: Sequence[Value]) -> Value:
    total: Value = fmpq(0)
    for number in numbers:
        total = total + number
    return total


def _length(a: fmpq, b: fmpq) -> Value:
    """|(a, b)|, a fraction where it is one."""
    square = a * a + b * b
    roots = [round(int(part) ** 0.5) for part in (square.p, square.q)]
    rational = fmpq(roots[0], roots[1])
    return rational if rational * rational == square else arb(square).sqrt()


@dataclass(frozen=True)
class Tokens:
    """Tokens of two block features each, (own, other) for block 0 and the other way round for the rest; block of each by Layers."""

    vectors: tuple[tuple[fmpq, fmpq], ...]


def norm_values(layers: Layers, tokens: Tokens, maps: Sequence[tuple[fmpq, fmpq]]) -> Values:
    """The symbols of norms and off-block parts for diagonal value maps diag(a, b): block diagonal, of norm max(|a|, |b|).

    Off-block is coordinate 2 for the tokens of the block, which the bound is about.
    """
    after = run(layers, tokens, maps)
    gains, masses, inside = [max(abs(a), abs(b)) for a, b in maps], layers.masses, range(layers.g)
    growth = product([1 + gain for gain in gains])
    stays = product([1 + gain * (1 - mass) for gain, mass in zip(gains, masses, strict=True)])
    start = longest(tokens.vectors)
    return {
        sym.depth: len(maps),
        sym.norm_start: start,
        sym.norm_after: longest(after),
        sym.off_start: max(abs(tokens.vectors[i][1]) for i in inside),
        sym.off_after: max(abs(after[i][1]) for i in inside),
        sym.grow: growth,
        sym.stays: stays,
        sym.leak_sum: sum((mass * gain / (1 + gain) for gain, mass in zip(gains, masses, strict=True)), fmpq(0)),
        sym.value_off: fmpq(0),
    }


def run(layers: Layers, tokens: Tokens, maps: Sequence[tuple[fmpq, fmpq]]) -> list[tuple[fmpq, fmpq]]:
    """The tokens after the layers."""
    x = fmpq_mat(len(tokens.vectors), 2, [entry for vector in tokens.vectors for entry in vector])
    for matrix, (a, b) in zip(layers.matrices, maps, strict=True):
        x = x + matrix * x * fmpq_mat(2, 2, [a, 0, 0, b])
    return [(x[i, 0], x[i, 1]) for i in range(len(tokens.vectors))]


def longest(vectors: Sequence[tuple[fmpq, fmpq]]) -> Value:
    """The greatest length, a fraction where it is one."""
    a, b = max(vectors, key=lambda v: v[0] ** 2 + v[1] ** 2)
    return _length(a, b)
