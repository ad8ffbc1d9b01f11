"""A run whose folder is a URL: an object store, or any other file system of fsspec that its machines reach.

The run itself lives in a local working folder, as it needs renames, locks and memory maps. What is finished is mirrored to the URL, whole
files only, and what others have put there is fetched. Claims are objects there that can be made once. States of searches under way and
stored answers of a paid model stay in the working folder: a cell whose call is killed begins anew.
"""

from __future__ import annotations

import atexit
import secrets
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from shiftproof._called import call, call_by_path
from shiftproof._errors import StoredFileWarning, UsageError
from shiftproof._sealed import DamagedFile, UnsealedFile, check_seal
from shiftproof._secrets import without_secrets
from shiftproof._urls import is_url
from shiftproof._writing import file_state, is_temporary, write_atomic
from shiftproof.runs.claim_objects import ClaimObjects, RemoteFault, in_short, make_folder

T = TypeVar("T")
TRIES = 3
"""How often a transfer is tried."""
PAUSE = 0.5
"""Seconds before the second try; each further one waits four times as long."""
LISTED_A_CHECK = 20
"""Objects in a list of the whole run that cost about as much as the look at one job's."""
LOOK = 5.0
"""Seconds between two looks at what other calls have put there."""
_LOCAL = {"partial", "claims"}
_LAST = {"audit.json": 1, "index.html": 2}
"""What is put there after all that it speaks of."""
_NEVER_BETTER = (FileExistsError, FileNotFoundError, PermissionError)


