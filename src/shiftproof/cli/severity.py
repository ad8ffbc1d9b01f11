"""`shiftproof severity`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shiftproof.cli._notes import echo_notes
from shiftproof.cli._say import say

if TYPE_CHECKING:
    from shiftproof.records.severity import SeverityCurve
    from shiftproof.shifts.abstract import Shift

_MOST_SEVERE = 5.0
"""The greatest published severity, which corruptions are followed up to where nothing else is said."""


@click.command("severity")
@click.option("--model", "models", multiple=True, required=True, metavar="SPEC", help="A model, as for audit. Repeat it to compare models.")
@click.option("--weights", multiple=True, metavar="FILE", help="Weights of each model, in the same order; - for none.")
@click.option(
    "--shift",
    "spec",
    metavar="SPEC",
    required=True,
    help="A shift; measured from 0 up to its strength. A corruption without severity: up to 5.",
)
@click.option("--data", metavar="URI", default="digits:", help="Data, as for audit. [digits:]")
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first N examples.")
@click.option("--points", type=int, default=11, help="Number of levels, 0 included. [11]")
@click.option("--halvings", type=int, default=6, help="Bisection steps for each example's failure point. [6]")
@click.option("--seed", type=int, default=0, help="Seed of the random draws. [0]")
@click.option("--confidence", type=float, default=0.95, help="Confidence of the intervals. [0.95]")
@click.option("--batch-size", type=int, default=256, help="Inputs per forward pass. [256]")
@click.option("--out", type=click.Path(path_type=Path), help="Also write the page here.")
def command(
    models: tuple[str, ...],
    weights: tuple[str, ...],
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
    """Measure accuracy as a shift grows, where each example first fails, and how the order of models changes.

    \b
    shiftproof severity --model nets.py:small --weights small.safetensors --shift gaussian_noise --data digits:
    shiftproof severity --model a.onnx --model b.onnx --shift "rotation(degrees=90)" --data npz:FILE.npz --out severity.html
    """  # noqa: D301  # \b is click's mark for lines to keep
    from rich.console import Console

    from shiftproof.data.align import align
    from shiftproof.data.load import load_data
    from shiftproof.evaluation.class_fit import fit_classes
    from shiftproof.evaluation.curves.severity_curve import severity_curve
    from shiftproof.models.load import load_model
    from shiftproof.models.query_count import counting_queries
    from shiftproof.models.weights import weights_of_each
    from shiftproof.preflight import PROBES
    from shiftproof.reports.terminal_severity import terminal_severity

    shift = _shift(spec)
    source = load_data(data, limit=limit)
    source.require_classes("severity")
    examples = source.take(slice(None))
    curves: list[SeverityCurve] = []
    notes: list[str] = []
    for model_spec, file in zip(models, weights_of_each(models, weights), strict=True):
        with counting_queries() as count:  # what is asked while it is loaded is sent too
            model = load_model(
                model_spec,
                weights=file,
                space=source.space,
                probe=examples.x[:PROBES],
                class_names=source.class_names,
                groups=tuple(source.groups),
            )
            fit_classes(model, align(source))
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
        curves.append(replace(curve, sent=count.sent))
    Console().print(terminal_severity(curves))
    echo_notes([*notes, *source.notes])
    if out is not None:
        say(f"Page: {_write(curves, data, out)}")
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
    from shiftproof._writing import disk_error
    from shiftproof.reports.severity import write_severity

    try:
        return write_severity(curves, data, out)
    except OSError as error:
        raise disk_error(out if out.is_dir() else out.parent, error) from error
