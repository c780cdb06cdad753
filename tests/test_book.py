"""The proof book's pages, made without Sphinx: nothing typed, nothing missing without being said."""

from __future__ import annotations

import dataclasses
import json
import threading
import urllib.request
from importlib import import_module

import pytest
import yaml
from click.testing import CliRunner

import theory
from checks.book import build, intro, links, picture, reference, trust
from checks.book.claims import PromiseError, claims_page, verdict
from checks.book.command import book, server
from checks.book.coq import companions, sources
from checks.book.evidence import Evidence, Finding, Source, read_evidence
from checks.book.pages import section, used_by, warning
from checks.book.promises import PAPERS, PROMISES, Promise
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


# --- claims, trust, introduction, look-up pages ------------------------------------------------------------------------------------


def test_a_verdict_is_the_weakest_status_behind_it(whole):
    one = Promise("2510.09338", "A promise.", "Its form.", ("concentration.outside_mass",))
    assert verdict(one, whole) == "proved"
    assert (
        verdict(dataclasses.replace(one, added=(("concentration.outside_mass", "margin"),)), whole)
        == "proved with added hypotheses"
    )
    assert verdict(dataclasses.replace(one, statements=("concentration.outside_mass", "entropy.dual")), whole) == "stated"
    assert verdict(dataclasses.replace(one, against=("entropy.negative_margin",)), whole).startswith("false as stated")
    assert verdict(dataclasses.replace(one, statements=("nonsense",)), whole) == "not decided yet"
    assert verdict(dataclasses.replace(one, statements=(), nature="empirical"), whole) == "empirical"


@pytest.mark.parametrize(("changes", "error", "said"), [
    ({"statements": ("concentration.nonsense",)}, KeyError, "no statement"),
    ({"added": (("concentration.outside_mass", "nonsense"),)}, PromiseError, "no hypothesis 'nonsense'"),
    ({"against": ("concentration.outside_mass",)}, PromiseError, "it is a bound"),
    ({"statements": ()}, PromiseError, "decided by no statement"),
])  # fmt: skip
def test_a_promise_that_names_what_is_not_there_is_refused(changes, error, said):
    good = Promise("2510.09338", "A promise.", "Its form.", ("concentration.outside_mass",))
    with pytest.raises(error, match=said):
        verdict(dataclasses.replace(good, **changes), Evidence())


def test_every_promise_is_of_a_paper_and_in_the_bibliography():
    bibliography = (build.BOOK / "references.bib").read_text(encoding="utf-8")
    assert {promise.paper for promise in PROMISES} == {paper.number for paper in PAPERS}
    assert all(f"{{{paper.key}," in bibliography and paper.number in bibliography for paper in PAPERS)


def test_the_page_of_claims_links_every_counterexample(whole):
    text = claims_page(whole)
    assert all(link(theorem.name) in text for theorem in theorems() if theorem.kind == "counterexample")


def test_counts_are_of_the_evidence(whole):
    text = trust.counts(whole)
    assert f"| all | {len(theorems()):,} | 2 | 0 | 0 | {len(theorems()) - 2:,} | 0 | {len(theorems()) - 2:,} |" in text
    assert "2 killed" in trust.runs(whole)
    assert "6 holds" in trust.runs(whole)
    assert "no record" in trust.runs(Evidence())


def test_the_picture_is_drawn_from_numbers():
    for dial in picture.DIALS:
        one = picture.panel(dial)
        assert abs(sum(one.weights) - 1) < 1e-12
        assert one.outside <= one.bound
    assert picture.panel(2.0).margin - picture.panel(0.0).margin == pytest.approx(2.0)
    assert set(picture.panels()) == {f"picture-{d:g}-{theme}.svg" for d in picture.DIALS for theme in ("light", "dark")}
    assert "picture-0-dark.svg" in intro.picture()


def test_docstrings_become_text_that_sphinx_shows():
    assert reference.as_rst(["a_b * `code` |x|"]) == [r"a\_b \* ``code`` \|x\|"]
    assert reference.as_rst(["- one", "1. two", "====", "so::"]) == [r"\- one", r"\1. two", r"\====", r"so\::"]
    assert reference.as_rst(["Text.", "", "    H <= ln n"]) == ["Text.", "", "", "::", "", "    H <= ln n"]


def test_every_module_of_the_reference_imports():
    for name in (*reference.THEORY, *reference.CHECKS):
        assert import_module(name).__doc__


# --- links of a built book ---------------------------------------------------------------------------------------------------------


def test_broken_links_and_images_without_words_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="b.html#here">b</a><a href="#top">t</a><a href="https://x.org">x</a>'
    )
    (tmp_path / "b.html").write_text('<p id="here">B</p><a href="a.html">a</a><img src="c.svg" alt="c">')
    (tmp_path / "c.svg").write_text("<svg/>")
    assert links.broken(links.read(tmp_path)) == ([], ["https://x.org"])
    assert links.unnamed(links.read(tmp_path)) == []
    (tmp_path / "b.html").write_text('<a href="gone.html">g</a><img src="d.svg"><a href="a.html#nowhere">n</a>')
    assert links.broken(links.read(tmp_path))[0] == [
        "a.html: b.html#here",
        "b.html: a.html#nowhere",
        "b.html: d.svg",
        "b.html: gone.html",
    ]
    assert links.unnamed(links.read(tmp_path)) == ["b.html: d.svg"]


def test_the_command_names_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "BOOK", tmp_path / "nowhere")
    monkeypatch.setattr("checks.book.build.BOOK", tmp_path / "nowhere")
    result = CliRunner().invoke(book, [])
    assert result.exit_code == 2
    assert "Use a checkout" in result.output


def test_strict_fails_on_missing_evidence_and_the_default_follows_ci(tmp_path, monkeypatch):
    done = build.Book(tmp_path / "index.html", {"concentration.outside_mass": ("not run",)})
    monkeypatch.setattr("checks.book.build.build", lambda *arguments: done)
    monkeypatch.delenv("CI", raising=False)
    assert CliRunner().invoke(book, []).exit_code == 0
    assert CliRunner().invoke(book, ["--strict"]).exit_code == 1
    monkeypatch.setenv("CI", "1")
    assert CliRunner().invoke(book, []).exit_code == 1
    assert CliRunner().invoke(book, ["--no-strict"]).exit_code == 0


def test_the_server_serves_the_folder(tmp_path):
    (tmp_path / "index.html").write_text("<p>here</p>")
    with server(tmp_path) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        with urllib.request.urlopen(f"http://127.0.0.1:{running.server_address[1]}/") as answer:
            assert b"here" in answer.read()
        running.shutdown()
