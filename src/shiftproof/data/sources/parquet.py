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

    Options: those of every table, see `TableSource`.

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
