"""Several processes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pickle import PicklingError, dumps

from shiftproof._errors import UsageError
from shiftproof.runs.backends.pool import WorkerPool
from shiftproof.runs.cell import Cell
from shiftproof.runs.work import CellDone


@dataclass(frozen=True)
class Processes:
    """A pool of `workers` processes. One that dies (out of memory) costs the cell it held at most, and is replaced."""

    workers: int

    def __call__(self, work: Callable[[Cell], CellDone], cells: Sequence[Cell]) -> Iterator[CellDone]:
        with WorkerPool(work, self.workers) as pool:
            yield from pool.run(cells)


def check_travels(work: Callable[[Cell], CellDone], cells: Sequence[Cell]) -> None:
    """Raises `UsageError` where the work or the cells cannot be sent to another process; asked before a run writes anything."""
    try:
        dumps((work, cells))
    except (PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"The model, the data or a part cannot travel to another process ({error}). Name the model as 'file.py:factory' instead of "
            "passing an object, define parts of your own at the top of a module, or use the serial backend."
        ) from error
