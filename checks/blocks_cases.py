"""Where the bounds of `theory.blocks` are attained, realised in exact rational arithmetic, and ordinary cases beside them.

Two blocks of width 1 are enough: query (B, delta), in-block key (-B, -delta), outside key (delta, B), A = diag(rho_p,
rho_o).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from itertools import product as grid

import sympy as sp
from flint import arb, ctx, fmpq

from checks.claims import Case
from checks.enclosure import BITS, Row, Value, observe
from theory import symbols as sym
from theory.blocks_balls import margin_on_ball, margin_on_balls
from theory.blocks_extinction import guarantee_extinction, guarantee_extinction_key, guarantee_extinction_query
from theory.blocks_guarantee import (
    captured_outside_mass,
    guarantee_captured,
    guarantee_entropy,
    guarantee_output,
    guarantee_outside_mass,
)
from theory.blocks_leak import leak, leak_in_block, leak_per_block
from theory.blocks_margin import margin_leak, margin_of_form, margin_of_product, margin_per_block, product
from theory.blocks_structure import (
    column_groups,
    entropy_vacuous,
    negative_margin,
    non_interference,
    outside_weight,
    structure,
    value_shift,
)
from theory.theorem import Theorem

Values = dict[sp.Symbol, Value]
Vector = tuple[fmpq, fmpq]


@dataclasses.dataclass(frozen=True)
class Scalar:
    """Two blocks of width 1 with forms rho_p and rho_o: exact content scores of tokens (own part, off part)."""

    B: fmpq
    delta: fmpq
    rho_p: fmpq
    rho_o: fmpq
    tau: fmpq

    def score(self, query: Vector, key: Vector) -> fmpq:
        """The content score x' diag(rho_p, rho_o) y / tau."""
        return (self.rho_p * query[0] * key[0] + self.rho_o * query[1] * key[1]) / self.tau

    @property
    def query(self) -> Vector:
        """The query of block 1 with the whole leak in block 2."""
        return self.B, self.delta

    @property
    def outside(self) -> fmpq:
        """Score of the worst outside key."""
        return self.score(self.query, (self.delta, self.B))

    def inside(self, own: fmpq) -> fmpq:
        """Score of the worst in-block key with that own-block part."""
        return self.score(self.query, (own, -self.delta))

    @property
    def values(self) -> Values:
        """The symbols of the layer; rho_A is given only where the forms agree."""
        one: Values = {sym.rho_A: self.rho_p} if self.rho_p == self.rho_o else {}
        return one | {
            sym.B: self.B, sym.delta: self.delta, sym.tau: self.tau, sym.rho_own: self.rho_p, sym.rho_other: self.rho_o,
            sym.off_norm: 0,
        }  # fmt: skip


def _q(p: int, q: int = 1) -> fmpq:
    return fmpq(p, q)


# B, delta, rho, tau on both sides of 1, so that a constant forgotten, squared or turned round shows.
SAME = [
    Scalar(B, delta, rho, rho, tau)
    for (B, delta), rho, tau in grid(
        ((_q(1), _q(1, 10)), (_q(3), _q(2)), (_q(1, 2), _q(1, 3)), (_q(3), _q(3)), (_q(1, 2), _q(0))),
        (_q(1, 2), _q(3)),
        (_q(1, 2), _q(2)),
    )
]
MIXED = [
    Scalar(B, delta, own, other, tau)
    for (B, delta), (own, other), tau in grid(((_q(1), _q(1, 10)), (_q(3), _q(2)), (_q(1, 2), _q(1, 4))),
                                             ((_q(1, 2), _q(1, 3)), (_q(3), _q(2)), (_q(2), _q(1, 2))), (_q(1, 2), _q(2)))
]  # fmt: skip
DIALS = ((_q(1, 2), _q(3)), (_q(2), _q(1, 3)), (_q(3), _q(20)), (_q(1, 2), _q(0)), (_q(2), _q(-1)))


def _leak(scalars: list[Scalar]) -> list[Case]:
    worst = [Case({**x.values, sym.cross_score: x.outside}, f"worst tokens of {x}", None, True) for x in scalars]
    below = [Case({**x.values, sym.cross_score: -x.outside / 3}, f"a third of the leak, negative, {x}") for x in scalars]
    return worst + below


