"""The page of the experiments: what was run again, what came out, what was reported and what that implies.

All numbers come from recorded runs and from `checks.experiments.published`; only the words around them are typed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from checks.book import reported
from checks.book.drawing import Picture
from checks.book.experiment_figures import aila_figures, by_configuration, progressive_figures
from checks.book.experiment_runs import Over, Run, over, sweep
from checks.book.figures import FOLDER, shown
from checks.book.text import block, code, link, plain, plural, table
from checks.experiments.printed import published
from checks.experiments.settings import Aila, Progressive, settings_of

STANDARD_TEXT = "pydoc_data.topics"
MEASURES = (
    ("entropy_bits", "entropy [bits]", 2), ("floor_bits", "proved floor", 2), ("ceiling_bits", "proved ceiling", 2),
    ("fidelity", "fidelity", 3), ("perplexity", "perplexity", 2), ("accuracy", "accuracy", 3),
)  # fmt: skip


def write_experiment_figures(folder: Path, runs: Mapping[str, Run]) -> dict[str, tuple[Picture, ...]]:
    """Draw the figures of every recorded run below the sources of the book."""
    into = folder / FOLDER
    draw = {"aila": aila_figures, "progressive": progressive_figures}
    return {name: draw[name](run, into) for name, run in runs.items()}


def experiments_page(runs: Mapping[str, Run], pictures: Mapping[str, Sequence[Picture]]) -> str:
    """The whole page as MyST; without a run it has the reported numbers and says what to run."""
    return "\n".join(
        [
            "# Experiments\n",
            "Two of the seed papers report experiments. Here they are run again, with proved bounds of this book judged on every attention "
            "row: a locality sweep ([AILA](#experiment-aila)) and locality that grows with depth "
            "([progressive localisation](#experiment-progressive)). Last, the [reported numbers](#reported-numbers) are taken as they are, "
            "and what they imply is computed.\n",
            _scope(runs),
            _aila(runs.get("aila"), pictures.get("aila", ())),
            _progressive(runs.get("progressive"), pictures.get("progressive", ())),
            reported.section(),
        ]
    )


def _scope(runs: Mapping[str, Run]) -> str:
    """What was reproduced and what was not, and why."""
    texts = " and ".join(dict.fromkeys(f"`{run.inputs['language']['text']}`" for run in runs.values()))
    used = f" The runs shown use {texts}." if texts else ""
    return (
        "## What was reproduced, and what was not\n\n"
        "- **The procedures**, as far as the abstracts describe them: a two-layer model trained at each of several dials; one checkpoint "
        "fine-tuned at schedules that grow with depth, on semantic blocks and on windows; several seeds. Added: frozen checkpoints turned "
        "along the dial, and the proved bounds on every row.\n"
        "- **The directions** are compared by intervals over seeds. Intervals that overlap decide nothing.\n"
        "- **The values are not reproduced**, and a difference to a reported value says nothing about it. The abstracts do not tell how "
        "locality enters attention, how blocks are made, over what entropy is averaged, or which further sizes and training were used. The "
        f"papers' data, WikiText and GPT-2's weights among them, are not part of this repository.{used} With the data at hand, "
        "`--text FOLDER` takes WikiText's raw files and `--checkpoint FOLDER` takes GPT-2.\n"
    )


def _missing(name: str) -> str:
    return block(
        "warning", "", f"No run of this experiment is on record. Run `localist experiment {name}`, then build the book again."
    )


def command(run: Run, name: str) -> str:
    """The command that makes this run again; where its settings are no preset's, FILE stands for those in the record."""
    words = ["localist", "experiment", name]
    presets: dict[str, Aila | Progressive] = {
        size: settings_of(Aila, {}, full=full) if name == "aila" else settings_of(Progressive, {}, full=full)
        for size, full in (("small", False), ("full", True))
    }
    same = [size for size, preset in presets.items() if json.loads(msgspec.json.encode(preset)) == run.inputs["settings"]]
    words += ["--size", same[0]] if same else ["--config", "FILE"]
    if run.inputs["language"]["text"] != STANDARD_TEXT:
        words += ["--text", "PATH"]
    if not run.inputs.get("checkpoint", {"own": True})["own"]:
        words += ["--checkpoint", "FOLDER"]
    return " ".join([*words, "--device", run.inputs["device"]])


