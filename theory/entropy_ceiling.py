"""Statements on how much entropy a row can have: the dual form, the ceiling, its consequences, tiers.

A distribution is a list of weights, zeros allowed; its entropy is the sum of weight times surprisal. A softmax row is one.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.concentration import BLOCK, MARGIN, ROW_MARGIN, ROW_SUMS, outside_mass
from theory.entropy_formulas import (
    dual,
    entropy_at_outside_mass,
    entropy_ceiling,
    entropy_exponential,
    entropy_exponential_floor,
    rho,
)
from theory.entropy_formulas import Z as NORMALISER
from theory.entropy_lemmas import gibbs_term, log_quotient
from theory.lemmas import log1p_above, log1p_below
from theory.steps import Apply, Cases, Cite, Combine, Identity, Manifest, MeanValue, SumOver
from theory.symbols import (
    entropy,
    eps,
    g,
    g_high,
    g_low,
    j_in,
    j_out,
    j_tier,
    low_in,
    margin,
    n,
    n_high,
    s,
    sum_in,
    sum_out,
    surprisal,
    t,
    t_gain,
    tier_gap,
    tier_least,
    tier_mass,
    tier_size,
    tier_slack,
    tier_sum,
    tier_terms,
    tier_top,
    weight,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_u = sp.exp(-t)
_y = sp.Symbol("y", positive=True)
_x = sp.Symbol("x", real=True)
_v = sp.Symbol("v", nonnegative=True)
_size = sp.Symbol("size", positive=True)  # a block size or a number of keys, between two that occur
CEILING = entropy_ceiling.stated
_I = sp.Integer


def ceiling_at(**values: sp.Expr | int) -> sp.Expr:
    """H* at other values of n, g or t."""
    return CEILING.subs({{"n": n, "g": g, "t": t}[key]: value for key, value in values.items()}, simultaneous=True)


LEAD = Hypothesis(
    sp.Ge(t, 0, **_rel), "the claimed margin t is not negative",
    "Raise the dial until the margin is positive, or choose the block by its scores; for t < 0 only H <= ln n is true.",
)  # fmt: skip
_block_free = {"block": "it says what a block is: g = n leaves no key outside, g = 0 no block"}
_leaves = sp.Gt(n - g, 0, **_rel)

# What the entropy of a distribution is: a key of weight 0 adds nothing, whatever its surprisal.
DISTRIBUTION = {
    "H is": sp.Eq(
        entropy,
        sp.Sum(weight[j_in] * surprisal[j_in], (j_in, 1, g)) + sp.Sum(weight[j_out] * surprisal[j_out], (j_out, g + 1, n)), **_rel,
    ),
    "surprisal in": sp.Eq(weight[j_in] * (weight[j_in] - sp.exp(-surprisal[j_in])), 0, **_rel),
    "surprisal out": sp.Eq(weight[j_out] * (weight[j_out] - sp.exp(-surprisal[j_out])), 0, **_rel),
    "total is": sp.Eq(sp.Sum(weight[j_in], (j_in, 1, g)) + sp.Sum(weight[j_out], (j_out, g + 1, n)), 1, **_rel),
}  # fmt: skip
MASS_OUT = {"mass out is": sp.Eq(eps, sp.Sum(weight[j_out], (j_out, g + 1, n)), **_rel)}
SOFTMAX = DISTRIBUTION | MASS_OUT | {
    "weight in": sp.Eq(weight[j_in], sp.exp(s[j_in]) / (sum_in + sum_out), **_rel),
    "weight out": sp.Eq(weight[j_out], sp.exp(s[j_out]) / (sum_in + sum_out), **_rel),
}  # fmt: skip
ROW = ROW_MARGIN | SOFTMAX


def _gibbs(log_in: sp.Expr, log_out: sp.Expr) -> tuple[SumOver, SumOver]:
    """Gibbs' inequality against weights e^log_in in the block and e^log_out outside, summed."""
    term_in = {lemmas.v: weight[j_in], lemmas.p: surprisal[j_in], lemmas.q: log_in}
    term_out = {lemmas.v: weight[j_out], lemmas.p: surprisal[j_out], lemmas.q: log_out}
    return (
        SumOver("inside", Cite("term in", gibbs_term, term_in, {"surprisal": "surprisal in"}), j_in),
        SumOver("outside", Cite("term out", gibbs_term, term_out, {"surprisal": "surprisal out"}), j_out),
    )


