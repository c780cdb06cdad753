"""The computed parts of the page of benchmarks: a recorded run as tables and figures, with its date, machine and command."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from checks.book.drawing import Palette, Picture, draw_twice
from checks.book.text import block, code, plain, table

Row = Mapping[str, Any]
FILE = Path("_static", "benchmarks.json")
FORMAT = 1
SUBJECTS = ("training", "growth", "screen", "sweep", "start", "proofs")
ROOT = Path(__file__).parent.parent.parent


class RecordError(ValueError):
    """A file that is no recorded run of the benchmarks."""


def read_record(sources: Path) -> dict[str, Any]:
    """The recorded run among the sources of the book, by subject; empty without one. RecordError for a file that is none."""
    path = sources / FILE
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise RecordError(
                f"{path} has format {record['format']}, and this book reads {FORMAT}: make it with `make bench-record`"
            )
        found: dict[str, Any] = {name: record["subjects"][name] for name in SUBJECTS if name in record["subjects"]}
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise RecordError(f"{path} is no record of benchmarks ({error!r}): make it with `make bench-record`") from error
    return found


def stale(one: Row, root: Path = ROOT) -> bool:
    """Whether the code that was timed has changed since."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in one["sources"] for path in root.glob(pattern)}):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return bool(digest.hexdigest()[:16] != one["digest"])


