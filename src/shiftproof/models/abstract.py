"""What a model gives is a type: `Labels` < `Scores` < `Gradients`.

A search names the least it needs; a model is an instance of what it gives. Refusal is then a type check before anything runs. Budgets are
in input units, so normalisation belongs inside the model.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shiftproof._errors import must
from shiftproof._identity.fingerprinted import Fingerprint, Fingerprinted
from shiftproof.models.query_count import count_sent_unless_inside

if TYPE_CHECKING:
    import torch


class Labels(Fingerprinted):
    """A model that gives only its decision.

    `labels` and `scores` of every subclass are handed a copy of the inputs, and what they answer is copied: code may write into its inputs,
    and give the same tensor again and again. Their rows are counted where they reach no other model inside. A subclass that sees to both
    by itself says `copies=True`.
    """

    def __init_subclass__(cls, *, copies: bool = False, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        for method in () if copies else ("labels", "scores"):
            written = vars(cls).get(method)
            if written is not None and not getattr(written, "__isabstractmethod__", False):
                setattr(cls, method, _on_copies(written))

    @property
    @abstractmethod
    def name(self) -> str:
        """What people call it in a report."""

    @property
    def device(self) -> torch.device:
        """Where it wants its inputs; moves are made there too."""
        import torch

        return torch.device("cpu")

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided for the user and must be said ("the columns 'sex', 'race' are left out")."""
        return ()

    @abstractmethod
    def labels(self, x: torch.Tensor) -> torch.Tensor:
        """Predicted classes, shape (n,), int64, for inputs of shape (n, ...)."""


class Scores(Labels, copies=True):
    """A model that gives one score per class."""

    @abstractmethod
    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """Unnormalised log-probabilities (logits), shape (n, classes), floating."""

    def labels(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores(x).argmax(1)


class WrappedModel(Labels):
    """A model whose name, identity and notes are settled when it is made: what wrappers of foreign models inherit beside `Scores`."""

    def __init__(self, *, name: str, fingerprint: str | Fingerprint, notes: tuple[str, ...] = ()) -> None:
        self._name, self._notes = name, notes
        self._identity = Fingerprint(fingerprint) if isinstance(fingerprint, str) else fingerprint

    @property
    def name(self) -> str:
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    def fingerprint(self) -> str:
        return self._identity.text

    def identity(self) -> Fingerprint:
        return self._identity


class Gradients(Scores):
    """A model whose `scores` torch can differentiate with respect to x."""


def _on_copies(method: Callable[[Any, torch.Tensor], torch.Tensor]) -> Callable[[Any, torch.Tensor], torch.Tensor]:
    """The method on a copy of its inputs, its answer a copy too, and its rows counted."""

    @functools.wraps(method)
    def ask(self: Labels, x: torch.Tensor) -> torch.Tensor:
        from torch import Tensor

        with count_sent_unless_inside(self.name, len(x)):
            answer: object = method(self, x.clone())
        if not isinstance(answer, Tensor):
            raise must("answer", f"the model '{self.name}'", "be a tensor", type(answer).__name__)
        return answer.clone()

    return ask


Access = type[Labels]


def access_name(access: Access) -> str:
    """The word for what a model gives or a search needs: labels, scores or gradients."""
    kind = Gradients if issubclass(access, Gradients) else Scores if issubclass(access, Scores) else Labels
    return kind.__name__.lower()
