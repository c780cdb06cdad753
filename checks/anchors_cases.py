"""Cases of the anchors family: what each statement says of a row, a pair of rows, a code, a system of queries, a channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import comb

import sympy as sp
from flint import arb, arb_series, fmpq

from checks.anchors_systems import Code, Number, System
from checks.claims import Case, row_case
from checks.enclosure import BITS, Row, Value, observe, rational
from checks.entropy_cases import Distribution, at, exact_case
from checks.threshold_layer import above
from theory import anchors_budget as bud
from theory import anchors_coherence as coh
from theory import anchors_information as inf
from theory import anchors_redundancy as red
from theory import anchors_tradeoff as tra
from theory import symbols as sym
from theory.theorem import Theorem

Values = dict[sp.Symbol, Value]
Lazy = Callable[[], Number]  # a real number, enclosed at the working precision
PPB = 2**30


def lazily(values: Callable[[], Values], origin: str, exact: object, extremal: bool = False) -> Case:
    """A case whose balls can be made finer."""

    def finer(bits: int) -> Values:
        return at(bits, values)

    return Case(finer(BITS), origin, exact, extremal, finer)


def below(ball: Value, top: fmpq | None = None) -> fmpq:
    """A positive dyadic rational at most the number (2^-60 if that is smaller), and below `top`: what one could claim."""
    units = (arb(ball) * PPB).lower().floor().unique_fmpz()
    found = fmpq(int(units or 0), PPB)
    if top is not None and found >= top:
        found = top - fmpq(1, PPB)
    return found if found > 0 else fmpq(1, 2**60)


def _bound_above(x: Value) -> fmpq:
    """The number itself where it is rational, else a dyadic rational above it."""
    return rational(x) if isinstance(x, (int, fmpq)) else above(arb(x))


# --- redundancy -------------------------------------------------------------------------------------------------------


def two_level_numbers(n: int, g: int, t: Number) -> tuple[arb, arb]:
    """Fidelity and entropy of the row with g scores t and n - g scores 0, from its weights."""
    lift = arb(t).exp()
    total = g * lift + (n - g)
    weights = ((g, lift / total), (n - g, 1 / total))
    return g * lift / total, sum((-count * a * a.log() for count, a in weights), arb(0))


def cases_of_two_level(row: Row) -> Iterator[tuple[Theorem, Case]]:
    """Every statement about a single two-level row, its gap as margin."""
    case = row_case(row)
    yield red.logit, case
    yield red.entropy_at, case
    if case.values[sym.t] > 0:
        yield red.entropy_least, case
    yield red.redundancy_exact, _missed(case)


def _missed(case: Case) -> Case:
    """A target just above the fidelity of the row."""
    phi = fmpq(int((arb(case.values[sym.fidelity]) * PPB).upper().ceil().unique_fmpz() or 0) + 1, PPB)
    if phi >= 1:
        phi = fmpq(2**80 - 1, 2**80)
    return _with(case, {sym.phi: phi})


def _with(case: Case, extra: Mapping[sp.Symbol, Value], extremal: bool | None = None) -> Case:
    finer = case.finer
    deeper = None if finer is None else lambda bits: {**finer(bits), **extra}
    return Case({**case.values, **extra}, case.origin, case.exact, case.extremal if extremal is None else extremal, deeper)


def redundancy_case(row: Row) -> Case:
    """The greatest fidelity that margin and number of anchors warrant, as a rational below it."""
    case = row_case(row)
    odds = arb(case.values[sym.g]) / case.values[sym.m] * arb(case.values[sym.margin]).exp()
    return _with(case, {sym.phi: below(odds / (1 + odds), fmpq(1))}, extremal=False)


def at_number(n: int, g: int, odds: int) -> Case:
    """The two-level row whose g anchors are exactly as many as the fidelity odds/(odds + 1) needs."""

    def values() -> Values:
        t = (arb(odds) * (n - g) / g).log()
        fidelity = two_level_numbers(n, g, t)[0]
        return {sym.n: n, sym.g: g, sym.t: t, sym.margin: t, sym.phi: fmpq(odds, odds + 1), sym.fidelity: fidelity}

    return lazily(values, f"two-level row with odds {odds}", {"n": n, "g": g, "odds": odds}, True)


def pair_case(n: int, g: int, other: int, t: fmpq) -> Case:
    """Two rows of n keys and one fidelity: g anchors at margin t, `other` anchors at the margin that gives it (a real number)."""

    def values() -> Values:
        t_other = arb(t) + (arb(g) / (n - g)).log() - (arb(other) / (n - other)).log()
        first, second = two_level_numbers(n, g, t), two_level_numbers(n, other, t_other)
        return {
            sym.n: n, sym.g: g, sym.t: t, sym.fidelity: first[0], sym.entropy: first[1],
            sym.g_more: other, sym.t_other: t_other, sym.fidelity_more: second[0], sym.entropy_more: second[1],
        }  # fmt: skip

    return lazily(values, f"{g} and {other} anchors of {n} keys, margin {t}", {"n": n, "g": g, "g'": other, "t": str(t)}, True)


def added_case(others: int, g: int, more: int, t: fmpq) -> Case:
    """G or `more` anchors beside the same other keys, at margins that give one fidelity."""

    def values() -> Values:
        t_other = arb(t) - (arb(more) / g).log()
        first, second = two_level_numbers(others + g, g, t), two_level_numbers(others + more, more, t_other)
        return {
            sym.others: others, sym.g: g, sym.t: t, sym.fidelity: first[0],
            sym.g_more: more, sym.t_other: t_other, sym.fidelity_more: second[0],
        }  # fmt: skip

    return lazily(
        values, f"{g} or {more} anchors beside {others} keys", {"others": others, "g": g, "g'": more, "t": str(t)}, True
    )


def same_margin_case(n: int, g: int, more: int, t: fmpq) -> Case:
    """G and `more` anchors of n keys at one margin."""

    def values() -> Values:
        first, second = two_level_numbers(n, g, t), two_level_numbers(n, more, t)
        return {
            sym.n: n, sym.g: g, sym.t: t, sym.fidelity: first[0], sym.entropy: first[1],
            sym.g_more: more, sym.fidelity_more: second[0], sym.entropy_more: second[1],
        }  # fmt: skip

    return lazily(
        values, f"{g} and {more} of {n} keys at margin {t}", {"n": n, "g": g, "g'": more, "t": str(t)}, g == more or t == 0
    )


def rate_case(n: int, g: int, t: fmpq) -> Case:
    """Derivatives at fixed fidelity, from power series of weights whose number varies."""

    def values() -> Values:
        fidelity, _ = two_level_numbers(n, g, t)
        step = arb_series([0, 1], prec=2)
        lift = (arb(t) + step).exp()
        number = n * fidelity / (fidelity + (1 - fidelity) * lift)  # anchors that keep the fidelity at margin t + step
        inside, outside = fidelity / number, (1 - fidelity) / (n - number)
        entropy = -fidelity * inside.log() - (1 - fidelity) * outside.log()
        margin = ((n - g - step) / (g + step)).log()
        return {
            sym.n: n, sym.g: g, sym.t: t, sym.fidelity: fidelity, sym.exchange: entropy[1], sym.saving: margin[1],
        }  # fmt: skip

    return lazily(values, f"rates at {g} of {n} keys, margin {t}", {"n": n, "g": g, "t": str(t)})


# --- any distribution -------------------------------------------------------------------------------------------------


def cases_of_law(law: Distribution, lost: int = 0) -> Iterator[tuple[Theorem, Case]]:
    """Statements about the weight of single anchors, at the measured greatest; anchor `lost` is lost."""
    inside, outside = law.weights[: law.g], law.weights[law.g :]
    fidelity, top = sum(inside, fmpq(0)), max(inside)
    if top == 0:
        return
    exact = {"weights": [str(w) for w in law.weights], "g": law.g}
    even, few = len(set(inside)) == 1, sum(w > 0 for w in outside)
    flat = len({w for w in inside if w > 0}) == 1  # anchors of weight 0 count for nothing here

    def values() -> Values:
        entropy = sum((-arb(w) * arb(w).log() for w in law.weights if w > 0), arb(0))
        return {sym.n: len(law.weights), sym.g: law.g, sym.fidelity: fidelity, sym.top_anchor: top, sym.entropy: entropy}

    yield tra.peak, lazily(values, law.origin, exact, even)
    yield tra.spread, lazily(values, law.origin, exact, flat and few == 1)
    yield tra.spread_simple, lazily(values, law.origin, exact, flat and few == 0)
    if top < 1:
        gone = inside[lost % law.g]
        left = {
            sym.fidelity: fidelity,
            sym.top_anchor: top,
            sym.lost_anchor: gone,
            sym.fidelity_lost: (fidelity - gone) / (1 - gone),
        }
        yield tra.loss, exact_case(left, f"{law.origin}, anchor {lost % law.g} lost", gone == top)


def cases_of_row(row: Row) -> Iterator[tuple[Theorem, Case]]:
    """The same of a softmax row, whose weights are balls; and the redundancy that its margin needs."""

    def values(bits: int) -> Values:
        return observe(row, bits) | at(bits, lambda: _anchors_of(row))

    case = Case(values(BITS), row.origin, row.exact, False, values)
    inside = [x for x, flag in zip(row.scores, row.block, strict=True) if flag]
    even = len(set(inside)) == 1
    yield tra.peak, Case(case.values, case.origin, case.exact, even, values)
    yield (
        tra.spread,
        Case(case.values, case.origin, case.exact, even and len(inside) == len(row.block) - 1, values),
    )  # one other key
    yield tra.spread_simple, case
    yield tra.loss, Case(case.values, case.origin, case.exact, inside[-1] == max(inside), values)
    yield red.redundancy, redundancy_case(row)


def _anchors_of(row: Row) -> Values:
    """Greatest and first anchor's weight, and the fidelity once the first one is gone, computed from the scores that are left."""
    top = max(row.scores)
    weights = [(arb(x) - arb(top)).exp() for x in row.scores]
    total = sum(weights, arb(0))
    inside = [w for w, flag in zip(weights, row.block, strict=True) if flag]
    heaviest = max(x for x, flag in zip(row.scores, row.block, strict=True) if flag)
    lost = inside[-1]
    return {
        sym.top_anchor: (arb(heaviest) - arb(top)).exp() / total,
        sym.lost_anchor: lost / total,
        sym.fidelity_lost: sum(inside[:-1], arb(0)) / (total - lost),
    }


