"""The kernel accepts what is right and refuses what is wrong, one planted mistake of every kind, and names the step."""

from __future__ import annotations

import dataclasses

import pytest
import sympy as sp

from theory import lemmas, theorem_named
from theory import symbols as sym
from theory.concentration import BLOCK, E, fidelity_floor, fidelity_target, outside_mass
from theory.replay import ReplayError, replay, truth, vanishes
from theory.signs import evaluate, first_box_without_sign, possible_signs
from theory.steps import Apply, Cases, Cite, Combine, Enclosure, Identity, Manifest, MeanValue, SumOver
from theory.theorem import Equality, Hypothesis, Lemma, Witness

x, y = sp.symbols("x y", positive=True)
q, r = sp.symbols("q r", real=True)
v = sp.Symbol("v", nonnegative=True)
KEEP = {"evaluate": False}


def lemma(relation, *steps, **assumes):
    return Lemma("planted", relation, assumes, steps)


def le(a, b):
    return sp.Le(a, b, **KEEP)


ONE_TO_TWO = {"low": sp.Ge(x, 1, **KEEP), "high": sp.Le(x, 2, **KEEP)}
RIGHT = {
    "identity": lemma(sp.Eq((x + 1) ** 2, x**2 + 2 * x + 1, **KEEP), Identity("claim", sp.Eq((x + 1) ** 2, x**2 + 2 * x + 1, **KEEP))),
    "manifest": lemma(sp.Gt(x + sp.exp(r), 0, **KEEP), Manifest("claim", sp.Gt(x + sp.exp(r), 0, **KEEP))),
    "manifest form": lemma(le(2 * x * y, x**2 + y**2), Manifest("claim", le(2 * x * y, x**2 + y**2), form=(x - y) ** 2)),
    "enclosure": lemma(
        sp.Gt(x + 1 / x, sp.Rational(199, 100), **KEEP),
        Enclosure("claim", sp.Gt(x + 1 / x, sp.Rational(199, 100), **KEEP), {x: (sp.Integer(1), sp.Integer(2))}), **ONE_TO_TWO,
    ),
    "combine": lemma(le(x, 5), Combine("claim", le(x, 5), {"a": 2, "b": 1}), a=le(x, y), b=le(2 * y - x, 5)),
    "apply": lemma(le(sp.exp(r), sp.exp(v)), Apply("claim", sp.exp(r), r, "order"), order=le(r, v)),
    "mean value": lemma(
        le(sp.log(2), sp.log(2 + v)),
        MeanValue("claim", sp.log(1 + y), y, sp.Integer(1), 1 + v, Manifest("s", sp.Ge(1 / (1 + y), 0, **KEEP)), ""),
    ),
    "cite": lemma(le(sp.log(1 + v), v), Cite("claim", lemmas.log_tangent, {lemmas.x: 1 + v})),
    "cases": lemma(
        le(0, r**2),
        Cases("claim", le(0, r**2), r, (Combine("l", le(0, r**2), {"claim.low": -r}),), (Combine("h", le(0, r**2), {"claim.high": r}),)),
    ),
}  # fmt: skip


