"""The record of a measure that is made of stored answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftproof.records.document import Record
from shiftproof.records.trust_row import IntervalEnds


class SetMeasure(Record):
    """One measure of one sample under one shift and search, with its change from the sample as it is."""

    cell: str = Field(description="Key of the cell whose stored answers it is made of; joined by + where it is of several searches.")
    data: str = Field(description="The sample, by URI or short name.")
    shift: str = Field(description="Spec of the shift; 'identity' for the sample as it is.")
    search: str = Field(description="Spec of the search.")
    measure: str = Field(description="Spec of the measure, such as recall(class=fraud).")
    label: str = Field(description="What people call it.")
    group: str | None = Field(default=None, description="The group it is of, as column=value, joined by ' & '; null for everyone.")
    range: IntervalEnds = Field(description="The least and greatest value that the measure can have.")
    value: float | None = Field(description="The number; null where nothing was measured, and `refused` says why.")
    kind: Literal["at_most", "estimate"] = Field(
        description="at_most only where the search looks for this measure's worst case; else the moves were found for another purpose."
    )
    searched: bool = Field(default=False, description="Whether its moves were searched for, and not drawn by chance.")
    interval: IntervalEnds | None = Field(description="Where the truth lies at `confidence`, sampling error only.")
    together: IntervalEnds | None = Field(
        default=None,
        description="Of a group, or of one class of several: where the truth lies, such that the intervals of all groups of its column, or "
        "of all these classes, hold together at `confidence`. Null under a shift.",
    )
    family: int = Field(default=1, description="How many intervals `together` holds with, its own among them.")
    confidence: float
    n: int = Field(description="Number of examples that it is made of.")
    change: float | None = Field(default=None, description="This minus the same measure of the sample as it is; null there.")
    change_interval: IntervalEnds | None = Field(default=None, description="Of the change.")
    paired: bool = Field(default=False, description="Whether the change is over the same examples.")
    refused: str | None = Field(default=None, description="Why there is no number.")
    notes: list[str] = Field(default_factory=list)
