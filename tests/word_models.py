"""Models of texts whose answers are known: sums of the weights of their words, and the decisions of such a model alone."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch

from shiftproof.models.abstract import Labels, Scores


class WordSums(Scores):
    """Two classes by the sum of the words' weights, -scale and scale times it; `seen` counts the texts that it was asked about."""

    scale: ClassVar[float] = 1.0

    def __init__(self) -> None:
        self.seen = 0

    @abstractmethod
    def weight(self, word: str) -> float:
        """What a word adds."""

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    def fingerprint(self) -> str:
        return self.name

    def scores(self, x: Any) -> torch.Tensor:
        self.seen += len(x)
        total = self.scale * torch.tensor([sum(map(self.weight, text.split())) for text in x], dtype=torch.float64)
        return torch.stack([-total, total], dim=1)


class Decides(Labels):
    """The decisions of such a model only."""

    def __init__(self, by: WordSums) -> None:
        self._by = by

    @property
    def name(self) -> str:
        return "decides"

    def fingerprint(self) -> str:
        return "decides"

    def labels(self, x: Any) -> torch.Tensor:
        return self._by.scores(x).argmax(1)
