"""One picture of a run's gallery as a sealed .npz file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof._sealed import BLANK, DamagedFile, UnsealedFile, check_seal, write_sealed

Arrays = Mapping[str, npt.NDArray[Any]]


def write_picture(path: Path, arrays: Arrays) -> None:
    """Writes it, all or nothing."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = BLANK.encode()
    write_sealed(path, buffer.getvalue(), _identity(path))


def read_picture(path: Path, *, earlier: bool = False) -> Arrays:
    """What `write_picture` wrote; where `earlier`, also the pictures of earlier versions, which have no seal.

    Raises:
        DamagedFile: it is not as it was written, no picture at all, or another one than its name says.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    try:
        check_seal(content, _identity(path))
    except UnsealedFile:
        if not earlier:
            raise
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)
    except (ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise DamagedFile(f"it is not a picture ({error})") from error


def _identity(path: Path) -> dict[str, str]:
    return {"kind": "picture", "name": path.name}
