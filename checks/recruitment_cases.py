"""Cases of the family `recruitment`: from runs, finite experiments, trees of prefixes and sums of gains to values of symbols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import sympy as sp
from flint import arb, fmpq

from checks.claims import Case
from checks.enclosure import Value
from checks.recruitment_exact import Crossing, Gains, exact, finer_case, ln, precision
from theory import symbols as sym
from theory.recruitment_budget import admissible, budget, endless, streaming, termination, whole_count
from theory.recruitment_codes import compression, kraft, offset, parameter_cost
from theory.recruitment_learned import learned, regret
from theory.recruitment_power import delay, delay_sharp, power, power_variance
from theory.recruitment_sequential import all_time, ever, sequential
from theory.recruitment_time import mean_time_ceiling, mean_time_floor
from theory.theorem import Theorem

Emission = tuple[Theorem, Case]
Values = dict[sp.Symbol, Value]


# --- runs of recruitments --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ledger:
    """A run: description length at the start, then for each recruitment the rise before it, its decrease and what it needed."""

    start: Fraction
    rises: tuple[Fraction, ...]
    drops: tuple[Fraction, ...]
    needs: tuple[Fraction, ...]

    @property
    def end(self) -> Fraction:
        """The description length after the last recruitment."""
        return self.start + sum(self.rises) - sum(self.drops)


def run_cases(run: Ledger, origin: str) -> Iterator[Emission]:
    """The budget with the run's own rise and end as T and DL_inf; the others where the run is of their kind."""
    rise, need, count = sum(run.rises, Fraction(0)), sum(run.needs, Fraction(0)), len(run.needs)
    values: Values = {
        sym.dl_start: exact(run.start),
        sym.dl_end: exact(run.end),
        sym.dl_floor: exact(run.end),
        sym.rise_total: exact(rise),
        sym.rise_bound: exact(rise),
        sym.needed_total: exact(need),
        sym.recruited: count,
        sym.gain_excess: exact(min((d - n for d, n in zip(run.drops, run.needs, strict=True)), default=Fraction(0))),
    }
    exactly = {key: [str(x) for x in getattr(run, key)] for key in ("rises", "drops", "needs")} | {"start": str(run.start)}
    tight = run.drops == run.needs
    yield budget, Case(values, origin, exactly, extremal=tight)
    if tight:
        yield admissible, Case(values, origin, exactly, extremal=True)
        yield admissible, Case(values | {sym.dl_floor: exact(run.end - Fraction(7, 3))}, f"{origin}, lower floor", exactly)
    if run.rises == run.drops:
        yield endless, Case(values, origin, exactly)
    if count and len(set(run.needs)) == 1 and run.needs[0] > 0:
        constant = values | {sym.least_gain: exact(run.needs[0])}
        yield termination, Case(constant, origin, exactly, extremal=tight)
        yield whole_count, Case(constant, origin, exactly, extremal=tight)


def streaming_case(
    start: Fraction,
    costs: Sequence[Fraction],
    gain: Fraction,
    drops: Sequence[Fraction],
    origin: str,
    bound: Fraction | None = None,
) -> Emission:
    """A stream whose samples cost that much and whose recruitments lower the description length by `drops`."""
    greatest = max(costs)
    values: Values = {
        sym.dl_start: exact(start),
        sym.dl_end: exact(start + sum(costs) - sum(drops)),
        sym.samples: len(costs),
        sym.cost_greatest: exact(greatest),
        sym.cost_bound: exact(greatest if bound is None else bound),
        sym.least_gain: exact(gain),
        sym.recruited: len(drops),
        sym.gain_excess: exact(min((drop - gain for drop in drops), default=Fraction(0))),
    }
    tight = start + sum(costs) == len(drops) * gain and len(set(costs)) == 1 and set(drops) <= {gain}
    return streaming, Case(values, origin, [str(cost) for cost in costs[:8]], extremal=tight)


