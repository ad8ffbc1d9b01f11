"""`shiftproof train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from shiftproof.cli._notes import echo_notes
from shiftproof.cli._say import say


@click.command("train")
@click.argument("model")
@click.option("--data", required=True, metavar="URI", help="Training data: digits:?split=train, idx:DIR?split=train, npz:FILE, ...")
@click.option(
    "--method",
    required=True,
    metavar="SPEC",
    help="Training method, such as 'adversarial(shift=linf(eps=0.1))'. See 'shiftproof list methods'.",
)
@click.option("--out", required=True, metavar="DIR", help="Folder of the run. Run again with the same folder to continue.")
@click.option("--box", metavar="LOW,HIGH", help="Smallest and largest legal input value, such as 0,1.")
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
    """Train the network that MODEL makes, and keep its best epoch under attack.

    MODEL is FILE.py:NAME or package.module:NAME, where NAME is a function without arguments that returns a torch module.

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
        say(str(done))
        echo_notes(source.notes)
        say(f"\nPage:    {out}/index.html\nWeights: {out}/best.safetensors\nRecord:  {out}/training.json")
    return int(any(flag.name == "nan_loss" for flag in done.flags))
