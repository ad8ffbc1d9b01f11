"""`shiftproof drift`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from shiftproof.cli._say import say


@click.command("drift")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--model", required=True, help="As for audit; it must give classes.")
@click.option("--weights", metavar="FILE", help="Weights of a torch module.")
@click.option("--limit", type=click.IntRange(min=1), help="Use the first this many examples of each sample.")
@click.option(
    "--confidence", type=float, default=0.95, show_default=True, help="Of intervals, and that no column is called moved by chance."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--batch-size", type=int, default=256, show_default=True, help="Inputs per call of the model.")
@click.option("--device", default="cpu", show_default=True, help="Torch device.")
@click.option("--out", required=True, metavar="DIR", help="Folder of drift.json and the page.")
def command(**options: Any) -> int:
    """Find which columns of a table moved between the samples A and B, and what that has to do with the change in accuracy.

    \b
    shiftproof drift "adult.csv?label=income&where=age<40" "adult.csv?label=income&where=age>=40" --model credit.py:make --out runs/drift
    """  # noqa: D301  # \b is click's mark for lines to keep
    from rich.console import Console

    from shiftproof.evaluation.drift.drift import FILE, DriftConfig, run_drift
    from shiftproof.reports.drift import terminal_drift

    config = DriftConfig(**{name: value for name, value in options.items() if value is not None})
    record = run_drift(config)
    Console().print(terminal_drift(record))
    say(f"Page:   {Path(config.out) / 'index.html'}\nRecord: {Path(config.out) / FILE}")
    return 0
