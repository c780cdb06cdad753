"""The guarantee of a configuration, from numbers that are known before training.

Balls, penalty, leak and dial give t = beta d - rho (B + delta)^2 / tau, and every row of every layer that the configuration
trains has margin at least t; so outside mass, entropy and output shift are bounded by t alone. rho bounds the block forms:
the Frobenius ball of A, or rho_Q rho_K. n and g are the row's own: with a causal mask every row has its own pair.
"""

from __future__ import annotations

import sympy as sp

from theory import concentration, lemmas, theorems
from theory.blocks_formulas import content_bound, margin_bilinear
from theory.blocks_margin import margin_of_form
from theory.lemmas import mean_distance, norm_scales
from theory.steps import Cite, Combine, Manifest
from theory.symbols import (
    B,
    D_x,
    beta,
    captured_margin,
    cut_gap,
    delta,
    dial,
    entropy,
    eps,
    g,
    j_in,
    j_out,
    low_in,
    margin,
    mean_gap,
    n,
    off_norm,
    rho_A,
    rounding,
    s,
    t,
    tau,
    top_out,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_zero, _one, _two = sp.Integer(0), sp.Integer(1), sp.Integer(2)

ceiling = {statement.name: statement for statement in theorems("entropy")}["entropy.ceiling"]
T = margin_bilinear.stated
CLAIMED = {t: T}
_Z = g + (n - g) * sp.exp(-T)
_two_level = (
    "query (B, delta), in-block keys (-B, -delta), outside keys (delta, B), every A_c = rho of rank one: the row is two-level"
)
DIAL = Hypothesis(
    sp.Ge(beta * dial, content_bound.stated, **_rel),
    "the dial beats content: beta d >= rho (B + delta)^2 / tau",
    "Raise the dial or hold the content on a smaller ball; below it only ln n bounds the entropy.",
)
_assumes = {"block": concentration.BLOCK, **margin_of_form.assumes}
_row = concentration.ROW_MARGIN | dict(margin_of_form.definitions)
_free = {"block": "g = n leaves no outside mass to bound and g = 0 no block; the formula is 0/0 or 1 there"}
_given = {"extinct": "extinct", "leak": "leak"}
_margin = Cite("margin at least", margin_of_form, {}, _given)

# The two witnesses of every statement: a lone off-block entry, and a leak longer than the own-block part.
_off_alive = {n: _two, g: _one, B: _one, delta: _zero, rho_A: _zero, tau: _one, beta: _one}
_long_leak = {n: _two, g: _one, off_norm: _zero, B: _zero, delta: _one, rho_A: _one, tau: _one, beta: _one}
_off_text = "A^(1,2) alone is alive, query (1, 0), in-block key (1, 0), outside key (0, 1)"
_leak_text = "query (0, 0, 1), in-block key (0, 0, -1), outside key (0, 0, 1), A = I: the margin is beta d - 2, not beta d - 1"

guarantee_outside_mass = Theorem(
    name="blocks.guarantee_outside_mass",
    title="Outside mass of every row, from the configuration",
    claim=sp.Le(eps, concentration.E.subs(CLAIMED), **_rel),
    assumes=_assumes,
    definitions=_row,
    steps=(
        _margin,
        Cite("claim", concentration.outside_mass, CLAIMED, {"block": "block", "margin": "margin at least"}),
    ),
    equality=Equality(_two_level, {eps: 1 - g / _Z}),
    needs={
        "extinct": Witness(
            _off_alive | {off_norm: _one, dial: _zero, eps: sp.E / (1 + sp.E)}, text=f"{_off_text}: 0.731 > 1/2"
        ),
        "leak": Witness(_long_leak | {dial: _zero, eps: sp.E**2 / (1 + sp.E**2)}, text=f"{_leak_text}: 0.881 > 0.731"),
    },
    free=_free,
    uses=(margin_of_form, concentration.outside_mass),
    source="2510.09338: attention provably concentrates on semantic blocks, explicit thresholds",
)

guarantee_entropy = Theorem(
    name="blocks.guarantee_entropy",
    title="Entropy of every row, from the configuration",
    claim=sp.Le(entropy, ceiling.claim.rhs.subs(CLAIMED), **_rel),
    assumes=_assumes | {"dial": DIAL},
    definitions=dict(ceiling.definitions) | _row,
    steps=(
        _margin,
        Manifest("lead", sp.Ge(T, 0, **_rel)),
        Cite("claim", ceiling, CLAIMED, {"block": "block", "margin": "margin at least", "lead": "lead"}),
    ),
    equality=Equality(_two_level, {entropy: sp.log(_Z) + T - T * g / _Z}),
    needs={
        "extinct": Witness(_off_alive | {off_norm: _two, dial: _two, entropy: sp.log(2)}, text=f"{_off_text}: ln 2 > 0.365"),
        "leak": Witness(_long_leak | {dial: _two, entropy: sp.log(2)}, text=f"{_leak_text}: ln 2 > 0.582"),
        "dial": Witness(
            {
                n: sp.Integer(4),
                g: _one,
                off_norm: _zero,
                B: _one,
                delta: _zero,
                rho_A: _one,
                tau: _one,
                beta: _one,
                dial: _zero,
                entropy: sp.log(4),
            },
            text="A = 0 is in the ball rho = 1: without a dial four keys share the row, ln 4 > H*(4, 1, -1) = 1.324",
        ),
    },
    free=_free,
    uses=(margin_of_form, ceiling),
    source="2510.09338: low entropy, exact bounds on attention entropy at stationary points",
)

# --- the row as it is computed: captured scores, each within a rounding error of the exact one ---

_low_c, _top_c, _low_key, _top_key, _err_low, _err_top = sp.symbols("low_c top_c low_key top_key err_low err_top", real=True)
_captured = {
    "captured margin is": sp.Eq(captured_margin, _low_c - _top_c, **_rel),
    # The least captured score belongs to a key whose exact score is at least the least exact one.
    "least captured": sp.Eq(_low_c, _low_key + _err_low, **_rel),
    "exact at it": sp.Ge(_low_key, low_in, **_rel),
    "rounded there": sp.Le(sp.Abs(_err_low), rounding, **_rel),
    "greatest captured": sp.Eq(_top_c, _top_key + _err_top, **_rel),
    "exact at that": sp.Le(_top_key, top_out, **_rel),
    "rounded at that": sp.Le(sp.Abs(_err_top), rounding, **_rel),
}
_T_captured = T - 2 * rounding
guarantee_captured = Theorem(
    name="blocks.guarantee_captured",
    title="The margin of the captured scores, from the configuration and the rounding",
    claim=sp.Ge(captured_margin, _T_captured, **_rel),
    assumes=dict(margin_of_form.assumes),
    definitions=dict(margin_of_form.definitions) | _captured,
    steps=(
        _margin,
        Manifest("error in", sp.Ge(_err_low, -sp.Abs(_err_low), **_rel)),
        Manifest("error out", sp.Le(_err_top, sp.Abs(_err_top), **_rel)),
        Combine(
            "claim",
            sp.Ge(captured_margin, _T_captured, **_rel),
            {
                "captured margin is": _one,
                "least captured": _one,
                "exact at it": _one,
                "error in": _one,
                "rounded there": _one,
                "greatest captured": -_one,
                "exact at that": _one,
                "error out": _one,
                "rounded at that": _one,
                "margin is": -_one,
                "margin at least": _one,
            },
        ),
    ),
    equality=Equality(
        "the worst tokens, the in-block score rounded down and the outside one up by the same", {captured_margin: _T_captured}
    ),
    needs={
        "extinct": Witness(
            _off_alive | {off_norm: _one, dial: _zero, rounding: _zero, captured_margin: -_one},
            text=f"{_off_text}: margin -1 < 0",
        ),
        "leak": Witness(_long_leak | {dial: _zero, rounding: _zero, captured_margin: -_two}, text=f"{_leak_text}: -2 < -1"),
    },
    uses=(margin_of_form,),
    source="2510.09338: the guarantee for captured logits",
)

captured_outside_mass = Theorem(
    name="blocks.captured_outside_mass",
    title="Outside mass of the captured row, from the configuration and the rounding",
    claim=sp.Le(eps, concentration.E.subs(t, _T_captured), **_rel),
    assumes=_assumes,
    # The row's sums are those of the captured scores s.
    definitions=concentration.ROW_SUMS
    | dict(guarantee_captured.definitions)
    | {"captured inside": sp.Ge(s[j_in], _low_c, **_rel), "captured outside": sp.Le(s[j_out], _top_c, **_rel)},
    steps=(
        Cite("margin at least", guarantee_captured, {}, _given),
        Cite(
            "claim",
            concentration.outside_mass,
            {t: _T_captured, margin: captured_margin, low_in: _low_c, top_out: _top_c},
            {"block": "block", "margin": "margin at least"},
        ),
    ),
    equality=Equality(
        f"{_two_level}; every in-block score rounded down and every outside one up by the same",
        {eps: 1 - g / (g + (n - g) * sp.exp(-_T_captured))},
    ),
    needs={
        "extinct": Witness(
            _off_alive | {off_norm: _one, dial: _zero, rounding: _zero, eps: sp.E / (1 + sp.E)},
            text=f"{_off_text}: 0.731 > 1/2",
        ),
        "leak": Witness(
            _long_leak | {dial: _zero, rounding: _zero, eps: sp.E**2 / (1 + sp.E**2)}, text=f"{_leak_text}: 0.881 > 0.731"
        ),
    },
    free=_free,
    uses=(guarantee_captured, concentration.outside_mass),
    source="2510.09338: the guarantee for captured logits",
)

_shift = concentration.E.subs(CLAIMED) * D_x
guarantee_output = Theorem(
    name="blocks.guarantee_output",
    title="What localising costs the output of every row, from the configuration",
    claim=sp.Le(cut_gap, _shift, **_rel),
    assumes=_assumes,
    definitions=_row,
    steps=(
        Cite("outside", guarantee_outside_mass, {}, {"block": "block", **_given}),
        # o - o_G = eps (mean value outside - mean value in the block)
        Cite("cut", norm_scales, {lemmas.v: cut_gap, lemmas.p: eps, lemmas.q: eps, lemmas.w: mean_gap}),
        Cite("means", mean_distance, {lemmas.v: mean_gap, lemmas.w: D_x}),
        Combine("claim", sp.Le(cut_gap, _shift, **_rel), {"cut": -_one, "means": eps, "outside": D_x}),
    ),
    equality=Equality(f"{_two_level}; values constant in the block and constant outside", {cut_gap: _shift}),
    needs={
        "extinct": Witness(
            _off_alive | {off_norm: _one, dial: _zero, D_x: _one, cut_gap: sp.E / (1 + sp.E)},
            text=f"{_off_text}; values 0 and 1",
        ),
        "leak": Witness(
            _long_leak | {dial: _zero, D_x: _one, cut_gap: sp.E**2 / (1 + sp.E**2)}, text=f"{_leak_text}; values 0 and 1"
        ),
    },
    free=_free,
    uses=(guarantee_outside_mass,),
    source="2510.09338: negligible error of localising",
)
