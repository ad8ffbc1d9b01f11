"""Workers of a Dask cluster that is there already."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof._memory import keep_freed_memory
from shiftproof.runs.job import Done, Job

_ONE = threading.Lock()
"""A worker of several threads does one job after the other, as a job has its process to itself."""


@dataclass(frozen=True)
class Dask:
    """Up to `workers` jobs at a time on a cluster, whose machines must all see the run's folder at the same path.

    A job whose worker dies is tried again on another one by Dask itself, as often as its `allowed-failures` say. Nothing is lost or done
    twice: what is finished is in the folder, and a job that has a file is left alone.

    Args:
        workers: how many.
        address: of the cluster's scheduler, such as tcp://HOST:8786.
    """

    workers: int
    address: str

    def __call__(self, work: Callable[[Job], Done[Job]], waves: Iterable[Sequence[Job]]) -> Iterator[Done[Job]]:
        distributed = check_there()
        try:
            client = distributed.Client(self.address, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"No Dask cluster answers at '{self.address}' ({error}). Start one, or give its address.") from error
        with client:
            given = pickle.dumps(work)  # sent with each job: what is stored with workers goes with them
            place = (str(Path.cwd()), tuple(sys.path))
            for wave in waves:
                waiting, under = deque(wave), dict[Any, Job]()
                while waiting or under:
                    while waiting and len(under) < self.workers:
                        job = waiting.popleft()
                        under[client.submit(do, given, job, *place, pure=False)] = job
                    with client.as_current():  # and no longer: the caller may have a client of its own
                        some = distributed.wait(list(under), return_when="FIRST_COMPLETED").done
                    for future in some:
                        yield Done(under.pop(future), *_said(future))


def _said(future: Any) -> tuple[str | None, bool]:
    """What came of a job: its own word, or how its workers died."""
    error = future.exception()
    if error is None:
        said: tuple[str | None, bool] = future.result()
        return said
    first = next(iter(str(error).strip().splitlines()), "")
    return f"Dask could not run this: {type(error).__name__}: {first}"[:500], False


def do(work: bytes, job: Any, home: str, path: Sequence[str]) -> tuple[str | None, bool]:
    """Does a job on a worker: why it failed, None where it did not; and whether it was left to another call."""
    with _ONE:
        done = _work(work, home, tuple(path))(job)
    return done.error, done.elsewhere


@lru_cache(maxsize=1)
def _work(work: bytes, home: str, path: Sequence[str]) -> Callable[[Any], Done[Any]]:
    """What is to be done, unpacked once in a worker, so that it loads the model once."""
    if Path(home).is_dir():  # on another machine it need not be there
        os.chdir(home)
    sys.path.extend(entry for entry in path if entry not in sys.path)  # parts of the user's own are found as they are in the run
    keep_freed_memory()
    found: Callable[[Any], Done[Any]] = pickle.loads(work)  # noqa: S301  # the run's own
    return found


def check_there() -> Any:
    """Dask's library of clusters; raises `UsageError` where it is not installed."""
    try:
        import distributed
    except ImportError as error:
        raise UsageError("The backend dask needs the package distributed. Run: pip install 'shiftproof[dask]'") from error
    return distributed
