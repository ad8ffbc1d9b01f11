"""Words of a table that are misspelled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor

from shiftproof.data.misspelling import VARIANTS
from shiftproof.data.space import Column, InputSpace
from shiftproof.shifts.tabular.table_edits import TableEdits, codes_of


@dataclass(frozen=True)
class Misspelled(TableEdits):
    """In a share of the columns of words of each row the word is misspelled: a letter left out or doubled, two swapped, the case changed.

    Args:
        share: of the row's columns of words, rounded up, in (0, 1].
        column: only this one, if given.

    Params: (n, k, 2), the columns and which misspelling; see `Edits`. The misspelled word is a category that the model has not seen, unless
    it is one of the others; a model that reads pandas categories is handed a missing value, as pandas makes of an unknown one. It needs a
    model that is handed words, and not their codes.
    """

    name: ClassVar[str] = "misspelled"
    demands: ClassVar[str] = "words"
    what_changes: ClassVar[str] = "words"

    def can_change(self, column: Column) -> bool:
        return column.kind == "categorical" and any(isinstance(value, str) and value.strip() for value in column.values)

    def choices(self, one: Any, place: int) -> int:
        return VARIANTS

    def free(self, one: Any) -> list[int]:
        """The columns that hold a word in this row."""
        held = [(i, self.space.columns[i].values, codes_of(one, i)) for i in self.places(one)]
        return [i for i, values, code in held if 0 <= code < len(values) and isinstance(values[code], str)]

    def landing(self, space: Any) -> Any:
        if not isinstance(space, InputSpace):
            return space
        columns = tuple(replace(c, high=len(c.categories) * (1 + VARIANTS) - 1.0) if self.can_change(c) else c for c in space.columns)
        return replace(space, columns=columns)

    def changed(self, row: Tensor, place: int, choice: int) -> None:
        row[place] += len(self.space.columns[place].categories) * (1 + choice)
