"""Recovery and stability: a cut inside the linkage gap finds the blocks, and goes on finding them while similarities move.

Tokens are joined when their similarity is at least kappa; the components of that graph are the blocks found. Two tokens are in one
component exactly when their link is at least kappa, so least link inside and greatest similarity across say all there is to say.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.partition_formulas import partition_cut, partition_gap_after
from theory.steps import Cite, Combine, Manifest
from theory.symbols import (
    cross_ceiling,
    cross_sim,
    cross_sim_2,
    cut_level,
    link_floor,
    link_gap,
    link_gap_2,
    link_in,
    link_in_2,
    low_sim,
    low_sim_2,
    move_bound,
    moved_sim,
    pair_margin,
    pair_margin_2,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

rel = {"evaluate": False}
SOURCE = "2511.18375: adaptive semantic block partitioning"
_half, _one, _two, _zero = sp.Rational(1, 2), sp.Integer(1), sp.Integer(2), sp.Integer(0)

extremes_move = Lemma(
    "extremes_move",
    sp.Le(lemmas.p, lemmas.q + lemmas.u, **rel),
    attained={lemmas.p: 1, lemmas.q: 0, lemmas.u: 1},
    reason="p and q are one expression in minima and maxima (least link, least or greatest similarity) of similarities before and after "
    "each moved by at most u: minima and maxima keep order and commute with adding u. It holds with p and q exchanged as well.",
)

NEAR = Hypothesis(
    sp.Le(moved_sim, move_bound, **rel),
    "no similarity has moved by more than eta_S",
    "Measure the greatest change of a similarity, and claim that.",
)
LINKED = Hypothesis(
    sp.Ge(link_in, link_floor, **rel),
    "any two tokens of a block are linked by a path of similarities of at least th_hi",
    "Claim the weakest edge of a spanning tree of a block, or split the block there.",
)
PAIRED = Hypothesis(
    sp.Ge(low_sim, link_floor, **rel),
    "any two tokens of a block have a similarity of at least th_hi",
    "Claim the least similarity inside a block; for chains of tokens use the link (`partition.recovery_inside`).",
)
APART = Hypothesis(
    sp.Le(cross_sim, cross_ceiling, **rel),
    "tokens of different blocks have a similarity of at most th_lo",
    "Claim the greatest similarity across blocks, or merge the two blocks.",
)
BELOW = Hypothesis(
    sp.Le(cut_level, link_floor - move_bound, **rel),
    "the cut is at most th_hi - eta_S",
    "Lower the cut, for example to the midpoint.",
)
ABOVE = Hypothesis(
    sp.Gt(cut_level, cross_ceiling + move_bound, **rel),
    "the cut is above th_lo + eta_S",
    "Raise the cut, for example to the midpoint.",
)


def moved(name: str, before: sp.Symbol, after: sp.Symbol) -> Cite:
    """The fact before <= after + greatest change."""
    return Cite(name, extremes_move, {lemmas.p: before, lemmas.q: after, lemmas.u: moved_sim})


recovery_inside = Theorem(
    name="partition.recovery_inside",
    title="Each block is inside one component of the cut",
    claim=sp.Ge(link_in_2, cut_level, **rel),
    assumes={"linked": LINKED, "near": NEAR, "below": BELOW},
    steps=(
        moved("moved", link_in, link_in_2),
        Combine("claim", sp.Ge(link_in_2, cut_level, **rel), {"moved": 1, "near": 1, "linked": 1, "below": 1}),
    ),
    equality=Equality(
        "the weakest link has strength th_hi, loses eta_S, and the cut is as high as allowed",
        {link_in_2: link_floor - move_bound, cut_level: link_floor - move_bound},
    ),
    needs={
        "linked": Witness(
            {link_in: _zero, link_in_2: _zero, link_floor: _one, moved_sim: _zero, move_bound: _zero, cut_level: _one},
            text="two tokens of similarity 0 in one block, cut 1: two components",
        ),
        "near": Witness(
            {link_in: _one, link_in_2: _zero, link_floor: _one, moved_sim: _one, move_bound: _zero, cut_level: _one},
            text="the similarity of the only two tokens falls from 1 to 0",
        ),
        "below": Witness(
            {link_in: _one, link_in_2: _one, link_floor: _one, moved_sim: _zero, move_bound: _zero, cut_level: _two},
            text="two tokens of similarity 1, cut 2",
        ),
    },
    source=SOURCE,
)

recovery_across = Theorem(
    name="partition.recovery_across",
    title="No component of the cut reaches into two blocks",
    claim=sp.Lt(cross_sim_2, cut_level, **rel),
    assumes={"apart": APART, "near": NEAR, "above": ABOVE},
    steps=(
        moved("moved", cross_sim_2, cross_sim),
        Combine("claim", sp.Lt(cross_sim_2, cut_level, **rel), {"moved": 1, "near": 1, "apart": 1, "above": 1}),
    ),
    equality=Equality(
        "not attained: the cut is above; at th_lo + eta_S itself two blocks may merge (`partition.merge_at_half`)"
    ),
    needs={
        "apart": Witness(
            {cross_sim: _two, cross_sim_2: _two, cross_ceiling: _zero, moved_sim: _zero, move_bound: _zero, cut_level: _one},
            text="two blocks of one token each, similarity 2, cut 1: one component",
        ),
        "near": Witness(
            {cross_sim: _zero, cross_sim_2: _one, cross_ceiling: _zero, moved_sim: _one, move_bound: _zero, cut_level: _one},
            text="the similarity of two tokens rises from 0 to 1, cut 1",
        ),
        "above": Witness(
            {cross_sim: _zero, cross_sim_2: _one, cross_ceiling: _zero, moved_sim: _one, move_bound: _one, cut_level: _one},
            text="the cut is th_lo + eta_S exactly, and a similarity across has risen to it",
        ),
    },
    source=SOURCE,
)

recovery_complete = Theorem(
    name="partition.recovery_complete",
    title="With a margin of pairs, every two tokens of a block are joined directly",
    claim=sp.Ge(low_sim_2, cut_level, **rel),
    assumes={"paired": PAIRED, "near": NEAR, "below": BELOW},
    steps=(
        moved("moved", low_sim, low_sim_2),
        Combine("claim", sp.Ge(low_sim_2, cut_level, **rel), {"moved": 1, "near": 1, "paired": 1, "below": 1}),
    ),
    equality=Equality(
        "the least similarity is th_hi, falls by eta_S, and the cut is as high as allowed",
        {low_sim_2: link_floor - move_bound, cut_level: link_floor - move_bound},
    ),
    needs={
        "paired": Witness(
            {low_sim: _zero, low_sim_2: _zero, link_floor: _one, moved_sim: _zero, move_bound: _zero, cut_level: _one},
            text="a chain a - b - c of similarities 1, 1 and 0 between its ends: linked, and not joined directly",
        ),
        "near": Witness(
            {low_sim: _one, low_sim_2: _zero, link_floor: _one, moved_sim: _one, move_bound: _zero, cut_level: _one},
            text="the similarity of the only two tokens falls from 1 to 0",
        ),
        "below": Witness(
            {low_sim: _one, low_sim_2: _one, link_floor: _one, moved_sim: _zero, move_bound: _zero, cut_level: _two},
            text="two tokens of similarity 1, cut 2",
        ),
    },
    source=SOURCE,
)

GAPS = {
    "gap is": sp.Eq(link_gap, link_in - cross_sim, **rel),
    "gap after is": sp.Eq(link_gap_2, link_in_2 - cross_sim_2, **rel),
}
MARGINS = {
    "pair margin is": sp.Eq(pair_margin, low_sim - cross_sim, **rel),
    "pair margin after is": sp.Eq(pair_margin_2, low_sim_2 - cross_sim_2, **rel),
}

gap_survives = Theorem(
    name="partition.gap_survives",
    title="A change of eta_S costs at most 2 eta_S of the linkage gap",
    claim=sp.Ge(link_gap_2, partition_gap_after.stated, **rel),
    assumes={"near": NEAR},
    definitions=GAPS,
    steps=(
        moved("inside", link_in, link_in_2),
        moved("across", cross_sim_2, cross_sim),
        Combine(
            "claim", sp.Ge(link_gap_2, partition_gap_after.stated, **rel),
            {"inside": 1, "across": 1, "near": 2, "gap is": -1, "gap after is": 1},
        ),
    ),
    equality=Equality(
        "the weakest link falls by eta_S while the greatest similarity across rises by it", {link_gap_2: link_gap - 2 * move_bound}
    ),
    needs={
        "near": Witness(
            {link_gap: _one, link_gap_2: -_one, moved_sim: _one, move_bound: _half},
            text="blocks {a, b} and {c}, similarities 1 and 0 that become 0 and 1: the gap falls from 1 to -1, below 1 - 2/2",
        )
    },
    source=SOURCE,
)  # fmt: skip

margin_survives = Theorem(
    name="partition.margin_survives",
    title="A change of eta_S costs at most 2 eta_S of the margin of pairs",
    claim=sp.Ge(pair_margin_2, pair_margin - 2 * move_bound, **rel),
    assumes={"near": NEAR},
    definitions=MARGINS,
    steps=(
        moved("inside", low_sim, low_sim_2),
        moved("across", cross_sim_2, cross_sim),
        Combine(
            "claim", sp.Ge(pair_margin_2, pair_margin - 2 * move_bound, **rel),
            {"inside": 1, "across": 1, "near": 2, "pair margin is": -1, "pair margin after is": 1},
        ),
    ),
    equality=Equality(
        "the least similarity inside falls by eta_S while the greatest across rises by it",
        {pair_margin_2: pair_margin - 2 * move_bound},
    ),
    needs={
        "near": Witness(
            {pair_margin: _one, pair_margin_2: -_one, moved_sim: _one, move_bound: _half},
            text="blocks {a, b} and {c}, similarities 1 and 0 that become 0 and 1: the margin falls from 1 to -1, below 1 - 2/2",
        )
    },
    source=SOURCE,
)  # fmt: skip

_off = sp.Max(partition_cut.stated - link_in_2, cross_sim_2 - partition_cut.stated)
midpoint = Theorem(
    name="partition.midpoint",
    title="The cut at the midpoint survives every change below half of the gap",
    claim=sp.Le(_off, move_bound - (link_floor - cross_ceiling) / 2, **rel),
    assumes={"linked": LINKED, "apart": APART, "near": NEAR},
    steps=(
        moved("inside", link_in, link_in_2),
        moved("across", cross_sim_2, cross_sim),
        Combine(
            "link", sp.Le(partition_cut.stated - link_in_2, move_bound - (link_floor - cross_ceiling) / 2, **rel),
            {"inside": 1, "near": 1, "linked": 1},
        ),
        Combine(
            "cross", sp.Le(cross_sim_2 - partition_cut.stated, move_bound - (link_floor - cross_ceiling) / 2, **rel),
            {"across": 1, "near": 1, "apart": 1},
        ),
        Manifest("claim", sp.Le(_off, move_bound - (link_floor - cross_ceiling) / 2, **rel)),
    ),
    equality=Equality(
        "one of the two has moved by eta_S towards the cut", {link_in_2: link_floor - move_bound, cross_sim_2: cross_ceiling}
    ),
    needs={
        "linked": Witness(
            {link_in: _zero, link_in_2: _zero, cross_sim: _zero, cross_sim_2: _zero, link_floor: _two, cross_ceiling: _zero,
             moved_sim: _zero, move_bound: _zero},
            text="all similarities 0, claimed floor 2: the cut at 1 joins nothing",
        ),
        "apart": Witness(
            {link_in: _two, link_in_2: _two, cross_sim: _two, cross_sim_2: _two, link_floor: _two, cross_ceiling: _zero,
             moved_sim: _zero, move_bound: _zero},
            text="all similarities 2, claimed ceiling 0: the cut at 1 joins all",
        ),
        "near": Witness(
            {link_in: _two, link_in_2: _zero, cross_sim: _zero, cross_sim_2: _zero, link_floor: _two, cross_ceiling: _zero,
             moved_sim: _two, move_bound: _zero},
            text="the similarity inside falls from 2 to 0",
        ),
    },
    source=SOURCE,
)  # fmt: skip

merge_at_half = Theorem(
    name="partition.merge_at_half",
    title="At 2 eta_S = gap the blocks can be lost: similarity 1 in {a, b}, 0 to c, each moved by 1/2",
    claim=sp.Ge(_zero + _half, _one - _half, **rel),
    assumes={},
    steps=(Manifest("claim", sp.Ge(_zero + _half, _one - _half, **rel)),),
    equality=Equality("a counterexample: all three similarities are 1/2 then, so every cut joins all three tokens or none"),
    source=f"{SOURCE}: why 2 eta_S < gap",
    kind="counterexample",
)

RECOVERY: tuple[Theorem, ...] = (
    recovery_inside, recovery_across, recovery_complete, gap_survives, margin_survives, midpoint, merge_at_half,
)  # fmt: skip
