"""The contestants: the plain loop, three batched ways that need no algebra of one's own, and the fleets of this project."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import get_args

import torch
from torch import Tensor, nn

from benchmarks.machine import cores
from benchmarks.task import PENALTY, STEP, Task, Train
from checks import kernel
from checks.layer import Parameters
from checks.penalty import Groups, off_block_penalty, soft_threshold
from checks.training import TRAINED_BY, Backend, Problem, Run, backend, gradients, run_steps, train, why_no_backend

Weights = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Contestant:
    """A backend: how it trains a task, how many threads it is given, whether it takes one layer at a time or runs on a GPU."""

    name: str
    prepare: Callable[[Task], Train]
    threads: int = 1
    alone: bool = False
    device: str = "cpu"


class PlainLayer(nn.Module):
    """The layer as one would write it first: autograd, one layer at a time."""

    def __init__(self, start: Parameters, temperature: float) -> None:
        super().__init__()
        self.queries, self.keys = (nn.Parameter(start.content[0, k].clone()) for k in (0, 1))
        self.values, self.readout = nn.Parameter(start.values[0].clone()), nn.Parameter(start.readout[0].clone())
        self.temperature = temperature

    def forward(self, tokens: Tensor, bias: Tensor) -> Tensor:
        """Class scores of every query."""
        scores = (tokens @ self.queries.T) @ (tokens @ self.keys.T).mT / self.temperature + bias
        return (scores.softmax(-1) @ (tokens @ self.values.T)) @ self.readout.T


def plain(task: Task) -> Train:
    """Every layer of the task, one after the other."""

    def run() -> Parameters:
        return _stacked([_plain_layer(task, index) for index in range(task.start.layers)])

    return run


def _plain_layer(task: Task, index: int) -> Parameters:
    layer = PlainLayer(task.start.layer(index), task.structure.temperature)
    optimiser = torch.optim.SGD(layer.parameters(), STEP)
    tokens, targets, bias = task.batch.tokens[index], task.batch.targets[index], task.problem.row_bias[index]
    thresholds = task.thresholds[index : index + 1]
    for _ in range(task.steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(layer(tokens, bias).flatten(0, 1), targets.flatten()).backward()
        optimiser.step()
        with torch.no_grad():
            near = soft_threshold(torch.stack([layer.queries, layer.keys])[None], thresholds, task.groups)
            layer.queries.copy_(near[0, 0])
            layer.keys.copy_(near[0, 1])
    with torch.no_grad():
        content = torch.stack([layer.queries, layer.keys])[None]
    return Parameters(content, layer.values.detach()[None], layer.readout.detach()[None])


def _stacked(layers: list[Parameters]) -> Parameters:
    return Parameters(*(torch.cat([getattr(layer, part) for layer in layers]) for part in ("content", "values", "readout")))


def _losses(weights: Weights, tokens: Tensor, targets: Tensor, bias: Tensor, temperature: float) -> Tensor:
    """Mean loss of every layer; the leading axis is the layers, or there is none under vmap."""
    content, values, readout = weights
    sequences, flat = tokens.shape[-3:-1], tokens.flatten(-3, -2)
    queries, keys, v = (
        (flat @ part.mT).unflatten(-2, sequences) for part in (content.select(-3, 0), content.select(-3, 1), values)
    )
    scores = queries @ keys.mT / temperature + bias
    z = (scores.softmax(-1) @ v).flatten(-3, -2) @ readout.mT
    chosen: Tensor = z.log_softmax(-1).gather(-1, targets.flatten(-2)[..., None])
    return -chosen.mean((-2, -1))


def _descend(task: Task, step: Callable[[Weights], Weights]) -> Train:
    """Repeat a step: weights in, weights after the gradient step out; the prox is taken here."""

    def run() -> Parameters:
        weights: Weights = (task.start.content, task.start.values, task.start.readout)
        for _ in range(task.steps):
            content, values, readout = step(weights)
            weights = (soft_threshold(content, task.thresholds, task.groups), values, readout)
        return Parameters(*weights)

    return run


def batched_autograd(task: Task) -> Train:
    """One graph for the whole fleet; the losses of the layers add up, so each layer gets its own gradient."""
    data = (task.batch.tokens, task.batch.targets, task.problem.row_bias, task.structure.temperature)

    def step(weights: Weights) -> Weights:
        leaves = [part.detach().requires_grad_() for part in weights]
        with torch.enable_grad():
            found = torch.autograd.grad(_losses((leaves[0], leaves[1], leaves[2]), *data).sum(), leaves)
        new = [part.detach() - STEP * slope for part, slope in zip(leaves, found, strict=True)]
        return new[0], new[1], new[2]

    return _descend(task, step)


def vmapped(task: Task) -> Train:
    """torch.func: the gradient of one layer's loss, mapped over layers."""
    slopes = torch.func.vmap(torch.func.grad(partial(_losses, temperature=task.structure.temperature)))
    data = (task.batch.tokens, task.batch.targets, task.problem.row_bias)

    def step(weights: Weights) -> Weights:
        found = slopes(weights, *data)
        new = [part - STEP * slope for part, slope in zip(weights, found, strict=True)]
        return new[0], new[1], new[2]

    return _descend(task, step)


