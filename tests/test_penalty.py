"""Group penalties: the prox minimises its definition, zeros are exact, domains are checked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from checks.layer import Structure, equal_blocks
from checks.penalty import (
    Ball,
    GroupPenalty,
    Groups,
    PenaltyError,
    column_groups,
    column_penalty,
    expand,
    group_norms,
    group_sums,
    off_block_mask,
    off_block_penalty,
    penalty_value,
    project,
    prox,
    two_index_groups,
    uniform_penalty,
)
from checks.training import one_thread

UNEQUAL = Structure((2, 3), (1, 2), "qk")
SMALL = Structure((1, 2), (2, 1), "qk")  # 2 x 3 x 3 entries


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tiny tensors on one thread."""
    with one_thread():
        yield


def draw(groups: Groups, layers: int = 2, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    shape = (layers, groups.matrices, sum(groups.rows), sum(groups.columns))
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


@pytest.mark.parametrize("structure", [UNEQUAL, equal_blocks(3, 6), equal_blocks(2, 6, 4)])
@pytest.mark.parametrize("cut", [two_index_groups, column_groups])
def test_groups_tile_the_matrices(structure: Structure, cut: object) -> None:
    groups = cut(structure)
    weights = draw(groups)
    labels = torch.arange(math.prod(groups.shape), dtype=torch.float64).reshape(1, *groups.shape)
    tiles = expand(labels, groups)[0]
    for index in np.ndindex(groups.shape):
        here = tiles == labels[0][index]
        assert int(here.sum()) == int(groups.sizes[index])
        # p terms of size about 1: p * 2^-52
        assert abs(float(group_norms(weights, groups)[0][index] - weights[0][here].norm())) < 1e-14
    assert torch.equal(group_sums(torch.ones_like(weights), groups)[0], groups.sizes)


def cases() -> list:
    """Thresholds below, at and above the norms; no ball, group balls, matrix balls."""
    kinds = [None, Ball(0.6, "group"), Ball(1.1), Ball((0.9, 1.3)), Ball(math.inf)]
    return [(ball, lam) for ball in kinds for lam in (0.0, 0.4, 1.5, 9.0)]


def better_point(answer: torch.Tensor, z: torch.Tensor, penalty: GroupPenalty, ball: Ball | None) -> str:
    """A point of the ball with a lower value of ||w - z||^2 / 2 + 0.7 * penalty than the answer's, or ''."""
    shape = tuple(z.shape)

    def objective(flat: np.ndarray) -> float:
        w = torch.from_numpy(flat.reshape(shape).copy())
        return float(((w - z) ** 2).sum() / 2 + 0.7 * penalty_value(w, penalty)[0])

    def inside(flat: np.ndarray) -> np.ndarray:
        w = torch.from_numpy(flat.reshape(shape).copy())
        return w.numpy().ravel() if ball is None else project(w, ball, penalty.groups).numpy().ravel()

    rng, here = np.random.default_rng(3), answer.numpy().ravel()
    # near points come inside by projection; far ones are found by a minimiser of the definition over the ball
    rivals = [inside(here + scale * rng.standard_normal(here.size)) for scale in (1e-6, 1e-3, 1e-1) for _ in range(30)]
    rivals += [here * factor for factor in (0.999, 0.9, 0.0)]
    found = minimize(lambda f: objective(inside(f)), z.numpy().ravel(), method="L-BFGS-B", options={"maxiter": 25})
    rival = min([*rivals, inside(found.x)], key=objective)
    # value and radius (shortened by a few 2^-53) are right to 18 terms of size at most 30: 18 * 30 * 2^-50 < 1e-12
    gain = objective(here) - objective(rival)
    return f"{rival.reshape(shape)} is lower by {gain}" if gain > 1e-12 else ""


@pytest.mark.parametrize(("ball", "lam"), cases())
def test_prox_minimises_its_definition(ball: Ball | None, lam: float) -> None:
    penalty = off_block_penalty(SMALL, lam, in_block=0.5)
    z = draw(penalty.groups, 1, seed=1)
    found = better_point(prox(z, penalty, 0.7, ball), z, penalty, ball)
    assert not found, found


def test_the_search_finds_better_points_than_wrong_maps() -> None:
    penalty, ball = off_block_penalty(SMALL, 0.4, in_block=0.5), Ball(1.1)
    z = draw(penalty.groups, 1, seed=1)
    wrong = {
        "radial scaling first": prox(project(z, ball, penalty.groups), penalty, 0.7),
        "threshold not times step": prox(z, penalty, 1.0, ball),
        "no threshold": project(z, ball, penalty.groups),
        "entrywise": project(z.sign() * (z.abs() - 0.28).clamp(min=0), ball, penalty.groups),
    }
    for name, answer in wrong.items():
        assert better_point(answer, z, penalty, ball), name


def test_zeros_are_zeros_and_never_minus_zero() -> None:
    structure = equal_blocks(4, 16)
    z = -draw(two_index_groups(structure), dtype=torch.float32).abs()
    penalty = off_block_penalty(structure, torch.tensor([100.0, 0.0]))
    got = prox(z, penalty, 0.5)
    off = expand(off_block_mask(penalty.groups).double()[None], penalty.groups)[0].bool()
    assert bool((got[0][off] == 0).all())
    assert not bool(torch.signbit(got[0][off]).any())
    assert torch.equal(got[0][~off], z[0][~off])
    assert torch.equal(got[1], z[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_threshold_from_both_sides(dtype: torch.dtype) -> None:
    structure = equal_blocks(2, 4)
    z = torch.zeros(1, 1, 4, 4, dtype=dtype)
    z[0, 0, 0, 2], z[0, 0, 0, 3] = 3.0, 4.0  # norm exactly 5
    for weight, alive in ((5.0, False), (math.nextafter(5.0, 6), False), (5.0 - 1e-6, True)):
        got = prox(z, off_block_penalty(structure, weight), 1.0)
        assert bool((got != 0).any()) is alive
    tiny = z * torch.finfo(dtype).tiny  # squares underflow in dtype; the group still dies, and lives at threshold 0
    assert bool((prox(tiny, off_block_penalty(structure, 1e-30), 1.0) == 0).all())
    assert torch.equal(prox(tiny, off_block_penalty(structure, 0.0), 1.0), tiny)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("per", ["matrix", "group"])
def test_projection_is_inside_the_ball_in_exact_arithmetic(dtype: torch.dtype, per: str) -> None:
    structure = equal_blocks(2, 8, 4)
    groups = two_index_groups(structure)
    cut = groups if per == "group" else Groups(2, (4,), (8,))
    got = project(draw(groups, 20, dtype=dtype) * 3, Ball(0.3, per), groups)
    for layer in got:
        for k, b, c in np.ndindex(cut.shape):
            rows, columns = cut.rows[0], cut.columns[0]
            entries = layer[k, b * rows : (b + 1) * rows, c * columns : (c + 1) * columns].flatten().tolist()
            assert sum(Fraction(v) ** 2 for v in entries) <= Fraction(0.3) ** 2
    inside = got / 2
    assert torch.equal(project(inside, Ball(0.3, per), groups), inside)


def test_column_groups_do_not_make_cross_block_scores_zero() -> None:
    structure = Structure((1, 1), (1, 1), "qk")
    weights = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]]]])
    columns = group_norms(weights, column_groups(structure))
    assert float(columns[0, 0, 0, 1]) == 0
    assert float(columns[0, 1, 0, 0]) == 0
    assert float((weights[0, 0] @ torch.tensor([5.0, 0.0])) @ (weights[0, 1] @ torch.tensor([0.0, 5.0]))) == 25.0
    assert float(group_norms(weights, two_index_groups(structure))[0, 1, 0, 1]) == 1.0  # the two-index group sees it


