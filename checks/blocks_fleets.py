"""Fleets for the guarantee: a configuration, what it promises before training, and the trained layers in exact arithmetic.

The promise is made by `theory.guarantee` from numbers known beforehand: bounds on the data, Frobenius balls that training
holds, the step size and the dial. Nothing is measured on a trained weight before the promise is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import sympy as sp
import torch
from flint import fmpq
from hypothesis import strategies as st

from checks.blocks_exact import BrokenPromiseError, ExactLayer, exact_layers
from checks.data import Batch, Measured, measure, token_batch
from checks.enclosure import Value, rational
from checks.layer import Structure, equal_blocks
from checks.penalty import Ball, off_block_mask, off_block_penalty
from checks.properties import Options, Trained
from checks.training import Balls, Run, initialise, one_thread, pick_device, sgd, train
from theory import symbols as sym
from theory.config import Config, from_mapping
from theory.guarantee import Guarantee, Inputs, exact_inputs, guarantee

VALUE_BALL, READOUT_BALL, STEP, SLACK, INITIAL = 1.0, 4.0, 0.0625, 1.0, 1.0


def above(*factors: float) -> float:
    """A float not below the exact product of non-negative floats."""
    product = 1.0
    for factor in factors:
        product = math.nextafter(product * factor, math.inf) if product * factor else 0.0
    return product


@dataclass(frozen=True)
class Plan:
    """A recipe for a fleet whose guarantee is computed before it is trained; with the layer count all follows from the seed."""

    seed: int
    parametrisation: str  # "bilinear" or "qk"
    text: bool
    blocks: int
    tokens: int
    leak: float
    causal: bool
    dial: float
    strength: float
    temperature: float
    ball: float  # Frobenius ball of A, or of each of W_Q and W_K
    per_group: bool  # the ball holds for every group instead of every matrix
    further: int  # steps after the proved step of extinction
    dtype: str

    @cached_property
    def structure(self) -> Structure:
        """Three features a block, and with Q/K two head features a block."""
        head = 2 * self.blocks if self.parametrisation == "qk" else 0
        return equal_blocks(
            self.blocks, 3 * self.blocks, head, causal=self.causal, temperature=self.temperature, strength=self.strength
        )

    def seeds(self, layers: int) -> list[int]:
        """One seed a layer; layer k has the same in a fleet of any size."""
        return [self.seed + index for index in range(layers)]

    def batch(self, options: Options, layers: int) -> Batch:
        """The data: one sequence for each layer, tokens with own-block part at most 1 and the rest at most the leak."""
        return token_batch(
            self.structure.features, self.seeds(layers), text=self.text, path=options.text, sequences=1, tokens=self.tokens,
            leak=self.leak, causal=self.causal, dtype=getattr(torch, self.dtype), device=pick_device(options.device),
        )  # fmt: skip

    @property
    def form_bound(self) -> fmpq:
        """rho: bound on the norms of the block forms, exactly."""
        ball = rational(self.ball)
        return ball if self.parametrisation == "bilinear" else ball * ball

    def config(self, batch: Batch, data: Measured) -> Config:
        """The configuration for these data: bounds known before training, the balls that training will hold, step and dial."""
        matrix_ball = above(self.ball, self.blocks) if self.per_group else self.ball  # blocks^2 groups in each ball
        norms = {
            "input": float(data.input_norm.max()),
            "block_input": batch.block_norm,
            "leak": batch.leak,
            "value_diameter": above(VALUE_BALL, float(data.input_diameter.max())),
            "block_diameter": float(data.block_diameter.max()),
            "mean_block_norm": float(data.mean_block_norm.max()),
            "input_diameter": float(data.input_diameter.max()),
        }
        if self.parametrisation == "qk":
            norms |= {"query": matrix_ball, "key": matrix_ball}
        else:
            norms |= {"content": matrix_ball}
        return from_mapping(
            {
                "attention": {
                    "keys": max(self.tokens, 2),
                    "block": 1,
                    "temperature": self.temperature,
                    "parametrisation": self.parametrisation,
                },
                "norms": norms,
                # ||u_k - u_l|| <= sqrt(2) ||U||_F
                "loss": {"kind": "cross-entropy", "readout_diameter": above(READOUT_BALL, math.nextafter(math.sqrt(2), 2))},
                "dial": {"strength": self.strength, "setting": self.dial},
                "training": {"step": STEP, "slack": SLACK, "initial_norm": INITIAL},
            },
            "plan",
        )


@st.composite
def plans(draw: st.DrawFn, *, text: bool | None = None, leak: tuple[float, ...] = (0.0, 0.05, 0.3)) -> Plan:
    """Configurations of every kind, from vacuous (no dial) to sharp (a dial far above the content)."""
    return Plan(
        seed=draw(st.integers(0, 2**20)),
        parametrisation=draw(st.sampled_from(("bilinear", "qk"))),
        text=draw(st.booleans()) if text is None else text,
        blocks=draw(st.integers(2, 4)),
        tokens=draw(st.sampled_from((6, 8, 12))),
        leak=draw(st.sampled_from(leak)),
        causal=draw(st.booleans()),
        dial=draw(st.sampled_from((0.0, 4.0, 8.0, 14.0, 24.0))),
        strength=draw(st.sampled_from((0.5, 1.0))),
        temperature=draw(st.sampled_from((0.5, 1.0, 2.0))),
        ball=draw(st.sampled_from((0.75, 1.0, 1.5))),
        per_group=draw(st.booleans()),
        further=draw(st.integers(0, 20)),
        dtype=draw(st.sampled_from(("float32", "float64"))),
    )


@dataclass(frozen=True)
class PromisedFleet:
    """A fleet trained after its guarantee was computed."""

    plan: Plan
    batch: Batch
    data: Measured
    inputs: Inputs  # the configuration in exact numbers
    promise: Guarantee
    run: Run
    trained: Trained

    @property
    def added(self) -> fmpq:
        """The product beta d that the dial adds to in-block scores, exactly (nats)."""
        return rational(self.plan.strength) * rational(self.plan.dial)

    def layers(self) -> Iterator[ExactLayer]:
        """The layers in exact arithmetic, each checked against the bounds that were promised of it."""
        for layer in exact_layers(self.run.parameters, self.batch, self.plan.structure, f"{self.plan}"):
            self._hold(layer)
            yield layer

    def _hold(self, layer: ExactLayer) -> None:
        plan = self.plan
        promised = [
            ("own-block part of a token", layer.own_part, rational(self.batch.block_norm)),
            ("off-block part of a token", layer.off_part, rational(self.batch.leak)),
            *(("block form", square, plan.form_bound) for square in layer.own_norms),
        ]
        if not plan.per_group:
            promised += [("content matrix", square, rational(plan.ball)) for square in layer.squares]
        for what, square, bound in promised:
            if square > bound * bound:
                raise BrokenPromiseError(
                    f"{what} has square norm {float(square)!r}, promised at most {float(bound)!r} squared, in {plan}"
                )

    def values(self, layer: ExactLayer) -> dict[sp.Symbol, Value]:
        """The symbols of the configuration, and the layer's exact off-block norms."""
        plan = self.plan
        return {
            sym.beta: rational(plan.strength),
            sym.dial: rational(plan.dial),
            sym.tau: rational(plan.temperature),
            sym.B: rational(self.batch.block_norm),
            sym.delta: rational(self.batch.leak),
            sym.rho_A: plan.form_bound,
            sym.rho_Q: rational(plan.ball),
            sym.rho_K: rational(plan.ball),
            **layer.off,
        }

    def extinction(self, index: int, matrix: int) -> dict[sp.Symbol, Value]:
        """When the last off-block group of one matrix of a layer died, beside the numbers that the step bound was made from.

        Diameters and norms of tokens are measured. Those of values, readout gradients and weights are what the balls imply for
        every step. A group alive at the end counts as dying in the step after it; one that came back as never dead.
        """
        x, data = self.inputs, self.data
        off = off_groups(self.run)[index, matrix].cpu()
        died, back = self.run.extinct_at[index, matrix].cpu()[off], self.run.revived[index, matrix].cpu()[off]
        last = self.run.steps + 1 if bool((died < 0).any() or back.any()) else int(died.max())
        diameter = rational(float(data.input_diameter[index]))
        tokens: dict[sp.Symbol, Value] = {
            sym.spread_c: rational(float(data.block_diameter[index].max())),
            sym.D_c: rational(x.D_c),
            sym.mean_part: rational(float(data.mean_block_norm[index].max())),
            sym.B_c: rational(x.B_c),
            sym.spread_X: diameter,
            sym.D_X: rational(x.D_X),
            sym.token_norm: rational(float(data.input_norm[index])),
            sym.B_x: rational(x.B_x),
        }
        weights: dict[sp.Symbol, Value] = {
            sym.output_gradient: rational(x.G),
            sym.G_loss: rational(x.G),
            sym.spread_V: rational(VALUE_BALL) * diameter,
            sym.D_V: rational(x.D_V),
            sym.size_Q: rational(x.rho_Q),
            sym.rho_Q: rational(x.rho_Q),
            sym.size_K: rational(x.rho_K),
            sym.rho_K: rational(x.rho_K),
        }
        training: dict[sp.Symbol, Value] = {
            sym.lam: rational(self.promise.penalty),
            sym.tau: rational(x.tau),
            sym.eta: rational(x.eta),
            sym.gamma: rational(x.gamma),
            sym.theta0: rational(x.theta0),
            sym.extinct_at: last,
        }
        return {**tokens, **weights, **training}


