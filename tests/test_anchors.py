"""The anchors family's own: argued lemmas sampled, the numbers themselves, designs, bad input."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx, fmpq

from checks import anchors_cases as cases
from checks.anchors_design import (
    code_of,
    cross_vectors,
    sign_vectors,
    simplex_vectors,
    soft_coherence,
    spread_vectors,
    unit,
)
from checks.anchors_systems import AnchorError, Code, System, cross_polytope, exact_vectors, root, simplex
from checks.claims import Case, judge
from checks.controls import with_claim, without
from checks.enclosure import rational
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN, UNDECIDED
from theory import anchors_budget as bud
from theory import anchors_coherence as coh
from theory import anchors_information as inf
from theory import anchors_lemmas as lem
from theory import anchors_redundancy as red
from theory import anchors_tradeoff as tra
from theory import lemmas
from theory import symbols as sym
from theory.anchors import FORMULAS, THEOREMS
from theory.anchors_formulas import fano_information, norm_budget_floor
from theory.export.python import compile_expression
from theory.export.tied import untied
from theory.namespaces import MATH
from theory.replay import replay, truth
from theory.theorem import Theorem

NAMED = {"ids": lambda theorem: theorem.name}
BY_LEMMA = {
    theorem.name
    for theorem in (
        bud.mean_margin, bud.least_margin, bud.least_budget, bud.near_optimal, bud.dual, bud.apart, bud.packing, coh.simplex_floor,
        coh.many, coh.in_dimension, coh.tied, coh.margin_in_dimension, coh.welch, coh.sign_failure, coh.sign_code, tra.spread,
        tra.spread_simple,
    )
}  # fmt: skip


@pytest.mark.parametrize("theorem", THEOREMS, **NAMED)
def test_derivations_replay_and_say_what_they_rest_on(theorem):
    """Statements about vectors rest on lemmas that are argued, sampled below and proved in Coq; no other does."""
    assert bool(replay(theorem).rests_on) is (theorem.name in BY_LEMMA)


def test_every_formula_belongs_to_its_statement():
    assert untied(FORMULAS, THEOREMS) == []


# --- argued lemmas, sampled -------------------------------------------------------------------------------------------


def unit_vectors(rng: random.Random, size: int, width: int) -> list[sp.Matrix]:
    """Rational unit vectors: signs times Pythagorean quotients in pairs of coordinates."""
    found = []
    for _ in range(size):
        p, q = rng.randint(1, 6), rng.randint(0, 6)
        pair = [sp.Rational(p * p - q * q, p * p + q * q), sp.Rational(2 * p * q, p * p + q * q)]
        place, rest = rng.sample(range(width), 2) if width > 1 else (0, 0)
        entries = [sp.Integer(0)] * width
        if width > 1:
            entries[place], entries[rest] = pair[0] * rng.choice((1, -1)), pair[1] * rng.choice((1, -1))
        else:
            entries[0] = sp.Integer(rng.choice((1, -1)))
        found.append(sp.Matrix(entries))
    return found


def any_vectors(rng: random.Random, size: int, width: int) -> list[sp.Matrix]:
    return [sp.Matrix([sp.Rational(rng.randint(-9, 9), rng.randint(1, 4)) for _ in range(width)]) for _ in range(size)]


def length(v: sp.Matrix) -> sp.Expr:
    return sp.sqrt(v.dot(v))


def ordered_pairs(items):
    return [(a, b) for i, a in enumerate(items) for j, b in enumerate(items) if i != j]


def own_against_mean(rng):
    size = rng.randint(2, 5)
    anchors, (query,) = any_vectors(rng, size, 3), any_vectors(rng, 1, 3)
    mean = sum(anchors, sp.zeros(3, 1)) / size
    others = sum((query.dot(anchors[0] - a) for a in anchors[1:]), sp.Integer(0)) / (size - 1)
    return {lemmas.x: size, lemmas.p: others, lemmas.q: query.dot(anchors[0] - mean)}


def about_the_mean(rng):
    anchors = any_vectors(rng, 4, 3)
    mean = sum(anchors, sp.zeros(3, 1)) / 4
    return {lemmas.v: sum((a - mean).dot(a - mean) for a in anchors), lemmas.w: sum(a.dot(a) for a in anchors)}


def sum_of_all(rng):
    size = rng.randint(1, 5)
    anchors = unit_vectors(rng, size, 3)
    return {lemmas.x: size, lemmas.p: sum((a.dot(b) for a, b in ordered_pairs(anchors)), sp.Integer(0))}


def frame_potential(rng):
    size, width = rng.randint(1, 5), rng.randint(1, 3)
    anchors = unit_vectors(rng, size, width)
    return {lemmas.x: size, lemmas.y: width, lemmas.v: sum((a.dot(b) ** 2 for a, b in ordered_pairs(anchors)), sp.Integer(0))}


def crowded(rng):
    width = rng.randint(1, 3)
    size = width + rng.randint(2, 3)
    anchors = unit_vectors(rng, size, width)
    return {lemmas.x: size, lemmas.y: width, lemmas.p: max(a.dot(b) for a, b in ordered_pairs(anchors))}


def packed(rng):
    size, width = rng.randint(2, 5), rng.randint(1, 3)
    points = any_vectors(rng, size, width)
    apart = min(((a - b).dot(a - b) for a, b in ordered_pairs(points)), default=sp.Integer(1))
    if apart == 0:
        points, apart = [sp.Matrix([k] + [0] * (width - 1)) for k in range(size)], sp.Integer(1)
    far = max(p.dot(p) for p in points)
    return {lemmas.x: size, lemmas.y: width, lemmas.u: sp.sqrt(far), lemmas.w: sp.sqrt(apart)}


def sign_tails(rng):
    size, width = rng.choice(((2, 5), (2, 9), (3, 4), (4, 3)))
    mu = fmpq(rng.randint(0, 100), 100)
    share = cases.sign_share(size, width, mu)
    return {
        lemmas.x: size, lemmas.y: width, lemmas.w: sp.Rational(int(mu.p), int(mu.q)), lemmas.v: sp.Rational(int(share.p), int(share.q)),
    }  # fmt: skip


def mean_of_others(rng):
    anchors, (query,) = any_vectors(rng, 4, 3), any_vectors(rng, 1, 3)
    raw = [rng.randint(0, 5) for _ in anchors[1:]]
    shares = [sp.Rational(x, sum(raw)) for x in raw] if sum(raw) else [sp.Integer(1), sp.Integer(0), sp.Integer(0)]
    mean = sum((w * a for w, a in zip(shares, anchors[1:], strict=True)), sp.zeros(3, 1))
    along = sum((w * query.dot(anchors[0] - a) for w, a in zip(shares, anchors[1:], strict=True)), sp.Integer(0))
    return {lemmas.p: along, lemmas.u: length(query), lemmas.w: length(anchors[0] - mean)}


def pair_apart(rng):
    anchors, queries = any_vectors(rng, 3, 2), any_vectors(rng, 3, 2)
    queries = [3 * a + q / 9 for a, q in zip(anchors, queries, strict=True)]
    drops = [queries[i].dot(anchors[i] - anchors[j]) for i in range(3) for j in range(3) if i != j]
    nearest = min((a - b).dot(a - b) for a, b in ordered_pairs(anchors))
    return {lemmas.p: min(drops), lemmas.u: sp.sqrt(max(q.dot(q) for q in queries)), lemmas.v: sp.sqrt(nearest)}


def least_of_tied(rng):
    xs, w = [sp.Rational(rng.randint(-9, 9), 9) for _ in range(4)], sp.Rational(rng.randint(0, 9), 2)
    return {lemmas.p: max(xs), lemmas.w: w, lemmas.q: min(w * (1 - x) for x in xs)}


SAMPLERS: dict[str, Callable[[random.Random], dict[sp.Symbol, sp.Expr]]] = {
    function.__name__: function
    for function in (
        own_against_mean, about_the_mean, sum_of_all, frame_potential, crowded, packed, sign_tails, mean_of_others, pair_apart,
        least_of_tied,
    )
}  # fmt: skip
ARGUED = [lemma for lemma in lem.LEMMAS if not lemma.steps]


def test_every_argued_lemma_is_sampled():
    assert {lemma.name for lemma in ARGUED} == set(SAMPLERS)


@pytest.mark.parametrize("lemma", ARGUED, **NAMED)
def test_argued_lemmas_hold_and_could_fail(lemma):
    """On random vectors in exact arithmetic; and with the right side moved, some sample refutes it."""
    drawn = [SAMPLERS[lemma.name](random.Random(seed)) for seed in range(40)]
    samples = [{symbol: sp.sympify(value) for symbol, value in values.items()} for values in drawn]
    relation = lemma.relation
    verdicts = [truth(relation, values) for values in samples]
    assert False not in verdicts
    assert verdicts.count(True) >= len(verdicts) // 2
    for condition in lemma.assumes.values():
        assert all(truth(condition, values) for values in samples)
    low = isinstance(relation, sp.Ge)
    moved = relation.rhs * (2 if low else sp.Rational(1, 8)) + (1 if low else 0)
    shrunk = type(relation)(relation.lhs, moved, evaluate=False)
    assert False in [truth(shrunk, values) for values in samples]


# --- the numbers themselves -------------------------------------------------------------------------------------------


def icosahedron() -> list[list[arb]]:
    phi = (1 + arb(5).sqrt()) / 2
    return [
        [*pair[-shift:], *pair[:-shift]]
        for shift in (0, 1, 2)
        for a in (1, -1)
        for b in (phi, -phi)
        for pair in [[arb(0), arb(a), b]]
    ]


def test_the_icosahedron_is_below_welch():
    vectors = icosahedron()
    square = vectors[0][1] ** 2 + vectors[0][2] ** 2
    cosines = [sum((x * y for x, y in zip(v, w, strict=True)), arb(0)) / square for v, w in ordered_pairs(vectors)]
    assert len(vectors) == 12
    top = max(float(c.mid()) for c in cosines)
    assert top == pytest.approx(1 / sqrt(5), abs=1e-12)
    assert all(c < (arb(9) / 33).sqrt() for c in cosines)
    assert min(float(c.mid()) for c in cosines) == pytest.approx(-1)  # opposite anchors: absolute coherence 1
    assert judge(coh.icosahedron, Case({}, "closed")).verdict is HOLDS


def test_both_sides_of_the_norm_budget():
    """A little below kappa* the simplex misses its target, and the statement without that hypothesis is refuted; at it, it is met."""
    size, phi = 5, fmpq(99, 100)
    star = cases.below(arb(cases.best_norm(size, phi)()))  # less than 1e-9 below
    above, short = star + fmpq(1, 10**8), star - fmpq(1, 10**8)
    assert judge(bud.least_budget, cases.code_case(simplex(size), above, phi=phi)).verdict is HOLDS
    missed = cases.code_case(simplex(size), short, phi=phi)
    assert judge(bud.least_budget, missed).verdict is OUT_OF_DOMAIN
    assert judge(without(bud.least_budget, "faithful"), missed).verdict is FAILS


def test_the_numbers_of_the_summary():
    """M = 1000, target 0.9: kappa* = 0.999 (ln 999 + ln 9); two blocks, eps 0.9: 0.368 nats that are not there."""
    budget, fano = (compile_expression(f.stable, f.args, MATH) for f in (norm_budget_floor, fano_information))
    assert budget(1000, 0.1) == pytest.approx(0.999 * (np.log(999) + np.log(9)), rel=1e-14)
    assert fano(2, 0.9) == pytest.approx(0.368, abs=5e-4)
    assert fano(2, 0.5) == 0
    assert fano(1000, 0.999 - 1e-9) > 0  # no cancellation near the cap


def test_a_value_that_never_occurs_does_not_stop_a_channel_from_attaining_fanos_bound() -> None:
    """Five blocks, always the second value: nothing is known, the error is 4/5, and the equality is settled, not left to balls."""
    attained = cases.Channel(((0, 6), (0, 6), (0, 3), (0, 5), (0, 8)), (0, 4), "one value of two")
    judged = {theorem.name: judge(theorem, case) for theorem, case in cases.cases_of_channel(attained)}
    assert {name: found.verdict for name, found in judged.items()} == {
        "anchors.fano_dual": HOLDS, "anchors.fano": HOLDS, "anchors.fano_bound": HOLDS,
    }  # fmt: skip
    assert not any(found.certificate == "arb" for found in judged.values())
    assert not cases.Channel(((1, 5), (0, 6)), (0, 1), "one value hardly ever").even


def test_fano_beyond_its_cap_fails_on_a_channel():
    channel = cases.Channel(((1, 1), (1, 1)), (0, 1), "a pointer that knows nothing")
    error, right, known = channel.numbers()
    assert (error, right) == (fmpq(1, 2), [fmpq(1, 2)] * 2)
    values = {sym.anchors: 2, sym.error_rate: error, sym.eps: fmpq(9, 10), sym.information: known()}
    assert judge(inf.bound, Case(values, "beyond")).verdict is OUT_OF_DOMAIN
    assert judge(without(inf.bound, "cap"), Case(values, "beyond")).verdict is FAILS


def test_the_bound_in_dimension_holds_below_twice_the_dimension():
    """M >= 2D is not needed: at M = D + 1 the bound is the simplex's, -1/D, and attained."""
    for size in (3, 4, 7):
        case = cases.code_case(simplex(size), fmpq(1), extremal=True)
        assert judge(coh.in_dimension, case).certificate in ("equality case", "arb")
        assert judge(coh.in_dimension, case).slack.contains(0)
    lowered = with_claim(
        coh.in_dimension, sp.Ge(sym.coherence, coh.coherence_floor.stated + sp.Rational(1, 10**6), evaluate=False)
    )
    assert judge(lowered, cases.code_case(cross_polytope(4), fmpq(1))).verdict is FAILS


