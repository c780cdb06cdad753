"""Proof that the computed form of a formula equals its stated form, on the formula's domain.

The domain is split by the sign of every quantity under Abs, Max, Min or a Piecewise condition; in each part the two forms are
plain expressions in exp and log, and their difference is shown to be zero as a polynomial in the symbols, the exponentials
and the logarithms of irreducible factors. That is algebra only: no simplifier guesses, and an identity it cannot show is
refused.
"""

from __future__ import annotations

import itertools

import sympy as sp
from sympy.core.relational import Relational

from theory.export.python import plain
from theory.formula import Formula
from theory.symbols import n


class NotEqualError(ValueError):
    """The stated and the computed form of a formula were not shown to be equal."""


def prove_equal(formula: Formula) -> int:
    """The number of cases in which stated == stable was shown; NotEqualError names formula, case and what is left over."""
    stated, stable = (_on_domain(plain(e), formula) for e in (formula.stated, formula.stable))
    if stated == stable:
        return 1
    switches = _switches(stated, stable)
    facts = [_switch(_on_domain(r.lhs - r.rhs, formula)) for r in formula.domain if isinstance(r, (sp.Ge, sp.Gt))]
    shown = 0
    for signs in itertools.product((1, -1), repeat=len(switches)):
        case = dict(zip(switches, signs, strict=True))
        if any(case.get(switch, sign) != sign for switch, sign in facts):
            continue  # outside the domain
        left = _normal(_resolve(stated, case) - _resolve(stable, case))
        if left != 0:
            where = ", ".join(f"{s} {'>=' if sign > 0 else '<='} 0" for s, sign in case.items()) or "everywhere"
            raise NotEqualError(
                f"formula {formula.name}: the stable form is not shown equal to the stated one where {where}: "
                f"stated - stable = {left}. "
                "Correct whichever is wrong; numbers are computed from the stable form and the statement is about the other"
            )
        shown += 1
    return shown


def _on_domain(expression: sp.Basic, formula: Formula) -> sp.Basic:
    """Rows have n > g, so n is a block size plus a positive number: then every logarithm's argument is visibly positive."""
    for relation in formula.domain:
        if isinstance(relation, (sp.Lt, sp.Gt)) and n in (relation.gts, relation.lts):
            size = relation.lts if relation.gts == n else None
            if size is not None and size.is_Symbol:
                return expression.subs(n, size + sp.Symbol("rest", integer=True, positive=True))
    return expression


def _switch(quantity: sp.Expr) -> tuple[sp.Expr, int]:
    """A quantity whose sign matters, without factors of known sign: (what is left, sign of quantity against it).

    The two sides of a switch meet at 0, where either branch may be taken, so a factor >= 0 counts as known.
    """
    quantity = sp.factor_terms(sp.expand(quantity))
    sign, core = 1, sp.S.One
    for f in sp.Mul.make_args(quantity):
        if f.is_negative:
            sign = -sign
        elif not f.is_nonnegative:
            core *= f
    if core.could_extract_minus_sign():
        core, sign = -core, -sign
    return core, sign


def _switches(*expressions: sp.Basic) -> list[sp.Expr]:
    found: dict[sp.Expr, None] = {}
    for expression in expressions:
        for part in sorted(expression.atoms(sp.Abs, sp.Max, sp.Min, Relational), key=sp.default_sort_key):
            if isinstance(part, sp.Abs):
                found[_switch(part.args[0])[0]] = None
            elif isinstance(part, Relational):
                found[_switch(part.lhs - part.rhs)[0]] = None
            else:
                for a, b in itertools.combinations(sp.ordered(part.args), 2):
                    found[_switch(a - b)[0]] = None
    return [s for s in found if not s.is_number]