def _within() -> list[Case]:
    worst = [Case({**x.values, sym.own_move: -x.rho_o * x.delta**2 / x.tau}, f"opposite leaks, {x}", None, True) for x in SAME]
    return worst + [Case({**x.values, sym.own_move: x.rho_o * x.delta**2 / x.tau / 5}, f"a fifth, {x}") for x in SAME]


def _margins() -> Iterator[Case]:
    for x in SAME:
        for share in (_q(-1), _q(-1, 3), _q(1)):
            own = share * x.B
            found: Values = {sym.margin: x.inside(own) - x.outside, sym.margin_in: x.score((x.B, _q(0)), (own, _q(0)))}
            yield Case({**x.values, **found}, f"worst tokens, own part {own}, {x}", None, True)
            yield Case({**x.values, **found, sym.margin: found[sym.margin] + 1}, f"a nat above, {x}")


def _dialled(scalars: list[Scalar]) -> Iterator[Case]:
    for x, (beta, dial) in grid(scalars, DIALS):
        at: Values = {sym.beta: beta, sym.dial: dial}
        least = beta * dial + x.inside(-x.B) - x.outside
        yield Case({**x.values, **at, sym.margin: least}, f"worst tokens on the dial, {x}", None, True)
        yield Case({**x.values, **at, sym.margin: least + 5}, f"five nats above, {x}")


def _query_key() -> Iterator[Case]:
    """W_Q = rho_Q e e', W_K = rho_K e e' on the query's block: the margin is beta d - rho_Q rho_K B (B + delta)/tau."""
    for x, (rho_Q, rho_K), (beta, dial) in grid(SAME, ((_q(1, 2), _q(3)), (_q(2), _q(1, 3)), (_q(1), _q(1))), DIALS):
        lone = dataclasses.replace(x, rho_p=rho_Q * rho_K, rho_o=_q(0))
        margin = beta * dial + lone.inside(-x.B) - lone.outside
        balls: Values = {
            sym.rho_Q: rho_Q,
            sym.rho_K: rho_K,
            sym.off_Q: 0,
            sym.off_K: 0,
            sym.beta: beta,
            sym.dial: dial,
            sym.margin: margin,
        }
        yield Case({**x.values, **balls}, f"both balls on one block, {x}", None, x.delta == 0)


def _above(cases: Iterator[Case]) -> Iterator[Case]:
    """The same layers with five nats more margin."""
    for case in cases:
        more = arb(case.values[sym.margin]) + 5
        yield Case({**case.values, sym.margin: more}, f"five nats above, {case.origin}")


def _on_ball() -> Iterator[Case]:
    """A = rho diag(B, delta)/h with B^2 + delta^2 = h^2: the whole ball, shared as the query is."""
    triples = ((_q(4), _q(3), _q(5)), (_q(1), _q(3, 4), _q(5, 4)), (_q(12, 26), _q(5, 26), _q(1, 2)), (_q(2), _q(0), _q(2)))
    for (B, delta, h), rho, tau, (beta, dial) in grid(triples, (_q(1, 2), _q(3)), (_q(1, 2), _q(2)), DIALS):
        x = Scalar(B, delta, rho * B / h, rho * delta / h, tau)
        margin = beta * dial + x.inside(-B) - x.outside
        values: Values = {**x.values, sym.rho_A: rho, sym.beta: beta, sym.dial: dial}
        yield Case({**values, sym.margin: margin}, f"worst tokens for {x}", None, True)
        yield Case({**values, sym.margin: margin + 5}, f"five nats above, {x}")


def _products() -> list[Case]:
    cases = []
    for a, b in grid((_q(1, 2), _q(3)), repeat=2):
        one: Values = {sym.off_Q: a, sym.rho_Q: a, sym.rho_K: b, sym.off_K: 0, sym.off_norm: a * b}
        two: Values = {sym.off_Q: 0, sym.rho_Q: a, sym.rho_K: b, sym.off_K: b, sym.off_norm: a * b}
        cases += [
            Case(one, f"W_Q = {a} e1 e2', W_K = {b} e1 e1'", None, True),
            Case(two, f"W_Q = {a} e1 e1', W_K = {b} e1 e2'", None, True),
        ]
        cases.append(Case({**one, sym.off_K: b / 2, sym.off_norm: a * b / 3}, "nothing aligned"))
    return cases


