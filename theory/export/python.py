"""SymPy expressions as Python over a namespace of `theory.namespaces`: one printer for numbers, arrays, tensors and balls.

The printer knows a short list of things and refuses the rest: a Float has already been rounded, and an unknown function has no
adaptor. Rationals stay exact up to one correctly rounded division, e^x is always `xp.exp`, a power is a product or a root,
and a denominator is divided by once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import sympy as sp
from sympy.codegen.cfunctions import expm1, log1p
from sympy.logic.boolalg import Boolean, BooleanFalse, BooleanTrue
from sympy.printing.printer import Printer

from theory.namespaces import Namespace, _lazy


class _Gap(sp.Function):
    """A difference that cancels near 0 and so has one adaptor of its own; `plain` is what it means."""

    nargs = 1

    def plain(self) -> sp.Expr:
        """The difference written out."""
        raise NotImplementedError

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The derivative of the difference."""
        x = sp.Dummy("x")
        return sp.diff(self.func(x).plain(), x).subs(x, self.args[0])


class exp_gap(_Gap):  # noqa: N801 - a function of formulas, named like SymPy's own
    """e^x - 1 - x."""

    def plain(self) -> sp.Expr:
        """The difference written out."""
        return sp.exp(self.args[0]) - 1 - self.args[0]


class log_gap(_Gap):  # noqa: N801 - a function of formulas, named like SymPy's own
    """y - ln(1 + y), y > -1."""

    def plain(self) -> sp.Expr:
        """The difference written out."""
        return self.args[0] - sp.log(1 + self.args[0])


class kl_gap(_Gap):  # noqa: N801 - a function of formulas, named like SymPy's own
    """(1 + y) ln(1 + y) - y, y >= -1."""

    def plain(self) -> sp.Expr:
        """The difference written out."""
        y = self.args[0]
        return (1 + y) * sp.log(1 + y) - y


def plain(expression: sp.Basic) -> sp.Basic:
    """The expression with log1p, expm1 and the gaps written out in exp and log."""
    return expression.replace(
        lambda e: isinstance(e, (_Gap, log1p, expm1)),
        lambda e: (
            e.plain() if isinstance(e, _Gap) else (sp.log(1 + e.args[0]) if isinstance(e, log1p) else sp.exp(e.args[0]) - 1)
        ),
    )


class PrintError(TypeError):
    """A formula contains something that no namespace can evaluate."""


_FUNCTIONS: dict[type[sp.Basic], str] = {
    sp.exp: "exp",
    sp.log: "log",
    log1p: "log1p",
    expm1: "expm1",
    sp.tanh: "tanh",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.ceiling: "ceil",
    sp.Abs: "abs",
    exp_gap: "exp_gap",
    log_gap: "log_gap",
    kl_gap: "kl_gap",
}