# --- finite experiments ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Experiment:
    """A law over outcomes, and codes (or likelihoods) for them with penalties given as weights e^-pen; all rational."""

    law: tuple[Fraction, ...]
    codes: tuple[tuple[Fraction, ...], ...]
    weights: tuple[Fraction, ...]

    def saving(self, ratio: Fraction) -> list[int]:
        """Outcomes on which some code saves ln(ratio) nats net of its penalty."""
        return [
            x
            for x, p in enumerate(self.law)
            if any(weight * code[x] >= ratio * p and code[x] > 0 for code, weight in zip(self.codes, self.weights, strict=True))
        ]

    def ratios(self) -> list[Fraction]:
        """The ratios at which the event changes: those of single outcomes."""
        found = {
            weight * code[x] / p
            for code, weight in zip(self.codes, self.weights, strict=True)
            for x, p in enumerate(self.law)
            if p > 0 and code[x] > 0
        }
        return sorted(found)


def experiment_cases(experiment: Experiment, ratio: Fraction, origin: str) -> Iterator[Emission]:
    """Kraft's bound for all codes; one code against the law; the greatest likelihood of them all, with and without its cost."""
    exactly = {
        "law": [str(p) for p in experiment.law],
        "codes": [[str(q) for q in code] for code in experiment.codes],
        "weights": [str(w) for w in experiment.weights],
        "ratio": str(ratio),
    }
    event = experiment.saving(ratio)
    rate = sum((experiment.law[x] for x in event), Fraction(0))
    kraft_sum = sum(experiment.weights, Fraction(0))
    masses = [sum((code[x] for x in event), Fraction(0)) for code in experiment.codes]
    tight = rate > 0 and rate * ratio == 1
    common: Values = {
        sym.false_rate: exact(rate),
        sym.candidate_mass: exact(max(masses)),
        sym.kraft_sum: exact(kraft_sum),
    }
    yield kraft, finer_case(lambda: common | {sym.threshold_nats: ln(ratio)}, origin, exactly, extremal=tight)
    for index, code in enumerate(experiment.codes[:2]):
        yield from single_cases(experiment.law, code, ratio, f"{origin}, code {index}", exactly)
    fitted = tuple(max(code[x] for code in experiment.codes) for x in range(len(experiment.law)))
    total = sum(fitted, Fraction(0))
    yield fitted_case(experiment.law, fitted, ratio, total, f"{origin}, fitted", exactly)


def single_cases(
    law: tuple[Fraction, ...], code: tuple[Fraction, ...], ratio: Fraction, origin: str, exactly: object = None
) -> Iterator[Emission]:
    """One code against the law, and against a current model whose excess is the greatest of ln(p/c)."""
    event = [x for x, p in enumerate(law) if code[x] >= ratio * p and code[x] > 0]
    rate, mass = (sum((part[x] for x in event), Fraction(0)) for part in (law, code))
    tight = rate > 0 and rate * ratio == 1
    values: Values = {sym.false_rate: exact(rate), sym.code_mass: exact(mass)}
    yield compression, finer_case(lambda: values | {sym.threshold_nats: ln(ratio)}, origin, exactly, extremal=tight)
    # the law in reverse as the current model: its excess is ln of the greatest ratio on outcomes that recruit
    current = law[::-1]
    recruits = [x for x, c in enumerate(current) if code[x] >= ratio * c and code[x] > 0 and c > 0]
    if recruits:
        worst = max(law[x] / current[x] for x in recruits)
        hit, its = (sum((part[x] for x in recruits), Fraction(0)) for part in (law, code))
        more: Values = {sym.false_rate: exact(hit), sym.code_mass: exact(its)}
        attained = hit > 0 and hit * ratio == worst
        bound = worst if attained else worst * Fraction(9, 8)  # balls do not decide an equality that nothing settles

        def against() -> Values:
            return more | {sym.threshold_nats: ln(ratio), sym.offset_worst: ln(worst), sym.offset_bound: ln(bound)}

        if worst > 0:
            yield offset, finer_case(against, f"{origin}, current model reversed", exactly, extremal=attained)


def fitted_case(
    law: tuple[Fraction, ...],
    fitted: tuple[Fraction, ...],
    ratio: Fraction,
    total: Fraction,
    origin: str,
    exactly: object = None,
) -> Emission:
    """Greatest likelihoods against the law, whose sum over all outcomes is `total`."""
    event = [x for x, p in enumerate(law) if fitted[x] >= ratio * p and fitted[x] > 0]
    rate, mass = (sum((part[x] for x in event), Fraction(0)) for part in (law, fitted))
    values: Values = {sym.false_rate: exact(rate), sym.code_mass: exact(mass), sym.fit_mass: exact(total)}
    tight = rate > 0 and rate * ratio == total
    return parameter_cost, finer_case(lambda: values | {sym.threshold_nats: ln(ratio)}, origin, exactly, extremal=tight)


