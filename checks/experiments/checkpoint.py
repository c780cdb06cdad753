"""GPT-2 checkpoints in the layout of Hugging Face: config.json and weights in safetensors. Nothing is ever unpickled.

Names are those of a bare GPT-2: the prefix "transformer." is taken off, and causal masks that old files carry as buffers are dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from checks.experiments.gpt2 import (
    EMBEDDING,
    CheckpointError,
    Gpt2Config,
    as_text,
    check_tensors,
    check_vocabulary,
    digest,
    same_bits,
    shapes,
    some,
)
from checks.files import replace_atomically, write_atomically

__all__ = ["Checkpoint", "CheckpointError", "Gpt2Config", "check_vocabulary", "read_checkpoint", "shapes", "write_checkpoint"]

WEIGHTS, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
OTHERS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")  # pickles, and formats of other libraries
PREFIX, HEAD = "transformer.", "lm_head.weight"
BUFFER = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")
WRITTEN_AS = "localist_config"  # metadata: the configuration that the weights were written with

Count = Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True)
class Checkpoint:
    """A GPT-2: every tensor of `shapes(config)`, finite floats as stored. The digest is of configuration, names, types and bytes."""

    config: Gpt2Config
    tensors: dict[str, Tensor]
    source: str  # the folder's name
    digest: str  # SHA-256; prefix, buffers and shards do not enter


class _Layout(msgspec.Struct):
    """The fields of config.json that say what the model computes; the rest is not read. Defaults are those of the format."""

    n_layer: Count
    n_head: Count
    n_embd: Count
    n_positions: Count
    vocab_size: Count
    layer_norm_epsilon: float = 1e-5
    model_type: Literal["gpt2"] = "gpt2"
    activation_function: Literal["gelu_new"] = "gelu_new"
    n_inner: int | None = None
    tie_word_embeddings: bool = True


def read_checkpoint(folder: Path) -> Checkpoint:
    """The GPT-2 of a folder: config.json, and model.safetensors or the shards that model.safetensors.index.json names.

    An output layer of its own (lm_head.weight) is accepted only where it is the token embedding, bit for bit. CheckpointError for files
    that are missing or malformed, other architectures, and tensors that are missing, unknown, misshapen, no floats or not finite.
    """
    if not folder.is_dir():
        raise CheckpointError(f"a checkpoint is a folder with {CONFIG} and {WEIGHTS}; {folder} is none. Give the folder.")
    config, tied = _read_config(folder / CONFIG)
    tensors = _canonical(_read_weights(folder, config), tied, folder)
    check_tensors(config, tensors, str(folder))
    ordered = {name: tensors[name] for name in shapes(config)}
    return Checkpoint(config, ordered, folder.resolve().name, digest(config, ordered))


def write_checkpoint(folder: Path, config: Gpt2Config, tensors: Mapping[str, Tensor]) -> None:
    """Write config.json and model.safetensors, each whole or not at all; `read_checkpoint` gives the same bits back.

    An interruption between the two leaves a pair that is refused when read, never one that is read as something else.
    """
    check_tensors(config, tensors, "the model to be written")
    if (folder / INDEX).exists():
        raise CheckpointError(
            f"a folder holds one set of weights; {folder} has shards ({INDEX}) already: nothing would say which to read. "
            "Write to another folder."
        )
    plain = {name: tensors[name].detach().to("cpu", copy=True).contiguous() for name in shapes(config)}
    metadata = {"format": "pt", WRITTEN_AS: as_text(config)}
    replace_atomically(folder / WEIGHTS, lambda place: save_file(plain, place, metadata))
    layout = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_embd": config.width,
        "n_positions": config.context,
        "vocab_size": config.vocabulary,
        "layer_norm_epsilon": config.epsilon,
        "tie_word_embeddings": True,
    }
    write_atomically(folder / CONFIG, json.dumps(layout, indent=2) + "\n")


def _read_config(path: Path) -> tuple[Gpt2Config, bool]:
    """The sizes, and whether the output layer is the token embedding."""
    try:
        text = path.read_bytes()
        found = msgspec.json.decode(text, type=_Layout)
        raw = msgspec.json.decode(text, type=dict)
    except OSError as error:
        raise CheckpointError(
            f"a checkpoint has a readable {CONFIG}; {path} is not ({error}): sizes and heads are not known. "
            "Copy it from where the weights came from."
        ) from error
    except msgspec.ValidationError as error:
        raise CheckpointError(
            f"{CONFIG} describes a GPT-2 with activation gelu_new; {path}: {error}. Take a checkpoint of GPT-2 in this layout, "
            "or correct the field."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{CONFIG} is JSON in UTF-8; {path} is not ({error}). Copy it again.") from error
    for field, plain in (
        ("scale_attn_weights", True),
        ("scale_attn_by_inverse_layer_idx", False),
        ("add_cross_attention", False),
    ):
        if raw.get(field, plain) is not plain:
            raise CheckpointError(
                f"{CONFIG} describes a plain GPT-2; {path} has {field} = {json.dumps(raw[field])}: the model computes something else. "
                "Take a checkpoint without this."
            )
    if found.n_inner not in (None, 4 * found.n_embd):
        raise CheckpointError(
            f"the hidden layer of a GPT-2 is 4 times as wide as a token; {path} has n_inner = {found.n_inner} and n_embd = {found.n_embd}. "
            f"Take a checkpoint with n_inner = {4 * found.n_embd} or none."
        )
    sizes = (found.n_layer, found.n_head, found.n_embd, found.n_positions, found.vocab_size)
    try:
        return Gpt2Config(*sizes, found.layer_norm_epsilon), found.tie_word_embeddings
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _read_weights(folder: Path, config: Gpt2Config) -> dict[str, Tensor]:
    """All tensors under the names that the files give them."""
    single, index = folder / WEIGHTS, folder / INDEX
    if single.is_file() and index.is_file():
        raise CheckpointError(
            f"a folder holds one set of weights; {folder} has {WEIGHTS} and {INDEX}: nothing says which to read. Remove one of them."
        )
    if single.is_file():
        return _read_file(single, config)
    if index.is_file():
        return _read_shards(folder, index, config)
    others = sorted(path.name for pattern in OTHERS for path in folder.glob(pattern))
    if others:
        raise CheckpointError(
            f"weights are read from safetensors only; {folder} has {', '.join(others[:4])} and no {WEIGHTS}: a pickle runs code when it is "
            f"loaded, so it is never opened. Take {WEIGHTS} from the same publisher, or convert the file where you trust it, e.g. with "
            "save_pretrained(folder, safe_serialization=True) of the library transformers."
        )
    raise CheckpointError(
        f"a checkpoint has weights in {WEIGHTS} or in shards with {INDEX}; {folder} has neither. Copy them there."
    )


def _read_file(path: Path, config: Gpt2Config) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            written = (file.metadata() or {}).get(WRITTEN_AS)
            if written not in (None, as_text(config)):
                raise CheckpointError(
                    f"{CONFIG} and {WEIGHTS} are of one writing; {path} was written with {written}, {CONFIG} says {as_text(config)}: "
                    "the model would compute something else. Write the checkpoint again."
                )
            return {name: file.get_tensor(name) for name in list(file.keys())}
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"weights are a whole safetensors file; {path} is not ({error}): it is cut off, or of another format. Copy it again."
        ) from error


def _read_shards(folder: Path, index: Path, config: Gpt2Config) -> dict[str, Tensor]:
    class Index(msgspec.Struct):
        weight_map: dict[str, str]

    try:
        places = msgspec.json.decode(index.read_bytes(), type=Index).weight_map
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{INDEX} maps names of tensors to files; {index} does not ({error}). Copy it again.") from error
    names = sorted(set(places.values()))
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(
                f"shards are safetensors files beside their index; {index} names {name!r}: other places and formats are never opened. "
                "Copy the index again."
            )
    tensors: dict[str, Tensor] = {}
    for name in names:
        shard = _read_file(folder / name, config)
        wanted = {tensor for tensor, file in places.items() if file == name}
        if shard.keys() != wanted:
            raise CheckpointError(
                f"a shard has the tensors that its index lists; {folder / name} differs in {some(shard.keys() ^ wanted)}: it is of another "
                "checkpoint. Copy index and shards again."
            )
        tensors |= shard
    return tensors


def _canonical(found: Mapping[str, Tensor], tied: bool, folder: Path) -> dict[str, Tensor]:
    """The tensors of the model under their bare names."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in found.items():
        bare = name.removeprefix(PREFIX)
        if bare in tensors:
            raise CheckpointError(
                f"a tensor is there once; {folder} has {bare} with and without the prefix {PREFIX!r}: nothing says which to take. "
                "Remove one of them."
            )
        if not BUFFER.fullmatch(bare):
            tensors[bare] = tensor
    head = tensors.pop(HEAD, None)
    if head is None and not tied:
        raise CheckpointError(
            f"a model whose tie_word_embeddings is false has {HEAD}; {folder} has none: its output layer is missing. Copy it again."
        )
    if head is None:
        return tensors
    if EMBEDDING not in tensors and tied:  # one tensor, kept under its other name
        tensors[EMBEDDING] = head
    known = tensors.get(EMBEDDING)
    if known is not None and not same_bits(head, known):
        raise CheckpointError(
            f"the output layer is the token embedding; {folder} has a {HEAD} that differs from {EMBEDDING}: the experiments train tied "
            "models. Take a checkpoint with tied embeddings."
        )
    return tensors
