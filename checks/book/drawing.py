"""How the figures look: one set of colours for a light page, one for a dark one, both safe for colour-blind readers.

The colours are Okabe and Ito's, lightened for dark pages; no figure tells things apart by colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Palette:
    """Colours by what they stand for."""

    ink: str
    faint: str
    observed: str
    proved: str
    limit: str


LIGHT = Palette(ink="#1a1a1a", faint="#8a8a8a", observed="#0072b2", proved="#d55e00", limit="#009e73")
DARK = Palette(ink="#ececec", faint="#9a9a9a", observed="#56b4e9", proved="#f0a04b", limit="#4fd0a5")

Draw = Callable[[Figure, Palette], None]


@dataclass(frozen=True)
class Picture:
    """One figure of the book: the family it is about, its two files, what it shows in words, and the text under it."""

    name: str
    family: str
    light: Path
    dark: Path
    alt: str
    caption: str


@contextmanager
def _styled(palette: Palette) -> Iterator[None]:
    with mpl.rc_context({
        "svg.fonttype": "path",  # the reader's machine may lack the font
        "svg.hashsalt": "localist",  # the same figure is the same file
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": palette.ink,
        "axes.labelcolor": palette.ink,
        "text.color": palette.ink,
        "xtick.color": palette.ink,
        "ytick.color": palette.ink,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
    }):  # fmt: skip
        yield


def draw_twice(
    folder: Path, family: str, name: str, draw: Draw, alt: str, caption: str, size: tuple[float, float] = (7.2, 4.2)
) -> Picture:
    """Draw a figure for light and for dark pages into a folder, as vectors on a transparent ground."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for suffix, palette in (("light", LIGHT), ("dark", DARK)):
        with _styled(palette):
            figure = Figure(figsize=size, layout="constrained")
            draw(figure, palette)
            path = folder / f"{name}-{suffix}.svg"
            figure.savefig(path, transparent=True, metadata={"Date": None, "Title": alt})
            files.append(path)
    return Picture(name, family, files[0], files[1], alt, caption)


def note(axes: Axes, text: str, at: tuple[float, float], palette: Palette, **rest: Any) -> None:
    """A short label beside what it names: read before a legend is."""
    axes.annotate(text, at, color=palette.ink, fontsize=9, **rest)
