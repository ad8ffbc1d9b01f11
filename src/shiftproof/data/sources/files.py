"""Files as people have them: missing, empty, of another kind, cut off. Each is one line that says how to fix it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof.data.sources.address import Address

_BLOCK = 2**20


def the_file(address: Address, *, place: str | None = None) -> Path:
    """The file that an address names: it exists, is a file and is not empty."""
    path = _path(address, place)
    if path.is_dir():
        raise UsageError(f"{address.scheme}: needs a file, and '{path}' is a folder. Name a file in it, or use imagefolder: or idx:.")
    if not path.exists():
        raise UsageError(f"There is no file '{path}'.{_near(path)}")
    if path.stat().st_size == 0:
        raise UsageError(f"The file '{path}' is empty. Make or copy it again.")
    return path.absolute()  # it is read later, when a model may have left the working folder


def the_folder(address: Address) -> Path:
    """The folder that an address names: it exists and is a folder."""
    path = _path(address, None)
    if path.is_file():
        raise UsageError(f"{address.scheme}: needs a folder, and '{path}' is a file. Name the folder that holds it.")
    if not path.exists():
        raise UsageError(f"There is no folder '{path}'.{_near(path)}")
    return path.absolute()


def _path(address: Address, place: str | None) -> Path:
    written = address.place if place is None else place
    if not written:
        raise UsageError(f"{address.scheme}: needs a place: write {address.scheme}:PATH.")
    return Path(written).expanduser()


def _near(path: Path) -> str:
    import difflib

    if not path.parent.is_dir():
        return f" Its folder '{path.parent}' does not exist either; paths start at '{Path.cwd()}'."
    near = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=3, cutoff=0.6)
    return f" Did you mean: {', '.join(near)}?" if near else f" Paths start at '{Path.cwd()}'."


@contextmanager
def reading(what: str, hint: str) -> Iterator[None]:
    """Turns whatever a library raises while it reads a user's file into one line."""
    try:
        yield
    except (UsageError, MemoryError):
        raise
    except Exception as error:  # the file is the user's: whatever the library raises is about it
        said = (str(error).strip().split("\n") or [""])[0][:300].rstrip(".")
        raise UsageError(f"Cannot read {what} ({type(error).__name__}: {said}). {hint}") from error


def memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if sys.platform != "win32" else sys.maxsize


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, 24 hex digits. Cost: reads the file once."""
    digest = hashlib.sha256()
    with reading(f"'{path}'", "Check that it may be read."), path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()[:24]


def unpacked(path: Path) -> bytes:
    """The bytes of a file, unpacked where it ends in .gz."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The number, from 1, and the value of each line that is not blank, of a file in UTF-8 with or without its mark.

    A line ends at a line feed alone: other ends that Unicode knows, such as U+2028, may stand inside a text.
    """
    for number, line in enumerate(unpacked(path).decode("utf-8-sig").split("\n"), start=1):
        if line.strip():
            yield number, json.loads(line)
