"""What risks over groups share: a tally for each group by its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.risks.abstract import Names, Risk
from shiftproof.risks.tally import Tally

Tallies = dict[str, Tally]


@dataclass(frozen=True)
class Grouped(Risk[Tallies]):
    """A risk whose state is a tally a group."""

    wants: ClassVar[str] = "a group name for each example"
    """What an example must come with, for the message where it does not."""

    def init(self) -> Tallies:
        return {}

    def update(self, state: Tallies, values: npt.ArrayLike, groups: Names | None = None) -> Tallies:
        given = self.accept(values)
        if groups is None:
            raise UsageError(f"The risk {self.name} needs {self.wants}, and these have none. Name a column of groups.")
        if len(groups) != len(given):
            raise must("groups", self.name, f"have one name per value ({len(given)})", len(groups))
        names, place = np.unique(np.asarray(groups), return_inverse=True)
        seen: Tallies = {}
        for i, name in enumerate(names):
            tally = Tally.of(given[place == i])
            for member in self.members(str(name)):
                seen[member] = seen.get(member, Tally()).merge(tally)
        return self.merge(state, seen)

    def members(self, name: str) -> Iterable[str]:
        """The groups that an example of this name is in."""
        return (name,)

    def merge(self, left: Tallies, right: Tallies) -> Tallies:
        return {name: left.get(name, Tally()).merge(right.get(name, Tally())) for name in sorted({*left, *right})}

    def declare(self, state: Tallies, names: Iterable[str]) -> Tallies:
        """The state that also knows of the groups `names`, so that those without examples are said to be empty and not passed over."""
        return self.merge(state, {str(name): Tally() for name in names})
