"""The Brier score: squared distance between the probabilities and the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import softmax

from shiftproof.measures.abstract import MeanMeasure, Needs, finite_scores
from shiftproof.measures.answered import Answered, Floats


@dataclass(frozen=True)
class Brier(MeanMeasure):
    """The mean of sum_k (p_k - 1[y = k])^2 over all classes k, in [0, 2]: for two classes twice scikit-learn's `brier_score_loss`.

    Guarantees: the betting interval of a mean of values in [0, 2], valid at every n. Under a search it is an estimate.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, scores = np.array([0, 1]), np.zeros((2, 2))
        >>> Brier().measure(Answered(y, y == 0, ("0", "1"), scores=scores)).value
        0.5

    Reference: Brier 1950, "Verification of forecasts expressed in terms of probability".
    """

    name: ClassVar[str] = "brier"
    references: ClassVar[tuple[str, ...]] = ("brier1950verification", "waudbysmith2024estimating")
    needs: ClassVar[Needs] = "scores"

    @property
    def range(self) -> tuple[float, float]:
        return 0.0, 2.0

    @property
    def label(self) -> str:
        return "Brier score"

    def values(self, answered: Answered) -> Floats:
        p = softmax(finite_scores(answered, self.name), axis=1)
        p[np.arange(len(p)), answered.y] -= 1
        return np.asarray((p**2).sum(1))
