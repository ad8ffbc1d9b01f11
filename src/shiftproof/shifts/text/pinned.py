"""Shifts that read a file or call a user's function: what they hold is part of their spec, so that a run knows when it changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError, must
from shiftproof._identity.table import identify
from shiftproof._imports import load_object, state_of
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import hash_file, json_lines, reading, the_file, unpacked
from shiftproof.shifts.text.rewrite import Rewrite


@dataclass(frozen=True)
class FromFile(Rewrite):
    """Edits that a file of the user's lists.

    `sha256` is the start of the file's hash. It is filled in where it is not given, and stands in the spec; given, it must agree.
    """

    file: str
    sha256: str = ""

    def check(self) -> None:
        super().check()
        self.pin("sha256", hash_file(self.path), f"the file '{self.file}' as it is")

    @property
    def path(self) -> Path:
        """The file."""
        return the_file(Address(self.name, self.file))


@dataclass(frozen=True)
class FromFunction(Rewrite):
    """Edits that a function of the user's proposes.

    `code` identifies the function and what it holds. It is filled in where it is not given, and stands in the spec; given, it must agree.
    """

    by: str
    code: str = ""

    def check(self) -> None:
        super().check()
        if not callable(loaded(self.by)):
            raise must("by", self.name, "name a function", self.by)
        self.pin("code", identity_of(self.by), f"'{self.by}' as it is")

    @property
    def function(self) -> Callable[..., Any]:
        """The function; one that was edited since is refused."""
        self.pin("code", identity_of(self.by), f"'{self.by}' as it is")
        found: Callable[..., Any] = loaded(self.by)
        return found


def loaded(spec: str) -> Any:
    """What stands at FILE.py:NAME or package.module:NAME; an edited file is read again."""
    return _loaded(spec, state_of(spec))


def identity_of(spec: str) -> str:
    """The hash of the function at FILE.py:NAME or package.module:NAME, with all that it holds."""
    return _identity_of(spec, state_of(spec))


@lru_cache(maxsize=16)
def _loaded(spec: str, state: tuple[int, int]) -> Any:
    del state  # another one is loaded anew
    return load_object(spec)


@lru_cache(maxsize=16)
def _identity_of(spec: str, state: tuple[int, int]) -> str:
    return identify(_loaded(spec, state), spec).digest


def read_json(path: Path, what: str) -> Any:
    """A JSON file, plain or as .gz."""
    with reading(f"'{path}' as {what}", "It must be JSON in UTF-8, plain or compressed with gzip."):
        return json.loads(unpacked(path).decode("utf-8"))


def read_lines(path: Path, what: str) -> list[Mapping[str, Any]]:
    """The objects of a JSONL file, plain or as .gz, one a line; blank lines are left out."""
    found: list[Mapping[str, Any]] = []
    with reading(f"'{path}' as {what}", "It must be JSONL in UTF-8, one object a line, plain or compressed with gzip."):
        for number, row in json_lines(path):
            if not isinstance(row, dict):
                raise UsageError(f"Line {number} of '{path}' must be a JSON object, got {type(row).__name__}.")
            found.append(row)
    return found
