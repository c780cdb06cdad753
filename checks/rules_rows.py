"""Rows with rules: exact content, rules as key flags with exact strengths; every observable of `theory.rules` as Arb balls.

Nothing is computed by the formulas under test: weights come from exponentials of the scores, divergences from the weights, masses from
sums of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sympy as sp
from flint import arb, fmpq

from checks.claims import Case
from checks.dial_rows import DialRow, at_precision, distance, weigh
from checks.enclosure import BITS, Value
from theory import symbols as sym

Values = dict[sp.Symbol, Value]
ZERO, ONE = fmpq(0), fmpq(1)


class RuleRowError(ValueError):
    """A row and a rule that no statement speaks of."""


@dataclass(frozen=True)
class KeySet:
    """One rule on one row: a flag a visible key, and the exact strength (nats)."""

    keys: tuple[bool, ...]
    strength: fmpq


@dataclass(frozen=True)
class RuleRow:
    """Exact content scores (nats) of the visible keys of one query, the rules in force, and optionally a value a key.

    added: what else is added to each key's score (nats): the rounding of a layer that computed the sum, say.
    """

    content: tuple[fmpq, ...]
    rules: tuple[KeySet, ...]
    origin: str
    values: tuple[tuple[fmpq, ...], ...] = ()
    added: tuple[fmpq, ...] = ()

    def __post_init__(self) -> None:
        for index, rule in enumerate(self.rules):
            if len(rule.keys) != len(self.content):
                raise RuleRowError(
                    f"{self.origin}: rule {index} has {len(rule.keys)} flags and the row {len(self.content)} keys; one flag a visible key"
                )

    @cached_property
    def exact(self) -> dict[str, Any]:
        """The row in JSON, losslessly."""
        return {
            "content": [str(x) for x in self.content],
            "rules": [{"keys": [int(f) for f in r.keys], "strength": str(r.strength)} for r in self.rules],
            "added": [str(x) for x in self.added],
        }

    def tilt(self, without: int | None = None) -> tuple[fmpq, ...]:
        """What the rules, but perhaps one, add to each key, with `added`."""
        start = self.added or (ZERO,) * len(self.content)
        chosen = [rule for index, rule in enumerate(self.rules) if index != without]
        return tuple(sum((r.strength for r in chosen if r.keys[j]), start[j]) for j in range(len(self.content)))

    def has_both(self, index: int) -> bool:
        """Whether the rule has a visible key and leaves one out."""
        return 0 < sum(self.rules[index].keys) < len(self.content)

    def only(self, index: int) -> DialRow:
        """The row before all rules with the keys of one as its block: a dial of strength 1 set to b is the rule."""
        return DialRow(self.content, self.rules[index].keys, ONE, self.origin, self.values)

    def one_rule(self, index: int) -> RuleRow:
        """The row with that rule only."""
        return replace(self, rules=(self.rules[index],), added=())


def softmax(scores: Sequence[fmpq]) -> list[arb]:
    """Attention weights of exact scores."""
    top = max(scores)
    weights = [(-arb(top - x)).exp() for x in scores]
    total = sum(weights, arb(0))
    return [w / total for w in weights]


def mass(weights: Sequence[arb], keys: Sequence[bool]) -> arb:
    """Mass of the flagged keys."""
    return sum((w for w, flag in zip(weights, keys, strict=True) if flag), arb(0))


def divergence(p: Sequence[arb | fmpq], q: Sequence[arb]) -> arb:
    """Sum of p ln(p/q) (nats); a weight that is exactly 0 adds nothing."""
    return sum((arb(x) * (arb(x) / y).log() for x, y in zip(p, q, strict=True) if not (isinstance(x, fmpq) and x == 0)), arb(0))


def roots_apart(p: Sequence[arb | fmpq], q: Sequence[arb]) -> arb:
    """Sum of (sqrt p - sqrt q)^2; never nan where the two may be equal."""
    return sum(((lambda d: d * d)(arb(x).sqrt() - y.sqrt()) for x, y in zip(p, q, strict=True)), arb(0))


def shifted(content: Sequence[fmpq], tilt: Sequence[fmpq]) -> list[fmpq]:
    """Scores: content plus what is added."""
    return [x + y for x, y in zip(content, tilt, strict=True)]


def _complement(keys: Sequence[bool]) -> list[bool]:
    return [not flag for flag in keys]


def single(row: RuleRow, strength: fmpq | Callable[[], arb]) -> Values:
    """Symbols of the statements about one rule: masses, log-odds, the divergence paid, outputs."""
    dial = row.only(0)
    before, after = weigh(dial, ZERO), weigh(dial, strength)
    total0, total = (sum(w.sums[1:], w.sums[0]) for w in (before, after))
    pairs = [(y / total, x / total0) for x, y in zip(before.inside + before.outside, after.inside + after.outside, strict=True)]
    values: Values = {
        sym.n: len(row.content), sym.g: sum(row.rules[0].keys), sym.strength: strength if isinstance(strength, fmpq) else strength(),
        sym.fidelity: after.fidelity, sym.eps: after.eps, sym.fidelity0: before.fidelity, sym.eps0: before.eps,
        sym.paid: divergence([p for p, _ in pairs], [q for _, q in pairs]),
    }  # fmt: skip
    if row.values:
        inside, outside = dial.value_sides()
        square = max(sum(((x - y) ** 2 for x, y in zip(p, q, strict=True)), ZERO) for p in inside for q in outside)
        values |= {sym.D_x: arb(square).sqrt(), sym.output_gap: distance(after.output(dial), before.output(dial))}
    return values


def conditional(row: RuleRow, key: int, inside: bool) -> Values:
    """Weight of one key given its side of the rule, with the rule and before."""
    found = []
    for at in (row.rules[0].strength, ZERO):
        weights = weigh(row.only(0), at)
        total = weights.sums[0] + weights.sums[1]
        side, part = (weights.inside, weights.fidelity) if inside else (weights.outside, weights.eps)
        found.append(side[key] / total / part)
    return {sym.n: len(row.content), sym.g: sum(row.rules[0].keys), sym.conditional: found[0], sym.conditional0: found[1]}


def left_out(row: RuleRow, index: int) -> Values:
    """Symbols of the leave-one-out law for one rule of the row."""
    rule, others = row.rules[index], row.tilt(index)
    out = _complement(rule.keys)
    plain, without, with_all = (softmax(shifted(row.content, t)) for t in ((ZERO,) * len(row.content), others, row.tilt()))
    exp_plain = [arb(x).exp() for x in row.content]
    exp_others = [arb(x).exp() for x in shifted(row.content, others)]
    strengths = [abs(r.strength) for j, r in enumerate(row.rules) if j != index]
    return {
        sym.n: len(row.content), sym.g: sum(rule.keys), sym.strength: rule.strength,
        sym.fidelity: mass(with_all, rule.keys), sym.eps: mass(with_all, out),
        sym.fidelity0: mass(plain, rule.keys), sym.eps0: mass(plain, out),
        sym.fidelity_without: mass(without, rule.keys), sym.eps_without: mass(without, out),
        sym.sum_in0: mass(exp_plain, rule.keys), sym.sum_out: mass(exp_plain, out),
        sym.sum_in_tilted: mass(exp_others, rule.keys), sym.sum_out_tilted: mass(exp_others, out),
        sym.top_tilt: max(others), sym.low_tilt: min(others), sym.strength_sum: sum(strengths, ZERO),
    }  # fmt: skip


def pair(row: RuleRow) -> Values:
    """Symbols of two rules: masses of the four cells before, log-odds of the first rule's keys with both."""
    first, second = row.rules
    plain = softmax(row.content)
    cells = {
        symbol: mass(plain, [f is a and s is b for f, s in zip(first.keys, second.keys, strict=True)])
        for symbol, a, b in (
            (sym.mass_both, True, True), (sym.mass_own, True, False), (sym.mass_else, False, True), (sym.mass_none, False, False),
        )
    }  # fmt: skip
    return left_out(row, 0) | {sym.strength_other: second.strength} | cells


