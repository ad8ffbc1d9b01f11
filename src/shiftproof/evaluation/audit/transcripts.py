"""What a model of texts was asked and said in a run, items by shifts: replayed from what is stored, without asking it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from shiftproof import outcomes
from shiftproof.data.chats import as_transcript
from shiftproof.data.rows import Items
from shiftproof.evaluation.audit.plan import AuditPlan
from shiftproof.models.chat import goes_on_with_texts
from shiftproof.outcomes import Bound
from shiftproof.records.transcripts import Exchange, Transcripts
from shiftproof.runs.cell import Cell
from shiftproof.runs.gallery import written_label
from shiftproof.runs.score_rows import SCORE, array_of
from shiftproof.runs.store import Store, read_rows
from shiftproof.shifts.on import edits_in

MOST_ITEMS = 200
"""Items that are kept, those first whose verdict changes in most variants."""
BASE = "identity"


def transcripts_of(plan: AuditPlan, store: Store) -> Transcripts | None:
    """The answers on the audit's own sample; None where they are no texts, or nothing but the sample as it is was finished.

    Cost: one replay of each stored move of the kept items.
    """
    if plan.judge.said != "texts" or not isinstance(plan.data.take(slice(0, 1)).x, Items):
        return None
    own = [cell for cell in plan.cells if plan.sources[cell.data] is plan.data and store.has(cell)]
    groups: dict[str, list[Cell]] = {}
    several = len({cell.method.spec() for cell in own if cell.shift.name != BASE}) > 1
    for cell in own:
        if cell.shift.name == BASE or edits_in(cell.shift) is not None:
            name = BASE if cell.shift.name == BASE else cell.shift.spec() + (f" under {cell.method.spec()}" if several else "")
            groups.setdefault(name, []).append(cell)
    if BASE not in groups or len(groups) < 2:
        return None
    verdicts = {name: _verdicts(store, cells, len(plan.data)) for name, cells in groups.items()}
    first = verdicts[BASE]
    with np.errstate(invalid="ignore"):
        changed = np.sum([np.nan_to_num(scores, nan=-1.0) != np.nan_to_num(first, nan=-1.0) for scores in verdicts.values()], axis=0)
    kept = np.sort(np.argsort(-changed, kind="stable")[:MOST_ITEMS])
    examples = plan.data.take(kept)
    exchanges: list[Exchange] = []
    truth = plan.judge.truth(examples)
    target = {row: written_label(truth[place : place + 1]) for place, row in enumerate(kept.tolist())}
    written = _Written(_said(store, groups[BASE]), goes_on_with_texts(plan.reference.target))
    prompts = {row: written(row, one) for row, one in zip(kept.tolist(), examples.x, strict=True)}
    for name in (BASE, *(name for name in groups if name != BASE)):
        for cell in groups[name]:
            mine = kept[(kept >= cell.start) & (kept < cell.stop)]
            asked = prompts if name == BASE else {**prompts, **_moved(plan, store, cell, mine, written)}
            exchanges += _exchanges(plan, store, cell, name, mine, verdicts[name], asked, target)
    return Transcripts(
        source=[plan.data.uri],
        tool="shiftproof",
        model=plan.model.name,
        scorer=plan.judge.spec(),
        base=BASE,
        searched=[name for name, cells in groups.items() if cells[0].method.bound is not Bound.ESTIMATE],
        left_out=len(plan.data) - len(kept),
        exchanges=exchanges,
    )


def _verdicts(store: Store, cells: Sequence[Cell], n: int) -> npt.NDArray[np.float64]:
    """How right each example is, shape (n,); NaN where no answer came or nothing is known."""
    found = np.full(n, np.nan)
    for cell in cells:
        columns = store.read(cell).columns
        right = np.isin(columns["outcome"], [outcomes.HELD, outcomes.CERTIFIED]).astype(np.float64)
        found[cell.start : cell.stop] = np.where(columns["outcome"] == outcomes.NO_ANSWER, np.nan, columns.get(SCORE, right))
    return found


def _exchanges(
    plan: AuditPlan,
    store: Store,
    cell: Cell,
    name: str,
    mine: npt.NDArray[np.intp],
    verdicts: npt.NDArray[np.float64],
    asked: Mapping[int, str],
    target: Mapping[int, object],
) -> list[Exchange]:
    """Those of the kept items that a cell has; `verdicts` as of `_verdicts`."""
    if not len(mine):
        return []
    said = store.read(cell).columns["prediction"][mine - cell.start]
    scores = verdicts[mine]
    ids = plan.data.take(mine).ids.tolist()
    return [
        Exchange(
            item=str(item),
            variant=name,
            prompt=asked[row],
            said=str(text),
            target=str(target[row]),
            score=None if np.isnan(score) else float(score),
        )
        for item, row, text, score in zip(ids, mine.tolist(), said.tolist(), scores.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class _Written:
    """An input of a row as it is shown.

    Args:
        own: what the model answered to the sample as it is, by row.
        ending: as of `as_transcript`.
    """

    own: Mapping[int, str]
    ending: bool

    def __call__(self, row: int, one: Any) -> str:
        return as_transcript(one, own=self.own.get(row), ending=self.ending)


def _said(store: Store, cells: Sequence[Cell]) -> dict[int, str]:
    """The answers in some cells by row."""
    return {row: str(text) for cell in cells for row, text in enumerate(store.read(cell).columns["prediction"].tolist(), cell.start)}


def _moved(plan: AuditPlan, store: Store, cell: Cell, rows: npt.NDArray[np.intp], written: _Written) -> dict[int, str]:
    """The moved inputs of these rows; an item that the search left alone, as it was wrong before, is not among them."""
    shift, table = cell.shift.within(plan.data.space), read_rows(store.path(cell), ["outcome"], ["params"])
    edits = edits_in(shift)
    if edits is None or not len(rows) or "params" not in table.column_names:
        return {}
    params = array_of(table.column("params"))[rows - cell.start].reshape(len(rows), edits.edits, 2)
    finite = np.isfinite(params).all((1, 2))
    if not finite.any():
        return {}
    x: Any = plan.data.take(rows[finite]).x
    moved = shift.apply(x, torch.from_numpy(params[finite]))
    return {row: written(row, one) for row, one in zip(rows[finite].tolist(), moved, strict=True)}
