"""Fleets for the threshold family: small layers trained around thresholds, and some of them captured in exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from hypothesis import strategies as st
from torch import Tensor

from checks.data import Batch, measure, token_batch
from checks.layer import Parameters, Structure, equal_blocks
from checks.penalty import GroupPenalty, off_block_penalty, uniform_penalty
from checks.properties import Options, Trained
from checks.threshold_layer import ExactLayer, exact_layers
from checks.training import Run, gradients, initialise, pick_device, prepare, sgd, train

CERTIFIED = 4  # layers of a fleet that are certified in exact arithmetic; all of them are trained


@dataclass(frozen=True)
class SmallFleet:
    """A recipe for a fleet of small layers; everything else follows from the seed."""

    seed: int
    parametrisation: str
    text: bool
    blocks: int
    tokens: int
    leak: float
    causal: bool
    dial: float
    temperature: float
    soft: bool
    dtype: str

    @property
    def structure(self) -> Structure:
        """Two features a block, and with Q/K two head features a block; two classes at least."""
        head = 2 * self.blocks if self.parametrisation == "qk" else 0
        return equal_blocks(self.blocks, 2 * self.blocks, head, causal=self.causal, temperature=self.temperature)

    def batch(self, options: Options, seeds: Sequence[int], sequences: int = 2) -> Batch:
        """The data, on the device of the options."""
        return token_batch(
            self.structure.features, seeds, text=self.text, path=options.text, sequences=sequences, tokens=self.tokens, leak=self.leak,
            causal=self.causal, target="soft" if self.soft else "mixture", dtype=getattr(torch, self.dtype),
            device=pick_device(options.device),
        )  # fmt: skip

    def seeds(self, layers: int) -> list[int]:
        """One seed a layer."""
        return [self.seed + index for index in range(layers)]


@st.composite
def small_fleets(draw: st.DrawFn, *, parametrisation: str | None = None, text: bool | None = None) -> SmallFleet:
    """Small fleets over parametrisation, data, leak, mask, dial, temperature and kind of target."""
    return SmallFleet(
        seed=draw(st.integers(0, 2**20)),
        parametrisation=draw(st.sampled_from(("bilinear", "qk"))) if parametrisation is None else parametrisation,
        text=draw(st.booleans()) if text is None else text,
        blocks=draw(st.integers(2, 3)),
        tokens=draw(st.sampled_from((4, 6, 8))),
        leak=draw(st.sampled_from((0.0, 0.02, 0.2))),
        causal=draw(st.booleans()),
        dial=draw(st.sampled_from((0.0, 1.0, 4.0))),
        temperature=draw(st.sampled_from((1.0, 0.5, 2.0))),
        soft=draw(st.booleans()),
        dtype=draw(st.sampled_from(("float32", "float64"))),
    )


@dataclass(frozen=True)
class SmallRun:
    """A trained small fleet: its data, its states before and after, the penalty weight of each layer."""

    config: SmallFleet
    batch: Batch
    run: Run
    weight: Tensor
    trained: Trained

    def exact(self, parameters: Parameters | None = None, which: Sequence[int] | None = None) -> list[ExactLayer]:
        """Some layers at a state, the final one by default, captured in exact arithmetic; the first few by default."""
        chosen = list(range(min(CERTIFIED, self.run.parameters.layers))) if which is None else list(which)
        state = (self.run.parameters if parameters is None else parameters).to("cpu")
        origin = f"{self.config} at penalty weight {[float(self.weight[k]).hex() for k in chosen]}"
        return exact_layers(state, self.batch.to("cpu"), self.config.structure, chosen, origin, self.config.dial)


def a_priori_floats(config: SmallFleet, batch: Batch, parameters: Parameters) -> Tensor:
    """The a-priori threshold of every layer, in floats: greatest bound over its groups, with values and readout held fixed.

    For Q/K the norms of the first state are used: under a penalty above the threshold norms only fall (extinction.finite_time).
    """
    found = measure(batch)
    u = parameters.readout.double()
    g = (u[:, :, None] - u[:, None]).norm(dim=-1).amax((1, 2))
    values = parameters.values.double().flatten(1).norm(dim=1) * found.input_diameter
    if config.parametrisation == "bilinear":
        sides = found.block_diameter.amax(1) * found.mean_block_norm.amax(1)
    else:
        sizes = parameters.content.double().flatten(2).norm(dim=2)
        sides = torch.maximum(
            sizes[:, 1] * found.input_diameter * found.mean_block_norm.amax(1),
            sizes[:, 0] * found.input_norm * found.block_diameter.amax(1),
        )
    bound: Tensor = g * values * sides / (4 * config.structure.temperature)
    return bound


def train_small(
    config: SmallFleet,
    options: Options,
    factor: float,
    steps: int,
    *,
    uniform: bool = False,
    step: float = 0.1,
    group_norm: float = 1.0,
    everything: bool = False,
    layers: int | None = None,
) -> SmallRun:
    """Train content groups (with `everything` values and readout too) at `factor` times each layer's a-priori threshold."""
    seeds = config.seeds(options.layers if layers is None else layers)
    batch = config.batch(options, seeds)
    start = initialise(config.structure, seeds, group_norm=group_norm, dtype=batch.tokens.dtype, device=batch.tokens.device)
    weight = a_priori_floats(config, batch, start) * factor
    make = uniform_penalty if uniform else off_block_penalty
    names = ("content", "values", "readout") if everything else ("content",)
    return _run(config, batch, start, make(config.structure, weight), weight, step, steps, names)


