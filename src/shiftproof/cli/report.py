"""`shiftproof report`."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof.cli._notes import echo_notes
from shiftproof.cli._say import say


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> int:
    """Show the finished run in FOLDER again and rewrite its page; of a folder of several runs, write an index of them."""
    from rich.console import Console

    from shiftproof._writing import disk_error
    from shiftproof.records.audit import read_audit
    from shiftproof.reports.audit.page import write_page
    from shiftproof.reports.audit.terminal import terminal_table

    audit = read_audit(folder)
    try:
        page = write_page(folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    Console().print(terminal_table(audit))
    echo_notes([*audit.model.notes, *audit.data.notes])
    say(f"Page: {page}")
    return 0
