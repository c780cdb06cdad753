"""What `localist schedule` says, as data: schedules with their guarantees, the cheapest one, and a stack trained on text.

Every number that is guaranteed is rounded to its safe side (leaks and outside masses up, margins down); every number that was only
measured in floats has a name that ends in `_observed`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Any

from flint import arb, ctx

from theory.rounding import Side, round_end
from theory.schedule_numbers import Containment, LayerBounds, Measure, Number, Schedule, Stack, ball, contain, contained
from theory.schedule_search import Search, Slice, cheapest, recheck

BITS = 256
HYPOTHESES = (
    "every query's content scores lead outside its block by at most the lead given (nats), at every layer",
    "every value map has spectral norm at most the norm given; layers add their output to the tokens",
    "blocks are the same in every layer; a query's own token is in its block",
    "the value path holds attention weights as they are: through the scores more can flow (schedule.attention_path)",
)


def rounded(value: arb, side: Side = "up") -> float:
    """A ball as a float64 on its safe side; nan if it is no number."""
    if not value.is_finite():
        return math.nan
    return round_end(value.upper() if side == "up" else value.lower(), side)


def as_number(value: Fraction | arb) -> float:
    """A dial or budget for showing: the nearest float of an exact one, the middle of a ball."""
    return float(value) if isinstance(value, Fraction) else float(value.mid())


def exactly(value: Fraction | arb | None) -> str | None:
    """A fraction as text, None for a ball: it has no finite one."""
    return str(value) if isinstance(value, Fraction) else None


def first_localised(stack: Stack, dials: Sequence[Number | arb]) -> int:
    """The first layer from which on every margin is positive; the last layer if there is none."""
    margins = [layer.margin(dial, stack.strength) for layer, dial in zip(stack.layers, dials, strict=True)]
    open_layers = [index for index, margin in enumerate(margins) if not margin > 0]
    return min((open_layers[-1] + 1) if open_layers else 0, len(margins) - 1)


def schedule_entry(schedule: Schedule, stack: Stack, start: int | None, threshold: Fraction | None) -> dict[str, Any]:
    """One schedule and what it guarantees from layer `start` on (None: from its first localised layer)."""
    with ctx.workprec(BITS):
        dials = schedule.dials()
        begin = first_localised(stack, dials) if start is None else start
        found = contain(stack, dials, begin)
        return _schedule(schedule) | {
            "first_above_threshold": None if threshold is None else schedule.first_above(threshold),
            "start": begin,
            "layers": [
                {
                    "layer": index,
                    "dial": as_number(dial),
                    "dial_exact": exactly(dial),
                    "margin": rounded(found.margins[index], "down"),
                    "margin_exact": _margin(stack, index, dial),
                    "outside_mass": rounded(found.outside_mass[index]),
                }
                for index, dial in enumerate(dials)
            ],
            **_guarantees(found),
        }


def _margin(stack: Stack, index: int, dial: Fraction | arb) -> str | None:
    return str(Fraction(stack.strength) * dial - Fraction(stack.layers[index].lead)) if isinstance(dial, Fraction) else None


def _schedule(schedule: Schedule) -> dict[str, Any]:
    budget = schedule.budget
    return {
        "degree": str(schedule.degree),
        "low": str(schedule.low),
        "high": str(schedule.high),
        "budget": as_number(budget),
        "budget_exact": exactly(budget),
    }


def _guarantees(found: Containment) -> dict[str, Any]:
    return {
        "rollout_leak": rounded(found.rollout),
        "rollout_leak_sum": rounded(found.rollout_sum),
        "value_share": rounded(found.value_share),
        "value_flow": rounded(found.value_flow),
        "vacuous": dict(found.vacuous),
    }


def table_report(schedules: Sequence[Schedule], stack: Stack, start: int | None, threshold: Fraction | None) -> dict[str, Any]:
    """The guarantees of several schedules on one stack."""
    return {
        "kind": "guarantees",
        "stack": _stack(stack),
        "hypotheses": list(HYPOTHESES),
        "schedules": [schedule_entry(schedule, stack, start, threshold) for schedule in schedules],
    }


def _stack(stack: Stack) -> dict[str, Any]:
    return {
        "layers": len(stack.layers),
        "keys": stack.layers[0].keys,
        "block": stack.layers[0].block,
        "lead": [str(layer.lead) for layer in stack.layers],
        "value": [str(layer.value) for layer in stack.layers],
        "strength": str(stack.strength),
    }


def search_report(
    stack: Stack,
    degrees: Sequence[Number],
    lows: Sequence[Number],
    starts: Sequence[int],
    cap: Number,
    target: Fraction,
    measure: Measure,
    resolution: Fraction,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """The cheapest schedule of the class for a target, its certificate, and the same evaluated anew."""
    found = cheapest(
        stack, degrees=degrees, lows=lows, starts=starts, cap=cap, target=target, measure=measure, resolution=resolution, tell=tell
    )  # fmt: skip
    wrong = list(recheck(found, stack))
    best = found.best
    return {
        "kind": "cheapest",
        "stack": _stack(stack),
        "hypotheses": list(HYPOTHESES),
        "measure": measure,
        "target": str(target),
        "cap": str(cap),
        "resolution": str(resolution),
        "certified": found.certified and not wrong,
        "objections": wrong,
        "best": None if best is None or best.schedule is None else schedule_entry(best.schedule, stack, best.start, None),
        "class": [_slice(found, part) for part in found.slices],
    }


def _slice(found: Search, part: Slice) -> dict[str, Any]:
    return {
        "degree": str(part.degree),
        "low": str(part.low),
        "start": part.start,
        "decided": part.decided,
        "high": None if part.schedule is None else str(part.schedule.high),
        "budget": None if part.budget is None else as_number(part.budget),
        "budget_exact": exactly(part.budget),
        "leak": None if part.leak is None else rounded(part.leak),
        "just_below": None if part.just_below is None else str(part.just_below),
        "leak_just_below": None if part.leak_below is None else rounded(part.leak_below, "down"),
        "best": part is found.best,
    }


# --- a stack trained on text ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TextPlan:
    """A stack of layers of 4 blocks trained on a text: tokens and sequences, training steps, seed, file (None: documentation)."""

    layers: int
    tokens: int = 12
    sequences: int = 4
    steps: int = 60
    seed: int = 0
    leak: float = 0.05
    path: Path | None = None


def text_report(
    plan: TextPlan, schedules: Sequence[Schedule], start: int | None, tell: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Train one stack a schedule on the text and compare what leaks with what is proved, sequence by sequence in balls."""
    entries, source = [], ""
    for schedule in schedules:
        entry, source = _text_entry(plan, schedule, start, tell)
        entries.append(entry)
    return {
        "kind": "text",
        "text": source,
        "layers": plan.layers,
        "tokens": plan.tokens,
        "sequences": plan.sequences,
        "seed": plan.seed,
        "schedules": entries,
    }


