"""What the guard says of the texts at which a model fails: whether they still mean what they meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from shiftproof import outcomes
from shiftproof.data.source import Source
from shiftproof.measures.text_guard import guard
from shiftproof.runs.cell import Cell
from shiftproof.runs.score_rows import array_of
from shiftproof.runs.store import Store, read_rows
from shiftproof.shifts.on import edited_rows, edits_in


def meanings(store: Store, cells: Sequence[Cell], source: Source) -> dict[str, int]:
    """How many failures of these finished cells are kept, changed, or a matter for a person; empty where no edits of texts were made.

    A further turn is no other way to write the first, so cells that add one are left out.

    Cost: one replay of each stored move, no question to the model.
    """
    found: Counter[str] = Counter()
    for cell in cells:
        shift = cell.shift.within(source.space)
        edits = edits_in(shift)
        table = None if edits is None or shift.demands == "chats" else read_rows(store.path(cell), ["outcome"], ["params"])
        if edits is None or table is None or "params" not in table.column_names:
            continue
        rows = np.flatnonzero(table.column("outcome").to_numpy() == outcomes.BROKEN)
        if len(rows):
            x = source.take(cell.start + rows).x
            moves = torch.from_numpy(array_of(table.column("params"))[rows].reshape(len(rows), edits.edits, 2))
            pairs = zip(edited_rows(shift, x), edited_rows(shift, shift.apply(x, moves)), strict=True)
            found.update(guard(str(before), str(after)).verdict for before, after in pairs)
    return dict(sorted(found.items()))
