"""Progressive localisation (arXiv 2511.18375): one checkpoint, fine-tuned with dials that grow over depth, on two kinds of blocks.

Seven configurations: `distributed` (dial 0 everywhere), `localist` (1 everywhere) and the polynomial schedules (l/(L-1))^degree. A cell
is one fine-tuning: configuration, kind of blocks, seed. The distributed one has no blocks that matter, so it is run once a seed and
measured on both kinds. The checkpoint is made before the cells, or is the user's.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from checks.experiments.checkpoint import Gpt2Config, check_vocabulary, read_checkpoint, write_checkpoint
from checks.experiments.containment import contained
from checks.experiments.language import Language, part, read_language
from checks.experiments.locality import Blocks
from checks.experiments.measures import MEASURES, by_seed, evaluate, merged
from checks.experiments.model import Shape, Transformer, fresh, with_scores
from checks.experiments.settings import OF_A_CHECKPOINT, BlockKind, Progressive
from checks.experiments.statistics import summarise
from checks.experiments.store import Plan, digest_of
from checks.experiments.training import Stream, Tell, train
from checks.training import one_thread, pick_device
from theory.schedule_numbers import Schedule

BASE_SEED = 0
DISTRIBUTED, LOCALIST = "distributed", "localist"
CONTAINED_SEQUENCES = 2  # of each fine-tuned model, for the enclosed rollout


class Cell(msgspec.Struct, frozen=True):
    """One fine-tuning and what is measured on it."""

    settings: Progressive
    text: str | None
    checkpoint: str
    own: bool  # the checkpoint is this run's own, trained on the first half of the text
    device: str
    configuration: str
    trained_on: BlockKind
    measured_on: tuple[BlockKind, ...]
    seed: int


_checkpoint = lru_cache(maxsize=1)(read_checkpoint)  # read and checked once a process, not once a cell


def schedule_of(configuration: str, layers: int) -> Schedule:
    """The dials of the layers; those that are the same everywhere are a schedule with equal ends."""
    if configuration in (DISTRIBUTED, LOCALIST):
        dial = int(configuration == LOCALIST)
        return Schedule(layers, 1, dial, dial)
    return Schedule(layers, int(configuration.removeprefix("degree-")), 0, 1)


def configurations(settings: Progressive) -> list[tuple[str, BlockKind, tuple[BlockKind, ...]]]:
    """Name, blocks trained on and blocks measured on of every configuration."""
    found: list[tuple[str, BlockKind, tuple[BlockKind, ...]]] = [(DISTRIBUTED, settings.blocks[0], settings.blocks)]
    for kind in settings.blocks:
        found += [(name, kind, (kind,)) for name in (LOCALIST, *(f"degree-{degree}" for degree in settings.degrees))]
    return found


@dataclass(frozen=True)
class Prepared:
    """The text in tokens, and for every kind of blocks the streams to learn from and to be measured on: made once a process."""

    language: Language
    blocks: dict[BlockKind, Blocks]
    learn: dict[BlockKind, Stream]
    test: dict[BlockKind, Stream]


@lru_cache(maxsize=1)
def _prepared(settings: Progressive, text: str | None, folder: str | None) -> Prepared:
    tokens_of = None if folder is None else Path(folder)
    config = None if tokens_of is None else _checkpoint(tokens_of).config
    context = settings.model.context if config is None else config.context
    language = read_language(None if text is None else Path(text), settings.tokens, context, tokens_of)
    if config is not None:
        check_vocabulary(config, language.tokenizer.size, str(folder))
    blocks = {kind: language.blocks(kind, settings.locality) for kind in settings.blocks}
    streams = {kind: language.streams(found) for kind, found in blocks.items()}
    return Prepared(language, blocks, *({kind: both[side] for kind, both in streams.items()} for side in (0, 1)))


def base_checkpoint(settings: Progressive, text: Path | None, device: str, out: Path, tell: Tell) -> Path:
    """Train the checkpoint that is fine-tuned, at dial 0 on the first half of the training text, or find it finished; its folder.

    An interrupted training goes on where it was last saved.
    """
    prepared = _prepared(settings, None if text is None else str(text), None)
    inputs = [msgspec.to_builtins(settings.base), msgspec.to_builtins(settings.model), prepared.language.inputs, device]
    folder = out / f"checkpoint-{digest_of(inputs)}"
    if (folder / "config.json").exists():
        return folder
    shape = Shape(**msgspec.to_builtins(settings.model), vocabulary=prepared.language.tokenizer.size)
    model = fresh(shape, BASE_SEED).to(pick_device(device))
    saved = folder.with_suffix(".state.safetensors")
    stream = part(prepared.learn[settings.blocks[0]], 0.0, 0.5)
    with one_thread():
        train(model, stream, [0.0] * shape.layers, settings.base, BASE_SEED, saved=saved, tell=tell)
    config = Gpt2Config(shape.layers, shape.heads, shape.width, shape.context, shape.vocabulary, shape.epsilon)
    write_checkpoint(folder, config, model.state_dict())
    saved.unlink(missing_ok=True)
    return folder


def plan(settings: Progressive, text: Path | None, device: str, checkpoint: Path, *, own: bool) -> Plan[Cell]:
    """The run: a cell for every configuration, kind of blocks and seed, from one checkpoint."""
    read = _checkpoint(checkpoint)
    words = None if text is None else str(text)
    prepared = _prepared(settings, words, None if own else str(checkpoint))
    cells = {
        f"{name}-{kind}-seed-{seed}": Cell(settings, words, str(checkpoint), own, device, name, kind, measured, seed)
        for name, kind, measured in configurations(settings)
        for seed in settings.seeds
    }
    decided = () if own else OF_A_CHECKPOINT
    inputs = {
        "settings": {name: value for name, value in msgspec.to_builtins(settings).items() if name not in decided},
        "language": prepared.language.inputs,
        "blocks": {kind: blocks.about for kind, blocks in prepared.blocks.items()},
        "checkpoint": {"own": own, "name": "trained here" if own else read.source, "sha256": read.digest}
        | msgspec.to_builtins(read.config),
        "device": device,
    }
    layers = read.config.layers
    for name, _, _ in configurations(settings):
        schedule_of(name, layers)  # refuses a checkpoint of one layer before anything is trained
    return Plan("progressive", inputs, cells, work, lambda results: summary(settings, layers, results))


def work(task: tuple[str, Cell, Path]) -> dict[str, Any]:
    """Fine-tune the checkpoint in one configuration and measure it."""
    key, cell, folder = task
    chosen = cell.settings
    prepared = _prepared(chosen, cell.text, None if cell.own else cell.checkpoint)
    model = _loaded(Path(cell.checkpoint)).to(pick_device(cell.device))
    layers = model.shape.layers
    schedule = schedule_of(cell.configuration, layers)
    bonuses = [float(dial) * chosen.locality.strength for dial in schedule.dials()]
    learn = prepared.learn[cell.trained_on]
    learn = part(learn, 0.5, 1.0) if cell.own else learn
    loss = train(model, learn, bonuses, chosen.training, cell.seed, saved=folder / f"{key}.state.safetensors")
    start = schedule.first_above(Fraction(chosen.threshold))
    at = {}
    for kind in cell.measured_on:
        found = evaluate(model, prepared.test[kind], bonuses, chosen.measuring, cell.seed)
        at[kind] = found | {"containment": _containment(model, prepared.test[kind], bonuses, start)}
    return {
        "configuration": cell.configuration,
        "trained_on": cell.trained_on,
        "seed": cell.seed,
        "dials": [str(dial) for dial in schedule.dials()],
        "first_localised": start,
        "last_loss_nats": loss,
        "at": at,
    }


def _loaded(folder: Path) -> Transformer:
    found = _checkpoint(folder)
    model = Transformer(Shape(**msgspec.to_builtins(found.config)))
    model.load_state_dict(found.tensors)
    return model


def _containment(model: Transformer, stream: Stream, bonuses: list[float], start: int | None) -> list[dict[str, Any]]:
    """Of the first test sequences: the rollout's leak from the first localised layer on, enclosed, and the bound on it."""
    if start is None:
        return []
    device = next(model.parameters()).device
    length = model.shape.context
    rows = []
    for sequence in range(CONTAINED_SEQUENCES):
        if (sequence + 1) * length >= len(stream.ids):
            break
        tokens, blocks, _ = stream.at(np.array([sequence * length]), length)
        with torch.inference_mode():
            _, captured = with_scores(model, tokens.to(device), blocks.to(device), bonuses)
        found = contained([scores[0] for scores in captured[start:]], blocks[0])
        rows.append(
            {
                "layers": model.shape.layers - start,
                "leak_at_most": float(found.leak.upper()),
                "bound": float(found.bound.upper()),
                "masses": [float(mass.upper()) for mass in found.masses],
                "verdict": None if found.verdict is None else found.verdict.name,
            }
        )
    return rows


