"""Defences of text models that answer with a mean over several writings of a text."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from shiftproof.data.rows import Items
from shiftproof.data.space import Kind
from shiftproof.defences.abstract import Defence, Gradient
from shiftproof.defences.context import DefenceContext
from shiftproof.models.decision import FLOOR


class Writing(NamedTuple):
    """One writing of a text, and its share in the mean."""

    text: str
    weight: float


@dataclass(frozen=True)
class TextMixture(Defence):
    """The mean class probabilities over writings of a text, which depend on the text and the options alone.

    The answer to a text is the same in every call, batch and order, so every search attacks the defended model itself.
    """

    family: ClassVar[str] = "rewriting"
    gradient: ClassVar[Gradient] = Gradient.NONE
    kinds: ClassVar[frozenset[Kind]] = frozenset({"text"})

    @property
    def adaptive(self) -> str:
        return "searches ask the defended model, every writing included"

    @abstractmethod
    def writings(self, text: str) -> list[Writing]:
        """What the model is asked in place of, or beside, a text: weights of at least 0 that sum to at most 1."""

    def answer(self, behind: DefenceContext, x: Any, rng: Any) -> Tensor:
        del rng
        return as_scores(weighted(behind, [self.writings(str(text)) for text in x]))


def weighted(behind: DefenceContext, writings: Sequence[Sequence[Writing]]) -> Tensor:
    """For each text the sum of its writings' class probabilities, each times its weight, shape (n, classes)."""
    flat = [writing for mine in writings for writing in mine]
    said = behind.scores(Items(writing.text for writing in flat)).double().softmax(1)  # type: ignore[arg-type]  # texts are rows too
    rows = torch.tensor([row for row, mine in enumerate(writings) for _ in mine], dtype=torch.int64, device=said.device)
    weights = torch.tensor([writing.weight for writing in flat], dtype=torch.float64, device=said.device)
    return said.new_zeros((len(writings), said.shape[1])).index_add_(0, rows, said * weights[:, None])


def as_scores(probabilities: Tensor) -> Tensor:
    """Logarithms of probabilities, none below that of 1e-30."""
    return probabilities.clamp_min(FLOOR).log()
