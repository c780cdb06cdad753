"""Re-establish a derivation, step by step. This is the kernel: what it accepts, `localist theorems` calls *derived*.

A fact is accepted only for a positive reason: SymPy reduced an equation to zero, a sign was read off or enclosed, a certificate
added up, a cited statement's hypotheses were all discharged. A step that is not accepted raises `ReplayError` with its name.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from theory import steps as st
from theory.export.python import PrintError
from theory.signs import NON_NEGATIVE, POSITIVE, ZERO, evaluate, first_box_without_sign, gap, possible_signs, wanted_signs
from theory.symbols import RANGES, g, k_step, m, n
from theory.theorem import Lemma, Theorem

Facts = dict[str, Relational]


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
    rules = {
        st.Identity: _identity, st.Manifest: _manifest, st.Enclosure: _enclosure, st.Cite: _cite,
        st.Cases: _cases, st.Combine: _combine, st.Apply: _apply, st.SumOver: _sum_over, st.MeanValue: _mean_value,
        st.Induction: _induction,
    }  # fmt: skip
    try:
        return rules[type(step)](where, step, facts)  # type: ignore[operator]
    except ReplayError as error:
        raise ReplayError(f"{where}, step {step.name!r} ({type(step).__name__}): {error}") from None


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
    if any(k_step in hypothesis.free_symbols for hypothesis in hypotheses.values()) and any(
        k_step == key or k_step in sp.sympify(value).free_symbols for key, value in values.items()
    ):
        raise ReplayError(
            f"the hypotheses of {step.of.name} are about every step, so no value may mention the generic step {k_step}"
        )
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


def _check_observables(step: st.Cite, facts: Facts) -> None:
    """An observable of the cited theorem keeps its letter, and with it its meaning, or its definition is a fact for the new one."""
    assert isinstance(step.of, Theorem)
    replaced = {symbol for symbol, value in step.values.items() if value != symbol}
    for key, definition in step.of.definitions.items():
        if not replaced & definition.free_symbols:
            continue
        instance = definition.subs(dict(step.values), simultaneous=True)
        if not any(fact.free_symbols == instance.free_symbols and _implies(fact, instance) for fact in facts.values()):
            raise ReplayError(
                f"{step.of.name} is about symbols with the definition {key!r}: {definition}; for the values given it reads {instance}, "
                "which is no fact here. Keep the symbol, or add the definition of the new one"
            )


def _check_domain(symbol: sp.Symbol, value: sp.Expr, facts: Facts) -> None:
    wanted = (
        POSITIVE if symbol.assumptions0.get("positive") else NON_NEGATIVE if symbol.assumptions0.get("nonnegative") else None
    )
    if wanted is not None and not possible_signs(sp.sympify(value), facts.values()) <= wanted:
        raise ReplayError(f"{symbol} is {'positive' if wanted == POSITIVE else 'non-negative'}, and {value} is not known to be")
    if symbol.assumptions0.get("integer") and not sp.sympify(value).is_integer:
        raise ReplayError(f"{symbol} is an integer, and {value} is not known to be")


def _combine(where: str, step: st.Combine, facts: Facts) -> Relational:
    total, strict = sp.Integer(0), False
    for name, weight in step.weights.items():
        cited, weight = _lookup(facts, name), sp.sympify(weight)
        total += weight * gap(cited)
        signs = possible_signs(weight, facts.values())
        if pole := _pole(weight, facts):
            raise ReplayError(f"the weight {weight} of {name!r} may be undefined: {pole} is not known to be away from 0")
        if not isinstance(cited, sp.Eq) and not signs <= NON_NEGATIVE:
            raise ReplayError(f"the weight {weight} of {name!r} is not known to be non-negative (signs {sorted(signs)})")
        strict |= signs == POSITIVE and wanted_signs(cited) == POSITIVE
    if wanted_signs(step.fact) == POSITIVE and not strict:
        raise ReplayError(f"{step.fact} is strict, and no strict fact enters with a positive weight")
    if isinstance(step.fact, sp.Eq) and not all(isinstance(facts[name], sp.Eq) for name in step.weights):
        raise ReplayError(f"{step.fact} is an equation, and an inequality enters")
    if not vanishes(gap(step.fact) - total, facts):
        raise ReplayError(
            f"the certificate does not add up: gap of {step.fact} minus the weighted gaps is\n  {sp.simplify(gap(step.fact) - total)}"
        )
    return step.fact


def _pole(weight: sp.Expr, facts: Facts) -> sp.Expr | None:
    """A denominator (or argument of a logarithm) of the weight that may vanish; multiplying 0 = 0 by 1/0 would show anything."""
    for part in sp.preorder_traversal(weight):
        if isinstance(part, sp.Pow) and not (part.exp.is_Integer and part.exp >= 0):
            signs = possible_signs(part.base, facts.values())
            if not (
                signs == POSITIVE
                or (part.exp.is_Integer and 0 not in signs)
                or (part.exp.is_positive and signs <= NON_NEGATIVE)
            ):
                return part.base
        if isinstance(part, sp.log) and possible_signs(part.args[0], facts.values()) != POSITIVE:
            return part.args[0]
    return None


def _apply(where: str, step: st.Apply, facts: Facts) -> Relational:
    cited = _lookup(facts, step.to)
    slope = possible_signs(sp.diff(step.function, step.variable), facts.values())
    if _is_root(step.function, step.variable):
        slope = POSITIVE  # increasing on all of [0, inf), though its slope at 0 is infinite
    if isinstance(cited, sp.Eq) and _pole(step.function, facts) is None:
        slope = NON_NEGATIVE  # equals go to equals under any function that is defined there
    if not slope <= NON_NEGATIVE:
        raise ReplayError(f"{step.function} is not known to increase in {step.variable}: derivative signs {sorted(slope)}")
    for side in (cited.lhs, cited.rhs):
        _check_domain(step.variable, side, facts)
    strict_lost = (
        type(cited)
        if slope == POSITIVE or isinstance(cited, (sp.Le, sp.Ge, sp.Eq))
        else {sp.Lt: sp.Le, sp.Gt: sp.Ge}[type(cited)]
    )
    return strict_lost(
        step.function.subs(step.variable, cited.lhs), step.function.subs(step.variable, cited.rhs), evaluate=False
    )


def _is_root(function: sp.Expr, variable: sp.Symbol) -> bool:
    """The function is a positive rational power of a variable that is declared non-negative."""
    return (
        isinstance(function, sp.Pow) and function.base == variable and bool(variable.is_nonnegative)
        and function.exp.is_Rational and bool(function.exp > 0)
    )  # fmt: skip


def _sum_over(where: str, step: st.SumOver, facts: Facts) -> Relational:
    if step.index not in RANGES:
        raise ReplayError(f"{step.index} is not a generic key; those are {', '.join(map(str, RANGES))}")
    fact = _establish(where, step.pointwise, facts)
    span = (step.index, *RANGES[step.index])
    return type(fact)(sp.Sum(fact.lhs, span), sp.Sum(fact.rhs, span), evaluate=False)


def _mean_value(where: str, step: st.MeanValue, facts: Facts) -> Relational:
    if any(step.x in fact.free_symbols for fact in facts.values()):
        raise ReplayError(f"{step.x} is not free for the derivative: another fact mentions it")
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
    slope = _establish(where, step.slope, inside)
    derivative = sp.Ge(sp.diff(step.f, step.x), 0, evaluate=False)
    if not _implies(slope, derivative):
        raise ReplayError(f"the slope step gives {slope}, and the derivative of {step.f} in {step.x} is {derivative.lhs}")
    return sp.Le(step.f.subs(step.x, step.lower), step.f.subs(step.x, step.upper), evaluate=False)


def _cases(where: str, step: st.Cases, facts: Facts) -> Relational:
    if step.whole and not sp.sympify(step.on).is_integer:
        raise ReplayError(f"{step.on} is not known to be an integer")
    for side, branch, condition in (
        ("low", step.low, sp.Le(step.on, 0, evaluate=False)),
        ("high", step.high, sp.Ge(step.on, 1 if step.whole else 0, evaluate=False)),
    ):
        inside = facts | {f"{step.name}.{side}": condition}
        if not branch:
            raise ReplayError(f"the branch {side!r} has no steps")
        for inner in branch:
            inside[inner.name] = _establish(where, inner, inside)
        if not _implies(inside[branch[-1].name], step.fact):
            raise ReplayError(f"the branch {side!r} ends in {inside[branch[-1].name]}, not in {step.fact}")
    return step.fact


def _induction(where: str, step: st.Induction, facts: Facts) -> Relational:
    for name, fact in facts.items():  # a condition on one generic step is not true of every step
        if k_step in fact.free_symbols and name.rpartition(".")[2] in ("low", "high", "at"):
            raise ReplayError(f"{name!r} is assumed of one step only, and an induction speaks of every step")
    _check_domain(k_step, step.at, facts)
    for branch, index, inside in (
        (step.base, sp.Integer(0), dict(facts)),
        (step.step, k_step + 1, facts | {f"{step.name}.at": step.fact}),
    ):
        if not branch:
            raise ReplayError("an induction needs steps for state 0 and for the next state")
        for inner in branch:
            inside[inner.name] = _establish(where, inner, inside)
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
        if not (splits_n and any(attempt(expr.subs(n, g + m)) for attempt in _REDUCTIONS)):
            return False
    return True


def _without_abs(expr: sp.Expr, facts: Mapping[str, Relational]) -> sp.Expr:
    """|e| is e where the facts give e >= 0, and -e where they give e <= 0; otherwise it stays."""

    def resolved(inner: sp.Expr) -> sp.Expr:
        factored = sp.factor(inner)
        signs = possible_signs(inner, facts.values()) & possible_signs(factored, facts.values())
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
        expr.replace(lambda e: isinstance(e, sp.Sum), lambda e: _linear_sum(e.function, *e.limits[0]))
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
    if expr.has(sp.Sum, sp.Indexed, sp.Derivative, AppliedUndef) or not expr.free_symbols:
        return False
    rng = random.Random(0)
    for _ in range(5):
        values: dict[sp.Symbol, object] = {}
        for symbol in sorted(expr.free_symbols, key=str):
            number = sp.Rational(rng.randint(1, 999), 500)
            values[symbol] = (
                sp.Integer(rng.randint(1, 9)) if symbol.is_integer else number if symbol.is_nonnegative else number - 1
            )
        if n in values and g in values:
            values[n] = values[g] + values[n]  # type: ignore[operator]
        # exact values put in by SymPy first: an integer power of a base that may be 0 has no printed form
        try:
            ball = evaluate(expr.subs({x: y for x, y in values.items() if expr.has(sp.Pow) and x.is_integer}), values, bits=200)
        except PrintError:
            return True  # not a real expression (SymPy put a conjugate in, say): refused
        if ball > 0 or ball < 0:
            return True
    return False


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
