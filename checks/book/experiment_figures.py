"""The figures of the experiments' page, drawn from recorded runs when the book is built.

A mean outside its own proved bounds stops the build: then a theorem, the run or this page is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from checks.book.drawing import Palette, Picture, draw_twice, note
from checks.book.experiment_runs import Over, Run, over, sweep
from checks.experiments.printed import published

Line = Sequence[tuple[float, Over]]
STYLES = (("o", "-"), ("s", "--"), ("^", ":"), ("D", "-."))  # told apart without colour


class RunError(RuntimeError):
    """A recorded mean on the wrong side of a recorded bound."""


def aila_figures(run: Run, folder: Path) -> tuple[Picture, ...]:
    """The sweep: entropy with its bounds, entropy and fidelity of frozen checkpoints, perplexity and accuracy."""
    return _entropy(run, folder), _fidelity(run, folder), _quality(run, folder)


def progressive_figures(run: Run, folder: Path) -> tuple[Picture, ...]:
    """The schedules: ratio to the baseline, entropy and fidelity layer by layer."""
    return _ratio(run, folder), _by_layer(run, folder, "entropy_bits"), _by_layer(run, folder, "fidelity")


def level(found: Over) -> str:
    """What an interval is worth, in words."""
    return f"intervals hold the median over seeds with probability {100 * found.level:.4g} % or more, whatever its law"


def _plot(axes: Axes, line: Line, colour: str, style: tuple[str, str], label: str) -> None:
    at, means = [x for x, _ in line], [y.mean for _, y in line]
    ends = [[max(0.0, y.mean - y.low) for _, y in line], [max(0.0, y.high - y.mean) for _, y in line]]
    axes.errorbar(at, means, yerr=ends, fmt=style[0] + style[1], color=colour, ms=4, capsize=2.5, lw=1.4, label=label, zorder=3)


def _legend(axes: Axes, columns: int) -> None:
    """Above the panel: no place inside it is free in every run."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, fontsize=9, columnspacing=1.2, handletextpad=0.5)


def _entropy(run: Run, folder: Path) -> Picture:
    trained = run.summary["trained"]
    line, floor, ceiling = (sweep(trained, name) for name in ("entropy_bits", "floor_bits", "ceiling_bits"))
    for (dial, mean), (_, low), (_, high) in zip(line, floor, ceiling, strict=True):
        if not low.mean <= mean.mean <= high.mean:
            raise RunError(f"{run.path.name}: mean entropy {mean.mean} at dial {dial} is outside [{low.mean}, {high.mean}]")
    reported = [(1.0, published("aila.entropy_localist")), (0.0, published("aila.entropy_distributed"))]

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        _plot(axes, line, palette.observed, STYLES[0], "measured")
        for bound, name, dashes in ((ceiling, "proved ceiling", "-"), (floor, "proved floor", "--")):
            axes.plot([x for x, _ in bound], [y.mean for _, y in bound], dashes, color=palette.proved, lw=2.0, label=name)
        axes.plot(
            [x for x, _ in reported],
            [float(one.text) for _, one in reported],
            "*",
            ms=11,
            color=palette.limit,
            label="reported",
        )
        for at, one in reported:
            side = -8 if at else 8
            note(
                axes,
                one.text,
                (at, float(one.text)),
                palette,
                xytext=(side, 4),
                textcoords="offset points",
                ha="right" if at else "left",
            )
        axes.set(xlabel="dial λ (0 distributed, 1 localist)", ylabel="mean entropy of a row [bits]", ylim=(0, None))
        _legend(axes, 4)

    first, last = line[0], line[-1]
    alt = (
        f"Mean entropy is {first[1].mean:.2f} bits at dial {first[0]:g} and {last[1].mean:.2f} at dial {last[0]:g}, between a proved floor "
        f"and a proved ceiling; the paper reports {reported[1][1].text} and {reported[0][1].text}."
    )
    caption = (
        f"Entropy of models trained at each dial, mean over all rows, and over {last[1].count} seeds; {level(last[1])}. Ceiling and floor "
        "are `entropy.ceiling` at each row's margin and `entropy.floor` at each row's range, averaged like the entropy; rows with a "
        "negative margin count with the logarithm of their keys. Stars: what AILA reports, of other models on another text."
    )
    return draw_twice(folder, "", "aila-entropy", draw, alt, caption, size=(6.0, 4.0))


