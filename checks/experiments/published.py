"""The seed papers' reported numbers, as intervals of their printed digits, and what they imply by the statements of the registry.

Only abstracts are at hand: a number is quoted *as reported*, and what was measured is an assumption that every consequence names.
"""

from __future__ import annotations

from functools import cache

from flint import ctx

from checks.experiments import implied_attention, implied_loss
from checks.experiments.printed import AILA, BITS, PROGRESSIVE, PUBLISHED, EnclosureError, Implied, Published, published, span


@cache
def implications() -> tuple[Implied, ...]:
    """Everything that follows from the reported numbers, each end enclosed and rounded to its far side; about a second."""
    with ctx.workprec(BITS):
        return (*implied_attention.implied(), *implied_loss.implied())


def implied(name: str, **at: int) -> Implied:
    """One consequence by name and sizes; KeyError names what there is."""
    found = [one for one in implications() if one.name == name and dict(one.at) == at]
    if len(found) != 1:
        known = sorted({f"{one.name} {dict(one.at)}" for one in implications() if one.name == name}) or sorted(
            {one.name for one in implications()}
        )
        raise KeyError(f"no consequence {name!r} at {at}; there is {', '.join(known)}")
    return found[0]


__all__ = [
    "AILA", "PROGRESSIVE", "PUBLISHED", "EnclosureError", "Implied", "Published", "implications", "implied", "published", "span",
]  # fmt: skip
