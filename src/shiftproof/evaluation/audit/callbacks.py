"""What an audit tells its caller while it runs: each finished cell, and each example of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shiftproof.data.source import Source
from shiftproof.finding import still_right
from shiftproof.runs.job import CellDone
from shiftproof.runs.score_rows import SCORE
from shiftproof.runs.store import Store

log = logging.getLogger("shiftproof.audit")


@dataclass(frozen=True)
class CellResult:
    """A finished or failed cell of a run: one shift under one search, on one sample or a shard of it.

    Args:
        data, shift, search: URI of the sample, and specs.
        kind: what `score` claims: "at_most", "at_least" or "estimate".
        n: examples.
        score: the judge's mean score, in [0, 1]; NaN where the cell failed.
        sent: rows that reached the model.
        seconds: wall time.
        error: the traceback of a failed cell, else None.
    """

    data: str
    shift: str
    search: str
    kind: str
    n: int
    score: float
    sent: int
    seconds: float
    error: str | None = None


@dataclass(frozen=True)
class ExampleResult:
    """One example of a finished cell.

    Args:
        id: its name in the sample.
        data, shift, search: URI of the sample, and specs.
        outcome: "skipped", "broken", "held", "certified" or "abstained".
        label: the truth: a class, a number, or a JSON list of accepted texts.
        prediction: what the model says there.
    """

    id: str
    data: str
    shift: str
    search: str
    outcome: str
    label: Any
    prediction: Any


OnCell = Callable[[CellResult], None]
OnExample = Callable[[ExampleResult], None]


@dataclass(frozen=True, eq=False)
class Listeners:
    """Who is told when a cell is finished: the caller's functions, and the log `shiftproof.audit`."""

    store: Store
    sources: Mapping[str, Source]
    on_cell: OnCell | None = None
    on_example: OnExample | None = None

    def __call__(self, done: CellDone) -> None:
        """Tells of a cell that was worked on now; one that an earlier call had finished is not told of again."""
        cell, error = done.job, done.error
        names = {"data": self.sources[cell.data].uri, "shift": cell.shift.spec(), "search": cell.method.spec()}
        if error is not None:
            log.warning("failed: %s under %s on %s: %s", *_order(names), error.strip().splitlines()[-1])
        else:
            log.info("finished: %s under %s on %s, %d examples", *_order(names), len(cell))
        if self.on_cell is None and self.on_example is None:
            return
        kind = cell.method.bound.value
        if error is not None:
            if self.on_cell is not None:
                self.on_cell(CellResult(**names, kind=kind, n=len(cell), score=float("nan"), sent=0, seconds=0.0, error=error))
            return
        table = self.store.read(cell)
        columns = table.columns
        if self.on_example is not None:
            for row in range(len(table)):
                said = {name: _plain(columns[name][row]) for name in ("id", "outcome", "label", "prediction")}
                self.on_example(ExampleResult(**names, **said))
        if self.on_cell is not None:
            scores = columns[SCORE] if SCORE in columns else still_right(columns["outcome"], table.bound)
            score = float(scores.mean())
            self.on_cell(CellResult(**names, kind=kind, n=len(table), score=score, sent=table.sent, seconds=table.seconds))


def _order(names: Mapping[str, str]) -> tuple[str, str, str]:
    return names["shift"], names["search"], names["data"]


def _plain(value: Any) -> Any:
    """A number or a text of Python in place of NumPy's."""
    return value.item() if isinstance(value, np.generic) else value
