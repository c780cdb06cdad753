"""Exact objects of `theory.hierarchy`: routers over rows, runs of events on one potential, proximal steps on quadratics.

Numbers are rationals wherever the object allows it, else balls from exact floats; nothing is compared with a tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sympy as sp
from flint import arb, fmpq

from checks.claims import Case
from checks.enclosure import Row, Value, rational
from checks.extinction_exact import upper
from theory import symbols as sym

Number = fmpq | arb
ZERO, ONE = fmpq(0), fmpq(1)


class MixtureError(ValueError):
    """A router and rows that do not go together."""


def total(terms: Sequence[Number]) -> Number:
    """The sum: a rational for rationals, else a ball."""
    return sum(terms, fmpq(0)) if all(isinstance(x, fmpq) for x in terms) else sum(map(arb, terms), arb(0))


def entropy(weights: Sequence[Number]) -> arb:
    """Entropy in nats of weights that sum to 1; an exact 0 adds nothing."""
    return sum((-arb(w) * arb(w).log() for w in weights if not (isinstance(w, fmpq) and w == 0)), arb(0))


def softmax(scores: Sequence[float | fmpq]) -> list[arb]:
    """Weights of a row of exact scores, as balls."""
    exact = [rational(s) for s in scores]
    weights = [arb(s - max(exact)).exp() for s in exact]
    z = sum(weights, arb(0))
    return [w / z for w in weights]


@dataclass(frozen=True)
class Mixture:
    """A router's law over experts and a law over keys for each of them; `inside` marks the keys of the query's block.

    keys[e][j] is the name of key j of expert e in the union of all keys; right[e]: the expert is right for the query (at least one).
    """

    router: tuple[Number, ...]
    rows: tuple[tuple[Number, ...], ...]
    inside: tuple[tuple[bool, ...], ...]
    right: tuple[bool, ...]
    keys: tuple[tuple[int, ...], ...]
    origin: str

    def __post_init__(self) -> None:
        if not len(self.router) == len(self.rows) == len(self.inside) == len(self.right) == len(self.keys) or not any(
            self.right
        ):
            raise MixtureError(
                f"mixture ({self.origin}): {len(self.router)} weights of the router, {len(self.rows)} rows, {sum(self.right)} right "
                "experts; each expert has one weight and one row, and some expert is right"
            )
        for e, (row, flags, names) in enumerate(zip(self.rows, self.inside, self.keys, strict=True)):
            if not row or not len(row) == len(flags) == len(names) or len(set(names)) != len(names):
                raise MixtureError(
                    f"mixture ({self.origin}), expert {e}: {len(row)} weights, {len(flags)} flags, {len(set(names))} different keys; "
                    "an expert sees each of its keys once"
                )

    @property
    def disjoint(self) -> bool:
        """Whether no two experts have a key in common."""
        names = [name for row in self.keys for name in row]
        return len(set(names)) == len(names)

    def values(self) -> dict[sp.Symbol, Value]:
        """What is measured of it, each quantity from the weights of the pairs: no law of the family is used."""
        fidelities = [
            total([w for w, flag in zip(row, flags, strict=True) if flag] or [fmpq(0)])
            for row, flags in zip(self.rows, self.inside, strict=True)
        ]
        entropies = [entropy(row) for row in self.rows]
        pairs = [[_times(r, w) for w in row] for r, row in zip(self.router, self.rows, strict=True)]
        union: dict[int, list[Number]] = {}
        for row, names in zip(pairs, self.keys, strict=True):
            for w, name in zip(row, names, strict=True):
                union.setdefault(name, []).append(w)
        right = [e for e, flag in enumerate(self.right) if flag]
        wrong = [e for e, flag in enumerate(self.right) if not flag]
        return {
            sym.right_mass: total([self.router[e] for e in right]),
            sym.wrong_mass: total([self.router[e] for e in wrong] or [fmpq(0)]),
            sym.fidelity_least: _least([fidelities[e] for e in right]),
            sym.fidelity_total: total([_times(r, f) for r, f in zip(self.router, fidelities, strict=True)]),
            sym.router_entropy: entropy(self.router),
            sym.right_entropy: -_least([-entropies[e] for e in right]),
            sym.top_entropy: -_least([-h for h in entropies]),
            sym.mean_entropy: sum((arb(r) * h for r, h in zip(self.router, entropies, strict=True)), arb(0)),
            sym.joint_entropy: entropy([w for row in pairs for w in row]),
            sym.marginal_entropy: entropy([total(ws) for ws in union.values()]),
        }

    def exact(self) -> dict[str, object]:
        """The object in JSON; balls as they print."""
        return {
            "router": [str(r) for r in self.router],
            "rows": [[str(w) for w in row] for row in self.rows],
            "inside": [[int(flag) for flag in row] for row in self.inside],
            "right": [int(flag) for flag in self.right],
            "keys": [list(row) for row in self.keys],
        }


def _times(x: Number, y: Number) -> Number:
    return x * y if isinstance(x, fmpq) and isinstance(y, fmpq) else arb(x) * arb(y)


def _least(numbers: Sequence[Number]) -> Number:
    """The least of the numbers, as a ball that holds it where they are balls."""
    if all(isinstance(x, fmpq) for x in numbers):
        return min(numbers)
    least = arb(numbers[0])
    for x in numbers[1:]:
        least = least.min(arb(x))
    return least


def captured_mixture(
    router: Sequence[float | fmpq], rows: Sequence[Row], right: Sequence[bool], keys: Sequence[Sequence[int]], origin: str
) -> Mixture:
    """The mixture of captured logits: the router's over the experts, and one row of scores an expert."""
    return Mixture(
        tuple(softmax(router)),
        tuple(tuple(softmax(row.scores)) for row in rows),
        tuple(row.block for row in rows),
        tuple(right),
        tuple(tuple(names) for names in keys),
        origin,
    )


