"""Properties: generators of cases that try to break a statement, driven by Hypothesis, tallied per statement.

A property is a generator function. Hypothesis draws its first argument (a configuration, a seed; never single floats, see
`strategies`), and it yields `(theorem, case)` pairs, at least a thousand rows or one trained fleet an example, and `Trained` records
of the layers it trained. A case that refutes its theorem ends the example; Hypothesis shrinks it, and the tally keeps the exact row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import nextafter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from checks.claims import Case, Judgement, judge
from checks.verdict import FAILS, HOLDS, UNDECIDED, Verdict
from theory.theorem import Theorem

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from checks.controls import Mutant
    from checks.evaluators import Evaluator


@dataclass(frozen=True)
class Options:
    """What a user may set for a run: layers per trained fleet, scale of the example counts, device, seed, text file, backend."""

    layers: int = 64
    examples: float = 1.0  # multiplies each property's own number of examples
    device: str = "cpu"
    seed: int = 0
    text: Path | None = None
    backend: Literal["auto", "torch", "compiled", "triton"] = "auto"


@dataclass(frozen=True)
class Trained:
    """Layers trained by a property, and where."""

    layers: int
    device: str = "cpu"
    dtype: str = "float32"


@dataclass(frozen=True)
class Screened:
    """What the float64 screen (`checks.screen`) did with rows for a statement.

    rows: decided by it alone.  ties: left to Arb, which judges each.  sampled: decided by it, and judged by Arb all the same.
    """

    theorem: Theorem
    rows: int
    ties: int
    sampled: int


Emission = tuple[Theorem, Case] | Trained | Screened
CaseFunction = Callable[[Any, Options], Iterator[Emission]]


@dataclass(frozen=True)
class Property:
    """One way to attack some statements of a family."""

    name: str
    theorems: tuple[Theorem, ...]
    given: Callable[[], SearchStrategy[Any]]
    cases: CaseFunction
    examples: int
    text: bool = False  # whether it reads the text file of the options


def holds_for(
    *theorems: Theorem, given: Callable[[], SearchStrategy[Any]], examples: int, text: bool = False
) -> Callable[[CaseFunction], Property]:
    """Make a generator of cases a property of these theorems, run on `examples` draws of `given()` by default."""

    def decorate(function: CaseFunction) -> Property:
        return Property(function.__name__, theorems, given, function, examples, text)

    return decorate


@dataclass(frozen=True)
class FamilyChecks:
    """Everything that is checked of one family.

    extremal: for every theorem, the cases on which its controls must die: equality cases first.
    extra: controls written by hand where the generic ones do not reach, by theorem name.
    also_true: generic mutants that claim more and are true as well, by theorem name and change, each with the reason why.
    evaluators: what decides cases of the family beside Arb.
    """

    family: str
    theorems: tuple[Theorem, ...]
    properties: tuple[Property, ...]
    extremal: Mapping[str, Callable[[], list[Case]]]
    extra: Mapping[str, Callable[[], list[Mutant]]] = field(default_factory=dict)
    also_true: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    evaluators: tuple[Evaluator, ...] = ()

    def __post_init__(self) -> None:
        names = {theorem.name for theorem in self.theorems}
        attacked = {theorem.name for prop in self.properties for theorem in prop.theorems}
        if names != set(self.extremal):
            raise ValueError(
                f"{self.family}: extremal cases for {sorted(self.extremal)}, statements {sorted(names)}; each needs some"
            )
        silent = names - attacked - {theorem.name for theorem in self.theorems if theorem.kind == "counterexample"}
        if silent:
            raise ValueError(f"{self.family}: no property attacks {sorted(silent)}")


class RefutedError(AssertionError):
    """A case refutes its theorem."""

    def __init__(self, theorem: Theorem, case: Case, judgement: Judgement) -> None:
        self.theorem, self.case, self.judgement = theorem, case, judgement
        super().__init__(
            f"{theorem.name} FAILS on {case.origin}: {theorem.claim.lhs} = {judgement.lhs}, bound {judgement.rhs} "
            f"({judgement.reason}); exactly: {case.exact}"
        )


@dataclass
class Tally:
    """Counts and extremes of one statement over the cases it met; tallies of disjoint shards add up in any order."""

    counts: dict[str, int] = field(default_factory=lambda: {verdict.name: 0 for verdict in Verdict})
    screened: int = 0  # HOLDS by a float64 enclosure of proved radius, not by Arb
    ties: int = 0  # rows that the screen left to Arb
    sampled: int = 0  # rows that the screen decided and Arb judged as well
    settled: int = 0  # HOLDS at an equality case or identity, settled symbolically
    worst_slack: float | None = None  # smallest gap seen, in the unit of the claim
    tightness: float | None = None  # greatest (smaller side / greater side) over the cases that hold
    worst: dict[str, Any] | None = None  # the case of `tightness`, exactly
    failure: dict[str, Any] | None = None
    undecided: dict[str, Any] | None = None

    def add(self, case: Case, judgement: Judgement) -> None:
        """Record one judged case."""
        self.counts[judgement.verdict.name] += 1
        if judgement.verdict is HOLDS:
            self.settled += judgement.certificate != "arb"
            self._extremes(case, judgement)
        elif judgement.verdict is FAILS:
            self.failure = _record(case, judgement)
        elif judgement.verdict is UNDECIDED and self.undecided is None:
            self.undecided = _record(case, judgement)

    def _extremes(self, case: Case, judgement: Judgement) -> None:
        assert judgement.lhs is not None
        assert judgement.rhs is not None
        assert judgement.slack is not None
        slack = max(float(judgement.slack.mid()), 0.0)
        self.worst_slack = slack if self.worst_slack is None else min(self.worst_slack, slack)
        sides = sorted((abs(float(judgement.lhs.mid())), abs(float(judgement.rhs.mid()))))
        # 1 is kept for what was attained exactly; a ratio that only rounds to 1 stays below it.
        attained = judgement.certificate != "arb" or (judgement.slack.is_exact() and judgement.slack == 0)
        ratio = 1.0 if attained else min(sides[0] / sides[1], nextafter(1.0, 0.0)) if sides[1] > 0 else 0.0
        if self.tightness is None or ratio > self.tightness:
            self.tightness, self.worst = ratio, _record(case, judgement)

    def merge(self, other: Tally) -> None:
        """Add the tally of a disjoint shard."""
        for name, count in other.counts.items():
            self.counts[name] += count
        self.settled += other.settled
        self.screened += other.screened
        self.ties += other.ties
        self.sampled += other.sampled
        slacks = [x for x in (self.worst_slack, other.worst_slack) if x is not None]
        self.worst_slack = min(slacks) if slacks else None
        if other.tightness is not None and (self.tightness is None or other.tightness > self.tightness):
            self.tightness, self.worst = other.tightness, other.worst
        self.failure = self.failure or other.failure
        self.undecided = self.undecided or other.undecided

    @property
    def verdict(self) -> Verdict:
        """FAILS if any case failed, UNDECIDED if any was or if none was in the domain, else HOLDS."""
        if self.counts[FAILS.name]:
            return FAILS
        if self.counts[UNDECIDED.name] or not self.counts[HOLDS.name]:
            return UNDECIDED
        return HOLDS


def _record(case: Case, judgement: Judgement) -> dict[str, Any]:
    return {
        "origin": case.origin,
        "exact": case.exact,
        "verdict": judgement.verdict.name,
        "certificate": judgement.certificate,
        "lhs": str(judgement.lhs),
        "bound": str(judgement.rhs),
        "slack": str(judgement.slack),
        "reason": judgement.reason,
        "values": {str(symbol): str(value) for symbol, value in case.values.items()},
    }


@dataclass
class Outcome:
    """What one property did: a tally per statement, layers trained, examples run."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    layers: int = 0
    examples: int = 0
    devices: set[str] = field(default_factory=set)
    backends: dict[str, int] = field(default_factory=dict)  # layers by what trained them, shrinking included


