"""The pictures of a run: for each cell a few examples, clean and moved, at which the model fails most surely."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import torch

from shiftproof import outcomes
from shiftproof.data.examples import Examples
from shiftproof.evaluation.cell import Cell
from shiftproof.evaluation.store import Store, write_atomic
from shiftproof.finding import Finding


def keep_pictures(store: Store, cell: Cell, chunk: Examples, finding: Finding, most: int) -> None:
    """Writes up to `most` broken examples of a chunk, the most confident failures first, one a class before a second of any."""
    if cell.shift.name == "identity":
        return
    moved = cell.shift.within(chunk.space)
    for row in _rows(finding, chunk.y.numpy(), most):
        x = chunk.x[row : row + 1]
        params = torch.from_numpy(finding.params[row : row + 1])
        if not bool(params.isfinite().all()):
            continue
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            clean=x[0].numpy(),
            moved=moved.apply(x, params)[0].numpy(),
            id=np.str_(finding.ids[row]),
            label=np.int64(chunk.y[row]),
            prediction=finding.prediction[row],
            confidence=finding.confidence[row],
        )
        write_atomic(store.gallery / f"{cell.key()}-{_digest(str(finding.ids[row]))}.npz", buffer.getvalue())


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _rows(finding: Finding, labels: np.ndarray[tuple[int], np.dtype[np.int64]], most: int) -> list[int]:
    broken = np.flatnonzero(finding.outcome == outcomes.BROKEN)
    surest = broken[np.lexsort((finding.ids[broken], -np.nan_to_num(finding.confidence[broken])))]
    seen: dict[int, int] = {}
    ranked: list[tuple[int, int]] = []
    for place, row in enumerate(surest):
        label = int(labels[row])
        seen[label] = seen.get(label, 0) + 1
        ranked.append((seen[label] * len(surest) + place, int(row)))
    return [row for _, row in sorted(ranked)[:most]]
