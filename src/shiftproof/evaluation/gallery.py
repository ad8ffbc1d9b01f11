"""The pictures of a run: for each cell a few examples, clean and moved, at which the model fails most surely."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from shiftproof import outcomes
from shiftproof.data.examples import Examples
from shiftproof.door import read
from shiftproof.evaluation.cell import Cell
from shiftproof.evaluation.picture import write_picture
from shiftproof.finding import Finding
from shiftproof.models.abstract import Labels
from shiftproof.outcomes import Bound

if TYPE_CHECKING:
    from shiftproof.evaluation.work import Work

_WINDOW = 4
"""Candidates asked about at once, in pictures wanted."""


def keep_pictures(work: Work, model: Labels, cell: Cell, chunk: Examples, finding: Finding) -> None:
    """Writes up to `work.pictures` examples of a chunk that only the move broke: the surest, one a class before a second of any.

    Cost: under a chance draw, which does not say whether the unmoved input was right, a forward on a few times as many candidates.
    """
    if cell.shift.name == "identity" or not work.pictures:
        return
    moved = cell.shift.within(chunk.space)
    for row in _rows(model, chunk, finding, work):
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
        write_picture(work.store.gallery / f"{cell.key()}-{_digest(str(finding.ids[row]))}.npz", arrays)


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _rows(model: Labels, chunk: Examples, finding: Finding, work: Work) -> list[int]:
    labels, most = chunk.y.numpy(), work.pictures
    broken = np.flatnonzero(finding.outcome == outcomes.BROKEN)
    surest = broken[np.lexsort((finding.ids[broken], -np.nan_to_num(finding.confidence[broken])))]
    ranked = _class_by_class(surest.tolist(), labels)
    if finding.bound is Bound.AT_MOST:  # those that were wrong already are skipped
        return ranked[:most]
    place = {row: place for place, row in enumerate(surest.tolist())}
    kept: list[int] = []
    for start in range(0, len(ranked), _WINDOW * most):
        kept += _right(model, chunk, ranked[start : start + _WINDOW * most], work.batch_size)
        if len(kept) >= most:
            break
    return _class_by_class(sorted(kept, key=place.__getitem__), labels)[:most]


def _class_by_class(rows: Sequence[int], labels: npt.NDArray[np.int64]) -> list[int]:
    """The rows in their order, but one of each class before a second of any."""
    seen: dict[int, int] = {}
    ranked: list[tuple[int, int, int]] = []
    for place, row in enumerate(rows):
        label = int(labels[row])
        seen[label] = seen.get(label, 0) + 1
        ranked.append((seen[label], place, row))
    return [row for _, _, row in sorted(ranked)]


def _right(model: Labels, chunk: Examples, rows: Sequence[int], batch_size: int) -> list[int]:
    """Those of the rows that the model gets right unmoved."""
    kept: list[int] = []
    for start in range(0, len(rows), batch_size):
        asked = list(rows[start : start + batch_size])
        few = chunk[asked]
        wrong = read(model, few.x.to(model.device), few.y.to(model.device)).broken.tolist()
        kept += [row for row, bad in zip(asked, wrong, strict=True) if not bad]
    return kept
