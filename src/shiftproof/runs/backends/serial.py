"""One cell after the other, here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from shiftproof.runs.cell import Cell
from shiftproof.runs.work import Done


def serial(work: Callable[[Cell], Done], cells: Sequence[Cell]) -> Iterator[Done]:
    """`map` itself."""
    return map(work, cells)
