"""The hierarchy family's own: composition, descent, one potential; bad input."""

from __future__ import annotations

import dataclasses

import pytest
import sympy as sp
import torch
from flint import arb, fmpq

from checks import hierarchy_cases as cases
from checks.claims import Case, judge
from checks.controls import with_claim, without
from checks.extinction_exact import bits
from checks.hierarchy_exact import Event, EventRun, Mixture, MixtureError, Quadratic
from checks.hierarchy_trained import DescentPlan, curvature, loss_of, safe_step, trained_cases
from checks.properties import Options
from checks.training import gradients, prepare, sgd, train
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN, UNDECIDED
from theory import symbols as sym
from theory.hierarchy import THEOREMS
from theory.hierarchy_budget import BLOCK_LEVEL, EXPERT_LEVEL, STALE, XOR, budget, local_optimum, moves, steps_with_large_map
from theory.hierarchy_compose import chain_rule, composition, entropy_bound, marginal
from theory.hierarchy_descent import descent, descent_step
from theory.replay import replay
from theory.theorem import Theorem

PPM = sp.Rational(1, 10**6)
PLAN = DescentPlan(seed=3, blocks=2, tokens=6, text=True, leak=0.0, dial=1.0, penalty=0.01, causal=True)
ONE, HALF, ZERO = fmpq(1), fmpq(1, 2), fmpq(0)


def name(value: object) -> str:
    return value.name if isinstance(value, Theorem) else str(value)


@pytest.mark.parametrize("theorem", THEOREMS, ids=name)
def test_derivation_replays_and_says_what_it_rests_on(theorem):
    assert replay(theorem).rests_on == (("prox_three_points",) if theorem in (descent, descent_step) else ())


def of(theorem: Theorem, mixture: Mixture) -> Case:
    """The case of that statement for a mixture."""
    return next(case for found, case in cases.mixture_cases(mixture) if found is theorem)


# --- composition ---------------------------------------------------------------------------------------------------------------


def test_two_perfect_bounds_lowered_by_a_millionth_are_refuted():
    mixture = cases.flat(4, 2, 4, 8, fmpq(1, 4), fmpq(1, 4))
    case = of(composition, mixture)
    assert judge(composition, case).certificate == "equality case"
    assert case.values[sym.fidelity_total] == fmpq(9, 16)
    lowered = with_claim(composition, sp.Le(composition.claim.lhs, composition.claim.rhs * (1 - PPM), evaluate=False))
    assert judge(lowered, case).verdict is FAILS


def test_adding_the_two_misses_is_true_and_less():
    case = of(composition, cases.flat(2, 1, 2, 2, HALF, HALF))
    union = with_claim(composition, sp.Le(composition.claim.lhs, sym.router_miss + sym.pointer_miss, evaluate=False))
    judged = judge(union, case)
    assert judged.verdict is HOLDS
    assert judged.slack == arb(fmpq(1, 4))


def test_shared_keys_take_entropy_from_the_pointer_and_only_they():
    apart, shared = (cases.flat(2, 1, 2, 2, HALF, HALF, shared=flag) for flag in (False, True))
    with bits(128):
        gaps = [m.values()[sym.joint_entropy] - m.values()[sym.marginal_entropy] for m in (apart, shared)]
    assert gaps[0].contains(0)
    assert gaps[1].overlaps(arb(2).log())
    assert judge(marginal, of(marginal, apart)).certificate == "equality case"
    strict = with_claim(marginal, sp.Lt(marginal.claim.lhs, marginal.claim.rhs, evaluate=False))
    assert judge(strict, of(marginal, shared)).verdict is HOLDS


def test_a_router_that_is_no_law_breaks_the_chain_rule():
    """The check can fail: weights 1/2 and 1/3 do not sum to 1, and the identity is off."""
    row = (HALF, HALF)
    broken = Mixture(
        (HALF, fmpq(1, 3)), (row, (fmpq(1, 3), HALF)), ((True, False),) * 2, (True, False), ((0, 1), (2, 3)), "broken"
    )
    assert judge(chain_rule, Case(broken.values(), "broken")).verdict is FAILS


