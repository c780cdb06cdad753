"""What the reported perplexities, accuracy and ratios imply: which pairs are possible, and which readings of a percentage agree.

Loss is the mean of -ln p(truth) in nats, perplexity its exponential; an error is a token whose most probable prediction is another.
A calibrated model's loss equals the mean entropy of its predictions, and its error rate the mean weight beside the greatest one:
then the statements on entropy and outside mass speak of loss and error, with the vocabulary as keys and the top prediction as block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from flint import arb

from checks.experiments.printed import DIGITS, Implied, Span, ball, corners, least_integer, outwards, published
from theory.formulas import entropy_at_outside_mass
from theory.namespaces import FLINT
from theory.schedule_numbers import Schedule

PERPLEXITY, ACCURACY = "aila.perplexity", "aila.accuracy"
QUINTIC, RATIO, BEFORE, IMPROVED = (
    "progressive.perplexity", "progressive.ratio", "progressive.ratio_before", "progressive.improvement",
)  # fmt: skip
VOCABULARIES = (256, 10_000, 50_257)  # bytes, a small word list, the byte pairs of GPT-2
LAYERS = 12  # of the smallest GPT-2

SAME = "perplexity and accuracy are of the same next tokens, perplexity is e to the mean loss, accuracy the share of most probable ones"
CALIBRATED = "the model is calibrated: loss is the mean entropy of its predictions, error the mean weight beside the top one"
POPULATION = "the accuracy is that on the whole law of texts, not only on the test tokens"
ONE_BASELINE = "both ratios are to the perplexity of one and the same baseline"
POWERS = "the dial of layer l is its greatest value times (l/m) to the degree, l = 0 to m, on as many layers as the smallest GPT-2 has"


def implied() -> Iterator[Implied]:
    """Everything, in the order of the page."""
    yield from any_model()
    yield from calibrated()
    yield from baselines()
    yield from readings()
    yield from budgets()


def any_model() -> Iterator[Implied]:
    """What holds for the pair of perplexity and accuracy without any assumption on the model."""
    perplexity, right = published(PERPLEXITY).span, published(ACCURACY).span
    errors = 1 - right[1], 1 - right[0]
    both = PERPLEXITY, ACCURACY
    low, high = corners(lambda x: ball(x).log(), perplexity)
    yield Implied(
        "aila.loss", "Test loss", "is", low, high, "nats", "logarithm of the perplexity", (PERPLEXITY,), assumes=(DIGITS, SAME)
    )
    low, high = corners(lambda x: arb(2) ** ball(x), errors)
    yield Implied(
        "aila.least_perplexity", "Perplexity of a model of this accuracy", "at least", low, high, "1",
        "At an error the truth has at most the weight of another token, so at most 1/2.", (ACCURACY,), assumes=(DIGITS, SAME),
        against=PERPLEXITY,
    )  # fmt: skip
    low, high = corners(lambda x, e: (-ball(x).log() / ball(e)).exp(), perplexity, errors)
    yield Implied(
        "aila.truth_at_errors", "Geometric mean of the truth's probability where the model errs", "at least", low, high, "1",
        "The loss at the hits is not negative, so the errors carry at most all of it.", both, assumes=(DIGITS, SAME),
    )  # fmt: skip
    low, high = corners(lambda x, e: (-(ball(x).log() - ball(e) * arb(2).log()) / (1 - ball(e))).exp(), perplexity, errors)
    yield Implied(
        "aila.truth_at_hits", "Geometric mean of the truth's probability where the model is right", "at least", low, high, "1",
        "The errors carry at least ln 2 each.", both, assumes=(DIGITS, SAME),
    )  # fmt: skip


def greatest_loss(vocabulary: int, error: Fraction) -> arb:
    """Greatest loss (nats) of a calibrated model of this error rate over a vocabulary: the entropy at that outside mass."""
    return entropy_at_outside_mass(FLINT, vocabulary, 1, error)  # type: ignore[no-any-return]


def calibrated() -> Iterator[Implied]:
    """What a calibrated model of that accuracy can have for perplexity, and what vocabulary the pair needs."""
    perplexity, right = published(PERPLEXITY).span, published(ACCURACY).span
    errors = 1 - right[1], 1 - right[0]
    assumes = (DIGITS, SAME, CALIBRATED)
    low, high = corners(lambda e: arb(4) ** ball(e), errors)
    yield Implied(
        "aila.calibrated_least", "Perplexity of a calibrated model of this accuracy", "at least", low, high, "1",
        "A prediction of entropy H has a top weight of at least 1 - H/(2 ln 2); this is linear, so it holds for the means.",
        (ACCURACY,), ("entropy.pointer_half",), assumes, against=PERPLEXITY,
    )  # fmt: skip
    for size in VOCABULARIES:
        low, high = corners(lambda e, v=size: greatest_loss(v, e).exp(), errors)
        yield Implied(
            "aila.calibrated_most", "Perplexity of a calibrated model of this accuracy, by tokens in the vocabulary", "at most", low, high,
            "1", "The dual form at the t of this error, t > 0, is linear in the error, so it holds for the means.",
            (ACCURACY,), ("entropy.dual", "entropy.at_outside_mass"), assumes, {"V": size}, PERPLEXITY,
        )  # fmt: skip
        low, high = corners(lambda e, v=size: greatest_loss(v, e), errors)
        yield Implied(
            "aila.text_entropy", "Entropy of the next token given the text before it, whatever the model, by tokens in the vocabulary",
            "at most", low, high, "nats", "The dual form for the law of the next token, with the model's top prediction as block.",
            (ACCURACY,), ("entropy.dual", "entropy.at_outside_mass"), (DIGITS, POPULATION), {"V": size},
        )  # fmt: skip
    cases = ((errors[1], perplexity[0]), (errors[0], perplexity[1]))
    low, high = (Fraction(least_integer(_loss_by_size(error), ball(x).log(), 2)) for error, x in cases)
    yield Implied(
        "aila.vocabulary", "Vocabulary that lets a calibrated model have both", "at least", low, high, "tokens",
        "Over fewer tokens the entropy at that error is below the loss.",
        (PERPLEXITY, ACCURACY), ("entropy.dual", "entropy.at_outside_mass"), assumes,
    )  # fmt: skip


def _loss_by_size(error: Fraction) -> Callable[[int], arb]:
    return lambda size: greatest_loss(size, error)


def baselines() -> Iterator[Implied]:
    """Perplexities that the ratios imply, and the loss between them."""
    quintic, ratio, before = (published(name).span for name in (QUINTIC, RATIO, BEFORE))
    low, high = corners(lambda x, r: x / r, quintic, ratio)
    yield Implied(
        "progressive.baseline", "Perplexity of the distributed baseline", "is", low, high, "1", "quotient", (QUINTIC, RATIO),
        assumes=(DIGITS,),
    )  # fmt: skip
    low, high = corners(lambda x, r, b: x / r * b, quintic, ratio, before)
    yield Implied(
        "progressive.earlier", "Perplexity of the earlier localist models on the same baseline", "is", low, high, "1",
        "quotient and product", (QUINTIC, RATIO, BEFORE), assumes=(DIGITS, ONE_BASELINE),
    )  # fmt: skip
    low, high = corners(lambda r: ball(r).log(), ratio)
    yield Implied(
        "progressive.loss_gap", "Loss of the quintic schedule above the baseline's", "is", low, high, "nats", "logarithm of the ratio",
        (RATIO,), assumes=(DIGITS,),
    )  # fmt: skip


def readings() -> Iterator[Implied]:
    """The readings of the reported improvement that the two ratios allow, each beside the reported percentage."""
    ratio, before = published(RATIO).span, published(BEFORE).span
    quintic = published(QUINTIC).span
    ways: tuple[tuple[str, str, Span, tuple[str, ...]], ...] = (
        ("perplexity", "Fall of the perplexity, as a share of it", corners(lambda r, b: 1 - r / b, ratio, before), (RATIO, BEFORE)),
        (
            "excess", "Fall of the perplexity's excess over the baseline, as a share of it",
            corners(lambda r, b: 1 - (r - 1) / (b - 1), ratio, before), (RATIO, BEFORE),
        ),
        (
            "loss_excess", "Fall of the loss's excess over the baseline, as a share of it",
            corners(lambda r, b: 1 - ball(r).log() / ball(b).log(), ratio, before), (RATIO, BEFORE),
        ),
        (
            "loss", "Fall of the loss, as a share of it",
            corners(lambda r, b, x: 1 - ball(x).log() / ball(x * b / r).log(), ratio, before, quintic), (RATIO, BEFORE, QUINTIC),
        ),
        ("growth", "Earlier perplexity over this one, less 1", corners(lambda r, b: b / r - 1, ratio, before), (RATIO, BEFORE)),
    )  # fmt: skip
    for name, statement, (low, high), reported in ways:
        yield Implied(
            f"progressive.improvement_{name}", statement, "is", low, high, "1", "arithmetic", reported,
            assumes=(DIGITS, ONE_BASELINE), against=IMPROVED,
        )  # fmt: skip


def budgets() -> Iterator[Implied]:
    """What the reported schedules spend of a fully localist stack's dial, exactly."""
    for degree in range(1, 6):
        low, high = outwards(Schedule(LAYERS, Fraction(degree), Fraction(0), Fraction(1)).budget / LAYERS)
        yield Implied(
            "progressive.dial_budget", "Dial summed over the layers, as a share of the fully localist one", "is", low, high, "1",
            "the exact budget of a polynomial schedule that starts at 0", (), ("schedule.budget",), (POWERS,),
            {"degree": degree, "layers": LAYERS},
        )  # fmt: skip


__all__ = ["greatest_loss", "implied"]
