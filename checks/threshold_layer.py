"""A small localist layer in exact arithmetic: captured floats are exact reals, and loss, gradients and diameters are Arb balls.

Two ways to every derivative: the formulas of `theory.threshold` (score gradient a_ij <g_i, v_j - o_i>, then matrix products),
and power series in a step along a direction, which know nothing of those formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from flint import arb, arb_mat, arb_series, ctx, fmpq

from checks.data import Batch
from checks.enclosure import BITS
from checks.layer import Parameters, Structure, score_bias, visible_keys

Matrix = arb_mat
Number = arb | arb_series
Block = tuple[int, int]  # first index and one past the last


class LayerNumberError(ValueError):
    """A layer that is no layer: shapes that do not fit, or a number that is not finite."""


def norm(entries: Sequence[arb]) -> arb:
    """Euclidean norm of a vector, or Frobenius norm of the entries of a matrix."""
    return sum((x * x for x in entries), arb(0)).sqrt()


def greatest(values: Sequence[arb]) -> arb:
    """A ball that contains the greatest of the exact numbers in the balls; 0 for none."""
    found = arb(0)
    for value in values:
        found = found.max(value)
    return found


def above(ball: arb) -> fmpq:
    """A dyadic rational certainly at least the number in the ball, about 2^-40 above it: a bound that one could claim."""
    if not ball.is_finite():
        raise LayerNumberError(f"a bound must be finite, the ball is {ball}")
    top = (ball.upper() * (1 + arb(2) ** -40)).upper()
    mantissa, exponent = top.man_exp() if top != 0 else (0, 0)
    return fmpq(int(mantissa)) * (fmpq(2) ** int(exponent))


def spread(vectors: Sequence[Sequence[arb]]) -> arb:
    """The diameter of a finite set of vectors."""
    gaps = [norm([a - b for a, b in zip(x, y, strict=True)]) for k, x in enumerate(vectors) for y in vectors[:k]]
    return greatest(gaps)


def blocks_of(sizes: Sequence[int]) -> list[Block]:
    """First and past-the-last index of consecutive blocks of these sizes."""
    ends = [sum(sizes[:k]) for k in range(len(sizes) + 1)]
    return list(pairwise(ends))


@dataclass(frozen=True)
class TokenSequence:
    """One sequence: tokens [T, D], what dial and rules add to scores [T, T], visible keys of each query, targets [T][C]."""

    tokens: Matrix
    bias: Matrix
    visible: tuple[tuple[int, ...], ...]
    targets: tuple[tuple[arb, ...], ...]
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class Rows:
    """One pass over one sequence: weights [T, T] (0 at removed keys), values, outputs, probabilities, dl/do, <dl/do, v_j>."""

    left: Matrix  # queries; X A for a bilinear layer
    right: Matrix  # keys; X for a bilinear layer
    weights: list[list[arb]]
    values: Matrix
    outputs: Matrix
    probabilities: list[list[arb]]
    output_gradients: Matrix
    gains: Matrix
    relative_gains: Matrix  # <dl/do, v_j - v_0>: exactly 0 where tokens are equal; covariances do not see the difference


@dataclass(frozen=True)
class ExactLayer:
    """Weights and data of one layer; content is (A,) or (W_Q, W_K); the loss is cross-entropy, a mean over queries."""

    content: tuple[Matrix, ...]
    value_map: Matrix
    readout: Matrix
    sequences: tuple[TokenSequence, ...]
    tau: arb
    features: tuple[int, ...]
    heads: tuple[int, ...]  # row blocks of a content matrix
    origin: str = "given"

    @property
    def queries(self) -> int:
        """The number of queries the loss is a mean over."""
        return sum(len(s.visible) for s in self.sequences)

    @cached_property
    def exact(self) -> dict[str, Any]:
        """Weights and tokens in JSON, losslessly where they are dyadic."""
        parts = {f"content {k}": m for k, m in enumerate(self.content)} | {"values": self.value_map, "readout": self.readout}
        parts |= {f"tokens {k}": s.tokens for k, s in enumerate(self.sequences)} | {
            f"bias {k}": s.bias for k, s in enumerate(self.sequences)
        }
        return {
            name: [[str(x.mid()) if not x.is_exact() else _dyadic(x) for x in row] for row in m.tolist()]
            for name, m in parts.items()
        }

    @cached_property
    def rows(self) -> tuple[Rows, ...]:
        """The forward pass and the gradients of the queries' losses in their outputs."""
        return tuple(self._pass(s) for s in self.sequences)

    def _pass(self, s: TokenSequence) -> Rows:
        x = s.tokens
        left, right = (x * self.content[0], x) if len(self.content) == 1 else (x * m.transpose() for m in self.content)
        scores = (left * right.transpose() * (1 / self.tau) + s.bias).tolist()
        weights = [softmax(row, seen) for row, seen in zip(scores, s.visible, strict=True)]
        values = x * self.value_map.transpose()
        outputs = arb_mat(weights) * values
        logits = (outputs * self.readout.transpose()).tolist()
        everything = tuple(range(self.readout.nrows()))
        probabilities = [softmax(row, everything) for row in logits]
        errors = [_error(p, t) for p, t in zip(probabilities, s.targets, strict=True)]
        slopes = arb_mat(errors) * self.readout
        table = x.tolist()
        from_first = (
            arb_mat([[a - b for a, b in zip(row, table[0], strict=True)] for row in table]) * self.value_map.transpose()
        )
        relative = slopes * from_first.transpose()
        return Rows(left, right, weights, values, outputs, probabilities, slopes, slopes * values.transpose(), relative)

    def loss(self) -> arb:
        """The mean cross-entropy."""
        found = self._losses(lambda s, i: None)
        return sum(found, arb(0)) / self.queries

    @cached_property
    def gradients(self) -> tuple[tuple[Matrix, ...], Matrix]:
        """dL/d content and dL/d W_V, by the formulas."""
        shapes = [(m.nrows(), m.ncols()) for m in self.content]
        content = [arb_mat(*shape) for shape in shapes]
        value = arb_mat(self.value_map.nrows(), self.value_map.ncols())
        for s, r in zip(self.sequences, self.rows, strict=True):
            gains = r.relative_gains.tolist()
            scores = arb_mat([score_gradients(a, y) for a, y in zip(r.weights, gains, strict=True)]) * (
                1 / (self.tau * self.queries)
            )
            x = s.tokens
            if len(content) == 1:
                content[0] += x.transpose() * scores * x
            else:
                content[0] += (scores * r.right).transpose() * x
                content[1] += (scores.transpose() * r.left).transpose() * x
            value += r.output_gradients.transpose() * (arb_mat(r.weights) * x) * (arb(1) / self.queries)
        return tuple(content), value

    def groups(self) -> Iterator[tuple[int, int, int, Block, Block]]:
        """Every content group: matrix, row block, column block and their index ranges."""
        for k in range(len(self.content)):
            for b, rows in enumerate(blocks_of(self.heads)):
                for c, columns in enumerate(blocks_of(self.features)):
                    yield k, b, c, rows, columns

    def with_group(self, k: int, rows: Block, columns: Block, change: Callable[[int, int, arb], arb]) -> ExactLayer:
        """The layer with the entries (i, j) of one group replaced by change(i, j, entry)."""
        table = self.content[k].tolist()
        for i in range(*rows):
            for j in range(*columns):
                table[i][j] = change(i, j, table[i][j])
        return replace(self, content=tuple(arb_mat(table) if index == k else m for index, m in enumerate(self.content)))

    def loss_along(self, direction: Sequence[Matrix], order: int) -> list[arb]:
        """Taylor coefficients of the loss along a direction in the content matrices, by power series: x^0 .. x^order."""

        def bent(s: TokenSequence, i: int) -> list[arb_series]:
            x, d = s.tokens, direction
            if len(d) == 1:
                parts = [x * self.content[0] * x.transpose(), x * d[0] * x.transpose()]
            else:
                (q, k), (dq, dk) = ([x * m.transpose() for m in self.content], [x * m.transpose() for m in d])
                parts = [q * k.transpose(), dq * k.transpose() + q * dk.transpose(), dq * dk.transpose()]
            return [
                arb_series([part[i, j] / self.tau + (s.bias[i, j] if n == 0 else 0) for n, part in enumerate(parts)], order + 1)
                for j in range(x.nrows())
            ]

        return self._series(bent, order)

    def query_loss_along_score(self, sequence: int, query: int, key: int) -> arb:
        """dl/ds_ij of one query's loss, by power series."""
        chosen = self.sequences[sequence]
        r = self.rows[sequence]
        scores = (r.left * r.right.transpose() * (1 / self.tau) + chosen.bias).tolist()[query]
        moved = [arb_series([x, 1] if j == key else [x], 2) for j, x in enumerate(scores)]
        return _coefficients(self._query_loss(chosen, query, moved), 1)[1]

    def _series(self, bent: Callable[[TokenSequence, int], list[arb_series]], order: int) -> list[arb]:
        total = [arb(0)] * (order + 1)
        for value in self._losses(bent):
            total = [a + b for a, b in zip(total, _coefficients(value, order), strict=True)]
        return [x / self.queries for x in total]

    def _losses(self, bent: Callable[[TokenSequence, int], list[Any] | None]) -> Iterator[Any]:
        for s, r in zip(self.sequences, self.rows, strict=True):
            plain = (r.left * r.right.transpose() * (1 / self.tau) + s.bias).tolist()
            for i in range(len(s.visible)):
                yield self._query_loss(s, i, bent(s, i) or plain[i])

    def _query_loss(self, s: TokenSequence, i: int, scores: Sequence[Any]) -> Any:
        """sum_k T_k (lse(z) - z_k), z = U W_V E_a x; for numbers or power series."""
        seen = s.visible[i]
        weights = [scores[j].exp() for j in seen]
        total = sum(weights[1:], weights[0])
        # U v_j first: then only C sums of series are left
        logits = (s.tokens * self.value_map.transpose() * self.readout.transpose()).tolist()
        z = [
            sum((w * logits[j][c] for w, j in zip(weights, seen, strict=True)), arb(0)) / total
            for c in range(self.readout.nrows())
        ]
        lse = sum((value.exp() for value in z[1:]), z[0].exp()).log()
        return sum((t * (lse - value) for t, value in zip(s.targets[i], z, strict=True)), arb(0))


