"""The compiled fleet: the same training as torch's, within a derived rounding bound, with the same zeros at the same steps."""

from __future__ import annotations

import ctypes
import math
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from checks import kernel
from checks.data import Batch, synthetic
from checks.kernel.rounding import gradient_radii
from checks.layer import Rule, Structure, equal_blocks, visible_keys
from checks.penalty import Ball, group_norms, off_block_penalty, uniform_penalty
from checks.reference import Layer, loss_and_gradients
from checks.training import (
    TRAINED_BY,
    Balls,
    Optimiser,
    Run,
    TrainingError,
    adam,
    backend,
    ema,
    failing_spectral_clipping,
    failing_subgradient,
    heavy_ball,
    initialise,
    pick_backend,
    prepare,
    sgd,
    train,
)

compiled = pytest.mark.skipif(
    bool(kernel.why_not()) and not os.environ.get("CI"), reason=f"{kernel.why_not()} (in CI a missing kernel fails)"
)
LAYERS, SEQUENCES, TOKENS = 3, 4, 13
EVERY = Balls(Ball(1.5), 1.0, 2.0)
VARIANTS: dict[str, tuple[Optimiser, str, dict[str, Any]]] = {
    "plain": (sgd(0.25), "mixture", {}),
    "soft targets": (sgd(0.25), "soft", {}),
    "squared loss": (sgd(0.125), "vector", {"loss": "squared"}),
    "clipping": (sgd(0.25, clip=0.01), "mixture", {}),
    "averaged momentum": (ema(0.25, 0.75), "mixture", {}),
    "accumulated momentum": (heavy_ball(0.125, 0.5, decay=0.25), "mixture", {}),
    "Adam": (adam(1 / 64), "mixture", {}),
    "balls": (sgd(0.25), "mixture", {"balls": EVERY}),
    "ball per group": (sgd(0.25), "mixture", {"balls": Balls(Ball(0.75, "group"), 1.0, 2.0)}),
    "dial": (sgd(0.25), "mixture", {"dial": torch.tensor([0.0, 2.0, 9.0])}),
    "rules": (sgd(0.25), "mixture", {"rules": [Rule(torch.arange(TOKENS) < 4, 1.5)]}),
    "frozen values": (sgd(0.25), "mixture", {"trainable": ("content",)}),
    "frozen content": (sgd(0.25), "mixture", {"trainable": ("values", "readout")}),
    "minibatch": (sgd(0.25, minibatch=2), "mixture", {"seeds": range(LAYERS)}),
    "subgradient": (failing_subgradient(0.25), "mixture", {}),
}
every_variant = pytest.mark.parametrize("name", VARIANTS)
every_form = pytest.mark.parametrize("head", [0, 8], ids=["bilinear", "qk"])
every_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


def scene(name: str, head: int, dtype: torch.dtype, causal: bool = False) -> tuple[Structure, Batch]:
    target = VARIANTS[name][1]
    extra = {"classes": 16} if target == "vector" else {}
    structure = equal_blocks(4, 16, head, causal=causal, **extra)
    seeds = list(range(LAYERS))
    batch = synthetic(
        structure.features, seeds, sequences=SEQUENCES, tokens=TOKENS, leak=0.05, target=target, dtype=dtype, causal=causal
    )
    return structure, batch


def trained(
    which: str, name: str, structure: Structure, batch: Batch, steps: int, penalty: float = 0.02, start: Any = None
) -> Run:
    optimiser, _, rest = VARIANTS[name]
    start = initialise(structure, range(batch.layers), dtype=batch.tokens.dtype) if start is None else start
    before = TRAINED_BY.copy()
    with backend(which):
        run = train(
            start, batch, structure, off_block_penalty(structure, penalty), optimiser, steps, record=("norms", "losses"), **rest
        )
    assert dict(TRAINED_BY - before) == {which: batch.layers}
    return run


@compiled
@every_dtype
@every_form
@every_variant
def test_zeros_are_the_same_at_the_same_step(name: str, head: int, dtype: torch.dtype):
    structure, batch = scene(name, head, dtype)
    # strong enough that groups die at different steps, weak enough that some live for a while
    penalty = 6.0 if name == "Adam" else 0.15
    runs = [trained(which, name, structure, batch, 60, penalty=penalty) for which in ("torch", "compiled")]
    assert torch.equal(runs[0].extinct_at, runs[1].extinct_at)
    assert torch.equal(runs[0].revived, runs[1].revived)
    assert torch.equal(runs[0].parameters.content == 0, runs[1].parameters.content == 0)
    assert torch.equal(runs[0].norms == 0, runs[1].norms == 0)
    if name not in ("frozen content", "subgradient"):
        assert (runs[1].extinct_at > 0).any(), "nothing died, so nothing was compared"


