"""The rules family's own: rules on real rows, residues of float32, divergence, independence, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx, fmpq

from checks import rules_cases as cases
from checks import rules_rows as rows
from checks.claims import Case, judge
from checks.enclosure import rational
from checks.rules import excess
from checks.rules_rows import KeySet, RuleRow, RuleRowError
from checks.verdict import HOLDS, OUT_OF_DOMAIN, UNDECIDED
from theory import formulas
from theory import rules_several as sev
from theory import rules_single as one
from theory import symbols as sym
from theory.namespaces import FLINT, MATH


def test_bad_input_is_refused() -> None:
    with pytest.raises(RuleRowError, match="rule 0 has 1 flags and the row 2 keys"):
        RuleRow((fmpq(0), fmpq(1)), (KeySet((True,), fmpq(1)),), "short")
    row = cases.ordinary()[0]
    good = rows.single(row, row.rules[0].strength)
    assert judge(one.divergence_cap, Case(good, "good")).verdict is HOLDS
    for symbol, bad in ((sym.n, sum(row.rules[0].keys)), (sym.paid, fmpq(-1)), (sym.n, fmpq(7, 2))):
        assert judge(one.divergence_cap, Case({**good, symbol: bad}, "bad")).verdict is OUT_OF_DOMAIN, symbol
    for bad in (arb("nan"), arb(0, 2)):
        assert judge(one.odds_law, Case({**good, sym.fidelity: bad}, "nan")).verdict is UNDECIDED


def test_disjoint_rules_do_not_add_on_the_real_row() -> None:
    """Weights (.25, .25, .5), rules of 1 and 2 nats: -0.141 and 1.547."""
    row = cases.disjoint()
    shifts = []
    for index in (0, 1):
        found = rows.left_out(row, index)
        odds, odds0 = (
            arb(found[a]).log() - arb(found[b]).log() for a, b in ((sym.fidelity, sym.eps), (sym.fidelity0, sym.eps0))
        )
        shifts.append(round(float((odds - odds0).mid()), 3))
        assert judge(sev.leave_one_out, cases.others_case(row, index)).verdict is HOLDS
    assert shifts == [-0.141, 1.547]


@pytest.mark.parametrize(("rule", "left"), [(100.0, sev.LEFT_OF_100), (1e6, sev.LEFT_OF_MILLION)])
def test_the_residues_are_those_of_float32(rule: float, left: sp.Rational) -> None:
    start = np.float32(0.1)
    assert rational(float(start)) == fmpq(int(sev.TENTH.p), int(sev.TENTH.q))
    back = (start + np.float32(rule)) - np.float32(rule)
    assert back.dtype == np.float32
    assert rational(float(back)) == fmpq(int(left.p), int(left.q))


def test_search_finds_what_the_others_can_do_at_most() -> None:
    """Three keys, overlapping rules: ascent comes within a thousandth of the oscillation, which no content exceeds."""
    inside, tilt = np.array([True, True, False, False]), np.array([2.0, -1.0, 1.0, -3.0])
    from checks.rows import climb

    found = climb(lambda x: excess(x, inside, tilt), np.zeros(4), steps=400)
    value, gradient = excess(found, inside, tilt)
    assert 4.9 < value <= 5.0
    start = np.array([0.3, -0.2, 0.1, 0.4])
    step = 1e-6 * np.eye(4)
    numeric = [(excess(start + s, inside, tilt)[0] - excess(start - s, inside, tilt)[0]) / 2e-6 for s in step]
    assert numeric == pytest.approx(excess(start, inside, tilt)[1], abs=1e-8)
    assert gradient.shape == (4,)


def test_divergence_is_accurate_where_the_stated_form_cancels() -> None:
    """A rule of 2^-40 nats: F b - ln(1 + F_0 (e^b - 1)) in float64 is lost in rounding, the stable form is right to 1e-14."""
    for f0 in (0.5, 0.1, 0.999):
        for b in (2.0**-40, -(2.0**-40), 1e-3, 700.0, -700.0):
            value = formulas.rule_divergence(MATH, f0, b)
            with ctx.workprec(2400):  # e^-700 beside 1 takes a thousand of them
                truth = formulas.rule_divergence(FLINT, rational(f0), rational(b))
                assert abs(arb(value) - truth) <= abs(truth) * arb(1e-13), (f0, b)
    b = 2.0**-40
    naive = formulas.fidelity_with_rule(MATH, 0.3, b) * b - np.log(1 + 0.3 * (np.exp(b) - 1))
    assert not 0.5 < naive / formulas.rule_divergence(MATH, 0.3, b) < 2


def test_independence_is_more_than_disjointness() -> None:
    for row in cases.GRIDS:
        assert judge(sev.independent, cases.independent_case(row)).verdict is HOLDS
    tilted = RuleRow((*cases.GRIDS[0].content[:-1], fmpq(3)), cases.GRIDS[0].rules, "no product any more")
    assert judge(sev.independent, cases.independent_case(tilted)).verdict is OUT_OF_DOMAIN
