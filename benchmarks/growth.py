"""How CPU time grows with examples, cells and runs, as a share of proportional growth: above 1 it grows faster than they do.

Audits are of a linear model under three shifts, in one process. Leaderboards are of copies of one run under other names, as `leaderboard`
reads and ranks them: their verdicts are equal, so that every pair is compared.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch

import shiftproof as sp
from benchmarks.timing import Figure, cpu
from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.leaderboard.measured import find_audits, verdicts_of
from shiftproof.records.audit import read_audit
from shiftproof.records.document import write_document

FEATURES = 16
SHIFTS = ("linf(eps=0.1)", "gaussian_noise(severity=3)", "l2(eps=0.3)")
EXAMPLES, CELLS, RUNS = (1_000, 4_000, 16_000), (3, 30, 120), (10, 100, 1_000)


def measure(repeats: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        examples = [_seconds(lambda n=n: _audit(home, n, n), repeats) for n in EXAMPLES]  # type: ignore[misc]
        cells = [_seconds(lambda count=count: _audit(home, 2_400, 2_400 * len(SHIFTS) // count), repeats) for count in CELLS]  # type: ignore[misc]
        run = _audit(home, 200, 200, out=home / "run")
        runs = []
        for count in RUNS:
            _copies(run, home / f"runs{count}", count)
            runs.append(_seconds(lambda count=count: _rank(home / f"runs{count}"), min(repeats, 2)))  # type: ignore[misc]
    return [
        *_growth("examples of an audit", EXAMPLES, examples),
        *_growth("cells", CELLS, cells),
        *_growth("runs of a leaderboard", RUNS, runs),
    ]


def _growth(what: str, sizes: tuple[int, ...], seconds: list[list[float]]) -> list[Figure]:
    """Each size against the one before it, in units of proportional growth."""
    found = []
    for k in range(1, len(sizes)):
        ratios = sorted(b / a * sizes[k - 1] / sizes[k] for a, b in zip(seconds[k - 1], seconds[k], strict=True))
        middle, spent = ratios[len(ratios) // 2], sorted(seconds[k])[len(seconds[k]) // 2]
        found.append(Figure(f"{sizes[k]:,} {what}", f"{sizes[k - 1]:,}, proportionally", middle, ratios[0], ratios[-1], spent, len(ratios)))
    return found


def _seconds(work: object, repeats: int) -> list[float]:
    assert callable(work)
    return [cpu(work) for _ in range(repeats)]


def _audit(home: Path, n: int, shard: int, out: Path | None = None) -> Path:
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(n, FEATURES, generator=draw)
    net = torch.nn.Linear(FEATURES, 3).eval()
    with torch.no_grad():
        net.weight.copy_(torch.randn(3, FEATURES, generator=draw))
        y = net(x).argmax(1)
    folder = out or Path(tempfile.mkdtemp(dir=home))
    sp.audit(net, sp.examples(x, y), suite=None, shifts=SHIFTS, searches=("best_of_n(n=5)",), shard_size=shard, out=folder, progress=False)
    return folder


def _copies(run: Path, folder: Path, count: int) -> None:
    audit = read_audit(run)
    for k in range(count):
        there = folder / f"{k:04}"
        shutil.copytree(run / "cells", there / "cells", copy_function=lambda source, target: Path(target).hardlink_to(source))
        model = audit.model.model_copy(update={"name": f"net{k}", "fingerprint": f"{k:020}"})
        write_document(there / "audit.json", audit.model_copy(update={"model": model}), "audit")


def _rank(folder: Path) -> None:
    make_leaderboard(find_audits([folder]), verdicts=verdicts_of)
