"""DeepWordBug: words ranked by what heads and tails gain by them, the first of them misspelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.searches.word_importance import WordImportance
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.on import edits_in
from shiftproof.shifts.text.letters.word_bugs import WordBugs


@dataclass(frozen=True)
class DeepWordBug(WordImportance):
    """The published attack: the combined score of heads and tails, then one misspelling by chance in each word, from the first on.

    It searches `word_bugs` only. `word_importance(order=unknown, tries=4)` is the variant that TextAttack calls by this name: words ranked
    by an unknown word in their place, and the best of four misspellings kept.

    Args:
        queries: questions an example, those of the ranking included, at least 2.
        order: the paper's combined score.
        tries: misspellings of a word that are asked about, drawn by chance.

    Guarantees and cost: those of `word_importance`.

    Reference: Gao et al. 2018, "Black-box generation of adversarial text sequences to evade deep learning classifiers".
    """

    name: ClassVar[str] = "deepwordbug"
    references: ClassVar[tuple[str, ...]] = ("gao2018black",)

    order: str = "head_tail"
    tries: int = 1

    @classmethod
    def examples_for_check(cls) -> list[WordImportance]:
        """One with few questions."""
        return [cls(queries=80)]

    def unsupported(self, shift: Shift) -> str | None:
        if not isinstance(edits_in(shift), WordBugs):
            return f"the paper misspells words, and {shift.name} does not as it does: use word_bugs, or the search word_importance"
        return super().unsupported(shift)
