"""The partition family's own: cuts and linkage on real similarities, argued lemmas sampled, bad input."""

from __future__ import annotations

import random

import numpy as np
import pytest
import sympy as sp
from flint import fmpq
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from checks.claims import Case, judge
from checks.enclosure import Row, observe
from checks.partition import symmetric
from checks.partition_cases import (
    Tokens,
    all_partitions,
    apart,
    cases_of_scores,
    cases_of_tokens,
    links,
    matrix,
    numbered,
    root_above,
    scores,
    single_linkage,
    strengths,
)
from checks.partition_extremal import CHAIN, TWO_PAIRS, planted, pushed
from checks.verdict import HOLDS, OUT_OF_DOMAIN, UNDECIDED
from theory import lemmas as lem
from theory import partition_optimal as optimal
from theory import partition_recovery as recovery
from theory import partition_refine as refine
from theory import symbols as sym
from theory.replay import truth

# --- the objects ------------------------------------------------------------------------------------------------------------------


def graph_components(similarity, level):
    """Components of the graph of similarities of at least `level`, by flooding: nothing of the code under test."""
    labels = [-1] * len(similarity)
    for start in range(len(similarity)):
        if labels[start] < 0:
            labels[start], pending = start, [start]
            while pending:
                here = pending.pop()
                for other in range(len(similarity)):
                    if other != here and labels[other] < 0 and similarity[here][other] >= level:
                        labels[other] = start
                        pending.append(other)
    return numbered(labels)


def test_links_say_which_tokens_a_cut_joins():
    rng = np.random.default_rng(0)
    for index in range(30):
        similarity = matrix(symmetric(rng, 7, index % 2 == 0, "float32").tolist())
        joined = links(similarity)
        for level in {x for row in similarity for x in row}:
            found = graph_components(similarity, level)
            assert all((found[i] == found[j]) == (joined[i][j] >= level) for i in range(7) for j in range(i))


def test_below_half_of_the_gap_the_cut_finds_the_blocks_and_at_half_it_does_not():
    similarity, labels = planted((2, 3, 1), fmpq(3), fmpq(1))
    for move in (fmpq(0), fmpq(1, 2), 1 - fmpq(1, 2**40)):
        assert graph_components(pushed(similarity, labels, move), fmpq(2)) == labels
    merged = pushed(similarity, labels, fmpq(1))
    assert all(graph_components(merged, fmpq(level)) != labels for level in range(-2, 5))


def test_single_linkage_is_scipys_and_is_optimal_by_brute_force():
    rng = np.random.default_rng(1)
    for _ in range(4):
        floats = symmetric(rng, 6, False, "float64")
        exact = matrix(floats.tolist())
        distances = squareform(floats.max() - floats + np.where(np.eye(6, dtype=bool), floats - floats.max(), 0), checks=False)
        for blocks in range(2, 6):
            mine = single_linkage(exact, blocks)
            assert numbered(fcluster(linkage(distances, "single"), blocks, "maxclust").tolist()) == mine
            best = min(strengths(exact, other).cross for other in all_partitions(6) if len(set(other)) == blocks)
            assert strengths(exact, mine).cross == best


def test_average_linkage_on_the_chain_of_the_counterexample():
    similarity = np.zeros((5, 5))
    for (i, j), value in {(0, 1): 1.0, (1, 2): 0.9, (2, 3): 1.0, (3, 4): 0.8}.items():
        similarity[i, j] = similarity[j, i] = value
    distances = squareform(np.where(np.eye(5, dtype=bool), 0, 1 - similarity))
    cut = {
        method: strengths(
            matrix(similarity.tolist()), numbered(fcluster(linkage(distances, method), 2, "maxclust").tolist())
        ).cross
        for method in ("average", "single")
    }
    assert cut == {"average": fmpq(*(0.9).as_integer_ratio()), "single": fmpq(*(0.8).as_integer_ratio())}


def test_all_partitions_are_counted_by_bell_numbers():
    assert [len(set(all_partitions(size))) for size in range(1, 7)] == [1, 2, 5, 15, 52, 203]
    assert apart((0, 0, 1), (0, 1, 1)) == 2
    assert apart((0, 0, 1), (1, 1, 0)) == 0


def test_norms_are_rounded_up_and_exact_where_rational():
    assert root_above(fmpq(9, 16)) == fmpq(3, 4)
    for p, q in ((2, 1), (1, 3), (10**9 + 7, 2**40)):
        root = root_above(fmpq(p, q))
        assert root**2 > fmpq(p, q)
        assert (root - fmpq(1, 2**60)) ** 2 < fmpq(p, q)


def test_scores_are_the_bilinear_form():
    form, tokens = np.array([[1.5, 0.25], [0.25, -1.0]]), np.array([[1.0, 2.0], [-0.5, 0.75], [3.0, 0.0]])
    assert scores(matrix(form.tolist()), matrix(tokens.tolist()), fmpq(2)) == matrix((tokens @ form @ tokens.T / 2).tolist())


