"""Cases on which bounds of the threshold family are attained, and ordinary ones beside them: small layers in rationals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import numpy as np
import sympy as sp
from flint import arb, arb_mat, ctx, fmpq

from checks.claims import Case, row_case
from checks.enclosure import BITS, Value
from checks.rows import two_level
from checks.threshold_cases import (
    Found,
    balance_cases,
    dial_cases,
    gradient_cases,
    row_cases,
    shrink_cases,
    slope_cases,
    smoothness_case,
    trap_case,
)
from checks.threshold_layer import ExactLayer, Sequence_, matrix
from theory import symbols as sym
from theory import threshold_gradient as gradient
from theory import threshold_leak as leak
from theory import threshold_loss as loss
from theory import threshold_path as path
from theory import threshold_stationary as stationary
from theory.theorem import Theorem

Table = Sequence[Sequence[float | fmpq | int]]
HALF, TWO, ONE = fmpq(1, 2), fmpq(2), fmpq(1)
SCALES = (ONE, TWO, HALF)


def tiny(
    tokens: Table,
    content: Sequence[Table],
    values: Table,
    readout: Table,
    targets: Sequence[int],
    features: Sequence[int],
    heads: Sequence[int],
    blocks: Sequence[int],
    tau: fmpq = ONE,
    origin: str = "tiny layer",
) -> ExactLayer:
    """A layer of one sequence in exact numbers, every key visible, classes as targets."""
    n, classes = len(tokens), len(readout)
    everything = tuple(tuple(range(n)) for _ in range(n))
    goals = tuple(tuple(arb(int(k == target)) for k in range(classes)) for target in targets)
    sequence = Sequence_(matrix(tokens), arb_mat(n, n), everything, goals, tuple(blocks))
    return ExactLayer(
        tuple(matrix(m) for m in content),
        matrix(values),
        matrix(readout),
        (sequence,),
        arb(tau),
        tuple(features),
        tuple(heads),
        origin,
    )


def attaining_bilinear(a: fmpq, b: fmpq, v: fmpq, u: fmpq, tau: fmpq) -> ExactLayer:
    """Tokens (a; b) and (a; -b), both of block 0, A = 0, value v times the second coordinate, readout +-u, equal targets."""
    return tiny(
        ((a, b), (a, -b)),
        (((0, 0), (0, 0)),),
        ((0, v),),
        ((u,), (-u,)),
        (0, 0),
        (1, 1),
        (1, 1),
        (0, 0),
        tau,
        "attaining bilinear layer",
    )


def attaining_query(x: fmpq, w: fmpq, v: fmpq, u: fmpq, tau: fmpq) -> ExactLayer:
    """Self-attention on x and -x with W_Q = 0, W_K = w, opposite targets."""
    return tiny(
        ((x,), (-x,)), (((0,),), ((w,),)), ((v,),), ((u,), (-u,)), (0, 1), (1,), (1,), (0, 0), tau, "attaining query layer"
    )


def attaining_key(x: fmpq, w: fmpq, v: fmpq, u: fmpq, tau: fmpq) -> ExactLayer:
    """Self-attention on x and -x with queries at right angles to keys, opposite targets; W_K half as long as W_Q."""
    return tiny(
        ((x,), (-x,)),
        (((w,), (0,)), ((0,), (w / 2,))),
        ((v,),),
        ((u,), (-u,)),
        (0, 1),
        (1,),
        (2,),
        (0, 0),
        tau,
        "attaining key layer",
    )


def attaining_value(x: fmpq, u: fmpq) -> ExactLayer:
    """Equal tokens, W_V = 0, equal targets."""
    return tiny(((x,), (x,)), (((0,),),), ((0,),), ((u,), (-u,)), (0, 0), (1,), (1,), (0, 0), ONE, "attaining value layer")


def leaving(score: float, scale: fmpq = ONE, v: fmpq = fmpq(1, 64)) -> ExactLayer:
    """One token of each block without leak; the first looks at the second with a small mass: the other side of N10."""
    a = (score / float(scale) ** 2, 0), (0, 0)
    return tiny(((scale, 0), (0, scale)), (a,), ((0, v),), ((1,), (-1,)), (0, 0), (1, 1), (1, 1), (0, 1), ONE, "leaving layer")


def ordinary() -> list[ExactLayer]:
    """Layers that attain nothing: three tokens in two blocks, uneven weights, both parametrisations, three classes."""
    tokens = ((1, 0.25, -0.125), (0.5, -1, 0.75), (-0.25, 0.5, 1))
    values, readout = ((1, -0.5, 0.25), (0, 0.75, 1)), ((1, 0.5), (-0.5, 1), (0.25, -1))
    a = ((0.5, -1, 0.25), (0.75, 0.5, -0.5), (1, 0.25, 2))
    q, k = ((1, 0.5, -1), (0.25, -0.5, 1)), ((0.5, 1, 0.25), (-1, 0.75, 0.5))
    common = (values, readout, (0, 2, 1), (1, 2))
    return [
        tiny(tokens, (a,), *common, (1, 2), (0, 1, 1), HALF, "ordinary bilinear layer"),
        tiny(tokens, (q, k), *common, (1, 1), (0, 1, 1), TWO, "ordinary Q/K layer"),
    ]


def _of(theorem: Theorem, cases: Iterable[Found]) -> list[Case]:
    return [case for found, case in cases if found is theorem]


def _attained(theorem: Theorem, layers: Iterable[ExactLayer], group: int) -> list[Case]:
    """The case of one group of each attaining layer, marked as such."""
    return [_of(theorem, gradient_cases(layer, {theorem.name: True}))[group] for layer in layers]


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
            gradient.gradient_qk.name: (lambda: _sides(attaining_query), 0),
            gradient.gradient_key.name: (lambda: _sides(attaining_key), 0),
            gradient.gradient_qk_key.name: (lambda: _sides(attaining_key), 0),
            gradient.value_path.name: (lambda: [attaining_value(x, u) for x, u in product(SCALES, SCALES)], 0),
        }
        make, group = layers[theorem.name]
        return _attained(theorem, make(), group) + [
            case for layer in ordinary() for case in _of(theorem, gradient_cases(layer))
        ]


def _rows(theorem: Theorem) -> list[Case]:
    """Rows of the attaining layers, then of the ordinary ones."""
    with ctx.workprec(BITS):
        attaining = _sides(attaining_query) if theorem is gradient.covariance else _bilinear_layers()
        sharp = [case for layer in attaining for case in _of(theorem, row_cases(layer, [(0, 0, 0)], True))]
        plain = [
            case
            for layer in (*ordinary(), leaving(2.0), leaving(6.0, TWO))
            for case in _of(theorem, row_cases(layer, [(0, 0, 1), (0, 1, 1)]))
        ]
        return sharp + plain


def _dial() -> list[Case]:
    with ctx.workprec(BITS):
        small_leak = [
            attaining_bilinear(*s)
            for s in ((ONE,) * 5, (TWO, TWO, TWO, TWO, HALF), (HALF, HALF, HALF, HALF, TWO), (TWO, HALF, TWO, ONE, ONE))
        ]
        sharp = [_of(leak.dial_scaled, dial_cases(layer, True))[0] for layer in small_leak]
        others = (leaving(2.25), leaving(6.0), leaving(2.25, TWO), leaving(2.25, HALF), ordinary()[0])
        return sharp + [case for layer in others for case in _of(leak.dial_scaled, dial_cases(layer))]


def _strict_losses() -> list[Case]:
    """A target of probability about e^-21, where the bound D_U is nearly reached, for D_U = 1, 2, 1/2."""
    with ctx.workprec(BITS):
        layers = [
            tiny(
                ((1,),), (((0,),),), ((21 / u / 2,),), ((u,), (-u,)), (1,), (1,), (1,), (0,), origin="nearly certain and wrong"
            )
            for u in (HALF, ONE, fmpq(1, 4))
        ]
        return [case for layer in layers for case in _of(loss.loss_gradient_strict, row_cases(layer, [(0, 0, 0)]))] + _rows(
            loss.loss_gradient_strict
        )


def _soft_losses() -> list[Case]:
    """Two classes at p = 1/2 and targets 1, 3/4: total variation 1/2, 1/4."""
    cases = []
    for u, distance in product(SCALES, (HALF, fmpq(1, 4))):
        diameter = 2 * u
        cases.append(
            _numbers(
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


def _numbers(origin: str, extremal: bool, values: dict[sp.Symbol, Value]) -> Case:
    return Case(values, origin, {str(symbol): str(value) for symbol, value in values.items()}, extremal)


def _mse() -> list[Case]:
    """U a number u, o = -B_v, y = B_y: g = u (u B_v + B_y); and the same with an output half as long."""
    cases = []
    for u, v, y in product(SCALES, SCALES, SCALES):
        values: dict[sp.Symbol, Value] = {sym.norm_U: u, sym.B_v: v, sym.B_y: y, sym.target_norm: y}
        cases.append(_numbers("scalar regression", True, values | {sym.output_norm: v, sym.output_gradient: u * (u * v + y)}))
        cases.append(
            _numbers(
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


def _curvatures() -> list[Case]:
    with ctx.workprec(BITS):
        rows = (
            ((0, 1, -1), (1, 0.5, -2), (3, -1, 0.25)),
            ((0.5, 0), (1, -1), (8, -8)),
            ((2, 0, 1, 1), (0.25, 4, -1, 2), (-1, -2, 5, 0.5)),
        )
        return [curvature_case(*([arb(x) for x in part] for part in row)) for row in rows]


def smooth_layer(a: float, x: float, u: float, v: float, tau: float = 1.0) -> ExactLayer:
    """Self-attention on x and -x with A = a, values +-v, readout +-u, opposite targets: nearly attains the smoothness bound."""
    return tiny(
        ((x,), (-x,)),
        (((a,),),),
        ((v / x,),),
        ((u,), (-u,)),
        (0, 1),
        (1,),
        (1,),
        (0, 0),
        fmpq(*tau.as_integer_ratio()),
        "smoothness layer",
    )


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
        _numbers(
            "a direction at zero",
            True,
            {sym.lam: lam, sym.move: move, sym.slope: lam * move, sym.spread_K: 0, sym.mean_query: 0},
        )
        for lam, move in product(SCALES, SCALES)
    ]


def _flat_rows() -> list[Case]:
    return [
        row_case(two_level(n, g, 0.0, base), extremal=True)
        for n, g, base in ((2, 1, 0.0), (3, 1, 1.5), (8, 7, -2.0), (64, 8, 0.25), (5, 2, 300.0))
    ]


def _shrunk() -> list[Case]:
    """A loss that rises at exactly Gamma a unit of norm, in rationals; then groups of ordinary layers, where it does not."""
    cases = []
    for s, lam, gamma, x, before in product(
        (ONE, HALF, fmpq(1, 2**30)), (ONE, TWO, HALF), (TWO, fmpq(1, 4)), (TWO, HALF), (TWO, HALF, fmpq(-3))
    ):
        after = before + gamma * s * x
        cases.append(
            _numbers(
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
            for case in _of(stationary.stationarity, shrink_cases(layer, group, HALF, TWO))
        ]


def _small_falls() -> list[Case]:
    """Above the threshold, shrunk by a millionth of a millionth: the objective falls, by less than a part in a million."""
    cases = []
    for objective in (ONE, TWO, HALF, fmpq(-1), fmpq(-1, 4)):
        s, lam, x = fmpq(1, 2**40), fmpq(3, 2), HALF
        before = objective - lam * x
        cases.append(
            _numbers(
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


def _slopes(theorem: Theorem) -> list[Case]:
    """Directional derivatives at equality, penalty weight above and below the gradient."""
    cases = []
    for lam, steep, size in product(SCALES, (ONE, TWO, fmpq(1, 4)), (ONE, TWO, fmpq(1, 4))):
        common: dict[sp.Symbol, Value] = {sym.lam: lam, sym.gradient_norm: steep}
        made = {
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
        }[theorem.name]
        cases.append(_numbers("gradient along the direction", True, common | made))
    rng = np.random.default_rng(0)
    with ctx.workprec(BITS):
        for layer in ordinary():
            for group in layer.groups():
                dead = layer.with_group(group[0], *group[3:], lambda i, j, x: arb(0))
                for one in (layer, dead):
                    cases += _of(theorem, slope_cases(one, group, HALF, rng))
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


def _paths() -> list[Case]:
    cases = [
        _numbers("one minimiser at both weights", True, path_values(fmpq(1, 4), ONE, (a, b), (a, b)))
        for a, b in product((ONE, TWO, HALF, fmpq(-1)), SCALES)
    ]
    return cases + [
        _numbers("soft threshold", False, path_values(a, b, lasso(c, a), lasso(c, b)))
        for c in SCALES
        for a, b in ((fmpq(1, 8), HALF), (HALF, fmpq(3)))
    ]


def _concave() -> list[Case]:
    cases = []
    for chi, (a, b), value, size in product(
        (HALF, fmpq(1, 4), ONE), ((HALF, TWO), (TWO, HALF), (ONE, fmpq(3))), (TWO, HALF, fmpq(-3)), (TWO, HALF)
    ):
        values = path_values(a, b, (value, size), (value, size)) | {sym.mixing: chi, sym.loss_m: value, sym.penalty_m: size}
        cases.append(_numbers("one minimiser at all weights", True, values))
    for chi, c in product((HALF, fmpq(1, 4)), SCALES):
        a, b = fmpq(1, 8), ONE
        middle = lasso(c, (1 - chi) * a + chi * b)
        values = path_values(a, b, lasso(c, a), lasso(c, b)) | {
            sym.mixing: chi,
            sym.loss_m: middle[0],
            sym.penalty_m: middle[1],
        }
        cases.append(_numbers("soft threshold", False, values))
    return cases


def jump_values(a: fmpq | arb, b: fmpq | arb, lam: fmpq) -> dict[sp.Symbol, Value]:
    """The objective (ab - 1)^2/2 + lam (|a| + |b|) at two weights, and h = sqrt|ab|."""
    a, b = arb(a), arb(b)
    return {sym.objective: (a * b - 1) ** 2 / 2 + lam * (abs(a) + abs(b)), sym.lam: lam, sym.root_product: abs(a * b).sqrt()}


def _jumps() -> list[Case]:
    with ctx.workprec(4 * BITS):
        top = (arb(2) / 3).sqrt()
        sharp = [
            _numbers("a = b = sqrt(2/3)", True, jump_values(top, top, lam))
            for lam in (HALF, TWO, fmpq(1, 10), fmpq(27, 100), fmpq(0))
        ]
        return sharp + [
            _numbers(f"a = {a}, b = {b}", False, jump_values(a, b, lam))
            for a, b in ((ONE, TWO), (-ONE, HALF), (HALF, HALF), (fmpq(0), ONE))
            for lam in (HALF, fmpq(1, 8))
        ]


def _gaps() -> list[Case]:
    with ctx.workprec(4 * BITS):
        top = (arb(2) / 3).sqrt()
        sharp = _numbers("the jump", True, {sym.root_product: top, sym.lam: top / 3})
        return [
            sharp,
            *(
                _numbers(f"a = b = {h}", False, {sym.root_product: h, sym.lam: h * (1 - h * h)})
                for h in (fmpq(7, 8), fmpq(255, 256), fmpq(27, 32))
            ),
        ]


def _balanced() -> list[Case]:
    """Stationary points in rationals: a = b = h of the example of N9, one for each row."""
    return [
        _numbers(
            f"a = b = {h}, {rows} rows",
            False,
            {sym.slope: 0, sym.lam: h * (1 - h * h), sym.size_rows_Q: rows * h, sym.size_rows_K: rows * h},
        )
        for h in (fmpq(9, 10), fmpq(5, 6), HALF)
        for rows in (1, 2, 3)
    ]


def _near() -> list[Case]:
    with ctx.workprec(BITS):
        captured = _of(path.balance_near, balance_cases(ordinary()[1], HALF))
    return captured + [
        _numbers(
            "residuals along the weights",
            True,
            {sym.lam: lam, sym.size_rows_Q: k + (q + r) / lam, sym.size_rows_K: k, sym.residual_Q: q, sym.residual_K: r},
        )
        for lam, k, q, r in product(SCALES, (ONE, HALF), (ONE, TWO, fmpq(1, 4)), (ONE, TWO, fmpq(1, 4)))
    ]


def _inner() -> list[Case]:
    return [_numbers("inner products", False, {sym.inner_Q: x, sym.inner_K: x}) for x in (TWO, HALF, fmpq(-3))]


def _closed() -> list[Case]:
    return [Case({}, "the numbers in the claim", {})]


def _cases_of(make: Callable[[Theorem], list[Case]], *theorems: Theorem) -> dict[str, Callable[[], list[Case]]]:
    def bound(theorem: Theorem) -> Callable[[], list[Case]]:
        return lambda: make(theorem)

    return {theorem.name: bound(theorem) for theorem in theorems}


EXTREMAL: dict[str, Callable[[], list[Case]]] = {
    stationary.stationarity.name: _shrunk,
    stationary.no_minimiser.name: _small_falls,
    stationary.strictness.name: _closed,
    **_cases_of(
        _slopes,
        stationary.descent_direction,
        stationary.zero_stationary,
        stationary.zero_unstable,
        stationary.selectivity_window,
        stationary.selectivity_extinct,
    ),
    **_cases_of(_rows, gradient.softmax_gradient, gradient.covariance, leak.leaky_covariance, loss.loss_gradient),
    **_cases_of(
        _gradients,
        gradient.gradient_bilinear,
        gradient.gradient_query,
        gradient.gradient_key,
        gradient.gradient_qk,
        gradient.gradient_qk_key,
        gradient.value_path,
    ),
    leak.dial_scaled.name: _dial,
    loss.loss_gradient_strict.name: _strict_losses,
    loss.loss_gradient_soft.name: _soft_losses,
    loss.loss_gradient_mse.name: _mse,
    loss.softmax_curvature.name: _curvatures,
    loss.smoothness.name: _smooth,
    path.uniform_trap.name: _trap,
    path.uniform_entropy.name: _flat_rows,
    path.a_priori_not_necessary.name: _closed,
    path.penalty_path.name: _paths,
    path.penalty_path_loss.name: _paths,
    path.penalty_concave.name: _concave,
    path.penalty_gap.name: _gaps,
    path.penalty_jump.name: _closed,
    path.penalty_jump_above.name: _jumps,
    path.balance.name: _balanced,
    path.scaling.name: _inner,
    path.balance_near.name: _near,
}

_QUERY_SIDE = "a query group needs only the side rho_K D_X B_c of the maximum; the other side is there for the key groups"
_KEY_SIDE = "a key group needs only the side rho_Q B_x D_c of the maximum; the other side is there for the query groups"
ALSO_TRUE: dict[str, dict[str, str]] = {
    gradient.gradient_qk.name: dict.fromkeys(
        ("B_x forgotten (1)", "B_x of the other sign", "D_c forgotten (1)", "rho_Q forgotten (1)"), _QUERY_SIDE
    ),
    gradient.gradient_qk_key.name: dict.fromkeys(
        ("B_c forgotten (1)", "B_c of the other sign", "B_c squared", "D_X forgotten (1)"), _KEY_SIDE
    ),
    path.uniform_trap.name: {"sides reversed": "both gradients are zero there, so the slope is lam times the move exactly"},
    path.a_priori_not_necessary.name: {
        "bits for nats on the left": "0.385 / ln 2 = 0.555 is below 1 as well: the example is not close"
    },
}

__all__ = [
    "ALSO_TRUE",
    "EXTREMAL",
    "attaining_bilinear",
    "curvature_case",
    "jump_values",
    "lasso",
    "ordinary",
    "path_values",
    "smooth_layer",
    "tiny",
]
