"""`shiftproof severity`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shiftproof._errors import UsageError, must
from shiftproof.cli._notes import echo_notes
from shiftproof.cli._options import (
    DATA_EXAMPLE,
    MODEL_EXAMPLE,
    SHIFT,
    box_of,
    data_option,
    model_options,
    names_of_each,
    needed,
    out_folder,
)
from shiftproof.cli._say import say

if TYPE_CHECKING:
    from shiftproof.data.source import Source
    from shiftproof.models.abstract import Labels
    from shiftproof.records.severity import SeverityCurve

_MOST_SEVERE = 5.0
"""The greatest published severity, which corruptions are followed up to where nothing else is said."""


@click.command("severity")
@model_options(several=True)
@click.option(
    "--shift",
    "spec",
    metavar="SPEC",
    type=SHIFT,
    help="A shift; measured from 0 up to its strength. A corruption without severity: up to 5.",
)
@click.option(
    "--level",
    "levels",
    multiple=True,
    metavar="LEVEL=URI",
    help="In place of --shift and --data: images stored at one strength, paired by their ids, such as 1.5=imagefolder:snow/1.5. Repeat it.",
)
@data_option("Data, as for audit.")
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first N examples.")
@click.option("--points", type=int, default=11, help="Number of levels, 0 included. [11]")
@click.option("--halvings", type=int, default=6, help="Bisection steps for each example's failure point. [6]")
@click.option("--seed", type=int, default=0, help="Seed of the random draws. [0]")
@click.option("--confidence", type=float, default=0.95, help="Confidence of the intervals. [0.95]")
@click.option("--batch-size", type=int, default=256, help="Inputs per forward pass. [256]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the page, if one is wanted.")
def command(
    box: str | None,
    device: str | None,
    quiet: bool,
    data: str | None,
    limit: int | None,
    out: Path | None,
    levels: tuple[str, ...],
    **options: Any,
) -> int:
    """Measure accuracy as a shift grows, where each example first fails, and how the order of models changes.

    \b
    shiftproof severity --model nets.py:small --weights small.safetensors --shift gaussian_noise --data digits:
    shiftproof severity --model a.onnx --model b.onnx --shift "rotation(degrees=90)" --data npz:FILE.npz --out runs/severity
    shiftproof severity --model a.onnx --level 0=imagefolder:snow/0 --level 1=imagefolder:snow/1
    """  # noqa: D301  # \b is click's mark for lines to keep
    from rich.console import Console

    from shiftproof.reports.terminal_severity import terminal_severity

    needed("model", options["models"], MODEL_EXAMPLE)
    folder = None if out is None else out_folder(out)
    if levels and (data or options["spec"]):
        raise UsageError("--level names stored images in place of --shift and --data. Leave those out.")
    stored = _placed(levels)
    uri = next(iter(stored.values())) if stored else needed("data", data, DATA_EXAMPLE)
    source = _source(uri, box, limit)
    notes: list[str] = []
    if stored:
        samples = {level: source if each == uri else _source(each, box, limit) for level, each in stored.items()}
        curves = list(_stored_curves(source, samples, device or "cpu", notes, **options))
    else:
        needed("shift", options["spec"], "--shift gaussian_noise")
        curves = list(_curves(source, device or "cpu", notes, **options))
    page = None if folder is None else _write(curves, source.uri, folder)
    if not quiet:
        Console().print(terminal_severity(curves))
        echo_notes([*notes, *source.notes])
        say(f"Page: {page}" if page else "")
    return 0


def _source(uri: str, box: str | None, limit: int | None) -> Source:
    from shiftproof.data.load import load_data

    source = load_data(uri, box=box_of(box), limit=limit)
    source.require_classes("severity")
    return source


def _placed(levels: tuple[str, ...]) -> dict[float, str]:
    """The URI of each level, the least first."""
    found: dict[float, str] = {}
    for given in levels:
        level, _, uri = given.partition("=")
        try:
            number = float(level)
        except ValueError:
            number = math.nan
        if not uri or not math.isfinite(number):
            raise must("--level", "severity", "be LEVEL=URI, such as 1.5=imagefolder:snow/1.5", given)
        if number in found:
            raise UsageError(f"--level names {number:g} twice. Give each level once.")
        found[number] = uri
    return dict(sorted(found.items()))


def _curves(
    source: Source,
    device: str,
    notes: list[str],
    *,
    models: tuple[str, ...],
    weights: tuple[str, ...],
    names: tuple[str, ...],
    spec: str,
    **how: Any,
) -> Iterator[SeverityCurve]:
    """The curve of each model; what is to be said of the models is added to `notes`."""
    from shiftproof.evaluation.curves.severity_curve import severity_curve
    from shiftproof.evaluation.parts import build_parts
    from shiftproof.shifts import shifts

    (shift,) = build_parts(shifts, [_with_severity(spec)])
    examples = source.take(slice(None))
    for model, sent in _models(source, device, notes, models, weights, names):
        curve = severity_curve(model, shift, examples=examples, **how)
        yield replace(curve, sent=curve.sent + sent)


def _stored_curves(
    source: Source,
    levels: dict[float, Source],
    device: str,
    notes: list[str],
    *,
    models: tuple[str, ...],
    weights: tuple[str, ...],
    names: tuple[str, ...],
    batch_size: int,
    confidence: float,
    **unused: Any,
) -> Iterator[SeverityCurve]:
    """As `_curves`, of images stored at each level."""
    del unused
    from shiftproof.evaluation.curves.stored_curve import at_every_level, stored_curve

    paired = at_every_level({level: each.take(slice(None)) for level, each in levels.items()})
    if paired.left_out:
        notes.append(f"{paired.left_out} of the examples of the first level are not at every level, and are left out.")
    for model, sent in _models(source, device, notes, models, weights, names):
        curve = stored_curve(model, paired, name="stored images", batch_size=batch_size, confidence=confidence)
        yield replace(curve, sent=curve.sent + sent)


def _models(
    source: Source, device: str, notes: list[str], places: tuple[str, ...], weights: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[tuple[Labels, int]]:
    """Each model with what was sent to it while it was loaded; what is to be said of them is added to `notes`."""
    from shiftproof.data.align import align
    from shiftproof.evaluation.class_fit import fit_classes
    from shiftproof.models.load import load_model
    from shiftproof.models.query_count import counting_queries
    from shiftproof.models.weights import weights_of_each
    from shiftproof.preflight import PROBES

    probe = source.take(slice(0, PROBES)).x
    for place, file, name in zip(places, weights_of_each(places, weights), names_of_each(places, names), strict=True):
        with counting_queries() as count:  # what is asked while it is loaded is sent too
            model = load_model(
                place,
                weights=file,
                name=name,
                device=device,
                space=source.space,
                probe=probe,
                class_names=source.class_names,
                groups=tuple(source.groups),
            )
            fit_classes(model, align(source))
            notes += model.notes
        yield model, count.sent


def _with_severity(spec: str) -> str:
    """The spec of a shift, at the greatest published severity where it needs one and none is given."""
    from shiftproof._part import required_options
    from shiftproof.registry import parse_spec
    from shiftproof.shifts import shifts

    name, placed, named = parse_spec(spec)
    if not placed and not named and required_options(shifts.get(name)) == ("severity",):
        return f"{name}(severity={_MOST_SEVERE})"
    return spec


def _write(curves: list[SeverityCurve], data: str, out: Path) -> Path:
    from shiftproof._writing import disk_error
    from shiftproof.reports.severity import write_severity

    try:
        return write_severity(curves, data, out)
    except OSError as error:
        raise disk_error(out if out.is_dir() else out.parent, error) from error