SHAPES = ((2, 1), (8, 2), (16, 15), (64, 8))


def _rows() -> Iterator[Case]:
    """Two-level rows of the worst tokens: outside mass, entropy and output cost are all attained."""
    for index, (x, (beta, dial)) in enumerate(grid(SAME, DIALS)):
        n, g = SHAPES[index % len(SHAPES)]
        high, low = beta * dial + x.inside(-x.B), x.outside
        row = Row((high,) * g + (low,) * (n - g), tuple(k < g for k in range(n)), f"n={n} g={g} worst tokens on the dial, {x}")
        yield _row_of(row, x, beta, dial, (_q(2), _q(1, 3))[index % 2], True)
    for x, (beta, dial) in grid(SAME[:3], DIALS):
        base = beta * dial + x.inside(-x.B)
        row = Row(
            (base + 1, base, base + 3, x.outside, x.outside - 1, _q(-30)), (True,) * 3 + (False,) * 3, f"ordinary row, {x}"
        )
        yield _row_of(row, x, beta, dial, _q(1), False)


def _rounded() -> Iterator[Case]:
    """The worst rows, in-block scores rounded down and outside ones up by the same; and rounded the other way."""
    for index, (x, (beta, dial)) in enumerate(grid(SAME, DIALS)):
        n, g = SHAPES[index % len(SHAPES)]
        error = (_q(1, 8), _q(2), _q(0))[index % 3]
        for sign in (1, -1):
            high, low = beta * dial + x.inside(-x.B) - sign * error, x.outside + sign * error
            row = Row(
                (high,) * g + (low,) * (n - g), tuple(k < g for k in range(n)), f"n={n} g={g} rounded by {sign * error}, {x}"
            )
            yield _rounded_row(row, {**x.values, sym.beta: beta, sym.dial: dial, sym.rounding: error}, sign > 0 or error == 0)


def _rounded_row(row: Row, given: Values, extremal: bool) -> Case:
    def values(bits: int) -> Values:
        seen = observe(row, bits)
        return {**seen, **given, sym.captured_margin: seen[sym.margin]}

    return Case(values(BITS), row.origin, row.exact, extremal, values)


def _row_of(row: Row, x: Scalar, beta: fmpq, dial: fmpq, width: fmpq, extremal: bool) -> Case:
    """A row with values 0 in the block and `width` outside: the output moves by outside mass times `width`."""

    def values(bits: int) -> Values:
        seen = observe(row, bits)
        old, ctx.prec = ctx.prec, bits
        try:
            return {**x.values, **seen, sym.beta: beta, sym.dial: dial, sym.D_x: width, sym.cut_gap: seen[sym.eps] * width}
        finally:
            ctx.prec = old

    return Case(values(BITS), row.origin, row.exact, extremal, values)


def weight_case(row: Row, bounds: Mapping[sp.Symbol, Value]) -> Case:
    """Outside mass and the sum of exp(score) over the block, of a row with content 0 outside."""

    def values(bits: int) -> Values:
        seen = observe(row, bits)
        old, ctx.prec = ctx.prec, bits
        try:
            inside = sum((arb(score).exp() for score, flag in zip(row.scores, row.block, strict=True) if flag), arb(0))
            return {**seen, sym.sum_in: inside, sym.off_norm: bounds[sym.off_norm], sym.delta: bounds[sym.delta]}
        finally:
            ctx.prec = old

    return Case(values(BITS), row.origin, row.exact, False, values)


def _beaten(x: Mapping[sp.Symbol, Value]) -> bool:
    """Whether the dial beats content: beta d > rho (B + delta)^2 / tau."""
    beta, dial, rho, own, leaks, tau = (arb(x[symbol]) for symbol in (sym.beta, sym.dial, sym.rho_A, sym.B, sym.delta, sym.tau))
    return bool(beta * dial > rho * (own + leaks) ** 2 / tau)


