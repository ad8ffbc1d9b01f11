"""Killed at random moments by kill -9, every command goes on to what a straight run comes to, and leaves no process behind."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from kills import KINDS, finish, killed_and_resumed
from small_runs import write_nets

KILLS = int(os.environ.get("SHIFTPROOF_KILLS", "4"))
"""Of each command."""
SEED = int(os.environ.get("SHIFTPROOF_SEED", "0"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("name", KINDS)
def test_killed_runs_end_as_straight_ones(name: str, tmp_path: Path) -> None:
    kind, chance = KINDS[name], random.Random(f"{SEED} {name}")
    straight = tmp_path / "straight"
    straight.mkdir()
    most = finish(kind.words(write_nets(tmp_path), straight))
    expected = kind.result(straight)
    for k in range(KILLS):
        when, orphans, found = killed_and_resumed(kind, tmp_path / str(k), chance, most)
        assert not orphans, f"kill {k} after {when:.2f} s of {most:.2f} s left {len(orphans)} processes"
        assert found == expected, f"kill {k} after {when:.2f} s of {most:.2f} s changed what came of it"
