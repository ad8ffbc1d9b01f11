"""Texts in folders, one folder a class, one text a file."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.class_names import Classed
from shiftproof.data.examples import Ids
from shiftproof.data.rows import Items
from shiftproof.data.sources.abstract import CLASSES, RENAME, LabelledSource, Option
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import reading, the_folder
from shiftproof.data.space import TextSpace, ValueRange


class TextFolder(LabelledSource):
    """Files DIR/CLASS/*.txt in UTF-8, at any depth; classes are the sorted names of the folders, and a text's id is its path in DIR.

    Options:
        classes: the folders' names in the order of the model's classes, in a text file (one per line) or split at commas.
        rename: new names of classes, OLD:NEW split at commas.

    Files of other names are left out, which a note says.
    """

    scheme: ClassVar[str] = "textfolder"
    what: ClassVar[str] = "texts in folders, one folder a class, one text a file"
    options: ClassVar[tuple[Option, ...]] = (CLASSES, RENAME)

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        if box is not None:
            raise must("box", self.uri, "be left out", box, "Texts have none.")
        self._folder = the_folder(address)

    @cached_property
    def _folders(self) -> list[str]:
        there = sorted(path.name for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        if not there:
            raise UsageError(f"The folder '{self._folder}' has no folders of classes. Put the texts of each class in a folder of its own.")
        return there

    @cached_property
    def _files(self) -> list[Path]:
        found = [file for name in self._folders for file in sorted((self._folder / name).rglob("*.txt")) if file.is_file()]
        if not found:
            raise UsageError(f"The folders in '{self._folder}' hold no texts (*.txt).")
        return found

    @cached_property
    def ids(self) -> Ids:
        return np.array([path.relative_to(self._folder).as_posix() for path in self._files])

    @cached_property
    def labels(self) -> Classed:
        place = {name: number for number, name in enumerate(self._folders)}
        y = np.array([place[name.split("/", 1)[0]] for name in self.ids.tolist()], dtype=np.int64)
        return self.classed(y, tuple(self._folders))

    @property
    def space(self) -> TextSpace:
        return TextSpace()

    @property
    def notes(self) -> tuple[str, ...]:
        every = sum(path.is_file() for name in self._folders for path in (self._folder / name).rglob("*"))
        left = every - len(self._files)
        return (*self.class_notes(), *((f"{left} files that are not .txt are left out.",) if left else ()))

    def content(self) -> str:
        digest = hashlib.sha256()
        for name, file in zip(self.ids.tolist(), self._files, strict=True):
            with reading(f"'{file}'", "Check that it may be read."):
                data = file.read_bytes()
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()[:24]

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> Items[Any]:
        return Items(self._read(self._files[row]) for row in np.arange(len(self._files))[rows].tolist())

    def _read(self, file: Path) -> str:
        with reading(f"the text '{file}'", "Write it in UTF-8, or leave it out."):
            return file.read_bytes().decode("utf-8-sig")
