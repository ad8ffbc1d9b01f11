"""A run that was stopped goes on where it stopped, and comes to what a straight run comes to."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import shiftproof as sp
from shiftproof._errors import StoredFileWarning
from shiftproof.oracle import Oracle
from shiftproof.runs import work
from shiftproof.runs.cell import Cell
from shiftproof.runs.checkpoint import Checkpoint
from shiftproof.runs.job import CellDone
from shiftproof.runs.work import Work
from shiftproof.searches import _economy_stages
from shiftproof.searches._stages import StagedRun
from small_runs import cell_of, command, linear_net, outcomes_of, record, stamps, table_of, timeless, write_nets

SHIFT = "linf(eps=0.1)"
OPTIONS: dict[str, Any] = {"limit": 60, "shifts": (SHIFT,), "searches": ("one_draw", "best_of_n(n=3)"), "shard_size": 20}
LAUNCH = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from shiftproof.cli.main import main; main()"
"""A background process may have been started with SIGINT ignored, which a person's shell does not do."""


def run(out: Path, **options: Any) -> sp.Report:
    return sp.audit(linear_net(), "digits:", progress=False, **{**OPTIONS, "out": str(out), **options})


def test_only_the_removed_cells_are_run_again(tmp_path: Path) -> None:
    run(tmp_path / "run")
    before, whole = stamps(tmp_path / "run"), record(tmp_path / "run")
    assert len(before) == 9
    removed = sorted(before)[::4]
    for name in removed:
        (tmp_path / "run" / "cells" / name).unlink()
    run(tmp_path / "run")
    after = stamps(tmp_path / "run")
    assert set(after) == set(before)
    assert sorted(name for name in after if after[name] != before[name]) == removed
    assert timeless(record(tmp_path / "run")) == timeless(whole)


def test_a_search_is_gone_on_with_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the searches of a run write down reaches its folder, is read again, and goes once the cell is finished."""
    monkeypatch.setattr(work, "Checkpoint", partial(Checkpoint, every=0.0))
    monkeypatch.setattr(Oracle, "proven", lambda self, *_: torch.zeros(len(self.x), dtype=torch.bool))  # all the rest is searched
    options: dict[str, Any] = {"searches": ("cascade",), "limit": 8, "shard_size": 8, "batch_size": 8}
    straight = run(tmp_path / "straight", **options)
    stages: list[str] = []
    step = StagedRun.step

    def dies(self: StagedRun, name: str, done: Callable[[], None]) -> None:
        stages.append(name)
        if name == "targeted rivals":
            raise KeyboardInterrupt
        step(self, name, done)

    with monkeypatch.context() as killed:
        killed.setattr(StagedRun, "step", dies)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed", **options)
    assert len(list((tmp_path / "killed" / "partial").rglob("*.safetensors"))) == 1
    asked: list[str] = []

    def counts(run: StagedRun, rows: Tensor, *rest: object) -> None:
        asked.append(str(rest[3:]))
        climb(run, rows, *rest)  # type: ignore[arg-type]

    climb = _economy_stages.ascend
    with monkeypatch.context() as counted:
        counted.setattr(_economy_stages, "ascend", counts)
        resumed = run(tmp_path / "killed", **options)
    assert asked
    assert not any("untargeted" in path for path in asked)  # done before the kill
    assert [r.value for r in resumed.record.results] == [r.value for r in straight.record.results]
    assert [r.forwards_per_example for r in resumed.record.results] == [r.forwards_per_example for r in straight.record.results]
    assert not list((tmp_path / "killed").rglob("*.safetensors"))


def test_a_finished_run_is_read_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tmp_path / "run")
    before = stamps(tmp_path / "run")
    monkeypatch.setattr("shiftproof.runs.work.Work._run", lambda *_: pytest.fail("a finished cell was run again"))
    assert run(tmp_path / "run").record.results == first.record.results
    assert stamps(tmp_path / "run") == before


def test_batch_size_workers_and_pictures_do_not_make_another_run(tmp_path: Path) -> None:
    run(tmp_path / "run")
    before = stamps(tmp_path / "run")
    assert run(tmp_path / "run", batch_size=3, workers=5, pictures=1).record.complete
    assert stamps(tmp_path / "run") == before


def test_half_files_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    run(tmp_path / "run")
    left = [tmp_path / "run" / place / f"x.parquet.{dead.pid}.tmp" for place in ("cells", "gallery", ".")]
    living = tmp_path / "run" / "cells" / f"y.parquet.{dead.pid}.tmp"
    for path in (*left, living):
        path.write_text("half")
    with living.open("rb") as held:  # as its writer does, whatever its process is called where it runs
        fcntl.flock(held, fcntl.LOCK_EX)
        run(tmp_path / "run")
        assert [path.exists() for path in left] == [False] * 3
        assert living.exists()
    run(tmp_path / "run")
    assert not living.exists()


def test_a_run_killed_before_its_first_file_goes_on(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "plan.json.999999999.tmp").write_text('{"shift')
    assert run(tmp_path / "run").record.complete
    assert not list((tmp_path / "run").rglob("*.tmp"))


@pytest.mark.parametrize("content", [b'{"shiftproof": ', b"\xff\xfe", b"[1]"])
def test_a_plan_that_cannot_be_read_is_said(tmp_path: Path, content: bytes) -> None:
    run(tmp_path / "run")
    (tmp_path / "run" / "plan.json").write_bytes(content)
    with pytest.raises(
        sp.UsageError, match=r"plan.json' (cannot be read|is not a plan written by shiftproof).*Choose another folder with --out"
    ):
        run(tmp_path / "run")


def test_a_damaged_cell_is_named(tmp_path: Path) -> None:
    run(tmp_path / "run")
    victim = sorted((tmp_path / "run" / "cells").glob("*.parquet"))[0]
    before, whole = stamps(tmp_path / "run"), record(tmp_path / "run")
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.warns(StoredFileWarning, match=rf"{victim.name}' is not used: it has no checksum.* Its cell is run again"):
        assert run(tmp_path / "run").record.complete
    after = stamps(tmp_path / "run")
    assert [name for name in before if after[name] != before[name]] == [victim.name]
    assert timeless(record(tmp_path / "run")) == timeless(whole)


def test_a_cell_under_the_name_of_another_is_run_again(tmp_path: Path) -> None:
    run(tmp_path / "run", shard_size=100)
    whole = record(tmp_path / "run")
    one, two, _ = sorted((tmp_path / "run" / "cells").glob("*.parquet"))
    one.write_bytes(two.read_bytes())
    with pytest.warns(StoredFileWarning, match=rf"{one.name}' is not used: it belongs to another part or another run"):
        run(tmp_path / "run", shard_size=100)
    assert timeless(record(tmp_path / "run")) == timeless(whole)


def arguments(nets: Path, config: Path, out: Path) -> list[str]:
    config.write_text("shard_size = 20\nlimit = 60\n")
    searches = [word for search in ("one_draw", "best_of_n(n=3)") for word in ("--search", search)]
    return [
        "audit",
        "--data",
        "digits:",
        "--model",
        f"{nets}:nearest",
        "--config",
        str(config),
        "--shift",
        SHIFT,
        *searches,
        "--out",
        str(out),
        "--quiet",
    ]


def held(words: list[str], sign: Path) -> subprocess.Popen[str]:
    """The command in a process of its own, brought to a halt inside its fifth call on moved inputs: three cells or more are done."""
    environment = {**os.environ, "HOLD_AT": "5", "HELD": str(sign)}
    process = subprocess.Popen([sys.executable, "-c", LAUNCH, *words], env=environment, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not sign.exists():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(process.communicate()[1])
        time.sleep(0.05)
    return process


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run from the same file, without a stop."""
    folder = tmp_path_factory.mktemp("straight")
    nets = write_nets(folder)
    sp.audit(f"{nets}:nearest", "digits:", progress=False, **{**OPTIONS, "out": str(folder / "run")})
    return folder / "run"


