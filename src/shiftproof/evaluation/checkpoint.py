"""Where a long search stands, kept on disk so that a killed run goes on in its middle."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from shiftproof._errors import UsageError
from shiftproof.evaluation.store import write_atomic
from shiftproof.oracle import State

EVERY = 10.0
"""Seconds between two writes: what a kill loses at most, but for the one question under way."""


@dataclass(eq=False)
class Checkpoint:
    """The states of the batches of one cell, in a folder of their own; the name of a batch hangs on its examples.

    Args:
        folder: made when first written to.
        every: seconds that must pass between writes.
    """

    folder: Path
    every: float = EVERY
    _last: float = field(default_factory=time.monotonic, init=False)

    def load(self, ids: np.ndarray[Any, Any]) -> State | None:
        """The state of the batch of these examples, None where there is none."""
        path = self._path(ids)
        if not path.exists():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                notes = json.loads((file.metadata() or {})["notes"])
                return State({name: file.get_tensor(name) for name in file.keys()}, notes)  # noqa: SIM118  # not a mapping
        except (SafetensorError, OSError, KeyError, ValueError) as error:  # files appear whole, so a disk or a copy damaged it
            raise UsageError(f"The checkpoint '{path}' is damaged ({error}). Remove it: its batch then begins again.") from error

    def save(self, ids: np.ndarray[Any, Any], state: State) -> bool:
        """Writes the state of the batch of these examples, if the last writing was long enough ago; whether it did."""
        if time.monotonic() - self._last < self.every:
            return False
        from safetensors.torch import save

        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
        write_atomic(self._path(ids), save(tensors, {"notes": json.dumps(state.notes)}))
        self._last = time.monotonic()
        return True

    def _path(self, ids: np.ndarray[Any, Any]) -> Path:
        digest = blake2b("\0".join(map(str, ids)).encode(), digest_size=12).hexdigest()
        return self.folder / f"{digest}.safetensors"

    def clear(self) -> None:
        """Forgets everything: the cell is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)
