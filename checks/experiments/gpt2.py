"""GPT-2 as a set of tensors: sizes, names and shapes, and what is refused.

Names are those of a bare GPT-2 in the layout of Hugging Face. Linear maps x W + b have W [in, out]; attention's c_attn holds query, key
and value side by side. The output layer is the token embedding (tied).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from checks.data import DataError

__all__ = [
    "EMBEDDING",
    "CheckpointError",
    "Gpt2Config",
    "as_text",
    "check_tensors",
    "check_vocabulary",
    "digest",
    "same_bits",
    "shapes",
    "some",
]

EMBEDDING = "wte.weight"
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class CheckpointError(DataError):
    """A checkpoint that is refused."""


@dataclass(frozen=True)
class Gpt2Config:
    """Sizes of a GPT-2 with activation gelu_new: L layers, H heads, width E, context C, vocabulary V; epsilon of its layer norms."""

    layers: int
    heads: int
    width: int
    context: int
    vocabulary: int
    epsilon: float

    def __post_init__(self) -> None:
        """Refuse sizes that no model has."""
        for name in ("layers", "heads", "width", "context", "vocabulary"):
            if getattr(self, name) < 1:
                raise CheckpointError(f"GPT-2 needs {name} >= 1; got {getattr(self, name)}: there would be no model. Raise it.")
        if not 0 < self.epsilon < float("inf"):
            raise CheckpointError(
                f"layer norms need a finite epsilon > 0; got {self.epsilon}: constant tokens would be divided by 0. Give e.g. 1e-5."
            )
        if self.width % self.heads:
            raise CheckpointError(
                f"the number of heads divides the width; {self.heads} heads do not divide {self.width}: heads would have different "
                f"sizes. Choose heads among the divisors of {self.width}."
            )


def shapes(config: Gpt2Config) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by name, in the order of the forward pass."""
    E = config.width
    layer = {
        "ln_1.weight": (E,), "ln_1.bias": (E,),
        "attn.c_attn.weight": (E, 3 * E), "attn.c_attn.bias": (3 * E,), "attn.c_proj.weight": (E, E), "attn.c_proj.bias": (E,),
        "ln_2.weight": (E,), "ln_2.bias": (E,),
        "mlp.c_fc.weight": (E, 4 * E), "mlp.c_fc.bias": (4 * E,), "mlp.c_proj.weight": (4 * E, E), "mlp.c_proj.bias": (E,),
    }  # fmt: skip
    return {
        EMBEDDING: (config.vocabulary, E),
        "wpe.weight": (config.context, E),
        **{f"h.{index}.{name}": shape for index in range(config.layers) for name, shape in layer.items()},
        "ln_f.weight": (E,),
        "ln_f.bias": (E,),
    }


def as_text(config: Gpt2Config) -> str:
    """The configuration as one line of JSON, the same for equal configurations."""
    return json.dumps(asdict(config), sort_keys=True)


def check_tensors(config: Gpt2Config, tensors: Mapping[str, Tensor], place: str) -> None:
    """Refuse tensors that are not those of the configuration."""
    wanted = shapes(config)
    if missing := [name for name in wanted if name not in tensors]:
        raise CheckpointError(
            f"a GPT-2 of {config.layers} layers has {len(wanted)} tensors; {place} lacks {some(missing)}: they would stay random. "
            "Copy the weights again, or correct config.json."
        )
    if unknown := sorted(tensors.keys() - wanted.keys()):
        raise CheckpointError(
            f"a GPT-2 of {config.layers} layers has {len(wanted)} tensors; {place} has {some(unknown)} besides: they would be ignored, "
            "and the model would compute something else. Remove them, or correct config.json."
        )
    for name, shape in wanted.items():
        tensor = tensors[name]
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"{name} has shape {list(shape)}; in {place} it has {list(tensor.shape)}: it belongs to a model of other sizes. "
                "Take config.json and weights from the same checkpoint."
            )
        if tensor.dtype not in FLOATS:
            raise CheckpointError(
                f"weights are float16, bfloat16, float32 or float64; {name} in {place} is {tensor.dtype}: it is quantised or broken. "
                "Take the checkpoint in floats."
            )
        bad = torch.nonzero(~torch.isfinite(tensor))
        if len(bad):
            at = tuple(bad[0].tolist())
            raise CheckpointError(
                f"weights are finite; {name}{list(at)} in {place} is {float(tensor[at])} ({len(bad)} of {tensor.numel()} are not finite): "
                "every output would be NaN. Take a checkpoint from before the training diverged."
            )


def check_vocabulary(config: Gpt2Config, tokens: int, place: str) -> None:
    """Refuse a tokenizer with more tokens than the model has rows for; rows without a token, as some models have, do no harm."""
    if tokens > config.vocabulary:
        raise CheckpointError(
            f"every token has a row of the embedding; {place} has {tokens} tokens and the model {config.vocabulary} rows: text with the "
            "others could not be read. Take the tokenizer's files that came with the weights."
        )


def some(names: Iterable[str]) -> str:
    """The first three names in order, and how many more there are."""
    listed = sorted(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)


def same_bits(left: Tensor, right: Tensor) -> bool:
    """Whether two tensors have one type, one shape and the same bits."""
    return left.dtype == right.dtype and left.shape == right.shape and torch.equal(_bytes(left), _bytes(right))


def digest(config: Gpt2Config, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of configuration, names, types, shapes and bytes, in the order of the names."""
    found = hashlib.sha256(as_text(config).encode())
    for name in sorted(tensors):
        found.update(f"\n{name} {tensors[name].dtype} {list(tensors[name].shape)}\n".encode())
        found.update(_bytes(tensors[name]).numpy().data)
    return found.hexdigest()
