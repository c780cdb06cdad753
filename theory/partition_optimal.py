"""Optimality: among all partitions into at least k blocks, single linkage has the least greatest similarity across blocks.

A spanning tree of a block whose edges are at least sigma links any two of its tokens at sigma. A partition that separates two of them
cuts an edge of the path between them, so it has a similarity of at least sigma across.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.partition_recovery import SOURCE, rel
from theory.steps import Cite, Combine, Manifest
from theory.symbols import (
    block_count,
    block_count_other,
    cross_other,
    cross_sim,
    link_gap,
    link_gap_other,
    link_in,
    link_in_other,
    pairs_apart,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

_zero, _one, _two, _three = (sp.Integer(x) for x in range(4))
_count, _other = sp.Symbol("_count", integer=True, positive=True), sp.Symbol("_other", integer=True, positive=True)
_apart = sp.Symbol("_apart", integer=True, nonnegative=True)

separation = Lemma(
    "separation",
    sp.Le(lemmas.p, lemmas.q, **rel),
    {"as many": sp.Ge(_other, _count, **rel), "differs": sp.Ge(_apart, 1, **rel)},
    attained={lemmas.p: 1, lemmas.q: 1},
    reason="p = least link inside the blocks of a partition P, q = greatest similarity across another one Q with at least as many blocks. "
    "If Q kept every block of P whole it would be coarser, with fewer blocks unless it were P. So Q separates two tokens of a block; the "
    "path that links them at p or more leaves the Q-block of the first at some edge, and that edge is across Q.",
)

AS_MANY = Hypothesis(
    sp.Ge(block_count_other, block_count, **rel),
    "the other partition has at least as many blocks",
    "Compare with partitions into as many blocks; with fewer blocks less is across.",
)
EQUAL = Hypothesis(
    sp.Eq(block_count_other, block_count, **rel), "the other partition has as many blocks", "Compare partitions of equal size."
)
DIFFERS = Hypothesis(
    sp.Ge(pairs_apart, 1, **rel),
    "the other partition is another one",
    "The same partition has the same greatest similarity across.",
)
LINKAGE = Hypothesis(
    sp.Ge(link_in, cross_sim, **rel),
    "what the partition keeps is at least as strong as what it cuts",
    "Cut the weakest edges of a maximum spanning tree: single linkage.",
)
_GIVEN = {"as many": "as many", "differs": "differs"}

unique_cut = Theorem(
    name="partition.unique_cut",
    title="Every other partition cuts something as strong as the weakest link",
    claim=sp.Ge(cross_other, link_in, **rel),
    assumes={"as many": AS_MANY, "differs": DIFFERS},
    steps=(
        Cite(
            "separated", separation,
            {lemmas.p: link_in, lemmas.q: cross_other, _count: block_count, _other: block_count_other, _apart: pairs_apart}, _GIVEN,
        ),
        Combine("claim", sp.Ge(cross_other, link_in, **rel), {"separated": 1}),
    ),
    equality=Equality("the other partition cuts a block at its weakest link and at nothing stronger", {cross_other: link_in}),
    needs={
        "as many": Witness(
            {cross_other: _zero, link_in: _three, block_count: _three, block_count_other: _two, pairs_apart: _one},
            text="similarities ab = 3, cd = 2, others 0: {ab}, {c}, {d} has link 3, and {ab}, {cd} cuts only zeros",
        ),
        "differs": Witness(
            {cross_other: _two, link_in: _three, block_count: _three, block_count_other: _three, pairs_apart: _zero},
            text="{ab}, {c}, {d} itself cuts cd = 2, and its link is 3",
        ),
    },
    source=SOURCE,
)  # fmt: skip

keeps_or_cuts = Lemma(
    "keeps_or_cuts",
    sp.Le(sp.Min(lemmas.p, lemmas.r), lemmas.q, **rel),
    {"as many": sp.Ge(_other, _count, **rel)},
    attained={lemmas.p: 1, lemmas.q: 1, lemmas.r: 1},
    reason="p and q as in `separation`, r = greatest similarity across P: the other partition is P, and q = r, or it is not, and q >= p.",
)

single_linkage = Theorem(
    name="partition.single_linkage",
    title="Single linkage has the least greatest similarity across blocks",
    claim=sp.Ge(cross_other, cross_sim, **rel),
    assumes={"as many": AS_MANY, "linkage": LINKAGE},
    steps=(
        Cite(
            "separated or the same", keeps_or_cuts,
            {lemmas.p: link_in, lemmas.q: cross_other, lemmas.r: cross_sim, _count: block_count, _other: block_count_other},
            {"as many": "as many"},
        ),
        Manifest("either way", sp.Ge(sp.Min(link_in, cross_sim), cross_sim, **rel)),
        Combine("claim", sp.Ge(cross_other, cross_sim, **rel), {"separated or the same": 1, "either way": 1}),
    ),
    equality=Equality("the partition itself, and others where similarities tie", {cross_other: cross_sim}),
    needs={
        "as many": Witness(
            {cross_other: _zero, cross_sim: _two, link_in: _three, block_count: _three, block_count_other: _two},
            text="similarities ab = 3, cd = 2, others 0: {ab}, {c}, {d} cuts 2, and {ab}, {cd} only zeros",
        ),
        "linkage": Witness(
            {cross_other: _zero, cross_sim: _two, link_in: _zero, block_count: _two, block_count_other: _two},
            text="similarities ab = 2, others 0: {ac}, {b} keeps 0 and cuts 2; {ab}, {c} cuts 0",
        ),
    },
    source=SOURCE,
)  # fmt: skip

only_gap = Theorem(
    name="partition.only_gap",
    title="At most one partition into k blocks has a positive linkage gap",
    claim=sp.Le(link_gap_other, -link_gap, **rel),
    assumes={"equal": EQUAL, "differs": DIFFERS},
    definitions={
        "gap is": sp.Eq(link_gap, link_in - cross_sim, **rel),
        "gap of the other is": sp.Eq(link_gap_other, link_in_other - cross_other, **rel),
    },
    steps=(
        Combine("as many", sp.Ge(block_count_other, block_count, **rel), {"equal": 1}),
        Combine("as many back", sp.Ge(block_count, block_count_other, **rel), {"equal": -1}),
        Cite(
            "there", separation,
            {lemmas.p: link_in, lemmas.q: cross_other, _count: block_count, _other: block_count_other, _apart: pairs_apart}, _GIVEN,
        ),
        Cite(
            "back", separation,
            {lemmas.p: link_in_other, lemmas.q: cross_sim, _count: block_count_other, _other: block_count, _apart: pairs_apart},
            {"as many": "as many back", "differs": "differs"},
        ),
        Combine(
            "claim", sp.Le(link_gap_other, -link_gap, **rel), {"there": 1, "back": 1, "gap is": -1, "gap of the other is": -1}
        ),
    ),
    equality=Equality(
        "three tokens, similarities ab = 2, bc = 1, ac = 0: {ab}, {c} has gap 1 and {a}, {bc} gap -1", {link_gap_other: -link_gap}
    ),
    needs={
        "equal": Witness(
            {link_gap: _one, link_gap_other: _two, block_count: _three, block_count_other: _two, pairs_apart: _one},
            text="similarities ab = 3, cd = 2, others 0: {ab}, {c}, {d} has gap 1 and {ab}, {cd} gap 2",
        ),
        "differs": Witness(
            {link_gap: _one, link_gap_other: _one, block_count: _three, block_count_other: _three, pairs_apart: _zero},
            text="the same partition has the same gap",
        ),
    },
    source=SOURCE,
)  # fmt: skip

AVERAGE_CUTS, SINGLE_CUTS = sp.Rational(9, 10), sp.Rational(8, 10)
average_linkage = Theorem(
    name="partition.average_linkage",
    title="Average linkage can cut more: a chain a - b - c - d of similarities 1, 9/10, 1, and e at 8/10 to d only",
    claim=sp.Gt(AVERAGE_CUTS, SINGLE_CUTS, **rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(AVERAGE_CUTS, SINGLE_CUTS, **rel)),),
    equality=Equality("a counterexample: into two blocks, average linkage cuts the edge 9/10, single linkage the edge 8/10"),
    source=f"{SOURCE}: other linkages are not optimal for the greatest similarity across",
    kind="counterexample",
)

OPTIMAL: tuple[Theorem, ...] = (unique_cut, single_linkage, only_gap, average_linkage)
