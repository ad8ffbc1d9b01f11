"""The votes of the base model on noisy copies of the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from shiftproof._arrays import Ints
from shiftproof._errors import must
from shiftproof.certificates.smoothing.noises.abstract import Noise
from shiftproof.data.space import InputSpace
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng

LEAST_ROWS = 64
"""Noisy copies a pass of the model at the least: one example alone need not be slow."""


@dataclass(frozen=True, eq=False)
class Votes:
    """Asks the base model about noisy copies of x of shape (n, ...); examples and draws share its passes.

    Guarantees: draw number d of an example depends only on its stream and d, not on the other examples or the passes.
    """

    model: Labels
    noise: Noise
    space: InputSpace
    x: Tensor
    rng: Rng

    def __post_init__(self) -> None:
        if len(self.rng) != len(self.x):
            raise must("rng", "smoothing", f"have one stream for each of the {len(self.x)} examples", len(self.rng))

    def labels(self, rows: Ints, purpose: str, start: int, stop: int) -> Ints:
        """Answers on draws start to stop - 1 of the examples at `rows`, shape (len(rows), stop - start).

        Draws of one `purpose` are independent of those of another.
        """
        count = stop - start
        streams = self.rng[rows].child("smoothing", purpose).each(start, stop)
        owner = torch.from_numpy(np.repeat(rows, count)).to(self.x.device)
        size = max(LEAST_ROWS, len(self.x))
        answers = np.empty(len(owner), dtype=np.int64)
        with torch.no_grad():
            for begin in range(0, len(owner), size):
                part = slice(begin, begin + size)
                noisy = self.noise.add(self.x[owner[part]], streams[part], self.space)
                answers[part] = self.model.labels(noisy.to(self.model.device)).cpu().numpy()
        return answers.reshape(len(rows), count)

    def agreeing(self, rows: Ints, label: Ints, start: int, stop: int) -> Ints:
        """How many of the draws start to stop - 1 of the examples at `rows` are answered with their `label`, shape (len(rows),)."""
        if not len(rows):
            return np.zeros(0, dtype=np.int64)
        most = max(1, 2**22 // len(rows))  # answers held at once
        ends = [*range(start, stop, most), stop]
        found = np.zeros(len(rows), dtype=np.int64)
        for one, two in pairwise(ends):
            found += (self.labels(rows, "estimate", one, two) == label[:, None]).sum(1)
        return found


def most_frequent(answers: Ints) -> tuple[Ints, Ints]:
    """The most frequent answer of each row, the smaller one of two, and by how many answers it leads; each of shape (n,)."""
    first = np.zeros(len(answers), dtype=np.int64)
    lead = np.zeros(len(answers), dtype=np.int64)
    for row, given in enumerate(answers):
        labels, counts = np.unique(given, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        first[row] = labels[order[0]]
        lead[row] = counts[order[0]] - (counts[order[1]] if len(order) > 1 else 0)
    return first, lead
