"""The fleet: many small localist layers trained at once by proximal gradient.

    theta+ = project( prox_{eta lam w}( (1 - eta mu) theta - eta v ) )

v is the gradient of the loss, clipped, averaged or rescaled as the optimiser says. Gradients are
analytic (about 30 tensor operations a step), with the softmax gradient dL/ds_ij = a_ij <g_i, v_j - o_i>.
The penalty is never differentiated and norms are never bounded by spectral clipping, except in the
two optimisers whose names begin with `failing_`.

Every tensor has a leading layer axis; no operation mixes layers, so layer k has the same trajectory in
any fleet up to the rounding of batched products. The backend boundary is `run_steps`: the compiled fleet
(checks.kernel) does the same on the CPU where it was built, the Triton kernel (checks.kernel.gpu) on a GPU
where Triton is installed, and `backend` chooses.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from checks.data import Batch, generator
from checks.layer import Capture, Parameters, Rule, Structure, attend, score_bias, visible_keys
from checks.penalty import (
    Ball,
    GroupPenalty,
    Groups,
    group_norms,
    group_sums,
    off_block_penalty,
    project,
    prox_thresholds,
    scale_groups,
    soft_threshold,
    two_index_groups,
    whole,
)

__all__ = [
    "TRAINED_BY",
    "Balls",
    "Gradients",
    "LocalistFleet",
    "Optimiser",
    "Problem",
    "Run",
    "TrainingError",
    "adam",
    "backend",
    "ema",
    "failing_spectral_clipping",
    "failing_subgradient",
    "gradients",
    "heavy_ball",
    "initialise",
    "minibatch_order",
    "one_thread",
    "pick_backend",
    "pick_device",
    "prepare",
    "sgd",
    "train",
    "why_no_backend",
]

NAMES = ("content", "values", "readout")
Loss = Literal["cross-entropy", "squared"]
Backend = Literal["auto", "torch", "compiled", "triton"]
_backend: ContextVar[Backend] = ContextVar("backend", default="auto")
TRAINED_BY: Counter[str] = Counter()
"""Layers that this process has trained, by backend."""


class TrainingError(ValueError):
    """A training run that cannot start, or that left the finite numbers."""

    @classmethod
    def not_finite(cls, layer: int, step: int) -> TrainingError:
        """The error of a layer that left the finite numbers at a step, counted from 0."""
        return cls(
            f"training must stay finite; layer {layer} did not at step {step} (counted from 0): a gradient, weight or score "
            "overflowed or became NaN, and nothing after it means anything. Lower the step, clip, or hold the weights on balls."
        )


@dataclass(frozen=True)
class Optimiser:
    """How a gradient becomes a step; build one with sgd, ema, heavy_ball, adam or a failing_ variant.

    step: eta > 0, or one per step.  clip: C > 0, Frobenius bound of each computed group gradient (matrices that
    have no groups count as one group).  decay: mu >= 0, multiplicative, eta mu <= 1.  minibatch: sequences a step.
    """

    step: float | tuple[float, ...]
    rule: Literal["sgd", "ema", "heavy-ball", "adam"] = "sgd"
    clip: float | None = None
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    decay: float = 0.0
    minibatch: int | None = None
    subgradient: bool = False  # FAILS: never exactly zero
    spectral_radius: float | None = None  # FAILS: re-creates blocks that were zero

    def __post_init__(self) -> None:
        """Refuse numbers outside the domain."""
        steps = self.step if isinstance(self.step, tuple) else (self.step,)
        rules = (
            ("step", bool(steps) and all(0 < s < math.inf for s in steps), "finite and positive"),
            ("rule", self.rule in ("sgd", "ema", "heavy-ball", "adam"), "'sgd', 'ema', 'heavy-ball' or 'adam'"),
            ("clip", self.clip is None or 0 < self.clip < math.inf, "finite and positive, or None"),
            ("momentum", 0 <= self.momentum < 1, "in [0, 1)"),
            ("betas", all(0 <= b < 1 for b in self.betas), "in [0, 1)"),
            ("epsilon", 0 < self.epsilon < math.inf, "positive: with 0, underflow breaks Adam's ratio bound"),
            ("decay", all(0 <= self.decay * s <= 1 for s in steps), "such that 0 <= step * decay <= 1"),
            ("minibatch", self.minibatch is None or self.minibatch >= 1, "at least 1, or None for the full batch"),
            ("spectral_radius", self.spectral_radius is None or 0 < self.spectral_radius < math.inf, "positive, or None"),
        )
        for name, holds, want in rules:
            if not holds:
                raise TrainingError(
                    f"Optimiser.{name} must be {want}, got {getattr(self, name)!r}: the step is undefined "
                    f"or a proved bound does not cover it. Correct {name}."
                )

    def size(self, index: int) -> float:
        """Step size eta of the step with this index, from 0."""
        return self.step[index] if isinstance(self.step, tuple) else self.step


class StepOptions(TypedDict, total=False):
    """What every optimiser below takes besides its own numbers; see `Optimiser`."""

    clip: float | None
    decay: float
    minibatch: int | None


def sgd(step: float | tuple[float, ...], **rest: Unpack[StepOptions]) -> Optimiser:
    """Plain (minibatch) gradient steps; clip=C gives the architecture-independent threshold C."""
    return Optimiser(step, **rest)


def ema(step: float | tuple[float, ...], momentum: float = 0.9, **rest: Unpack[StepOptions]) -> Optimiser:
    """m+ = beta m + (1 - beta) v: directions bounded by the gradient bound."""
    return Optimiser(step, "ema", momentum=momentum, **rest)


def heavy_ball(step: float | tuple[float, ...], momentum: float = 0.9, **rest: Unpack[StepOptions]) -> Optimiser:
    """m+ = beta m + v, as torch.optim.SGD: directions bounded by the gradient bound / (1 - beta)."""
    return Optimiser(step, "heavy-ball", momentum=momentum, **rest)


def adam(
    step: float | tuple[float, ...],
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    **rest: Unpack[StepOptions],
) -> Optimiser:
    """Adam's direction, then the UNSCALED group prox: threshold C_A sqrt(p_g), whatever the loss."""
    return Optimiser(step, "adam", betas=betas, epsilon=epsilon, **rest)


