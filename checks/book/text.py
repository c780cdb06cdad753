"""Plain words of the registry as MyST: escaped, with statements linked and signs set."""

from __future__ import annotations

import re
from collections.abc import Iterable

from theory import FAMILIES, theorems

_SIGNS = (("<=", "≤"), (">=", "≥"), ("!=", "≠"))
_SPECIAL = re.compile(r"([\\*_\[\]<>|#~`$^{}])")


def anchor(name: str) -> str:
    """The target of a statement: concentration.outside_mass is at #concentration-outside-mass."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def addresses() -> dict[str, str]:
    """Where every statement is in the built book, from its root."""
    return {theorem.name: f"families/{theorem.family}.html#{anchor(theorem.name)}" for theorem in theorems()}


def names() -> frozenset[str]:
    """Every statement's name."""
    return frozenset(theorem.name for theorem in theorems())


def link(name: str, text: str = "") -> str:
    """A link to a statement; a name that the registry does not know is an error, and fails the build."""
    if name not in names():
        raise KeyError(f"the book links to {name!r}, and no statement has that name; families are {', '.join(FAMILIES)}")
    return f"[{text or f'`{name}`'}](#{anchor(name)})"


def plain(words: str) -> str:
    """Words as MyST: signs for <= and >=, code kept, statements linked where they are named, everything else escaped."""
    parts = re.split(r"(`[^`]*`)", " ".join(words.split()))
    return "".join(_code(part[1:-1]) if part.startswith("`") and len(part) > 1 else _escaped(part) for part in parts)


def _code(inner: str) -> str:
    return link(inner) if inner in names() else f"`{inner}`"


def _escaped(words: str) -> str:
    for old, new in _SIGNS:
        words = words.replace(old, new)
    return _SPECIAL.sub(r"\\\1", words)


def cell(words: str) -> str:
    """Words for a cell of a table that is already MyST: no line break, no bar."""
    return " ".join(words.split()).replace("|", "\\|")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A MyST table; cells are MyST already."""
    head = tuple(head)
    lines = [head, tuple("---" for _ in head), *(tuple(map(cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def block(kind: str, title: str, body: str, options: Iterable[str] = (), fence: str = "") -> str:
    """A directive around a body that may hold directives itself: the fence is longer than any inside."""
    longest = max((len(run) for run in re.findall(r"^(:{3,})", body, flags=re.MULTILINE)), default=2)
    fence = fence or ":" * (longest + 1)
    head = "\n".join([f"{fence}{{{kind}}} {title}".rstrip(), *(f":{option}" for option in options)])
    return f"{head}\n\n{body.strip()}\n{fence}\n"


def code(text: str, language: str) -> str:
    """A block of code; the fence is longer than any run of backticks inside."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}\n"


def plural(count: int, noun: str, many: str = "") -> str:
    """1 step, 2 steps; thousands with commas."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


__all__ = ["addresses", "anchor", "block", "cell", "code", "link", "names", "plain", "plural", "table"]