def promised_fleet(plan: Plan, options: Options, layers: int | None = None) -> PromisedFleet:
    """Make the promise, then train above the promised threshold for the promised number of steps and a few more."""
    with one_thread():
        return _promised_fleet(plan, options, layers)


def _promised_fleet(plan: Plan, options: Options, layers: int | None) -> PromisedFleet:
    count = options.layers if layers is None else layers
    structure, batch = plan.structure, plan.batch(options, count)
    data = measure(batch)
    config = plan.config(batch, data)
    promise = guarantee(config)
    start = initialise(
        structure,
        plan.seeds(count),
        group_norm=INITIAL,
        value_norm=VALUE_BALL,
        readout_norm=READOUT_BALL,
        dtype=batch.tokens.dtype,
        device=batch.tokens.device,
    )
    balls = Balls(Ball(plan.ball, "group" if plan.per_group else "matrix"), VALUE_BALL, READOUT_BALL)
    run = train(
        start,
        batch,
        structure,
        off_block_penalty(structure, promise.penalty),
        sgd(STEP),
        promise.extinction_steps + plan.further,
        dial=plan.dial,
        balls=balls,
    )
    return PromisedFleet(
        plan, batch, data, exact_inputs(config), promise, run, Trained(count, batch.tokens.device.type, plan.dtype)
    )


def off_groups(run: Run) -> torch.Tensor:
    """True on the penalised groups of a run, [L, K, b, c]."""
    return off_block_mask(run.groups).expand(run.extinct_at.shape)
