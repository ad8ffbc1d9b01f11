"""Where cells run. A backend is shaped like `map`: it takes the work and waves of cells, and yields what is done, in any order in a wave.

A wave begins when the one before is done: its cells read what those wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from shiftproof._errors import unknown
from shiftproof.runs.cell import Cell
from shiftproof.runs.work import CellDone

Backend = Callable[[Callable[[Cell], CellDone], Sequence[Sequence[Cell]]], Iterator[CellDone]]

NAMES = ("serial", "processes", "ray")


def backend_named(name: str, workers: int) -> Backend:
    """The backend called `name` with `workers` workers; `ray` may be followed by the address of a cluster (ray:auto, ray://HOST:10001)."""
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
    raise unknown("backend", name, NAMES)
