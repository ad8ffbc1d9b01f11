"""`shiftproof trust`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from shiftproof.cli._notes import echo_notes
from shiftproof.cli._options import OUT, SHIFT, box_of, data_option, model_options
from shiftproof.cli._say import say


@click.command("trust")
@model_options()
@data_option("The clean test sample, as for audit.")
@click.option("--calibrate", type=float, metavar="SHARE", help="Calibrate on this share of the data, chosen by id, and test on the rest.")
@click.option("--calibrate-on", metavar="URI", help="Calibrate on another sample, which the model was not trained on.")
@click.option("--shift", "shifts", multiple=True, metavar="SPEC", type=SHIFT, help="Such as 'gaussian_noise(severity=3)'. May be repeated.")
@click.option("--shift-from", multiple=True, metavar="[NAME=]URI", help="Another labelled sample: a natural shift. May be repeated.")
@click.option("--unfamiliar", multiple=True, metavar="[NAME=]URI", help="Inputs of no class of the model. May be repeated.")
@click.option("--sets", default="lac", show_default=True, help="Score of prediction sets: lac (the smallest), aps or raps.")
@click.option("--risk", type=float, default=0.05, show_default=True, help="Error rate promised among answers kept.")
@click.option("--delta", type=float, default=0.1, show_default=True, help="How often that promise may be false.")
@click.option(
    "--score", default="msp", show_default=True, help="Strangeness: msp, max_logit, energy; by features: mahalanobis, neighbours, sdm."
)
@click.option("--alarm-rate", type=float, default=0.05, show_default=True, help="Of familiar inputs, how many may raise an alarm.")
@click.option("--limit", type=click.IntRange(min=1), help="Use the first this many examples of the data.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Level of intervals and prediction sets.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of draws and of the calibration share.")
@click.option("--batch-size", type=int, default=256, show_default=True, help="Inputs per call of the model.")
@click.option("--out", required=True, metavar="DIR", type=OUT, help="Folder of trust.json and the page.")
def command(box: str | None, quiet: bool, **options: Any) -> int:
    """Can its confidence be trusted: calibration, abstention, prediction sets and alarms, before and after each shift.

    \b
    shiftproof trust --model tree.py:make --data "digits:?split=test" --calibrate 0.5 --shift "gaussian_noise(severity=3)" --out runs/trust
    shiftproof trust --model net.py:make --data "idx:DIR?split=test" --calibrate 0.3 --shift-from "usps=npz:usps.npz" --out runs/usps
    """  # noqa: D301  # \b is click's mark for lines to keep
    from rich.console import Console

    from shiftproof.evaluation.config import checked
    from shiftproof.evaluation.trust.trust import FILE, TrustConfig, run_trust
    from shiftproof.reports.terminal_trust import terminal_trust

    given = {name: value for name, value in options.items() if value is not None}
    config = checked(TrustConfig, {**given, "box": box_of(box)}, "trust")
    record = run_trust(config, say=(lambda line: say(line, err=True)) if sys.stderr.isatty() and not quiet else lambda _: None)
    if not quiet:
        Console().print(terminal_trust(record))
        echo_notes([*record.model.notes, *record.data.notes, *record.notes])
        say(f"Page:   {Path(config.out) / 'index.html'}\nRecord: {Path(config.out) / FILE}")
    return 0
