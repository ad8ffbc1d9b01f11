"""The table of the page on several machines is what the simulation says, and the simulation is right where the answer is known."""

from __future__ import annotations

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