# --- codes and systems ------------------------------------------------------------------------------------------------


def code_case(code: Code, kappa: Lazy | fmpq, extremal: bool = False, **given: Number) -> Case:
    """A code with queries of norm kappa along its anchors; the budget claimed is kappa itself, other claims as given by name."""
    names = {"phi": sym.phi, "mu": sym.coherence_bound, "t": sym.t}

    def values() -> Values:
        norm = kappa if isinstance(kappa, fmpq) else kappa()
        found = code.observe(norm)
        claims: Values = {names[key]: value for key, value in given.items()}
        if sym.phi not in claims:
            claims[sym.phi] = below(found[sym.least_fidelity], fmpq(1))
        return {**found, sym.norm_budget: norm, **claims}

    return lazily(values, f"{code.origin}, kappa {kappa if isinstance(kappa, fmpq) else 'real'}", _exact_code(code), extremal)


def _exact_code(code: Code) -> dict[str, object]:
    return {"directions": [[str(x) for x in v] for v in code.vectors]}


def best_norm(size: int, phi: fmpq) -> Lazy:
    """The norm at which the simplex of that size has fidelity phi, solved from its own scores: kappa M/(M - 1) = ln((M-1) phi/(1-phi))."""
    return lambda: (arb(size - 1) * phi / (1 - phi)).log() * (size - 1) / size


