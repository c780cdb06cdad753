"""The cases on which every control of the anchors family must die: equality cases first, then ordinary ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import sympy as sp
from flint import fmpq
from sympy.core.relational import Relational

from checks import anchors_cases as cases
from checks.anchors_systems import Code, System, cross_polytope, exact_vectors, orthogonal, simplex
from checks.anchors_trained import attention_shares
from checks.claims import Case
from checks.controls import Mutant, with_claim
from checks.entropy_cases import exact_case, from_counts
from checks.rows import ordinary_rows, two_level, two_level_rows
from theory import anchors_budget as bud
from theory import anchors_coherence as coh
from theory import anchors_information as inf
from theory import anchors_redundancy as red
from theory import anchors_tradeoff as tra
from theory import symbols as sym
from theory.anchors import THEOREMS
from theory.theorem import Theorem

ROWS = (
    *two_level_rows(),
    *ordinary_rows(),
    two_level(4, 1, -1),
    two_level(9, 8, 2),
    two_level(12, 5, 60.0),
    two_level(1000, 3, 8),
    two_level(1000, 339, fmpq(1)),  # r0(1000, 1) = 338.7: as little entropy as a margin of 1 can leave, almost
)
PAIRS = (
    (2, 1, 1), (8, 2, 5), (8, 5, 2), (64, 1, 32), (100, 30, 31), (1000, 999, 1), (9, 3, 3), (100, 31, 30), (100, 70, 69), (100, 70, 71),
    (10**9, 3 * 10**8, 3 * 10**8 + 1), (1000, 595, 908),
)  # fmt: skip
MARGINS = (fmpq(0), fmpq(1, 3), fmpq(1), fmpq(3), fmpq(-2), fmpq(12))
LAWS = (
    ((1,), 1), ((1, 1), 1), ((1, 0), 1), ((1, 1, 1), 2), ((3, 1), 1), ((5, 0, 2, 2, 1), 2), ((1,) * 16, 4), ((9, 9, 1, 1, 1), 2),
    ((97, 1, 1, 1), 1), ((4, 4, 4, 8), 3), ((2, 2, 0, 0), 2), ((1, 2, 3), 3), ((3, 3, 3, 0, 0), 3), ((2, 2, 2, 2, 1), 4),
)  # fmt: skip


CHANNELS: tuple[tuple[tuple[tuple[int, ...], ...], tuple[int, ...], fmpq | None], ...] = (
        (((3, 1), (1, 3)), (0, 1), None), (((3, 1), (1, 3)), (0, 1), fmpq(1, 3)), (((1, 1), (1, 1)), (0, 1), None),
        (((8, 1, 1), (1, 8, 1), (1, 1, 8)), (0, 1, 2), None), (((8, 1, 1), (1, 8, 1), (1, 1, 8)), (0, 1, 2), fmpq(1, 2)),
        (((5, 3, 2), (0, 9, 1), (2, 2, 6)), (0, 1, 2), None), (((5, 3, 2), (0, 9, 1), (2, 2, 6)), (0, 1, 2), fmpq(2, 3)),
        (((2, 1, 1, 0), (0, 0, 1, 3)), (0, 0, 1, 1), None), (((1, 1, 1), (1, 1, 1), (1, 1, 1)), (0, 1, 2), None),
        (((97, 1, 1, 1), (1, 97, 1, 1), (1, 1, 97, 1), (1, 1, 1, 97)), (0, 1, 2, 3), None),
        (((1, 1), (1, 1)), (0, 1), fmpq(9, 10)), (((1, 9), (9, 1)), (0, 1), None),
    )  # fmt: skip


def codes() -> list[Code]:
    """Simplices, cross-polytopes, orthogonal codes, and two that attain nothing."""
    uneven = exact_vectors([[3, 1, 0], [-1, 2, 2], [0, -2, 1], [1, -1, -2], [-2, -1, -1]], "uneven")
    pair = exact_vectors([[3, 4], [5, 12], [-4, 3]], "plane")
    return [
        *map(simplex, (2, 3, 4, 7)),
        *map(cross_polytope, (1, 2, 3, 5)),
        *map(orthogonal, (2, 4)),
        Code(uneven, "five directions in space"),
        Code(pair, "three directions in the plane"),
    ]


def systems() -> list[System]:
    """Anchors with queries of their own, among them two on a line, where separation and packing are attained."""
    line = exact_vectors([[1], [-1]], "line")
    found = [
        System(line, exact_vectors([[q], [-q]], "line"), f"two anchors on a line, queries {q}") for q in (1, fmpq(5, 2), 40)
    ]
    plane = exact_vectors([[fmpq(3, 5), fmpq(4, 5)], [-1, 0], [0, fmpq(-1, 2)]], "plane")
    found.append(System(plane, exact_vectors([[2, 3], [-4, 1], [1, -5]], "plane"), "three anchors in the plane"))
    return found


@cache
def everything() -> tuple[tuple[Theorem, Case], ...]:
    """What every statement says of the objects above."""
    return tuple(_everything())


def _everything() -> Iterator[tuple[Theorem, Case]]:
    for row in ROWS:
        yield from cases.cases_of_row(row)
        if row.two_level:
            yield from cases.cases_of_two_level(row)
    for counts, g in LAWS:
        law = from_counts(counts, g, f"weights {counts}, g = {g}")
        for lost in range(g):
            yield from cases.cases_of_law(law, lost)
    for n, g, other in PAIRS:
        for t in MARGINS:
            pair = cases.pair_case(n, g, other, t)
            yield red.replace, pair
            yield tra.exchange_bound, pair
            yield red.add, cases.added_case(n, g, other, t)
            low, high = sorted((g, other))
            same = cases.same_margin_case(n, low, high, t)
            yield red.rises, same
            yield red.costs, same
            yield red.saves, same
            rate = cases.rate_case(n, g, t)
            yield tra.rate, rate
            yield tra.saving_rate, rate
    for code in codes():
        yield from cases.cases_of_code(code)
        for kappa in (fmpq(0), fmpq(1, 2), fmpq(3), fmpq(20)):
            yield from cases.cases_of_tied(code, kappa)
        if code.coherence() < 1:
            for phi in (fmpq(1, 10), fmpq(3, 4), fmpq(999, 1000)):
                yield bud.enough, cases.enough_case(code, phi)
                yield bud.enough, cases.enough_case(code, phi, 2)
    for system in systems():
        yield from cases.cases_of_system(system, attention_shares(system))
    for table, names, claim in CHANNELS:
        yield from cases.cases_of_channel(cases.Channel(table, names, f"channel {table}"), claim)
    for size, width, mu in (
        (2, 1, fmpq(0)), (2, 4, fmpq(1, 2)), (2, 9, fmpq(1, 3)), (2, 12, fmpq(9, 10)), (3, 1, fmpq(1, 2)), (3, 5, fmpq(3, 5)),
        (3, 7, fmpq(99, 100)), (4, 4, fmpq(1)), (4, 3, fmpq(1, 3)), (2, 12, fmpq(1, 12)),
        (2, 1, fmpq(1)), (3, 2, fmpq(1)), (4, 3, fmpq(1)), (3, 44, fmpq(1, 10)), (3, 5, fmpq(1)), (4, 6, fmpq(1)),
    ):  # fmt: skip
        case = cases.sign_case(size, width, mu)
        yield coh.sign_failure, case
        yield coh.sign_code, case


def _of(name: str) -> Callable[[], list[Case]]:
    return lambda: [case for theorem, case in everything() if theorem.name == name]


def _at_numbers() -> list[Case]:
    shapes = ((2, 1, 3), (8, 2, 9), (64, 8, 99), (64, 63, 1), (1000, 3, 7))
    return [cases.at_number(*shape) for shape in shapes] + _of("anchors.redundancy")()


def _at_best_norm(theorem: Theorem) -> Callable[[], list[Case]]:
    """The simplex at exactly the norm that a target needs, then everything else."""

    def made() -> list[Case]:
        found = []
        for size, phi in ((2, fmpq(9, 10)), (3, fmpq(3, 4)), (7, fmpq(999, 1000)), (4, fmpq(1, 3)), (5, fmpq(1, 2))):
            norm = cases.best_norm(size, phi)
            found.append(cases.code_case(simplex(size), norm, extremal=True, phi=phi, mu=fmpq(1, 3)))
        return found + _of(theorem.name)()

    return made


def _duals() -> list[Case]:
    return [cases.dual_at_simplex(size, phi) for size, phi in ((2, fmpq(9, 10)), (3, fmpq(3, 4)), (6, fmpq(99, 100)))] + _of(
        bud.dual.name
    )()


def _lines() -> list[Case]:
    """Two anchors on a line whose margin is twice the norm: as many as fit."""
    return [
        cases.code_case(simplex(2), kappa, extremal=True, t=2 * kappa) for kappa in (fmpq(1, 4), fmpq(1, 2), fmpq(1), fmpq(9))
    ]


def _sizes() -> list[Case]:
    margins = (fmpq(1, 10**7), fmpq(1, 2), fmpq(3), fmpq(30))
    return [exact_case({sym.n: n, sym.t: t}, f"n = {n}, t = {t}") for n in (2, 8, 1000) for t in margins]


def _closed() -> list[Case]:
    return [Case({}, "closed numbers")]


_BY_NAME: Mapping[str, Callable[[], list[Case]]] = {
    red.redundancy.name: _at_numbers,
    red.least_size.name: _sizes,
    bud.least_budget.name: _at_best_norm(bud.least_budget),
    bud.attained.name: _at_best_norm(bud.attained),
    bud.near_optimal.name: _at_best_norm(bud.near_optimal),
    bud.dual.name: _duals,
    bud.packing.name: lambda: _lines() + _of(bud.packing.name)(),
    bud.apart.name: lambda: _lines() + _of(bud.apart.name)(),
}
EXTREMAL: Mapping[str, Callable[[], list[Case]]] = {
    theorem.name: _BY_NAME.get(theorem.name, _closed if theorem.kind == "counterexample" else _of(theorem.name))
    for theorem in THEOREMS
}


def _assuming(theorem: Theorem, key: str, change: str, relation: Relational) -> Mutant:
    """The statement with another condition in the place of a hypothesis."""
    other = dataclasses.replace(theorem.assumes[key], relation=relation)
    return Mutant(change, dataclasses.replace(theorem, assumes={**theorem.assumes, key: other}))


def _crowds() -> list[Mutant]:
    """Other numbers from which directions might be crowded, and other bounds for them."""
    conditions = {"M >= D + 1": sym.width + 1, "M >= D": sym.width, "M >= 3": sp.Integer(3)}
    bounds = {"a millionth more": sp.Rational(1, 10**6), "1/M": 1 / sym.anchors, "1/(D + 2)": 1 / (sym.width + 2)}
    return [
        _assuming(coh.many, "crowd", change, sp.Ge(sym.anchors, least, evaluate=False)) for change, least in conditions.items()
    ] + [Mutant(change, with_claim(coh.many, sp.Ge(sym.coherence, bound, evaluate=False))) for change, bound in bounds.items()]


def _widths() -> list[Mutant]:
    """Other numbers of dimensions that one might take for enough."""
    mu, log = sym.coherence_bound, sp.log(sym.anchors)
    widths = {"2 for 4": 2 * log / mu**2, "1 for 4": log / mu**2, "mu for mu^2": 4 * log / mu, "no logarithm": 1 / mu**2}
    return [
        _assuming(coh.sign_code, "wide", change, sp.Ge(sym.width, width, evaluate=False)) for change, width in widths.items()
    ]


EXTRA: Mapping[str, Callable[[], list[Mutant]]] = {coh.many.name: _crowds, coh.sign_code.name: _widths}
_NO_NUMBER = "it claims nothing: the logarithm or root of a negative number is no real number"
_ROOM = "true as well: the tail of a sum of signs is at most 0.83 of Hoeffding's bound, which it nears at one sign and mu = 1"
_FEW = "true as well: the share is far below a half there; what is sharp is the order of the dimensions, see the controls on it"
ALSO_TRUE: Mapping[str, Mapping[str, str]] = {
    red.replace.name: {"-g for -g + n": _NO_NUMBER, "-g_3 for -g_3 + n": _NO_NUMBER},
    red.entropy_at.name: {"F of the other sign": _NO_NUMBER},
    red.entropy_least.name: {"t of the other sign": "psi is even"},
    red.whole.name: {
        "bits for nats on the left": "that the lesser of two numbers is above 0 does not depend on the unit of one"
    },
    tra.exchange_bound.name: {
        "-t for -t + t_3": "entropy at fixed fidelity is greatest at t = 0, which is this bound with t_3 = 0"
    },
    tra.spread.name: {"rho_max of the other sign": _NO_NUMBER},
    tra.spread_simple.name: {"rho_max of the other sign": _NO_NUMBER},
    bud.least_budget.name: {
        "phi of the other sign": _NO_NUMBER,
        "an epsilon in the denominator": "where it exceeds the bound both are negative, and a norm is not",
    },
    bud.dual.name: {"phi of the other sign": _NO_NUMBER},
    bud.packing.name: {
        "kappa_q of the other sign": "t <= 2 kappa in the unit ball: the logarithm is of 0 or less, and no number"
    },
    coh.welch.name: {"-D for -D + M": _NO_NUMBER},
    coh.sign_failure.name: {"bound lowered by one part in a million": _ROOM, "an epsilon in the denominator": _ROOM},
    coh.sign_code.name: {"bound lowered by one part in a million": _FEW, "bound halved": _FEW, "bits for nats": _FEW},
    inf.dual.name: {"eps of the other sign": _NO_NUMBER, "eps squared": "the dual form is true for every eps between 0 and 1"},
    inf.exact.name: {"P_e of the other sign": _NO_NUMBER},
    inf.bound.name: {"eps of the other sign": _NO_NUMBER},
    inf.known.name: {"phi of the other sign": _NO_NUMBER},
}
