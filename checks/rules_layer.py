"""Rules injected into a trained layer at run time, exchanged while it runs, and taken off without residue.

The layer keeps its content scores and a list of rules; what a pass adds to the scores is made anew from the list. Removing a rule is
leaving it out of the list, never a subtraction (`rules.float_residue`), so a layer whose rules are gone is bit for bit the layer that
never had any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from checks.data import DataError, text_words
from checks.layer import Capture, LayerError, Rule, attend
from checks.properties import Options
from checks.rules_file import GOALS, LayerSpec, RuleError, RuleFile, RuleSpec, nearest_float
from checks.rules_masses import Rows, cells_of, rational
from checks.rules_solve import UnreachableError, least_strength, solve
from checks.trained import Fleet, FleetConfig, train_fleet

SEQUENCES = 4


@dataclass(frozen=True)
class TextLayer:
    """A layer trained on text, its words [S][T], and the pass without any rule."""

    spec: LayerSpec
    fleet: Fleet
    words: list[list[str]]
    plain: Capture

    @property
    def visible_rows(self) -> list[tuple[int, int]]:
        """(sequence, query) of every query row."""
        return [(s, t) for s in range(SEQUENCES) for t in range(self.spec.tokens)]


def train_layer(spec: LayerSpec) -> TextLayer:
    """The layer of a specification, trained; RuleError for a text that cannot be read or is too short."""
    config = FleetConfig(
        seed=spec.seed, parametrisation=spec.parametrisation, text=True, blocks=spec.blocks, tokens=spec.tokens, leak=float(spec.leak),
        causal=spec.causal, dial=float(spec.dial), penalty=float(spec.penalty), steps=spec.steps, dtype=spec.dtype,
    )  # fmt: skip
    try:
        fleet = train_fleet(config, Options(text=spec.text), layers=1)
        words = text_words(config.seeds(1), path=spec.text, sequences=SEQUENCES, tokens=spec.tokens)[0]
        return TextLayer(spec, fleet, words, fleet.capture())
    except (DataError, LayerError) as error:
        raise RuleError(f"layer: {error}") from error


def keys_of(rule: RuleSpec, layer: TextLayer) -> Tensor:
    """Boolean [S, T]: the keys that a rule names; RuleError for positions, blocks or words that the layer has not."""
    found = torch.zeros(SEQUENCES, layer.spec.tokens, dtype=torch.bool)
    if rule.selector == "keys":
        for key in rule.selected:
            if int(key) >= layer.spec.tokens:
                raise RuleError(
                    f"rule {rule.name}: keys = {key}: the sequences have positions 0 to {layer.spec.tokens - 1}. "
                    "Name one of them."
                )
            found[:, int(key)] = True
    elif rule.selector == "block":
        for block in rule.selected:
            if int(block) >= layer.spec.blocks:
                raise RuleError(
                    f"rule {rule.name}: block = {block}: the layer has blocks 0 to {layer.spec.blocks - 1}. Name one of them."
                )
            found |= (layer.fleet.batch.blocks[0] == int(block)).cpu()
    else:
        for s, line in enumerate(layer.words):
            for t, word in enumerate(line):
                found[s, t] = any(fnmatchcase(word, str(pattern)) for pattern in rule.selected)
        if not bool(found.any()):
            seen = ", ".join(sorted({word for line in layer.words for word in line})[:12])
            raise RuleError(
                f"rule {rule.name}: {rule.words}: no word of the sequences matches. Words there are, for example, {seen}."
            )
    return found


def rows_of(layer: TextLayer, named: Sequence[Tensor], capture: Capture | None = None) -> Rows:
    """The query rows of a pass (by default the one without rules) in cells of the rules; scores are exact reals."""
    source = layer.plain if capture is None else capture
    made = []
    for s, t in layer.visible_rows:
        keep = source.visible[0, s, t].cpu()
        scores = source.scores[0, s, t].detach().cpu().double()[keep].tolist()
        flags = [tuple(bool(keys[s, j]) for keys in named) for j in keep.nonzero()[:, 0].tolist()]
        made.append(cells_of(scores, flags, f"sequence {s}, query {t} ({layer.words[s][t]!r})"))
    return Rows(tuple(made), len(named))


@dataclass(frozen=True)
class Applied:
    """Rules in force on a layer: key sets, strengths as the layer gets them, what was solved, and the rows before."""

    file: RuleFile
    layer: TextLayer
    named: tuple[Tensor, ...]
    strengths: tuple[float, ...]
    radius: float | None  # within it of the solved strengths exactly one set meets the `fidelity` targets exactly
    rows: Rows

    def rules(self, without: str | None = None) -> list[Rule]:
        """The rules as the layer takes them, perhaps without one."""
        pairs = zip(self.file.rules, self.named, self.strengths, strict=True)
        return [Rule(keys, strength) for rule, keys, strength in pairs if rule.name != without]


def apply_rules(file: RuleFile, layer: TextLayer) -> Applied:
    """Resolve key sets and strengths on a layer; RuleError names the rules that cannot be, UndecidedError what could not be verified."""
    if file.layer != layer.spec:
        raise RuleError(f"{file.path}: [layer] has changed: rules are reloaded, a layer is not. Start again for another layer.")
    try:
        named = tuple(keys_of(rule, layer) for rule in file.rules)
    except RuleError as error:
        raise RuleError(f"{file.path}: {error}") from error
    rows = rows_of(layer, named)
    for k, rule in enumerate(file.rules):
        if not rows.acting[k]:
            everywhere = rows.full[k] == len(rows.rows)
            raise RuleError(
                f"{file.path}: rule {rule.name}: {rule.words}: names {'all' if everywhere else 'either all or none'} of the visible "
                "keys of every row: such a rule changes nothing. Name some keys of a row and not all of them."
            )
    goals = {goal: [k for k, rule in enumerate(file.rules) if rule.goal == goal] for goal in GOALS}
    if goals["least"] and len(goals["least"]) + len(goals["fidelity"]) > 1:
        names = ", ".join(file.rules[k].name for k in (*goals["least"], *goals["fidelity"]))
        raise RuleError(
            f"{file.path}: rules {names}: `least` has a closed form when all other strengths are given, and is no joint target. "
            "Give `fidelity` for each of them, or strengths for all but one."
        )
    strengths = [nearest_float(rule.value) if rule.goal == "strength" else 0.0 for rule in file.rules]
    radius = None
    if goals["least"]:
        (k,) = goals["least"]
        strengths[k] = least_strength(rows, k, file.rules[k].value, [rational(b) for b in strengths])
    elif goals["fidelity"]:
        targets = [(k, file.rules[k].name, file.rules[k].value) for k in goals["fidelity"]]
        try:
            solution = solve(rows, targets, strengths)
        except UnreachableError as error:
            raise UnreachableError(f"{file.path}: {error}", error.certificate) from error
        except RuleError as error:
            raise RuleError(f"{file.path}: {error}") from error
        radius = solution.radius
        for k, b in zip(goals["fidelity"], solution.strengths, strict=True):
            strengths[k] = b
    return Applied(file, layer, named, tuple(strengths), radius, rows)


@dataclass
class RunningLayer:
    """A layer in use: `capture` passes it with the rules now in force; `inject` and `eject` change them between passes."""

    layer: TextLayer
    rules: dict[str, Rule] = field(default_factory=dict)

    def inject(self, name: str, rule: Rule) -> None:
        """Put a rule in force, in place of the one of that name."""
        self.rules[name] = rule

    def eject(self, name: str) -> None:
        """Take a rule off; KeyError names those in force when there is none of that name."""
        if name not in self.rules:
            raise KeyError(f"no rule {name!r} is in force; there are {', '.join(self.rules) or 'none'}")
        del self.rules[name]

    def exchange(self, applied: Applied) -> None:
        """Put the rules of a file in force, and no others."""
        self.rules = {spec.name: rule for spec, rule in zip(applied.file.rules, applied.rules(), strict=True)}

    def capture(self) -> Capture:
        """One pass: the stored content and everything that is in force."""
        fleet = self.layer.fleet
        return attend(
            fleet.parameters, fleet.batch, fleet.structure, dial=fleet.config.dial, rules=list(self.rules.values()),
            content=self.layer.plain.content,
        )  # fmt: skip


def same_bits(left: Capture, right: Capture) -> bool:
    """Whether two passes agree in every bit of scores, weights and outputs."""
    pairs = ((left.scores, right.scores), (left.weights, right.weights), (left.outputs, right.outputs))
    return all(x.dtype == y.dtype and bool((_bits(x) == _bits(y)).all()) for x, y in pairs)


def _bits(x: Tensor) -> Tensor:
    """The bit patterns: -0.0 and 0.0 differ."""
    return x.detach().contiguous().view(torch.int32 if x.dtype == torch.float32 else torch.int64)
