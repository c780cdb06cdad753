"""A learned alternative: what prediction before learning loses to the best coin in hindsight.

    saved by Laplace's rule >= saved by the best coin - ln(N + 1)

so a learned alternative has crossed K wherever the best one has crossed K + ln(N + 1). Statements of the family `recruitment`.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.lemmas import v, w
from theory.recruitment_budget import eq, rel
from theory.recruitment_formulas import (
    laplace_regret,
)
from theory.recruitment_power import POWER
from theory.steps import Apply, Cite, Combine
from theory.symbols import (
    counted,
    gain_fit,
    gain_rule,
    likelihood_fit,
    likelihood_law,
    likelihood_rule,
    samples,
    threshold_nats,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

_two, _zero = sp.Integer(2), sp.Integer(0)
_y = sp.Symbol("y", positive=True)

binomial_term = Lemma(
    "binomial_term",
    sp.Le(v * w, 1, **rel),
    attained={v: 1, w: 1},
    reason="v sequences have as many ones as the given one, and w is the likelihood of each under one coin: a probability.",
)

SEQUENCE: dict[str, Relational] = {
    "rule is": eq(likelihood_rule, 1 / ((samples + 1) * counted)),  # 1/(N + 1) for the count, then all its sequences alike
    "saved in hindsight": eq(gain_fit, sp.log(likelihood_fit) - sp.log(likelihood_law)),
    "saved by the rule": eq(gain_rule, sp.log(likelihood_rule) - sp.log(likelihood_law)),
}
regret = Theorem(
    name="recruitment.regret",
    title="Laplace's rule saves as much as the best coin in hindsight, up to ln(N + 1) nats",
    claim=sp.Ge(gain_rule, gain_fit - laplace_regret.stated, **rel),
    assumes={},
    definitions=SEQUENCE,
    steps=(
        Cite("a probability", binomial_term, {v: counted, w: likelihood_fit}),
        Combine(
            "within a factor", sp.Le(likelihood_fit, (samples + 1) * likelihood_rule, **rel),
            {"a probability": 1 / counted, "rule is": samples + 1},
        ),
        Apply("ln", sp.log(_y), _y, "within a factor"),
        Combine(
            "claim", sp.Ge(gain_rule, gain_fit - laplace_regret.stated, **rel),
            {"ln": 1, "saved by the rule": 1, "saved in hindsight": -1},
        ),
    ),
    equality=Equality("all samples alike", {gain_rule: gain_fit - laplace_regret.stated}),
    source=POWER,
)  # fmt: skip

learned = Theorem(
    name="recruitment.learned",
    title="A learned alternative has crossed K wherever the best coin in hindsight has crossed K + ln(N + 1)",
    claim=sp.Ge(gain_rule, threshold_nats, **rel),
    assumes={
        "margin": Hypothesis(
            sp.Ge(gain_fit, threshold_nats + laplace_regret.stated, **rel),
            "the best coin saves K + ln(N + 1)",
            "Wait for more samples: its saving grows like N, the regret like ln N.",
        )
    },
    definitions=SEQUENCE,
    steps=(
        Cite("regret", regret, {}),
        Combine("claim", sp.Ge(gain_rule, threshold_nats, **rel), {"regret": 1, "margin": 1}),
    ),
    equality=Equality("all samples alike, and the best coin saves exactly K + ln(N + 1)", {gain_rule: threshold_nats}),
    needs={
        "margin": Witness(
            {gain_rule: -sp.log(sp.Rational(3, 2)), gain_fit: _zero, samples: _two, threshold_nats: _zero},
            text="one head and one tail, current model a fair coin: the best coin saves 0, the rule loses ln 3/2",
        )
    },
    uses=(regret,),
    source=POWER,
)  # fmt: skip

LEARNED: tuple[Theorem, ...] = (regret, learned)
LEMMAS: tuple[Lemma, ...] = (binomial_term,)