_log_Z = sp.log(NORMALISER)
dual_form = Theorem(
    name="entropy.dual",
    title="Entropy from the outside mass: the dual form",
    claim=sp.Le(entropy, dual.stated, **_rel),
    assumes={
        "block": Hypothesis(sp.Ge(n - g, 0, **_rel), "1 <= g <= n: a block of at least one key", "Keep the query's own token in its block.")
    },
    definitions=DISTRIBUTION | MASS_OUT,
    steps=(
        *_gibbs(-_log_Z, -t - _log_Z),
        Combine(
            "claim", sp.Le(entropy, dual.stated, **_rel),
            {"inside": 1, "outside": 1, "H is": -1, "total is": 1 - _log_Z, "mass out is": t},
        ),
    ),
    equality=Equality(
        "weights 1/Z on G and e^-t/Z outside, for t of any sign",
        {entropy: sp.log(g * sp.exp(t) + n - g) - t * g / NORMALISER, eps: (n - g) * _u / NORMALISER},
    ),
    free={"block": "it says what g counts: keys of the row"},
    source="2510.09338: exact bounds on attention entropy (T3, dual form)",
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
        "two-level rows with gap exactly t; at t = 0 the uniform row", {entropy: sp.log(g * sp.exp(t) + n - g) - t * g / NORMALISER}
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
    free=_block_free,
    uses=(dual_form, outside_mass),
    source="2510.09338: low entropy, exact bounds on attention entropy (T3)",
)  # fmt: skip

_best_t = sp.log(1 - eps) + sp.log(n - g) - sp.log(eps) - sp.log(g)  # the t at which the dual form is least for this outside mass
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
        Cite("ln of the quotient", log_quotient, {lemmas.x: g, lemmas.y: 1 - eps}),
        Combine(
            "claim", sp.Le(entropy, entropy_at_outside_mass.stated, **_rel), {"dual": 1, "ln Z": -1, "ln of the quotient": -1}
        ),
    ),
    equality=Equality(
        "uniform in the block and uniform outside",
        {entropy: -(1 - eps) * (sp.log(1 - eps) - sp.log(g)) - eps * (sp.log(eps) - sp.log(n - g))},
    ),
    free=_block_free | {"some outside": "the formula reads 0 ln 0 at eps = 0", "some inside": "the formula reads 0 ln 0 at eps = 1"},
    uses=(dual_form,),
    source="2510.09338: entropy and outside mass are two readings of one row (T3, L2)",
)  # fmt: skip

_later = CEILING.subs(t, t + _v)
_rate = (n - g) * g * sp.exp(-t) / (2 * n**2)
_at_v = NORMALISER.subs(t, t + _v)
_fall = -_later - _rate * _v**2 * sp.exp(-_v)
_n_minus_Z = (n - g) * 2 * sp.exp(-(t + _v) / 2) * sp.sinh((t + _v) / 2)  # n - Z(t + v)
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
                * (t / _at_v**2 + _v * _n_minus_Z * (n + _at_v) / (_at_v**2 * n**2) + _v**2 / (2 * n**2)),
            ),
            "gain",
        ),
        Manifest("by more than", sp.Gt(_rate * t_gain**2 * sp.exp(-t_gain), 0, **_rel)),
        Combine("claim", sp.Lt(CEILING.subs(t, t + t_gain), CEILING, **_rel), {"falls": 1, "by more than": 1}),
    ),
    equality=Equality("not attained: the claim is strict; the gap vanishes with the gain"),
    needs={
        "lead": Witness({n: _I(4), g: _I(1), t: _I(-1), t_gain: _I(1)}, text="below 0 it rises: H*(4, 1, -1) = 1.324 < H*(4, 1, 0) = ln 4"),
        "gain": Witness({n: _I(4), g: _I(1), t: _I(1), t_gain: _I(0)}, text="the same margin gives the same ceiling"),
    },
    free=_block_free,
    source="2510.09338: low entropy (T3 a)",
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
        Combine("claim", sp.Lt(CEILING, sp.log(n), **_rel), {"fallen": 1}),
    ),
    equality=Equality("not attained: the claim is strict; the ceiling is ln n at t = 0"),
    needs={"positive": Witness({n: _I(4), g: _I(1), t: _I(0)}, text="H*(4, 1, 0) = ln 4")},
    free=_block_free,
    uses=(ceiling_decreases,),
    source="2510.09338: low entropy; when the bound is better than none (T3 a)",
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
    needs={"lead": Witness({n: _I(3), g: _I(2), t: _I(-10)}, text="far below 0 the other side is the block: H*(3, 2, -10) is near ln 1")},
    free=_block_free,
    source="2510.09338: exact bounds on attention entropy (T3 a)",
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
    equality=Equality("not attained: ln(1 + rho) < rho; relative to ln g + rho the two meet as t grows (`entropy.exponential_exact`)"),
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
    free=_block_free,
    uses=(ceiling,),
    source="2510.09338: exponential bounds on attention entropy (T3 b)",
)  # fmt: skip

