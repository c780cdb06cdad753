"""Objects of the family partition in exact rationals, and the cases they make: similarities, forms and tokens, score matrices, runs.

A norm that is no rational number is rounded up to one; every statement holds for a bound in place of a norm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import isqrt
from typing import Any

import numpy as np
import sympy as sp
from flint import fmpq

from checks.claims import Case
from checks.enclosure import Row, Value, observe
from theory import partition_drift as drift
from theory import partition_optimal as optimal
from theory import partition_recovery as recovery
from theory import partition_refine as refine
from theory import symbols as sym
from theory.theorem import Theorem

Matrix = tuple[tuple[fmpq, ...], ...]
Vectors = tuple[tuple[fmpq, ...], ...]
Labels = tuple[int, ...]
Pairs = Iterator[tuple[Theorem, Case]]
ZERO, ONE, HALF = fmpq(0), fmpq(1), fmpq(1, 2)


@dataclass(frozen=True)
class Tokens:
    """Similarities of N tokens before and after a move (symmetric, the diagonal unused), a partition and another one."""

    before: Matrix
    after: Matrix
    labels: Labels
    other: Labels
    origin: str

    @property
    def exact(self) -> dict[str, Any]:
        """The object in JSON, losslessly."""
        text = {name: [[str(x) for x in row] for row in getattr(self, name)] for name in ("before", "after")}
        return text | {"labels": list(self.labels), "other": list(self.other)}


@dataclass(frozen=True)
class Kept:
    """Weakest link inside, least similarity inside, greatest across, of a partition that has pairs of both kinds."""

    link: fmpq
    low: fmpq
    cross: fmpq


@dataclass(frozen=True)
class Strengths:
    """The same for any partition; None without a pair of that kind."""

    link: fmpq | None
    low: fmpq | None
    cross: fmpq | None

    @property
    def kept(self) -> Kept | None:
        """All three, or None."""
        if self.link is None or self.low is None or self.cross is None:
            return None
        return Kept(self.link, self.low, self.cross)


def matrix(rows: Sequence[Sequence[Any]]) -> Matrix:
    """Rows of floats, integers or rationals as exact rationals."""
    return tuple(tuple(x if isinstance(x, fmpq) else fmpq(*x.as_integer_ratio()) for x in row) for row in rows)


def links(similarity: Matrix) -> list[list[fmpq]]:
    """The strength of the link of every two tokens: the greatest over all paths of the least similarity along it."""
    found = [list(row) for row in similarity]
    size = range(len(found))
    for via in size:
        for i in size:
            first = found[i][via]
            if i != via:
                found[i] = [
                    max(here, min(first, found[via][j])) if j not in (i, via) else here for j, here in enumerate(found[i])
                ]
    return found


def strengths(similarity: Matrix, labels: Labels) -> Strengths:
    """What a partition keeps and cuts."""
    joined = links(similarity)
    pairs = list(combinations(range(len(labels)), 2))
    inside = [(i, j) for i, j in pairs if labels[i] == labels[j]]
    across = [similarity[i][j] for i, j in pairs if labels[i] != labels[j]]
    return Strengths(
        min((joined[i][j] for i, j in inside), default=None),
        min((similarity[i][j] for i, j in inside), default=None),
        max(across, default=None),
    )


def single_linkage(similarity: Matrix, blocks: int) -> Labels:
    """Single linkage into that many blocks, by merging the most similar two components until so many are left."""
    labels = list(range(len(similarity)))
    for i, j in sorted(combinations(labels, 2), key=lambda pair: (-similarity[pair[0]][pair[1]], pair)):
        if len(set(labels)) == blocks:
            break
        first, second = labels[i], labels[j]
        labels = [first if label == second else label for label in labels]
    return numbered(labels)


def numbered(labels: Sequence[int]) -> Labels:
    """The same partition with blocks numbered in the order of their first tokens."""
    names: dict[int, int] = {}
    return tuple(names.setdefault(label, len(names)) for label in labels)


def apart(first: Labels, second: Labels) -> int:
    """Pairs that exactly one of the two partitions puts in one block."""
    return sum((first[i] == first[j]) != (second[i] == second[j]) for i, j in combinations(range(len(first)), 2))


def greatest_move(before: Matrix, after: Matrix) -> fmpq:
    """The greatest change of a similarity of two different tokens."""
    return max((abs(after[i][j] - before[i][j]) for i, j in combinations(range(len(before)), 2)), default=ZERO)


def cases_of_tokens(tokens: Tokens) -> Pairs:
    """Every statement about recovery, stability and optimality, with the measured numbers claimed and the cut at its ends and middle."""
    old, new = strengths(tokens.before, tokens.labels).kept, strengths(tokens.after, tokens.labels).kept
    if old is not None and new is not None:
        yield from _recovery(tokens, old, new, greatest_move(tokens.before, tokens.after))
        yield from _optimality(tokens, old)


def _recovery(tokens: Tokens, old: Kept, new: Kept, move: fmpq) -> Pairs:
    values: dict[sp.Symbol, Value] = {
        sym.link_in: old.link, sym.link_in_2: new.link, sym.low_sim: old.low, sym.low_sim_2: new.low,
        sym.cross_sim: old.cross, sym.cross_sim_2: new.cross, sym.moved_sim: move, sym.move_bound: move,
        sym.link_gap: old.link - old.cross, sym.link_gap_2: new.link - new.cross,
        sym.pair_margin: old.low - old.cross, sym.pair_margin_2: new.low - new.cross, sym.cross_ceiling: old.cross,
    }  # fmt: skip

    def case(extremal: bool, **more: fmpq) -> Case:
        named = {sym.MEANINGS[name].symbol: value for name, value in more.items()}
        return Case(values | named, tokens.origin, tokens.exact | {k: str(v) for k, v in more.items()}, extremal)

    for theorem, floor, after in (
        (recovery.recovery_inside, old.link, new.link),
        (recovery.recovery_complete, old.low, new.low),
    ):
        yield theorem, case(after == floor - move, th_hi=floor, kap_S=floor - move)
        yield theorem, case(False, th_hi=floor, kap_S=(floor + old.cross) / 2)
    for level in ((old.link + old.cross) / 2, old.cross + move + fmpq(1, 10**9)):
        yield recovery.recovery_across, case(False, kap_S=level)
    yield recovery.gap_survives, case(new.link - new.cross == old.link - old.cross - 2 * move)
    yield recovery.margin_survives, case(new.low - new.cross == old.low - old.cross - 2 * move)
    centre = (old.link + old.cross) / 2
    tight = max(centre - new.link, new.cross - centre) == move - (old.link - old.cross) / 2
    yield recovery.midpoint, case(tight, th_hi=old.link)


def _optimality(tokens: Tokens, old: Kept) -> Pairs:
    other = strengths(tokens.before, tokens.other)
    if other.cross is None:
        return
    values: dict[sp.Symbol, Value] = {
        sym.link_in: old.link, sym.cross_sim: old.cross, sym.cross_other: other.cross, sym.link_gap: old.link - old.cross,
        sym.block_count: len(set(tokens.labels)), sym.block_count_other: len(set(tokens.other)),
        sym.pairs_apart: apart(tokens.labels, tokens.other),
    }  # fmt: skip
    yield optimal.unique_cut, Case(values, tokens.origin, tokens.exact, other.cross == old.link)
    yield optimal.single_linkage, Case(values, tokens.origin, tokens.exact, other.cross == old.cross)
    if other.link is not None:
        gap = other.link - other.cross
        more = values | {sym.link_gap_other: gap, sym.link_in_other: other.link}
        yield optimal.only_gap, Case(more, tokens.origin, tokens.exact, gap == old.cross - old.link)


# --- forms and tokens ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moved:
    """Tokens (rows) and the states of a symmetric form in training; the similarity of two tokens is x'Ay/tau."""

    forms: tuple[Matrix, ...]
    tokens: Vectors
    after: Vectors
    tau: fmpq
    labels: Labels
    origin: str

    @property
    def exact(self) -> dict[str, Any]:
        """The object in JSON, losslessly."""

        def text(rows: Matrix) -> list[list[str]]:
            return [[str(x) for x in row] for row in rows]

        return {
            "forms": [text(form) for form in self.forms], "tokens": text(self.tokens), "after": text(self.after),
            "tau": str(self.tau), "labels": list(self.labels),
        }  # fmt: skip


