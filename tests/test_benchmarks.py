"""The benchmarks: contestants train the same layers or are refused; a run's file and its page. Nothing is timed."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import get_args

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import backends, fleet, growth, machine, proofs, record, screen, start, sweep
from benchmarks.backends import Contestant, contestants, plain
from benchmarks.rounds import Spread, interleaved, quotients
from benchmarks.task import LIMIT, Unit, WrongBackendError, admit
from checks import kernel
from checks.book import benchmarks as page
from checks.book.build import benchmark_parts
from checks.kernel.rounding import gradient_radii
from checks.layer import Parameters
from checks.reference import train_reference
from checks.training import Backend, run_steps, sgd
from theory.guarantee import SIDES

TINY = Unit("tiny", 2, 8, 4, 6, 3, 2, 3)
QUICK = ("plain loop", "batched autograd", "torch.func", "torch fleet", "compiled fleet, 1 thread", "compiled fleet, 2 threads")


def entrants(names=QUICK):
    return [(name, found) for name, found in contestants() if name in names]


@pytest.fixture(scope="module")
def task():
    return TINY.task(TINY.fleet)


@pytest.fixture(scope="module")
def reference(task):
    return task.reference()


# --- the gate ------------------------------------------------------------------------------------------------------------------------


def test_the_reference_is_that_of_the_plain_formulas(task, reference):
    theta = {part: getattr(task.start, part)[1].double().numpy() for part in ("content", "values", "readout")}
    thresholds = task.thresholds[1].numpy() / 0.1
    states = train_reference(theta, task.exact(1), sgd(0.1), task.steps, thresholds, task.groups.rows, task.groups.columns)
    for part, value in states[-1].items():
        assert np.abs(getattr(reference, part)[1].numpy() - value).max() < 1e-10
    assert bool((reference.content == 0).any()), "no weight died, so zeros were not compared"


@pytest.mark.parametrize("name", QUICK)
def test_every_contestant_trains_the_same_layers(name, task, reference):
    found = dict(entrants())[name]
    if isinstance(found, str):
        pytest.skip(found)
    mine = task.first(TINY.plain) if found.alone else task
    assert admit(name, found.prepare, mine, reference.layer(slice(mine.start.layers))) < LIMIT


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed, and is no dependency")
def test_jax_trains_the_same_layers(task, reference):
    from benchmarks.with_jax import prepare

    assert admit("JAX", prepare, task, reference) < LIMIT


def wrong_step(task):
    def run():
        good = plain(task)()
        return Parameters(*(start + 1.01 * (end - start) for start, end in zip(parts(task.start), parts(good), strict=True)))

    return run


def parts(weights):
    return weights.content, weights.values, weights.readout


def changed(task, **changes):
    """The task trained right after a change of it."""
    return plain(replace(task, **changes))


WRONG = {
    "a step one part in a hundred too long": wrong_step,
    "one step too few": lambda task: changed(task, steps=task.steps - 1),
    "another temperature": lambda task: changed(task, structure=replace(task.structure, temperature=1.01)),
    "other layers": lambda task: changed(task, start=Parameters(*(part.flip(0) for part in parts(task.start)))),
    "no penalty": lambda task: _without_penalty(task),
    "not a number": lambda task: lambda: replace(task.start, values=task.start.values * float("nan")),
    "too few layers": lambda task: changed(task, start=task.start.layer(0), batch=task.batch.layer(0)),
    "nothing": lambda task: lambda: task.start,
}


def _without_penalty(task):
    free = replace(task)
    object.__setattr__(free, "thresholds", torch.zeros_like(task.thresholds))
    return plain(free)


@pytest.mark.parametrize("what", WRONG)
def test_a_backend_that_trains_something_else_is_refused(what, task, reference):
    with pytest.raises(WrongBackendError, match="Not timed"):
        admit(what, WRONG[what], task, reference)


def test_a_backend_with_a_small_error_in_one_step_is_refused(task, reference):
    """A gradient that is off in its tenth digit passes no derived bound of float64, and one that is off by a thousandth none of float32."""

    def prepare(given):
        def run():
            good = plain(given)()
            return (
                good
                if given.steps > 1
                else replace(good, values=good.values + 1e-3 * (good.values - given.start.values).norm())
            )

        return run

    with pytest.raises(WrongBackendError, match="rounding explains"):
        admit("off", prepare, task, reference)


def test_the_bound_of_a_step_is_small_beside_the_step(task):
    theta = {part: getattr(task.start, part)[0].double().numpy() for part in ("content", "values", "readout")}
    for near in gradient_radii(theta, task.exact(0), 2.0**-24, composite=False).values():
        assert np.linalg.norm(near.radius) < 0.01 * np.linalg.norm(near.value)


def test_a_refused_backend_is_not_among_the_results():
    chosen = [
        *entrants(("plain loop", "torch fleet")),
        ("liar", Contestant("liar", WRONG["nothing"])),
        ("gone", "not installed"),
    ]
    found = fleet.measure(1, units=(TINY,), entrants=lambda: chosen)
    assert [row["backend"] for row in found["rows"]] == ["plain loop", "torch fleet"]
    assert found["left_out"]["liar"].startswith("refused: liar:")
    assert found["left_out"]["gone"] == "not installed"


def test_a_backend_that_breaks_is_left_out_with_its_reason():
    def broken(task):
        raise RuntimeError("no compiler\nhere")

    found = fleet.measure(
        1, units=(TINY,), entrants=lambda: [*entrants(("plain loop",)), ("broken", Contestant("broken", broken))]
    )
    assert found["left_out"]["broken"] == "failed: RuntimeError: no compiler here"


def test_on_a_gpu_every_backend_of_the_fleet_takes_part_or_says_why_not(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(backends, "why_no_backend", lambda name: "no driver" if name == "triton" else "")
    found = dict(backends.fleets())
    assert found["triton fleet, GPU"] == "no driver"
    assert found["torch fleet, GPU"].device == "cuda"
    assert {name.split()[0] for name in found} == set(get_args(Backend)) - {"auto"}


def test_layers_that_another_backend_trained_are_not_taken(task, monkeypatch):
    monkeypatch.setattr(backends, "train", lambda *given: run_steps(*task.arguments))  # which counts nobody's layers
    with pytest.raises(RuntimeError, match="torch left these layers to another backend"):
        backends._by_name("torch", task)()


# --- rounds --------------------------------------------------------------------------------------------------------------------------


def test_rounds_are_interleaved_and_the_first_is_not_counted():
    order = []
    timings = interleaved({name: partial(order.append, name) for name in "ab"}, 3, shortest=0.0)
    assert order == ["a", "b"] * 4
    assert [len(timing.seconds) for timing in timings.values()] == [3, 3]


def test_quotients_are_taken_within_a_round():
    assert quotients([2.0, 30.0, 8.0], [1.0, 10.0, 2.0]) == Spread(3.0, 2.0, 4.0)


# --- the other subjects --------------------------------------------------------------------------------------------------------------


def test_growth_fits_every_axis():
    found = growth.measure(1, axes={"layers": (2, 4), "tokens": (4, 8)})
    backends = 1 if kernel.why_not() else 2
    assert len(found["rows"]) == 4 * backends
    assert {fit["axis"]: round(fit["of_operations"], 2) for fit in found["fits"]}["layers"] == 1.0
    assert all(
        (row["times_the_one_before"] is None) == (row["size"] == (2 if row["axis"] == "layers" else 4)) for row in found["rows"]
    )


def test_a_sweep_off_the_safe_side_is_refused():
    rows = sweep.table_of(3)
    good = sweep.measure(1, rows=3)
    assert good["compared"] == 3
    assert 0 <= good["relative_loss"] <= 1e-12
    with pytest.raises(ValueError, match="Not timed"):
        sweep.compare(rows, [dict.fromkeys(SIDES, "0.5")] * 3)


def test_rows_that_arb_does_not_confirm_are_refused():
    rows = screen.random_rows(count=20, n=8, g=2)
    two = dict(list(screen.SETS.items())[:2])
    found = screen.measure(1, sources=(lambda: rows, partial(screen.trained_rows, 2, 8, 2)), few=3, sets=two)
    assert {row["way"] for row in found["rows"]} >= {"Arb alone", "screen, NumPy", "screen, then Arb for the rest"}
    assert len({(row["statement"], row["rows"]) for row in found["rows"]}) == 4
    edge = screen.Rows("two levels", np.where(np.arange(8) < 2, 1.0, 0.0)[None], (np.arange(8) < 2)[None])
    below = replace(edge, scores=-edge.scores)
    with pytest.raises(ValueError, match="Arb does not"):
        screen.confirm("entropy.ceiling", below, np.array([True]))
    with pytest.raises(ValueError, match="decided none"):
        screen.confirm("entropy.ceiling", edge, np.array([False]))


def test_a_process_that_fails_is_not_timed(tmp_path):
    with pytest.raises(ValueError, match="ended with 3"):
        start.run(tmp_path, "-c", "raise SystemExit(3)")
    found = start.measure(1, commands=(("--help",),), libraries=())
    assert [row["command"] for row in found["rows"]] == ["bare interpreter", "localist --help"]


def test_without_coq_the_proofs_are_left_out(monkeypatch):
    monkeypatch.setattr(proofs.shutil, "which", lambda name: None)
    assert proofs.measure(1) == {"rows": [], "left_out": {"Coq": "coqc not found"}}


# --- a run's file and its page -------------------------------------------------------------------------------------------------------


def test_the_recorded_command_names_no_file_of_the_machine():
    assert machine.command(["training", "--out", "/home/me/x.json", "--record"]) == "python -m benchmarks training --record"
    assert machine.command(["--out=/home/me/x.json"]) == "python -m benchmarks"
    assert "--out" not in (record.ROOT / "book" / page.FILE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def measured():
    machine = {"processor": "a", "cores": 2, "memory_gib": 1.0, "system": "s", "python": "3", "libraries": {"torch": "2"}, "compiler": None,
               "vector_bytes": 64, "accelerator": None}  # fmt: skip
    results = {
        "training": fleet.measure(1, units=(TINY,), entrants=lambda: entrants(("plain loop", "torch fleet")))
        | {"targets": {"tiny": {"ratio": 1e9, "of_peak": 0.5}}},
        "growth": growth.measure(1, axes={"layers": (2, 4)}),
        "proofs": {"rows": [{"seconds": 1.0, "jobs": 2, "statements_proved": 1, "statements": 1, "further_theorems": 0, "problems": 0,
                             "coq": "8"}], "left_out": {}},
    }  # fmt: skip
    return {
        name: record.entry(record.SUBJECTS[name], found, 1.0, 1, "make bench", machine, ([0.0] * 3, [0.0] * 3))
        for name, found in results.items()
    }


@pytest.fixture
def run(measured):
    return copy.deepcopy(measured)


def test_a_run_is_written_read_and_replaced_by_subject(run, tmp_path):
    path = tmp_path / page.FILE
    path.parent.mkdir()
    path.write_text(record.text_of({"subjects": {"proofs": run["proofs"]}}))
    path.write_text(record.text_of(record.merged(path, {"training": run["training"]})))
    assert list(page.read_record(tmp_path)) == ["training", "proofs"]
    assert page.read_record(tmp_path / "nowhere") == {}
    path.write_text('{"format": 0}')
    with pytest.raises(page.RecordError, match="format 0"):
        page.read_record(tmp_path)
    path.write_text("{")
    with pytest.raises(page.RecordError, match="make bench-record"):
        page.read_record(tmp_path)


def test_the_page_shows_every_number_and_says_what_was_missed(run, tmp_path):
    shown = benchmark_parts(run, page.pictures(tmp_path, run))
    training = shown["generated/bench-training.md"]
    for row in run["training"]["results"]["rows"]:
        assert page.number(row["ratio"]["median"]) in training
    assert "**no**" in shown["generated/bench-targets.md"]
    assert "benchmark-training-dark.svg" in shown["generated/bench-training-figure.md"]
    assert "Exponent" not in shown["generated/bench-growth.md"]
    assert "of this code" in shown["generated/bench-runs.md"]
    run["growth"]["digest"] = "0"
    assert "changed since" in page.fragments(run)["bench-runs"]
    assert {path.name for path in tmp_path.glob("*.svg")} == {
        f"benchmark-{n}-{t}.svg" for n in ("training", "growth") for t in ("light", "dark")
    }


def test_the_page_and_the_record_agree_on_what_was_timed(run):
    for name, one in run.items():
        assert one["digest"] == record.digest(record.SUBJECTS[name].sources)
        assert not page.stale(one)


def test_without_a_run_the_page_says_how_to_make_one(tmp_path):
    parts = benchmark_parts({}, page.pictures(tmp_path, {}))
    assert all("--record" in text for name, text in parts.items() if "figure" not in name)
    assert "generated/bench-growth-figure.md" in parts


def test_the_recorded_run_can_be_shown():
    recorded = page.read_record(record.ROOT / "book")
    assert set(page.SUBJECTS) == set(record.SUBJECTS)
    assert all("Not measured" not in text or "because" in text for text in page.fragments(recorded).values())


def test_the_command_writes_one_file_and_exits_with_1_when_a_backend_was_refused(monkeypatch, tmp_path):
    refusing = {"rows": [], "left_out": {"liar": "refused: liar: off. Not timed."}, "targets": {}}
    monkeypatch.setattr(record.Subject, "measure", lambda self, rounds, tell: (refusing, 1.0))
    out = tmp_path / "run.json"
    done = CliRunner().invoke(command.main, ["training", "--out", str(out), "--json"])
    assert done.exit_code == 1
    assert "refused: liar" in done.stderr
    assert json.loads(out.read_text()) == json.loads(done.stdout)
    usage = CliRunner().invoke(command.main, ["nonsense"])
    assert usage.exit_code == 2
    assert "training, growth" in usage.stderr
