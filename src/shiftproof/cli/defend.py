"""`shiftproof defend`."""

from __future__ import annotations

from typing import Any

import click

from shiftproof.cli._notes import echo_notes
from shiftproof.cli._options import OUT, box_of, data_option, model_options, one_model
from shiftproof.cli._say import say


@click.command("defend")
@click.argument("place", required=False, metavar="[MODEL]")
@model_options()
@data_option("Data to measure on, as for audit.")
@click.option("--train-data", metavar="URI", help="Data to train on; The model must then be a factory. Without it, it is not trained.")
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
@click.option("--out", required=True, metavar="DIR", type=OUT, help="Folder of the record and the page.")
@click.option("--limit", type=int, help="Measure on the first N examples only.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the run.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Confidence of the intervals.")
@click.option("--batch-size", type=int, default=256, show_default=True, help="Inputs per forward pass.")
def command(place: str | None, model: str | None, quiet: bool, box: str | None, corruptions: tuple[str, ...], **options: Any) -> int:
    """Compare defences of a model, each under an attack adapted to it, and their costs.

    \b
    shiftproof defend --model nets.py:small --train-data "digits:?split=train" --threat "linf(eps=0.2)" --unseen "l2(eps=1)" \\
        --defence jpeg --defence gradient_masking --train adversarial --out runs/defend
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof._memory import keep_freed_memory
    from shiftproof.evaluation.config import checked
    from shiftproof.evaluation.defend.defend import DefendConfig, run_defend
    from shiftproof.reports.defend import summary

    keep_freed_memory()
    chosen: dict[str, Any] = {"corruptions": corruptions} if corruptions else {}
    given = {name: value for name, value in options.items() if value is not None}
    config = checked(DefendConfig, {**given, **chosen, "model": one_model(model, place), "box": box_of(box)}, "defend")
    record = run_defend(config, say=lambda line: None if quiet else say(line, err=True))
    if not quiet:
        say(summary(record))
        echo_notes([*record.data.notes, *record.notes])
        say(f"\nPage:   {config.out}/index.html\nRecord: {config.out}/defend.json")
    return 0
