"""Cases of the rules statements: what each needs computed, the equality cases, and ordinary ones beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from flint import arb, fmpq

from checks import rules_rows as rows
from checks.claims import Case
from checks.enclosure import rational
from checks.rows import block_flags, ordinary_rows
from checks.rules_rows import KeySet, RuleRow, case_of, softmax
from theory import rules_projection as pro
from theory import rules_several as sev
from theory import rules_single as one
from theory import symbols as sym
from theory.theorem import Theorem

OF_ONE_RULE = (one.odds_law, one.mass_law, one.divergence, one.divergence_of_strength, one.divergence_binary)
OF_A_KEY = (one.conditionals, one.conditionals_outside)
OF_OTHERS = (sev.leave_one_out, sev.interaction, sev.oscillation)
OF_SETS = (sev.composition, sev.ejection, sev.same_row, sev.shifted_row)
OF_A_DISTRIBUTION = (
    pro.pythagoras,
    pro.least_divergence,
    pro.least_divergence_above,
    pro.stability,
    pro.least_divergence_of_mass,
)
OF_ALL_RULES = (pro.divergence_several, pro.least_divergence_several, pro.reach, pro.unreachable, pro.unreachable_edge)
EVERY = (
    *OF_ONE_RULE, one.target, one.divergence_cap, one.output, *OF_A_KEY, *OF_OTHERS, sev.additive, sev.independent, *OF_SETS,
    *OF_A_DISTRIBUTION, *OF_ALL_RULES,
)  # fmt: skip

Emitted = tuple[Theorem, Case]
LEVELS = (fmpq(1, 1000), fmpq(1, 3), fmpq(1, 2), fmpq(99, 100))


# --- one rule ---------------------------------------------------------------------------------------------------------


def single_case(row: RuleRow) -> Case:
    """Masses, log-odds and divergence of the row's first rule; no rule at all is the equality case of the cap."""
    return case_of(lambda: rows.single(row, row.rules[0].strength), row, "its first rule", extremal=row.rules[0].strength == 0)


def output_case(row: RuleRow) -> Case:
    """Outputs with and without the first rule; extremal for log-odds -b/2, values in two points."""
    rule = row.rules[0]
    dial = row.only(0)
    even = (
        dial.two_level and len(dial.inside) == len(dial.outside) and 2 * (dial.inside[0] - dial.outside[0]) + rule.strength == 0
    )
    return case_of(
        lambda: rows.single(row, rule.strength), row, "outputs", extremal=rule.strength == 0 or (even and dial.two_point)
    )


def target_case(row: RuleRow, level: fmpq) -> Case:
    """The first rule at the real strength logit phi - logit F_0, enclosed: the hypothesis holds by construction."""

    def strength() -> arb:
        plain = softmax(row.content)
        inside, outside = rows.mass(plain, row.rules[0].keys), rows.mass(plain, [not f for f in row.rules[0].keys])
        return (arb(level) / arb(1 - level)).log() - (inside / outside).log()

    return case_of(lambda: rows.single(row, strength) | {sym.phi: level}, row, f"for mass {level}", extremal=True)


def key_case(row: RuleRow, inside: bool, key: int = 0) -> Case:
    """Weight of one key given its side."""
    return case_of(lambda: rows.conditional(row, key, inside), row, f"key {key} {'of' if inside else 'outside'} the rule")


def cases_of_one(row: RuleRow, level: fmpq) -> Iterator[Emitted]:
    """Every statement about one rule."""
    case = single_case(row)
    for theorem in (*OF_ONE_RULE, one.divergence_cap):
        yield theorem, case
    yield one.target, target_case(row, level)
    for theorem, inside in zip(OF_A_KEY, (True, False), strict=True):
        yield theorem, key_case(row, inside)
    if row.values:
        yield one.output, output_case(row)


# --- several rules ----------------------------------------------------------------------------------------------------


def others_case(row: RuleRow, index: int) -> Case:
    """One rule of the row under all the others; extremal when these are one rule on the same keys or on all the others."""
    keys = row.rules[index].keys
    tilt = row.tilt(index)
    sides = {x for x, flag in zip(tilt, keys, strict=True) if flag}, {x for x, flag in zip(tilt, keys, strict=True) if not flag}
    return case_of(
        lambda: rows.left_out(row, index), row, f"rule {index} left out", extremal=len(sides[0]) == 1 == len(sides[1])
    )


