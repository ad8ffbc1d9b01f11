"""Deletion: each token is left out at random. Radii in edits: tokens put in, taken out or replaced."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.certificates.smoothing.noises.abstract import Noise
from shiftproof.data.space import UNIT_BOX, InputSpace
from shiftproof.randomness import Rng


@dataclass(frozen=True)
class Deletion(Noise):
    """Each token of a sequence is left out with probability `rate`; the others close up, and `pad` fills the end.

    A decision of probability p holds within r edits (insertion, deletion, substitution) if p > 3/2 - rate^r: all the tokens that differ are
    left out with probability at least rate^r, and then the two sequences cannot be told apart.

    Args:
        rate: chance of leaving a token out, in (0, 1). Radii of a few edits need one near 1.
        pad: the number that stands for no token. It is never left out, and the model must not tell one length of padding from another.

    Guarantees: for sequences of any lengths that the model takes. x is of shape (n, length), whole numbers.

    >>> round(Deletion(0.9).needed(2, features=100), 4)
    0.69

    Reference: Huang et al. 2023 [huang2023rsdel], "RS-Del: edit distance robustness certificates for sequence classifiers via randomized
    deletion".
    """

    name: ClassVar[str] = "deletion"
    whole: ClassVar[bool] = True

    rate: float
    pad: int = 0

    def check(self) -> None:
        if not 0 < self.rate < 1:
            raise must("rate", self.name, "be in (0, 1)", self.rate, "It is the chance of leaving a token out.")

    def needed(self, radius: float, features: int) -> float:
        del features
        return 1.5 - self.rate ** math.ceil(radius)

    def add(self, x: Tensor, rng: Rng, space: InputSpace = UNIT_BOX) -> Tensor:
        del space
        kept = (rng.uniform(*x.shape[1:]).to(x.device) >= self.rate) & (x != self.pad)
        order = (~kept).long().argsort(dim=1, stable=True)
        return x.masked_fill(~kept, self.pad).gather(1, order)
