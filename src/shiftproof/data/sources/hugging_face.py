"""Data sets that Hugging Face's `datasets` library loads: by name, or from a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import numpy as np
import numpy.typing as npt

from shiftproof._errors import MissingExtra, UsageError, must, unknown
from shiftproof.data.class_names import Classed
from shiftproof.data.examples import Ids
from shiftproof.data.labels import check_ids, encode_labels, group_names, missing_groups, row_ids, text_values
from shiftproof.data.rows import Items, as_objects
from shiftproof.data.sources.abstract import CLASSES, RENAME, LabelledSource, Option
from shiftproof.data.sources.address import SAVED, Address, Written
from shiftproof.data.sources.files import reading
from shiftproof.data.sources.pictures import Looked, look_at, picture_levels, picture_notes
from shiftproof.data.sources.pixels import Mode, StoredArray, level_box, onto_box, stack_pictures, stored_array
from shiftproof.data.space import TextSpace, ValueRange, boxed

if TYPE_CHECKING:
    from PIL.Image import Image


class _Dataset(Protocol):
    """The part of `datasets.Dataset` that is used."""

    column_names: list[str]
    features: Mapping[str, object]

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice | list[int]) -> Mapping[str, Sequence[object]]: ...
    def select_columns(self, column_names: list[str]) -> _Dataset: ...
    def cast_column(self, column: str, feature: object) -> _Dataset: ...


class _Library(Protocol):
    """The part of the package `datasets` that is used."""

    def load_dataset(self, path: str, name: str | None = None, *, split: str, revision: str | None = None) -> _Dataset: ...
    def Image(self, *, decode: bool) -> object: ...  # noqa: N802  # its own name
    def load_from_disk(self, dataset_path: str) -> _Dataset | Mapping[str, _Dataset]: ...


class HuggingFace(LabelledSource):
    """One split of a data set that `datasets` loads: NAME on the hub (which downloads it), or a folder on this machine.

    Options:
        split: name of the split, `test` unless given.
        x: column of inputs (`image`, `img`, `x`, `text` or `sentence` where present): pictures, texts, or lists of numbers of one length.
        y: column of labels (`label`, `labels` or `y` where present).
        config: name of the configuration, for data sets that have several.
        revision: commit or tag on the hub, for a result that can be repeated.
        groups: columns of groups, split at commas.
        id: column of ids; row numbers without it.
        size: pictures are resized to size x size (bilinear; the aspect ratio is not kept). Without it, all must have one size.
        mode: `RGB` (default) or `L` for pictures.
        classes: names of the model's classes in its order, split at commas, or a text file of them, one per line.
        rename: new names of classes, OLD:NEW split at commas.

    A folder may be one that `save_to_disk` wrote, or one of files that `load_dataset` reads. Pictures are decoded when they are needed and
    their levels mapped onto [0, 1] or the declared box; numbers keep their values, and are all read at once. No code of a data set runs.
    Needs the extra `hf`.
    """

    scheme: ClassVar[str] = "hf"
    what: ClassVar[str] = "a Hugging Face data set, by name or from a folder"
    options: ClassVar[tuple[Option, ...]] = (
        Option("split", "which split", "test"),
        Option("x", "column of inputs"),
        Option("y", "column of labels"),
        Option("config", "configuration of the data set"),
        Option("revision", "commit or tag on the hub"),
        Option("groups", "columns of groups, split at commas"),
        Option("id", "column of ids; row numbers without it"),
        Option("size", "resize every picture to size x size"),
        Option("mode", "colour or grey", "RGB", ("RGB", "L")),
        CLASSES,
        RENAME,
    )

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        if not address.place:
            raise UsageError("hf: needs a data set: write hf:NAME?split=test, or hf:FOLDER.")
        self._library = _library()
        self._size = self.integer("size")
        self._mode: Mode = "L" if self.text("mode") == "L" else "RGB"

    @cached_property
    def _data(self) -> _Dataset:
        place, split = self.address.place, self.text("split") or "test"
        folder = Path(place).expanduser()
        with reading(f"the data set '{place}'", "Check its name, split= and config=, and that it can be reached."):
            if not any((folder / name).is_file() for name in SAVED):
                found = self._library.load_dataset(
                    str(folder) if folder.is_dir() else place, self.text("config"), split=split, revision=self.text("revision")
                )
            else:
                saved = self._library.load_from_disk(str(folder))
                found = self._saved_split(saved, split)
        if not len(found):
            raise UsageError(f"The split '{split}' of '{place}' holds no examples.")
        return found

    def _saved_split(self, saved: _Dataset | Mapping[str, _Dataset], split: str) -> _Dataset:
        if isinstance(saved, Mapping):
            if split not in saved:
                raise unknown(f"split of '{self.address.place}'", split, saved)
            return saved[split]
        if "split" in self.address.options:
            raise UsageError(f"'{self.address.place}' was saved as one data set without splits. Leave split= out.")
        return saved

    def _column(self, role: str, usual: tuple[str, ...]) -> str:
        there = self._data.column_names
        written = self.text(role)
        if written is not None and written not in there:
            raise unknown(f"column of '{self.address.place}'", written, there)
        found = written or next((name for name in usual if name in there), None)
        if found is None:
            raise UsageError(
                f"'{self.address.place}' has no column {' or '.join(usual)}. Say which with ?{role}=NAME. Columns: {', '.join(there)}."
            )
        return found

    @cached_property
    def _x(self) -> str:
        return self._column("x", ("image", "img", "x", "text", "sentence"))

    @cached_property
    def _y(self) -> str:
        return self._column("y", ("label", "labels", "y"))

    def _values(self, column: str, rows: slice | list[int]) -> list[object]:
        if column not in self._data.column_names:
            raise unknown(f"column of '{self.address.place}'", column, self._data.column_names)
        with reading(f"the column '{column}' of '{self.address.place}'", "Check the data set."):
            return list(self._data.select_columns([column])[rows][column])

    @cached_property
    def _pictures(self) -> bool:
        from PIL.Image import Image

        return isinstance(self._values(self._x, slice(0, 1))[0], Image)

    @cached_property
    def _texts(self) -> npt.NDArray[Any] | None:
        """The texts, where they are the inputs."""
        if not isinstance(self._values(self._x, slice(0, 1))[0], str):
            return None
        if self.box is not None:
            raise must("box", self.uri, "be left out", self.box, "Texts have none.")
        values = self._values(self._x, slice(None))
        missing = [row for row, value in enumerate(values) if not isinstance(value, str)]
        if missing:
            count = f"{len(missing)} of {len(values)} rows, first in row {missing[0]}"
            raise UsageError(f"The text '{self._x}' of {self.uri} is missing in {count}. Drop those rows.")
        return as_objects(values)

    @cached_property
    def _stored(self) -> StoredArray:
        try:
            raw = np.array(self._values(self._x, slice(None)))
        except ValueError as error:  # rows of different lengths
            raise UsageError(f"The column '{self._x}' of {self.uri} has inputs of different lengths. Pad or cut them first.") from error
        return stored_array(raw, owner=self.uri, box=self.box)

    def _levels(self, rows: slice | list[int]) -> list[npt.NDArray[np.uint8]]:
        with reading(f"a picture of '{self.address.place}'", "Check the data set."):
            pictures = cast("list[Image]", self._values(self._x, rows))
            return [picture_levels(p, name=f"{self._x} of {self.address.place}", mode=self._mode, size=self._size) for p in pictures]

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        return self._levels([0])[0].shape

    @property
    def space(self) -> Any:
        if self._texts is not None:
            return TextSpace()
        return boxed(level_box(self.box, self.uri), "image") if self._pictures else self._stored.space

    @cached_property
    def labels(self) -> Classed:
        y, classes = encode_labels(self._values(self._y, slice(None)), owner=self.uri, signed=True)
        declared = getattr(self._data.features.get(self._y), "names", None)  # a ClassLabel knows what its numbers mean
        return self.classed(y, tuple(declared) if declared else classes, declared=bool(declared))

    @cached_property
    def ids(self) -> Ids:
        column = self.text("id")
        if column is None:
            return row_ids(len(self._data))
        return check_ids(text_values(self._values(column, slice(None)), name=column, owner=self.uri), owner=self.uri)

    @cached_property
    def groups(self) -> dict[str, npt.NDArray[np.str_]]:
        return {c: group_names(self._values(c, slice(None)), name=c, owner=self.uri) for c in self.names("groups")}

    @property
    def named(self) -> bool:
        return self.text("id") is not None

    @property
    def notes(self) -> tuple[str, ...]:
        said = [f"Inputs are the column '{self._x}', labels the column '{self._y}'."]
        if self._pictures:
            said.append(f"Pictures are read as {self._mode}; levels 0 to 255 are mapped onto the box {self.space.units}.")
            said += [f"Pictures are resized to {self._size} x {self._size} (bilinear)."] if self._size else []
            said += picture_notes(self._looked)
        elif self._texts is None:
            said += self._stored.notes
        said += [*missing_groups(self.groups), *self.class_notes()]
        return (*said, *(() if self.named else ("No ids were given: examples are named by row number.",)))

    def identity(self) -> dict[str, str]:
        return {**super().identity(), "x": self._x, "y": self._y}

    def content(self) -> str:
        """A hash of labels, ids, groups and inputs as stored. Cost: reads every input once; pictures are not decoded."""
        digest = hashlib.sha256(self.y.tobytes())
        for column, values in {"": self.ids, **self.groups}.items():
            digest.update("\0".join([column, *values.tolist(), ""]).encode())
        if self._texts is not None:
            for text in self._texts:
                digest.update(f"{len(text)}\0{text}".encode())
            return digest.hexdigest()[:24]
        if not self._pictures:
            digest.update(f"{self._stored.raw.dtype}{self._stored.raw.shape}".encode())
            digest.update(np.ascontiguousarray(self._stored.raw).data)
            return digest.hexdigest()[:24]
        for looked in self._looked:
            digest.update(looked.digest.encode())
        return digest.hexdigest()[:24]

    @cached_property
    def _looked(self) -> list[Looked]:
        encoded = self._data.select_columns([self._x]).cast_column(self._x, self._library.Image(decode=False))
        with reading(f"a picture of '{self.address.place}'", "Check the data set."):
            return [look_at(_encoded_bytes(encoded[[row]][self._x][0])) for row in range(len(self))]

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> Any:
        if self._texts is not None:
            return Items(self._texts[rows])
        if not self._pictures:
            return self._stored.inputs(rows)
        wanted = list(range(len(self._data))[rows]) if isinstance(rows, slice) else [int(row) for row in rows]
        names = [f"row {row}" for row in wanted]
        return onto_box(stack_pictures(self._levels(wanted), names, ("row 0", self._shape)), 255, level_box(self.box, self.uri))


class HeldDataset(HuggingFace):
    """A `datasets.Dataset` in memory; options are those of ``hf:``, except for its place, split, configuration and revision."""

    def __init__(self, given: object, options: Mapping[str, Written], *, box: ValueRange | None = None) -> None:
        for name in ("split", "config", "revision"):
            if name in options:
                raise UsageError(f"The option '{name}' finds a data set, and this one is in memory already. Leave it out.")
        named = {{"label": "y"}.get(name, name): value for name, value in options.items()}
        super().__init__(Address("hf", "data set").having(named), box=box)
        self._given, self._named = given, dict(named)

    def __reduce__(self) -> tuple[Any, Any]:
        return _held_again, (self._given, self._named, self.box)

    @cached_property
    def _data(self) -> _Dataset:
        found = cast("_Dataset", self._given)
        if not len(found):
            raise UsageError("The data set holds no examples.")
        return found


def _held_again(given: object, options: Mapping[str, Written], box: ValueRange | None) -> HeldDataset:
    return HeldDataset(given, options, box=box)


def is_table(given: object, options: Mapping[str, Written]) -> bool:
    """Whether a `datasets.Dataset` is a table: plain values in all of its columns, and none of them asked for as the input x."""
    features = cast("_Dataset", given).features
    return "x" not in options and all(type(feature).__name__ in ("Value", "ClassLabel") for feature in features.values())


def _encoded_bytes(stored: object) -> bytes:
    """A picture's file as it was stored: its bytes, or those of the file that it names."""
    match stored:
        case {"bytes": bytes() as data}:
            return data
        case {"path": str() as path}:
            return Path(path).read_bytes()
        case _:
            raise TypeError(f"a picture is stored as {type(stored).__name__}")


def _library() -> _Library:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra("datasets", "hf") from error
    return cast("_Library", datasets)
