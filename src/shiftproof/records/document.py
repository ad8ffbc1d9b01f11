"""What every record is: typed, frozen and strict; and a record that is a file of its own, with its seal."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from shiftproof._sealed import write_json

SENT = "Rows that reached the model: those that fill batches up are among them, stored answers are not."
"""What `sent` of every record counts."""


class Record(BaseModel):
    """Frozen, and strict about unknown keys: a typo in a file is an error, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Record):
    """A record that is a file of its own."""

    seal: str | None = Field(default=None, description="Checksum of the file, in its last line; null in memory.")


def write_document(path: Path, record: Document, kind: str) -> None:
    """Writes a record with its seal; `read_document` of the same kind reads it."""
    write_json(path, record.model_dump_json(indent=2, exclude={"seal"}), {"kind": kind})
