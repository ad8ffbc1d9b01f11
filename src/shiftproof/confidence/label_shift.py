"""Prediction sets where classes have become more or less frequent, and the inputs of each class look as before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.confidence.checked import Floats, Refused, checked_labels, checked_probabilities
from shiftproof.confidence.conformal import PredictionSets, effective_sample, enough_or_refuse, weighted_quantiles
from shiftproof.confidence.set_scores import SetScore, set_scores

_LEAST_SINGULAR = 1e-3
"""Of the confusion matrix: below this its inverse says nothing about class frequencies."""


def class_weights(predicted: npt.ArrayLike, y: npt.ArrayLike, new_predicted: npt.ArrayLike, *, classes: int) -> Floats:
    """How much more frequent each class is in the new sample, shape (classes,), from decisions alone.

    Solves C w = mu, with C[i, j] the share of calibration examples decided i with label j, and mu[i] the share of new ones decided i.

    Args:
        predicted: decisions on calibration examples, shape (n,).
        y: their labels, shape (n,).
        new_predicted: decisions on new examples, shape (m,).
        classes: how many there are.

    Guarantees: consistent where only the frequencies of classes have changed. An estimate: coverage with it has no finite-sample guarantee.

    Raises:
        Refused: decisions do not tell the classes apart, so that their frequencies cannot be told.

    Reference: Lipton, Wang & Smola 2018 [lipton2018detecting], "Detecting and correcting for label shift with black box predictors".
    """
    said, labels = np.asarray(predicted), np.asarray(y)
    said, labels = (
        checked_labels(said, (len(labels), classes), "class_weights"),
        checked_labels(labels, (len(labels), classes), "class_weights"),
    )
    new = np.asarray(new_predicted)
    new = checked_labels(new, (len(new), classes), "class_weights")
    confusion = np.zeros((classes, classes))
    np.add.at(confusion, (said, labels), 1 / max(len(labels), 1))
    there = np.bincount(labels, minlength=classes) > 0
    inner = confusion[:, there]
    if not there.any() or np.linalg.svd(inner, compute_uv=False)[-1] < _LEAST_SINGULAR / classes:
        raise Refused(
            "Class frequencies of the new sample cannot be told: decisions do not separate the classes of the calibration sample."
        )
    weights = np.zeros(classes)
    weights[there] = np.maximum(np.linalg.lstsq(inner, np.bincount(new, minlength=classes) / max(len(new), 1), rcond=None)[0], 0)
    return weights


def label_shift_sets(
    probabilities: npt.ArrayLike,
    y: npt.ArrayLike,
    new: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    level: float = 0.9,
    score: SetScore = "aps",
) -> PredictionSets:
    """Sets under new class frequencies: label k stays where its score is within the quantile of calibration scores weighted by class.

    Args:
        probabilities: of calibration examples, shape (n, classes).
        y: their labels, shape (n,).
        new: probabilities of new examples, shape (m, classes).
        weights: frequency of each class in the new distribution over that in calibration, shape (classes,) (`class_weights`).
        level: in (0, 1).
        score: as for `split_sets`.

    Guarantees: coverage of at least `level` where the weights are the true ones and each class looks as before; a new example counts with
    the weight of the label that is tried.

    Raises:
        Refused: the weighted calibration sample is worth fewer than 1 / (1 - level) examples.

    Reference: Podkopaev & Ramdas 2021 [podkopaev2021distribution], "Distribution-free uncertainty quantification for classification under
    label shift".
    """
    p, q = checked_probabilities(probabilities, "label_shift_sets"), checked_probabilities(new, "label_shift_sets")
    labels = checked_labels(y, p.shape, "label_shift_sets")
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (p.shape[1],) or not bool((np.isfinite(w) & (w >= 0)).all()):
        raise must("weights", "label_shift_sets", f"be {p.shape[1]} numbers of at least 0, one per class", w.tolist())
    effective = effective_sample(w[labels])
    enough_or_refuse(effective, level)
    own = set_scores(p, kind=score)[np.arange(len(labels)), labels]
    limits = weighted_quantiles(own, w[labels], w, level=level)
    return PredictionSets(set_scores(q, kind=score) <= limits[None, :], level, np.full(len(q), effective))
