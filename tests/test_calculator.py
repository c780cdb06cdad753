"""The calculator of the book: JavaScript against Python, digit by digit; the page as a reader uses it, in headless Chromium."""

from __future__ import annotations

import json
import math
import random
import re
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from browser import chromium
from click.testing import CliRunner
from flint import arb, ctx
from running_error import OutOfRangeError, RunningError
from test_config import BAD, EXAMPLE, GOOD, GRADIENT, QK, REMOVE, changed
from test_export import FORMULAS, points
from test_threshold_command import random_rows

import theory
import theory.formulas as generated
from checks.book.text import anchor
from checks.commands_threshold import threshold
from theory import config as configurations
from theory.config import CHOICES, FIELDS, RELATIONS, RULES, ConfigError, from_mapping
from theory.export.javascript import RESERVED, function_source, letter
from theory.export.python import PrintError
from theory.fields import READING, SECTION_NAMES, Field
from theory.guarantee import SIDES, guarantee
from theory.namespaces import FLINT, MATH
from theory.reasons import HYPOTHESES, LABELS, REASONS
from theory.rounding import decimal_text, round_ball, round_fraction
from theory.symbols import MEANINGS, g, n, t

STATIC = Path(__file__).parent.parent / "book" / "_static"
PAGE = STATIC.parent / "thresholds.md"
NUMERIC = ("formulas.js", "numbers.js", "enclosures.js", "guarantee.js")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