exponential_exact = Theorem(
    name="entropy.exponential_exact",
    title="The worst row falls no faster: the exponential form is exact to second order",
    claim=sp.Ge(entropy, entropy_exponential_floor.stated, **_rel),
    assumes={
        "block": BLOCK,
        "lead": LEAD,
        "two-level": Hypothesis(
            sp.Eq(entropy, CEILING, **_rel), "the row is two-level with gap t", "For any other row only the upper bound is claimed."
        ),
    },
    steps=(
        *_split,
        Cite("ln(1 + rho)", log1p_below, {lemmas.v: rho}),
        Manifest("mass", sp.Ge(t * ((n - g) * _u / NORMALISER - rho + rho**2), 0, **_rel), form=t * rho**3 / (1 + rho)),
        Combine(
            "claim", sp.Ge(entropy, entropy_exponential_floor.stated, **_rel), {"two-level": 1, "ln Z": 1, "ln(1 + rho)": 1, "mass": 1}
        ),
    ),
    equality=Equality("not attained: ln(1 + rho) > rho - rho^2/2"),
    needs={
        "lead": Witness(
            {n: _I(2), g: _I(1), t: _I(-10), entropy: CEILING.subs({n: 2, g: 1, t: -10})},
            text="t = -10: rho = e^10 and -rho^2 (t + 1/2) is huge, the entropy small",
        ),
        "two-level": Witness(
            {n: _I(2), g: _I(1), t: _I(2), entropy: _I(0)}, text="a row with a far greater gap has entropy near 0, below 0.378"
        ),
    },
    free=_block_free,
    source="2510.09338: exponential bounds on attention entropy, lower side (T3 b)",
)  # fmt: skip

_one_minus_u = 2 * sp.exp(-t / 2) * sp.sinh(t / 2)
_in_size = ceiling_at(g=_size)
_Z_size = _size * _one_minus_u + n * _u
_turn = (1 - _u) * NORMALISER - t * n * _u  # its sign is that of dH*/dg
_ends = sp.Max(ceiling_at(g=g_low), ceiling_at(g=g_high), **_rel)
_shape = {
    "lead": LEAD,
    "not less": Hypothesis(sp.Le(g_low, g, **_rel), "the block has at least g_1 keys", "Take the least block size for g_1."),
    "not more": Hypothesis(sp.Le(g, g_high, **_rel), "the block has at most g_2 keys", "Take the greatest block size for g_2."),
}
in_block_size = Theorem(
    name="entropy.in_block_size",
    title="Rows with blocks of different sizes: the worst size is the least or the greatest",
    claim=sp.Le(entropy, _ends, **_rel),
    assumes={"block": BLOCK, "margin": MARGIN, **_shape},
    definitions=ROW,
    steps=(
        Cite("ceiling", ceiling, {}, {"block": "block", "margin": "margin", "lead": "lead"}),
        Cases(
            "ends", sp.Le(CEILING, _ends, **_rel), _turn,
            (
                MeanValue(
                    "falls", -_in_size, _size, g_low, g,
                    Combine(
                        "slope", sp.Ge(-sp.diff(_in_size, _size), 0, **_rel),
                        {"ends.low": 1 / _Z_size**2, "falls.high": _one_minus_u**2 / _Z_size**2},
                    ), "not less",
                ),
                Manifest("lower end", sp.Le(CEILING, _ends, **_rel)),
            ),
            (
                MeanValue(
                    "rises", _in_size, _size, g, g_high,
                    Combine(
                        "slope", sp.Ge(sp.diff(_in_size, _size), 0, **_rel),
                        {"ends.high": 1 / _Z_size**2, "rises.low": _one_minus_u**2 / _Z_size**2},
                    ), "not more",
                ),
                Manifest("upper end", sp.Le(CEILING, _ends, **_rel)),
            ),
        ),
        Combine("claim", sp.Le(entropy, _ends, **_rel), {"ceiling": 1, "ends": 1}),
    ),
    equality=Equality(
        "two-level rows at the worse of the two sizes", {g_low: g, g_high: g, entropy: sp.log(g * sp.exp(t) + n - g) - t * g / NORMALISER}
    ),
    needs={
        "margin": Witness(
            {n: _I(4), g: _I(1), g_low: _I(1), g_high: _I(1), t: _I(1), margin: _I(0), entropy: sp.log(4)},
            scores=(_I(0),) * 4, block=(0,), text="four equal scores have margin 0, not 1",
        ),
        "lead": Witness(
            {n: _I(4), g: _I(1), g_low: _I(1), g_high: _I(1), t: _I(-1), margin: _I(0), entropy: sp.log(4)},
            scores=(_I(0),) * 4, block=(0,), text="H*(4, 1, -1) = 1.324 < ln 4",
        ),
        "not less": Witness(
            {n: _I(8), g: _I(1), g_low: _I(2), g_high: _I(2), t: _I(1), margin: _I(1), entropy: ceiling_at(n=8, g=1, t=1)},
            scores=(_I(1),) + (_I(0),) * 7, block=(0,), text="at t = 1 a block of 1 of 8 keys leaves more entropy than a block of 2",
        ),
        "not more": Witness(
            {n: _I(8), g: _I(6), g_low: _I(1), g_high: _I(3), t: _I(4), margin: _I(4), entropy: ceiling_at(n=8, g=6, t=4)},
            scores=(_I(4),) * 6 + (_I(0),) * 2, block=tuple(range(6)), text="a block of 6 has entropy near ln 6",
        ),
    },
    free=_block_free,
    uses=(ceiling,),
    source="2510.09338: bounds that hold for every row at once (T3 c)",
)  # fmt: skip

