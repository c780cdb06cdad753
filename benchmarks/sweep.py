"""`localist threshold --sweep`: rows of a table a second, beside one configuration after the other."""

from __future__ import annotations

import csv
import io
import random
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.rounds import Call, Spread, Tell, interleaved, quiet, quotients
from theory import tables
from theory.config import from_mapping
from theory.guarantee import SIDES, exact_inputs, guarantee, values_of

ROWS, SINGLE, CHECKED = 40_000, 60, 200
WORST = 1e-12  # relative loss of a sweep's value to the safe side, as theory/sweep.py promises


def table_of(rows: int, seed: int = 1) -> list[dict[str, str]]:
    """Configurations as texts: sizes, norms, dials and targets that vary, all of them accepted."""
    rng = random.Random(seed)
    made = []
    for _ in range(rows):
        keys = rng.randrange(8, 512)
        form = rng.choice(("bilinear", "qk"))
        row = {
            "attention.keys": str(keys), "attention.block": str(rng.randrange(1, keys)), "attention.parametrisation": form,
            "attention.temperature": repr(rng.uniform(0.5, 2)), "dial.strength": "1.0",
            "norms.input": repr(rng.uniform(1, 2)), "norms.block_input": repr(rng.uniform(0.5, 1)), "norms.leak": repr(rng.uniform(0, 0.2)),
            "norms.value_diameter": repr(rng.uniform(0.5, 4)), "norms.content": repr(rng.uniform(0.5, 4)) if form == "bilinear" else "",
            "norms.query": repr(rng.uniform(0.5, 2)) if form == "qk" else "",
            "norms.key": repr(rng.uniform(0.5, 2)) if form == "qk" else "",
            "loss.kind": "cross-entropy", "loss.readout_diameter": repr(rng.uniform(0.5, 2)), "dial.setting": repr(rng.uniform(0, 20)),
            "training.step": repr(rng.uniform(0.01, 0.2)), "training.slack": repr(rng.uniform(0.01, 0.2)),
            "training.initial_norm": repr(rng.uniform(0.5, 2)), "target.outside_mass": repr(10 ** rng.uniform(-6, -1)),
        }  # fmt: skip
        made.append(row)
    return made


def _nested(row: dict[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for field, cell in row.items():
        section, _, name = field.partition(".")
        if cell:
            whole = name in ("keys", "block")
            data.setdefault(section, {})[name] = (
                cell if name in ("parametrisation", "kind") else int(cell) if whole else float(cell)
            )
    return data


def compare(rows: list[dict[str, str]], results: list[dict[str, str]]) -> float:
    """Largest relative loss of the sweep against the exact way; ValueError for a value that is not on the safe side or loses more."""
    worst = 0.0
    for index, (row, result) in enumerate(zip(rows, results, strict=True)):
        exact = values_of(exact_inputs(from_mapping(_nested(row), f"row {index}")), f"row {index}")
        for name, side in SIDES.items():
            value = getattr(exact, name)
            if value is None:
                continue
            swept = float(result[name])
            loss = (swept - value if side == "up" else value - swept) / max(abs(value), 1e-300)
            if not 0 <= loss <= WORST:  # the exact way gives the float next to the value, so a safe one is at least as far out
                raise ValueError(f"row {index}: {name} is {swept} in the sweep and {value} exactly. Not timed.")
            worst = max(worst, loss)
    return worst


def measure(rounds: int, tell: Tell = quiet, rows: int = ROWS) -> dict[str, Any]:
    """Rows a second of the sweep to CSV and to JSON lines, and of single configurations, interleaved."""
    made = table_of(rows)
    few = [_nested(row) for row in made[:SINGLE]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = folder / "table.csv"
        with table.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(made[0]))
            writer.writeheader()
            writer.writerows(made)

        def swept(form: str) -> None:
            done, errors, bad = tables.run(table, folder / f"out.{form}", io.StringIO(), form, lambda rows, share: None)
            if done != rows or bad:
                raise ValueError(f"the sweep did {done - bad} of {rows} rows: {errors[:1]}. Not timed.")

        tell("comparing with single configurations", 0, 1)
        swept("csv")
        with (folder / "out.csv").open(newline="", encoding="utf-8") as stream:
            loss = compare(made[:CHECKED], [row for row, _ in zip(csv.DictReader(stream), range(CHECKED), strict=False)])
        calls: dict[str, Call] = {
            "sweep to CSV": partial(swept, "csv"),
            "sweep to JSON lines": partial(swept, "jsonl"),
            "one after the other": lambda: [guarantee(from_mapping(data, "row")) for data in few],
        }
        timings = interleaved(calls, rounds, tell)
    counts = {"sweep to CSV": rows, "sweep to JSON lines": rows, "one after the other": len(few)}
    each = {name: [seconds / counts[name] for seconds in timing.seconds] for name, timing in timings.items()}
    return {
        "rows": [
            {
                "way": name, "count": counts[name], "rate": asdict(Spread.of(1 / one for one in seconds)),
                "ratio": asdict(quotients(each["one after the other"], seconds)),
            }
            for name, seconds in each.items()
        ],
        "compared": min(CHECKED, rows),
        "relative_loss": loss,
    }  # fmt: skip


__all__ = ["compare", "measure", "table_of"]