def raw_html() -> str:
    """What the page brings as HTML: the two homes, the words for a browser without scripts, and the scripts."""
    return "\n".join(
        re.findall(r"^```\{raw\} html\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    )


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page without the book's theme: its HTML and its style, opened as a file."""
    path = tmp_path_factory.mktemp("calculator") / "page.html"
    style = f'<link rel="stylesheet" href="{(STATIC / "calculator.css").as_uri()}">'
    path.write_text(
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Thresholds</title>'
        f"{style}</head><body><h1>Thresholds</h1>{raw_html().replace('_static/', STATIC.as_uri() + '/')}</body></html>",
        encoding="utf-8",
    )
    return path


def opened_page(browser: Any, harness: Path) -> Iterator[Any]:
    """The page in a window of its own; a script error or a request for anything but files fails the test."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "request", lambda r: None if r.url.startswith(("file:", "blob:", "data:")) else wrong.append(f"asked for {r.url}")
    )
    opened.goto(harness.as_uri())
    yield opened
    context.close()
    assert wrong == []


@pytest.fixture
def page(browser: Any, harness: Path) -> Iterator[Any]:
    yield from opened_page(browser, harness)


@pytest.fixture(scope="module")
def scripts(browser: Any, harness: Path) -> Iterator[Any]:
    """One page for all tests that only call functions."""
    yield from opened_page(browser, harness)


# --- configurations as TOML ------------------------------------------------------------------------------------------


def toml_of(data: dict[str, Any]) -> str:
    def plain(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        return f'"{value}"' if isinstance(value, str) else repr(value)

    loose = [f"{name} = {plain(value)}" for name, value in data.items() if not isinstance(value, dict)]
    tables = [
        "\n".join([f"[{name}]", *(f"{field} = {plain(value)}" for field, value in table.items())])
        for name, table in data.items()
        if isinstance(table, dict)
    ]
    return "\n".join([*loose, *tables]) + "\n"


def rows_as_data(count: int, seed: int) -> Iterator[dict[str, Any]]:
    for row in random_rows(count, seed):
        data: dict[str, dict[str, Any]] = {}
        for field, cell in zip(FIELDS, row, strict=True):
            if cell:
                section, _, name = field.partition(".")
                reading = READING[field]
                words = not isinstance(reading, Field)
                whole = not words and MEANINGS[reading.letter].domain == "count"
                data.setdefault(section, {})[name] = cell if words else int(cell) if whole else float(cell)
        yield data


EDGES = [
    *(changed(*changes) for changes in GOOD),
    changed(*QK, *GRADIENT),
    changed(("dial.setting", 4.0)),
    changed(("dial.setting", 0), ("norms.content", 0.0), ("norms.value_diameter", 0)),
    changed(("attention.keys", 10**9), ("attention.block", 1), ("dial.setting", 704.0)),
    changed(("attention.keys", 10**9), ("attention.block", 10**9 - 1), ("dial.setting", 704.0)),
    changed(("attention.block", 1), ("dial.setting", 5000.0), ("target.outside_mass", 1e-300)),
    changed(("dial.setting", -5000.0)),
    changed(("dial.setting", 1e300)),
    changed(("dial.setting", -1e300)),
    changed(("dial.setting", math.nextafter(4.0, 5)), ("target.outside_mass", 5e-324)),
    changed(("attention.keys", 16), ("target.outside_mass", 0.5)),
    changed(("attention.keys", 16), ("norms.content", 0.0), ("target.outside_mass", 0.5)),
    changed(("target.outside_mass", 0.999)),
    changed(("target.outside_mass", REMOVE), ("target.fidelity", 1 - 2.0**-53)),
    changed(("norms.content", 1e150), ("norms.block_input", 1e-70), ("norms.input", 1e100)),
    changed(("norms.content", 2**53 + 1)),
    changed(("norms.content", 10**300)),
    changed(("training.initial_norm", 0.3), ("training.step", 0.1), ("training.slack", 0.1)),
    changed(("training.initial_norm", 1e300), ("training.step", 1e-300)),
    changed(("norms.value_diameter", 1e200), ("loss.readout_diameter", 1e200)),  # beyond float64
    changed(("training.slack", 1.7976931348623157e308), ("loss.readout_diameter", 1e300)),
    changed(("norms.content", 1e300), ("norms.block_input", 1e100)),
    changed(("dial.strength", 1e-308), ("norms.content", 1e300), ("norms.input", 1.0)),
]


def expected(data: dict[str, Any]) -> dict[str, Any]:
    """What the command line says: values, the decimals of table and JSON, verdicts and sentences; or the refusal."""
    try:
        result = guarantee(from_mapping(data))
    except ConfigError as error:
        return {"field": error.field, "reason": error.reason}
    values = result.as_dict()
    return {
        "values": {name: values[name] for name in SIDES},
        "steps": str(result.extinction_steps),
        "vacuous": result.vacuous,
        "decimals": {
            name: None if values[name] is None else [decimal_text(values[name], side, 12), decimal_text(values[name], side)]
            for name, side in SIDES.items()
        },
        "because": json.loads(json.dumps(values["because"])),
    }


IN_PAGE = """(texts) => texts.map((text) => {
  const { configuration, decimalText, fromToml, guarantee, Refusal } = localist;
  try {
    const result = guarantee(fromToml(text));
    const bounded = Object.entries(configuration.results).filter(([, { side }]) => side !== null);
    const decimals = ([name, { side }]) =>
      [name, result[name] === null ? null : [decimalText(result[name], side, 12), decimalText(result[name], side)]];
    return {
      values: Object.fromEntries(bounded.map(([name]) => [name, result[name]])),
      steps: String(result.extinction_steps),
      vacuous: result.vacuous,
      decimals: Object.fromEntries(bounded.map(decimals)),
      because: result.because,
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { field: error.field, reason: error.reason };
  }
})"""


def differences(page: Any, cases: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[tuple[int, str, Any, Any]]:
    """(case, what, JavaScript's, Python's) wherever the two are not the same: numbers bit for bit, texts letter for letter."""
    found = []
    for i, (got, want) in enumerate(zip(page.evaluate(IN_PAGE, [toml_of(case) for case in cases]), wanted, strict=True)):
        if got.keys() != want.keys():
            found.append((i, "outcome", got, want))
        elif "values" in want:
            # A whole double comes back as an integer that is its shortest decimal, not its value; float() makes it the double again.
            ours = {name: None if value is None else float(value) for name, value in got["values"].items()}
            found += [(i, name, ours[name], value) for name, value in want["values"].items() if ours[name] != value]
            found += [
                (i, name, got[name], want[name])
                for name in ("steps", "vacuous", "decimals", "because")
                if got[name] != want[name]
            ]
        elif got != want:
            found.append((i, "refusal", got, want))
    return found


CASES = [*EDGES, *rows_as_data(1000, seed=17)]


@pytest.fixture(scope="module")
def wanted() -> list[dict[str, Any]]:
    return [expected(case) for case in CASES]


def test_a_thousand_configurations_give_the_same_numbers_digits_verdicts_and_sentences(scripts: Any, wanted: Any) -> None:
    assert differences(scripts, CASES, wanted) == []
    good = [case for case, want in zip(CASES, wanted, strict=True) if "values" in want]
    assert len(good) >= 1000
    # The cases reach what there is to reach: both of everything that is chosen, vacuous ones and others, both targets and none.
    for field, _, choice in CHOICES:
        section, _, name = field.partition(".")
        assert sum(name in case[section] for case in good) > 100, (field, choice)
    assert min(sum(want.get("vacuous") is side for want in wanted) for side in (True, False)) > 100
    assert all(sum(name in case.get("target", {}) for case in good) > 100 for name in ("outside_mass", "fidelity"))
    assert sum("target" not in case for case in good) > 100
    assert sum("reason" in want for want in wanted) >= 4


CHAIN = {
    "loss_gradient_ce": {"penalty_threshold", "penalty"},
    "gradient_bound_bilinear": {"penalty_threshold", "penalty"},
    "gradient_bound_qk": {"penalty_threshold", "penalty"},
    "extinction_steps": {"steps"},
    "content_bound": {"dial_for_target"},
    "margin_bilinear": {"margin", "outside_mass", "fidelity", "entropy_nats", "entropy_bits"},
    "margin_qk": {"margin", "outside_mass", "fidelity", "entropy_nats", "entropy_bits"},
    "outside_mass_bound": {"outside_mass"},
    "fidelity_bound": {"fidelity"},
    "entropy_ceiling": {"entropy_nats", "entropy_bits"},
    "dial_for_outside_mass": {"dial_for_target"},
}


@pytest.mark.parametrize("name", CHAIN)
def test_a_planted_change_of_one_part_in_a_million_is_caught(name: str, scripts: Any, wanted: Any) -> None:
    scripts.evaluate(
        """(name) => {
          const whole = localist.formulas[name];
          localist.formulas[name] = (xp, ...rest) => xp.mul(whole(xp, ...rest), xp.rational(1000001, 1000000));
          localist.undo = () => { localist.formulas[name] = whole; };
        }""",
        name,
    )
    cases = slice(len(EDGES), len(EDGES) + 60)
    found = differences(scripts, CASES[cases], wanted[cases])
    scripts.evaluate("() => localist.undo()")
    assert differences(scripts, CASES[cases], wanted[cases]) == []
    assert {what for _, what, _, _ in found} >= CHAIN[name]
    assert {what for _, what, _, _ in found} <= CHAIN[name] | {"decimals", "because", "vacuous", "outcome"}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("formulas.js", "xp.rational(4, 1)", "xp.rational(5, 1)"),
        ("guarantee.js", 'roundFraction(bound, "up")', 'roundFraction(bound, "down")'),
        ("guarantee.js", "twice(B))", "B)"),
        ("guarantee.js", "vacuous: margin.p <= 0n", "vacuous: margin.p < 0n"),
        ("enclosures.js", "term * small) >> s) / i", "term * small) >> s) / (i + 1n)"),
        ("numbers.js", 'side === "up") !== negative', 'side === "up") === negative'),
    ],
)
def test_a_planted_change_of_the_text_is_caught(file: str, old: str, new: str, browser: Any, wanted: Any) -> None:
    sources = {name: (STATIC / name).read_text(encoding="utf-8") for name in NUMERIC}
    assert old in sources[file]
    sources[file] = sources[file].replace(old, new)
    context = browser.new_context()
    page = context.new_page()
    for source in sources.values():
        page.add_script_tag(content=source)
    try:
        assert differences(page, CASES[:80], wanted[:80])
    finally:
        context.close()


@pytest.mark.parametrize(("changes", "field", "says"), BAD, ids=lambda x: str(x)[:60])
def test_bad_configurations_are_refused_alike(changes: Any, field: str, says: str, scripts: Any) -> None:
    data = changed(*changes)
    got = scripts.evaluate(IN_PAGE, [toml_of(data)])[0]
    want = expected(data)
    assert "reason" in got, got
    assert (got["field"], got["reason"]) == (want["field"], want["reason"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[attention", "neither"),
        ("[attention]\nkeys 64", "neither"),
        ("[attention]\n[attention]", "twice"),
        ("[attention]\nkeys = 1\nkeys = 2", "twice"),
        ("[attention]\nkeys = 007", "cannot read"),
        ("[attention]\nkeys = {a = 1}", "cannot read"),
        ("[attention]\nkeys = 1979-05-27", "cannot read"),
    ],
)
def test_what_is_not_toml_or_more_of_it_than_needed_is_refused(text: str, says: str, scripts: Any) -> None:
    assert says in scripts.evaluate(IN_PAGE, [text])[0]["reason"]


def test_toml_numerals_mean_what_they_mean_to_tomllib(scripts: Any) -> None:
    texts = ["1_000", "+5", "-0", "0x1F", "0o17", "0b101", "1e5", "6.626e-34", "-0.5", "1_0.2_5", "5e-324", str(2**70), "9.0"]
    bad = ["01", "1.", ".5", "1__0", "0x", "1e", "--1", "e5", "1,5", ""]
    for text in texts:
        value = tomllib.loads(f"a = {text}")["a"]
        kind, shown = scripts.evaluate("(t) => [typeof localist.numeral(t), String(localist.numeral(t))]", text)
        assert kind == ("bigint" if isinstance(value, int) else "number")
        assert (int if isinstance(value, int) else float)(shown) == value
    for text in bad:
        assert scripts.evaluate("(t) => localist.numeral(t) === undefined", text)


# --- the formulas and the numbers below them -----------------------------------------------------------------------


CANCELLING: set[str] = set()  # formulas with sums of both signs, whose own rounding is more than 1e-12 of a value near 0


def test_every_formula_agrees_with_python_in_doubles(scripts: Any) -> None:
    """Within the rounding of the form in both engines, kernels within 4 ulp; and to 1e-12 of the value but for cancellation."""
    for formula in FORMULAS:
        places = [tuple(float(v) for v in point) for point in points(formula)]
        values = scripts.evaluate(
            "([name, places]) => places.map((p) => localist.formulas[name](localist.NUMBER, ...p))", [formula.name, places]
        )
        function = getattr(generated, formula.name)
        compared = close = 0
        for place, value in zip(places, map(float, values), strict=True):
            with ctx.workprec(1600):
                try:
                    tracked = function(RunningError(), *place)
                except OutOfRangeError:
                    continue
                budget = tracked.error if hasattr(tracked, "error") else arb(0)
            ours = float(function(MATH, *place))
            with ctx.workprec(400):
                assert value == ours or bool(abs(arb(value) - arb(ours)) <= 2 * budget), (formula.name, place, value, ours)
            compared += 1
            close += abs(value - ours) <= 1e-12 * abs(ours)
        assert compared >= len(places) / 2, formula.name
        assert close == compared or formula.name in CANCELLING, (
            f"{formula.name}: {compared - close} values differ by over 1e-12"
        )
        nan = scripts.evaluate(
            "([name, k]) => localist.formulas[name](localist.NUMBER, ...Array(k).fill(NaN))", [formula.name, len(formula.args)]
        )
        assert not formula.args or nan != nan


def test_enclosures_hold_the_exact_value_and_are_narrow(scripts: Any) -> None:
    rng = random.Random(5)
    arguments = {
        "exp": [0.0, 1.0, -1.0, -1e-300, -700.0, -1e9, *(rng.uniform(-60, 40) for _ in range(60))],
        "log": [1.0, 2.0, 0.5, 5e-324, 1.7e308, 1 + 2.0**-52, *(10 ** rng.uniform(-20, 20) for _ in range(60))],
        "sqrt": [0.0, 1.0, 2.0, 4.0, 5e-324, 1e300, *(10 ** rng.uniform(-30, 30) for _ in range(30))],
        "tanh": [0.0, 1e-5, -3.0, 300.0, -1e9, *(rng.uniform(-5, 5) for _ in range(30))],
        "expm1": [0.0, 1e-5, -1e9, *(rng.uniform(-5, 5) for _ in range(30))],
        "sinh": [0.0, 1e-5, *(rng.uniform(-5, 5) for _ in range(30))],
        "cosh": [0.0, 1e-5, *(rng.uniform(-5, 5) for _ in range(30))],
        "ceil": [0.0, 2.0, 2.5, -2.5, 1e-300, 1e300],
        "log1p": [0.0, 1.0, -0.5, 1e-300, -1e-300, 1e-17, -1 + 2.0**-53, *(10 ** rng.uniform(-30, 3) for _ in range(60))],
    }  # fmt: skip
    for name, values in arguments.items():
        for bits in (53, 128, 700):
            ends = scripts.evaluate(
                """([name, values, bits]) => values.map((value) => {
                  const xp = localist.enclosures(bits);
                  const { lo, hi } = xp[name](xp.numbers(value)[0]);
                  return [lo, hi].map(({ m, e }) => [m.toString(), e]);
                })""",
                [name, values, bits],
            )
            for value, (low, high) in zip(values, ends, strict=True):
                with ctx.workprec(4 * bits + 400):
                    exact = getattr(arb(value), name)()
                    lo, hi = (arb(int(m)) * arb(2) ** e for m, e in (low, high))
                    assert bool(lo <= exact) or lo.overlaps(exact), (name, value, bits)
                    assert bool(exact <= hi) or hi.overlaps(exact), (name, value, bits)
                    # Near 1 a logarithm is known absolutely, and so is a difference that cancels.
                    scale = abs(exact) if name in ("exp", "log1p", "sqrt") else abs(exact).max(1)
                    assert bool(hi - lo <= scale * arb(2) ** (4 - bits)), (name, value, bits)


def test_an_enclosure_that_cannot_tell_says_so(scripts: Any) -> None:
    wide = "const xp = localist.enclosures(64); const wide = xp.sub(xp.rational(1, 3), xp.rational(1, 3));"
    for call in ("xp.div(xp.rational(1, 1), wide)", "xp.log(wide)"):
        assert scripts.evaluate(f"() => {{ {wide} try {{ {call}; }} catch (e) {{ return e.message; }} }}")
    assert scripts.evaluate(f"() => {{ {wide} return xp.less_equal(xp.rational(0, 1), wide); }}") is None
    both = scripts.evaluate(
        f"() => {{ {wide} const u = xp.where(null, wide, xp.rational(5, 1)); return [u.lo.m < 0n, Number(u.hi.m) * 2 ** u.hi.e]; }}"
    )
    assert both == [True, 5]


def test_the_value_of_every_formula_is_rounded_as_python_rounds_it(scripts: Any) -> None:
    """The same doubles on both sides of the exact value, from two independent enclosures; and the start is in the domain."""
    catalogue = scripts.evaluate("() => localist.catalogue")
    assert [entry["name"] for entry in catalogue] == [formula.name for formula in FORMULAS]
    same = total = 0
    for formula, entry in zip(FORMULAS, catalogue, strict=True):
        starts = [float(argument["start"]) for argument in entry["args"]]
        assert scripts.evaluate("([entry, values]) => localist.outside(entry, values)", [entry, starts]) == []
        places = [starts, *([float(v) for v in point] for point in points(formula, 6))]
        ends = scripts.evaluate("([name, places]) => places.map((p) => localist.enclose(name, p))", [formula.name, places])
        function = getattr(generated, formula.name)
        for place, got in zip(places, ends, strict=True):
            try:
                want = [round_ball(lambda f=function, p=place: f(FLINT, *p), side) for side in ("down", "up")]
            except ArithmeticError:
                assert got is None, (formula.name, place, got)
                continue
            assert got is not None, (formula.name, place, want)
            low, high = float(got["low"]), float(got["high"])
            # Where one of the two cannot tell at 4096 bits, or far out, it is wider than the other.
            same += [low, high] == want
            total += 1
            assert low <= want[1], (formula.name, place, got, want)
            assert want[0] <= high, (formula.name, place, got, want)
            assert formula.name not in CHAIN or [low, high] == want, (formula.name, place, got, want)
    assert same >= 0.98 * total


def test_rounding_and_decimals_are_those_of_python(scripts: Any) -> None:
    rng = random.Random(9)
    doubles = [
        0.0,
        -0.0,
        0.1,
        5e-324,
        2.0**53,
        1e15,
        999999999999999.9,
        1e16,
        1e23,
        1.5e15,
        120.0,
        1e-7,
        1.7976931348623157e308,
    ]
    doubles += [rng.choice([-1, 1]) * rng.random() * 10.0 ** rng.randint(-320, 307) for _ in range(1500)]
    doubles += [float(rng.randint(-(10**17), 10**17)) / rng.choice([1, 4, 1000]) for _ in range(500)]
    asked = [(value, side, digits) for value in doubles for side in ("up", "down") for digits in (None, 12, rng.randint(1, 17))]
    got = scripts.evaluate("(asked) => asked.map(([v, s, d]) => localist.decimalText(v, s, d))", asked)
    assert [a for a, text in zip(asked, got, strict=True) if text != decimal_text(a[0], a[1], a[2])] == []
    shown = scripts.evaluate("(doubles) => doubles.map((v) => localist.shown(localist.exact(v)))", doubles)
    assert [v for v, text in zip(doubles, shown, strict=True) if text != f"{v + 0.0:.6g}"] == []
    fractions = [Fraction(rng.randint(-(10**40), 10**40), rng.randint(1, 10 ** rng.randint(1, 60))) for _ in range(500)]
    fractions += [Fraction(rng.randint(-9, 9), 10 ** rng.randint(300, 345)) for _ in range(200)]
    fractions += [rng.choice([-1, 1]) * Fraction(10) ** rng.randint(300, 320) for _ in range(40)]
    fractions += [Fraction(2**1024 - 2**970 + k) for k in (-(2**900), -1, 0, 1, 2**900)] + [
        Fraction(2**53 * 2 + 1, 4),
        Fraction(0),
    ]
    for side in ("up", "down"):
        rounded = scripts.evaluate(
            "([parts, side]) => parts.map(([p, q]) => localist.roundFraction(localist.fraction(BigInt(p), BigInt(q)), side))",
            [[[str(f.numerator), str(f.denominator)] for f in fractions], side],
        )
        assert [f for f, value in zip(fractions, rounded, strict=True) if float(value) != round_fraction(f, side)] == []


def test_the_printer_refuses_what_javascript_cannot_name_and_what_python_refuses() -> None:
    with pytest.raises(PrintError, match="cannot be a name"):
        function_source("f", (sp.Symbol("delete", positive=True),), sp.Integer(1))
    with pytest.raises(PrintError, match="cannot be a name"):
        function_source("f", (sp.Symbol("λ", positive=True),), sp.Integer(1))
    with pytest.raises(PrintError, match="is not among"):
        function_source("f", (t,), t + g)
    for expression, says in (
        (sp.Float("0.1") * t, "0.1"),
        (sp.gamma(t), "gamma"),
        (t**n, "base"),
        (sp.pi * t, "pi"),
        (sp.oo, "Infinity"),
    ):
        with pytest.raises(PrintError, match=says):
            function_source("f", (t, n), expression)
    assert {"class", "let", "xp"} <= RESERVED
    big = function_source("f", (t,), (10**30) * t)
    assert "1000000000000000019884624838656n" not in big
    assert f"{10**30}n" in big


# --- the data that both readers interpret -----------------------------------------------------------------------------


def test_every_field_has_a_reading_and_every_letter_a_meaning() -> None:
    assert tuple(READING) == FIELDS
    assert tuple(SECTION_NAMES) == tuple(configurations.SECTIONS)
    for field, reading in READING.items():
        if isinstance(reading, Field):
            assert reading.letter in MEANINGS, field
            assert reading.low < reading.high
            assert reading.low > 0 or not reading.log
            default = reading.default or field.startswith("target.")
            assert bool(reading.start) != bool(default), f"{field}: a start, or what it means to be empty"
    assert letter("rho_A") == ["ρ", "A"]
    assert letter("theta0") == ["θ", "0"]
    assert letter("n") == ["n", ""]


def test_rules_and_reasons_are_data_that_close() -> None:
    assert {rule.relation for rule in RULES} <= RELATIONS.keys()
    assert all(rule.bound in FIELDS for rule in RULES if isinstance(rule.bound, str))
    assert REASONS.keys() == LABELS.keys() == SIDES.keys() | {"extinction_steps"}
    used = {
        key.format(form=form, loss=loss)
        for reason in REASONS.values()
        for key in (*reason.hypotheses, *(reason.without_margin or ()))
        for form in ("bilinear", "qk")
        for loss in ("cross-entropy", "gradient")
    }
    assert used == HYPOTHESES.keys()


def test_without_a_browser_the_tests_are_skipped_unless_one_is_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.delenv("LOCALIST_NEEDS_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no browser"), chromium():
        pass
    monkeypatch.setenv("LOCALIST_NEEDS_BROWSER", "1")
    with pytest.raises(pytest.fail.Exception, match="is set"), chromium():
        pass


# --- the page ------------------------------------------------------------------------------------------------------


def fill(page: Any, field: str, text: str) -> None:
    page.fill(f"#lc-{field.replace('.', '-')}", text)


def printed(page: Any) -> dict[str, str]:
    return {
        row.get_attribute("data-result"): row.locator(".lc-number").inner_text()
        for row in page.locator("tr[data-result]").all()
    }


def test_the_page_prints_what_the_command_line_prints_and_its_toml_is_read(page: Any, tmp_path: Path) -> None:
    for i, case in enumerate(CASES[:: len(CASES) // 25]):
        page.evaluate("(text) => localist.page.read(text)", toml_of(case))
        exported = page.evaluate("() => localist.page.toml()")
        assert from_mapping(tomllib.loads(exported)) == from_mapping(case)
        path = tmp_path / f"{i}.toml"
        path.write_text(exported, encoding="utf-8")
        want = expected(case)
        if "reason" in want:
            assert page.locator("#localist-calculator").get_attribute("data-state") == "refused"
            assert want["reason"] in page.locator("#localist-calculator .lc-status").inner_text()
            continue
        run = CliRunner().invoke(threshold, [str(path), "--json"])
        assert run.exit_code == 0, run.stderr
        result = json.loads(run.stdout)
        shown = printed(page)
        for name, (_, sign, _) in LABELS.items():
            mark = {">": ">", ">=": "≥", "<=": "≤"}[sign]
            value = result[name]
            text = "–" if value is None else f"{mark} {decimal_text(value, SIDES[name], 12) if name in SIDES else value}"
            assert shown[name] == text
        state = "vacuous" if result["vacuous"] else "holds"
        assert page.locator("#localist-calculator").get_attribute("data-state") == state
        assert page.locator("tr[data-result=outside_mass] .lc-verdict").inner_text() == state
        if result["vacuous"]:
            assert result["because"]["margin"]["vacuous"][1:] in page.locator(".lc-why").inner_text()
            assert "not positive" in page.locator("#localist-calculator .lc-status").inner_text()


def test_fields_sliders_choices_and_targets_change_the_result_at_once(page: Any) -> None:
    assert printed(page)["margin"] == "≥ 8.0"
    fill(page, "dial.setting", "3")
    assert printed(page)["margin"] == "≥ -1.0"
    assert page.locator("tr[data-result=margin]").get_attribute("data-verdict") == "vacuous"
    slider = page.get_by_label("dial setting, slider")
    slider.focus()
    before = page.input_value("#lc-dial-setting")
    page.keyboard.press("ArrowRight")
    after = page.input_value("#lc-dial-setting")
    assert float(after) > float(before)
    assert slider.get_attribute("aria-valuetext") == after
    page.select_option("#lc-attention-parametrisation", "qk")
    assert page.locator("#lc-norms-query").is_visible()
    assert not page.locator("#lc-norms-content").is_visible()
    assert page.locator("tr[data-result=margin] a").inner_text() == "blocks.margin_qk"
    assert printed(page)["dial_for_target"] == "–"
    fill(page, "target.fidelity", "0.999")
    fill(page, "target.outside_mass", "1e-3")
    assert page.input_value("#lc-target-fidelity") == ""
    assert printed(page)["dial_for_target"].startswith("≥ ")
    page.get_by_text("Start again").click()
    assert printed(page)["margin"] == "≥ 8.0"


def test_a_wrong_field_says_what_is_wrong_beside_it_and_no_number_is_left(page: Any) -> None:
    for field, text, says in (
        ("attention.keys", "8", "must exceed attention.block"),
        ("attention.keys", "64.5", "expected int"),
        ("norms.leak", "2", "delta <= B"),
        ("norms.content", "a lot", "expected number"),
        ("norms.content", "", "is missing"),
        ("training.slack", "0", "strict"),
    ):
        fill(page, field, text)
        box = page.locator(f"#lc-{field.replace('.', '-')}")
        assert box.get_attribute("aria-invalid") == "true"
        assert says.lower() in page.locator(f"#lc-{field.replace('.', '-')}-error").inner_text().lower()
        assert says in page.locator("#localist-calculator .lc-status").inner_text()
        assert page.locator("tr[data-result], #localist-calculator .lc-plot").count() == 0
        page.get_by_text("Start again").click()
        assert box.get_attribute("aria-invalid") == "false"


def test_a_permalink_opens_the_same_configuration(page: Any) -> None:
    page.evaluate("(text) => localist.page.read(text)", toml_of(changed(*QK, ("dial.setting", 0.1), ("norms.leak", 1e-7))))
    link = page.get_by_text("Link to this configuration").get_attribute("href")
    before = printed(page)
    page.get_by_text("Start again").click()
    assert printed(page) != before
    page.wait_for_function("() => location.hash.includes('bilinear')")  # the address follows, a moment later
    page.evaluate("(link) => { location.hash = link; }", link)
    page.wait_for_function("() => /query =/.test(localist.page.toml())")
    assert printed(page) == before
    page.evaluate("() => { location.hash = '#what-the-digits-mean'; }")
    assert printed(page) == before


def test_the_configuration_is_downloaded_opened_and_copied(page: Any, tmp_path: Path) -> None:
    fill(page, "dial.setting", "13.5")
    with page.expect_download() as downloading:
        page.get_by_text("Download layer.toml").click()
    assert downloading.value.suggested_filename == "layer.toml"
    path = tmp_path / "layer.toml"
    downloading.value.save_as(path)
    assert configurations.load(path).dial.setting == 13.5
    page.get_by_text("Start again").click()
    page.set_input_files("#lc-file", path)
    page.wait_for_function("() => document.getElementById('lc-toml-said').textContent === 'Read.'")
    assert page.input_value("#lc-dial-setting") == "13.5"
    page.fill("#lc-toml", EXAMPLE)
    page.get_by_role("button", name="Read this text").click()
    assert page.input_value("#lc-dial-setting") == "12"
    page.get_by_role("button", name="Copy").click()
    page.wait_for_function(
        "() => /^(Copied|The browser does not let)/.test(document.getElementById('lc-toml-said').textContent)"
    )


def test_a_fragment_may_give_some_fields_and_a_wrong_one_is_shown(browser: Any, harness: Path) -> None:
    for fragment, state in (
        ("dial.setting=3", "vacuous"),
        ("dial.setting=x", "refused"),
        ("loss.kind=x", "holds"),
        ("other", "holds"),
    ):
        page = browser.new_page()
        page.goto(f"{harness.as_uri()}#{fragment}")
        assert page.locator("#localist-calculator").get_attribute("data-state") == state, fragment
        page.close()


def test_statements_are_linked_where_the_book_has_them(page: Any) -> None:
    names = [theorem.name for theorem in theory.theorems()]
    links = page.evaluate("(names) => names.map(localist.page.linkOf)", names)
    assert links == [f"families/{name.split('.')[0]}.html#{anchor(name)}" for name in names]


def test_text_that_cannot_be_read_changes_nothing(page: Any) -> None:
    before = page.evaluate("() => localist.page.toml()")
    for text in (
        "[attention\n",
        EXAMPLE + "[schedule]\ndepth = 3\n",
        EXAMPLE.replace("content = 4.0", "content = 4.0\nquery = 1.0"),
    ):
        page.evaluate("(text) => localist.page.read(text)", text)
        assert "Not read" in page.locator("#lc-toml-said").inner_text()
        assert page.evaluate("() => localist.page.toml()") == before


def test_the_scripts_may_come_in_any_order_and_without_scripts_the_page_says_what_to_do(browser: Any, harness: Path) -> None:
    text = harness.read_text(encoding="utf-8")
    scripts = re.findall(r"<script defer src=.*?</script>", text)
    assert {re.search(r"([\w]+\.js)", tag)[1] for tag in scripts} >= {*NUMERIC, "plot.js", "calculator.js", "explorer.js"}
    turned = text
    for tag in scripts:
        turned = turned.replace(tag, "")
    other = harness.with_name("turned.html")
    other.write_text(turned.replace("</body>", "".join(reversed(scripts)) + "</body>"), encoding="utf-8")
    page = browser.new_page()
    page.goto(other.as_uri())
    assert printed(page)["margin"] == "≥ 8.0"
    assert page.evaluate("() => localist.explorer.output()").startswith("outside_mass_bound: between")
    page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(harness.as_uri())
    assert "localist threshold layer.toml" in page.locator("noscript").inner_text()
    context.close()


def test_every_input_has_a_label_a_range_and_help_and_the_plot_a_description(page: Any) -> None:
    page.get_by_text("Finer bounds").click()
    for field, reading in READING.items():
        page.select_option("#lc-attention-parametrisation", "bilinear" if field == "norms.content" else "qk")
        page.select_option("#lc-loss-kind", "gradient" if field == "loss.gradient" else "cross-entropy")
        box = page.locator(f"#lc-{field.replace('.', '-')}")
        assert box.is_visible(), field
        assert page.locator(f"label[for=lc-{field.replace('.', '-')}]").inner_text().startswith(reading.name)
        assert reading.help in page.locator(f"#lc-{field.replace('.', '-')}-help").inner_text()
        if isinstance(reading, Field):
            assert page.get_by_label(f"{reading.name}, slider", exact=True).is_visible()
    page.get_by_text("Start again").click()
    description = page.locator("#lc-plot-text").text_content()
    assert "At the setting 12 the outside mass is at most 0.002343" in description
    assert "Below the setting 4 the margin is not positive" in description
    assert re.search(r"entropy at most 3\.031 bits", description)
    assert page.locator("#localist-calculator [role=status][aria-live=polite]").count() == 1


@pytest.mark.parametrize("width", [390, 1366])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_contrast_and_roles_pass(page: Any, width: int, theme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    if theme == "dark":
        page.evaluate("() => { document.body.style.background = '#14181e'; document.body.style.color = '#ced6dd'; }")
        page.add_style_tag(content="a { color: #79c0ff; }")
    fill(page, "dial.setting", "3")
    fill(page, "norms.leak", "9")
    page.get_by_text("These hold under").click() if page.get_by_text("These hold under").count() else None
    for setting in ("3", "12"):
        if setting == "12":
            page.get_by_text("Start again").click()
        assert page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        found = Axe().run(page, context="#localist-calculator").response["violations"]
        assert [(v["id"], [part["html"] for part in v["nodes"]]) for v in found] == []


def test_a_wide_range_of_settings_still_draws(page: Any) -> None:
    drawn = page.evaluate(
        """(texts) => texts.map((text) => {
          localist.page.read(text);
          const home = document.getElementById("localist-calculator");
          return home.dataset.state === "refused" ? "refused" : home.querySelector(".lc-chart").innerHTML;
        })""",
        [toml_of(case) for case in CASES[: len(EDGES) + 60]],
    )
    assert sum("lc-curve" in picture for picture in drawn) > len(drawn) / 2
    for picture in drawn:
        assert picture == "refused" or "No plot" in picture or "lc-curve" in picture
        assert "NaN" not in picture
        assert "Infinity" not in picture


def test_the_explorer_computes_any_formula_says_when_it_is_outside_its_domain_and_draws(page: Any) -> None:
    names = page.evaluate("() => localist.catalogue.map(({ name }) => name)")
    drawn = page.evaluate(
        """(names) => names.map((name) => {
          localist.explorer.choose(name);
          return [localist.explorer.output(), document.querySelector("#localist-formulas .lc-chart").innerHTML];
        })""",
        names,
    )
    for name, (output, picture) in zip(names, drawn, strict=True):
        assert output.startswith(f"{name}: "), output
        assert "NaN" not in picture
        assert "Infinity" not in picture
    assert sum("lc-curve" in picture for _, picture in drawn) > 0.8 * len(names)
    page.select_option("#lf-formula", "outside_mass_bound")
    page.fill("#lf-arg-t", "8")
    value = guarantee(from_mapping(changed())).outside_mass  # n = 64, g = 8, margin 8
    assert page.locator("#localist-formulas output").inner_text() == (
        f"outside_mass_bound: between {decimal_text(math.nextafter(value, 0), 'down', 12)} and {decimal_text(value, 'up', 12)}"
    )
    for box, text, says in (("g", "64", "domain is g < n"), ("g", "0.5", "whole number"), ("t", "x", "t is not a number")):
        page.fill(f"#lf-arg-{box}", text)
        assert says in page.locator("#localist-formulas output").inner_text()
        assert page.locator("#localist-formulas .lc-plot").count() == 0
        page.select_option("#lf-formula", "outside_mass_bound")
    page.select_option("#lf-formula", "penalty_jump_height")
    assert (
        page.locator("#localist-formulas output").inner_text()
        == "penalty_jump_height: between 0.666666666666 and 0.666666666667"
    )
