"""Similarity, distance and magnitude: confidence that falls where an input is unlike what the model was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from shiftproof._errors import must
from shiftproof.confidence.checked import Bools, Floats, Ints, checked_labels, checked_share
from shiftproof.confidence.recalibrate import checked_logits
from shiftproof.confidence.strangeness import checked_features

_OFFSET = 2.0
"""Added to q, so that the base of the exponent is above 1."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """How each of m inputs lies among the training inputs.

    Args:
        q: how many training inputs, from the nearest on, the model gets right with the same answer as here before one fails, shape (m,).
        nearest: distance to the nearest training input, shape (m,).
        d: least over classes of the share of calibration distances that are at least as large, 0 where q is 0, shape (m,).
    """

    q: Floats
    nearest: Floats
    d: Floats


@dataclass(frozen=True, eq=False)
class SimilarityDistanceMagnitude:
    """Probabilities (2 + q)^(d z_k) / sum_j (2 + q)^(d z_j) from scores z: a softmax at q = e - 2 and d = 1, even chances at q = 0.

    Args:
        known: training features, shape (n, features).
        label: training labels where the model is right, -1 where it is wrong, shape (n,).
        distances: per class, calibration distances to the nearest training input where q > 0, ascending.
        most: the greatest q that is looked for.

    Guarantees: none by itself; with `certified_threshold` on its confidence, that one's.
    Cost: distances to all training inputs (scikit-learn's neighbours).

    Reference: Schmaltz 2026 [schmaltz2026similarity], "Similarity-Distance-Magnitude activations". Here a fixed model's scores are used;
    the paper also trains with this activation.
    """

    known: Floats
    label: Ints
    distances: tuple[Floats, ...]
    most: int

    @classmethod
    def fit(
        cls,
        features: npt.ArrayLike,
        y: npt.ArrayLike,
        predicted: npt.ArrayLike,
        calibration: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
        *,
        classes: int,
        most: int = 100,
    ) -> SimilarityDistanceMagnitude:
        """From training inputs and, apart from them, calibration inputs.

        Args:
            features: of training inputs, shape (n, features).
            y: their labels, shape (n,).
            predicted: the model's answers to them, shape (n,).
            calibration: features (m, features), labels (m,) and the model's answers (m,).
            classes: how many there are.
            most: q is at most this, at least 1.
        """
        if most < 1:
            raise must("most", "sdm", "be at least 1", most)
        f = checked_features(features, "sdm")
        labels, said = (checked_labels(each, (len(f), classes), "sdm") for each in (y, predicted))
        bare = cls(f, np.where(labels == said, labels, -1), (), min(most, len(f)))
        own = checked_features(calibration[0], "sdm")
        truth, answered = (checked_labels(each, (len(own), classes), "sdm") for each in calibration[1:])
        q, nearest = bare._similar(own, answered)
        return cls(f, bare.label, tuple(np.sort(nearest[(truth == k) & (q > 0)]) for k in range(classes)), bare.most)

    def likeness(self, features: npt.ArrayLike, predicted: npt.ArrayLike) -> Likeness:
        """Where inputs with features (m, features) and answers (m,) lie among the training inputs."""
        f = checked_features(features, "sdm")
        q, nearest = self._similar(f, checked_labels(predicted, (len(f), len(self.distances)), "sdm"))
        shares = [1 - np.searchsorted(own, nearest) / len(own) if len(own) else np.zeros(len(f)) for own in self.distances]
        return Likeness(q, nearest, np.where(q > 0, np.min(shares, axis=0), 0.0))

    def probabilities(self, scores: npt.ArrayLike, like: Likeness) -> Floats:
        """From scores (m, classes), shape (m, classes)."""
        z = checked_logits(scores, "sdm")
        found: Floats = softmax(z * (like.d * np.log(_OFFSET + like.q))[:, None], axis=1)
        return found

    def _similar(self, f: Floats, predicted: Ints) -> tuple[Floats, Floats]:
        from sklearn.neighbors import NearestNeighbors

        distance, place = NearestNeighbors(n_neighbors=self.most).fit(self.known).kneighbors(f)
        same = self.label[place] == predicted[:, None]
        return np.cumprod(same, axis=1).sum(1).astype(np.float64), np.asarray(distance[:, 0])


@dataclass(frozen=True, eq=False)
class ReliableRegion:
    """The paper's region of reliable answers.

    Args:
        least: rescaled similarity from which on it lies; infinite where there is none.
        thresholds: output of each class from which on it is in the set, shape (classes,).
    """

    least: float
    thresholds: Floats

    def reliable(self, similarity: Floats, probabilities: Floats) -> Bools:
        """Which answers lie in it: similar enough, and the answer alone is in the set; shape (m,)."""
        inside = probabilities >= self.thresholds
        alone = (inside.sum(1) == 1) & inside[np.arange(len(inside)), probabilities.argmax(1)]
        return np.asarray((similarity >= max(self.least, 1.0)) & alone)


def rescaled_similarity(q: Floats, probabilities: Floats) -> Floats:
    """min(q, (2 + q)^p) with p the greatest probability, shape (m,)."""
    return np.asarray(np.minimum(q, (_OFFSET + q) ** probabilities.max(1)))


def reliable_region(similarity: npt.ArrayLike, probabilities: npt.ArrayLike, y: npt.ArrayLike, *, alpha: float) -> ReliableRegion:
    """The paper's algorithm 1: the least rescaled similarity from which on every class's quantile of its own output is at least alpha.

    Args:
        similarity: `rescaled_similarity` of calibration inputs, shape (n,).
        probabilities: of them, shape (n, classes).
        y: their labels, shape (n,).
        alpha: in (0.5, 1).

    Guarantees: none. The quantile has place int((1 - alpha) n) without the correction for a new example, so that coverage of a class is
    below alpha in more than half of all calibration samples; use `certified_threshold` for a promise.
    """
    if checked_share(alpha, "alpha", "reliable_region") <= 0.5:
        raise must("alpha", "reliable_region", "be in (0.5, 1)", alpha)
    like, p = np.asarray(similarity, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    labels = checked_labels(y, p.shape, "reliable_region")
    own = p[np.arange(len(p)), labels]
    for least in np.unique(like[like >= 1]).tolist():
        kept = like >= least
        limits = np.array([_quantile(own[kept & (labels == k)], alpha) for k in range(p.shape[1])])
        if bool((limits >= alpha).all()):
            return ReliableRegion(least, limits)
    return ReliableRegion(np.inf, np.zeros(p.shape[1]))


def _quantile(values: Floats, alpha: float) -> float:
    return float(np.sort(values)[min(int((1 - alpha) * len(values)), len(values) - 1)]) if len(values) else 0.0
