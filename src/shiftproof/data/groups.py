"""Named groups of examples: columns crossed into one, and groups that a function says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.data.source import Source, Wrapped

Names = npt.NDArray[np.str_]
ALL = "all"
"""The one group that there is without any column."""


@dataclass(frozen=True)
class ExampleInfo:
    """What is known of an example without loading its input: what a function sees that says its group."""

    id: str
    label: int
    class_name: str | None
    groups: Mapping[str, str]


GroupBy = Callable[[ExampleInfo], str]


def crossed(groups: Mapping[str, Names], n: int) -> Names:
    """One group per example, from every column at once.

    Args:
        groups: per column, n values.
        n: number of examples.

    Returns:
        Names such as "sex=F & race=B", in the order of the columns, shape (n,); "all" where there is no column.

    >>> crossed({"sex": np.array(["F", "M"]), "race": np.array(["B", "W"])}, 2).tolist()
    ['sex=F & race=B', 'sex=M & race=W']
    """
    for column, values in groups.items():
        if len(values) != n:
            raise must(f"groups[{column}]", "the examples", f"have one entry per example ({n})", len(values))
    if not groups:
        return np.full(n, ALL)
    rows = zip(*(values.tolist() for values in groups.values()), strict=True)
    names = {row: " & ".join(f"{column}={value}" for column, value in zip(groups, row, strict=True)) for row in set(rows)}
    return np.array([names[row] for row in zip(*(values.tolist() for values in groups.values()), strict=True)], dtype=np.str_)


class GroupedSource(Wrapped):
    """A source with one more column of groups.

    Args:
        inner: the source.
        column: the name of the groups.
        values: the group of each example, shape (n,).
        said: a note on them; none where empty.
    """

    def __init__(self, inner: Source, column: str, values: Names, *, said: str = "") -> None:
        super().__init__(inner)
        self.column, self._values, self._said = column, values, said

    @property
    def groups(self) -> Mapping[str, Names]:
        return {**self.inner.groups, self.column: self._values}

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.inner.notes, self._said) if self._said else self.inner.notes

    def fingerprint(self) -> str:
        digest = hashlib.sha256("\0".join(self._values.tolist()).encode()).hexdigest()[:12]
        return f"{self.inner.fingerprint()}+{self.column}:{digest}"

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        batch = self.inner.take(rows)
        return Examples(batch.x, batch.y, batch.ids, {**batch.groups, self.column: self._values[rows]}, batch.space, batch.class_names)


def grouped_by(inner: Source, group_by: GroupBy) -> GroupedSource:
    """A source with a column of groups, called like the function, which says the group of each example."""
    name = getattr(group_by, "__name__", "group")
    column = name if name.isidentifier() else "group"  # a lambda has no name of its own
    if column in inner.groups:
        raise UsageError(f"The data have a group column '{column}' already. Give the function of group_by another name.")
    return GroupedSource(inner, column, ask_groups(inner, group_by))  # the function is not kept: it need not travel to worker processes


def ask_groups(source: Source, group_by: GroupBy) -> Names:
    """What `group_by` says of every example, shape (n,). Inputs are not loaded."""
    names, ids, labels = source.class_names, source.ids.tolist(), source.y.tolist()
    columns = {column: values.tolist() for column, values in source.groups.items()}
    said: list[str] = []
    for row, (identity, label) in enumerate(zip(ids, labels, strict=True)):
        info = ExampleInfo(identity, label, names[label] if label < len(names) else None, {c: values[row] for c, values in columns.items()})
        group = group_by(info)
        if not isinstance(group, str):
            raise must("group_by", f"example '{identity}'", "return a name (str)", group)
        said.append(group)
    return np.array(said, dtype=np.str_)
