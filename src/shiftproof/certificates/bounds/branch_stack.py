"""Open parts of branch and bound: taken in turns from the newest and from those of lowest bound."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

P = TypeVar("P", bound="Parts")
MANY = 20_000
"""From this number of parts on, only the last found are taken, so that memory stays bounded."""


class Parts(Protocol):
    """Several parts in one: `bound` is that of each, (n,)."""

    @property
    def bound(self) -> Tensor:
        """The lower bound of each."""
        ...

    def __len__(self) -> int:
        """How many."""
        ...

    def at(self: P, rows: Tensor) -> P:
        """Some of them."""
        ...

    def with_(self: P, other: P) -> P:
        """These and the others."""
        ...


class Stack(Generic[P]):
    """Chunks of parts, never joined as a whole: thousands may wait, and copying them all each time would cost more than bounding a few."""

    def __init__(self, first: P) -> None:
        self._chunks: list[P] = []
        self._least: list[float] = []
        self._size = 0
        self._turn = False
        self.push(first)

    def __len__(self) -> int:
        return self._size

    def push(self, parts: P) -> None:
        """Adds parts."""
        if len(parts):
            self._put(parts.at(parts.bound.argsort(descending=True, stable=True)))

    def _put(self, parts: P) -> None:
        self._chunks.append(parts)
        self._least.append(float(parts.bound[-1]))
        self._size += len(parts)

    def _take(self) -> P:
        """By turns the last chunk and the one that holds the lowest bound."""
        self._turn = not self._turn and self._size <= MANY
        place = min(range(len(self._least)), key=self._least.__getitem__) if self._turn else -1
        self._least.pop(place)
        taken = self._chunks.pop(place)
        self._size -= len(taken)
        return taken

    def pop(self, n: int) -> P:
        """At most n parts; there must be some."""
        taken = self._take()
        while self._chunks and len(taken) < n:
            taken = self._take().with_(taken)
        if len(taken) > n:
            every = torch.arange(len(taken))
            self._put(taken.at(every[:-n]))
            taken = taken.at(every[-n:])
        return taken
