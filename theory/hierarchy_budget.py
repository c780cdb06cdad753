"""One potential for steps and for moves at two levels: what it can pay for, and where it ends. Statements of the family `hierarchy`.

    sum eta |P|^2/2 + N_b gamma_b + N_L gamma_L <= Phi_0 - Phi_inf + T

An event is a proximal step, an accepted move inside an expert (it lowers Phi by gamma_b at least) or an accepted move of whole experts
(gamma_L). Between events new data raise Phi by T in all. Phi is a potential, not a description length: a group norm is no code
(a penalty sum violates Kraft's inequality), so its moves carry no probability of a false recruitment.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.hierarchy_compose import eq, rel
from theory.hierarchy_formulas import moves_bound, steps_bound
from theory.steps import Cite, Combine, Induction, Manifest
from theory.symbols import (
    block_at,
    block_gain,
    block_moves,
    blocks_at,
    eta,
    event_excess,
    events,
    expert_at,
    expert_gain,
    expert_moves,
    experts_at,
    gain_drift,
    gain_now,
    gain_tested,
    half_at,
    half_total,
    halves_at,
    k_step,
    large_at,
    large_steps,
    larges_at,
    level_nu,
    lift_at,
    lift_bound,
    lift_total,
    lifted_at,
    phi_end,
    phi_floor,
    phi_start,
    potential_h,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

SOURCE = "2510.17358: convergence guarantees at the block level and at the level of whole models"
_zero, _one, _two, _five = (sp.Integer(k) for k in (0, 1, 2, 5))
_next = k_step + 1
_budget = phi_start - phi_floor + lift_bound
_need = half_at[k_step] + block_gain * block_at[k_step] + expert_gain * expert_at[k_step]

RUN: dict[str, Relational] = {
    "start is": eq(potential_h[0], phi_start),
    "event is": sp.Ge(potential_h[k_step] + lift_at[k_step] - potential_h[_next] - _need, event_excess, **rel),
    "no rise": eq(lifted_at[0], 0),
    "rises add": eq(lifted_at[_next], lifted_at[k_step] + lift_at[k_step]),
    "no steps": eq(halves_at[0], 0),
    "steps add": eq(halves_at[_next], halves_at[k_step] + half_at[k_step]),
    "no block": eq(blocks_at[0], 0),
    "blocks add": eq(blocks_at[_next], blocks_at[k_step] + block_at[k_step]),
    "no expert": eq(experts_at[0], 0),
    "experts add": eq(experts_at[_next], experts_at[k_step] + expert_at[k_step]),
    "end is": eq(phi_end, potential_h[events]),
    "rise is": eq(lift_total, lifted_at[events]),
    "halves are": eq(half_total, halves_at[events]),
    "block moves are": eq(block_moves, blocks_at[events]),
    "expert moves are": eq(expert_moves, experts_at[events]),
}
PAID = Hypothesis(
    sp.Ge(event_excess, 0, **rel),
    "every event lowers the potential by what is required of it",
    "Accept only moves that pay, and step by at most 1/L_s on the full batch (`hierarchy.descent_step`).",
)
RISE = Hypothesis(
    sp.Le(lift_total, lift_bound, **rel),
    "new data raise the potential by at most T in all",
    "Measure what each batch of new data adds; without a bound nothing ends.",
)
FLOOR = Hypothesis(
    sp.Ge(phi_end, phi_floor, **rel),
    "the potential is at least Phi_inf",
    "Code lengths, penalties and structure costs are at least 0: claim Phi_inf = 0.",
)
_hypotheses = {"paid": PAID, "rise": RISE, "floor": FLOOR}
_each = {key: key for key in _hypotheses}


def _broken(counts: dict[sp.Symbol, sp.Expr]) -> dict[str, Witness]:
    """For each hypothesis a run of five events that the potential cannot pay for."""
    plain = {phi_start: _one, phi_floor: _zero, lift_bound: _zero, **counts}
    return {
        "paid": Witness(
            plain | {phi_end: _zero, lift_total: _zero, event_excess: -_one},
            text="five events that bring 1/5 nat each where more is required",
        ),
        "rise": Witness(
            plain | {phi_end: _one, lift_total: _five, event_excess: _zero},
            text="new data that give back what each event saved",
        ),
        "floor": Witness(
            plain | {phi_end: -sp.Integer(4), lift_total: _zero, event_excess: _zero},
            text="a potential that falls from 1 to -4",
        ),
    }


_paid = half_total + block_moves * block_gain + expert_moves * expert_gain
_units = {block_gain: _one, expert_gain: _one}
_so_far = halves_at[k_step] + blocks_at[k_step] * block_gain + experts_at[k_step] * expert_gain
_ledger = sp.Le(_so_far, phi_start - potential_h[k_step] + lifted_at[k_step], **rel)
_spent = sp.Le(_paid, _budget, **rel)
budget = Theorem(
    name="hierarchy.budget",
    title="One potential pays for all steps and for the moves of both levels",
    claim=_spent,
    assumes=_hypotheses,
    definitions=RUN,
    steps=(
        Induction(
            "paid so far", _ledger,
            (
                Combine(
                    "nothing yet", sp.Le(_ledger.lhs.subs(k_step, 0), _ledger.rhs.subs(k_step, 0), **rel),
                    {"no steps": -1, "no block": -block_gain, "no expert": -expert_gain, "start is": -1, "no rise": 1},
                ),
            ),
            (
                Combine(
                    "one more", sp.Le(_ledger.lhs.subs(k_step, _next), _ledger.rhs.subs(k_step, _next), **rel),
                    {
                        "paid so far.at": 1, "event is": 1, "paid": 1, "rises add": 1, "steps add": -1, "blocks add": -block_gain,
                        "experts add": -expert_gain,
                    },
                ),
            ),
            events,
        ),
        Combine(
            "claim", _spent,
            {
                "paid so far": 1, "halves are": -1, "block moves are": -block_gain, "expert moves are": -expert_gain, "end is": -1,
                "rise is": 1, "rise": 1, "floor": 1,
            },
        ),
    ),
    equality=Equality(
        "every event brings exactly what is required, T is the rise and Phi_inf the last value",
        {half_total: _budget - block_moves * block_gain - expert_moves * expert_gain},
    ),
    needs=_broken(_units | {half_total: _zero, block_moves: _two, expert_moves: sp.Integer(3)}),
    source=SOURCE,
)  # fmt: skip

_least = sp.Min(block_gain, expert_gain)
_count = sp.Le(block_moves + expert_moves, moves_bound.stated, **rel)
moves = Theorem(
    name="hierarchy.moves",
    title="At most (Phi_0 - Phi_inf + T)/gamma accepted moves, both levels together",
    claim=_count,
    assumes=_hypotheses,
    definitions=RUN,
    steps=(
        Cite("spent", budget, {}, _each),
        Manifest("steps cost", sp.Ge(half_total, 0, **rel)),
        Manifest("block at least", sp.Ge(block_gain - _least, 0, **rel)),
        Manifest("expert at least", sp.Ge(expert_gain - _least, 0, **rel)),
        Combine(
            "claim", _count,
            {
                "spent": 1 / _least, "steps cost": 1 / _least, "block at least": block_moves / _least,
                "expert at least": expert_moves / _least,
            },
        ),
    ),
    equality=Equality(
        "no steps, moves of the cheaper level only, each bringing exactly gamma", {block_moves: moves_bound.stated - expert_moves}
    ),
    needs=_broken(_units | {block_moves: _two, expert_moves: sp.Integer(3)}),
    uses=(budget,),
    source=SOURCE,
)  # fmt: skip

_large = eta * level_nu**2 / 2
_steps = sp.Le(large_steps, steps_bound.stated, **rel)
_counted = sp.Le(larges_at[k_step] * _large, halves_at[k_step], **rel)
steps_with_large_map = Theorem(
    name="hierarchy.steps",
    title="At most 2 (Phi_0 - Phi_inf + T)/(eta nu^2) steps before a nu-stationary state",
    claim=_steps,
    assumes=_hypotheses,
    definitions=RUN
    | {
        "large is": sp.Ge(half_at[k_step], large_at[k_step] * _large, **rel),
        "none large": eq(larges_at[0], 0),
        "larges add": eq(larges_at[_next], larges_at[k_step] + large_at[k_step]),
        "large steps are": eq(large_steps, larges_at[events]),
    },
    steps=(
        Cite("spent", budget, {}, _each),
        Induction(
            "counted so far", _counted,
            (
                Combine(
                    "none yet", sp.Le(_counted.lhs.subs(k_step, 0), halves_at[0], **rel), {"none large": -_large, "no steps": 1}
                ),
            ),
            (
                Combine(
                    "another", sp.Le(_counted.lhs.subs(k_step, _next), halves_at[_next], **rel),
                    {"counted so far.at": 1, "larges add": -_large, "steps add": 1, "large is": 1},
                ),
            ),
            events,
        ),
        Manifest("moves cost", sp.Ge(block_moves * block_gain + expert_moves * expert_gain, 0, **rel)),
        Combine(
            "claim", _steps,
            {
                "spent": 1 / _large, "counted so far": 1 / _large, "moves cost": 1 / _large, "large steps are": -1,
                "halves are": 1 / _large,
            },
        ),
    ),
    equality=Equality("no moves, every step with |P| = nu exactly and a quadratic loss", {large_steps: steps_bound.stated}),
    needs=_broken({eta: _two, level_nu: _one, large_steps: _five}),
    uses=(budget,),
    source=SOURCE,
)  # fmt: skip

_optimum = sp.Lt(gain_now, block_gain, **rel)
local_optimum = Theorem(
    name="hierarchy.local_optimum",
    title="Where recruitment stops, no candidate that was tested in the last state pays gamma",
    claim=_optimum,
    assumes={
        "rejected": Hypothesis(
            sp.Lt(gain_tested, block_gain, **rel), "the candidate was rejected: it would have saved less than gamma",
            "Accept it.",
        ),
        "tested again": Hypothesis(
            sp.Le(gain_drift, 0, **rel),
            "it would not save more in the last state than when tested, as when nothing has changed the state since",
            "Test every candidate of both levels again after the last accepted move, training step and batch of new data.",
        ),
    },
    definitions={"drift is": eq(gain_now, gain_tested + gain_drift)},
    steps=(Combine("claim", _optimum, {"drift is": -1, "rejected": 1, "tested again": 1}),),
    equality=Equality("strict: a candidate that saves exactly gamma is accepted"),
    needs={
        "rejected": Witness(
            {gain_tested: _one, gain_drift: _zero, gain_now: _one, block_gain: _one}, text="a candidate that saves gamma"
        ),
        "tested again": Witness(
            {gain_tested: _zero, gain_drift: _two, gain_now: _two, block_gain: _one},
            text="rejected at a gain of 0, and worth 2 nats after the next move (`hierarchy.stale_test`)",
        ),
    },
    source=SOURCE + "; optimal only with respect to the candidates, and only locally",
)  # fmt: skip

# Potentials on the states 00, 10, 01, 11: neither, the first, the second, both moves made.
STALE = {"00": _two + 1, "10": _two + 1, "01": _two, "11": _zero}
XOR = {"00": _one, "10": _one, "01": _one, "11": _zero}

_stale = sp.Gt(STALE["01"] - STALE["11"], STALE["00"] - STALE["10"] + 1, **rel)
stale_test = Theorem(
    name="hierarchy.stale_test",
    title="A rejected candidate can pay after another move: rejections do not outlive accepted moves",
    claim=_stale,
    assumes={},
    steps=(Manifest("claim", _stale),),
    equality=Equality(
        "potentials 3, 3, 2, 0 without, with the first, the second, both moves; gamma = 1: the first saves 0 alone, 2 after the second"
    ),
    kind="counterexample",
    source=SOURCE + ", what the order of tests does",
)

_xor = sp.Gt(XOR["00"] - XOR["11"], sp.Max(XOR["00"] - XOR["10"], XOR["00"] - XOR["01"]), **rel)
joint_moves = Theorem(
    name="hierarchy.joint_moves",
    title="A gamma-local optimum is no optimum: two moves can pay together where neither pays alone",
    claim=_xor,
    assumes={},
    steps=(Manifest("claim", _xor),),
    equality=Equality("potentials 1, 1, 1, 0: single moves save 0, both together 1"),
    kind="counterexample",
    source=SOURCE + ", what `optimal' cannot mean",
)

# Two levels that each judge by a potential of their own, on the states 0 and 1.
BLOCK_LEVEL, EXPERT_LEVEL = (_one, _zero), (_zero, _one)
_cycle = sp.Gt(BLOCK_LEVEL[0] - BLOCK_LEVEL[1] + EXPERT_LEVEL[1] - EXPERT_LEVEL[0], 0, **rel)
two_potentials = Theorem(
    name="hierarchy.two_potentials",
    title="Two levels with two potentials can undo each other for ever, each move an improvement of 1",
    claim=_cycle,
    assumes={},
    steps=(Manifest("claim", _cycle),),
    equality=Equality(
        "block level: 1 in state 0, 0 in state 1; expert level: 0 and 1. Going round 0, 1, 0 both accept, and all decreases sum to 2; "
        "on one potential they would sum to 0"
    ),
    kind="counterexample",
    source=SOURCE + ", why both levels need one potential",
)

BUDGET: tuple[Theorem, ...] = (budget, moves, steps_with_large_map, local_optimum, stale_test, joint_moves, two_potentials)
