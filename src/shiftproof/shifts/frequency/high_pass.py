"""High pass: edges and textures, which people hardly see and a network may rely on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.frequency.radial import Centred, below


@dataclass(frozen=True)
class HighPass(Centred):
    """The frequencies at `radius` and above, shown around the midpoint of the box and clipped to it.

    Args:
        radius: in (0, 1], as a share of the Nyquist frequency (half a cycle per pixel); larger removes more.
        std: standard deviation that each image is scaled to, as a share of the box's width, in [0, 0.5]; 0 does not scale.

    The mean is a low frequency and is removed. The papers give the rest, of mean 0, to a model of inputs centred at 0; in a box, 0
    corresponds to the midpoint (mid-grey). At the dark end of the box half of the signal would be clipped.

    Guarantees:
        `low_pass(r)` and `high_pass(r)` split the image in two: their `part`s sum to it.

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
        self.require("radius", within="(0, 1]", hint="It is a share of the Nyquist frequency.")

    def spread(self) -> float:
        return self.std

    def keeps(self, distance: Tensor) -> Tensor:
        return ~below(distance, self.radius)
