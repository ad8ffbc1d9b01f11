"""`shiftproof severity`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shiftproof.cli._notes import echo_notes

if TYPE_CHECKING:
    from shiftproof.evaluation.curves.severity_curve import SeverityCurve
    from shiftproof.shifts.abstract import Shift

_MOST_SEVERE = 5.0
"""The greatest published severity, which corruptions are followed up to where nothing else is said."""


@click.command("severity")
@click.option("--model", "models", multiple=True, required=True, help="As for audit. Several are compared along the shift.")
@click.option("--shift", "spec", metavar="SPEC", required=True, help="Followed from 0 up to its strength; corruptions up to 5 if none.")
@click.option("--data", metavar="URI", default="digits:", help="As for audit. [digits:]")
@click.option("--limit", type=click.IntRange(min=1), help="Use the first this many examples.")
@click.option("--points", type=int, default=11, help="Levels, 0 among them. [11]")
@click.option("--halvings", type=int, default=6, help="Bisections of each example's failure point. [6]")
@click.option("--seed", type=int, default=0, help="Seed of the draws. [0]")
@click.option("--confidence", type=float, default=0.95, help="Confidence of the intervals. [0.95]")
@click.option("--batch-size", type=int, default=256, help="Inputs per call of the model. [256]")
@click.option("--out", type=click.Path(path_type=Path), help="Also write the page here.")
def command(
    models: tuple[str, ...],
    spec: str,
    data: str,
    limit: int | None,
    points: int,
    halvings: int,
    seed: int,
    confidence: float,
    batch_size: int,
    out: Path | None,
) -> int:
    """Follow a shift as it grows: accuracy at each level, where examples fail, and how models change places.

    \b
    shiftproof severity --model nets.py:small --shift gaussian_noise --data "idx:DIR?split=test" --limit 500
    shiftproof severity --model a.onnx --model b.onnx --shift "rotation(degrees=90)" --data npz:FILE.npz --out severity.html
    """  # noqa: D301  # \b is click's mark for lines to keep
    from rich.console import Console

    from shiftproof.data.load import load_data
    from shiftproof.data.together import together
    from shiftproof.evaluation.class_fit import fit_classes
    from shiftproof.evaluation.curves.severity_curve import severity_curve
    from shiftproof.models.load import load_model
    from shiftproof.models.meter import metering
    from shiftproof.preflight import PROBES
    from shiftproof.reports.terminal_severity import terminal_severity

    shift = _shift(spec)
    source = load_data(data, limit=limit)
    source.require_classes("severity")
    examples = source.take(slice(None))
    curves: list[SeverityCurve] = []
    notes: list[str] = []
    for spec in models:
        with metering() as meter:  # what is asked while it is loaded is sent too
            model = load_model(
                spec, space=source.space, probe=examples.x[:PROBES], class_names=source.class_names, groups=tuple(source.groups)
            )
            fit_classes(model, together(source))
            notes += model.notes
            curve = severity_curve(
                model,
                shift,
                examples=examples,
                points=points,
                halvings=halvings,
                seed=seed,
                batch_size=batch_size,
                confidence=confidence,
            )
        curves.append(replace(curve, sent=meter.sent))
    Console().print(terminal_severity(curves))
    echo_notes([*notes, *source.notes])
    if out is not None:
        click.echo(f"Page: {_write(curves, data, out)}")
    return 0


def _shift(spec: str) -> Shift:
    """The shift of a spec, at the greatest published severity where it needs one and none is given."""
    from shiftproof._part import required_options
    from shiftproof.registry import parse_spec
    from shiftproof.shifts import shifts

    name, placed, named = parse_spec(spec)
    if not placed and not named and required_options(shifts.get(name)) == ("severity",):
        return shifts.build(f"{name}(severity={_MOST_SEVERE})")
    return shifts.build(spec)


def _write(curves: list[SeverityCurve], data: str, out: Path) -> Path:
    from shiftproof.reports.severity import write_severity
    from shiftproof.runs.store import disk_error

    try:
        return write_severity(curves, data, out)
    except OSError as error:
        raise disk_error(out if out.is_dir() else out.parent, error) from error
