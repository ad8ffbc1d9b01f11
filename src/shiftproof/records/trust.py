"""What `shiftproof trust` writes: `trust.json`, as typed records."""

from __future__ import annotations

from pydantic import Field

from shiftproof.records.audit import DataCard, ModelCard, Provenance
from shiftproof.records.document import Document
from shiftproof.records.trust_row import CalibrationSample, TrustRow

SCHEMA_VERSION = "1.0"


class TrustRecord(Document):
    """Whether a model's confidence can be trusted, before and after each shift."""

    schema_version: str = SCHEMA_VERSION
    model: ModelCard
    data: DataCard
    calibration: CalibrationSample | None = Field(description="Null where none was given.")
    rows: list[TrustRow] = Field(description="The clean sample first.")
    notes: list[str] = Field(default_factory=list)
    asked: int = Field(description="Forwards asked of all budgets.")
    sent: int = Field(description="Rows that reached the model.")
    provenance: Provenance
