"""`localist theorems`: the registry with computed status."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sympy.core.relational import Relational

from checks.commands_prove import source_digest
from theory import FAMILIES, theorems
from theory.theorem import Theorem


def _proofs(folder: Path) -> dict[str, dict[str, Any]]:
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


def _no_evidence(path: Path, folder: Path, error: Exception, command: str) -> click.UsageError:
    return click.UsageError(
        f"evidence files are JSON with a list of statements; {path} is not ({error!r}). Move it out of {folder} or run `{command}` again."
    )


def _newest(folder: Path) -> list[dict[str, Any]]:
    """The evidence files of a folder, newest first; a file that is no evidence is an error that names it."""
    found = []
    for path in sorted(set(folder.glob("*.json")) - {folder / "proofs.json"}, key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            found.append({entry["name"]: entry for entry in record["statements"]})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise _no_evidence(path, folder, error, "localist verify") from error
    return found


def _status(theorem: Theorem, evidence: list[dict[str, Any]], proofs: dict[str, dict[str, Any]]) -> tuple[str, str]:
    """Stated, derived, checked or proved, with what it rests on; evidence of another statement hash does not count."""
    status, why = _checked(theorem, evidence)
    proof = proofs.get(theorem.name)
    if proof is None:
        return status, why
    if proof["status"] == "proved" and proof["hash"] == theorem.hash:
        return "proved", f"Coq {theorem.family}.{theorem.name.partition('.')[2]}; {status}: {why}"
    reason = proof["why"] if proof["status"] != "proved" else "the statement has changed since the proof was compared with it"
    return status, f"{why}; proof {'stale' if proof['status'] == 'proved' else proof['status']}: {reason}"


def _checked(theorem: Theorem, evidence: list[dict[str, Any]]) -> tuple[str, str]:
    for record in evidence:
        entry = record.get(theorem.name)
        if entry is None:
            continue
        if entry["hash"] != theorem.hash:
            return "stated", "evidence is about an older statement: run `localist verify`"
        if not entry["derived"]:
            return "stated", "derivation refused"
        by = f", by lemma {'; '.join(entry['readings'])}" if entry["rests_on"] else ""
        return ("checked" if entry["verdict"] == "HOLDS" else "derived"), f"{entry['verdict']}{by}"
    return "stated", "no evidence yet: run `localist verify`"


@click.command("theorems")
@click.argument("families", nargs=-1, type=click.Choice(FAMILIES))
@click.option(
    "--evidence",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("evidence"),
    show_default=True,
    help="Folder of evidence.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--full", is_flag=True, help="Print hypotheses, equality case and source of every statement.")
def theorems_command(families: tuple[str, ...], evidence: Path, as_json: bool, full: bool) -> None:
    """Name, statement and computed status of every theorem, or of those of some FAMILIES."""
    chosen = [theorem for family in (families or FAMILIES) for theorem in theorems(family)]
    records, proofs = _newest(evidence), _proofs(evidence)
    if as_json:
        click.echo(json.dumps([_plain(theorem, *_status(theorem, records, proofs)) for theorem in chosen], indent=1))
        return
    console = Console(width=None if sys.stdout.isatty() else 150)
    if full:
        for theorem in chosen:
            _page(console, theorem, *_status(theorem, records, proofs))
        return
    table = Table(header_style="bold")
    for heading in ("statement", "claim", "status"):
        table.add_column(heading, overflow="fold")
    for theorem in chosen:
        status, why = _status(theorem, records, proofs)
        table.add_row(
            Text(theorem.name),
            Text(f"{theorem.title}\n{theorem.claim.lhs} {_sign(theorem)} {theorem.claim.rhs}"),
            Text(f"{status}: {why}"),
        )
    console.print(table)


def _sign(theorem: Theorem) -> str:
    return _sign_of(theorem.claim)


def _sign_of(relation: Relational) -> str:
    return "=" if relation.rel_op == "==" else str(relation.rel_op)


def _plain(theorem: Theorem, status: str, why: str) -> dict[str, Any]:
    return {
        "name": theorem.name,
        "title": theorem.title,
        "claim": f"{theorem.claim.lhs} {_sign(theorem)} {theorem.claim.rhs}",
        "assumes": {
            key: {"relation": str(h.relation), "text": h.text, "remedy": h.remedy} for key, h in theorem.assumes.items()
        },
        "needed": {key: witness.text for key, witness in theorem.needs.items()},
        "equality": theorem.equality.text,
        "source": theorem.source,
        "kind": theorem.kind,
        "hash": theorem.hash,
        "status": status,
        "why": why,
    }


def _page(console: Console, theorem: Theorem, status: str, why: str) -> None:
    console.rule(theorem.name, align="left")
    lines = [theorem.title, f"  {theorem.claim.lhs} {_sign(theorem)} {theorem.claim.rhs}", ""]
    for key, hypothesis in theorem.assumes.items():
        reason = f"needed: {theorem.needs[key].text}" if key in theorem.needs else f"domain: {theorem.free[key]}"
        lines += [f"  {key}: {hypothesis.text}", f"      {reason}"]
    lines += [
        f"  where {definition.lhs} {_sign_of(definition)} {definition.rhs}" for definition in theorem.definitions.values()
    ]
    lines += [f"  equality: {theorem.equality.text}", f"  source: {theorem.source}", f"  status: {status} ({why})", ""]
    console.print(Text("\n".join(lines)))