def softmax(scores: Sequence[arb], seen: Sequence[int]) -> list[arb]:
    """Weights of a row; exactly 0 at keys that are not seen."""
    top = max((scores[j].mid() for j in seen), key=float)
    exponentials = {j: (scores[j] - top).exp() for j in seen}
    total = sum(exponentials.values(), arb(0))
    return [exponentials[j] / total if j in exponentials else arb(0) for j in range(len(scores))]


def score_gradients(weights: Sequence[arb], gains: Sequence[arb]) -> list[arb]:
    """a_j (y_j - E y) for every key of a row."""
    mean = sum((a * y for a, y in zip(weights, gains, strict=True)), arb(0))
    return [a * (y - mean) for a, y in zip(weights, gains, strict=True)]


def covariance(weights: Sequence[arb], vectors: Sequence[Sequence[arb]], gains: Sequence[arb]) -> list[arb]:
    """Cov(x, y) under the row: sum of a_j (y_j - E y) x_j."""
    slopes = score_gradients(weights, gains)
    return [sum((d * x[k] for d, x in zip(slopes, vectors, strict=True)), arb(0)) for k in range(len(vectors[0]))]


def _error(p: Sequence[arb], target: Sequence[arb]) -> list[arb]:
    """The error p - T; at a target of weight 1 minus the sum of the other probabilities, which keeps its digits."""
    return [
        -sum((q for j, q in enumerate(p) if j != k), arb(0)) if t == 1 else q - t
        for k, (q, t) in enumerate(zip(p, target, strict=True))
    ]


