"""Entropy along the dial: it rises to one peak and then falls; it is not monotone in general.

In the numbers of `theory.dial_law`, with L = e^(beta d):

    H(d) = ln(L I_0 + O) - (L (T_in + beta d I_0) + T_out)/(L I_0 + O),      dH/dd = -beta eps (1 - eps)(Delta_0 + beta d)
"""

from __future__ import annotations

import sympy as sp

from theory.concentration import BLOCK
from theory.dial_formulas import entropy_at, entropy_peak, entropy_peak_dial, entropy_peak_mass, entropy_slope
from theory.dial_law import AT_D, EPS, EPS0, IN, LIFT, MASSES, OUT, SOURCE, SUMS, eq, free_block, logit
from theory.lemmas import exp_tangent
from theory.lemmas import p as _exponent
from theory.steps import Apply, Cite, Combine
from theory.symbols import (
    beta,
    c,
    content_advantage,
    dial,
    entropy,
    entropy_in,
    entropy_out,
    entropy_rate,
    eps,
    eps0,
    fidelity,
    fidelity0,
    g,
    j_in,
    j_out,
    moment_in,
    moment_out,
    n,
    sum_in,
    sum_in0,
    sum_out,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_x = sp.Symbol("x", real=True)
_y = sp.Symbol("y", positive=True)
_at = sp.Symbol("_at", real=True)
_total = sum_in + sum_out
_lifted = LIFT * sum_in0 + sum_out  # I + O at setting d


def _information(weight: sp.Expr) -> sp.Expr:
    return weight * sp.log(weight)


def entropy_is(value: sp.Symbol, setting: sp.Expr, inside: sp.Symbol) -> sp.Eq:
    """H = -sum a ln a over all visible keys at a setting."""
    in_block = _information(sp.exp(c[j_in] + beta * setting) / (inside + sum_out))
    outside = _information(sp.exp(c[j_out]) / (inside + sum_out))
    return eq(value, -sp.Sum(in_block, IN) - sp.Sum(outside, OUT))


ENTROPY = SUMS | {
    "H is": entropy_is(entropy, dial, sum_in),
    "T_in is": eq(moment_in, sp.Sum(c[j_in] * sp.exp(c[j_in]), IN)),
    "T_out is": eq(moment_out, sp.Sum(c[j_out] * sp.exp(c[j_out]), OUT)),
}
PARTS = {
    "H_G is": eq(entropy_in, -sp.Sum(_information(sp.exp(c[j_in] + beta * dial) / sum_in), IN)),
    "H_out is": eq(entropy_out, -sp.Sum(_information(sp.exp(c[j_out]) / sum_out), OUT)),
}
ADVANTAGE = {"Delta_0 is": eq(content_advantage, moment_in / sum_in0 - moment_out / sum_out)}

path = sp.log(_lifted) - (LIFT * (moment_in + beta * dial * sum_in0) + moment_out) / _lifted
_heat = LIFT * (moment_in + beta * dial * sum_in0) + moment_out  # sum of score exp(score)

# H = ln(I + O) - E[score]: the sums of a ln a, written out.
_SHORT = (
    AT_D,
    Combine(
        "H short", eq(entropy, sp.log(_total) - _heat / _total),
        {
            "H is": 1, "T_in is": LIFT / _total, "I_0 is": LIFT * beta * dial / _total, "T_out is": 1 / _total,
            "I is": -sp.log(_total) / _total, "O is": -sp.log(_total) / _total,
        },
    ),
)  # fmt: skip
_PARTS_SHORT = (
    Combine(
        "H_G at d", eq(entropy_in, sp.log(sum_in) - beta * dial - LIFT * moment_in / sum_in),
        {"H_G is": 1, "T_in is": LIFT / sum_in, "I is": -(sp.log(sum_in) - beta * dial) / sum_in},
    ),
    Apply("ln I", sp.log(_y), _y, "I at d"),
    Combine(
        "H_G short", eq(entropy_in, sp.log(sum_in0) - moment_in / sum_in0),
        {"H_G at d": 1, "ln I": 1, "I at d": moment_in / (sum_in * sum_in0)},
    ),
    Combine(
        "H_out short", eq(entropy_out, sp.log(sum_out) - moment_out / sum_out),
        {"H_out is": 1, "T_out is": 1 / sum_out, "O is": -sp.log(sum_out) / sum_out},
    ),
)  # fmt: skip

entropy_path = Theorem(
    name="dial.entropy_path",
    title="Entropy of a row as a function of the dial",
    claim=eq(entropy, path),
    assumes={"block": BLOCK},
    definitions=ENTROPY,
    steps=(
        *_SHORT,
        Combine("total", eq(_total, _lifted), {"I at d": 1}),
        Apply("ln total", sp.log(_y), _y, "total"),
        Combine("claim", eq(entropy, path), {"H short": 1, "ln total": 1, "total": _heat / (_total * _lifted)}),
    ),
    equality=Equality("an identity"),
    free=free_block,
    source=SOURCE,
    kind="identity",
)

_parts = entropy_at.stated
entropy_split = Theorem(
    name="dial.entropy_at",
    title="Entropy from the outside mass and the two conditional entropies, which stay put",
    claim=eq(entropy, _parts),
    assumes={"block": BLOCK},
    definitions=ENTROPY | PARTS | MASSES,
    steps=(
        *_SHORT,
        *_PARTS_SHORT,
        *EPS,
        Combine(
            "claim", eq(entropy, _parts),
            {
                "H short": 1, "ln eps": eps, "ln(1 - eps)": 1 - eps, "H_G at d": -(1 - eps), "H_out short": -eps,
                "eps is": moment_out / sum_out - beta * dial - LIFT * moment_in / sum_in, "I at d": beta * dial / _total,
            },
        ),
    ),
    equality=Equality("an identity"),
    free=free_block,
    source=SOURCE,
    kind="identity",
)  # fmt: skip

_advantage = entropy_out - entropy_in + sp.log(fidelity0) - sp.log(eps0)
advantage = Theorem(
    name="dial.content_advantage",
    title="The content advantage from entropies and odds at dial 0",
    claim=eq(content_advantage, _advantage),
    assumes={"block": BLOCK},
    definitions=ENTROPY | PARTS | MASSES | ADVANTAGE,
    steps=(
        AT_D,
        *_PARTS_SHORT,
        *EPS0,
        Apply("ln F_0", sp.log(_y), _y, "F_0 is"),
        Combine(
            "claim", eq(content_advantage, _advantage),
            {"Delta_0 is": 1, "H_out short": -1, "H_G short": 1, "ln F_0": -1, "ln eps_0": 1},
        ),
    ),
    equality=Equality("an identity"),
    free=free_block,
    source=SOURCE,
    kind="identity",
)  # fmt: skip

_slope = entropy_slope.stated
_share = sum_out / _lifted
_EPS_AT_D = Combine("eps at d", eq(eps, _share), {"eps is": 1, "I at d": -sum_out / (_total * _lifted)})
slope_law = Theorem(
    name="dial.entropy_slope",
    title="The rate at which entropy changes along the dial",
    claim=eq(entropy_rate, _slope),
    assumes={"block": BLOCK},
    definitions=ENTROPY | MASSES | ADVANTAGE | {"rate is": eq(entropy_rate, sp.diff(path, dial))},
    steps=(
        Cite("path", entropy_path, {}),  # what is differentiated is the entropy
        AT_D,
        _EPS_AT_D,
        Combine(
            "claim", eq(entropy_rate, _slope),
            {
                "rate is": 1,
                "eps at d": beta * (content_advantage + beta * dial) * (1 - eps - _share),
                "Delta_0 is": beta * _share * (1 - _share),
            },
        ),
    ),
    equality=Equality("an identity"),
    free=free_block,
    uses=(entropy_path,),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

_summit = sp.exp(entropy_in) + sp.exp(entropy_out)
_peak, _peak_mass = entropy_peak.stated, entropy_peak_mass.stated
peak_bound = Theorem(
    name="dial.entropy_peak",
    title="No setting gives more entropy than ln(e^H_G + e^H_out)",
    claim=sp.Le(entropy, _peak, **_rel),
    assumes={"block": BLOCK},
    definitions=ENTROPY | PARTS | MASSES,
    steps=(
        *EPS,
        Cite("split", entropy_split, {}),
        # Gibbs: ln(b/a) <= b/a - 1 at the peak's own masses b, written as 1 + x <= e^x with x = ln(b/a)
        Cite("outside", exp_tangent, {_exponent: entropy_out - _peak - sp.log(eps)}),
        Cite("inside", exp_tangent, {_exponent: entropy_in - _peak - sp.log(1 - eps)}),
        Combine("claim", sp.Le(entropy, _peak, **_rel), {"split": -1, "outside": eps, "inside": 1 - eps}),
    ),
    equality=Equality("at d = -Delta_0/beta, for every row (`dial.entropy_peak_at`)", {entropy: _parts.subs(eps, _peak_mass)}),
    free=free_block,
    uses=(entropy_split,),
    source=SOURCE,
)

_setting = eq(dial, entropy_peak_dial.stated)
PEAK = Hypothesis(_setting, "d = -Delta_0/beta", "Set the dial to `entropy_peak_dial(Delta_0, beta)`.")
peak_mass = Theorem(
    name="dial.entropy_peak_mass",
    title="Outside mass at d = -Delta_0/beta",
    claim=eq(eps, _peak_mass),
    assumes={"block": BLOCK, "setting": PEAK},
    definitions=ENTROPY | PARTS | MASSES | ADVANTAGE,
    steps=(
        *EPS,
        Cite("advantage", advantage, {}),
        Cite("logit", logit, {}),
        Combine("F positive", sp.Gt(fidelity, 0, **_rel), {"F is": 1, "eps: I share": 1}),
        Combine("F", eq(1 - eps, fidelity), {"eps is": -1, "F is": -1}),
        Apply("ln F", sp.log(_y), _y, "F"),
        Combine(
            "level", eq(sp.log(1 - eps), sp.log(eps) + entropy_in - entropy_out),
            {"ln F": 1, "logit": 1, "advantage": -1, "setting": beta},
        ),
        Apply("odds", sp.exp(_x), _x, "level"),
        Combine("claim", eq(eps, _peak_mass), {"odds": -sp.exp(entropy_out) / _summit}),
    ),
    equality=Equality("an identity"),
    needs={
        "setting": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), beta: sp.Integer(1), content_advantage: sp.Integer(-2), dial: sp.Integer(0),
             entropy_in: sp.Integer(0), entropy_out: sp.Integer(0), eps: 1 / (1 + sp.exp(-2))},
            text="content (-2, 0) at dial 0: 0.881, and 1/2 at the peak",
        )
    },
    free=free_block,
    uses=(advantage, logit),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

