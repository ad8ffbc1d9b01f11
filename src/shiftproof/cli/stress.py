"""`shiftproof stress`."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof.cli._say import say


@click.command("stress")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--floor", type=float, default=0.8, help="The accuracy that must be kept. [0.8]")
@click.option("--risk", default="chi_square", help="Which mixes: chi_square, kl, total_variation or cvar. [chi_square]")
@click.option("--shift", metavar="SPEC", default="identity", help="Which shift of the run. [identity]")
@click.option("--search", metavar="SPEC", help="Which of its searches. [the one with the least accuracy]")
@click.option("--least", type=click.IntRange(min=1), default=20, help="Slices of fewer examples are not looked at. [20]")
@click.option("--confidence", type=float, default=0.95, help="Confidence of the intervals. [0.95]")
@click.option("--out", type=click.Path(path_type=Path), help="Write the page here. [FOLDER/stress.html]")
def command(folder: Path, floor: float, risk: str, shift: str, search: str | None, least: int, confidence: float, out: Path | None) -> int:
    """How much the mix of examples may shift before the run in FOLDER falls below a floor, and who carries the weight there.

    \b
    shiftproof stress runs/adult --floor 0.8
    shiftproof stress runs/digits --risk kl --shift "linf(eps=8/255)"
    """  # noqa: D301  # \b is click's mark for lines to keep
    from rich.console import Console

    from shiftproof.evaluation.curves.stress_run import stress_run
    from shiftproof.reports.stress import terminal_stress, write_stress
    from shiftproof.runs.store import disk_error

    curve = stress_run(folder, shift=shift, search=search, risk=risk, floor=floor, least=least, confidence=confidence)
    Console().print(terminal_stress(curve))
    target = out or folder
    try:
        page = write_stress(curve, target)
    except OSError as error:
        raise disk_error(target if target.is_dir() else target.parent, error) from error
    say(f"Page: {page}")
    return 0
