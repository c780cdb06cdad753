"""A run cut into shards: each a pure function of the statements, the options and its own name; results merge in any order, once.

Kinds: `replay` (one family's derivations), `controls` (one statement's mutants and extremal cases), `property` (a part of one
property's examples), `evaluator` (a part of the attack on what decides rows beside Arb), `weakened` (its controls). A result is JSON,
so that it can lie on disk between two runs and come from another process.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from checks.claims import judge
from checks.controls import run_controls
from checks.evaluators import LEAST_CONTROLS, Attack, EvaluatorResult
from checks.properties import FamilyChecks, Options, Tally, attack
from checks.verdict import FAILS, HOLDS
from theory.replay import ReplayError, replay
from theory.theorem import Theorem

Kind = Literal["replay", "controls", "property", "evaluator", "weakened"]
ROWS_A_SHARD = 4  # examples of a property that one shard runs at most: short shards make an interruption cheap


RESULT_KEYS: dict[Kind, set[str]] = {  # what the result of a shard has at least
    "replay": {"derived"},
    "controls": {"tally", "controls"},
    "property": {"tallies", "layers", "examples", "devices", "backends"},
    "evaluator": {"attack"},
    "weakened": {"controls"},
}
LIBRARIES = ("sympy", "python-flint", "torch", "numpy", "scipy", "hypothesis")


@dataclass(frozen=True)
class Shard:
    """One piece of work: `subject` is a statement (replay, controls), a property or an evaluator; `part` of `parts` splits it."""

    kind: Kind
    family: str
    subject: str
    part: int = 0
    parts: int = 1

    @property
    def key(self) -> str:
        """The name of the shard's file, without its ending."""
        return f"{self.kind}.{self.family}.{self.subject.removeprefix(self.family + '.')}.{self.part}of{self.parts}"


def family_checks(family: str) -> FamilyChecks:
    """The checks of a family; imports torch and Hypothesis."""
    checks: FamilyChecks = import_module(f"checks.{family}").CHECKS
    return checks


