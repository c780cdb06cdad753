"""Results as tables on a screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.table import Table

Row = Mapping[str, Any]


def tables(found: Mapping[str, Any]) -> Iterator[Table | str]:
    """The tables of every subject, and what was left out."""
    for name, one in found.items():
        results = one["results"]
        head = f"{name}: {one['rounds']} rounds, load {one['load_before'][0]:.2f} before and {one['load_after'][0]:.2f} after"
        yield _table(head, *SHOWN[name], results["rows"])
        if name == "growth":
            yield _table("growth: exponents", FITS[0], FITS[1], results["fits"])
        yield from (f"left out: {what}: {why}" for what, why in results.get("left_out", {}).items())
        yield ""


def _table(title: str, words: tuple[str, ...], cells: Callable[[Row], tuple[str, ...]], rows: list[Row]) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    made = [cells(row) for row in rows]
    for index, word in enumerate(words):
        number = all(row[index][:1].isdigit() or row[index][:1] in "-" for row in made)
        table.add_column(word, justify="right" if number else "left")
    for row in made:
        table.add_row(*row)
    return table


def number(value: float) -> str:
    """Three digits that mean something, thousands with commas."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def around(spread: Row) -> tuple[str, str, str]:
    """Median, least and greatest."""
    return number(spread["median"]), number(spread["least"]), number(spread["greatest"])


def _training(row: Row) -> tuple[str, ...]:
    share = "" if row["of_peak"] is None else f"{row['of_peak']['median']:.0%}"
    cold = f"{row['cold']:.1f} s" if row["cold"] >= 1 else ""
    rate, cores = number(row["rate"]["median"]), f"{row['cores']['median']:.1f}"
    return row["unit"], row["backend"], rate, *around(row["ratio"]), share, cores, f"{row['deviation']:.1e}", cold


def _rate(*keys: str) -> Callable[[Row], tuple[str, ...]]:
    return lambda row: (*(str(row[key]) for key in keys), number(row["rate"]["median"]), *around(row["ratio"]))


def _growth(row: Row) -> tuple[str, ...]:
    before = row["times_the_one_before"]
    return (
        row["axis"],
        row["backend"],
        str(row["size"]),
        *around(row["seconds"]),
        "" if before is None else number(before["median"]),
    )


RATIO = ("ratio", "least", "greatest")
SHOWN: dict[str, tuple[tuple[str, ...], Callable[[Row], tuple[str, ...]]]] = {
    "training": (("unit", "backend", "layers/s", *RATIO, "of peak", "cores", "deviation", "cold start"), _training),
    "growth": (("axis", "backend", "size", "seconds", "least", "greatest", "times the one before"), _growth),
    "sweep": (("way", "rows/s", *RATIO), _rate("way")),
    "screen": (("statement", "rows", "way", "rows/s", *RATIO), _rate("statement", "rows", "way")),
    "start": (
        ("command", "seconds", "least", "greatest", "times bare"),
        lambda row: (row["command"], *around(row["seconds"]), number(row["ratio"]["median"])),
    ),
    "proofs": (
        ("seconds", "jobs", "statements proved", "further theorems"),
        lambda row: (number(row["seconds"]), str(row["jobs"]), str(row["statements_proved"]), str(row["further_theorems"])),
    ),
}
FITS = (
    ("axis", "backend", "exponent", "least", "greatest", "of operations"),
    lambda row: (row["axis"], row["backend"], *around(row["exponent"]), number(row["of_operations"])),
)

__all__ = ["around", "number", "tables"]
