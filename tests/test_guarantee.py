"""Guarantees against an independent evaluation: mpmath and fractions, typed from the statements, not through our formulas."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from flint import arb, ctx, fmpq
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_config import GRADIENT, QK, REMOVE, changed

import theory
from checks.commands_threshold import json_text
from theory.config import ConfigError, from_mapping
from theory.guarantee import SIDES, Guarantee, guarantee
from theory.rounding import LARGEST, TINIEST, decimal_places, decimal_text, round_ball, round_end, round_fraction

LOSS = Fraction(1, 10**12)
SMALLEST_NORMAL = Fraction(2) ** -1022


def reference(data: dict[str, Any]) -> dict[str, Any]:
    """The guaranteed values as fractions, or mpmath numbers of 2500 digits where exp and log enter, from the statements' text."""
    a, x, loss, dial, train = (data[k] for k in ("attention", "norms", "loss", "dial", "training"))
    F = Fraction
    n, g, tau = a["keys"], a["block"], F(a["temperature"])
    G = F(loss["readout_diameter"] if loss["kind"] == "cross-entropy" else loss["gradient"])
    B, leak = F(x["block_input"]), F(x["leak"])
    D_c, B_c = F(x.get("block_diameter", 2 * B)), F(x.get("mean_block_norm", B))
    if a["parametrisation"] == "bilinear":
        widest, rho = D_c * B_c, F(x["content"])
    else:
        D_X = F(x.get("input_diameter", 2 * F(x["input"])))
        widest = max(F(x["key"]) * D_X * B_c, F(x["query"]) * F(x["input"]) * D_c)
        rho = F(x["query"]) * F(x["key"])
    bound = G * F(x["value_diameter"]) * widest / (4 * tau)
    lead = rho * (B + leak) ** 2 / tau
    t = F(dial["strength"]) * F(dial["setting"]) - lead
    steps, rest = divmod(F(train["initial_norm"]), F(train["step"]) * F(train["slack"]))

    def mp(f: Fraction) -> Any:
        return mpmath.mpf(f.numerator) / f.denominator

    with mpmath.workdps(400):
        # Written so that neither 1 - E nor ln Z loses the small term, whatever t.
        ratio = mp(F(n - g, g)) * mpmath.exp(-mp(t))
        E = 1 / (1 + 1 / ratio)
        fidelity = 1 / (1 + ratio)
        Z = g + (n - g) * mpmath.exp(-mp(t))
        entropy = mpmath.log(Z) + mp(t) * E if t > 0 else mpmath.log(n)
        if t > 0 and g == 1 and t > 300:
            entropy = mpmath.log1p(ratio) + mp(t) * E
        setting = None
        if "target" in data:
            target = data["target"]
            eps = F(target["outside_mass"]) if "outside_mass" in target else 1 - F(target["fidelity"])
            need = mp(lead) + mpmath.log(mp(F(n - g, g) * (1 - eps) / eps))
            setting = max(mpmath.mpf(0), need / mp(F(dial["strength"])))
        return {
            "penalty_threshold": bound,
            "penalty": bound + F(train["slack"]),
            "extinction_steps": steps + (rest > 0),
            "margin": t,
            "outside_mass": E,
            "fidelity": fidelity,
            "entropy_nats": entropy,
            "entropy_bits": entropy / mpmath.log(2),
            "dial_for_target": setting,
        }


