"""Tensors and plain notes in one sealed safetensors file. Nothing is ever unpickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shiftproof._sealed import BLANK, DamagedFile, FileIdentity, read_sealed, write_sealed

if TYPE_CHECKING:
    from torch import Tensor


def write_tensors(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any] | None, identity: FileIdentity) -> None:
    """Writes them, all or nothing; without notes the file says nothing but its tensors and its seal."""
    from safetensors.torch import save

    own = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    said = {} if notes is None else {"notes": json.dumps(notes)}
    write_sealed(path, save(own, {**said, "seal": BLANK}), identity)


def read_tensors(path: Path, identity: FileIdentity | None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote.

    Raises:
        DamagedFile: it is not as it was written, or another file.
        OSError: it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = read_sealed(path, identity)
    try:
        said = _metadata(content)
        return load(content), json.loads(said.get("notes", "{}"))
    except (SafetensorError, ValueError) as error:
        raise DamagedFile(f"it holds no tensors ({error})") from error


def _metadata(content: bytes) -> dict[str, str]:
    """The texts at the head of a safetensors file."""
    length = int.from_bytes(content[:8], "little")
    found: dict[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return found
