"""Columns of a table as numbers: which are real, integer or categorical, with what range, what is missing, and what pandas held."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError, must
from shiftproof.data.labels import MISSING
from shiftproof.data.sources.dates import DateType, as_numbers, date_format
from shiftproof.data.space import Column, ColumnKind
from shiftproof.data.values import EXACT

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 12
"""Columns named in a note before the rest is counted."""
MANY = 0.5
"""From this share of distinct values on, a categorical column looks like a name, or like free text where it has words enough."""
WORDS = 3.5
"""Words in a value, on average, from which on such a column is free text."""
FEW = 20
"""Rows up to which nothing is said of a column's distinct values."""
QUANTILES = 101
"""Of a column's values, from the least to the greatest."""
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")
"""What pandas calls numbers that it holds as objects."""


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """A table as numbers: x of shape (n, columns), its columns, and what was decided."""

    x: Floats
    columns: tuple[Column, ...]
    notes: tuple[str, ...]


class Encoded(NamedTuple):
    """One column as numbers, shape (n,), and where it has none."""

    x: Floats
    column: Column
    missing: npt.NDArray[np.bool_]


def _sort(series: pd.Series) -> str:
    """Words, booleans, numbers, dates or categories; what it is instead where it is none of these."""
    import pandas as pd

    kinds = pd.api.types
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "categories"
    if kinds.is_datetime64_any_dtype(series.dtype):
        return "dates"
    if kinds.is_object_dtype(series.dtype):
        inferred = kinds.infer_dtype(series, skipna=True)
        if inferred in _NUMBERS:
            return "numbers"
        named = {"string": "words", "boolean": "booleans", "empty": "words", "date": "dates", "datetime": "dates"}
        first = series.dropna()
        return named.get(inferred) or (inferred if inferred != "mixed" else type(first.iloc[0]).__name__)
    tests = (
        ("booleans", kinds.is_bool_dtype),
        ("numbers", lambda t: kinds.is_numeric_dtype(t) and not kinds.is_complex_dtype(t)),
        ("words", kinds.is_string_dtype),
    )
    return next((name for name, test in tests if test(series.dtype)), str(series.dtype))


def _refuse_types(table: pd.DataFrame, owner: str, named: Collection[str]) -> None:
    """Names every column that can be no feature at once, so that one round of drop= is enough."""
    sorts = {name: _sort(table[name]) for name in table.columns}
    bad = {name: sort for name, sort in sorts.items() if sort not in ("words", "booleans", "numbers", "categories", "dates")}
    if bad:
        shown = ", ".join(f"{name} ({kind})" for name, kind in bad.items())
        way = f"Leave them out with drop={','.join(bad)} or choose with features=."
        raise UsageError(f"Features must hold numbers, booleans, words or dates, and these columns of {owner} do not: {shown}. {way}")
    text = [name for name, sort in sorts.items() if sort == "words" and name not in named and _is_text(table[name])]
    if text:
        way = f"Leave them out with drop={','.join(text)}, read one as the input with text={text[0]}, or take values for names with"
        raise UsageError(
            f"These columns of {owner} hold free text, which is not a feature: {', '.join(text)}. {way} categorical={text[0]}."
        )


def _is_text(series: pd.Series) -> bool:
    """Whether most values are distinct and of several words."""
    distinct = series.dropna().unique()
    if len(series) <= FEW or len(distinct) <= MANY * len(series):
        return False
    return sum(len(str(value).split()) for value in distinct) / len(distinct) >= WORDS


