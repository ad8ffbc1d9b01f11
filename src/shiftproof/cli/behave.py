"""`shiftproof behave`."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof.cli._say import say


@click.command("behave")
@click.argument("tests", type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="SPEC", help="A model of texts, as for audit.")
@click.option("--classes", default="", metavar="NAMES", help="Names of the model's classes in its order, split at commas.")
@click.option("--fail-above", type=click.FloatRange(0, 1), metavar="RATE", help="Exit with code 1 if a test fails in more cases than this.")
@click.option("--confidence", type=float, default=0.95, help="Confidence of the intervals. [0.95]")
@click.option("--batch-size", type=click.IntRange(min=1), default=256, help="Texts per forward pass. [256]")
def command(tests: Path, model: str, classes: str, fail_above: float | None, confidence: float, batch_size: int) -> int:
    """Run behavioural tests on a text classifier: what it must say (MFT), what must not matter (INV), which way it must go (DIR).

    \b
    shiftproof behave tests.jsonl --model mine.py:model --classes neg,pos --fail-above 0.05
    """  # noqa: D301  # \b is click's mark for lines to keep
    from rich.console import Console
    from rich.table import Table

    from shiftproof.data.rows import Items
    from shiftproof.data.space import TextSpace
    from shiftproof.evaluation.behaviour import behaviour, read_behaviour
    from shiftproof.models.load import load_model

    names = tuple(name.strip() for name in classes.split(",") if name.strip())
    cases = read_behaviour(tests, names)
    probe = Items(case.text for case in cases[:8])
    loaded = load_model(model, space=TextSpace(), probe=probe, class_names=names)
    results = behaviour(loaded, cases, class_names=names, confidence=confidence, batch_size=batch_size)
    table = Table("test", "type", "cases", "failed", "rate", f"{confidence:.0%} interval")
    for one in results:
        table.add_row(
            one.test, one.sort, str(one.n), str(one.failed), f"{one.rate:.1%}", f"{one.interval.low:.1%} to {one.interval.high:.1%}"
        )
    Console().print(table)
    for one in results:
        for text, asked, answer in one.failures:
            say(f"{one.test}: {text!r} -> {asked!r}: {answer}")
    return 1 if fail_above is not None and any(one.rate > fail_above for one in results) else 0