def test_mixtures_are_refused_by_name():
    row = ((ONE,),)
    with pytest.raises(MixtureError, match=r"1 weights of the router, 1 rows, 0 right experts"):
        Mixture((ONE,), row, ((True,),), (False,), ((0,),), "no right expert")
    with pytest.raises(MixtureError, match="expert 0: 2 weights, 2 flags, 1 different keys"):
        Mixture((ONE,), ((HALF, HALF),), ((True, True),), (True,), ((0, 0),), "a key twice")


def test_measured_entropies_that_are_no_numbers_decide_nothing():
    case = of(entropy_bound, cases.ordinary()[0])
    assert judge(entropy_bound, Case({**case.values, sym.joint_entropy: arb("nan")}, "nan")).verdict is UNDECIDED
    assert judge(entropy_bound, Case({**case.values, sym.router_miss: fmpq(2)}, "a weight of 2")).verdict is OUT_OF_DOMAIN


# --- descent -------------------------------------------------------------------------------------------------------------------


def test_quadratics_on_both_sides_of_one_over_the_curvature():
    """At eta = 1/L_s the inequality is attained; a millionth above it fails, and above 2/L_s the objective rises."""
    loss = Quadratic((fmpq(4),), (ZERO,), ZERO)
    at, above = (loss.case((ONE,), eta, fmpq(4), "quadratic") for eta in (fmpq(1, 4), fmpq(1, 4) * (1 + fmpq(1, 10**6))))
    assert judge(descent_step, at).verdict is HOLDS
    assert judge(descent_step, at).slack == 0
    assert judge(descent_step, above).verdict is OUT_OF_DOMAIN
    assert judge(without(descent_step, "step"), above).verdict is FAILS
    far = loss.case((ONE,), fmpq(3, 4), fmpq(4), "three times too long")
    assert far.values[sym.objective_after] > far.values[sym.objective_before]


def test_a_minibatch_step_raises_the_mean_loss_at_its_minimum():
    """Samples +1 and -1: exact steps of eta = 1 on one of them, judged on the mean."""
    first, second = (Quadratic((ONE,), (slope,), ZERO) for slope in (-ONE, ONE))  # (x - 1)^2/2 and (x + 1)^2/2, up to 1/2 each
    mean = Quadratic((ONE,), (ZERO,), ZERO)
    assert mean.step([ZERO], ONE) == [ZERO]
    for sample in (first, second):
        moved = sample.step([ZERO], ONE)
        assert sample.loss(moved) < sample.loss([ZERO])
        assert mean.loss(moved) == HALF > mean.loss([ZERO]) == 0


def test_the_loss_in_balls_is_the_loss_of_the_layer():
    structure, batch, start, _ = PLAN.build(2, Options())
    problem = prepare(batch, structure, dial=PLAN.dial)
    found = gradients(start, problem, with_loss=True).loss
    for layer in range(2):
        with bits(128):
            ball = loss_of(start, batch, structure, layer, PLAN.dial) / batch.blocks[0].numel()
        assert float(ball.rad()) < 1e-30
        assert float(ball.mid()) == pytest.approx(float(found[layer]), rel=1e-12)


def test_step_sizes_are_safe_and_longer_ones_are_out_of_domain():
    structure, batch, start, _ = PLAN.build(1, Options())
    bound = curvature(start, batch, structure, 0)
    step = safe_step(bound)
    assert fmpq(*step.as_integer_ratio()) * bound <= 1 < fmpq(*(step * 1.01).as_integer_ratio()) * bound
    theorem, case = next(iter(trained_cases(PLAN, 1, 1, Options())))
    assert theorem is descent
    assert judge(descent, case).verdict is HOLDS
    longer = Case({**case.values, sym.eta: case.values[sym.eta] * 2, sym.step_map: case.values[sym.step_map] / 2}, "longer")
    assert judge(descent_step, longer).verdict is OUT_OF_DOMAIN


