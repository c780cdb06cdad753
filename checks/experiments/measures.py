"""What a language model does on test text: perplexity and accuracy; entropy and pointer fidelity of every query, with proved bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.experiments.bounds import STATEMENTS, Bounded, Rows, bounded
from checks.experiments.model import Transformer, with_scores
from checks.experiments.settings import Measuring
from checks.experiments.training import Stream
from checks.properties import Tally

MEASURES = ("entropy_bits", "ceiling_bits", "floor_bits", "fidelity")
NUMBERS_AT_ONCE = 2**22  # scores of one layer captured together: 32 MB as float64


@dataclass
class LayerSums:
    """Sums over the rows of one layer."""

    rows: int = 0
    usable: int = 0
    led: int = 0
    entropy: float = 0.0
    ceiling: float = 0.0
    floor: float = 0.0
    fidelity: float = 0.0
    least_fidelity: float = 1.0
    margin: float = 0.0

    def add(self, found: Bounded) -> None:
        """Count rows."""
        self.rows += len(found.entropy)
        self.usable += int(found.usable.sum())
        self.led += int(found.led.sum())
        self.entropy += float(found.entropy.sum())
        self.ceiling += float(found.ceiling.sum())
        self.floor += float(found.floor.sum())
        self.fidelity += float(found.fidelity.sum())
        self.least_fidelity = min(self.least_fidelity, float(found.fidelity.min()))
        self.margin += float(found.margin[found.usable].sum())

    def plain(self) -> dict[str, float | int | None]:
        """Means over the rows, in JSON: bits for entropies, nats for the margin (of the rows that have one)."""
        means = {name: getattr(self, name) / self.rows for name in ("entropy", "ceiling", "floor", "fidelity")}
        return {
            "rows": self.rows,
            "rows_with_outside_key": self.usable,
            "rows_with_margin": self.led,
            "entropy_bits": means["entropy"],
            "ceiling_bits": means["ceiling"],
            "floor_bits": means["floor"],
            "fidelity": means["fidelity"],
            "least_fidelity": self.least_fidelity,
            "margin_nats": self.margin / self.usable if self.usable else None,
        }


def evaluate(model: Transformer, stream: Stream, bonuses: Sequence[float], chosen: Measuring, seed: int) -> dict[str, Any]:
    """Measure a model on a test text cut into sequences side by side; the result is JSON.

    bonuses: dial x strength of each layer (nats).  seed: of the sample that Arb judges.
    """
    length = model.shape.context
    starts = np.arange(0, len(stream.ids) - length, length)[: chosen.sequences]
    if not len(starts):
        raise ValueError(
            f"the test text has {len(stream.ids)} tokens and a sequence {length}: there is nothing to measure. Give a longer text or "
            "a smaller model.context."
        )
    device = next(model.parameters()).device
    together = max(1, NUMBERS_AT_ONCE // (model.shape.heads * length * length))
    layers = [LayerSums() for _ in range(model.shape.layers)]
    tallies = {theorem.name: Tally() for theorem in STATEMENTS}
    rng = np.random.default_rng((seed, 13))
    loss, right = 0.0, 0
    visible = np.tril(np.ones((length, length), dtype=np.bool_))
    with torch.inference_mode():
        for first in range(0, len(starts), together):
            tokens, blocks, targets = stream.at(starts[first : first + together], length)
            logits, captured = with_scores(model, tokens.to(device), blocks.to(device), bonuses)
            losses = cross_entropy(logits.double().flatten(0, 1), targets.to(device).flatten(), reduction="sum")
            loss += float(losses)
            right += int((logits.argmax(-1).cpu() == targets).sum())
            same = (blocks[:, :, None] == blocks[:, None, :]).numpy()
            for number, scores in enumerate(captured):
                rows = _rows(scores, same, visible, f"layer {number}, sequences from {first}")
                layers[number].add(bounded(rows, tallies, rng, chosen.sample))
    tokens_seen = len(starts) * length
    return {
        "tokens": tokens_seen,
        "loss_nats": loss / tokens_seen,
        "perplexity": math.exp(loss / tokens_seen),
        "accuracy": right / tokens_seen,
        "layers": [layer.plain() for layer in layers],
        "statements": {name: asdict(replace(tally, worst=None)) for name, tally in tallies.items()},  # its row is long
    }


def _rows(scores: Tensor, same: np.ndarray, visible: np.ndarray, origin: str) -> Rows:
    """Every query of every head of every sequence; padding there is none."""
    count, heads, length, _ = scores.shape
    flat = scores.double().cpu().numpy().reshape(-1, length)
    block = np.broadcast_to(same[:, None], (count, heads, length, length)).reshape(-1, length)
    seen = np.broadcast_to(visible, (count, heads, length, length)).reshape(-1, length)
    return Rows(flat, block, seen, origin)


def over_layers(found: dict[str, Any], name: str) -> float:
    """The mean of a measure over all rows of all layers."""
    layers = found["layers"]
    return float(sum(layer[name] * layer["rows"] for layer in layers) / sum(layer["rows"] for layer in layers))


def by_seed(evaluations: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Every reported measure of several evaluations, one number each."""
    return {name: [one[name] for one in evaluations] for name in ("perplexity", "accuracy")} | {
        name: [over_layers(one, name) for one in evaluations] for name in MEASURES
    }


def merged(evaluations: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every statement over the rows of several evaluations: its verdict and how the rows were judged."""
    total: dict[str, Tally] = {}
    for found in evaluations:
        for name, tally in found["statements"].items():
            total.setdefault(name, Tally()).merge(Tally(**tally))
    return {name: asdict(tally) | {"verdict": tally.verdict.name} for name, tally in total.items()}
