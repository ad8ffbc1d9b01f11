"""Several processes on this machine, started fresh: a fork would inherit torch's threads in an undefined state."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pickle import PicklingError, dumps

from shiftproof._errors import UsageError
from shiftproof._memory import keep_freed_memory
from shiftproof.evaluation.cell import Cell
from shiftproof.evaluation.work import Done


@dataclass(frozen=True)
class Processes:
    """A pool of `workers` processes. A worker that dies (out of memory) fails the cells it held; the store keeps the others."""

    workers: int

    def __call__(self, work: Callable[[Cell], Done], cells: Sequence[Cell]) -> Iterator[Done]:
        # The work (model, data) travels once to each worker, not once a cell.
        pool = ProcessPoolExecutor(self.workers, multiprocessing.get_context("spawn"), initializer=_arm, initargs=(work,))
        waiting: dict[Future[Done], Cell] = {pool.submit(_do, cell): cell for cell in cells}
        try:
            for future in as_completed(waiting):
                try:
                    yield future.result()
                except BrokenProcessPool as error:
                    yield Done(waiting[future], f"A worker process died, most often for want of memory: {error}. Use fewer --workers.")
            pool.shutdown()
        finally:
            for process in list((pool._processes or {}).values()):  # no public way to stop a running cell on Ctrl-C
                process.terminate()
            pool.shutdown(wait=False, cancel_futures=True)


def check_travels(work: Callable[[Cell], Done], cells: Sequence[Cell]) -> None:
    """Raises `UsageError` where the work or the cells cannot be sent to another process; asked before a run writes anything."""
    try:
        dumps((work, cells))
    except (PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"The model, the data or a part cannot travel to another process ({error}). Name the model as 'file.py:factory' instead of "
            "passing an object, define parts of your own at the top of a module, or use the serial backend."
        ) from error


_work: Callable[[Cell], Done]


def _arm(work: Callable[[Cell], Done]) -> None:
    """Runs once in each worker."""
    global _work  # a worker process has one job for life
    _work = work
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it ends the workers


def _do(cell: Cell) -> Done:
    return _work(cell)
