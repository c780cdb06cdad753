"""What every backend trains, what it must come out as, and the gate: a backend that computes something else is not timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from checks.data import Batch, synthetic
from checks.kernel.rounding import gradient_radii
from checks.layer import Parameters, Structure, equal_blocks
from checks.penalty import Groups, off_block_penalty, prox_thresholds
from checks.reference import Layer, loss_and_gradients, proximal_step
from checks.training import NAMES, Balls, Problem, initialise, one_thread, prepare, run_steps, sgd

STEPS, SEQUENCES, STEP, PENALTY, LEAK = 100, 8, 0.1, 0.12, 0.02
LIMIT = 1e-4
"""Largest deviation of a weight after the run from float64. Stated, not derived: rounding moves weights by some 1e-6, a step or a
penalty that is wrong by one part in a hundred by more than 1e-3 (tests/test_benchmarks.py)."""
UNIT = 2.0**-24


@dataclass(frozen=True)
class Unit:
    """A size of layer, and how many of them a fleet on the CPU, the plain loop and a fleet on a GPU train in a round."""

    name: str
    blocks: int
    width: int
    head: int
    tokens: int
    fleet: int
    plain: int
    accelerated: int

    @property
    def structure(self) -> Structure:
        """Equal blocks, query and key matrices."""
        return equal_blocks(self.blocks, self.width, self.head)

    @property
    def operations(self) -> float:
        """Floating point operations of a layer, two a multiply-add: the products of the algebra of fleet.c, none of padding."""
        t, d, h, c = self.tokens, self.width, self.head, self.blocks
        forward = 2 * t * d * (2 * h + c) + 2 * t * t * (h + c)  # queries, keys, classes; scores, outputs
        backward = 2 * t * t * (2 * h + 2 * c) + 2 * t * d * (2 * h + c)  # to scores, queries, keys, values; to the weights
        return STEPS * SEQUENCES * (forward + backward)

    def task(self, layers: int, steps: int = STEPS) -> Task:
        """Layers of this size from seeds 0, 1, …, with their data."""
        structure, seeds = self.structure, range(layers)
        batch = synthetic(structure.features, seeds, sequences=SEQUENCES, tokens=self.tokens, leak=LEAK)
        return Task(structure, initialise(structure, seeds), batch, steps)


UNITS = (Unit("small", 4, 16, 8, 16, 128, 2, 16384), Unit("large", 8, 64, 16, 64, 12, 1, 2048))


@dataclass(frozen=True)
class Task:
    """Layers, data and a number of proximal steps: full batch, cross-entropy, off-block penalty, dial 0."""

    structure: Structure
    start: Parameters
    batch: Batch
    steps: int

    @property
    def groups(self) -> Groups:
        """The groups of the content matrices."""
        return off_block_penalty(self.structure, PENALTY).groups

    @cached_property
    def problem(self) -> Problem:
        """The batch made ready."""
        return prepare(self.batch, self.structure)

    @cached_property
    def thresholds(self) -> Tensor:
        """Thresholds of the proximal map [L, K, b, c], float64, times the step."""
        return prox_thresholds(off_block_penalty(self.structure, PENALTY), STEP, self.start.layers)

    @property
    def arguments(self) -> tuple[object, ...]:
        """The arguments of `checks.training.run_steps` and of every kernel that replaces it."""
        return (
            self.start,
            self.problem,
            off_block_penalty(self.structure, PENALTY),
            sgd(STEP),
            self.steps,
            NAMES,
            Balls(),
            None,
            (),
        )

    def to(self, device: str) -> Task:
        """The same on another device."""
        return self if device == "cpu" else Task(self.structure, self.start.to(device), self.batch.to(device), self.steps)

    def first(self, layers: int) -> Task:
        """The same for the first layers only."""
        return Task(self.structure, self.start.layer(slice(layers)), self.batch.layer(slice(layers)), self.steps)

    def once(self, start: Parameters) -> Task:
        """One step from other weights."""
        return Task(self.structure, start, self.batch, 1)

    def reference(self) -> Parameters:
        """Every layer after the run in float64, by the torch fleet, which its tests compare with NumPy."""
        wide = replace(self.batch, tokens=self.batch.tokens.double())
        start = Parameters(*(getattr(self.start, name).double() for name in NAMES))
        with torch.no_grad(), one_thread():
            return run_steps(*Task(self.structure, start, wide, self.steps).arguments).parameters  # type: ignore[arg-type]

    def exact(self, layer: int) -> Layer:
        """The data of one layer for the NumPy reference."""
        bias = self.problem.row_bias[layer].double().cpu().numpy()
        x, targets = self.batch.tokens[layer].double().cpu().numpy(), self.batch.targets[layer].cpu().numpy()
        return Layer(
            x,
            targets,
            bias,
            np.isfinite(bias),
            np.ones(targets.shape, dtype=bool),
            self.structure.temperature,
            "cross-entropy",
        )


Train = Callable[[], Parameters]


class WrongBackendError(RuntimeError):
    """A backend whose layers are not those of the reference."""


def admit(name: str, prepared: Callable[[Task], Train], task: Task, reference: Parameters | None = None) -> float:
    """Largest deviation of a weight from float64 after the run; raises WrongBackendError for a backend that trains something else.

    Also required: the same weights are exactly zero (the penalty kills every off-block group well before the last step), and one step
    from the start and from the trained weights is within the bound that checks/kernel/rounding.py derives for the two algebras of the
    fleet; other backends are held to the greater of the two.
    """
    reference = task.reference() if reference is None else reference
    worst = deviation(name, prepared(task)(), reference)
    trained = Parameters(*(getattr(reference, part).to(task.batch.tokens) for part in NAMES))
    for state in (task.start, trained):
        _one_step(name, prepared(task.once(state))(), task.once(state))
    return worst


def deviation(name: str, found: Parameters, reference: Parameters) -> float:
    """Largest deviation of a weight from the reference; WrongBackendError where it is over LIMIT or other weights are zero."""
    worst = 0.0
    for part in NAMES:
        ours, theirs = getattr(found, part).double().cpu(), getattr(reference, part)
        if ours.shape != theirs.shape or not bool(torch.isfinite(ours).all()):
            raise WrongBackendError(f"{name}: {part} must be finite {tuple(theirs.shape)}, got {tuple(ours.shape)}. Not timed.")
        worst = max(worst, float((ours - theirs).abs().max()))
    if worst > LIMIT:
        raise WrongBackendError(f"{name}: a weight is off by {worst:.2g} after the run, more than {LIMIT:g}. Not timed.")
    if not torch.equal(found.content.cpu() == 0, reference.content == 0):
        raise WrongBackendError(f"{name}: other weights are zero than in the reference. Not timed.")
    return worst


def _one_step(name: str, found: Parameters, task: Task) -> None:
    """Hold the first and the last layer to the derived bound: clipping and prox move two points no further apart than they were."""
    for layer in {0, task.start.layers - 1}:
        theta = {part: getattr(task.start, part)[layer].double().cpu().numpy() for part in NAMES}
        data = task.exact(layer)
        gradient = loss_and_gradients(theta, data)[1]
        radii = [gradient_radii(theta, data, UNIT, composite) for composite in (False, True)]
        exact = proximal_step(
            theta,
            gradient,
            {},
            sgd(STEP),
            0,
            task.thresholds[layer].numpy() / STEP,
            task.groups.rows,
            task.groups.columns,
            NAMES,
            {},
        )
        for part in NAMES:
            radius = np.maximum(*(r[part].radius for r in radii))
            size = np.abs(theta[part]) + STEP * (np.abs(gradient[part]) + radius)
            # the gradient's error, the update's roundings, those of norm, factor and product of the prox; float64 against exact
            allowed = np.linalg.norm(STEP * radius + 8 * UNIT * size) + 12 * UNIT * np.linalg.norm(size) + size.size * 2.0**-52
            apart = float(np.linalg.norm(getattr(found, part)[layer].double().cpu().numpy() - exact[part]))
            if not apart <= allowed:
                raise WrongBackendError(
                    f"{name}: one step moved {part} of layer {layer} {apart:.2g} away from the reference, and rounding explains "
                    f"{allowed:.2g}. Not timed."
                )


__all__ = ["LIMIT", "PENALTY", "STEP", "STEPS", "UNITS", "Task", "Train", "Unit", "WrongBackendError", "admit", "deviation"]
