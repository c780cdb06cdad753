"""Rule files: named rules in TOML, read exactly, refused with file, place, value, reason and remedy; and watched while they are edited.

    [[rule]]
    name = "articles"
    words = ["the", "a*"]      # which keys: `words` (patterns with * and ?), `block` (a number) or `keys` (positions)
    strength = 1.5             # nats added to their scores; or a target: `fidelity = 0.8`, their mean mass over the rows they are in,
                               # or `least = 0.6`, their mass on every such row

A decimal in the file is taken as the rational number that it spells.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

Goal = Literal["strength", "fidelity", "least"]
SELECTORS = ("keys", "block", "words")
GOALS: tuple[Goal, ...] = ("strength", "fidelity", "least")
LARGEST = Fraction(10**6)  # nats: far beyond what any float32 score can carry with precision


class RuleError(ValueError):
    """A rule file that is not one, or rules that cannot be."""


class UndecidedRulesError(RuleError):
    """Rules of which neither could be shown that they can be nor that they cannot."""


@dataclass(frozen=True)
class LayerSpec:
    """The layer that the rules are injected into: trained on text with these settings; everything follows from the seed."""

    blocks: int = 4
    tokens: int = 16
    steps: int = 60
    seed: int = 0
    dial: Fraction = Fraction(1)
    penalty: Fraction = Fraction(1, 100)
    leak: Fraction = Fraction(1, 50)
    causal: bool = True
    parametrisation: str = "bilinear"
    dtype: str = "float32"
    text: Path | None = None


@dataclass(frozen=True)
class RuleSpec:
    """One named rule as the file says it: how its keys are selected, and what is asked of it."""

    name: str
    selector: str  # "keys", "block" or "words"
    selected: tuple[int, ...] | tuple[str, ...]
    goal: Goal
    value: Fraction

    @property
    def words(self) -> str:
        """The selection in words."""
        shown = ", ".join(map(str, self.selected))
        return {"keys": f"positions {shown}", "block": f"block {shown}", "words": f"words {shown}"}[self.selector]


@dataclass(frozen=True)
class RuleFile:
    """A layer and its rules, in the order of the file."""

    path: Path
    layer: LayerSpec
    rules: tuple[RuleSpec, ...]


def read_rules(path: Path) -> RuleFile:
    """The rules of a TOML file; RuleError names file, place, value, reason and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RuleError(f"{path}: byte {error.start} is no UTF-8: TOML files are. Save the file as UTF-8.") from error
    except OSError as error:
        raise RuleError(f"{path}: cannot be read ({error.strerror}). Give the path of a rule file.") from error
    return parse_rules(text, path)


def parse_rules(text: str, path: Path) -> RuleFile:
    """The rules of the text of a TOML file; `path` is for messages, and `layer.text` is relative to its folder."""
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{path}: no TOML: {error}. Correct the line that it names.") from error
    _known(data, ("layer", "rule"), f"{path}: ")
    layer, rules = data.get("layer", {}), data.get("rule", [])
    if not isinstance(layer, dict):
        raise RuleError(f"{path}: layer is {layer!r}, and must be a table. Write [layer].")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise RuleError(f"{path}: rule is no list of tables. Begin each rule with [[rule]].")
    made = tuple(_rule(rule, f"{path}: rule {index + 1}") for index, rule in enumerate(rules))
    names = [rule.name for rule in made]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise RuleError(
                f"{path}: rule {index + 1}: name = {name!r} is taken by rule {names.index(name) + 1}. Names tell rules apart."
            )
    return RuleFile(path, _layer(layer, f"{path}: layer", path.parent), made)