def train_weights(config: SmallFleet, options: Options, steps: int) -> SmallRun:
    """One layer many times over, same data and start, with penalty weights from 0 to its threshold: the path of lambda."""
    layers = options.layers
    seeds = [config.seed] * layers
    batch = config.batch(options, seeds)
    start = initialise(config.structure, seeds, dtype=batch.tokens.dtype, device=batch.tokens.device)
    top = a_priori_floats(config, batch, start)
    weight = top * torch.linspace(0, 1, layers, dtype=torch.float64, device=top.device) ** 3
    return _run(config, batch, start, uniform_penalty(config.structure, weight), weight, 0.5, steps, ("content",))


def train_in_window(config: SmallFleet, options: Options, steps: int) -> tuple[SmallRun, Tensor]:
    """Bilinear layers from A = 0, one penalty weight on all groups, in the middle of the window measured at A = 0.

    Second result: least in-block over greatest off-block gradient norm at A = 0; above 1 the window is not empty there.
    """
    seeds = config.seeds(options.layers)
    batch = config.batch(options, seeds)
    start = initialise(config.structure, seeds, group_norm=0.0, dtype=batch.tokens.dtype, device=batch.tokens.device)
    first = gradients(start, prepare(batch, config.structure, dial=config.dial), ("content",)).content
    assert first is not None
    width = len(config.structure.features)
    norms = first[:, 0].double().unflatten(1, (width, -1)).unflatten(3, (width, -1)).square().sum((2, 4)).sqrt()
    inside = torch.eye(width, dtype=torch.bool, device=norms.device)
    low, high = norms[:, inside].amin(1), norms[:, ~inside].amax(1)
    weight = (low * high).sqrt()
    return _run(config, batch, start, uniform_penalty(config.structure, weight), weight, 1.0, steps, ("content",)), low / high


def _run(
    config: SmallFleet,
    batch: Batch,
    start: Parameters,
    penalty: GroupPenalty,
    weight: Tensor,
    step: float,
    steps: int,
    names: tuple[str, ...],
) -> SmallRun:
    run = train(start, batch, config.structure, penalty, sgd(step), steps, dial=config.dial, trainable=names)
    trained = Trained(start.layers, batch.tokens.device.type, config.dtype)
    return SmallRun(config, batch, run, weight.cpu(), trained)


def bilinear(config: SmallFleet) -> SmallFleet:
    """The same recipe with bilinear content."""
    return replace(config, parametrisation="bilinear")


__all__ = [
    "CERTIFIED",
    "SmallFleet",
    "SmallRun",
    "a_priori_floats",
    "bilinear",
    "small_fleets",
    "train_in_window",
    "train_small",
    "train_weights",
]
