"""The reported numbers and what they imply: against independent evaluations, at the rows that attain them, and seen to be refused."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, ctx

from checks.book.promises import PAPERS
from checks.experiments.implied_attention import CAUSAL_KEYS, KEYS, Rows, steepest
from checks.experiments.printed import DIGITS, bracket, corners, least_integer, outwards
from checks.experiments.published import PUBLISHED, EnclosureError, Implied, implications, implied, published, span
from theory import theorem_named

LN2 = math.log(2)
LOCALIST = (5.355 * LN2, 5.365 * LN2)


def entropy(weights):
    weights = weights[weights > 0]
    return float(-(weights * np.log(weights)).sum())


def two_level(n, g, t):
    scores = np.where(np.arange(n) < g, t, 0.0)
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def middle(one):
    return float(one.low + one.high) / 2


def test_digits_stand_for_half_a_unit_to_either_side():
    assert span("5.36") == (Fraction(5355, 1000), Fraction(5365, 1000))
    assert span("84") == (Fraction(167, 2), Fraction(169, 2))
    assert span("1e2") == (Fraction(50), Fraction(150))
    assert published("aila.accuracy").span == (Fraction(8465, 10000), Fraction(8475, 10000))
    with pytest.raises(ValueError, match="finite decimals"):
        span("NaN")
    with pytest.raises(KeyError, match=r"there are aila\.entropy_localist"):
        published("aila.nonsense")


def test_reported_numbers_are_of_papers_that_the_book_cites():
    numbers = {paper.number for paper in PAPERS}
    assert all(number.paper in numbers for number in PUBLISHED)
    assert len({number.name for number in PUBLISHED}) == len(PUBLISHED)
    assert {number.version for number in PUBLISHED if number.paper == "2511.18375"} == {"v1"}


def test_every_consequence_names_its_statements_assumptions_and_numbers():
    seen = set()
    for one in implications():
        key = one.name, tuple(sorted(one.at.items()))
        assert key not in seen
        seen.add(key)
        for name in one.theorems:
            assert theorem_named(name).kind != "counterexample"
        for name in one.reported:
            published(name)
        assert one.why
        assert one.statement
        assert one.theorems or one.assumes
        assert DIGITS in one.assumes or not one.reported
        assert "prove" not in one.statement
        if one.sense == "is":
            assert one.low is not None
            assert one.high is not None
            assert one.safe is None


def test_a_consequence_is_found_by_name_and_sizes():
    assert implied("aila.visible_keys").safe == 145.0
    with pytest.raises(KeyError, match=r"no consequence 'aila\.margin_localist'"):
        implied("aila.margin_localist", n=7)
    with pytest.raises(KeyError, match=r"there is aila\."):
        implied("nonsense")


def test_effective_keys_are_powers_of_two():
    for name, h in (("localist", 5.36), ("distributed", 7.18)):
        one = implied(f"aila.effective_keys_{name}")
        assert one.low < 2**h < one.high
        assert one.high - one.low < 0.01 * 2**h
    ratio = implied("aila.effective_keys_ratio")
    assert ratio.low < 2**1.81 * (1 + 1e-12)
    assert ratio.high > 2**1.83 * (1 - 1e-12)


def test_visible_keys_are_exact_integers_on_both_sides():
    """2^7.175 and the factorial against 2^(7.175 n), in integers: 1000 times the logarithms."""
    one, causal = implied("aila.visible_keys"), implied("aila.visible_keys_causal")
    for bits, n in ((7175, int(one.low)), (7185, int(one.high))):
        assert n**1000 > 2**bits > (n - 1) ** 1000
    for bits, n in ((7175, int(causal.low)), (7185, int(causal.high))):
        assert math.factorial(n) ** 1000 > 2 ** (bits * n)
        assert math.factorial(n - 1) ** 1000 < 2 ** (bits * (n - 1))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("setting", ["localist", "distributed"])
def test_margin_limits_are_attained_by_two_level_rows(causal, setting):
    """Float rows at the limit have the reported mean entropy; a margin past the limit leaves less, whatever the digits."""
    suffix = f"_{setting}_causal" if causal else f"_{setting}"
    low, high = (float(end) * LN2 for end in published(f"aila.entropy_{setting}").span)
    for n in (CAUSAL_KEYS if causal else KEYS)[:1]:
        for g in (1, 8, 32):
            limit = implied(f"aila.margin{suffix}", n=n, g=g)
            lengths = range(1, n + 1) if causal else (n,)

            def rows(t, g=g, lengths=lengths):
                return [two_level(m, min(g, m), t) for m in lengths]

            def mean(t, rows=rows):
                return float(np.mean([entropy(row) for row in rows(t)]))

            assert low - 1e-6 < mean(middle(limit)) < high + 1e-6
            assert mean(float(limit.high) + 1e-4) < low < high < mean(float(limit.low) - 1e-4)
            outside = float(np.mean([row[g:].sum() for row in rows(middle(limit))]))
            mass, fidelity = (implied(f"aila.{name}{suffix}", n=n, g=g) for name in ("outside_mass", "fidelity"))
            assert mass.low < outside < mass.high
            assert fidelity.low < 1 - outside < fidelity.high
            assert (mass.safe, fidelity.safe) == (mass.low, fidelity.high)


def test_no_row_of_the_reported_entropy_has_less_outside_mass():
    """Random rows, blocks of random sizes up to g, and mixtures of rows: the mean entropy at the printed value, the mass not below."""
    rng = np.random.default_rng(1)
    n, g = 512, 16
    least = float(implied("aila.outside_mass_localist", n=n, g=g).low)
    entropies, masses = [], []
    for _ in range(4000):
        keys, size = int(rng.integers(40, n + 1)), int(rng.integers(1, g + 1))
        scores = rng.normal(0, rng.uniform(0, 3), keys) + np.where(np.arange(keys) < size, rng.uniform(0, 9), 0.0)
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        entropies.append(entropy(weights))
        masses.append(float(weights[size:].sum()))
    entropies, masses = np.array(entropies), np.array(masses)
    assert (masses[entropies >= LOCALIST[0]] > least).all()
    for _ in range(300):
        chosen = rng.integers(0, len(masses), 20)
        if entropies[chosen].mean() >= LOCALIST[0]:
            assert masses[chosen].mean() > least


def test_a_block_that_has_the_entropy_by_itself_is_not_limited():
    for name in ("aila.margin_localist", "aila.outside_mass_localist", "aila.fidelity_localist"):
        one = implied(name, n=512, g=64)
        assert (one.low, one.high, one.safe) == (None, None, None)
    with ctx.workprec(128):
        first, second = Rows((512,), 41).limits(published("aila.entropy_localist").span)
    assert first is not None  # log2 41 = 5.3576: the digits do not tell
    assert second is None


def test_too_few_keys_for_the_entropy_are_refused():
    with ctx.workprec(128), pytest.raises(EnclosureError, match="40 keys have no mean entropy"):
        Rows((40,), 1).limits(published("aila.entropy_localist").span)


def test_ranges_are_needed_and_nearly_enough():
    """The two-level row of the least range, best size of its high tier: just below the limit its entropy is still too great."""
    for n in KEYS:
        one = implied("aila.range", n=n)

        def least(r, n=n):
            return min(entropy(two_level(n, k, r)) for k in range(1, n))

        assert least(float(one.low)) > LOCALIST[1]
        assert least(float(one.high) + 0.02) < LOCALIST[1]  # psi is the supremum over n; at these n it is nearly attained


def test_the_pointer_bound_is_convex_in_the_entropy():
    rng = np.random.default_rng(2)
    one = implied("aila.pointer_localist")
    entropies = rng.uniform(0, 2 * LOCALIST[1], 1000)
    entropies += LOCALIST[1] - entropies.mean()
    assert np.exp(-entropies).mean() > one.low
    assert one.low < 2**-5.36 < one.high


def test_no_row_falls_faster_along_the_dial():
    """Random rows with one block, turned by small and by great steps; the steepest is one key against equal others."""
    rng = np.random.default_rng(3)
    n = 512
    with ctx.workprec(128):
        slow, fast = (float(rate) for rate in steepest(n))
    assert slow <= fast < slow * (1 + 1e-9)
    for _ in range(400):
        size = int(rng.choice((1, 2, 8, 100)))
        scores = rng.normal(0, rng.uniform(0, 2), n) + np.where(np.arange(n) < size, rng.uniform(-3, 9), 0.0)
        turn = float(rng.choice((1e-3, 0.3, 2.0)))
        ends = []
        for more in (0.0, turn):
            weights = np.exp(scores + np.where(np.arange(n) < size, more, 0.0))
            ends.append(entropy(weights / weights.sum()))
        assert ends[0] - ends[1] <= fast * turn + 1e-12
    steep = [entropy(two_level(n, 1, t)) for t in np.arange(0.0, 12.0, 1e-3)]
    assert -np.diff(steep).min() / 1e-3 > slow * 0.999
    one = implied("aila.dial", n=n)
    assert 1.81 * LN2 / fast == pytest.approx(float(one.low), rel=1e-9)
    assert 1.83 * LN2 / slow == pytest.approx(float(one.high), rel=1e-9)


def test_perplexity_and_accuracy_against_models_made_for_it():
    """Models that attain each end: half on the truth at errors, everything at hits; and the other way round."""
    error, loss = 0.153, math.log(4.65)
    least = implied("aila.least_perplexity")
    assert least.low < math.exp(error * LN2) < least.high
    errors, hits = implied("aila.truth_at_errors"), implied("aila.truth_at_hits")
    assert errors.low < math.exp(-loss / error) < errors.high
    assert hits.low < math.exp(-(loss - error * LN2) / (1 - error)) < hits.high
    assert implied("aila.loss").low < loss < implied("aila.loss").high


def test_calibrated_models_attain_both_ends():
    """Half on each of two tokens a share 2 e of the time, else certain; and 1 - e on one token, the rest spread evenly."""
    error = 0.153
    assert implied("aila.calibrated_least").low < math.exp(2 * error * LN2) < implied("aila.calibrated_least").high
    for size in (256, 50_257):
        row = np.full(size, error / (size - 1))
        row[0] = 1 - error
        most, text = implied("aila.calibrated_most", V=size), implied("aila.text_entropy", V=size)
        assert most.low < math.exp(entropy(row)) < most.high
        assert text.low < entropy(row) < text.high
    assert implied("aila.calibrated_most", V=256).agrees is False
    assert implied("aila.calibrated_most", V=50_257).agrees is True


def test_random_calibrated_models_stay_between():
    """Predictions drawn at random are calibrated by definition when truths are drawn from them: exact means, no sampling of truths."""
    rng = np.random.default_rng(4)
    for size in (2, 5, 256):
        rows = rng.dirichlet(np.full(size, 0.3), 200)
        error, loss = 1 - rows.max(1).mean(), float(np.mean([entropy(row) for row in rows]))
        assert 2 * error * LN2 <= loss + 1e-12
        assert loss <= -error * math.log(error) - (1 - error) * math.log(1 - error) + error * math.log(max(size - 1, 1)) + 1e-12


def test_the_vocabulary_is_the_least():
    one = implied("aila.vocabulary")
    for size, error, perplexity in ((one.low, "0.1535", "4.645"), (one.high, "0.1525", "4.655")):
        with mpmath.workdps(40):
            e, x = mpmath.mpf(error), mpmath.mpf(perplexity)
            most = [-e * mpmath.log(e) - (1 - e) * mpmath.log(1 - e) + e * mpmath.log(int(v) - 1) for v in (size - 1, size)]
            assert most[0] < mpmath.log(x) < most[1]


def test_ratios_are_quotients_of_the_digits():
    baseline = implied("progressive.baseline")
    assert (baseline.low, baseline.high) == (Fraction(14635, 1895), Fraction(14645, 1885))
    low, high = baseline.floats
    assert Fraction(low) <= baseline.low
    assert baseline.high <= Fraction(high)
    assert high - low < 0.0463
    assert (round(low, 2), round(high, 2)) == (7.72, 7.77)
    assert implied("progressive.loss_gap").low < math.log(1.89) < implied("progressive.loss_gap").high


def test_only_the_fall_of_the_excess_agrees_with_the_reported_percentage():
    readings = [one for one in implications() if one.name.startswith("progressive.improvement_")]
    assert [one.name for one in readings if one.agrees] == ["progressive.improvement_excess"]
    assert implied("progressive.improvement_perplexity").high < 0.72
    excess = implied("progressive.improvement_excess")
    low, high = published("progressive.improvement").span
    assert excess.low < low < high < excess.high  # every value of the digits is possible


def test_corners_enclose_what_lies_inside():
    rng = np.random.default_rng(5)
    r, b, x = (published(f"progressive.{name}").span for name in ("ratio", "ratio_before", "perplexity"))
    for _ in range(200):
        at = [float(low + (high - low) * Fraction(rng.random())) for low, high in (r, b, x)]
        for name, value in {
            "perplexity": 1 - at[0] / at[1], "excess": 1 - (at[0] - 1) / (at[1] - 1), "growth": at[1] / at[0] - 1,
            "loss_excess": 1 - math.log(at[0]) / math.log(at[1]), "loss": 1 - math.log(at[2]) / math.log(at[2] * at[1] / at[0]),
        }.items():  # fmt: skip
            one = implied(f"progressive.improvement_{name}")
            assert one.low < value < one.high


def test_budgets_are_power_sums():
    for degree in range(1, 6):
        one = implied("progressive.dial_budget", degree=degree, layers=12)
        exact = Fraction(sum(k**degree for k in range(12)), 12 * 11**degree)
        assert one.low == exact == one.high


@pytest.mark.parametrize(("sense", "low", "high", "agrees"), [
    ("is", 5.0, 5.3, False), ("is", 5.3, 5.36, True), ("is", 5.4, 6.0, False), ("at least", 5.0, 5.1, True), ("at least", 5.4, 5.5, False),
    ("at most", 5.0, 5.1, False), ("at most", 5.4, None, True), ("at least", None, None, True),
])  # fmt: skip
def test_agreement_is_a_common_value(sense, low, high, agrees):
    low, high = (None if end is None else Fraction(str(end)) for end in (low, high))
    one = Implied("name", "words", sense, low, high, "bits", "why", ())
    assert one.agrees is None
    assert replace(one, against="aila.entropy_localist").agrees is agrees


def test_what_is_not_enclosed_is_refused():
    with pytest.raises(EnclosureError, match="is empty"):
        Implied("name", "words", "is", Fraction(2), Fraction(1), "1", "why", ())
    with pytest.raises(EnclosureError, match="no finite enclosure"):
        outwards(arb("nan"))
    with pytest.raises(EnclosureError, match="do not enclose"):
        bracket(lambda x: arb(1), Fraction(0), Fraction(1), arb(2))
    for first in (2, 3, 6):
        with pytest.raises(EnclosureError, match="not certainly"):
            least_integer(lambda n: arb(n) if n != 6 else arb(6, 3), arb(6.5), first)


def test_brackets_close_in_on_a_root_from_both_sides():
    with ctx.workprec(128):
        first, second = bracket(lambda x: arb(x.numerator) ** 2 / x.denominator**2, Fraction(0), Fraction(2), arb(2))
    assert first**2 < 2 < second**2
    assert second - first == Fraction(2, 2**60)
    assert corners(lambda x: -x, (Fraction(1), Fraction(2))) == (-2.0, -1.0)
    assert least_integer(lambda n: arb(n) ** 2, arb(50), 2) == 8
