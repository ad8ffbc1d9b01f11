"""`shiftproof train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from shiftproof.cli._notes import echo_notes


@click.command("train")
@click.argument("model")
@click.option("--data", required=True, metavar="URI", help="What is trained on: digits:?split=train, idx:DIR?split=train, npz:FILE, ...")
@click.option("--method", required=True, metavar="SPEC", help="Such as 'adversarial(shift=linf(eps=0.1))': see shiftproof list methods.")
@click.option("--out", required=True, metavar="DIR", help="Folder of the run. The same folder again goes on where it stopped.")
@click.option("--box", metavar="LOW,HIGH", help="Least and greatest legal input value, such as 0,1.")
@click.option("--limit", type=int, help="Use the first this many examples.")
@click.option("--epochs", type=int, help="Passes over the examples. [10]")
@click.option("--batch-size", type=int, help="Examples a step. [128]")
@click.option("--optimiser", metavar="SPEC", help="sgd, adam or adamw. ['sgd(lr=0.1, momentum=0.9, weight_decay=5e-4)']")
@click.option("--schedule", metavar="NAME", help="Of the learning rate: constant, cosine, cyclic or steps. [cyclic]")
@click.option("--average", metavar="SPEC", help="Of the weights: none, 'ema(decay=0.999)' or 'swa(start=0.75)'. [none]")
@click.option("--clip", type=float, help="Largest norm of a gradient; 0 for any. [0]")
@click.option("--precision", metavar="NAME", help="float32 or bfloat16. [float32]")
@click.option("--held-out", type=float, help="Share of the examples that chooses the checkpoint. [0.1]")
@click.option("--search", metavar="SPEC", help="Of the attack on these. ['gradient_ascent(steps=20, loss=margin)']")
@click.option("--threat", metavar="SPEC", help="The shift that they are attacked under. [the method's]")
@click.option("--unseen", metavar="SPEC", help="Another shift that they are attacked under, which chooses nothing; none for none. [auto]")
@click.option("--seed", type=int, help="Seed of the run. [0]")
@click.option("--model-version", metavar="TEXT", help="What you call this state of the model, where its code and weights do not tell it.")
@click.option("--device", default="cpu", help="Torch device. [cpu]")
@click.option("--quiet", is_flag=True, help="No progress bar and no summary.")
def command(
    model: str,
    data: str,
    method: str,
    out: str,
    box: str | None,
    limit: int | None,
    model_version: str | None,
    device: str,
    quiet: bool,
    **recipe: Any,
) -> int:
    """Train the network that MODEL makes (package.module:factory or file.py:factory), and keep its best epoch under attack.

    \b
    shiftproof train nets.py:small --data "digits:?split=train" --method "adversarial(shift=linf(eps=0.1))" --out runs/robust
    shiftproof audit --model nets.py:small --weights runs/robust/best.safetensors --data digits: --out runs/audit
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof._memory import keep_freed_memory
    from shiftproof.cli.audit import box_of
    from shiftproof.data.load import load_data
    from shiftproof.evaluation.defend.training import training_of
    from shiftproof.reports.training import write_training
    from shiftproof.training.network import factory_of
    from shiftproof.training.train import train

    keep_freed_memory()
    source = load_data(data, box=box_of(box) if box else None, limit=limit)
    given = {key: value for key, value in recipe.items() if value is not None}
    shown = not quiet and sys.stderr.isatty()
    folder = Path(out).absolute()  # a network that is trained may leave the working folder
    done = train(factory_of(model), source, method, out=folder, device=device, progress=shown, version=model_version, **given)
    write_training(training_of(done), folder, method=method, data=source.uri, attack=done.attack)
    if not quiet:
        click.echo(str(done))
        echo_notes(source.notes)
        click.echo(f"\nPage:    {out}/index.html\nWeights: {out}/best.safetensors\nRecord:  {out}/training.json")
    return int(any(flag.name == "nan_loss" for flag in done.flags))
