"""How answers that are texts are compared."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from shiftproof._errors import must

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)


def normal(text: str) -> str:
    """A text as SQuAD's evaluation compares it: lower case, without ASCII punctuation and English articles, single spaces.

    >>> normal("The  U.S. Army's  answer")
    'us armys answer'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def scores(said: Any, y: Any, one: Callable[[str, str], float]) -> Tensor:
    """The best score of each answer over the accepted texts, shape (n,), float64."""
    best: list[float] = []
    for answer, accepted in zip(said, y, strict=True):
        if not isinstance(answer, str):
            raise must("answers", "the model", "be texts under this judge", type(answer).__name__)
        best.append(max(one(answer, text) for text in accepted))
    return torch.tensor(best, dtype=torch.float64)
