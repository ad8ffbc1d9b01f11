"""Tables in CSV and Parquet files: numbers as they are, words as codes of categories."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.examples import Ids
from shiftproof.data.labels import check_ids, encode_labels, row_ids, words
from shiftproof.data.sources.abstract import Address, AddressedSource, Option
from shiftproof.data.sources.columns import EncodedTable, encode_table, plain
from shiftproof.data.sources.files import hash_file, reading, the_file
from shiftproof.data.space import Box, InputSpace

if TYPE_CHECKING:
    import pyarrow as pa
    import torch

_OPTIONS = (
    Option("label", "column of labels (required)"),
    Option("groups", "columns of groups, split at commas"),
    Option("features", "columns to take as features, split at commas; all that are left, without it"),
    Option("drop", "columns to leave out, split at commas"),
    Option("exclude_groups", "leave the group columns out of the features", "false"),
    Option("categorical", "columns of numbers that are names of categories, split at commas"),
    Option("id", "column of ids; row numbers without it"),
    Option("like", "table of the same layout whose categories, ranges and classes hold here too"),
)


class _Roles(NamedTuple):
    """Which column plays which part."""

    label: str
    groups: tuple[str, ...]
    id: str | None
    features: tuple[str, ...]

    def needed(self) -> list[str]:
        return list(dict.fromkeys(filter(None, (self.label, *self.groups, self.id, *self.features))))


class TableSource(AddressedSource):
    """Rows of a table: x of shape (n, columns), float64. A subclass says how its file is read."""

    def __init__(self, address: Address, *, box: Box | None = None) -> None:
        super().__init__(address, box=box)
        if box is not None:
            raise must("box", self.uri, "be left out", list(box), "Each column of a table has its own range.")
        self._path = the_file(address)
        self._roles = self._find_roles()

    @abstractmethod
    def column_names(self) -> list[str]:
        """The columns of the file, without reading its rows."""

    @abstractmethod
    def read(self, columns: list[str]) -> pa.Table:
        """The named columns, all rows."""

    def _find_roles(self) -> _Roles:
        there = self.column_names()
        label = self.text("label")
        if label is None:
            raise UsageError(f"{self.uri} needs its column of labels: write ?label=NAME. Columns: {', '.join(there)}.")
        groups, drop, chosen = self.names("groups"), self.names("drop"), self.names("features")
        identity = self.text("id")
        for name in filter(None, (label, identity, *groups, *drop, *chosen, *self.names("categorical"))):
            if name not in there:
                raise unknown(f"column of '{self._path}'", name, there)
        out = {label, *drop, *([identity] if identity else []), *(groups if self.flag("exclude_groups") else ())}
        features = tuple(name for name in chosen or there if name not in out)
        if label in (*drop, *chosen):
            raise UsageError(f"The column '{label}' of {self.uri} is the label: name it neither in drop= nor in features=.")
        if not features:
            raise UsageError(f"{self.uri} leaves no column as a feature. Columns: {', '.join(there)}. Drop fewer.")
        return _Roles(label, groups, identity, features)

    @cached_property
    def _reference(self) -> TableSource | None:
        like = self.text("like")
        if like is None:
            return None
        options = {name: value for name, value in self.address.options.items() if name != "like"}
        return type(self)(replace(self.address, place=like, options=options))

    @cached_property
    def _rows(self) -> pa.Table:
        rows = self.read(self._roles.needed())
        if not rows.num_rows:
            raise UsageError(f"The table '{self._path}' has a header and no rows.")
        return rows

    @cached_property
    def _features(self) -> EncodedTable:
        like = self._reference.space.columns if self._reference else None
        features = self._rows.select(list(self._roles.features))
        return encode_table(features, owner=f"'{self._path}'", categorical=self.names("categorical"), like=like)

    def _words(self, column: str, missing: str | None = None) -> npt.NDArray[np.str_]:
        values, absent = plain(self._rows.column(column), column, f"'{self._path}'")
        if absent.any() and missing is None:
            raise UsageError(f"The column '{column}' of '{self._path}' is missing in {int(absent.sum())} rows. Fill it or drop them first.")
        return np.where(absent, missing or "", words(values, name=column, owner=f"'{self._path}'"))

    @cached_property
    def _labels(self) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        values, absent = plain(self._rows.column(self._roles.label), self._roles.label, f"'{self._path}'")
        if absent.any():
            count = f"{int(absent.sum())} of {len(absent)} rows"
            raise UsageError(f"The label '{self._roles.label}' of '{self._path}' is missing in {count}. Drop them first.")
        classes = self._reference.class_names if self._reference else ()
        return encode_labels(values, owner=f"'{self._path}'", classes=classes or None)

    @cached_property
    def _ids(self) -> Ids:
        if self._roles.id is None:
            return row_ids(len(self.y))
        return check_ids(self._words(self._roles.id), owner=f"'{self._path}'")

    @cached_property
    def _groups(self) -> dict[str, npt.NDArray[np.str_]]:
        return {column: self._words(column, missing="(missing)") for column in self._roles.groups}

    @property
    def space(self) -> InputSpace:
        return InputSpace(kind="table", units="each column's range", columns=self._features.columns)

    @property
    def ids(self) -> Ids:
        return self._ids

    @property
    def y(self) -> npt.NDArray[np.int64]:
        return self._labels[0]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._labels[1]

    @property
    def groups(self) -> dict[str, npt.NDArray[np.str_]]:
        return self._groups

    @property
    def named(self) -> bool:
        return self._roles.id is not None

    @property
    def notes(self) -> tuple[str, ...]:
        rows = () if self.named else ("The table has no ids: examples are named by row number.",)
        return (*self._features.notes, *rows)

    def identity(self) -> dict[str, str]:
        return {**super().identity(), **({"like": self._reference.content()} if self._reference else {})}

    def content(self) -> str:
        return hash_file(self._path)

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> torch.Tensor:
        import torch

        return torch.from_numpy(self._features.x[rows].copy())


class Csv(TableSource):
    """A table in a CSV file with a header, plain or compressed (.gz, .bz2, .zst).

    Options:
        label: column of labels (required): whole numbers 0, 1, 2, ..., booleans, or words, whose classes are then sorted.
        groups: columns of groups, split at commas; they stay among the features.
        features: columns to take as features, split at commas; without it, all that are left.
        drop: columns to leave out, split at commas.
        exclude_groups: `true` leaves the group columns out of the features.
        categorical: columns of numbers that are names of categories, split at commas.
        id: column of ids, unique; row numbers without it. It is no feature.
        like: table of the same layout, such as the training set, whose categories, classes and (at least) ranges hold here too.
        sep: what separates values, `,` unless given; `tab` for a tabulator.

    A missing name of a column becomes "Unnamed: 0" by its place, and the second of one name "name.1". Whole numbers are integer columns
    and other numbers real ones, each with the range observed in the file; words and booleans are categorical, as codes of their sorted
    values. Spaces around values are cut. An empty cell is missing, and so is NA or NaN among numbers; rows that lack a feature are
    refused. Every row must have as many values as the header.
    """

    scheme: ClassVar[str] = "csv"
    what: ClassVar[str] = "a table in a CSV file with a header"
    options: ClassVar[tuple[Option, ...]] = (*_OPTIONS, Option("sep", "what separates values; 'tab' for a tabulator", ","))

    _hint = "It must be UTF-8 text with a header and as many values in each row; name another separator with ?sep=."

    @property
    def _separator(self) -> str:
        written = self.text("sep") or ","
        separator = "\t" if written == "tab" else written
        if len(separator) != 1:
            raise must("sep", self.uri, "be one character, or 'tab'", written)
        return separator

    @cached_property
    def _header(self) -> tuple[list[str], bool]:
        """The columns' names, and whether they differ from what is written: spaces cut, and a missing or repeated name numbered."""
        import pyarrow.csv as pc

        with reading(f"'{self._path}' as CSV", self._hint), pc.open_csv(self._path, parse_options=self._parsing()) as reader:
            raw = list(reader.schema.names)
        names: list[str] = []
        for place, name in enumerate(raw):
            plain_name = name.strip() or f"Unnamed: {place}"
            before = sum(other.strip() == plain_name for other in raw[:place])
            names.append(f"{plain_name}.{before}" if before else plain_name)
        if len(set(names)) < len(names):
            raise UsageError(f"The header of '{self._path}' repeats names: {', '.join(names[:12])}. Rename them.")
        return names, names != raw

    def _parsing(self) -> pa.csv.ParseOptions:
        import pyarrow.csv as pc

        return pc.ParseOptions(delimiter=self._separator, newlines_in_values=True)

    def column_names(self) -> list[str]:
        return list(self._header[0])

    def read(self, columns: list[str]) -> pa.Table:
        import pyarrow.csv as pc

        names, renamed = self._header
        reads = pc.ReadOptions(column_names=names, skip_rows_after_names=1) if renamed else pc.ReadOptions()
        wanted = pc.ConvertOptions(include_columns=columns)
        with reading(f"'{self._path}' as CSV", self._hint):
            return pc.read_csv(self._path, read_options=reads, parse_options=self._parsing(), convert_options=wanted)


