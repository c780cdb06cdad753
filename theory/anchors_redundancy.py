"""Redundancy: how many equal anchors a pointer has, among how many keys, and what that does to fidelity and entropy.

The row is two-level: g keys are anchors of the pointer and lead the n - g others by exactly t nats. g anchors are the block.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.anchors_formulas import least_anchors, margin_saved
from theory.anchors_lemmas import sinh_cubic, total_falls
from theory.concentration import BLOCK, MARGIN, ROW_MARGIN, ROW_SUMS, fidelity_floor
from theory.entropy_formulas import entropy_ceiling, entropy_floor_size, range_gap
from theory.entropy_lemmas import log_quotient, size_rises
from theory.lemmas import log_tangent
from theory.steps import Apply, Cite, Combine, Identity, Manifest, SumOver
from theory.symbols import (
    entropy,
    entropy_more,
    eps,
    fidelity,
    fidelity_more,
    g,
    g_more,
    j_in,
    j_out,
    margin,
    n,
    others,
    phi,
    s,
    score_range,
    sum_in,
    sum_out,
    t,
    t_other,
    top_out,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_I = sp.Integer
_x = sp.Symbol("x", real=True)
_y = sp.Symbol("y", positive=True)
_u, _u3 = sp.exp(-t), sp.exp(-t_other)
SOURCE = "2510.09338: information-theoretic anchor design; 2510.05106: anchor redundancy against attention entropy"
IDENTITY = Equality("an identity")
FREE = {"block": "n = g leaves no other key: fidelity is 1 and its log-odds no number"}


def eq(left: sp.Expr, right: sp.Expr) -> sp.Eq:
    """The equation as typed, not evaluated by SymPy."""
    return sp.Eq(left, right, **_rel)


def total(size: sp.Expr, lead: sp.Expr) -> sp.Expr:
    """Z = size + (n - size) e^-lead, the total weight of a two-level row whose anchors have weight 1."""
    return size + (n - size) * sp.exp(-lead)


def entropy_of(size: sp.Expr, lead: sp.Expr) -> sp.Expr:
    """H*(n, size, lead), the entropy of the two-level row."""
    return entropy_ceiling.stated.subs({g: size, t: lead}, simultaneous=True)


BLOCK_MORE = Hypothesis(
    sp.Ge(n - g_more, 1, **_rel), "the other row has a key that is no anchor, too", "Keep one key that is no anchor."
)  # fmt: skip
FREE_MORE = FREE | {"block more": "the same for the other row"}
Z, Z3 = total(g, t), total(g_more, t_other)
F_IS = {"F is": eq(fidelity, g / Z)}  # fidelity and entropy of the two-level row, `anchors.logit` and `entropy.ceiling`
F3_IS = {"F_3 is": eq(fidelity_more, g_more / Z3)}
H_IS = {"H is": eq(entropy, entropy_of(g, t))}
H3_IS = {"H_3 is": eq(entropy_more, entropy_of(g_more, t_other))}
TWO_LEVEL = ROW_SUMS | {
    "anchors score": eq(s[j_in], top_out + t),
    "others score": eq(s[j_out], top_out),
}

_in, _out = g * sp.exp(top_out + t), (n - g) * sp.exp(top_out)
_share_in, _share_out = sum_in / (sum_in + sum_out), sum_out / (sum_in + sum_out)
_ratio = Cite("ln of the ratio", log_quotient, {lemmas.x: g, lemmas.y: n - g})
_logit = eq(sp.log(fidelity) - sp.log(eps), t + sp.log(g / (n - g)))
logit = Theorem(
    name="anchors.logit",
    title="Log-odds of a pointer: margin plus the logarithm of anchors over other keys",
    claim=_logit,
    assumes={"block": BLOCK},
    definitions=TWO_LEVEL,
    steps=(
        SumOver("anchors", Apply("e^s of an anchor", sp.exp(_x), _x, "anchors score"), j_in),
        SumOver("others", Apply("e^s of another key", sp.exp(_x), _x, "others score"), j_out),
        Combine("I at", eq(sum_in, _in), {"I is": 1, "anchors": 1}),
        Combine("O at", eq(sum_out, _out), {"O is": 1, "others": 1}),
        Apply("ln I", sp.log(_y), _y, "I at"),
        Apply("ln O", sp.log(_y), _y, "O at"),
        Manifest("O share", sp.Gt(_share_out, 0, **_rel)),
        Manifest("I share", sp.Gt(_share_in, 0, **_rel)),
        Combine("eps positive", sp.Gt(eps, 0, **_rel), {"eps is": 1, "O share": 1}),
        Combine("F positive", sp.Gt(fidelity, 0, **_rel), {"F is": 1, "I share": 1}),
        Apply("ln eps", sp.log(_y), _y, "eps is"),
        Apply("ln F", sp.log(_y), _y, "F is"),
        _ratio,
        Combine("claim", _logit, {"ln F": 1, "ln eps": -1, "ln I": 1, "ln O": -1, "ln of the ratio": -1}),
    ),
    equality=IDENTITY,
    free=FREE,
    source=SOURCE,
    kind="identity",
)

SAME = Hypothesis(eq(fidelity, fidelity_more), "both rows have the same fidelity", "Compare rows of one fidelity.")
_cross = Z * Z3
_replace = eq(t - t_other, margin_saved.stated)
replace = Theorem(
    name="anchors.replace",
    title="More anchors instead of other keys: the margin that they save at the same fidelity",
    claim=_replace,
    assumes={"block": BLOCK, "block more": BLOCK_MORE, "same": SAME},
    definitions=F_IS | F3_IS,
    steps=(
        Combine(
            "odds", eq(g * (n - g_more) * _u3, g_more * (n - g) * _u), {"same": _cross, "F is": -_cross, "F_3 is": _cross}
        ),
        Apply("ln odds", sp.log(_y), _y, "odds"),
        Cite("ln of anchors", log_quotient, {lemmas.x: g_more, lemmas.y: g}),
        Cite("ln of others", log_quotient, {lemmas.x: n - g, lemmas.y: n - g_more}),
        Combine("claim", _replace, {"ln odds": 1, "ln of anchors": -1, "ln of others": -1}),
    ),
    equality=IDENTITY,
    needs={
        "same": Witness(
            {n: _I(2), g: _I(1), g_more: _I(1), t: _I(1), t_other: _I(0), fidelity: 1 / (1 + sp.exp(-1)), fidelity_more: _I(1) / 2},
            text="one anchor of two keys at margins 1 and 0: nothing is saved, and the margins differ",
        )
    },
    free=FREE_MORE,
    source=SOURCE,
    kind="identity",
)  # fmt: skip

_m = others
ADDED = {
    "F is": eq(fidelity, g / (g + _m * _u)),
    "F_3 is": eq(fidelity_more, g_more / (g_more + _m * _u3)),
}
_both = (g + _m * _u) * (g_more + _m * _u3)
_add = eq(t - t_other, sp.log(g_more / g))
add = Theorem(
    name="anchors.add",
    title="More anchors beside the same other keys: k times as many are worth ln k nats",
    claim=_add,
    assumes={"same": SAME},
    definitions=ADDED,
    steps=(
        Combine("odds", eq(g * _m * _u3, g_more * _m * _u), {"same": _both, "F is": -_both, "F_3 is": _both}),
        Apply("ln odds", sp.log(_y), _y, "odds"),
        Combine("claim", _add, {"ln odds": 1}),
    ),
    equality=IDENTITY,
    needs={
        "same": Witness(
            {g: _I(1), g_more: _I(1), _m: _I(1), t: _I(1), t_other: _I(0), fidelity: 1 / (1 + sp.exp(-1)), fidelity_more: _I(1) / 2},
            text="one anchor against one key at margins 1 and 0: ln 1 = 0 is not their difference",
        )
    },
    source=SOURCE,
    kind="identity",
)  # fmt: skip

MORE = Hypothesis(sp.Le(g, g_more, **_rel), "the other row has at least as many anchors", "Swap the rows.")
_same_lead = {"F is": eq(fidelity, g / Z), "F_3 is": eq(fidelity_more, g_more / total(g_more, t))}
_rises = sp.Ge(fidelity_more, fidelity, **_rel)
rises = Theorem(
    name="anchors.fidelity_rises",
    title="At the same margin, of any sign, more anchors never lower the fidelity",
    claim=_rises,
    assumes={"block": BLOCK, "block more": BLOCK_MORE, "more": MORE},
    definitions=_same_lead,
    steps=(
        Combine("claim", _rises, {"F_3 is": 1, "F is": -1, "more": n * _u / (Z * total(g_more, t))}),
    ),
    equality=Equality("as many anchors", {fidelity_more: fidelity}),
    needs={
        "more": Witness(
            {n: _I(4), g: _I(2), g_more: _I(1), t: _I(0), fidelity: _I(1) / 2, fidelity_more: _I(1) / 4},
            text="four equal keys: two anchors hold 1/2, one holds 1/4",
        )
    },
    free=FREE_MORE,
    source=SOURCE,
)  # fmt: skip

TARGET = Hypothesis(sp.Lt(phi, 1, **_rel), "0 < phi < 1", "No number of anchors gives fidelity 1 while another key is visible.")
_free_target = {"target": "for phi >= 1 the number of anchors is not below the number of keys"}
_denominator = 1 - phi + phi * _u
_positive = (
    Manifest("some", sp.Gt(phi * _u, 0, **_rel)),
    Combine("denominator", sp.Gt(_denominator, 0, **_rel), {"some": 1, "target": 1}),
)
redundancy = Theorem(
    name="anchors.redundancy",
    title="The number of anchors that gives a fidelity at a margin",
    claim=sp.Ge(fidelity, phi, **_rel),
    assumes={
        "block": BLOCK, "margin": MARGIN, "target": TARGET,
        "enough": Hypothesis(
            sp.Ge(g, least_anchors.stated, **_rel), "at least n phi u/(1 - phi + phi u) anchors, u = e^-t",
            "Add anchors, or raise the dial: ln k nats of margin do what k times the odds of anchors do.",
        ),
    },
    definitions=ROW_MARGIN,
    steps=(
        *_positive,
        Cite("at this margin", fidelity_floor, {}, {"block": "block", "margin": "margin"}),
        Combine("bound at least phi", sp.Ge(g / Z, phi, **_rel), {"enough": _denominator / Z}),
        Combine("claim", sp.Ge(fidelity, phi, **_rel), {"at this margin": 1, "bound at least phi": 1}),
    ),
    equality=Equality("two-level rows with exactly that many anchors", {fidelity: phi}),
    needs={
        "margin": Witness(
            {n: _I(2), g: _I(1), t: _I(2), margin: _I(0), phi: _I(3) / 4, fidelity: _I(1) / 2},
            scores=(_I(0), _I(0)), block=(0,), text="two equal scores: fidelity 1/2, whatever margin is claimed",
        ),
        "enough": Witness(
            {n: _I(4), g: _I(1), t: _I(0), margin: _I(0), phi: _I(1) / 2, fidelity: _I(1) / 4},
            scores=(_I(0),) * 4, block=(0,), text="four equal scores: one anchor holds 1/4; two are needed for 1/2",
        ),
    },
    free=FREE | _free_target,
    uses=(fidelity_floor,),
    source=SOURCE,
)  # fmt: skip

_missed = sp.Lt(fidelity, phi, **_rel)
redundancy_exact = Theorem(
    name="anchors.redundancy_exact",
    title="Fewer anchors miss the fidelity in the two-level row",
    claim=_missed,
    assumes={
        "block": BLOCK, "target": TARGET,
        "too few": Hypothesis(
            sp.Lt(g, least_anchors.stated, **_rel), "fewer than n phi u/(1 - phi + phi u) anchors", "There the target is met."
        ),
    },
    definitions=F_IS,
    steps=(
        *_positive,
        Combine("claim", _missed, {"too few": _denominator / Z, "F is": -1}),
    ),
    equality=Equality("strict; at equal numbers the fidelity is phi"),
    needs={
        "too few": Witness(
            {n: _I(4), g: _I(2), t: _I(0), phi: _I(1) / 2, fidelity: _I(1) / 2}, text="two of four equal keys hold exactly 1/2"
        )
    },
    free=FREE | _free_target,
    source=SOURCE,
)  # fmt: skip

_at = eq(entropy, sp.log(g / fidelity) + t * (1 - fidelity))
entropy_at = Theorem(
    name="anchors.entropy_at",
    title="Entropy of the two-level row from its fidelity: ln(g/F) + t (1 - F)",
    claim=_at,
    assumes={"block": BLOCK},
    definitions=F_IS | H_IS,
    steps=(
        Manifest("share", sp.Gt(g / Z, 0, **_rel)),
        Combine("F positive", sp.Gt(fidelity, 0, **_rel), {"F is": 1, "share": 1}),
        Apply("ln F", sp.log(_y), _y, "F is"),
        Cite("ln of g over F", log_quotient, {lemmas.x: g, lemmas.y: fidelity}),
        Cite("ln of g over Z", log_quotient, {lemmas.x: g, lemmas.y: Z}),
        Combine("claim", _at, {"H is": 1, "ln of g over F": -1, "ln F": 1, "ln of g over Z": 1, "F is": t}),
    ),
    equality=IDENTITY,
    free=FREE,
    source=SOURCE,
    kind="identity",
)

LEAD = Hypothesis(sp.Gt(t, 0, **_rel), "the anchors lead, t > 0", "At t = 0 all keys are equal and the entropy is ln n.")
_psi = range_gap.stated.subs(score_range, t)
_c = t / (1 - _u)
_floor = sp.Ge(entropy, sp.log(n) - _psi, **_rel)
_below_one = Manifest("u below 1", sp.Gt(1 - _u, 0, **_rel), form=2 * sp.exp(-t / 2) * sp.sinh(t / 2))
entropy_least = Theorem(
    name="anchors.entropy_least",
    title="Whatever the redundancy, a margin t leaves at least ln n - psi(t) of entropy",
    claim=_floor,
    assumes={"block": BLOCK, "lead": LEAD},
    definitions=H_IS,
    steps=(
        _below_one,
        Cite("tangent", log_tangent, {lemmas.x: _c * n * _u / Z}),
        Cite("ln of c", log_quotient, {lemmas.x: _c * n * _u, lemmas.y: Z}),
        Identity("c n u", eq(sp.log(_c * n * _u), sp.log(_c) + sp.log(n) - t)),
        Combine("claim", _floor, {"H is": 1, "tangent": 1, "ln of c": -1, "c n u": -1}),
    ),
    equality=Equality("attained where the least size r0(n, t) is a whole number, at no rational t; the supremum of the gap is psi(t)"),
    free=FREE | {"lead": "psi reads 0/0 at t = 0"},
    source=SOURCE,
)  # fmt: skip

_size = entropy_floor_size.stated.subs(score_range, t)
_below_half = sp.Lt(_size, n / 2, **_rel)
least_size = Theorem(
    name="anchors.least_size",
    title="The number of anchors that leaves the least entropy is below half of the keys",
    claim=_below_half,
    assumes={"lead": LEAD},
    steps=(
        _below_one,
        Cite("sinh t - t", sinh_cubic, {lemmas.v: t}),
        Manifest("more", sp.Gt(t**3 / 3, 0, **_rel)),
        Combine("claim", _below_half, {"sinh t - t": n * _u / (2 * (1 - _u) ** 2), "more": n * _u / (2 * (1 - _u) ** 2)}),
    ),
    equality=Equality("strict; n/2 is the limit as t goes to 0"),
    free={"lead": "r0 reads 0/0 at t = 0"},
    source=SOURCE,
)  # fmt: skip

_up = sp.Ge(entropy_more, entropy, **_rel)
_turn = (1 - _u) * Z - t * n * _u
costs = Theorem(
    name="anchors.redundancy_costs",
    title="With a margin great for the number of keys, every further anchor costs entropy",
    claim=_up,
    assumes={
        "block": BLOCK, "block more": BLOCK_MORE, "more": MORE,
        "lead": Hypothesis(sp.Ge(t, 0, **_rel), "t >= 0", "Raise the dial until the anchors lead."),
        "one": Hypothesis(sp.Ge(g, 1, **_rel), "at least one anchor", "A pointer has an anchor."),
        "great": Hypothesis(
            sp.Le(n * _u * (t - 1 + _u), (1 - _u) ** 2, **_rel), "r0(n, t) <= 1: n u (t - 1 + u) <= (1 - u)^2, u = e^-t",
            "Raise the margin to about ln(n ln n), or find the best number with `entropy.floor_size`.",
        ),
    },
    definitions=H_IS | {"H_3 is": eq(entropy_more, entropy_of(g_more, t))},
    steps=(
        Manifest("u at most 1", sp.Ge(1 - _u, 0, **_rel), form=2 * sp.exp(-t / 2) * sp.sinh(t / 2)),
        Combine("after the turn", sp.Ge(_turn, 0, **_rel), {"great": 1, "one": (1 - _u) ** 2}),
        Cite(
            "rises", size_rises, {lemmas.v: g, lemmas.w: g_more, lemmas.x: _u, lemmas.y: n, lemmas.p: t},
            {"weight": "u at most 1", "order": "more", "after the turn": "after the turn"},
        ),
        Combine("claim", _up, {"rises": 1, "H is": -1, "H_3 is": 1}),
    ),
    equality=Equality("as many anchors; also t = 0, where all keys are equal", {entropy_more: entropy}),
    needs={
        "more": Witness(
            {n: _I(8), g: _I(7), g_more: _I(1), t: _I(6), entropy: entropy_of(_I(7), _I(6)).subs(n, 8),
                entropy_more: entropy_of(_I(1), _I(6)).subs(n, 8)},
            text="at t = 6 seven anchors of eight keys leave about ln 7, one leaves 0.12",
        ),
        "great": Witness(
            {n: _I(100), g: _I(1), g_more: _I(10), t: _I(3), entropy: entropy_of(_I(1), _I(3)).subs(n, 100),
                entropy_more: entropy_of(_I(10), _I(3)).subs(n, 100)},
            text="r0(100, 3) = 11.3: ten anchors leave less entropy than one",
        ),
    },
    free=FREE_MORE | {"one": "it says what g counts", "lead": "for t < 0 'great' is false for every n >= 2; it names the side"},
    source=SOURCE,
)  # fmt: skip

_Z3 = total(g_more, t)
_most = t * n * _u / (1 - _u)  # Z at r0
_down = sp.Lt(entropy_more, entropy, **_rel)
saves = Theorem(
    name="anchors.redundancy_saves",
    title="Up to r0 anchors every further one saves entropy: only when r0 <= 1 can each of them cost some",
    claim=_down,
    assumes={
        "block": BLOCK, "block more": BLOCK_MORE, "lead": LEAD,
        "more": Hypothesis(sp.Lt(g, g_more, **_rel), "the other row has more anchors", "Swap the rows."),
        "few": Hypothesis(
            sp.Le((1 - _u) ** 2 * g_more, n * _u * (t - 1 + _u), **_rel), "at most r0(n, t) anchors, r0 as in `entropy.floor_size`",
            "From r0 on entropy rises with every anchor, as in `anchors.redundancy_costs`.",
        ),
    },
    definitions=H_IS | {"H_3 is": eq(entropy_more, entropy_of(g_more, t))},
    steps=(
        _below_one,
        # H = ln Z + K/Z - K/n with K = t n u/(1 - u), the total at r0; Z increases with the anchors
        Combine("more weight", sp.Lt(Z, _Z3, **_rel), {"more": 1 - _u}),
        Combine("before r0", sp.Le(_Z3, _most, **_rel), {"few": 1 / (1 - _u)}),
        Cite("falls", total_falls, {lemmas.x: Z, lemmas.y: _Z3, lemmas.w: _most}, {"order": "more weight", "before": "before r0"}),
        Combine("claim", _down, {"H is": 1, "H_3 is": -1, "falls": 1}),
    ),
    equality=Equality("strict; the difference goes to 0 as the margin does"),
    needs={
        "more": Witness(
            {n: _I(100), g: _I(10), g_more: _I(1), t: _I(3), entropy: entropy_of(_I(10), _I(3)).subs(n, 100),
                entropy_more: entropy_of(_I(1), _I(3)).subs(n, 100)},
            text="r0(100, 3) = 11.3: one anchor leaves more entropy than ten",
        ),
        "few": Witness(
            {n: _I(8), g: _I(1), g_more: _I(7), t: _I(6), entropy: entropy_of(_I(1), _I(6)).subs(n, 8),
                entropy_more: entropy_of(_I(7), _I(6)).subs(n, 8)},
            text="r0(8, 6) = 0.1: one anchor leaves 0.12, seven leave about ln 7",
        ),
    },
    free=FREE_MORE | {
        "lead": "at t = 0 every number of anchors leaves exactly ln n, so nothing is saved; balls do not tell equal numbers apart"
    },
    source=SOURCE,
)  # fmt: skip

_few_keys = {n: _I(10), t: _I(3)}
_second = (entropy_of(_I(2), _I(3)) - entropy_of(_I(1), _I(3))).subs(n, 10)
_beyond = _size.subs(_few_keys, simultaneous=True) - 1
whole = Theorem(
    name="anchors.redundancy_whole",
    title="Of whole numbers of anchors r0 <= 1 is not necessary: every further one can cost entropy with r0 above 1",
    claim=sp.Gt(sp.Min(_second, _beyond, **_rel), 0, **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(sp.Min(_second, _beyond, **_rel), 0, **_rel)),),
    equality=Equality(
        "n = 10, t = 3: r0 = 1.13, and two anchors leave 1.373 where one leaves 1.299; from the second on r0 <= g, so entropy rises"
    ),
    source=SOURCE,
    kind="counterexample",
)

REDUNDANCY: tuple[Theorem, ...] = (
    logit, replace, add, rises, redundancy, redundancy_exact, entropy_at, entropy_least, least_size, costs, saves, whole,
)  # fmt: skip
