"""What the two attention entropies reported for AILA imply, by the statements on entropy, outside mass and the dial.

An entropy in bits is reported for a model, so it is a mean over rows. Two kinds of conclusion hold for a mean: those that are linear
in the row (the dual form bounds a mean entropy by the mean outside mass, whatever t), and those of the form "not every row".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb

from checks.experiments.printed import (
    DIGITS,
    EnclosureError,
    Implied,
    Span,
    ball,
    bracket,
    corners,
    least_integer,
    outwards,
    published,
)
from theory.formulas import entropy_ceiling, outside_mass_bound, range_gap
from theory.namespaces import FLINT, NUMPY

LOCALIST, DISTRIBUTED = "aila.entropy_localist", "aila.entropy_distributed"
SETTINGS = {"localist": LOCALIST, "distributed": DISTRIBUTED}
KEYS = (256, 512, 1024)  # powers of two from the least that the distributed entropy allows
CAUSAL_KEYS = (512, 1024)  # the same under a causal mask
BLOCKS = (1, 8, 16, 32, 64)

MEAN = "the reported entropy is the plain mean, over rows, of the entropy of a row's attention weights"
AT_MOST = "no row sees more than n keys"
CAUSAL = "query i sees keys 1 to i, for i from 1 to n, and every query counts the same"
EXACT_BLOCK = "in every row the block has g keys, or all keys where the row has no more"
LARGEST_BLOCK = "in no row does the block have more than g keys"
FROZEN = "one frozen checkpoint is turned along a dial on its scores from locality 0.0 to 1.0: the scores without the dial stay"


def bits(x: Fraction) -> arb:
    """Bits in nats."""
    return ball(x) * arb(2).log()


def implied() -> Iterator[Implied]:
    """Everything, in the order of the page."""
    yield from effective_keys()
    yield from visible_keys()
    yield from pointers()
    yield from map(one_key_rows, KEYS)
    for causal in (False, True):
        for n in CAUSAL_KEYS if causal else KEYS:
            for g in BLOCKS:
                for setting in SETTINGS:
                    yield from margins(setting, n, g, causal)
    yield from ranges()
    yield from along_the_dial()


def effective_keys() -> Iterator[Implied]:
    """Two to the entropy, at both settings, and by which factor it falls."""
    for setting, name in SETTINGS.items():
        low, high = corners(lambda h: bits(h).exp(), published(name).span)
        yield Implied(
            f"aila.effective_keys_{setting}", f"Keys of equal weight that have the entropy of the {setting} setting (geometric mean)",
            "is", low, high, "keys", "2 to the mean entropy in bits", (name,), assumes=(DIGITS, MEAN),
        )  # fmt: skip
    spans = published(DISTRIBUTED).span, published(LOCALIST).span
    low, high = corners(lambda distributed, localist: distributed - localist, *spans)
    reported = (DISTRIBUTED, LOCALIST)
    yield Implied(
        "aila.entropy_fall", "Entropy that the localist setting has less", "is", low, high, "bits", "difference", reported,
        assumes=(DIGITS,),
    )  # fmt: skip
    low, high = corners(lambda distributed, localist: bits(distributed - localist).exp(), *spans)
    yield Implied(
        "aila.effective_keys_ratio", "Factor by which the effective keys fall", "is", low, high, "1", "2 to the difference", reported,
        assumes=(DIGITS, MEAN),
    )  # fmt: skip


def mean_log_keys(n: int) -> arb:
    """Mean of ln i for i from 1 to n: the greatest mean entropy (nats) of n causal rows."""
    return arb(n + 1).lgamma() / n


def visible_keys() -> Iterator[Implied]:
    """How many keys the distributed entropy needs, with every row of the same length and under a causal mask."""
    cases: tuple[tuple[str, Callable[[int], arb], str, str], ...] = (
        ("", lambda n: arb(n).log(), AT_MOST, "A row of n keys has at most ln n nats: the dual form at t = 0."),
        ("_causal", mean_log_keys, CAUSAL, "Row i has at most ln i nats, and the mean of these, ln(n!)/n, rises with n."),
    )
    for suffix, most, assumption, why in cases:
        low, high = (Fraction(least_integer(most, bits(h), 2)) for h in published(DISTRIBUTED).span)
        yield Implied(
            f"aila.visible_keys{suffix}", f"Visible keys of {'the longest' if suffix else 'a'} row{', causal mask' if suffix else ''}",
            "at least", low, high, "keys", why, (DISTRIBUTED,), ("entropy.dual",), (DIGITS, MEAN, assumption),
        )  # fmt: skip


def pointers() -> Iterator[Implied]:
    """The mean weight of a row's greatest key from below; from above it is 1 less the outside mass of a block of one key."""
    for setting, name in SETTINGS.items():
        low, high = corners(lambda h: (-bits(h)).exp(), published(name).span)
        yield Implied(
            f"aila.pointer_{setting}", f"Mean weight of a row's greatest key, {setting} setting", "at least", low, high, "1",
            "A row's greatest weight is at least exp(-H), and exp is convex: the mean of exp(-H) is at least exp of minus the mean.",
            (name,), ("entropy.pointer",), (DIGITS, MEAN),
        )  # fmt: skip


