"""The page of the experiments: everything on it is of a recorded run or computed; what is missing or broken is said or refused."""

from __future__ import annotations

import copy
import json
import os

import pytest

from checks.book import build, experiment_figures, reported
from checks.book.evidence import Evidence
from checks.book.experiment_figures import RunError, aila_figures
from checks.book.experiment_runs import EXPERIMENTS, Run, over, read_runs, sweep
from checks.book.experiments import experiments_page, write_experiment_figures
from checks.book.text import names
from checks.experiments.published import implications
from checks.experiments.statistics import summarise
from checks.status import EvidenceError

DIALS = (1.0, 0.6, 0.0)


def seeds(value, width=0.01):
    found = summarise([value - width, value, value + width])
    interval = found.interval
    return {
        "count": 3, "mean": found.mean, "median": found.median, "t": None,
        "interval": {"low": interval.low, "high": interval.high, "level": interval.level, "about": interval.about},
    }  # fmt: skip


def measures(dial, shift=0.0):
    return {
        "entropy_bits": seeds(5.0 - 2.0 * dial + shift), "floor_bits": seeds(1.0), "ceiling_bits": seeds(6.0),
        "fidelity": seeds(0.3 + dial / 2), "perplexity": seeds(40.0 + 10 * (dial - 0.5) ** 2), "accuracy": seeds(0.25),
    }  # fmt: skip


def record(experiment, summary, inputs):
    statements = {"entropy.ceiling": {"counts": {"HOLDS": 900, "OUT_OF_DOMAIN": 100}, "screened": 800, "verdict": "HOLDS"}}
    shared = {
        "language": {
            "text": "a_text.txt", "train_tokens": 80261, "test_tokens": 4672, "tokens": {"kind": "word", "vocabulary": 1024},
            "unknown_share": 0.125,
        },
        "device": "cpu",
    }  # fmt: skip
    return {
        "format": 1, "experiment": experiment, "run": f"{experiment}-0123456789ab", "finished": "2026-01-02T03:04:05+00:00",
        "code": {"version": "0.1.0", "commit": "abcdef0123456789"}, "inputs": shared | inputs,
        "summary": summary | {"statements": statements},
    }  # fmt: skip


def aila_record():
    return record(
        "aila",
        {
            "trained": {f"{dial:g}": measures(dial) for dial in DIALS},
            "frozen": {start: {f"{dial:g}": measures(dial, 0.2) for dial in DIALS} for start in ("1", "0")},
        },
        {
            "settings": {
                "model": {"layers": 2, "heads": 4, "width": 64, "context": 128}, "locality": {"strength": 6.0, "words": 400, "window": 8},
                "blocks": "semantic", "dials": list(DIALS), "frozen": [1.0, 0.0], "seeds": [0, 1, 2],
            }
        },
    )  # fmt: skip


def progressive_record():
    rows = []
    for name, ratio in (("distributed", 1.0), ("localist", 1.3), ("degree-1", 1.15), ("degree-5", 1.05)):
        for kind, more in (("semantic", 0.0), ("windows", 0.1 if name != "distributed" else 0.0)):
            layer = {key: value for key, value in measures(0.5).items() if key not in ("perplexity", "accuracy")}
            start = None if name == "distributed" else 1
            contained = {"sequences": 2, "leak_at_most": 0.1, "bound": 0.2, "verdicts": ["HOLDS"]}
            rows.append({
                "configuration": name, "blocks": kind, "dials": ["0", "1"], "first_localised": start,
                "over_seeds": measures(0.5) | {"ratio": seeds(ratio + more)}, "layers": [layer, layer],
                "containment": contained if start else {"sequences": 0, "leak_at_most": None, "bound": None, "verdicts": []},
            })  # fmt: skip
    settings = {
        "locality": {"strength": 6.0, "words": 400, "window": 8},
        "blocks": ["semantic", "windows"],
        "degrees": [1, 5],
        "seeds": [0, 1, 2],
    }
    checkpoint = {"own": True, "name": "trained here", "layers": 2, "heads": 4, "width": 48, "context": 64}
    return record("progressive", {"configurations": rows}, {"settings": settings, "checkpoint": checkpoint})


def written(folder, *records):
    folder.mkdir(parents=True, exist_ok=True)
    for one in records:
        (folder / f"{one['run']}.json").write_text(json.dumps(one), encoding="utf-8")
    return folder


