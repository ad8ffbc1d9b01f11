"""`shiftproof train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from shiftproof._urls import check_local
from shiftproof.cli._notes import echo_notes
from shiftproof.cli._options import OUT, box_of, data_option, model_options, needed, one_model
from shiftproof.cli._say import say


@click.command("train")
@click.argument("place", required=False, metavar="[MODEL]")
@model_options()
@data_option("Training data: digits:?split=train, idx:DIR?split=train, npz:FILE, ...")
@click.option(
    "--method",
    required=True,
    metavar="SPEC",
    help="Training method, such as 'adversarial(shift=linf(eps=0.1))'. See 'shiftproof list methods'.",
)
@click.option("--out", required=True, metavar="DIR", type=OUT, help="Folder of the run. Run again with the same folder to continue.")
@click.option("--limit", type=int, help="Use only the first N examples.")
@click.option("--epochs", type=int, help="Passes over the examples. [10]")
@click.option("--batch-size", type=int, help="Examples per step. [128]")
@click.option("--optimiser", metavar="SPEC", help="Optimiser: sgd, adam or adamw. ['sgd(lr=0.1, momentum=0.9, weight_decay=5e-4)']")
@click.option("--schedule", metavar="NAME", help="Learning rate schedule: constant, cosine, cyclic or steps. [cyclic]")
@click.option("--average", metavar="SPEC", help="Weight averaging: none, 'ema(decay=0.999)' or 'swa(start=0.75)'. [none]")
@click.option("--clip", type=float, help="Clip gradients to this norm; 0 does not clip. [0]")
@click.option("--precision", metavar="NAME", help="Number format: float32 or bfloat16. [float32]")
@click.option("--held-out", type=float, help="Share of the examples held out to choose the best epoch. [0.1]")
@click.option("--search", metavar="SPEC", help="Attack on the held-out examples. ['gradient_ascent(steps=20, loss=margin)']")
@click.option("--threat", metavar="SPEC", help="Shift of that attack. [that of the method]")
@click.option("--unseen", metavar="SPEC", help="A second shift to attack them under; it does not choose the epoch. 'none' for none. [auto]")
@click.option("--seed", type=int, help="Seed of the run. [0]")
@click.option(
    "--model-version", metavar="TEXT", help="A label for the model's state, if its code and weights do not determine its answers."
)
def command(
    place: str | None,
    model: str | None,
    weights: str | None,
    name: str | None,
    data: str | None,
    method: str,
    out: str,
    box: str | None,
    limit: int | None,
    model_version: str | None,
    device: str | None,
    quiet: bool,
    **recipe: Any,
) -> int:
    """Train the network that a model makes, and keep its best epoch under attack.

    The model is FILE.py:NAME or package.module:NAME, where NAME is a function without arguments that returns a torch module. With --weights
    it starts from these.

    \b
    shiftproof train --model nets.py:small --data "digits:?split=train" --method "adversarial(shift=linf(eps=0.1))" --out runs/robust
    shiftproof audit --model nets.py:small --weights runs/robust/best.safetensors --data digits: --out runs/audit
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof._memory import keep_freed_memory
    from shiftproof.data.load import load_data
    from shiftproof.evaluation.defend.training import training_of
    from shiftproof.reports.training import write_training
    from shiftproof.training.network import network_of
    from shiftproof.training.train import train

    check_local(out)
    keep_freed_memory()
    network = network_of(one_model(model, place), weights)
    source = load_data(needed("data", data, "digits:?split=train"), box=box_of(box), limit=limit)
    given = {key: value for key, value in recipe.items() if value is not None}
    shown = not quiet and sys.stderr.isatty()
    folder = Path(out).absolute()  # a network that is trained may leave the working folder
    done = train(network, source, method, out=folder, device=device or "cpu", progress=shown, version=model_version, **given)
    write_training(training_of(done), folder, method=method, data=source.uri, attack=done.attack)
    if not quiet:
        say(f"{name}: {done}" if name else str(done))
        echo_notes(source.notes)
        say(f"\nPage:    {out}/index.html\nWeights: {out}/best.safetensors\nRecord:  {out}/training.json")
    return int(any(flag.name == "nan_loss" for flag in done.flags))
