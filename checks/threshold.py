"""Attacks on `theory.threshold`: random rows and losses, searched layers, layers trained above and below thresholds.

Every layer of a fleet is trained; the first few of each are captured and certified in exact arithmetic (`CERTIFIED`), every
directional derivative by power series, so that the gradient formulas are attacked and not assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy as sp
from flint import arb, ctx, fmpq

from checks.claims import Case, row_case
from checks.enclosure import BITS, Row, Value, rational
from checks.layer import attend
from checks.properties import Emission, FamilyChecks, Options, holds_for
from checks.strategies import SEEDS
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
from checks.threshold_extremal import ALSO_TRUE, EXTREMAL
from checks.threshold_layer import ExactLayer, matrix, norm
from checks.threshold_numbers import path_values
from checks.threshold_rows import row_and_loss, scalar_problem
from checks.threshold_search import SHAPES, search
from checks.threshold_tiny import smooth_layer
from checks.threshold_training import SmallFleet, small_fleets, train_in_window, train_small, train_weights
from checks.trained import captured_rows
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
from theory.threshold import THEOREMS

_OF_ROWS = (
    covariances.covariance,
    loss.loss_gradient,
    loss.loss_gradient_strict,
    loss.loss_gradient_soft,
    loss.loss_gradient_mse,
    smooth.softmax_curvature,
)
_OF_LAYERS = (
    covariances.softmax_gradient,
    covariances.covariance,
    gradient.gradient_bilinear,
    gradient.gradient_query,
    gradient.gradient_key,
    balls.gradient_qk,
    balls.gradient_qk_key,
    balls.value_path,
    leak.leaky_covariance,
    leak.dial_scaled,
    loss.loss_gradient,
    loss.loss_gradient_strict,
    loss.loss_gradient_soft,
    smooth.smoothness,
)
_OF_GROUPS = (
    stationary.stationarity,
    stationary.no_minimiser,
    stationary.descent_direction,
    stationary.selectivity_extinct,
    stationary.zero_stationary,
    stationary.zero_unstable,
    stationary.selectivity_window,
)
_OF_SIZES = (*_OF_LAYERS, balanced.balance_near)  # statements whose observable is a norm, or a difference of norms


def certify(make: Callable[..., Iterator[Found]], layer: ExactLayer, *arguments: object) -> Iterator[Found]:
    """All cases that `make` finds on a layer, at the precision of certificates; each can be made again with more bits."""
    for index, (theorem, case) in enumerate(_at(BITS, make, layer, *arguments)):
        if theorem in _OF_SIZES and all(case.values[symbol] == 0 for symbol in theorem.claim.lhs.free_symbols - {sym.lam}):
            continue  # a gradient that is exactly 0, of a feature block that no token has, attacks no bound

        def finer(bits: int, place: int = index) -> Mapping[sp.Symbol, Value]:
            return _at(bits, make, replace(layer), *arguments)[place][1].values  # a fresh layer has computed nothing yet

        yield theorem, replace(case, finer=finer)


def _at(bits: int, make: Callable[..., Iterator[Found]], *arguments: object) -> list[Found]:
    with ctx.workprec(bits):
        return list(make(*arguments))


@holds_for(*_OF_ROWS, given=lambda: SEEDS, examples=3)
def random_rows_and_losses(seed: int, options: Options) -> Iterator[Emission]:
    """Rows of 2 to 5 keys and outputs with 2 to 4 classes: covariances, third moments, gradients of losses."""
    rng = np.random.default_rng(seed)
    for index in range(250):
        yield from _at(BITS, row_and_loss, rng, f"random row {index} of seed {seed}")


@holds_for(
    path.penalty_jump_above,
    path.penalty_gap,
    balanced.balance,
    path.penalty_path,
    path.penalty_path_loss,
    path.penalty_concave,
    given=lambda: SEEDS,
    examples=2,
)
def scalar_problems(seed: int, options: Options) -> Iterator[Emission]:
    """A thousand weights of the example that jumps, its exact stationary points, and soft thresholds as paths of minimisers."""
    rng = np.random.default_rng(seed)
    for a, b, h, lam in zip(
        *(rng.standard_normal((2, 250)) * 1.5).tolist(), rng.random(250).tolist(), rng.random(250).tolist(), strict=True
    ):
        yield from _at(
            BITS, scalar_problem, rational(a), rational(b), fmpq(int(h * 2**20) + 1, 2**20), fmpq(int(lam * 2**20), 2**20)
        )


@holds_for(*_OF_LAYERS, given=lambda: SEEDS, examples=1)
def searched_layers(seed: int, options: Options) -> Iterator[Emission]:
    """Layers of two and three tokens that an ascent drives towards their gradient bounds, and a nearly sharp smoothness."""
    rng = np.random.default_rng(seed)
    for shape in SHAPES:
        small = shape.tokens == 2
        layer = search(shape, rng, starts=2 if small else 1, steps=40 if small else 10)
        yield from certify(gradient_cases, layer)
        yield from certify(row_cases, layer, [(0, 0, 1), (0, 1, 0)])
        if shape.kind == "bilinear":
            yield from certify(dial_cases, layer)
            yield from certify(_along_gradient, layer)
    with ctx.workprec(BITS):
        yield smoothness_case(
            smooth_layer(0.0, 1.0, 2.0 ** int(rng.integers(10, 14)), 2.0 ** int(rng.integers(10, 14))), matrix(((1,),))
        )


def _along_gradient(layer: ExactLayer) -> Iterator[Found]:
    yield smoothness_case(layer, layer.gradients[0][0])


def _layer_cases(layer: ExactLayer, seed: int) -> Iterator[Found]:
    rng = np.random.default_rng(seed)
    yield from gradient_cases(layer)
    tokens = len(layer.sequences[0].visible)
    places = [(int(rng.integers(len(layer.sequences))), int(rng.integers(tokens)), int(rng.integers(tokens))) for _ in range(3)]
    yield from row_cases(layer, places)
    if len(layer.content) == 1:
        yield from dial_cases(layer)
        direction = rng.standard_normal((layer.content[0].nrows(), layer.content[0].ncols()))
        yield smoothness_case(layer, matrix(direction.tolist()))
        yield smoothness_case(layer, layer.gradients[0][0])


@holds_for(*_OF_LAYERS, given=small_fleets, examples=4, text=True)
def trained_layers(config: SmallFleet, options: Options) -> Iterator[Emission]:
    """Fleets of both kinds, all weights trained, below the threshold: gradients of every group, losses, leaks and curvature."""
    for parametrisation in ("bilinear", "qk"):
        half = max(1, options.layers // 2)
        fleet = train_small(replace(config, parametrisation=parametrisation), options, 0.01, 30, everything=True, layers=half)
        yield fleet.trained
        for index, layer in enumerate(fleet.exact()):
            yield from certify(_layer_cases, layer, config.seed + index)


def _group_cases(layer: ExactLayer, lam: fmpq, seed: int) -> Iterator[Found]:
    rng = np.random.default_rng(seed)
    for group in layer.groups():
        alive = any(layer.content[group[0]][i, j] != 0 for i in range(*group[3]) for j in range(*group[4]))
        if alive:
            fraction = (fmpq(1), fmpq(1, 2), fmpq(1, 1024))[int(rng.integers(3))]
            yield from shrink_cases(layer, group, fraction, fmpq(9, 8))
            yield from shrink_cases(layer, group, fraction, fmpq(1, 100))
        yield from slope_cases(layer, group, lam, rng)


@holds_for(*_OF_GROUPS, given=small_fleets, examples=3, text=True)
def around_the_threshold(config: SmallFleet, options: Options) -> Iterator[Emission]:
    """Off-block groups above their a-priori threshold (factor 1.05) and far below it (1/30), before and after training.

    Before training all groups are alive and shrinking them lowers the objective; after it the zero ones carry the certificate
    of a checkpoint, gradient against penalty weight.
    """
    for factor in (1.05, 1 / 30):
        fleet = train_small(config, options, factor, 60, step=0.2)
        yield fleet.trained
        for state in (fleet.run.initial, fleet.run.parameters):
            for index, layer in enumerate(fleet.exact(state, which=range(min(2, options.layers)))):
                yield from certify(_group_cases, layer, rational(float(fleet.weight[index])), config.seed + index)


@holds_for(
    stationary.zero_stationary,
    stationary.zero_unstable,
    stationary.selectivity_window,
    given=lambda: small_fleets(parametrisation="bilinear"),
    examples=1,
    text=True,
)
def in_the_window(config: SmallFleet, options: Options) -> Iterator[Emission]:
    """Bilinear layers from A = 0 with one penalty weight on all groups, inside the window measured at A = 0."""
    fleet, _ = train_in_window(config, options, 100)
    yield fleet.trained
    for state in (fleet.run.initial, fleet.run.parameters):
        for index, layer in enumerate(fleet.exact(state, which=range(min(2, options.layers)))):
            yield from certify(_dead_groups, layer, rational(float(fleet.weight[index])), config.seed + index)


def _dead_groups(layer: ExactLayer, lam: fmpq, seed: int) -> Iterator[Found]:
    rng = np.random.default_rng(seed)
    for group in layer.groups():
        if all(layer.content[group[0]][i, j] == 0 for i in range(*group[3]) for j in range(*group[4])):
            yield from slope_cases(layer, group, lam, rng)


@holds_for(trap.uniform_trap, trap.uniform_entropy, given=lambda: small_fleets(parametrisation="qk"), examples=1, text=True)
def everything_penalised(config: SmallFleet, options: Options) -> Iterator[Emission]:
    """Q/K layers with all groups above their threshold and no dial: every group dies, every row is uniform."""
    config = replace(config, dial=0.0)
    fleet = train_small(config, options, 1.05, 200, uniform=True, step=0.2)
    yield fleet.trained
    capture = attend(fleet.run.parameters, fleet.batch, config.structure, dial=0.0)
    for row in captured_rows(capture, f"trained on {fleet.batch.source}, {config}"):
        yield trap.uniform_entropy, _flat(row)
    for layer in fleet.exact():
        if all(x == 0 for m in layer.content for x in m.entries()):
            yield from certify(_trap_cases, layer, config.seed)


def _trap_cases(layer: ExactLayer, seed: int) -> Iterator[Found]:
    rng = np.random.default_rng(seed)
    for k in range(4):
        yield trap_case(layer, fmpq(k + 1, 8), rng)


def _flat(row: Row) -> Case:
    """The case of a row; it is an equality case when its scores are the same float."""
    return row_case(row, extremal=len(set(row.scores)) == 1)


@holds_for(balanced.balance_near, balanced.scaling, given=lambda: small_fleets(parametrisation="qk"), examples=1, text=True)
def query_key_balance(config: SmallFleet, options: Options) -> Iterator[Emission]:
    """Q/K layers with all groups penalised lightly and trained for long: balance of the two sides against the residual."""
    fleet = train_small(config, options, 1 / 400, 400, uniform=True, step=0.5)
    yield fleet.trained
    for index, layer in enumerate(fleet.exact()):
        yield from certify(balance_cases, layer, rational(float(fleet.weight[index])))


@holds_for(path.penalty_path, path.penalty_path_loss, path.penalty_concave, given=small_fleets, examples=1, text=True)
def trained_path(config: SmallFleet, options: Options) -> Iterator[Emission]:
    """One layer trained at many penalty weights: the best of its trained states at each, minimisers over that set."""
    fleet = train_weights(config, options, 60)
    yield fleet.trained
    states = fleet.exact(which=range(0, options.layers, max(1, options.layers // 16)))
    with ctx.workprec(BITS):
        points = [(layer.loss(), sum((_size(layer, *group) for group in layer.groups()), arb(0))) for layer in states]
    rng = np.random.default_rng(config.seed)
    top = rational(float(fleet.weight[-1]))
    for low, high in np.sort(rng.random((40, 2)) ** 3, axis=1).tolist():
        first, second = Fraction(low), Fraction(high)
        weights = [top * fmpq(w.numerator, w.denominator) for w in (first, second, (first + second) / 2)]
        with ctx.workprec(BITS):
            case, same = _best(points, weights, states[0].exact)
        for theorem in (path.penalty_path, path.penalty_path_loss) if low < high else ():
            if same[0]:
                yield theorem, Case(case.values, case.origin, case.exact, True)
            else:
                yield theorem, case
        if same[1] is not None:
            yield path.penalty_concave, Case(case.values, case.origin, case.exact, same[1])


def _size(layer: ExactLayer, k: int, b: int, c: int, rows: tuple[int, int], columns: tuple[int, int]) -> arb:
    return norm([layer.content[k][i, j] for i in range(*rows) for j in range(*columns)])


def _best(points: list[tuple[arb, arb]], weights: list[fmpq], exact: object) -> tuple[Case, tuple[bool, bool | None]]:
    """The best points at three weights; whether the first two are one point, and whether all three are (None: two)."""
    chosen = [min(range(len(points)), key=lambda k: float((points[k][0] + w * points[k][1]).mid())) for w in weights]
    a, b, middle = (points[k] for k in chosen)
    values = path_values(weights[0], weights[1], a, b) | {
        sym.mixing: fmpq(1, 2),
        sym.loss_m: middle[0],
        sym.penalty_m: middle[1],
    }
    case = Case(values, f"states {chosen} at weights {[str(w) for w in weights]}", exact)
    return case, (chosen[0] == chosen[1], {1: True, 2: None, 3: False}[len(set(chosen))])


CHECKS = FamilyChecks(
    family="threshold",
    theorems=THEOREMS,
    properties=(
        random_rows_and_losses,
        scalar_problems,
        searched_layers,
        trained_layers,
        around_the_threshold,
        in_the_window,
        everything_penalised,
        query_key_balance,
        trained_path,
    ),
    extremal=EXTREMAL,
    also_true=ALSO_TRUE,
)

__all__ = ["CHECKS", "certify"]
