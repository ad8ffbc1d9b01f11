"""Claims of a run at a URL: objects that can be made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from shiftproof._errors import UsageError
from shiftproof._secrets import without_secrets
from shiftproof.models.user_code import first_line


class RemoteFault(UsageError):
    """What a file system of fsspec refused, or did badly."""


@dataclass(frozen=True)
class ClaimObjects:
    """Claims as objects that are made once, where the file system can do that."""

    fs: Any
    root: str

    def create(self, name: str, content: bytes) -> bool:
        try:
            try:
                with self.fs.open(f"{self.root}/{name}", "xb") as file:
                    file.write(content)
            except (NotImplementedError, ValueError):  # it may know the same under another name
                self.fs.pipe_file(f"{self.root}/{name}", content, mode="create")
        except FileExistsError:
            return False
        except Exception as error:
            if self.read(name) is not None:  # some say so in a way of their own
                return False
            raise RemoteFault(f"cannot write '{name}' ({in_short(error)})") from error
        return True

    def read(self, name: str) -> bytes | None:
        try:
            found: bytes = self.fs.cat_file(f"{self.root}/{name}")
        except FileNotFoundError:
            return None
        return found

    def names(self) -> Iterable[str]:
        self.fs.invalidate_cache()
        try:
            return [PurePosixPath(path).name for path in self.fs.ls(self.root, detail=False)]
        except FileNotFoundError:
            return []

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.fs.rm_file(f"{self.root}/{name}")

    def clear(self) -> None:
        with suppress(Exception):  # nothing depends on it
            self.fs.rm(self.root, recursive=True)

    def left(self, name: str) -> bool:
        """Objects have no locks, so that only silence tells."""
        del name
        return False

    @contextmanager
    def held(self, name: str) -> Iterator[Callable[[bytes], None]]:
        def say(said: bytes) -> None:
            try:
                self.fs.pipe_file(f"{self.root}/{name}", said)
            except Exception as error:  # whatever a file system raises
                raise OSError(in_short(error)) from error

        make_folder(self.fs, self.root)
        say(b"0")
        yield say


BUCKETS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci"}


def make_folder(fs: Any, path: str) -> None:
    """A folder, where the file system has any. A store of objects has none, and may take the call for one that makes the bucket."""
    if not BUCKETS & {*([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol)}:
        fs.makedirs(path, exist_ok=True)


def in_short(error: Exception) -> str:
    """What a file system said, in a line."""
    told = isinstance(error, UsageError | ImportError)  # in a sentence that says what is wrong
    return without_secrets(str(error).strip().partition("\n")[0] if told else first_line(error)).rstrip(".")
