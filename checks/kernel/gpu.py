"""The fleet in one GPU kernel: `train` with one program per layer and one launch per run. Optional; torch does the same without it.

`device.py` has the algebra, this module its arguments. `why_not()` says why the kernel is not there, and `refusal(...)` which runs it
leaves to the batched torch fleet: variants that it does not have, and layers whose state is too large for one program.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from checks.layer import Parameters, Structure
from checks.penalty import GroupPenalty, Groups, group_norms, prox_thresholds
from checks.training import NAMES, Balls, Optimiser, Problem, Run, TrainingError, into_balls

__all__ = ["Shape", "refusal", "run_steps", "shape_of", "why_not"]

RULES = {"sgd": 0, "ema": 1, "heavy-ball": 2, "adam": 3}
# nothing is fetched ahead, as every product waits for the one before; with no number given, the assembler spills to fit more programs
OPTIONS = {"num_stages": 1, "maxnreg": 255}
MEMORIES = {"sgd": 0, "ema": 1, "heavy-ball": 1, "adam": 2}
LARGEST = {torch.float32: 64, torch.float64: 32}
"""Padded tokens, width and values up to which a layer fits: larger ones would spill registers."""


@dataclass(frozen=True)
class Shape:
    """Padded sizes of a layer, powers of two: what the kernel is compiled for."""

    queries: int  # taken at a time
    tokens: int
    values: int
    classes: int
    row_blocks: int
    row_width: int
    column_blocks: int
    column_width: int
    warps: int


@cache
def why_not() -> str:
    """Why the GPU kernel cannot be used here; "" when it can."""
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed (on Linux: pip install 'localist[gpu]')"
    if not torch.cuda.is_available() and not interpreted():
        return "Triton needs a CUDA device (or TRITON_INTERPRET=1, which runs the kernel on the CPU, slowly)"
    import triton

    if tuple(int(part) for part in triton.__version__.split(".")[:2]) < (3, 6):
        return f"the GPU kernel needs Triton 3.6 or newer, found {triton.__version__}"
    return ""


def interpreted() -> bool:
    """Whether Triton's interpreter runs the kernel, on the CPU."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "on", "y", "yes")


def _power(count: int, least: int = 1) -> int:
    """The least power of two that is at least count and least."""
    return max(1 << (count - 1).bit_length(), least)


