"""Whether the class is right: the model's decision against the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.judges.abstract import Answer, Judge, Reading, Units, as_given
from shiftproof.losses import Loss
from shiftproof.models.abstract import Access, Answers, Labels, Said, Scores


@dataclass(frozen=True)
class Classify(Judge):
    """Wrong where the decision is another class than the label; the score is 1 or 0.

    The decision is that of the largest score, or the model's own. Scores that are not finite are wrong. Of several draws it is that of the
    mean probabilities, or the majority of decisions.

    Example:
        >>> Classify().score(torch.tensor([[0.2, 0.8], [0.9, 0.1]]), torch.tensor([1, 1])).tolist()
        [1.0, 0.0]
    """

    name: ClassVar[str] = "classify"
    said: ClassVar[Said] = "classes"
    measure: ClassVar[str] = "accuracy"
    word: ClassVar[str] = "accuracy"

    def gives(self, model: Answers) -> Access:
        return type(model)

    def truth(self, examples: Examples) -> Tensor:
        if not isinstance(examples.y, Tensor) or examples.y.is_floating_point():
            what = "numbers" if isinstance(examples.y, Tensor) else "texts"
            judges = "within(absolute=...)" if what == "numbers" else "exact_match, contains or token_f1"
            raise UsageError(f"The judge classify compares classes, and the truth of these data is {what}. Name another judge: {judges}.")
        return examples.y

    def score(self, said: Any, y: Any) -> Tensor:
        return (~self._wrong(said, y)).double()

    def _wrong(self, said: Tensor, y: Tensor) -> Tensor:
        return said != y if said.dim() == 1 else of_scores(said, y).broken

    def ask(self, model: Answers, x: Any) -> Tensor:
        if isinstance(model, Scores):
            return model.scores(x)
        if not isinstance(model, Labels):
            raise UsageError(f"The model '{model.name}' gives answers and no classes. Name the judge that reads them, such as exact_match.")
        return model.labels(x)

    def verdict(self, said: Sequence[Tensor], y: Tensor, goal: Tensor | None = None, units: Units = as_given) -> Answer:
        if said[0].dim() == 1:
            wrong = [labels != y if goal is None else labels == goal for labels in said]
            return Answer(wrong[0] if len(wrong) == 1 else torch.stack(wrong).double().mean(0) > 0.5)
        scores = units(mean_scores(said))
        if goal is None:
            return of_scores(scores, y)
        return of_scores(two_classes(scores, goal), torch.zeros_like(y))

    def climbed(self, loss: Loss, goal: Tensor | None = None) -> Loss:
        if goal is None:
            return loss
        return lambda scores, y: loss(two_classes(scores, goal), torch.zeros_like(y))

    def reading(self, said: Sequence[Tensor], y: Tensor) -> Reading:
        if not len(y):
            none = torch.zeros(0, dtype=torch.float64)
            return Reading(y, y != y, none, none, none, y == y)
        if said[0].dim() == 1:
            prediction = torch.stack([*said]).mode(0).values
            wrong = prediction != y
            unknown = torch.full((len(y),), torch.nan, dtype=torch.float64)
            return Reading(prediction, wrong, wrong.double(), unknown, unknown, torch.ones_like(wrong))
        scores = mean_scores(said)
        log_probability = scores.double().log_softmax(1)
        label = log_probability.gather(1, y[:, None])[:, 0]
        top = log_probability.amax(1).exp()
        return Reading(
            scores.argmax(1), of_scores(scores, y).broken, -label, label.exp(), top, scores.isfinite().all(1), said=scores.float()
        )


def of_scores(scores: Tensor, y: Tensor) -> Answer:
    """The verdict on scores of shape (n, classes). A score that is not finite is wrong: the model gave no usable answer."""
    # The decision is argmax, as the model itself would say it; on a tie the margin is 0 and argmax decides.
    return Answer((scores.argmax(1) != y) | ~scores.sum(1).isfinite(), scores, y)


def mean_scores(seen: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean probabilities over draws; one draw's scores as they are."""
    if len(seen) == 1:
        return seen[0]
    return torch.stack([scores.log_softmax(1) for scores in seen]).logsumexp(0)


def two_classes(scores: Tensor, goal: Tensor) -> Tensor:
    """The best score of all classes but the goal, and the goal's, shape (n, 2)."""
    rest = scores.scatter(1, goal[:, None], torch.finfo(scores.dtype).min).amax(1)
    return torch.stack([rest, scores.gather(1, goal[:, None])[:, 0]], dim=1)


CLASSIFY = Classify()
