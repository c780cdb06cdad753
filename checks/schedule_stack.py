"""Multi-layer localist stacks: trained layer by layer on a schedule of dials, and what leaves the blocks in them.

    x_i <- x_i + sum_j a_ij W_l x_j,    scores of layer l: content of its own input, plus d_l beta on same-block pairs

Layer l is trained (proximal gradient, off-block groups penalised) on the tokens that the layers before it leave, its readout is
dropped, its output added to the tokens. A stack of a fleet is one index of the leading axis of every tensor.

Three leaks are measured, for each query the sum over the tokens outside its block:
    rollout     mass of the product of the attention matrices
    values      spectral norms of the output's derivatives with the attention weights held fixed; `schedule.value_path` bounds it
    everything  the same with the attention weights following the tokens; nothing here bounds it (`schedule.attention_path`)
`measure_stack` does it in floats: observed. `enclosed` does it for one sequence in Arb, from the layers' own scores: certified.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from flint import arb, arb_mat, ctx
from torch import Tensor

from checks.data import Batch, measure
from checks.layer import Capture, Parameters, Structure, attend, same_block
from checks.penalty import off_block_penalty
from checks.training import Balls, initialise, one_thread, sgd, train

POWERS = {128: 9, 512: 24, 2048: 60}  # bits: k, for spectral norms from tr (M'M)^(2^k), within a factor D^(2^-(k + 1))
Fixed = Sequence[float]


class StackError(ValueError):
    """A stack that cannot be built or measured."""


@dataclass(frozen=True)
class TrainedStack:
    """A fleet of stacks: of each layer its weights, its input and its pass; tokens after the last layer.

    dials: one per layer.  batches[l]: the input of layer l.  All tensors have the fleet axis first.
    """

    structure: Structure
    dials: tuple[float, ...]
    parameters: tuple[Parameters, ...]
    batches: tuple[Batch, ...]
    captures: tuple[Capture, ...]
    tokens: Tensor  # [F, S, T, D]
    extinct: tuple[bool, ...]  # layer by layer: every off-block group of the content is exactly zero

    @property
    def layers(self) -> int:
        """The number of layers of each stack."""
        return len(self.parameters)

    @property
    def fleet(self) -> int:
        """The number of stacks."""
        return int(self.tokens.shape[0])

    @property
    def source(self) -> str:
        """Where the tokens come from."""
        return self.batches[0].source


def block_diagonal(values: Tensor, structure: Structure) -> Tensor:
    """Value maps [F, D, D] with their off-block entries set to zero."""
    owner = torch.repeat_interleave(torch.tensor(structure.features)).to(values.device)
    return values * (owner[:, None] == owner[None, :])


def next_batch(batch: Batch, tokens: Tensor) -> Batch:
    """The batch with other tokens; the promised norms are measured anew."""
    moved = replace(batch, tokens=tokens, block_norm=math.inf, leak=math.inf)
    sizes = measure(moved)
    return replace(moved, block_norm=float(sizes.block_norm.max()), leak=float(sizes.leak.max()))


@one_thread()
def train_stack(
    batch: Batch,
    structure: Structure,
    dials: Fixed,
    *,
    seeds: Sequence[int],
    steps: int = 40,
    step: float = 0.1,
    penalty: float = 0.05,
    value_norm: float = 1.0,
    block_values: bool = True,
    tell: Callable[[str], None] = lambda text: None,
) -> TrainedStack:
    """Train a fleet of stacks, one layer per dial, on a batch of the fleet's size; one seed a stack.

    value_norm: Frobenius ball of every value map, so |W_l| <= value_norm.  block_values: set off-block entries of the value maps to
    zero after training, as `schedule.off_block` needs. Raises StackError unless outputs have the width of tokens.
    """
    if structure.value_width != structure.width:
        raise StackError(
            f"a stack adds outputs to tokens, so value_width must be the width {structure.width}, got {structure.value_width}. "
            "Leave value_width at its default."
        )
    if len(seeds) != batch.layers or not len(dials):
        raise StackError(
            f"a stack needs a dial for each layer and a seed for each of {batch.layers} stacks, got {len(dials)} and {len(seeds)}. "
            "Give both."
        )
    parameters, batches, captures, extinct = [], [], [], []
    here = batch
    for number, dial in enumerate(dials):
        tell(f"layer {number + 1} of {len(dials)}, dial {float(dial):.3g}")
        start = initialise(
            structure, [seed + 7919 * number for seed in seeds], dtype=batch.tokens.dtype, device=batch.tokens.device
        )
        groups = off_block_penalty(structure, penalty)
        done = train(
            start, here, structure, groups, sgd(step), steps, dial=float(dial), balls=Balls(values=value_norm)
        ).parameters
        if block_values:
            done = Parameters(done.content, block_diagonal(done.values, structure), done.readout)
        capture = attend(done, here, structure, dial=float(dial))
        parameters.append(done)
        batches.append(here)
        captures.append(capture)
        extinct.append(_off_block_zero(done, structure))
        here = next_batch(here, here.tokens + capture.outputs)
    return TrainedStack(
        structure, tuple(map(float, dials)), tuple(parameters), tuple(batches), tuple(captures), here.tokens, tuple(extinct)
    )


def _off_block_zero(parameters: Parameters, structure: Structure) -> bool:
    form = parameters.bilinear_form
    return bool((form == block_diagonal(form, structure)).all())


# --- measured, in floats ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """Leaks of a fleet of stacks as float64 numbers, each the worst over sequences and queries: observed, not certified.

    outside_mass: of a query, per layer [layers].  spectral: norm of the value map, per layer [layers].  rollout, values, everything:
    the leaks from layer `start` on, the last two as shares of the product of 1 + |W_l|.  off_block: share of a token's norm off its
    block, before layer `start` and after each layer from it on.
    """

    start: int
    outside_mass: tuple[float, ...]
    spectral: tuple[float, ...]
    rollout: float
    values: float
    everything: float | None
    off_block: tuple[float, ...]


def outside_masses(stack: TrainedStack) -> list[float]:
    """The greatest attention of a query outside its block, layer by layer, in floats."""
    return [float((c.weights * ~c.same_block).sum(-1).masked_fill(~c.rows, 0.0).max()) for c in stack.captures]


def frozen_jacobian(stack: TrainedStack, start: int = 0) -> Tensor:
    """[F, S, T, T, D, D]: derivatives of the last tokens in those before layer `start` along the values, by autograd.

    Attention weights are held fixed, so the map is linear and its Jacobian does not depend on the tokens.
    """

    def forward(x: Tensor) -> Tensor:
        for parameters, capture in zip(stack.parameters[start:], stack.captures[start:], strict=True):
            x = x + capture.weights @ (x @ parameters.values[:, None].mT)
        return x

    return _jacobian(forward, stack.batches[start].tokens)


def full_jacobian(stack: TrainedStack, start: int = 0) -> Tensor:
    """The same through the scores too: attention is computed anew from the moved tokens."""

    def forward(x: Tensor) -> Tensor:
        for number in range(start, stack.layers):
            moved = replace(stack.batches[number], tokens=x)
            x = x + attend(stack.parameters[number], moved, stack.structure, dial=stack.dials[number]).outputs
        return x

    return _jacobian(forward, stack.batches[start].tokens)


def _jacobian(forward: Callable[[Tensor], Tensor], tokens: Tensor) -> Tensor:
    """Derivatives of out[f, s, i, a] in in[f, s, j, b], as [F, S, i, j, a, b]; stacks and sequences do not touch each other."""
    x = tokens.detach().clone().requires_grad_(True)
    out = forward(x)
    rows = []
    for i in range(tokens.shape[2]):
        parts = []
        for a in range(tokens.shape[3]):
            (gradient,) = torch.autograd.grad(out[:, :, i, a].sum(), x, retain_graph=True)
            parts.append(gradient)
        rows.append(torch.stack(parts, 3))  # [F, S, j, a, b]
    return torch.stack(rows, 2).detach()


def flows_of(jacobian: Tensor, stack: TrainedStack) -> Tensor:
    """[F, S, T]: for each query the spectral norms of its derivatives in the tokens outside its block, added up."""
    norms = torch.linalg.matrix_norm(jacobian, ord=2)
    outside = ~same_block(stack.batches[0])
    flows: Tensor = (norms * outside).sum(-1)
    return flows


def spectral_norms(stack: TrainedStack) -> list[float]:
    """The greatest spectral norm of a value map of the fleet, layer by layer, in floats."""
    return [float(torch.linalg.matrix_norm(parameters.values.double(), ord=2).max()) for parameters in stack.parameters]


@one_thread()
def measure_stack(stack: TrainedStack, start: int = 0, *, everything: bool = True) -> Measured:
    """Measure a fleet of stacks from layer `start` on."""
    with torch.enable_grad():
        frozen = flows_of(frozen_jacobian(stack, start), stack)
        full = flows_of(full_jacobian(stack, start), stack) if everything else None
    growth = torch.ones(stack.fleet, dtype=torch.float64)
    for parameters in stack.parameters[start:]:
        growth = growth * (1 + torch.linalg.matrix_norm(parameters.values.double().cpu(), ord=2))
    rollout = stack.captures[start].weights
    for capture in stack.captures[start + 1 :]:
        rollout = capture.weights @ rollout
    outside = ~same_block(stack.batches[0])

    def share(flows: Tensor) -> float:
        return float((flows.double().cpu().amax((1, 2)) / growth).max())

    return Measured(
        start,
        tuple(outside_masses(stack)),
        tuple(spectral_norms(stack)),
        float((rollout * outside).sum(-1).max()),
        share(frozen),
        None if full is None else share(full),
        tuple(_off_share(batch) for batch in (*stack.batches[start:], next_batch(stack.batches[0], stack.tokens))),
    )


def _off_share(batch: Batch) -> float:
    sizes = measure(batch)
    return float((sizes.leak / sizes.input_norm).max())


# --- enclosed, in balls -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Enclosed:
    """One sequence of one stack in Arb, from the scores and weights of its layers as exact numbers.

    attention: T x T matrices per layer.  masses: greatest outside mass of a query per layer.  gains: spectral norms of the value
    maps.  Every query has its own block, and all of these are the worst over queries.  absorbing: one query is the worst in every
    layer, sees no other key of its block, and under a causal mask nothing that it sees comes back: rollout attains its bound.
    """

    attention: tuple[arb_mat, ...]
    values: tuple[arb_mat, ...]
    gains: tuple[arb, ...]
    masses: tuple[arb, ...]
    rollout: arb
    flow: arb
    absorbing: bool


def matrix_of(tensor: Tensor) -> arb_mat:
    """A float matrix as exact balls."""
    rows = tensor.detach().double().cpu().tolist()
    return arb_mat(rows)


def spectral_norm(matrix: arb_mat) -> arb:
    """A ball around the spectral norm: r = tr (M'M)^k, k a power of 2 that grows with the precision, has r/D <= |M|^(2k) <= r."""
    power = max(k for bits, k in POWERS.items() if bits <= max(ctx.prec, min(POWERS)))
    width = min(int(matrix.nrows()), int(matrix.ncols()))
    gram = matrix.transpose() * matrix if matrix.ncols() <= matrix.nrows() else matrix * matrix.transpose()
    for _ in range(power):
        gram = gram * gram
    trace = sum((gram[i, i] for i in range(width)), arb(0))
    if trace.is_zero():
        return arb(0)
    top = arb(trace.upper()).root(2 ** (power + 1))
    low = arb(trace.lower() / width).root(2 ** (power + 1)) if trace.lower() > 0 else arb(0)
    return low.union(top)


def softmax_rows(scores: Tensor, visible: Tensor) -> arb_mat:
    """Attention of the exact scores [T, T]; removed keys have weight 0."""
    lines = []
    for row, seen in zip(scores.detach().double().cpu().tolist(), visible.cpu().tolist(), strict=True):
        top = max(x for x, keep in zip(row, seen, strict=True) if keep)
        weights = [(arb(x) - arb(top)).exp() if keep else arb(0) for x, keep in zip(row, seen, strict=True)]
        total = sum(weights, arb(0))
        lines.append([w / total for w in weights])
    return arb_mat(lines)


def enclosed(stack: TrainedStack, member: int, sequence: int, start: int = 0) -> Enclosed:
    """The leaks of one sequence of one stack from layer `start` on, enclosed."""
    same = same_block(stack.batches[0])[member, sequence].cpu().tolist()
    size = len(same)
    outside = [[j for j in range(size) if not same[i][j]] for i in range(size)]
    attention, values = [], []
    for parameters, capture in zip(stack.parameters[start:], stack.captures[start:], strict=True):
        attention.append(softmax_rows(capture.scores[member, sequence], capture.visible[member, sequence]))
        values.append(matrix_of(parameters.values[member]))

    def leaks(matrix: arb_mat) -> list[arb]:
        return [sum((matrix[i, j] for j in outside[i]), arb(0)) for i in range(size)]

    def worst(matrix: arb_mat) -> arb:
        found = arb(0)
        for leak in leaks(matrix):
            found = found.max(leak)
        return found

    seen = stack.captures[0].visible[member, sequence].cpu().tolist()
    alone = [i for i in range(size) if [j for j in range(size) if seen[i][j] and same[i][j]] == [i]]
    absorbing = stack.structure.causal and any(
        all(all(i == k or rows[i] > rows[k] for k in range(size)) for rows in map(leaks, attention)) for i in alone
    )

    rollout = attention[0]
    for matrix in attention[1:]:
        rollout = matrix * rollout
    return Enclosed(
        tuple(attention),
        tuple(values),
        tuple(spectral_norm(matrix) for matrix in values),
        tuple(worst(matrix) for matrix in attention),
        worst(rollout),
        _flow(attention, values, outside),
        absorbing,
    )


def _flow(attention: Sequence[arb_mat], values: Sequence[arb_mat], outside: list[list[int]]) -> arb:
    """The greatest sum of |d x_i / d x_j| over j outside, along the values: the Jacobian is built up block by block."""
    size, width = int(attention[0].nrows()), int(values[0].nrows())
    zero = arb_mat(width, width)
    one = arb_mat([[arb(int(i == j)) for j in range(width)] for i in range(width)])
    jacobian = [[one if i == j else zero for j in range(size)] for i in range(size)]
    for weights, value in zip(attention, values, strict=True):
        through = [[value * block for block in row] for row in jacobian]
        new = []
        for i in range(size):
            row = []
            for j in range(size):
                total = jacobian[i][j]
                for k in range(size):
                    if not weights[i, k].is_zero():
                        total = total + weights[i, k] * through[k][j]
                row.append(total)
            new.append(row)
        jacobian = new
    worst = arb(0)
    for i in range(size):
        worst = worst.max(sum((spectral_norm(jacobian[i][j]) for j in outside[i]), arb(0)))
    return worst
