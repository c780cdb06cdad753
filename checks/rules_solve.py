"""Strengths for targets: a closed form for one rule, a convex problem for several, each with a certificate.

The mean mass of rule k over the rows it acts on is the derivative of a convex function of the strengths (the sum of the rows' logarithms of
the mean of e^tilt), so SciPy finds the strengths of given masses if there are any. Nothing it says is believed:

    attained     Krawczyk's operator maps a small box of strengths into its inside, so that the box holds exactly one solution
    unreachable  weights on the rules under which the targets ask for more than any key carries, in rationals (`rules.unreachable`)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat
from numpy.typing import NDArray
from scipy.optimize import linprog, minimize

from checks.rules_file import RuleError
from checks.rules_masses import BITS, Pattern, Rows, added, masses, rational

ENOUGH = 1e-14  # radius, relative to the strengths, at which rounding them to floats is all that is left


class UnreachableError(RuleError):
    """Targets that no strengths reach, with the certificate."""

    def __init__(self, message: str, certificate: Certificate) -> None:
        super().__init__(message)
        self.certificate = certificate


class UndecidedError(Exception):
    """Neither strengths nor a certificate against them could be verified."""


@dataclass(frozen=True)
class Certificate:
    """Weights on rules, exact: what the targets ask for together, and the most that rows can give them."""

    weights: tuple[tuple[str, Fraction], ...]
    wanted: Fraction
    greatest: Fraction

    @property
    def text(self) -> str:
        """The certificate in one line."""
        terms = " + ".join(f"({w}) {name}" for name, w in self.weights)
        asked = f"{terms}: summed over the rows, the targets ask for {_short(self.wanted)}"
        if self.wanted > self.greatest:
            return f"{asked}, and no rows give more than {_short(self.greatest)} (rules.unreachable)"
        return f"{asked}, the most that rows can give, and no finite strengths give it (rules.unreachable_edge)"


def _short(value: Fraction) -> str:
    return str(value) if len(str(value)) <= 24 else f"{float(value):.12g}"


@dataclass(frozen=True)
class Solution:
    """Strengths of the target rules: floats, and a radius within which exactly one set of strengths meets the targets exactly."""

    strengths: tuple[float, ...]
    radius: float


# --- one rule, a closed form ------------------------------------------------------------------------------------------


def least_strength(rows: Rows, rule: int, target: Fraction, strengths: Sequence[fmpq]) -> float:
    """The least float64 strength at which every row that the rule acts on has at least the target, all other strengths as given.

    By the leave-one-out law it is the greatest over rows of logit target - logit F(all rules but this one).
    """
    others = [fmpq(0) if k == rule else b for k, b in enumerate(strengths)]
    with ctx.workprec(BITS):
        odds = arb(rational(target / (1 - target))).log()
        needed = [odds - masses(rows.rows[i], others).log_odds(rule) for i in rows.acting[rule]]
        top = needed[0]
        for x in needed[1:]:
            top = top.max(x)
        end = float(top.upper())  # to nearest, so it may lie below
        return end if arb(end) >= top else math.nextafter(end, math.inf)


# --- several rules: certificates against ------------------------------------------------------------------------------


def refuse_unreachable(rows: Rows, targets: Sequence[tuple[int, str, Fraction]]) -> None:
    """Raise UnreachableError when the targets exclude each other, naming as few rules as it takes; UndecidedError if in doubt."""
    chosen = list(targets)
    found = exclusion(rows, chosen)
    if found is None:
        return
    for target in list(chosen):  # leave out every rule that is not needed for the contradiction
        fewer = [t for t in chosen if t is not target]
        smaller = exclusion(rows, fewer) if fewer else None
        if smaller is not None:
            chosen, found = fewer, smaller
    names = " and ".join(f"{name} (fidelity {_short(value)})" for _, name, value in chosen)
    raise UnreachableError(
        f"rules {names} exclude each other: no strengths reach these targets. Certificate: {found.text}. Lower one of the targets, "
        "or change the key sets.",
        found,
    )


def exclusion(rows: Rows, targets: Sequence[tuple[int, str, Fraction]]) -> Certificate | None:
    """A verified certificate that the targets cannot be met, or None when there is none; UndecidedError if rounding hides it.

    Two linear programmes over weights y in [-1, 1]. The first makes (what the targets ask for) minus (the sum over rows of the most that a
    key carries) as great as it can be: above 0, y is a certificate. If that is 0, the second looks among the y that reach it for weights
    that keys carry unequally, the certificate of an edge; if there are none, only weights constant on every row are left.
    """
    columns = [k for k, _, _ in targets]
    kinds = [(tuple(sorted({tuple(p[k] for k in columns) for p in cells})), many) for cells, many in rows.kinds.items()]
    wanted = [value * len(rows.acting[k]) + rows.full[k] for k, _, value in targets]
    count, size = len(columns), len(columns) + len(kinds)
    carried, slack = [], np.zeros(size)
    for index, (cells, many) in enumerate(kinds):
        for cell in cells:
            line = np.zeros(size)
            line[:count], line[count + index] = cell, -1.0  # what the cell carries, minus the greatest of the row
            carried.append(line)
            slack -= line * many
    short = np.array([-float(w) for w in wanted] + [float(many) for _, many in kinds])  # what rows give minus what is asked
    bounds = [(-1.0, 1.0)] * count + [(float(-count), float(count))] * len(kinds)
    names = [name for _, name, _ in targets]
    for objective, limits in ((short, []), (-slack, [short])):
        done = linprog(
            objective,
            A_ub=np.array([*carried, *limits]),
            b_ub=np.zeros(len(carried) + len(limits)),
            bounds=bounds,
            method="highs",
        )
        if done.status != 0:
            raise UndecidedError(f"the linear programme for the targets ended with: {done.message}")
        for digits in (10, 1000, 10**6):
            y = [Fraction(float(x)).limit_denominator(digits) for x in done.x[:count]]
            certificate = verified(y, kinds, wanted, names)
            if certificate is not None:
                return certificate
        if done.fun < -1e-7 * max(1, len(rows.rows)):
            raise UndecidedError(
                "the targets lie so close to the edge of what can be reached that rounding hides on which side"
            )
    return None


def verified(
    y: Sequence[Fraction], kinds: Sequence[tuple[tuple[Pattern, ...], int]], wanted: Sequence[Fraction], names: Sequence[str]
) -> Certificate | None:
    """The certificate that the weights y are, checked in exact rationals; None when they are none."""
    greatest, uneven = Fraction(0), False
    for cells, many in kinds:
        carried = [sum((w for w, named in zip(y, cell, strict=True) if named), Fraction(0)) for cell in cells]
        greatest += many * max(carried)
        uneven |= min(carried) < max(carried)
    asked = sum((w * x for w, x in zip(y, wanted, strict=True)), Fraction(0))
    if asked > greatest or (asked == greatest and uneven):
        return Certificate(tuple((name, w) for name, w in zip(names, y, strict=True) if w), asked, greatest)
    return None


def refuse_dependent(rows: Rows, targets: Sequence[tuple[int, str, Fraction]]) -> None:
    """Raise RuleError when a combination of the key sets is constant on every row: then strengths are not determined by masses."""
    lines = set()
    for cells in rows.kinds:
        first, *rest = sorted(cells)
        lines |= {tuple(int(p[k]) - int(first[k]) for k, _, _ in targets) for p in rest}
    matrix = fmpq_mat(max(1, len(lines)), len(targets), [x for line in sorted(lines) for x in line] or [0] * len(targets))
    reduced, rank = matrix.rref()
    if rank == len(targets):
        return
    pivots = [next(j for j in range(len(targets)) if reduced[i, j] != 0) for i in range(rank)]
    free = next(j for j in range(len(targets)) if j not in pivots)
    weights = {free: fmpq(1)} | {pivot: -reduced[i, free] for i, pivot in enumerate(pivots)}
    names = " + ".join(f"({w}) {targets[j][1]}" for j, w in sorted(weights.items()) if w != 0)
    raise RuleError(
        f"rules {', '.join(targets[j][1] for j, w in sorted(weights.items()) if w != 0)} have no strengths of their own: {names} "
        "is constant on every row, so it changes nothing (rules.shifted_row). Drop one of them or change its keys."
    )


# --- several rules: strengths -----------------------------------------------------------------------------------------

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """Rules `columns` shall have the mean masses `wanted` over the rows they act on; the others stay at their `fixed` strengths."""

    rows: Rows
    columns: tuple[int, ...]
    wanted: tuple[Fraction, ...]
    fixed: tuple[float, ...]

    def strengths(self, b: Sequence[arb]) -> list[arb]:
        """All strengths: the fixed ones, and b for the rules with targets."""
        every = [arb(x) for x in self.fixed]
        for k, x in zip(self.columns, b, strict=True):
            every[k] = x
        return every


def solve(rows: Rows, targets: Sequence[tuple[int, str, Fraction]], fixed: Sequence[float]) -> Solution:
    """Strengths at which every target rule has its mean mass, the other rules at their fixed strengths; certified.

    Raises UnreachableError, RuleError for rules that are one rule, UndecidedError when nothing could be verified.
    """
    refuse_unreachable(rows, targets)
    refuse_dependent(rows, targets)
    problem = Problem(rows, tuple(k for k, _, _ in targets), tuple(value for _, _, value in targets), tuple(fixed))
    found = _search(problem)
    for _ in range(6):
        found = _polish(problem, found)
        radius = krawczyk(problem, found)
        if radius is not None and radius <= ENOUGH * max(1.0, float(np.abs(found).max())):
            break
    if radius is not None:
        return Solution(tuple(found.tolist()), radius)
    near = ", ".join(f"{x:.6g}" for x in found)
    raise UndecidedError(f"strengths near {near} were found, but no box around them could be certified")


def _search(problem: Problem) -> Floats:
    """The minimiser of the dual in float64; only a candidate."""
    rows, columns = problem.rows, list(problem.columns)
    weights, patterns = rows.floats()
    acting, full = (np.array([float(x[k]) for k in columns]) for x in ([len(a) for a in rows.acting], rows.full))
    wanted = np.array([float(t) for t in problem.wanted]) * acting + full
    start = np.array(problem.fixed, dtype=np.float64)
    start[columns] = 0.0
    lifts, chosen = patterns @ start, patterns[:, columns]

    def shares(b: Floats) -> tuple[Floats, Floats]:
        tilt = lifts + chosen @ b
        top = np.where(weights > 0, tilt, -np.inf).max(1, keepdims=True)
        lifted = weights * np.exp(np.minimum(tilt - top, 0.0))
        return lifted / lifted.sum(1, keepdims=True), np.log(lifted.sum(1)) + top[:, 0]

    def value(b: Floats) -> float:
        return float(shares(b)[1].sum() - b @ wanted)

    def slope(b: Floats) -> Floats:
        return np.asarray((shares(b)[0] @ chosen).sum(0) - wanted)

    def curvature(b: Floats) -> Floats:
        share = shares(b)[0]
        means = share @ chosen
        return np.asarray(np.einsum("ic,ck,cl->kl", share, chosen, chosen) - means.T @ means)

    options = {"gtol": 1e-12, "maxiter": 500}
    done = minimize(value, np.zeros(len(columns)), jac=slope, hess=curvature, method="trust-exact", options=options)
    return np.asarray(done.x, dtype=np.float64)


def _means_and_slopes(problem: Problem, b: Sequence[arb]) -> tuple[list[arb], list[list[arb]]]:
    """Mean mass of every target rule over the rows it acts on, and its derivatives in the strengths of the target rules."""
    rows, columns, strengths = problem.rows, problem.columns, problem.strengths(b)
    sums = [arb(0) for _ in columns]
    jacobian = [[arb(0) for _ in columns] for _ in columns]
    acting = [set(rows.acting[k]) for k in columns]
    for i, row in enumerate(rows.rows):
        patterns = [pattern for pattern, _ in row.weights]
        tilts = [added(pattern, strengths) for pattern in patterns]
        base = max(tilts, key=lambda t: float(t.mid())).mid()
        lifted = [w * (t - base).exp() for (_, w), t in zip(row.weights, tilts, strict=True)]
        total = sum(lifted, arb(0))
        shares = [w / total for w in lifted]
        inside = [sum((s for p, s in zip(patterns, shares, strict=True) if p[k]), arb(0)) for k in columns]
        for x, k in enumerate(columns):
            if i in acting[x]:
                sums[x] += inside[x]
                for y, other in enumerate(columns):
                    both = sum((s for p, s in zip(patterns, shares, strict=True) if p[k] and p[other]), arb(0))
                    jacobian[x][y] += both - inside[x] * inside[y]
    counts = [len(a) for a in acting]
    slopes = [[e / n for e in line] for line, n in zip(jacobian, counts, strict=True)]
    return [s / n for s, n in zip(sums, counts, strict=True)], slopes


def _newton(problem: Problem, b: Floats) -> tuple[arb_mat, arb_mat]:
    """(an approximate inverse C of the derivatives, C times the masses minus the targets) at exact strengths; ZeroDivisionError without."""
    means, slopes = _means_and_slopes(problem, [arb(x) for x in b.tolist()])
    gap = arb_mat([[m - arb(rational(t))] for m, t in zip(means, problem.wanted, strict=True)])
    inverse = arb_mat([[e.mid() for e in line] for line in slopes]).inv()
    return inverse, inverse * gap


def _polish(problem: Problem, b: Floats) -> Floats:
    """One Newton step in Arb, rounded to floats."""
    with ctx.workprec(BITS):
        try:
            _, step = _newton(problem, b)
        except ZeroDivisionError:
            return b
        moved = [float((arb(x) - step[i, 0]).mid()) for i, x in enumerate(b.tolist())]
        return np.array(moved) if all(map(math.isfinite, moved)) else b


def krawczyk(problem: Problem, b: Floats) -> float | None:
    """A radius r for which the box b +- r holds exactly one solution; None when no box of the series could be shown to.

    K(X) = b - C G(b) + (I - C J(X))(X - b) with C near J(b)^-1: K(X) inside X means one zero of G in X, and no other.
    """
    count = len(problem.columns)
    with ctx.workprec(BITS):
        try:
            inverse, step = _newton(problem, b)
        except ZeroDivisionError:
            return None
        sizes = [float(abs(step[i, 0]).upper()) for i in range(count)]
        if not all(map(math.isfinite, sizes)):
            return None
        identity = arb_mat(count, count, [int(i == j) for i in range(count) for j in range(count)])
        radius = max(4 * max(sizes), 2.0**-60)
        for _ in range(8):
            _, slopes = _means_and_slopes(problem, [arb(x) + arb(0, radius) for x in b.tolist()])
            image = (identity - inverse * arb_mat(slopes)) * arb_mat([[arb(0, radius)] for _ in range(count)]) - step
            if all(abs(image[i, 0]) < arb(radius) for i in range(count)):
                return radius
            radius *= 8
        return None


__all__ = [
    "Certificate",
    "Problem",
    "Solution",
    "UndecidedError",
    "UnreachableError",
    "exclusion",
    "krawczyk",
    "least_strength",
    "solve",
]
