"""From quantities and predictions to a verdict, by intervals and never by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from shiftproof._errors import UsageError
from shiftproof.studies.abstract import Prediction
from shiftproof.studies.quantity import Interval, Quantity, over_seeds

Verdict = Literal["reproduced", "not reproduced", "inconclusive"]


@dataclass(frozen=True)
class Judged:
    """A prediction and what was found."""

    prediction: Prediction
    value: float
    interval: Interval
    verdict: Verdict


def judge(predictions: Sequence[Prediction], trials: Sequence[Mapping[str, Quantity]], *, confidence: float) -> tuple[Judged, ...]:
    """Each prediction against the interval of its quantity over the seeds.

    Reproduced where the whole interval lies in the predicted range, not reproduced where all of it lies outside, inconclusive between.
    With m predictions each interval has confidence 1 - (1 - confidence) / m, so that all hold together with `confidence` (Bonferroni).
    """
    each = 1 - (1 - confidence) / len(predictions)
    found: list[Judged] = []
    for prediction in predictions:
        if any(prediction.quantity not in trial for trial in trials):
            raise UsageError(f"The study predicts '{prediction.quantity}' and does not measure it.")
        quantities = [trial[prediction.quantity] for trial in trials]
        low, high = over_seeds(quantities, confidence=each)
        value = float(np.mean([quantity.value for quantity in quantities]))
        found.append(Judged(prediction, value, (low, high), _verdict(prediction, low, high)))
    return tuple(found)


def _verdict(prediction: Prediction, low: float, high: float) -> Verdict:
    if prediction.low <= low and high <= prediction.high:
        return "reproduced"
    return "not reproduced" if high < prediction.low or low > prediction.high else "inconclusive"


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """All predictions together are the claim: one that fails refutes it, and it stands only where all do.

    >>> overall(["reproduced", "inconclusive"])
    'inconclusive'
    """
    if "not reproduced" in verdicts:
        return "not reproduced"
    return "inconclusive" if "inconclusive" in verdicts else "reproduced"
