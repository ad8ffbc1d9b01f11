"""Commands killed at random moments, and what they leave: a folder that the same command goes on with, and no process."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from small_runs import table_of, timeless, write_nets

RUN = [sys.executable, "-m", "shiftproof"]
MARK = "SHIFTPROOF_TEST_MARK"
SECONDS = 5.0
"""How long after a kill a process may still be there."""
Words = Callable[[Path, Path], list[str]]


class Kind(NamedTuple):
    """A command by its nets and its output, and what must be the same after a kill as without."""

    words: Words
    result: Callable[[Path], Any]


def audited(out: Path) -> Any:
    """Every number, every example's verdict, and every picture."""
    found = json.loads((out / "audit.json").read_bytes())
    tables = {cell["key"]: {name: v.tolist() for name, v in table_of(out, cell["key"]).items()} for cell in found["cells"]}
    return [timeless(found["results"]), found["complete"], str(tables), sorted(path.name for path in (out / "gallery").iterdir())]


def trained(out: Path) -> Any:
    """The weights to the bit, and the curve."""
    found = json.loads((out / "training.json").read_bytes())
    weights = [(out / f"{name}.safetensors").read_bytes() for name in ("best", "last")]
    return [weights, timeless(found), sorted(path.name for path in out.iterdir())]


def defended(out: Path) -> Any:
    """The rows without what a clock says."""
    rows = json.loads((out / "defend.json").read_bytes())["rows"]
    return [{key: value for key, value in row.items() if key not in ("latency", "training_cost")} for row in rows]


def audit(*options: str) -> Words:
    """An audit of a few seconds."""

    def words(nets: Path, out: Path) -> list[str]:
        config = nets.with_name("run.toml")
        config.write_text("shard_size = 50\nlimit = 100\nbatch_size = 25\n")
        shifts = ["--shift", "linf(eps=0.1)", "--shift", "linf(eps=0.05)", "--shift", "rotation(degrees=20)"]
        how = ["--search", "one_draw", "--search", "best_of_n(n=5)", "--search", "auto_step(steps=20)"]
        return [
            "audit",
            "--model",
            f"{nets}:nearest",
            "--data",
            "digits:",
            "--config",
            str(config),
            *shifts,
            *how,
            "--out",
            str(out),
            "--quiet",
            *options,
        ]

    return words


def train(nets: Path, out: Path) -> list[str]:
    method = "adversarial(shift=linf(eps=0.1), search=gradient_ascent(steps=5))"
    words = ["train", f"{nets}:small", "--data", "digits:?split=train", "--method", method, "--epochs", "6", "--out", str(out)]
    return [*words, "--quiet"]


def defend(nets: Path, out: Path) -> list[str]:
    data = ["--data", "digits:", "--limit", "40", "--train-data", "digits:?split=train", "--epochs", "2"]
    moves = ["--threat", "linf(eps=0.1)", "--unseen", "l2(eps=0.5)", "--search", "gradient_ascent(steps=5)"]
    return ["defend", f"{nets}:small", *data, *moves, "--defence", "bit_depth(bits=3)", "--train", "trades", "--out", str(out)]


def severity(nets: Path, out: Path) -> list[str]:
    return [
        "severity",
        "--model",
        f"{nets}:nearest",
        "--shift",
        "rotation(degrees=60)",
        "--data",
        "digits:",
        "--limit",
        "100",
        "--out",
        str(out),
    ]


KINDS = {
    "audit": Kind(audit(), audited),
    "audit in processes": Kind(audit("--backend", "processes"), audited),
    "train": Kind(train, trained),
    "defend": Kind(defend, defended),
    "severity": Kind(severity, lambda out: (out / "severity.html").read_bytes()),
}


def start(words: Sequence[str], mark: str) -> subprocess.Popen[bytes]:
    """A command whose every process is known by a mark."""
    environment = {**os.environ, MARK: mark}
    return subprocess.Popen(
        [*RUN, *words], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def finish(words: Sequence[str]) -> float:
    """Runs a command to its end; the seconds it took."""
    began = time.monotonic()
    done = subprocess.run([*RUN, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def marked(mark: str) -> list[int]:
    """The processes that carry a mark, and are not just waiting to be buried."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes() and ") Z " not in (process / "stat").read_text():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def left_after(mark: str, seconds: float = SECONDS) -> list[int]:
    """The processes with the mark that are still there after so long."""
    until = time.monotonic() + seconds
    while (found := marked(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def killed_and_resumed(kind: Kind, folder: Path, chance: random.Random, most: float) -> tuple[float, list[int], Any]:
    """Kills a run at a random moment and goes on with it: when, which processes it left, and what came of it."""
    folder.mkdir()
    nets, out, mark = write_nets(folder), folder / "out", secrets.token_hex(8)
    out.mkdir()
    words = kind.words(nets, out)
    process, delay = start(words, mark), chance.uniform(0.2 * most, most)
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    orphans = left_after(mark)
    finish(words)
    return delay, orphans, kind.result(out)