def failing_subgradient(step: float | tuple[float, ...], **rest: Unpack[StepOptions]) -> Optimiser:
    """What autograd does with lam ||theta||: hovers in a ball around zero and is never exactly zero."""
    return Optimiser(step, subgradient=True, **rest)


def failing_spectral_clipping(step: float | tuple[float, ...], radius: float, **rest: Unpack[StepOptions]) -> Optimiser:
    """Prox, then singular values clipped at `radius`: fills blocks that the prox had set to zero."""
    return Optimiser(step, spectral_radius=radius, **rest)


@dataclass(frozen=True)
class Balls:
    """Centred Frobenius balls held from the start on (state 0 is projected, frozen parts too); None: unbounded."""

    content: Ball | None = None
    values: float | None = None
    readout: float | None = None


@dataclass(frozen=True)
class Problem:
    """A batch made ready for one dial and one rule list; row_bias is -inf where a mask removes the key."""

    tokens: Float[Tensor, "L S T D"]
    targets: Tensor
    row_bias: Float[Tensor, "L S T T"]
    present: Bool[Tensor, "L S T"] | None
    structure: Structure
    loss: Loss

    def sequences(self, chosen: Tensor) -> Problem:
        """The chosen sequences [L, b] of each layer, a minibatch."""
        layer = torch.arange(chosen.shape[0], device=chosen.device)[:, None]
        return replace(
            self,
            tokens=self.tokens[layer, chosen],
            targets=self.targets[layer, chosen],
            row_bias=self.row_bias[layer, chosen],
            present=None if self.present is None else self.present[layer, chosen],
        )


@dataclass(frozen=True)
class Gradients:
    """Derivatives of the mean loss over queries; None for a frozen part. loss is the value, None unless asked for."""

    content: Float[Tensor, "L K R D"] | None
    values: Float[Tensor, "L E D"] | None
    readout: Float[Tensor, "L C E"] | None
    loss: Float[Tensor, " L"] | None


