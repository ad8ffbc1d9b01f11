"""Where cells run. A backend is anything shaped like `map`: it takes the work and the cells, and yields what is done, in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from shiftproof._errors import unknown
from shiftproof.runs.cell import Cell
from shiftproof.runs.work import CellDone

Backend = Callable[[Callable[[Cell], CellDone], Sequence[Cell]], Iterator[CellDone]]

NAMES = ("serial", "processes")


def backend_named(name: str, workers: int) -> Backend:
    """The backend called `name` with `workers` workers."""
    if name == "serial":
        from shiftproof.runs.backends.serial import serial

        return serial
    if name == "processes":
        from shiftproof.runs.backends.processes import Processes

        return Processes(workers)
    raise unknown("backend", name, NAMES)
