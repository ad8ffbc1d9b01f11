"""Words that a masked language model would put in the place of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from shiftproof._errors import must
from shiftproof.shifts.text.pinned import FromFunction
from shiftproof.shifts.text.rewrite import LabelRule, Site, each_word, others

MASK = "[MASK]"


@dataclass(frozen=True)
class MaskedWords(FromFunction):
    """Up to `edits` words replaced by those that a masked language model of the user's proposes for their places.

    Args:
        edits: how many at most, at least 1.
        by: FILE.py:NAME or package.module:NAME of a function `fill(texts, most)`: each text has one [MASK], and it returns for each a list
            of at most `most` words, the likeliest first. It must answer the same text the same way.
        most: proposals a word, at least 1.
        code: of the function; filled in.

    Whether the truth stays is for a person, or the guard, to say: a model also proposes opposites.

    Cost: one call of the function a text, with as many rows as it has words; remembered.

    Reference: Garg & Ramakrishnan 2020, "BAE: BERT-based adversarial examples for text classification" (its replacing operation).
    """

    name: ClassVar[str] = "masked_words"
    label: ClassVar[LabelRule] = "person"
    references: ClassVar[tuple[str, ...]] = ("garg2020bae",)

    most: int = 10

    @classmethod
    def examples_for_check(cls) -> list[MaskedWords]:
        """One whose model proposes two words everywhere."""
        return [cls(edits=2, by=f"{__name__}:always")]

    def check(self) -> None:
        self.require("most", least=1)
        super().check()

    def sites(self, text: str) -> Iterator[Site]:
        words = [*each_word(text)]
        if not words:
            return
        said: Any = self.function([f"{text[:start]}{MASK}{text[end:]}" for start, end, _ in words], self.most)
        rows = said if isinstance(said, list | tuple) else ()
        if len(rows) != len(words) or not all(isinstance(word, str) for row in rows for word in row):
            raise must("answer", f"the function '{self.by}'", f"be {len(words)} lists of words, one a text", repr(said)[:80])
        for (start, end, word), proposed in zip(words, rows, strict=True):
            yield Site(start, end, others(word, [*proposed][: self.most]))


def always(texts: list[str], most: int) -> list[list[str]]:
    """A model for checks, which proposes the same words in every place."""
    return [["thing", "something"][:most] for _ in texts]