_in_keys = ceiling_at(n=_size)
_Z_keys = g * _one_minus_u + _size * _u
in_keys = Theorem(
    name="entropy.in_keys",
    title="Rows with different numbers of visible keys: the longest is the worst",
    claim=sp.Le(entropy, ceiling_at(n=n_high), **_rel),
    assumes={
        "block": BLOCK, "margin": MARGIN, "lead": LEAD,
        "keys": Hypothesis(sp.Le(n, n_high, **_rel), "the query sees at most n_2 keys", "Take the longest row for n_2."),
    },
    definitions=ROW,
    steps=(
        Cite("ceiling", ceiling, {}, {"block": "block", "margin": "margin", "lead": "lead"}),
        MeanValue(
            "rises", _in_keys, _size, n, n_high,
            Manifest("slope", sp.Ge(sp.diff(_in_keys, _size), 0, **_rel), form=_u / _Z_keys + t * _u * g / _Z_keys**2), "keys",
        ),
        Combine("claim", sp.Le(entropy, ceiling_at(n=n_high), **_rel), {"ceiling": 1, "rises": 1}),
    ),
    equality=Equality(
        "two-level rows of n_2 keys", {n_high: n, entropy: sp.log(g * sp.exp(t) + n - g) - t * g / NORMALISER}
    ),
    needs={
        "margin": Witness(
            {n: _I(2), n_high: _I(2), g: _I(1), t: _I(1), margin: _I(0), entropy: sp.log(2)}, scores=(_I(0),) * 2, block=(0,),
            text="two equal scores have margin 0, not 1",
        ),
        "lead": Witness(
            {n: _I(4), n_high: _I(4), g: _I(1), t: _I(-1), margin: _I(0), entropy: sp.log(4)}, scores=(_I(0),) * 4, block=(0,),
            text="H*(4, 1, -1) = 1.324 < ln 4",
        ),
        "keys": Witness(
            {n: _I(4), n_high: _I(2), g: _I(1), t: _I(0), margin: _I(0), entropy: sp.log(4)}, scores=(_I(0),) * 4, block=(0,),
            text="four equal scores have entropy ln 4 > ln 2",
        ),
    },
    free=_block_free,
    uses=(ceiling,),
    source="2510.09338: bounds that hold for every row at once (T3 c)",
)  # fmt: skip

