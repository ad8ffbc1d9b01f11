"""What a run at a URL asks of its file system, in numbers, and one at a server that speaks S3."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import shiftproof as sp
from shiftproof._errors import StoredFileWarning
from shiftproof.runs import remote_store
from shiftproof.runs.claim_objects import make_folder
from small_runs import as_typed, linear_net, timeless

USUAL: dict[str, Any] = {"shifts": ("linf(eps=0.1)",), "searches": ("one_draw",), "progress": False, "pictures": 0}


class Counting(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system in memory that counts the objects of lists, and the folders that are made."""

    protocol = "counting"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    cachable = False
    seen: ClassVar[Counter[str]] = Counter()

    def find(self, path: str, *more: Any, **options: Any) -> Any:
        found = super().find(path, *more, **options)
        Counting.seen["listed"] += len(found)
        return found

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        Counting.seen["folders"] += 1
        super().makedirs(path, exist_ok)


@pytest.fixture
def counted() -> Iterator[Counter[str]]:
    fsspec.register_implementation("counting", Counting, clobber=True)
    Counting.seen.clear()
    yield Counting.seen
    Counting.store.clear()


def test_lists_grow_with_the_cells_and_not_with_their_square(counted: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_store, "LISTED_A_CHECK", 2)
    cells = 60
    sp.audit(linear_net(), "digits:", out="counting://bucket/run", limit=cells // 2, shard_size=1, **USUAL)
    assert counted["listed"] <= 10 * cells, "a list for each cell would be of 30 objects on average"


def test_a_store_of_objects_is_asked_for_no_folder(counted: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(Counting(), "/bucket/run")
    assert counted["folders"] == 1
    monkeypatch.setattr(Counting, "protocol", ("s3", "s3a"))
    make_folder(Counting(), "/bucket/run")
    assert counted["folders"] == 1


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a server on this machine."""
    pytest.importorskip("s3fs", reason="the package s3fs is not installed")
    server = pytest.importorskip("moto.server", reason="the package moto[server], which serves S3, is not installed")
    serving = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    serving.start()
    host, port = serving.get_host_and_port()
    told = {
        "ENDPOINT_URL": f"http://{host}:{port}",
        "ACCESS_KEY_ID": "somebody",
        "SECRET_ACCESS_KEY": "hunter22",
        "DEFAULT_REGION": "us-east-1",
    }
    for name, value in told.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    fs = fsspec.filesystem("s3", skip_instance_cache=True)
    fs.mkdir("bucket")
    yield "s3://bucket"
    serving.stop()


def test_at_a_server_of_s3(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder) -> None:
    found: list[sp.Report] = []
    options = {**USUAL, "limit": 6, "shard_size": 2}
    threads = [
        threading.Thread(target=lambda: found.append(sp.audit(linear_net(), "digits:", out=f"{bucket}/run", **options))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    straight = sp.audit(linear_net(), "digits:", out=str(tmp_path / "straight"), **options)
    assert [timeless(one.record.model_dump()["results"]) for one in found] == [timeless(straight.record.model_dump()["results"])] * 2
    assert not [one for one in recwarn if issubclass(one.category, StoredFileWarning)], "it makes objects only once"
    fs = fsspec.filesystem("s3")
    assert len(fs.ls("bucket/run/cells")) == len(os.listdir(tmp_path / "straight" / "cells"))
    assert not [name for name in fs.find("bucket") if b"hunter22" in fs.cat_file(name)]
    for words in (["report", f"{bucket}/run"], ["cite", f"{bucket}/run"], ["compare", f"{bucket}/run", f"{bucket}/run"]):
        assert as_typed(monkeypatch, *words) == 0
    with pytest.raises(sp.UsageError, match="The specified bucket does not exist"):
        sp.audit(linear_net(), "digits:", out="s3://another/run", **options)
    assert not fs.exists("another")