def reference_layer(structure: Structure, batch: Batch, layer: int, rest: dict[str, Any]) -> Layer:
    problem = prepare(
        batch, structure, dial=rest.get("dial", 0.0), rules=rest.get("rules", ()), loss=rest.get("loss", "cross-entropy")
    )
    visible = visible_keys(batch, structure)[layer].numpy()
    bias = torch.where(torch.isfinite(problem.row_bias[layer]), problem.row_bias[layer], 0.0).double().numpy()
    present = np.ones(visible.shape[:2], dtype=bool) if batch.present is None else batch.present[layer].numpy()
    targets = batch.targets[layer].numpy() if batch.targets.ndim == 3 else batch.targets[layer].double().numpy()
    kind = rest.get("loss", "cross-entropy")
    return Layer(batch.tokens[layer].double().numpy(), targets, bias, visible, present, structure.temperature, kind)


@compiled
@every_dtype
@every_form
@pytest.mark.parametrize("name", [n for n in VARIANTS if n not in ("minibatch", "subgradient")])
def test_one_step_is_within_the_derived_rounding_bound(name: str, head: int, dtype: torch.dtype):
    """Clip, prox and projection move two points no further apart than they were; so a step is off by eta times the gradient's bound."""
    structure, batch = scene(name, head, dtype, causal=True)
    unit = torch.finfo(dtype).eps / 2
    optimiser, _, rest = VARIANTS[name]
    trainable = rest.get("trainable", ("content", "values", "readout"))
    state = trained("torch", name, structure, batch, 12).parameters
    runs = [trained(which, name, structure, batch, 1, start=state) for which in ("torch", "compiled")]
    eta = optimiser.size(0)
    for layer in range(LAYERS):
        data = reference_layer(structure, batch, layer, rest)
        theta = {part: getattr(runs[0].initial, part)[layer].double().numpy() for part in ("content", "values", "readout")}
        radii = [gradient_radii(theta, data, unit, composite) for composite in (False, True)]
        exact = loss_and_gradients(theta, data)[1]
        for part in trainable:
            assert np.allclose(radii[0][part].value, exact[part], rtol=0, atol=float(radii[0][part].radius.max()) + 1e-12)
            apart = (getattr(runs[0].parameters, part) - getattr(runs[1].parameters, part))[layer].double().numpy()
            gradient, error = exact[part], radii[0][part].radius + radii[1][part].radius
            if optimiser.rule == "adam":
                error = adam_spread(gradient, error, optimiser.epsilon) + 16 * unit
                size = 1.0 + unit
            else:
                size = np.abs(gradient) + error
            # the update itself: a handful of roundings of |theta| and eta |g| on either side
            error = eta * error + 2 * 8 * unit * (np.abs(theta[part]) + eta * size)
            count = theta[part].size
            # norms (right to (p + 6) 2^-53), their factors and the products: 4 u more of the norm for each of clip, prox and ball
            allowed = (
                np.linalg.norm(error) + 2 * 12 * unit * np.linalg.norm(np.abs(theta[part]) + eta * size) + count * 2.0**-52
            )
            assert np.linalg.norm(apart) <= allowed, f"{part} of layer {layer}: {np.linalg.norm(apart):.3g} > {allowed:.3g}"
            # the direction of Adam jumps where a gradient is near zero, which some are: there the bound is the jump
            widest = 0.05 if name == "Adam" else 4e-3 if dtype == torch.float32 else 1e-11
            assert allowed <= widest, f"a bound of {allowed:.3g} would accept anything"


def adam_spread(gradient: np.ndarray, error: np.ndarray, epsilon: float) -> np.ndarray:
    """How far apart first directions g / (|g| + eps) can be when gradients differ by up to the error: the map is increasing."""

    def direction(g: np.ndarray) -> np.ndarray:
        return g / (np.abs(g) + epsilon)

    return direction(gradient + error) - direction(gradient - error)


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
    with pytest.raises(TrainingError, match="backend must be auto, torch or compiled"), backend("numba"):
        pass


@compiled
def test_the_arguments_have_the_layout_of_the_source():
    loaded = kernel.library()
    assert loaded is not None
    assert loaded.localist_job_bytes() == ctypes.sizeof(kernel._Job)
    assert math.log2(loaded.localist_vector_bytes()) in (4, 5, 6)
