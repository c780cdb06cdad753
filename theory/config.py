"""An attention configuration: parsed from TOML, validated field by field, exact.

A number means the float64 that TOML defines for its literal, taken as an exact real (`0.1` is 3602879701896397/2^55), and an
integer means itself. Nothing is rounded on the way into a guarantee. Every refusal is a `ConfigError` that names file, field,
value, reason and remedy. Norms and diameters are bounds that hold for every token; `blocks.guarantee` says how they enter.

The leak must not exceed the own-block part (delta <= B): beyond that two off-block remainders may meet in a third block, and
the leak bound 2 B delta rho / tau is no longer the worst case.
"""

from __future__ import annotations

import math
import operator
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

Number = int | float
LARGEST_COUNT = 2**53  # counts up to here are exact in float64, so a sweep and a single evaluation read the same number


class ConfigError(ValueError):
    """A configuration that is refused; the parts of the message are attributes."""

    def __init__(self, source: str, field: str, value: object, reason: str, remedy: str) -> None:
        self.source, self.field, self.value, self.reason, self.remedy = source, field, value, reason, remedy
        shown = "" if value is MISSING else f" = {_toml(value)}"
        super().__init__(f"{source}: {field}{shown}: {reason}. {remedy}")


MISSING: Any = object()


class Attention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The row: n keys visible to a query, g of them in its block, temperature tau, how content scores are made."""

    keys: int
    block: int
    temperature: Number
    parametrisation: Literal["bilinear", "qk"]


class Norms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds on tokens (B_x, B, delta), values (D_V) and weights (rho_A, or rho_Q and rho_K)."""

    input: Number
    block_input: Number
    leak: Number
    value_diameter: Number
    content: Number | None = None
    query: Number | None = None
    key: Number | None = None
    block_diameter: Number | None = None
    mean_block_norm: Number | None = None
    input_diameter: Number | None = None


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The loss, through its gradient bound G: the readout diameter for cross-entropy, or the bound itself."""

    kind: Literal["cross-entropy", "gradient"]
    readout_diameter: Number | None = None
    gradient: Number | None = None


class Dial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The dial: strength beta (nats) and setting d, any real."""

    strength: Number
    setting: Number


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proximal training: step eta, slack gamma of the penalty above the threshold, largest initial group norm."""

    step: Number
    slack: Number
    initial_norm: Number


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the dial should reach: an outside mass, or a fidelity."""

    outside_mass: Number | None = None
    fidelity: Number | None = None


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A validated configuration; make one with `load` or `from_mapping`, which apply the rules below."""

    attention: Attention
    norms: Norms
    loss: Loss
    dial: Dial
    training: Training
    target: Target | None = None


# What a rule may compare with; numbers, and the columns of a sweep.
RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Rule:
    """A condition on one field, as data, so that every reader of configurations applies the same ones."""

    field: str
    relation: str
    bound: Number | str  # a number, or the dotted field to compare with
    reason: str
    remedy: str

    def holds(self, value: Any, get: Callable[[str], Any]) -> Any:
        """Whether a value (or a column of values) keeps the rule; `get` looks other fields up."""
        return RELATIONS[self.relation](value, get(self.bound) if isinstance(self.bound, str) else self.bound)


def _rules() -> tuple[Rule, ...]:
    def positive(field: str, why: str) -> Rule:
        return Rule(field, ">", 0, f"must be greater than 0 {why}", "Give a positive number")

    def non_negative(field: str) -> Rule:
        return Rule(field, ">=", 0, "is a norm and cannot be negative", "Give a number >= 0")

    norms = [f"norms.{name}" for name in Norms.__struct_fields__]
    fractions = [
        Rule(field, relation, bound, "must lie strictly between 0 and 1", "Give a fraction such as 1e-3 or 0.999")
        for field in ("target.outside_mass", "target.fidelity")
        for relation, bound in ((">", 0), ("<", 1))
    ]
    return (
        Rule(
            "attention.keys",
            "<=",
            LARGEST_COUNT,
            "is beyond 2^53, where counts stop being exact",
            "Give a count of at most 2^53",
        ),
        Rule("attention.block", ">=", 1, "a row without a key in its block has no guarantee", "Give a block >= 1"),
        Rule(
            "attention.keys",
            ">",
            "attention.block",
            "must exceed attention.block: with no key outside there is nothing to bound",
            "Count every visible key in keys and only those of the query's own block in block",
        ),
        positive("attention.temperature", "(scores are divided by it)"),
        *(non_negative(f) for f in norms),
        Rule(
            "norms.leak",
            "<=",
            "norms.block_input",
            "exceeds norms.block_input, and the leak bound needs delta <= B",
            "Assign each token to the block that carries most of its norm, or raise block_input to cover the leak",
        ),
        non_negative("loss.readout_diameter"),
        non_negative("loss.gradient"),
        positive("dial.strength", "(it divides the dial setting)"),
        positive("training.step", "(no step, no extinction)"),
        positive("training.slack", "(at the threshold itself stationarity is not enough: threshold.stationarity is strict)"),
        non_negative("training.initial_norm"),
        *fractions,
    )


RULES = _rules()

# (field, when it is wanted, when): a field belongs to one choice and is required there and refused elsewhere.
CHOICES: tuple[tuple[str, str, str], ...] = (
    ("norms.content", "attention.parametrisation", "bilinear"),
    ("norms.query", "attention.parametrisation", "qk"),
    ("norms.key", "attention.parametrisation", "qk"),
    ("loss.readout_diameter", "loss.kind", "cross-entropy"),
    ("loss.gradient", "loss.kind", "gradient"),
)

_CHOICE_NAMES = tuple(dict.fromkeys((chooser, choice) for _, chooser, choice in CHOICES))

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "attention": Attention,
    "norms": Norms,
    "loss": Loss,
    "dial": Dial,
    "training": Training,
    "target": Target,
}
FIELDS: tuple[str, ...] = tuple(f"{name}.{field}" for name, kind in SECTIONS.items() for field in kind.__struct_fields__)
REQUIRED: tuple[str, ...] = tuple(
    f"{name}.{field.name}" for name, kind in SECTIONS.items() for field in msgspec.structs.fields(kind) if field.required
)


def read_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file; ConfigError if it is unreadable, not UTF-8 or not TOML."""
    source = str(path)
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(source, "file", MISSING, f"cannot be read ({error.strerror})", "Name a readable TOML file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            source, "file", MISSING, f"is not UTF-8 ({error.reason})", "Save it as UTF-8, as TOML requires"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(source, "file", MISSING, f"is not TOML: {error}", "Correct the syntax at that place") from error


def load(path: str | Path) -> Config:
    """The configuration in a TOML file; ConfigError if it is unreadable, not TOML, or refused by a rule."""
    source = str(path)
    data = read_toml(path)
    return from_mapping(data, source)


def from_mapping(data: Mapping[str, Any], source: str = "configuration") -> Config:
    """A configuration from nested tables of plain values, with the same rules; `source` is what an error calls the file."""
    try:
        config = msgspec.convert(data, Config, strict=True)
    except msgspec.ValidationError as error:
        raise translated(error, data, source) from None
    _validate(config, source)
    return config


def value_of(config: Config, field: str) -> Any:
    """The value of a dotted field, None when it is not given."""
    section, _, name = field.partition(".")
    return getattr(getattr(config, section), name, None) if getattr(config, section) is not None else None


def _validate(config: Config, source: str) -> None:
    def get(field: str) -> Any:
        return value_of(config, field)

    for field in FIELDS:
        value = get(field)
        if isinstance(value, (int, float)) and not _finite(value):
            raise ConfigError(source, field, value, "is not a finite float64 number", "Give a finite number")
    for field, chooser, choice in CHOICES:
        if get(chooser) == choice and get(field) is None:
            raise ConfigError(source, field, MISSING, f'is missing, and {chooser} = "{choice}" needs it', f"Add {_leaf(field)}")
        if get(chooser) != choice and get(field) is not None:
            raise ConfigError(
                source, field, get(field), f'has no meaning with {chooser} = "{get(chooser)}"', f"Remove {_leaf(field)}"
            )
    for rule in RULES:
        value = get(rule.field)
        if value is not None and not rule.holds(value, get):
            raise ConfigError(source, rule.field, value, rule.reason, rule.remedy)
    if config.target is not None and (config.target.outside_mass is None) == (config.target.fidelity is None):
        raise ConfigError(
            source, "target", MISSING, "needs exactly one of outside_mass and fidelity", "Keep one: they state the same target"
        )


def _finite(value: Number) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _leaf(field: str) -> str:
    section, _, name = field.partition(".")
    return f"{name} in [{section}]"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:40]}... ({len(text)} characters)"


