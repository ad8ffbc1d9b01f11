"""Workers that die, lie, fork or hang cost the cell they hold at most; a run that dies takes its workers with it."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

import shiftproof as sp
from kills import left_after, marked, start
from shiftproof.runs.backends.processes import Processes
from shiftproof.runs.cell import Cell
from shiftproof.runs.job import CellDone
from shiftproof.searches import searches
from shiftproof.shifts.identity import Identity
from small_runs import command, record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups and signals are those of POSIX")


class Stubborn(Exception):
    """An exception that no other process can have."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("not to be sent")


def cell(name: str, seed: int = 0) -> Cell:
    """A cell that is told apart by the name that is its model's."""
    return Cell(name, "data", Identity(), searches.build("one_draw"), seed, 0, 1, 1)


@dataclass(frozen=True)
class Trouble:
    """Does with a cell what the name of its model says."""

    folder: Path

    def __call__(self, cell: Cell) -> CellDone:
        name = cell.model.partition(" ")[0]
        with (self.folder / name).open("a") as said:
            said.write(f"{os.getpid()}\n")
        if name != "fine":
            getattr(self, name)()
        return CellDone(cell, None)

    def exits(self) -> None:
        os._exit(3)

    def exits_well(self) -> None:
        os._exit(0)

    def killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def crashes(self) -> None:
        ctypes.string_at(0)

    def leaves(self) -> None:
        sys.exit("good bye")

    def interrupts(self) -> None:
        raise KeyboardInterrupt

    def stubborn(self) -> None:
        raise Stubborn

    def talks(self) -> None:
        raise ValueError("a" * 5_000_000 + " the end")

    def forks(self) -> None:
        os.fork()  # both come back

    def forks_and_dies(self) -> None:
        if os.fork():
            os._exit(4)
        time.sleep(600)  # and keeps every line of its parent open

    def dies_once(self) -> None:
        if len((self.folder / "dies_once").read_text().split()) == 1:
            os._exit(5)

    def hangs_at_exit(self) -> None:
        threading.Thread(target=time.sleep, args=(600,)).start()


def run(folder: Path, *names: str, workers: int = 1) -> dict[str, str | None]:
    """By name, what each cell failed of."""
    found = list(Processes(workers)(Trouble(folder), [[cell(name) for name in names]]))
    assert len(found) == len(names)
    return {done.job.model: done.error for done in found}


def pids(folder: Path, name: str) -> list[int]:
    return [int(pid) for pid in (folder / name).read_text().split()]


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def gone(numbers: list[int], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while any(map(alive, numbers)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(alive, numbers))


def test_what_a_worker_survives(tmp_path: Path) -> None:
    """Whatever a cell raises is its own failure; the one worker goes on, and a forked copy of it says nothing."""
    found = run(tmp_path, "fine", "leaves", "interrupts", "stubborn", "talks", "forks", "fine again")
    assert (found["fine"], found["fine again"], found["forks"]) == (None, None, None)
    assert "SystemExit: good bye" in str(found["leaves"])
    assert "KeyboardInterrupt" in str(found["interrupts"])
    assert "Stubborn" in str(found["stubborn"])
    assert str(found["talks"]).rstrip().endswith("the end")
    assert len(str(found["talks"])) < 200_000
    workers = {pid for name in ("fine", "leaves", "stubborn", "forks") for pid in pids(tmp_path, name)}
    assert len(workers) == 1
    assert gone(list(workers))


def test_a_worker_that_dies_takes_its_own_cell_only(tmp_path: Path) -> None:
    found = run(tmp_path, "exits", "fine 1", "dies_once", "fine 2")
    assert "died 2 times while it ran this: it left with exit code 3" in str(found["exits"])
    assert [found[name] for name in ("fine 1", "dies_once", "fine 2")] == [None] * 3
    assert len(pids(tmp_path, "exits")) == 2


@pytest.mark.slow
def test_every_way_to_die_is_told(tmp_path: Path) -> None:
    found = run(tmp_path, "killed", "crashes", "exits_well", "forks_and_dies", "fine", workers=2)
    assert "it was ended by SIGKILL" in str(found["killed"])
    assert "it was ended by SIGSEGV" in str(found["crashes"])
    assert "it left with exit code 0" in str(found["exits_well"])
    assert "it left with exit code 4" in str(found["forks_and_dies"])
    assert found["fine"] is None


def test_a_fork_that_outlives_its_worker_hides_no_death_and_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shiftproof.runs.backends.pool.TRIES", 1)
    found = run(tmp_path, "forks_and_dies")
    assert "it left with exit code 4" in str(found["forks_and_dies"])
    children = [int(p.name) for p in Path("/proc").glob("[0-9]*") if group_of(p) in pids(tmp_path, "forks_and_dies")]
    assert gone(children)


def group_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(") ")[2].split()[2])
    except OSError:
        return -1