def _weights() -> list[Case]:
    rows = [
        Row(
            (*inside, *([fmpq(0)] * outside)), (True,) * len(inside) + (False,) * outside, f"content {inside} inside, 0 outside"
        )
        for inside, outside in (((_q(1),), 1), ((_q(-2), _q(3)), 5), ((_q(0),), 7), ((_q(4), _q(5), _q(-1, 2)), 2))
    ]
    return [weight_case(row, {sym.off_norm: 0, sym.delta: 0}) for row in rows]


def _shifts() -> list[Case]:
    return [
        Case(
            {sym.eps: mass, sym.value_change: move, sym.output_change: share * mass * move, sym.weight_drift: 0},
            f"{share} of it",
            None,
            share == 1,
        )
        for mass, move, share in grid((_q(1, 7), _q(3, 4)), (_q(1, 2), _q(5)), (_q(1), _q(1, 3)))
    ]


def _zero(symbol: sp.Symbol) -> list[Case]:
    return [Case({symbol: 0, sym.off_norm: 0, sym.delta: 0}, "extinct, no leak", None, True)]


def _closed(theorem: Theorem) -> list[Case]:
    return [Case({}, theorem.equality.text)]


def _deaths() -> list[Case]:
    """A group that an adversary's vectors, as long as the gradient bound, keep alive longest; and one that dies at once."""
    fixed: Values = {
        sym.output_gradient: 3, sym.G_loss: 3, sym.spread_V: 2, sym.D_V: 2, sym.spread_c: 1, sym.D_c: 1,
        sym.mean_part: _q(1, 2), sym.B_c: _q(1, 2), sym.token_norm: 1, sym.B_x: 1, sym.tau: _q(3, 2),
        sym.size_K: 2, sym.rho_K: 2, sym.size_Q: 1, sym.rho_Q: 1, sym.spread_X: 1, sym.D_X: 1,
    }  # fmt: skip
    cases = []
    for theta0, eta, gamma in grid((_q(1, 2), _q(3)), (_q(1, 16), _q(2), _q(1, 4)), (_q(1, 16), _q(3))):
        ratio = theta0 / (eta * gamma)
        values = {**fixed, sym.theta0: theta0, sym.eta: eta, sym.gamma: gamma, sym.lam: 1 + gamma}
        cases.append(
            Case(
                {**values, sym.extinct_at: int(-(-ratio.p // ratio.q))},
                f"outward vectors, theta0 {theta0}, eta {eta}, gamma {gamma}",
            )
        )
        cases.append(Case({**values, sym.extinct_at: 1}, "dead after one step"))
    return cases


EXTREMAL: dict[str, Callable[[], list[Case]]] = {
    structure.name: lambda: _zero(sym.cross_score),
    column_groups.name: lambda: _closed(column_groups),
    negative_margin.name: lambda: _closed(negative_margin),
    entropy_vacuous.name: lambda: _closed(entropy_vacuous),
    outside_weight.name: _weights,
    non_interference.name: lambda: _zero(sym.weight_drift),
    value_shift.name: _shifts,
    leak_per_block.name: lambda: _leak(MIXED),
    leak.name: lambda: _leak(SAME),
    leak_in_block.name: _within,
    margin_leak.name: lambda: list(_margins()),
    margin_per_block.name: lambda: list(_dialled(MIXED)),
    margin_of_form.name: lambda: list(_dialled(SAME)),
    product.name: _products,
    margin_of_product.name: lambda: list(_query_key()),
    margin_on_ball.name: lambda: list(_on_ball()),
    margin_on_balls.name: lambda: [*(dataclasses.replace(case, extremal=True) for case in _query_key()), *_above(_query_key())],
    guarantee_extinction.name: _deaths,
    guarantee_extinction_query.name: _deaths,
    guarantee_extinction_key.name: _deaths,
    guarantee_outside_mass.name: lambda: list(_rows()),
    guarantee_entropy.name: lambda: [case for case in _rows() if _beaten(case.values)],
    guarantee_output.name: lambda: list(_rows()),
    guarantee_captured.name: lambda: list(_rounded()),
    captured_outside_mass.name: lambda: list(_rounded()),
}
