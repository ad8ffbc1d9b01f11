"""`shiftproof report`."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof.cli._notes import echo_notes
from shiftproof.cli._say import say, say_lines


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> int:
    """Show the finished run in FOLDER again and rewrite its page; of a folder of several runs, write an index of them."""
    from rich.console import Console

    from shiftproof._writing import disk_error
    from shiftproof.records.audit import read_audit
    from shiftproof.reports.audit.group_gaps import gap_lines
    from shiftproof.reports.audit.measures import measure_sentence
    from shiftproof.reports.audit.page import write_page
    from shiftproof.reports.audit.terminal import terminal_table
    from shiftproof.reports.audit.verdict import verdict_line

    if not (folder / "audit.json").exists() and folder.is_dir():
        return _several(folder)
    audit = read_audit(folder)
    try:
        page = write_page(folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    say_lines([line for line in (verdict_line(audit),) if line])
    Console().print(terminal_table(audit))
    say_lines([*measure_sentence(audit), *gap_lines(audit)])
    echo_notes([*audit.model.notes, *audit.data.notes])
    say(f"Page: {page}")
    return 0


def _several(folder: Path) -> int:
    """The index of all runs below a folder."""
    from rich.console import Console

    from shiftproof._writing import disk_error
    from shiftproof.reports.index import find_runs, terminal_index, write_index

    runs = find_runs(folder)
    try:
        page = write_index(runs, folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    Console().print(terminal_index(runs))
    say(f"Page: {page}")
    return 0
