"""The figures, made when the book is built: from layers trained on the spot and from the evidence, never from stored pictures.

Curves come from the generated formulas, observed values from Arb on the captured scores; a figure whose points cross its proved
line stops the build, because then a theorem or a program is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from flint import arb
from matplotlib.figure import Figure
from torch import Tensor

from checks.book.drawing import Palette, Picture, draw_twice, note
from checks.book.evidence import Evidence
from checks.book.text import block, plain
from checks.data import Batch, measure, synthetic
from checks.enclosure import Row, observe, rational
from checks.layer import Structure, equal_blocks
from checks.penalty import off_block_mask, off_block_penalty
from checks.properties import Options
from checks.trained import FleetConfig, captured_rows, train_fleet
from checks.training import Balls, Run, initialise, sgd, train
from theory import formulas
from theory import symbols as sym
from theory.namespaces import FLINT, MATH, NUMPY

LAYERS = 8


class FigureError(RuntimeError):
    """An observed value on the wrong side of a proved line."""


FOLDER = Path("_static", "figures")


def write_figures(folder: Path, evidence: Evidence) -> tuple[Picture, ...]:
    """Make every figure below the sources of the book, in the order of the book."""
    into = folder / FOLDER
    made = [ceiling(into), along_the_dial(into), threshold(into), extinction(into)]
    worst = worst_rows(into, evidence)
    return (*made, *([worst] if worst else []))


def figures_page(pictures: Sequence[Picture]) -> str:
    """All figures on one page."""
    head = "# Figures\n\nMade when this book was built, from layers trained on the spot and from the evidence."
    return "\n\n".join([head, *(shown(picture, f"{FOLDER.as_posix()}/") for picture in pictures)]) + "\n"


def shown(picture: Picture, path: str) -> str:
    """One figure as MyST, in the colours of the page's theme; `path` leads from the page to the figures."""
    image = "\n\n".join(
        block("image", f"{path}{file.name}", "", (f"alt: {picture.alt}", f"class: only-{theme}"))
        for theme, file in (("light", picture.light), ("dark", picture.dark))
    )
    return f"{image}\n\n{plain(picture.caption)}"


def _fleet_rows(dials: Sequence[float]) -> list[Row]:
    """Rows of fleets trained at several dials in both parametrisations, every third row."""
    rows: list[Row] = []
    for parametrisation in ("bilinear", "qk"):
        for dial in dials:
            config = FleetConfig(7, parametrisation, False, 4, 16, 0.02, False, dial, 0.02, 60, "float32")
            fleet = train_fleet(config, Options(layers=LAYERS))
            rows += list(captured_rows(fleet.capture(), "figure"))[::17]
    return rows


def ceiling(folder: Path) -> Picture:
    """`entropy.ceiling` over trained layers: observed entropy against the proved ceiling of the row's own margin."""
    seen = [observe(row) for row in _fleet_rows((0.0, 1.0, 2.0, 4.0, 8.0))]
    with_margin = [values for values in seen if values[sym.margin] >= 0]
    points = []
    for values in with_margin:
        bound = formulas.entropy_ceiling(FLINT, values[sym.n], values[sym.g], values[sym.margin])
        if not values[sym.entropy] <= bound:  # a ball: true only when it is certain
            raise FigureError(f"entropy.ceiling: observed {values[sym.entropy]} is not certainly below {bound}")
        points.append((float(arb(bound).mid()), float(arb(values[sym.entropy]).mid())))
    bounds, entropies = np.array(points).T

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        low, top = float(entropies.min()) * 0.95, float(bounds.max()) * 1.03
        axes.plot([low, top], [low, top], color=palette.proved)
        axes.plot(bounds, entropies, "o", ms=3.2, mec="none", alpha=0.6, color=palette.observed)
        note(
            axes,
            "proved: no row above this line",
            (low + 0.3 * (top - low), low + 0.33 * (top - low)),
            palette,
            rotation=32,
            rotation_mode="anchor",
        )
        axes.set(
            xlabel="proved ceiling at the row's margin [nats]",
            ylabel="entropy of the row [nats]",
            xlim=(low, top),
            ylim=(low, top),
        )

    without = len(seen) - len(with_margin)
    alt = f"Scatter of {len(with_margin)} attention rows: every observed entropy lies on or below its proved ceiling."
    caption = (
        f"Entropy of {len(with_margin)} rows of {10 * LAYERS} trained layers against the ceiling that `entropy.ceiling` proves for each "
        f"row's own margin. {without} more rows have a negative margin and no promise."
    )
    return draw_twice(folder, "entropy", "entropy-ceiling", draw, alt, caption)


