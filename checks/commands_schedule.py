"""`localist schedule`: dials over the layers of a stack, what they guarantee, the cheapest ones for a target, and a stack on text."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theory.schedule_numbers import MEASURES, LayerBounds, Measure, Number, Schedule, ScheduleError, Stack

if TYPE_CHECKING:
    from rich.console import Console

    from checks.schedule_report import TextPlan

BAD_INPUT = 2


class Exact(click.ParamType):
    """A number as it is typed: 0.1 is 1/10, 2/3 is 2/3."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """The fraction, or a usage error that names the option."""
        if isinstance(value, Fraction):
            return value
        try:
            return Fraction(str(value))
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is no number: schedules are computed exactly. Write 0.1, 3 or 2/3", param, ctx)


EXACT = Exact()


@click.command("schedule", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--layers", type=int, default=6, show_default=True, help="Layers of the stack, at least 2.")
@click.option("--degree", "degrees", type=EXACT, multiple=True, help="Degrees of the schedules (default: 1 2 3 4 5).")
@click.option("--low", "lows", type=EXACT, multiple=True, help="Dial of the first layer; several for a search (default: 0).")
@click.option("--high", type=EXACT, help="Dial of the last layer (default: 16; 8 on text).")
@click.option("--keys", type=int, default=64, show_default=True, help="Visible keys n of a query.")
@click.option("--block", type=int, default=8, show_default=True, help="Keys g of them in its block.")
@click.option(
    "--lead", "leads", type=EXACT, multiple=True, help="Content lead R of an outside key (nats); one, or one a layer (4)."
)
@click.option(
    "--value", "values", type=EXACT, multiple=True, help="Bound on the norm of the value map; one, or one a layer (1)."
)
@click.option("--strength", type=EXACT, default="1", show_default=True, help="Strength beta of the dial (nats).")
@click.option(
    "--start",
    "starts",
    type=int,
    multiple=True,
    help="First contained layer, from 0 (default: the first localised; with --target the middle one).",
)
@click.option("--threshold", type=EXACT, help="Also say from which layer on the dial is at least this.")
@click.option("--target", type=EXACT, help="Search the cheapest schedule whose leak is at most this share.")
@click.option(
    "--measure", type=click.Choice(MEASURES), default="value", show_default=True, help="Which leak the target is for."
)
@click.option("--cap", type=EXACT, default="40", show_default=True, help="Greatest last dial of a search.")
@click.option("--resolution", type=EXACT, default="1/64", show_default=True, help="Grid of last dials of a search.")
@click.option(
    "--trained", is_flag=True, help="Train a stack a schedule on the standard library's documentation and measure it."
)
@click.option("--text", type=click.Path(path_type=Path), help="The same on a UTF-8 text of yours.")
@click.option("--tokens", type=click.IntRange(2, 32), default=12, show_default=True, help="Tokens of a sequence of text.")
@click.option("--steps", type=click.IntRange(0, 10_000), default=60, show_default=True, help="Training steps of a layer.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of weights and places in the text.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every number with what it is, exact ones as fractions too.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write the JSON to a file.")
def schedule(
    layers: int, degrees: tuple[Fraction, ...], lows: tuple[Fraction, ...], high: Fraction | None, keys: int, block: int,
    leads: tuple[Fraction, ...], values: tuple[Fraction, ...], strength: Fraction, starts: tuple[int, ...],
    threshold: Fraction | None, target: Fraction | None,
    measure: Measure, cap: Fraction, resolution: Fraction, trained: bool, text: Path | None, tokens: int, steps: int, seed: int,
    as_json: bool, out: Path | None,
) -> None:  # fmt: skip
    """Schedules of the dial over depth: budgets, guarantees, the cheapest one for a target, and what a stack on text leaks.

    Exit codes: 0 done; 1 a proved bound is exceeded, or no schedule of the class reaches the target; 2 refused input; 3 undecided.
    """
    from checks.schedule_report import exit_code

    if target is not None and (trained or text is not None):
        raise click.UsageError("--target searches given bounds, --trained and --text measure a stack: give one of them")
    if target is not None and high is not None:
        raise click.UsageError("--high is what --target searches; give --cap, the greatest last dial")
    if target is None and (len(lows) > 1 or len(starts) > 1):
        raise click.UsageError("several --low or --start are for a search: give --target as well, or one of each")
    try:
        report = _report(
            layers, degrees or tuple(map(Fraction, range(1, 6))), lows or (Fraction(0),), high, (keys, block, leads, values, strength),
            starts, threshold, target, measure, cap, resolution, (trained or text is not None, text, tokens, steps, seed),
        )  # fmt: skip
    except ScheduleError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(BAD_INPUT) from None
    body = json.dumps(report, indent=2)
    if out is not None:
        from checks.files import write_atomically

        write_atomically(out, body + "\n")
    click.echo(body) if as_json else _print(report)
    raise SystemExit(exit_code(report))


def _report(
    layers: int, degrees: tuple[Fraction, ...], lows: tuple[Fraction, ...], high: Fraction | None, given: tuple[Any, ...],
    starts: tuple[int, ...], threshold: Fraction | None, target: Fraction | None, measure: Measure, cap: Fraction, resolution: Fraction,
    text: tuple[Any, ...],
) -> dict[str, Any]:  # fmt: skip
    from rich.console import Console

    from checks.schedule_report import TextPlan, search_report, table_report

    start = starts[0] if starts else None
    if start is not None and not 0 <= start < layers:
        raise ScheduleError(
            f"containment starts at a layer 0 to {layers - 1}, got {start}: no layer is left to contain. Give an earlier --start."
        )
    on_text, path, tokens, steps, seed = text
    top = high if high is not None else Fraction(8 if on_text else 16)
    schedules = [Schedule(layers, whole(degree), lows[0], top) for degree in degrees]
    with Console(stderr=True).status("") as status:
        if on_text:
            return _text(TextPlan(layers, tokens=tokens, steps=steps, seed=seed, path=path), schedules, start, status.update)
        stack = stack_of(layers, *given)
        if target is None:
            return table_report(schedules, stack, start, threshold)
        chosen = starts or (layers // 2,)
        return search_report(
            stack, [whole(d) for d in degrees], lows, chosen, cap, target, measure, resolution, status.update
        )  # fmt: skip


def stack_of(
    layers: int, keys: int, block: int, leads: tuple[Fraction, ...], values: tuple[Fraction, ...], strength: Fraction
) -> Stack:
    """The stack of the options: each lead and value norm once for all layers, or once a layer."""

    def each(name: str, given: tuple[Fraction, ...], default: int) -> tuple[Number, ...]:
        if len(given) > 1 and len(given) != layers:
            raise ScheduleError(
                f"--{name} is given once, or once for each of {layers} layers, got {len(given)}: the others would be guessed. "
                "Give one number, or one a layer."
            )
        return (given or (Fraction(default),)) * (1 if len(given) > 1 else layers)

    if layers < 2:
        Schedule(layers, 1, 0, 1)  # says why not
    pairs = zip(each("lead", leads, 4), each("value", values, 1), strict=True)
    return Stack(tuple(LayerBounds(keys, block, lead, value) for lead, value in pairs), strength)


def _text(plan: TextPlan, schedules: list[Schedule], start: int | None, tell: Callable[[str], None]) -> dict[str, Any]:
    from checks.data import DataError
    from checks.schedule_report import text_report

    try:
        return text_report(plan, schedules, start, tell)
    except DataError as error:
        raise ScheduleError(str(error)) from None


def whole(number: Fraction) -> Number:
    """A whole fraction as an int, so that its schedule is exact."""
    return int(number) if number.denominator == 1 else number


# --- tables -----------------------------------------------------------------------------------------------------------


def _print(report: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    {"guarantees": _print_guarantees, "cheapest": _print_search, "text": _print_text}[report["kind"]](console, report)


def _table(title: str, columns: list[str], rows: list[list[str]]) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for index, column in enumerate(columns):
        # a number is never cut short, a heading may be folded
        widest = max(*(len(word) for word in column.split()), *(len(row[index]) for row in rows))
        table.add_column(column, justify="right" if index else "left", min_width=widest, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _show(console: Console, table: Any) -> None:
    """Print a table; where the terminal is too narrow for its numbers, wider than the terminal."""
    from rich.measure import Measurement

    needed = Measurement.get(console, console.options.update(width=1000), table).minimum
    console.print(table, width=max(console.width, needed), crop=False, soft_wrap=needed > console.width)


def _up(value: float | None, digits: int = 6) -> str:
    from theory.rounding import decimal_text

    return "-" if value is None else decimal_text(value, "up", digits)


def _down(value: float, digits: int = 6) -> str:
    from theory.rounding import decimal_text

    return decimal_text(value, "down", digits)


def _exact(text: str, side: str, digits: int = 6) -> str:
    """A fraction as a decimal on its safe side."""
    number = Fraction(text)
    context = Context(prec=digits, rounding=ROUND_CEILING if side == "up" else ROUND_FLOOR)
    return f"{context.divide(number.numerator, number.denominator).normalize():f}"


def _dial(value: float) -> str:
    return f"{value:.6g}"


def _all(numbers: list[str]) -> str:
    return numbers[0] if len(set(numbers)) == 1 else ", ".join(numbers)


def _margin(row: dict[str, Any]) -> str:
    return _down(row["margin"]) if row["margin_exact"] is None else _exact(row["margin_exact"], "down")


def _print_guarantees(console: Console, report: dict[str, Any]) -> None:
    stack = report["stack"]
    console.print(
        f"Stack of {stack['layers']} layers: {stack['keys']} keys, {stack['block']} in the block, lead {_all(stack['lead'])} nats, "
        f"value maps <= {_all(stack['value'])}, beta {stack['strength']}"
    )
    rows, dials = [], []
    for entry in report["schedules"]:
        marks = {key: " *" if key in entry["vacuous"] else "" for key in ("rollout", "value")}
        above = entry["first_above_threshold"]
        rows.append(
            [entry["degree"], entry["budget_exact"] or _dial(entry["budget"]), str(entry["start"]), "-" if above is None else str(above),
             f"<= {_up(entry['rollout_leak'])}{marks['rollout']}", f"<= {_up(entry['value_share'])}{marks['value']}"]
        )  # fmt: skip
        dials += [
            [f"{entry['degree']} / {row['layer']}", _dial(row["dial"]), f">= {_margin(row)}", f"<= {_up(row['outside_mass'])}"]
            for row in entry["layers"]
        ]
    _show(console, _table("Layers", ["degree / layer", "dial", "margin (nats)", "outside mass"], dials))
    columns = ["degree", "dial budget", "contained from", "first above", "rollout leak", "value share"]
    _show(console, _table("Schedules", columns, rows))
    _print_vacuous(console, report["schedules"])
    _print_hypotheses(console, report)


def _print_vacuous(console: Console, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        for key in ("rollout", "value"):
            if key in entry["vacuous"]:
                console.print(f"* VACUOUS, degree {entry['degree']}, {key}: {entry['vacuous'][key]}.", style="bold")


def _print_hypotheses(console: Console, report: dict[str, Any]) -> None:
    console.print("Holds under:")
    for hypothesis in report["hypotheses"]:
        console.print(f"  - {hypothesis}")


def _print_search(console: Console, report: dict[str, Any]) -> None:
    rows = [
        [f"{part['degree']}{' <' if part['best'] else ''}", part["low"], str(part["start"]), part["high"] or "none",
         part["budget_exact"] or ("-" if part["budget"] is None else _dial(part["budget"])),
         "-" if part["leak"] is None else _up(part["leak"], 5),
         part["just_below"] or "-", "-" if part["just_below"] is None else _down(part["leak_just_below"], 5)]
        for part in report["class"]
    ]  # fmt: skip
    columns = ["degree", "first dial", "from layer", "least last dial", "budget", "leak <=", "misses at", "with a leak >="]
    _show(console, _table(f"Leak ({report['measure']}) at most {report['target']}", columns, rows))
    best = report["best"]
    if best is None:
        console.print(f"No schedule of the class reaches the target with a last dial up to {report['cap']}.", style="bold")
    else:
        budget = best["budget_exact"] or _dial(best["budget"])
        console.print(
            f"Cheapest: degree {best['degree']}, dials {best['low']} to {best['high']}, contained from layer {best['start']}, "
            f"budget {budget}."
        )
        _print_vacuous(console, [best])
    if report["certified"]:
        console.print(
            f"Certified: in every line the last dial that misses is at most {report['resolution']} lower, and by monotony every lower one "
            f"misses too; 'none' misses at the cap {report['cap']}."
        )
    else:
        console.print("NOT certified:", style="bold")
        for objection in report["objections"] or ["a comparison stayed undecided at 1024 bits"]:
            console.print(f"  - {objection}")
    _print_hypotheses(console, report)


def _print_text(console: Console, report: dict[str, Any]) -> None:
    console.print(
        f"Stacks of {report['layers']} layers trained on {report['text']}: {report['sequences']} sequences of {report['tokens']} tokens, "
        "4 semantic blocks, one stack a schedule"
    )
    rows = [
        [f"{entry['degree']} / {row['layer']}", _dial(row["dial"]), f"{row['outside_mass_observed']:.6f}", _up(row["outside_mass"]),
         _up(row["value_norm"]), "-" if row["off_block_share_observed"] is None else f"{row['off_block_share_observed']:.4f}"]
        for entry in report["schedules"] for row in entry["layers"]
    ]  # fmt: skip
    columns = ["degree / layer", "dial", "outside mass, observed", "enclosed, <=", "|W| <=", "off-block share, observed"]
    _show(console, _table("Layers: the worst query of each", columns, rows))
    rows = [
        [entry["degree"], str(entry["start"]), f"<= {_up(entry['rollout_proved'])}{' *' if entry['vacuous'] else ''}",
         _up(entry["rollout_measured"]), f"<= {_up(entry['value_share_proved'])}", _up(entry["value_share_measured"]),
         f"{entry['through_scores_observed']:.6f}", entry["verdict"]]
        for entry in report["schedules"]
    ]  # fmt: skip
    columns = ["degree", "from", "rollout, proved", "measured", "value share, proved", "measured", "through scores", "verdict"]
    _show(console, _table("Leaks from that layer on", columns, rows))
    _print_vacuous(console, report["schedules"])
    console.print("Proved: from the enclosed outside masses and value norms. Measured: enclosed from the same attention.")
    console.print("Through scores: attention follows the tokens; observed in floats, and no bound here speaks of it.")
