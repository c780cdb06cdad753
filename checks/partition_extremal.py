"""Extremal cases of the family partition: where each bound is attained, and ordinary ones beside them."""

from __future__ import annotations

from collections.abc import Callable

from flint import fmpq

from checks.claims import Case
from checks.enclosure import Row
from checks.partition_cases import (
    HALF,
    ONE,
    Labels,
    Matrix,
    Moved,
    Pairs,
    Tokens,
    cases_of_growth,
    cases_of_moved,
    cases_of_moves,
    cases_of_renewals,
    cases_of_scores,
    cases_of_tokens,
    matrix,
    single_linkage,
)
from checks.rows import block_flags, ordinary_rows, two_level_rows
from theory.partition import THEOREMS


def planted(sizes: tuple[int, ...], inside: fmpq, across: fmpq) -> tuple[Matrix, Labels]:
    """Similarity `inside` in every block and `across` between blocks."""
    labels = tuple(block for block, size in enumerate(sizes) for _ in range(size))
    return tuple(tuple(inside if a == b else across for b in labels) for a in labels), labels


def pushed(similarity: Matrix, labels: Labels, move: fmpq) -> Matrix:
    """The worst move: every similarity inside falls, every one across rises."""
    return tuple(
        tuple(x - move if labels[i] == labels[j] else x + move for j, x in enumerate(row)) for i, row in enumerate(similarity)
    )


CHAIN = matrix([[0, 1, 0, 0, 0], [1, 0, 0.875, 0, 0], [0, 0.875, 0, 1, 0], [0, 0, 1, 0, 0.75], [0, 0, 0, 0.75, 0]])
TWO_PAIRS = matrix([[0, 3, 0, 0], [3, 0, 0, 0], [0, 0, 0, 2], [0, 0, 2, 0]])
PATH = matrix([[0, 2, 0], [2, 0, 1], [0, 1, 0]])
UNEVEN = matrix([[0, 2.5, 0.25, -1], [2.5, 0, 0.5, 0.125], [0.25, 0.5, 0, 1.75], [-1, 0.125, 1.75, 0]])
SHAKEN = matrix([[0, 2.25, 0.5, -1], [2.25, 0, 0.25, 0.25], [0.5, 0.25, 0, 2], [-1, 0.25, 2, 0]])


def of_tokens() -> Pairs:
    """Planted blocks pushed as far as they go, chains, ties, other partitions into as many blocks."""
    for sizes, inside, across, move in (
        ((2, 1), fmpq(3), fmpq(2), fmpq(1, 4)),
        ((2, 2), fmpq(5, 2), fmpq(-1), fmpq(3, 4)),
        ((3, 2, 2), fmpq(-1, 2), fmpq(-3), fmpq(1, 8)),
        ((2, 3), fmpq(7, 3), fmpq(2, 3), fmpq(0)),
        ((2, 2), fmpq(1, 3), fmpq(1, 5), fmpq(2)),
        ((2, 2), fmpq(19, 3), fmpq(1, 5), fmpq(2)),
    ):
        similarity, labels = planted(sizes, inside, across)
        other = (*labels[1:], labels[0])
        yield from cases_of_tokens(
            Tokens(similarity, pushed(similarity, labels, move), labels, other, f"planted {sizes}, moved by {move}")
        )
    for similarity, labels, other in (
        (CHAIN, single_linkage(CHAIN, 2), (0, 0, 1, 1, 1)),
        (CHAIN, single_linkage(CHAIN, 3), (0, 0, 1, 1, 2)),
        (TWO_PAIRS, (0, 0, 1, 2), (0, 1, 2, 2)),
        (TWO_PAIRS, (0, 0, 1, 1), (0, 1, 1, 1)),
        (PATH, (0, 0, 1), (0, 1, 1)),
        (PATH, (0, 1, 1), (0, 0, 1)),
        (PATH, (0, 0, 1), (0, 0, 1)),
        (matrix([[-x for x in map(float, map(str, row))] for row in ((0, 1, 3), (1, 0, 2), (3, 2, 0))]), (0, 0, 1), (0, 1, 1)),
        (UNEVEN, (0, 0, 1, 1), (0, 1, 1, 0)),
        (UNEVEN, (0, 0, 1, 1), (0, 1, 2, 2)),
        (UNEVEN, (0, 1, 1, 0), (0, 0, 1, 1)),
    ):
        yield from cases_of_tokens(Tokens(similarity, similarity, labels, other, "still"))
        if similarity is UNEVEN:
            yield from cases_of_tokens(Tokens(similarity, SHAKEN, labels, other, "shaken"))


def _diagonal(*entries: fmpq) -> Matrix:
    return tuple(tuple(x if i == j else fmpq(0) for j in range(len(entries))) for i, x in enumerate(entries))


