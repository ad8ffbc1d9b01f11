"""What the two kinds of branch and bound have in common: a search that can be stopped by the clock and taken up again."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from shiftproof.certificates.bounds.deadline import Deadline


class Branching(ABC):
    """Parts of the inputs that are bounded, and cut in two where bounds do not decide.

    `explored` counts the parts that were bounded, `stuck` those that no cut can decide.
    """

    how: str
    explored: int
    stuck: int

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Parts that more time could decide."""

    @abstractmethod
    def run(self, deadline: Deadline) -> Tensor | None:
        """Goes on until the deadline; a counterexample, (*shape), or None."""
