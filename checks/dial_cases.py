"""Cases of the dial statements: what each needs computed, the equality cases, and ordinary ones beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import sympy as sp
from flint import arb, fmpq

from checks.claims import Case
from checks.controls import Mutant
from checks.dial_rows import (
    DialRow,
    case_of,
    conditional_weights,
    dial_row,
    output_observables,
    rates,
    row_observables,
    weigh,
)
from checks.enclosure import Value
from checks.rows import block_flags, ordinary_rows, two_level
from theory import dial_entropy as ent
from theory import dial_frozen as frozen
from theory import dial_law as law
from theory import dial_level as lev
from theory import dial_monotone as mono
from theory import dial_output as out
from theory import symbols as sym
from theory.theorem import Theorem

OF_A_ROW = (
    law.margin_law, law.mass, law.fidelity_law, law.logit, lev.level_unique,
    ent.entropy_path, ent.entropy_split, ent.advantage, ent.peak_bound,
    mono.falls, mono.climbs, mono.monotone, mono.floor, frozen.frozen_mass, frozen.frozen_entropy, frozen.frozen_floor,
    out.cost_entropy, out.cut_distance, out.cut_divergence,
)  # fmt: skip
AT_SPECIAL_SETTINGS = (lev.target, lev.level_reached, ent.peak_mass, ent.peak_at)
OF_RATES = (law.mass_slope, ent.slope_law, mono.rising)
OF_A_KEY = (law.conditionals, law.conditionals_outside)
OF_OUTPUTS = (out.segment, out.continuity, out.continuity_lipschitz, out.cost, out.cost_bound, frozen.frozen_output)
OF_LOSSES = (out.train_elsewhere, out.cost_loss)

Values = dict[sp.Symbol, Value]
LEVELS = (fmpq(1, 1000), fmpq(1, 10), fmpq(1, 2), fmpq(9, 10))


# Where each bound is attained: conditions on the exact object, never on a ball.
AT_EQUALITY: dict[str, Callable[[DialRow, fmpq, fmpq], bool]] = (
    {theorem.name: lambda row, d, d2: d == d2 for theorem in (mono.falls, mono.climbs, mono.monotone, out.continuity_lipschitz)}
    | {theorem.name: lambda row, d, d2: row.two_level for theorem in (frozen.frozen_mass, frozen.frozen_entropy)}
    | {
        theorem.name: lambda row, d, d2: row.two_level and row.inside[0] + row.beta * d == row.outside[0]
        for theorem in (ent.peak_bound, mono.floor)
    }
    | {theorem.name: lambda row, d, d2: row.two_point for theorem in (out.cost_bound, out.cost_loss)}
    | {frozen.frozen_output.name: lambda row, d, d2: row.two_point and row.two_level}
    | {theorem.name: lambda row, d, d2: d == d2 or _even(row, d, d2) for theorem in (out.continuity, out.train_elsewhere)}
)
NEARLY = fmpq(1023, 1024)  # a loss that stays inside its constant, so that Arb can decide that it does


def _even(row: DialRow, d: fmpq, d2: fmpq) -> bool:
    """Log-odds +x and -x at the two settings, and values in two points."""
    balanced = len(row.inside) == len(row.outside) and row.two_level
    return balanced and row.two_point and 2 * (row.inside[0] - row.outside[0]) + row.beta * (d + d2) == 0


def marked(theorem: Theorem, case: Case, row: DialRow, setting: fmpq, other: fmpq) -> tuple[Theorem, Case]:
    """The statement with the case, marked as an equality case if the row is one of this statement."""
    equal = AT_EQUALITY.get(theorem.name)
    return theorem, dataclasses.replace(case, extremal=equal is not None and equal(row, setting, other))


def row_case(row: DialRow, setting: fmpq, other: fmpq) -> Case:
    """Weights and entropies at a setting and another one."""
    return case_of(lambda: row_observables(row, setting, other), row, setting, other)


def output_case(row: DialRow, setting: fmpq, other: fmpq) -> Case:
    """Outputs at two settings."""
    return case_of(lambda: output_observables(row, setting, other), row, setting, other)


def loss_case(theorem: Theorem, row: DialRow, setting: fmpq, other: fmpq, constant: fmpq) -> tuple[Theorem, Case]:
    """A statement about losses, the loss linear along the segment and as steep as `constant` at equality cases, else nearly."""
    extremal = AT_EQUALITY[theorem.name](row, setting, other)
    slope = constant if extremal else constant * NEARLY
    gap = sym.cut_gap if theorem is out.cost_loss else sym.output_gap

    def values() -> Values:
        found = output_observables(row, setting, other)
        return found | {sym.G_loss: constant, sym.loss_gap: arb(slope) * found[gap]}

    return theorem, case_of(values, row, setting, other, extremal=extremal)


def rate_case(row: DialRow, setting: fmpq) -> Case:
    """Derivatives of outside mass and entropy in the dial."""
    return case_of(lambda: row_observables(row, setting, setting) | rates(row, setting), row, setting)


def key_case(row: DialRow, setting: fmpq, key: int, inside: bool) -> Case:
    """Weight of one key given its side."""
    return case_of(lambda: conditional_weights(row, setting, key, inside), row, setting)


def target_case(row: DialRow, setting: fmpq) -> Case:
    """The least level, up to 2^-40, that the setting warrants for every row of this lead."""
    odds = (arb(row.beta * setting - row.lead)).exp() * len(row.inside) / len(row.outside)  # of staying, in the worst row
    units = ((1 / (1 + odds)) * 2**40).upper().ceil().unique_fmpz()
    level = fmpq(int(units or 0) + 1, 2**40)
    if level >= 1:
        level = fmpq(2**40 - 1, 2**40)
    return case_of(lambda: row_observables(row, setting, setting) | {sym.level: level}, row, setting)


def level_case(row: DialRow, level: fmpq) -> Case:
    """The row at the real setting (logit eps_0 - logit e)/beta, enclosed: the hypothesis holds by construction."""

    def setting() -> arb:
        inside, outside = weigh(row, fmpq(0)).sums
        return ((outside / inside).log() - (arb(level) / arb(1 - level)).log()) / arb(row.beta)

    return case_of(
        lambda: row_observables(row, setting, fmpq(0)) | {sym.level: level}, row, f"where eps = {level}", extremal=True
    )


def peak_case(row: DialRow) -> Case:
    """The row at the real setting -Delta_0/beta, enclosed."""

    def setting() -> arb:
        start = weigh(row, fmpq(0))
        means = [
            sum((w * arb(x) for w, x in zip(weights, contents, strict=True)), arb(0)) / total
            for weights, contents, total in zip(
                (start.inside, start.outside), (row.inside, row.outside), start.sums, strict=True
            )
        ]
        return (means[1] - means[0]) / arb(row.beta)

    return case_of(lambda: row_observables(row, setting, fmpq(0)), row, "at the peak", extremal=True)


def cases_of_row(row: DialRow, setting: fmpq, other: fmpq) -> Iterator[tuple[Theorem, Case]]:
    """Every statement about weights and entropies of one row; `setting` <= `other`."""
    case = row_case(row, setting, other)
    for theorem in OF_A_ROW:
        yield marked(theorem, case, row, setting, other)


def cases_at_special_settings(row: DialRow, setting: fmpq, level: fmpq) -> Iterator[tuple[Theorem, Case]]:
    """The setting for a level, the level a setting warrants, the setting of the peak."""
    yield lev.target, target_case(row, setting)
    yield lev.level_reached, level_case(row, level)
    peak = peak_case(row)
    yield ent.peak_mass, peak
    yield ent.peak_at, peak


def cases_of_rates(row: DialRow, setting: fmpq) -> Iterator[tuple[Theorem, Case]]:
    """The three statements about derivatives, and the conditional weight of a key on either side."""
    case = rate_case(row, setting)
    for theorem in OF_RATES:
        yield theorem, case
    yield law.conditionals, key_case(row, setting, len(row.content) % len(row.inside), True)
    yield law.conditionals_outside, key_case(row, setting, len(row.content) % len(row.outside), False)


def cases_of_outputs(row: DialRow, setting: fmpq, other: fmpq) -> Iterator[tuple[Theorem, Case]]:
    """The statements about outputs, with the worst loss of constant 3/2 for those about losses."""
    case = output_case(row, setting, other)
    for theorem in OF_OUTPUTS:
        yield marked(theorem, case, row, setting, other)
    for theorem in OF_LOSSES:
        yield loss_case(theorem, row, setting, other, fmpq(3, 2))


# --- equality cases, and ordinary rows --------------------------------------------------------------------------------

BETAS = (fmpq(1), fmpq(3, 2), fmpq(1, 2))


def ordinary() -> list[DialRow]:
    """Uneven content, several strengths, values in the plane."""
    rows = []
    for index, row in enumerate(ordinary_rows()):
        plane = [(fmpq(j * j % 7, 3), fmpq((5 * j + 1) % 4)) for j in range(len(row.scores))]
        rows.append(dial_row(row, BETAS[index % 3], plane))
    return rows


def leading(n: int, g: int, lead: fmpq, beta: fmpq, apart: fmpq) -> DialRow:
    """Two-level content that leads outside by `lead`; values in two points `apart` from each other."""
    values = [(fmpq(0), fmpq(0)) if flag else (apart * fmpq(3, 5), apart * fmpq(4, 5)) for flag in block_flags(n, g)]
    return dial_row(two_level(n, g, -lead), beta, values)


def two_level_content() -> list[DialRow]:
    """The standard two-level contents: lead of either sign, g = 1 and g = n - 1 among them."""
    shapes = ((2, 1, 0), (2, 1, 2), (4, 1, -1), (8, 2, 3), (16, 15, 1), (33, 32, -3))
    return [leading(n, g, fmpq(lead), BETAS[index % 3], fmpq(1 + index, 2)) for index, (n, g, lead) in enumerate(shapes)]


PAIRS = ((fmpq(0), fmpq(2)), (fmpq(1), fmpq(5, 2)), (fmpq(-3), fmpq(-1, 2)), (fmpq(4), fmpq(9)), (fmpq(3), fmpq(3)))
SYMMETRIC = tuple((x, -x) for x in (fmpq(1, 2**12), fmpq(1, 3), fmpq(2), fmpq(7)))


def _ordinary_rows() -> list[Case]:
    return [row_case(row, *pair) for row in ordinary() for pair in PAIRS]


def rows_for(theorem: Theorem) -> Callable[[], list[Case]]:
    """Two-level and ordinary content at pairs of settings, marked where the statement is attained."""
    rows = (*(two_level_content() if theorem.name in AT_EQUALITY else ()), *ordinary())
    return lambda: [marked(theorem, row_case(row, *pair), row, *pair)[1] for row in rows for pair in PAIRS]


def _even_content() -> list[DialRow]:
    """Even content, as many keys inside as outside: log-odds 0 at dial 0."""
    return [leading(2 * g, g, fmpq(0), beta, fmpq(g, 2)) for g, beta in ((1, fmpq(1)), (4, fmpq(3, 2)), (3, fmpq(1, 2)))]


def outputs_for(theorem: Theorem) -> Callable[[], list[Case]]:
    """Even content at settings +x and -x, values in two points, and ordinary rows; worst losses where the statement has one."""

    def made() -> list[Case]:
        pairs = [(row, pair) for row in _even_content() for pair in SYMMETRIC]
        pairs += [(row, pair) for row in (*two_level_content(), *ordinary()) for pair in PAIRS]
        if theorem in OF_LOSSES:
            return [loss_case(theorem, row, *pair, fmpq(5, 2))[1] for row, pair in pairs]
        return [marked(theorem, output_case(row, *pair), row, *pair)[1] for row, pair in pairs]

    return made


def peak_cases() -> list[Case]:
    """Every row at its peak, and away from it."""
    return [peak_case(row) for row in (*ordinary(), *two_level_content())] + _ordinary_rows()


def level_cases() -> list[Case]:
    """Every row at every level."""
    return [level_case(row, level) for row in (*ordinary(), *two_level_content()) for level in LEVELS]


def target_cases() -> list[Case]:
    """Two-level rows at exactly the setting a level needs (odds of staying rational), and what ordinary settings warrant."""

    def at(row: DialRow, q: int) -> Case:
        def setting() -> arb:
            return (arb(row.lead) + (arb(q) * len(row.outside) / len(row.inside)).log()) / arb(row.beta)

        return case_of(
            lambda: row_observables(row, setting, fmpq(0)) | {sym.level: fmpq(1, q + 1)}, row, f"odds {q}", extremal=True
        )

    return [at(row, q) for row in two_level_content() for q in (1, 3, 99)] + [
        target_case(row, d) for row in ordinary() for d in (fmpq(2), fmpq(9))
    ]


def just_below(row: DialRow, level: fmpq, short: int = 40) -> Case:
    """A two-level row at a dyadic setting at most 2^(1 - short) below the one its level needs."""
    needed = (arb(row.lead) + (arb(len(row.outside)) / len(row.inside)).log() + (arb(1 - level) / arb(level)).log()) / arb(
        row.beta
    )
    units = (needed * 2**short).lower().floor().unique_fmpz()
    setting = fmpq(int(units or 0) - 1, 2**short)
    return case_of(lambda: row_observables(row, setting, setting) | {sym.level: level}, row, setting, extremal=True)


def below_target_cases() -> list[Case]:
    """Two-level rows just below the setting, and far below."""
    return [just_below(row, level, short) for row in two_level_content() for level in LEVELS for short in (40, 2)]


def _rates() -> list[Case]:
    return [
        rate_case(row, d)
        for row in (*ordinary(), *two_level_content())
        for d in (fmpq(-5), fmpq(-1, 2), fmpq(0), fmpq(7, 5), fmpq(6))
    ]


def wide_cases() -> list[Case]:
    """A thousand keys, content spread and dial adding up to one nat, the block as large as psi(1) asks for: almost attained."""
    wide = [dial_row(two_level(1000, 339, fmpq(1, 2)), fmpq(3, 2)), dial_row(two_level(1000, 661, fmpq(-1, 4)), fmpq(1, 2))]
    return [row_case(row, d, d) for row, d in zip(wide, (fmpq(1, 3), fmpq(-3, 2)), strict=True)] + _ordinary_rows()


def _keys(inside: bool) -> Callable[[], list[Case]]:
    return lambda: [key_case(row, d, 0, inside) for row in ordinary() for d in (fmpq(-2), fmpq(4, 3))]


def _closed() -> list[Case]:
    return [Case({}, "closed numbers", extremal=True)]


EXTREMAL: dict[str, Callable[[], list[Case]]] = (
    {theorem.name: rows_for(theorem) for theorem in OF_A_ROW}
    | {theorem.name: peak_cases for theorem in (ent.peak_bound, ent.peak_mass, ent.peak_at, mono.floor)}
    | {theorem.name: _rates for theorem in OF_RATES}
    | {theorem.name: outputs_for(theorem) for theorem in (*OF_OUTPUTS, *OF_LOSSES)}
    | {
        law.conditionals.name: _keys(True), law.conditionals_outside.name: _keys(False),
        lev.level_reached.name: level_cases, lev.target.name: target_cases, lev.target_exact.name: below_target_cases,
        frozen.frozen_floor.name: wide_cases, mono.rises.name: _closed, mono.below_block.name: _closed,
    }
)  # fmt: skip

_UNDEFINED = "the logarithm of a negative number: this claims nothing"
ALSO_TRUE = {
    **{
        name: {"F_0 of the other sign": _UNDEFINED, "eps0 of the other sign": _UNDEFINED}
        for name in (law.logit.name, ent.advantage.name)
    },
    lev.level_unique.name: {"eps of the other sign": _UNDEFINED, "eps0 of the other sign": _UNDEFINED},
    **{name: {"eps of the other sign": _UNDEFINED} for name in (ent.entropy_split.name, out.cost_entropy.name)},
    mono.rises.name: {"bits for nats on the left": "(ln 2)^2 = 0.480 still exceeds 0.365"},
    mono.below_block.name: {"bits for nats on the left": "0.177/ln 2 = 0.255 still is below ln 2"},
}


def rising_controls() -> list[Mutant]:
    """Other conditions that one might take for the one under which entropy rises."""
    advantage, lift = sym.content_advantage, sym.beta * sym.dial
    conditions = {
        "the dial forgotten: Delta_0 < 0": sp.Lt(advantage, 0, evaluate=False),
        "the content forgotten: beta d < 0": sp.Lt(lift, 0, evaluate=False),
        "the lead for the advantage: beta d < R_0": sp.Lt(lift, sym.content_lead, evaluate=False),
        "the peak a nat later: Delta_0 + beta d < 1": sp.Lt(advantage + lift, 1, evaluate=False),
        "the strength forgotten: Delta_0 + d < 0": sp.Lt(advantage + sym.dial, 0, evaluate=False),
        "the block in the minority: eps > 1/2": sp.Gt(sym.eps, sp.Rational(1, 2), evaluate=False),
    }
    before = mono.rising.assumes["before"]
    return [
        Mutant(
            change,
            dataclasses.replace(
                mono.rising, assumes={**mono.rising.assumes, "before": dataclasses.replace(before, relation=relation)}
            ),
        )
        for change, relation in conditions.items()
    ]
