"""The blocks family's own: guarantees before and after training, the promised margin, bad numbers."""

from __future__ import annotations

import dataclasses
import random
from fractions import Fraction

import pytest
import sympy as sp
import torch
from flint import arb, fmpq

from checks.blocks import cases_of_rows, measured
from checks.blocks_exact import BrokenPromiseError, exact_layer
from checks.blocks_fleets import Plan, promised_fleet
from checks.claims import Case, judge, row_case
from checks.data import Batch
from checks.enclosure import Row, rational
from checks.layer import Parameters, Structure, attend, equal_blocks
from checks.properties import Options
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN, UNDECIDED
from theory import symbols as sym
from theory.blocks_guarantee import guarantee_entropy
from theory.blocks_leak import leak
from theory.blocks_margin import margin_of_form
from theory.blocks_structure import column_groups, negative_margin, non_interference, structure

PLAN = Plan(
    seed=11,
    parametrisation="bilinear",
    text=False,
    blocks=3,
    tokens=9,
    leak=0.05,
    causal=True,
    dial=8.0,
    strength=1.0,
    temperature=1.0,
    ball=1.0,
    per_group=True,
    further=4,
    dtype="float32",
)


def test_bad_numbers_never_hold() -> None:
    good = {sym.B: 1, sym.delta: 0, sym.rho_A: 1, sym.tau: 1, sym.off_norm: 0, sym.cross_score: 0}
    assert judge(leak, Case(good, "good")).verdict is HOLDS
    for symbol, bad in ((sym.delta, -1), (sym.delta, 2), (sym.off_norm, fmpq(1, 10**9)), (sym.tau, 0), (sym.rho_A, -1)):
        assert judge(leak, Case({**good, symbol: bad}, "bad")).verdict is OUT_OF_DOMAIN, symbol
    for symbol in (sym.cross_score, sym.B, sym.off_norm):
        assert judge(leak, Case({**good, symbol: arb("nan")}, "nan")).verdict is UNDECIDED
    dialless = {**good, sym.beta: 1, sym.dial: 0}
    row = row_case(
        Row((0.0, 0.0), (True, False)), {k: v for k, v in dialless.items() if k is not sym.cross_score}, extremal=False
    )
    assert judge(guarantee_entropy, row).verdict is OUT_OF_DOMAIN, "below margin 0 there is no ceiling, and none is claimed"


def test_configuration_holds_before_and_after_training() -> None:
    fleet = promised_fleet(PLAN, Options(layers=6))
    assert not fleet.promise.vacuous
    for layer in fleet.layers():
        assert layer.off[sym.off_norm] == 0
        rows = [judge(theorem, case) for theorem, case in cases_of_rows(layer, fleet.values(layer), qk=False, no_leak=False)]
        assert rows
        assert all(j.verdict is HOLDS for j in rows)


def test_promised_margin_is_the_theorem() -> None:
    plan = dataclasses.replace(PLAN, per_group=False)
    fleet = promised_fleet(plan, Options(layers=2))
    case = {
        symbol: sp.Rational(value.p, value.q)
        for symbol, value in fleet.values(next(fleet.layers())).items()
        if isinstance(value, fmpq)
    }
    exact = margin_of_form.claim.rhs.subs(case)
    assert exact - sp.Rational(1, 10**12) <= sp.Rational(*Fraction(fleet.promise.margin).as_integer_ratio()) <= exact
    assert fleet.promise.extinction_steps == 16


def test_broken_promise_is_refused() -> None:
    fleet = promised_fleet(PLAN, Options(layers=2))
    for broken in (dataclasses.replace(PLAN, ball=1e-3), dataclasses.replace(PLAN, ball=1e-3, per_group=False)):
        with pytest.raises(BrokenPromiseError, match="promised at most"):
            list(dataclasses.replace(fleet, plan=broken).layers())
    shorter = dataclasses.replace(fleet.batch, leak=0.01)
    with pytest.raises(BrokenPromiseError, match="off-block part"):
        list(dataclasses.replace(fleet, batch=shorter).layers())


Matrix = list[list[float]]


def _layer(
    tokens: Matrix, blocks: list[int], form: Matrix, *, qk: list[Matrix] | None = None
) -> tuple[Parameters, Batch, Structure]:
    made = equal_blocks(2, 2, 2 if qk else 0, value_width=1)
    batch = Batch(torch.tensor([[tokens]]), torch.tensor([[blocks]]), torch.tensor([[blocks]]), (1, 1), 5.0, 0.0)
    content = torch.tensor([qk if qk else [form]])
    return Parameters(content, torch.ones(1, 1, 2), torch.ones(1, 2, 1)), batch, made


