"""BAE with a masked language model and an encoder of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.searches.textfooler import TextFooler
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.on import edits_in
from shiftproof.shifts.text.words.masked_words import MaskedWords


@dataclass(frozen=True)
class Bae(TextFooler):
    """The replacing attack of BAE: `textfooler` over the words that a masked language model proposes, and at the paper's threshold.

    It searches `masked_words(by=FILE.py:NAME)` only, whose spec names the language model, as this one names the encoder.

    Args:
        queries: questions an example, at least 2; the models' beside it are not among them.
        order: the paper's.
        tries: choices of a place that are asked about, drawn by chance; 0 for all.
        similarity: FILE.py:NAME or package.module:NAME of the encoder: n texts to vectors of shape (n, d).
        least: the least cosine with the text as it was, in [-1, 1].
        code: of the encoder; filled in, and stands in the spec. Given, it must agree.

    Guarantees and cost: those of `textfooler`.

    Reference: Garg & Ramakrishnan 2020, "BAE: BERT-based adversarial examples for text classification" (BAE-R).
    """

    name: ClassVar[str] = "bae"
    references: ClassVar[tuple[str, ...]] = ("garg2020bae",)

    least: float = 0.936

    def unsupported(self, shift: Shift) -> str | None:
        if not isinstance(edits_in(shift), MaskedWords):
            return f"the paper takes the words that a masked language model proposes, and {shift.name} has others: use masked_words"
        return super().unsupported(shift)