def alike_case(row: RuleRow, index: int) -> Case:
    """The same, when what the others add is the same on every key: they lift both sides alike."""
    return case_of(
        lambda: rows.left_out(row, index), row, f"rule {index}, others alike", extremal=len(set(row.tilt(index))) == 1
    )


def independent_case(row: RuleRow) -> Case:
    """Two rules whose sets are independent by construction (see `grid`)."""
    return case_of(lambda: rows.pair(row), row, "independent rules", extremal=True)


def cases_of_others(row: RuleRow) -> Iterator[Emitted]:
    """The leave-one-out law and what follows, for every rule of the row that has keys on both sides."""
    for index in range(len(row.rules)):
        if row.has_both(index):
            case = others_case(row, index)
            for theorem in OF_OTHERS:
                if theorem is not sev.oscillation or not row.added:
                    yield theorem, case


def cases_of_sets(row: RuleRow, key: int, level: fmpq) -> Iterator[Emitted]:
    """Order, ejection, constants: for one key and any split of the rules."""
    first = range(0, len(row.rules), 2)
    yield sev.composition, case_of(lambda: rows.rearranged(row, key, first), row, f"key {key}, every second rule first")
    yield sev.ejection, case_of(lambda: rows.ejected(row, key), row, f"key {key}, rules on and off")
    same = case_of(lambda: rows.shifted_by(row, key, level), row, f"key {key}, constant {level}", extremal=True)
    yield sev.same_row, same
    yield sev.shifted_row, same


# --- distributions ----------------------------------------------------------------------------------------------------


def split(row: RuleRow, parts: Sequence[fmpq], more: fmpq = rows.ZERO) -> rows.Distribution:
    """A distribution with these relative weights on each side of the first rule, and the mass that the rule gives (or more).

    more: share of the mass outside that is moved to the rule's keys.
    """
    keys = row.rules[0].keys
    sums = [sum((w for w, f in zip(parts, keys, strict=True) if f is side), rows.ZERO) for side in (True, False)]

    def made() -> list[arb | fmpq]:
        after = softmax(rows.shifted(row.content, row.one_rule(0).tilt()))
        inside, outside = rows.mass(after, keys), rows.mass(after, [not f for f in keys])
        up, down = inside + arb(more) * outside, arb(1 - more) * outside
        return [
            w if w == 0 else (up * arb(w / sums[0]) if f else down * arb(w / sums[1])) for w, f in zip(parts, keys, strict=True)
        ]

    return made


def itself(row: RuleRow, every: bool = False) -> rows.Distribution:
    """The row with its first rule (or with every rule), as a distribution."""
    chosen = row if every else row.one_rule(0)
    return lambda: list(softmax(rows.shifted(chosen.content, chosen.tilt())))


def further(row: RuleRow, factor: fmpq, share: fmpq) -> rows.Distribution:
    """A mixture of the row with all rules and of the row with all strengths times `factor`: masses moved along the rules."""
    tilt = [x * factor for x in row.tilt()]

    def made() -> list[arb | fmpq]:
        here, there = softmax(rows.shifted(row.content, row.tilt())), softmax(rows.shifted(row.content, tilt))
        return [arb(1 - share) * x + arb(share) * y for x, y in zip(here, there, strict=True)]

    return made


def cases_of_distribution(row: RuleRow, parts: Sequence[fmpq], more: fmpq) -> Iterator[Emitted]:
    """A distribution against the row with its first rule: of the same mass, of more, and the row itself."""
    same = case_of(lambda: rows.projected(row, split(row, parts)), row, "a distribution of the same mass", extremal=True)
    for theorem in OF_A_DISTRIBUTION:
        yield theorem, same
    sides = [
        {(x, w) for x, w, f in zip(row.content, parts, row.rules[0].keys, strict=True) if f is side} for side in (True, False)
    ]
    uniform = all(
        len(side) == 1 for side in sides
    )  # on each side the row and the distribution are uniform: it is a row with a rule
    above = case_of(
        lambda: rows.projected(row, split(row, parts, more)), row, f"a distribution of more mass ({more})", extremal=uniform
    )
    for theorem in (pro.pythagoras, pro.least_divergence_above, pro.least_divergence_of_mass):
        yield theorem, above


