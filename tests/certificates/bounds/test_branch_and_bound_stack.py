"""The order in which parts are taken from the stack of branch and bound."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from shiftproof.certificates.bounds import branch_stack
from shiftproof.certificates.bounds.branch_stack import Stack


@dataclass(frozen=True, eq=False)
class Numbers:
    """Parts that are their own bounds."""

    bound: Tensor

    def __len__(self) -> int:
        return len(self.bound)

    def at(self, rows: Tensor) -> Numbers:
        return Numbers(self.bound[rows])

    def with_(self, other: Numbers) -> Numbers:
        return Numbers(torch.cat([self.bound, other.bound]))


def numbers(*values: float) -> Numbers:
    return Numbers(torch.tensor(values))


def test_parts_are_taken_once_each_and_the_lowest_early() -> None:
    waiting = Stack(numbers(3.0, 1.0, 2.0))
    waiting.push(numbers(9.0, 8.0))
    waiting.push(numbers())
    assert len(waiting) == 5
    first = waiting.pop(1).bound.tolist()
    assert first == [1.0], "the chunk with the lowest bound, its lowest part"
    assert waiting.pop(1).bound.tolist() == [2.0], "then the last chunk, which is what was left of it"
    rest: list[float] = []
    while len(waiting):
        rest += waiting.pop(2).bound.tolist()
    assert sorted(rest) == [3.0, 8.0, 9.0]


def test_once_very_many_wait_the_last_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branch_stack, "MANY", 3)
    waiting = Stack(numbers(1.0, 2.0))
    waiting.push(numbers(8.0, 9.0))
    assert waiting.pop(1).bound.tolist() == [8.0]
