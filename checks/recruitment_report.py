"""What a run of recruitment found: blocks, candidates that did not pay, code lengths, and the statements judged on the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from checks.claims import judge
from checks.recruitment_codes import bits, spelling_nats
from checks.recruitment_extremal import text_cases
from checks.recruitment_rates import Delay, Rate
from checks.recruitment_run import Recruiter, fixed_length, recruit_stream
from checks.recruitment_tests import Ledger
from checks.recruitment_text import Stream, label_words
from checks.verdict import FAILS, HOLDS, Verdict, worst


@dataclass(frozen=True)
class Candidate:
    """One label: when it was recruited, what its test had saved by then (or at most, if it was not), and what BIC says in hindsight."""

    name: str
    recruited: int | None  # words read when it was recruited
    test: int  # number of the test that was crossed, or of the last one
    saved: arb  # nats
    threshold: arb  # nats
    words: int  # words it stands with
    fitted: float  # nats that its own word frequencies save in hindsight, fitted to the words they are scored on
    bic: float  # the same less (V - 1)/2 ln n for its V kinds of words; float, observed
    control: bool


@dataclass(frozen=True)
class Length:
    """A code length of the whole stream in nats, without the spellings, which are the same in every model."""

    name: str
    nats: arb
    blocks: int


@dataclass(frozen=True)
class Report:
    """A whole run; `judged` are statements of the family on this very run."""

    stream: Stream
    state: Recruiter
    candidates: tuple[Candidate, ...]
    lengths: tuple[Length, ...]
    spelling: arb
    judged: dict[str, str]
    rates: list[Rate] = field(default_factory=list)
    delays: list[Delay] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """FAILS when a statement fails on the run or a counted rate excludes its bound, UNDECIDED when a statement is undecided."""
        found = [Verdict[name] for name in self.judged.values()]
        if any(rate.verdict is FAILS for rate in self.rates):
            found.append(FAILS)
        return worst(found) if found else HOLDS

    def plain(self) -> dict[str, Any]:
        """The report in JSON; lengths and gains in nats and bits, enclosures as text with their radius."""
        return {
            "source": self.stream.source,
            "words": len(self.stream.tokens),
            "alpha": str(self.state.ledger.alpha),
            "warm_up": self.state.warm_up,
            "tests": self.state.ledger.begun,
            "too_close_to_call": self.state.undecided,
            "verdict": self.verdict.name,
            "statements": self.judged,
            "candidates": [
                {
                    "name": c.name, "recruited_at": c.recruited, "test": c.test, "words": c.words, "control": c.control,
                    "saved_nats": str(c.saved), "saved_bits": str(bits(c.saved)),
                    "threshold_nats": str(c.threshold), "threshold_bits": str(bits(c.threshold)),
                    "fitted_nats_observed": c.fitted, "bic_nats_observed": c.bic,
                }
                for c in self.candidates
            ],
            "code_lengths": [
                {"model": x.name, "blocks": x.blocks, "nats": str(x.nats), "bits": str(bits(x.nats)),
                 "bits_per_word": float(bits(x.nats).mid()) / len(self.stream.tokens)}
                for x in self.lengths
            ],
            "spelling_bits": str(bits(self.spelling)),
            "rates_observed": [
                {"name": r.name, "count": r.count, "runs": r.runs, "interval": r.interval, "bound": r.bound, "verdict": r.verdict.name}
                for r in self.rates
            ],
            "delays_observed": [
                {"name": d.name, "mean": d.mean, "standard_error": d.error, "runs": d.runs, "at_least": d.low, "at_most": d.high}
                for d in self.delays
            ],
        }  # fmt: skip


def report_on(
    stream: Stream, alpha: Fraction, warm_up: int, tell: Callable[[str, int, int], None] = lambda doing, done, total: None
) -> Report:
    """Run recruitment on a stream, code the stream under models that do not recruit, and judge the statements on the run."""
    total = len(stream.tokens)
    state = recruit_stream(
        stream.tokens, stream.candidates, Ledger(alpha), warm_up=warm_up,
        report=lambda now: tell(f"recruiting: {len(now.recruited)} blocks", now.tokens, total),
    )  # fmt: skip
    hindsight = _hindsight(stream)
    candidates = tuple(_candidate(name, stream, state, *hindsight[name]) for name in stream.candidates)
    chosen = tuple(c.name for c in candidates if c.bic > 0)
    lengths = [Length("recruited", state.length, len(state.recruited))]
    for name, blocks in (
        ("one block", ()), ("fixed partition", stream.partition), ("every candidate", stream.candidates),
        ("chosen by BIC in hindsight", chosen),
    ):  # fmt: skip
        tell(f"coding: {name}", total, total)
        lengths.append(Length(name, fixed_length(stream.tokens, blocks), len(blocks)))
    new = {token.word for token in stream.tokens}
    judged = {theorem.name: judge(theorem, case).verdict.name for theorem, case in text_cases(state, stream.source)}
    return Report(stream, state, candidates, tuple(lengths), spelling_nats(new), judged)


def _candidate(name: str, stream: Stream, state: Recruiter, words: int, fitted: float, bic: float) -> Candidate:
    control = name in stream.controls
    for found in state.recruited:
        if found.name == name:
            test = found.test
            return Candidate(name, found.token, test.number, test.gain, test.threshold, words, fitted, bic, control)
    tests = [test for test in (*state.closed, *state.tests.values()) if test.name == name]
    if not tests:  # the warm-up was longer than the stream
        return Candidate(name, None, 0, arb(0), arb("nan"), words, fitted, bic, control)
    best = max(tests, key=lambda test: (test.greatest - test.threshold).mid())
    return Candidate(name, None, best.number, best.greatest, best.threshold, words, fitted, bic, control)


def _hindsight(stream: Stream) -> dict[str, tuple[int, float, float]]:
    """For each label its words, the fitted saving over the frequencies of the whole stream, and that less BIC's price; floats, nats."""
    counts = label_words(stream)
    everything = np.sum([counts[label] for label in stream.partition], axis=0)
    share = np.log(everything / everything.sum())
    found = {}
    for label, row in counts.items():
        seen = row > 0
        total = int(row.sum())
        own = float((row[seen] * (np.log(row[seen] / total) - share[seen])).sum()) if total else 0.0
        found[label] = (total, own, own - (int(seen.sum()) - 1) / 2 * float(np.log(total)) if total else 0.0)
    return found


__all__ = ["Candidate", "Length", "Report", "report_on"]
