"""`shiftproof transfer`."""

from __future__ import annotations

import sys
from typing import Any

import click

from shiftproof.cli._notes import echo_notes


@click.command("transfer")
@click.option("--model", "models", multiple=True, required=True, metavar="SPEC", help="A model, as for audit. Give two or more.")
@click.option("--weights", multiple=True, metavar="FILE", help="Weights of each model, in the same order; - for none.")
@click.option("--data", metavar="URI", default="digits:", show_default=True, help="Data, as for audit.")
@click.option("--box", metavar="LOW,HIGH", help="Smallest and largest legal input value, such as 0,1.")
@click.option("--limit", type=int, help="Use only the first N examples.")
@click.option("--shift", required=True, metavar="SPEC", help="A shift, such as 'linf(eps=8/255)'.")
@click.option("--search", metavar="SPEC", help="The attack. [20 steps of gradient ascent with momentum]")
@click.option("--out", required=True, metavar="DIR", help="Folder of the record and the page.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the run.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Confidence of the intervals.")
@click.option("--batch-size", type=int, default=256, show_default=True, help="Inputs per forward pass.")
@click.option("--device", default="cpu", show_default=True, help="Torch device.")
@click.option("--quiet", is_flag=True, help="No progress bar and no summary.")
def command(quiet: bool, box: str | None, **options: Any) -> int:
    """Attack each model and test whether the failures transfer to the others.

    \b
    shiftproof transfer --model a.onnx --model b.onnx --data npz:FILE.npz --shift "linf(eps=0.1)" --search square --out runs/transfer
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof.cli.audit import box_of
    from shiftproof.evaluation.transfer.transfer import TransferConfig, run_transfer
    from shiftproof.reports.transfer import summary

    config = TransferConfig(**options, box=box_of(box) if box else None)
    record = run_transfer(config, show=not quiet and sys.stderr.isatty())
    if not quiet:
        click.echo(summary(record))
        echo_notes([*(note for card in record.models for note in card.notes), *record.data.notes])
        click.echo(f"\nPage:   {config.out}/index.html\nRecord: {config.out}/transfer.json")
    return 0
