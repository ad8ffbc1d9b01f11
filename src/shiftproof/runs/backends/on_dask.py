"""Workers of a Dask cluster that is there already."""

from __future__ import annotations

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
from shiftproof.models.user_code import first_line
from shiftproof.runs.backends.unpacked import unpacked
from shiftproof.runs.job import Done, Job, Said

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


def _said(future: Any) -> Said:
    """What came of a job: its own word, or how its workers died."""
    error = future.exception()
    if error is None:
        said: Said = future.result()
        return said
    return f"Dask could not run this: {first_line(error)}", False


def do(work: bytes, job: Any, home: str, path: Sequence[str]) -> Said:
    """Does a job on a worker."""
    with _ONE:
        return _work(work, home, tuple(path))(job).said


_work = lru_cache(maxsize=1)(unpacked)
"""Once in a worker, so that it loads the model once."""


def check_there() -> Any:
    """Dask's library of clusters; raises `UsageError` where it is not installed."""
    try:
        import distributed
    except ImportError as error:
        raise UsageError("The backend dask needs the package distributed. Run: pip install 'shiftproof[dask]'") from error
    return distributed
