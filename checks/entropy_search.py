"""Rows that an optimiser makes worst for the entropy bounds; each is captured as floats and judged as exact reals."""

from __future__ import annotations

import numpy as np
from flint import fmpq
from numpy.typing import NDArray
from scipy.optimize import minimize

from checks.enclosure import Row, rational
from checks.rows import block_flags, climb
from checks.strategies import RowBatch

Floats = NDArray[np.float64]


def entropy_and_slope(scores: Floats) -> tuple[float, Floats, Floats]:
    """Entropy of the row in floats, its gradient in the scores, -a_j (ln a_j + H), and the weights."""
    shifted = scores - scores.max()
    weights = np.exp(shifted)
    total = weights.sum()
    weights /= total
    surprisal = np.log(total) - shifted
    entropy = float(weights @ surprisal)
    return entropy, weights * (surprisal - entropy), weights


def searched(batch: RowBatch, rng: np.random.Generator, index: int) -> tuple[Row, fmpq]:
    """A row of great entropy for its margin (even index) or for a fixed real t in the dual form (odd index), and that t."""
    inside = np.array(block_flags(batch.n, batch.g))
    t = float(rng.normal(0, 3)) if index % 2 else float(abs(rng.normal(0, 3)))
    start = rng.standard_normal(batch.n) + np.where(inside, abs(t) + 1, 0)

    def over_dual(scores: Floats) -> tuple[float, Floats]:
        entropy, slope, weights = entropy_and_slope(scores)
        eps = float(weights[~inside].sum())
        mass_slope = weights * (~inside - eps)
        return entropy - t * eps, slope - t * mass_slope

    def over_margin(scores: Floats) -> tuple[float, Floats]:
        entropy, slope, _ = entropy_and_slope(scores)
        worst_in, worst_out = np.flatnonzero(inside)[scores[inside].argmin()], np.flatnonzero(~inside)[scores[~inside].argmax()]
        margin = float(scores[worst_in] - scores[worst_out])
        outside = (batch.n - batch.g) * np.exp(-margin)
        share = outside / (batch.g + outside)
        fall = margin * share * (1 - share)  # -dH*/dt
        best = np.log(batch.g + outside) + margin * share
        slope[worst_in] += fall
        slope[worst_out] -= fall
        return entropy - float(best), slope

    scores = climb(over_dual if index % 2 else over_margin, start)
    return Row(tuple(scores.tolist()), tuple(inside.tolist()), f"searched row {index} of {batch}"), rational(t)


def flattest(batch: RowBatch, rng: np.random.Generator, index: int) -> Row:
    """A row of little entropy within a range: L-BFGS downwards in a box, which ends in a corner."""
    spread = float(rng.exponential(3)) + 1e-3

    def entropy(scores: Floats) -> tuple[float, Floats]:
        value, slope, _ = entropy_and_slope(scores)
        return value, slope

    start = rng.uniform(0, spread, batch.n)
    found = minimize(entropy, start, jac=True, method="L-BFGS-B", bounds=[(0.0, spread)] * batch.n, options={"maxiter": 60})
    return Row(tuple(found.x.tolist()), block_flags(batch.n, batch.g), f"row of little entropy {index} of {batch}")
