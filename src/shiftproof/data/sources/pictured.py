"""Pictures that a file of texts names: read when they are needed, from the file's own folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError
from shiftproof.data.sources.files import reading
from shiftproof.data.sources.pictures import Looked, look_at_files, picture_levels, picture_notes
from shiftproof.data.sources.pixels import level_box, onto_box, stack_pictures
from shiftproof.data.space import InputSpace, ValueRange, boxed

if TYPE_CHECKING:
    import torch


class Pictured:
    """The pictures of n rows, in colour.

    Args:
        names: as written, one a row.
        folder: where names start.
        size: pictures are resized to size x size.
        box: levels 0 to 255 are mapped onto it.
        owner: for messages.

    Raises:
        UsageError: one is not there.
    """

    def __init__(self, names: Sequence[str], folder: Path, *, size: int | None, box: ValueRange | None, owner: str) -> None:
        self._paths = [folder / Path(name).expanduser() for name in names]
        self._size, self._box = size, level_box(box, owner)
        for row, path in enumerate(self._paths):
            if not path.is_file():
                raise UsageError(f"The picture '{path}', of row {row} of {owner}, is not there. Paths start at the folder of that file.")

    @property
    def space(self) -> InputSpace:
        """The box, as images."""
        return boxed(self._box, "image")

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided, and what a viewer shows otherwise."""
        low, high = self._box
        resized = (f"Pictures are resized to {self._size} x {self._size} (bilinear).",) if self._size else ()
        levels = f"Pictures are read as RGB; levels 0 to 255 are mapped onto the box [{low:g}, {high:g}]."
        return (levels, *resized, *picture_notes(self._looked))

    @cached_property
    def _looked(self) -> list[Looked]:
        return look_at_files(self._paths)

    def digest(self) -> str:
        """A hash of all files."""
        return hashlib.sha256("\n".join(one.digest for one in self._looked).encode()).hexdigest()[:24]

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> torch.Tensor:
        """The pictures at `rows`, shape (k, 3, height, width)."""
        wanted = range(len(self._paths))[rows] if isinstance(rows, slice) else [int(row) for row in rows]
        names = [str(self._paths[row]) for row in wanted]
        pictures = stack_pictures([self._levels(row) for row in wanted], names, (str(self._paths[0]), self._first))
        return onto_box(pictures, 255, self._box)

    @cached_property
    def _first(self) -> tuple[int, ...]:
        return self._levels(0).shape

    def _levels(self, row: int) -> npt.NDArray[np.uint8]:
        from PIL import Image

        path = self._paths[row]
        with reading(f"the image '{path}'", "Replace it or remove its row."), Image.open(path) as image:
            return picture_levels(image, name=str(path), mode="RGB", size=self._size)
