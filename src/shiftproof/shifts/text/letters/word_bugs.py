"""The four ways in which DeepWordBug misspells a word: two letters swapped, one replaced, one left out, one put in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_lowercase
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class WordBugs(Rewrite):
    """Up to `edits` words misspelled once each, anywhere in the word: the space that DeepWordBug searches.

    Args:
        edits: how many at most, at least 1.

    The choices of a word are those of the four ways in turn, so that the first four are one of each.

    Example:
        >>> WordBugs(edits=1).edited("cheap wine", [(0, 0)])
        'hceap wine'

    Reference: Gao et al. 2018, "Black-box generation of adversarial text sequences to evade deep learning classifiers".
    """

    name: ClassVar[str] = "word_bugs"
    references: ClassVar[tuple[str, ...]] = ("gao2018black",)

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, word in each_word(text, least=2):
            yield Site(start, end, tuple(form for form in dict.fromkeys(_in_turn(word)) if form != word))


def _in_turn(word: str) -> Iterator[str]:
    """All misspellings of a word, of each of the four ways one after the other while it has more."""
    places = range(len(word))
    ways = (
        (word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places[:-1]),
        (word[:at] + letter + word[at + 1 :] for letter in ascii_lowercase for at in places),
        (word[:at] + word[at + 1 :] for at in places),
        (word[:at] + letter + word[at:] for letter in ascii_lowercase for at in range(len(word) + 1)),
    )
    left = [*ways]
    while left:
        for way in [*left]:
            form = next(way, None)
            if form is None:
                left.remove(way)
            else:
                yield form
