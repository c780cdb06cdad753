"""The progress bar of long work, on stderr: what is being done, how much is done, and the time that it takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

WIDTH = 40


@contextmanager
def shown(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A bar while the body runs; the body calls what it is given with what is being done, the steps done and the steps in all.

    An interruption from the keyboard ends the program with 130 and says that the same command goes on.
    """
    columns = (
        TextColumn(f"{{task.description:<{WIDTH}}}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("starting", total=None)
        try:
            yield lambda doing, done, total: progress.update(task, completed=done, total=total, description=doing[:WIDTH])
        except KeyboardInterrupt:
            console.print("interrupted; what was finished is kept, and the same command goes on from there")
            sys.exit(130)
        progress.update(task, description="done")
