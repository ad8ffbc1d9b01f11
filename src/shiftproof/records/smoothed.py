"""What a run writes of an attack on a smoothed model: a part of `audit.json`."""

from __future__ import annotations

from pydantic import Field

from shiftproof.records.document import Record


class SmoothedEnd(Record):
    """What an attack left of a smoothed model: the upper end of the bracket whose lower end is proven."""

    cell: str = Field(description="Key of its cell.")
    attack: str = Field(description="Spec of the attack.")
    n: int = Field(description="Number of examples.")
    accuracy: float = Field(description="The share not broken, abstentions included: the smoothed model's robust accuracy is at most this.")
    interval: tuple[float, float] = Field(description="Where the truth lies at the run's confidence, sampling error only.")
    wrong: int = Field(description="Examples on which the smoothed model errs as they are.")
    broken: int = Field(description="Examples on which it errs at the move found.")
    abstained: int = Field(description="Examples where the votes at the move found decide nothing; they count as not broken.")
    chance: float = Field(description="The chance that the verdict on one example is false.")