def test_sign_shares_are_counted():
    """Against trying every code."""
    for size, width, mu in ((2, 4, fmpq(1, 2)), (3, 3, fmpq(1, 3)), (3, 4, fmpq(0)), (4, 3, fmpq(1, 2))):
        words = range(2**width)
        reach = [[width - 2 * (a ^ b).bit_count() >= mu * width for b in words] for a in words]
        codes = [()]
        for _ in range(size):
            codes = [(*code, b) for code in codes for b in words]
        bad = sum(any(reach[a][b] for i, a in enumerate(code) for b in code[:i]) for code in codes)
        assert cases.sign_share(size, width, mu) == fmpq(bad, len(codes))


# --- design and bad input ---------------------------------------------------------------------------------------------


def test_designs_are_what_they_say():
    rows = simplex_vectors(5, 6)
    assert np.allclose(rows @ rows.T, np.where(np.eye(5) == 1, 1, -1 / 4), atol=1e-12)
    assert soft_coherence(cross_vectors(6, 3)) == 0
    assert soft_coherence(cross_vectors(5, 3)) == 0
    signs = sign_vectors(40, 64, seed=1)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert np.array_equal(signs, sign_vectors(40, 64, seed=1))
    start = unit(np.random.default_rng(3).standard_normal((12, 3)))
    found = spread_vectors(12, 3, seed=3)
    assert soft_coherence(found) < soft_coherence(start)
    assert np.array_equal(found, spread_vectors(12, 3, seed=3))
    assert soft_coherence(found) < 0.5222  # below Welch, near the icosahedron's 0.4472


