"""The count of rows sent: it outlives its process, and a damaged file of it is named and stops nothing."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from shiftproof._errors import StoredFileWarning
from shiftproof.runs.ledger import Ledger, rows_sent, tokens_counted


def written(folder: Path, *rows: int) -> Path:
    """A ledger's file after these calls."""
    ledger = Ledger()
    ledger.keep(folder)
    for each in rows:
        ledger.add_sent("mine", each)
    (path,) = folder.glob("*.rows")
    return path


@pytest.mark.parametrize("rows", [(), (8,), (8, 16), (8, 16, 256)], ids=len)
def test_the_last_count_is_read(tmp_path: Path, rows: tuple[int, ...]) -> None:
    written(tmp_path, *rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rows_sent(tmp_path) == sum(rows)


def test_a_flipped_bit_anywhere_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, 8, 16)
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.warns(StoredFileWarning, match="the number of rows sent may be too low"):
            assert rows_sent(tmp_path) in (8, 24)


@pytest.mark.parametrize("damage", ["cut", "empty", "zeroed", "folder", "link"])
def test_a_damaged_file_stops_nothing(tmp_path: Path, damage: str) -> None:
    path = written(tmp_path, 8)
    content = {"cut": path.read_bytes()[:20], "empty": b"", "zeroed": bytes(32)}.get(damage)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    elif damage == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "gone")
    with pytest.warns(StoredFileWarning, match=r"\.rows' is damaged"):
        assert rows_sent(tmp_path) in (0, 8)


def test_tokens_are_kept_beside_the_rows_and_only_where_there_are_any(tmp_path: Path) -> None:
    plain = Ledger()
    plain.keep(tmp_path)
    assert tokens_counted(tmp_path) is None
    for before, after in ((7, 5), (0, 30)):
        ledger = Ledger()
        ledger.add_tokens(before)
        ledger.keep(tmp_path)
        ledger.add_tokens(after)
    assert tokens_counted(tmp_path) == 42
    ledger.drop()
    assert tokens_counted(tmp_path) == 12
    (path,) = tmp_path.glob("*.tokens")
    path.write_bytes(b"abc")
    with pytest.warns(StoredFileWarning, match=r"\.tokens' is damaged: the number of tokens may be too low"):
        assert tokens_counted(tmp_path) == 0
