"""The sample as it is, and other samples beside it: from finished cells to what a record says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shiftproof.data.source import Source
from shiftproof.evaluation.audit.collect import PooledResults
from shiftproof.records.audit import Clean, NaturalShift
from shiftproof.risks.mean import Mean
from shiftproof.risks.paired import paired, unpaired_difference


def clean_of(pools: Sequence[PooledResults], data: Source, confidence: float) -> Clean:
    """Accuracy on the audit's own sample as it is."""
    own = next((p for p in pools if p.shift.name == "identity" and p.source is data), None)
    if own is None:
        return Clean(accuracy=None, interval=None, n=0)
    m = Mean().measure(own.score, confidence=confidence)
    return Clean(accuracy=m.value, interval=(m.interval.low, m.interval.high), n=m.n)


def natural_of(pools: Sequence[PooledResults], data: Source, confidence: float, uris: Mapping[str, str]) -> list[NaturalShift]:
    """Accuracy on every other sample beside the audit's own, paired where the ids are the same; `uris` of those with short names."""
    clean = {id(p.source): p for p in pools if p.shift.name == "identity"}
    own = clean.pop(id(data), None)
    found: list[NaturalShift] = []
    for there in clean.values():
        m = Mean().measure(there.score, confidence=confidence)
        alone = NaturalShift(
            source=there.source.uri,
            uri=uris.get(there.source.uri),
            n=m.n,
            accuracy=m.value,
            interval=(m.interval.low, m.interval.high),
            difference=None,
            difference_interval=None,
            notes=list(there.source.notes),
        )
        found.append(alone if own is None else _beside(alone, own, there, confidence))
    return found


def _beside(alone: NaturalShift, own: PooledResults, there: PooledResults, confidence: float) -> NaturalShift:
    """With the difference from the audit's own sample."""
    match = None if own.judge.graded else _pairs(own, there)
    if match is None:
        difference, between = unpaired_difference(own.score, there.score, confidence=confidence)
        return alone.model_copy(update={"difference": difference, "difference_interval": (between.low, between.high)})
    pairs = paired(own.correct[match[0]], there.correct[match[1]], against=there.source.uri, confidence=confidence)
    return alone.model_copy(update={"difference": pairs.difference, "difference_interval": tuple(pairs.interval), "paired": pairs})


def _pairs(one: PooledResults, two: PooledResults) -> tuple[Any, Any] | None:
    """Positions of the shared ids in both, where at least half of the smaller sample pairs and the labels agree."""
    if not (one.source.named and two.source.named) and len(one.source) != len(two.source):
        return None  # row numbers name an example only where both samples have the same rows, which the labels must confirm
    shared, first, second = np.intersect1d(one.table.columns["id"], two.table.columns["id"], return_indices=True)
    same = bool((one.table.columns["label"][first] == two.table.columns["label"][second]).all())
    return (first, second) if len(shared) * 2 >= min(len(one.rows), len(two.rows)) and len(shared) and same else None
