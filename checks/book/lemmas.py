"""The lemmas: every fact that a derivation cites, replayed or argued, once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from checks.book.text import anchor
from theory import steps as st
from theory import theorems
from theory.theorem import Lemma, Theorem


@cache
def cited_lemmas() -> dict[str, tuple[Lemma, tuple[str, ...]]]:
    """Every lemma that a statement cites, directly or through another lemma, by its anchor, with the statements that cite it directly."""
    found: dict[int, tuple[Lemma, list[str]]] = {}
    for theorem in theorems():
        waiting = [(lemma, True) for lemma in _of(theorem)]
        while waiting:
            lemma, direct = waiting.pop()
            users = found.setdefault(id(lemma), (lemma, []))[1]
            if direct and theorem.name not in users:
                users.append(theorem.name)
            waiting += [(inner, False) for inner in _of(lemma) if id(inner) not in found]
    named: dict[str, tuple[Lemma, tuple[str, ...]]] = {}
    for lemma, users in found.values():
        key = f"lemma-{anchor(lemma.name)}"
        if key in named:  # two families may give their own lemmas one name
            key = f"{key}-{1 + sum(other.startswith(key) for other in named)}"
        named[key] = (lemma, tuple(users))
    return named


def _of(statement: Theorem | Lemma) -> list[Lemma]:
    used = [of for of in getattr(statement, "uses", ()) if isinstance(of, Lemma)]
    return [
        *used,
        *(step.of for step in every_step(statement.steps) if isinstance(step, st.Cite) and isinstance(step.of, Lemma)),
    ]


def every_step(steps: Iterable[st.Step]) -> Iterable[st.Step]:
    """These steps and the steps inside them."""
    for step in steps:
        yield step
        match step:
            case st.MeanValue():
                yield from every_step((step.slope,))
            case st.SumOver():
                yield from every_step((step.pointwise,))
            case st.Cases():
                yield from every_step((*step.low, *step.high))
            case st.Induction():
                yield from every_step((*step.base, *step.step))


def lemma_link(lemma: Lemma) -> str:
    """A link to a lemma on the page of lemmas."""
    for key, (known, _) in cited_lemmas().items():
        if known is lemma:
            return f"[`{lemma.name}`](#{key})"
    return f"`{lemma.name}`"


__all__ = ["cited_lemmas", "every_step", "lemma_link"]
