"""Whether a model's classes and those of the samples are the same ones."""

from __future__ import annotations

import numpy as np

from shiftproof._errors import UsageError
from shiftproof.data.align import AlignedSources
from shiftproof.data.class_names import few
from shiftproof.models.abstract import Labels
from shiftproof.models.class_codes import ClassCodes
from shiftproof.models.estimator import EstimatorLabels, EstimatorScores


def fit_classes(model: Labels, samples: AlignedSources) -> tuple[str, ...]:
    """Notes about the model's classes and the samples' labels.

    Raises:
        UsageError: a sample has classes that neither the first one nor the model has, or the model says other numbers than the labels.
    """
    classes = model.fitted.classes if isinstance(model, EstimatorScores | EstimatorLabels) else None
    samples.refuse_strangers(classes.names if classes else ())
    return () if classes is None or samples.class_names else _numbers(model.name, classes, samples)


def _numbers(name: str, classes: ClassCodes, samples: AlignedSources) -> tuple[str, ...]:
    """Labels without names are the numbers that the estimator says."""
    there = {label for source in samples.sources for label in np.unique(source.y).tolist()}
    unsaid, strange = sorted(there - set(classes.codes)), sorted(set(classes.codes) - there)
    if unsaid and strange:
        way = "Say the names behind the labels with ?rename=0:NAME,1:NAME, or train it on these labels."
        raise UsageError(
            f"The classes of the model '{name}' ({few(classes.names)}) are not the labels of the data ({few(sorted(there))}): "
            f"the data lack {few(strange)}, and the model lacks {few(unsaid)}. {way}"
        )
    said = f"The model '{name}' never predicts the labels {few(unsaid)}: it is wrong on all their examples."
    return (said,) if unsaid else ()
