"""What changes when blocks are merged, split or given to attention: outside mass, margin, the number of accepted moves."""

from __future__ import annotations

import sympy as sp

from theory.concentration import BLOCK, ROW_MARGIN, E, outside_mass
from theory.partition_recovery import MARGINS, NEAR, SOURCE, margin_survives, rel
from theory.steps import Cite, Combine, Induction, Manifest
from theory.symbols import (
    cross_sim_2,
    eps,
    eps_coarse,
    g,
    k_step,
    low_in,
    low_sim_2,
    margin,
    mass_gained,
    move_bound,
    move_drop,
    move_gain,
    moved_sim,
    moves,
    n,
    pair_margin,
    potential_at,
    potential_floor,
    potential_start,
    t,
    top_out,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_half, _one, _two, _zero = sp.Rational(1, 2), sp.Integer(1), sp.Integer(2), sp.Integer(0)
_third, _two_thirds = sp.Rational(1, 3), sp.Rational(2, 3)
# Sums of e^score over the block, over the keys that a coarser block adds, and over the rest.
sum_block, sum_rest = sp.symbols("sum_block sum_rest", positive=True)
sum_added = sp.Symbol("sum_added", nonnegative=True)
_total = sum_block + sum_added + sum_rest

COARSER = {
    "eps is": sp.Eq(eps, (sum_added + sum_rest) / _total, **rel),
    "gained is": sp.Eq(mass_gained, sum_added / _total, **rel),
    "coarse is": sp.Eq(eps_coarse, sum_rest / _total, **rel),
}

refinement_exact = Theorem(
    name="partition.refinement_exact",
    title="A coarser block loses exactly the mass that it takes in",
    claim=sp.Eq(eps_coarse, eps - mass_gained, **rel),
    assumes={},
    definitions=COARSER,
    steps=(Combine("claim", sp.Eq(eps_coarse, eps - mass_gained, **rel), {"coarse is": 1, "eps is": -1, "gained is": 1}),),
    equality=Equality("an identity"),
    source=SOURCE,
    kind="identity",
)

refinement = Theorem(
    name="partition.refinement",
    title="Outside mass falls when the block grows",
    claim=sp.Le(eps_coarse, eps, **rel),
    assumes={
        "holds": Hypothesis(
            sp.Ge(mass_gained, 0, **rel),
            "the coarser block holds the block: the mass it takes in is that of the keys added",
            "Compare a block with one that holds it; for two overlapping blocks neither has less outside.",
        )
    },
    definitions=COARSER,
    steps=(
        Cite("exact", refinement_exact, {}),
        Combine("claim", sp.Le(eps_coarse, eps, **rel), {"exact": -1, "holds": 1}),
    ),
    equality=Equality("the coarser block is the block itself", {eps_coarse: eps}),
    needs={
        "holds": Witness(
            {eps: _half, eps_coarse: _two_thirds, mass_gained: -sp.Rational(1, 6)},
            text="weights 1/2, 1/3, 1/6: the block {1} leaves 1/2 outside, {2} leaves 2/3; mass is lost, not taken in",
        )
    },
    uses=(refinement_exact,),
    source=SOURCE,
)

_FINE_3, _COARSE_3 = _two - _one, _zero - _one  # scores (2, 1, 0): margin of {1}; with key 3 taken in, of {1, 3}
margin_falls = Theorem(
    name="partition.margin_falls",
    title="The margin may fall when the block grows: scores (2, 1, 0), block {1}, then {1, 3}",
    claim=sp.Lt(_COARSE_3, _FINE_3, **rel),
    assumes={},
    steps=(Manifest("claim", sp.Lt(_COARSE_3, _FINE_3, **rel)),),
    equality=Equality("a counterexample: margin 1 becomes -1, though less mass is outside"),
    source=f"{SOURCE}: the margin is not monotone in the partition",
    kind="counterexample",
)
_FINE_2, _COARSE_2 = sp.Integer(10) - 5, sp.Integer(5) + 1  # scores (10, 5, -1): margin of {1}, and of {1, 2}
margin_rises = Theorem(
    name="partition.margin_rises",
    title="The margin may rise when the block grows: scores (10, 5, -1), block {1}, then {1, 2}",
    claim=sp.Gt(_COARSE_2, _FINE_2, **rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(_COARSE_2, _FINE_2, **rel)),),
    equality=Equality("a counterexample: margin 5 becomes 6"),
    source=f"{SOURCE}: the margin is not monotone in the partition",
    kind="counterexample",
)

