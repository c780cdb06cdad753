"""Layers in exact arithmetic: float weights and tokens are dyadic rationals, and so are their content scores and values.

Nothing here rounds except the exponentials and roots, which are Arb balls. A layer whose floats break a bound that its
configuration promised (a token longer than B, weights outside their ball) raises `BrokenPromiseError`: no statement is then
judged on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import sympy as sp
import torch
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from checks.data import Batch
from checks.enclosure import BITS, Row, Value, rational
from checks.layer import Parameters, Structure, visible_keys
from checks.training import one_thread
from theory import symbols as sym


class BrokenPromiseError(AssertionError):
    """Floats of a layer or its data break a bound that the configuration promised before training."""


def exact_matrix(matrix: torch.Tensor) -> fmpq_mat:
    """The exact rational matrix of a float matrix [rows, columns]."""
    rows = matrix.detach().to("cpu", torch.float64).tolist()
    return fmpq_mat(len(rows), len(rows[0]), [fmpq(*x.as_integer_ratio()) for row in rows for x in row])


def square_norm(entries: list[fmpq]) -> fmpq:
    """The exact square of a Euclidean (Frobenius) norm."""
    return sum((x * x for x in entries), fmpq(0))


def root(square: fmpq) -> int | arb:
    """The norm from its exact square: exactly 0, or a ball."""
    with ctx.workprec(BITS):
        return 0 if square == 0 else arb(square).sqrt()


def root_above(square: fmpq) -> int | arb:
    """An exact number not below the norm, 0 only for 0: a bound that hypotheses can be decided with."""
    with ctx.workprec(BITS):
        return 0 if square == 0 else arb(square).sqrt().upper()


@dataclass(frozen=True)
class ExactSequence:
    """One sequence of one layer, exactly: tokens, content scores (temperature divided out), values; visibility and blocks."""

    tokens: list[list[fmpq]]
    content: list[list[fmpq]]  # x_i' A x_j / tau
    own_content: list[list[fmpq]]  # the same with every token cut down to its own block
    values: fmpq_mat
    blocks: list[int]
    visible: list[list[bool]]
    origin: str

    @cached_property
    def gram(self) -> list[list[fmpq]]:
        """Inner products of the values."""
        return (self.values * self.values.transpose()).tolist()

    @cached_property
    def value_balls(self) -> arb_mat:
        """The values as balls."""
        with ctx.workprec(BITS):
            return arb_mat(self.values)

    def keys(self, query: int) -> tuple[list[int], list[bool]]:
        """The visible keys of a query and which of them are in its block."""
        keys = [key for key, seen in enumerate(self.visible[query]) if seen]
        return keys, [self.blocks[key] == self.blocks[query] for key in keys]

    def queries(self) -> Iterator[int]:
        """The queries whose row the statements speak of: a visible key in the block and one outside."""
        for query in range(len(self.blocks)):
            _, flags = self.keys(query)
            if 0 < sum(flags) < len(flags):
                yield query

    def row(self, query: int, added: fmpq) -> Row:
        """The exact row of a query with `added` nats (dial times strength) on the keys of its block."""
        keys, flags = self.keys(query)
        scores = tuple(
            self.content[query][key] + added if flag else self.content[query][key]
            for key, flag in zip(keys, flags, strict=True)
        )
        return Row(scores, tuple(flags), f"{self.origin}, query {query}")

    def captured_row(self, query: int, scores: list[float]) -> Row:
        """The row of a query as it was computed: captured float scores of all keys, cut down to the visible ones."""
        keys, flags = self.keys(query)
        return Row(tuple(scores[key] for key in keys), tuple(flags), f"captured scores, {self.origin}, query {query}")

    def cut(self, query: int, weights: list[arb]) -> dict[sp.Symbol, Value]:
        """||o - o_G|| and the cross diameter of a row's values, from its attention weights."""
        keys, flags = self.keys(query)
        inside = [key for key, flag in zip(keys, flags, strict=True) if flag]
        outside = [key for key, flag in zip(keys, flags, strict=True) if not flag]
        widest = max(self.gram[j][j] + self.gram[k][k] - 2 * self.gram[j][k] for j in inside for k in outside)
        with ctx.workprec(BITS):
            mass_in = sum((w for w, flag in zip(weights, flags, strict=True) if flag), arb(0))
            dense = [arb(0)] * len(self.blocks)
            for key, weight, flag in zip(keys, weights, flags, strict=True):
                dense[key] = weight - weight / mass_in if flag else weight  # a - a|G
            shift = arb_mat(1, len(dense), dense) * self.value_balls
            return {sym.cut_gap: norm_of(shift), sym.D_x: root_above(widest)}

    def output(self, query: int, weights: list[arb]) -> arb_mat:
        """The output of a row, [1, E] balls."""
        dense = [arb(0)] * len(self.blocks)
        for key, weight in zip(self.keys(query)[0], weights, strict=True):
            dense[key] = weight
        with ctx.workprec(BITS):
            return arb_mat(1, len(dense), dense) * self.value_balls