def test_designs_refuse_what_does_not_fit():
    with pytest.raises(AnchorError, match="a simplex of 5 anchors needs 4 dimensions, not 3"):
        simplex_vectors(5, 3)
    with pytest.raises(AnchorError, match="7 anchors are more than the 6 vertices"):
        cross_vectors(7, 3)


def test_anchors_that_are_none_are_refused():
    for rows, words in (
        ([[1.0]], "pointers are told apart from M = 2 on"),
        ([[], []], "in at least one dimension"),
        ([[1.0, 0.0], [1.0]], "anchor 1 has 1 numbers, anchor 0 has 2"),
        ([[1.0], [float("nan")]], "anchor 1 has nan at place 0"),
        ([[1.0], [float("inf")]], "anchor 1 has inf at place 0"),
    ):
        with pytest.raises(AnchorError, match=words):
            exact_vectors(rows, "given")
    with pytest.raises(AnchorError, match="anchor 1 is zero; it has no direction"):
        Code(exact_vectors([[1], [0]], "given"), "given")
    with pytest.raises(AnchorError, match="2 anchors of 1 numbers, 2 queries of 2"):
        System(exact_vectors([[1], [2]], "a"), exact_vectors([[1, 0], [2, 0]], "q"), "given")


def test_values_out_of_domain_decide_nothing():
    good = dict(cases.code_case(simplex(4), fmpq(3)).values)
    assert judge(bud.least_margin, Case(good, "good", extremal=True)).verdict is HOLDS
    for symbol, bad in ((sym.anchors, 1), (sym.anchor_norm, fmpq(2)), (sym.norm_budget, fmpq(1)), (sym.norm_budget, fmpq(-1))):
        assert judge(bud.least_margin, Case({**good, symbol: bad}, "bad")).verdict is OUT_OF_DOMAIN, symbol
    for bad in (arb("nan"), arb("inf"), arb(0, 9)):
        assert judge(bud.least_margin, Case({**good, sym.least_lead: bad}, "nan")).verdict is UNDECIDED


