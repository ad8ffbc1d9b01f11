"""The record of a leaderboard: one model under one threat on one sample, with what each of its numbers claims."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from shiftproof.records.audit import ClaimKind
from shiftproof.records.document import Record

SCHEMA_VERSION = "1.0"
Claim = Literal["measured", "published"]


class Number(Record):
    """A share of examples, in [0, 1], with what it claims and what it cost."""

    value: float | None = Field(description="The number; null where nothing was measured.")
    kind: ClaimKind = Field(description="What it claims about the true value: at_most, at_least or estimate.")
    search: str = Field(description="Spec of the search or certificate, 'union' for several together, or who evaluated it.")
    made_by: list[str] = Field(default_factory=list, description="Every search behind it, with all options: its strength.")
    interval: tuple[float, float] | None = Field(default=None, description="Where the truth lies at `confidence`, sampling error only.")
    confidence: float | None = Field(default=None, description="Confidence of the interval, in (0, 1).")
    n: int | None = Field(default=None, description="Number of examples; null where its source does not say.")
    flags: list[str] = Field(default_factory=list, description="Warnings about it.")
    forwards_per_example: float | None = Field(default=None, description="Mean forward passes of the model per example.")
    backwards_per_example: float | None = Field(default=None, description="Mean backward passes of the model per example.")
    seconds: float | None = Field(default=None, description="Wall time.")
    cell: str | None = Field(default=None, description="Keys of the cells of its run, joined by +.")


class Paper(Record):
    """Where the model was published, as far as that is known."""

    title: str | None = None
    authors: str | None = None
    venue: str | None = None
    link: str | None = None


class Threat(Record):
    """What the model was up against."""

    family: str = Field(description="Name of the shift without its options, such as linf; 'corruptions' for the mean over several.")
    spec: str = Field(description="Spec of the shift, such as linf(eps=8/255).")
    strength: float | None = Field(default=None, description="How far it moves.")
    strength_name: str | None = Field(default=None, description="What `strength` is called: eps, degrees, severity.")
    units: str = Field(description="Units of the inputs, in which an eps is said.")


class Sample(Record):
    """The examples behind the numbers."""

    uri: str
    fingerprint: str
    n: int


class Origin(Record):
    """Who says so."""

    claim: Claim = Field(description="measured: by a run of shiftproof. published: as its authors or a leaderboard say, not re-measured.")
    source: str = Field(default="", description="The run's folder, or the file.")
    model: str | None = Field(default=None, description="Spec of the model that was measured.")
    fingerprint: str | None = Field(default=None, description="Fingerprint of the model that was measured.")
    shiftproof: str | None = Field(default=None, description="Version that measured it.")
    suite: str | None = None
    seed: int | None = None
    device: str | None = None
    commit: str | None = None
    finished: str | None = None
    complete: bool | None = Field(default=None, description="False where any cell of the run is missing or failed.")


class ModelDetails(Record):
    """What an audit cannot know of a model: `about.toml` beside its audit.json."""

    model: str | None = Field(default=None, description="Its name on the leaderboard.")
    dataset: str | None = Field(default=None, description="What people call the data, such as cifar10.")
    title: str | None = Field(default=None, description="Title of the paper.")
    authors: str | None = None
    venue: str | None = None
    link: str | None = None
    architecture: str | None = None
    extra_data: bool | None = Field(default=None, description="Whether it was trained on more than the data set's own training part.")
    forward_passes: int | None = Field(default=None, description="Passes of the network for one answer.")
    footnote: str | None = None


class Entry(Record):
    """One model under one threat on one sample.

    Numbers of different kinds are never in one field: `attacked` bounds from above, `proven` from below, `clean` and `average` estimate.
    """

    schema_version: str = SCHEMA_VERSION
    model: str
    paper: Paper = Paper()
    architecture: str | None = None
    extra_data: bool | None = Field(default=None, description="Whether it was trained on more than the data set's own training part.")
    forward_passes: int | None = Field(default=None, description="Passes of the network for one answer.")
    dataset: str = Field(description="What people call the data.")
    sample: Sample | None = Field(default=None, description="The very examples; null where the source does not say.")
    threat: Threat
    clean: Number | None = Field(default=None, description="Accuracy on the sample as it is.")
    attacked: list[Number] = Field(default_factory=list, description="Robust accuracy under each search, the least first.")
    proven: Number | None = Field(default=None, description="The greatest certified accuracy.")
    average: Number | None = Field(default=None, description="Accuracy under chance moves, or the mean over corruptions.")
    mean_corruption_error: float | None = Field(default=None, description="Against AlexNet's, 1 is as bad (Hendrycks & Dietterich 2019).")
    average_3d: float | None = Field(default=None, description="Accuracy under 3D common corruptions, as published.")
    mean_corruption_error_3d: float | None = Field(default=None, description="The same error for 3D common corruptions.")
    reported: float | None = Field(default=None, description="What the model's authors report, by whatever evaluation: ranks nothing.")
    unreliable: bool | None = Field(default=None, description="Whether the evaluation was flagged; null where nobody looked.")
    footnote: str | None = None
    notes: list[str] = Field(default_factory=list, description="What a reader must know.")
    as_written: dict[str, str | bool | int | float | None] | None = Field(default=None, description="The published file, word for word.")
    origin: Origin

    @model_validator(mode="after")
    def _kinds(self) -> Entry:
        wanted: list[tuple[str, Number | None, ClaimKind]] = [("clean", self.clean, "estimate"), ("average", self.average, "estimate")]
        wanted += [("proven", self.proven, "at_least"), *(("attacked", number, "at_most") for number in self.attacked)]
        for name, number, kind in wanted:
            if number is not None and number.kind != kind:
                raise ValueError(f"the kind of '{name}' must be {kind}, got {number.kind}")
        return self

    @property
    def bound(self) -> Number | None:
        """The tightest bound from above: the least that any search left."""
        return min((a for a in self.attacked if a.value is not None), key=lambda a: a.value or 0.0, default=None)

    def of_kind(self, kind: ClaimKind) -> Number | None:
        """Its number of this kind under the threat, the tightest of several."""
        numbers: dict[ClaimKind, Number | None] = {"at_least": self.proven, "estimate": self.average, "at_most": self.bound}
        return numbers[kind]

    @property
    def basis(self) -> Number | None:
        """The number that it is ranked by: what attacks left, else the average, else what is proven."""
        return next((n for n in (self.bound, self.average, self.proven) if n is not None and n.value is not None), None)

    @property
    def flags(self) -> list[str]:
        """Every flag of the numbers it is shown with, once."""
        return list(dict.fromkeys(flag for n in (*self.attacked, self.average, self.proven) if n is not None for flag in n.flags))


class Place(Record):
    """An entry and its rank."""

    rank: int | None = Field(description="Shared with those that cannot be told from the first of the rank; null without a number.")
    tied: bool = Field(description="Whether another entry has this rank.")
    test: str = Field(description="How it was compared with the first of its rank or the one above: paired, intervals, value, or first.")
    lower: Number | None = Field(default=None, description="A lower bound that another table has of this model on these examples.")
    entry: Entry


class Board(Record):
    """Entries that can be compared: the same examples under the same searches, or published numbers."""

    claim: Claim
    basis: ClaimKind = Field(description="The kind of the number that it ranks by.")
    fingerprint: str | None = Field(description="Fingerprint of the examples; null where nobody said.")
    n: int | None = Field(description="Number of examples behind the ranked number.")
    made_by: list[str] = Field(description="The searches, with all options.")
    confidence: float | None = Field(description="That no pair of ranks is in the wrong order by chance, where all tests are paired.")
    places: list[Place]


class Section(Record):
    """One threat on one data set."""

    dataset: str
    threat: str
    family: str
    units: str
    boards: list[Board]
    differences: list[str] = Field(description="Why its boards are not one.")


class Leaderboard(Record):
    """All sections, those with the most entries first."""

    sections: list[Section]

    def entries(self) -> list[Entry]:
        """Every entry that is shown."""
        return [place.entry for section in self.sections for board in section.boards for place in board.places]
