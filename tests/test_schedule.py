"""The schedule family's own: argued lemmas sampled, counterexamples on real layers, trained stacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
import pytest
import sympy as sp
import torch
from flint import arb, ctx, fmpq

from checks import schedule_cases as cases
from checks.claims import judge
from checks.controls import mutants, with_claim
from checks.data import synthetic
from checks.enclosure import Value
from checks.layer import equal_blocks
from checks.schedule import log_ratio
from checks.schedule_exact import absorbing, rollout_values
from checks.schedule_stack import (
    StackError,
    enclosed,
    flows_of,
    frozen_jacobian,
    full_jacobian,
    matrix_of,
    measure_stack,
    spectral_norm,
    train_stack,
)
from checks.verdict import FAILS
from theory import schedule_budget as bud
from theory import schedule_norms as nor
from theory import schedule_rollout as roll
from theory import schedule_values as val
from theory import symbols as sym
from theory.replay import truth
from theory.theorem import Theorem


def name(value: object) -> str:
    return value.name if isinstance(value, Theorem) else str(value)


# --- argued lemmas, sampled as their reasons read -----------------------------------------------------------------------


def points(rng: np.random.Generator, count: int) -> list[tuple[fmpq, fmpq]]:
    return [(fmpq(int(a), 3), fmpq(int(b), 3)) for a, b in rng.integers(-9, 10, (count, 2))]


def shares(rng: np.random.Generator, count: int) -> list[fmpq]:
    raw = rng.integers(1, 9, count)
    return [fmpq(int(x), int(raw.sum())) for x in raw]


def size(v: tuple[Value, Value]) -> arb:
    return arb(v[0] ** 2 + v[1] ** 2).sqrt()


def greatest(values: Iterable[arb]) -> arb:
    return reduce(lambda x, y: x.max(y), values)


def layer(
    x: Sequence[tuple[Value, Value]], row: Sequence[Value], form: Sequence[Sequence[fmpq]], query: int
) -> tuple[Value, Value]:
    """x_i + W sum a_j x_j in the plane."""
    mean = [sum((a * v[k] for a, v in zip(row, x, strict=True)), fmpq(0)) for k in range(2)]
    return tuple(x[query][k] + form[k][0] * mean[0] + form[k][1] * mean[1] for k in range(2))


def a_floor(rng: np.random.Generator) -> dict[sp.Symbol, Value]:
    row, later = shares(rng, 5), [fmpq(int(x), 10) for x in rng.integers(0, 11, 5)]
    total = sum((a * y for a, y in zip(row, later, strict=True)), fmpq(0))
    return {roll._u: total, roll._v: sum(row[2:], fmpq(0)), roll._w: min(later[:2])}


def a_total(rng: np.random.Generator) -> dict[sp.Symbol, Value]:
    x, gains = points(rng, 4), [fmpq(int(g), 2) for g in rng.integers(-6, 7, 2)]
    new = layer(x, shares(rng, 4), ((gains[0], fmpq(0)), (fmpq(0), gains[1])), 0)
    return {val._u: size(new), val._g: max(map(abs, gains)), val._z: greatest(map(size, x))}


def an_outside(rng: np.random.Generator) -> dict[sp.Symbol, Value]:
    """Off-block is the second feature; tokens 0 and 1 are in the block; W has an off-block part."""
    x, row = points(rng, 4), shares(rng, 4)
    a, b, off = (fmpq(int(g), 2) for g in rng.integers(-6, 7, 3))
    new = layer(x, row, ((a, off), (off, b)), 0)
    return {
        val._u: abs(new[1]), val._v: max(abs(x[0][1]), abs(x[1][1])), val._g: max(abs(a), abs(b)), val._r: row[2] + row[3],
        val._z: greatest(map(size, x)), val._o: abs(off),
    }  # fmt: skip


def a_spread(rng: np.random.Generator) -> dict[sp.Symbol, Value]:
    x, gain = points(rng, 4), fmpq(int(rng.integers(-6, 7)), 2)
    form = ((gain, fmpq(0)), (fmpq(0), -gain))
    ends = [layer(x, shares(rng, 4), form, query) for query in (0, 1)]
    widest = greatest(size((p[0] - q[0], p[1] - q[1])) for p in x for q in x)
    return {nor._u: size((ends[0][0] - ends[1][0], ends[0][1] - ends[1][1])), nor._g: abs(gain), nor._z: widest}


def a_move(rng: np.random.Generator) -> dict[sp.Symbol, Value]:
    x = points(rng, 4)
    moved = [(p[0] + q[0] / 8, p[1] + q[1] / 8) for p, q in zip(x, points(rng, 4), strict=True)]
    content, beta = [fmpq(int(c), 2) for c in rng.integers(-4, 5, 4)], fmpq(int(rng.integers(1, 5)), 2)
    settings = [fmpq(int(d), 3) for d in rng.integers(-9, 10, 2)]
    gain = fmpq(int(rng.integers(1, 7)), 2)
    form = ((gain, fmpq(0)), (fmpq(0), gain))

    def row(setting: fmpq) -> list[arb]:
        weights = [arb(c + (beta * setting if j < 2 else 0)).exp() for j, c in enumerate(content)]
        return [w / sum(weights, arb(0)) for w in weights]

    first, second = layer(x, row(settings[0]), form, 0), layer(moved, row(settings[1]), form, 0)
    return {
        nor._u: size((first[0] - second[0], first[1] - second[1])), nor._g: gain,
        nor._v: greatest(size((p[0] - q[0], p[1] - q[1])) for p, q in zip(x, moved, strict=True)),
        nor._z: greatest(size((p[0] - q[0], p[1] - q[1])) for p in moved for q in moved),
        sym.beta: beta, sym.dial: settings[0], sym.dial_other: settings[1],
    }  # fmt: skip


def a_ceiling(rng: np.random.Generator) -> dict[sp.Symbol, Value]:
    x = fmpq(int(rng.integers(1, 60)), 7)
    return {bud._x: x} if x.q != 1 else {bud._x: x + fmpq(1, 7)}


SAMPLERS = {
    "weighted_floor": a_floor,
    "path_total": a_total,
    "path_outside": an_outside,
    "layer_spreads": a_spread,
    "layer_moves": a_move,
    "ceiling_above": a_ceiling,
}
ARGUED = {lemma.name: lemma for lemma in (*bud.LEMMAS, *roll.LEMMAS, *val.LEMMAS, *nor.LEMMAS) if not lemma.steps}


def test_every_argued_lemma_is_sampled():
    assert set(ARGUED) == {*SAMPLERS, "binomial_theorem"}


@pytest.mark.parametrize("lemma", SAMPLERS)
def test_argued_lemmas_hold_where_they_are_sampled(lemma):
    with ctx.workprec(256):
        found = [truth(ARGUED[lemma].relation, SAMPLERS[lemma](np.random.default_rng(seed))) for seed in range(40)]
    assert False not in found
    assert found.count(True) >= 20  # None is an equality between balls


@pytest.mark.parametrize("lemma", SAMPLERS)
def test_an_argued_lemma_tightened_fails_somewhere(lemma):
    relation = ARGUED[lemma].relation
    factor = sp.Rational(1, 8) if isinstance(relation, sp.Le) else 8
    tight = type(relation)(relation.lhs, relation.rhs * factor, evaluate=False)
    with ctx.workprec(256):
        found = [truth(tight, SAMPLERS[lemma](np.random.default_rng(seed))) for seed in range(40)]
    assert False in found


def test_the_binomial_theorem_is_what_the_lemma_says():
    for power in (1, 2, 5, 9):
        for k in (0, 1, 4, 11):
            total = sum(sp.binomial(power + 1, j) * sp.Integer(k) ** j for j in range(power + 1))
            values = {bud._sum_of_terms: total, bud._high: (k + 1) ** (power + 1), bud._low: sp.Integer(k) ** (power + 1)}
            assert truth(bud.binomial_theorem.relation, {s: sp.Integer(v) for s, v in values.items()}) is True


def test_the_example_of_five_layers():
    """Five layers of outside mass 1/10 and an absorbing outside leak 0.40951 of the rollout."""
    assert rollout_values(absorbing((fmpq(1, 10),) * 5, 4, 2))[sym.rollout_leak] == 1 - fmpq(9, 10) ** 5


def test_one_part_in_a_million_below_the_rollout_bound_fails():
    case = cases.rollout_case(absorbing((fmpq(1, 3), fmpq(1, 7)), 3, 1), extremal=True)
    lowered = with_claim(roll.rollout, sp.Le(sym.rollout_leak, (1 - sym.stay) * (1 - sp.Rational(1, 10**6)), evaluate=False))
    assert judge(roll.rollout, case).certificate == "equality case"
    assert judge(lowered, case).verdict is FAILS


def test_the_gradient_of_the_search_is_the_gradient():
    torch.manual_seed(0)
    x = torch.randn(2 * 9, dtype=torch.float64).numpy()
    value, gradient = log_ratio(x, 3, 1)
    for index in (0, 5, 13):
        moved = x.copy()
        moved[index] += 1e-6
        assert (log_ratio(moved, 3, 1)[0] - value) / 1e-6 == pytest.approx(gradient[index], rel=1e-3, abs=1e-6)


# --- counterexamples, on real layers ----------------------------------------------------------------------------------


def test_rollout_is_not_information_flow():
    """Uniform attention over two tokens: with the value map 0 rollout leaks 1/2 and nothing flows; with 4 the flow is greater."""
    attention = torch.full((2, 2), 0.5, dtype=torch.float64)
    still = torch.autograd.functional.jacobian(lambda x: x + 0.0 * (attention @ x), torch.ones(2, dtype=torch.float64))
    assert float(attention[0, 1]) == 0.5
    assert float(still[0, 1]) == 0.0
    mass, gain = fmpq(1, 10), fmpq(4)
    one = rollout_values(absorbing((mass,), 2, 1), fmpq(1, 2))
    case = cases.flow_case(absorbing((mass,), 2, 1), [(gain, fmpq(0))])
    assert one[sym.rollout_leak] == fmpq(1, 20)
    assert case.values[sym.flow_share] == fmpq(2, 25)


def test_more_flows_through_the_scores():
    """The layer of `schedule.attention_path`: the outside token has weight 1/4 and the output's derivative in it is 5/8."""

    def output(x: torch.Tensor) -> torch.Tensor:
        scores = x[0] * x + torch.tensor([2.0, 0.0], dtype=torch.float64) + torch.tensor([3.0, 1.0], dtype=torch.float64).log()
        return scores.softmax(0) @ x

    x = torch.tensor([1.0, 3.0], dtype=torch.float64)
    gradient = torch.autograd.functional.jacobian(output, x)
    assert float(gradient[1]) == pytest.approx(0.625, rel=1e-12)


