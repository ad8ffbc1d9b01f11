"""Tables in CSV and Parquet files: numbers as they are, words as codes of categories."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.class_names import Classed
from shiftproof.data.examples import Ids
from shiftproof.data.labels import check_ids, encode_labels, group_names, missing_groups, row_ids, text_values
from shiftproof.data.rows import Items, as_objects
from shiftproof.data.sources.abstract import CLASSES, RENAME, LabelledSource, Option
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.columns import EncodedTable, encode_table, trimmed
from shiftproof.data.sources.files import hash_file, the_file
from shiftproof.data.sources.pandas_csv import CsvFile, refuse_strays
from shiftproof.data.space import InputSpace, TextSpace, ValueRange

if TYPE_CHECKING:
    import pandas as pd

OPTIONS = (
    Option("label", "column of labels (required, or target)"),
    Option("target", "column of numbers to predict, in place of labels"),
    Option("text", "column of texts, which are the inputs in place of features"),
    Option("groups", "columns of groups, split at commas"),
    Option("features", "columns to take as features, split at commas; all that are left, without it"),
    Option("drop", "columns to leave out, split at commas"),
    Option("exclude_groups", "leave the group columns out of the features", "false"),
    Option("categorical", "columns of numbers that are names of categories, split at commas"),
    Option("as_category", "columns that the model gets as pandas categories, split at commas"),
    Option("id", "column of ids; row numbers without it"),
    Option("like", "table of the same layout whose categories, ranges and classes hold here too"),
    CLASSES,
    RENAME,
)


class _ColumnNames(NamedTuple):
    """Which column plays which part."""

    label: str
    groups: tuple[str, ...]
    id: str | None
    features: tuple[str, ...]

    def needed(self) -> list[str]:
        return list(dict.fromkeys(filter(None, (self.label, *self.groups, self.id, *self.features))))


class TableSource(LabelledSource):
    """Rows of a table: x of shape (n, columns), float64. A subclass says how its file is read.

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
        like: table of the same layout, such as the training set, whose categories, classes and (at least) ranges hold here too.
        classes: names of the model's classes in its order, split at commas, or a text file of them, one per line.
        rename: new names of classes, OLD:NEW split at commas, such as `rename=<=50K.:<=50K,>50K.:>50K`.
    """

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        if box is not None:
            raise must("box", self.uri, "be left out", list(box), "Each column of a table has its own range.")
        self._path = the_file(address)
        self._roles = self._find_roles()

    @abstractmethod
    def header(self) -> list[str]:
        """The columns of the file as pandas names them, without reading its rows."""

    @cached_property
    def _names(self) -> dict[str, str]:
        """The columns' names in the file by those without spaces around them, which people write."""
        there = self.header()
        return dict(zip(trimmed(there), there, strict=True))

    @abstractmethod
    def read(self, columns: list[str]) -> pd.DataFrame:
        """The named columns, all rows, as pandas reads them."""

    def written(self, columns: list[str]) -> pd.DataFrame:
        """The named columns as names of examples and groups: as they are written, where the file holds text."""
        return self.read(columns)

    def check_words(self, column: pd.Series) -> None:
        """Raises where a column of words looks like one of numbers that was misread."""

    def index_names(self) -> list[str]:
        """Columns that pandas takes for the index: no features unless they are named."""
        return []

    def _find_roles(self) -> _ColumnNames:
        there = list(self._names)
        label, identity, text = self.text("label"), self.text("id"), self.text("text")
        target = self.text("target")
        if label is not None and target is not None:
            raise UsageError(f"{self.uri} names both a label ({label}) and a target ({target}). Name the one that the model predicts.")
        label = label if target is None else target
        if label is None:
            columns = f"Columns: {', '.join(there)}."
            raise UsageError(f"{self.uri} needs its column of labels: write ?label=NAME. {columns} Numbers to predict are ?target=NAME.")
        groups, drop, chosen = self.names("groups"), self.names("drop"), self.names("features")
        coded = (*self.names("categorical"), *self.names("as_category"))
        for name in filter(None, (label, identity, text, *groups, *drop, *chosen, *coded)):
            if name not in there:
                raise unknown(f"column of '{self._path}'", name, there)
        unasked = () if chosen else self.index_names()
        out = {label, *drop, *unasked, *([identity] if identity else []), *(groups if self.flag("exclude_groups") else ())}
        features = tuple(name for name in chosen or there if name not in out)
        if text is not None:
            if text in out or chosen:
                raise must("text", self.uri, "be a column of its own, without features=", text)
            features = (text,)
        if label in (*drop, *chosen):
            raise UsageError(f"The column '{label}' of {self.uri} is the label: name it neither in drop= nor in features=.")
        if not features:
            raise UsageError(f"{self.uri} leaves no column as a feature. Columns: {', '.join(there)}. Drop fewer.")
        return _ColumnNames(label, groups, identity, features)

    @cached_property
    def _reference(self) -> TableSource | None:
        like = self.text("like")
        if like is None:
            return None
        options = {name: value for name, value in self.address.options.items() if name not in ("like", "rename")}
        return type(self)(replace(self.address, place=like, options=options))

    @cached_property
    def _rows(self) -> pd.DataFrame:
        needed = self._roles.needed()
        rows = self.read([self._names[name] for name in needed]).set_axis(needed, axis=1)
        if not len(rows):
            raise UsageError(f"The table '{self._path}' has a header and no rows.")
        return rows

    @cached_property
    def _features(self) -> EncodedTable:
        categorical, as_category = self.names("categorical"), self.names("as_category")
        features = self._rows[list(self._roles.features)]
        for name in set(features) - {*categorical, *as_category}:
            self.check_words(features[name])
        like = self._reference.space.columns if self._reference else None
        found = encode_table(features, owner=f"'{self._path}'", categorical=categorical, as_category=as_category, like=like)
        named = [replace(column, written=self._names.get(column.name, column.name)) for column in found.columns]
        return replace(found, columns=tuple(named))

    @cached_property
    def labels(self) -> Classed:
        name, owner = self._roles.label, f"'{self._path}'"
        column = self._rows[name]
        if name not in self.names("categorical"):
            self.check_words(column)
        column = column.map(lambda value: value.strip() if isinstance(value, str) else value)
        absent = column.isna() | (column == "").fillna(False)
        if absent.any():
            count, usual = f"{int(absent.sum())} of {len(absent)} rows", "Empty cells, NA, NaN, None and null are missing values."
            raise UsageError(f"The label '{name}' of {owner} is missing in {count}. Drop them first. {usual}")
        y, names = encode_labels(column, owner=owner, signed=True)
        return self.classed(y, names, owner=owner, like=self._reference.class_names if self._reference else ())

    @cached_property
    def ids(self) -> Ids:
        if self._roles.id is None:
            return row_ids(len(self.y))
        name, owner = self._roles.id, f"'{self._path}'"
        column = self.written([self._names[name]]).iloc[:, 0]
        if column.isna().any():
            raise UsageError(f"The column '{name}' of {owner} is missing in {int(column.isna().sum())} rows. Fill it or drop them first.")
        return check_ids(np.char.strip(text_values(column, name=name, owner=owner)), owner=owner)

    @cached_property
    def groups(self) -> dict[str, npt.NDArray[np.str_]]:
        if not self._roles.groups:
            return {}
        columns = self.written([self._names[name] for name in self._roles.groups]).set_axis(list(self._roles.groups), axis=1)
        return {name: group_names(columns[name], name=name, owner=f"'{self._path}'") for name in self._roles.groups}

    @cached_property
    def _texts(self) -> npt.NDArray[Any] | None:
        """The texts, where they are the inputs."""
        name = self.text("text")
        if name is None:
            return None
        column = self.written([self._names[name]]).iloc[:, 0]
        if column.isna().any():
            count = f"{int(column.isna().sum())} of {len(column)} rows, first in row {int(column.isna().argmax())}"
            raise UsageError(f"The text '{name}' of '{self._path}' is missing in {count}. Fill it or drop those rows.")
        return as_objects(column.astype(str))

    @cached_property
    def _targets(self) -> npt.NDArray[np.float64]:
        """The numbers to predict."""
        import pandas as pd

        name, column = self._roles.label, self._rows[self._roles.label]
        numbers: npt.NDArray[np.float64] = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
        bad = ~np.isfinite(numbers)
        if bad.any():
            row = int(bad.argmax())
            first = f"{int(bad.sum())} of {len(bad)} rows, first {str(column.iloc[row])!r} in row {row}"
            raise UsageError(f"The target '{name}' of '{self._path}' is not a finite number in {first}. Drop those rows first.")
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
        return (*coded, *missing_groups(self.groups), *self.class_notes(), *rows)

    def identity(self) -> dict[str, str]:
        return {**super().identity(), **({"like": self._reference.content()} if self._reference else {})}

    def content(self) -> str:
        return hash_file(self._path)

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> Any:
        import torch

        if self._texts is not None:
            return Items(self._texts[rows])
        return torch.from_numpy(self._features.x[rows].copy())


