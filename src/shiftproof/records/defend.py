"""What a comparison of defences writes: `defend.json`, as typed records."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftproof.records.audit import DataCard, Provenance
from shiftproof.records.document import Document, Record

SCHEMA_VERSION = "1.2"
DEFAULT_SEARCH = "cascade"
"""The adaptive search where none is named: the strongest that there is."""
Stated = Literal["in the range", "below it", "above it", "cannot be told", "no range is stated", "not measured"]


class MeasuredShare(Record):
    """A share of the examples, and where the truth lies at the run's confidence; null where nothing was measured."""

    value: float | None
    interval: tuple[float, float] | None


class Literature(Record):
    """What papers state of a family: between `low` and `high`, measured against `against`."""

    low: float
    high: float
    against: Literal["transfer", "plain", "robust", "detection"]
    text: str


class Detector(Record):
    """How a detector's abstentions count."""

    false_alarms: MeasuredShare = Field(description="Of clean inputs, those that were not answered.")
    rate: float = Field(description="The rate of false alarms that it was calibrated to on held-out clean examples.")
    caught_unaware: MeasuredShare = Field(description="Of moves of the undefended model that fool the model behind, those detected.")
    caught_adaptive: MeasuredShare = Field(description="The same of moves by the search that knows the detector.")


class TrainingEpoch(Record):
    """One epoch of a training."""

    epoch: int
    train: float = Field(description="Accuracy on what was trained on, as it was trained on: moved, where the method moves.")
    held_out: float = Field(description="Accuracy on held-out training examples as they are.")
    robust: float | None = Field(description="Accuracy on them under the held-out attack: at most; null where the method names no threat.")
    unseen: float | None = Field(default=None, description="The same under the unseen threat; null in older records.")


class Training(Record):
    """How the training of one went."""

    kept: int = Field(description="The epoch whose weights are kept.")
    curve: list[TrainingEpoch]
    flags: list[str] = Field(description="What went wrong, each with its figures: catastrophic or robust overfitting, a loss of NaN.")


class DefenceRow(Record):
    """One defence, or the standard model."""

    name: str
    family: str
    adaptive_form: str = Field(description="How the search that knows it goes about it.")
    clean: MeasuredShare
    transfer: MeasuredShare = Field(description="On moves made on the standard model: at most.")
    plain: MeasuredShare = Field(
        description="On moves along the gradient as the defence leaves it: at most; null for texts, which have none."
    )
    adaptive: MeasuredShare = Field(description="Under the search that knows the defence: at most.")
    robust: MeasuredShare = Field(description="Held under all of these: at most. No defence is stronger than this.")
    unseen: MeasuredShare = Field(description="Held under the unseen threat, moves by the adaptive search and by transfer: at most.")
    corruptions: dict[str, MeasuredShare] = Field(description="Accuracy on each corruption, one draw per example: estimates.")
    certified: MeasuredShare = Field(description="Proven inside the threat: at least; null where no certificate fits.")
    certificate: str = Field(description="What proves, and of which model; or why there is none.")
    training_cost: float | None = Field(description="Seconds of training over those of the standard model; null where nothing was trained.")
    latency: float = Field(description="Seconds of an answer over those of the standard model.")
    parameters: int
    forward_cost: float | None = Field(
        default=None, description="Floating-point operations of an answer over those of the standard model; null where torch counts none."
    )
    gain: MeasuredShare = Field(description="Robust accuracy minus the standard model's, paired.")
    stated_gain: MeasuredShare = Field(
        description="The figure of the papers, measured as they do: a gain against `literature.against`, or a rate."
    )
    literature: Literature | None
    stated: Stated
    hidden: MeasuredShare = Field(
        description="Accuracy under the plain gradient minus that under all attacks: what a search unaware of it misses."
    )
    collapses: bool = Field(description="Its hidden share is surely above 10 points, its gain not surely above 0: masking.")
    detector: Detector | None = None
    flags: list[str] = Field(default_factory=list)
    training: Training | None = Field(default=None, description="Curves and flags of its own training; null where it had none.")


class DefendRecord(Document):
    """Defences side by side, each under the attacks that know it and those that do not."""

    schema_version: str = SCHEMA_VERSION
    model: str
    data: DataCard
    train_data: str | None
    threat: str
    unseen: str
    search: str
    n: int
    held_out: int
    confidence: float
    rows: list[DefenceRow] = Field(description="The standard model first.")
    notes: list[str]
    asked: int = Field(default=0, description="Forwards asked of all budgets.")
    sent: int | None = Field(
        default=None,
        description="Rows that reached the models behind the defences, latency included; training is not counted. Null in older records.",
    )
    provenance: Provenance