# --- sequential tests ------------------------------------------------------------------------------------------------------------


def crossing_case(crossing: Crossing, origin: str) -> Emission:
    """First crossings of one threshold."""
    values: Values = {sym.false_rate: exact(crossing.law), sym.predictive_mass: exact(crossing.predictive)}
    exactly = {"ratio": str(crossing.ratio), "crossed": len(crossing.prefixes)}
    tight = crossing.law > 0 and crossing.law * crossing.ratio == 1
    return sequential, finer_case(lambda: values | {sym.threshold_nats: ln(crossing.ratio)}, origin, exactly, extremal=tight)


def many_cases(rates: Sequence[Fraction], alpha: Fraction, together: Fraction, origin: str) -> Iterator[Emission]:
    """Tests with these probabilities of false recruitment, any of them with probability `together`; the m-th is at most e^-K_m.

    The slack is what the greatest admissible threshold -ln(rate) of the worst test leaves; 0 where all have their greatest rate.
    """
    count = len(rates)
    shares = [rate * (m * (m + 1)) / alpha for m, rate in enumerate(rates, 1)]  # e^-slack
    worst = max(shares, default=Fraction(1))
    values: Values = {sym.any_false: exact(together), sym.tests: count, sym.level_false: exact(alpha)}
    exactly = {"rates": [str(rate) for rate in rates], "alpha": str(alpha)}
    tight = together == alpha * Fraction(count, count + 1)

    def make() -> Values:
        return values | {sym.threshold_slack: arb(0) if worst in (0, 1) else -ln(worst)}

    if worst <= 1:
        yield all_time, finer_case(make, origin, exactly, extremal=tight)
        yield ever, finer_case(make, origin, exactly)


# --- detection -------------------------------------------------------------------------------------------------------------------


def power_cases(gains: Gains, count: int, threshold: Fraction, origin: str) -> Iterator[Emission]:
    """What the test misses after `count` samples, against both bounds, and against delays with a target at that bound."""
    if not (gains.mean > 0 and count * gains.mean > threshold and gains.spread > 0):
        return
    exactly = {"high": str(gains.high), "low": str(gains.low), "chance": str(gains.chance), "K": str(threshold), "N": count}
    missed = gains.missed(count, threshold)
    plain: Values = {
        sym.miss: exact(missed),
        sym.samples: count,
        sym.gain_mean: exact(gains.mean),
        sym.threshold_nats: exact(threshold),
        sym.gain_range: exact(gains.spread),
        sym.gain_spread: exact(gains.spread),
    }

    yield power_variance, Case(plain | {sym.sum_covariance: fmpq(0)}, origin, exactly)
    independent = plain | {sym.cumulant_excess: fmpq(0)}
    yield power, Case(independent, origin, exactly)
    for theorem, needed in ((delay, _delay_level), (delay_sharp, _sharp_level)):
        level = needed(gains, count, threshold)
        if level is not None and 0 < level < 1:
            yield theorem, Case(independent | {sym.miss_level: exact(level)}, origin, exactly)


def _delay_level(gains: Gains, count: int, threshold: Fraction) -> Fraction | None:
    """The least delta (rounded up to a rational) for which `count` samples are enough by `recruitment.delay`."""
    if count * gains.mean <= 2 * threshold:  # an equality in one part of a maximum is not decided by the other, a ball
        return None
    return _rounded_up(count * (gains.mean / gains.spread) ** 2 / 2)


def _sharp_level(gains: Gains, count: int, threshold: Fraction) -> Fraction | None:
    """The same by `recruitment.delay_sharp`: c sqrt(N) <= N D - K, c = R sqrt(ln(1/delta)/2)."""
    if threshold <= 0:
        return None
    ahead = count * gains.mean - threshold
    return _rounded_up(2 * ahead**2 / (count * gains.spread**2))


