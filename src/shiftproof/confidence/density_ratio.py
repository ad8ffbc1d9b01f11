"""How much denser a new sample is than calibration where each example lies, learnt from inputs without labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.confidence.checked import Floats
from shiftproof.confidence.strangeness import checked_features

_LEAST = 1e-6
"""Probabilities of a sample are cut to this, so that no weight is infinite."""


def density_ratio(calibration: npt.ArrayLike, new: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Weights of calibration examples (n,) and of new ones (m,), by a logistic regression that tells the two samples apart.

    Args:
        calibration: features, shape (n, d); such as the scores of the model.
        new: features, shape (m, d).

    Guarantees: none at finite samples. It corrects a shift of the inputs only as far as the features show it, and only where labels depend
    on the features as before; whether they do cannot be told without labels.

    Cost: one fit of scikit-learn's.

    Reference: Bickel, Brückner & Scheffer 2009 [bickel2009discriminative], "Discriminative learning under covariate shift".
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    own, other = checked_features(calibration, "density_ratio"), checked_features(new, "density_ratio")
    if own.shape[1] != other.shape[1]:
        raise must("new", "density_ratio", f"have {own.shape[1]} features, as the calibration examples", other.shape[1])
    told = np.repeat([0, 1], [len(own), len(other)])
    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(np.concatenate([own, other]), told)

    def weights(features: Floats) -> Floats:
        p = np.clip(fitted.predict_proba(features)[:, 1], _LEAST, 1 - _LEAST)
        return np.asarray(p / (1 - p) * len(own) / len(other))

    return weights(own), weights(other)
