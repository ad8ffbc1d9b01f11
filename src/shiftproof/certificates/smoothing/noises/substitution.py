"""Substitution: each token or category is replaced at random. Radii in positions that may change."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.certificates.smoothing.noises.abstract import Noise
from shiftproof.data.space import UNIT_BOX, InputSpace
from shiftproof.randomness import Rng


@dataclass(frozen=True)
class Substitution(Noise):
    """Each position keeps its category with probability 1 - `rate`, else takes one of the `categories` - 1 others, evenly.

    The p needed for r changed positions is the exact one: the least probability of a decision, over all models for which it is p at x, at
    an input that differs in r positions, is found by taking noisy copies in the order of their likelihood ratio (Neyman & Pearson). That
    ratio depends only on m, by how many of the r positions more the copy agrees with x than with the other.

    Args:
        rate: chance of a change, in (0, 1).
        categories: how many there are, at least 2: codes 0 to categories - 1.

    Guarantees: exact and tight for whole-number codes of shape (n, length).

    >>> round(Substitution(0.2, categories=2).needed(1, features=10), 4)
    0.875

    Reference: Lee et al. 2019 [lee2019tight], "Tight certificates of adversarial robustness for randomly smoothed classifiers".
    """

    name: ClassVar[str] = "substitution"
    whole: ClassVar[bool] = True

    rate: float
    categories: int

    def check(self) -> None:
        if not 0 < self.rate < 1:
            raise must("rate", self.name, "be in (0, 1)", self.rate, "It is the chance of a change.")
        if self.categories < 2:
            raise must("categories", self.name, "be at least 2", self.categories)

    def needed(self, radius: float, features: int) -> float:
        del features
        return _needed(math.ceil(radius), self.rate, self.categories)

    def add(self, x: Tensor, rng: Rng, space: InputSpace = UNIT_BOX) -> Tensor:
        del space
        length = x[0].numel()
        even = rng.uniform(2 * length).to(x.device)
        change = even[:, :length].reshape(x.shape) < self.rate
        jump = 1 + (even[:, length:].reshape(x.shape) * (self.categories - 1)).to(x.dtype).floor().clamp_max(self.categories - 2)
        return ((x + jump) % self.categories).where(change, x)


@lru_cache(maxsize=4096)
def _needed(changed: int, rate: float, categories: int) -> float:
    keep, other = 1 - rate, rate / (categories - 1)
    step = {1: keep, -1: other, 0: max(0.0, 1 - keep - other)}
    if other > keep:  # noise that changes most positions says more where copies disagree
        step = {1: other, -1: keep, 0: step[0]}
    agree = {0: 1.0}  # the distribution of m at x; at the other input it is that of -m
    for _ in range(changed):
        after: dict[int, float] = {}
        for m, chance in agree.items():
            for by, share in step.items():
                after[m + by] = after.get(m + by, 0.0) + chance * share
        agree = after
    here = there = 0.0
    for m in sorted(agree, reverse=True):
        if there + agree.get(-m, 0.0) > 0.5:
            return here + agree[m] * (0.5 - there) / agree[-m]
        here, there = here + agree[m], there + agree.get(-m, 0.0)
    return 1.0