def rearranged(row: RuleRow, key: int, first: Sequence[int]) -> Values:
    """One key's weight with all rules at once, and with some injected first and the rest into the row that results."""
    some = RuleRow(row.content, tuple(row.rules[i] for i in first), row.origin).tilt()
    rest = [x - y for x, y in zip(row.tilt(), some, strict=True)]
    once = softmax(shifted(row.content, row.tilt()))
    middle = softmax(shifted(row.content, some))
    lifted = [w * arb(x).exp() for w, x in zip(middle, rest, strict=True)]
    return {sym.key_weight_once: once[key], sym.key_weight_twice: lifted[key] / sum(lifted, arb(0))}


def ejected(row: RuleRow, key: int) -> Values:
    """One key's weight before all rules, and with all rules injected and then taken off again."""
    middle = softmax(shifted(row.content, row.tilt()))
    back = [w * arb(-x).exp() for w, x in zip(middle, row.tilt(), strict=True)]
    return {sym.key_weight_once: softmax(row.content)[key], sym.key_weight_twice: back[key] / sum(back, arb(0))}


def shifted_by(row: RuleRow, key: int, level: fmpq, other: Sequence[fmpq] | None = None) -> Values:
    """One key under the rules and under what they add plus a constant (or under any other addition)."""
    tilt = row.tilt()
    second = [x + level for x in tilt] if other is None else list(other)
    scores = shifted(row.content, tilt), shifted(row.content, second)
    return {
        sym.n: len(row.content), sym.g: 1, sym.key_tilt: tilt[key], sym.key_tilt_other: second[key], sym.tilt_level: level,
        sym.total_tilted: sum((arb(x).exp() for x in scores[0]), arb(0)),
        sym.total_other: sum((arb(x).exp() for x in scores[1]), arb(0)),
        sym.key_weight_once: softmax(scores[0])[key], sym.key_weight_twice: softmax(scores[1])[key],
    }  # fmt: skip