def _resolve(expression: sp.Expr, case: dict[sp.Expr, int]) -> sp.Expr:
    def sign(quantity: sp.Expr) -> int:
        core, factor = _switch(quantity)
        if core.is_number:
            return factor * (1 if core >= 0 else -1)
        return factor * case[core]

    def pick(part: sp.Expr, toward: int) -> sp.Expr:
        best, *rest = sp.ordered(part.args)
        for other in rest:
            best = other if toward * sign(other - best) > 0 else best
        return best

    # Inside out: an argument may itself hold a Piecewise.
    if not expression.args:
        return expression
    if isinstance(expression, sp.Piecewise):
        for value, condition in expression.args:
            if condition is sp.true:
                return _resolve(value, case)
            positive = sign(condition.lhs - condition.rhs) > 0
            if positive == isinstance(condition, (sp.Ge, sp.Gt)):
                return _resolve(value, case)
        raise NotEqualError(f"{expression} has no branch for this case")
    resolved = expression.func(*[_resolve(a, case) for a in expression.args])
    if isinstance(resolved, sp.Abs):
        return sign(resolved.args[0]) * resolved.args[0]
    if isinstance(resolved, (sp.Max, sp.Min)):
        return pick(resolved, 1 if isinstance(resolved, sp.Max) else -1)
    return resolved


def _normal(expression: sp.Expr) -> sp.Expr:
    """Zero iff the expression vanishes identically over the field of its symbols, exponentials and logarithms."""
    expression = expression.replace(  # not .rewrite(exp), which would also turn x^2 into e^(2 ln x)
        lambda e: isinstance(e, (sp.tanh, sp.sinh, sp.cosh)), lambda e: e.rewrite(sp.exp)
    )
    expression = expression.replace(  # a real power is the exponential that it is computed as
        lambda e: isinstance(e, sp.Pow) and not e.exp.is_Rational and e.base is not sp.E and e.base.is_positive,
        lambda e: sp.exp(e.exp * sp.expand_log(sp.log(e.base))),
    )
    exponentials: dict[sp.Expr, sp.Symbol] = {}

    def power(exponent: sp.Expr) -> sp.Expr:
        """e^(sum of c * monomial) as a product of generators, one positive symbol per monomial, denominators of c cleared."""
        result = sp.S.One
        for term in sp.Add.make_args(sp.expand(exponent)):
            coefficient, monomial = term.as_coeff_Mul()
            symbol = exponentials.setdefault(monomial, sp.Symbol(f"exp{len(exponentials)}", positive=True))
            result *= symbol**coefficient
        return result

    flat = expression.replace(lambda e: isinstance(e, sp.exp), lambda e: power(e.args[0]))
    back = {symbol: monomial for monomial, symbol in exponentials.items()}
    logarithms: dict[sp.Expr, sp.Symbol] = {}

    def logarithm(argument: sp.Expr) -> sp.Expr:
        """ln|product of irreducible factors|: both forms are real, so absolute values lose nothing."""
        above, under = (sp.expand(part) for part in sp.fraction(sp.together(argument)))
        (coefficient, factors), (below, factors_below) = (
            (part, []) if part.is_Rational else sp.factor_list(part) for part in (above, under)
        )
        total = sp.S.Zero
        for base, exponent in [(coefficient, 1), *factors, (below, -1), *((f, -e) for f, e in factors_below)]:
            if base in back:
                total += exponent * back[base]
            elif base.is_Integer or base.is_Rational:
                for prime, e in sp.factorrat(abs(base)).items():
                    total += exponent * e * _letter(sp.Integer(prime), logarithms)
            else:
                total += exponent * _letter(-base if base.could_extract_minus_sign() else base, logarithms)
        return total

    flat = flat.replace(lambda e: isinstance(e, sp.log), lambda e: logarithm(e.args[0]))
    left = sp.expand(sp.fraction(sp.together(flat))[0])
    if left == 0:
        return sp.S.Zero
    roots = left.atoms(sp.Pow)
    if any(p.exp.is_Rational and not p.exp.is_Integer for p in roots):
        left = sp.powdenest(sp.expand(sp.powsimp(sp.expand_power_base(flat, force=True), force=True)), force=True)
        left = sp.simplify(left)  # square roots of positive quantities: the one place where a simplifier is asked
    return left


def _letter(base: sp.Expr, letters: dict[sp.Expr, sp.Symbol]) -> sp.Symbol:
    return letters.setdefault(base, sp.Symbol(f"log{len(letters)}", real=True))