def _again(run: Run, name: str) -> str:
    """How to run it again, and what the record is."""
    settings = run.inputs["settings"]
    return (
        "### Do it again\n\n"
        f"{code(command(run, name), 'sh')}\n"
        "Another text is `--text FILE`, or a folder with WikiText's raw files; `--config FILE` changes sizes, dials, seeds and blocks; "
        "`--size full` is the preset for an accelerator. A run that was interrupted goes on where it stopped. The next build of the book "
        f"shows the newest run. This one: `{run.record['run']}`, {plain(run.made)}, {len(settings['seeds'])} seeds, "
        f"{run.inputs['device']}; [the record](_static/evidence/{run.path.name}).\n"
    )


def _bounds(run: Run) -> str:
    """The verdict of every statement over all rows."""
    rows = [
        (
            link(name), one["verdict"].lower().replace("_", " "),
            f"{sum(one['counts'].values()) - one['counts'].get('OUT_OF_DOMAIN', 0):,}", f"{one['screened']:,}",
        )
        for name, one in run.summary["statements"].items()
    ]  # fmt: skip
    head = ("statement", "verdict", "rows judged", "of these by the float64 screen")
    return (
        "Every row of every measured model was judged by the proved bounds; what the float64 screen does not decide, and a random sample "
        f"of the rest, by Arb.\n\n{table(head, rows)}"
    )


def _figures(pictures: Sequence[Picture]) -> str:
    return "\n\n".join(shown(picture, f"{FOLDER.as_posix()}/") for picture in pictures)


def _text(run: Run) -> str:
    """The text in a phrase."""
    language = run.inputs["language"]
    tokens, unknown = language["tokens"], language["unknown_share"]
    told = f", {100 * unknown:.1f} % of the test are words outside it and count as one" if unknown else ""
    return (
        f"`{language['text']}`, {language['train_tokens']:,} tokens to train on and {language['test_tokens']:,} to test on; "
        f"{tokens['kind']} tokens, vocabulary {tokens['vocabulary']:,}{told}"
    )


def _aila(run: Run | None, pictures: Sequence[Picture]) -> str:
    head = "(experiment-aila)=\n\n## Locality sweep (AILA)\n"
    if run is None:
        return f"{head}\n{_missing('aila')}"
    settings = run.inputs["settings"]
    model, locality = settings["model"], settings["locality"]
    rows = (
        ("text", "WikiText", _text(run)),
        ("model", "two-layer transformer; further sizes not in the abstract",
         f"{model['layers']} layers, {model['heads']} heads, width {model['width']}, {model['context']} tokens, causal"),
        ("locality", "λ from 1.0 (localist) to 0.0 (distributed); its definition is not in the abstract",
         f"λ times {locality['strength']:g} nats on the score of every key in the query's own block; {settings['blocks']} blocks; "
         f"{plural(len(settings['dials']), 'dial')}"),
        ("entropy", "bits; over what it is averaged is not in the abstract", "mean over all queries, heads, layers and test sequences"),
        ("frozen checkpoints", "the framework's claim: no retraining",
         f"models trained at {' and '.join(f'{dial:g}' for dial in settings['frozen'])}, turned to every dial" if settings["frozen"]
         else "none"),
        ("seeds", "not in the abstract", str(len(settings["seeds"]))),
    )  # fmt: skip
    parts = [
        head,
        table(("", "reported", "here"), rows),
        _aila_findings(run),
        _figures(pictures),
        "",
        _sweep_tables(run),
        _bounds(run),
        _again(run, "aila"),
    ]
    return "\n".join(parts)