def own_case(row: RuleRow) -> Case:
    """The row with its first rule against itself."""
    return case_of(lambda: rows.projected(row, itself(row)), row, "itself", extremal=True)


def own_case_several(row: RuleRow) -> Case:
    """The row with all rules against itself."""
    return case_of(lambda: rows.all_rules(row, itself(row, True)), row, "itself", extremal=True)


def exact_weights(parts: Sequence[fmpq]) -> rows.Distribution:
    """A distribution of exact rational weights."""
    total = sum(parts, rows.ZERO)
    return lambda: [w / total for w in parts]


def reach_case(row: RuleRow, parts: Sequence[fmpq], wanted: fmpq | None = None) -> Case:
    """Exact weights against the greatest sum of strengths; extremal when all keys that carry less carry the same."""
    return case_of(
        lambda: rows.reached(row, exact_weights(parts), wanted), row, "what it reaches", extremal=len(set(row.tilt())) <= 2
    )


def edge_case(row: RuleRow) -> Case:
    """Targets on the edge against the row itself, a softmax."""
    return case_of(lambda: rows.reached(row, itself(row, True)), row, "targets on the edge")


def cases_of_all(row: RuleRow, parts: Sequence[fmpq], share: fmpq) -> Iterator[Emitted]:
    """Every statement about the row with all its rules and a distribution."""
    one_row = len(set(row.tilt())) == 1  # the rules change nothing, and the mixture is the row itself
    values = lambda: rows.all_rules(row, further(row, fmpq(2), share))  # noqa: E731
    along = case_of(values, row, f"a mixture ({share}) along the rules", extremal=one_row)
    yield pro.divergence_several, along
    yield pro.least_divergence_several, along
    yield pro.reach, reach_case(row, parts)
    yield pro.unreachable, reach_case(row, parts, max(row.tilt()) + share)
    yield pro.unreachable_edge, edge_case(row)


# --- rows -------------------------------------------------------------------------------------------------------------

Draw = np.random.Generator


def some_rules(rng: Draw, n: int, count: int) -> tuple[KeySet, ...]:
    """Random rules of dyadic strength on random key sets, some and not all keys each."""
    made = []
    for _ in range(count):
        flags = rng.random(n) < rng.choice((0.2, 0.5, 0.8))
        flags[rng.integers(n)] ^= flags.all() or not flags.any()
        made.append(KeySet(tuple(map(bool, flags)), fmpq(int(rng.integers(-48, 49)), 8)))
    return tuple(made)


def some_parts(rng: Draw, keys: Sequence[bool]) -> list[fmpq]:
    """Random relative weights, a third of them 0, some weight on each side of the keys."""
    parts = rng.integers(1, 100, len(keys)) * (rng.random(len(keys)) < 0.67)
    for side in (True, False):
        members = [j for j, f in enumerate(keys) if f is side]
        if members and not parts[members].any():
            parts[members[0]] = 1
    return [fmpq(int(x)) for x in parts]


def grid(content: Sequence[fmpq], other: Sequence[fmpq], first: fmpq, second: fmpq, origin: str) -> RuleRow:
    """Keys (i, j) with content x_i + y_j, a rule on i = 0 and one on j = 0: independent, since weights are products."""
    cells = [(i, j) for i in range(len(content)) for j in range(len(other))]
    return RuleRow(
        tuple(content[i] + other[j] for i, j in cells),
        (KeySet(tuple(i == 0 for i, _ in cells), first), KeySet(tuple(j == 0 for _, j in cells), second)),
        origin,
    )


