"""Recorded runs of the experiments: the ones that come with the book, or newer ones among the evidence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from checks.status import EvidenceError

EXPERIMENTS = ("aila", "progressive")
FORMAT = 1


@dataclass(frozen=True)
class Over:
    """One measure over seeds: mean, and the exact interval of the median with its level."""

    mean: float
    low: float
    high: float
    level: float
    count: int

    def text(self, digits: int, scale: float = 1.0) -> str:
        """The mean with the interval; no line ends inside the brackets."""
        return f"{self.mean * scale:.{digits}f} [{self.low * scale:.{digits}f},&nbsp;{self.high * scale:.{digits}f}]"


@dataclass(frozen=True)
class Run:
    """A finished run: what it was made of, what came out, and the file."""

    path: Path
    record: Mapping[str, Any]

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Settings, text, blocks, device."""
        inputs: Mapping[str, Any] = self.record["inputs"]
        return inputs

    @property
    def summary(self) -> Mapping[str, Any]:
        """What came out, over seeds."""
        summary: Mapping[str, Any] = self.record["summary"]
        return summary

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def made(self) -> str:
        """When, by which version and commit."""
        code = self.record["code"]
        commit = str(code.get("commit") or "unknown")
        return f"{self.record['finished'][:10]}, Localist {code.get('version') or ''}, commit {commit[:12]}"


def over(measure: Mapping[str, Any]) -> Over:
    """A summary of `checks.experiments.statistics`, as it is recorded."""
    interval = measure["interval"]
    return Over(measure["mean"], interval["low"], interval["high"], interval["level"], measure["count"])


def sweep(rows: Mapping[str, Mapping[str, Any]], measure: str) -> list[tuple[float, Over]]:
    """One measure of a sweep by dial, from the least dial to the greatest."""
    return sorted((float(dial), over(found[measure])) for dial, found in rows.items())


def read_runs(folders: Sequence[Path]) -> dict[str, Run]:
    """The newest finished run of each experiment in some folders; raises EvidenceError for a file that is no run."""
    found: dict[str, tuple[datetime, Run]] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            run, finished = _read(path)
            name = run.record["experiment"]
            if name not in found or finished > found[name][0]:
                found[name] = finished, run
    return {name: found[name][1] for name in EXPERIMENTS if name in found}


def _read(path: Path) -> tuple[Run, datetime]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        finished = datetime.fromisoformat(record["finished"])
        if record["experiment"] not in EXPERIMENTS or record["format"] != FORMAT:
            raise ValueError(f"experiment {record['experiment']!r} in format {record['format']!r}")
        part = record["summary"]["trained" if record["experiment"] == "aila" else "configurations"]
        if not part or not record["inputs"]:
            raise ValueError("nothing was recorded")
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise EvidenceError(
            f"{path} is no run of an experiment that this version can show ({error!r}). Move it away or run `localist experiment` again."
        ) from error
    return Run(path, record), finished


__all__ = ["EXPERIMENTS", "Over", "Run", "over", "read_runs", "sweep"]
