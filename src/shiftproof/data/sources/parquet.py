"""Tables in Parquet files."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from shiftproof.data.sources.abstract import Option
from shiftproof.data.sources.files import reading
from shiftproof.data.sources.tables import OPTIONS, FileTable

if TYPE_CHECKING:
    import pandas as pd


class Parquet(FileTable):
    """A table in a Parquet file; only the columns needed are read.

    Options:
        label: column of labels: whole numbers 0, 1, 2, ..., booleans, or words, whose classes are then sorted.
        target: column of numbers to predict, in place of labels; one of the two is required.
        text: column of texts, which are then the inputs; there are no features.
        groups: columns of groups, split at commas; they stay among the features.
        features: columns to take as features, split at commas; without it, all that are left.
        drop: columns to leave out, split at commas.
        exclude_groups: `true` leaves the group columns out of the features.
        categorical: columns of numbers that are names of categories, split at commas.
        as_category: columns that an estimator gets as pandas categories, as after `astype("category")`, split at commas.
        id: column of ids, unique; row numbers without it. It is not a feature.
        where: rows to keep, COLUMN OP VALUE with OP one of = != < <= > >=, joined by commas, such as `where=year>2015,state=CA`; ranges,
            categories and classes stay those of the whole table. A row with a missing value there matches nothing.
        like: table of the same layout, such as the training set, whose categories, classes and (at least) ranges hold here too.
        classes: names of the model's classes in its order, split at commas, or a text file of them, one per line.
        rename: new names of classes, OLD:NEW split at commas, such as `rename=<=50K.:<=50K,>50K.:>50K`.

    Values and types are those of `pandas.read_parquet(FILE)`, and an estimator is handed them again; words are never taken for numbers.
    Columns are coded as in `csv:`, those of pandas categories in their own order. The index of pandas is not a feature.
    """

    scheme: ClassVar[str] = "parquet"
    what: ClassVar[str] = "a table in a Parquet file"
    options: ClassVar[tuple[Option, ...]] = OPTIONS

    _hint = "It must be a Parquet file; if it was cut off, copy it again."

    @cached_property
    def _schema(self) -> tuple[list[str], list[str]]:
        """The file's columns, and those of the index."""
        import pyarrow.parquet as pq

        with reading(f"'{self._path}' as Parquet", self._hint):
            schema = pq.read_schema(self._path)
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        return list(schema.names), [name for name in index if isinstance(name, str)]

    def header(self) -> list[str]:
        return [name for name in self._schema[0] if not name.startswith("__index_level_")]

    def index_names(self) -> list[str]:
        return self._schema[1]

    def read(self, columns: list[str]) -> pd.DataFrame:
        import pandas as pd

        with reading(f"'{self._path}' as Parquet", self._hint):
            frame = pd.read_parquet(self._path, engine="pyarrow", columns=columns, page_checksum_verification=True)
        index = [name for name in columns if name not in frame.columns]
        return frame.reset_index(level=index)[columns] if index else frame[columns]
