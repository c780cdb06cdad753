"""The floats themselves: zero groups under vectors at the very edge, with the layer's own operations, and groups that never
move.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
import torch
from flint import fmpq

from checks.claims import Case
from checks.enclosure import Value, rational
from checks.extinction_exact import norm, upper, vector
from checks.extinction_steps import Draws
from checks.penalty import GroupPenalty, Groups, group_norms, prox_thresholds, soft_threshold
from checks.properties import Emission
from theory import symbols as sym
from theory.extinction_float import STAGNANT, float_stays

SIZES = (0.1, 0.25, 0.3, 1 / 3, 0.7, 3.0)  # step sizes, most of them rounded when they become float32


def zero_steps(drawn: Draws, count: int) -> Iterator[Emission]:
    """`count` zero groups, each under a random vector, with the least penalty weight that the statement allows: a float64, one
    ulp up.
    """
    rng = drawn.rng
    rows, columns = (int(x) for x in rng.integers(1, 5, 2))
    dtype, unit = ((torch.float32, fmpq(1, 2**24)), (torch.float64, fmpq(1, 2**53)))[int(rng.integers(2))]
    eta, entries = SIZES[int(rng.integers(len(SIZES)))], rows * columns
    groups = Groups(1, (rows,), (columns,))
    moves = torch.from_numpy(rng.standard_normal((count, 1, rows, columns)) * drawn.scale).to(dtype)
    stay, known = (entries + 8) * unit, []
    for flat in moves.flatten(1).tolist():
        bound = upper(norm(vector(flat)))
        gamma = upper(bound * stay / (1 - stay) * (1 + fmpq(1, 2**40)))
        exact = bound + gamma
        weight = float(int(exact.p)) / float(int(exact.q))
        while rational(weight) < exact:
            weight = float(
                torch.nextafter(torch.tensor(weight, dtype=torch.float64), torch.tensor(torch.inf, dtype=torch.float64))
            )
        known.append((flat, bound, gamma, weight))
    penalty = GroupPenalty(
        torch.tensor([weight for *_, weight in known], dtype=torch.float64), groups, torch.ones(1, 1, 1, dtype=torch.float64)
    )
    # the step of `training.run_steps`, from zero
    moved = torch.zeros_like(moves).sub(moves, alpha=eta)
    thresholds = eta * prox_thresholds(penalty, 1.0, count)
    norms, after = group_norms(moved, groups).flatten().tolist(), soft_threshold(moved, thresholds, groups)
    alive = (after != 0).flatten(1).any(1).tolist()
    for (flat, bound, gamma, weight), size, cut, living in zip(known, norms, thresholds.flatten().tolist(), alive, strict=True):
        if (size <= cut) is living:
            raise AssertionError(
                f"the prox keeps a group exactly when its computed norm exceeds the threshold: {size}, {cut}, {flat}"
            )
        values: dict[sp.Symbol, Value] = {
            sym.computed_norm: rational(size),
            sym.computed_threshold: rational(cut),
            sym.eta: rational(eta),
            sym.gamma: gamma,
            sym.step_bound: bound,
            sym.lam: rational(weight),
            sym.vector_norm: norm(vector(flat)),
            sym.parameters: entries,
            sym.roundoff: unit,
        }
        yield float_stays, Case(values, f"zero group of {entries} in {dtype}, eta = {eta}, {drawn}", [x.hex() for x in flat])


def stagnant_group(steps: int) -> float:
    """The norm of a float32 group of one entry after some steps with `extinction.float_stagnation`'s constants and an inward
    vector.
    """
    groups, eta, lam = Groups(1, (1,), (1,)), float(STAGNANT["eta"]), float(STAGNANT["lam"])
    theta = torch.full((1, 1, 1, 1), float(STAGNANT["theta"]), dtype=torch.float32)
    push = torch.full_like(theta, float(STAGNANT["G_bar"]))
    threshold = torch.full((1, 1, 1, 1), eta * lam, dtype=torch.float64)
    for _ in range(steps):
        theta = soft_threshold(theta.sub(push, alpha=eta), threshold, groups)
    return float(theta)


__all__ = ["stagnant_group", "zero_steps"]
