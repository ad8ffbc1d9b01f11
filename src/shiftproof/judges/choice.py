"""Whether the right option was chosen: questions with several answers to choose from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.judges._texts import scores
from shiftproof.judges.abstract import Judge
from shiftproof.models.replies import TextReply

BY_TEXT, BY_LIKELIHOOD = "text", "logprobs"


@dataclass(frozen=True)
class Choice(Judge):
    """Right where the last letter of choice that stands alone in the answer is the accepted one: "B", "(b)", "The answer is B.".

    Args:
        letters: those to choose from.
        words: words to choose from in place of letters, split at "|": the last one in the answer is chosen, whatever its case. A prompt
            with options sets them.
        read: "text", or "logprobs" for the option whose first token is likeliest by what the language model says of it. An answer without
            likelihoods, or with none for any option, cannot be read.

    An answer that chooses none cannot be read: it is wrong, and counted apart. A letter is read in capitals anywhere, and in lower case
    where the answer is that letter alone or it stands in brackets or before one, as English has a word "a".

    Example:
        >>> Choice().score(["The answer is B.", "(c)", "A or B"], [("B",), ("C",), ("A",)]).tolist()
        [1.0, 1.0, 0.0]
        >>> Choice(words="bad|good").score(["Not bad, good.", "GOOD"], [("bad",), ("good",)]).tolist()
        [0.0, 1.0]
    """

    name: ClassVar[str] = "choice"
    measure: ClassVar[str] = "right_choice"
    word: ClassVar[str] = "share of right choices"

    letters: str = "ABCD"
    words: str = ""
    read: str = BY_TEXT

    @classmethod
    def examples_for_check(cls) -> list[Choice]:
        """One of letters and one of words."""
        return [cls(), cls(words="yes|no")]

    def check(self) -> None:
        distinct = len(set(self.letters)) == len(self.letters)
        if len(self.letters) < 2 or not distinct or not self.letters.isalpha() or not self.letters.isupper():
            raise must("letters", self.name, "be two or more different capital letters", self.letters)
        if self.words and (len(set(self.choices)) < max(2, len(self.choices)) or not all(self.choices)):
            raise must("words", self.name, 'be two or more different words, split at "|"', self.words)
        if self.read not in (BY_TEXT, BY_LIKELIHOOD):
            raise must("read", self.name, f"be {BY_TEXT} or {BY_LIKELIHOOD}", self.read)

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """What may be chosen."""
        return tuple(option.strip() for option in self.words.split("|")) if self.words else tuple(self.letters)

    def truth(self, examples: Examples) -> Any:
        y = super().truth(examples)
        for name, accepted in zip(examples.ids, y, strict=True):
            if not set(accepted) <= set(self.choices):
                raise must("answer", f"the example '{name}'", f"be one of {', '.join(self.choices)}", ", ".join(accepted))
        return y

    def unreadable(self, said: Any) -> Tensor:
        return super().unreadable(said) | torch.tensor([not self.chosen(one) for one in said], dtype=torch.bool)

    def score(self, said: Any, y: Any) -> Tensor:
        return scores(said, y, lambda answer, accepted: float(self.chosen(answer) == accepted))

    def chosen(self, answer: str) -> str:
        """The option that an answer chooses; empty where it chooses none.

        >>> Choice().chosen("a good question"), Choice().chosen("a)")
        ('', 'A')
        """
        if self.read == BY_LIKELIHOOD:
            likely = option_likelihoods(answer.top, self.choices) if isinstance(answer, TextReply) else [-math.inf]
            return self.choices[likely.index(max(likely))] if max(likely) > -math.inf else ""
        if self.words:
            either = "|".join(re.escape(option) for option in sorted(self.choices, key=len, reverse=True))
            said = re.findall(rf"(?<!\w)(?:{either})(?!\w)", answer, re.IGNORECASE)
            return next(option for option in self.choices if option.lower() == said[-1].lower()) if said else ""
        either = f"{self.letters}{self.letters.lower()}"
        capital, marked = rf"\b[{self.letters}]\b", rf"\(?\b[{either}]\)|^\W*[{either}]\W*$"
        found = re.findall(rf"{marked}|{capital}", answer)
        return next(letter for letter in found[-1].upper() if letter in self.letters) if found else ""


def option_likelihoods(top: Mapping[str, float], options: Sequence[str]) -> list[float]:
    """The log-probability of each option by the first token, -inf where no token begins it.

    A token belongs to the one option that begins with it, whatever its case and the spaces around it; one that begins several to none.

    >>> option_likelihoods({" pos": -0.5, "Neg": -1.0, "the": -3.0}, ("negative", "positive"))
    [-1.0, -0.5]
    """
    found: list[list[float]] = [[] for _ in options]
    for token, value in top.items():
        begun = [place for place, option in enumerate(options) if token.strip() and option.lower().startswith(token.strip().lower())]
        if len(begun) == 1:
            found[begun[0]].append(value)
    return [float(torch.logsumexp(torch.tensor(values, dtype=torch.float64), 0)) if values else -math.inf for values in found]
