"""One job after the other, here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from shiftproof.runs.job import Done, Job


def serial(work: Callable[[Job], Done[Job]], waves: Iterable[Sequence[Job]]) -> Iterator[Done[Job]]:
    """`map` itself."""
    return map(work, chain.from_iterable(waves))