# --- the argued lemmas on random objects --------------------------------------------------------------------------------------------


def _sample(seed):
    rng = np.random.default_rng(seed)
    similarity = matrix(symmetric(rng, 5, True, "float32").tolist())
    moved = matrix(
        (symmetric(np.random.default_rng(seed), 5, True, "float32") + symmetric(rng, 5, True, "float32") / 8).tolist()
    )
    return random.Random(seed), similarity, moved


@pytest.mark.parametrize("kind", ["link", "low", "cross"])
def test_extremes_move_no_further_than_their_numbers(kind):
    tight = 0
    for seed in range(60):
        rng, before, after = _sample(seed)
        labels = rng.choice([p for p in all_partitions(5) if 1 < len(set(p)) < 5])
        move = max(abs(a - b) for x, y in zip(before, after, strict=True) for a, b in zip(x, y, strict=True))
        first, second = getattr(strengths(before, labels), kind), getattr(strengths(after, labels), kind)
        for p, q in ((first, second), (second, first)):
            values = {lem.p: sp.Rational(str(p)), lem.q: sp.Rational(str(q)), lem.u: sp.Rational(str(move))}
            assert truth(recovery.extremes_move.relation, values) is True
            tight += truth(recovery.extremes_move.relation, values | {lem.u: values[lem.u] / 8}) is False
    assert tight > 0  # the samples would see a wrong lemma


def test_another_partition_separates_a_link():
    tight = 0
    for seed in range(30):
        rng, before, _ = _sample(seed)
        first = rng.choice([p for p in all_partitions(5) if 1 < len(set(p)) < 5])
        kept = strengths(before, first)
        for second in all_partitions(5):
            if len(set(second)) >= len(set(first)):
                cut = strengths(before, second).cross
                assert cut >= min(kept.link, kept.cross)
                assert second == first or cut >= kept.link
                tight += second != first and cut == kept.link
    assert tight > 0


# --- bad input, and what must not hold ------------------------------------------------------------------------------------------------


def test_bad_values_decide_nothing():
    similarity, labels = planted((2, 1), fmpq(3), fmpq(2))
    made = cases_of_tokens(Tokens(similarity, similarity, labels, (0, 1, 1), "planted"))
    values = dict(next(case for theorem, case in made if theorem is recovery.gap_survives).values)
    from flint import arb

    assert judge(recovery.gap_survives, Case({**values, sym.link_gap_2: arb("nan")}, "nan")).verdict is UNDECIDED
    assert judge(recovery.gap_survives, Case({**values, sym.moved_sim: fmpq(-1)}, "negative")).verdict is OUT_OF_DOMAIN
    with pytest.raises(KeyError, match="gives no value for gap_S_2"):
        judge(recovery.gap_survives, Case({k: v for k, v in values.items() if k != sym.link_gap_2}, "missing"))


def test_a_partition_that_is_not_single_linkage_is_out_of_the_domain_of_optimality():
    for labels in ((0, 1, 0, 1), (0, 1, 2, 0)):
        found = [
            judge(t, c)
            for t, c in cases_of_tokens(Tokens(TWO_PAIRS, TWO_PAIRS, labels, (0, 0, 1, 1), "crossed"))
            if t is optimal.single_linkage
        ]
        assert [j.verdict for j in found] == [OUT_OF_DOMAIN]


def test_the_chain_has_a_gap_and_no_margin_of_pairs():
    found = strengths(CHAIN, single_linkage(CHAIN, 2))
    assert (found.link, found.cross, found.low) == (fmpq(7, 8), fmpq(3, 4), fmpq(0))


def test_rows_lose_their_margin_with_the_scores():
    before, labels = planted((2, 2), fmpq(2), fmpq(0))
    after = pushed(before, labels, fmpq(1))
    judged = [judge(theorem, case) for theorem, case in cases_of_scores(before, after, labels, "level")]
    assert {(j.verdict, j.certificate) for j in judged} == {(HOLDS, "equality case")}


@pytest.mark.parametrize(("values", "fine", "coarse", "falls"), [
    ((2.0, 1.0, 0.0), (0,), (0, 2), True), ((10.0, 5.0, -1.0), (0,), (0, 1), False),
])  # fmt: skip
def test_the_margin_is_not_monotone_on_the_real_rows(values, fine, coarse, falls):
    first, second = (observe(Row(values, tuple(i in block for i in range(3)))) for block in (fine, coarse))
    assert (second[sym.margin] < first[sym.margin]) is falls
    assert second[sym.eps] < first[sym.eps]
    stated = refine.margin_falls.claim if falls else refine.margin_rises.claim
    assert sorted(map(int, (stated.lhs, stated.rhs))) == sorted(int(x[sym.margin].p) for x in (first, second))
