"""How training grows with the number of layers, tokens, width and blocks: the torch fleet and the compiled one.

Each axis changes one size from the same middle. The exponent is the slope of a line through log time against log size, by least squares,
in every round; the operations beside it are those of the shortest algebra, so a time that grows more slowly has spare work in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from benchmarks.backends import Contestant, fleets
from benchmarks.rounds import Spread, Tell, interleaved, quiet, quotients
from benchmarks.task import STEPS as FULL
from benchmarks.task import Unit, admit
from checks.training import one_thread

STEPS = 25
MIDDLE = Unit("middle", 4, 16, 8, 16, 48, 0, 0)
AXES: dict[str, tuple[int, ...]] = {
    "layers": (12, 24, 48, 96, 192),
    "tokens": (8, 16, 32, 64),
    "width": (8, 16, 32, 64),
    "blocks": (2, 4, 8),
}
NAMES = ("torch fleet", "compiled fleet, 1 thread")


@dataclass(frozen=True)
class Point:
    """One size on one axis."""

    axis: str
    size: int
    unit: Unit


def points(axis: str, sizes: tuple[int, ...]) -> Iterator[Point]:
    """The units of an axis."""
    for size in sizes:
        yield Point(axis, size, replace(MIDDLE, **{{"layers": "fleet"}.get(axis, axis): size}))  # type: ignore[arg-type]


def measure(rounds: int, tell: Tell = quiet, axes: dict[str, tuple[int, ...]] = AXES) -> dict[str, Any]:
    """Time of a call at every size, of all layers together; exponents; what was left out and why."""
    present = {name: found for name, found in fleets() if name in NAMES}
    chosen = {name: found for name, found in present.items() if isinstance(found, Contestant)}
    rows: list[dict[str, Any]] = []
    fits: list[dict[str, Any]] = []
    with one_thread():
        for axis, sizes in axes.items():
            for found in _axis(axis, sizes, chosen, rounds, tell):
                rows += found["rows"]
                fits.append(found["fit"])
    left_out = {name: found for name, found in present.items() if isinstance(found, str)}
    middle = {**asdict(MIDDLE), "layers": MIDDLE.fleet}
    kept = {name: middle[name] for name in ("layers", "tokens", "width", "head", "blocks")}
    return {"steps": STEPS, "middle": kept, "rows": rows, "fits": fits, "left_out": left_out}


def _axis(
    axis: str, sizes: tuple[int, ...], chosen: dict[str, Contestant], rounds: int, tell: Tell
) -> Iterator[dict[str, Any]]:
    calls, operations = {}, []
    for point in points(axis, sizes):
        task = point.unit.task(point.unit.fleet, STEPS)
        operations.append(point.unit.operations / FULL * STEPS * point.unit.fleet)
        small = task.first(2)
        for name, contestant in chosen.items():
            tell(f"{axis} {point.size}: admitting {name}", 0, 1)
            admit(name, contestant.prepare, small)
            calls[f"{name} {point.size}"] = contestant.prepare(task)
    timings = interleaved(calls, rounds, lambda what, done, total: tell(f"{axis}: {what}", done, total), shortest=0.02)
    expected = float(np.polyfit(np.log(sizes), np.log(operations), 1)[0])
    for name in chosen:
        seconds = [timings[f"{name} {size}"].seconds for size in sizes]
        slopes = [float(np.polyfit(np.log(sizes), np.log(column), 1)[0]) for column in zip(*seconds, strict=True)]
        rows = []
        for index, size in enumerate(sizes):
            before = quotients(seconds[index], seconds[index - 1]) if index else None
            rows.append({
                "axis": axis, "backend": name, "size": size, "seconds": asdict(Spread.of(seconds[index])),
                "times_the_one_before": None if before is None else asdict(before), "operations": operations[index],
            })  # fmt: skip
        fit = {"axis": axis, "backend": name, "exponent": asdict(Spread.of(slopes)), "of_operations": expected}
        yield {"rows": rows, "fit": fit}


__all__ = ["AXES", "MIDDLE", "STEPS", "measure", "points"]
