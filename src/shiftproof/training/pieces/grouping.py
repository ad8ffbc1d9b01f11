"""From columns of group names to the group number of each example, for methods that train for groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.examples import Examples
from shiftproof.data.groups import crossed
from shiftproof.data.source import Source

LABEL = "label"
"""The column that there always is: the class."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """The groups of n examples.

    Args:
        numbers: each example's group, shape (n,), int64 in 0..groups-1.
        names: of the groups, in the order of their numbers.
    """

    numbers: Tensor
    names: tuple[str, ...]

    @property
    def sizes(self) -> list[int]:
        """Examples of each group, at least 1."""
        return torch.bincount(self.numbers, minlength=len(self.names)).tolist()

    def __getitem__(self, rows: npt.NDArray[np.intp]) -> Grouping:
        """Some of the examples; the groups keep their numbers, and some may be empty."""
        return Grouping(self.numbers[torch.from_numpy(rows)], self.names)


def group(examples: Examples | Source, columns: str, *, owner: str) -> Grouping:
    """The groups that `columns` makes of the examples.

    Args:
        examples: with named columns of groups; `label` is the class, where no column is called so.
        columns: one column, or several crossed: "place", "label & place".
        owner: who asks, for the message.

    Raises:
        UsageError: a column is unknown, or all examples are of one group.

    >>> from shiftproof import examples
    >>> data = examples(torch.zeros(3, 2), torch.tensor([0, 1, 1]), groups={"place": ["land", "land", "water"]})
    >>> found = group(data, "label & place", owner="group_dro")
    >>> found.names, found.numbers.tolist()
    (('label=0 & place=land', 'label=1 & place=land', 'label=1 & place=water'), [0, 1, 2])
    """
    known = {LABEL: np.asarray(examples.y).astype(str), **examples.groups}
    chosen = {column: _column(column, known, owner) for column in wanted(columns, owner)}
    names, numbers = np.unique(crossed(chosen, len(examples)), return_inverse=True)
    if len(names) < 2:
        raise UsageError(
            f"All {len(examples)} training examples of {owner} belong to one group ('{names[0] if len(names) else ''}'), so there is "
            "nothing to weigh. Name another column, or several crossed: groups='label & place'."
        )
    return Grouping(torch.from_numpy(numbers.astype(np.int64)), tuple(str(name) for name in names))


def wanted(columns: str, owner: str) -> list[str]:
    """The columns that are named."""
    found = [column.strip() for column in columns.split("&")]
    if not all(found) or len(set(found)) < len(found):
        raise must("groups", owner, "name a column, or several with & between: 'label & place'", columns)
    return found


def _column(column: str, known: Mapping[str, npt.NDArray[np.str_]], owner: str) -> npt.NDArray[np.str_]:
    if column in known:
        return known[column]
    if len(known) == 1:
        raise UsageError(
            f"{owner} needs the groups '{column}', and these data have no groups. Name their columns in the source, as in "
            "npz:train.npz?groups=place, or in Python with sp.examples(x, y, groups={'place': [...]}) or load_data(..., group_by=...)."
        )
    raise unknown("group column", column, known)


def balanced(grouping: Sequence[int] | Tensor, uniform: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Rows drawn with replacement so that every group is as likely as any other, one for each number in [0, 1).

    >>> balanced([0, 0, 0, 1], np.array([0.1, 0.4, 0.6, 0.9], dtype=np.float32)).tolist()
    [0, 2, 3, 3]
    """
    numbers = np.asarray(grouping)
    _, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    edges = np.cumsum(1.0 / counts[place]) / len(counts)
    rows: npt.NDArray[np.intp] = np.searchsorted(edges, uniform, side="right").clip(max=len(numbers) - 1)
    return rows
