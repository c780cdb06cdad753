"""`localist recruit`: start with one block, and recruit on real text until nothing more pays; every decision certified."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flint import arb

    from checks.recruitment_report import Candidate, Report
    from theory.rounding import Side

BAD_INPUT = 2
SHOWN = 12  # candidates that did not pay and are listed, unless all are asked for


@click.command("recruit", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--text", type=click.Path(path_type=Path), help="UTF-8 text to use instead of the standard library's documentation."
)
@click.option("--alpha", default="0.05", show_default=True, help="Bound on the probability of any false recruitment, ever.")
@click.option("--words", type=click.IntRange(200), default=None, help="Read only so many words (default: all).")
@click.option(
    "--warm-up", type=click.IntRange(0), default=1000, show_default=True, help="Words learned from before tests begin."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the order of paragraphs and the controls."
)
@click.option(
    "--measure", type=click.IntRange(0), default=0, show_default=True, help="Runs to count false recruitment, power and delay."
)
@click.option("--all", "everything", is_flag=True, help="List every candidate that was not recruited.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every candidate, instead of tables.")
def recruit(
    text: Path | None, alpha: str, words: int | None, warm_up: int, seed: int, measure: int, everything: bool, as_json: bool
) -> None:
    """Recruit semantic blocks from a stream of words: topics of the documentation (or parts of a file), classes of the word before.

    The current model predicts each word from those before it. A candidate block is recruited when its own prequential code has saved
    ln(m (m + 1)/alpha) nats against the current model in the m-th test. If the current model is the law of the words while a test runs,
    all tests together recruit falsely with probability at most alpha. On real text no model is the law, and a recruitment says that the
    block shortens the code, not why; the controls (coins, shuffled paragraphs) show how far that goes.

    Exit codes: 0 done, 1 a statement fails on the run or a counted rate refutes its bound, 2 bad input or usage, 3 undecided.
    """
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from checks.data import DataError
        from checks.recruitment_rates import measured, null_streams
        from checks.recruitment_report import report_on
        from checks.recruitment_tests import LevelError, level
        from checks.recruitment_text import file_stream, topics_stream
        from checks.verdict import EXIT_CODES
    except ModuleNotFoundError as error:
        raise click.UsageError(f"recruiting needs {error.name}; install the extra: pip install 'localist[checks]'") from error
    try:
        exact = level(alpha)
        stream = topics_stream(seed, words) if text is None else file_stream(text, seed, words)
    except (DataError, LevelError) as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(BAD_INPUT) from None
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<36}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} words"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("recruiting", total=len(stream.tokens))
        try:
            report = report_on(
                stream,
                exact,
                warm_up,
                lambda doing, done, total: bar.update(task, description=doing, completed=done, total=total),
            )
            if measure:
                bar.update(task, description="measuring rates")
                rates, delays = measured(measure, exact, seed)
                report.rates.extend([*rates, null_streams(max(1, measure // 20), 300, exact, seed=seed)])
                report.delays.extend(delays)
        except KeyboardInterrupt:
            console.print("interrupted; nothing was written, and the same command starts again")
            sys.exit(130)
    if as_json:
        click.echo(json.dumps(report.plain(), indent=1))
    else:
        _print(report, everything)
    sys.exit(EXIT_CODES[report.verdict])


def _bits(nats: arb, up: bool, places: int = 1) -> str:
    """Nats as bits, rounded up or down as a whole ball; "-" where no test gave any."""
    from checks.recruitment_codes import bits
    from theory.rounding import decimal_places

    return decimal_places(bits(nats), "up" if up else "down", places) if nats.is_finite() else "-"


def _print(report: Report, everything: bool) -> None:
    from flint import arb
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 130, highlight=False, markup=False)
    state, words = report.state, len(report.stream.tokens)

    def table(title: str, *headings: str) -> Table:
        made = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for index, heading in enumerate(headings):
            made.add_column(heading, justify="left" if index == 0 else "right", overflow="fold")
        return made

    headings = ("words with it", "saved", "threshold K_m", "test m", "fitted", "BIC")
    recruited = sorted((c for c in report.candidates if c.recruited is not None), key=lambda c: c.recruited or 0)
    found = table(
        f"Recruited from {report.stream.source}: {len(recruited)} of {len(report.candidates)} candidates, {words:,} words; bits",
        "block", "at word", *headings,
    )  # fmt: skip
    for c in recruited:
        found.add_row(Text(_name(c)), f"{c.recruited:,}", *_cells(c))
    console.print(found)
    rest = sorted((c for c in report.candidates if c.recruited is None), key=_shortfall)
    shown = rest if everything else [c for c in rest if c.control] + [c for c in rest if not c.control][:SHOWN]
    left = table(f"Not recruited: {len(rest)} candidates, their best test; bits", "block", *headings)
    for c in sorted(shown, key=_shortfall):
        left.add_row(Text(_name(c)), *_cells(c))
    console.print(left)
    if len(shown) < len(rest):
        console.print(f"and {len(rest) - len(shown)} more; --all lists them")
    lengths = table("Code length of all words, spellings of new words left out", "model", "blocks", "bits", "bits a word")
    for x in sorted(report.lengths, key=lambda x: x.nats.mid()):
        lengths.add_row(Text(x.name), str(x.blocks), _bits(x.nats, True), _bits(x.nats / words, True, 4))
    console.print(lengths)
    _promises(report, console.print)
    if report.rates:
        from theory.rounding import decimal_places

        def outward(value: float, side: Side, places: int) -> str:
            return decimal_places(arb(value), side, places)

        counted = table("Counted (observed) beside proved", "what", "runs", "observed", "99.9 % interval", "proved")
        for rate in report.rates:
            low, high = outward(rate.interval[0], "down", 5), outward(rate.interval[1], "up", 5)
            refuted = ": REFUTED" if rate.verdict.name == "FAILS" else ""
            counted.add_row(
                Text(rate.name), f"{rate.runs:,}", f"{rate.count / rate.runs:.5f}", f"{low} to {high}",
                f"<= {outward(rate.bound, 'up', 5)}{refuted}",
            )  # fmt: skip
        for delay in report.delays:
            most = outward(delay.high, "up", 1)
            span = f"{outward(delay.low, 'down', 1)} to {most}" if delay.low else f"<= {most}"
            counted.add_row(Text(delay.name), f"{delay.runs:,}", f"{delay.mean:.1f}", f"s.e. {delay.error:.2f}", span)
        console.print(counted)
    console.print(
        f"{report.verdict.name}: {', '.join(f'{name} {verdict}' for name, verdict in report.judged.items()) or 'no recruitment'}"
    )
    if state.undecided:
        console.print(f"{state.undecided} decisions were too close to call and not taken")


def _promises(report: Report, say: object) -> None:
    assert callable(say)
    ledger = report.state.ledger
    # not alpha M/(M + 1) of recruitment.all_time: that is for a number M fixed beforehand, and these words decided how many tests began
    say(
        f"{ledger.begun:,} tests with thresholds K_m = ln(m (m + 1)/alpha) nats, alpha = {ledger.alpha}: if the current model is the law "
        f"of the words while a test runs, the probability that any test ever recruits is at most {ledger.alpha}."
    )
    controls = [c for c in report.candidates if c.control]
    taken = [c.name for c in controls if c.recruited is not None]
    say(
        f"Controls (labels without meaning) recruited: {', '.join(taken) if taken else 'none'} of {len(controls)}."
        + (" The current model is not the law of this text; where it repeats itself any label can pay." if taken else "")
    )


def _shortfall(c: Candidate) -> float:
    return float((c.threshold - c.saved).mid()) if c.test else float("inf")


def _name(c: Candidate) -> str:
    return f"{c.name} (control)" if c.control else c.name


def _cells(c: Candidate) -> tuple[str, ...]:
    """What was saved and its threshold, each rounded against the decision; the rest is observed in floats."""
    taken, nats = c.recruited is not None, 0.6931471805599453
    tested = (_bits(c.saved, not taken), _bits(c.threshold, taken), f"{c.test:,}") if c.test else ("-", "-", "-")
    return f"{c.words:,}", *tested, f"{c.fitted / nats:,.0f}", f"{c.bic / nats:,.0f}"