def as_fraction(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    sign, mantissa, exponent, _ = value._mpf_
    if exponent < -20000:  # far below every float
        return Fraction(0) if not mantissa else (-1) ** sign * Fraction(2) ** -20000
    return (-1) ** sign * int(mantissa) * Fraction(2) ** exponent


def assert_safe(result: Guarantee, data: dict[str, Any]) -> None:
    expected = reference(data)
    assert result.extinction_steps == expected["extinction_steps"]
    assert result.vacuous == (expected["margin"] <= 0)
    for name, side in SIDES.items():
        value, exact = getattr(result, name), expected[name]
        if exact is None:
            assert value is None
            continue
        truth = as_fraction(exact)
        gap = Fraction(value) - truth if side == "up" else truth - Fraction(value)
        # The reference itself is good to 400 digits, and its own last digit may be on either side.
        assert gap >= -abs(truth) / 10**380, (name, value, float(truth))
        if abs(truth) >= SMALLEST_NORMAL:
            assert gap <= LOSS * abs(truth), (name, value, float(truth))
        else:
            assert abs(value) <= 2 * float(SMALLEST_NORMAL)


norm = st.one_of(st.just(0.0), st.floats(1e-12, 1e12), st.floats(0.01, 10), st.integers(0, 5))
positive = st.one_of(st.floats(1e-9, 1e9), st.floats(0.01, 10), st.sampled_from([0.1, 0.05, 1, 0.5, 1e-3]))
counts = st.one_of(st.tuples(st.integers(2, 40), st.integers(1, 40)), st.tuples(st.integers(2, 10**9), st.integers(1, 10**9)))
inside = st.one_of(st.floats(1e-300, 0.5), st.floats(1e-9, 1 - 1e-9), st.sampled_from([0.5, 0.25, 1e-3, 1 - 2.0**-53]))


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    n, g = draw(counts)
    g = 1 + (g - 1) % (n - 1)
    tame = draw(st.booleans())  # half of the time content and dial of similar size, so that every branch is met
    size = st.floats(0.01, 4) if tame else norm
    B = draw(size)
    content = {"content": draw(size)} if draw(st.booleans()) else {"query": draw(size), "key": draw(size)}
    finer = {name: draw(norm) for name in ("block_diameter", "mean_block_norm", "input_diameter") if draw(st.booleans())}
    loss = (
        {"kind": "cross-entropy", "readout_diameter": draw(norm)}
        if draw(st.booleans())
        else {"kind": "gradient", "gradient": draw(norm)}
    )
    data: dict[str, Any] = {
        "attention": {
            "keys": n,
            "block": g,
            "temperature": draw(st.floats(0.1, 10) if tame else positive),
            "parametrisation": "bilinear" if "content" in content else "qk",
        },
        "norms": {
            "input": draw(norm),
            "block_input": B,
            "leak": draw(st.sampled_from([0, B, B / 3, B * 1e-9])),
            "value_diameter": draw(norm),
            **content,
            **finer,
        },
        "loss": loss,
        "dial": {
            "strength": draw(positive if not tame else st.floats(0.5, 2)),
            "setting": draw(st.one_of(st.floats(-10, 750), st.sampled_from([0, 1, 700.0]))),
        },
        "training": {"step": draw(positive), "slack": draw(positive), "initial_norm": draw(norm)},
    }
    target = draw(st.sampled_from(["", "outside_mass", "fidelity"]))
    if target:
        data["target"] = {target: draw(inside)}
    return data


NO_CONTENT = ("norms.content", 0.0)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(configurations())
@example(changed())
@example(changed(*QK, *GRADIENT))
@example(changed(("dial.setting", 4.0)))  # margin exactly 0: a uniform row
@example(changed(("dial.setting", 0), NO_CONTENT, ("norms.value_diameter", 0)))
@example(changed(("attention.keys", 10**9), ("attention.block", 1), ("dial.setting", 704.0)))
@example(changed(("attention.keys", 10**9), ("attention.block", 10**9 - 1), ("dial.setting", 704.0)))
@example(changed(("attention.block", 1), ("dial.setting", 5000.0), ("target.outside_mass", 1e-300)))
@example(changed(("dial.setting", -5000.0)))
@example(changed(("dial.setting", math.nextafter(4.0, 5)), ("target.outside_mass", 5e-324)))
@example(changed(("attention.keys", 16), ("target.outside_mass", 0.5)))  # a rational dial
@example(changed(("attention.keys", 16), NO_CONTENT, ("target.outside_mass", 0.5)))  # dial 0 exactly
@example(changed(("target.outside_mass", 0.999)))  # no dial needed
@example(changed(("norms.content", 1e150), ("norms.block_input", 1e-70), ("norms.input", 1e100)))
@example(changed(("training.initial_norm", 0.3), ("training.step", 0.1), ("training.slack", 0.1)))
def test_every_value_is_safe_and_within_one_part_in_a_million_million(data: dict[str, Any]) -> None:
    assert_safe(guarantee(from_mapping(data)), data)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(configurations())
@example(changed(("attention.keys", 16), ("target.outside_mass", 0.5)))
def test_dial_for_target_is_the_smallest_float_that_reaches_it(data: dict[str, Any]) -> None:
    data["target"] = data.get("target", {"outside_mass": 1e-3})
    setting = guarantee(from_mapping(data)).dial_for_target
    assert setting is not None
    assert math.copysign(1, setting) == 1
    target = data["target"]
    eps = Fraction(target["outside_mass"]) if "outside_mass" in target else 1 - Fraction(target["fidelity"])

    def reaches(d: float) -> bool:
        there = reference({**data, "dial": {**data["dial"], "setting": d}})["margin"]
        n, g = data["attention"]["keys"], data["attention"]["block"]
        odds = Fraction(n - g, g) * (1 - eps) / eps
        with mpmath.workdps(400):
            return bool(
                mpmath.mpf(there.numerator) / there.denominator >= mpmath.log(mpmath.mpf(odds.numerator) / odds.denominator)
            )

    assert reaches(setting)
    assert setting == 0 or not reaches(math.nextafter(setting, 0))
    if "outside_mass" in target:
        at = {**data, "dial": {**data["dial"], "setting": setting}}
        assert guarantee(from_mapping(at)).outside_mass <= target["outside_mass"]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(configurations())
def test_printed_decimals_are_safe_as_they_stand(data: dict[str, Any]) -> None:
    result = guarantee(from_mapping(data))
    printed = json.loads(json_text(result), parse_float=Decimal)
    expected = reference(data)
    for name, side in SIDES.items():
        if printed[name] is None:
            continue
        assert float(printed[name]) == getattr(result, name)
        truth = as_fraction(expected[name])
        gap = Fraction(Decimal(printed[name])) - truth
        assert (gap if side == "up" else -gap) >= -abs(truth) / 10**380, name


def test_because_names_theorem_hypotheses_and_reason() -> None:
    good, vacuous = (
        guarantee(from_mapping(changed())),
        guarantee(from_mapping(changed(("dial.setting", 4.0), ("target", REMOVE)))),
    )
    values = {"extinction_steps", *SIDES}
    assert set(good.because) == set(vacuous.because) == values
    assert not good.vacuous
    assert all(b.vacuous is None and b.hypotheses and "." in b.theorem for b in good.because.values())
    assert vacuous.vacuous
    for name in ("margin", "outside_mass", "fidelity", "entropy_nats", "entropy_bits"):
        assert "not positive" in str(vacuous.because[name].vacuous)
    assert vacuous.because["penalty"].vacuous is None
    assert vacuous.because["dial_for_target"].vacuous == "no [target] is given"
    assert vacuous.dial_for_target is None
    assert vacuous.entropy_bits == 6.0  # log2 64, exactly
    assert vacuous.outside_mass == 0.875  # (n - g)/n, exactly
    qk = guarantee(from_mapping(changed(*QK)))
    assert qk.because["penalty_threshold"].theorem == "threshold.gradient_qk"
    statements = {statement.name for statement in theory.theorems()}
    named = {reason.theorem for reasons in (good.because, qk.because) for reason in reasons.values()}
    assert not named - statements, f"no such statements: {named - statements}"


def test_strictly_above_the_threshold() -> None:
    result = guarantee(from_mapping(changed(("training.slack", 1e-30))))
    assert Fraction(result.penalty) >= reference(changed())["penalty_threshold"] + Fraction(1e-30)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ((("norms.value_diameter", 1e200), ("loss.readout_diameter", 1e200)), "penalty_threshold"),
        ((("training.slack", LARGEST), ("loss.readout_diameter", 1e300)), "penalty"),
        ((("norms.content", 1e300), ("norms.block_input", 1e100)), "margin"),
        ((("dial.strength", 1e-308), ("norms.content", 1e300), ("norms.input", 1.0)), "dial_for_target"),
    ],
)
def test_a_value_beyond_float64_is_refused_not_infinite(changes: tuple[Any, ...], field: str) -> None:
    with pytest.raises(ConfigError, match="beyond the float64 range") as caught:
        guarantee(from_mapping(changed(*changes)), "big.toml")
    assert caught.value.field == field


