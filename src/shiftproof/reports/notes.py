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


def missing_answers(audit: Audit) -> str:
    """What is to be said of a run in which answers did not come, in a line; empty where all came."""
    silent = [cell for cell in audit.cells if cell.unanswered]
    if not silent:
        return ""
    worst = max(silent, key=lambda cell: cell.unanswered / cell.n)
    share = f"{worst.unanswered} of {plural(worst.n, 'example')} of {worst.shift} under {worst.search}"
    more = f", and to fewer in {plural(len(silent) - 1, 'other cell')}" if len(silent) > 1 else ""
    limit = " That is more than 5%, so no verdict is given." if audit.too_many_missing else " Their numbers are brackets."
    again = "" if audit.model.fingerprint.startswith("recorded:") else " Run again with the same output folder to ask only these."
    return f"No answer came to {share}{more}.{limit}{again}"  # nothing can be asked again of what another tool recorded


def unjudged(audit: Audit, gates: Iterable[GateRecord]) -> str:
    """Why a run ends without a verdict (exit code 2 or 3), in a line: what did not finish, and the conditions that it leaves open."""
    if audit.too_many_missing:
        return printable(missing_answers(audit))
    left: list[tuple[str, str, str | None]] = [
        (f"{cell.shift} under {cell.search}", cell.state, cell.error) for cell in audit.cells if not cell.measured
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