def shape_of(structure: Structure, groups: Groups, tokens: int, optimiser: Optimiser, dtype: torch.dtype) -> Shape:
    """What a layer is padded to; 16 is the least size of a product."""

    def blocks(sizes: tuple[int, ...]) -> tuple[int, int]:
        count = _power(len(sizes))
        return count, _power(max(sizes), max(1, 16 // count))

    padded = _power(tokens, 16)
    (row_blocks, row_width), (column_blocks, column_width) = blocks(groups.rows), blocks(groups.columns)
    largest = max(padded, row_blocks * row_width, column_blocks * column_width)
    small = 1 if optimiser.rule != "adam" and dtype == torch.float32 else 2
    warps = small if largest <= 16 else 4 if largest <= 32 else 8
    return Shape(
        min(padded, 16),
        padded,
        _power(structure.value_width, 16),
        _power(structure.classes, 16),
        row_blocks,
        row_width,
        column_blocks,
        column_width,
        warps,
    )


def refusal(problem: Problem, optimiser: Optimiser, groups: Groups) -> str:
    """Why a run is left to torch; "" when the kernel takes it."""
    if optimiser.spectral_radius is not None:
        return "spectral clipping needs singular values, which the GPU kernel does not compute"
    if problem.tokens.device.type != "cuda" and not interpreted():
        return "the GPU kernel runs on a CUDA device"
    shape, most = (
        shape_of(problem.structure, groups, problem.tokens.shape[2], optimiser, problem.tokens.dtype),
        LARGEST[problem.tokens.dtype],
    )
    sizes = {
        "tokens": shape.tokens,
        "rows": shape.row_blocks * shape.row_width,
        "width": shape.column_blocks * shape.column_width,
        "values": shape.values,
        "classes": shape.classes,
    }
    if max(sizes.values()) > most:
        name = max(sizes, key=lambda key: sizes[key])
        return f"the GPU kernel keeps a layer on chip, which {sizes[name]} padded {name} are too many for (at most {most})"
    return why_not()


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
    """`checks.training.run_steps` in one launch, one program per layer; layer k has the same bits in every fleet.

    Raises TrainingError as torch does, and for a run that `refusal` names.
    """
    s, groups, layers = problem.structure, penalty.groups, parameters.layers
    reason = refusal(problem, optimiser, groups)
    if reason:
        raise TrainingError(f"the GPU kernel cannot run this: {reason}. Use backend='torch'.")
    from checks.kernel.device import train_layers

    initial = into_balls(parameters, balls, s, groups)
    shape = shape_of(s, groups, problem.tokens.shape[2], optimiser, problem.tokens.dtype)
    tensors, sizes = arguments(initial, problem, penalty, optimiser, steps, balls, order, record)
    if layers:
        constants = variant(problem, optimiser, trainable, balls, record, shape)
        train_layers[(layers,)](**tensors, **sizes, **constants, num_warps=shape.warps, **OPTIONS)
    return _run(tensors, initial, s, groups=groups, shape=shape, steps=steps, record=record)


def arguments(
    weights: Parameters,
    problem: Problem,
    penalty: GroupPenalty,
    optimiser: Optimiser,
    steps: int,
    balls: Balls,
    order: Tensor | None,
    record: Sequence[str],
) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Padded tensors, on the device of the problem, and sizes that the kernel is called with."""
    s, groups, device, dtype = problem.structure, penalty.groups, problem.tokens.device, problem.tokens.dtype
    layers, sequences, tokens, _ = problem.tokens.shape
    shape = shape_of(s, groups, tokens, optimiser, dtype)
    rows, columns = (
        (groups.rows, shape.row_blocks, shape.row_width),
        (groups.columns, shape.column_blocks, shape.column_width),
    )

    def there(numbers: Any) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float64).to(device)

    def cells(numbers: Tensor) -> Tensor:
        return _padded(_padded(numbers, -2, shape.row_blocks), -1, shape.column_blocks)

    first = (
        _in_blocks(_in_blocks(weights.content, -2, *rows), -1, *columns),
        _in_blocks(_padded(weights.values, -2, shape.values), -1, *columns),
        _padded(_padded(weights.readout, -2, shape.classes), -1, shape.values),
    )
    present = torch.ones_like(problem.tokens[..., 0]) if problem.present is None else problem.present.to(dtype)
    counts = present.double().sum(2)  # [L, S]
    if order is None:
        chosen, mean = torch.arange(sequences, device=device), 1 / counts.sum(1).clamp(min=1.0)[None]
    else:
        chosen, mean = order.contiguous(), 1 / torch.take_along_dim(counts[None], order, 2).sum(2).clamp(min=1.0)
    classes = problem.targets.ndim == 3
    goal = torch.nn.functional.one_hot(problem.targets, s.classes) if classes else problem.targets
    x = _padded(_in_blocks(problem.tokens, -1, *columns), -2, shape.tokens)
    # the rows of A act on tokens, which are then laid out as those rows are
    x_rows = x if rows == columns or s.matrices == 2 else _padded(_in_blocks(problem.tokens, -1, *rows), -2, shape.tokens)
    beta1, beta2 = optimiser.betas
    span = problem.tokens.double().square().sum(-1).amax((1, 2)).clamp(min=1.0)
    alive = cells(group_norms(weights.content, groups))
    norms = torch.empty((steps + 1, *alive.shape) if "norms" in record else 1, dtype=torch.float64, device=device)
    norms[0] = alive if "norms" in record else 0.0
    found = {
        **dict(zip(NAMES, first, strict=True)),
        **{
            f"{name}{number}": torch.zeros_like(part) if number <= MEMORIES[optimiser.rule] else part.new_zeros(1)
            for number in (1, 2)
            for name, part in zip(NAMES, first, strict=True)
        },
        "x": x,
        "x_rows": x_rows,
        "bias": _padded(_padded(problem.row_bias, -2, shape.tokens), -1, shape.tokens, -math.inf),
        "goal": _padded(_padded(goal.to(dtype), -1, shape.classes), -2, shape.tokens),
        "share": _padded(present, -1, shape.tokens),
        "mean": mean,
        "order": chosen,
        "units": cells(prox_thresholds(penalty, 1.0, layers).to(device)),
        "radii": there(_radii(balls, s, torch.finfo(dtype).eps / 2)),
        "etas": there([optimiser.size(index) for index in range(steps)]),
        "corrections": there([[1 - beta1 ** (index + 1), 1 - beta2 ** (index + 1)] for index in range(steps)]),
        "numbers": there(_numbers(s, optimiser)),
        "limits": torch.finfo(dtype).max / 4 * min(1.0, s.temperature) / span,
        "last": torch.where(alive > 0, 0, -1).int(),
        "revived": torch.zeros_like(alive, dtype=torch.int32),
        "bad": torch.empty(layers, dtype=torch.int32, device=device),
        "peak": torch.zeros_like(alive),
        "norms": norms,
        "losses": torch.empty((steps, layers) if "losses" in record else 1, dtype=torch.float64, device=device),
    }  # fmt: skip
    sizes = {
        "layers": layers, "sequences": sequences, "tokens": tokens, "classes": s.classes, "batch": chosen.shape[-1], "steps": steps,
        "order_step": 0 if order is None else layers * chosen.shape[2], "order_layer": 0 if order is None else chosen.shape[2],
        "mean_step": 0 if order is None else layers,
    }  # fmt: skip
    return {name: tensor.contiguous() for name, tensor in found.items()}, sizes


def variant(
    problem: Problem, optimiser: Optimiser, trainable: Sequence[str], balls: Balls, record: Sequence[str], shape: Shape
) -> dict[str, Any]:
    """What the kernel is compiled for."""
    per = {"matrix": 1, "group": 2}
    return {
        "QK": problem.structure.matrices == 2,
        "LOSS": 0 if problem.targets.ndim == 3 else 2 if problem.loss == "squared" else 1,
        "RULE": RULES[optimiser.rule],
        "CLIP": optimiser.clip is not None,
        "DECAY": optimiser.decay != 0,
        "SUBGRADIENT": optimiser.subgradient,
        "CONTENT_BALL": 0 if balls.content is None else per[balls.content.per],
        "VALUE_BALL": int(balls.values is not None),
        "READOUT_BALL": int(balls.readout is not None),
        **{f"TRAINS_{name.upper()}": name in trainable for name in NAMES},
        "WITH_NORMS": "norms" in record,
        "WITH_LOSS": "losses" in record,
        "QT": shape.queries,
        "TP": shape.tokens,
        "EP": shape.values,
        "CP": shape.classes,
        "RB": shape.row_blocks,
        "RW": shape.row_width,
        "CB": shape.column_blocks,
        "CW": shape.column_width,
    }


def _padded(part: Tensor, axis: int, size: int, filler: float = 0.0) -> Tensor:
    """The same with an axis filled up to a size."""
    shape = list(part.shape)
    shape[axis] = size - shape[axis]
    return torch.cat([part, part.new_full(shape, filler)], axis)


def _places(sizes: tuple[int, ...], width: int, device: torch.device) -> Tensor:
    """Where each row or column goes when every block takes `width`."""
    return torch.cat([torch.arange(size) + block * width for block, size in enumerate(sizes)]).to(device)


def _in_blocks(part: Tensor, axis: int, sizes: tuple[int, ...], blocks: int, width: int) -> Tensor:
    """The same with each block of an axis filled up to a width with zeros, and zero blocks at the end."""
    shape = list(part.shape)
    shape[axis] = blocks * width
    return part.new_zeros(shape).index_copy(axis, _places(sizes, width, part.device), part)


def _numbers(s: Structure, optimiser: Optimiser) -> list[float]:
    """The constants of a run, in the order in which device.py reads them."""
    momentum, (beta1, beta2) = optimiser.momentum, optimiser.betas
    fresh = 1 - momentum if optimiser.rule == "ema" else 1.0
    clip = math.inf if optimiser.clip is None else optimiser.clip
    step = [momentum, fresh, beta1, 1 - beta1, beta2, 1 - beta2, optimiser.epsilon, optimiser.decay]
    return [1 / s.temperature, clip, *step]


def _radii(balls: Balls, s: Structure, roundoff: float) -> list[float]:
    """What computed norms of W_Q (or A), W_K, W_V and U are held to, so that the floats lie in the ball; see penalty.project."""
    given = math.inf if balls.content is None else balls.content.radius
    content = given if isinstance(given, tuple) else (given,) * s.matrices

    def short(radius: float | None, height: int, width: int) -> float:
        return math.inf if radius is None else radius * (1 - 4 * roundoff - (height * width + 8) * 2.0**-53)

    rows = sum(s.rows)
    return [
        short(content[0], rows, s.width),
        short(content[-1], rows, s.width),
        short(balls.values, s.value_width, s.width),
        short(balls.readout, s.classes, s.value_width),
    ]


def _run(
    found: dict[str, Tensor],
    initial: Parameters,
    s: Structure,
    *,
    groups: Groups,
    shape: Shape,
    steps: int,
    record: Sequence[str],
) -> Run:
    """The padded record as a value."""
    bad = found["bad"]
    if bool((bad >= 0).any()):
        layer = int((bad >= 0).nonzero()[0, 0])
        raise TrainingError.not_finite(layer, int(bad[layer]))
    rows, columns = (
        _places(sizes, width, bad.device)
        for sizes, width in ((groups.rows, shape.row_width), (groups.columns, shape.column_width))
    )
    final = Parameters(
        found["content"].index_select(-2, rows).index_select(-1, columns),
        found["values"][:, : s.value_width].index_select(-1, columns),
        found["readout"][:, : s.classes, : s.value_width].clone(),
    )
    last, revived, peak = (found[name][..., : len(groups.rows), : len(groups.columns)] for name in ("last", "revived", "peak"))
    norms = found["norms"][..., : len(groups.rows), : len(groups.columns)] if "norms" in record else None
    return Run(
        final,
        initial,
        groups,
        steps,
        torch.where(last == steps, -1, last + 1).long(),
        revived.bool(),
        peak.clone(),
        norms,
        found["losses"].to(final.content.dtype) if "losses" in record else None,
    )
