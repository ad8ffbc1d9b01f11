"""What a model provides is its type: `Answers` < `Graded` < `Scores` < `Gradients`, and `Labels` above `Answers`.

A search names the least it needs, and a model is an instance of what it provides. So an unsuitable pair is refused by a type check, before
anything runs. Budgets are in input units: normalisation belongs inside the model.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from shiftproof._errors import must
from shiftproof._identity.fingerprinted import Fingerprint, Fingerprinted
from shiftproof.models.query_count import count_sent_unless_inside

if TYPE_CHECKING:
    import torch


Said = Literal["classes", "numbers", "texts"]
"""What a judge reads of a model: class scores or decisions, numbers of shape (n, ...), or texts."""


def _on_copies(method: Callable[[Any, torch.Tensor], torch.Tensor]) -> Callable[[Any, torch.Tensor], torch.Tensor]:
    """The method on a copy of its inputs, its answer a copy too, and its rows counted."""

    @functools.wraps(method)
    def ask(self: Labels, x: torch.Tensor) -> torch.Tensor:
        from torch import Tensor

        with count_sent_unless_inside(self.name, len(x)):
            answer: object = method(self, x.clone() if isinstance(x, Tensor) else x)
        if not isinstance(answer, Tensor):
            raise must("answer", f"the model '{self.name}'", "be a tensor", type(answer).__name__)
        return answer.clone()

    return ask


def _counted(method: Callable[[Any, Any], Iterator[tuple[int, Any]]]) -> Callable[[Any, Any], Iterator[tuple[int, Any]]]:
    """The method with its rows counted."""

    @functools.wraps(method)
    def each(self: Answers, x: Any) -> Iterator[tuple[int, Any]]:
        with count_sent_unless_inside(self.name, len(x)):
            yield from method(self, x)

    return each


def _as_rows(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The method on a copy of its inputs, its answer as rows, one an input, and its rows counted."""

    @functools.wraps(method)
    def ask(self: Answers, x: Any) -> Any:
        from torch import Tensor

        from shiftproof.data.rows import rows_of
        from shiftproof.models.unanswered import read_present

        with count_sent_unless_inside(self.name, len(x)):
            given = method(self, x.clone() if isinstance(x, Tensor) else x)
        if len(given) != len(x):
            raise must("answers", f"the model '{self.name}'", f"be one per input ({len(x)})", len(given))
        said = read_present(given, len(x), f"model '{self.name}'", lambda answers, _: rows_of(answers))
        return said.clone() if isinstance(said, Tensor) else said

    return ask


class Answers(Fingerprinted):
    """A model that provides answers of any kind, such as texts or numbers; a judge decides what they are worth. One method: `answers`.

    `answers`, `labels` and `scores` of every subclass receive a copy of tensors of inputs, and tensors that they answer with are copied:
    code may write into its inputs, and return the same tensor every time. Their rows are counted, unless another model inside has counted
    them. A subclass that does both by itself is declared with `copies=True`.
    """

    def __init_subclass__(cls, *, copies: bool = False, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        checks: dict[str, Callable[[Any], Any]] = {"answers": _as_rows, "labels": _on_copies, "scores": _on_copies, "each": _counted}
        for method, checked in () if copies else checks.items():
            written = vars(cls).get(method)
            if written is not None and not getattr(written, "__isabstractmethod__", False):
                setattr(cls, method, checked(written))

    keeps_answers: ClassVar[bool] = False
    """Whether an audit stores its answers on disk, as they cost money or hours: each input is then asked about once."""

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

    @property
    def failure(self) -> str:
        """Why an input stayed without an answer last, as a sentence; empty where nothing is known."""
        return ""

    def each(self, x: Any) -> Iterator[tuple[int, Any]]:
        """The place of each of n inputs with its answer, None where none came, in any order: so that answers can be stored as they come."""
        from shiftproof.models.unanswered import Unanswered

        try:
            yield from enumerate(self.answers(x))
        except Unanswered as missing:
            said = iter(() if missing.said is None else missing.said)
            yield from ((place, next(said) if came else None) for place, came in enumerate(missing.came.tolist()))

    @abstractmethod
    def answers(self, x: Any) -> Any:
        """One answer for each of n inputs: rows, or a list. None stands for an answer that did not come (a time-out, after all tries)."""


class Graded(Answers, copies=True):
    """What a search sees of a model whose answers a judge gives a degree: a number to climb beside the verdict."""


class Labels(Answers, copies=True):
    """A model that gives only its decision."""

    def answers(self, x: Any) -> torch.Tensor:
        return self.labels(x)

    @abstractmethod
    def labels(self, x: torch.Tensor) -> torch.Tensor:
        """Predicted classes, shape (n,), int64, for inputs of shape (n, ...)."""


class Scores(Labels, Graded, copies=True):
    """A model that provides one score per class, or under another judge than `classify` other numbers."""

    def answers(self, x: Any) -> torch.Tensor:
        return self.scores(x)

    @abstractmethod
    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """Unnormalised log-probabilities (logits), shape (n, classes), floating."""

    def labels(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores(x).argmax(1)


class FixedIdentity(Answers, copies=True):
    """A model whose name, identity and notes are fixed when it is made."""

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


class WrappedModel(FixedIdentity, Labels, copies=True):
    """A model of classes that is settled when it is made: what wrappers of foreign models inherit beside `Scores`."""


class Gradients(Scores):
    """A model whose `scores` torch can differentiate with respect to x."""


Access = type[Answers]


def access_name(access: Access) -> str:
    """What a model provides or a search needs, as a word: answers, labels, scores (of classes, or of a judge of degree) or gradients."""
    kind = next(kind for kind in (Gradients, Graded, Labels, Answers) if issubclass(access, kind))
    return "scores" if kind is Graded else kind.__name__.lower()