# --- trained stacks ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack():
    structure = equal_blocks(2, 4)
    batch = synthetic(structure.features, [3, 4], sequences=2, tokens=5, leak=0.1, dtype=torch.float64)
    return train_stack(batch, structure, [0, 1, 4], seeds=[3, 4], steps=15)


def test_the_frozen_jacobian_is_the_one_built_block_by_block(stack):
    with ctx.workprec(128):
        exact = enclosed(stack, 1, 0)
    flow = float(flows_of(frozen_jacobian(stack), stack)[1, 0].max())
    assert float(exact.flow.lower()) * (1 - 1e-9) <= flow <= float(exact.flow.upper()) * (1 + 1e-9)


def test_the_full_jacobian_holds_the_frozen_one_and_more(stack):
    """A step along a direction moves the output of the whole stack as the full Jacobian says, not as the frozen one does."""
    full, frozen = full_jacobian(stack), frozen_jacobian(stack)
    assert full.shape == frozen.shape == (2, 2, 5, 5, 4, 4)
    assert not torch.equal(full, frozen)


def test_measured_leaks_stay_below_the_proved_ones(stack):
    measured = measure_stack(stack)
    assert measured.values <= measured.rollout
    assert len(measured.outside_mass) == 3
    assert measured.everything is not None