_star = ceiling_at(n=4, g=1, t=-1)
negative_margin = Theorem(
    name="entropy.negative_margin",
    title="With a negative margin the ceiling is false",
    claim=sp.Gt(sp.log(4), _star, **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(sp.log(4), _star, **_rel)),),
    equality=Equality("four equal scores have margin 0 >= -1 and entropy ln 4 = 1.386; H*(4, 1, -1) = 1.324"),
    source="2510.09338: the hypothesis that the plain reading leaves out (T3 d)",
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
    source="2510.09338: exponential bounds, where they are void (T3 b)",
    kind="counterexample",
)

_dip = sp.Min(ceiling_at(n=100, g=1, t=5), ceiling_at(n=100, g=50, t=5), **_rel)
not_monotone = Theorem(
    name="entropy.not_monotone_in_block_size",
    title="The ceiling is not monotone in the block size",
    claim=sp.Gt(_dip, ceiling_at(n=100, g=3, t=5), **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(_dip, ceiling_at(n=100, g=3, t=5), **_rel)),),
    equality=Equality("n = 100, t = 5: blocks of 1 and of 50 keys both leave more entropy than a block of 3"),
    source="2510.09338: the plain reading, larger blocks are less certain, is false (T3 c)",
    kind="counterexample",
)

_tier_key = sp.exp(-tier_gap[j_out])
TIERS = ROW_SUMS | SOFTMAX | {
    "least in": sp.Ge(s[j_in], low_in, **_rel),
    "tier slack is": sp.Ge(low_in - s[j_out] - tier_gap[j_out], tier_slack, **_rel),
    "least gap is": sp.Ge(tier_gap[j_out], tier_least, **_rel),
    "tier sum is": sp.Eq(tier_sum, sp.Sum((1 + tier_gap[j_out]) * _tier_key, (j_out, g + 1, n)), **_rel),
}  # fmt: skip
_tiers = sp.Le(entropy, sp.log(g) + tier_sum / g, **_rel)
tiers = Theorem(
    name="entropy.tiers",
    title="Entropy under several margins: any number of tiers, a gap for every key outside",
    claim=_tiers,
    assumes={
        "block": BLOCK,
        "gaps": Hypothesis(sp.Ge(tier_slack, 0, **_rel), "every key outside is at least its tier's gap below the block", "Claim smaller gaps."),
        "lead": Hypothesis(sp.Ge(tier_least, 0, **_rel), "no claimed gap is negative", "Put keys that are not below the block into it."),
    },
    definitions=TIERS,
    steps=(
        *_gibbs(-sp.log(g), -tier_gap[j_out] - sp.log(g)),
        SumOver("inside terms", Apply("e^s in", sp.exp(_x), _x, "least in"), j_in),
        Combine("I at least", sp.Ge(sum_in, g * sp.exp(low_in), **_rel), {"I is": 1, "inside terms": 1}),
        Manifest("O positive", sp.Gt(sum_out, 0, **_rel)),
        Combine("key below", sp.Le(s[j_out], low_in - tier_gap[j_out], **_rel), {"tier slack is": 1, "gaps": 1}),
        Apply("e^key", sp.exp(_x), _x, "key below"),
        Combine("gap", sp.Ge(tier_gap[j_out], 0, **_rel), {"least gap is": 1, "lead": 1}),
        Combine(
            "weight of a key", sp.Le(weight[j_out], _tier_key / g, **_rel),
            {
                "weight out": -1, "e^key": 1 / (sum_in + sum_out),
                "I at least": _tier_key / (g * (sum_in + sum_out)), "O positive": _tier_key / (g * (sum_in + sum_out)),
            },
        ),
        SumOver(
            "weighted gaps",
            Combine(
                "weighted gap", sp.Le(weight[j_out] * tier_gap[j_out], tier_gap[j_out] * _tier_key / g, **_rel),
                {"weight of a key": tier_gap[j_out]},
            ), j_out,
        ),
        Combine(
            "claim", _tiers,
            {"inside": 1, "outside": 1, "H is": -1, "total is": 1 - sp.log(g), "weighted gaps": 1, "tier sum is": 1 / g},
        ),
    ),
    equality=Equality("not attained: the normaliser is replaced by ln(1 + x) <= x; relative to ln g the two meet as the gaps grow"),
    needs={
        "gaps": Witness(
            {n: _I(2), g: _I(1), tier_slack: _I(-5), tier_least: _I(5), tier_sum: 6 * sp.exp(-5), entropy: sp.log(2)},
            scores=(_I(0), _I(0)), block=(0,), text="two equal scores, a claimed gap of 5: ln 2 above 6 e^-5",
        ),
        "lead": Witness(
            {n: _I(2), g: _I(1), tier_slack: _I(1), tier_least: _I(-1), tier_sum: _I(0), entropy: sp.log(2)},
            scores=(_I(0), _I(0)), block=(0,), text="two equal scores, a claimed gap of -1: the sum is 0",
        ),
    },
    free=_block_free,
    source="2510.09338: several semantic blocks at different distances (T3 e)",
)  # fmt: skip

