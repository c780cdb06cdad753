"""The numbers of the dial family, each once: as stated and as computed. The statements are in `theory.dial`."""

from __future__ import annotations

import sympy as sp
from sympy.codegen.cfunctions import log1p

from theory import concentration
from theory import entropy_formulas as entropy
from theory.formula import Formula
from theory.symbols import (
    D_x,
    G_loss,
    beta,
    content_advantage,
    content_lead,
    dial,
    dial_other,
    entropy_in,
    entropy_out,
    eps,
    eps0,
    g,
    lead_bound,
    level,
    n,
    score_range,
)

# --- formulas: each number once, as stated and as computed ------------------------------------------------------------

_block = (g >= 1, g < n)
_open = (eps > 0, eps < 1)
_open0 = (eps0 > 0, eps0 < 1)
_w = sp.exp(-sp.Abs(beta * dial))
_lift = sp.exp(beta * dial)
_odds = eps0 / (1 - eps0) * _w  # odds of the outside at a setting >= 0
_odds_in = (1 - eps0) / eps0 * _w  # odds of the block at a setting < 0

margin_at_dial = Formula(
    name="margin_at_dial",
    doc="Margin (nats) at setting d when the greatest content lead of an outside key is R.",
    args=(beta, dial, score_range),
    stated=beta * dial - score_range,
    stable=beta * dial - score_range,
    theorem="dial.margin",
    unit="nats",
    reading={content_lead: score_range},
)

outside_mass_at = Formula(
    name="outside_mass_at",
    doc="Outside mass at setting d of a row whose outside mass at 0 is eps0, 0 < eps0 < 1.",
    args=(eps0, beta, dial),
    stated=eps0 / (eps0 + (1 - eps0) * _lift),
    stable=sp.Piecewise((_odds / (1 + _odds), dial >= 0), (1 / (1 + _odds_in), True)),
    theorem="dial.mass",
    domain=_open0,
)

fidelity_at = Formula(
    name="fidelity_at",
    doc="Pointer fidelity at setting d of a row whose outside mass at 0 is eps0, 0 < eps0 < 1.",
    args=(eps0, beta, dial),
    stated=(1 - eps0) * _lift / (eps0 + (1 - eps0) * _lift),
    stable=sp.Piecewise((1 / (1 + _odds), dial >= 0), (_odds_in / (1 + _odds_in), True)),
    theorem="dial.fidelity",
    domain=_open0,
)

dial_between = Formula(
    name="dial_between",
    doc="The one setting at which a row whose outside mass at 0 is eps0 has outside mass eps.",
    args=(eps0, eps, beta),
    stated=(sp.log(eps0 / (1 - eps0)) - sp.log(eps / (1 - eps))) / beta,
    stable=(sp.log(eps0) - log1p(-eps0) - sp.log(eps) + log1p(-eps)) / beta,
    theorem="dial.level",
    domain=(*_open0, *_open),
)

dial_for_outside_mass = Formula(
    name="dial_for_outside_mass",
    doc="Setting that guarantees outside mass eps when content lets no outside key lead by more than R; may be negative.",
    args=(n, g, score_range, beta, eps),
    stated=(score_range + concentration.fidelity_margin.stated) / beta,
    stable=(score_range + concentration.fidelity_margin.stable) / beta,
    theorem="dial.target",
    domain=(*_block, *_open),
    reading={lead_bound: score_range, level: eps},
)

entropy_slope = Formula(
    name="entropy_slope",
    doc="dH/dd (nats per unit of the dial) at setting d, where the outside mass is eps.",
    args=(beta, eps, content_advantage, dial),
    stated=-beta * eps * (1 - eps) * (content_advantage + beta * dial),
    stable=-beta * eps * (1 - eps) * (content_advantage + beta * dial),
    theorem="dial.entropy_slope",
    unit="nats",
)

entropy_at = Formula(
    name="entropy_at",
    doc="Entropy (nats) of a row from its outside mass, 0 < eps < 1, and its two conditional entropies; exact.",
    args=(eps, entropy_in, entropy_out),
    stated=entropy.binary_entropy.stated + (1 - eps) * entropy_in + eps * entropy_out,
    stable=entropy.binary_entropy.stable + (1 - eps) * entropy_in + eps * entropy_out,
    theorem="dial.entropy_at",
    unit="nats",
    domain=_open,
)

