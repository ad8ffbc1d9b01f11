"""Whether confidence can be trusted on one sample under one shift: the rows of a trust report, and of an audit that calibrates."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftproof.outcomes import Flag
from shiftproof.records.document import Record

IntervalEnds = tuple[float, float]
Verdict = Literal["holds", "broken", "cannot be told", "refused"]


class Gap(Record):
    """How far confidence lies from accuracy."""

    gap: float = Field(description="With the bias of binning removed, in [0, 1].")
    raw: float = Field(description="Expected calibration error as others print it: above 0 for a calibrated model too.")
    bias: float = Field(description="Mean confidence minus accuracy.")
    interval: IntervalEnds = Field(description="Where the gap lies; 0 is inside unless the test rejects.")
    p: float = Field(description="Of perfect calibration, exact.")
    n: int


class WorstGap(Gap):
    """The worst of several groups; interval and p hold for all of them together."""

    group: str
    groups: int = Field(description="How many were looked at.")


class Calibration(Gap):
    """The gap of a sample, of its worst class and group, and after recalibration."""

    worst_class: WorstGap | None = Field(description="The class whose probability is furthest off.")
    worst_group: WorstGap | None = Field(description="Null where the data have no groups.")
    recalibrated: dict[str, Gap] = Field(description="The gap after temperature, isotonic or venn_abers, fitted on the calibration sample.")


class Selective(Record):
    """Answering only where confident."""

    target: float = Field(description="The error rate promised among answers kept.")
    delta: float = Field(description="The promise is false with at most this probability.")
    threshold: float | None = Field(description="Answers of at least this confidence are kept; null where none is certified.")
    coverage: float | None = Field(description="The share kept here.")
    risk: float | None = Field(description="The error rate among those here; null where none is kept.")
    interval: IntervalEnds | None = Field(description="Of the risk here, exact.")
    verdict: Verdict = Field(description="Whether the promise, made for clean inputs, holds here.")
    refused: str | None = Field(default=None, description="Why there is no threshold.")
    area: float = Field(description="Mean risk over coverage (AURC), without any threshold.")


class Sets(Record):
    """Prediction sets of one method."""

    method: str
    level: float = Field(description="The coverage promised.")
    coverage: float | None = Field(description="The share of labels inside their sets here.")
    interval: IntervalEnds | None = Field(description="Of that share, exact.")
    mean_size: float | None = Field(description="Labels per set.")
    verdict: Verdict
    refused: str | None = Field(default=None, description="Why no set is offered.")


class Conformal(Sets):
    """Prediction sets calibrated on clean inputs, and those corrected for the shift."""

    corrections: list[Sets] = Field(default_factory=list, description="Weighted for the shift; refused where they do not hold either.")


class Unfamiliar(Record):
    """Whether strangeness tells this sample from the clean test sample, and wrong answers from right ones.

    A figure is null where it does not apply: against clean for the clean sample itself, alarms without a calibration sample, on right or
    wrong answers where there are none.
    """

    score: str = Field(description="msp, max_logit, energy, mahalanobis, neighbours or sdm.")
    auroc: float | None = Field(default=None, description="Probability that an input of this sample is stranger than a clean one.")
    aupr: float | None = Field(default=None, description="Average precision, this sample positive.")
    fpr95_ood_positive: float | None = Field(default=None, description="Share of clean inputs above what 95 % of this sample exceed.")
    fpr95_id_positive: float | None = Field(default=None, description="Share of this sample below what 95 % of clean inputs are below.")
    error_auroc: float | None = Field(default=None, description="Probability that a wrong answer's input is stranger than a right one's.")
    alarm_rate: float = Field(description="Of familiar inputs, what the alarm may go off for.")
    alarms: float | None = Field(default=None, description="Share of all inputs here that raise it.")
    alarms_on_right: float | None = Field(default=None, description="Of right answers.")
    alarms_on_wrong: float | None = Field(default=None, description="Of wrong answers.")
    intervals: dict[str, IntervalEnds] = Field(description="Of each figure that is not null, by its name.")
    refused: str | None = Field(default=None, description="Why there is no alarm.")


class TrustRow(Record):
    """One sample under one shift."""

    sample: str
    shift: str = Field(description="Spec of the shift, one chance draw per example; identity for the sample as it is.")
    kind: Literal["clean", "shifted", "unfamiliar"]
    n: int
    accuracy: float | None = Field(description="Null for unfamiliar samples, whose labels mean nothing.")
    interval: IntervalEnds | None
    mean_confidence: float
    calibration: Calibration | None
    selective: Selective | None
    conformal: Conformal | None
    ood: Unfamiliar
    flags: list[Flag] = Field(default_factory=list)


class CalibrationSample(Record):
    """What thresholds, sets and recalibrations were made from."""

    uri: str
    n: int
    left_out: int = Field(description="Rows left out since the same inputs are test rows.")
    p: float = Field(description="Of the test that calibration and clean test scores are exchangeable.")
    alpha: float = Field(description="Its size.")
    holds: bool
    reason: str = Field(description="Why nothing is promised; empty where something is.")


class TrustSection(Record):
    """Whether a model's confidence can be trusted on the samples of an audit, from its stored answers."""

    state: Literal["done", "failed", "missing"] = Field(description="Of the answers to the calibration examples.")
    error: str | None = Field(default=None, description="Why they failed.")
    calibration: CalibrationSample | None = Field(default=None, description="Null until they are there.")
    rows: list[TrustRow] = Field(default_factory=list, description="The clean sample first; shifts by one chance draw per example.")
