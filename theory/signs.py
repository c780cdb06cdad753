"""Signs of expressions, two ways: read off from the structure, or enclosed by Arb over a box.

Neither asks SymPy whether an inequality holds. `possible_signs` is a small interval analysis on the lattice of subsets of {-1, 0, 1};
its leaves are declared domains of symbols, exact rationals and facts already established.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from functools import lru_cache

import sympy as sp
from flint import arb, ctx, fmpq
from sympy.core.relational import Relational

from theory.export.python import compile_expression

Signs = frozenset[int]
ANY: Signs = frozenset((-1, 0, 1))
NON_NEGATIVE: Signs = frozenset((0, 1))
POSITIVE: Signs = frozenset((1,))
ZERO: Signs = frozenset((0,))
_REAL = (sp.exp, sp.Abs, sp.Max, sp.Min, sp.tanh, sp.sinh, sp.cosh, sp.ceiling)  # real wherever their arguments are


def gap(relation: Relational) -> sp.Expr:
    """The expression that is >= 0 (> 0 if strict) exactly when the inequality holds; for an equation, left minus right."""
    if isinstance(relation, (sp.Le, sp.Lt)):
        return relation.rhs - relation.lhs
    if isinstance(relation, (sp.Ge, sp.Gt, sp.Eq)):
        return relation.lhs - relation.rhs
    raise TypeError(f"{relation} is not <=, <, >=, > or =; derivations know no other relation")


def wanted_signs(relation: Relational) -> Signs:
    """The signs of the gap for which the relation is true."""
    if isinstance(relation, sp.Eq):
        return ZERO
    return POSITIVE if isinstance(relation, (sp.Lt, sp.Gt)) else NON_NEGATIVE


def possible_signs(expr: sp.Expr, facts: Iterable[Relational] = ()) -> Signs:
    """The signs that `expr` can take, given the domains of its symbols and the facts; a superset, never a guess."""
    return _possible_signs(expr, tuple(facts))


@lru_cache(maxsize=1 << 16)
def _possible_signs(expr: sp.Expr, known: tuple[Relational, ...]) -> Signs:
    signs = _from_facts(expr, known)
    if undefined(expr, known) is not None:  # exp(log(v)) has no sign at v = 0
        return signs
    signs &= _structural(expr, known)
    if signs in (ANY, NON_NEGATIVE):
        factored = sp.factor_terms(expr)
        if factored != expr:
            signs &= _structural(factored, known)
        if signs == ANY and expr.has(sp.Max):  # max(x, y) = (x + y + |x - y|)/2
            signs &= possible_signs(expr.rewrite(sp.Abs), known)
        elif expr.has(sp.Abs):
            signs &= _with_abs(expr, known)
    return signs


def undefined(expr: sp.Expr, facts: Iterable[Relational] = ()) -> sp.Basic | None:
    """A part of `expr` that is not known to be a real number, given the facts; None when every part is.

    A denominator that may be 0, the logarithm of what may be 0 or less, an even root of what may be negative, infinities, i, symbols
    not declared real, and every function that the list below does not have.
    """
    return _undefined(expr, tuple(facts))


@lru_cache(maxsize=1 << 16)
def _undefined(expr: sp.Expr, known: tuple[Relational, ...]) -> sp.Basic | None:
    if isinstance(expr, (sp.Symbol, sp.Indexed)):
        return None if expr.is_real else expr
    if expr.is_Rational or expr is sp.E:
        return None
    if isinstance(expr, sp.Sum):
        return undefined(expr.function, _free_of(known, expr)) if _one_range(expr) else expr
    if not isinstance(expr, (sp.Add, sp.Mul, sp.Pow, sp.log, *_REAL)):
        return expr
    for part in expr.args:
        if (bad := undefined(part, known)) is not None:
            return bad
    if isinstance(expr, sp.log):
        return None if _signs_of_forms(expr.args[0], known) == POSITIVE else expr
    if isinstance(expr, sp.Pow) and not (expr.exp.is_integer and expr.exp.is_nonnegative):
        base = _signs_of_forms(expr.base, known)
        away_from_0 = base == POSITIVE or (expr.exp.is_integer and 0 not in base)
        return None if away_from_0 or (base <= NON_NEGATIVE and expr.exp.is_positive) else expr
    return None


def _signs_of_forms(expr: sp.Expr, facts: tuple[Relational, ...]) -> Signs:
    """Signs of `expr` as it stands or, when they leave 0 in, collected in one symbol: g + (n - g) u is g (1 - u) + n u."""
    signs = possible_signs(expr, facts)
    if 0 in signs and isinstance(expr, sp.Add):
        for symbol in sorted(expr.free_symbols, key=str):
            signs &= possible_signs(sp.collect(sp.expand(expr), symbol), facts)
    return signs


def _one_range(total: sp.Sum) -> bool:
    return len(total.limits) == 1 and len(total.limits[0]) == 3


def _free_of(facts: tuple[Relational, ...], total: sp.Sum) -> tuple[Relational, ...]:
    """The facts that do not mention the index of the sum: outside it the same letter is another key, of a range of its own."""
    return tuple(fact for fact in facts if total.limits[0][0] not in fact.free_symbols)


def length_signs(low: sp.Expr, high: sp.Expr, facts: Iterable[Relational] = ()) -> Signs:
    """The signs that the number of terms from `low` to `high` can have; a whole number above -1 is at least 0."""
    terms, known = high - low + 1, tuple(facts)
    signs = possible_signs(terms, known)
    return signs & NON_NEGATIVE if terms.is_integer and possible_signs(terms + 1, known) == POSITIVE else signs


def _with_abs(expr: sp.Expr, facts: tuple[Relational, ...]) -> Signs:
    """|e| is e where e >= 0 and -e elsewhere: the signs of both readings, each with what is then known of e."""
    inner = min(expr.atoms(sp.Abs), key=sp.default_sort_key)
    e = inner.args[0]
    first = possible_signs(expr.xreplace({inner: e}), (*facts, sp.Ge(e, 0, evaluate=False)))
    return first | possible_signs(expr.xreplace({inner: -e}), (*facts, sp.Le(e, 0, evaluate=False)))


def _from_facts(expr: sp.Expr, facts: tuple[Relational, ...]) -> Signs:
    """`expr` is a fact's gap, up to sign and a constant: n - g is positive because n - g - 1 is a gap."""
    signs = ANY
    for fact in facts:
        fact_gap = gap(fact)
        if not (fact_gap.free_symbols and fact_gap.free_symbols == expr.free_symbols):
            continue
        for direction in (1, -1):
            rest = sp.expand(direction * expr - fact_gap)
            if rest.is_Rational:
                if isinstance(fact, sp.Eq):
                    found = frozenset((int(sp.sign(rest)),))
                elif rest > 0:
                    found = POSITIVE
                elif rest == 0:
                    found = wanted_signs(fact)
                else:
                    continue
                signs &= frozenset(direction * sign for sign in found)
    return signs