def same_as(straight: Path, out: Path) -> None:
    for cell in record(straight)["cells"]:
        expected, found = table_of(straight, cell["key"]), table_of(out, cell_of(out, cell["shift"], cell["search"])["key"])
        for name in ("id", "outcome", "loss", "prediction"):
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_killed_run_goes_on(tmp_path: Path, straight: Path) -> None:
    nets, out = write_nets(tmp_path), tmp_path / "run"
    process = held(arguments(nets, tmp_path / "run.toml", out), tmp_path / "held")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    done = stamps(out)
    assert 3 <= len(done) < 9
    assert not (out / "audit.json").exists()
    (out / "cells" / f"{next(iter(done))}.{process.pid}.tmp").write_text("half a file")

    report = sp.audit(f"{nets}:nearest", "digits:", progress=False, **{**OPTIONS, "out": str(out)})
    assert report.record.complete
    after = stamps(out)
    assert {name: after[name] for name in done} == done
    assert len(after) == 9
    assert not list(out.rglob("*.tmp"))
    same_as(straight, out)


def test_an_interrupted_run_says_so_and_goes_on(tmp_path: Path, straight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nets, out = write_nets(tmp_path), tmp_path / "run"
    words = arguments(nets, tmp_path / "run.toml", out)
    process = held(words, tmp_path / "held")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "Interrupted. What is finished is kept: the same command goes on from there." in told
    assert "Traceback" not in told
    assert record(out)["complete"] is False
    states = {cell["state"] for cell in record(out)["cells"]}
    assert states == {"done", "missing"}
    assert (out / "index.html").stat().st_size > 0
    done = stamps(out)
    assert 3 <= len(done) < 9

    assert command(monkeypatch, *words) == 0
    assert record(out)["complete"] is True
    assert {name: stamps(out)[name] for name in done} == done
    same_as(straight, out)


def stopped(monkeypatch: pytest.MonkeyPatch, out: Path, stop: Callable[[], None]) -> None:
    """A run here that is stopped in its last cell."""
    inner = Work.__call__

    def stopping(self: Work, cell: Cell, progress: Callable[[int], None] | None = None) -> CellDone:
        if cell.method.spec() == "best_of_n(n=3)" and cell.start == 40:
            stop()
        return inner(self, cell, progress)

    with monkeypatch.context() as patch:
        patch.setattr(Work, "__call__", stopping)
        with pytest.raises(KeyboardInterrupt):
            run(out)


def test_a_polite_kill_ends_like_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stopped(monkeypatch, tmp_path / "run", lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) is before
    assert record(tmp_path / "run")["complete"] is False
    assert len(stamps(tmp_path / "run")) == 8


def test_unfinished_numbers_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its last cell, a run has the numbers of the rest, and says on how many examples they stand."""

    def stop() -> None:
        raise KeyboardInterrupt

    stopped(monkeypatch, tmp_path / "run", stop)
    found = record(tmp_path / "run")
    assert found["complete"] is False
    assert cell_of(tmp_path / "run", SHIFT, "best_of_n(n=3)")["state"] == "missing"
    notes = {(r["search"], r["n"]): r["notes"] for r in found["results"] if r["shift"] == SHIFT and r["risk"] == "mean"}
    assert notes["best_of_n(n=3)", 40] == ["unfinished: 40 of 60 examples"]
    assert notes["one_draw", 60] == []
    assert len(outcomes_of(tmp_path / "run")[SHIFT, "best_of_n(n=3)"]) == 40
    assert run(tmp_path / "run").record.complete
