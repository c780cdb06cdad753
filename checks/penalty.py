"""Group norms and their exact proximal maps.

    Omega(W) = sum_g w_g ||W_g||_F,      prox_{t Omega}(z)_g = max(0, 1 - t w_g / ||z_g||) z_g

Groups are rectangles (row block b, column block c) of every content matrix; a column group is a
whole column block. With a centred Frobenius ball (of a group, or of a whole matrix) the proximal
map is the soft threshold followed by radial scaling. A zero is exactly 0.0.

Norms are computed in float64 whatever the dtype of the weights: squares of float32 numbers are
exact there, so a norm is right to (p + 4) 2^-53 relative for p entries, and nothing underflows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from checks.layer import Structure

__all__ = [
    "Ball",
    "GroupPenalty",
    "Groups",
    "PenaltyError",
    "column_groups",
    "column_penalty",
    "expand",
    "group_norms",
    "group_sums",
    "off_block_mask",
    "off_block_penalty",
    "penalty_value",
    "project",
    "prox",
    "two_index_groups",
    "uniform_penalty",
    "whole",
]


class PenaltyError(ValueError):
    """A penalty, threshold or radius outside the domain of the proximal map."""


@dataclass(frozen=True)
class Groups:
    """The rectangles into which each of `matrices` matrices is cut: row-block and column-block sizes."""

    matrices: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(K, row blocks, column blocks)."""
        return self.matrices, len(self.rows), len(self.columns)

    @property
    def sizes(self) -> Float[Tensor, "K b c"]:
        """p_g, the number of entries of each group."""
        size = torch.tensor(self.rows, dtype=torch.float64)[:, None] * torch.tensor(self.columns, dtype=torch.float64)
        return size.expand(self.shape)


@dataclass(frozen=True)
class GroupPenalty:
    """lam * sum_g w_g ||W_g||: `weight` lam >= 0 (one number or [L]), `weights` w_g >= 0."""

    weight: float | Float[Tensor, " L"]
    groups: Groups
    weights: Float[Tensor, "K b c"]

    def __post_init__(self) -> None:
        """Refuse weights that have no proximal map."""
        if tuple(self.weights.shape) != self.groups.shape:
            raise PenaltyError(
                f"GroupPenalty.weights needs shape {self.groups.shape}, got {tuple(self.weights.shape)}: "
                "one weight per group. Build it with off_block_penalty or uniform_penalty."
            )
        _domain(torch.as_tensor(self.weight, dtype=torch.float64), "GroupPenalty.weight")
        _domain(self.weights, "GroupPenalty.weights")


@dataclass(frozen=True)
class Ball:
    """A centred Frobenius ball for every group or every matrix; radius > 0 (math.inf: no ball)."""

    radius: float | tuple[float, ...]  # a tuple gives one radius per matrix: (rho_Q, rho_K)
    per: Literal["matrix", "group"] = "matrix"

    def __post_init__(self) -> None:
        """Refuse a ball that is no ball."""
        radii = self.radius if isinstance(self.radius, tuple) else (self.radius,)
        if not radii or not all(r > 0 for r in radii) or self.per not in ("matrix", "group"):
            raise PenaltyError(
                f"Ball needs a positive radius and per='matrix' or 'group', got {self}: a projection on "
                "an empty or NaN ball does not exist. Give radius > 0, math.inf for none."
            )


def _domain(values: Tensor, name: str) -> None:
    """A threshold must be finite and not negative; name the first that is not."""
    bad = ~(torch.isfinite(values) & (values >= 0))
    if bool(bad.any()):
        place = tuple(int(v) for v in bad.nonzero()[0])
        raise PenaltyError(
            f"prox of a group norm needs finite thresholds >= 0; {name}{list(place)} is "
            f"{float(values[place])}: for a negative threshold the objective is not convex and its "
            "minimiser is not the soft threshold. Use 0 to leave a group unpenalised."
        )


def two_index_groups(structure: Structure) -> Groups:
    """Groups (b, c) of W_Q and W_K, or (c, c') of A."""
    return Groups(structure.matrices, structure.rows, structure.features)


