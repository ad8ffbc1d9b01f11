"""A few features at the ends of the box, swapped at random for others: score queries in the l0 ball."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.models.abstract import Access, Graded
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._random_search import StepChance, random_search, sign_of
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.l0 import L0

_SHRINK = ((0, 1.0), (50, 0.5), (200, 0.25), (500, 0.125), (1000, 0.0625), (2000, 0.03125), (4000, 0.015625))
"""From which step of 10,000 on which share of the first swap is made."""


@dataclass(frozen=True)
class SparseRandom(Search):
    """Random search over sets of features (pixels of an image): a proposal swaps a share of the set for others, at ends of the box.

    Args:
        queries: queries per example, at least 1.
        share: the share of the set that the first proposals swap, in (0, 1]; it falls over the queries, to one feature in the end.

    Guarantees:
        Blind to masked gradients. It finds failures and proves nothing.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.

    Reference: Croce et al. 2022, "Sparse-RS: a versatile framework for query-efficient sparse black-box adversarial attacks".
    """

    name: ClassVar[str] = "sparse_random"
    aliases: ClassVar[tuple[str, ...]] = ("sparse_rs",)
    needs: ClassVar[Access] = Graded
    supports: ClassVar[tuple[type[Shift], ...]] = (L0,)
    instead: ClassVar[str] = "square"
    references: ClassVar[tuple[str, ...]] = ("croce2022sparse",)

    queries: int = 1000
    share: float = 0.3

    @classmethod
    def examples_for_check(cls) -> list[SparseRandom]:
        """One with few queries."""
        return [cls(queries=60)]

    @classmethod
    def shifts_for_check(cls) -> Sequence[Shift]:
        """The only ball that it searches."""
        return [L0(2)]

    def check(self) -> None:
        self.require("queries", least=1)
        self.require("share", within="(0, 1]")

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, L0)  # `supports` says so
        if not len(x):
            return shift.origin(x)

        swaps = _Swaps(shift, x, self._share)
        first = swaps.swapped(shift.origin(x), swaps.draw(rng.child("start")), 0)
        return random_search(oracle, first, swaps, queries=self.queries, rng=rng)

    def _share(self, step: int) -> float:
        return self.share * next(s for start, s in reversed(_SHRINK) if step * 10_000 // self.queries >= start)


@dataclass(frozen=True, eq=False)
class _Swaps:
    """Proposals for the inputs x: features given up, and the set filled with others at an end of the box."""

    shift: L0
    x: Tensor
    share: Callable[[int], float]
    """The share of the set that a step swaps."""

    def __getitem__(self, rows: Tensor) -> _Swaps:
        return _Swaps(self.shift, self.x[rows], self.share)

    def draw(self, rng: Rng) -> StepChance:
        """Which end, (n, *shape), and which features, (n, features)."""
        shape = self.x.shape[1:]
        return rng.child("end").uniform(*shape), rng.child("feature").uniform(math.prod(shape[1:] if self._pixels else shape))

    def __call__(self, params: Params, chance: StepChance, step: int) -> Params:
        return self.swapped(params, chance, max(1, int(self.share(step) * self.shift.eps)))

    @property
    def _pixels(self) -> bool:
        return self.shift.space.kind == "image" and self.x.dim() == 4

    def _by_feature(self, values: Tensor) -> Tensor:
        return (values != 0).any(1).flatten(1) if self._pixels else (values != 0).flatten(1)

    def _spread(self, mask: Tensor) -> Tensor:
        return mask.reshape(len(mask), 1, *self.x.shape[2:]) if self._pixels else mask.reshape(self.x.shape)

    def swapped(self, params: Params, chance: StepChance, count: int) -> Params:
        """The moves with up to `count` of their features given up and the set filled with others."""
        x = self.x
        low, high = (torch.as_tensor(end).expand_as(x) for end in self.shift.room(x))
        up = sign_of(chance[0]).to(x) > 0
        ends = torch.where((up & (high > 0)) | (low >= 0), high.to(x), low.to(x))
        used, usable = self._by_feature(params), self._by_feature(ends)
        key = chance[1].to(x.device)
        given_up = (_rank(key.masked_fill(~used, 2.0)) < count) & used
        kept = used & ~given_up
        free = usable & ~used
        room = int(self.shift.eps) - kept.sum(1, keepdim=True)
        added = (_rank(key.masked_fill(~free, 2.0)) < room) & free
        return torch.where(self._spread(added), ends, params.masked_fill(~self._spread(kept), 0.0))


def _rank(key: Tensor) -> Tensor:
    return key.argsort(dim=1, stable=True).argsort(dim=1)
