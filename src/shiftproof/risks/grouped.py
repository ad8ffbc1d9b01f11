"""The base class of risks over groups: their state is one tally per group."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.risks.abstract import Names, Risk
from shiftproof.risks.tally import Tally
from shiftproof.risks.worst_weights import Reweighted

Tallies = dict[str, Tally]


@dataclass(frozen=True)
class GroupedRisk(Risk[Tallies]):
    """A risk whose state is one tally per group, by name."""

    needs: ClassVar[str] = "a group name for each example"
    """What the groups are to this risk; for messages."""

    @abstractmethod
    def weigh(self, losses: npt.ArrayLike, groups: npt.ArrayLike | None) -> Reweighted:
        """The worst value of finite losses of shape (n,), larger is worse, and the weights that attain it, shape (n,).

        The weights are the gradient of the value with respect to the losses; `groups` names each example's group, shape (n,).
        """

    def init(self) -> Tallies:
        return {}

    def update(self, state: Tallies, values: npt.ArrayLike, groups: Names | None = None) -> Tallies:
        given = self.accept(values)
        names, place = self.cells(given, groups)
        seen: Tallies = {}
        ends = np.cumsum(np.bincount(place, minlength=len(names)))[:-1]
        parts = np.split(given[np.argsort(place, kind="stable")], ends)[: len(names)]
        for name, own in zip(names, parts, strict=True):
            tally = Tally.of(own)
            for member in self.members(str(name)):
                seen[member] = seen.get(member, Tally()).merge(tally)
        return self.merge(state, seen)

    def cells(self, given: npt.NDArray[np.float64], groups: npt.ArrayLike | None) -> tuple[Names, npt.NDArray[np.intp]]:
        """The distinct names, and the index of each example's name, shape (n,)."""
        if groups is None:
            raise UsageError(f"The risk {self.name} needs {self.needs}, and none was given. Name a column of groups.")
        named = np.asarray(groups)
        if named.shape != given.shape:
            raise must("groups", self.name, f"have one name per value ({len(given)})", len(named) if named.ndim == 1 else named.shape)
        names, place = np.unique(named.astype(np.str_), return_inverse=True)
        return names, place

    def members(self, name: str) -> Iterable[str]:
        """The groups of an example with this name."""
        return (name,)

    def merge(self, left: Tallies, right: Tallies) -> Tallies:
        return {name: left.get(name, Tally()).merge(right.get(name, Tally())) for name in sorted({*left, *right})}

    def declare(self, state: Tallies, names: Iterable[str]) -> Tallies:
        """The state with the groups `names` declared, so that those without examples are reported as empty."""
        return self.merge(state, {str(name): Tally() for name in names})

    def measured(self, state: Tallies) -> tuple[Tallies, tuple[str, ...]]:
        """The groups that have examples, and a note that names the others."""
        full = {name: tally for name, tally in state.items() if tally.n}
        empty = sorted(set(state) - set(full))
        return full, (f"not measured, no examples: {', '.join(empty)}",) if empty else ()
