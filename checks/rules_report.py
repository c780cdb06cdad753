"""What rules do to a layer, certified: masses before and after, divergence paid, interaction of each with each, rounding, ejection."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flint import arb, ctx, fmpq

from checks.rules_layer import Applied, RunningLayer, rows_of, same_bits
from checks.rules_masses import BITS, RowMasses, masses, mean, rational
from checks.verdict import FAILS, HOLDS, UNDECIDED, Verdict, worst
from theory.rounding import round_end

NATS_A_BIT = 2  # divided by its logarithm


@dataclass(frozen=True)
class Enclosed:
    """A real number between two floats."""

    low: float
    high: float


def enclosed(ball: arb) -> Enclosed:
    """The ends of a ball, rounded outwards."""
    return Enclosed(round_end(ball.lower(), "down"), round_end(ball.upper(), "up"))


def _ends(balls: list[arb]) -> tuple[Enclosed, Enclosed]:
    low, high = balls[0], balls[0]
    for ball in balls[1:]:
        low, high = low.min(ball), high.max(ball)
    return enclosed(low), enclosed(high)


@dataclass(frozen=True)
class RuleReport:
    """One rule: its keys, strength (nats), mean, least and greatest mass over the rows it acts on, and what it costs and does.

    alone: mean mass and divergence with this rule only. shift: mean change of its log-odds with all rules; interaction: shift minus
    strength, at most `interaction_bound` on every row. moves: by how much each rule moves this rule's mean log-odds (leave-one-out; its
    own is b).
    """

    name: str
    keys: str
    positions: int
    rows: int
    goal: str
    wanted: float | None
    strength: float
    before: Enclosed
    after: Enclosed
    least_after: Enclosed
    greatest_after: Enclosed
    alone: Enclosed
    alone_nats: Enclosed
    alone_bits: Enclosed
    shift: Enclosed
    interaction: Enclosed
    interaction_bound: float
    moves: dict[str, Enclosed]
    met: str  # verdict on the target: HOLDS, UNDECIDED or FAILS; "" without one


@dataclass(frozen=True)
class Report:
    """Everything about the rules of one file on one layer."""

    source: str
    rows: int
    rules: tuple[RuleReport, ...]
    paid_nats: Enclosed
    paid_bits: Enclosed
    radius: float | None
    rounding: Enclosed  # greatest |log-odds of the layer's own floats - log-odds of the law| over rules and rows
    rounding_bound: Enclosed
    rounding_held: str
    residue_free: bool
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        return asdict(self)


def report(applied: Applied) -> Report:
    """Certify what the rules of a file do to the layer; nothing is trained or changed."""
    with ctx.workprec(BITS):
        return _report(applied)


def _report(applied: Applied) -> Report:
    rows, specs = applied.rows, applied.file.rules
    exact = [rational(b) for b in applied.strengths]
    none = [fmpq(0)] * len(specs)
    before, after = rows.at(none), rows.at(exact)
    without = [rows.at([fmpq(0) if k == out else b for k, b in enumerate(exact)]) for out in range(len(specs))]
    rules = tuple(_rule(applied, k, exact, before, after, without) for k in range(len(specs)))
    paid = mean(row.divergence for row in after)
    running = RunningLayer(applied.layer)
    running.exchange(applied)
    off, bound, held = _rounding(applied, running, after)
    for spec in specs:
        running.eject(spec.name)
    clean = same_bits(running.capture(), applied.layer.plain)
    verdicts = [Verdict[rule.met] for rule in rules if rule.met] + [held, HOLDS if clean else FAILS]
    return Report(
        str(applied.file.path), len(rows.rows), rules, enclosed(paid), enclosed(paid / arb(NATS_A_BIT).log()), applied.radius,
        enclosed(off), enclosed(bound), held.name, clean, worst(verdicts).name,
    )  # fmt: skip


def _rule(
    applied: Applied, k: int, exact: list[fmpq], before: list[RowMasses], after: list[RowMasses], without: list[list[RowMasses]]
) -> RuleReport:
    spec, rows = applied.file.rules[k], applied.rows
    acting = rows.acting[k]
    only = [b if j == k else fmpq(0) for j, b in enumerate(exact)]
    alone = [masses(rows.rows[i], only) for i in acting]
    shifts = [after[i].log_odds(k) - before[i].log_odds(k) for i in acting]
    shift = mean(shifts)
    moves = {
        other.name: _at_most(abs(exact[j]), mean(after[i].log_odds(k) - without[j][i].log_odds(k) for i in acting))
        for j, other in enumerate(applied.file.rules)
    }
    bound = _oscillation(applied, k)
    ends = _ends([after[i].inside[k] for i in acting])
    paid = mean(row.divergence for row in alone)
    return RuleReport(
        name=spec.name, keys=spec.words, positions=int(applied.named[k].sum()), rows=len(acting), goal=spec.goal,
        wanted=None if spec.goal == "strength" else float(spec.value), strength=applied.strengths[k],
        before=enclosed(mean(before[i].inside[k] for i in acting)), after=enclosed(mean(after[i].inside[k] for i in acting)),
        least_after=ends[0], greatest_after=ends[1], alone=enclosed(mean(row.inside[k] for row in alone)),
        alone_nats=enclosed(paid), alone_bits=enclosed(paid / arb(NATS_A_BIT).log()), shift=enclosed(shift),
        interaction=_at_most(rational(bound), shift - arb(exact[k])), interaction_bound=bound, moves=moves,
        met=_met(applied, k, after),
    )  # fmt: skip


def _at_most(bound: fmpq, ball: arb) -> Enclosed:
    """A number that a theorem bounds in size: where the bound is 0, so is the number, and no ball says it better."""
    return Enclosed(0.0, 0.0) if bound == 0 else enclosed(ball)


def _oscillation(applied: Applied, k: int) -> float:
    """Greatest oscillation over the rows of what all other rules add (nats), rounded up."""
    worst_yet = fmpq(0)
    for cells in applied.rows.kinds:
        sums = [
            sum((rational(b) for j, b in enumerate(applied.strengths) if p[j] and j != k), fmpq(0)) for p in cells
        ]  # exact: strengths are floats
        worst_yet = max(worst_yet, max(sums) - min(sums))
    return round_end(arb(worst_yet).upper(), "up")


def _met(applied: Applied, k: int, after: list[RowMasses]) -> str:
    """Whether the rule's target is met.

    least: on every row, by enclosure. fidelity: some strengths within `radius` of these meet it exactly (Krawczyk), and so these miss it
    by no more than a quarter of the radius for every rule, because no derivative of a mass in a strength exceeds 1/4; checked as well.
    """
    spec = applied.file.rules[k]
    if spec.goal == "strength":
        return ""
    if spec.goal == "least":
        held = [after[i].inside[k] >= arb(rational(spec.value)) for i in applied.rows.acting[k]]
        missed = [after[i].inside[k] < arb(rational(spec.value)) for i in applied.rows.acting[k]]
        return (FAILS if any(missed) else HOLDS if all(held) else UNDECIDED).name
    if applied.radius is None:
        return UNDECIDED.name
    miss = abs(mean(after[i].inside[k] for i in applied.rows.acting[k]) - arb(rational(spec.value)))
    return (HOLDS if miss <= arb(applied.radius) * len(applied.strengths) / 4 else UNDECIDED).name


def _rounding(applied: Applied, running: RunningLayer, after: list[RowMasses]) -> tuple[arb, arb, Verdict]:
    """(greatest distance of the layer's own log-odds from the law's, its bound, whether it was kept).

    The layer adds content, dial and rules in floats. What its score is beyond (score without rules + strengths) is one more addition to the
    scores, so it moves log-odds by at most its oscillation (`rules.interaction`); both are computed exactly, row by row.
    """
    capture = running.capture()
    produced = rows_of(applied.layer, applied.named, capture)
    zero = [fmpq(0)] * len(applied.strengths)
    greatest, greatest_bound, verdicts = arb(0), arb(0), [HOLDS]
    for i, (s, t) in enumerate(applied.layer.visible_rows):
        keep = capture.visible[0, s, t].cpu()
        scores, stored = (x.scores[0, s, t].detach().cpu().double()[keep].tolist() for x in (capture, applied.layer.plain))
        errors = []
        for j, with_rules, plain in zip(keep.nonzero()[:, 0].tolist(), scores, stored, strict=True):
            lift = sum((rational(b) for keys, b in zip(applied.named, applied.strengths, strict=True) if keys[s, j]), fmpq(0))
            errors.append(rational(with_rules) - rational(plain) - lift)
        bound = arb(max(errors) - min(errors))
        here = masses(produced.rows[i], zero)
        for k in range(len(applied.strengths)):
            if i in applied.rows.acting[k]:
                off = abs(here.log_odds(k) - after[i].log_odds(k))
                greatest = greatest.max(off)
                inside = [bool(applied.named[k][s, j]) for j in keep.nonzero()[:, 0].tolist()]
                sides = ({e for e, f in zip(errors, inside, strict=True) if f is side} for side in (True, False))
                attained = all(len(side) == 1 for side in sides)
                verdicts.append(HOLDS if off <= bound else FAILS if off > bound else _agree(off, bound, attained))
        greatest_bound = greatest_bound.max(bound)
    return greatest, greatest_bound, worst(verdicts)


def _agree(off: arb, bound: arb, attained: bool) -> Verdict:
    """An undecided comparison: where rounding is one number on the rule's keys and one on the others, both sides are equal, exactly."""
    return HOLDS if attained and abs(off - bound).upper() < arb(2) ** (16 - BITS) else UNDECIDED