def number(value: float) -> str:
    """Three digits at most below a thousand, whole numbers with commas above."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(value: Row, unit: str = "") -> str:
    """Median, and in parentheses the least and the greatest round; one number where they agree."""
    if value["least"] == value["greatest"]:
        return f"{number(value['median'])}{unit}"
    return f"{number(value['median'])}{unit} ({number(value['least'])} to {number(value['greatest'])})"


def percent(value: Row | None) -> str:
    """A share with its least and greatest."""
    return "" if value is None else f"{value['median']:.0%} ({value['least']:.0%} to {value['greatest']:.0%})"


def targets(record: Row) -> str:
    """Targets that were set in advance, what was measured, and whether that is met by the median."""
    rows = []
    for unit, goals in record.get("training", {}).get("results", {}).get("targets", {}).items():
        mine = [row for row in _rows(record, "training") if row["unit"] == unit and row["backend"] != "plain loop"]
        if not mine:
            continue
        best = max(mine, key=lambda row: row["ratio"]["median"])
        rows.append(_target(f"{unit} layers, times the plain loop", best["ratio"], goals["ratio"], best["backend"], number))
        if "of_peak" in goals:
            with_peak = [row for row in mine if row["of_peak"] is not None]
            if with_peak:
                best = max(with_peak, key=lambda row: row["of_peak"]["median"])
                rows.append(
                    _target(f"{unit} layers, share of the peak", best["of_peak"], goals["of_peak"], best["backend"], _share)
                )
    for statement in dict.fromkeys(row["statement"] for row in _rows(record, "screen") if "." in row["statement"]):
        mine = [row for row in _rows(record, "screen") if row["statement"] == statement and row["way"] == "screen"]
        if mine:
            worst = min(mine, key=lambda row: row["ratio"]["median"])
            goal = record["screen"]["results"]["target"]
            rows.append(
                _target(
                    f"screen, times Arb alone, `{statement}`", worst["ratio"], goal, f"{worst['rows']}, the slower kind", number
                )
            )
    return table(("what", "target", "measured", "by", "met"), rows) if rows else _nothing("training")


def _share(value: float) -> str:
    return f"{value:.0%}"


def _target(what: str, found: Row, goal: float, by: str, shown: Any) -> tuple[str, ...]:
    measured = f"{shown(found['median'])} ({shown(found['least'])} to {shown(found['greatest'])})"
    return plain(what), f"≥ {shown(goal)}", measured, plain(by), "yes" if found["median"] >= goal else "**no**"


def training(record: Row) -> str:
    """Every backend, a table for each unit."""
    units: dict[str, list[tuple[str, ...]]] = {}
    for row in _rows(record, "training"):
        cells = (
            plain(row["backend"]), spread(row["rate"]), spread(row["ratio"]), percent(row["of_peak"]), f"{row['cores']['median']:.1f}",
            f"{row['deviation']:.1e}", f"{row['cold']:.0f} s" if row["cold"] >= 1 else "",
        )  # fmt: skip
        units.setdefault(row["unit"], []).append(cells)
    head = ("backend", "layers a second", "times the plain loop", "share of peak", "cores busy", "deviation", "cold start")
    parts = [f"{unit.capitalize()} layers:\n\n{table(head, rows)}" for unit, rows in units.items()]
    return "\n".join(parts) + _left_out(record, "training") if parts else _nothing("training")


def growth(record: Row) -> str:
    """Exponents, and behind them the times."""
    if not _rows(record, "growth"):
        return _nothing("growth")
    results = record["growth"]["results"]
    fits = [
        (
            fit["axis"],
            _sizes(results["rows"], fit),
            plain(fit["backend"]),
            spread(fit["exponent"]),
            number(fit["of_operations"]),
        )
        for fit in results["fits"]
    ]
    rows = [
        (row["axis"], f"{row['size']:,}", plain(row["backend"]), spread(_milli(row["seconds"])), _before(row))
        for row in results["rows"]
    ]
    middle = ", ".join(f"{value:g} {name}" for name, value in results["middle"].items())
    said = f"The middle is {middle}; every call trains all layers for {results['steps']} steps.\n"
    exponents = table(("grows", "sizes", "backend", "exponent of time", "exponent of operations"), fits)
    times = table(("grows", "size", "backend", "milliseconds a call", "times the size before"), rows)
    folded = block("dropdown", "Times behind the exponents", times)
    return f"{said}\n{exponents}\n{folded}" + _left_out(record, "growth")


def _sizes(rows: Iterable[Row], fit: Row) -> str:
    return ", ".join(f"{row['size']:,}" for row in rows if row["axis"] == fit["axis"] and row["backend"] == fit["backend"])


def _milli(seconds: Row) -> dict[str, float]:
    return {name: 1000 * value for name, value in seconds.items()}


def _before(row: Row) -> str:
    return "" if row["times_the_one_before"] is None else spread(row["times_the_one_before"])


def screen(record: Row) -> str:
    """Rows judged a second, by way."""
    rows = [
        (
            plain(f"`{row['statement']}`" if "." in row["statement"] else row["statement"]), plain(row["rows"]),
            plain(row["way"]), spread(row["rate"]), spread(row["ratio"]),
            f"{100 * row['decided']:.4g} %",
        )
        for row in _rows(record, "screen")
    ]  # fmt: skip
    head = ("statement", "rows", "way", "rows a second", "times Arb alone", "decided by the screen")
    return table(head, rows) if rows else _nothing("screen")


def sweep(record: Row) -> str:
    """Configurations a second."""
    if not _rows(record, "sweep"):
        return _nothing("sweep")
    results = record["sweep"]["results"]
    rows = [(plain(row["way"]), f"{row['count']:,}", spread(row["rate"]), spread(row["ratio"])) for row in results["rows"]]
    lost = (
        f"Before timing, {results['compared']:,} rows were compared with the exact way: every value on the safe side, "
        f"greatest relative loss {results['relative_loss']:.1e}.\n"
    )
    return f"{table(('way', 'rows', 'rows a second', 'times one after the other'), rows)}\n{lost}"


def start(record: Row) -> str:
    """Processes from start to end."""
    rows = [
        (f"`{row['command']}`" if row["command"] != "bare interpreter" else row["command"], spread(_milli(row["seconds"])),
         spread(row["ratio"]), spread(_milli(row["over_bare"])) if row["command"] != "bare interpreter" else "")
        for row in _rows(record, "start")
    ]  # fmt: skip
    head = ("process", "milliseconds", "times the bare interpreter", "milliseconds more than it")
    return table(head, rows) if rows else _nothing("start")


def proofs(record: Row) -> str:
    """A clean build of the proofs."""
    rows = [
        (f"{row['seconds']:.0f}", str(row["jobs"]), f"{row['statements_proved']:,} of {row['statements']:,}",
         f"{row['further_theorems']:,}", plain(row["coq"]))
        for row in _rows(record, "proofs")
    ]  # fmt: skip
    head = ("seconds", "compilers at a time", "statements proved", "further theorems", "Coq")
    return (table(head, rows) if rows else _nothing("proofs")) + _left_out(record, "proofs")


def runs(record: Row) -> str:
    """When, how, on what and how busy each subject was measured; and whether the code has changed since."""
    if not record:
        return _nothing("all")
    rows = [
        (
            name, one["finished"], f"`{one['command']}`", f"{one['rounds']}", f"{one['seconds']:.0f}", _loads(one["load_before"]),
            _loads(one["load_after"]), f"`{one['commit'][:12] + '+' * one['commit'].endswith('+')}`" if one["commit"] else "unknown",
            "**changed since**" if stale(one) else "of this code",
        )
        for name, one in record.items()
    ]  # fmt: skip
    head = ("subject", "finished", "command", "rounds", "seconds", "load before", "load after", "commit", "what was timed")
    machines: dict[str, list[str]] = {}
    for name, one in record.items():
        machines.setdefault(json.dumps(one["machine"], sort_keys=True), []).append(name)
    parts = [table(head, rows), f"The run is [a file of JSON]({FILE.as_posix()}).\n"]
    for text, names in machines.items():
        machine = json.loads(text)
        facts = [(words, plain(str(value))) for words, value in _facts(machine)]
        parts.append(f"Machine ({', '.join(names)}):\n\n" + table(("what", "which"), facts))
    return "\n".join(parts)


def _facts(machine: Row) -> Iterable[tuple[str, str]]:
    yield "processor", machine["processor"]
    yield "cores", str(machine["cores"])
    yield "memory", f"{machine['memory_gib']:g} GiB"
    yield "system", machine["system"]
    yield "Python", machine["python"]
    yield "libraries", ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    yield "compiler", machine["compiler"] or "none"
    yield "vectors of the compiled fleet", f"{8 * machine['vector_bytes']} bits" if machine["vector_bytes"] else "not compiled"
    yield "GPU", machine["accelerator"] or "none"


def _loads(load: Sequence[float]) -> str:
    return " ".join(f"{value:.2f}" for value in load)


def _rows(record: Row, subject: str) -> list[Row]:
    return list(record[subject]["results"]["rows"]) if subject in record else []


def _left_out(record: Row, subject: str) -> str:
    left_out = record.get(subject, {}).get("results", {}).get("left_out", {})
    return "".join(f"\nNot measured: {plain(name)}, because {plain(why)}.\n" for name, why in left_out.items())


def _nothing(subject: str) -> str:
    names = "" if subject == "all" else f" {subject}"
    return f"No run is recorded. Make one with:\n\n{code(f'python -m benchmarks{names} --record', 'sh')}"


MARKS = {"torch fleet": "o", "compiled fleet, 1 thread": "s"}


def pictures(folder: Path, record: Row) -> tuple[Picture, ...]:
    """The figures of a recorded run, for light and dark pages; none without one."""
    made = []
    if _rows(record, "training"):
        made.append(_training_picture(folder, _rows(record, "training"), record["training"]["results"]["targets"]))
    if _rows(record, "growth"):
        made.append(_growth_picture(folder, _rows(record, "growth")))
    return tuple(made)


def _training_picture(folder: Path, rows: Sequence[Row], goals: Row) -> Picture:
    units = list(dict.fromkeys(row["unit"] for row in rows))

    def panel(axes: Axes, unit: str, palette: Palette) -> None:
        mine = [row for row in rows if row["unit"] == unit][::-1]
        for place, row in enumerate(mine):
            ratio = row["ratio"]
            axes.barh(place, ratio["median"] - 0.5, left=0.5, color=palette.observed, height=0.6)
            axes.plot([ratio["least"], ratio["greatest"]], [place, place], color=palette.ink, lw=1.4, marker="|", ms=7)
            axes.annotate(number(ratio["median"]), (ratio["greatest"], place), xytext=(6, 0), textcoords="offset points",
                          va="center", fontsize=9, color=palette.ink)  # fmt: skip
        goal = goals.get(unit, {}).get("ratio")
        if goal:
            axes.axvline(goal, color=palette.limit, ls="--", lw=1.4)
            axes.annotate(f"target {goal:g}", (goal, len(mine) - 0.45), ha="center", va="bottom", fontsize=9, color=palette.ink)
        widest = max(goal or 1.0, *(row["ratio"]["greatest"] for row in mine))
        axes.set(xscale="log", xlim=(0.5, 3 * widest), title=f"{unit} layers\n")
        axes.set_yticks(range(len(mine)), [row["backend"] for row in mine])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))

    def draw(figure: Figure, palette: Palette) -> None:
        for axes, unit in zip(figure.subplots(len(units), 1, squeeze=False).flat, units, strict=True):
            panel(axes, unit, palette)
        figure.supxlabel("layers a second, times the plain loop of the same round", fontsize=10)

    best = {unit: max((row for row in rows if row["unit"] == unit), key=lambda row: row["ratio"]["median"]) for unit in units}
    said = "; ".join(f"{unit} layers: {row['backend']}, {number(row['ratio']['median'])} times" for unit, row in best.items())
    alt = f"Bars of the training rate of every backend against the plain loop. The fastest: {said}. The table below has every number."
    caption = (
        "Bars are medians of the rounds, thin lines reach from the least to the greatest; dashed is the target set in advance."
    )
    return draw_twice(folder, "", "benchmark-training", draw, alt, caption, (7.2, 0.6 + 0.42 * len(rows)))


def _growth_picture(folder: Path, rows: Sequence[Row]) -> Picture:
    every = list(dict.fromkeys(row["axis"] for row in rows))
    backends = list(dict.fromkeys(row["backend"] for row in rows))

    def panel(axes: Axes, axis: str, palette: Palette) -> None:
        sizes: list[int] = []
        for backend, colour in zip(backends, (palette.observed, palette.proved, palette.limit), strict=False):
            mine = [row for row in rows if row["axis"] == axis and row["backend"] == backend]
            sizes = [row["size"] for row in mine]
            middle = [1000 * row["seconds"]["median"] for row in mine]
            ends = [
                [1000 * abs(row["seconds"][end] - row["seconds"]["median"]) for row in mine] for end in ("least", "greatest")
            ]
            axes.errorbar(sizes, middle, yerr=ends, color=colour, marker=MARKS.get(backend, "^"), ms=5, label=backend)
        first = [row for row in rows if row["axis"] == axis and row["backend"] == backends[-1]]
        scale = 1000 * first[0]["seconds"]["median"] / first[0]["operations"]
        axes.plot(sizes, [scale * row["operations"] for row in first], color=palette.faint, ls=":", label="as operations grow")
        axes.set(xscale="log", yscale="log", title=axis)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else ""))

    def draw(figure: Figure, palette: Palette) -> None:
        grid = list(figure.subplots((len(every) + 1) // 2, 2, squeeze=False).flat)
        for axes, axis in zip(grid, every, strict=False):
            panel(axes, axis, palette)
        for axes in grid[len(every) :]:
            axes.set_visible(False)
        grid[0].legend(fontsize=8)
        figure.supylabel("milliseconds a call", fontsize=10)

    alt = f"Time of a call against {', '.join(every)}, for {' and '.join(backends)}, both axes logarithmic. The tables below have it all."
    caption = "The dotted line grows as the operations do, from the first point of the last backend named."
    return draw_twice(folder, "", "benchmark-growth", draw, alt, caption, (7.2, 5.6))


def fragments(record: Row) -> dict[str, str]:
    """The files that the page includes, by name; figures apart."""
    parts = {
        "targets": targets, "training": training, "growth": growth, "screen": screen, "sweep": sweep, "start": start, "proofs": proofs,
        "runs": runs,
    }  # fmt: skip
    return {f"bench-{name}": part(record) for name, part in parts.items()}


__all__ = ["FILE", "RecordError", "fragments", "pictures", "read_record", "stale"]
