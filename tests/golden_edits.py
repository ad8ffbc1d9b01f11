"""The golden files of edits: what each makes of a real sentence, with its rule for the truth and its cost, read by a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shiftproof._part import option_types
from shiftproof.shifts import Rewrite, shifts
from shiftproof.shifts.text.edit_cost import edit_cost


def golden(folder: Path) -> dict[str, dict[str, Any]]:
    """The lines of a folder's golden file by the name of their shift."""
    lines = (folder / "golden.jsonl").read_text(encoding="utf-8").splitlines()
    return {line["shift"]: line for line in map(json.loads, lines)}


def registered(level: str) -> list[str]:
    """The names of our edits of one level whose rules need no file or function of a user's."""
    home = f"shiftproof.shifts.text.{level}."
    parts = {name: shifts.get(name) for name in shifts.names()}
    return [name for name, part in parts.items() if part.__module__.startswith(home) and [*option_types(part)] == ["edits"]]


def rewrite(spec: str) -> Rewrite:
    """An edit that rewrites, from its spec."""
    part = shifts.build(spec)
    assert isinstance(part, Rewrite)
    return part


def check_replays(line: dict[str, Any]) -> None:
    """A golden edit is possible, gives the same text again, and has the rule and the cost that are written down."""
    part = rewrite(f"{line['shift']}(edits={len(line['edits'])})")
    edits = [(place, choice) for place, choice in line["edits"]]
    assert edits in list(part.neighbours(line["before"], []))
    assert part.edited(line["before"], edits) == line["after"] != line["before"]
    assert (part.label, tuple(line["cost"])) == (line["rule"], edit_cost(line["before"], line["after"]))
