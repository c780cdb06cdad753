"""`localist threshold`: start-up, output, exit codes; sweeps: every row safe, bad rows reported, nothing computed lost."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from test_config import EXAMPLE

from checks.commands_threshold import threshold
from theory import doubled, tables
from theory.config import FIELDS, REQUIRED, ConfigError
from theory.guarantee import SIDES, exact_inputs, guarantee
from theory.reasons import LABELS
from theory.sweep import RESULTS, _row_config, check_header, sweep


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "layer.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(threshold, [str(a) for a in arguments])


def in_new_process(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False)


START = """
import sys
from checks.cli import main
try:
    main()
finally:
    print(*sorted({m.partition(".")[0] for m in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_starts_without_the_large_libraries(config: Path, options: list[str]) -> None:
    run = in_new_process(START, "threshold", config, *options)
    assert run.returncode == 0, run.stderr
    modules = run.stderr.split()
    assert "theory" in modules
    assert not {"sympy", "torch", "scipy", "numpy", "hypothesis"} & set(modules)


def test_json_has_the_documented_names(config: Path) -> None:
    result = call(config, "--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert set(data) == {*RESULTS, "because"}
    assert data["extinction_steps"] == 200
    assert data["vacuous"] is False
    assert set(data["because"]["margin"]) == {"theorem", "hypotheses", "vacuous"}


@pytest.mark.parametrize("width", ["40", "80", "200"])
def test_no_digit_of_the_table_is_cut_or_unsafe(config: Path, width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    out = call(config).stdout
    result = guarantee(_config_of(config))
    for name, side in SIDES.items():
        value = getattr(result, name)
        sign = LABELS[name][1]
        printed = [Fraction(Decimal(text)) for text in re.findall(rf"{sign} (-?[0-9][0-9.e-]*)", out)]
        close = [p for p in printed if abs(p - Fraction(value)) <= abs(Fraction(value)) / 10**11]
        assert close, (name, out)
        assert all(p >= value if side == "up" else p <= value for p in close)
    assert "…" not in out


def _config_of(path: Path) -> Any:
    from theory.config import load

    return load(path)


def test_table_says_when_and_why_it_is_vacuous(config: Path) -> None:
    assert "VACUOUS" not in call(config).stdout
    config.write_text(
        EXAMPLE.replace("setting = 12.0", "setting = 1.0").replace("[target]\noutside_mass = 1e-3", ""), encoding="utf-8"
    )
    result = call(config)
    assert result.exit_code == 0  # true, but says nothing: that is an answer
    assert "VACUOUS" in result.stdout
    assert "not positive" in " ".join(result.stdout.split())


def test_bad_input_exits_2_and_names_the_field(config: Path) -> None:
    config.write_text(EXAMPLE.replace("keys = 64", "keys = 8"), encoding="utf-8")
    result = call(config)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"{config}: attention.keys = 8" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.toml", "--sweep", "t.csv"],
        ["a.toml", "--out", "x"],
        ["a.toml", "--format", "csv"],
        ["--sweep", "t.csv", "--json"],
        ["none.toml"],
        ["--sweep", "none.csv"],
        ["--sweep", "t.csv", "--format", "xml"],
    ],
    ids=str,
)
def test_usage_errors_exit_2(arguments: list[str]) -> None:
    assert call(*arguments).exit_code == 2


# --- sweeps ----------------------------------------------------------------------------------------------------


def random_rows(count: int, seed: int) -> list[list[str]]:
    """Rows over all fields: both parametrisations and losses, tame sizes mostly, cancelling and extreme ones among them."""
    rng = random.Random(seed)

    def size() -> float:
        return rng.choice(
            [
                0.0,
                1.0,
                rng.uniform(0, 4),
                10 ** rng.uniform(-8, 8),
                rng.choice([1e-60, 1e60, 5e-324]) if rng.random() < 0.05 else 2.0,
            ]
        )

    rows = []
    for _ in range(count):
        cells = dict.fromkeys(FIELDS, "")
        n = rng.choice([2, 3, 16, 64, 10**6, 10**9, 2**53])
        block = rng.uniform(0.05, 2) if rng.random() < 0.8 else size()
        cells["attention.keys"] = str(n)
        cells["attention.block"] = str(rng.choice([1, n - 1, rng.randint(1, n - 1)]))
        cells["attention.temperature"] = repr(rng.choice([1.0, rng.uniform(0.5, 2), 10 ** rng.uniform(-3, 3)]))
        cells["norms.input"], cells["norms.block_input"] = repr(size()), repr(block)
        cells["norms.leak"] = repr(rng.choice([0.0, block, block / 7]))
        cells["norms.value_diameter"] = repr(size())
        if rng.random() < 0.5:
            cells["attention.parametrisation"], cells["norms.content"] = "bilinear", repr(size())
        else:
            cells["attention.parametrisation"], cells["norms.query"], cells["norms.key"] = "qk", repr(size()), repr(size())
        kind = rng.choice(["cross-entropy", "gradient"])
        cells["loss.kind"], cells["loss.readout_diameter" if kind == "cross-entropy" else "loss.gradient"] = kind, repr(size())
        cells["dial.strength"] = repr(rng.choice([1.0, 0.5, rng.uniform(0.1, 3)]))
        cells["dial.setting"] = repr(rng.choice([0.0, 4.0, rng.uniform(-20, 60), rng.uniform(600, 900), -3000.0]))
        cells["training.step"], cells["training.slack"] = (
            repr(rng.choice([0.1, 0.3, 1e-12])),
            repr(rng.choice([0.05, 0.1, 0.7])),
        )
        cells["training.initial_norm"] = repr(rng.choice([0.0, 1.0, 0.3, rng.random(), 1e15]))
        for name in ("block_diameter", "mean_block_norm", "input_diameter"):
            if rng.random() < 0.3:
                cells[f"norms.{name}"] = repr(size())
        target = rng.choice([None, "outside_mass", "fidelity"])
        if target:
            cells[f"target.{target}"] = repr(rng.choice([0.5, 1e-3, 0.999, 1e-300, 1 - 2.0**-53, rng.random()]))
        rows.append([cells[field] for field in FIELDS])
    return rows


def test_every_swept_value_is_on_the_safe_side_of_the_exact_one() -> None:
    rows = random_rows(1500, seed=7)
    chunk = sweep(FIELDS, rows, range(2, 2 + len(rows)), "t.csv")
    vectorised = 0
    for i, row in enumerate(rows):
        if chunk.errors[i] is not None:
            with pytest.raises(ConfigError) as caught:
                guarantee(_row_config(FIELDS, row, "row"))
            assert caught.value.reason in str(chunk.errors[i])
            continue
        exact = guarantee(_row_config(FIELDS, row, "row"))
        vectorised += i not in chunk.exact
        for name in RESULTS:
            value, best = chunk.columns[name][i], getattr(exact, name)
            if name not in SIDES or best is None:
                assert value == best, (name, row)
                continue
            # `best` is the float next to the exact value, so a safe float is at least as far out.
            gap = value - best if SIDES[name] == "up" else best - value
            assert gap >= 0, (name, row, value, best)
            assert gap <= 1e-12 * abs(best) or abs(best) < 2.3e-308, (name, row, value, best)
    assert vectorised > len(rows) / 2


def test_doubled_precision_keeps_its_error_bound() -> None:
    rng = np.random.default_rng(3)
    a, b, c, d, e = (rng.uniform(0.1, 10, 400) * 10.0 ** rng.integers(-9, 9, 400) for _ in range(5))
    pairs = {
        "sum": (doubled.two_sum(a, -b), lambda x, y, z, w, v: x - y, 0, lambda x, y, z, w, v: 1),
        "product": (doubled.two_product(a, b), lambda x, y, z, w, v: x * y, 0, lambda x, y, z, w, v: 1),
        "multiply": (
            doubled.multiply(doubled.two_product(a, b), doubled.two_sum(c, d)),
            lambda x, y, z, w, v: x * y * (z + w),
            7,
            None,
        ),
        "divide": (doubled.divide(doubled.two_product(a, b), e), lambda x, y, z, w, v: x * y / v, 15, None),
        "subtract": (
            doubled.subtract(doubled.two_product(a, b), doubled.two_product(a, c)),
            lambda x, y, z, w, v: x * y - x * z,
            4,
            lambda x, y, z, w, v: abs(x * y) + abs(x * z),
        ),
    }
    for name, ((high, low), exact, units, scale) in pairs.items():
        for i in range(400):
            numbers = [Fraction(float(column[i])) for column in (a, b, c, d, e)]
            truth = exact(*numbers)
            size = abs(truth) if scale is None else scale(*numbers)
            assert abs(Fraction(float(high[i])) + Fraction(float(low[i])) - truth) <= units * size * Fraction(1, 2**106), (
                name,
                i,
            )


def write_table(path: Path, rows: list[list[str]], header: tuple[str, ...] = FIELDS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def test_bad_rows_are_named_and_the_others_kept(tmp_path: Path) -> None:
    rows = random_rows(40, seed=11)[:12]
    at = FIELDS.index
    rows[2][at("attention.keys")] = rows[2][at("attention.block")]
    rows[3][at("norms.leak")] = "nan"
    rows[4][at("attention.keys")] = "64.0"
    rows[5][at("dial.strength")] = "-1"
    rows[6] = rows[6][:-3]
    rows[7][at("loss.kind")] = "mse"
    rows[8][at("training.step")] = "fast"
    rows[9][at("training.slack")] = ""
    table, out = write_table(tmp_path / "t.csv", rows), tmp_path / "o.csv"
    result = call("--sweep", table, "--out", out)
    assert result.exit_code == 2
    assert "and 3 more rows" in result.stderr
    assert f"4 of 12 rows computed, in {out}" in result.stderr
    lines = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [int(line["line"]) for line in lines] == list(range(2, 14))
    named = [
        "attention.keys",
        "norms.leak",
        "attention.keys",
        "dial.strength",
        "row",
        "loss.kind",
        "training.step",
        "training.slack",
    ]
    for line, field in zip(lines[2:10], named, strict=True):
        assert f"t.csv line {line['line']}: {field}" in line["error"]
        assert line["margin"] == line["vacuous"] == line["extinction_steps"] == ""
    for line in (*lines[:2], *lines[10:]):
        assert line["error"] == ""
        assert float(line["penalty"]) > float(line["penalty_threshold"]) >= 0
    assert not list(tmp_path.glob("*.partial"))


def test_csv_and_json_lines_say_the_same(tmp_path: Path) -> None:
    good = random_rows(60, seed=5)
    table = write_table(tmp_path / "t.csv", good)
    as_csv = list(csv.DictReader(io.StringIO(call("--sweep", table).stdout)))
    as_json = [json.loads(line) for line in call("--sweep", table, "--format", "jsonl").stdout.splitlines()]
    assert len(as_csv) == len(as_json) == 60
    for left, right in zip(as_csv, as_json, strict=True):
        assert list(left) == list(right) == ["line", *RESULTS, "error"]
        for name, value in right.items():
            text = (
                {None: "", True: "true", False: "false"}.get(value, left[name])
                if not isinstance(value, (int, float)) or isinstance(value, bool)
                else left[name]
            )
            assert left[name] == text
            if isinstance(value, float):
                assert float(left[name]) == value


def test_exact_rows_print_safe_decimals(tmp_path: Path) -> None:
    rows = random_rows(200, seed=13)
    chunk = sweep(FIELDS, rows, range(2, 202), "t.csv")
    assert chunk.exact
    lines = list(csv.DictReader(io.StringIO(call("--sweep", write_table(tmp_path / "t.csv", rows)).stdout)))
    for i in chunk.exact:
        for name, side in SIDES.items():
            if lines[i][name]:
                gap = Fraction(Decimal(lines[i][name])) - Fraction(chunk.columns[name][i])
                assert gap >= 0 if side == "up" else gap <= 0


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ((*FIELDS, "attention.heads"), "not a field"),
        ((*FIELDS, "norms.leak"), "twice"),
        (tuple(f for f in FIELDS if f != "training.slack"), "required column"),
        ((), "table is empty"),
    ],
)
def test_a_wrong_header_is_refused_before_anything_is_written(tmp_path: Path, header: tuple[str, ...], says: str) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "o.csv"
    table.write_text(",".join(header) + ("\n" if header else ""), encoding="utf-8")
    out.write_text("yesterday", encoding="utf-8")
    result = call("--sweep", table, "--out", out)
    assert result.exit_code == 2
    assert says in result.stderr
    assert out.read_text(encoding="utf-8") == "yesterday"
    assert list(tmp_path.glob("*.partial")) == []


def test_a_table_of_required_columns_only_is_enough(tmp_path: Path) -> None:
    header = (*REQUIRED, "norms.content", "loss.gradient")
    check_header(header, "t.csv")
    full = dict(zip(FIELDS, random_rows(1, seed=1)[0], strict=True))
    full.update({"attention.parametrisation": "bilinear", "norms.content": "1", "loss.kind": "gradient", "loss.gradient": "1"})
    result = call("--sweep", write_table(tmp_path / "t.csv", [[full[name] for name in header]], header))
    assert result.exit_code == 0
    (line,) = csv.DictReader(io.StringIO(result.stdout))
    assert line["dial_for_target"] == ""


def interrupted(table: Path, out: Path, after: int, form: str = "csv") -> None:
    def stop(done: int, _: float) -> None:
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tables.run(table, out, io.StringIO(), form, stop)
    assert not out.exists()


def finished(table: Path, out: Path, form: str = "csv") -> tuple[list[int], tuple[int, list[str], int]]:
    """Rows done each time that progress was told, and what the run returns."""
    seen: list[int] = []
    result = tables.run(table, out, io.StringIO(), form, lambda rows, share: seen.append(rows))
    assert not list(out.parent.glob("*.partial*"))
    return seen, result


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_interrupted_sweep_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(tables, "ROWS_A_CHUNK", 10)
    rows = random_rows(35, seed=2)
    for index in (3, 12, 13, 24, 25, 26, 33):
        rows[index][FIELDS.index("norms.leak")] = "nan"
    table, out, straight = write_table(tmp_path / "t.csv", rows), tmp_path / "o", tmp_path / "straight" / "o"
    straight.parent.mkdir()
    told, whole = finished(table, straight, form)
    assert told == [10, 20, 30, 35]
    interrupted(table, out, 20, form)
    assert len((tmp_path / "o.partial").read_text(encoding="utf-8").splitlines()) == 20 + (form == "csv")
    interrupted(table, out, 30, form)  # and once more
    with (tmp_path / "o.partial").open("a", encoding="utf-8") as stream:
        stream.write("31,half a li")  # killed while it wrote
    told, result = finished(table, out, form)
    assert told == [30, 35], "what was there is told, and only the rest is computed"
    assert result == whole, "errors of the rows before the interruption are counted and named as well"
    assert result[0] == 35
    assert result[2] == 7
    assert out.read_bytes() == straight.read_bytes()


def test_a_killed_sweep_goes_on_with_the_same_command(tmp_path: Path) -> None:
    """A process that is killed after its first chunk, and the same command again: the file of a run in one go."""
    table, out = write_table(tmp_path / "t.csv", random_rows(40, seed=9)), tmp_path / "o.csv"
    code = (
        "import os, sys; from theory import tables; tables.ROWS_A_CHUNK = 10; "
        "tables.run(sys.argv[1], sys.argv[2], sys.stdout, 'csv', lambda rows, share: os.kill(os.getpid(), 9) if rows == 20 else None)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(table), str(out)], capture_output=True, check=False)
    assert killed.returncode == -9
    assert not out.exists()
    done = call("--sweep", table, "--out", out)
    assert f"of 40 rows computed, in {out}" in done.stderr
    assert out.read_text(encoding="utf-8") == call("--sweep", table).stdout


@pytest.mark.parametrize("change", ["table", "form", "version", "rows", "note", "short"])
def test_rows_of_another_sweep_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    monkeypatch.setattr(tables, "ROWS_A_CHUNK", 10)
    table, out = write_table(tmp_path / "t.csv", random_rows(35, seed=2)), tmp_path / "o.csv"
    interrupted(table, out, 20)
    partial, note, form = tmp_path / "o.csv.partial", tmp_path / "o.csv.partial.json", "csv"
    if change == "table":
        write_table(table, random_rows(35, seed=3))
    elif change == "form":
        form = "jsonl"
    elif change == "version":
        monkeypatch.setattr(tables, "_version", lambda: "another")
    elif change == "rows":
        partial.write_text(partial.read_text(encoding="utf-8").replace("true", "fals"), encoding="utf-8")
    elif change == "note":
        note.write_text("{}", encoding="utf-8")
    else:
        partial.write_bytes(partial.read_bytes()[:-1])
    told, _ = finished(table, out, form)
    assert told == [10, 20, 30, 35]
    printed = io.StringIO()
    tables.run(table, None, printed, form, lambda rows, share: None)
    assert out.read_text(encoding="utf-8") == printed.getvalue()


def test_unwritable_output_and_unreadable_tables_are_named(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv", random_rows(3, seed=3))
    result = call("--sweep", table, "--out", tmp_path / "no" / "o.csv")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    table.write_bytes(table.read_bytes() + b"\xff\n")
    result = call("--sweep", table)
    assert result.exit_code == 2
    assert "not UTF-8" in result.stderr


def test_a_sweep_reads_the_same_numbers_as_a_single_configuration() -> None:
    for row in random_rows(50, seed=4):
        config = _row_config(FIELDS, row, "row")
        for field, cell in zip(FIELDS, row, strict=True):
            if cell and not cell.isalpha() and field not in ("loss.kind",):
                section, _, name = field.partition(".")
                assert getattr(getattr(config, section), name) == float(cell)
        assert exact_inputs(config).n > 0


def test_swept_decimals_are_safe_as_they_stand(tmp_path: Path) -> None:
    rows = random_rows(300, seed=17)
    lines = list(csv.DictReader(io.StringIO(call("--sweep", write_table(tmp_path / "t.csv", rows)).stdout)))
    for row, line in zip(rows, lines, strict=True):
        if line["error"]:
            continue
        x = exact_inputs(_row_config(FIELDS, row, "row"))
        rho = x.rho_A if x.bilinear else x.rho_Q * x.rho_K
        assert Fraction(Decimal(line["margin"])) <= x.beta * x.d - rho * (x.B + x.delta) ** 2 / x.tau
        widest = x.D_c * x.B_c if x.bilinear else max(x.rho_K * x.D_X * x.B_c, x.rho_Q * x.B_x * x.D_c)
        bound = x.G * x.D_V * widest / (4 * x.tau)
        assert Fraction(Decimal(line["penalty_threshold"])) >= bound
        assert Fraction(Decimal(line["penalty"])) >= bound + x.gamma
