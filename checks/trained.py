"""Fleets of trained layers as a source of rows: what Hypothesis draws, what is trained, what is captured.

Statements about single rows do not care how a layer was trained, so these fleets vary everything: parametrisation, depth of training,
penalty, dial, leak, causal mask, synthetic codes and real text. Families whose statements are about training build their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from hypothesis import strategies as st

from checks.claims import Case, row_case
from checks.data import Batch, token_batch
from checks.enclosure import Row, rows_of
from checks.layer import Capture, Parameters, Structure, attend, equal_blocks
from checks.penalty import off_block_penalty
from checks.properties import Emission, Options, Screened, Trained
from checks.screen import for_arb, screen, two_levels
from checks.training import Run, initialise, pick_backend, pick_device, sgd, train
from theory.theorem import Theorem

MANY = 64
"""Times the layers of a fleet that a compiled backend trains for properties that look at every row."""


@dataclass(frozen=True)
class FleetConfig:
    """A recipe for a fleet; with the number of layers everything follows from the seed."""

    seed: int
    parametrisation: str  # "bilinear" or "qk"
    text: bool  # real text or synthetic codes
    blocks: int
    tokens: int
    leak: float
    causal: bool
    dial: float
    penalty: float
    steps: int
    dtype: str  # "float32" or "float64"

    @property
    def structure(self) -> Structure:
        """Four features a block and, with Q/K, two head features a block."""
        head = 2 * self.blocks if self.parametrisation == "qk" else 0
        return equal_blocks(self.blocks, 4 * self.blocks, head, causal=self.causal)

    def seeds(self, layers: int) -> list[int]:
        """One seed a layer; layer k has the same in a fleet of any size."""
        return [self.seed + index for index in range(layers)]

    def batch(self, options: Options, layers: int, sequences: int = 4) -> Batch:
        """The data of the fleet, on the device of the options."""
        return token_batch(
            self.structure.features, self.seeds(layers), text=self.text, path=options.text, sequences=sequences, tokens=self.tokens,
            leak=self.leak, causal=self.causal, dtype=getattr(torch, self.dtype), device=pick_device(options.device),
        )  # fmt: skip


@dataclass(frozen=True)
class Fleet:
    """A trained fleet with its data; `attend` gives its rows at any dial setting."""

    config: FleetConfig
    structure: Structure
    batch: Batch
    run: Run
    trained: Trained

    @property
    def parameters(self) -> Parameters:
        """The final weights."""
        return self.run.parameters

    def capture(self, dial: float | None = None) -> Capture:
        """One pass at the dial the fleet was trained with, or at another: the checkpoint stays frozen."""
        return attend(self.parameters, self.batch, self.structure, dial=self.config.dial if dial is None else dial)


@st.composite
def fleet_configs(draw: st.DrawFn, *, text: bool | None = None, steps: int = 40) -> FleetConfig:
    """Fleets over all parametrisations, penalties, dials, leaks and masks; `text` fixes the kind of data."""
    return FleetConfig(
        seed=draw(st.integers(0, 2**20)),
        parametrisation=draw(st.sampled_from(("bilinear", "qk"))),
        text=draw(st.booleans()) if text is None else text,
        blocks=draw(st.integers(2, 4)),
        tokens=draw(st.sampled_from((6, 8, 12, 16))),
        leak=draw(st.sampled_from((0.0, 0.02, 0.2))),
        causal=draw(st.booleans()),
        dial=draw(st.sampled_from((0.0, 1.0, 4.0, 12.0))),
        penalty=draw(st.sampled_from((0.0, 0.01, 0.1, 1.0))),
        steps=steps,
        dtype=draw(st.sampled_from(("float32", "float64"))),
    )


def train_fleet(config: FleetConfig, options: Options, layers: int | None = None) -> Fleet:
    """Train the fleet of a configuration by plain proximal gradient."""
    count = options.layers if layers is None else layers
    structure, batch = config.structure, config.batch(options, count)
    start = initialise(structure, config.seeds(count), dtype=batch.tokens.dtype, device=batch.tokens.device)
    penalty = off_block_penalty(structure, config.penalty)
    run = train(start, batch, structure, penalty, sgd(0.1), config.steps, dial=config.dial)
    return Fleet(config, structure, batch, run, Trained(count, batch.tokens.device.type, config.dtype))


def many_layers(options: Options) -> int:
    """Layers of a fleet for properties that look at every row: more where training is compiled."""
    trains = pick_backend("auto", options.device) if options.backend == "auto" else options.backend
    return options.layers * (1 if trains == "torch" else MANY)


SAMPLE = 1 / 2048
"""Share of the rows that the screen decides for a statement which Arb judges as well."""


def rows_by_screen(capture: Capture, theorems: Sequence[Theorem], origin: str, seed: int) -> Iterator[Emission]:
    """Every query row of a capture: the float64 screen decides most, Arb judges those within its radius and a random sample."""
    scores, block, visible = _captured(capture)
    screened, rng = screen(scores, block, visible), np.random.default_rng(seed)

    @cache
    def case(index: int) -> Case:
        keep = visible[index]
        return row_case(Row(tuple(scores[index][keep].tolist()), tuple(block[index][keep].tolist()), f"{origin}, row {index}"))

    decisions = [screened.decide(theorem) for theorem in theorems]
    for theorem, decided, (ties, sample) in zip(
        theorems, decisions, for_arb(decisions, two_levels(scores, block, visible), rng, SAMPLE), strict=True
    ):
        yield Screened(theorem, int(decided.certain.sum()) - len(sample), len(ties), len(sample))
        for index in (*ties, *sample):
            yield theorem, case(index)


def _captured(capture: Capture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores in float64, own block and visibility [rows, T] of the queries that are no padding."""
    keep = capture.rows.flatten().cpu().numpy()
    scores, block, visible = (
        part.detach().to("cpu", torch.float64 if part.is_floating_point() else part.dtype).flatten(0, 2).numpy()[keep]
        for part in (capture.scores, capture.same_block & capture.visible, capture.visible)
    )
    return scores, block, visible


def captured_rows(capture: Capture, origin: str) -> Iterator[Row]:
    """Every query row of a capture that has an own-block key and an outside key: removed keys are left out."""
    yield from rows_of(*_captured(capture), origin)
