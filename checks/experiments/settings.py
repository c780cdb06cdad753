"""Settings of the experiments: from TOML over the defaults, validated field by field; a preset for a laptop and one for an accelerator.

Dials are the shares lambda of the papers, from 0 (distributed) to 1 (localist). A layer at lambda adds lambda x `strength` nats to the
score of every key in the query's own block: `dial.mass` and the statements around it are about this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from theory.config import MISSING, ConfigError, read_toml, translated

Count = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Seed = Annotated[int, msgspec.Meta(ge=0)]
BlockKind = Literal["semantic", "windows"]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shape of the transformer: layers, heads a layer, width of a token, tokens of a sequence. A checkpoint brings its own."""

    layers: Count = 2
    heads: Count = 4
    width: Count = 64
    context: Annotated[int, msgspec.Meta(ge=2)] = 128


class Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tokenisation: words or bytes (with merges beyond 256), and the size of the vocabulary. A checkpoint brings its own."""

    kind: Literal["word", "byte"] = "word"
    vocabulary: Annotated[int, msgspec.Meta(ge=2)] = 1024


class Locality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The dial's strength (nats at lambda 1) and the blocks: semantic ones partition so many words; windows have so many tokens."""

    strength: Positive = 6.0
    words: Annotated[int, msgspec.Meta(ge=8)] = 400
    window: Count = 8


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """AdamW: steps, sequences a step, peak rate after a linear warm-up (it then falls to a tenth along a cosine), decay, steps a save."""

    steps: Count = 250
    batch: Count = 8
    rate: Positive = 5e-3
    warmup: Annotated[int, msgspec.Meta(ge=0)] = 20
    decay: NotNegative = 0.1
    save_every: Count = 50


class Measuring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Evaluation: at most so many test sequences, and which share of the rows that the screen decides Arb judges as well."""

    sequences: Count = 64
    sample: Share = 1 / 1024


class Aila(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sweep of arXiv 2511.03559: a model for every dial and seed; those trained at `frozen` are also swept without retraining."""

    model: Model = Model()
    tokens: Tokens = Tokens()
    locality: Locality = Locality()
    training: Training = Training()
    measuring: Measuring = Measuring()
    blocks: BlockKind = "semantic"
    dials: tuple[Share, ...] = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
    frozen: tuple[Share, ...] = (1.0, 0.0)
    seeds: tuple[Seed, ...] = (0, 1, 2, 3, 4)


