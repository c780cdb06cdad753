"""The dial family's own: the law of the dial on real rows, bad input."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sympy as sp
from flint import arb, fmpq

from checks import dial_cases as cases
from checks.claims import Case, judge
from checks.dial_rows import DialRow, dial_row, distance, rates, row_observables, weigh
from checks.dial_trained import produced, queries
from checks.enclosure import Row, RowError, observe
from checks.properties import Options
from checks.trained import FleetConfig, train_fleet
from checks.verdict import HOLDS, OUT_OF_DOMAIN, UNDECIDED
from theory import dial_frozen as frozen
from theory import dial_law as law
from theory import dial_level as lev
from theory import dial_monotone as mono
from theory import symbols as sym
from theory.replay import ReplayError, replay
from theory.steps import Apply, Identity

HILL = DialRow((fmpq(-2), fmpq(0)), (True, False), fmpq(1), "the hill", ((fmpq(0),), (fmpq(1),)))


def test_bad_input_is_refused() -> None:
    for content, block in (((fmpq(1),), (True,)), ((fmpq(1), fmpq(2)), (True, True)), ((fmpq(1), fmpq(2)), (False, False))):
        with pytest.raises(RowError):
            DialRow(content, block, fmpq(1), "no row").at(fmpq(0))
    with pytest.raises(RowError, match="scores are finite"):
        dial_row(Row((0.0, float("nan")), (True, False)))
    good = row_observables(HILL, fmpq(3), fmpq(4))
    assert judge(frozen.frozen_mass, Case(good, "good")).verdict in (HOLDS, UNDECIDED)
    for symbol, bad in ((sym.beta, fmpq(-1)), (sym.beta, fmpq(0)), (sym.n, 1), (sym.lead_bound, fmpq(1))):
        assert judge(frozen.frozen_mass, Case({**good, symbol: bad}, "bad")).verdict is OUT_OF_DOMAIN, symbol
    for bad in (arb("nan"), arb(0, 2)):
        assert judge(frozen.frozen_mass, Case({**good, sym.eps: bad}, "nan")).verdict is UNDECIDED


def test_entropy_rises_and_falls_on_the_real_row() -> None:
    heights = [observe(HILL.at(fmpq(d)))[sym.entropy] for d in (0, 2, 4)]
    assert [round(float(h.mid()), 4) for h in heights] == [0.3653, 0.6931, 0.3653]
    assert heights[1] > heights[0]
    assert heights[1] > heights[2]
    assert heights[1].overlaps(arb(2).log())
    assert judge(mono.rising, cases.rate_case(HILL, fmpq(0))).verdict is HOLDS
    assert judge(mono.rising, cases.rate_case(HILL, fmpq(3))).verdict is OUT_OF_DOMAIN


def test_entropy_below_the_block_on_the_real_row() -> None:
    valley = DialRow((fmpq(-4), fmpq(-4), fmpq(0)), (True, True, False), fmpq(1), "valley")
    here = weigh(valley, fmpq(0))
    assert here.entropy < here.parts[0], "entropy lies below H_G before the peak"
    assert judge(mono.floor, cases.row_case(valley, fmpq(0), fmpq(0))).verdict is OUT_OF_DOMAIN
    assert judge(mono.floor, cases.row_case(valley, fmpq(5), fmpq(5))).verdict is HOLDS


def test_about_half_of_random_heads_blur_first() -> None:
    rng = np.random.default_rng(0)
    flags = tuple(index < 4 for index in range(8))
    rows = [
        DialRow(tuple(fmpq(int(x * 2**20), 2**20) for x in rng.standard_normal(8)), flags, fmpq(1), "head") for _ in range(600)
    ]
    rising = sum(judge(mono.rising, cases.rate_case(row, fmpq(0))).verdict is HOLDS for row in rows)
    assert 0.42 < rising / len(rows) < 0.58


def test_power_series_are_the_rates() -> None:
    assert rates(HILL, fmpq(2))[sym.entropy_rate].contains(0), "the peak of the hill"
    step = fmpq(1, 2**8)
    quotient = (weigh(HILL, step).eps - weigh(HILL, -step).eps) / arb(2 * step)
    assert (
        abs(quotient - rates(HILL, fmpq(0))[sym.mass_rate]) < arb(2) ** -21
    )  # step^2/6 times a third derivative of at most 1/8


def test_distance_of_one_point_is_no_nan() -> None:
    point = [arb(1).exp(), arb(2).sqrt()]
    assert distance(point, point).is_finite()
    assert distance(point, point).contains(0)
    assert distance([arb(3)], [arb(-1)]).contains(4)
    assert not distance([arb("nan")], [arb(0)]).is_finite()


def test_layer_scores_are_content_moved_by_rounding() -> None:
    config = FleetConfig(5, "bilinear", False, 2, 8, 0.02, True, 4.0, 0.01, 5, "float32")
    fleet = train_fleet(config, Options(layers=3))
    capture = fleet.capture(0.5)
    for query in queries(fleet, fleet.capture(0.0), 6):
        moved = produced(fleet, capture, query, fmpq(1, 2))
        assert moved.outside == query.row.outside, "the dial does not touch scores outside the block"
        for x, y in zip(moved.inside, query.row.inside, strict=True):
            assert abs(x - y) <= 3 * fmpq(1, 2**24) * (abs(y) + fmpq(1, 2))
        scores = sorted(map(float, capture.scores[query.at][capture.visible[query.at]].tolist()))
        assert sorted(float(x.p) / float(x.q) for x in moved.at(fmpq(1, 2)).scores) == scores


def test_equals_under_a_function_must_be_defined() -> None:
    """The kernel applies any function to an equation, but none with a pole, and to an inequality only an increasing one."""
    x = sp.Symbol("x", real=True)
    pole = dataclasses.replace(law.mass, steps=(*law.mass.steps[:-1], Apply("claim", 1 / (x - 1), x, "eps_0 is")))
    with pytest.raises(ReplayError, match="'claim' \\(Apply\\)"):
        replay(pole)
    falling = dataclasses.replace(mono.falls, steps=(Apply("claim", sp.Abs(x), x, "order"),))
    with pytest.raises(ReplayError, match="not known to increase"):
        replay(falling)
    wrong = dataclasses.replace(
        mono.falls,
        steps=(Identity("claim", sp.Eq(sp.Abs(sym.dial_other - sym.dial), sym.dial - sym.dial_other, evaluate=False)),),
    )
    with pytest.raises(ReplayError, match="'claim' \\(Identity\\)"):
        replay(wrong)


def test_frozen_checkpoint_is_sharp_from_both_sides() -> None:
    for row in cases.two_level_content():
        for level in cases.LEVELS:
            assert judge(lev.target_exact, cases.just_below(row, level)).verdict is HOLDS
    assert all(judge(lev.target, case).verdict is HOLDS for case in cases.target_cases())
