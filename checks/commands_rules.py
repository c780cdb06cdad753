"""`localist rules`: rules on a layer trained on text, what they do, certified; and the same again whenever the file changes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checks.rules_file import RuleError, RuleFile, UndecidedRulesError, Watched, read_rules

if TYPE_CHECKING:
    from checks.rules_layer import Applied
    from checks.rules_report import Report

BAD_INPUT, UNDECIDED = 2, 3


@click.command("rules", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", metavar="RULES.toml", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every value as a pair of floats that enclose it.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write the JSON of the last report to a file."
)
@click.option(
    "--watch",
    is_flag=True,
    help="Stay, read the file again when it changes; a bad edit keeps the rules before it and says why.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.01, 3600),
    default=0.5,
    show_default=True,
    help="Seconds between two looks at the file.",
)
@click.option("--updates", type=click.IntRange(1), help="With --watch: end after this many changes.")
def rules(path: Path, as_json: bool, out: Path | None, watch: bool, interval: float, updates: int | None) -> None:
    """Inject the rules of a file into a layer trained on text, and certify what they do.

    Exit codes: 0 all targets are met, shown; 1 something fails; 2 refused input, such as targets that exclude each other; 3 undecided.
    """
    if updates is not None and not watch:
        raise click.UsageError("--updates belongs to --watch")
    from checks.rules_layer import apply_rules, train_layer
    from checks.rules_solve import UndecidedError

    try:
        file = read_rules(path)
        layer = train_layer(file.layer)
    except RuleError as error:
        _refuse(error)

    def applied(new: RuleFile) -> Applied:
        try:
            return apply_rules(new, layer)
        except UndecidedError as error:
            raise UndecidedRulesError(f"{path}: undecided: {error}") from error

    if watch:
        code = _watch(Watched(path, applied), as_json, out, interval, updates)
    else:
        try:
            code = _tell(applied(file), as_json, out)
        except RuleError as error:
            _refuse(error)
    raise SystemExit(code)


def _refuse(error: RuleError) -> Any:
    click.echo(f"error: {error}", err=True)
    raise SystemExit(_code(error)) from None


def _code(error: RuleError) -> int:
    return UNDECIDED if isinstance(error, UndecidedRulesError) else BAD_INPUT


def _watch(watched: Watched[Applied], as_json: bool, out: Path | None, interval: float, updates: int | None) -> int:
    """Report at once and after every change; the code of the last report, or 2 or 3 when the last edit was not taken."""
    code, seen = 0, 0
    try:
        while True:
            if watched.poll():
                seen += 1
                if watched.problem is not None:
                    kept = "the rules before it stay in force" if watched.current is not None else "no rules are in force"
                    click.echo(f"error: {watched.problem}\n{kept}", err=True)
                    code = _code(watched.problem)
                elif watched.current is not None:
                    code = _tell(watched.current, as_json, out)
                if updates is not None and seen >= updates:
                    return code
            time.sleep(interval)
    except KeyboardInterrupt:
        return code


def _tell(applied: Applied, as_json: bool, out: Path | None) -> int:
    """Print the report and return its exit code."""
    from checks.files import write_atomically
    from checks.rules_report import report
    from checks.verdict import EXIT_CODES, Verdict

    made = report(applied)
    text = json.dumps(made.as_dict(), indent=1)
    if out is not None:
        write_atomically(out, text + "\n")
    if as_json:
        click.echo(text)
    else:
        _print(made)
    return EXIT_CODES[Verdict[made.verdict]]


def _print(made: Report) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False)

    def show(title: str, columns: list[str], lines: list[list[str]]) -> None:
        console.print(title)
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for index, column in enumerate(columns):
            # a number is never cut short: names and key sets are folded instead
            width = max(len(column), *(len(line[index]) for line in lines)) if index else None
            table.add_column(column, justify="right" if index else "left", overflow="fold", min_width=width)
        for line in lines:
            table.add_row(*(Text(cell) for cell in line))
        console.print(table)

    if not made.rules:
        console.print(f"No rules in {made.source}: {made.rows} rows as trained.")
        return
    for rule in made.rules:
        console.print(f"{rule.name}: {rule.keys}; {rule.positions} keys, acts on {rule.rows} of {made.rows} rows")
    console.print()
    show(
        "Mass of each rule's keys (mean over the rows it acts on)",
        ["rule", "strength", "before", "after", "least row", "target"],
        [
            [
                rule.name, f"{rule.strength:+}", _short(rule.before), _short(rule.after), _down(rule.least_after.low),
                "" if rule.wanted is None else f"{rule.goal} {rule.wanted}: {rule.met}",
            ]
            for rule in made.rules
        ],
    )  # fmt: skip
    console.print()
    show(
        "Each rule alone, and among the others (nats unless bits)",
        ["rule", "alone", "paid alone", "bits", "shift", "interaction", "at most"],
        [
            [
                rule.name, _short(rule.alone), _short(rule.alone_nats), _short(rule.alone_bits), _short(rule.shift, True),
                _short(rule.interaction, True), _up(rule.interaction_bound),
            ]
            for rule in made.rules
        ],
    )  # fmt: skip
    if len(made.rules) > 1:
        console.print()
        show(
            "Leave-one-out: by how much the rule of a column moves the log-odds of the rule of a line (nats)",
            ["rule", *(rule.name for rule in made.rules)],
            [[rule.name, *(_short(rule.moves[other.name], True) for other in made.rules)] for rule in made.rules],
        )
    console.print()
    console.print(f"Divergence paid for all rules: {_short(made.paid_nats)} nats = {_short(made.paid_bits)} bits a row.")
    if made.radius is not None:
        console.print(f"Targets are met exactly by one set of strengths within {_up(made.radius, 2)} of these (Krawczyk).")
    console.print(
        f"The layer's own floats are within {_up(made.rounding.high, 2)} nats of the law, at most "
        f"{_up(made.rounding_bound.high, 2)}: {made.rounding_held}."
    )
    console.print(f"Rules taken off again: {'bit for bit the layer before' if made.residue_free else 'a RESIDUE is left'}.")
    console.print(
        f"{made.verdict}: every digit printed is certified; strengths, as printed, read back as the floats that were used."
    )


def _short(value: Any, signed: bool = False) -> str:
    """Six significant digits on which both ends of the enclosure agree, or as many as they do."""
    for digits in (6, 5, 4, 3, 2, 1):
        low, high = (f"{x:{'+' if signed else ''}.{digits}g}" for x in (value.low, value.high))
        if low == high:
            return low
    return f"{_down(value.low, 2)} .. {_up(value.high, 2)}"


def _down(value: float, digits: int = 6) -> str:
    from theory.rounding import decimal_text

    return decimal_text(value, "down", digits)


def _up(value: float, digits: int = 6) -> str:
    from theory.rounding import decimal_text

    return decimal_text(value, "up", digits)
