"""The cases on which every control of the family must die: equality cases first, then ordinary ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from math import exp

import sympy as sp
from flint import arb, fmpq
from scipy.optimize import brentq

from checks.claims import Case, row_case
from checks.controls import Mutant
from checks.enclosure import BITS, Row, Value
from checks.entropy_cases import (
    at,
    cases_of_distribution,
    cases_of_row,
    exact_case,
    extended,
    floor_case,
    floor_sizes,
    from_counts,
    gap_case,
    tier_cases,
    tier_row,
    worst_end,
)
from checks.rows import ordinary_rows, two_level, two_level_rows
from theory import symbols as sym
from theory.entropy import THEOREMS
from theory.theorem import Theorem

ROWS = (
    *two_level_rows(),
    *ordinary_rows(),
    two_level(4, 1, -1),
    two_level(3, 2, -4),
    two_level(9, 3, 0.25),
    two_level(12, 5, 300.0),
    two_level(1000, 1, 8),
)
LAWS = (
    ((1,), 1), ((1, 1), 1), ((1, 0), 1), ((0, 1, 1), 1), ((1, 1, 1), 2), ((3, 1), 1), ((5, 0, 2, 2, 1), 2), ((1,) * 16, 4),
    ((9, 9, 1, 1, 1), 2),
    ((97, 1, 1, 1), 1), ((0, 0, 7, 0), 2), ((2, 2, 0, 0), 2), ((1, 1, 1, 1), 4),
)  # fmt: skip


@cache
def _everything() -> tuple[tuple[Theorem, Case], ...]:
    """What every statement says of the rows and distributions above."""
    found = [pair for row in ROWS for pair in cases_of_row(row)]
    for counts, g in LAWS:
        law = from_counts(counts, g, f"weights {counts}, g = {g}")
        for t in (fmpq(0), fmpq(3, 2), fmpq(-2)):
            found += cases_of_distribution(law, t)
    return tuple(found)


def _of(theorem_name: str) -> Callable[[], list[Case]]:
    return lambda: [case for theorem, case in _everything() if theorem.name == theorem_name]


def _floor() -> list[Case]:
    rows = [
        _flat(n, R)
        for n, R in (
            (2, fmpq(1)),
            (8, fmpq(6)),
            (8, fmpq(1, 2)),
            (64, fmpq(3)),
            (100, fmpq(2)),
            (5, fmpq(20)),
            (33, fmpq(1, 100)),
        )
    ]
    cases = [floor_case(row, row_case(row)) for row in rows]
    return cases + [floor_case(row, row_case(row), fmpq(1, 3)) for row in rows[:3]] + _of("entropy.floor")()


def _flat(n: int, spread: fmpq) -> Row:
    """The row of least entropy of n keys within a range."""
    return two_level(n, max(floor_sizes(n, spread)[1], 1), spread)


def _floor_size() -> list[Case]:
    def case(n: int, spread: fmpq, other: int) -> Case:
        k, best = floor_sizes(n, spread)
        values: dict[sp.Symbol, Value] = {sym.n: n, sym.score_range: spread, sym.top_size: k, sym.top_other: other}
        return exact_case(values, f"n = {n}, R = {spread}, size {other}", other == best)

    shapes = ((2, fmpq(1)), (8, fmpq(6)), (100, fmpq(2)), (100, fmpq(1, 2)), (1000, fmpq(4)), (64, fmpq(9)))
    return [
        case(n, R, other)
        for n, R in shapes
        for other in sorted({0, 1, 2, n // 4, n // 2, n, *floor_sizes(n, R), floor_sizes(n, R)[0] + 1})
    ]


def _gap() -> list[Case]:
    """Ranges at which r0(n, R) is a whole number, to the last bit of a float: there psi is attained to 30 digits."""

    def share(spread: float) -> float:
        return exp(-spread) * (spread - 1 + exp(-spread)) / (1 - exp(-spread)) ** 2

    cases = []
    for n, k in ((64, 16), (64, 1), (10, 4), (1000, 3), (5, 1)):
        spread = brentq(lambda x, n=n, k=k: share(x) - k / n, 0.05, 60, xtol=1e-15)
        cases.append(gap_case(row_case(two_level(n, k, float(spread)))))
    return cases + _of("entropy.gap")()


def _constantly(values: Mapping[sp.Symbol, Value]) -> Callable[[int], Mapping[sp.Symbol, Value]]:
    """Exact values, whatever the precision asked for."""
    return lambda bits: values


def _only(symbols: Iterable[sp.Symbol], values: Mapping[sp.Symbol, Value]) -> dict[sp.Symbol, Value]:
    return {symbol: values[symbol] for symbol in symbols}


def _shapes(*symbols: sp.Symbol, margins: tuple[fmpq, ...]) -> Callable[[], list[Case]]:
    gains = (fmpq(1, 10**9), fmpq(1, 2), fmpq(3), fmpq(40))

    def cases() -> list[Case]:
        return [
            exact_case(_only(symbols, {sym.n: n, sym.g: g, sym.t: t, sym.t_gain: gain}), f"n = {n}, g = {g}, t = {t}")
            for n, g in ((2, 1), (8, 2), (8, 7), (64, 63), (64, 1), (1000, 30))
            for t in margins
            for gain in (gains if sym.t_gain in symbols else gains[:1])
        ]

    return cases


_MARGINS = (fmpq(0), fmpq(1, 10**9), fmpq(1, 3), fmpq(1), fmpq(2), fmpq(5), fmpq(30))


def _in_block_size() -> list[Case]:
    cases = []
    for n, g, low, high, t in (
        (8, 2, 2, 2, 1), (8, 1, 1, 3, 5), (8, 3, 1, 3, 5), (64, 1, 1, 3, 3), (64, 40, 3, 40, 3), (64, 5, 3, 40, 3),
        (9, 4, 2, 6, 2), (9, 8, 8, 8, 1),
        (16, 1, 1, 15, 0), (2, 1, 1, 1, 1), (30, 2, 1, 29, 12),
    ):  # fmt: skip
        row = two_level(n, g, t)
        cases.append(extended(row_case(row), _constantly({sym.g_low: low, sym.g_high: high}), worst_end(row, low, high)))
    return cases


def _in_keys() -> list[Case]:
    return [
        extended(row_case(two_level(n, g, t)), _constantly({sym.n_high: n_high}), n == n_high)
        for n, g, t, n_high in (
            (2, 1, 1, 2),
            (8, 2, 3, 8),
            (8, 2, 0, 8),
            (8, 2, 3, 9),
            (4, 1, 1, 64),
            (64, 63, 5, 64),
            (64, 8, 12, 64),
            (64, 1, 3, 64),
        )
    ]


def _tiers() -> list[tuple[Theorem, Case]]:
    found = []
    for sizes, gaps in (
        ((1, 5, 100), (0, fmpq(1, 8), 4)), ((1, 1000), (0, 8)), ((1, 5, 100), (0, 4, 4)), ((1, 2, 3), (0, 30, 40)),
        ((2, 5, 5, 5), (0, 40, 45, 50)), ((3, 1), (0, 60)),
        ((1, 1), (0, 35)), ((1, 4), (0, 0)), ((1, 1, 1), (0, 1, 2)), ((4, 3, 2), (0, fmpq(1, 2), 10)),
    ):  # fmt: skip
        row = tier_row(sizes, [fmpq(gap) for gap in gaps], f"tiers {sizes}, gaps {tuple(map(str, gaps))}")
        found += list(tier_cases(row, row_case(row), sizes[1:]))
    return found


def _tier_cases(name: str) -> Callable[[], list[Case]]:
    return lambda: [case for theorem, case in _tiers() if theorem.name == name]


def _ranges() -> list[Case]:
    return [
        exact_case({sym.score_range: R}, f"R = {R}")
        for R in (fmpq(1, 10**4), fmpq(1, 100), fmpq(1), fmpq(4), fmpq(8), fmpq(9), fmpq(10**3), fmpq(10**9))
    ]


def _half_stronger() -> list[Case]:
    def ln2(bits: int) -> dict[sp.Symbol, Value]:
        return {sym.entropy: at(bits, lambda: arb(2).log())}

    edge = [Case(ln2(BITS), "H = ln 2", "ln 2", True, ln2), exact_case({sym.entropy: fmpq(0)}, "H = 0", True)]
    return edge + [exact_case({sym.entropy: H}, f"H = {H}") for H in (fmpq(1, 10**7), fmpq(1, 3), fmpq(1, 2), fmpq(69, 100))]


def _closed() -> list[Case]:
    return [Case({}, "closed numbers")]


_BY_NAME: dict[str, Callable[[], list[Case]]] = {
    "entropy.floor": _floor,
    "entropy.floor_size": _floor_size,
    "entropy.gap": _gap,
    "entropy.gap_simple": _ranges,
    "entropy.ceiling_decreases": _shapes(sym.n, sym.g, sym.t, sym.t_gain, margins=_MARGINS),
    "entropy.ceiling_below_ln_n": _shapes(sym.n, sym.g, sym.t, margins=_MARGINS[1:]),
    "entropy.exponential_exact": _shapes(sym.n, sym.g, sym.t, margins=_MARGINS),
    "entropy.ceiling_above_ln_g": _shapes(sym.n, sym.g, sym.t, margins=_MARGINS),
    "entropy.in_block_size": _in_block_size,
    "entropy.in_keys": _in_keys,
    "entropy.tiers": _tier_cases("entropy.tiers"),
    "entropy.tier_mass": _tier_cases("entropy.tier_mass"),
    "entropy.pointer_half_stronger": _half_stronger,
}
EXTREMAL: Mapping[str, Callable[[], list[Case]]] = {
    theorem.name: _BY_NAME.get(theorem.name, _closed if theorem.kind == "counterexample" else _of(theorem.name))
    for theorem in THEOREMS
}
EXTRA: Mapping[str, Callable[[], list[Mutant]]] = {}
_ANY_T = "the dual form holds for every real t"
_NO_NUMBER = "it claims nothing: the logarithm of a negative number is no real number"
ALSO_TRUE: Mapping[str, Mapping[str, str]] = {
    "entropy.dual": {"t forgotten (1)": _ANY_T, "t of the other sign": _ANY_T, "t squared": _ANY_T},
    "entropy.at_outside_mass": {"eps of the other sign": _NO_NUMBER, "-g for -g + n": _NO_NUMBER},
    "entropy.gap": {"R of the other sign": "psi is even"},
    "entropy.tier_mass": {
        "an epsilon in the denominator": "a_k <= g_k/(g e^t + g_k): the tier's own weight costs more than the epsilon"
    },
    "entropy.exponential_exact": {
        "-g for -g + n": "it is below ln g",
        "n off by one (down)": "H* increases in n, and the form at n - 1 bounds H* at n - 1",
    },
}
