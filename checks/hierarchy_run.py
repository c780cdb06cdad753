"""Recruitment at two levels on one potential: blocks within an expert, whole experts; every decision on balls.

New data raise the potential. Then training and moves lower it: a move is a proposal with its training; it is accepted if it lowers
Phi by gamma_b (a block more or less in one expert, windows reassigned) or gamma_L (an expert more or less). The run stops when every
candidate of both levels has been rejected since the last accepted move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from flint import arb, fmpq

from checks.extinction_exact import bits, upper
from checks.hierarchy_data import Windows
from checks.hierarchy_model import (
    WORKING,
    Expert,
    Model,
    Prices,
    Steps,
    new_expert,
    potential,
    router_logits,
    train_expert,
    train_router,
)

Level = Literal["block", "expert"]
Verdict = Literal["accepted", "passed over", "rejected", "undecided"]  # passed over: it pays, and another candidate paid more


@dataclass(frozen=True)
class Setting:
    """What a user may set: gains in nats, dial, rounds of training, the least decrease that a step must promise."""

    block_gain: fmpq
    expert_gain: fmpq
    prices: Prices
    dial: float = 2.0
    rounds: int = 120
    least: float = 0.01
    seed: int = 0
    blocks_most: int = 4
    experts_most: int = 4


@dataclass(frozen=True)
class Candidate:
    """One candidate: its level, what it would have saved (nats, a ball), and whether it was accepted."""

    level: Level
    name: str
    saving: arb
    verdict: Verdict
    windows: int  # windows read at that time


@dataclass(frozen=True)
class Arrival:
    """New data: the domain, its windows, and what they raised the potential by."""

    domain: str
    windows: int
    rise: arb


@dataclass(frozen=True)
class Training:
    """A phase of training outside moves: its steps, and what they brought together."""

    steps: Steps
    drop: arb

    @property
    def promised(self) -> arb:
        """The sum of eta |P|^2/2 over its steps, which `hierarchy.descent_step` promises."""
        with bits(WORKING):
            return sum(self.steps.halves, arb(0))


@dataclass
class Run:
    """The state of a run and its ledger."""

    windows: Windows
    setting: Setting
    model: Model
    phi: arb
    start: arb
    ledger: list[Candidate | Arrival | Training] = field(default_factory=list)
    made: int = 1  # experts and blocks that were ever proposed: seeds

    @property
    def accepted(self) -> list[Candidate]:
        """The accepted moves, in order."""
        return [entry for entry in self.ledger if isinstance(entry, Candidate) and entry.verdict == "accepted"]

    @property
    def last_round(self) -> list[Candidate]:
        """Candidates tested since the last accepted move or arrival."""
        found: list[Candidate] = []
        for entry in reversed(self.ledger):
            if isinstance(entry, Arrival) or (isinstance(entry, Candidate) and entry.verdict == "accepted"):
                break
            if isinstance(entry, Candidate):
                found.append(entry)
        return found[::-1]


Progress = Callable[[str], None]


def begin(windows: Windows, setting: Setting, domain: str) -> Run:
    """One expert with one block, untrained, on the windows of the first domain."""
    first = new_expert("expert 1", windows, 1, setting.seed, setting.dial)
    model = Model((first,), np.zeros((1, windows.features.shape[1])), np.zeros(len(windows.words), dtype=np.int64))
    phi = potential(model, windows, setting.prices)
    run = Run(windows, setting, model, phi, phi)
    run.ledger.append(Arrival(domain, len(windows.words), arb(0)))
    return run


def arrive(run: Run, every: Windows, domain: str) -> None:
    """New windows after those that are there; each goes to the expert that codes it most cheaply, and Phi rises."""
    old = len(run.windows.words)
    owner = np.concatenate([run.model.owner, np.zeros(len(every.words) - old, dtype=np.int64)])
    run.windows, run.model = every, replace(run.model, owner=owner)
    run.model = replace(run.model, owner=np.concatenate([run.model.owner[:old], cheapest(run.model, every)[old:]]))
    before, run.phi = run.phi, potential(run.model, every, run.setting.prices)
    with bits(WORKING):
        rise = run.phi - before
    run.ledger.append(Arrival(domain, len(every.words) - old, rise))


def cheapest(model: Model, windows: Windows) -> np.ndarray:
    """The expert with the least cost of each window, router included; in floats, since it is only a proposal."""
    import torch

    from checks.training import gradients, one_thread, prepare

    logits = np.array([[float(int(z.p)) / float(int(z.q)) for z in row] for row in router_logits(model, windows)])
    found = np.logaddexp.reduce(logits, axis=1, keepdims=True) - logits
    for k, expert in enumerate(model.experts):
        batch = expert.batch(windows)
        many = replace(
            batch,
            tokens=batch.tokens[0][:, None],
            blocks=batch.blocks[0][:, None],
            targets=batch.targets[0][:, None],
        )
        count = len(windows.words)
        weights = type(expert.parameters)(
            *(
                part.expand(count, *part.shape[1:]).contiguous()
                for part in (expert.parameters.content, expert.parameters.values, expert.parameters.readout)
            )
        )
        with torch.no_grad(), one_thread():
            loss = gradients(weights, prepare(many, expert.structure, dial=expert.dial), (), with_loss=True).loss
        assert loss is not None
        found[:, k] += loss.numpy() * batch.blocks.shape[-1]
    return np.asarray(found.argmin(1))


def train_all(run: Run) -> None:
    """Proximal steps on every expert and on the router; one entry of the ledger."""
    model, steps = trained(run.model, run.windows, run.setting)
    if not steps.halves:
        return
    phi = potential(model, run.windows, run.setting.prices)
    with bits(WORKING):
        run.ledger.append(Training(steps, run.phi - phi))
    run.model, run.phi = model, phi


def trained(model: Model, windows: Windows, setting: Setting) -> tuple[Model, Steps]:
    """The model after training of every expert on its own windows, and of the router."""
    steps, experts = Steps(), []
    for k, expert in enumerate(model.experts):
        better, taken = train_expert(expert, windows.only(model.owner == k), setting.prices, setting.rounds, setting.least)
        experts.append(better)
        steps += taken
    routed, taken = train_router(replace(model, experts=tuple(experts)), windows, 4 * setting.rounds, setting.least)
    return routed, steps + taken


def candidates(run: Run) -> list[tuple[Level, str]]:
    """Every candidate of both levels in the present state."""
    found: list[tuple[Level, str]] = []
    for k, expert in enumerate(run.model.experts):
        if expert.blocks < run.setting.blocks_most:
            found.append(("block", f"one block more in {expert.name}"))
        if expert.blocks > 1:
            found.append(("block", f"one block less in {expert.name}"))
        if len(run.model.experts) > 1:
            found.append(("expert", f"without {expert.name}"))
        if len(run.model.experts) < run.setting.experts_most and (run.model.owner == k).sum() > 1:
            found.append(("expert", f"one expert more, from {expert.name}"))
    if len(run.model.experts) > 1:
        found.append(("block", "windows to their cheapest expert"))
    return found


def propose(run: Run, name: str) -> Model:
    """The model that a candidate stands for, trained."""
    model, windows, setting = run.model, run.windows, run.setting
    run.made += 1
    seed = setting.seed + 100 * run.made
    names = {expert.name: k for k, expert in enumerate(model.experts)}
    target = next((k for label, k in names.items() if name.endswith(label)), None)
    if name.startswith("windows"):
        return trained(replace(model, owner=cheapest(model, windows)), windows, setting)[0]
    assert target is not None
    own = windows.only(model.owner == target)
    if name.startswith("one block"):
        blocks = model.experts[target].blocks + (1 if "more" in name else -1)
        fresh = new_expert(model.experts[target].name, own, blocks, seed, setting.dial)
        experts = tuple(fresh if k == target else e for k, e in enumerate(model.experts))
        return trained(replace(model, experts=experts), windows, setting)[0]
    if name.startswith("without"):
        kept = tuple(e for k, e in enumerate(model.experts) if k != target)
        router = np.delete(model.router, target, axis=0)
        smaller = Model(kept, router, np.zeros(len(windows.words), dtype=np.int64))
        return trained(replace(smaller, owner=cheapest(smaller, windows)), windows, setting)[0]
    return _split(run, target, seed)


def _split(run: Run, target: int, seed: int) -> Model:
    """A new expert for those windows of one expert that differ most from its first ones; then three rounds of reassignment."""
    model, windows, setting = run.model, run.windows, run.setting
    mine = np.flatnonzero(model.owner == target)
    features = windows.features[mine]
    centres = features[[0, int(np.abs(features - features[0]).sum(1).argmax())]]
    for _ in range(20):  # two means of the router's features: only a proposal
        side = np.square(features[:, None] - centres).sum(2).argmin(1)
        if 0 in (side.sum(), len(side) - side.sum()):
            break
        centres = np.stack([features[side == k].mean(0) for k in (0, 1)])
    taken = mine[side == 1]
    if not 0 < len(taken) < len(mine):
        taken = mine[len(mine) // 2 :]
    owner = model.owner.copy()
    owner[taken] = len(model.experts)
    used = {expert.name for expert in model.experts}
    label = next(name for k in range(1, 99) if (name := f"expert {k}") not in used)
    parent: Expert = model.experts[target]
    fresh = new_expert(label, windows.only(taken), parent.blocks, seed, setting.dial)
    router = np.vstack([model.router, np.zeros((1, model.router.shape[1]))])
    larger, _ = trained(Model((*model.experts, fresh), router, owner), windows, setting)
    for _ in range(2):
        larger, _ = trained(replace(larger, owner=cheapest(larger, windows)), windows, setting)
    return larger


def recruit_until_done(run: Run, report: Progress = lambda text: None) -> None:
    """Train, test every candidate, accept the best one that pays; until a whole round accepts nothing."""
    train_all(run)
    while True:
        found: list[tuple[Candidate, Model, arb]] = []
        for level, name in candidates(run):
            report(f"testing: {name}")
            model = propose(run, name)
            phi = potential(model, run.windows, run.setting.prices)
            with bits(WORKING):
                saving = run.phi - phi
            needed = arb(run.setting.block_gain if level == "block" else run.setting.expert_gain)
            verdict: Verdict = "accepted" if saving >= needed else "rejected" if saving < needed else "undecided"
            found.append((Candidate(level, name, saving, verdict, len(run.windows.words)), model, phi))
        paying = [item for item in found if item[0].verdict == "accepted"]
        best = max(paying, key=lambda item: float(item[0].saving.mid()), default=None)
        for item in found:
            if item is not best:
                run.ledger.append(replace(item[0], verdict="passed over") if item[0].verdict == "accepted" else item[0])
        if best is None:
            return
        move, run.model, run.phi = best
        run.ledger.append(move)
        report(f"accepted: {move.name}")
        train_all(run)


def rise_of(run: Run) -> fmpq:
    """T: what new data raised the potential by, all together, rounded up."""
    with bits(WORKING):
        return upper(sum((e.rise for e in run.ledger if isinstance(e, Arrival)), arb(0)))


__all__ = [
    "Arrival",
    "Candidate",
    "Run",
    "Setting",
    "Training",
    "arrive",
    "begin",
    "recruit_until_done",
    "rise_of",
]
