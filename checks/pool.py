"""Work over processes: results as they come, one thread a process, and no process that outlives the run."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def results_of(tasks: Sequence[Task], call: Callable[[Task], Result], workers: int) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, in the order in which they are finished; with one worker in this process, in order.

    One process a core with one thread each: tensors here are tiny, and threads would only wait for each other. `call` must be a function
    that another process can import. What it raises is raised here, and the tasks that are not begun are dropped.
    """
    if not tasks:
        return
    if workers == 1:
        from checks.training import one_thread

        for task in tasks:
            with one_thread():
                result = call(task)
            yield task, result
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker) as pool:
        futures = {pool.submit(call, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_worker() -> None:
    """One thread; and when the run is killed, its workers end with it instead of waiting for work for ever."""
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