def of_moved() -> Pairs:
    """Tokens along the axes, forms that lose along one and gain along the other; tokens that grow; ordinary ones."""
    for reach, start, move, steps, tau in (
        (fmpq(1), fmpq(1), fmpq(1, 8), 2, fmpq(1)),
        (fmpq(3), fmpq(2), fmpq(1, 5), 3, fmpq(3, 2)),
        (fmpq(1, 3), fmpq(7), fmpq(1, 2), 5, fmpq(1, 4)),
        (fmpq(5, 2), fmpq(3), fmpq(1), 4, fmpq(2)),
    ):
        zero = fmpq(0)
        tokens: Matrix = (
            (reach, zero, zero),
            (reach, zero, zero),
            (zero, reach, zero),
            (zero, reach, zero),
            (zero, zero, reach),
        )
        forms = tuple(_diagonal(start - k * move, k * move, zero) for k in range(steps + 1))
        yield from cases_of_moved(Moved(forms, tokens, tokens, tau, (0, 0, 1, 2, 3), f"worst form for reach {reach}"))
        near = start * (1 - fmpq(1, 10**9)) / 2 / steps  # stops a little before half of the gap
        close = tuple(_diagonal(start - k * near, k * near, zero) for k in range(steps + 1))
        yield from cases_of_moved(Moved(close, tokens, tokens, tau, (0, 0, 1, 2, 3), f"up to half of the gap, reach {reach}"))
        late = (*forms, *(_diagonal(start - k * move, k * move, zero) for k in range(steps + 1, 40)))
        yield from cases_of_moved(Moved(late, tokens, tokens, tau, (0, 0, 1, 2, 3), f"worst form for reach {reach}, for long"))
        grown = tuple(tuple(x * fmpq(5, 4) for x in token) for token in tokens)
        plus = (_diagonal(start, zero, zero), _diagonal(start + move, zero, zero))
        yield from cases_of_moved(Moved(plus, tokens, grown, tau, (0, 0, 1, 2, 3), f"tokens and form that grow, reach {reach}"))
        yield from cases_of_moved(Moved(plus, tokens, tokens, tau, (0, 0, 1, 2, 3), f"a form that grows, reach {reach}"))
        yield from cases_of_moved(Moved(plus[:1], tokens, tokens, tau, (0, 0, 1, 2, 3), f"nothing moves, reach {reach}"))
    uneven = matrix([[1, 0.5, 0], [0.875, 0.625, 0.125], [-0.5, 1, 0.25], [-0.25, 0.75, 0.5]])
    moved = matrix([[1, 0.5625, 0], [0.875, 0.5, 0.125], [-0.5, 1.125, 0.25], [-0.25, 0.75, 0.4375]])
    first = matrix([[1.5, 0.25, 0], [0.25, 1, -0.125], [0, -0.125, 0.5]])
    second = matrix([[1.375, 0.3125, 0], [0.3125, 1.0625, -0.125], [0, -0.125, 0.5]])
    for after in (uneven, moved):
        yield from cases_of_moved(Moved((first, second), uneven, after, fmpq(2), (0, 0, 1, 1), "ordinary"))
    yield from cases_of_moved(Moved((first, second), uneven, uneven, ONE, (0, 0, 1, 1), "ordinary"))


def of_scores() -> Pairs:
    """Two-level score matrices pushed as far as they go, and ordinary ones."""
    for sizes, inside, across, move in (
        ((1, 1), fmpq(3), fmpq(0), fmpq(1, 2)),
        ((2, 6), fmpq(4), fmpq(-1), fmpq(1)),
        ((2, 2), fmpq(1), fmpq(0), fmpq(1)),
        ((3, 1, 4), fmpq(2), fmpq(1, 2), fmpq(0)),
        ((2, 2), fmpq(-1, 2), fmpq(1, 2), fmpq(1, 4)),
    ):
        before, labels = planted(sizes, inside, across)
        yield from cases_of_scores(before, pushed(before, labels, move), labels, f"two-level scores {sizes}")
    yield from cases_of_scores(UNEVEN, SHAKEN, (0, 0, 1, 1), "uneven scores")


def of_growth() -> Pairs:
    """Rows with a block and a block that holds it: the same, one key more, all keys but one."""
    for row in (*two_level_rows(), *ordinary_rows()):
        n, g = len(row.scores), sum(row.block)
        for grown in {g, min(g + 1, n - 1), n - 1}:
            yield from cases_of_growth(row, block_flags(n, grown))
    level = Row((0.0,) * 6, block_flags(6, 1), "equal scores")
    yield from cases_of_growth(level, block_flags(6, 5))


def of_runs() -> Pairs:
    """Runs that use up what there is, exactly, and runs that do not."""
    for start, floor, gain, count in (
        (5, 0, fmpq(1, 2), 10),
        (3, -4, fmpq(7, 3), 3),
        (fmpq(1, 2), fmpq(1, 4), fmpq(1, 8), 2),
        (2, 1, fmpq(3), 0),
    ):
        first, last = fmpq(start), fmpq(floor)
        yield from cases_of_moves([first - k * gain for k in range(count + 1)], gain, last, "a run that uses up its potential")
        yield from cases_of_moves([first - k * gain for k in range(count + 1)], gain, last - HALF, "a run that does not")
    for stretch, reach, gap, tau, count in (
        (fmpq(1, 8), fmpq(2), fmpq(1), fmpq(1), 7),
        (fmpq(3), fmpq(1, 2), fmpq(3, 4), fmpq(2), 2),
    ):
        least = gap * tau / (2 * reach**2)
        for rest in (fmpq(0), fmpq(1, 3)):
            yield from cases_of_renewals([least] * count, rest, reach, gap, tau, "renewed the moment it is spent")
            yield from cases_of_renewals([least + stretch] * count, rest, reach, gap, tau, "renewed later")


SOURCES: tuple[Callable[[], Pairs], ...] = (of_tokens, of_moved, of_scores, of_growth, of_runs)


def extremal_cases(name: str) -> list[Case]:
    """The extremal cases of one statement."""
    closed = next(theorem for theorem in THEOREMS if theorem.name == name)
    if closed.kind == "counterexample":
        return [Case({}, closed.equality.text, extremal=False)]
    return [case for source in SOURCES for theorem, case in source() if theorem.name == name]
