"""Whether calibration examples look like test examples to the model: what every promise made from them stands on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from shiftproof.confidence.checked import Floats, checked_labels
from shiftproof.confidence.recalibrate import checked_logits

_ACCURACY = "accuracy"


@dataclass(frozen=True)
class Exchangeability:
    """The verdict of a two-sample test.

    Args:
        p: of exchangeable samples.
        what: the score that differs most.
        calibration: its mean in the calibration sample.
        test: its mean in the test sample.
        alpha: the size of the test.
    """

    p: float
    what: str
    calibration: float
    test: float
    alpha: float

    @property
    def holds(self) -> bool:
        """True where the samples cannot be told apart."""
        return self.p > self.alpha


def exchangeability(
    scores: npt.ArrayLike, y: npt.ArrayLike, test_scores: npt.ArrayLike, test_y: npt.ArrayLike, *, alpha: float = 0.01
) -> Exchangeability:
    """Whether calibration and clean test examples are alike in the label's probability, in confidence and in accuracy.

    Kolmogorov-Smirnov tests of the first two, Fisher's of the last. A model is surer and more often right on what it was trained on:
    calibrated there, sets are too small and thresholds too low. Where all confidences tie, as a tree's do, accuracy tells most.

    Args:
        scores: of calibration examples, shape (n, classes).
        y: their labels, shape (n,).
        test_scores: of test examples, shape (m, classes).
        test_y: their labels, shape (m,).
        alpha: size of the test.

    Guarantees: exchangeable samples are told apart with probability at most alpha (exact up to 10,000 examples, conservative where scores
    tie; three tests, Bonferroni). That they are not told apart proves nothing.
    """
    from scipy.stats import fisher_exact, ks_2samp  # late: it takes half a second

    one, other = _looks(scores, y), _looks(test_scores, test_y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a p-value of 1 + rounding is worked out a second time
        found = {name: float(ks_2samp(one[name], other[name]).pvalue) for name in one if name != _ACCURACY}
    found[_ACCURACY] = float(fisher_exact([[int((each[_ACCURACY] == value).sum()) for value in (0, 1)] for each in (one, other)]).pvalue)
    worst = min(found, key=lambda name: found[name])
    p = min(1.0, len(found) * found[worst])
    return Exchangeability(p, worst, float(one[worst].mean()), float(other[worst].mean()), alpha)


def _looks(scores: npt.ArrayLike, y: npt.ArrayLike) -> dict[str, Floats]:
    z = checked_logits(scores, "exchangeability")
    labels = checked_labels(y, z.shape, "exchangeability")
    p = np.exp(log_softmax(z, axis=1)).round(12)
    right = (z.argmax(1) == labels).astype(np.float64)
    return {"probability of the label": p[np.arange(len(p)), labels], "confidence": p.max(1), _ACCURACY: right}
