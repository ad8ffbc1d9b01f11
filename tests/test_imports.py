"""Objects by path are those of the file as it stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shiftproof._imports import load_object


def test_an_edit_within_the_second_and_of_the_same_size_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    file = tmp_path / "ways.py"
    for words in ("1", "2"):
        file.write_text(f"answer = {words}\n", encoding="utf-8")
        os.utime(file, (1_000_000_000, 1_000_000_000))
        assert load_object(f"{file}:answer") == int(words)
    assert [path.name for path in tmp_path.iterdir()] == ["ways.py"]  # and nothing is left beside a user's file
