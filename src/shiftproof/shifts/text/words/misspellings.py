"""Misspellings that people make: those that codespell collects to mend them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from shiftproof._errors import MissingExtra
from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word, others


@dataclass(frozen=True)
class Misspellings(Rewrite):
    """Up to `edits` words misspelled as people have misspelled them: the list of corrections of the package codespell, read backwards.

    Args:
        edits: how many at most, at least 1.
        version: of codespell, whose list it is; filled in, and stands in the spec. Given, it must be the one installed.

    Needs the extra `text`. The list is read as data; the package's code is not imported.
    """

    name: ClassVar[str] = "misspellings"

    version: str = ""

    @classmethod
    def examples_for_check(cls) -> list[Misspellings]:
        """One, where the list is installed."""
        return [cls(edits=2)]

    def check(self) -> None:
        super().check()
        self.pin("version", _version(), "the codespell that is installed", "Install that one, or leave it out.")

    def sites(self, text: str) -> Iterator[Site]:
        table = _misspelled()
        for start, end, word in each_word(text, least=3):
            yield Site(start, end, others(word, table.get(word.lower(), ())))


@cache
def _version() -> str:
    try:
        return importlib.metadata.version("codespell")
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtra("codespell", "text") from None


@cache
def _misspelled() -> Mapping[str, tuple[str, ...]]:
    """By each right word its misspellings, in the list's order; those that are words themselves are not in the list."""
    home = importlib.util.find_spec("codespell_lib")
    if home is None or home.origin is None:
        raise MissingExtra("codespell", "text")
    found: dict[str, list[str]] = {}
    for line in (Path(home.origin).parent / "data" / "dictionary.txt").read_text(encoding="utf-8").splitlines():
        wrong, arrow, right = line.partition("->")
        if arrow and "," not in right and " " not in right:
            found.setdefault(right.strip().lower(), []).append(wrong)
    return {right: tuple(wrong) for right, wrong in found.items()}