def norm_of(vector: arb_mat) -> arb:
    """The Euclidean norm of a vector of balls; a ball of a square that reaches below 0 does so only by rounding."""
    with ctx.workprec(BITS):
        return sum((x * x for x in vector.entries()), arb(0)).max(arb(0)).sqrt()


def distance(left: arb_mat, right: arb_mat) -> arb:
    """The Euclidean distance of two outputs."""
    with ctx.workprec(BITS):
        return norm_of(left - right)


def weights_of(row: Row) -> list[arb]:
    """The attention weights of a row."""
    with ctx.workprec(BITS):
        top = arb(max(row.scores))
        masses = [(arb(x) - top).exp() for x in row.scores]
        total = sum(masses, arb(0))
        return [mass / total for mass in masses]


@dataclass(frozen=True)
class ExactLayer:
    """One trained layer with its data, exactly; `off` are exact norms of off-block parts, 0 only if every entry is 0."""

    sequences: tuple[ExactSequence, ...]
    off: Mapping[sp.Symbol, Value]
    own_norms: tuple[fmpq, ...]  # squares of the Frobenius norms of the block forms A_c
    squares: tuple[fmpq, ...]  # squares of the Frobenius norms of the content matrices
    own_part: fmpq  # greatest square of a token's own-block part
    off_part: fmpq  # greatest square of a token's off-block part


def exact_layers(parameters: Parameters, batch: Batch, structure: Structure, origin: str) -> Iterator[ExactLayer]:
    """Every layer of a fleet in exact arithmetic."""
    with one_thread():
        visible = visible_keys(batch, structure).cpu().tolist()
    for index in range(parameters.layers):
        yield _exact_layer(parameters, batch, structure, visible[index], index, origin)


def exact_layer(parameters: Parameters, batch: Batch, structure: Structure, index: int, origin: str) -> ExactLayer:
    """Layer `index` of a fleet in exact arithmetic."""
    return _exact_layer(parameters, batch, structure, visible_keys(batch, structure)[index].cpu().tolist(), index, origin)


def _exact_layer(
    parameters: Parameters, batch: Batch, structure: Structure, visible: list[list[list[bool]]], index: int, origin: str
) -> ExactLayer:
    owner = [block for block, size in enumerate(structure.features) for _ in range(size)]
    rows = [block for block, size in enumerate(structure.rows) for _ in range(size)]
    matrices = [exact_matrix(part) for part in parameters.content[index]]
    form = matrices[0] if len(matrices) == 1 else matrices[0].transpose() * matrices[1]
    tables = [matrix.tolist() for matrix in matrices]
    table = form.tolist()
    off_form = square_norm(
        [x for c, line in zip(owner, table, strict=True) for d, x in zip(owner, line, strict=True) if c != d]
    )
    off: dict[sp.Symbol, Value] = {sym.off_norm: root(off_form)}
    if len(matrices) == 2:
        for symbol, part in zip((sym.off_Q, sym.off_K), tables, strict=True):
            off[symbol] = root(
                square_norm([x for b, line in zip(rows, part, strict=True) for c, x in zip(owner, line, strict=True) if b != c])
            )
    own = tuple(
        square_norm(
            [x for c, line in zip(owner, table, strict=True) for d, x in zip(owner, line, strict=True) if c == d == block]
        )
        for block in range(structure.blocks)
    )
    values = exact_matrix(parameters.values[index])
    sequences, own_part, off_part = [], fmpq(0), fmpq(0)
    scale = 1 / rational(structure.temperature)
    for number in range(batch.tokens.shape[1]):
        tokens = exact_matrix(batch.tokens[index, number])
        blocks = batch.blocks[index, number].cpu().tolist()
        entries: list[list[fmpq]] = tokens.tolist()
        cut = [
            [x if c == block else fmpq(0) for c, x in zip(owner, line, strict=True)]
            for block, line in zip(blocks, entries, strict=True)
        ]
        for whole_token, own_token in zip(entries, cut, strict=True):
            whole, mine = square_norm(whole_token), square_norm(own_token)
            own_part, off_part = max(own_part, mine), max(off_part, whole - mine)
        narrow = fmpq_mat(len(cut), len(owner), [x for line in cut for x in line])
        sequences.append(
            ExactSequence(
                entries,
                (tokens * form * tokens.transpose() * scale).tolist(),
                (narrow * form * narrow.transpose() * scale).tolist(),
                tokens * values.transpose(),
                blocks,
                visible[number],
                f"{origin}, layer {index}, sequence {number}",
            )
        )
    squares = tuple(square_norm(matrix.entries()) for matrix in matrices)
    return ExactLayer(tuple(sequences), off, own, squares, own_part, off_part)