def one_key_rows(n: int) -> Implied:
    """The share of rows that can have at most one bit."""
    low, high = corners(lambda h: (arb(n).log() - bits(h)) / (arb(n).log() - bits(Fraction(1))), published(LOCALIST).span)
    return Implied(
        "aila.one_bit_rows", "Share of rows with an entropy of at most 1 bit, localist setting", "at most", low, high, "1",
        "A share x of such rows leaves a mean of at most x + (1 - x) log2 n bits.",
        (LOCALIST,), ("entropy.dual",), (DIGITS, MEAN, AT_MOST), {"n": n},
    )  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """Rows by their numbers of visible keys, each as often as the others, with blocks of g keys or of all keys of a shorter row."""

    lengths: Sequence[int]
    g: int

    def ceiling(self, t: Fraction) -> arb:
        """Mean of the greatest entropies (nats) at margin t: of H*(n, g, t), or of ln n where the block is the row."""
        found = (entropy_ceiling(FLINT, n, self.g, t) if n > self.g else arb(n).log() for n in self.lengths)
        return sum(found, arb(0)) / len(self.lengths)

    def outside(self, t: Fraction) -> arb:
        """Mean of the greatest outside masses at margin t; the rows that attain them attain the ceiling too."""
        return sum((outside_mass_bound(FLINT, n, self.g, t) for n in self.lengths if n > self.g), arb(0)) / len(self.lengths)

    def limits(self, h: Span) -> tuple[Fraction | None, Fraction | None]:
        """Margins (nats) around the one at which the mean ceiling is an entropy in h (bits).

        At the first the ceiling is certainly above every h, at the second certainly below. None where it stays above at t = 64: there
        the blocks by themselves have the entropy.
        """
        low, high = (bits(end) for end in h)
        return self._crossing(high)[0], self._crossing(low)[1]

    def _crossing(self, level: arb) -> tuple[Fraction | None, Fraction | None]:
        far = Fraction(64)
        if not self.ceiling(far) < level:
            return None, None
        if not self.ceiling(Fraction(0)) > level:
            raise EnclosureError(
                f"rows of up to {max(self.lengths)} keys have no mean entropy of {float(level):.4g} nats; it needs more"
            )
        long = np.array([n for n in self.lengths if n > self.g], dtype=float)
        short = float(sum(np.log(n) for n in self.lengths if n <= self.g))
        aim = float(level) * len(self.lengths)
        near, past = 0.0, 64.0  # floats find the place, balls certify both ends of it
        for _ in range(60):
            middle = (near + past) / 2
            above = short + float(np.sum(entropy_ceiling(NUMPY, long, self.g, middle))) > aim
            near, past = (middle, past) if above else (near, middle)
        width = Fraction(1, 2**32)
        ends = Fraction(past) + width, max(Fraction(near) - width, Fraction(0))
        past_end, near_end = bracket(self.ceiling, *ends, level, halvings=0)
        return near_end, past_end