def column_groups(structure: Structure) -> Groups:
    """Groups (c): whole column blocks; zeroing them does NOT make cross-block scores zero (blocks.column_groups)."""
    return Groups(structure.matrices, (sum(structure.rows),), structure.features)


def whole(rows: int, columns: int) -> Groups:
    """One matrix as one group."""
    return Groups(1, (rows,), (columns,))


def off_block_mask(groups: Groups) -> Tensor:
    """True on the groups (b, c) with b != c, shape [K, b, c]."""
    _, rows, columns = groups.shape
    return ~torch.eye(rows, columns, dtype=torch.bool).expand(groups.shape)


def off_block_penalty(structure: Structure, weight: float | Tensor, in_block: float = 0.0) -> GroupPenalty:
    """Penalise off-block groups with w = 1 the others with w = `in_block` (0: exempt)."""
    groups = two_index_groups(structure)
    off = off_block_mask(groups).double()
    return GroupPenalty(weight, groups, off + (1 - off) * in_block)


def uniform_penalty(structure: Structure, weight: float | Tensor) -> GroupPenalty:
    """Penalise all groups with w = 1: the selectivity window, and the uniform trap above every threshold."""
    return off_block_penalty(structure, weight, in_block=1.0)


def column_penalty(structure: Structure, weight: float | Tensor, weights: Tensor | None = None) -> GroupPenalty:
    """Penalise whole column blocks (weights [K, 1, M], default 1): the grouping that fails for blocks."""
    groups = column_groups(structure)
    return GroupPenalty(weight, groups, torch.ones(groups.shape, dtype=torch.float64) if weights is None else weights)


def group_sums(matrices: Float[Tensor, "L K R C"], groups: Groups) -> Float[Tensor, "L K b c"]:
    """Sum of the entries of each group, in the dtype given."""
    if len(set(groups.rows)) == 1 and len(set(groups.columns)) == 1:
        cut = (*matrices.shape[:2], len(groups.rows), groups.rows[0], len(groups.columns), groups.columns[0])
        return matrices.reshape(cut).sum(5).sum(3)
    rows = torch.stack([part.sum(-2) for part in torch.split(matrices, list(groups.rows), -2)], -2)
    return torch.stack([part.sum(-1) for part in torch.split(rows, list(groups.columns), -1)], -1)


def group_norms(matrices: Float[Tensor, "L K R C"], groups: Groups) -> Float[Tensor, "L K b c"]:
    """Frobenius norm of each group, float64."""
    return group_sums(matrices.double().square(), groups).sqrt()


def expand(factors: Float[Tensor, "L K b c"], groups: Groups) -> Float[Tensor, "L K R C"]:
    """One number per group, repeated on the entries of the group."""
    for axis, sizes in ((-2, groups.rows), (-1, groups.columns)):
        if len(sizes) > 1 and len(set(sizes)) == 1:
            factors = factors.repeat_interleave(sizes[0], axis)
        elif len(sizes) > 1:
            counts = torch.tensor(sizes, device=factors.device)
            factors = factors.repeat_interleave(counts, axis, output_size=sum(sizes))
    return factors.expand(*factors.shape[:2], sum(groups.rows), sum(groups.columns))


def penalty_value(content: Float[Tensor, "L K R C"], penalty: GroupPenalty) -> Float[Tensor, " L"]:
    """Value lam * sum_g w_g ||W_g|| of each layer, float64."""
    lam = torch.as_tensor(penalty.weight, dtype=torch.float64).to(content.device)
    return lam * (group_norms(content, penalty.groups) * penalty.weights.to(content.device)).sum((1, 2, 3))


def scale_groups(
    matrices: Float[Tensor, "L K R C"], factors: Float[Tensor, "#L K b c"], groups: Groups
) -> Float[Tensor, "L K R C"]:
    """Each group times its factor; adding 0.0 turns the -0.0 of a killed negative entry into 0.0."""
    # a multiplication, not a selection: a NaN weight times factor 0 stays NaN and is seen
    return matrices * expand(factors.to(matrices.dtype), groups) + 0.0


