"""The norm budget: how long queries must be so that each of M pointers finds its own anchor, in any number of dimensions.

Query i has the score <q_i, a_j> with anchor j, |q_i| <= kappa, |a_j| <= 1; its own anchor is a_i. drop_ij is <q_i, a_i> minus
<q_i, a_j>. Fidelity phi at all M anchors forces kappa >= ((M - 1)/M)(ln(M - 1) + logit phi); the simplex attains it.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.anchors_formulas import NEED, code_budget, margin_cap, norm_budget_floor, packing_cap
from theory.anchors_lemmas import about_the_mean, mean_of_others, own_against_mean, packed, pair_apart
from theory.anchors_redundancy import eq
from theory.entropy_lemmas import gibbs_term, log_quotient
from theory.lemmas import cauchy_schwarz, exp_tangent
from theory.steps import Apply, Cite, Combine, Manifest, Step, SumOver
from theory.symbols import (
    anchor_norm,
    anchors,
    centred_at,
    coherence,
    coherence_bound,
    drop_of,
    eps,
    fidelity,
    fidelity_of,
    hull_distance,
    hull_entropy,
    i_anchor,
    j_rival,
    lead_at,
    least_fidelity,
    least_lead,
    mean_lead,
    norm_budget,
    norm_of,
    odds_of,
    offset_at,
    phi,
    query_norm,
    query_of,
    separation,
    share_of,
    share_surprisal,
    t,
    width,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_I = sp.Integer
_M, _kappa, _i, _j = anchors, norm_budget, i_anchor, j_rival
_x = sp.Symbol("x", real=True)
_y = sp.Symbol("y", positive=True)
_v = sp.Symbol("v", nonnegative=True)
ALL, OTHERS = (_i, 1, _M), (_j, 1, _M - 1)
SOURCE = "2510.09338: information-theoretic anchor design, explicit threshold conditions for pointer fidelity"

SEVERAL = Hypothesis(sp.Ge(_M, 2, **_rel), "M >= 2 anchors", "One pointer needs no code: it cannot be confused.")
UNIT = Hypothesis(
    sp.Le(anchor_norm, 1, **_rel), "every anchor has norm at most 1",
    "Divide the anchors by their greatest norm and multiply kappa by it.",
)  # fmt: skip
SHORT = Hypothesis(sp.Le(query_norm, _kappa, **_rel), "every query has norm at most kappa", "Claim the greatest measured norm.")
OPEN = Hypothesis(sp.Lt(phi, 1, **_rel), "0 < phi < 1", "No finite query has fidelity 1.")
FAITHFUL = Hypothesis(
    sp.Ge(least_fidelity, phi, **_rel),
    "every query has fidelity at least phi to its own anchor",
    "Claim the least measured fidelity.",
)
FREE = {"several": "with one anchor the formula reads ln 0: nothing can be confused"}
FREE_TARGET = FREE | {"target": "for phi >= 1 the log-odds are no number"}

# What the numbers of a system of anchors and queries are.
LEADS = {
    "lead is": eq((_M - 1) * lead_at[_i], sp.Sum(drop_of[_i, _j], OTHERS)),
    "mean lead is": eq(_M * mean_lead, sp.Sum(lead_at[_i], ALL)),
    "a query": sp.Le(query_of[_i], query_norm, **_rel),
    "an anchor": sp.Le(norm_of[_i], anchor_norm, **_rel),
}
ODDS = {
    "odds is": eq(odds_of[_i], sp.Sum(sp.exp(-drop_of[_i, _j]), OTHERS)),
    "F at": eq(fidelity_of[_i], 1 / (1 + odds_of[_i])),
}
FIDELITIES = ODDS | {"least F": sp.Ge(fidelity_of[_i], least_fidelity, **_rel)}
LEAST = {"least lead": sp.Ge(drop_of[_i, _j], least_lead, **_rel)}

_cap = margin_cap.stated
_mean = sp.Le(mean_lead, _cap, **_rel)
_half = _kappa * (1 + offset_at[_i] ** 2) / 2
mean_margin = Theorem(
    name="anchors.mean_margin",
    title="Own score minus another's, mean over all pairs: at most kappa M/(M - 1), in any dimension",
    claim=_mean,
    assumes={"several": SEVERAL, "unit": UNIT, "short": SHORT},
    definitions=LEADS,
    steps=(
        Cite("inner", cauchy_schwarz, {lemmas.p: centred_at[_i], lemmas.v: query_of[_i], lemmas.w: offset_at[_i]}),
        Manifest("size", sp.Le(centred_at[_i], sp.Abs(centred_at[_i]), **_rel)),
        Manifest("square", sp.Ge((1 - offset_at[_i]) ** 2, 0, **_rel)),
        Combine(
            "along the query", sp.Le(centred_at[_i], _half, **_rel),
            {"inner": 1, "size": 1, "a query": offset_at[_i], "short": offset_at[_i], "square": _kappa / 2},
        ),
        Cite("centred", own_against_mean, {lemmas.x: _M, lemmas.p: lead_at[_i], lemmas.q: centred_at[_i]}),
        SumOver(
            "leads",
            Combine(
                "one lead", sp.Le(lead_at[_i], _M / (_M - 1) * _half, **_rel),
                {"centred": -1 / (_M - 1), "along the query": _M / (_M - 1)},
            ), _i,
        ),
        Cite(
            "spread", about_the_mean,
            {lemmas.v: sp.Sum(offset_at[_i] ** 2, ALL), lemmas.w: sp.Sum(norm_of[_i] ** 2, ALL)},
        ),
        Combine("at most 1", sp.Le(norm_of[_i], 1, **_rel), {"an anchor": 1, "unit": 1}),
        SumOver("squares", Apply("one square", _v**2, _v, "at most 1"), _i),
        Combine(
            "claim", _mean,
            {
                "mean lead is": -1 / _M, "leads": 1 / _M, "spread": _kappa / (2 * (_M - 1)), "squares": _kappa / (2 * (_M - 1)),
            },
        ),
    ),
    equality=Equality("the simplex with queries kappa a_i", {mean_lead: _cap}),
    needs={
        "unit": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(1), anchor_norm: _I(2), mean_lead: _I(4)},
            text="anchors 2 and -2 on a line, queries 1 and -1: both lead by 4",
        ),
        "short": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(2), anchor_norm: _I(1), mean_lead: _I(4)},
            text="anchors 1 and -1, queries 2 and -2: both lead by 4",
        ),
    },
    free=FREE,
    source=SOURCE,
)  # fmt: skip

_least = sp.Le(least_lead, _cap, **_rel)
least_margin = Theorem(
    name="anchors.margin_cap",
    title="A margin at all M anchors is at most kappa M/(M - 1)",
    claim=_least,
    assumes={"several": SEVERAL, "unit": UNIT, "short": SHORT},
    definitions=LEADS | LEAST,
    steps=(
        SumOver("drops", Combine("one drop", sp.Ge(drop_of[_i, _j], least_lead, **_rel), {"least lead": 1}), _j),
        SumOver(
            "leads",
            Combine("one lead", sp.Ge(lead_at[_i], least_lead, **_rel), {"drops": 1 / (_M - 1), "lead is": 1 / (_M - 1)}), _i,
        ),
        Cite("mean", mean_margin, {}, {"several": "several", "unit": "unit", "short": "short"}),
        Combine("claim", _least, {"leads": 1 / _M, "mean lead is": 1 / _M, "mean": 1}),
    ),
    equality=Equality("the simplex with queries kappa a_i", {least_lead: _cap}),
    needs={
        "unit": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(1), anchor_norm: _I(2), least_lead: _I(4)},
            text="anchors 2 and -2 on a line, queries 1 and -1",
        ),
        "short": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(2), anchor_norm: _I(1), least_lead: _I(4)},
            text="anchors 1 and -1, queries 2 and -2",
        ),
    },
    free=FREE,
    uses=(mean_margin,),
    source=SOURCE,
)  # fmt: skip

NEEDED = NEED.subs(eps, 1 - phi)  # ln(M - 1) + logit phi
_log_odds = sp.log(phi / (1 - phi))
# ln odds of a query with fidelity phi or more, from above
FEW_ODDS: tuple[Step, ...] = (
    Combine("failing", sp.Gt(1 - phi, 0, **_rel), {"target": 1}),
    Combine(
        "odds at most", sp.Le(odds_of[_i], (1 - phi) / phi, **_rel),
        {"F at": -(1 + odds_of[_i]) / phi, "least F": (1 + odds_of[_i]) / phi, "faithful": (1 + odds_of[_i]) / phi},
    ),
    Apply("ln odds at most", sp.log(_y), _y, "odds at most"),
    Cite("ln (1 - phi)/phi", log_quotient, {lemmas.x: 1 - phi, lemmas.y: phi}),
    Cite("ln phi/(1 - phi)", log_quotient, {lemmas.x: phi, lemmas.y: 1 - phi}),
    Combine(
        "log-odds", sp.Le(sp.log(odds_of[_i]), -_log_odds, **_rel),
        {"ln odds at most": 1, "ln (1 - phi)/phi": -1, "ln phi/(1 - phi)": -1},
    ),
)  # fmt: skip

_budget = sp.Ge(_kappa, norm_budget_floor.stated.subs(eps, 1 - phi), **_rel)
least_budget = Theorem(
    name="anchors.norm_budget",
    title="The norm budget: no queries shorter than kappa* are faithful at all M anchors",
    claim=_budget,
    assumes={"several": SEVERAL, "unit": UNIT, "short": SHORT, "target": OPEN, "faithful": FAITHFUL},
    definitions=LEADS | FIDELITIES,
    steps=(
        SumOver("tangents", Cite("tangent", exp_tangent, {lemmas.p: lead_at[_i] - drop_of[_i, _j]}), _j),
        Combine(
            "odds at least", sp.Ge(odds_of[_i], (_M - 1) * sp.exp(-lead_at[_i]), **_rel),
            {"odds is": 1, "tangents": sp.exp(-lead_at[_i]), "lead is": sp.exp(-lead_at[_i])},
        ),
        Apply("ln odds at least", sp.log(_y), _y, "odds at least"),
        *FEW_ODDS,
        SumOver(
            "leads",
            Combine("one lead", sp.Ge(lead_at[_i], NEEDED, **_rel), {"ln odds at least": 1, "log-odds": 1}), _i,
        ),
        Cite("mean", mean_margin, {}, {"several": "several", "unit": "unit", "short": "short"}),
        Combine(
            "claim", _budget,
            {"mean": (_M - 1) / _M, "mean lead is": (_M - 1) / _M**2, "leads": (_M - 1) / _M**2},
        ),
    ),
    equality=Equality("the simplex with queries kappa* a_i", {_kappa: norm_budget_floor.stated.subs(eps, 1 - phi)}),
    needs={
        "unit": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(1), anchor_norm: _I(2), phi: _I(9) / 10,
                least_fidelity: 1 / (1 + sp.exp(-4))},
            text="anchors 2 and -2, queries 1 and -1: fidelity 0.982; unit anchors need kappa 1.1 for 0.9",
        ),
        "short": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(2), anchor_norm: _I(1), phi: _I(9) / 10,
                least_fidelity: 1 / (1 + sp.exp(-4))},
            text="anchors 1 and -1, queries 2 and -2: fidelity 0.982",
        ),
        "faithful": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(1), anchor_norm: _I(1), phi: _I(9) / 10,
                least_fidelity: 1 / (1 + sp.exp(-2))},
            text="anchors 1 and -1, queries 1 and -1: fidelity 0.881, not 0.9",
        ),
    },
    free=FREE_TARGET,
    uses=(mean_margin,),
    source=SOURCE,
)  # fmt: skip

_simplex_odds = (_M - 1) * sp.exp(-_cap)
SIMPLEX = {
    "odds is": eq(odds_of[_i], sp.Sum(sp.exp(-drop_of[_i, _j]), OTHERS)),
    "F is": eq(fidelity, 1 / (1 + odds_of[_i])),
    "drop is": eq(drop_of[_i, _j], _kappa * (1 + 1 / (_M - 1))),  # kappa (1 - cos), cos = -1/(M - 1)
}
_simplex = eq(fidelity, 1 / (1 + _simplex_odds))
simplex = Theorem(
    name="anchors.simplex",
    title="Fidelity at every anchor of the regular simplex, queries kappa times the anchors",
    claim=_simplex,
    assumes={"several": SEVERAL},
    definitions=SIMPLEX,
    steps=(
        SumOver("terms", Apply("one term", sp.exp(-_x), _x, "drop is"), _j),
        Combine("odds closed", eq(odds_of[_i], _simplex_odds), {"odds is": 1, "terms": 1}),
        Combine("claim", _simplex, {"F is": 1, "odds closed": -1 / ((1 + odds_of[_i]) * (1 + _simplex_odds))}),
    ),
    equality=Equality("an identity"),
    free=FREE,
    source=SOURCE,
    kind="identity",
)  # fmt: skip

_star = norm_budget_floor.stated.subs(eps, 1 - phi)
attained = Theorem(
    name="anchors.simplex_attains",
    title="The simplex attains the norm budget: at kappa* every fidelity is phi",
    claim=eq(fidelity, phi),
    assumes={
        "several": SEVERAL, "target": OPEN,
        "budget": Hypothesis(eq(_kappa, _star), "kappa = kappa*(M, phi)", "At another norm the fidelity is `anchors.simplex`."),
    },
    definitions=SIMPLEX,
    steps=(
        Cite("F", simplex, {}, {"several": "several"}),
        Combine("failing", sp.Gt(1 - phi, 0, **_rel), {"target": 1}),
        Manifest("one other", sp.Gt(_M - 1, 0, **_rel)),
        Cite("ln phi/(1 - phi)", log_quotient, {lemmas.x: phi, lemmas.y: 1 - phi}),
        Combine(
            "exponent", eq(-_cap, sp.log(1 - phi) - sp.log(phi) - sp.log(_M - 1)),
            {"budget": -_M / (_M - 1), "ln phi/(1 - phi)": -1},
        ),
        Apply("e^exponent", sp.exp(_x), _x, "exponent"),
        Combine(
            "claim", eq(fidelity, phi), {"F": 1, "e^exponent": -phi * (_M - 1) / (1 + _simplex_odds)},
        ),
    ),
    equality=Equality("an identity"),
    needs={
        "budget": Witness(
            {_M: _I(2), phi: _I(9) / 10, _kappa: _I(1), fidelity: 1 / (1 + sp.exp(-2))}, text="at kappa = 1 two anchors hold 0.881"
        )
    },
    free=FREE_TARGET,
    uses=(simplex,),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

BELOW_1 = Hypothesis(sp.Lt(coherence_bound, 1, **_rel), "mu < 1", "Two anchors in one direction cannot be told apart.")
TIED = ODDS | {
    "F is": eq(fidelity, 1 / (1 + odds_of[_i])),
    "drop at least": sp.Ge(drop_of[_i, _j], _kappa * (1 - coherence), **_rel),  # drop = kappa (1 - cos), queries kappa a_i
}
_scaled = 1 - coherence_bound
_faithful = sp.Ge(fidelity, phi, **_rel)
enough = Theorem(
    name="anchors.enough",
    title="Queries kappa a_i of that norm are faithful at M unit anchors of coherence at most mu",
    claim=_faithful,
    assumes={
        "several": SEVERAL, "target": OPEN, "below 1": BELOW_1,
        "coherent": Hypothesis(sp.Le(coherence, coherence_bound, **_rel), "cosines are at most mu", "Claim the measured one."),
        "budget": Hypothesis(
            sp.Ge(_kappa, code_budget.stated.subs(eps, 1 - phi), **_rel), "kappa >= (ln(M - 1) + logit phi)/(1 - mu)",
            "Raise the norm of the queries or lower the temperature: kappa counts both.",
        ),
    },
    definitions=TIED,
    steps=(
        Combine("failing", sp.Gt(1 - phi, 0, **_rel), {"target": 1}),
        Combine("apart", sp.Gt(_scaled, 0, **_rel), {"below 1": 1}),
        Combine(
            "drop enough", sp.Ge(drop_of[_i, _j], NEEDED, **_rel),
            {"drop at least": 1, "coherent": _kappa, "budget": _scaled},
        ),
        SumOver("terms", Apply("one term", -sp.exp(-_x), _x, "drop enough"), _j),
        Cite("ln phi/(1 - phi)", log_quotient, {lemmas.x: phi, lemmas.y: 1 - phi}),
        Manifest("one other", sp.Gt(_M - 1, 0, **_rel)),
        Combine("log", eq(-NEEDED, sp.log(1 - phi) - sp.log(phi) - sp.log(_M - 1)), {"ln phi/(1 - phi)": -1}),
        Apply("e^log", sp.exp(_x), _x, "log"),
        Combine(
            "odds at most", sp.Le(odds_of[_i], (1 - phi) / phi, **_rel),
            {"odds is": -1, "terms": 1, "e^log": -(_M - 1)},
        ),
        Combine("claim", _faithful, {"F is": 1, "odds at most": phi / (1 + odds_of[_i])}),
    ),
    equality=Equality("equal cosines mu, kappa exactly that: the simplex for mu = -1/(M - 1)", {fidelity: phi}),
    needs={
        "coherent": Witness(
            {_M: _I(2), phi: _I(9) / 10, coherence_bound: _I(1) / 2, coherence: _I(1), _kappa: _I(5), fidelity: _I(1) / 2},
            text="two equal anchors: fidelity 1/2 at any norm",
        ),
        "budget": Witness(
            {_M: _I(2), phi: _I(9) / 10, coherence_bound: _I(1) / 2, coherence: _I(1) / 2, _kappa: _I(1),
                fidelity: 1 / (1 + sp.exp(-_I(1) / 2))},
            text="two anchors of cosine 1/2, kappa = 1: fidelity 0.62",
        ),
    },
    free=FREE_TARGET | {"below 1": "for mu >= 1 the norm is no number or negative"},
    source=SOURCE,
)  # fmt: skip

_ratio = sp.Le(code_budget.stated.subs(eps, 1 - phi), _M / ((_M - 1) * (1 - coherence_bound)) * _kappa, **_rel)
near_optimal = Theorem(
    name="anchors.near_optimal",
    title="Anchors of coherence mu need at most M/((M - 1)(1 - mu)) times the norm of the best ones",
    claim=_ratio,
    assumes={"several": SEVERAL, "unit": UNIT, "short": SHORT, "target": OPEN, "faithful": FAITHFUL, "below 1": BELOW_1},
    definitions=LEADS | FIDELITIES,
    steps=(
        Combine("apart", sp.Gt(_scaled, 0, **_rel), {"below 1": 1}),
        Cite("best", least_budget, {}, {key: key for key in ("several", "unit", "short", "target", "faithful")}),
        Combine("claim", _ratio, {"best": _M / ((_M - 1) * _scaled)}),
    ),
    equality=Equality("the simplex as the best anchors, at kappa*", {_kappa: _star}),
    needs={
        "unit": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(1), anchor_norm: _I(2), phi: _I(9) / 10, coherence_bound: _I(1) / 2,
                least_fidelity: 1 / (1 + sp.exp(-4))},
            text="anchors 2 and -2: fidelity 0.982 with queries of norm 1",
        ),
        "short": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(2), anchor_norm: _I(1), phi: _I(9) / 10, coherence_bound: _I(1) / 2,
                least_fidelity: 1 / (1 + sp.exp(-4))},
            text="queries of norm 2, claimed 1",
        ),
        "faithful": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(1), anchor_norm: _I(1), phi: _I(9) / 10, coherence_bound: _I(1) / 2,
                least_fidelity: 1 / (1 + sp.exp(-2))},
            text="fidelity 0.881, not 0.9",
        ),
    },
    free=FREE_TARGET | {"below 1": "for mu >= 1 the norm is no number or negative"},
    uses=(least_budget,),
    source=SOURCE,
)  # fmt: skip

SHARES = ODDS | {
    "shares sum": eq(sp.Sum(share_of[_j], OTHERS), 1),
    "share": eq(share_of[_j] * (share_of[_j] - sp.exp(-share_surprisal[_j])), 0),
    "H_w is": eq(hull_entropy, sp.Sum(share_of[_j] * share_surprisal[_j], OTHERS)),
    "a query": sp.Le(query_of[_i], query_norm, **_rel),
    "F is": sp.Ge(fidelity_of[_i], least_fidelity, **_rel),
}
_weighted = sp.Sum(share_of[_j] * drop_of[_i, _j], OTHERS)
_gibbs = {lemmas.v: share_of[_j], lemmas.p: share_surprisal[_j], lemmas.q: -drop_of[_i, _j] - sp.log(odds_of[_i])}
_dual = sp.Ge(_kappa * hull_distance, hull_entropy + _log_odds, **_rel)
dual = Theorem(
    name="anchors.budget_dual",
    title="The norm that one anchor needs, from below: by its distance from any weighted mean of the others",
    claim=_dual,
    assumes={"several": SEVERAL, "short": SHORT, "target": OPEN, "faithful": FAITHFUL},
    definitions=SHARES,
    steps=(
        SumOver("gibbs", Cite("one share", gibbs_term, _gibbs, {"surprisal": "share"}), _j),
        Cite("along", mean_of_others, {lemmas.p: _weighted, lemmas.u: query_of[_i], lemmas.w: hull_distance}),
        *(
            step if step.name != "odds at most" else Combine(
                "odds at most", sp.Le(odds_of[_i], (1 - phi) / phi, **_rel),
                {"F at": -(1 + odds_of[_i]) / phi, "F is": (1 + odds_of[_i]) / phi, "faithful": (1 + odds_of[_i]) / phi},
            )
            for step in FEW_ODDS
        ),
        Combine(
            "claim", _dual,
            {
                "H_w is": -1, "gibbs": 1, "shares sum": 1 - sp.log(odds_of[_i]), "odds is": 1 / odds_of[_i], "along": 1,
                "a query": hull_distance, "short": hull_distance, "log-odds": 1,
            },
        ),
    ),
    equality=Equality(
        "the shortest faithful query, shares in proportion to the attention on the others; the simplex with equal shares",
        {hull_distance: (hull_entropy + _log_odds) / _kappa},
    ),
    needs={
        "short": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(2), phi: _I(9) / 10, least_fidelity: 1 / (1 + sp.exp(-4)),
                hull_distance: _I(2), hull_entropy: _I(0)},
            text="anchors 1 and -1, queries 2 and -2, claimed norm 1: 2 < ln 9",
        ),
        "faithful": Witness(
            {_M: _I(2), _kappa: _I(1), query_norm: _I(1), phi: _I(9) / 10, least_fidelity: 1 / (1 + sp.exp(-2)),
                hull_distance: _I(2), hull_entropy: _I(0)},
            text="anchors 1 and -1, queries 1 and -1: fidelity 0.881, not 0.9",
        ),
    },
    free=FREE_TARGET,
    source=SOURCE,
)  # fmt: skip

_apart = sp.Ge(_kappa * separation, least_lead, **_rel)
apart = Theorem(
    name="anchors.separation",
    title="Anchors that short queries tell apart lie apart",
    claim=_apart,
    assumes={"short": SHORT},
    steps=(
        Cite("nearest", pair_apart, {lemmas.p: least_lead, lemmas.u: query_norm, lemmas.v: separation}),
        Combine("claim", _apart, {"nearest": 1, "short": separation}),
    ),
    equality=Equality("two anchors with queries along their difference", {least_lead: _kappa * separation}),
    needs={
        "short": Witness(
            {_kappa: _I(1), query_norm: _I(2), separation: _I(2), least_lead: _I(4)}, text="anchors 1 and -1, queries 2 and -2"
        )
    },
    source=SOURCE,
)

_packed = sp.Le(sp.log(_M), packing_cap.stated, **_rel)
packing = Theorem(
    name="anchors.packing",
    title="How many anchors D dimensions hold: M <= (1 + 2 kappa/t)^D at a margin t",
    claim=_packed,
    assumes={
        "unit": UNIT, "short": SHORT,
        "lead": Hypothesis(sp.Gt(t, 0, **_rel), "t > 0", "Without a margin any number of anchors fits."),
        "some norm": Hypothesis(sp.Gt(_kappa, 0, **_rel), "kappa > 0", "Queries of norm 0 have no margin."),
        "margin": Hypothesis(sp.Ge(least_lead, t, **_rel), "every own score leads by t", "Claim the least measured lead."),
    },
    steps=(
        Cite("apart", apart, {}, {"short": "short"}),
        Combine("at least", sp.Ge(separation, t / _kappa, **_rel), {"apart": 1 / _kappa, "margin": 1 / _kappa}),
        Manifest("room", sp.Gt(t / _kappa, 0, **_rel)),
        Combine("positive", sp.Gt(separation, 0, **_rel), {"at least": 1, "room": 1}),
        Cite(
            "volumes", packed, {lemmas.x: _M, lemmas.y: width, lemmas.u: anchor_norm, lemmas.w: separation}, {"apart": "positive"}
        ),
        Combine(
            "ratio", sp.Le(1 + 2 * anchor_norm / separation, 1 + 2 * _kappa / t, **_rel),
            {"apart": 2 / (t * separation), "margin": 2 / (t * separation), "unit": 2 / separation},
        ),
        Apply("ln ratio", sp.log(_y), _y, "ratio"),
        Combine("claim", _packed, {"volumes": 1, "ln ratio": width}),
    ),
    equality=Equality("anchors 1 and -1 on a line, kappa = t/2: 2 = 1 + 2 (1/2)", {_M: _I(2), width: _I(1), _kappa: t / 2}),
    needs={
        "unit": Witness(
            {_M: _I(2), width: _I(1), _kappa: _I(1), query_norm: _I(1), anchor_norm: _I(2), least_lead: _I(4), t: _I(4)},
            text="anchors 2 and -2 on a line, queries 1 and -1, margin 4: 2 > 1 + 2/4",
        ),
        "short": Witness(
            {_M: _I(2), width: _I(1), _kappa: _I(1), query_norm: _I(4), anchor_norm: _I(1), least_lead: _I(8), t: _I(8)},
            text="anchors 1 and -1, queries 4 and -4, claimed norm 1: 2 > 1 + 2/8",
        ),
        "margin": Witness(
            {_M: _I(4), width: _I(1), _kappa: _I(1), query_norm: _I(1), anchor_norm: _I(1), least_lead: _I(0), t: _I(1)},
            text="four equal anchors on a line, margin 0, claimed 1: 4 > 3",
        ),
    },
    free={"lead": "at t <= 0 the quotient is no number", "some norm": "with a margin t > 0 the norm is positive"},
    uses=(apart,),
    source=SOURCE,
)  # fmt: skip

BUDGET: tuple[Theorem, ...] = (
    mean_margin, least_margin, least_budget, simplex, attained, enough, near_optimal, dual, apart, packing,
)  # fmt: skip