@pytest.fixture
def aila():
    return aila_record()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return read_runs([written(tmp_path_factory.mktemp("runs"), aila_record(), progressive_record())])


@pytest.fixture(scope="module")
def pictures(runs, tmp_path_factory):
    return write_experiment_figures(tmp_path_factory.mktemp("figures"), runs)


def test_the_page_has_every_number_of_the_runs(runs, pictures):
    text = experiments_page(runs, pictures)
    for dial in DIALS:
        for name, digits in (("entropy_bits", 2), ("fidelity", 3), ("perplexity", 2)):
            assert over(runs["aila"].summary["trained"][f"{dial:g}"][name]).text(digits) in text
    for row in runs["progressive"].summary["configurations"]:
        assert over(row["over_seeds"]["ratio"]).text(3) in text
    for part in (
        "a_text.txt",
        "80,261 tokens",
        "localist experiment aila",
        "localist experiment progressive",
        "aila-0123456789ab",
        "75 %",
    ):
        assert part in text
    assert "warning" not in text
    assert text.count("only-light") == text.count("only-dark") == 6


def test_directions_are_decided_by_intervals(runs, tmp_path, aila):
    text = experiments_page(runs, {})
    assert (
        text.count("yes: the intervals are apart") == 2 + 2 + 3
    )  # entropy, fidelity; quintic against localist twice; semantic three times
    assert (
        "the least mean perplexity is 40.10 [40.09,&nbsp;40.11], at λ = 0.6; the intervals of 0 of the other 2 dials"
        in " ".join(text.split())
    )
    aila["summary"]["trained"]["1"]["entropy_bits"] = seeds(5.0, 0.5)
    aila["summary"]["trained"]["0"]["fidelity"] = seeds(0.95)
    text = experiments_page(read_runs([written(tmp_path / "other", aila)]), {})
    assert "undecided: the intervals overlap" in text
    assert "no: the intervals are apart the other way" in text
    assert "trained at each dial, it rises from 0.6 to 1; trained at 1 and frozen, it falls at each of 2 steps" in " ".join(
        text.split()
    )


def test_a_smaller_run_makes_a_smaller_page(tmp_path, aila):
    aila["inputs"]["settings"] |= {"frozen": [], "dials": [0.6]}
    aila["summary"] |= {"frozen": {}, "trained": {"0.6": aila["summary"]["trained"]["0.6"]}}
    few = progressive_record()
    few["summary"]["configurations"] = [row for row in few["summary"]["configurations"] if row["configuration"] != "degree-5"]
    runs = read_runs([written(tmp_path, aila, few)])
    text = experiments_page(runs, write_experiment_figures(tmp_path, {"aila": runs["aila"]}))
    assert "undecided: the intervals overlap" in text  # one dial is not below itself
    assert "1.89 times the baseline" not in text
    assert "degree-1 is better than localist everywhere" in text


def test_without_a_run_the_page_says_what_to_run(runs):
    text = experiments_page({}, {})
    assert text.count("{warning}") == 2
    assert "Run `localist experiment aila`" in text
    assert "## The reported numbers" in text
    assert "{warning}" in experiments_page({"aila": runs["aila"]}, {})


def test_what_the_page_does_not_do_is_on_it(runs):
    text = " ".join(experiments_page(runs, {}).split())
    assert "**The values are not reproduced**" in text
    assert "The runs shown use `a_text.txt`." in text
    assert "their full texts are not at hand" in text
    assert "another model on another text" in text


def test_every_consequence_is_on_the_page():
    text = reported.section()
    for one in implications():
        shown = reported.percent(one) if one.against == "progressive.improvement" else reported.value(one)
        assert shown in text, one.name
        for assumption in one.assumes:
            assert assumption.split("<")[0].split("^")[0] in text
        for name in one.theorems:
            assert name in names()
            assert f"`{name}`" in text


def test_values_are_rounded_to_the_safe_side():
    for one in implications():
        if one.safe is None:
            continue
        shown = reported.value(one).split(reported.GLUE)[1].replace(",", "")
        assert float(shown) <= one.safe if one.sense == "at least" else float(shown) >= one.safe
    assert reported.number(reported.Fraction(2, 3), "up") == "0.6667"
    assert reported.number(reported.Fraction(2, 3), "down") == "0.6666"
    assert reported.number(reported.Fraction(1357), "down") == "1,357"


