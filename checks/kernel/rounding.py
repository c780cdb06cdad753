"""How far rounding can move one gradient: a bound for every entry, for the compiled fleet, the GPU kernel and the torch fleet.

Standard model of floating point: every operation is right to a relative u, and a sum of n products, in any order and fused or not,
to gamma_n = n u / (1 - n u) of the sum of their absolute values. `Near` carries a value and a radius through the algebra of fleet.c and
device.py (`composite`) or of training.py. Values are computed in float64 by the formulas of the reference; their own error obeys the same
bound with u = 2^-53, so a comparison adds the two radii.

The softmax does not feel a common shift, so with rho the largest error of a score of a row, each weight moves by a factor within
e^(2 rho) times the rounding of exp, sum and quotient. exp is right to EXP u: argument reduction leaves an error below 0.6 u in r (k <= 126
times the low part of ln 2, and one rounding of |r| <= 0.35), Horner's rule below 1.6 u as its last addition dominates, the Taylor
remainder 0.09 u (float32, degree 7) or 0.04 u (float64, degree 13): below 2.3 u. For float64 Coq proves 3 u, fused or not
(`Exponential.exponential_function`). Torch's is within 1 ulp, 2 u. Results below e^-87 (e^-708)
are flushed to zero, which TINY covers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checks.reference import Layer, Theta

__all__ = ["EXP", "Near", "gradient_radii"]

EXP = 4
TINY = {2.0**-24: 2.0**-125, 2.0**-53: 2.0**-1021}


def gamma(terms: int, unit: float) -> float:
    """The relative error of a sum of n products against the sum of their sizes: n u / (1 - n u)."""
    return terms * unit / (1 - terms * unit)


@dataclass(frozen=True)
class Near:
    """An array and, for every entry, how far the computed one can be from it."""

    value: np.ndarray
    radius: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """The largest absolute value that the computed array can have."""
        size: np.ndarray = np.abs(self.value) + self.radius
        return size

    @property
    def T(self) -> Near:
        """The transpose."""
        return Near(self.value.T, self.radius.T)


def exactly(value: np.ndarray) -> Near:
    """Floats that are what they are."""
    return Near(value, np.zeros_like(value))


def product(a: Near, b: Near, unit: float) -> Near:
    """The matrix product, summed in any order."""
    spread = a.radius @ np.abs(b.value) + a.size @ b.radius
    return Near(a.value @ b.value, spread + gamma(a.value.shape[1], unit) * (a.size @ b.size))


def times(a: Near, b: Near, unit: float, roundings: int = 1) -> Near:
    """The product entry by entry, after so many roundings."""
    exact = a.radius * np.abs(b.value) + a.size * b.radius
    return Near(a.value * b.value, exact + gamma(roundings, unit) * a.size * b.size)


def minus(a: Near, b: Near, unit: float) -> Near:
    """The difference entry by entry."""
    radius = a.radius + b.radius
    return Near(a.value - b.value, radius + unit * (np.abs(a.value - b.value) + radius))


def softmax(scores: Near, keep: np.ndarray, unit: float) -> Near:
    """Softmax along the last axis over the entries to keep; the others are exactly 0."""
    shifted = np.where(keep, scores.value - np.where(keep, scores.value, -np.inf).max(-1, keepdims=True), -np.inf)
    weights = np.exp(shifted)
    weights = weights / weights.sum(-1, keepdims=True)
    off = np.where(keep, scores.radius + unit * (np.abs(np.where(keep, shifted, 0.0)) + 2 * scores.radius), 0.0).max(
        -1, keepdims=True
    )
    relative = np.exp(2 * off) * (1 + gamma(2 * EXP + keep.shape[-1] + 4, unit)) - 1
    return Near(weights, weights * relative + np.where(keep, TINY[unit], 0.0))


def _output_gradient(z: Near, target: np.ndarray, kind: str, unit: float) -> Near:
    """dL/dz of one query for each class; classes are integers, distributions or, for the squared loss, vectors."""
    if kind == "squared":
        return minus(z, exactly(target), unit)
    p = softmax(z, np.ones_like(z.value, dtype=bool), unit)
    if np.ndim(target):
        return minus(p, exactly(target), unit)
    others = np.arange(len(p.value)) != target
    rest = p.value[others].sum()
    radius = p.radius.copy()
    radius[target] = p.radius[others].sum() + gamma(len(p.value), unit) * p.size[others].sum()
    value = p.value.copy()
    value[target] = -rest
    return Near(value, radius)


def gradient_radii(theta: Theta, layer: Layer, unit: float, composite: bool) -> dict[str, Near]:
    """The gradient of the mean loss and a bound on the error of a computed one, entry by entry.

    unit: 2^-24 for float32, 2^-53 for float64.  composite: the algebra with M = U W_V.
    """
    content, readout, wv = (exactly(theta[name]) for name in ("content", "readout", "values"))
    bilinear = len(theta["content"]) == 1
    queries = float(layer.present.sum())
    left_parts, right_parts, value_parts, output_parts = [], [], [], []
    composed = product(readout, wv, unit)
    for n, tokens in enumerate(layer.x):
        x = exactly(tokens)
        first, last = Near(content.value[0], content.radius[0]), Near(content.value[-1], content.radius[-1])
        q = product(x, first if bilinear else first.T, unit)
        k = x if bilinear else product(x, last.T, unit)
        s = product(q, k.T, unit)
        scaled = times(s, exactly(np.full_like(s.value, 1 / layer.tau)), unit, 3)
        s = minus(scaled, exactly(-layer.bias[n]), unit)
        keep = layer.visible[n] | np.diag(~layer.present[n])
        a = softmax(s, keep, unit)
        v = None if composite else product(x, wv.T, unit)
        p = product(x, composed.T, unit) if v is None else product(v, readout.T, unit)
        o = None if v is None else product(a, v, unit)
        z = product(a, p, unit) if o is None else product(o, readout.T, unit)
        rows = [
            _output_gradient(Near(z.value[i], z.radius[i]), layer.targets[n, i], layer.kind, unit) for i in range(len(tokens))
        ]
        share = np.where(layer.present[n], 1 / queries, 0.0)[:, None]
        dz = Near(np.stack([r.value for r in rows]), np.stack([r.radius for r in rows]))
        dz = times(dz, exactly(np.broadcast_to(share, dz.value.shape)), unit, 3)
        if v is None or o is None:
            inner = product(dz, p.T, unit)
            drop = product(times(dz, z, unit), exactly(np.ones((z.value.shape[1], 1))), unit)
        else:
            g = product(dz, readout, unit)
            inner = product(g, v.T, unit)
            drop = product(times(g, o, unit), exactly(np.ones((o.value.shape[1], 1))), unit)
        change = minus(
            inner, Near(np.broadcast_to(drop.value, inner.value.shape), np.broadcast_to(drop.radius, inner.value.shape)), unit
        )
        ds = times(times(a, change, unit, 2), exactly(np.full_like(a.value, 1 / layer.tau)), unit, 3)
        back = product(ds, k, unit)
        left_parts.append((x, back) if bilinear else (back, x))
        if not bilinear:
            right_parts.append((product(ds.T, q, unit), x))
        if v is None or o is None:
            value_parts.append((product(a.T, dz, unit), x))
        else:
            value_parts.append((product(a.T, product(dz, readout, unit), unit), x))
            output_parts.append((dz, o))

    def total(parts: list[tuple[Near, Near]]) -> Near:
        """The sum over all tokens of the outer products of rows."""
        left, right = (
            Near(np.concatenate([pair[i].value for pair in parts]), np.concatenate([pair[i].radius for pair in parts]))
            for i in (0, 1)
        )
        return product(left.T, right, unit)

    grads = [total(part) for part in (left_parts, right_parts) if part]
    found = {"content": Near(np.stack([g.value for g in grads]), np.stack([g.radius for g in grads]))}
    mixed = total(value_parts)
    found["values"] = product(readout.T, mixed, unit) if composite else mixed
    found["readout"] = product(mixed, wv.T, unit) if composite else total(output_parts)
    return found
