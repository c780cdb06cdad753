"""Controls: mutants made from a statement, each of which must be refuted by a witness. A check that cannot fail shows nothing.

A mutant claims more than the statement does. Those that turn out to claim less on every case (a greater upper bound, say) are implied
by the statement; they are dropped and not counted. Any other mutant that no case refutes has survived, and a survivor fails the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp
from sympy.core.relational import Relational

from checks.claims import Case, Judgement, judge, realise
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN
from theory.theorem import Theorem

if TYPE_CHECKING:
    from checks.properties import FamilyChecks

PART_PER_MILLION = sp.Rational(1, 10**6)


@dataclass(frozen=True)
class Mutant:
    """A statement changed in one place, and the words for the change."""

    change: str
    theorem: Theorem


@dataclass(frozen=True)
class Death:
    """How a control ended: killed by a case, implied by the statement, or survived (then `case` is None)."""

    change: str
    outcome: str  # "killed", "implied", "true" or "survived"
    case: Case | None = None
    judgement: Judgement | None = None


def with_claim(theorem: Theorem, claim: Relational) -> Theorem:
    """The statement with another claim."""
    return dataclasses.replace(theorem, claim=claim)


def without(theorem: Theorem, key: str) -> Theorem:
    """The statement without one hypothesis."""
    keep = {name: h for name, h in theorem.assumes.items() if name != key}
    needs = {name: w for name, w in theorem.needs.items() if name != key}
    free = {name: r for name, r in theorem.free.items() if name != key}
    return dataclasses.replace(theorem, assumes=keep, needs=needs, free=free)


def mutants(theorem: Theorem) -> list[Mutant]:
    """Every generic mutant of a statement: bound tightened, constants and terms changed, units and counts confused, sides reversed."""
    claim = theorem.claim
    if theorem.kind == "counterexample":
        return [Mutant(change, with_claim(theorem, new)) for change, new in _closed(claim)]
    kind = type(claim)
    found: dict[sp.Expr, str] = {}
    for change, rhs in _changed_bounds(claim):
        # a change that leaves the reals claims nothing
        if rhs != claim.rhs and not rhs.has(sp.zoo, sp.nan, sp.oo, sp.I, sp.pi) and _has_real_powers(rhs):
            found.setdefault(rhs, change)
    changed = [Mutant(change, with_claim(theorem, kind(claim.lhs, rhs, evaluate=False))) for rhs, change in found.items()]
    if kind in (sp.Le, sp.Ge) and theorem.equality.values is not None:
        strict = {sp.Le: sp.Lt, sp.Ge: sp.Gt}[kind]
        changed.append(Mutant("made strict", with_claim(theorem, strict(claim.lhs, claim.rhs, evaluate=False))))
    if kind is not sp.Eq:
        reverse = {sp.Le: sp.Ge, sp.Lt: sp.Gt, sp.Ge: sp.Le, sp.Gt: sp.Lt}[kind]
        changed.append(Mutant("sides reversed", with_claim(theorem, reverse(claim.lhs, claim.rhs, evaluate=False))))
    for key in theorem.needs:
        changed.append(Mutant(f"hypothesis {key!r} dropped", without(theorem, key)))
    return changed


def _has_real_powers(rhs: sp.Expr) -> bool:
    """Every power that is no whole or rational one has a base that is known to be positive."""
    return all(power.exp.is_Rational or power.base is sp.E or power.base.is_positive for power in rhs.atoms(sp.Pow))


def _changed_bounds(claim: Relational) -> Iterator[tuple[str, sp.Expr]]:
    rhs, direction = claim.rhs, -1 if isinstance(claim, (sp.Le, sp.Lt)) else 1
    # Tightened by a part in a million of its size: for an equation both ways, else towards falsity.
    for sign in (direction, -direction) if isinstance(claim, sp.Eq) else (direction,):
        yield f"bound {'lowered' if sign < 0 else 'raised'} by one part in a million", _moved(rhs, sign * PART_PER_MILLION)
    yield "bound halved" if direction < 0 else "bound doubled", _moved(rhs, direction * sp.Rational(1, 2))
    yield "bits for nats", rhs * sp.log(2) if direction < 0 else rhs / sp.log(2)
    for term in sp.Add.make_args(sp.expand(rhs)) if isinstance(rhs, sp.Add) else ():
        yield f"term {sp.sstr(term)} dropped", rhs - term
    for symbol in sorted(rhs.free_symbols, key=str):
        if symbol.is_integer:
            yield f"{symbol} off by one (up)", rhs.subs(symbol, symbol + 1)
            yield f"{symbol} off by one (down)", rhs.subs(symbol, symbol - 1)
        else:
            yield f"{symbol} forgotten (1)", rhs.subs(symbol, 1)
            yield f"{symbol} of the other sign", rhs.subs(symbol, -symbol)
            yield f"{symbol} squared", rhs.subs(symbol, symbol**2)
    numerator, denominator = sp.fraction(rhs)
    if denominator.free_symbols:
        yield "an epsilon in the denominator", numerator / (denominator + PART_PER_MILLION)
    n_minus_g = [
        part
        for part in sp.preorder_traversal(rhs, keys=True)
        if isinstance(part, sp.Add) and len(part.args) == 2 and len(part.free_symbols) == 2
    ]
    for difference in dict.fromkeys(n_minus_g):
        first, second = difference.args
        yield f"{first} for {difference}", rhs.xreplace({difference: first})
        yield f"{second} for {difference}", rhs.xreplace({difference: second})


def _moved(rhs: sp.Expr, share: sp.Rational) -> sp.Expr:
    """The bound moved by a share of its size; x + share |x| increases in x, so it may be taken inside a maximum or minimum."""
    if isinstance(rhs, (sp.Max, sp.Min)):
        return rhs.func(*(_moved(part, share) for part in rhs.args), evaluate=False)
    return rhs + share * sp.Abs(rhs)


def _closed(claim: Relational) -> Iterator[tuple[str, Relational]]:
    """Mutants of a closed claim: the opposite, and each number in it moved until the claim turns."""
    reverse = {sp.Le: sp.Gt, sp.Lt: sp.Ge, sp.Ge: sp.Lt, sp.Gt: sp.Le}
    if type(claim) in reverse:
        yield "sides reversed", reverse[type(claim)](claim.lhs, claim.rhs, evaluate=False)
    sign = 1 if isinstance(claim, (sp.Gt, sp.Ge)) else -1
    size = sp.Abs(claim.lhs - claim.rhs) + PART_PER_MILLION
    for factor in (1, 2, 10, 100):
        yield f"bound moved by {factor} gaps", type(claim)(claim.lhs, claim.rhs + sign * factor * size, evaluate=False)
    yield (
        "bits for nats on the left",
        type(claim)(claim.lhs * (sp.log(2) if sign > 0 else 1 / sp.log(2)), claim.rhs, evaluate=False),
    )


def kill(mutant: Mutant, original: Theorem, cases: Sequence[Case]) -> Death:
    """Try every case on a mutant until one refutes it."""
    less, more = False, False  # whether the mutant claims less, or not clearly less, than the statement on some case
    for case in cases:
        judgement = judge(mutant.theorem, case)
        if judgement.verdict is FAILS:
            return Death(mutant.change, "killed", case, judgement)
        if judgement.verdict is OUT_OF_DOMAIN or more or _not_a_number(judgement):
            continue  # it says nothing here
        reference = judge(original, case)
        if judgement.verdict is not HOLDS or reference.slack is None or judgement.slack is None:
            more = True
        elif judgement.slack > reference.slack:
            less = True
        elif judgement.slack < reference.slack:
            more = True
    return Death(mutant.change, "implied" if less and not more else "survived")


def _not_a_number(judgement: Judgement) -> bool:
    return judgement.slack is not None and not judgement.slack.is_finite()


def run_controls(theorem: Theorem, checks: FamilyChecks) -> list[Death]:
    """All controls of a statement against its extremal cases and the realised witnesses of its hypotheses.

    A mutant listed as also true stays "true": it claims more and is right, for the reason given. If a case kills it after all, the
    reason was wrong, and that is reported as survived.
    """
    pool = [*checks.extremal[theorem.name](), *(realise(theorem, key, witness) for key, witness in theorem.needs.items())]
    reasons = dict(checks.also_true.get(theorem.name, {}))
    extra = checks.extra[theorem.name]() if theorem.name in checks.extra else []
    deaths = []
    for mutant in (*mutants(theorem), *extra):
        death = kill(mutant, theorem, pool)
        if reason := reasons.pop(mutant.change, None):
            wrong = death.outcome == "killed"
            death = dataclasses.replace(
                death, outcome="survived" if wrong else "true", change=f"{mutant.change} (said to be true: {reason})"
            )
        deaths.append(death)
    if reasons:
        raise KeyError(f"{theorem.name}: `also_true` names changes that no mutant makes: {sorted(reasons)}")
    return deaths


__all__ = ["Death", "Mutant", "kill", "mutants", "run_controls", "with_claim", "without"]
