"""A pipe in the place of a stored file is not waited for: it is named, or what it stands for is made again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import shiftproof as sp
from shiftproof._sealed import read_document, read_file, read_sealed
from small_runs import linear_net

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")


def run(out: Path) -> sp.Report:
    return sp.audit(linear_net(), "digits:", limit=20, shifts=["linf(eps=0.1)"], searches=["one_draw"], out=str(out), progress=False)


def test_no_reader_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (read_file, lambda path: read_sealed(path, None), lambda path: read_document(path, "audit")):
        with pytest.raises(OSError, match="no regular file"):
            read(tmp_path / "pipe")


@pytest.mark.filterwarnings("ignore::shiftproof._errors.StoredFileWarning")
def test_a_run_goes_on_without_it(tmp_path: Path) -> None:
    before = run(tmp_path / "run").record.results
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file() and path.name != "plan.json"]
    assert len(files) >= 4
    for path in files:
        path.unlink()
        os.mkfifo(path)
    again = run(tmp_path / "run").record
    assert again.complete
    assert [result.value for result in again.results] == [result.value for result in before]
    (tmp_path / "run" / "plan.json").unlink()
    os.mkfifo(tmp_path / "run" / "plan.json")
    with pytest.raises(sp.UsageError, match="no regular file"):
        run(tmp_path / "run")
