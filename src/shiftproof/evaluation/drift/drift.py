"""`shiftproof drift`: which columns moved between two samples, and how much of the change in accuracy goes along with each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from shiftproof._arrays import Floats
from shiftproof._batches import in_batches, rows_of_a_call
from shiftproof._errors import UsageError
from shiftproof.data.align import align
from shiftproof.data.load import load_data
from shiftproof.data.source import Source
from shiftproof.data.space import Column, InputSpace
from shiftproof.evaluation.class_fit import fit_classes
from shiftproof.evaluation.config import CommonConfig
from shiftproof.measures.column_drift import ColumnDifference, column_differences
from shiftproof.measures.reweighted_change import FEWEST, MOST_PLAYERS, ReweightedChange, reweighted_change
from shiftproof.models.abstract import Labels
from shiftproof.models.load import load_model
from shiftproof.models.query_count import count_asked
from shiftproof.records.document import write_document
from shiftproof.records.drift import DriftedColumn, DriftRecord, ExplainedShare
from shiftproof.reports.drift import write_drift
from shiftproof.risks.mean import Mean
from shiftproof.risks.paired import unpaired_difference

FILE = "drift.json"
_PROBES = 16
_OVERLAP = 0.95
"""Beyond this distance two samples of a column have next to nothing in common."""


class DriftConfig(CommonConfig):
    """What `drift` is asked to do."""

    first: Any
    second: Any
    model: Any
    weights: str | None = None
    label: str | None = None


def run_drift(config: DriftConfig) -> DriftRecord:
    """Compares two samples of a table, asks the model about both, and writes `drift.json` and the page.

    Raises:
        UsageError: the samples are no tables of one layout, or the model does not fit them.
    """
    named: dict[str, Any] = {} if config.label is None else {"label": config.label}
    given = [load_data(sample, limit=config.limit, **named) for sample in (config.first, config.second)]
    for source in given:
        if not (isinstance(source.space, InputSpace) and source.space.columns):
            raise UsageError(f"drift compares the columns of tables, and the data '{source.uri}' are of kind '{source.space.kind}'.")
        source.require_classes("drift")
    samples = align(*given)
    model = load_model(
        config.model,
        weights=config.weights,
        device=config.device,
        space=samples.space,
        probe=samples.sources[0].take(slice(0, _PROBES)).x,
        class_names=samples.class_names,
        groups=tuple(given[0].groups),
    )
    said = fit_classes(model, samples)
    tables, right = zip(*(_asked(model, source, config.batch_size) for source in samples.sources), strict=True)
    columns = samples.space.columns
    record = _record(config, model, samples.sources, (tables, right), columns, said)
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    write_document(out / FILE, record, "drift")
    write_drift(record, out)
    return record


def _record(
    config: DriftConfig,
    model: Labels,
    sources: tuple[Source, ...],
    seen: tuple[tuple[Floats, ...], tuple[Floats, ...]],
    columns: tuple[Column, ...],
    said: tuple[str, ...],
) -> DriftRecord:
    tables, right = (_without_gaps(table, columns) for table in seen[0]), seen[1]
    first, second = tables
    names, categories = [c.name for c in columns], [c.categories if c.kind == "categorical" else () for c in columns]
    found = column_differences(first, second, names, categories, confidence=config.confidence)
    order = sorted(range(len(found)), key=lambda i: (not found[i].moved, -np.nan_to_num(found[i].distance)))
    split, alien = _split(config, (first, second), right, found, categories)
    means = [Mean().measure(each, confidence=config.confidence) for each in right]
    change, between = unpaired_difference(right[0], right[1], confidence=config.confidence)
    return DriftRecord(
        model=model.name,
        first=sources[0].uri,
        second=sources[1].uri,
        n=(len(first), len(second)),
        accuracy=(means[0].value, means[1].value),
        intervals=((means[0].interval.low, means[0].interval.high), (means[1].interval.low, means[1].interval.high)),
        change=change,
        change_interval=(between.low, between.high),
        columns=[_column(found[i]) for i in order],
        shares=_shares(split),
        rest=split.rest,
        rest_interval=split.rest_interval,
        worth=split.worth,
        confidence=config.confidence,
        notes=[*said, *_notes(split, len(first), alien)],
    )


def _split(
    config: DriftConfig,
    tables: tuple[Floats, Floats],
    right: tuple[Floats, ...],
    found: list[ColumnDifference],
    categories: list[tuple[str, ...]],
) -> tuple[ReweightedChange, list[str]]:
    """The change split over the columns in which the samples overlap, those that moved most apart from the others; and the columns left."""
    shared = [i for i, each in enumerate(found) if not each.distance > _OVERLAP]
    order = sorted(range(len(shared)), key=lambda place: -np.nan_to_num(found[shared[place]].distance))
    split = reweighted_change(
        (tables[0][:, shared], tables[1][:, shared]),
        (right[0], right[1]),
        names=[found[i].name for i in shared],
        categories=[categories[i] for i in shared],
        apart=[place for place in order if found[shared[place]].moved][:MOST_PLAYERS],
        confidence=config.confidence,
        seed=config.seed,
    )
    return split, [each.name for each in found if each.distance > _OVERLAP]


def _asked(model: Labels, source: Source, batch_size: int) -> tuple[Floats, Floats]:
    """A sample's rows, and whether the model is right on each."""
    examples = source.take(slice(None))

    def one(rows: slice) -> torch.Tensor:
        count_asked(rows.stop - rows.start)
        with torch.no_grad():
            labels: torch.Tensor = model.labels(examples.x[rows].to(model.device)).cpu()
        right: torch.Tensor = (labels == examples.y[rows]).double()
        return right

    whole = torch.cat([part for part, _ in in_batches(len(examples), rows_of_a_call(examples.x, batch_size, model.device), one)])
    return examples.x.double().numpy(), whole.numpy()


def _without_gaps(table: Floats, columns: tuple[Column, ...]) -> Floats:
    """The table with NaN where a mark says that a number is missing."""
    made: npt.NDArray[np.float64] = table.copy()
    names = [column.name for column in columns]
    for place, column in enumerate(columns):
        if column.marks:
            made[table[:, place] > 0, names.index(column.marks)] = np.nan
    return made


def _column(each: ColumnDifference) -> DriftedColumn:
    example = "" if each.largest is None else f"{each.largest[0]}: {100 * each.largest[1]:.1f} to {100 * each.largest[2]:.1f}%"
    known = [None if np.isnan(value) else value for value in (each.distance, each.shift)]
    return DriftedColumn(
        name=each.name, kind=each.kind, moved=each.moved, p_value=each.p_value, distance=known[0], shift=known[1], example=example
    )


def _shares(split: ReweightedChange) -> list[ExplainedShare]:
    order = np.argsort(-np.abs(split.share), kind="stable")
    return [
        ExplainedShare(
            name=split.names[i], share=float(split.share[i]), interval=(float(split.interval[i, 0]), float(split.interval[i, 1]))
        )
        for i in order
    ]


def _notes(split: ReweightedChange, n: int, alien: list[str]) -> list[str]:
    apart = (
        f"The samples do not overlap in {', '.join(alien)}: no reweighting makes one of the other, so it stays in what is not explained."
    )
    said = [apart] if alien else []
    if split.worth >= max(FEWEST, 0.05 * n):
        return said
    worth = f"{split.worth:.0f} of {n} examples"
    little = f"Reweighted, the first sample is worth {worth}, so the shares say little. Compare samples that are closer."
    return [*said, little]
