"""The sample as it is, and other samples beside it: from finished cells to what a record says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from shiftproof.data.source import Source
from shiftproof.evaluation.audit.collect import Pool
from shiftproof.outcomes import Interval
from shiftproof.records.audit import Clean, NaturalShift, Paired
from shiftproof.risks import paired as pairing
from shiftproof.risks.mean import Mean
from shiftproof.risks.paired import paired, unpaired_difference


def clean_of(pools: Sequence[Pool], data: Source, confidence: float) -> Clean:
    """Accuracy on the audit's own sample as it is."""
    own = next((p for p in pools if p.shift.name == "identity" and p.source is data), None)
    if own is None:
        return Clean(accuracy=None, interval=None, n=0)
    m = Mean().measure(own.score, confidence=confidence)
    return Clean(accuracy=m.value, interval=(m.interval.low, m.interval.high), n=m.n)


def natural_of(pools: Sequence[Pool], data: Source, confidence: float) -> list[NaturalShift]:
    """Accuracy on every other sample beside that on the audit's own, paired where the ids are the same."""
    clean = {id(p.source): p for p in pools if p.shift.name == "identity"}
    own = clean.pop(id(data), None)
    found: list[NaturalShift] = []
    for there in clean.values():
        m = Mean().measure(there.score, confidence=confidence)
        interval = (m.interval.low, m.interval.high)
        if own is None:
            found.append(
                NaturalShift(source=there.source.uri, n=m.n, accuracy=m.value, interval=interval, difference=None, difference_interval=None)
            )
            continue
        difference, between = unpaired_difference(own.score, there.score, confidence=confidence)
        match = None if own.judge.graded else _pairs(own, there)
        pairs = None
        if match is not None:
            pairs = paired_record(paired(own.correct[match[0]], there.correct[match[1]], against=there.source.uri, confidence=confidence))
            difference, between = pairs.difference, Interval(*pairs.interval)
        found.append(
            NaturalShift(
                source=there.source.uri,
                n=m.n,
                accuracy=m.value,
                interval=interval,
                difference=difference,
                difference_interval=(between.low, between.high),
                paired=pairs,
            )
        )
    return found


def paired_record(test: pairing.Paired) -> Paired:
    """A paired comparison as it is stored."""
    return Paired(**{**asdict(test), "interval": tuple(test.interval)})


def _pairs(one: Pool, two: Pool) -> tuple[Any, Any] | None:
    """Positions of the shared ids in both, where at least half of the smaller sample pairs and the labels agree."""
    if not (one.source.named and two.source.named) and len(one.source) != len(two.source):
        return None  # row numbers name an example only where both samples have the same rows, which the labels must confirm
    shared, first, second = np.intersect1d(one.table.columns["id"], two.table.columns["id"], return_indices=True)
    same = bool((one.table.columns["label"][first] == two.table.columns["label"][second]).all())
    return (first, second) if len(shared) * 2 >= min(len(one.rows), len(two.rows)) and len(shared) and same else None
