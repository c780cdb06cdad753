"""Training of a language model that an interruption cannot change: batches and rates are functions of the seed and the step alone.

Everything that a step needs besides them, weights and the two averages of AdamW, is saved every few steps, whole or not at all; a run
that goes on from there takes the very steps that it would have taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.experiments.model import Transformer
from checks.experiments.settings import Training

CLIP = 1.0  # greatest norm of a gradient, as GPT-2 and its kind are trained
BETAS = (0.9, 0.95)
Cut = Callable[[NDArray[np.int64]], NDArray[np.int64]]
Tell = Callable[[int, int], None]  # steps done, steps in all


class LostTrainingError(RuntimeError):
    """A loss that is no number any more."""


@dataclass(frozen=True)
class Stream:
    """A text as tokens and their blocks [N] each; `cut` says what blocks are in sequences cut from it."""

    ids: NDArray[np.int64]
    blocks: NDArray[np.int64]
    cut: Cut

    def at(self, starts: NDArray[np.int64], length: int) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens, blocks and next tokens [S, length] of the sequences that start there."""
        places = starts[:, None] + np.arange(length)
        blocks = np.array(self.cut(self.blocks[places]))  # a copy: windows are one row seen many times
        return torch.from_numpy(self.ids[places]), torch.from_numpy(blocks), torch.from_numpy(self.ids[places + 1])


def rate_at(step: int, chosen: Training) -> float:
    """The learning rate of a step (from 0): up a straight line, then down a cosine to a tenth."""
    if step < chosen.warmup:
        return chosen.rate * (step + 1) / chosen.warmup
    done = (step - chosen.warmup) / max(1, chosen.steps - chosen.warmup)
    return chosen.rate * (0.55 + 0.45 * math.cos(math.pi * done))


def starts_of(step: int, seed: int, stream: Stream, length: int, chosen: Training) -> NDArray[np.int64]:
    """Where the sequences of a step begin."""
    return np.random.default_rng((seed, 11, step)).integers(0, len(stream.ids) - length, chosen.batch)


def optimiser_of(model: Transformer, chosen: Training) -> torch.optim.AdamW:
    """AdamW; matrices decay, gains, biases and tables do not."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and not name.startswith("w")]
    rest = [p for name, p in model.named_parameters() if p.ndim != 2 or name.startswith("w")]
    groups = [{"params": matrices, "weight_decay": chosen.decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=chosen.rate, betas=BETAS)


def train(
    model: Transformer,
    stream: Stream,
    bonuses: Sequence[float],
    chosen: Training,
    seed: int,
    *,
    saved: Path | None = None,
    tell: Tell = lambda done, total: None,
) -> float:
    """Train a model in place and return the mean loss (nats) of the last step; goes on from `saved` where that is of the same run.

    bonuses: dial x strength of each layer (nats).  The file is removed by whoever has stored what came of it. Raises LostTrainingError
    when the loss is not finite.
    """
    device = next(model.parameters()).device
    optimiser = optimiser_of(model, chosen)
    name = _name(model, stream, bonuses, chosen, seed)
    first, loss = _resume(model, optimiser, saved, name)
    model.train()
    with torch.enable_grad():
        for step in range(first, chosen.steps):
            for group in optimiser.param_groups:
                group["lr"] = rate_at(step, chosen)
            starts = starts_of(step, seed, stream, model.shape.context, chosen)
            tokens, blocks, targets = (part.to(device) for part in stream.at(starts, model.shape.context))
            optimiser.zero_grad(set_to_none=True)
            found = cross_entropy(model(tokens, blocks, bonuses).flatten(0, 1), targets.flatten())
            found.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()
            if (step + 1) % chosen.save_every == 0 or step + 1 == chosen.steps:
                loss = float(found.detach())
                if not math.isfinite(loss):
                    raise LostTrainingError(
                        f"training with seed {seed} has loss {loss} at step {step + 1} of {chosen.steps}, rate {chosen.rate}: "
                        "nothing can be measured on weights that are no numbers. Lower training.rate or raise training.warmup."
                    )
                if saved is not None:
                    _save(model, optimiser, saved, name, step + 1, loss)
                tell(step + 1, chosen.steps)
    model.eval()
    return loss


def _name(model: Transformer, stream: Stream, bonuses: Sequence[float], chosen: Training, seed: int) -> str:
    """A digest of everything that a training depends on besides the library."""
    digest = hashlib.sha256(repr((model.shape, tuple(bonuses), chosen, seed)).encode())
    for part in (stream.ids, stream.blocks, stream.cut(stream.blocks[: model.shape.context][None])):
        digest.update(np.ascontiguousarray(part).tobytes())
    for parameter in model.parameters():
        digest.update(parameter.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def _save(model: Transformer, optimiser: torch.optim.AdamW, path: Path, name: str, done: int, loss: float) -> None:
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    for key, parameter in model.named_parameters():
        state = optimiser.state[parameter]
        tensors |= {f"{part}.{key}": state[part] for part in ("exp_avg", "exp_avg_sq", "step")}
    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    save_file(tensors, beside, metadata={"name": name, "done": str(done), "loss": loss.hex()})
    os.replace(beside, path)


def _resume(model: Transformer, optimiser: torch.optim.AdamW, path: Path | None, name: str) -> tuple[int, float]:
    """Steps already done and the loss of the last of them; 0 where there is no file, a damaged one, or one of another training."""
    if path is None or not path.exists():
        return 0, math.nan
    with contextlib.suppress(SafetensorError, KeyError, ValueError, OSError), safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        if metadata.get("name") != name:
            return 0, math.nan
        tensors = {key: file.get_tensor(key) for key in list(file.keys())}
        done, loss = int(metadata["done"]), float.fromhex(metadata["loss"])
        states = {
            key: {part: tensors[f"{part}.{key}"] for part in ("exp_avg", "exp_avg_sq", "step")}
            for key, _ in model.named_parameters()
        }
        model.load_state_dict({key.removeprefix("model."): t for key, t in tensors.items() if key.startswith("model.")})
        device = next(model.parameters()).device
        for key, parameter in model.named_parameters():
            moved = {part: value.to(device) if part != "step" else value for part, value in states[key].items()}
            optimiser.state[parameter].update(moved)
        return done, loss
    return 0, math.nan
