"""The blocks that a localist layer sees while it trains: the similarity of its tokens under its own content form, state by state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from checks.data import Batch, DataError
from checks.layer import Parameters, Structure
from checks.partition_similarity import Similarity
from checks.partition_training import State
from checks.penalty import GroupPenalty
from checks.training import Optimiser, sgd, train


def layer_similarity(
    parameters: Parameters, batch: Batch, structure: Structure, layer: int = 0
) -> tuple[Similarity, np.ndarray]:
    """Content scores x'Ay/tau (symmetric part) of the distinct tokens of one layer's batch, and the block of each token.

    A is the layer's bilinear form, W_Q' W_K computed in float64 where it has two matrices; what is certified is about these floats.
    """
    here = batch.layer(layer)
    tokens = here.tokens.double().cpu().numpy().reshape(-1, structure.width)
    vectors, first = np.unique(tokens, axis=0, return_index=True)
    if len(vectors) < 3:
        raise DataError(
            f"layer {layer} has {len(vectors)} different tokens, and a partition is of three or more. Give more sequences."
        )
    content = parameters.layer(layer).content.double().cpu()
    form = content[0, 0] if structure.matrices == 1 else content[0, 0].mT @ content[0, 1]
    return Similarity(vectors, "bilinear", form.numpy(), structure.temperature), here.blocks.cpu().numpy().reshape(-1)[first]


def layer_states(
    parameters: Parameters,
    batch: Batch,
    structure: Structure,
    penalty: GroupPenalty | None = None,
    optimiser: Optimiser | float = 0.1,
    *,
    steps: int,
    every: int = 1,
    layer: int = 0,
    **options: Any,
) -> Iterator[State]:
    """States of one layer of a fleet in training, every few steps, for `checks.partition_training.follow`.

    options: those of `checks.training.train`. Each stretch is a run of its own, so the optimiser must carry nothing from step to step.
    """
    chosen = optimiser if isinstance(optimiser, Optimiser) else sgd(optimiser)
    if chosen.rule != "sgd" or isinstance(chosen.step, tuple) or chosen.minibatch is not None:
        raise DataError(
            "a layer is followed under plain proximal steps of one size: momentum or a minibatch order would start anew."
        )
    if steps < 0 or every < 1:
        raise DataError(f"a layer is followed for steps >= 0, seen every >= 1 of them, got {steps} and {every}.")
    for step in range(0, steps + 1, every):
        yield State(step, layer_similarity(parameters, batch, structure, layer)[0])
        if step + every <= steps:
            parameters = train(parameters, batch, structure, penalty, chosen, every, **options).parameters
