"""Statements on how much entropy a row can have: the dual form, the ceiling, its consequences, tiers.

A distribution is a list of weights, zeros allowed; its entropy is the sum of weight times surprisal. A softmax row is one.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.concentration import BLOCK, MARGIN, ROW_MARGIN, outside_mass
from theory.entropy_formulas import Z as NORMALISER
from theory.entropy_formulas import (
    binary_entropy,
    dual,
    entropy_at_outside_mass,
    entropy_ceiling,
    entropy_deficit,
    entropy_exponential,
    entropy_exponential_floor,
    rho,
)
from theory.entropy_lemmas import gibbs_term, log_quotient
from theory.lemmas import log1p_above, log1p_below
from theory.steps import Apply, Cite, Combine, Identity, Manifest, MeanValue, SumOver
from theory.symbols import (
    entropy,
    eps,
    g,
    j_in,
    j_out,
    margin,
    n,
    s,
    sum_in,
    sum_out,
    surprisal,
    t,
    t_gain,
    weight,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_u = sp.exp(-t)
_y = sp.Symbol("y", positive=True)
_x = sp.Symbol("x", real=True)
_v = sp.Symbol("v", nonnegative=True)
CEILING = entropy_ceiling.stated
_I = sp.Integer


def ceiling_at(**values: sp.Expr | int) -> sp.Expr:
    """H* at other values of n, g or t."""
    return CEILING.subs({{"n": n, "g": g, "t": t}[key]: value for key, value in values.items()}, simultaneous=True)


LEAD = Hypothesis(
    sp.Ge(t, 0, **_rel), "the claimed margin t is not negative",
    "Raise the dial until the margin is positive, or choose the block by its scores; for t < 0 only H <= ln n is true.",
)  # fmt: skip
# The entropy of the row with scores t on G and 0 outside, from its scores.
TWO_LEVEL_ENTROPY = sp.log(g * sp.exp(t) + n - g) - t * g / NORMALISER
BLOCK_FREE = {"block": "it says what a block is: g = n leaves no key outside, g = 0 no block"}

# What the entropy of a distribution is: a key of weight 0 adds nothing, whatever its surprisal.
DISTRIBUTION = {
    "H is": sp.Eq(
        entropy,
        sp.Sum(weight[j_in] * surprisal[j_in], (j_in, 1, g)) + sp.Sum(weight[j_out] * surprisal[j_out], (j_out, g + 1, n)),
        **_rel,
    ),
    "surprisal in": sp.Eq(weight[j_in] * (weight[j_in] - sp.exp(-surprisal[j_in])), 0, **_rel),
    "surprisal out": sp.Eq(weight[j_out] * (weight[j_out] - sp.exp(-surprisal[j_out])), 0, **_rel),
    "total is": sp.Eq(sp.Sum(weight[j_in], (j_in, 1, g)) + sp.Sum(weight[j_out], (j_out, g + 1, n)), 1, **_rel),
    "block of the row": sp.Le(g, n, **_rel),
}  # fmt: skip
MASS_OUT = {"mass out is": sp.Eq(eps, sp.Sum(weight[j_out], (j_out, g + 1, n)), **_rel)}
SOFTMAX = DISTRIBUTION | MASS_OUT | {
    "weight in": sp.Eq(weight[j_in], sp.exp(s[j_in]) / (sum_in + sum_out), **_rel),
    "weight out": sp.Eq(weight[j_out], sp.exp(s[j_out]) / (sum_in + sum_out), **_rel),
}  # fmt: skip
ROW = ROW_MARGIN | SOFTMAX


def gibbs(log_in: sp.Expr, log_out: sp.Expr) -> tuple[SumOver, SumOver]:
    """Gibbs' inequality against weights e^log_in in the block and e^log_out outside, summed."""
    term_in = {lemmas.v: weight[j_in], lemmas.p: surprisal[j_in], lemmas.q: log_in}
    term_out = {lemmas.v: weight[j_out], lemmas.p: surprisal[j_out], lemmas.q: log_out}
    return (
        SumOver("inside", Cite("term in", gibbs_term, term_in, {"surprisal": "surprisal in"}), j_in),
        SumOver("outside", Cite("term out", gibbs_term, term_out, {"surprisal": "surprisal out"}), j_out),
    )


