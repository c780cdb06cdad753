"""The concentration family's own: the fidelity threshold from both sides, the search and its gradient, where the rate is exact."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
import torch
from flint import arb, ctx, fmpq

from checks.claims import Case, judge, row_case
from checks.concentration import log_ratio
from checks.controls import with_claim, without
from checks.enclosure import Row, observe
from checks.rows import climb, two_level
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN
from theory import symbols as sym
from theory.concentration import THEOREMS, E, fidelity_target, margin_monotone, outside_mass, rate_is_exact


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