def root_above(square: fmpq) -> fmpq:
    """The square root where it is rational, else a rational number above it by at most 2^-60 of it (and of 1)."""
    p, q = int(square.p), int(square.q)
    if isqrt(p) ** 2 == p and isqrt(q) ** 2 == q:
        return fmpq(isqrt(p), isqrt(q))
    scale = 1 << 128
    return fmpq(isqrt(p * scale // q) + 1, 1 << 64)


def norm_above(vector: Sequence[fmpq]) -> fmpq:
    """A rational bound on the Euclidean norm, exact where that is rational."""
    return root_above(sum((x * x for x in vector), ZERO))


def form_norm_above(form: Matrix) -> fmpq:
    """The operator norm of a diagonal form, exactly; of any other form a bound on the Frobenius norm."""
    if all(x == 0 for i, row in enumerate(form) for j, x in enumerate(row) if i != j):
        return max((abs(form[i][i]) for i in range(len(form))), default=ZERO)
    return norm_above([x for row in form for x in row])


def minus(left: Matrix, right: Matrix) -> Matrix:
    """The difference of two forms or two lists of tokens."""
    return tuple(tuple(x - y for x, y in zip(a, b, strict=True)) for a, b in zip(left, right, strict=True))


def scores(form: Matrix, tokens: Vectors, tau: fmpq) -> Matrix:
    """x'Ay/tau of every two tokens."""
    images = [[sum((a * x for a, x in zip(row, token, strict=True)), ZERO) for row in form] for token in tokens]
    return tuple(
        tuple(sum((x * y for x, y in zip(token, image, strict=True)), ZERO) / tau for image in images) for token in tokens
    )


def cases_of_moved(moved: Moved) -> Pairs:
    """Every statement about the drift of similarities, for the pair that drifts most."""
    first, last = moved.forms[0], moved.forms[-1]
    before, after = scores(first, moved.tokens, moved.tau), scores(last, moved.after, moved.tau)
    old, new = strengths(before, moved.labels).kept, strengths(after, moved.labels).kept
    i, j = max(combinations(range(len(moved.labels)), 2), key=lambda pair: abs(_change(before, after, pair)))
    travel = [norm_above(row) for row in minus(moved.after, moved.tokens)]
    largest, reach = max(travel[i], travel[j]), max(map(norm_above, moved.tokens))
    norm, shift = form_norm_above(first), form_norm_above(minus(last, first))
    values: dict[sp.Symbol, Value] = {
        sym.pair_drift: _change(before, after, (i, j)), sym.form_norm: norm,
        sym.form_move: shift, sym.B_x: reach,
        sym.token_move: max(travel), sym.tau: moved.tau, drift.move_x: travel[i], drift.move_y: travel[j],
    }  # fmt: skip
    change, far = abs(_change(before, after, (i, j))), max(travel)
    bound = (shift * (reach + far) ** 2 + norm * (2 * reach + far) * far) / moved.tau
    yield drift.drift, Case(values, moved.origin, moved.exact, change == bound)
    yield drift.form_only, Case(values, moved.origin, moved.exact, largest == 0 and change == bound)
    if old is None or new is None or old.link <= old.cross:
        return
    gap, gap_2 = old.link - old.cross, new.link - new.cross
    step = max((form_norm_above(minus(b, a)) for a, b in pairwise(moved.forms)), default=ZERO)
    steps = len(moved.forms) - 1
    values |= {
        sym.link_gap: gap, sym.link_gap_2: gap_2, sym.claimed_gap: gap, sym.moved_sim: change, sym.steps: steps,
        sym.cross_sim_2: new.cross, sym.link_in_2: new.link, sym.form_step: step, sym.eta: HALF, sym.step_bound: 2 * step,
    }  # fmt: skip
    yield drift.budget, Case(values, moved.origin, moved.exact, max(travel) == 0 and gap_2 == gap - 2 * bound)
    yield drift.radius, Case(values, moved.origin, moved.exact)
    in_steps = gap - 2 * reach**2 * steps * step / moved.tau
    yield drift.gap_after_steps, Case(values, moved.origin, moved.exact, max(travel) == 0 and gap_2 == in_steps)
    yield drift.certified_steps, Case(values, moved.origin, moved.exact)


def _change(before: Matrix, after: Matrix, pair: tuple[int, int]) -> fmpq:
    return after[pair[0]][pair[1]] - before[pair[0]][pair[1]]


# --- score matrices and rows --------------------------------------------------------------------------------------------------------


def cases_of_scores(before: Matrix, after: Matrix, labels: Labels, origin: str) -> Pairs:
    """`partition.attention` for every row of a score matrix that moved; a token's score with itself counts as inside."""
    size = range(len(labels))
    inside = [before[i][j] for i in size for j in size if labels[i] == labels[j]]
    across = [before[i][j] for i in size for j in size if labels[i] != labels[j]]
    if not across:
        return
    move = max(abs(after[i][j] - before[i][j]) for i in size for j in size)
    margin = min(inside) - max(across)
    for i in size:
        row = Row(after[i], tuple(label == labels[i] for label in labels), f"{origin}, row {i}")

        def values(bits: int, row: Row = row) -> dict[sp.Symbol, Value]:
            return observe(row, bits) | {sym.t: margin, sym.pair_margin: margin, sym.moved_sim: move, sym.move_bound: move}

        tight = row.two_level and after[i][i] - after[i][row.block.index(False)] == margin - 2 * move
        yield refine.attention, Case(values(128), row.origin, row.exact | {"t": str(margin), "eta_S": str(move)}, tight, values)


def cases_of_growth(row: Row, coarser: tuple[bool, ...]) -> Pairs:
    """Refinement: a row with its block, and with a block that holds it."""
    grown = Row(row.scores, coarser, row.origin)

    def values(bits: int) -> dict[sp.Symbol, Value]:
        fine, coarse = observe(row, bits), observe(grown, bits)
        added = tuple(new and not old for new, old in zip(coarser, row.block, strict=True))
        if not any(added):
            return {sym.eps: fine[sym.eps], sym.eps_coarse: coarse[sym.eps], sym.mass_gained: 0}
        gained = observe(Row(row.scores, added, row.origin), bits)[sym.fidelity]
        return {sym.eps: fine[sym.eps], sym.eps_coarse: coarse[sym.eps], sym.mass_gained: gained}

    exact = row.exact | {"coarser": [int(flag) for flag in coarser]}
    for theorem in (refine.refinement_exact, refine.refinement):
        yield theorem, Case(values(128), row.origin, exact, coarser == row.block, values)


# --- runs of moves ------------------------------------------------------------------------------------------------------------------


def cases_of_moves(potentials: Sequence[fmpq], gain: fmpq, floor: fmpq, origin: str) -> Pairs:
    """A run of accepted splits and merges by its potentials."""
    drops = [a - b for a, b in pairwise(potentials)]
    count = len(drops)
    values: dict[sp.Symbol, Value] = {
        sym.moves: count, sym.potential_start: potentials[0], sym.potential_floor: floor, sym.move_gain: gain,
        sym.move_drop: min(drops, default=gain),
    }  # fmt: skip
    exact = {"potentials": [str(x) for x in potentials], "gain": str(gain), "floor": str(floor)}
    yield refine.moves_end, Case(values, origin, exact, potentials[0] - floor == count * gain)


def cases_of_renewals(stretches: Sequence[fmpq], rest: fmpq, reach: fmpq, gap: fmpq, tau: fmpq, origin: str) -> Pairs:
    """A training run by the lengths of the path of the form between renewals, and what was left after the last."""
    length = sum(stretches, ZERO) + rest
    least = min(stretches, default=reach**2 + gap * tau)
    values: dict[sp.Symbol, Value] = {
        sym.renewals: len(stretches), sym.path_length: length, sym.path_stretch: least, sym.B_x: reach, sym.claimed_gap: gap,
        sym.tau: tau,
    }  # fmt: skip
    exact = {"stretches": [str(x) for x in stretches], "rest": str(rest)}
    yield drift.repartitions, Case(values, origin, exact, length * 2 * reach**2 == len(stretches) * gap * tau)


def random_labels(rng: np.random.Generator, size: int) -> Labels:
    """A partition of that many tokens into two blocks or more, one of them with two tokens or more."""
    while True:
        labels = numbered(rng.integers(0, max(2, size // 2), size).tolist())
        if 2 <= len(set(labels)) < size:
            return labels


def all_partitions(size: int) -> Iterator[Labels]:
    """Every partition of that many tokens, as growth strings."""

    def grow(head: Labels) -> Iterator[Labels]:
        if len(head) == size:
            yield head
            return
        for label in range(max(head) + 2):
            yield from grow((*head, label))

    yield from grow((0,))
