"""Many configurations at once: a table of dotted fields in, the guarantees of every row out, in float64 and on the safe side.

Columns are the fields of a configuration (`attention.keys`, `norms.content`, ...; a blank cell is a field not given); a number
is the float64 of its text. Error budget, u = 2^-53: NumPy's exp, log and log1p are within 4 units in the last place (8u), its
+ - * / and the conversions correctly rounded. Then

  threshold, penalty    products of at most 8 factors and one sum of non-negative numbers: at most 10u
  margin                in doubled precision (theory.doubled), rounded down by one to three floats
  outside mass, fidelity, entropy
                        at that margin, of which they are monotone: r = (n - g)/g e^-t within 11u, r/(1 + r) and log1p(r) within
                        22u, sums of non-negative terms within 26u
  dial                  terms within 10u each, sum and quotient: 16u of the sum of the terms' sizes over beta

Every other float is moved to the safe side by BUDGET = 64u of these sizes, at least twice what is needed, so that its shortest
decimal is safe too; relative loss stays below 1e-12. A row for which that cannot be said (a margin that cancels to
nothing or is beyond 650, a dial near 0, a number beyond 1e+-30) is computed exactly, like a single configuration. A row that is
refused gets its error; the others are not affected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.config import CHOICES, FIELDS, REQUIRED, RULES, SECTIONS, Config, ConfigError, from_mapping
from theory.doubled import divide, multiply, subtract, two_product, two_sum
from theory.formulas import (
    content_bound,
    dial_for_outside_mass,
    entropy_ceiling,
    extinction_steps,
    fidelity_bound,
    fidelity_margin,
    gradient_bound_bilinear,
    gradient_bound_qk,
    outside_mass_bound,
)
from theory.guarantee import exact_inputs, values_of
from theory.namespaces import EXACT, NUMPY

UNIT = 2.0**-53
BUDGET = 64 * UNIT
DOUBLED = 64 * UNIT**2  # of |beta d| + content: errors 7 + 7 + 15 + 4 u^2 of the margin in doubled precision, twice over
SPARE = UNIT / 2  # such an error is less than the step to the next float below
LARGE, SMALL = 1e30, 1e-30  # products of eight factors in between neither overflow nor underflow
FAR, TOO_FAR = 650.0, 800.0  # |t| below the first: e^-|t| keeps full precision; t below -800: fidelity rounds down to 0
RESULTS = (
    "penalty_threshold",
    "penalty",
    "extinction_steps",
    "margin",
    "outside_mass",
    "fidelity",
    "entropy_nats",
    "entropy_bits",
    "dial_for_target",
    "vacuous",
)
INTEGERS = ("attention.keys", "attention.block")
WORDS = {"attention.parametrisation": ("bilinear", "qk"), "loss.kind": ("cross-entropy", "gradient")}


@dataclass(frozen=True)
class Chunk:
    """Results of consecutive rows: a column of length `rows` each; a refused row has an error text and blanks."""

    lines: Sequence[int]  # of the table; the header is line 1
    columns: dict[str, list[Any]]
    errors: list[str | None]
    exact: frozenset[int]  # positions of rows computed like a single configuration


def check_header(header: Sequence[str], source: str) -> None:
    """Refuse a table whose columns cannot make a configuration: unknown, repeated or missing ones."""
    for name in header:
        if name not in FIELDS:
            raise ConfigError(
                source, "header", name, "is not a field of a configuration", f"Use columns among {', '.join(FIELDS)}"
            )
        if header.count(name) > 1:
            raise ConfigError(source, "header", name, "appears twice", "Keep one column for each field")
    for name in REQUIRED:
        if name not in header:
            raise ConfigError(source, "header", name, "is a required column and missing", "Add it")


def sweep(header: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int], source: str) -> Chunk:
    """The guarantees of some rows of a table whose header passed `check_header`; never raises for a bad row."""
    size = len(rows)
    good = np.fromiter((len(row) == len(header) for row in rows), bool, size)
    blank = [""] * len(header)
    cells = zip(*(row if ok else blank for row, ok in zip(rows, good, strict=True)), strict=True) if size else iter(())
    text = dict(zip(header, cells, strict=False))
    values, parsed = _parse(text, size)
    good &= parsed & _valid(values, text, size)
    vector, safe = _evaluate(values, text, size)
    columns = {name: column.tolist() for name, column in vector.items()}
    columns["extinction_steps"] = _whole_steps(vector["extinction_steps"], values, good)
    given = {name for name in ("target.outside_mass", "target.fidelity") if name in text}
    columns["dial_for_target"] = [None if v != v else v for v in columns["dial_for_target"]] if given else [None] * size
    errors: list[str | None] = [None] * size
    slow = np.flatnonzero(~(good & safe))
    for i in slow.tolist():
        where = f"{source} line {lines[i]}"
        result: dict[str, Any] = {}
        try:
            result = vars(values_of(exact_inputs(_row_config(header, rows[i], where)), where))
        except ConfigError as error:
            errors[i] = str(error)
        for name in RESULTS:
            columns[name][i] = result.get(name)
    return Chunk(lines, columns, errors, frozenset(i for i in slow.tolist() if errors[i] is None))


def _parse(text: Mapping[str, Sequence[str]], size: int) -> tuple[dict[str, Any], Any]:
    """Numeric columns as float64, NaN where blank; and which rows parsed (NaN and inf written out did not)."""
    parsed = np.ones(size, bool)
    values: dict[str, Any] = {}
    for field, column in text.items():
        if field in WORDS:
            continue
        read = _integer if field in INTEGERS else float
        try:
            array = np.array(list(map(read, column)), np.float64)
        except (ValueError, OverflowError):  # blank or bad cells, of which there are few different ones
            known = {cell: _or_nan(read, cell) for cell in set(column)}
            array = np.array([known[cell] for cell in column], np.float64)
        odd = np.flatnonzero(~np.isfinite(array))
        parsed[odd] &= np.array([not column[i].strip() for i in odd.tolist()], bool)
        values[field] = array
    return values, parsed


def _or_nan(read: Callable[[str], float], cell: str) -> float:
    try:
        return read(cell)
    except (ValueError, OverflowError):
        return math.nan


def _integer(cell: str) -> float:
    count = int(cell)
    if abs(count) > 2**53:
        raise OverflowError
    return float(count)


def _valid(values: dict[str, Any], text: Mapping[str, Sequence[str]], size: int) -> Any:
    """Rows that pass every rule of a single configuration; the others are read one by one for their message."""
    valid = np.ones(size, bool)
    missing = np.full(size, np.nan)

    def get(field: str) -> Any:
        return values.get(field, missing)

    for field in REQUIRED:
        if field not in WORDS:
            valid &= ~np.isnan(get(field))
    words = {field: np.array(text[field]) for field in WORDS}
    for field, choices in WORDS.items():
        valid &= np.isin(words[field], choices)
    for field, chooser, choice in CHOICES:
        valid &= (words[chooser] == choice) == ~np.isnan(get(field))
    for rule in RULES:
        column = get(rule.field)
        valid &= rule.holds(column, get) | np.isnan(column)
    return valid & (np.isnan(get("target.outside_mass")) | np.isnan(get("target.fidelity")))


def _evaluate(values: dict[str, Any], text: Mapping[str, Sequence[str]], size: int) -> tuple[dict[str, Any], Any]:
    """Result columns on the safe side, and the rows for which the error budget of the module docstring holds."""
    missing = np.full(size, np.nan)

    def get(field: str, default: Any = missing) -> Any:
        column = values.get(field)
        return default if column is None else np.where(np.isnan(column), default, column)

    with np.errstate(all="ignore"):
        bilinear = np.array(text["attention.parametrisation"]) == "bilinear"
        n, g, tau = get("attention.keys"), get("attention.block"), get("attention.temperature")
        B, delta = get("norms.block_input"), get("norms.leak")
        G = np.where(np.isnan(get("loss.gradient")), get("loss.readout_diameter"), get("loss.gradient"))
        D_V, B_x = get("norms.value_diameter"), get("norms.input")
        D_c, B_c = get("norms.block_diameter", 2 * B), get("norms.mean_block_norm", B)
        D_X = get("norms.input_diameter", 2 * B_x)
        rho_Q, rho_K = get("norms.query", 0.0), get("norms.key", 0.0)
        rho = np.where(bilinear, get("norms.content", 0.0), rho_Q * rho_K)
        beta, d = get("dial.strength"), get("dial.setting")
        eta, gamma, theta0 = get("training.step"), get("training.slack"), get("training.initial_norm")

        safe = np.ones(size, bool)
        for factor in (tau, B, delta, G, D_V, B_x, D_c, B_c, D_X, rho_Q, rho_K, rho, beta, eta, gamma, theta0, np.abs(d)):
            safe &= (factor == 0) | ((factor >= SMALL) & (factor <= LARGE)) | np.isnan(factor)

        threshold = np.where(
            bilinear,
            gradient_bound_bilinear(NUMPY, G, D_V, D_c, B_c, tau),
            gradient_bound_qk(NUMPY, G, D_V, rho_K, D_X, B_c, rho_Q, B_x, D_c, tau),
        )
        content = content_bound(NUMPY, rho, B, delta, tau)
        scale = np.abs(beta * d) + content
        t, sure = _margin(beta, d, np.where(bilinear, rho, rho_Q), np.where(bilinear, 1.0, rho_K), B, delta, tau, scale)
        safe &= sure & ((np.abs(t) < FAR) | (t < -TOO_FAR))
        vacuous = ~(t > 0)
        t_entropy = np.where(vacuous, 0.0, t)

        nats = np.where(vacuous, np.log(n), entropy_ceiling(NUMPY, n, g, t_entropy)) * (1 + BUDGET)
        result = {
            "penalty_threshold": threshold * (1 + BUDGET),
            "penalty": (threshold * (1 + BUDGET) + gamma) * (1 + BUDGET),
            "extinction_steps": theta0 / (eta * gamma),
            "margin": t,
            "outside_mass": np.minimum(outside_mass_bound(NUMPY, n, g, t) * (1 + BUDGET), 1.0),
            "fidelity": np.where(t < -TOO_FAR, 0.0, fidelity_bound(NUMPY, n, g, t) * (1 - BUDGET)),
            "entropy_nats": nats,
            "entropy_bits": nats / np.log(2.0) * (1 + BUDGET),
            "dial_for_target": np.full(size, np.nan),
            "vacuous": vacuous,
        }
        eps, phi = get("target.outside_mass"), get("target.fidelity")
        for target, by_mass in ((eps, True), (phi, False)):
            given = ~np.isnan(target)
            if not given.any():
                continue
            # For a fidelity the same margin, with block and outside exchanged and the sign turned: no 1 - phi is formed.
            need = (
                dial_for_outside_mass(NUMPY, n, g, content, beta, target)
                if by_mass
                else (content - fidelity_margin(NUMPY, n, n - g, target)) / beta
            )
            size_of_terms = (content + np.abs(np.log((n - g) / g)) + np.abs(np.log(target)) + np.abs(np.log1p(-target))) / beta
            below = need < -BUDGET * size_of_terms
            setting = np.where(below, 0.0, need + BUDGET * size_of_terms)
            safe &= ~given | below | ((need > 0.01 * size_of_terms) & (need < LARGE))
            result["dial_for_target"] = np.where(given, setting, result["dial_for_target"])
    return result, safe


def _margin(beta: Any, d: Any, rho: Any, rho_other: Any, B: Any, delta: Any, tau: Any, scale: Any) -> tuple[Any, Any]:
    """The margin beta d - rho rho' (B + delta)^2/tau as a float64 not above it, and where its sign and 1e-12 of it are sure."""
    reach = two_sum(B, delta)
    content = divide(multiply(multiply(two_product(rho, rho_other), reach), reach), tau)
    high, low = subtract(two_product(beta, d), content)
    t: Any = np.where(low < 0, np.nextafter(high, -np.inf), high)  # the pair rounded down
    error = DOUBLED * scale
    t = np.where(np.abs(low) + error < SPARE * np.abs(high), np.nextafter(t, -np.inf), t)  # too near to be sure of the side
    t = np.where(scale == 0, 0.0, np.nextafter(t, -np.inf))  # and one further, so that its shortest decimal is safe too
    return t, (scale == 0) | (error < SPARE / 4 * np.abs(high))


