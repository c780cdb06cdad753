"""Sequential tests with a proved error over all time: an alternative is recruited when it has saved K_m nats, and not before.

    ledger = Ledger(Fraction(1, 20))             # alpha: any false recruitment, ever, has probability at most 1/20
    test = ledger.begin("block of topic X")      # the m-th test, threshold ln(m (m + 1)/alpha) nats
    test.score(current=p, alternative=q)         # odds of the next token under both, computed before the token was learned
    test.crossed                                 # HOLDS: recruit. FAILS: not yet. UNDECIDED: the balls do not tell, so not yet

What the test promises (`recruitment.sequential`, `recruitment.all_time`): if the current model's predictions are the law of the
data from the beginning of the test on, it is ever crossed with probability at most e^-K_m. When the current model changes, begin
the remaining tests anew (`Ledger.begin_again`): each is then about one current model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb, ctx, fmpq

from checks.enclosure import BITS
from checks.recruitment_codes import Odds, saved
from checks.verdict import FAILS, HOLDS, UNDECIDED, Verdict
from theory.formulas import recruitment_threshold
from theory.namespaces import FLINT


class LevelError(ValueError):
    """A level that no test can have."""


def level(alpha: Fraction | float | str) -> Fraction:
    """The level as an exact rational; a decimal string is taken as written. Raises LevelError outside 0 < alpha < 1."""
    try:
        value = Fraction(alpha)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise LevelError(f"alpha = {alpha!r} is no number ({error}); give a probability such as 0.05 or 1/20") from error
    if not 0 < value < 1:
        raise LevelError(
            f"recruitment.ever needs 0 < alpha < 1; alpha = {alpha}. At 0 nothing is ever recruited, at 1 nothing is promised. "
            "Give a probability such as 0.05"
        )
    return value


def threshold(number: int, alpha: Fraction) -> arb:
    """K_m = ln(m (m + 1)/alpha) in nats, enclosed at `BITS` bits, m >= 1; theorem `recruitment.all_time`."""
    if number < 1:
        raise LevelError(f"tests are numbered from 1; number {number} has no threshold")
    old, ctx.prec = ctx.prec, BITS
    try:
        return arb(recruitment_threshold(FLINT, number, fmpq(alpha.numerator, alpha.denominator)))
    finally:
        ctx.prec = old


@dataclass
class SequentialTest:
    """One alternative against one current model: the nats saved so far, against the threshold of test `number`."""

    name: str
    number: int
    threshold: arb
    gain: arb = field(default_factory=lambda: arb(0))  # nats
    greatest: arb = field(default_factory=lambda: arb(0))  # greatest gain so far (of the midpoints, for reports)
    samples: int = 0  # tokens scored: those on which the two models may differ

    def score(self, current: Odds, alternative: Odds) -> None:
        """Add ln(alternative/current) of one token; both are probabilities of it given the tokens before it."""
        old, ctx.prec = ctx.prec, BITS
        try:
            self.gain = self.gain + saved(current, alternative)
        finally:
            ctx.prec = old
        self.samples += 1
        if self.gain.mid() > self.greatest.mid():
            self.greatest = self.gain

    @property
    def crossed(self) -> Verdict:
        """HOLDS when the gain is certainly at least the threshold, FAILS when certainly below, else UNDECIDED."""
        if self.gain >= self.threshold:
            return HOLDS
        return FAILS if self.gain < self.threshold else UNDECIDED


@dataclass
class Ledger:
    """Numbers the tests in the order in which they begin, so that all of them together have level alpha."""

    alpha: Fraction
    begun: int = 0

    def __post_init__(self) -> None:
        self.alpha = level(self.alpha)

    def begin(self, name: str) -> SequentialTest:
        """The next test, with the next number and its threshold."""
        self.begun += 1
        return SequentialTest(name, self.begun, threshold(self.begun, self.alpha))

    def begin_again(self, names: Iterable[str]) -> dict[str, SequentialTest]:
        """New tests for alternatives that were not recruited: the current model has changed, and old gains were against another."""
        return {name: self.begin(name) for name in names}


__all__ = ["Ledger", "LevelError", "SequentialTest", "level", "threshold"]
