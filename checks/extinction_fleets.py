"""Trained fleets above and below their thresholds: every optimiser the statements cover, and the two that they say fail.

A layer runs in floats, so its step is the exact one up to rounding, and the cases are built for what rounding leaves. With u
the unit roundoff of the dtype, p entries in the group, M a bound on the *computed* vectors and theta0 the exact norm of the
initial floats,

    gamma_f = (lam - M) - (p + 16) u (2 M + (lam - M) + theta0/eta)

is the slack that `extinction.float_zero` proves to be left, and the step bound ceil(theta0/(eta gamma_f)) is exact: eta and lam
are the floats' exact values. M is computed before training from data and configuration (a-priori threshold), from the clipping
bound, or from beta1, beta2 alone, with the rounding of the optimiser's own operations in it; the recorded peak of computed
gradients must obey it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf, nextafter

import sympy as sp
import torch
from flint import arb, fmpq
from hypothesis import strategies as st

from checks.claims import Case
from checks.data import Batch, Measured, measure, token_batch
from checks.enclosure import Value, rational
from checks.extinction_exact import bits, upper
from checks.layer import Structure, equal_blocks
from checks.penalty import Ball, off_block_mask, off_block_penalty
from checks.properties import Options
from checks.training import Balls, Optimiser, Run, adam, ema, heavy_ball, initialise, pick_device, sgd, train
from theory import formulas
from theory import symbols as sym
from theory.extinction_adam import adam as adam_theorem
from theory.extinction_float import float_zero
from theory.extinction_momentum import averaging, momentum_run
from theory.extinction_runs import clipping, decay_and_balls, finite_time
from theory.namespaces import FLINT
from theory.theorem import Theorem

RADII = {"content": 2.0, "values": 1.0, "readout": 1.0}
TINY = fmpq(1, 2**100)  # more than what underflow can add to the norm of a computed vector of a group


@dataclass(frozen=True)
class Plan:
    """What Hypothesis draws: data, precision, slack and clipping bound; the variants follow."""

    seed: int
    blocks: int
    tokens: int
    leak: float
    dtype: str
    start: float  # norm of every group at the start
    steps: int  # theta0/(eta gamma): steps that the slack allows
    clip_share: float  # clipping bound over slack
    causal: bool

    def structure(self, parametrisation: str) -> Structure:
        """Two to four features a block; with Q/K, two head features."""
        return equal_blocks(self.blocks, 4 * self.blocks, 2 * self.blocks if parametrisation == "qk" else 0, causal=self.causal)

    @property
    def unit(self) -> fmpq:
        """The unit roundoff u of the dtype."""
        return fmpq(1, 2**24 if self.dtype == "float32" else 2**53)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Small fleets with slacks and clipping bounds from much below the gradients to much above them."""
    return Plan(
        seed=draw(st.integers(0, 2**20)),
        blocks=draw(st.integers(2, 3)),
        tokens=draw(st.sampled_from((6, 9, 12))),
        leak=draw(st.sampled_from((0.0, 0.1, 0.5))),
        dtype=draw(st.sampled_from(("float32", "float64"))),
        start=draw(st.sampled_from((0.5, 1.0))),
        steps=draw(st.sampled_from((25, 12, 4))),
        clip_share=draw(st.sampled_from((0.02, 1.0, 8.0))),
        causal=draw(st.booleans()),
    )


@dataclass(frozen=True)
class Variant:
    """One optimiser with the statement about it: `source` says where the bound on its vectors comes from."""

    name: str
    theorem: Theorem
    optimiser: Optimiser
    source: str  # "a-priori", "clip" or "adam"
    balls: Balls


