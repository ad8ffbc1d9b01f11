"""How long a plan takes on so many workers: a simulation of how runs hand out their cells, in seconds of arithmetic.

    python -m benchmarks.scheduler

Each worker takes the next cell when it is free, the cells of the unmoved images first, and the others when those are done, as a run does.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """A run over `images`: seconds an image takes in each kind of cell, cut into shards of so many images."""

    images: int
    unmoved: float
    cells: Sequence[float]
    shard: int

    def waves(self) -> list[list[float]]:
        """The seconds of every cell of the two waves, in their order."""
        sizes = [min(self.shard, self.images - start) for start in range(0, self.images, self.shard)]
        return [[self.unmoved * size for size in sizes], [each * size for each in self.cells for size in sizes]]


def makespan(
    waves: Sequence[Sequence[float]],
    workers: int,
    start: float = 0.0,
    each: float = 0.0,
    *,
    starts_at_once: int | None = None,
    once: float = 0.0,
) -> float:
    """Seconds until all is done.

    Args:
        waves: the seconds of the cells; a wave begins when the one before it is done.
        workers: all are started at the beginning.
        start: what a worker that starts by itself takes to load the model.
        each: what handing out and writing a cell costs.
        starts_at_once: as many starts as there are cores for; more of them share these, so that all take longer. None: a core for each.
        once: what a worker waits once beside its start, without a core.
    """
    share = 1.0 if starts_at_once is None else max(1.0, workers / starts_at_once)
    free = [start * share + once] * workers
    for wave in waves:
        for seconds in wave:
            heapq.heapreplace(free, free[0] + seconds + each)
        free = [max(free)] * workers
    return free[0]


PASS = 1 / 400
"""Seconds of a forward and a backward of ResNet-50 on one image of 224 pixels, batches of 64, on an accelerator that does 400 a second."""
IMAGENET = Plan(
    images=50_000,
    unmoved=PASS / 3,
    cells=[PASS / 3] * 31 + [PASS * 5] * 5 + [PASS * 150] * 6,
    shard=500,
)
"""The suite `standard`: 31 single draws, 5 short searches, and 6 cascades of about 150 passes for each image, as on small residual nets."""
START, EACH = 20.0, 0.3


def table() -> list[tuple[int, float, float]]:
    """Workers, hours, and the share of the workers' time that is put to use, for ImageNet's 50,000 images."""
    waves = IMAGENET.waves()
    work = sum(map(sum, waves))
    found = []
    for workers in (1, 8, 64, 256, 1024):
        taken = makespan(waves, workers, START, EACH)
        found.append((workers, taken / 3600, work / (taken * workers)))
    return found


if __name__ == "__main__":
    for workers, hours, used in table():
        print(f"{workers:5} workers {hours:7.2f} h, {used:.0%} of their time is used")