OF_A_CODE = (coh.simplex_floor, coh.many, coh.in_dimension, coh.welch)


def cases_of_code(code: Code) -> Iterator[tuple[Theorem, Case]]:
    """The statements about directions alone."""
    case = code_case(code, fmpq(1))
    yield coh.simplex_floor, _marked(case, code.simplex)
    yield coh.many, _marked(case, code.coherence() == 0)
    yield coh.in_dimension, _marked(case, code.two_cosines and code.size > 2)
    yield coh.welch, _marked(case, code.tight and len(set(code.squares)) == 1)


def _marked(case: Case, extremal: bool) -> Case:
    return Case(case.values, case.origin, case.exact, extremal, case.finer)


def cases_of_tied(code: Code, kappa: fmpq) -> Iterator[tuple[Theorem, Case]]:
    """The statements about queries of norm kappa along the anchors."""
    case = code_case(code, kappa)
    yield coh.tied, case
    yield coh.margin_in_dimension, _marked(case, code.two_cosines and code.size > 2)
    yield bud.mean_margin, _marked(case, code.balanced)
    yield bud.least_margin, _marked(case, code.simplex)
    yield bud.least_budget, _marked(case, kappa == 0)  # then every fidelity is 1/M, and kappa*(M, 1/M) = 0
    yield bud.apart, case
    if code.simplex:
        yield bud.simplex, case
    bound = _bound_above(code.coherence())
    if bound < 1:
        yield bud.near_optimal, _with(case, {sym.coherence_bound: bound}, kappa == 0)
    lead = case.values[sym.least_lead]
    if kappa > 0 and arb(lead) > 0:
        yield bud.packing, _with(case, {sym.t: below(lead)}, code.size == 2 and code.simplex)


