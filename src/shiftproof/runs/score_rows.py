"""How the model's scores are stored beside its verdicts, so that measures can be computed later without asking it."""

from __future__ import annotations

from collections.abc import Mapping
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


def label_rank(columns: Mapping[str, np.ndarray[Any, Any]], labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """How many classes stand before the label by score, ties in class order, shape (n,), from what `score_rows` made of the scores.

    None where it made nothing of them. A label beyond the largest that are kept has their number; in a row that is not of finite numbers
    the label comes last.
    """
    if SCORES in columns:
        scores = columns[SCORES]
        own = np.take_along_axis(scores, labels[:, None], axis=1)
        before = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < labels[:, None]))
        return np.asarray(np.where(np.isfinite(scores).all(1), before.sum(1), scores.shape[1]))
    if TOP_CLASSES not in columns:
        return None
    found = columns[TOP_CLASSES][:, :TOP] == labels[:, None]
    return np.asarray(np.where(found.any(1), found.argmax(1), TOP))


def array_of(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """A stored column as an array, shape (n,), or (n, k) for rows of numbers; texts as such."""
    rows = column.combine_chunks()
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        return _numbers(rows.values.slice(rows.offset * width, len(rows) * width)).reshape(len(rows), width)
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=str)
    return _numbers(rows)


def _numbers(values: pa.Array) -> np.ndarray[Any, Any]:
    """As its `to_numpy`, which imports pandas: a third of a second, once a process."""
    if values.null_count or not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        return np.asarray(values.to_numpy(zero_copy_only=False))
    return np.from_dlpack(values)
