"""Files that appear whole or not at all, whoever else writes beside: other threads, processes, containers and hosts.

Temporary names are drawn by chance, never from a process id, which containers and hosts share. A writer holds a lock on its temporary file
for as long as it needs it, and the system lets go of it however the writer ends: what is not locked was left by a dead writer.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from shiftproof._errors import StoredFileWarning, UsageError

_TRIES = 20
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
Content = bytes | bytearray

if sys.platform == "win32":

    def lock(handle: int, *, wait: bool) -> bool | None:
        """None: this system has no such locks."""
        del handle, wait
        return None

else:
    import fcntl

    def lock(handle: int, *, wait: bool) -> bool | None:
        """Whether the lock of an open file is ours now; None where this file system has none."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True


def write_atomic(path: Path, content: Content) -> None:
    """Writes under a temporary name, flushes to disk and renames, so that readers see all or nothing; the last of several writers stays."""
    _write(path, content, Path.replace)


def create_once(path: Path, content: Content) -> bool:
    """Writes the file whole if nobody has; whether it did. Of several writers exactly one does."""
    try:
        _write(path, content, _link)
    except FileExistsError:
        return False
    return True


def _write(path: Path, content: Content, place: Callable[[Path, Path], Any]) -> None:
    for _ in range(_TRIES):
        if _placed(path, content, place):
            return
    raise OSError(errno.EBUSY, f"temporary files of '{path.name}' were removed {_TRIES} times before they were complete")


def _placed(path: Path, content: Content, place: Callable[[Path, Path], Any]) -> bool:
    """Whether the file is there; False where somebody removed the temporary one meanwhile."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            held = lock(file.fileno(), wait=True)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if held:  # under the lock, so that nobody takes it for a dead writer's
                return _moved(temporary, path, place)
        return _moved(temporary, path, place)
    finally:
        with suppress(OSError):  # gone already, or its folder is: what stopped the writing is raised and not this
            temporary.unlink(missing_ok=True)


def _moved(temporary: Path, path: Path, place: Callable[[Path, Path], Any]) -> bool:
    try:
        place(temporary, path)
    except FileNotFoundError:
        if path.parent.is_dir():
            return False
        raise
    return True


def _link(temporary: Path, path: Path) -> None:
    """A second name for the file, unless the name is taken; where there are no links, a new file."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with path.open("xb") as file:
            file.write(temporary.read_bytes())


def file_state(path: Path) -> tuple[int, ...]:
    """What a file is told by from one that was written in its place."""
    now = path.stat()
    return now.st_ino, now.st_mtime_ns, now.st_size


def is_temporary(path: Path) -> bool:
    """Whether it is a half file, by its name."""
    return re.fullmatch(r".+\.[0-9a-f]+\.tmp", path.name) is not None


def clear_leftovers(folder: Path) -> None:
    """Removes half files of writers that are no more; those of a living writer, wherever it runs, are locked and stay."""
    for place, _, names in os.walk(folder):
        for file in (Path(place, name) for name in names):
            if is_temporary(file):
                with suppress(OSError):  # gone meanwhile, or not ours to read
                    _clear(file)


def _clear(temporary: Path) -> None:
    with temporary.open("rb") as file:
        if lock(file.fileno(), wait=False):
            temporary.unlink(missing_ok=True)


@contextmanager
def one_at_a_time(folder: Path, told: str = "") -> Iterator[None]:
    """Holds a folder: others who ask for it wait, and are told so where there is a text. The system lets go of it however its holder ends.

    A file system without locks lets everybody in; every file is then still written whole.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if lock(handle, wait=False) is False:
            if told:
                warnings.warn(told, StoredFileWarning, stacklevel=4)
            lock(handle, wait=True)
        yield
    finally:
        os.close(handle)


def save(path: Path, content: bytes | bytearray) -> None:
    """Writes atomically into a folder that is made where it is missing; what the disk refuses is a `UsageError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)
    except OSError as error:
        raise disk_error(path.parent, error) from error


def disk_error(folder: Path, error: OSError) -> UsageError:
    """A full or read-only disk, said to a person."""
    full = error.errno == errno.ENOSPC
    what = "has no room" if full else "cannot be written"
    way = (
        "Free some space, or choose another disk with --out; running again goes on where this stopped."
        if full
        else "Choose another with --out."
    )
    return UsageError(f"The output folder '{folder}' {what}: {error.strerror or error}. {way}")