@dataclass(frozen=True)
class Run:
    """What a training run leaves: state k is the state after k steps, state 0 the initial one.

    extinct_at: first state from which on the group is exactly zero to the end, -1 if it is alive at the end.
    revived: the group was exactly zero in some state and not in a later one.  gradient_peak: largest computed group
    gradient before clipping, float64.  norms [steps + 1, ...] and losses [steps, L] (of states 0 .. steps - 1) if recorded.
    """

    parameters: Parameters
    initial: Parameters
    groups: Groups
    steps: int
    extinct_at: Tensor  # int64 [L, K, b, c]
    revived: Bool[Tensor, "L K b c"]
    gradient_peak: Float[Tensor, "L K b c"]
    norms: Float[Tensor, "N L K b c"] | None
    losses: Float[Tensor, "steps L"] | None


@contextmanager
def backend(name: Backend) -> Iterator[None]:
    """Train with 'torch', with 'compiled' code or with 'triton' (which leave to torch what they have no variant of), or ('auto') with
    what is there.
    """
    missing = why_no_backend(name)
    if missing:
        raise TrainingError(f"backend must be auto, torch, compiled or triton, and there; got {name!r}: {missing}. Use auto.")
    token = _backend.set(name)
    try:
        yield
    finally:
        _backend.reset(token)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread: tensors of one layer are tiny, and two threads on busy cores ran 10 to 100 times
    slower (spin barriers). Parallelism is over processes that own layers. The caller's setting comes back.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def pick_device(name: str = "auto") -> torch.device:
    """'auto' is CUDA where there is one, else the CPU."""
    if name not in ("auto", "cpu", "cuda") or (name == "cuda" and not torch.cuda.is_available()):
        raise TrainingError(
            f"device must be auto, cpu or cuda, and present; got {name!r} with CUDA "
            f"{'present' if torch.cuda.is_available() else 'absent'}: nothing can run there. Use auto."
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def why_no_backend(name: str) -> str:
    """Why a backend cannot be used here; "" when it can."""
    from checks import kernel
    from checks.kernel import gpu

    if name == "compiled":
        return kernel.why_not()
    if name == "triton":
        return gpu.why_not()
    return "" if name in ("auto", "torch") else "there is none of that name"


def pick_backend(name: str, device: str) -> Backend:
    """What trains on a device: 'auto' is the compiled fleet on the CPU and the Triton kernel on a GPU where they are there, else torch."""
    if name == "auto":
        fast: Backend = "compiled" if device == "cpu" else "triton"
        return "torch" if why_no_backend(fast) else fast
    with backend(name):  # type: ignore[arg-type]  # which refuses names that are none
        return name  # type: ignore[return-value]


def initialise(
    structure: Structure,
    seeds: Sequence[int],
    *,
    group_norm: float = 1.0,
    value_norm: float = 1.0,
    readout_norm: float = 4.0,
    readout: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Parameters:
    """Random weights, one seed per layer: every content group of norm group_norm, W_V and U of the norms given.

    Norms >= 0, never exceeded by the floats.  readout: a fixed U [C, E] for all layers instead of a random one.
    """
    if not all(0 <= norm < math.inf for norm in (group_norm, value_norm, readout_norm)) or not len(seeds):
        raise TrainingError(
            f"initialise needs finite norms >= 0 and at least one seed, got {group_norm}, {value_norm}, "
            f"{readout_norm} and {len(seeds)} seeds: each layer needs its own. Give one seed per layer."
        )
    rows, width, values = sum(structure.rows), structure.width, structure.value_width
    shapes = ((structure.matrices, rows, width), (1, values, width), (1, structure.classes, values))
    drawn = [
        [torch.from_numpy(rng.standard_normal(shape)) for shape in shapes] for rng in (generator(seed, 1) for seed in seeds)
    ]
    made = []
    cuts = (two_index_groups(structure), whole(values, width), whole(structure.classes, values))
    for layers, norm, groups in zip(zip(*drawn, strict=True), (group_norm, value_norm, readout_norm), cuts, strict=True):
        raw = torch.stack(layers)
        unit = scale_groups(raw, norm / group_norms(raw, groups), groups).to(dtype)
        made.append(project(unit, Ball(norm, "group"), groups) if norm else unit)
    if readout is not None:
        if tuple(readout.shape) != (structure.classes, values):
            raise TrainingError(
                f"readout needs shape {(structure.classes, values)}, got {tuple(readout.shape)}: it maps "
                "outputs to classes. Give U as [classes, value_width]."
            )
        made[2] = readout.to(dtype).expand(len(seeds), 1, -1, -1)
    return Parameters(made[0], made[1][:, 0], made[2][:, 0].clone()).to(device)


def minibatch_order(seeds: Sequence[int], sequences: int, size: int, steps: int) -> Tensor:
    """Which sequences each layer sees at each step, int64 [steps, L, size], without repetition inside a step."""
    if not 1 <= size <= sequences:
        raise TrainingError(
            f"a minibatch needs 1 to {sequences} sequences, got {size}: they are drawn without repetition. Lower minibatch."
        )
    drawn = [generator(seed, 2).random((steps, sequences)).argsort(-1)[:, :size] for seed in seeds]
    return torch.from_numpy(np.stack(drawn, 1))


def prepare(
    batch: Batch, structure: Structure, *, dial: float | Tensor = 0.0, rules: Sequence[Rule] = (), loss: Loss = "cross-entropy"
) -> Problem:
    """Check a batch against loss and structure, and fold dial, rules and masks into one bias per row."""
    classes = batch.targets.ndim == 3
    limit = structure.classes
    fits = (
        (int(batch.targets.min()) >= 0 and int(batch.targets.max()) < limit)
        if classes
        else (batch.targets.ndim == 4 and batch.targets.shape[-1] == limit)
    )
    if loss not in ("cross-entropy", "squared") or not fits or (classes and loss == "squared"):
        raise TrainingError(
            f"loss {loss!r} with {limit} outputs does not fit targets of shape {tuple(batch.targets.shape)}: "
            "cross-entropy takes classes [L, S, T] or distributions [L, S, T, C], squared takes vectors "
            "[L, S, T, C]. Match target, loss and structure.classes."
        )
    if loss == "cross-entropy" and not classes:
        # p_k - t_k is the gradient only for a distribution; c * eps is the rounding of a sum of C numbers
        off = (batch.targets.double().sum(-1) - 1).abs().max() > limit * torch.finfo(batch.targets.dtype).eps
        if bool(off) or bool((batch.targets < 0).any()):
            raise TrainingError("soft targets must be distributions over the classes: >= 0 with sum 1. Normalise them.")
    bias = score_bias(batch, structure, dial, rules)
    # -inf lives only in this term of the softmax, so that one fused product adds and removes; stored scores are finite
    bias = bias.masked_fill(~visible_keys(batch, structure), -math.inf)
    if batch.present is not None:
        padded = torch.diag_embed(~batch.present)  # padding looks at itself; it has no loss, so no gradient either
        bias = bias.masked_fill(padded, 0.0)
    return Problem(batch.tokens, batch.targets, bias, batch.present, structure, loss)


def gradients(
    parameters: Parameters, problem: Problem, trainable: Sequence[str] = NAMES, *, with_loss: bool = False
) -> Gradients:
    """Analytic gradients of the mean loss over the queries of each layer."""
    x, s = problem.tokens, problem.structure
    layers, sequences, length, width = x.shape
    rows, tau = sum(s.rows), s.temperature
    flat = x.reshape(layers, -1, width)

    def heads(part: Tensor) -> Tensor:
        return part.reshape(layers * sequences, length, -1)

    if s.matrices == 1:
        projected = torch.bmm(flat, torch.cat([parameters.content[:, 0], parameters.values.mT], -1))
        left, v = torch.split(projected, [width, s.value_width], -1)
        q, k, v = heads(left), heads(flat), heads(v)
    else:
        fused = torch.cat([parameters.content.reshape(layers, 2 * rows, width), parameters.values], 1)
        q, k, v = (heads(part) for part in torch.split(torch.bmm(flat, fused.mT), [rows, rows, s.value_width], -1))
    a = torch.baddbmm(heads(problem.row_bias), q, k.mT, alpha=1 / tau).softmax(-1)
    o = torch.bmm(a, v)
    outputs = o.reshape(layers, -1, s.value_width)
    # classes before queries: a softmax over the few classes then runs along the queries, 25 times faster
    dz, value = _loss_gradient(torch.bmm(parameters.readout, outputs.mT), problem, with_loss)
    dreadout = torch.bmm(dz, outputs) if "readout" in trainable else None
    g = heads(torch.bmm(dz.mT, parameters.readout))
    dvalues = dcontent = None
    if "values" in trainable:
        dvalues = torch.bmm(torch.bmm(a.mT, g).reshape(layers, -1, s.value_width).mT, flat)
    if "content" in trainable:
        # dL/ds_ij = a_ij <g_i, v_j - o_i>
        ds = a * torch.baddbmm((g * o).sum(-1, keepdim=True), g, v.mT, beta=-1 / tau, alpha=1 / tau)
        back = torch.bmm(ds, k).reshape(layers, -1, q.shape[-1])
        if s.matrices == 1:
            dcontent = torch.bmm(flat.mT, back)[:, None]
        else:
            both = torch.cat([back, torch.bmm(ds.mT, q).reshape(layers, -1, rows)], -1)
            dcontent = torch.bmm(both.mT, flat).reshape(layers, 2, rows, width)
    return Gradients(dcontent, dvalues, dreadout, value)


def _loss_gradient(
    z: Float[Tensor, "L C N"], problem: Problem, with_loss: bool
) -> tuple[Float[Tensor, "L C N"], Float[Tensor, " L"] | None]:
    """dL/dz, with the mean over present queries in it, and the loss if asked for."""
    layers, classes, queries = z.shape
    if problem.present is None:
        share: float | Tensor = 1 / queries
    else:
        here = problem.present.reshape(layers, 1, queries).to(z.dtype)
        share = here / here.sum(2, keepdim=True).clamp(min=1)
    value = None
    if problem.targets.ndim == 3:
        target = problem.targets.reshape(layers, 1, queries)
        # p_y - 1 loses all digits when p_y is near 1: it is minus the sum of the other probabilities
        dz = z.softmax(1).scatter(1, target, 0.0)
        dz = dz.scatter(1, target, -dz.sum(1, keepdim=True))
        if with_loss:
            value = -z.log_softmax(1).gather(1, target)
    else:
        goal = problem.targets.reshape(layers, queries, classes).mT
        dz = (z if problem.loss == "squared" else z.softmax(1)) - goal
        if with_loss:
            value = (dz.square() / 2 if problem.loss == "squared" else -goal * z.log_softmax(1)).sum(1, keepdim=True)
    return dz * share, None if value is None else (value * share).sum((1, 2))


def train(
    parameters: Parameters,
    batch: Batch,
    structure: Structure,
    penalty: GroupPenalty | None = None,
    optimiser: Optimiser | float = 0.1,
    steps: int = 100,
    *,
    dial: float | Tensor = 0.0,
    rules: Sequence[Rule] = (),
    loss: Loss = "cross-entropy",
    trainable: Sequence[str] = NAMES,
    balls: Balls | None = None,
    seeds: Sequence[int] = (),
    record: Sequence[str] = (),
) -> Run:
    """Train every layer of the fleet; see Run for what comes back.

    dial, penalty.weight: one number or one per layer.  trainable: some of content, values, readout.  seeds: one per
    layer, for minibatches.  record: 'norms', 'losses'.  Raises TrainingError naming layer and step when a number
    stops being finite.  The caller's tensors are not changed.
    """
    optimiser = optimiser if isinstance(optimiser, Optimiser) else sgd(optimiser)
    penalty = off_block_penalty(structure, 0.0) if penalty is None else penalty
    if batch.tokens.dtype not in (torch.float32, torch.float64):
        raise TrainingError(
            f"a fleet trains in float32 or float64, got {batch.tokens.dtype}: the rounding analysis covers "
            "no other dtype. Make the data with one of them."
        )
    if (
        penalty.groups.matrices != structure.matrices
        or sum(penalty.groups.rows) != sum(structure.rows)
        or sum(penalty.groups.columns) != structure.width
    ):
        raise TrainingError(
            f"the penalty's groups must tile the content matrices, got {penalty.groups} for {structure}: "
            "they were made for another structure. Build the penalty from this one."
        )
    problem = prepare(batch, structure, dial=dial, rules=rules, loss=loss)
    shapes = (
        (structure.matrices, sum(structure.rows), structure.width),
        (structure.value_width, structure.width),
        (structure.classes, structure.value_width),
    )
    for name, shape in zip(NAMES, shapes, strict=True):
        weights = getattr(parameters, name)
        if (
            tuple(weights.shape) != (batch.layers, *shape)
            or weights.dtype != batch.tokens.dtype
            or weights.device != batch.tokens.device
            or not bool(torch.isfinite(weights).all())
        ):
            raise TrainingError(
                f"{name} must be finite {batch.tokens.dtype} {(batch.layers, *shape)} on "
                f"{batch.tokens.device}, got {weights.dtype} {tuple(weights.shape)} on {weights.device}: one "
                "layer of weights per layer of data. Use initialise(structure, seeds) with the data's dtype."
            )
    if not set(trainable) <= set(NAMES) or not set(record) <= {"norms", "losses"} or steps < 0:
        raise TrainingError(
            f"train needs trainable within {NAMES}, record within ('norms', 'losses') and steps >= 0, got "
            f"{tuple(trainable)}, {tuple(record)}, {steps}: anything else would be ignored. Correct the name."
        )
    if isinstance(optimiser.step, tuple) and len(optimiser.step) < steps:
        raise TrainingError(f"{steps} steps need {steps} step sizes, got {len(optimiser.step)}: none is repeated. Give more.")
    order = None
    if optimiser.minibatch is not None:
        if len(seeds) != batch.layers:
            raise TrainingError(
                f"minibatches need one seed for each of {batch.layers} layers, got {len(seeds)}: the order "
                "is part of a layer's trajectory. Pass seeds=."
            )
        order = minibatch_order(seeds, batch.tokens.shape[1], optimiser.minibatch, steps).to(batch.tokens.device)
    from checks import kernel
    from checks.kernel import gpu

    wanted = _backend.get()
    if wanted == "auto":
        wanted = "compiled" if batch.tokens.device.type == "cpu" else "triton"
    run, used = run_steps, "torch"
    if wanted == "compiled" and not kernel.refusal(problem, optimiser):
        run, used = kernel.run_steps, wanted
    elif wanted == "triton" and not gpu.refusal(problem, optimiser, penalty.groups):
        run, used = gpu.run_steps, wanted
    TRAINED_BY[used] += batch.layers
    with torch.no_grad(), one_thread():
        return run(parameters, problem, penalty, optimiser, steps, trainable, balls or Balls(), order, record)


def _cuts(structure: Structure, groups: Groups) -> dict[str, Groups]:
    """The groups of each trained matrix: those of the content are given, the others are whole."""
    s = structure
    return {"content": groups, "values": whole(s.value_width, s.width), "readout": whole(s.classes, s.value_width)}


def _radii(balls: Balls) -> dict[str, Ball | None]:
    values, readout = (None if radius is None else Ball(radius) for radius in (balls.values, balls.readout))
    return {"content": balls.content, "values": values, "readout": readout}


def into_balls(parameters: Parameters, balls: Balls, structure: Structure, groups: Groups) -> Parameters:
    """Weights to start from: a gradient bound that a ball gives must already hold for the first step."""
    cuts = _cuts(structure, groups)
    theta = {"content": parameters.content, "values": parameters.values[:, None], "readout": parameters.readout[:, None]}
    for name, ball in _radii(balls).items():
        if ball is not None:
            theta[name] = project(theta[name], ball, cuts[name])
    return Parameters(theta["content"], theta["values"][:, 0], theta["readout"][:, 0])


def run_steps(
    parameters: Parameters,
    problem: Problem,
    penalty: GroupPenalty,
    optimiser: Optimiser,
    steps: int,
    trainable: Sequence[str],
    balls: Balls,
    order: Tensor | None,
    record: Sequence[str],
) -> Run:
    """The backend boundary: checked inputs in, Run out; a compiled kernel replaces this function and no other."""
    s, device = problem.structure, problem.tokens.device
    cuts, radii = _cuts(s, penalty.groups), _radii(balls)
    initial = into_balls(parameters, balls, s, penalty.groups)
    theta = {"content": initial.content, "values": initial.values[:, None], "readout": initial.readout[:, None]}
    memory: dict[str, tuple[Tensor, ...]] = {}
    unit = prox_thresholds(penalty, 1.0, parameters.layers).to(device)
    watch = _Watch(problem, penalty.groups, theta["content"], steps, record)
    for index in range(steps):
        part = problem if order is None else problem.sequences(order[index])
        current = Parameters(theta["content"], theta["values"][:, 0], theta["readout"][:, 0])
        found = gradients(current, part, trainable, with_loss="losses" in record)
        eta = optimiser.size(index)
        for name in trainable:
            gradient = getattr(found, name)
            gradient = gradient if name == "content" else gradient[:, None]
            if name == "content" or optimiser.clip is not None:
                norms = group_norms(gradient, cuts[name])
                watch.gradient(norms, name)
                if optimiser.clip is not None:
                    gradient = scale_groups(gradient, (optimiser.clip / norms).clamp(max=1.0), cuts[name])
            direction, memory[name] = _direction(gradient, memory.get(name), optimiser, index)
            old = theta[name]
            if name == "content" and optimiser.subgradient:
                norms = group_norms(old, cuts[name])
                direction = direction + scale_groups(old, torch.where(norms > 0, unit / norms, 0.0), cuts[name])
            new = (old * (1 - eta * optimiser.decay) if optimiser.decay else old).sub(direction, alpha=eta)
            if name == "content" and not optimiser.subgradient:
                new = soft_threshold(new, eta * unit, cuts[name])
            watch.finite(new)
            ball = radii[name]
            if ball is not None:
                new = project(new, ball, cuts[name])
            if name == "content" and optimiser.spectral_radius is not None:
                left, singular, right = torch.linalg.svd(new, full_matrices=False)
                new = (left * singular.clamp(max=optimiser.spectral_radius)[..., None, :]) @ right
            theta[name] = new
        watch.state(index, theta, found.loss)
    watch.check()
    final = Parameters(theta["content"], theta["values"][:, 0], theta["readout"][:, 0])
    return watch.run(final, initial)


def _direction(
    gradient: Tensor, memory: tuple[Tensor, ...] | None, optimiser: Optimiser, index: int
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Direction v of the step, and the optimiser's memory after it."""
    if optimiser.rule == "sgd":
        return gradient, ()
    beta = optimiser.momentum
    if optimiser.rule == "adam":
        first, second = optimiser.betas
        zero = torch.zeros_like(gradient)
        m, square = memory or (zero, zero)
        m = first * m + (1 - first) * gradient
        square = second * square + (1 - second) * gradient.square()
        root = (square / (1 - second ** (index + 1))).sqrt() + optimiser.epsilon
        return m / (1 - first ** (index + 1)) / root, (m, square)
    fresh = 1 - beta if optimiser.rule == "ema" else 1.0
    m = gradient * fresh if memory is None else memory[0] * beta + gradient * fresh
    return m, (m,)


class _Watch:
    """Follows a run on the device: extinction, revival, gradient peaks, and the first non-finite number."""

    def __init__(self, problem: Problem, groups: Groups, content: Tensor, steps: int, record: Sequence[str]) -> None:
        self.groups, self.steps, layers = groups, steps, content.shape[0]
        dtype, device = problem.tokens.dtype, content.device
        # |s_ij| <= ||A|| X^2 / tau (||W_Q|| ||W_K|| for qk) and |z| <= ||U|| ||W_V|| X: below this limit no product on
        # the way to a score or an output overflows, which a softmax could turn into a silent 0
        span = problem.tokens.double().square().sum(-1).amax((1, 2)).clamp(min=1.0)
        self.limit = torch.finfo(dtype).max / 4 * min(1.0, problem.structure.temperature) / span
        self.bad = torch.full((layers,), -1, dtype=torch.int64, device=device)
        self.fine = torch.ones(layers, dtype=torch.bool, device=device)
        self.peak = torch.zeros(layers, *groups.shape, dtype=torch.float64, device=device)
        sizes = group_sums(content.double().abs(), groups)
        self.alive = sizes > 0
        self.last = torch.where(self.alive, 0, -1)
        self.revived = torch.zeros_like(self.alive)
        self.norms = [group_norms(content, groups)] if "norms" in record else None
        self.losses: list[Tensor] | None = [] if "losses" in record else None

    def gradient(self, norms: Tensor, name: str) -> None:
        """Peak of the content gradient; an overflowed norm would clip a gradient to zero without a word."""
        self.fine &= torch.isfinite(norms).flatten(1).all(1)
        if name == "content":
            self.peak = torch.maximum(self.peak, norms)

    def finite(self, weights: Tensor) -> None:
        """Weights before a projection, which would scale weights of infinite computed norm to a silent 0."""
        self.fine &= torch.isfinite(weights.double().square().flatten(1).sum(1))

    def state(self, index: int, theta: dict[str, Tensor], loss: Tensor | None) -> None:
        """Take note of the state after step `index`; look for trouble every 64 steps, as looking waits for a GPU."""
        content = theta["content"]
        sizes = group_sums(content.double().abs(), self.groups)
        self.fine &= sizes.sum((2, 3)).clamp(min=1.0).prod(1) < self.limit
        path = [theta[name].double().abs().sum((1, 2, 3)).clamp(min=1.0) for name in ("values", "readout")]
        self.fine &= path[0] * path[1] < self.limit
        alive = sizes > 0
        self.revived |= alive & ~self.alive
        self.last = torch.where(alive, index + 1, self.last)
        self.alive = alive
        if self.norms is not None:
            self.norms.append(group_norms(content, self.groups))
        if self.losses is not None and loss is not None:
            self.fine &= torch.isfinite(loss)
            self.losses.append(loss)
        self.bad = torch.where((self.bad < 0) & ~self.fine, index, self.bad)
        if index % 64 == 63:
            self.check()

    def check(self) -> None:
        """Raise if a layer has left the finite numbers, naming the first."""
        if bool((self.bad >= 0).any()):
            layer = int((self.bad >= 0).nonzero()[0, 0])
            raise TrainingError.not_finite(layer, int(self.bad[layer]))

    def run(self, final: Parameters, initial: Parameters) -> Run:
        """The record as a value."""
        extinct = torch.where(self.alive, -1, self.last + 1)
        empty = final.content.new_zeros(0, final.layers)  # no step, no loss
        losses = None if self.losses is None else torch.stack(self.losses) if self.losses else empty
        return Run(
            final,
            initial,
            self.groups,
            self.steps,
            extinct,
            self.revived,
            self.peak,
            None if self.norms is None else torch.stack(self.norms),
            losses,
        )


@dataclass(frozen=True)
class LocalistFleet:
    """A structure with its weights: `fleet.train(...)` and `fleet.attend(...)` without repeating them."""

    structure: Structure
    parameters: Parameters
    seeds: tuple[int, ...] = ()

    @classmethod
    def seeded(cls, structure: Structure, seeds: Sequence[int], **rest: Any) -> LocalistFleet:
        """A fresh fleet, one seed per layer; `rest` is for `initialise`."""
        return cls(structure, initialise(structure, seeds, **rest), tuple(seeds))

    def train(
        self,
        batch: Batch,
        penalty: GroupPenalty | None = None,
        optimiser: Optimiser | float = 0.1,
        steps: int = 100,
        **rest: Any,
    ) -> tuple[LocalistFleet, Run]:
        """The trained fleet and the run; `rest` is for `train`."""
        run = train(self.parameters, batch, self.structure, penalty, optimiser, steps, **{"seeds": self.seeds, **rest})
        return replace(self, parameters=run.parameters), run

    def attend(self, batch: Batch, *, dial: float | Tensor = 0.0, rules: Sequence[Rule] = ()) -> Capture:
        """One pass of the frozen fleet; see `attend`."""
        return attend(self.parameters, batch, self.structure, dial=dial, rules=rules)
