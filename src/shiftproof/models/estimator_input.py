"""What an estimator is handed: the data frame, matrix or flat vectors that it was trained on, made from inputs of the data's space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from torch import Tensor

from shiftproof._errors import UsageError, unknown
from shiftproof.data.misspelling import meaning, misspelt
from shiftproof.data.sources.dates import DateType
from shiftproof.data.space import Column, InputSpace

if TYPE_CHECKING:
    import pandas as pd

HALF = 0.5
"""From here on a mark says that its value is missing."""


@dataclass(frozen=True)
class InputFormat:
    """How inputs (n, ...) become what an estimator takes.

    Args:
        names: the data frame's columns in the estimator's order; empty for a matrix, which is of words where `columns` are known.
        positions: where each column lies in the inputs; None for all, in their order.
        columns: what each of them holds; empty for plain numbers.
        marks: where each column's missing values are marked in the inputs; -1 where it has none. Empty where no column has any.
        notes: what was decided on the way.
    """

    names: tuple[str, ...] = ()
    positions: tuple[int, ...] | None = None
    columns: tuple[Column, ...] = ()
    marks: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def __call__(self, x: Tensor) -> npt.NDArray[np.floating] | pd.DataFrame:
        """The inputs as the estimator takes them, n rows; a copy."""
        whole: npt.NDArray[np.floating] = x.detach().cpu().flatten(1).numpy()
        values = whole.copy() if self.positions is None else whole[:, list(self.positions)]
        absent = np.zeros((len(whole), len(self.marks)), dtype=bool)
        for place, mark in enumerate(self.marks):
            if mark >= 0:
                absent[:, place] = whole[:, mark] >= HALF
        if not self.names and not self.columns:
            if absent.any():
                values[absent] = np.nan
            return values
        import pandas as pd

        width = values.shape[1]
        kinds, names = self.columns or [None] * width, self.names or range(width)
        missing = np.isnan(values)
        gaps = (absent | missing if self.marks else missing).T
        frame = pd.DataFrame({name: _decoded(values[:, i], kinds[i], gaps[i]) for i, name in enumerate(names)})
        return frame if self.names else frame.to_numpy()


def _decoded(
    values: npt.NDArray[np.floating], column: Column | None, absent: npt.NDArray[np.bool_]
) -> Sequence[object] | npt.NDArray[np.generic] | pd.Series:
    """A column's values as the table had them: words, whole numbers, truth values, or numbers, in the type that pandas held them in."""
    if column is None:
        return values
    if column.kind == "categorical":
        return _categories(column, values, absent)
    if isinstance(column.dtype, DateType):
        return column.dtype.restored(values, absent)
    if column.kind == "integer" and not absent.any():
        values = np.rint(values).astype(np.int64)
    return values if column.dtype is None else _typed(values, column.dtype, absent)


def _typed(values: npt.NDArray[np.generic], dtype: object, absent: npt.NDArray[np.bool_]) -> pd.Series:
    """Numbers in their column's type, with its own missing value where they are absent."""
    import pandas as pd

    if not absent.any():
        return pd.Series(values).astype(dtype)
    held = np.float64 if isinstance(dtype, np.dtype) and dtype.kind in "iu" else dtype  # as pandas holds them where one is missing
    return pd.Series(np.where(absent, 0, values)).astype(held).mask(absent)


def _categories(column: Column, values: npt.NDArray[np.floating], absent: npt.NDArray[np.bool_]) -> Sequence[object] | pd.Series:
    """The categories of these codes, as the table had them; misspelled beyond its own codes, and missing where `absent`."""
    import pandas as pd

    codes: npt.NDArray[np.int64] = np.rint(np.where(absent, 0.0, values)).astype(np.int64)
    count = len(column.categories)
    strange = codes >= count
    said = _chosen(column, codes % count if strange.any() else codes)
    if not (strange.any() or absent.any()):
        return said
    if isinstance(said, pd.Series) and isinstance(said.dtype, pd.CategoricalDtype):  # has no room for a word that it does not know
        return said.mask(absent | strange)
    held = pd.Series(said, dtype=object) if not isinstance(said, pd.Series) else said
    held = held.astype(object) if held.dtype.kind == "b" else held.copy()
    for row in np.flatnonzero(strange).tolist():
        _, variant = meaning(int(codes[row]), count)
        held.iloc[row] = misspelt(str(held.iloc[row]), variant or 0)
    return held.mask(absent) if absent.any() else held