_in_tier = sp.Le(tier_mass, tier_size / g * _u, **_rel)
tier_mass_bound = Theorem(
    name="entropy.tier_mass",
    title="Attention on one tier",
    claim=_in_tier,
    assumes={
        "block": BLOCK,
        "gap": Hypothesis(sp.Ge(low_in - tier_top, t, **_rel), "every score in G beats every score of the tier by t", "Claim the measured gap."),
    },
    definitions=ROW_SUMS
    | {
        "least in": sp.Ge(s[j_in], low_in, **_rel),
        "greatest in tier": sp.Le(s[j_tier], tier_top, **_rel),
        "terms are": sp.Eq(tier_terms, sp.Sum(sp.exp(s[j_tier]), (j_tier, g + 1, g + tier_size)), **_rel),
        "mass is": sp.Eq(tier_mass, tier_terms / (sum_in + sum_out), **_rel),
    },
    steps=(
        SumOver("inside terms", Apply("e^s in", sp.exp(_x), _x, "least in"), j_in),
        Combine("I at least", sp.Ge(sum_in, g * sp.exp(low_in), **_rel), {"I is": 1, "inside terms": 1}),
        SumOver("tier terms", Apply("e^s tier", sp.exp(_x), _x, "greatest in tier"), j_tier),
        Combine("terms at most", sp.Le(tier_terms, tier_size * sp.exp(tier_top), **_rel), {"terms are": -1, "tier terms": 1}),
        Combine("below", sp.Le(tier_top, low_in - t, **_rel), {"gap": 1}),
        Apply("e^gap", sp.exp(_x), _x, "below"),
        Manifest("O positive", sp.Gt(sum_out, 0, **_rel)),
        Combine(
            "claim", _in_tier,
            {
                "mass is": -1, "terms at most": 1 / (sum_in + sum_out), "e^gap": tier_size / (sum_in + sum_out),
                "I at least": tier_size * _u / (g * (sum_in + sum_out)), "O positive": tier_size * _u / (g * (sum_in + sum_out)),
            },
        ),
    ),
    equality=Equality("not attained: the rest of the row has weight too; the ratio tends to 1 as the gaps grow"),
    needs={
        "gap": Witness(
            {n: _I(2), g: _I(1), tier_size: _I(1), t: _I(1), low_in: _I(0), tier_top: _I(0), tier_mass: sp.Rational(1, 2)},
            scores=(_I(0), _I(0)), block=(0,), text="two equal scores: 1/2 above e^-1",
        )
    },
    free=_block_free,
    source="2510.09338: several semantic blocks at different distances (T3 e)",
)  # fmt: skip

TIER_SIZES = (1, 50, 1000)
TIER_GAPS = (_I(0), sp.Rational(1, 10), _I(4))  # as claimed
TIER_ROW = (_I(0), sp.Rational(19, 5), _I(4))  # of an admissible row: no gap is smaller than claimed


def tier_entropy(gaps: tuple[sp.Expr, ...]) -> sp.Expr:
    """Entropy of the row whose tiers of `TIER_SIZES` keys lie exactly `gaps` below the first."""
    total = sum((size * sp.exp(-gap) for size, gap in zip(TIER_SIZES, gaps, strict=True)), _I(0))
    return sp.log(total) + sum((size * gap * sp.exp(-gap) for size, gap in zip(TIER_SIZES, gaps, strict=True)), _I(0)) / total


_saturated = sp.Gt(tier_entropy(TIER_ROW), tier_entropy(TIER_GAPS), **_rel)
saturated_tiers = Theorem(
    name="entropy.saturated_tiers",
    title="The row that saturates every gap is not the worst one",
    claim=_saturated,
    assumes={},
    steps=(Manifest("claim", _saturated),),
    equality=Equality("sizes 1, 50, 1000, claimed gaps 0.1 and 4: saturated 5.372, the row with gaps 3.8 and 4 has 6.811"),
    source="2510.09338: the plain multi-block reading is false (T3 e)",
    kind="counterexample",
)
