"""`shiftproof frequency`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shiftproof._errors import UsageError
from shiftproof.cli._notes import echo_notes
from shiftproof.cli._options import DATA_EXAMPLE, MODEL_EXAMPLE, box_of, data_option, model_options, needed, out_folder
from shiftproof.cli._say import say

if TYPE_CHECKING:
    from shiftproof.data.examples import Examples
    from shiftproof.models.abstract import Labels
    from shiftproof.reports.frequency import FrequencyReport


@click.command("frequency")
@model_options()
@data_option("Data, as for audit; images only.")
@click.option("--limit", type=click.IntRange(min=1), default=200, help="Number of examples, spread over the data. [200]")
@click.option("--eps", type=float, help="L2 norm of each wave, per channel. [width of the box * sqrt(height * width) / 8]")
@click.option("--reach", type=int, help="Highest frequency of the heat map, in periods per side. [all, at most 31]")
@click.option("--seed", type=int, default=0, help="Seed of the random draws. [0]")
@click.option("--batch-size", type=click.IntRange(min=1), default=512, help="Inputs per forward pass. [512]")
@click.option("--confidence", type=float, default=0.95, help="Confidence of the intervals. [0.95]")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the page.")
def command(
    model: str | None,
    weights: str | None,
    name: str | None,
    box: str | None,
    device: str | None,
    quiet: bool,
    data: str | None,
    limit: int,
    eps: float | None,
    reach: int | None,
    seed: int,
    batch_size: int,
    confidence: float,
    out: Path,
) -> int:
    """Measure which image frequencies a model uses, and which break it: Fourier heat map, low and high pass, critical band, shape bias.

    \b
    shiftproof frequency --model net.onnx --data npz:FILE.npz --limit 500 --out runs/frequency
    """  # noqa: D301  # \b is click's mark for lines to keep
    import numpy as np
    from rich.console import Console

    from shiftproof._writing import disk_error
    from shiftproof.data.load import load_data
    from shiftproof.models.load import load_model
    from shiftproof.models.query_count import counting_queries
    from shiftproof.preflight import PROBES
    from shiftproof.reports.frequency import terminal_frequency, write_frequency

    out = out_folder(out)
    model, data = needed("model", model, MODEL_EXAMPLE), needed("data", data, DATA_EXAMPLE)
    source = load_data(data, box=box_of(box))
    source.require_classes("frequency")
    n = len(source)
    examples = source.take(np.unique(np.linspace(0, n - 1, min(limit, n)).round().astype(int)))
    with counting_queries() as count:
        given = {"weights": weights, "name": name, "device": device or "cpu", "space": source.space, "class_names": source.class_names}
        loaded = load_model(model, probe=examples.x[:PROBES], **given)
        found = _measured(loaded, examples, source.uri, eps, reach, seed, batch_size, confidence)
    report = replace(found, asked=count.asked, sent=count.sent)
    try:
        page = write_frequency(report, out)
    except OSError as error:
        raise disk_error(out, error) from error
    if not quiet:
        Console().print(terminal_frequency(report))
        echo_notes([*loaded.notes, *source.notes])
        say(f"Page: {page}")
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
