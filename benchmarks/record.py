"""The file of a run: for every subject its results, when, by which command, on what machine and how busy it was, of which sources."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import checks
from benchmarks.rounds import Tell
from checks.run import code_commit

ROOT = Path(checks.__file__).parent.parent
RECORD = ROOT / "book" / "_static" / "benchmarks.json"
FORMAT = 1


@dataclass(frozen=True)
class Subject:
    """What is measured: a module with `measure(rounds, tell)`, the sources whose speed it is about, whether it ignores the rounds."""

    name: str
    sources: tuple[str, ...]
    once: bool = False

    def measure(self, rounds: int, tell: Tell) -> tuple[dict[str, Any], float]:
        """The results, and the seconds that measuring took."""
        started = time.monotonic()
        modules = {"training": "fleet"}
        results: dict[str, Any] = import_module(f"benchmarks.{modules.get(self.name, self.name)}").measure(rounds, tell)
        return results, time.monotonic() - started


_FLEET = ("checks/training.py", "checks/penalty.py", "checks/kernel/*.py", "checks/kernel/*.c", "checks/kernel/*.inc")
SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("training", _FLEET),
        Subject("growth", _FLEET),
        Subject("sweep", ("theory/sweep.py", "theory/tables.py", "theory/guarantee.py", "theory/formulas.py")),
        Subject(
            "screen",
            ("checks/screen.py", "checks/balls.py", "checks/claims.py", "checks/enclosure.py", "checks/kernel/screen.inc"),
        ),
        Subject("start", ("checks/cli.py", "checks/commands_*.py", "theory/config.py", "theory/guarantee.py")),
        Subject("proofs", ("theory/coq/*.v",), once=True),
    )
}


def digest(sources: tuple[str, ...], root: Path = ROOT) -> str:
    """Sixteen hex digits of some sources: a time is of the code that was timed."""
    found = hashlib.sha256()
    for path in sorted({path for pattern in sources for path in root.glob(pattern)}):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def entry(
    subject: Subject,
    results: Mapping[str, Any],
    seconds: float,
    rounds: int,
    command: str,
    machine: Mapping[str, Any],
    load: tuple[list[float], list[float]],
) -> dict[str, Any]:
    """The record of one subject."""
    return {
        "finished": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "command": command, "rounds": 1 if subject.once else rounds,
        "seconds": round(seconds, 1),
        "commit": code_commit(), "sources": list(subject.sources), "digest": digest(subject.sources), "machine": dict(machine),
        "load_before": load[0], "load_after": load[1], "results": _short(results),
    }  # fmt: skip


def _short(value: Any) -> Any:
    """Six digits are more than any of these figures has."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _short(inner) for key, inner in value.items()}
    return [_short(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def merged(path: Path, found: Mapping[str, Any]) -> dict[str, Any]:
    """The recorded run with these subjects replaced; the others stay as they were measured."""
    known = json.loads(path.read_text(encoding="utf-8"))["subjects"] if path.exists() else {}
    both = {**known, **found}
    return {"subjects": {name: both[name] for name in SUBJECTS if name in both}}


def text_of(record: Mapping[str, Any]) -> str:
    """The record as JSON."""
    return json.dumps({"format": FORMAT, **record}, indent=1) + "\n"


def new_file() -> Path:
    """Where a run goes that nobody named: below the folder of evidence, apart from the evidence for statements."""
    return Path("evidence", "benchmarks", f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}.json")


__all__ = ["FORMAT", "RECORD", "SUBJECTS", "Subject", "digest", "entry", "merged", "new_file", "text_of"]