def _aila_findings(run: Run) -> str:
    """The reported directions beside those of the run; whether two numbers are apart is decided by their intervals."""
    trained = run.summary["trained"]
    lines = {name: dict(sweep(trained, name)) for name in ("entropy_bits", "fidelity", "perplexity", "accuracy")}
    near, far = max(lines["fidelity"]), min(lines["fidelity"])
    rows = []
    localist, distributed = published("aila.entropy_localist"), published("aila.entropy_distributed")
    rows.append(
        (f"entropy is lower at λ = 1.0 than at 0.0: {localist.text} and {distributed.text} bits",
         *_pair(lines["entropy_bits"], near, far, 2), _less(lines["entropy_bits"][near], lines["entropy_bits"][far]))
    )  # fmt: skip
    rows.append(
        ("pointer fidelity is higher when localist", *_pair(lines["fidelity"], near, far, 3),
         _less(lines["fidelity"][far], lines["fidelity"][near]))
    )  # fmt: skip
    perplexity, accuracy = published("aila.perplexity"), published("aila.accuracy")
    best = min(lines["perplexity"], key=lambda dial: lines["perplexity"][dial].mean)
    least = lines["perplexity"][best]
    beside = sum(one.low <= least.high and dial != best for dial, one in lines["perplexity"].items())
    told = (
        f"The abstract singles out λ = 0.6, with perplexity {perplexity.text} and accuracy {accuracy.text} %. Here the least mean "
        f"perplexity is {least.text(2)}, at λ = {best:g}; the intervals of {beside} of the other {len(lines['perplexity']) - 1} dials "
        "overlap its interval"
    )
    if 0.6 in lines["perplexity"]:
        told += f". At 0.6 it is {lines['perplexity'][0.6].text(2)}, with accuracy {lines['accuracy'][0.6].text(1, 100.0)} %"
    head = ("as reported", f"here at {near:g}", f"here at {far:g}", "same direction")
    return (
        f"{table(head, rows)}\n{told}. Models of this size on this text are not comparable with those behind the reported values.\n\n"
        f"{_rises(run)}\n"
    )


def _rises(run: Run) -> str:
    """Where the mean entropy rises with the dial, trained and frozen: it may, by a counterexample of the registry."""
    told = []
    swept = {"trained at each dial": run.summary["trained"]}
    swept |= {f"trained at {start} and frozen": rows for start, rows in run.summary["frozen"].items()}
    for label, rows in swept.items():
        line = sweep(rows, "entropy_bits")
        steps = list(pairwise(line))
        rising = [f"from {low:g} to {high:g}" for (low, before), (high, after) in steps if after.mean > before.mean]
        told.append(
            f"{label}, it rises {', '.join(rising)}" if rising else f"{label}, it falls at each of {plural(len(steps), 'step')}"
        )
    return (
        f"Mean entropy along the dial: {'; '.join(told)}. That of a row may rise before it falls: {link('dial.entropy_rises')}."
    )


def _pair(line: Mapping[float, Over], near: float, far: float, digits: int) -> tuple[str, str]:
    return line[near].text(digits), line[far].text(digits)


def _less(low: Over, high: Over) -> str:
    """Whether one is below the other by their intervals."""
    if low.high < high.low:
        return "yes: the intervals are apart"
    if high.high < low.low:
        return "no: the intervals are apart the other way"
    return "undecided: the intervals overlap"


def _sweep_tables(run: Run) -> str:
    """The numbers of the figures: by dial, trained and frozen; mean and interval."""
    head = ("dial", *(title for _, title, _ in MEASURES))

    def rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
        order = sorted(found, key=float, reverse=True)
        return [(dial, *(over(found[dial][name]).text(digits) for name, _, digits in MEASURES)) for dial in order]

    first = over(next(iter(run.summary["trained"].values()))["perplexity"])
    worth = f"Mean over seeds, and the exact interval of the median (level {100 * first.level:.4g} %)."
    parts = [block("dropdown", "Numbers: trained at each dial", f"{worth}\n\n{table(head, rows(run.summary['trained']))}")]
    for start, found in run.summary["frozen"].items():
        parts.append(block("dropdown", f"Numbers: trained at dial {start}, frozen", f"{worth}\n\n{table(head, rows(found))}"))
    return "\n".join(parts)


def _progressive(run: Run | None, pictures: Sequence[Picture]) -> str:
    head = "(experiment-progressive)=\n\n## Progressive localisation\n"
    if run is None:
        return f"{head}\n{_missing('progressive')}"
    settings, checkpoint = run.inputs["settings"], run.inputs["checkpoint"]
    locality = settings["locality"]
    source = "trained here first, on the first half of the text" if checkpoint["own"] else f"`{checkpoint['name']}`"
    rows = (
        ("checkpoint", "GPT-2",
         f"{source}: {checkpoint['layers']} layers, {checkpoint['heads']} heads, width {checkpoint['width']}, "
         f"{checkpoint['context']} tokens"),
        ("text", "one book", _text(run)),
        ("configurations", "v1, v2: distributed, localist, degrees 1 to 5; v3: without degrees 2 and 4",
         f"distributed, localist, degrees {', '.join(map(str, settings['degrees']))}: layer l of L has the dial l/(L - 1) to the degree"),
        ("blocks", "semantic, partitioned adaptively, and fixed windows; how is not in the abstract",
         f"{' and '.join(settings['blocks'])}; windows of {locality['window']} tokens; a dial of 1 adds {locality['strength']:g} nats"),
        ("seeds", "several", str(len(settings["seeds"]))),
    )  # fmt: skip
    parts = [
        head,
        table(("", "reported", "here"), rows),
        _progressive_findings(run),
        _figures(pictures),
        "",
        _configuration_tables(run),
        _containment(run),
        _bounds(run),
        _again(run, "progressive"),
    ]
    return "\n".join(parts)