def enough_case(code: Code, phi: fmpq, spare: int = 0) -> Case:
    """Queries as long as the coherence says is enough: exactly, where all cosines are equal; elsewhere a little longer."""
    mu = code.coherence()
    bound = _bound_above(mu)
    tight = code.flat and isinstance(mu, fmpq) and spare == 0 and phi * code.size > 1

    def norm() -> arb:
        return ((arb(code.size - 1) * phi / (1 - phi)).log() + spare) / (1 - arb(bound))

    ample = max(fmpq(int((norm() * PPB).upper().ceil().unique_fmpz() or 0) + 1, PPB), fmpq(0))

    def values() -> Values:
        kappa = norm() if tight else ample
        found = code.observe(kappa)
        return {
            **found,
            sym.norm_budget: kappa,
            sym.coherence_bound: bound,
            sym.phi: phi,
            sym.fidelity: found[sym.least_fidelity],
        }

    return lazily(values, f"{code.origin}, target {phi}", _exact_code(code), tight)


def cases_of_system(system: System, shares: Sequence[Sequence[fmpq]] = ()) -> Iterator[tuple[Theorem, Case]]:
    """Every statement about anchors and queries, the measured numbers as claims; `shares` are weights of the others, by query."""
    exact = {
        "anchors": [[str(x) for x in v] for v in system.anchors],
        "queries": [[str(x) for x in v] for v in system.queries],
    }

    def claimed(values: Values) -> Values:
        return values | {
            sym.norm_budget: _bound_above(values[sym.query_norm]),
            sym.phi: below(values[sym.least_fidelity], fmpq(1)),
        }

    def values() -> Values:
        found = claimed(system.observe())
        return found | {sym.coherence_bound: fmpq(1, 2), sym.t: system_lead if system_lead > 0 else fmpq(1)}

    def hull(index: int, weights: Sequence[fmpq]) -> Values:
        return claimed(system.hull(index, weights))

    system_lead = rational(min(x for row in system.drops for x in row))
    case = lazily(values, system.origin, exact)
    for theorem in (bud.mean_margin, bud.least_margin, bud.least_budget, bud.near_optimal, bud.apart):
        yield theorem, case
    if system_lead > 0:
        line = len(system.anchors[0]) == 1 and system_lead == 2 * system.observe()[sym.query_norm]
        yield bud.packing, _marked(case, line)
    for index, weights in enumerate(shares):
        yield (
            bud.dual,
            lazily(
                partial(hull, index, weights),
                f"{system.origin}, query {index}",
                exact | {"query": index, "shares": [str(w) for w in weights]},
            ),
        )


def dual_at_simplex(size: int, phi: fmpq) -> Case:
    """The simplex at its best norm, equal shares: the mean of the others is -1/(M - 1) of the anchor, M/(M - 1) away."""

    def values() -> Values:
        kappa = best_norm(size, phi)()
        found = simplex_numbers(size, kappa)
        share = arb(1) / (size - 1)
        return found | {
            sym.norm_budget: kappa, sym.phi: phi,
            sym.hull_distance: fmpq(size, size - 1), sym.hull_entropy: -(size - 1) * share * share.log(),
        }  # fmt: skip

    return lazily(values, f"simplex of {size} at its best norm, target {phi}", {"M": size, "phi": str(phi)}, True)


def simplex_numbers(size: int, kappa: Number) -> Values:
    """What the simplex's observables are at a norm, from its cosines."""
    from checks.anchors_systems import simplex

    return simplex(size).observe(kappa)


