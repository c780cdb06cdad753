"""Derivations that end in something false, each by another trick: the kernel refuses every one of them."""

from __future__ import annotations

import pytest
import sympy as sp

from theory import lemmas
from theory import symbols as sym
from theory.replay import ReplayError, replay
from theory.steps import Apply, Cases, Cite, Combine, Identity, Induction, Manifest, MeanValue, Step, SumOver
from theory.symbols import RANGES, c, g, j_in, j_out, k_step, n, s
from theory.theorem import Lemma

x, y = sp.symbols("x y", positive=True)
p, q, r = sp.symbols("p q r", real=True)
v, w = sp.symbols("v w", nonnegative=True)
whole = sp.Symbol("whole", integer=True)
below = sp.Symbol("below", negative=True)
norm, drift = sp.IndexedBase("norm", real=True), sp.IndexedBase("drift", real=True)
ZERO, ONE, TWO = sp.Integer(0), sp.Integer(1), sp.Integer(2)


def le(a, b):
    return sp.Le(a, b, evaluate=False)


def ge(a, b):
    return sp.Ge(a, b, evaluate=False)


def gt(a, b):
    return sp.Gt(a, b, evaluate=False)


def eq(a, b):
    return sp.Eq(a, b, evaluate=False)


def total(term, index=j_in):
    return sp.Sum(term, (index, *RANGES[index]))


def planted(claim, *steps: Step, **facts) -> Lemma:
    return Lemma("planted", claim, {name.replace("_", " "): fact for name, fact in facts.items()}, steps)


def by(claim, **weights):
    return Combine("claim", claim, {name.replace("_", " "): weight for name, weight in weights.items()})


BLOCK = ge(n - g, 1)
NEXT = eq(norm[k_step + 1], norm[k_step] + drift[k_step])
positive = Lemma("positive", gt(sp.exp(p), 0), {}, (Manifest("claim", gt(sp.exp(p), 0)),))
square = Lemma("square", ge(p**2 + v, 0), {}, (Manifest("claim", ge(p**2 + v, 0)),))
logistic = Lemma("logistic", gt(1 / (1 + sp.exp(p)) + v, 0), {}, (Manifest("claim", gt(1 / (1 + sp.exp(p)) + v, 0)),))
size = Lemma("size", eq(sp.Abs(below) + p, p - below), {}, (Identity("claim", eq(sp.Abs(below) + p, p - below)),))
all_below = Lemma(
    "all_below", le(total(s[j_in]), g * p), {"each": le(s[j_in], p)},
    (SumOver("sum", Combine("one", le(s[j_in], p), {"each": 1}), j_in), by(le(total(s[j_in]), g * p), sum=1)),
)  # fmt: skip
pulled = Lemma(
    "pulled", eq(total(p * s[j_in]), p * total(s[j_in])), {}, (Identity("claim", eq(total(p * s[j_in]), p * total(s[j_in]))),)
)


def falls(name: str, sign: int) -> Induction:
    """norm never passes norm_0, from a fact `each` that says which way every step goes."""
    relation = le if sign > 0 else ge
    return Induction(
        name, relation(norm[k_step], norm[0]), (Manifest(f"{name} base", relation(norm[0], norm[0])),),
        (Combine(f"{name} step", relation(norm[k_step + 1], norm[0]), {f"{name}.at": 1, "each": 1, "next": -sign}),), sp.Integer(3),
    )  # fmt: skip


never_up = Lemma("never_up", le(norm[3], norm[0]), {"next": NEXT, "each": le(drift[k_step], 0)}, (falls("claim", 1),))
_abs_sum = le(total(sp.Abs(s[j_in])), sp.Abs(total(s[j_in])))
_sum_sign = ge(total(s[j_in]) * s[j_in], 0)
_run_sign = ge((norm[0] - norm[3]) * -drift[k_step], 0)


def _abs_branch(sign: int) -> tuple[Step, ...]:
    return (
        SumOver("each", Manifest("one", le(sp.Abs(s[j_in]), sign * s[j_in])), j_in),
        Manifest("whole", le(sign * total(s[j_in]), sp.Abs(total(s[j_in])))),
        Combine("end", _abs_sum, {"each": 1, "whole": 1}),
    )


