"""Who works on what: of several calls of one run at once, each job is claimed by one, which shows signs of life.

A claim is a file that can be made once only: `KEY.0`, and `KEY.1` where the owner of `KEY.0` is gone, and so on; the highest number holds.
So nobody ever takes away what another has just made. An owner is gone where it says nothing new for `PATIENCE` seconds on the reader's own
clock, as clocks of hosts differ, or at once where it was on this machine and has let go of its lock. Should it live after all, its work is
done twice, to the same result; nothing else depends on claims.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

from shiftproof._writing import create_once, lock

BEAT = 5.0
"""Seconds between two signs of life."""
PATIENCE = 60.0
"""Seconds without one after which an owner is gone."""
_ALIVE = ".alive"


class ClaimPlace(Protocol):
    """Where claims and signs of life are kept, as small files by name; it travels to other processes."""

    def create(self, name: str, content: bytes) -> bool:
        """Makes a file that nobody has made; whether it did."""
        ...

    def read(self, name: str) -> bytes | None:
        """What a file says; None where there is none."""
        ...

    def names(self) -> Iterable[str]:
        """All files."""
        ...

    def remove(self, name: str) -> None:
        """Takes a file away that may be gone already."""
        ...

    def clear(self) -> None:
        """Takes all files away."""
        ...

    def left(self, name: str) -> bool:
        """Whether whoever made this file on this machine has certainly ended."""
        ...

    @contextmanager
    def held(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Makes a file and holds it, for as long as its writer lives; yields what writes it anew."""
        ...


@dataclass(frozen=True)
class ClaimFolder:
    """A folder of claims on a disk that all calls see.

    Signs of life are written in place, since a network's file system shows a changed file sooner than a new one under an old name.
    """

    folder: Path

    def create(self, name: str, content: bytes) -> bool:
        self.folder.mkdir(exist_ok=True)  # another call takes it away when it finds the run complete
        return create_once(self.folder / name, content)

    def read(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self) -> Iterable[str]:
        return os.listdir(self.folder) if self.folder.is_dir() else []

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def left(self, name: str) -> bool:
        try:
            with (self.folder / name).open("r+b") as file:
                return bool(lock(file.fileno(), wait=False))
        except FileNotFoundError:
            return True

    @contextmanager
    def held(self, name: str) -> Iterator[Callable[[bytes], None]]:
        self.folder.mkdir(exist_ok=True)  # not the run's own, which its user may have removed
        with (self.folder / name).open("xb", buffering=0) as file:
            lock(file.fileno(), wait=True)

            def write(said: bytes) -> None:
                file.seek(0)
                file.write(said)
                os.fsync(file.fileno())

            yield write


@dataclass(frozen=True)
class Owner:
    """A call of a run.

    Args:
        token: drawn by chance: no two calls have the same.
        machine: what its system is known by, the same in containers on one kernel.
        host, pid: what people know it by.
    """

    token: str
    machine: str = ""
    host: str = ""
    pid: int = 0

    @classmethod
    def here(cls) -> Owner:
        """A new call in this process."""
        return cls(secrets.token_hex(8), _machine(), platform.node(), os.getpid())

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.host else "an unknown call"


@dataclass(frozen=True)
class JobClaim:
    """Who holds a job, by its highest claim."""

    key: str
    number: int
    owner: Owner


@dataclass(frozen=True)
class Claims:
    """The claims of a run, and the call that makes them. Its workers claim for it, so that one that dies costs no waiting.

    Args:
        place: where they are.
        owner: the call.
    """

    place: ClaimPlace
    owner: Owner = field(default_factory=Owner.here)

    def take(self, key: str) -> bool:
        """Claims a job that nobody holds; whether it is this call's."""
        found = self.holder(key)
        if found is not None:
            return found.owner == self.owner
        return self.place.create(f"{key}.0", json.dumps(asdict(self.owner)).encode())

    def take_over(self, claim: JobClaim) -> bool:
        """Claims a job whose holder is gone; of several calls one does."""
        return self.place.create(f"{claim.key}.{claim.number + 1}", json.dumps(asdict(self.owner)).encode())

    def holder(self, key: str) -> JobClaim | None:
        """Who holds a job; None where nobody does."""
        return self.holders([key]).get(key)

    def holders(self, keys: Iterable[str]) -> dict[str, JobClaim]:
        """Who holds which of these jobs, by their keys."""
        highest, found = self._highest(), dict[str, JobClaim]()
        for key in keys:
            said = self.place.read(f"{key}.{highest[key]}") if key in highest else None
            if said is not None:
                found[key] = JobClaim(key, highest[key], _owner(said))
        return found

    def release(self, key: str) -> None:
        """Lets a job go that this call has claimed, with the claims before its own; one that another has taken over stays."""
        for number in range(self._highest().get(key, -1), -1, -1):
            if _owner(self.place.read(f"{key}.{number}") or b"") == self.owner:
                for before in range(number + 1):
                    self.place.remove(f"{key}.{before}")  # its own last, so that none before it holds meanwhile
                return

    @contextmanager
    def living(self) -> Iterator[None]:
        """Shows signs of life inside the block; at its end nothing is claimed by this call any more."""
        ended = threading.Event()
        with self.place.held(f"{self.owner.token}{_ALIVE}") as say:

            def beat() -> None:
                number = 0
                while not ended.wait(BEAT):
                    number += 1
                    with suppress(OSError):  # a full disk, or the folder is gone: which the run finds itself
                        say(str(number).encode())

            heart = threading.Thread(target=beat, daemon=True)
            heart.start()
            try:
                yield
            finally:
                ended.set()
                heart.join()
                with suppress(OSError):
                    self._leave()

    def _leave(self) -> None:
        for key in self._highest():
            self.release(key)
        self.place.remove(f"{self.owner.token}{_ALIVE}")

    def _highest(self) -> dict[str, int]:
        """The number of each job's highest claim."""
        found: dict[str, int] = {}
        for key, _, number in (name.rpartition(".") for name in self.place.names()):
            if number.isdigit():
                found[key] = max(int(number), found.get(key, 0))
        return found


class SignsOfLife:
    """What this process has seen of the owners of claims.

    Args:
        claims: its own.
        clock: seconds, from any origin; this process's own.
    """

    def __init__(self, claims: Claims, clock: Callable[[], float] = time.monotonic) -> None:
        self._claims, self._clock = claims, clock
        self._seen: dict[str, tuple[bytes | None, float]] = {}

    def gone(self, owner: Owner) -> bool:
        """Whether a call has ended, as far as can be told."""
        name, place = f"{owner.token}{_ALIVE}", self._claims.place
        if owner.machine == self._claims.owner.machine and place.left(name):
            return True
        said, now = place.read(name), self._clock()
        before = self._seen.get(owner.token)
        if before is None or before[0] != said:
            self._seen[owner.token] = (said, now)
            return False
        return now - before[1] >= PATIENCE


def _owner(said: bytes) -> Owner:
    """Who wrote a claim; one that was cut off is nobody's, of whom no sign of life is ever seen."""
    try:
        return Owner(**json.loads(said))
    except (ValueError, TypeError):
        return Owner("")


@cache
def _machine() -> str:
    """One name for all processes that run on this kernel, and for no others."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{platform.node()} {uuid.getnode():x}"
