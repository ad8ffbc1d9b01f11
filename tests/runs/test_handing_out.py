"""Calls of one run at once: each job is done by one of them, none begins before what it reads is there, and all return with everything."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from shiftproof.runs import handing_out
from shiftproof.runs.backends.serial import serial
from shiftproof.runs.cell import Cell
from shiftproof.runs.claims import ClaimFolder, Claims
from shiftproof.runs.handing_out import HandingOut
from shiftproof.runs.job import Done
from shiftproof.runs.store import Store, write_error
from shiftproof.runs.work import Errand, Work
from small_runs import linear_net, timeless

KILLS = int(os.environ.get("SHIFTPROOF_KILLS", "12"))
SEED = int(os.environ.get("SHIFTPROOF_SEED", "0"))
Job = Cell | Errand


@dataclass(frozen=True)
class Note:
    """A job that writes down who did it, a line each time."""

    name: str
    does: Callable[[Note, Store], None] = lambda note, store: None

    @property
    def what(self) -> str:
        return self.name

    def key(self) -> str:
        return self.name

    def place(self, store: Store) -> Path:
        return store.folder / f"{self.name}.done"

    def failure(self, store: Store) -> Path:
        return store.folder / f"{self.name}.error.txt"

    def results(self, store: Store) -> Path:
        return self.place(store)

    def finished(self, store: Store) -> bool:
        return self.place(store).exists()

    def do(self, work: Work) -> None:
        with (work.store.folder / "log").open("a") as log:
            log.write(f"{os.getpid()} {self.name}\n")
        self.does(self, work.store)
        self.place(work.store).touch()

    def fail(self, store: Store, error: str) -> None:
        write_error(self.failure(store), error)


def begun(store: Store) -> list[tuple[int, str]]:
    """Who began what, in order."""
    lines = (store.folder / "log").read_text().splitlines() if (store.folder / "log").exists() else []
    return [(int(pid), name) for pid, name in (line.split() for line in lines)]


class Call:
    """One call: its claims, what it has done and what it was told that others did."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.claims = Claims(ClaimFolder(self.store.claims))
        self.done: list[Done[Any]] = []
        self.told: list[Done[Any]] = []
        self.work = Work(lambda: None, {}, self.store, 1, 0, claims=self.claims)  # type: ignore[arg-type, return-value]

    def run(self, *waves: Sequence[Job]) -> Call:
        with self.claims.living():
            for done in HandingOut(self.store, self.claims, self.told.append).run(self.work, serial, waves):
                if done.error is not None:
                    done.job.fail(self.store, done.error)
                self.done.append(done)
        return self

    @property
    def names(self) -> tuple[set[str], set[str]]:
        return {done.job.name for done in self.done}, {done.job.name for done in self.told}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(handing_out, "LOOK", 0.01)
    (tmp_path / "plan.json").touch()
    (tmp_path / "claims").mkdir()
    return tmp_path


