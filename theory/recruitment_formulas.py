"""The formulas of the family `recruitment`; the statements are in `theory.recruitment`. Everything is in nats and samples."""

from __future__ import annotations

import sympy as sp

from theory.formula import Formula
from theory.symbols import (
    dl_floor,
    dl_start,
    fit_mass,
    gain_mean,
    gain_range,
    gain_top,
    k_step,
    least_gain,
    level_false,
    miss_level,
    rise_bound,
    samples,
    test_number,
    tests,
    threshold_nats,
)

_moved = samples * gain_mean - threshold_nats  # by how much the mean sum of the gains passes the threshold
_surprise = -sp.log(miss_level)  # ln(1/delta)
_spread = gain_range * sp.sqrt(_surprise / 2)

recruitment_threshold = Formula(
    name="recruitment_threshold",
    doc="K_m = ln(m (m + 1)/alpha): nats that the alternative of the m-th test must save before it is recruited.",
    args=(test_number, level_false),
    stated=sp.log(test_number * (test_number + 1) / level_false),
    stable=sp.log(test_number * (test_number + 1) / level_false),
    theorem="recruitment.all_time",
    unit="nats",
    domain=(level_false > 0, level_false < 1),
    reading={k_step: test_number - 1},
)

false_recruitment = Formula(
    name="false_recruitment",
    doc="e^-K: greatest probability that one test of threshold K recruits although the current model is the law of the data.",
    args=(threshold_nats,),
    stated=sp.exp(-threshold_nats),
    stable=sp.exp(-threshold_nats),
    theorem="recruitment.sequential",
)

false_recruitment_ever = Formula(
    name="false_recruitment_ever",
    doc="alpha M/(M + 1): greatest probability of any false recruitment in the first M tests with thresholds K_m.",
    args=(tests, level_false),
    stated=level_false * tests / (tests + 1),
    stable=level_false * tests / (tests + 1),
    theorem="recruitment.all_time",
    domain=(level_false > 0, level_false < 1),
)

fitted_recruitment = Formula(
    name="fitted_recruitment",
    doc="C e^-K: the same for a block that was fitted to the data it is scored on, whose greatest likelihoods sum to C.",
    args=(threshold_nats, fit_mass),
    stated=fit_mass * sp.exp(-threshold_nats),
    stable=fit_mass * sp.exp(-threshold_nats),
    theorem="recruitment.parameter_cost",
)

recruitment_budget = Formula(
    name="recruitment_budget",
    doc="(DL_0 - DL_inf + T)/gamma: no more recruitments than this, each of which lowers the description length by gamma.",
    args=(dl_start, dl_floor, rise_bound, least_gain),
    stated=(dl_start - dl_floor + rise_bound) / least_gain,
    stable=(dl_start - dl_floor + rise_bound) / least_gain,
    theorem="recruitment.termination",
    unit="recruitments",
    domain=(least_gain > 0,),
)

miss_probability = Formula(
    name="miss_probability",
    doc="exp(-2 (N D - K)^2/(N R^2)): greatest probability that N samples do not reach the threshold K < N D.",
    args=(samples, gain_mean, threshold_nats, gain_range),
    stated=sp.exp(-2 * _moved**2 / (samples * gain_range**2)),
    stable=sp.exp(-2 * (_moved / gain_range) ** 2 / samples),
    theorem="recruitment.power",
    domain=(gain_mean > 0, gain_range > 0, samples * gain_mean > threshold_nats),
)

miss_probability_variance = Formula(
    name="miss_probability_variance",
    doc="N R^2/(N R^2 + 4 (N D - K)^2): the same from the variance alone; gains need only be uncorrelated.",
    args=(samples, gain_mean, threshold_nats, gain_range),
    stated=samples * gain_range**2 / (samples * gain_range**2 + 4 * _moved**2),
    stable=1 / (1 + (2 * _moved / gain_range) ** 2 / samples),
    theorem="recruitment.power_variance",
    domain=miss_probability.domain,
)

detection_samples = Formula(
    name="detection_samples",
    doc="max(2 K/D, 2 R^2 ln(1/delta)/D^2): samples after which the threshold is reached with probability 1 - delta.",
    args=(threshold_nats, gain_mean, gain_range, miss_level),
    stated=sp.Max(2 * threshold_nats / gain_mean, 2 * gain_range**2 * _surprise / gain_mean**2),
    stable=sp.Max(2 * threshold_nats / gain_mean, 2 * (gain_range / gain_mean) ** 2 * _surprise),
    theorem="recruitment.delay",
    unit="samples",
    domain=(gain_mean > 0, gain_range > 0, miss_level > 0, miss_level < 1),
)

detection_root = Formula(
    name="detection_root",
    doc="(c + sqrt(c^2 + 4 D K))/(2 D), c = R sqrt(ln(1/delta)/2): root of a sharper number of samples for the same.",
    args=(threshold_nats, gain_mean, gain_range, miss_level),
    stated=(_spread + sp.sqrt(_spread**2 + 4 * gain_mean * threshold_nats)) / (2 * gain_mean),
    stable=(_spread + sp.sqrt(_spread**2 + 4 * gain_mean * threshold_nats)) / (2 * gain_mean),
    theorem="recruitment.delay_sharp",
    unit="sqrt(samples)",
    domain=(threshold_nats >= 0, gain_mean > 0, gain_range > 0, miss_level > 0, miss_level < 1),
)

mean_delay_floor = Formula(
    name="mean_delay_floor",
    doc="K/D: least mean number of samples until the threshold K is reached.",
    args=(threshold_nats, gain_mean),
    stated=threshold_nats / gain_mean,
    stable=threshold_nats / gain_mean,
    theorem="recruitment.mean_time_floor",
    unit="samples",
    domain=(gain_mean > 0,),
)

mean_delay = Formula(
    name="mean_delay",
    doc="(K + b)/D: greatest mean number of samples until the threshold K is reached, no gain above b.",
    args=(threshold_nats, gain_mean, gain_top),
    stated=(threshold_nats + gain_top) / gain_mean,
    stable=(threshold_nats + gain_top) / gain_mean,
    theorem="recruitment.mean_time",
    unit="samples",
    domain=(gain_mean > 0,),
)

laplace_regret = Formula(
    name="laplace_regret",
    doc="ln(N + 1): nats that Laplace's rule of succession loses at most to the best coin in hindsight.",
    args=(samples,),
    stated=sp.log(samples + 1),
    stable=sp.log(samples + 1),
    theorem="recruitment.regret",
    unit="nats",
)

FORMULAS: tuple[Formula, ...] = (
    recruitment_threshold,
    false_recruitment,
    false_recruitment_ever,
    fitted_recruitment,
    recruitment_budget,
    miss_probability,
    miss_probability_variance,
    detection_samples,
    detection_root,
    mean_delay_floor,
    mean_delay,
    laplace_regret,
)
