"""`shiftproof cite`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("cite")
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> int:
    """Print BibTeX for the methods that the run in FOLDER used (an audit, a comparison of defences or a training)."""
    from shiftproof.reports.cite import cite_folder

    click.echo(cite_folder(folder))
    return 0
