"""The sequential test: look after every token, for ever, and still recruit falsely with probability at most e^-K.

    P{ exists t: sum_(i<=t) ln(q_i/p_i) >= K } <= e^-K,        K_m = ln(m (m + 1)/alpha):  any test, ever: <= alpha

q_t and p_t are the alternative's and the current model's probabilities of token t, each computed from the tokens before it; p is
the law of the data. The prefixes at which the test first crosses exclude each other, and the alternative gives them at most 1 in
all. Statements of the family `recruitment`.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.lemmas import p, v, w
from theory.recruitment_budget import SOURCE, eq, rel
from theory.recruitment_codes import SAVES, compression
from theory.recruitment_formulas import false_recruitment, false_recruitment_ever, recruitment_threshold
from theory.steps import Apply, Cite, Combine, Induction, Manifest
from theory.symbols import (
    any_at,
    any_false,
    code_mass,
    crossed_at,
    false_rate,
    horizon,
    k_step,
    level_false,
    live_at,
    new_at,
    predictive_mass,
    rate_at,
    test_number,
    tests,
    threshold_at,
    threshold_nats,
    threshold_slack,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

_one, _two = sp.Integer(1), sp.Integer(2)
_next = k_step + 1
_x = sp.Symbol("x", real=True)

union_bound = Lemma(
    "union_bound",
    sp.Le(p, v + w, **rel),
    attained={p: 2, v: 1, w: 1},
    reason="p = P(A or B), v = P(A), w = P(B): what is in both is counted twice on the right.",
)

# First-crossing prefixes by length: none crosses before it is read, and a live prefix hands its mass on to its continuations.
TREE: dict[str, Relational] = {
    "root": eq(live_at[0], 1),
    "none crossed": eq(crossed_at[0], 0),
    "handed on": sp.Le(new_at[k_step] + live_at[_next], predictive_mass * live_at[k_step], **rel),
    "crossed adds": eq(crossed_at[_next], crossed_at[k_step] + new_at[k_step]),
    "crossed is": eq(code_mass, crossed_at[horizon]),
}
_within = sp.Le(crossed_at[k_step] + live_at[k_step], 1, **rel)
_kept = sp.Le(new_at[k_step] + live_at[_next], live_at[k_step], **rel)
sequential = Theorem(
    name="recruitment.sequential",
    title="Looking after every token: false recruitment at any time has probability at most e^-K",
    claim=sp.Le(false_rate, false_recruitment.stated, **rel),
    assumes={
        "predictive": Hypothesis(
            sp.Le(predictive_mass, 1, **rel),
            "the alternative's probabilities of the next token, given those before it, sum to at most 1",
            "Score each token before learning from it.",
        )
    },
    definitions=SAVES | TREE,
    steps=(
        Induction(
            "at most one", _within,
            (Combine("at the root", _within.subs(k_step, 0), {"root": -1, "none crossed": -1}),),
            (
                Combine("kept", _kept, {"handed on": 1, "predictive": live_at[k_step]}),
                Combine(
                    "one more token", sp.Le(crossed_at[_next] + live_at[_next], 1, **rel),
                    {"at most one.at": 1, "crossed adds": -1, "kept": 1},
                ),
            ),
            horizon,
        ),
        Manifest("live", sp.Ge(live_at[horizon], 0, **rel)),
        Combine("all crossings", sp.Le(code_mass, 1, **rel), {"crossed is": -1, "at most one": 1, "live": 1}),
        Cite("claim", compression, {}, {"subprobability": "all crossings"}),
    ),
    equality=Equality(
        "every first crossing lands exactly on K, and the alternative is certain to cross", {false_rate: false_recruitment.stated}
    ),
    needs={
        "predictive": Witness(
            {false_rate: _one, predictive_mass: _two, threshold_nats: 2 * sp.log(2)},
            text="a coin fitted to the toss that it scores gives each side 1: two tosses always save 2 ln 2",
        )
    },
    uses=(compression,),
    source=SOURCE,
)  # fmt: skip

_threshold = recruitment_threshold.stated.subs(test_number, _next)
_spent = level_false * k_step / _next
_cost = level_false / (_next * (k_step + 2))
SLACK = Hypothesis(
    sp.Ge(threshold_slack, 0, **rel),
    "the m-th test has the threshold ln(m (m + 1)/alpha) or more",
    "Number the tests in the order in which they begin, and use `recruitment_threshold(m, alpha)`.",
)
MANY: dict[str, Relational] = {
    "no test": eq(any_at[0], 0),
    "rate is": sp.Le(rate_at[k_step], sp.exp(-threshold_at[k_step]), **rel),  # `recruitment.sequential`
    "slack is": sp.Ge(threshold_at[k_step], _threshold + threshold_slack, **rel),
    "union is": sp.Le(any_at[_next], any_at[k_step] + rate_at[k_step], **rel),
    "any is": eq(any_false, any_at[tests]),
}
_repeated = Witness(
    {any_false: sp.Rational(1, 10), tests: _two, level_false: sp.Rational(1, 20), threshold_slack: -sp.log(6)},
    text="two tests at ln 20 each whose false recruitments exclude each other",
)
all_time = Theorem(
    name="recruitment.all_time",
    title="Any number of tests with thresholds ln(m (m + 1)/alpha): alpha M/(M + 1) for the first M of them",
    claim=sp.Le(any_false, false_recruitment_ever.stated, **rel),
    assumes={"thresholds": SLACK},
    definitions={key: fact for key, fact in MANY.items() if key != "union is"},
    steps=(
        Cite("union is", union_bound, {p: any_at[_next], v: any_at[k_step], w: rate_at[k_step]}),
        Combine("not below", sp.Le(-threshold_at[k_step], -_threshold, **rel), {"slack is": 1, "thresholds": 1}),
        Apply("e^-K", sp.exp(_x), _x, "not below"),
        Induction(
            "spent so far", sp.Le(any_at[k_step], _spent, **rel),
            (Combine("nothing spent", sp.Le(any_at[0], 0 * level_false, **rel), {"no test": -1}),),
            (
                Combine(
                    "one more test", sp.Le(any_at[_next], _spent.subs(k_step, _next), **rel),
                    {"union is": 1, "spent so far.at": 1, "rate is": 1, "e^-K": 1},
                ),
            ),
            tests,
        ),
        Combine("claim", sp.Le(any_false, false_recruitment_ever.stated, **rel), {"any is": -1, "spent so far": 1}),
    ),
    equality=Equality(
        "tests whose false recruitments exclude each other and have their greatest probability",
        {any_false: false_recruitment_ever.stated},
    ),
    needs={"thresholds": _repeated},
    source=SOURCE,
)  # fmt: skip

ever = Theorem(
    name="recruitment.ever",
    title="However many tests: any false recruitment in the first M has probability below alpha",
    claim=sp.Lt(any_false, level_false, **rel),
    assumes={"thresholds": SLACK},
    definitions=all_time.definitions,
    steps=(
        Cite("so far", all_time, {}, {"thresholds": "thresholds"}),
        Manifest("never all", sp.Gt(level_false, false_recruitment_ever.stated, **rel), form=level_false / (tests + 1)),
        Combine("claim", sp.Lt(any_false, level_false, **rel), {"so far": 1, "never all": 1}),
    ),
    equality=Equality("strict for every M; of infinitely many tests that exclude each other, alpha itself is attained"),
    needs={"thresholds": _repeated},
    uses=(all_time,),
    source=SOURCE,
)

TESTS: tuple[Theorem, ...] = (sequential, all_time, ever)
