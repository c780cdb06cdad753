"""Rules as projections: the row with rules is the cheapest distribution that gives their keys these masses, and which masses exist.

A distribution over the keys is a list of weights, zeros allowed; KL_p is its divergence from the row without rules. Scores with all
rules are content + tilt, tilt the sum of the strengths of the rules that name the key; T_a and T_p are sums over rules of strength times
mass, under the row with the rules and under the distribution.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.dial_law import IN, OUT, eq
from theory.entropy_ceiling import gibbs
from theory.entropy_lemmas import hellinger_term, log_quotient
from theory.lemmas import sums_swap
from theory.rules_formulas import binary_divergence
from theory.rules_single import AT_B, COST, FREE_RULE, LIFT, MASS, PAID, PARTITION, ROWS, RULE, SOURCE, TOTAL, TOTAL0
from theory.steps import Apply, Cite, Combine, Manifest, SumOver
from theory.symbols import (
    RANGES,
    apart,
    divergence_p,
    divergence_rest,
    eps,
    fidelity,
    fidelity0,
    g,
    i_rule,
    j_in,
    j_out,
    mass_p,
    mean_tilt,
    mean_tilt_p,
    n,
    paid,
    root,
    rule_mass_at,
    rule_mass_p_at,
    rule_strength_at,
    strength,
    sum_in0,
    sum_in_tilted,
    sum_out,
    sum_out_tilted,
    surprisal,
    tilt,
    tilt_gap,
    top_tilt,
    wanted,
    weight,
)  # fmt: skip
from theory.symbols import c as content
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_zero, _one, _two = sp.Integer(0), sp.Integer(1), sp.Integer(2)
_half = sp.Rational(1, 2)
_y = sp.Symbol("y", positive=True)
_log_in, _log_out = content[j_in] + strength - sp.log(TOTAL), content[j_out] - sp.log(TOTAL)  # ln of the row with the rule
_weights = sp.Sum(weight[j_in], IN) + sp.Sum(weight[j_out], OUT)

# What a distribution is, and its divergence from the row without rules and from the one with the rule.
DISTRIBUTION = {
    "surprisal in": eq(weight[j_in] * (weight[j_in] - sp.exp(-surprisal[j_in])), 0),
    "surprisal out": eq(weight[j_out] * (weight[j_out] - sp.exp(-surprisal[j_out])), 0),
    "total is": eq(_weights, 1),
}
_log0_in, _log0_out = content[j_in] - sp.log(TOTAL0), content[j_out] - sp.log(TOTAL0)


def _divergence(log_in: sp.Expr, log_out: sp.Expr) -> sp.Expr:
    """Sum of p (ln p - ln a) over all keys, for weights a given by their logarithms."""
    return sp.Sum(weight[j_in] * (-surprisal[j_in] - log_in), IN) + sp.Sum(weight[j_out] * (-surprisal[j_out] - log_out), OUT)


FROM_BEFORE = {"KL_p is": eq(divergence_p, _divergence(_log0_in, _log0_out))}
FROM_AFTER = {"KL_q is": eq(divergence_rest, _divergence(_log_in, _log_out))}
MASS_P = {"p_S is": eq(mass_p, sp.Sum(weight[j_in], IN))}
_shift = sp.log(TOTAL / TOTAL0)

pythagoras = Theorem(
    name="rules.pythagoras",
    title="Divergence from the row splits at the row with the rule",
    claim=eq(divergence_p, divergence_rest + strength * mass_p - sp.log(1 + fidelity0 * (LIFT - 1))),
    assumes={"rule": RULE},
    definitions=ROWS | MASS | DISTRIBUTION | FROM_BEFORE | FROM_AFTER | MASS_P,
    steps=(
        *PARTITION,
        Combine(
            "claim", eq(divergence_p, divergence_rest + strength * mass_p - sp.log(1 + fidelity0 * (LIFT - 1))),
            {"KL_p is": 1, "KL_q is": -1, "p_S is": -strength, "total is": sp.log(TOTAL0) - sp.log(TOTAL), "ln partition": -1},
        ),
    ),
    equality=Equality("an identity, for every distribution over the keys"),
    free=FREE_RULE,
    source=SOURCE,
    kind="identity",
)  # fmt: skip

_GIBBS = (
    *gibbs(_log_in, _log_out),
    AT_B,
    PAID,
    Combine(
        "above", sp.Ge(divergence_p, strength * mass_p - _shift, **_rel),
        {
            "inside": 1, "outside": 1, "KL_p is": 1, "total is": sp.log(TOTAL0) - sp.log(TOTAL) + 1, "p_S is": -strength,
            "I is": 1 / TOTAL, "O is": 1 / TOTAL,
        },
    ),
)  # fmt: skip
_two_keys = {n: _two, g: _one}
_cheapest = sp.Ge(divergence_p, paid, **_rel)
least_divergence = Theorem(
    name="rules.least_divergence",
    title="No distribution that gives the keys this mass is closer to the row than the rule's",
    claim=_cheapest,
    assumes={
        "rule": RULE,
        "mass": Hypothesis(eq(mass_p, fidelity), "the distribution puts the mass F on the rule's keys",
            "Compare with the strength that gives the distribution's own mass: `rule_strength`."),
    },
    definitions=ROWS | MASS | COST | DISTRIBUTION | FROM_BEFORE | MASS_P,
    steps=(*_GIBBS, Combine("claim", _cheapest, {"above": 1, "paid": -1, "mass": strength})),
    equality=Equality("the row with the rule itself, and no other (`rules.stability`)", {divergence_p: paid}),
    needs={
        "mass": Witness(
            _two_keys | {fidelity: sp.E / (sp.E + 1), mass_p: _half, divergence_p: _zero,
             paid: sp.E / (sp.E + 1) - sp.log((sp.E + 1) / 2)},
            text="two equal scores, a rule of 1 nat: the row without it has divergence 0, and mass 1/2",
        )
    },
    free=FREE_RULE,
    source=SOURCE,
)  # fmt: skip

least_divergence_above = Theorem(
    name="rules.least_divergence_above",
    title="A raising rule is also the cheapest way to at least this mass",
    claim=_cheapest,
    assumes={
        "rule": RULE,
        "raising": Hypothesis(sp.Ge(strength, 0, **_rel), "b >= 0", "For a lowering rule the mass is an upper end: p(S) <= F."),
        "mass": Hypothesis(sp.Ge(mass_p, fidelity, **_rel), "the distribution puts at least the mass F on the rule's keys",
            "With less mass it may be cheaper."),
    },
    definitions=ROWS | MASS | COST | DISTRIBUTION | FROM_BEFORE | MASS_P,
    steps=(*_GIBBS, Combine("claim", _cheapest, {"above": 1, "paid": -1, "mass": strength})),
    equality=Equality("the row with the rule itself", {divergence_p: paid}),
    needs={
        "raising": Witness(
            _two_keys | {strength: -_one, fidelity: 1 / (sp.E + 1), mass_p: _half, divergence_p: _zero,
             paid: -1 / (sp.E + 1) - sp.log((sp.exp(-1) + 1) / 2)},
            text="two equal scores, a rule of -1 nat: the row without it has more mass on the key, and divergence 0",
        ),
        "mass": Witness(
            _two_keys | {strength: _one, fidelity: sp.E / (sp.E + 1), mass_p: _half, divergence_p: _zero,
             paid: sp.E / (sp.E + 1) - sp.log((sp.E + 1) / 2)},
            text="two equal scores, a rule of 1 nat: the row without it has divergence 0, and mass 1/2",
        ),
    },
    free=FREE_RULE,
    source=SOURCE,
)  # fmt: skip

# Weights are squares of roots here, so that sum of (sqrt p - sqrt a)^2 = 2 - 2 sum of sqrt(p a).
_cross_in, _cross_out = root[j_in] * sp.exp(_log_in / 2), root[j_out] * sp.exp(_log_out / 2)
ROOTS = {
    "surprisal in": eq(root[j_in] * (root[j_in] ** 2 - sp.exp(-surprisal[j_in])), 0),
    "surprisal out": eq(root[j_out] * (root[j_out] ** 2 - sp.exp(-surprisal[j_out])), 0),
    "total is": eq(sp.Sum(root[j_in] ** 2, IN) + sp.Sum(root[j_out] ** 2, OUT), 1),
    "p_S is": eq(mass_p, sp.Sum(root[j_in] ** 2, IN)),
    "KL_p is": eq(
        divergence_p,
        sp.Sum(root[j_in] ** 2 * (-surprisal[j_in] - _log0_in), IN) + sp.Sum(root[j_out] ** 2 * (-surprisal[j_out] - _log0_out), OUT),
    ),
    "h_2 is": eq(apart, 2 - 2 * (sp.Sum(_cross_in, IN) + sp.Sum(_cross_out, OUT))),
}  # fmt: skip


def _hellinger(key: sp.Symbol, log: sp.Expr, given: str, name: str) -> SumOver:
    values = {lemmas.v: root[key], lemmas.p: surprisal[key], lemmas.q: log}
    return SumOver(name, Cite(f"{name} term", hellinger_term, values, {"surprisal": given}), key)


stability = Theorem(
    name="rules.stability",
    title="Every other distribution of that mass pays more, by the squared distance of the roots at least",
    claim=sp.Ge(divergence_p, paid + apart, **_rel),
    assumes=dict(least_divergence.assumes),
    definitions=ROWS | MASS | COST | ROOTS,
    steps=(
        _hellinger(j_in, _log_in, "surprisal in", "inside"),
        _hellinger(j_out, _log_out, "surprisal out", "outside"),
        AT_B,
        PAID,
        Combine(
            "claim", sp.Ge(divergence_p, paid + apart, **_rel),
            {
                "inside": 1, "outside": 1, "KL_p is": 1, "total is": sp.log(TOTAL0) - sp.log(TOTAL) + 2, "p_S is": -strength,
                "h_2 is": -1, "paid": -1, "mass": strength,
            },
        ),
    ),
    equality=Equality("the row with the rule itself", {divergence_p: paid, apart: _zero}),
    needs={
        "mass": Witness(
            dict(least_divergence.needs["mass"].values)
            | {apart: 2 - sp.sqrt(2) * (sp.sqrt(sp.E / (sp.E + 1)) + sp.sqrt(1 / (sp.E + 1)))},
            text="two equal scores, a rule of 1 nat: the row without it has divergence 0, and mass 1/2",
        )
    },
    free=FREE_RULE,
    source=SOURCE,
)  # fmt: skip

_kl = binary_divergence.stated.subs(fidelity, mass_p)
_share_in, _share_out = sp.log(mass_p) - sp.log(sum_in0), sp.log(1 - mass_p) - sp.log(sum_out)
_OUT0 = sum_out / TOTAL0
least_divergence_of_mass = Theorem(
    name="rules.least_divergence_of_mass",
    title="What a mass costs: no distribution that gives the keys mass q is closer to the row than kl(q || F_0)",
    claim=sp.Ge(divergence_p, _kl, **_rel),
    assumes={
        "rule": RULE,
        "some mass": Hypothesis(sp.Gt(mass_p, 0, **_rel), "the keys get some mass", "Without any the cost is -ln(1 - F_0)."),
        "not all mass": Hypothesis(sp.Lt(mass_p, 1, **_rel), "the other keys get some mass", "With all of it the cost is -ln F_0."),
    },
    definitions={"I_0 is": ROWS["I_0 is"], "O is": ROWS["O is"], "F_0 is": MASS["F_0 is"]} | DISTRIBUTION | FROM_BEFORE | MASS_P,
    steps=(
        *gibbs(content[j_in] + _share_in, content[j_out] + _share_out),
        Combine("1 - F_0", eq(1 - fidelity0, _OUT0), {"F_0 is": -1}),
        Manifest("out share", sp.Gt(_OUT0, 0, **_rel)),
        Combine("F_0 below 1", sp.Gt(1 - fidelity0, 0, **_rel), {"1 - F_0": 1, "out share": 1}),
        Apply("ln F_0", sp.log(_y), _y, "F_0 is"),
        Apply("ln(1 - F_0)", sp.log(_y), _y, "1 - F_0"),
        Cite("ln q/F_0", log_quotient, {lemmas.x: mass_p, lemmas.y: fidelity0}),
        Cite("ln (1 - q)/(1 - F_0)", log_quotient, {lemmas.x: 1 - mass_p, lemmas.y: 1 - fidelity0}),
        Combine(
            "claim", sp.Ge(divergence_p, _kl, **_rel),
            {
                "inside": 1, "outside": 1, "KL_p is": 1, "p_S is": -(_share_in - _share_out), "total is": sp.log(TOTAL0) + _share_out + 1,
                "I_0 is": mass_p / sum_in0, "O is": (1 - mass_p) / sum_out, "ln F_0": mass_p, "ln(1 - F_0)": 1 - mass_p,
                "ln q/F_0": -mass_p, "ln (1 - q)/(1 - F_0)": -(1 - mass_p),
            },
        ),
    ),
    equality=Equality("the row with the rule of strength logit q - logit F_0", {divergence_p: _kl}),
    free=FREE_RULE | {"some mass": "the formula reads 0 ln 0 there", "not all mass": "the formula reads 0 ln 0 there"},
    source=SOURCE,
)  # fmt: skip

# --- several rules ----------------------------------------------------------------------------------------------------

_over_rules = (i_rule, *RANGES[i_rule])
AFTER_ALL = sum_in_tilted + sum_out_tilted
_all_in, _all_out = content[j_in] + tilt[j_in] - sp.log(AFTER_ALL), content[j_out] + tilt[j_out] - sp.log(AFTER_ALL)
_tilted_in, _tilted_out = sp.exp(content[j_in] + tilt[j_in]) / AFTER_ALL, sp.exp(content[j_out] + tilt[j_out]) / AFTER_ALL
_plain_in, _plain_out = sp.exp(content[j_in]) / TOTAL0, sp.exp(content[j_out]) / TOTAL0
TILTED = {
    "I_0 is": ROWS["I_0 is"],
    "O is": ROWS["O is"],
    "I_T is": eq(sum_in_tilted, sp.Sum(sp.exp(content[j_in] + tilt[j_in]), IN)),
    "O_T is": eq(sum_out_tilted, sp.Sum(sp.exp(content[j_out] + tilt[j_out]), OUT)),
}
COST_ALL = {
    "KL is": eq(
        paid,
        sp.Sum(_tilted_in * sp.log(_tilted_in / _plain_in), IN) + sp.Sum(_tilted_out * sp.log(_tilted_out / _plain_out), OUT),
    ),
    "T_a is": eq(mean_tilt, sp.Sum(rule_strength_at[i_rule] * rule_mass_at[i_rule], _over_rules)),
}
_mean_in_row = sp.Sum(tilt[j_in] * _tilted_in, IN) + sp.Sum(tilt[j_out] * _tilted_out, OUT)
_ln_m = sp.log(AFTER_ALL / TOTAL0)
_SWAP = Cite("by rule", sums_swap, {lemmas.p: _mean_in_row, lemmas.q: mean_tilt})
_PAID_ALL = (
    _SWAP,
    Combine(
        "paid", eq(paid, mean_tilt - _ln_m),
        {
            "KL is": 1, "by rule": 1, "I_T is": (sp.log(AFTER_ALL) - sp.log(TOTAL0)) / AFTER_ALL,
            "O_T is": (sp.log(AFTER_ALL) - sp.log(TOTAL0)) / AFTER_ALL,
        },
    ),
)  # fmt: skip
_KEYS = {"keys": Hypothesis(sp.Ge(n - g, 0, **_rel), "keys are numbered 1..g and g + 1..n", "Number the visible keys.")}
_FREE_KEYS = {"keys": "it says what g counts: some of the keys of the row"}
divergence_several = Theorem(
    name="rules.divergence_several",
    title="Divergence paid for all rules: sum of b_k F_k minus ln of the mean of e^tilt",
    claim=eq(paid, mean_tilt - _ln_m),
    assumes=_KEYS,
    definitions=TILTED | COST_ALL,
    steps=(_SWAP, Combine("claim", eq(paid, mean_tilt - _ln_m), _PAID_ALL[1].weights)),
    equality=Equality("an identity"),
    free=_FREE_KEYS,
    source=SOURCE,
    kind="identity",
)

_mean_in_p = sp.Sum(tilt[j_in] * weight[j_in], IN) + sp.Sum(tilt[j_out] * weight[j_out], OUT)
BY_RULE_P = {"T_p is": eq(mean_tilt_p, sp.Sum(rule_strength_at[i_rule] * rule_mass_p_at[i_rule], _over_rules))}
least_divergence_several = Theorem(
    name="rules.least_divergence_several",
    title="The row with all rules is the cheapest distribution with these masses",
    claim=_cheapest,
    assumes=_KEYS
    | {
        "masses": Hypothesis(
            sp.Ge(mean_tilt_p, mean_tilt, **_rel),
            "each rule of positive strength has at least its mass F_k, each of negative strength at most (only the weighted sum counts)",
            "With other masses a distribution may be cheaper.",
        )
    },
    definitions=TILTED | COST_ALL | DISTRIBUTION | FROM_BEFORE | BY_RULE_P,
    steps=(
        *gibbs(_all_in, _all_out),
        *_PAID_ALL,
        Cite("p by rule", sums_swap, {lemmas.p: _mean_in_p, lemmas.q: mean_tilt_p}),
        Combine(
            "claim", _cheapest,
            {
                "inside": 1, "outside": 1, "KL_p is": 1, "total is": sp.log(TOTAL0) - sp.log(AFTER_ALL) + 1, "p by rule": 1,
                "I_T is": 1 / AFTER_ALL, "O_T is": 1 / AFTER_ALL, "paid": -1, "masses": 1,
            },
        ),
    ),
    equality=Equality("the row with all rules itself", {divergence_p: paid}),
    needs={
        "masses": Witness(
            _two_keys | {mean_tilt: sp.E / (sp.E + 1), mean_tilt_p: _half, divergence_p: _zero,
             paid: sp.E / (sp.E + 1) - sp.log((sp.E + 1) / 2)},
            text="two equal scores, a rule of 1 nat: the row without it has divergence 0",
        )
    },
    free=_FREE_KEYS,
    source=SOURCE,
)  # fmt: skip

# --- which masses exist -----------------------------------------------------------------------------------------------

REACH = {
    "T_p is": BY_RULE_P["T_p is"],
    "total is": DISTRIBUTION["total is"],
    "eps is": eq(eps, sp.Sum(weight[j_out], OUT)),
    "tilt in": sp.Le(tilt[j_in], top_tilt, **_rel),
    "tilt out": sp.Le(tilt[j_out], top_tilt - tilt_gap, **_rel),
}


def _bound(key: sp.Symbol, given: str, name: str, end: sp.Expr) -> SumOver:
    """Weights times what their keys carry, summed: at most weights times the greatest there."""
    return SumOver(
        name, Combine(f"{name} term", sp.Le(weight[key] * tilt[key], weight[key] * end, **_rel), {given: weight[key]}), key
    )


_reach = sp.Le(mean_tilt_p, top_tilt - tilt_gap * eps, **_rel)
reach = Theorem(
    name="rules.reach",
    title="What masses can weigh together: at most the greatest sum of weights on one key",
    claim=_reach,
    assumes=_KEYS,
    definitions=REACH,
    steps=(
        _bound(j_in, "tilt in", "inside", top_tilt),
        _bound(j_out, "tilt out", "outside", top_tilt - tilt_gap),
        Cite("by rule", sums_swap, {lemmas.p: _mean_in_p, lemmas.q: mean_tilt_p}),
        Combine(
            "claim", _reach,
            {"inside": 1, "outside": 1, "by rule": 1, "total is": -top_tilt, "eps is": -tilt_gap},
        ),
    ),
    equality=Equality(
        "keys that carry the greatest sum, and keys that carry less by exactly the gap", {mean_tilt_p: top_tilt - tilt_gap * eps}
    ),
    free=_FREE_KEYS,
    source=SOURCE,
)  # fmt: skip

_missed = sp.Gt(wanted, mean_tilt_p, **_rel)
unreachable = Theorem(
    name="rules.unreachable",
    title="Certificate that targets exclude each other: weights under which they ask for more than any key carries",
    claim=_missed,
    assumes=_KEYS
    | {
        "certificate": Hypothesis(
            sp.Gt(wanted, top_tilt, **_rel), "the weighted targets exceed the greatest sum of weights on one key",
            "Choose targets inside the polytope of masses.",
        )
    },
    definitions=REACH,
    steps=(
        Cite("reach", reach, {}),
        Manifest("loss", sp.Ge(tilt_gap * eps, 0, **_rel)),
        Combine("claim", _missed, {"reach": 1, "loss": 1, "certificate": 1}),
    ),
    equality=Equality("strict"),
    needs={
        "certificate": Witness(
            _two_keys | {wanted: _one, top_tilt: _one, mean_tilt_p: _one},
            text="weights (1, 1) on two disjoint rules whose targets sum to 1: all mass on their keys meets them",
        )
    },
    free=_FREE_KEYS,
    uses=(reach,),
    source=SOURCE,
)  # fmt: skip

unreachable_edge = Theorem(
    name="rules.unreachable_edge",
    title="No finite strengths reach targets on the edge: a softmax leaves no key out",
    claim=_missed,
    assumes=_KEYS
    | {
        "certificate": Hypothesis(
            sp.Ge(wanted, top_tilt, **_rel), "the weighted targets are at least the greatest sum of weights on one key",
            "Choose targets inside the polytope of masses.",
        ),
        "some key carries less": Hypothesis(sp.Gt(tilt_gap, 0, **_rel), "not all keys carry the same sum", "Choose other weights."),
        "no key left out": Hypothesis(
            sp.Gt(eps, 0, **_rel), "the keys that carry less have some mass", "A softmax row of finite scores has it.",
        ),
    },
    definitions=REACH,
    steps=(
        Cite("reach", reach, {}),
        Manifest("loss", sp.Gt(tilt_gap * eps, 0, **_rel)),
        Combine("claim", _missed, {"reach": 1, "loss": 1, "certificate": 1}),
    ),
    equality=Equality("strict"),
    needs={
        "certificate": Witness(
            _two_keys | {wanted: _half, top_tilt: _one, mean_tilt_p: _half, tilt_gap: _one, eps: _half},
            text="the target 1/2 of one of two keys is reached by equal scores",
        ),
        "some key carries less": Witness(
            _two_keys | {wanted: _one, top_tilt: _one, mean_tilt_p: _one, tilt_gap: _zero, eps: _half},
            text="weights (1, 1) on a set and its complement: their masses sum to 1 in every row",
        ),
        "no key left out": Witness(
            _two_keys | {wanted: _one, top_tilt: _one, mean_tilt_p: _one, tilt_gap: _one, eps: _zero},
            text="a distribution with all its mass on the rule's key: no softmax",
        ),
    },
    free=_FREE_KEYS,
    uses=(reach,),
    source=SOURCE,
)  # fmt: skip

PROJECTIONS: tuple[Theorem, ...] = (
    pythagoras, least_divergence, least_divergence_above, stability, least_divergence_of_mass, divergence_several, least_divergence_several,
    reach, unreachable, unreachable_edge,
)  # fmt: skip
