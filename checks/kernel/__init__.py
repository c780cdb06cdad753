"""The compiled fleet: `train` on the CPU, one layer per thread, the whole run in cache. Optional; torch does the same without it.

`fleet.c` has the algebra, this module its arguments. The extension is compiled when the package is installed, where there is a
compiler; `why_not()` says what is missing where it is not there, and `refusal(...)` which variants it leaves to torch.
"""

from __future__ import annotations

import ctypes
import importlib.util
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from checks.layer import Parameters
from checks.penalty import GroupPenalty, Groups, prox_thresholds
from checks.training import NAMES, Balls, Optimiser, Problem, Run, TrainingError, into_balls

__all__ = ["refusal", "run_steps", "why_not"]

_RULES = {"sgd": 0, "ema": 1, "heavy-ball": 2, "adam": 3}
_INTEGERS = (
    "layers", "sequences", "tokens", "width", "matrices", "rows", "values", "classes", "row_blocks", "column_blocks", "steps", "batch",
    "rule", "loss", "subgradient", "ball_per_group", "record_norms", "record_losses",
)  # fmt: skip
_NUMBERS = ("temperature", "clip", "momentum", "beta1", "beta2", "epsilon", "decay", "reals_max", "value_ball", "readout_ball")
_ARRAYS = (
    "content_ball", "step", "row_sizes", "column_sizes", "thresholds", "order", "x", "bias", "goal", "share",
    "content", "value", "readout", "last", "revived", "bad", "peak", "norms", "losses",
)  # fmt: skip


