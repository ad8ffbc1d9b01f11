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
    "an empty folder": (lambda place: f"textfolder:{place}", "has no folders of classes"),
    "no texts": (lambda place: folder_of(place, pos__a_md=b"x"), "hold no texts"),
    "a file in Latin 1": (
        lambda place: folder_of(place, pos__a=b"caf\xe9"),
        "Cannot read the text '.*a.txt' .UnicodeDecodeError.*Write it in UTF-8",
    ),
    "a folder that is none": (lambda place: f"textfolder:{place / 'none'}", "There is no folder"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line(what: str, tmp_path: Path) -> None:
    make, message = BAD[what]
    with pytest.raises(UsageError, match=message) as found:
        sp.load_data(make(tmp_path)).take(slice(None))
    assert "\n" not in str(found.value)


def test_texts_have_no_box(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="The 'box' of .* must be left out"):
        sp.load_data(folder_of(tmp_path, pos__a=b"x"), box=(0, 1))
