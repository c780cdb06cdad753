"""The entropy family's own: its lemmas and formulas, counterexamples on real rows, bad input, a planted failure."""

from __future__ import annotations

import itertools
import random
from functools import cache
from math import log

import pytest
import sympy as sp
from flint import arb, fmpq

from checks.claims import Case, judge, row_case
from checks.controls import with_claim, without
from checks.enclosure import Row, RowError, observe
from checks.entropy import CHECKS, trained_layers
from checks.entropy_cases import Distribution, exact_case, floor_case, floor_sizes, from_counts, gap_case, tier_row
from checks.properties import Options, attack
from checks.rows import two_level
from checks.verdict import FAILS, HOLDS, OUT_OF_DOMAIN, UNDECIDED
from theory import entropy as family
from theory import entropy_lemmas, lemmas
from theory import symbols as sym
from theory.entropy_tiers import TIER_GAPS, TIER_ROW, TIER_SIZES, tier_entropy
from theory.export.tied import untied
from theory.replay import replay, truth
from theory.steps import Cite
from theory.theorem import Theorem

MILLIONTH = sp.Rational(1, 10**6)


# --- derivations --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lemma", [lemma for lemma in entropy_lemmas.LEMMAS if lemma.steps], ids=lambda lemma: lemma.name)
def test_every_scalar_lemma_is_derived(lemma):
    assert replay(lemma).steps >= 1


def test_two_lemmas_are_argued_and_no_more():
    """That no other statement rests on a third one is among the tests of all families."""
    assert replay(family.floor).rests_on == ("vertex_sweep",)
    assert replay(family.pointer_best).rests_on == ("one_of_many",)


def test_definitions_of_cited_statements_are_definitions_of_the_citing_one():
    """A citation carries the meaning of the symbols with it."""
    for theorem in family.THEOREMS:
        for step in theorem.steps:
            if isinstance(step, Cite) and isinstance(step.of, Theorem):
                missing = set(step.of.definitions.values()) - set(theorem.definitions.values())
                assert not missing, f"{theorem.name} cites {step.of.name} without {missing}"


def test_every_formula_occurs_in_the_statement_it_names():
    assert untied(family.FORMULAS, family.THEOREMS) == []


# --- argued lemmas, sampled ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_some_vertex_of_the_box_is_no_better(seed):
    """`vertex_sweep` as the floor uses it: rational scores within R, every vertex tried, entropies in Arb."""
    rng = random.Random(seed)
    n, spread = rng.randint(2, 5), fmpq(rng.randint(1, 40), 8)
    scores = tuple(spread * fmpq(rng.randint(0, 64), 64) for _ in range(n))
    flags = (True,) + (False,) * (n - 1)
    value = observe(Row(scores, flags))[sym.entropy]
    vertices = [observe(Row(corner, flags))[sym.entropy] for corner in itertools.product((fmpq(0), spread), repeat=n)]
    assert any(vertex <= value for vertex in vertices)
    assert not any(vertex <= value for vertex in vertices if vertex > arb(n).log() - fmpq(1, 10**9)) or value >= arb(
        n
    ).log() - fmpq(1, 10**9)


@pytest.mark.parametrize("seed", range(12))
def test_one_of_many_is_at_most_their_sum(seed):
    rng = random.Random(seed)
    parts = [sp.Rational(rng.randint(0, 9), rng.randint(1, 7)) for _ in range(5)]
    for part in parts:
        assert truth(entropy_lemmas.one_of_many.relation, {lemmas.v: part, lemmas.w: sum(parts)}) is True
    shrunk = sp.Le(lemmas.v, lemmas.w / 8, evaluate=False)
    assert truth(shrunk, {lemmas.v: max(parts), lemmas.w: sum(parts)}) is False


# --- refused, and where a hypothesis ends -------------------------------------------------------------------------------------


@cache
def extremal(theorem_name: str) -> tuple[Case, ...]:
    return tuple(CHECKS.extremal[theorem_name]())


def test_a_positive_margin_is_needed_for_a_ceiling_below_ln_n():
    """At t = 0 both sides are ln n: equal numbers that Arb alone cannot tell apart."""
    case = exact_case({sym.n: 4, sym.g: 1, sym.t: fmpq(0)}, "t = 0", extremal=True)
    assert judge(family.below_ln_n, case).verdict is OUT_OF_DOMAIN
    assert judge(without(family.below_ln_n, "positive"), case).verdict is FAILS