def _progressive_findings(run: Run) -> str:
    """The reported comparisons beside those of the run."""
    rows_of = by_configuration(run)
    ratio = {(name, kind): over(row["over_seeds"]["ratio"]) for name, found in rows_of.items() for kind, row in found.items()}
    best = "degree-5" if "degree-5" in rows_of else next(reversed(rows_of))
    reports = published("progressive.ratio")
    rows = []
    if best == "degree-5":
        first = next(iter(rows_of[best]))
        told = f"{best}: {reports.text} times the baseline"
        rows.append((told, f"{ratio[best, first].text(3)} ({first})", "another model on another text"))
    for kind in rows_of[best]:
        if ("localist", kind) in ratio:
            one, other = ratio[best, kind], ratio["localist", kind]
            rows.append(
                (f"{best} is better than localist everywhere, {kind}", f"{one.text(3)}; {other.text(3)}", _less(one, other))
            )
    for name in rows_of:
        if name != "distributed" and {(name, "semantic"), (name, "windows")} <= ratio.keys():
            one, other = ratio[name, "semantic"], ratio[name, "windows"]
            rows.append((f"semantic blocks beat windows, {name}", f"{one.text(3)}; {other.text(3)}", _less(one, other)))
    head = ("as reported", "ratio of perplexity here", "same direction")
    return (
        f"{table(head, rows)}\nThe abstract compares kinds of blocks without a number; the rows above apply that to every schedule. "
        "The two kinds differ in size and in what they hold, so at one dial they differ in fidelity and entropy as well: the tables below "
        "have all three.\n"
    )


def _configuration_tables(run: Run) -> str:
    """The numbers of the figures: by configuration and blocks, and layer by layer."""
    rows, layers = [], []
    for name, found in by_configuration(run).items():
        for kind, row in found.items():
            seeds = row["over_seeds"]
            rows.append(
                (name, kind, over(seeds["perplexity"]).text(2), over(seeds["ratio"]).text(3), over(seeds["accuracy"]).text(3),
                 over(seeds["entropy_bits"]).text(2), over(seeds["fidelity"]).text(3))
            )  # fmt: skip
            for number, layer in enumerate(row["layers"]):
                layers.append(
                    (name, kind, str(number), row["dials"][number],
                     *(over(layer[measure]).text(digits) for measure, _, digits in MEASURES[:4]))
                )  # fmt: skip
    head = ("configuration", "blocks", "perplexity", "ratio", "accuracy", "entropy [bits]", "fidelity")
    by_layer = ("configuration", "blocks", "layer", "dial", *(title for _, title, _ in MEASURES[:4]))
    return "\n".join(
        [
            block("dropdown", "Numbers: by configuration", table(head, rows)),
            block("dropdown", "Numbers: layer by layer", table(by_layer, layers)),
        ]
    )


def _containment(run: Run) -> str:
    """What rollout carries out of the blocks from the first localised layer on, enclosed, with the bound."""
    rows = []
    for name, found in by_configuration(run).items():
        for kind, row in found.items():
            contained = row["containment"]
            if row["first_localised"] is not None and contained["leak_at_most"] is not None:
                rows.append(
                    (name, kind, str(row["first_localised"]), f"{contained['leak_at_most']:.4f}", f"{contained['bound']:.4f}",
                     ", ".join(verdict.lower() for verdict in contained["verdicts"]) or "one layer")
                )  # fmt: skip
    if not rows:
        return ""
    head = ("configuration", "blocks", "first localised layer", "rollout's leak, at most", "bound", link("schedule.rollout"))
    return (
        "From the first localised layer on, the product of the attention matrices carries this much out of the blocks, for the worst query "
        f"of the first test sequences; the bound is {link('schedule.rollout')}. Rollout leaves out residual paths and values.\n\n"
        + block("dropdown", "Numbers: containment", table(head, rows))
    )


__all__ = ["command", "experiments_page", "write_experiment_figures"]