def _rounded_up(rate: Fraction) -> Fraction | None:
    with precision(400):
        scaled = ((-arb(exact(rate))).exp() * arb(2) ** 96).ceil().unique_fmpz()
    return None if scaled is None else Fraction(int(scaled), 2**96)  # a multiple of 2^-96 not below


def stopping_cases(gains: Gains, threshold: Fraction, limit: int, origin: str) -> Iterator[Emission]:
    """Mean times of a test that stops on the threshold or gives up after `limit` samples; E S = D E N is checked here."""
    if gains.mean <= 0:
        return
    time, total, least, greatest, gave_up = gains.stopping(threshold, limit)
    assert total == gains.mean * time, "Wald's identity"  # a stopped sum of independent gains, exactly
    exactly = {"high": str(gains.high), "low": str(gains.low), "chance": str(gains.chance), "K": str(threshold), "limit": limit}
    top = max(gains.high, gains.low, Fraction(0))
    values: Values = {
        sym.mean_time: exact(time),
        sym.threshold_nats: exact(threshold),
        sym.gain_mean: exact(gains.mean),
        sym.gain_top: exact(top),
        sym.stop_least: exact(least),
        sym.stop_greatest: exact(greatest),
    }
    yield mean_time_ceiling, Case(values, origin, exactly, extremal=least == greatest == threshold + top)
    if not gave_up:
        yield mean_time_floor, Case(values, origin, exactly, extremal=least == greatest == threshold)


def walk_values(chance: Fraction, level: int) -> tuple[Fraction, Fraction]:
    """(E N, P_0(N < inf)) of the test that follows a coin of that chance > 1/2 against its mirror image to `level` heads ahead.

    Gains are +-z, z = ln(chance/(1 - chance)); the sum stops exactly on level z, so E N = level/(2 chance - 1), and under the mirror
    image, the current model, it ever gets there with probability e^(-level z).
    """
    return level / (2 * chance - 1), ((1 - chance) / chance) ** level


def walk_case(theorem: Theorem, chance: Fraction, level: int, alpha: Fraction | None, origin: str) -> Case:
    """That test as a case of `recruitment.optimality`; alpha is what it is by default, or a greater level."""
    time, false = walk_values(chance, level)
    odds = chance / (1 - chance)

    def make() -> Values:
        return {
            sym.mean_time: exact(time),
            sym.gain_mean: ln(odds) * exact(2 * chance - 1),
            sym.false_rate: exact(false),
            sym.level_false: exact(false if alpha is None else alpha),
        }

    return finer_case(make, origin, {"chance": str(chance), "level": level}, extremal=alpha is None)


def sequence_cases(ones: int, count: int, law: Fraction, origin: str, slack: Fraction | None = None) -> Iterator[Emission]:
    """A 0-1 sequence under Laplace's rule, the best coin, and a current model that gives it probability `law`."""
    fit = Fraction(ones**ones * (count - ones) ** (count - ones), count**count)
    rule = Fraction(1, (count + 1) * comb(count, ones))
    exactly = {"ones": ones, "samples": count, "law": str(law)}
    alike = ones in (0, count)
    share = slack or Fraction(1 if alike else 99, 1 if alike else 100)  # balls do not decide an equality that nothing settles

    def make() -> Values:
        return {
            sym.samples: count,
            sym.gain_fit: ln(fit / law),
            sym.gain_rule: ln(rule / law),
            sym.threshold_nats: ln(fit / law / (count + 1) * share),
        }

    yield regret, finer_case(make, origin, exactly, extremal=alike)
    yield learned, finer_case(make, origin, exactly, extremal=alike and share == 1)


def density_values(scale: Fraction, level: arb | fmpq) -> Values:
    """A Laplace density of that scale at its centre."""
    return {sym.density_scale: exact(scale), sym.code_level: level}


__all__ = [
    "Emission",
    "Experiment",
    "Ledger",
    "Values",
    "crossing_case",
    "density_values",
    "experiment_cases",
    "fitted_case",
    "many_cases",
    "power_cases",
    "run_cases",
    "sequence_cases",
    "single_cases",
    "stopping_cases",
    "streaming_case",
    "walk_case",
    "walk_values",
]  # fmt: skip
