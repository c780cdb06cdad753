"""A router over localist experts, and its potential: what everything together costs, in nats.

    Phi = sum over experts (-ln p of the classes of its windows + penalty) + (-ln r of the expert of each window) + structure

A window is a run of words of one domain; what is coded is, for every word of it, the class of the next word. Each window belongs to one
expert, and the router pays for saying which. An expert has blocks of its own (classes that predict alike in its own windows), localist
codes, a content form, frozen values and a readout. Structure: a price for each parameter of a readout, of the in-block groups and of
the router, ln(k (k + 1)) for each count k, ln(blocks) for the block of each class. Off-block groups pay the group penalty, which is no
code, so Phi is a potential and not a description length: its moves carry no error rate (`recruitment.lasso`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from flint import arb, fmpq

from checks.data import Batch, DataError, generator, upper_norm
from checks.enclosure import rational
from checks.extinction_exact import bits, upper
from checks.hierarchy_data import CLASSES, FEATURES, TOKENS, Windows, class_blocks
from checks.hierarchy_trained import loss_of, norm_of, penalty_of
from checks.layer import Parameters, Structure, equal_blocks
from checks.penalty import off_block_penalty
from checks.training import initialise, sgd, train
from theory import formulas
from theory.namespaces import FLINT

WIDTH = 2  # features of a block
WORKING = 96  # bits of the balls of a potential


@dataclass(frozen=True)
class Expert:
    """One localist layer with its own blocks: the block of each word, a code for each word, and weights."""

    name: str
    home: np.ndarray  # int64 by word
    codes: torch.Tensor  # float64 [vocabulary, width]
    structure: Structure
    parameters: Parameters
    dial: float

    @property
    def blocks(self) -> int:
        """Its blocks."""
        return self.structure.blocks

    @property
    def priced(self) -> int:
        """Parameters that the structure code pays for: readout and in-block groups."""
        return CLASSES * self.structure.width + sum(size * size for size in self.structure.features)

    def batch(self, windows: Windows) -> Batch:
        """The windows in the codes of this expert."""
        words = torch.from_numpy(windows.words[:, :TOKENS])
        goal = torch.from_numpy(windows.classes[windows.words[:, 1:]])
        blocks = torch.from_numpy(self.home)[words]
        return Batch(self.codes[words][None], blocks[None], goal[None], self.structure.features, 1.0, 0.0, source="windows")


def localist_codes(home: np.ndarray, blocks: int, seed: int) -> torch.Tensor:
    """A code for each word, zero outside its block: 4/5 along its axis, 3/5 in a direction drawn for it; norm at most 1."""
    own = generator(seed, 6).standard_normal((len(home), WIDTH - 1))
    own *= 0.6 / np.linalg.norm(own, axis=1, keepdims=True)
    code = np.zeros((len(home), blocks, WIDTH))
    code[np.arange(len(home)), home, 0] = 0.8
    code[np.arange(len(home)), home, 1:] = own
    made = torch.from_numpy(code.reshape(len(home), blocks * WIDTH) * (1 - 2.0**-40))
    if not bool((upper_norm(made) <= 1).all()):
        raise DataError(
            "a localist code must have norm at most 1, and one has not; the step sizes rest on it. Shorten the codes"
        )
    return made


def new_expert(name: str, windows: Windows, blocks: int, seed: int, dial: float) -> Expert:
    """A fresh expert whose blocks are classes that predict alike in its windows."""
    home = class_blocks(windows, blocks)[windows.classes]
    structure = equal_blocks(blocks, WIDTH * blocks, causal=True, classes=CLASSES)
    codes = localist_codes(home, blocks, seed)
    start = initialise(structure, [seed], group_norm=0.5, readout_norm=0.0, dtype=torch.float64)
    start = replace(
        start, values=torch.eye(structure.width, dtype=torch.float64)[None]
    )  # values are the codes, of norm at most 1
    return Expert(name, home, codes, structure, start, dial)


@dataclass(frozen=True)
class Model:
    """Experts, a router (weights [E, FEATURES]) and the expert of every window."""

    experts: tuple[Expert, ...]
    router: np.ndarray
    owner: np.ndarray  # int64 [S]


@dataclass(frozen=True)
class Prices:
    """What is paid in nats beside the codes of the data: per parameter, and per unit of an off-block group's norm."""

    parameter: float
    penalty: float


def structure_cost(model: Model, prices: Prices) -> arb:
    """Nats of the structure: counts, the block of each class in each expert, and parameters at their price."""
    experts = len(model.experts)
    paid = sum(expert.priced for expert in model.experts) + (experts * FEATURES if experts > 1 else 0)
    counts = [experts, *(expert.blocks for expert in model.experts)]
    partitions = sum((CLASSES * arb(expert.blocks).log() for expert in model.experts), arb(0))
    return arb(rational(prices.parameter)) * paid + partitions + sum((arb(k * (k + 1)).log() for k in counts), arb(0))


