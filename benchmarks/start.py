"""How long commands take to start: fresh processes, interleaved with a bare interpreter."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import checks
from benchmarks.rounds import Spread, Tell, interleaved, quiet, quotients

BASE = "bare interpreter"
LIBRARIES = ("numpy", "flint", "sympy", "torch")
LAYER = """
[attention]
keys = 64
block = 8
temperature = 1.0
parametrisation = "bilinear"
[norms]
input = 1.0
block_input = 1.0
leak = 0.0
value_diameter = 2.0
content = 4.0
[loss]
kind = "cross-entropy"
readout_diameter = 1.4142135623730951
[dial]
strength = 1.0
setting = 12.0
[training]
step = 0.1
slack = 0.05
initial_norm = 1.0
[target]
outside_mass = 1e-3
"""
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("--help",),
    ("threshold", "layer.toml"),
    ("threshold", "layer.toml", "--json"),
    ("theorems",),
    ("check", "--help"),
    ("verify", "--help"),
    ("prove", "--help"),
    ("book", "--help"),
)


def run(folder: Path, *arguments: str) -> None:
    """One process of this interpreter; ValueError when it fails, because an error is quick."""
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()[-300:]}. Not timed.")


def measure(
    rounds: int,
    tell: Tell = quiet,
    commands: tuple[tuple[str, ...], ...] = COMMANDS,
    libraries: tuple[str, ...] = LIBRARIES,
) -> dict[str, Any]:
    """Seconds from start to end of each process; the first round fills the caches of the file system."""
    root = str(Path(checks.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from checks.cli import main; main(prog_name='localist')"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "layer.toml").write_text(LAYER, encoding="utf-8")
        calls = {BASE: partial(run, folder, "-c", "pass")}
        calls |= {f"localist {' '.join(command)}": partial(run, folder, "-c", code, *command) for command in commands}
        calls |= {f"import {library}": partial(run, folder, "-c", f"import {library}") for library in libraries}
        timings = interleaved(calls, rounds, tell, shortest=0.0)
    base = timings[BASE].seconds
    rows = [
        {
            "command": what, "seconds": asdict(Spread.of(timing.seconds)), "ratio": asdict(quotients(timing.seconds, base)),
            "over_bare": asdict(Spread.of(a - b for a, b in zip(timing.seconds, base, strict=True))),
        }
        for what, timing in timings.items()
    ]  # fmt: skip
    return {"rows": rows}


__all__ = ["BASE", "COMMANDS", "measure", "run"]
