"""Verdicts, rows and judgements: nothing that is not shown ever counts as HOLDS."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from flint import arb, fmpq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checks.claims import Case, judge, realise, row_case
from checks.enclosure import Row, RowError, merge, observe, rational, rows_of
from checks.rows import block_flags, ordinary_rows, two_level, two_level_rows
from checks.verdict import EXIT_CODES, FAILS, HOLDS, OUT_OF_DOMAIN, UNDECIDED, Verdict, worst
from theory import symbols as sym
from theory.concentration import necessary_margin, outside_mass, soft_margin_form
from theory.theorem import Witness

NAN, INF = float("nan"), float("inf")


def test_a_verdict_has_no_truth_value():
    for verdict in Verdict:
        with pytest.raises(TypeError, match="no truth value"):
            bool(verdict)


def test_the_worst_of_verdicts():
    assert worst([]) is UNDECIDED  # nothing was checked, so nothing holds
    assert worst([HOLDS, HOLDS]) is HOLDS
    assert worst([HOLDS, OUT_OF_DOMAIN]) is OUT_OF_DOMAIN
    assert worst([HOLDS, OUT_OF_DOMAIN, UNDECIDED]) is UNDECIDED
    assert worst([UNDECIDED, FAILS, HOLDS]) is FAILS
    assert [EXIT_CODES[v] for v in (HOLDS, FAILS, OUT_OF_DOMAIN, UNDECIDED)] == [0, 1, 2, 3]


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_scores_that_are_not_finite_are_refused(bad):
    with pytest.raises(RowError, match="scores are finite"):
        Row((0.0, bad, 1.0), (True, False, False))


@pytest.mark.parametrize(("n", "g"), [(1, 0), (1, 1), (3, 0), (3, 3)])
def test_an_empty_or_full_block_is_refused(n, g):
    with pytest.raises(RowError, match="1 <= g <= n - 1"):
        Row((0.0,) * n, block_flags(n, g))


def test_a_row_needs_a_flag_a_key():
    with pytest.raises(RowError, match="2 scores and 3 block flags"):
        Row((0.0, 1.0), (True, False, False))


def test_masked_keys_are_removed_and_masked_rows_left_out():
    scores = np.array([[1.0, 9.0, 0.0], [1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    block = np.array([[True, False, False]] * 3)
    visible = np.array([[True, False, True], [False, True, True], [False, False, False]])
    rows = list(rows_of(scores, block, visible, "here"))
    assert [row.scores for row in rows] == [(1.0, 0.0)]  # row 1 has no block key left, row 2 no key at all
    with pytest.raises(RowError):
        list(rows_of(np.array([[NAN, 0.0]]), np.array([[True, False]]), None, "here"))


values = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 1e-300, 700.0, -700.0]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(values, min_size=1, max_size=6), st.data())
@example([NAN, 1.0], None)
def test_hostile_rows_hold_only_for_a_reason(scores, data):
    """Whatever the scores: a HOLDS is confirmed by an independent evaluation in rationals and 4,000-bit balls, or there is none."""
    flags = block_flags(len(scores), data.draw(st.integers(0, len(scores))) if data is not None else 1)
    if not all(map(math.isfinite, scores)) or not 0 < sum(flags) < len(flags):
        with pytest.raises(RowError):
            Row(tuple(scores), flags)
        return
    row = Row(tuple(scores), flags)
    judgement = judge(outside_mass, row_case(row))
    assert judgement.verdict in (HOLDS, UNDECIDED)
    if judgement.verdict is HOLDS and judgement.certificate == "arb":
        assert judgement.slack >= 0
        assert judgement.slack.is_finite()
    elif judgement.verdict is HOLDS:
        assert row.two_level


@pytest.mark.parametrize("bad", [arb("nan"), arb(0, 1) ** arb("0.5"), arb("inf"), arb("-inf"), arb(0, "inf")])
@pytest.mark.parametrize("symbol", [sym.eps, sym.t, sym.margin])
def test_balls_that_are_no_numbers_never_hold(bad, symbol):
    good = dict(row_case(two_level(4, 1, 1.0)).values)
    assert judge(outside_mass, Case(good, "good", extremal=True)).verdict is HOLDS
    for extremal in (False, True):
        assert judge(outside_mass, Case(good | {symbol: bad}, "bad", extremal=extremal)).verdict is not HOLDS


def test_a_wide_ball_is_undecided_and_a_narrow_one_decides():
    good = dict(row_case(two_level(4, 1, 1.0)).values)
    bound = judge(outside_mass, Case(good, "", extremal=True)).rhs
    at = [Case(good | {sym.eps: bound * factor}, "") for factor in (arb(1, "1e-3"), arb("1.000001"), arb("0.999999"))]
    assert [judge(outside_mass, case).verdict for case in at] == [UNDECIDED, FAILS, HOLDS]


def test_an_equality_case_counts_only_if_it_is_one():
    row = two_level(8, 2, 3.0)
    assert judge(outside_mass, row_case(row)).certificate == "equality case"
    assert judge(outside_mass, row_case(row, extremal=False)).verdict is UNDECIDED
    assert not Row((3.0, 3.0, 0.0, 1e-300), block_flags(4, 2)).two_level


def test_broken_hypotheses_are_out_of_domain_and_name_the_remedy():
    judgement = judge(outside_mass, row_case(two_level(4, 1, 1.0), {sym.t: fmpq(2)}))
    assert judgement.verdict is OUT_OF_DOMAIN
    assert "Raise the dial" in judgement.reason
    full = dict(row_case(two_level(4, 1, 1.0)).values) | {sym.g: 4}
    assert judge(outside_mass, Case(full, "full block")).verdict is OUT_OF_DOMAIN
    negative = dict(row_case(two_level(4, 1, 1.0)).values) | {sym.eps: fmpq(-1)}
    assert judge(outside_mass, Case(negative, "no mass is negative")).verdict is OUT_OF_DOMAIN
    undecided = dict(row_case(two_level(4, 1, 1.0)).values) | {sym.t: arb(1, 1)}
    assert judge(outside_mass, Case(undecided, "t may exceed the margin")).verdict is UNDECIDED


def test_a_case_without_a_value_is_an_error():
    with pytest.raises(KeyError, match="gives no value for"):
        judge(outside_mass, Case({sym.n: 2, sym.g: 1}, "half a case"))
    with pytest.raises(ValueError, match="given twice"):
        merge({sym.n: 1}, {sym.n: 2})


def test_observables_enclose_a_reference_in_many_more_bits():
    for row in (*two_level_rows(), *ordinary_rows()):
        coarse, fine = observe(row, 64), observe(row, 4000)
        assert coarse.keys() == fine.keys()
        for symbol, value in coarse.items():
            assert arb(value).overlaps(arb(fine[symbol]))
        weights = [(arb(x) - arb(max(row.scores))).exp() for x in row.scores]
        total = sum(weights, arb(0))
        entropy = -sum((w / total * (w / total).log() for w in weights), arb(0))
        assert entropy.overlaps(coarse[sym.entropy])


def test_identities_need_agreement():
    for row in ordinary_rows():
        assert judge(soft_margin_form, row_case(row)).certificate == "identity"
    loose = dict(row_case(ordinary_rows()[0]).values) | {sym.eps: arb(0.5, 0.5)}
    assert judge(soft_margin_form, Case(loose, "loose")).verdict is UNDECIDED


def test_tiny_numbers_agree_only_at_their_own_scale():
    values = {sym.n: 2, sym.g: 1, sym.soft_margin: arb(100)}  # eps = 4e-44
    wide = values | {sym.eps: arb(0, 1e-30)}
    assert judge(soft_margin_form, Case(wide, "a ball that holds 0 and 1e-31")).verdict is UNDECIDED
    wide = {sym.n: 2, sym.g: 1, sym.t: fmpq(100), sym.margin: fmpq(100), sym.eps: arb(0, 1e-30)}
    assert judge(outside_mass, Case(wide, "the same, said to be an equality case", extremal=True)).verdict is UNDECIDED


def test_counts_are_whole_and_positive_numbers_above_zero():
    good = {sym.n: 4, sym.g: 2, sym.t: fmpq(1), sym.margin: fmpq(1), sym.eps: fmpq(1, 10)}
    assert judge(outside_mass, Case(good, "good")).verdict is HOLDS
    for bad in ({sym.n: fmpq(9, 2)}, {sym.g: fmpq(1, 2)}, {sym.g: arb("1.5")}, {sym.g: arb(0)}):
        assert judge(outside_mass, Case(good | bad, "bad")).verdict is OUT_OF_DOMAIN
    assert judge(outside_mass, Case(good | {sym.g: arb(1, 1)}, "one key or two")).verdict is UNDECIDED
    infinite = {sym.n: 2, sym.g: 1, sym.eps: 0, sym.soft_margin: arb("inf")}
    assert judge(soft_margin_form, Case(infinite, "1/(1 + e^inf) is no number")).verdict is UNDECIDED


def test_a_witness_is_computed_not_believed():
    typed = {sym.n: sp.Integer(2), sym.g: sp.Integer(1), sym.t: sp.Integer(1), sym.margin: sp.Integer(0)}
    lie = Witness(typed | {sym.eps: sp.Rational(9, 10)},
                  scores=(sp.Integer(0), sp.Integer(0)), block=(0,))  # fmt: skip
    with pytest.raises(ValueError, match="is typed as 9/10"):
        realise(outside_mass, "margin", lie)


def test_floats_are_the_reals_they_are():
    assert rational(0.1) == fmpq(3602879701896397, 36028797018963968)
    row = Row((0.1, float(np.float32(0.1))), (True, False))
    assert observe(row)[sym.margin] == rational(0.1) - rational(float(np.float32(0.1)))
    assert Row((float.fromhex(row.exact["scores"][0]), 0.0), (True, False)).scores[0] == 0.1


def test_zero_on_both_sides_is_an_equality_case():
    assert judge(necessary_margin, row_case(two_level(2, 1, 0.0))).verdict is HOLDS
