"""What a set of anchors can do: coherence, fidelity at every anchor, the norm that queries need, against the proved optimum.

Anchors are taken as exact vectors and used as directions of norm 1. Floats only search: every number that is reported is enclosed
by Arb and rounded to its safe side. The norm that the best queries need lies between two certified ends: queries that were found
(from above), and `anchors.budget_dual` at weights that were found (from below).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from flint import arb, arb_mat, ctx, fmpq
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import logsumexp, softmax

from checks.anchors_design import unit
from checks.anchors_systems import AnchorError
from theory.formulas import (
    coherence_floor,
    entropy_ceiling,
    exchange_rate,
    fano_information,
    fidelity_bound,
    least_anchors,
    norm_budget_floor,
    range_gap,
    spread_entropy,
    welch_bound,
)
from theory.namespaces import FLINT
from theory.rounding import decimal_text, round_end

Array = NDArray[np.float64]
BITS = 128
MOST = 1000  # anchors: all pairs are enclosed


def up(ball: arb) -> float:
    """The least float that is certainly at least the number."""
    return round_end(ball.upper(), "up") if ball.is_finite() else float("inf")


def down(ball: arb) -> float:
    """The greatest float that is certainly at most the number."""
    return round_end(ball.lower(), "down")


@dataclass(frozen=True)
class Report:
    """What the anchors can do; nats and bits, norms in nats per unit norm; every float on its safe side."""

    anchors: int
    dimensions: int
    target: float
    coherence: float  # from above
    coherence_floor: float  # no anchors in as many dimensions have less; from below
    floor_theorem: str
    welch: float | None  # for comparison only; it is no bound here
    best_norm: float  # kappa*: no anchors need less; from below
    needed_from: float  # these anchors need at least so much, whatever the queries
    needed: float  # and with the queries that were found no more
    tied_norm: float  # queries along the anchors need so much
    worst: int  # the anchor that needs most
    over_best: float  # needed/best_norm, from above
    information_nats: float
    information_bits: float
    budget: float | None
    reached: bool | None  # with the budget: True, False (proved), None (between the two ends)
    fidelities: tuple[float, ...]  # at each anchor, queries along the anchors: of norm `budget`, or of `tied_norm`; from below
    cap: str  # theorem and reason where the budget does not do


@dataclass(frozen=True)
class Cosines:
    """Cosines of all pairs of anchors, as floats for the search and as balls for what is reported."""

    rows: Array
    floats: Array
    balls: arb_mat
    rank: int  # dimensions that they can span: columns, or anchors if there are fewer; the floors fall with it


def cosines(rows: Array, names: list[str]) -> Cosines:
    """The cosines; AnchorError for too many or too few rows, a zero row, or a number that is none."""
    if not 2 <= len(rows) <= MOST or rows.shape[1] < 1:
        raise AnchorError(
            f"{len(rows)} anchors of {rows.shape[-1]} numbers; from 2 to {MOST} anchors are judged. Take some of them"
        )
    for index, row in enumerate(rows):
        if not np.isfinite(row).all() or not row.any():
            why = "zero, and has no direction" if np.isfinite(row).all() else "not finite"
            raise AnchorError(f"anchor {index} ({names[index]}) is {why}. Remove it or mend it")
    exponents = np.frexp(np.abs(rows).max(axis=1, keepdims=True))[1]
    scaled = np.ldexp(rows, -exponents)  # by powers of two: exact, unless something underflows
    if (np.ldexp(scaled, exponents) != rows).any():
        raise AnchorError(
            "an anchor has numbers of very different size, and the small ones are lost. Set them to 0 or rescale them"
        )
    exact = arb_mat(scaled.tolist())
    with ctx.workprec(BITS):
        gram = exact * exact.transpose()
        norms = [gram[i, i].sqrt() for i in range(len(rows))]
        balls = arb_mat([[gram[i, j] / (norms[i] * norms[j]) for j in range(len(rows))] for i in range(len(rows))])
    units = unit(scaled)
    floats = units @ units.T
    np.fill_diagonal(floats, -np.inf)
    return Cosines(units, floats, balls, min(rows.shape))


def _log_miss(phi: float) -> float:
    """Ln(1 - phi), in floats."""
    return float(np.log1p(-phi))


def tied_fidelities(angles: Cosines, kappa: arb) -> list[arb]:
    """Fidelity at every anchor, queries of norm kappa along the anchors."""
    size = len(angles.rows)
    found = []
    for i in range(size):
        odds = sum(((-kappa * (1 - angles.balls[i, j])).exp() for j in range(size) if j != i), arb(0))
        found.append(1 / (1 + odds))
    return found


def tied_norms(angles: Cosines, phi: float) -> Array:
    """For every anchor the norm of a query along it that reaches phi, in floats; inf where none does."""
    goal = _log_miss(phi) - log(phi)
    norms = np.full(len(angles.rows), np.inf)
    for i, row in enumerate(angles.floats):
        drops = 1 - np.delete(row, i)
        if drops.min() <= 1e-12:
            continue
        high = max(1.0, (log(len(drops)) - goal) / drops.min())
        low_enough = logsumexp(np.zeros_like(drops)) <= goal
        norms[i] = (
            0.0 if low_enough else brentq(lambda k, drops=drops: logsumexp(-k * drops) - goal, 0.0, high * (1 + 1e-9) + 1e-9)
        )
    return norms


def best_query(units: Array, index: int, phi: float) -> tuple[Array, Array]:
    """The shortest query that reaches phi at one anchor and the attention it leaves on the others, in floats."""
    edges = units[index] - np.delete(units, index, axis=0)  # own anchor minus another
    goal = _log_miss(phi) - log(phi)
    if log(len(edges)) <= goal:
        return np.zeros(units.shape[1]), np.full(len(edges), 1 / len(edges))
    query = np.zeros(units.shape[1])

    def solve(weight: float) -> float:
        nonlocal query

        def value(q: Array) -> tuple[float, Array]:
            drops = edges @ q
            return 0.5 * q @ q + weight * logsumexp(-drops), q - weight * (softmax(-drops) @ edges)

        query = minimize(value, query, jac=True, method="L-BFGS-B", options={"maxiter": 300, "ftol": 1e-15, "gtol": 1e-11}).x
        return float(logsumexp(-(edges @ query)) - goal)

    high = 1.0
    while solve(high) > 0:
        high *= 4
        if high > 1e12:
            break
    else:
        brentq(solve, 0.0, high, xtol=1e-12 * high, rtol=1e-12)
    return query, softmax(-(edges @ query))


def certified_norm(angles: Cosines, index: int, query: Array, phi: arb) -> arb | None:
    """Norm of the query, lengthened until its fidelity certainly reaches phi; None where lengthening does not help.

    The query is sum_k c_k a_k of the unit anchors in exact arithmetic (c its float coordinates), so that only cosines enter.
    """
    size = len(angles.rows)
    weights, *_ = np.linalg.lstsq(angles.rows.T, query, rcond=None)
    c = arb_mat([[float(x)] for x in weights])
    scores = angles.balls * c
    square = (c.transpose() * scores)[0, 0]
    drops = [scores[index, 0] - scores[j, 0] for j in range(size) if j != index]
    for stretch in (1.0, 1 + 2.0**-40, 1 + 2.0**-30, 1 + 2.0**-20, 1.001, 1.1, 2.0, 8.0):
        odds = sum(((-arb(stretch) * x).exp() for x in drops), arb(0))
        if 1 / (1 + odds) >= phi:
            longest = square.upper()  # a ball around 0 may hold a small norm: its upper end is safe
            return arb(stretch) * (arb(longest).sqrt() if longest > 0 else arb(0))
    return None


def certified_floor(angles: Cosines, index: int, shares: Array, phi: arb) -> arb:
    """`anchors.budget_dual`: (H(w) + logit phi)/(distance of the anchor from the w-mean of the others)."""
    counts = np.floor(np.maximum(shares, 0) * 2**40)
    total = int(counts.sum())
    w = [fmpq(int(x), total) for x in counts]
    entropy = sum((-arb(x) * arb(x).log() for x in w if x > 0), arb(0))
    others = [j for j in range(len(angles.rows)) if j != index]
    c = arb_mat([[arb(0)] for _ in angles.rows])
    c[index, 0] = 1
    for x, j in zip(w, others, strict=True):
        c[j, 0] = -arb(x)
    square = (c.transpose() * (angles.balls * c))[0, 0]
    need, apart = entropy + (phi / (1 - phi)).log(), square.upper()
    if not need > 0:
        return arb(0)
    return need / arb(apart).sqrt() if apart > 0 else arb("inf")


def report(rows: Array, names: list[str], phi: float, budget: float | None = None) -> Report:
    """Judge a set of anchors against a fidelity target, 0 < phi < 1, and a norm budget if there is one."""
    angles = cosines(rows, names)
    size = len(rows)
    with ctx.workprec(BITS):
        target, miss = arb(phi), 1 - arb(phi)
        top = max((angles.balls[i, j] for i in range(size) for j in range(i)), key=lambda x: float(x.mid()))
        top = top.max(max((angles.balls[i, j] for i in range(size) for j in range(i)), key=lambda x: float(x.upper())))
        floor, theorem = _floor(size, angles.rank)
        star = _not_negative(norm_budget_floor(FLINT, size, miss))
        tied = tied_norms(angles, phi)
        tied_norm = _certified_tied(angles, float(tied.max()), target)
        needed, lower, worst, rest = arb(0), star, int(tied.argmax()), set(range(size))
        for index in np.argsort(-tied, kind="stable").tolist():
            if needed >= arb(tied[index]):
                break  # along its anchor a query does with less than the worst one needs anyway
            query, shares = best_query(angles.rows, index, phi)
            found, bound = certified_norm(angles, index, query, target), certified_floor(angles, index, shares, target)
            if bound > lower:
                lower, worst = bound, index
            rest.discard(index)
            needed = arb("inf") if found is None else needed.max(found)
            if not needed.is_finite():
                break
        needed = _for_the_rest(angles, needed, rest, target, tied_norm)
        needed = tied_norm if needed > tied_norm else needed
        norm = arb(budget) if budget is not None else tied_norm
        fidelities = tuple(down(x) for x in tied_fidelities(angles, norm)) if norm.is_finite() else ()
        known = miss * size <= size - 1
        information = fano_information(FLINT, size, miss) if known else arb(0)
        reached, cap = _verdict(budget, star, lower, needed, size, phi)
        return Report(
            anchors=size, dimensions=angles.rank, target=phi, coherence=up(top), coherence_floor=down(floor), floor_theorem=theorem,
            welch=down(arb(welch_bound(FLINT, size, angles.rank))) if size >= angles.rank else None,
            best_norm=down(star), needed_from=down(lower), needed=up(needed), tied_norm=up(tied_norm), worst=worst,
            over_best=up(needed / star) if star > 0 else float("inf"),
            information_nats=down(arb(information)), information_bits=down(arb(information) / arb(2).log()),
            budget=budget, reached=reached, fidelities=fidelities, cap=cap,
        )  # fmt: skip


def _not_negative(x: arb) -> arb:
    """The number, or 0 where it is negative: a norm is not."""
    return arb(x).max(arb(0))


def _floor(size: int, rank: int) -> tuple[arb, str]:
    """The greatest of the proved floors of the one-sided coherence, and whose it is."""
    found = [(arb(-1) / (size - 1), "anchors.coherence")]
    if size >= rank + 2:
        found.append((arb(0), "anchors.coherence_many"))
    if size >= 3:
        found.append((arb(coherence_floor(FLINT, size, rank)), "anchors.coherence_dimension"))
    return max(found, key=lambda item: float(item[0].mid()))


def _for_the_rest(angles: Cosines, needed: arb, rest: set[int], phi: arb, tied_norm: arb) -> arb:
    """A norm, hardly above `needed`, at which the other anchors certainly reach phi along themselves; the tied norm if none is found."""
    if needed.is_finite():
        for stretch in (1.0, 1 + 2.0**-30, 1.001):
            kappa = arb(needed.upper() * stretch)
            fidelities = tied_fidelities(angles, kappa) if rest else []
            if all(fidelities[i] >= phi for i in rest):
                return kappa
    return tied_norm


def _certified_tied(angles: Cosines, guess: float, phi: arb) -> arb:
    if not np.isfinite(guess):
        return arb("inf")
    for stretch in (1 + 2.0**-40, 1 + 2.0**-30, 1.001, 2.0):
        kappa = arb(guess * stretch)
        if all(x >= phi for x in tied_fidelities(angles, kappa)):
            return kappa
    return arb("inf")


def _verdict(budget: float | None, star: arb, lower: arb, needed: arb, size: int, phi: float) -> tuple[bool | None, str]:
    if budget is None:
        return None, ""
    if needed <= arb(budget):
        return True, ""
    if star > arb(budget):
        return False, (
            f"anchors.norm_budget: no {size} unit anchors, in any dimension, reach fidelity {phi:g} with queries of norm {budget:g}; "
            f"the best need {decimal_text(up(star), 'up', 6)}. Raise the norm (or lower the temperature), or ask for less fidelity or "
            "fewer pointers"
        )
    if lower > arb(budget):
        return False, (
            f"anchors.budget_dual: with these anchors no queries of norm {budget:g} reach fidelity {phi:g} at every one; they need "
            f"at least {decimal_text(down(lower), 'down', 6)}. Spread the anchors, take more dimensions, or raise the norm"
        )
    return None, "between what was found and what was proved; search longer or allow a little more"


@dataclass(frozen=True)
class Redundancy:
    """What anchors of one pointer cost in entropy, n keys and a margin t; entropies in nats."""

    keys: int
    margin: float
    least_anchors: int
    fidelity: float  # with that many, from below
    entropy: float  # of the two-level row with that many, from above
    entropy_least: float  # ln n - psi(|t|): no two-level row at the margin has less, from below
    exchange_rate: float  # dH/dt at fixed fidelity
    top_anchor: float  # greatest weight of one anchor, from below
    spread_floor: float  # least entropy of any row of that fidelity whose anchors carry no more than that, from below


def redundancy(keys: int, margin: float, phi: float) -> Redundancy:
    """The least number of equal anchors that gives fidelity phi at the margin, and what follows; AnchorError where none does."""
    with ctx.workprec(BITS):
        t, target = arb(margin), arb(phi)
        number = arb(least_anchors(FLINT, keys, target, t))
        count = number.upper().ceil().unique_fmpz()
        least = max(1, int(count) if count is not None else ceil(float(number.upper())))
        if least >= keys:
            raise AnchorError(
                f"anchors.redundancy_exact: at a margin of {margin:g} nats even {keys - 1} anchors of {keys} keys miss fidelity {phi:g}. "
                "Raise the margin: one nat of dial is one nat of margin"
            )
        stay = arb(fidelity_bound(FLINT, keys, least, t))
        share = stay / least
        gap = arb(range_gap(FLINT, abs(t))) if margin else arb(0)  # below 0 the other keys lead, by -t: the same two levels
        return Redundancy(
            keys, margin, least, down(stay), up(arb(entropy_ceiling(FLINT, keys, least, t))), down(arb(keys).log() - gap),
            float(arb(exchange_rate(FLINT, keys, least, stay)).mid()), down(share), down(arb(spread_entropy(FLINT, stay, share))),
        )  # fmt: skip
