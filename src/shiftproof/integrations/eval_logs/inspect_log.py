"""Logs of inspect: `.eval` files, which are archives, and `.json` files."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from shiftproof._errors import UsageError
from shiftproof._secrets import remember_fields
from shiftproof.integrations.eval_logs.log_row import LogRow, ReadLog, chosen, messages_text, score_of

TOOL = "inspect"
_ZSTD = 93
_LOCAL_HEADER = 30
MOST_BYTES = 1 << 30
"""A member of an archive is unpacked up to this size."""


def read_archive(path: Path, score: str | None) -> ReadLog:
    """A log in an archive.

    Raises:
        UsageError: it is none of inspect's, or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            members = {member.filename: member for member in archive.infolist()}
            start = members.get("header.json") or members.get("_journal/start.json")
            if start is None:
                raise UsageError(f"The archive '{path}' is no log of inspect: it has no header.json.")
            header = json.loads(_unpacked(archive, file, start))
            samples = [name for name in members if name.startswith("samples/") and name.endswith(".json")]
            return _log(path, header, (json.loads(_unpacked(archive, file, members[name])) for name in samples), score)
    except UsageError:
        raise  # it is a ValueError, and says what is wrong already
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, pa.ArrowException) as error:
        raise UsageError(f"The log '{path}' cannot be read: {error}. It must be an .eval file of inspect.") from error


def read_plain(path: Path, content: Mapping[str, Any], score: str | None) -> ReadLog:
    """A log in JSON."""
    samples = content.get("samples")
    return _log(path, content, iter(samples if isinstance(samples, list) else []), score)


def _unpacked(archive: zipfile.ZipFile, file: Any, member: zipfile.ZipInfo) -> bytes:
    """A member's bytes; zipfile reads no Zstandard before Python 3.14."""
    if member.file_size > MOST_BYTES:
        raise ValueError(f"'{member.filename}' has {member.file_size} bytes")
    if member.compress_type != _ZSTD:
        return archive.read(member)
    file.seek(member.header_offset)
    name, extra = struct.unpack("<HH", file.read(_LOCAL_HEADER)[26:])
    file.seek(name + extra, 1)
    packed = pa.BufferReader(file.read(member.compress_size))
    found: bytes = pa.input_stream(packed, compression="zstd").read(member.file_size)
    if len(found) != member.file_size or zlib.crc32(found) != member.CRC:
        raise ValueError(f"the checksum of '{member.filename}' does not match")
    return found


def _log(path: Path, header: Mapping[str, Any], samples: Iterator[Mapping[str, Any]], score: str | None) -> ReadLog:
    try:
        model, found = str(header["eval"]["model"]), list(samples)
        remember_fields([header, found])
        names = list(dict.fromkeys(name for one in found for name in one.get("scores") or {}))
        scorer = chosen("score", names, score, str(path), "--score") if found else ""
        rows = [_row(one, scorer, str(path)) for one in found]
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"The log '{path}' is not as inspect writes it ({type(error).__name__}: {error}).") from error
    return ReadLog(path, TOOL, model, scorer, rows)


def _row(one: Mapping[str, Any], scorer: str, where: str) -> LogRow:
    """A sample. One that ended in an error has no answer; one without its score has none that could be judged."""
    target = one.get("target", "")
    found = (one.get("scores") or {}).get(scorer)
    value = None if one.get("error") or found is None else score_of(found["value"], f"the sample '{one['id']}' of '{where}'")
    output = one.get("output") or {}
    return LogRow(
        name=str(one["id"]),
        prompt=messages_text(one.get("input", "")),
        said=str(output.get("completion") or ""),
        target=" / ".join(map(str, target)) if isinstance(target, list) else str(target),
        score=value,
        metadata=one.get("metadata") or {},
    )
