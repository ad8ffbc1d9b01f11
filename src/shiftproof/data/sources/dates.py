"""Columns of dates as numbers: whole days, or seconds, since 1970-01-01, and back as the table had them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "%Y-%m-%d"),
    (re.compile(r"\d{4}/\d{2}/\d{2}"), "%Y/%m/%d"),
    (re.compile(r"\d{2}\.\d{2}\.\d{4}"), "%d.%m.%Y"),
    (re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}"), "%Y-%m-%d %H:%M"),
    (re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}"), "%Y-%m-%dT%H:%M:%S"),
)
"""Ways to write dates of which only one reading is possible."""
_UNITS = {"days": 86_400, "seconds": 1}


@dataclass(frozen=True)
class DateType:
    """How a column held its dates.

    Args:
        unit: what one number counts: "days" or "seconds".
        format: how the dates were written as text; empty where pandas held them as dates.
        dtype: the pandas type.
    """

    unit: str
    format: str
    dtype: object

    def restored(self, numbers: npt.NDArray[np.generic], absent: npt.NDArray[np.bool_]) -> pd.Series:
        """The dates that these numbers, shape (n,), stand for, as the table had them; missing where `absent`."""
        import pandas as pd

        filled = np.where(absent, 0.0, numbers.astype(np.float64))
        moments = pd.to_datetime(pd.Series(np.rint(filled * _UNITS[self.unit] * 1e6)).astype("int64"), unit="us")
        said: Any = moments
        if self.format:
            said = moments.dt.strftime(self.format)
        elif isinstance(self.dtype, pd.DatetimeTZDtype):
            said = moments.dt.tz_localize("UTC").dt.tz_convert(self.dtype.tz)
        elif pd.api.types.is_object_dtype(self.dtype):
            said = moments.dt.date if self.unit == "days" else moments
        return said.astype(self.dtype).mask(absent) if absent.any() else said.astype(self.dtype)


def date_format(series: pd.Series) -> str | None:
    """How a column of words writes dates; None where not all of its values are dates in one of `FORMATS`."""
    import pandas as pd

    present = series.dropna()
    first = next(iter(present.tolist()), None)
    if not isinstance(first, str):
        return None
    form = next((form for pattern, form in FORMATS if pattern.fullmatch(first)), None)
    if form is None or bool(pd.to_datetime(present, format=form, errors="coerce").isna().any()):
        return None
    return form


def moment(text: str, *, zone: Any = None) -> pd.Timestamp:
    """A date as people write it: 2020-12-31, with or without a time, or 31.12.2020.

    >>> moment("31.12.2020") == moment("2020-12-31")
    True

    Raises:
        ValueError: it is none.
    """
    import pandas as pd

    form = next((form for pattern, form in FORMATS if pattern.fullmatch(text)), None)
    return pd.Timestamp(text, tz=zone) if form is None else pd.to_datetime(text, format=form).tz_localize(zone)


def as_numbers(series: pd.Series, form: str) -> tuple[npt.NDArray[np.float64], DateType]:
    """The dates as numbers, NaN where missing, and how to write them back. `form` is "" where pandas holds them as dates."""
    import pandas as pd

    moments = pd.to_datetime(series, format=form) if form else pd.to_datetime(series)
    if isinstance(moments.dtype, pd.DatetimeTZDtype):
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    seconds = (moments - pd.Timestamp(0)).dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
    whole = bool((np.nan_to_num(seconds) % _UNITS["days"] == 0).all())
    unit = "days" if whole else "seconds"
    return seconds / _UNITS[unit], DateType(unit, form, series.dtype)
