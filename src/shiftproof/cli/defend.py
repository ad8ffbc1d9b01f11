"""`shiftproof defend`."""

from __future__ import annotations

from typing import Any

import click

from shiftproof.cli._notes import echo_notes
from shiftproof.cli._say import say


@click.command("defend")
@click.argument("model")
@click.option("--data", metavar="URI", default="digits:", show_default=True, help="Data to measure on, as for audit.")
@click.option("--train-data", metavar="URI", help="Data to train on; MODEL must then be a factory. Without it, MODEL is not trained.")
@click.option("--weights", metavar="FILE", help="Weights of MODEL, if it is already trained.")
@click.option(
    "--model-version", metavar="TEXT", help="A label for the model's state, if its code and weights do not determine its answers."
)
@click.option("--threat", required=True, metavar="SPEC", help="The shift that defences are built for, such as 'linf(eps=0.2)'.")
@click.option("--unseen", required=True, metavar="SPEC", help="A shift that they are not built for, such as 'l2(eps=1)'.")
@click.option("--defence", "defences", multiple=True, metavar="SPEC", help="A defence at inference time. May be repeated.")
@click.option("--train", multiple=True, metavar="METHOD", help="A defence by training, such as adversarial. May be repeated.")
@click.option("--search", metavar="SPEC", default="cascade", show_default=True, help="The attack, adapted to each defence.")
@click.option("--corruption", "corruptions", multiple=True, metavar="NAME", help="A corruption, measured at severity 3. May be repeated.")
@click.option("--epochs", type=int, help="Passes over the training data. [20, or as many as make 1,000 steps]")
@click.option("--optimiser", metavar="SPEC", default="adam(lr=0.003)", show_default=True, help="Optimiser of every training run.")
@click.option("--out", required=True, metavar="DIR", help="Folder of the record and the page.")
@click.option("--box", metavar="LOW,HIGH", help="Smallest and largest legal input value, such as 0,1.")
@click.option("--limit", type=int, help="Measure on the first N examples only.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the run.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Confidence of the intervals.")
@click.option("--batch-size", type=int, default=256, show_default=True, help="Inputs per forward pass.")
@click.option("--device", default="cpu", show_default=True, help="Torch device.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def command(quiet: bool, box: str | None, corruptions: tuple[str, ...], **options: Any) -> int:
    """Compare defences of MODEL, each under an attack adapted to it, and their costs.

    \b
    shiftproof defend nets.py:small --train-data "digits:?split=train" --threat "linf(eps=0.2)" --unseen "l2(eps=1)" \\
        --defence jpeg --defence gradient_masking --train adversarial --out runs/defend
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof._memory import keep_freed_memory
    from shiftproof.cli.audit import box_of
    from shiftproof.evaluation.defend.defend import DefendConfig, run_defend
    from shiftproof.reports.defend import summary

    keep_freed_memory()
    chosen: dict[str, Any] = {"corruptions": corruptions} if corruptions else {}
    config = DefendConfig(**options, **chosen, box=box_of(box) if box else None)
    record = run_defend(config, say=lambda line: None if quiet else say(line, err=True))
    if not quiet:
        say(summary(record))
        echo_notes([*record.data.notes, *record.notes])
        say(f"\nPage:   {config.out}/index.html\nRecord: {config.out}/defend.json")
    return 0
