"""What an estimator is handed: the data frame, matrix or flat vectors that it was trained on, made from inputs of the data's space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from torch import Tensor

from shiftproof._errors import UsageError, unknown
from shiftproof.data.space import Column, InputSpace

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Feed:
    """How inputs (n, ...) become what an estimator takes.

    Args:
        names: the data frame's columns in the estimator's order; empty for a matrix.
        positions: where each column lies in the inputs; None for all, in their order.
        columns: for a data frame, what each column holds; empty for plain numbers.
        notes: what was decided on the way.
    """

    names: tuple[str, ...] = ()
    positions: tuple[int, ...] | None = None
    columns: tuple[Column, ...] = ()
    notes: tuple[str, ...] = ()

    def __call__(self, x: Tensor) -> npt.NDArray[np.floating] | pd.DataFrame:
        """The inputs as the estimator takes them, n rows; a copy."""
        values: npt.NDArray[np.floating] = x.detach().cpu().flatten(1).numpy().copy()
        if self.positions is not None:
            values = values[:, list(self.positions)]
        if not self.names:
            return values
        import pandas as pd

        kinds = self.columns or [None] * len(self.names)
        return pd.DataFrame({name: _decoded(values[:, i], kinds[i]) for i, name in enumerate(self.names)})


def _decoded(values: npt.NDArray[np.floating], column: Column | None) -> Sequence[object] | npt.NDArray[np.generic]:
    """A column's values as a file would have given them: words, whole numbers, truth values, or numbers as they are."""
    if column is None or column.kind == "real":
        return values
    whole: npt.NDArray[np.int64] = np.rint(values).astype(np.int64)
    if column.kind == "integer":
        return whole
    meant = _meant(column.categories)
    return [meant[code] for code in whole.tolist()]


def _meant(categories: Sequence[str]) -> Sequence[object]:
    """Categories as the values that they were before they were written as text: truth values, numbers or words."""
    if set(categories) <= {"False", "True"}:
        return [category == "True" for category in categories]
    for number in (int, float):
        try:
            return [number(category) for category in categories]
        except ValueError:
            pass
    return categories


def plan_feed(estimator: object, space: InputSpace | None, *, name: str, groups: Sequence[str] = ()) -> Feed:
    """How to hand inputs of `space` to this estimator.

    Args:
        estimator: fitted; its `feature_names_in_` and `n_features_in_` say what it was trained on.
        space: the data's; its columns name and describe a table's features.
        name: what people call the model, for messages.
        groups: names of columns that hold groups, which the estimator may have been trained without.

    Raises:
        UsageError: columns that it needs are not in the data, or more than one reading of the columns fits.
    """
    wanted = getattr(estimator, "feature_names_in_", None)
    count = getattr(estimator, "n_features_in_", None)
    columns = space.columns if space is not None else ()
    if wanted is not None and columns:
        return _by_name([str(n) for n in wanted], columns, name)
    if wanted is not None:
        note = f"The data's features have no names: '{name}' takes them as its own columns ({_few(wanted)}) in that order."
        return Feed(names=tuple(str(n) for n in wanted), notes=(note,))
    if not columns or count is None or count == len(columns):
        coded = [column.name for column in columns if column.kind == "categorical"]
        note = f"The model '{name}' knows no column names: it takes {_few(coded)} as codes 0, 1, 2, ... of their sorted categories."
        return Feed(notes=(note,) if coded else ())
    return _by_count(int(count), columns, groups, name)


def _by_name(wanted: Sequence[str], columns: Sequence[Column], name: str) -> Feed:
    place = {column.name: i for i, column in enumerate(columns)}
    missing = [column for column in wanted if column not in place]
    if missing:
        hint = f"The model '{name}' was trained on {len(wanted)} columns, and {len(missing)} of them are not in the data: {_few(missing)}."
        raise unknown("column", missing[0], place, hint)
    unused = [column for column in place if column not in set(wanted)]
    notes = [f"The model '{name}' does not use the columns {_few(unused)}."] if unused else []
    positions = tuple(place[column] for column in wanted)
    used = tuple(columns[i] for i in positions)
    numbers = [c.name for c in used if c.kind == "categorical" and type(_meant(c.categories)[0]) in (int, float)]
    if numbers:
        notes.append(f"The categories of {_few(numbers)} are numbers, and the model '{name}' is given them as numbers.")
    return Feed(tuple(wanted), positions, used, tuple(notes))


def _by_count(count: int, columns: Sequence[Column], groups: Sequence[str], name: str) -> Feed:
    """The one way to leave out words, groups or both that gives `count` columns."""
    worded = {i for i, column in enumerate(columns) if column.kind == "categorical"}
    grouped = {i for i, column in enumerate(columns) if column.name in set(groups)}
    readings = {frozenset(range(len(columns))) - left for left in (worded, grouped, worded | grouped)}
    fits = [reading for reading in readings if len(reading) == count]
    way_out = "Train it on a data frame, so that it knows its columns by name, or give data with its columns only."
    if not fits:
        raise UsageError(f"The model '{name}' was trained on {count} features, and the data have {len(columns)} columns. {way_out}")
    if len(fits) > 1:
        ways = " or ".join(sorted(f"({_few([columns[i].name for i in sorted(fit)])})" for fit in fits))
        raise UsageError(f"The model '{name}' was trained on {count} features without names, which may be {ways}. {way_out}")
    kept = sorted(fits[0])
    left = [column.name for i, column in enumerate(columns) if i not in fits[0]]
    note = f"The model '{name}' takes {count} features: the columns {_few(left)} are left out, as no other reading fits."
    return Feed(positions=tuple(kept), notes=(note,))


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