def test_rounding_of_fractions() -> None:
    third = Fraction(1, 3)
    up, down = round_fraction(third, "up"), round_fraction(third, "down")
    assert Fraction(down) < third < Fraction(up)
    assert math.nextafter(down, 1) == up
    assert round_fraction(Fraction(1, 2), "up") == round_fraction(Fraction(1, 2), "down") == 0.5
    tiny, huge = Fraction(1, 10**400), Fraction(10) ** 400
    assert (round_fraction(tiny, "up"), round_fraction(tiny, "down")) == (TINIEST, 0.0)
    assert (round_fraction(-tiny, "up"), round_fraction(-tiny, "down")) == (0.0, -TINIEST)
    assert (round_fraction(huge, "up"), round_fraction(huge, "down")) == (math.inf, LARGEST)
    assert (round_fraction(-huge, "up"), round_fraction(-huge, "down")) == (-LARGEST, -math.inf)


def test_decimals_with_fixed_places_lie_on_their_side() -> None:
    assert decimal_places(fmpq(5, 2), "up", 3) == decimal_places(fmpq(5, 2), "down", 3) == "2.500"
    third = arb(1) / 3
    assert (decimal_places(third, "down", 4), decimal_places(third, "up", 4)) == ("0.3333", "0.3334")
    assert (decimal_places(-third, "down", 4), decimal_places(-third, "up", 4)) == ("-0.3334", "-0.3333")
    assert decimal_places(fmpq(1, 10), "up", 1) == decimal_places(fmpq(1, 10), "down", 1) == "0.1"
    assert decimal_places(fmpq(2 * 10**30 + 1, 2), "up", 0).replace(",", "") == str(10**30 + 1)
    assert decimal_places(arb(2) ** 100, "up", 0) == decimal_places(arb(2) ** 100, "down", 0) == f"{2**100:,}"
    assert decimal_places(arb(1234567), "down", 1) == "1,234,567.0"
    wide = arb(1, 0.25)  # all of the ball, not its middle
    assert float(decimal_places(wide, "down", 2)) <= 0.75 < 1.25 <= float(decimal_places(wide, "up", 2))
    assert (decimal_places(arb("nan"), "up", 2), decimal_places(arb("nan"), "down", 2)) == ("inf", "-inf")
    with pytest.raises(ArithmeticError, match="too large to be written"):
        decimal_places(arb(2) ** (10**9), "up", 2)


