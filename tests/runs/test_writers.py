"""Several writers of one folder, whoever and wherever they are: each file whole, one plan, and what one writer alone comes to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import shiftproof as sp
from kills import KINDS, RUN, audited
from shiftproof._tensors import write_tensors
from shiftproof._writing import write_atomic
from shiftproof.evaluation.defend.defend import DefendConfig, run_defend
from shiftproof.evaluation.transfer.transfer import TransferConfig, run_transfer
from shiftproof.oracle import SearchState
from shiftproof.runs.checkpoint import Checkpoint
from shiftproof.runs.store import Store
from shiftproof.training.train import train
from small_runs import linear_net, record, timeless, write_nets

OPTIONS: dict[str, Any] = {
    "limit": 40,
    "shifts": ("linf(eps=0.1)",),
    "searches": ("one_draw", "gradient_ascent(steps=2)"),
    "shard_size": 10,
}
ELSEWHERE = ["unshare", "--pid", "--fork"]
"""Another space of process ids, as containers have: in each the numbers begin anew."""


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What calls in threads of their own return or raise, begun at once."""
    gate, found = threading.Barrier(len(calls)), [None] * len(calls)

    def one(place: int, call: Callable[[], Any]) -> None:
        gate.wait()
        try:
            found[place] = call()
        except BaseException as error:
            found[place] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=one, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def errors(found: Sequence[Any]) -> list[BaseException]:
    return [each for each in found if isinstance(each, BaseException)]


def temporaries(folder: Path) -> list[Path]:
    return list(folder.rglob("*.tmp"))


