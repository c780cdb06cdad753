"""Judge a statement on numbers: hypotheses first, then the claim, with Arb and no slack.

A `Case` assigns exact numbers or balls to the symbols of a statement and remembers the object they came from. `judge` never returns
HOLDS for want of a counterexample; it returns it when the enclosure of the gap is on the right side of zero, or when the case is an
equality case of a statement whose equality `replay` has settled symbolically and the enclosures agree to `AGREEMENT_BITS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from checks.enclosure import BITS, Row, Value, merge, observe
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN, UNDECIDED, Verdict
from theory import symbols as sym
from theory.export.python import compile_expression
from theory.namespaces import EXACT
from theory.signs import evaluate, gap, wanted_signs
from theory.theorem import Theorem, Witness

AGREEMENT_BITS = 60  # two balls that overlap show agreement only if they are this narrow, relative to the greater side
PRECISIONS = (BITS, 4 * BITS, 16 * BITS, 64 * BITS)


@dataclass(frozen=True)
class Case:
    """One instance of a statement: a value for every symbol in it.

    origin: how it was made, for people. exact: the object itself in JSON, losslessly, so that it can be rebuilt.
    extremal: the object satisfies the statement's equality condition exactly (decided on the exact numbers, not on balls).
    finer: the same values from more bits, for balls too wide to decide.
    """

    values: Mapping[sp.Symbol, Value]
    origin: str
    exact: Any = None
    extremal: bool = False
    finer: Callable[[int], Mapping[sp.Symbol, Value]] | None = None


@dataclass(frozen=True)
class Judgement:
    """A verdict with its numbers: `slack` is the gap of the claim (>= 0 when it holds), `certificate` how it was reached."""

    verdict: Verdict
    lhs: arb | None = None
    rhs: arb | None = None
    slack: arb | None = None
    certificate: str = ""
    reason: str = ""


@dataclass(frozen=True)
class _Compiled:
    arguments: tuple[sp.Symbol, ...]
    lhs: Callable[..., Any]
    rhs: Callable[..., Any]
    hypotheses: tuple[tuple[str, Callable[..., Any], frozenset[int], tuple[sp.Symbol, ...]], ...]
    sign: int  # +1: holds when rhs - lhs >= 0; -1: when lhs - rhs >= 0; 0: equation
    strict: bool
    symbols: tuple[sp.Symbol, ...] = field(default=())  # of the claim and the hypotheses


@lru_cache(maxsize=4096)
def _compile(claim: sp.Basic, hypotheses: tuple[tuple[str, sp.Basic], ...]) -> _Compiled:
    arguments = _arguments(claim)
    compiled = []
    for key, relation in hypotheses:
        names = _arguments(relation)
        compiled.append((key, compile_expression(gap(relation), names), wanted_signs(relation), names))
    everything = set(arguments).union(*(set(item[3]) for item in compiled))
    sign = 0 if isinstance(claim, sp.Eq) else 1 if isinstance(claim, (sp.Le, sp.Lt)) else -1
    return _Compiled(
        arguments,
        compile_expression(claim.lhs, arguments),
        compile_expression(claim.rhs, arguments),
        tuple(compiled),
        sign,
        isinstance(claim, (sp.Lt, sp.Gt)),
        tuple(sorted(everything, key=str)),
    )


def _arguments(relation: sp.Basic) -> tuple[sp.Symbol, ...]:
    return tuple(sorted(relation.free_symbols, key=str))


def judge(theorem: Theorem, case: Case) -> Judgement:
    """Decide the statement on the case; more bits are spent while it is undecided and the case offers them."""
    compiled = _compile(theorem.claim, tuple((key, h.relation) for key, h in theorem.assumes.items()))
    values = case.values
    for bits in PRECISIONS:
        if bits > BITS:
            if case.finer is None:
                break
            values = case.finer(bits)
        judgement = _judge_at(compiled, theorem, case, values, bits)
        if judgement.verdict is not UNDECIDED:
            return judgement
    return judgement


def _judge_at(compiled: _Compiled, theorem: Theorem, case: Case, values: Mapping[sp.Symbol, Value], bits: int) -> Judgement:
    old, ctx.prec = ctx.prec, bits
    try:
        missing = [str(symbol) for symbol in compiled.arguments if symbol not in values]
        if missing:
            raise KeyError(f"{theorem.name}: the case ({case.origin}) gives no value for {', '.join(missing)}")
        refused = _domain(compiled, theorem, values, case.extremal)
        if refused is not None:
            return refused
        lhs, rhs = (arb(_raw(f, [values[symbol] for symbol in compiled.arguments])) for f in (compiled.lhs, compiled.rhs))
        return _compare(compiled, case, lhs, rhs, theorem, values)
    finally:
        ctx.prec = old


def _domain(compiled: _Compiled, theorem: Theorem, values: Mapping[sp.Symbol, Value], extremal: bool) -> Judgement | None:
    """OUT_OF_DOMAIN when a hypothesis or a symbol's domain is refuted, UNDECIDED when one cannot be decided, None when all hold."""
    undecided: Judgement | None = None
    for symbol in compiled.symbols:
        value = values.get(symbol)
        if value is None:
            continue  # missing where it is needed: an error below
        if (symbol.is_nonnegative and value < 0) or (symbol.is_positive and value <= 0):
            return Judgement(
                OUT_OF_DOMAIN, reason=f"{symbol} = {value} is not {'positive' if symbol.is_positive else 'non-negative'}"
            )
        if not isinstance(value, (int, fmpq)) and not arb(value).is_finite():
            undecided = Judgement(UNDECIDED, reason=f"{symbol} = {value} is not a number")
        elif symbol.is_integer and not isinstance(value, int) and not arb(value).is_integer():
            if not arb(value).contains_integer():
                return Judgement(OUT_OF_DOMAIN, reason=f"{symbol} = {value} is not a whole number")
            undecided = Judgement(UNDECIDED, reason=f"{symbol} = {value} is not known to be a whole number")
    for key, function, wanted, names in compiled.hypotheses:
        missing = [str(symbol) for symbol in names if symbol not in values]
        if missing:
            raise KeyError(f"{theorem.name}: the case gives no value for {', '.join(missing)} of hypothesis {key!r}")
        hypothesis = theorem.assumes[key]
        gap_value = _raw(function, [values[symbol] for symbol in names])
        found = _signs(gap_value)
        if not found <= wanted and len(found) > 1 and (exact := _exactly(hypothesis.relation, values)) is not None:
            found = _signs(exact)
        if found <= wanted or (extremal and 0 in wanted and 0 in found and _narrow(arb(gap_value))):
            continue  # the extremal object meets the hypothesis with equality, exactly
        if not found & wanted:
            return Judgement(OUT_OF_DOMAIN, reason=f"hypothesis {key!r} ({hypothesis.text}) is broken. {hypothesis.remedy}")
        undecided = Judgement(UNDECIDED, reason=f"hypothesis {key!r} ({hypothesis.text}) is not decided by the enclosure")
    return undecided


