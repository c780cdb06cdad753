"""The threshold family's own: turned counterexamples, near-attained bounds, the exact layer, trained layers at the threshold."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sympy as sp
import torch
from flint import arb, ctx, fmpq

from checks.claims import Case, judge
from checks.controls import without
from checks.data import synthetic
from checks.layer import attend, equal_blocks
from checks.penalty import group_norms, off_block_mask, two_index_groups
from checks.properties import Options
from checks.rows import two_level
from checks.threshold_cases import dial_cases, gradient_cases, smoothness_case
from checks.threshold_extremal import EXTREMAL
from checks.threshold_layer import LayerNumberError, above, exact_layers, matrix, norm, score_gradients
from checks.threshold_measured import Measured
from checks.threshold_numbers import jump_values
from checks.threshold_search import SHAPES, search
from checks.threshold_tiny import attaining_bilinear, attaining_query, ordinary, smooth_layer, tiny
from checks.threshold_training import SmallFleet, train_in_window, train_small, train_weights
from checks.training import initialise, sgd, train
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN
from theory import symbols as sym
from theory import threshold_balance as balanced
from theory import threshold_stationary as stationary
from theory import threshold_trap as trap
from theory.replay import ReplayError, replay
from theory.threshold import THEOREMS
from theory.threshold_balls import gradient_qk
from theory.threshold_gradient import gradient_bilinear
from theory.threshold_leak import dial_scaled

BY_NAME = {theorem.name: theorem for theorem in THEOREMS}
FLEET = SmallFleet(7, "bilinear", False, 3, 8, 0.02, False, 4.0, 1.0, False, "float64")


@pytest.fixture(autouse=True)
def precision():
    with ctx.workprec(128):
        yield


def test_a_counterexample_turned_round_does_not_replay():
    for theorem in (t for t in THEOREMS if t.kind == "counterexample"):
        # L = 5 - 3x sits at equality, so there the strict inequality is the wrong one
        wrong = sp.Gt(theorem.claim.lhs, theorem.claim.rhs, evaluate=False)
        last = dataclasses.replace(theorem.steps[-1], fact=wrong)
        with pytest.raises(ReplayError, match="claim"):
            replay(dataclasses.replace(theorem, claim=wrong, steps=(*theorem.steps[:-1], last)))


# --- it is tight -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXTREMAL)
def test_every_bound_is_attained_or_approached_to_a_millionth(name):
    theorem, sharpest = BY_NAME[name], 0.0
    for case in EXTREMAL[name]():
        judgement = judge(theorem, case)
        assert judgement.verdict is HOLDS, (case.origin, judgement)
        assert judgement.lhs is not None
        assert judgement.rhs is not None
        sides = sorted((abs(float(judgement.lhs.mid())), abs(float(judgement.rhs.mid()))))
        sharpest = max(sharpest, sides[0] / sides[1] if sides[1] else 1.0)
    if theorem.kind != "counterexample":
        assert sharpest > 1 - 1e-6  # also where the bound is only approached: smoothness, the strict ones


def test_search_comes_near_the_gradient_bounds():
    rng = np.random.default_rng(3)
    for shape in (s for s in SHAPES if s.tokens == 2):
        best = 0.0
        for theorem, case in gradient_cases(search(shape, rng, starts=2, steps=40)):
            judgement = judge(theorem, case)
            assert judgement.verdict is HOLDS
            best = max(best, float((judgement.lhs / judgement.rhs).mid()))
        assert best > 0.99, shape


# --- each hypothesis is needed, bad input is refused -------------------------------------------------------------------------


def test_bad_input_never_holds():
    sharp = EXTREMAL[gradient_bilinear.name]()[0]
    for symbol in (sym.gradient_norm, sym.output_gradient, sym.D_c, sym.tau):
        for bad in (arb("nan"), arb("inf"), arb("-inf")):
            broken = Case({**sharp.values, symbol: bad}, "broken")
            assert judge(gradient_bilinear, broken).verdict is not HOLDS, (symbol, bad)
        assert judge(gradient_bilinear, Case({**sharp.values, symbol: fmpq(-1)}, "broken")).verdict is OUT_OF_DOMAIN
    with pytest.raises(KeyError, match="gives no value for grad"):
        judge(gradient_bilinear, Case({s: v for s, v in sharp.values.items() if s != sym.gradient_norm}, "short"))
    with pytest.raises(LayerNumberError, match="a bound must be finite"):
        above(arb("nan"))


# --- the check can fail ------------------------------------------------------------------------------------------------------


def test_a_wrong_gradient_is_seen():
    """A row whose score gradient is a_j y_j, the mean forgotten."""
    layer = ordinary()[0]
    row, gains = layer.rows[0].weights[0], layer.rows[0].gains.tolist()[0]
    mean = sum((a * y for a, y in zip(row, gains, strict=True)), arb(0))
    for j, (a, y) in enumerate(zip(row, gains, strict=True)):
        values = {sym.score_gradient: layer.query_loss_along_score(0, 0, j), sym.key_weight: a, sym.key_gain: y}
        assert judge(BY_NAME["threshold.softmax_gradient"], Case(values | {sym.mean_gain: mean}, "right")).verdict is HOLDS
        assert judge(BY_NAME["threshold.softmax_gradient"], Case(values | {sym.mean_gain: arb(0)}, "wrong")).verdict is FAILS


# --- the exact layer ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [0, 4])
def test_exact_gradients_agree_with_autograd_and_with_power_series(head):
    structure = equal_blocks(2, 4, head, temperature=0.5, causal=True)
    batch = synthetic(structure.features, [1, 2], sequences=2, tokens=5, leak=0.1, dtype=torch.float64)
    start = initialise(structure, [1, 2], dtype=torch.float64)
    content, values = start.content.clone().requires_grad_(), start.values.clone().requires_grad_()
    capture = attend(dataclasses.replace(start, content=content, values=values), batch, structure, dial=0.5)
    logits = capture.outputs @ start.readout[:, None].mT
    loss = (
        torch.nn.functional.cross_entropy(logits.flatten(0, 2), batch.targets.flatten(), reduction="sum")
        / batch.targets[0].numel()
    )
    loss.backward()
    layers = exact_layers(start, batch, structure, [0, 1], "a test", 0.5)
    assert sum(float(layer.loss().mid()) for layer in layers) == pytest.approx(loss.item(), rel=1e-12)
    for k, layer in enumerate(layers):
        exact, value = layer.gradients
        found = [[[float(x.mid()) for x in row] for row in m.tolist()] for m in exact]
        torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), content.grad[k], rtol=1e-11, atol=1e-14)
        table = [[float(x.mid()) for x in row] for row in value.tolist()]
        torch.testing.assert_close(torch.tensor(table, dtype=torch.float64), values.grad[k], rtol=1e-11, atol=1e-14)
        along = layer.loss_along(exact, 1)[1]  # the slope along the gradient is its norm squared
        assert along.overlaps(sum((x * x for m in exact for x in m.entries()), arb(0)))
        assert float(along.rad()) < 1e-30


def test_gradients_of_a_row_add_up_to_zero():
    layer = ordinary()[1]
    for weights, gains in zip(layer.rows[0].weights, layer.rows[0].gains.tolist(), strict=True):
        assert sum(score_gradients(weights, gains), arb(0)).contains(0)


# --- the real objects --------------------------------------------------------------------------------------------------------


def test_at_the_threshold_itself_a_group_need_not_die():
    """Proximal steps on L = -3x with lam = 3: every x stays where it is; with lam = 3 + 1/64 it reaches exactly zero."""
    for lam, alive in ((fmpq(3), True), (fmpq(193, 64), False)):
        x = fmpq(1)
        for _ in range(200):
            x = max(fmpq(0), x + 3 * fmpq(1, 2) - lam * fmpq(1, 2))
        assert (x > 0) is alive


def test_above_the_threshold_every_off_block_group_is_exactly_zero():
    for parametrisation in ("bilinear", "qk"):
        fleet = train_small(
            dataclasses.replace(FLEET, parametrisation=parametrisation), Options(), 1.05, 60, step=0.2, layers=8
        )
        groups = two_index_groups(fleet.config.structure)
        norms = group_norms(fleet.run.parameters.content, groups)
        assert (norms[:, off_block_mask(groups)] == 0).all()
        assert (norms[:, ~off_block_mask(groups)] > 0).all()


def test_the_a_priori_threshold_is_not_necessary():
    """At a tenth of it every off-block group of these layers dies too; the example has no minimiser but 0 at lam = 1/2."""
    fleet = train_small(FLEET, Options(), 0.1, 400, step=0.5, layers=8)
    groups = two_index_groups(fleet.config.structure)
    assert (group_norms(fleet.run.parameters.content, groups)[:, off_block_mask(groups)] == 0).all()
    steepest = BY_NAME["threshold.a_priori_not_necessary"].claim.lhs
    for k in range(1, 200):
        h = fmpq(k, 200)
        assert float(h * (1 - h * h)) <= float(steepest)
        assert h * h / 2 + abs(arb(h).atanh()) / 2 > 0


def test_inside_the_measured_window_layers_are_selective():
    """Where the window at A = 0 is wider than 4, one penalty weight kills every off-block group and no in-block group."""
    fleet, width = train_in_window(
        dataclasses.replace(FLEET, blocks=2, tokens=8, soft=True, leak=0.02), Options(layers=24), 400
    )
    groups = two_index_groups(fleet.config.structure)
    norms, off = group_norms(fleet.run.parameters.content, groups), off_block_mask(groups)
    wide = width > 4
    assert int(wide.sum()) >= 5
    assert (norms[wide][:, off] == 0).all()
    assert (norms[wide][:, ~off] > 0).all()


def test_the_window_of_query_key_layers_is_empty():
    """From W_Q = W_K = 0 nothing moves, with or without penalty: the gradient there is exactly zero."""
    structure = equal_blocks(2, 4, 4)
    batch = synthetic(structure.features, range(4), sequences=2, tokens=6, leak=0.1)
    start = initialise(structure, range(4), group_norm=0.0)
    run = train(start, batch, structure, None, sgd(1.0), 20)
    assert (run.parameters.content == 0).all()
    assert (run.gradient_peak == 0).all()


def test_all_groups_penalised_gives_exactly_uniform_attention():
    fleet = train_small(
        dataclasses.replace(FLEET, parametrisation="qk", dial=0.0), Options(), 1.05, 200, uniform=True, step=0.2, layers=8
    )
    assert (fleet.run.parameters.content == 0).all()
    capture = attend(fleet.run.parameters, fleet.batch, fleet.config.structure)
    assert (capture.scores == 0).all()
    row = two_level(8, 3, 0.0)
    assert judge(trap.uniform_entropy, EXTREMAL[trap.uniform_entropy.name]()[2]).verdict is HOLDS
    assert row.two_level


def test_the_minimiser_jumps():
    """On a grid of a = b = h the best point is near sqrt(2/3) just below sqrt(2/3)/3 = 0.27217 and zero just above."""
    grid = [fmpq(k, 400) for k in range(401)]
    for lam, low, high in ((fmpq(2721, 10000), 0.8, 0.83), (fmpq(2723, 10000), 0.0, 0.0)):
        best = min(grid, key=lambda h: (h * h - 1) ** 2 / 2 + 2 * lam * h)
        assert low <= float(best) <= high
    below = jump_values(fmpq(8165, 10000), fmpq(8165, 10000), fmpq(2721, 10000))
    assert below[sym.objective] < arb(fmpq(1, 2))


def test_locality_is_monotone_along_the_trained_path():
    fleet = train_weights(FLEET, Options(layers=8), 40)
    assert len({float(w) for w in fleet.weight}) == 8
    assert (group_norms(fleet.run.parameters.content, two_index_groups(fleet.config.structure))[-1] == 0).all()


def test_balance_at_an_exact_stationary_point_and_its_failure_off_it():
    h = fmpq(7, 8)
    at = {sym.lam: h * (1 - h * h), sym.size_rows_Q: h, sym.size_rows_K: h, sym.slope: 0}
    assert judge(balanced.balance, Case(at, "a = b")).verdict is HOLDS
    assert judge(balanced.balance, Case(at | {sym.size_rows_K: h / 2}, "a = 2b, said to be stationary")).verdict is FAILS


# --- where a first statement needed a hypothesis more ---


def test_dial_scaled_needs_a_leak_of_at_most_the_own_part():
    """Tokens (1, +-1, 0) of a block whose own part is 0: the group (0, 1) has gradient 1, and the formula with B = 0 says 0."""
    layer = tiny(
        ((1, 1, 0), (1, -1, 0)), (((0, 0, 0),) * 3,), ((0, 1, 0),), ((1,), (-1,)), (0, 0), (1, 1, 1), (1, 1, 1), (2, 2)
    )
    own, off = Measured(layer).own_and_leak
    assert own == 0
    assert off > 1
    assert norm([layer.gradients[0][0][0, 1]]) == 1
    case = next(c for t, c in dial_cases(layer) if t is dial_scaled)
    assert judge(dial_scaled, case).verdict is HOLDS  # with B raised to the leak
    broken = Case({**case.values, sym.B: fmpq(0)}, "B = 0")
    assert judge(dial_scaled, broken).verdict is OUT_OF_DOMAIN
    assert judge(without(dial_scaled, "small"), broken).verdict is FAILS


def test_smoothness_is_approached():
    """Random layers reach a ratio of .044; a large readout times values brings it to 1 - 4e-7."""
    theorem, case = smoothness_case(smooth_layer(0.0, 1.0, 2.0**12, 2.0**13), matrix(((1,),)))
    judgement = judge(theorem, case)
    assert judgement.verdict is HOLDS
    assert 1 - 1e-6 < float((abs(judgement.lhs) / judgement.rhs).mid()) < 1


def test_hand_computed_layers():
    one = fmpq(1)
    bilinear, query = attaining_bilinear(*(one,) * 5), attaining_query(*(one,) * 5)
    assert abs(bilinear.gradients[0][0][0, 1]) == 1
    assert abs(query.gradients[0][0][0, 0]) == 1
    case = next(c for t, c in gradient_cases(query) if t is gradient_qk)
    assert judge(gradient_qk, case).slack == 0
    assert judge(stationary.strictness, Case({}, "closed")).verdict is HOLDS
