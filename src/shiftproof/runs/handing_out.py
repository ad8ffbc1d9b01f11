"""Hands out the jobs of a run, and again those that another call of the run held and did not finish."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from shiftproof._writing import file_state
from shiftproof.runs import remote_store
from shiftproof.runs.cell import Cell
from shiftproof.runs.claims import Claims, SignsOfLife
from shiftproof.runs.job import Done
from shiftproof.runs.store import Store, read_error
from shiftproof.runs.work import Errand, Work, failure_of, is_finished

LOOK = 0.5
"""Seconds between two looks at what other calls hold."""
Stamp: TypeAlias = tuple[int, ...]
Doing: TypeAlias = Callable[[Work, Iterable[Sequence[Any]]], Iterator[Done[Any]]]
"""A backend, for jobs of a run."""


@dataclass(eq=False)
class HandingOut:
    """The jobs of one call, which claims each before it is done and lets it go when its result is there for all.

    Where all that is left is held by other calls it waits for them, so that each call ends with the whole run. Their results count as
    done, and so do failures since this call began. What a call held that is gone is done here.

    Args:
        store: where results are.
        claims: this call's.
        tell: hears of jobs that others have done.
        waits: hears how many jobs are waited for.
    """

    store: Store
    claims: Claims
    tell: Callable[[Done[Any]], None]
    waits: Callable[[int], None] = lambda _: None

    def __post_init__(self) -> None:
        self._held: list[Cell | Errand] = []
        self._watch = SignsOfLife(self.claims)
        self._failures: dict[str, Stamp | None] = {}

    def run(self, work: Work, backend: Doing, waves: Sequence[Sequence[Cell | Errand]]) -> Generator[Done[Any], None, None]:
        """Each job as it is done here; its claim is let go when the next one is asked for."""
        self._failures = {job.key(): _stamp(failure_of(job, self.store)) for wave in waves for job in wave}
        for done in backend(work, self._rounds(waves)):
            if done.elsewhere:
                self._left(done.job)
                continue
            yield done
            if self.store.mirror is None or self.store.mirror.push(done.job.key()):
                self.claims.release(done.job.key())

    def _left(self, job: Cell | Errand) -> None:
        if is_finished(job, self.store):
            self.tell(Done(job, None, elsewhere=True))
        else:
            self._held.append(job)

    def _rounds(self, waves: Sequence[Sequence[Cell | Errand]]) -> Iterator[Sequence[Cell | Errand]]:
        """Each wave, and then what of it others have let go, until all of it is done: the next wave reads what this one writes."""
        for wave in waves:
            yield wave
            while self._held:
                self.store.check_there()
                free = self._free()
                if free:
                    yield free
                elif self._held:
                    self.waits(len(self._held))
                    time.sleep(LOOK if self.store.mirror is None else remote_store.LOOK)

    def _free(self) -> list[Cell | Errand]:
        """The held jobs that can be done here now; what others have done meanwhile is told of."""
        free: list[Cell | Errand] = []
        held, self._held = self._held, []
        claims = self.claims.holders(job.key() for job in held)  # looked at first: a result is there before its claim is let go
        if self.store.mirror is not None:
            self.store.mirror.fetch()
        for job in held:
            claim = claims.get(job.key())
            failure = failure_of(job, self.store)
            if is_finished(job, self.store):
                self.tell(Done(job, None, elsewhere=True))
            elif _stamp(failure) not in (None, self._failures[job.key()]):
                self.tell(Done(job, read_error(failure), elsewhere=True))
            elif claim is None or claim.owner == self.claims.owner or (self._watch.gone(claim.owner) and self.claims.take_over(claim)):
                free.append(job)
            else:
                self._held.append(job)
        return free


def _stamp(path: Path) -> Stamp | None:
    """The state of a file; None where there is none."""
    try:
        return file_state(path)
    except OSError:
        return None
