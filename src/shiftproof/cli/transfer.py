"""`shiftproof transfer`."""

from __future__ import annotations

import sys
from typing import Any

import click

from shiftproof.cli._notes import echo_notes
from shiftproof.cli._options import MODEL_EXAMPLE, OUT, SEARCH, SHIFT, box_of, data_option, model_options, names_of_each, needed
from shiftproof.cli._say import say


@click.command("transfer")
@model_options(several=True)
@data_option("Data, as for audit.")
@click.option("--limit", type=int, help="Use only the first N examples.")
@click.option("--shift", required=True, metavar="SPEC", type=SHIFT, help="A shift, such as 'linf(eps=8/255)'.")
@click.option("--search", metavar="SPEC", type=SEARCH, help="The attack. [20 steps of gradient ascent with momentum]")
@click.option("--out", required=True, metavar="DIR", type=OUT, help="Folder of the record and the page.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the run.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Confidence of the intervals.")
@click.option("--batch-size", type=int, default=256, show_default=True, help="Inputs per forward pass.")
def command(quiet: bool, box: str | None, **options: Any) -> int:
    """Attack each model and test whether the failures transfer to the others.

    \b
    shiftproof transfer --model a.onnx --model b.onnx --data npz:FILE.npz --shift "linf(eps=0.1)" --search square --out runs/transfer
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof.evaluation.config import checked
    from shiftproof.evaluation.transfer.transfer import TransferConfig, run_transfer
    from shiftproof.reports.transfer import summary

    needed("model", options["models"], MODEL_EXAMPLE)
    names_of_each(options["models"], options["names"])
    given = {name: value for name, value in options.items() if value is not None}
    config = checked(TransferConfig, {**given, "box": box_of(box)}, "transfer")
    record = run_transfer(config, show=not quiet and sys.stderr.isatty())
    if not quiet:
        say(summary(record))
        echo_notes([*(note for card in record.models for note in card.notes), *record.data.notes])
        say(f"\nPage:   {config.out}/index.html\nRecord: {config.out}/transfer.json")
    return 0
