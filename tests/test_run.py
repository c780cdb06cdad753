"""Shards are pure, results merge in any order and once, an interrupted run resumes, and nothing recorded is not HOLDS."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sympy as sp

from checks import run as runner
from checks import shards as sh
from checks.claims import Case, judge, row_case
from checks.controls import Mutant, kill, mutants, run_controls, with_claim, without
from checks.files import write_atomically
from checks.properties import FamilyChecks, Options, Property, Tally, Trained, attack
from checks.rows import ordinary_rows, two_level_rows
from checks.run import run_checks
from checks.shards import Shard, fingerprint, merge, plan, run_shard
from checks.strategies import row_batches
from checks.verdict import FAILS, HOLDS, UNDECIDED
from theory import symbols as sym
from theory.concentration import E, outside_mass

SMALL = Options(layers=2, examples=0.05)  # one example a property: what is run is tested elsewhere, here how
FAMILY = ["concentration"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing disturbs."""
    return run_checks(FAMILY, SMALL, tmp_path_factory.mktemp("whole"), workers=1)


def short(batch, options):
    for row in (*two_level_rows(), *ordinary_rows()):
        yield outside_mass, row_case(row)
    yield Trained(3)


def prop(cases, theorem=outside_mass, examples=2):
    return Property("planted", (theorem,), row_batches, cases, examples)


def test_a_property_counts_what_it_did():
    outcome = attack(prop(short), Options())
    tally = outcome.tallies[outside_mass.name]
    assert tally.verdict is HOLDS
    assert tally.counts["HOLDS"] == outcome.examples * len(two_level_rows() + ordinary_rows())
    assert outcome.layers == 3 * outcome.examples
    assert outcome.devices == {"cpu/float32"}
    assert tally.tightness == 1.0


def test_a_false_statement_is_refuted_with_its_exact_case():
    false = with_claim(outside_mass, sp.Le(sym.eps, E * (1 - sp.Rational(1, 10**6)), evaluate=False))
    outcome = attack(prop(lambda b, o: ((false, row_case(row)) for row in two_level_rows()), false), Options())
    tally = outcome.tallies[false.name]
    assert tally.verdict is FAILS
    assert tally.failure["exact"]["scores"]
    assert "wrong side" in tally.failure["reason"]


def test_a_property_that_records_nothing_does_not_hold():
    outcome = attack(prop(lambda b, o: iter(())), Options())
    assert outcome.tallies[outside_mass.name].verdict is UNDECIDED


def test_a_property_whose_cases_are_all_out_of_domain_does_not_hold():
    def outside(batch, options):
        yield outside_mass, Case(dict(row_case(two_level_rows()[0]).values) | {sym.t: 99}, "no such margin")

    assert attack(prop(outside), Options()).tallies[outside_mass.name].verdict is UNDECIDED


def test_tallies_merge_in_any_order():
    parts = []
    for row in (*two_level_rows(), *ordinary_rows()):
        part, case = Tally(), row_case(row)
        part.add(case, judge(outside_mass, case))
        parts.append(part)
    merged = []
    for seed in range(3):
        whole = Tally()
        for part in random.Random(seed).sample(parts, len(parts)):
            whole.merge(dataclasses.replace(part, counts=dict(part.counts)))
        merged.append((whole.counts, whole.settled, whole.worst_slack, whole.tightness))
    assert merged[0] == merged[1] == merged[2]
    assert merged[0][0]["HOLDS"] == len(parts)


def test_a_shard_is_a_pure_function():
    shard = next(s for s in plan(FAMILY, SMALL) if s.kind == "property")
    assert run_shard(shard, SMALL) == run_shard(shard, SMALL)
    assert json.loads(json.dumps(run_shard(shard, SMALL))) == run_shard(shard, SMALL)


