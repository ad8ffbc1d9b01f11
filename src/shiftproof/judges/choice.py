"""Whether the right letter was chosen: questions with several answers to choose from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.judges._texts import scores
from shiftproof.judges.abstract import Judge


@dataclass(frozen=True)
class Choice(Judge):
    """Right where the last letter of choice that stands alone in the answer is the accepted one: "B", "(b)", "The answer is B.".

    Args:
        letters: those to choose from.

    An answer without any of them cannot be read: it is wrong, and counted apart.
    A letter is read in capitals anywhere, and in lower case where the answer is that letter alone
    or it stands in brackets or before one, as English has a word "a".

    Example:
        >>> Choice().score(["The answer is B.", "(c)", "A or B"], [("B",), ("C",), ("A",)]).tolist()
        [1.0, 1.0, 0.0]
    """

    name: ClassVar[str] = "choice"
    measure: ClassVar[str] = "right_choice"
    word: ClassVar[str] = "share of right choices"

    letters: str = "ABCD"

    def check(self) -> None:
        distinct = len(set(self.letters)) == len(self.letters)
        if len(self.letters) < 2 or not distinct or not self.letters.isalpha() or not self.letters.isupper():
            raise must("letters", self.name, "be two or more different capital letters", self.letters)

    def truth(self, examples: Examples) -> Any:
        y = super().truth(examples)
        for name, accepted in zip(examples.ids, y, strict=True):
            if not set(accepted) <= set(self.letters):
                raise must("answer", f"the example '{name}'", f"be one of {', '.join(self.letters)}", ", ".join(accepted))
        return y

    def unreadable(self, said: Any) -> Tensor:
        return super().unreadable(said) | torch.tensor([not self.chosen(one) for one in said], dtype=torch.bool)

    def score(self, said: Any, y: Any) -> Tensor:
        return scores(said, y, lambda answer, accepted: float(self.chosen(answer) == accepted))

    def chosen(self, answer: str) -> str:
        """The letter that an answer chooses; empty where it chooses none.

        >>> Choice().chosen("a good question"), Choice().chosen("a)")
        ('', 'A')
        """
        either = f"{self.letters}{self.letters.lower()}"
        capital, marked = rf"\b[{self.letters}]\b", rf"\(?\b[{either}]\)|^\W*[{either}]\W*$"
        found = re.findall(rf"{marked}|{capital}", answer)
        return next(letter for letter in found[-1].upper() if letter in self.letters) if found else ""
