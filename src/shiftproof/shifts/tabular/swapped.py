"""Categories of a table that are replaced by others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, ClassVar

from torch import Tensor

from shiftproof.data.labels import MISSING
from shiftproof.data.space import Column
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.tabular.table_edits import TableEdits, codes_of


@dataclass(frozen=True)
class Swapped(TableEdits):
    """In a share of the categorical columns of each row stands another category, as when a form is filled in wrongly.

    Args:
        share: of the row's categorical columns, rounded up, in (0, 1].
        column: only this one, if given.

    Params: (n, k, 2), the columns and which of the other categories; see `Edits`. The average case draws the other category by how frequent
    it is in the table. No value becomes missing.
    """

    name: ClassVar[str] = "swapped"
    what_changes: ClassVar[str] = "categories"

    def can_change(self, column: Column) -> bool:
        return column.kind == "categorical" and len(_known(column)) > 1

    def choices(self, one: Any, place: int) -> int:
        known = self._known_codes[place]
        return len(known) - (codes_of(one, place) in known)

    def _others(self, one: Any, place: int) -> list[int]:
        code = codes_of(one, place)
        return [other for other in self._known_codes[place] if other != code]

    @cached_property
    def _known_codes(self) -> list[list[int]]:
        """Of each column the codes that are values, none where it holds numbers."""
        return [_known(column) for column in self.space.columns]

    def apply(self, x: Tensor, params: Params) -> Tensor:
        moved, codes = x.clone(), params.to(x.device)
        if any(self._known_codes[place] != list(range(len(self._known_codes[place]))) for place in self.places(None)):
            return super().apply(x, params)  # the missing value is among the codes, and not the last
        for edit in range(params.shape[1]):
            rows = (codes[:, edit, 0] >= 0).nonzero()[:, 0]
            places, choice = codes[rows, edit, 0].long(), codes[rows, edit, 1].to(x)
            here = moved[rows, places]
            moved[rows, places] = choice + (choice >= here)  # the others are numbered without the one that is there
        return moved

    def drawn(self, one: Any, place: int, chance: float) -> int:
        shares = self.space.columns[place].shares
        others = self._others(one, place)
        weights = [shares[code] for code in others] if shares else []
        if sum(weights) <= 0:
            return super().drawn(one, place, chance)
        return next((i for i, sum_ in enumerate(accumulate(weights)) if chance * sum(weights) < sum_), len(others) - 1)

    def changed(self, row: Tensor, place: int, choice: int) -> None:
        row[place] = float(self._others(row, place)[choice])


def _known(column: Column) -> list[int]:
    """The codes of the categories that are values."""
    return [code for code, category in enumerate(column.categories) if category != MISSING]
