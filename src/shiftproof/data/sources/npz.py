"""Arrays in a NumPy .npz file. Nothing in it is unpickled, and an array is read when it is first needed."""

from __future__ import annotations

import math
import zipfile
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.class_names import Classed
from shiftproof.data.examples import Ids
from shiftproof.data.labels import check_ids, encode_labels, group_names, missing_groups, row_ids, text_values
from shiftproof.data.sources.abstract import CLASSES, RENAME, LabelledSource, Option
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import hash_file, memory, reading, the_file
from shiftproof.data.sources.pixels import StoredArray, stored_array
from shiftproof.data.space import InputSpace, Kind, ValueRange

if TYPE_CHECKING:
    import torch


class _Header(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    by_columns: bool
    begin: int

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class _ArrayNames(NamedTuple):
    """Which array plays which part."""

    x: str
    y: str
    ids: str | None


class Npz(LabelledSource):
    """Inputs and labels from the arrays of an .npz file, as `np.savez` and `np.savez_compressed` write it.

    Options:
        x: name of the array of inputs; `x`, `images`, `x_test`, `test_images` where present.
        y: name of the array of labels; `y`, `labels`, `y_test`, `test_labels` where present.
        split: look for `x_SPLIT`/`y_SPLIT`, `SPLIT_images`/`SPLIT_labels` or `SPLIT_x`/`SPLIT_y`.
        ids: name of the array of ids; `ids` (or `ids_SPLIT`) where present, else row numbers.
        groups: names of arrays of groups, split at commas.
        kind: `image` or `vector`; otherwise three or four dimensions are images.
        classes: names of the model's classes in its order, split at commas, or a text file of them, one per line.
        rename: new names of classes, OLD:NEW split at commas.

    Bytes (uint8) are mapped onto [0, 1] or the declared box. Other numbers are taken as they are: their box must be declared, unless all
    values lie in [0, 1]. (n, H, W) becomes (n, 1, H, W), and (n, H, W, C) with C of 1 or 3 becomes (n, C, H, W). Labels may be words.

    Arrays of Python objects are refused: reading them would run code that the file holds.
    """

    scheme: ClassVar[str] = "npz"
    what: ClassVar[str] = "arrays in a NumPy .npz file"
    options: ClassVar[tuple[Option, ...]] = (
        Option("x", "array of inputs, shape (n, ...)"),
        Option("y", "array of labels, shape (n,)"),
        Option("split", "take x_SPLIT and y_SPLIT, or SPLIT_images and SPLIT_labels"),
        Option("ids", "array of ids, shape (n,)"),
        Option("groups", "arrays of groups, split at commas"),
        Option("kind", "what the inputs are", None, ("image", "vector")),
        CLASSES,
        RENAME,
    )

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        self._path = the_file(address)
        self._headers = self._read_headers()
        self._roles = self._find_roles()
        self._check_lengths()

    def _reading(self, name: str) -> str:
        return f"the array '{name}' of '{self._path}'"

    def _read_headers(self) -> dict[str, _Header]:
        """Shape and type of every array, without reading any."""
        hint = "Save it with np.savez(FILE, x=..., y=...), or copy it again if it was cut off."
        with reading(f"'{self._path}' as an .npz file", hint), zipfile.ZipFile(self._path) as archive:
            found: dict[str, _Header] = {}
            for member in archive.namelist():
                if member.endswith(".npy"):
                    with archive.open(member) as file:
                        version = np.lib.format.read_magic(file)
                        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                        shape, by_columns, dtype = header(file)
                        begin = file.tell()
                    found[member[: -len(".npy")]] = made = _Header(shape, dtype, by_columns, begin)
                    if not dtype.hasobject and begin + made.bytes != archive.getinfo(member).file_size:
                        raise ValueError(f"the array {member} says that it has the shape {shape}, and holds other bytes")
        return found

    def _pairs(self) -> list[_ArrayNames]:
        """The usual names, most usual first."""
        split = self.text("split")
        tried = [split] if split else ["test"]
        plain = [] if split else [_ArrayNames("x", "y", "ids"), _ArrayNames("images", "labels", "ids")]
        return plain + [
            roles
            for s in tried
            for roles in (
                _ArrayNames(f"x_{s}", f"y_{s}", f"ids_{s}"),
                _ArrayNames(f"{s}_images", f"{s}_labels", f"{s}_ids"),
                _ArrayNames(f"{s}_x", f"{s}_y", f"{s}_ids"),
            )
        ]

    def _find_roles(self) -> _ArrayNames:
        x, y, ids = self.text("x"), self.text("y"), self.text("ids")
        for name in filter(None, (x, y, ids, *self.names("groups"))):
            if name not in self._headers:
                raise unknown(f"array of '{self._path}'", name, self._headers)
        any_case = {name.lower(): name for name in [*self._headers][::-1]}  # X_test is as usual as x_test
        for usual in self._pairs():
            found = [wanted if wanted in self._headers else any_case.get((wanted or "").lower()) for wanted in usual]
            has_x, has_y = x or found[0], y or found[1]
            if has_x and has_y:
                return _ArrayNames(has_x, has_y, ids or found[2])
        if x and y:
            return _ArrayNames(x, y, ids)
        shown = ", ".join(f"{name} {header.shape}" for name, header in self._headers.items()) or "none"
        wanted = f" of the split '{self.text('split')}'" if self.text("split") else ""
        raise UsageError(
            f"'{self._path}' has no inputs and labels{wanted} under a usual name. Say which with ?x=NAME&y=NAME. Arrays: {shown}."
        )

    def _check_lengths(self) -> None:
        for name in filter(None, (*self._roles, *self.names("groups"))):
            shape, dtype, *_ = self._headers[name]
            if dtype.hasobject:
                raise UsageError(
                    f"The array '{name}' of '{self._path}' holds Python objects and is refused: reading it would run code from the file. "
                    "Save it as numbers or words, for example np.array(values.tolist())."
                )
            n = self._headers[self._roles.x].shape[:1]
            if shape[:1] != n:
                raise must(name, f"'{self._path}'", f"have one entry per input of '{self._roles.x}' {n}", shape, "Name another array.")
            if n in ((), (0,)):
                raise UsageError(f"The array '{name}' of '{self._path}' holds no examples: its shape is {shape}.")

    def _load(self, name: str) -> npt.NDArray[np.generic]:
        room = memory()
        if self._headers[name].bytes > room:
            raise UsageError(
                f"{self._reading(name).capitalize()} has {self._headers[name].bytes / 2**30:.3g} GiB, and this machine {room / 2**30:.3g}. "
                "Use the first examples only (--limit), or save fewer."
            )
        with (
            reading(self._reading(name), "The file seems damaged: copy or save it again."),
            np.load(self._path, allow_pickle=False) as arrays,
        ):
            array: npt.NDArray[np.generic] = arrays[name]
        return array

    def _load_first(self, name: str, rows: int) -> npt.NDArray[np.generic]:
        """The first rows of an array, and no byte more of the file."""
        shape, dtype, by_columns, begin = self._headers[name]
        if rows >= shape[0] or by_columns:  # column by column, the first rows are spread over all of it
            return self._load(name)
        wanted = rows * math.prod(shape[1:]) * dtype.itemsize
        with (
            reading(self._reading(name), "The file seems damaged: copy or save it again."),
            zipfile.ZipFile(self._path) as archive,
            archive.open(f"{name}.npy") as file,
        ):
            file.seek(begin)
            held = bytearray(file.read(wanted))
            return np.frombuffer(held, dtype).reshape(rows, *shape[1:])

    @cached_property
    def _stored(self) -> StoredArray:
        kinds: dict[str | None, Kind | None] = {"image": "image", "vector": "vector"}
        x = self._load(self._roles.x) if self.first is None else self._load_first(self._roles.x, self.first)
        return stored_array(x, owner=self.uri, box=self.box, kind=kinds.get(self.text("kind")))

    @cached_property
    def labels(self) -> Classed:
        return self.classed(*encode_labels(self._load(self._roles.y), owner=self.uri, signed=True))

    @cached_property
    def ids(self) -> Ids:
        name = self._roles.ids
        if name is None:
            return row_ids(len(self.y))
        return check_ids(text_values(self._load(name), name=name, owner=self.uri), owner=self.uri)

    @cached_property
    def groups(self) -> dict[str, npt.NDArray[np.str_]]:
        return {name: group_names(self._load(name), name=name, owner=self.uri) for name in self.names("groups")}

    @property
    def space(self) -> InputSpace:
        return self._stored.space

    @property
    def named(self) -> bool:
        return self._roles.ids is not None

    @property
    def notes(self) -> tuple[str, ...]:
        x, y, _ = self._roles
        rows = () if self.named else ("The file has no ids: examples are named by row number.",)
        said = (*self._stored.notes, *missing_groups(self.groups), *self.class_notes())
        return (f"Inputs are the array '{x}', labels the array '{y}'.", *said, *rows)

    def identity(self) -> dict[str, str]:
        roles = {role: name for role, name in self._roles._asdict().items() if name is not None}
        return {**super().identity(), **roles}

    def content(self) -> str:
        return hash_file(self._path)

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> torch.Tensor:
        return self._stored.inputs(rows)
