"""What was spent on each example of a batch, in which units losses see its scores, and where its search stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from shiftproof.data.examples import Ids
from shiftproof.outcomes import Stage

UNSEEN = -(2**20)
_CLOSE, _USUAL, _FAR = -10, 4, 40
"""Exponents of the distance between an example's best and worst score: outside of the first and last, losses see it at the middle one.

The value of a cross-entropy in float32 has 2^-23 to tell steps by; a distance of 2^4 is one of trained classifiers.
"""


@dataclass
class Cost:
    """What was spent on each of n examples and seen of it, a number each, shape (n,).

    Args:
        forwards, backwards: spent.
        sighted: gradients that were not zero.
        spoiled: gradients with an entry that was NaN or infinite.
        seen_broken: answers that were wrong.
        exponent: of the power of two that its scores are multiplied by before a loss sees them; `UNSEEN` before the first answer.
        stages: the parts of a search that has several.
    """

    forwards: Tensor
    backwards: Tensor
    sighted: Tensor
    spoiled: Tensor
    seen_broken: Tensor
    exponent: Tensor
    stages: list[Stage] = field(default_factory=list[Stage])

    @classmethod
    def of(cls, n: int) -> Cost:
        """Nothing spent yet."""
        forwards, backwards, sighted, spoiled, seen_broken, exponent = torch.zeros(6, n, dtype=torch.int64)
        return cls(forwards, backwards, sighted, spoiled, seen_broken, exponent.fill_(UNSEEN))


@dataclass(frozen=True, eq=False)
class SearchState:
    """Where a search stands: tensors by name, and plain notes that JSON holds."""

    tensors: Mapping[str, Tensor]
    notes: Mapping[str, Any]


class SearchCheckpoint(Protocol):
    """Keeps the states of batches, each named by its examples, so that a killed run goes on in the middle of a search."""

    def load(self, ids: Ids) -> SearchState | None:
        """The state of the batch of these examples, None where there is none."""

    def save(self, ids: Ids, state: SearchState) -> bool:
        """Writes it, unless the last writing is a moment ago; whether it did."""


def exponent_of(scores: Tensor) -> Tensor:
    """The exponent of the power of two that brings each example's scores to the usual distance; 0 where that is not needed, (n,)."""
    apart = scores.double().amax(1) - scores.double().amin(1)
    power = torch.frexp(apart.where(apart.isfinite() & (apart > 0), 1.0)).exponent.long()
    most = 1000 if scores.dtype is torch.float64 else 120  # 2^most and 2^-most are numbers of that type
    return torch.where((power < _CLOSE) | (power > _FAR), _USUAL - power, 0).clamp(-most, most)
