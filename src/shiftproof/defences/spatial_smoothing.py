"""A median filter of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.space import InputSpace, Kind
from shiftproof.defences.abstract import InputTransformation
from shiftproof.randomness import Rng


def median(x: Tensor, window: int, owner: str) -> Tensor:
    """Each pixel the median of a window x window square, mirrored at the edges; of an even number the lower of the middle two."""
    if x.dim() != 4 or min(x.shape[2:]) < window:
        raise UsageError(f"The defence {owner} takes images of at least {window} x {window} pixels, got inputs of shape {tuple(x.shape)}.")
    before = (window - 1) // 2
    after = window - 1 - before
    padded = F.pad(x, (before, after, before, after), mode="reflect")
    return padded.unfold(2, window, 1).unfold(3, window, 1).flatten(4).median(4).values


@dataclass(frozen=True)
class SpatialSmoothing(InputTransformation):
    """Each pixel becomes the median of its window, channel by channel.

    Args:
        window: pixels per side, from 2 to 11; the paper takes 2 or 3.

    Guarantees:
        None: it takes away moves of single pixels, and a search that follows its gradient, which goes to the pixel that is the median,
        makes others.
    Differentiable: yes, almost everywhere. Cost: one filter.

    Reference: Xu, Evans & Qi 2018, "Feature squeezing: detecting adversarial examples in deep neural networks".
    """

    name: ClassVar[str] = "spatial_smoothing"
    aliases: ClassVar[tuple[str, ...]] = ("median_smoothing",)
    family: ClassVar[str] = "squeezing"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = ("xu2018feature",)

    window: int = 2

    def check(self) -> None:
        if not 2 <= self.window <= 11:
            raise must("window", self.name, "be from 2 to 11", self.window, "It is pixels per side.")

    def step(self, x: Tensor, space: InputSpace, rng: Rng) -> Tensor:
        del space, rng
        return median(x, self.window, self.name)
