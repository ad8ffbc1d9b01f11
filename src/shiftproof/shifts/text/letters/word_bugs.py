"""The four ways in which DeepWordBug misspells a word: two letters swapped, one replaced, one left out, one put in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from string import ascii_lowercase
from typing import ClassVar, overload

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class WordBugs(Rewrite):
    """Up to `edits` words misspelled once each, anywhere in the word: the space that DeepWordBug searches.

    Args:
        edits: how many at most, at least 1.

    The choices of a word are its swaps, then its replacements, its omissions and its insertions; some make the same word.

    Example:
        >>> WordBugs(edits=1).edited("cheap wine", [(0, 0)])
        'hceap wine'

    Reference: Gao et al. 2018, "Black-box generation of adversarial text sequences to evade deep learning classifiers".
    """

    name: ClassVar[str] = "word_bugs"
    references: ClassVar[tuple[str, ...]] = ("gao2018black",)

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, word in each_word(text, least=2):
            yield Site(start, end, _Misspelled(word))

    def ways(self, one: str, place: int) -> tuple[int, ...]:
        choices = self.found(one).at[place][1]
        return tuple(dict.fromkeys(choices.ends)) if isinstance(choices, _Misspelled) else (len(choices),)


class _Misspelled(Sequence[str]):
    """The misspellings of a word, each made when it is asked for: swaps, replacements, omissions and insertions, that end at `ends`."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._swaps = [at for at, (one, two) in enumerate(pairwise(word)) if one != two]
        n = len(word)
        self.ends = [*accumulate((len(self._swaps), 25 * n, n, 26 * (n + 1)))]

    def __len__(self) -> int:
        return self.ends[-1]

    @overload
    def __getitem__(self, which: int, /) -> str: ...
    @overload
    def __getitem__(self, which: slice, /) -> list[str]: ...
    def __getitem__(self, which: int | slice, /) -> str | list[str]:
        if isinstance(which, slice):
            return [self[one] for one in range(*which.indices(len(self)))]
        word, (swaps, replaced, omitted, _) = self._word, self.ends
        if not 0 <= which < len(self):
            raise IndexError(which)
        if which < swaps:
            at = self._swaps[which]
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if which < replaced:
            by, at = divmod(which - swaps, len(word))
            there = ascii_lowercase.find(word[at].lower())
            return word[:at] + ascii_lowercase[by + (0 <= there <= by)] + word[at + 1 :]
        if which < omitted:
            at = which - replaced
            return word[:at] + word[at + 1 :]
        by, at = divmod(which - omitted, len(word) + 1)
        return word[:at] + ascii_lowercase[by] + word[at:]
