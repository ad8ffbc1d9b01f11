"""Groups cut from a column of numbers or dates: `groups=age:40` is two groups, below 40 and from 40 on."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.labels import MISSING
from shiftproof.data.sources.dates import date_format, moment

if TYPE_CHECKING:
    import pandas as pd


def parse_cuts(written: str, there: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The column of a group and where it is cut; a name that is a column's own has no cuts.

    >>> parse_cuts("age:30:50", ["age", "sex"]), parse_cuts("sex", ["age", "sex"])
    (('age', ('30', '50')), ('sex', ()))
    """
    if written in there:
        return written, ()
    column, *cuts = (part.strip() for part in written.split(":"))
    return column, tuple(cuts)


def cut_groups(series: pd.Series, cuts: tuple[str, ...], *, owner: str) -> npt.NDArray[np.str_]:
    """The group of each row, shape (n,): "below 30", "30 to below 50", "from 50", of dates "before 2020-01-01"; or "(missing)".

    Raises:
        UsageError: the column holds words, or cuts are not rising numbers or dates.
    """
    import pandas as pd

    name, form = str(series.name), date_format(series)
    values: Any
    edges: Any
    if form is not None or pd.api.types.is_datetime64_any_dtype(series.dtype):
        values, below = (series if form is None else pd.to_datetime(series, format=form)), "before"
        zone = values.dtype.tz if isinstance(values.dtype, pd.DatetimeTZDtype) else None
        edges = [_edge(cut, lambda text: moment(text, zone=zone), "dates such as 2020-12-31", name, owner) for cut in cuts]
    elif pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        values, below = series.to_numpy(dtype=np.float64, na_value=np.nan), "below"
        edges = [_edge(cut, float, "numbers", name, owner) for cut in cuts]
    else:
        raise UsageError(f"The column '{name}' of {owner} holds words, which cannot be cut at {cuts[0]}. Write groups={name}.")
    if any(not low < high for low, high in pairwise(edges)):
        raise must(f"groups={name}", owner, "be cut at rising values", ":".join(cuts))
    place = sum((np.asarray(values >= edge, dtype=np.int64) for edge in edges), np.zeros(len(series), dtype=np.int64))
    between = [f"{low} to {below} {high}" for low, high in pairwise(cuts)]
    names = np.array([f"{below} {cuts[0]}", *between, f"from {cuts[-1]}", MISSING], dtype=np.str_)
    return names[np.where(series.isna().to_numpy(dtype=bool), len(cuts) + 1, place)]


def _edge(cut: str, read: Any, what: str, name: str, owner: str) -> Any:
    try:
        return read(cut)
    except ValueError:
        raise must(f"groups={name}", owner, f"be cut at {what}", cut, f"Write groups={name}:VALUE, or groups={name} alone.") from None