entropy_peak = Formula(
    name="entropy_peak",
    doc="Greatest entropy (nats) along the dial, from the conditional entropies inside and outside the block.",
    args=(entropy_in, entropy_out),
    stated=sp.log(sp.exp(entropy_in) + sp.exp(entropy_out)),
    stable=sp.Max(entropy_in, entropy_out) + log1p(sp.exp(-sp.Abs(entropy_in - entropy_out))),
    theorem="dial.entropy_peak",
    unit="nats",
)

_peak_w = sp.exp(-sp.Abs(entropy_in - entropy_out))
entropy_peak_mass = Formula(
    name="entropy_peak_mass",
    doc="Outside mass at which the entropy along the dial is greatest.",
    args=(entropy_in, entropy_out),
    stated=sp.exp(entropy_out) / (sp.exp(entropy_in) + sp.exp(entropy_out)),
    stable=sp.Piecewise((_peak_w, entropy_in >= entropy_out), (1, True)) / (1 + _peak_w),
    theorem="dial.entropy_peak_mass",
)

entropy_peak_dial = Formula(
    name="entropy_peak_dial",
    doc="Setting at which the entropy along the dial is greatest.",
    args=(content_advantage, beta),
    stated=-content_advantage / beta,
    stable=-content_advantage / beta,
    theorem="dial.entropy_peak_at",
)

_turn = beta * sp.Abs(dial - dial_other) / 4
continuity_bound = Formula(
    name="continuity_bound",
    doc="Greatest distance (norm) between a row's outputs at two settings; exact over all rows.",
    args=(D_x, beta, dial, dial_other),
    stated=D_x * (sp.exp(2 * _turn) - 1) / (sp.exp(2 * _turn) + 1),
    stable=D_x * sp.tanh(_turn),
    theorem="dial.continuity",
    unit="norm",
)

continuity_linear = Formula(
    name="continuity_linear",
    doc="Lipschitz form of the continuity bound (norm): D_x beta |d - d'|/4.",
    args=(D_x, beta, dial, dial_other),
    stated=D_x * _turn,
    stable=D_x * _turn,
    theorem="dial.continuity_linear",
    unit="norm",
)

frozen_entropy_floor = Formula(
    name="frozen_entropy_floor",
    doc="Least entropy (nats) of a frozen checkpoint's row at setting d, content scores within a range R > 0; "
    "may be negative (vacuous).",
    args=(n, score_range, beta, dial),
    stated=sp.log(n) - entropy.range_gap.stated.subs(score_range, score_range + beta * sp.Abs(dial)),
    stable=sp.log(n) - entropy.range_gap.stable.subs(score_range, score_range + beta * sp.Abs(dial)),
    theorem="dial.frozen_floor",
    unit="nats",
    domain=(score_range > 0,),
)

output_shift = Formula(
    name="output_shift",
    doc="Bound on the change of a row's output (norm) when attention is cut down to the block.",
    args=(eps, D_x),
    stated=eps * D_x,
    stable=eps * D_x,
    theorem="dial.cost_bound",
    unit="norm",
)

loss_shift = Formula(
    name="loss_shift",
    doc="Bound on the change of a query's loss when its attention is cut down to the block.",
    args=(G_loss, eps, D_x),
    stated=G_loss * eps * D_x,
    stable=G_loss * eps * D_x,
    theorem="dial.cost_loss",
    unit="loss",
)

divergence_of_cut = Formula(
    name="divergence_of_cut",
    doc="KL divergence (nats) of the attention cut down to the block from the whole attention, 0 <= eps < 1.",
    args=(eps,),
    stated=-sp.log(1 - eps),
    stable=-log1p(-eps),
    theorem="dial.cut_divergence",
    unit="nats",
    domain=(eps < 1,),
)

FORMULAS: tuple[Formula, ...] = (
    margin_at_dial,
    outside_mass_at,
    fidelity_at,
    dial_between,
    dial_for_outside_mass,
    entropy_slope,
    entropy_at,
    entropy_peak,
    entropy_peak_mass,
    entropy_peak_dial,
    continuity_bound,
    continuity_linear,
    frozen_entropy_floor,
    output_shift,
    loss_shift,
    divergence_of_cut,
)
