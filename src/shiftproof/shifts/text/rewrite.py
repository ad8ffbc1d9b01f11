"""Edits that replace pieces of a text by others: what all edits of letters, words and sentences share."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, ClassVar, Literal, NamedTuple

from shiftproof.data.rows import KeptText
from shiftproof.shifts.edits import Edit, Edits, part_of
from shiftproof.shifts.text.byte_masks import LetterGroups, inner_places, marks

LabelRule = Literal["kept", "changed", "person"]
"""What an edit does to the truth of a text: nothing; it turns it over; or only a person can say."""
Unit = Literal["letter", "word", "sentence"]
"""What an edit changes one of."""
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""A run of letters, apostrophes inside included."""
UNKNOWN, DROPPED = -2, -3
"""In place of a choice, outside every budget: what a search asks about to see how much a piece matters. It then stands for an unknown word,
or is left out."""
UNKNOWN_WORD = "[UNK]"
_HELD = 8192
"""Texts whose sites are remembered."""


class Site(NamedTuple):
    """A piece of a text, from `start` to `end`, and what may stand in its place; of no length where something is put in."""

    start: int
    end: int
    choices: Sequence[str]


class Sites(NamedTuple):
    """All sites of a text: where each begins, in order, and by that its end and its choices."""

    places: tuple[int, ...]
    at: Mapping[int, tuple[int, Sequence[str]]]


@dataclass(frozen=True)
class Rewrite(Edits):
    """Up to `edits` pieces of a text replaced, each by one of a few others; what is not replaced stays byte for byte.

    A subclass writes `sites`. Where two edits overlap, the later one is not made; a move that would leave no letter changes nothing.
    """

    label: ClassVar[LabelRule] = "kept"
    """What it does to the truth."""
    unit: ClassVar[Unit] = "word"

    @abstractmethod
    def sites(self, text: str) -> Iterable[Site]:
        """The pieces that can be replaced, in order of their starts, no two with one start, each with at least one choice."""

    def found(self, text: str) -> Sites:
        """The sites of a text, remembered."""
        return _sites_of(self, text)

    def find(self, text: str) -> Sites:
        """The sites of a text: those of `sites` that have a choice."""
        found = [site for site in self.sites(text) if site.choices]
        return Sites(tuple(site.start for site in found), {site.start: (site.end, site.choices) for site in found})

    def places(self, one: str) -> list[int]:
        return [*_sites_of(self, one).places]

    def choices(self, one: str, place: int) -> int:
        return len(_sites_of(self, one).at[place][1])

    def reach(self, one: str, place: int) -> int:
        return _sites_of(self, one).at[place][0] - place

    def chosen(self, one: str, chance: list[list[float]]) -> list[Edit]:
        sites = _sites_of(self, one)  # once: what is drawn from them is possible
        left = self.free(one) if isinstance(one, KeptText) else [*sites.places]
        mine: list[Edit] = []
        for which, what in chance[: len(left)]:
            place = left.pop(part_of(which, len(left)))
            mine.append((place, part_of(what, len(sites.at[place][1]))))
        return mine

    def edited(self, one: str, edits: list[Edit]) -> str:
        at = _sites_of(self, one).at
        parts: list[str] = []
        done = 0
        for place, choice in edits:
            if place < done:
                continue
            end, choices = at[place]
            parts += (one[done:place], choices[choice] if choice >= 0 else UNKNOWN_WORD if choice == UNKNOWN else "")
            done = end
        moved = "".join((*parts, one[done:]))
        return moved if moved.strip() else one


@lru_cache(maxsize=_HELD)
def _sites_of(shift: Rewrite, text: str) -> Sites:
    return shift.find(text)


def forget_sites() -> None:
    """Forgets the sites of all texts: for measurements of how long it takes to find them."""
    _sites_of.cache_clear()


class OnDemand(Mapping[int, tuple[int, Sequence[str]]]):
    """What `Sites.at` holds, each place looked at when it is asked for: of a hundred letters a draw needs a few."""

    def __init__(self, places: Sequence[int], piece: Callable[[int], tuple[int, Sequence[str]]]) -> None:
        self._places, self._piece = places, piece

    def __getitem__(self, place: int, /) -> tuple[int, Sequence[str]]:
        return self._piece(place)

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def each_word(text: str, *, least: int = 1) -> Iterator[tuple[int, int, str]]:
    """Every word of at least so many letters: its start, its end, itself."""
    for found in WORD.finditer(text):
        if found.end() - found.start() >= least:
            yield found.start(), found.end(), found[0]


