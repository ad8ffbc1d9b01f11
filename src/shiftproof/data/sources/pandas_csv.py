"""A CSV file as `pandas.read_csv` reads it, with the checks that pandas leaves out: rows of another length, and stray words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shiftproof._errors import UsageError
from shiftproof.data.sources.files import reading

if TYPE_CHECKING:
    import pandas as pd

MOSTLY = 0.5
"""From this share of numbers on, words in a column are strays: a typing error, or a mark for what is missing."""
_HINT = "It must be UTF-8 text with a header and as many values in each row; name another separator with ?sep=."


@dataclass(frozen=True)
class CsvFile:
    """How a file is read.

    Args:
        path: the file, plain or compressed.
        separator: what separates values.
        decimal: the sign between whole numbers and their fractions.
        missing: words that mean a missing value in place of those of pandas; None for those.
        trimmed: cuts spaces after a separator.
    """

    path: Path
    separator: str = ","
    decimal: str = "."
    missing: tuple[str, ...] | None = None
    trimmed: bool = False

    def header(self) -> list[str]:
        """The columns' names as pandas gives them, without reading the rows."""
        return [str(name) for name in self._read(nrows=0).columns]

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """The columns, all rows, with the types that pandas finds."""
        self._check_rows()
        return self._read(usecols=list(columns), low_memory=False)[list(columns)]

    def text(self, columns: Sequence[str]) -> pd.DataFrame:
        """The columns as they are written, and NaN where a value is missing."""
        return self._read(usecols=list(columns), dtype=str)[list(columns)]

    def _read(self, **options: Any) -> pd.DataFrame:
        import pandas as pd
        import pyarrow as pa

        if self.missing is not None:
            options.update(keep_default_na=False, na_values=[space + word for word in ("", *self.missing) for space in ("", " ")])
        options.update(sep=self.separator, decimal=self.decimal, skipinitialspace=self.trimmed)
        with reading(f"'{self.path}' as CSV", _HINT), pa.input_stream(str(self.path)) as stream:
            return pd.read_csv(stream, index_col=False, encoding="utf-8", **options)

    def _check_rows(self) -> None:
        """Raises where a row has more or fewer values than the header, which pandas fills up or takes for an index."""
        import pyarrow as pa
        import pyarrow.csv as pc

        reads = pc.ReadOptions(autogenerate_column_names=True)
        parsing = pc.ParseOptions(delimiter=self.separator, newlines_in_values=True)
        wanted = pc.ConvertOptions(include_columns=["f0"], column_types={"f0": pa.binary()})
        with reading(f"'{self.path}' as CSV", _HINT):
            pc.read_csv(str(self.path), read_options=reads, parse_options=parsing, convert_options=wanted)


def refuse_strays(column: pd.Series, *, owner: str, decimal: str) -> None:
    """Raises where a column of words is mostly numbers, or is of numbers with a decimal comma.

    Args:
        column: words as pandas read them.
        owner: whose they are, for messages.
        decimal: the decimal sign that was looked for.
    """
    import pandas as pd

    present = column.dropna().astype(str).str.strip()
    number = pd.to_numeric(present, errors="coerce").notna()
    name = str(column.name)
    if len(present) and MOSTLY < number.mean() < 1:
        row, word = present.index[~number][0], column[present.index[~number][0]]
        way = f"Correct it; if it marks a missing value, add missing={word.strip()}; to treat all values as names, add categorical={name}."
        raise UsageError(f"The column '{name}' of {owner} holds numbers, but {word!r} in row {row} ({int((~number).sum())} such). {way}")
    if decimal == "." and len(present) and present.str.contains(",", regex=False).any():
        changed = pd.to_numeric(present.str.replace(".", "", regex=False).str.replace(",", ".", n=1, regex=False), errors="coerce").notna()
        if changed.mean() > MOSTLY:
            row = present.index[present.str.contains(",", regex=False)][0]
            way = f"If the comma is the decimal sign, add decimal=,; if the values are names, add categorical={name}; else rewrite them."
            raise UsageError(f"The column '{name}' of {owner} holds numbers with commas, such as {column[row]!r} in row {row}. {way}")
