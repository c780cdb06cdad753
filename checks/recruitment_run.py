"""Recruitment on a stream of labelled tokens: one block to begin with, another whenever one has paid for itself.

A token comes with labels (its topic, the class of the word before it); a label is a candidate block, which applies where the label
does. Each candidate learns from the beginning, and its sequential test compares its prequential code with the current model's.
When a test is crossed the block joins the model, and the tests of the other candidates begin anew. All lengths are in nats; the
decisions are made on Arb enclosures of exact rationals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb, ctx

from checks.enclosure import BITS
from checks.recruitment_codes import Block, Mixed, Model, Odds, nats
from checks.recruitment_tests import Ledger, SequentialTest
from checks.verdict import HOLDS, UNDECIDED


@dataclass(frozen=True)
class Token:
    """A word and the labels of the contexts it stands in; both are known before the next token is predicted."""

    word: str
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(
                f"token {self.word!r} has a label twice ({', '.join(self.labels)}): its gain would be counted twice. Give each label once"
            )


@dataclass(frozen=True)
class Recruitment:
    """One recruited block: when, by which test, and what it had saved; `since` tokens had been scored since its test began."""

    name: str
    token: int  # tokens of the stream read when it was recruited
    test: SequentialTest
    since: int
    length_before: arb  # code length of the tokens read so far under the model before, nats


@dataclass
class Recruiter:
    """The state of a run; `read` takes one token. Fields in nats unless they say otherwise.

    strength: of every block (`Block.strength`). warm_up: tokens that are learned from before the first tests begin; a current model
    that has seen nothing is not the law of anything, and whatever is tested against it is recruited.
    """

    ledger: Ledger
    candidates: tuple[str, ...]
    strength: Fraction | None = None
    warm_up: int = 0
    model: Model = field(default_factory=Model)
    waiting: dict[str, Block] = field(default_factory=dict)
    tests: dict[str, SequentialTest] = field(default_factory=dict)
    closed: list[SequentialTest] = field(default_factory=list)  # tests that ended without recruiting, because the model changed
    recruited: list[Recruitment] = field(default_factory=list)
    length: arb = field(default_factory=lambda: arb(0))  # code length of the tokens read under the model as it then was
    costliest: arb = field(default_factory=lambda: arb(0))  # greatest code length of a token
    tokens: int = 0
    undecided: int = 0  # tokens after which a test was too close to its threshold to tell

    def __post_init__(self) -> None:
        if len(set(self.candidates)) != len(self.candidates):
            raise ValueError("candidates are named once each; the list has a name twice")
        self.waiting = {name: Mixed(self.strength) for name in self.candidates}
        if not self.warm_up:
            self.tests = self.ledger.begin_again(self.candidates)

    def read(self, token: Token) -> Recruitment | None:
        """Predict, score, learn, decide; the recruitment this token brought, if any."""
        path = self.model.path(token.word, token.labels)
        current = path[-1]
        seen = self.model.vocabulary.token(token.word)
        concerned = [name for name in token.labels if name in self.waiting]
        if self.tests:
            for name in concerned:
                self.tests[name].score(current, self.waiting[name].predict(seen, current))
        self._add(current)
        for name in concerned:
            self.waiting[name].learn(seen, current)
        self.model.learn(token.word, token.labels, path)
        self.tokens += 1
        if self.tests:
            return self._decide(concerned)
        if self.tokens >= self.warm_up and self.waiting:
            self.tests = self.ledger.begin_again(self.waiting)
        return None

    def _add(self, odds: Odds) -> None:
        old, ctx.prec = ctx.prec, BITS
        try:
            cost = nats(odds)
            self.length = self.length + cost
            if cost.mid() > self.costliest.mid():
                self.costliest = cost
        finally:
            ctx.prec = old

    def _decide(self, concerned: Sequence[str]) -> Recruitment | None:
        verdicts = {name: self.tests[name].crossed for name in concerned}
        self.undecided += sum(verdict is UNDECIDED for verdict in verdicts.values())
        crossed = [name for name, verdict in verdicts.items() if verdict is HOLDS]
        if not crossed:
            return None
        best = max(crossed, key=lambda name: (self.tests[name].gain - self.tests[name].threshold).mid())
        found = Recruitment(best, self.tokens, self.tests[best], self.tests[best].samples, self.length)
        self.model.blocks[best] = self.waiting.pop(best)
        self.recruited.append(found)
        self.closed += [test for name, test in self.tests.items() if name != best]
        self.tests = self.ledger.begin_again(self.waiting)
        return found

    def best_gain(self, name: str) -> arb:
        """The greatest gain, in nats, that any test of a candidate that was not recruited ever had."""
        tests = [test for test in (*self.closed, *self.tests.values()) if test.name == name]
        return max((test.greatest for test in tests), key=lambda gain: gain.mid(), default=arb(0))


def recruit_stream(
    tokens: Iterable[Token],
    candidates: Sequence[str],
    ledger: Ledger,
    strength: Fraction | None = None,
    warm_up: int = 0,
    report: Callable[[Recruiter], None] | None = None,
) -> Recruiter:
    """Run recruitment over a whole stream; `report` is called after every recruitment and every 1000 tokens."""
    state = Recruiter(ledger, tuple(candidates), strength, warm_up)
    for token in tokens:
        found = state.read(token)
        if report is not None and (found is not None or state.tokens % 1000 == 0):
            report(state)
    return state


def fixed_length(tokens: Iterable[Token], blocks: Sequence[str], strength: Fraction | None = None) -> arb:
    """Prequential code length in nats of a stream under a model whose blocks are there from the first token, and stay."""
    model = Model(blocks={name: Mixed(strength) for name in blocks})
    total = arb(0)
    old, ctx.prec = ctx.prec, BITS
    try:
        for token in tokens:
            path = model.path(token.word, token.labels)
            total += nats(path[-1])
            model.learn(token.word, token.labels, path)
    finally:
        ctx.prec = old
    return total


__all__ = ["Recruiter", "Recruitment", "Token", "fixed_length", "recruit_stream"]
