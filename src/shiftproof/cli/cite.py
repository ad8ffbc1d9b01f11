"""`shiftproof cite`."""

from __future__ import annotations

import click

from shiftproof.cli._options import local_folders
from shiftproof.cli._say import say


@click.command("cite")
@click.argument("folder", type=click.Path())
def command(folder: str) -> int:
    """Print BibTeX for the methods that the run in FOLDER (a URL too) used (an audit, a comparison of defences or a training)."""
    from shiftproof.reports.cite import cite_folder

    say(cite_folder(*local_folders([folder])))
    return 0
