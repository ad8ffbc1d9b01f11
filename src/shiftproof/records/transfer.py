"""What a transfer matrix writes: `transfer.json`, as typed records."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftproof.records.audit import DataCard, ModelCard, Provenance
from shiftproof.records.document import Document, Record

SCHEMA_VERSION = "1.0"
TransferVerdict = Literal["fully", "largely", "in part", "not measurably", "nothing to compare"]


class TransferPair(Record):
    """Moves made on one model, tried on another."""

    made_on: str
    tried_on: str
    accuracy: float
    drop: float = Field(description="Clean accuracy of the model tried on, minus its accuracy here: at least this much is lost.")
    own_drop: float = Field(description="The same under moves made on the model itself.")
    share: float | None = Field(description="drop / own_drop; null where its own search made none.")
    transfers: TransferVerdict
    beats_own: bool = Field(description="Moves of the other model break more than its own search: its gradients are likely masked.")


class TransferRecord(Document):
    """Accuracy of each model on moves made on each; entry [i][j] is model j on moves made on model i, and at most this is the truth."""

    schema_version: str = SCHEMA_VERSION
    models: list[ModelCard]
    data: DataCard
    shift: str
    search: str
    n: int
    confidence: float
    clean: list[float] = Field(description="Accuracy of each model on the sample as it is.")
    accuracy: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]
    pairs: list[TransferPair] = Field(description="Every two different models, those that lose most first.")
    asked: int = Field(default=0, description="Forwards asked of all budgets, those of the models that moves are made on among them.")
    sent: int | None = Field(default=None, description="Rows that reached the models, all of them together. Null in older records.")
    provenance: Provenance
