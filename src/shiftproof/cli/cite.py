"""`shiftproof cite`."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof.cli._say import say


@click.command("cite")
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> int:
    """Print the BibTeX of everything that the audit, the comparison of defences or the training in FOLDER used."""
    from shiftproof.reports.cite import cite_folder

    say(cite_folder(folder))
    return 0
