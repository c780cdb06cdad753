"""Fast evaluations that verdicts rest on beside Arb: what they claim is attacked in every run that uses them, and must be able to fail.

An evaluator is no statement about attention. It encloses numbers and decides rows; an attack compares every enclosure and every decision
with Arb, and its controls are the same evaluator with one error bound too small, each of which a row must refute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checks.verdict import FAILS, HOLDS, UNDECIDED, Verdict

if TYPE_CHECKING:
    from checks.properties import Options

__all__ = ["LEAST_CONTROLS", "Attack", "Evaluator", "EvaluatorResult", "Finding"]

LEAST_CONTROLS = 5
"""A check that cannot fail in so many ways shows little."""


@dataclass(frozen=True)
class Finding:
    """One enclosure or decision beside Arb's; `share` is the error over the radius, `record` the object, losslessly."""

    what: str
    verdict: Verdict
    share: float = 0.0
    decision: bool = False
    record: Callable[[], dict[str, Any]] = dict


@dataclass
class Attack:
    """What was compared; parts of a run add up in any order."""

    rows: int = 0
    compared: int = 0  # numbers that lie in their enclosures
    decided: int = 0  # decisions that Arb confirms
    most: dict[str, float] = field(default_factory=dict)  # greatest error over radius, by number
    failure: dict[str, Any] | None = None
    undecided: dict[str, Any] | None = None

    def add(self, finding: Finding) -> None:
        """Count one finding."""
        if finding.verdict is HOLDS and finding.decision:
            self.decided += 1
        elif finding.verdict is HOLDS:
            self.compared += 1
            self.most[finding.what] = max(finding.share, self.most.get(finding.what, 0.0))
        elif finding.verdict is FAILS:
            self.failure = {"what": finding.what, **finding.record()}
        else:
            self.undecided = self.undecided or {"what": finding.what, **finding.record()}

    def merge(self, other: Attack) -> None:
        """Add another part of the run."""
        self.rows += other.rows
        self.compared += other.compared
        self.decided += other.decided
        self.most = {what: max(self.most.get(what, 0.0), other.most.get(what, 0.0)) for what in {**self.most, **other.most}}
        self.failure = self.failure or other.failure
        self.undecided = self.undecided or other.undecided

    @property
    def verdict(self) -> Verdict:
        """FAILS with a failure; UNDECIDED if Arb could not tell, or if nothing was compared or nothing decided; else HOLDS."""
        if self.failure:
            return FAILS
        return UNDECIDED if self.undecided or not self.compared or not self.decided else HOLDS


@dataclass(frozen=True)
class Evaluator:
    """A fast evaluation: `attack(options, part, parts)` compares it with Arb, `controls()` weakens it and says how each version ended."""

    name: str
    attack: Callable[[Options, int, int], Attack]
    controls: Callable[[], list[dict[str, Any]]]
    parts: int = 4


@dataclass
class EvaluatorResult:
    """Everything a run found about one evaluator."""

    name: str
    attack: Attack = field(default_factory=Attack)
    controls: list[dict[str, Any]] = field(default_factory=list)

    @property
    def killed(self) -> int:
        """Weakened versions that a row refuted."""
        return sum(control["outcome"] == "killed" for control in self.controls)

    @property
    def problems(self) -> list[str]:
        """Why nothing that it decided counts; empty if it does, or if Arb could not tell."""
        found = []
        if self.attack.failure:
            found.append(f"refuted: {self.attack.failure}")
        survivors = [control["change"] for control in self.controls if control["outcome"] != "killed"]
        if survivors:
            found.append(f"controls survived: {', '.join(survivors)}")
        if self.killed < LEAST_CONTROLS:
            found.append(f"{self.killed} controls were killed; a check that cannot fail {LEAST_CONTROLS} ways shows little")
        return found

    @property
    def verdict(self) -> Verdict:
        """FAILS with any problem, else what the attack says."""
        return FAILS if self.problems else self.attack.verdict
