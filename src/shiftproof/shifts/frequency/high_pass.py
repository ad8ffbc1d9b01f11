"""Only the fine: edges and textures, which a person hardly sees and a network may live on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.shifts.frequency.radial import Centred, below


@dataclass(frozen=True)
class HighPass(Centred):
    """The frequencies at `radius` and beyond, around the middle of the box, clipped to it.

    Args:
        radius: in (0, 1], as a share of the Nyquist frequency (half a cycle a pixel); larger removes more.
        std: standard deviation that each image is scaled to, as a share of the box's width, in [0, 0.5]; 0 leaves it as it is.

    The mean goes with the low frequencies. The papers hand the rest, of mean 0, to a model of inputs centred at 0; in a box that is the
    middle (mid-grey), not its dark end, where half of the signal would be clipped.

    Guarantees:
        `low_pass(r)` and `high_pass(r)` split the image in two: their `part`s add up to it.

    Example:
        >>> import torch
        >>> plain = torch.full((1, 1, 8, 8), 0.9)
        >>> shift = HighPass(0.5)
        >>> shift.apply(plain, shift.origin(plain))[0, 0, 0]
        tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000])

    Reference: Wang et al. 2020, "High-frequency component helps explain the generalization of convolutional neural networks";
        Yin et al. 2019, "A Fourier perspective on model robustness in computer vision".
    """

    name: ClassVar[str] = "high_pass"
    strength: ClassVar[str] = "radius"

    radius: float
    std: float = 0.0

    def check(self) -> None:
        super().check()
        self.check_std(self.std)
        if not 0 < self.radius <= 1:
            raise must("radius", self.name, "be in (0, 1]", self.radius, "It is a share of the Nyquist frequency.")

    def spread(self) -> float:
        return self.std

    def keeps(self, distance: Tensor) -> Tensor:
        return ~below(distance, self.radius)
