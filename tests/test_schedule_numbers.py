"""Schedules as numbers: exact budgets of any degree, leaks in balls, the cheapest schedule and its certificate."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from itertools import pairwise

import pytest
from flint import arb, ctx

from theory.schedule_numbers import (
    LayerBounds,
    Schedule,
    ScheduleError,
    Stack,
    ball,
    bernoulli,
    contain,
    contain_from_norms,
    contained,
    faulhaber,
    leak_of_product,
    off_block_parts,
    power_sum,
)
from theory.schedule_search import cheapest, recheck

STACK = Stack.alike(6, keys=64, block=8, lead=4, value=1)


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5, 6, 9, 20])
def test_power_sums_are_the_sums(degree):
    assert [power_sum(degree, m) for m in range(12)] == [sum(k**degree for k in range(m + 1)) for m in range(12)]


def test_power_sums_of_every_degree_solve_the_recursion():
    """`schedule.any_degree`: a Faulhaber polynomial vanishes at 0 and its difference is the power."""
    for degree in range(1, 15):
        at = [sum(c * Fraction(m) ** i for i, c in enumerate(faulhaber(degree))) for m in range(degree + 4)]
        assert at[0] == 0
        assert [b - a for a, b in pairwise(at)] == [Fraction(m) ** degree for m in range(1, degree + 4)]


def test_bernoulli_numbers():
    assert [bernoulli(k) for k in (0, 1, 2, 3, 4, 12)] == [
        1,
        Fraction(1, 2),
        Fraction(1, 6),
        0,
        Fraction(-1, 30),
        Fraction(-691, 2730),
    ]


@pytest.mark.parametrize("degree", [1, 3, 5, 8])
def test_budgets_are_exact(degree):
    schedule = Schedule(7, degree, Fraction(1, 3), 9)
    assert schedule.budget == sum(schedule.dials())
    low, high = schedule.budget_between
    assert low <= schedule.budget <= high


def test_budgets_of_real_degree_lie_between_the_trapezoid_bounds():
    schedule = Schedule(40, Fraction(7, 3), -1, 5)
    low, high = schedule.budget_between
    assert ball(low) < schedule.budget < ball(high)
    assert not schedule.exact


def test_the_first_layer_above_is_decided_exactly_on_both_sides():
    schedule = Schedule(9, Fraction(3, 2), 0, 1)
    exact = Fraction(1, 8)  # (2/8)^(3/2)
    assert schedule.first_above(exact) == 2
    assert schedule.first_above(exact + Fraction(1, 10**30)) == 3
    assert Schedule(3, 2, 0, 1).first_above(2) is None
    assert Schedule(3, 2, 0, 1).first_above(-1) == 0
    assert Schedule(3, 2, 1, 1).first_above(1) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Schedule(1, 2, 0, 1), "one layer divides 0 by 0"),
        (lambda: Schedule(3, 0, 0, 1), "degree > 0, got 0"),
        (lambda: Schedule(3, 1, 0.5, 1), "dials are exact"),
        (lambda: Schedule(3, 1, 0, 1).dial(3), "numbered 0 to 2, got 3"),
        (lambda: Schedule(3, Fraction(1, 2), 0, 1).budget_between, "degree >= 1 and high >= low"),
        (lambda: LayerBounds(8, 8, 0), "1 <= block < keys, got block 8 of 8 keys"),
        (lambda: LayerBounds(8, 2, 0, -1), "must not be negative"),
        (lambda: Stack(()), "a stack needs a layer"),
        (lambda: contain(STACK, [1, 2]), "needs as many dials, got 2"),
        (lambda: contain(STACK, [1] * 6, 6), "a layer 0 to 5, got 6"),
        (lambda: power_sum(0, 3), "degree p >= 1"),
        (lambda: power_sum(2, -1), "ends at a number >= 0"),
        (lambda: bernoulli(-1), "counted from 0"),
        (lambda: cheapest(STACK, degrees=[1], lows=[0], starts=[0], cap=9, target=1), "between 0 and 1"),
        (lambda: cheapest(STACK, degrees=[], lows=[0], starts=[0], cap=9, target=Fraction(1, 2)), "empty class"),
        (
            lambda: cheapest(STACK, degrees=[1], lows=[0], starts=[0], cap=9, target=Fraction(1, 2), measure="all"),
            "layer, rollout, value",
        ),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ScheduleError, match=message):
        make()


def test_leaks_of_layers_that_differ():
    masses = [ball(Fraction(1, 10)), ball(Fraction(1, 4))]
    found = contained(masses, [1, 3])
    assert found.rollout.overlaps(ball(1 - Fraction(9, 10) * Fraction(3, 4)))
    assert found.value_share.overlaps(ball(1 - Fraction(19, 20) * Fraction(13, 16)))
    assert found.value_flow.overlaps(ball(8 - Fraction(19, 10) * Fraction(13, 4)))
    assert found.measure("layer").overlaps(ball(Fraction(1, 4)))
    assert leak_of_product([arb(1), arb("0.5")]) == 1
    tiny = leak_of_product([ball(Fraction(1, 10**30))] * 3)  # no cancellation
    assert float(tiny) == pytest.approx(3e-30, rel=1e-12)


def test_an_unlocalised_first_layer_is_said_to_be_vacuous():
    dials = Schedule(6, 2, 0, 40).dials()
    assert "layer 0 alone makes it so" in contain(STACK, dials).vacuous["rollout"]
    assert contain(STACK, dials, 4).vacuous == {}
    assert "value" in contain(STACK, [0] * 6).vacuous


def test_off_block_parts_of_one_layer():
    found = contained([ball(Fraction(1, 4))], [2])
    pairs = off_block_parts(found, [2], norm=1, off=Fraction(1, 8))
    assert pairs[1][0].overlaps(arb(3))
    assert pairs[1][1].overlaps(ball(3 - Fraction(7, 8) * Fraction(5, 2)))


NORMS = {
    "keys": 16,
    "block": 4,
    "content": [Fraction(1, 2)] * 3,
    "values": [Fraction(1, 4)] * 3,
    "norm": 1,
    "off": Fraction(1, 10),
}


def test_norms_alone_guarantee_every_layer_from_those_before():
    layers, found = contain_from_norms([12, 12, 12], **NORMS)
    assert layers[0].lead.overlaps(ball(Fraction(1, 2) * (1 + Fraction(1, 5))))
    assert layers[0].margin.overlaps(ball(12 - Fraction(3, 5)))
    pairs = off_block_parts(found, NORMS["values"], norm=1, off=Fraction(1, 10))  # the closed form of schedule.off_block
    for layer, (norm, off) in zip(layers, pairs, strict=False):
        assert layer.norm.overlaps(norm)
        assert layer.off.overlaps(off)
    assert found.vacuous == {}
    assert found.value_share < ball(Fraction(1, 1000))


def test_norms_that_grow_beyond_the_dial_are_said_to_guarantee_nothing():
    _, found = contain_from_norms([12, 12, 12], **NORMS | {"values": [4, 4, 4]})
    assert "layer 1 may let out" in found.vacuous["layer"]
    with pytest.raises(ScheduleError, match="a part is no longer than its token"):
        contain_from_norms([12, 12, 12], **NORMS | {"off": 2})


def test_the_cheapest_schedule_is_certified_and_beats_every_other_of_the_class():
    found = cheapest(STACK, degrees=[1, 2, 3], lows=[0, 8], starts=[3], cap=40, target=Fraction(1, 50))
    assert found.certified
    assert found.best is not None
    assert list(recheck(found, STACK)) == []
    best = found.best.budget
    for degree in (1, 2, 3):
        for low in (0, 8):
            for high in range(low, 41):
                schedule = Schedule(6, degree, low, high)
                if schedule.budget < best:
                    with ctx.workprec(128):
                        assert contain(STACK, schedule.dials(), 3).value_share > ball(Fraction(1, 50))


def test_a_false_certificate_is_found_out():
    found = cheapest(STACK, degrees=[1], lows=[0], starts=[3], cap=40, target=Fraction(1, 50))
    part = found.slices[0]
    cheap = dataclasses.replace(part, schedule=dataclasses.replace(part.schedule, high=part.just_below))
    assert "not shown to reach" in next(recheck(dataclasses.replace(found, slices=(cheap,)), STACK))
    dear = dataclasses.replace(part, just_below=part.schedule.high)
    assert "not shown to miss" in next(recheck(dataclasses.replace(found, slices=(dear,)), STACK))
    none = dataclasses.replace(part, schedule=None)
    assert "the cap may reach" in next(recheck(dataclasses.replace(found, slices=(none,)), STACK))


def test_a_cap_that_does_not_reach_is_reported():
    found = cheapest(STACK, degrees=[1], lows=[0], starts=[0], cap=3, target=Fraction(1, 50))
    assert found.best is None
    assert found.certified