def _whole_steps(quotient: Any, values: dict[str, Any], good: Any) -> list[Any]:
    """Whole step counts: a quotient (error 3u) near an integer is divided again, exactly and once for every distinct triple."""
    with np.errstate(all="ignore"):
        up = np.ceil(quotient * (1 + BUDGET))
        clear = (up == np.ceil(quotient * (1 - BUDGET))) & (up < 1e12)
    whole: Any = np.where(clear, up, 0)
    steps: list[Any] = whole.astype(np.int64).tolist()
    known: dict[tuple[float, ...], int] = {}
    for i in np.flatnonzero(good & ~clear).tolist():
        key = tuple(float(values[f"training.{name}"][i]) for name in ("initial_norm", "step", "slack"))
        if key not in known:
            known[key] = extinction_steps(EXACT, *key)
        steps[i] = known[key]
    return steps


def _row_config(header: Sequence[str], row: Sequence[str], where: str) -> Config:
    """One row as a configuration; ConfigError for a wrong row, a wrong cell, or a rule of configurations."""
    if len(row) != len(header):
        raise ConfigError(
            where, "row", f"{len(row)} cells", f"the header has {len(header)} columns", "Give every column a cell"
        )
    data: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS if name != "target"}
    for field, cell in zip(header, row, strict=True):
        section, _, name = field.partition(".")
        if not cell.strip():
            continue
        value: Any = cell
        if field not in WORDS:
            try:
                value = int(cell) if field in INTEGERS else float(cell)
            except ValueError:
                kind = "a whole number" if field in INTEGERS else "a number"
                raise ConfigError(where, field, cell, f"is not {kind}", f"Write {kind}") from None
        data.setdefault(section, {})[name] = value
    return from_mapping(data, where)
