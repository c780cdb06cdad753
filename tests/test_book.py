"""The proof book's pages, made without Sphinx: nothing typed, nothing missing without being said."""

from __future__ import annotations

import json

import pytest
import yaml

import theory
from checks.book import build
from checks.book.coq import companions, sources
from checks.book.evidence import Evidence, Finding, Source, read_evidence
from checks.book.pages import section, used_by, warning
from checks.book.proof import proof
from checks.book.text import anchor, block, link, plain
from checks.status import EvidenceError
from theory import theorem_named, theorems
from theory.export.latex import LETTERS, latex, letter
from theory.replay import replay

STATEMENTS = ("concentration.outside_mass", "entropy.negative_margin")


def finding(name, stale="", **changes):
    theorem = theorem_named(name)
    record = {
        "name": name, "family": theorem.family, "hash": theorem.hash, "derived": True, "verdict": "HOLDS", "rests_on": [], "readings": [],
        "layers": 7, "controls": [{"change": "bound halved", "outcome": "killed", "witness": {"origin": "a row"}, "bound": ["1", "2"]}],
        "tally": {"counts": {"HOLDS": 3, "FAILS": 0}, "settled": 1, "worst_slack": 0.25, "tightness": 0.5, "worst": None},
    }  # fmt: skip
    return Finding(Source("run", "ab" * 32, {"finished": "today"}, stale), record | changes)


def proved(name):
    theorem = theorem_named(name)
    family, _, word = name.partition(".")
    coq = {"module": family, "name": word, "statement": "forall x : R, x = x", "arguments": ["x"]}
    return {"name": name, "hash": theorem.hash, "status": "proved", "why": "", "coq": coq}


@pytest.fixture
def whole():
    return Evidence({name: finding(name) for name in STATEMENTS}, {name: proved(name) for name in STATEMENTS})


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_section_says_everything_and_its_status(name, whole):
    text = section(theorem_named(name), whole)
    for part in (
        f"({anchor(name)})=",
        latex(theorem_named(name).claim),
        "[proved]{",
        "[checked]{",
        "**Equality.**",
        "3 cases",
        "1 killed",
    ):
        assert part in text
    assert "incomplete" not in text
    assert "warning" not in text


def test_a_statement_without_evidence_says_so():
    theorem = theorem_named("concentration.outside_mass")
    text = section(theorem, Evidence())
    assert "[stated]{" in text
    assert "[incomplete]{" in text
    assert "No evidence" in text
    assert "localist prove" in warning([theorem], Evidence())


@pytest.mark.parametrize(("changes", "said"), [
    ({"stale": "made by other sources"}, "made by other sources"),
    ({"hash": "0" * 16}, "older statement"),
    ({"verdict": "FAILS"}, "ended in FAILS"),
])  # fmt: skip
def test_stale_or_failed_evidence_is_visible(changes, said, whole):
    name = "concentration.outside_mass"
    evidence = Evidence({name: finding(name, **changes)}, whole.proofs)
    assert any(said in reason for reason in evidence.problems([theorem_named(name)])[name])
    assert said in section(theorem_named(name), evidence)


def test_a_proof_of_another_statement_does_not_count(whole):
    name = "concentration.outside_mass"
    old = Evidence(whole.findings, {name: proved(name) | {"hash": "0" * 16}})
    status = old.status(theorem_named(name))
    assert status.word == "checked"
    assert any("proof is stale" in reason for reason in status.missing)


def test_derivations_are_written_out_as_the_kernel_takes_them():
    for theorem in theorems("concentration"):
        replay(theorem)
        text = proof(theorem)
        assert all(f"*{plain(step.name)}.*" in text for step in theorem.steps)
        assert latex(theorem.steps[-1].fact) in text


def test_uses_are_the_registry_s():
    assert "concentration.fidelity_floor" in used_by()["concentration.outside_mass"]


def test_names_are_linked_and_words_escaped():
    assert (
        plain("see `concentration.outside_mass` <= a_b")
        == "see [`concentration.outside_mass`](#concentration-outside-mass) ≤ a\\_b"
    )
    with pytest.raises(KeyError, match="no statement has that name"):
        link("concentration.nonsense")


def test_fences_nest():
    inner = block("note", "inner", "text")
    assert block("note", "outer", inner).startswith("::::{note}")


def test_letters_are_of_symbols_that_exist():
    known = {symbol.name for theorem in theorems() for symbol in _letters(theorem)}
    known |= {m.symbol.name for m in theory.symbols.MEANINGS.values()}
    assert set(LETTERS) - known - {"W3_s", "KL"} <= {"l", "k_s", "c_g"}
    assert letter("D_K") == "D_{K}"
    assert letter("beta1") == r"\beta_{1}"


def _letters(theorem):
    relations = [theorem.claim, *(h.relation for h in theorem.assumes.values()), *theorem.definitions.values()]
    return {atom for relation in relations for atom in relation.free_symbols}


def test_coq_sources_are_found_by_name():
    for theorem in theorems():
        assert theorem.name.partition(".")[2] in sources(theorem.family), theorem.name
    assert "Qed." in sources("concentration")["outside_mass"]
    beside = companions(
        [{"module": "concentration", "name": "outside_mass_equality"}, {"module": "concentration", "name": "family_of_rows"}]
    )
    assert set(beside) == {"concentration.outside_mass", "concentration."}


def test_contents_name_every_family_and_no_page_that_is_absent(tmp_path):
    toc = yaml.safe_load((build.BOOK / "_toc.yml").read_text(encoding="utf-8"))
    (tmp_path / "trust.md").write_text("# Trust\n")
    files = [chapter["file"] for part in build.contents(toc, tmp_path)["parts"] for chapter in part["chapters"]]
    assert files == [*(f"families/{family}" for family in theory.FAMILIES), "trust"]


def test_evidence_of_other_code_is_stale(tmp_path):
    theorem = theorem_named("concentration.outside_mass")
    record = {
        "run": "000000000000", "options": {"layers": 1, "examples": 1.0, "device": "cpu", "seed": 0, "text": None},
        "statements": [finding(theorem.name).record],
    }  # fmt: skip
    (tmp_path / "000000000000.json").write_text(json.dumps(record))
    assert "other sources" in read_evidence(tmp_path).findings[theorem.name].source.stale
    record["options"]["text"] = "novel.txt"
    (tmp_path / "000000000000.json").write_text(json.dumps(record))
    assert "text of the user" in read_evidence(tmp_path).findings[theorem.name].source.stale
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(EvidenceError, match=r"broken\.json"):
        read_evidence(tmp_path)


def test_the_stamp_says_what_is_missing(whole):
    assert "no evidence" in build.stamp(Evidence()) or "missing or stale" in build.stamp(Evidence())
    assert "abababababab" in build.stamp(whole)
