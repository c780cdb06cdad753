"""The part of the experiments' page that needs no run: the reported numbers, and what they imply, each with its statements.

Every value is computed and rounded to its safe side; a name of a statement or a number that is not there fails the build.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

from checks.book.text import block, link, plain, table
from checks.experiments.implied_attention import BLOCKS, CAUSAL_KEYS, KEYS, SETTINGS
from checks.experiments.implied_loss import VOCABULARIES
from checks.experiments.published import AILA, PUBLISHED, Implied, implications, implied, published
from theory.rounding import Side

DIGITS = 4
GLUE = "&nbsp;"  # between a number and its sign or unit: no line ends there
UNITS = {"1": ""} | {unit: GLUE + unit for unit in ("keys", "tokens", "bits", "nats", "%")}


def number(value: Fraction, side: Side) -> str:
    """An exact number to four significant digits on its safe side; a whole number below a million as it is."""
    if value.denominator == 1 and abs(value) < 10**6:
        return f"{int(value):,}"
    context = Context(prec=DIGITS, rounding=ROUND_CEILING if side == "up" else ROUND_FLOOR)
    return f"{context.divide(Decimal(value.numerator), Decimal(value.denominator)):f}"


def value(one: Implied) -> str:
    """What a consequence says: the safe end with its sign, or both ends; one of them where they print alike."""
    unit = UNITS[one.unit]
    if one.sense == "is":
        assert one.low is not None
        assert one.high is not None
        return _between(one.low, one.high) + unit
    if one.safe is None:
        return "no limit"
    return (
        f"{'≥' if one.sense == 'at least' else '≤'}{GLUE}{number(one.safe, 'down' if one.sense == 'at least' else 'up')}{unit}"
    )


def percent(one: Implied) -> str:
    """Both ends of a share, in per cent."""
    low, high = (100 * (end or Fraction(0)) for end in (one.low, one.high))
    return _between(low, high) + UNITS["%"]


def _between(low: Fraction, high: Fraction) -> str:
    ends = number(low, "down"), number(high, "up")
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def reported_table() -> str:
    """The reported numbers with the intervals that their digits stand for."""
    rows = []
    for one in PUBLISHED:
        low, high = one.span
        scale = 100 if one.unit == "%" else 1
        interval = f"{float(low * scale):.10g} to {float(high * scale):.10g}"  # few digits, all of them
        version = f", {one.version}" if one.version else ""
        rows.append((plain(one.what), f"{one.text}{UNITS[one.unit]}", interval, f"{one.paper}{version}"))
    return table(("what, as reported", "printed", "stands for", "arXiv"), rows)


class Assumptions:
    """Assumptions by letter, in the order in which the page first needs them."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def of(self, one: Implied) -> str:
        """The letters of a consequence's assumptions."""
        for text in one.assumes:
            self.letters.setdefault(text, chr(ord("A") + len(self.letters)))
        return ", ".join(sorted(self.letters[text] for text in one.assumes))

    def listed(self) -> str:
        """All of them."""
        return "".join(f"- **{letter}**: {plain(text)}.\n" for text, letter in self.letters.items())


def rows_of(chosen: Iterable[Implied], letters: Assumptions) -> str:
    """A table with a consequence a row: statement, value, how it follows, assumptions."""
    rows = [
        (plain(f"{one.statement}{_at(one)}"), value(one), f"{plain(one.why)} {_by(one)}".strip(), letters.of(one))
        for one in chosen
    ]
    return table(("what", "value", "because", "assuming"), rows)


def _at(one: Implied) -> str:
    return f" ({', '.join(f'{key} = {size:,}' for key, size in one.at.items())})" if one.at else ""


def _by(one: Implied) -> str:
    return f"({', '.join(map(link, one.theorems))})" if one.theorems else ""


def _named(*names: str, **at: int) -> list[Implied]:
    return [implied(name, **at) for name in names]


