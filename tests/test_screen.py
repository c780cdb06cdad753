"""The float64 screen: what it encloses is enclosed, what it decides Arb confirms, it decides no edge, and weakened it fails."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import theory
from checks import balls, kernel
from checks.balls import PROVED, Ball, Balls, exactly
from checks.claims import judge, row_case
from checks.enclosure import Row, RowError, observe
from checks.evaluators import Attack, EvaluatorResult, Finding
from checks.properties import Options, Tally
from checks.screen import MOST_KEYS, SCREENED, for_arb, screen, two_levels
from checks.screen_attack import CONTROLS, Truth, attack_screen, findings, operations, weakened_screens
from checks.screen_rows import KINDS, HostileBatch, standard_batches
from checks.shards import Shard, merge
from checks.verdict import FAILS, HOLDS, UNDECIDED
from theory import symbols as sym
from theory import theorem_named

WAYS = [
    "numpy",
    pytest.param(
        "compiled", marks=pytest.mark.skipif(bool(kernel.why_not()) and not os.environ.get("CI"), reason=kernel.why_not())
    ),
]
EDGES = (
    "concentration.outside_mass",
    "concentration.fidelity_floor",
    "entropy.dual",
    "entropy.ceiling",
    "entropy.at_outside_mass",
)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(kernel, "library", lambda: None)
    return str(request.param)


def block_of(count: int, n: int, g: int) -> np.ndarray:
    block = np.zeros((count, n), dtype=bool)
    block[:, :g] = True
    return block


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", KINDS)
def test_arb_confirms_everything_that_the_screen_says_of_hostile_rows(kind: str):
    attack = Attack()
    for batch in standard_batches():
        if batch.kind == kind:
            truth = Truth(batch)
            for finding in findings(truth, PROVED):
                attack.add(finding)
    assert attack.failure is None
    assert attack.undecided is None
    assert attack.compared > 20, "a screen that claims nothing is always right"


@pytest.mark.usefixtures("way")
def test_arithmetic_on_balls_encloses_and_says_something():
    attack = Attack()
    for seed in range(8):
        for finding in operations(seed, PROVED):
            attack.add(finding)
    assert attack.failure is None
    assert attack.undecided is None
    assert min(attack.most.values()) > 0.5, "radii that are never half used would hide a mistake"


@pytest.mark.usefixtures("way")
def test_every_weakened_screen_is_refuted_by_a_row():
    ends = {control["change"]: control["outcome"] for control in weakened_screens()}
    assert ends == dict.fromkeys(CONTROLS, "killed")


@pytest.mark.usefixtures("way")
def test_an_attack_by_hypothesis_holds_and_is_the_same_again():
    options = Options(examples=0.05)
    once = attack_screen(options, 0, 1)
    assert once.verdict is HOLDS
    assert once.rows
    assert once == attack_screen(options, 0, 1)


def test_a_failure_of_the_screen_fails_the_run():
    killed = [{"change": str(index), "outcome": "killed", "witness": None} for index in range(5)]
    good, bad = Attack(compared=3, decided=2), Attack()
    bad.add(Finding("H", FAILS, record=lambda: {"row": 1}))
    assert EvaluatorResult("screen", good, killed).verdict is HOLDS
    assert EvaluatorResult("screen", bad, killed).verdict is FAILS
    assert EvaluatorResult("screen", good, killed[1:]).verdict is FAILS
    assert EvaluatorResult("screen", good, [*killed, {"change": "x", "outcome": "survived"}]).verdict is FAILS
    assert EvaluatorResult("screen", Attack(compared=3), killed).verdict is UNDECIDED, "nothing decided"
    assert EvaluatorResult("screen", Attack(), killed).verdict is UNDECIDED
    good.merge(bad)
    assert good.verdict is FAILS


def test_a_statement_that_a_failing_screen_decided_fails_and_others_do_not():
    def tally(screened: int) -> dict[str, object]:
        return asdict(Tally(counts={"HOLDS": 9, "FAILS": 0, "UNDECIDED": 0, "OUT_OF_DOMAIN": 0}, screened=screened))

    names = ("concentration.outside_mass", "concentration.monotone")
    attack = Attack(compared=3, decided=2)
    for failure, unsound in ((None, ()), ({"what": "H"}, ("screen",))):
        attack.failure = failure
        results = {
            Shard("property", "concentration", "p"): {
                "tallies": dict(zip(names, (tally(5), tally(0)), strict=True)),
                "layers": 0,
            },
            Shard("evaluator", "concentration", "screen"): {"attack": asdict(attack)},
            Shard("weakened", "concentration", "screen"): {
                "controls": [{"change": str(i), "outcome": "killed"} for i in range(5)]
            },
        }
        found = {entry.name: entry for entry in merge(["concentration"], results)}
        assert found[names[0]].unsound == unsound
        assert found[names[1]].unsound == ()
        assert any("decided by what does not hold" in problem for problem in found[names[0]].problems) is bool(unsound)


def test_the_exact_numbers_of_a_hostile_row_are_those_of_the_enclosures():
    for batch in standard_batches():
        if batch.n > 64:
            continue
        truth = Truth(batch)
        keep = truth.visible[0]
        row = observe(Row(tuple(truth.scores[0][keep].tolist()), tuple(truth.block[0][keep].tolist())), 192)
        for symbol, value in truth.numbers(0, 192).items():
            if isinstance(value, (int, fmpq)):
                assert value == row[symbol]
            else:
                assert arb(value).overlaps(arb(row[symbol])) or not arb(value).is_finite()


@pytest.mark.usefixtures("way")
def test_radii_say_something():
    """Relative for the outside mass, however small it is; absolute for the entropy."""
    for kind in ("ordinary", "two levels", "slightly apart"):
        batch = HostileBatch(3, kind, 64, 8, 50)
        numbers = screen(*batch.rows()).numbers
        assert (numbers[sym.eps].radius <= 1e-12 * numbers[sym.eps].value + 1e-290).all()
        assert (numbers[sym.entropy].radius <= 1e-12 * (1 + numbers[sym.entropy].value)).all()


@pytest.mark.usefixtures("way")
@given(scores=hnp.arrays(np.float64, (4, 6), elements=st.floats(-800, 800)), g=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_what_the_screen_decides_arb_confirms(scores: np.ndarray, g: int):
    block = block_of(4, 6, g)
    found = screen(scores, block)
    for name in SCREENED:
        decided = found.decide(theorem_named(name))
        assert not (decided.certain & decided.outside).any()
        for index in np.flatnonzero(decided.certain).tolist():
            row = Row(tuple(scores[index].tolist()), tuple(block[index].tolist()), "test")
            assert judge(theorem_named(name), row_case(row)).verdict is HOLDS


@pytest.mark.usefixtures("way")
def test_most_rows_are_decided_and_no_equality_case_is():
    rng = np.random.default_rng(3)
    block = block_of(400, 16, 4)
    found = screen(np.where(block, 1.0, -1.0) * np.abs(rng.standard_normal(block.shape)) * 3, block)
    edge = screen(np.where(block, rng.uniform(0.1, 30, (400, 1)), 0.0), block)
    for name in SCREENED:
        assert found.decide(theorem_named(name)).certain.mean() > 0.9, name
    for name in EDGES:
        assert not edge.decide(theorem_named(name)).certain.any(), "at equality no float can decide"


@pytest.mark.usefixtures("way")
def test_a_bound_that_is_too_low_is_not_confirmed():
    """The screen can refuse: with the ceiling lowered by a nat it confirms no row near it."""
    true = theorem_named("entropy.ceiling")
    low = replace(true, claim=true.claim.func(true.claim.lhs, true.claim.rhs - 1, evaluate=False))
    rows = HostileBatch(5, "slightly apart", 16, 4, 100).rows()
    assert not screen(*rows).decide(low).certain.any()


@pytest.mark.usefixtures("way")
def test_removed_keys_are_left_out_and_odd_rows_are_never_decided():
    scores = np.array(
        [[1.0, 0.5, -2.0, 9.0], [1.0, 0.5, -2.0, np.nan], [1.0, np.inf, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    )
    block = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], dtype=bool)
    visible = np.ones_like(block)
    visible[:2, 3] = False
    found = screen(scores, block, visible)
    assert found.usable.tolist() == [True, True, False, False, False]
    assert found.bare.tolist() == [False, False, False, True, True]
    decided = found.decide(theorem_named("concentration.outside_mass"))
    assert not decided.certain[2:].any()
    assert decided.outside.tolist() == [False, False, False, True, True], "a score that is no number is not out of the domain"
    alone = screen(scores[:1, :3], block[:1, :3]).numbers[sym.entropy].value
    assert found.numbers[sym.entropy].value[0] == alone[0] == found.numbers[sym.entropy].value[1]
    with pytest.raises(ValueError, match="of one shape"):
        screen(scores, block[:, :3])


def test_a_score_that_is_no_number_reaches_arb_which_refuses_it():
    block = block_of(1, 3, 1)
    decisions = [screen(np.array([[1.0, np.nan, 0.0]]), block).decide(theorem_named("entropy.dual"))]
    ties, _ = for_arb(decisions, np.array([False]), np.random.default_rng(0), 0.0)[0]
    assert ties == [0]
    with pytest.raises(RowError, match="score nan"):
        Row((1.0, float("nan"), 0.0), (True, False, False))


@pytest.mark.usefixtures("way")
def test_the_exponential_is_right_to_its_units():
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [-rng.uniform(0, 708, 3000), -(2.0 ** rng.uniform(-60, 9, 3000)), -np.arange(1, 1000) * np.log(2) / 2, [0.0]]
    )
    got = balls.exponential(x)
    ctx.prec = 120
    worst = max(abs(arb(float(y)) / arb(float(v)).exp() - 1).upper() for v, y in zip(x.tolist(), got.tolist(), strict=True))
    assert Fraction(float(worst)) <= balls.EXP * Fraction(1, 2**53)
    assert balls.exponential(np.array([-708.5, -np.inf, -1e300])).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("factor", [0.0, 0.5, 1.01, 3.0, -1.0, np.nan])
def test_a_library_logarithm_that_is_wrong_claims_nothing(factor: float, monkeypatch: pytest.MonkeyPatch):
    """A defect of one or more once made the radius negative, and a negative radius decides anything."""
    true = np.log
    monkeypatch.setattr(np, "log", lambda x: true(x) * factor)
    x = np.array([1.5, 2.0, 40.0, 1e6, 1e-6])
    radius = Balls().log(exactly(x)).radius
    gap = np.abs(true(x) * factor - true(x))
    assert all(not np.isfinite(r) or r >= off for r, off in zip(radius, gap, strict=True))


def test_a_quotient_of_balls_whose_radii_underflow_is_still_enclosed():
    """The least float over a tiny ball: the value times the radius is no float, and once made the radius of the quotient 0."""
    a, b, moved = 5e-324, 1e-300, 3e-301
    ball = exactly(np.array([a])) / Ball(np.array([b]), np.array([moved]))
    true = Fraction(a) / (Fraction(b) - Fraction(moved))
    assert abs(true - Fraction(float(ball.value[0]))) <= Fraction(float(ball.radius[0]))


def test_what_overflows_is_never_compared():
    xp, huge = Balls(), exactly(np.array([1e308]))
    for ball in (
        huge + huge,
        huge * huge,
        huge / exactly(np.array([0.0])),
        xp.exp(exactly(np.array([1e4]))),
        xp.log(exactly(np.array([0.0]))),
    ):
        for other in (0, 10**9, huge, ball):
            assert not xp.less(ball, other).any()
            assert not xp.less(other, ball).any()
            assert not xp.less_equal(ball, other).any()
    assert not xp.less_equal(Ball(np.array([np.inf]), np.array([0.0])), np.inf).any()


def test_rows_for_arb_are_the_ties_a_sample_and_each_equality_case_once():
    scores, block = np.array([[1.0, 0.0, 0.0], [1.0, 0.5, 0.0]] * 500), block_of(1000, 3, 1)
    flat = two_levels(scores, block, np.ones_like(block))
    assert flat.tolist() == [True, False] * 500
    decided = screen(scores, block)
    names = ("concentration.outside_mass", "concentration.fidelity_floor", "concentration.exponential_rate")
    (first, some), (second, _), (third, more) = for_arb(
        [decided.decide(theorem_named(name)) for name in names], flat, np.random.default_rng(1), 0.1
    )
    assert sorted(first + second) == np.flatnonzero(flat).tolist()
    assert len(first) == len(second) == 250
    assert third == []
    assert 30 < len(some) < 80
    assert 60 < len(more) < 150


def test_the_proof_is_about_the_constants_of_the_code():
    text = (Path(theory.__file__).parent / "coq/Exponential.v").read_text(encoding="utf-8")
    numbers = {name: Fraction(int(p), int(q)) for name, p, q in re.findall(r"Definition (\w+) := (\d+) / (\d+)\.", text)}
    high, low = float.fromhex("0x1.62e42fefa0000p-1"), float.fromhex("0x1.cf79abc9e3b39p-40")
    assert numbers == {"upper": Fraction(high), "lower": Fraction(low), "log2e": Fraction(1.4426950408889634)}
    factorials = re.search(r"factorials : list Z := \(([^)]*)nil\)", text)
    assert factorials
    assert [1 / int(m) for m in factorials[1].split("::") if m.strip()] == balls._INVERSE_FACTORIALS
    for source in (Path(balls.__file__), Path(kernel.__file__).parent / "fleet.c"):
        code = source.read_text(encoding="utf-8")
        assert "0x1.62e42fefa0000p-1" in code
        assert "0x1.cf79abc9e3b39p-40" in code
    assert balls.EXP >= 3
    assert PROVED.slack >= 1.0009
    assert MOST_KEYS <= 2**20
    assert PROVED.flushed == 2.0**-1000
