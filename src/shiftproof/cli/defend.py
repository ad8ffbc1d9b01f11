"""`shiftproof defend`."""

from __future__ import annotations

from typing import Any

import click

from shiftproof.cli._notes import echo_notes


@click.command("defend")
@click.argument("model")
@click.option("--data", metavar="URI", default="digits:", show_default=True, help="The sample that is measured on, as of audit.")
@click.option("--train-data", metavar="URI", help="Another sample, on which MODEL, then a factory, is trained. Without, MODEL is as it is.")
@click.option("--weights", metavar="FILE", help="Weights of a model that is trained already.")
@click.option("--model-version", metavar="TEXT", help="What you call this state of the model, where its code and weights do not tell it.")
@click.option("--threat", required=True, metavar="SPEC", help="The shift that defences may know, such as 'linf(eps=0.2)'.")
@click.option("--unseen", required=True, metavar="SPEC", help="Another, such as 'l2(eps=1)'.")
@click.option("--defence", "defences", multiple=True, metavar="SPEC", help="A defence at inference time. May be repeated.")
@click.option("--train", multiple=True, metavar="METHOD", help="A training method, such as adversarial. May be repeated.")
@click.option("--search", metavar="SPEC", default="cascade", show_default=True, help="The adaptive search.")
@click.option("--corruption", "corruptions", multiple=True, metavar="NAME", help="A corruption, at severity 3. May be repeated.")
@click.option("--epochs", type=int, help="Passes over the training data. [20, or as many as make 1,000 steps]")
@click.option("--optimiser", metavar="SPEC", default="adam(lr=0.003)", show_default=True, help="Of every training.")
@click.option("--out", required=True, metavar="DIR", help="Folder of the record and the page.")
@click.option("--box", metavar="LOW,HIGH", help="Least and greatest legal input value, such as 0,1.")
@click.option("--limit", type=int, help="Measure on the first this many examples.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the run.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Confidence of the intervals.")
@click.option("--batch-size", type=int, default=256, show_default=True, help="Inputs per call of a model.")
@click.option("--device", default="cpu", show_default=True, help="Torch device.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def command(quiet: bool, box: str | None, corruptions: tuple[str, ...], **options: Any) -> int:
    """Compare defences of MODEL, each under the attack that knows it, with its cost.

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
    record = run_defend(config, say=lambda line: None if quiet else click.echo(line, err=True))
    if not quiet:
        click.echo(summary(record))
        echo_notes([*record.data.notes, *record.notes])
        click.echo(f"\nPage:   {config.out}/index.html\nRecord: {config.out}/defend.json")
    return 0
