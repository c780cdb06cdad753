"""How long the proofs take: `localist prove` from nothing, in a folder of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import checks
from benchmarks.rounds import Tell, quiet


def measure(rounds: int, tell: Tell = quiet, jobs: int = 2) -> dict[str, Any]:
    """Seconds of one clean build with its audit, and how many theorems it proves; once, whatever the rounds."""
    if shutil.which("coqc") is None:
        return {"rows": [], "left_out": {"Coq": "coqc not found"}}
    tell("compiling every proof: minutes", 0, 1)
    root = Path(checks.__file__).parent.parent
    code = "from checks.cli import main; main()"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        options = ["--jobs", str(jobs), "--build", str(folder / "build"), "--out", str(folder)]
        done = subprocess.run(
            [sys.executable, "-c", code, "prove", *options], cwd=root, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
        record = folder / "proofs.json"
        if done.returncode not in (0, 1) or not record.exists():
            raise ValueError(f"localist prove ended with {done.returncode}: {done.stderr.strip()[-300:]}. Not timed.")
        report = json.loads(record.read_text(encoding="utf-8"))
    version = subprocess.run(["coqc", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    proved = sum(row["status"] == "proved" for row in report["statements"])
    row = {
        "seconds": seconds, "jobs": jobs, "statements_proved": proved, "statements": len(report["statements"]),
        "further_theorems": len(report.get("further", [])), "problems": len(report["problems"]), "coq": version,
    }  # fmt: skip
    return {"rows": [row], "left_out": {}}


__all__ = ["measure"]
