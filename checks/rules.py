"""Attacks on `theory.rules`: random and overlapping rules, equality cases, searched rows, trained layers and the floats they compute."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from flint import fmpq
from numpy.typing import NDArray

from checks import rules_cases as cases
from checks.data import text_words
from checks.dial_trained import queries
from checks.enclosure import rational
from checks.layer import Rule, attend
from checks.properties import Emission, FamilyChecks, Options, holds_for
from checks.rows import climb, random_rows
from checks.rules_rows import KeySet, RuleRow
from checks.strategies import RowBatch, row_batches
from checks.trained import FleetConfig, fleet_configs, train_fleet
from theory import rules_projection as pro
from theory import rules_several as sev
from theory import rules_single as one
from theory.rules import THEOREMS

_RANDOM = tuple(t for t in cases.EVERY if t not in (sev.additive, sev.independent))


def _cases(row: RuleRow, index: int, rng: np.random.Generator) -> Iterator[Emission]:
    """Some statements of a row with rules; which, its index says: all of them would cost five times as much."""
    share = fmpq(int(rng.integers(1, 1000)), 1000)
    parts = cases.some_parts(rng, row.rules[0].keys)
    match index % 5:
        case 0:
            yield from cases.cases_of_one(row, share)
        case 1:
            yield from cases.cases_of_others(row)
        case 2:
            yield from cases.cases_of_sets(row, int(rng.integers(len(row.content))), share - fmpq(1, 2))
        case 3:
            yield from cases.cases_of_distribution(row, parts, share)
        case _:
            yield from cases.cases_of_all(row, parts, share)


@holds_for(*_RANDOM, given=row_batches, examples=3)
def random_rules(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Random content, one to four random rules of up to 6 nats on random key sets, values in the plane."""
    rng = np.random.default_rng(batch.seed + 1)
    for index, row in enumerate(random_rows(batch)):
        content = tuple(map(rational, row.scores))
        values = tuple(tuple(map(rational, v)) for v in rng.standard_normal((batch.n, 2)).tolist())
        rules = cases.some_rules(rng, batch.n, 1 + int(rng.integers(4)))
        yield from _cases(RuleRow(content, rules, f"{row.origin} with {len(rules)} rules", values), index, rng)


