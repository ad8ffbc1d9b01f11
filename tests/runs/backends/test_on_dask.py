"""A Dask cluster: workers that die lose nothing, and its absence is said."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shiftproof._errors import UsageError
from shiftproof.runs.backends import backend_named
from shiftproof.runs.backends.on_dask import Dask
from shiftproof.runs.cell import Cell
from shiftproof.runs.job import CellDone
from shiftproof.searches import searches
from shiftproof.shifts.identity import Identity
from small_runs import command, record, timeless, write_nets


def cell(name: str) -> Cell:
    """A cell that is told apart by the name that is its model's."""
    return Cell(name, "data", Identity(), searches.build("one_draw"), 0, 0, 1, 1)


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"needs the package distributed. Run: pip install 'shiftproof\[dask\]'"):
        backend_named("dask:tcp://host:8786", 2)


@pytest.mark.parametrize("name", ["dask", "dask:"])
def test_without_an_address_it_says_how_one_looks(name: str) -> None:
    with pytest.raises(UsageError, match="needs the address of a cluster: dask:tcp://HOST:8786. On this machine use processes"):
        backend_named(name, 2)


def test_a_cluster_is_named_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", pytest)  # any module
    assert backend_named("dask:tcp://host:8786", 3) == Dask(3, "tcp://host:8786")


class FakeDistributed:
    """Answers as the library does, at once and here; no cluster is at "nowhere"."""

    def __init__(self) -> None:
        self.most = self.under = 0

    def Client(self, address: str, *, set_as_default: bool) -> FakeClient:  # noqa: N802  # the library's name
        assert not set_as_default
        if address == "nowhere":
            raise OSError("timed out")
        return FakeClient(self)

    def wait(self, futures: list[FakeFuture], return_when: str) -> Any:
        self.most = max(self.most, len(futures))
        return type("Waited", (), {"done": {futures[0]}})


class FakeClient:
    def __init__(self, of: FakeDistributed) -> None:
        self.of = of

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *how: object) -> None:
        pass

    def as_current(self) -> FakeClient:
        return self

    def submit(self, function: Any, *given: Any, pure: bool) -> FakeFuture:
        assert not pure
        return FakeFuture(function, given)


class FakeFuture:
    def __init__(self, function: Any, given: tuple[Any, ...]) -> None:
        self.function, self.given = function, given

    def exception(self) -> Exception | None:
        return RuntimeError("its workers died\nmore of it") if self.given[1].model == "deadly" else None

    def result(self) -> Any:
        return self.function(*self.given)


@dataclass(frozen=True)
class Says:
    """Fails, or leaves to others, by the name of a cell."""

    def __call__(self, cell: Cell) -> CellDone:
        return CellDone(cell, "its own failure" if cell.model == "failing" else None, elsewhere=cell.model == "held")


def test_what_comes_of_jobs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeDistributed()
    monkeypatch.setitem(sys.modules, "distributed", fake)
    cells = [cell(name) for name in ("good", "failing", "held", "deadly")]
    found = {done.job.model: (done.error, done.elsewhere) for done in Dask(2, "there")(Says(), [cells[:1], cells[1:]])}
    assert found == {
        "good": (None, False),
        "failing": ("its own failure", False),
        "held": (None, True),
        "deadly": ("Dask could not run this: RuntimeError: its workers died", False),
    }
    assert fake.most == 2
    with pytest.raises(UsageError, match=r"No Dask cluster answers at 'nowhere' \(timed out\). Start one, or give its address"):
        next(Dask(2, "nowhere")(Says(), [cells]))


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="the package distributed is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as local:
        yield local


@dataclass(frozen=True)
class Dies:
    """Is killed at the first try of a cell, and at each of those that are named deadly; leaves a file for each that it has done."""

    folder: Path

    def __call__(self, cell: Cell) -> CellDone:
        tried = self.folder / f"{cell.model}.tried"
        again = tried.exists()
        tried.touch()
        if not again or cell.model == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        done = self.folder / f"{cell.model}.done"
        if not done.exists():  # as with cells: Dask does again what a dead worker had done and not yet told of
            with done.open("a") as said:
                said.write(".")
        return CellDone(cell, None)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_killed_workers_lose_nothing(cluster: Any, tmp_path: Path) -> None:
    cells = [cell(name) for name in ("one", "two", "three", "deadly")]
    found = {done.job.model: done.error for done in Dask(1, cluster.scheduler_address)(Dies(tmp_path), [cells])}
    assert [found[name] for name in ("one", "two", "three")] == [None] * 3
    assert "KilledWorker" in str(found["deadly"])
    assert [(tmp_path / f"{name}.done").read_text() for name in ("one", "two", "three")] == ["."] * 3


@pytest.mark.slow
def test_a_run_in_a_cluster_is_that_of_one_process(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["audit", "--model", f"{write_nets(tmp_path)}:nearest", "--limit", "20", "--shift", "linf(eps=0.1)", "--search", "one_draw"]
    assert command(monkeypatch, *words, "--out", tmp_path / "straight") == 0
    assert command(monkeypatch, *words, "--backend", f"dask:{cluster.scheduler_address}", "--out", tmp_path / "dask") == 0
    assert timeless(record(tmp_path / "dask")["results"]) == timeless(record(tmp_path / "straight")["results"])