def wrong(name: str) -> Lemma:
    """The same derivation with one mistake."""
    by_name = {
        "identity": (sp.Eq((x + 1) ** 2, x**2 + 2 * x + 2, **KEEP), lambda c: Identity("claim", c)),
        "manifest": (sp.Gt(x + r, 0, **KEEP), lambda c: Manifest("claim", c)),
        "manifest strict": (sp.Gt(v, 0, **KEEP), lambda c: Manifest("claim", c)),
        "manifest form": (le(2 * x * y, x**2 + y**2), lambda c: Manifest("claim", c, form=(x + y) ** 2)),
        "manifest pole": (sp.Ge(1 / r**2, 0, **KEEP), lambda c: Manifest("claim", c)),
        "combine sum": (le(x, 4), lambda c: Combine("claim", c, {"a": 2, "b": 1})),
        "combine sign": (le(2 * y - 3 * x, 0), lambda c: Combine("claim", c, {"a": -1})),
        "combine strict": (sp.Lt(x, y, **KEEP), lambda c: Combine("claim", c, {"a": 1})),
        "combine unknown": (le(x, 5), lambda c: Combine("claim", c, {"nothing": 1})),
        "combine pole": (sp.Eq(sp.Integer(1), sp.Integer(0), **KEEP), lambda c: Combine("claim", c, {"eq": 1 / (q - 1)})),
        "apply falling": (le(sp.exp(-x), sp.exp(-y)), lambda c: Apply("claim", sp.exp(-r), r, "a")),
        "apply domain": (le(sp.log(r), sp.log(v)), lambda c: Apply("claim", sp.log(x), x, "ab")),
        "cite domain": (le(sp.log(r), r - 1), lambda c: Cite("claim", lemmas.log_tangent, {lemmas.x: r})),
        "cite vanished fact": (le(E.subs(sym.t, 1), E), lambda c: Cite("claim", outside_mass, {})),
        "claim": (le(x, 4), lambda c: Combine("claim", le(x, 5), {"a": 2, "b": 1})),
        "mean value order": (
            le(sp.log(2), sp.log(1 + x)),
            lambda c: MeanValue("claim", sp.log(y), y, sp.Integer(2), 1 + x, Manifest("s", sp.Ge(1 / y, 0, **KEEP)), ""),
        ),
        "mean value slope": (
            le(-sp.log(1 + v), sp.Integer(0)),
            lambda c: MeanValue("claim", -sp.log(y), y, sp.Integer(1), 1 + v, Manifest("s", sp.Ge(1 / y, 0, **KEEP)), ""),
        ),
        "mean value domain": (le(0, r), lambda c: MeanValue("claim", sp.log(y), y, r, v, Manifest("s", sp.Ge(1 / y, 0, **KEEP)), "ab")),
        "sum index": (le(x, y), lambda c: SumOver("claim", Manifest("p", sp.Ge(v, 0, **KEEP)), x)),
        "cases": (le(0, r), lambda c: Cases("claim", c, r, (Combine("l", c, {"claim.low": -1}),), (Combine("h", c, {"claim.high": 1}),))),
        "cases empty": (le(0, r), lambda c: Cases("claim", c, r, (), (Combine("h", c, {"claim.high": 1}),))),
    }  # fmt: skip
    relation, step = by_name[name]
    facts = {"a": le(x, y), "b": le(2 * y - x, 5), "ab": le(r, v), "eq": sp.Eq(q, 1, **KEEP)}
    return Lemma("planted", relation, facts, (step(relation),))


WRONG = [
    "identity", "manifest", "manifest strict", "manifest form", "manifest pole", "combine sum", "combine sign", "combine strict",
    "combine unknown", "combine pole", "apply falling", "apply domain", "cite domain", "cite vanished fact", "claim", "mean value order",
    "mean value slope", "mean value domain", "sum index", "cases", "cases empty",
]  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_steps_are_accepted(name):
    assert replay(RIGHT[name]).steps >= 1


@pytest.mark.parametrize("name", WRONG)
def test_a_planted_wrong_step_is_refused_and_named(name):
    with pytest.raises(ReplayError, match="planted, step 'claim'"):
        replay(wrong(name))


def test_enclosures_over_the_box_and_only_over_it():
    fact = sp.Gt(x + 1 / x, sp.Integer(2), **KEEP)  # touches 2 at x = 1: no enclosure shows it
    with pytest.raises(ReplayError, match="Arb does not show"):
        replay(lemma(fact, Enclosure("claim", fact, {x: (sp.Integer(1), sp.Integer(2))}, depth=8), **ONE_TO_TWO))
    easy = sp.Gt(x, sp.Rational(1, 2), **KEEP)
    with pytest.raises(ReplayError, match="not known to cover"):
        replay(lemma(easy, Enclosure("claim", easy, {x: (sp.Integer(1), sp.Integer(2))}), low=sp.Ge(x, 0, **KEEP)))
    assert first_box_without_sign(sp.Gt(sp.exp(x), 0, **KEEP), {x: (sp.Integer(0), sp.Integer(9))}, 3) is None
    with pytest.raises(ValueError, match="no range"):
        first_box_without_sign(sp.Gt(x + y, 0, **KEEP), {x: (sp.Integer(0), sp.Integer(9))}, 3)


