"""`localist rules`: files refused with reasons, rules injected and taken off bit for bit, targets certified or excluded, edits followed."""

from __future__ import annotations

import dataclasses
import json
import random
import threading
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from flint import arb, ctx, fmpq

from checks import rules_file, rules_layer, rules_report, rules_solve
from checks.cli import main
from checks.layer import Rule, attend
from checks.rules_file import LayerSpec, RuleError, RuleFile, Watched, parse_rules, read_rules
from checks.rules_layer import RunningLayer, TextLayer, apply_rules, keys_of, same_bits, train_layer
from checks.rules_masses import Rows, cells_of, masses, mean, rational
from checks.rules_report import report
from checks.rules_solve import Problem, UndecidedError, UnreachableError, exclusion, krawczyk, refuse_dependent, solve, verified
from theory import formulas
from theory.namespaces import FLINT

SMALL = "[layer]\nblocks = 3\ntokens = 8\nsteps = 5\n"
HERE = Path("rules.toml")


def rule(name: str, selector: str, goal: str) -> str:
    return f'[[rule]]\nname = "{name}"\n{selector}\n{goal}\n'


TWO = SMALL + rule("first", "keys = [0, 3]", "strength = 1.5") + rule("own", "block = 1", "fidelity = 0.6")
THREE = TWO + rule("letters", 'words = ["*e*"]', "fidelity = 0.45")


