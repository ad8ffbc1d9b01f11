"""Wall time of runs whose model only sleeps, in the own pool of processes, over what `benchmarks.scheduler` says of them.

Cells that sleep do not compete for cores; starts of workers do, as they import and load. The seconds of a start and of every cell are those
of the run with one worker just before, so that its own figure is 1 by construction. Seconds count from the last call of the model by the
process that hands out, to the last cell's file. They are wall time, so the load of the machine stands beside them.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

import shiftproof as sp
from benchmarks.scheduler import makespan
from benchmarks.timing import Figure

WORKERS = (1, 2, 4, 8)
SHARDS, ROWS, SECONDS = 10, 4, 0.5
SHIFTS = (*(f"gaussian_noise(severity={k})" for k in (1, 2, 3, 4, 5)), "brightness(severity=3)")
NET = f"""
import os
import time
from pathlib import Path

import torch


class Sleeps(torch.nn.Module):
    def forward(self, x):
        with Path(__file__).with_name("calls.txt").open("a") as calls:
            calls.write(f"{{os.getpid()}} {{time.time()}}\\n")
        time.sleep({SECONDS})
        return x.flatten(1)[:, :10] * 1.0


def sleeps():
    return Sleeps().eval()
"""


@dataclass(frozen=True)
class Watched:
    """What was seen of a run: seconds in all, until a worker first called the model, and of each cell where there was one worker."""

    seconds: float
    start: float
    cells: list[float]


def measure(repeats: int) -> list[Figure]:
    cores = len(os.sched_getaffinity(0))
    loads, starts = [], []
    shared: dict[int, list[tuple[float, float]]] = {workers: [] for workers in WORKERS}
    alone: dict[int, list[tuple[float, float]]] = {workers: [] for workers in WORKERS}
    for _ in range(repeats):
        one: Watched | None = None
        for workers in WORKERS:
            loads.append(os.getloadavg()[0])
            seen = watched(workers)
            one = one or seen
            waves, once = calibrated(one.cells)
            starts.append(one.start)
            shared[workers].append((seen.seconds, makespan(waves, workers, one.start, starts_at_once=cores, once=once)))
            alone[workers].append((seen.seconds, makespan(waves, workers, one.start, once=once)))
    return [
        *(_figure(workers, f"simulated, {cores} cores for the starts", shared[workers]) for workers in WORKERS),
        *(_figure(workers, "simulated, a core for each start", alone[workers]) for workers in WORKERS[1:]),
        _spread("wall time from the hand-out to a lone worker's first call", "a second", starts, 1.0),
        _spread("load of the machine in the minute before a run", f"its {cores} cores", loads, float(cores)),
    ]


def calibrated(cells: list[float]) -> tuple[list[list[float]], float]:
    """The two waves, and what a worker does once: before its first moved images it looks at the model's precision, by calls."""
    first, rest = cells[:SHARDS], cells[SHARDS:]
    usual = statistics.median(rest)
    return [first, [usual, *rest[1:]]], rest[0] - usual


def watched(workers: int) -> Watched:
    """One run of its own, from its files."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "nets.py").write_text(NET)
        draw = np.random.default_rng(0)
        rows = SHARDS * ROWS
        np.savez(home / "data.npz", x=draw.integers(0, 256, (rows, 1, 16, 16), dtype=np.uint8), y=draw.integers(0, 10, rows))
        sp.audit(
            f"{home / 'nets.py'}:sleeps",
            f"npz:{home / 'data.npz'}",
            suite=None,
            shifts=SHIFTS,
            searches=("one_draw",),
            shard_size=ROWS,
            backend="processes",
            workers=workers,
            out=home / "out",
            progress=False,
        )
        lines = [line.split() for line in (home / "calls.txt").read_text().splitlines()]
        ends = sorted(path.stat().st_mtime for path in (home / "out" / "cells").glob("*.parquet"))
    assert len(ends) == SHARDS * (1 + len(SHIFTS)), len(ends)
    began = max(float(when) for process, when in lines if int(process) == os.getpid()) + SECONDS
    first = min(float(when) for process, when in lines if int(process) != os.getpid())
    return Watched(ends[-1] - began, first - began, [after - before for before, after in pairwise([first, *ends])])


def _figure(workers: int, against: str, pairs: list[tuple[float, float]]) -> Figure:
    ratios = sorted(measured / simulated for measured, simulated in pairs)
    what = f"wall time of {SHARDS * (1 + len(SHIFTS))} sleeping cells, {workers} workers"
    middle = statistics.median(measured for measured, _ in pairs)
    return Figure(what, against, statistics.median(ratios), ratios[0], ratios[-1], middle, len(pairs))


def _spread(what: str, against: str, values: list[float], unit: float) -> Figure:
    shares = sorted(value / unit for value in values)
    return Figure(what, against, statistics.median(shares), shares[0], shares[-1], statistics.median(values), len(values))