def router_logits(model: Model, windows: Windows) -> list[list[fmpq]]:
    """Exact logits of every window: dyadic weights times sixteenths."""
    weights = [[rational(float(w)) for w in row] for row in model.router]
    shares = [[rational(float(f)) for f in row] for row in windows.features]
    return [[sum((a * b for a, b in zip(w, f, strict=True)), fmpq(0)) for w in weights] for f in shares]


def router_cost(model: Model, windows: Windows) -> arb:
    """Nats for the expert of every window."""
    found = arb(0)
    if len(model.experts) == 1:
        return found
    for logits, owner in zip(router_logits(model, windows), model.owner, strict=True):
        top = max(logits)
        found += sum((arb(z - top).exp() for z in logits), arb(0)).log() - arb(logits[int(owner)] - top)
    return found


def expert_cost(expert: Expert, windows: Windows, prices: Prices) -> arb:
    """Nats of the classes of its windows, and its penalty."""
    penalty = penalty_of(expert.parameters, off_block_penalty(expert.structure, prices.penalty), 0)
    if not len(windows.words):
        return penalty
    return loss_of(expert.parameters, expert.batch(windows), expert.structure, 0, expert.dial) + penalty


def potential(model: Model, windows: Windows, prices: Prices) -> arb:
    """Phi, in nats: a ball."""
    with bits(WORKING):
        parts = [expert_cost(e, windows.only(model.owner == k), prices) for k, e in enumerate(model.experts)]
        return sum(parts, structure_cost(model, prices) + router_cost(model, windows))


@dataclass(frozen=True)
class Steps:
    """Proximal steps that were taken: eta |P|^2/2 of each in nats (balls), and step sizes in the scale of Phi."""

    halves: tuple[arb, ...] = ()
    sizes: tuple[fmpq, ...] = ()

    def __add__(self, other: Steps) -> Steps:
        """One after the other."""
        return Steps(self.halves + other.halves, self.sizes + other.sizes)


def _half(before: torch.Tensor, after: torch.Tensor, size: fmpq) -> arb:
    """|move|^2/(2 eta) = eta |P|^2/2, from exact floats."""
    moved = (before.flatten().tolist(), after.flatten().tolist())
    square = sum(((arb(b) - arb(a)) ** 2 for a, b in zip(*moved, strict=True)), arb(0))
    return square / (2 * arb(size))


def train_expert(expert: Expert, windows: Windows, prices: Prices, rounds: int, least: float) -> tuple[Expert, Steps]:
    """Rounds of one content step and one readout step, each of size at most 1/L_s on the full batch.

    L_s of the content form: `threshold.smoothness`, from the readout as it is; values are the codes, of norm at most 1. L_s of the
    readout: half the square of the greatest output, the curvature of log-sum-exp being at most 1/2. Stops when a round requires less
    than `least` nats.
    """
    if not len(windows.words):
        return expert, Steps()
    batch, structure, steps = expert.batch(windows), expert.structure, Steps()
    queries = batch.blocks.numel()
    readout_step = _below(fmpq(2))
    penalty = off_block_penalty(structure, prices.penalty / queries)
    now = expert.parameters
    for _ in range(rounds):
        spread = upper(norm_of(now.readout[0]))
        bound = upper(arb(formulas.smoothness_bilinear(FLINT, arb(2).sqrt() * spread, 1, arb(spread), 1, 1)))
        content_step = min(_below(1 / bound), 1e3) if bound > 0 else 1e3
        halves = []
        for name, size in (("content", content_step), ("readout", readout_step)):
            moved = train(now, batch, structure, penalty, sgd(size), 1, dial=expert.dial, trainable=(name,)).parameters
            scaled = rational(size) / queries
            halves.append(_half(getattr(now, name), getattr(moved, name), scaled))
            steps += Steps((halves[-1],), (scaled,))
            now = moved
        if all(half < arb(least) for half in halves):
            break
    return replace(expert, parameters=now), steps


def _below(bound: fmpq) -> float:
    """A float at most the bound, close to it."""
    found = 0.999 * float(int(bound.p)) / float(int(bound.q))
    while rational(found) > bound:
        found *= 0.999
    return found


def train_router(model: Model, windows: Windows, rounds: int, least: float) -> tuple[Model, Steps]:
    """Gradient steps of size at most 1/L_s, L_s = half the sum of the squared features, on the code of the owners."""
    if len(model.experts) == 1:
        return model, Steps()
    squares = sum((rational(float(f)) ** 2 for f in windows.features.flatten()), fmpq(0))
    size = _below(2 / squares)
    now, steps = model.router, Steps()
    goal = np.eye(len(model.experts))[model.owner]
    for _ in range(rounds):
        logits = windows.features @ now.T
        weights = np.exp(logits - logits.max(1, keepdims=True))
        moved = now - size * ((weights / weights.sum(1, keepdims=True) - goal).T @ windows.features)
        half = _half(torch.from_numpy(now), torch.from_numpy(moved), rational(size))
        steps += Steps((half,), (rational(size),))
        now = moved
        if half < arb(least):
            break
    return replace(model, router=now), steps