def margins(setting: str, n: int, g: int, causal: bool) -> Iterator[Implied]:
    """The greatest margin that every row of a setting can have at its entropy, the least outside mass, the greatest fidelity."""
    rows = Rows(range(1, n + 1) if causal else (n,), g)
    limits = rows.limits(published(SETTINGS[setting]).span)
    suffix, words, visible = (f"{setting}_causal", ", causal mask", CAUSAL) if causal else (setting, "", AT_MOST)
    longest = () if causal else ("entropy.in_keys",)
    reported, at = (SETTINGS[setting],), {"n": n, "g": g}
    yield Implied(
        f"aila.margin_{suffix}", f"Margin that every row can have, {setting} setting{words}", "at most", *limits, "nats",
        "Were every margin at least t, every entropy and so their mean would be at most the mean of H*.",
        reported, ("entropy.ceiling", *longest), (DIGITS, MEAN, visible, EXACT_BLOCK), at,
    )  # fmt: skip
    # At the second limit t the dual form gives: mean entropy <= mean ln Z + t * mean outside mass. With the outside mass of the
    # two-level rows the right side is the ceiling, which is below the entropy; so the outside mass is above theirs.
    masses = [None if t is None else outwards(rows.outside(t)) for t in reversed(limits)]
    low, high = (None if ends is None else ends[side] for side, ends in enumerate(masses))
    why = (
        "The dual form at that margin t > 0 is linear in the outside mass, so it holds for the means; two-level rows attain it."
    )
    assumes = DIGITS, MEAN, visible, LARGEST_BLOCK
    yield Implied(
        f"aila.outside_mass_{suffix}", f"Mean attention outside the block, {setting} setting{words}", "at least", low, high, "1", why,
        reported, ("entropy.dual", "concentration.outside_mass"), assumes, at,
    )  # fmt: skip
    yield Implied(
        f"aila.fidelity_{suffix}", f"Mean pointer fidelity, {setting} setting{words}", "at most",
        None if high is None else 1 - high, None if low is None else 1 - low, "1",
        "1 less the least outside mass; the greatest margin of every row guarantees this fidelity and no more.",
        reported, ("entropy.dual", "concentration.fidelity_floor"), assumes, at,
    )  # fmt: skip


def ranges() -> Iterator[Implied]:
    """The range of scores that some row needs for the localist entropy to be that far below what its keys allow."""
    h = [bits(end) for end in published(LOCALIST).span]

    def gap(score_range: Fraction) -> arb:
        return range_gap(FLINT, score_range)  # type: ignore[no-any-return]

    cases: tuple[tuple[str, Callable[[int], arb], str, tuple[int, ...]], ...] = (
        ("", lambda n: arb(n).log(), "every row sees n keys", KEYS),
        ("_causal", mean_log_keys, CAUSAL, CAUSAL_KEYS),
    )
    for suffix, most, assumption, sizes in cases:
        for n in sizes:
            far = Fraction(64)
            low = bracket(gap, Fraction(0), far, most(n) - h[1])[0]
            high = bracket(gap, Fraction(0), far, most(n) - h[0])[1]
            yield Implied(
                f"aila.range{suffix}", f"Greatest less least score of some row, localist setting{', causal mask' if suffix else ''}",
                "at least", low, high, "nats",
                "Were every range at most R, every entropy would be within psi(R) of the logarithm of the row's keys.",
                (LOCALIST,), ("entropy.gap",), (DIGITS, MEAN, assumption), {"n": n},
            )  # fmt: skip


def steepest(n: int) -> tuple[arb, arb]:
    """Two balls around the greatest fall of entropy (nats) per nat of dial, over all rows of n keys with a block.

    At any setting the fall is eps (1 - eps) (H_out - H_G + ln((1 - eps)/eps)), and H_out - H_G <= m = ln(n - 1). With l the log-odds
    of the block that is (m + l)/(4 cosh^2(l/2)), greatest where (m + l) tanh(l/2) = 1: a rising function of l >= 0, 0 before.
    """
    m = arb(n - 1).log()

    def turn(odds: Fraction) -> arb:
        return (m + ball(odds)) * (ball(odds) / 2).tanh()

    before, after = bracket(turn, Fraction(0), Fraction(8), arb(1))
    low, high = ((u - 1 / u) / 4 for u in (m + ball(before), m + ball(after)))
    return low, high


def along_the_dial() -> Iterator[Implied]:
    """What a dial has to add to the scores in the block for entropy to fall by the difference of the two settings."""
    low, high = published(LOCALIST).span, published(DISTRIBUTED).span
    fall = high[0] - low[1], high[1] - low[0]
    for n in KEYS:
        slow, fast = steepest(n)
        least, most = outwards(bits(fall[0]) / fast, bits(fall[1]) / slow)
        yield Implied(
            "aila.dial", "Dial strength times the way turned, if the dial alone made the difference", "at least", least, most, "nats",
            "At any setting the fall per nat of dial is at most its greatest value over all rows of at most n keys.",
            (LOCALIST, DISTRIBUTED), ("dial.entropy_slope", "dial.content_advantage"), (DIGITS, MEAN, AT_MOST, FROZEN), {"n": n},
        )  # fmt: skip


__all__ = ["BLOCKS", "CAUSAL_KEYS", "KEYS", "Rows", "bits", "implied", "mean_log_keys", "steepest"]
