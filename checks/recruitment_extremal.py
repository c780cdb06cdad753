"""Extremal cases of the family `recruitment`: equality cases first, then the nearest that a bound allows, then ordinary ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import comb

from flint import arb, fmpq

from checks.claims import Case
from checks.recruitment_cases import (
    Emission,
    Experiment,
    Ledger,
    Values,
    crossing_case,
    density_values,
    experiment_cases,
    many_cases,
    power_cases,
    run_cases,
    sequence_cases,
    single_cases,
    stopping_cases,
    streaming_case,
    walk_case,
)
from checks.recruitment_exact import Gains, exact, finer_case, first_crossings, ln, precision, shtarkov, steady
from checks.recruitment_run import Recruiter
from theory import symbols as sym
from theory.recruitment_budget import admissible, budget, density, endless, streaming, termination, whole_count
from theory.recruitment_codes import (
    compression,
    fitted,
    gaussian_fitted,
    kraft,
    lasso,
    lasso_recruits,
    offset,
    parameter_cost,
)
from theory.recruitment_learned import learned, regret
from theory.recruitment_power import delay, delay_sharp, power, power_variance
from theory.recruitment_sequential import all_time, ever, sequential
from theory.recruitment_time import mean_time_ceiling, mean_time_floor, optimality
from theory.theorem import Theorem

F = Fraction
MILLIONTH = F(1, 10**7)  # closer to a bound that is not attained than any control moves it


def _only(theorem: Theorem, emissions: Iterator[Emission] | list[Emission]) -> list[Case]:
    return [case for found, case in emissions if found is theorem]


# --- runs ------------------------------------------------------------------------------------------------------------------------

_SPENT = tuple(
    Ledger(F(start), tuple(F(rise) for rise in rises), tuple(F(need) for need in needs), tuple(F(need) for need in needs))
    for start, rises, needs in (
        (12, (0, 0, 0, 0), (3, 3, 3, 3)),
        (7, (1, -2, 3), (2, 2, 2)),
        (F(5, 2), (F(1, 2), 4), (F(7, 3), F(7, 3))),
        (4, (5, 1, 0), (1, 2, F(1, 3))),
        (-3, (2, -6), (F(3, 2), F(3, 2))),
        (40, (0,), (8,)),
    )
)  # fmt: skip
_GENEROUS = (
    Ledger(F(20), (F(1), F(0)), (F(5), F(9)), (F(4), F(4))),
    Ledger(F(10), (F(-1), F(2), F(0)), (F(3), F(2), F(5, 2)), (F(2), F(2), F(2))),
)
_UNDONE = tuple(
    Ledger(F(start), drops, drops, drops) for start, drops in ((2, (F(1),) * 5), (-4, (F(3), F(1, 2))), (F(7, 3), ()))
)


def _runs(theorem: Theorem) -> list[Case]:
    source = _UNDONE if theorem is endless else (*_SPENT, *_GENEROUS)
    return [case for index, run in enumerate(source) for case in _only(theorem, run_cases(run, f"run {index}"))]


def _counted(theorem: Theorem) -> list[Case]:
    """Budgets used up exactly, and budgets with a rest that pays for no further recruitment."""
    cases = []
    for start, floor, bound, gain in (
        (12, 0, 0, 3), (F(7, 2), F(1, 2), 2, F(5, 4)), (20, -1, 3, 4), (9, 4, -2, 1), (5, 5, 7, F(7, 2)), (1, 0, F(1, 10**7), 1),
        (1, 0, F(1, 2), F(1, 2)),
    ):  # fmt: skip
        count = int((F(start) - F(floor) + F(bound)) / F(gain))
        values: Values = {
            sym.dl_start: exact(F(start)), sym.dl_floor: exact(F(floor)), sym.rise_bound: exact(F(bound)),
            sym.rise_total: exact(F(bound)), sym.least_gain: exact(F(gain)), sym.recruited: count, sym.gain_excess: fmpq(0),
            sym.dl_end: exact(F(start) + F(bound) - count * F(gain)),
        }  # fmt: skip
        spent = (F(start) - F(floor) + F(bound)) == count * F(gain)
        cases.append(Case(values, f"budget {start} - {floor} + {bound}, gamma {gain}", None, spent or theorem is whole_count))
        less: Values = values | {sym.recruited: count - 1, sym.dl_end: exact(F(start) + F(bound) - (count - 1) * F(gain))}
        if count:
            cases.append(Case(less, f"budget {start} - {floor} + {bound}, gamma {gain}, one recruitment fewer"))
    return cases


def _streams() -> list[Case]:
    found = [
        streaming_case(F(0), [F(2)] * 6, F(3), [F(3)] * 4, "six samples of 2 pay for four recruitments of 3"),
        streaming_case(F(5), [F(1, 2)] * 4, F(7, 2), [F(7, 2)] * 2, "a start of 5 and four samples"),
        streaming_case(F(8), [F(4)], F(3, 4), [F(3, 4)] * 16, "one sample of 4 and a start of 8"),
        streaming_case(F(-1), [F(3)] * 3, F(2), [F(2)] * 4, "a start below 0"),
        streaming_case(F(1), [F(3), F(1)], F(2), [F(2)] * 2, "uneven samples"),
    ]
    return [case for _, case in found]


# --- codes -----------------------------------------------------------------------------------------------------------------------


def _certain(ratio: int) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
    """A law that gives 1/ratio to the outcome of which the code is certain."""
    return (F(1, ratio), 1 - F(1, ratio)), (F(1), F(0))


def _single(theorem: Theorem) -> list[Case]:
    cases = []
    for ratio in (2, 3, 20, 1000):
        law, code = _certain(ratio)
        cases += _only(theorem, single_cases(law, code, F(ratio), f"certain of an outcome of probability 1/{ratio}"))
    law, code = (F(1, 2), F(1, 4), F(1, 4)), (F(1, 8), F(1, 8), F(3, 4))
    cases += _only(theorem, single_cases(law, code, F(2), "three outcomes"))
    return cases


def _offsets() -> list[Case]:
    """Current models that give too little to what is likely: certain alternatives of a law and its current model."""
    cases = []
    for p, c in ((F(1, 2), F(1, 6)), (F(1, 3), F(1, 4)), (F(1, 5), F(1, 2)), (F(3, 4), F(1, 100)), (F(1, 2), F(1, 2))):
        for ratio in (1 / c, F(1, 2) / c):

            def make(p: Fraction = p, c: Fraction = c, ratio: Fraction = ratio) -> Values:
                bound = p / c if ratio * c == 1 else F(5, 4) * p / c
                return {sym.threshold_nats: ln(ratio), sym.offset_worst: ln(p / c), sym.offset_bound: ln(bound),
                        sym.false_rate: exact(p), sym.code_mass: fmpq(1)}  # fmt: skip

            cases.append(finer_case(make, f"law {p}, current model {c}, ratio {ratio}", extremal=ratio * c == 1))
    half: Values = {
        sym.offset_worst: fmpq(0),
        sym.offset_bound: fmpq(0),
        sym.false_rate: 1,
        sym.code_mass: fmpq(1, 2),
    }
    cases.append(finer_case(lambda: half | {sym.threshold_nats: ln(F(1, 2))}, "an alternative that gives half of everything"))
    return cases + _only(offset, single_cases((F(1, 2), F(1, 4), F(1, 4)), (F(1, 8), F(1, 8), F(3, 4)), F(2), "three outcomes"))


def _mixtures() -> list[Case]:
    cases = []
    for count in (1, 2, 8, 50):
        law = (F(1, count * 3),) * count + (F(2, 3),)
        codes = tuple(tuple(F(int(x == own)) for x in range(count + 1)) for own in range(count))
        experiment = Experiment(law, codes, (F(1, count),) * count)
        cases += _only(kraft, experiment_cases(experiment, F(3), f"{count} candidates, each certain of its own outcome"))
    experiment = Experiment((F(1, 2), F(1, 2)), ((F(1, 4), F(3, 4)), (F(9, 10), F(1, 10))), (F(1, 3), F(1, 4)))
    return cases + _only(kraft, experiment_cases(experiment, F(1, 3), "two candidates"))


def coin_case(count: int, ratio: Fraction, total: Fraction, origin: str) -> Emission:
    """All sequences of `count` tosses of a fair coin, against the best coin of each: `recruitment.parameter_cost` with their sum."""
    fits = [F(k**k * (count - k) ** (count - k), count**count) for k in range(count + 1)]
    event = [k for k in range(count + 1) if fits[k] * 2**count >= ratio]
    rate = sum((F(comb(count, k), 2**count) for k in event), F(0))
    mass = sum((comb(count, k) * fits[k] for k in event), F(0))
    values = {sym.false_rate: exact(rate), sym.code_mass: exact(mass), sym.fit_mass: exact(total)}
    case = finer_case(
        lambda: values | {sym.threshold_nats: ln(ratio)}, origin, {"tosses": count}, extremal=rate * ratio == total and rate > 0
    )
    return parameter_cost, case


def _fits() -> list[Case]:
    """Everything on what saves exactly K: two tosses with both alike, one toss, and the sum over all tosses as an ordinary case."""
    cases = [coin_case(1, F(2), shtarkov(1), "one toss: it always saves ln 2, and C is 2")[1]]
    for count in (2, 3, 5):
        alike = F(2)  # two sequences of likelihood 1
        cases.append(coin_case(count, F(2) ** count, alike, f"{count} tosses, all alike")[1])
        cases.append(coin_case(count, F(2), shtarkov(count), f"{count} tosses, C = {shtarkov(count)}")[1])
    return cases


def lasso_case(weight: Fraction, radius: Fraction, norms: Sequence[Fraction], origin: str) -> Case:
    """Candidates with these norms and penalty weight * norm; exact but for the exponentials."""

    def make() -> Values:
        return {
            sym.lam: exact(weight), sym.candidate_ball: exact(radius), sym.candidates: len(norms), sym.recruit_norm: exact(max(norms)),
            sym.kraft_sum: sum(((-arb(exact(weight * norm))).exp() for norm in norms), arb(0)),
        }  # fmt: skip

    return finer_case(make, origin, {"norms": [str(norm) for norm in norms[:8]], "weight": str(weight)})


def _norms() -> list[Case]:
    """Balls and numbers of candidates just above e^(lam rho), all on the sphere, and ordinary ones."""
    cases = []
    for many in (2, 3, 8, 20):
        top = int((arb(many).log() * 2**40).floor().unique_fmpz() or 0)  # e^(lam rho) just below `many`
        cases.append(lasso_case(F(1), F(top, 2**40), [F(top, 2**40)] * many, f"{many} candidates on the sphere"))
        cases.append(lasso_case(F(1, 2), F(1), [F(0), F(1, 2)] * many, f"{2 * many} candidates in a ball"))
    return cases


# --- tests -----------------------------------------------------------------------------------------------------------------------


def _trees() -> list[Case]:
    """Codes that are certain of what comes: every crossing is exact; and a learned code on a fair coin."""
    cases = []
    for chance, length in ((F(1, 2), 1), (F(1, 2), 5), (F(1, 3), 3), (F(1, 10), 2)):
        law, code = steady((chance, 1 - chance)), steady((F(1), F(0)))
        crossing = first_crossings(law, code, (1 / chance) ** length, length)
        cases.append(crossing_case(crossing, f"certain of {length} tokens of probability {chance}")[1])
    crossing = first_crossings(steady((F(1, 2), F(1, 2))), steady((F(3, 5), F(2, 5))), F(3, 2), 8)
    return [*cases, crossing_case(crossing, "a coin of 3/5 against a fair one")[1]]


def _many(theorem: Theorem) -> list[Case]:
    cases = []
    for alpha in (F(1, 20), F(1, 2), F(9, 10)):
        for count in (0, 1, 2, 7, 3000):
            rates = [alpha / (m * (m + 1)) for m in range(1, count + 1)]
            together = alpha * F(count, count + 1)
            cases += _only(theorem, many_cases(rates, alpha, together, f"{count} tests at their greatest rates, alpha {alpha}"))
    cases += _only(theorem, many_cases([F(1, 100), F(1, 1000)], F(1, 20), F(1, 91), "two rare tests"))
    if theorem is ever:
        for alpha in (F(1, 20), F(1, 2)):
            count = 10**8
            values: Values = {
                sym.any_false: exact(alpha * F(count, count + 1)), sym.tests: count, sym.level_false: exact(alpha),
                sym.threshold_slack: fmpq(0),
            }  # fmt: skip
            cases.append(Case(values, f"{count} tests, alpha {alpha}"))
    return cases


# --- detection -------------------------------------------------------------------------------------------------------------------


def _powers(theorem: Theorem) -> list[Case]:
    """One fair gain with the threshold just above its lower value, long sums, nearly certain ones."""
    cases = []
    for high, low in ((F(3), F(-1)), (F(2), F(-1)), (F(7, 2), F(1, 2)), (F(5), F(2)), (F(1), F(1, 2))):
        gains = Gains(high, low, F(1, 2))
        for above in (MILLIONTH**2, F(1, 8)):
            cases += _only(theorem, power_cases(gains, 1, low + above, f"one gain of {high} or {low}, K = {low} + {above}"))
    for gains, count, threshold in (
        (Gains(F(1), F(-1), F(3, 5)), 50, F(3)), (Gains(F(1), F(-1), F(3, 5)), 200, F(3)), (Gains(F(1, 5), F(-1, 5), F(9, 10)), 30, F(1)),
        (Gains(F(1), F(-1), F(501, 1000)), 1, F(1, 10**4)), (Gains(F(4), F(-2), F(2, 3)), 9, F(5)),
    ):  # fmt: skip
        cases += _only(theorem, power_cases(gains, count, threshold, f"{gains}, {count} samples, K = {threshold}"))
    return cases


def _rare(theorem: Theorem) -> list[Case]:
    """One gain that is almost surely the lower of two values, K between it and the mean: the bound and the miss are both near 1."""
    cases = _powers(theorem)
    for low in (F(0), F(2), F(1, 2)):
        gains = Gains(low + 1, low, F(1, 10**9))
        cases += _only(theorem, power_cases(gains, 1, low + F(2, 5 * 10**9), f"{low}, or {low + 1} with probability 10^-9"))
    long = Gains(F(1), F(-1), F(3, 5))
    cases += _only(theorem, power_cases(long, 625, F(62), "625 gains of +-1, K just below half their mean sum"))
    return cases


def _stops(theorem: Theorem) -> list[Case]:
    cases = []
    for gains, threshold in (
        (Gains(F(1), F(1), F(1)), F(5)), (Gains(F(3, 2), F(3, 2), F(1)), F(9, 2)), (Gains(F(1, 3), F(1, 3), F(1)), F(4)),
        (Gains(F(2), F(1), F(1, 2)), F(7)), (Gains(F(2), F(1), F(1, 3)), F(3)),
        (Gains(F(1), F(1), F(1)), F(4) + MILLIONTH**2), (Gains(F(5, 2), F(5, 2), F(1)), F(5, 2) + MILLIONTH**2),
        (Gains(F(1, 2), F(1, 2), F(1)), F(1, 2) * MILLIONTH**2),
    ):  # fmt: skip
        cases += _only(theorem, stopping_cases(gains, threshold, 40, f"{gains}, K = {threshold}"))
    return cases


def _overshoots() -> list[Case]:
    """Every stop exactly on K + b: looking before the threshold is known, K + b in one gain of b from a sum just at K."""
    cases = []
    for threshold, top, mean in ((F(3), F(2), F(1, 2)), (F(1, 2), F(1, 4), F(3)), (F(9), F(0), F(2)), (F(2), F(7), F(5, 3))):
        values = {
            sym.mean_time: exact((threshold + top) / mean), sym.threshold_nats: exact(threshold), sym.gain_top: exact(top),
            sym.gain_mean: exact(mean), sym.stop_greatest: exact(threshold + top),
        }  # fmt: skip
        cases.append(Case(values, f"all stops on {threshold} + {top}", None, True))
    return cases + _stops(mean_time_ceiling)


def _walks() -> list[Case]:
    exactly = [walk_case(optimality, F(chance, 20), level, None, f"walk of chance {chance}/20 to {level}")
               for chance, level in ((11, 1), (12, 8), (15, 3), (19, 2))]  # fmt: skip
    return [*exactly, walk_case(optimality, F(3, 5), 4, F(1, 2), "a level of 1/2 that is not used up")]


def _sequences(theorem: Theorem) -> list[Case]:
    cases = []
    for ones, count in ((0, 1), (1, 1), (0, 12), (40, 40), (3, 10), (25, 50)):
        for law in (F(1, 2**count), F(2, 5**count)):
            cases += _only(theorem, sequence_cases(ones, count, law, f"{ones} ones of {count}, law {law}"))
    cases += _only(theorem, sequence_cases(0, 1, F(9, 10), "one zero, nearly certain under the current model"))
    if theorem is learned:
        cases += _only(theorem, sequence_cases(9, 10, F(1, 2**10), "nine ones of ten, a smaller threshold", F(1, 2)))
        cases += _only(theorem, sequence_cases(0, 12, F(1, 2**12), "twelve zeros, a smaller threshold", F(1, 2)))
    return cases


def _densities() -> list[Case]:
    cases = []
    for level in (-100, -3, F(1, 2), 1, 2, 5):
        fine = 2 ** (80 - min(0, 3 * int(level) // 2))
        with precision(600):
            near = F(int((arb(exact(F(level))).exp() / 2 * fine).floor().unique_fmpz() or 0), fine)  # just below e^level/2
        cases.append(Case(density_values(near, exact(F(level))), f"just below e^{level}/2"))
        cases.append(Case(density_values(near / 3, exact(F(level))), f"below e^{level}/2"))
    return cases


# --- real text -------------------------------------------------------------------------------------------------------------------


def text_cases(state: Recruiter, origin: str) -> Iterator[Emission]:
    """A run of the mechanism: description length 0 before the first token; every recruitment recodes what came since the last.

    The recoded stream is a prequential code, so its length is at least 0; requirements are the thresholds of the crossed tests.
    """
    count = len(state.recruited)
    needs, gains = (sum((getattr(found.test, key) for found in state.recruited), arb(0)) for key in ("threshold", "gain"))
    spare = [found.test.gain - found.test.threshold for found in state.recruited]
    values: Values = {
        sym.dl_start: fmpq(0), sym.dl_end: state.length - gains, sym.dl_floor: fmpq(0), sym.rise_total: state.length,
        sym.rise_bound: state.length, sym.needed_total: needs,
        sym.gain_excess: min(spare, key=lambda ball: ball.mid(), default=fmpq(0)),
    }  # fmt: skip
    exactly = {"tokens": state.tokens, "recruited": [found.name for found in state.recruited]}
    yield budget, Case(values, origin, exactly, True)  # T is the rise itself: the hypothesis holds with equality
    if count:
        least = min((found.test.threshold for found in state.recruited), key=lambda ball: ball.mid())
        more: Values = {
            sym.recruited: count, sym.least_gain: least, sym.samples: state.tokens, sym.cost_greatest: state.costliest,
            sym.cost_bound: state.costliest,
        }  # fmt: skip
        yield streaming, Case(values | more, origin, exactly, True)


EXTREMAL: dict[str, Callable[[], list[Case]]] = {
    budget.name: lambda: _runs(budget),
    termination.name: lambda: _counted(termination),
    whole_count.name: lambda: _counted(whole_count),
    streaming.name: _streams,
    admissible.name: lambda: _runs(admissible),
    endless.name: lambda: _runs(endless),
    density.name: _densities,
    compression.name: lambda: _single(compression),
    parameter_cost.name: _fits,
    kraft.name: _mixtures,
    offset.name: _offsets,
    lasso.name: _norms,
    sequential.name: _trees,
    all_time.name: lambda: _many(all_time),
    ever.name: lambda: _many(ever),
    power_variance.name: lambda: _powers(power_variance),
    power.name: lambda: _rare(power),
    delay.name: lambda: _rare(delay),
    delay_sharp.name: lambda: _rare(delay_sharp),
    mean_time_floor.name: lambda: _stops(mean_time_floor),
    mean_time_ceiling.name: _overshoots,
    optimality.name: _walks,
    regret.name: lambda: _sequences(regret),
    learned.name: lambda: _sequences(learned),
} | {theorem.name: lambda: [Case({}, "numbers")] for theorem in (fitted, gaussian_fitted, lasso_recruits)}

_POSITIVE = {"bits for nats on the left": "ln 2 times the left side is above the right side as well"}
ALSO_TRUE: dict[str, dict[str, str]] = {theorem.name: _POSITIVE for theorem in (fitted, gaussian_fitted, lasso_recruits)} | {
    offset.name: {
        "pen_b for -K_t + pen_b": "it claims less for K >= 0, and for K < 0 the current model's probabilities sum to at most 1"
    },
    optimality.name: {"alpha_r of the other sign": "the logarithm of a negative number: it claims nothing at all"},
}