def together(folder: Path, calls: int, *waves: Sequence[Job]) -> list[Call]:
    found = [Call(folder) for _ in range(calls)]
    threads = [threading.Thread(target=call.run, args=waves) for call in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_alone_it_does_all(folder: Path) -> None:
    jobs = [Note(f"job{k}") for k in range(5)]
    call = Call(folder).run(jobs[:2], jobs[2:])
    assert [name for _, name in begun(call.store)] == [job.name for job in jobs]
    assert not call.told
    assert not [*call.claims.place.names()]


def test_of_several_each_job_is_done_by_one_and_told_to_the_others(folder: Path) -> None:
    jobs = [Note(f"job{k}") for k in range(20)]
    calls = together(folder, 4, jobs[:3], jobs[3:])
    assert sorted(name for _, name in begun(calls[0].store)) == sorted(job.name for job in jobs)
    for call in calls:
        mine, others = call.names
        assert mine | others == {job.name for job in jobs}
        assert not mine & others


def test_no_wave_begins_before_another_call_has_ended_the_one_before(folder: Path) -> None:
    first_begun, go_on = threading.Event(), threading.Event()

    def slowly(note: Note, store: Store) -> None:
        first_begun.set()
        go_on.wait(60)

    def reads(note: Note, store: Store) -> None:
        assert Note("first").finished(store)

    waves = [[Note("first", slowly)], [Note("second", reads), Note("third", reads)]]
    one, other = Call(folder), Call(folder)
    threads = [threading.Thread(target=one.run, args=waves)]
    threads[0].start()
    assert first_begun.wait(60)
    waiting = threading.Event()
    threads.append(threading.Thread(target=lambda: run_waiting(other, waiting, waves)))
    threads[1].start()
    assert waiting.wait(60)
    assert [name for _, name in begun(one.store)] == ["first"]
    go_on.set()
    for thread in threads:
        thread.join()
    assert [done.error for done in (*one.done, *other.done, *one.told, *other.told)] == [None] * 6


def run_waiting(call: Call, waiting: threading.Event, waves: Sequence[Sequence[Job]]) -> None:
    """Runs, and says when it waits."""
    with call.claims.living():
        out = HandingOut(call.store, call.claims, call.told.append, lambda jobs: waiting.set())
        call.done += out.run(call.work, serial, waves)


def test_what_fails_in_another_call_is_not_done_again(folder: Path) -> None:
    """But what failed before this call began is."""
    job = Note("job")
    job.fail(Store(folder), "earlier")
    one, other, waiting = Call(folder), Call(folder), threading.Event()
    one.claims.place.create("job.0", b"")  # somebody's
    thread = threading.Thread(target=run_waiting, args=(other, waiting, [[job]]))
    thread.start()
    assert waiting.wait(60)
    assert not other.told
    job.fail(one.store, "it failed here")
    thread.join()
    assert [(done.error, done.elsewhere) for done in other.told] == [("it failed here\n", True)]
    assert not begun(one.store)
    one.claims.place.remove("job.0")
    again = Call(folder).run([job])
    assert [done.error for done in again.done] == [None]


def test_what_a_dead_call_held_is_done_here(folder: Path) -> None:
    dead, call = Call(folder), Call(folder)
    dead.claims.take("job")
    call.run([Note("job"), Note("other")])
    assert [name for _, name in begun(call.store)] == ["other", "job"]
    assert not [*call.claims.place.names()]


def test_what_is_let_go_unfinished_is_done_here(folder: Path) -> None:
    """Its call was interrupted."""
    one, other, waiting = Call(folder), Call(folder), threading.Event()
    with one.claims.living():
        one.claims.take("job")
        thread = threading.Thread(target=run_waiting, args=(other, waiting, [[Note("job")]]))
        thread.start()
        assert waiting.wait(60)
        assert not begun(one.store)
    thread.join()
    assert [name for _, name in begun(one.store)] == ["job"]


def test_who_finds_a_job_done_after_its_claim_leaves_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another call finished it between the look and the claim."""
    call, job = Call(folder), Note("job")
    take = Claims.take

    def late(self: Claims, key: str) -> bool:
        job.place(call.store).touch()
        return take(self, key)

    monkeypatch.setattr(Claims, "take", late)
    assert call.run([job]).names == (set(), {"job"})
    assert not begun(call.store)
    assert not [*call.claims.place.names()]


def test_a_folder_that_is_removed_ends_the_waiting(folder: Path) -> None:
    call = Call(folder)
    Claims(ClaimFolder(call.store.claims), replace(call.claims.owner, token="there", machine="another")).take("job")
    (folder / "plan.json").unlink()
    with pytest.raises(sp.UsageError, match="was removed while the run was going on"):
        call.run([Note("job")])


def dies_at_times(note: Note, store: Store) -> None:
    """Kills its own process with kill -9, by chance of the job and of how often it was begun."""
    so_far = sum(name == note.name for _, name in begun(store))
    if so_far < 4 and random.Random(f"{SEED} {note.name} {so_far}").random() < 0.5:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals and locks are those of POSIX")
def test_calls_that_are_killed_lose_nothing_and_repeat_only_what_they_had_in_hand(folder: Path) -> None:
    jobs = [Note(f"job{k}", dies_at_times) for k in range(KILLS)]
    store, dead, living = Store(folder), set(), set()

    def start() -> int:
        pid = os.fork()
        if pid:
            return pid
        with_all = Call(folder).run(jobs[:3], jobs[3:])
        os._exit(0 if set().union(*with_all.names) == {job.name for job in jobs} else 1)

    living = {start() for _ in range(3)}
    while living:
        pid, status = os.wait()
        living.remove(pid)
        if os.WIFSIGNALED(status):
            dead.add(pid)
            living.add(start())
        else:
            assert os.WEXITSTATUS(status) == 0
    assert all(job.finished(store) for job in jobs)
    assert dead
    whole = [name for pid, name in begun(store) if pid not in dead or last_of(pid, store) != name]
    assert sorted(whole) == sorted(job.name for job in jobs)
    assert not [name for name in Claims(ClaimFolder(store.claims)).place.names() if not name.endswith(".alive")]


def last_of(pid: int, store: Store) -> str:
    """What a process had in hand when it was killed."""
    return [name for who, name in begun(store) if who == pid][-1]


def test_audits_at_once_measure_each_cell_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(Work, "_run", counted(Work._run, ran))

    def audit(out: Path) -> sp.Report:
        options: dict[str, Any] = {"limit": 20, "shifts": ("linf(eps=0.1)",), "searches": ("one_draw", "gradient_ascent(steps=2)")}
        return sp.audit(linear_net(), "digits:", progress=False, out=str(out), shard_size=5, **options)

    straight = audit(tmp_path / "straight")
    once, reports = sorted(ran), [straight] * 2
    ran.clear()

    def one(place: int) -> None:
        reports[place] = audit(tmp_path / "shared")

    threads = [threading.Thread(target=one, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran) == once
    assert [timeless(report.record.model_dump()["results"]) for report in reports] == [
        timeless(straight.record.model_dump()["results"])
    ] * 2
    assert all(report.record.complete and report.folder == tmp_path / "shared" for report in reports)
    assert not (tmp_path / "shared" / "claims").exists()


def counted(run: Callable[..., None], ran: list[str]) -> Callable[..., None]:
    """Writes down which cells are measured."""

    def counting(self: Work, cell: Cell, *rest: Any) -> None:
        ran.append(cell.key())
        run(self, cell, *rest)

    return counting


def test_the_bar_drops_what_others_have_done() -> None:
    from shiftproof.runs.time_left import TimeLeft
    from shiftproof.searches import searches
    from shiftproof.shifts.identity import Identity

    cells = [Cell("model", "data", Identity(), searches.build("one_draw"), 0, start, start + 10, 20) for start in (0, 10)]
    ticks = itertools.count()
    left = TimeLeft(cells, clock=lambda: float(next(ticks)))
    left.advance(cells[0], 5)
    before = left.seconds()
    assert before is not None
    assert left.drop(cells[1]) == 10
    after = left.seconds()
    assert after is not None
    assert after < before / 2
    assert left.drop(cells[1]) == 0
