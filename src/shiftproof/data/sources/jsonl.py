"""Objects in JSONL files: one a line, as annotation tools and language models write them."""

from __future__ import annotations

import gzip
import json
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from shiftproof._errors import must
from shiftproof.data.sources.abstract import Option
from shiftproof.data.sources.files import reading
from shiftproof.data.sources.tables import OPTIONS, FileTable

if TYPE_CHECKING:
    import pandas as pd


class Jsonl(FileTable):
    """A table in a JSONL file: one object a line, plain or as .gz, in UTF-8; its columns are the fields, in order of first appearance.

    A field that an object lacks, or that is null, is a missing value. Blank lines are left out. Fields that hold lists or objects cannot be
    used as columns. Columns are coded as in `csv:`.
    """

    scheme: ClassVar[str] = "jsonl"
    what: ClassVar[str] = "objects in a JSONL file, one a line"
    options: ClassVar[tuple[Option, ...]] = OPTIONS

    @cached_property
    def _frame(self) -> pd.DataFrame:
        import pandas as pd

        rows: list[dict[str, object]] = []
        with reading(f"'{self._path}' as JSONL", "It must be UTF-8 with one JSON object a line, plain or compressed with gzip."):
            data = self._path.read_bytes()
            text = (gzip.decompress(data) if self._path.suffix == ".gz" else data).decode("utf-8-sig")
            for number, line in enumerate(text.split("\n"), start=1):
                if line.strip():
                    row: object = json.loads(line)
                    if not isinstance(row, dict):
                        raise must("line", f"'{self._path}', number {number}", "be a JSON object", type(row).__name__)
                    rows.append(row)
        return pd.DataFrame(rows)

    def header(self) -> list[str]:
        return [str(name) for name in self._frame.columns]

    def read(self, columns: list[str]) -> pd.DataFrame:
        return self._frame[columns]
