"""Runs what is left of a plan, with progress, and leaves a folder that can be gone on with whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from shiftproof._printable import printable
from shiftproof.models.query_count import open_counts
from shiftproof.runs.backends import backend_named
from shiftproof.runs.cell import Cell
from shiftproof.runs.job import Done
from shiftproof.runs.store import Store
from shiftproof.runs.time_left import TimeLeft, expected_passes, in_words
from shiftproof.runs.work import Errand, Work

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

    Here errands come after the cells; workers do them beside the cells, and before most of these, as they are long. `on_done` is told of
    each, and `later` are the expected passes of the errands that are left, for the time left.

    Ctrl-C stops between two writes: what is finished stays, and the same call goes on from there.
    """
    alone, left = backend == "serial", work.store.missing(cells)
    asked = [errand for errand in errands if not errand.finished(work.store)]
    beside = [] if alone else asked
    clock = TimeLeft(left, later, alone=alone, sent=_rows_sent())
    if left or beside:
        # In other processes progress is known when a cell is done; here, batch by batch.
        with _progress(clock, show) as moved, closing(_done(left, beside, work, backend, workers, moved)) as every:
            for done in every:
                before = later()
                _settle(done, work.store, on_done)
                clock.pass_beside(before - later())
    for errand in asked if alone else []:
        with waiting(errand.what, show):
            _settle(work(errand), work.store, on_done)


def _settle(done: Done[Any], store: Store, on_done: Callable[[Done[Any]], None]) -> None:
    if done.error is not None:
        if isinstance(done.job, Cell):
            store.fail(done.job, done.error)
        else:
            done.job.fail(store, done.error)
    on_done(done)


def _done(
    cells: Sequence[Cell], beside: Sequence[Errand], work: Work, backend: str, workers: int, moved: Callable[[Cell], Advance]
) -> Generator[Done[Any], None, None]:
    if backend == "serial":
        for cell in cells:
            advance = moved(cell)
            yield work(cell, advance)
            advance(len(cell))  # the rest, where it failed; the bar stops at the cell's end
        return
    for done in backend_named(backend, workers)(work, _waves(cells, beside)):
        if isinstance(done.job, Cell):
            moved(done.job)(len(done.job))
        yield done


def _rows_sent() -> Callable[[], int] | None:
    """The count of rows sent to models that is open now."""
    counts = open_counts()
    return (lambda: counts[0].sent) if counts else None


def _waves(cells: Sequence[Cell], errands: Sequence[Errand]) -> list[list[Cell | Errand]]:
    """The unmoved samples first: what the model answers to them is stored once and read by all others. Then errands, which are long."""
    first = [cell for cell in cells if cell == cell.unmoved]
    rest = [cell for cell in cells if cell != cell.unmoved]
    return [[*wave] for wave in (first, [*errands, *rest]) if wave]


@contextmanager
def _progress(left: TimeLeft, show: bool) -> Iterator[Callable[[Cell], Advance]]:
    """A bar over the passes that the cells are expected to take, with the time left.

    Yields a function that announces a cell and returns its `advance(examples)`.
    """
    if not show:
        yield lambda cell: lambda n: None  # noqa: ARG005
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
        task = bar.add_task("measuring", total=passes or None)  # without cells its length is not known

        def announce(cell: Cell) -> Advance:
            bar.update(task, description=printable(f"{cell.shift.spec()} · {cell.method.spec()}"))

            def advance(n: int) -> None:
                bar.advance(task, left.advance(cell, n) * expected_passes(cell))

            return advance

        yield announce


@contextmanager
def waiting(what: str, show: bool) -> Iterator[None]:
    """A sign of life beside work whose length is not known."""
    if not show:
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
