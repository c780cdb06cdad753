"""`localist anchors`: designs, files and text are judged; what is printed is on the safe side; targets out of reach name the cap."""

from __future__ import annotations

import json
from math import log, sqrt

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from checks.anchors_design import simplex_vectors, spread_vectors
from checks.anchors_input import read_anchors, topic_anchors
from checks.anchors_report import redundancy, report
from checks.anchors_systems import AnchorError
from checks.cli import main


def run(*arguments: str):
    return CliRunner().invoke(main, ["anchors", *arguments])


def judged(*arguments: str):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def names(rows) -> list[str]:
    return [str(index) for index in range(len(rows))]


def test_the_simplex_is_the_optimum():
    found = report(simplex_vectors(5, 6), names(range(5)), 0.99)
    star = 0.8 * (log(4) + log(99))
    assert found.best_norm <= found.needed_from <= found.needed <= found.tied_norm
    assert found.best_norm == pytest.approx(star, rel=1e-12)
    assert found.needed == pytest.approx(star, rel=1e-6)
    assert found.coherence == pytest.approx(-0.25)
    assert found.over_best >= 1


def test_the_icosahedron_is_found_and_is_below_welch():
    found = judged("--pointers", "12", "--dimensions", "3", "--fidelity", "0.9")
    assert 1 / sqrt(5) <= found["coherence"] <= 0.4473
    assert found["coherence"] < found["welch"]
    assert found["coherence_floor"] <= 0.2 <= found["coherence"]
    assert found == judged("--pointers", "12", "--dimensions", "3", "--fidelity", "0.9")  # the seed decides


def test_both_ends_of_the_norm_meet():
    rows = spread_vectors(20, 5, seed=2)
    found = report(rows, names(rows), 0.95)
    assert found.needed_from <= found.needed <= found.needed_from * 1.001
    assert found.needed <= found.tied_norm
    for budget, reached in ((found.needed, True), (found.needed_from * 0.999, False), (found.best_norm * 0.99, False)):
        assert report(rows, names(rows), 0.95, budget).reached is reached
    at_tied = report(rows, names(rows), 0.95, found.tied_norm)
    assert min(at_tied.fidelities) >= 0.95 - 1e-12


def test_targets_out_of_reach_name_the_cap():
    best = run("--pointers", "5", "--dimensions", "6", "--fidelity", "0.99", "--budget", "4")
    assert best.exit_code == 1
    assert "anchors.norm_budget: no 5 unit anchors, in any dimension, reach fidelity 0.99" in best.output
    these = run("--pointers", "30", "--dimensions", "6", "--fidelity", "0.99", "--budget", "8")
    assert these.exit_code == 1
    assert "anchors.budget_dual: with these anchors no queries of norm 8" in these.output
    few = run("--pointers", "3", "--dimensions", "2", "--fidelity", "0.99", "--keys", "8", "--margin", "-9")
    assert few.exit_code == 1
    assert "anchors.redundancy_exact: at a margin of -9 nats even 7 anchors of 8 keys" in few.output
    assert run("--pointers", "5", "--dimensions", "6", "--budget", "9").exit_code == 0


@pytest.mark.parametrize("margin", [-3.0, -1.0, 1.0, 3.0])
def test_the_entropy_floor_of_two_levels_is_one_at_every_margin(margin):
    """Below a margin of 0 the other keys lead: the floor is that of -t, not ln n."""
    found = redundancy(8, margin, 0.01)
    assert found.entropy_least == redundancy(8, -margin, 0.01).entropy_least
    for size in range(1, 8):
        weights = np.r_[np.full(size, np.exp(margin)), np.ones(8 - size)]
        share = weights / weights.sum()
        assert found.entropy_least <= -(share * np.log(share)).sum()


def test_equal_anchors_are_never_told_apart():
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = report(rows, names(rows), 0.9, 1e6)
    assert found.reached is False
    assert found.needed == float("inf")


def test_topics_of_real_text():
    rows, topics = topic_anchors(12, 6)
    again, _ = topic_anchors(12, 6)
    assert np.array_equal(rows, again)
    assert rows.shape == (12, 6)
    found = judged("--text", "--topics", "12", "--dimensions", "6", "--fidelity", "0.9")
    assert set(found["fidelities"]) == set(topics)
    assert found["best_norm"] <= found["needed_from"] <= found["needed"] <= found["tied_norm"]
    assert found["coherence"] >= found["coherence_floor"]


def test_files_are_read_and_written(tmp_path):
    rows = simplex_vectors(4, 3)
    np.save(tmp_path / "a.npy", rows)
    save_file({"anchors": rows}, tmp_path / "a.safetensors")
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(repr, row)) for row in rows.tolist()))
    results = [judged("--file", str(tmp_path / name)) for name in ("a.npy", "a.safetensors", "a.csv")]
    assert len({result["needed"] for result in results}) == 1
    assert run("--pointers", "4", "--dimensions", "3", "--out", str(tmp_path / "b.csv")).exit_code == 0
    back, labels = read_anchors(tmp_path / "b.csv")
    assert np.array_equal(back, rows)
    assert labels == [f"pointer {index}" for index in range(4)]


@pytest.mark.parametrize(("content", "words"), [
    ("1,2\n3\n", "line 2: 1 numbers, line 1 has 2"),
    ("a,1,x\n", "line 1: 'x' is no number"),
    ("1,2\n0,0\n", "anchor 1 .1. is zero"),
    ("1,2\n", "from 2 to 1000 anchors are judged"),
    ("1,nan\n2,3\n", "anchor 0 .0. is not finite"),
    ("1,1e-320\n1e300,1e-300\n", "numbers of very different size"),
])  # fmt: skip
def test_bad_files_are_refused(tmp_path, content, words):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    result = run("--file", str(path))
    assert result.exit_code == 2
    with pytest.raises(AnchorError, match=words):
        rows, labels = read_anchors(path)
        report(rows, labels, 0.9)


def test_nothing_is_unpickled(tmp_path):
    path = tmp_path / "objects.npy"
    np.save(path, np.array([[1.0, None]], dtype=object), allow_pickle=True)
    with pytest.raises(AnchorError, match="without pickled objects"):
        read_anchors(path)
    for name in ("none.npy", "odd.bin"):
        assert run("--file", str(tmp_path / name)).exit_code == 2


def test_usage():
    for arguments, words in (
        ((), "give one of --pointers"),
        (("--text", "--pointers", "3"), "give one of --pointers"),
        (("--pointers", "3"), "--pointers needs --dimensions"),
        (("--text", "--keys", "4"), "--keys and --margin belong together"),
        (("--text", "--topics", "9999"), "Ask for 2 to"),
        (("--text", "--topics", "5", "--dimensions", "5"), "span at most 4 dimensions"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert words in result.output


def test_redundancy_of_a_pointer():
    row = redundancy(64, 5.0, 0.99)
    assert row.fidelity >= 0.99
    fewer = (row.least_anchors - 1) / (row.least_anchors - 1 + (64 - row.least_anchors + 1) * np.exp(-5.0))
    assert fewer < 0.99
    assert row.entropy_least <= row.spread_floor <= row.entropy
    assert row.exchange_rate == pytest.approx(row.least_anchors / 64 - row.fidelity)
    printed = run("--pointers", "3", "--dimensions", "2", "--keys", "64", "--margin", "5")
    assert printed.exit_code == 0
    for word in ("anchors a pointer", "entropy floor", "exchange rate", "anchors.spread"):
        assert word in printed.output