def _lines(run: Run, measure: str) -> list[tuple[str, Line]]:
    """Trained at every dial, and every frozen checkpoint turned."""
    found: list[tuple[str, Line]] = [("trained at each dial", sweep(run.summary["trained"], measure))]
    return found + [(f"trained at {start}, frozen", sweep(rows, measure)) for start, rows in run.summary["frozen"].items()]


def _panels(run: Run, folder: Path, name: str, panels: Sequence[tuple[str, str]], alt: str, caption: str) -> Picture:
    def draw(figure: Figure, palette: Palette) -> None:
        colours = (palette.observed, palette.proved, palette.limit, palette.ink)
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (measure, title) in zip(grid, panels, strict=True):
            lines = _lines(run, measure)
            for index, (label, line) in enumerate(lines):
                beside = 0.012 * (index - (len(lines) - 1) / 2)  # intervals side by side
                _plot(axes, [(dial + beside, found) for dial, found in line], colours[index % 4], STYLES[index % 4], label)
            axes.set_ylabel(title)
        _legend(grid[0], len(_lines(run, panels[0][0])))
        grid[-1].set_xlabel("dial λ (0 distributed, 1 localist)")

    return draw_twice(folder, "", name, draw, alt, caption, size=(6.0, 2.8 * len(panels)))


def _ends(line: Line, digits: int) -> str:
    return f"{line[0][1].mean:.{digits}f} at dial {line[0][0]:g} and {line[-1][1].mean:.{digits}f} at dial {line[-1][0]:g}"


def _fidelity(run: Run, folder: Path) -> Picture:
    panels = (("entropy_bits", "entropy [bits]"), ("fidelity", "pointer fidelity"))
    told = "; ".join(f"{label}: fidelity {_ends(line, 3)}" for label, line in _lines(run, "fidelity"))
    caption = (
        "Entropy and pointer fidelity along the dial: of models trained at each dial, and of frozen checkpoints that are turned without "
        f"retraining. Mean over seeds; {level(_lines(run, 'fidelity')[0][1][0][1])}. For scores that stay put, fidelity rises with the "
        "dial by `dial.fidelity`; in a stack the scores of later layers move as well, so here it is a measurement."
    )
    return _panels(run, folder, "aila-fidelity", panels, f"Entropy and fidelity along the dial. {told}.", caption)


def _quality(run: Run, folder: Path) -> Picture:
    panels = (("perplexity", "test perplexity"), ("accuracy", "accuracy"))
    told = "; ".join(f"{label}: perplexity {_ends(line, 2)}" for label, line in _lines(run, "perplexity"))
    caption = (
        "Test perplexity and accuracy of the next token along the dial, trained at each dial and frozen. "
        f"Mean over seeds; {level(_lines(run, 'perplexity')[0][1][0][1])}."
    )
    return _panels(run, folder, "aila-quality", panels, f"Perplexity and accuracy along the dial. {told}.", caption)


def by_configuration(run: Run) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The rows of the summary by configuration and kind of blocks, in the order of the run."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in run.summary["configurations"]:
        found.setdefault(row["configuration"], {})[row["blocks"]] = row
    return found


def _kinds(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(kind for row in rows for kind in row))