def test_parts_of_a_property_share_its_examples():
    options = Options(examples=2.0)
    for shard in (s for s in plan(FAMILY, options) if s.kind == "property" and s.part == 0):
        assert shard.parts >= 1
        names = {s.key for s in plan(FAMILY, options)}
        assert len(names) == len(plan(FAMILY, options))
    assert sum((10 // 3 + (part < 10 % 3)) for part in range(3)) == 10


def test_an_interrupted_run_resumes_and_counts_nothing_twice(whole, tmp_path, monkeypatch):
    calls: list[str] = []
    real = runner.run_shard

    def dying(shard: Shard, options: Options):
        calls.append(shard.key)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(shard, options)

    monkeypatch.setattr(runner, "run_shard", dying)
    with pytest.raises(KeyboardInterrupt):
        run_checks(FAMILY, SMALL, tmp_path / "part", workers=1)
    kept = list((tmp_path / "part").glob("*.shards/*.json"))
    assert len(kept) == 4
    resumed = run_checks(FAMILY, SMALL, tmp_path / "part", workers=1)
    assert len(calls) == 5 + len(plan(FAMILY, SMALL)) - 4
    same = [(s.name, s.verdict, s.tally.counts, s.tally.tightness, s.layers, s.killed) for s in whole.statements]
    assert same == [(s.name, s.verdict, s.tally.counts, s.tally.tightness, s.layers, s.killed) for s in resumed.statements]
    assert not list((tmp_path / "part").glob("*.shards"))  # merged, so gone
    assert resumed.layers == whole.layers > 0


def test_a_damaged_result_is_done_again(tmp_path, monkeypatch):
    real, calls = runner.run_shard, []
    folder = tmp_path / f"{fingerprint(FAMILY, SMALL)}.shards"
    shards = plan(FAMILY, SMALL)
    for shard, text in zip(shards, ("", "{", "{}", "null", '{"derived": true}'), strict=False):
        write_atomically(folder / f"{shard.key}.json", text)
    monkeypatch.setattr(runner, "run_shard", lambda shard, options: (calls.append(shard), real(shard, options))[1])
    assert run_checks(FAMILY, SMALL, tmp_path, workers=1).verdict is HOLDS
    assert calls == shards


def test_results_that_come_in_another_order_are_the_same_evidence(whole, tmp_path, monkeypatch):
    real = runner._compute
    monkeypatch.setattr(runner, "_compute", lambda shards, *rest: reversed(list(real(shards, *rest))))
    turned = run_checks(FAMILY, SMALL, tmp_path, workers=1)
    assert [dataclasses.asdict(s) for s in turned.statements] == [dataclasses.asdict(s) for s in whole.statements]


KILLED = """
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from checks.pool import _start_worker

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_start_worker)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), 9)
"""


def test_workers_end_with_a_run_that_is_killed(tmp_path):
    script, output = tmp_path / "killed.py", tmp_path / "output"
    script.write_text(KILLED)
    with output.open("w") as file:  # not a pipe: a worker that lives on would hold it open
        path = {"PYTHONPATH": str(Path(runner.__file__).parent.parent)}
        subprocess.run(
            [sys.executable, str(script)], stdout=file, stderr=subprocess.DEVNULL, check=False, env=os.environ | path
        )
    worker = int(output.read_text())
    for _ in range(100):
        if not alive(worker):
            return
        time.sleep(0.1)
    os.kill(worker, 9)
    pytest.fail("the worker outlives the run that started it")


def alive(process: int) -> bool:
    """Whether a process runs; a zombie has ended and only waits to be counted."""
    ask = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return bool(ask.stdout.strip()) and not ask.stdout.strip().startswith("Z")


def test_evidence_says_what_was_run(whole):
    record = json.loads(whole.evidence.read_text())
    assert record["verdict"] == "HOLDS" == whole.verdict.name
    assert record["layers"] == whole.layers
    assert record["options"]["layers"] == 2
    assert record["libraries"]["sympy"] == sp.__version__
    entry = next(s for s in record["statements"] if s["name"] == outside_mass.name)
    assert entry["hash"] == outside_mass.hash
    assert entry["tally"]["worst"]["exact"]
    assert all(
        control["witness"]["exact"] or control["witness"]["origin"]
        for control in entry["controls"]
        if control["outcome"] == "killed"
    )


def test_the_run_name_changes_with_options_and_text(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("some words")
    names = {fingerprint(FAMILY, o) for o in (Options(), Options(seed=1), Options(layers=3), Options(text=file))}
    file.write_text("other words")
    names.add(fingerprint(FAMILY, Options(text=file)))
    assert len(names) == 5


def test_a_failing_shard_is_named(tmp_path, monkeypatch):
    def broken(shard, options):
        raise ValueError("planted")

    monkeypatch.setattr(runner, "run_shard", broken)
    with pytest.raises(RuntimeError, match=r"shard property\..*ValueError: planted"):
        run_checks(FAMILY, SMALL, tmp_path, workers=1)


def test_lowering_a_bound_fails_the_run_and_names_it(tmp_path, monkeypatch):
    """The claim of one statement is tightened by a part in a million: its derivation and its extremal rows both refuse it."""
    checks = sh.family_checks("concentration")
    lowered = with_claim(outside_mass, sp.Le(sym.eps, E * (1 - sp.Rational(1, 10**6)), evaluate=False))
    planted = dataclasses.replace(
        checks, theorems=(lowered,), extremal={lowered.name: checks.extremal[lowered.name]},
        properties=(prop(lambda b, o: ((lowered, row_case(row)) for row in two_level_rows()), lowered),), also_true={}, extra={},
    )  # fmt: skip
    monkeypatch.setattr(sh, "family_checks", lambda family: planted)
    done = run_checks(FAMILY, SMALL, tmp_path, workers=1)
    assert done.exit_code == 1
    problems = " ".join(done.statements[0].problems)
    assert "step 'claim'" in problems
    assert "refuted by two-level row" in problems


def test_a_surviving_control_fails_the_run():
    toothless = FamilyChecks(
        "concentration", (outside_mass,), (prop(short),), {outside_mass.name: lambda: [row_case(ordinary_rows()[0])]}
    )
    outcomes = {death.change: death.outcome for death in run_controls(outside_mass, toothless)}
    assert outcomes["bound lowered by one part in a million"] == "survived"
    result = merge(FAMILY, {})[0]
    result.derived, result.controls = True, [{"change": c, "outcome": o} for c, o in outcomes.items()]
    assert any("controls survived" in problem for problem in result.problems)


def test_a_control_said_to_be_true_but_killed_is_a_survivor():
    excuse = {outside_mass.name: {"bound halved": "surely"}}
    checks = FamilyChecks(
        "concentration",
        (outside_mass,),
        (prop(short),),
        {outside_mass.name: lambda: [row_case(r) for r in two_level_rows()]},
        also_true=excuse,
    )
    deaths = run_controls(outside_mass, checks)
    assert next(d for d in deaths if d.change.startswith("bound halved")).outcome == "survived"
    with pytest.raises(KeyError, match="no mutant makes"):
        run_controls(outside_mass, dataclasses.replace(checks, also_true={outside_mass.name: {"no such change": "?"}}))


def test_mutants_are_of_many_kinds():
    changes = {mutant.change for mutant in mutants(outside_mass)}
    assert {
        "bound lowered by one part in a million", "bits for nats", "g off by one (up)", "an epsilon in the denominator",
        "hypothesis 'margin' dropped", "sides reversed", "made strict", "t forgotten (1)", "-g for -g + n",
    } <= changes  # fmt: skip
    weaker = Mutant("weaker", with_claim(outside_mass, sp.Le(sym.eps, 2 * E, evaluate=False)))
    assert kill(weaker, outside_mass, [row_case(r) for r in two_level_rows()]).outcome == "implied"
    assert "margin" not in without(outside_mass, "margin").assumes


def test_family_checks_cover_their_statements():
    with pytest.raises(ValueError, match="each needs some"):
        FamilyChecks("x", (outside_mass,), (prop(short),), {})
    with pytest.raises(ValueError, match="no property attacks"):
        FamilyChecks("x", (outside_mass,), (), {outside_mass.name: list})


def test_files_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "file.json"
    write_atomically(path, "one")
    with pytest.raises(TypeError):
        write_atomically(path, None)
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["file.json"]
