"""What a model provides is its type: `Labels` < `Scores` < `Gradients`.

A search names the least it needs, and a model is an instance of what it provides. So an unsuitable pair is refused by a type check, before
anything runs. Budgets are in input units: normalisation belongs inside the model.
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
    """A model that provides only its decision.

    `labels` and `scores` of every subclass receive a copy of the inputs, and their answer is copied: code may write into its inputs, and
    return the same tensor every time. Their rows are counted, unless another model inside has counted them. A subclass that does both by
    itself is declared with `copies=True`.
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
        """Its name in reports."""

    @property
    def device(self) -> torch.device:
        """The device of its inputs; moves are computed there too."""
        import torch

        return torch.device("cpu")

    @property
    def notes(self) -> tuple[str, ...]:
        """Decisions made automatically, shown in the report ("the columns 'sex', 'race' are left out")."""
        return ()

    @abstractmethod
    def labels(self, x: torch.Tensor) -> torch.Tensor:
        """Predicted classes, shape (n,), int64, for inputs of shape (n, ...)."""


class Scores(Labels, copies=True):
    """A model that provides one score per class."""

    @abstractmethod
    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """Unnormalised log-probabilities (logits), shape (n, classes), floating."""

    def labels(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores(x).argmax(1)


class WrappedModel(Labels):
    """A model whose name, identity and notes are fixed when it is made; wrappers of a user's model inherit it beside `Scores`."""

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
    """What a model provides or a search needs, as a word: labels, scores or gradients."""
    kind = Gradients if issubclass(access, Gradients) else Scores if issubclass(access, Scores) else Labels
    return kind.__name__.lower()