class Progressive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The schedules of arXiv 2511.18375: one checkpoint, fine-tuned at dials (l/(L-1))^degree, all 0 and all 1, on two kinds of blocks.

    base: how the checkpoint is made where none is given, on the first half of the training text; fine-tuning is on the other half.
    threshold: the first localised layer is the first one whose dial is at least this.
    """

    model: Model = Model(layers=6, width=48, context=64)
    tokens: Tokens = Tokens()
    locality: Locality = Locality()
    base: Training = Training(steps=600, batch=16)
    training: Training = Training(steps=60, batch=16, rate=1e-3, warmup=6)
    measuring: Measuring = Measuring()
    blocks: tuple[BlockKind, ...] = ("semantic", "windows")
    degrees: tuple[Count, ...] = (1, 2, 3, 4, 5)
    threshold: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    seeds: tuple[Seed, ...] = (0, 1, 2, 3, 4)


Settings = TypeVar("Settings", Aila, Progressive)

FULL: Mapping[type, Mapping[str, Any]] = {
    Aila: {
        "model": {"layers": 2, "heads": 8, "width": 512, "context": 512},
        "tokens": {"kind": "word", "vocabulary": 30_000},
        "locality": {"words": 2000},
        "training": {"steps": 20_000, "batch": 32, "rate": 6e-4, "warmup": 500, "save_every": 500},
        "measuring": {"sequences": 256},
    },
    Progressive: {
        "model": {"layers": 12, "heads": 12, "width": 768, "context": 1024},
        "tokens": {"kind": "byte", "vocabulary": 50_257},
        "locality": {"words": 2000, "window": 32},
        "base": {"steps": 20_000, "batch": 16, "rate": 6e-4, "warmup": 500, "save_every": 200},
        "training": {"steps": 2_000, "batch": 8, "rate": 5e-5, "warmup": 100, "save_every": 200},
        "measuring": {"sequences": 64},
    },
}
"""What the full size changes; the small one is the defaults."""

LEAST_SEEDS = 2


def settings_of(
    kind: type[Settings], given: Mapping[str, Any], *, full: bool = False, source: str = "configuration"
) -> Settings:
    """Settings from nested tables over the preset; ConfigError names field, value, reason and remedy."""
    tables = _over(FULL[kind] if full else {}, given)
    tables = _over(msgspec.to_builtins(kind()), tables)
    sections = {field.name: field.type for field in msgspec.structs.fields(kind)}
    structs = {name: table for name, table in sections.items() if isinstance(table, type) and issubclass(table, msgspec.Struct)}
    choices = [("tokens.kind", "word"), ("tokens.kind", "byte")]
    choices += [(where, block) for where in ("blocks", "blocks[...]") for block in ("semantic", "windows")]
    try:
        settings = msgspec.convert(tables, kind, strict=True)
    except msgspec.ValidationError as error:
        raise translated(error, given, source, {"": kind} | structs, choices) from None
    _validate(settings, source)
    return settings


OF_A_CHECKPOINT = ("model", "tokens", "base")


def load(kind: type[Settings], path: Path | None, *, full: bool = False, checkpoint: bool = False) -> Settings:
    """Settings from a TOML file, or the preset alone. With a checkpoint, what it decides itself is refused."""
    given = {} if path is None else read_toml(path)
    source = "configuration" if path is None else str(path)
    for name in OF_A_CHECKPOINT:
        if checkpoint and name in given:
            raise ConfigError(source, name, MISSING, "has no meaning with --checkpoint, which has its own", f"Remove [{name}]")
    return settings_of(kind, given, full=full, source=source)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables with those above put over those below, one level deep."""
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        merged[name] = {**old, **value} if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _validate(settings: Aila | Progressive, source: str) -> None:
    """The rules that are about more than one field."""

    def refuse(field: str, value: object, reason: str, remedy: str) -> ConfigError:
        return ConfigError(source, field, value, reason, remedy)

    model = settings.model
    if model.width % model.heads:
        raise refuse(
            "model.width", model.width, f"is not a multiple of model.heads = {model.heads}: heads share it", "Change either"
        )
    if settings.tokens.kind == "byte" and settings.tokens.vocabulary < 256:
        raise refuse(
            "tokens.vocabulary", settings.tokens.vocabulary, "is less than the 256 bytes that tokens are made of", "Give >= 256"
        )
    for name in ("base", "training"):
        table = getattr(settings, name, None)
        if table is not None:
            for field in ("rate", "decay"):
                if not math.isfinite(getattr(table, field)):
                    raise refuse(f"{name}.{field}", getattr(table, field), "is not finite", "Give a finite number")
    if not math.isfinite(settings.locality.strength):
        raise refuse("locality.strength", settings.locality.strength, "is not finite", "Give a finite number of nats")
    lists = {"seeds": LEAST_SEEDS}
    lists |= {"dials": 1} if isinstance(settings, Aila) else {"degrees": 1, "blocks": 1}
    for field, least in lists.items():
        values = getattr(settings, field)
        if len(values) < least or len(set(values)) < len(values):
            why = "no interval over seeds without two of them" if field == "seeds" else "there is nothing to run"
            raise refuse(
                field, MISSING, f"needs at least {least} different entries, got {list(values)}: {why}", "List each once"
            )
    if isinstance(settings, Progressive) and model.layers < 2:
        raise refuse(
            "model.layers",
            model.layers,
            "is less than 2: a schedule has a dial for the first layer and one for the last",
            "Give >= 2",
        )
    if isinstance(settings, Aila) and not set(settings.frozen) <= set(settings.dials):
        raise refuse(
            "frozen", list(settings.frozen), "must be among dials: a frozen checkpoint is one trained there", "Add it to dials"
        )
