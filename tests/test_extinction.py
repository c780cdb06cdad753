"""The extinction family's own: planted steps, trained layers, the arithmetic of floats sampled exactly; the numbers of the page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
import torch
from flint import arb, fmpq

from checks.claims import Case, judge
from checks.data import synthetic
from checks.enclosure import rational
from checks.extinction_exact import adam_moments, adam_ratio, bits, norm, vector, worst_gradients
from checks.extinction_fleets import Plan, extinction_cases, make_data, train_fleet, variants
from checks.extinction_floats import stagnant_group
from checks.layer import equal_blocks
from checks.penalty import Ball, off_block_mask, off_block_penalty
from checks.properties import Options
from checks.training import Balls, gradients, initialise, prepare, sgd, train
from checks.verdict import FAILS, HOLDS, UNDECIDED
from theory import symbols as sym
from theory.extinction_adam import QUOTED, REACHED
from theory.extinction_failing import CYCLE, MATRIX, POLAR
from theory.extinction_float import float_step
from theory.extinction_formulas import adam_ratio as ratio_formula
from theory.extinction_lemmas import LEMMAS, ceiling, falling, falls
from theory.extinction_momentum import momentum_run
from theory.extinction_runs import finite_time
from theory.extinction_steps import decrease
from theory.replay import ReplayError, replay, truth
from theory.steps import Cases, Cite, Combine, Induction, Manifest
from theory.theorem import Lemma

PLAN = Plan(7, 2, 6, 0.1, "float32", 0.5, 12, 0.02, False)


def _without_step(statement, name, new):
    return replace(statement, steps=tuple(new if step.name == name else step for step in statement.steps))


def test_planted_wrong_steps_are_named():
    wrong = Combine(
        "vector at most", sp.Le(sym.vector_at[sym.k_step], sym.step_bound / 2, evaluate=False), {"greatest is": 1, "bounded": 1}
    )
    with pytest.raises(ReplayError, match=r"finite_time, step 'vector at most' \(Combine\)"):
        replay(_without_step(finite_time, "vector at most", wrong))
    faster = Cite("claim", decrease.steps[-1].of, {sym.gamma: 2 * sym.gamma}, decrease.steps[-1].given)
    with pytest.raises(ReplayError, match="step 'claim'"):
        replay(_without_step(decrease, "claim", faster))


def test_an_induction_needs_a_true_base_a_true_step_and_every_step():
    k, n = sym.k_step, sym.norm_at
    grows = {"grows": sp.Ge(n[k + 1], n[k] + 1, evaluate=False)}
    fact = sp.Ge(n[k], k, evaluate=False)
    base = Manifest("base", sp.Ge(n[0], 0, evaluate=False))
    step = Combine("step", sp.Ge(n[k + 1], k + 1, evaluate=False), {"grows": 1, "all.at": 1})
    good = Lemma(
        "grown", sp.Ge(n[sym.steps], sym.steps, evaluate=False), grows, (Induction("all", fact, (base,), (step,), sym.steps),)
    )
    assert replay(good).steps == 3
    above = sp.Ge(n[k], k + 1, evaluate=False)
    with pytest.raises(ReplayError, match="its steps end in"):
        replay(replace(good, steps=(Induction("all", above, (base,), (step,), sym.steps),)))
    with pytest.raises(ReplayError, match="integer"):
        replay(replace(good, steps=(Induction("all", fact, (base,), (step,), sym.eta),)))
    inside = Cases("split", good.relation, n[k] - 1, good.steps, good.steps)  # holds in one step only
    with pytest.raises(ReplayError, match="assumed of one"):
        replay(replace(good, steps=(inside,)))
    generic = Cite("claim", falls, {sym.eta: sym.step_at[k]}, {"start": "start", "each step": "each step"})
    with pytest.raises(ReplayError, match="its value may not mention k_s"):
        replay(Lemma("varied", good.relation, dict(falls.assumes), (generic,)))


def test_the_lemmas_are_derived_and_a_wrong_total_is_not():
    assert {lemma.name for lemma in LEMMAS if not lemma.steps} == {"ceiling"}
    for lemma in LEMMAS:
        replay(lemma)
    slow = falling(sym.eta, sym.k_step * sym.eta / 2, falls.steps[0].step[0], sym.steps)
    with pytest.raises(ReplayError, match="step"):
        replay(replace(falls, steps=(slow,)))


@pytest.mark.parametrize("which", [3, 6, 8, 11])
def test_the_check_of_trained_layers_can_fail(which):
    fleet = train_fleet(make_data(PLAN, "bilinear", False, 1, Options()), variants(PLAN)[which])
    assert {judge(theorem, case).verdict for theorem, case in extinction_cases(fleet)} == {HOLDS}
    late = replace(fleet, run=replace(fleet.run, extinct_at=fleet.run.extinct_at + PLAN.steps))
    back = replace(fleet, run=replace(fleet.run, revived=torch.ones_like(fleet.run.revived)))
    for broken in (late, back):
        assert {judge(theorem, case).verdict for theorem, case in extinction_cases(broken)} == {FAILS}
    weak = replace(fleet, weights=tuple(w / 100 for w in fleet.weights))
    assert HOLDS not in {judge(theorem, case).verdict for theorem, case in extinction_cases(weak)}


def test_trained_layers_come_near_the_proved_step_and_live_below_it():
    data = make_data(replace(PLAN, steps=25), "bilinear", True, 4, Options())
    clipped = variants(data.plan)[3]
    ratios = []
    for theorem, case in extinction_cases(train_fleet(data, clipped)):
        found = judge(theorem, case)
        ratios.append(float((found.lhs / found.rhs).mid()))
    assert 0.9 < max(ratios) <= 1
    run = train_fleet(data, clipped, share=1 / 64).run
    assert bool((run.extinct_at[:, off_block_mask(run.groups)] < 0).all())


def test_a_penalty_above_the_bound_without_slack_is_undecided_not_true():
    values = {
        sym.extinct_at: 3,
        sym.theta0: arb(1),
        sym.eta: fmpq(1),
        sym.gamma: fmpq(1),
        sym.step_bound: arb(1),
        sym.lam: arb(2, 1e-9),
        sym.vector_max: fmpq(1, 2),
    }
    assert judge(finite_time, Case(values, "a ball around the threshold")).verdict is UNDECIDED


def test_the_ceiling_lemma_on_rationals():
    (i, p) = (ceiling.relation.lhs, ceiling.relation.rhs.args[0])
    for q in (sp.Rational(a, b) for a in range(-7, 8) for b in (1, 2, 3)):
        greatest = max(k for k in range(-9, 10) if k < q + 1)
        assert truth(ceiling.relation, {i: sp.Integer(greatest), p: q}) is True
        assert sp.ceiling(q) == greatest


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("eta", [0.1, 0.7])
def test_the_lemma_about_float_steps_on_the_layers_own_steps(dtype, eta):
    """One step of `training.train`, its floats taken as exact reals: with ball and decay, groups that die and groups that
    live."""
    layers, unit = 24, fmpq(1, 2**24 if dtype is torch.float32 else 2**53)
    structure = equal_blocks(2, 6)
    batch = synthetic(structure.features, range(layers), sequences=2, tokens=4, leak=0.3, dtype=dtype)
    start = initialise(structure, range(layers), group_norm=0.5, dtype=dtype)
    weights = torch.from_numpy(np.random.default_rng(0).uniform(0.0, 0.6 / eta, layers))
    weights[::3] = (
        0.5 / eta * (1 + torch.linspace(-1, 1, len(weights[::3]), dtype=torch.float64) * 1e-6)
    )  # at the edge of dying
    run = train(start, batch, structure, off_block_penalty(structure, weights), sgd(eta, decay=0.01), 1, balls=Balls(Ball(0.9)))
    moved = gradients(run.initial, prepare(batch, structure)).content
    dead = 0
    relation = float_step.relation
    with bits(256):
        for layer in range(layers):
            for row, column in ((0, 1), (1, 0)):
                place = (layer, 0, slice(3 * row, 3 * row + 3), slice(3 * column, 3 * column + 3))
                before, after, v = (
                    norm(vector(x[place].flatten().tolist())) for x in (run.initial.content, run.parameters.content, moved)
                )
                lam = rational(float(weights[layer]))
                values = {
                    sym.group_norm: before,
                    sym.group_next: after,
                    sym.vector_norm: v,
                    sym.eta: rational(eta),
                    sym.lam: lam,
                    sym.parameters: 9,
                    sym.roundoff: unit,
                }
                assert truth(relation, values) is True or (
                    after == 0 and truth(sp.Ge(relation.rhs, 0, evaluate=False), values) is not False
                )
                dead += bool(after == 0)
    assert 6 < dead < 2 * layers - 6


def test_adams_constants():
    for betas, want in (((0.9, 0.999), "7.2703"), ((0.9, 0.95), "1.1650")):
        exact = [sp.Rational(str(b)) for b in betas]
        assert f"{float(ratio_formula.stated.subs(dict(zip((sym.beta1, sym.beta2), exact, strict=True)))):.4f}" == want
    b1, b2 = fmpq(9, 10), fmpq(999, 1000)
    bound = float(ratio_formula.stated.subs({sym.beta1: sp.Rational(9, 10), sym.beta2: sp.Rational(999, 1000)}))
    with bits(256):
        assert 1 - 1e-6 < float(adam_ratio(worst_gradients(20_000, b1, b2), b1, b2).mid()) / bound < 1
        assert f"{float(adam_ratio(worst_gradients(400, b1, b2), b1, b2).mid()):.3f}" == "4.175" == f"{float(REACHED):.3f}"
        first, second = adam_moments(worst_gradients(50, b1, b2), b1, b2)  # without bias correction
        assert f"{float((first * (1 - arb(b1)) / (second * (1 - arb(b2))).sqrt()).mid()):.4f}" == "7.2702"
    assert 3.16 < float(QUOTED) < 3.17


def test_the_counterexamples_on_real_objects():
    left, singular, right = torch.linalg.svd(torch.tensor(MATRIX.tolist(), dtype=torch.float64))
    clipped = (left * singular.clamp(max=1.0)) @ right
    exact = torch.tensor(sp.matrix2numpy(POLAR.evalf(20)).astype(float))
    assert float((clipped - exact).abs().max()) < 8 * 2.0**-52  # the rounding of a 2 by 2 singular value decomposition
    assert f"{float(clipped[1, 0]):.3f}" == "-0.243"
    theta, eta, lam = CYCLE
    seen = []
    for _ in range(6):
        seen.append(theta)
        theta = theta - eta * lam * sp.sign(theta)
    assert seen == [sp.Rational(1, 20), sp.Rational(-1, 10)] * 3
    assert stagnant_group(1000) == 1.0


def test_momentum_needs_its_factor():
    """With lam = G_bar + gamma, enough for plain steps, constant outward gradients under mu = 1/2 hold a group for ever."""
    start = momentum_run.needs["penalty"].values[sym.theta0]
    theta, memory = fmpq(int(start)), fmpq(0)
    for _ in range(100):
        memory = memory / 2 + 1
        theta = max(fmpq(0), theta + memory - 2)
    assert 2 < theta < 4
