"""What a run of recruitment at two levels found: its ledger, its budget, and router and experts certified together on captured logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import sympy as sp
from flint import arb, fmpq

from checks.claims import Case, judge
from checks.enclosure import Value
from checks.extinction_exact import bits, upper
from checks.hierarchy_cases import mixture_cases
from checks.hierarchy_data import Domain, Windows, make_windows
from checks.hierarchy_exact import Mixture, softmax
from checks.hierarchy_model import WORKING, router_logits
from checks.hierarchy_run import Arrival, Candidate, Run, Setting, Training, arrive, begin, recruit_until_done, rise_of
from checks.layer import attend
from checks.recruitment_codes import bits as as_bits
from checks.training import one_thread
from checks.verdict import FAILS, HOLDS, UNDECIDED, Verdict, worst
from theory import symbols as sym
from theory.hierarchy_budget import budget, moves, steps_with_large_map
from theory.rounding import round_end
from theory.theorem import Theorem

CERTIFIED = (0, 5, 10, 15)  # queries of a window that are certified


@dataclass(frozen=True)
class Composed:
    """Router and experts on the certified queries of one domain: each value at its worst query, rounded up, and the verdicts."""

    domain: str
    queries: int
    router_miss: float  # greatest weight on wrong experts
    pointer_miss: float  # greatest outside mass of a right expert's row
    miss: float  # greatest 1 - fidelity of the pair
    miss_bound: float  # its bound, at the query where the bound is greatest
    joint: float  # greatest joint entropy, nats
    joint_bound: float
    verdicts: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Report:
    """A finished run with what was judged on it."""

    run: Run
    domains: tuple[str, ...]
    values: dict[sp.Symbol, Value]
    judged: dict[str, Verdict]
    composed: tuple[Composed, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts."""
        found = list(self.judged.values())
        for part in self.composed:
            for counts in part.verdicts.values():
                found += [verdict for verdict in (FAILS, UNDECIDED, HOLDS) if counts.get(verdict.name)]
        if any(isinstance(entry, Candidate) and entry.verdict == "undecided" for entry in self.run.ledger):
            found.append(UNDECIDED)
        return worst(found)

    @property
    def move_bound(self) -> int:
        """The greatest number of accepted moves that the potential can pay for: rounded down, since moves are whole."""
        v = self.values
        with bits(WORKING):
            paid = arb(v[sym.phi_start]) - arb(v[sym.phi_floor]) + arb(v[sym.lift_bound])
            least = min(self.run.setting.block_gain, self.run.setting.expert_gain)
            return int(upper(paid / arb(least)).floor())

    @property
    def step_bound(self) -> int:
        """The same for steps with |P| >= nu."""
        v = self.values
        with bits(WORKING):
            paid = arb(v[sym.phi_start]) - arb(v[sym.phi_floor]) + arb(v[sym.lift_bound])
            return int(upper(2 * paid / (arb(v[sym.eta]) * arb(v[sym.level_nu]) ** 2)).floor())

    def plain(self) -> dict[str, Any]:
        """The report in JSON; balls as decimals with their radius."""
        return {
            "verdict": self.verdict.name,
            "domains": list(self.domains),
            "ledger": [_entry(entry) for entry in self.run.ledger],
            "second_expert": _second(self.run),
            "budget": {str(symbol): str(value) for symbol, value in self.values.items()}
            | {"moves at most": self.move_bound, "steps at most": self.step_bound},
            "judged": {name: verdict.name for name, verdict in self.judged.items()},
            "tested since the last accepted move": [entry.name for entry in self.run.last_round],
            "composed": [vars(part) for part in self.composed],
            "experts": experts_of(self.run),
        }


def _second(run: Run) -> dict[str, Any] | None:
    """When the second expert was recruited: after which data, and what it saved."""
    domain = ""
    for entry in run.ledger:
        if isinstance(entry, Arrival):
            domain = entry.domain
        elif isinstance(entry, Candidate) and entry.verdict == "accepted" and entry.name.startswith("one expert more"):
            return {"after data of": domain, "windows read": entry.windows, "saved nats": str(entry.saving)}
    return None


