"""Pictures in folders, one folder a class. A picture is opened when it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError
from shiftproof.data.class_names import Classed
from shiftproof.data.examples import Ids
from shiftproof.data.sources.abstract import CLASSES, RENAME, AddressedSource, Option
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import reading, the_folder
from shiftproof.data.sources.pictures import Looked, look_at_files, picture_levels, picture_notes
from shiftproof.data.sources.pixels import Mode, level_box, onto_box, stack_pictures
from shiftproof.data.space import InputSpace, ValueRange, boxed

if TYPE_CHECKING:
    import torch

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


class ImageFolder(AddressedSource):
    """Pictures under DIR/CLASS/, at any depth; classes are the sorted names of the folders, and a picture's id is its path in DIR.

    Options:
        size: every picture is resized to size x size (bilinear; the aspect ratio is not kept). Without it, all must have one size.
        mode: `RGB` (default, shape (n, 3, height, width)) or `L` for grey (n, 1, height, width).
        classes: the folders' names in the order of the model's classes, in a text file (one per line) or split at commas; for data with
            only some of them, and for names that are numbers, which are sorted as text.
        rename: new names of classes, OLD:NEW split at commas.

    Levels 0..255 are mapped onto [0, 1] or the declared box. Pictures are turned as their EXIF orientation says; of moving ones the first
    frame is read, and colours under transparency as they are stored; notes say where that happens. Files that are not pictures by their
    name are left out, which a note says. The fingerprint is made of paths and contents, so every file is read once for it.
    """

    scheme: ClassVar[str] = "imagefolder"
    what: ClassVar[str] = "pictures in folders, one folder a class"
    options: ClassVar[tuple[Option, ...]] = (
        Option("size", "resize every picture to size x size"),
        Option("mode", "colour or grey", "RGB", ("RGB", "L")),
        CLASSES,
        RENAME,
    )

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        self._folder = the_folder(address)
        self._size = self.integer("size")
        self._mode: Mode = "L" if self.text("mode") == "L" else "RGB"
        self._box = level_box(box, self.uri)
        self._folders = self._find_folders()
        self._class_names = self._labels_of(range(len(self._folders)))[1]

    def _find_folders(self) -> tuple[str, ...]:
        """The names of the folders of classes, sorted."""
        there = sorted(p.name for p in self._folder.iterdir() if p.is_dir() and not p.name.startswith("."))
        if not there:
            raise UsageError(
                f"The folder '{self._folder}' has no folders of classes. Put the pictures of each class in a folder of its own."
            )
        if self.listed_classes is not None and not self.renames():
            strange = sorted(set(there) - set(self.listed_classes))
            if strange:
                raise UsageError(
                    f"The folder '{self._folder / strange[0]}' is not in the list of classes '{self.text('classes')}'. "
                    "Add its name or move it away."
                )
        return tuple(there)

    def _labels_of(self, folders: Iterable[int]) -> Classed:
        """Labels of pictures in these folders, by their places, and the names of all classes."""
        return self.classed(np.fromiter(folders, dtype=np.int64), self._folders)

    @cached_property
    def _files(self) -> list[Path]:
        """Every picture, sorted by class, then path."""
        found: list[Path] = []
        for name in self._folders:
            found += sorted(p for p in (self._folder / name).rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not found:
            raise UsageError(f"The folders in '{self._folder}' hold no pictures ({', '.join(sorted(SUFFIXES))}).")
        return found

    @cached_property
    def ids(self) -> Ids:
        return np.array([path.relative_to(self._folder).as_posix() for path in self._files])

    @cached_property
    def y(self) -> npt.NDArray[np.int64]:
        place = {name: number for number, name in enumerate(self._folders)}
        return self._labels_of(place[name.split("/", 1)[0]] for name in self.ids.tolist())[0]

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        return self._levels(0).shape

    def _levels(self, row: int) -> npt.NDArray[np.uint8]:
        from PIL import Image

        path = self._files[row]
        with reading(f"the image '{path}'", "Replace it or remove it."), Image.open(path) as image:
            return picture_levels(image, name=str(path), mode=self._mode, size=self._size)

    @property
    def space(self) -> InputSpace:
        return boxed(self._box, "image")

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._class_names

    @property
    def notes(self) -> tuple[str, ...]:
        low, high = self._box
        said = [f"Pictures are read as {self._mode}; levels 0 to 255 are mapped onto the box [{low:g}, {high:g}]."]
        if self._size:
            said.append(f"Pictures are resized to {self._size} x {self._size} (bilinear).")
        said += picture_notes(self._looked)
        others = sum(p.is_file() for name in self._folders for p in (self._folder / name).rglob("*")) - len(self._files)
        if others:
            said.append(f"{others} files that are not pictures by their name were left out.")
        absent = len(self._class_names) - len(np.unique(self.y))
        if absent:
            said.append(f"{absent} of {len(self._class_names)} classes have no picture.")
        return (*said, *self.class_notes())

    @cached_property
    def _looked(self) -> list[Looked]:
        return look_at_files(self._files)

    def content(self) -> str:
        digest = hashlib.sha256()
        for name, looked in zip(self.ids.tolist(), self._looked, strict=True):
            digest.update(f"{name}\0{looked.digest}\n".encode())
        return digest.hexdigest()[:24]

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> torch.Tensor:
        wanted = range(len(self._files))[rows] if isinstance(rows, slice) else [int(row) for row in rows]
        names = [str(self._files[row]) for row in wanted]
        pictures = stack_pictures([self._levels(row) for row in wanted], names, (str(self._files[0]), self._shape))
        return onto_box(pictures, 255, self._box)
