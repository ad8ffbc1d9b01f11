"""`shiftproof frequency`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shiftproof._errors import UsageError
from shiftproof.cli._notes import echo_notes

if TYPE_CHECKING:
    from shiftproof.data.examples import Examples
    from shiftproof.models.abstract import Labels
    from shiftproof.reports.frequency import FrequencyReport


@click.command("frequency")
@click.option("--model", required=True, help="As for audit.")
@click.option("--data", metavar="URI", default="digits:", help="As for audit; images. [digits:]")
@click.option("--limit", type=click.IntRange(min=1), default=200, help="Use this many examples, spread over the sample. [200]")
@click.option("--eps", type=float, help="L2 norm of each wave, in each channel. [an eighth of the box a pixel side]")
@click.option("--reach", type=int, help="Greatest frequency of the heat map, in periods a side. [all, at most 31]")
@click.option("--seed", type=int, default=0, help="Seed of signs, noise and partners. [0]")
@click.option("--batch-size", type=click.IntRange(min=1), default=512, help="Inputs per call of the model. [512]")
@click.option("--confidence", type=float, default=0.95, help="Confidence of the intervals. [0.95]")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the page.")
def command(
    model: str,
    data: str,
    limit: int,
    eps: float | None,
    reach: int | None,
    seed: int,
    batch_size: int,
    confidence: float,
    out: Path,
) -> int:
    """See which frequencies a model lives on, and which break it: heat map, low against high, critical band, shape bias.

    \b
    shiftproof frequency --model net.onnx --data npz:FILE.npz --limit 500 --out frequencies
    """  # noqa: D301  # \b is click's mark for lines to keep
    import numpy as np
    from rich.console import Console

    from shiftproof.data.load import load_data
    from shiftproof.models.load import load_model
    from shiftproof.models.meter import metering
    from shiftproof.preflight import PROBES
    from shiftproof.reports.frequency import terminal_frequency, write_frequency
    from shiftproof.runs.store import disk_error

    source = load_data(data)
    source.require_classes("frequency")
    n = len(source)
    examples = source.take(np.unique(np.linspace(0, n - 1, min(limit, n)).round().astype(int)))
    with metering() as meter:
        loaded = load_model(model, space=source.space, probe=examples.x[:PROBES], class_names=source.class_names)
        found = _measured(loaded, examples, data, eps, reach, seed, batch_size, confidence)
    report = replace(found, asked=meter.asked, sent=meter.sent)
    Console().print(terminal_frequency(report))
    echo_notes([*loaded.notes, *source.notes])
    try:
        click.echo(f"Page: {write_frequency(report, out)}")
    except OSError as error:
        raise disk_error(out, error) from error
    return 0


def _measured(
    model: Labels,
    examples: Examples,
    data: str,
    eps: float | None,
    reach: int | None,
    seed: int,
    batch_size: int,
    confidence: float,
) -> FrequencyReport:
    from shiftproof.diagnostics.bands import frequency_curves, spectral_bias
    from shiftproof.diagnostics.critical_band import CriticalBand, critical_band
    from shiftproof.diagnostics.fourier import fourier_heat_map, images_of
    from shiftproof.diagnostics.shape_bias import ShapeBias, shape_bias
    from shiftproof.reports.frequency import FrequencyReport

    x = images_of(examples, "shiftproof frequency")
    height, width = x.shape[2:]
    norm = eps if eps is not None else (examples.space.high - examples.space.low) * (height * width) ** 0.5 / 8
    heat = fourier_heat_map(model, examples=examples, eps=norm, reach=reach, seed=seed, batch_size=batch_size)
    curves = frequency_curves(model, examples=examples, batch_size=batch_size, confidence=confidence)
    left_out: list[str] = []
    band: CriticalBand | None = None
    shape: ShapeBias | None = None
    try:
        band = critical_band(model, examples=examples, seed=seed, batch_size=batch_size)
    except UsageError as error:  # too small, or right nowhere: the rest still says something
        left_out.append(f"No critical band: {error}")
    pieces = [squares for squares in (2, 4) if not height % squares and not width % squares]
    try:
        shape = shape_bias(model, examples=examples, pieces=pieces, seed=seed, batch_size=batch_size, confidence=confidence)
    except UsageError as error:
        left_out.append(f"No shape bias: {error}")
    spectral = spectral_bias(model, examples=examples, batch_size=batch_size)
    return FrequencyReport(model.name, data, heat, curves, spectral, band, shape, tuple(left_out))
