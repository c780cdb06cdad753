"""Design of anchor sets: the simplex where it fits, the cross-polytope, sign codes, or a code that an optimiser spreads out.

What comes out of a float search is only a candidate: its floats are taken as exact vectors and judged by `checks.anchors_systems`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from checks.anchors_systems import AnchorError, Code, exact_vectors

Array = NDArray[np.float64]
SHARPNESS = (8.0, 32.0, 128.0, 512.0)  # the soft maximum of the cosines approaches the maximum


def unit(rows: Array) -> Array:
    """The rows divided by their norms; a zero row stays."""
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.divide(rows, np.where(norms > 0, norms, 1.0))


def simplex_vectors(size: int, width: int) -> Array:
    """M unit vectors of equal cosine -1/(M - 1) in D >= M - 1 dimensions, up to rounding."""
    if width < size - 1:
        raise AnchorError(
            f"a simplex of {size} anchors needs {size - 1} dimensions, not {width}; more do not fit at equal cosines"
        )
    rows = np.zeros((size, width))
    for k in range(size - 1):  # coordinate k separates anchor k from the later ones
        rest = size - k
        length = np.sqrt(1 - np.sum(rows[k, :k] ** 2))
        rows[k, k] = length
        rows[k + 1 :, k] = -length / (rest - 1)
    return rows


def cross_vectors(size: int, width: int) -> Array:
    """The first M of the 2D coordinate vectors and their opposites, in pairs."""
    if size > 2 * width:
        raise AnchorError(f"{size} anchors are more than the {2 * width} vertices of the cross-polytope in {width} dimensions")
    rows = np.zeros((size, width))
    rows[np.arange(size), np.arange(size) // 2] = 1 - 2.0 * (np.arange(size) % 2)
    return rows


def sign_vectors(size: int, width: int, seed: int, draws: int = 8) -> Array:
    """The least coherent of some random sign codes; entries +-1."""
    best, found = np.inf, np.empty((0, 0))
    for draw in range(draws):
        rows = np.random.default_rng([seed, draw]).choice([-1.0, 1.0], (size, width))
        if (top := soft_coherence(rows / np.sqrt(width))) < best:
            best, found = top, rows
    return found


def soft_coherence(rows: Array) -> float:
    """The greatest cosine of two different rows of norm 1, in floats."""
    gram = rows @ rows.T
    np.fill_diagonal(gram, -np.inf)
    return float(gram.max())


def spread_vectors(size: int, width: int, seed: int, steps: int = 200, start: Array | None = None) -> Array:
    """M unit vectors whose greatest cosine L-BFGS makes small: a soft maximum that sharpens in stages, from a seeded start."""
    rows = np.random.default_rng(seed).standard_normal((size, width)) if start is None else start
    best = unit(rows)
    for sharpness in SHARPNESS:
        found = minimize(
            _soft_maximum, rows.ravel(), (size, width, sharpness), jac=True, method="L-BFGS-B", options={"maxiter": steps}
        )
        if not np.isfinite(found.x).all():
            break
        rows = unit(found.x.reshape(size, width))
        if soft_coherence(rows) < soft_coherence(best):
            best = rows
    return best


def _soft_maximum(flat: Array, size: int, width: int, sharpness: float) -> tuple[float, Array]:
    """Log-sum-exp of all cosines over the sharpness, and its gradient."""
    rows = flat.reshape(size, width)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    units = rows / norms
    gram = sharpness * (units @ units.T)
    np.fill_diagonal(gram, -np.inf)
    top = logsumexp(gram)
    weights = np.exp(gram - top)
    pull = (weights + weights.T) @ units
    gradient = (pull - np.sum(pull * units, axis=1, keepdims=True) * units) / norms
    return float(top / sharpness), gradient.ravel()


def code_of(rows: Array, origin: str) -> Code:
    """The rows, taken as exact, as a code of directions."""
    return Code(exact_vectors(rows.tolist(), origin), origin)


def best_design(size: int, width: int, seed: int) -> tuple[Array, str]:
    """The simplex where it fits, which is optimal; else the cross-polytope, sign codes or a spread code, whichever is least coherent."""
    if width >= size - 1:
        return simplex_vectors(size, width), "regular simplex"
    found = {"spread code": spread_vectors(size, width, seed, steps=max(20, 20_000 // size))}
    if size <= 2 * width:
        found["cross-polytope"] = cross_vectors(size, width)
    signs = unit(sign_vectors(size, width, seed))
    if soft_coherence(signs) < 1 - 1e-9:
        found["sign code"] = signs
    kind = min(found, key=lambda name: (round(soft_coherence(found[name]), 12), name))
    return found[kind], kind
