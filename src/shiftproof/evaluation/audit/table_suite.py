"""What the suites ask of tables beside moved rows: groups by time, label shift, and why there is no natural shift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shiftproof.data.groups import GroupedSource
from shiftproof.data.labels import MISSING
from shiftproof.data.source import Source
from shiftproof.data.sources.dates import DateType
from shiftproof.data.space import Column, InputSpace
from shiftproof.judges.abstract import Judge
from shiftproof.measures import Measure, measures
from shiftproof.records.audit import LeftOut

OWN_MEASURES = ("label_shift",)
"""Measures of the sample as it is, in every suite of tables."""


def is_table(source: Source) -> bool:
    """Whether these are rows of a table whose columns were read from data."""
    return isinstance(source.space, InputSpace) and source.space.kind == "table" and bool(source.space.columns)


def grouped_by_time(source: Source) -> Source:
    """A table with dates and without groups, its rows grouped by the first column of dates, halved at the median.

    Any other source, and one whose dates are all the same, as it is.
    """
    if not is_table(source) or source.groups:
        return source
    columns: tuple[Column, ...] = source.space.columns
    dated = next((place for place, column in enumerate(columns) if isinstance(column.dtype, DateType)), None)
    if dated is None:
        return source
    x = source.take(slice(None)).x.double().numpy()
    marks = [place for place, column in enumerate(columns) if column.marks == columns[dated].name]
    absent = x[:, marks].any(1)
    cut = _halfway(x[~absent, dated])
    if cut is None:
        return source
    name, date = columns[dated].name, _written(columns[dated].dtype, cut)
    groups = np.where(absent, MISSING, np.where(x[:, dated] < cut, f"before {date}", f"from {date}"))
    said = f"No groups were named: rows are grouped by '{name}', half of them before {date}, to show a shift by time."
    return GroupedSource(source, name, groups, said=said)


def _halfway(numbers: Any) -> float | None:
    """The value that halves them best from below; None where all are the same."""
    distinct = np.unique(numbers)
    if len(distinct) < 2:
        return None
    below = np.searchsorted(np.sort(numbers), distinct[1:])  # how many lie before each
    return float(distinct[1:][np.abs(below - len(numbers) / 2).argmin()])


def _written(dtype: object, number: float) -> str:
    assert isinstance(dtype, DateType)
    return str(
        np.datetime64("1970-01-01", "s") + np.timedelta64(round(number * (86_400 if dtype.unit == "days" else 1)), "s")
    ).removesuffix("T00:00:00")


def suite_measures(data: Source, judge: Judge) -> tuple[Measure, ...]:
    """The suite's measures of the sample as it is: label shift, where classes are judged."""
    return tuple(measures.build(spec) for spec in OWN_MEASURES) if is_table(data) and judge.said == "classes" else ()


def not_covered(data: Source, natural: Sequence[Source], judge: Judge) -> tuple[LeftOut, ...]:
    """Shifts of tables that these data cannot carry, and how to give what is lacking."""
    if not is_table(data):
        return ()
    found = []
    if judge.said != "classes":
        found.append(LeftOut(shift="label shift", search="any", reason="the model predicts numbers, which have no shares of classes"))
    if not natural and not data.groups:
        way = "name another sample with --shift-from, such as rows kept by where=, or groups by time or place, such as groups=year:2020"
        found.append(LeftOut(shift="natural shift", search="any", reason=f"no column holds dates and no groups are named; {way}"))
    return tuple(found)