def encode_table(
    table: pd.DataFrame,
    *,
    owner: str,
    categorical: Collection[str] = (),
    as_category: Collection[str] = (),
    like: Sequence[Column] | None = None,
) -> EncodedTable:
    """Every column as numbers; after them a column for each one of numbers that has missing values, which says where.

    Args:
        table: n rows of features, as pandas reads them.
        owner: whose they are, for messages.
        categorical: names of columns of numbers that are categories all the same.
        as_category: names of columns that become pandas categories, as after `astype("category")`.
        like: columns of another table: their codes hold here, and ranges cover both.

    Raises:
        UsageError: a type cannot be a number, a column is empty, or a category is new to `like`.
    """
    before = {c.name: c for c in like or ()}
    shared = [c.name for c in like or () if not c.marks]
    if like is not None and shared != list(table.columns):
        raise must("like", owner, f"name a table with the columns {', '.join(table.columns)}", ", ".join(shared))
    _refuse_types(table, owner, {*categorical, *as_category})
    encoded = []
    for name in table.columns:
        series = table[name].astype("category") if name in as_category else table[name]
        encoded.append(_encode(series, owner, forced=name in categorical, like=before.get(name)))
    marked = [one for one in encoded if one.missing.any() or f"{one.column.name} is missing" in before]
    marks = [(_mark(one.column.name), one.missing.astype(np.float64)) for one in marked if one.column.kind != "categorical"]
    columns = (*(one.column for one in encoded), *(mark for mark, _ in marks))
    x = np.stack([*(one.x for one in encoded), *(values for _, values in marks)], axis=1)
    missing = {one.column.name: int(one.missing.sum()) for one in encoded}
    return EncodedTable(x, columns, _notes(columns, len(x), missing, from_like=like is not None))


def trimmed(names: Sequence[str]) -> tuple[str, ...]:
    """The names without spaces around them; as they are where two would become one.

    >>> trimmed([" a", "b "]), trimmed([" a", "a"])
    (('a', 'b'), (' a', 'a'))
    """
    plain = tuple(name.strip() for name in names)
    return plain if len(set(plain)) == len(plain) else tuple(names)


def _mark(name: str) -> Column:
    return Column(f"{name} is missing", "categorical", 0.0, 1.0, ("False", "True"), marks=name)


def _encode(series: pd.Series, owner: str, *, forced: bool, like: Column | None) -> Encoded:
    name, sort = str(series.name), _sort(series)
    form = "" if sort == "dates" else date_format(series) if sort == "words" and not forced else None
    if form is None and (sort != "numbers" or forced):
        return _codes(series, "numbers" if sort == "dates" else sort, owner, like)
    missing = series.isna().to_numpy(dtype=bool)
    if missing.all():
        raise UsageError(f"The column '{name}' of {owner} has no value at all. Leave it out with drop={name}.")
    if like is not None and like.kind == "categorical":
        first = series[~missing].tolist()[0]
        raise must(name, owner, f"hold words, as in the table of like= ({', '.join(like.categories[:3])}, ...)", first)
    if form is None:
        return _numbers(series, missing, owner, like)
    numbers, dates = as_numbers(series, form)
    whole = bool((numbers[~missing] == np.rint(numbers[~missing])).all())
    return _ranged(str(series.name), numbers, missing, "integer" if whole else "real", dates, like)


def _numbers(series: pd.Series, missing: npt.NDArray[np.bool_], owner: str, like: Column | None) -> Encoded:
    import pandas as pd

    name, present = str(series.name), series[~missing]
    numbers = np.full(len(series), np.nan)
    numbers[~missing] = present.to_numpy(dtype=np.float64)
    kind: ColumnKind = "integer" if pd.api.types.is_integer_dtype(series.dtype) else "real"
    if kind == "integer" or pd.api.types.infer_dtype(present) == "integer":
        largest = max(int(present.max()), -int(present.min()))
        if largest > EXACT:
            rule = "hold integers of at most 2**53, which float64 holds exactly"
            raise must(name, owner, rule, largest, f"Leave it out with drop={name}, or take it for names with categorical={name}.")
    dtype = np.dtype(np.float64) if pd.api.types.is_object_dtype(series.dtype) else series.dtype
    return _ranged(name, numbers, missing, kind, dtype, like)