def other_spaces() -> bool:
    try:
        return subprocess.run([*ELSEWHERE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def test_audits_in_threads_of_one_process(tmp_path: Path) -> None:
    def audit(out: Path) -> sp.Report:
        return sp.audit(linear_net(), "digits:", progress=False, out=str(out), **OPTIONS)

    straight = audit(tmp_path / "straight").record
    found = together(*[lambda: audit(tmp_path / "run")] * 4)
    assert not errors(found)
    assert all(timeless(report.record.model_dump()["results"]) == timeless(straight.model_dump()["results"]) for report in found)
    assert timeless(record(tmp_path / "run")["results"]) == timeless(record(tmp_path / "straight")["results"])
    assert record(tmp_path / "run")["complete"]
    assert not temporaries(tmp_path)


def test_of_different_plans_exactly_one_gets_the_folder(tmp_path: Path) -> None:
    for turn in range(30):
        store = Store(tmp_path / str(turn))
        found = together(*[lambda seed=seed, store=store: store.open({"seed": seed}, []) for seed in range(4)])
        assert len(errors(found)) == 3
        assert all("holds another run: its seed is" in str(error) for error in errors(found))
        store.open({"seed": found.index(None)}, [])
        assert not temporaries(store.folder)


def test_the_same_plan_is_refused_to_nobody(tmp_path: Path) -> None:
    for turn in range(30):
        store = Store(tmp_path / str(turn))
        assert not errors(together(*[lambda store=store: store.open({"seed": 0}, [])] * 4))


def test_every_writer_of_a_file_writes_it_whole(tmp_path: Path) -> None:
    """Beside somebody who clears away half files all the time."""
    path, contents = tmp_path / "file", [bytes([k]) * (50_000 + k) for k in range(4)]
    store, done = Store(tmp_path), threading.Event()
    store.open({"seed": 0}, [])

    def write(content: bytes) -> None:
        for _ in range(40):
            write_atomic(path, content)
            assert path.read_bytes() in contents

    def clear() -> None:
        while not done.is_set():
            store.open({"seed": 0}, [])

    cleaner = threading.Thread(target=clear)
    cleaner.start()
    found = together(*[lambda content=content: write(content) for content in contents])
    done.set()
    cleaner.join()
    assert not errors(found)
    assert not temporaries(tmp_path)


def test_the_file_of_a_writer_on_another_host_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process id means nothing here, and its writing takes a while."""
    store, writing, go_on = Store(tmp_path / "run"), threading.Event(), threading.Event()
    store.open({"seed": 0}, [])
    sync, path = os.fsync, store.cells / "slow.parquet"

    def slowly(handle: int) -> None:
        writing.set()
        go_on.wait(60)
        sync(handle)

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(os, "getpid", lambda: 999_999_999)
        elsewhere.setattr(os, "fsync", slowly)
        writer = threading.Thread(target=write_atomic, args=(path, b"whole"))
        writer.start()
        writing.wait(60)
        elsewhere.setattr(os, "fsync", sync)
        store.open({"seed": 0}, [])
        assert len(temporaries(store.folder)) == 1
        go_on.set()
        writer.join()
    assert path.read_bytes() == b"whole"
    assert not temporaries(store.folder)


WRITER = """
import sys
from pathlib import Path
from shiftproof.runs.store import Store, write_atomic
folder, content = Path(sys.argv[1]), sys.argv[2].encode() * 20_000
store = Store(folder)
for turn in range(60):
    store.open({"seed": 0}, [])
    write_atomic(store.cells / "one", content)
    assert len(set((store.cells / "one").read_bytes())) == 1
"""


@pytest.mark.skipif(not other_spaces(), reason="needs the right to make a space of process ids")
def test_writers_with_equal_process_ids(tmp_path: Path) -> None:
    words = [*ELSEWHERE, sys.executable, "-c", WRITER, str(tmp_path / "run")]
    writers = [subprocess.Popen([*words, letter], stderr=subprocess.PIPE, text=True) for letter in "ab"]
    assert [writer.communicate()[1] for writer in writers] == [""] * 2
    assert not temporaries(tmp_path)


def test_states_of_a_search_beside_a_run_that_clears_them(tmp_path: Path) -> None:
    ids, state = np.array(["a"]), SearchState({"x": torch.arange(3000.0)}, {"step": 1})
    (tmp_path / "partial").mkdir()

    def keep() -> None:
        checkpoint = Checkpoint(tmp_path / "partial" / "cell", every=0.0)
        for _ in range(60):
            checkpoint.save(ids, state)  # where the folder is cleared just then, nothing is written
            read = checkpoint.load(ids)
            assert read is None or read.notes == state.notes

    def clear() -> None:
        for _ in range(200):
            Checkpoint(tmp_path / "partial" / "cell").clear()

    assert not errors(together(keep, keep, clear, clear))


def test_a_state_whose_folder_is_cleared_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path / "partial" / "cell", every=0.0)
    ids, state = np.array(["a"]), SearchState({"x": torch.zeros(3)}, {"step": 1})

    def cleared(path: Path, tensors: dict[str, torch.Tensor], notes: dict[str, Any], identity: dict[str, str]) -> None:
        checkpoint.clear()
        write_tensors(path, tensors, notes, identity)

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("shiftproof.runs.checkpoint.write_tensors", cleared)
        assert not checkpoint.save(ids, state)
    assert checkpoint.save(ids, state)
    read = checkpoint.load(ids)
    assert read is not None
    assert read.notes == state.notes


def test_a_search_does_not_bring_a_removed_folder_back(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "run" / "partial" / "cell", every=0.0)
    with pytest.raises(FileNotFoundError):
        checkpoint.save(np.array(["a"]), SearchState({"x": torch.zeros(3)}, {}))
    assert not (tmp_path / "run").exists()


def net() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))


def test_trainings_in_threads_share_one_folder(tmp_path: Path) -> None:
    """One of them trains, and all give back what a training alone comes to."""
    data = sp.load_data("digits:?split=train", limit=300)

    def call(out: Path) -> list[Any]:
        done = train(net, data, "plain", out=out, epochs=6, batch_size=32, save_every=0.0, optimiser="sgd(lr=0.5)")
        return [value.tolist() for value in done.module.state_dict().values()]

    straight = call(tmp_path / "straight")
    found = together(*[lambda: call(tmp_path / "run")] * 3)
    assert found == [straight] * 3
    assert not temporaries(tmp_path)


def test_half_files_refuse_no_folder_and_go(tmp_path: Path) -> None:
    """A kill in the middle of the last file leaves no more than that."""
    nets = write_nets(tmp_path)
    for name in ("transfer", "defend"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.json.999999999.tmp").write_text('{"mod')
        (tmp_path / name / f"{name}.json.0123456789abcdef.tmp").write_text('{"mod')
    models = (f"{nets}:small", f"{nets}:nearest")
    run_transfer(TransferConfig(models=models, data="digits:", shift="linf(eps=0.1)", limit=10, out=str(tmp_path / "transfer")))
    usual: dict[str, Any] = {
        "data": "digits:",
        "limit": 10,
        "threat": "linf(eps=0.1)",
        "unseen": "l2(eps=1)",
        "search": "one_draw",
        "corruptions": (),
    }
    run_defend(DefendConfig(model=f"{nets}:small", defences=("bit_depth(bits=3)",), out=str(tmp_path / "defend"), **usual))
    assert not temporaries(tmp_path)


def test_what_is_not_ours_is_not_cleared(tmp_path: Path) -> None:
    models = tuple(f"{write_nets(tmp_path)}:{name}" for name in ("small", "nearest"))
    for name in ("notes.tmp", "defend.json.0123456789abcdef.tmp"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(sp.UsageError, match="holds other files"):
        run_transfer(TransferConfig(models=models, data="digits:", shift="linf(eps=0.1)", limit=10, out=str(tmp_path)))
    with pytest.raises(sp.UsageError, match="holds other files"):
        Store(tmp_path).open({}, [])
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.slow
@pytest.mark.parametrize("before", [[], pytest.param(ELSEWHERE, marks=pytest.mark.skipif(not other_spaces(), reason="no such right"))])
def test_four_writers_come_to_what_one_comes_to(before: list[str], tmp_path: Path) -> None:
    """In processes of one space of process ids, and of several."""
    kind, nets = KINDS["audit"], write_nets(tmp_path)
    subprocess.run([*RUN, *kind.words(nets, tmp_path / "straight")], check=True)
    for turn in range(int(os.environ.get("SHIFTPROOF_TURNS", "1"))):
        out = tmp_path / str(turn)
        words = [*before, *RUN, *kind.words(nets, out)]
        writers = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0)] * 4
        assert audited(out) == audited(tmp_path / "straight")
        assert not temporaries(out)
        shutil.rmtree(out)
