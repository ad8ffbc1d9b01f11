"""`shiftproof compare`."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof._errors import UsageError
from shiftproof._secrets import without_secrets
from shiftproof.cli._options import local_folders, out_folder
from shiftproof.cli._say import say


@click.command("compare")
@click.argument("folders", nargs=-1, required=True, type=click.Path())
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the page, if one is wanted.")
def command(folders: tuple[str, ...], out: Path | None) -> int:
    """Compare the runs in FOLDERS (URLs too) with the first one; on the same examples, differences are tested in pairs."""
    from rich.console import Console

    from shiftproof._writing import disk_error
    from shiftproof.evaluation.compare import compare_runs
    from shiftproof.reports.audit.terminal import terminal_comparison
    from shiftproof.reports.compare import write_comparison

    if len(folders) < 2:
        raise UsageError("Compare needs at least two folders of runs: shiftproof compare runs/a runs/b.")
    folder = None if out is None else out_folder(out)
    comparison = compare_runs(local_folders(folders), called=[without_secrets(folder) for folder in folders])
    Console().print(terminal_comparison(comparison))
    if folder is not None:
        try:
            page = write_comparison(comparison, folder)
        except OSError as error:
            raise disk_error(folder if folder.is_dir() else folder.parent, error) from error
        say(f"Page: {page}")
    return 0
