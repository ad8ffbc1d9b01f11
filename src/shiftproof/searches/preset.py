"""The base class of searches that are another search with fixed options."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.models.abstract import Access, Gradients
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift


@dataclass(frozen=True)
class Preset(Search):
    """A search that hands everything to `base`, which also checks the options."""

    needs: ClassVar[Access] = Gradients

    @abstractmethod
    def base(self) -> Search:
        """The search that does the work."""

    @property
    def of_classes(self) -> bool:  # type: ignore[override]
        """Whether the search that does the work speaks of classes."""
        return self.base().of_classes

    def check(self) -> None:
        self.base()

    def unsupported(self, shift: Shift) -> str | None:
        return self.base().objection(shift)

    def most_passes(self, shift: Shift) -> int:
        return self.base().most_passes(shift)

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return self.base()(shift, oracle, x, rng)