Distribution = Callable[[], list[arb | fmpq]]


def projected(row: RuleRow, p: Distribution) -> Values:
    """Symbols of a distribution against the row with its first rule only."""
    weights, keys = p(), row.rules[0].keys
    plain = softmax(row.content)
    after = softmax(shifted(row.content, row.one_rule(0).tilt()))
    return {
        sym.n: len(row.content), sym.g: sum(keys), sym.strength: row.rules[0].strength,
        sym.fidelity0: mass(plain, keys), sym.fidelity: mass(after, keys), sym.paid: divergence(after, plain),
        sym.mass_p: sum((arb(x) for x, flag in zip(weights, keys, strict=True) if flag), arb(0)),
        sym.divergence_p: divergence(weights, plain), sym.divergence_rest: divergence(weights, after),
        sym.apart: roots_apart(weights, after),
    }  # fmt: skip


def by_rule(row: RuleRow, weights: Sequence[arb | fmpq]) -> Value:
    """Sum over rules of strength times mass; exact where the weights are."""
    exact = all(isinstance(w, fmpq) for w in weights)
    masses = [
        sum((w if exact else arb(w) for w, f in zip(weights, r.keys, strict=True) if f), ZERO if exact else arb(0))
        for r in row.rules
    ]
    return sum((r.strength * m for r, m in zip(row.rules, masses, strict=True)), ZERO if exact else arb(0))


def all_rules(row: RuleRow, p: Distribution) -> Values:
    """Symbols of a distribution against the row with all its rules; the generic block is the first key."""
    weights, tilt = p(), row.tilt()
    plain, after = softmax(row.content), softmax(shifted(row.content, tilt))
    before, now = ([arb(x).exp() for x in s] for s in (row.content, shifted(row.content, tilt)))
    return {
        sym.n: len(row.content), sym.g: 1,
        sym.sum_in0: before[0], sym.sum_out: sum(before[1:], arb(0)),
        sym.sum_in_tilted: now[0], sym.sum_out_tilted: sum(now[1:], arb(0)),
        sym.paid: divergence(after, plain), sym.mean_tilt: by_rule(row, after),
        sym.mean_tilt_p: by_rule(row, weights), sym.divergence_p: divergence(weights, plain),
    }  # fmt: skip


def reached(row: RuleRow, p: Distribution, wanted: fmpq | None = None) -> Values:
    """Symbols of what masses weigh together; the block is the keys that carry the greatest sum of strengths."""
    weights, tilt = p(), row.tilt()
    top = max(tilt)
    rest = [x for x in tilt if x < top]
    out = [w for w, x in zip(weights, tilt, strict=True) if x < top]
    exact = all(isinstance(w, fmpq) for w in weights)
    return {
        sym.n: len(tilt), sym.g: len(tilt) - len(rest), sym.top_tilt: top, sym.tilt_gap: top - max(rest) if rest else ZERO,
        sym.eps: sum((w if exact else arb(w) for w in out), ZERO if exact else arb(0)),
        sym.mean_tilt_p: by_rule(row, weights), sym.wanted: top if wanted is None else wanted,
    }  # fmt: skip


def case_of(values: Callable[[], Values], row: RuleRow, what: str, *, extremal: bool = False) -> Case:
    """A case of a row with rules, with finer values on demand."""
    finer = at_precision(values)
    return Case(finer(BITS), f"{row.origin}, {what}", row.exact, extremal, finer)
