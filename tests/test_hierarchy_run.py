"""Recruitment at two levels on one potential: the ledger adds up, bounds are kept, bad input is refused, the run can fail."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from flint import arb, fmpq

from checks.claims import Case, judge
from checks.cli import main
from checks.commands_hierarchy import _print, _saved
from checks.data import upper_norm
from checks.extinction_exact import bits
from checks.hierarchy_data import CLASSES, FEATURES, Domain, class_blocks, make_windows, topic_domains
from checks.hierarchy_model import (
    Model,
    Prices,
    expert_cost,
    localist_codes,
    new_expert,
    potential,
    router_cost,
    structure_cost,
    train_expert,
    train_router,
)
from checks.hierarchy_report import Report, report_on
from checks.hierarchy_run import Arrival, Candidate, Setting, Training, begin, candidates, cheapest
from checks.training import gradients, prepare
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN
from theory import symbols as sym
from theory.hierarchy_budget import budget, moves

F = Fraction
PRICES = Prices(1.5, 2.0)
SETTING = Setting(fmpq(4), fmpq(8), PRICES, rounds=40, experts_most=2, blocks_most=2)


def _domain(name: str, words: str, count: int = 150) -> Domain:
    rng = np.random.default_rng(len(words))
    return Domain(name, tuple(rng.choice(words.split(), count * 4).tolist()))


APART = (_domain("first", "the cat of a tree in house"), _domain("second", "an engine and bolt with wheel or iron"))


@pytest.fixture(scope="module")
def report() -> Report:
    return report_on(APART, 32, SETTING, certified=2)


def test_the_second_expert_is_recruited_when_the_domain_changes(report):
    ledger = report.run.ledger
    arrivals = [index for index, entry in enumerate(ledger) if isinstance(entry, Arrival)]
    grown = [
        i for i, e in enumerate(ledger) if isinstance(e, Candidate) and e.verdict == "accepted" and "expert more" in e.name
    ]
    assert len(arrivals) == 2
    assert grown
    assert min(grown) > arrivals[1]
    assert report.plain()["second_expert"]["after data of"] == "second"
    counts = np.array([row["windows"] for row in report.plain()["experts"]])
    assert len(counts) == 2
    assert (counts.max(1) > 0.9 * counts.sum(1)).all()


def test_the_ledger_adds_up_to_the_last_potential(report):
    run = report.run
    with bits(128):
        left = run.start
        for entry in run.ledger:
            left += entry.rise if isinstance(entry, Arrival) else arb(0)
            left -= entry.drop if isinstance(entry, Training) else arb(0)
            left -= entry.saving if isinstance(entry, Candidate) and entry.verdict == "accepted" else arb(0)
        assert left.overlaps(run.phi)
        assert left.overlaps(potential(run.model, run.windows, PRICES))
        assert float(left.rad()) < 1e-6


def test_moves_and_steps_stay_within_what_is_proved(report):
    assert report.verdict is HOLDS
    assert len(report.run.accepted) <= report.move_bound
    assert report.values[sym.large_steps] <= report.step_bound
    for entry in report.run.ledger:
        if isinstance(entry, Training):
            assert entry.drop > entry.promised
        if isinstance(entry, Candidate) and entry.verdict == "accepted":
            assert entry.saving >= arb(SETTING.expert_gain if entry.level == "expert" else SETTING.block_gain)
    assert all(counts == {"HOLDS": part.queries} for part in report.composed for counts in part.verdicts.values())


def test_a_ledger_that_claims_more_than_it_brought_is_refused(report):
    """The check can fail: one move more than the potential can pay for, or an event that did not bring its share."""
    forged = {**report.values, sym.block_moves: report.move_bound + 1}
    assert judge(moves, Case(forged, "forged")).verdict is FAILS
    unpaid = {**report.values, sym.event_excess: fmpq(-1, 10**6)}
    assert judge(budget, Case(unpaid, "unpaid")).verdict is OUT_OF_DOMAIN


def test_the_run_ends_where_every_candidate_was_tested_again(report):
    run = report.run
    assert sorted(entry.name for entry in run.last_round) == sorted(name for _, name in candidates(run))
    for entry in run.last_round:
        assert entry.verdict == "rejected"
        assert entry.saving < arb(SETTING.expert_gain if entry.level == "expert" else SETTING.block_gain)


def test_the_same_domain_twice_recruits_no_second_expert():
    same = report_on((APART[0], replace(APART[0], name="again")), 24, SETTING, certified=1)
    assert same.plain()["second_expert"] is None
    assert same.verdict is HOLDS


# --- the potential -------------------------------------------------------------------------------------------------------------


def _small() -> tuple[Model, object]:
    windows = make_windows(APART, 4, 1)
    experts = tuple(new_expert(f"expert {k + 1}", windows, k + 1, k, 1.5) for k in range(2))
    router = np.random.default_rng(0).standard_normal((2, FEATURES))
    return Model(experts, router, windows.domain.copy()), windows


def test_the_potential_is_the_sum_of_what_is_coded():
    model, windows = _small()
    with bits(128):
        parts = [expert_cost(e, windows.only(model.owner == k), PRICES) for k, e in enumerate(model.experts)]
        whole = sum(parts, router_cost(model, windows) + structure_cost(model, PRICES))
    assert whole.overlaps(potential(model, windows, PRICES))
    logits = windows.features @ model.router.T
    paid = (np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(logits)), model.owner]).sum()
    assert float(router_cost(model, windows).mid()) == pytest.approx(paid, rel=1e-12)
    for expert in model.experts:
        mean = gradients(expert.parameters, prepare(expert.batch(windows), expert.structure, dial=1.5), (), with_loss=True).loss
        flat = replace(PRICES, penalty=0.0)
        assert float(expert_cost(expert, windows, flat).mid()) == pytest.approx(float(mean) * 8 * 16, rel=1e-12)


def test_structure_is_priced_by_what_it_has():
    model, _ = _small()
    one = replace(model, experts=model.experts[:1], router=model.router[:1])
    cost = float(structure_cost(one, PRICES).mid())
    width = model.experts[0].structure.width
    assert cost == pytest.approx(1.5 * (CLASSES * width + width**2) + 2 * np.log(2))
    assert structure_cost(model, PRICES) > structure_cost(one, PRICES)


def test_every_window_goes_to_the_expert_that_codes_it_most_cheaply():
    model, windows = _small()
    chosen = cheapest(model, windows)
    with bits(96):
        costs = [
            [float((expert_cost(e, windows.only(np.array([w])), replace(PRICES, penalty=0.0))).mid()) for e in model.experts]
            for w in range(8)
        ]
        router = [
            [float(router_cost(replace(model, owner=np.array([k])), windows.only(np.array([w]))).mid()) for k in (0, 1)]
            for w in range(8)
        ]
    assert (np.argmin(np.array(costs) + np.array(router), axis=1) == chosen).all()


def test_codes_are_localist_and_short():
    home = np.array([0, 2, 1, 2])
    codes = localist_codes(home, 3, seed=5)
    assert bool((upper_norm(codes) <= 1).all())
    blocks = codes.reshape(4, 3, -1).abs().sum(2) > 0
    assert blocks.nonzero().tolist() == [[0, 0], [1, 2], [2, 1], [3, 2]]


def test_classes_that_predict_alike_share_a_block():
    windows = make_windows(APART, 30, 0)
    home = class_blocks(windows, 2)
    assert set(home.tolist()) == {0, 1}
    assert (class_blocks(windows, 1) == 0).all()


def test_every_step_keeps_its_promise():
    """Phases of one expert and of the router: what they promise is brought, by balls."""
    model, windows = _small()
    expert = model.experts[1]
    better, steps = train_expert(expert, windows, PRICES, 10, 1e-6)
    with bits(96):
        drop = expert_cost(expert, windows, PRICES) - expert_cost(better, windows, PRICES)
        assert drop > sum(steps.halves, arb(0)) > 0
        routed, taken = train_router(model, windows, 10, 1e-6)
        assert router_cost(model, windows) - router_cost(routed, windows) > sum(taken.halves, arb(0)) > 0


def test_an_untrained_expert_codes_every_class_alike():
    windows = make_windows(APART, 4, 0)
    run = begin(windows.only(windows.domain == 0), SETTING, "first")
    with bits(96):
        data = expert_cost(run.model.experts[0], run.windows, PRICES)
        assert data.overlaps(4 * 16 * arb(CLASSES).log())
    assert torch.equal(run.model.experts[0].parameters.readout, torch.zeros_like(run.model.experts[0].parameters.readout))


def test_the_default_domains_are_real_text():
    first, second = topic_domains()
    assert min(len(first.words), len(second.words)) > 5000
    assert "attribute" in first.words
    assert "breakpoint" in second.words


# --- the command ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def texts(tmp_path):
    made = []
    for domain in APART:
        path = tmp_path / f"{domain.name}.txt"
        path.write_text(" ".join(domain.words), encoding="utf-8")
        made += ["--text", str(path)]
    return made


def test_the_command_prints_the_ledger_and_json(texts):
    common = ["hierarchy", *texts, "--windows", "12", "--rounds", "6"]
    shown = CliRunner().invoke(main, common)
    assert shown.exit_code == 0, shown.output
    for heading in ("Ledger", "Experts", "Budget", "Router and experts together", "HOLDS: hierarchy.budget HOLDS"):
        assert heading in shown.output
    found = json.loads(CliRunner().invoke(main, [*common, "--json"]).output)
    assert found["verdict"] == "HOLDS"
    assert found["judged"] == {"hierarchy.budget": "HOLDS", "hierarchy.moves": "HOLDS", "hierarchy.steps": "HOLDS"}
    assert {entry["kind"] for entry in found["ledger"]} == {"move", "data", "training"}


def test_printed_ledgers_are_rounded_against_what_they_claim(report, capsys):
    """A saving that was accepted is rounded down, one that was rejected up; what was required and what remains, up."""
    move = next(entry for entry in report.run.ledger if isinstance(entry, Candidate))
    third = arb(25) / 3  # 8.333..
    for verdict, shown in (
        ("accepted", ("8.333", "12.02")),
        ("passed over", ("8.333", "12.02")),
        ("rejected", ("8.334", "12.03")),
        ("undecided", ("8.333 to 8.334", "12.02 to 12.03")),
    ):
        assert _saved(replace(move, saving=third, verdict=verdict)) == shown
    _print(report)
    lines = capsys.readouterr().out.splitlines()
    number = r"-?[\d,]+\.\d+"
    seen = 0
    for entry in report.run.ledger:
        if isinstance(entry, Candidate):
            line = next(line for line in lines[seen:] if f"{entry.level}: {entry.name}" in line)
            nats, bits_shown = (F(x.replace(",", "")) for x in re.findall(number, line)[:2])
            exact = F(int((entry.saving.mid().fmpq()).p), int((entry.saving.mid().fmpq()).q))
            assert (nats >= exact) == (entry.verdict == "rejected") or nats == exact
            assert abs(nats - exact) < F(11, 10**4)
            assert abs(bits_shown * 693147 / 10**6 - exact) < F(1, 50)
            seen = lines.index(line, seen) + 1
        elif isinstance(entry, Training):
            line = next(line for line in lines[seen:] if "training" in line)
            drop, _, promised = (F(x.replace(",", "")) for x in re.findall(number, line))
            assert arb(fmpq(drop.numerator, drop.denominator)) <= entry.drop
            assert arb(fmpq(promised.numerator, promised.denominator)) >= entry.promised
            seen = lines.index(line, seen) + 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--text", "one.txt"], "give --text at least twice"),
        (["--gain-block", "0"], "needs gains above 0"),
        (["--gain-expert", "much"], "--gain-expert = 'much' is no number"),
        (["--text", "no.txt", "--text", "none.txt"], "a text file must be readable; no.txt"),
        (["--windows", "4"], "--windows"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    result = CliRunner().invoke(main, ["hierarchy", *arguments])
    assert result.exit_code == 2
    assert words in result.output


def test_a_short_text_is_refused(tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("too few words", encoding="utf-8")
    result = CliRunner().invoke(main, ["hierarchy", "--text", str(short), "--text", str(short)])
    assert result.exit_code == 2
    assert "needs at least 400 words" in result.output
    assert "has 3" in result.output