def translated(
    error: msgspec.ValidationError,
    data: Mapping[str, Any],
    source: str,
    sections: Mapping[str, type[msgspec.Struct]] = SECTIONS,
    choices: Iterable[tuple[str, str]] = _CHOICE_NAMES,
) -> ConfigError:
    """Msgspec's message with the value put back in and a remedy; the path is the part after "at `$.".

    sections: the table behind every section.  choices: dotted fields with each of their choices.
    """
    text, _, path = str(error).partition(" - at `$")
    where = path.rstrip("`").lstrip(".")
    if "missing required field" in text:
        field = ".".join(filter(None, [where, text.split("`")[1]]))
        return ConfigError(source, field, MISSING, "is missing", "Add it" if "." in field else f"Add the table [{field}]")
    if "unknown field" in text:
        name = text.split("`")[1]
        field = ".".join(filter(None, [where, name]))
        known = sections[where].__struct_fields__ if where in sections else tuple(sections)
        return ConfigError(
            source, field, _lookup(data, field), "is not a known field", f"Remove it, or use one of {', '.join(known)}"
        )
    if "enum value" in text:
        wanted = " or ".join(f'"{choice}"' for chooser, choice in choices if chooser == where)
        return ConfigError(source, where, _lookup(data, where), "is not one of the choices", f"Write {wanted}")
    reason = text[:1].lower() + text[1:].replace("`", "").replace(" | null", "").replace("int | float", "number")
    remedy = (
        "Give a whole number without a decimal point" if "expected int," in reason else "Give a value of that type, unquoted"
    )
    return ConfigError(source, where or "file", _lookup(data, where), reason, remedy)


def _lookup(data: Any, field: str) -> Any:
    for part in filter(None, field.split(".")):
        if not isinstance(data, Mapping) or part not in data:
            return MISSING
        data = data[part]
    return MISSING if isinstance(data, Mapping) else data
