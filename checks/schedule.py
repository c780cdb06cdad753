"""Attacks on `theory.schedule`: random schedules, exact stacks, stacks with an absorbing outside, searched ones, trained ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
import torch
from flint import fmpq
from hypothesis import strategies as st

from checks import schedule_cases as cases
from checks.properties import Emission, FamilyChecks, Options, Trained, holds_for
from checks.rows import climb
from checks.schedule_exact import Layers, absorbing, random_layers
from checks.schedule_trained import OF_FLOW, OF_NORMS, OF_ROLLOUT, StackConfig, stack_configs, trained
from checks.schedule_trained import cases_of as trained_cases
from checks.strategies import SEEDS
from theory import schedule_budget as bud
from theory import schedule_norms as nor
from theory import schedule_rollout as roll
from theory import schedule_values as val
from theory.schedule import THEOREMS
from theory.schedule_numbers import Schedule

fmpq_mat = type(absorbing((fmpq(1, 2),), 2, 1).matrices[0])


@dataclass(frozen=True)
class Draw:
    """A seed, from which everything follows."""

    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """The generator of the draw; each call starts it anew."""
        return np.random.default_rng(self.seed)


@st.composite
def draws(draw: st.DrawFn) -> Draw:
    """One seed."""
    return Draw(draw(SEEDS))


def _fraction(rng: np.random.Generator, top: int = 40, below: int = 16) -> fmpq:
    return fmpq(int(rng.integers(0, top)), int(rng.integers(1, below)))


def random_schedule(rng: np.random.Generator, *, real: bool) -> Schedule:
    """A schedule that does not fall, of whole degree up to 9 or of any rational degree from 1 to 8."""
    degree = Fraction(int(rng.integers(12, 97)), 12) if real else int(rng.integers(1, 10))
    low = Fraction(int(rng.integers(-60, 60)), 7)
    return Schedule(int(rng.integers(2, 40)), degree, low, low + Fraction(int(rng.integers(0, 300)), 11))


@holds_for(
    bud.budget_identity,
    bud.any_degree,
    *bud.EXACT,
    bud.floor,
    bud.ceiling,
    bud.above,
    bud.below,
    bud.raised,
    given=draws,
    examples=4,
)
def random_schedules(drawn: Draw, options: Options) -> Iterator[Emission]:
    """Budgets added up dial by dial; every layer of a schedule against a random dial and against one just above its own."""
    rng = drawn.rng
    for _ in range(60):
        whole = random_schedule(rng, real=False)
        case = cases.schedule_case(whole)
        yield bud.budget_identity, case
        yield bud.any_degree, case
        if int(whole.degree) <= 5:
            yield bud.EXACT[int(whole.degree) - 1], case
        for schedule in (whole, random_schedule(rng, real=True)):
            case = cases.schedule_case(schedule)
            yield bud.floor, case
            yield bud.ceiling, case
            if schedule.high > schedule.low:
                yield from _layers(schedule, rng)
    for power, theorem in enumerate(bud.EXACT, start=1):
        yield theorem, cases.schedule_case(Schedule(int(rng.integers(2, 200)), power, 0, 1))


def _layers(schedule: Schedule, rng: np.random.Generator) -> Iterator[Emission]:
    share = Fraction(int(rng.integers(1, 2**20)), 2**20 + 7)  # no share of a layer
    wanted = schedule.low + (Fraction(schedule.high) - schedule.low) * share
    for layer in rng.integers(1, schedule.layers, 4).tolist():
        case = cases.layer_case(schedule, layer, wanted)
        yield bud.above, case
        yield bud.below, case
        yield bud.raised, cases.raised_case(schedule, layer, Fraction(int(rng.integers(0, 9)), 4))


def random_masses(rng: np.random.Generator) -> list[fmpq]:
    """Outside masses of one to six layers."""
    return [fmpq(int(x), 1000) for x in rng.integers(0, 1000, int(rng.integers(1, 7)))]


@holds_for(*OF_ROLLOUT, roll.residual, roll.vacuous, roll.monotone, given=draws, examples=4)
def random_stacks(drawn: Draw, options: Options) -> Iterator[Emission]:
    """Rollout of random matrices, and of ones with an absorbing outside; a first layer that is not localised."""
    rng = drawn.rng
    for _ in range(60):
        tokens = int(rng.integers(2, 7))
        g, masses = int(rng.integers(1, tokens)), random_masses(rng)
        for layers, tight in ((random_layers(rng, tokens, g, len(masses)), False), (absorbing(masses, tokens, g), True)):
            one = len(masses) == 1  # one layer attains every bound
            for theorem in OF_ROLLOUT:
                yield theorem, cases.rollout_case(layers, extremal=one or (tight and theorem is roll.rollout))
            yield roll.residual, cases.residual_case(layers, fmpq(int(rng.integers(0, 9)), 8), extremal=one or tight)
            yield roll.vacuous, cases.rollout_case(layers)
        even = fmpq(tokens - g, tokens)
        yield roll.vacuous, cases.rollout_case(absorbing((even, *masses), tokens, g))
        more = [(1 - x) * fmpq(int(rng.integers(0, 5)), 8) + x for x in masses]
        yield roll.monotone, cases.tighter_case(masses, more, "random outside masses")


@holds_for(*OF_FLOW, given=draws, examples=4)
def random_flows(drawn: Draw, options: Options) -> Iterator[Emission]:
    """The value path of random stacks, with value maps that scale (either sign) or turn the plane."""
    rng = drawn.rng
    for index in range(60):
        tokens = int(rng.integers(2, 6))
        g, masses = int(rng.integers(1, tokens)), random_masses(rng)[:4]
        maps = [(_fraction(rng), _fraction(rng) * int(rng.integers(-1, 2))) for _ in masses]
        plain = [(a, fmpq(0)) for a, _ in maps]
        stack = random_layers(rng, tokens, g, len(masses))
        for theorem in OF_FLOW:
            yield theorem, cases.flow_case(stack, maps if index % 2 else [(-a, b) for a, b in plain], extremal=len(masses) == 1)
        tight = cases.flow_case(absorbing(masses, tokens, g), plain, extremal=True)
        yield val.value_path, tight
        yield val.relative, tight


@holds_for(nor.full_norm, nor.off_block, nor.off_block_share, nor.next_margin, given=draws, examples=4)
def random_norms(drawn: Draw, options: Options) -> Iterator[Emission]:
    """Tokens of two features through random stacks with diagonal value maps, and the worst tokens through absorbing ones."""
    rng = drawn.rng
    for _ in range(60):
        tokens = int(rng.integers(2, 6))
        g, masses = int(rng.integers(1, tokens)), random_masses(rng)[:4]
        maps = [(_fraction(rng) - 5, _fraction(rng) - 5) for _ in masses]
        stack = random_layers(rng, tokens, g, len(masses))
        points = cases.random_tokens(rng, stack)
        if not any(any(vector) for vector in points.vectors):
            continue
        case = cases.norm_case(stack, points, maps, "random tokens")
        for theorem in (nor.full_norm, nor.off_block, nor.off_block_share):
            yield theorem, case
        small = [(a / 40, b / 40) for a, b in maps]
        form = (_fraction(rng) - 3, _fraction(rng) - 3)
        yield nor.next_margin, cases.margin_case(stack, points, small, form, _fraction(rng) - 10)
        worst, same = absorbing(masses, tokens, g), [(abs(a), abs(a)) for a, _ in maps]
        yield nor.off_block, cases.norm_case(worst, cases.worst_tokens(worst, fmpq(3), fmpq(1)), same, "worst", extremal=True)


@holds_for(nor.network, given=draws, examples=4)
def random_settings(drawn: Draw, options: Options) -> Iterator[Emission]:
    """Stacks of scalar tokens with stored content at two settings of the dial."""
    rng = drawn.rng
    for _ in range(40):
        tokens, depth = int(rng.integers(2, 5)), int(rng.integers(1, 4))
        contents = [[[_fraction(rng, 9, 4) - 2 for _ in range(tokens)] for _ in range(tokens)] for _ in range(depth)]
        start = [index + _fraction(rng) - 3 for index in range(tokens - 1)]
        start.append(max(start) + 1)
        dials = (_fraction(rng, 30, 6), -_fraction(rng, 30, 6) - fmpq(1, 100))
        yield (
            nor.network,
            cases.moved_case(
                contents,
                int(rng.integers(1, tokens)),
                start,
                _fraction(rng, 9, 4) - fmpq(1, 5),
                fmpq(int(rng.integers(1, 7)), 2),
                dials,
            ),
        )


def log_ratio(x: np.ndarray, tokens: int, g: int) -> tuple[float, np.ndarray]:
    """ln(rollout leak / its bound) of the stack with logits x, and its gradient; at most 0."""
    logits = torch.tensor(x.reshape(-1, tokens, tokens), requires_grad=True)
    matrices = logits.softmax(-1)
    whole, stay = torch.eye(tokens, dtype=torch.float64), torch.ones((), dtype=torch.float64)
    for matrix in matrices:
        whole = matrix @ whole
        stay = stay * (1 - matrix[:g, g:].sum(-1).max())
    ratio = (whole[:g, g:].sum(-1).max() / (1 - stay)).log()
    (gradient,) = torch.autograd.grad(ratio, logits)
    return float(ratio.detach()), gradient.numpy().ravel()


def rational_stack(x: np.ndarray, tokens: int, g: int, origin: str) -> Layers:
    """Attention of float logits, each weight rounded to a fraction and the rows made to add up to 1."""
    made = []
    for logits in x.reshape(-1, tokens, tokens):
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        raw = np.maximum(np.round(weights / weights.sum(-1, keepdims=True) * 2**24), 0).astype(int)
        made.append(fmpq_mat(tokens, tokens, [fmpq(int(w), int(row.sum())) for row in raw for w in row]))
    return Layers(tuple(made), g, origin)


@holds_for(roll.rollout, val.value_path, given=draws, examples=4)
def searched_stacks(drawn: Draw, options: Options) -> Iterator[Emission]:
    """Stacks that gradient ascent drives towards the rollout bound, before and after the climb."""
    rng = drawn.rng
    for index in range(6):
        tokens, depth = int(rng.integers(2, 5)), int(rng.integers(2, 4))
        g = int(rng.integers(1, tokens))
        start = rng.standard_normal(depth * tokens * tokens)
        with torch.enable_grad():
            found = climb(partial(log_ratio, tokens=tokens, g=g), start)
        for stage, x in (("start", start), ("climbed", found)):
            stack = rational_stack(x, tokens, g, f"searched stack {index} ({stage}) of {drawn}")
            yield roll.rollout, cases.rollout_case(stack)
            yield val.value_path, cases.flow_case(stack, [(fmpq(3, 2), fmpq(0))] * depth)


@holds_for(*OF_ROLLOUT, *OF_FLOW, *OF_NORMS, given=stack_configs, examples=4, text=True)
def trained_stacks(config: StackConfig, options: Options) -> Iterator[Emission]:
    """Fleets of trained stacks, on synthetic codes and on real text; the first four of each fleet are enclosed."""
    fleet = max(1, min(options.layers, 8))
    stack = trained(config, options, fleet)
    yield Trained(fleet * stack.layers, stack.tokens.device.type, "float64")
    for member in range(min(fleet, 4)):
        yield from trained_cases(stack, member, config)


EXTREMAL = {
    bud.budget_identity.name: cases.budget_cases,
    **{theorem.name: cases.power_cases(power) for power, theorem in enumerate(bud.EXACT, start=1)},
    bud.any_degree.name: cases.budget_cases,
    bud.floor.name: cases.real_cases,
    bud.ceiling.name: cases.real_cases,
    bud.above.name: cases.above_cases,
    bud.below.name: cases.below_cases,
    bud.raised.name: cases.raised_cases,
    roll.rollout.name: cases.rollout_cases(),
    roll.sum_bound.name: cases.rollout_cases(one=True),
    roll.uniform.name: cases.rollout_cases(alike=True),
    roll.residual.name: cases.residual_cases,
    roll.vacuous.name: cases.first_cases,
    roll.monotone.name: cases.tighter_cases,
    roll.understates.name: cases.closed,
    roll.overstates.name: cases.closed,
    val.value_path.name: cases.flow_cases(),
    val.relative.name: cases.flow_cases(),
    val.linear_bound.name: cases.flow_cases(one=True),
    val.uniform.name: cases.flow_cases(alike=True),
    val.attention_path.name: cases.closed,
    nor.full_norm.name: cases.full_norm_cases,
    nor.off_block.name: cases.off_cases(),
    nor.off_block_share.name: cases.off_cases(share=True),
    nor.next_margin.name: cases.margin_cases,
    nor.network.name: cases.continuity_cases,
}

CHECKS = FamilyChecks(
    family="schedule",
    theorems=THEOREMS,
    properties=(
        random_schedules, random_stacks, random_flows, random_norms, random_settings, searched_stacks, trained_stacks,
    ),
    extremal=EXTREMAL,
    also_true={
        roll.sum_bound.name: {"sum_eps forgotten (1)": "a share of attention is at most 1"},
        **{
            theorem.name: {"bits for nats on the left": f"{share} ln 2 still exceeds the other side"}
            for theorem, share in ((roll.understates, "2/25"), (roll.overstates, "1/2"), (val.attention_path, "5/8"))
        },
    },
)  # fmt: skip