def _chosen(column: Column, codes: npt.NDArray[np.int64]) -> Sequence[object] | pd.Series:
    """The categories of these codes, as the table had them."""
    if column.dtype is None:
        meant = _meant(column.categories)
        return [meant[code] for code in codes.tolist()]
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        place = column.dtype.categories.get_indexer(pd.Index(column.values, dtype=object))  # -1 for the missing value
        return pd.Series(pd.Categorical.from_codes(place[codes], dtype=column.dtype))
    return pd.Series(list(column.values), dtype=column.dtype).take(codes).reset_index(drop=True)


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


def trained_names(estimator: object, columns: Sequence[Column]) -> tuple[str, ...]:
    """The names of the columns that an estimator was trained on; empty where it was a matrix, whose columns some number by themselves."""
    for attribute in ("feature_names_in_", "feature_names_"):  # scikit-learn's word, which others use too, and CatBoost's
        found = getattr(estimator, attribute, None)
        names = () if found is None else tuple(str(name) for name in found)
        numbered = names in (tuple(map(str, range(len(names)))), tuple(f"Column_{i}" for i in range(len(names))))
        if names:
            return () if numbered and not set(names) <= {column.name for column in columns} else names
    return ()


def _inside(estimator: object) -> Iterator[object]:
    """The estimator and what it is made of: whatever has parameters, in its attributes and the lists among them."""
    waiting, seen = [estimator], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, list | tuple):
            waiting += one
        elif callable(getattr(one, "get_params", None)):
            yield one
            waiting += vars(one).values()


def trained_on_words(estimator: object) -> bool:
    """Whether an encoder in it knows categories that are words: it was then trained on those, not on codes."""
    known = [getattr(one, "categories_", None) for one in _inside(estimator)]
    return any(np.asarray(part).dtype.kind in "OUS" for parts in known if isinstance(parts, list) for part in parts)


def _names_inside(estimator: object, columns: Sequence[Column]) -> tuple[str, ...]:
    """The columns that a part of it was trained on, where those are the data's; empty where no part says so."""
    there = {column.written or column.name for column in columns} | {column.name for column in columns}
    found = (trained_names(one, columns) for one in _inside(estimator))
    return next((names for names in found if names and set(names) <= there), ())


def plan_input_format(estimator: object, space: InputSpace | None, *, name: str, groups: Sequence[str] = ()) -> InputFormat:
    """How to hand inputs of `space` to this estimator.

    Args:
        estimator: fitted; its `feature_names_in_` and `n_features_in_` say what it was trained on.
        space: the data's; its columns name and describe a table's features.
        name: what people call the model, for messages.
        groups: names of columns that hold groups, which the estimator may have been trained without.

    Raises:
        UsageError: columns that it needs are not in the data, or more than one reading of the columns fits.
    """
    every = space.columns if space is not None else ()
    columns = tuple(column for column in every if not column.marks)
    wanted, count = trained_names(estimator, columns), getattr(estimator, "n_features_in_", None)
    if not wanted and count is None and columns:  # somebody's own, which does not say what it was trained on
        wanted = _names_inside(estimator, columns) or _whole(columns)
    input_format = _plan(wanted, count, columns, groups, name)
    if not input_format.names and any(column.kind == "categorical" for column in columns) and trained_on_words(estimator):
        input_format = _in_words(input_format, columns, name)
    marks = {column.marks: place for place, column in enumerate(every) if column.marks}
    if not marks:
        return input_format
    positions = tuple(range(len(columns))) if input_format.positions is None else input_format.positions
    return replace(input_format, positions=positions, marks=tuple(marks.get(columns[i].name, -1) for i in positions))


def whole_frame(space: InputSpace) -> InputFormat:
    """Every column of the data, as a data frame like that which they were read from."""
    columns = tuple(column for column in space.columns if not column.marks)
    positions = tuple(place for place, column in enumerate(space.columns) if not column.marks)
    marks = {column.marks: place for place, column in enumerate(space.columns) if column.marks}
    names = tuple(column.written or column.name for column in columns)
    return InputFormat(names, positions, columns, tuple(marks.get(column.name, -1) for column in columns) if marks else ())