class NamespacePrinter(Printer):
    """Prints numbers, + * / powers, the functions above, Max, Min, Piecewise and relations; raises PrintError on all else."""

    printmethod = "_localist_python"

    def emptyPrinter(self, expr: Any) -> str:
        """Refuse what has no method below."""
        raise PrintError(
            f"cannot export {expr!r} of type {type(expr).__name__}: no namespace has it. Write it with exact rationals, "
            f"+ - * /, powers, {', '.join(_FUNCTIONS.values())}, sqrt, Max, Min and Piecewise"
        )

    def _print_Float(self, expr: sp.Float) -> str:
        raise PrintError(f"cannot export the float {expr}: it was rounded before it got here. Use a Rational")

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return str(expr.name)

    def _print_Integer(self, expr: sp.Integer) -> str:
        return str(int(expr))

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"xp.rational({expr.p}, {expr.q})"

    def _print_Exp1(self, expr: sp.Expr) -> str:
        return "xp.exp(xp.rational(1, 1))"

    def _print_Function(self, expr: sp.Function) -> str:
        if type(expr) not in _FUNCTIONS or len(expr.args) != 1:
            return self.emptyPrinter(expr)
        return f"xp.{_FUNCTIONS[type(expr)]}({self._number(expr.args[0])})"

    def _number(self, expr: sp.Expr) -> str:
        """A function's argument: a literal goes through `rational`, because numpy, torch and Arb want their own numbers."""
        if expr.is_Integer:
            return f"xp.rational({int(expr)}, 1)"
        return str(self._print(expr))

    def _factor(self, expr: sp.Expr) -> str:
        text = str(self._print(expr))
        return f"({text})" if expr.is_Add or expr.is_Mul or (expr.is_Number and expr.is_negative) else text

    def _print_Add(self, expr: sp.Add) -> str:
        text = ""
        for position, term in enumerate(expr.as_ordered_terms()):
            negative = term.could_extract_minus_sign() and not term.is_Add
            body = self._print(-term if negative else term)
            if term.is_Add:
                body = f"({body})"
            text += (" - " if negative else " + ") + body if position else ("-" if negative else "") + body
        return text

    def _print_Mul(self, expr: sp.Mul) -> str:
        coefficient, rest = expr.as_coeff_Mul()
        if not coefficient.is_Rational:
            return self.emptyPrinter(expr)
        above = [str(abs(coefficient.p))] if abs(coefficient.p) != 1 else []
        below = [str(coefficient.q)] if coefficient.q != 1 else []
        for factor in sp.Mul.make_args(rest):
            base, exponent = factor.as_base_exp() if factor.is_Pow else (factor, sp.S.One)
            if exponent.is_Rational and exponent.is_negative:
                below.append(self._power(base, -exponent))
            else:
                above.append(self._factor(factor))
        sign = "-" if coefficient.p < 0 else ""
        if not below:
            return sign + "*".join(above or ["1"])
        denominator = below[0] if len(below) == 1 else f"({'*'.join(below)})"
        return f"{sign}{'*'.join(above or ['1'])}/{denominator}"

    def _power(self, base: sp.Expr, exponent: sp.Rational) -> str:
        if exponent == 1:
            return self._factor(base)
        if exponent == sp.Rational(1, 2):
            return f"xp.sqrt({self._number(base)})"
        tail = f", {exponent.q}" if exponent.q != 1 else ""
        return f"xp.power({self._number(base)}, {exponent.p}{tail})"

    def _print_Pow(self, expr: sp.Pow) -> str:
        base, exponent = expr.args
        if base is sp.E:
            return f"xp.exp({self._number(exponent)})"
        if exponent.is_Rational:
            if exponent.is_negative:
                return f"1/{self._power(base, -exponent)}"
            return self._power(base, exponent)
        if base.is_positive:
            return f"xp.exp({self._factor(exponent)}*xp.log({self._number(base)}))"
        raise PrintError(f"cannot export {expr}: the base of a real power must be positive, and {base} is not known to be")

    def _nested(self, name: str, parts: Sequence[str]) -> str:
        text = parts[0]
        for part in parts[1:]:
            text = f"xp.{name}({text}, {part})"
        return text

    def _print_Max(self, expr: sp.Max) -> str:
        return self._nested("maximum", [self._number(a) for a in sp.ordered(expr.args)])

    def _print_Min(self, expr: sp.Min) -> str:
        return self._nested("minimum", [self._number(a) for a in sp.ordered(expr.args)])

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        *head, (last, condition) = expr.args
        if condition is not sp.true:
            raise PrintError(
                f"cannot export {expr}: its last branch needs the condition True, or its value is undefined somewhere"
            )
        text = self._number(last)
        for value, condition in reversed(head):
            text = f"xp.where({self._print(condition)}, {self._number(value)}, {text})"
        return text

    def _compare(self, name: str, a: sp.Expr, b: sp.Expr) -> str:
        return f"xp.{name}({self._number(a)}, {self._number(b)})"

    def _print_StrictLessThan(self, expr: sp.Lt) -> str:
        return self._compare("less", expr.lhs, expr.rhs)

    def _print_StrictGreaterThan(self, expr: sp.Gt) -> str:
        return self._compare("less", expr.rhs, expr.lhs)

    def _print_LessThan(self, expr: sp.Le) -> str:
        return self._compare("less_equal", expr.lhs, expr.rhs)

    def _print_GreaterThan(self, expr: sp.Ge) -> str:
        return self._compare("less_equal", expr.rhs, expr.lhs)

    def _print_Equality(self, expr: sp.Eq) -> str:
        return self._compare("equal", expr.lhs, expr.rhs)

    def _print_Unequality(self, expr: sp.Ne) -> str:
        return f"xp.negate({self._compare('equal', expr.lhs, expr.rhs)})"

    def _print_And(self, expr: sp.And) -> str:
        return self._nested("both", [str(self._print(a)) for a in sp.ordered(expr.args)])

    def _print_Or(self, expr: sp.Or) -> str:
        return self._nested("either", [str(self._print(a)) for a in sp.ordered(expr.args)])

    def _print_Not(self, expr: sp.Not) -> str:
        return f"xp.negate({self._print(expr.args[0])})"

    def _print_BooleanTrue(self, expr: BooleanTrue) -> str:
        return "True"

    def _print_BooleanFalse(self, expr: BooleanFalse) -> str:
        return "False"


