"""Low pass: only the coarse structure of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.frequency.radial import RadialFilter, below


@dataclass(frozen=True)
class LowPass(RadialFilter):
    """The frequencies below `radius`, clipped to the box.

    Args:
        radius: in (0, 1], as a share of the Nyquist frequency (half a cycle per pixel); smaller removes more.

    Guarantees:
        Each channel keeps its mean, except for clipping. `low_pass(r)` and `high_pass(r)` split the image in two: their `part`s sum to it.

    Example:
        >>> import torch
        >>> stripes = torch.tensor([0.0, 1.0]).repeat(4).expand(1, 1, 8, 8)  # the finest there are: distance 1
        >>> shift = LowPass(0.5)
        >>> shift.apply(stripes, shift.origin(stripes))[0, 0, 0]
        tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000])

    Reference: Wang et al. 2020, "High-frequency component helps explain the generalization of convolutional neural networks";
        Yin et al. 2019, "A Fourier perspective on model robustness in computer vision".
    """

    name: ClassVar[str] = "low_pass"

    radius: float

    def check(self) -> None:
        super().check()
        self.require("radius", within="(0, 1]", hint="It is a share of the Nyquist frequency.")

    def keeps(self, distance: Tensor) -> Tensor:
        return below(distance, self.radius)
