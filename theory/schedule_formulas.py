"""The formulas of the family `schedule`; the statements are in `theory.schedule`.

Products over layers that differ have no closed form; `theory.schedule_numbers` computes them, exactly or in balls. The formulas
here are for layers with one bound in common.
"""

from __future__ import annotations

import sympy as sp
from sympy.codegen.cfunctions import expm1, log1p

from theory.formula import Formula
from theory.symbols import degree, depth, dial_high, dial_low, last, layer, phi_low, power_sum, rise, value_gain, whole_degree

_span = dial_high - dial_low
_layers = last + 1
_one_layer_is_none = (last >= 1,)

schedule_dial = Formula(
    name="schedule_dial",
    doc="Dial of layer l >= 1 under a polynomial schedule of degree q from d_min (layer 0) to d_max (layer m_L).",
    args=(dial_low, dial_high, layer, last, degree),
    stated=dial_low + _span * (layer / last) ** degree,
    stable=dial_low + _span * (layer / last) ** degree,
    theorem="schedule.above",
    domain=_one_layer_is_none,
)

schedule_budget = Formula(
    name="schedule_budget",
    doc="Sum of the dials of all layers, from the power sum 1^p + ... + m_L^p; exact.",
    args=(dial_low, dial_high, last, whole_degree, power_sum),
    stated=_layers * dial_low + _span * power_sum / last**whole_degree,
    stable=_layers * dial_low + _span * (power_sum / last**whole_degree),
    theorem="schedule.budget",
    domain=_one_layer_is_none,
)


def _power_sum(word: str, degree_: int, stated: sp.Expr) -> Formula:
    return Formula(
        name=f"power_sum_{word}",
        doc=f"1^{degree_} + 2^{degree_} + ... + m_L^{degree_}; exact.",
        args=(last,),
        stated=stated,
        stable=stated,
        theorem=f"schedule.{word}",
    )


_m = last
power_sum_linear = _power_sum("linear", 1, _m * (_m + 1) / 2)
power_sum_quadratic = _power_sum("quadratic", 2, _m * (_m + 1) * (2 * _m + 1) / 6)
power_sum_cubic = _power_sum("cubic", 3, (_m * (_m + 1) / 2) ** 2)
power_sum_quartic = _power_sum("quartic", 4, _m * (_m + 1) * (2 * _m + 1) * (3 * _m**2 + 3 * _m - 1) / 30)
power_sum_quintic = _power_sum("quintic", 5, _m**2 * (_m + 1) ** 2 * (2 * _m**2 + 2 * _m - 1) / 12)
POWER_SUMS = (power_sum_linear, power_sum_quadratic, power_sum_cubic, power_sum_quartic, power_sum_quintic)

budget_floor = Formula(
    name="budget_floor",
    doc="Least dial budget of a schedule of real degree q >= 1 that does not fall; attained at degree 1.",
    args=(dial_low, dial_high, last, degree),
    stated=_layers * dial_low + _span * (last / (degree + 1) + sp.Rational(1, 2)),
    stable=_layers * dial_low + _span * (last / (degree + 1) + sp.Rational(1, 2)),
    theorem="schedule.budget_floor",
    domain=(*_one_layer_is_none, degree >= 1, dial_high >= dial_low),
)

budget_ceiling = Formula(
    name="budget_ceiling",
    doc="Greatest dial budget of a schedule of real degree q >= 1 that does not fall.",
    args=(dial_low, dial_high, last, degree),
    stated=_layers * dial_low + _span * (last / (degree + 1) + sp.Rational(1, 2) + degree / (8 * last)),
    stable=_layers * dial_low + _span * (last / (degree + 1) + sp.Rational(1, 2) + degree / (8 * last)),
    theorem="schedule.budget_ceiling",
    domain=(*_one_layer_is_none, degree >= 1, dial_high >= dial_low),
)

first_layer_above = Formula(
    name="first_layer_above",
    doc="First layer whose dial reaches d_min + rise (d_max - d_min), 0 < rise <= 1; exact only in exact arithmetic.",
    args=(last, rise, degree),
    stated=sp.ceiling(last * rise ** (1 / degree)),
    stable=sp.ceiling(last * rise ** (1 / degree)),
    theorem="schedule.above",
    unit="layers",
    domain=(rise > 0, rise <= 1),
)

rollout_bound = Formula(
    name="rollout_bound",
    doc="Bound on the rollout leak of L layers that each keep at least the share phi_L of attention in the block.",
    args=(phi_low, depth),
    stated=1 - phi_low**depth,
    stable=-expm1(depth * sp.log(phi_low)),
    theorem="schedule.rollout_uniform",
    domain=(phi_low > 0, phi_low <= 1),
)

_factor = (1 + value_gain * phi_low) / (1 + value_gain)
value_path_bound = Formula(
    name="value_path_bound",
    doc="Bound on the value-path leak, relative to (1 + w)^L, of L layers of in-block mass >= phi_L and value maps of norm <= w.",
    args=(phi_low, value_gain, depth),
    stated=1 - _factor**depth,
    stable=-expm1(depth * (log1p(value_gain * phi_low) - log1p(value_gain))),
    theorem="schedule.value_path_uniform",
    domain=(phi_low > 0, phi_low <= 1),
)

FORMULAS: tuple[Formula, ...] = (
    schedule_dial,
    schedule_budget,
    *POWER_SUMS,
    budget_floor,
    budget_ceiling,
    first_layer_above,
    rollout_bound,
    value_path_bound,
)
