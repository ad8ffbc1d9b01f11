"""One cell after the other, here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from shiftproof.runs.cell import Cell
from shiftproof.runs.work import Done


def serial(work: Callable[[Cell], Done], waves: Sequence[Sequence[Cell]]) -> Iterator[Done]:
    """`map` itself."""
    return map(work, chain.from_iterable(waves))
