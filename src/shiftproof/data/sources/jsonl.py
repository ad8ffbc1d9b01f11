"""Texts and chats with their truths, an object in JSON a line."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.chats import ChatSpace, is_chat
from shiftproof.data.examples import Ids
from shiftproof.data.labels import check_ids, encode_labels, group_names, row_ids, text_values
from shiftproof.data.rows import Fields, Items, as_objects
from shiftproof.data.sources.abstract import CLASSES, RENAME, AddressedSource, Option
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import hash_file, json_lines, reading, the_file
from shiftproof.data.sources.pictured import Pictured
from shiftproof.data.space import FieldsSpace, Space, TextSpace, ValueRange

Line = dict[str, Any]


class Jsonl(AddressedSource):
    """Texts or chats in a file of JSON Lines, plain or as .gz.

    Options:
        text: key of the texts, or several split at commas, which become fields.
        messages: key of the chats, in place of texts: lists of messages with a role and a content.
        image: key of paths of pictures, beside one text or several: a field of that name. Paths are those from the file's own folder.
        size: pictures are resized to size x size; without it, all must have one size.
        label: key of labels: whole numbers 0, 1, 2, ..., or words, whose classes are then sorted.
        target: key of what is to be answered, in place of labels: numbers, texts, or lists of texts that are accepted.
        id: key of ids, unique; row numbers without it.
        groups: keys of groups, split at commas.
        classes: names of the model's classes in its order, split at commas, or a text file of them, one per line.
        rename: new names of classes, OLD:NEW split at commas.
    """

    scheme: ClassVar[str] = "jsonl"
    what: ClassVar[str] = "texts or chats, an object in JSON a line"
    options: ClassVar[tuple[Option, ...]] = (
        Option("text", "key of the texts; several, split at commas, become fields"),
        Option("messages", "key of the chats, in place of texts"),
        Option("image", "key of paths of pictures beside the texts; a field of that name"),
        Option("size", "resize every picture to size x size"),
        Option("label", "key of labels (required, or target)"),
        Option("target", "key of what is to be answered: numbers, texts, or lists of texts that are accepted"),
        Option("id", "key of ids; row numbers without it"),
        Option("groups", "keys of groups, split at commas"),
        CLASSES,
        RENAME,
    )

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        image = self.text("image")
        if box is not None and image is None:
            raise must("box", self.uri, "be left out", list(box), "Texts have none.")
        self._path = the_file(address)
        texts, chats = self.names("text"), self.text("messages")
        if image is not None and (not texts or image in texts):
            raise UsageError(f"{self.uri} needs texts beside its pictures: write ?text=KEY&image=OTHER.")
        if bool(texts) == bool(chats):
            raise UsageError(f"{self.uri} needs its texts or its chats: write ?text=KEY or ?messages=KEY.")
        self._inputs = texts or (str(chats),)
        if (self.text("label") is None) == (self.text("target") is None):
            raise UsageError(f"{self.uri} needs what is to be answered: write &label=KEY for classes, or &target=KEY.")

    @cached_property
    def _lines(self) -> list[Line]:
        found: list[Line] = []
        with reading(f"'{self._path}' as JSON Lines", "Each line must be an object in JSON, as UTF-8 text."):
            for number, row in json_lines(self._path):
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is no object")
                found.append(row)
        if not found:
            raise UsageError(f"The file '{self._path}' holds no lines.")
        return found

    def _column(self, key: str) -> list[Any]:
        values = [row.get(key) for row in self._lines]
        bad = [row for row, value in enumerate(values) if value is None]
        if len(bad) == len(values):
            raise unknown(f"key of '{self._path}'", key, self._lines[0])
        if bad:
            raise UsageError(f"The key '{key}' of '{self._path}' is missing in {len(bad)} of {len(values)} lines, first in row {bad[0]}.")
        return values

    @property
    def space(self) -> Space:
        if self.text("messages") is not None:
            return ChatSpace()
        texts = tuple((name, TextSpace()) for name in self._inputs)
        if self._pictures is not None:
            return FieldsSpace(((str(self.text("image")), self._pictures.space), *texts))
        return TextSpace() if len(texts) == 1 else FieldsSpace(texts)

    @cached_property
    def _pictures(self) -> Pictured | None:
        key = self.text("image")
        if key is None:
            return None
        names = text_values(self._column(key), name=key, owner=f"'{self._path}'")
        return Pictured(names.tolist(), self._path.parent, size=self.integer("size"), box=self.box, owner=f"'{self._path}'")

    @property
    def notes(self) -> tuple[str, ...]:
        return (*super().notes, *(self._pictures.notes if self._pictures is not None else ()))

    @cached_property
    def ids(self) -> Ids:
        key, owner = self.text("id"), f"'{self._path}'"
        return row_ids(len(self._lines)) if key is None else check_ids(text_values(self._column(key), name=key, owner=owner), owner=owner)

    @property
    def named(self) -> bool:
        return self.text("id") is not None

    @cached_property
    def groups(self) -> dict[str, npt.NDArray[np.str_]]:
        owner = f"'{self._path}'"
        return {name: group_names([row.get(name) for row in self._lines], name=name, owner=owner) for name in self.names("groups")}

    @cached_property
    def _truth(self) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
        label, target = self.text("label"), self.text("target")
        if label is not None:
            owner = f"'{self._path}'"
            y, names = encode_labels(self._column(label), owner=owner, signed=True)
            return self.classed(y, names, owner=owner)
        return _answers(self._column(str(target)), f"'{self._path}'"), ()

    @property
    def y(self) -> npt.NDArray[Any]:
        return self._truth[0]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._truth[1]

    def content(self) -> str:
        return hash_file(self._path) + (self._pictures.digest() if self._pictures is not None else "")

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> Any:
        columns = {name: self._values[name][rows] for name in self._inputs}
        texts = {name: Items(each) for name, each in columns.items()}
        if self._pictures is not None:
            return Fields(**{str(self.text("image")): self._pictures.inputs(rows), **texts})
        return texts[self._inputs[0]] if len(texts) == 1 else Fields(**texts)

    @cached_property
    def _values(self) -> dict[str, npt.NDArray[Any]]:
        found: dict[str, npt.NDArray[Any]] = {}
        chats = self.text("messages") is not None
        for name in self._inputs:
            values = self._column(name)
            for row, value in enumerate(values):
                if not (is_chat(value) if chats else isinstance(value, str)):
                    rule = "be a list of messages with a role and a content" if chats else "be a text"
                    raise must(name, f"row {row} of '{self._path}'", rule, value if len(str(value)) < 80 else type(value).__name__)
            found[name] = as_objects(values)
        return found


def _answers(values: list[Any], owner: str) -> npt.NDArray[Any]:
    """Numbers where all are, else tuples of accepted texts."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.float64)
    accepted = [tuple(value) if isinstance(value, list) else (str(value) if isinstance(value, int | float) else value,) for value in values]
    for row, texts in enumerate(accepted):
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            raise must("target", f"row {row} of {owner}", "be a number, a text, or a list of texts, none empty", values[row])
    return as_objects(accepted)
