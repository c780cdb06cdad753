"""Configurations: what is read, what is refused, and what the refusal says."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from theory.config import CHOICES, FIELDS, REQUIRED, RULES, Config, ConfigError, from_mapping, load, value_of

EXAMPLE = """
[attention]
keys = 64
block = 8
temperature = 1.0
parametrisation = "bilinear"
[norms]
input = 1.0
block_input = 1.0
leak = 0.0
value_diameter = 2.0
content = 4.0
[loss]
kind = "cross-entropy"
readout_diameter = 1.4142135623730951
[dial]
strength = 1.0
setting = 12.0
[training]
step = 0.1
slack = 0.05
initial_norm = 1.0
[target]
outside_mass = 1e-3
"""

Change = tuple[str, Any]


class _Remove:
    """In a change: the field is left out."""

    def __repr__(self) -> str:
        return "removed"


REMOVE = _Remove()


def changed(*changes: Change) -> dict[str, Any]:
    data = copy.deepcopy(tomllib.loads(EXAMPLE))
    for field, value in changes:
        section, _, name = field.partition(".")
        table = data if not name else data.setdefault(section, {})
        if value is REMOVE:
            del table[name or section]
        else:
            table[name or section] = value
    return data


QK = (("attention.parametrisation", "qk"), ("norms.content", REMOVE), ("norms.query", 2.0), ("norms.key", 3.0))
GRADIENT = (("loss.kind", "gradient"), ("loss.readout_diameter", REMOVE), ("loss.gradient", 1.5))

GOOD: list[tuple[Change, ...]] = [
    (),
    QK,
    GRADIENT,
    (("target", REMOVE),),
    (("target.outside_mass", REMOVE), ("target.fidelity", 0.99)),
    (("norms.content", 0),),
    (("norms.value_diameter", 0.0), ("norms.leak", 1.0)),
    (("dial.setting", -3.5),),
    (("attention.keys", 2**53), ("attention.block", 2**53 - 1)),
    (("norms.block_diameter", 0.5), ("norms.mean_block_norm", 0.25), ("norms.input_diameter", 0)),
    (("norms.content", 5e-324), ("training.slack", 1e300)),
]

BAD: list[tuple[tuple[Change, ...], str, str]] = [
    ((("attention.keys", 8),), "attention.keys", "must exceed attention.block"),
    ((("attention.keys", 7),), "attention.keys", "must exceed attention.block"),
    ((("attention.block", 0),), "attention.block", "without a key in its block"),
    ((("attention.block", -1),), "attention.block", "without a key in its block"),
    ((("attention.keys", True),), "attention.keys", "got bool"),
    ((("attention.keys", 64.0),), "attention.keys", "got float"),
    ((("attention.keys", "64"),), "attention.keys", "got str"),
    ((("attention.keys", 2**53 + 1),), "attention.keys", "beyond 2^53"),
    ((("attention.keys", 10**30),), "attention.keys", "beyond 2^53"),
    ((("attention.keys", REMOVE),), "attention.keys", "missing"),
    ((("attention.temperature", 0),), "attention.temperature", "greater than 0"),
    ((("attention.temperature", -1.0),), "attention.temperature", "greater than 0"),
    ((("attention.parametrisation", "rotary"),), "attention.parametrisation", "not one of the choices"),
    ((("attention.heads", 3),), "attention.heads", "not a known field"),
    ((("norms.content", REMOVE),), "norms.content", "needs it"),
    ((("norms.query", 1.0),), "norms.query", "has no meaning"),
    ((*QK, ("norms.key", REMOVE)), "norms.key", "needs it"),
    ((*QK, ("norms.content", 1.0)), "norms.content", "has no meaning"),
    ((*QK, ("norms.query", REMOVE)), "norms.query", "needs it"),
    ((("norms.key", 1.0),), "norms.key", "has no meaning"),
    ((*GRADIENT, ("loss.gradient", REMOVE)), "loss.gradient", "needs it"),
    ((*GRADIENT, ("loss.readout_diameter", 1.0)), "loss.readout_diameter", "has no meaning"),
    ((("norms.content", float("nan")),), "norms.content", "not a finite"),
    ((("norms.content", float("inf")),), "norms.content", "not a finite"),
    ((("norms.content", 10**400),), "norms.content", "not a finite"),
    ((("norms.content", True),), "norms.content", "got bool"),
    ((("norms.content", "4"),), "norms.content", "got str"),
    ((("norms.leak", 1.0000000000000002),), "norms.leak", "delta <= B"),
    ((("norms.leak", REMOVE),), "norms.leak", "missing"),
    ((("loss.kind", "mse"),), "loss.kind", "not one of the choices"),
    ((("loss.readout_diameter", REMOVE),), "loss.readout_diameter", "needs it"),
    ((("loss.gradient", 1.0),), "loss.gradient", "has no meaning"),
    ((("dial.strength", 0.0),), "dial.strength", "greater than 0"),
    ((("dial.setting", float("-inf")),), "dial.setting", "not a finite"),
    ((("dial", REMOVE),), "dial", "missing"),
    ((("dial", 3),), "dial", "got int"),
    ((("training.step", 0),), "training.step", "greater than 0"),
    ((("training.slack", 0.0),), "training.slack", "strict"),
    ((("training.slack", -0.0),), "training.slack", "strict"),
    ((("training.initial_norm", -1),), "training.initial_norm", "cannot be negative"),
    ((("target.outside_mass", 0.0),), "target.outside_mass", "strictly between"),
    ((("target.outside_mass", 1),), "target.outside_mass", "strictly between"),
    ((("target.fidelity", 0.5),), "target", "exactly one"),
    ((("target.outside_mass", REMOVE),), "target", "exactly one"),
    ((("target.outside_mass", REMOVE), ("target.fidelity", 1.0)), "target.fidelity", "strictly between"),
    ((("schedule", {}),), "schedule", "not a known field"),
    ((*GRADIENT, ("loss.gradient", -1)), "loss.gradient", "cannot be negative"),
    ((("loss.readout_diameter", -1),), "loss.readout_diameter", "cannot be negative"),
    *(((*QK, (f"norms.{name}", -1)), f"norms.{name}", "cannot be negative") for name in ("query", "key")),
    *(
        (((f"norms.{name}", -0.5),), f"norms.{name}", "cannot be negative")
        for name in ("input", "leak", "value_diameter", "content", "block_diameter", "mean_block_norm", "input_diameter")
    ),
    ((("norms.block_input", -0.5), ("norms.leak", -1.0)), "norms.block_input", "cannot be negative"),
]


@pytest.mark.parametrize("changes", GOOD, ids=str)
def test_good_configurations_are_read_as_written(changes: tuple[Change, ...]) -> None:
    data = changed(*changes)
    config = from_mapping(data)
    for field in FIELDS:
        section, _, name = field.partition(".")
        assert value_of(config, field) == data.get(section, {}).get(name)


@pytest.mark.parametrize(("changes", "field", "says"), BAD, ids=lambda x: str(x)[:60])
def test_bad_configurations_are_refused_by_name(changes: tuple[Change, ...], field: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(changed(*changes), "layer.toml")
    error = caught.value
    assert error.field == field
    assert says in error.reason
    assert error.remedy
    assert str(error).startswith(f"layer.toml: {field}")
    assert error.remedy in str(error)


def test_every_rule_and_choice_is_seen_to_raise_and_to_pass() -> None:
    raised = {(field, says) for _, field, says in BAD}
    for rule in RULES:
        assert any(field == rule.field and says in rule.reason for field, says in raised), (
            f"no bad case for {rule.field}: {rule.reason}"
        )
        assert any(value_of(from_mapping(changed(*changes)), rule.field) is not None for changes in GOOD), rule.field
    for field, _, _ in CHOICES:
        assert (field, "needs it") in raised
        assert (field, "has no meaning") in raised


@pytest.mark.parametrize("field", REQUIRED)
def test_every_required_field_is_required(field: str) -> None:
    with pytest.raises(ConfigError, match="missing") as caught:
        from_mapping(changed((field, REMOVE)))
    assert caught.value.field == field


def test_the_error_shows_the_value() -> None:
    for value, shown in ((True, "= true:"), ("x", '= "x":'), (-2.5, "= -2.5:"), (10**400, "(401 characters)")):
        with pytest.raises(ConfigError) as caught:
            from_mapping(changed(("norms.content", value)))
        assert shown in str(caught.value)


def test_files(tmp_path: Path) -> None:
    good = tmp_path / "good.toml"
    good.write_text(EXAMPLE, encoding="utf-8")
    config = load(good)
    assert isinstance(config, Config)
    assert config.training.step == 0.1  # the double, exactly
    with pytest.raises(AttributeError):
        config.dial = config.dial
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    bad = tmp_path / "bad.toml"
    bad.write_text("[attention\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.toml: file: is not TOML.*line 1"):
        load(bad)
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(bad)


def test_integers_beyond_float_precision_stay_exact() -> None:
    assert from_mapping(changed(("norms.content", 2**53 + 1))).norms.content == 2**53 + 1


def test_messages_of_the_validator_that_are_translated_still_read_the_same() -> None:
    """The translation splits msgspec's messages: were they to change, these would."""
    for data, text in (({}, "missing required field `attention`"), ({"x": 1}, "unknown field `x`")):
        with pytest.raises(msgspec.ValidationError, match=text):
            msgspec.convert(data, Config)
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `float` - at `\$\.attention\.keys`"):
        msgspec.convert(changed(("attention.keys", 1.5)), Config)
