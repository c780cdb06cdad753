"""Interleaved rounds: every round runs every contestant, so that a busy machine slows all of them alike.

Only quotients within a round are compared; a rate is the median over the rounds, with the least and the greatest beside it.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

Call = Callable[[], object]
Tell = Callable[[str, int, int], None]
"""Told what is running, how much is done and of how much."""


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of some rounds."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of at least one value."""
        seen = list(values)
        return cls(statistics.median(seen), min(seen), max(seen))


@dataclass
class Timing:
    """One contestant: seconds of a call in each round, and how many cores it kept busy."""

    seconds: list[float] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)


def quiet(what: str, done: int, total: int) -> None:
    """Say nothing."""


def interleaved(calls: Mapping[str, Call], rounds: int, tell: Tell = quiet, shortest: float = 0.1) -> dict[str, Timing]:
    """Time every call in every round, after one round to warm up; calls faster than `shortest` seconds are repeated to fill them."""
    timings = {name: Timing() for name in calls}
    repeats = dict.fromkeys(calls, 1)
    total = (rounds + 1) * len(calls)
    for index in range(rounds + 1):
        for position, (name, call) in enumerate(calls.items()):
            tell(name, index * len(calls) + position, total)
            started, used = time.perf_counter(), time.process_time()
            for _ in range(repeats[name]):
                call()
            seconds, busy = time.perf_counter() - started, time.process_time() - used
            if index:
                timings[name].seconds.append(seconds / repeats[name])
                timings[name].cores.append(busy / seconds)
            else:
                repeats[name] = max(1, math.ceil(shortest / seconds))
    return timings


def quotients(over: Iterable[float], under: Iterable[float]) -> Spread:
    """The spread of quotients within each round."""
    return Spread.of(a / b for a, b in zip(over, under, strict=True))


__all__ = ["Call", "Spread", "Tell", "Timing", "interleaved", "quiet", "quotients"]
