"""What commands print: the one way to a terminal for texts that hold names and errors of others, but for rich's tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TextIO

import click

from shiftproof._printable import printable


def say(text: str = "", stream: TextIO | None = None, *, err: bool = False) -> None:
    """Prints lines to standard output, standard error or a stream; no character in them steers the terminal."""
    click.echo(printable(text, keep="\n\t"), stream, err=err)


def say_lines(lines: Iterable[str]) -> None:
    """Prints sentences; on a terminal they are broken between words, and never inside an interval."""
    from shiftproof.reports.terminal_fit import wrapped

    found = list(lines)
    if found:
        say(wrapped(found) if sys.stdout.isatty() else "\n".join(found))