def _text_entry(
    plan: TextPlan, schedule: Schedule, start: int | None, tell: Callable[[str], None]
) -> tuple[dict[str, Any], str]:
    import torch

    from checks.data import text_batch
    from checks.layer import equal_blocks
    from checks.schedule_cases import above
    from checks.schedule_stack import enclosed, measure_stack, train_stack

    structure = equal_blocks(4, 16, causal=True)
    batch = text_batch(
        structure.features, [plan.seed], path=plan.path, sequences=plan.sequences, tokens=plan.tokens, leak=plan.leak, dtype=torch.float64
    )  # fmt: skip
    name = f"degree {schedule.degree}"
    stack = train_stack(
        batch, structure, [as_number(dial) for dial in schedule.dials()], seeds=[plan.seed], steps=plan.steps,
        tell=lambda text: tell(f"{name}: {text}"),
    )  # fmt: skip
    begin = _first_contained(stack) if start is None else start
    with ctx.workprec(BITS):
        found = []
        for sequence in range(plan.sequences):
            tell(f"{name}: enclosing sequence {sequence + 1} of {plan.sequences}")
            found.append(enclosed(stack, 0, sequence, begin))
        masses = [reduce(lambda x, y: x.max(y), layer) for layer in zip(*(part.masses for part in found), strict=True)]
        gains = [arb(above(gain)) for gain in found[0].gains]
        bound = contained(masses, gains)
        growth = bound.growth
        flow = reduce(lambda x, y: x.max(y), [part.flow for part in found])
        rollout = reduce(lambda x, y: x.max(y), [part.rollout for part in found])
        # sequence by sequence, each against the bound of its own masses; the bound of the worst masses is not below (schedule.tighter)
        one = plan.layers - begin == 1  # one layer attains both bounds, whatever its attention: they are identities there
        verdicts = []
        for part in found:
            own = contained(part.masses, gains)
            verdicts.append(_verdict(part.rollout, own.rollout, one or part.absorbing))
            verdicts.append(_verdict(part.flow, own.value_flow, one))
        floats = measure_stack(stack, begin)
        entry = _schedule(schedule) | {
            "start": begin,
            "layers": [
                {
                    "layer": index,
                    "dial": dial,
                    "outside_mass": rounded(masses[index - begin]) if index >= begin else None,
                    "outside_mass_observed": floats.outside_mass[index],
                    "value_norm": rounded(gains[index - begin]) if index >= begin else None,
                    "off_block_share_observed": floats.off_block[index - begin] if index >= begin else None,
                }
                for index, dial in enumerate(stack.dials)
            ],
            "rollout_proved": rounded(bound.rollout),
            "rollout_measured": rounded(rollout),
            "value_share_proved": rounded(bound.value_share),
            "value_share_measured": rounded(flow / growth),
            "through_scores_observed": floats.everything,
            "attained": one or any(part.absorbing for part in found),
            "verdict": _worst(verdicts),
            "vacuous": _vacuous_text(bound, stack.dials[begin:], begin),
        }
    return entry, stack.source


