"""The Coq proofs: they compile, assume four axioms, prove every statement; each kind of violation, planted, is caught."""

from __future__ import annotations

import os
import re
import shutil
from fractions import Fraction
from pathlib import Path

import pytest
import sympy as sp
from click.testing import CliRunner
from filelock import FileLock

import theory
from checks import commands_prove as prove
from checks.commands_prove import AXIOMS, SOURCES
from theory.export import coq
from theory.export.__main__ import TARGETS, every_formula
from theory.export.python import PrintError
from theory.symbols import g, n, t

needs_coq = pytest.mark.skipif(
    shutil.which("coqc") is None and not os.environ.get("CI"),
    reason=f"coqc not found; install it with {prove.INSTALL} (in CI a missing coqc fails)",
)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.getbasetemp().parent / "coq-build"  # shared by the workers of one run, built by the first of them
    with FileLock(f"{folder}.lock"):
        if not folder.exists() and prove.default_build().exists():
            shutil.copytree(prove.default_build(), folder)  # what has not changed since the last `localist prove`, by digest
        assert prove.build(SOURCES, folder) == []
    return folder


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every small project requires, compiled once for all of them."""
    folder = tmp_path_factory.getbasetemp().parent / "coq-base"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            assert prove.build(small_project(tmp_path_factory.mktemp("base"), ""), folder) == []
    return folder


def small_project(folder: Path, statement: str) -> Path:
    """Sources of one family, concentration, that holds nothing but a given text."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Sums", "Vectors"):
        shutil.copyfile(SOURCES / f"{name}.v", folder / f"{name}.v")
    (folder / "_CoqProject").write_text("-Q . Localist\nSums.v\nVectors.v\nconcentration.v\n")
    (folder / "concentration.v").write_text(f"From Coq Require Import Reals Lra.\nOpen Scope R_scope.\n{statement}\n")
    return folder


# --- without Coq -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["theory/coq/Formulas.v", "theory/coq/Pins.v"])
def test_generated_files_are_current(target: str) -> None:
    assert (SOURCES.parent.parent / target).read_text(encoding="utf-8") == TARGETS[target](), (
        "run python -m theory.export and commit"
    )


@pytest.mark.parametrize(
    "expression", [sp.Float(0.5), sp.Piecewise((t, t > 0), (0, True)), sp.I * t, sp.zoo, sp.Sum(t, (n, 1, g)), sp.gamma(t)]
)
def test_the_printer_refuses_what_it_does_not_know(expression: sp.Expr) -> None:
    with pytest.raises(PrintError):
        coq.CoqPrinter().doprint(expression)


def test_the_printer_keeps_numbers_exact_and_names_apart() -> None:
    assert coq.CoqPrinter().doprint(sp.Rational(1, 3) + sp.Symbol("R")) == "(R_ + (1 / 3))"
    with pytest.raises(PrintError, match="not among the arguments"):
        coq.definition("f", (n,), n + g)


def test_every_formula_has_a_link() -> None:
    links = (SOURCES / "Links.v").read_text(encoding="utf-8")
    assert [
        f.name for f in every_formula() if not re.search(rf"^(Lemma|Definition) {f.name}\b(?!_)", links, re.MULTILINE)
    ] == []


def test_comments_hide_nothing_and_are_not_searched(tmp_path: Path) -> None:
    path = tmp_path / "A.v"
    path.write_text('(* Admitted (* Axiom *) *)\nLemma a : True.\nProof. exact I. Qed. (* " *)\nDefinition s := "Abort".\n')
    assert prove.forbidden_words(path) == []
    path.write_text("(* a (* b *) c *) Lemma a : False.\nAdmitted.\n")
    assert prove.forbidden_words(path) == ["A.v:2: Admitted"]


@pytest.mark.parametrize(
    "word", ["Axiom", "Parameter", "Conjecture", "Admitted", "admit", "Abort", "Unset Guard Checking", "bypass_check"]
)
def test_each_forbidden_word_is_found(word: str, tmp_path: Path) -> None:
    (tmp_path / "A.v").write_text(f"Lemma x : True.\n{word} .\n")
    assert prove.forbidden_words(tmp_path / "A.v") == [f"A.v:2: {word}"]


def test_sources_hold_no_forbidden_word() -> None:
    assert [where for path in prove.modules(SOURCES).values() for where in prove.forbidden_words(path)] == []


def test_every_source_is_in_the_project() -> None:
    assert {path.name for path in SOURCES.glob("*.v")} == {path.name for path in prove.modules(SOURCES).values()}


