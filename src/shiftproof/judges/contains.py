"""Whether an accepted answer stands somewhere in what the model says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from shiftproof.judges._texts import normal, scores
from shiftproof.judges.abstract import Judge


@dataclass(frozen=True)
class Contains(Judge):
    """Right where the words of an accepted answer follow one another in the answer, both normalised as for `exact_match`.

    Whole words only: "cat" is not in "concatenate". It overrates models that list every possibility.

    Example:
        >>> Contains().score(["It is the black cat.", "concatenate"], [("black cat",), ("cat",)]).tolist()
        [1.0, 0.0]
    """

    name: ClassVar[str] = "contains"
    measure: ClassVar[str] = "contains"
    word: ClassVar[str] = "share that contains an accepted answer"

    def score(self, said: Any, y: Any) -> Tensor:
        return scores(said, y, lambda answer, accepted: float(f" {normal(accepted)} " in f" {normal(answer)} "))