class Csv(TableSource):
    """A table in a CSV file with a header, plain or compressed (.gz, .bz2, .zst).

    Options: those of every table, see `TableSource`, and
        sep: what separates values, `,` unless given; `tab` for a tabulator.
        decimal: the decimal sign, `.` unless given.
        missing: words that mean a missing value, split at commas, in place of those of pandas (NA, NaN, None, null, ...).
        trim: `true` cuts spaces after a separator, as `skipinitialspace` does.

    Values and types are those of `pandas.read_csv(FILE)`, spaces included, and an estimator is handed them again. Whole numbers are integer
    columns and other numbers real ones, each with the range observed in the file; words and booleans are categorical, as codes of their
    sorted values. Missing words are a category of their own; for missing numbers a further column says where, which only estimators
    understand. A column that is mostly numbers is refused where it holds a stray word, and so is one with decimal commas. Labels, ids and
    groups are taken without spaces around them, ids and groups as they are written. Every row must have as many values as the header.
    """

    scheme: ClassVar[str] = "csv"
    what: ClassVar[str] = "a table in a CSV file with a header"
    options: ClassVar[tuple[Option, ...]] = (
        *OPTIONS,
        Option("sep", "what separates values; 'tab' for a tabulator", ","),
        Option("decimal", "the decimal sign, '.' without it"),
        Option("missing", "words that mean a missing value, split at commas; those of pandas without it"),
        Option("trim", "cut spaces after a separator"),
    )

    @cached_property
    def _file(self) -> CsvFile:
        separator = {"tab": "\t"}.get(written := self.text("sep") or ",", written)
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
            refuse_strays(column, owner=f"'{self._path}'", decimal=self._file.decimal)