attention = Theorem(
    name="partition.attention",
    title="Outside mass of every row after the scores have moved",
    claim=sp.Le(eps, E.subs(t, t - 2 * move_bound), **rel),
    assumes={
        "block": BLOCK,
        "near": NEAR,
        "margin": Hypothesis(
            sp.Ge(pair_margin, t, **rel),
            "scores of two tokens of one block beat those of two blocks by t, before the move",
            "Claim the certified margin of pairs, a token with itself included.",
        ),
    },
    definitions=dict(ROW_MARGIN) | MARGINS | {
        "row in a block": sp.Ge(low_in, low_sim_2, **rel),
        "row across": sp.Le(top_out, cross_sim_2, **rel),
    },
    steps=(
        Cite("survives", margin_survives, {}, {"near": "near"}),
        Combine(
            "of the row", sp.Ge(margin, t - 2 * move_bound, **rel),
            {"survives": 1, "margin": 1, "pair margin after is": -1, "row in a block": 1, "row across": 1, "margin is": 1},
        ),
        Cite("claim", outside_mass, {t: t - 2 * move_bound}, {"block": "block", "margin": "of the row"}),
    ),
    equality=Equality(
        "a two-level row of gap exactly t - 2 eta_S",
        {eps: (n - g) * sp.exp(2 * move_bound - t) / (g + (n - g) * sp.exp(2 * move_bound - t))},
    ),
    needs={
        "near": Witness(
            {n: _two, g: _one, t: _one, pair_margin: _one, moved_sim: _half, move_bound: _zero, eps: _half},
            text="scores (1, 0) that become (1/2, 1/2): outside mass 1/2, above 0.269",
        ),
        "margin": Witness(
            {n: _two, g: _one, t: _one, pair_margin: _zero, moved_sim: _zero, move_bound: _zero, eps: _half},
            text="two equal scores, nothing moves: outside mass 1/2, above 0.269",
        ),
    },
    free={"block": "g = n leaves no outside mass to bound and g = 0 no block"},
    uses=(margin_survives, outside_mass),
    source="2510.09338: attention concentrates on semantic blocks; 2511.18375: adaptive partitioning",
)  # fmt: skip

DECREASE = Hypothesis(
    sp.Ge(move_drop, move_gain, **rel),
    "every accepted split or merge lowers the potential by gamma_P",
    "Refuse a move that lowers it by less; moves that do not lower it can undo each other for ever.",
)
moves_end = Theorem(
    name="partition.moves",
    title="Splits and merges come to an end",
    claim=sp.Le(moves, (potential_start - potential_floor) / move_gain, **rel),
    assumes={"decrease": DECREASE},
    definitions={
        "start is": sp.Eq(potential_at[0], potential_start, **rel),
        "move lowers": sp.Le(potential_at[k_step + 1], potential_at[k_step] - move_drop, **rel),
        "floor": sp.Ge(potential_at[moves], potential_floor, **rel),
    },
    steps=(
        Induction(
            "so far", sp.Le(potential_at[k_step], potential_start - k_step * move_gain, **rel),
            (Combine("at first", sp.Le(potential_at[0], potential_start, **rel), {"start is": -1}),),
            (
                Combine(
                    "one more", sp.Le(potential_at[k_step + 1], potential_start - (k_step + 1) * move_gain, **rel),
                    {"so far.at": 1, "move lowers": 1, "decrease": 1},
                ),
            ),
            moves,
        ),
        Combine(
            "claim", sp.Le(moves, (potential_start - potential_floor) / move_gain, **rel),
            {"so far": 1 / move_gain, "floor": 1 / move_gain},
        ),
    ),
    equality=Equality(
        "every move lowers the potential by exactly gamma_P, down to its floor", {moves: (potential_start - potential_floor) / move_gain}
    ),
    needs={
        "decrease": Witness(
            {moves: _two, potential_start: _zero, potential_floor: _zero, move_drop: _zero, move_gain: _one},
            text="a split and the merge that undoes it, at no gain: two moves and then for ever, where none is allowed",
        )
    },
    source="2511.18375: adaptive partitioning; 2510.17358: splits and merges by a criterion",
)  # fmt: skip

REFINE: tuple[Theorem, ...] = (refinement_exact, refinement, margin_falls, margin_rises, attention, moves_end)