class _Job(ctypes.Structure):
    """`Job` of fleet.c, field by field."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in _INTEGERS),
        ("trains", ctypes.c_int64 * 3),
        *((name, ctypes.c_double) for name in _NUMBERS),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    ]


@cache
def library() -> ctypes.CDLL | None:
    """The compiled extension, or None where it was not built."""
    found = importlib.util.find_spec("checks.kernel._fleet")
    if found is None or found.origin is None:
        return None
    pointer, whole_number = ctypes.c_void_p, ctypes.c_int64
    try:
        loaded = ctypes.CDLL(found.origin)
        for name in ("localist_train_f32", "localist_train_f64"):
            function = getattr(loaded, name)
            function.argtypes, function.restype = (ctypes.POINTER(_Job), whole_number, whole_number), whole_number
        loaded.localist_exp.argtypes, loaded.localist_exp.restype = (pointer, whole_number, pointer), None
        loaded.localist_row_sums.argtypes = (pointer, pointer, pointer, whole_number, whole_number, pointer)
        loaded.localist_row_sums.restype = whole_number
        loaded.localist_peak_f32.argtypes, loaded.localist_peak_f32.restype = (whole_number,), ctypes.c_double
        loaded.localist_vector_bytes.restype = loaded.localist_job_bytes.restype = whole_number
    except (OSError, AttributeError):  # not for this machine, or compiled from other sources
        return None
    return loaded if loaded.localist_job_bytes() == ctypes.sizeof(_Job) else None


def why_not() -> str:
    """Why the compiled fleet cannot be used here; "" when it can."""
    if library() is not None:
        return ""
    return "the extension was not compiled, or from other sources (install a C compiler, then install Localist again)"


def refusal(problem: Problem, optimiser: Optimiser) -> str:
    """Why a run is left to torch; "" when the kernel takes it."""
    if problem.tokens.device.type != "cpu":
        return "the compiled fleet runs on the CPU"
    if optimiser.spectral_radius is not None:
        return "spectral clipping needs singular values, which the compiled fleet does not compute"
    if optimiser.subgradient and optimiser.rule != "sgd":
        return "the compiled fleet has the subgradient variant for plain gradient steps only"
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
    threads: int = 1,
) -> Run:
    """`checks.training.run_steps` in compiled code, layers spread over `threads`; layer k has the same bits in every fleet.

    Raises TrainingError as torch does, and for a run that `refusal` names.
    """
    reason, loaded = refusal(problem, optimiser), library()
    if reason or loaded is None:
        raise TrainingError(f"the compiled fleet cannot run this: {reason}. Use backend='torch'.")
    s, groups, layers = problem.structure, penalty.groups, parameters.layers
    dtype = problem.tokens.dtype
    initial = into_balls(parameters, balls, s, groups)
    final = Parameters(*(part.clone().contiguous() for part in (initial.content, initial.values, initial.readout)))

    shape = (layers, *groups.shape)
    radius = math.inf if balls.content is None else balls.content.radius
    arrays: dict[str, Tensor | None] = {
        "content_ball": torch.tensor(radius if isinstance(radius, tuple) else (radius,) * s.matrices, dtype=torch.float64),
        "step": torch.tensor([optimiser.size(index) for index in range(steps)], dtype=torch.float64),
        "row_sizes": torch.tensor(groups.rows),
        "column_sizes": torch.tensor(groups.columns),
        "thresholds": prox_thresholds(penalty, 1.0, layers).contiguous(),
        "order": None if order is None else order.contiguous(),
        "x": problem.tokens.contiguous(),
        "bias": problem.row_bias.contiguous(),
        "goal": _goal(problem).to(dtype).contiguous(),
        "share": (
            torch.ones_like(problem.tokens[..., 0]) if problem.present is None else problem.present.to(dtype)
        ).contiguous(),
        "content": final.content,
        "value": final.values,
        "readout": final.readout,
        "last": torch.empty(shape, dtype=torch.int64),
        "revived": torch.empty(shape, dtype=torch.int64),
        "bad": torch.empty(layers, dtype=torch.int64),
        "peak": torch.zeros(shape, dtype=torch.float64),
        "norms": torch.zeros(steps + 1, *shape, dtype=torch.float64) if "norms" in record else None,
        "losses": torch.zeros(steps, layers, dtype=torch.float64) if "losses" in record else None,
    }
    _, sequences, tokens, width = problem.tokens.shape
    job = _Job(
        layers=layers, sequences=sequences, tokens=tokens, width=width, matrices=s.matrices, rows=sum(s.rows), values=s.value_width,
        classes=s.classes, row_blocks=len(groups.rows), column_blocks=len(groups.columns), steps=steps,
        batch=sequences if order is None else order.shape[2], rule=_RULES[optimiser.rule],
        loss=0 if problem.targets.ndim == 3 else 2 if problem.loss == "squared" else 1, subgradient=optimiser.subgradient,
        ball_per_group=balls.content is not None and balls.content.per == "group", record_norms="norms" in record,
        record_losses="losses" in record, trains=tuple(name in trainable for name in NAMES), temperature=s.temperature,
        clip=math.inf if optimiser.clip is None else optimiser.clip, momentum=optimiser.momentum, beta1=optimiser.betas[0],
        beta2=optimiser.betas[1], epsilon=optimiser.epsilon, decay=optimiser.decay, reals_max=float(torch.finfo(dtype).max),
        value_ball=math.inf if balls.values is None else balls.values, readout_ball=math.inf if balls.readout is None else balls.readout,
        **{name: None if array is None else array.data_ptr() for name, array in arrays.items()},
    )  # fmt: skip
    function = loaded.localist_train_f32 if dtype == torch.float32 else loaded.localist_train_f64
    cuts = np.linspace(0, layers, min(threads, layers) + 1).astype(int).tolist()
    with ThreadPoolExecutor(max_workers=threads) as pool:  # ctypes gives up the lock while the kernel runs
        done = list(pool.map(lambda ends: function(ctypes.byref(job), *ends), pairwise(cuts)))
    if not all(done):
        raise MemoryError("the compiled fleet could not get its working memory: train fewer tokens or features at a time")
    return _run(arrays, initial, final, groups=penalty.groups, steps=steps, dtype=dtype)


def _goal(problem: Problem) -> Tensor:
    """Targets as one number per class: an indicator, a distribution or a vector."""
    if problem.targets.ndim == 3:
        return torch.nn.functional.one_hot(problem.targets, problem.structure.classes)
    return problem.targets


def _run(
    arrays: dict[str, Tensor | None], initial: Parameters, final: Parameters, *, groups: Groups, steps: int, dtype: torch.dtype
) -> Run:
    found = {name: array for name, array in arrays.items() if array is not None}
    bad = found["bad"]
    if bool((bad >= 0).any()):
        layer = int((bad >= 0).nonzero()[0, 0])
        raise TrainingError.not_finite(layer, int(bad[layer]))
    last = found["last"]
    return Run(
        final,
        initial,
        groups,
        steps,
        torch.where(last == steps, -1, last + 1),
        found["revived"].bool(),
        found["peak"],
        found.get("norms"),
        found["losses"].to(dtype) if "losses" in found else None,
    )
