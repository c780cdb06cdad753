"""`localist verify` and `localist check`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console, JustifyMethod
from rich.table import Table

from checks.progress import shown
from theory import FAMILIES

_OPTIONS = (
    click.option("--layers", type=click.IntRange(1), default=64, show_default=True, help="Layers a trained fleet."),
    click.option(
        "--examples",
        type=click.FloatRange(0, min_open=True),
        default=1.0,
        show_default=True,
        help="Multiplies the examples of each property.",
    ),
    click.option(
        "--text",
        type=click.Path(path_type=Path),
        default=None,
        help="UTF-8 file to train on instead of the standard library's documentation.",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where layers are trained.",
    ),
    click.option(
        "--backend",
        type=click.Choice(["auto", "torch", "compiled", "triton"]),
        default="auto",
        show_default=True,
        help="What trains layers: compiled code on the CPU and a Triton kernel on a GPU where they are there, else torch.",
    ),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of everything random."),
    click.option("--workers", type=click.IntRange(1), default=None, help="Processes; by default one a core."),
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("evidence"),
        show_default=True,
        help="Folder of the evidence.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the evidence itself instead of a table."),
)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of both commands, in the order in which help lists them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_with_options
def verify(**options: Any) -> None:
    """Replay every derivation, attack every statement on rows and trained layers, and kill every control.

    Ends in a table and in an evidence file. Interrupted, the same command goes on where it stopped.
    """
    _run(FAMILIES, **options)


@click.command()
@click.argument("families", nargs=-1, required=True, type=click.Choice(FAMILIES))
@_with_options
def check(families: tuple[str, ...], **options: Any) -> None:
    """Run the checks of one or more FAMILIES, on your own text if you like."""
    _run(tuple(dict.fromkeys(families)), **options)


def _run(
    families: tuple[str, ...],
    layers: int,
    examples: float,
    text: Path | None,
    device: str,
    backend: str,
    seed: int,
    workers: int | None,
    out: Path,
    as_json: bool,
) -> None:
    try:
        from checks.data import DataError, read_text
        from checks.properties import Options
        from checks.run import run_checks
        from checks.training import TrainingError, pick_backend, pick_device, why_no_backend
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"running checks needs {error.name}; install the extra: pip install 'localist[checks]'"
        ) from error

    console = Console(stderr=True)
    try:
        chosen = pick_device(device).type
        trains = pick_backend(backend, chosen)
        if text is not None:
            read_text(text)
    except (DataError, TrainingError) as error:
        raise click.UsageError(str(error)) from error
    if chosen != "cpu" and backend == "auto" and trains == "torch":
        console.print(f"on the GPU the batched torch fleet trains: {why_no_backend('triton')}", highlight=False)
    options = Options(layers, examples, chosen, seed, text, trains)
    started = time.monotonic()
    with shown(console) as report:
        run = run_checks(families, options, out, workers=workers, report=report)
    if as_json:
        click.echo(run.evidence.read_text(encoding="utf-8"))
    else:
        _print(run, time.monotonic() - started)
    sys.exit(run.exit_code)


def _print(run: object, seconds: float) -> None:
    from checks.run import RunResult
    from checks.verdict import UNDECIDED

    assert isinstance(run, RunResult)
    console = Console(width=None if sys.stdout.isatty() else 150)
    table = Table(title="Statements (* counterexample)", title_justify="left", header_style="bold", box=None, pad_edge=False)
    columns: tuple[tuple[str, JustifyMethod], ...] = (
        ("family", "left"), ("statement", "left"), ("derived", "left"), ("examples", "right"), ("layers", "right"),
        ("worst slack", "right"), ("tightness", "right"), ("controls killed", "right"), ("verdict", "left"),
    )  # fmt: skip
    for heading, side in columns:
        # a name is folded rather than cut short; numbers are never split
        table.add_column(heading, justify=side, overflow="fold", no_wrap=side == "right" and " " not in heading)
    colours = {"HOLDS": "green", "FAILS": "bold red", "UNDECIDED": "yellow", "OUT_OF_DOMAIN": "yellow"}
    family = ""
    for statement in run.statements:
        table.add_row(
            statement.family if statement.family != family else "",
            statement.name.partition(".")[2] + (" *" if statement.kind == "counterexample" else ""),
            ("yes" if not statement.rests_on else "by lemma") if statement.derived else "NO",
            f"{statement.examples:,}",
            f"{statement.layers:,}",
            "" if statement.tally.worst_slack is None else f"{statement.tally.worst_slack:.1e}",
            _ratio(statement.tally.tightness) if statement.kind == "bound" else "identity" * (statement.kind == "identity"),
            f"{statement.killed}/{sum(control['outcome'] in ('killed', 'survived') for control in statement.controls)}",
            f"[{colours[statement.verdict]}]{statement.verdict}[/]",
            end_section=False,
        )
        family = statement.family
    console.print(table)
    for statement in run.statements:
        for problem in statement.problems:
            console.print(f"[bold red]{statement.name}[/]: ", end="")
            console.print(problem, markup=False, highlight=False)
        if statement.verdict == "UNDECIDED" and statement.tally.undecided:
            console.print(
                f"[yellow]{statement.name}[/] undecided: {json.dumps(statement.tally.undecided)[:600]}",
                markup=True,
                highlight=False,
            )
    for problem in run.stale:
        console.print("[bold red]formula[/] ", end="")
        console.print(problem, markup=False, highlight=False)
    screened, ties, sampled = (
        sum(getattr(statement.tally, part) for statement in run.statements) for part in ("screened", "ties", "sampled")
    )
    judged = sum(sum(statement.tally.counts.values()) for statement in run.statements)
    for one in run.evaluators:
        console.print(
            f"Float64 {one.name}: {one.verdict.name} on {one.attack.rows:,} rows made to break it: {one.attack.compared:,} numbers in "
            f"their radii and {one.attack.decided:,} decisions confirmed by Arb; {one.killed} of {len(one.controls)} weakened versions "
            f"refuted. It decided {screened:,} rows alone, left {ties:,} ties to Arb, and Arb judged a sample of {sampled:,} as well.",
            highlight=False,
        )
        for problem in one.problems:
            console.print(f"[bold red]{one.name}[/]: ", end="")
            console.print(problem[:2000], markup=False, highlight=False)
        if one.verdict is UNDECIDED:
            console.print(f"{one.name} undecided: {json.dumps(one.attack.undecided)[:600]}", markup=False, highlight=False)
    console.print(
        f"{run.verdict.name}: {len(run.statements)} statements, {run.layers:,} layers trained ({', '.join(run.backends)}), "
        f"{screened:,} rows by the float64 screen, {judged - screened:,} cases by Arb, {seconds:.0f} s. Evidence: {run.evidence}",
        highlight=False,
    )


def _ratio(value: float | None) -> str:
    """Worst found over bound; never shown as 1 unless the bound was attained exactly."""
    if value is None:
        return ""
    return "attained" if value == 1.0 else f"{min(value, 0.999999):.6f}"
