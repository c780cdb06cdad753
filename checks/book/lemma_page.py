"""The page of lemmas."""

from __future__ import annotations

from checks.book.lemmas import cited_lemmas
from checks.book.proof import proof
from checks.book.text import block, link, plain
from theory.export.latex import latex
from theory.theorem import Lemma


def lemmas_page() -> str:
    """The whole page."""
    derived = [(key, *entry) for key, entry in cited_lemmas().items() if entry[0].steps]
    argued = [(key, *entry) for key, entry in cited_lemmas().items() if not entry[0].steps]
    parts = [
        "# Lemmas\n",
        "Facts that derivations cite by name. A lemma with a derivation is replayed like a theorem. An *argued* lemma is about sums, "
        "vectors or floats, which the scalar kernel cannot express: its proof is in words, the tests sample it in exact arithmetic, "
        "and a statement that rests on one says so in its status. The Coq proofs do not rest on these words: what they need of the kind "
        "they prove, unless the theorem in Coq names it as a hypothesis, as it does with the rounding of one float step.\n",
        "## Argued\n",
        *(_lemma(key, lemma, users) for key, lemma, users in argued),
        "## Derived\n",
        *(_lemma(key, lemma, users) for key, lemma, users in derived),
    ]
    return "\n".join(parts)


def _lemma(key: str, lemma: Lemma, users: tuple[str, ...]) -> str:
    assumes = "".join(f"- *{plain(name)}*: ${latex(relation)}$\n" for name, relation in lemma.assumes.items())
    body = (f"If\n\n{assumes}\nthen\n\n" if assumes else "") + f"$$\n{latex(lemma.relation)}\n$$\n"
    shown = block("prf:lemma", f"`{lemma.name}`", body, ("nonumber:", f"label: prf-{key}"))
    argued = f"*Argument.* {plain(lemma.reason)}\n"
    reason = block("dropdown", f"Proof of {lemma.name}", proof(lemma)) if lemma.steps else argued
    cited = f"Cited by {', '.join(map(link, users))}.\n" if users else "Cited by other lemmas.\n"
    return f"({key})=\n\n### {plain(lemma.name)}\n\n{shown}\n{reason}\n{cited}"


__all__ = ["lemmas_page"]