def test_citing_needs_every_hypothesis():
    bare = dataclasses.replace(
        fidelity_floor, steps=(Cite("outside", outside_mass, {}, {"block": "block"}), fidelity_floor.steps[1])
    )
    replay(bare)  # the margin is a fact under any name: its gap is recognised
    no_margin = dataclasses.replace(
        bare,
        assumes={"block": BLOCK},
        needs={},
        free={"block": "domain"},
        steps=(Cite("outside", outside_mass, {}, {"block": "block"}),),
    )
    with pytest.raises(ReplayError, match=r"hypothesis 'margin' of concentration\.outside_mass"):
        replay(no_margin)


def test_citing_keeps_observables():
    stolen = dataclasses.replace(
        fidelity_floor, claim=sp.Le(x, E, **KEEP), definitions={}, equality=Equality("none"), needs={},
        free={"block": "domain", "margin": "domain"}, steps=(Cite("claim", outside_mass, {sym.eps: x}, {"margin": "margin"}),),
    )  # fmt: skip
    with pytest.raises(ReplayError, match="about symbols with the definition"):
        replay(stolen)


def test_a_letter_means_the_same_in_a_cited_theorem():
    at_zero = theorem_named("blocks.margin")  # there low_in has no dial
    dialled = dataclasses.replace(
        at_zero, name="blocks.planted", uses=(at_zero,),
        definitions=dict(at_zero.definitions) | {"low in is": theorem_named("blocks.margin_bilinear").definitions["low in is"]},
        steps=(Cite("claim", at_zero, {}, {key: key for key in at_zero.assumes}),),
    )  # fmt: skip
    with pytest.raises(ReplayError, match="Add the definition"):
        replay(dialled)


def test_uses_is_what_is_cited():
    with pytest.raises(ReplayError, match="`uses` does not list"):
        replay(dataclasses.replace(fidelity_floor, uses=()))


def test_an_equality_case_that_is_none_is_refused():
    with pytest.raises(ReplayError, match="equality case"):
        replay(dataclasses.replace(outside_mass, equality=Equality("wrong", {sym.eps: sp.Rational(1, 2)})))


def test_a_witness_that_shows_nothing_is_refused():
    harmless = Witness(
        {
            sym.n: sp.Integer(2),
            sym.g: sp.Integer(1),
            sym.t: sp.Integer(1),
            sym.margin: sp.Integer(0),
            sym.eps: sp.Rational(1, 4),
        }
    )
    with pytest.raises(ReplayError, match="does not refute"):
        replay(dataclasses.replace(outside_mass, needs={"margin": harmless}))
    inside = dataclasses.replace(harmless, values=dict(harmless.values) | {sym.margin: sp.Integer(3)})
    with pytest.raises(ReplayError, match="must break"):
        replay(dataclasses.replace(outside_mass, needs={"margin": inside}))


@pytest.mark.parametrize("statement", lemmas.LEMMAS, ids=lambda t: t.name)
def test_lemmas_replay_or_say_that_they_are_argued(statement):
    done = replay(statement)
    assert (done.steps > 0) == (not done.rests_on)


def test_theorems_say_why_each_hypothesis_is_there():
    with pytest.raises(ValueError, match="say in `needs` or `free`"):
        dataclasses.replace(outside_mass, needs={})
    with pytest.raises(ValueError, match="no hypothesis"):
        dataclasses.replace(outside_mass, free={"nonsense": "?"})
    with pytest.raises(ValueError, match=r"family\.word"):
        dataclasses.replace(outside_mass, name="nameless")
    with pytest.raises(TypeError, match="not a relation"):
        dataclasses.replace(outside_mass, claim=sp.Le(1, 2))


