"""Columns of a table as numbers: which are real, integer or categorical, with what range, and what is missing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.space import Column, ColumnKind

if TYPE_CHECKING:
    import pyarrow as pa

Floats = npt.NDArray[np.float64]
SHOWN = 12
"""Columns named in a note before the rest is counted."""
MANY = 0.5
"""From this share of distinct values on, a categorical column looks like free text or a name."""


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """A table as numbers: x of shape (n, columns), its columns, and what was decided."""

    x: Floats
    columns: tuple[Column, ...]
    notes: tuple[str, ...]


def plain(column: pa.ChunkedArray, name: str, owner: str) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
    """A column's values (numbers, booleans or words, with zero or "" where absent) and where they are absent, each of shape (n,)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_null(kind):
        return np.zeros(len(column)), np.ones(len(column), dtype=np.bool_)
    absent = column.is_null(nan_is_null=pa.types.is_floating(kind)).to_numpy()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view":
        trimmed = pc.utf8_trim_whitespace(column.cast(pa.large_string()).fill_null(""))
        values = np.array(trimmed.to_pylist(), dtype=np.str_)
        return values, values == ""
    if pa.types.is_boolean(kind):
        return column.fill_null(False).to_numpy(), absent
    if pa.types.is_integer(kind):
        return column.fill_null(0).to_numpy(), absent
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64()).fill_null(0.0).to_numpy(), absent
    raise must(name, owner, "hold numbers, booleans or words", _type_name(kind))


def _type_name(kind: pa.DataType) -> str:
    import pyarrow as pa

    return "bytes that are not UTF-8" if pa.types.is_binary(kind) else str(kind)


def _refuse_types(table: pa.Table, owner: str) -> None:
    """Names every column that can be no feature at once, so that one round of drop= is enough."""
    bad: dict[str, str] = {}
    for name in table.column_names:
        try:
            plain(table.column(name)[:0], name, owner)
        except UsageError:
            bad[name] = _type_name(table.column(name).type)
    if bad:
        shown = ", ".join(f"{name} ({kind})" for name, kind in bad.items())
        way = f"Leave them out with drop={','.join(bad)} or choose with features=."
        raise UsageError(f"Features must hold numbers, booleans or words, and these columns of {owner} do not: {shown}. {way}")


def encode_table(table: pa.Table, *, owner: str, categorical: Collection[str] = (), like: Sequence[Column] | None = None) -> EncodedTable:
    """Every column as numbers.

    Args:
        table: n rows of features.
        owner: whose they are, for messages.
        categorical: names of columns of numbers that are categories all the same.
        like: columns of another table: their codes hold here, and ranges cover both.

    Raises:
        UsageError: values are missing, a type cannot be a number, or a category is new to `like`.
    """
    if like is not None and [c.name for c in like] != table.column_names:
        raise must("like", owner, f"name a table with the columns {', '.join(table.column_names)}", ", ".join(c.name for c in like))
    _refuse_types(table, owner)
    read = {name: plain(table.column(name), name, owner) for name in table.column_names}
    missing = {name: int(absent.sum()) for name, (_, absent) in read.items() if absent.any()}
    if missing:
        shown = ", ".join(f"{name} ({count})" for name, count in missing.items())
        raise UsageError(
            f"Values are missing in {owner}, of {table.num_rows} rows: {shown}. Fill them, drop the rows, or leave columns out with drop=."
        )
    before = {c.name: c for c in like or ()}
    x = np.empty((table.num_rows, len(read)), dtype=np.float64)
    columns: list[Column] = []
    for place, (name, (values, _)) in enumerate(read.items()):
        x[:, place], column = _encode(name, values, owner, forced=name in categorical, like=before.get(name))
        columns.append(column)
    return EncodedTable(x, tuple(columns), _notes(columns, len(x), from_like=like is not None))


def _encode(name: str, values: npt.NDArray[np.generic], owner: str, *, forced: bool, like: Column | None) -> tuple[Floats, Column]:
    if values.dtype.kind in "Ub" or forced:
        return _codes(name, values, owner, like)
    if like is not None and like.kind == "categorical":
        raise must(name, owner, f"hold words, as in the table of like= ({', '.join(like.categories[:3])}, ...)", values[0].item())
    numbers = values.astype(np.float64)
    largest = max(int(values.max()), -int(values.min())) if values.dtype.kind in "iu" else 0
    if largest > 2**53:
        rule = "hold integers of at most 2**53, which float64 holds exactly"
        raise must(name, owner, rule, largest, f"Leave it out with drop={name}.")
    low, high = float(np.fmin.reduce(numbers)), float(np.fmax.reduce(numbers))
    kind: ColumnKind = "integer" if values.dtype.kind in "iu" else "real"
    if like is not None:
        low, high = min(low, like.low), max(high, like.high)
        kind = "integer" if kind == like.kind == "integer" else "real"
    return numbers, Column(name, kind, low, high)


def _codes(name: str, values: npt.NDArray[np.generic], owner: str, like: Column | None) -> tuple[Floats, Column]:
    distinct = [False, True] if values.dtype.kind == "b" else np.unique(values).tolist()  # numbers in their own order: 2 before 10
    there = tuple(str(value) for value in distinct)
    if like is not None and like.kind != "categorical":
        raise must(name, owner, f"hold numbers, as in the table of like= ({like.low:g} to {like.high:g})", there[0])
    known = there if like is None else like.categories
    place = {category: code for code, category in enumerate(known)}
    strange = [category for category in there if category not in place]
    if strange:
        hint = "Retrain with them, or leave these rows out."
        raise UsageError(f"The column '{name}' of {owner} has categories that the table of like= lacks: {', '.join(strange[:5])}. {hint}")
    codes = np.array([place[str(value)] for value in values.tolist()], dtype=np.float64)
    return codes, Column(name, "categorical", 0.0, float(max(len(known) - 1, 0)), known)


def _notes(columns: Sequence[Column], n: int, *, from_like: bool) -> tuple[str, ...]:
    kinds: dict[str, list[str]] = {"Real": [], "Integer": [], "Categorical": []}
    for column in columns:
        counted = f"{column.name} ({len(column.categories)})" if column.kind == "categorical" else column.name
        kinds[column.kind.capitalize()].append(counted)
    said = [f"{kind} columns: {_some(names)}." for kind, names in kinds.items() if names]
    ranges = "Legal ranges cover this table and that of like=." if from_like else "Each column's legal range is the one observed."
    wordy = [f"{c.name} ({len(c.categories)})" for c in columns if c.kind == "categorical" and n > 20 and len(c.categories) > MANY * n]
    suspect = [f"Columns that look like names or free text: {_some(wordy)}. Leave them out with drop=."] if wordy else []
    counters = [c.name for c in columns if c.name == "Unnamed: 0"]
    if counters:
        suspect.append(f"The column '{counters[0]}' looks like a row number that was saved with the table. Leave it out with drop=.")
    return (" ".join(said), ranges, *suspect)


def _some(names: Sequence[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
