"""A few features at the ends of the box, swapped at random for others: score queries in the l0 ball."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.models.abstract import Access, Graded
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._random_search import random_search, signs
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

        def propose(x: Tensor, params: Params, rng: Rng, step: int) -> Params:
            share = self.share * next(s for start, s in reversed(_SHRINK) if step * 10_000 // self.queries >= start)
            return _swapped(shift, x, params, rng, max(1, int(share * shift.eps)))

        first = _swapped(shift, x, shift.origin(x), rng.child("start"), 0)
        return random_search(oracle, first, propose, queries=self.queries, rng=rng)


def _swapped(shift: L0, x: Tensor, params: Params, rng: Rng, count: int) -> Params:
    """The moves with up to `count` of their features given up and the set filled with others, which go to an end of the box."""
    pixels = shift.space.kind == "image" and x.dim() == 4
    low, high = (torch.as_tensor(end).expand_as(x) for end in shift.room(x))
    up = signs(rng.child("end"), *x.shape[1:]).to(x) > 0
    ends = torch.where((up & (high > 0)) | (low >= 0), high.to(x), low.to(x))

    def by_feature(values: Tensor) -> Tensor:
        return (values != 0).any(1).flatten(1) if pixels else (values != 0).flatten(1)

    used, usable = by_feature(params), by_feature(ends)
    key = rng.child("feature").uniform(used.shape[1]).to(x.device)
    given_up = (_rank(key.masked_fill(~used, 2.0)) < count) & used
    kept = used & ~given_up
    free = usable & ~used
    room = int(shift.eps) - kept.sum(1, keepdim=True)
    added = (_rank(key.masked_fill(~free, 2.0)) < room) & free

    def spread(mask: Tensor) -> Tensor:
        return mask.reshape(len(x), 1, *x.shape[2:]) if pixels else mask.reshape(x.shape)

    return torch.where(spread(added), ends, params.masked_fill(~spread(kept), 0.0))


def _rank(key: Tensor) -> Tensor:
    return key.argsort(dim=1, stable=True).argsort(dim=1)