def along_the_dial(folder: Path) -> Picture:
    """`dial.frozen_checkpoint`: outside mass of every row of one frozen layer along the dial, under the proved envelope."""
    config = FleetConfig(11, "bilinear", False, 4, 16, 0.02, False, 0.0, 0.02, 60, "float32")
    fleet = train_fleet(config, Options(layers=1))
    contents = list(captured_rows(fleet.capture(0.0), "figure"))
    lead = max(-observe(row)[sym.margin] for row in contents)  # R: by how much content can lead outside
    settings = np.linspace(0.0, 16.0, 81)
    n, g = len(contents[0].scores), sum(contents[0].block)
    envelope = formulas.outside_mass_bound(NUMPY, np.float64(n), np.float64(g), settings - float(arb(lead).upper()))
    starts = np.array([float(arb(observe(row)[sym.eps]).mid()) for row in contents])
    lines = starts[:, None] / (starts[:, None] + (1 - starts[:, None]) * np.exp(settings))
    for d in (0, 4, 8, 16):
        bound = formulas.outside_mass_bound(FLINT, n, g, arb(d) - arb(lead))
        for row in contents:
            turned = Row(
                tuple(rational(s) + d * flag for s, flag in zip(row.scores, row.block, strict=True)), row.block, "figure"
            )
            if not observe(turned)[sym.eps] <= bound:
                raise FigureError(f"dial.frozen_checkpoint: a row at dial {d} is not certainly below {bound}")

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        axes.semilogy(settings, lines.T, color=palette.observed, alpha=0.35, lw=0.8)
        axes.semilogy(settings, envelope, color=palette.proved, lw=2.2)
        note(axes, "proved envelope", (settings[45], envelope[45]), palette, xytext=(8, 6), textcoords="offset points")
        note(axes, "rows of one frozen layer", (settings[30], 3e-4), palette, ha="right")
        axes.set(
            xlabel="dial d, at slope β = 1 [nats]", ylabel="attention mass outside the block", xlim=(0, 16), ylim=(1e-8, 1.2)
        )

    alt = f"Outside mass of {len(contents)} rows falls exponentially along the dial; all stay below the proved envelope."
    caption = (
        f"One layer, trained at dial 0 and frozen, swept along the dial. Each thin line is one of its {len(contents)} rows, "
        f"by the exact law `dial.mass`; the thick line is "
        f"`dial.frozen_checkpoint` with the measured lead R = {float(arb(lead).mid()):.2f} nats."
    )
    return draw_twice(folder, "dial", "dial-envelope", draw, alt, caption)


def _a_priori(structure: Structure, batch: Batch, radius: float, readout: float) -> float:
    """The proved penalty threshold of a bilinear layer from its data and balls, of the first layer."""
    measured = measure(batch)
    diameter = float(measured.input_diameter[0]) * radius
    loss_constant = float(np.sqrt(2.0)) * readout
    wide, mean = float(measured.block_diameter[0].max()), float(measured.mean_block_norm[0].max())
    return float(formulas.gradient_bound_bilinear(MATH, loss_constant, diameter, wide, mean, structure.temperature))


def _scene(layers: int) -> tuple[Structure, Batch, list[int]]:
    structure = equal_blocks(4, 16)
    seeds = [3] * layers
    return structure, synthetic(structure.features, seeds, sequences=8, tokens=16, leak=0.02, dtype=torch.float64), seeds


def _train(
    structure: Structure, batch: Batch, seeds: list[int], weight: float | Tensor, steps: int, record: tuple[str, ...] = ()
) -> Run:
    start = initialise(structure, seeds, group_norm=1.0, value_norm=1.0, readout_norm=1.0, dtype=torch.float64)
    penalty = off_block_penalty(structure, weight)
    balls = Balls(values=1.0, readout=1.0)
    return train(start, batch, structure, penalty, sgd(0.1), steps, balls=balls, record=record)


def extinction(folder: Path) -> Picture:
    """`extinction.finite_time`: norms of the off-block groups against steps, under the proved line down to the proved step."""
    structure, batch, seeds = _scene(1)
    bound, eta, gamma = _a_priori(structure, batch, 1.0, 1.0), 0.1, 0.25
    run = _train(structure, batch, seeds, bound + gamma, 60, ("norms",))
    assert run.norms is not None  # recorded above
    norms = run.norms[:, 0, 0][:, off_block_mask(run.groups)[0]].numpy()
    largest = float(norms[0].max())
    promised = int(formulas.extinction_steps(MATH, largest, eta, gamma))
    died = int(run.extinct_at[0, 0][off_block_mask(run.groups)[0]].max())
    if not 0 <= died <= promised:
        raise FigureError(f"extinction.finite_time: the last group died at step {died}, promised by step {promised}")
    steps = np.arange(norms.shape[0])

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        axes.plot(steps, norms, color=palette.observed, lw=0.9, alpha=0.7)
        axes.plot(steps[: promised + 1], largest - eta * gamma * steps[: promised + 1], color=palette.proved, lw=2.2)
        axes.axvline(promised, color=palette.proved, ls="--", lw=1.2)
        note(axes, f"proved: all zero by step {promised}", (promised, 0.5), palette, xytext=(6, 0), textcoords="offset points")
        note(axes, f"observed: all zero at step {died}", (died, 0.08), palette, xytext=(6, 0), textcoords="offset points")
        axes.set(xlabel="proximal gradient step", ylabel="norm of an off-block group", xlim=(0, 60), ylim=(0, 1.08 * largest))

    alt = f"Norms of {norms.shape[1]} off-block groups are exactly zero by step {died}; the proved line reaches zero at step {promised}."
    caption = (
        f"Norms of the {norms.shape[1]} off-block groups of a layer trained at penalty {bound + gamma:.3f}, the proved threshold "
        f"{bound:.3f} plus a slack of {gamma}. `extinction.finite_time` proves the thick line; the zeros are exact."
    )
    return draw_twice(folder, "extinction", "extinction-steps", draw, alt, caption)


