"""What a study writes, as typed records: one file a seed, and `study.json` with the verdict."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftproof.records.audit import Provenance
from shiftproof.records.document import Document, Record

SCHEMA_VERSION = "2.0"
Form = Literal["quick", "full"]
Unit = Literal["share", "points", "correlation", "amount", "number"]
"""How a figure reads, and what it can be: 0.1 is 10 %, ten points, or the number 0.1, in [-1, 1], at least 0, or anything."""
StudyVerdict = Literal["reproduced", "not reproduced", "inconclusive"]
Mark = Literal["extended", "changed after a look", "looked at before", "uncommitted code", "code not recorded"]
"""What a verdict must not be read without."""


class QuantityRecord(Record):
    """A figure of one seed."""

    value: float
    error: float = Field(description="Standard error by the sample; 0 where exact.")
    unit: Unit = Field(description="A share, a difference of shares, a correlation, an amount (never negative), or any other number.")


class TrialRecord(Record):
    """One seed."""

    seed: int
    quantities: dict[str, QuantityRecord]
    seconds: float = Field(description="Wall time.")
    cpu_seconds: float = Field(description="CPU time of the process.")
    key: str | None = Field(
        default=None, description="Hash of the study, its form, data, version, code and seed plan; null in old records."
    )
    code: str | None = Field(default=None, description="Digest of the study's sources; null where it was not recorded.")
    commit: str | None = Field(default=None, description="Commit of the repository that tracks them.")
    dirty: bool | None = Field(default=None, description="Whether anything tracked there was changed and not committed.")
    started: str | None = Field(default=None, description="UTC.")


class LookRecord(Record):
    """Figures that were seen before the trials of a record were measured or judged."""

    what: str
    seeds: tuple[int, ...]
    changed: bool = Field(description="Whether the protocol or a prediction was changed after it.")


class PredictionRecord(Record):
    """What the claim says of one quantity, and what came of it."""

    quantity: str
    says: str
    low: float | None = Field(description="Least value that agrees with the claim; null for any.")
    high: float | None = Field(description="Greatest; null for any.")
    paper: float | None = Field(description="The paper's own figure.")
    unit: Unit
    value: float = Field(description="Mean over seeds.")
    interval: tuple[float, float] = Field(description="All predictions' intervals hold together at `confidence`.")
    verdict: StudyVerdict


class FigureRecord(Record):
    """A measured quantity, predicted or not."""

    quantity: str
    value: float = Field(description="Mean over seeds.")
    interval: tuple[float, float] = Field(description="This one's alone, at `confidence`.")
    unit: Unit


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
    nets: dict[str, str] = Field(default={}, description="Fingerprints of the trained networks that were given.")
    verdict: StudyVerdict
    marks: tuple[Mark, ...] = Field(default=(), description="Part of the verdict.")
    planned: int | None = Field(default=None, description="Seeds that were planned; null in old records.")
    extensions: int = Field(default=0, description="How often further seeds were added: each look spends a part of the error probability.")
    looks: tuple[LookRecord, ...] = ()
    notes: tuple[str, ...] = Field(default=(), description="What else is to be known of the record.")
    predictions: tuple[PredictionRecord, ...]
    figures: tuple[FigureRecord, ...]
    trials: tuple[TrialRecord, ...]
    provenance: Provenance

    @property
    def marked(self) -> str:
        """The verdict with its marks, as it is shown everywhere."""
        return f"{self.verdict} ({', '.join(self.marks)})" if self.marks else self.verdict
