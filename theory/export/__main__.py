"""`python -m theory.export` writes every generated file; `--check` compares instead and exits 1 naming what is stale."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module, reload
from importlib.util import find_spec
from pathlib import Path

import theory
from theory.export import coq, javascript, numbers
from theory.formula import Formula


def every_formula() -> tuple[Formula, ...]:
    """The formulas of all families in reading order; a family keeps them in its module or in `<family>_formulas`."""
    names = [
        f"theory.{family}_formulas" if find_spec(f"theory.{family}_formulas") else f"theory.{family}"
        for family in theory.FAMILIES
    ]
    return tuple(formula for name in names for formula in import_module(name).FORMULAS)


TARGETS: dict[str, Callable[[], str]] = {
    "theory/formulas.py": lambda: numbers.source(every_formula()),
    "theory/coq/Formulas.v": lambda: coq.definitions(every_formula()),
    "theory/coq/Pins.v": lambda: coq.pins(every_formula()),
    "book/_static/formulas.js": lambda: javascript.source(every_formula()),
}
FOLDER = Path(theory.__file__).parent.parent


def stale(old: str, new: str) -> list[str]:
    """Names of the functions that differ between two generated modules; ["the header"] when only the rest does."""
    before, after = _functions(old), _functions(new)
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return names or ([] if old == new else ["the header"])


def _functions(text: str) -> dict[str, str]:
    parts = re.split(r"^def |^  formulas\.|^  localist\.(?=configuration|catalogue)", text, flags=re.MULTILINE)[1:]
    return {re.split(r"[( ]", part)[0]: part for part in parts}


def main(arguments: list[str]) -> int:
    """Exit code: 0 written or equal, 1 stale, 2 usage."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m theory.export [--check]", file=sys.stderr)
        return 2
    code = 0
    for name, generate in TARGETS.items():
        path, new = FOLDER / name, generate()
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if not arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(new, encoding="utf-8")
            if path.stem == "formulas" and path.suffix == ".py" and old != new:
                reload(import_module("theory.formulas"))  # the pins that follow are values of the new functions
        elif old != new:
            print(f"{name} is stale: {', '.join(stale(old, new))}. Run python -m theory.export and commit", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
