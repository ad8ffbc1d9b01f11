"""Where cells and errands run. A backend is shaped like `map`: it takes the work and waves of jobs, and yields what is done.

In a wave the order is any. A wave begins when the one before is done: its cells read what those wrote. Waves are asked for one by one, as
what has come of one may be in the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from shiftproof._errors import UsageError, unknown
from shiftproof.runs.job import Done, Job


class Backend(Protocol):
    """Runs every job of every wave."""

    def __call__(self, work: Callable[[Job], Done[Job]], waves: Iterable[Sequence[Job]]) -> Iterator[Done[Job]]:
        """Each job as it is done."""
        ...


NAMES = ("serial", "processes", "ray", "dask:ADDRESS")


def backend_named(name: str, workers: int) -> Backend:
    """The backend called `name` with `workers` workers; `ray` may be followed by the address of a cluster (ray:auto, ray://HOST:10001).

    Dask needs one: dask:tcp://HOST:8786.
    """
    if name == "serial":
        from shiftproof.runs.backends.serial import serial

        return serial
    if name == "processes":
        from shiftproof.runs.backends.processes import Processes

        return Processes(workers)
    if name.partition(":")[0] == "ray":
        from shiftproof.runs.backends.on_ray import Ray, check_there

        check_there()
        return Ray(workers, name if name.startswith("ray://") else name.partition(":")[2])
    if name.partition(":")[0] == "dask":
        from shiftproof.runs.backends import on_dask

        if not name.partition(":")[2]:
            raise UsageError("The backend dask needs the address of a cluster: dask:tcp://HOST:8786. On this machine use processes.")
        on_dask.check_there()
        return on_dask.Dask(workers, name.partition(":")[2])
    raise unknown("backend", name, NAMES)