def _add(left: Signs, right: Signs) -> Signs:
    return frozenset().union(*(ANY if x * y < 0 else {x or y} for x, y in itertools.product(left, right)))


def _multiply(left: Signs, right: Signs) -> Signs:
    return frozenset(x * y for x, y in itertools.product(left, right))


def _structural(expr: sp.Expr, facts: tuple[Relational, ...]) -> Signs:
    if expr.is_Rational:
        return frozenset((int(sp.sign(expr)),))
    if not expr.free_symbols and not expr.has(sp.Sum):
        return _sign_of_number(expr)
    if isinstance(expr, (sp.Symbol, sp.Indexed)):
        declared = expr if isinstance(expr, sp.Symbol) else expr.base
        if declared.assumptions0.get("positive"):
            return POSITIVE
        return NON_NEGATIVE if declared.assumptions0.get("nonnegative") else ANY
    if isinstance(expr, sp.Add):
        if (
            term := next((part for part in expr.args if isinstance(part.as_coeff_Mul()[1], (sp.Max, sp.Min))), None)
        ) is not None:
            return _of_extreme(term, expr - term, facts)
        total = ZERO
        for term in expr.args:
            total = _add(total, possible_signs(term, facts))
        return total
    if isinstance(expr, sp.Mul):
        product = POSITIVE
        for factor in expr.args:
            product = _multiply(product, possible_signs(factor, facts))
        return product
    if isinstance(expr, sp.Pow):
        return _power(expr, facts)
    if isinstance(expr, (sp.exp, sp.cosh)):
        return POSITIVE
    if isinstance(expr, sp.Abs):
        return frozenset(abs(sign) for sign in possible_signs(expr.args[0], facts))
    if isinstance(expr, (sp.tanh, sp.sinh)):
        return possible_signs(expr.args[0], facts)
    if isinstance(expr, sp.log):
        return possible_signs(expr.args[0] - 1, facts) if possible_signs(expr.args[0], facts) == POSITIVE else ANY
    if isinstance(expr, (sp.Max, sp.Min)):
        return _of_extreme(expr, sp.Integer(0), facts)
    if isinstance(expr, sp.Sum):  # SymPy's sum over a range of length -1 or less is minus the sum over what is missing
        low, high = expr.limits[0][1:]
        terms = length_signs(low, high, facts)
        summand = possible_signs(expr.function, _free_of(facts, expr))
        return summand if terms == POSITIVE else summand | ZERO if terms <= NON_NEGATIVE else ANY
    return ANY