_log_z = sp.log(NORMALISER)
dual_form = Theorem(
    name="entropy.dual",
    title="Entropy from the outside mass: the dual form",
    claim=sp.Le(entropy, dual.stated, **_rel),
    assumes={
        "block": Hypothesis(
            sp.Ge(n - g, 0, **_rel), "1 <= g <= n: a block of at least one key", "Keep the query's own token in its block."
        )
    },
    definitions=DISTRIBUTION | MASS_OUT,
    steps=(
        *gibbs(-_log_z, -t - _log_z),
        Combine(
            "claim", sp.Le(entropy, dual.stated, **_rel),
            {"inside": 1, "outside": 1, "H is": -1, "total is": 1 - _log_z, "mass out is": t},
        ),
    ),
    equality=Equality(
        "weights 1/Z on G and e^-t/Z outside, for t of any sign",
        {entropy: TWO_LEVEL_ENTROPY, eps: (n - g) * _u / NORMALISER},
    ),
    free={"block": "it says what g counts: keys of the row"},
    source="2510.09338: exact bounds on attention entropy",
)  # fmt: skip

ceiling = Theorem(
    name="entropy.ceiling",
    title="Entropy ceiling under a margin",
    claim=sp.Le(entropy, CEILING, **_rel),
    assumes={"block": BLOCK, "margin": MARGIN, "lead": LEAD},
    definitions=ROW,
    steps=(
        Cite("dual", dual_form, {}, {}),
        Cite("mass", outside_mass, {}, {"block": "block", "margin": "margin"}),
        Combine("claim", sp.Le(entropy, CEILING, **_rel), {"dual": 1, "mass": t}),
    ),
    equality=Equality(
        "two-level rows with gap exactly t; at t = 0 the uniform row", {entropy: TWO_LEVEL_ENTROPY}
    ),
    needs={
        "margin": Witness(
            {n: _I(2), g: _I(1), t: _I(1), margin: _I(0), entropy: sp.log(2)}, scores=(_I(0), _I(0)), block=(0,),
            text="two equal scores have margin 0 and entropy ln 2, above the ceiling 0.582 for t = 1",
        ),
        "lead": Witness(
            {n: _I(4), g: _I(1), t: _I(-1), margin: _I(0), entropy: sp.log(4)}, scores=(_I(0),) * 4, block=(0,),
            text="four equal scores have margin 0 >= -1 and entropy ln 4 = 1.386, above H*(4, 1, -1) = 1.324",
        ),
    },
    free=BLOCK_FREE,
    uses=(dual_form, outside_mass),
    source="2510.09338: low entropy, exact bounds on attention entropy",
)  # fmt: skip

_best_t = sp.log(1 - eps) + sp.log(n - g) - sp.log(eps) - sp.log(g)  # where the dual form is least
at_outside_mass = Theorem(
    name="entropy.at_outside_mass",
    title="Greatest entropy for a given outside mass",
    claim=sp.Le(entropy, entropy_at_outside_mass.stated, **_rel),
    assumes={
        "block": BLOCK,
        "some outside": Hypothesis(sp.Gt(eps, 0, **_rel), "eps > 0", "With eps = 0 the entropy is at most ln g."),
        "some inside": Hypothesis(sp.Lt(eps, 1, **_rel), "eps < 1", "With eps = 1 the entropy is at most ln(n - g)."),
    },
    definitions=DISTRIBUTION | MASS_OUT,
    steps=(
        Cite("dual", dual_form, {t: _best_t}, {}),
        Identity("Z", sp.Eq(NORMALISER.subs(t, _best_t), g / (1 - eps), **_rel)),
        Apply("ln Z", sp.log(_y), _y, "Z"),
        Manifest("coin", sp.Gt(binary_entropy.stated, 0, **_rel)),  # what is left when both sides are known: never nothing
        Cite("ln of the quotient", log_quotient, {lemmas.x: g, lemmas.y: 1 - eps}),
        Combine(
            "claim", sp.Le(entropy, entropy_at_outside_mass.stated, **_rel), {"dual": 1, "ln Z": -1, "ln of the quotient": -1}
        ),
    ),
    equality=Equality(
        "uniform in the block and uniform outside",
        {entropy: -(1 - eps) * (sp.log(1 - eps) - sp.log(g)) - eps * (sp.log(eps) - sp.log(n - g))},
    ),
    free=BLOCK_FREE | {"some outside": "the formula reads 0 ln 0 there", "some inside": "the formula reads 0 ln 0 there"},
    uses=(dual_form,),
    source="2510.09338: entropy and outside mass are two readings of one row",
)  # fmt: skip

