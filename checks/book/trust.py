"""The computed parts of the page of trust: what is shown and how, counted; what each family is attacked with; what is only sampled."""

from __future__ import annotations

import inspect

from checks.book.evidence import Evidence
from checks.book.lemmas import cited_lemmas, lemma_link
from checks.book.text import block, link, plain, plural, table
from checks.commands_prove import AXIOMS
from checks.shards import family_checks
from theory import FAMILIES, theorems

STATUSES = {
    "proved": "a closed theorem of the same name and hypotheses compiles in Coq, rests on the axioms of its real numbers only, and was "
    "read side by side with this statement",
    "checked": "derived, attacked without a refutation or an undecided case, every control killed or argued to be true",
    "derived": "every step of the derivation was replayed by the kernel",
    "stated": "typed; nothing has looked at it",
}


def counts(evidence: Evidence) -> str:
    """Statements by status and family, and what the runs amount to."""
    words = {theorem.name: evidence.status(theorem) for theorem in theorems()}
    rows = []
    for family in FAMILIES:
        mine = [words[theorem.name] for theorem in theorems(family)]
        kinds = [str(sum(status.word == word for status in mine)) for word in STATUSES]
        lemmas = sum(bool(status.lemmas) for status in mine)
        rows.append(
            (f"[{family}](#family-{family})", str(len(mine)), *kinds, str(lemmas), str(sum(bool(s.missing) for s in mine)))
        )
    rows.append(("all", *(f"{sum(int(row[column]) for row in rows):,}" for column in range(1, 8))))
    head = ("family", "statements", *STATUSES, "derived by lemma", "missing or stale")
    meanings = table(("status", "means", "statements"), (
        (word, meaning, str(sum(status.word == word for status in words.values()))) for word, meaning in STATUSES.items()
    ))  # fmt: skip
    once = "A statement is counted once, under the highest status that it has."
    return f"{meanings}\n{once}\n\n{table(head, rows)}"


def runs(evidence: Evidence) -> str:
    """What the rendered evidence amounts to: cases, layers, controls, and the files with their hashes."""
    records = [finding.record for finding in evidence.findings.values()]
    outcomes: dict[str, int] = {}
    for record in records:
        for control in record["controls"]:
            outcomes[control["outcome"]] = outcomes.get(control["outcome"], 0) + 1
    verdicts: dict[str, int] = {}
    for record in records:
        for name, count in record["tally"]["counts"].items():
            verdicts[name] = verdicts.get(name, 0) + count
    layers = sum(source.record.get("layers", 0) for source in evidence.sources)
    axioms = tuple(evidence.proof_source.record["axioms"]) if evidence.proof_source else ()
    theorems_in_coq = sum("coq" in row for row in evidence.proofs.values()) + len(evidence.further)
    expected = "the four that are allowed" if set(axioms) == AXIOMS else f"allowed are {', '.join(sorted(AXIOMS))}"
    rows = [
        (
            "cases judged",
            ", ".join(f"{count:,} {name.lower().replace('_', ' ')}" for name, count in verdicts.items() if count) or "none",
        ),
        ("of these settled symbolically, at equality", f"{sum(record['tally']['settled'] for record in records):,}"),
        ("of these by the float64 screen alone", f"{sum(record['tally'].get('screened', 0) for record in records):,}"),
        *(
            (
                f"float64 {one['name']}, attacked",
                f"{one['verdict'].lower()} on {one['attack']['rows']:,} rows made to break it; "
                f"{sum(control['outcome'] == 'killed' for control in one['controls'])} of {len(one['controls'])} weakened versions refuted",
            )
            for source in evidence.sources
            for one in source.record.get("evaluators", ())
        ),
        ("layers trained", f"{layers:,}"),
        ("controls", ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items()) or "none"),
        ("theorems in Coq", f"{theorems_in_coq:,}"),
        ("axioms behind them", f"{', '.join(f'`{axiom}`' for axiom in axioms)}: {expected}" if axioms else "no record"),
    ]
    files = [
        (
            f"[{source.name}.json](_static/evidence/{source.name}.json)", f"`{source.sha256}`", source.record.get("finished", ""),
            ", ".join(f"{library} {version}" for library, version in source.record.get("libraries", {}).items()),
            source.stale or "of this code",
        )
        for source in evidence.sources
    ]  # fmt: skip
    shown = table(("file", "SHA-256", "finished", "made with", "state"), files) if files else "No evidence has been made yet.\n"
    return table(("what", "how much"), rows) + "\n" + shown


def lemmas() -> str:
    """The argued lemmas: what a derivation rests on that the kernel does not check."""
    argued = [(lemma, users) for lemma, users in cited_lemmas().values() if not lemma.steps]
    lines = [
        f"- {lemma_link(lemma)}, cited by {', '.join(map(link, users)) or 'other lemmas'}: {plain(lemma.reason)}"
        for lemma, users in argued
    ]
    return block("dropdown", plural(len(lines), "argued lemma"), "\n".join(lines)) if lines else "None.\n"


def attacks() -> str:
    """Every property of every family: what it draws, which statements it attacks, how many examples by default."""
    parts = []
    for family in FAMILIES:
        properties = family_checks(family).properties
        lines = [
            f"- `{prop.name}`, {plural(prop.examples, 'draw')}: {plain(inspect.getdoc(prop.cases) or '')} Attacks "
            f"{', '.join(link(theorem.name) for theorem in prop.theorems)}."
            for prop in properties
        ]
        parts.append(block("dropdown", f"{family.capitalize()}: {plural(len(properties), 'attack')}", "\n".join(lines)))
    return "\n".join(parts)


def fragments(evidence: Evidence) -> dict[str, str]:
    """The files that the page includes, by name."""
    return {"counts": counts(evidence), "runs": runs(evidence), "lemmas": lemmas(), "attacks": attacks()}


__all__ = ["attacks", "counts", "fragments", "lemmas", "runs"]
