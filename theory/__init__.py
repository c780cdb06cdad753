"""What is true of localist attention: statements, derivations, formulas, guarantees.

The registry is lazy: `theory.guarantee` and `theory.formulas` (generated) start without SymPy, `theorems()` loads every family.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from theory.theorem import Theorem

FAMILIES: tuple[str, ...] = (
    "concentration",
    "entropy",
    "threshold",
    "extinction",
    "blocks",
    "dial",
    "anchors",
    "rules",
    "partition",
    "recruitment",
    "hierarchy",
    "schedule",
)


@cache
def theorems(family: str | None = None) -> tuple[Theorem, ...]:
    """Every statement in reading order, or those of one family."""
    if family is None:
        return tuple(theorem for name in FAMILIES for theorem in theorems(name))
    return tuple(import_module(f"theory.{_known(family)}").THEOREMS)


def theorem_named(name: str) -> Theorem:
    """The statement of that name, "family.word"; KeyError names the statements of the family when there is none."""
    family = name.partition(".")[0]
    known = {statement.name: statement for statement in theorems(family)}
    if name not in known:
        raise KeyError(f"no statement {name!r}; family {family!r} has {', '.join(known)}")
    return known[name]


def _known(family: str) -> str:
    if family not in FAMILIES:
        raise KeyError(f"no family {family!r}; the families are {', '.join(FAMILIES)}")
    return family
