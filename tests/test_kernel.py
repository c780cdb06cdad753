"""The compiled fleet: the same training as torch's, within a derived rounding bound, with the same zeros at the same steps."""

from __future__ import annotations

import ctypes
import math
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from fleet_variants import (
    LAYERS,
    every_bounded,
    every_dtype,
    every_form,
    every_variant,
    reference_layer,
    same_zeros,
    scene,
    step_within_the_bound,
    trained,
)

from checks import kernel
from checks.kernel.rounding import gradient_radii
from checks.penalty import group_norms, off_block_penalty, uniform_penalty
from checks.reference import loss_and_gradients
from checks.training import (
    TRAINED_BY,
    Balls,
    TrainingError,
    adam,
    backend,
    failing_spectral_clipping,
    initialise,
    pick_backend,
    prepare,
    sgd,
    train,
)

compiled = pytest.mark.skipif(
    bool(kernel.why_not()) and not os.environ.get("CI"), reason=f"{kernel.why_not()} (in CI a missing kernel fails)"
)


@compiled
@every_dtype
@every_form
@every_variant
def test_zeros_are_the_same_at_the_same_step(name: str, head: int, dtype: torch.dtype):
    same_zeros("compiled", name, *scene(name, head, dtype))


@compiled
@every_dtype
@every_form
@every_bounded
def test_one_step_is_within_the_derived_rounding_bound(name: str, head: int, dtype: torch.dtype):
    step_within_the_bound("compiled", name, *scene(name, head, dtype, causal=True))


@compiled
def test_a_wrong_gradient_is_outside_the_bound():
    """The bound can refuse: a gradient that is off by one part in a hundred is."""
    structure, batch = scene("plain", 8, torch.float32)
    data = reference_layer(structure, batch, 0, {})
    start = initialise(structure, range(LAYERS))
    theta = {part: getattr(start, part)[0].double().numpy() for part in ("content", "values", "readout")}
    near = gradient_radii(theta, data, 2.0**-24, composite=True)
    for part, exact in loss_and_gradients(theta, data)[1].items():
        assert np.linalg.norm(near[part].radius) < 0.01 * np.linalg.norm(exact)


@compiled
@every_dtype
def test_a_layer_has_the_same_bits_alone_in_a_fleet_and_on_any_thread(dtype: torch.dtype):
    structure, batch = scene("plain", 8, dtype)
    start = initialise(structure, range(LAYERS), dtype=dtype)
    penalty = off_block_penalty(structure, 0.05)
    problem = prepare(batch, structure)
    everything = ("content", "values", "readout")
    fleet = kernel.run_steps(start, problem, penalty, sgd(0.25), 30, everything, Balls(), None, (), threads=1)
    spread = kernel.run_steps(start, problem, penalty, sgd(0.25), 30, everything, Balls(), None, (), threads=3)
    for layer in range(LAYERS):
        alone = kernel.run_steps(
            start.layer(layer), prepare(batch.layer(layer), structure), penalty, sgd(0.25), 30, everything, Balls(), None, ()
        )
        for part in everything:
            bits = getattr(alone.parameters, part)[0]
            assert torch.equal(getattr(fleet.parameters, part)[layer], bits)
            assert torch.equal(getattr(spread.parameters, part)[layer], bits)


@compiled
def test_balls_hold_exactly_and_zeros_are_positive():
    structure, batch = scene("balls", 8, torch.float32)
    run = trained("compiled", "balls", structure, batch, 40, penalty=5.0)
    content = run.parameters.content
    assert bool((group_norms(content, run.groups).square().sum((2, 3)).sqrt() <= 1.5).all())
    zeros = content[content == 0]
    assert len(zeros)
    assert not bool(torch.signbit(zeros).any()), "-0.0 is not the zero that the prox gives"


@compiled
def test_a_run_that_leaves_the_finite_numbers_is_stopped_and_named():
    structure, batch = scene("plain", 0, torch.float32)
    start = initialise(structure, range(LAYERS))
    start.values[1, 0, 0] = 3e38
    for which in ("torch", "compiled"):
        with backend(which), pytest.raises(TrainingError, match=r"layer 1 did not at step 0 \(counted from 0\)"):
            train(start, batch, structure, None, sgd(0.25), 3)


@compiled
def test_what_the_kernel_leaves_to_torch_is_trained_by_torch():
    structure, batch = scene("plain", 8, torch.float32)
    problem = prepare(batch, structure)
    clipped = failing_spectral_clipping(0.25, 0.5)
    assert "singular values" in kernel.refusal(problem, clipped)
    assert "plain gradient steps" in kernel.refusal(problem, replace(adam(0.25), subgradient=True))
    assert kernel.refusal(problem, sgd(0.25)) == ""
    before = TRAINED_BY.copy()
    with backend("compiled"):
        train(initialise(structure, range(LAYERS)), batch, structure, uniform_penalty(structure, 0.1), clipped, 2)
    assert dict(TRAINED_BY - before) == {"torch": LAYERS}
    with pytest.raises(TrainingError, match="cannot run this: spectral clipping"):
        start, penalty = initialise(structure, range(LAYERS)), off_block_penalty(structure, 0.1)
        kernel.run_steps(start, problem, penalty, clipped, 2, (), Balls(), None, ())


def test_without_the_extension_torch_trains_and_a_request_for_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kernel, "library", lambda: None)
    assert pick_backend("auto", "cpu") == "torch"
    with pytest.raises(TrainingError, match=r"got 'compiled': the extension was not compiled, or from other sources \(install"):
        pick_backend("compiled", "cpu")
    structure, batch = scene("plain", 0, torch.float32)
    before = TRAINED_BY.copy()
    train(initialise(structure, range(LAYERS)), batch, structure, None, sgd(0.25), 1)
    assert dict(TRAINED_BY - before) == {"torch": LAYERS}


def test_an_unknown_backend_is_refused():
    with (
        pytest.raises(
            TrainingError,
            match="backend must be auto, torch, compiled or triton, and there; got 'numba': there is none of that name",
        ),
        backend("numba"),
    ):
        pass


@compiled
def test_the_arguments_have_the_layout_of_the_source():
    loaded = kernel.library()
    assert loaded is not None
    assert loaded.localist_job_bytes() == ctypes.sizeof(kernel._Job)
    assert math.log2(loaded.localist_vector_bytes()) in (4, 5, 6)
