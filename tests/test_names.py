"""One family, one name, in every folder; one symbol, one meaning; layers of the program import downwards only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import theory
from checks.shards import family_checks
from theory import FAMILIES, theorem_named, theorems
from theory import symbols as sym
from theory.lemmas import LEMMAS

ROOT = Path(theory.__file__).parent.parent


def test_every_family_is_in_every_folder():
    for family in FAMILIES:
        for place in (f"theory/{family}.py", f"checks/{family}.py", f"tests/test_{family}.py"):
            assert (ROOT / place).exists(), f"family {family!r} has no {place}"
        assert family_checks(family).family == family


@pytest.mark.parametrize("family", FAMILIES)
def test_checks_and_theory_have_the_same_statements(family):
    assert [t.name for t in theorems(family)] == [t.name for t in family_checks(family).theorems]
    assert all(t.family == family for t in theorems(family))


def test_names_are_unique_and_found():
    names = [t.name for t in theorems()]
    assert len(names) == len(set(names))
    assert all(theorem_named(name).name == name for name in names)
    assert len({lemma.name for lemma in LEMMAS}) == len(LEMMAS)
    with pytest.raises(KeyError, match=r"no statement 'entropy\.nonsense'; family 'entropy' has"):
        theorem_named("entropy.nonsense")
    with pytest.raises(KeyError, match="no family 'nonsense'"):
        theorems("nonsense")


def test_symbols_in_claims_are_declared_or_local_to_one_family():
    """A letter that two families use is declared once in theory.symbols."""
    declared = {meaning.symbol for meaning in sym.MEANINGS.values()}
    homes: dict[str, set[str]] = {}
    for theorem in theorems():
        for symbol in theorem.claim.free_symbols - declared:
            homes.setdefault(str(symbol), set()).add(theorem.family)
    assert {name: families for name, families in homes.items() if len(families) > 1} == {}


def test_a_symbol_is_declared_once():
    with pytest.raises(ValueError, match="declared twice"):
        sym._declare("eps", "another meaning", "1", "real")


def test_theory_never_imports_checks():
    for path in (ROOT / "theory").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not any(module.split(".")[0] == "checks" for module in modules), f"{path} imports checks"


@pytest.mark.parametrize(("module", "absent"), [
    ("checks.cli", ("sympy", "torch", "scipy", "numpy", "hypothesis", "rich")),
    ("checks.commands_prove", ("sympy", "torch", "scipy", "numpy", "hypothesis")),
    ("checks.commands_theorems", ("sympy", "torch", "scipy", "numpy", "hypothesis")),
    ("theory.guarantee", ("sympy", "torch", "scipy", "numpy")),
])  # fmt: skip
def test_light_modules_stay_light(module, absent):
    code = f"import sys, {module}; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_no_bound_is_padded():
    """No `+ eps`, no `atol`, no `allclose` where verdicts are made."""
    for path in ("verdict", "enclosure", "claims", "controls", "properties"):
        text = (ROOT / "checks" / f"{path}.py").read_text(encoding="utf-8")
        assert "atol" not in text
        assert "allclose" not in text
        assert "+ 1e-" not in text


def test_a_name_of_the_symbols_is_given_once():
    """A second assignment would change the letter under every module that imported the first."""
    tree = ast.parse((ROOT / "theory/symbols.py").read_text(encoding="utf-8"))
    given = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert sorted(name for name in set(given) if given.count(name) > 1) == []
