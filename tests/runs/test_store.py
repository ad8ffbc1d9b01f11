"""What is stored is believed only where it is whole and its own; what is not is named, and made again or refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import shiftproof as sp
from shiftproof.data.source import Source
from shiftproof.evaluation.compare import compare_runs
from shiftproof.evaluation.curves.stress_run import stress_run
from shiftproof.leaderboard.measured import find_audits
from shiftproof.reports.cite import cite_folder
from shiftproof.runs.work import Work
from shiftproof.training.train import train
from small_runs import command, linear_net, record, stamps, timeless, write_nets

OPTIONS: dict[str, Any] = {
    "limit": 40,
    "shifts": ("linf(eps=0.3)",),
    "searches": ("gradient_ascent(steps=2)",),
    "shard_size": 20,
    "pictures": 2,
}
RECIPE: dict[str, Any] = {"epochs": 2, "batch_size": 64}


def run(out: Path, **options: Any) -> sp.Report:
    return sp.audit(linear_net(), "digits:", progress=False, **{**OPTIONS, "out": str(out), **options})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    run(out)
    return out


@pytest.fixture
def kept(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run: copying files does no harm."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(content)


def net() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))


def digits(n: int = 300) -> Source:
    return sp.load_data("digits:?split=train", limit=n)


def test_a_copied_run_is_read_without_a_word(kept: Path, recwarn: pytest.WarningsRecorder) -> None:
    before = stamps(kept)
    assert timeless(json.loads(run(kept).record.model_dump_json())["results"]) == timeless(record(kept)["results"])
    assert stamps(kept) == before
    assert not [str(each.message) for each in recwarn if "not used" in str(each.message)]


@pytest.mark.parametrize("place", [8, 200, -300, -20])
def test_a_flipped_bit_in_a_cell_costs_that_cell(kept: Path, place: int) -> None:
    whole, before = record(kept), stamps(kept)
    victim = sorted((kept / "cells").glob("*-20-40.parquet"))[0]
    flip(victim, place)
    with pytest.warns(UserWarning, match=victim.name):
        run(kept)
    assert timeless(record(kept)) == timeless(whole)
    assert [name for name, stamp in stamps(kept).items() if stamp != before[name]] == [victim.name]


def test_shards_that_changed_places_are_both_run_again(kept: Path) -> None:
    whole, victims = record(kept), sorted((kept / "cells").glob("*.parquet"))[:2]
    one, two = (victim.read_bytes() for victim in victims)
    victims[0].write_bytes(two)
    victims[1].write_bytes(one)
    with pytest.warns(UserWarning, match="belongs to another part or another run"):
        run(kept)
    assert timeless(record(kept)) == timeless(whole)


def test_a_cell_of_a_run_with_another_seed_is_not_taken(kept: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run(other, seed=1)
    ours, theirs = (sorted((folder / "cells").glob("*-0-20.parquet")) for folder in (kept, other))
    whole = record(kept)
    ours[0].write_bytes(theirs[0].read_bytes())
    with pytest.warns(UserWarning, match=ours[0].name):
        run(kept)
    assert timeless(record(kept)) == timeless(whole)


def test_a_picture_of_another_example_is_left_out(kept: Path) -> None:
    one, two, *_ = sorted((kept / "gallery").iterdir())
    one.write_bytes(two.read_bytes())
    with pytest.warns(UserWarning, match=rf"{one.name}' is left out of the report: it belongs to another"):
        found = run(kept).record
    assert found.gallery
    assert one.name not in {picture.file for picture in found.gallery}


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all"])
def test_no_picture_hides_a_finished_run(kept: Path, content: bytes) -> None:
    picture = sorted((kept / "gallery").iterdir())[0]
    picture.write_bytes(content)
    with pytest.warns(UserWarning, match=rf"{picture.name}' is left out"):
        assert run(kept).record.complete


@pytest.mark.parametrize("name", ["audit.json", "cells"])
def test_a_run_that_was_changed_is_not_compared(kept: Path, finished: Path, name: str) -> None:
    if name == "audit.json":
        (kept / name).write_text((kept / name).read_text().replace('"value": 0.', '"value": 0.9', 1))
    else:
        for cell in (kept / name).glob("*.parquet"):
            flip(cell, 200)
    with pytest.raises(sp.UsageError, match=r"(audit.json' was changed after it was written|parquet' is damaged): its checksum"):
        compare_runs([finished, kept])


@pytest.mark.parametrize("read", [lambda place: find_audits([place]), stress_run, cite_folder])
def test_a_record_that_was_changed_is_refused(kept: Path, read: Callable[[Path], Any]) -> None:
    flip(kept / "audit.json", (kept / "audit.json").read_bytes().index(b'"value": 0') + 11)
    with pytest.raises(sp.UsageError, match=r"audit.json' was changed after it was written: .* Run again to write it anew"):
        read(kept)


def test_the_same_on_the_command_line(kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (kept / "audit.json").read_text()
    (kept / "audit.json").write_text(whole.replace('"complete": true', '"complete": false'))
    assert command(monkeypatch, "report", kept) == 2
    said = capsys.readouterr().err
    assert "was changed after it was written" in said
    assert said.count("\n") == 1
    bare = json.loads(whole)
    del bare["seal"]
    (kept / "audit.json").write_text(json.dumps(bare))  # as an earlier version wrote it
    assert command(monkeypatch, "report", kept) == 0
    said = capsys.readouterr().err
    assert said.startswith("shiftproof: '")
    assert "audit.json' has no checksum: an earlier version wrote it, or somebody else" in said
    assert said.count("\n") == 1


def test_checkpoints_of_another_training_are_refused(tmp_path: Path) -> None:
    """Of the same network and data, but another seed: the shapes fit, and nothing else would tell."""
    for seed in (0, 1):
        train(net, digits(), "plain", out=tmp_path / str(seed), seed=seed, **RECIPE)
    shutil.copy(tmp_path / "1" / "best.safetensors", tmp_path / "0")
    with pytest.raises(sp.UsageError, match=r"best.safetensors' is damaged: it belongs to another part or another run"):
        train(net, digits(), "plain", out=tmp_path / "0", **RECIPE)


def test_the_last_epoch_does_not_pass_for_the_best(tmp_path: Path) -> None:
    train(net, digits(), "plain", out=tmp_path, **RECIPE)
    shutil.copy(tmp_path / "last.safetensors", tmp_path / "best.safetensors")
    with pytest.raises(sp.UsageError, match="best.safetensors' is damaged: it belongs to another"):
        train(net, digits(), "plain", out=tmp_path, **RECIPE)


def test_a_changed_curve_of_a_training_is_refused(tmp_path: Path) -> None:
    train(net, digits(), "plain", out=tmp_path, **RECIPE)
    found = tmp_path / "training.json"
    found.write_text(found.read_text().replace('"held_out": 0.', '"held_out": 0.99'))
    with pytest.raises(sp.UsageError, match=r"The record '.*training.json' is damaged \(its checksum"):
        train(net, digits(), "plain", out=tmp_path, **RECIPE)


def test_trained_weights_are_whole_wherever_they_are_used(tmp_path: Path) -> None:
    """Copied and renamed as people do, they still know whether they are whole; weights of others are theirs to vouch for."""
    train(net, digits(), "plain", out=tmp_path, **RECIPE)
    (tmp_path / "nets.py").write_text(
        "import torch\n\n\ndef make():\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\n"
    )
    copy = Path(shutil.copy(tmp_path / "best.safetensors", tmp_path / "mine.safetensors"))
    sp.load_model(f"{tmp_path / 'nets.py'}:make", weights=str(copy))
    save_file(load_file(copy), tmp_path / "bare.safetensors")
    sp.load_model(f"{tmp_path / 'nets.py'}:make", weights=str(tmp_path / "bare.safetensors"))
    flip(copy, -2)
    with pytest.raises(sp.UsageError, match=r"The weights '.*mine.safetensors' are damaged: its checksum does not match"):
        sp.load_model(f"{tmp_path / 'nets.py'}:make", weights=str(copy))


def changing(monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]) -> None:
    """Something is done to the user's files in the second cell of a run."""
    inner, cells = Work._run, []

    def run_one(self: Work, cell: Any, *given: Any) -> None:
        cells.append(cell)
        if len(cells) == 2:
            change()
        inner(self, cell, *given)

    monkeypatch.setattr(Work, "_run", run_one)


