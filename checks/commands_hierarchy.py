"""`localist hierarchy`: recruit blocks and whole experts on one potential, from two domains of real text; every decision certified."""

from __future__ import annotations

import json
import sys
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flint import arb, fmpq

    from checks.hierarchy_report import Report
    from checks.hierarchy_run import Candidate
    from theory.rounding import Side

BAD_INPUT = 2


@click.command("hierarchy", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--text",
    "texts",
    type=click.Path(path_type=Path),
    multiple=True,
    help="UTF-8 text of a domain, in the order in which domains are read; give it twice or more. Default: two groups of help topics.",
)
@click.option(
    "--windows", type=click.IntRange(8, 2000), default=128, show_default=True, help="Windows of 16 words of each domain."
)
@click.option("--gain-block", default="4", show_default=True, help="Nats that a move inside an expert must save.")
@click.option("--gain-expert", default="8", show_default=True, help="Nats that a move of whole experts must save.")
@click.option(
    "--penalty", type=click.FloatRange(0), default=2.0, show_default=True, help="Nats per norm of an off-block group."
)
@click.option("--dial", type=float, default=2.0, show_default=True, help="Setting of the locality dial of every expert.")
@click.option(
    "--rounds", type=click.IntRange(1, 5000), default=120, show_default=True, help="Rounds of proximal steps of a training."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of places in the texts and first weights.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def hierarchy(
    texts: tuple[Path, ...],
    windows: int,
    gain_block: str,
    gain_expert: str,
    penalty: float,
    dial: float,
    rounds: int,
    seed: int,
    as_json: bool,
) -> None:
    """Recruit blocks within experts and whole experts on one potential, while the domain of the text changes.

    What is coded is the class of the next word (articles, prepositions, other function words, and three classes of all other words by
    how much more frequent they are in the first domain than in the last). A move is accepted if it lowers the potential, which holds
    the codes of data, router and structure and the penalty, by its gain. The potential bounds how many moves and how many steps a run
    can have; both bounds are printed beside what was observed. Savings are not tests: for a recruitment with an error rate see
    `localist recruit`.

    Exit codes: 0 done and every statement holds on the run, 1 one fails, 2 bad input or usage, 3 one is undecided.
    """
    try:
        from flint import fmpq
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        from checks.data import DataError
        from checks.hierarchy_data import TOKENS, file_domain, topic_domains
        from checks.hierarchy_model import Prices
        from checks.hierarchy_report import report_on
        from checks.hierarchy_run import Setting
        from checks.verdict import EXIT_CODES
    except ModuleNotFoundError as error:
        raise click.UsageError(f"this needs {error.name}; install the extra: pip install 'localist[checks]'") from error
    gains = [_gain(name, value) for name, value in (("--gain-block", gain_block), ("--gain-expert", gain_expert))]
    if len(texts) == 1:
        raise click.UsageError("give --text at least twice, once for each domain: with one domain nothing changes")
    try:
        domains = [file_domain(path) for path in texts] if texts else list(topic_domains())
    except DataError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(BAD_INPUT) from None
    parameter = log(windows * TOKENS * len(domains)) / 2
    setting = Setting(fmpq(*gains[0]), fmpq(*gains[1]), Prices(parameter, penalty), dial=dial, rounds=rounds, seed=seed)
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading", total=None)
        try:
            report = report_on(domains, windows, setting, lambda text: bar.update(task, description=text))
        except KeyboardInterrupt:
            console.print("interrupted; nothing was written, and the same command starts again")
            sys.exit(130)
    if as_json:
        click.echo(json.dumps(report.plain(), indent=1))
    else:
        _print(report)
    sys.exit(EXIT_CODES[report.verdict])


def _gain(name: str, text: str) -> tuple[int, int]:
    """A positive gain in nats, exactly as written."""
    from fractions import Fraction

    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise click.UsageError(f"{name} = {text!r} is no number ({error}); give nats, such as 4 or 5/2") from error
    if value <= 0:
        raise click.UsageError(
            f"{name} = {text}: hierarchy.moves needs gains above 0, or nothing bounds the number of moves. Give nats, such as 4"
        )
    return value.numerator, value.denominator


def _nats(ball: arb | fmpq, side: Side, places: int = 3) -> str:
    from theory.rounding import decimal_places

    return decimal_places(ball, side, places)


def _bits(ball: arb, side: Side) -> str:
    from checks.recruitment_codes import bits

    return _nats(bits(ball), side, 2)


def _up(value: float) -> str:
    """Four decimals, rounded up."""
    from flint import arb

    return _nats(arb(value), "up", 4)


def _saved(move: Candidate) -> tuple[str, str]:
    """What a move saved in nats and in bits, rounded against the decision; both ends where the ball leaves it open."""
    if move.verdict == "undecided":
        nats, bits = (f"{f(move.saving, 'down')} to {f(move.saving, 'up')}" for f in (_nats, _bits))
        return nats, bits
    side: Side = "up" if move.verdict == "rejected" else "down"
    return _nats(move.saving, side), _bits(move.saving, side)


def _print(report: Report) -> None:
    from flint import arb
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from checks.hierarchy_report import experts_of
    from checks.hierarchy_run import Arrival, Candidate
    from theory import symbols as sym

    console = Console(width=None if sys.stdout.isatty() else 130, highlight=False, markup=False)

    def table(title: str, *headings: str, left: int = 1) -> Table:
        made = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for index, heading in enumerate(headings):
            made.add_column(heading, justify="left" if index < left else "right", overflow="fold")
        return made

    run, values = report.run, report.values
    ledger = table(
        "Ledger: what each event lowered the potential by, rounded down (rejected moves: up)",
        "event",
        "verdict",
        "nats",
        "bits",
        "required nats",
        left=2,
    )
    for entry in run.ledger:
        if isinstance(entry, Arrival):
            # what data raised the potential by is at most what is printed: a lowering of at least minus that
            lowered = ("", "") if entry.rise == 0 else (_nats(-entry.rise, "down"), _bits(-entry.rise, "down"))
            ledger.add_row(Text(f"data: {entry.windows} windows of {entry.domain}"), "", *lowered, "")
        elif isinstance(entry, Candidate):
            needed = run.setting.block_gain if entry.level == "block" else run.setting.expert_gain
            ledger.add_row(Text(f"  {entry.level}: {entry.name}"), entry.verdict, *_saved(entry), str(needed))
        else:
            ledger.add_row(
                f"  training, {len(entry.steps.halves)} steps",
                "",
                _nats(entry.drop, "down"),
                _bits(entry.drop, "down"),
                _nats(entry.promised, "up"),
            )
    console.print(ledger)
    second = report.plain()["second_expert"]
    console.print(
        "No second expert was recruited."
        if second is None
        else f"The second expert was recruited after the data of {second['after data of']} ({second['windows read']} windows read)."
    )
    owners = table("Experts", "expert", "blocks", *(f"windows of {name}" for name in report.domains))
    for row in experts_of(run):
        owners.add_row(row["name"], str(row["blocks"]), *map(str, row["windows"]))
    console.print(owners)
    observed = len(run.accepted)
    bounds = table("Budget: Phi_0 - Phi_inf + T, in nats and what it pays for", "quantity", "observed", "proved")
    bounds.add_row("potential at the start, Phi_0", f"<= {_nats(run.start, 'up')}", "")
    bounds.add_row("potential at the end", f"<= {_nats(run.phi, 'up')}", ">= 0")
    bounds.add_row("raised by new data, T", f"<= {_nats(arb(values[sym.lift_bound]), 'up')}", "")
    bounds.add_row("accepted moves", str(observed), f"<= {report.move_bound:,}")
    bounds.add_row(
        f"steps that promise {run.setting.least} nats or more", str(values[sym.large_steps]), f"<= {report.step_bound:,}"
    )
    console.print(bounds)
    rows = table(
        "Router and experts together, certified on captured logits (worst query of each column, rounded up)",
        "domain", "queries", "eps_r", "eps_b", "1 - F", "bound", "H joint, nats", "bound", "verdicts",
    )  # fmt: skip
    for part in report.composed:
        tally = " ".join(sorted({name for counts in part.verdicts.values() for name in counts}))
        numbers = (part.router_miss, part.pointer_miss, part.miss, part.miss_bound, part.joint, part.joint_bound)
        rows.add_row(Text(part.domain), str(part.queries), *(_up(x) for x in numbers), tally)
    console.print(rows)
    open_ones = sum(entry.verdict != "rejected" for entry in run.last_round)
    console.print(
        f"{report.verdict.name}: {', '.join(f'{name} {verdict.name}' for name, verdict in report.judged.items())}. "
        + (
            f"Of the {len(run.last_round)} candidates tested in the last state, {open_ones} were too close to their gain to tell."
            if open_ones
            else f"The last state is gamma-locally optimal with respect to the {len(run.last_round)} candidates, as trained, tested in it."
        )
    )