def attack(prop: Property, options: Options, shard: int = 0, shards: int = 1) -> Outcome:
    """Run one shard of a property: a pure function of the statement, the options and the shard number."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    outcome = Outcome({theorem.name: Tally() for theorem in prop.theorems})
    wanted = max(shards, round(prop.examples * options.examples))
    examples = wanted // shards + (shard < wanted % shards)

    @seed(f"{prop.name}/{options.seed}/{shard}")
    @settings(
        max_examples=max(1, examples), deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.target, Phase.shrink), print_blob=False,
    )  # fmt: skip
    @given(prop.given())
    def run(drawn: Any) -> None:
        outcome.examples += 1
        for emission in prop.cases(drawn, options):
            if isinstance(emission, Trained):
                outcome.layers += emission.layers
                outcome.devices.add(f"{emission.device}/{emission.dtype}")
                continue
            if isinstance(emission, Screened):
                tally = outcome.tallies[emission.theorem.name]
                tally.screened += emission.rows
                tally.ties += emission.ties
                tally.sampled += emission.sampled
                tally.counts[HOLDS.name] += emission.rows
                continue
            theorem, case = emission
            judgement = judge(theorem, case)
            outcome.tallies[theorem.name].add(case, judgement)
            if judgement.verdict is FAILS:
                raise RefutedError(theorem, case, judgement)

    from checks.training import TRAINED_BY, backend

    before = TRAINED_BY.copy()
    with suppress(RefutedError), backend(options.backend):  # the tally holds the shrunk case
        run()
    outcome.backends = dict(TRAINED_BY - before)
    return outcome


__all__ = [
    "FamilyChecks",
    "Options",
    "Outcome",
    "Property",
    "RefutedError",
    "Screened",
    "Tally",
    "Trained",
    "attack",
    "holds_for",
]
