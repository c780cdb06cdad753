"""What the book renders: for every statement its newest run and its proof, and whether they are about the code at hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checks.properties import Options
from checks.shards import fingerprint
from checks.status import checked, read_proofs, read_run, run_files, status
from theory import theorems
from theory.theorem import Theorem


@dataclass(frozen=True)
class Source:
    """A file of evidence: its name, the hash of its bytes, when and from what it was made, and why it is stale ("" if it is not)."""

    name: str
    sha256: str
    record: Mapping[str, Any]
    stale: str = ""
    path: Path | None = None

    @property
    def short(self) -> str:
        """Twelve hex digits of the hash."""
        return self.sha256[:12]


@dataclass(frozen=True)
class Finding:
    """One statement in one run."""

    source: Source
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Status:
    """The computed status of a statement: a word, what it rests on, and what is missing or stale about it."""

    word: str
    why: str
    checked: str
    lemmas: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that was recorded, read once: `findings` and `proofs` by statement name; `further` are theorems of Coq beside them."""

    findings: Mapping[str, Finding] = field(default_factory=dict)
    proofs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    further: tuple[Mapping[str, Any], ...] = ()
    proof_source: Source | None = None
    _known: dict[int, Status] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )  # hashing a statement takes a while

    def status(self, theorem: Theorem) -> Status:
        """Stated, derived, checked or proved, and what stands against it."""
        if id(theorem) not in self._known:
            self._known[id(theorem)] = self._status(theorem)
        return self._known[id(theorem)]

    def _status(self, theorem: Theorem) -> Status:
        finding = self.findings.get(theorem.name)
        runs = [] if finding is None else [{theorem.name: finding.record}]
        word, why = status(theorem, runs, self.proofs)
        return Status(
            word,
            why,
            checked(theorem, runs)[0],
            tuple(finding.record["readings"]) if finding else (),
            tuple(self._missing(theorem)),
        )

    def _missing(self, theorem: Theorem) -> Iterable[str]:
        finding, proof = self.findings.get(theorem.name), self.proofs.get(theorem.name)
        if finding is None:
            yield "not run: no evidence; run `localist verify`"
        elif finding.record["hash"] != theorem.hash:
            yield "stale: its evidence is about an older statement; run `localist verify`"
        elif finding.source.stale:
            yield f"stale: {finding.source.stale}"
        elif finding.record["verdict"] != "HOLDS":
            yield f"its checks ended in {finding.record['verdict']}"
        if proof is None:
            yield "not run: no record of its proof; run `localist prove`"
        elif proof["status"] != "proved":
            yield f"its proof is {proof['status']}: {proof['why']}"
        elif proof["hash"] != theorem.hash:
            yield "its proof is stale: the statement has changed since they were compared"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The runs that are rendered, each once, and the record of the proofs."""
        runs = {finding.source.name: finding.source for finding in self.findings.values()}
        return (*runs.values(), *([self.proof_source] if self.proof_source else []))

    def problems(self, chosen: Iterable[Theorem] | None = None) -> dict[str, tuple[str, ...]]:
        """What is missing or stale, by statement; empty when the whole book rests on evidence of this very code."""
        found = {theorem.name: self.status(theorem).missing for theorem in (theorems() if chosen is None else chosen)}
        return {name: missing for name, missing in found.items() if missing}


def read_evidence(folder: Path) -> Evidence:
    """Read a folder of evidence; a folder that is missing or empty gives evidence of nothing. Raises EvidenceError for a broken file."""
    findings: dict[str, Finding] = {}
    for path in run_files(folder):
        record, statements = read_run(path)
        source = Source(
            path.stem, _sha256(path), {k: v for k, v in record.items() if k != "statements"}, _stale(path, record), path
        )
        for name, entry in statements.items():
            known = findings.get(name)
            # The newest run wins, but for one of other code or of your own text when an older file is about this code.
            if known is None or (known.source.stale and not source.stale):
                findings[name] = Finding(source, entry)
    path = folder / "proofs.json"
    if not path.exists():
        return Evidence(findings)
    proofs = read_proofs(folder)
    record = json.loads(path.read_text(encoding="utf-8"))
    stale = next(
        (row["why"] for row in proofs.values() if row["status"] == "stale" and "sources have changed" in row["why"]), ""
    )
    source = Source(
        "proofs", _sha256(path), {k: v for k, v in record.items() if k not in ("statements", "further")}, stale, path
    )
    return Evidence(findings, proofs, tuple(record.get("further", ())), source)


def _stale(path: Path, record: Mapping[str, Any]) -> str:
    """Why a run is not about the code at hand: its name is a digest of sources, versions and options, which is computed again."""
    if record["options"]["text"] is not None:
        return f"run {path.stem} was made on a text of the user's, which the book cannot compare; run `localist verify`"
    families = list(dict.fromkeys(entry["family"] for entry in record["statements"]))
    try:
        now = fingerprint(families, Options(**record["options"]))
    except TypeError:
        now = ""
    return (
        "" if now == record["run"] else f"run {path.stem} was made by other sources or library versions; run `localist verify`"
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


__all__ = ["Evidence", "Finding", "Source", "Status", "read_evidence"]
