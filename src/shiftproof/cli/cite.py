"""`shiftproof cite`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("cite")
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> int:
    """Print the BibTeX of everything that the run in FOLDER used."""
    from shiftproof.reports.cite import cite
    from shiftproof.reports.read import read_audit

    click.echo(cite(read_audit(folder)))
    return 0
