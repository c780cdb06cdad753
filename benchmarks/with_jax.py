"""The fleet in JAX: gradients by jax.grad, steps by scan, layers by vmap in chunks that fit the cache, all in one jit."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks.task import STEP, Task, Train
from checks.layer import Parameters

CHUNK = 16
Weights = tuple[jax.Array, jax.Array, jax.Array]


def prepare(task: Task) -> Train:
    """The whole run as one compiled function of the start and the data."""
    layers = task.start.layers
    chunk = next(size for size in range(min(CHUNK, layers), 0, -1) if layers % size == 0)
    cut = (task.groups.rows[0], task.groups.columns[0])
    arrays = [
        jnp.asarray(part.numpy()).reshape(layers // chunk, chunk, *part.shape[1:])
        for part in (
            task.start.content, task.start.values, task.start.readout, task.batch.tokens, task.batch.targets.int(),
            task.problem.row_bias, task.thresholds.float(),
        )
    ]  # fmt: skip

    def run() -> Parameters:
        found = jax.block_until_ready(_fleet(*arrays, steps=task.steps, temperature=task.structure.temperature, cut=cut))
        return Parameters(*(torch.from_numpy(np.array(part).reshape(layers, *part.shape[2:])) for part in found))

    return run


def _loss(weights: Weights, tokens: jax.Array, targets: jax.Array, bias: jax.Array, temperature: float) -> jax.Array:
    content, values, readout = weights
    scores = (tokens @ content[0].T) @ (tokens @ content[1].T).swapaxes(-1, -2) / temperature + bias
    z = jax.nn.softmax(scores) @ (tokens @ values.T) @ readout.T
    return -jnp.take_along_axis(jax.nn.log_softmax(z), targets[..., None], -1).mean()


def _prox(content: jax.Array, thresholds: jax.Array, cut: tuple[int, int]) -> jax.Array:
    matrices, rows, columns = content.shape
    parts = content.reshape(matrices, rows // cut[0], cut[0], columns // cut[1], cut[1])
    norms = jnp.sqrt(jnp.square(parts).sum((2, 4)))
    kept = jnp.where(thresholds > 0, jnp.maximum(0, 1 - thresholds / jnp.maximum(norms, jnp.finfo(norms.dtype).tiny)), 1.0)
    return (parts * kept[:, :, None, :, None]).reshape(content.shape)


@partial(jax.jit, static_argnames=("steps", "temperature", "cut"))
def _fleet(
    content: jax.Array,
    values: jax.Array,
    readout: jax.Array,
    tokens: jax.Array,
    targets: jax.Array,
    bias: jax.Array,
    thresholds: jax.Array,
    *,
    steps: int,
    temperature: float,
    cut: tuple[int, int],
) -> Weights:
    def layer(given: tuple[jax.Array, ...]) -> Weights:
        start, (x, y, b, bounds) = (given[0], given[1], given[2]), given[3:]

        def step(weights: Weights, _: None) -> tuple[Weights, None]:
            slopes = jax.grad(_loss)(weights, x, y, b, temperature)
            moved = [part - STEP * slope for part, slope in zip(weights, slopes, strict=True)]
            return (_prox(moved[0], bounds, cut), moved[1], moved[2]), None

        end: Weights = jax.lax.scan(step, start, None, length=steps)[0]
        return end

    found: Weights = jax.lax.map(jax.vmap(layer), (content, values, readout, tokens, targets, bias, thresholds))
    return found


__all__ = ["prepare"]
