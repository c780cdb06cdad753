"""`localist threshold`: what a configuration guarantees, before any training; one file, or a table of them.

Imports stay light: no SymPy, torch or SciPy, and numpy only for a sweep.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theory.config import ConfigError, load
from theory.guarantee import SIDES, Guarantee, guarantee
from theory.reasons import LABELS, WHAT_VACUOUS_MEANS
from theory.rounding import decimal_text

if TYPE_CHECKING:
    from rich.console import Console

BAD_INPUT = 2


@click.command("threshold", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("config", metavar="[CONFIG.toml]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: every value, whether it is vacuous, and because of what it holds."
)
@click.option(
    "--sweep", "table", type=click.Path(path_type=Path), help="A CSV table, one configuration a row, a column per field."
)
@click.option("--out", type=click.Path(path_type=Path), help="File for the results of a sweep (default: standard output).")
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), default=None, help="Of the results of a sweep (default: csv)."
)
def threshold(config: Path | None, as_json: bool, table: Path | None, out: Path | None, form: str | None) -> None:
    """Thresholds and guarantees of a configuration, every digit rounded to the safe side.

    Columns of a sweep are the dotted names of the fields, such as attention.keys or norms.content; a blank cell is a field
    not given. A sweep into a file that is interrupted goes on when the same command is given again.

    Exit codes: 0 done, 2 refused input or usage (a sweep finishes its other rows first).
    """
    if (config is None) == (table is None):
        raise click.UsageError("give either CONFIG.toml or --sweep TABLE.csv")
    if config is not None and (out is not None or form is not None):
        raise click.UsageError(
            "--out and --format belong to --sweep; a single configuration prints a table, or JSON with --json"
        )
    if table is not None and as_json:
        raise click.UsageError("--json belongs to a single configuration; a sweep takes --format jsonl")
    try:
        if table is not None:
            _sweep(table, out, form or "csv")
        elif config is not None:
            result = guarantee(load(config), str(config))
            click.echo(json_text(result)) if as_json else _print(result, str(config))
    except ConfigError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(BAD_INPUT) from None


def json_text(result: Guarantee) -> str:
    """JSON whose decimals are on the safe side of the exact values as they stand, and read back as the same floats."""
    import msgspec

    values: dict[str, Any] = result.as_dict()
    for name, side in SIDES.items():
        if values[name] is not None:
            values[name] = msgspec.Raw(decimal_text(values[name], side).encode())
    values["extinction_steps"] = msgspec.Raw(str(result.extinction_steps).encode())  # of any length
    return msgspec.json.format(msgspec.json.encode(values), indent=2).decode()


def _print(result: Guarantee, source: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = []
    for name, (label, sign, unit) in LABELS.items():
        value, reason = getattr(result, name), result.because[name]
        text = "-" if value is None else f"{sign} {decimal_text(value, SIDES[name], 12) if name in SIDES else value}"
        rows.append((label, text, unit, reason.theorem + (" *" if reason.vacuous and value is not None else "")))
    table = Table(title=f"Guarantees of {source}", title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for i, column in enumerate(("quantity", "value", "unit", "theorem")):
        # A number is never cut short: the digits that are left could be on the unsafe side.
        width = max(len(column), *(len(row[i]) for row in rows))
        table.add_column(column, justify="right" if i == 1 else "left", min_width=width if i < 2 else None, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False, markup=False)
    console.print(table)
    if result.vacuous:
        console.print(f"* VACUOUS: {result.because['margin'].vacuous}.", style="bold")
        console.print(WHAT_VACUOUS_MEANS)
    console.print("Holds under:")
    seen = dict.fromkeys(h for name in LABELS for h in result.because[name].hypotheses if not h.startswith("none:"))
    for hypothesis in seen:
        console.print(f"  - {hypothesis}")


def _sweep(table: Path, out: Path | None, form: str) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from theory import tables

    console: Console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(table.name, total=1.0, rows=0)
        try:
            done, errors, bad = tables.run(
                table, out, sys.stdout, form, lambda rows, share: bar.update(task, completed=share, rows=rows)
            )
        except KeyboardInterrupt:
            kept = f"; the rows done are in {out}.partial, and the same command goes on after them" if out is not None else ""
            console.print(f"interrupted{kept}")
            raise
    for error in errors:
        click.echo(f"error: {error}", err=True)
    if bad > len(errors):
        click.echo(f"error: and {bad - len(errors)} more rows, each with its reason in the column `error`", err=True)
    if out is not None:
        click.echo(f"{done - bad} of {done} rows computed, in {out}", err=True)
    if bad:
        raise SystemExit(BAD_INPUT)
