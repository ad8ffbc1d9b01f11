"""Words as people misspell them, the same at every call."""

from __future__ import annotations

from zlib import crc32

VARIANTS = 4
"""Ways to misspell a word: a letter left out, a letter doubled, two letters swapped, the case changed."""


def misspelt(word: str, variant: int) -> str:
    """The word misspelled in one of `VARIANTS` ways; always another text than the word.

    >>> [misspelt("Private", variant) for variant in range(4)]
    ['Prvate', 'Priivate', 'Prviate', 'pRIVATE']
    """
    letters = [place for place, letter in enumerate(word) if letter.isalnum()] or [0]
    at = letters[crc32(word.encode()) % len(letters)]
    match variant:
        case 0:
            said = word[:at] + word[at + 1 :]
        case 1:
            said = word[: at + 1] + word[at : at + 1] + word[at + 1 :]
        case 2:
            at = min(at, max(len(word) - 2, 0))
            said = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
        case _:
            said = word.swapcase()
    return said if said.strip() and said != word else word + "x"


def meaning(code: int, count: int) -> tuple[int, int | None]:
    """What a code of a column with `count` categories stands for: a category, and which misspelling of it, if any.

    >>> meaning(1, 3), meaning(7, 3)
    ((1, None), (1, 1))
    """
    return (code, None) if code < count else (code % count, code // count - 1)
