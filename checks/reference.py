"""The specification of layer, loss, gradient and training step: plain formulas, one layer, float64 NumPy.

Everything is tested against this file; nothing in it is fast. x [S, T, D], bias and visible [S, T, T],
theta = {content [K, R, D], values [E, D], readout [C, E]}; K = 1 is A, K = 2 is (W_Q, W_K).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from checks.training import Optimiser

__all__ = ["Layer", "Theta", "group_slices", "into_ball", "loss_and_gradients", "proximal_step", "train_reference"]

Theta = dict[str, np.ndarray]


@dataclass(frozen=True)
class Layer:
    """The data of one layer: targets are classes [S, T] or vectors [S, T, C]; kind 'cross-entropy' or 'squared'."""

    x: np.ndarray
    targets: np.ndarray
    bias: np.ndarray
    visible: np.ndarray
    present: np.ndarray
    tau: float
    kind: str


def loss_and_gradients(theta: Theta, layer: Layer) -> tuple[float, Theta, np.ndarray]:
    """Mean loss over present queries, its gradient, and the scores s_ij = content / tau + bias."""
    content, wv, u = theta["content"], theta["values"], theta["readout"]
    total, scores = 0.0, np.zeros(layer.bias.shape)
    grad = {name: np.zeros_like(value) for name, value in theta.items()}
    queries = layer.present.sum()
    for n, x in enumerate(layer.x):
        q = x @ content[0] if len(content) == 1 else x @ content[0].T  # rows x_i^T A, or W_Q x_i
        k = x if len(content) == 1 else x @ content[1].T
        v = x @ wv.T
        scores[n] = q @ k.T / layer.tau + layer.bias[n]
        for i in np.flatnonzero(layer.present[n]):
            keys = np.flatnonzero(layer.visible[n, i])
            a = np.exp(scores[n, i, keys] - scores[n, i, keys].max())
            a /= a.sum()
            o = a @ v[keys]
            z = u @ o
            p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
            target = layer.targets[n, i]
            if layer.kind == "squared":
                dz, loss = z - target, ((z - target) ** 2).sum() / 2
            else:
                t = np.eye(len(z))[target] if np.ndim(target) == 0 else target
                dz, loss = p - t, -(t * (z - z.max() - np.log(np.exp(z - z.max()).sum()))).sum()
            total += loss / queries
            dz = dz / queries
            g = u.T @ dz
            ds = a * ((v[keys] - o) @ g) / layer.tau  # a_ij <g_i, v_j - o_i>
            grad["readout"] += np.outer(dz, o)
            grad["values"] += np.outer(g, a @ x[keys])
            if len(content) == 1:
                grad["content"][0] += np.outer(x[i], ds @ x[keys])
            else:
                grad["content"][0] += np.outer(ds @ k[keys], x[i])
                grad["content"][1] += np.outer(q[i], ds @ x[keys])
    return total, grad, scores


def group_slices(rows: Sequence[int], columns: Sequence[int]) -> Iterator[tuple[int, int, slice, slice]]:
    """Every group of one matrix: its indices and its rectangle."""
    tops, lefts = np.cumsum([0, *rows]), np.cumsum([0, *columns])
    for b in range(len(rows)):
        for c in range(len(columns)):
            yield b, c, slice(tops[b], tops[b + 1]), slice(lefts[c], lefts[c + 1])


def into_ball(value: np.ndarray, radius: float, rectangles: Sequence[tuple[int, slice, slice]]) -> None:
    """Scale in place every rectangle (or else every matrix) that is longer than the radius."""
    matrices = list(value) if value.ndim == 3 else [value]
    for piece in [value[at] for at in rectangles] or matrices:
        piece *= min(1.0, radius / max(float(np.linalg.norm(piece)), 1e-300))


def proximal_step(
    theta: Theta,
    gradient: Theta,
    memory: dict[str, tuple[np.ndarray, ...]],
    optimiser: Optimiser,
    index: int,
    thresholds: np.ndarray,
    rows: Sequence[int],
    columns: Sequence[int],
    trainable: Sequence[str],
    balls: dict[str, float],
    ball_per: str = "matrix",
) -> Theta:
    """One step of every variant; thresholds lam w_g [K, b, c] act on content, `memory` is updated in place."""
    new, eta = dict(theta), optimiser.size(index)
    for name in trainable:
        z, old = gradient[name].copy(), theta[name]
        grouped = name == "content"
        parts = (
            [(k, r, c, w) for k in range(len(old)) for b, d, r, c in group_slices(rows, columns) for w in [thresholds[k, b, d]]]
            if grouped
            else []
        )
        if optimiser.clip is not None:
            for piece in [z[k, r, c] for k, r, c, _ in parts] if grouped else [z]:
                piece *= min(1.0, optimiser.clip / max(float(np.linalg.norm(piece)), 1e-300))
        if optimiser.rule == "adam":
            (b1, b2), (m, s) = optimiser.betas, memory.get(name, (np.zeros_like(z), np.zeros_like(z)))
            m, s = b1 * m + (1 - b1) * z, b2 * s + (1 - b2) * z**2
            memory[name] = (m, s)
            z = m / (1 - b1 ** (index + 1)) / (np.sqrt(s / (1 - b2 ** (index + 1))) + optimiser.epsilon)
        elif optimiser.rule != "sgd":
            fresh = 1 - optimiser.momentum if optimiser.rule == "ema" else 1.0
            z = optimiser.momentum * memory.get(name, (np.zeros_like(z),))[0] + fresh * z
            memory[name] = (z,)
        if optimiser.subgradient:
            for k, r, c, w in parts:
                size = np.linalg.norm(old[k, r, c])
                z[k, r, c] += w * old[k, r, c] / size if size > 0 else 0.0
        value = (1 - eta * optimiser.decay) * old - eta * z
        for k, r, c, w in parts if not optimiser.subgradient else []:
            size = np.linalg.norm(value[k, r, c])
            value[k, r, c] = 0.0 if size <= eta * w else (1 - eta * w / size) * value[k, r, c]
        if name in balls:
            into_ball(value, balls[name], [(k, r, c) for k, r, c, _ in parts] if ball_per == "group" else [])
        if grouped and optimiser.spectral_radius is not None:
            left, singular, right = np.linalg.svd(value, full_matrices=False)
            value = (left * np.minimum(singular, optimiser.spectral_radius)[:, None, :]) @ right
        new[name] = value
    return new


def train_reference(
    theta: Theta,
    layer: Layer,
    optimiser: Optimiser,
    steps: int,
    thresholds: np.ndarray,
    rows: Sequence[int],
    columns: Sequence[int],
    *,
    trainable: Sequence[str] = ("content", "values", "readout"),
    balls: dict[str, float] | None = None,
    ball_per: str = "matrix",
    order: np.ndarray | None = None,
) -> list[Theta]:
    """All states of a run, from the initial one to the one after `steps` steps; order [steps, b]: minibatches."""
    memory: dict[str, tuple[np.ndarray, ...]] = {}
    first = {name: value.copy() for name, value in theta.items()}
    for name, radius in (balls or {}).items():
        tiles = [(k, r, c) for k in range(len(first["content"])) for _, _, r, c in group_slices(rows, columns)]
        into_ball(first[name], radius, tiles if name == "content" and ball_per == "group" else [])
    states = [first]
    for index in range(steps):
        at = np.arange(len(layer.x)) if order is None else order[index]
        part = Layer(
            layer.x[at], layer.targets[at], layer.bias[at], layer.visible[at], layer.present[at], layer.tau, layer.kind
        )
        gradient = loss_and_gradients(states[-1], part)[1]
        states.append(
            proximal_step(
                states[-1], gradient, memory, optimiser, index, thresholds, rows, columns, trainable, balls or {}, ball_per
            )
        )
    return states