def _names(taken: set[str]) -> Iterator[sp.Symbol]:
    count = 0
    while True:
        if f"x{count}" not in taken:
            yield sp.Symbol(f"x{count}")
        count += 1


def function_source(name: str, args: Sequence[sp.Symbol], expression: sp.Basic, docstring: str = "") -> str:
    """Python source of `name(xp, *args)` evaluating the expression, shared subexpressions once.

    Raises PrintError for a free symbol that is no argument and for anything the printer does not know.
    """
    missing = sorted(str(s) for s in expression.free_symbols - set(args))
    if missing:
        raise PrintError(f"{name}: {', '.join(missing)} is not among the arguments ({', '.join(map(str, args))})")
    printer = NamespacePrinter()
    shared: Iterable[tuple[sp.Symbol, sp.Basic]]
    if isinstance(expression, Boolean):
        shared, body = [], expression
    else:
        shared, (body,) = sp.cse([expression], symbols=_names({a.name for a in args}), optimizations=None)
        shared, body = _keep_positive(shared, body)
    lines = [f"def {name}({', '.join(['xp: Namespace', *(f'{a.name}: Any' for a in args)])}) -> Any:"]
    if docstring:
        lines.append(docstring)
    names = ", ".join(a.name for a in args)
    if args:
        lines.append(f"    {names}{',' if len(args) == 1 else ''} = xp.numbers({names})")
    lines += [f"    {symbol.name} = {printer._number(value)}" for symbol, value in shared]
    body_text = printer._number(body) if isinstance(body, sp.Expr) else printer.doprint(body)
    lines.append(f"    return {body_text}")
    return "\n".join(lines) + "\n"


def _keep_positive(
    shared: Iterable[tuple[sp.Symbol, sp.Basic]], body: sp.Basic
) -> tuple[list[tuple[sp.Symbol, sp.Basic]], sp.Basic]:
    """A shared part in the base of a real power stays known to be positive, or not negative, if it is."""
    parts = list(shared)
    powers = {power for expr in (body, *(part for _, part in parts)) for power in expr.atoms(sp.Pow)}
    bases = {letter for power in powers if not power.exp.is_Rational for letter in power.base.free_symbols}
    known: dict[sp.Symbol, sp.Symbol] = {}
    kept = []
    for symbol, part in parts:
        value = part.xreplace(known)
        if bases and value.is_nonnegative:
            known[symbol] = sp.Symbol(symbol.name, **({"positive": True} if value.is_positive else {"nonnegative": True}))
        kept.append((known.get(symbol, symbol), value))
    return kept, body.xreplace(known)


def compile_expression(
    expression: sp.Basic, args: tuple[sp.Symbol, ...], namespace: Namespace | None = None
) -> Callable[..., Any]:
    """A function of numbers, in the order of `args`, that evaluates a SymPy expression or relation in one namespace.

    With FLINT (the default) it takes integers, Fractions, floats (each exactly that float) and `arb` balls, and returns an
    enclosure at the current `flint.ctx.prec`; a relation returns True, False or None (undecided; NaN is undecided). Raises
    PrintError for an expression that the printer refuses.
    """
    xp = _lazy("FLINT") if namespace is None else namespace
    # Argument names may be anything SymPy allows, so the function is compiled over fresh ones.
    fresh = tuple(sp.Symbol(f"a{i}", **arg.assumptions0) for i, arg in enumerate(args))
    renamed = expression.xreplace(dict(zip(args, fresh, strict=True)))
    scope: dict[str, Any] = {"Any": Any, "Namespace": Namespace}
    exec(compile(function_source("compiled", fresh, renamed), f"<{expression}>", "exec"), scope)
    compiled = scope["compiled"]
    return lambda *values: compiled(xp, *values)