def attention(letters: Assumptions) -> str:
    """What the two entropies imply."""
    keys, causal = (int(implied(name).low or 0) for name in ("aila.visible_keys", "aila.visible_keys_causal"))
    entropy = published("aila.entropy_distributed").text
    parts = [
        "### What the entropies imply\n",
        f"Entropy counts keys. A mean of {entropy} bits is more than rows of {keys - 1} keys can have. Where query i sees keys "
        f"1 to i and all queries count the same, no text of fewer than {causal} tokens can have it: rows at the start are too "
        f"short. The greatest powers of two that are too small are {_power_below(keys)} for rows of one length and {_power_below(causal)} "
        "under a causal mask.\n",
        rows_of(
            _named(
                "aila.effective_keys_localist", "aila.effective_keys_distributed", "aila.entropy_fall", "aila.effective_keys_ratio",
                "aila.visible_keys", "aila.visible_keys_causal", "aila.pointer_localist", "aila.pointer_distributed",
            ),
            letters,
        ),
        _limits(letters),
        _by_keys(letters),
    ]  # fmt: skip
    return "\n".join(parts)


def _power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _limits(letters: Assumptions) -> str:
    """Fidelity, outside mass and margin by row length and block size, at both settings."""
    localist, distributed = (published(f"aila.entropy_{setting}").text for setting in SETTINGS)
    margin, mass = (implied(f"aila.{name}_localist", n=KEYS[0], g=BLOCKS[0]) for name in ("margin", "outside_mass"))
    causal = [implied(f"aila.{name}_localist_causal", n=CAUSAL_KEYS[0], g=BLOCKS[0]) for name in ("margin", "outside_mass")]
    used = [letters.of(one) for one in (margin, mass, *causal)]
    more = "\n".join(
        f"{title}, {setting} setting:\n\n{_matrix(f'{name}_{setting}')}"
        for setting in SETTINGS
        for name, title in (("outside_mass", "Mean outside mass"), ("margin", "Margin of every row"))
    )
    return (
        f"An entropy of {localist} bits at the localist setting limits what locality can have done there, unless the block itself has as "
        f"much. With blocks of g of n keys it bounds the attention that stays in the block on average "
        f"({', '.join(map(link, mass.theorems))}), and the margin that every row can have ({', '.join(map(link, margin.theorems))}). The "
        f"greatest such margin guarantees the same fidelity and no more ({link('concentration.fidelity_floor')}): rows of two levels have "
        f"both. Mean pointer fidelity at {localist} bits:\n\n{_matrix('fidelity_localist')}\n"
        f"The same at the distributed setting, {distributed} bits:\n\n{_matrix('fidelity_distributed')}\n"
        "A block of one key can be the row's greatest key. “No limit”: ln g is above the entropy.\n\n"
        + block("dropdown", "The same as outside mass and as margin", more)
        + f"\nAssuming {used[1]} for means over rows and {used[0]} for the margin; under a causal mask {used[3]} and {used[2]}.\n"
    )


def _matrix(name: str) -> str:
    """One consequence by row length and mask, with a column a block size."""
    rows = [
        (f"{n:,}", "causal" if suffix else "none", *(value(implied(f"aila.{name}{suffix}", n=n, g=g)) for g in BLOCKS))
        for suffix, sizes in (("", KEYS), ("_causal", CAUSAL_KEYS))
        for n in sizes
    ]
    return table(("n", "mask", *(f"g = {g}" for g in BLOCKS)), rows)


def _by_keys(letters: Assumptions) -> str:
    """Range of scores, dial and pointers by row length."""
    head = ("n", *(plain(one.statement) for one in _named("aila.range", "aila.dial", "aila.one_bit_rows", n=KEYS[0])))
    head += (plain(implied("aila.range_causal", n=CAUSAL_KEYS[0]).statement),)
    rows = []
    for n in KEYS:
        found = [value(one) for one in _named("aila.range", "aila.dial", "aila.one_bit_rows", n=n)]
        rows.append((f"{n:,}", *found, value(implied("aila.range_causal", n=n)) if n in CAUSAL_KEYS else ""))
    notes = "".join(
        f"- {plain(one.statement)}: {plain(one.why)} {_by(one)} Assuming {letters.of(one)}.\n"
        for one in (
            *_named("aila.range", "aila.dial", "aila.one_bit_rows", n=KEYS[0]),
            implied("aila.range_causal", n=CAUSAL_KEYS[0]),
        )
    )
    return f"{table(head, rows)}\n{notes}"