def test_data_that_change_meanwhile_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.random.default_rng(0).random((40, 64)).astype(np.float32), np.arange(40) % 10
    place = tmp_path / "data.npz"
    np.savez(place, x=x, y=y)
    changing(monkeypatch, lambda: np.savez(place, x=1 - x, y=y))
    found = sp.audit(
        linear_net(), f"npz:{place}", progress=False, out=str(tmp_path / "run"), shifts=["linf(eps=0.1)"], searches=["one_draw"]
    )
    states = {cell.shift: cell for cell in found.record.cells}
    assert states["identity"].state == "done"
    assert states["linf(eps=0.1)"].state == "failed"
    assert "data.npz' changed during the run" in str(states["linf(eps=0.1)"].error)


def test_pictures_that_change_meanwhile_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    for label in "ab":
        (tmp_path / "data" / label).mkdir(parents=True)
        for k in range(4):
            noise = np.random.default_rng(k).integers(0, 255, (8, 8)).astype(np.uint8)
            Image.fromarray(noise).save(tmp_path / "data" / label / f"{k}.png")
    changing(monkeypatch, lambda: Image.new("L", (8, 8)).save(tmp_path / "data" / "a" / "0.png"))
    data = f"imagefolder:{tmp_path / 'data'}?mode=L"
    found = sp.audit(linear_net(), data, progress=False, out=str(tmp_path / "run"), shifts=["linf(eps=0.1)"], searches=["one_draw"])
    assert [cell.state for cell in found.record.cells] == ["done", "failed"]


def test_a_model_file_that_changes_before_it_is_built_again_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nets = write_nets(tmp_path)
    inner = Work.__call__

    def edited(self: Work, *rest: Any) -> Any:
        nets.write_text(nets.read_text().replace("2 * means", "3 * means"))
        return inner(self, *rest)

    monkeypatch.setattr(Work, "__call__", edited)
    found = sp.audit(f"{nets}:nearest", "digits:", progress=False, limit=20, out=str(tmp_path / "run"), shifts=["linf(eps=0.1)"])
    assert {cell.state for cell in found.record.cells} == {"failed"}
    assert "nets.py' changed during the run" in str(found.record.cells[0].error)


def test_a_folder_that_is_removed_meanwhile_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nets, out = write_nets(tmp_path), tmp_path / "run"
    changing(monkeypatch, lambda: shutil.rmtree(out))
    words = ["audit", "--model", f"{nets}:small", "--limit", "20", "--shift", "linf(eps=0.1)", "--search", "best_of_n(n=2)"]
    assert command(monkeypatch, *words, "--out", out, "--quiet") == 2
    said = capsys.readouterr().err
    assert f"The output folder '{out}' was removed while the run was going on" in said
    assert said.count("\n") == 1
    assert not os.path.lexists(out)
