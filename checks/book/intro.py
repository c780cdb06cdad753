"""The computed parts of the introduction: the picture's words and the main results with their status."""

from __future__ import annotations

from checks.book.evidence import Evidence
from checks.book.pages import badges
from checks.book.picture import DIALS, alt, panel
from checks.book.text import block, link, plain, plural, table
from theory import FAMILIES, theorem_named, theorems
from theory.export.latex import latex

HEADLINES = (
    "concentration.outside_mass", "concentration.fidelity", "entropy.ceiling", "threshold.no_minimiser", "threshold.gradient_bilinear",
    "extinction.finite_time", "blocks.guarantee_outside_mass", "dial.mass", "dial.continuity",
)  # fmt: skip


def picture() -> str:
    """The panels of the picture, for both themes, with their words; they stand below each other where the page is narrow."""
    panels = [
        block("image", f"_static/picture-{dial:g}-{theme}.svg", "", (f"alt: {alt(panel(dial))}", f"class: only-{theme}"))
        for dial in DIALS
        for theme in ("light", "dark")
    ]
    return block("div", "picture", "\n".join(panels))


def results(evidence: Evidence) -> str:
    """The main results in a line each."""
    chosen = [theorem_named(name) for name in HEADLINES]
    rows = [(link(t.name, plain(t.title)), f"${latex(t.claim)}$", badges(t, evidence.status(t))) for t in chosen]
    return table(("statement", "formula", "status"), rows)


def standing(evidence: Evidence) -> str:
    """How much there is, and how much of it is in order."""
    words = [evidence.status(theorem).word for theorem in theorems()]
    shown = ", ".join(f"{words.count(word)} {word}" for word in ("proved", "checked", "derived", "stated") if word in words)
    broken = len(evidence.problems())
    order = (
        f"For {plural(broken, 'of them', 'of them')} evidence is missing or stale, and their pages say so."
        if broken
        else "The evidence of every one of them is of this very code."
    )
    return (
        f"The book has {plural(len(words), 'statement')} in {plural(len(FAMILIES), 'family', 'families')}: {shown}. {order}\n"
    )


def fragments(evidence: Evidence) -> dict[str, str]:
    """The files that the page includes, by name."""
    return {"picture": picture(), "results": results(evidence), "standing": standing(evidence)}


__all__ = ["HEADLINES", "fragments", "picture", "results", "standing"]