def ordinary() -> list[RuleRow]:
    """Uneven content, overlapping rules of either sign, values in the plane."""
    made = []
    for index, row in enumerate(ordinary_rows()):
        n = len(row.scores)
        values = tuple((fmpq(j * j % 7, 3), fmpq((5 * j + 1) % 4)) for j in range(n))
        sets = (
            tuple(j % 2 == 0 for j in range(n)),
            tuple(j < (n + 1) // 2 for j in range(n)),
            tuple(j == n - 1 for j in range(n)),
        )
        rules = tuple(KeySet(keys, b) for keys, b in zip(sets, (fmpq(3, 2), fmpq(-5, 4), fmpq(2 + index, 3)), strict=True))
        made.append(RuleRow(tuple(map(rational, row.scores)), rules, f"ordinary row {index} with three rules", values))
    return made


def pointed(n: int, g: int, b: fmpq, apart: fmpq) -> RuleRow:
    """Log-odds -b/2 of g of 2 g keys, values in two points: the output moves as far as a rule of b can move it."""
    flags = block_flags(n, g)
    values = tuple((rows.ZERO,) if f else (apart,) for f in flags)
    return RuleRow(
        tuple(-b / 2 if f else rows.ZERO for f in flags), (KeySet(flags, b),), f"even row of {n} keys, rule {b}", values
    )


def on_same_keys(b: fmpq, other: fmpq, same: bool) -> RuleRow:
    """A rule and another on the same keys, or on all the others: the others interfere as much as they can."""
    flags = (True, False, True, False, False)
    keys = flags if same else tuple(not f for f in flags)
    content = (fmpq(1), fmpq(-1, 2), fmpq(0), fmpq(2), fmpq(1, 3))
    return RuleRow(
        content, (KeySet(flags, b), KeySet(keys, other)), f"rules {b} and {other} on {'the same' if same else 'the other'} keys"
    )


def disjoint() -> RuleRow:
    """Weights (.25, .25, .5) up to a rational approximation of ln 2, disjoint rules of 1 and 2 nats."""
    ln2 = rational(np.log(2.0))
    return RuleRow(
        (rows.ZERO, rows.ZERO, ln2), (KeySet((True, False, False), fmpq(1)), KeySet((False, True, False), fmpq(2))), "disjoint"
    )


_STRENGTHS = ((1, 2), (-2, 3), (1, -4), (0, 1), (1, fmpq(1, 2)), (1, fmpq(-1, 2)))
SAME = [on_same_keys(fmpq(b), fmpq(x), side) for b, x in _STRENGTHS for side in (True, False)]
FAINT = [pointed(2, 1, fmpq(x), fmpq(1)) for x in (fmpq(1, 2**12), fmpq(-1, 2**13), fmpq(0))]
EVEN = [pointed(2 * g, g, b, fmpq(g, 2)) for g, b in ((1, fmpq(2)), (2, fmpq(-1, 3)), (3, fmpq(7)), (1, fmpq(1, 2**12)))]
GRIDS = [
    grid((fmpq(1), fmpq(0), fmpq(-1, 2)), (fmpq(0), fmpq(2)), b, x, f"grid {index}")
    for index, (b, x) in enumerate(((fmpq(1), fmpq(2)), (fmpq(-3, 2), fmpq(1, 2)), (fmpq(4), fmpq(-3))))
]


def _faint() -> list[RuleRow]:
    """Even odds and a rule next to nothing: where the cap b^2/8 is nearly attained."""
    return [RuleRow((rows.ZERO, rows.ZERO), row.rules, f"even odds, rule {row.rules[0].strength}") for row in FAINT]


def _singles() -> list[Case]:
    return [single_case(row) for row in (*ordinary(), *_faint())]


def _outputs() -> list[Case]:
    return [output_case(row) for row in (*EVEN, *FAINT, *ordinary())]


def _targets() -> list[Case]:
    return [target_case(row, level) for row in ordinary() for level in LEVELS]


def _others() -> list[Case]:
    return [others_case(row, index) for row in (*SAME, *ordinary(), disjoint()) for index in range(len(row.rules))]


def _alike() -> list[Case]:
    whole = [
        RuleRow(
            row.content, (row.rules[0], KeySet((True,) * len(row.content), fmpq(3, 2))), f"{row.origin}, the other on every key"
        )
        for row in ordinary()
    ]
    return [alike_case(row, 0) for row in (*whole, *ordinary())]


def _sets(theorem: Theorem) -> Callable[[], list[Case]]:
    def made() -> list[Case]:
        every = [e for row in (*ordinary(), *SAME) for key in (0, 1) for e in cases_of_sets(row, key, fmpq(5, 4))]
        return [case for t, case in every if t is theorem]

    return made


def _distributions(theorem: Theorem) -> Callable[[], list[Case]]:
    def made() -> list[Case]:
        found = [own_case(row) for row in (*ordinary(), *SAME)]
        for seed, row in enumerate((*ordinary(), *SAME)):
            parts = some_parts(np.random.default_rng(seed), row.rules[0].keys)
            found += [case for t, case in cases_of_distribution(row, parts, fmpq(1, 3)) if t is theorem]
        return found

    return made


def _all(theorem: Theorem) -> Callable[[], list[Case]]:
    def made() -> list[Case]:
        found = [own_case_several(row) for row in (*ordinary(), *SAME)] if theorem in OF_ALL_RULES[:2] else []
        for seed, row in enumerate((*ordinary(), *SAME, disjoint())):
            parts = some_parts(np.random.default_rng(seed), row.rules[0].keys)
            for share in (fmpq(1, 2), fmpq(1, 2**30)):
                found += [case for t, case in cases_of_all(row, parts, share) if t is theorem]
        return found

    return made


def _near_edge() -> list[Case]:
    """Rows that all but exhaust a key: the two sides of the certificate come together."""
    row = RuleRow((fmpq(40), rows.ZERO), (KeySet((True, False), fmpq(2)),), "a row with nearly all mass on the rule's key")
    return [edge_case(row), *_all(pro.unreachable_edge)()]


def _unreached() -> list[Case]:
    """All mass where the sum is greatest, targets a millionth of a millionth beyond."""
    row = RuleRow((rows.ZERO, rows.ZERO), (KeySet((True, False), fmpq(2)),), "all mass on the rule's key")
    return [reach_case(row, (fmpq(1), rows.ZERO), 2 + fmpq(1, 10**12)), *_all(pro.unreachable)()]


def closed() -> list[Case]:
    """The one case of a closed statement."""
    return [Case({}, "closed numbers", extremal=True)]


EXTREMAL: dict[str, Callable[[], list[Case]]] = (
    {theorem.name: _singles for theorem in (*OF_ONE_RULE, one.divergence_cap)}
    | {theorem.name: _others for theorem in OF_OTHERS}
    | {theorem.name: _sets(theorem) for theorem in OF_SETS}
    | {theorem.name: _distributions(theorem) for theorem in OF_A_DISTRIBUTION}
    | {theorem.name: _all(theorem) for theorem in OF_ALL_RULES}
    | {
        one.target.name: _targets, one.output.name: _outputs, pro.unreachable.name: _unreached, pro.unreachable_edge.name: _near_edge,
        one.conditionals.name: lambda: [key_case(row, True) for row in ordinary()],
        one.conditionals_outside.name: lambda: [key_case(row, False) for row in ordinary()],
        sev.additive.name: _alike, sev.independent.name: lambda: [independent_case(row) for row in GRIDS],
        **{t.name: closed for t in (sev.disjoint_lowered, sev.disjoint_short, sev.float_residue, sev.float_residue_large)},
    }
)  # fmt: skip

_UNDEFINED = "the logarithm of a negative number: this claims nothing"
_NO_LOG = {"F_0 of the other sign": _UNDEFINED, "eps0 of the other sign": _UNDEFINED}
ALSO_TRUE: dict[str, dict[str, str]] = {
    **{theorem.name: _NO_LOG for theorem in (one.odds_law, sev.additive, sev.independent)},
    one.divergence_binary.name: {"F_0 of the other sign": _UNDEFINED, "F of the other sign": _UNDEFINED},
    pro.least_divergence_of_mass.name: {"F_0 of the other sign": _UNDEFINED, "p_S of the other sign": _UNDEFINED},
    sev.leave_one_out.name: {"F_x of the other sign": _UNDEFINED, "eps_x of the other sign": _UNDEFINED},
    sev.same_row.name: {"M_1 of the other sign": _UNDEFINED, "M_2 of the other sign": _UNDEFINED},
    sev.float_residue.name: {"bits for nats on the left": "0.0000015/ln 2 still exceeds a millionth"},
    pro.stability.name: {
        "h_2 squared": "the divergence from the rule's row is at least -2 ln(1 - h/2) >= h^2, since 1/(1 - x) >= 4 x"
    },
}