def threshold(folder: Path) -> Picture:
    """Penalty against what is left of the off-block groups: the empirical threshold and the proved one."""
    weights = np.geomspace(2e-3, 2.0, 61)
    structure, batch, seeds = _scene(len(weights))
    bound = _a_priori(structure, batch, 1.0, 1.0)
    run = _train(structure, batch, seeds, torch.from_numpy(weights), 1200)
    alive = off_block_mask(run.groups)
    left = (run.parameters.content.square().reshape(len(weights), 4, 4, 4, 4).sum((2, 4)).sqrt())[:, alive[0]].amax(-1).numpy()
    empirical = float(weights[left == 0].min())
    if (left[weights > bound] > 0).any():
        raise FigureError(f"blocks.guarantee_extinction: groups are alive at a penalty above the proved threshold {bound}")

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        axes.semilogx(weights, left, "o-", ms=3.5, lw=1.0, color=palette.observed)
        axes.axvline(empirical, color=palette.limit, ls=":", lw=1.6)
        axes.axvline(bound, color=palette.proved, lw=2.2)
        axes.axvspan(bound, weights[-1], color=palette.proved, alpha=0.12, lw=0)
        top = float(left.max())
        note(axes, f"here: {empirical:.3g}", (empirical, top * 0.9), palette, xytext=(6, 0), textcoords="offset points")
        note(
            axes,
            f"proved for every\nsuch layer: {bound:.3g}",
            (bound, top * 0.75),
            palette,
            xytext=(6, 0),
            textcoords="offset points",
        )
        axes.set(xlabel="penalty λ", ylabel="largest off-block group after 1,200 steps", ylim=(-0.02 * top, top * 1.05))

    alt = f"Off-block groups vanish above a penalty of {empirical:.3g} in this layer; the proved threshold is {bound:.3g}."
    caption = (
        f"One layer trained at {len(weights)} penalties. Its off-block groups are exactly zero from {empirical:.3g} on; the threshold "
        f"proved in advance for every layer with these norms is {bound:.3g}, {bound / empirical:.0f} times larger: "
        "sufficient, not necessary."
    )
    return draw_twice(folder, "threshold", "penalty-threshold", draw, alt, caption)


def _exact(text: str) -> float:
    return float.fromhex(text) if "0x" in text else float(Fraction(text))


def worst_rows(folder: Path, evidence: Evidence, most: int = 6) -> Picture | None:
    """The rows that came closest to a bound, as recorded: for the statements whose worst row has the most levels."""
    found, rows, few = [], 0, 0
    for name, finding in evidence.findings.items():
        worst = finding.record["tally"]["worst"] or {}
        exact = worst.get("exact") or {}
        if not isinstance(exact, dict) or not {"scores", "block"} <= exact.keys():
            continue
        few += len(set(exact["scores"])) <= 2
        rows += 1
        if 3 <= len(exact["scores"]) <= 40:
            found.append((name, [_exact(s) for s in exact["scores"]], exact["block"], finding.record["tally"]["tightness"]))
    found.sort(key=lambda entry: (-len(set(entry[1])), -len(entry[1]), entry[0]))
    chosen = found[:most]
    if not chosen:
        return None

    def draw(figure: Figure, palette: Palette) -> None:
        grid = figure.subplots(2, (len(chosen) + 1) // 2, squeeze=False).flat
        for axes, (name, scores, inside_flags, tightness) in zip(grid, chosen, strict=False):
            for position, (score, inside) in enumerate(zip(scores, inside_flags, strict=True)):
                colour, mark = (palette.proved, "s") if inside else (palette.observed, "o")
                axes.vlines(position, min(scores), score, color=colour, lw=1)
                axes.plot(position, score, mark, ms=4, color=colour)
            axes.set_title(f"{name}\n{tightness:.6g} of the bound", fontsize=8)
            axes.tick_params(labelsize=7)
            axes.set_xticks([])
        for axes in list(grid)[len(chosen) :]:
            axes.set_visible(False)
        figure.supxlabel("keys (squares: in the block)", fontsize=9)
        figure.supylabel("score [nats]", fontsize=9)

    alt = f"Scores of the worst recorded rows of {len(chosen)} statements: {', '.join(entry[0] for entry in chosen)}."
    caption = (
        "The rows that came closest to their bounds in the recorded run, for the statements whose worst row has the most levels. "
        f"Of the {rows} worst rows on record, {few} have two levels or one: bounds on rows are sharp at simple rows."
    )
    return draw_twice(folder, "", "worst-rows", draw, alt, caption)
