"""Log loss: how surprised the model is by the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import log_softmax

from shiftproof.measures.abstract import MeanMeasure, Needs, finite_scores
from shiftproof.measures.answered import Answered, Floats


@dataclass(frozen=True)
class LogLoss(MeanMeasure):
    """The mean of min(-ln p, most), with p the label's probability: cross-entropy in nats.

    Args:
        most: what a single example counts at most, in nats, above 0. Without a bound no interval could hold: one example that nobody has
            seen may cost any amount.

    Guarantees: the betting interval of a mean of values in [0, most], valid at every n. Under a search it is an estimate.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, scores = np.array([0, 1]), np.zeros((2, 2))
        >>> round(LogLoss().measure(Answered(y, y == 0, ("0", "1"), scores=scores)).value, 3)
        0.693
    """

    name: ClassVar[str] = "log_loss"
    references: ClassVar[tuple[str, ...]] = ("waudbysmith2024estimating",)
    needs: ClassVar[Needs] = "scores"

    most: float = 10.0

    def check(self) -> None:
        self.require("most", within="(0, inf)")

    @property
    def range(self) -> tuple[float, float]:
        return 0.0, self.most

    def values(self, answered: Answered) -> Floats:
        return np.minimum(self._losses(answered), self.most)

    def notes(self, answered: Answered) -> tuple[str, ...]:
        above = int((self._losses(answered) > self.most).sum())
        return (f"{above} of {len(answered)} examples cost more than {self.most:g} nats and count as that",) if above else ()

    def _losses(self, answered: Answered) -> Floats:
        p = log_softmax(finite_scores(answered, self.name), axis=1)
        return np.asarray(-p[np.arange(len(p)), answered.y])
