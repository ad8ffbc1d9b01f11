"""The record of which classes a model takes for which."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftproof.records.document import Record


class ConfusedPair(Record):
    """How often one class was taken for another, or for itself."""

    label: str = Field(description="The true class.")
    said: str = Field(description="The class that was answered.")
    count: int = Field(description="Examples of the one that were answered with the other.")
    of: int = Field(description="Examples of the true class.")


class Confusion(Record):
    """The answers to one sample under one shift and search, counted by true and answered class."""

    cell: str = Field(description="Key of the cell whose stored answers it is made of.")
    data: str = Field(description="The sample, by URI or short name.")
    shift: str = Field(description="Spec of the shift; 'identity' for the sample as it is.")
    search: str = Field(
        description="Spec of the search; under one, the answer is that to the move it found, one of many it may have found."
    )
    kind: Literal["at_most", "estimate"] = Field(description="What accuracy in this cell claims.")
    n: int = Field(description="Examples with an answer.")
    wrong: int = Field(description="Those of them that were answered wrong.")
    classes: list[str] = Field(description="The classes in label order where all pairs are here; empty where only the most frequent are.")
    pairs: list[ConfusedPair] = Field(
        description="Of at most 20 classes every pair that occurs, else the wrong ones that occur most often."
    )
    unlisted: int = Field(default=0, description="Wrong answers whose pair is not among these.")
