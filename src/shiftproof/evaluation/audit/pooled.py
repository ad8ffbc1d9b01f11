"""Finished cells joined over their shards, and several searches of one shift taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shiftproof import outcomes
from shiftproof._arrays import Floats
from shiftproof._errors import Contradiction
from shiftproof.data.source import Source
from shiftproof.finding import still_right
from shiftproof.judges.abstract import Judge
from shiftproof.outcomes import MISSING_ANSWERS, UNREADABLE_ANSWERS, Bound, answer_flags, join_flags, join_stages
from shiftproof.records.audit import UNION
from shiftproof.runs.cell import Cell
from shiftproof.runs.libraries import Versions, added
from shiftproof.runs.score_rows import SCORE, UNREADABLE
from shiftproof.runs.store import CellTable, Store
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True, eq=False)
class PooledResults:
    """All finished shards of one pair of shift and method on one sample, joined."""

    key: str
    source: Source
    shift: Shift
    method: str
    needs_gradients: bool
    rows: np.ndarray[Any, np.dtype[np.intp]]
    table: CellTable
    total: int
    exact: bool
    """Whether the search may try every move of an example."""
    judge: Judge
    subject: str | None = None
    """What it is about, where that is another model than the one measured."""

    @property
    def correct(self) -> Floats:
        """1 where the model is still right, shape (n,): an attack that reached no verdict broke nothing, a certificate proved nothing."""
        return still_right(self.table.columns["outcome"], self.table.bound).astype(np.float64)

    @property
    def score(self) -> Floats:
        """How right the model is, in [0, 1], shape (n,): 1 or 0 under judges that know nothing between."""
        return self.table.columns.get(SCORE, self.correct)

    @property
    def missing(self) -> int:
        """How many examples have no answer."""
        return int((self.table.columns["outcome"] == outcomes.NO_ANSWER).sum())

    def filled(self, score: float) -> PooledResults:
        """The same with this score, 0 or 1, in place of every answer that did not come."""
        if not self.missing:
            return self
        columns = dict(self.table.columns)
        silent = columns["outcome"] == outcomes.NO_ANSWER
        columns["outcome"] = np.where(silent, outcomes.HELD if score else outcomes.BROKEN, columns["outcome"])
        for name in {SCORE, "probability"} & columns.keys():
            columns[name] = np.where(silent, score, columns[name])
        return replace(self, table=replace(self.table, columns=columns))

    @property
    def certified(self) -> Floats | None:
        """What is proven of the score, shape (n,): the least over all moves where all were tried and none breaks the example, else 0.

        None for searches that never try all.
        """
        return np.where(self.table.columns["outcome"] == outcomes.CERTIFIED, self.score, 0.0) if self.exact else None


def pooled_results(store: Store, cells: Sequence[Cell], sources: dict[str, Source]) -> list[PooledResults]:
    """The cells that have results, joined over their shards, in the order of the plan."""
    by_group: dict[str, list[Cell]] = {}
    for cell in cells:
        if store.has(cell):
            by_group.setdefault(cell.group, []).append(cell)
    return [_join(store, group, sources[group[0].data]) for group in by_group.values()]


def _join(store: Store, cells: Sequence[Cell], source: Source) -> PooledResults:
    first = cells[0]
    rows = np.concatenate([np.arange(cell.start, cell.stop) for cell in cells])
    table = join_tables([store.read(cell) for cell in cells])
    gradients = isinstance(first.method, Search) and first.method.needs.__name__ == "Gradients"
    subject = None if isinstance(first.method, Search) else first.method.subject
    exact = isinstance(first.method, Search) and first.method.proves
    whole = (rows, table, first.total, exact, first.judge, subject)
    return PooledResults(first.group, source, first.shift, first.method.spec(), gradients, *whole)


def join_tables(tables: Sequence[CellTable]) -> CellTable:
    """One table from those of the shards.

    Raises:
        Contradiction: an example is in two of them, and would be counted twice.
    """
    columns = {name: np.concatenate([t.columns[name] for t in tables]) for name in tables[0].columns}
    refuse_doubles(columns["id"])
    known = join_flags((t.flags, len(t)) for t in tables)
    counted = answer_flags(columns["outcome"], columns.get(UNREADABLE))
    joined = (*(flag for flag in known if flag.name not in (MISSING_ANSWERS, UNREADABLE_ANSWERS)), *counted)
    stages = join_stages(stage for t in tables for stage in t.stages)
    seconds, sent = sum(t.seconds for t in tables), sum(t.sent for t in tables)
    versions: tuple[Versions, ...] = ()
    for said in (each for t in tables for each in t.versions):
        versions = added(versions, said)
    return CellTable(columns, tables[0].bound, joined, seconds, tables[0].batch_size, stages, sent, versions)


def refuse_doubles(ids: np.ndarray[Any, Any]) -> None:
    """Raises `Contradiction` where results of several places hold an example twice: a number over them would count it twice."""
    names, counts = np.unique(ids, return_counts=True)
    if len(names) < len(ids):
        raise Contradiction(
            f"{int((counts > 1).sum())} examples are in the results twice, first '{names[counts.argmax()]}', so no number over them can be "
            "used. Run again with another --out; if that does not help, please report this."
        )


def same_examples(one: PooledResults, two: PooledResults) -> bool:
    """Whether two pools stand on the same examples, in the same order."""
    return one.source is two.source and np.array_equal(one.table.columns["id"], two.table.columns["id"])


def unions(pools: Sequence[PooledResults]) -> list[PooledResults]:
    """For each shift with several worst-case searches over the same examples: all of them together."""
    found: list[PooledResults] = []
    for shift in dict.fromkeys((p.source.uri, p.shift) for p in pools):
        several = [p for p in pools if (p.source.uri, p.shift) == shift and p.table.bound is Bound.AT_MOST and p.subject is None]
        if len(several) < 2 or not all(same_examples(p, several[0]) for p in several):
            continue
        outcome = several[0].table.columns["outcome"].copy()
        for other in several[1:]:
            broke = other.table.columns["outcome"] == outcomes.BROKEN
            outcome[broke] = outcomes.BROKEN
        columns = dict(several[0].table.columns)
        columns["outcome"] = outcome
        if SCORE in columns:
            columns[SCORE] = np.min([p.table.columns[SCORE] for p in several], axis=0)
        for passes in ("forwards", "backwards"):
            columns[passes] = np.sum([p.table.columns[passes] for p in several], axis=0)
        columns["probability"] = np.full(len(outcome), np.nan)
        flags = tuple({flag.name: flag for p in several for flag in p.table.flags}.values())
        seconds, sent = sum(p.table.seconds for p in several), sum(p.table.sent for p in several)
        table = CellTable(columns, Bound.AT_MOST, flags, seconds, several[0].table.batch_size, sent=sent)
        first = several[0]
        whole = (first.rows, table, first.total, False, first.judge)
        found.append(PooledResults("+".join(p.key for p in several), first.source, first.shift, UNION, True, *whole))
    return found
