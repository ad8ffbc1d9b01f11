"""What a study writes, as typed records: one file a seed, and `study.json` with the verdict."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftproof.evaluation.records import Document, Provenance, Record

SCHEMA_VERSION = "1.0"
Form = Literal["quick", "full"]


class QuantityRecord(Record):
    """A figure of one seed."""

    value: float
    error: float = Field(description="Standard error by the sample; 0 where exact.")
    unit: Literal["share", "points", "number"] = Field(description="A share, a difference of shares, or any other number.")


class TrialRecord(Record):
    """One seed."""

    seed: int
    quantities: dict[str, QuantityRecord]
    seconds: float = Field(description="Wall time.")
    cpu_seconds: float = Field(description="CPU time of the process.")


class PredictionRecord(Record):
    """What the claim says of one quantity, and what came of it."""

    quantity: str
    says: str
    low: float | None = Field(description="Least value that agrees with the claim; null for any.")
    high: float | None = Field(description="Greatest; null for any.")
    paper: float | None = Field(description="The paper's own figure.")
    unit: Literal["share", "points", "number"]
    value: float = Field(description="Mean over seeds.")
    interval: tuple[float, float] = Field(description="All predictions' intervals hold together at `confidence`.")
    verdict: Literal["reproduced", "not reproduced", "inconclusive"]


class FigureRecord(Record):
    """A measured quantity, predicted or not."""

    quantity: str
    value: float = Field(description="Mean over seeds.")
    interval: tuple[float, float] = Field(description="This one's alone, at `confidence`.")
    unit: Literal["share", "points", "number"]


class StudyRecord(Document):
    """A study, run."""

    schema_version: str = SCHEMA_VERSION
    study: str = Field(description="Spec of the study.")
    form: Form
    claim: str
    paper: str
    figure: str
    protocol: str
    scaled_down: str
    references: tuple[str, ...]
    data: dict[str, str] = Field(description="Fingerprints of the samples; none in the quick form.")
    verdict: Literal["reproduced", "not reproduced", "inconclusive"]
    predictions: tuple[PredictionRecord, ...]
    figures: tuple[FigureRecord, ...]
    trials: tuple[TrialRecord, ...]
    provenance: Provenance