def _compare(
    compiled: _Compiled, case: Case, lhs: arb, rhs: arb, theorem: Theorem, values: Mapping[sp.Symbol, Value]
) -> Judgement:
    slack = lhs - rhs if compiled.sign <= 0 else rhs - lhs
    found = _signs(slack)
    if len(found) > 1 and (exact := _exactly(theorem.claim, values)) is not None:
        found, slack = _signs(exact), arb(exact)
    if compiled.sign == 0:
        if 0 not in found:
            return Judgement(FAILS, lhs, rhs, slack, "arb", "the two sides of the equation are apart")
        if found == {0} or _agree(lhs, rhs, slack):
            return Judgement(HOLDS, lhs, rhs, slack, "identity")
        return Judgement(UNDECIDED, lhs, rhs, slack, reason="the enclosures overlap but are too wide to speak of agreement")
    wanted = frozenset((1,)) if compiled.strict else frozenset((0, 1))
    if found <= wanted:
        return Judgement(HOLDS, lhs, rhs, slack, "equality case" if found == {0} and case.extremal else "arb")
    if not found & wanted:
        return Judgement(FAILS, lhs, rhs, slack, "arb", "the enclosure of the gap is on the wrong side of zero")
    if case.extremal and theorem.equality.values is not None and _agree(lhs, rhs, slack):
        if compiled.strict:
            return Judgement(FAILS, lhs, rhs, slack, "equality case", "both sides are equal here, and the claim is strict")
        return Judgement(HOLDS, lhs, rhs, slack, "equality case")
    return Judgement(UNDECIDED, lhs, rhs, slack, reason="the enclosure of the gap contains zero")


