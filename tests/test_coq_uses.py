"""Edges of the dependency graph that come from Coq: read from what the compiler recorded, lemmas passed through."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.coq_uses import references, theorem_uses, uses_in

GLOB = """DIGEST 0123456789abcdef
FLocalist.dial
R10:14 Coq.Reals.Reals <> <> lib
def 20:25 <> weight
prf 100:104 dial_law step
R130:141 Localist.concentration <> outside_mass thm
R150:153 Coq.Init.Logic <> eq_refl constr
prf 200:204 dial_law final
R230:233 Localist.dial <> step thm
R240:245 Localist.dial <> weight def
R250:253 Localist.dial <> x:12 var
R260:264 Localist.dial <> final thm
"""


@pytest.fixture
def glob(tmp_path: Path) -> Path:
    path = tmp_path / "dial.glob"
    path.write_text(GLOB, encoding="utf-8")
    return path


def test_a_reference_belongs_to_the_declaration_it_stands_in(glob: Path):
    found = references(glob)
    assert found["dial", "step"] == {("concentration", "outside_mass")}
    assert found["dial", "final"] == {("dial", "step"), ("dial", "weight")}, "variables and itself are no references"
    assert found["dial", "weight"] == frozenset()


def test_lemmas_are_passed_through_and_theorems_are_not(glob: Path):
    outside = ("concentration", "outside_mass")
    by_lemma = theorem_uses(references(glob), [("dial", "final"), outside])
    assert by_lemma == {("dial", "final"): (outside,), outside: ()}
    by_theorem = theorem_uses(references(glob), [("dial", "final"), ("dial", "step"), outside])
    assert by_theorem["dial", "final"] == (("dial", "step"),)


def test_theorems_that_use_each_other_end():
    a, b, lemma = ("m", "a"), ("m", "b"), ("m", "l")
    assert theorem_uses({a: [lemma], lemma: [b, lemma], b: [a]}, [a, b]) == {a: (b,), b: (a,)}


def test_a_module_without_references_is_named(glob: Path):
    with pytest.raises(FileNotFoundError, match=r"entropy\.glob: the compiler's references of module 'entropy' are missing"):
        uses_in(glob.parent, ["dial", "entropy"], [])
