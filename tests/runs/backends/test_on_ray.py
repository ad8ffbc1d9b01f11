"""A Ray cluster of this machine: workers that are killed at random lose nothing, do nothing twice, and change no result."""

from __future__ import annotations

import os
import random
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from shiftproof._errors import UsageError
from shiftproof.runs.backends import backend_named
from shiftproof.runs.backends.on_ray import TRIES, Ray, Team
from shiftproof.runs.cell import Cell
from shiftproof.runs.job import CellDone
from shiftproof.searches import searches
from shiftproof.shifts.identity import Identity

KILLS = int(os.environ.get("SHIFTPROOF_KILLS", "8"))
"""Workers that are killed at least, and cells that they are killed on."""


def cell(name: str) -> Cell:
    """A cell that is told apart by the name that is its model's."""
    return Cell(name, "data", Identity(), searches.build("one_draw"), 0, 0, 1, 1)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"needs the package ray. Run: pip install 'shiftproof\[ray\]'"):
        backend_named("ray", 2)


@pytest.mark.parametrize(
    ("name", "address"),
    [("ray", ""), ("ray:auto", "auto"), ("ray:10.0.0.1:6379", "10.0.0.1:6379"), ("ray://head:10001", "ray://head:10001")],
)
def test_a_cluster_is_named_by_its_address(name: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", pytest)  # any module
    assert backend_named(name, 3) == Ray(3, address)


class FakeRay:
    """Answers as Ray does: a worker dies on the cells named "bad", at each try, and on those named "once", at the first."""

    class exceptions:  # noqa: N801  # Ray's name
        class RayError(Exception):
            pass

    def __init__(self) -> None:
        self.hired = 0
        self.tried: list[str] = []
        self.most = 0

    def hire(self) -> FakeHand:
        self.hired += 1
        return FakeHand()

    def wait(self, under: list[Cell], num_returns: int) -> tuple[list[Cell], list[Cell]]:
        self.most = max(self.most, len(under))
        return under[:num_returns], under[num_returns:]

    def get(self, cell: Cell) -> tuple[str | None, bool]:
        self.tried.append(cell.model)
        if cell.model == "bad" or (cell.model == "once" and self.tried.count("once") == 1):
            raise self.exceptions.RayError("The actor died.\nMore of it.")
        return ("its own failure" if cell.model == "failing" else None), cell.model == "held"


class FakeHand:
    """A worker whose answer is known by the cell itself."""

    @property
    def run(self) -> FakeHand:
        return self

    def remote(self, cell: Cell) -> Cell:
        return cell


def test_a_dead_worker_is_replaced_and_its_cell_tried_again() -> None:
    ray = FakeRay()
    team = Team(ray, ray.hire)
    cells = [cell(name) for name in ("good", "once", "bad", "failing", "held")]
    found = {done.job.model: done for done in team.run(cells, 2)}
    errors = {name: done.error for name, done in found.items()}
    assert [name for name, done in found.items() if done.elsewhere] == ["held"]
    assert errors["good"] is None
    assert errors["once"] is None
    assert errors["failing"] == "its own failure"
    assert errors["bad"] == f"A worker of the cluster died {TRIES} times while it ran this: The actor died."
    assert (ray.tried.count("good"), ray.tried.count("once"), ray.tried.count("bad"), ray.most) == (1, 2, TRIES, 2)
    assert ray.hired == 1 + TRIES  # here every worker dies in the end
    assert not team.idle


@dataclass(frozen=True)
class Once:
    """Leaves a file for each cell, unless there is one; dies, before or after, as often as it is told by the name."""

    folder: Path

    def __call__(self, cell: Cell) -> CellDone:
        kind, _, number = cell.model.partition(" ")
        done, deaths = self.folder / f"{cell.model}.done", self.folder / f"{cell.model}.deaths"
        so_far = len(deaths.read_text()) if deaths.exists() else 0
        chance = random.Random(f"{cell.model} {so_far}")
        dies = kind == "deadly" or (kind == "risky" and so_far < 2 and chance.random() < 0.7)
        early = chance.random() < 0.5
        if dies and early:
            self._die(deaths)
        if not done.exists():
            with done.open("a") as said:
                said.write(number)
        if dies:
            self._die(deaths)
        return CellDone(cell, None)

    def _die(self, deaths: Path) -> None:
        with deaths.open("a") as said:
            said.write(".")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_killed_workers_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the package ray is not installed")
    cells = [cell(f"risky {number}") for number in range(KILLS)]
    found = list(Ray(2)(Once(tmp_path), [cells[:5], [*cells[5:], cell("deadly 0")]]))
    assert sorted(done.job.model for done in found) == sorted(one.model for one in [*cells, cell("deadly 0")])
    deaths = sum(len(path.read_text()) for path in tmp_path.glob("risky*.deaths"))
    assert deaths >= KILLS
    assert [done.job.model for done in found if done.error] == ["deadly 0"]
    assert len((tmp_path / "deadly 0.deaths").read_text()) == TRIES
    assert {path.read_text() for path in tmp_path.glob("risky*.done")} == {str(number) for number in range(KILLS)}
