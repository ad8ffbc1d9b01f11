"""How strange an input is to a model, by its scores or by its features beside those of calibration inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shiftproof.confidence.checked import Floats, Refused
from shiftproof.confidence.sdm import SimilarityDistanceMagnitude
from shiftproof.confidence.strangeness import SCORES, MahalanobisDistance, NeighbourDistance, strangeness
from shiftproof.evaluation.trust.ask import ModelOutputs

OF_FEATURES = ("mahalanobis", "neighbours", "sdm")
KINDS = (*SCORES, *OF_FEATURES)
LEAST = 40
"""Calibration examples without which no distance is fitted: half of them fit it, the others set the alarm."""
NEIGHBOUR = 10

Strangeness = Callable[[ModelOutputs], Floats]


def strangeness_by(kind: str, sample: ModelOutputs | None) -> tuple[Strangeness, ModelOutputs | None]:
    """How strange answers are, larger is stranger, and the calibration answers that this was not made from.

    By features, every other calibration example fits the distance, so that the rest are to it like any familiar input.

    Raises:
        Refused: it is a distance, and there are too few calibration examples to fit it.
    """
    if kind in SCORES:
        return lambda found: strangeness(found.scores, kind=kind), sample
    if sample is None or len(sample) < LEAST:
        raise Refused(f"{kind} is a distance from calibration inputs, and there are {0 if sample is None else len(sample)}, not {LEAST}")
    fitting, rest = sample[0::2], sample[1::2]
    return _fitted(kind, fitting), rest


def _fitted(kind: str, own: ModelOutputs) -> Strangeness:
    if kind == "mahalanobis":
        distance = MahalanobisDistance.fit(own.features, own.y)
        return lambda found: distance(found.features)
    if kind == "neighbours":
        nearest = NeighbourDistance.fit(own.features, k=min(NEIGHBOUR, len(own)))
        return lambda found: nearest(found.features)
    known, tuning = own[0::2], own[1::2]
    sdm = SimilarityDistanceMagnitude.fit(
        known.features,
        known.y,
        known.said,
        (tuning.features, tuning.y, tuning.said),
        classes=own.scores.shape[1],
    )
    return lambda found: np.asarray(1 - sdm.probabilities(found.scores, sdm.likeness(found.features, found.said)).max(1))
