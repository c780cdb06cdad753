"""Random rows, losses and scalar problems for the threshold family, each as cases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from flint import arb, fmpq

from checks.claims import Case
from checks.threshold_cases import (
    Found,
)
from checks.threshold_layer import covariance, norm, softmax, spread
from checks.threshold_measured import bounds
from checks.threshold_numbers import curvature_case, jump_values, lasso, path_values
from theory import symbols as sym
from theory import threshold_balance as balanced
from theory import threshold_covariance as covariances
from theory import threshold_loss as loss
from theory import threshold_path as path
from theory import threshold_smooth as smooth


def _balls(values: object) -> list[arb]:
    return [arb(x) for x in np.asarray(values).tolist()]


def row_and_loss(rng: np.random.Generator, origin: str) -> Iterator[Found]:
    """One row of 2 to 5 keys with keys and values in the plane, and one output with 2 to 4 classes."""
    n, classes, scale = int(rng.integers(2, 6)), int(rng.integers(2, 5)), float(rng.choice((0.0, 0.3, 1.0, 5.0)))
    scores, keys, values, g = (rng.standard_normal(shape) for shape in ((n,), (n, 2), (n, 2), (2,)))
    weights = softmax(_balls(scores * scale), range(n))
    k, v, slope = [_balls(x) for x in keys], [_balls(x) for x in values], _balls(g)
    gains = [sum((a * b for a, b in zip(slope, x, strict=True)), arb(0)) for x in v]
    exact = {
        "scores": [(x * scale).hex() for x in scores.tolist()],
        "keys": keys.tolist(),
        "values": values.tolist(),
        "g": g.tolist(),
    }
    measured = bounds(output_gradient=norm(slope), spread_K=spread(k), spread_V=spread(v))
    yield covariances.covariance, Case(measured | {sym.covariance_norm: norm(covariance(weights, k, gains))}, origin, exact)
    third = curvature_case(_balls(scores * scale), [x[0] for x in k], gains)
    yield smooth.softmax_curvature, Case(third.values, f"{origin}: {third.origin}", third.exact)
    yield from _one_loss(rng, classes, origin)


def _one_loss(rng: np.random.Generator, classes: int, origin: str) -> Iterator[Found]:
    """Cross-entropy with a class and with a soft target, and a squared error, at a random output and readout."""
    readout, output, goal = (
        rng.standard_normal((classes, 2)),
        rng.standard_normal(2) * float(rng.choice((0.1, 1.0, 4.0))),
        rng.standard_normal(classes),
    )
    u, o, y = [_balls(row) for row in readout], _balls(output), _balls(goal)
    z = [sum((a * b for a, b in zip(row, o, strict=True)), arb(0)) for row in u]
    p = softmax(z, range(classes))
    exact = {"readout": readout.tolist(), "output": output.tolist(), "goal": goal.tolist()}

    def back(error: list[arb]) -> arb:
        return norm([sum((e * row[d] for e, row in zip(error, u, strict=True)), arb(0)) for d in range(2)])

    two, diameter = classes == 2, bounds(spread_U=spread(u))
    hard = back([-sum(p[1:], arb(0)), *p[1:]])
    for theorem in (loss.loss_gradient, loss.loss_gradient_strict):
        yield theorem, Case(diameter | {sym.output_gradient: hard, sym.target_probability: p[0]}, origin, exact, two)
    target = softmax(y, range(classes))
    error = [a - b for a, b in zip(p, target, strict=True)]
    distance = sum((abs(e) for e in error), arb(0)) / 2
    yield (
        loss.loss_gradient_soft,
        Case(diameter | {sym.output_gradient: back(error), sym.target_distance: distance}, origin, exact, two),
    )
    squared: dict = bounds(value_norm=norm(o))
    squared = {
        sym.output_norm: norm(o),
        sym.B_v: squared[sym.B_v],
        sym.target_norm: norm(y),
        sym.B_y: bounds(value_norm=norm(y))[sym.B_v],
    }
    size = bounds(value_norm=norm([x for row in u for x in row]))[sym.B_v]
    slope = back([a - b for a, b in zip(z, y, strict=True)])
    yield loss.loss_gradient_mse, Case(squared | {sym.norm_U: size, sym.output_gradient: slope}, origin, exact)


def scalar_problem(a: fmpq, b: fmpq, h: fmpq, lam: fmpq) -> Iterator[Found]:
    """The example that jumps at weights a and b, a stationary point of it, and a soft threshold at two penalty weights."""
    origin, exact = f"a = {a}, b = {b}, lam = {lam}", {"a": str(a), "b": str(b), "lam": str(lam), "h": str(h)}
    yield path.penalty_jump_above, Case(jump_values(a, b, lam), origin, exact)
    near = 1 - h * fmpq(11, 64)  # a stationary point that is better than zero: h^2 >= 2/3
    stationary_weight = near * (1 - near * near)
    yield path.penalty_gap, Case({sym.root_product: near, sym.lam: stationary_weight}, f"a = b = {near}", exact)
    half = h * (1 - h * h)
    yield balanced.balance, Case({sym.slope: 0, sym.lam: half, sym.size_rows_Q: h, sym.size_rows_K: h}, f"a = b = {h}", exact)
    first, second, centre = lam, lam + h, abs(a)
    values = path_values(first, second, lasso(centre, first), lasso(centre, second))
    both_dead = centre <= first  # zero is the minimiser at both weights
    for theorem in (path.penalty_path, path.penalty_path_loss):
        yield theorem, Case(values, f"soft threshold of {centre}", exact, both_dead)
    share = fmpq(1, 3)
    middle = lasso(centre, first + share * (second - first))
    yield (
        path.penalty_concave,
        Case(
            values | {sym.mixing: share, sym.loss_m: middle[0], sym.penalty_m: middle[1]},
            f"soft threshold of {centre}",
            exact,
            both_dead,
        ),
    )
