"""Concentration: a margin keeps attention in the block.

    eps(a) <= E(n, g, t) = (n - g) e^-t / (g + (n - g) e^-t),      F(a) = 1 - eps(a) >= 1 - E(n, g, t)

a = softmax(s), s real scores of the n visible keys with the temperature divided out; G is a block of g keys, 1 <= g < n; every score
in G beats every score outside by at least t nats, t of any sign. Attained by the two-level row with gap exactly t.

Inverse: t >= ln((n - g)/g) + ln((1 - eps)/eps) guarantees outside mass at most eps, and no smaller margin does. The same number is
necessary for every row, for the greatest score in G minus the *mean* score outside. Exponential form, rho = ((n - g)/g) e^-t:
rho - rho^2 <= E <= rho.
"""

from __future__ import annotations

import sympy as sp
from sympy.codegen.cfunctions import log1p

from theory import lemmas
from theory.formula import Formula
from theory.lemmas import exp_tangent
from theory.steps import Apply, Cite, Combine, Manifest, MeanValue, SumOver
from theory.symbols import (
    eps,
    fidelity,
    g,
    j_in,
    j_out,
    low_in,
    margin,
    mean_out,
    n,
    phi,
    s,
    soft_margin,
    sum_in,
    sum_out,
    t,
    top_in,
    top_out,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

# --- formulas: each number once, as stated and as computed -------------------------------------------------------------------------

_block = (g >= 1, g < n)
_outside = (n - g) * sp.exp(-t)  # weight outside the block when a key inside has weight 1
_w = sp.exp(-sp.Abs(t))  # never overflows
_r = (n - g) / g * _w  # n - g stays a factor, so it is one exact subtraction
_q = g / (n - g) * _w

E = _outside / (g + _outside)
rho = (n - g) / g * sp.exp(-t)

outside_mass_bound = Formula(
    name="outside_mass_bound",
    doc="Greatest outside mass of a row whose block of g of n keys leads by a margin t (nats, any sign).",
    args=(n, g, t),
    stated=E,
    stable=sp.Piecewise((_r / (1 + _r), t >= 0), (1 / (1 + _q), True)),
    theorem="concentration.outside_mass",
    domain=_block,
)

fidelity_bound = Formula(
    name="fidelity_bound",
    doc="Least pointer fidelity of a row whose block of g of n keys leads by a margin t (nats, any sign).",
    args=(n, g, t),
    stated=1 - E,
    stable=sp.Piecewise((1 / (1 + _r), t >= 0), (_q / (1 + _q), True)),
    theorem="concentration.fidelity_floor",
    domain=_block,
)

fidelity_margin = Formula(
    name="fidelity_margin",
    doc="Least margin (nats) that guarantees fidelity 1 - eps for every row; also necessary, against the mean score outside.",
    args=(n, g, eps),
    stated=sp.log((n - g) / g) + sp.log((1 - eps) / eps),
    stable=sp.log((n - g) / g) + log1p(-eps) - sp.log(eps),
    theorem="concentration.fidelity",
    unit="nats",
    domain=(*_block, eps > 0, eps < 1),
    reading={phi: 1 - eps},
)

outside_mass_exponential = Formula(
    name="outside_mass_exponential",
    doc="rho = ((n - g)/g) e^-t, the exponential bound on the outside mass; not below the sharp one.",
    args=(n, g, t),
    stated=rho,
    stable=rho,
    theorem="concentration.exponential_rate",
    domain=_block,
)

outside_mass_exponential_floor = Formula(
    name="outside_mass_exponential_floor",
    doc="rho - rho^2: the worst row has at least this outside mass, so the exponential rate is exact; rho <= 1 or it says nothing.",
    args=(n, g, t),
    stated=rho - rho**2,
    stable=rho * (1 - rho),
    theorem="concentration.rate_is_exact",
    domain=_block,
)

FORMULAS: tuple[Formula, ...] = (
    outside_mass_bound,
    fidelity_bound,
    fidelity_margin,
    outside_mass_exponential,
    outside_mass_exponential_floor,
)

# --- statements -------------------------------------------------------------------------------------------------------------------

_rel = {"evaluate": False}
_y = sp.Symbol("y", positive=True)
_v = sp.Symbol("v", nonnegative=True)
gain = sp.Symbol("gain", real=True)  # a second margin minus the first, nats
INSIDE = g / (g + _outside)  # 1 - E
BLOCK = Hypothesis(
    sp.Ge(n - g, 1, **_rel),
    "1 <= g <= n - 1: a key in the block and one outside",
    "Keep the query's own token visible and in its block.",
)
MARGIN = Hypothesis(
    sp.Ge(margin, t, **_rel), "every score in G beats every score outside by t", "Raise the dial, or claim the measured margin."
)
_block_is_domain = {"block": "g = n leaves no outside mass to bound and g = 0 no block; the formula is 0/0 or 1 there"}

# What the symbols of a row are: block sums I and O, the least score inside and the greatest outside.
ROW_SUMS = {
    "I is": sp.Eq(sum_in, sp.Sum(sp.exp(s[j_in]), (j_in, 1, g)), **_rel),
    "O is": sp.Eq(sum_out, sp.Sum(sp.exp(s[j_out]), (j_out, g + 1, n)), **_rel),
    "eps is": sp.Eq(eps, sum_out / (sum_in + sum_out), **_rel),
    "F is": sp.Eq(fidelity, sum_in / (sum_in + sum_out), **_rel),
}
ROW_MARGIN = ROW_SUMS | {
    "least in": sp.Ge(s[j_in], low_in, **_rel),
    "greatest out": sp.Le(s[j_out], top_out, **_rel),
    "margin is": sp.Eq(margin, low_in - top_out, **_rel),
}
_u = sp.exp(-t)
_x = sp.Symbol("x", real=True)

outside_mass = Theorem(
    name="concentration.outside_mass",
    title="Outside mass under a margin",
    claim=sp.Le(eps, E, **_rel),
    assumes={"block": BLOCK, "margin": MARGIN},
    definitions=ROW_MARGIN,
    steps=(
        SumOver("inside terms", Apply("e^s in", sp.exp(_x), _x, "least in"), j_in),
        SumOver("outside terms", Apply("e^s out", sp.exp(_x), _x, "greatest out"), j_out),
        Combine("I at least", sp.Ge(sum_in, g * sp.exp(low_in), **_rel), {"I is": 1, "inside terms": 1}),
        Combine("O at most", sp.Le(sum_out, (n - g) * sp.exp(top_out), **_rel), {"O is": -1, "outside terms": 1}),
        Combine("shifted", sp.Ge(low_in - t, top_out, **_rel), {"margin is": -1, "margin": 1}),
        Apply("e^margin", sp.exp(_x), _x, "shifted"),
        Combine(
            "odds", sp.Ge((n - g) * _u * sum_in, g * sum_out, **_rel),
            {"I at least": (n - g) * _u, "O at most": g, "e^margin": g * (n - g)},
        ),
        Combine("claim", sp.Le(eps, E, **_rel), {"odds": 1 / ((g + (n - g) * _u) * (sum_in + sum_out)), "eps is": -1}),
    ),
    equality=Equality(
        "two-level rows: scores constant on G, constant outside, gap exactly t", {eps: (n - g) * _u / (g + (n - g) * _u)}
    ),
    needs={
        "margin": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), t: sp.Integer(1), margin: sp.Integer(0), eps: sp.Rational(1, 2)},
            scores=(sp.Integer(0), sp.Integer(0)), block=(0,),
            text="two equal scores have margin 0 and outside mass 1/2, above the bound 0.269 for t = 1",
        )
    },
    free=_block_is_domain,
    source="2510.09338: attention provably concentrates on semantically relevant blocks",
)  # fmt: skip

