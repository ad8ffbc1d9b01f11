"""Workers of a Ray cluster: this machine's own, or those of a cluster that is there already."""

from __future__ import annotations

import os
import pickle
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof._memory import keep_freed_memory
from shiftproof.runs.cell import Cell
from shiftproof.runs.work import CellDone

TRIES = 5
"""How often a cell may lose its worker before it has failed: machines of a cluster come and go."""


class Hand:
    """A worker: it loads the model once, and again where it was restarted."""

    def __init__(self, work: bytes, home: str, path: Sequence[str]) -> None:
        if Path(home).is_dir():  # on another machine it need not be there
            os.chdir(home)
        sys.path.extend(entry for entry in path if entry not in sys.path)  # parts of the user's own are found as they are in the run
        keep_freed_memory()
        self.work: Callable[[Cell], CellDone] = pickle.loads(work)  # noqa: S301  # the run's own

    def run(self, cell: Cell) -> str | None:
        """Why the cell failed; None where it did not."""
        return self.work(cell).error


@dataclass(frozen=True)
class Ray:
    """Up to `workers` workers, one CPU each, that write into the run's folder, which all machines must see at the same path.

    A worker that dies is restarted, and the cell that it held is tried again after the others. Nothing is lost or done twice: what is
    finished is in the folder, and a cell that has a file is left alone.

    Args:
        workers: how many.
        address: of a cluster, such as auto, HOST:6379 or ray://HOST:10001; "" for one on this machine, which ends with the run.
    """

    workers: int
    address: str = ""

    def __call__(self, work: Callable[[Cell], CellDone], waves: Sequence[Sequence[Cell]]) -> Iterator[CellDone]:
        with _cluster(self.workers, self.address) as ray:
            hire = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=0)(Hand)
            given = ray.put(pickle.dumps(work))
            most = min(self.workers, max(map(len, waves), default=0))
            team = [hire.remote(given, str(Path.cwd()), sys.path) for _ in range(most)]
            try:
                for wave in waves:
                    yield from _wave(ray, team, wave)
            finally:
                for hand in team:
                    ray.kill(hand)


@contextmanager
def _cluster(workers: int, address: str) -> Iterator[Any]:
    """The library, connected."""
    ray = check_there()
    mine = not ray.is_initialized()
    if mine:
        size: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False}
        ray.init(address=address or None, log_to_driver=False, logging_level="ERROR", **size)
    try:
        yield ray
    finally:
        if mine:
            ray.shutdown()


def check_there() -> Any:
    """Ray itself; raises `UsageError` where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise UsageError("The backend ray needs the package ray. Run: pip install 'shiftproof[ray]'") from error
    return ray


def _wave(ray: Any, team: Sequence[Any], cells: Sequence[Cell]) -> Iterator[CellDone]:
    """Every cell as it is done, in any order."""
    waiting, idle = deque(cells), deque(team)
    lost: Counter[str] = Counter()
    under: dict[Any, tuple[Any, Cell]] = {}
    while waiting or under:
        while waiting and idle:
            hand, cell = idle.popleft(), waiting.popleft()
            under[hand.run.remote(cell)] = (hand, cell)
        (done,), _ = ray.wait([*under], num_returns=1)
        hand, cell = under.pop(done)
        idle.append(hand)  # where it has died, Ray is restarting it
        try:
            error = ray.get(done)
        except ray.exceptions.RayError as death:
            lost[cell.key()] += 1
            if lost[cell.key()] < TRIES:
                waiting.append(cell)
                continue
            error = f"A worker of the cluster was lost {TRIES} times while it ran this cell: {str(death).strip().splitlines()[0][:500]}"
        yield CellDone(cell, error)
