"""Notes about models and data, printed below a command's summary."""

from __future__ import annotations

from collections.abc import Iterable

from shiftproof.cli._say import say


def echo_notes(notes: Iterable[str]) -> None:
    """Prints each note once, and nothing where there is none."""
    from shiftproof.reports.notes import noted

    said = noted(notes)
    if said:
        say(said)
