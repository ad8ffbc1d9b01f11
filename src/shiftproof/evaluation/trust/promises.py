"""What is promised from the calibration sample: recalibrations, a certified threshold, prediction sets and an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from shiftproof._errors import must, unknown
from shiftproof.confidence.alarm import alarm_threshold
from shiftproof.confidence.checked import Ints, Refused, positive_probabilities
from shiftproof.confidence.conformal import PredictionSets, split_sets, weighted_sets
from shiftproof.confidence.density_ratio import density_ratio
from shiftproof.confidence.exchangeable import Exchangeability, exchangeability
from shiftproof.confidence.label_shift import class_weights, label_shift_sets
from shiftproof.confidence.recalibrate import KINDS, Recalibration, recalibrate
from shiftproof.confidence.selective import CertifiedThreshold, certified_threshold
from shiftproof.confidence.set_scores import SetScore
from shiftproof.evaluation.trust.ask import ModelOutputs
from shiftproof.evaluation.trust.stranger import Strangeness, strangeness_by
from shiftproof.records.trust_row import CalibrationSample

NO_SAMPLE = "there is no calibration sample: add --calibrate 0.5 or --calibrate-on URI"
WEIGHTED, LABEL_SHIFT = "weighted", "label shift"


@dataclass(frozen=True)
class Wanted:
    """Which promises are asked for.

    Args:
        level: of prediction sets and intervals.
        seed: of the certified threshold's plan.
        sets: aps, raps or lac.
        target: error rate among answers kept.
        delta: how seldom that promise may be false.
        score: strangeness: msp, max_logit or energy of scores; mahalanobis, neighbours or sdm of features.
        alarm_rate: of familiar inputs, how many may raise an alarm.
    """

    level: float
    seed: int
    sets: SetScore = "lac"
    target: float = 0.05
    delta: float = 0.1
    score: str = "msp"
    alarm_rate: float = 0.05


@dataclass(frozen=True, eq=False)
class Promises:
    """What the calibration sample lets one promise; `refused` says why nothing, where nothing can be.

    Args:
        wanted: what was asked for.
        sample: the calibration answers; None where there are none.
        exchangeable: of calibration and clean test answers; None likewise.
        threshold: the certified one, with its reason where there is none.
        alarm: strangeness above which an alarm is raised, or why there is none.
        recalibrations: by kind.
        stranger: how strange answers are; or why that is not known.
        refused: why thresholds, sets and recalibrations are not offered; "" where they are.
    """

    wanted: Wanted
    sample: ModelOutputs | None
    exchangeable: Exchangeability | None
    threshold: CertifiedThreshold
    alarm: float | str
    recalibrations: dict[str, Recalibration]
    stranger: Strangeness | str
    refused: str

    @classmethod
    def make(cls, wanted: Wanted, sample: ModelOutputs | None, test: ModelOutputs) -> Promises:
        """Tests whether calibration and test answers are alike, and only then promises anything."""
        if sample is None:
            return cls.none(wanted, None, None, NO_SAMPLE)
        alike = exchangeability(sample.scores, sample.y, test.scores, test.y)
        reason = unfit(alike, sample.y)
        if reason:
            return cls.none(wanted, sample, alike, reason)
        threshold = certified_threshold(
            sample.confidence,
            sample.right,
            target=wanted.target,
            delta=wanted.delta,
            unlabelled=test.confidence,
            seed=wanted.seed,
        )
        found = {kind: recalibrate(kind, sample.scores, sample.y) for kind in KINDS}
        stranger, rest = _stranger(wanted, sample)
        return cls(wanted, sample, alike, threshold, _alarm(stranger, rest, wanted), found, stranger, "")

    @classmethod
    def none(cls, wanted: Wanted, sample: ModelOutputs | None, alike: Exchangeability | None, reason: str) -> Promises:
        """No promise, for this reason."""
        threshold = CertifiedThreshold(None, wanted.target, wanted.delta, 0, 0, 0, reason)
        by_scores = _stranger(wanted, None)[0]  # distances from a sample that nothing may be promised from are not fitted
        return cls(wanted, sample, alike, threshold, reason, {}, by_scores if callable(by_scores) else reason, reason)

    def split(self, answers: ModelOutputs) -> PredictionSets:
        """Sets of the calibration sample as it is.

        Raises:
            Refused: nothing is promised.
        """
        own = self._sample()
        p, q = positive_probabilities(own.scores), positive_probabilities(answers.scores)
        return split_sets(p, own.y, q, level=self.wanted.level, score=self.wanted.sets)

    def corrected(self, answers: ModelOutputs, kind: str) -> PredictionSets:
        """Sets for a shift of the inputs (weighted) or of the classes (label shift), both learnt from inputs without labels.

        Raises:
            Refused: nothing is promised, or the shift leaves too few effective calibration examples.
        """
        own = self._sample()
        p, q = positive_probabilities(own.scores), positive_probabilities(answers.scores)
        options: dict[str, Any] = {"level": self.wanted.level, "score": self.wanted.sets}
        if kind == WEIGHTED:
            return weighted_sets(p, own.y, q, *density_ratio(np.log(p), np.log(q)), **options)
        weights = class_weights(p.argmax(1), own.y, q.argmax(1), classes=p.shape[1])
        return label_shift_sets(p, own.y, q, weights, **options)

    def _sample(self) -> ModelOutputs:
        if self.refused or self.sample is None:
            raise Refused(self.refused)
        return self.sample


def unfit(found: Exchangeability, y: Ints) -> str:
    """Why nothing can be promised from calibration examples with labels y (n,); "" where something can."""
    if not found.holds:
        return _unlike(found)
    if len(np.unique(y)) < 2:
        return f"the {len(y)} calibration examples are all of class {y[0]}, which says nothing about the others"
    return ""


def _unlike(found: Exchangeability) -> str:
    """What a failed test of exchangeability means, in a sentence."""
    hint = "was the model trained on the calibration sample?" if found.calibration > found.test else "do the samples come from one place?"
    return (
        f"calibration and test examples are not alike to the model (p = {found.p:.2g}): mean {found.what} {found.calibration:.3f} against "
        f"{found.test:.3f}; {hint}"
    )


def calibration_card(promises: Promises, uri: str, left_out: int) -> CalibrationSample | None:
    """What a record says of the calibration sample at `uri`, of which `left_out` rows are test rows; None where there is none."""
    alike = promises.exchangeable
    if promises.sample is None or alike is None:
        return None
    return CalibrationSample(
        uri=uri,
        n=len(promises.sample),
        left_out=left_out,
        p=alike.p,
        alpha=alike.alpha,
        holds=alike.holds,
        reason=promises.refused,
    )


def _stranger(wanted: Wanted, sample: ModelOutputs | None) -> tuple[Strangeness | str, ModelOutputs | None]:
    """How strange answers are, or why that is not known, and the calibration answers that may set an alarm on it."""
    try:
        return strangeness_by(wanted.score, sample)
    except Refused as refusal:
        return str(refusal), None


def _alarm(stranger: Strangeness | str, sample: ModelOutputs | None, wanted: Wanted) -> float | str:
    if isinstance(stranger, str) or sample is None:
        return str(stranger)
    try:
        return alarm_threshold(stranger(sample), rate=wanted.alarm_rate)
    except Refused as refusal:
        return str(refusal)


def check_wanted(wanted: Wanted, kinds: Sequence[str]) -> None:
    """Raises `UsageError` where an option is out of range, before any work."""
    for name in ("level", "target", "delta", "alarm_rate"):
        value = getattr(wanted, name)
        if not 0 < value < 1:
            raise must(name, "trust", "be in (0, 1)", value)
    if wanted.score not in kinds:
        raise unknown("strangeness", wanted.score, kinds)
    if wanted.sets not in get_args(SetScore):
        raise unknown("set score", wanted.sets, get_args(SetScore))
