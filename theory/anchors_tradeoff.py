"""Redundancy against entropy: what it costs to replace margin by anchors, and to let no anchor carry much.

At fixed fidelity F the two-level row has one free number. Along it dH/dt = -(F - g/n): every nat of margin that is replaced by
anchors costs F - g/n nats of entropy. For any row: if no anchor carries more than rho_max, H >= F ln(1/rho_max).
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.anchors_formulas import exchange_rate, spread_entropy
from theory.anchors_redundancy import (
    BLOCK_MORE,
    F3_IS,
    F_IS,
    FREE,
    FREE_MORE,
    H3_IS,
    H_IS,
    IDENTITY,
    SAME,
    SOURCE,
    Z,
    entropy_at,
    entropy_of,
    eq,
    replace,
    total,
)
from theory.concentration import BLOCK
from theory.entropy_ceiling import DISTRIBUTION
from theory.entropy_lemmas import log_quotient, one_of_many, surprisal_floor
from theory.lemmas import log_tangent
from theory.steps import Cite, Combine, Manifest, Step, SumOver
from theory.symbols import (
    entropy,
    entropy_more,
    exchange,
    fidelity,
    fidelity_lost,
    fidelity_more,
    g,
    g_more,
    j_in,
    j_out,
    lost_anchor,
    n,
    saving,
    surprisal,
    t,
    t_other,
    top_anchor,
    weight,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_I = sp.Integer
_F, _rho = fidelity, top_anchor
_at = sp.Symbol("_at", positive=True)

_scale = _F + (1 - _F) * sp.exp(t)
_number = n * _F / _scale  # anchors that give fidelity F at margin t: g/(n - g) = e^-t F/(1 - F)
_path = sp.log(_number / _F) + t * (1 - _F)  # `anchors.entropy_at` along them
OPEN = {
    "some inside": Hypothesis(sp.Gt(_F, 0, **_rel), "F > 0", "A row of finite scores has some attention on each key."),
    "some outside": Hypothesis(sp.Lt(_F, 1, **_rel), "F < 1", "A row of finite scores has some attention on each key."),
}
FREE_OPEN = {"some inside": "ln F is no number at 0", "some outside": "no margin gives fidelity 1"}
_rate = eq(exchange, exchange_rate.stated)
rate = Theorem(
    name="anchors.exchange_rate",
    title="At fixed fidelity a nat of margin, replaced by anchors, costs F - g/n nats of entropy",
    claim=_rate,
    assumes=OPEN,
    definitions={"g is": eq(g, _number), "rate is": eq(exchange, sp.diff(_path, t))},
    steps=(
        Manifest("scale", sp.Gt((1 - _F) * sp.exp(t), 0, **_rel)),
        Combine("scale positive", sp.Gt(_scale, 0, **_rel), {"scale": 1, "some inside": 1}),
        Combine("claim", _rate, {"rate is": 1, "g is": -1 / n}),
    ),
    equality=IDENTITY,
    free=FREE_OPEN,
    source=SOURCE,
    kind="identity",
)

_saving = eq(saving, -n / (g * (n - g)))
saving_rate = Theorem(
    name="anchors.saving_rate",
    title="At fixed fidelity one more anchor saves n/(g (n - g)) nats of margin",
    claim=_saving,
    assumes={"block": BLOCK},
    definitions={"rate is": eq(saving, sp.diff(sp.log((n - g) / g), g))},  # t = logit F + ln((n - g)/g), `anchors.logit`
    steps=(Combine("claim", _saving, {"rate is": 1}),),
    equality=IDENTITY,
    free=FREE,
    source=SOURCE,
    kind="identity",
)

_here, _there = g / n, (n - g) / n
_gain = t_other - t
_exchange = sp.Le(entropy_more - entropy, exchange_rate.stated * _gain, **_rel)
exchange_bound = Theorem(
    name="anchors.exchange",
    title="The exchange rate bounds every exchange: entropy at fixed fidelity is concave in the margin",
    claim=_exchange,
    assumes={"block": BLOCK, "block more": BLOCK_MORE, "same": SAME},
    definitions=F_IS | F3_IS | H_IS | H3_IS,
    steps=(
        Cite("first", entropy_at, {}, {"block": "block"}),
        Combine("F again", eq(fidelity, g_more / total(g_more, t_other)), {"same": 1, "F_3 is": 1}),
        Cite("second", entropy_at, {g: g_more, t: t_other, entropy: entropy_more}, {"block": "block more"}),
        Manifest("share", sp.Gt(g / Z, 0, **_rel)),
        Combine("F positive", sp.Gt(fidelity, 0, **_rel), {"F is": 1, "share": 1}),
        Cite("saved", replace, {}, {"block": "block", "block more": "block more", "same": "same"}),
        Cite("anchors", log_tangent, {lemmas.x: g_more / g}),
        Cite("others", log_tangent, {lemmas.x: (n - g_more) / (n - g)}),
        *(
            Cite(name, log_quotient, {lemmas.x: x, lemmas.y: y})
            for name, x, y in (
                ("ln g/F", g, fidelity), ("ln g'/F", g_more, fidelity), ("ln g'/g", g_more, g),
                ("ln others", n - g_more, n - g), ("ln others back", n - g, n - g_more),
            )
        ),
        Combine(
            "claim", _exchange,
            {
                "first": 1, "second": -1, "saved": _there, "anchors": _here, "others": _there, "ln g/F": 1, "ln g'/F": -1,
                "ln g'/g": 1, "ln others": _there, "ln others back": _there,
            },
        ),
    ),
    equality=Equality("the same row twice", {g_more: g, t_other: t, entropy_more: entropy}),
    needs={
        "same": Witness(
            {n: _I(4), g: _I(1), g_more: _I(2), t: _I(6), t_other: _I(6), fidelity: 1 / (1 + 3 * sp.exp(-6)),
                fidelity_more: 1 / (1 + sp.exp(-6)), entropy: entropy_of(_I(1), _I(6)).subs(n, 4),
                entropy_more: entropy_of(_I(2), _I(6)).subs(n, 4)},
            text="a second anchor of four keys at the same margin 6: entropy rises from 0.05 to 0.71, and no margin was given up",
        )
    },
    free=FREE_MORE,
    uses=(entropy_at, replace),
    source=SOURCE,
)  # fmt: skip

# Any distribution: F is the mass on the anchors, none of which carries more than rho_max.
SPREAD = DISTRIBUTION | {
    "F is": eq(_F, sp.Sum(weight[j_in], (j_in, 1, g))),
    "greatest anchor": sp.Le(weight[j_in], _rho, **_rel),
}
_peak = sp.Ge(_rho, _F / g, **_rel)
peak = Theorem(
    name="anchors.peak",
    title="Some anchor carries at least its share F/g",
    claim=_peak,
    assumes={},
    definitions=SPREAD,
    steps=(
        SumOver("anchors", Combine("an anchor", sp.Le(weight[j_in], _rho, **_rel), {"greatest anchor": 1}), j_in),
        Combine("claim", _peak, {"anchors": 1 / g, "F is": -1 / g}),
    ),
    equality=Equality("equal weights on the anchors", {_rho: _F / g}),
    source=SOURCE,
)


def _surprisals(outside: sp.Expr, given: str) -> tuple[Step, ...]:
    """Weight times surprisal is at least -v ln x, summed: x = rho_max on the anchors, x = `outside` on the other keys."""
    term_in = {lemmas.v: weight[j_in], lemmas.p: surprisal[j_in], lemmas.x: _rho}
    term_out = {lemmas.v: weight[j_out], lemmas.p: surprisal[j_out], lemmas.x: outside}
    return (
        SumOver("on anchors", Cite("anchor", surprisal_floor, term_in, {"surprisal": "surprisal in", "at most": "greatest anchor"}), j_in),
        SumOver("on others", Cite("other", surprisal_floor, term_out, {"surprisal": "surprisal out", "at most": given}), j_out),
    )  # fmt: skip


_spread = sp.Ge(entropy, spread_entropy.stated, **_rel)
_rest = Combine("rest", eq(sp.Sum(weight[j_out], (j_out, g + 1, n)), 1 - _F), {"total is": 1, "F is": 1})
spread = Theorem(
    name="anchors.spread",
    title="If no anchor carries much, entropy is high, whatever the row",
    claim=_spread,
    assumes={"some outside": OPEN["some outside"]},
    definitions=SPREAD,
    steps=(
        _rest,
        Cite("one other", one_of_many, {lemmas.v: weight[j_out], lemmas.w: sp.Sum(weight[j_out], (j_out, g + 1, n))}),
        Combine("other at most the rest", sp.Le(weight[j_out], 1 - _F, **_rel), {"one other": 1, "rest": -1}),
        *_surprisals(1 - _F, "other at most the rest"),
        Combine(
            "claim", _spread,
            {"H is": 1, "on anchors": 1, "on others": 1, "F is": sp.log(_rho), "rest": -sp.log(1 - _F)},
        ),
    ),
    equality=Equality(
        "equal weights on the anchors and one other key",
        {_rho: _F / g, entropy: -_F * sp.log(_F / g) - (1 - _F) * sp.log(1 - _F)},
    ),
    free={"some outside": "the formula reads 0 ln 0 at F = 1; `anchors.spread_simple` covers it"},
    source=SOURCE,
)  # fmt: skip

_simple = sp.Ge(entropy, -_F * sp.log(_rho), **_rel)
spread_simple = Theorem(
    name="anchors.spread_simple",
    title="Robustness to the loss of an anchor forces entropy: H >= F ln(1/rho_max)",
    claim=_simple,
    assumes={},
    definitions=SPREAD,
    steps=(
        Cite("one other", one_of_many, {lemmas.v: weight[j_out], lemmas.w: sp.Sum(weight[j_out], (j_out, g + 1, n))}),
        Manifest("mass in", sp.Ge(sp.Sum(weight[j_in], (j_in, 1, g)), 0, **_rel)),
        Combine("at most 1", sp.Le(weight[j_out], 1, **_rel), {"one other": 1, "total is": -1, "mass in": 1}),
        *_surprisals(_I(1), "at most 1"),
        Combine("claim", _simple, {"H is": 1, "on anchors": 1, "on others": 1, "F is": sp.log(_rho)}),
    ),
    equality=Equality("equal weights on the anchors, none elsewhere", {_F: _I(1), _rho: 1 / g, entropy: sp.log(g)}),
    source=SOURCE,
)

_after = (_F - lost_anchor) / (1 - lost_anchor)
_lost = sp.Ge(fidelity_lost, (_F - _rho) / (1 - _rho), **_rel)
loss = Theorem(
    name="anchors.loss",
    title="Fidelity after the loss of one anchor",
    claim=_lost,
    assumes={
        "lost": Hypothesis(sp.Le(lost_anchor, _rho, **_rel), "the lost anchor carried at most rho_max", "Claim the measured weight."),
        "not all": Hypothesis(sp.Lt(_rho, 1, **_rel), "rho_max < 1", "A row that loses its only key is no row."),
        "mass": Hypothesis(sp.Le(_F, 1, **_rel), "F <= 1", "Fidelity is a mass."),
    },
    definitions={"F_lost is": eq(fidelity_lost, _after)},
    steps=(
        Combine("rest positive", sp.Gt(1 - lost_anchor, 0, **_rel), {"lost": 1, "not all": 1}),
        Combine("claim", _lost, {"F_lost is": 1, "lost": (1 - _F) / ((1 - lost_anchor) * (1 - _rho))}),
    ),
    equality=Equality("the greatest anchor is lost", {lost_anchor: _rho, fidelity_lost: (_F - _rho) / (1 - _rho)}),
    needs={
        "lost": Witness(
            {_F: _I(1) / 2, _rho: _I(1) / 4, lost_anchor: _I(1) / 2, fidelity_lost: _I(0)},
            text="the only anchor of weight 1/2 is lost, 1/4 was claimed: 0 is left, not 1/3",
        ),
    },
    free={"not all": "at rho_max = 1 nothing may be left to renormalise", "mass": "fidelity is a mass"},
    source=SOURCE,
)  # fmt: skip

TRADEOFF: tuple[Theorem, ...] = (rate, saving_rate, exchange_bound, peak, spread, spread_simple, loss)