def _coefficients(value: Any, order: int) -> list[arb]:
    if isinstance(value, arb):
        return [value] + [arb(0)] * order
    found = list(value.coeffs())
    return (found + [arb(0)] * (order + 1))[: order + 1]


def _dyadic(x: arb) -> str:
    return float(x.mid()).hex() if arb(float(x.mid())) == x else str(x.mid())


def matrix(values: Sequence[Sequence[float | fmpq | int]]) -> Matrix:
    """A matrix of exact numbers."""
    return arb_mat([[arb(x) for x in row] for row in values])


def exact_layers(
    parameters: Parameters, batch: Batch, structure: Structure, which: Sequence[int], origin: str, dial: float = 0.0
) -> list[ExactLayer]:
    """Captured layers of a fleet as exact ones: every float is taken for the real number that it is."""
    bias, visible = score_bias(batch, structure, dial), visible_keys(batch, structure)
    made = []
    for index in which:
        sequences = []
        for k in range(batch.blocks.shape[1]):
            targets = batch.targets[index, k]
            if targets.ndim == 1:
                targets = torch.nn.functional.one_hot(targets, structure.classes)
            goals = [[arb(t) for t in row] for row in targets.double().tolist()]
            # soft targets are floats that add up to 1 only nearly; here the last weight is the rest, so they are distributions
            with ctx.workprec(BITS):
                goals = [[*row[:-1], 1 - sum(row[:-1], arb(0))] for row in goals]
            sequences.append(
                TokenSequence(
                    matrix(batch.tokens[index, k].double().tolist()),
                    matrix(bias[index, k].double().tolist()),
                    tuple(tuple(j for j, flag in enumerate(row) if flag) for row in visible[index, k].tolist()),
                    tuple(tuple(row) for row in goals),
                    tuple(batch.blocks[index, k].tolist()),
                )
            )
        content = tuple(matrix(part.double().tolist()) for part in parameters.content[index])
        made.append(
            ExactLayer(
                content,
                matrix(parameters.values[index].double().tolist()),
                matrix(parameters.readout[index].double().tolist()),
                tuple(sequences),
                arb(structure.temperature),
                structure.features,
                structure.rows,
                f"layer {index} of {origin}",
            )
        )
    return made