class Parquet(TableSource):
    """A table in a Parquet file; only the columns needed are read.

    Options:
        label: column of labels (required): whole numbers 0, 1, 2, ..., booleans, or words, whose classes are then sorted.
        groups: columns of groups, split at commas; they stay among the features.
        features: columns to take as features, split at commas; without it, all that are left.
        drop: columns to leave out, split at commas.
        exclude_groups: `true` leaves the group columns out of the features.
        categorical: columns of numbers that are names of categories, split at commas.
        id: column of ids, unique; row numbers without it. It is no feature.
        like: table of the same layout, such as the training set, whose categories, classes and (at least) ranges hold here too.

    Columns are read as in `csv:`; the file's own types decide. An index that pandas stored without a name is left out.
    """

    scheme: ClassVar[str] = "parquet"
    what: ClassVar[str] = "a table in a Parquet file"
    options: ClassVar[tuple[Option, ...]] = _OPTIONS

    _hint = "It must be a Parquet file; if it was cut off, copy it again."

    def column_names(self) -> list[str]:
        import pyarrow.parquet as pq

        with reading(f"'{self._path}' as Parquet", self._hint):
            names: list[str] = pq.read_schema(self._path).names
        return [name for name in names if not name.startswith("__index_level_")]

    def read(self, columns: list[str]) -> pa.Table:
        import pyarrow.parquet as pq

        with reading(f"'{self._path}' as Parquet", self._hint), pq.ParquetFile(self._path, page_checksum_verification=True) as file:
            return file.read(columns=columns)
