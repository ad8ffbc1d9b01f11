"""TextFooler with an encoder of the user's: words in the order of their importance, replaced only while the text stays similar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.searches.edit_candidates import Round
from shiftproof.searches.word_importance import WordImportance
from shiftproof.shifts.edits import Edit
from shiftproof.shifts.text.pinned import identity_of, loaded


@dataclass(frozen=True)
class TextFooler(WordImportance):
    """Words ranked by leaving them out; of the choices of a word whose text is similar enough, the first that breaks, most similar first.

    Where none breaks, the one that makes the model most wrong is kept, as in the paper.

    Args:
        queries: questions an example, at least 2; the encoder's are not among them.
        order: the paper's.
        tries: choices of a place that are asked about, drawn by chance; 0 for all.
        similarity: FILE.py:NAME or package.module:NAME of the encoder: n texts to vectors of shape (n, d).
        least: the least cosine with the text as it was, in [-1, 1].
        code: of the encoder; filled in, and stands in the spec. Given, it must agree.

    Numbers under it carry the encoder's name, since the paper's own constraint is another one: the Universal Sentence Encoder on a window
    of words, with parts of speech that agree.

    Guarantees:
        It finds failures and proves nothing. The cosine is no guard of meaning: the page shows what the guard says of each failure.
    Cost: up to `queries` forwards per example, and the encoder's.

    Reference: Jin et al. 2020, "Is BERT really robust? A strong baseline for natural language attack on text classification and
    entailment".
    """

    name: ClassVar[str] = "textfooler"
    references: ClassVar[tuple[str, ...]] = ("jin2020bert",)

    order: str = "dropped"
    similarity: str = ""
    least: float = 0.84
    code: str = ""

    @classmethod
    def examples_for_check(cls) -> list[WordImportance]:
        """One with an encoder that counts letters."""
        return [cls(queries=80, similarity=f"{__name__}:letter_counts", least=0.5)]

    def check(self) -> None:
        super().check()
        self.require("least", within="[-1, 1]")
        if not self.similarity:
            hint = "The paper's encoder cannot be had offline: name the function of yours that stands for it."
            raise must("similarity", self.name, "be FILE.py:NAME or package.module:NAME", self.similarity, hint)
        if not callable(loaded(self.similarity)):
            raise must("similarity", self.name, "name a function", self.similarity)
        self.pin("code", identity_of(self.similarity), f"'{self.similarity}' as it is")

    def candidates(self, run: Round, row: int, have: list[Edit], place: int, chance: list[float]) -> Iterator[list[Edit]]:
        moves = [*super().candidates(run, row, have, place, chance)]
        one = run.rows[row]
        vectors = self.vectors([str(one), *(str(run.edits.edited(one, sorted(move))) for move in moves)])
        likeness = vectors[1:] @ vectors[0]
        order = np.argsort(-likeness, kind="stable").tolist()
        return iter([moves[at] for at in order if likeness[at] >= self.least])

    def vectors(self, texts: list[str]) -> npt.NDArray[np.float64]:
        """The encoder's vectors, scaled to length 1, shape (n, d); one that was edited since is refused."""
        self.pin("code", identity_of(self.similarity), f"'{self.similarity}' as it is")
        said: Any = loaded(self.similarity)(texts)
        vectors = np.asarray(said, dtype=np.float64)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise must("answer", f"the encoder '{self.similarity}'", f"have shape ({len(texts)}, d)", vectors.shape)
        scaled: npt.NDArray[np.float64] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return scaled


def letter_counts(texts: list[str]) -> list[list[int]]:
    """An encoder for checks: how often each letter stands in a text."""
    return [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]