def _ranged(name: str, numbers: Floats, missing: npt.NDArray[np.bool_], kind: ColumnKind, dtype: object, like: Column | None) -> Encoded:
    """A column of numbers with its range and quantiles; where one is missing stands the usual number."""
    low, high = float(np.fmin.reduce(numbers)), float(np.fmax.reduce(numbers))
    present = np.sort(numbers[~missing])
    quantiles = tuple(np.quantile(present, np.linspace(0, 1, QUANTILES)).tolist())
    if missing.any():
        numbers[missing] = present[len(present) // 2]  # something must stand there; the mark says that it means nothing
    if like is not None:
        low, high, quantiles = min(low, like.low), max(high, like.high), like.quantiles or quantiles
        kind = "integer" if kind == like.kind == "integer" else "real"
    return Encoded(numbers, Column(name, kind, low, high, dtype=dtype, quantiles=quantiles), missing)


def _codes(series: pd.Series, sort: str, owner: str, like: Column | None) -> Encoded:
    import pandas as pd

    name, missing = str(series.name), series.isna().to_numpy(dtype=bool)
    if sort == "categories":
        distinct = pd.Index(series.dtype.categories)
    elif sort == "booleans":
        distinct = pd.Index([False, True])
    else:
        order = (lambda words: words.str.strip()) if sort == "words" else None
        distinct = pd.Index(series[~missing].unique()).sort_values().sort_values(key=order)  # numbers in their own order: 2 before 10
    values = (*distinct.tolist(), *((series[missing].iloc[0],) if missing.any() else ()))
    there = (*trimmed([str(value) for value in distinct]), *((MISSING,) if missing.any() else ()))
    if like is not None and like.kind != "categorical":
        raise must(name, owner, f"hold numbers, as in the table of like= ({like.low:g} to {like.high:g})", there[0])
    codes = distinct.get_indexer(pd.Index(series.astype(object)))
    codes = np.where(missing, len(distinct), codes)
    shares = tuple((np.bincount(codes.astype(np.int64), minlength=len(there)) / max(len(codes), 1)).tolist())
    column = Column(name, "categorical", 0.0, float(max(len(there) - 1, 0)), there, values=values, dtype=series.dtype, shares=shares)
    if like is None:
        return Encoded(codes.astype(np.float64), column, missing)
    strange = [there[code] for code in np.unique(codes).tolist() if there[code] not in like.categories]
    if strange:
        hint = "Retrain with them, or leave these rows out."
        raise UsageError(f"The column '{name}' of {owner} has categories that the table of like= lacks: {', '.join(strange[:5])}. {hint}")
    place = np.array([like.categories.index(category) if category in like.categories else -1 for category in there])
    return Encoded(place[codes].astype(np.float64), replace(like, name=name), missing)


def _notes(columns: Sequence[Column], n: int, missing: dict[str, int], *, from_like: bool) -> tuple[str, ...]:
    kinds: dict[str, list[str]] = {"Real": [], "Integer": [], "Categorical": []}
    for column in columns:
        counted = f"{column.name} ({len(column.categories)})" if column.kind == "categorical" else column.name
        kinds[column.kind.capitalize()].append(counted)
    said = [f"{kind} columns: {_some(names)}." for kind, names in kinds.items() if names]
    ranges = "Legal ranges cover this table and that of like=." if from_like else "Each column's legal range is the one observed."
    dates = [f"{column.name} ({column.dtype.unit})" for column in columns if isinstance(column.dtype, DateType)]
    suspect = [f"Dates are numbers, counted from 1970-01-01: {_some(dates)}. Leave them out with drop=."] if dates else []
    wordy = [f"{c.name} ({len(c.categories)})" for c in columns if c.kind == "categorical" and n > FEW and len(c.categories) > MANY * n]
    suspect += [f"Columns that look like names or free text: {_some(wordy)}. Leave them out with drop=."] if wordy else []
    counters = [c.name for c in columns if c.name == "Unnamed: 0"]
    if counters:
        suspect.append(f"The column '{counters[0]}' looks like a row number that was saved with the table. Leave it out with drop=.")
    return (" ".join(said), ranges, *_missing(columns, missing), *suspect)


def _missing(columns: Sequence[Column], missing: dict[str, int]) -> tuple[str, ...]:
    marked = {column.marks for column in columns if column.marks}
    coded = [f"{name} ({count})" for name, count in missing.items() if count and name not in marked]
    numbers = [f"{name} ({count})" for name, count in missing.items() if count and name in marked]
    said = []
    if coded:
        said.append(f"Values are missing in {_some(coded)}: they are a category of their own, '{MISSING}'.")
    if numbers:
        said.append(f"Values are missing in {_some(numbers)}: for each, a further column says where.")
    return tuple(said)


def _some(names: Sequence[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
