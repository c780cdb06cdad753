"""Cases on which bounds of the threshold family are attained, and ordinary ones beside them: small layers in rationals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import numpy as np
from flint import arb, ctx, fmpq

from checks.claims import Case, row_case
from checks.enclosure import BITS
from checks.rows import two_level
from checks.threshold_cases import (
    dial_cases,
    gradient_cases,
    row_cases,
    smoothness_case,
    trap_case,
)
from checks.threshold_layer import ExactLayer, matrix
from checks.threshold_numbers import (
    balanced_cases,
    case_of_numbers,
    closed_cases,
    concave_cases,
    curvature_case,
    gaps_cases,
    inner_cases,
    jumps_cases,
    mse_cases,
    near_cases,
    of,
    paths_cases,
    shrunk_cases,
    slopes_cases,
    small_falls_cases,
)
from checks.threshold_tiny import (
    HALF,
    ONE,
    SCALES,
    TWO,
    attaining_bilinear,
    attaining_key,
    attaining_query,
    attaining_value,
    leaving,
    ordinary,
    smooth_layer,
    tiny,
)
from theory import symbols as sym
from theory import threshold_balance as balanced
from theory import threshold_balls as balls
from theory import threshold_covariance as covariances
from theory import threshold_gradient as gradient
from theory import threshold_leak as leak
from theory import threshold_loss as loss
from theory import threshold_path as path
from theory import threshold_smooth as smooth
from theory import threshold_stationary as stationary
from theory import threshold_trap as trap
from theory.theorem import Theorem


def _attained(theorem: Theorem, layers: Iterable[ExactLayer], group: int) -> list[Case]:
    """The case of one group of each attaining layer, marked as such."""
    return [of(theorem, gradient_cases(layer, {theorem.name: True}))[group] for layer in layers]


def _bilinear_layers() -> list[ExactLayer]:
    return [
        attaining_bilinear(*scales)
        for scales in ((ONE,) * 5, (TWO, TWO, TWO, TWO, HALF), (HALF, HALF, HALF, HALF, TWO), (TWO, ONE, HALF, ONE, HALF))
    ]


def _sides(make: Callable[..., ExactLayer]) -> list[ExactLayer]:
    return [make(*scales) for scales in ((ONE,) * 5, (TWO, TWO, TWO, TWO, HALF), (HALF, HALF, HALF, HALF, TWO))]


def _gradients(theorem: Theorem) -> list[Case]:
    with ctx.workprec(BITS):
        layers = {
            gradient.gradient_bilinear.name: (_bilinear_layers, 1),
            gradient.gradient_query.name: (lambda: _sides(attaining_query), 0),
            balls.gradient_qk.name: (lambda: _sides(attaining_query), 0),
            gradient.gradient_key.name: (lambda: _sides(attaining_key), 0),
            balls.gradient_qk_key.name: (lambda: _sides(attaining_key), 0),
            balls.value_path.name: (lambda: [attaining_value(x, u) for x, u in product(SCALES, SCALES)], 0),
        }
        make, group = layers[theorem.name]
        return _attained(theorem, make(), group) + [case for layer in ordinary() for case in of(theorem, gradient_cases(layer))]


def _rows(theorem: Theorem) -> list[Case]:
    """Rows of the attaining layers, then of the ordinary ones."""
    with ctx.workprec(BITS):
        attaining = _sides(attaining_query) if theorem is covariances.covariance else _bilinear_layers()
        sharp = [case for layer in attaining for case in of(theorem, row_cases(layer, [(0, 0, 0)], True))]
        plain = [
            case
            for layer in (*ordinary(), leaving(2.0), leaving(6.0, TWO))
            for case in of(theorem, row_cases(layer, [(0, 0, 1), (0, 1, 1)]))
        ]
        return sharp + plain


def _dial() -> list[Case]:
    with ctx.workprec(BITS):
        small_leak = [
            attaining_bilinear(*s)
            for s in ((ONE,) * 5, (TWO, TWO, TWO, TWO, HALF), (HALF, HALF, HALF, HALF, TWO), (TWO, HALF, TWO, ONE, ONE))
        ]
        sharp = [of(leak.dial_scaled, dial_cases(layer, True))[0] for layer in small_leak]
        others = (leaving(2.25), leaving(6.0), leaving(2.25, TWO), leaving(2.25, HALF), ordinary()[0])
        return sharp + [case for layer in others for case in of(leak.dial_scaled, dial_cases(layer))]


def _strict_losses() -> list[Case]:
    """A target of probability about e^-21, where the bound D_U is nearly reached, for D_U = 1, 2, 1/2."""
    with ctx.workprec(BITS):
        layers = [
            tiny(
                ((1,),), (((0,),),), ((21 / u / 2,),), ((u,), (-u,)), (1,), (1,), (1,), (0,), origin="nearly certain and wrong"
            )
            for u in (HALF, ONE, fmpq(1, 4))
        ]
        return [case for layer in layers for case in of(loss.loss_gradient_strict, row_cases(layer, [(0, 0, 0)]))] + _rows(
            loss.loss_gradient_strict
        )


def _soft_losses() -> list[Case]:
    """Two classes at p = 1/2 and targets 1, 3/4: total variation 1/2, 1/4."""
    cases = []
    for u, distance in product(SCALES, (HALF, fmpq(1, 4))):
        diameter = 2 * u
        cases.append(
            case_of_numbers(
                "two classes at probability 1/2",
                True,
                {
                    sym.output_gradient: distance * diameter,
                    sym.target_distance: distance,
                    sym.spread_U: diameter,
                    sym.D_U: diameter,
                },
            )
        )
    return cases + _rows(loss.loss_gradient_soft)


def _curvatures() -> list[Case]:
    with ctx.workprec(BITS):
        rows = (
            ((0, 1, -1), (1, 0.5, -2), (3, -1, 0.25)),
            ((0.5, 0), (1, -1), (8, -8)),
            ((2, 0, 1, 1), (0.25, 4, -1, 2), (-1, -2, 5, 0.5)),
        )
        return [curvature_case(*([arb(x) for x in part] for part in row)) for row in rows]


def _smooth() -> list[Case]:
    shapes = [
        (0.0, 1.0, 2.0**12, 2.0**13),
        (0.0, 2.0, 2.0**20, 2.0**10, 0.5),
        (0.0, 0.5, 0.125, 2.0**30, 2.0),
        (0.0, 1.0, 2.0**15, 2.0**12, 0.5),
        # third moment greatest: weights 0.21 and 0.79, small readout times values
        (0.6585, 1.0, 0.125, 1.0),
        (0.6585, 1.0, 4.0, 2.0**-6),
        (0.6585, 1.0, 2.0**-6, 1.0),
        (0.6585, 1.0, 1.0, 2.0**-6),
        (0.6585, 1.0, 2.0**-12, 64.0),
    ]
    with ctx.workprec(BITS):
        return [smoothness_case(smooth_layer(*shape), matrix(((1,),)))[1] for shape in shapes]


def _trap() -> list[Case]:
    with ctx.workprec(BITS):
        zero = [
            tiny(
                ((1, 0.5), (-0.25, 1)),
                (((0, 0),), ((0, 0),)),
                ((1, -1),),
                ((1,), (-1,)),
                (0, 1),
                (1, 1),
                (1,),
                (0, 1),
                origin="Q/K layer at zero",
            )
        ]
        sampled = [
            trap_case(layer, lam, np.random.default_rng(k))[1] for layer in zero for k, lam in enumerate((HALF, TWO, ONE))
        ]
    return sampled + [
        case_of_numbers(
            "a direction at zero",
            True,
            {sym.lam: lam, sym.move: move, sym.slope: lam * move, sym.size_K: 0, sym.size_Q: 0},
        )
        for lam, move in product(SCALES, SCALES)
    ]


def _flat_rows() -> list[Case]:
    return [
        row_case(two_level(n, g, 0.0, base), extremal=True)
        for n, g, base in ((2, 1, 0.0), (3, 1, 1.5), (8, 7, -2.0), (64, 8, 0.25), (5, 2, 300.0))
    ]


def _cases_of(make: Callable[[Theorem], list[Case]], *theorems: Theorem) -> dict[str, Callable[[], list[Case]]]:
    def bound(theorem: Theorem) -> Callable[[], list[Case]]:
        return lambda: make(theorem)

    return {theorem.name: bound(theorem) for theorem in theorems}


EXTREMAL: dict[str, Callable[[], list[Case]]] = {
    stationary.stationarity.name: shrunk_cases,
    stationary.no_minimiser.name: small_falls_cases,
    stationary.strictness.name: closed_cases,
    **_cases_of(
        slopes_cases,
        stationary.descent_direction,
        stationary.zero_stationary,
        stationary.zero_unstable,
        stationary.selectivity_window,
        stationary.selectivity_extinct,
    ),
    **_cases_of(_rows, covariances.softmax_gradient, covariances.covariance, leak.leaky_covariance, loss.loss_gradient),
    **_cases_of(
        _gradients,
        gradient.gradient_bilinear,
        gradient.gradient_query,
        gradient.gradient_key,
        balls.gradient_qk,
        balls.gradient_qk_key,
        balls.value_path,
    ),
    leak.dial_scaled.name: _dial,
    loss.loss_gradient_strict.name: _strict_losses,
    loss.loss_gradient_soft.name: _soft_losses,
    loss.loss_gradient_mse.name: mse_cases,
    smooth.softmax_curvature.name: _curvatures,
    smooth.smoothness.name: _smooth,
    trap.uniform_trap.name: _trap,
    trap.uniform_entropy.name: _flat_rows,
    trap.a_priori_not_necessary.name: closed_cases,
    path.penalty_path.name: paths_cases,
    path.penalty_path_loss.name: paths_cases,
    path.penalty_concave.name: concave_cases,
    path.penalty_gap.name: gaps_cases,
    path.penalty_jump.name: closed_cases,
    path.penalty_jump_above.name: jumps_cases,
    balanced.balance.name: balanced_cases,
    balanced.scaling.name: inner_cases,
    balanced.balance_near.name: near_cases,
}

_QUERY_SIDE = "a query group needs only the side rho_K D_X B_c of the maximum; the other side is there for the key groups"
_KEY_SIDE = "a key group needs only the side rho_Q B_x D_c of the maximum; the other side is there for the query groups"
ALSO_TRUE: dict[str, dict[str, str]] = {
    balls.gradient_qk.name: dict.fromkeys(
        ("B_x forgotten (1)", "B_x of the other sign", "D_c forgotten (1)", "rho_Q forgotten (1)"), _QUERY_SIDE
    ),
    balls.gradient_qk_key.name: dict.fromkeys(
        ("B_c forgotten (1)", "B_c of the other sign", "B_c squared", "D_X forgotten (1)"), _KEY_SIDE
    ),
    trap.uniform_trap.name: {"sides reversed": "both gradients are zero there, so the slope is lam times the move exactly"},
    trap.a_priori_not_necessary.name: {
        "bits for nats on the left": "0.385 / ln 2 = 0.555 is below 1 as well: the example is not close"
    },
}

__all__ = ["ALSO_TRUE", "EXTREMAL"]
