"""Texts from JSONL files and from folders: whole, in any script, and bad input in one line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from shiftproof._errors import UsageError

ROWS: list[dict[str, Any]] = [
    {"text": "a good film", "label": "pos", "from": "ann"},
    {"text": "مرحبا بالعالم", "label": "neg"},
    {"text": "🎬🏿\nline two\ttab", "label": "pos", "from": None},
]


def jsonl(folder: Path, *rows: Any, name: str = "t.jsonl") -> str:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(folder / name)


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_texts_of_a_jsonl_file(tmp_path: Path, name: str) -> None:
    source = sp.load_data(f"jsonl:{jsonl(tmp_path, *ROWS, '', name=name)}?text=text&label=label&groups=from")
    examples = source.take(slice(None))
    assert [*examples.x] == [row["text"] for row in ROWS]
    assert (examples.y.tolist(), source.class_names) == ([1, 0, 1], ("neg", "pos"))
    assert source.groups["from"].tolist() == ["ann", "(missing)", "(missing)"]
    assert source.space.kind == "text"
    again = sp.load_data(f"jsonl:{jsonl(tmp_path, *ROWS[::-1], name='u.jsonl')}?text=text&label=label&groups=from")
    assert again.fingerprint() != source.fingerprint()


def test_numbers_of_a_jsonl_file_are_a_table(tmp_path: Path) -> None:
    rows = [{"a": 1.5, "b": "x", "y": 0}, {"a": 2, "b": "z", "y": 1}]
    source = sp.load_data(f"jsonl:{jsonl(tmp_path, *rows)}?label=y")
    assert source.take(slice(None)).x.tolist() == [[1.5, 0.0], [2.0, 1.0]]


def folder_of(place: Path, **texts: bytes) -> str:
    for name, data in texts.items():
        file = place / name.replace("__", "/")
        file = file.with_suffix(".md" if name.endswith("md") else ".txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return f"textfolder:{place}"


def test_texts_of_a_folder(tmp_path: Path) -> None:
    source = sp.load_data(
        folder_of(tmp_path, pos__a=b"good", neg__deep__b="schlecht é".encode(), pos__c=b"\xef\xbb\xbffine", pos__notes_md=b"x")
    )
    examples = source.take(slice(None))
    assert source.ids.tolist() == ["neg/deep/b.txt", "pos/a.txt", "pos/c.txt"]
    assert [*examples.x] == ["schlecht é", "good", "fine"]
    assert (examples.y.tolist(), source.class_names) == ([0, 1, 1], ("neg", "pos"))
    assert "1 files that are not .txt are left out." in source.notes
    renamed = sp.load_data(f"{folder_of(tmp_path)}?classes=pos,neg")
    assert renamed.y.tolist() == [1, 0, 0]
    before = source.fingerprint()
    (tmp_path / "pos" / "a.txt").write_text("bad")
    assert sp.load_data(f"textfolder:{tmp_path}").fingerprint() != before


BAD: dict[str, tuple[Any, str]] = {
    "no JSON": (lambda place: f"jsonl:{jsonl(place, '{')}?text=t&label=l", "Cannot read '.*' as JSONL .*one JSON object a line"),
    "no object": (lambda place: f"jsonl:{jsonl(place, '[1]')}?text=t&label=l", "must be a JSON object, got 'list'"),
    "no UTF-8": (lambda place: _latin(place), "Cannot read '.*' as JSONL .UnicodeDecodeError"),
    "a missing label": (
        lambda place: f"jsonl:{jsonl(place, {'t': 'a', 'l': 'x'}, {'t': 'b'})}?text=t&label=l",
        "The label 'l' of .* is missing in 1 of 2",
    ),
    "a missing text": (
        lambda place: f"jsonl:{jsonl(place, {'t': 'a', 'l': 'x'}, {'l': 'y'})}?text=t&label=l",
        "The text 't' of .* is missing in 1 of 2",
    ),
    "an empty folder": (lambda place: f"textfolder:{place}", "has no folders of classes"),
    "no texts": (lambda place: folder_of(place, pos__a_md=b"x"), "hold no texts"),
    "a file in Latin 1": (
        lambda place: folder_of(place, pos__a=b"caf\xe9"),
        "Cannot read the text '.*a.txt' .UnicodeDecodeError.*Write it in UTF-8",
    ),
    "a folder that is none": (lambda place: f"textfolder:{place / 'none'}", "There is no folder"),
}


def _latin(place: Path) -> str:
    (place / "t.jsonl").write_bytes(b'{"t": "caf\xe9", "l": 0}\n')
    return f"jsonl:{place / 't.jsonl'}?text=t&label=l"


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line(what: str, tmp_path: Path) -> None:
    make, message = BAD[what]
    with pytest.raises(UsageError, match=message) as found:
        sp.load_data(make(tmp_path)).take(slice(None))
    assert "\n" not in str(found.value)


def test_texts_have_no_box(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="The 'box' of .* must be left out"):
        sp.load_data(folder_of(tmp_path, pos__a=b"x"), box=(0, 1))