def test_spectral_norms_are_enclosed():
    torch.manual_seed(1)
    for size in (1, 3, 7):
        matrix = torch.randn(size, size + 1, dtype=torch.float64)
        norm = float(torch.linalg.matrix_norm(matrix, ord=2))
        with ctx.workprec(128):
            found = spectral_norm(matrix_of(matrix))
        assert float(found.lower()) * (1 - 1e-12) <= norm <= float(found.upper()) * (1 + 1e-12)
    assert spectral_norm(matrix_of(torch.zeros(3, 3))) == 0


def test_a_stack_needs_a_dial_a_layer_and_outputs_as_wide_as_tokens(stack):
    batch, structure = stack.batches[0], stack.structure
    with pytest.raises(StackError, match="a dial for each layer and a seed for each of 2 stacks, got 0 and 2"):
        train_stack(batch, structure, [], seeds=[1, 2])
    with pytest.raises(StackError, match="value_width must be the width 4, got 6"):
        train_stack(batch, equal_blocks(2, 4, value_width=6), [1.0], seeds=[1, 2])


def test_a_mutant_that_leaves_the_reals_is_none():
    """(m - 1)^p, m off by one, has no value at m = 1 for a real degree, so it claims nothing; (m + 1)^p is a mutant."""
    changes = [mutant.change for mutant in mutants(bud.budget_identity)]
    assert "m_L off by one (up)" in changes
    assert "m_L off by one (down)" not in changes