@holds_for(
    *cases.OF_OTHERS, sev.additive, sev.independent, *cases.OF_A_DISTRIBUTION[1:], pro.least_divergence_several,
    one.output, given=row_batches, examples=2,
)  # fmt: skip
def edge_rules(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Equality cases: a second rule on the same or on all other keys, independent sets, a row against itself, even odds."""
    rng = np.random.default_rng(batch.seed + 2)
    for index, row in zip(range(batch.count // 4), random_rows(batch), strict=False):
        content = tuple(map(rational, row.scores))
        keys = cases.some_rules(rng, batch.n, 1)[0].keys
        other = keys if index % 2 else tuple(not f for f in keys)
        b, x = (fmpq(int(k), 16) for k in rng.integers(-64, 65, 2))
        edge = RuleRow(content, (KeySet(keys, b), KeySet(other, x)), f"{row.origin}, rules on the same or the other keys")
        yield from cases.cases_of_others(edge)
        case = cases.own_case(edge)
        for theorem in cases.OF_A_DISTRIBUTION[1:]:
            yield theorem, case
        yield pro.least_divergence_several, cases.own_case_several(edge)
        half = max(1, batch.n // 2)
        yield (
            sev.independent,
            cases.independent_case(cases.grid((*content[:half], b), (*content[half:], x), b, x, f"grid from {row.origin}")),
        )
        whole = RuleRow(content, (KeySet(keys, b), KeySet((True,) * batch.n, x)), f"{row.origin}, the other rule on every key")
        yield sev.additive, cases.alike_case(whole, 0)
        yield one.output, cases.output_case(cases.pointed(2 * half, half, b, abs(x)))


@holds_for(sev.interaction, given=row_batches, examples=4)
def searched_content(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Content that gradient ascent drives towards the row that the other rules disturb most."""
    rng = np.random.default_rng(batch.seed + 3)
    for index in range(8):
        rules = cases.some_rules(rng, batch.n, 3)
        tilt = RuleRow((fmpq(0),) * batch.n, rules, "tilt").tilt(0)
        inside, added = np.array(rules[0].keys), np.array([float(x.p) / float(x.q) for x in tilt])
        found = climb(partial(excess, inside=inside, tilt=added), rng.standard_normal(batch.n)).clip(-500, 500)
        row = RuleRow(tuple(map(rational, found.tolist())), rules, f"searched row {index} of {batch}")
        yield sev.interaction, cases.others_case(row, 0)


def excess(
    content: NDArray[np.float64], inside: NDArray[np.bool_], tilt: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """How much the other rules move the log-odds of a rule's keys beyond its strength, and the gradient in the content."""
    value, gradient = 0.0, np.zeros_like(content)
    for side, sign in ((inside, 1.0), (~inside, -1.0)):
        for scores, direction in ((content[side] + tilt[side], sign), (content[side], -sign)):
            weights = np.exp(scores - scores.max())
            value += direction * (np.log(weights.sum()) + scores.max())
            gradient[side] += direction * weights / weights.sum()
    return value, gradient


@holds_for(*_RANDOM, given=fleet_configs, examples=5, text=True)
def trained_layers(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Stored content of trained layers, on synthetic codes and on real text, under random rules: 75 rows of each fleet."""
    fleet = train_fleet(config, options)
    yield fleet.trained
    rng = np.random.default_rng(config.seed)
    for index, query in enumerate(queries(fleet, fleet.capture(0.0), 75)):
        row = query.row
        rules = (
            KeySet(row.block, fmpq(int(rng.integers(-32, 33)), 8)),
            *cases.some_rules(rng, len(row.content), int(rng.integers(3))),
        )
        yield from _cases(RuleRow(row.content, rules, f"{row.origin}, {len(rules)} rules", row.values), index, rng)


@holds_for(
    *cases.OF_OTHERS, *cases.OF_ONE_RULE, one.divergence_cap, given=lambda: fleet_configs(text=True), examples=2, text=True
)
def word_rules(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Rules on classes of words of real text: endings, short words, the words of the query's own kind."""
    fleet = train_fleet(config, options)
    yield fleet.trained
    words = text_words(config.seeds(fleet.trained.layers), path=options.text, sequences=4, tokens=config.tokens)
    plain = fleet.capture(0.0)
    for index, query in enumerate(queries(fleet, plain, 40)):
        layer, sequence, position = query.at
        line = words[layer][sequence]
        seen = [line[j] for j in plain.visible[query.at].cpu().nonzero()[:, 0].tolist()]
        classes = (lambda w: w.endswith("s"), lambda w: len(w) <= 3, lambda w, own=line[position]: w[:1] == own[:1])
        sets = (tuple(map(member, seen)) for member in classes)
        rules = tuple(KeySet(keys, fmpq(3 - 2 * j, 2)) for j, keys in enumerate(sets) if 0 < sum(keys) < len(seen))
        if rules:
            row = RuleRow(query.row.content, rules, f"{query.row.origin}, {len(rules)} rules on words")
            yield from cases.cases_of_others(row)
            if index % 4 == 0:
                case = cases.single_case(row)
                for theorem in (*cases.OF_ONE_RULE, one.divergence_cap):
                    yield theorem, case


@holds_for(sev.leave_one_out, sev.interaction, given=fleet_configs, examples=3, text=True)
def layer_floats(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """The scores that layers really compute with rules in force, rounding and all: what rounding adds is one more rule."""
    fleet = train_fleet(config, options)
    yield fleet.trained
    rng = np.random.default_rng(config.seed)
    tokens = fleet.batch.blocks.shape[-1]
    flags, strengths = rng.random((3, tokens)) < 0.4, (rng.integers(-400, 401, 3) / 100).tolist()
    rules = [Rule(torch.from_numpy(f), b) for f, b in zip(flags, strengths, strict=True)]
    plain = fleet.capture()
    capture = attend(fleet.parameters, fleet.batch, fleet.structure, dial=config.dial, rules=rules, content=plain.content)
    for query in queries(fleet, plain, 24):
        visible = capture.visible[query.at]
        scores = capture.scores[query.at][visible].double().tolist()
        stored = plain.scores[query.at][visible].double().tolist()
        kept = visible.cpu().numpy()
        sets = tuple(KeySet(tuple(map(bool, f[kept])), rational(b)) for f, b in zip(flags, strengths, strict=True))
        row = RuleRow(tuple(map(rational, stored)), sets, f"{query.row.origin}, scores as the layer computes them")
        added = tuple(rational(s) - c - t for s, c, t in zip(scores, row.content, row.tilt(), strict=True))
        yield from cases.cases_of_others(RuleRow(row.content, sets, row.origin, added=added))


CHECKS = FamilyChecks(
    family="rules",
    theorems=THEOREMS,
    properties=(random_rules, edge_rules, searched_content, trained_layers, word_rules, layer_floats),
    extremal=cases.EXTREMAL,
    also_true=cases.ALSO_TRUE,
)
