"""How fast layers are trained: every backend beside the plain loop, in interleaved rounds of one process.

    python -m benchmarks.fleet [--rounds 5] [--json]

One unit is a layer trained for 100 full-batch proximal steps on 8 sequences. Rounds are interleaved, so that a busy machine slows all
alike; ratios are to the plain loop of the same round, with the least and the greatest over the rounds. Peak is what independent
fused multiply-adds reach on one thread in the same rounds. Operations are counted for the algebra of the compiled fleet, which needs
the fewest; a backend with a longer algebra does more than it is given credit for.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import click
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from checks import kernel
from checks.data import Batch, synthetic
from checks.layer import Parameters, Structure, equal_blocks
from checks.penalty import off_block_mask, off_block_penalty, soft_threshold, two_index_groups
from checks.training import NAMES, Balls, initialise, one_thread, prepare, run_steps, sgd

STEPS, STEP, PENALTY = 100, 0.1, 0.02


@dataclass(frozen=True)
class Unit:
    """A size of layer, how many each backend trains in a round, and the operations of one in the plain algebra."""

    name: str
    blocks: int
    width: int
    head: int
    tokens: int
    fleet: int
    plain: int

    @property
    def operations(self) -> float:
        """Floating point operations that a layer needs, two a multiply-add: the products of the algebra of fleet.c, none of padding."""
        t, d, h, c = self.tokens, self.width, self.head, self.blocks
        forward = 2 * t * d * (2 * h + c) + 2 * t * t * (h + c)  # queries, keys, classes; scores, outputs
        backward = 2 * t * t * (2 * h + 2 * c) + 2 * t * d * (2 * h + c)  # to scores, queries, keys, values; to the weights
        return STEPS * 8 * (forward + backward)


UNITS = (Unit("small", 4, 16, 8, 16, 256, 2), Unit("large", 8, 64, 16, 64, 12, 1))


class PlainLayer(nn.Module):
    """The layer as one would write it first: autograd, one layer at a time."""

    def __init__(self, structure: Structure, start: Parameters, dial: float) -> None:
        super().__init__()
        self.queries, self.keys = (nn.Parameter(start.content[0, k].clone()) for k in (0, 1))
        self.values, self.readout = nn.Parameter(start.values[0].clone()), nn.Parameter(start.readout[0].clone())
        self.structure, self.dial = structure, dial

    def forward(self, tokens: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
        """Class scores of every query."""
        scores = (tokens @ self.queries.T) @ (tokens @ self.keys.T).mT / self.structure.temperature + self.dial * same
        return (scores.softmax(-1) @ (tokens @ self.values.T)) @ self.readout.T


def plain(structure: Structure, start: Parameters, batch: Batch) -> None:
    """Train every layer of a batch, one after the other."""
    groups = two_index_groups(structure)
    thresholds = STEP * PENALTY * off_block_mask(groups).double()[None]
    for index in range(batch.layers):
        layer = PlainLayer(structure, start.layer(index), 0.0)
        optimiser = torch.optim.SGD(layer.parameters(), STEP)
        tokens, blocks, targets = batch.tokens[index], batch.blocks[index], batch.targets[index]
        same = (blocks[:, :, None] == blocks[:, None, :]).float()
        for _ in range(STEPS):
            optimiser.zero_grad()
            nn.functional.cross_entropy(layer(tokens, same).flatten(0, 1), targets.flatten()).backward()
            optimiser.step()
            with torch.no_grad():
                both = torch.stack([layer.queries, layer.keys])[None]
                layer.queries.copy_(soft_threshold(both, thresholds, groups)[0, 0])
                layer.keys.copy_(soft_threshold(both, thresholds, groups)[0, 1])


def backends(unit: Unit) -> dict[str, tuple[int, int, Callable[[], object]]]:
    """For every backend that is there: layers of one call, threads, and the call."""
    structure = equal_blocks(unit.blocks, unit.width, unit.head)

    def ready(layers: int) -> tuple[Parameters, Batch]:
        batch = synthetic(structure.features, range(layers), sequences=8, tokens=unit.tokens, leak=0.02)
        return initialise(structure, range(layers)), batch

    start, batch = ready(unit.plain)
    found: dict[str, tuple[int, int, Callable[[], object]]] = {
        "plain loop": (unit.plain, 1, partial(plain, structure, start, batch))
    }
    start, batch = ready(unit.fleet)
    arguments = (
        start,
        prepare(batch, structure),
        off_block_penalty(structure, PENALTY),
        sgd(STEP),
        STEPS,
        NAMES,
        Balls(),
        None,
        (),
    )
    found["torch fleet"] = (unit.fleet, 1, partial(run_steps, *arguments))
    if not kernel.why_not():
        for threads in (1, 2):
            found[f"compiled, {threads} thread{'s' * (threads > 1)}"] = (
                unit.fleet,
                threads,
                partial(kernel.run_steps, *arguments, threads=threads),
            )
    return found


def peak(rounds: int = 5_000_000) -> float:
    """Multiply-adds of one thread in operations a second (float32); nan without the compiled extension."""
    loaded = kernel.library()
    if loaded is None:
        return float("nan")
    started = time.perf_counter()
    loaded.localist_peak_f32(rounds)
    return rounds * 12 * (loaded.localist_vector_bytes() // 4) * 2 / (time.perf_counter() - started)


@dataclass(frozen=True)
class Result:
    """One backend on one unit: layers a second, ratio to the plain loop (median, least, greatest), share of the peak."""

    unit: str
    backend: str
    layers_per_second: float
    ratio: float
    least: float
    greatest: float
    of_peak: float


def measure(unit: Unit, rounds: int) -> list[Result]:
    """Interleaved rounds of every backend."""
    chosen = backends(unit)
    rates: dict[str, list[float]] = {name: [] for name in chosen}
    peaks = []
    with torch.enable_grad(), one_thread():
        for index in range(rounds + 1):
            peaks.append(peak())
            for name, (layers, _, call) in chosen.items():
                started = time.perf_counter()
                call()
                if index:  # the first round warms up
                    rates[name].append(layers / (time.perf_counter() - started))
    results = []
    for name, (_, threads, _) in chosen.items():
        ratios = [rate / base for rate, base in zip(rates[name], rates["plain loop"], strict=True)]
        rate = statistics.median(rates[name])
        share = rate * unit.operations / (statistics.median(peaks) * threads)
        results.append(Result(unit.name, name, rate, statistics.median(ratios), min(ratios), max(ratios), share))
    return results


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Interleaved rounds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(rounds: int, as_json: bool) -> None:
    """Train layers with every backend that is there and compare rates."""
    results = [result for unit in UNITS for result in measure(unit, rounds)]
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results], indent=1))
        return
    table = Table(title=f"Layers a second, {rounds} interleaved rounds", title_justify="left", box=None)
    for heading in ("unit", "backend", "layers/s", "ratio to plain loop", "least", "greatest", "share of peak"):
        table.add_column(heading, justify="left" if heading in ("unit", "backend") else "right")
    for r in results:
        numbers = (f"{r.layers_per_second:,.1f}", f"{r.ratio:.1f}", f"{r.least:.1f}", f"{r.greatest:.1f}", f"{r.of_peak:.0%}")
        table.add_row(r.unit, r.backend, *numbers)
    Console().print(table)
    if kernel.why_not():
        Console(stderr=True).print(f"compiled fleet not measured: {kernel.why_not()}")


if __name__ == "__main__":
    main()
