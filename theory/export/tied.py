"""Every exported formula occurs in the statement it names: a number is only as good as the theorem it is the number of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sympy as sp

from theory.export.python import plain
from theory.formula import Formula
from theory.replay import vanishes
from theory.steps import Cases, MeanValue, Step, SumOver
from theory.theorem import Theorem


def untied(formulas: Iterable[Formula], statements: Iterable[Theorem]) -> list[str]:
    """Names of formulas that their statement does not contain, up to an identity that SymPy shows, with the statement's name."""
    known = {theorem.name: theorem for theorem in statements}
    return [
        f"{formula.name} (of {formula.theorem}{'' if formula.theorem in known else ', which is no statement'})"
        for formula in formulas
        if formula.theorem not in known or not _contains(known[formula.theorem], formula)
    ]


def _contains(theorem: Theorem, formula: Formula) -> bool:
    stated = plain(formula.stated)
    places = [place.subs(dict(formula.reading), simultaneous=True) for place in _expressions(theorem)]
    if any(place.has(stated) for place in places):
        return True
    symbols = stated.free_symbols
    if not symbols:  # a constant: it, or a small multiple or part of it
        numbers = (
            part
            for place in places
            for part in sp.preorder_traversal(place)
            if isinstance(part, sp.Expr) and not part.free_symbols
        )
        ratios = (sp.nsimplify(part / stated) for part in dict.fromkeys(numbers) if not part.is_Rational)
        return any(ratio.is_Rational and ratio > 0 and max(ratio.p, ratio.q) <= 4 for ratio in ratios)
    candidates = dict.fromkeys(
        part for place in places for part in _parts(place) if symbols <= part.free_symbols or part.free_symbols <= symbols
    )
    return any(vanishes(part - stated, {}) for part in candidates if part.free_symbols == symbols)


def _parts(place: sp.Basic) -> Iterator[sp.Expr]:
    sides = (place.lhs, place.rhs) if isinstance(place, sp.core.relational.Relational) else (place,)
    for side in sides:
        yield side
        if isinstance(side, (sp.Max, sp.Min, sp.Add)):
            yield from side.args


def _expressions(theorem: Theorem) -> Iterator[sp.Basic]:
    yield theorem.claim
    for hypothesis in theorem.assumes.values():
        yield hypothesis.relation
    yield from theorem.definitions.values()
    yield from (theorem.equality.values or {}).values()
    for step in theorem.steps:
        yield from _of_step(step)


def _of_step(step: Step) -> Iterator[sp.Basic]:
    fact = getattr(step, "fact", None)
    if fact is not None:
        yield fact
    inner = {Cases: lambda s: (*s.low, *s.high), MeanValue: lambda s: (s.slope,), SumOver: lambda s: (s.pointwise,)}.get(
        type(step)
    )
    for deeper in inner(step) if inner else ():
        yield from _of_step(deeper)
