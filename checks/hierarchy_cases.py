"""Cases of `theory.hierarchy` from exact objects, and those on which its controls must die."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
from flint import arb, fmpq

from checks.claims import Case
from checks.enclosure import Value
from checks.extinction_exact import bits, upper
from checks.hierarchy_exact import EVENT_KINDS, Event, EventRun, Mixture, Quadratic
from theory import symbols as sym
from theory.hierarchy_budget import budget, moves, steps_with_large_map
from theory.hierarchy_compose import chain_rule, composition, entropy_bound, marginal
from theory.hierarchy_descent import descent, descent_step
from theory.theorem import Theorem

Found = tuple[Theorem, Case]
ABOUT_MIXTURES = (composition, chain_rule, entropy_bound, marginal)
ABOUT_RUNS = (budget, moves, steps_with_large_map)
ABOUT_STEPS = (descent, descent_step)
ZERO = fmpq(0)
PRECISE = 512  # bits of balls in equality cases


def _claimed(value: Value) -> fmpq:
    """The value itself where it is rational, else a rational not below it."""
    return value if isinstance(value, fmpq) else upper(arb(value))


def mixture_cases(mixture: Mixture, router_miss: fmpq | None = None, pointer_miss: fmpq | None = None) -> Iterator[Found]:
    """Every statement about a mixture, with the bounds that were measured or those claimed."""
    with bits(256):
        measured, exact = mixture.values(), mixture.exact()
        missed = _claimed(1 - measured[sym.right_mass]) if router_miss is None else router_miss
        strayed = min(_claimed(1 - measured[sym.fidelity_least]), fmpq(1)) if pointer_miss is None else pointer_miss
        most = max(map(len, mixture.rows))
        most += not bool(arb(measured[sym.top_entropy]) < arb(most).log())
        outside = _claimed(measured[sym.wrong_mass])
        ceilings = {
            sym.router_ceiling: _claimed(measured[sym.router_entropy]),
            sym.expert_ceiling: _claimed(measured[sym.right_entropy]),
        }
    rational = all(isinstance(measured[s], fmpq) for s in (sym.right_mass, sym.fidelity_least, sym.fidelity_total))
    tight = rational and 1 - measured[sym.fidelity_total] == missed + strayed - missed * strayed
    yield composition, Case(measured | {sym.router_miss: missed, sym.pointer_miss: strayed}, mixture.origin, exact, bool(tight))
    yield chain_rule, Case(measured, mixture.origin, exact)
    if outside <= 1:
        yield entropy_bound, Case(measured | ceilings | {sym.router_miss: outside, sym.keys_most: most}, mixture.origin, exact)
    yield marginal, Case(measured, mixture.origin, exact, mixture.disjoint)


def flat(experts: int, right: int, keys: int, most: int, miss: fmpq, outside: fmpq, *, shared: bool = False) -> Mixture:
    """Router flat over the right and over the wrong experts; right rows flat, wrong rows flat and all outside the block.

    miss: weight of the wrong experts. outside: outside mass of right rows, a multiple of 1/keys.
    """
    wrong = experts - right
    router = (*((1 - miss) / right,) * right, *(miss / wrong,) * wrong) if wrong else (fmpq(1, right),) * right
    sizes = (keys,) * right + (most,) * wrong
    inside = tuple(
        tuple(e < right and j >= int((outside * keys).numer() // (outside * keys).denom()) for j in range(size))
        for e, size in enumerate(sizes)
    )
    starts = [0 if shared else 1000 * e for e in range(experts)]
    return Mixture(
        tuple(router),
        tuple((fmpq(1, size),) * size for size in sizes),
        inside,
        tuple(e < right for e in range(experts)),
        tuple(tuple(range(start, start + size)) for start, size in zip(starts, sizes, strict=True)),
        f"{right} of {experts} experts right, rows of {keys} and {most} keys, {miss} of the weight wrong, {outside} outside",
    )


FLAT = (
    (2, 1, 2, 2, fmpq(1, 2), fmpq(1, 2)),
    (4, 2, 4, 8, fmpq(1, 4), fmpq(1, 4)),
    (5, 1, 8, 16, fmpq(1, 8), fmpq(3, 8)),
    (8, 6, 3, 64, fmpq(7, 8), fmpq(1, 3)),
    (3, 3, 4, 4, fmpq(0), fmpq(1, 2)),
    (9, 8, 16, 16, fmpq(1, 1024), fmpq(0)),
)


def composition_cases() -> list[Case]:
    """Mixtures that attain the bound, and ordinary ones."""
    attained = [case for shape in FLAT for theorem, case in mixture_cases(flat(*shape)) if theorem is composition]
    return [*attained, *(case for mixture in ordinary() for theorem, case in mixture_cases(mixture) if theorem is composition)]


def ordinary() -> list[Mixture]:
    """A few mixtures that attain nothing, keys shared, disjoint and overlapping."""

    def law(*counts: int) -> tuple[fmpq, ...]:
        return tuple(fmpq(c, sum(counts)) for c in counts)

    first = ((True, True, False), (True, False, False, False), (False, True))
    return [
        Mixture(
            law(5, 2, 1), (law(3, 2, 1), law(7, 1, 1, 2), law(1, 4)), first, (True, False, True), keys, f"ordinary mixture {i}"
        )
        for i, keys in enumerate(
            (((0, 1, 2), (0, 1, 2, 3), (0, 1)), ((0, 1, 2), (3, 4, 5, 6), (7, 8)), ((0, 1, 2), (2, 3, 4, 5), (5, 0)))
        )
    ]


def chain_cases() -> list[Case]:
    """Mixtures of many shapes; an identity."""
    shapes = [flat(*shape, shared=shared) for shape in FLAT for shared in (False, True)]
    with bits(PRECISE):
        return [Case(m.values(), m.origin, m.exact()) for m in (*shapes, *ordinary())]


def marginal_cases() -> list[Case]:
    """Disjoint keys, where it is attained, and shared ones."""
    found = [flat(*shape, shared=shared) for shape in FLAT for shared in (False, True)] + ordinary()
    with bits(PRECISE):
        return [Case(m.values(), m.origin, m.exact(), m.disjoint) for m in found]


def bound_cases() -> list[Case]:
    """Flat mixtures with every bound at its value, and ordinary ones."""
    found = []
    with bits(PRECISE):
        for experts, right, keys, most, miss, outside in FLAT:
            m = flat(experts, right, keys, most, miss, outside)
            values = m.values()
            claimed: dict[sp.Symbol, Value] = {
                sym.router_ceiling: values[sym.router_entropy],
                sym.expert_ceiling: values[sym.right_entropy],
                sym.router_miss: miss,
                sym.keys_most: max(keys, most),
            }
            found.append(Case(values | claimed, m.origin, m.exact(), True))
    return found + [case for m in ordinary() for theorem, case in mixture_cases(m) if theorem is entropy_bound]


def _run(start: fmpq, kinds: str, gains: tuple[fmpq, fmpq], eta: fmpq, size: fmpq, lifts: fmpq = ZERO) -> EventRun:
    """Events that each bring exactly what is required: letters s (step), b (block), e (expert)."""
    names = {kind[0]: kind for kind in EVENT_KINDS}
    needs = {"s": eta * size * size / 2, "b": gains[0], "e": gains[1]}
    events = tuple(Event(names[k], needs[k], lifts, eta, size if k == "s" else fmpq(0)) for k in kinds)
    return EventRun(start, events, *gains)


GAINS = ((fmpq(1, 2), fmpq(3, 4)), (fmpq(5, 2), fmpq(2)), (fmpq(3), fmpq(1, 4)))
KINDS = ("", "b", "ssbse", "eebbss", "sssss")


def run_cases() -> list[Case]:
    """Runs that use up the budget, with and without new data, at floors of either sign, and runs that leave some."""
    found = []
    for index, kinds in enumerate(KINDS):
        for gains in GAINS:
            for start, lift in ((fmpq(7, 3), fmpq(0)), (fmpq(40), fmpq(3, 2)), (fmpq(-2), fmpq(1, 8))):
                run = _run(start, kinds, gains, fmpq(1, 2 + index), fmpq(3, 2), lift)
                found.append(
                    run.case(fmpq(3, 2), f"{kinds or 'nothing'} from {start}, gains {gains}, data {lift}", extremal=True)
                )
    loose = _run(fmpq(30), "ssbe", GAINS[0], fmpq(1, 4), fmpq(2))
    return [*found, loose.case(fmpq(1), "run with budget left", floor=fmpq(0), rise=fmpq(1))]


def move_cases() -> list[Case]:
    """Moves of the cheaper level only, all of the budget spent; and mixed runs."""
    found = []
    for gains in GAINS:
        kinds = "bbbb" if gains[0] <= gains[1] else "eeee"
        for start in (fmpq(20), fmpq(9, 4)):
            for lift in (fmpq(0), fmpq(5, 4)):
                run = _run(start, kinds, gains, fmpq(1, 2), fmpq(1), lift)
                found.append(run.case(fmpq(1), f"{kinds} from {start}, gains {gains}, data {lift}", extremal=True))
    return found + run_cases()[-1:]


def step_cases() -> list[Case]:
    """Steps with |P| = nu exactly, all of the budget spent."""
    found = []
    for eta, nu in ((fmpq(1, 2), fmpq(3, 2)), (fmpq(1, 8), fmpq(1, 4)), (fmpq(2), fmpq(4))):
        for start, lift in ((fmpq(9), fmpq(0)), (fmpq(60), fmpq(1, 3))):
            run = _run(start, "ssss", GAINS[0], eta, nu, lift)
            found.append(run.case(nu, f"four steps with |P| = {nu}, eta {eta}, from {start}, data {lift}", extremal=True))
    return found + run_cases()[-1:]


QUADRATICS = (
    (Quadratic((fmpq(1),), (fmpq(0),), fmpq(0)), (fmpq(1),)),
    (Quadratic((fmpq(4),), (fmpq(-3),), fmpq(1, 2)), (fmpq(5),)),
    (Quadratic((fmpq(1, 4),), (fmpq(2),), fmpq(1)), (fmpq(-9),)),
    (Quadratic((fmpq(-1, 2),), (fmpq(1),), fmpq(1, 4)), (fmpq(3),)),
)


def descent_cases() -> list[Case]:
    """Quadratics whose curvature is exactly L_s, so that the bound is attained; step sizes below, at and above 1/L_s."""
    found = []
    for loss, start in QUADRATICS:
        curve = loss.curvatures[0]
        for factor in (fmpq(1, 4), fmpq(1), fmpq(3, 2)):
            bound = abs(curve)
            found.append(loss.case(start, factor / bound, bound, f"curvature {curve}, eta L_s = {factor}"))
    two = Quadratic((fmpq(1), fmpq(2)), (fmpq(1), fmpq(-1)), fmpq(1, 3))
    return [*found, two.case((fmpq(2), fmpq(-1)), fmpq(1, 3), fmpq(3), "two weights")]


def descent_step_cases() -> list[Case]:
    """The same at eta = 1/L_s, where the second bound is attained, and below."""
    found = []
    for loss, start in QUADRATICS:
        bound = abs(loss.curvatures[0])
        for factor in (fmpq(1, 4), fmpq(1)):
            case = loss.case(start, factor / bound, bound, f"curvature {loss.curvatures[0]}, eta L_s = {factor}")
            drop = case.values[sym.objective_before] - case.values[sym.objective_after]
            tight = drop == case.values[sym.eta] * case.values[sym.step_map] ** 2 / 2
            found.append(Case(case.values, case.origin, case.exact, bool(tight)))
    return found


def optimum_cases() -> list[Case]:
    """Candidates just below gamma, tested again, and candidates that got worse."""
    near = 1 - fmpq(1, 10**9)
    return [
        Case(
            {sym.gain_tested: gamma * share, sym.gain_drift: drift, sym.gain_now: gamma * share + drift, sym.block_gain: gamma},
            f"gain {share} of gamma = {gamma}, drift {drift}",
        )
        for gamma in (fmpq(1, 2), fmpq(2), fmpq(9, 4))
        for share in (near, fmpq(1, 2), fmpq(-3))
        for drift in (fmpq(0), fmpq(-1))
    ]


def closed() -> list[Case]:
    """The one case of a closed claim."""
    return [Case({}, "numbers")]


__all__ = [
    "ABOUT_MIXTURES",
    "ABOUT_RUNS",
    "ABOUT_STEPS",
    "bound_cases",
    "chain_cases",
    "closed",
    "composition_cases",
    "descent_cases",
    "descent_step_cases",
    "flat",
    "marginal_cases",
    "mixture_cases",
    "move_cases",
    "optimum_cases",
    "ordinary",
    "run_cases",
    "step_cases",
]
