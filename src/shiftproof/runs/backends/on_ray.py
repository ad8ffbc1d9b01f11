"""Workers of a Ray cluster: this machine's own, or those of a cluster that is there already."""

from __future__ import annotations

import pickle
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof.runs.backends.unpacked import unpacked
from shiftproof.runs.job import Done, Job, Said

TRIES = 5
"""How often a job may lose its worker before it has failed: machines of a cluster come and go."""


class Hand:
    """A worker: it loads the model once."""

    def __init__(self, work: bytes, home: str, path: Sequence[str]) -> None:
        self.work = unpacked(work, home, path)

    def run(self, job: Any) -> Said:
        """Does a job."""
        return self.work(job).said


@dataclass(frozen=True)
class Ray:
    """Up to `workers` workers, one CPU each, that write into the run's folder, which all machines must see at the same path.

    A worker that dies is replaced, and the job that it held is tried again after the others. Nothing is lost or done twice: what is
    finished is in the folder, and a job that has a file is left alone.

    Args:
        workers: how many.
        address: of a cluster, such as auto, HOST:6379 or ray://HOST:10001; "" for one on this machine, which ends with the run.
    """

    workers: int
    address: str = ""

    def __call__(self, work: Callable[[Job], Done[Job]], waves: Iterable[Sequence[Job]]) -> Iterator[Done[Job]]:
        with _cluster(self.workers, self.address) as ray:
            # Not restarted by Ray itself: it refuses what such a worker is given before it is there again.
            remote, given = ray.remote(num_cpus=1, max_restarts=0)(Hand), ray.put(pickle.dumps(work))
            team = Team(ray, lambda: remote.remote(given, str(Path.cwd()), sys.path))
            try:
                for wave in waves:
                    yield from team.run(wave, self.workers)
            finally:
                for hand in team.idle:
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


@dataclass(eq=False)
class Team:
    """The workers of a run; those that are not at work stay for the next wave."""

    ray: Any
    hire: Callable[[], Any]
    idle: deque[Any] = field(default_factory=deque[Any])

    def run(self, jobs: Sequence[Job], most: int) -> Iterator[Done[Job]]:
        """Every job as it is done, in any order, up to `most` at a time."""
        waiting = deque(jobs)
        lost: Counter[str] = Counter()
        under: dict[Any, tuple[Any, Job]] = {}
        try:
            while waiting or under:
                while waiting and len(under) < most:
                    hand, job = self.idle.popleft() if self.idle else self.hire(), waiting.popleft()
                    under[hand.run.remote(job)] = (hand, job)
                (done,), _ = self.ray.wait([*under], num_returns=1)
                hand, job = under.pop(done)
                try:
                    said = self.ray.get(done)
                except self.ray.exceptions.RayError as death:  # another worker takes its place
                    lost[job.key()] += 1
                    if lost[job.key()] < TRIES:
                        waiting.append(job)
                        continue
                    said = (f"A worker of the cluster died {TRIES} times while it ran this: {_first_line(death)}", False)
                else:
                    self.idle.append(hand)
                yield Done(job, *said)
        finally:
            self.idle.extend(hand for hand, _ in under.values())


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:500]