def test_the_newest_run_wins_wherever_it_lies(tmp_path, aila):
    old, new = written(tmp_path / "book", aila), copy.deepcopy(aila)
    new |= {"run": "aila-ffffffffffff", "finished": "2026-01-02T03:04:06+00:00"}
    folders = old, written(tmp_path / "evidence", new)
    assert read_runs(folders)["aila"].record["run"] == "aila-ffffffffffff"
    assert read_runs(folders[::-1])["aila"].record["run"] == "aila-ffffffffffff"
    assert read_runs((tmp_path / "nothing",)) == {}


@pytest.mark.parametrize("change", [
    {"experiment": "another"}, {"format": 2}, {"finished": "yesterday"}, {"summary": {"trained": {}}}, {"inputs": {}},
])  # fmt: skip
def test_a_file_that_is_no_run_is_refused_by_name(tmp_path, aila, change):
    with pytest.raises(EvidenceError, match=r"aila-0123456789ab\.json is no run"):
        read_runs([written(tmp_path, aila | change)])
    (tmp_path / "aila-0123456789ab.json").write_text("{", encoding="utf-8")
    with pytest.raises(EvidenceError, match="is no run"):
        read_runs([tmp_path])


def test_a_mean_outside_its_bounds_stops_the_build(tmp_path, aila):
    aila["summary"]["trained"]["0.6"]["ceiling_bits"] = seeds(2.0)
    with pytest.raises(RunError, match=r"mean entropy .* at dial 0\.6 is outside"):
        aila_figures(read_runs([written(tmp_path, aila)])["aila"], tmp_path)


def test_figures_say_in_words_what_they_show(runs, pictures, tmp_path):
    pictures = (*pictures["aila"], *pictures["progressive"])
    assert len({picture.name for picture in pictures}) == 6
    for picture in pictures:
        assert picture.light.read_text(encoding="utf-8").startswith("<?xml")
        assert picture.dark.exists()
        assert picture.alt
        assert picture.caption
    assert "7.18" in pictures[0].alt
    assert "degree-5 windows 1.150" in pictures[3].alt
    assert "75 %" in pictures[0].caption
    again = experiment_figures._ratio(runs["progressive"], tmp_path / "again")
    assert again.light.read_bytes() == pictures[3].light.read_bytes()


def test_a_reported_ratio_within_reach_is_a_line(tmp_path):
    far = progressive_record()
    for row in far["summary"]["configurations"]:
        if row["configuration"] == "localist":
            row["over_seeds"]["ratio"] = seeds(1.8)
    (tmp_path / "near").mkdir()
    near = experiment_figures._ratio(Run(tmp_path / "near.json", progressive_record()), tmp_path / "near")
    line = experiment_figures._ratio(Run(tmp_path / "line.json", far), tmp_path / "line")
    assert near.light.read_bytes() != line.light.read_bytes()
    assert line.light.read_text(encoding="utf-8").count("stroke-dasharray") > near.light.read_text(encoding="utf-8").count(
        "stroke-dasharray"
    )


def test_the_run_lies_beside_the_page_and_in_the_stamp(runs, tmp_path):
    into = tmp_path / "source"
    build.assemble(build.BOOK, into, {"experiments.md": "# Experiments\n"}, Evidence(), runs)
    assert (into / "_static/evidence/aila-0123456789ab.json").exists()
    assert "experiments" in [chapter["file"] for chapter in _chapters(into)]
    assert f"SHA-256 <code>{runs['aila'].sha256[:12]}" in build.stamp(Evidence(), runs=runs)


def _chapters(folder):
    import yaml

    toc = yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8"))
    return [chapter for part in toc["parts"] for chapter in part["chapters"]]


def test_sweeps_are_in_the_order_of_the_dial(runs):
    assert [dial for dial, _ in sweep(runs["aila"].summary["trained"], "fidelity")] == [0.0, 0.6, 1.0]
    assert isinstance(runs["aila"], Run)
    assert os.sep not in runs["aila"].made


def test_the_runs_that_come_with_the_book_make_the_page():
    runs = read_runs([build.BOOK / "experiments"])
    assert tuple(runs) == EXPERIMENTS
    text = experiments_page(runs, {})
    for run in runs.values():
        assert run.record["run"] in text
        assert f"localist experiment {run.record['experiment']} --size small --device cpu" in text
        assert all(one["verdict"] == "HOLDS" for one in run.summary["statements"].values())
    assert "{warning}" not in text
