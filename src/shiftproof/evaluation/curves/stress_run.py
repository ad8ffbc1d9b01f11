"""The stress curve of a finished run, from the per-example results in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from shiftproof._errors import UsageError, unknown
from shiftproof.data.align import numbered
from shiftproof.diagnostics.constant_answer import NAME
from shiftproof.evaluation.audit.pooled import refuse_doubles
from shiftproof.evaluation.curves.slices import Names, columns_of
from shiftproof.evaluation.curves.stress_curve import stress_curve
from shiftproof.outcomes import CERTIFIED, HELD, Bound
from shiftproof.records.audit import CellRecord, DataCard, read_audit
from shiftproof.records.stress import StressCurve
from shiftproof.runs.store import read_rows

_UNMOVED = "identity"


def stress_run(
    folder: Path | str,
    *,
    shift: str = _UNMOVED,
    search: str | None = None,
    risk: str = "chi_square",
    floor: float = 0.8,
    least: int = 20,
    confidence: float = 0.95,
) -> StressCurve:
    """`stress_curve` of one shift of an audit's folder, with the columns of its data where they can still be read.

    Args:
        folder: what the audit wrote to.
        shift: a shift's spec, as the audit names it; by default the sample as it is.
        search: which of that shift's searches or certificates; by default the one with the least accuracy, certificates apart.
        risk: which mixes, as for `stress_curve`.
        floor: the accuracy that must be kept.
        least: slices of fewer examples are not looked at.
        confidence: of the intervals.

    Raises:
        UsageError: the folder holds no finished run, or none of that shift and search.
    """
    place = Path(folder)
    audit = read_audit(place)
    cells = [cell for cell in audit.cells if cell.measured and cell.n and cell.data == audit.data.uri]
    shifts = {cell.shift for cell in cells}
    if shift not in shifts:
        raise unknown("shift of this run", shift, shifts)
    cells = [cell for cell in cells if cell.shift == shift]
    if search is not None and search not in {cell.search for cell in cells}:
        raise unknown(f"search of {shift} in this run", search, [cell.search for cell in cells])
    chosen = [c for c in cells if search in (None, c.search)]
    attacks = [c for c in chosen if c.kind != Bound.AT_LEAST.value]
    cell = min(attacks or chosen, key=_share_right)
    table = _table(place, cell)
    columns, note = _columns(audit.data, table)
    loss = table["loss"]
    right = np.isin(table["outcome"], [HELD, CERTIFIED]).astype(np.float64)
    curve = stress_curve(
        right,
        risk=risk,
        floor=floor,
        losses=loss if bool(np.isfinite(loss).all()) else None,
        columns=columns,
        name=f"{audit.model.name}, {shift} under {cell.search}" if shift != _UNMOVED else audit.model.name,
        least=least,
        confidence=confidence,
    )
    doubts = [flag.detail.rstrip(".") for flag in audit.model.flags if flag.name == NAME]
    return replace(curve, ids=table["id"].astype(np.str_), bound=Bound(cell.kind), notes=(*doubts, *curve.notes, *note))


def _share_right(cell: CellRecord) -> float:
    return (cell.outcomes.get(HELD, 0) + cell.outcomes.get(CERTIFIED, 0)) / cell.n


def _table(folder: Path, cell: CellRecord) -> Mapping[str, np.ndarray[tuple[int], np.dtype[np.generic]]]:
    files = sorted((folder / "cells").glob(f"{cell.key}*.parquet"))
    if not files:
        raise UsageError(
            f"The folder '{folder}' has no per-example results of {cell.shift} (cells/{cell.key}*.parquet). Run the audit again."
        )
    parts = [read_rows(file, ["id", "outcome", "loss", "label"]) for file in files]
    ids = np.concatenate([part.column("id").to_numpy().astype(str) for part in parts])
    refuse_doubles(ids)
    return {
        "id": ids,
        "outcome": np.concatenate([part.column("outcome").to_numpy().astype(str) for part in parts]),
        "loss": np.concatenate([part.column("loss").to_numpy() for part in parts]).astype(np.float64),
        "label": np.concatenate([part.column("label").to_numpy() for part in parts]).astype(np.int64),
    }


def _columns(card: DataCard, table: Mapping[str, np.ndarray[tuple[int], np.dtype[np.generic]]]) -> tuple[dict[str, Names], tuple[str, ...]]:
    """The columns of the run's examples, by their ids; the labels alone where its data cannot be read as they were."""
    from shiftproof.data.load import load_data

    labels = {"label": table["label"].astype(str)}
    uri = card.uri
    try:
        source = load_data(uri, box=None if card.low is None or card.high is None else (card.low, card.high))
        source = numbered(source, tuple(card.class_names)) if card.class_names else source
        found = columns_of(source)
    except UsageError as error:
        return labels, (f"slices are looked for among labels only, since the data cannot be read again: {error}",)
    where = {name: row for row, name in enumerate(source.ids.tolist())}
    ids = [str(name) for name in table["id"].tolist()]
    if any(name not in where for name in ids):
        return labels, (f"slices are looked for among labels only, since the data of '{uri}' have changed",)
    rows = np.array([where[name] for name in ids], dtype=np.intp)
    if not np.array_equal(source.y[rows], table["label"]):
        return labels, (f"slices are looked for among labels only, since the labels of '{uri}' have changed",)
    return {name: values[rows] for name, values in found.items()}, ()
