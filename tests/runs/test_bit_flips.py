"""One flipped bit in any file that a run keeps is said, or changes nothing."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

import stored

FLIPS = int(os.environ.get("SHIFTPROOF_FLIPS", "60"))
SEED = int(os.environ.get("SHIFTPROOF_SEED", "0"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, stored.Reader]:
    """Every file, with its reader."""
    folder = tmp_path_factory.mktemp("kept")
    stored.audit(folder / "run")
    monkeypatch = pytest.MonkeyPatch()
    try:
        return {
            **stored.of_records(folder),
            **stored.of_cells(folder / "run"),
            **stored.of_trainings(folder, monkeypatch),
            **stored.of_states(folder / "run"),
        }
    finally:
        monkeypatch.undo()


def test_flipped_bits(kept: dict[Path, stored.Reader]) -> None:
    """By turns in every file, at a place drawn by chance."""
    chance = random.Random(SEED)
    whole = {path: reader() for path, reader in kept.items()}
    found = 0
    files = sorted(kept, key=lambda path: (path.suffix, path.parent.name, path.name))
    chance.shuffle(files)
    for turn in range(FLIPS):
        path = files[turn % len(files)]
        content = path.read_bytes()
        changed = bytearray(content)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        found += stored.is_found(path, kept[path], whole[path]) is not None
        path.write_bytes(content)
    assert found > 0.8 * FLIPS  # a seal that is itself hit leaves the content as it was


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_files_that_are_cut_off(kept: dict[Path, stored.Reader], share: float) -> None:
    """Of every kind one, the first of its folder."""
    one = {(path.suffix, path.parent.name, path.stem.rpartition("-")[0]): path for path in sorted(kept, reverse=True)}
    for path in one.values():
        if path.parent.name == "stopped" and path.name == "best.safetensors":
            continue  # written again by the better epoch that follows
        whole, content = kept[path](), path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        assert stored.is_found(path, kept[path], whole) is not None, path
        path.write_bytes(content)


def test_files_in_the_place_of_others(kept: dict[Path, stored.Reader]) -> None:
    """Whole files of the same kind, but of another cell, shard, picture, seed or training."""
    for path, reader in kept.items():
        if path.parent.name == "stopped" or path.name == "last.safetensors":
            continue  # the last is for the user alone, who may call it what he likes
        others = [other for other in kept if other != path and other.suffix == path.suffix and other.parent.name == path.parent.name]
        content, whole = path.read_bytes(), reader()
        for other in others[:2]:
            path.write_bytes(other.read_bytes())
            assert stored.is_found(path, reader, whole) is not None, (path, other)
        path.write_bytes(content)
