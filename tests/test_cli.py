"""The commands as a user meets them: help, errors, exit codes, tables, JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from checks import commands_verify
from checks.cli import COMMANDS, main


@pytest.fixture
def localist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, list(arguments))


def test_help_lists_every_command(localist):
    done = localist("--help")
    assert done.exit_code == 0
    for name in COMMANDS:
        assert name in done.output
        assert localist(name, "--help").exit_code == 0


def test_the_version_is_the_installed_one(localist):
    from importlib.metadata import version

    assert version("localist") in localist("--version").output


@pytest.mark.parametrize(("arguments", "says"), [
    (("nonsense",), "No such command 'nonsense'"),
    (("check",), "Missing argument"),
    (("check", "nonsense"), "is not one of 'concentration'"),
    (("check", "blocks", "--layers", "0"), "0 is not in the range x>=1"),
    (("check", "blocks", "--examples", "0"), "is not in the range"),
    (("check", "blocks", "--device", "tpu"), "is not one of 'auto', 'cpu', 'cuda'"),
    (("check", "blocks", "--text", "no-such-file.txt"), "no-such-file.txt"),
    (("theorems", "nonsense"), "is not one of"),
])  # fmt: skip
def test_bad_usage_exits_with_2_and_says_why(localist, arguments, says):
    done = localist(*arguments)
    assert done.exit_code == 2
    assert says in done.output


def test_a_text_that_is_not_utf8_is_refused_before_anything_runs(localist, tmp_path):
    (tmp_path / "latin.txt").write_bytes("caf\xe9 ".encode("latin-1") * 100)
    done = localist("check", "blocks", "--text", "latin.txt")
    assert done.exit_code == 2
    assert "UTF-8" in done.output


def test_check_prints_a_table_and_writes_evidence(localist, tmp_path):
    done = localist("check", "concentration", "--layers", "2", "--examples", "0.1", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "outside_mass" in done.stdout
    assert "HOLDS: " in done.stdout
    (evidence,) = (tmp_path / "evidence").glob("*.json")
    listed = localist("theorems", "concentration", "--json")
    status = {entry["name"]: entry["status"] for entry in json.loads(listed.stdout)}
    assert set(status.values()) == {"checked"}
    record = json.loads(evidence.read_text())
    record["statements"][0]["hash"] = "of another statement"
    evidence.write_text(json.dumps(record))
    stale = json.loads(localist("theorems", "concentration", "--json").stdout)
    assert next(e for e in stale if e["name"] == record["statements"][0]["name"])["status"] == "stated"


def test_check_prints_the_evidence_as_json(localist):
    done = localist("check", "concentration", "--layers", "2", "--examples", "0.1", "--workers", "1", "--json")
    assert json.loads(done.stdout)["verdict"] == "HOLDS"


def test_theorems_without_evidence_are_only_stated(localist):
    for entry in json.loads(localist("theorems", "--json").stdout):
        assert entry["status"] == "stated"
        assert entry["assumes"] or entry["kind"] == "counterexample" or entry["equality"]
    assert "concentration.outside_mass" in localist("theorems", "concentration").stdout
    assert "needed:" in localist("theorems", "concentration", "--full").stdout


def test_broken_evidence_is_an_error_that_names_the_file(localist, tmp_path):
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "broken.json").write_text("{")
    done = localist("theorems", "concentration")
    assert done.exit_code == 2
    assert "broken.json" in done.output


def test_a_failing_run_exits_with_1_and_names_the_statement(localist, monkeypatch, tmp_path):
    from checks import run as runner

    real = runner.run_shard

    def planted(shard, options):
        result = real(shard, options)
        if shard.kind == "replay" and shard.subject == "concentration.outside_mass":
            return {"derived": False, "reason": "concentration.outside_mass, step 'claim' (Combine): planted"}
        return result

    monkeypatch.setattr(runner, "run_shard", planted)
    done = localist("check", "concentration", "--layers", "2", "--examples", "0.1", "--workers", "1")
    assert done.exit_code == 1
    assert "concentration.outside_mass" in done.stdout
    assert "planted" in done.stdout


def test_an_interruption_keeps_what_was_finished(localist, monkeypatch, tmp_path):
    from checks import run as runner

    real, calls = runner.run_shard, []

    def dying(shard, options):
        calls.append(shard)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(shard, options)

    monkeypatch.setattr(runner, "run_shard", dying)
    done = localist("check", "concentration", "--layers", "2", "--examples", "0.1", "--workers", "1")
    assert done.exit_code == 130
    assert "goes on from there" in done.output
    assert len(list((tmp_path / "evidence").glob("*.shards/*.json"))) == 2


def test_a_ratio_is_shown_as_attained_only_when_it_was():
    assert commands_verify._ratio(1.0) == "attained"
    assert commands_verify._ratio(0.99999999) == "0.999999"
    assert commands_verify._ratio(None) == ""