_later = CEILING.subs(t, t + _v)
_rate = (n - g) * g * sp.exp(-t) / (2 * n**2)
_at_v = NORMALISER.subs(t, t + _v)
_fall = -_later - _rate * _v**2 * sp.exp(-_v)
_n_minus_z = (n - g) * 2 * sp.exp(-(t + _v) / 2) * sp.sinh((t + _v) / 2)  # n - Z(t + v)
ceiling_decreases = Theorem(
    name="entropy.ceiling_decreases",
    title="The ceiling falls strictly in the margin",
    claim=sp.Lt(CEILING.subs(t, t + t_gain), CEILING, **_rel),
    assumes={
        "block": BLOCK,
        "lead": LEAD,
        "gain": Hypothesis(sp.Gt(t_gain, 0, **_rel), "the second margin is greater", "Swap the margins."),
    },
    steps=(
        MeanValue(
            "falls", _fall, _v, _I(0), t_gain,
            Manifest(
                "slope", sp.Ge(sp.diff(_fall, _v), 0, **_rel),
                form=g * (n - g) * sp.exp(-t - _v)
                * (t / _at_v**2 + _v * _n_minus_z * (n + _at_v) / (_at_v**2 * n**2) + _v**2 / (2 * n**2)),
            ),
            "gain",
        ),
        Manifest("by more than", sp.Gt(_rate * t_gain**2 * sp.exp(-t_gain), 0, **_rel)),
        Combine("claim", sp.Lt(CEILING.subs(t, t + t_gain), CEILING, **_rel), {"falls": 1, "by more than": 1}),
    ),
    equality=Equality("not attained: the claim is strict; the gap vanishes with the gain"),
    needs={
        "lead": Witness({n: _I(4), g: _I(1), t: _I(-1), t_gain: _I(1)}, text="below 0 it rises: 1.324 at -1, ln 4 at 0"),
        "gain": Witness({n: _I(4), g: _I(1), t: _I(1), t_gain: _I(-1)}, text="a smaller margin has a greater ceiling"),
    },
    free=BLOCK_FREE,
    source="2510.09338: low entropy",
)  # fmt: skip

below_ln_n = Theorem(
    name="entropy.ceiling_below_ln_n",
    title="The ceiling says something for every positive margin",
    claim=sp.Lt(CEILING, sp.log(n), **_rel),
    assumes={
        "block": BLOCK,
        "positive": Hypothesis(sp.Gt(t, 0, **_rel), "t > 0", "At t = 0 the ceiling is ln n; for t < 0 it is no ceiling."),
    },
    steps=(
        Cite("fallen", ceiling_decreases, {t: _I(0), t_gain: t}, {"block": "block", "gain": "positive"}),
        Combine("deficit", sp.Gt(entropy_deficit.stated, 0, **_rel), {"fallen": 1}),
        Combine("claim", sp.Lt(CEILING, sp.log(n), **_rel), {"deficit": 1}),
    ),
    equality=Equality("at t = 0, which the hypothesis excludes", {t: _I(0)}),
    free=BLOCK_FREE | {"positive": "at t = 0 both sides are ln n; for t < 0 it is true again, but H* is no ceiling"},
    uses=(ceiling_decreases,),
    source="2510.09338: low entropy; when the bound is better than none",
)  # fmt: skip

above_ln_g = Theorem(
    name="entropy.ceiling_above_ln_g",
    title="No margin brings the ceiling down to the block's own ln g",
    claim=sp.Gt(CEILING, sp.log(g), **_rel),
    assumes={"block": BLOCK, "lead": LEAD},
    steps=(
        Manifest("odds", sp.Gt(rho, 0, **_rel)),
        Manifest("more than g", sp.Gt(NORMALISER, g, **_rel)),
        Apply("ln", sp.log(_y), _y, "more than g"),
        Manifest("tail", sp.Ge(t * (n - g) * _u / NORMALISER, 0, **_rel)),
        Combine("claim", sp.Gt(CEILING, sp.log(g), **_rel), {"ln": 1, "tail": 1}),
    ),
    equality=Equality("not attained: the claim is strict; the ceiling tends to ln g as t grows, by `entropy.exponential`"),
    needs={"lead": Witness({n: _I(3), g: _I(2), t: _I(-10)}, text="far below 0 the other side leads: H*(3, 2, -10) is near 0")},
    free=BLOCK_FREE,
    source="2510.09338: exact bounds on attention entropy",
)  # fmt: skip

