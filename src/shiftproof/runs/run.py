"""Runs what is left of a plan, with progress, and leaves a folder that can be gone on with whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from shiftproof._printable import printable
from shiftproof.models.query_count import open_counts
from shiftproof.runs.backends import backend_named
from shiftproof.runs.backends.serial import serial
from shiftproof.runs.cell import Cell
from shiftproof.runs.cell_rows import share_held
from shiftproof.runs.claims import ClaimFolder, Claims
from shiftproof.runs.handing_out import Doing, HandingOut
from shiftproof.runs.job import Done
from shiftproof.runs.store import Store
from shiftproof.runs.time_left import TimeLeft, expected_passes, in_words
from shiftproof.runs.work import Errand, Work, is_finished
from shiftproof.searches.abstract import Search

Advance = Callable[[int], None]


def run(
    cells: Sequence[Cell],
    work: Work,
    *,
    backend: str,
    workers: int,
    show: bool,
    errands: Sequence[Errand] = (),
    later: Callable[[], float] = lambda: 0.0,
    on_done: Callable[[Done[Any]], None] = lambda _: None,
) -> None:
    """Runs every cell that has no file yet, and every errand that is left. Finished ones are not touched, failed ones are tried again.

    Other calls of the same run may work beside this one: none does what another is at, and each returns when all is done. Here errands
    come after the cells; workers do them beside the cells, and before most of these, as they are long. `on_done` is told of each, and
    `later` are the expected passes of the errands that are left, for the time left.

    Ctrl-C stops between two writes: what is finished stays, and the same call goes on from there.
    """
    alone, left = backend == "serial", work.store.missing(cells)
    asked = [errand for errand in errands if not errand.finished(work.store)]
    if not left and not asked:
        return
    beside = [] if alone else asked
    clock = TimeLeft(left, later, alone=alone, sent=_rows_sent())
    mirror = work.store.mirror
    claims = Claims(ClaimFolder(work.store.claims) if mirror is None else mirror.claims)
    work = replace(work, claims=claims)

    def settle(done: Done[Any]) -> None:
        before = later()
        if done.error is not None and not done.elsewhere:
            _fail(done, work.store)
        if show and alone and done.error is None and isinstance(done.job, Cell) and _staged(done.job):
            clock.stood(done.job, share_held(work.store.read(done.job).columns))
        on_done(done)
        clock.pass_beside(before - later())

    with claims.living():
        if left or beside:
            # In other processes progress is known when a cell is done; here, batch by batch.
            with _progress(clock, show, beside[0].what if not left else "measuring") as shown:

                def elsewhere(done: Done[Any]) -> None:
                    if isinstance(done.job, Cell):
                        shown.drop(done.job)
                    settle(done)

                out = HandingOut(work.store, claims, elsewhere, shown.wait)
                _each(out.run(work, _moving(backend, workers, shown.begin), _waves(left, beside)), settle)
        for errand in asked if alone else []:
            with waiting(errand.what, show):
                _each(HandingOut(work.store, claims, settle).run(work, serial, [[errand]]), settle)
    jobs: list[Cell | Errand] = [*cells, *errands]
    if all(is_finished(job, work.store) for job in jobs):
        claims.place.clear()  # nobody claims anything of a complete run any more


def _staged(cell: Cell) -> bool:
    """Whether its search has stages, of which what holds sees all."""
    return isinstance(cell.method, Search) and cell.method.pools


def _each(done: Generator[Done[Any], None, None], settle: Callable[[Done[Any]], None]) -> None:
    with closing(done):
        for one in done:
            settle(one)


def _fail(done: Done[Any], store: Store) -> None:
    if done.error is not None:
        if isinstance(done.job, Cell):
            store.fail(done.job, done.error)
        else:
            done.job.fail(store, done.error)


def _moving(name: str, workers: int, begin: Callable[[Cell], Advance]) -> Doing:
    """A backend that says how far its cells are."""
    if name == "serial":

        def here(work: Work, waves: Iterable[Sequence[Any]]) -> Iterator[Done[Any]]:
            for job in chain.from_iterable(waves):
                advance = begin(job)
                done = work(job, advance)
                if not done.elsewhere:
                    advance(len(job))  # the rest, where it failed; the bar stops at the cell's end
                yield done

        return here
    backend = backend_named(name, workers)

    def there(work: Work, waves: Iterable[Sequence[Any]]) -> Iterator[Done[Any]]:
        for done in backend(work, waves):
            if isinstance(done.job, Cell) and not done.elsewhere:
                begin(done.job)(len(done.job))
            yield done

    return there


def _rows_sent() -> Callable[[], int] | None:
    """The count of rows sent to models that is open now."""
    counts = open_counts()
    return (lambda: counts[0].sent) if counts else None


def _waves(cells: Sequence[Cell], errands: Sequence[Errand]) -> list[list[Cell | Errand]]:
    """The unmoved samples first: what the model answers to them is stored once and read by all others. Then errands, which are long."""
    first = [cell for cell in cells if cell == cell.unmoved]
    rest = [cell for cell in cells if cell != cell.unmoved]
    return [[*wave] for wave in (first, [*errands, *rest]) if wave]


@dataclass(frozen=True)
class _ProgressBar:
    """What is told of progress: by default nothing.

    Args:
        begin: announces a cell, and returns its `advance(examples)`.
        drop: of a cell that others have done.
        wait: of so many results that others are at.
    """

    begin: Callable[[Cell], Advance] = lambda _: lambda _: None
    drop: Callable[[Cell], None] = lambda _: None
    wait: Callable[[int], None] = lambda _: None


@contextmanager
def _progress(left: TimeLeft, show: bool, what: str) -> Iterator[_ProgressBar]:
    """A bar over the passes that the cells are expected to take, with the time left."""
    if not show:
        yield _ProgressBar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Left(ProgressColumn):
        """The time left, in words."""

        def render(self, task: Task) -> Text:
            return Text(in_words(left.seconds()))

    from shiftproof.runs.notebook import NotebookProgress, in_notebook

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        Left(),
    )
    with NotebookProgress(*columns) if in_notebook() else Progress(*columns, console=console, transient=True) as bar:
        passes = sum(expected_passes(cell) * len(cell) for cell in left.cells)
        task = bar.add_task(what, total=passes or None)  # without cells its length is not known

        def begin(cell: Cell) -> Advance:
            bar.update(task, description=printable(f"{cell.shift.spec()} · {cell.method.spec()}"))

            def advance(n: int) -> None:
                bar.advance(task, left.advance(cell, n) * expected_passes(cell))

            return advance

        def drop(cell: Cell) -> None:
            bar.advance(task, left.drop(cell) * expected_passes(cell))

        def wait(jobs: int) -> None:
            bar.update(task, description=f"waiting for results of other calls: {jobs}")

        yield _ProgressBar(begin, drop, wait)


@contextmanager
def waiting(what: str, show: bool) -> Iterator[None]:
    """A sign of life beside work whose length is not known."""
    if not show:
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