def _of_extreme(term: sp.Expr, rest: sp.Expr, facts: tuple[Relational, ...]) -> Signs:
    """With a factor c, c max(a, b) + rest is max(c a + rest, c b + rest), min for c < 0; signs go along."""
    factor, extreme = term.as_coeff_Mul()
    pick = max if isinstance(extreme, sp.Max) is bool(factor > 0) else min
    parts = [possible_signs(factor * part + rest, facts) for part in extreme.args]
    return frozenset(pick(signs) for signs in itertools.product(*parts))


def _power(expr: sp.Pow, facts: tuple[Relational, ...]) -> Signs:
    base, exponent = possible_signs(expr.base, facts), expr.exp
    if base == POSITIVE:
        return POSITIVE
    if exponent.is_Rational and exponent.q == 1:
        if exponent < 0 and 0 in base:
            return ANY  # a pole: no sign
        return frozenset(abs(x) if exponent.p % 2 == 0 else x for x in base)
    if exponent.is_Rational and exponent > 0 and base <= NON_NEGATIVE:
        return base
    return ANY


def _sign_of_number(expr: sp.Expr) -> Signs:
    """The sign of a closed expression by Arb; exact zeros are rationals and were caught before."""
    value = evaluate(expr, {}, bits=256)
    if value > 0:
        return POSITIVE
    return frozenset((-1,)) if value < 0 else ANY


def evaluate(expr: sp.Expr, values: Mapping[sp.Symbol, object], bits: int = 128) -> arb:
    """Arb ball that contains the value of `expr` at exact or ball values of its symbols; nan where it is undefined."""
    names = tuple(sorted(values, key=str))
    old, ctx.prec = ctx.prec, bits
    try:
        return arb(compile_expression(expr, names)(*(_to_arb(values[name]) for name in names)))
    except (ZeroDivisionError, ValueError):
        return arb("nan")
    finally:
        ctx.prec = old


def _to_arb(value: object) -> object:
    if isinstance(value, sp.Basic):
        if value.is_Rational:
            return arb(fmpq(int(value.p), int(value.q)))
        return evaluate(value, {}, ctx.prec)
    if isinstance(value, (int, fmpq)):
        return arb(value)
    return value


def first_box_without_sign(
    relation: Relational, box: Mapping[sp.Symbol, tuple[sp.Rational, sp.Rational]], depth: int
) -> dict[str, str] | None:
    """None when Arb shows the relation on the whole box; otherwise the first sub-box on which it could not, with the enclosure.

    The gap is enclosed on the box; a box whose enclosure has not the wanted sign is halved along its widest side, `depth` times at most.
    """
    if isinstance(relation, sp.Eq):
        raise TypeError(f"an enclosure cannot show the equation {relation}; use Identity")
    names = tuple(sorted(box, key=str))
    missing = gap(relation).free_symbols - set(names)
    if missing:
        raise ValueError(f"enclosure of {relation}: no range is stated for {sorted(map(str, missing))}")
    function = compile_expression(gap(relation), names)
    strict = wanted_signs(relation) == POSITIVE
    start = tuple((fmpq(int(lo.p), int(lo.q)), fmpq(int(hi.p), int(hi.q))) for lo, hi in (box[name] for name in names))
    pending = [(start, 0)]
    while pending:
        sides, level = pending.pop()
        try:
            value = arb(function(*(_ball(lo, hi) for lo, hi in sides)))
        except (ZeroDivisionError, ValueError):
            value = arb("nan")
        if value > 0 or (not strict and value >= 0):
            continue
        if level >= depth:
            return {str(name): f"[{lo}, {hi}]" for name, (lo, hi) in zip(names, sides, strict=True)} | {"gap": str(value)}
        widest = max(range(len(sides)), key=lambda index: sides[index][1] - sides[index][0])
        lo, hi = sides[widest]
        for half in ((lo, (lo + hi) / 2), ((lo + hi) / 2, hi)):
            pending.append(((*sides[:widest], half, *sides[widest + 1 :]), level + 1))
    return None


def _ball(lo: fmpq, hi: fmpq) -> arb:
    return arb(lo).union(arb(hi))