_split = (
    Identity("Z", sp.Eq(NORMALISER, g * (1 + rho), **_rel)),
    Apply("ln Z", sp.log(_y), _y, "Z"),
)
exponential = Theorem(
    name="entropy.exponential",
    title="Entropy falls to ln g exponentially in the margin",
    claim=sp.Le(entropy, entropy_exponential.stated, **_rel),
    assumes={"block": BLOCK, "margin": MARGIN, "lead": LEAD},
    definitions=ROW,
    steps=(
        Cite("ceiling", ceiling, {}, {"block": "block", "margin": "margin", "lead": "lead"}),
        *_split,
        Cite("ln(1 + rho)", log1p_above, {lemmas.v: rho}),
        Manifest("mass", sp.Ge(t * (rho - (n - g) * _u / NORMALISER), 0, **_rel), form=t * rho**2 / (1 + rho)),
        Combine(
            "claim", sp.Le(entropy, entropy_exponential.stated, **_rel), {"ceiling": 1, "ln Z": -1, "ln(1 + rho)": 1, "mass": 1}
        ),
    ),
    equality=Equality("not attained: ln(1 + rho) < rho; the two meet as t grows (`entropy.exponential_exact`)"),
    needs={
        "margin": Witness(
            {n: _I(2), g: _I(1), t: _I(5), margin: _I(0), entropy: sp.log(2)}, scores=(_I(0), _I(0)), block=(0,),
            text="two equal scores: ln 2 above 6 e^-5",
        ),
        "lead": Witness(
            {n: _I(2), g: _I(1), t: _I(-1), margin: _I(0), entropy: sp.log(2)}, scores=(_I(0), _I(0)), block=(0,),
            text="two equal scores have margin 0 >= -1, and the form is 0 at t = -1",
        ),
    },
    free=BLOCK_FREE,
    uses=(ceiling,),
    source="2510.09338: exponential bounds on attention entropy",
)  # fmt: skip

_exact = sp.Ge(CEILING, entropy_exponential_floor.stated, **_rel)
exponential_exact = Theorem(
    name="entropy.exponential_exact",
    title="The worst row falls no faster: the exponential form is exact to second order",
    claim=_exact,
    assumes={"block": BLOCK, "lead": LEAD},
    steps=(
        *_split,
        Cite("ln(1 + rho)", log1p_below, {lemmas.v: rho}),
        Manifest("mass", sp.Ge(t * ((n - g) * _u / NORMALISER - rho + rho**2), 0, **_rel), form=t * rho**3 / (1 + rho)),
        Combine("claim", _exact, {"ln Z": 1, "ln(1 + rho)": 1, "mass": 1}),
    ),
    equality=Equality("not attained: ln(1 + rho) > rho - rho^2/2; the left side is the entropy of the two-level row"),
    needs={"lead": Witness({n: _I(2), g: _I(1), t: _I(-10)}, text="rho = e^10: -rho^2 (t + 1/2) is huge, the entropy small")},
    free=BLOCK_FREE,
    source="2510.09338: exponential bounds on attention entropy, lower side",
)  # fmt: skip

_star = ceiling_at(n=4, g=1, t=-1)
negative_margin = Theorem(
    name="entropy.negative_margin",
    title="With a negative margin the ceiling is false",
    claim=sp.Gt(sp.log(4), _star, **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(sp.log(4), _star, **_rel)),),
    equality=Equality("four equal scores have margin 0 >= -1 and entropy ln 4 = 1.386; H*(4, 1, -1) = 1.324"),
    source="2510.09338: the hypothesis that the plain reading leaves out",
    kind="counterexample",
)

_vacuous = entropy_exponential.stated.subs({n: 1024, g: 64, t: sp.log(15)})
exponential_vacuous = Theorem(
    name="entropy.exponential_vacuous",
    title="The exponential form alone can say less than ln n",
    claim=sp.Gt(_vacuous, sp.log(1024), **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(_vacuous, sp.log(1024), **_rel)),),
    equality=Equality("n = 1024, g = 64, t = ln 15: 7.87 > ln n = 6.93, while the ceiling H* = 6.21 says something"),
    source="2510.09338: exponential bounds, where they are void",
    kind="counterexample",
)
