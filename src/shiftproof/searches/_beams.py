"""Moves grown edit by edit from the best few of each example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.edit_candidates import Round
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.edits import Edit, Edits

Moves = list[list[Edit]]


def widened(shift: Shift, oracle: Oracle, x: Any, rng: Rng, *, queries: int, width: int) -> Params:
    """The best move found for each input, growing from none by one edit at a time the `width` best."""
    run = Round(shift, oracle, x, queries)
    run.first()
    beams: dict[int, Moves] = {row: [[]] for row in run.standing()}
    for step in range(run.edits.edits):
        more = {row: shuffled(run.edits, run.rows[row], moves, rng[[row]].child("order", step)) for row, moves in beams.items()}
        found: dict[int, list[tuple[float, int, list[Edit]]]] = {}
        for row, edits, margin in run.each(more):
            mine = found.setdefault(row, [])
            mine.append((-margin, len(mine), edits))
        standing = set(run.standing())
        beams = {row: [edits for _, _, edits in sorted(mine)[:width]] for row, mine in found.items() if row in standing}
        if not beams:
            break
    return run.best


def shuffled(edits: Edits, one: Any, moves: Moves, rng: Rng) -> Iterator[list[Edit]]:
    """Every move that has one edit more than one of these, once, in an order of chance."""
    grown: dict[tuple[Edit, ...], None] = {}
    for move in moves:
        grown.update(dict.fromkeys(tuple(sorted(more)) for more in edits.neighbours(one, move)))
    every = [list(move) for move in grown]
    order = np.argsort(rng.uniform(len(every))[0].numpy(), kind="stable")
    return iter([every[place] for place in order.tolist()])
