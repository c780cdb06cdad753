"""The concentration family: it holds, it is tight, each hypothesis is needed, bad input is refused, the checks can fail."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sympy as sp
import torch
from flint import arb, ctx, fmpq

from checks.claims import Case, judge, realise, row_case
from checks.concentration import CHECKS, log_ratio
from checks.controls import run_controls, with_claim, without
from checks.enclosure import Row, observe
from checks.properties import Options, attack
from checks.rows import climb, two_level
from checks.shards import LEAST_CONTROLS
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN
from theory import symbols as sym
from theory.concentration import THEOREMS, E, fidelity_target, margin_monotone, outside_mass, rate_is_exact
from theory.replay import ReplayError, replay
from theory.theorem import Theorem

BOUNDS = [theorem for theorem in THEOREMS if theorem.kind == "bound"]
ATTAINED = [theorem for theorem in BOUNDS if theorem.equality.values is not None]
NEEDED = [(theorem, key) for theorem in THEOREMS for key in theorem.needs]


def name(value: object) -> str:
    return value.name if isinstance(value, Theorem) else str(value)


@pytest.mark.parametrize("theorem", THEOREMS, ids=name)
def test_every_statement_is_derived_without_an_argued_lemma(theorem):
    assert replay(theorem).rests_on == ()


@pytest.mark.parametrize("theorem", BOUNDS, ids=name)
def test_a_sharper_last_step_is_refused_by_name(theorem):
    direction = -1 if isinstance(theorem.claim, sp.Le) else 1
    claim = type(theorem.claim)(theorem.claim.lhs, theorem.claim.rhs + direction * sp.Rational(1, 10**6), evaluate=False)
    last = dataclasses.replace(theorem.steps[-1], fact=claim)
    with pytest.raises(ReplayError, match=f"{theorem.name}, step 'claim' .Combine.: the certificate does not add up"):
        replay(dataclasses.replace(theorem, claim=claim, steps=(*theorem.steps[:-1], last)))


@pytest.mark.parametrize("theorem", THEOREMS, ids=name)
def test_extremal_cases_hold(theorem):
    cases = CHECKS.extremal[theorem.name]()
    judged = [judge(theorem, case) for case in cases]
    assert [
        (case.origin, j.reason) for case, j in zip(cases, judged, strict=True) if j.verdict not in (HOLDS, OUT_OF_DOMAIN)
    ] == []
    assert any(j.verdict is HOLDS for j in judged)


@pytest.mark.parametrize("theorem", ATTAINED, ids=name)
def test_attained_bounds_are_attained(theorem):
    certificates = {judge(theorem, case).certificate for case in CHECKS.extremal[theorem.name]()}
    assert "equality case" in certificates


@pytest.mark.parametrize(("theorem", "key"), NEEDED, ids=name)
def test_hypotheses_are_needed(theorem, key):
    case = realise(theorem, key, theorem.needs[key])
    assert judge(theorem, case).verdict is OUT_OF_DOMAIN
    assert judge(without(theorem, key), case).verdict is FAILS


@pytest.mark.parametrize("theorem", THEOREMS, ids=name)
def test_every_control_dies(theorem):
    deaths = run_controls(theorem, CHECKS)
    assert [death.change for death in deaths if death.outcome == "survived"] == []
    assert sum(death.outcome == "killed" for death in deaths) >= LEAST_CONTROLS


@pytest.mark.parametrize("prop", CHECKS.properties, ids=lambda prop: prop.name)
def test_properties_find_no_refutation(prop):
    outcome = attack(prop, Options(layers=4, examples=0.3))
    for statement, tally in outcome.tallies.items():
        assert tally.counts["FAILS"] == 0, (statement, tally.failure)
        assert tally.counts["UNDECIDED"] == 0, (statement, tally.undecided)
        assert tally.counts["HOLDS"] > 0, statement
    assert outcome.layers > 0 or prop.name != "trained_layers"


def test_both_sides_of_the_fidelity_threshold():
    """One unit in the 60th bit below the required margin the two-level row misses its target; at it, the target is met."""
    n, g, odds = 64, 8, 99
    ctx.prec = 256
    try:
        _both_sides(n, g, odds)
    finally:
        ctx.prec = 53


def _both_sides(n: int, g: int, odds: int) -> None:
    required = (arb(odds) * (n - g) / g).log()
    for shift, verdict in ((-(arb(2) ** -60), FAILS), (arb(2) ** -60, HOLDS)):
        gap = required + shift
        stay = g * gap.exp() / (g * gap.exp() + (n - g))
        values = {sym.n: n, sym.g: g, sym.phi: fmpq(odds, odds + 1), sym.margin: gap, sym.fidelity: stay}
        dropped = without(fidelity_target, "margin")
        assert judge(dropped, Case(values, "two-level")).verdict is verdict


def test_a_full_block_is_out_of_domain():
    values = dict(row_case(two_level(4, 1, 1.0)).values) | {sym.g: 4}
    for theorem in THEOREMS:
        if "block" in theorem.assumes and set(theorem.claim.free_symbols) <= values.keys():
            assert judge(theorem, Case(values, "full block")).verdict is OUT_OF_DOMAIN


def test_search_reaches_the_bound():
    """Ascent from a random row ends where the row's odds are within a millionth of the bound's: no lower bound would survive it."""
    inside = np.arange(6) < 2
    start = np.random.default_rng(0).standard_normal(6)
    found = climb(lambda x: log_ratio(x, inside), start)
    assert log_ratio(start, inside)[0] < -0.1
    assert log_ratio(found, inside)[0] > -1e-6
    scores = np.where(inside, 3.0 + found**2, -(found**2))
    case = row_case(Row(tuple(scores.tolist()), tuple(inside.tolist())))
    lowered = with_claim(outside_mass, sp.Le(sym.eps, E * (1 - sp.Rational(1, 10**5)), evaluate=False))
    assert judge(outside_mass, case).verdict is HOLDS
    assert judge(lowered, case).verdict is FAILS


def test_the_gradient_of_the_search_is_the_gradient():
    inside = np.arange(5) < 2
    x = np.random.default_rng(1).standard_normal(5)
    tensor = torch.tensor(x, requires_grad=True)
    squares = tensor**2
    mask = torch.tensor(inside)
    value = torch.logsumexp(-squares[~mask], 0) - torch.logsumexp(squares[mask], 0) + np.log(2 / 3)
    value.backward()
    got, gradient = log_ratio(x, inside)
    assert got == pytest.approx(float(value.detach()), rel=1e-12)
    assert gradient == pytest.approx(tensor.grad.numpy(), rel=1e-12)


def test_the_bound_only_depends_on_the_odds():
    scaled = E.subs({sym.n: 3 * sym.n, sym.g: 3 * sym.g}, simultaneous=True)
    assert sp.simplify(E - scaled) == 0


def test_the_two_level_row_is_where_the_rate_is_exact():
    row = two_level(33, 32, 7.5)
    values = observe(row)
    assert judge(rate_is_exact, row_case(row)).verdict is HOLDS
    assert judge(outside_mass, row_case(row)).certificate == "equality case"
    assert arb(values[sym.eps]) < 1
    assert margin_monotone.kind == "bound"
