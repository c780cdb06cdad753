"""The command `localist schedule`: tables and JSON agree, the cheapest schedule is certified, bad input is refused."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from click.testing import CliRunner
from flint import arb

from checks.commands_schedule import schedule
from checks.schedule_report import _verdict, exit_code
from theory.schedule_numbers import Schedule, Stack, ball, contain


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(schedule, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def report(*arguments: str) -> dict:
    code, output = call(*arguments, "--json")
    assert code == 0, output
    return json.loads(output)


def test_guarantees_are_those_of_the_theory_rounded_up():
    found = report("--degree", "2", "--high", "20", "--start", "3")["schedules"][0]
    exact = contain(Stack.alike(6, keys=64, block=8, lead=4), Schedule(6, 2, 0, 20).dials(), 3)
    assert found["budget_exact"] == str(Schedule(6, 2, 0, 20).budget)
    for name, value in (("rollout_leak", exact.rollout), ("value_share", exact.value_share)):
        assert value < arb(found[name]) or value.overlaps(arb(found[name]))
        assert found[name] <= float(value) * (1 + 1e-12)
    assert [row["dial_exact"] for row in found["layers"]] == ["0", "4/5", "16/5", "36/5", "64/5", "20"]
    assert found["vacuous"] == {}


def test_a_vacuous_guarantee_is_said_to_be_and_why():
    code, output = call("--degree", "3", "--start", "0")
    assert code == 0
    assert "VACUOUS, degree 3, rollout" in output
    assert "layer 0 alone makes it so" in " ".join(output.split())


def test_the_first_localised_layer_and_the_first_above_are_found():
    found = report("--degree", "1", "--threshold", "5")["schedules"][0]
    assert found["start"] == 2  # dial 6.4 beats the lead 4
    assert found["first_above_threshold"] == 2


def test_leads_and_value_norms_may_differ_by_layer():
    found = report("--layers", "2", "--degree", "1", "--lead", "1", "--lead", "3", "--value", "1/2", "--start", "0")
    assert found["stack"]["lead"] == ["1", "3"]
    assert found["stack"]["value"] == ["1/2", "1/2"]
    assert [row["margin_exact"] for row in found["schedules"][0]["layers"]] == ["-1", "13"]


def test_exact_numbers_are_taken_as_typed():
    assert report("--degree", "1", "--low", "0.1", "--high", "2/3")["schedules"][0]["low"] == "1/10"


def test_the_cheapest_schedule_is_certified():
    found = report("--target", "0.02", "--degree", "1", "--degree", "2", "--start", "4", "--low", "0", "--low", "4")
    assert found["certified"]
    assert found["objections"] == []
    best = next(part for part in found["class"] if part["best"])
    assert Fraction(best["budget_exact"]) == min(Fraction(part["budget_exact"]) for part in found["class"])
    assert best["leak"] <= 0.02 <= best["leak_just_below"]
    code, output = call("--target", "0.02", "--degree", "2", "--start", "4")
    assert code == 0
    assert "Cheapest: degree 2" in output
    assert "Certified" in output


def test_a_target_out_of_reach_exits_with_1():
    code, output = call("--target", "0.001", "--degree", "5", "--start", "0", "--cap", "6")
    assert code == 1
    assert "No schedule of the class reaches the target" in output


def test_a_stack_on_text_is_measured_against_what_is_proved(tmp_path):
    path = tmp_path / "report.json"
    code, output = call("--trained", "--layers", "3", "--degree", "1", "--tokens", "6", "--steps", "5", "--out", str(path))
    found = json.loads(path.read_text(encoding="utf-8"))
    entry = found["schedules"][0]
    assert code == 0, output
    assert "pydoc_data.topics" in output
    assert entry["verdict"] == "HOLDS"
    assert entry["value_share_measured"] <= entry["value_share_proved"]
    assert entry["rollout_measured"] <= entry["rollout_proved"]
    assert entry["through_scores_observed"] > 0


def test_a_text_of_ones_own(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("the dial of a layer and the key of a block make one row of a stack " * 20, encoding="utf-8")
    found = report("--text", str(path), "--layers", "2", "--degree", "2", "--tokens", "5", "--steps", "2", "--start", "1")
    assert found["text"] == str(path)
    assert found["schedules"][0]["attained"]  # one layer attains its bound


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--layers", "1"), "one layer divides 0 by 0"),
        (("--degree", "0"), "degree > 0"),
        (("--degree", "x"), "Write 0.1, 3 or 2/3"),
        (("--block", "64"), "1 <= block < keys"),
        (("--start", "6"), "a layer 0 to 5, got 6"),
        (("--lead", "1", "--lead", "2"), "once for each of 6 layers, got 2"),
        (("--target", "1"), "between 0 and 1"),
        (("--target", "0.1", "--high", "3"), "--cap"),
        (("--target", "0.1", "--trained"), "give one of them"),
        (("--low", "0", "--low", "1"), "are for a search"),
        (("--text", "/no/such/file"), "must be readable"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    code, output = call(*arguments)
    assert code == 2
    assert message in output


def test_verdicts_and_exit_codes_can_fail():
    assert _verdict(ball(Fraction(1, 2)), ball(Fraction(1, 3)), False) == "FAILS"
    assert _verdict(arb("nan"), ball(1), False) == "UNDECIDED"
    assert _verdict(arb(0.5, 0.1), ball(Fraction(1, 2)), False) == "UNDECIDED"
    assert exit_code({"kind": "text", "schedules": [{"verdict": "HOLDS"}, {"verdict": "FAILS"}]}) == 1
    assert exit_code({"kind": "text", "schedules": [{"verdict": "UNDECIDED"}]}) == 3
    assert exit_code({"kind": "cheapest", "certified": False, "best": None}) == 3
    assert exit_code({"kind": "cheapest", "certified": True, "best": None}) == 1