@pytest.mark.slow
def test_a_worker_that_hangs_when_it_should_leave_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shiftproof.runs.backends.pool._PATIENCE", 0.5)
    assert run(tmp_path, "hangs_at_exit") == {"hangs_at_exit": None}
    assert gone(pids(tmp_path, "hangs_at_exit"))


@pytest.mark.slow
def test_workers_end_when_nobody_wants_their_results(tmp_path: Path) -> None:
    with closing(generated(Processes(1)(Trouble(tmp_path), [[cell("fine"), cell("dies_once")]]))) as results:
        assert next(results).error is None
    assert gone(pids(tmp_path, "fine"))


def generated(results: Iterator[CellDone]) -> Generator[CellDone, None, None]:
    yield from results


class Unloadable:
    """Cannot be made in another process, as a function of a script without its guard cannot."""

    def __call__(self, cell: Cell) -> CellDone:
        return CellDone(cell, None)

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (9,)


@pytest.mark.slow
def test_workers_that_cannot_start_fail_the_run_and_do_not_start_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shiftproof.runs.backends.pool._STARTS", 2)
    found = list(Processes(1)(Unloadable(), [[cell("a"), cell("b")]]))
    assert len(found) == 2
    assert all("No worker process could be started: it left with exit code 9" in str(done.error) for done in found)


QUITTING = '''
import ctypes, os, signal, threading, time
import torch

SIGN = os.path.join(os.path.dirname(__file__), "held")


class Net(torch.nn.Module):
    """Linear, and in a worker it does on moved inputs what the environment says."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(64, 10)

    def forward(self, x):
        if bool((x * 16 != (x * 16).round()).any()):
            trouble = os.environ.get("TROUBLE", "")
            if trouble == "deaf":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            if trouble:
                open(SIGN, "w").close()
            if trouble == "children":
                import subprocess, sys
                subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            if trouble == "exit":
                os._exit(7)
            if trouble:
                ctypes.PyDLL(None).sleep(600)  # in C, with the interpreter's lock: no Python code runs in this process any more
        return self.linear(x.flatten(1))


def make():
    return Net()
'''


def words(folder: Path) -> list[str]:
    (folder / "quitting.py").write_text(QUITTING)
    (folder / "run.toml").write_text("limit = 20\nworkers = 1\n")
    where = ["--model", f"{folder / 'quitting.py'}:make", "--config", str(folder / "run.toml"), "--out", str(folder / "out")]
    return [
        "audit",
        "--data",
        "digits:",
        *where,
        "--shift",
        "linf(eps=0.1)",
        "--search",
        "best_of_n(n=2)",
        "--backend",
        "processes",
        "--quiet",
    ]


def held(folder: Path, mark: str) -> subprocess.Popen[bytes]:
    process, until = start(words(folder), mark), time.monotonic() + 120
    while not (folder / "held").exists():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(process.communicate()[1])
        time.sleep(0.05)
    return process


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize(
    ("trouble", "number", "code"),
    [
        ("deaf", signal.SIGKILL, -signal.SIGKILL),
        pytest.param("children", signal.SIGKILL, -signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param("deaf", signal.SIGTERM, 130, marks=pytest.mark.slow),
        pytest.param("stuck", signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
)
def test_no_process_outlives_its_run(
    trouble: str, number: signal.Signals, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the model is stuck in C, hears no signal, or has started processes of its own."""
    monkeypatch.setenv("TROUBLE", trouble)
    mark = secrets.token_hex(8)  # the name of a temporary folder is that of another session's too
    process = held(tmp_path, mark)
    assert len(marked(mark)) > 2
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert not left_after(mark)
    monkeypatch.setenv("TROUBLE", "")
    model, out = f"{tmp_path / 'quitting.py'}:make", str(tmp_path / "out")
    shards = sp.audit(model, "digits:", limit=20, shifts=["linf(eps=0.1)"], searches=["best_of_n(n=2)"], out=out)
    assert shards.record.complete


def test_a_cell_that_ends_its_worker_is_named_in_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUBLE", "exit")
    assert command(monkeypatch, *words(tmp_path)) == 2
    found = {found["shift"]: found for found in record(tmp_path / "out")["cells"]}
    assert found["identity"]["state"] == "done"
    assert found["linf(eps=0.1)"]["state"] == "failed"
    assert "it left with exit code 7" in found["linf(eps=0.1)"]["error"]
