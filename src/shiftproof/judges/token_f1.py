"""How many words of the truth an answer has, and how few others: the F1 of extractive question answering."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from shiftproof.judges._texts import normal, scores
from shiftproof.judges.abstract import Judge


@dataclass(frozen=True)
class TokenF1(Judge):
    """The largest F1 of words over the accepted answers, all normalised as SQuAD does; an answer is wrong below `least`.

    Args:
        least: the F1 from which on an answer counts as right, in (0, 1].

    F1 = 2 * shared / (words said + words accepted), with multiplicity; 1 where both have no word, 0 where one has none.

    Example:
        >>> TokenF1().score(["the black cat", "a dog"], [("black cat",), ("black cat",)]).tolist()
        [1.0, 0.0]

    Reference: Rajpurkar et al. 2016, "SQuAD: 100,000+ questions for machine comprehension of text".
    """

    name: ClassVar[str] = "token_f1"
    measure: ClassVar[str] = "f1"
    word: ClassVar[str] = "mean F1"
    graded: ClassVar[bool] = True
    climbs: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("rajpurkar2016squad",)

    least: float = 0.5

    def check(self) -> None:
        self.require("least", within="(0, 1]")

    def score(self, said: Any, y: Any) -> Tensor:
        return scores(said, y, f1)

    def wrong(self, score: Tensor) -> Tensor:
        return score < self.least


def f1(answer: str, accepted: str) -> float:
    """The F1 of the words of two texts.

    >>> f1("a black cat", "the cat")
    0.6666666666666666
    """
    said, wanted = normal(answer).split(), normal(accepted).split()
    if not said or not wanted:
        return float(said == wanted)
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted))
