"""Tables in CSV and Parquet files: numbers as they are, words as codes of categories."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.class_names import Classed
from shiftproof.data.examples import Ids
from shiftproof.data.labels import check_ids, encode_labels, group_names, missing_groups, row_ids, text_values
from shiftproof.data.rows import Items, as_objects
from shiftproof.data.sources.abstract import CLASSES, RENAME, LabelledSource, Option
from shiftproof.data.sources.address import Address, as_written
from shiftproof.data.sources.columns import EncodedTable, encode_table, trimmed
from shiftproof.data.sources.cuts import cut_groups
from shiftproof.data.sources.files import hash_file, the_file
from shiftproof.data.sources.pandas_csv import CsvFile, refuse_strays
from shiftproof.data.sources.roles import find_roles
from shiftproof.data.sources.where import matching, parse_where, where_notes
from shiftproof.data.space import InputSpace, TextSpace, ValueRange

if TYPE_CHECKING:
    import pandas as pd

OPTIONS = (
    Option("label", "column of labels (required, or target)"),
    Option("target", "column of numbers to predict, in place of labels"),
    Option("text", "column of texts, which are the inputs in place of features"),
    Option("groups", "columns of groups, split at commas; numbers and dates cut at values, such as age:40 or hired:2020-01-01"),
    Option("features", "columns to take as features, split at commas; all that are left, without it"),
    Option("drop", "columns to leave out, split at commas"),
    Option("exclude_groups", "leave the group columns out of the features", "false"),
    Option("categorical", "columns of numbers that are names of categories, split at commas"),
    Option("as_category", "columns that the model gets as pandas categories, split at commas"),
    Option("id", "column of ids; row numbers without it"),
    Option("where", "rows to keep: COLUMN OP VALUE, joined by commas, such as year>2015,state=CA"),
    Option("like", "table of the same layout whose categories, ranges and classes hold here too"),
    CLASSES,
    RENAME,
)


class TableSource(LabelledSource):
    """Rows of a table: x of shape (n, columns), float64. A subclass says where its rows are.

    Ranges, categories and classes are those of the whole table, whichever rows `where=` keeps.

    Options:
        label: column of labels: whole numbers 0, 1, 2, ..., booleans, or words, whose classes are then sorted.
        target: column of numbers to predict, in place of labels; one of the two is required.
        text: column of texts, which are then the inputs; there are no features.
        groups: columns of groups, split at commas; they stay among the features. Numbers and dates may be cut, as in `age:30:50`.
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
    """

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        if box is not None:
            raise must("box", self.uri, "be left out", list(box), "Each column of a table has its own range.")
        self._conditions = parse_where(self._written("where"), owner=self.uri)
        there = list(self._names)
        lacking = [name for name in self.names("drop") if name not in there]
        self._roles = find_roles(
            self,
            there,
            owner=self.owner,
            unasked=self.index_names(),
            elsewhere=self._probe.header() if lacking and self._probe else (),
            filters=tuple(condition.column for condition in self._conditions),
        )

    @property
    @abstractmethod
    def owner(self) -> str:
        """What messages call the table."""

    @abstractmethod
    def header(self) -> list[str]:
        """The columns of the table as pandas names them, without reading its rows."""

    @cached_property
    def _names(self) -> dict[str, str]:
        """The columns' names in the table by those without spaces around them, which people write."""
        there = self.header()
        return dict(zip(trimmed(there), there, strict=True))

    @abstractmethod
    def read(self, columns: list[str]) -> pd.DataFrame:
        """The named columns, all rows, as pandas reads them."""

    def written(self, columns: list[str]) -> pd.DataFrame:
        """The named columns as names of examples and groups: as they are written, where the table is text."""
        return self.read(columns)

    def check_words(self, column: pd.Series) -> None:
        """Raises where a column of words looks like one of numbers that was misread."""

    def index_names(self) -> list[str]:
        """Columns that pandas takes for the index: no features unless they are named."""
        return []

    def _like(self, options: Mapping[str, str]) -> TableSource:
        return type(self)(replace(self.address, place=self.text("like") or "", options=options))

    @cached_property
    def _probe(self) -> TableSource | None:
        """The table of `like=`, for its columns."""
        label = {name: value for name, value in self.address.options.items() if name in ("label", "target", "sep")}
        return None if self.text("like") is None else self._like(label)

    @cached_property
    def _reference(self) -> TableSource | None:
        if self._probe is None:
            return None
        there = trimmed(self._probe.header())
        options = {name: value for name, value in self.address.options.items() if name not in ("like", "rename", "where", "id", "drop")}
        drop = [name for name in (*self.names("drop"), *self.names("id")) if name in there]  # its ids say nothing here
        return self._like({**options, **({"drop": as_written(drop)} if drop else {})})

    @cached_property
    def _rows(self) -> pd.DataFrame:
        needed = self._roles.needed()
        rows = self.read([self._names[name] for name in needed]).set_axis(needed, axis=1)
        if not len(rows):
            raise UsageError(f"The table {self.owner} has a header and no rows.")
        return rows

    @cached_property
    def _kept(self) -> npt.NDArray[np.bool_]:
        """The rows that `where=` keeps."""
        return matching(self._rows, self._conditions, owner=self.owner)

    @cached_property
    def _features(self) -> EncodedTable:
        categorical, as_category = self.names("categorical"), self.names("as_category")
        features = self._rows[list(self._roles.features)]
        for name in set(features) - {*categorical, *as_category}:
            self.check_words(features[name])
        like = self._reference.space.columns if self._reference else None
        found = encode_table(features, owner=self.owner, categorical=categorical, as_category=as_category, like=like)
        named = [replace(column, written=self._names.get(column.name, column.name)) for column in found.columns]
        return replace(found, x=found.x[self._kept], columns=tuple(named))

    @cached_property
    def labels(self) -> Classed:
        name = self._roles.label
        column = self._rows[name]
        if name not in self.names("categorical"):
            self.check_words(column)
        column = column.map(lambda value: value.strip() if isinstance(value, str) else value)
        absent = column.isna() | (column == "").fillna(False)
        lacking = absent & self._kept
        if lacking.any():
            count, usual = (
                f"{int(lacking.sum())} of {int(self._kept.sum())} rows",
                "Empty cells, NA, NaN, None and null are missing values.",
            )
            raise UsageError(f"The label '{name}' of {self.owner} is missing in {count}. Drop them first. {usual}")
        y, names = encode_labels(column[~absent], owner=self.owner, signed=True)
        y, names = self.classed(y, names, owner=self.owner, like=self._reference.class_names if self._reference else ())
        return y[self._kept[~absent.to_numpy(dtype=bool)]], names

    @cached_property
    def ids(self) -> Ids:
        if self._roles.id is None:
            return row_ids(len(self._kept))[self._kept][: len(self.y)]  # whose labels are checked first
        name = self._roles.id
        column = self._written_column(name)
        if column.isna().any():
            raise UsageError(
                f"The column '{name}' of {self.owner} is missing in {int(column.isna().sum())} rows. Fill it or drop them first."
            )
        return check_ids(np.char.strip(text_values(column, name=name, owner=self.owner)), owner=self.owner)

    def _written_column(self, name: str) -> pd.Series:
        """A column as it is written, of the rows that are kept."""
        return self.written([self._names[name]]).iloc[:, 0][self._kept]

    @cached_property
    def groups(self) -> dict[str, npt.NDArray[np.str_]]:
        found = {}
        for name, cuts in self._roles.cuts.items():
            if cuts:
                found[name] = cut_groups(self._rows[name][self._kept], cuts, owner=self.owner)
            else:
                found[name] = group_names(self._written_column(name), name=name, owner=self.owner)
        return found

    @cached_property
    def _texts(self) -> npt.NDArray[Any] | None:
        """The texts, where they are the inputs."""
        name = self.text("text")
        if name is None:
            return None
        column = self._written_column(name)
        if column.isna().any():
            count = f"{int(column.isna().sum())} of {len(column)} rows, first in row {int(column.isna().argmax())}"
            raise UsageError(f"The text '{name}' of {self.owner} is missing in {count}. Fill it or drop those rows.")
        return as_objects(column.astype(str))

    @cached_property
    def _targets(self) -> npt.NDArray[np.float64]:
        """The numbers to predict."""
        import pandas as pd

        name, column = self._roles.label, self._rows[self._roles.label][self._kept]
        numbers: npt.NDArray[np.float64] = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
        bad = ~np.isfinite(numbers)
        if bad.any():
            row = int(bad.argmax())
            first = f"{int(bad.sum())} of {len(bad)} rows, first {str(column.iloc[row])!r} in row {row}"
            raise UsageError(f"The target '{name}' of {self.owner} is not a finite number in {first}. Drop those rows first.")
        return numbers

    @property
    def space(self) -> Any:
        if self.text("text") is not None:
            return TextSpace()
        return InputSpace(kind="table", units="each column's range", columns=self._features.columns)

    @property
    def y(self) -> npt.NDArray[Any]:
        return self.labels[0] if self.text("target") is None else self._targets

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.labels[1] if self.text("target") is None else ()

    @property
    def named(self) -> bool:
        return self._roles.id is not None

    @property
    def notes(self) -> tuple[str, ...]:
        rows = () if self.named else ("The table has no ids: examples are named by row number.",)
        coded = self._features.notes if self._texts is None else ()
        chosen = where_notes(self._rows, self._conditions, self._kept)
        return (*chosen, *coded, *missing_groups(self.groups), *self.class_notes(), *rows)

    def identity(self) -> dict[str, str]:
        return {**super().identity(), **({"like": self._reference.content()} if self._reference else {})}

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> Any:
        import torch

        if self._texts is not None:
            return Items(self._texts[rows])
        return torch.from_numpy(self._features.x[rows].copy())