def _known(table: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in names:
            near = difflib.get_close_matches(key, names, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(names)}."
            raise RuleError(f"{where}{key} is no field. {hint}")


def _number(value: Any, where: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise RuleError(f"{where} = {value!r}: must be a number. Write it without quotes.")
    if isinstance(value, Decimal) and not value.is_finite():
        raise RuleError(
            f"{where} = {value}: must be finite: a rule of infinite strength could not be taken off again. Give a number."
        )
    if isinstance(value, Decimal) and abs(value.adjusted()) > 400:
        raise RuleError(f"{where} = {value}: is beyond the range of floats. Give a number of ordinary size.")
    return Fraction(value)


def _rule(table: Mapping[str, Any], where: str) -> RuleSpec:
    _known(table, ("name", *SELECTORS, *GOALS), f"{where}: ")
    name = table.get("name")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise RuleError(f'{where}: name = {name!r}: a rule has a name, by which it is reported and removed. Add name = "...".')
    where = f"{where} ({name})"
    selectors, goals = [key for key in SELECTORS if key in table], [key for key in GOALS if key in table]
    if len(selectors) != 1:
        raise RuleError(
            f"{where}: has {' and '.join(selectors) or 'no keys'}: a rule selects its keys in one way. "
            "Give one of keys, block, words."
        )
    if len(goals) != 1:
        raise RuleError(
            f"{where}: has {' and '.join(goals) or 'neither strength nor target'}: give one of strength (nats), fidelity (mean mass of its "
            "keys), least (their mass on every row)."
        )
    goal, value = goals[0], _number(table[goals[0]], f"{where}: {goals[0]}")
    if goal != "strength" and not 0 < value < 1:
        raise RuleError(
            f"{where}: {goal} = {table[goal]}: must lie strictly between 0 and 1: no finite strength gives a set all mass, "
            "or none. Choose a target between."
        )
    if goal == "strength" and abs(value) > LARGEST:
        raise RuleError(
            f"{where}: strength = {table[goal]}: is beyond {LARGEST} nats, where floats lose the content scores. Give less."
        )
    return RuleSpec(name, selectors[0], _selected(selectors[0], table[selectors[0]], where), goal, value)


def _selected(selector: str, given: Any, where: str) -> tuple[int, ...] | tuple[str, ...]:
    values = given if isinstance(given, list) else [given]
    if not values:
        raise RuleError(f"{where}: {selector} is empty: a rule on no key changes nothing. Name at least one.")
    if selector == "words":
        if not all(isinstance(v, str) and v for v in values):
            raise RuleError(f'{where}: words = {given!r}: must be patterns. Write words = ["the", "un*"].')
        return tuple(v.casefold() for v in values)
    if not all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in values):
        raise RuleError(f"{where}: {selector} = {given!r}: must be whole numbers from 0 on. Write {selector} = [0, 1].")
    return tuple(values)


_COUNTS = {"blocks": (2, 32), "tokens": (2, 256), "steps": (0, 10_000), "seed": (0, 2**31)}
_NUMBERS = {"dial": -1000, "penalty": 0, "leak": 0}
_CHOICES = {"parametrisation": ("bilinear", "qk"), "dtype": ("float32", "float64")}


def _layer(table: Mapping[str, Any], where: str, folder: Path) -> LayerSpec:
    _known(table, (*_COUNTS, *_NUMBERS, *_CHOICES, "causal", "text"), f"{where}.")
    found: dict[str, Any] = {}
    for key, value in table.items():
        place = f"{where}.{key}"
        if key in _COUNTS:
            low, high = _COUNTS[key]
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise RuleError(f"{place} = {value!r}: must be a whole number from {low} to {high}. Choose one.")
            found[key] = value
        elif key in _NUMBERS:
            number = _number(value, place)
            if not _NUMBERS[key] <= number <= 1000:
                raise RuleError(f"{place} = {value}: must lie between {_NUMBERS[key]} and 1000. Choose a number there.")
            found[key] = number
        elif key in _CHOICES:
            if value not in _CHOICES[key]:
                raise RuleError(f"{place} = {value!r}: must be one of {', '.join(_CHOICES[key])}. Choose one.")
            found[key] = value
        elif key == "causal":
            if not isinstance(value, bool):
                raise RuleError(f"{place} = {value!r}: must be true or false. Write it without quotes.")
            found[key] = value
        elif not isinstance(value, str) or not value:
            raise RuleError(f"{place} = {value!r}: must be the path of a UTF-8 text. Leave it out for Python's own help.")
        else:
            found["text"] = folder / value
    return LayerSpec(**found)


def nearest_float(value: Fraction) -> float:
    """The float64 nearest to an exact strength: what a layer is given."""
    result = float(value)
    assert math.isfinite(result), "strengths are bounded when they are read"
    return result


# --- watching ---------------------------------------------------------------------------------------------------------

Applied = TypeVar("Applied")


@dataclass
class Watched(Generic[Applied]):
    """A rule file that is read again when its contents change; an edit that cannot be applied keeps what was there before.

    apply: makes of a file whatever is in force (rules resolved on a layer, say); raises RuleError for what cannot be. An edit counts when
    two looks in a row have found the same contents, so that a file is not taken while it is half written.
    """

    path: Path
    apply: Callable[[RuleFile], Applied]
    current: Applied | None = None
    problem: RuleError | None = None  # why the last edit was not taken; None when it was
    digest: str = field(default="", repr=False)
    seen: str = field(default="", repr=False)  # what the last look found

    def poll(self) -> bool:
        """Look at the file; True when a change was taken up or refused by this look."""
        try:
            contents = self.path.read_bytes()
            digest = hashlib.sha256(contents).hexdigest()
        except OSError as error:
            digest, contents = f"unreadable: {error.strerror}", None
        settled, self.seen = digest == self.seen or not self.digest, digest
        if digest == self.digest or not settled:
            return False
        self.digest = digest
        try:
            if contents is None:
                raise RuleError(f"{self.path}: cannot be read ({digest.partition(': ')[2]}). Put the file back.")
            try:
                text = contents.decode("utf-8")
            except UnicodeDecodeError as error:
                raise RuleError(
                    f"{self.path}: byte {error.start} is no UTF-8: TOML files are. Save the file as UTF-8."
                ) from error
            self.current, self.problem = self.apply(parse_rules(text, self.path)), None
        except RuleError as error:
            self.problem = error
        return True
