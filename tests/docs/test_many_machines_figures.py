"""The table of the page on several machines is what the simulation says, and the simulation is right where the answer is known."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product

import pytest

from benchmarks.scheduler import IMAGENET, Plan, makespan, table
from repository import ROOT


def test_the_page_shows_what_the_simulation_says() -> None:
    page = (ROOT / "docs" / "guide" / "many-machines.md").read_text(encoding="utf-8")
    for workers, hours, used in table():
        assert f"| {workers} | {hours:.2f} | {used:.0%} |" in page
    assert f"{len(IMAGENET.cells)} cells" in page


def test_one_worker_takes_the_sum_and_enough_workers_the_longest_of_each_wave() -> None:
    waves = [[1.0, 2.0], [5.0, 3.0, 4.0]]
    assert makespan(waves, 1) == pytest.approx(15.0)
    assert makespan(waves, 3) == pytest.approx(2.0 + 5.0)
    assert makespan(waves, 2, start=10.0, each=0.5) == pytest.approx(10.0 + 2.5 + 3.5 + 4.5)


def test_shards_cover_every_image_once() -> None:
    first, rest = Plan(images=1001, unmoved=1.0, cells=[2.0, 3.0], shard=500).waves()
    assert first == [500.0, 500.0, 1.0]
    assert sum(rest) == pytest.approx(5.0 * 1001)


def ticked(waves: list[list[float]], workers: int, start: int, cores: int) -> Fraction:
    """The same by small steps of time: whoever starts gets an equal share of the cores, a core at most; then each takes the next cell."""
    step = Fraction(1, 12)
    loading, busy = [Fraction(start)] * workers, [Fraction(0)] * workers
    now = Fraction(0)
    for wave in waves:
        left = [Fraction(cell) for cell in wave]
        while left or any(busy):
            for k in range(workers):
                if left and not loading[k] and not busy[k]:
                    busy[k] = left.pop(0)
            starting = sum(map(bool, loading))
            share = min(Fraction(1), Fraction(cores, starting)) if starting else Fraction(0)
            loading = [max(Fraction(0), each - share * step) for each in loading]
            busy = [max(Fraction(0), each - step) for each in busy]
            now += step
    return now


def test_starts_that_share_cores_agree_with_small_steps_of_time() -> None:
    waves = [[1.0, 2.0], [3.0, 1.0, 2.0]]
    for workers, cores, start in product((1, 2, 3, 4), (1, 2, 3, 4), (1, 2)):
        assert makespan(waves, workers, start, starts_at_once=cores) == pytest.approx(float(ticked(waves, workers, start, cores)))
        assert makespan(waves, workers, start, starts_at_once=cores, once=0.5) == pytest.approx(
            makespan(waves, workers, start, starts_at_once=cores) + 0.5
        )


def test_the_page_shows_how_far_measured_runs_were_from_the_simulation() -> None:
    page = (ROOT / "docs" / "guide" / "many-machines.md").read_text(encoding="utf-8")
    path = ROOT / "benchmarks" / "results" / "0.1.0" / "sleeping_runs--x86_64--cpu.json"
    found = json.loads(path.read_text(encoding="utf-8"))["figures"]
    shared, alone = ([each for each in found if each["against"].endswith(end)] for end in ("cores for the starts", "a core for each start"))
    for one, other in zip(shared[1:], alone, strict=True):
        workers = other["what"].split()[-2]
        told = [f"{each['ratio']:.2f} ({each['low']:.2f} to {each['high']:.2f})" for each in (one, other)]
        assert f"| {workers} | {one['seconds']:.1f} s | {told[0]} | {told[1]} |" in page
    first = shared[0]
    assert f"{first['what'].split()[3]} sleeping cells" in page
    assert f"one worker took {first['seconds']:.1f} s" in page
    start, load = found[-2:]
    assert f"{start['low']:.1f} to {start['high']:.1f} s" in page
    assert f"{load['low']:.1f} to {load['high']:.1f} times its cores" in page
