"""The gate of a command: its verdicts as JUnit XML, and how the command ends."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shiftproof._urls import check_file
from shiftproof.cli._say import say

if TYPE_CHECKING:
    from shiftproof.records.audit import Audit

_NO_VERDICT = (2, 3)


def cleared(junit: str | None) -> Path | None:
    """Where the verdicts go, without those of an earlier run: they are none of this one, however it ends."""
    if not junit:
        return None
    check_file(junit, "--junit")
    path = Path(junit).absolute()
    with suppress(OSError):  # where it cannot be removed, it cannot be written either, and that is said
        path.unlink()
    return path


def write_junit(path: Path, record: Audit) -> None:
    """Writes what the conditions of a record came to."""
    from shiftproof._writing import disk_error, write_atomic
    from shiftproof.gate import junit

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, junit(record, record.gates).encode())
    except OSError as error:
        raise disk_error(path.parent, error) from error


def ended(record: Audit) -> int:
    """The exit code of a command with this record; says why there is no verdict, or which answers are missing."""
    from shiftproof.gate import exit_code
    from shiftproof.reports.notes import missing_answers, unjudged

    code = exit_code(record.gates, record.complete, too_many_missing=record.too_many_missing)
    why = unjudged(record, record.gates) if code in _NO_VERDICT else missing_answers(record)
    if why:
        say(f"shiftproof: {why}", err=True)
    return code
