"""From an exact layer to cases of the threshold statements: gradients and directional derivatives, all in balls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import sympy as sp
from flint import arb, arb_mat, fmpq

from checks.claims import Case
from checks.enclosure import Value
from checks.threshold_layer import (
    Block,
    ExactLayer,
    Matrix,
    above,
    blocks_of,
    covariance,
    greatest,
    norm,
    spread,
)
from checks.threshold_measured import Measured, Values, block_entries, bounds, claimed, mean, part
from theory import symbols as sym
from theory.theorem import Theorem
from theory.threshold_balance import balance_near, scaling
from theory.threshold_balls import gradient_qk, gradient_qk_key, value_path
from theory.threshold_covariance import covariance as covariance_bound
from theory.threshold_covariance import softmax_gradient
from theory.threshold_gradient import gradient_bilinear, gradient_key, gradient_query
from theory.threshold_leak import dial_scaled, leaky_covariance
from theory.threshold_loss import loss_gradient, loss_gradient_soft, loss_gradient_strict
from theory.threshold_smooth import smoothness
from theory.threshold_stationary import (
    descent_direction,
    no_minimiser,
    selectivity_extinct,
    selectivity_window,
    stationarity,
    zero_stationary,
    zero_unstable,
)
from theory.threshold_trap import uniform_trap

Found = tuple[Theorem, Case]


def case_of(values: Mapping[sp.Symbol, Value], layer: ExactLayer, what: str, extremal: bool = False) -> Case:
    """A case that remembers its layer."""
    return Case(values, f"{what} of {layer.origin}", layer.exact, extremal)


def gradient_cases(layer: ExactLayer, extremal: Mapping[str, bool] | None = None) -> Iterator[Found]:
    """The gradient of every group against its bounds; `extremal`: names of the statements that the layer attains."""
    known, m = dict(extremal or {}), Measured(layer)
    content, value = layer.gradients
    common = bounds(output_gradient=m.output_gradient, spread_V=m.spread_V) | {sym.tau: claimed(layer.tau)}
    on_balls: Values = {}
    if len(content) == 2:
        on_balls = bounds(
            size_Q=norm(layer.content[0].entries()),
            size_K=norm(layer.content[1].entries()),
            spread_X=m.spread_X,
            token_norm=m.token_norm,
        )
    for k, b, c, rows, columns in layer.groups():
        here = f"group {k} ({b}, {c})"
        found = common | {sym.gradient_norm: norm(block_entries(content[k], rows, columns))}
        mean_part = mean(m.part_norms(columns))
        if len(content) == 1:
            parts = bounds(spread_c=m.spread_c(columns), mean_part=mean(m.part_norms(rows)))
            yield gradient_bilinear, case_of(found | parts, layer, here, known.get(gradient_bilinear.name, False))
        elif k == 0:
            by_keys = found | bounds(spread_K=m.spread_K(rows), mean_part=mean_part)
            yield gradient_query, case_of(by_keys, layer, here, known.get(gradient_query.name, False))
            balls = found | on_balls | bounds(spread_c=m.spread_c(columns), mean_part=mean_part)
            yield gradient_qk, case_of(balls, layer, here, known.get(gradient_qk.name, False))
        else:
            by_queries = found | bounds(spread_c=m.spread_c(columns), mean_query=m.mean_query(rows))
            yield gradient_key, case_of(by_queries, layer, here, known.get(gradient_key.name, False))
            balls = found | on_balls | bounds(spread_c=m.spread_c(columns), mean_part=mean_part)
            yield gradient_qk_key, case_of(balls, layer, here, known.get(gradient_qk_key.name, False))
    for columns in blocks_of(layer.features):
        found = bounds(output_gradient=m.output_gradient, part_norm=greatest(m.part_norms(columns)))
        size = norm(block_entries(value, (0, value.nrows()), columns))
        yield (
            value_path,
            case_of(found | {sym.gradient_norm: size}, layer, f"value group {columns}", known.get(value_path.name, False)),
        )


def row_cases(layer: ExactLayer, which: Sequence[tuple[int, int, int]], extremal: bool = False) -> Iterator[Found]:
    """Score gradient, covariances and loss constants of some (sequence, query, key)."""
    m = Measured(layer)
    own, off = m.own_and_leak
    ranges = blocks_of(layer.features)
    for q, i, j in which:
        s, r = layer.sequences[q], layer.rows[q]
        weights, gains, relative, g = (
            r.weights[i],
            r.gains.tolist()[i],
            r.relative_gains.tolist()[i],
            norm(r.output_gradients.tolist()[i]),
        )
        here = f"sequence {q}, query {i}, key {j}"
        expected = sum((a * y for a, y in zip(weights, gains, strict=True)), arb(0))
        if j in s.visible[i]:
            yield (
                softmax_gradient,
                case_of(
                    {
                        sym.score_gradient: layer.query_loss_along_score(q, i, j),
                        sym.key_weight: weights[j],
                        sym.key_gain: gains[j],
                        sym.mean_gain: expected,
                    },
                    layer,
                    here,
                ),
            )
        values = bounds(output_gradient=g, spread_V=m.spread_V)
        yield (
            covariance_bound,
            case_of(
                values
                | bounds(spread_K=spread(r.right.tolist()))
                | {
                    sym.covariance_norm: norm(covariance(weights, r.right.tolist(), relative)),
                },
                layer,
                here,
                extremal,
            ),
        )
        for c, columns in enumerate(ranges):
            if c != s.blocks[i]:
                mass = sum((a for a, b in zip(weights, s.blocks, strict=True) if b != s.blocks[i]), arb(0))
                leaky = values | bounds(own_norm=own, leak_norm=off, row_leak=mass)
                leaky[sym.covariance_norm] = norm(covariance(weights, part(s.tokens, columns), relative))
                yield leaky_covariance, case_of(leaky, layer, f"{here}, parts of block {c}", extremal)
        yield from loss_cases(layer, m, r.probabilities[i], s.targets[i], g, here)


def loss_cases(layer: ExactLayer, m: Measured, p: Sequence[arb], target: Sequence[arb], g: arb, here: str) -> Iterator[Found]:
    """The loss constant of one query, for a class or a soft target."""
    two = len(p) == 2  # with two classes the bound is attained
    values = bounds(spread_U=m.spread_U) | {sym.output_gradient: g}
    if any(t == 1 for t in target):
        at = next(k for k, t in enumerate(target) if t == 1)
        hard = case_of(values | {sym.target_probability: p[at]}, layer, here, two)
        yield loss_gradient, hard
        yield loss_gradient_strict, hard
    distance = sum((abs(a - b) for a, b in zip(p, target, strict=True)), arb(0)) / 2
    yield loss_gradient_soft, case_of(values | {sym.target_distance: distance}, layer, here, two)


def dial_cases(layer: ExactLayer, extremal: bool = False) -> Iterator[Found]:
    """Every cross-block group of a bilinear layer against the bound from the outside mass and the leak."""
    m = Measured(layer)
    own, off = m.own_and_leak
    common = bounds(output_gradient=m.output_gradient, spread_V=m.spread_V, own_norm=own, leak_norm=off) | {
        sym.tau: claimed(layer.tau)
    }
    common[sym.B] = max(common[sym.B], common[sym.delta])
    for _, c, other, rows, columns in layer.groups():
        if c != other:
            mass, count = m.row_leak(c)
            size = norm(block_entries(layer.gradients[0][0], rows, columns))
            values = common | bounds(row_leak=mass) | {sym.gradient_norm: size, sym.query_share: fmpq(count, layer.queries)}
            yield dial_scaled, case_of(values, layer, f"group ({c}, {other})", extremal)


def a_priori(layer: ExactLayer, m: Measured, k: int, rows: Block, columns: Block) -> fmpq:
    """A rational above the bound on the gradient of a group, wherever that group is moved: G from the readout alone."""
    scale = m.spread_U * m.spread_V / (4 * layer.tau)
    if len(layer.content) == 1:
        return above(scale * m.spread_c(columns) * mean(m.part_norms(rows)))
    if k == 0:
        return above(scale * m.spread_K(rows) * mean(m.part_norms(columns)))
    return above(scale * m.spread_c(columns) * m.mean_query(rows))


def shrink_cases(layer: ExactLayer, group: tuple[int, int, int, Block, Block], fraction: fmpq, factor: fmpq) -> Iterator[Found]:
    """One group shrunk by a fraction at `factor` times its a-priori threshold: the objective before and after."""
    k, b, c, rows, columns = group
    gamma = a_priori(layer, Measured(layer), k, rows, columns)
    lam = gamma * factor
    smaller = layer.with_group(k, rows, columns, lambda i, j, x: x * (1 - fraction))
    size, before, after = norm(block_entries(layer.content[k], rows, columns)), layer.loss(), smaller.loss()
    values: Values = {
        sym.group_norm: size,
        sym.shrink: fraction,
        sym.lipschitz: gamma,
        sym.lam: lam,
        sym.loss_before: before,
        sym.loss_after: after,
        sym.rest_before: 0,
        sym.rest_after: 0,
        sym.objective_before: before + lam * size,
        sym.objective_after: after + lam * (1 - fraction) * size,
    }
    case = case_of(values, layer, f"group {k} ({b}, {c}) shrunk by {fraction}")
    yield stationarity, case
    if factor > 1:
        yield no_minimiser, case


def slope_cases(
    layer: ExactLayer, group: tuple[int, int, int, Block, Block], lam: fmpq, rng: np.random.Generator
) -> Iterator[Found]:
    """Directional derivatives of the objective in one group, by power series: towards zero, or away from it."""
    k, b, c, rows, columns = group
    entries, slopes = block_entries(layer.content[k], rows, columns), block_entries(layer.gradients[0][k], rows, columns)
    size, steep = norm(entries), norm(slopes)
    here = f"group {k} ({b}, {c})"

    def along(direction: Sequence[arb]) -> arb:
        full = [arb_mat(m.nrows(), m.ncols()) for m in layer.content]
        for (i, j), x in zip(((i, j) for i in range(*rows) for j in range(*columns)), direction, strict=True):
            full[k][i, j] = x
        return layer.loss_along(full, 1)[1]

    if any(x != 0 for x in entries):
        values: Values = {
            sym.lam: lam,
            sym.gradient_norm: steep,
            sym.group_norm: size,
            sym.rest_slope: 0,
            sym.slope: along([-x for x in entries]) - lam * size,
        }
        attained = _attained(entries, slopes)
        yield descent_direction, case_of(values, layer, f"{here} towards zero", attained)
        ceiling: Values = {sym.ceiling_irrelevant: claimed(steep)}
        yield selectivity_extinct, case_of(values | ceiling, layer, f"{here} towards zero", attained and steep.is_exact())
        return
    chosen = [arb(x) for x in rng.standard_normal(len(entries)).tolist()]
    move = norm(chosen)
    values = {sym.lam: lam, sym.gradient_norm: steep, sym.move: move, sym.slope: along(chosen) + lam * move}
    yield zero_stationary, case_of(values, layer, f"{here} from zero", _attained(chosen, slopes))
    down = [-x for x in slopes]
    values = {sym.lam: lam, sym.gradient_norm: steep, sym.move: steep, sym.slope: along(down) + lam * steep}
    yield zero_stationary, case_of(values, layer, f"{here} from zero along minus the gradient", True)
    yield zero_unstable, case_of(values, layer, f"{here} from zero along minus the gradient")
    floor: Values = {sym.floor_relevant: claimed(steep) * fmpq(2**20 - 1, 2**20)}
    yield selectivity_window, case_of(values | floor, layer, f"{here} from zero along minus the gradient")


def _attained(direction: Sequence[arb], slopes: Sequence[arb]) -> bool:
    """Whether a direction attains the inner product: the gradient is exactly zero, or one weight has but two directions."""
    return all(x == 0 for x in slopes) or (len(slopes) == 1 and bool(direction[0] * slopes[0] < 0))


def trap_case(layer: ExactLayer, lam: fmpq, rng: np.random.Generator) -> Found:
    """A random direction at W_Q = W_K = 0."""
    directions = [
        arb_mat([[arb(x) for x in row] for row in rng.standard_normal((m.nrows(), m.ncols())).tolist()]) for m in layer.content
    ]
    move = sum((norm(block_entries(directions[k], rows, columns)) for k, _, _, rows, columns in layer.groups()), arb(0))
    slope = layer.loss_along(directions, 1)[1] + lam * move
    values: Values = {
        sym.lam: lam,
        sym.move: move,
        sym.slope: slope,
        sym.size_Q: norm(layer.content[0].entries()),
        sym.size_K: norm(layer.content[1].entries()),
    }
    return uniform_trap, case_of(values, layer, "a direction at zero", True)


def smoothness_case(layer: ExactLayer, direction: Matrix) -> Found:
    """The second derivative of the loss along a direction, scaled to norm 1, against the bound."""
    m = Measured(layer)
    curve = 2 * layer.loss_along([direction], 2)[2] / norm(direction.entries()) ** 2
    gram = (layer.readout.transpose() * layer.readout).tolist()
    spectral = norm(layer.readout.entries()).min(greatest([sum((abs(x) for x in row), arb(0)) for row in gram]).sqrt())
    values = bounds(spread_U=m.spread_U, value_norm=m.value_norm, token_norm=m.token_norm)
    return smoothness, case_of(
        values | {sym.curvature: curve, sym.norm_U: above(spectral), sym.tau: claimed(layer.tau)}, layer, "a direction in A"
    )


def balance_cases(layer: ExactLayer, lam: fmpq) -> Iterator[Found]:
    """Query and key side of every row block of a Q/K layer, all groups penalised: distance from balance, and residual."""
    for b, rows in enumerate(blocks_of(layer.heads)):
        sizes, inners, residuals = [arb(0), arb(0)], [arb(0), arb(0)], [arb(0), arb(0)]
        for k in (0, 1):
            for columns in blocks_of(layer.features):
                theta, slope = (
                    block_entries(layer.content[k], rows, columns),
                    block_entries(layer.gradients[0][k], rows, columns),
                )
                size = norm(theta)
                inners[k] += sum((x * y for x, y in zip(theta, slope, strict=True)), arb(0))
                if any(x != 0 for x in theta):
                    sizes[k] += size
                    residuals[k] += norm([y + lam * x / size for x, y in zip(theta, slope, strict=True)]) * size
        yield scaling, case_of({sym.inner_Q: inners[0], sym.inner_K: inners[1]}, layer, f"row block {b}")
        for q, k in ((0, 1), (1, 0)):  # the statement with the two sides exchanged is the same statement
            values: Values = {
                sym.lam: lam,
                sym.size_rows_Q: sizes[q],
                sym.size_rows_K: sizes[k],
                sym.residual_Q: residuals[q],
                sym.residual_K: residuals[k],
            }
            yield balance_near, case_of(values, layer, f"row block {b}, sides {q}, {k}")


__all__ = [
    "Found",
    "balance_cases",
    "dial_cases",
    "gradient_cases",
    "row_cases",
    "shrink_cases",
    "slope_cases",
    "smoothness_case",
    "trap_case",
]