soft_margin_form = Theorem(
    name="concentration.soft_margin",
    title="Outside mass from the soft margin, exactly",
    claim=sp.Eq(eps, 1 / (1 + sp.exp(soft_margin)), **_rel),
    assumes={"block": BLOCK},
    definitions=ROW_SUMS | {"soft margin is": sp.Eq(soft_margin, sp.log(sum_in) - sp.log(sum_out), **_rel)},
    steps=(
        Apply("odds", 1 - 1 / (1 + sp.exp(_x)), _x, "soft margin is"),
        Combine("claim", sp.Eq(eps, 1 / (1 + sp.exp(soft_margin)), **_rel), {"odds": 1, "eps is": 1}),
    ),
    equality=Equality("an identity"),
    free=_block_is_domain,
    source="2510.09338: exact form of concentration",
    kind="identity",
)  # fmt: skip

fidelity_floor = Theorem(
    name="concentration.fidelity_floor",
    title="Pointer fidelity under a margin",
    claim=sp.Ge(fidelity, INSIDE, **_rel),
    assumes={"block": BLOCK, "margin": MARGIN},
    definitions=ROW_MARGIN,
    steps=(
        Cite("outside", outside_mass, {}, {"block": "block", "margin": "margin"}),
        Combine("claim", sp.Ge(fidelity, INSIDE, **_rel), {"outside": 1, "eps is": 1, "F is": 1}),
    ),
    equality=Equality("two-level rows", {fidelity: g / (g + (n - g) * _u)}),
    needs={
        "margin": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), t: sp.Integer(1), margin: sp.Integer(0), fidelity: sp.Rational(1, 2)},
            scores=(sp.Integer(0), sp.Integer(0)), block=(0,),
            text="two equal scores: fidelity 1/2, below the bound 0.731 for t = 1",
        )
    },
    free=_block_is_domain,
    uses=(outside_mass,),
    source="2510.09338: pointer fidelity",
)  # fmt: skip