def like(word: str, new: str) -> str:
    """`new` in the case of `word`: in capitals, with a first capital, or as it is.

    >>> like("GOOD", "fine"), like("Good", "fine"), like("good", "fine")
    ('FINE', 'Fine', 'fine')
    """
    if len(word) > 1 and word.isupper():
        return new.upper()
    return new[:1].upper() + new[1:] if word[:1].isupper() else new


def others(word: str, new: Iterable[str]) -> tuple[str, ...]:
    """The new forms in the word's case, each once and without the word itself."""
    return tuple(form for form in dict.fromkeys(like(word, one) for one in new) if form != word)


@dataclass(frozen=True)
class WordTable(Rewrite):
    """Words and phrases of a table replaced by what it says, in the case of what they replace."""

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """In small letters; blanks in a phrase are single."""

    def sites(self, text: str) -> Iterator[Site]:
        for found in _pattern(type(self)).finditer(text):
            yield Site(found.start(), found.end(), others(found[0], self.table.get(found[0].lower(), ())))


@cache
def _pattern(shift: type[WordTable]) -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in sorted(shift.table, key=len, reverse=True))
    return re.compile(rf"(?<![\w'’-])(?:{words})(?![\w’-])", re.IGNORECASE)


@dataclass(frozen=True)
class LetterTable(Rewrite):
    """Letters, or groups of them, replaced by what a table says, wherever they stand in a word."""

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        return (Site(place, *piece) for place, piece in self.find(text).at.items())

    def find(self, text: str) -> Sites:
        (pattern, groups), table = _letters(type(self)), self.table
        places = (
            groups.places(text) if groups is not None and text.isascii() else tuple([found.start() for found in pattern.finditer(text)])
        )

        def piece(place: int) -> tuple[int, Sequence[str]]:
            found = pattern.match(text, place)
            if found is None:
                raise KeyError(place)
            return found.end(), table[found[0]]

        return Sites(places, OnDemand(places, piece))


@cache
def _letters(shift: type[LetterTable]) -> tuple[re.Pattern[str], LetterGroups | None]:
    """The letters and groups of a table: a pattern of them, and what finds them faster in texts of ASCII, where there is such."""
    pattern = re.compile("|".join(re.escape(group) for group in sorted(shift.table, key=len, reverse=True)))
    return pattern, LetterGroups(shift.table) if LetterGroups.possible(shift.table) else None


@dataclass(frozen=True)
class Framing(Rewrite):
    """Something put before a text or after it; at most one of each."""

    before: ClassVar[tuple[str, ...]] = ()
    after: ClassVar[tuple[str, ...]] = ()
    unit: ClassVar[Unit] = "sentence"

    def sites(self, text: str) -> Iterator[Site]:
        if self.before:
            yield Site(0, 0, self.before)
        if self.after and text:
            yield Site(len(text), len(text), self.after)


@dataclass(frozen=True)
class InnerLetters(Rewrite):
    """Single letters inside words of four letters and more replaced by what a table says, never the first or last of a word."""

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        return (Site(place, *piece) for place, piece in self.find(text).at.items())

    def find(self, text: str) -> Sites:
        table = self.table
        if text.isascii():
            places = inner_places(text, _marks(type(self)))
        else:
            words = ((word.start() + 1, word.end() - 1) for word in _LONG_WORD.finditer(text))
            places = tuple([place for start, end in words for place in range(start, end) if text[place] in table])
        return Sites(places, OnDemand(places, lambda place: (place + 1, table[text[place]])))


@cache
def _marks(shift: type[InnerLetters]) -> bytes:
    return marks(letter for letter in shift.table if len(letter) == 1)


_LONG_WORD = re.compile(r"(?:[^\W\d_]|(?<=[^\W\d_])['’](?=[^\W\d_])){4,}")


def rule_of(shift: Any) -> LabelRule:
    """What the edits of a shift do to the truth; of a shift that says nothing it is what typing errors do: nothing."""
    return shift.label if isinstance(shift, Rewrite) else "kept"
