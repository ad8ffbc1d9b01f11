"""Where a long search stands, kept on disk so that a killed run goes on in its middle."""

from __future__ import annotations

import errno
import shutil
import time
import warnings
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from shiftproof._errors import StoredFileWarning
from shiftproof._sealed import DamagedFile
from shiftproof._tensors import read_tensors, write_tensors
from shiftproof.oracle import SearchState

_CLEARED = (errno.ENOENT, errno.EEXIST, errno.EBUSY)
"""What a writer meets whose folder is removed at that moment."""
EVERY = 10.0
"""Seconds between two writes: what a kill loses at most, but for the one question under way."""


@dataclass(eq=False)
class Checkpoint:
    """The states of the batches of one cell, in a folder of their own; the name of a batch depends on its examples.

    Args:
        folder: made when first written to.
        every: seconds that must pass between writes.
    """

    folder: Path
    every: float = EVERY
    _last: float = field(default_factory=time.monotonic, init=False)

    def load(self, ids: np.ndarray[Any, Any]) -> SearchState | None:
        """The state of the batch of these examples, None where there is none that can be used; one that cannot be is named in a warning."""
        path = self._path(ids)
        try:
            tensors, notes = read_tensors(path, self._identity(path))
        except FileNotFoundError:  # not written yet, or another run has finished the cell
            return None
        except (DamagedFile, OSError) as error:
            said = f"The checkpoint '{path}' is not used: {error}. Its batch starts again."
            warnings.warn(said, StoredFileWarning, stacklevel=2)
            return None
        return SearchState(tensors, notes)

    def save(self, ids: np.ndarray[Any, Any], state: SearchState) -> bool:
        """Writes the state of the batch of these examples, if the last writing was long enough ago; whether it did.

        Where another run finishes the cell meanwhile and clears its folder, nothing is written, since nobody would read it.
        """
        if time.monotonic() - self._last < self.every:
            return False
        path = self._path(ids)
        try:
            self.folder.parent.mkdir(exist_ok=True)  # not the run's own folder, which its user may have removed
            self.folder.mkdir(exist_ok=True)
            write_tensors(path, state.tensors, state.notes, self._identity(path))
        except OSError as error:
            cleared = error.errno in _CLEARED and self.folder.parent.parent.is_dir() and not self.folder.is_file()
            if not cleared:
                raise
            return False
        self._last = time.monotonic()
        return True

    def _identity(self, path: Path) -> dict[str, str]:
        return {"kind": "search state", "cell": self.folder.name, "batch": path.name}

    def _path(self, ids: np.ndarray[Any, Any]) -> Path:
        digest = blake2b("\0".join(map(str, ids)).encode(), digest_size=12).hexdigest()
        return self.folder / f"{digest}.safetensors"

    def clear(self) -> None:
        """Forgets everything: the cell is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)
