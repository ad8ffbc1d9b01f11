"""What a model was asked and what it said, items by variants: `transcripts.json` beside a record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from shiftproof._errors import UsageError
from shiftproof._sealed import read_document
from shiftproof.records.document import Document, Record, write_document

FILE = "transcripts.json"
_KIND = "transcripts"


class Exchange(Record):
    """One variant of one item."""

    item: str = Field(description="Name of the item.")
    variant: str = Field(description="Name of the variant.")
    prompt: str = Field(description="What the model was asked, with the roles of its messages where it has several.")
    said: str = Field(default="", description="What it answered.")
    target: str = Field(default="", description="What is accepted.")
    score: float | None = Field(default=None, description="How right the answer is, in [0, 1]; null where no answer came.", ge=0, le=1)


class Transcripts(Document):
    """Items by variants, the items as they are among them."""

    source: list[str] = Field(description="Where they come from: files of another tool, or the URI of the data.")
    tool: str = Field(description="Which tool asked.")
    model: str = Field(description="Name of the model that answered.")
    scorer: str = Field(description="What called the answers right.")
    base: str = Field(description="The variant in which items are as they are.")
    searched: list[str] = Field(
        default_factory=list, description="Variants that a search chose to break items, so that no rate over them is an estimate."
    )
    left_out: int = Field(default=0, description="Items that are not here.")
    notes: list[str] = Field(default_factory=list, description="Decisions made automatically.")
    exchanges: list[Exchange]

    @property
    def variants(self) -> list[str]:
        """Names of the variants, the base first, then in their order."""
        return list(dict.fromkeys([self.base, *(one.variant for one in self.exchanges)]))

    def by_item(self) -> Mapping[str, Mapping[str, Exchange]]:
        """For each item, in its order, its variants by name."""
        found: dict[str, dict[str, Exchange]] = {}
        for one in self.exchanges:
            found.setdefault(one.item, {})[one.variant] = one
        return found


def write_transcripts(folder: Path, transcripts: Transcripts) -> None:
    """Writes `folder`/transcripts.json."""
    write_document(folder / FILE, transcripts, _KIND)


def read_transcripts(folder: Path) -> Transcripts | None:
    """What `write_transcripts` wrote; None where there is none.

    Raises:
        UsageError: it was changed since, or cannot be read.
    """
    source = folder / FILE
    if not source.is_file():
        return None
    try:
        return Transcripts.model_validate_json(read_document(source, _KIND))
    except ValidationError as error:
        raise UsageError(f"'{source}' holds no transcripts that this version of shiftproof can read: {error}") from error
