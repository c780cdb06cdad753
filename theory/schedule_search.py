"""The cheapest schedule for a containment target, with a certificate that no cheaper one of the class reaches it.

The class: degrees, first dials, first contained layers, and last dials on a grid of a given resolution up to a cap. For fixed
degree, first dial and start, a greater last dial costs more (`schedule.budget`), raises no outside mass
(`schedule.raised`, `concentration.monotone`) and so no leak (`schedule.tighter`). The least last dial that reaches the target is
found by bisection over the grid, every comparison decided in Arb; the certificate is the grid point just below it, which misses.
By the monotony every schedule of the slice with a last dial no greater misses too, on the grid or off it;
between these two grid points, less than one resolution apart in the last dial, nothing is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx

from theory.schedule_numbers import MEASURES, Containment, Measure, Number, Schedule, ScheduleError, Stack, ball, contain

PRECISIONS = (128, 256, 512, 1024)


@dataclass(frozen=True)
class Slice:
    """What is known of one (degree, first dial, start): the cheapest schedule, or that the cap does not reach the target.

    schedule: None when no last dial up to the cap is known to reach the target.  leak: its certified leak.  just_below: the last dial
    one resolution lower, and leak_below, above the target: the certificate (None when the first dial itself is enough).
    decided: False if a comparison stayed undecided at 1024 bits; then the slice certifies nothing.
    """

    degree: Number
    low: Fraction
    start: int
    schedule: Schedule | None
    leak: arb | None
    just_below: Fraction | None
    leak_below: arb | None
    decided: bool = True

    @property
    def budget(self) -> Fraction | arb | None:
        """The budget of the slice's cheapest schedule."""
        return None if self.schedule is None else self.schedule.budget


@dataclass(frozen=True)
class Search:
    """The outcome over the whole class; `best` is the cheapest slice, None when none reaches the target."""

    target: Fraction
    measure: Measure
    cap: Fraction
    resolution: Fraction
    slices: tuple[Slice, ...]
    best: Slice | None
    certified: bool  # every slice was decided, and every budget compared


def cheapest(
    stack: Stack,
    *,
    degrees: Sequence[Number],
    lows: Sequence[Number],
    starts: Sequence[int],
    cap: Number,
    target: Number,
    measure: Measure = "value",
    resolution: Number = Fraction(1, 64),
    tell: Callable[[str], None] = lambda text: None,
) -> Search:
    """The cheapest schedule of the class whose guaranteed leak is at most `target`; see the module for what is certified.

    degrees: > 0.  lows: dials of the first layer, each at most `cap`.  starts: first contained layers.  cap: greatest last dial.
    target: in (0, 1).  tell: hears what is being searched. Raises ScheduleError outside these domains.
    """
    goal, top, step = Fraction(target), Fraction(cap), Fraction(resolution)
    if measure not in MEASURES:
        raise ScheduleError(
            f"a search measures one of {', '.join(MEASURES)}, got {measure!r}: nothing else is bounded. Choose one."
        )
    if not 0 < goal < 1:
        raise ScheduleError(f"a target leak lies between 0 and 1, got {target}: 0 is never reached, 1 always. Give a share.")
    if step <= 0 or not degrees or not lows or not starts or any(Fraction(low) > top for low in lows):
        raise ScheduleError(
            f"a search needs degrees, first dials at most the cap {top}, starts and a resolution > 0, got {list(map(str, degrees))}, "
            f"{list(map(str, lows))}, {list(starts)}, {resolution}: an empty class has no cheapest schedule. Give at least one of each."
        )
    slices = []
    for start in starts:
        for low in lows:
            for degree in degrees:
                tell(f"degree {degree}, first dial {low}, from layer {start}")
                slices.append(_slice(stack, degree, Fraction(low), start, top, goal, measure, step))
    best, compared = _least(part for part in slices if part.schedule is not None)
    return Search(goal, measure, top, step, tuple(slices), best, compared and all(part.decided for part in slices))


def _slice(
    stack: Stack, degree: Number, low: Fraction, start: int, cap: Fraction, goal: Fraction, measure: Measure, step: Fraction
) -> Slice:
    """Bisection over the grid low, low + step, ..., up to the cap."""
    layers = len(stack.layers)

    def at(index: int) -> Schedule:
        return Schedule(layers, degree, low, low + index * step)

    def missed(decided: bool) -> Slice:
        return Slice(degree, low, start, None, None, None, None, decided)

    last = int((cap - low) / step)
    enough, leak = reaches(stack, at(last), start, goal, measure)
    if enough is not True:
        return missed(enough is False)
    first, first_leak = reaches(stack, at(0), start, goal, measure)
    if first is True:
        return Slice(degree, low, start, at(0), first_leak, None, None)
    misses, meets, decided, below = 0, last, first is False, first_leak
    while meets - misses > 1:
        middle = (misses + meets) // 2
        found, value = reaches(stack, at(middle), start, goal, measure)
        if found is True:
            meets, leak = middle, value
        else:
            misses, below, decided = middle, value, found is False
    return Slice(degree, low, start, at(meets), leak, low + misses * step, below, decided)


def reaches(stack: Stack, schedule: Schedule, start: int, target: Fraction, measure: Measure) -> tuple[bool | None, arb]:
    """Whether the guaranteed leak is at most the target (None: undecided at 1024 bits), and the leak as a ball."""
    value = arb("nan")
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            value = contain(stack, schedule.dials(), start).measure(measure)
            if value <= ball(target):
                return True, value
            if value > ball(target):
                return False, value
    return None, value


def _least(slices: Iterable[Slice]) -> tuple[Slice | None, bool]:
    """The slice of least budget, the first of equal ones, and whether every comparison was decided."""
    best: Slice | None = None
    decided = True
    for part in slices:
        if best is None:
            best = part
            continue
        new, old = part.budget, best.budget
        assert new is not None
        assert old is not None
        if isinstance(new, Fraction) and isinstance(old, Fraction):
            best = part if new < old else best
            continue
        left, right = (x if isinstance(x, arb) else ball(x) for x in (new, old))
        if left < right:
            best = part
        elif not left >= right:
            decided = False
    return best, decided


def recheck(search: Search, stack: Stack) -> Iterator[str]:
    """Everything that is wrong with a search's certificate, evaluated anew; nothing when it stands."""
    for part in search.slices:
        where = f"degree {part.degree}, first dial {part.low}, from layer {part.start}"
        if part.schedule is None:
            top = Schedule(
                len(stack.layers),
                part.degree,
                part.low,
                part.low + int((search.cap - part.low) / search.resolution) * search.resolution,
            )
            if reaches(stack, top, part.start, search.target, search.measure)[0] is not False:
                yield f"{where}: the cap may reach the target"
            continue
        if reaches(stack, part.schedule, part.start, search.target, search.measure)[0] is not True:
            yield f"{where}: the schedule is not shown to reach the target"
        if part.just_below is not None:
            below = Schedule(len(stack.layers), part.degree, part.low, part.just_below)
            if reaches(stack, below, part.start, search.target, search.measure)[0] is not False:
                yield f"{where}: the last dial {part.just_below} is not shown to miss"
            if part.schedule.high - part.just_below > search.resolution:
                yield f"{where}: the certificate is further below than one resolution"


def guarantee_of(search: Search, stack: Stack) -> Containment | None:
    """What the cheapest schedule guarantees."""
    if search.best is None or search.best.schedule is None:
        return None
    return contain(stack, search.best.schedule.dials(), search.best.start)


__all__ = ["Search", "Slice", "cheapest", "guarantee_of", "reaches", "recheck"]
