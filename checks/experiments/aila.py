"""The AILA sweep (arXiv 2511.03559): a small transformer at every dial, trained there, and frozen checkpoints turned without retraining.

A cell is one training: a dial and a seed. Its model is measured at its own dial and, where that is one of `frozen`, at every dial.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from checks.experiments.language import Language, read_language
from checks.experiments.locality import Blocks
from checks.experiments.measures import by_seed, evaluate, merged
from checks.experiments.model import Shape, fresh
from checks.experiments.settings import Aila
from checks.experiments.statistics import summarise
from checks.experiments.store import Plan
from checks.experiments.training import Stream, train
from checks.training import pick_device


class Cell(msgspec.Struct, frozen=True):
    """One training and what is measured on it; everything that it needs, so that any process can do it."""

    settings: Aila
    text: str | None
    device: str
    dial: float
    seed: int


def plan(settings: Aila, text: Path | None, device: str) -> Plan[Cell]:
    """The run: a cell for every dial and seed."""
    prepared = _prepared(settings, None if text is None else str(text))
    cells = {
        f"dial-{dial:g}-seed-{seed}": Cell(settings, None if text is None else str(text), device, dial, seed)
        for dial in settings.dials
        for seed in settings.seeds
    }
    inputs = {
        "settings": msgspec.to_builtins(settings),
        "language": prepared.language.inputs,
        "blocks": prepared.blocks.about,
        "device": device,
    }
    return Plan("aila", inputs, cells, work, lambda results: summary(settings, results))


@dataclass(frozen=True)
class Prepared:
    """The text in tokens and blocks: made once a process."""

    language: Language
    blocks: Blocks
    learn: Stream
    test: Stream


@lru_cache(maxsize=1)
def _prepared(settings: Aila, text: str | None) -> Prepared:
    language = read_language(None if text is None else Path(text), settings.tokens, settings.model.context)
    blocks = language.blocks(settings.blocks, settings.locality)
    return Prepared(language, blocks, *language.streams(blocks))


def work(task: tuple[str, Cell, Path]) -> dict[str, Any]:
    """Train one model and measure it."""
    key, cell, folder = task
    chosen = cell.settings
    prepared = _prepared(chosen, cell.text)
    size = prepared.language.tokenizer.size
    shape = Shape(chosen.model.layers, chosen.model.heads, chosen.model.width, chosen.model.context, size)
    model = fresh(shape, cell.seed).to(pick_device(cell.device))

    def bonuses(dial: float) -> list[float]:
        return [dial * chosen.locality.strength] * shape.layers

    loss = train(
        model, prepared.learn, bonuses(cell.dial), chosen.training, cell.seed, saved=folder / f"{key}.state.safetensors"
    )
    swept = chosen.dials if cell.dial in chosen.frozen else (cell.dial,)
    found = {f"{dial:g}": evaluate(model, prepared.test, bonuses(dial), chosen.measuring, cell.seed) for dial in swept}
    return {"dial": cell.dial, "seed": cell.seed, "last_loss_nats": loss, "at": found}


def summary(settings: Aila, results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Over the seeds: every measure at every dial, of the models trained there and of each frozen checkpoint turned there."""
    trained = {f"{dial:g}": _over_seeds(results, dial, dial) for dial in settings.dials}
    frozen = {
        f"{start:g}": {f"{dial:g}": _over_seeds(results, start, dial) for dial in settings.dials} for start in settings.frozen
    }
    return {
        "trained": trained,
        "frozen": frozen,
        "statements": merged(one for result in results.values() for one in result["at"].values()),
    }


def _over_seeds(results: dict[str, dict[str, Any]], start: float, dial: float) -> dict[str, Any]:
    found = [result["at"][f"{dial:g}"] for result in results.values() if result["dial"] == start]
    return {name: msgspec.to_builtins(summarise(values)) for name, values in by_seed(found).items()}
