"""What the GPU kernel takes of a GPU, without one: compiled ahead of time and assembled, registers, spills and shared memory read off.

    python -m checks.kernel.ahead

prints them for both benchmark units, as `Resources`. Triton brings its own assembler; its version decides the figures.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from checks.data import synthetic
from checks.kernel import gpu
from checks.layer import Structure, equal_blocks
from checks.penalty import Ball, off_block_penalty
from checks.training import NAMES, Balls, Loss, Optimiser, adam, ema, failing_subgradient, initialise, prepare, sgd

__all__ = ["Resources", "resources"]

CAPABILITY = 90
"""The GPU compiled for: compute capability 9.0, H100 and H200."""
POINTERS = {torch.float32: "*fp32", torch.float64: "*fp64", torch.int32: "*i32", torch.int64: "*i64"}


@dataclass(frozen=True)
class Resources:
    """What one program takes: threads, registers a thread, bytes a thread spilled to memory, bytes of shared memory."""

    threads: int
    registers: int
    spilled: int
    shared: int


def resources(
    structure: Structure,
    tokens: int,
    optimiser: Optimiser,
    dtype: torch.dtype = torch.float32,
    *,
    target: str = "mixture",
    loss: Loss = "cross-entropy",
    balls: Balls | None = None,
    record: Sequence[str] = (),
) -> Resources:
    """Compile a variant for compute capability 9.0 and assemble it. Needs Triton, not interpreted, and no GPU."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from checks.kernel.device import train_layers

    batch = synthetic(structure.features, [0], sequences=2, tokens=tokens, target=target, dtype=dtype)
    problem, held = prepare(batch, structure, loss=loss), balls or Balls()
    penalty = off_block_penalty(structure, 0.1)
    start = initialise(structure, [0], dtype=dtype)
    shape = gpu.shape_of(structure, penalty.groups, tokens, optimiser, dtype)
    tensors, sizes = gpu.arguments(start, problem, penalty, optimiser, 2, held, None, record)
    constants = gpu.variant(problem, optimiser, NAMES, held, record, shape)
    kinds: dict[str, str] = {name: POINTERS[tensor.dtype] for name, tensor in tensors.items()}
    kinds |= dict.fromkeys(sizes, "i32") | dict.fromkeys(constants, "constexpr")
    # torch allocates on boundaries of 16 bytes, which the launcher tells the compiler as well
    aligned: dict[Any, Any] = {
        (index,): [["tt.divisibility", 16]] for index, name in enumerate(train_layers.arg_names) if name in tensors
    }
    source = ASTSource(train_layers, {name: kinds[name] for name in train_layers.arg_names}, constants, aligned)
    made = triton.compile(source, target=GPUTarget("cuda", CAPABILITY, 32), options={"num_warps": shape.warps, **gpu.OPTIONS})
    return Resources(32 * shape.warps, *_assembled(made.asm["ptx"]), made.metadata.shared)


def _assembled(ptx: str) -> tuple[int, int]:
    """Registers and spilled bytes a thread, as Triton's own ptxas reports them."""
    from triton.backends.nvidia.compiler import get_ptxas

    found = re.search(r"^\.target (\w+)", ptx, re.MULTILINE)
    assert found is not None
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "kernel.ptx"
        text.write_text(ptx, encoding="utf-8")
        command = [get_ptxas(CAPABILITY).path, "-v", f"--gpu-name={found[1]}", str(text), "-o", os.devnull]
        report = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stderr
    registers, spilled = re.search(r"Used (\d+) registers", report), re.search(r"(\d+) bytes spill stores", report)
    assert registers is not None
    assert spilled is not None
    return int(registers[1]), int(spilled[1])


def main() -> None:
    """Print the resources of the variants named, or of all, as JSON."""
    small, large, plain, both = equal_blocks(4, 16, 8), equal_blocks(8, 64, 16), sgd(0.1), ("norms", "losses")
    held, apart = Balls(Ball(1.0), 1.0, 1.0), Balls(Ball(1.0, "group"))
    variants: dict[str, Callable[[], Resources]] = {
        "small": partial(resources, small, 16, plain),
        "large": partial(resources, large, 64, plain),
        "small, Adam": partial(resources, small, 16, adam(0.1)),
        "large, Adam": partial(resources, large, 64, adam(0.1)),
        "small, bilinear": partial(resources, equal_blocks(4, 16), 16, plain),
        "large, bilinear": partial(resources, equal_blocks(8, 64), 64, plain),
        "small, float64": partial(resources, small, 16, plain, torch.float64),
        # what the others leave out of the kernel: with them every line of it is compiled
        "most, Q/K": partial(resources, small, 16, adam(0.1, clip=1.0, decay=0.1), target="soft", balls=held, record=both),
        "most, bilinear": partial(resources, equal_blocks(4, 16), 16, failing_subgradient(0.1), balls=apart, record=both),
        "squared": partial(
            resources, equal_blocks(4, 16, classes=16), 16, ema(0.1), target="vector", loss="squared", record=both
        ),
    }
    print(json.dumps({name: asdict(variants[name]()) for name in sys.argv[1:] or variants}, indent=1))


if __name__ == "__main__":
    main()
