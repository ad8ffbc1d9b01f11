"""From quantities and predictions to a verdict, by intervals and never by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shiftproof._errors import UsageError
from shiftproof.outcomes import Interval
from shiftproof.records.study import StudyVerdict
from shiftproof.studies.abstract import Prediction
from shiftproof.studies.quantity import Quantity, over_seeds

SPENT = 0.8
"""The share of what is left of the error probability that each look at a study spends."""


def spent(confidence: float, extensions: int) -> float:
    """The error probability that is spent at the look after so many extensions; over all looks it never sums to more than 1 - confidence.

    The planned look spends 0.8 of 1 - confidence, the first extension 0.8 of the rest, and so on: however long a study is extended, and
    whatever was seen before, all intervals of all its looks hold together with `confidence`.

    >>> round(spent(0.95, 0), 6), round(spent(0.95, 1), 6)
    (0.04, 0.008)
    """
    return (1 - confidence) * SPENT * (1 - SPENT) ** extensions


@dataclass(frozen=True)
class Judged:
    """A prediction and what was found."""

    prediction: Prediction
    value: float
    interval: Interval
    verdict: StudyVerdict


def judge(
    predictions: Sequence[Prediction], trials: Sequence[Mapping[str, Quantity]], *, confidence: float, extensions: int = 0
) -> tuple[Judged, ...]:
    """Each prediction against the interval of its quantity over the seeds, which were fewer at so many earlier looks: the `extensions`.

    Reproduced where the whole interval lies in the predicted range, not reproduced where all of it lies outside, inconclusive between.
    With m predictions each interval misses with probability at most spent(confidence, extensions) / m, so that those of all predictions at
    all looks hold together with `confidence` (Bonferroni), as long as the number of seeds at each look does not depend on what was seen.
    """
    each = 1 - spent(confidence, extensions) / len(predictions)
    found: list[Judged] = []
    for prediction in predictions:
        if any(prediction.quantity not in trial for trial in trials):
            raise UsageError(f"The study predicts '{prediction.quantity}' and does not measure it.")
        quantities = [trial[prediction.quantity] for trial in trials]
        interval = over_seeds(quantities, confidence=each)
        value = float(np.mean([quantity.value for quantity in quantities]))
        found.append(Judged(prediction, value, interval, _verdict(prediction, *interval)))
    return tuple(found)


def _verdict(prediction: Prediction, low: float, high: float) -> StudyVerdict:
    if prediction.low <= low and high <= prediction.high:
        return "reproduced"
    return "not reproduced" if high < prediction.low or low > prediction.high else "inconclusive"


def overall(verdicts: Sequence[StudyVerdict]) -> StudyVerdict:
    """All predictions together are the claim: one that fails refutes it, and it stands only where all do.

    >>> overall(["reproduced", "inconclusive"])
    'inconclusive'
    """
    if "not reproduced" in verdicts:
        return "not reproduced"
    return "inconclusive" if "inconclusive" in verdicts else "reproduced"
