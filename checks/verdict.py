"""Verdicts. A statement holds on a case for a positive reason or not at all.

`if verdict:` raises, because "not false" is the mistake this project exists to avoid: NaN, an infinite ball, an empty block or a
comparison that Arb cannot decide is UNDECIDED or OUT_OF_DOMAIN, and never HOLDS.
"""

from __future__ import annotations

import enum
from typing import NoReturn


class Verdict(enum.Enum):
    """HOLDS: shown. FAILS: refuted. UNDECIDED: the enclosures do not tell. OUT_OF_DOMAIN: a hypothesis is broken."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"
    OUT_OF_DOMAIN = "out of domain"

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a verdict has no truth value; compare it: `verdict is Verdict.HOLDS` (this one is {self.name})")


HOLDS, FAILS, UNDECIDED, OUT_OF_DOMAIN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNDECIDED, Verdict.OUT_OF_DOMAIN

EXIT_CODES = {HOLDS: 0, FAILS: 1, OUT_OF_DOMAIN: 2, UNDECIDED: 3}


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict of a whole from its parts: any FAILS wins, then UNDECIDED, then OUT_OF_DOMAIN; nothing at all is UNDECIDED."""
    for verdict in (FAILS, UNDECIDED, OUT_OF_DOMAIN):
        if verdict in verdicts:
            return verdict
    return HOLDS if verdicts else UNDECIDED
