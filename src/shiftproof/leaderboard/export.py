"""Entries as files: all of each in `entries.json`, and what RobustBench's format can hold of it in `model_info/`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from shiftproof._errors import UsageError
from shiftproof._sealed import read_document
from shiftproof._writing import write_atomic
from shiftproof.leaderboard.robustbench import BOARDS, DATASETS, STANDARD, lost, place, to_robustbench
from shiftproof.records.document import Document, write_document
from shiftproof.records.leaderboard import Entry
from shiftproof.reports.number_format import plural

NAME = "entries.json"
_SAID = {
    "proven": "certified accuracy",
    "average": "the average case",
    "sample": "which examples",
    "origin": "who measured it",
    "interval": "intervals",
    "confidence": "intervals",
    "n": "how many examples",
    "search": "which search",
    "made_by": "which search",
    "cell": "which search",
    "flags": "names of flags",
    "forwards_per_example": "cost",
    "backwards_per_example": "cost",
    "seconds": "cost",
    "value": "searches beyond the least two",
    "kind": "searches beyond the least two",
}


class Entries(Document):
    """What `entries.json` holds."""

    entries: list[Entry]


def export_entries(entries: Sequence[Entry], folder: Path) -> list[str]:
    """Writes the files and returns what a person must know: where they are, and what the second format leaves out."""
    folder.mkdir(parents=True, exist_ok=True)
    write_document(folder / NAME, Entries(entries=list(entries)), "entries")
    said = [f"Wrote {folder / NAME}: all of {len(entries)} entries."]
    refused: dict[str, None] = {}
    homeless: dict[str, None] = {}
    dropped: set[str] = set()
    taken: set[Path] = set()
    bare = 0
    for entry in entries:
        if entry.threat.family not in BOARDS:
            homeless[entry.threat.spec] = None
            continue
        try:
            info, path = to_robustbench(entry), _free(place(entry), taken)
        except UsageError as error:
            refused[str(error)] = None
            continue
        dropped.update(lost(entry))
        bare += info.get("autoattack_acc", "") is None
        target = folder / "model_info" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, json.dumps(info, indent=2).encode())
    said.append(f"Wrote {len(taken)} files of RobustBench's format to {folder / 'model_info'}.")
    if dropped:
        said.append(f"That format cannot hold: {', '.join(sorted({_in_words(path) for path in dropped}))}.")
    if bare:
        said.append(f"{plural(bare, 'file')} without autoattack_acc, which is what the search {STANDARD} leaves.")
    others = sorted({path.parts[0] for path in taken} - DATASETS)
    if others:
        said.append(f"RobustBench itself has no leaderboard for {', '.join(others)}.")
    if homeless:
        said.append(f"Not in it, as RobustBench has leaderboards for {', '.join(BOARDS)} only: {', '.join(homeless)}.")
    return [*said, *(f"Not in it: {reason}" for reason in refused)]


def read_entries(path: Path) -> list[Entry]:
    """The entries of an `entries.json`.

    Raises:
        UsageError: it is not there, or not such a file.
    """
    try:
        content = read_document(path, "entries")
        if content.lstrip().startswith(b"["):  # as earlier versions wrote it
            return TypeAdapter(list[Entry]).validate_json(content)
        return Entries.model_validate_json(content).entries
    except OSError as error:
        raise UsageError(f"The file '{path}' cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "whole"
        raise UsageError(f"The '{key}' of '{path}' is wrong: {first['msg']}.") from error


def _in_words(path: str) -> str:
    """A path that `lost` gives, as people say it."""
    if path.endswith("(rounded)"):
        return "digits beyond 0.01 points"
    top, last = path.split(".")[0], path.split(".")[-1]
    return _SAID.get(top) or _SAID.get(last) or top


def _free(path: Path, taken: set[Path]) -> Path:
    """The path, or one with a number where several entries have the same."""
    free, count = path, 1
    while free in taken:
        count += 1
        free = path.with_stem(f"{path.stem}_{count}")
    taken.add(free)
    return free
