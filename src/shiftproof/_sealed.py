"""Stored files that say of themselves whether they are whole, and whose they are.

Each file has a seal in its own metadata, a text of fixed length: a digest of its identity (the kind of file, and the very part of the
very run) and one of all its other bytes. A flipped bit, a file cut off, or another part's file under this one's name is then seen before
anything in it is used. A seal guards against disks, copies and slips, not against somebody who makes a new one.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from shiftproof._errors import StoredFileWarning, UsageError
from shiftproof._writing import create_once, write_atomic

_MARK = "shiftproof-seal-1"
_WHO, _WHAT = 24, 40
_SEAL = re.compile(rf"{_MARK}:([0-9a-f]{{{_WHO}}}):([0-9a-f]{{{_WHAT}}})".encode())
_BROKEN = re.compile(rb'"seal"\s*:\s*[^n\s]')
BLANK = f"{_MARK}:{'0' * _WHO}:{'0' * _WHAT}"
"""The place of the seal: what is sealed has it once in its metadata."""
FileIdentity = Mapping[str, Any]
"""What a file is, of plain values; `kind` is one of its keys."""


class DamagedFile(ValueError):
    """Why a stored file is not used, as the end of a sentence."""


class UnsealedFile(DamagedFile):
    """It has no seal: an earlier version wrote it, or somebody else."""


def sealed(content: bytes, identity: FileIdentity) -> bytearray:
    """The content with its seal in the place of `BLANK`."""
    start = content.rindex(BLANK.encode())
    end, who, found = start + len(BLANK), _who(identity), bytearray(content)
    found[start:end] = f"{_MARK}:{who}:{_what(who, memoryview(content)[:start], memoryview(content)[end:])}".encode()
    return found


def check_seal(content: bytes, identity: FileIdentity | None) -> None:
    """Raises `DamagedFile` where the content is not as it was sealed, or is another file's; None accepts any file that is whole."""
    found = [*_SEAL.finditer(content)]
    view = memoryview(content)
    for seal in found:  # names of the user's may look like one
        who = seal[1].decode()
        if seal[2].decode() == _what(who, view[: seal.start()], view[seal.end() :]):
            if identity is not None and who != _who(identity):
                raise DamagedFile("it belongs to another part or another run than its name says")
            return
    if found or _BROKEN.search(content):
        raise DamagedFile("its checksum does not match its content")
    raise UnsealedFile("it has no checksum: it was cut off, or an earlier version wrote it")


def write_sealed(path: Path, content: bytes, identity: FileIdentity) -> None:
    """Seals and writes: the file appears whole or not at all."""
    write_atomic(path, sealed(content, identity))


def read_sealed(path: Path, identity: FileIdentity | None) -> bytes:
    """The file's bytes, which are as they were sealed.

    Raises:
        DamagedFile: they are not, or they are another file's.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    check_seal(content, identity)
    return content


def with_seal(text: str) -> bytes:
    """A JSON object with a place for a seal at its end."""
    start = text.rstrip().removesuffix("}").rstrip()
    return f'{start}{"" if start.endswith("{") else ","}\n  "seal": "{BLANK}"\n}}'.encode()


def write_json(path: Path, text: str, identity: FileIdentity) -> None:
    """Writes a JSON object with a seal at its end."""
    write_sealed(path, with_seal(text), identity)


def create_json(path: Path, text: str, identity: FileIdentity) -> bool:
    """As `write_json`, if the file is not there; whether it was written."""
    return create_once(path, sealed(with_seal(text), identity))


def read_json(path: Path, identity: FileIdentity) -> dict[str, Any]:
    """What `write_json` wrote, without its seal; raises `DamagedFile` or `OSError` as `read_sealed` does."""
    found = json.loads(read_sealed(path, identity))
    del found["seal"]
    return dict(found)


def read_document(path: Path, kind: str) -> bytes:
    """The text of a record that people keep, pass on and may edit, such as audit.json, without its seal.

    One without a seal is read all the same, with a warning.

    Raises:
        UsageError: it is not as it was written.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    try:
        check_seal(content, {"kind": kind})
    except UnsealedFile:
        said = f"'{path}' has no checksum: an earlier version wrote it, or somebody else. Whether it was changed since is not known."
        warnings.warn(said, StoredFileWarning, stacklevel=2)  # one place, so that a record that is read twice is said once
    except DamagedFile as error:
        raise UsageError(f"'{path}' was changed after it was written: {error}. Run again to write it anew.") from error
    return re.sub(rb'"%b"' % _SEAL.pattern, b"null", content)  # what is read back is what was written


def _who(identity: FileIdentity) -> str:
    return blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=_WHO // 2).hexdigest()


def _what(who: str, head: memoryview, tail: memoryview) -> str:
    digest = blake2b(who.encode(), digest_size=_WHAT // 2)
    digest.update(head)
    digest.update(b"\0")  # where the seal stands
    digest.update(tail)
    return digest.hexdigest()
