"""A run's records, read back."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from shiftproof._errors import UsageError
from shiftproof._sealed import read_document
from shiftproof.records.audit import Audit


def read_audit(folder: Path) -> Audit:
    """The records of a run folder; raises `UsageError` where there are none or they cannot be read."""
    source = folder / "audit.json"
    if not source.is_file():
        raise UsageError(
            f"The folder '{folder}' has no audit.json, so there is no run to read. Give the folder that an audit wrote to (--out)."
        )
    try:
        return Audit.model_validate_json(read_document(source, "audit"))
    except ValidationError as error:
        raise UsageError(f"'{source}' is not an audit that this version of shiftproof can read: {error}") from error
