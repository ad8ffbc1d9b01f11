"""`shiftproof stress`."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof.cli._options import local_folders, out_folder
from shiftproof.cli._say import say


@click.command("stress")
@click.argument("folder", type=click.Path())
@click.option("--floor", type=float, default=0.8, help="The lowest acceptable accuracy. [0.8]")
@click.option(
    "--risk", default="chi_square", metavar="NAME", help="How the mix may change: chi_square, kl, total_variation or cvar. [chi_square]"
)
@click.option("--shift", metavar="SPEC", default="identity", help="A shift of the run. [identity: the data as they are]")
@click.option("--search", metavar="SPEC", help="A search of the run. [the one with the lowest accuracy]")
@click.option("--least", type=click.IntRange(min=1), default=20, help="Skip slices with fewer examples. [20]")
@click.option("--confidence", type=float, default=0.95, help="Confidence of the intervals. [0.95]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the page. [FOLDER]")
def command(folder: str, floor: float, risk: str, shift: str, search: str | None, least: int, confidence: float, out: Path | None) -> int:
    """Find how far the mix of examples can change before accuracy in the run in FOLDER falls below a floor, and which slices cause it.

    FOLDER may be a URL, with --out.

    \b
    shiftproof stress runs/adult --floor 0.8
    shiftproof stress runs/digits --risk kl --shift "linf(eps=8/255)"
    """  # noqa: D301  # \b is click's mark for lines to keep
    from rich.console import Console

    from shiftproof._writing import disk_error
    from shiftproof.evaluation.curves.stress_run import stress_run
    from shiftproof.reports.stress import terminal_stress, write_stress

    target = out_folder(out or Path(folder))
    (place,) = local_folders([folder])
    curve = stress_run(place, shift=shift, search=search, risk=risk, floor=floor, least=least, confidence=confidence)
    Console().print(terminal_stress(curve))
    try:
        page = write_stress(curve, target)
    except OSError as error:
        raise disk_error(target if target.is_dir() else target.parent, error) from error
    say(f"Page: {page}")
    return 0
