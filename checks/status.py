"""What is known about a statement, computed from the evidence that lies in a folder. Nobody types a status."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.commands_prove import source_digest

if TYPE_CHECKING:
    from theory.theorem import Theorem

Record = Mapping[str, Any]


class EvidenceError(Exception):
    """A file among the evidence is no evidence; the message says which and what to do."""


def read_proofs(folder: Path) -> dict[str, dict[str, Any]]:
    """What the last `localist prove` recorded, by statement; with sources that have changed since, every proof is stale."""
    path = folder / "proofs.json"
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        rows = {row["name"]: dict(row) for row in record["statements"]}
        stale = record["sources"] != source_digest()
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise _no_evidence(path, folder, error, "localist prove") from error
    if stale:
        for row in rows.values():
            row |= {"status": "stale", "why": "the Coq sources have changed since: run `localist prove`"}
    return rows


def run_files(folder: Path) -> list[Path]:
    """The files of a folder that should be runs, newest first."""
    found = set(folder.glob("*.json")) - {folder / "proofs.json"}
    return sorted(found, key=lambda path: (path.stat().st_mtime, path.name), reverse=True)


def read_run(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """One evidence file: the record of the run, and its statements by name; a file that is no evidence is an error that names it."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return record, {entry["name"]: entry for entry in record["statements"]}
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise _no_evidence(path, path.parent, error, "localist verify") from error


def _no_evidence(path: Path, folder: Path, error: Exception, command: str) -> EvidenceError:
    return EvidenceError(
        f"evidence files are JSON with a list of statements; {path} is not ({error!r}). Move it out of {folder} or run `{command}` again."
    )


def status(theorem: Theorem, runs: Iterable[Mapping[str, Record]], proofs: Mapping[str, Record]) -> tuple[str, str]:
    """Stated, derived, checked or proved, with what it rests on; evidence of another statement hash does not count.

    runs: statements by name, the newest run first.
    """
    word, why = checked(theorem, runs)
    proof = proofs.get(theorem.name)
    if proof is None:
        return word, why
    if proof["status"] == "proved" and proof["hash"] == theorem.hash:
        return "proved", f"Coq {theorem.family}.{theorem.name.partition('.')[2]}; {word}: {why}"
    reason = proof["why"] if proof["status"] != "proved" else "the statement has changed since the proof was compared with it"
    return word, f"{why}; proof {'stale' if proof['status'] == 'proved' else proof['status']}: {reason}"


def checked(theorem: Theorem, runs: Iterable[Mapping[str, Record]]) -> tuple[str, str]:
    """Stated, derived or checked: what the runs say, without Coq."""
    for run in runs:
        entry = run.get(theorem.name)
        if entry is None:
            continue
        if entry["hash"] != theorem.hash:
            return "stated", "evidence is about an older statement: run `localist verify`"
        if not entry["derived"]:
            return "stated", "derivation refused"
        by = f", by lemma {'; '.join(entry['readings'])}" if entry["rests_on"] else ""
        return ("checked" if entry["verdict"] == "HOLDS" else "derived"), f"{entry['verdict']}{by}"
    return "stated", "no evidence yet: run `localist verify`"


__all__ = ["EvidenceError", "checked", "read_proofs", "read_run", "run_files", "status"]
