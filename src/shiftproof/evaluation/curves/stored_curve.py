"""Accuracy against the strength of a shift whose images were made before: one stored sample for each level."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

import numpy as np

from shiftproof._arrays import Bools
from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.door import read_examples
from shiftproof.models.abstract import Labels
from shiftproof.models.query_count import count_asked, counting_queries
from shiftproof.preflight import inspect_model
from shiftproof.records.severity import SeverityCurve
from shiftproof.risks.intervals import tail_of


class StoredLevels(NamedTuple):
    """The same examples at every level.

    Args:
        examples: by level, ascending; the same ids in the same order.
        left_out: how many ids of the first level are missing at another.
    """

    examples: dict[float, Examples]
    left_out: int


def at_every_level(levels: Mapping[float, Examples]) -> StoredLevels:
    """Those examples that every level has: what a benchmark has filtered out at one level counts at none.

    Raises:
        UsageError: there are fewer than two levels, no id is at all of them, or an id has different labels.
    """
    if len(levels) < 2:
        raise must("levels", "stored_curve", "be at least 2", len(levels), "Name each as LEVEL=URI.")
    ordered = dict(sorted(levels.items()))
    first = next(iter(ordered.values()))
    shared = reduce(np.intersect1d, (each.ids for each in ordered.values()))
    kept = first.ids[np.isin(first.ids, shared)]
    if not len(kept):
        raise UsageError("No example is at every level. Examples pair by their ids: for pictures the path in the folder of the level.")
    found: dict[float, Examples] = {}
    for level, each in ordered.items():
        place = {name: row for row, name in enumerate(each.ids.tolist())}
        found[level] = each[np.array([place[name] for name in kept.tolist()])]
    y = next(iter(found.values())).y
    for level, each in found.items():
        if not bool((each.y == y).all()):
            raise UsageError(f"Examples of level {level:g} have other labels than those of the same ids at level {min(found):g}.")
    return StoredLevels(found, len(first) - len(kept))


def stored_curve(
    model: Labels, levels: StoredLevels, *, name: str = "stored", strength: str = "level", batch_size: int = 256, confidence: float = 0.95
) -> SeverityCurve:
    """The accuracy at each level, and for each example the least level at which it is wrong: its failure point.

    Args:
        model: what is measured.
        levels: the examples, as `at_every_level` pairs them.
        name: of the shift.
        strength: what the levels are.
        batch_size: inputs per call of the model.
        confidence: of the intervals, in (0, 1).

    Guarantees:
        A failure point is an exact level; how far below it the example would have failed is not known, and `gap` is the distance to the
        level below. No level is asked to move nothing, so accuracy at the first is that of the benchmark's own start.

    Cost: one forward per example and level.

    Reference: Dünkel et al. 2025 [dunkel2025cnsbench], "CNS-Bench: benchmarking image classifier robustness" (failure points of images
    that a diffusion model made at scales 0, 0.5, ... 2.5, after images of no class were filtered out).
    """
    tail_of(confidence)
    at = np.array(list(levels.examples), dtype=np.float64)
    first = next(iter(levels.examples.values()))
    with counting_queries() as count:
        flags = tuple(inspect_model(model, first))
        right = np.stack([_right(model, each, batch_size) for each in levels.examples.values()])
    place = np.where(right.all(0), len(at), (~right).argmax(0))
    failure = np.append(at, np.inf)[place]
    gap = np.where(np.isfinite(failure), failure - at[np.maximum(place - 1, 0)], np.nan)
    return SeverityCurve(
        model=model.name,
        shift=name,
        strength=strength,
        levels=at,
        right=right,
        ids=first.ids,
        failure=failure,
        gap=gap,
        recoveries=(right[1:] & ~right[:-1]).sum(0).astype(np.int64),
        forwards=np.full(len(first), len(at), dtype=np.int64),
        confidence=confidence,
        flags=flags,
        sent=count.sent,
    )


def _right(model: Labels, examples: Examples, batch_size: int) -> Bools:
    count_asked(len(examples))
    right: Bools = (~read_examples(model, examples, batch_size).broken).numpy()
    return right
