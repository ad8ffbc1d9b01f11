"""Random runs for as long as one likes, one after another in one process: memory stays flat, and nothing is left behind.

`SHIFTPROOF_SOAK=7200 pytest -s tests/runs/test_soak_slow.py` goes on for two hours, with a line a minute.
"""

from __future__ import annotations

import importlib
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from soaked import Look, everything, growth, look, say, soak_one

SECONDS = float(os.environ.get("SHIFTPROOF_SOAK", "90"))
SEED = int(os.environ.get("SHIFTPROOF_SEED", "0"))
WARM = min(600.0, SECONDS / 3)
"""Seconds until every part has been imported and every cache is full."""
MOST_PER_RUN = 4_000
MOST_IN_ALL = 30_000_000


def test_growth_is_seen() -> None:
    """A run that keeps a kilobyte more than allowed is found, and one that is large for once is not."""
    noise = [3_000_000 * (k % 7 == 0) + 500_000 * (k % 3) for k in range(60)]
    flat = [Look(10 * k, 400_000_000 + extra, 9, 4, 0) for k, extra in enumerate(noise)]
    leak = [Look(r.runs, r.memory + r.runs * (MOST_PER_RUN + 1_000), 9, 4, 0) for r in flat]
    assert abs(growth(flat)) < 1_000
    assert growth(leak) > MOST_PER_RUN


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="what a process holds is read in /proc")
@pytest.mark.filterwarnings("ignore")
def test_memory_stays_flat_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [tmp_path / name for name in ("here", "temporary", "home", "runs")]
    for place in places:
        place.mkdir()
    monkeypatch.chdir(places[0])
    monkeypatch.setenv("TMPDIR", str(places[1]))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("HOME", str(places[2]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(places[2] / "cache"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "torch"))  # torch makes it when it is first traced, empty, once a user
    importlib.import_module("torch._dynamo")  # 70 MB that stay, from the first certificate on
    began = said = time.monotonic()
    looks: list[Look] = []
    kinds: Counter[str] = Counter()
    runs = 0
    while (now := time.monotonic()) - began < SECONDS:
        kinds[soak_one(f"{SEED} {runs}", places[3] / str(runs))] += 1
        runs += 1
        assert not (left := everything(*places)), f"run {SEED} {runs - 1} left {sorted(left)}"
        if now - said > min(60.0, SECONDS / 30):
            said, found = now, look(runs)
            say(f"{now - began:.0f} s: {found}")
            if now - began > WARM:
                looks.append(found)
    first, last = looks[0], looks[-1]
    rate = growth(looks)
    say(f"{last}; {rate:.0f} bytes a run; {dict(kinds)}")
    assert last.files <= first.files
    assert last.threads <= first.threads
    assert last.children <= first.children
    assert runs > 3 * kinds["soak_audit refused"]
    assert rate * (last.runs - first.runs) < MOST_IN_ALL or rate < MOST_PER_RUN, (
        f"{rate:.0f} bytes a run over {last.runs - first.runs} runs"
    )
