"""Claims on the jobs of a run: each is one call's, and one that is gone is found out without looking at its clock."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shiftproof.runs import claims as module
from shiftproof.runs.claims import PATIENCE, ClaimFolder, Claims, JobClaim, Owner, SignsOfLife

JOB = "0123456789abcdef0123-0-50"
needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="its files have no such locks")


@pytest.fixture
def place(tmp_path: Path) -> ClaimFolder:
    folder = ClaimFolder(tmp_path / "claims")
    folder.folder.mkdir()
    return folder


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What calls in threads of their own return, begun at once."""
    gate, found = threading.Barrier(len(calls)), [None] * len(calls)

    def one(number: int, call: Callable[[], Any]) -> None:
        gate.wait()
        found[number] = call()

    threads = [threading.Thread(target=one, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_several_calls_one_gets_a_job(place: ClaimFolder) -> None:
    calls = [Claims(place) for _ in range(4)]
    for turn in range(30):
        found = at_once(*[lambda call=call, turn=turn: call.take(f"{JOB}{turn}") for call in calls])
        assert sum(found) == 1
        assert [call.take(f"{JOB}{turn}") for call in calls] == found  # again: as before


def test_of_several_calls_one_takes_over(place: ClaimFolder) -> None:
    dead, calls = Claims(place), [Claims(place) for _ in range(4)]
    for turn in range(30):
        dead.take(f"{JOB}{turn}")
        claim = dead.holder(f"{JOB}{turn}")
        assert claim == JobClaim(f"{JOB}{turn}", 0, dead.owner)
        found = at_once(*[lambda call=call, claim=claim: call.take_over(claim) for call in calls])
        assert sum(found) == 1
        assert calls[found.index(True)].holder(f"{JOB}{turn}") == JobClaim(f"{JOB}{turn}", 1, calls[found.index(True)].owner)


def test_what_is_let_go_can_be_taken(place: ClaimFolder) -> None:
    one, other = Claims(place), Claims(place)
    assert one.take(JOB)
    one.release(JOB)
    assert other.take(JOB)
    one.release(JOB)  # not its own any more
    assert not one.take(JOB)


def test_who_was_taken_over_takes_nothing_back(place: ClaimFolder) -> None:
    """It lived after all, and is done: what the other one holds stays."""
    one, other = Claims(place), Claims(place)
    one.take(JOB)
    claim = one.holder(JOB)
    assert claim is not None
    assert other.take_over(claim)
    assert not one.take(JOB)
    one.release(JOB)
    assert [*place.names()] == [f"{JOB}.1"]
    other.release(JOB)
    assert not [*place.names()]


def test_a_call_that_comes_late_claims_though_another_has_cleared_the_place(place: ClaimFolder) -> None:
    place.clear()
    assert Claims(place).take(JOB)
    place.folder.joinpath(f"{JOB}.0").unlink()
    place.folder.rmdir()
    place.folder.parent.rmdir()
    with pytest.raises(FileNotFoundError):
        Claims(place).take(JOB)  # the run itself is gone, which is not made again


def test_claims_of_the_dead_go_with_those_of_who_took_over(place: ClaimFolder) -> None:
    dead, heir = Claims(place), Claims(place)
    dead.take(JOB)
    claim = dead.holder(JOB)
    assert claim is not None
    heir.take_over(claim)
    heir.release(JOB)
    assert heir.holder(JOB) is None


def test_shards_and_whole_samples_are_apart(place: ClaimFolder) -> None:
    one, other = Claims(place), Claims(place)
    assert one.take("0123")
    assert other.take("0123-0-50")
    assert other.holder("012") is None


def test_an_owner_elsewhere_is_gone_when_it_says_nothing_new_on_our_clock(place: ClaimFolder) -> None:
    """Whatever its own clock says: files of the future and of the past are as good."""
    now = 0.0
    watch = SignsOfLife(Claims(place), lambda: now)
    there = Owner("there", "another machine")
    place.create("there.alive", b"1")
    os.utime(place.folder / "there.alive", (9e9, 9e9))
    assert not watch.gone(there)
    now = PATIENCE - 1
    assert not watch.gone(there)
    (place.folder / "there.alive").write_bytes(b"2")
    os.utime(place.folder / "there.alive", (0, 0))
    now = PATIENCE + 1
    assert not watch.gone(there)
    now = 2 * PATIENCE
    assert not watch.gone(there)
    now = 2 * PATIENCE + 1
    assert watch.gone(there)


def test_an_owner_elsewhere_without_a_sign_of_life_is_waited_for_as_long(place: ClaimFolder) -> None:
    now = 0.0
    watch = SignsOfLife(Claims(place), lambda: now)
    assert not watch.gone(Owner("never seen", "another machine"))
    now = PATIENCE
    assert watch.gone(Owner("never seen", "another machine"))


@needs_locks
def test_an_owner_here_is_gone_when_it_lets_go_of_its_lock(place: ClaimFolder) -> None:
    now = 0.0
    one, watch = Claims(place), SignsOfLife(Claims(place), lambda: now)
    with place.held(f"{one.owner.token}.alive"):
        assert not watch.gone(one.owner)
        elsewhere = replace(one.owner, machine="another machine")
    assert watch.gone(one.owner)
    assert not watch.gone(elsewhere)  # a lock says nothing of other machines
    assert watch.gone(Owner("no file", one.owner.machine))


@needs_locks
def test_an_owner_here_that_is_stopped_is_gone_too(place: ClaimFolder) -> None:
    now = 0.0
    one, watch = Claims(place), SignsOfLife(Claims(place), lambda: now)
    with place.held(f"{one.owner.token}.alive"):
        assert not watch.gone(one.owner)
        now = PATIENCE
        assert watch.gone(one.owner)


@pytest.mark.parametrize("said", [b"", b"{", b"[1]", b'{"unknown": 1}'])
def test_a_claim_that_was_cut_off_is_nobodys(said: bytes, place: ClaimFolder) -> None:
    place.create(f"{JOB}.0", said)
    claims = Claims(place)
    claim = claims.holder(JOB)
    assert claim is not None
    assert str(claim.owner) == "an unknown call"
    assert not claims.take(JOB)
    assert claims.take_over(claim)


def test_a_living_call_shows_it_and_leaves_nothing(place: ClaimFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.001)
    claims, other = Claims(place), Claims(place)
    other.take("other")
    with claims.living():
        claims.take(JOB)
        alive = place.folder / f"{claims.owner.token}.alive"
        seen = {alive.read_bytes()}
        while len(seen) < 3:
            seen.add(alive.read_bytes())
    assert [*place.names()] == ["other.0"]


def test_signs_of_life_that_cannot_be_written_end_nothing(place: ClaimFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder was removed, or the disk is full: the run finds that itself."""
    tried = threading.Event()

    def fails(handle: int) -> None:
        tried.set()
        raise OSError("full")

    monkeypatch.setattr(module, "BEAT", 0.001)
    monkeypatch.setattr(os, "fsync", fails)
    with Claims(place).living():
        assert tried.wait(60)
        place.clear()
    assert not [*place.names()]


def test_a_machine_without_a_name_of_its_boot_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: Path) -> str:
        raise FileNotFoundError(self)

    module._machine.cache_clear()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(Path, "read_text", missing)
        assert Owner.here().machine
    module._machine.cache_clear()
    assert str(Owner.here()).startswith(f"process {os.getpid()} on ")
