"""JSON Lines: what is read, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from shiftproof._errors import UsageError

LINES: list[dict[str, Any]] = [
    {"q": "Why?", "context": "So.", "a": "So.", "y": "yes", "n": 3, "id": "one", "all": ["So.", "so"]},
    {"q": "Who?", "context": "Ann.", "a": "Ann.", "y": "no", "n": 2.5, "id": "two", "all": ["Ann"]},
]


def at(tmp_path: Path, options: str, lines: list[Any] | None = None) -> str:
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in (LINES if lines is None else lines)) + "\n\n")
    return f"jsonl:{path}?{options}"


def test_texts_with_labels_numbers_and_answers(tmp_path: Path) -> None:
    labels = sp.load_data(at(tmp_path, "text=q&label=y&id=id"))
    assert (labels.class_names, labels.y.tolist(), labels.ids.tolist()) == (("no", "yes"), [1, 0], ["one", "two"])
    assert sp.load_data(at(tmp_path, "text=q&target=n")).y.tolist() == [3.0, 2.5]
    assert sp.load_data(at(tmp_path, "text=q&target=a")).y.tolist() == [("So.",), ("Ann.",)]
    assert sp.load_data(at(tmp_path, "text=q&target=all")).y.tolist() == [("So.", "so"), ("Ann",)]


def test_several_texts_are_fields(tmp_path: Path) -> None:
    found = sp.load_data(at(tmp_path, "text=q,context&target=a")).take(slice(1, 2))
    assert {name: [*column] for name, column in found.x.columns.items()} == {"q": ["Who?"], "context": ["Ann."]}


@pytest.mark.parametrize(
    ("options", "lines", "message"),
    [
        ("label=y", None, r"needs its texts or its chats: write \?text=KEY or \?messages=KEY"),
        ("text=q", None, "needs what is to be answered: write &label=KEY for classes, or &target=KEY"),
        ("text=q&label=y&target=a", None, "needs what is to be answered"),
        ("text=p&label=y", None, "Unknown key of '.*' 'p'. Known: a, all"),
        ("text=q&label=y", [{"q": "a", "y": 0}, {"y": 1}], "The key 'q' of '.*' is missing in 1 of 2 lines, first in row 1"),
        ("text=q&label=y", [{"q": 3, "y": 0}], "The 'q' of row 0 of '.*' must be a text, got 3"),
        ("messages=q&label=y", [{"q": "hi", "y": 0}], "must be a list of messages with a role and a content, got 'hi'"),
        ("text=q&target=a", [{"q": "x", "a": [""]}], "must be a number, a text, or a list of texts, none empty"),
        ("text=q&label=y", ["{not json"], "cannot be read .*as JSON Lines|JSON Lines"),
        ("text=q&label=y", ["[1]"], "line 1 is no object"),
        ("text=q&label=y", [""], "holds no lines|is empty"),
    ],
)
def test_bad_files_are_one_line(tmp_path: Path, options: str, lines: list[Any] | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sp.load_data(at(tmp_path, options, lines)).take(slice(None))


def test_texts_have_no_box(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be left out"):
        sp.load_data(at(tmp_path, "text=q&label=y"), box=(0.0, 1.0))