def test_without_coq_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove.shutil, "which", lambda name: None)
    result = CliRunner().invoke(prove.prove, [])
    assert result.exit_code == 3
    assert "libcoq-interval" in result.output


def test_the_table_of_hypotheses_names_real_ones() -> None:
    table = prove._load(SOURCES / "hypotheses.json")
    assert [
        f"{name}: {key}" for name, said in table.items() for key in said if key not in theory.theorem_named(name).assumes
    ] == []


def test_a_changed_statement_is_stale(tmp_path: Path) -> None:
    statement = theory.theorem_named("concentration.outside_mass")
    proof = prove.Proof("concentration", "outside_mass", "True", tuple(statement.assumes), tuple(statement.assumes))

    def status() -> str:
        return next(row["status"] for row in prove.statuses([proof], True, tmp_path) if row["name"] == statement.name)

    assert status() == "stale"  # never compared
    prove.accept([proof], tmp_path)
    assert status() == "proved"
    accepted = tmp_path / "accepted.json"
    accepted.write_text(accepted.read_text().replace(statement.hash, "0" * 16))
    assert status() == "stale"  # the statement in Python has changed since


def test_a_theorem_without_a_hypothesis_of_the_statement_is_stale(tmp_path: Path) -> None:
    names = tuple(theory.theorem_named("concentration.outside_mass").assumes)
    for arguments in (("block",), names):  # in the second, "margin" is a variable
        proof = prove.Proof("concentration", "outside_mass", "True", arguments, ("block",))
        prove.accept([proof], tmp_path)
        row = next(row for row in prove.statuses([proof], True, tmp_path) if row["name"] == "concentration.outside_mass")
        assert row["status"] == "stale"
        assert row["why"] == "the theorem in Coq has no hypothesis named margin"


# --- with Coq ----------------------------------------------------------------------------------------------------------------------


@needs_coq
def test_every_statement_is_proved_from_four_axioms(compiled: Path) -> None:
    proofs, axioms, problems = prove.audit(SOURCES, compiled, prove.audited(SOURCES))
    assert {proof.module for proof in proofs} >= {*theory.FAMILIES, *prove.EVALUATORS}
    assert problems == []
    assert set(axioms) == AXIOMS
    assert [f"{row['name']}: {row['why']}" for row in prove.statuses(proofs, True) if row["status"] != "proved"] == []


