"""Files of JSON Lines: what ends a line, and what does not."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from shiftproof.data.sources.files import json_lines
from shiftproof.shifts.text.pinned import read_lines

LINES = '{"a": "one\u2028two"}\n\n{"a": "three\x85"}\r\n'


@pytest.mark.parametrize("name", ["plain.jsonl", "packed.jsonl.gz"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_line_ends_at_a_line_feed_alone(tmp_path: Path, name: str, mark: str) -> None:
    data = (mark + LINES).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert list(json_lines(path)) == [(1, {"a": "one\u2028two"}), (3, {"a": "three\x85"})]
    assert read_lines(path, "a file of edits") == [{"a": "one\u2028two"}, {"a": "three\x85"}]
