"""How fast rows are judged: the float64 screen, the screen with Arb for what it leaves, and Arb alone.

Rows are those of trained layers and random ones. Arb alone is `checks.claims.judge` on every row, which is what a check does without the
screen. Before timing, Arb judges a sample of the rows that the screen decided: every one must hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.rounds import Call, Spread, Tell, interleaved, quiet, quotients
from checks import kernel
from checks.claims import judge, row_case
from checks.data import synthetic
from checks.enclosure import Row
from checks.layer import attend, equal_blocks
from checks.penalty import off_block_penalty
from checks.screen import SCREENED, Decided, for_arb, screen, two_levels
from checks.trained import SAMPLE
from checks.training import initialise, sgd, train
from checks.verdict import HOLDS, OUT_OF_DOMAIN
from theory import theorem_named
from theory.theorem import Theorem

TARGET = 300.0  # screen against Arb alone for one statement, set before any of this was written
SETS = {
    "concentration.outside_mass": ("concentration.outside_mass",),
    "entropy.ceiling": ("entropy.ceiling",),
    f"all {len(SCREENED)} screened statements": SCREENED,
}
BASE, FAST = "Arb alone", "screen"


@dataclass(frozen=True)
class Rows:
    """Scores [rows, n] taken as exact, the block of each row, and where they are from."""

    origin: str
    scores: NDArray[np.float64]
    block: NDArray[np.bool_]

    def some(self, chosen: NDArray[np.intp] | list[int]) -> list[Row]:
        """The chosen rows as Arb takes them."""
        return [Row(tuple(self.scores[i].tolist()), tuple(self.block[i].tolist()), f"{self.origin}, row {i}") for i in chosen]


def trained_rows(layers: int = 128, tokens: int = 64, blocks: int = 8) -> Rows:
    """Rows of layers trained with a dial of 4 nats, 8 of 64 keys in the block on the average."""
    structure, seeds = equal_blocks(blocks, 4 * blocks, 2 * blocks), range(layers)
    batch = synthetic(structure.features, seeds, sequences=8, tokens=tokens, leak=0.02)
    start, penalty = initialise(structure, seeds), off_block_penalty(structure, 0.02)
    run = train(start, batch, structure, penalty, sgd(0.1), 20, dial=4.0)
    capture = attend(run.parameters, batch, structure, dial=4.0)
    scores, block = (part.flatten(0, 2).numpy() for part in (capture.scores.double(), capture.same_block))
    useful = block.any(1) & ~block.all(1)
    return Rows(f"{layers} trained layers, {tokens} tokens", scores[useful], block[useful])


def random_rows(count: int = 65536, n: int = 64, g: int = 8, gap: float = 4.0) -> Rows:
    """Normal scores with the block raised by a gap."""
    scores = np.random.default_rng(0).standard_normal((count, n))
    scores[:, :g] += gap
    return Rows(f"random, {n} keys", scores, np.broadcast_to(np.arange(n) < g, scores.shape).copy())


def confirm(name: str, rows: Rows, certain: NDArray[np.bool_], sample: int = 64) -> int:
    """Let Arb judge a sample of the decided rows; ValueError when one does not hold, or none was decided."""
    chosen = np.random.default_rng(1).permutation(np.flatnonzero(certain))[:sample]
    if not len(chosen):
        raise ValueError(f"{name}: the screen decided none of the rows of {rows.origin}. Not timed.")
    for row in rows.some(chosen):
        if judge(theorem_named(name), row_case(row)).verdict is not HOLDS:
            raise ValueError(f"{name}: the screen confirmed {row.origin}, and Arb does not. Not timed.")
    return len(chosen)


def measure(
    rounds: int,
    tell: Tell = quiet,
    sources: tuple[Callable[[], Rows], ...] = (trained_rows, random_rows),
    few: int = 150,
    sets: dict[str, tuple[str, ...]] = SETS,
) -> dict[str, Any]:
    """Rows a second of every way, on every kind of row, for single statements and for all of them in one pass."""
    found = []
    for source in sources:
        rows = source()
        for name, statements in sets.items():
            found += _set(name, [theorem_named(one) for one in statements], rows, rounds, few, tell)
    return {"target": TARGET, "rows": found}


def _set(name: str, theorems: list[Theorem], rows: Rows, rounds: int, few: int, tell: Tell) -> list[dict[str, Any]]:
    found = screen(rows.scores, rows.block)
    decided = {theorem.name: found.decide(theorem) for theorem in theorems}
    confirmed = sum(confirm(one, rows, decision.certain) for one, decision in decided.items())
    inside = np.flatnonzero(~np.logical_or.reduce([decision.outside for decision in decided.values()]))
    singles = rows.some(np.random.default_rng(2).permutation(inside)[:few])

    def arb(chosen: list[Row], only: list[Theorem]) -> None:
        for row in chosen:
            case = row_case(row)
            for theorem in only:
                if judge(theorem, case).verdict not in (HOLDS, OUT_OF_DOMAIN):
                    raise ValueError(f"{theorem.name} does not hold on {row.origin}. Not timed.")

    def fast() -> list[Decided]:
        enclosed = screen(rows.scores, rows.block)
        return [enclosed.decide(theorem) for theorem in theorems]

    def whole() -> None:
        decisions, every = fast(), np.ones_like(rows.block)
        left = for_arb(decisions, two_levels(rows.scores, rows.block, every), np.random.default_rng(3), SAMPLE)
        for theorem, (ties, sample) in zip(theorems, left, strict=True):
            arb(rows.some([*ties, *sample]), [theorem])

    def by_numpy() -> None:
        with patch.object(kernel, "library", lambda: None):
            fast()

    count = int(rows.scores.shape[0])
    ways: dict[str, tuple[int, Call]] = {
        BASE: (len(singles), partial(arb, singles, theorems)),
        "screen, NumPy": (count, by_numpy),
    }
    if kernel.library() is not None:
        ways[FAST] = (count, fast)
    ways["screen, then Arb for the rest"] = (count, whole)
    calls = {way: call for way, (_, call) in ways.items()}
    timings = interleaved(calls, rounds, lambda what, done, total: tell(f"{name}, {rows.origin}: {what}", done, total))
    each = {way: [seconds / ways[way][0] for seconds in timing.seconds] for way, timing in timings.items()}
    # of the rows in the domain of a statement
    share = sum(int(d.certain.sum()) for d in decided.values()) / max(1, sum(int((~d.outside).sum()) for d in decided.values()))
    return [
        {
            "statement": name, "rows": rows.origin, "way": way, "count": ways[way][0],
            "rate": asdict(Spread.of(1 / one for one in seconds)), "ratio": asdict(quotients(each[BASE], seconds)),
            "decided": share, "confirmed": confirmed,
        }
        for way, seconds in each.items()
    ]  # fmt: skip


__all__ = ["BASE", "FAST", "TARGET", "Rows", "confirm", "measure", "random_rows", "trained_rows"]
