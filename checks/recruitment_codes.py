"""Prequential codes: a token is predicted from the tokens before it, scored, and only then learned from.

A prediction is an exact rational (`Odds`, two integers), so a code length is -ln of a rational and Arb encloses it. The predictions
of a `Model` for all tokens that could come next sum to at most 1, whatever came before: that is the one hypothesis that
`recruitment.sequential` has. Nothing here is fitted to what it scores.

    Vocabulary   seen words by their counts, an unseen one by an escape; its spelling costs the same in every model
    Block        a context class with counts of its own over a base prediction
    Mixed        a block that leans on its base as far as the base has predicted better
    Recent       a mixed block over the last tokens only
    Model        a vocabulary, what came recently and the recruited blocks, each refining the prediction of those before it where it applies
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb, ctx, fmpq

from checks.enclosure import BITS

Odds = tuple[int, int]  # numerator and denominator of a probability; the numerator is positive


class CodeError(ValueError):
    """A prediction, count or strength that no code can have."""


def nats(odds: Odds) -> arb:
    """Code length -ln(probability) in nats, enclosed at `BITS` bits."""
    return saved(odds, (1, 1))


def saved(current: Odds, alternative: Odds) -> arb:
    """Gain ln(alternative/current) in nats of one token, enclosed at `BITS` bits: positive where the alternative is better.

    Raises CodeError for a probability that is not positive: its code length is infinite, and no sum decides anything any more.
    """
    for numerator, denominator in (current, alternative):
        if numerator <= 0 or denominator <= 0:
            raise CodeError(
                f"probability {numerator}/{denominator}: a token that was seen needs a positive probability. "
                "Give the block a base prediction that is positive everywhere"
            )
    old, ctx.prec = ctx.prec, BITS
    try:
        return (arb(fmpq(alternative[0] * current[1], alternative[1] * current[0]))).log()
    finally:
        ctx.prec = old


def bits(length: arb) -> arb:
    """Nats as bits: divided by ln 2."""
    old, ctx.prec = ctx.prec, BITS
    try:
        return length / arb(2).log()
    finally:
        ctx.prec = old


@dataclass
class Block:
    """A block's own predictor: counts of what came in its context, over a base prediction b: f = (n_w + c b)/(n + c).

    strength: c > 0, how many tokens the base prediction is worth; None takes one for every kind of token the block has seen (at least
    one). With a uniform base over A tokens, c = A/2 is the Krichevsky-Trofimov code and c = A Laplace's rule of succession
    (`recruitment.regret` for A = 2).
    """

    strength: Fraction | None = None
    counts: dict[Hashable, int] = field(default_factory=dict)
    total: int = 0

    def __post_init__(self) -> None:
        if self.strength is not None and self.strength <= 0:
            raise CodeError(f"strength {self.strength}: the base prediction needs a positive weight, or unseen tokens get 0")

    def predict(self, token: Hashable, base: Odds) -> Odds:
        """The probability of the token as odds, b as odds too; sums to at most 1 over tokens where b does."""
        strength = self.strength if self.strength is not None else Fraction(max(1, len(self.counts)))
        c, d = strength.numerator, strength.denominator
        seen = self.counts.get(token, 0)
        return seen * d * base[1] + c * base[0], (self.total * d + c) * base[1]

    def learn(self, token: Hashable, base: Odds) -> None:
        """Count the token; call it after the token has been scored, with the base prediction that it was scored with."""
        self.counts[token] = self.counts.get(token, 0) + 1
        self.total += 1


SHARES = 2**16  # the weight of a mixture is a multiple of 1/SHARES
LEAST_SHARE = 2**11  # and never closer to 0 or 1 than 1/32, so a block that was wrong for long can come back


@dataclass
class Mixed(Block):
    """A block that leans on its base as far as the base has predicted better: w f + (1 - w) b, w updated by Bayes' rule.

    The weight is a function of the past, rounded down to a multiple of 2^-16, so predictions stay exact rationals and sum to at most 1.
    Where the base is better the weight falls to 1/32, and a token then costs at most ln(32/31) nats more than under the base.
    """

    share: int = SHARES // 2

    def predict(self, token: Hashable, base: Odds) -> Odds:
        """The mixture of the block's own prediction and the base, as odds."""
        own = super().predict(token, base)
        return self.share * own[0] * base[1] + (SHARES - self.share) * base[0] * own[1], SHARES * own[1] * base[1]

    def learn(self, token: Hashable, base: Odds) -> None:
        """Count the token and move the weight towards whichever of the two predicted it better."""
        own = super().predict(token, base)
        block, rest = self.share * own[0] * base[1], (SHARES - self.share) * base[0] * own[1]
        self.share = min(max(SHARES * block // (block + rest), LEAST_SHARE), SHARES - LEAST_SHARE)
        super().learn(token, base)


@dataclass
class Recent(Mixed):
    """A block that counts only the last `window` tokens, because text repeats itself.

    A current model that does not follow repetitions is far from the law, and blocks of labels without meaning then pay as well.
    """

    window: int = 256
    last: deque[Hashable] = field(default_factory=deque)

    def learn(self, token: Hashable, base: Odds) -> None:
        """Count the token and forget the one that leaves the window."""
        super().learn(token, base)
        self.last.append(token)
        if len(self.last) > self.window:
            old = self.last.popleft()
            self.counts[old] -= 1
            self.total -= 1
            if not self.counts[old]:
                del self.counts[old]


@dataclass
class Vocabulary:
    """The words so far: a seen word is predicted by its count n_w, an unseen one by how many words came only once (Good and Turing).

    All unseen words together have e = (V_1 + 1)/(N + 2), V_1 words having come once in N tokens; a seen one has (1 - e) n_w/N. The
    spelling of an unseen word is coded apart (`spelling_nats`), at the same cost in every model.
    """

    counts: dict[Hashable, int] = field(default_factory=dict)
    total: int = 0
    once: int = 0

    def predict(self, word: Hashable) -> Odds:
        """The probability of the word, or of the escape for a word that has not been seen: (1, 1) for the first token."""
        if not self.total:
            return 1, 1
        seen = self.counts.get(word)
        if seen is None:
            return self.once + 1, self.total + 2
        return seen * (self.total + 1 - self.once), self.total * (self.total + 2)

    def token(self, word: Hashable) -> Hashable:
        """The word as blocks count it: itself once seen, before that the escape None."""
        return word if word in self.counts else None

    def learn(self, word: Hashable) -> None:
        """Count the word; call it after it has been scored."""
        seen = self.counts.get(word, 0)
        self.once += (seen == 0) - (seen == 1)
        self.counts[word] = seen + 1
        self.total += 1


def spelling_nats(words: Iterable[str]) -> arb:
    """Code length in nats of the spellings of new words: UTF-8 bytes and an end mark, 257 symbols alike, enclosed."""
    old, ctx.prec = ctx.prec, BITS
    try:
        return sum(len(word.encode()) + 1 for word in words) * arb(257).log()
    finally:
        ctx.prec = old


@dataclass
class Model:
    """The current model: a vocabulary, what came recently, and recruited blocks by label in the order in which they were recruited."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    recent: Recent = field(default_factory=Recent)
    blocks: dict[str, Block] = field(default_factory=dict)

    def path(self, word: Hashable, labels: Collection[str]) -> list[Odds]:
        """Predictions of the word where these labels apply: the vocabulary's, then as each block refines the one before; the last counts.

        The second is after what came recently; then there is one for each recruited block that applies.
        """
        token = self.vocabulary.token(word)
        odds = [self.vocabulary.predict(word)]
        odds.append(self.recent.predict(token, odds[-1]))
        for label, block in self.blocks.items():
            if label in labels:
                odds.append(block.predict(token, odds[-1]))
        return odds

    def predict(self, word: Hashable, labels: Collection[str]) -> Odds:
        """The probability of the word where these labels apply, given the words before it."""
        return self.path(word, labels)[-1]

    def learn(self, word: Hashable, labels: Collection[str], path: list[Odds] | None = None) -> None:
        """Count the word everywhere it applies; call it after it has been scored, with its `path` if that is at hand."""
        odds = iter(self.path(word, labels) if path is None else path)
        token = self.vocabulary.token(word)
        self.recent.learn(token, next(odds))
        for label, block in self.blocks.items():
            if label in labels:
                block.learn(token, next(odds))
        self.vocabulary.learn(word)