def variants(plan: Plan) -> list[Variant]:
    """Every optimiser that the family covers, the same step size for all but Adam."""
    eta = 0.25
    gamma = plan.start / (eta * plan.steps)
    bound = gamma * plan.clip_share
    held = Balls(values=RADII["values"], readout=RADII["readout"])
    every = Balls(Ball(RADII["content"]), RADII["values"], RADII["readout"])
    return [
        Variant("full gradient", decay_and_balls, sgd(eta), "a-priori", every),
        Variant("full gradient, free content", finite_time, sgd(eta), "a-priori", held),
        Variant("minibatch", decay_and_balls, sgd(eta, minibatch=2), "a-priori", every),
        Variant("clipping", clipping, sgd(eta, clip=bound), "clip", Balls()),
        Variant("clipping, minibatch", clipping, sgd(eta, clip=bound, minibatch=2), "clip", Balls()),
        Variant("averaged momentum", averaging, ema(eta, 0.75, clip=bound), "clip", Balls()),
        Variant("accumulated momentum", momentum_run, heavy_ball(eta, 0.75, clip=bound), "clip", Balls()),
        Variant("weight decay", decay_and_balls, sgd(eta, clip=bound, decay=0.125), "clip", Balls()),
        Variant("balls per matrix", decay_and_balls, sgd(eta, clip=bound), "clip", Balls(Ball(plan.start))),
        Variant("balls per group", decay_and_balls, sgd(eta, clip=bound), "clip", Balls(Ball(plan.start * 0.75, "group"))),
        Variant("Adam", adam_theorem, adam(1 / 64), "adam", Balls()),
        Variant("Adam, fast second moment", adam_theorem, adam(1 / 64, (0.9, 0.95)), "adam", Balls()),
    ]


def make_batch(plan: Plan, structure: Structure, text: bool, layers: int, options: Options) -> Batch:
    """The data of a fleet, synthetic or text."""
    seeds = [plan.seed + index for index in range(layers)]
    return token_batch(
        structure.features, seeds, text=text, path=options.text, sequences=4, tokens=plan.tokens, leak=plan.leak, causal=plan.causal,
        dtype=getattr(torch, plan.dtype), device=pick_device(options.device),
    )  # fmt: skip


def a_priori(structure: Structure, measured: Measured, layer: int, minibatch: bool) -> fmpq:
    """The gradient bound of the configuration, from the data and the balls alone; for a minibatch, that of the worst
    sequence.
    """
    diameter = arb(float(measured.input_diameter[layer])) * arb(RADII["values"])
    readout = arb(2).sqrt() * arb(RADII["readout"])  # D_U <= sqrt(2) |U|
    part = measured.sequence_block_norm if minibatch else measured.mean_block_norm
    mean, wide = (float(x[layer].max()) for x in (part, measured.block_diameter))
    if structure.parametrisation == "bilinear":
        return upper(formulas.gradient_bound_bilinear(FLINT, readout, diameter, wide, mean, structure.temperature))
    tokens = (float(measured.input_diameter[layer]), float(measured.input_norm[layer]))
    ball = RADII["content"]
    return upper(
        formulas.gradient_bound_qk(
            FLINT, readout, diameter, ball, tokens[0], mean, ball, tokens[1], wide, structure.temperature
        )
    )


def adam_bound(betas: tuple[float, float], entries: int, unit: fmpq) -> fmpq:
    """Bound on the computed direction of Adam: C_A sqrt(p) with its own rounding.

    Each step multiplies a moment by beta (1 +- u)^3 at worst, the two ends of a term by (1 +- u)^5; powers of beta in the bias
    corrections are right to 2^-40 for beta2 <= 1 - 2^-10. Gradients below 2^-62, whose squares underflow in float32, add at
    most 2^-62/epsilon.
    """
    b1, b2 = (arb(rational(b)) for b in betas)
    low, high = (1 - arb(unit)) ** 3, (1 + arb(unit)) ** 3
    ratio = (1 - b1) / ((1 - b2) * (1 - (b1 * high) ** 2 / (b2 * low))).sqrt()
    return upper((ratio * (1 + 64 * arb(unit) + arb(2) ** -40) + arb(2) ** -35) * arb(entries).sqrt())


