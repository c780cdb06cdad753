"""`localist theorems`: the registry with computed status."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from checks.status import EvidenceError, read_proofs, read_run, run_files, status
from theory import FAMILIES, theorems

if TYPE_CHECKING:
    from sympy.core.relational import Relational

    from theory.theorem import Theorem


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
    try:
        records, proofs = [read_run(path)[1] for path in run_files(evidence)], read_proofs(evidence)
    except EvidenceError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps([_plain(theorem, *status(theorem, records, proofs)) for theorem in chosen], indent=1))
        return
    console = Console(width=None if sys.stdout.isatty() else 150)
    if full:
        for theorem in chosen:
            _page(console, theorem, *status(theorem, records, proofs))
        return
    table = Table(header_style="bold")
    for heading in ("statement", "claim", "status"):
        table.add_column(heading, overflow="fold")
    for theorem in chosen:
        word, why = status(theorem, records, proofs)
        table.add_row(
            Text(theorem.name),
            Text(f"{theorem.title}\n{theorem.claim.lhs} {_sign(theorem)} {theorem.claim.rhs}"),
            Text(f"{word}: {why}"),
        )
    console.print(table)


def _sign(theorem: Theorem) -> str:
    return _sign_of(theorem.claim)


def _sign_of(relation: Relational) -> str:
    return "=" if relation.rel_op == "==" else str(relation.rel_op)


def _plain(theorem: Theorem, word: str, why: str) -> dict[str, Any]:
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
        "status": word,
        "why": why,
    }


def _page(console: Console, theorem: Theorem, word: str, why: str) -> None:
    console.rule(theorem.name, align="left")
    lines = [theorem.title, f"  {theorem.claim.lhs} {_sign(theorem)} {theorem.claim.rhs}", ""]
    for key, hypothesis in theorem.assumes.items():
        reason = f"needed: {theorem.needs[key].text}" if key in theorem.needs else f"domain: {theorem.free[key]}"
        lines += [f"  {key}: {hypothesis.text}", f"      {reason}"]
    lines += [
        f"  where {definition.lhs} {_sign_of(definition)} {definition.rhs}" for definition in theorem.definitions.values()
    ]
    lines += [f"  equality: {theorem.equality.text}", f"  source: {theorem.source}", f"  status: {word} ({why})", ""]
    console.print(Text("\n".join(lines)))
