"""Cases of the threshold family in bare numbers: linear losses, slopes, soft thresholds, the example that jumps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
import sympy as sp
from flint import arb, ctx, fmpq

from checks.claims import Case
from checks.enclosure import BITS, Value
from checks.threshold_cases import (
    Found,
    balance_cases,
    shrink_cases,
    slope_cases,
)
from checks.threshold_tiny import HALF, ONE, SCALES, TWO, ordinary
from theory import symbols as sym
from theory import threshold_balance as balanced
from theory import threshold_stationary as stationary
from theory.theorem import Theorem


def case_of_numbers(origin: str, extremal: bool, values: Mapping[sp.Symbol, Value]) -> Case:
    """A case in bare numbers, with the numbers as its exact object."""
    return Case(values, origin, {str(symbol): str(value) for symbol, value in values.items()}, extremal)


def of(theorem: Theorem, cases: Iterable[Found]) -> list[Case]:
    """The cases of one statement."""
    return [case for found, case in cases if found is theorem]


def shrunk_cases() -> list[Case]:
    """A loss that rises at exactly Gamma a unit of norm, in rationals; then groups of ordinary layers, where it does not."""
    cases = []
    for s, lam, gamma, x, before in product(
        (ONE, HALF, fmpq(1, 2**30)), (ONE, TWO, HALF), (TWO, fmpq(1, 4)), (TWO, HALF), (TWO, HALF, fmpq(-3))
    ):
        after = before + gamma * s * x
        cases.append(
            case_of_numbers(
                "linear loss",
                True,
                {
                    sym.shrink: s,
                    sym.lam: lam,
                    sym.lipschitz: gamma,
                    sym.group_norm: x,
                    sym.loss_before: before,
                    sym.loss_after: after,
                    sym.rest_before: 0,
                    sym.rest_after: 0,
                    sym.objective_before: before + lam * x,
                    sym.objective_after: after + lam * (1 - s) * x,
                },
            )
        )
    with ctx.workprec(BITS):
        return cases + [
            case
            for layer in ordinary()
            for group in layer.groups()
            for case in of(stationary.stationarity, shrink_cases(layer, group, HALF, TWO))
        ]


def small_falls_cases() -> list[Case]:
    """Above the threshold, shrunk by a millionth of a millionth: the objective falls, by less than a part in a million."""
    cases = []
    for objective in (ONE, TWO, HALF, fmpq(-1), fmpq(-1, 4)):
        s, lam, x = fmpq(1, 2**40), fmpq(3, 2), HALF
        before = objective - lam * x
        cases.append(
            case_of_numbers(
                "a small step above the threshold",
                False,
                {
                    sym.shrink: s,
                    sym.lam: lam,
                    sym.lipschitz: ONE,
                    sym.group_norm: x,
                    sym.loss_before: before,
                    sym.loss_after: before + s * x,
                    sym.rest_before: 0,
                    sym.rest_after: 0,
                    sym.objective_before: objective,
                    sym.objective_after: before + s * x + lam * (1 - s) * x,
                },
            )
        )
    return cases


def slopes_cases(theorem: Theorem) -> list[Case]:
    """Directional derivatives at equality, penalty weight above and below the gradient."""
    cases = []
    for lam, steep, size in product(SCALES, (ONE, TWO, fmpq(1, 4)), (ONE, TWO, fmpq(1, 4))):
        common: dict[sp.Symbol, Value] = {sym.lam: lam, sym.gradient_norm: steep}
        sides: dict[str, dict[sp.Symbol, Value]] = {
            stationary.descent_direction.name: {sym.group_norm: size, sym.rest_slope: 0, sym.slope: (steep - lam) * size},
            stationary.selectivity_extinct.name: {
                sym.group_norm: size,
                sym.rest_slope: 0,
                sym.slope: (steep - lam) * size,
                sym.ceiling_irrelevant: steep,
            },
            stationary.zero_stationary.name: {sym.move: size, sym.slope: (lam - steep) * size},
            stationary.zero_unstable.name: {sym.slope: (lam - steep) * steep},
            stationary.selectivity_window.name: {sym.slope: (lam - steep) * steep, sym.floor_relevant: steep},
        }
        cases.append(case_of_numbers("gradient along the direction", True, common | sides[theorem.name]))
    rng = np.random.default_rng(0)
    with ctx.workprec(BITS):
        for layer in ordinary():
            for group in layer.groups():
                dead = layer.with_group(group[0], *group[3:], lambda i, j, x: arb(0))
                for one in (layer, dead):
                    cases += of(theorem, slope_cases(one, group, HALF, rng))
    return cases


def lasso(c: fmpq, lam: fmpq) -> tuple[fmpq, fmpq]:
    """Loss and penalty of the minimiser of (x - c)^2/2 + lam |x|, c >= 0."""
    x = max(c - lam, fmpq(0))
    return (x - c) ** 2 / 2, x


def path_values(
    first: fmpq, second: fmpq, at_first: tuple[Value, Value], at_second: tuple[Value, Value]
) -> dict[sp.Symbol, Value]:
    """The symbols of two points of the path of minimisers."""
    return {
        sym.lam_1: first,
        sym.lam_2: second,
        sym.loss_1: at_first[0],
        sym.penalty_1: at_first[1],
        sym.loss_2: at_second[0],
        sym.penalty_2: at_second[1],
    }


def paths_cases() -> list[Case]:
    """Paths of minimisers: one point at both weights, then soft thresholds."""
    cases = [
        case_of_numbers("one minimiser at both weights", True, path_values(fmpq(1, 4), ONE, (a, b), (a, b)))
        for a, b in product((ONE, TWO, HALF, fmpq(-1)), SCALES)
    ]
    return cases + [
        case_of_numbers("soft threshold", False, path_values(a, b, lasso(c, a), lasso(c, b)))
        for c in SCALES
        for a, b in ((fmpq(1, 8), HALF), (HALF, fmpq(3)))
    ]


def concave_cases() -> list[Case]:
    """The same with a weight between."""
    cases = []
    for chi, (a, b), value, size in product(
        (HALF, fmpq(1, 4), ONE), ((HALF, TWO), (TWO, HALF), (ONE, fmpq(3))), (TWO, HALF, fmpq(-3)), (TWO, HALF)
    ):
        values = path_values(a, b, (value, size), (value, size)) | {sym.mixing: chi, sym.loss_m: value, sym.penalty_m: size}
        cases.append(case_of_numbers("one minimiser at all weights", True, values))
    for chi, c in product((HALF, fmpq(1, 4)), SCALES):
        a, b = fmpq(1, 8), ONE
        middle = lasso(c, (1 - chi) * a + chi * b)
        values = path_values(a, b, lasso(c, a), lasso(c, b)) | {
            sym.mixing: chi,
            sym.loss_m: middle[0],
            sym.penalty_m: middle[1],
        }
        cases.append(case_of_numbers("soft threshold", False, values))
    return cases


def jump_values(a: fmpq | arb, b: fmpq | arb, lam: fmpq) -> dict[sp.Symbol, Value]:
    """The objective (ab - 1)^2/2 + lam (|a| + |b|) at two weights, and h = sqrt|ab|."""
    a, b = arb(a), arb(b)
    return {sym.objective: (a * b - 1) ** 2 / 2 + lam * (abs(a) + abs(b)), sym.lam: lam, sym.root_product: abs(a * b).sqrt()}


def jumps_cases() -> list[Case]:
    """The example that jumps at a = b = sqrt(2/3), where the bound is attained, and elsewhere."""
    with ctx.workprec(4 * BITS):
        top = (arb(2) / 3).sqrt()
        sharp = [
            case_of_numbers("a = b = sqrt(2/3)", True, jump_values(top, top, lam))
            for lam in (HALF, TWO, fmpq(1, 10), fmpq(27, 100), fmpq(0))
        ]
        return sharp + [
            case_of_numbers(f"a = {a}, b = {b}", False, jump_values(a, b, lam))
            for a, b in ((ONE, TWO), (-ONE, HALF), (HALF, HALF), (fmpq(0), ONE))
            for lam in (HALF, fmpq(1, 8))
        ]


def gaps_cases() -> list[Case]:
    """Its stationary points that are not worse than zero: the one at the jump, then rational ones."""
    with ctx.workprec(4 * BITS):
        top = (arb(2) / 3).sqrt()
        sharp = case_of_numbers("the jump", True, {sym.root_product: top, sym.lam: top / 3})
        return [
            sharp,
            *(
                case_of_numbers(f"a = b = {h}", False, {sym.root_product: h, sym.lam: h * (1 - h * h)})
                for h in (fmpq(7, 8), fmpq(255, 256), fmpq(27, 32))
            ),
        ]


def balanced_cases() -> list[Case]:
    """Stationary points in rationals: a = b = h of the example of `threshold.penalty_jump`, one for each row."""
    return [
        case_of_numbers(
            f"a = b = {h}, {rows} rows",
            False,
            {sym.slope: 0, sym.lam: h * (1 - h * h), sym.size_rows_Q: rows * h, sym.size_rows_K: rows * h},
        )
        for h in (fmpq(9, 10), fmpq(5, 6), HALF)
        for rows in (1, 2, 3)
    ]


def near_cases() -> list[Case]:
    """Residuals along the weights, where the bound is attained, and an ordinary Q/K layer."""
    with ctx.workprec(BITS):
        captured = of(balanced.balance_near, balance_cases(ordinary()[1], HALF))
    return captured + [
        case_of_numbers(
            "residuals along the weights",
            True,
            {sym.lam: lam, sym.size_rows_Q: k + (q + r) / lam, sym.size_rows_K: k, sym.residual_Q: q, sym.residual_K: r},
        )
        for lam, k, q, r in product(SCALES, (ONE, HALF), (ONE, TWO, fmpq(1, 4)), (ONE, TWO, fmpq(1, 4)))
    ]


def inner_cases() -> list[Case]:
    """Equal inner products."""
    return [case_of_numbers("inner products", False, {sym.inner_Q: x, sym.inner_K: x}) for x in (TWO, HALF, fmpq(-3))]


def closed_cases() -> list[Case]:
    """The one case of a closed claim."""
    return [Case({}, "the numbers in the claim", {})]


def mse_cases() -> list[Case]:
    """U a number u, o = -B_v, y = B_y: g = u (u B_v + B_y); and the same with an output half as long."""
    cases = []
    for u, v, y in product(SCALES, SCALES, SCALES):
        values: dict[sp.Symbol, Value] = {sym.norm_U: u, sym.B_v: v, sym.B_y: y, sym.target_norm: y}
        cases.append(
            case_of_numbers("scalar regression", True, values | {sym.output_norm: v, sym.output_gradient: u * (u * v + y)})
        )
        cases.append(
            case_of_numbers(
                "scalar regression, short output",
                False,
                values | {sym.output_norm: v / 2, sym.output_gradient: u * (u * v / 2 + y)},
            )
        )
    return cases


def curvature_case(scores: Sequence[arb], r: Sequence[arb], y: Sequence[arb]) -> Case:
    """d/dx Cov(r, y) along s + x r by a power series, and the third central moment by its definition."""
    from flint import arb_series

    top = scores[0].mid()
    weights = [(arb_series([s - top, d], 3)).exp() for s, d in zip(scores, r, strict=True)]
    total = sum(weights[1:], weights[0])
    series = sum((w * value for w, value in zip(weights, y, strict=True)), arb(0)) / total
    coefficients = [*series.coeffs(), arb(0), arb(0)]
    first = [w.coeffs()[0] for w in weights]
    mass = sum(first, arb(0))
    a = [w / mass for w in first]
    mean_r, mean_y = (sum((p * x for p, x in zip(a, xs, strict=True)), arb(0)) for xs in (r, y))
    moment = sum((p * (d - mean_r) ** 2 * (x - mean_y) for p, d, x in zip(a, r, y, strict=True)), arb(0))
    exact = {name: [str(x) for x in xs] for name, xs in (("scores", scores), ("r", r), ("y", y))}
    return Case({sym.moment_slope: 2 * coefficients[2], sym.third_moment: moment}, "a row", exact)
