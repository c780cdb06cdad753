"""Coq's side of a statement: what it says, and the source that proves it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from checks.commands_prove import SOURCES
from theory import theorems


@cache
def sources(family: str, folder: Path = SOURCES) -> dict[str, str]:
    """The theorems of a family's Coq file by name: comment, statement and proof as they stand there."""
    path = folder / f"{family}.v"
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for start in re.finditer(r"^Theorem\s+(\w+)", text, flags=re.MULTILINE):
        end = re.compile(r"\b(?:Qed|Defined)\.").search(text, start.end())
        if end is not None:
            found[start.group(1)] = _comment(text, start.start()) + text[start.start() : end.end()]
    return found


def _comment(text: str, start: int) -> str:
    """The documentation comment that ends right above a position, or nothing."""
    before = text[:start].rstrip()
    if not before.endswith("*)"):
        return ""
    opening = before.rfind("(**")
    return before[opening:] + "\n" if opening >= 0 and before.count("*)", opening) == 1 else ""


def spread(statement: str, width: int = 100) -> str:
    """Coq's one-line statement on several lines where it is long: a line for the variables and for each hypothesis."""
    if len(statement) <= width:
        return statement
    out, depth, i, bound = "", 0, 0, statement.startswith(("forall", "exists"))
    while i < len(statement):
        depth += (statement[i] in "([{") - (statement[i] in ")]}")
        cut = ", " if bound else " -> "
        if depth == 0 and statement.startswith(cut, i):
            out, i, bound = f"{out}{cut.rstrip()}\n  ", i + len(cut), False
        else:
            out, i = out + statement[i], i + 1
    return out


def companions(further: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Theorems of Coq by the statement that they go with (`outside_mass_equality`: `outside_mass`), or under "family." alone."""
    words: dict[str, list[str]] = {}
    for theorem in theorems():
        words.setdefault(theorem.family, []).append(theorem.name.partition(".")[2])
    found: dict[str, list[Mapping[str, Any]]] = {}
    for proof in further:
        near = [word for word in words.get(proof["module"], []) if proof["name"].startswith(f"{word}_")]
        key = f"{proof['module']}.{max(near, key=len)}" if near else f"{proof['module']}."
        found.setdefault(key, []).append(proof)
    return found


__all__ = ["companions", "sources", "spread"]
