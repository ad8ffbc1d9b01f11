"""How two samples of a table differ, and what that has to do with a model's accuracy: `drift.json`."""

from __future__ import annotations

from pydantic import Field

from shiftproof.records.document import Document, Record


class DriftedColumn(Record):
    """One column in two samples."""

    name: str
    kind: str = Field(description="numbers or categories.")
    moved: bool = Field(description="Whether it differs, all columns paid for (Holm).")
    p_value: float = Field(description="Of its own test.")
    distance: float | None = Field(description="Kolmogorov-Smirnov distance of numbers, total variation distance of categories, in [0, 1].")
    shift: float | None = Field(description="Of numbers: change of the median, in robust standard deviations of the first sample.")
    example: str = Field(default="", description="Of categories: the one whose share changed most, with both shares.")


class ExplainedShare(Record):
    """The part of the change in accuracy that goes along with one column."""

    name: str
    share: float = Field(description="In accuracy; negative where it lowers it.")
    interval: tuple[float, float]


class DriftRecord(Document):
    """Two samples of a table, and a model on both."""

    model: str
    first: str = Field(description="URI of the first sample.")
    second: str = Field(description="URI of the second.")
    n: tuple[int, int]
    accuracy: tuple[float, float]
    intervals: tuple[tuple[float, float], tuple[float, float]]
    change: float = Field(description="Accuracy on the second sample minus that on the first.")
    change_interval: tuple[float, float]
    columns: list[DriftedColumn] = Field(description="Those that moved first, by distance.")
    shares: list[ExplainedShare] = Field(description="Largest first.")
    rest: float = Field(description="The change that the mix of columns does not explain.")
    rest_interval: tuple[float, float]
    worth: float = Field(description="How many examples the first sample is worth once reweighted.")
    confidence: float
    notes: list[str] = Field(default_factory=list)
