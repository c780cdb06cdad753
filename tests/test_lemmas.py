"""Lemmas that are argued in words, sampled on random vectors in exact arithmetic: the reading that their reason gives is what holds."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import sympy as sp

from theory import lemmas as lem
from theory.replay import replay, truth

Values = dict[sp.Symbol, sp.Expr]


def vector(rng: random.Random, size: int) -> sp.Matrix:
    return sp.Matrix([sp.Rational(rng.randint(-9, 9), rng.randint(1, 5)) for _ in range(size)])


def matrix(rng: random.Random, rows: int, columns: int) -> sp.Matrix:
    return sp.Matrix(rows, columns, list(vector(rng, rows * columns)))


def weights(rng: random.Random, size: int) -> list[sp.Rational]:
    raw = [rng.randint(1, 9) for _ in range(size)]
    return [sp.Rational(x, sum(raw)) for x in raw]


def norm(x: sp.Matrix) -> sp.Expr:
    return sp.sqrt(sum(entry**2 for entry in x))


def cauchy_schwarz(rng: random.Random) -> Values:
    a, b = vector(rng, 4), vector(rng, 4)
    return {lem.p: a.dot(b), lem.v: norm(a), lem.w: norm(b)}


def covariance(rng: random.Random) -> Values:
    """The same lemma under a covariance."""
    law, a, b = weights(rng, 5), list(vector(rng, 5)), list(vector(rng, 5))

    def mean(xs: list[sp.Expr]) -> sp.Expr:
        return sum(w * x for w, x in zip(law, xs, strict=True))

    def cov(xs: list[sp.Expr], ys: list[sp.Expr]) -> sp.Expr:
        return mean([x * y for x, y in zip(xs, ys, strict=True)]) - mean(xs) * mean(ys)

    return {lem.p: cov(a, b), lem.v: sp.sqrt(cov(a, a)), lem.w: sp.sqrt(cov(b, b))}


def triangle(rng: random.Random) -> Values:
    a, b = vector(rng, 4), vector(rng, 4)
    return {lem.u: norm(a + b), lem.v: norm(a), lem.w: norm(b)}


def popoviciu(rng: random.Random) -> Values:
    law, xs = weights(rng, 5), list(vector(rng, 5))
    mean = sum(w * x for w, x in zip(law, xs, strict=True))
    return {lem.v: sp.sqrt(sum(w * (x - mean) ** 2 for w, x in zip(law, xs, strict=True))), lem.w: max(xs) - min(xs)}


def least_shifts(rng: random.Random) -> Values:
    xs, r = list(vector(rng, 5)), sp.Rational(rng.randint(-9, 9), 7)
    return {lem.p: min(xs), lem.q: min(x + r for x in xs), lem.r: r}


def spread_shifts(rng: random.Random) -> Values:
    xs, p = list(vector(rng, 5)), sp.Rational(rng.randint(-9, 9), 2)
    moved = [x + p if rng.random() < 0.5 else x for x in xs]
    return {lem.v: max(moved) - min(moved), lem.w: max(xs) - min(xs), lem.p: p}


def norm_scales(rng: random.Random) -> Values:
    a, c = vector(rng, 3), sp.Rational(rng.randint(-9, 9), 4)
    return {lem.v: norm(c * a), lem.p: c, lem.w: norm(a)}


def mean_distance(rng: random.Random) -> Values:
    left, right = [vector(rng, 3) for _ in range(3)], [vector(rng, 3) for _ in range(4)]
    law_left, law_right = weights(rng, 3), weights(rng, 4)
    means = [
        sum((w * x for w, x in zip(law, xs, strict=True)), sp.zeros(3, 1)) for law, xs in ((law_left, left), (law_right, right))
    ]
    return {lem.v: norm(means[0] - means[1]), lem.w: sp.Max(*(norm(x - y) for x in left for y in right))}


def bilinear_form(rng: random.Random) -> Values:
    a, m, b = vector(rng, 3), matrix(rng, 3, 2), vector(rng, 2)
    return {lem.p: (a.T * m * b)[0], lem.u: norm(m), lem.v: norm(a), lem.w: norm(b)}


def norm_of_product(rng: random.Random) -> Values:
    left, right = matrix(rng, 3, 2), matrix(rng, 3, 2)
    return {lem.p: norm(left.T * right), lem.v: norm(left), lem.w: norm(right)}


def block_diagonal(rng: random.Random) -> Values:
    """Two blocks; every other sample is tight: forms and parts of width 1."""
    size = 1 + rng.randint(0, 1)
    forms, parts = [matrix(rng, size, size) for _ in range(2)], [vector(rng, size) for _ in range(2)]
    image = sp.Matrix.vstack(*(form * part for form, part in zip(forms, parts, strict=True)))
    return {lem.p: norm(image), lem.v: norm(sp.Matrix.vstack(*forms)), lem.w: sp.Max(*map(norm, parts))}


def norm_of_sum(rng: random.Random) -> Values:
    law, xs = [sp.Rational(rng.randint(0, 9), 3) for _ in range(4)], [vector(rng, 3) for _ in range(4)]
    total = sum((w * x for w, x in zip(law, xs, strict=True)), sp.zeros(3, 1))
    return {lem.u: norm(total), lem.v: sum(law), lem.w: sp.Max(*map(norm, xs))}


def sum_of_norms(rng: random.Random) -> Values:
    xs = [vector(rng, 3) for _ in range(4)]
    return {lem.p: norm(sum(xs, sp.zeros(3, 1))), lem.v: sum(map(norm, xs))}


def sums_swap(rng: random.Random) -> Values:
    law, strengths = weights(rng, 5), list(vector(rng, 3))
    named = [[rng.random() < 0.5 for _ in law] for _ in strengths]
    zero = sp.Integer(0)
    by_key = sum(w * sum((b for b, keys in zip(strengths, named, strict=True) if keys[j]), zero) for j, w in enumerate(law))
    masses = [sum((w for w, flag in zip(law, keys, strict=True) if flag), zero) for keys in named]
    by_rule = sum(b * mass for b, mass in zip(strengths, masses, strict=True))
    return {lem.p: by_key, lem.q: by_rule}


SAMPLERS: dict[str, tuple[Callable[[random.Random], Values], ...]] = {
    "cauchy_schwarz": (cauchy_schwarz, covariance),
    "triangle": (triangle,),
    "popoviciu": (popoviciu,),
    "least_shifts": (least_shifts,),
    "spread_shifts": (spread_shifts,),
    "norm_scales": (norm_scales,),
    "mean_distance": (mean_distance,),
    "bilinear_form": (bilinear_form,),
    "norm_of_product": (norm_of_product,),
    "block_diagonal": (block_diagonal,),
    "norm_of_sum": (norm_of_sum,),
    "sum_of_norms": (sum_of_norms,),
    "sums_swap": (sums_swap,),
}
ARGUED = [lemma for lemma in lem.LEMMAS if not lemma.steps]


def test_every_argued_lemma_is_sampled():
    assert {lemma.name for lemma in ARGUED} == set(SAMPLERS)


@pytest.mark.parametrize("lemma", ARGUED, ids=lambda lemma: lemma.name)
def test_argued_lemmas_hold_on_random_vectors(lemma):
    verdicts = []
    for sampler in SAMPLERS[lemma.name]:
        for seed in range(40):
            values = sampler(random.Random(seed))
            assert set(lemma.relation.free_symbols) <= values.keys(), "the sampler gives every symbol of the lemma"
            relation = lemma.relation
            verdicts.append(
                truth(relation, values)
                if not isinstance(relation, sp.Eq)
                else sp.simplify((relation.lhs - relation.rhs).subs(values)) == 0
            )
    assert False not in verdicts
    assert verdicts.count(True) >= len(verdicts) // 2  # shown, not merely not refuted; None is an equality between roots


@pytest.mark.parametrize("lemma", ARGUED, ids=lambda lemma: lemma.name)
def test_an_argued_lemma_tightened_fails_somewhere(lemma):
    """The samplers could see a wrong lemma: with the right side shrunk, some sample refutes it."""
    shrunk = type(lemma.relation)(lemma.relation.lhs, lemma.relation.rhs / 8, evaluate=False)
    found = [truth(shrunk, sampler(random.Random(seed))) for sampler in SAMPLERS[lemma.name] for seed in range(40)]
    assert False in found


@pytest.mark.parametrize("lemma", [lemma for lemma in lem.LEMMAS if lemma.steps], ids=lambda lemma: lemma.name)
def test_scalar_lemmas_are_derived(lemma):
    assert replay(lemma).steps >= 1
