"""How unfamiliar an input looks to a model: larger is stranger. From scores alone, or from features of training inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, logsumexp

from shiftproof._errors import must, unknown
from shiftproof.confidence.checked import Floats, checked_labels
from shiftproof.confidence.recalibrate import checked_logits

SCORES = ("msp", "max_logit", "energy")
_RIDGE = 1e-3
"""Added to the covariance, as a share of its mean variance: features may be fewer dimensions than they are numbers."""


def strangeness(scores: npt.ArrayLike, *, kind: str = "msp") -> Floats:
    """From scores (n, classes), shape (n,): larger is stranger.

    msp: -log of the largest softmax probability (Hendrycks & Gimpel 2017 [hendrycks2017baseline], "A baseline for detecting misclassified
    and out-of-distribution examples in neural networks"). max_logit: minus the largest score (Hendrycks et al. 2022
    [hendrycks2022scaling], "Scaling out-of-distribution detection for real-world settings"). energy: -log sum exp of the scores (Liu et
    al. 2020 [liu2020energy], "Energy-based out-of-distribution detection"). For scores that are logarithms of probabilities the energy
    is 0 everywhere.

    >>> strangeness([[2.0, 0.0], [0.1, 0.0]]).round(2).tolist()
    [0.13, 0.64]
    """
    z = checked_logits(scores, "strangeness")
    if kind == "msp":
        return np.asarray(-log_softmax(z, axis=1).max(1))
    if kind == "max_logit":
        return np.asarray(-z.max(1))
    if kind == "energy":
        return np.asarray(-logsumexp(z, axis=1))
    raise unknown("strangeness", kind, SCORES)


@dataclass(frozen=True, eq=False)
class MahalanobisDistance:
    """The least (f - m_c)' S^-1 (f - m_c) over the classes c, their means m and common covariance S.

    Args:
        means: shape (classes seen, features).
        root: R with R R' = S^-1, shape (features, features).

    Reference: Lee et al. 2018 [lee2018simple], "A simple unified framework for detecting out-of-distribution samples and adversarial
    attacks".
    """

    means: Floats
    root: Floats

    @classmethod
    def fit(cls, features: npt.ArrayLike, y: npt.ArrayLike) -> MahalanobisDistance:
        """From features (n, d) of known inputs and their labels (n,)."""
        f = checked_features(features, "mahalanobis")
        labels = np.asarray(y)
        labels = checked_labels(labels, (len(f), int(labels.max(initial=0)) + 1), "mahalanobis")
        classes, place = np.unique(labels, return_inverse=True)
        means = np.stack([f[place == c].mean(0) for c in range(len(classes))])
        off = f - means[place]
        spread = off.T @ off / max(1, len(f) - len(classes))
        ridge = max(float(_RIDGE * spread.diagonal().mean()), 1e-12)
        return cls(means, np.linalg.cholesky(np.linalg.inv(spread + ridge * np.eye(len(spread)))))

    def __call__(self, features: npt.ArrayLike) -> Floats:
        """Strangeness of features (m, d), shape (m,)."""
        f = checked_features(features, "mahalanobis") @ self.root
        return np.asarray(np.stack([((f - mean) ** 2).sum(1) for mean in self.means @ self.root]).min(0))


@dataclass(frozen=True, eq=False)
class NeighbourDistance:
    """The distance to the k-th nearest of known features, all scaled to length 1 (scikit-learn's search).

    Args:
        known: shape (n, d), of length 1 each.
        k: which neighbour, 1 to n.

    Reference: Sun et al. 2022 [sun2022knn], "Out-of-distribution detection with deep nearest neighbors".
    """

    known: Floats
    k: int

    @classmethod
    def fit(cls, features: npt.ArrayLike, *, k: int = 10) -> NeighbourDistance:
        """From features (n, d) of known inputs."""
        f = checked_features(features, "neighbours")
        if not 1 <= k <= len(f):
            raise must("k", "neighbours", f"be 1 to {len(f)}, the number of known examples", k)
        return cls(_scaled(f), k)

    def __call__(self, features: npt.ArrayLike) -> Floats:
        """Strangeness of features (m, d), shape (m,)."""
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=self.k).fit(self.known)
        distance: Floats = search.kneighbors(_scaled(checked_features(features, "neighbours")))[0][:, -1]
        return distance


def _scaled(f: Floats) -> Floats:
    scaled: Floats = f / np.maximum(np.linalg.norm(f, axis=1, keepdims=True), 1e-12)
    return scaled


def checked_features(values: npt.ArrayLike, owner: str) -> Floats:
    """Features of shape (n, d), finite, n >= 1."""
    f = np.asarray(values, dtype=np.float64)
    if f.ndim != 2 or not f.size or not np.isfinite(f).all():
        raise must("features", owner, "be finite numbers of shape (n, d), n at least 1", f.shape)
    return f