EventKind = Literal["step", "block", "expert"]
EVENT_KINDS: tuple[EventKind, ...] = ("step", "block", "expert")


@dataclass(frozen=True)
class Event:
    """One event: new data first (`lift`), then a step of size eta with |P| = size, or an accepted move; `drop` is its decrease."""

    kind: EventKind
    drop: Number
    lift: Number = ZERO
    eta: fmpq = ONE
    size: Number = ZERO


@dataclass(frozen=True)
class EventRun:
    """A run of events from a starting potential; gains are what moves of the two levels must bring."""

    start: Number
    events: tuple[Event, ...]
    block_gain: fmpq
    expert_gain: fmpq

    def need(self, event: Event) -> Number:
        """What is required of an event."""
        if event.kind == "step":
            return _times(event.eta / 2, _times(event.size, event.size))
        return self.block_gain if event.kind == "block" else self.expert_gain

    def values(self, nu: fmpq, floor: fmpq | None = None, rise: fmpq | None = None) -> dict[sp.Symbol, Value]:
        """The symbols of the run; floor and rise default to the last potential and the total rise (rounded to the claimed side)."""
        drops, lifts = total([e.drop for e in self.events] or [fmpq(0)]), total([e.lift for e in self.events] or [fmpq(0)])
        end = total([self.start, lifts, -drops])
        steps = [e for e in self.events if e.kind == "step"]
        eta = min((e.eta for e in steps), default=fmpq(1))
        large = sum(bool(arb(self.need(e)) >= arb(eta * nu * nu / 2)) for e in steps)
        excess = _least([total([e.drop, -self.need(e)]) for e in self.events] or [fmpq(0)])
        return {
            sym.half_total: total([self.need(e) for e in steps] or [fmpq(0)]),
            sym.block_moves: sum(e.kind == "block" for e in self.events),
            sym.expert_moves: sum(e.kind == "expert" for e in self.events),
            sym.large_steps: large,
            sym.block_gain: self.block_gain,
            sym.expert_gain: self.expert_gain,
            sym.event_excess: excess,
            sym.lift_total: lifts,
            sym.lift_bound: (lifts if isinstance(lifts, fmpq) else upper(lifts)) if rise is None else rise,
            sym.phi_start: self.start,
            sym.phi_end: end,
            sym.phi_floor: (end if isinstance(end, fmpq) else -upper(-end)) if floor is None else floor,
            sym.eta: eta,
            sym.level_nu: nu,
        }

    def case(
        self, nu: fmpq, origin: str, *, extremal: bool = False, floor: fmpq | None = None, rise: fmpq | None = None
    ) -> Case:
        """The run as a case of every statement about runs."""
        exact = [[e.kind, str(e.drop), str(e.lift), str(e.eta), str(e.size)] for e in self.events]
        return Case(self.values(nu, floor, rise), origin, {"start": str(self.start), "events": exact}, extremal)


@dataclass(frozen=True)
class Quadratic:
    """The loss sum of h_i x_i^2/2 + b_i x_i with penalty w sum |x_i|; everything rational, h_i of any sign."""

    curvatures: tuple[fmpq, ...]
    slopes: tuple[fmpq, ...]
    weight: fmpq

    def loss(self, x: Sequence[fmpq]) -> fmpq:
        """The smooth part."""
        terms = [h * a * a / 2 + b * a for h, b, a in zip(self.curvatures, self.slopes, x, strict=True)]
        return sum(terms, fmpq(0))

    def penalty(self, x: Sequence[fmpq]) -> fmpq:
        """The rest."""
        return self.weight * sum((abs(a) for a in x), fmpq(0))

    def step(self, x: Sequence[fmpq], eta: fmpq) -> list[fmpq]:
        """One exact proximal step."""
        cut, out = eta * self.weight, []
        for h, b, a in zip(self.curvatures, self.slopes, x, strict=True):
            z = a - eta * (h * a + b)
            out.append(fmpq(0) if abs(z) <= cut else z - cut if z > 0 else z + cut)
        return out

    def case(self, x: Sequence[fmpq], eta: fmpq, bound: fmpq, origin: str) -> Case:
        """The step from x as a case of the descent statements, L_s = bound."""
        y = self.step(x, eta)
        inner = sum(((h * a + b) * (c - a) for h, b, a, c in zip(self.curvatures, self.slopes, x, y, strict=True)), fmpq(0))
        square = sum(((c - a) ** 2 for a, c in zip(x, y, strict=True)), fmpq(0))
        size: Number = abs(y[0] - x[0]) if len(x) == 1 else arb(square).sqrt()
        before, after = self.loss(x), self.loss(y)
        values: dict[sp.Symbol, Value] = {
            sym.loss_before: before,
            sym.loss_after: after,
            sym.objective_before: before + self.penalty(x),
            sym.objective_after: after + self.penalty(y),
            sym.step_inner: inner,
            sym.step_move: size,
            sym.step_map: size / eta if isinstance(size, fmpq) else size / arb(eta),
            sym.smoothness_bound: bound,
            sym.eta: eta,
        }
        drop = before + self.penalty(x) - after - self.penalty(y)
        attained = drop == (1 / eta - bound / 2) * square
        exact = {
            "h": list(map(str, self.curvatures)),
            "b": list(map(str, self.slopes)),
            "w": str(self.weight),
            "x": list(map(str, x)),
        }
        return Case(values, origin, exact, bool(attained))
