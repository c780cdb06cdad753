"""The page of claims: each promise of each seed paper, what it says here, and the verdict, computed from the statements it names."""

from __future__ import annotations

from collections.abc import Iterable

from checks.book.evidence import Evidence
from checks.book.promises import PAPERS, PROMISES, Promise
from checks.book.text import anchor, block, link, plain, table
from theory import FAMILIES, theorem_named, theorems
from theory.theorem import Theorem

FOUR_WORDS = ("stated", "derived", "checked", "proved")  # from the weakest


class PromiseError(ValueError):
    """A promise names what the registry does not have, or contradicts itself."""


def statements_of(promise: Promise) -> tuple[Theorem, ...]:
    """The statements that make a promise precise; those of a family that is not there yet are none."""
    found: list[Theorem] = []
    for name in promise.statements:
        found += theorems(name) if name in FAMILIES else map(theorem_named, there([name]))
    return tuple(found)


def there(names: Iterable[str]) -> list[str]:
    """The names whose family the registry has; of those every one has to exist."""
    return [name for name in names if name.partition(".")[0] in FAMILIES]


def verdict(promise: Promise, evidence: Evidence) -> str:
    """The verdict in the words of the page; "proved" and its likes only when every statement behind it has that status."""
    _check(promise)
    if promise.nature == "empirical":
        return "empirical"
    if promise.nature == "out of reach":
        return "not testable here"
    statements = statements_of(promise)
    if not statements:
        return "not decided yet"
    behind = (*statements, *map(theorem_named, there((*promise.against, *promise.limits))))
    weakest = min((evidence.status(theorem).word for theorem in behind), key=FOUR_WORDS.index)
    if promise.against:
        return f"false as stated; the counterexample, and what is true instead, are {weakest}"
    return f"{weakest} with added hypotheses" if promise.added else weakest


def _check(promise: Promise) -> None:
    for name in there((*promise.against, *promise.limits)):
        if theorem_named(name).kind != "counterexample":
            raise PromiseError(f"{promise.text!r} calls {name} a counterexample, and it is a {theorem_named(name).kind}")
    for name, key in promise.added:
        if there([name]) and key not in theorem_named(name).assumes:
            raise PromiseError(
                f"{promise.text!r}: {name} has no hypothesis {key!r}; it has {', '.join(theorem_named(name).assumes) or 'none'}"
            )
    if promise.nature == "decided" and not promise.statements:
        raise PromiseError(f"{promise.text!r} is decided by no statement")


def claims_page(evidence: Evidence) -> str:
    """The whole page."""
    parts = [
        "# Claims\n",
        "What the seed papers promise, one promise at a time. We have their abstracts, not a definition or a proof of theirs, so every "
        "precise form is ours. *False as stated* means that the plain reading has a counterexample, which is a statement of its own. "
        "*Added hypotheses* are those that the plain reading does not mention. The words *proved*, *checked*, *derived* and *stated* are "
        "computed: a verdict carries the weakest status of the statements behind it.\n",
        _summary(evidence),
    ]
    for paper in PAPERS:
        promises = [promise for promise in PROMISES if promise.paper == paper.number]
        parts.append(f"## {plain(paper.title)}\n\narXiv {paper.number} {{cite:p}}`{paper.key}`.\n")
        parts += [_promise(promise, evidence) for promise in promises]
    parts += [
        "(plain-reading)=\n\n## Where the plain reading is false\n",
        "Counterexamples of the registry. Each is a closed statement: numbers, and nothing left to assume.\n",
        _counterexamples(evidence),
        "## Every statement by the sentence that it makes precise\n",
        block("dropdown", "By source", _by_source()),
    ]
    return "\n".join(parts)


def _summary(evidence: Evidence) -> str:
    kinds: dict[str, int] = {}
    for promise in PROMISES:
        word = verdict(promise, evidence).partition(";")[0]
        kinds[word] = kinds.get(word, 0) + 1
    return table(("verdict", "promises"), ((word, str(count)) for word, count in kinds.items()))


def _promise(promise: Promise, evidence: Evidence) -> str:
    lines = [f"### {plain(promise.text)}\n", f"**Verdict:** {verdict(promise, evidence)}.\n", promise.form + "\n"]
    if there(promise.against):
        lines.append(f"**Against the plain reading:** {_links(there(promise.against))}.\n")
    if there(promise.limits):
        lines.append(f"**Where it ends:** {_links(there(promise.limits))}.\n")
    added_there = [(name, key) for name, key in promise.added if there([name])]
    if added_there:
        added = ", ".join(
            f"*{plain(key)}* of {link(name)}: {plain(theorem_named(name).assumes[key].text)}" for name, key in added_there
        )
        lines.append(f"**Added hypotheses:** {added}.\n")
    if promise.statements:
        shown = [
            link(name) if "." in name and there([name]) else _family(name.partition(".")[0]) for name in promise.statements
        ]
        shown = list(dict.fromkeys(shown))
        lines.append(f"**{'Related' if promise.nature != 'decided' else 'Decided by'}:** {', '.join(shown)}.\n")
    return "\n".join(lines)


def _family(name: str) -> str:
    if name in FAMILIES:
        return f"[all of {name}](#family-{anchor(name)})"
    return f"the family {name}, which has no statement yet"


def _links(names: Iterable[str]) -> str:
    return ", ".join(link(name) for name in names)


def _counterexamples(evidence: Evidence) -> str:
    rows = [
        (link(theorem.name), plain(theorem.title), plain(theorem.source), evidence.status(theorem).word)
        for theorem in theorems()
        if theorem.kind == "counterexample"
    ]
    return table(("counterexample", "what it shows", "to which reading", "status"), rows)


def _by_source() -> str:
    rows: dict[str, list[str]] = {}
    for theorem in theorems():
        rows.setdefault(theorem.source, []).append(theorem.name)
    return table(("source", "statements"), ((plain(source), _links(names)) for source, names in rows.items()))


__all__ = ["PromiseError", "claims_page", "statements_of", "there", "verdict"]