def test_spectral_clipping_fills_a_zero_block() -> None:
    left, singular, right = np.linalg.svd(np.array([[2.0, 1.0], [0.0, 2.0]]))
    clipped = left @ np.diag(np.minimum(singular, 1)) @ right
    assert abs(clipped[1, 0] + 0.2425) < 1e-4  # the value of theory, to its printed digits
    ball = project(torch.tensor([[[[2.0, 1.0], [0.0, 2.0]]]]), Ball(1.0), Groups(1, (1, 1), (1, 1)))
    assert float(ball[0, 0, 1, 0]) == 0.0


def test_norms_neither_underflow_nor_overflow_in_float32() -> None:
    for size in (1e-30, 1e30):
        weights = torch.full((1, 1, 4, 4), size, dtype=torch.float32)
        norm = float(group_norms(weights, two_index_groups(equal_blocks(2, 4)))[0, 0, 0, 0])
        # four equal entries: twice the entry, a sum and a root away
        assert abs(norm - 2 * float(weights[0, 0, 0, 0])) <= 4 * 2.0**-52 * norm


def test_values_and_weights() -> None:
    structure = equal_blocks(2, 4)
    ones = torch.ones(2, 1, 4, 4)
    assert penalty_value(ones, uniform_penalty(structure, 3.0)).tolist() == [24.0, 24.0]  # four groups of norm 2
    assert penalty_value(ones, off_block_penalty(structure, torch.tensor([1.0, 2.0]))).tolist() == [4.0, 8.0]
    assert column_penalty(structure, 1.0).weights.shape == (1, 1, 2)


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_bad_weights_are_refused(weight: float) -> None:
    structure = equal_blocks(2, 4)
    with pytest.raises(PenaltyError, match="thresholds >= 0"):
        off_block_penalty(structure, weight)
    with pytest.raises(PenaltyError, match=r"GroupPenalty\.weights"):
        off_block_penalty(structure, 1.0, in_block=weight)
    z = torch.zeros(1, 1, 4, 4)
    good = off_block_penalty(structure, 1.0)
    with pytest.raises(PenaltyError, match="step"):
        prox(z, good, weight)
    with pytest.raises(PenaltyError, match="Ball"):
        Ball(weight if weight != math.inf else 0.0)
    if not math.isfinite(weight):
        with pytest.raises(PenaltyError, match="finite weights, layer 0"):
            prox(z + weight, good, 1.0)


def test_bad_shapes_are_refused() -> None:
    structure = equal_blocks(2, 4)
    good = off_block_penalty(structure, 1.0)
    with pytest.raises(PenaltyError, match="shape"):
        GroupPenalty(1.0, good.groups, torch.ones(1, 2, 3))
    with pytest.raises(PenaltyError, match="one number or 3"):
        prox(torch.zeros(3, 1, 4, 4), replace(good, weight=torch.ones(2)), 1.0)
    with pytest.raises(PenaltyError, match="one number or 1"):
        project(torch.zeros(1, 1, 4, 4), Ball((1.0, 2.0)), good.groups)