def soft_threshold(
    matrices: Float[Tensor, "L K R C"], thresholds: Float[Tensor, "L K b c"], groups: Groups
) -> Float[Tensor, "L K R C"]:
    """The proximal map without its domain check, for loops whose thresholds were checked once."""
    norms = group_norms(matrices, groups)
    # threshold 0 leaves a group alone even where its norm is 0 or underflowed
    dead = (norms <= thresholds) & (thresholds > 0)
    kept = torch.where(thresholds > 0, 1 - thresholds / norms, 1.0)
    return scale_groups(matrices, torch.where(dead, 0.0, kept), groups)


def project(matrices: Float[Tensor, "L K R C"], ball: Ball, groups: Groups) -> Float[Tensor, "L K R C"]:
    """Radial projection on a centred Frobenius ball; the floats that come back have exact norm <= radius.

    They do because the target radius is shortened by 4 units of roundoff (2^-24 or 2^-53 times the size for
    float64): norm and factor are right to (p + 6) 2^-53, and rounding the products moves the norm by one more.
    """
    matrix, height, width = groups.matrices, sum(groups.rows), sum(groups.columns)
    cut = groups if ball.per == "group" else Groups(matrix, (height,), (width,))
    given = ball.radius if isinstance(ball.radius, tuple) else (ball.radius,) * matrix
    if len(given) != matrix:
        raise PenaltyError(
            f"Ball.radius needs one number or {matrix}, got {given}: one radius per matrix. "
            "Give a float, or (rho_Q, rho_K) for a qk layer."
        )
    unit = 2.0**-53
    roundoff = torch.finfo(matrices.dtype).eps / 2
    short = 1 - 4 * roundoff - (height * width + 8) * unit
    radius = torch.tensor(given, dtype=torch.float64, device=matrices.device)[None, :, None, None]
    norms = group_norms(matrices, cut)
    return scale_groups(matrices, torch.where(norms > radius * short, radius * short / norms, 1.0), cut)


def prox(
    matrices: Float[Tensor, "L K R C"], penalty: GroupPenalty, step: float, ball: Ball | None = None
) -> Float[Tensor, "L K R C"]:
    """argmin_W  ||W - Z||^2 / 2 + step * lam * sum_g w_g ||W_g||  over the ball, exactly zero where zero.

    step: finite, >= 0.  Raises PenaltyError outside the domain, and for a non-finite Z.
    """
    thresholds = prox_thresholds(penalty, step, matrices.shape[0]).to(matrices.device)
    if not bool(torch.isfinite(matrices).all()):
        raise PenaltyError(
            f"prox needs finite weights, layer {int((~torch.isfinite(matrices)).nonzero()[0, 0])} has a "
            "NaN or an infinity: it has no nearest point. Lower the step that produced it."
        )
    shrunk = soft_threshold(matrices, thresholds, penalty.groups)
    return shrunk if ball is None else project(shrunk, ball, penalty.groups)


def prox_thresholds(penalty: GroupPenalty, step: float, layers: int) -> Float[Tensor, "L K b c"]:
    """Thresholds step * lam * w_g, checked: finite and not negative."""
    if not (math.isfinite(step) and step >= 0):
        raise PenaltyError(
            f"prox of a group norm needs a finite step >= 0, got {step}: it multiplies the threshold. "
            "Give the step size of the gradient step."
        )
    lam = torch.as_tensor(penalty.weight, dtype=torch.float64).cpu()
    if lam.ndim > 1 or (lam.ndim == 1 and lam.shape[0] != layers):
        raise PenaltyError(
            f"GroupPenalty.weight needs one number or {layers}, got shape {tuple(lam.shape)}: one per "
            "layer. Give a float or an [L] tensor."
        )
    made = step * lam.expand(layers)[:, None, None, None] * penalty.weights.cpu().double()
    _domain(made, "step * weight * weights")
    return made