def summary(settings: Progressive, layers: int, results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Over the seeds: perplexity as a ratio to the distributed fine-tuning of the same seed, and the measures layer by layer."""
    base = {
        result["seed"]: result["at"][settings.blocks[0]]["perplexity"]
        for result in results.values()
        if result["configuration"] == DISTRIBUTED
    }
    rows = []
    for name, _, kinds in configurations(settings):
        for kind in kinds:
            found = [r for r in results.values() if r["configuration"] == name and kind in r["at"]]
            rows.append(_row(name, kind, layers, settings.threshold, found, base))
    return {"configurations": rows, "statements": merged(one for r in results.values() for one in r["at"].values())}


def _row(
    name: str, kind: str, layers: int, threshold: float, found: list[dict[str, Any]], base: dict[int, float]
) -> dict[str, Any]:
    at = [result["at"][kind] for result in found]
    seeds = by_seed(at)
    seeds["ratio"] = [one["perplexity"] / base[result["seed"]] for one, result in zip(at, found, strict=True)]
    schedule = schedule_of(name, layers)
    contained_rows = [row for one in at for row in one["containment"]]
    return {
        "configuration": name,
        "blocks": kind,
        "dials": [str(dial) for dial in schedule.dials()],
        "first_localised": schedule.first_above(Fraction(threshold)),
        "over_seeds": {measure: msgspec.to_builtins(summarise(values)) for measure, values in seeds.items()},
        "layers": [
            {
                measure: msgspec.to_builtins(summarise([one["layers"][layer][measure] for one in at]))
                for measure in (*MEASURES, "least_fidelity")
            }
            for layer in range(layers)
        ],
        "containment": {
            "sequences": len(contained_rows),
            "leak_at_most": max((row["leak_at_most"] for row in contained_rows), default=None),
            "bound": max((row["bound"] for row in contained_rows), default=None),
            "verdicts": sorted({row["verdict"] for row in contained_rows if row["verdict"] is not None}),
        },
    }
