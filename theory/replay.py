"""Re-establish a derivation, step by step. This is the kernel: what it accepts, `localist theorems` calls *derived*.

A fact is accepted only for a positive reason: SymPy reduced an equation to zero, a sign was read off or enclosed, a certificate
added up, a cited statement's hypotheses were all discharged. A step that is not accepted raises `ReplayError` with its name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from theory import steps as st
from theory.export.python import PrintError
from theory.signs import (
    NON_NEGATIVE,
    POSITIVE,
    ZERO,
    evaluate,
    first_box_without_sign,
    gap,
    length_signs,
    possible_signs,
    undefined,
    wanted_signs,
)
from theory.symbols import RANGES, g, k_step, n
from theory.theorem import Lemma, Theorem

Facts = dict[str, Relational]
DOMAINS = [  # what a value is checked for; SymPy would use any other assumption unseen
    sp.Symbol("x", **domain).assumptions0
    for domain in (
        {"real": True}, {"nonnegative": True}, {"positive": True},
        {"integer": True}, {"integer": True, "nonnegative": True}, {"integer": True, "positive": True},
    )
]  # fmt: skip


class ReplayError(Exception):
    """A derivation does not go through; the message names statement, step and reason."""


@dataclass(frozen=True)
class Replay:
    """What one replay established: number of steps by kind, and the argued lemmas it rests on, each as it was used."""

    name: str
    steps: int
    kinds: Mapping[str, int]
    rests_on: tuple[str, ...]
    readings: tuple[
        str, ...
    ] = ()  # "lemma: instance"; that its symbols are what the lemma's reason speaks of is for a reader to see


_REPLAYED: dict[int, tuple[Theorem | Lemma, Replay]] = {}  # by identity; the object is kept so that its id stays its own


def replay(statement: Theorem | Lemma) -> Replay:
    """The replay of this very object; each is done once a process."""
    known = _REPLAYED.get(id(statement))
    if known is None:
        known = _REPLAYED[id(statement)] = (statement, _replay(statement))
    return known[1]


def _replay(statement: Theorem | Lemma) -> Replay:
    """Replay every step of a derivation and compare its last fact with the claim; raises ReplayError at the first step that fails."""
    if isinstance(statement, Lemma) and not statement.steps:
        apart = gap(statement.relation).subs(dict(statement.attained), simultaneous=True)
        if statement.attained and apart != 0:
            raise ReplayError(
                f"{statement.name}: where both sides of {statement.relation} should be equal, they differ by {apart}"
            )
        return Replay(statement.name, 0, {}, (statement.name,))
    claim, facts = _opening(statement)
    if not statement.steps:
        raise ReplayError(f"{statement.name}: the derivation has no steps")
    kinds: dict[str, int] = {}
    lemmas: set[str] = set()
    readings: dict[str, None] = {}
    for step in statement.steps:
        if step.name in facts:
            raise ReplayError(f"{statement.name}, step {step.name!r}: a fact of that name is already there")
        facts[step.name] = _establish(statement.name, step, facts)
        for inner in _nested(step):
            kinds[type(inner).__name__] = kinds.get(type(inner).__name__, 0) + 1
            if isinstance(inner, st.Cite):
                if (
                    isinstance(statement, Theorem)
                    and isinstance(inner.of, Theorem)
                    and not any(inner.of is used for used in statement.uses)
                ):
                    raise ReplayError(
                        f"{statement.name}, step {inner.name!r}: it cites {inner.of.name}, which `uses` does not list"
                    )
                done = replay(inner.of)
                lemmas |= set(done.rests_on)
                if isinstance(inner.of, Lemma) and not inner.of.steps:
                    readings[f"{inner.of.name}: {_as_text(inner.of.relation.subs(dict(inner.values), simultaneous=True))}"] = (
                        None
                    )
                readings |= dict.fromkeys(done.readings)
    last = facts[statement.steps[-1].name]
    if not _implies(last, claim):
        raise ReplayError(
            f"{statement.name}, step {statement.steps[-1].name!r}: the derivation ends in\n  {last}\nwhich is not the claim\n  {claim}"
        )
    if isinstance(statement, Theorem):
        _check_equality(statement)
        _check_witnesses(statement)
    return Replay(statement.name, sum(kinds.values()), kinds, tuple(sorted(lemmas)), tuple(readings))


def _as_text(relation: Relational) -> str:
    return f"{relation.lhs} {'=' if isinstance(relation, sp.Eq) else relation.rel_op} {relation.rhs}"


def _opening(statement: Theorem | Lemma) -> tuple[Relational, Facts]:
    if isinstance(statement, Lemma):
        return statement.relation, dict(statement.assumes)
    hypotheses = {key: h.relation for key, h in statement.assumes.items()}
    if twice := hypotheses.keys() & statement.definitions.keys():
        raise ReplayError(f"{statement.name}: {sorted(twice)} name both hypotheses and definitions")
    for key, definition in statement.definitions.items():
        if statement.kind != "identity" and definition == statement.claim:
            raise ReplayError(f"{statement.name}: the definition {key!r} is the claim itself")
    return statement.claim, hypotheses | dict(statement.definitions)


def _nested(step: st.Step) -> list[st.Step]:
    match step:
        case st.MeanValue():
            inner: tuple[st.Step, ...] = (step.slope,)
        case st.SumOver():
            inner = (step.pointwise,)
        case st.Cases():
            inner = (*step.low, *step.high)
        case st.Induction():
            inner = (*step.base, *step.step)
        case _:
            inner = ()
    return [step, *(deeper for part in inner for deeper in _nested(part))]


def _establish(where: str, step: st.Step, facts: Facts) -> Relational:
    rules: dict[type, Callable[[str, Any, Facts], Relational]] = {
        st.Identity: _identity, st.Manifest: _manifest, st.Enclosure: _enclosure, st.Cite: _cite,
        st.Cases: _cases, st.Combine: _combine, st.Apply: _apply, st.SumOver: _sum_over, st.MeanValue: _mean_value,
        st.Induction: _induction,
    }  # fmt: skip
    try:
        return rules[type(step)](where, step, facts)
    except ReplayError as error:
        raise ReplayError(f"{where}, step {step.name!r} ({type(step).__name__}): {error}") from None


def _establish_all(where: str, steps: Iterable[st.Step], facts: Facts) -> None:
    """Add what the steps establish to the facts; a name is given once, or an assumption could be hidden by another fact."""
    for step in steps:
        if step.name in facts:
            raise ReplayError(f"{where}, step {step.name!r}: a fact of that name is already there")
        facts[step.name] = _establish(where, step, facts)


def _lookup(facts: Facts, name: str) -> Relational:
    if name not in facts:
        raise ReplayError(f"it cites {name!r}, which is no fact here; facts are {', '.join(sorted(facts))}")
    return facts[name]


def _identity(where: str, step: st.Identity, facts: Facts) -> Relational:
    if not isinstance(step.fact, sp.Eq):
        raise ReplayError(f"{step.fact} is not an equation")
    if not vanishes(gap(step.fact), facts):
        raise ReplayError(f"SymPy does not reduce\n  {step.fact.lhs} - ({step.fact.rhs})\nto zero")
    return step.fact


def _manifest(where: str, step: st.Manifest, facts: Facts) -> Relational:
    form = gap(step.fact) if step.form is None else step.form
    if step.form is not None and not vanishes(gap(step.fact) - form, facts):
        raise ReplayError(f"the form {form} is not the gap {gap(step.fact)} of {step.fact}")
    signs = possible_signs(form, facts.values())
    if not signs <= wanted_signs(step.fact):
        raise ReplayError(f"the gap {form} of {step.fact} can have the signs {sorted(signs)} as far as its structure shows")
    return step.fact


def _enclosure(where: str, step: st.Enclosure, facts: Facts) -> Relational:
    bad = first_box_without_sign(step.fact, step.box, step.depth)
    if bad is not None:
        raise ReplayError(f"Arb does not show {step.fact} on the box {bad} after {step.depth} halvings")
    for symbol, (low, high) in step.box.items():  # the box must cover every value the facts allow
        covered = (
            possible_signs(symbol - low, facts.values()) <= NON_NEGATIVE
            and possible_signs(high - symbol, facts.values()) <= NON_NEGATIVE
        )
        if not covered:
            raise ReplayError(f"the box [{low}, {high}] of {symbol} is not known to cover every {symbol}: no fact bounds it")
    return step.fact


def _cite(where: str, step: st.Cite, facts: Facts) -> Relational:
    relation, hypotheses = _opening(step.of)
    if isinstance(step.of, Theorem):
        hypotheses = {key: h.relation for key, h in step.of.assumes.items()}
    symbols = {
        symbol for rel in (relation, *hypotheses.values()) for symbol in rel.free_symbols if isinstance(symbol, sp.Symbol)
    }
    for symbol in symbols:
        _check_domain(symbol, step.values.get(symbol, symbol), facts)
    values = dict(step.values)
    _check_values(step, relation, tuple(hypotheses.values()), facts)
    if isinstance(step.of, Theorem):
        _check_observables(step, facts)
    for key, hypothesis in hypotheses.items():
        instance = hypothesis.subs(values, simultaneous=True)
        if instance is sp.true:
            continue
        if instance is sp.false:
            raise ReplayError(f"hypothesis {key!r} of {step.of.name} is false for these values: {hypothesis}")
        if key in step.given:
            if not _implies(_lookup(facts, step.given[key]), instance):
                raise ReplayError(
                    f"hypothesis {key!r} of {step.of.name} reads {instance}, but {step.given[key]!r} says {facts[step.given[key]]}"
                )
        elif not possible_signs(gap(instance), facts.values()) <= wanted_signs(instance):
            raise ReplayError(f"hypothesis {key!r} of {step.of.name} reads {instance}, and no fact gives it")
    instance = relation.subs(values, simultaneous=True)
    if not isinstance(instance, Relational):
        raise ReplayError(f"SymPy evaluated the instance of {step.of.name} to {instance}")
    return instance


def _check_values(step: st.Cite, relation: Relational, hypotheses: tuple[Relational, ...], facts: Facts) -> None:
    """Values are real numbers for symbols of the cited statement, and leave alone what its hypotheses say of every key or step."""
    about = (*hypotheses, *(step.of.definitions.values() if isinstance(step.of, Theorem) else ()))
    for key, value in step.values.items():
        if not isinstance(key, sp.Symbol):
            raise ReplayError(f"{key} is not a symbol of {step.of.name}; only symbols are replaced")
        if (part := undefined(sp.sympify(value), facts.values())) is not None:
            raise ReplayError(f"the value {value} of {key} may be undefined: {part} is not known to be a number")
    for part in (relation, *about):
        _check_capture(part, step.values.values())
    every = {symbol for part in about for symbol in part.free_symbols & {*RANGES, k_step}}
    if one := every & _of_one(facts):
        raise ReplayError(f"{step.of.name} assumes something of every {one}, and here something is assumed of one only")
    replaced = {key: sp.sympify(value).free_symbols for key, value in step.values.items() if key != value}
    for symbol in every:
        ends = {letter for end in RANGES.get(symbol, ()) for letter in sp.sympify(end).free_symbols}
        if changed := replaced.keys() & {symbol, *ends}:
            raise ReplayError(
                f"{step.of.name} assumes something of every {symbol}, so {sorted(map(str, changed))} cannot be replaced"
            )
        said = {letter for part in about if symbol in part.free_symbols for letter in part.free_symbols}
        if mixed := [key for key in replaced.keys() & said if symbol in replaced[key]]:
            raise ReplayError(
                f"{step.of.name} assumes something of {mixed[0]} and every {symbol}, so its value may not mention {symbol}"
            )


def _check_observables(step: st.Cite, facts: Facts) -> None:
    """What the letters of the cited theorem mean is a fact here too: the same letter may mean another thing elsewhere."""
    assert isinstance(step.of, Theorem)
    for key, definition in step.of.definitions.items():
        if definition in facts.values():
            continue
        instance = definition.subs(dict(step.values), simultaneous=True)
        if not any(fact.free_symbols == instance.free_symbols and _implies(fact, instance) for fact in facts.values()):
            raise ReplayError(
                f"{step.of.name} is about symbols with the definition {key!r}: {definition}; for the values given it reads {instance}, "
                "which is no fact here. Add the definition"
            )


def _check_domain(symbol: sp.Symbol, value: sp.Expr, facts: Facts) -> None:
    wanted = (
        POSITIVE if symbol.assumptions0.get("positive") else NON_NEGATIVE if symbol.assumptions0.get("nonnegative") else None
    )
    if wanted is not None and not possible_signs(sp.sympify(value), facts.values()) <= wanted:
        raise ReplayError(f"{symbol} is {'positive' if wanted == POSITIVE else 'non-negative'}, and {value} is not known to be")
    if symbol.assumptions0 not in DOMAINS:
        raise ReplayError(
            f"{symbol} is declared {symbol.assumptions0}; a symbol is real, non-negative, positive, or a count of these"
        )
    if symbol.assumptions0.get("integer") and not sp.sympify(value).is_integer:
        raise ReplayError(f"{symbol} is an integer, and {value} is not known to be")


def _combine(where: str, step: st.Combine, facts: Facts) -> Relational:
    total, strict = sp.Integer(0), False
    for name, weight in step.weights.items():
        cited, weight = _lookup(facts, name), sp.sympify(weight)
        total += weight * gap(cited)
        signs = possible_signs(weight, facts.values())
        if (part := undefined(weight, facts.values())) is not None:  # multiplying 0 = 0 by 1/0 would show anything
            raise ReplayError(f"the weight {weight} of {name!r} may be undefined: {part} is not known to be a number")
        if not isinstance(cited, sp.Eq) and not signs <= NON_NEGATIVE:
            raise ReplayError(f"the weight {weight} of {name!r} is not known to be non-negative (signs {sorted(signs)})")
        strict |= signs == POSITIVE and wanted_signs(cited) == POSITIVE
    if wanted_signs(step.fact) == POSITIVE and not strict:
        raise ReplayError(f"{step.fact} is strict, and no strict fact enters with a positive weight")
    if isinstance(step.fact, sp.Eq) and not all(isinstance(facts[name], sp.Eq) for name in step.weights):
        raise ReplayError(f"{step.fact} is an equation, and an inequality enters")
    if not vanishes(gap(step.fact) - total, facts):
        raise ReplayError(
            f"the certificate does not add up: gap of {step.fact} minus the weighted gaps is\n  {sp.expand(gap(step.fact) - total)}"
        )
    return step.fact


def _apply(where: str, step: st.Apply, facts: Facts) -> Relational:
    cited = _lookup(facts, step.to)
    free = {name: fact for name, fact in facts.items() if step.variable not in fact.free_symbols}  # it stands for any number
    _check_variable(step.variable, step.function, (cited.lhs, cited.rhs), free)
    if isinstance(cited, sp.Eq):
        slope = NON_NEGATIVE  # equals go to equals under any function that is defined there
    elif step.function.has(sp.ceiling):
        raise ReplayError(f"{step.function} has jumps, and its derivative says nothing")
    elif _is_root(step.function, step.variable):
        slope = POSITIVE  # increasing on all of [0, inf), though its slope at 0 is infinite
    else:
        slope = possible_signs(sp.diff(step.function, step.variable), free.values())
    if not slope <= NON_NEGATIVE:
        raise ReplayError(f"{step.function} is not known to increase in {step.variable}: derivative signs {sorted(slope)}")
    for side in (cited.lhs, cited.rhs):
        if (part := undefined(side, facts.values())) is not None:  # exp(log(v)) forgets that v > 0
            raise ReplayError(f"{side} may be undefined: {part} is not known to be a number")
        _check_domain(step.variable, side, facts)
    strict_lost = (
        type(cited)
        if slope == POSITIVE or isinstance(cited, (sp.Le, sp.Ge, sp.Eq))
        else {sp.Lt: sp.Le, sp.Gt: sp.Ge}[type(cited)]
    )
    return strict_lost(
        step.function.subs(step.variable, cited.lhs), step.function.subs(step.variable, cited.rhs), evaluate=False
    )


def _check_variable(variable: sp.Symbol, function: sp.Expr, ends: tuple[sp.Expr, ...], facts: Facts) -> None:
    """`variable` stands for any number that the facts allow, and `function` is a real number for each of them."""
    if variable.is_integer:
        raise ReplayError(f"{variable} is an integer, and a slope speaks of every number between two")
    _check_capture(function, ends)
    if (part := undefined(function, facts.values())) is not None:
        raise ReplayError(f"{function} may be undefined: {part} is not known to be a number for every {variable}")


def _check_capture(expr: sp.Basic, values: Iterable[sp.Expr]) -> None:
    """No value brings a letter along that a sum in `expr` uses for its own keys."""
    bound = {limits[0] for total in expr.atoms(sp.Sum) for limits in total.limits}
    if caught := bound & {symbol for value in values for symbol in sp.sympify(value).free_symbols}:
        raise ReplayError(f"{sorted(map(str, caught))} in a value would be taken for the summation index of {expr}")


def _is_root(function: sp.Expr, variable: sp.Symbol) -> bool:
    """The function is a positive rational power of a variable that is declared non-negative."""
    return (
        isinstance(function, sp.Pow) and function.base == variable and bool(variable.is_nonnegative)
        and function.exp.is_Rational and bool(function.exp > 0)
    )  # fmt: skip


def _sum_over(where: str, step: st.SumOver, facts: Facts) -> Relational:
    if step.index not in RANGES:
        raise ReplayError(f"{step.index} is not a generic key; those are {', '.join(map(str, RANGES))}")
    if step.index in _of_one(facts):
        raise ReplayError(f"something is assumed of one {step.index} only, and a sum speaks of every one")
    low, high = RANGES[step.index]
    length = length_signs(low, high, facts.values())
    if not length <= NON_NEGATIVE:
        raise ReplayError(f"no fact says that the range {low}..{high} of {step.index} has a length")
    fact = _establish(where, step.pointwise, facts)
    if fact.has(sp.Sum):
        raise ReplayError(f"{fact} has a sum already; a sum of sums is not known here")
    span = (step.index, low, high)
    kept = type(fact) if length == POSITIVE else {sp.Lt: sp.Le, sp.Gt: sp.Ge}.get(type(fact), type(fact))  # 0 < 0 over no key
    return kept(sp.Sum(fact.lhs, span), sp.Sum(fact.rhs, span), evaluate=False)


def _of_one(facts: Facts) -> set[sp.Basic]:
    """The generic keys and steps of which a case, an interval or an induction assumes something: it is not true of every one."""
    of_one = (fact for name, fact in facts.items() if name.rpartition(".")[2] in ("low", "high", "at"))
    return {symbol for fact in of_one for symbol in fact.free_symbols & {*RANGES, k_step}}


def _mean_value(where: str, step: st.MeanValue, facts: Facts) -> Relational:
    if any(step.x in expr.free_symbols for expr in (*facts.values(), step.lower, step.upper)):
        raise ReplayError(f"{step.x} is not free for the derivative: another fact or an end of the interval mentions it")
    order = sp.Le(step.lower, step.upper, evaluate=False)
    known = facts.get(step.order)
    if (
        not (known is not None and _implies(known, order))
        and not possible_signs(step.upper - step.lower, facts.values()) <= NON_NEGATIVE
    ):
        raise ReplayError(f"no fact gives {order}")
    for end in (step.lower, step.upper):  # f is differentiable on the declared domain of x, which must hold the whole interval
        _check_domain(step.x, end, facts)
    inside = facts | {
        f"{step.name}.low": sp.Le(step.lower, step.x, evaluate=False),
        f"{step.name}.high": sp.Le(step.x, step.upper, evaluate=False),
    }
    if step.f.has(sp.ceiling):
        raise ReplayError(f"{step.f} has jumps, and its derivative says nothing")
    _check_variable(step.x, step.f, (step.lower, step.upper), inside)
    slope = _establish(where, step.slope, inside)
    derivative = sp.Ge(sp.diff(step.f, step.x), 0, evaluate=False)
    if not _implies(slope, derivative):
        raise ReplayError(f"the slope step gives {slope}, and the derivative of {step.f} in {step.x} is {derivative.lhs}")
    return sp.Le(step.f.subs(step.x, step.lower), step.f.subs(step.x, step.upper), evaluate=False)


def _cases(where: str, step: st.Cases, facts: Facts) -> Relational:
    if step.whole and not sp.sympify(step.on).is_integer:
        raise ReplayError(f"{step.on} is not known to be an integer")
    if (part := undefined(sp.sympify(step.on), facts.values())) is not None:
        raise ReplayError(f"{step.on} may be undefined, and then neither case is there: {part} is not known to be a number")
    for side, branch, condition in (
        ("low", step.low, sp.Le(step.on, 0, evaluate=False)),
        ("high", step.high, sp.Ge(step.on, 1 if step.whole else 0, evaluate=False)),
    ):
        inside = facts | {f"{step.name}.{side}": condition}
        if not branch:
            raise ReplayError(f"the branch {side!r} has no steps")
        _establish_all(where, branch, inside)
        if not _implies(inside[branch[-1].name], step.fact):
            raise ReplayError(f"the branch {side!r} ends in {inside[branch[-1].name]}, not in {step.fact}")
    return step.fact


def _induction(where: str, step: st.Induction, facts: Facts) -> Relational:
    if k_step in _of_one(facts):
        raise ReplayError("something is assumed of one step only, and an induction speaks of every step")
    _check_domain(k_step, step.at, facts)
    _check_capture(step.fact, (step.at, k_step))
    for branch, index, inside in (
        (step.base, sp.Integer(0), dict(facts)),
        (step.step, k_step + 1, facts | {f"{step.name}.at": step.fact}),
    ):
        if not branch:
            raise ReplayError("an induction needs steps for state 0 and for the next state")
        _establish_all(where, branch, inside)
        if not _implies(inside[branch[-1].name], _at_state(step.fact, index)):
            raise ReplayError(f"its steps end in {inside[branch[-1].name]}, not in {_at_state(step.fact, index)}")
    return _at_state(step.fact, step.at)


def _at_state(fact: Relational, index: sp.Expr) -> Relational:
    return type(fact)(fact.lhs.subs(k_step, index), fact.rhs.subs(k_step, index), evaluate=False)


def _implies(known: Relational, wanted: Relational) -> bool:
    """The known relation is the wanted one, up to sides and strictness; nothing cleverer."""
    difference = gap(known) - gap(wanted)
    if isinstance(wanted, sp.Eq):
        return isinstance(known, sp.Eq) and (vanishes(difference, {}) or vanishes(gap(known) + gap(wanted), {}))
    if isinstance(known, sp.Eq):
        return wanted_signs(wanted) == NON_NEGATIVE and (vanishes(difference, {}) or vanishes(gap(known) + gap(wanted), {}))
    return wanted_signs(known) <= wanted_signs(wanted) and vanishes(difference, {})


def vanishes(expr: sp.Expr, facts: Mapping[str, Relational]) -> bool:
    """True when SymPy reduces `expr` to 0 and Arb does not contradict it at random points of the domain."""
    expr = _without_abs(linearise(sp.sympify(expr)), facts)
    if _refuted_by_arb(expr):  # first, because it is quick, and guards against a wrong simplification
        return False
    if not any(attempt(expr) for attempt in _REDUCTIONS):
        splits_n = any(possible_signs(n - g, [fact]) == POSITIVE for fact in facts.values() if {n, g} <= fact.free_symbols)
        if not (
            splits_n
            and any(attempt(expr.subs(n, g + sp.Dummy("rest", integer=True, positive=True))) for attempt in _REDUCTIONS)
        ):
            return False
    return True


def _without_abs(expr: sp.Expr, facts: Mapping[str, Relational]) -> sp.Expr:
    """|e| is e where the facts give e >= 0, and -e where they give e <= 0; otherwise it stays."""
    indices = {limits[0] for total in expr.atoms(sp.Sum) for limits in total.limits}
    known = [
        fact for fact in facts.values() if not indices & fact.free_symbols
    ]  # in a sum the letter means every key of its range

    def resolved(inner: sp.Expr) -> sp.Expr:
        factored = sp.factor(inner)
        signs = possible_signs(inner, known) & possible_signs(factored, known)
        return inner if signs <= NON_NEGATIVE else -inner if signs <= frozenset((-1, 0)) else sp.Abs(factored)

    return expr.replace(sp.Abs, resolved) if expr.has(sp.Abs) else expr


_REDUCTIONS = (
    lambda e: e == 0,
    lambda e: sp.expand(e) == 0,
    lambda e: sp.expand(sp.expand_log(sp.expand(e))) == 0,
    lambda e: sp.expand(sp.fraction(sp.together(e))[0]) == 0,
    lambda e: sp.expand(sp.expand_log(sp.expand(sp.fraction(sp.together(sp.expand_log(e)))[0]))) == 0,
    lambda e: sp.expand(sp.fraction(sp.together(sp.expand(e.rewrite(sp.exp), power_exp=True)))[0]) == 0,
    lambda e: sp.simplify(e) == 0,
)


def linearise(expr: sp.Expr) -> sp.Expr:
    """Sums by linearity: constants pulled out, a sum of sums split, a sum of a constant counted."""
    return (
        expr.replace(lambda e: isinstance(e, sp.Sum) and len(e.limits) == 1, lambda e: _linear_sum(e.function, *e.limits[0]))
        if expr.has(sp.Sum)
        else expr
    )


def _linear_sum(term: sp.Expr, index: sp.Symbol, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    total = sp.Integer(0)
    for part in sp.Add.make_args(sp.expand(sp.expand_log(sp.expand(term)))):
        constant, varying = part.as_independent(index, as_Add=False)
        total += constant * ((high - low + 1) if varying == 1 else sp.Sum(varying, (index, low, high)))
    return total


def _refuted_by_arb(expr: sp.Expr) -> bool:
    """A random point at which the enclosure excludes zero. Points may lie outside the facts: what differs there is refused as well."""
    if expr.has(sp.Derivative, AppliedUndef) or not expr.free_symbols:
        return False
    expr = _with_letters(expr)
    rng = random.Random(0)
    for _ in range(5):
        values: dict[sp.Symbol, sp.Expr] = {}
        for symbol in sorted(expr.free_symbols, key=str):
            number = sp.Rational(rng.randint(1, 999), 500)
            values[symbol] = (
                sp.Integer(rng.randint(1, 9)) if symbol.is_integer else number if symbol.is_nonnegative else number - 1
            )
        if n in values and g in values:
            values[n] = values[g] + values[n]
        # exact values put in by SymPy first: an integer power of a base that may be 0 has no printed form
        point = expr.subs({x: y for x, y in values.items() if expr.has(sp.Pow) and x.is_integer})
        if point.has(sp.zoo, sp.nan):
            continue  # a pole, such as 1/(M - 1) at M = 1: the point is outside the domain and says nothing
        try:
            ball = evaluate(point, values, bits=200)
        except PrintError:
            return True  # not a real expression (SymPy put a conjugate in, say): refused
        if ball > 0 or ball < 0:
            return True
    return False


def _with_letters(expr: sp.Expr) -> sp.Expr:
    """Every sum and every element of an array as a letter of its own; `linearise` has brought equal sums to one form."""
    sums = {total: sp.Dummy(f"sum{index}", positive=True) for index, total in enumerate(sp.ordered(expr.atoms(sp.Sum)))}
    expr = expr.xreplace(sums)
    elements = sp.ordered(expr.atoms(sp.Indexed))
    return expr.xreplace({e: sp.Dummy(f"element{i}", real=True, nonnegative=e.is_nonnegative) for i, e in enumerate(elements)})


def _check_equality(theorem: Theorem) -> None:
    if theorem.equality.values is None or theorem.kind != "bound":
        return
    facts = {key: h.relation for key, h in theorem.assumes.items()}
    if not vanishes(gap(theorem.claim).subs(dict(theorem.equality.values), simultaneous=True), facts):
        raise ReplayError(f"{theorem.name}: at the equality case the two sides of {theorem.claim} are not equal")


def _check_witnesses(theorem: Theorem) -> None:
    for key, witness in theorem.needs.items():
        for name, hypothesis in theorem.assumes.items():
            holds = truth(hypothesis.relation, witness.values)
            if holds is not (name != key):
                raise ReplayError(
                    f"{theorem.name}: the witness that {key!r} is needed must {'break' if name == key else 'satisfy'} {name!r}"
                )
        if truth(theorem.claim, witness.values) is not False:
            raise ReplayError(f"{theorem.name}: the witness that {key!r} is needed does not refute the claim {theorem.claim}")


def truth(relation: Relational, values: Mapping[sp.Symbol, object]) -> bool | None:
    """True or False when the enclosure of the gap decides the relation at these values, exactly where all is rational; else None."""
    exact = gap(relation).subs({k: v for k, v in values.items() if isinstance(v, sp.Basic)}, simultaneous=True)
    if exact.is_Rational:
        return int(sp.sign(exact)) in wanted_signs(relation)
    ball = evaluate(gap(relation), values, bits=256)
    if ball > 0 or ball < 0:
        sign = 1 if ball > 0 else -1
        return sign in wanted_signs(relation)
    return None


__all__ = ["ZERO", "Replay", "ReplayError", "replay", "truth", "vanishes"]
