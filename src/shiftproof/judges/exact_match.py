"""Whether the answer is one that is accepted, word for word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from shiftproof.judges._texts import normal, scores
from shiftproof.judges.abstract import Judge


@dataclass(frozen=True)
class ExactMatch(Judge):
    """Right where the answer equals an accepted one after both are normalised as SQuAD does: lower case, no punctuation, no articles.

    Example:
        >>> ExactMatch().score(["The cat!", "a dog"], [("cat",), ("cat", "mouse")]).tolist()
        [1.0, 0.0]

    Reference: Rajpurkar et al. 2016, "SQuAD: 100,000+ questions for machine comprehension of text".
    """

    name: ClassVar[str] = "exact_match"
    aliases: ClassVar[tuple[str, ...]] = ("em",)
    measure: ClassVar[str] = "exact_match"
    word: ClassVar[str] = "share of exact matches"
    references: ClassVar[tuple[str, ...]] = ("rajpurkar2016squad",)

    def score(self, said: Any, y: Any) -> Tensor:
        return scores(said, y, lambda answer, accepted: float(normal(answer) == normal(accepted)))
