"""The result of an experiment in the terminal: tables of means with their exact intervals, and how every row was judged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from checks.experiments.published import PUBLISHED, Published

COLUMNS = (
    ("entropy_bits", "entropy, bits", 2),
    ("floor_bits", "floor", 2),
    ("ceiling_bits", "ceiling", 2),
    ("fidelity", "fidelity", 3),
    ("perplexity", "perplexity", 2),
    ("accuracy", "accuracy", 3),
)


def show(record: dict[str, Any], path: Path) -> None:
    """Print the tables of a run, the verdicts of the statements and where the evidence lies."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    inputs = record["inputs"]
    language = inputs["language"]
    tokens = language["tokens"]
    console.print(
        f"{language['text']}: {language['train_tokens']:,} tokens to train on, {language['test_tokens']:,} to test on, vocabulary "
        f"{tokens['vocabulary']:,} ({tokens['kind']}; {language['unknown_share']:.1%} of the test unknown), "
        f"{len(inputs['settings']['seeds'])} seeds, {inputs['device']}.",
        highlight=False,
    )
    tables = _aila(record) if record["experiment"] == "aila" else _progressive(record)
    for table in tables:
        console.print(table)
    console.print(_reported(record))
    console.print(f"Mean over seeds [interval]; {_level(record)}.", highlight=False, markup=False)
    for name, one in record["summary"]["statements"].items():
        inside = sum(one["counts"].values()) - one["counts"]["OUT_OF_DOMAIN"]
        console.print(
            f"{one['verdict']}: {name} on {inside:,} rows, {one['screened']:,} of them by the float64 screen, "
            f"{inside - one['screened']:,} by Arb",
            highlight=False,
        )
    console.print(f"Evidence: {path}", highlight=False)


def _reported(record: dict[str, Any]) -> Table:
    """The paper's numbers, as reported, beside those measured here."""
    table = Table(title="As reported, and here", title_justify="left", header_style="bold", box=None, pad_edge=False)
    for heading in ("arXiv", "number", "as reported", "here"):
        table.add_column(heading, justify="left" if heading in ("arXiv", "number") else "right")
    for number in PUBLISHED:
        if number.name.startswith(record["experiment"]):
            table.add_row(
                f"{number.paper}{number.version}",
                number.what,
                f"{number.text} {number.unit}".removesuffix(" 1"),
                _here(record, number),
            )
    return table


def _here(record: dict[str, Any], number: Published) -> str:
    """What this run found for a reported number: of models trained at that dial, of the quintic schedule on semantic blocks."""
    summary = record["summary"]
    if record["experiment"] == "aila":
        dial, measure, digits = {
            "aila.entropy_localist": ("1", "entropy_bits", 2),
            "aila.entropy_distributed": ("0", "entropy_bits", 2),
            "aila.perplexity": ("0.6", "perplexity", 2),
            "aila.accuracy": ("0.6", "accuracy", 3),
        }[number.name]
        found = summary["trained"].get(dial)
        return "that dial was not run" if found is None else cell(found[measure], digits)
    quintic = [row for row in summary["configurations"] if row["configuration"] == "degree-5" and row["blocks"] == "semantic"]
    measures = {"progressive.perplexity": ("perplexity", 2), "progressive.ratio": ("ratio", 3)}
    if number.name not in measures:
        return "earlier models are not at hand"
    measure, digits = measures[number.name]
    return cell(quintic[0]["over_seeds"][measure], digits) if quintic else "degree 5 on semantic blocks was not run"


def _level(record: dict[str, Any]) -> str:
    """What the interval in the tables is worth."""
    summary = record["summary"]
    first = (
        next(iter(summary["trained"].values()))
        if record["experiment"] == "aila"
        else summary["configurations"][0]["over_seeds"]
    )
    interval = first["perplexity"]["interval"]
    return f"the interval holds the median over seeds with probability {interval['level']:.2%} or more, whatever the law"


def _aila(record: dict[str, Any]) -> list[Table]:
    summary = record["summary"]
    tables = [_table("Trained at every dial", "dial", summary["trained"])]
    for start, swept in summary["frozen"].items():
        tables.append(_table(f"Trained at dial {start}, frozen, turned to", "dial", swept))
    return tables


def _table(title: str, first: str, rows: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    table.add_column(first)
    for _, heading, _ in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, measures in rows.items():
        table.add_row(name, *(cell(measures[measure], digits) for measure, _, digits in COLUMNS))
    return table


def cell(summary: dict[str, Any], digits: int) -> str:
    """A mean with its interval."""
    interval = summary["interval"]
    return f"{summary['mean']:.{digits}f} [{interval['low']:.{digits}f}, {interval['high']:.{digits}f}]"


def _progressive(record: dict[str, Any]) -> list[Table]:
    main = Table(title="Fine-tuned from one checkpoint", title_justify="left", header_style="bold", box=None, pad_edge=False)
    for heading in ("configuration", "blocks"):
        main.add_column(heading)
    for heading in ("perplexity", "ratio to distributed", "entropy, bits", "fidelity", "leak from layer", "bound"):
        main.add_column(heading, justify="right", no_wrap=True)
    layers = Table(title="Layer by layer: fidelity", title_justify="left", header_style="bold", box=None, pad_edge=False)
    layers.add_column("configuration")
    layers.add_column("blocks")
    for number in range(len(record["summary"]["configurations"][0]["layers"])):
        layers.add_column(f"layer {number}", justify="right")
    for row in record["summary"]["configurations"]:
        over, contained = row["over_seeds"], row["containment"]
        leak = "" if row["first_localised"] is None else f"{contained['leak_at_most']:.4f} from {row['first_localised']}"
        bound = "" if row["first_localised"] is None else f"{contained['bound']:.4f}"
        main.add_row(
            row["configuration"], row["blocks"], cell(over["perplexity"], 2), cell(over["ratio"], 3),
            cell(over["entropy_bits"], 2), cell(over["fidelity"], 3), leak, bound,
        )  # fmt: skip
        layers.add_row(row["configuration"], row["blocks"], *(f"{layer['fidelity']['mean']:.3f}" for layer in row["layers"]))
    return [main, layers]