def test_roots_and_codes_are_exact():
    assert root(fmpq(49, 4)) == fmpq(7, 2)
    assert isinstance(root(fmpq(2)), arb)
    code = code_of(np.array([[0.6, 0.8], [1.0, 0.0]]), "floats")
    assert code.vectors[0] == (rational(0.6), rational(0.8))
    assert not code.flat or code.rationals is not None
    assert simplex(6).simplex
    assert cross_polytope(3).two_cosines
    assert not cross_polytope(3).simplex


def test_a_replaced_anchor_is_worth_its_logarithm():
    """From one anchor of eight keys to two of eight: the odds 1/7 become 2/6, worth ln(7/3) nats."""
    case = cases.pair_case(8, 1, 2, fmpq(5))
    saved = arb(case.values[sym.t]) - arb(case.values[sym.t_other])
    assert saved.overlaps((arb(7) / 3).log())
    assert judge(red.replace, case).verdict is HOLDS
    assert isinstance(red.replace, Theorem)


@pytest.mark.parametrize(("n", "t"), [(100, 3), (10, 3), (64, 1), (7, 6), (1000, 5)])
def test_entropy_turns_at_the_least_size_and_nowhere_else(n, t):
    """`redundancy_saves` and `redundancy_costs` side by side on every pair of neighbours, entropies from the weights."""
    with ctx.workprec(128):
        u = (-arb(t)).exp()
        turn = n * u * (t - 1 + u) / (1 - u) ** 2
        pairs = [cases.same_margin_case(n, g, g + 1, fmpq(t)) for g in range(1, n - 1)]
    for case in pairs:
        g, before, after = case.values[sym.g], case.values[sym.entropy], case.values[sym.entropy_more]
        saved = judge(red.saves, case).verdict
        assert saved is (HOLDS if turn >= g + 1 else OUT_OF_DOMAIN)
        if turn >= g + 1:
            assert after < before
        elif turn <= g:
            assert after > before


def test_whole_numbers_of_anchors_can_all_cost_with_the_least_size_above_one():
    with ctx.workprec(128):
        found = [cases.same_margin_case(10, g, g + 1, fmpq(3)).values for g in range(1, 9)]
    assert all(values[sym.entropy_more] > values[sym.entropy] for values in found)
    assert judge(red.costs, cases.same_margin_case(10, 1, 2, fmpq(3))).verdict is OUT_OF_DOMAIN, "r0(10, 3) > 1"
