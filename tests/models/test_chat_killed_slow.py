"""An audit of a language model killed by kill -9 at twenty random moments: what was answered is not sent again."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from chat_stub import Served, completion, serving

KILLS, ITEMS, AT_ONCE, PROBES = 20, 1500, 16, 16
PATIENCE = 60.0


def slowly(prompt: str) -> Served:
    time.sleep(0.005)
    return completion("yellow" if "lemon" in prompt else "no idea")


@pytest.mark.slow
def test_nothing_answered_is_sent_again_after_twenty_kills(tmp_path: Path) -> None:
    data = tmp_path / "q.jsonl"
    data.write_text("".join(json.dumps({"q": f"A lemon, {i}?", "a": "yellow"}) + "\n" for i in range(ITEMS)), encoding="utf-8")
    chance = random.Random(0)
    with serving(slowly) as stub:
        line = ["audit", "--model", f"chat:{stub.url}#m", "--data", f"jsonl:{data}?text=q&target=a", "--judge", "exact_match"]
        line += ["--shift", "casing(edits=1)", "--search", "one_draw", "--out", str(tmp_path / "run"), "--quiet"]
        run = [sys.executable, "-m", "shiftproof", *line]
        for _ in range(KILLS):
            before, wanted, started = len(stub.asked), chance.randint(10, 90), time.monotonic()
            running = subprocess.Popen(run, start_new_session=True, stderr=subprocess.DEVNULL)
            while len(stub.asked) < before + wanted and time.monotonic() < started + PATIENCE:
                time.sleep(0.002)
            assert running.poll() is None, "it ended before it was killed"
            running.send_signal(signal.SIGKILL)
            running.wait()
            time.sleep(0.05)  # the requests that are under way come to their end
        assert subprocess.run(run, check=False).returncode == 0
    found = json.loads((tmp_path / "run" / "audit.json").read_text(encoding="utf-8"))
    assert found["complete"]
    assert found["clean"]["n"] == ITEMS
    repeats = sum(count - 1 for count in Counter(stub.prompts).values())
    assert repeats - PROBES <= KILLS * AT_ONCE  # the probes are asked a second time to see whether answers are steady
    assert stub.most_at_once <= AT_ONCE
    assert found["sent"] >= len(stub.asked) - KILLS * AT_ONCE
    print(f"{repeats} of {len(stub.asked)} requests repeated a prompt, {PROBES} of them as probes")  # noqa: T201  # the measured figure
