"""Where letters of a text of ASCII stand in its words, found for the whole text at once: whole numbers with a byte for each letter.

A text of other letters has no such mask; its words are found by patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, compress, repeat
from string import ascii_letters

_APOSTROPHE = bytes(byte == ord("'") for byte in range(256))
_FIRST, _OTHER = 0x80, 0x81
"""Bytes that no text of ASCII has: they stand for the first and the other letters of a group."""


def marks(letters: Iterable[str]) -> bytes:
    """A table for `bytes.translate`: 1 for these letters, those of ASCII, and 0 for all else."""
    codes = {ord(letter) for letter in letters}
    return bytes(byte in codes for byte in range(128)).ljust(256, b"\0")


_LETTER = marks(ascii_letters)


def inner(text: bytes) -> int:
    """1 in the byte of each letter or apostrophe inside a word of four of them or more, neither its first nor its last.

    An apostrophe is of a word where it stands between two letters of it.

    >>> inner(b"a cheap one").to_bytes(11, "little").hex(" ")
    '00 00 00 01 01 01 00 00 00 00 00'
    """
    word = int.from_bytes(text.translate(_LETTER), "little")
    if b"'" in text:
        word |= int.from_bytes(text.translate(_APOSTROPHE), "little") & (word << 8) & (word >> 8)
    before, after = word << 8, word >> 8
    return word & before & after & ((before << 8) | (after >> 8))


def inner_places(text: str, table: bytes) -> tuple[int, ...]:
    """Where letters that this table marks stand inside words of four letters and more.

    >>> inner_places("a cheap one", marks("abe"))
    (4, 5)
    """
    held = text.encode("ascii")
    found = inner(held) & int.from_bytes(held.translate(table), "little")
    return tuple(compress(range(len(held)), found.to_bytes(len(held), "little")))


def unlike_pairs(text: str) -> tuple[int, ...]:
    """Where two different letters stand side by side, both inside a word of four letters and more.

    >>> unlike_pairs("a goood wine")
    (9,)
    """
    held = text.encode("ascii")
    inside, letters = inner(held), int.from_bytes(held, "little")
    both = (inside & (inside >> 8)) * 0x7F
    return tuple(compress(range(len(held)), (both & (letters ^ (letters >> 8))).to_bytes(len(held), "little")))


class LetterGroups:
    """Letters and groups of letters, found from the left, the longest first, as a pattern of them does.

    Args:
        table: has them as its keys. No two groups share a letter (`possible`).
    """

    def __init__(self, table: Mapping[str, object]) -> None:
        self._groups = [
            (group.encode("ascii"), bytes(chain([_FIRST], repeat(_OTHER, len(group) - 1)))) for group in _several(table) if group.isascii()
        ]
        single = bytearray(marks(letter for letter in table if len(letter) == 1))
        single[_FIRST] = 1
        self._table = bytes(single)

    @staticmethod
    def possible(table: Mapping[str, object]) -> bool:
        """Whether no two groups of a table share a letter, so that the order in which they are found changes nothing."""
        letters = [letter for group in _several(table) for letter in {*group}]
        return len(letters) == len({*letters})

    def places(self, text: str) -> tuple[int, ...]:
        """Where they begin in a text of ASCII.

        >>> LetterGroups({"rn": 0, "n": 0, "c": 0}).places("corn can")
        (0, 2, 5, 7)
        """
        held = text.encode("ascii")
        for group, mark in self._groups:
            held = held.replace(group, mark)
        return tuple(compress(range(len(held)), held.translate(self._table)))


def _several(table: Mapping[str, object]) -> list[str]:
    return [group for group in table if len(group) > 1]