@dataclass(eq=False)
class Mirror:
    """The local working folder of a run at a URL, and what of it is where.

    Args:
        url: where the run is.

    `folder` is the working folder, a temporary one, which goes with this process.

    Raises:
        UsageError: fsspec or what it needs for this kind of URL is not installed, or there is no such kind.
    """

    url: str
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.shown = without_secrets(self.url.rstrip("/"))
        self.fs, root = _opened(self.url, self.shown)
        self.folder = _temporary(PurePosixPath(self.shown).name)
        call(self.folder, self.shown)
        self.root = root.rstrip("/")
        self.claims = ClaimObjects(self.fs, f"{self.root}/claims")
        self._seen: dict[str, str] = {}
        """Of each object, what told it from others when it was last the same as the file here."""
        self._put_there: dict[str, object] = {}
        """Of each file here, the same."""
        self._listed = self._checks = 0
        self._behind = False

    def begin(self) -> None:
        """Fetches the run that is there, for one that goes on with it or begins it.

        Raises:
            UsageError: something else is there, or it cannot be read or written.
        """
        there = self._find()
        if there and "plan.json" not in there and any(_mirrored(name) for name in there):
            raise UsageError(
                f"The output folder '{self.shown}' holds other files and no shiftproof run. Choose an empty or new one with --out."
            )
        self.fetch()
        self._tried("written", lambda: make_folder(self.fs, self.claims.root))
        probe = f"probe-{secrets.token_hex(8)}"
        once = self._tried("written", lambda: [self.claims.create(probe, b"-") for _ in range(2)])  # an empty one s3fs makes always
        self.claims.remove(probe)
        if once[1]:
            said = f"The file system of '{self.shown}' cannot make an object only once, so calls at once may repeat each other's cells."
            warnings.warn(said, StoredFileWarning, stacklevel=2)

    def create(self, name: str) -> None:
        """Puts a file there that nobody has put there; where somebody has, takes that one here."""
        path = self.folder / name
        content = path.read_bytes()
        if not self._tried("written", lambda: ClaimObjects(self.fs, self.root).create(name, content)):
            write_atomic(path, self._sound(name) or content)
        self._note(name, path)

    def fetch(self) -> None:
        """Brings what is new there into the working folder."""
        found = self._find()
        self._listed, self._checks = len(found), 0
        for name, info in found.items():
            path, version = self.folder / name, str(info)
            if not _mirrored(name) or self._seen.get(name) == version:
                continue
            ours = name not in self._seen and path.is_file() and path.stat().st_size == info["size"]
            if not ours:
                content = self._sound(name)
                if content is None:
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(path, content)
            self._seen[name] = version
            self._put_there[name] = _version(path, name)

    def check(self, files: Iterable[Path]) -> None:
        """Brings these files of the working folder here, where others have put them there: what tells whether a job is still to do.

        The whole run is looked at again only after so many checks that its objects cost no more to list than the checks: a run that is
        listed for every cell takes requests by the square of its cells.
        """
        self._checks += 1
        if self._checks * LISTED_A_CHECK >= self._listed:
            self.fetch()
        for path in files:
            name = path.relative_to(self.folder).as_posix()
            content = self._sound(name)
            if content is not None and not (path.is_file() and path.read_bytes() == content):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(path, content)
                self._note(name, path)

    def push(self, of: str = "") -> bool:
        """Puts there what is new in the working folder; whether all of it is there now. What could not be put is tried by the next call.

        Args:
            of: the key of the job whose files it is, beside the counts of what was sent; all files, where it is not told.
        """
        if self._behind:
            of = ""
        places = list(self.folder.rglob("*")) if not of else [*self.folder.glob(f"*/{of}*"), *self.folder.glob("sent/*")]
        files = {path.relative_to(self.folder).as_posix(): path for path in places if path.is_file()}
        whole = True
        for name in sorted(files, key=lambda name: (_LAST.get(name, 0), name)):
            if not _mirrored(name) or self._put_there.get(name) == _version(files[name], name):
                continue
            try:
                self._tried("written", partial(self._put, name, files[name]))
            except RemoteFault as error:
                warnings.warn(f"{error} It is tried again.", StoredFileWarning, stacklevel=2)
                whole = False
        self._behind = not whole
        return whole

    def settle(self) -> None:
        """The last `push` of a call; raises `UsageError` where not all is there, and then leaves the working folder."""
        if not self.push():
            _kept.add(self.folder)
            call_by_path(self.folder)
            raise UsageError(
                f"The run is not all at '{self.shown}'. It is whole in '{self.folder}': copy that folder there, or run again, which "
                "measures what is missing there."
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_seen": {}, "_put_there": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        call(self.folder, self.shown)

    def _find(self) -> dict[str, dict[str, Any]]:
        """All objects by their names below the URL."""
        self.fs.invalidate_cache()

        def find() -> dict[str, dict[str, Any]]:
            try:
                return dict(self.fs.find(self.root, detail=True))
            except FileNotFoundError:
                return {}

        found = self._tried("read", find)
        names = {path: path.lstrip("/").removeprefix(self.root.lstrip("/")).lstrip("/") for path in found}
        return {name: found[path] for path, name in names.items() if name and ".." not in PurePosixPath(name).parts}

    def _sound(self, name: str) -> bytes | None:
        """An object's bytes, all of them; None where it is gone again.

        Where they are never as they were sealed the object is damaged, which whoever reads it finds.
        """
        content: bytes | None = None
        for _ in range(TRIES):
            content = self._tried("read", lambda: self._all_of(name))
            if content is None or _as_sealed(content):
                break
        return content

    def _all_of(self, name: str) -> bytes | None:
        path = f"{self.root}/{name}"
        self.fs.invalidate_cache()  # others may have written it anew
        try:
            content = self.fs.cat_file(path)  # the one question, where there is nothing
            size = self.fs.info(path)["size"]
        except FileNotFoundError:
            return None
        if len(content) != size:
            raise RemoteFault(f"'{name}' has {size} bytes, and {len(content)} came")
        return bytes(content)

    def _put(self, name: str, file: Path) -> None:
        path, content = f"{self.root}/{name}", file.read_bytes()
        make_folder(self.fs, path.rpartition("/")[0])
        self.fs.pipe_file(path, content)
        there = self.fs.info(path)["size"]
        if there != len(content):
            raise RemoteFault(f"'{name}' has {len(content)} bytes, and {there} are there")
        self._note(name, file)

    def _note(self, name: str, path: Path) -> None:
        """A file is the same here and there; what the object is told by, the next look tells."""
        self._seen.pop(name, None)
        self._put_there[name] = _version(path, name)

    def _tried(self, what: str, work: Callable[[], T]) -> T:
        """Tries a few times, as networks fail; what then still fails is a message."""
        for wait in [PAUSE * 4**k for k in range(TRIES - 1)] + [None]:
            try:
                return work()
            except Exception as error:  # whatever a file system raises
                if wait is None or isinstance(error, _NEVER_BETTER):
                    why = f"The output folder '{self.shown}' cannot be {what}: {in_short(error)}."
                    raise RemoteFault(why) from error
                time.sleep(wait)
        raise AssertionError("unreachable")


def fetched(place: str | Path) -> Path:
    """The folder of a run or of several: itself, or where a URL's is brought to, for as long as this process lives.

    Raises:
        UsageError: it cannot be fetched, or there is nothing.
    """
    return mirrored(str(place)).folder if is_url(place) else Path(place)


def mirrored(url: str) -> Mirror:
    """What is at a URL, fetched; raises `UsageError` as `fetched`."""
    mirror = Mirror(url)
    mirror.fetch()
    if not any(mirror.folder.iterdir()):
        raise UsageError(f"There is nothing at '{mirror.shown}'. Give the URL of a run (--out of an audit), or of several.")
    return mirror


_kept: set[Path] = set()


def _temporary(name: str) -> Path:
    """A new folder of this name, which goes with this process."""
    home = Path(tempfile.mkdtemp(prefix="shiftproof-"))
    folder = home / (name or "run")
    folder.mkdir()
    atexit.register(_remove, home, folder)
    return folder


def _remove(home: Path, folder: Path) -> None:
    if folder not in _kept:
        shutil.rmtree(home, ignore_errors=True)


def _opened(url: str, shown: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise UsageError(f"The URL '{shown}' needs the package fsspec. Run: pip install 'shiftproof[remote]'") from error
    try:
        fs, root = url_to_fs(url)
    except ImportError as error:
        raise UsageError(f"The URL '{shown}' needs another package: {in_short(error)}.") from error
    except Exception as error:  # whatever a file system raises
        raise UsageError(
            f"The URL '{shown}' cannot be used: {in_short(error)}. Give one that fsspec knows, such as s3://BUCKET/RUN."
        ) from error
    if {"?", "#"} & {*str(root)} or "@" in str(root).partition("/")[0]:
        raise UsageError(
            f"The URL '{shown}' has more than a place: a user, a password, or what follows a ? or #, which fsspec takes for a part of "
            "the name here. Leave it out; credentials are read from where its package finds them, such as AWS_ACCESS_KEY_ID."
        )
    return fs, str(root)


def _mirrored(name: str) -> bool:
    """Whether a file of a run, or of one of several, is to be at its URL."""
    path = PurePosixPath(name)
    return not _LOCAL & {*path.parts} and not path.name.startswith("answers.sqlite") and not is_temporary(Path(path.name))


def _as_sealed(content: bytes) -> bool:
    """Whether a file that has a seal is as it was sealed."""
    try:
        check_seal(content, None)
    except UnsealedFile:  # not all files have one
        return True
    except DamagedFile:
        return False
    return True


def _version(path: Path, name: str) -> object:
    """What a file is told by from what it was; counts are kept in a memory map, whose changes no time tells."""
    if PurePosixPath(name).parent.name == "sent":
        return path.read_bytes()
    return file_state(path)