def _entry(entry: Candidate | Arrival | Training) -> dict[str, Any]:
    if isinstance(entry, Candidate):
        return {
            "kind": "move", "level": entry.level, "name": entry.name, "saved nats": str(entry.saving),
            "saved bits": str(as_bits(entry.saving)), "verdict": entry.verdict, "windows": entry.windows,
        }  # fmt: skip
    if isinstance(entry, Arrival):
        return {"kind": "data", "domain": entry.domain, "windows": entry.windows, "rise nats": str(entry.rise)}
    return {
        "kind": "training",
        "steps": len(entry.steps.halves),
        "promised nats": str(entry.promised),
        "drop nats": str(entry.drop),
    }


def experts_of(run: Run) -> list[dict[str, Any]]:
    """Each expert: its blocks, and how many windows of each domain it has."""
    return [
        {
            "name": expert.name,
            "blocks": expert.blocks,
            "windows": np.bincount(
                run.windows.domain[run.model.owner == k], minlength=int(run.windows.domain.max()) + 1
            ).tolist(),
        }
        for k, expert in enumerate(run.model.experts)
    ]


@one_thread()
def report_on(
    domains: Sequence[Domain],
    count: int,
    setting: Setting,
    tell: Callable[[str], None] = lambda text: None,
    certified: int = 12,
) -> Report:
    """Read the domains one after the other, recruit until nothing pays after each, and judge the whole."""
    windows = make_windows(domains, count, setting.seed)
    run = begin(windows.only(windows.domain == 0), setting, domains[0].name)
    recruit_until_done(run, tell)
    for index in range(1, len(domains)):
        arrive(run, windows.only(windows.domain <= index), domains[index].name)
        recruit_until_done(run, tell)
    values = budget_values(run)
    with bits(WORKING):
        judged = {
            theorem.name: judge(theorem, Case(values, "the run")).verdict for theorem in (budget, moves, steps_with_large_map)
        }
    composed = tuple(compose(run, index, domain.name, certified, tell) for index, domain in enumerate(domains))
    return Report(run, tuple(domain.name for domain in domains), values, judged, composed)


def budget_values(run: Run) -> dict[sp.Symbol, Value]:
    """The run as the statements on budgets see it: a phase of training is one event, its steps are counted one by one.

    nu is the level at which a step of the least size used promises the least decrease of the setting.
    """
    phases = [entry for entry in run.ledger if isinstance(entry, Training)]
    steps = [pair for phase in phases for pair in zip(phase.steps.halves, phase.steps.sizes, strict=True)]
    eta = min((size for _, size in steps), default=fmpq(1))
    nu = fmpq(*sqrt(2 * run.setting.least / (float(int(eta.p)) / float(int(eta.q)))).as_integer_ratio())
    gains = {"block": run.setting.block_gain, "expert": run.setting.expert_gain}
    with bits(WORKING):
        level = arb(eta) * arb(nu) ** 2 / 2
        spare = [phase.drop - phase.promised for phase in phases] + [
            move.saving - arb(gains[move.level]) for move in run.accepted
        ]
        least = spare[0] if spare else arb(0)
        for other in spare[1:]:
            least = least.min(other)
        total = sum((half for half, _ in steps), arb(0))
        large = sum(not bool(half < level) for half, _ in steps)
    return {
        sym.half_total: total,
        sym.block_moves: sum(move.level == "block" for move in run.accepted),
        sym.expert_moves: sum(move.level == "expert" for move in run.accepted),
        sym.large_steps: large,
        sym.block_gain: run.setting.block_gain,
        sym.expert_gain: run.setting.expert_gain,
        sym.event_excess: least,
        sym.lift_total: rise_of(run),
        sym.lift_bound: rise_of(run),
        sym.phi_start: run.start,
        sym.phi_end: run.phi,
        sym.phi_floor: fmpq(0),
        sym.eta: eta,
        sym.level_nu: nu,
    }


