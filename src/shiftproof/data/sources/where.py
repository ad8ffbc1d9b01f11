"""Rows of a table by the values of its columns: `where=year>2015,state=CA`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must

if TYPE_CHECKING:
    import pandas as pd

_COMPARES = {">=": ge, "<=": le, "!=": ne, "==": eq, "=": eq, "<": lt, ">": gt}
_OPERATOR = re.compile("|".join(_COMPARES))
_FORM = "Write COLUMN OP VALUE, joined by commas, with OP one of = != < <= > >=; a comma, & or OP inside a name is %2C, %26 or %3C."


@dataclass(frozen=True)
class RowCondition:
    """One condition on a row: the value in `column` compared with `value`."""

    column: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{self.value}"

    def holds(self, series: pd.Series, *, owner: str) -> npt.NDArray[np.bool_]:
        """Which rows match, shape (n,); a missing value matches nothing, `!=` included.

        Numbers are compared as numbers and dates as dates; all else as words, without spaces around them, by = and != only.
        """
        import pandas as pd

        present = series.notna().to_numpy(dtype=bool)
        values: Any
        sought: Any
        if pd.api.types.is_datetime64_any_dtype(series.dtype):
            values, sought = series, self._date(series, owner)
        elif pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
            values, sought = series.to_numpy(dtype=np.float64, na_value=np.nan), self._number(owner)
        else:
            values, sought = self._words(series, owner)
        found = np.zeros(len(series), dtype=bool)
        found[present] = np.asarray(_COMPARES[self.operator](values[present], sought), dtype=bool)
        return found

    def _number(self, owner: str) -> float:
        try:
            return float(self.value)
        except ValueError:
            raise must("where", owner, f"compare '{self.column}', which holds numbers, with a number", self.value, _FORM) from None

    def _date(self, series: pd.Series, owner: str) -> Any:
        import pandas as pd

        from shiftproof.data.sources.dates import moment

        try:
            return moment(self.value, zone=series.dtype.tz if isinstance(series.dtype, pd.DatetimeTZDtype) else None)
        except ValueError:
            raise must("where", owner, f"compare '{self.column}', which holds dates, with a date such as 2020-12-31", self.value) from None

    def _words(self, series: pd.Series, owner: str) -> tuple[Any, Any]:
        import pandas as pd

        from shiftproof.data.sources.dates import date_format

        said = series.astype(str).str.strip()
        form = date_format(series)
        if form is not None:
            return pd.to_datetime(said.where(series.notna()), format=form), self._date(series, owner)
        if self.operator not in ("=", "==", "!="):
            raise must("where", owner, f"compare '{self.column}', which holds words, by = or !=", str(self), _FORM)
        return said, self.value.strip()


def parse_where(written: str | None, *, owner: str) -> tuple[RowCondition, ...]:
    """The conditions that `where=` names, split at commas; names and values are decoded (%2C is a comma, %26 is &).

    >>> [str(c) for c in parse_where("year>2015,state=CA", owner="a table")]
    ['year>2015', 'state=CA']
    """
    found: list[RowCondition] = []
    for part in filter(None, (written or "").split(",")):
        match = _OPERATOR.search(part)
        column, value = (part[: match.start()], part[match.end() :]) if match else ("", "")
        if match is None or not column.strip() or not value.strip():
            raise must("where", owner, "be conditions", unquote(part), _FORM)
        found.append(RowCondition(unquote(column).strip(), match[0], unquote(value).strip()))
    return tuple(found)


def matching(rows: pd.DataFrame, conditions: Sequence[RowCondition], *, owner: str) -> npt.NDArray[np.bool_]:
    """The rows that match every condition, shape (n,).

    Raises:
        UsageError: a value cannot be compared, or no row matches.
    """
    kept = np.ones(len(rows), dtype=bool)
    for condition in conditions:
        kept &= condition.holds(rows[condition.column], owner=owner)
    if not kept.any():
        raise UsageError(f"No row of {owner} matches where={','.join(map(str, conditions))}. Check the values, and spaces in words.")
    return kept


def where_notes(rows: pd.DataFrame, conditions: Sequence[RowCondition], kept: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    """How many rows are kept, and how many match nothing because a value is missing."""
    if not conditions:
        return ()
    said = [f"where={','.join(map(str, conditions))} keeps {int(kept.sum())} of {len(kept)} rows."]
    for column in dict.fromkeys(condition.column for condition in conditions):
        absent = int(rows[column].isna().sum())
        if absent:
            said.append(f"{absent} rows have no value in '{column}', which matches nothing.")
    return tuple(said)