def _exactly(relation: sp.Basic, values: Mapping[sp.Symbol, Value]) -> fmpq | None:
    """The gap in rational arithmetic when every value is rational and the relation has only + - * / and powers; else None."""
    function, names = _rational_gap(relation)
    numbers = [_fraction(values[name]) for name in names]
    if function is None or None in numbers:
        return None
    try:
        result = Fraction(function(*numbers))
    except (ZeroDivisionError, NotImplementedError):  # a constant such as ln 2 is no rational
        return None
    return fmpq(result.numerator, result.denominator)


def _fraction(value: Value) -> Fraction | None:
    if isinstance(value, int):
        return Fraction(value)
    return Fraction(int(value.p), int(value.q)) if isinstance(value, fmpq) else None


@lru_cache(maxsize=4096)
def _rational_gap(relation: sp.Basic) -> tuple[Callable[..., Any] | None, tuple[sp.Symbol, ...]]:
    names = _arguments(relation)
    expression = gap(relation)
    return (compile_expression(expression, names, EXACT) if expression.is_rational_function(*names) else None), names


def _signs(value: Any) -> frozenset[int]:
    """The signs a number or ball may have; nan may have all of them."""
    if isinstance(value, (int, fmpq)):
        return frozenset(((value > 0) - (value < 0),))
    ball = arb(value)
    if not ball.is_finite():
        return frozenset((-1, 0, 1))
    if ball > 0 or ball < 0:
        return frozenset((1 if ball > 0 else -1,))
    if ball.is_exact():
        return frozenset((0,))
    return frozenset((0, 1)) if ball >= 0 else frozenset((-1, 0)) if ball <= 0 else frozenset((-1, 0, 1))


def _agree(lhs: arb, rhs: arb, slack: arb) -> bool:
    if not (lhs.is_finite() and rhs.is_finite()):
        return False
    scale = max(abs(lhs).abs_upper(), abs(rhs).abs_upper())
    if bool(abs(slack).abs_upper() * arb(2) ** AGREEMENT_BITS <= scale):
        return True
    return bool(lhs.contains(0) and rhs.contains(0)) and _narrow(slack)  # both sides may be 0 there, and have no scale


def _narrow(ball: arb) -> bool:
    """Whether a ball around zero is no wider than half the working precision."""
    return bool(ball.is_finite() and abs(ball).abs_upper() * arb(2) ** (ctx.prec // 2) <= 1)


def _raw(function: Callable[..., Any], values: list[Value]) -> Any:
    try:
        return function(*values)
    except (ZeroDivisionError, ValueError, OverflowError):
        return arb("nan")


def row_case(row: Row, extra: Mapping[sp.Symbol, Value] | None = None, *, extremal: bool | None = None) -> Case:
    """The case of a row: its observables, with the claimed margin t equal to the measured one unless `extra` gives another.

    extremal defaults to "two-level with t the exact margin", the equality case of the row bounds.
    """
    given = dict(extra or {})

    def values(bits: int) -> dict[sp.Symbol, Value]:
        observed = observe(row, bits)
        return merge(observed, {sym.t: observed[sym.margin]} | given)

    if extremal is None:
        extremal = row.two_level and sym.t not in given
    return Case(values(BITS), row.origin, row.exact, extremal, values)


def realise(theorem: Theorem, key: str, witness: Witness) -> Case:
    """The case of a witness: a row's observables are computed from its scores; typed values must lie in what was computed."""
    typed: dict[sp.Symbol, Value] = {symbol: exact_value(value) for symbol, value in witness.values.items()}
    origin = f"witness that {key!r} is needed"
    if not witness.scores:
        return Case(typed, origin, {str(s): str(v) for s, v in witness.values.items()})
    flags = tuple(index in witness.block for index in range(len(witness.scores)))
    row = Row(tuple(fmpq(int(x.p), int(x.q)) for x in witness.scores), flags, origin)
    observed = observe(row)
    for symbol in typed.keys() & observed.keys():
        if not arb(observed[symbol]).overlaps(arb(typed[symbol])):
            raise ValueError(
                f"{theorem.name}, {origin}: {symbol} is typed as {witness.values[symbol]}, the row has {observed[symbol]}"
            )
    return Case({**typed, **observed}, origin, row.exact)


def exact_value(value: sp.Expr | int) -> Value:
    """An exact rational as fmpq, any other closed SymPy number as a ball."""
    value = sp.sympify(value)
    if value.is_Rational:
        return int(value) if value.is_Integer else fmpq(int(value.p), int(value.q))
    return evaluate(value, {}, 16 * BITS)


def all_cases(parts: Iterable[Iterable[Case]]) -> list[Case]:
    """Several sources of cases as one list."""
    return [case for part in parts for case in part]