@needs_coq
def test_the_stand_alone_checker_agrees_and_can_refuse(compiled: Path, tmp_path: Path) -> None:
    for path in compiled.iterdir():
        if (
            path.suffix in (".vo", ".json") or path.name == "coqchk.answer"
        ):  # what `localist prove` has checked is not checked again
            shutil.copyfile(path, tmp_path / path.name)
    assert prove.recheck(tmp_path, prove.audited(SOURCES)) == []
    assert (tmp_path / "coqchk.answer").exists()
    (tmp_path / "coqchk.answer").unlink()
    whole = (tmp_path / "dial.vo").read_bytes()
    (tmp_path / "dial.vo").write_bytes(whole[: len(whole) // 2] + bytes(64) + whole[len(whole) // 2 + 64 :])
    assert "coqchk refuses" in " ".join(prove.recheck(tmp_path, prove.audited(SOURCES)))


@needs_coq
def test_nothing_is_compiled_twice(compiled: Path) -> None:
    told: list[str] = []
    assert prove.build(SOURCES, compiled, tell=lambda name, total: told.append(name)) == []
    assert told == []


VIOLATIONS = {
    "axiom": ("Axiom easy : 0 = 1.\nTheorem outside_mass : 0 = 1.\nProof. exact easy. Qed.", "easy"),
    "admitted": ("Theorem outside_mass : 0 = 1.\nProof. Admitted.", "Admitted"),
    "variable outside a section": ("Variable easy : 0 = 1.\nTheorem outside_mass : 0 = 1.\nProof. exact easy. Qed.", "easy"),
    "context outside a section": ("Context (easy : 0 = 1).\nTheorem outside_mass : 0 = 1.\nProof. exact easy. Qed.", "easy"),
    "dropped by Abort": (
        "Theorem outside_mass : 0 = 1.\nProof. Abort.\nTheorem kept : True.\nProof. exact I. Qed.",
        "outside_mass",
    ),
    "primitive floats": (
        "From Coq Require Import PrimFloat.\nTheorem outside_mass : exists x : float, x = x.\nProof. exists one; reflexivity. Qed.",
        "float",
    ),
}


@needs_coq
@pytest.mark.parametrize("kind", VIOLATIONS)
def test_planted_violations_are_caught(kind: str, base: Path, tmp_path: Path) -> None:
    text, named = VIOLATIONS[kind]
    sources, folder = small_project(tmp_path / "sources", text), shutil.copytree(base, tmp_path / "build")
    assert prove.build(sources, folder) == []
    if kind == "dropped by Abort":
        with pytest.raises(prove.click.ClickException, match=named):
            prove.audit(sources, folder, ["concentration"])
        return
    _, _, problems = prove.audit(sources, folder, ["concentration"])
    assert any(named in problem for problem in problems), problems


@needs_coq
def test_a_clean_project_passes(base: Path, tmp_path: Path) -> None:
    text = "Section S.\nVariable x : R.\nHypothesis positive : 0 < x.\nTheorem outside_mass : x <> 0.\nProof. lra. Qed.\nEnd S."
    sources, folder = small_project(tmp_path / "sources", text), shutil.copytree(base, tmp_path / "build")
    assert prove.build(sources, folder) == []
    (proof,), _, problems = prove.audit(sources, folder, ["concentration"])
    assert problems == []
    assert proof.statement == "forall x : R, 0 < x -> x <> 0"  # the section's hypothesis is part of the statement


PLANTED = {
    "stated": ("(x : R) (block : 0 < x) (margin : x < 1) : x <> 0", ["block", "margin"]),
    "real": ("(margin x : R) (block : 0 < x) : x <> 0", ["block"]),
    "function": ("(margin : R -> R) (x : R) (block : 0 < x) : x <> 0", ["block"]),
    "not_assumed": ("(margin : Prop) (x : R) (block : 0 < x) : x <> 0", ["block"]),
    "family_of_facts": ("(x : R) (block : 0 < x) (margin : forall y : R, y < x) : x <> 0", ["block", "margin"]),
    "after_a_definition": (
        "(x : R) : let y := x + x in forall (block : 0 < y) (margin : y < 1), x <> 0",
        ["block", "margin"],
    ),
    "in_the_conclusion": ("(x : R) (block : 0 < x) : forall margin : R, x <> 0", ["block"]),
}


@needs_coq
def test_only_what_a_theorem_assumes_is_a_hypothesis(base: Path, tmp_path: Path) -> None:
    """A variable that merely has the name of a hypothesis assumes nothing, and does not pass for it."""
    text = "\n".join(f"Theorem {name} {stated}.\nProof. cbv zeta; intros; lra. Qed." for name, (stated, _) in PLANTED.items())
    sources, folder = small_project(tmp_path / "sources", text), shutil.copytree(base, tmp_path / "build")
    assert prove.build(sources, folder) == []
    proofs, _, problems = prove.audit(sources, folder, ["concentration"])
    assert problems == []
    assert {proof.name: list(proof.hypotheses) for proof in proofs} == {name: assumed for name, (_, assumed) in PLANTED.items()}
    statement = theory.theorem_named("concentration.outside_mass")
    for proof in proofs:
        assert "margin" in proof.arguments
        assert prove.unmatched(statement, proof, {}) == [
            key for key in ("block", "margin") if key not in PLANTED[proof.name][1]
        ]


@needs_coq
@pytest.mark.parametrize("relative", [Fraction(1, 10**9), Fraction(-1, 10**9)])
def test_a_pin_off_by_one_in_a_billion_fails(relative: Fraction, compiled: Path) -> None:
    formula = every_formula()[0]
    (compiled / "Planted.v").write_text(coq._PINS + coq.pin(formula, coq.value(formula) * (1 + relative)))
    assert prove._coqc(compiled, "Planted").returncode != 0


@needs_coq
@pytest.mark.parametrize("change", [("(exp (- t))", "(exp (- (2 * t)))"), ("(n - g)", "n")])
def test_a_changed_formula_breaks_its_link(change: tuple[str, str], compiled: Path, tmp_path: Path) -> None:
    for path in compiled.glob("*.v*"):
        if path.stem not in ("Formulas", "Links", "Pins"):
            os.symlink(path, tmp_path / path.name)
    before, body, after = (SOURCES / "Formulas.v").read_text().partition("Definition outside_mass_bound")
    (tmp_path / "Formulas.v").write_text(before + body + after.replace(*change, 1))
    shutil.copyfile(SOURCES / "Links.v", tmp_path / "Links.v")
    assert prove._coqc(tmp_path, "Formulas").returncode == 0
    assert prove._coqc(tmp_path, "Links").returncode != 0
