"""Worst-case search for the gradient bounds: small layers that a quasi-Newton ascent drives towards gradient / bound = 1.

The search is in floats and proves nothing; what it finds is captured as an exact layer and judged like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from checks.rows import climb
from checks.threshold_layer import ExactLayer
from checks.threshold_tiny import tiny

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """A layer of `tokens` tokens with scalar values and two classes: what is searched, and which group's ratio is driven up."""

    kind: str  # "bilinear", "query", "key" or "value"
    tokens: int
    features: tuple[int, ...]
    heads: tuple[int, ...]
    group: tuple[int, int]

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Shapes of tokens, content matrices, value map and readout."""
        width, rows = sum(self.features), sum(self.heads)
        matrices = 1 if self.kind in ("bilinear", "value") else 2
        return [(self.tokens, width), *[(rows, width)] * matrices, (1, width), (2, 1)]

    def split(self, x: Array) -> list[Array]:
        """The flat vector of everything as matrices."""
        ends = np.cumsum([0, *(a * b for a, b in self.sizes)])
        return [x[i:j].reshape(shape) for i, j, shape in zip(ends, ends[1:], self.sizes, strict=False)]


SHAPES = (
    Shape("bilinear", 2, (1, 1), (1, 1), (0, 1)),
    Shape("bilinear", 3, (2, 1), (2, 1), (1, 0)),
    Shape("query", 2, (1,), (1,), (0, 0)),
    Shape("query", 3, (2,), (2,), (0, 0)),
    Shape("key", 2, (1,), (2,), (0, 0)),
    Shape("key", 3, (2,), (2,), (0, 0)),
    Shape("value", 2, (1, 1), (1, 1), (0, 1)),
)


def _parts(sizes: tuple[int, ...], index: int) -> slice:
    return slice(sum(sizes[:index]), sum(sizes[: index + 1]))


def _spread(rows: Array) -> float:
    return float(np.linalg.norm(rows[:, None] - rows[None, :], axis=-1).max())


def ratio(shape: Shape, x: Array, targets: Labels) -> float:
    """Gradient norm of the group over its bound, with G, diameters and mean norms measured on the layer itself; in floats."""
    tokens, *content, value, readout = shape.split(x)
    left, right = (tokens @ content[0], tokens) if len(content) == 1 else (tokens @ content[0].T, tokens @ content[1].T)
    scores = left @ right.T
    a = np.exp(scores - scores.max(1, keepdims=True))
    a /= a.sum(1, keepdims=True)
    v = tokens @ value.T
    z = a @ v @ readout.T
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    g = (p - np.eye(2)[targets]) @ readout
    gains = g @ v.T
    ds = a * (gains - (a * gains).sum(1, keepdims=True)) / len(tokens)
    rows, columns = _parts(shape.heads, shape.group[0]), _parts(shape.features, shape.group[1])
    common = np.linalg.norm(g, axis=1).max() * _spread(v) / 4
    if shape.kind == "bilinear":
        gradient, bound = (
            tokens.T @ ds @ tokens,
            common * _spread(tokens[:, columns]) * np.linalg.norm(tokens[:, rows], axis=1).mean(),
        )
    elif shape.kind == "query":
        gradient, bound = (
            (ds @ right).T @ tokens,
            common * _spread(right[:, rows]) * np.linalg.norm(tokens[:, columns], axis=1).mean(),
        )
    elif shape.kind == "key":
        gradient, bound = (
            (ds.T @ left).T @ tokens,
            common * _spread(tokens[:, columns]) * np.linalg.norm(left[:, rows], axis=1).mean(),
        )
    else:
        gradient, rows = g.T @ (a @ tokens) / len(tokens), slice(0, 1)
        bound = np.linalg.norm(g, axis=1).max() * np.linalg.norm(tokens[:, columns], axis=1).max()
    return float(np.linalg.norm(gradient[rows, columns]) / bound) if bound > 0 else 0.0


def _with_slopes(value: Callable[[Array], float]) -> Callable[[Array], tuple[float, Array]]:
    """The function with central differences for its gradient."""

    def both(x: Array) -> tuple[float, Array]:
        step = 1e-6 * np.maximum(1, np.abs(x))
        slopes = [(value(x + e) - value(x - e)) / (2 * h) for h, e in zip(step, np.diag(step), strict=True)]
        return value(x), np.array(slopes)

    return both


def search(shape: Shape, rng: np.random.Generator, starts: int = 3, steps: int = 60) -> ExactLayer:
    """The layer with the greatest ratio found from a few random starts, as an exact layer."""
    best, found, goals = -1.0, np.zeros(0), np.zeros(0, dtype=np.int64)
    for _ in range(starts):
        targets = rng.integers(0, 2, shape.tokens)
        start = rng.standard_normal(sum(a * b for a, b in shape.sizes)) * rng.choice((0.3, 1.0))
        x = climb(_with_slopes(partial(ratio, shape, targets=targets)), start, steps)
        if ratio(shape, x, targets) > best:
            best, found, goals = ratio(shape, x, targets), x, targets
    tokens, *content, value, readout = (part.tolist() for part in shape.split(found))
    blocks = [0] * shape.tokens
    origin = f"searched {shape.kind} layer of {shape.tokens} tokens, ratio about {best:.9f}"
    return tiny(tokens, content, value, readout, goals.tolist(), shape.features, shape.heads, blocks, fmpq(1), origin)


__all__ = ["SHAPES", "Shape", "ratio", "search"]
