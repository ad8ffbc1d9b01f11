"""The pictures of a run: for each cell a few examples, clean and moved, at which the model fails most surely."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from shiftproof import outcomes
from shiftproof.data.chats import as_transcript, column_of
from shiftproof.data.examples import Examples
from shiftproof.data.rows import Fields
from shiftproof.data.space import Column, InputSpace
from shiftproof.finding import Finding
from shiftproof.judges.abstract import Reading
from shiftproof.outcomes import Bound
from shiftproof.records.picture import write_picture
from shiftproof.runs.cell import Cell
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.on import On


def keep_pictures(folder: Path, cell: Cell, chunk: Examples, finding: Finding, clean: Reading | None, *, most: int) -> None:
    """Writes up to `most` examples of a chunk that only the move broke: the surest, one a class before a second of any.

    A chance draw does not say whether the unmoved input was right, and `clean` does; without it no pictures of one are kept.
    """
    if cell.shift.name == "identity" or not most:
        return
    moved = cell.shift.within(chunk.space)
    for row in _rows(chunk, finding, clean)[:most]:
        x = chunk.x[row : row + 1]
        params = torch.from_numpy(finding.params[row : row + 1])
        if not bool(params.isfinite().all()):
            continue
        arrays = {
            "clean": _shown(cell.shift, x),
            "moved": _shown(cell.shift, moved.apply(x, params)),
            "id": np.array(finding.ids[row]),
            "label": np.array(written_label(chunk.y[row : row + 1])),
            "prediction": np.array(finding.prediction[row] if finding.prediction.dtype != object else str(finding.prediction[row])),
            "confidence": np.array(finding.confidence[row]),
        }
        if isinstance(chunk.space, InputSpace) and chunk.space.columns:
            arrays |= {f"{key}_words": _words(chunk.space.columns, arrays[key]) for key in ("clean", "moved")}
        write_picture(folder / f"{cell.key()}-{_digest(str(finding.ids[row]))}.npz", arrays)


def _shown(shift: Shift, x: Any) -> npt.NDArray[Any]:
    """The one input as a picture holds it: numbers, or a text; of several fields that which the shift moves."""
    rows = column_of(x, shift.field) if isinstance(shift, On) else x
    if isinstance(rows, Fields):
        return np.array("\n".join(f"{name}: {column[:1]}" for name, column in rows.columns.items()))
    found: npt.NDArray[Any] = rows[0].numpy() if isinstance(rows, torch.Tensor) else np.array(as_transcript(next(iter(rows))))
    return found


def _words(columns: Sequence[Column], row: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A row of a table as people read it, shape (d,): a stored number may be the code of a category."""
    return np.array([column.said(value) for column, value in zip(columns, row.tolist(), strict=True)])


def written_label(y: Any) -> int | float | str:
    """The truth of one example for people: a class, a number, or the accepted texts."""
    if isinstance(y, torch.Tensor):
        return float(y[0]) if y.is_floating_point() else int(y[0])
    return " / ".join(next(iter(y)))


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _rows(chunk: Examples, finding: Finding, clean: Reading | None) -> list[int]:
    """Those that only the move broke, in the order in which they are shown."""
    broken = finding.outcome == outcomes.BROKEN
    if finding.bound is not Bound.AT_MOST:  # under which those that were wrong already are skipped
        broken &= ~clean.broken.numpy() if clean else False
    rows = np.flatnonzero(broken)
    surest = rows[np.lexsort((finding.ids[rows], -np.nan_to_num(finding.confidence[rows])))]
    classes = isinstance(chunk.y, torch.Tensor) and not chunk.y.is_floating_point()
    return _class_by_class(surest.tolist(), chunk.y.numpy()) if classes else surest.tolist()


def _class_by_class(rows: Sequence[int], labels: npt.NDArray[np.int64]) -> list[int]:
    """The rows in their order, but one of each class before a second of any."""
    seen: dict[int, int] = {}
    ranked: list[tuple[int, int, int]] = []
    for place, row in enumerate(rows):
        label = int(labels[row])
        seen[label] = seen.get(label, 0) + 1
        ranked.append((seen[label], place, row))
    return [row for _, _, row in sorted(ranked)]