def test_long_steps_on_a_trained_layer_break_the_descent_inequality():
    """Far above 1/L_s the objective of a real layer rises, and no hypothesis-free form of the statement holds."""
    structure, batch, start, _ = PLAN.build(1, Options())
    before = loss_of(start, batch, structure, 0, PLAN.dial)
    found = False
    for step in (1e3, 1e4, 1e5):
        moved = train(start, batch, structure, None, sgd(step), 1, dial=PLAN.dial, trainable=("content",)).parameters
        after = loss_of(moved, batch, structure, 0, PLAN.dial)
        size = float((moved.content - start.content).norm()) / step
        found |= bool((before - after) / batch.blocks.numel() < arb(step) / 2 * arb(size) ** 2)
    assert found


def test_a_loss_without_a_proved_step_size_is_refused():
    structure, batch, start, _ = PLAN.build(1, Options())
    vector = dataclasses.replace(batch, targets=torch.zeros(*batch.blocks.shape, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="no proved step size"):
        loss_of(start, vector, structure, 0)


# --- one potential -------------------------------------------------------------------------------------------------------------


def test_runs_on_both_sides_of_the_budget():
    """Three moves of 1 nat each are paid from 3 nats; a fourth is not, and the count says so."""
    events = tuple(Event("block", ONE) for _ in range(3))
    run = EventRun(fmpq(3), events, ONE, fmpq(2))
    assert judge(moves, run.case(ONE, "three", extremal=True)).slack == 0
    four = EventRun(fmpq(3), (*events, Event("block", ONE)), ONE, fmpq(2)).case(ONE, "four", floor=ZERO)
    assert judge(moves, four).verdict is OUT_OF_DOMAIN
    assert judge(without(moves, "floor"), four).verdict is FAILS
    cheap = EventRun(fmpq(3), (*events, Event("block", ZERO)), ONE, fmpq(2)).case(ONE, "one does not pay", floor=ZERO)
    assert judge(budget, cheap).verdict is OUT_OF_DOMAIN
    assert judge(without(budget, "paid"), cheap).verdict is FAILS


def test_steps_below_the_level_do_not_count():
    steps = tuple(Event("step", fmpq(2), ZERO, ONE, size) for size in (fmpq(2), fmpq(1), fmpq(1, 2)))
    run = EventRun(fmpq(6), steps, ONE, ONE)
    counts = [run.values(nu)[sym.large_steps] for nu in (fmpq(3), fmpq(2), fmpq(1), fmpq(1, 4))]
    assert counts == [0, 1, 2, 3]
    assert judge(steps_with_large_map, run.case(fmpq(1), "three steps")).verdict is HOLDS


def test_two_potentials_go_round_and_one_potential_cannot():
    """Greedy moves at each level by its own potential cycle for as long as one looks; by the sum nothing is accepted."""

    def accepted(levels: tuple[tuple[sp.Integer, ...], ...]) -> int:
        state, count = 0, 0
        for turn in range(100):
            potential = levels[turn % len(levels)]
            if potential[1 - state] <= potential[state] - 1:
                state, count = 1 - state, count + 1
        return count

    assert accepted((BLOCK_LEVEL, EXPERT_LEVEL)) == 100
    common = tuple(a + b for a, b in zip(BLOCK_LEVEL, EXPERT_LEVEL, strict=True))
    assert accepted((common, common)) == 0
    assert accepted((BLOCK_LEVEL, BLOCK_LEVEL)) == 1


def test_rejections_do_not_outlive_moves_and_pairs_can_pay():
    gain = lambda table, a, b: table[a] - table[b]  # noqa: E731
    assert gain(STALE, "00", "10") < 1 <= gain(STALE, "01", "11")
    assert max(gain(XOR, "00", "10"), gain(XOR, "00", "01")) < 1 <= gain(XOR, "00", "11")
    stale = {sym.gain_tested: ZERO, sym.gain_drift: fmpq(2), sym.gain_now: fmpq(2), sym.block_gain: ONE}
    assert judge(local_optimum, Case(stale, "stale")).verdict is OUT_OF_DOMAIN
    assert judge(without(local_optimum, "tested again"), Case(stale, "stale")).verdict is FAILS
