"""False recruitment: an alternative that was fixed before it was scored saves K nats with probability at most e^-K.

    P{ x : -ln Q(x) <= -ln P(x) - K } <= e^-K,      sum of Q at most 1, P the law of the data

Several candidates need penalties that are code lengths: sum of e^-pen at most 1 (Kraft). A block that was fitted to the data it
is scored on is no such alternative; its likelihoods sum to C > 1, and the bound is C e^-K. A norm is no code length either.
Statements of the family `recruitment`; the outcomes on which a test recruits are numbered 1..E.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.lemmas import v, w
from theory.recruitment_budget import SOURCE, eq, rel
from theory.recruitment_formulas import false_recruitment, fitted_recruitment
from theory.steps import Apply, Cite, Combine, Manifest, SumOver
from theory.symbols import (
    best_at,
    best_penalty_at,
    candidate_ball,
    candidate_mass,
    candidate_mass_at,
    candidate_norm_at,
    candidates,
    code_at,
    code_mass,
    current_at,
    false_rate,
    fit_mass,
    i_candidate,
    i_outcome,
    kraft_sum,
    lam,
    law_at,
    offset_bound,
    offset_worst,
    penalty_at,
    recruit_norm,
    recruiting,
    threshold_nats,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

_one, _half = sp.Integer(1), sp.Rational(1, 2)
_p, _q = law_at[i_outcome], code_at[i_outcome]
_over = (i_outcome, 1, recruiting)
_x = sp.Symbol("x", real=True)

term_of_sum = Lemma(
    "term_of_sum",
    sp.Le(v, w, **rel),
    attained={v: 1, w: 1},
    reason="v is one of the non-negative terms that w is the sum of.",
)

EVENT: dict[str, Relational] = {
    "P is": eq(false_rate, sp.Sum(_p, _over)),
    "Q is": eq(code_mass, sp.Sum(_q, _over)),
}
SAVES: dict[str, Relational] = EVENT | {"saves": sp.Ge(_q, sp.exp(threshold_nats) * _p, **rel)}
SUB = Hypothesis(
    sp.Le(code_mass, 1, **rel),
    "the alternative's probabilities sum to at most 1, whatever is scored",
    "Fix the alternative before scoring, predict each token from those before it, or pay for its parameters.",
)
_summed = SumOver("over the outcomes", Combine("one outcome", sp.Le(_p, sp.exp(-threshold_nats) * _q, **rel),
    {"saves": sp.exp(-threshold_nats)}), i_outcome)  # fmt: skip
_rate = sp.Le(false_rate, false_recruitment.stated, **rel)
_ATTAINED = Equality("e^-K of the law on outcomes that the alternative is certain of", {false_rate: false_recruitment.stated})

parameter_cost = Theorem(
    name="recruitment.parameter_cost",
    title="A fitted block saves K nats with probability at most C e^-K: its parameters cost ln C nats",
    claim=sp.Le(false_rate, fitted_recruitment.stated, **rel),
    assumes={
        "mass": Hypothesis(
            sp.Le(code_mass, fit_mass, **rel),
            "the greatest likelihoods sum to at most C over all outcomes",
            "Compute the sum (Shtarkov's); it grows like a power of the number of samples.",
        )
    },
    definitions=SAVES,
    steps=(
        _summed,
        Combine(
            "claim", sp.Le(false_rate, fitted_recruitment.stated, **rel),
            {"P is": -1, "over the outcomes": 1, "Q is": sp.exp(-threshold_nats), "mass": sp.exp(-threshold_nats)},
        ),
    ),
    equality=Equality("all of C on outcomes that save exactly K", {false_rate: fitted_recruitment.stated}),
    needs={
        "mass": Witness(
            {false_rate: _half, code_mass: sp.Integer(2), fit_mass: _one, threshold_nats: 2 * sp.log(2)},
            text="two tosses of a fair coin: both alike with probability 1/2, and the fitted coin then saves 2 ln 2; C is 5/2",
        )
    },
    source=f"{SOURCE}; the parameter cost that plain likelihood leaves out",
)  # fmt: skip

compression = Theorem(
    name="recruitment.compression",
    title="An alternative fixed beforehand saves K nats with probability at most e^-K",
    claim=_rate,
    assumes={"subprobability": SUB},
    definitions=SAVES,
    steps=(Cite("claim", parameter_cost, {fit_mass: _one}, {"mass": "subprobability"}),),
    equality=_ATTAINED,
    needs={
        "subprobability": Witness(
            {false_rate: _half, code_mass: sp.Integer(2), threshold_nats: 2 * sp.log(2)},
            text="the fitted coin on two tosses: 1/2 above e^-K = 1/4",
        )
    },
    uses=(parameter_cost,),
    source=SOURCE,
)

_pen, _mass = penalty_at[i_candidate], candidate_mass_at[i_candidate]
_saved = sp.exp(threshold_nats + best_penalty_at[i_outcome]) * _p
_chosen = sp.exp(-best_penalty_at[i_outcome]) * best_at[i_outcome]
KRAFT_SUM = {"kraft is": eq(kraft_sum, sp.Sum(sp.exp(-_pen), (i_candidate, 1, candidates)))}
kraft = Theorem(
    name="recruitment.kraft",
    title="Many candidates with penalties that are code lengths: still at most e^-K for all of them together",
    claim=_rate,
    assumes={
        "subprobability": Hypothesis(sp.Le(candidate_mass, 1, **rel), SUB.text.replace("the", "each", 1), SUB.remedy),
        "kraft": Hypothesis(
            sp.Le(kraft_sum, 1, **rel),
            "the penalties satisfy Kraft's inequality: sum of e^-pen at most 1",
            "Add ln(sum of e^-pen) to every penalty.",
        ),
    },
    definitions=EVENT
    | KRAFT_SUM
    | {
        # Q is the mixture of the candidates, weighted with e^-pen; on every recruiting outcome some candidate B saves enough
        "candidate saves": sp.Ge(best_at[i_outcome], _saved, **rel),
        "mixture is": eq(code_mass, sp.Sum(sp.exp(-_pen) * _mass, (i_candidate, 1, candidates))),
        "greatest is": sp.Le(_mass, candidate_mass, **rel),
    },
    steps=(
        Cite("its share", term_of_sum, {v: _chosen, w: _q}),
        Combine(
            "saves", sp.Ge(_q, sp.exp(threshold_nats) * _p, **rel),
            {"its share": 1, "candidate saves": sp.exp(-best_penalty_at[i_outcome])},
        ),
        SumOver(
            "over the candidates",
            Combine(
                "one candidate", sp.Le(sp.exp(-_pen) * _mass, sp.exp(-_pen), **rel),
                {"greatest is": sp.exp(-_pen), "subprobability": sp.exp(-_pen)},
            ),
            i_candidate,
        ),
        Combine(
            "mixture", sp.Le(code_mass, 1, **rel),
            {"mixture is": -1, "over the candidates": 1, "kraft is": 1, "kraft": 1},
        ),
        Cite("claim", compression, {}, {"subprobability": "mixture"}),
    ),
    equality=Equality(
        "equal penalties ln M, disjoint outcomes, each candidate certain of its own", {false_rate: false_recruitment.stated}
    ),
    needs={
        "subprobability": Witness(
            {false_rate: _half, candidate_mass: sp.Integer(2), kraft_sum: _one, threshold_nats: 2 * sp.log(2)},
            text="one candidate, fitted to two tosses",
        ),
        "kraft": Witness(
            {false_rate: _one, candidate_mass: _one, kraft_sum: sp.Integer(8), threshold_nats: sp.log(8)},
            text="eight equally likely outcomes, a candidate certain of each, no penalty: one of them always saves ln 8",
        ),
    },
    uses=(compression,),
    source=SOURCE,
)  # fmt: skip

_c = current_at[i_outcome]
offset = Theorem(
    name="recruitment.offset",
    title="Against a current model that is not the law: the excess of its code length comes off the threshold",
    claim=sp.Le(false_rate, sp.exp(offset_bound - threshold_nats), **rel),
    assumes={
        "subprobability": SUB,
        "offset": Hypothesis(
            sp.Le(offset_worst, offset_bound, **rel),
            "the current model codes no outcome with more than pen_0 nats above the law of the data",
            "Train it first, or read a recruitment as `the current model is not the law'.",
        ),
    },
    definitions=EVENT
    | {
        "saves": sp.Ge(_q, sp.exp(threshold_nats) * _c, **rel),
        "excess is": sp.Ge(_c, sp.exp(-offset_worst) * _p, **rel),
    },
    steps=(
        SumOver(
            "over the outcomes",
            Combine(
                "one outcome", sp.Le(_p, sp.exp(offset_worst - threshold_nats) * _q, **rel),
                {"excess is": sp.exp(offset_worst), "saves": sp.exp(offset_worst - threshold_nats)},
            ),
            i_outcome,
        ),
        Apply("more", sp.exp(_x - threshold_nats), _x, "offset"),
        Combine(
            "claim", sp.Le(false_rate, sp.exp(offset_bound - threshold_nats), **rel),
            {"P is": -1, "over the outcomes": 1, "Q is": sp.exp(offset_worst - threshold_nats),
             "subprobability": sp.exp(offset_worst - threshold_nats), "more": 1},
        ),
    ),
    equality=Equality(
        "the excess is pen_0 on outcomes that the alternative is certain of", {false_rate: sp.exp(offset_bound - threshold_nats)}
    ),
    needs={
        "subprobability": Witness(
            {false_rate: _half, code_mass: sp.Integer(2), threshold_nats: 2 * sp.log(2), offset_worst: sp.Integer(0),
             offset_bound: sp.Integer(0)},
            text="the fitted coin on two tosses",
        ),
        "offset": Witness(
            {false_rate: _one, code_mass: _one, threshold_nats: sp.log(4), offset_worst: sp.log(4), offset_bound: sp.Integer(0)},
            text="a current model that gives 1/4 to what is certain",
        ),
    },
    source=f"{SOURCE}; what a recruitment says when no model is the law",
)  # fmt: skip

FITTED_RATE = sp.Rational(53, 64)  # ten coins tossed twice each: at least four fall alike
fitted = Theorem(
    name="recruitment.fitted",
    title="Ten coins fitted to two tosses each save 5 nats with probability 53/64, not e^-5",
    claim=sp.Gt(FITTED_RATE, sp.exp(-5), **rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(FITTED_RATE, sp.exp(-5), **rel)),),
    equality=Equality("a counterexample: a coin whose tosses fall alike saves 2 ln 2, and 4 * 2 ln 2 > 5"),
    source=f"{SOURCE}; penalised likelihood without a parameter cost",
    kind="counterexample",
)

CHI_SQUARE = sp.exp(-5) * sum((sp.Rational(5) ** j / sp.factorial(j) for j in range(5)), sp.Integer(0))
gaussian_fitted = Theorem(
    name="recruitment.gaussian_fitted",
    title="Ten fitted means save ten halves of a nat with probability 0.44 when there is nothing to find",
    claim=sp.Gt(CHI_SQUARE, sp.exp(-5), **rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(CHI_SQUARE, sp.exp(-5), **rel)),),
    equality=Equality(
        "a counterexample: p fitted means of unit Gaussians save half a chi-square of p degrees, which is at least k with "
        "probability e^-k (1 + k + ... + k^(p/2 - 1)/(p/2 - 1)!), p even"
    ),
    source=f"{SOURCE}; the same for weights",
    kind="counterexample",
)

lasso = Theorem(
    name="recruitment.lasso",
    title="A group norm is no code length: more than e^(lam rho) candidates in a ball break Kraft's inequality",
    claim=sp.Gt(kraft_sum, 1, **rel),
    assumes={
        "ball": Hypothesis(
            sp.Le(recruit_norm, candidate_ball, **rel), "the candidates lie in a ball of radius rho", "Take a greater ball."
        ),
        "many": Hypothesis(
            sp.Gt(candidates, sp.exp(lam * candidate_ball), **rel),
            "there are more than e^(lam rho) candidates",
            "Fewer may satisfy Kraft's inequality.",
        ),
    },
    definitions=KRAFT_SUM
    | {
        "penalty is": eq(_pen, lam * candidate_norm_at[i_candidate]),
        "greatest is": sp.Le(candidate_norm_at[i_candidate], recruit_norm, **rel),
    },
    steps=(
        Combine(
            "not above", sp.Ge(-_pen, -lam * candidate_ball, **rel),
            {"penalty is": -1, "greatest is": lam, "ball": lam},
        ),
        SumOver("over the candidates", Apply("each", sp.exp(_x), _x, "not above"), i_candidate),
        Combine(
            "claim", sp.Gt(kraft_sum, 1, **rel),
            {"kraft is": 1, "over the candidates": 1, "many": sp.exp(-lam * candidate_ball)},
        ),
    ),
    equality=Equality("strict: e^(lam rho) candidates on the sphere have Kraft sum 1"),
    needs={
        "ball": Witness(
            {recruit_norm: sp.Integer(9), candidate_ball: _one, lam: _one, candidates: sp.Integer(3), kraft_sum: _half},
            text="three candidates far outside the ball",
        ),
        "many": Witness(
            {recruit_norm: _one, candidate_ball: _one, lam: _one, candidates: _one, kraft_sum: sp.exp(-1)},
            text="one candidate on the sphere",
        ),
    },
    source="2510.09338, 2510.17358: group-sparsity penalties as the price of a block",
)  # fmt: skip

LASSO_OUTCOMES = 1000
lasso_recruits = Theorem(
    name="recruitment.lasso_recruits",
    title="With a norm of 1 as penalty a thousand candidates recruit at ln 1000 - 1 nats, always",
    claim=sp.Gt(1, sp.exp(1 - sp.log(LASSO_OUTCOMES)), **rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(1, sp.exp(1 - sp.log(LASSO_OUTCOMES)), **rel)),),
    equality=Equality("a counterexample: 1000 equally likely outcomes, a candidate certain of each; the promise was 0.0027"),
    source="2510.09338, 2510.17358: group-sparsity penalties as the price of a block",
    kind="counterexample",
)

CODES: tuple[Theorem, ...] = (
    compression, parameter_cost, kraft, offset, fitted, gaussian_fitted, lasso, lasso_recruits,
)  # fmt: skip
