"""A derivation as a proof that can be read: each step says what it establishes, from what, and why it may.

Nothing is decided here: `theory.replay` has accepted the steps, or the page says that it has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sympy as sp
from sympy.core.relational import Relational

from checks.book.lemmas import lemma_link
from checks.book.text import link, plain
from theory import steps as st
from theory.export.latex import latex
from theory.symbols import RANGES, k_step
from theory.theorem import Lemma, Theorem

Facts = dict[str, Relational]


def proof(statement: Theorem | Lemma) -> str:
    """The derivation of a statement as a MyST list, one item a step."""
    facts: Facts = {key: getattr(h, "relation", h) for key, h in statement.assumes.items()}
    if isinstance(statement, Theorem):
        facts |= dict(statement.definitions)
    return _items(statement.steps, facts, 0)


def fact_of(step: st.Step, facts: Mapping[str, Relational]) -> Relational:
    """What a step establishes, given the facts before it."""
    match step:
        case st.Cite():
            relation = step.of.relation if isinstance(step.of, Lemma) else step.of.claim
            return relation.subs(dict(step.values), simultaneous=True)
        case st.Apply():
            cited = facts[step.to]
            sides = (step.function.subs(step.variable, side) for side in (cited.lhs, cited.rhs))
            return type(cited)(*sides, evaluate=False)
        case st.SumOver():
            fact, span = fact_of(step.pointwise, facts), (step.index, *RANGES[step.index])
            return type(fact)(sp.Sum(fact.lhs, span), sp.Sum(fact.rhs, span), evaluate=False)
        case st.MeanValue():
            return sp.Le(step.f.subs(step.x, step.lower), step.f.subs(step.x, step.upper), evaluate=False)
        case st.Induction():
            return type(step.fact)(step.fact.lhs.subs(k_step, step.at), step.fact.rhs.subs(k_step, step.at), evaluate=False)
        case _:
            return step.fact


def _items(steps: Iterable[st.Step], facts: Facts, depth: int) -> str:
    lines = []
    for number, step in enumerate(steps, 1):
        fact = fact_of(step, facts)
        indent = "   " * depth
        lines.append(f"{indent}{number}. *{plain(step.name)}.* {_reason(step, facts)}\n\n{_display(fact, indent + '   ')}")
        lines += [f"{indent}   {title}\n\n{_items(part, inside, depth + 1)}" for title, part, inside in _parts(step, facts)]
        facts[step.name] = fact
    return "\n".join(lines)


def _display(fact: Relational, indent: str) -> str:
    return f"{indent}$$\n{indent}{latex(fact)}\n{indent}$$\n"


def _reason(step: st.Step, facts: Mapping[str, Relational]) -> str:
    match step:
        case st.Identity():
            return "By algebra, both sides are the same expression:"
        case st.Manifest():
            form = "" if step.form is None else f", because the difference of the two sides is ${latex(step.form)}$"
            return f"The sign of each part is known{form}:"
        case st.Enclosure():
            box = ", ".join(f"${latex(s)} \\in [{latex(a)}, {latex(b)}]$" for s, (a, b) in step.box.items())
            return f"Interval arithmetic with halving shows it for {box}:"
        case st.Cite():
            return f"By {_cited(step.of)}{_values(step.values)}{_given(step.given)}:"
        case st.Combine():
            return f"{_sum(step.weights)}:"
        case st.Apply():
            variable, function = latex(step.variable), latex(step.function)
            return f"Apply the increasing function ${variable} \\mapsto {function}$ to both sides of {_fact(step.to)}:"
        case st.SumOver():
            low, high = RANGES[step.index]
            return f"Sum the following over ${latex(step.index)} = {latex(low)}, \\dots, {latex(high)}$:"
        case st.MeanValue():
            return (
                f"The function ${latex(step.x)} \\mapsto {latex(step.f)}$ does not fall between ${latex(step.lower)}$ and "
                f"${latex(step.upper)}$, and {_fact(step.order)} says in which order these are:"
            )
        case st.Cases():
            return f"By cases on the sign of ${latex(step.on)}$:"
        case st.Induction():
            return "By induction over the steps of the run:"


def _parts(step: st.Step, facts: Facts) -> list[tuple[str, tuple[st.Step, ...], Facts]]:
    """The steps inside a step, each with a title and the facts that it may use."""
    inside = dict(facts)
    match step:
        case st.SumOver():
            return [("where, for each of them,", (step.pointwise,), inside)]
        case st.MeanValue():
            inside[f"{step.name}.low"] = sp.Le(step.lower, step.x, evaluate=False)
            inside[f"{step.name}.high"] = sp.Le(step.x, step.upper, evaluate=False)
            return [("since its derivative is not negative:", (step.slope,), inside)]
        case st.Cases():
            low, high = sp.Le(step.on, 0, evaluate=False), sp.Ge(step.on, 1 if step.whole else 0, evaluate=False)
            return [
                (f"If ${latex(low)}$:", step.low, inside | {f"{step.name}.low": low}),
                (f"If ${latex(high)}$:", step.high, inside | {f"{step.name}.high": high}),
            ]
        case st.Induction():
            return [
                ("At the start:", step.base, inside),
                (
                    f"From one state to the next, given ${latex(step.fact)}$:",
                    step.step,
                    inside | {f"{step.name}.at": step.fact},
                ),
            ]
        case _:
            return []


def _cited(statement: Theorem | Lemma) -> str:
    if isinstance(statement, Theorem):
        return link(statement.name)
    return f"{'lemma' if statement.steps else 'the argued lemma'} {lemma_link(statement)}"


def _values(values: Mapping[sp.Symbol, sp.Expr]) -> str:
    shown = [f"${latex(symbol)} := {latex(sp.sympify(value))}$" for symbol, value in values.items() if symbol != value]
    return f" with {', '.join(shown)}" if shown else ""


def _given(given: Mapping[str, str]) -> str:
    shown = [_fact(name) if key == name else f"{_fact(name)} (for its hypothesis {_fact(key)})" for key, name in given.items()]
    return f", given {', '.join(shown)}" if shown else ""


def _fact(name: str) -> str:
    return f"*{plain(name)}*"


def _sum(weights: Mapping[str, sp.Expr]) -> str:
    """Words for a certificate: sides of these facts, each times its weight, added up."""
    parts = []
    for name, weight in weights.items():
        weight = sp.sympify(weight)
        if weight == 1:
            parts.append(_fact(name))
        elif weight == -1:
            parts.append(f"{_fact(name)}, reversed")
        else:
            parts.append(f"${latex(weight)}$ times {_fact(name)}")
    return f"From {parts[0]}" if len(parts) == 1 else f"Add up {'; '.join(parts)}"


__all__ = ["fact_of", "proof"]