@pytest.fixture(scope="module")
def layer() -> TextLayer:
    return train_layer(parse_rules(SMALL, HERE).layer)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "says"), [
    ("[[rule]", "no TOML"),
    ("[rules]\n", "rules is no field. Did you mean rule?"),
    ("rule = 3\n", "Begin each rule with [[rule]]"),
    (rule("", "keys = 0", "strength = 1"), "a rule has a name"),
    (rule("a", "keys = 0", "strength = 1") * 2, "name = 'a' is taken by rule 1"),
    (rule("a", "", "strength = 1"), "rule 1 (a): has no keys"),
    (rule("a", "keys = 0\nblock = 1", "strength = 1"), "has keys and block: a rule selects its keys in one way"),
    (rule("a", "keys = 0", ""), "has neither strength nor target"),
    (rule("a", "keys = 0", "strength = 1\nleast = 0.5"), "has strength and least"),
    (rule("a", "keys = 0", "strenght = 1"), "strenght is no field. Did you mean strength?"),
    (rule("a", "keys = 0", "strength = inf"), "must be finite"),
    (rule("a", "keys = 0", "strength = nan"), "must be finite"),
    (rule("a", "keys = 0", "strength = 1e999"), "beyond the range of floats"),
    (rule("a", "keys = 0", "strength = 1e7"), "is beyond 1000000 nats"),
    (rule("a", "keys = 0", 'strength = "1"'), "must be a number"),
    (rule("a", "keys = 0", "fidelity = 1"), "strictly between 0 and 1"),
    (rule("a", "keys = 0", "least = 0.0"), "strictly between 0 and 1"),
    (rule("a", "keys = []", "strength = 1"), "keys is empty"),
    (rule("a", "keys = -1", "strength = 1"), "whole numbers from 0 on"),
    (rule("a", "words = [3]", "strength = 1"), "must be patterns"),
    ("[layer]\ntokens = 1\n", "layer.tokens = 1: must be a whole number from 2 to 256"),
    ("[layer]\ndtype = 'float16'\n", "must be one of float32, float64"),
    ("[layer]\ncausal = 1\n", "must be true or false"),
    ("[layer]\ndial = 1e6\n", "must lie between -1000 and 1000"),
    ("[layer]\nwidth = 4\n", "layer.width is no field"),
])  # fmt: skip
def test_bad_files_are_refused_with_place_and_reason(text: str, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_rules(text, HERE)
    assert says in str(caught.value)
    assert str(caught.value).startswith("rules.toml: ")


def test_decimals_are_read_exactly() -> None:
    (made,) = parse_rules(rule("a", 'words = "The"', "strength = 0.1"), HERE).rules
    assert made.value == Fraction(1, 10)
    assert made.selected == ("the",)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"nowhere\.toml: cannot be read"):
        read_rules(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(RuleError, match="byte 5 is no UTF-8"):
        read_rules(tmp_path / "latin.toml")


# --- layers -----------------------------------------------------------------------------------------------------------


def test_words_are_those_of_the_tokens(layer: TextLayer) -> None:
    """One word has one code and one block wherever it stands; different words of one block have different codes."""
    tokens, blocks = layer.fleet.batch.tokens[0], layer.fleet.batch.blocks[0]
    codes: dict[str, torch.Tensor] = {}
    for s, line in enumerate(layer.words):
        for t, word in enumerate(line):
            assert torch.equal(codes.setdefault(word, tokens[s, t]), tokens[s, t])
    assert len({tuple(code.tolist()) for code in codes.values()}) == len(codes)
    assert int(blocks.max()) < layer.spec.blocks


@pytest.mark.parametrize(("text", "says"), [
    (rule("a", "keys = 8", "strength = 1"), "positions 0 to 7"),
    (rule("a", "block = 3", "strength = 1"), "blocks 0 to 2"),
    (rule("a", 'words = "xyzzy"', "strength = 1"), "no word of the sequences matches"),
    (rule("all", 'words = "*"', "strength = 1"), "rule all: words *: names all of the visible keys of every row"),
    (rule("last", "keys = 7", "least = 0.5") + rule("b", "block = 0", "fidelity = 0.5"), "rules last, b: `least` has a closed form"),
])  # fmt: skip
def test_rules_that_a_layer_cannot_have_are_refused(layer: TextLayer, text: str, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        apply_rules(parse_rules(SMALL + text, HERE), layer)
    assert says in str(caught.value)


def test_a_text_that_is_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("three little words", encoding="utf-8")
    with pytest.raises(RuleError, match="a text needs more than 16 words"):
        train_layer(LayerSpec(text=tmp_path / "short.txt"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("parametrisation", ["bilinear", "qk"])
def test_ejected_rules_leave_no_bit_behind(dtype: str, parametrisation: str) -> None:
    spec = dataclasses.replace(parse_rules(SMALL, HERE).layer, dtype=dtype, parametrisation=parametrisation)
    trained = train_layer(spec)
    never = attend(trained.fleet.parameters, trained.fleet.batch, trained.fleet.structure, dial=1.0)
    running = RunningLayer(trained)
    flags = torch.arange(8) % 3 == 0
    for name, strength in (("small", 0.1), ("large", 1e6 if dtype == "float32" else 1e12), ("below", -40.0)):
        running.inject(name, Rule(flags, strength))
    during = running.capture()
    assert not same_bits(during, never)
    running.eject("large")
    running.eject("small")
    assert not same_bits(running.capture(), never)
    running.eject("below")
    assert same_bits(running.capture(), never)
    large = flags[None, None, None, :] * torch.tensor(1e6 if dtype == "float32" else 1e12, dtype=never.scores.dtype)
    subtracted = (never.scores + large) - large
    assert not torch.equal(subtracted, never.scores), "what subtraction would have left"
    with pytest.raises(KeyError, match="no rule 'small' is in force; there are none"):
        running.eject("small")


def test_a_sign_of_zero_is_a_bit(layer: TextLayer) -> None:
    zeros = dataclasses.replace(layer.plain, scores=layer.plain.scores * 0.0)
    assert same_bits(zeros, zeros)
    assert not same_bits(zeros, dataclasses.replace(zeros, scores=-zeros.scores))


# --- the report -------------------------------------------------------------------------------------------------------


def test_the_report_encloses_what_floats_compute(layer: TextLayer) -> None:
    applied = apply_rules(parse_rules(THREE, HERE), layer)
    made = report(applied)
    assert made.verdict == "HOLDS"
    assert made.residue_free
    running = RunningLayer(layer)
    running.exchange(applied)
    capture = running.capture()
    for index, one in enumerate(made.rules):
        weights = capture.weights[0].double()
        inside = (weights * applied.named[index][:, None, :]).sum(-1).flatten()
        chosen = inside[list(applied.rows.acting[index])]
        assert float(chosen.mean()) == pytest.approx(one.after.low, abs=1e-5)
        assert float(chosen.min()) == pytest.approx(one.least_after.low, abs=1e-5)
        assert one.before.low <= one.before.high <= one.before.low + 1e-12
        own = one.moves[one.name]
        assert own.low <= one.strength <= own.high, "leave-one-out: a rule moves its own log-odds by its strength, exactly"
        assert one.interaction_bound >= max(abs(one.interaction.low), abs(one.interaction.high))
    assert made.rounding.high <= made.rounding_bound.high < 1e-5


def test_floats_that_are_not_the_law_are_noticed(layer: TextLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the layer's masses were those of other scores than it computed, their distance from the law would exceed its bound."""
    applied = apply_rules(parse_rules(TWO, HERE), layer)
    assert report(applied).rounding_held == "HOLDS"
    monkeypatch.setattr(rules_report, "rows_of", lambda layer, named, capture: applied.rows)  # as if no rule had been added
    tampered = report(applied)
    assert tampered.rounding_held == "FAILS"
    assert tampered.verdict == "FAILS"


def test_the_cost_of_one_rule_is_the_formula(layer: TextLayer) -> None:
    """On every row the divergence summed key by key is that of `rules.divergence_of_strength`."""
    applied = apply_rules(parse_rules(SMALL + rule("first", "keys = [0, 3]", "strength = 1.5"), HERE), layer)
    for i in applied.rows.acting[0]:
        before, after = masses(applied.rows.rows[i], [fmpq(0)]), masses(applied.rows.rows[i], [fmpq(3, 2)])
        with ctx.workprec(200):
            assert after.divergence.overlaps(formulas.rule_divergence(FLINT, before.inside[0], fmpq(3, 2)))
            assert after.inside[0].overlaps(formulas.fidelity_with_rule(FLINT, before.inside[0], fmpq(3, 2)))


def test_a_rule_alone_has_nothing_to_interact_with(layer: TextLayer) -> None:
    (one,) = report(apply_rules(parse_rules(SMALL + rule("first", "keys = [0, 3]", "strength = 1.5"), HERE), layer)).rules
    assert (one.interaction.low, one.interaction.high, one.interaction_bound) == (0.0, 0.0, 0.0)
    assert one.moves["first"].low <= 1.5 <= one.moves["first"].high


def test_no_rules_change_nothing(layer: TextLayer) -> None:
    made = report(apply_rules(parse_rules(SMALL, HERE), layer))
    assert made.verdict == "HOLDS"
    assert made.paid_nats.low <= 0 <= made.paid_nats.high


# --- targets ----------------------------------------------------------------------------------------------------------


def test_the_least_strength_is_least(layer: TextLayer) -> None:
    """At the closed form every row has its target; 2^-40 below, one row misses it."""
    text = SMALL + rule("own", "block = 1", "least = 0.7") + rule("first", "keys = 0", "strength = -1.25")
    applied = apply_rules(parse_rules(text, HERE), layer)
    assert report(applied).rules[0].met == "HOLDS"
    short = applied.strengths[0] - 2.0**-40
    rows = applied.rows.at([rational(short), fmpq(-5, 4)])
    assert any(rows[i].inside[0] < arb(rational(Fraction(7, 10))) for i in applied.rows.acting[0])
    worse = dataclasses.replace(applied, strengths=(short, applied.strengths[1]))
    assert report(worse).rules[0].met == "FAILS"
    assert report(worse).verdict == "FAILS"


def test_the_least_strength_of_one_rule_is_the_formula(layer: TextLayer) -> None:
    """Alone, it is the greatest `rule_strength(F_0, phi)` over the rows, rounded up by less than a unit in the last place."""
    applied = apply_rules(parse_rules(SMALL + rule("own", "block = 1", "least = 0.7"), HERE), layer)
    with ctx.workprec(200):
        masses_before = [masses(applied.rows.rows[i], [fmpq(0)]).inside[0] for i in applied.rows.acting[0]]
        needed = [formulas.rule_strength(FLINT, f0, fmpq(7, 10)) for f0 in masses_before]
        assert all(arb(applied.strengths[0]) >= b for b in needed)
        below = arb(applied.strengths[0] - 2 * np.spacing(applied.strengths[0]))
        assert any(below < b for b in needed)


def test_joint_targets_are_attained_and_certified(layer: TextLayer) -> None:
    applied = apply_rules(parse_rules(THREE, HERE), layer)
    assert applied.radius is not None
    assert applied.radius < 1e-13
    for k, target in ((1, Fraction(3, 5)), (2, Fraction(9, 20))):
        for sign in (-1, 1):  # the derivative in a rule's own strength is positive: the target lies between
            moved = [rational(b + sign * 1e-9 * (j == k)) for j, b in enumerate(applied.strengths)]
            found = mean(row.inside[k] for i, row in enumerate(applied.rows.at(moved)) if i in applied.rows.acting[k])
            assert found > arb(rational(target)) if sign > 0 else found < arb(rational(target))
    moved = dataclasses.replace(applied, strengths=(applied.strengths[0], applied.strengths[1] + 0.01, applied.strengths[2]))
    assert report(moved).verdict == "UNDECIDED", "a radius that does not belong to the strengths is noticed"


def test_krawczyk_refuses_a_box_without_a_solution(layer: TextLayer) -> None:
    applied = apply_rules(parse_rules(TWO, HERE), layer)
    problem = Problem(applied.rows, (1,), (Fraction(3, 5),), applied.strengths)
    right = np.array([applied.strengths[1]])
    assert krawczyk(problem, right) is not None
    far = krawczyk(problem, right + 30.0)
    assert far is None or abs(right[0] + 30.0 - applied.strengths[1]) <= far, "a box that is certified holds the solution"


EXCLUDED = [
    ("keys = [0, 1]", 0.7, "keys = [2, 3]", 0.6, "first", "second"),
    ("keys = [0, 1]", 0.7, "keys = [0, 1, 2]", 0.6, "first", "second"),
    ("keys = [0, 1]", 0.6, "keys = [0, 1, 2]", 0.6, "first", "second"),
]


@pytest.mark.parametrize(("a", "x", "b", "y", "one", "other"), EXCLUDED)
def test_targets_that_exclude_each_other_are_named_with_a_certificate(a, x, b, y, one, other) -> None:
    text = SMALL + "causal = false\n" + rule(one, a, f"fidelity = {x}") + rule("bystander", "block = 1", "fidelity = 0.4")
    file = parse_rules(text + rule(other, b, f"fidelity = {y}"), HERE)
    with pytest.raises(UnreachableError) as caught:
        apply_rules(file, train_layer(file.layer))
    assert one in str(caught.value)
    assert other in str(caught.value)
    assert "bystander" not in str(caught.value), "only the rules that exclude each other are named"
    certificate = caught.value.certificate
    assert certificate.wanted >= certificate.greatest
    assert {name for name, _ in certificate.weights} == {one, other}


def test_rules_on_the_same_keys_have_no_strengths_of_their_own(layer: TextLayer) -> None:
    text = SMALL + rule("a", "keys = [0, 1]", "fidelity = 0.5") + rule("b", "keys = [1, 0]", "fidelity = 0.5")
    with pytest.raises(RuleError, match="rules a, b have no strengths of their own"):
        apply_rules(parse_rules(text, HERE), layer)


def random_rows(rng: random.Random, rules: int) -> Rows:
    rows = []
    for index in range(3):
        named = [tuple(rng.random() < 0.5 for _ in range(rules)) for _ in range(6)]
        rows.append(cells_of([rng.uniform(-2, 2) for _ in named], named, f"row {index}"))
    return Rows(tuple(rows), rules)


def test_masses_of_real_strengths_are_reached_and_masses_beyond_are_not() -> None:
    """Targets that strengths produce are solved, and the strengths found again; targets that no rows have get a certificate."""
    solved = excluded = 0
    for seed in range(60):
        rng = random.Random(seed)
        rows = random_rows(rng, 3)
        if not all(rows.acting):
            continue
        hidden = [fmpq(rng.randint(-24, 24), 8) for _ in range(3)]
        means = [mean(row.inside[k] for i, row in enumerate(rows.at(hidden)) if i in rows.acting[k]) for k in range(3)]
        targets = [(k, f"rule {k}", Fraction(float(m)).limit_denominator(10**9)) for k, m in enumerate(means)]
        try:
            refuse_dependent(rows, targets)
        except RuleError:
            continue
        solution = solve(rows, targets, [0.0] * 3)
        solved += 1
        assert solution.strengths == pytest.approx([float(b.p) / float(b.q) for b in hidden], abs=1e-4)
        weights = [Fraction(rng.randint(-3, 3)) for _ in range(3)]
        patterns = [(tuple(sorted(cells)), many) for cells, many in rows.kinds.items()]
        greatest = sum(
            many * max(sum((w for w, named in zip(weights, cell, strict=True) if named), Fraction(0)) for cell in cells)
            for cells, many in patterns
        )
        counts = [len(a) for a in rows.acting]
        asked = sum(w * (t * n + f) for w, (_, _, t), n, f in zip(weights, targets, counts, rows.full, strict=True))
        assert greatest >= asked, "what is reached is below every certificate"
        k = max(range(3), key=lambda j: abs(weights[j]))
        if weights[k]:
            beyond = targets[k][2] + (greatest - asked) / (weights[k] * counts[k]) * Fraction(11, 10)
            if 0 < beyond < 1:
                wrong = [(j, name, beyond if j == k else t) for j, name, t in targets]
                found = exclusion(rows, wrong)
                assert found is not None
                assert found.wanted >= found.greatest
                excluded += 1
    assert solved >= 20
    assert excluded >= 4


def test_a_certificate_is_verified_in_rationals() -> None:
    kinds = [(((False, True), (True, False)), 2)]
    names = ["a", "b"]
    too_much = [Fraction(7, 5), Fraction(6, 5)]
    assert verified([Fraction(1), Fraction(1)], kinds, too_much, names) is not None
    assert verified([Fraction(1), Fraction(-1)], kinds, too_much, names) is None
    assert verified([Fraction(0), Fraction(0)], kinds, too_much, names) is None
    exact = [Fraction(7, 5), Fraction(3, 5)]  # both sides 2: constant weights show nothing
    assert verified([Fraction(1), Fraction(1)], kinds, exact, names) is None


# --- watching ---------------------------------------------------------------------------------------------------------


def test_edits_are_followed_and_bad_ones_keep_what_was(layer: TextLayer, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(TWO, encoding="utf-8")
    watched: Watched[rules_layer.Applied] = Watched(path, lambda file: apply_rules(file, layer))
    assert watched.poll(), "the first look takes what is there"
    assert watched.problem is None
    first = watched.current
    assert first is not None
    assert first.strengths[0] == 1.5
    assert not watched.poll(), "nothing has changed"
    for bad, says in (
        (TWO + "[[rule]", "no TOML"),
        (TWO.replace("strength = 1.5", "strength = inf"), "must be finite"),
        (TWO.replace("tokens = 8", "tokens = 9"), "[layer] has changed"),
        (SMALL + rule("a", "keys = 0", "fidelity = 0.9") + rule("b", "keys = 1", "fidelity = 0.9"), "exclude each other"),
    ):
        path.write_text(bad, encoding="utf-8")
        assert not watched.poll(), "it may be half written"
        assert watched.poll()
        assert watched.current is first
        assert says in str(watched.problem)
    path.unlink()
    assert not watched.poll()
    assert watched.poll()
    assert watched.current is first
    assert "cannot be read" in str(watched.problem)
    path.write_text(SMALL, encoding="utf-8")  # an editor has emptied the file and goes on writing
    assert not watched.poll()
    path.write_text(TWO.replace("strength = 1.5", "strength = 2"), encoding="utf-8")
    assert not watched.poll()
    assert watched.poll()
    assert watched.problem is None
    assert watched.current is not None
    assert watched.current.strengths[0] == 2.0


# --- the command ------------------------------------------------------------------------------------------------------


def call(*arguments: object):
    return CliRunner().invoke(main, ["rules", *map(str, arguments)])


def test_the_command_reports_and_exits_with_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    path = tmp_path / "rules.toml"
    path.write_text(THREE, encoding="utf-8")
    done = call(path, "--out", tmp_path / "report.json")
    assert done.exit_code == 0, done.output
    assert "fidelity 0.6: HOLDS" in done.stdout
    assert "bit for bit the layer before" in done.stdout
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["verdict"] == "HOLDS"
    assert json.loads(call(path, "--json").stdout) == data
    assert data["rules"][1]["after"]["low"] == pytest.approx(0.6, abs=1e-12)


def test_printed_strengths_are_the_strengths_that_were_certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that give the printed strengths give the same layer, and so meet the same targets: no digit is lost in print."""
    monkeypatch.setenv("COLUMNS", "140")
    path = tmp_path / "rules.toml"
    path.write_text(SMALL + rule("own", "block = 1", "least = 0.7123456789") + rule("first", "keys = 0", "strength = -1.25"))
    done = call(path, "--out", tmp_path / "report.json")
    assert done.exit_code == 0, done.output
    (own, _) = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["rules"]
    line = next(line for line in done.stdout.splitlines() if line.startswith("own") and "least 0.7123456789: HOLDS" in line)
    cells = line.split()
    assert float(cells[1]) == own["strength"]
    assert Decimal(cells[4]) <= Decimal(own["least_after"]["low"]), "the least row is a claim from below"
    path.write_text(SMALL + rule("own", "block = 1", f"strength = {cells[1]}") + rule("first", "keys = 0", "strength = -1.25"))
    call(path, "--out", tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))["rules"][0]
    assert again["least_after"] == own["least_after"]


def test_refused_input_exits_with_2(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(SMALL + rule("a", "keys = 0", "strength = nan"), encoding="utf-8")
    done = call(path)
    assert done.exit_code == 2
    assert "rule 1 (a): strength = NaN: must be finite" in done.output
    assert call(tmp_path / "nowhere.toml").exit_code == 2
    assert call(path, "--updates", 1).exit_code == 2
    path.write_text(SMALL + rule("a", "keys = 0", "fidelity = 0.9") + rule("b", "keys = 1", "fidelity = 0.9"), encoding="utf-8")
    done = call(path)
    assert done.exit_code == 2
    assert "rules a (fidelity 9/10) and b (fidelity 9/10) exclude each other" in done.output


def test_what_cannot_be_decided_exits_with_3_and_what_fails_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(TWO, encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(rules_report, "same_bits", lambda left, right: False)
        done = call(path)
        assert done.exit_code == 1
        assert "a RESIDUE is left" in done.stdout
    monkeypatch.setattr(rules_solve, "krawczyk", lambda problem, b: None)
    done = call(path)
    assert done.exit_code == 3
    assert "no box around them could be certified" in done.output
    assert call(path, "--watch", "--interval", "0.01", "--updates", "1").exit_code == 3
    with pytest.raises(UndecidedError):
        apply_rules(parse_rules(TWO, HERE), train_layer(parse_rules(TWO, HERE).layer))


def test_watching_reports_every_change(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    text = SMALL + rule("first", "keys = 0", "strength = 1")
    path.write_text(text, encoding="utf-8")

    def edit() -> None:
        for new in (text.replace("strength = 1", "strength = "), text.replace("strength = 1", "strength = -2")):
            seen = len(reports)
            while len(reports) == seen:
                time.sleep(0.005)
            path.write_text(new, encoding="utf-8")

    reports: list[str] = []
    real = rules_file.Watched.poll

    def counting(self: Watched) -> bool:
        changed = real(self)
        if changed:
            reports.append("changed")
        return changed

    editor = threading.Thread(target=edit, daemon=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rules_file.Watched, "poll", counting)
        editor.start()
        done = call(path, "--watch", "--interval", "0.01", "--updates", "3", "--out", tmp_path / "report.json")
    editor.join(timeout=10)
    assert done.exit_code == 0, done.output
    assert "the rules before it stay in force" in done.output
    assert "no TOML" in done.output
    assert "+1" in done.output
    assert "-2" in done.output
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["rules"][0]["strength"] == -2.0


def test_key_sets_are_what_they_say(layer: TextLayer) -> None:
    (positions, block, words) = parse_rules(THREE, HERE).rules
    assert keys_of(positions, layer).nonzero()[:, 1].unique().tolist() == [0, 3]
    assert torch.equal(keys_of(block, layer), layer.fleet.batch.blocks[0] == 1)
    wanted = [["e" in word for word in line] for line in layer.words]
    assert keys_of(words, layer).tolist() == wanted
    assert isinstance(RuleFile(HERE, layer.spec, (positions,)).rules[0].words, str)
