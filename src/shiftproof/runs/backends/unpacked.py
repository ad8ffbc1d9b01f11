"""What a worker of a cluster does before its first job, on whatever machine it is."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shiftproof._memory import keep_freed_memory
from shiftproof.runs.job import Done


def unpacked(work: bytes, home: str, path: Sequence[str]) -> Callable[[Any], Done[Any]]:
    """The work that a run has pickled.

    Args:
        work: the pickle.
        home: the run's working folder; on another machine it need not be there.
        path: where the run finds modules: parts of the user's own are found as they are there.
    """
    if Path(home).is_dir():
        os.chdir(home)
    sys.path.extend(entry for entry in path if entry not in sys.path)
    keep_freed_memory()
    found: Callable[[Any], Done[Any]] = pickle.loads(work)  # noqa: S301  # the run's own
    return found
