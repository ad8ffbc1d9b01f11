"""Confidences made to mean what they say, from held-out answers: temperature, isotonic, Venn-Abers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from shiftproof._errors import UsageError, must, unknown
from shiftproof.confidence.checked import Floats, Ints, checked_confidences, checked_flags, checked_labels

_COLDEST, _HOTTEST = 0.01, 100.0


def checked_logits(values: npt.ArrayLike, owner: str) -> Floats:
    """Scores of shape (n, classes), finite, at least two classes and one example."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 2 or not len(x):
        raise must("scores", owner, "have shape (n, classes), n at least 1 and 2 classes or more", x.shape)
    bad = ~np.isfinite(x).all(1)
    if bad.any():
        raise must("scores", owner, "be finite", f"NaN or infinite in {bad.sum()} of {len(x)} rows", "Leave them out, and say so.")
    return x


@dataclass(frozen=True, eq=False)
class Recalibration:
    """Maps scores to the probability that the answer is right; the answer itself is not changed."""

    name: ClassVar[str]

    @abstractmethod
    def confidence(self, scores: npt.ArrayLike) -> Floats:
        """Probability that the largest score is right, shape (n,), from scores (n, classes)."""


@dataclass(frozen=True, eq=False)
class Temperature(Recalibration):
    """softmax(scores / T), with T fitted to the log-likelihood of held-out labels.

    Args:
        value: T, in [0.01, 100]; above 1 where the model is overconfident.

    Reference: Guo et al. 2017 [guo2017calibration], "On calibration of modern neural networks".
    """

    name: ClassVar[str] = "temperature"
    value: float

    @classmethod
    def fit(cls, scores: npt.ArrayLike, y: npt.ArrayLike) -> Temperature:
        """From scores (n, classes) and labels (n,).

        >>> Temperature.fit([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]], [0, 0, 0, 1]).value.__round__(3)  # 3 of 4: log 3 = 2 / T
        1.82
        """
        from scipy.optimize import minimize_scalar  # late: it takes a fifth of a second

        z = checked_logits(scores, "temperature")
        labels: Ints = checked_labels(y, z.shape, "temperature")
        rows = np.arange(len(z))

        def loss(log_t: float) -> float:
            return -float(log_softmax(z / np.exp(log_t), axis=1)[rows, labels].mean())

        found = minimize_scalar(loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded", options={"xatol": 1e-6})
        return cls(float(np.exp(found.x)))

    def confidence(self, scores: npt.ArrayLike) -> Floats:
        top: Floats = softmax(checked_logits(scores, self.name) / self.value, axis=1).max(1)
        return top


@dataclass(frozen=True, eq=False)
class Isotonic(Recalibration):
    """The share of right answers as a function of confidence that never falls, by least squares (scikit-learn's)."""

    name: ClassVar[str] = "isotonic"
    known: Floats
    shares: Floats

    @classmethod
    def fit(cls, confidence: npt.ArrayLike, right: npt.ArrayLike) -> Isotonic:
        """From confidences (n,) in [0, 1] and whether the answers are right (n,)."""
        from sklearn.isotonic import IsotonicRegression

        c = checked_confidences(confidence, "isotonic")
        found = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(c, checked_flags(right, len(c), "isotonic"))
        return cls(found.X_thresholds_, found.y_thresholds_)

    def confidence(self, scores: npt.ArrayLike) -> Floats:
        return np.interp(top_probability(scores, self.name), self.known, self.shares)


@dataclass(frozen=True, eq=False)
class VennAbers(Recalibration):
    """Two probabilities per example, one of which is right on average: isotonic fits with the example added as wrong and as right.

    Guarantees: for held-out examples exchangeable with the new one, the one of (p0, p1) that belongs to the true outcome is perfectly
    calibrated. The confidence is p1 / (1 - p0 + p1), which minimises the worst log-loss between the two.
    Cost: two isotonic fits per distinct confidence asked about, each linear in n.

    Reference: Vovk & Petej 2014 [vovk2014venn], "Venn-Abers predictors".
    """

    name: ClassVar[str] = "venn_abers"
    known: Floats
    hits: Floats
    counts: Floats

    @classmethod
    def fit(cls, confidence: npt.ArrayLike, right: npt.ArrayLike) -> VennAbers:
        """From confidences (n,) in [0, 1] and whether the answers are right (n,)."""
        c = checked_confidences(confidence, "venn_abers")
        known, place = np.unique(c, return_inverse=True)
        z = checked_flags(right, len(c), "venn_abers")
        return cls(known, np.bincount(place, z).astype(np.float64), np.bincount(place).astype(np.float64))

    def pair(self, confidence: npt.ArrayLike) -> tuple[Floats, Floats]:
        """(p0, p1) for confidences (n,), each of shape (n,); p0 <= p1.

        >>> p0, p1 = VennAbers.fit([0.6, 0.7, 0.8, 0.9], [False, True, False, True]).pair([0.75])
        >>> p0.round(3).tolist(), p1.round(3).tolist()
        ([0.333], [0.667])
        """
        asked, back = np.unique(checked_confidences(confidence, self.name), return_inverse=True)
        ends = np.array([[self._with(float(one), label) for one in asked] for label in (0.0, 1.0)])
        return ends[0, back], ends[1, back]

    def _with(self, one: float, label: float) -> float:
        """The isotonic fit at a confidence, with one more example there."""
        from sklearn.isotonic import isotonic_regression

        at = int(np.searchsorted(self.known, one))
        hits, counts = self.hits.copy(), self.counts.copy()
        if at < len(self.known) and self.known[at] == one:
            hits[at] += label
            counts[at] += 1
        else:
            hits, counts = np.insert(hits, at, label), np.insert(counts, at, 1.0)
        return float(isotonic_regression(hits / counts, sample_weight=counts)[at])

    def confidence(self, scores: npt.ArrayLike) -> Floats:
        p0, p1 = self.pair(top_probability(scores, self.name))
        merged: Floats = p1 / (1 - p0 + p1)
        return merged


def top_probability(scores: npt.ArrayLike, owner: str) -> Floats:
    """The largest softmax probability of scores (n, classes), shape (n,)."""
    top: Floats = softmax(checked_logits(scores, owner), axis=1).max(1)
    return top


KINDS = ("temperature", "isotonic", "venn_abers")


def recalibrate(kind: str, scores: npt.ArrayLike, y: npt.ArrayLike) -> Recalibration:
    """Fits a recalibration to held-out scores (n, classes) and labels (n,).

    Args:
        kind: temperature, isotonic or venn_abers. The last two are fitted to whether the largest score is right.
        scores: logits, or logarithms of probabilities.
        y: labels, shape (n,).

    Raises:
        UsageError: the kind is unknown, or the held-out labels are all of one class.
    """
    if kind not in KINDS:
        raise unknown("recalibration", kind, KINDS)
    z = checked_logits(scores, kind)
    labels = checked_labels(y, z.shape, kind)
    if len(np.unique(labels)) < 2:
        raise UsageError(f"The {len(labels)} calibration examples are all of class {labels[0]}: a recalibration needs two classes or more.")
    if kind == "temperature":
        return Temperature.fit(z, labels)
    right = z.argmax(1) == labels
    return (Isotonic if kind == "isotonic" else VennAbers).fit(top_probability(z, kind), right)
