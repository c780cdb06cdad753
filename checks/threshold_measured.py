"""Norms and diameters of an exact layer that the bounds are made of, and the bounds one could claim for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import sympy as sp
from flint import arb, fmpq

from checks.enclosure import Value
from checks.threshold_layer import (
    Block,
    ExactLayer,
    Matrix,
    Rows,
    TokenSequence,
    above,
    blocks_of,
    greatest,
    norm,
    spread,
)
from theory import symbols as sym

Values = dict[sp.Symbol, Value]


def claimed(ball: arb) -> fmpq:
    """A bound that one could claim: the number in the ball where it is known exactly, else a little more."""
    if not ball.is_exact():
        return above(ball)
    mantissa, exponent = ball.man_exp()
    return fmpq(int(mantissa)) * fmpq(2) ** int(exponent)


def bounds(**measured: arb) -> Values:
    """Each measured symbol with the bound that is claimed for it."""
    pairs = {
        "output_gradient": sym.G_loss,
        "spread_V": sym.D_V,
        "spread_K": sym.D_K,
        "spread_c": sym.D_c,
        "spread_X": sym.D_X,
        "spread_U": sym.D_U,
        "mean_part": sym.B_c,
        "mean_query": sym.B_q,
        "size_Q": sym.rho_Q,
        "size_K": sym.rho_K,
        "token_norm": sym.B_x,
        "value_norm": sym.B_v,
        "part_norm": sym.B,
        "own_norm": sym.B,
        "leak_norm": sym.delta,
        "row_leak": sym.eps,
    }
    found: Values = {}
    for name, ball in measured.items():
        found[getattr(sym, name)] = ball
        found[pairs[name]] = claimed(ball)
    return found


@dataclass(frozen=True)
class Measured:
    """Norms and diameters of an exact layer that the bounds are made of."""

    layer: ExactLayer

    def _over_sequences(self, of: Callable[[TokenSequence, Rows], arb]) -> arb:
        return greatest([of(s, r) for s, r in zip(self.layer.sequences, self.layer.rows, strict=True)])

    @cached_property
    def output_gradient(self) -> arb:
        """The greatest norm of a query's dl/do."""
        return greatest([norm(row) for r in self.layer.rows for row in r.output_gradients.tolist()])

    @cached_property
    def spread_V(self) -> arb:
        """The greatest distance of two values of one sequence."""
        return self._over_sequences(lambda s, r: spread(r.values.tolist()))

    @cached_property
    def spread_X(self) -> arb:
        """The greatest distance of two tokens of one sequence."""
        return self._over_sequences(lambda s, r: spread(s.tokens.tolist()))

    @cached_property
    def spread_U(self) -> arb:
        """The greatest distance of two readout rows."""
        return spread(self.layer.readout.tolist())

    @cached_property
    def token_norm(self) -> arb:
        """The greatest norm of a token."""
        return greatest([norm(x) for s in self.layer.sequences for x in s.tokens.tolist()])

    @cached_property
    def value_norm(self) -> arb:
        """The greatest norm of a value."""
        return greatest([norm(v) for r in self.layer.rows for v in r.values.tolist()])

    def spread_c(self, columns: Block) -> arb:
        """The greatest distance of the block parts of two tokens of one sequence."""
        return self._over_sequences(lambda s, r: spread(part(s.tokens, columns)))

    def spread_K(self, rows: Block) -> arb:
        """The greatest distance of two keys of one sequence, in one row block."""
        return self._over_sequences(lambda s, r: spread(part(r.right, rows)))

    def part_norms(self, columns: Block) -> list[arb]:
        """The norms of the block parts of all queries' tokens."""
        return [norm(x) for s in self.layer.sequences for x in part(s.tokens, columns)]

    def mean_query(self, rows: Block) -> arb:
        """The mean norm of the queries, in one row block."""
        return mean([norm(q) for r in self.layer.rows for q in part(r.left, rows)])

    @cached_property
    def own_and_leak(self) -> tuple[arb, arb]:
        """The greatest norm of an own-block part and of an off-block part."""
        ranges = blocks_of(self.layer.features)
        own, off = [], []
        for s in self.layer.sequences:
            for x, b in zip(s.tokens.tolist(), s.blocks, strict=True):
                inside = range(*ranges[b])
                own.append(norm([x[j] for j in inside]))
                off.append(norm([value for j, value in enumerate(x) if j not in inside]))
        return greatest(own), greatest(off)

    def row_leak(self, c: int) -> tuple[arb, int]:
        """The greatest mass outside block c of a row whose query is in it, and how many such queries there are."""
        masses = []
        for s, r in zip(self.layer.sequences, self.layer.rows, strict=True):
            for b, row in zip(s.blocks, r.weights, strict=True):
                if b == c:
                    masses.append(sum((a for a, other in zip(row, s.blocks, strict=True) if other != c), arb(0)))
        return greatest(masses), len(masses)


def part(m: Matrix, columns: Block) -> list[list[arb]]:
    """Some columns of every row."""
    return [row[columns[0] : columns[1]] for row in m.tolist()]


def mean(values: Sequence[arb]) -> arb:
    """The arithmetic mean."""
    return sum(values, arb(0)) / len(values)


def block_entries(m: Matrix, rows: Block, columns: Block) -> list[arb]:
    """The entries of one group."""
    return [m[i, j] for i in range(*rows) for j in range(*columns)]
