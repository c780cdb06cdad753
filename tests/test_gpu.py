"""The GPU kernel: the same training as torch's within the derived rounding bound. On the CPU Triton's interpreter runs it."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import flint
import pytest
import torch

if not torch.cuda.is_available():  # before Triton is imported: it looks once
    os.environ["TRITON_INTERPRET"] = "1"

from fleet_variants import (
    BOUNDED,
    VARIANTS,
    every_bounded,
    every_form,
    extras,
    same_zeros,
    scene,
    step_within_the_bound,
    trained,
)
from pretend_gpu import pretend_gpu

from checks.data import Batch, synthetic
from checks.kernel import gpu
from checks.kernel.rounding import EXP
from checks.layer import Structure
from checks.penalty import column_penalty, group_norms, off_block_penalty, uniform_penalty
from checks.training import (
    NAMES,
    TRAINED_BY,
    Balls,
    TrainingError,
    backend,
    failing_spectral_clipping,
    initialise,
    pick_backend,
    prepare,
    sgd,
    train,
)

there = importlib.util.find_spec("triton") is not None
here = pytest.mark.skipif(not there and not os.environ.get("CI"), reason="Triton is not installed (in CI that fails)")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LAYERS, SEQUENCES, STEPS = 2, 2, 4


def small_scene(
    name: str, head: int, dtype: torch.dtype, causal: bool = False, layers: int = LAYERS
) -> tuple[Structure, Batch]:
    """Less than the compiled fleet is tested on: the interpreter needs a twentieth of a second for a step of a layer."""
    structure, batch = scene(name, head, dtype, causal, layers, SEQUENCES)
    return structure, batch.to(DEVICE)


@here
@every_form
@pytest.mark.parametrize("name", VARIANTS)
def test_zeros_are_the_same_at_the_same_step(name: str, head: int):
    same_zeros("triton", name, *small_scene(name, head, torch.float32, layers=1), steps=STEPS, weight=2.0)


@here
@every_form
def test_zeros_are_the_same_in_float64(head: int):
    same_zeros("triton", "plain", *small_scene("plain", head, torch.float64, layers=1), steps=STEPS, weight=2.0)


@here
@every_form
@every_bounded
def test_one_step_is_within_the_derived_rounding_bound(name: str, head: int):
    step_within_the_bound("triton", name, *small_scene(name, head, torch.float32, causal=True))


@here
@every_form
@pytest.mark.parametrize("name", ["plain", "squared loss", "Adam", "balls"])
def test_one_step_in_float64_is_within_the_bound(name: str, head: int):
    assert name in BOUNDED
    step_within_the_bound("triton", name, *small_scene(name, head, torch.float64, causal=True))


@here
@every_form
def test_blocks_of_any_size_padding_and_two_tiles_of_queries(head: int):
    """Sizes that are no powers of two; a row block padded to more than a column block; queries that are no tokens."""
    sizes = {"heads": (1, 3, 2), "parametrisation": "qk"} if head else {}
    structure = Structure(features=(3, 5, 4), classes=5, value_width=7, causal=True, **sizes)  # type: ignore[arg-type]
    batch = synthetic(structure.features, range(LAYERS), sequences=3, tokens=21, leak=0.05, causal=True)
    present = torch.ones(LAYERS, 3, 21, dtype=torch.bool)
    present[0, 1, 15:] = present[1, 2, 3:] = False
    batch = replace(batch, present=present).to(DEVICE)
    step_within_the_bound("triton", "plain", structure, batch)
    start = initialise(structure, range(LAYERS), device=DEVICE)
    for penalty in (off_block_penalty(structure, 0.3), column_penalty(structure, 0.3)):
        runs = []
        for which in ("torch", "triton"):
            with backend(which):  # type: ignore[arg-type]
                runs.append(train(start, batch, structure, penalty, sgd(0.25, minibatch=2), 2, seeds=range(LAYERS)))
        assert torch.equal(runs[0].extinct_at, runs[1].extinct_at)
        assert torch.equal(runs[0].parameters.content == 0, runs[1].parameters.content == 0)
        for part in NAMES:
            assert torch.allclose(getattr(runs[0].parameters, part), getattr(runs[1].parameters, part), rtol=0, atol=1e-5)


@here
def test_a_layer_has_the_same_bits_alone_and_in_a_fleet():
    structure, batch = small_scene("plain", 8, torch.float32)
    start, penalty = initialise(structure, range(LAYERS), device=DEVICE), off_block_penalty(structure, 0.05)
    with backend("triton"):
        fleet = train(start, batch, structure, penalty, sgd(0.25), 3)
        alone = train(start.layer(1), batch.layer(1), structure, penalty, sgd(0.25), 3)
    for part in NAMES:
        assert torch.equal(getattr(fleet.parameters, part)[1], getattr(alone.parameters, part)[0])


@here
def test_balls_hold_exactly_and_zeros_are_positive():
    run = trained("triton", "balls", *small_scene("balls", 8, torch.float32), steps=STEPS, penalty=5.0)
    content = run.parameters.content
    assert bool((group_norms(content, run.groups).square().sum((2, 3)).sqrt() <= 1.5).all())
    zeros = content[content == 0]
    assert len(zeros)
    assert not bool(torch.signbit(zeros).any()), "-0.0 is not the zero that the prox gives"


@here
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the interpreter's numpy, which overflows as it should
def test_a_run_that_leaves_the_finite_numbers_is_stopped_and_named():
    structure, batch = small_scene("plain", 0, torch.float32)
    start = initialise(structure, range(LAYERS), device=DEVICE)
    start.values[1, 0, 0] = 3e38
    with backend("triton"), pytest.raises(TrainingError, match=r"layer 1 did not at step 0 \(counted from 0\)"):
        train(start, batch, structure, None, sgd(0.25), 2)


@here
def test_what_the_kernel_leaves_to_torch_is_trained_by_torch():
    structure, batch = small_scene("plain", 8, torch.float32)
    problem, penalty = prepare(batch, structure), uniform_penalty(structure, 0.1)
    clipped = failing_spectral_clipping(0.25, 0.5)
    assert "singular values" in gpu.refusal(problem, clipped, penalty.groups)
    assert gpu.refusal(problem, sgd(0.25), penalty.groups) == ""
    long = replace(problem, tokens=torch.zeros(1, 1, 65, 16, device=DEVICE))
    assert "128 padded tokens" in gpu.refusal(long, sgd(0.25), penalty.groups)
    before = TRAINED_BY.copy()
    start = initialise(structure, range(LAYERS), device=DEVICE)
    with backend("triton"):
        train(start, batch, structure, penalty, clipped, 1)
    assert dict(TRAINED_BY - before) == {"torch": LAYERS}
    with pytest.raises(TrainingError, match="the GPU kernel cannot run this: spectral clipping"):
        gpu.run_steps(start, problem, penalty, clipped, 1, (), None, None, ())  # type: ignore[arg-type]


@here
@pytest.mark.skipif(DEVICE == "cuda", reason="with a real GPU every test of this file does this")
@pytest.mark.parametrize("name", ["minibatch", "balls", "soft targets"])
def test_the_kernel_gets_and_gives_tensors_on_a_gpu(name: str):
    structure, batch = scene(name, 8, torch.float32, layers=1, sequences=2)
    start = initialise(structure, range(1))
    with pretend_gpu(), mock.patch.object(gpu, "why_not", return_value=""):
        before = TRAINED_BY.copy()
        assert pick_backend("auto", "cuda") == "triton"
        penalty = off_block_penalty(structure, 0.15)
        run = train(
            start.to("cuda"),
            batch.to("cuda"),
            structure,
            penalty,
            VARIANTS[name][0],
            1,
            record=("norms", "losses"),
            **extras(name, 1),
        )
        assert dict(TRAINED_BY - before) == {"triton": 1}
        found = [run.extinct_at, run.revived, run.gradient_peak, run.norms, run.losses]
        for tensor in (*found, *(getattr(run.parameters, part) for part in NAMES)):
            assert tensor is not None
            assert tensor.is_cuda
        assert not torch.equal(run.parameters.content, run.initial.content), "nothing was trained"
        problem = prepare(batch.to("cuda"), structure)
        given, _ = gpu.arguments(run.initial, problem, penalty, VARIANTS[name][0], 1, Balls(), None, ("norms",))
        assert [key for key, tensor in given.items() if not tensor.is_cuda] == [], "a real launch refuses pointers to the host"


@here
def test_the_kernel_compiles_in_every_part_and_spills_nothing(tmp_path: Path):
    """Compiled for compute capability 9.0 without a GPU; 227 KiB of shared memory and 65,536 registers is what a multiprocessor has."""
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    names = ["small", "large", "most, Q/K", "most, bilinear", "squared"]
    environment |= {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "checks.kernel.ahead", *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == names
    for name, took in found.items():
        assert took["spilled"] == 0, f"{name}: {took}"
        assert took["threads"] * took["registers"] <= 65536, f"{name}: {took}"
        assert 0 < took["shared"] <= 227 * 1024, f"{name}: {took}"


def test_without_triton_torch_trains_on_a_gpu_and_a_request_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu, "why_not", lambda: "Triton is not installed (on Linux: pip install 'localist[gpu]')")
    assert pick_backend("auto", "cuda") == "torch"
    with pytest.raises(TrainingError, match=r"got 'triton': Triton is not installed \(on Linux: pip install"):
        pick_backend("triton", "cuda")


def test_with_triton_it_trains_on_a_gpu_by_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu, "why_not", lambda: "")
    assert pick_backend("auto", "cuda") == "triton"


@here
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_the_exponential_is_right_to_the_units_that_the_bound_counts(dtype: torch.dtype):
    from checks.kernel.device import exponentials

    least = -87.0 if dtype == torch.float32 else -708.0
    # ends of the reduced range, where the remainder of the series is largest, and the edge of what is flushed
    near = (torch.arange(1024, dtype=torch.float64) + 0.5) / 1024 * least
    ends = -math.log(2) * (torch.arange(1021) / 1024 * (-least / math.log(2))).floor() + math.log(2) / 2
    x = torch.cat([near, ends.clamp(max=0.0), torch.tensor([0.0, least, -1e30])]).to(DEVICE, dtype)
    y = torch.empty_like(x)
    exponentials[(1,)](x, y, len(x))
    with flint.ctx.workprec(160):
        for value, found in zip(x.tolist(), y.tolist(), strict=True):
            exact = flint.arb(value).exp()
            if value < least:
                assert found == 0
            else:
                assert abs(flint.arb(found) - exact) <= EXP * torch.finfo(dtype).eps / 2 * exact, value
