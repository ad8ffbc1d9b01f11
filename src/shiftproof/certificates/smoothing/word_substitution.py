"""Randomized smoothing of texts by replacing words with their neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from shiftproof.certificates.smoothing.noises.abstract import Noise
from shiftproof.certificates.smoothing.word_smoothing import WordSmoothing
from shiftproof.data.rows import Items
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.text.rewrite import WORD, Rewrite
from shiftproof.shifts.text.words.neighbours import Neighbours


@dataclass(frozen=True)
class WordsReplaced(Noise):
    """Each word that has neighbours stands as itself or one of them, all alike likely, each by itself."""

    name: ClassVar[str] = "words_replaced"
    whole: ClassVar[bool] = True

    shift: Neighbours = field(kw_only=True)

    def needed(self, radius: float, features: int) -> float:
        """What is needed depends on the text's own words, see `WordSubstitution`."""
        return 1.0

    def add(self, x: Any, rng: Rng, space: Any = None) -> Any:
        longest = max((len(self.shift.found(str(one)).places) for one in x), default=0)
        if not longest:
            return x
        return Items(self._one(str(one), chance) for one, chance in zip(x, rng.uniform(longest).double().tolist(), strict=True))

    def _one(self, text: str, chance: list[float]) -> str:
        sites = self.shift.found(text)
        edits: list[tuple[int, int]] = []
        for place, part in zip(sites.places, chance, strict=False):
            n = len(sites.at[place][1])
            which = min(int(part * (n + 1)), n)
            if which < n:
                edits.append((place, which))
        return self.shift.edited(text, edits)


@dataclass(frozen=True)
class WordSubstitution(WordSmoothing):
    """Proves decisions of the classifier that says what the model says most often when words are replaced by neighbours at random.

    A word w stands as any of S(w) = {w and its neighbours} with equal chance. If w becomes w', what is drawn there differs with probability
    at most 1 - |S(w) and S(w')| / max(|S(w)|, |S(w')|). So an answer of probability above p stands under any r changes with
    p - (1 - the product of the r least overlaps) > 1/2, each overlap the least over a word's neighbours.

    Args:
        alpha, draws, selection: as of `WordSmoothing`.

    Guarantees: those of `WordSmoothing`. It abstains where a neighbour is not a single word.
    Cost: selection + draws forwards per example, and the neighbours of the neighbours.

    Reference: Ye et al. 2020, "SAFER: a structure-free approach for certified robustness to adversarial word substitutions".
    """

    name: ClassVar[str] = "word_substitution"
    references: ClassVar[tuple[str, ...]] = ("ye2020safer",)

    @property
    def subject(self) -> str:
        return "the model smoothed by replacing words with their neighbours at random"

    def objection(self, model: Labels, shift: Shift) -> str | None:
        if not isinstance(shift, Neighbours):
            return f"it supports neighbours of words from a file, not {shift.name}"
        return None

    def noise(self, shift: Rewrite) -> WordsReplaced:
        assert isinstance(shift, Neighbours)  # `objection` has said so
        return WordsReplaced(shift=shift)

    def proven(self, low: float, shift: Rewrite, text: str) -> int:
        """As many edits as the words of least overlap allow."""
        assert isinstance(shift, Neighbours)
        least = overlaps(shift, text)
        if least is None:
            return 0
        product, proven = 1.0, 0
        for edits in range(1, shift.edits + 1):
            product *= least[edits - 1] if edits <= len(least) else 1.0
            if low - (1 - product) <= 0.5:
                break
            proven = edits
        return proven


def overlaps(shift: Neighbours, text: str) -> list[float] | None:
    """Of each word the least overlap of its set with that of one of its neighbours, ascending; None where a neighbour is no single word."""
    sites = shift.found(text)
    found: list[float] = []
    for place in sites.places:
        end, choices = sites.at[place]
        least = _least_overlap(shift, text[place:end], tuple(choices))
        if least is None:
            return None
        found.append(least)
    return sorted(found)


@lru_cache(maxsize=65536)
def _least_overlap(shift: Neighbours, word: str, choices: tuple[str, ...]) -> float | None:
    mine = {word, *choices}
    least = 1.0
    for other in choices:
        if WORD.fullmatch(other) is None:
            return None
        sites = shift.found(other)
        theirs = {other, *(sites.at[0][1] if sites.places else ())}
        least = min(least, len(mine & theirs) / max(len(mine), len(theirs)))
    return least