def plan(families: Iterable[str], options: Options) -> list[Shard]:
    """Every shard of a run; properties first, because they are long and fill the machine evenly."""
    shards: list[Shard] = []
    short: list[Shard] = []
    evaluators: dict[str, list[Shard]] = {}
    for family in families:
        checks = family_checks(family)
        for prop in checks.properties:
            examples = max(1, round(prop.examples * options.examples))
            parts = -(-examples // ROWS_A_SHARD)
            shards += [Shard("property", family, prop.name, part, parts) for part in range(parts)]
        for theorem in checks.theorems:
            short += [Shard("replay", family, theorem.name), Shard("controls", family, theorem.name)]
        for one in checks.evaluators:  # once, however many families use it
            parts_of_it = [Shard("evaluator", family, one.name, part, one.parts) for part in range(one.parts)]
            evaluators.setdefault(one.name, [*parts_of_it, Shard("weakened", family, one.name)])
    return [*shards, *chain.from_iterable(evaluators.values()), *short]


def run_shard(shard: Shard, options: Options) -> dict[str, Any]:
    """Do one shard and return its result in JSON."""
    checks = family_checks(shard.family)
    if shard.kind == "property":
        prop = next(p for p in checks.properties if p.name == shard.subject)
        outcome = attack(prop, options, shard.part, shard.parts)
        return {
            "tallies": {name: dataclasses.asdict(tally) for name, tally in outcome.tallies.items()},
            "layers": outcome.layers,
            "examples": outcome.examples,
            "devices": sorted(outcome.devices),
            "backends": outcome.backends,
        }
    if shard.kind in ("evaluator", "weakened"):
        one = next(e for e in checks.evaluators if e.name == shard.subject)
        if shard.kind == "weakened":
            return {"controls": one.controls()}
        return {"attack": dataclasses.asdict(one.attack(options, shard.part, shard.parts))}
    theorem = next(t for t in checks.theorems if t.name == shard.subject)
    return _replayed(theorem) if shard.kind == "replay" else _controlled(theorem, checks)


def _replayed(theorem: Theorem) -> dict[str, Any]:
    try:
        done = replay(theorem)
    except ReplayError as error:
        return {"derived": False, "reason": str(error)}
    return {
        "derived": True,
        "steps": done.steps,
        "kinds": dict(done.kinds),
        "rests_on": list(done.rests_on),
        "readings": list(done.readings),
    }


def _controlled(theorem: Theorem, checks: FamilyChecks) -> dict[str, Any]:
    """The statement on its extremal cases, then its mutants on the same cases."""
    tally = Tally()
    for case in checks.extremal[theorem.name]():
        tally.add(case, judge(theorem, case))
    deaths = run_controls(theorem, checks)
    return {
        "tally": dataclasses.asdict(tally),
        "controls": [
            {
                "change": death.change,
                "outcome": death.outcome,
                "witness": None if death.case is None else {"origin": death.case.origin, "exact": death.case.exact},
                "bound": None if death.judgement is None else [str(death.judgement.lhs), str(death.judgement.rhs)],
            }
            for death in deaths
        ],
    }


@dataclass
class StatementResult:
    """Everything a run found about one statement."""

    name: str
    family: str
    hash: str
    kind: str
    derived: bool | None = None  # None: not replayed in this run
    reason: str = ""
    rests_on: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    steps: int = 0
    tally: Tally = dataclasses.field(default_factory=Tally)
    layers: int = 0
    controls: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    unsound: tuple[str, ...] = ()  # evaluators that decided rows of it and do not hold themselves

    @property
    def killed(self) -> int:
        """Controls refuted by a witness."""
        return sum(control["outcome"] == "killed" for control in self.controls)

    @property
    def examples(self) -> int:
        """Cases judged, in the domain or not."""
        return sum(self.tally.counts.values())

    @property
    def problems(self) -> list[str]:
        """Why the statement does not hold in this run; empty if it does or if it is only undecided."""
        found = []
        if not self.derived:
            found.append(self.reason or "its derivation was not replayed")
        if self.tally.counts[FAILS.name]:
            failure = self.tally.failure or {}
            found.append(
                f"refuted by {failure.get('origin')}: {failure.get('lhs')} against {failure.get('bound')} ({failure.get('reason')})"
            )
        if self.unsound:
            found.append(
                f"{self.tally.screened:,} rows were decided by what does not hold itself in this run: {', '.join(self.unsound)}"
            )
        survivors = [control["change"] for control in self.controls if control["outcome"] == "survived"]
        if survivors:
            found.append(f"controls survived: {', '.join(survivors)}")
        if self.killed < LEAST_CONTROLS:
            found.append(f"{self.killed} controls were killed; a check that cannot fail {LEAST_CONTROLS} ways shows little")
        return found

    @property
    def verdict(self) -> str:
        """The name of the verdict: FAILS with any problem, UNDECIDED without a positive result everywhere, else HOLDS."""
        if self.problems:
            return FAILS.name
        return self.tally.verdict.name


def merge(families: Iterable[str], results: dict[Shard, dict[str, Any]]) -> list[StatementResult]:
    """The results of all shards as one result a statement, in reading order; what an evaluator decided counts only if it holds itself."""
    found: dict[str, StatementResult] = {}
    for family in families:
        for theorem in family_checks(family).theorems:
            found[theorem.name] = StatementResult(theorem.name, family, theorem.hash, theorem.kind)
    for shard, result in results.items():
        if shard.kind == "replay":
            entry = found[shard.subject]
            entry.derived, entry.reason = result["derived"], result.get("reason", "")
            entry.steps, entry.rests_on = result.get("steps", 0), tuple(result.get("rests_on", ()))
            entry.readings = tuple(result.get("readings", ()))
        elif shard.kind == "controls":
            found[shard.subject].tally.merge(Tally(**result["tally"]))
            found[shard.subject].controls = result["controls"]
        elif shard.kind == "property":
            for name, tally in result["tallies"].items():
                found[name].tally.merge(Tally(**tally))
                found[name].layers += result["layers"]
    unsound = tuple(one.name for one in merge_evaluators(results) if one.verdict is not HOLDS)
    for entry in found.values():
        entry.unsound = unsound if entry.tally.screened else ()
    return list(found.values())


def merge_evaluators(results: dict[Shard, dict[str, Any]]) -> list[EvaluatorResult]:
    """What all shards found about the evaluators, one result each."""
    found: dict[str, EvaluatorResult] = {}
    for shard, result in results.items():
        if shard.kind in ("evaluator", "weakened"):
            entry = found.setdefault(shard.subject, EvaluatorResult(shard.subject))
            if shard.kind == "evaluator":
                entry.attack.merge(Attack(**result["attack"]))
            else:
                entry.controls = result["controls"]
    return list(found.values())


def layers_trained(results: dict[Shard, dict[str, Any]]) -> int:
    """Layers trained in a run; each property's once, however many statements it attacks."""
    return sum(result["layers"] for shard, result in results.items() if shard.kind == "property")


def library_versions() -> dict[str, str | None]:
    """The versions of the libraries that results depend on."""
    return {library: installed_version(library) for library in LIBRARIES}


def installed_version(library: str) -> str | None:
    """The version of a library; None for one that is not installed, as Localist itself in a bare checkout."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def sources_digest() -> bytes:
    """SHA-256 of the sources of theory and checks, but for those that only show results."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    modules = (*root.glob("theory/**/*.py"), *root.glob("checks/**/*.py"), *root.glob("checks/kernel/*.[ci]*"))
    for path in sorted(path for path in modules if not path.is_relative_to(root / "checks/book")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.digest()


def fingerprint(families: Iterable[str], options: Options) -> str:
    """Twelve hex digits of everything a shard's result depends on: sources of theory and checks, versions, options, the text."""
    digest = hashlib.sha256(sources_digest())
    settings = dataclasses.asdict(options) | {"text": None}
    digest.update(json.dumps([list(families), settings, sys.version, library_versions()], sort_keys=True).encode())
    if options.text is not None:
        digest.update(options.text.read_bytes())
    return digest.hexdigest()[:12]


__all__ = [
    "RESULT_KEYS",
    "Shard",
    "StatementResult",
    "fingerprint",
    "installed_version",
    "layers_trained",
    "library_versions",
    "merge",
    "merge_evaluators",
    "plan",
    "run_shard",
    "sources_digest",
]
