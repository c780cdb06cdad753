"""How fast layers are trained: every backend beside the plain loop.

One unit is a layer trained for 100 full-batch proximal steps on 8 sequences. Peak is what independent fused multiply-adds reach on the
threads of the backend in the same rounds. Operations are counted for the algebra of the compiled fleet, which needs the fewest; a
backend with a longer algebra does more than it is given credit for.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any
from unittest.mock import patch

from benchmarks.backends import Contestant, contestants
from benchmarks.rounds import Call, Spread, Tell, interleaved, quiet, quotients
from benchmarks.task import LIMIT, STEPS, UNITS, Unit, WrongBackendError, admit, deviation
from checks import kernel
from checks.layer import Parameters
from checks.training import one_thread

TARGETS = {  # set before any of this was written
    "small": {"ratio": 300.0, "of_peak": 0.5},
    "large": {"ratio": 20.0},
}
BASE = "plain loop"


Entrants = Callable[[], Iterable[tuple[str, Contestant | str]]]


def measure(
    rounds: int, tell: Tell = quiet, units: tuple[Unit, ...] = UNITS, entrants: Entrants = contestants
) -> dict[str, Any]:
    """Admit, then time, every backend on every unit; rows, and what was left out and why."""
    rows: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, patch.dict("os.environ", TORCHINDUCTOR_CACHE_DIR=folder), one_thread():
        for unit in units:
            found, missing = _unit(unit, rounds, tell, entrants())
            rows += found
            left_out |= missing
    return {"steps": STEPS, "limit": LIMIT, "targets": TARGETS, "rows": rows, "left_out": left_out}


def _unit(
    unit: Unit, rounds: int, tell: Tell, entrants: Iterable[tuple[str, Contestant | str]]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    task = unit.task(unit.fleet)
    tell(f"{unit.name}: reference in float64", 0, 1)
    reference = task.reference()
    ready: dict[str, tuple[Contestant, int, Call]] = {}
    facts: dict[str, dict[str, float]] = {}
    left_out: dict[str, str] = {}
    for name, contestant in entrants:
        if isinstance(contestant, str):
            left_out[name] = contestant
            continue
        tell(f"{unit.name}: admitting {name}", 0, 1)
        try:
            layers, call, facts[name] = _ready(contestant, unit, reference)
        except WrongBackendError as error:
            left_out[name] = f"refused: {error}"
        except Exception as error:  # a compiler or a driver that fails is a reason to go on without it
            left_out[name] = f"failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        else:
            ready[name] = (contestant, layers, call)
    peaks = {f"peak {threads}": partial(peak, threads) for threads in (1, 2)} if kernel.library() is not None else {}
    calls = {name: call for name, (_, _, call) in ready.items()}
    timings = interleaved(
        calls | peaks, rounds, lambda what, done, total: tell(f"{unit.name}: {what}", done, total), shortest=0.4
    )
    base = [seconds / ready[BASE][1] for seconds in timings[BASE].seconds]
    rows = []
    for name, (contestant, layers, _) in ready.items():
        each = [seconds / layers for seconds in timings[name].seconds]
        limit = timings.get(f"peak {min(contestant.threads, 2)}")
        share = None
        if limit is not None and contestant.device == "cpu":
            flops = [_operations(min(contestant.threads, 2)) / seconds for seconds in limit.seconds]
            share = asdict(Spread.of(unit.operations / one / best for one, best in zip(each, flops, strict=True)))
        rows.append({
            "unit": unit.name, "backend": name, "device": contestant.device, "threads": contestant.threads, "layers": layers,
            "rate": asdict(Spread.of(1 / one for one in each)), "ratio": asdict(quotients(base, each)), "of_peak": share,
            "cores": asdict(Spread.of(timings[name].cores)), **facts[name],
        })  # fmt: skip
        if "first" in facts[name]:
            rows[-1]["cold"] = max(0.0, facts[name]["first"] - layers * Spread.of(each).median)
    return rows, left_out


def _ready(contestant: Contestant, unit: Unit, reference: Parameters) -> tuple[int, Call, dict[str, float]]:
    """Layers of a call, the call, and what admission found: the deviation, and the seconds of the very first run."""
    task = unit.task(unit.plain if contestant.alone else unit.fleet).to(contestant.device)
    mine = reference.layer(slice(task.start.layers))
    first = contestant.prepare(task)
    started = time.perf_counter()
    first()
    seconds = time.perf_counter() - started
    facts = {"deviation": admit(contestant.name, contestant.prepare, task, mine), "first": seconds}
    if contestant.device == "cpu":
        return task.start.layers, contestant.prepare(task), facts
    many = unit.task(unit.accelerated).to(contestant.device)  # a GPU is idle on a fleet that fills a core
    call = contestant.prepare(many)
    deviation(contestant.name, call().layer(slice(task.start.layers)), mine)
    return many.start.layers, call, facts


_ROUNDS = 5_000_000


def _operations(threads: int) -> float:
    loaded = kernel.library()
    return 0.0 if loaded is None else 2.0 * threads * _ROUNDS * 12 * (loaded.localist_vector_bytes() // 4)


def peak(threads: int) -> None:
    """Nothing but independent multiply-adds (float32) on every thread: `_operations(threads)` of them."""
    loaded = kernel.library()
    if loaded is None:
        raise RuntimeError(f"the peak is measured by the compiled extension: {kernel.why_not()}")
    run: Callable[[int], float] = loaded.localist_peak_f32
    with ThreadPoolExecutor(max_workers=threads) as pool:  # ctypes gives up the lock meanwhile
        list(pool.map(run, [_ROUNDS] * threads))


__all__ = ["BASE", "TARGETS", "measure", "peak"]