@pytest.mark.parametrize(
    ("theorem", "values"),
    [
        (family.ceiling, {sym.n: 4, sym.g: 4, sym.t: 1, sym.margin: 1, sym.entropy: 1}),
        (family.ceiling, {sym.n: 4, sym.g: 1, sym.t: -1, sym.margin: 0, sym.entropy: 1}),
        (family.ceiling, {sym.n: 4, sym.g: 1, sym.t: 1, sym.margin: fmpq(1, 2), sym.entropy: 1}),
        (family.at_outside_mass, {sym.n: 4, sym.g: 1, sym.eps: fmpq(0), sym.entropy: 0}),
        (family.dual_form, {sym.n: 3, sym.g: 4, sym.t: 1, sym.eps: fmpq(0), sym.entropy: 0}),
        (family.gap_bound, {sym.n: 3, sym.score_range: fmpq(0), sym.spread: fmpq(0), sym.entropy: 1}),
        (family.pointer_half_stronger, {sym.entropy: fmpq(7, 10)}),
        (family.pointer, {sym.peak: fmpq(1), sym.entropy: fmpq(-1)}),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_outside_the_hypotheses_nothing_is_said(theorem, values):
    assert judge(theorem, Case(values, "given")).verdict is OUT_OF_DOMAIN


@pytest.mark.parametrize("value", [arb("nan"), arb("inf"), arb(0, 1000)], ids=["nan", "inf", "wide"])
@pytest.mark.parametrize(
    "theorem", [family.dual_form, family.ceiling, family.pointer], ids=lambda value: getattr(value, "name", str(value))
)
def test_no_number_is_no_evidence(theorem, value):
    values = {sym.n: 4, sym.g: 1, sym.t: 1, sym.margin: 1, sym.eps: fmpq(1, 2), sym.peak: value, sym.entropy: value}
    assert judge(theorem, Case(values, "given", extremal=True)).verdict in (UNDECIDED, FAILS)


@pytest.mark.parametrize(
    ("weights", "g"), [((fmpq(1, 2), fmpq(1, 3)), 1), ((fmpq(3, 2), fmpq(-1, 2)), 1), ((fmpq(1),), 0), ((fmpq(1),), 2), ((), 1)]
)
def test_what_is_no_distribution_is_refused(weights, g):
    with pytest.raises(RowError, match="distribution"):
        Distribution(weights, g, "given")


def test_no_weight_at_all_is_no_distribution():
    with pytest.raises(RowError, match="all counts are zero"):
        from_counts((0, 0), 1, "given")


# --- counterexamples on real rows ---------------------------------------------------------------------------------------------


def test_the_uniform_row_breaks_the_ceiling_for_a_negative_margin():
    row = two_level(4, 1, 0)
    assert observe(row)[sym.margin] == 0
    case = row_case(row, {sym.t: fmpq(-1)})
    assert judge(family.ceiling, case).verdict is OUT_OF_DOMAIN
    assert judge(without(family.ceiling, "lead"), case).verdict is FAILS


def test_an_admissible_row_has_more_entropy_than_the_saturated_tiers():
    rows = [tier_row(TIER_SIZES, [fmpq(int(gap.p), int(gap.q)) for gap in gaps], "tiers") for gaps in (TIER_GAPS, TIER_ROW)]
    saturated, other = (observe(row)[sym.entropy] for row in rows)
    assert other > saturated + 1
    for value, gaps in ((saturated, TIER_GAPS), (other, TIER_ROW)):
        assert abs(float(value) - float(tier_entropy(gaps))) < 1e-12  # the closed number is the entropy of the row
    assert all(measured >= claimed for measured, claimed in zip(TIER_ROW, TIER_GAPS, strict=True))


def test_zero_weights_are_allowed_and_count_nothing():
    law, padded = from_counts((3, 1), 1, "two keys"), from_counts((3, 0, 1, 0), 2, "two keys of four")
    assert arb(law.observe(128)[sym.entropy]).overlaps(arb(padded.observe(128)[sym.entropy]))
    for t in (fmpq(-3), fmpq(0), fmpq(2)):
        assert judge(family.dual_form, padded.case(t)).verdict is HOLDS


def test_the_floor_is_reached_by_the_stated_size_and_no_other():
    n, spread = 64, fmpq(3)
    k, best = floor_sizes(n, spread)
    assert k <= 64 * 0.1186 <= k + 1
    entropies = {size: observe(two_level(n, size, spread))[sym.entropy] for size in range(1, n)}
    assert all(entropies[best] < value for size, value in entropies.items() if size != best)
    row = two_level(n, best, spread)
    assert judge(family.floor, floor_case(row, row_case(row))).certificate == "equality case"


def test_the_gap_bound_is_tight_to_twelve_digits():
    tightest = max(
        float(judge(family.gap_bound, case).lhs) / float(judge(family.gap_bound, case).rhs) for case in extremal("entropy.gap")
    )
    assert tightest > 1 - 1e-12
    row = two_level(1000, 418, 1.0)
    assert judge(family.gap_bound, gap_case(row_case(row))).verdict is HOLDS


@pytest.mark.parametrize("entropy", [0.7, 1.0, 2.0, 5.0])
def test_the_second_pointer_bound_needs_no_low_entropy(entropy):
    """The hypothesis H <= ln 2 is not needed; above it the bound is true and weaker than e^-H."""
    assert entropy > log(2)
    stronger = without(family.pointer_half_stronger, "low")
    assert judge(stronger, Case({sym.entropy: fmpq(*entropy.as_integer_ratio())}, "H")).verdict is FAILS
    assert "low" not in family.pointer_half.assumes


# --- properties ---------------------------------------------------------------------------------------------------------------


def test_trained_layers_are_trained_and_counted():
    outcome = attack(trained_layers, Options(layers=4, examples=0.4))
    assert outcome.layers == 4 * outcome.examples
    assert outcome.tallies["entropy.ceiling"].counts["HOLDS"] + outcome.tallies["entropy.floor"].counts["HOLDS"] > 0


def test_a_property_sees_a_planted_failure():
    wrong = with_claim(family.ceiling, sp.Le(sym.entropy, family.ceiling.claim.rhs * (1 - MILLIONTH), evaluate=False))
    cases = [row_case(two_level(8, 2, t)) for t in (0.5, 1.0, 3.0)]
    assert all(judge(wrong, case).verdict is FAILS for case in cases)
