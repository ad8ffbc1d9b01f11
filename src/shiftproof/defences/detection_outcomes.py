"""Evaluation of detectors: abstentions on clean and on moved inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._arrays import Bools
from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.defences.defended_model import DefendedModel
from shiftproof.defences.detection import Detection
from shiftproof.door import confront
from shiftproof.models.abstract import Gradients, Scores, WrappedModel
from shiftproof.outcomes import BROKEN
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True, eq=False)
class DetectionOutcomes:
    """What became of n examples before and after a search; each array of shape (n,).

    Args:
        accepted: clean, the detector stayed silent.
        right: clean, accepted and right: accuracy with abstention is its mean.
        broken: moved, accepted and wrong, where it was not wrong already when clean: the only failure.
        fooled: moved, the model behind is wrong, whatever the detector says.
        caught: fooled, and detected.
    """

    accepted: Bools
    right: Bools
    broken: Bools
    fooled: Bools
    caught: Bools

    @property
    def accuracy(self) -> float:
        """Clean accuracy, an abstention counted as an error: it is a cost."""
        return float(self.right.mean())

    @property
    def false_alarms(self) -> float:
        """Share of clean inputs that were not answered."""
        return float((~self.accepted).mean())

    @property
    def held(self) -> Bools:
        """Answered rightly when clean, and neither moved to a wrong answer that passes; detected when moved is no failure. Shape (n,)."""
        return np.asarray(self.right & ~self.broken)

    @property
    def detection_rate(self) -> float:
        """Of the moves that fool the model behind, the share that is detected; NaN where none does."""
        return float(self.caught.sum() / self.fooled.sum()) if self.fooled.any() else float("nan")


def confront_detecting(
    model: DefendedModel,
    shift: Shift,
    *,
    search: Search,
    examples: Examples,
    seed: int = 0,
    batch_size: int = 256,
    progress: Callable[[int], None] | None = None,
) -> DetectionOutcomes:
    """Confronts a model that may abstain, and counts as detectors are meant.

    A move breaks an example where the model answers it, wrongly. So the search sees the detector in its loss: to it the score of the label
    is the greater of the label's and the abstention's, and it must get past both. Only examples that were answered rightly when clean count
    as held, since an abstention there is a cost; on a moved input it is none. That an adversary can make the model refuse to answer is not
    counted as a failure here, and may be one where it is used.

    Args:
        model: what a `Detection` made.
        shift: the moves allowed.
        search: how a move is chosen; it knows the detector.
        examples: n labelled inputs.
        seed: as of `confront`.
        batch_size: inputs per call of the model.
        progress: called with the number of examples finished since the last call.

    Raises:
        UsageError: the model has no detector, or the search cannot be used.

    Cost: that of `confront`, and one more pass over the examples before and after.
    """
    if not isinstance(model.defence, Detection):
        raise must("model", "confront_detecting", "be defended by a detector", model.name, "For other models use confront.")
    shift = shift.within(examples.space)
    n = len(examples)
    broken, fooled, caught = (np.zeros(n, dtype=bool) for _ in range(3))
    clean = _decided(model, examples.x, batch_size)
    refused = clean[1]
    y = examples.y.cpu().numpy()
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        part = examples[rows]
        finding = confront(
            detector_aware(model, int(label)), shift, search=search, examples=part, seed=seed, batch_size=batch_size, progress=progress
        )
        broken[rows] = finding.outcome == BROKEN
        made = ~np.isnan(finding.params.reshape(len(rows), -1)).any(1)
        params = torch.from_numpy(finding.params[made]).to(model.device)
        at = rows[made]
        with torch.no_grad():
            moved = shift.apply(examples.x[torch.from_numpy(at)].to(model.device), params)
        decided, detected = _decided(model, moved, batch_size)
        fooled[at] = decided != label
        caught[at] = fooled[at] & detected
    return DetectionOutcomes(accepted=~refused, right=~refused & (clean[0] == y), broken=broken, fooled=fooled, caught=caught)


class DetectorAwareScores(WrappedModel, Scores):
    """A detecting model as an adversary of one label sees it: an abstention is as good for the model as that label."""

    def __init__(self, model: DefendedModel, label: int) -> None:
        super().__init__(name=model.name, fingerprint=f"against:{label}:{model.fingerprint()}", notes=model.notes)
        self._model, self._label = model, label

    @property
    def device(self) -> torch.device:
        return self._model.device

    def scores(self, x: Tensor) -> Tensor:
        scores = self._model.scores(x)
        safe = torch.maximum(scores[:, self._label], scores[:, -1])
        return torch.cat([scores[:, : self._label], safe[:, None], scores[:, self._label + 1 : -1]], dim=1)


class DetectorAwareGradients(DetectorAwareScores, Gradients):
    """The same for a model with gradients."""


def detector_aware(model: DefendedModel, label: int) -> DetectorAwareScores:
    """The model as an adversary of `label` sees it, of the type that the model has."""
    return DetectorAwareGradients(model, label) if isinstance(model, Gradients) else DetectorAwareScores(model, label)


def _decided(model: DefendedModel, x: Tensor, batch_size: int) -> tuple[npt.NDArray[np.int64], Bools]:
    """The class that the model behind decides for, and whether the detector refuses it, each of shape (n,)."""
    if not len(x):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
    with torch.no_grad():
        scores = torch.cat([model.scores(part.to(model.device)).cpu() for part in torch.split(x, batch_size)])
    return scores[:, :-1].argmax(1).numpy(), (scores.argmax(1) == scores.shape[1] - 1).numpy()