peak_at = Theorem(
    name="dial.entropy_peak_at",
    title="The peak is attained at d = -Delta_0/beta",
    claim=eq(entropy, _peak),
    assumes={"block": BLOCK, "setting": PEAK},
    definitions=ENTROPY | PARTS | MASSES | ADVANTAGE,
    steps=(
        *EPS,
        Cite("split", entropy_split, {}),
        Cite("there", peak_mass, {}, {"setting": "setting"}),
        Combine("rest", eq(1 - eps, sp.exp(entropy_in) / _summit), {"there": -1}),
        Apply("ln eps there", sp.log(_y), _y, "there"),
        Apply("ln(1 - eps) there", sp.log(_y), _y, "rest"),
        Combine("claim", eq(entropy, _peak), {"split": 1, "ln eps there": -eps, "ln(1 - eps) there": -(1 - eps)}),
    ),
    equality=Equality("an identity"),
    needs={
        "setting": Witness(
            {n: sp.Integer(2), g: sp.Integer(1), beta: sp.Integer(1), content_advantage: sp.Integer(-2), dial: sp.Integer(0),
             entropy_in: sp.Integer(0), entropy_out: sp.Integer(0),
             entropy: sp.log(1 + sp.exp(-2)) + 2 * sp.exp(-2) / (1 + sp.exp(-2))},
            text="content (-2, 0) at dial 0: 0.3653, and the peak is ln 2",
        )
    },
    free=free_block,
    uses=(entropy_split, peak_mass),
    source=SOURCE,
    kind="identity",
)  # fmt: skip

SPLIT: tuple[Theorem, ...] = (entropy_path, entropy_split, advantage, slope_law, peak_bound, peak_mass, peak_at)
