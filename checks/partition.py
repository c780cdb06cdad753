"""Attacks on `theory.partition`: similarities that move, every partition of small sets, forms and tokens that move, trained layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from flint import fmpq
from hypothesis import strategies as st

from checks.claims import Case
from checks.layer import attend
from checks.partition_cases import (
    Moved,
    Tokens,
    all_partitions,
    cases_of_growth,
    cases_of_moved,
    cases_of_moves,
    cases_of_renewals,
    cases_of_scores,
    cases_of_tokens,
    matrix,
    numbered,
    random_labels,
    scores,
    single_linkage,
)
from checks.partition_extremal import extremal_cases, planted, pushed
from checks.partition_linkage import components, other_partition, spanning_tree
from checks.partition_training import train_on_text
from checks.properties import Emission, FamilyChecks, Options, Trained, holds_for
from checks.rows import random_rows
from checks.strategies import SEEDS, RowBatch, row_batches
from checks.trained import FleetConfig, captured_rows, fleet_configs, train_fleet
from theory import partition_drift as drift
from theory import partition_optimal as optimal
from theory import partition_recovery as recovery
from theory import partition_refine as refine
from theory.partition import THEOREMS
from theory.theorem import Theorem

OF_TOKENS: tuple[Theorem, ...] = (
    recovery.recovery_inside, recovery.recovery_across, recovery.recovery_complete, recovery.gap_survives, recovery.margin_survives,
    recovery.midpoint, optimal.unique_cut, optimal.single_linkage, optimal.only_gap,
)  # fmt: skip
OF_MOVED: tuple[Theorem, ...] = (
    drift.drift, drift.form_only, drift.budget, drift.radius, drift.gap_after_steps, drift.certified_steps,
)  # fmt: skip
OF_ROWS: tuple[Theorem, ...] = (refine.refinement_exact, refine.refinement)
SAMPLED = 4  # layers of a fleet that are certified in rationals; the others are trained alike


def symmetric(rng: np.random.Generator, size: int, grid: bool, dtype: str) -> np.ndarray:
    """Symmetric similarities: whole sixteenths, which tie often, or normal floats."""
    draw = rng.integers(-16, 17, (size, size)) / 16 if grid else rng.standard_normal((size, size)).astype(dtype).astype(float)
    return np.triu(draw, 1) + np.triu(draw, 1).T


def _seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def seeds() -> st.SearchStrategy[int]:
    """One seed an example."""
    return SEEDS


@holds_for(*OF_TOKENS, given=seeds, examples=12)
def random_similarities(seed: int, options: Options) -> Iterator[Emission]:
    """Random similarities, moved at random; single linkage and random partitions, against random others."""
    rng = _seeded(seed)
    for index in range(40):
        size, grid = int(rng.integers(3, 9)), bool(rng.random() < 0.5)
        before = symmetric(rng, size, grid, "float32")
        exact = matrix(before.tolist())
        after = matrix((before + symmetric(rng, size, grid, "float32") * rng.choice((0.0, 2.0**-6, 0.25))).tolist())
        blocks = int(rng.integers(2, size))
        for labels in (single_linkage(exact, blocks), random_labels(rng, size)):
            yield from cases_of_tokens(
                Tokens(exact, after, labels, random_labels(rng, size), f"random similarities {index} of seed {seed}")
            )


@holds_for(*OF_TOKENS, given=seeds, examples=8)
def planted_blocks(seed: int, options: Options) -> Iterator[Emission]:
    """Planted blocks with the worst move, and moves a little short of it: the edge of recovery from both sides."""
    rng = _seeded(seed)
    for index in range(40):
        sizes = (*(int(x) for x in rng.integers(1, 4, int(rng.integers(2, 4)))), 2)
        across = fmpq(int(rng.integers(-64, 64)), 16)
        gap = fmpq(int(rng.integers(1, 64)), 16)
        similarity, labels = planted(sizes, across + gap, across)
        move = gap * fmpq(int(rng.integers(0, 33)), 64)  # up to half of the gap, which is where blocks may be lost
        after = pushed(similarity, labels, move)
        other = numbered(rng.permutation(np.array(labels)).tolist())
        yield from cases_of_tokens(Tokens(similarity, after, labels, other, f"planted blocks {index} of seed {seed}"))


@holds_for(optimal.unique_cut, optimal.single_linkage, optimal.only_gap, given=seeds, examples=4)
def every_partition(seed: int, options: Options) -> Iterator[Emission]:
    """Single linkage of a small set against every partition of it, by brute force."""
    rng = _seeded(seed)
    for index in range(3):
        size = int(rng.integers(4, 6))
        exact = matrix(symmetric(rng, size, index != 1, "float32").tolist())
        for blocks in range(2, size):
            labels = single_linkage(exact, blocks)
            for other in all_partitions(size):
                for theorem, case in cases_of_tokens(
                    Tokens(exact, exact, labels, other, f"brute force {index} of seed {seed}")
                ):
                    if theorem in OF_TOKENS[-3:]:
                        yield theorem, case


@holds_for(*OF_MOVED, given=seeds, examples=12)
def moved_forms(seed: int, options: Options) -> Iterator[Emission]:
    """Random tokens near the axes and random forms; small random steps of the form, tokens that stay or move."""
    rng = _seeded(seed)
    for index in range(40):
        width, blocks = int(rng.integers(2, 5)), int(rng.integers(2, 4))
        labels = tuple(int(x) % blocks for x in range(2 * blocks))
        tokens = np.stack([np.eye(width)[label % width] * (1 + label // width) for label in labels])
        tokens = (tokens + 0.1 * rng.standard_normal(tokens.shape)).astype("float32").astype(float)
        scale = float(rng.choice((2.0**-10, 2.0**-6, 0.25)))
        forms = [np.eye(width) + 0.05 * _even(rng, width)]
        for _ in range(int(rng.integers(0, 4))):
            forms.append(forms[-1] + scale * _even(rng, width))
        moves = rng.standard_normal(tokens.shape) * scale * (index % 2)
        after = (tokens + moves).astype("float32").astype(float)
        yield from cases_of_moved(
            Moved(
                tuple(matrix(form.astype("float32").astype(float).tolist()) for form in forms),
                matrix(tokens.tolist()), matrix(after.tolist()), fmpq(int(rng.integers(1, 9)), 4), labels,
                f"moved forms {index} of seed {seed}",
            )
        )  # fmt: skip


def _even(rng: np.random.Generator, width: int) -> np.ndarray:
    draw = rng.standard_normal((width, width)).astype("float32").astype(float)
    return np.asarray((draw + draw.T) / 2)


@holds_for(refine.attention, given=seeds, examples=4)
def moved_scores(seed: int, options: Options) -> Iterator[Emission]:
    """Score matrices of planted blocks, not symmetric, moved at random or as far as they go: every row."""
    rng = _seeded(seed)
    for index in range(20):
        labels = random_labels(rng, int(rng.integers(3, 9)))
        same = np.array(labels)[:, None] == np.array(labels)[None, :]
        scale = float(rng.choice((0.0, 0.1, 2.0)))
        before = same * float(rng.normal(3, 3)) + scale * rng.standard_normal(same.shape)
        move = float(rng.choice((0.0, 2.0**-4, 1.5)))
        change = np.where(same, -move, move) if index % 2 else move * rng.uniform(-1, 1, same.shape)
        moved = (before + change).astype("float32").astype(float)
        yield from cases_of_scores(matrix(before.tolist()), matrix(moved.tolist()), labels, f"scores {index} of seed {seed}")


@holds_for(*OF_ROWS, given=row_batches, examples=3)
def growing_blocks(batch: RowBatch, options: Options) -> Iterator[Emission]:
    """Random rows; the block, and a block that holds it."""
    rng = batch.rng
    for index, row in enumerate(random_rows(batch)):
        if index == 200:
            return
        take = rng.random(batch.n) < rng.random()
        grown = tuple(bool(flag or take[i]) for i, flag in enumerate(row.block))
        if not all(grown):
            yield from cases_of_growth(row, grown)


@holds_for(refine.moves_end, drift.repartitions, given=seeds, examples=3)
def runs(seed: int, options: Options) -> Iterator[Emission]:
    """Random runs of splits and merges, and of renewals of a certificate."""
    rng = _seeded(seed)
    for index in range(200):
        gain = fmpq(int(rng.integers(1, 64)), 16)
        drops = [gain + fmpq(int(x), 64) * int(index % 3 != 0) for x in rng.integers(0, 64, int(rng.integers(0, 12)))]
        potentials = [fmpq(int(rng.integers(-64, 64)), 4)]
        for drop in drops:
            potentials.append(potentials[-1] - drop)
        floor = potentials[-1] - fmpq(int(rng.integers(0, 8)), 8)
        yield from cases_of_moves(potentials, gain, floor, f"moves {index} of seed {seed}")
        reach, gap, tau = (fmpq(int(x), 8) for x in rng.integers(1, 32, 3))
        least = gap * tau / (2 * reach**2)
        stretches = [least + fmpq(int(x), 16) * int(index % 3 != 0) for x in rng.integers(0, 64, int(rng.integers(0, 9)))]
        rest = fmpq(int(rng.integers(0, 4)), 4)
        yield from cases_of_renewals(stretches, rest, reach, gap, tau, f"renewals {index} of seed {seed}")


@holds_for(*OF_TOKENS, drift.drift, drift.form_only, refine.attention, *OF_ROWS, given=fleet_configs, examples=4, text=True)
def trained_layers(config: FleetConfig, options: Options) -> Iterator[Emission]:
    """Layers before and after training, four of each fleet certified: content similarity of the tokens of a sequence, the layer's own
    blocks and single linkage, scores of every row at the dial, and every row with a block that grows.
    """
    fleet = train_fleet(config, options)
    yield fleet.trained
    layers = min(SAMPLED, fleet.parameters.layers)
    rng = _seeded(config.seed)
    first, last = fleet.run.initial.bilinear_form, fleet.parameters.bilinear_form
    shown, at_start = fleet.capture(), attend(fleet.run.initial, fleet.batch, fleet.structure, dial=config.dial)
    for layer in range(layers):
        tokens = matrix(fleet.batch.tokens[layer, 0].double().tolist())
        labels = numbered(fleet.batch.blocks[layer, 0].tolist())
        forms = tuple(matrix((form[layer] + form[layer].mT).double().cpu().tolist()) for form in (first, last))
        origin = f"layer {layer} trained on {fleet.batch.source}, {config}"
        before, after = (scores(form, tokens, fmpq(2)) for form in forms)  # a form was added to its transpose
        others = [random_labels(rng, len(labels)) for _ in range(2)]
        for own, other in (
            (labels, others[0]),
            (single_linkage(before, len(set(labels))), labels),
            (single_linkage(before, 3), others[1]),
        ):
            if 2 <= len(set(own)) < len(own):
                yield from cases_of_tokens(Tokens(before, after, own, other, origin))
        for theorem, case in cases_of_moved(Moved(forms, tokens, tokens, fmpq(2), labels, origin)):
            if theorem in (drift.drift, drift.form_only):
                yield theorem, case
        if not config.causal:  # every token sees every other, so that a row is a row of the whole matrix
            yield from cases_of_scores(
                matrix(at_start.scores[layer, 0].double().cpu().tolist()),
                matrix(shown.scores[layer, 0].double().cpu().tolist()),
                labels,
                origin,
            )
    for index, row in enumerate(captured_rows(shown, f"trained on {fleet.batch.source}, {config}")):
        if index == 100:
            break
        grown = tuple(bool(flag or rng.random() < 0.3) for flag in row.block)
        if not all(grown):
            yield from cases_of_growth(row, grown)


@holds_for(*OF_TOKENS, *OF_MOVED, given=seeds, examples=3, text=True)
def embeddings_in_training(seed: int, options: Options) -> Iterator[Emission]:
    """A form trained on real text from PPMI embeddings: each state against the certificate of the first, its partition against another
    method's.
    """
    rng = _seeded(seed)
    tokens, width, steps = int(rng.integers(12, 25)), int(rng.integers(3, 7)), int(rng.integers(2, 6))
    rate = float(rng.choice((0.001, 0.02, 0.5)))
    _, states = train_on_text(
        path=options.text, tokens=tokens, width=width, window=int(rng.integers(2, 6)), steps=steps, rate=rate
    )
    run = [state.similarity for state in states]
    yield Trained(1, "cpu", "float64")
    first = run[0]
    labels = numbered(components(spanning_tree(first), tokens, int(rng.integers(2, tokens - 1))).tolist())
    other = numbered(other_partition(first, len(set(labels)), "average").tolist())
    vectors = matrix(first.vectors.tolist())
    forms = [matrix((form + form.T).tolist()) for form in (state.form for state in run) if form is not None]
    tau = 2 * fmpq(*first.tau.as_integer_ratio())  # a form was added to its transpose
    origin = f"embeddings trained on text, seed {seed}"
    before = scores(forms[0], vectors, tau)
    for form in forms[1:]:
        yield from cases_of_tokens(Tokens(before, scores(form, vectors, tau), labels, other, origin))
    for count in range(2, len(forms) + 1):
        yield from cases_of_moved(Moved(tuple(forms[:count]), vectors, vectors, tau, labels, origin))


def _of(name: str) -> Callable[[], list[Case]]:
    return lambda: extremal_cases(name)


CHECKS = FamilyChecks(
    family="partition",
    theorems=THEOREMS,
    properties=(
        random_similarities,
        planted_blocks,
        every_partition,
        moved_forms,
        moved_scores,
        growing_blocks,
        runs,
        embeddings_in_training,
        trained_layers,
    ),
    extremal={theorem.name: _of(theorem.name) for theorem in THEOREMS},
)  # fmt: skip
