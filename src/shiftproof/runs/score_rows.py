"""How the model's scores are stored beside its verdicts, so that measures can be computed later without asking it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

SCORE, SCORES, TOP_CLASSES, TOP_SCORES, UNREADABLE = "score", "scores", "top_classes", "top_scores", "unreadable"
"""Columns that only some cells have: how right each answer is; the model's scores of all classes; or, of many, those of the largest and of
the label, with their classes, -1 where they are not known; whether the answer could not be read."""
MOST_SCORES, TOP = 100, 10


def score_rows(said: np.ndarray[Any, Any] | None, labels: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The columns that hold the model's scores, float32: all, or of more than 100 classes the 10 largest and the label's."""
    if said is None or not len(said):
        return {}
    if said.shape[1] <= MOST_SCORES:
        return {SCORES: said}
    order = np.argsort(-said, axis=1, kind="stable")[:, :TOP]
    kept = np.concatenate([order, labels[:, None]], axis=1).astype(np.int32)
    scores = np.take_along_axis(said, kept, axis=1)
    kept[np.isnan(scores).all(1)] = -1
    return {TOP_CLASSES: kept, TOP_SCORES: scores}


def array_of(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """A stored column as an array, shape (n,), or (n, k) for rows of numbers; texts as such."""
    if pa.types.is_fixed_size_list(column.type):
        rows = column.combine_chunks()
        return rows.flatten().to_numpy().reshape(len(rows), -1)  # type: ignore[no-any-return]
    values = column.to_numpy()
    return values.astype(str) if values.dtype == object else values  # type: ignore[no-any-return]