def inductor() -> Callable[[Task], Train]:
    """torch.compile of the batched analytic step, prox included; compiled once for the shapes of a unit."""
    known: dict[tuple[int, ...], Callable[..., Weights]] = {}

    def step_of(problem: Problem, groups: Groups) -> Callable[..., Weights]:
        def step(weights: Weights, data: Weights, thresholds: Tensor) -> Weights:
            tokens, targets, row_bias = data
            found = gradients(Parameters(*weights), replace(problem, tokens=tokens, targets=targets, row_bias=row_bias))
            moved = [
                part - STEP * slope
                for part, slope in zip(weights, (found.content, found.values, found.readout), strict=True)
                if slope is not None
            ]
            return soft_threshold(moved[0], thresholds, groups), moved[1], moved[2]

        return torch.compile(step, fullgraph=True, dynamic=False)

    def prepared(task: Task) -> Train:
        shape = tuple(task.batch.tokens.shape)
        if shape not in known:
            known[shape] = step_of(task.problem, task.groups)
        data, thresholds, step = (task.batch.tokens, task.batch.targets, task.problem.row_bias), task.thresholds, known[shape]

        def run() -> Parameters:
            weights: Weights = (task.start.content, task.start.values, task.start.readout)
            for _ in range(task.steps):
                weights = step(weights, data, thresholds)
            return Parameters(*weights)

        return run

    return prepared


def compiled_form() -> Contestant | str:
    """torch.compile of the batched analytic form, or why it is left out."""
    if shutil.which(os.environ.get("CXX", "c++")) is None:
        return "torch.compile needs a C++ compiler, and none was found"
    return Contestant("torch.compile", inductor())


def jax_form() -> Contestant | str:
    """JAX, which is no dependency: it takes part where it is installed."""
    if find_spec("jax") is None:
        return "not installed (pip install jax)"
    from benchmarks.with_jax import prepare

    return Contestant("JAX, jit(vmap(scan))", prepare, threads=cores())


def fleets() -> Iterator[tuple[str, Contestant | str]]:
    """The backends of `checks.training` by name, on the CPU and on a GPU, each with the contestant or why it is left out."""
    yield "torch fleet", Contestant("torch fleet", partial(_by_function, run_steps))
    for threads in (1, 2):
        name = f"compiled fleet, {threads} thread{'s' * (threads > 1)}"
        if reason := kernel.why_not():
            yield name, reason
        elif threads > cores():
            yield name, f"this process may use {cores()} core"
        else:
            yield name, Contestant(name, partial(_by_function, partial(kernel.run_steps, threads=threads)), threads)
    if not torch.cuda.is_available():
        yield "GPU", "no CUDA device"
        return
    yield "torch fleet, GPU", Contestant("torch fleet, GPU", partial(_by_name, "torch"), device="cuda")
    for name in get_args(Backend):
        if name not in ("auto", "torch", "compiled"):
            called = f"{name} fleet, GPU"
            reason = why_no_backend(name)
            yield called, reason or Contestant(called, partial(_by_name, name), device="cuda")


def _by_function(function: Callable[..., Run], task: Task) -> Train:
    arguments = task.arguments

    def run() -> Parameters:
        with torch.no_grad():
            return function(*arguments).parameters

    return run


def _by_name(name: str, task: Task) -> Train:
    """A backend through `train`, which says by whom the layers were trained; on the task's device."""
    start, batch = task.start, task.batch

    def run() -> Parameters:
        before = TRAINED_BY[name]
        with backend(name):  # type: ignore[arg-type]
            found = train(start, batch, task.structure, off_block_penalty(task.structure, PENALTY), STEP, task.steps).parameters
        if TRAINED_BY[name] != before + start.layers:
            raise RuntimeError(f"{name} left these layers to another backend")
        if found.content.is_cuda:
            torch.cuda.synchronize()
        return found

    return run


def contestants() -> Iterator[tuple[str, Contestant | str]]:
    """Every backend by name, or why it is left out; the plain loop first."""
    yield "plain loop", Contestant("plain loop", plain, alone=True)
    yield "batched autograd", Contestant("batched autograd", batched_autograd)
    yield "torch.func", Contestant("torch.func", vmapped)
    yield "torch.compile", compiled_form()
    yield "JAX", jax_form()
    yield from fleets()


__all__ = ["Contestant", "contestants"]