def _plan(wanted: Sequence[str], count: object, columns: Sequence[Column], groups: Sequence[str], name: str) -> InputFormat:
    if wanted and columns:
        return _by_name(wanted, columns, name)
    if wanted:
        note = f"The data's features have no names: '{name}' gets them as its own columns ({_few(wanted)}) in that order."
        return InputFormat(names=tuple(wanted), notes=(note,))
    if not columns or not isinstance(count, int) or count == len(columns):
        coded = [column.name for column in columns if column.kind == "categorical"]
        note = (
            f"The model '{name}' was trained without column names: it gets {_few(coded)} as codes 0, 1, 2, ... of their sorted categories."
        )
        return InputFormat(notes=(note,) if coded else ())
    return _by_count(count, columns, groups, name)


def _whole(columns: Sequence[Column]) -> tuple[str, ...]:
    """All columns where some hold words, which no matrix of codes stands for; none where a matrix of numbers will do."""
    worded = any(isinstance(value, str) for column in columns for value in column.values)
    return tuple(column.written or column.name for column in columns) if worded else ()


def _in_words(input_format: InputFormat, columns: Sequence[Column], name: str) -> InputFormat:
    """The columns of `input_format` as a matrix of the table's own values."""
    positions = tuple(range(len(columns))) if input_format.positions is None else input_format.positions
    note = f"The model '{name}' was trained without column names: it gets the columns in the data's order, text as text."
    notes = (*(() if input_format.positions is None else input_format.notes), note)
    return InputFormat(positions=positions, columns=tuple(columns[i] for i in positions), notes=notes)


def _places(wanted: Sequence[str], columns: Sequence[Column]) -> dict[str, int]:
    """Where each wanted column lies: by its name in the table, else as it is shown, or with _ for spaces as in LightGBM."""
    found: dict[str, int] = {}
    for spelling in (
        [column.written or column.name for column in columns],
        [column.name for column in columns],
        [(column.written or column.name).replace(" ", "_") for column in columns],
    ):
        place = {name: i for i, name in enumerate(spelling) if spelling.count(name) == 1}
        found = {**{name: place[name] for name in wanted if name in place}, **found}
    return found


def _by_name(wanted: Sequence[str], columns: Sequence[Column], name: str) -> InputFormat:
    place = _places(wanted, columns)
    missing = [column for column in wanted if column not in place]
    if missing:
        hint = f"The model '{name}' was trained on {len(wanted)} columns, and {len(missing)} of them are not in the data: {_few(missing)}."
        raise unknown("column", missing[0], [column.name for column in columns], hint)
    positions = tuple(place[column] for column in wanted)
    unused = [column.name for i, column in enumerate(columns) if i not in set(positions)]
    notes = [f"The model '{name}' does not use the columns {_few(unused)}."] if unused else []
    used = tuple(columns[i] for i in positions)
    numbers = [c.name for c in used if c.kind == "categorical" and _numbered(c)]
    if numbers:
        notes.append(f"The categories of {_few(numbers)} are numbers, and the model '{name}' is given them as numbers.")
    return InputFormat(tuple(wanted), positions, used, notes=tuple(notes))


def _numbered(column: Column) -> bool:
    values = column.values or _meant(column.categories)
    return type(values[0]) in (int, float)


def _by_count(count: int, columns: Sequence[Column], groups: Sequence[str], name: str) -> InputFormat:
    """The one way to leave out words, groups or both that gives `count` columns."""
    worded = {i for i, column in enumerate(columns) if column.kind == "categorical"}
    grouped = {i for i, column in enumerate(columns) if column.name in set(groups)}
    readings = {frozenset(range(len(columns))) - left for left in (worded, grouped, worded | grouped)}
    fits = [reading for reading in readings if len(reading) == count]
    fix = "Train it on a data frame, so that it knows its columns by name, or give data with its columns only."
    if not fits:
        raise UsageError(f"The model '{name}' was trained on {count} features, and the data have {len(columns)} columns. {fix}")
    if len(fits) > 1:
        ways = " or ".join(sorted(f"({_few([columns[i].name for i in sorted(fit)])})" for fit in fits))
        raise UsageError(f"The model '{name}' was trained on {count} features without names, which may be {ways}. {fix}")
    kept = sorted(fits[0])
    left = [column.name for i, column in enumerate(columns) if i not in fits[0]]
    note = f"The model '{name}' takes {count} features: the columns {_few(left)} are left out: no other choice of columns fits."
    return InputFormat(positions=tuple(kept), notes=(note,))


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