def loss(letters: Assumptions) -> str:
    """What the perplexity and the accuracy imply."""
    sizes = [
        (f"{size:,}", *(value(one) for one in pair), _word(pair[0].agrees))
        for size in VOCABULARIES
        for pair in [_named("aila.calibrated_most", "aila.text_entropy", V=size)]
    ]
    most, text = _named("aila.calibrated_most", "aila.text_entropy", V=VOCABULARIES[0])
    perplexity, accuracy = published("aila.perplexity"), published("aila.accuracy")
    return (
        "### What the perplexity and the accuracy imply\n\n"
        f"A perplexity of {perplexity.text} with an accuracy of {accuracy.text}{GLUE}% is possible: a model can have any perplexity above "
        "what its errors cost. Whether the pair is possible for a calibrated model depends on the vocabulary.\n\n"
        + rows_of(
            _named(
                "aila.loss", "aila.least_perplexity", "aila.truth_at_errors", "aila.truth_at_hits", "aila.calibrated_least",
                "aila.vocabulary",
            ),
            letters,
        )
        + "\n"
        + table(
            ("tokens in the vocabulary", "perplexity of a calibrated model", "entropy of the next token given the text",
             f"allows {perplexity.text}"), sizes,
        )
        + f"\nBoth columns: {plain(most.why)} {_by(most)} Assuming {letters.of(most)} for the first and {letters.of(text)} for the second, "
        "which holds whatever the model: where it is below the reported loss, the difference is the model's own and not the text's.\n"
    )  # fmt: skip


def progressive(letters: Assumptions) -> str:
    """What the ratios imply, and how the reported percentage can be read."""
    claimed = published("progressive.improvement")
    readings = [one for one in implications() if one.name.startswith("progressive.improvement_")]
    agreeing = [one for one in readings if one.agrees]
    rows = [
        (
            plain(one.statement),
            percent(one),
            _word(one.agrees),
        )
        for one in readings
    ]
    for one in readings:
        letters.of(one)
    budgets = [one for one in implications() if one.name == "progressive.dial_budget"]
    return (
        "### What the ratios imply\n\n"
        + rows_of(_named("progressive.baseline", "progressive.earlier", "progressive.loss_gap"), letters)
        + f"\nThe reported improvement of {claimed.text}{GLUE}% can be read in several ways. Of the {len(readings)} below, "
        f"{len(agreeing)} {'agrees' if len(agreeing) == 1 else 'agree'} with the two reported ratios. Which one is meant the abstract "
        "does not say.\n\n"
        + table(("reading", "from the ratios", f"contains {claimed.text}{GLUE}%"), rows)
        + f"\nAssuming {letters.of(readings[0])}.\n\n"
        + "A schedule that starts at 0 spends less dial than a localist stack does, by a share that does not depend on any measurement:\n\n"
        + table(
            ("degree", "layers", "dial, as a share of the localist stack's"),
            ((str(one.at["degree"]), str(one.at["layers"]), value(one)) for one in budgets),
        )
        + f"\n{_by(budgets[0])[1:-1]}. Assuming {letters.of(budgets[0])}.\n"
    )  # fmt: skip


def _word(agrees: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[agrees]


def section() -> str:
    """The whole section."""
    letters = Assumptions()
    parts = attention(letters), loss(letters), progressive(letters)
    return "\n".join(
        [
            "(reported-numbers)=\n\n## The reported numbers\n",
            "The papers' abstracts, as reported; their full texts are not at hand. A printed number stands for all values that round to "
            "it. What follows from these values by the statements of this book is below, each number enclosed over the whole interval and "
            f"rounded to its safe side. It says what a model with these numbers must be like; it does not say that the numbers are right. "
            f"What was averaged is not known to us, so every line names its assumptions. arXiv {AILA} "
            "{cite:p}`diederich2025aila` and v1 of 2511.18375 {cite:p}`diederich2025progressive`.\n",
            reported_table(),
            *parts,
            "### Assumptions\n",
            block("dropdown", "The letters in the tables", letters.listed()),
        ]
    )


__all__ = ["Assumptions", "attention", "loss", "number", "percent", "progressive", "reported_table", "section", "value"]
