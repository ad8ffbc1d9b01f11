"""Decisions made automatically about models and data, as a command prints them; and why a run has no verdict."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable

from shiftproof.records.audit import Audit, GateRecord
from shiftproof.reports.audit.masking_checks import unfinished_extras
from shiftproof.reports.number_format import plural, printable

_LINES = 4
"""Of a note on the terminal; the page has it whole."""


def noted(notes: Iterable[str]) -> str:
    """Notes for the terminal: each once, wrapped, cut after four lines; control characters do nothing.

    >>> print(noted(["Labels are words.", "Labels are words."]))
    Note: Labels are words.
    """
    width = shutil.get_terminal_size().columns
    once = dict.fromkeys(" ".join(printable(line) for line in note.splitlines()) for note in notes)
    return "\n".join(
        textwrap.fill(f"Note: {note}", width, subsequent_indent="      ", max_lines=_LINES, placeholder=" ...") for note in once
    )


def unjudged(audit: Audit, gates: Iterable[GateRecord]) -> str:
    """Why a run ends without a verdict (exit code 2), in a line: what did not finish, and the conditions that it leaves open."""
    left: list[tuple[str, str, str | None]] = [
        (f"{cell.shift} under {cell.search}", cell.state, cell.error) for cell in audit.cells if cell.state != "done"
    ]
    left += [(extra.what, extra.state, extra.error) for extra in unfinished_extras(audit)]
    said = [f"Incomplete: {plural(len(left), 'part')} of the run did not finish."] if left or not audit.complete else []
    if left:
        what, state, error = left[0]
        reason = f" ({error.strip().splitlines()[-1][:200]})" if error and error.strip() else ""
        said.append(f"First: {what}, {state}{reason}.")
    open_ = [gate.condition for gate in gates if gate.value is None]
    if open_:
        said.append(f"Not judged: {'; '.join(open_)}.")
    return printable(" ".join(said))