# --- channels ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Channel:
    """How often pointer value k comes from block b: counts[b][k], every block equally often in all; value k names block names[k]."""

    counts: tuple[tuple[int, ...], ...]
    names: tuple[int, ...]
    origin: str

    def shares(self) -> list[list[fmpq]]:
        """P(k | b)."""
        return [[fmpq(x, sum(row)) for x in row] for row in self.counts]

    def numbers(self) -> tuple[fmpq, list[fmpq], Callable[[], arb]]:
        """The error, the fidelities by block, and the mutual information (nats) from the joint distribution."""
        size, rows = len(self.counts), self.shares()
        right = [sum((p for p, name in zip(row, self.names, strict=True) if name == b), fmpq(0)) for b, row in enumerate(rows)]
        totals = [sum((row[k] for row in rows), fmpq(0)) / size for k in range(len(self.names))]

        def known() -> arb:
            terms = ((p, totals[k]) for row in rows for k, p in enumerate(row) if p > 0)
            return sum((arb(p) / size * (arb(p) / q).log() for p, q in terms), arb(0))

        return 1 - sum(right, fmpq(0)) / size, right, known

    @property
    def even(self) -> bool:
        """Whether given any value that occurs all blocks that it does not name are equally likely, and the error is the same at each."""
        rows = self.shares()
        for k, name in enumerate(self.names):
            wrong = {row[k] for b, row in enumerate(rows) if b != name}
            total = sum((row[k] for row in rows), fmpq(0))
            if total != 0 and (len(wrong) > 1 or rows[name][k] / total != 1 - self.numbers()[0]):
                return False
        return True


def cases_of_channel(channel: Channel, claim: fmpq | None = None) -> Iterator[tuple[Theorem, Case]]:
    """Fano's statements of a channel; `claim` is an error bound, or the error itself."""
    error, right, known = channel.numbers()
    size = len(channel.counts)
    bound = error if claim is None else claim
    exact = {"counts": [list(row) for row in channel.counts], "names": list(channel.names), "eps": str(bound)}

    def values() -> Values:
        return {
            sym.anchors: size, sym.error_rate: error, sym.eps: bound, sym.information: known(),
            sym.least_fidelity: min(right), sym.phi: min(right) if claim is None else min(right) * fmpq(9, 10),
        }  # fmt: skip

    even = channel.even
    case = lazily(values, channel.origin, exact)
    if 0 < error < 1:
        yield inf.exact, _marked(case, even)
        if 0 < bound < 1:
            yield inf.dual, _marked(case, even and bound == error)
            if error <= bound and bound * size <= size - 1:
                yield inf.bound, _marked(case, even and bound == error)
    if min(right) > 0:
        yield inf.known, _marked(case, even and len(set(right)) == 1 and claim is None)


# --- sign codes -------------------------------------------------------------------------------------------------------


def sign_share(size: int, width: int, mu: fmpq) -> fmpq:
    """The exact share of all codes of two, three or (by trying all) more sign vectors in which some pair has cosine at least mu.

    The first vector may be taken as all ones. Of a second with k minus signs, a third has i among these and j among the others.
    """
    near = [width - 2 * k >= mu * width for k in range(width + 1)]  # by how many signs two vectors differ in
    far = [k for k in range(width + 1) if not near[k]]
    if size == 2:
        good = sum(comb(width, k) for k in far)
    elif size == 3:
        good = sum(
            comb(width, k) * comb(k, i) * comb(width - k, j)
            for k in far for i in range(k + 1) for j in range(width - k + 1)
            if not near[i + j] and not near[k - i + j]
        )  # fmt: skip
    else:
        good = _far_codes((0,), size, width, near)
    return 1 - fmpq(good, 2 ** (width * (size - 1)))


def _far_codes(chosen: tuple[int, ...], size: int, width: int, near: Sequence[bool]) -> int:
    if len(chosen) == size:
        return 1
    fits = (b for b in range(2**width) if not any(near[(a ^ b).bit_count()] for a in chosen))
    return sum(_far_codes((*chosen, b), size, width, near) for b in fits)


def sign_case(size: int, width: int, mu: fmpq) -> Case:
    """All sign codes of a size, counted."""
    values: Values = {
        sym.anchors: size, sym.width: width, sym.coherence_bound: mu, sym.bad_codes: sign_share(size, width, mu),
    }  # fmt: skip
    return exact_case(values, f"all codes of {size} sign vectors in {width} dimensions, mu = {mu}")
