"""`localist recruit`: what it finds, says, refuses and counts."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from math import comb, exp, log

import numpy as np
import pytest
from click.testing import CliRunner
from flint import arb, ctx
from scipy.stats import beta as beta_law

from checks import commands_recruit, recruitment_rates
from checks.claims import judge
from checks.cli import main
from checks.controls import with_claim
from checks.recruitment_codes import Model
from checks.recruitment_extremal import text_cases
from checks.recruitment_rates import (
    CONFIDENCE,
    Rate,
    clopper_pearson,
    coin_gains,
    draw_word,
    first_crossing,
    measured,
    null_streams,
    tail_at_most,
)
from checks.recruitment_report import report_on
from checks.recruitment_text import topics_stream
from checks.verdict import FAILS, HOLDS, UNDECIDED
from theory.recruitment_budget import budget

F = Fraction


def run(*arguments: str):
    return CliRunner().invoke(main, ["recruit", *arguments])


@pytest.fixture(scope="module")
def report():
    return report_on(topics_stream(0, 4000), F(1, 20), 500)


def test_a_report_accounts_for_every_candidate(report):
    names = [c.name for c in report.candidates]
    assert names == list(report.stream.candidates)
    recruited = {found.name for found in report.state.recruited}
    assert {c.name for c in report.candidates if c.recruited is not None} == recruited
    for c in report.candidates:
        if c.recruited is not None:
            assert c.saved >= c.threshold
        elif c.test:
            assert not c.saved >= c.threshold
    assert report.verdict is HOLDS
    assert set(report.judged) == {"recruitment.budget", "recruitment.streaming"}


def test_the_code_lengths_of_a_report_are_lengths_of_one_stream(report):
    lengths = {x.name: x for x in report.lengths}
    assert lengths["one block"].blocks == 0
    assert lengths["recruited"].nats < lengths["one block"].nats
    assert all(x.nats > 0 for x in lengths.values())
    assert lengths["recruited"].nats.overlaps(report.state.length)


def test_fitted_savings_are_positive_and_bic_takes_from_them(report):
    for c in report.candidates:
        assert c.fitted >= -1e-9
        assert c.bic <= c.fitted
    coins = [c for c in report.candidates if c.name.startswith("coin")]
    assert all(
        c.fitted > 100 for c in coins
    )  # labels without meaning `save' hundreds of nats when they are fitted to what is scored
    assert all(c.recruited is None for c in coins)


def test_the_statements_can_fail_on_a_run(report):
    ((theorem, case), _) = list(text_cases(report.state, "run"))
    assert theorem is budget
    assert judge(theorem, case).verdict is HOLDS
    lowered = with_claim(budget, type(budget.claim)(budget.claim.lhs, budget.claim.rhs / 1000, evaluate=False))
    assert judge(lowered, case).verdict is FAILS


def test_the_command_prints_tables_and_promises():
    done = run("--words", "2500", "--warm-up", "500")
    assert done.exit_code == 0, done.output
    for part in (
        "Recruited from pydoc_data.topics",
        "Not recruited",
        "bits a word",
        "one block",
        "alpha = 1/20",
        "Controls",
        "HOLDS",
    ):
        assert part in done.output
    assert "and " in done.output


def test_json_has_units_and_every_candidate():
    done = run("--words", "2500", "--warm-up", "500", "--alpha", "1/50", "--json")
    found = json.loads(done.output)
    assert found["alpha"] == "1/50"
    assert len(found["candidates"]) == len(topics_stream(0, 2500).candidates)
    for c in found["candidates"]:
        nats, bits = arb(c["saved_nats"]), arb(c["saved_bits"])
        assert (nats / arb(2).log()).overlaps(bits)
        if c["recruited_at"] is not None:
            assert arb(c["saved_nats"]) > arb(c["threshold_nats"])
            assert arb(c["threshold_nats"]).overlaps(arb(c["test"] * (c["test"] + 1) * 50).log())
    assert {x["model"] for x in found["code_lengths"]} >= {"one block", "recruited", "fixed partition"}


def test_your_own_text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("alpha beta gamma delta " * 600 + "one two three four " * 600, encoding="utf-8")
    done = run("--text", str(path), "--warm-up", "300", "--all")
    assert done.exit_code == 0, done.output
    assert "part 2" in done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--alpha", "0"), "recruitment.ever needs 0 < alpha < 1"),
        (("--alpha", "1.5"), "recruitment.ever needs 0 < alpha < 1"),
        (("--alpha", "often"), "is no number"),
        (("--text", "/nonexistent/file"), "must be readable"),
        (("--words", "10"), "200"),
        (("--warm-up", "-1"), "-1"),
        (("--nonsense",), "No such option"),
    ],
)
def test_bad_input_is_refused(arguments, says):
    done = run(*arguments)
    assert done.exit_code == 2
    assert says in done.output


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe\x00words" * 100)
    done = run("--text", str(path))
    assert done.exit_code == 2
    assert "UTF-8" in done.output


def test_a_stream_shorter_than_the_warm_up_recruits_nothing():
    done = run("--words", "300", "--warm-up", "1000")
    assert done.exit_code == 0, done.output
    assert "0 of" in done.output


# --- what is counted -------------------------------------------------------------------------------------------------------------


def test_a_counted_rate_refutes_only_with_its_whole_interval():
    assert Rate("x", 60, 1000, 0.05).verdict is UNDECIDED
    assert Rate("x", 120, 1000, 0.05).verdict is FAILS
    assert Rate("x", 0, 1000, 0.05).verdict is UNDECIDED  # nor does it certify
    low, high = Rate("x", 60, 1000, 0.05).interval
    assert low < 0.06 < high


def exact_tail(count: int, runs: int, share: Fraction) -> Fraction:
    return sum((comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(count, runs + 1)), F(0))


@pytest.mark.parametrize(("count", "runs"), [(0, 1), (1, 1), (0, 40), (1, 40), (17, 40), (39, 40), (40, 40), (3, 250)])
def test_intervals_contain_those_of_clopper_and_pearson_and_hardly_more(count, runs):
    level = (1 - CONFIDENCE) / 2
    low, high = map(F, clopper_pearson(count, runs))
    assert 0 <= low <= F(count, runs) <= high <= 1
    near = 1 + F(1, 10**9)
    if count:
        assert exact_tail(count, runs, low) <= level < exact_tail(count, runs, low * near), "binomials in rational arithmetic"
    else:
        assert low == 0
    if count < runs:
        below = 1 - exact_tail(count + 1, runs, high)
        inside = 1 - (1 - high) * near
        assert below <= level < 1 - exact_tail(count + 1, runs, inside)
    else:
        assert high == 1


def test_the_ends_of_scipy_are_moved_until_their_tails_are_shown(monkeypatch):
    """A quantile that lies inside the exact interval is not taken: the tail there is too large."""
    right, quantile = clopper_pearson(60, 1000), beta_law.ppf
    monkeypatch.setattr(recruitment_rates.beta, "ppf", lambda level, a, b: 1.001 * quantile(level, a, b))
    moved = clopper_pearson(60, 1000)
    level = (1 - CONFIDENCE) / 2
    assert tail_at_most(60, 1000, moved[0], level)
    assert not tail_at_most(60, 1000, 1.001 * right[0], level)
    assert right[0] / 1.002 < moved[0] <= right[0] * (1 + 1e-12)
    with pytest.raises(ValueError, match="0 <= count <= runs"):
        clopper_pearson(3, 2)


def test_printed_ends_are_rounded_outwards(monkeypatch):
    exact = {}

    def kept(report, everything):
        exact["rates"], exact["delays"] = report.rates, report.delays
        printing(report, everything)

    printing = commands_recruit._print
    monkeypatch.setattr(commands_recruit, "_print", kept)
    done = run("--words", "600", "--warm-up", "200", "--measure", "40")
    assert done.exit_code == 0, done.output
    spans = re.findall(r"(\d\.\d{5}) to (\d\.\d{5}) +<= (\d\.\d{5})", done.output)
    assert len(spans) == len(exact["rates"]) == 4
    for (low, high, bound), rate in zip(spans, exact["rates"], strict=True):
        assert F(low) <= F(rate.interval[0]) <= F(rate.interval[1]) <= F(high)
        assert F(bound) >= F(rate.bound)
        assert F(high) - F(rate.interval[1]) < F(1, 10**5)


def test_proved_rates_and_delays_are_on_their_side():
    rates, delays = measured(10, F(1, 3))
    assert F(rates[0].bound) >= F(1, 3)
    with ctx.workprec(200):
        p = arb(0.6)
        mean = p * (2 * p).log() + (1 - p) * (2 * (1 - p)).log()
        known = next(d for d in delays if d.name.endswith("alternative known"))
        assert arb(known.low) <= arb(3).log() / mean
        assert arb(known.high) >= (arb(3).log() + (2 * p).log()) / mean
        assert known.low > 0


def test_first_crossings_are_counted_from_one():
    gains = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 3.0], [1.0, -5.0, 1.0], [3.0, 0.0, 0.0]])
    assert first_crossing(gains, 2.0).tolist() == [2, 3, 0, 1]


def test_gains_of_a_coin():
    rng = np.random.default_rng(0)
    gains = coin_gains(rng, 4, 1000, 0.6, 0.6)
    assert set(np.unique(gains)) == {log(0.8), log(1.2)}
    learned = np.cumsum(coin_gains(rng, 200, 500, 0.5, None), axis=1)
    assert np.exp(learned[:, -1]).mean() < 3  # E e^gain = 1 under the null


def test_rates_and_delays_lie_where_they_should():
    rates, delays = measured(2000, F(1, 20))
    assert all(rate.verdict is not FAILS for rate in rates)
    assert {rate.name.split(",")[0] for rate in rates} == {"false recruitment", "missed after 880 samples"}
    for delay in delays:
        assert delay.low - 6 * delay.error < delay.mean < delay.high + 6 * delay.error
    assert delays[0].mean < delays[1].mean  # learning costs time


def test_a_test_that_cheats_is_refuted_by_its_count():
    """The alternative fitted to the tosses it is scored on: the interval lies above alpha."""
    rng = np.random.default_rng(0)
    ones = (rng.random((2000, 50)) < 0.5).sum(axis=1)
    share = np.clip(ones / 50, 1e-12, 1 - 1e-12)
    saved = ones * np.log(2 * share) + (50 - ones) * np.log(2 * (1 - share))
    assert Rate("fitted", int((saved >= log(2)).sum()), 2000, 0.5).verdict is UNDECIDED
    ten = saved.reshape(200, 10).sum(axis=1)  # ten coins
    assert Rate("ten fitted", int((ten >= 5).sum()), 200, exp(-5)).verdict is FAILS


def test_words_drawn_from_the_model_have_the_model_as_law():
    """The chance that the next drawn word is a given one, against the model's own prediction, after one fixed history."""
    model = Model()
    past = ["a", "b", "a", "c", "a", "b", "d", "d", "e", "a"]
    for word in past:
        model.learn(word, ())
    rng = np.random.default_rng(3)
    drawn = [draw_word(model, past, rng) for _ in range(20_000)]
    for word in ("a", "d", "e", "word5"):
        expected = float(F(*model.predict(word, ())))
        assert abs(drawn.count(word) / 20_000 - expected) < 5 * (expected / 20_000) ** 0.5
    assert drawn.count("word5") > 0


def test_the_mechanism_on_its_own_streams():
    rate = null_streams(60, 120, F(1, 5))
    assert rate.bound < 0.2
    assert rate.verdict is not FAILS
