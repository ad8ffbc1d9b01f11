"""Randomized smoothing of texts by leaving words out: a proof in changed words for any classifier."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from shiftproof.certificates.smoothing.noises.abstract import Noise
from shiftproof.certificates.smoothing.word_smoothing import WordSmoothing
from shiftproof.data.rows import Items
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.text.rewrite import Rewrite


@dataclass(frozen=True)
class WordsLeftOut(Noise):
    """Each word of a text, between white space, left out with probability `rate`, each by itself."""

    name: ClassVar[str] = "words_left_out"
    whole: ClassVar[bool] = True

    rate: float

    def needed(self, radius: float, features: int) -> float:
        """1/2 + 1 - rate^radius: on the copies in which all changed words are left out, both texts look alike."""
        return 1.5 - math.pow(self.rate, radius)

    def add(self, x: Any, rng: Rng, space: Any = None) -> Any:
        words = [str(one).split() for one in x]
        longest = max(map(len, words), default=0)
        if not longest:
            return x
        keep = (rng.uniform(longest) >= self.rate).tolist()
        return Items(" ".join(word for word, kept in zip(mine, row, strict=False) if kept) for mine, row in zip(words, keep, strict=True))


@dataclass(frozen=True)
class WordDeletion(WordSmoothing):
    """Proves decisions of the classifier that says what the model says most often when each word is left out with probability `rate`.

    If that answer has probability above p, it stands under any change of r words, insertions and deletions included, with
    rate^r > 3/2 - p.

    Args:
        rate: the chance of a word to be left out, in (0, 1). High rates prove more changed words of texts that stay clear.
        alpha, draws, selection: as of `WordSmoothing`.

    Guarantees: those of `WordSmoothing`. Edits of letters count as a changed word each, and edits that make several words of
    one as that many.
    Cost: selection + draws forwards per example.

    Reference: Huang et al. 2023, "RS-Del: edit distance robustness certificates for sequence classifiers via randomized deletion".
    """

    name: ClassVar[str] = "word_deletion"
    references: ClassVar[tuple[str, ...]] = ("huang2023rsdel",)

    rate: float = field(default=0.8, kw_only=True)

    def check(self) -> None:
        super().check()
        self.require("rate", within="(0, 1)")

    @property
    def subject(self) -> str:
        return f"the model smoothed by leaving out each word with probability {self.rate:g}"

    def objection(self, model: Labels, shift: Shift) -> str | None:
        if not isinstance(shift, Rewrite) or shift.unit == "sentence":
            return f"it supports edits of letters and words that rewrite, not {shift.name}"
        return None

    def noise(self, shift: Rewrite) -> WordsLeftOut:
        return WordsLeftOut(self.rate)

    def proven(self, low: float, shift: Rewrite, text: str) -> int:
        """Changed words over the most words that one edit changes."""
        words = math.ceil(round(math.log(1.5 - low) / math.log(self.rate), 9)) - 1  # rate^words must be above 3/2 - low, not equal
        return min(shift.edits, words // words_changed(shift, text))


def words_changed(shift: Rewrite, text: str) -> int:
    """The most words between white space that one edit of a text takes away, or puts in their place, at least 1."""
    most = 1
    found = shift.found(text)
    for place in found.places:
        end, choices = found.at[place]
        left = place
        while left > 0 and not text[left - 1].isspace():
            left -= 1
        right = end
        while right < len(text) and not text[right].isspace():
            right += 1
        most = max(most, len(text[left:right].split()))
        blank = [new for new in choices if any(letter.isspace() for letter in new)]
        most = max(most, *(len(f"{text[left:place]}{new}{text[end:right]}".split()) for new in blank)) if blank else most
    return most
