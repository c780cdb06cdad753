"""Statements on rows with several margins: tier 0 is the block, every key outside has a claimed gap of its own."""

from __future__ import annotations

import sympy as sp

from theory.concentration import BLOCK, ROW_SUMS
from theory.entropy_ceiling import BLOCK_FREE, SOFTMAX, gibbs
from theory.steps import Apply, Combine, Manifest, SumOver
from theory.symbols import (
    entropy,
    g,
    j_in,
    j_out,
    j_tier,
    low_in,
    n,
    s,
    sum_in,
    sum_out,
    t,
    tier_gap,
    tier_least,
    tier_mass,
    tier_size,
    tier_slack,
    tier_sum,
    tier_terms,
    tier_top,
    weight,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_I = sp.Integer
_u = sp.exp(-t)
_x = sp.Symbol("x", real=True)
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
        "gaps": Hypothesis(
            sp.Ge(tier_slack, 0, **_rel), "every key outside is at least its tier's gap below the block", "Claim smaller gaps."
        ),
        "lead": Hypothesis(sp.Ge(tier_least, 0, **_rel), "no claimed gap is negative", "Put such keys into the block."),
    },
    definitions=TIERS,
    steps=(
        *gibbs(-sp.log(g), -tier_gap[j_out] - sp.log(g)),
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
    equality=Equality("not attained: the normaliser is replaced by ln(1 + x) <= x; the two meet as the gaps grow"),
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
    free=BLOCK_FREE,
    source="2510.09338: several semantic blocks at different distances",
)  # fmt: skip

_in_tier = sp.Le(tier_mass, tier_size / g * _u, **_rel)
tier_mass_bound = Theorem(
    name="entropy.tier_mass",
    title="Attention on one tier",
    claim=_in_tier,
    assumes={
        "block": BLOCK,
        "gap": Hypothesis(
            sp.Ge(low_in - tier_top, t, **_rel), "every score in G beats every score of the tier by t", "Claim a smaller gap."
        ),
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
                "I at least": tier_size * _u / (g * (sum_in + sum_out)),
                "O positive": tier_size * _u / (g * (sum_in + sum_out)),
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
    free=BLOCK_FREE,
    source="2510.09338: several semantic blocks at different distances",
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
    source="2510.09338: the plain multi-block reading is false",
    kind="counterexample",
)