def test_counterexamples_are_real_layers() -> None:
    # one head block reads feature block 1 in W_Q and feature block 2 in W_K: column groups W_Q^(2), W_K^(1) are zero
    parameters, batch, made = _layer(
        [[5.0, 0.0], [0.0, 5.0]], [0, 1], [], qk=[[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]]]
    )
    assert attend(parameters, batch, made).content[0, 0, 0, 1] == 25.0
    case = Case({sym.cross_score: 25, sym.delta: 0, **exact_layer(parameters, batch, made, 0, "columns").off}, "columns")
    assert judge(structure, case).verdict is OUT_OF_DOMAIN
    assert judge(column_groups, Case({}, "closed")).verdict is HOLDS
    # A_1 = -1: the query turns from itself to three keys of the other block
    parameters, batch, made = _layer([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], [0, 1, 1, 1], [[-1.0, 0.0], [0.0, 1.0]])
    row = exact_layer(parameters, batch, made, 0, "negative").sequences[0].row(0, fmpq(0))
    seen = row_case(row).values
    assert seen[sym.margin] == -1
    assert arb(seen[sym.eps]) > arb(3) / 4
    assert judge(negative_margin, Case({}, "closed")).verdict is HOLDS
    # A = 0 is in every ball: without a dial the row is uniform, and a ceiling below ln 4 would be false
    parameters, batch, made = _layer([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], [0, 1, 1, 1], [[0.0, 0.0], [0.0, 0.0]])
    layer = exact_layer(parameters, batch, made, 0, "uniform")
    assert arb(row_case(layer.sequences[0].row(0, fmpq(0))).values[sym.entropy]).overlaps(arb(4).log())


def test_an_off_block_ulp_is_seen() -> None:
    """The smallest living off-block weight, and the smallest leak, move a weight: exactness is not a tolerance."""
    for form, token in (([[1.0, 1e-30], [0.0, 1.0]], [0.0, 1.0]), ([[1.0, 0.0], [0.0, 1.0]], [1e-30, 1.0])):
        parameters, batch, made = _layer([[1.0, 0.0], token], [0, 1], form)
        layer = exact_layer(parameters, batch, made, 0, "ulp")
        score = layer.sequences[0].content[0][1]
        assert score != 0
        values = {sym.cross_score: score, sym.delta: measured(layer)[sym.delta], **layer.off}
        assert judge(structure, Case(values, "ulp")).verdict is OUT_OF_DOMAIN
    assert (
        judge(non_interference, Case({sym.weight_drift: rational(2.0**-149), sym.off_norm: 0, sym.delta: 0}, "a bit")).verdict
        is FAILS
    )


def test_vector_lemmas_on_exact_vectors() -> None:
    """bilinear_form, norm_of_product, block_diagonal, norm_of_sum, triangle: squares of both sides in rational arithmetic."""
    rng = random.Random(5)

    def vector(size: int) -> list[Fraction]:
        return [Fraction(rng.randint(-9, 9), rng.randint(1, 9)) for _ in range(size)]

    def square(entries: list[Fraction]) -> Fraction:
        return sum((x * x for x in entries), Fraction(0))

    for _ in range(200):
        size = rng.randint(1, 4)
        left, right = vector(size), vector(size)
        one, two = ([vector(size) for _ in range(size)] for _ in range(2))
        form = sum((left[i] * one[i][j] * right[j] for i in range(size) for j in range(size)), Fraction(0))
        flat = [x for row in one for x in row], [x for row in two for x in row]
        assert form**2 <= square(flat[0]) * square(left) * square(right)
        parts = [sum((one[i][j] * left[j] for j in range(size)), Fraction(0)) for i in range(size)]  # one block of M, one part
        blocks = [*parts, *(sum((two[i][j] * right[j] for j in range(size)), Fraction(0)) for i in range(size))]
        assert square(blocks) <= (square(flat[0]) + square(flat[1])) * max(square(left), square(right))
        made = [sum((one[k][i] * two[k][j] for k in range(size)), Fraction(0)) for i in range(size) for j in range(size)]
        assert square(made) <= square(flat[0]) * square(flat[1])
        total = square([x + y for x, y in zip(left, right, strict=True)]) - square(left) - square(right)  # 2 <a, b>
        assert total <= 0 or total**2 <= 4 * square(left) * square(right)
        shares = [abs(x) for x in vector(size)]
        mixed = [sum((share * row[j] for share, row in zip(shares, one, strict=True)), Fraction(0)) for j in range(size)]
        assert square(mixed) <= sum(shares) ** 2 * max(square(row) for row in one)