class FileTable(TableSource):
    """A table in a file."""

    @cached_property
    def _path(self) -> Path:
        return the_file(self.address)

    @property
    def owner(self) -> str:
        return f"'{self._path}'"

    def content(self) -> str:
        return hash_file(self._path)


class Csv(FileTable):
    """A table in a CSV file with a header, plain or compressed (.gz, .bz2, .zst).

    Options: those of every table, see `TableSource`, and
        sep: what separates values; `,` unless given, in a file .tsv a tabulator; `tab` for a tabulator.
        decimal: the decimal sign, `.` unless given.
        missing: words that mean a missing value, split at commas, in place of those of pandas (NA, NaN, None, null, ...).
        trim: `true` cuts spaces after a separator, as `skipinitialspace` does.

    Values and types are those of `pandas.read_csv(FILE)`, spaces included, and an estimator is handed them again. Whole numbers are integer
    columns and other numbers real ones, each with the range observed in the file; words and booleans are categorical, as codes of their
    sorted values. Dates written as 2020-12-31, with or without a time, or 31.12.2020 are numbers of days or seconds; free text is refused.
    Missing words are a category of their own; for missing numbers a further column says where, which only estimators understand.
    A column that is mostly numbers is refused where it holds a stray word, and so is one with decimal commas. Labels, ids and
    groups are taken without spaces around them, ids and groups as they are written. Every row must have as many values as the header.
    """

    scheme: ClassVar[str] = "csv"
    what: ClassVar[str] = "a table in a CSV file with a header"
    options: ClassVar[tuple[Option, ...]] = (
        *OPTIONS,
        Option("sep", "what separates values; 'tab' for a tabulator, as in files .tsv unless given", ","),
        Option("decimal", "the decimal sign, '.' without it"),
        Option("missing", "words that mean a missing value, split at commas; those of pandas without it"),
        Option("trim", "cut spaces after a separator"),
    )

    @cached_property
    def _file(self) -> CsvFile:
        tabbed = ".tsv" in self._path.suffixes and "sep" not in self.address.options
        separator = {"tab": "\t"}.get(written := "tab" if tabbed else self.text("sep") or ",", written)
        decimal = self.text("decimal") or "."
        if len(separator) != 1:
            raise must("sep", self.uri, "be one character, or 'tab'", written)
        if len(decimal) != 1 or decimal == separator:
            raise must("decimal", self.uri, "be one character, and not that of sep", decimal)
        missing = self.names("missing") if "missing" in self.address.options else None
        return CsvFile(self._path, separator, decimal, missing, self.flag("trim"))

    def header(self) -> list[str]:
        return self._file.header()

    def read(self, columns: list[str]) -> pd.DataFrame:
        return self._file.frame(columns)

    def written(self, columns: list[str]) -> pd.DataFrame:
        return self._file.text(columns).apply(lambda column: column.str.strip())

    def check_words(self, column: pd.Series) -> None:
        import pandas as pd

        if pd.api.types.is_string_dtype(column.dtype) or pd.api.types.is_object_dtype(column.dtype):
            refuse_strays(column, owner=self.owner, decimal=self._file.decimal)
