"""scikit-learn's handwritten digits: real images that need no file and no network."""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError
from shiftproof.data.examples import Ids
from shiftproof.data.sources.abstract import AddressedSource, Option
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.pixels import level_box, onto_box
from shiftproof.data.space import InputSpace, ValueRange, boxed

if TYPE_CHECKING:
    import torch

LEVELS = 16
"""The greatest level of a pixel: how many of its 4 x 4 dots were inked."""
EVERY = 3
"""Within each class, every third image in the order of the file is a test image."""


class _Split(NamedTuple):
    levels: npt.NDArray[np.uint8]
    y: npt.NDArray[np.int64]
    ids: Ids


def _table() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The levels, shape (1797, 64), and labels. Read from scikit-learn's file, as to import it takes as long as half of torch."""
    package = find_spec("sklearn")
    file = Path(package.origin or "").parent / "datasets" / "data" / "digits.csv.gz" if package else None
    if file is not None and file.exists():
        table = np.loadtxt(file, delimiter=",", dtype=np.float32).astype(np.int64)
        return table[:, :-1].astype(np.uint8), table[:, -1]
    from sklearn.datasets import load_digits  # a version that keeps it elsewhere

    bunch = load_digits()
    return bunch.data.astype(np.uint8), bunch.target.astype(np.int64)


class Digits(AddressedSource):
    """1,797 grey images of digits, 8 x 8, from scikit-learn; levels 0..16 are mapped onto [0, 1] (or the declared box).

    Options:
        split: `test` (default, 596 images), `train` (1,201) or `all`. Within each class, the images in places 2, 5, 8, ... are test images.

    An image's id is its place in the whole set, so ids are the same in every split. The split is fixed and stratified; it does not keep
    writers apart, so accuracy on it says little about new writers.

    Reference: Alpaydin & Kaynak 1998 [alpaydin1998optical], "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository.
    """

    scheme: ClassVar[str] = "digits"
    what: ClassVar[str] = "scikit-learn's 8x8 digits, no file needed"
    options: ClassVar[tuple[Option, ...]] = (Option("split", "which part", "test", ("train", "test", "all")),)

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        if address.place:
            raise UsageError(f"digits: has no place, got '{address.place}'. Write digits: or digits:?split=train.")
        self._box = level_box(box, "digits:")

    @cached_property
    def _images(self) -> _Split:
        levels, y = _table()
        place = np.empty(len(y), dtype=np.int64)  # of each image within its class
        for label in range(10):
            place[y == label] = np.arange(int((y == label).sum()))
        test = place % EVERY == EVERY - 1
        split = self.text("split")
        rows = np.flatnonzero(test if split == "test" else ~test if split == "train" else np.ones_like(test))
        return _Split(levels[rows].reshape(-1, 1, 8, 8), y[rows], rows.astype(np.str_))

    @property
    def space(self) -> InputSpace:
        return boxed(self._box, "image")

    @property
    def ids(self) -> Ids:
        return self._images.ids

    @property
    def y(self) -> npt.NDArray[np.int64]:
        return self._images.y

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple("0123456789")

    @property
    def notes(self) -> tuple[str, ...]:
        low, high = self._box
        return (f"Levels 0 to {LEVELS} are mapped onto the box [{low:g}, {high:g}].",)

    def content(self) -> str:
        return hashlib.sha256(self._images.levels.tobytes() + self.y.tobytes()).hexdigest()[:24]

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> torch.Tensor:
        return onto_box(self._images.levels[rows], LEVELS, self._box)