def test_rounding_of_balls() -> None:
    with ctx.workprec(64):
        far = (-(arb(10) ** 300)).exp()
        assert round_end(far.upper(), "up") == TINIEST
        assert round_end(far.upper(), "down") == 0.0
        assert round_end(-far.upper(), "down") == -TINIEST
        beyond = arb(100000).exp()
        assert round_end(beyond.lower(), "up") == math.inf
        assert round_end(beyond.lower(), "down") == LARGEST
        assert round_end(-beyond.lower(), "up") == -LARGEST
    assert round_ball(lambda: arb(1) / 3, "up") == round_fraction(Fraction(1, 3), "up")
    assert round_ball(lambda: arb(2).sqrt() ** 2, "up") == math.nextafter(2.0, 3)  # no precision tells: safe, one float off
    with pytest.raises(ArithmeticError, match="no finite enclosure"):
        round_ball(lambda: arb("nan"), "up")


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["up", "down"]), st.sampled_from([None, 3, 12]))
@settings(max_examples=300, deadline=None, derandomize=True)
@example(0.1, "up", None)
@example(-0.0, "up", 12)
@example(5e-324, "down", None)
@example(1e23, "up", 3)
def test_decimals_are_on_their_side(value: float, side: Any, digits: int | None) -> None:
    text = decimal_text(value, side, digits)
    difference = Fraction(Decimal(text)) - Fraction(value)
    assert difference >= 0 if side == "up" else difference <= 0
    assert abs(difference) <= abs(Fraction(value)) * Fraction(10) ** (1 - (digits or 15))
    if digits is None:
        assert float(text) == value
