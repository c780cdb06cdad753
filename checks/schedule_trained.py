"""Trained stacks as cases of `theory.schedule`: rollout, value path, off-block parts and the next margin, enclosed in Arb."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial, reduce

import sympy as sp
import torch
from flint import arb, arb_mat, fmpq
from hypothesis import strategies as st

from checks.claims import Case
from checks.data import Batch, own_part, token_batch
from checks.enclosure import Value
from checks.layer import Structure, equal_blocks
from checks.properties import Options
from checks.schedule_cases import above, finely
from checks.schedule_stack import Enclosed, TrainedStack, block_diagonal, enclosed, matrix_of, train_stack
from checks.training import pick_device
from theory import schedule_norms as nor
from theory import schedule_rollout as roll
from theory import schedule_values as val
from theory import symbols as sym
from theory.schedule_numbers import Schedule
from theory.theorem import Theorem

Values = dict[sp.Symbol, Value]
OF_ROLLOUT = (roll.rollout, roll.sum_bound, roll.uniform)
OF_FLOW = (val.value_path, val.relative, val.linear_bound, val.uniform)
OF_NORMS = (nor.full_norm, nor.off_block, nor.off_block_share, nor.next_margin)


@dataclass(frozen=True)
class StackConfig:
    """A recipe for a fleet of stacks of 2 blocks with 2 features each; everything follows from the seed."""

    seed: int
    text: bool
    causal: bool
    tokens: int
    layers: int
    degree: int
    high: int
    leak: float
    penalty: float
    value_norm: float

    @property
    def structure(self) -> Structure:
        """Two blocks of two features."""
        return equal_blocks(2, 4, causal=self.causal)

    @property
    def schedule(self) -> Schedule:
        """The dials of the layers."""
        return Schedule(self.layers, self.degree, 0, self.high)

    def batch(self, options: Options, fleet: int) -> Batch:
        """Two sequences a stack, in float64, on the device of the options."""
        return token_batch(
            self.structure.features, self.seeds(fleet), text=self.text, path=options.text, sequences=2, tokens=self.tokens,
            leak=self.leak, causal=self.causal, dtype=torch.float64, device=pick_device(options.device),
        )  # fmt: skip

    def seeds(self, fleet: int) -> list[int]:
        """One seed a stack."""
        return [self.seed + index for index in range(fleet)]


@st.composite
def stack_configs(draw: st.DrawFn) -> StackConfig:
    """Stacks on every kind of data, mask, schedule, penalty and value norm."""
    return StackConfig(
        seed=draw(st.integers(0, 2**20)),
        text=draw(st.booleans()),
        causal=draw(st.booleans()),
        tokens=draw(st.integers(4, 6)),
        layers=draw(st.integers(2, 4)),
        degree=draw(st.integers(1, 5)),
        high=draw(st.sampled_from((0, 2, 6, 20))),
        leak=draw(st.sampled_from((0.0, 0.1))),
        penalty=draw(st.sampled_from((0.0, 0.05, 4.0))),
        value_norm=draw(st.sampled_from((0.25, 1.0, 3.0))),
    )


def trained(config: StackConfig, options: Options, fleet: int) -> TrainedStack:
    """Train the fleet of a configuration."""
    batch = config.batch(options, fleet)
    return train_stack(
        batch,
        config.structure,
        [float(d) for d in config.schedule.dials()],
        seeds=config.seeds(fleet),
        steps=25,
        penalty=config.penalty,
        value_norm=config.value_norm,
    )


def cases_of(stack: TrainedStack, member: int, config: StackConfig) -> Iterator[tuple[Theorem, Case]]:
    """Every statement about a stack, for its first sequence, from the first layer and from the second one on."""
    for start in (0, 1):
        origin = f"stack {member}, sequence 0, layers from {start}, {config}"
        if start >= stack.layers - 1:
            continue
        first = enclosed(stack, member, 0, start)
        if not any(mass > 0 for mass in first.masses):
            continue  # one layer attains its bounds, which exact stacks show; one block only has nothing outside
        again = partial(enclosed, stack, member, 0, start)
        rollout = finely(partial(_made, _rollout, again), origin, str(config))
        flow = finely(partial(_made, _flow, again), origin, str(config))
        for theorem in OF_ROLLOUT:
            yield theorem, replace(rollout, extremal=first.absorbing and theorem is roll.rollout)
        for theorem in OF_FLOW:
            yield theorem, flow
    yield from norm_cases(stack, member, config)


def _made(values: Callable[[Enclosed], Values], enclose: Callable[[], Enclosed]) -> Values:
    """The values of a stack that is enclosed when they are asked for, at the precision of that moment."""
    return values(enclose())


def _common(found: Enclosed) -> Values:
    worst = reduce(lambda x, y: x.max(y), found.masses)
    return {
        sym.depth: len(found.masses),
        sym.eps_greatest: worst,
        sym.phi_low: 1 - above(worst),
    }


def _rollout(found: Enclosed) -> Values:
    stay = reduce(lambda x, y: x * y, [1 - mass for mass in found.masses])
    return _common(found) | {
        sym.rollout_leak: found.rollout,
        sym.stay: stay,
        sym.leak_sum: sum(found.masses, arb(0)),
    }


def _gains(found: Enclosed) -> list[fmpq]:
    """Exact bounds on the norms of the value maps."""
    return [fmpq(above(gain)) for gain in found.gains]


def _flow(found: Enclosed) -> Values:
    gains = _gains(found)
    pairs = list(zip(gains, found.masses, strict=True))
    grow = reduce(lambda x, y: x * y, [1 + gain for gain in gains])
    return _common(found) | {
        sym.flow_out: found.flow,
        sym.flow_share: found.flow / grow,
        sym.grow: grow,
        sym.stays: reduce(lambda x, y: x * y, [1 + gain * (1 - mass) for gain, mass in pairs]),
        sym.stay: reduce(lambda x, y: x * y, [1 - mass * gain / (1 + gain) for gain, mass in pairs]),
        sym.leak_sum: sum((mass * gain / (1 + gain) for gain, mass in pairs), arb(0)),
        sym.value_gain: max(gains),
        sym.value_greatest: max(gains),
    }


def norm_cases(stack: TrainedStack, member: int, config: StackConfig) -> Iterator[tuple[Theorem, Case]]:
    """Norms and off-block parts before the last layer, and the margin of every query there that has keys on both sides.

    Tokens are propagated in balls, from the exact ones before the first layer: the floats of later layers are rounded. The off-block
    groups of the last layer's content are set to zero.
    """
    origin = f"stack {member}, sequence 0, before the last layer, {config}"
    case = finely(lambda: _norms(stack, member)[0], origin, str(config))
    for theorem in (nor.full_norm, nor.off_block, nor.off_block_share):
        yield theorem, case
    form = block_diagonal(stack.parameters[-1].bilinear_form, stack.structure)[member]
    capture = stack.captures[-1]
    seen, same = capture.visible[member, 0], capture.same_block[member, 0]
    for query in ((seen & same).any(-1) & (seen & ~same).any(-1)).nonzero()[:, 0].tolist():
        keys = [side.nonzero()[:, 0].tolist() for side in ((seen & same)[query], (seen & ~same)[query])]

        def values(query: int = query, keys: list[list[int]] = keys) -> Values:
            found, tokens = _norms(stack, member)
            scores = tokens * matrix_of(form) * tokens.transpose()
            inside, outside = ([scores[query, j] for j in side] for side in keys)
            margin = reduce(lambda x, y: x.min(y), inside) + arb(stack.dials[-1]) - reduce(lambda x, y: x.max(y), outside)
            return found | _form(stack, form) | {sym.margin: margin, sym.dial: fmpq(*stack.dials[-1].as_integer_ratio())}

        yield nor.next_margin, finely(values, f"{origin}, query {query}", str(config))


def _norms(stack: TrainedStack, member: int) -> tuple[Values, arb_mat]:
    """The symbols of norms before the last layer, and the tokens there."""
    found = enclosed(stack, member, 0, 0)
    first = stack.batches[0]
    own = own_part(first)[member, 0]
    tokens = matrix_of(first.tokens[member, 0])
    start_norm, start_off = above(_longest(tokens, None)), above(_longest(tokens, ~own))
    for attention, value in zip(found.attention[:-1], found.values[:-1], strict=True):
        tokens = tokens + attention * tokens * value.transpose()
    gains, masses = _gains(found)[:-1], found.masses[:-1]
    pairs = list(zip(gains, masses, strict=True))
    values: Values = {
        sym.depth: len(gains),
        sym.norm_start: start_norm,
        sym.off_start: start_off,
        sym.norm_after: _longest(tokens, None),
        sym.off_after: _longest(tokens, ~own),
        sym.grow: reduce(lambda x, y: x * y, [1 + gain for gain in gains]),
        sym.stays: reduce(lambda x, y: x * y, [1 + gain * (1 - mass) for gain, mass in pairs]),
        sym.leak_sum: sum((mass * gain / (1 + gain) for gain, mass in pairs), arb(0)),
        sym.value_off: fmpq(0),  # set to zero, exactly
    }
    return values, tokens


def _longest(tokens: arb_mat, keep: torch.Tensor | None) -> arb:
    """The greatest norm of a token, or of a part of it."""
    found = arb(0)
    for i in range(int(tokens.nrows())):
        square = arb(0)
        for j in range(int(tokens.ncols())):
            if keep is None or bool(keep[i, j]):
                square += tokens[i, j] ** 2
        found = found.max(square.sqrt() if square > 0 else arb(0).union(arb(square.upper()).sqrt()))
    return found


def _form(stack: TrainedStack, form: torch.Tensor) -> Values:
    """The content form of the last layer: the greatest Frobenius norm of a block, temperature, strength."""
    size = stack.structure.features[0]
    blocks = [form[at : at + size, at : at + size] for at in range(0, form.shape[0], size)]
    norms = [sum((arb(x) ** 2 for x in block.double().flatten().tolist()), arb(0)).sqrt() for block in blocks]
    return {sym.rho_A: above(reduce(lambda x, y: x.max(y), norms)), sym.tau: fmpq(1), sym.beta: fmpq(1), sym.off_norm: fmpq(0)}