def right_experts(run: Run, domain: int) -> list[bool]:
    """Experts most of whose windows are of the domain; if there is none, the one with most windows of it."""
    owned = np.array([row["windows"] for row in experts_of(run)])
    most = [bool(row.sum() and row.argmax() == domain) for row in owned]
    return most if any(most) else [k == int(owned[:, domain].argmax()) for k in range(len(owned))]


def compose(run: Run, domain: int, name: str, certified: int, tell: Callable[[str], None] = lambda text: None) -> Composed:
    """Certify composition, chain rule, entropy bound and pointer entropy on queries of windows of one domain."""
    tell(f"certifying router and experts: {name}")
    chosen = np.flatnonzero(run.windows.domain == domain)[:certified]
    part: Windows = run.windows.only(chosen)
    right, logits = right_experts(run, domain), router_logits(run.model, part)
    captures = [attend(e.parameters, e.batch(part), e.structure, dial=e.dial) for e in run.model.experts]
    counts: dict[str, dict[str, int]] = {}
    rows: list[dict[sp.Symbol, Value]] = []
    for window in range(len(chosen)):
        for query in CERTIFIED:
            with bits(128):
                mixture = _mixture(captures, logits[window], right, window, query, f"{name}, window {window}, query {query}")
            found = list(mixture_cases(mixture))
            for theorem, case in found:
                tally = counts.setdefault(theorem.name, {})
                verdict = judge(theorem, case).verdict.name
                tally[verdict] = tally.get(verdict, 0) + 1
            rows.append({**found[0][1].values, **_ceilings(found)})

    def greatest(value: Callable[[dict[sp.Symbol, arb]], arb]) -> float:
        with bits(128):
            return max(round_end(value({symbol: arb(x) for symbol, x in row.items()}).upper(), "up") for row in rows)

    return Composed(
        domain=name,
        queries=len(rows),
        router_miss=greatest(lambda row: row[sym.router_miss]),
        pointer_miss=greatest(lambda row: row[sym.pointer_miss]),
        miss=greatest(lambda row: 1 - row[sym.fidelity_total]),
        miss_bound=greatest(lambda row: row[sym.router_miss] + row[sym.pointer_miss] * (1 - row[sym.router_miss])),
        joint=greatest(lambda row: row[sym.joint_entropy]),
        joint_bound=greatest(
            lambda row: (
                row[sym.router_ceiling]
                + (1 - row[sym.wrong_mass]) * row[sym.expert_ceiling]
                + row[sym.wrong_mass] * row[sym.keys_most].log()
            )
        ),
        verdicts=counts,
    )


def _ceilings(found: list[tuple[Theorem, Case]]) -> dict[sp.Symbol, Value]:
    """The claimed bounds of the entropy statement, where it was judged."""
    for _, case in found:
        if sym.keys_most in case.values:
            return {s: case.values[s] for s in (sym.router_ceiling, sym.expert_ceiling, sym.keys_most)}
    return {sym.router_ceiling: fmpq(0), sym.expert_ceiling: fmpq(0), sym.keys_most: 1}


def _mixture(
    captures: Sequence[Any], logits: Sequence[fmpq], right: list[bool], window: int, query: int, origin: str
) -> Mixture:
    """The mixture of one query: the router's logits, every expert's scores of the visible keys; all experts see the same keys."""
    rows, inside, keys = [], [], []
    for capture in captures:
        seen = capture.visible[0, window, query].tolist()
        names = [j for j, flag in enumerate(seen) if flag]
        rows.append(tuple(softmax([float(capture.scores[0, window, query, j]) for j in names])))
        inside.append(tuple(bool(capture.same_block[0, window, query, j]) for j in names))
        keys.append(tuple(names))
    return Mixture(tuple(softmax(logits)), tuple(rows), tuple(inside), tuple(right), tuple(keys), origin)


__all__ = ["Composed", "Report", "report_on"]