fidelity_target = Theorem(
    name="concentration.fidelity",
    title="The margin that gives a fidelity",
    claim=sp.Ge(fidelity, phi, **_rel),
    assumes={
        "block": BLOCK,
        "target": Hypothesis(sp.Lt(phi, 1, **_rel), "0 < phi < 1", "No margin gives fidelity 1: every score is finite."),
        "margin": Hypothesis(
            sp.Ge(margin, sp.log((n - g) / g) + sp.log(phi / (1 - phi)), **_rel),
            "the margin is at least ln((n-g)/g) + logit phi", "Raise the dial by what is missing; one nat of dial is one nat of margin.",
        ),
    },
    definitions=ROW_MARGIN,
    steps=(
        Cite("at margin", fidelity_floor, {t: margin}, {"block": "block"}),
        Apply("odds", sp.exp(_x), _x, "margin"),
        Combine(
            "bound at least phi", sp.Ge(INSIDE.subs(t, margin), phi, **_rel),
            {"odds": (1 - phi) * g * sp.exp(-margin) / (g + (n - g) * sp.exp(-margin))},
        ),
        Combine("claim", sp.Ge(fidelity, phi, **_rel), {"at margin": 1, "bound at least phi": 1}),
    ),
    equality=Equality("the two-level row whose gap is exactly the required margin", {fidelity: phi}),
    needs={
        "margin": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), phi: sp.Rational(3, 4), margin: sp.Integer(0), fidelity: sp.Rational(1, 2)},
            scores=(sp.Integer(0), sp.Integer(0)), block=(0,),
            text="margin 0 gives fidelity 1/2; 3/4 needs ln 3",
        )
    },
    free=_block_is_domain | {"target": "for phi >= 1 the required margin is not a number"},
    uses=(fidelity_floor,),
    source="2510.09338: explicit threshold conditions for pointer fidelity",
)  # fmt: skip

exponential_rate = Theorem(
    name="concentration.exponential_rate",
    title="Outside mass falls at least exponentially in the margin",
    claim=sp.Le(eps, rho, **_rel),
    assumes={"block": BLOCK, "margin": MARGIN},
    definitions=ROW_MARGIN,
    steps=(
        Cite("outside", outside_mass, {}, {"block": "block", "margin": "margin"}),
        Manifest("bound below rho", sp.Ge(rho, E, **_rel), form=rho**2 / (1 + rho)),
        Combine("claim", sp.Le(eps, rho, **_rel), {"outside": 1, "bound below rho": 1}),
    ),
    equality=Equality("not attained: E = rho/(1 + rho) < rho; the ratio tends to 1 as t grows (`concentration.rate_is_exact`)"),
    needs={
        "margin": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), t: sp.Integer(1), margin: sp.Integer(0), eps: sp.Rational(1, 2)},
            scores=(sp.Integer(0), sp.Integer(0)), block=(0,), text="two equal scores: 1/2 above e^-1",
        )
    },
    free=_block_is_domain,
    uses=(outside_mass,),
    source="2510.09338: exponential bounds on pointer fidelity",
)  # fmt: skip

rate_is_exact = Theorem(
    name="concentration.rate_is_exact",
    title="The worst row falls no faster: the exponential rate is exact",
    claim=sp.Ge(eps, rho - rho**2, **_rel),
    assumes={
        "block": BLOCK,
        "two-level": Hypothesis(
            sp.Eq(eps, E, **_rel), "the row is two-level with gap t", "For any other row only the upper bound is claimed."
        ),
    },
    steps=(
        Manifest("E above", sp.Ge(E, rho - rho**2, **_rel), form=rho**3 / (1 + rho)),
        Combine("claim", sp.Ge(eps, rho - rho**2, **_rel), {"E above": 1, "two-level": 1}),
    ),
    equality=Equality("not attained: the difference is rho^3/(1 + rho)"),
    needs={
        "two-level": Witness(
            {n: sp.Integer(3), g: sp.Integer(1), t: sp.log(4), eps: 1 / (sp.Integer(1) + sp.exp(10) / 2)},
            text="a row with the larger gap 10 > ln 4 has outside mass far below rho - rho^2 = 1/4",
        )
    },
    free=_block_is_domain,
    source="2510.09338: exponential bounds, lower side",
)  # fmt: skip

