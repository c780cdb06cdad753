"""The float64 screen: what it encloses is enclosed, what it decides Arb confirms, and it decides nothing at an edge."""

from __future__ import annotations

import os
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from checks import kernel
from checks import screen as module
from checks.claims import judge, row_case
from checks.enclosure import Row, observe
from checks.screen import screen
from checks.verdict import HOLDS
from theory import symbols as sym
from theory import theorem_named

WAYS = [
    "numpy",
    pytest.param(
        "compiled", marks=pytest.mark.skipif(bool(kernel.why_not()) and not os.environ.get("CI"), reason=kernel.why_not())
    ),
]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(kernel, "library", lambda: None)
    return str(request.param)


def rows_of(kind: str, seed: int, count: int, n: int, g: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    block = np.zeros((count, n), dtype=bool)
    block[:, :g] = True
    noise = rng.standard_normal((count, n)) * 10.0 ** rng.uniform(-8, 2.5, (count, 1))
    scores = {
        "random": noise,
        "two levels": np.where(block, rng.uniform(-3, 40, (count, 1)), 0.0),
        "nearly two levels": np.where(block, 5.0, 0.0) + noise * 1e-10,
        "far": np.where(block, 0.0, -np.abs(noise) * 30 - 600),
        "negative margin": np.where(block, -np.abs(noise), noise),
        "huge offset": noise + 1e15,
    }[kind]
    return scores, block


KINDS = ("random", "two levels", "nearly two levels", "far", "negative margin", "huge offset")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "g"), [(2, 1), (7, 3), (64, 8), (64, 63), (1000, 1)])
def test_arb_lies_in_every_enclosure(kind: str, n: int, g: int):
    scores, block = rows_of(kind, n + g, 12, n, g)
    found = screen(scores, block)
    assert found.usable.all()
    ctx.prec = 200
    for index, (x, flags) in enumerate(zip(scores.tolist(), block.tolist(), strict=True)):
        true = observe(Row(tuple(x), tuple(flags), "test"), 200)
        for near, symbol in ((found.outside_mass, sym.eps), (found.entropy, sym.entropy), (found.margin, sym.margin)):
            gap = abs(arb(true[symbol]) - arb(float(near.value[index])))
            assert gap <= arb(float(near.radius[index])), f"{symbol} of row {index}"
        # and the radii say something: relative for the outside mass, however small it is, absolute for the entropy
        assert found.outside_mass.radius[index] <= 1e-12 * found.outside_mass.value[index] + 1e-290
        assert found.entropy.radius[index] <= 1e-12 * (1 + found.entropy.value[index])


@pytest.mark.usefixtures("way")
@given(scores=hnp.arrays(np.float64, (4, 6), elements=st.floats(-800, 800)), g=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_what_the_screen_decides_arb_confirms(scores: np.ndarray, g: int):
    block = np.zeros(scores.shape, dtype=bool)
    block[:, :g] = True
    found = screen(scores, block)
    decided = {
        "concentration.outside_mass": found.below_outside_mass_bound()[0],
        "entropy.ceiling": found.below_entropy_ceiling()[0],
    }
    for name, certain in decided.items():
        for index in np.flatnonzero(certain).tolist():
            row = Row(tuple(scores[index].tolist()), tuple(block[index].tolist()), "test")
            assert judge(theorem_named(name), row_case(row)).verdict is HOLDS


@pytest.mark.usefixtures("way")
def test_most_rows_are_decided_and_no_equality_case_is():
    scores, block = rows_of("random", 3, 400, 16, 4)
    scores = np.where(block, np.abs(scores), -np.abs(scores))
    found = screen(scores, block)
    assert found.below_outside_mass_bound()[0].mean() > 0.9
    assert found.below_entropy_ceiling()[0].mean() > 0.8
    two, flags = rows_of("two levels", 4, 50, 16, 4)
    edge = screen(two, flags)
    assert not edge.below_outside_mass_bound()[0].any(), "at equality no float can decide"
    assert not edge.below_entropy_ceiling()[0].any()


@pytest.mark.usefixtures("way")
def test_a_bound_that_is_too_low_is_not_confirmed(monkeypatch: pytest.MonkeyPatch):
    """The screen can refuse: with the ceiling lowered by a nat it confirms no row near it."""
    scores, block = rows_of("nearly two levels", 5, 100, 16, 4)
    true = module._entropy_ceiling
    monkeypatch.setattr(module, "_entropy_ceiling", lambda *a: module.Enclosed(true(*a).value - 1, true(*a).radius))
    assert not screen(scores, block).below_entropy_ceiling()[0].any()


@pytest.mark.usefixtures("way")
def test_removed_keys_are_left_out_and_odd_rows_are_not_usable():
    scores = np.array(
        [[1.0, 0.5, -2.0, 9.0], [1.0, 0.5, -2.0, np.nan], [1.0, np.inf, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    )
    block = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], dtype=bool)
    visible = np.ones_like(block)
    visible[:2, 3] = False
    found = screen(scores, block, visible)
    assert found.usable.tolist() == [True, True, False, False, False]
    assert not found.below_outside_mass_bound()[0][2:].any()
    alone = screen(scores[:1, :3], block[:1, :3])
    assert found.entropy.value[0] == alone.entropy.value[0] == found.entropy.value[1]
    with pytest.raises(ValueError, match="of one shape"):
        screen(scores, block[:, :3])


@pytest.mark.usefixtures("way")
def test_the_exponential_is_right_to_its_units():
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [-rng.uniform(0, 708, 3000), -(2.0 ** rng.uniform(-60, 9, 3000)), -np.arange(1, 1000) * np.log(2) / 2, [0.0]]
    )
    got = module._exp(x)
    ctx.prec = 120
    worst = max(abs(arb(float(y)) / arb(float(v)).exp() - 1).upper() for v, y in zip(x.tolist(), got.tolist(), strict=True))
    assert Fraction(float(worst)) <= module.EXP * Fraction(1, 2**53)
    assert module._exp(np.array([-708.5, -np.inf, -1e300])).tolist() == [0.0, 0.0, 0.0]


def test_rows_for_arb_are_the_ties_and_a_sample():
    certain, usable = np.array([True, False, False] + [True] * 997), np.array([True, True, False] + [True] * 997)
    rng = np.random.default_rng(1)
    chosen = list(module.undecided(certain, usable, rng, 0.1))
    assert 1 in chosen
    assert 2 not in chosen
    assert 60 < len(chosen) < 150
