"""Runs that every backend of the fleet is compared on: all variants of the training, and what two backends must agree in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from checks.data import Batch, synthetic
from checks.kernel.rounding import Near, gradient_radii
from checks.layer import Rule, Structure, equal_blocks, visible_keys
from checks.penalty import Ball, group_norms, off_block_penalty
from checks.reference import Layer, loss_and_gradients
from checks.training import (
    TRAINED_BY,
    Balls,
    Optimiser,
    Run,
    adam,
    backend,
    ema,
    failing_subgradient,
    heavy_ball,
    initialise,
    prepare,
    sgd,
    train,
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
    "minibatch": (sgd(0.25, minibatch=2), "mixture", {}),
    "subgradient": (failing_subgradient(0.25), "mixture", {}),
}


def extras(name: str, layers: int) -> dict[str, Any]:
    """The arguments of a variant besides its optimiser, for so many layers."""
    rest = dict(VARIANTS[name][2])
    if "dial" in rest:
        rest["dial"] = rest["dial"][:layers]
    return rest | ({"seeds": range(layers)} if VARIANTS[name][0].minibatch else {})


every_variant = pytest.mark.parametrize("name", VARIANTS)
BOUNDED = [name for name in VARIANTS if name not in ("minibatch", "subgradient")]
every_bounded = pytest.mark.parametrize("name", BOUNDED)
every_form = pytest.mark.parametrize("head", [0, 8], ids=["bilinear", "qk"])
every_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


def scene(
    name: str, head: int, dtype: torch.dtype, causal: bool = False, layers: int = LAYERS, sequences: int = SEQUENCES
) -> tuple[Structure, Batch]:
    """A structure with four blocks and data for it."""
    target = VARIANTS[name][1]
    extra = {"classes": 16} if target == "vector" else {}
    structure = equal_blocks(4, 16, head, causal=causal, **extra)
    batch = synthetic(
        structure.features,
        range(layers),
        sequences=sequences,
        tokens=TOKENS,
        leak=0.05,
        target=target,
        dtype=dtype,
        causal=causal,
    )
    return structure, batch


def trained(
    which: str, name: str, structure: Structure, batch: Batch, steps: int, penalty: float = 0.02, start: Any = None
) -> Run:
    """A run by the backend named, and by no other."""
    optimiser, rest = VARIANTS[name][0], extras(name, batch.layers)
    start = (
        initialise(structure, range(batch.layers), dtype=batch.tokens.dtype, device=batch.tokens.device)
        if start is None
        else start
    )
    before = TRAINED_BY.copy()
    with backend(which):
        run = train(
            start, batch, structure, off_block_penalty(structure, penalty), optimiser, steps, record=("norms", "losses"), **rest
        )
    assert dict(TRAINED_BY - before) == {which: batch.layers}
    return run


def reference_layer(structure: Structure, batch: Batch, layer: int, rest: dict[str, Any]) -> Layer:
    """One layer of a problem as the float64 reference takes it."""
    problem = prepare(
        batch, structure, dial=rest.get("dial", 0.0), rules=rest.get("rules", ()), loss=rest.get("loss", "cross-entropy")
    )
    visible = visible_keys(batch, structure)[layer].numpy()
    bias = torch.where(torch.isfinite(problem.row_bias[layer]), problem.row_bias[layer], 0.0).double().numpy()
    present = np.ones(visible.shape[:2], dtype=bool) if batch.present is None else batch.present[layer].numpy()
    targets = batch.targets[layer].numpy() if batch.targets.ndim == 3 else batch.targets[layer].double().numpy()
    kind = rest.get("loss", "cross-entropy")
    return Layer(batch.tokens[layer].double().numpy(), targets, bias, visible, present, structure.temperature, kind)


def same_zeros(which: str, name: str, structure: Structure, batch: Batch, steps: int = 60, weight: float = 0.15) -> None:
    """The same groups die and revive at the same steps in torch and in another backend."""
    # strong enough that groups die at different steps, weak enough that some live for a while
    penalty = weight * (40.0 if name == "Adam" else 1.0)
    runs = [trained(by, name, structure, batch, steps, penalty=penalty) for by in ("torch", which)]
    assert torch.equal(runs[0].extinct_at, runs[1].extinct_at)
    assert torch.equal(runs[0].revived, runs[1].revived)
    assert torch.equal(runs[0].parameters.content == 0, runs[1].parameters.content == 0)
    assert torch.equal(runs[0].norms == 0, runs[1].norms == 0)
    if name not in ("frozen content", "subgradient"):
        assert (runs[1].extinct_at > 0).any(), "nothing died, so nothing was compared"


def step_within_the_bound(which: str, name: str, structure: Structure, batch: Batch) -> None:
    """One step of torch and of another backend are no further apart than rounding allows.

    Clip, prox and projection move two points no further apart than they were; so a step is off by eta times the gradient's bound.
    """
    dtype = batch.tokens.dtype
    unit = torch.finfo(dtype).eps / 2
    optimiser, rest, near = VARIANTS[name][0], extras(name, batch.layers), batch.to("cpu")
    trainable = rest.get("trainable", ("content", "values", "readout"))
    state = trained("torch", name, structure, batch, 12).parameters
    runs = [trained(by, name, structure, batch, 1, start=state) for by in ("torch", which)]
    eta = optimiser.size(0)
    for layer in range(batch.layers):
        data = reference_layer(structure, near, layer, rest)
        theta = {
            part: getattr(runs[0].initial, part)[layer].double().cpu().numpy() for part in ("content", "values", "readout")
        }
        radii = [gradient_radii(theta, data, unit, composite) for composite in (False, True)]
        loss, exact, _ = loss_and_gradients(theta, data)
        record_within_the_bound(runs[1], layer, loss, exact, radii[1] if "content" in trainable else None, unit)
        for part in trainable:
            assert np.allclose(radii[0][part].value, exact[part], rtol=0, atol=float(radii[0][part].radius.max()))
            apart = (getattr(runs[0].parameters, part) - getattr(runs[1].parameters, part))[layer].double().cpu().numpy()
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


def record_within_the_bound(
    run: Run, layer: int, loss: float, exact: dict[str, np.ndarray], radii: dict[str, Near] | None, unit: float
) -> None:
    """What a run of one step recorded of it: gradient norms before clipping, norms of both states, and the loss of the first."""
    groups = run.groups
    peak = run.gradient_peak[layer].cpu()
    if radii is None:
        assert bool((peak == 0).all())
    else:
        # a norm moves no further than the vector; its own rounding is below 2^-40 of it
        off = (peak - group_norms(torch.from_numpy(exact["content"])[None], groups)[0]).abs()
        slack = group_norms(torch.from_numpy(radii["content"].radius)[None], groups)[0] + 2.0**-40 * peak
        assert bool((off <= slack).all()), f"gradient norms of layer {layer}"
        assert bool((peak > 0).any())
    assert run.norms is not None
    assert run.losses is not None
    for state, content in enumerate((run.initial.content, run.parameters.content)):
        expected = group_norms(content, groups)[layer]
        assert bool(((run.norms[state, layer] - expected).abs() <= 2.0**-40 * expected).all()), f"norms of state {state}"
    # |z| <= ||U|| ||W_V|| B < 8 and |s| < 32 here: sums of at most 64 products move s by 2^11 u, hence z by 2^15 u, the loss by twice that
    assert abs(float(run.losses[0, layer]) - loss) <= 2.0**16 * unit, f"loss of layer {layer}"


def adam_spread(gradient: np.ndarray, error: np.ndarray, epsilon: float) -> np.ndarray:
    """How far apart first directions g / (|g| + eps) can be when gradients differ by up to the error: the map is increasing."""

    def direction(g: np.ndarray) -> np.ndarray:
        return g / (np.abs(g) + epsilon)

    return direction(gradient + error) - direction(gradient - error)
