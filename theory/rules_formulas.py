"""The numbers of the rules family, each once: as stated and as computed. The statements are in `theory.rules`."""

from __future__ import annotations

import sympy as sp
from sympy.codegen.cfunctions import expm1, log1p

from theory.export.python import kl_gap
from theory.formula import Formula
from theory.symbols import D_x, fidelity, fidelity0, phi, strength

# --- formulas: each number once, as stated and as computed ------------------------------------------------------------

_lift = sp.exp(strength)
_w = sp.exp(-sp.Abs(strength))  # never overflows
_open0 = (fidelity0 > 0, fidelity0 < 1)
_odds_out = (1 - fidelity0) / fidelity0 * _w  # odds against the rule's keys at a strength >= 0
_odds_in = fidelity0 / (1 - fidelity0) * _w  # odds for them at a strength < 0
AFTER = fidelity0 * _lift / (1 - fidelity0 + fidelity0 * _lift)
LOG_PARTITION = sp.log(1 + fidelity0 * (_lift - 1))

fidelity_with_rule = Formula(
    name="fidelity_with_rule",
    doc="Mass of a rule's keys after a rule of strength b (nats, any sign); F_0 is their mass before, 0 < F_0 < 1.",
    args=(fidelity0, strength),
    stated=AFTER,
    stable=sp.Piecewise((1 / (1 + _odds_out), strength >= 0), (_odds_in / (1 + _odds_in), True)),
    theorem="rules.fidelity",
    domain=_open0,
)

rule_strength = Formula(
    name="rule_strength",
    doc="The one strength (nats) that takes the mass of a rule's keys from F_0 to phi, both strictly between 0 and 1.",
    args=(fidelity0, phi),
    stated=sp.log(phi / (1 - phi)) - sp.log(fidelity0 / (1 - fidelity0)),
    stable=sp.log(phi) - log1p(-phi) - sp.log(fidelity0) + log1p(-fidelity0),
    theorem="rules.strength",
    unit="nats",
    domain=(*_open0, phi > 0, phi < 1),
)

# p ln(p/q) - p + q, summed over both sides: (p - q)/q and (q - p)/(1 - q) without the subtraction p - q. 1 - e^-|b| and the
# denominator are positive on both branches, and neither overflows.
_rise = -expm1(-sp.Abs(strength))
_step_in = sp.Piecewise(
    ((1 - fidelity0) * _rise / (fidelity0 + (1 - fidelity0) * _w), strength >= 0),
    (-((1 - fidelity0) * _rise) / (1 - fidelity0 + fidelity0 * _w), True),
)
_step_out = sp.Piecewise(
    (-(fidelity0 * _rise) / (fidelity0 + (1 - fidelity0) * _w), strength >= 0),
    (fidelity0 * _rise / (1 - fidelity0 + fidelity0 * _w), True),
)
rule_divergence = Formula(
    name="rule_divergence",
    doc="KL divergence (nats) of a row with a rule of strength b from the row without; F_0 is the mass of its keys before.",
    args=(fidelity0, strength),
    stated=AFTER * strength - LOG_PARTITION,
    stable=fidelity0 * kl_gap(_step_in) + (1 - fidelity0) * kl_gap(_step_out),
    theorem="rules.divergence_of_strength",
    unit="nats",
    domain=_open0,
)

binary_divergence = Formula(
    name="binary_divergence",
    doc="kl(F || F_0) (nats): the least KL divergence at which a set of mass F_0 gets mass F, both strictly between 0 and 1.",
    args=(fidelity, fidelity0),
    stated=fidelity * sp.log(fidelity / fidelity0) + (1 - fidelity) * sp.log((1 - fidelity) / (1 - fidelity0)),
    stable=fidelity0 * kl_gap((fidelity - fidelity0) / fidelity0)
    + (1 - fidelity0) * kl_gap((fidelity0 - fidelity) / (1 - fidelity0)),
    theorem="rules.divergence_binary",
    unit="nats",
    domain=(*_open0, fidelity > 0, fidelity < 1),
)

rule_divergence_cap = Formula(
    name="rule_divergence_cap",
    doc="b^2/8: no rule of strength b (nats) costs more divergence (nats), whatever the row.",
    args=(strength,),
    stated=strength**2 / 8,
    stable=strength**2 / 8,
    theorem="rules.divergence_cap",
    unit="nats",
)

_turn = sp.Abs(strength) / 4
rule_output_shift = Formula(
    name="rule_output_shift",
    doc="Greatest distance (norm) by which a rule of strength b moves a row's output; exact over all rows.",
    args=(D_x, strength),
    stated=D_x * (sp.exp(2 * _turn) - 1) / (sp.exp(2 * _turn) + 1),
    stable=D_x * sp.tanh(_turn),
    theorem="rules.output",
    unit="norm",
)

FORMULAS: tuple[Formula, ...] = (
    fidelity_with_rule,
    rule_strength,
    rule_divergence,
    binary_divergence,
    rule_divergence_cap,
    rule_output_shift,
)