@dataclass(frozen=True)
class Bounds:
    """What is known of a group before training: a bound on gradients after clipping, and on the vectors that it is moved by."""

    gradient: fmpq
    vector: fmpq


def bounds_of(variant: Variant, gradient: fmpq, entries: int, unit: fmpq) -> Bounds:
    """From the a-priori bound to the bound on computed vectors: rounding of clipping (p + 4) u, of a momentum step (1 +
    u)^3.
    """
    o, step = variant.optimiser, (1 + unit) ** 3
    if variant.source == "adam":
        vector = adam_bound(o.betas, entries, unit)
        return Bounds(vector, vector)
    if o.clip is not None:
        gradient = upper(rational(o.clip) * (1 + (entries + 4) * unit) + TINY)
    mu = rational(o.momentum)
    if o.rule == "ema":
        return Bounds(gradient, upper(gradient * step * (1 - mu) / (1 - step * mu) + TINY))
    if o.rule == "heavy-ball":
        return Bounds(gradient, upper(gradient * (1 + unit) / (1 - step * mu) + TINY))
    return Bounds(gradient, gradient)


@dataclass(frozen=True)
class Fleet:
    """A trained fleet with the bounds it was given, one a layer, and its exact penalty weights."""

    plan: Plan
    variant: Variant
    structure: Structure
    batch: Batch
    run: Run
    bounds: tuple[Bounds, ...]
    weights: tuple[float, ...]

    @property
    def entries(self) -> int:
        """Parameters of a group: all groups of these fleets have the same shape."""
        return self.structure.rows[0] * self.structure.features[0]

    def groups(self) -> Iterator[tuple[int, int, int, int]]:
        """(layer, matrix, row block, column block) of every off-block group."""
        mask = off_block_mask(self.run.groups)
        for layer in range(len(self.bounds)):
            for matrix, row, column in mask.nonzero().tolist():
                yield layer, matrix, row, column

    def start(self, layer: int, matrix: int, row: int, column: int) -> arb:
        """The exact norm of the group in state 0, as a ball."""
        tall, wide = self.structure.rows[0], self.structure.features[0]
        content = self.run.initial.content[layer, matrix, row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
        return sum((arb(x) ** 2 for x in content.flatten().tolist()), arb(0)).sqrt()


@dataclass(frozen=True)
class Data:
    """The data of a fleet, measured once for all variants."""

    plan: Plan
    structure: Structure
    batch: Batch
    measured: Measured


def make_data(plan: Plan, parametrisation: str, text: bool, layers: int, options: Options) -> Data:
    """Draw and measure the data of so many layers."""
    structure = plan.structure(parametrisation)
    batch = make_batch(plan, structure, text, layers, options)
    return Data(plan, structure, batch, measure(batch))


def train_fleet(
    data: Data, variant: Variant, *, share: float = 1.0, record: tuple[str, ...] = (), alone: bool = False
) -> Fleet:
    """Train a fleet just above its threshold, or with the given share of that penalty weight.

    alone: only group (1, 0) of each matrix is penalised, all others are free.
    """
    plan, structure, batch, measured = data.plan, data.structure, data.batch, data.measured
    layers = batch.layers
    entries, optimiser = structure.rows[0] * structure.features[0], variant.optimiser
    eta = rational(optimiser.size(0))
    gamma = rational(plan.start) / (eta * plan.steps)
    with bits():
        found = tuple(
            bounds_of(variant, a_priori(structure, measured, layer, optimiser.minibatch is not None), entries, plan.unit)
            for layer in range(layers)
        )
    exact = [bound.vector + gamma for bound in found]
    weights = tuple(share * nextafter(float(int(x.p)) / float(int(x.q)), inf) for x in exact)
    seeds = [plan.seed + index for index in range(layers)]
    first = initialise(
        structure,
        seeds,
        group_norm=plan.start,
        value_norm=0.5,
        readout_norm=1.0,
        dtype=batch.tokens.dtype,
        device=batch.tokens.device,
    )
    penalty = off_block_penalty(structure, torch.tensor(weights, dtype=torch.float64))
    if alone:
        chosen = torch.zeros_like(penalty.weights)
        chosen[:, 1, 0] = 1.0
        penalty = replace(penalty, weights=chosen)
    run = train(
        first, batch, structure, penalty, optimiser, plan.steps + 4, dial=1.0, balls=variant.balls, seeds=seeds, record=record
    )
    return Fleet(plan, variant, structure, batch, run, found, weights)


def slack_left(fleet: Fleet, layer: int, theta0: arb) -> tuple[fmpq, fmpq]:
    """Gamma = lam - M and gamma_f, what rounding leaves of it; both rounded down."""
    bound, lam = fleet.bounds[layer].vector, rational(fleet.weights[layer])
    eta, gamma = rational(fleet.variant.optimiser.size(0)), rounded_down(lam - bound)
    return gamma, rounded_down(gamma - (fleet.entries + 16) * fleet.plan.unit * (2 * bound + gamma + upper(theta0) / eta))


def rounded_down(x: fmpq) -> fmpq:
    """The multiple of 2^-60 below x, not x itself: hypotheses that hold with room are decided by balls."""
    return fmpq((x * 2**60).floor() - 1, 2**60)


def extinction_cases(fleet: Fleet) -> Iterator[tuple[Theorem, Case]]:
    """For every off-block group: the first zero state against the proved step, by the variant's statement and by the one about
    floats.
    """
    o = fleet.variant.optimiser
    peaks, zero_at, revived = fleet.run.gradient_peak.tolist(), fleet.run.extinct_at.tolist(), fleet.run.revived.tolist()
    for layer, matrix, row, column in fleet.groups():
        with bits():
            theta0 = fleet.start(layer, matrix, row, column)
            gamma, left = slack_left(fleet, layer, theta0)
        if not theta0 > 0:
            continue
        known = fleet.bounds[layer]
        peak = rational(peaks[layer][matrix][row][column]) * (1 + (fleet.entries + 8) * fmpq(1, 2**52))
        seen = peak if fleet.variant.source == "a-priori" else min(peak, known.gradient) if o.rule != "adam" else known.gradient
        first = zero_at[layer][matrix][row][column]
        alive = revived[layer][matrix][row][column] or first < 0
        common = {
            sym.extinct_at: fleet.run.steps + 1 if alive else first,
            sym.theta0: theta0,
            sym.eta: rational(o.size(0)),
            sym.lam: rational(fleet.weights[layer]),
        }
        special: dict[str, dict[sp.Symbol, Value]] = {
            clipping.name: {sym.clip: known.vector},
            momentum_run.name: {sym.step_bound: known.vector * (1 - rational(o.momentum)), sym.momentum: rational(o.momentum)},
            averaging.name: {sym.step_bound: known.vector, sym.momentum: rational(o.momentum)},
            decay_and_balls.name: {sym.step_bound: known.vector, sym.decay: 1, sym.radial: 1},
            finite_time.name: {sym.step_bound: known.vector},
            adam_theorem.name: {
                sym.beta1: rational(o.betas[0]),
                sym.beta2: rational(o.betas[1]),
                sym.parameters: fleet.entries,
            },
        }
        origin = (
            f"{fleet.variant.name}, layer {layer}, group ({matrix}, {row}, {column}), {fleet.structure.parametrisation}, "
            f"{fleet.batch.source}, {fleet.plan}"
        )
        yield (
            fleet.variant.theorem,
            Case(common | special[fleet.variant.theorem.name] | {sym.gamma: left, sym.vector_max: seen}, origin),
        )
        plain = o.rule == "sgd"
        rounding = {
            sym.gamma: gamma,
            sym.float_slack: left,
            sym.parameters: fleet.entries,
            sym.roundoff: fleet.plan.unit,
            sym.step_bound: known.vector,
            sym.vector_max: seen if plain else known.vector,
        }
        yield float_zero, Case(common | rounding, origin)
