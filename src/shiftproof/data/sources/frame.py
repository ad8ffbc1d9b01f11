"""A data frame in memory as a table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from shiftproof._errors import UsageError
from shiftproof.data.sources.abstract import Option
from shiftproof.data.sources.address import Address, Written
from shiftproof.data.sources.tables import OPTIONS, TableSource
from shiftproof.data.space import ValueRange

if TYPE_CHECKING:
    import pandas as pd


class Frame(TableSource):
    """A pandas data frame; an estimator is handed its columns again, in their types and order.

    Options are those of tables in files; `like` is a table itself. Columns are coded as in ``csv:``; nothing is parsed, so words that look
    like numbers are words. The frame is copied. The index is not a feature.

    Args:
        frame: n rows with the label, the groups and the features as columns.
        options: by name, as ``{"label": "income", "groups": ["sex"]}``.
        box: must be left out, as each column has its own range.
        name: what people call it.
        said: decisions that were made about it before.
        like: a table of the same layout, such as the training set, whose categories, classes and (at least) ranges hold here too.
    """

    scheme: ClassVar[str] = "frame"
    what: ClassVar[str] = "a data frame in memory"
    options: ClassVar[tuple[Option, ...]] = tuple(option for option in OPTIONS if option.name != "like")

    def __init__(
        self,
        frame: pd.DataFrame,
        options: Mapping[str, Written],
        *,
        box: ValueRange | None = None,
        name: str = "frame",
        said: tuple[str, ...] = (),
        like: TableSource | None = None,
    ) -> None:
        names = [str(column) for column in frame.columns]
        twice = sorted({column for column in names if names.count(column) > 1})
        if twice:
            raise UsageError(f"The data frame has several columns '{twice[0]}'. Give each column a name of its own.")
        self._frame, self._options, self._name, self._said = frame.set_axis(names, axis=1).reset_index(drop=True), dict(options), name, said
        self._like_table = like
        super().__init__(Address("frame", name).having(options), box=box)

    def __reduce__(self) -> tuple[Any, Any]:
        return _made_again, (self._frame, self._options, self._name, self._said, self._like_table)

    @cached_property
    def _probe(self) -> TableSource | None:
        return self._like_table

    @cached_property
    def _reference(self) -> TableSource | None:
        return self._like_table

    @property
    def owner(self) -> str:
        return "the data frame"

    @property
    def uri(self) -> str:
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self._said, *super().notes)

    def header(self) -> list[str]:
        return list(self._frame.columns)

    def read(self, columns: list[str]) -> pd.DataFrame:
        return self._frame[columns]

    @property
    def _used(self) -> list[str]:
        return [self._names[name] for name in self._roles.needed()]

    @cached_property
    def _content(self) -> str:
        import pandas as pd

        digest = hashlib.sha256(repr([(name, str(self._frame[name].dtype)) for name in self._used]).encode())
        for name in self._used:
            digest.update(np.ascontiguousarray(pd.util.hash_pandas_object(self._frame[name], index=False)).data)
        return digest.hexdigest()[:24]

    def content(self) -> str:
        """A hash of the columns that are used: their names, types and values."""
        return self._content


def _made_again(frame: pd.DataFrame, options: Mapping[str, Written], name: str, said: tuple[str, ...], like: TableSource | None) -> Frame:
    return Frame(frame, options, name=name, said=said, like=like)
