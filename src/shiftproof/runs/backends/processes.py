"""Several processes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pickle import PicklingError, dumps
from typing import Any

from shiftproof._errors import UsageError
from shiftproof.runs.backends.pool import WorkerPool
from shiftproof.runs.job import Done, Job, Keyed


@dataclass(frozen=True)
class Processes:
    """A pool of `workers` processes. One that dies (out of memory) costs the job it held at most, and is replaced."""

    workers: int

    def __call__(self, work: Callable[[Job], Done[Job]], waves: Iterable[Sequence[Job]]) -> Iterator[Done[Job]]:
        with WorkerPool(work, self.workers) as pool:  # one for all waves: a worker loads the model once
            for wave in waves:
                yield from pool.run(wave)


def check_travels(work: Callable[..., Any], jobs: Sequence[Keyed]) -> None:
    """Raises `UsageError` where the work or the jobs cannot be sent to another process; asked before a run writes anything."""
    try:
        dumps((work, jobs))
    except (PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"The model, the data or a part cannot travel to another process ({error}). Name the model as 'file.py:factory' instead of "
            "passing an object, define parts of your own at the top of a module, or use the serial backend."
        ) from error
