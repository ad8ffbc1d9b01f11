"""The pictures of a run: for each cell a few examples, clean and moved, at which the model fails most surely."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from shiftproof import outcomes
from shiftproof.data.examples import Examples
from shiftproof.door import Reading
from shiftproof.finding import Finding
from shiftproof.outcomes import Bound
from shiftproof.records.picture import write_picture
from shiftproof.runs.cell import Cell


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
            "clean": x[0].numpy(),
            "moved": moved.apply(x, params)[0].numpy(),
            "id": np.array(finding.ids[row]),
            "label": np.array(int(chunk.y[row])),
            "prediction": np.array(finding.prediction[row]),
            "confidence": np.array(finding.confidence[row]),
        }
        write_picture(folder / f"{cell.key()}-{_digest(str(finding.ids[row]))}.npz", arrays)


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _rows(chunk: Examples, finding: Finding, clean: Reading | None) -> list[int]:
    """Those that only the move broke, in the order in which they are shown."""
    broken = finding.outcome == outcomes.BROKEN
    if finding.bound is not Bound.AT_MOST:  # under which those that were wrong already are skipped
        broken &= ~clean.broken.numpy() if clean else False
    rows = np.flatnonzero(broken)
    surest = rows[np.lexsort((finding.ids[rows], -np.nan_to_num(finding.confidence[rows])))]
    return _class_by_class(surest.tolist(), chunk.y.numpy())


def _class_by_class(rows: Sequence[int], labels: npt.NDArray[np.int64]) -> list[int]:
    """The rows in their order, but one of each class before a second of any."""
    seen: dict[int, int] = {}
    ranked: list[tuple[int, int, int]] = []
    for place, row in enumerate(rows):
        label = int(labels[row])
        seen[label] = seen.get(label, 0) + 1
        ranked.append((seen[label], place, row))
    return [row for _, _, row in sorted(ranked)]
