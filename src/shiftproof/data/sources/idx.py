"""MNIST's own files (idx), and those of the sets that copy its form: Fashion-MNIST, KMNIST, EMNIST's digits."""

from __future__ import annotations

import hashlib
import struct
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Ids
from shiftproof.data.sources.abstract import AddressedSource, Option
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import reading, the_folder, unpacked
from shiftproof.data.sources.pixels import level_box, onto_box
from shiftproof.data.space import InputSpace, ValueRange, boxed

if TYPE_CHECKING:
    import torch

UNSIGNED_BYTES = 0x08
"""The type code of an idx file that is read here; its magic number is 00 00 08 and the number of dimensions."""
_PREFIX = {"test": ("t10k", "test"), "train": ("train",)}


class Idx(AddressedSource):
    """Grey images from a folder of idx files, shape (n, 1, height, width); levels 0..255 are mapped onto [0, 1] or the declared box.

    Options:
        split: `test` (default: t10k-images-idx3-ubyte or test-...) or `train`.

    Files may be gzipped and may write `.idx3-ubyte`. An example's id is its split and its place in the file, such as `test/17`.

    Reference: LeCun, Cortes & Burges 1998 [lecun1998mnist], "The MNIST database of handwritten digits".
    """

    scheme: ClassVar[str] = "idx"
    what: ClassVar[str] = "a folder of MNIST's idx files, gzipped or not"
    options: ClassVar[tuple[Option, ...]] = (Option("split", "which pair of files", "test", ("train", "test")),)

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        folder = the_folder(address)
        self._split = self.text("split") or "test"
        self._images_file = _find(folder, self._split, "images", 3)
        self._labels_file = _find(folder, self._split, "labels", 1)
        self._box = level_box(box, self.uri)

    @cached_property
    def _images(self) -> npt.NDArray[np.uint8]:
        images = read_idx(self._images_file, dimensions=3)
        if len(images) != len(self.y):
            rule = f"have one entry per image ({len(images)})"
            raise must("labels", self.uri, rule, len(self.y), "The two files do not belong together.")
        return images[:, None]

    @cached_property
    def y(self) -> npt.NDArray[np.int64]:
        labels = read_idx(self._labels_file, dimensions=1)
        if not len(labels):
            raise UsageError(f"The file '{self._labels_file}' holds no examples.")
        return labels.astype(np.int64)

    @property
    def space(self) -> InputSpace:
        return boxed(self._box, "image")

    @cached_property
    def ids(self) -> Ids:
        return np.array([f"{self._split}/{row}" for row in range(len(self.y))])

    @property
    def notes(self) -> tuple[str, ...]:
        low, high = self._box
        return (f"Levels 0 to 255 (uint8) are mapped onto the box [{low:g}, {high:g}].",)

    def content(self) -> str:
        digest = hashlib.sha256(f"{self._images.shape}".encode())  # of what the files hold, so that gzip makes no difference
        digest.update(np.ascontiguousarray(self._images).data)
        digest.update(self.y.tobytes())
        return digest.hexdigest()[:24]

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> torch.Tensor:
        return onto_box(self._images[rows], 255, self._box)


def _find(folder: Path, split: str, what: str, dimensions: int) -> Path:
    names = [f"{prefix}-{what}{dot}idx{dimensions}-ubyte{gz}" for prefix in _PREFIX[split] for dot in "-." for gz in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    there = sorted(p.name for p in folder.iterdir())
    shown = ", ".join(there[:8]) + (", ..." if len(there) > 8 else "") or "nothing"
    raise UsageError(f"The folder '{folder}' has no file {names[0]}[.gz]. It holds: {shown}. Name the folder of the idx files themselves.")


def read_idx(path: Path, *, dimensions: int) -> npt.NDArray[np.uint8]:
    """The array of unsigned bytes in an idx file; raises `UsageError` where it is of another kind, cut off, or longer than it says."""
    with reading(f"'{path}'", "The file seems damaged: copy it again."):
        data = unpacked(path)
    start = 4 + 4 * dimensions
    magic = bytes([0, 0, UNSIGNED_BYTES, dimensions])
    if data[:4] != magic:
        rule = f"be {magic.hex()} (idx, {dimensions} dimensions, bytes)"
        raise must("magic number", f"'{path}'", rule, data[:4].hex(), "It is another kind of file.")
    if len(data) < start:
        raise UsageError(f"The file '{path}' is cut off: it ends within its header. Copy it again.")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    size = int(np.prod(shape, dtype=object))
    if len(data) - start != size:
        fault = "cut off" if len(data) - start < size else "longer than its header says"
        raise UsageError(
            f"The file '{path}' is {fault}: {shape} needs {size} bytes after the header, and there are {len(data) - start}. Copy it again."
        )
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)
