"""`localist anchors`: anchors for M pointers, designed, from a file, or topics of real text; what they can do, certified."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from checks.anchors_report import Redundancy, Report

FAILS, BAD_INPUT, UNDECIDED = 1, 2, 3


@click.command("anchors", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--pointers", type=click.IntRange(2, 1000), help="Pointers to design anchors for; with --dimensions.")
@click.option("--dimensions", type=click.IntRange(1, 4096), help="Dimensions of the design, or of the topics' embedding.")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Your anchors, one a row: .npy, .safetensors or .csv.")
@click.option("--text", is_flag=True, help="Topics of the standard library's documentation as pointers.")
@click.option("--topics", type=int, default=24, show_default=True, help="How many topics, with --text.")
@click.option(
    "--fidelity",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.99,
    show_default=True,
    help="At every anchor.",
)
@click.option(
    "--budget", type=click.FloatRange(0), help="Greatest norm of a query, temperature divided out (nats per unit norm)."
)
@click.option("--keys", type=click.IntRange(2), help="Keys of a row, for the redundancy of one pointer; with --margin.")
@click.option("--margin", type=float, help="Margin of its anchors (nats).")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the search for a design.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the anchors as .csv: a name, then numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def anchors(
    pointers: int | None, dimensions: int | None, path: Path | None, text: bool, topics: int, fidelity: float, budget: float | None,
    keys: int | None, margin: float | None, seed: int, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """How many pointers, in how many dimensions, told apart by queries of which norm: anchors designed or judged.

    Exit codes: 0 done and, with --budget, the target is reached; 1 it is proved out of reach; 2 bad input; 3 undecided between the two.
    """
    chosen = sum((pointers is not None, path is not None, text))
    if chosen != 1:
        raise click.UsageError("give one of --pointers (with --dimensions), --file and --text")
    if (keys is None) != (margin is None):
        raise click.UsageError("--keys and --margin belong together: they say what a row of one pointer is like")
    if pointers is not None and dimensions is None:
        raise click.UsageError("--pointers needs --dimensions: the anchors lie somewhere")
    from checks.anchors_report import redundancy, report
    from checks.anchors_systems import AnchorError

    try:
        rows, names, origin = _rows(pointers, dimensions, path, text, topics, seed)
        found = report(rows, names, fidelity, budget)
        row = None if keys is None or margin is None else redundancy(keys, margin, fidelity)
    except AnchorError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(FAILS if str(error).startswith("anchors.") else BAD_INPUT) from None
    if out is not None:
        _write(out, rows, names)
    if as_json:
        click.echo(json.dumps(_plain(found, row, names, origin), indent=2))
    else:
        _print(found, row, names, origin)
    if found.reached is not True and budget is not None:
        click.echo(f"{'error' if found.reached is False else 'undecided'}: {found.cap}", err=True)
        raise SystemExit(FAILS if found.reached is False else UNDECIDED)


def _rows(
    pointers: int | None, dimensions: int | None, path: Path | None, text: bool, topics: int, seed: int
) -> tuple[Any, list[str], str]:
    from checks.anchors_input import read_anchors, topic_anchors

    if path is not None:
        rows, names = read_anchors(path)
        return rows, names, str(path)
    if text:
        width = dimensions if dimensions is not None else min(16, topics - 1)
        rows, names = topic_anchors(topics, width)
        return rows, names, f"{topics} topics of the standard library's documentation, {width} singular directions"
    from checks.anchors_design import best_design

    assert pointers is not None
    assert dimensions is not None
    rows, kind = best_design(pointers, dimensions, seed)
    return (
        rows,
        [str(index) for index in range(pointers)],
        f"design: {kind}, {pointers} anchors in {dimensions} dimensions, seed {seed}",
    )


def _write(path: Path, rows: Any, names: list[str]) -> None:
    from checks.files import write_atomically

    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    for name, row in zip(names, rows, strict=True):
        writer.writerow([f"pointer {name}" if name.isdigit() else name, *(repr(float(x)) for x in row)])
    write_atomically(path, sheet.getvalue())


def _plain(found: Report, row: Redundancy | None, names: list[str], origin: str) -> dict[str, Any]:
    values = asdict(found) | {"origin": origin, "worst": names[found.worst]}
    values["fidelities"] = dict(zip(names, found.fidelities, strict=True)) if found.fidelities else {}
    values["redundancy"] = None if row is None else asdict(row)
    return {
        key: (None if isinstance(value, float) and value in (float("inf"), float("-inf")) else value)
        for key, value in values.items()
    }


def _print(found: Report, row: Redundancy | None, names: list[str], origin: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from theory.rounding import decimal_text

    def low(x: float) -> str:
        return decimal_text(x, "down", 6)

    def high(x: float) -> str:
        return "no norm" if x == float("inf") else decimal_text(x, "up", 6)

    along = "the budget" if found.budget is not None else "that norm"
    lines = [
        ("anchors", f"{found.anchors}", f"in {found.dimensions} dimensions, as directions of norm 1", ""),
        ("coherence", f"<= {high(found.coherence)}", "greatest signed cosine", "anchors.tied_margin"),
        ("coherence floor", f">= {low(found.coherence_floor)}", "of any anchors in these dimensions", found.floor_theorem),
    ]
    if found.welch is not None:
        lines.append(("Welch's bound", low(found.welch), "on absolute cosines: says nothing here", "anchors.welch_is_wrong"))
    lines += [
        ("norm of the best anchors", f">= {low(found.best_norm)}", "kappa*, in any dimension", "anchors.norm_budget"),
        (
            "norm these need",
            f">= {low(found.needed_from)}",
            f"whatever the queries; worst: {names[found.worst]}",
            "anchors.budget_dual",
        ),
        ("norm that does", f"<= {high(found.needed)}", "with queries that were found", "certified fidelity"),
        ("over the optimum", f"<= {high(found.over_best)}", "times kappa*", "anchors.near_optimal"),
        ("norm along the anchors", f"<= {high(found.tied_norm)}", "queries kappa times the anchors", "certified fidelity"),
    ]
    if found.fidelities:
        least = min(range(len(names)), key=lambda i: found.fidelities[i])
        lines.append(
            (
                "least fidelity",
                f">= {low(found.fidelities[least])}",
                f"along the anchors at {along}: {names[least]}",
                "certified",
            )
        )
    lines.append(
        (
            "information",
            f">= {low(found.information_bits)}",
            f"bits ({low(found.information_nats)} nats), where the target is met",
            "anchors.information",
        )
    )
    if row is not None:
        lines += [
            ("anchors a pointer", f"{row.least_anchors}", f"of {row.keys} keys, margin {row.margin:g}", "anchors.redundancy"),
            ("entropy", f"<= {high(row.entropy)}", "nats, of the two-level row with that many", "entropy.ceiling"),
            (
                "entropy floor",
                f">= {low(row.entropy_least)}",
                "nats, of two-level rows, any number of anchors",
                "anchors.entropy_least",
            ),
            (
                "spread floor",
                f">= {low(row.spread_floor)}",
                f"nats, any row of that fidelity, none above {low(row.top_anchor)}",
                "anchors.spread",
            ),
            (
                "exchange rate",
                f"{row.exchange_rate:.6g}",
                "nats of entropy a nat of margin, at fixed fidelity",
                "anchors.exchange_rate",
            ),
        ]
    table = Table(
        title=f"Anchors: {origin}, fidelity {found.target:g}",
        title_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )
    for index, heading in enumerate(("quantity", "value", "what", "theorem")):
        table.add_column(heading, justify="right" if index == 1 else "left", overflow="fold", no_wrap=index == 1)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False, markup=False)
    console.print(table)
    if found.reached:
        console.print(f"The budget {found.budget:g} reaches the target.")