def _first_contained(stack: Any) -> int:
    """The first layer from which on no query has half its attention outside its block; the last layer if there is none."""
    from checks.schedule_stack import outside_masses

    masses = outside_masses(stack)
    loose = [index for index, mass in enumerate(masses) if mass >= 0.5]
    return min((loose[-1] + 1) if loose else 0, len(masses) - 1)


def _verdict(measured: arb, bound: arb, attained: bool) -> str:
    """HOLDS when the enclosures show it, or where both sides are the same number and they overlap; FAILS when the bound is exceeded."""
    if measured <= bound or (attained and measured.overlaps(bound)):
        return "HOLDS"
    return "FAILS" if measured > bound else "UNDECIDED"


def _worst(verdicts: Sequence[str]) -> str:
    return next((name for name in ("FAILS", "UNDECIDED") if name in verdicts), "HOLDS")


def _vacuous_text(bound: Containment, dials: Sequence[float], begin: int) -> dict[str, str]:
    """Why a proved leak of a stack on text says nothing: some query keeps nothing of its attention in its block."""
    reasons = {}
    for index, (mass, dial) in enumerate(zip(bound.outside_mass, dials, strict=True), start=begin):
        if mass >= ball(Fraction(1, 2)):
            share = rounded(mass)
            reasons["rollout"] = (
                f"layer {index} (dial {dial:.3g}) has a query with {share:.3g} of its attention outside: the product bound is at "
                "least that. Contain from a later layer, or raise its dial"
            )
            break
    return reasons


def exit_code(report: dict[str, Any]) -> int:
    """0 done and shown; 1 a bound is exceeded, or no schedule of the class reaches the target; 3 undecided."""
    if report["kind"] == "text":
        verdicts = [entry["verdict"] for entry in report["schedules"]]
        return {"HOLDS": 0, "FAILS": 1, "UNDECIDED": 3}[_worst(verdicts)]
    if report["kind"] == "cheapest":
        if not report["certified"]:
            return 3
        return 0 if report["best"] is not None else 1
    return 0


__all__ = [
    "LayerBounds", "TextPlan", "exit_code", "first_localised", "rounded", "schedule_entry", "search_report", "table_report", "text_report",
]  # fmt: skip
