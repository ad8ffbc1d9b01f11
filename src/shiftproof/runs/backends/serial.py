"""One cell after the other, here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from shiftproof.runs.cell import Cell
from shiftproof.runs.work import CellDone


def serial(work: Callable[[Cell], CellDone], cells: Sequence[Cell]) -> Iterator[CellDone]:
    """`map` itself."""
    return map(work, cells)
