"""When a model's answer is wrong, and how right it is: the base class of judges, and what they say."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof._part import Part
from shiftproof.data.examples import Examples
from shiftproof.data.rows import Items
from shiftproof.losses import Loss, margin
from shiftproof.models.abstract import Access, Answers, Graded, Said
from shiftproof.models.turns import in_turns
from shiftproof.models.unanswered import Refusal

if TYPE_CHECKING:
    from shiftproof.judges.graded_share import CorrectedShare
    from shiftproof.models.answer_cache import AnswerCache

ValueColumn = Any
"""Values of shape (n,): a tensor, or an array of words."""
Units = Callable[[Tensor], Tensor]
R = TypeVar("R", bound="Reading")


@dataclass(frozen=True, eq=False)
class Answer:
    """The verdict on one move per example: whether the model is wrong, shape (n,)."""

    broken: Tensor
    _scores: Tensor | None = None
    _y: Tensor | None = None
    _margin: Tensor | None = None

    def __getitem__(self, rows: Tensor) -> Answer:
        """The answer for the examples at `rows` (indices or a mask)."""
        return Answer(self.broken[rows], *(None if part is None else part[rows] for part in (self._scores, self._y, self._margin)))

    @cached_property
    def margin(self) -> Tensor:
        """How wrong the model is, larger where it is worse, shape (n,).

        For classes the best other score minus the label's, positive where wrong, infinite where the scores are not finite. For judges of
        degree what they say. Else 1 or -1. Computed when asked for: a verdict does not need it.
        """
        if self._margin is not None:
            return self._margin
        if self._scores is None or self._y is None:
            return self.broken.to(torch.float32) * 2 - 1
        return margin(self._scores, self._y).where(self._scores.isfinite().all(1), self._scores.new_tensor(torch.inf))

    def value(self, loss: Loss) -> Tensor:
        """The loss of these scores, shape (n,); the margin, where a judge has one of its own."""
        if self._margin is not None:
            return self._margin
        scores, y = self._given()
        return loss(scores, y)

    @cached_property
    def rivals(self) -> Tensor:
        """The classes other than the label, those of largest score first, shape (n, classes - 1)."""
        scores, y = self._given()
        order = scores.argsort(dim=1, descending=True, stable=True)
        return order[order != y[:, None]].reshape(len(y), scores.shape[1] - 1)

    def unfinished(self) -> Answer:
        """The same answer with no example broken."""
        known = self._margin if self._scores is not None else self.margin
        return Answer(torch.zeros_like(self.broken), self._scores, self._y, known)

    def spread(self, came: Tensor) -> Answer:
        """The answer for n examples from that for those at `came`, shape (n,): the others are broken, so that a search leaves them."""
        broken = torch.ones(len(came), dtype=torch.bool, device=came.device)
        margin = torch.full((len(came),), torch.inf, dtype=torch.float64, device=came.device)
        broken[came], margin[came] = self.broken.to(came.device), self.margin.to(margin)
        return Answer(broken, _margin=margin)

    def _given(self) -> tuple[Tensor, Tensor]:
        if self._scores is None or self._y is None:
            raise TypeError("A search asked for scores without declaring needs = Scores or Gradients.")
        return self._scores, self._y


@dataclass(frozen=True, eq=False)
class Reading:
    """What the model answers to inputs, with the verdict; all of n rows.

    Args:
        prediction: classes or numbers as a tensor, or what it said as an array of words; shape (n,).
        broken: whether it is wrong.
        loss: how wrong: the cross-entropy in nats for scores of classes, else what a search climbs.
        probability: of the truth, NaN where the model gives none.
        confidence: the largest probability, NaN likewise.
        finite: whether the answer is one of finite numbers.
        score: how right, in [0, 1]; None for judges whose score is 1 where right and 0 where wrong.
        said: the class scores, shape (n, classes); None where the model gives none, or they are not stored.
        unreadable: which answers decline, or have nothing in them that can be judged: wrong, and counted apart. None where none can.
        missing: to which inputs no answer came; these are broken here, and NaN otherwise. None where all were answered.
    """

    prediction: ValueColumn
    broken: Tensor
    loss: Tensor
    probability: Tensor
    confidence: Tensor
    finite: Tensor
    score: Tensor | None = None
    said: Tensor | None = None
    unreadable: Tensor | None = None
    missing: Tensor | None = None

    def __getitem__(self: R, rows: slice | Tensor) -> R:
        """The answers to some of the inputs."""
        return self._each(
            lambda values: values[rows.cpu().numpy() if isinstance(rows, Tensor) and isinstance(values, np.ndarray) else rows]
        )

    def to(self: R, device: torch.device) -> R:
        """The same on a device."""
        return self._each(lambda values: values.to(device) if isinstance(values, Tensor) else values)

    def _each(self: R, change: Callable[[Any], Any]) -> R:
        return replace(self, **{name: change(values) for name, values in vars(self).items() if values is not None})

    @property
    def unanswered(self) -> Tensor:
        """To which inputs no answer came, shape (n,)."""
        return torch.zeros_like(self.broken) if self.missing is None else self.missing

    def spread(self: R, came: Tensor) -> R:
        """The answers to n inputs from those to the inputs at `came`, shape (n,), in whose place there is none for the others."""
        whole = self._each(lambda values: _spread(values, came))
        return replace(whole, broken=whole.broken | ~came, finite=whole.finite | ~came, missing=~came)

    @classmethod
    def join(cls, parts: Sequence[Reading]) -> Reading:
        """One reading from those of disjoint parts, in their order."""
        columns: dict[str, Any] = {}
        if any(part.missing is not None for part in parts):
            parts = [replace(part, missing=part.unanswered) for part in parts]
        for name in vars(parts[0]):
            values = [getattr(part, name) for part in parts]
            if any(value is None for value in values):
                columns[name] = None
            else:
                columns[name] = np.concatenate(values) if isinstance(values[0], np.ndarray) else torch.cat(values)
        return cls(**columns)


def _spread(values: Any, came: Tensor) -> Any:
    """The values at `came`, and NaN, -1, False or no text elsewhere."""
    if isinstance(values, np.ndarray):
        words = np.full(len(came), "", dtype=object)
        words[came.cpu().numpy()] = values
        return words
    empty = torch.nan if values.is_floating_point() else False if values.dtype is torch.bool else -1
    whole = torch.full((len(came), *values.shape[1:]), empty, dtype=values.dtype, device=values.device)
    whole[came.to(values.device)] = values
    return whole


def as_given(scores: Tensor) -> Tensor:
    """The scores in their own units."""
    return scores


@dataclass(frozen=True)
class Judge(Part):
    """A way to say when an answer is wrong, and how right it is, in [0, 1]. A new one writes `score`."""

    said: ClassVar[Said] = "texts"
    """What it reads of a model."""
    measure: ClassVar[str]
    """The name of the mean score, in results and conditions, in snake_case: `robust_` and `certified_` stand before it."""
    word: ClassVar[str]
    """The mean score in a sentence, a noun without an article: "mean F1"."""
    graded: ClassVar[bool] = False
    """Whether the score has values between 0 and 1, so that its mean is not the share that is right."""
    climbs: ClassVar[bool] = False
    """Whether `margin` tells more than right from wrong."""
    asks: ClassVar[bool] = False
    """Whether it asks another model, which may err: replies are stored by `remembering`, and estimates corrected by `corrected`."""

    def gives(self, model: Answers) -> Access:
        """What a search may see of this model through this judge."""
        return Graded if self.climbs else Answers

    def truth(self, examples: Examples) -> Any:
        """The truth as it is judged by: rows, one an example; by default the accepted answers of each as a tuple of texts.

        Labels that have names stand for these names.

        Raises:
            UsageError: the data have no such truth.
        """
        y = examples.y
        if isinstance(y, Tensor) and examples.class_names and not y.is_floating_point():
            y = Items((examples.class_names[int(code)],) for code in y)
        if not isinstance(y, Items):
            raise UsageError(f"The judge {self.name} compares texts, and the truth of these data is numbers. Judge them with within(...).")
        return y

    def remembering(self, cache: AnswerCache) -> Judge:
        """The judge with what it is told by another model stored there: itself, unless it asks one."""
        del cache
        return self

    def corrected(self, score: Any, confidence: float) -> CorrectedShare | None:
        """The share that is right, from verdicts of shape (n,) of a judge that errs; None for one that does not."""
        del score, confidence
        return None

    @abstractmethod
    def score(self, said: Any, y: Any) -> Tensor:
        """How right each answer is, in [0, 1], shape (n,), float64. Pure."""

    def wrong(self, score: Tensor) -> Tensor:
        """Which scores are failures, shape (n,)."""
        return score < 1

    def margin(self, said: Any, y: Any) -> Tensor:
        """What a search climbs, shape (n,), larger where the answer is worse."""
        return 1 - self.graded_score(said, y)

    def ask(self, model: Answers, x: Any) -> Any:
        """What it reads of the model at these inputs. Cost: one forward each, and one more where its own answer stands in a chat."""
        return in_turns(model, x)

    def unreadable(self, said: Any) -> Tensor:
        """Which answers decline, or have nothing in them that can be judged, shape (n,): they are wrong, and counted apart."""
        return torch.tensor([isinstance(one, Refusal) for one in said], dtype=torch.bool)

    def graded_score(self, said: Any, y: Any) -> Tensor:
        """The score, 0 for answers that cannot be read."""
        score = self.score(said, y)
        return score.masked_fill(self.unreadable(said).to(score.device), 0.0)

    def verdict(self, said: Sequence[Any], y: Any, goal: Tensor | None = None, units: Units = as_given) -> Answer:
        """The verdict on several draws of answers to the same inputs: wrong where their mean score is."""
        score = torch.stack([self.graded_score(one, y) for one in said]).mean(0)
        if not self.climbs:
            return Answer(self.wrong(score))
        return Answer(self.wrong(score), _margin=torch.stack([self.margin(one, y) for one in said]).mean(0))

    def climbed(self, loss: Loss, goal: Tensor | None = None) -> Loss:
        """What a gradient search climbs that asks for this loss of classes."""
        return lambda said, y: self.margin(said, y)

    def reading(self, said: Sequence[Any], y: Any) -> Reading:
        """The verdict on several draws of answers to the same inputs, with what a record holds."""
        if not len(y):
            none = torch.zeros(0, dtype=torch.float64)
            return Reading(self.shown(y), none > 0, none, none, none, none == 0, none if self.graded else None, unreadable=none > 0)
        score = torch.stack([self.graded_score(one, y) for one in said]).mean(0)
        loss = torch.stack([self.margin(one, y) for one in said]).mean(0)
        unknown = torch.full((len(y),), torch.nan, dtype=torch.float64)
        finite = torch.ones(len(y), dtype=torch.bool)
        unreadable = torch.stack([self.unreadable(one) for one in said]).any(0)
        graded = score if self.graded else None
        return Reading(self.shown(said[0]), self.wrong(score), loss, unknown, unknown, finite, graded, unreadable=unreadable)

    def shown(self, said: Any) -> ValueColumn:
        """What a record holds of each answer: words, or numbers of shape (n,)."""
        return np.array([str(one) for one in said], dtype=object)

    def steady(self, first: Any, again: Any) -> bool:
        """Whether two answers to the same inputs are the same."""
        return [*first] == [*again]