_jump = sp.Piecewise((r + 2, r < 0), (r - 1, True))
_bump = sp.exp(-r) + r  # 1.72 at -1, 1.37 at 1; rises on [0, inf)
_cubic = whole**3 / 3 - whole**2 / 2  # 0 at 0, -1/6 at 1; its slope is not negative at any whole number
ATTACKS = {
    # sums and what runs under them
    "a range of negative length": planted(
        le(0, n - g), SumOver("sum", Manifest("one", le(ZERO, ONE)), j_out), by(le(0, n - g), sum=1)
    ),
    "a strict sum over no key": planted(
        sp.Lt(0, n - g, evaluate=False),
        SumOver("sum", Manifest("one", sp.Lt(ZERO, ONE, evaluate=False)), j_out),
        by(sp.Lt(0, n - g, evaluate=False), sum=1),
        maybe_none=ge(n - g, 0),
    ),
    "the sign of a sum over such a range": planted(
        le(0, -2), Manifest("sum", ge(sp.Sum(ONE, (j_out, 5, 2)), 0)), by(le(0, -2), sum=1)
    ),
    "a double sum that loses a range": planted(
        eq(sp.Sum(x, (j_in, 1, 2), (j_out, 1, 3)), 2 * x), Identity("claim", eq(sp.Sum(x, (j_in, 1, 2), (j_out, 1, 3)), 2 * x))
    ),
    "a sum of sums that loses a range": planted(
        le((n - g) * g * v, total(s[j_in])),
        SumOver("inner", Combine("one", le(v, s[j_in]), {"each": 1}), j_in),
        SumOver("outer", Combine("all", le(g * v, total(s[j_in])), {"inner": 1}), j_out),
        by(le((n - g) * g * v, total(s[j_in])), outer=1),
        each=le(v, s[j_in]),
        block=BLOCK,
    ),
    "a case of one key, summed over all": planted(_abs_sum, Cases("claim", _abs_sum, s[j_in], _abs_branch(-1), _abs_branch(1))),
    "a case of one key, cited for all": planted(
        _sum_sign,
        Cases(
            "claim",
            _sum_sign,
            s[j_in],
            (Cite("all", all_below, {p: ZERO}, {"each": "claim.low"}), Combine("end", _sum_sign, {"all": -s[j_in]})),
            (Manifest("end", _sum_sign),),
        ),
    ),
    "a case of one key as a fact about a sum": planted(
        _sum_sign, Cases("claim", _sum_sign, s[j_in], (Manifest("low end", _sum_sign),), (Manifest("high end", _sum_sign),))
    ),
    "one key for every key": planted(
        le(total(s[j_in]), 0), Cite("claim", all_below, {j_in: ONE, p: ZERO}, {"each": "one"}), one=le(s[1], 0)
    ),
    "keys of one range for those of another": planted(
        le(total(s[j_in]), 0), Cite("claim", all_below, {j_in: j_out, p: ZERO}, {"each": "one"}), one=le(s[j_out], 0)
    ),
    "a longer range than was assumed": planted(
        le(sp.Sum(s[j_in], (j_in, 1, n)), 0), Cite("claim", all_below, {g: n, p: ZERO}, {"each": "one"}), one=le(s[j_in], 0)
    ),
    "a bound that is another for each key": planted(le(total(s[j_in]), g * s[j_in]), Cite("claim", all_below, {p: s[j_in]})),
    "a value caught by a sum": planted(eq(total(s[j_in] ** 2), s[j_in] * total(s[j_in])), Cite("claim", pulled, {p: s[j_in]})),
    "a side caught by a sum": planted(
        le(total(s[j_in], j_in).subs(g, n), n * p),
        Apply("sum", sp.Sum(r + c[j_in], (j_in, 1, n)), r, "each"),
        by(le(sp.Sum(s[j_in], (j_in, 1, n)), n * p), sum=1),
        each=le(s[j_in], p),
    ),
    "the sign of keys of another range": planted(
        ge(sp.Sum(s[j_in], (j_in, g + 1, n)), 0),
        Manifest("claim", ge(sp.Sum(s[j_in], (j_in, g + 1, n)), 0)),
        each=ge(s[j_in], 0),
        block=BLOCK,
    ),
    "the absolute value of keys of another range": planted(
        eq(sp.Sum(sp.Abs(s[j_in]), (j_in, g + 1, n)), sp.Sum(s[j_in], (j_in, g + 1, n))),
        Identity("claim", eq(sp.Sum(sp.Abs(s[j_in]), (j_in, g + 1, n)), sp.Sum(s[j_in], (j_in, g + 1, n)))),
        each=ge(s[j_in], 0),
    ),
    "a letter that n - g is replaced by": planted(
        eq(sym.m * s[j_in], (n - g) * s[j_in]), Identity("claim", eq(sym.m * s[j_in], (n - g) * s[j_in])), block=BLOCK
    ),
    # runs
    "a case of one step, cited for all": planted(
        _run_sign,
        Cases(
            "claim",
            _run_sign,
            drift[k_step],
            (
                Cite("run", never_up, {}, {"next": "next", "each": "claim.low"}),
                Combine("end", _run_sign, {"run": -drift[k_step]}),
            ),
            (Manifest("end", _run_sign),),
        ),
        next=NEXT,
    ),
    "a case of one step, hidden by another fact": planted(
        le(norm[3], norm[0]),
        Cases(
            "claim",
            le(norm[3], norm[0]),
            drift[k_step],
            (Combine("each", le(drift[k_step], 0), {"claim.low": 1}), Manifest("claim.low", le(ZERO, ONE)), falls("end", 1)),
            (Combine("end", le(norm[3], norm[0]), {"down": 1}),),
        ),
        next=NEXT,
        down=le(norm[3], norm[0]),
    ),
    # functions
    "a slope at whole numbers": planted(
        le(ZERO, -sp.Rational(1, 6)),
        MeanValue(
            "claim",
            _cubic,
            whole,
            ZERO,
            ONE,
            Cases(
                "slope",
                ge(whole * (whole - 1), 0),
                whole,
                (Combine("low end", ge(whole * (whole - 1), 0), {"slope.low": 1 - whole}),),
                (Combine("high end", ge(whole * (whole - 1), 0), {"slope.high": whole}),),
                whole=True,
            ),
            "",
        ),
    ),
    "a slope on both sides of a pole": planted(
        le(ONE, -ONE), MeanValue("claim", -1 / r, r, -ONE, ONE, Cite("slope", positive, {p: -sp.log(r**2)}), "")
    ),
    "a slope on both sides of a jump": planted(
        le(ONE, ZERO), MeanValue("claim", _jump, r, -ONE, ONE, Manifest("slope", ge(ONE, 0)), "")
    ),
    "an interval that moves with the point": planted(
        le(_bump.subs(r, -r), _bump.subs(r, sp.Abs(r))),
        MeanValue(
            "claim",
            _bump,
            r,
            -r,
            sp.Abs(r),
            Cases(
                "slope",
                ge(1 - sp.exp(-r), 0),
                r,
                (
                    Combine("right", ge(r, 0), {"claim.low": sp.Rational(1, 2)}),
                    Cite("low tangent", lemmas.exp_tangent, {lemmas.p: r}),
                    Combine("low end", ge(1 - sp.exp(-r), 0), {"low tangent": sp.exp(-r), "right": sp.exp(-r)}),
                ),
                (
                    Cite("tangent", lemmas.exp_tangent, {lemmas.p: r}),
                    Combine("end", ge(1 - sp.exp(-r), 0), {"tangent": sp.exp(-r), "slope.high": sp.exp(-r)}),
                ),
            ),
            "",
        ),
    ),
    "the tangent, which jumps": planted(
        le(0, sp.tan(v)), Manifest("order", ge(v, 0)), Apply("tan", sp.tan(r), r, "order"), by(le(0, sp.tan(v)), tan=1)
    ),
    "a function that jumps": planted(le(ONE, ZERO), Manifest("order", le(-ONE, ONE)), Apply("claim", _jump, r, "order")),
    "a function that rises where a fact holds": planted(
        le(16, 9), Manifest("order", le(sp.Integer(-5), TWO)), Apply("claim", (r + 1) ** 2, r, "order"), known=ge(r + 1, 0)
    ),
    # numbers that are none
    "i": planted(ge(v - 1, 0), Cite("claim", square, {p: sp.I})),
    "infinity": planted(gt(v, 0), Cite("claim", logistic, {p: sp.oo})),
    "the logarithm of zero": planted(gt(v, 0), Cite("claim", positive, {p: sp.log(v)})),
    "the logarithm of zero, applied": planted(
        gt(v, 0),
        Manifest("less", gt(sp.log(v), sp.log(v) - 1)),
        Apply("more", sp.exp(r), r, "less"),
        by(gt(v, 0), more=1 / (1 - sp.exp(-1))),
    ),
    "the square of an undefined root": planted(
        ge(r, 0), Manifest("square", ge(sp.Pow(sp.sqrt(r), 2, evaluate=False), 0)), by(ge(r, 0), square=1)
    ),
    "a case that is undefined": planted(
        gt(q**2, -1),
        Cases("claim", gt(q**2, -1), 1 / q, (Manifest("low end", gt(q**2, -1)),), (Manifest("high end", gt(q**2, -1)),)),
    ),
    "something else than a letter replaced": planted(
        le(1 + p, 0), Cite("claim", lemmas.exp_tangent, {sp.exp(lemmas.p): ZERO, lemmas.p: p})
    ),
    "a number replaced": planted(
        le(sp.log(x), x - 50), Cite("claim", lemmas.log_tangent, {-ONE: sp.Integer(-50), lemmas.x: x})
    ),
    "a letter declared negative": planted(eq(2 * x + p, p), Cite("claim", size, {below: x})),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_false_derivation_is_refused(name):
    with pytest.raises(ReplayError, match="planted"):
        replay(ATTACKS[name])
