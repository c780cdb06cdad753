"""Several rules, overlapping or not: the leave-one-out law, how far rules interfere, and when they do not.

The rules other than the one looked at add `tilt` to the scores. The keys of the one are numbered as the block; I_0 and O are sums of
exp(content), I_T and O_T of exp(content + tilt), and the row with all rules has I = e^b I_T in the block and O_T outside.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from theory.dial_law import IN, MASSES, OUT, SUMS, eq
from theory.rules_single import FREE_RULE, LIFT, RULE, SOURCE
from theory.steps import Apply, Cases, Cite, Combine, Manifest, Step, SumOver
from theory.symbols import (
    RANGES,
    eps,
    eps0,
    eps_without,
    fidelity,
    fidelity0,
    fidelity_without,
    g,
    has_first,
    has_second,
    i_rule,
    j_in,
    j_out,
    key_tilt,
    key_tilt_other,
    key_weight_once,
    key_weight_twice,
    low_tilt,
    mass_both,
    mass_else,
    mass_none,
    mass_own,
    n,
    rule_strength_at,
    strength,
    strength_other,
    strength_sum,
    sum_in,
    sum_in0,
    sum_in_tilted,
    sum_out,
    sum_out_tilted,
    tilt,
    tilt_level,
    tilt_other,
    top_tilt,
    total,
    total_other,
    total_renewed,
    total_tilted,
)  # fmt: skip
from theory.symbols import c as content
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_x = sp.Symbol("x", real=True)
_y = sp.Symbol("y", positive=True)
_one, _zero = sp.Integer(1), sp.Integer(0)

_before, _others = sum_in0 + sum_out, sum_in_tilted + sum_out_tilted
ALL = sum_in + sum_out_tilted
TILTED = {
    "I_0 is": SUMS["I_0 is"],
    "O is": SUMS["O is"],
    "I_T is": eq(sum_in_tilted, sp.Sum(sp.exp(content[j_in] + tilt[j_in]), IN)),
    "O_T is": eq(sum_out_tilted, sp.Sum(sp.exp(content[j_out] + tilt[j_out]), OUT)),
    "I is": eq(sum_in, sp.Sum(sp.exp(content[j_in] + tilt[j_in] + strength), IN)),
}
TILTED_MASS = {
    "F_0 is": MASSES["F_0 is"],
    "eps_0 is": MASSES["eps_0 is"],
    "F_x is": eq(fidelity_without, sum_in_tilted / _others),
    "eps_x is": eq(eps_without, sum_out_tilted / _others),
    "F is": eq(fidelity, sum_in / ALL),
    "eps is": eq(eps, sum_out_tilted / ALL),
}
AT_B = Combine("I at b", eq(sum_in, LIFT * sum_in_tilted), {"I is": 1, "I_T is": -LIFT})
LOG_ODDS = sp.log(fidelity) - sp.log(eps)
LOG_ODDS0 = sp.log(fidelity0) - sp.log(eps0)
LOG_ODDS_WITHOUT = sp.log(fidelity_without) - sp.log(eps_without)


def _positive(name: str, symbol: sp.Symbol, share: sp.Expr) -> tuple[Step, ...]:
    """`symbol` is the positive share, and so has a logarithm: that of the share."""
    return (
        Manifest(f"{name} share", sp.Gt(share, 0, **_rel)),
        Combine(f"{name} positive", sp.Gt(symbol, 0, **_rel), {f"{name} is": 1, f"{name} share": 1}),
        Apply(f"ln {name}", sp.log(_y), _y, f"{name} is"),
    )


LOGS = (
    *_positive("F", fidelity, sum_in / ALL),
    *_positive("eps", eps, sum_out_tilted / ALL),
    *_positive("F_x", fidelity_without, sum_in_tilted / _others),
    *_positive("eps_x", eps_without, sum_out_tilted / _others),
)
LOGS_0 = (*_positive("F_0", fidelity0, sum_in0 / _before), *_positive("eps_0", eps0, sum_out / _before))

leave_one_out = Theorem(
    name="rules.leave_one_out",
    title="Leave-one-out law: a rule adds its strength to the log-odds that its keys have under all other rules",
    claim=eq(LOG_ODDS, strength + LOG_ODDS_WITHOUT),
    assumes={"rule": RULE},
    definitions=TILTED | TILTED_MASS,
    steps=(
        AT_B,
        *LOGS,
        Apply("ln I", sp.log(_y), _y, "I at b"),
        Combine(
            "claim", eq(LOG_ODDS, strength + LOG_ODDS_WITHOUT),
            {"ln F": 1, "ln eps": -1, "ln F_x": -1, "ln eps_x": 1, "ln I": 1},
        ),
    ),
    equality=Equality("an identity"),
    free=FREE_RULE,
    source=SOURCE,
    kind="identity",
)  # fmt: skip

# --- how far the others interfere -------------------------------------------------------------------------------------

BOUNDED = {
    "tilt in low": sp.Ge(tilt[j_in], low_tilt, **_rel),
    "tilt in top": sp.Le(tilt[j_in], top_tilt, **_rel),
    "tilt out low": sp.Ge(tilt[j_out], low_tilt, **_rel),
    "tilt out top": sp.Le(tilt[j_out], top_tilt, **_rel),
}


def _summed(name: str, bound: str, key: sp.Symbol, weight: sp.Expr) -> SumOver:
    return SumOver(name, Apply(f"{name} term", sp.exp(weight + _x), _x, bound), key)


_excess = LOG_ODDS - LOG_ODDS0 - strength
_spread = top_tilt - low_tilt
_within = sp.Le(sp.Abs(_excess), _spread, **_rel)
_lifted = sp.exp(strength + strength_sum) * fidelity0  # the keys with the rule and another one of strength B_b
interaction = Theorem(
    name="rules.interaction",
    title="Other rules move a rule's log-odds by at most the oscillation of what they add",
    claim=_within,
    assumes={"rule": RULE},
    definitions=TILTED | TILTED_MASS | BOUNDED,
    steps=(
        Cite("law", leave_one_out, {}, {"rule": "rule"}),
        *LOGS,
        *LOGS_0,
        _summed("in low", "tilt in low", j_in, content[j_in]),
        _summed("in top", "tilt in top", j_in, content[j_in]),
        _summed("out low", "tilt out low", j_out, content[j_out]),
        _summed("out top", "tilt out top", j_out, content[j_out]),
        Combine("I_T low", sp.Ge(sum_in_tilted, sp.exp(low_tilt) * sum_in0, **_rel),
            {"I_T is": 1, "in low": 1, "I_0 is": -sp.exp(low_tilt)}),
        Combine("I_T top", sp.Le(sum_in_tilted, sp.exp(top_tilt) * sum_in0, **_rel),
            {"I_T is": -1, "in top": 1, "I_0 is": sp.exp(top_tilt)}),
        Combine("O_T low", sp.Ge(sum_out_tilted, sp.exp(low_tilt) * sum_out, **_rel),
            {"O_T is": 1, "out low": 1, "O is": -sp.exp(low_tilt)}),
        Combine("O_T top", sp.Le(sum_out_tilted, sp.exp(top_tilt) * sum_out, **_rel),
            {"O_T is": -1, "out top": 1, "O is": sp.exp(top_tilt)}),
        *(Apply(f"ln {name}", sp.log(_y), _y, name) for name in ("I_T low", "I_T top", "O_T low", "O_T top")),
        Combine(
            "above", sp.Le(_excess, _spread, **_rel),
            {"law": -1, "ln F_x": -1, "ln eps_x": 1, "ln F_0": 1, "ln eps_0": -1, "ln I_T top": 1, "ln O_T low": 1},
        ),
        Combine(
            "below", sp.Ge(_excess, -_spread, **_rel),
            {"law": 1, "ln F_x": 1, "ln eps_x": -1, "ln F_0": -1, "ln eps_0": 1, "ln I_T low": 1, "ln O_T top": 1},
        ),
        Cases(
            "claim", _within, _excess,
            (Combine("low", _within, {"below": 1}),),
            (Combine("high", _within, {"above": 1}),),
        ),
    ),
    equality=Equality(
        "one other rule on the same keys, or on all the others",
        {low_tilt: top_tilt - strength_sum, fidelity: _lifted / (_lifted + eps0), eps: eps0 / (_lifted + eps0)},
    ),
    free=FREE_RULE,
    uses=(leave_one_out,),
    source=SOURCE,
)  # fmt: skip

_size = sp.Abs(rule_strength_at[i_rule])
_apart = rule_strength_at[i_rule] * (has_first[i_rule] - has_second[i_rule])
_over = (i_rule, *RANGES[i_rule])
oscillation = Theorem(
    name="rules.oscillation",
    title="What rules add differs between two keys by at most the sum of their absolute strengths",
    claim=sp.Le(top_tilt - low_tilt, strength_sum, **_rel),
    assumes={},
    definitions={
        "B is": eq(strength_sum, sp.Sum(_size, _over)),
        "top is": eq(top_tilt, sp.Sum(rule_strength_at[i_rule] * has_first[i_rule], _over)),
        "low is": eq(low_tilt, sp.Sum(rule_strength_at[i_rule] * has_second[i_rule], _over)),
        "first at most 1": sp.Le(has_first[i_rule], 1, **_rel),
        "second at most 1": sp.Le(has_second[i_rule], 1, **_rel),
    },
    steps=(
        SumOver(
            "terms",
            Cases(
                "term", sp.Le(_apart, _size, **_rel), rule_strength_at[i_rule],
                (
                    Manifest("first there", sp.Ge(has_first[i_rule], 0, **_rel)),
                    Combine("low", sp.Le(_apart, _size, **_rel),
                        {"first there": -rule_strength_at[i_rule], "second at most 1": -rule_strength_at[i_rule]}),
                ),
                (
                    Manifest("second there", sp.Ge(has_second[i_rule], 0, **_rel)),
                    Combine("high", sp.Le(_apart, _size, **_rel),
                        {"second there": rule_strength_at[i_rule], "first at most 1": rule_strength_at[i_rule]}),
                ),
            ),
            i_rule,
        ),
        Combine("claim", sp.Le(top_tilt - low_tilt, strength_sum, **_rel), {"terms": 1, "B is": 1, "top is": -1, "low is": 1}),
    ),
    equality=Equality(
        "a key that has all rules of positive strength and none of negative, and one that has it the other way round",
        {top_tilt: strength_sum + low_tilt},
    ),
    source=SOURCE,
)  # fmt: skip

additive = Theorem(
    name="rules.additive",
    title="Shifts add where the other rules lift a rule's keys and the rest alike",
    claim=eq(LOG_ODDS, LOG_ODDS0 + strength),
    assumes={
        "rule": RULE,
        "alike": Hypothesis(
            eq(sum_in_tilted * sum_out, sum_out_tilted * sum_in0), "the mean of e^tilt is the same over the rule's keys and over the rest",
            "In general only `rules.leave_one_out` holds: measure the log-odds under the other rules.",
        ),
    },
    definitions=TILTED | TILTED_MASS,
    steps=(
        Cite("law", leave_one_out, {}, {"rule": "rule"}),
        *LOGS,
        *LOGS_0,
        Apply("ln alike", sp.log(_y), _y, "alike"),
        Combine(
            "claim", eq(LOG_ODDS, LOG_ODDS0 + strength),
            {"law": 1, "ln F_x": 1, "ln eps_x": -1, "ln F_0": -1, "ln eps_0": 1, "ln alike": 1},
        ),
    ),
    equality=Equality("an identity"),
    needs={
        "alike": Witness(
            {n: sp.Integer(3), g: _one, strength: _one, sum_in0: _one, sum_out: sp.Integer(3), sum_in_tilted: _one,
             sum_out_tilted: 2 + sp.exp(2), fidelity0: sp.Rational(1, 4), eps0: sp.Rational(3, 4),
             fidelity: sp.E / (sp.E + sp.exp(2) + 2), eps: (sp.exp(2) + 2) / (sp.E + sp.exp(2) + 2)},
            text="weights (.25, .25, .5), rules of 1 nat on the first key and 2 on the second: the first falls by 0.141",
        )
    },
    free=FREE_RULE,
    uses=(leave_one_out,),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

_kl, _k, _l, _rest = mass_both, mass_own, mass_else, mass_none
_lift_other = sp.exp(strength_other)
_four = LIFT * _lift_other * _kl + LIFT * _k + _lift_other * _l + _rest
_in, _out = LIFT * (_lift_other * _kl + _k), _lift_other * _l + _rest
independent = Theorem(
    name="rules.independent",
    title="Shifts add for two rules whose key sets are independent under the row",
    claim=eq(LOG_ODDS, LOG_ODDS0 + strength),
    assumes={
        "independent": Hypothesis(
            eq(_kl, (_kl + _k) * (_kl + _l)), "the mass of the shared keys is the product of the two masses",
            "In general only `rules.leave_one_out` holds: measure the log-odds under the other rule.",
        ),
    },
    definitions={
        "all": eq(_kl + _k + _l + _rest, 1),
        "F_0 is": eq(fidelity0, _kl + _k),
        "eps_0 is": eq(eps0, _l + _rest),
        "F is": eq(fidelity, _in / _four),
        "eps is": eq(eps, _out / _four),
    },
    steps=(
        *_positive("F", fidelity, _in / _four),
        *_positive("eps", eps, _out / _four),
        *_positive("F_0", fidelity0, _kl + _k),
        *_positive("eps_0", eps0, _l + _rest),
        # a_kl a_0 = a_k a_l, and so (e^b2 a_kl + a_k)(a_l + a_0) = (e^b2 a_l + a_0)(a_kl + a_k)
        Combine("crossed", eq(_kl * _rest, _k * _l), {"independent": 1, "all": _kl}),
        Combine(
            "alike", eq((_lift_other * _kl + _k) * (_l + _rest), (_lift_other * _l + _rest) * (_kl + _k)),
            {"crossed": _lift_other - 1},
        ),
        Apply("ln alike", sp.log(_y), _y, "alike"),
        Combine(
            "claim", eq(LOG_ODDS, LOG_ODDS0 + strength),
            {"ln F": 1, "ln eps": -1, "ln F_0": -1, "ln eps_0": 1, "ln alike": 1},
        ),
    ),
    equality=Equality("an identity"),
    needs={
        "independent": Witness(
            {mass_both: sp.Rational(1, 2), mass_own: sp.Rational(1, 6), mass_else: sp.Rational(1, 6), mass_none: sp.Rational(1, 6),
             strength: _zero, strength_other: _one, fidelity0: sp.Rational(2, 3), eps0: sp.Rational(1, 3),
             fidelity: (3 * sp.E + 1) / (4 * sp.E + 2), eps: (sp.E + 1) / (4 * sp.E + 2)},
            text="sets that overlap more than by chance: the second rule alone raises the first set from 2/3 to 0.711",
        )
    },
    source=SOURCE,
    kind="identity",
)  # fmt: skip

_lowered = 1 + sp.log(3) - sp.log(sp.exp(2) + 2)
disjoint_lowered = Theorem(
    name="rules.disjoint_lowered",
    title="A rule of +1 nat can lower its own keys: weights (.25, .25, .5), disjoint rules of 1 and 2 nats",
    claim=sp.Lt(_lowered, 0, **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Lt(_lowered, 0, **_rel)),),
    equality=Equality("a counterexample: the log-odds of the first key move by -0.141, not by +1"),
    source=f"{SOURCE}: false that the shifts of two rules add, even of disjoint ones",
    kind="counterexample",
)
_short = 2 + sp.log(3) - sp.log(sp.E + 2)
disjoint_short = Theorem(
    name="rules.disjoint_short",
    title="The stronger of the two rules falls short as well",
    claim=sp.Lt(_short, 2, **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Lt(_short, 2, **_rel)),),
    equality=Equality("a counterexample: the log-odds of the second key move by 1.547, not by 2"),
    source=f"{SOURCE}: false that the shifts of two rules add, even of disjoint ones",
    kind="counterexample",
)

# --- order, ejection, uniqueness --------------------------------------------------------------------------------------


def _over_row(term: Callable[[sp.Symbol], sp.Expr]) -> sp.Expr:
    """The sum of a term over all visible keys: those of the block and the others."""
    return sp.Sum(term(j_in), IN) + sp.Sum(term(j_out), OUT)


TOTALS = {
    "M_0 is": eq(total, _over_row(lambda j: sp.exp(content[j]))),
    "M_1 is": eq(total_tilted, _over_row(lambda j: sp.exp(content[j] + tilt[j]))),
    "M_2 is": eq(total_other, _over_row(lambda j: sp.exp(content[j] + tilt[j] + tilt_other[j]))),
}
_key = j_in  # a generic key; the keys outside the block are numbered differently and treated alike
_injected = sp.exp(content[_key] + tilt[_key]) / total_tilted
composition = Theorem(
    name="rules.composition",
    title="Injecting one rule set and then another is injecting both: order does not matter",
    claim=eq(key_weight_twice, key_weight_once),
    assumes={},
    definitions={key: TOTALS[key] for key in ("M_1 is", "M_2 is")}
    | {
        "M_3 is": eq(
            total_renewed, _over_row(lambda j: sp.exp(content[j] + tilt[j]) / total_tilted * sp.exp(tilt_other[j]))
        ),
        "once": eq(key_weight_once, sp.exp(content[_key] + tilt[_key] + tilt_other[_key]) / total_other),
        "twice": eq(key_weight_twice, _injected * sp.exp(tilt_other[_key]) / total_renewed),
    },
    steps=(
        Combine("renewed", eq(total_renewed, total_other / total_tilted), {"M_3 is": 1, "M_2 is": -1 / total_tilted}),
        Combine(
            "claim", eq(key_weight_twice, key_weight_once),
            {"twice": 1, "once": -1, "renewed": -_injected * sp.exp(tilt_other[_key]) * total_tilted / (total_renewed * total_other)},
        ),
    ),
    equality=Equality("an identity, symmetric in the two sets"),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

ejection = Theorem(
    name="rules.ejection",
    title="Taking off what was added gives the row back, in real numbers",
    claim=eq(key_weight_twice, key_weight_once),
    assumes={},
    definitions={key: TOTALS[key] for key in ("M_0 is", "M_1 is")}
    | {
        "M_3 is": eq(total_renewed, _over_row(lambda j: sp.exp(content[j] + tilt[j]) / total_tilted * sp.exp(-tilt[j]))),
        "once": eq(key_weight_once, sp.exp(content[_key]) / total),
        "twice": eq(key_weight_twice, _injected * sp.exp(-tilt[_key]) / total_renewed),
    },
    steps=(
        Combine("renewed", eq(total_renewed, total / total_tilted), {"M_3 is": 1, "M_0 is": -1 / total_tilted}),
        Combine(
            "claim", eq(key_weight_twice, key_weight_once),
            {"twice": 1, "once": -1, "renewed": -sp.exp(content[_key]) / (total_renewed * total)},
        ),
    ),
    equality=Equality("an identity over the reals; in floating point it is false (`rules.float_residue`)"),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

_ONE_KEY = {
    "t_1 is": eq(key_tilt, tilt[_key]),
    "t_2 is": eq(key_tilt_other, tilt_other[_key]),
    "one": eq(key_weight_once, sp.exp(content[_key] + tilt[_key]) / total_tilted),
    "other": eq(key_weight_twice, sp.exp(content[_key] + tilt_other[_key]) / total_other),
}
_TWO_SETS = {
    "M_1 is": TOTALS["M_1 is"],
    "M_2 is": eq(total_other, _over_row(lambda j: sp.exp(content[j] + tilt_other[j]))),
}
same_row = Theorem(
    name="rules.same_row",
    title="Two rule sets that give one row differ by one constant on every key",
    claim=eq(key_tilt - key_tilt_other, sp.log(total_tilted) - sp.log(total_other)),
    assumes={
        "same": Hypothesis(eq(key_weight_once, key_weight_twice), "the key has the same weight under both", "Compare two equal rows."),
    },
    definitions=_ONE_KEY | _TWO_SETS,
    steps=(
        Combine(
            "weights", eq(sp.exp(content[_key] + tilt[_key]) / total_tilted, sp.exp(content[_key] + tilt_other[_key]) / total_other),
            {"one": -1, "same": 1, "other": 1},
        ),
        Apply("logs", sp.log(_y), _y, "weights"),
        Combine(
            "claim", eq(key_tilt - key_tilt_other, sp.log(total_tilted) - sp.log(total_other)),
            {"t_1 is": 1, "t_2 is": -1, "logs": 1},
        ),
    ),
    equality=Equality("an identity; so strengths are unique iff no combination of the key sets but 0 is constant over the row"),
    needs={
        "same": Witness(
            {key_weight_once: sp.Rational(1, 2), key_weight_twice: sp.E / (sp.E + 1), key_tilt: _zero, key_tilt_other: _one,
             total_tilted: sp.Integer(2), total_other: sp.E + 1},
            text="two equal scores, and a rule of 1 nat on the first: another row",
        )
    },
    source=SOURCE,
    kind="identity",
)  # fmt: skip

shifted_row = Theorem(
    name="rules.shifted_row",
    title="Rules that add one constant to every key change nothing",
    claim=eq(key_weight_twice, key_weight_once),
    assumes={"numbering": Hypothesis(sp.Ge(n - g, 0, **_rel), "keys are numbered 1..g and g + 1..n", "Number the visible keys.")},
    definitions=_ONE_KEY
    | _TWO_SETS
    | {
        "constant in": eq(tilt_other[j_in], tilt[j_in] + tilt_level),
        "constant out": eq(tilt_other[j_out], tilt[j_out] + tilt_level),
    },
    steps=(
        SumOver("in", Apply("e^ in", sp.exp(content[j_in] + _x), _x, "constant in"), j_in),
        SumOver("out", Apply("e^ out", sp.exp(content[j_out] + _x), _x, "constant out"), j_out),
        Combine(
            "totals", eq(total_other, sp.exp(tilt_level) * total_tilted),
            {"M_2 is": 1, "in": 1, "out": 1, "M_1 is": -sp.exp(tilt_level)},
        ),
        Apply("lift", sp.exp(content[_key] + _x), _x, "constant in"),
        Combine(
            "claim", eq(key_weight_twice, key_weight_once),
            {
                "other": 1, "one": -1, "lift": 1 / total_other,
                "totals": -sp.exp(content[_key] + tilt[_key]) / (total_other * total_tilted),
            },
        ),
    ),
    equality=Equality("an identity; a rule on all keys is such a difference, and two equal rules on a set and its complement are"),
    free={"numbering": "it says what g counts: some of the keys of the row"},
    source=SOURCE,
    kind="identity",
)  # fmt: skip

# The nearest float32 number to 0.1; what is left when 100, or a million, is added to it and taken off again, each result rounded
# to nearest. `tests` compute both in float32, and Coq shows the rounding.
TENTH = sp.Rational(13421773, 2**27)
LEFT_OF_100, LEFT_OF_MILLION = sp.Rational(13107, 2**17), sp.Rational(1, 8)
float_residue = Theorem(
    name="rules.float_residue",
    title="Subtracting a rule leaves a residue in float32: (0.1 + 100) - 100 = 0.0999985",
    claim=sp.Gt(TENTH - LEFT_OF_100, sp.Rational(1, 10**6), **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(TENTH - LEFT_OF_100, sp.Rational(1, 10**6), **_rel)),),
    equality=Equality("a counterexample: rules are kept as a list, and removing one recomputes"),
    source=f"{SOURCE}: false that ejection by subtraction is exact",
    kind="counterexample",
)
float_residue_large = Theorem(
    name="rules.float_residue_large",
    title="The greater the rule, the greater the residue: (0.1 + 10^6) - 10^6 = 0.125 in float32",
    claim=sp.Gt(LEFT_OF_MILLION - TENTH, sp.Rational(1, 50), **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(LEFT_OF_MILLION - TENTH, sp.Rational(1, 50), **_rel)),),
    equality=Equality("a counterexample: a quarter of the score is lost"),
    source=f"{SOURCE}: false that ejection by subtraction is exact",
    kind="counterexample",
)

SEVERAL: tuple[Theorem, ...] = (
    leave_one_out, interaction, oscillation, additive, independent, disjoint_lowered, disjoint_short, composition, same_row,
    shifted_row, ejection, float_residue, float_residue_large,
)  # fmt: skip
