"""The float64 screen attacked: rows made to break it, every ball and every decision against Arb; and weakened screens that must fail.

The screen is no statement, but what is counted as HOLDS rests on it. Its claim: each number of a usable row lies in its ball, a row that
it decides is decided by Arb the same way, and a row that it puts out of a domain is out of it. A ball that claims nothing (infinite
radius, no number) is not counted. Controls make one term of the radius too small; each must be refuted by a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from operator import sub
from typing import Any

import numpy as np
import sympy as sp
from flint import arb, ctx, fmpq

from checks.balls import PROVED, Ball, Balls, Rounding
from checks.enclosure import Value, rational
from checks.evaluators import Attack, Evaluator, Finding
from checks.properties import Options
from checks.screen import SCREENED, screen
from checks.screen_rows import HostileBatch, hostile_batches, standard_batches
from checks.verdict import FAILS, HOLDS, UNDECIDED, Verdict
from theory import symbols as sym
from theory import theorem_named
from theory.export.python import compile_expression
from theory.namespaces import FLINT
from theory.signs import gap
from theory.theorem import Theorem

__all__ = ["CONTROLS", "EXAMPLES", "SCREEN", "attack_screen", "weakened_screens"]

BITS = (192, 4096)
EXAMPLES = 120  # batches of a run

CONTROLS: dict[str, Rounding] = {
    "every radius an eighth": replace(PROVED, unit=PROVED.unit / 8),
    "exponential right to 1 u": replace(PROVED, exponential=1.0),
    "no rounding of + - * /": replace(PROVED, operation=0.0),
    "no rounding in a sum": replace(PROVED, key=0.0),
    "scores subtracted exactly": replace(PROVED, nat=0.0),
    "the library's logarithm trusted": replace(PROVED, defect=0.0),
    "weights taken as 0 forgotten": replace(PROVED, flushed=0.0),
    "radii forgotten in comparisons": replace(PROVED, comparison=0.0),
}


class ScreenError(AssertionError):
    """The screen claims what is not so."""


class Truth:
    """The rows of a batch with their exact numbers, computed when asked for and kept."""

    def __init__(self, batch: HostileBatch) -> None:
        self.batch = batch
        self.scores, self.block, self.visible = batch.rows()
        self._numbers: dict[tuple[int, int], Mapping[sp.Symbol, Value]] = {}

    @cached_property
    def levels(self) -> list[Counter[tuple[float, bool]]]:
        """For every row the different (score, in the block), with how often they come."""
        return [
            Counter(zip(x[keep].tolist(), flags[keep].tolist(), strict=True))
            for x, flags, keep in zip(self.scores, self.block, self.visible, strict=True)
        ]

    def numbers(self, index: int, bits: int) -> Mapping[sp.Symbol, Value]:
        """The observables of a row as Arb balls; counts and margin exactly."""
        if (index, bits) not in self._numbers:
            self._numbers[index, bits] = with_bits(bits, lambda: observed(self.levels[index]))
        return self._numbers[index, bits]

    def record(self, index: int) -> dict[str, Any]:
        """The row in JSON, losslessly."""
        shown = sorted(self.levels[index].items())
        return {"batch": str(self.batch), "row": index, "levels": [[s.hex(), int(flag), count] for (s, flag), count in shown]}


def with_bits(bits: int, number: Callable[[], Any]) -> Any:
    """The number, computed with `bits` of precision."""
    old, ctx.prec = ctx.prec, bits
    try:
        return number()
    finally:
        ctx.prec = old


def observed(levels: Counter[tuple[float, bool]]) -> Mapping[sp.Symbol, Value]:
    """`checks.enclosure.observe` for scores that come many times."""
    top = arb(max(s for s, _ in levels))
    parts = [(top - arb(s), flag, count) for (s, flag), count in levels.items()]
    mass = {side: sum((count * (-d).exp() for d, flag, count in parts if flag is side), arb(0)) for side in (True, False)}
    total = mass[True] + mass[False]
    spread = sum((count * d * (-d).exp() for d, _, count in parts), arb(0))
    n, g = levels.total(), sum(count for (_, flag), count in levels.items() if flag)
    margin = rational(min(s for s, flag in levels if flag)) - rational(max(s for s, flag in levels if not flag))
    return {
        sym.n: n, sym.g: g, sym.m: n - g, sym.margin: margin,
        sym.soft_margin: mass[True].log() - mass[False].log(), sym.eps: mass[False] / total, sym.fidelity: mass[True] / total,
        sym.entropy: total.log() + spread / total, sym.peak: 1 / total,
    }  # fmt: skip


def _inside(ball: Ball, index: int, true: Callable[[int], Value]) -> tuple[Verdict, float] | None:
    """Whether the true number lies in the ball, and its error over the radius; None where the ball claims nothing."""
    value, radius = float(ball.value.flat[index]), float(ball.radius.flat[index])
    if not np.isfinite([value, radius]).all():
        return None
    for bits in BITS:
        found = with_bits(bits, partial(_error_at, true, value, bits))
        if found <= rational(radius):
            return HOLDS, float(found / rational(radius)) if radius else 0.0
        if found > rational(radius):
            return FAILS, float("inf")
    return UNDECIDED, 0.0


def _error_at(true: Callable[[int], Value], value: float, bits: int) -> Any:
    number = true(bits)
    return abs(rational(number) - rational(value)) if isinstance(number, (int, fmpq)) else abs(arb(number) - arb(value))


def findings(truth: Truth, rounding: Rounding) -> Iterator[Finding]:
    """Everything that the screen says of a batch, beside Arb."""
    screened = screen(truth.scores, truth.block, truth.visible, rounding)
    for index in np.flatnonzero(~screened.usable).tolist():
        yield Finding("usable", FAILS, record=partial(truth.record, index))
    balls = {str(symbol): (ball, _number(truth, symbol)) for symbol, ball in screened.numbers.items()}
    for name in SCREENED:
        theorem = theorem_named(name)
        for side, ball in zip((theorem.claim.lhs, theorem.claim.rhs), screened.sides(theorem), strict=True):
            if not side.is_Symbol:
                balls[f"{name}: {sp.sstr(side)}"] = ball, _side(truth, side)
    for what, (ball, true) in balls.items():
        for index in range(len(ball.value)):
            yield from _compared(what, ball, index, true, truth)
    yield from _comparisons(screened.numbers[sym.entropy], truth, Balls(rounding))
    for name in SCREENED:
        decided = screened.decide(theorem_named(name))
        for index in np.flatnonzero(decided.certain | decided.outside).tolist():
            verdict = _decision(theorem_named(name), truth, index, bool(decided.certain[index]))
            yield Finding(name, verdict, decision=True, record=partial(truth.record, index))


def _compared(what: str, ball: Ball, index: int, true: Callable[[int, int], Value], truth: Truth) -> Iterator[Finding]:
    if found := _inside(ball, index, lambda bits: true(index, bits)):
        numbers = {"value": float(ball.value[index]).hex(), "radius": float(ball.radius[index]).hex()}
        yield Finding(what, *found, record=lambda: truth.record(index) | numbers | {"true": str(true(index, BITS[0]))})


def _number(truth: Truth, symbol: sp.Symbol) -> Callable[[int, int], Value]:
    return lambda index, bits: truth.numbers(index, bits)[symbol]


def _side(truth: Truth, expression: sp.Expr) -> Callable[[int, int], Value]:
    names, function = _at_margin(expression)

    def side(index: int, bits: int) -> Value:
        numbers = truth.numbers(index, bits)
        return arb(with_bits(bits, lambda: function(*(arb(numbers[name]) for name in names))))

    return side


@lru_cache(maxsize=256)
def _at_margin(expression: sp.Expr) -> tuple[tuple[sp.Symbol, ...], Callable[..., Any]]:
    measured = expression.subs(sym.t, sym.margin)
    names = tuple(sorted(measured.free_symbols, key=str))
    return names, compile_expression(measured, names)


def _comparisons(ball: Ball, truth: Truth, xp: Balls) -> Iterator[Finding]:
    """Numbers a unit in the last place beside the value: where the comparison is certain, it is right."""
    for name, direction in (("above", np.inf), ("below", -np.inf)):
        other = np.nextafter(ball.value, direction)
        certain = xp.less(ball, other) if name == "above" else xp.less(other, ball)
        for index in np.flatnonzero(certain).tolist():
            verdict = UNDECIDED
            for bits in BITS:
                entropy, end = arb(truth.numbers(index, bits)[sym.entropy]), arb(float(other[index]))
                room = with_bits(bits, partial(sub, *((end, entropy) if name == "above" else (entropy, end))))
                verdict = _sign(room, True)
                if verdict is not UNDECIDED:
                    break
            yield Finding(f"a unit {name}", verdict, decision=True, record=partial(truth.record, index))


def _sign(room: Value, strict: bool) -> Verdict:
    if room > 0 or (not strict and room >= 0):
        return HOLDS
    return FAILS if room < 0 or (strict and room <= 0) else UNDECIDED


def _decision(theorem: Theorem, truth: Truth, index: int, certain: bool) -> Verdict:
    """Arb on what the screen decided: that the claim holds and its domain is met, or else that the domain is not."""
    relations = [h.relation for h in theorem.assumes.values()]
    if certain:
        return _worst([_relation(r, truth, index) for r in (*relations, theorem.claim)])
    return HOLDS if any(_relation(r, truth, index) is FAILS for r in relations) else FAILS


def _worst(verdicts: list[Verdict]) -> Verdict:
    return next((verdict for verdict in (FAILS, UNDECIDED) if verdict in verdicts), HOLDS)


@lru_cache(maxsize=256)
def _gap(relation: sp.Basic) -> sp.Expr | None:
    """What is positive, or not negative, when the relation holds at the measured margin; None where that is so in any case."""
    measured = relation.subs(sym.t, sym.margin)
    return None if measured is sp.true else gap(measured)


def _relation(relation: sp.Basic, truth: Truth, index: int) -> Verdict:
    positive = _gap(relation)
    if positive is None:
        return HOLDS
    for bits in BITS:
        verdict = _sign(_side(truth, positive)(index, bits), isinstance(relation, (sp.Lt, sp.Gt)))
        if verdict is not UNDECIDED:
            return verdict
    return UNDECIDED


OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "a + b": lambda xp, a, b: a + b,
    "a - b": lambda xp, a, b: a - b,
    "a b": lambda xp, a, b: a * b,
    "a / b": lambda xp, a, b: a / b,
    "e^a": lambda xp, a, b: xp.exp(a),
    "ln |a|": lambda xp, a, b: xp.log(abs(a)),
    "max(a, b)": lambda xp, a, b: xp.maximum(a, b),
    "min(a, b)": lambda xp, a, b: xp.minimum(a, b),
}


def operations(seed: int, rounding: Rounding, count: int = 48) -> Iterator[Finding]:
    """Arithmetic on balls, of floats of every size: the operation at an end of each ball, by Arb, lies in the result."""
    rng = np.random.default_rng(seed)
    xp, a, b = Balls(rounding), *(_hostile_balls(rng, count, rounding) for _ in range(2))
    part = count // 4
    b.value[:part] = -a.value[:part] * (1 + rng.integers(-4, 5, part) * 2.0**-52)  # cancellation
    a.value[-part:] = (
        (rng.integers(-9, 0, part) + 0.5) * np.log(2) * (1 + rng.uniform(-0.02, 0.02, part))
    )  # the exponential's worst
    a.radius[-part:] = 0
    sides = rng.integers(-1, 2, (2, count)).tolist()

    def ends(index: int) -> list[arb]:
        return [
            arb(float(x.value[index])) + side[index] * arb(float(x.radius[index]))
            for x, side in zip((a, b), sides, strict=True)
        ]

    for what, operation in OPERATIONS.items():
        with np.errstate(all="ignore"):
            ball = operation(xp, a, b)
        for index in range(count):
            numbers = {name: [part[index].hex() for part in (x.value, x.radius)] for name, x in (("a", a), ("b", b))}

            def true(bits: int, index: int = index, operation: Any = operation) -> Value:
                return arb(with_bits(bits, lambda: operation(FLINT, *ends(index))))

            if found := _inside(ball, index, true):
                yield Finding(what, *found, record=partial(dict, numbers))


def _hostile_balls(rng: np.random.Generator, count: int, rounding: Rounding) -> Ball:
    size = np.where(rng.random(count) < 0.7, rng.uniform(-12, 9.7, count), rng.uniform(-1074, 1023, count))
    size[count // 4 : count // 2] = rng.uniform(-1074, -970, count // 2 - count // 4)  # both balls of an operation tiny
    value = rng.choice([-1.0, 1.0], count) * rng.uniform(1, 2, count) * 2.0**size
    wide = np.where(rng.random(count) < 0.5, 0.0, 10.0 ** rng.uniform(-17, -0.1, count))
    return Ball(value, np.abs(value) * wide, rounding)


def attack_screen(options: Options, part: int, parts: int) -> Attack:
    """One part of the attack: Hypothesis draws batches of hostile rows; what refutes the screen is shrunk and kept."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    attack = Attack()
    wanted = max(parts, round(EXAMPLES * options.examples))
    share = wanted // parts + (part < wanted % parts)

    @seeded(f"screen/{options.seed}/{part}")
    @settings(
        max_examples=share, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink), print_blob=False,
    )  # fmt: skip
    @given(hostile_batches())
    def run(batch: HostileBatch) -> None:
        attack.rows += batch.count
        for finding in (*findings(Truth(batch), PROVED), *operations(batch.seed, PROVED)):
            attack.add(finding)
            if finding.verdict is FAILS:
                raise ScreenError(finding.what)

    with suppress(ScreenError):  # the failure is kept
        run()
    return attack


def weakened_screens() -> list[dict[str, Any]]:
    """Every weakened screen on the standard batches: killed by the first row that refutes it, or survived."""
    truths = [Truth(batch) for batch in standard_batches()]
    return [{"change": change, **_killed(rounding, truths)} for change, rounding in CONTROLS.items()]


def _killed(rounding: Rounding, truths: list[Truth]) -> dict[str, Any]:
    for seed, truth in enumerate(truths):
        for finding in (*findings(truth, rounding), *operations(seed, rounding)):
            if finding.verdict is FAILS:
                return {"outcome": "killed", "witness": {"what": finding.what, **finding.record()}}
    return {"outcome": "survived", "witness": None}


SCREEN = Evaluator("screen", attack_screen, weakened_screens)