def _ratio(run: Run, folder: Path) -> Picture:
    rows = by_configuration(run)
    kinds = _kinds(rows.values())
    reported = published("progressive.ratio")

    greatest = max(over(row["over_seeds"]["ratio"]).high for found in rows.values() for row in found.values())
    beyond = float(reported.text) > 1 + 2 * (greatest - 1)  # at scale it would leave no room for what was measured

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        for index, kind in enumerate(kinds):
            for place, found in enumerate(rows.values()):
                if kind in found:
                    one = over(found[kind]["over_seeds"]["ratio"])
                    axes.errorbar(
                        one.mean, place + 0.22 * (index - (len(kinds) - 1) / 2),
                        xerr=[[max(0.0, one.mean - one.low)], [max(0.0, one.high - one.mean)]], fmt=STYLES[index][0], ms=5, capsize=2.5,
                        color=(palette.observed, palette.proved)[index % 2], label=kind if place == 0 else None,
                    )  # fmt: skip
        axes.axvline(1.0, color=palette.faint, lw=1, ls="--")
        words = f"reported for degree 5:\n{reported.text}"
        if beyond:
            axes.annotate(f"{words}, to the right →", (0.99, 0.97), xycoords="axes fraction", ha="right", va="top", fontsize=9)
        else:
            axes.axvline(float(reported.text), color=palette.limit, lw=1.6, ls=":")
            beside = (float(reported.text), 0.2)
            note(axes, words, beside, palette, xytext=(-5, -4), textcoords="offset points", ha="right", va="top")
        axes.set_yticks(range(len(rows)), list(rows))
        axes.invert_yaxis()
        axes.set_xlabel("test perplexity over that of the distributed fine-tuning, same seed")
        _legend(axes, 2)

    told = "; ".join(
        f"{name} {kind} {over(row['over_seeds']['ratio']).mean:.3f}"
        for name, found in rows.items()
        for kind, row in found.items()
    )
    one = over(next(iter(next(iter(rows.values())).values()))["over_seeds"]["ratio"])
    caption = (
        f"Perplexity of each configuration over that of the distributed one, seed by seed, mean over {one.count} seeds; {level(one)}. "
        f"The paper's first version reports {reported.text} for degree 5, of another model on another text."
    )
    return draw_twice(folder, "", "progressive-ratio", draw, f"Ratios of perplexity: {told}.", caption, size=(6.0, 4.6))


TITLES = {"entropy_bits": ("entropy [bits]", "Mean entropy"), "fidelity": ("fidelity", "Mean pointer fidelity")}


def _by_layer(run: Run, folder: Path, measure: str) -> Picture:
    rows = by_configuration(run)
    kinds = _kinds(rows.values())
    axis, words = TITLES[measure]

    def draw(figure: Figure, palette: Palette) -> None:
        columns = 3
        grid = figure.subplots(-(-len(rows) // columns), columns, sharex=True, sharey=True, squeeze=False)
        for axes, (name, found) in zip(grid.flat, rows.items(), strict=False):
            for index, kind in enumerate(kinds):
                if kind in found:
                    line = [(float(layer), over(one[measure])) for layer, one in enumerate(found[kind]["layers"])]
                    _plot(axes, line, (palette.observed, palette.proved)[index % 2], STYLES[index], kind)
            axes.set_title(name, fontsize=10)
        for axes in list(grid.flat)[len(rows) :]:
            axes.set_visible(False)
        for column in range(columns):  # the lowest panel of each column carries the numbers of the layers
            lowest = [axes for axes in grid[:, column] if axes.get_visible()][-1]
            lowest.tick_params(labelbottom=True)
            lowest.set_xlabel("layer")
        for axes in grid[:, 0]:
            axes.set_ylabel(axis)
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(kinds), fontsize=9)

    last = len(next(iter(next(iter(rows.values())).values()))["layers"]) - 1
    told = "; ".join(
        f"{name} {kind} from {over(row['layers'][0][measure]).mean:.2f} to {over(row['layers'][last][measure]).mean:.2f}"
        for name, found in rows.items()
        for kind, row in found.items()
    )
    caption = f"{words} of a row, layer by layer, after fine-tuning in each configuration; layer 0 is the first."
    alt = f"{words} by layer, from the first to the last: {told}."
    return draw_twice(folder, "", f"progressive-{measure.partition('_')[0]}", draw, alt, caption, size=(6.4, 6.2))


__all__ = ["RunError", "aila_figures", "by_configuration", "level", "progressive_figures"]
