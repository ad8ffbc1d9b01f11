"""Sources that a URI names: the URI's parts, their options, and what all of them share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Ints
from shiftproof._errors import must, unknown
from shiftproof.data.class_names import Classed, listed, order_notes, renamed
from shiftproof.data.examples import Examples
from shiftproof.data.rows import Items
from shiftproof.data.source import Source
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import reading, the_file
from shiftproof.data.space import ValueRange, boxed

A = TypeVar("A", bound="AddressedSource")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Option:
    """One option of a source, as written after the '?'."""

    name: str
    what: str
    default: str | None = None
    choices: tuple[str, ...] = ()


CLASSES = Option("classes", "names of the model's classes in its order: a text file, one per line, or separated by commas")
RENAME = Option("rename", "new names of classes, OLD:NEW split at commas")


class AddressedSource(Source):
    """A source that is opened from its address: `cls(address, box=...)`.

    A subclass says its scheme and options, and gives labels, names, inputs and a hash of its content. What is expensive belongs in a
    cached property: when a source travels to another process, only its address goes, and it is opened anew there.
    """

    scheme: ClassVar[str]
    what: ClassVar[str]
    """One line for people: what lies there."""
    options: ClassVar[tuple[Option, ...]] = ()
    first: int | None = None
    """How many examples will be taken at most, from the first on: a source that can need read no more inputs."""

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        self.address = address
        self.box = box
        known = {option.name: option for option in self.options}
        for name, value in address.options.items():
            if name not in known:
                raise unknown(f"option of source '{self.scheme}'", name, known)
            choices = known[name].choices
            if choices and unquote(value) not in choices:
                raise must(name, str(address), f"be {' or '.join(choices)}", unquote(value))
        if box is not None:
            boxed(box)  # a box that is none is refused before any work

    def __reduce__(self) -> tuple[Any, Any]:
        return _reopen, (type(self), self.address, self.box, self.first)

    @property
    def uri(self) -> str:
        return str(self.address)

    def _written(self, name: str) -> str | None:
        default = next((option.default for option in self.options if option.name == name), None)
        return self.address.options.get(name, default)

    def text(self, name: str) -> str | None:
        """An option's value, its default where it was not written."""
        value = self._written(name)
        return None if value is None else unquote(value)

    def names(self, name: str) -> tuple[str, ...]:
        """An option's value as names split at commas."""
        return tuple(unquote(part.strip()) for part in (self._written(name) or "").split(",") if part.strip())

    @cached_property
    def listed_classes(self) -> tuple[str, ...] | None:
        """The classes that the option `classes` names, in its order: in a file, or split at commas; None without it."""
        written = self._written("classes")
        if written is None:
            return None
        if "," in written:
            return self.names("classes")
        path = the_file(self.address, place=unquote(written))
        with reading(f"'{path}'", "Write one class name per line, as UTF-8 text."):
            return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())

    def renames(self) -> dict[str, str]:
        """New names of classes by the old ones, as the option `rename` says them."""
        changes: dict[str, str] = {}
        for part in filter(None, (self._written("rename") or "").split(",")):
            old, colon, new = (unquote(piece) for piece in part.partition(":"))
            if not (colon and old.strip() and new.strip()):
                raise must("rename", self.uri, "be OLD:NEW, split at commas", part, "A colon or comma inside a name is %3A or %2C.")
            changes[old] = new.strip()
        return changes

    def classed(
        self, y: Ints, names: tuple[str, ...], *, declared: bool = False, like: tuple[str, ...] = (), owner: str | None = None
    ) -> Classed:
        """Labels and class names after the options `rename` and `classes`.

        Args:
            y: labels as they were read, shape (n,).
            names: their classes, empty where labels are numbers.
            declared: the order of the names is someone's own, not that of sorting.
            like: the order of another sample, where no option says one.
            owner: whose they are, for messages; by default this source's.
        """
        y, names = renamed(y, names, self.renames(), declared=declared, owner=owner or self.uri)
        order = self.listed_classes or like
        return listed(y, names, order, owner=owner or self.uri) if order else (y, names)

    def class_notes(self) -> tuple[str, ...]:
        """A note on the order of classes that nobody declared."""
        return () if self.listed_classes else order_notes(self.class_names)

    def integer(self, name: str) -> int | None:
        """An option's value as a whole number from 1 on."""
        value = self.text(name)
        if value is None:
            return None
        if not value.isdecimal() or int(value) < 1:
            raise must(name, self.uri, "be a whole number from 1 on", value)
        return int(value)

    def flag(self, name: str) -> bool:
        """An option's value as true or false."""
        value = self.text(name) or "false"
        if value.lower() not in _TRUTH:
            raise must(name, self.uri, "be true or false", value)
        return _TRUTH[value.lower()]

    def identity(self) -> dict[str, str]:
        """What beside the content decides the examples: every option with its value."""
        written = {option.name: self.text(option.name) for option in self.options}
        if self.listed_classes is not None:
            written["classes"] = "\n".join(self.listed_classes)  # not the place of their file
        return {name: value for name, value in written.items() if value is not None}

    @abstractmethod
    def content(self) -> str:
        """A hash of the data themselves: the same for the same bytes in another place."""

    @cached_property
    def _fingerprint(self) -> str:
        parts = {**self.identity(), **({"box": f"{self.box[0]!r},{self.box[1]!r}"} if self.box else {})}
        said = "&".join(f"{name}={parts[name]}" for name in sorted(parts))
        return f"{self.scheme}:{self.content()}" + (f"?{said}" if said else "")

    def fingerprint(self) -> str:
        return self._fingerprint

    @abstractmethod
    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> Any:
        """The inputs at `rows`: a tensor of shape (k, ...), floating, or other rows."""

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        import torch

        groups = {column: values[rows] for column, values in self.groups.items()}
        y = self.y[rows]
        truth = Items(y) if y.dtype == object else torch.from_numpy(y.copy())
        return Examples(self.inputs(rows), truth, self.ids[rows], groups, self.space, self.class_names)


class LabelledSource(AddressedSource):
    """A source that reads labels and the names of their classes in one go."""

    @property
    @abstractmethod
    def labels(self) -> Classed:
        """The labels, shape (n,), and the names of their classes in label order, none where labels are numbers."""

    @property
    def y(self) -> Ints:
        return self.labels[0]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.labels[1]


def _reopen(source: type[A], address: Address, box: ValueRange | None, first: int | None) -> A:
    opened = source(address, box=box)
    opened.first = first
    return opened