necessary_margin = Theorem(
    name="concentration.necessary_margin",
    title="The margin that every row of that fidelity must have",
    claim=sp.Le(sp.log(fidelity) - sp.log(eps), top_in - mean_out - sp.log((n - g) / g), **_rel),
    assumes={"block": BLOCK},
    definitions=ROW_SUMS
    | {
        "greatest in": sp.Le(s[j_in], top_in, **_rel),
        "mean out is": sp.Eq((n - g) * mean_out, sp.Sum(s[j_out], (j_out, g + 1, n)), **_rel),
    },
    steps=(
        SumOver("inside terms", Apply("e^s in", sp.exp(_x), _x, "greatest in"), j_in),
        Combine("I at most", sp.Le(sum_in, g * sp.exp(top_in), **_rel), {"I is": -1, "inside terms": 1}),
        SumOver("tangent", Cite("tangent at the mean", exp_tangent, {lemmas.p: s[j_out] - mean_out}), j_out),
        Combine(
            "O at least", sp.Ge(sum_out, (n - g) * sp.exp(mean_out), **_rel),
            {"O is": 1, "tangent": sp.exp(mean_out), "mean out is": -sp.exp(mean_out)},
        ),
        Apply("ln I", sp.log(_y), _y, "I at most"),
        Apply("ln O", sp.log(_y), _y, "O at least"),
        Manifest("O/(I+O) positive", sp.Gt(sum_out / (sum_in + sum_out), 0, **_rel)),
        Manifest("I/(I+O) positive", sp.Gt(sum_in / (sum_in + sum_out), 0, **_rel)),
        Combine("eps positive", sp.Gt(eps, 0, **_rel), {"eps is": 1, "O/(I+O) positive": 1}),
        Combine("F positive", sp.Gt(fidelity, 0, **_rel), {"F is": 1, "I/(I+O) positive": 1}),
        Apply("ln eps", sp.log(_y), _y, "eps is"),
        Apply("ln F", sp.log(_y), _y, "F is"),
        Combine(
            "claim", sp.Le(sp.log(fidelity) - sp.log(eps), top_in - mean_out - sp.log((n - g) / g), **_rel),
            {"ln I": 1, "ln O": 1, "ln F": -1, "ln eps": 1},
        ),
    ),
    equality=Equality(
        "scores constant on G and constant outside",
        {fidelity: INSIDE.subs(t, top_in - mean_out), eps: E.subs(t, top_in - mean_out)},
    ),
    free=_block_is_domain,
    source="2510.09338: threshold conditions, necessity",
)  # fmt: skip

margin_monotone = Theorem(
    name="concentration.monotone",
    title="A greater margin bounds the outside mass more tightly",
    claim=sp.Ge(E.subs(t, margin), E.subs(t, margin + gain), **_rel),
    assumes={
        "block": BLOCK,
        "gain": Hypothesis(sp.Ge(gain, 0, **_rel), "the second margin is at least the first", "Swap the margins."),
    },
    steps=(
        MeanValue(
            "falls", -E.subs(t, margin + _v), _v, sp.Integer(0), gain,
            Manifest(
                "slope", sp.Ge(-sp.diff(E.subs(t, margin + _v), _v), 0, **_rel),
                form=g * (n - g) * sp.exp(-margin - _v) / (g + (n - g) * sp.exp(-margin - _v)) ** 2,
            ),
            "gain",
        ),
        Combine("claim", sp.Ge(E.subs(t, margin), E.subs(t, margin + gain), **_rel), {"falls": 1}),
    ),
    equality=Equality("gain 0", {gain: sp.Integer(0)}),
    needs={
        "gain": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), margin: sp.Integer(1), gain: sp.Integer(-1)}, text="E(2,1,1) = 0.269 < E(2,1,0) = 1/2"
        )
    },
    free=_block_is_domain,
    source="2510.09338: thresholds are thresholds",
)  # fmt: skip

THEOREMS: tuple[Theorem, ...] = (
    outside_mass, soft_margin_form, fidelity_floor, fidelity_target, necessary_margin, exponential_rate, rate_is_exact, margin_monotone,
)  # fmt: skip