def test_the_hash_is_about_the_statement():
    assert outside_mass.hash != fidelity_target.hash
    assert outside_mass.hash == dataclasses.replace(outside_mass, title="other words").hash
    other = Hypothesis(sp.Ge(sym.margin, sym.t + 1, **KEEP), "", "")
    assert outside_mass.hash != dataclasses.replace(outside_mass, assumes={**outside_mass.assumes, "margin": other}).hash


def test_signs_are_supersets():
    assert possible_signs(x * y + 1) == {1}
    assert possible_signs(x - y) == {-1, 0, 1}
    assert possible_signs(sym.n - sym.g, [BLOCK.relation]) == {1}
    assert possible_signs(sym.g - sym.n, [BLOCK.relation]) == {-1}
    assert possible_signs(sp.log(2) - sp.Rational(693147, 10**6)) == {1}
    assert possible_signs(sp.log(1 + v)) == {0, 1}
    assert possible_signs(1 / r) == {-1, 0, 1}  # a pole has no sign
    assert possible_signs(sp.sqrt(v)) == {0, 1}
    assert possible_signs(sp.Max(r, 1)) == {1}
    assert possible_signs(sp.tanh(-x)) == {-1}


def test_undecided_is_not_true():
    assert truth(le(x, y), {x: sp.Integer(1), y: sp.Integer(1)}) is True
    assert truth(le(x, y), {x: sp.Integer(2), y: sp.Integer(1)}) is False
    assert truth(le(x, y), {x: (sp.sqrt(2) + sp.sqrt(3)) ** 2, y: 5 + 2 * sp.sqrt(6)}) is None  # equal, and balls cannot tell
    assert truth(le(1 / (x - y), 0), {x: sp.Integer(1), y: sp.Integer(1)}) is None
    assert not evaluate(1 / (x - y), {x: sp.Integer(1), y: sp.Integer(1)}).is_finite()


def test_vanishing_is_guarded_by_arb():
    assert vanishes(sp.exp(r + 1) - sp.E * sp.exp(r), {})
    assert not vanishes(sp.exp(r) - 1 - r, {})


def test_what_arb_refutes_is_never_simplified(monkeypatch):
    monkeypatch.setattr(sp, "simplify", lambda *_: pytest.fail("simplify may not end, or eat all memory"))
    weights = sp.Sum(sp.exp(sym.s[sym.j_in]), (sym.j_in, 1, sym.g))
    assert not vanishes(sp.log(weights) - sp.log(weights * sp.Rational(1000001, 1000000)), {})
    assert not vanishes(sym.s[sym.j_in] * sp.exp(v) - sym.s[sym.j_out] * sp.exp(v), {})
    with pytest.raises(ReplayError, match="does not add up"):
        replay(lemma(le(weights, 2 * v), Combine("claim", le(weights, 2 * v), {"h": 1}), h=le(weights, v)))


@pytest.mark.parametrize("statement", [lemma for lemma in lemmas.LEMMAS if not lemma.steps], ids=lambda t: t.name)
def test_an_argued_lemma_lowered_by_a_millionth_is_refused(statement):
    relation = statement.relation
    lowered = type(relation)(relation.lhs, relation.rhs * (1 - sp.Rational(1, 10**6)), evaluate=False)
    with pytest.raises(ReplayError, match=statement.name):
        replay(dataclasses.replace(statement, relation=lowered))


def test_a_pole_neither_refutes_nor_hides_a_mistake():
    """1/(M - 1) has a pole at M = 1, where random points may fall: they say nothing, and a wrong equation is refused at the others."""
    m = sym.anchors
    right = 1 / (m - 1) - 1 / m
    assert vanishes(right - 1 / (m * (m - 1)), {})
    assert not vanishes(right - 1 / (m * (m - 1)) - sp.Rational(1, 10**9), {})
    assert not vanishes(right - 1 / (m - 1) ** 2, {})
